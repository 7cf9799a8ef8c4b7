//! What is written, made into settings: every mistake is told at once, with its place and the way out. The parts of it
//! stand beside this: accounts, providers and their routes, charters.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use teahouse_adapters::parlour::PARLOUR;
use teahouse_core::{Charter, Language, Price, Route};
use teahouse_providers::PARROT;
use toml::Spanned;

use super::raw::{RawAccount, RawHouse, RawServer, RawSettings};
use super::secret::{self, RawMetrics};
use super::source::{ConfigError, Source, Span, nearest};
use super::{Desk, Environment, House, Metrics, ProviderSettings, Ruled, Server, Settings, ruled};

/// Names that the file gives, also to what turns out wrong: then that is told, and not that the name is unknown.
pub(super) struct Named {
    pub(super) accounts: Vec<String>,
    pub(super) providers: Vec<String>,
    pub(super) routes: Vec<String>,
}

impl Named {
    pub(super) fn of(raw: &RawSettings) -> Self {
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
pub(super) fn did_you_mean(name: &str, known: &[String]) -> String {
    nearest(name, known.iter().map(String::as_str))
        .map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"))
}

pub(super) struct Checker<'a> {
    pub(super) source: &'a Source,
    pub(super) environment: Environment<'a>,
    pub(super) desk: &'a Desk<'a>,
    pub(super) named: Named,
    /// Of notices where a charter says nothing.
    pub(super) language: Language,
    /// Where the house stands.
    pub(super) region: Option<String>,
    pub(super) errors: Vec<ConfigError>,
    pub(super) warnings: Vec<String>,
}

impl Checker<'_> {
    pub(super) fn wrong(&mut self, span: Span, message: impl Into<String>) {
        self.errors
            .push(self.source.error(Some(span), message.into()));
    }

    pub(super) fn settings(mut self, raw: RawSettings) -> Result<Settings, Vec<ConfigError>> {
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
    pub(super) fn each_name_once<'n>(
        &mut self,
        what: &str,
        names: impl Iterator<Item = &'n Spanned<String>>,
    ) {
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
    pub(super) fn each_account_once(&mut self, accounts: &[RawAccount]) {
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

    pub(super) fn server(&mut self, raw: RawServer) -> Option<Server> {
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

    pub(super) fn house(
        &mut self,
        raw: RawHouse,
        routes: &HashMap<String, Arc<Route>>,
    ) -> Option<House> {
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
