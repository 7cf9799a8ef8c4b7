//! The owner's panel as fragments of HTML: who sits here, the clock, the model, invitations, scripts. It shows and
//! decides nothing; what a button does is the parlour's.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use qrcode::QrCode;
use qrcode::render::svg;
use teahouse_core::Language;

use super::pages::page;
use super::strings::{Words, words};

const ROLES: [&str; 6] = ["owner", "admin", "member", "newcomer", "lurker", "bot"];

/// What the panel shows.
#[derive(Clone, Debug, Default)]
pub struct PanelView {
    /// The room.
    pub room: String,
    /// Of the owner's session.
    pub csrf: String,
    /// Its title.
    pub title: String,
    /// The other rooms: id and title.
    pub others: Vec<(String, String)>,
    /// In the order they were taken.
    pub seats: Vec<SeatView>,
    /// `now`, `set` or `fast`.
    pub clock: String,
    /// `HH:MM` in the room.
    pub time: String,
    /// Which platform the room plays.
    pub skin: &'static str,
    /// What may be chosen.
    pub models: Vec<String>,
    /// What is chosen.
    pub model: String,
    /// The fault that is rehearsed; empty for none.
    pub fault: String,
    /// A script to begin with.
    pub example: String,
    /// What guests may cost together a day.
    pub guests_limit: String,
    /// What they have cost today, in each currency.
    pub guests_spent: Vec<String>,
}

/// A seat in the panel.
#[derive(Clone, Debug, Default)]
pub struct SeatView {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The wire's word for its role.
    pub role: &'static str,
    /// Its card is open.
    pub open: bool,
    /// May not speak now.
    pub muted: bool,
    /// Was asked to leave.
    pub removed: bool,
    /// What it says against either; empty if nothing.
    pub appeal: String,
}

impl SeatView {
    fn has(&self, role: &str) -> bool {
        self.role == role
    }
}

/// The panel.
pub fn panel(language: Language, view: &PanelView) -> Response {
    let w = words(language);
    let fragment = Panel {
        w,
        base: format!("/parlour/{}", view.room),
        view,
        clocks: [
            ("now", w.clock_now),
            ("14:00", w.clock_day),
            ("23:30", w.clock_night),
            ("fast", w.clock_fast),
        ],
        skins: [
            ("plain", w.skin_plain),
            ("qq", w.skin_qq),
            ("telegram", w.skin_telegram),
        ],
        faults: [
            ("", w.fault_none),
            ("delay=5s", w.fault_delay),
            ("429", w.fault_429),
            ("500", w.fault_500),
            ("hang", w.fault_hang),
            ("empty", w.fault_empty),
            ("long", w.fault_long),
            ("refusal", w.fault_refusal),
        ],
    };
    page(StatusCode::OK, &fragment)
}

/// The rest of the panel: what is typed into, and so never changes by itself.
pub fn more(language: Language, view: &PanelView) -> Response {
    let fragment = PanelMore {
        w: words(language),
        base: format!("/parlour/{}", view.room),
        view,
    };
    page(StatusCode::OK, &fragment)
}

/// A new seat: its link, shown once.
pub fn new_seat(language: Language, link: &str) -> Response {
    let w = words(language);
    made(w, w.seat_made, link, w.seat_open)
}

/// A new room and where it is.
pub fn new_room(language: Language, link: &str) -> Response {
    let w = words(language);
    made(w, w.room_made, link, w.room_open)
}

/// An invitation: its link, shown once.
pub fn invitation(language: Language, link: &str) -> Response {
    let w = words(language);
    made(w, w.invite_help, link, w.invite_open)
}

fn made(w: &'static Words, lead: &'static str, link: &str, words: &'static str) -> Response {
    let host = link.split('/').nth(2).unwrap_or_default();
    let here = ["127.", "localhost", "[::1]"]
        .iter()
        .any(|start| host.starts_with(start));
    let fragment = Made {
        w,
        lead,
        link,
        words,
        here,
        qr: qr(link, w.invite_qr),
    };
    page(StatusCode::OK, &fragment)
}

/// What a script came to. `passed` is none if it could not be read.
pub fn played(language: Language, passed: Option<bool>, transcript: &str) -> Response {
    let w = words(language);
    let fragment = Played {
        passed: passed == Some(true),
        verdict: match passed {
            Some(true) => w.script_pass,
            Some(false) => w.script_fail,
            None => w.script_wrong,
        },
        transcript,
    };
    page(StatusCode::OK, &fragment)
}

/// Why a button did nothing, where its answer would have been.
pub fn refused(language: Language, status: StatusCode) -> Response {
    let w = words(language);
    let fragment = Played {
        passed: false,
        verdict: match status {
            StatusCode::CONFLICT => w.join_full,
            StatusCode::TOO_MANY_REQUESTS => w.script_busy,
            StatusCode::UNPROCESSABLE_ENTITY => w.join_name_bad,
            _ => w.broken,
        },
        transcript: "",
    };
    page(status, &fragment)
}

/// Dark on light whatever the page's colours: cameras want it so. Nothing of the link is markup in it.
fn qr(link: &str, name: &str) -> String {
    let Ok(code) = QrCode::new(link.as_bytes()) else {
        return String::new();
    };
    let drawing = code
        .render::<svg::Color<'_>>()
        .min_dimensions(240, 240)
        .dark_color(svg::Color("#000"))
        .light_color(svg::Color("#fff"))
        .build();
    let start = drawing.find("<svg").unwrap_or_default();
    drawing[start..].replacen(
        "<svg ",
        &format!("<svg role=\"img\" aria-label=\"{name}\" "),
        1,
    )
}

#[derive(Template)]
#[template(path = "panel.html")]
struct Panel<'a> {
    w: &'static Words,
    base: String,
    view: &'a PanelView,
    clocks: [(&'static str, &'static str); 4],
    skins: [(&'static str, &'static str); 3],
    faults: [(&'static str, &'static str); 8],
}

#[derive(Template)]
#[template(path = "panel_more.html")]
struct PanelMore<'a> {
    w: &'static Words,
    base: String,
    view: &'a PanelView,
}

#[derive(Template)]
#[template(path = "made.html")]
struct Made<'a> {
    w: &'static Words,
    lead: &'static str,
    link: &'a str,
    words: &'static str,
    here: bool,
    qr: String,
}

#[derive(Template)]
#[template(path = "played.html")]
struct Played<'a> {
    passed: bool,
    verdict: &'static str,
    transcript: &'a str,
}

mod filters {
    //! Words for what is kept as a code.

    use super::Words;

    #[askama::filter_fn]
    pub(super) fn role_word(
        role: &str,
        _: &dyn askama::Values,
        w: &Words,
    ) -> askama::Result<&'static str> {
        Ok(match role {
            "owner" => w.role_owner,
            "admin" => w.role_admin,
            "newcomer" => w.role_newcomer,
            "lurker" => w.role_lurker,
            "bot" => w.role_bot,
            _ => w.role_member,
        })
    }

    #[askama::filter_fn]
    pub(super) fn model_word(
        model: &str,
        _: &dyn askama::Values,
        w: &Words,
    ) -> askama::Result<String> {
        Ok(match model {
            "" => w.model_house.into(),
            "local" => w.model_local.into(),
            "parrot" => w.model_parrot.into(),
            other => other.into(),
        })
    }
}
