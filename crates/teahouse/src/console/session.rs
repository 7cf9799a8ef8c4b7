//! Who is logged in. A session is a random id of 256 bits in a cookie that no script reads; the store has its hash. Each
//! session has a token of its own that every change must show, so that no foreign page can make one.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{ACCEPT, COOKIE, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use rand::RngExt;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use teahouse_core::Language;
use teahouse_store::{KeptSession, SessionId, Store, StoreError};
use tracing::error;

use super::strings::{asked, carried};
use crate::clock::Clock;

/// The cookie's name.
const COOKIE_NAME: &str = "teahouse_session";
/// How long a session holds.
const HOLDS: Duration = Duration::from_secs(30 * 24 * 3_600);
/// The header in which a change shows its session's token.
pub const CSRF_HEADER: &str = "x-csrf-token";

/// All sessions.
#[derive(Clone)]
pub struct Sessions {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

/// The owner is logged in. As an argument of a handler it refuses everybody else, and every change without the
/// session's token.
#[derive(Clone)]
pub struct OwnerSession {
    id: SessionId,
    csrf: String,
}

impl OwnerSession {
    /// What the session's own pages show with every change.
    pub fn csrf(&self) -> &str {
        &self.csrf
    }

    /// Whether a change shows the right token; compared in constant time.
    pub fn accepts(&self, csrf: &str) -> bool {
        csrf.as_bytes().ct_eq(self.csrf.as_bytes()).into()
    }
}

impl Sessions {
    pub(super) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Sessions { store, clock }
    }

    /// A new session; its cookie comes back. `headers` are those of the log-in: a session that came with it ends.
    pub(super) async fn open(&self, headers: &HeaderMap) -> Result<HeaderValue, StoreError> {
        if let Some(old) = shown_id(headers) {
            self.store.end_session(old).await?;
        }
        let now = self.clock.now();
        let id = random_hex::<32>();
        self.store
            .open_session(KeptSession {
                id: hash(&id),
                csrf: random_hex::<32>(),
                opened: now,
                until: now + HOLDS,
            })
            .await?;
        Ok(cookie(&id, HOLDS.as_secs(), is_https(headers)))
    }

    /// Ends a session; the cookie that takes it from the browser comes back.
    pub(super) async fn end(
        &self,
        session: &OwnerSession,
        headers: &HeaderMap,
    ) -> Result<HeaderValue, StoreError> {
        self.store.end_session(session.id).await?;
        Ok(cookie("", 0, is_https(headers)))
    }

    async fn find(&self, headers: &HeaderMap) -> Option<OwnerSession> {
        let id = shown_id(headers)?;
        match self.store.session(id, self.clock.now()).await {
            Ok(kept) => kept.map(|kept| OwnerSession {
                id,
                csrf: kept.csrf,
            }),
            Err(error) => {
                error!(%error, "a session could not be looked up");
                None
            }
        }
    }
}

/// Lets handlers know who is logged in.
pub(super) async fn know(
    State(sessions): State<Sessions>,
    mut request: Request,
    next: Next,
) -> Response {
    let headers = request.headers().clone();
    if let Some(session) = sessions.find(&headers).await {
        request.extensions_mut().insert(session);
    }
    next.run(request).await
}

impl<S: Send + Sync> FromRequestParts<S> for OwnerSession {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refused> {
        let reads = parts.method == Method::GET || parts.method == Method::HEAD;
        let Some(session) = parts.extensions.get::<OwnerSession>() else {
            let accepts = parts.headers.get(ACCEPT).and_then(|v| v.to_str().ok());
            let page = accepts.is_some_and(|accept| accept.contains("text/html"));
            return Err(
                match reads && page && !parts.headers.contains_key("hx-request") {
                    true => Refused::LogIn(asked(parts.uri.query())),
                    false => Refused::Nobody,
                },
            );
        };
        let shown = parts.headers.get(CSRF_HEADER);
        let shown = shown.and_then(|v| v.to_str().ok()).unwrap_or_default();
        match reads || session.accepts(shown) {
            true => Ok(session.clone()),
            false => Err(Refused::Foreign),
        }
    }
}

/// Why it is not done.
#[derive(Clone, Copy, Debug)]
pub enum Refused {
    /// Nobody is logged in: a page leads to the log-in, in the language that was asked of it.
    LogIn(Option<Language>),
    /// Nobody is logged in.
    Nobody,
    /// The session's token is missing: it may come from a foreign page.
    Foreign,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Refused::LogIn(asked) => {
                Redirect::to(&format!("/login{}", carried(asked))).into_response()
            }
            Refused::Nobody => (StatusCode::UNAUTHORIZED, "Log in first.\n").into_response(),
            Refused::Foreign => (
                StatusCode::FORBIDDEN,
                "This did not come from your own page; load it again.\n",
            )
                .into_response(),
        }
    }
}

fn shown_id(headers: &HeaderMap) -> Option<SessionId> {
    let cookies = headers.get_all(COOKIE).iter();
    let mut pairs = cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    let (_, id) = pairs.find(|(name, _)| *name == COOKIE_NAME)?;
    (!id.is_empty()).then(|| hash(id))
}

fn hash(id: &str) -> SessionId {
    SessionId(Sha256::digest(id.as_bytes()).into())
}

fn cookie(id: &str, seconds: u64, secure: bool) -> HeaderValue {
    let secure = if secure { "; Secure" } else { "" };
    let text =
        format!("{COOKIE_NAME}={id}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::try_from(text).expect("a cookie of hexadecimal digits is plain text")
}

/// Whether the browser reached us through TLS; its own page's origin tells.
fn is_https(headers: &HeaderMap) -> bool {
    headers
        .get(ORIGIN)
        .is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}

/// So many random bytes in hexadecimal.
pub(crate) fn random_hex<const N: usize>() -> String {
    let bytes: [u8; N] = std::array::from_fn(|_| rand::rng().random());
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
