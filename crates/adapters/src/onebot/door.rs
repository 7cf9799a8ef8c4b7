//! The door for bridges that dial us: token, role and account are checked before the upgrade, and whoever is turned
//! away is logged with the cause and without what was shown. Lets nobody in while the house is not open.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use axum::extract::rejection::QueryRejection;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{ConnectInfo, Query, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Extension, Router};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use tracing::warn;

use super::counters::add;
use super::links::Way;
use super::wire::is_party;
use super::{LONGEST_FRAME, OneBot};

/// Every address on which a bridge may knock.
const PATHS: [&str; 4] = ["/onebot/v11/ws", "/onebot/v11", "/onebot", "/ws"];
pub(super) const BUFFER: usize = 4 * 1024;
/// A call is much smaller; beyond this a write waits for the socket.
pub(super) const MOST_UNWRITTEN: usize = 256 * 1024;

/// The routes on which bridges of these accounts find us.
pub fn routes(accounts: Vec<Arc<OneBot>>) -> Router {
    let accounts: Accounts = accounts.into();
    PATHS
        .into_iter()
        .fold(Router::new(), |router, path| router.route(path, any(knock)))
        .with_state(accounts)
}

type Accounts = Arc<[Arc<OneBot>]>;

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkRole {
    Universal,
    Api,
    Event,
}

impl LinkRole {
    /// Lagrange writes `Api`; nothing said is both.
    fn of(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "" | "universal" => Some(LinkRole::Universal),
            "api" => Some(LinkRole::Api),
            "event" => Some(LinkRole::Event),
            _ => None,
        }
    }
}

/// Why somebody is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    NoToken,
    WrongToken,
    OtherAccount,
    Ambiguous,
    UnknownRole,
    Closed,
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Refusal::NoToken => StatusCode::UNAUTHORIZED,
            Refusal::WrongToken | Refusal::OtherAccount => StatusCode::FORBIDDEN,
            Refusal::Ambiguous | Refusal::UnknownRole => StatusCode::BAD_REQUEST,
            Refusal::Closed => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn cause(self) -> &'static str {
        match self {
            Refusal::NoToken => "no token came; enter the account's token in the bridge's settings",
            Refusal::WrongToken => {
                "the token is not this account's; copy it again into the bridge's settings"
            }
            Refusal::OtherAccount => {
                "X-Self-ID is another account; log in with the configured one, or change `id`"
            }
            Refusal::Ambiguous => "several accounts share this token and X-Self-ID is missing",
            Refusal::UnknownRole => "X-Client-Role is none of Universal, API, Event",
            Refusal::Closed => "the house is not open yet, or closes; try again",
        }
    }

    fn counter(self, account: &OneBot) -> &AtomicU64 {
        match self {
            Refusal::NoToken => &account.counters.refused_no_token,
            Refusal::WrongToken => &account.counters.refused_wrong_token,
            Refusal::OtherAccount | Refusal::Ambiguous => &account.counters.refused_self_id,
            Refusal::UnknownRole => &account.counters.refused_role,
            Refusal::Closed => &account.counters.refused_closed,
        }
    }
}

async fn knock(
    State(accounts): State<Accounts>,
    from: Option<Extension<ConnectInfo<SocketAddr>>>,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let token = token(&headers, query.as_deref().ok().map(Vec::as_slice));
    let (account, role) = match admit(&accounts, token.as_deref(), &headers) {
        Ok(admitted) => admitted,
        Err(refusal) => {
            let from = from.map(|Extension(ConnectInfo(from))| from);
            return turn_away(&accounts, &headers, from, refusal);
        }
    };
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    let tracker = account.tracker.clone();
    upgrade
        .max_message_size(LONGEST_FRAME)
        .max_frame_size(LONGEST_FRAME)
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_write_buffer_size(MOST_UNWRITTEN)
        .on_upgrade(move |socket| {
            tracker.track_future(async move {
                account.serve(socket, role, Way::Knocked).await;
            })
        })
}

/// Whose bridge it is, and what for.
fn admit(
    accounts: &[Arc<OneBot>],
    token: Option<&str>,
    headers: &HeaderMap,
) -> Result<(Arc<OneBot>, LinkRole), Refusal> {
    let token = token.ok_or(Refusal::NoToken)?;
    let mut ours: Vec<&Arc<OneBot>> = accounts
        .iter()
        .filter(|account| is_same(token, &account.token))
        .collect();
    if ours.is_empty() {
        return Err(Refusal::WrongToken);
    }
    let role = LinkRole::of(header(headers, "x-client-role")).ok_or(Refusal::UnknownRole)?;
    ours.retain(|account| account.state().events.is_some());
    if ours.is_empty() {
        return Err(Refusal::Closed);
    }
    let self_id = header(headers, "x-self-id");
    let account = match (self_id, ours.as_slice()) {
        ("", [only]) => only,
        ("", _) => return Err(Refusal::Ambiguous),
        (id, _) if !is_party(id) => return Err(Refusal::OtherAccount),
        (id, ours) => ours
            .iter()
            .find(|account| account.us.borrow().as_deref() == Some(id))
            .or_else(|| ours.iter().find(|account| account.is_us(id)))
            .ok_or(Refusal::OtherAccount)?,
    };
    Ok((Arc::clone(account), role))
}

fn turn_away(
    accounts: &[Arc<OneBot>],
    headers: &HeaderMap,
    from: Option<SocketAddr>,
    refusal: Refusal,
) -> Response {
    let self_id = header(headers, "x-self-id");
    let meant = accounts
        .iter()
        .find(|account| account.us.borrow().as_deref() == Some(self_id))
        .or(accounts.first());
    if let Some(account) = meant {
        add(refusal.counter(account));
        // Another port of the same machine is the same knock.
        let from = from.map_or_else(String::new, |from| from.ip().to_canonical().to_string());
        if account.knocks.note(&from, self_id, refusal.cause()) {
            warn!(account = %account.name, from, ?self_id, cause = refusal.cause(), "a bridge was turned away from account \"{}\": {}", account.name, refusal.cause());
        }
    }
    (refusal.status(), refusal.cause()).into_response()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().trim()
}

/// The token shown, in the header or else in the query. NapCat without a token writes `Bearer ` and nothing after it.
fn token(headers: &HeaderMap, query: Option<&[(String, String)]>) -> Option<String> {
    let shown = header(headers, AUTHORIZATION.as_str());
    let in_header = shown.split_once(' ').and_then(|(scheme, token)| {
        let known = ["bearer", "token"]
            .iter()
            .any(|known| scheme.eq_ignore_ascii_case(known));
        known.then(|| token.trim())
    });
    let in_query = query
        .unwrap_or_default()
        .iter()
        .find(|(name, _)| name == "access_token")
        .map(|(_, token)| token.as_str());
    in_header
        .filter(|token| !token.is_empty())
        .or(in_query)
        .filter(|token| !token.is_empty())
        .map(str::to_owned)
}

/// Compares without telling by its time how much was right. An empty secret is nobody's.
fn is_same(shown: &str, secret: &SecretString) -> bool {
    let secret = secret.expose_secret();
    !secret.is_empty() && bool::from(shown.as_bytes().ct_eq(secret.as_bytes()))
}
