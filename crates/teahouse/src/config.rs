//! Settings: read once, checked whole, an error names file, line, column, the nearest right key and the way out.
//! Inside, the types are the proof; nothing later asks whether a setting makes sense.

mod accounts;
mod charters;
mod checker;
mod files;
#[cfg(test)]
mod fuzz;
pub mod lists;
mod neighbourhood;
mod providers;
mod raw;
mod secret;
mod source;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use teahouse_core::rules::judge::Rules;
use teahouse_core::{AccountName, Address, Charter, Language, Money, Pace, Route};
use teahouse_providers::PARROT;
use teahouse_providers::parrot::Act;

use checker::{Checker, Named};
pub use files::{Files, Looks};
use raw::RawSettings;
pub use source::ConfigError;
use source::Source;

/// Everything a host needs, checked.
pub struct Settings {
    /// The server.
    pub server: Server,
    /// Whom the house is on which platform.
    pub accounts: Vec<Account>,
    /// Who is asked.
    pub providers: Vec<ProviderSettings>,
    /// In which order.
    pub routes: HashMap<String, Arc<Route>>,
    /// Which rooms live under which charter, first match first.
    pub houses: Vec<House>,
    /// What an admin should look at in the charters.
    pub warnings: Vec<String>,
}

/// `[server]`.
#[derive(Clone, Debug)]
pub struct Server {
    /// One port for everything.
    pub listen: String,
    /// The data folder.
    pub data: PathBuf,
    /// Notices where a charter says nothing.
    pub language: Language,
    /// Who may read `/metrics`.
    pub metrics: Metrics,
    /// Names under which browsers reach it, beside this machine's own and bare addresses.
    pub hosts: Vec<String>,
}

/// Who may read `/metrics`.
#[derive(Clone, Debug)]
pub enum Metrics {
    /// Nobody.
    Off,
    /// Everybody who reaches the port.
    Open,
    /// Who has the token.
    Token(SecretString),
}

/// `[[account]]`.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its name.
    pub name: AccountName,
    /// The platform's own id, if it was written down.
    pub id: Option<String>,
    /// What the bridge must show, or we show to it.
    pub token: SecretString,
    /// Where its bridge listens, if we dial it.
    pub dial: Option<String>,
    /// How fast it may speak.
    pub pace: Pace,
}

/// `[[provider]]`.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// Its name.
    pub name: String,
    /// How it is spoken to.
    pub api: Api,
    /// What was paid in.
    pub credit: Option<Money>,
    /// How long it may think before its first word.
    pub first_token: Option<Duration>,
}

impl ProviderSettings {
    /// The parrot that is always there.
    fn parrot() -> Self {
        ProviderSettings {
            name: PARROT.to_owned(),
            api: Api::Parrot { act: Act::Echo },
            credit: None,
            first_token: None,
        }
    }
}

/// How a provider is spoken to.
#[derive(Clone, Debug)]
pub enum Api {
    /// Chat completions over HTTP.
    OpenAi {
        /// Such as `https://api.example.com/v1`.
        base_url: String,
        /// Its key.
        key: Option<SecretString>,
    },
    /// The model on this machine.
    Local {
        /// `auto`, a name of the catalogue, or a path.
        model: String,
    },
    /// Says the question again, for rehearsals.
    Parrot {
        /// What it does where a route names no model.
        act: Act,
    },
}

/// `[[house]]`.
#[derive(Clone, Debug)]
pub struct House {
    patterns: Arc<[String]>,
    /// Its words.
    pub charter: Arc<Charter>,
    /// Its rules, ready to judge.
    pub rules: Arc<Rules>,
    /// The same for the same charter with the same lists.
    pub hash: Hash,
    /// Whether it answers in direct chats.
    pub direct: bool,
}

/// What a charter and its lists say, as a number.
pub type Hash = [u8; 32];

