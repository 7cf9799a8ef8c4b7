//! The parlour in this house: its log over the store, who answers in which of its rooms, and what its pages learn of
//! the local model. The rooms themselves are the adapter's, what is answered is the journey's.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use teahouse_adapters::parlour::{
    ClockMode, Config, KeptLine, LocalShown, LocalStanding, LogError, PARLOUR, Parlour,
    ParlourError, ParlourLog,
};
use teahouse_core::{Charter, ChatId, Language, Route, RouteModel, Zone};
use teahouse_providers::PARROT;
use teahouse_providers::local::LocalState;
use teahouse_providers::parrot::{Act, BadAct};
use teahouse_store::{ParlourLine, Store};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::clock::Clock;
use crate::config::House;
use crate::host::Host;

/// The fact that lists the rooms.
const ROOMS: &str = "parlour/rooms";

/// Opens the parlour on a store.
pub async fn open(
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    data: &Path,
    language: Language,
) -> Result<Arc<Parlour>, ParlourError> {
    let (house_name, title) = match language {
        Language::Chinese => ("茶馆", "试茶间"),
        Language::English => ("Teahouse", "Tasting room"),
    };
    Parlour::open(Config {
        media: data.join("media"),
        house_name: house_name.to_owned(),
        title: title.to_owned(),
        now: Arc::new(move || clock.now()),
        log: Arc::new(StoreLog {
            store,
            listing: tokio::sync::Mutex::default(),
        }),
    })
    .await
}

/// The house of rooms in the parlour that no other house covers: the first house's charter, with all its limits.
pub fn house(houses: &[House]) -> House {
    match houses.first() {
        Some(first) => first.elsewhere(PARLOUR),
        None => House::of_account(PARLOUR, Charter::open_table()),
    }
}

struct StoreLog {
    store: Arc<dyn Store>,
    /// Two new rooms do not lose each other from the list.
    listing: tokio::sync::Mutex<()>,
}

fn fact(room: &str) -> String {
    format!("parlour/room/{room}")
}

#[async_trait]
impl ParlourLog for StoreLog {
    async fn append(&self, lines: Vec<KeptLine>) -> Result<(), LogError> {
        let lines = lines.into_iter().map(|line| ParlourLine {
            room: line.room,
            id: line.id,
            at: Timestamp::from_millisecond(line.at).unwrap_or(Timestamp::UNIX_EPOCH),
            body: line.body,
        });
        Ok(self.store.keep_parlour(lines.collect()).await?)
    }

    async fn load(&self, room: &ChatId, newest: usize) -> Result<Vec<KeptLine>, LogError> {
        let newest = u32::try_from(newest).unwrap_or(u32::MAX);
        let lines = self.store.parlour(room, newest).await?;
        let kept = lines.into_iter().map(|line| KeptLine {
            room: line.room,
            id: line.id,
            at: line.at.as_millisecond(),
            body: line.body,
        });
        Ok(kept.collect())
    }

    async fn rooms(&self) -> Result<Vec<(ChatId, String)>, LogError> {
        let list = self.store.fact(ROOMS).await?.unwrap_or_default();
        let mut rooms = Vec::new();
        for room in list.split_whitespace() {
            if let Some(fact) = self.store.fact(&fact(room)).await? {
                rooms.push((ChatId::new(room), fact));
            }
        }
        Ok(rooms)
    }

    async fn keep_room(&self, room: &ChatId, kept: String) -> Result<(), LogError> {
        let _one_at_a_time = self.listing.lock().await;
        self.store.keep_fact(&fact(room.as_str()), &kept).await?;
        let list = self.store.fact(ROOMS).await?.unwrap_or_default();
        let mut rooms: Vec<&str> = list.split_whitespace().collect();
        let known = rooms.contains(&room.as_str());
        match kept.is_empty() {
            true => rooms.retain(|known| *known != room.as_str()),
            false if known => return Ok(()),
            false => rooms.push(room.as_str()),
        }
        self.store.keep_fact(ROOMS, &rooms.join(" ")).await?;
        Ok(())
    }
}

