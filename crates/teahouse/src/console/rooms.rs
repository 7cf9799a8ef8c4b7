//! The pages of the doors and the parlour. A seat's page is given to everybody, for it says nothing: who sits there is
//! proved to the socket. The owner's page and panel are for the owner's session; their buttons are in `buttons.rs`.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use teahouse_adapters::parlour::{MAIN_ROOM, NewSeat, Parlour, ParlourError};
use teahouse_core::{ChatId, Currency, Language, Money, Nano, Zone};
use tokio_util::task::TaskTracker;

use super::buttons;
use super::owner::Owner;
use super::pages::{self, JoinWrong, Trouble};
use super::panel::{self, PanelView, SeatView};
use super::session::OwnerSession;
use super::strings;
use crate::clock::Clock;
use crate::script::Stage;

/// The longest form: a script.
const LONGEST_FORM: usize = 256 * 1024;
/// What is written for whoever opens the scripts for the first time.
const EXAMPLE: &str = include_str!("../../../../examples/parlour/first-cup.txt");

/// What the pages need to know.
#[derive(Clone)]
pub struct Rooms {
    /// Where people sit, who may answer there, and where scripts are played.
    pub stage: Stage,
    /// Whether the first door is open.
    pub owner: Arc<Owner>,
    /// Of a browser that asks for none that we speak.
    pub language: Language,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Scripts end well, whoever stopped to look.
    pub tasks: TaskTracker,
    /// One script at a time.
    pub playing: Arc<tokio::sync::Mutex<()>>,
}

/// The routes: what anybody may see, then what is the owner's.
pub fn routes(rooms: Rooms) -> Router {
    Router::new()
        .route(
            "/",
            get(|Query(asked): Query<Asked>| async move {
                let carried = strings::carried(asked.language());
                Redirect::to(&format!("/parlour/{MAIN_ROOM}{carried}"))
            }),
        )
        .route("/enter", get(enter))
        .route("/login", get(log_in))
        .route("/parlour/{room}/join", get(join))
        .route("/parlour/{room}/sit", get(join).post(sit))
        .route("/parlour/{room}/seat/{seat}", get(seat))
        .route("/parlour", post(buttons::new_room))
        .route("/parlour/{room}", get(room))
        .route("/parlour/{room}/panel", get(show_panel))
        .route("/parlour/{room}/panel/more", get(show_more))
        // A link that is shown once is gone when the panel was closed.
        .route(
            "/parlour/{room}/panel/made",
            get(|_: OwnerSession| async { Html("") }),
        )
        .route("/parlour/{room}/title", post(buttons::set_title))
        .route("/parlour/{room}/seats", post(buttons::new_seat))
        .route(
            "/parlour/{room}/seats/{seat}/{what}",
            post(buttons::change_seat),
        )
        .route("/parlour/{room}/clock", post(buttons::set_clock))
        .route("/parlour/{room}/skin", post(buttons::set_skin))
        .route("/parlour/{room}/model", post(buttons::set_model))
        .route("/parlour/{room}/guests", post(buttons::set_guests_limit))
        .route("/parlour/{room}/invite", post(buttons::invite))
        .route("/parlour/{room}/invite/revoke", post(buttons::revoke))
        .route("/parlour/{room}/script", post(buttons::play))
        .fallback(missing)
        .layer(DefaultBodyLimit::max(LONGEST_FORM))
        .with_state(rooms)
}

/// What an address asks for.
#[derive(Default, Deserialize)]
pub(super) struct Asked {
    lang: Option<String>,
}

impl Asked {
    fn language(&self) -> Option<Language> {
        strings::known(self.lang.as_deref()?)
    }
}

impl Rooms {
    pub(super) fn parlour(&self) -> &Parlour {
        &self.stage.parlour
    }

    /// The zone of the charter that a room lives under.
    pub(super) fn zone(&self, room: &ChatId) -> Zone {
        let charter = self.stage.host.charter_of(&self.parlour().address(room));
        charter.map_or_else(Zone::default, |charter| charter.zone.clone())
    }