impl House {
    /// The hash of its charter and lists, as it is kept.
    pub fn fingerprint(&self) -> String {
        self.hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Under the number that this version of its charter has.
    pub fn numbered(mut self, versions: impl Fn(&str, &Hash) -> u32) -> Self {
        let version = versions(&self.charter.name, &self.hash);
        if self.rules.version() != version {
            self.rules = Arc::new(self.rules.numbered(version));
        }
        self
    }

    /// The same house for every room of one account of our own.
    pub fn elsewhere(&self, account: &str) -> Self {
        House {
            patterns: [format!("{account}:*")].into(),
            direct: true,
            ..self.clone()
        }
    }

    /// Which rooms it covers, as the file has it.
    pub fn rooms(&self) -> &[String] {
        &self.patterns
    }

    /// Whether a room lives under this charter.
    pub fn covers(&self, address: &Address) -> bool {
        self.patterns
            .iter()
            .any(|pattern| match pattern.split_once(':') {
                Some((account, chat)) => {
                    (account == "*" || account == address.account.as_str())
                        && (chat == "*" || chat == address.chat.as_str())
                }
                None => false,
            })
    }

    /// Whether it is a house of the operator's own terminal.
    pub fn serves_terminal(&self) -> bool {
        self.patterns
            .iter()
            .any(|pattern| pattern.starts_with("terminal:"))
    }

    /// A house for every room of one account, under a charter that was read with its lists.
    pub fn ruled(account: &str, charter: Charter, rules: Arc<Rules>) -> Self {
        House {
            patterns: [format!("{account}:*")].into(),
            charter: Arc::new(charter),
            rules,
            hash: Hash::default(),
            direct: true,
        }
    }

    /// A house for every room of one account, under a charter without lists.
    pub fn of_account(account: &str, charter: Charter) -> Self {
        let speaks = charter.speaks.unwrap_or(Language::English);
        let no_lists = |list: &str| Err(format!("\"{list}\" is not at hand here"));
        let rules =
            Rules::compile(&charter, speaks, 1, &no_lists).unwrap_or_else(|_| Rules::none(speaks));
        House::ruled(account, charter, Arc::new(rules))
    }
}

/// Where secrets and environment come from, so that tests can bring their own.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What a reading works with beside the file itself.
#[derive(Default)]
pub struct Desk<'d> {
    /// Takes down which files are read.
    pub files: Files,
    /// Rules whose lists may be taken over.
    pub others: Vec<&'d Rules>,
    /// What a house in business speaks, whatever its file says by now.
    pub language: Option<Language>,
}

/// Reads and checks a configuration with the charters it names.
pub fn load(file: &Path, environment: Environment<'_>) -> Result<Settings, Vec<ConfigError>> {
    load_with(file, environment, &Desk::default())
}

/// The same, with a desk of one's own.
pub fn load_with(
    file: &Path,
    environment: Environment<'_>,
    desk: &Desk<'_>,
) -> Result<Settings, Vec<ConfigError>> {
    let source = Source::read(file, &desk.files).map_err(|error| vec![error])?;
    let raw: RawSettings = source.parse().map_err(|error| vec![error])?;
    Checker {
        source: &source,
        environment,
        desk,
        named: Named::of(&raw),
        language: desk.language.unwrap_or(raw.server.language),
        region: raw.server.region.clone(),
        errors: Vec::new(),
        warnings: Vec::new(),
    }
    .settings(raw)
}

/// A charter with its rules, ready to judge.
#[derive(Clone)]
pub struct Ruled {
    /// As it is written.
    pub charter: Arc<Charter>,
    /// What it sees.
    pub rules: Arc<Rules>,
    /// What it and its lists say, as a number.
    pub hash: Hash,
    /// What its admin should look at.
    pub warnings: Vec<String>,
}

/// Reads and checks a charter alone, with what it extends and its lists.
pub fn load_charter(file: &Path) -> Result<Charter, ConfigError> {
    charters::read(file, &Files::default())
}

/// Reads a charter and makes its rules ready.
pub fn load_ruled(file: &Path, language: Language) -> Result<Ruled, Vec<ConfigError>> {
    ruled(file, language, &Desk::default())
}

fn ruled(file: &Path, language: Language, desk: &Desk<'_>) -> Result<Ruled, Vec<ConfigError>> {
    let charter = charters::read(file, &desk.files).map_err(|error| vec![error])?;
    charters::rule(file, charter, language, desk)
}

/// Whether a file is meant as a whole configuration rather than a charter.
pub fn is_settings(text: &str) -> bool {
    text.parse::<toml::Table>().map_or_else(
        |_| {
            ["[server]", "[[account]]", "[[provider]]", "[[house]]"]
                .iter()
                .any(|head| text.contains(head))
        },
        |table| {
            ["server", "account", "provider", "route", "house"]
                .iter()
                .any(|key| table.get(*key).is_some_and(|v| !v.is_str()))
        },
    )
}