/// Why a room gets no such model.
#[derive(Debug, thiserror::Error)]
pub enum ChooseError {
    /// Nobody of that name.
    #[error("no provider \"{choice}\" is in a route; choose one of {known}")]
    Unknown {
        /// What was chosen.
        choice: String,
        /// What could be.
        known: String,
    },
    /// No such fault.
    #[error(transparent)]
    Fault(#[from] BadAct),
    /// The parlour.
    #[error(transparent)]
    Parlour(#[from] ParlourError),
}

/// Who may answer in the parlour's rooms.
pub struct Models {
    parlour: Arc<Parlour>,
    host: Arc<Host>,
    known: BTreeMap<String, RouteModel>,
}

impl Models {
    /// Every provider that a route names, and the parrot.
    pub fn new(
        parlour: Arc<Parlour>,
        host: Arc<Host>,
        routes: &HashMap<String, Arc<Route>>,
    ) -> Self {
        let mut known = BTreeMap::new();
        let mut routes: Vec<_> = routes.iter().collect();
        routes.sort_by_key(|(name, _)| name.as_str());
        for model in routes.iter().flat_map(|(_, route)| &route.models) {
            known
                .entry(model.provider.clone())
                .or_insert_with(|| model.clone());
        }
        // Whatever a route makes of it: chosen by hand, the parrot echoes.
        known.insert(PARROT.to_owned(), Act::Echo.model());
        Models {
            parlour,
            host,
            known,
        }
    }

    /// What can be chosen.
    pub fn choices(&self) -> Vec<String> {
        self.known.keys().cloned().collect()
    }

    /// A room's model from now on; an empty choice is what its charter says. A fault is played before it, by the parrot:
    /// `429`, `delay=5s` …
    pub async fn choose(
        &self,
        room: &ChatId,
        choice: &str,
        fault: Option<&str>,
    ) -> Result<(), ChooseError> {
        let fault = fault.filter(|fault| !fault.is_empty());
        let route = self.route(choice, fault)?;
        self.parlour.set_model(room, choice, fault).await?;
        self.host.set_route(&self.parlour.address(room), route);
        Ok(())
    }

    /// The routes of all rooms as they were left. A choice that is gone falls back to the charter's.
    pub fn restore(&self) {
        for card in self.parlour.room_cards() {
            let model = &card.shown.model;
            match self.route(&model.choice, model.fault.as_deref()) {
                Ok(route) => self
                    .host
                    .set_route(&self.parlour.address(&card.room), route),
                Err(error) => warn!(room = %card.room, "the room's own model is gone: {error}"),
            }
        }
    }

    fn route(&self, choice: &str, fault: Option<&str>) -> Result<Option<Arc<Route>>, ChooseError> {
        let fault = match fault {
            None => None,
            Some(fault) => {
                let name = match fault.starts_with(PARROT) {
                    true => fault.to_owned(),
                    false => format!("{PARROT}:{fault}"),
                };
                Some(name.parse::<Act>()?.model())
            }
        };
        let chosen = match choice {
            "" => None,
            name => Some(
                self.known
                    .get(name)
                    .cloned()
                    .ok_or_else(|| ChooseError::Unknown {
                        choice: name.to_owned(),
                        known: self.choices().join(", "),
                    })?,
            ),
        };
        let models: Vec<RouteModel> = match (fault, chosen) {
            (None, None) => return Ok(None),
            // The parrot's fault is not mended by the parrot.
            (Some(fault), Some(chosen)) if chosen.provider == PARROT => vec![fault],
            (fault, chosen) => fault.into_iter().chain(chosen).collect(),
        };
        Ok(Some(Arc::new(Route {
            name: format!("parlour ({choice})"),
            models,
        })))
    }
}

/// How a room's clock goes by a word: `now`, `fast`, or a time of the room's day such as `23:30`.
pub fn clock_mode(word: &str, zone: &Zone, now: Timestamp, shown: Timestamp) -> Option<ClockMode> {
    match word {
        "now" => return Some(ClockMode::Now),
        "fast" => return Some(ClockMode::fast(now, shown)),
        _ => {}
    }
    let (hours, minutes) = word.split_once(':')?;
    let number = |text: &str, below: i64| {
        let plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i64>().ok().filter(|n| plain && *n < below)
    };
    let (hours, minutes) = (number(hours, 24)?, number(minutes, 60)?);
    let (midnight, _) = zone.day(now);
    let moment = midnight + SignedDuration::from_mins(hours * 60 + minutes);
    Some(ClockMode::showing(moment, now))
}

/// Shows in all rooms how the local model stands, until told to stop.
pub async fn show_local(
    parlour: Arc<Parlour>,
    mut local: watch::Receiver<LocalState>,
    stop: CancellationToken,
) {
    loop {
        let shown = {
            let state = local.borrow_and_update();
            LocalShown {
                state: standing(&state),
                percent: state.percent(),
            }
        };
        parlour.show_local(&shown);
        tokio::select! {
            changed = local.changed() => if changed.is_err() { return },
            () = stop.cancelled() => return,
        }
    }
}

fn standing(state: &LocalState) -> LocalStanding {
    match state {
        LocalState::Missing => LocalStanding::Missing,
        LocalState::Fetching { .. } => LocalStanding::Fetching,
        LocalState::Loading => LocalStanding::Loading,
        LocalState::Ready | LocalState::Stopped => LocalStanding::Ready,
        LocalState::Failed { .. } => LocalStanding::Failed,
    }
}
