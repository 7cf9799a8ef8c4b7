//! New house rules without a restart: settings, charters and lists are read again when somebody says so, or when one
//! of the files has changed. What is good takes effect in all rooms at once; of what is bad nothing does, and it is
//! told until it is mended. What a running house cannot change is named, and waits for a restart.

mod changes;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use teahouse_core::{Language, Price};
use teahouse_store::{CharterVersion, StoreError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::config::{self, ConfigError, Desk, Hash, House, Looks, Settings};
use crate::host::Host;
use crate::serve::with_our_own;
use changes::{Fixed, changes};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Under which number a charter's name and hash are known; a new hash gets the next number of its name.
pub type Versions = Box<dyn Fn(&str, &Hash) -> u32 + Send + Sync>;

/// Where the values of environment variables come from.
type Variables = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The versions that were kept of charters by these names, by name: hash and number.
pub type Kept = HashMap<String, Vec<(String, u32)>>;

/// Brings what was kept of the charters of these settings.
pub async fn kept(host: &Host, settings: &Settings) -> Result<Kept, StoreError> {
    let mut kept = Kept::default();
    for house in &settings.houses {
        let name = &house.charter.name;
        if kept.contains_key(name) {
            continue;
        }
        let versions = host.store.charters(&scope_of(name), MOST_VERSIONS).await?;
        let numbers = versions.into_iter().map(|kept| (kept.body, kept.version));
        kept.insert(name.clone(), numbers.collect());
    }
    Ok(kept)
}

/// Whose versions a charter's are.
fn scope_of(name: &str) -> String {
    format!("charter/{name}")
}

/// So many versions of a charter are looked through.
const MOST_VERSIONS: u32 = 1_000;

/// Goes on from what was kept, over restarts: a hash that was there before has its number, a new one the next, which is
/// kept.
pub fn lasting(host: &Arc<Host>, known: Kept) -> Versions {
    let (host, known) = (host.clone(), Mutex::new(known));
    Box::new(move |name, hash| {
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let versions = known.entry(name.to_owned()).or_default();
        if let Some((_, version)) = versions.iter().find(|(known, _)| *known == hash) {
            return *version;
        }
        let version = versions
            .iter()
            .map(|(_, version)| *version)
            .max()
            .unwrap_or(0)
            + 1;
        versions.push((hash.clone(), version));
        let kept = CharterVersion {
            scope: scope_of(name),
            version,
            at: host.now(),
            by: "file".to_owned(),
            what: "the file".to_owned(),
            body: hash,
        };
        let keeper = host.clone();
        host.tasks.spawn(async move {
            if let Err(error) = keeper.store.keep_charter(kept).await {
                warn!("a version of a charter was not kept: {error}");
            }
        });
        version
    })
}

/// What a house needs to read its files again.
pub struct Again {
    /// The settings.
    pub file: PathBuf,
    /// How all files looked when they were read.
    pub looks: Looks,
    /// Somebody says that they are to be read again.
    pub told: mpsc::Receiver<()>,
}

/// The files of a house in business, and what of them is in force.
pub struct Reloader {
    file: PathBuf,
    environment: Variables,
    host: Arc<Host>,
    language: Language,
    fixed: Fixed,
    versions: Versions,
    /// Whoever reloads holds it from the first file to the last room.
    state: tokio::sync::Mutex<InForce>,
    tasks: TaskTracker,
}

/// What is in force, and since when.
struct InForce {
    since: Timestamp,
    houses: Vec<House>,
    looks: Looks,
}

/// What came of reading everything again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// Whether what was read is in force now.
    pub done: bool,
    /// What is different, or every error.
    pub lines: Vec<String>,
}

impl Reloader {
    /// For a house that was opened with these settings, read from this file with these looks.
    pub fn new(
        file: PathBuf,
        environment: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
        settings: &Settings,
        looks: Looks,
        host: Arc<Host>,
        versions: Versions,
    ) -> Self {
        let numbered = settings.houses.iter().cloned();
        let houses: Vec<House> = numbered.map(|house| house.numbered(&versions)).collect();
        host.reload(with_our_own(&houses));
        Reloader {
            file,
            environment: Box::new(environment),
            language: settings.server.language,
            fixed: Fixed::of(settings),
            versions,
            state: tokio::sync::Mutex::new(InForce {
                since: host.now(),
                houses,
                looks,
            }),
            host,
            tasks: TaskTracker::new(),
        }
    }

