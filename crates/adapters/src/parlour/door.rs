//! The parlour's part of the one port: a socket a tab, pictures in and out, a seat for a guest. A seat is proved by its
//! token in the hello or in a header, never by a cookie, so no foreign page can use it; a foreign `Origin` is refused
//! all the same.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::rejection::FormRejection;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{DefaultBodyLimit, Form, Path, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, HOST, ORIGIN, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;
use teahouse_core::{ChatId, MemberId};
use tracing::error;

use super::metadata;
use super::picture::{self, LONGEST_PICTURE};
use super::room::Room;
use super::seat::TokenHash;
use super::wire::{Appeal, Join, Picture};
use super::{Parlour, ParlourError, socket};

/// The longest frame of a page.
const LONGEST_FRAME: usize = 32 * 1024;
const READ_BUFFER: usize = 4 * 1024;
/// More unwritten bytes than a welcome has end a socket.
const MOST_UNWRITTEN: usize = 8 * 1024 * 1024;
/// A picture comes within so long.
const UPLOAD: Duration = Duration::from_secs(60);
/// A guest's request is small.
const LONGEST_JOIN: usize = 4 * 1024;
/// So is an appeal, though a form writes nine bytes for each 字.
const LONGEST_APPEAL: usize = 8 * 1024;

const FOREIGN: (StatusCode, &str) = (StatusCode::FORBIDDEN, "This came from a foreign page.");
const NOBODY: (StatusCode, &str) = (StatusCode::UNAUTHORIZED, "This needs a seat.");
const NO_ROOM: (StatusCode, &str) = (StatusCode::NOT_FOUND, "There is no such room.");

/// The routes for tabs and guests.
pub fn routes(parlour: Arc<Parlour>) -> Router {
    Router::new()
        .route("/parlour/{room}/ws", get(knock))
        .route("/parlour/{room}/image", post(take_picture))
        .route("/parlour/{room}/media/{hash}", get(show_picture))
        .route("/parlour/{room}/join", post(join))
        .route(
            "/parlour/{room}/appeal",
            post(appeal).layer(DefaultBodyLimit::max(LONGEST_APPEAL)),
        )
        .with_state(parlour)
}

/// Whether a request comes from a page of this port, or from a program, which says no origin at all.
pub fn is_own_page(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else {
        return true;
    };
    let text = |value: &axum::http::HeaderValue| value.to_str().ok().map(str::to_ascii_lowercase);
    let (Some(origin), Some(host)) = (text(origin), headers.get(HOST).and_then(text)) else {
        return false;
    };
    let bare = origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"));
    bare == Some(host.as_str())
}

async fn knock(
    State(parlour): State<Arc<Parlour>>,
    Path(room): Path<String>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    if !is_own_page(&headers) {
        return sentence(FOREIGN.0, FOREIGN.1);
    }
    let Ok(room) = parlour.room(&ChatId::new(room)) else {
        return sentence(NO_ROOM.0, NO_ROOM.1);
    };
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    let sockets = parlour.sockets.clone();
    upgrade
        .max_message_size(LONGEST_FRAME)
        .max_frame_size(LONGEST_FRAME)
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(MOST_UNWRITTEN)
        .on_upgrade(move |socket| {
            sockets.track_future(Box::pin(socket::serve(parlour, room, socket)))
        })
}

async fn take_picture(
    State(parlour): State<Arc<Parlour>>,
    Path(room): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let (room, seat) = match seated(&parlour, room, &headers) {
        Ok(seated) => seated,
        Err((status, why)) => return sentence(status, why),
    };
    let allowed = {
        let mut state = room.state();
        let now = parlour.now();
        state
            .seat(&seat)
            .is_some_and(|seat| !seat.is_muted(now) && seat.may_say(now))
    };
    if !allowed {
        return sentence(
            StatusCode::TOO_MANY_REQUESTS,
            "Not so many pictures at once.",
        );
    }
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > LONGEST_PICTURE) {
        return too_long();
    }
    let bytes = match tokio::time::timeout(UPLOAD, to_bytes(body, LONGEST_PICTURE)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => return too_long(),
        Err(_) => return sentence(StatusCode::REQUEST_TIMEOUT, "The picture came too slowly."),
    };
    let bytes = match picture::look(&bytes) {
        Ok(kind) => metadata::without(kind, &bytes),
        Err(why) => return sentence(StatusCode::UNPROCESSABLE_ENTITY, why.sentence()),
    };
    match parlour.keep_picture(&bytes).await {
        Ok(Some(image)) => {
            parlour.waits_to_be_shown(&room, &image).await;
            Json(Picture { image }).into_response()
        }
        Ok(None) => sentence(
            StatusCode::INSUFFICIENT_STORAGE,
            "There is no more room for pictures here.",
        ),
        Err(error) => {
            error!(%error, "a picture could not be kept");
            sentence(
                StatusCode::INTERNAL_SERVER_ERROR,
                "The picture could not be kept.",
            )
        }
    }
}

