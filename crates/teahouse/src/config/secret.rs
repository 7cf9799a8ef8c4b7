//! Secrets in a configuration: where they may come from, and how one that was pasted into the wrong place is known
//! and never shown again. Reads the environment only through the function it is given.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor, value::MapAccessDeserializer};

/// What stands where a secret stood.
const MASK: &str = "***";
/// Keys whose value is a secret, or where one is pasted by mistake.
const SECRET_KEYS: [&str; 9] = [
    "key",
    "token",
    "metrics",
    "api_key",
    "apikey",
    "secret",
    "password",
    "authorization",
    "value",
];
/// How vendors begin their keys.
const PREFIXES: [&str; 8] = [
    "sk-", "sk_", "AIza", "gsk_", "xai-", "hf_", "ghp_", "Bearer ",
];

/// Said wherever a secret itself was found.
pub(super) const PASTED: &str =
    "a secret never stands in this file; write { env = \"NAME\" } or { file = \"PATH\" }";

/// Where a secret comes from.
#[derive(Clone)]
pub(super) struct RawSecret {
    pub(super) env: Option<String>,
    pub(super) file: Option<PathBuf>,
}

/// Who may read `/metrics`, as written.
#[derive(Clone)]
pub(super) enum RawMetrics {
    Open,
    Secret(RawSecret),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    env: Option<String>,
    file: Option<PathBuf>,
}

impl<'de> Deserialize<'de> for RawSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(Written { open: false })? {
            RawMetrics::Secret(secret) => Ok(secret),
            RawMetrics::Open => Err(D::Error::custom(PASTED)),
        }
    }
}

impl<'de> Deserialize<'de> for RawMetrics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written { open: true })
    }
}

/// Reads a secret's table, and knows a secret that was pasted in its place.
struct Written {
    open: bool,
}

