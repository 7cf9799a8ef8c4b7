//! The buttons of the owner's panel: each takes a small form, lets the parlour or the host do it, and answers with a
//! fragment. Who is no owner, or comes without the session's token, is turned away before any of this.

use axum::Json;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use teahouse_adapters::parlour::{ParlourError, SeatRole, Skin};
use teahouse_core::{ChatId, MemberId, parse_nano};

use super::panel;
use super::rooms::{Asked, Rooms};
use super::session::OwnerSession;
use crate::parlour::{ChooseError, clock_mode};
use crate::script::Script;

#[derive(Deserialize)]
pub(super) struct NewSeatForm {
    name: String,
    role: String,
}

/// A seat is made: a fragment with its link for the panel, JSON for the page's own script.
pub(super) async fn new_seat(
    State(rooms): State<Rooms>,
    _session: OwnerSession,
    Path(room): Path<String>,
    headers: HeaderMap,
    Form(form): Form<NewSeatForm>,
) -> Response {
    let language = rooms.language(&Asked::default(), &headers);
    let role = SeatRole::of(&form.role).unwrap_or(SeatRole::Member);
    let new = match rooms
        .parlour()
        .sit(&ChatId::new(room.as_str()), &form.name, role)
        .await
    {
        Ok(new) => new,
        Err(error) => return rooms.refuse(language, &error),
    };
    let (seat, token) = (new.seat, new.token.reveal());
    match headers.contains_key("hx-request") {
        true => {
            let here = own_address(&headers);
            let link = format!("{here}/parlour/{room}/seat/{seat}#{token}");
            made(
                panel::new_seat(language, &link),
                json!({ "seat": seat, "token": token }),
            )
        }
        false => Json(json!({ "seat": seat, "token": token })).into_response(),
    }
}

#[derive(Default, Deserialize)]
pub(super) struct SeatForm {
    role: Option<String>,
    name: Option<String>,
    minutes: Option<u32>,
    why: Option<String>,
}