    pub(super) fn language(&self, asked: &Asked, headers: &HeaderMap) -> Language {
        strings::language(asked.language(), headers, self.language)
    }

    fn show(&self, room: &str, language: Language, csrf: Option<&str>) -> Response {
        match self.parlour().room_card(&ChatId::new(room)) {
            Ok(card) => {
                let zone = String::from(self.zone(&card.room));
                // Who has no seat learns no title: the socket tells it with the welcome.
                let title = csrf.map_or("", |_| card.title.as_str());
                pages::room(language, room, title, &zone, csrf)
            }
            Err(_) => pages::trouble(language, Trouble::Missing),
        }
    }
}

async fn missing(
    State(rooms): State<Rooms>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    pages::trouble(rooms.language(&asked, &headers), Trouble::Missing)
}

/// The first door, as long as its code is good; the code itself comes in the fragment, which we never see.
async fn enter(
    State(rooms): State<Rooms>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let language = rooms.language(&asked, &headers);
    match rooms.owner.is_open().await {
        Ok(true) => pages::enter(language, "", None),
        Ok(false) => pages::trouble(language, Trouble::Owned),
        Err(error) => {
            tracing::error!(%error, "the first door could not be shown");
            pages::trouble(language, Trouble::Broken)
        }
    }
}

async fn log_in(
    State(rooms): State<Rooms>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    pages::login(rooms.language(&asked, &headers), None)
}

async fn join(
    State(rooms): State<Rooms>,
    Path(room): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let language = rooms.language(&asked, &headers);
    match rooms.parlour().room_card(&ChatId::new(room.as_str())) {
        Ok(_) => pages::join(language, &room, asked.language(), "", None),
        Err(_) => pages::trouble(language, Trouble::Missing),
    }
}

#[derive(Deserialize)]
struct Guest {
    code: String,
    name: String,
}

/// A guest sits down: the seat's link comes back, its token behind `#`.
async fn sit(
    State(rooms): State<Rooms>,
    Path(room): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    Form(guest): Form<Guest>,
) -> Response {
    let language = rooms.language(&asked, &headers);
    let id = ChatId::new(room.as_str());
    let joined = rooms.parlour().join(&id, guest.code.trim(), &guest.name);
    let wrong = match joined.await {
        Ok(NewSeat { seat, token }) => {
            let carried = strings::carried(asked.language());
            let link = format!("/parlour/{room}/seat/{seat}{carried}#{}", token.reveal());
            return Redirect::to(&link).into_response();
        }
        Err(ParlourError::NoRoom { .. }) => return pages::trouble(language, Trouble::Missing),
        Err(ParlourError::BadInvitation) => JoinWrong::Invitation,
        Err(ParlourError::Full) => JoinWrong::Full,
        Err(ParlourError::BadName) => JoinWrong::Name,
        Err(error) => {
            tracing::error!(%error, "a guest could not be seated");
            JoinWrong::Broken
        }
    };
    pages::join(language, &room, asked.language(), &guest.code, Some(wrong))
}

async fn seat(
    State(rooms): State<Rooms>,
    Path((room, _)): Path<(String, String)>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let language = rooms.language(&asked, &headers);
    rooms.show(&room, language, None)
}

async fn room(
    State(rooms): State<Rooms>,
    session: OwnerSession,
    Path(room): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let language = rooms.language(&asked, &headers);
    rooms.show(&room, language, Some(session.csrf()))
}

async fn show_panel(
    State(rooms): State<Rooms>,
    session: OwnerSession,
    Path(room): Path<String>,
    headers: HeaderMap,
) -> Response {
    rooms.panel(&room, &headers, &session, "").await
}

async fn show_more(
    State(rooms): State<Rooms>,
    session: OwnerSession,
    Path(room): Path<String>,
    headers: HeaderMap,
) -> Response {
    let language = rooms.language(&Asked::default(), &headers);
    match rooms.view(&room, session.csrf(), "").await {
        Ok(view) => panel::more(language, &view),
        Err(error) => rooms.refuse(language, &error),
    }
}