impl<'de> Visitor<'de> for Written {
    type Value = RawMetrics;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{ env = \"NAME\" } or { file = \"PATH\" }")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<RawMetrics, E> {
        match (self.open, word) {
            (true, "open") => Ok(RawMetrics::Open),
            (true, _) => Err(E::custom(
                "write metrics = \"open\", { env = \"NAME\" } or { file = \"PATH\" }, or leave it out for none",
            )),
            (false, _) => Err(E::custom(PASTED)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawMetrics, A::Error> {
        let Table { env, file } = Table::deserialize(MapAccessDeserializer::new(map))?;
        Ok(RawMetrics::Secret(RawSecret { env, file }))
    }
}

/// Why a name cannot be an environment variable's.
pub(super) fn check_variable(name: &str) -> Result<(), &'static str> {
    if looks_like_key(name) {
        return Err(
            "the key itself stands where its variable's name belongs; put it into the environment and write the name",
        );
    }
    if !is_variable(name) {
        return Err(
            "env takes the name of a variable, like \"TEAHOUSE_MAIN_KEY\": capital letters, digits and _",
        );
    }
    Ok(())
}

/// Small letters would be legal, and would make a short password look like a name.
fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// Whether a text looks like a key of some vendor: it begins like one, or it is long and means nothing.
pub(super) fn looks_like_key(text: &str) -> bool {
    let text = text.trim();
    let begins = PREFIXES
        .iter()
        .any(|prefix| text.len() >= prefix.len() + 8 && text.starts_with(prefix));
    let is_uuid = {
        let parts: Vec<usize> = text.split('-').map(str::len).collect();
        parts == [8, 4, 4, 4, 12] && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
    };
    let means_nothing = |run: &str| {
        run.len() >= 20
            && run.bytes().any(|b| b.is_ascii_digit())
            && run.bytes().any(|b| b.is_ascii_alphabetic())
    };
    begins
        || is_uuid
        || text
            .split(|c: char| !c.is_ascii_alphanumeric())
            .any(means_nothing)
}

/// A text without what looks like a key.
pub(super) fn masked(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.+=".contains(c);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c| !is_part(c)).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        out.push_str(before);
        out.push_str(if looks_like_key(word) { MASK } else { word });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// A line of a configuration as it may be shown: values of secret keys, user names in addresses and whatever looks
/// like a key are masked.
pub(super) fn masked_line(line: &str) -> String {
    masked(&without_values(&without_user(line)))
}

/// Masks what follows `key =` and its kin, unless it is the table that says where the secret is.
fn without_values(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(equals) = rest.find(['=', ':']) {
        let (before, value) = rest.split_at(equals + 1);
        out.push_str(before);
        let key = before[..equals]
            .rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ' ' && c != '"')
            .next()
            .unwrap_or_default()
            .trim_matches(|c: char| c == ' ' || c == '"')
            .to_ascii_lowercase();
        let start = value.trim_start();
        let known_word = start.trim_end() == "\"open\"" || start.starts_with("\"open\" ");
        let quoted = start.trim_matches(|c| c == '"' || c == '\'');
        let named = quoted.split(['"', '\'']).next().unwrap_or_default();
        if key == "env" && !is_variable(named) {
            out.push(' ');
            out.push_str(MASK);
            return out;
        }
        if SECRET_KEYS.contains(&key.as_str()) && !start.starts_with('{') && !known_word {
            out.push(' ');
            out.push_str(MASK);
            return out;
        }
        rest = value;
    }
    out.push_str(rest);
    out
}

/// Masks `user:password@` and the query of an address.
fn without_user(line: &str) -> String {
    let Some(start) = line.find("://").map(|at| at + 3) else {
        return line.to_owned();
    };
    let (before, address) = line.split_at(start);
    let end = address
        .find(|c: char| c == '"' || c == '\'' || c.is_whitespace())
        .unwrap_or(address.len());
    let (address, after) = address.split_at(end);
    let address = match address.rsplit_once('@') {
        Some((_, host)) => format!("{MASK}@{host}"),
        None => address.to_owned(),
    };
    let address = match address.split_once('?') {
        Some((path, _)) => format!("{path}?{MASK}"),
        None => address,
    };
    format!("{before}{address}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_told_from_a_name() {
        for key in [
            "sk-proj-abcdefgh",
            "  sk-ant-api03-abcdefgh\n",
            "AIzaSyA1234567890",
            "0123456789abcdef0123456789abcdef.0123456789abcdef",
            "f47ac10b-58cc-4372-a567-0e02b2c3d479",
            "abc0123456789012345678",
        ] {
            assert!(looks_like_key(key), "{key}");
        }
        for name in [
            "",
            "gpt-4o-mini-2024-07-18",
            "claude-3-5-sonnet-20241022",
            "Qwen/Qwen2.5-72B-Instruct",
            "TEAHOUSE_MAIN_KEY",
            "sk-short",
            "english corner",
            "internationalization",
            "https://api.example.com/v1",
        ] {
            assert!(!looks_like_key(name), "{name}");
        }
    }

    #[test]
    fn a_shown_line_has_no_secret_in_it() {
        for (line, shown) in [
            ("key = \"hunter2\"", "key = ***"),
            ("  token=hunter2 # old", "  token= ***"),
            ("key = { env = \"NAME\" }", "key = { env = \"NAME\" }"),
            ("metrics = \"open\"", "metrics = \"open\""),
            ("metrics = \"hunter2\"", "metrics = ***"),
            ("\"api_key\": \"hunter2\"", "\"api_key\": ***"),
            (
                "x = { name = \"a\", key = 'hunter2' }",
                "x = { name = \"a\", key = ***",
            ),
            ("model = \"sk-abcdefghijkl\" # see", "model = \"***\" # see"),
            (
                "base_url = \"https://me:pw@example.com/v1\"",
                "base_url = \"https://***@example.com/v1\"",
            ),
            (
                "base_url = \"https://example.com/v1?k=v\"",
                "base_url = \"https://example.com/v1?***\"",
            ),
            ("key = { env = \"hunter2\" }", "key = { env = ***"),
            ("key = { value = \"hunter2\" }", "key = { value = ***"),
            ("monkey = \"banana\"", "monkey = \"banana\""),
        ] {
            assert_eq!(masked_line(line), shown);
        }
    }
}