    /// Reads everything again. Either all of it holds then, or all that held before.
    pub async fn reload(self: &Arc<Self>) -> Reloaded {
        let mut state = self.state.lock().await;
        let others: Vec<House> = state.houses.clone();
        let this = self.clone();
        // A disk that hangs must not hold a thread of the journey.
        let reading = self.tasks.spawn_blocking(move || this.read(&others));
        let Ok((read, looks)) = reading.await else {
            return self.refused(&state, &[], vec!["reading was given up".to_owned()]);
        };
        state.looks = looks;
        match read {
            Ok(settings) => self.put_in_force(&mut state, settings),
            Err(errors) => {
                let lines = errors.iter().map(ToString::to_string).collect();
                self.refused(&state, &errors, lines)
            }
        }
    }

    /// Reads again whenever it is told to, and when a file has changed.
    pub async fn watch(self: Arc<Self>, mut told: mpsc::Receiver<()>, stop: CancellationToken) {
        let mut seen = None;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Some(()) = told.recv() => {
                    self.reload().await;
                    seen = None;
                }
                () = tokio::time::sleep(LOOK_EVERY) => seen = self.look(seen).await,
            }
        }
    }

    /// Looks at the files, and reads them again where they look different twice in a row the same way: nobody reads
    /// what is only half written. What was seen is for the next look.
    async fn look(self: &Arc<Self>, seen: Option<Looks>) -> Option<Looks> {
        let looks = self.changed().await?;
        if seen.as_ref() == Some(&looks) {
            self.reload().await;
            return None;
        }
        Some(looks)
    }

    /// How the files look, if one of them looks different from when it was read.
    async fn changed(&self) -> Option<Looks> {
        let then = self.state.lock().await.looks.clone();
        let looking = self.tasks.spawn_blocking(move || (then.again(), then));
        let (now, then) = looking.await.ok()?;
        (now != then).then_some(now)
    }

    fn read(&self, others: &[House]) -> (Result<Settings, Vec<ConfigError>>, Looks) {
        let desk = Desk {
            others: others.iter().map(|house| &*house.rules).collect(),
            language: Some(self.language),
            ..Desk::default()
        };
        let settings = config::load_with(&self.file, &*self.environment, &desk);
        (settings, desk.files.looks())
    }

    fn put_in_force(&self, state: &mut InForce, settings: Settings) -> Reloaded {
        let misfits: Vec<String> = settings
            .houses
            .iter()
            .filter_map(|house| self.misfit(house))
            .collect();
        if !misfits.is_empty() {
            return self.refused(state, &[], misfits);
        }
        let numbered = settings.houses.iter().cloned();
        let houses: Vec<House> = numbered
            .map(|house| house.numbered(&self.versions))
            .collect();
        let mut lines = changes(&state.houses, &houses);
        lines.extend(self.fixed.differs(&Fixed::of(&settings)));
        self.host.reload(with_our_own(&houses));
        state.houses = houses;
        state.since = self.host.now();
        self.host.alarms.law(None);
        for warning in &settings.warnings {
            warn!("look at this: {warning}");
        }
        if lines.is_empty() {
            lines.push("nothing is different".to_owned());
        }
        let file = self.file.display();
        for line in &lines {
            info!("\"{file}\" was read again: {line}");
        }
        Reloaded { done: true, lines }
    }

    /// Why a house cannot be in force beside the routes that the process runs with.
    fn misfit(&self, house: &House) -> Option<String> {
        let (name, route) = (&house.charter.name, &house.charter.route);
        let Some(running) = self.host.routes.get(route) else {
            return Some(format!(
                "charter \"{name}\" asks route \"{route}\", which is new: that takes a restart"
            ));
        };
        let money = house.charter.purse.per_day.as_ref()?;
        let of_another =
            |price: &Price| price.currency != money.currency && *price != Price::free();
        let mut models = running.models.iter();
        models.any(|model| of_another(&model.price)).then(|| {
            format!(
                "charter \"{name}\" spends {}, and its route has other prices until a restart",
                money.currency
            )
        })
    }

    /// What held before holds; it is told in the log, and to whoever asks how the house is.
    fn refused(&self, state: &InForce, errors: &[ConfigError], lines: Vec<String>) -> Reloaded {
        let since = state.since.strftime("%F %H:%M UTC");
        let wrong = errors
            .first()
            .map_or(&self.file, |error| &error.file)
            .display();
        let more = match lines.len() {
            0 | 1 => String::new(),
            n => format!(" (and {} more)", n - 1),
        };
        let first = lines.iter().flat_map(|line| line.lines()).next();
        self.host.alarms.law(Some(format!(
            "the charters in force are those of {since}; \"{wrong}\" has errors: {}{more}",
            first.unwrap_or_default()
        )));
        warn!(
            "the settings in \"{}\" are refused, the old ones stay in force: {} problem(s)\n{}",
            self.file.display(),
            lines.len(),
            lines.join("\n")
        );
        Reloaded { done: false, lines }
    }
}
