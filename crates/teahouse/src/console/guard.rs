//! What every page and every change passes: the host must be ours, so that no name that was bent to this machine
//! reads a page; a change must come from our own page; and each answer tells the browser to trust nothing else.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use teahouse_adapters::parlour::is_own_page;

use super::doors::language_of_page;
use super::pages::{self, Trouble};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' blob: data:; connect-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

/// Names under which browsers may reach us, beside this machine's own and bare addresses.
pub(super) type Hosts = Arc<[String]>;

/// Turns away what is not for us, and puts the headers of a page on all answers.
pub(super) async fn keep(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let answer = match refuse(&hosts, &request) {
        Some((status, why)) => match (
            language_of_page(request.headers(), request.uri().query()),
            status,
        ) {
            (Some(language), StatusCode::MISDIRECTED_REQUEST) => {
                pages::trouble(language, Trouble::Misdirected)
            }
            (Some(language), StatusCode::FORBIDDEN) => pages::trouble(language, Trouble::Refused),
            _ => (status, why).into_response(),
        },
        None => next.run(request).await,
    };
    with_headers(answer)
}

fn refuse(hosts: &Hosts, request: &Request) -> Option<(StatusCode, &'static str)> {
    let headers = request.headers();
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    if !host.is_some_and(|host| is_ours(host, hosts)) {
        return Some((
            StatusCode::MISDIRECTED_REQUEST,
            "This house is not known by that name. Its owner can add it to server.hosts.\n",
        ));
    }
    let reads = [Method::GET, Method::HEAD].contains(request.method());
    if !reads && request.method() != Method::POST {
        return Some((
            StatusCode::METHOD_NOT_ALLOWED,
            "Pages are read or posted to.\n",
        ));
    }
    if !reads && !is_own_page(headers) {
        return Some((StatusCode::FORBIDDEN, "This came from a foreign page.\n"));
    }
    None
}

/// A bare address cannot be bent by a name server, and `localhost` is this machine; any other name must be written down.
fn is_ours(host: &str, hosts: &Hosts) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.parse::<IpAddr>().is_ok() || hosts.contains(&name)
}

fn with_headers(mut answer: Response) -> Response {
    let headers = answer.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Not `no-referrer`: browsers would then post our own forms with `Origin: null`. Other hosts learn nothing either way.
        (REFERRER_POLICY, "same-origin"),
        (CACHE_CONTROL, "no-store"),
    ] {
        // What has a stricter or longer-lived answer of its own keeps it.
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_nobody_wrote_down_is_not_ours() {
        let hosts: Hosts = ["tea.example.org".to_owned()].into();
        for (host, ours) in [
            ("localhost:7788", true),
            ("LOCALHOST", true),
            ("127.0.0.1:7788", true),
            ("[::1]:7788", true),
            ("192.168.1.7", true),
            ("tea.example.org", true),
            ("tea.example.org.:443", true),
            ("evil.example", false),
            ("127.0.0.1.evil.example:7788", false),
            ("localhost.evil.example", false),
            ("", false),
            ("[", false),
        ] {
            assert_eq!(is_ours(host, &hosts), ours, "{host}");
        }
    }
}
