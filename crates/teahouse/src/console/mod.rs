//! What the one port serves beside the bridges: liveness, readiness and numbers. All routes stand in this list.
//! It decides nothing about rooms and shows nobody's words.

pub mod assets;
pub mod buttons;
pub mod doors;
pub mod guard;
pub mod owner;
pub mod pages;
pub mod panel;
pub mod rooms;
pub mod session;
pub mod strings;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;
use teahouse_adapters::Adapter;
use teahouse_adapters::onebot::OneBot;
use teahouse_adapters::parlour::Parlour;
use teahouse_store::Standing;
use tokio::sync::watch;

use crate::config::Metrics;
use owner::Owner;

/// What the routes need.
#[derive(Clone)]
pub struct Console {
    /// Whether questions are taken.
    pub ready: Arc<AtomicBool>,
    /// How the disk under the store is.
    pub disk: watch::Receiver<Standing>,
    /// Who may read the numbers.
    pub metrics: Metrics,
    /// The numbers.
    pub numbers: Option<PrometheusHandle>,
    /// Whose links are counted.
    pub accounts: Vec<Arc<OneBot>>,
}

impl Console {
    /// The routes.
    pub fn routes(self) -> Router {
        Router::new()
            .route("/healthz", get(|| async { "alive\n" }))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .with_state(self)
            .merge(assets::routes())
    }
}

/// What browsers may reach, behind the guard: the doors, the parlour, and `pages`.
pub fn guarded(
    pages: Router,
    owner: Arc<Owner>,
    parlour: Arc<Parlour>,
    hosts: &[String],
) -> Router {
    let hosts: guard::Hosts = hosts.into();
    let sessions = owner.sessions.clone();
    pages
        .merge(doors::routes(owner))
        .merge(teahouse_adapters::parlour::routes(parlour))
        .layer(from_fn_with_state(sessions, session::know))
        .layer(from_fn_with_state(hosts, guard::keep))
}

async fn readyz(State(console): State<Console>) -> Response {
    let not_yet = |why: &'static str| (StatusCode::SERVICE_UNAVAILABLE, why).into_response();
    if !console.ready.load(Ordering::Acquire) {
        return not_yet("not ready\n");
    }
    match *console.disk.borrow() {
        Standing::Well => "ready\n".into_response(),
        Standing::Waiting { .. } => {
            not_yet("not ready: the disk is waited for, `teahouse health` says why\n")
        }
        Standing::Lost { .. } => not_yet("not ready: the disk lost something, the log says what\n"),
    }
}

async fn metrics(State(console): State<Console>, headers: HeaderMap) -> Response {
    let allowed = match &console.metrics {
        Metrics::Off => return StatusCode::NOT_FOUND.into_response(),
        Metrics::Open => true,
        Metrics::Token(token) => {
            let shown = headers
                .get(header::AUTHORIZATION)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default();
            let shown = shown.strip_prefix("Bearer ").unwrap_or_default();
            shown
                .as_bytes()
                .ct_eq(token.expose_secret().as_bytes())
                .into()
        }
    };
    match (&console.numbers, allowed) {
        (_, false) => StatusCode::UNAUTHORIZED.into_response(),
        (Some(numbers), true) => (
            [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
            format!("{}{}", numbers.render(), links(&console.accounts)),
        )
            .into_response(),
        (None, true) => StatusCode::NOT_FOUND.into_response(),
    }
}

/// What each account's links brought or lacked, in the same text form.
fn links(accounts: &[Arc<OneBot>]) -> String {
    let mut text = String::from("# TYPE teahouse_onebot_total counter\n");
    for account in accounts {
        for (what, count) in account.counters().read() {
            // An account's name has no quote in it: the settings allow letters, digits, - and _.
            text.push_str(&format!(
                "teahouse_onebot_total{{account=\"{}\",what=\"{what}\"}} {count}\n",
                account.account()
            ));
        }
    }
    text
}