pub(super) async fn change_seat(
    State(rooms): State<Rooms>,
    session: OwnerSession,
    Path((room, seat, what)): Path<(String, String, String)>,
    headers: HeaderMap,
    Form(form): Form<SeatForm>,
) -> Response {
    let (parlour, id, seat) = (
        rooms.parlour(),
        ChatId::new(room.as_str()),
        MemberId::new(seat),
    );
    let text = |field: Option<String>| field.unwrap_or_default();
    let done = match what.as_str() {
        "role" => match SeatRole::of(&text(form.role)) {
            Some(role) => parlour.set_role(&id, &seat, role).await,
            None => Err(ParlourError::NotAllowed),
        },
        "name" => parlour.rename(&id, &seat, &text(form.name)).await,
        "mute" => {
            let seconds = form.minutes.unwrap_or(1).saturating_mul(60);
            parlour.mute(&id, &seat, seconds).await
        }
        "remove" => parlour.remove(&id, &seat, &text(form.why)).await,
        "back" => parlour.back(&id, &seat).await,
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    rooms
        .done(&room, &headers, &session, seat.as_str(), done)
        .await
}

#[derive(Deserialize)]
pub(super) struct ClockForm {
    to: String,
}

pub(super) async fn set_clock(
    State(rooms): State<Rooms>,
    session: OwnerSession,
    Path(room): Path<String>,
    headers: HeaderMap,
    Form(form): Form<ClockForm>,
) -> Response {
    let id = ChatId::new(room.as_str());
    let now = rooms.clock.now();
    let done = match rooms.parlour().clock(&id) {
        Ok(shown) => {
            let zone = rooms.zone(&id);
            let to = match form.to.as_str() {
                "turn" if is_night(&zone.clock(shown)) => "14:00",
                "turn" => "23:30",
                to => to,
            };
            match clock_mode(to, &zone, now, shown) {
                Some(mode) => rooms.parlour().set_clock(&id, mode).await.map(|_| ()),
                None => Err(ParlourError::NotAllowed),
            }
        }
        Err(error) => Err(error),
    };
    rooms.done(&room, &headers, &session, "", done).await
}

/// As the page's script tints it.
fn is_night(clock: &str) -> bool {
    !("06".."20").contains(&clock)
}

#[derive(Deserialize)]
pub(super) struct SkinForm {
    skin: Skin,
}

pub(super) async fn set_skin(
    State(rooms): State<Rooms>,
    session: OwnerSession,
    Path(room): Path<String>,
    headers: HeaderMap,
    Form(form): Form<SkinForm>,
) -> Response {
    let id = ChatId::new(room.as_str());
    let done = rooms.parlour().set_skin(&id, form.skin).await;
    rooms.done(&room, &headers, &session, "", done).await
}

#[derive(Deserialize)]
pub(super) struct GuestsForm {
    limit: String,
}

pub(super) async fn set_guests_limit(
    State(rooms): State<Rooms>,
    session: OwnerSession,
    Path(room): Path<String>,
    headers: HeaderMap,
    Form(form): Form<GuestsForm>,
) -> Response {
    let id = ChatId::new(room.as_str());
    let done = match parse_nano(form.limit.trim()) {
        Ok(limit) => rooms.parlour().set_guests_limit(&id, limit).await,
        Err(_) => Err(ParlourError::NotAllowed),
    };
    rooms.done(&room, &headers, &session, "", done).await
}

#[derive(Deserialize)]
pub(super) struct TitleForm {
    title: String,
}

pub(super) async fn set_title(
    State(rooms): State<Rooms>,
    session: OwnerSession,
    Path(room): Path<String>,
    headers: HeaderMap,
    Form(form): Form<TitleForm>,
) -> Response {
    let done = rooms
        .parlour()
        .set_title(&ChatId::new(room.as_str()), &form.title)
        .await;
    rooms.done(&room, &headers, &session, "", done).await
}

pub(super) async fn new_room(
    State(rooms): State<Rooms>,
    _session: OwnerSession,
    headers: HeaderMap,
    Form(form): Form<TitleForm>,
) -> Response {
    let language = rooms.language(&Asked::default(), &headers);
    let id = ChatId::new(format!("{:08x}", rand::random::<u32>()));
    match rooms.parlour().create_room(&id, &form.title).await {
        Ok(()) => made(
            panel::new_room(language, &format!("{}/parlour/{id}", own_address(&headers))),
            json!({}),
        ),
        Err(error) => rooms.refuse(language, &error),
    }
}

#[derive(Deserialize)]
pub(super) struct ModelForm {
    choice: String,
    #[serde(default)]
    fault: String,
}

pub(super) async fn set_model(
    State(rooms): State<Rooms>,
    session: OwnerSession,
    Path(room): Path<String>,
    headers: HeaderMap,
    Form(form): Form<ModelForm>,
) -> Response {
    let id = ChatId::new(room.as_str());
    let fault = Some(form.fault.as_str()).filter(|fault| !fault.is_empty());
    let done = match rooms.stage.models.choose(&id, &form.choice, fault).await {
        Ok(()) => Ok(()),
        Err(ChooseError::Parlour(error)) => Err(error),
        Err(ChooseError::Unknown { .. } | ChooseError::Fault(_)) => Err(ParlourError::NotAllowed),
    };
    rooms.done(&room, &headers, &session, "", done).await
}

pub(super) async fn invite(
    State(rooms): State<Rooms>,
    _session: OwnerSession,
    Path(room): Path<String>,
    headers: HeaderMap,
) -> Response {
    let language = rooms.language(&Asked::default(), &headers);
    match rooms.parlour().invite(&ChatId::new(room.as_str())).await {
        Ok(invitation) => {
            let (here, token) = (own_address(&headers), invitation.token.reveal());
            panel::invitation(language, &format!("{here}/parlour/{room}/join#{token}"))
        }
        Err(error) => rooms.refuse(language, &error),
    }
}

pub(super) async fn revoke(
    State(rooms): State<Rooms>,
    session: OwnerSession,
    Path(room): Path<String>,
    headers: HeaderMap,
) -> Response {
    let done = rooms.parlour().revoke(&ChatId::new(room.as_str())).await;
    rooms.done(&room, &headers, &session, "", done).await
}

#[derive(Deserialize)]
pub(super) struct ScriptForm {
    script: String,
}

/// Plays a script in a room of its own, to its end also when nobody waits for it.
pub(super) async fn play(
    State(rooms): State<Rooms>,
    _session: OwnerSession,
    headers: HeaderMap,
    Form(form): Form<ScriptForm>,
) -> Response {
    let language = rooms.language(&Asked::default(), &headers);
    let script: Script = match form.script.parse() {
        Ok(script) => script,
        Err(error) => return panel::played(language, None, &format!("{error}")),
    };
    let Ok(turn) = rooms.playing.clone().try_lock_owned() else {
        return panel::refused(language, StatusCode::TOO_MANY_REQUESTS);
    };
    let stage = rooms.stage.clone();
    let played = rooms.tasks.spawn(async move {
        let played = stage.play(&script).await;
        drop(turn);
        played
    });
    match played.await {
        Ok(played) => {
            let wrong: String = played
                .failed
                .iter()
                .map(|error| format!("\n✗ {error}"))
                .collect();
            let transcript = played.transcript.join("\n") + &wrong;
            panel::played(language, Some(played.is_well()), &transcript)
        }
        Err(_) => panel::refused(language, StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// Tells the page's script what was made: its form is empty again, and the owner's tab may sit on a new seat.
fn made(mut answer: Response, what: serde_json::Value) -> Response {
    let event = json!({ "made": what }).to_string();
    if let Ok(event) = HeaderValue::try_from(event) {
        answer.headers_mut().insert("hx-trigger", event);
    }
    answer
}

/// How the owner's browser reaches us: what a link for others begins with. The guard has checked both headers.
fn own_address(headers: &HeaderMap) -> String {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    match (text(header::ORIGIN), text(header::HOST)) {
        (Some(origin), _) => origin.to_owned(),
        (None, host) => format!("http://{}", host.unwrap_or("localhost")),
    }
}
