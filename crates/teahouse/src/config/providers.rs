//! Who is asked, in which order, at which price: `[[provider]]` and `[[route]]`. No address is opened here.

use std::time::Duration;

use serde::Deserialize;
use teahouse_core::{AiMark, Currency, Nano, Price, Route, RouteModel, parse_nano};
use teahouse_providers::PARROT;
use teahouse_providers::parrot::{Act, BadAct};
use toml::Spanned;

use super::checker::{Checker, did_you_mean};
use super::neighbourhood::Neighbourhood;
use super::raw::{ApiName, RawPrice, RawProvider, RawRoute, RawRouteModel};
use super::{Api, ProviderSettings, secret};

impl Checker<'_> {
    pub(super) fn provider(&mut self, raw: RawProvider) -> Option<ProviderSettings> {
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
    pub(super) fn parrot(&mut self, name: &str, raw: &RawProvider) -> Option<Api> {
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

    pub(super) fn act(&mut self, model: &Spanned<String>) -> Option<Act> {
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
    pub(super) fn is_key(&mut self, model: &Spanned<String>) -> bool {
        let is_key = secret::looks_like_key(model.get_ref());
        if is_key {
            self.wrong(model.span(), "a key stands where a model's name belongs; put it into the environment and write key = { env = \"NAME\" } at the provider");
        }
        is_key
    }

    /// Keys must not travel in the clear, nor to a machine's own metadata service.
    pub(super) fn base_url(&mut self, provider: &str, url: &Spanned<String>, allow_http: bool) {
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

    pub(super) fn route(&mut self, raw: RawRoute, providers: &[ProviderSettings]) -> Option<Route> {
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

    pub(super) fn route_model(
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
    pub(super) fn price(&mut self, raw: Spanned<RawPrice>) -> Option<Price> {
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
}

/// How a price is written.
const PRICE: &str =
    "price = { input = \"0.15\", output = \"0.60\", currency = \"USD\" } per million tokens";

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
        serde_json::from_str(include_str!("../../../../data/model-prices.json")).ok()?;
    let row = table.models.into_iter().find(|row| row.name == model)?;
    Some(Price {
        input: parse_nano(&row.input_usd_per_mtok?.to_string()).ok()?,
        output: parse_nano(&row.output_usd_per_mtok?.to_string()).ok()?,
        currency: Currency::usd(),
    })
}
