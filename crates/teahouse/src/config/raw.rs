//! The configuration as it is written, before anything of it is believed. Checks nothing but shapes.

use std::path::PathBuf;

use serde::Deserialize;
use teahouse_core::{Currency, Language, Money, Pace};
use toml::Spanned;

use super::secret::{RawMetrics, RawSecret};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSettings {
    #[serde(default)]
    pub(super) server: RawServer,
    #[serde(default)]
    pub(super) account: Vec<RawAccount>,
    #[serde(default)]
    pub(super) provider: Vec<RawProvider>,
    #[serde(default)]
    pub(super) route: Vec<RawRoute>,
    #[serde(default)]
    pub(super) house: Vec<RawHouse>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawServer {
    pub(super) listen: Spanned<String>,
    pub(super) data: PathBuf,
    pub(super) language: Language,
    pub(super) region: Option<String>,
    pub(super) metrics: Option<Spanned<RawMetrics>>,
    pub(super) hosts: Vec<Spanned<String>>,
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
pub(super) enum Protocol {
    #[serde(rename = "onebot-v11")]
    OneBotV11,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAccount {
    pub(super) name: Spanned<String>,
    pub(super) protocol: Protocol,
    pub(super) id: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) listen: bool,
    pub(super) dial: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) allow_ws: bool,
    pub(super) token: Spanned<RawSecret>,
    #[serde(default)]
    pub(super) pace: Pace,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ApiName {
    Openai,
    Local,
    Parrot,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProvider {
    pub(super) name: Spanned<String>,
    pub(super) api: Spanned<ApiName>,
    pub(super) base_url: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) allow_http: bool,
    pub(super) key: Option<Spanned<RawSecret>>,
    pub(super) credit: Option<Spanned<Money>>,
    pub(super) model: Option<Spanned<String>>,
    pub(super) first_token: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRoute {
    pub(super) name: Spanned<String>,
    pub(super) models: Spanned<Vec<RawRouteModel>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRouteModel {
    pub(super) provider: Spanned<String>,
    pub(super) model: Option<Spanned<String>>,
    pub(super) price: Option<Spanned<RawPrice>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPrice {
    pub(super) input: Option<Spanned<String>>,
    pub(super) output: Option<Spanned<String>>,
    #[serde(default = "Currency::usd")]
    pub(super) currency: Currency,
    /// The operator's word that this model costs nothing.
    #[serde(default)]
    pub(super) free: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHouse {
    pub(super) rooms: Vec<Spanned<String>>,
    pub(super) charter: Spanned<PathBuf>,
    #[serde(default)]
    pub(super) direct: bool,
}
