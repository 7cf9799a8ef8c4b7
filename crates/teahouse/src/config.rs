//! Settings: read once, checked whole, an error names file, line, column, the nearest right key and the way out.
//! Inside, the types are the proof; nothing later asks whether a setting makes sense.

mod charters;
mod files;
#[cfg(test)]
mod fuzz;
pub mod lists;
mod secret;
mod source;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use teahouse_adapters::parlour::PARLOUR;
use teahouse_adapters::terminal::TERMINAL;
use teahouse_core::rules::judge::Rules;
use teahouse_core::{
    AccountName, Address, AiMark, Charter, Currency, Language, Money, Nano, Pace, Price, Route,
    RouteModel, parse_nano,
};
use teahouse_providers::PARROT;
use teahouse_providers::parrot::{Act, BadAct};
use toml::Spanned;

pub use files::{Files, Looks};
use secret::{RawMetrics, RawSecret};
pub use source::ConfigError;
use source::{Source, Span, nearest};

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSettings {
    #[serde(default)]
    server: RawServer,
    #[serde(default)]
    account: Vec<RawAccount>,
    #[serde(default)]
    provider: Vec<RawProvider>,
    #[serde(default)]
    route: Vec<RawRoute>,
    #[serde(default)]
    house: Vec<RawHouse>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawServer {
    listen: Spanned<String>,
    data: PathBuf,
    language: Language,
    region: Option<String>,
    metrics: Option<Spanned<RawMetrics>>,
    hosts: Vec<Spanned<String>>,
}

impl Default for RawServer {
    fn default() -> Self {
        RawServer {
            listen: Spanned::new(0..0, "127.0.0.1:7788".into()),
            data: "data".into(),
            language: Language::English,
            region: None,
            metrics: None,
            hosts: vec![],
        }
    }
}

#[derive(Deserialize)]
enum Protocol {
    #[serde(rename = "onebot-v11")]
    OneBotV11,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAccount {
    name: Spanned<String>,
    protocol: Protocol,
    id: Option<Spanned<String>>,
    #[serde(default)]
    listen: bool,
    dial: Option<Spanned<String>>,
    #[serde(default)]
    allow_ws: bool,
    token: Spanned<RawSecret>,
    #[serde(default)]
    pace: Pace,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ApiName {
    Openai,
    Local,
    Parrot,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProvider {
    name: Spanned<String>,
    api: Spanned<ApiName>,
    base_url: Option<Spanned<String>>,
    #[serde(default)]
    allow_http: bool,
    key: Option<Spanned<RawSecret>>,
    credit: Option<Spanned<Money>>,
    model: Option<Spanned<String>>,
    first_token: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRoute {
    name: Spanned<String>,
    models: Spanned<Vec<RawRouteModel>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRouteModel {
    provider: Spanned<String>,
    model: Option<Spanned<String>>,
    price: Option<Spanned<RawPrice>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPrice {
    input: Option<Spanned<String>>,
    output: Option<Spanned<String>>,
    #[serde(default = "Currency::usd")]
    currency: Currency,
    /// The operator's word that this model costs nothing.
    #[serde(default)]
    free: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHouse {
    rooms: Vec<Spanned<String>>,
    charter: Spanned<PathBuf>,
    #[serde(default)]
    direct: bool,
}

/// Names that the file gives, also to what turns out wrong: then that is told, and not that the name is unknown.
struct Named {
    accounts: Vec<String>,
    providers: Vec<String>,
    routes: Vec<String>,
}

impl Named {
    fn of(raw: &RawSettings) -> Self {
        let name = |name: &Spanned<String>| name.get_ref().clone();
        Named {
            accounts: (raw.account.iter().map(|a| name(&a.name)))
                .chain([PARLOUR.to_owned()])
                .collect(),
            providers: (raw.provider.iter().map(|p| name(&p.name)))
                .chain([PARROT.to_owned()])
                .collect(),
            routes: raw.route.iter().map(|r| name(&r.name)).collect(),
        }
    }
}

/// A question back, if one of the known names was probably meant.
fn did_you_mean(name: &str, known: &[String]) -> String {
    nearest(name, known.iter().map(String::as_str))
        .map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"))
}

struct Checker<'a> {
    source: &'a Source,
    environment: Environment<'a>,
    desk: &'a Desk<'a>,
    named: Named,
    /// Of notices where a charter says nothing.
    language: Language,
    /// Where the house stands.
    region: Option<String>,
    errors: Vec<ConfigError>,
    warnings: Vec<String>,
}

impl Checker<'_> {
    fn wrong(&mut self, span: Span, message: impl Into<String>) {
        self.errors
            .push(self.source.error(Some(span), message.into()));
    }

    fn settings(mut self, raw: RawSettings) -> Result<Settings, Vec<ConfigError>> {
        self.each_name_once("account", raw.account.iter().map(|a| &a.name));
        self.each_name_once("provider", raw.provider.iter().map(|p| &p.name));
        self.each_name_once("route", raw.route.iter().map(|r| &r.name));
        self.each_account_once(&raw.account);
        let server = self.server(raw.server);
        let accounts: Vec<_> = raw
            .account
            .into_iter()
            .filter_map(|account| self.account(account))
            .collect();
        let has_parrot = raw.provider.iter().any(|p| p.name.get_ref() == PARROT);
        let mut providers: Vec<_> = raw
            .provider
            .into_iter()
            .filter_map(|provider| self.provider(provider))
            .collect();
        if !has_parrot {
            providers.push(ProviderSettings::parrot());
        }
        let mut routes = HashMap::new();
        for route in raw.route {
            if let Some(route) = self.route(route, &providers) {
                routes.insert(route.name.clone(), Arc::new(route));
            }
        }
        let houses: Vec<_> = raw
            .house
            .into_iter()
            .filter_map(|house| self.house(house, &routes))
            .collect();
        match server {
            Some(server) if self.errors.is_empty() => Ok(Settings {
                server,
                accounts,
                providers,
                routes,
                houses,
                warnings: self.warnings,
            }),
            _ => Err(self.errors),
        }
    }

    /// Two of one name: whoever refers to it could mean either.
    fn each_name_once<'n>(&mut self, what: &str, names: impl Iterator<Item = &'n Spanned<String>>) {
        let mut known = HashSet::new();
        for name in names {
            let text = name.get_ref();
            if secret::looks_like_key(text) {
                self.wrong(name.span(), format!("a key stands where the name of this {what} belongs; put it into the environment and write key = {{ env = \"NAME\" }}"));
            } else if text.trim().is_empty() {
                self.wrong(
                    name.span(),
                    format!("this {what} has no name; write any word"),
                );
            } else if !known.insert(text) {
                self.wrong(
                    name.span(),
                    format!("a second {what} is named \"{text}\"; give each its own name"),
                );
            }
        }
    }

    /// One account of the platform in two sections would answer everything twice.
    fn each_account_once(&mut self, accounts: &[RawAccount]) {
        let mut known: HashMap<&str, &str> = HashMap::new();
        for account in accounts {
            let (Some(id), name) = (&account.id, account.name.get_ref()) else {
                continue;
            };
            if let Some(first) = known.insert(id.get_ref(), name) {
                self.wrong(
                    id.span(),
                    format!("accounts \"{first}\" and \"{name}\" are both {}; one account of the platform is one section, and two bridges of it may share that", id.get_ref()),
                );
            }
        }
    }

    fn server(&mut self, raw: RawServer) -> Option<Server> {
        let listen = raw.listen.get_ref().clone();
        if listen.parse::<std::net::SocketAddr>().is_err() {
            self.wrong(
                raw.listen.span(),
                format!(
                    "\"{listen}\" is no address to listen on; write it like \"127.0.0.1:7788\""
                ),
            );
            return None;
        }
        let metrics = match &raw.metrics {
            None => Metrics::Off,
            Some(metrics) => match metrics.get_ref() {
                RawMetrics::Open => Metrics::Open,
                RawMetrics::Secret(secret) => {
                    Metrics::Token(self.secret("server.metrics", metrics.span(), secret)?)
                }
            },
        };
        let mut hosts = Vec::new();
        for host in &raw.hosts {
            let name = host.get_ref().to_ascii_lowercase();
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
            if name.is_empty() || !name.chars().all(plain) {
                self.wrong(
                    host.span(),
                    "a host is a bare name, without http:// and port, like \"tea.example.org\"",
                );
                continue;
            }
            hosts.push(name);
        }
        Some(Server {
            listen,
            data: self.source.beside(&raw.data),
            language: raw.language,
            metrics,
            hosts,
        })
    }

    fn account(&mut self, raw: RawAccount) -> Option<Account> {
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
    fn dial(&mut self, account: &str, url: &Spanned<String>, allow_ws: bool) {
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

    fn provider(&mut self, raw: RawProvider) -> Option<ProviderSettings> {
        let name = raw.name.get_ref().clone();
        let first_token = match &raw.first_token {
            None => None,
            Some(text) => {
                match parse_seconds(text.get_ref()) {
                    Some(limit) => Some(limit),
                    None => {
                        let shown = text.get_ref();
                        self.wrong(text.span(), format!("first_token: \"{shown}\" is no waiting time; write \"1s\" to \"240s\""));
                        None
                    }
                }
            }
        };
        if name == PARROT && !matches!(raw.api.get_ref(), ApiName::Parrot) {
            self.wrong(
                raw.name.span(),
                format!("the name \"{PARROT}\" is the built-in parrot's; give this provider another name, or write api = \"parrot\""),
            );
            return None;
        }
        let api = match raw.api.get_ref() {
            ApiName::Parrot => self.parrot(&name, &raw)?,
            ApiName::Openai => {
                let Some(url) = &raw.base_url else {
                    self.wrong(raw.name.span(), format!("provider \"{name}\" needs base_url, like \"https://api.example.com/v1\""));
                    return None;
                };
                self.base_url(&name, url, raw.allow_http);
                let key = match &raw.key {
                    Some(key) => Some(self.secret(
                        &format!("key of provider \"{name}\""),
                        key.span(),
                        key.get_ref(),
                    )?),
                    None => None,
                };
                Api::OpenAi {
                    base_url: url.get_ref().trim_end_matches('/').to_owned(),
                    key,
                }
            }
            ApiName::Local => Api::Local {
                model: raw.model.map_or_else(|| "auto".into(), Spanned::into_inner),
            },
        };
        Some(ProviderSettings {
            name,
            api,
            credit: raw.credit.map(Spanned::into_inner),
            first_token,
        })
    }

    /// The parrot asks nobody, so there is nothing to reach or to pay.
    fn parrot(&mut self, name: &str, raw: &RawProvider) -> Option<Api> {
        let needless = [
            ("base_url", raw.base_url.as_ref().map(Spanned::span)),
            ("key", raw.key.as_ref().map(Spanned::span)),
            ("credit", raw.credit.as_ref().map(Spanned::span)),
        ];
        for (key, span) in needless {
            if let Some(span) = span {
                self.wrong(span, format!("provider \"{name}\" is a parrot: it asks nobody and costs nothing; take {key} away"));
            }
        }
        let act = match &raw.model {
            None => Act::Echo,
            Some(model) => self.act(model)?,
        };
        Some(Api::Parrot { act })
    }

    fn act(&mut self, model: &Spanned<String>) -> Option<Act> {
        if self.is_key(model) {
            return None;
        }
        model
            .get_ref()
            .parse()
            .map_err(|error: BadAct| self.wrong(model.span(), error.to_string()))
            .ok()
    }

    /// Whether a key stands in place of a model's name; that is told without showing it.
    fn is_key(&mut self, model: &Spanned<String>) -> bool {
        let is_key = secret::looks_like_key(model.get_ref());
        if is_key {
            self.wrong(model.span(), "a key stands where a model's name belongs; put it into the environment and write key = { env = \"NAME\" } at the provider");
        }
        is_key
    }

    /// Keys must not travel in the clear, nor to a machine's own metadata service.
    fn base_url(&mut self, provider: &str, url: &Spanned<String>, allow_http: bool) {
        let text = url.get_ref();
        let mut wrong = |why: &str| {
            self.wrong(
                url.span(),
                format!("base_url of provider \"{provider}\" {why}"),
            );
        };
        let Ok(parsed) = text.parse::<axum::http::Uri>() else {
            return wrong("is no address; write it like \"https://api.example.com/v1\"");
        };
        let host = parsed.host().unwrap_or_default();
        if parsed.authority().is_some_and(|a| a.as_str().contains('@')) {
            return wrong("carries a user name; put the key into key = { env = \"NAME\" }");
        }
        if parsed.query().is_some() {
            return wrong(
                "carries a question mark; put the key into key = { env = \"NAME\" } and end the address before it",
            );
        }
        if let Some(end) = ["/chat/completions", "/completions", "/models"]
            .iter()
            .find(|end| parsed.path().trim_end_matches('/').ends_with(**end))
        {
            return wrong(&format!(
                "goes too far; end it before {end}, as in \"https://api.example.com/v1\""
            ));
        }
        match (parsed.scheme_str(), Neighbourhood::of(host)) {
            (Some("https" | "http"), Neighbourhood::Metadata) => {
                wrong("is an address of this machine's own cloud; no model is there");
            }
            (Some("https"), _) | (Some("http"), Neighbourhood::Loopback) => {}
            (Some("http"), Neighbourhood::Private) if allow_http => {}
            (Some("http"), Neighbourhood::Private) => {
                wrong("is plain http to another machine; use https, or write allow_http = true");
            }
            (Some("http"), Neighbourhood::Public) => {
                wrong("is plain http to a public host, where anybody can read the key; use https");
            }
            _ => wrong("must start with https:// or http://"),
        }
    }

    fn secret(&mut self, what: &str, span: Span, raw: &RawSecret) -> Option<SecretString> {
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

    fn route(&mut self, raw: RawRoute, providers: &[ProviderSettings]) -> Option<Route> {
        let name = raw.name.into_inner();
        let models_span = raw.models.span();
        let raw_models = raw.models.into_inner();
        if raw_models.is_empty() {
            self.wrong(
                models_span,
                format!("route \"{name}\" has no model; name at least one"),
            );
            return None;
        }
        let models: Vec<_> = raw_models
            .into_iter()
            .filter_map(|model| self.route_model(&name, model, providers))
            .collect();
        (!models.is_empty()).then_some(Route { name, models })
    }

    fn route_model(
        &mut self,
        route: &str,
        raw: RawRouteModel,
        providers: &[ProviderSettings],
    ) -> Option<RouteModel> {
        let span = raw.provider.span();
        let name = raw.provider.get_ref();
        let Some(provider) = providers.iter().find(|provider| provider.name == *name) else {
            if !self.named.providers.contains(name) {
                let hint = did_you_mean(name, &self.named.providers);
                self.wrong(
                    span,
                    format!(
                        "route \"{route}\" names provider \"{name}\", which is not set up{hint}"
                    ),
                );
            }
            return None;
        };
        if let Api::Local { model } = &provider.api {
            return Some(RouteModel {
                provider: name.clone(),
                model: raw.model.map_or_else(|| model.clone(), Spanned::into_inner),
                price: Price::free(),
                mark: AiMark::SmallModel,
            });
        }
        if let Api::Parrot { act } = &provider.api {
            let act = match &raw.model {
                None => *act,
                Some(model) => self.act(model)?,
            };
            return Some(RouteModel {
                provider: name.clone(),
                ..act.model()
            });
        }
        let Some(model) = raw.model else {
            self.wrong(
                span,
                format!(
                    "route \"{route}\" does not say which model of \"{name}\"; add model = \"…\""
                ),
            );
            return None;
        };
        if self.is_key(&model) {
            return None;
        }
        let price = match raw.price {
            Some(price) => self.price(price)?,
            None => match listed_price(model.get_ref()) {
                Some(price) => price,
                None => {
                    let model = model.get_ref();
                    self.wrong(span, format!("the price of model \"{model}\" is not known, and unknown is never free; add {PRICE}"));
                    return None;
                }
            },
        };
        if let Some(credit) = &provider.credit
            && price != Price::free()
            && credit.currency != price.currency
        {
            let (paid, asked) = (&credit.currency, &price.currency);
            self.wrong(span, format!("provider \"{name}\" has its credit in {paid} and this model its price in {asked}; write both in one currency"));
            return None;
        }
        Some(RouteModel {
            provider: name.clone(),
            model: model.into_inner(),
            price,
            mark: AiMark::Model,
        })
    }

    /// A price of nothing is believed only if the operator says so in so many words.
    fn price(&mut self, raw: Spanned<RawPrice>) -> Option<Price> {
        let span = raw.span();
        let raw = raw.into_inner();
        let (input, output) = match (&raw.input, &raw.output, raw.free) {
            (None, None, true) => return Some(Price::free()),
            (Some(input), Some(output), false) => (input, output),
            (_, _, true) => {
                self.wrong(
                    span,
                    "a price is either free = true or input and output; keep one",
                );
                return None;
            }
            (_, _, false) => {
                self.wrong(
                    span,
                    format!("a price needs input and output; write {PRICE}"),
                );
                return None;
            }
        };
        let mut side = |text: &Spanned<String>| -> Option<Nano> {
            match parse_nano(text.get_ref()) {
                Ok(nano) => Some(nano),
                Err(error) => {
                    self.wrong(text.span(), error.to_string());
                    None
                }
            }
        };
        let (input, output) = (side(input), side(output));
        let (input, output) = (input?, output?);
        if input == Nano::ZERO && output == Nano::ZERO {
            self.wrong(
                span,
                "a price of 0 would count nothing; write the price, or price = { free = true } if this model costs nothing",
            );
            return None;
        }
        Some(Price {
            input,
            output,
            currency: raw.currency,
        })
    }

    fn house(&mut self, raw: RawHouse, routes: &HashMap<String, Arc<Route>>) -> Option<House> {
        for pattern in &raw.rooms {
            let text = pattern.get_ref();
            let account = text.split_once(':').map(|(account, _)| account);
            match account {
                None => self.wrong(
                    pattern.span(),
                    format!("\"{text}\" names no room; write ACCOUNT:CHAT, like \"qq:*\""),
                ),
                Some("*") => {}
                Some(name) if self.named.accounts.iter().any(|known| known == name) => {}
                Some(name) => {
                    let hint = did_you_mean(name, &self.named.accounts);
                    self.wrong(
                        pattern.span(),
                        format!("\"{text}\" names account \"{name}\", which is not set up{hint}"),
                    );
                }
            }
        }
        let file = self.source.beside(raw.charter.get_ref());
        let Ruled {
            charter,
            rules,
            hash,
            warnings,
        } = match ruled(&file, self.language, self.desk) {
            Ok(ruled) => ruled,
            Err(errors) => {
                for error in errors {
                    match error.line {
                        None => self.wrong(raw.charter.span(), error.message),
                        Some(_) => self.errors.push(error),
                    }
                }
                return None;
            }
        };
        self.warnings.extend(warnings);
        let (mut charter, mut hash) = (Charter::clone(&charter), hash);
        if let (Some(crisis), Some(region)) = (&mut charter.crisis, &self.region)
            && crisis.region.is_none()
        {
            crisis.region = Some(region.clone());
            hash = Sha256::new_with_prefix(hash)
                .chain_update(region)
                .finalize()
                .into();
        }
        let Some(route) = routes.get(&charter.route) else {
            if !self.named.routes.contains(&charter.route) {
                let hint = did_you_mean(&charter.route, &self.named.routes);
                let message = format!(
                    "charter \"{}\" asks route \"{}\", which is not set up{hint}",
                    charter.name, charter.route
                );
                self.wrong(raw.charter.span(), message);
            }
            return None;
        };
        if let Some(money) = &charter.purse.per_day
            && let Some(model) = route
                .models
                .iter()
                .find(|m| m.price.currency != money.currency && m.price != Price::free())
        {
            let message = format!(
                "charter \"{}\" spends {}, but model \"{}\" of its route is priced in {}; write both in one currency",
                charter.name, money.currency, model.model, model.price.currency
            );
            self.wrong(raw.charter.span(), message);
            return None;
        }
        let patterns = raw.rooms.into_iter().map(Spanned::into_inner).collect();
        Some(House {
            patterns,
            charter: Arc::new(charter),
            rules,
            hash,
            direct: raw.direct,
        })
    }
}

/// How a price is written.
const PRICE: &str =
    "price = { input = \"0.15\", output = \"0.60\", currency = \"USD\" } per million tokens";

/// Where a host is, as far as its name tells: no name is resolved for this.
enum Neighbourhood {
    Loopback,
    Private,
    Public,
    /// Where clouds keep a machine's own keys.
    Metadata,
}

impl Neighbourhood {
    fn of(host: &str) -> Self {
        let host = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .trim_end_matches('.')
            .to_ascii_lowercase();
        if host == "metadata" || host == "metadata.google.internal" {
            return Neighbourhood::Metadata;
        }
        if let Ok(ip) = host.parse::<IpAddr>() {
            return match ip.to_canonical() {
                ip if ip.is_loopback() => Neighbourhood::Loopback,
                // 100.100.100.200 and fd00:ec2::254 are metadata services too.
                IpAddr::V4(ip) if ip.is_link_local() || ip.octets() == [100, 100, 100, 200] => {
                    Neighbourhood::Metadata
                }
                IpAddr::V6(ip)
                    if ip.is_unicast_link_local() || ip.segments()[..2] == [0xfd00, 0x0ec2] =>
                {
                    Neighbourhood::Metadata
                }
                IpAddr::V4(ip)
                    if ip.is_private() || ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64 =>
                {
                    Neighbourhood::Private
                }
                IpAddr::V6(ip) if ip.is_unique_local() => Neighbourhood::Private,
                IpAddr::V4(_) | IpAddr::V6(_) => Neighbourhood::Public,
            };
        }
        let ends = |ends: &[&str]| ends.iter().any(|end| host.ends_with(end));
        if host == "localhost" || ends(&[".localhost"]) {
            Neighbourhood::Loopback
        } else if !host.contains('.')
            || ends(&[
                ".local",
                ".lan",
                ".internal",
                ".home.arpa",
                ".test",
                ".localdomain",
            ])
        {
            // One word is a name of this network: a container, a machine next door.
            Neighbourhood::Private
        } else {
            Neighbourhood::Public
        }
    }
}

fn parse_seconds(text: &str) -> Option<Duration> {
    let seconds: u64 = text.strip_suffix('s')?.parse().ok()?;
    (1..=240)
        .contains(&seconds)
        .then(|| Duration::from_secs(seconds))
}

/// The list price of a model we ship a price for.
fn listed_price(model: &str) -> Option<Price> {
    #[derive(Deserialize)]
    struct Table {
        models: Vec<Row>,
    }
    #[derive(Deserialize)]
    struct Row {
        name: String,
        input_usd_per_mtok: Option<serde_json::Number>,
        output_usd_per_mtok: Option<serde_json::Number>,
    }
    let table: Table =
        serde_json::from_str(include_str!("../../../data/model-prices.json")).ok()?;
    let row = table.models.into_iter().find(|row| row.name == model)?;
    Some(Price {
        input: parse_nano(&row.input_usd_per_mtok?.to_string()).ok()?,
        output: parse_nano(&row.output_usd_per_mtok?.to_string()).ok()?,
        currency: Currency::usd(),
    })
}