impl Rooms {
    /// The panel as it is now, the answer to most of its buttons, with one seat's card open.
    async fn panel(
        &self,
        room: &str,
        headers: &HeaderMap,
        session: &OwnerSession,
        open: &str,
    ) -> Response {
        let language = self.language(&Asked::default(), headers);
        match self.view(room, session.csrf(), open).await {
            Ok(view) => panel::panel(language, &view),
            Err(error) => self.refuse(language, &error),
        }
    }

    async fn view(&self, room: &str, csrf: &str, open: &str) -> Result<PanelView, ParlourError> {
        let id = ChatId::new(room);
        let card = self.parlour().room_card(&id)?;
        let time = self.zone(&id).clock(self.parlour().clock(&id)?);
        let seats = self.parlour().seat_cards(&id)?.into_iter();
        let seats = seats.map(|seat| SeatView {
            open: seat.seat.as_str() == open,
            id: seat.seat.to_string(),
            name: seat.name,
            role: seat.role.word(),
            muted: seat.muted_until.is_some(),
            removed: seat.removed.is_some(),
            appeal: seat.appeal.unwrap_or_default(),
        });
        let set_to = match card.shown.clock.mode {
            "set" => time.as_str(),
            mode => mode,
        };
        let address = self.parlour().address(&id);
        let guests = self.stage.host.guests_spent(&address).await;
        let guests = guests.unwrap_or_else(|error| {
            tracing::error!(%error, "what guests have spent could not be looked up");
            vec![]
        });
        let mut models = vec![String::new()];
        models.extend(self.stage.models.choices());
        let others = self.parlour().room_cards().into_iter();
        let others = others.filter(|other| other.room != id);
        Ok(PanelView {
            title: card.title,
            others: others
                .map(|other| (other.room.to_string(), other.title))
                .collect(),
            room: room.to_owned(),
            csrf: csrf.to_owned(),
            seats: seats.collect(),
            clock: set_to.to_owned(),
            time: time.clone(),
            skin: card.shown.skin.word(),
            models,
            model: card.shown.model.choice,
            fault: card.shown.model.fault.unwrap_or_default(),
            example: EXAMPLE.to_owned(),
            guests_limit: decimal(card.guests_limit),
            guests_spent: guests.iter().map(shown_money).collect(),
        })
    }

    pub(super) fn refuse(&self, language: Language, error: &ParlourError) -> Response {
        match error {
            ParlourError::NoRoom { .. } | ParlourError::NoSeat | ParlourError::NoMessage => {
                pages::trouble(language, Trouble::Missing)
            }
            ParlourError::Full => panel::refused(language, StatusCode::CONFLICT),
            ParlourError::BadName
            | ParlourError::BadRoom { .. }
            | ParlourError::BadInvitation
            | ParlourError::NotAllowed
            | ParlourError::TooLate => panel::refused(language, StatusCode::UNPROCESSABLE_ENTITY),
            ParlourError::Log(error) => {
                tracing::error!(%error, "the parlour's log does not keep what its owner changes");
                panel::refused(language, StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }

    /// What came of a button: the panel as it is now, or why not.
    pub(super) async fn done(
        &self,
        room: &str,
        headers: &HeaderMap,
        session: &OwnerSession,
        open: &str,
        done: Result<(), ParlourError>,
    ) -> Response {
        match done {
            Ok(()) => self.panel(room, headers, session, open).await,
            Err(error) => self.refuse(self.language(&Asked::default(), headers), &error),
        }
    }
}

/// An amount as people write it, with its currency's sign where we know one.
fn shown_money(money: &Money) -> String {
    let number = decimal(money.amount);
    match money.currency.as_str() {
        "CNY" => format!("¥{number}"),
        "USD" => format!("${number}"),
        other => format!("{number} {other}"),
    }
}

/// An amount without its currency.
fn decimal(amount: Nano) -> String {
    let text = Money {
        amount,
        currency: Currency::usd(),
    }
    .to_string();
    text.trim_end_matches(" USD").to_owned()
}
