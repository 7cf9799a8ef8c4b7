//! The doors to the console: the one-time link, the log-in, the way out. What is posted here is small, and whoever
//! posts it is told plainly why not.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Form, RawQuery, State};
use axum::http::header::{ACCEPT, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::post;
use serde::Deserialize;
use teahouse_core::Language;
use tracing::{error, info, warn};

use super::owner::{Owner, Wrong};
use super::pages::{self, EnterWrong, LoginWrong, Trouble};
use super::session::OwnerSession;
use super::strings::{self, asked, carried};

/// The longest form.
const LONGEST_FORM: usize = 4 * 1024;
/// Where somebody who came in goes.
const INSIDE: &str = "/parlour/main";

/// The routes.
pub(super) fn routes(owner: Arc<Owner>) -> Router {
    Router::new()
        .route("/enter", post(enter))
        .route("/login", post(log_in))
        .route("/logout", post(log_out))
        .layer(DefaultBodyLimit::max(LONGEST_FORM))
        .with_state(owner)
}

#[derive(Deserialize)]
struct Enter {
    code: String,
    password: String,
}

#[derive(Deserialize)]
struct LogIn {
    password: String,
}

#[derive(Default, Deserialize)]
struct LogOut {
    #[serde(default)]
    csrf: String,
}

async fn enter(
    State(owner): State<Arc<Owner>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    Form(form): Form<Enter>,
) -> Response {
    let entered = owner.enter(&form.code, &form.password, from.ip(), &headers);
    match entered.await {
        Ok(cookie) => {
            info!("the house has an owner");
            inside(cookie, query.as_deref())
        }
        Err(wrong) => match language_of_page(&headers, query.as_deref()) {
            Some(language) => enter_again(&wrong, language, &form.code),
            None => refuse(&wrong),
        },
    }
}

async fn log_in(
    State(owner): State<Arc<Owner>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    Form(form): Form<LogIn>,
) -> Response {
    match owner.log_in(&form.password, from.ip(), &headers).await {
        Ok(cookie) => inside(cookie, query.as_deref()),
        Err(wrong) => {
            if let Wrong::Password = wrong {
                warn!(from = %from.ip(), "a wrong password");
            }
            match language_of_page(&headers, query.as_deref()) {
                Some(language) => log_in_again(&wrong, language),
                None => refuse(&wrong),
            }
        }
    }
}

async fn log_out(
    State(owner): State<Arc<Owner>>,
    headers: HeaderMap,
    session: Option<axum::Extension<OwnerSession>>,
    Form(form): Form<LogOut>,
) -> Response {
    let Some(axum::Extension(session)) = session else {
        return Redirect::to("/login").into_response();
    };
    let shown = headers.get(super::session::CSRF_HEADER);
    let shown = shown.and_then(|value| value.to_str().ok());
    if !session.accepts(shown.unwrap_or(&form.csrf)) {
        return super::session::Refused::Foreign.into_response();
    }
    match owner.sessions.end(&session, &headers).await {
        Ok(cookie) => with_cookie(cookie, Redirect::to("/login")),
        Err(error) => refuse(&error.into()),
    }
}

fn inside(cookie: HeaderValue, query: Option<&str>) -> Response {
    let inside = format!("{INSIDE}{}", carried(asked(query)));
    with_cookie(cookie, Redirect::to(&inside))
}

fn with_cookie(cookie: HeaderValue, answer: impl IntoResponse) -> Response {
    ([(SET_COOKIE, cookie)], answer).into_response()
}

/// The language of whoever looks at a page; a program is told in one sentence instead.
pub(super) fn language_of_page(headers: &HeaderMap, query: Option<&str>) -> Option<Language> {
    let accepts = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    let page = accepts.is_some_and(|accepts| accepts.contains("text/html"));
    page.then(|| strings::language(asked(query), headers, Language::English))
}

fn enter_again(wrong: &Wrong, language: Language, code: &str) -> Response {
    match wrong {
        Wrong::Code => pages::enter(language, code, Some(EnterWrong::Code)),
        Wrong::Length => pages::enter(language, code, Some(EnterWrong::Password)),
        Wrong::Locked { .. } => pages::enter(language, code, Some(EnterWrong::Locked)),
        Wrong::Owned => pages::trouble(language, Trouble::Owned),
        Wrong::Password | Wrong::Broken(_) => broken(wrong, language),
    }
}

fn log_in_again(wrong: &Wrong, language: Language) -> Response {
    match wrong {
        Wrong::Password => pages::login(language, Some(LoginWrong::Password)),
        Wrong::Locked { .. } => pages::login(language, Some(LoginWrong::Locked)),
        Wrong::Owned | Wrong::Code | Wrong::Length | Wrong::Broken(_) => broken(wrong, language),
    }
}

fn broken(wrong: &Wrong, language: Language) -> Response {
    error!(error = %wrong, "nobody could be let in");
    pages::trouble(language, Trouble::Broken)
}

/// One sentence, with the status that says what kind of no it is.
fn refuse(wrong: &Wrong) -> Response {
    let status = match wrong {
        Wrong::Owned => StatusCode::GONE,
        Wrong::Code | Wrong::Length | Wrong::Password => StatusCode::UNPROCESSABLE_ENTITY,
        Wrong::Locked { .. } => StatusCode::TOO_MANY_REQUESTS,
        Wrong::Broken(error) => {
            error!(%error, "nobody could be let in");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    };
    (status, format!("{wrong}\n")).into_response()
}