async fn show_picture(
    State(parlour): State<Arc<Parlour>>,
    Path((room, hash)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let (room, _) = match seated(&parlour, room, &headers) {
        Ok(seated) => seated,
        Err((status, why)) => return sentence(status, why),
    };
    let here = room.state().has(&hash);
    let found = match here {
        true => picture::fetch(&parlour.media, &hash).await,
        false => None,
    };
    match found.map(|bytes| (picture::look(&bytes), bytes)) {
        Some((Ok(kind), bytes)) => (
            [
                (CONTENT_TYPE, kind.mime()),
                (X_CONTENT_TYPE_OPTIONS, "nosniff"),
                (CONTENT_DISPOSITION, "inline"),
                (CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
                (CACHE_CONTROL, "private, no-store"),
            ],
            bytes,
        )
            .into_response(),
        Some((Err(_), _)) | None => {
            sentence(StatusCode::NOT_FOUND, "That picture is not here any more.")
        }
    }
}

async fn join(
    State(parlour): State<Arc<Parlour>>,
    Path(room): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    if !is_own_page(&headers) {
        return sentence(FOREIGN.0, FOREIGN.1);
    }
    let read = tokio::time::timeout(UPLOAD, to_bytes(body, LONGEST_JOIN)).await;
    let asked = read
        .ok()
        .and_then(Result::ok)
        .and_then(|bytes: Bytes| serde_json::from_slice::<Join>(&bytes).ok());
    let Some(Join { invite, name }) = asked else {
        return sentence(
            StatusCode::BAD_REQUEST,
            "An invitation and a name are needed.",
        );
    };
    match parlour.join(&ChatId::new(room), &invite, &name).await {
        Ok(new) => Json(json!({"seat": new.seat, "token": new.token.reveal()})).into_response(),
        Err(error) => refused(&error),
    }
}

/// A form of the page; the seat's own page comes back, and says how it stands.
async fn appeal(
    State(parlour): State<Arc<Parlour>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Result<Form<Appeal>, FormRejection>,
) -> Response {
    if !is_own_page(&headers) {
        return sentence(FOREIGN.0, FOREIGN.1);
    }
    let Ok(Form(Appeal { proof, why })) = form else {
        return sentence(
            StatusCode::BAD_REQUEST,
            "A seat and a reason of at most 500 characters are needed.",
        );
    };
    let chat = ChatId::new(id.as_str());
    let Ok(room) = parlour.room(&chat) else {
        return sentence(NO_ROOM.0, NO_ROOM.1);
    };
    let seat = {
        let mut state = room.state();
        let seat = state.seat_of(&TokenHash::of(&proof));
        seat.map(|seat| MemberId::new(seat.kept.id.as_str()))
    };
    let Some(seat) = seat else {
        return sentence(NOBODY.0, NOBODY.1);
    };
    match parlour.appeal(&chat, &seat, &why).await {
        Ok(()) => Redirect::to(&format!("seat/{seat}")).into_response(),
        Err(error) => refused(&error),
    }
}

/// Whose token the header shows.
fn seated(
    parlour: &Parlour,
    room: String,
    headers: &HeaderMap,
) -> Result<(Arc<Room>, String), (StatusCode, &'static str)> {
    if !is_own_page(headers) {
        return Err(FOREIGN);
    }
    let shown = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Seat "));
    let token = TokenHash::of(shown.ok_or(NOBODY)?.trim());
    let room = parlour.room(&ChatId::new(room)).map_err(|_| NO_ROOM)?;
    let seat = {
        let mut state = room.state();
        let seat = state.seat_of(&token);
        seat.filter(|seat| seat.kept.removed.is_none())
            .map(|seat| seat.kept.id.clone())
    };
    Ok((room, seat.ok_or(NOBODY)?))
}

/// What the parlour says when it does not do something.
fn refused(error: &ParlourError) -> Response {
    let status = match error {
        ParlourError::NoRoom { .. } | ParlourError::NoSeat | ParlourError::NoMessage => {
            StatusCode::NOT_FOUND
        }
        ParlourError::BadInvitation | ParlourError::NotAllowed | ParlourError::TooLate => {
            StatusCode::FORBIDDEN
        }
        ParlourError::Full => StatusCode::CONFLICT,
        ParlourError::BadName | ParlourError::BadRoom { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        ParlourError::Log(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    sentence(status, &error.to_string())
}

fn too_long() -> Response {
    sentence(StatusCode::PAYLOAD_TOO_LARGE, "A picture has 5 MB at most.")
}

fn sentence(status: StatusCode, text: &str) -> Response {
    (
        status,
        [(X_CONTENT_TYPE_OPTIONS, "nosniff")],
        format!("{text}\n"),
    )
        .into_response()
}
