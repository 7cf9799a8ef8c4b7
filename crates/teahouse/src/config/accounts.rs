//! Whom the house is, and where: `[[account]]`, and secrets from wherever they are kept.

use secrecy::SecretString;
use teahouse_adapters::parlour::PARLOUR;
use teahouse_adapters::terminal::TERMINAL;
use teahouse_core::AccountName;
use toml::Spanned;

use super::Account;
use super::checker::Checker;
use super::neighbourhood::Neighbourhood;
use super::raw::{Protocol, RawAccount};
use super::secret::{self, RawSecret};
use super::source::Span;

impl Checker<'_> {
    pub(super) fn account(&mut self, raw: RawAccount) -> Option<Account> {
        let Protocol::OneBotV11 = raw.protocol;
        let name = raw.name.get_ref().clone();
        let plain = !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_alphanumeric() || c == '-' || c == '_');
        if !plain {
            self.wrong(
                raw.name.span(),
                format!("\"{name}\" is no account name; use letters, digits, - and _"),
            );
        }
        if [PARLOUR, TERMINAL].contains(&name.as_str()) {
            self.wrong(
                raw.name.span(),
                format!("\"{name}\" is the house's own; give this account another name"),
            );
        }
        match &raw.dial {
            Some(url) => self.dial(&name, url, raw.allow_ws),
            None if raw.listen => {}
            None => self.wrong(
                raw.name.span(),
                format!("account \"{name}\" has no way to connect; write listen = true and let the QQ side dial us, or dial = \"ws://127.0.0.1:3001\""),
            ),
        }
        let token = self.secret(
            &format!("token of account \"{name}\""),
            raw.token.span(),
            raw.token.get_ref(),
        )?;
        Some(Account {
            name: AccountName::new(name),
            id: raw.id.map(Spanned::into_inner),
            token,
            dial: raw.dial.map(Spanned::into_inner),
            pace: raw.pace,
        })
    }

    /// The token travels in the clear over `ws://`: only where nobody else listens, unless the operator says so.
    pub(super) fn dial(&mut self, account: &str, url: &Spanned<String>, allow_ws: bool) {
        let mut wrong = |why: &str| {
            self.wrong(url.span(), format!("dial of account \"{account}\" {why}"));
        };
        let Ok(parsed) = url.get_ref().parse::<axum::http::Uri>() else {
            return wrong("is no address; write it like \"ws://127.0.0.1:3001\"");
        };
        if parsed.authority().is_some_and(|a| a.as_str().contains('@')) {
            return wrong("carries a user name; the token goes into token = { env = \"NAME\" }");
        }
        if parsed.query().is_some() {
            return wrong(
                "carries a question mark; put the token into token = { env = \"NAME\" } and end the address before it",
            );
        }
        if matches!(parsed.path().trim_end_matches('/'), "/api" | "/event") {
            return wrong("leads to one half of the bridge; end it after the port");
        }
        let host = parsed.host().unwrap_or_default();
        match (parsed.scheme_str(), Neighbourhood::of(host)) {
            (Some("ws"), Neighbourhood::Metadata) => {
                wrong("is an address of this machine's own cloud; no bridge is there");
            }
            (Some("ws"), Neighbourhood::Loopback | Neighbourhood::Private) => {}
            (Some("ws"), Neighbourhood::Public) if allow_ws => {}
            (Some("ws"), Neighbourhood::Public) => {
                wrong(
                    "is plain ws to a public host, where anybody can read the token; use a tunnel, or write allow_ws = true",
                );
            }
            (Some("wss"), _) => {
                wrong(
                    "is wss, which bridges do not speak themselves; lead a tunnel to it and dial its near end with ws://",
                );
            }
            _ => wrong("must start with ws://"),
        }
    }

    pub(super) fn secret(
        &mut self,
        what: &str,
        span: Span,
        raw: &RawSecret,
    ) -> Option<SecretString> {
        let found = match (&raw.env, &raw.file) {
            (Some(name), None) if let Err(why) = secret::check_variable(name) => {
                Err(format!("{what}: {why}"))
            }
            (Some(name), None) => match (self.environment)(name) {
                Some(value) => Ok((value, format!("environment variable {name}"))),
                None => Err(format!(
                    "{what}: environment variable {name} is not set; set it, or write {{ file = \"PATH\" }}"
                )),
            },
            (None, Some(path)) => {
                let path = self.source.beside(path);
                match std::fs::read_to_string(&path) {
                    Ok(text) => Ok((text, format!("\"{}\"", path.display()))),
                    Err(error) => Err(format!(
                        "{what}: cannot read \"{}\": {error}",
                        path.display()
                    )),
                }
            }
            (None, None) | (Some(_), Some(_)) => Err(format!(
                "{what}: write either {{ env = \"NAME\" }} or {{ file = \"PATH\" }}"
            )),
        };
        let found = found.and_then(|(value, place)| {
            let value = value.trim();
            if value.is_empty() {
                return Err(format!(
                    "{what}: {place} is empty; a secret is never empty here"
                ));
            }
            if value.chars().any(|c| c.is_whitespace() || c.is_control()) {
                return Err(format!(
                    "{what}: {place} has a blank or a line break inside; copy the secret again, in one piece"
                ));
            }
            Ok(SecretString::from(value.to_owned()))
        });
        match found {
            Ok(secret) => Some(secret),
            Err(message) => {
                self.wrong(span, message);
                None
            }
        }
    }
}
