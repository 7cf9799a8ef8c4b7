//! What vendors say when they fail → what we do about it. Decided in this order: transport, the body's code, its
//! type, the beginning of its message, the HTTP status; the status alone is wrong too often. The tables are in
//! `signs`. Nothing here looks at text that a member may have written.

mod clean;
mod signs;
mod wait;

use std::time::Duration;

use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use teahouse_core::FailureKind::{self, *};

use self::clean::clean;
use self::signs::{by_code, by_message, by_status};
use self::wait::{reset, wait};
use crate::ProviderError;

/// A failure whose provider is not named yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// What the caller does about it.
    pub kind: FailureKind,
    /// How long the vendor asks us to wait, unclamped.
    pub wait: Option<Duration>,
    /// The cause, not yet cleaned.
    pub detail: String,
}

impl Failure {
    /// A failure of our own finding.
    pub fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        Failure {
            kind,
            wait: None,
            detail: detail.into(),
        }
    }

    /// No answer came, or it broke off on the way.
    pub fn transport(error: &reqwest::Error) -> Self {
        let kind = if error.is_timeout() { Timeout } else { Network };
        // The innermost cause says it best ("connection refused"); the outer ones repeat the address.
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        let during = if error.is_dns() {
            "looking up its address: "
        } else if error.is_connect() {
            "connecting: "
        } else {
            ""
        };
        // Its own text would name the address, which may hold a secret.
        let own = std::ptr::addr_eq(cause, std::ptr::from_ref(error));
        let cause = if own {
            "the connection broke".to_owned()
        } else {
            cause.to_string()
        };
        Failure::new(kind, format!("{during}{cause}"))
    }

    /// An answer that is no success.
    pub fn answer(status: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        if (300..400).contains(&status) {
            let detail = format!("{status}: it points to another address; check base_url");
            return Failure::new(Server, detail);
        }
        let said = Said::read(body);
        let wait = wait(headers);
        let status = said.status().unwrap_or(status);
        let kind = said.kind().unwrap_or(match status {
            // OpenRouter's budget of calls in flight: it passes by itself.
            402 if wait.is_some() => Rate,
            500..=528 | 530.. if said.is_html => Server,
            status => by_status(status),
        });
        Failure {
            kind,
            wait: wait.or_else(|| (kind == Rate).then(|| reset(headers)).flatten()),
            detail: said.detail(Some(status)),
        }
    }

    /// An error object in a stream, or in place of an answer, under HTTP 200.
    pub fn in_answer(error: &Value, otherwise: FailureKind) -> Self {
        let said = Said::of(error);
        let kind = said
            .kind()
            .unwrap_or_else(|| match said.status().map(by_status) {
                None | Some(Server | BadRequest) => otherwise,
                Some(kind) => kind,
            });
        Failure::new(kind, said.detail(None))
    }

    /// Names the provider, and takes out of the cause what no log may hold.
    pub fn by(self, provider: &str, key: Option<&SecretString>) -> ProviderError {
        let key = key.map_or("", |key| key.expose_secret());
        ProviderError {
            provider: provider.to_owned(),
            kind: self.kind,
            wait: self.wait,
            blameless: false,
            detail: clean(&self.detail, key),
        }
    }
}

/// What an error body says, taken out of its wrapping.
#[derive(Debug, Default)]
pub(crate) struct Said {
    codes: Vec<String>,
    pub(crate) param: String,
    pub(crate) message: String,
    is_html: bool,
}

impl Said {
    pub(crate) fn read(body: &[u8]) -> Self {
        if let Ok(value) = serde_json::from_slice(body) {
            return Said::of(&value);
        }
        let text = String::from_utf8_lossy(body);
        let is_html = text.trim_start().starts_with('<');
        let message = match text.split_once("<title>") {
            Some((_, rest)) if is_html => {
                let title = rest.split('<').next().unwrap_or_default().trim();
                format!("an HTML page, \"{title}\"")
            }
            _ if is_html => "an HTML page".to_owned(),
            _ => text.trim().to_owned(),
        };
        Said {
            message,
            is_html,
            ..Said::default()
        }
    }

