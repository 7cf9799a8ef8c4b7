//! What browsers are shown: every page as a function from what is known to HTML. It reads no store, checks no
//! session and decides nothing; all text is escaped where it is written.

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use teahouse_core::Language;

use super::assets::{ASSETS, Assets};
use super::strings::{Words, carried, script_words, words};

/// What went wrong at the first door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnterWrong {
    /// The code is not the one, or was used.
    Code,
    /// The password is too short or too long.
    Password,
    /// Too many tries.
    Locked,
}

/// What went wrong at signing in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginWrong {
    /// Not the password.
    Password,
    /// Too many tries.
    Locked,
}

/// Pages that say what is not possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing is here.
    Missing,
    /// Not signed in, or the request came from elsewhere.
    Refused,
    /// An owner exists: the one-time link is dead.
    Owned,
    /// A host name that is not ours.
    Misdirected,
    /// Our own fault.
    Broken,
}

/// The first door. `code` is what was tried, so that it need not be typed again.
pub fn enter(language: Language, code: &str, wrong: Option<EnterWrong>) -> Response {
    let w = words(language);
    let status = match wrong {
        Some(EnterWrong::Locked) => StatusCode::TOO_MANY_REQUESTS,
        other => refused_if(other.is_some()),
    };
    let door = Door {
        kind: "enter".into(),
        title: w.enter_title,
        lead: w.enter_lead,
        action: String::new(),
        code: Some(code.into()),
        code_label: w.code,
        code_help: w.code_help,
        asks: Asks::NewPassword,
        wrong: match wrong {
            None => "",
            Some(EnterWrong::Code) => w.enter_wrong,
            Some(EnterWrong::Password) => w.enter_short,
            Some(EnterWrong::Locked) => w.login_locked,
        },
        go: w.enter_go,
        help: "",
    };
    page(
        status,
        &DoorPage {
            w,
            assets: ASSETS,
            door,
        },
    )
}

/// Signing in.
pub fn login(language: Language, wrong: Option<LoginWrong>) -> Response {
    let w = words(language);
    let door = Door {
        kind: "login".into(),
        title: w.login_title,
        lead: "",
        action: String::new(),
        code: None,
        code_label: "",
        code_help: "",
        asks: Asks::Password,
        wrong: match wrong {
            None => "",
            Some(LoginWrong::Password) => w.login_wrong,
            Some(LoginWrong::Locked) => w.login_locked,
        },
        go: w.login_go,
        help: w.login_help,
    };
    let status = match wrong {
        Some(LoginWrong::Locked) => StatusCode::TOO_MANY_REQUESTS,
        other => refused_if(other.is_some()),
    };
    page(
        status,
        &DoorPage {
            w,
            assets: ASSETS,
            door,
        },
    )
}

/// What went wrong at taking a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinWrong {
    /// The invitation does not hold.
    Invitation,
    /// Every seat is taken.
    Full,
    /// Not a name.
    Name,
    /// Our own fault.
    Broken,
}

/// Where a guest takes a seat; the invitation comes in the fragment, which we never see. `code` is what was tried.
pub fn join(
    language: Language,
    room: &str,
    asked: Option<Language>,
    code: &str,
    wrong: Option<JoinWrong>,
) -> Response {
    let w = words(language);
    let (status, why) = match wrong {
        None => (StatusCode::OK, ""),
        Some(JoinWrong::Invitation) => (StatusCode::FORBIDDEN, w.join_gone),
        Some(JoinWrong::Full) => (StatusCode::CONFLICT, w.join_full),
        Some(JoinWrong::Name) => (StatusCode::UNPROCESSABLE_ENTITY, w.join_name_bad),
        Some(JoinWrong::Broken) => (StatusCode::INTERNAL_SERVER_ERROR, w.join_broken),
    };
    let door = Door {
        kind: format!("invite:{room}"),
        title: w.join_title,
        lead: w.join_lead,
        action: format!("/parlour/{room}/sit{}", carried(asked)),
        code: Some(code.into()),
        code_label: w.join_code,
        code_help: "",
        asks: Asks::Name,
        wrong: why,
        go: w.join_go,
        help: "",
    };
    page(
        status,
        &DoorPage {
            w,
            assets: ASSETS,
            door,
        },
    )
}

/// The room: the same page for the owner, who has a session and so a CSRF token, and for a seat.
pub fn room(
    language: Language,
    room: &str,
    title: &str,
    zone: &str,
    csrf: Option<&str>,
) -> Response {
    let w = words(language);
    let script_words = script_words(language);
    let page_of_room = RoomPage {
        w,
        assets: ASSETS,
        room,
        title,
        zone,
        csrf,
        script_words: &script_words,
    };
    page(StatusCode::OK, &page_of_room)
}

/// What is not possible, why, and where to go instead.
pub fn trouble(language: Language, trouble: Trouble) -> Response {
    let w = words(language);
    let (status, title, why) = match trouble {
        Trouble::Missing => (StatusCode::NOT_FOUND, w.missing_title, w.missing),
        Trouble::Refused => (StatusCode::FORBIDDEN, w.refused_title, w.refused),
        Trouble::Owned => (StatusCode::GONE, w.enter_dead_title, w.enter_dead),
        Trouble::Misdirected => (
            StatusCode::MISDIRECTED_REQUEST,
            w.misdirected_title,
            w.misdirected,
        ),
        Trouble::Broken => (StatusCode::INTERNAL_SERVER_ERROR, w.broken_title, w.broken),
    };
    let (link, go) = match trouble {
        Trouble::Refused | Trouble::Owned => ("/login", w.to_login),
        _ => ("/", w.to_room),
    };
    page(
        status,
        &TroublePage {
            w,
            assets: ASSETS,
            title,
            why,
            link,
            go,
        },
    )
}

fn refused_if(wrong: bool) -> StatusCode {
    match wrong {
        true => StatusCode::UNPROCESSABLE_ENTITY,
        false => StatusCode::OK,
    }
}

/// A template as an answer. Pages are never kept by a browser: they carry what only its owner may see.
pub(super) fn page(status: StatusCode, template: &impl Template) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "Accept-Language"),
    ];
    match template.render() {
        Ok(html) => (status, headers, html).into_response(),
        Err(error) => {
            tracing::error!("a page could not be written: {error}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[derive(Template)]
#[template(path = "door.html")]
struct DoorPage {
    w: &'static Words,
    assets: Assets,
    door: Door,
}

struct Door {
    kind: String,
    title: &'static str,
    lead: &'static str,
    /// Empty posts to the page's own address, with all that it asks for.
    action: String,
    code: Option<String>,
    code_label: &'static str,
    code_help: &'static str,
    asks: Asks,
    wrong: &'static str,
    go: &'static str,
    help: &'static str,
}

/// What a door wants to know.
enum Asks {
    NewPassword,
    Password,
    Name,
}

#[derive(Template)]
#[template(path = "trouble.html")]
struct TroublePage {
    w: &'static Words,
    assets: Assets,
    title: &'static str,
    why: &'static str,
    link: &'static str,
    go: &'static str,
}

#[derive(Template)]
#[template(path = "room.html")]
struct RoomPage<'a> {
    w: &'static Words,
    assets: Assets,
    room: &'a str,
    title: &'a str,
    zone: &'a str,
    csrf: Option<&'a str>,
    script_words: &'a str,
}
