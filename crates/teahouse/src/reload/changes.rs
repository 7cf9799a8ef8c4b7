//! What is different between two readings of the files: in the house rules, which take effect at once, and in what
//! only a restart changes. It says so and changes nothing; no secret and no entry of a list is in what it says.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};
use teahouse_core::Charter;

use crate::config::{Api, House, Metrics, Settings};

/// What only a restart changes, by name; each as a number that says nothing else.
pub(super) struct Fixed(BTreeMap<String, [u8; 32]>);

impl Fixed {
    pub fn of(settings: &Settings) -> Self {
        let mut all = BTreeMap::new();
        let mut add = |name: String, shown: String, secret: Option<&SecretString>| {
            let secret = secret.map_or("", SecretString::expose_secret);
            let hash = Sha256::new_with_prefix(shown).chain_update(secret);
            all.insert(name, hash.finalize().into());
        };
        let server = &settings.server;
        let token = match &server.metrics {
            Metrics::Off | Metrics::Open => None,
            Metrics::Token(token) => Some(token),
        };
        add("server.listen".into(), server.listen.clone(), None);
        add("server.data".into(), format!("{:?}", server.data), None);
        add(
            "server.language".into(),
            format!("{:?}", server.language),
            None,
        );
        add(
            "server.metrics".into(),
            format!("{:?}", server.metrics),
            token,
        );
        add("server.hosts".into(), format!("{:?}", server.hosts), None);
        for account in &settings.accounts {
            let name = format!("account \"{}\"", account.name);
            add(name, format!("{account:?}"), Some(&account.token));
        }
        for provider in &settings.providers {
            let key = match &provider.api {
                Api::OpenAi { key, .. } => key.as_ref(),
                Api::Local { .. } | Api::Parrot { .. } => None,
            };
            let name = format!("provider \"{}\"", provider.name);
            add(name, format!("{provider:?}"), key);
        }
        for (name, route) in &settings.routes {
            add(format!("route \"{name}\""), format!("{route:?}"), None);
        }
        Fixed(all)
    }

    /// What is different, each with what it takes.
    pub fn differs(&self, new: &Fixed) -> Vec<String> {
        let names = self.0.keys().chain(new.0.keys());
        let mut names: Vec<&String> = names.collect();
        names.sort();
        names.dedup();
        let differing = names.into_iter().filter_map(|name| {
            let what = match (self.0.get(name), new.0.get(name)) {
                (Some(was), Some(is)) if was == is => return None,
                (Some(_), Some(_)) => "is different",
                (None, _) => "is new",
                (Some(_), None) => "is gone",
            };
            Some(format!("{name} {what}: that takes a restart"))
        });
        differing.collect()
    }
}

/// What is different in the house rules.
pub(super) fn changes(was: &[House], is: &[House]) -> Vec<String> {
    let mut lines = Vec::new();
    for house in is {
        let name = &house.charter.name;
        let version = house.rules.version();
        match was.iter().find(|old| old.charter.name == *name) {
            None => lines.push(format!("charter \"{name}\" is new, version {version}")),
            Some(old) if old.hash == house.hash => {}
            Some(old) => lines.push(format!(
                "charter \"{name}\" is version {version} now, it was {}: {}",
                old.rules.version(),
                rules_that_differ(&old.charter, &house.charter)
            )),
        }
    }
    for house in was {
        let name = &house.charter.name;
        if !is.iter().any(|new| new.charter.name == *name) {
            lines.push(format!("charter \"{name}\" is gone"));
        }
    }
    let covered = |houses: &[House]| -> Vec<(Vec<String>, String, bool)> {
        let rows = houses.iter().map(|house| {
            let name = house.charter.name.clone();
            (house.rooms().to_vec(), name, house.direct)
        });
        rows.collect()
    };
    if covered(was) != covered(is) {
        lines.push("which rooms live under which charter is different".to_owned());
    }
    lines.dedup();
    lines
}

/// The rules that came, went or have another mode; else it is in their words.
fn rules_that_differ(was: &Charter, is: &Charter) -> String {
    let (was, is) = (was.rules(), is.rules());
    let mut told = Vec::new();
    for rule in &is {
        let (name, mode) = (&rule.name, rule.mode.as_str());
        match was.iter().find(|old| old.name == *name) {
            None => told.push(format!("{name} is new ({mode})")),
            Some(old) if old.mode != rule.mode => {
                told.push(format!("{name} goes from {} to {mode}", old.mode.as_str()));
            }
            Some(_) => {}
        }
    }
    let gone = was
        .iter()
        .filter(|old| !is.iter().any(|new| new.name == old.name));
    told.extend(gone.map(|old| format!("{} is gone", old.name)));
    match told.is_empty() {
        true => "the same rules with other words or settings".to_owned(),
        false => told.join(", "),
    }
}