    fn of(value: &Value) -> Self {
        // Gemini's compatible layer wraps its errors in an array.
        let value = value.get(0).unwrap_or(value);
        let error = match value.get("error") {
            Some(Value::Null) | None => value,
            Some(error) => error,
        };
        let at = |keys: &[&str]| {
            [error, value]
                .into_iter()
                .flat_map(|place| keys.iter().map(move |key| place.get(key)))
                .flatten()
                .find(|said| !said.is_null())
        };
        // The innermost code is the most telling one.
        let codes = [
            error.pointer("/innererror/code"),
            error.pointer("/details/0/reason"),
            at(&["code", "error_code"]),
            at(&["type"]),
        ];
        let message = if error.is_string() {
            Some(error)
        } else {
            at(&["message", "detail", "msg", "error_msg", "errors"])
        };
        Said {
            codes: codes
                .into_iter()
                .flatten()
                .map(|code| plain(code).to_lowercase())
                .filter(|code| !code.is_empty())
                .collect(),
            param: at(&["param"]).map(plain).unwrap_or_default(),
            message: message.map(plain).unwrap_or_default(),
            is_html: false,
        }
    }

    /// By code, by type, by the beginning of the message.
    fn kind(&self) -> Option<FailureKind> {
        let by_message = || by_message(&self.message);
        match self.codes.iter().find_map(|code| by_code(code)) {
            // DashScope uses one code for a throttle and for an empty free quota: only the message tells.
            Some(kind @ (NoMoney | Rate)) => match by_message() {
                Some(told @ (NoMoney | Rate)) => Some(told),
                _ => Some(kind),
            },
            Some(kind) => Some(kind),
            None => by_message(),
        }
    }

    /// A status in the body: relays answer 200 or 500 and say 429 inside.
    fn status(&self) -> Option<u16> {
        self.codes
            .iter()
            .filter_map(|code| code.parse().ok())
            .find(|status| (400..600).contains(status))
    }

    fn detail(&self, status: Option<u16>) -> String {
        let status = status.map(|status| status.to_string());
        let code = self
            .codes
            .first()
            .filter(|code| Some(*code) != status.as_ref());
        let parts = [status.as_ref(), code, Some(&self.message)];
        let parts: Vec<&str> = parts
            .into_iter()
            .flatten()
            .map(String::as_str)
            .filter(|part| !part.is_empty())
            .collect();
        parts.join(": ")
    }
}

/// A text as it is, anything else as JSON.
fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(status: u16, body: &str) -> FailureKind {
        Failure::answer(status, &HeaderMap::new(), body.as_bytes()).kind
    }

    #[test]
    fn bad_054_every_vendor_is_understood_by_what_it_says() {
        let rows = include_str!("../../fixtures/openai/failures.txt").lines();
        let mut read = 0;
        for row in rows.filter(|row| !row.starts_with('#')) {
            let mut parts = row.splitn(3, ' ');
            let status = parts.next().unwrap().parse().unwrap();
            let expected = parts.next().unwrap();
            let found = kind(status, parts.next().unwrap_or_default());
            assert_eq!(serde_json::to_value(found).unwrap(), expected, "{row}");
            read += 1;
        }
        assert!(read > 60, "{read}");
    }

    #[test]
    fn words_of_members_decide_nothing() {
        for body in [
            r#"{"error":{"message":"Invalid value: 'your credit balance is too low'"}}"#,
            r#"{"error":{"message":"cannot parse message: your credit balance is too low"}}"#,
            r#"{"error":{"message":"you wrote insufficient_quota, 余额不足"}}"#,
        ] {
            assert_eq!(kind(400, body), BadRequest, "{body}");
        }
    }

    #[test]
    fn an_error_under_200_keeps_its_meaning_and_is_else_what_its_place_says() {
        for (body, expected) in [
            (
                r#"{"error":{"message":"no","code":"rate_limit_exceeded"}}"#,
                Rate,
            ),
            (r#"{"error":{"message":"no","code":429}}"#, Rate),
            (r#"{"error":{"message":"no","code":502}}"#, Interrupted),
            (
                r#"{"error":{"message":"no","type":"server_error"}}"#,
                Interrupted,
            ),
            (r#"{"error":"no"}"#, Interrupted),
        ] {
            let error = serde_json::from_str(body).unwrap();
            assert_eq!(
                Failure::in_answer(&error, Interrupted).kind,
                expected,
                "{body}"
            );
        }
    }
}
