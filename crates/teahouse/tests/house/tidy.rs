//! What must hold of the sources themselves, so that the next one who comes finds them as the documents say.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Bad inputs (invariants, part B) whose tests are due so far.
const DUE: [u16; 23] = [
    1, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 27, 28, 32, 48, 54, 59, 60, 110,
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every file of ours: what git ignores is left out.
fn files() -> Vec<PathBuf> {
    fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("the folder is read") {
            let path = entry.expect("the entry is read").path();
            let name = path
                .file_name()
                .expect("names are UTF-8")
                .to_str()
                .expect("names are UTF-8");
            let is_ignored = (path.is_dir() && name.starts_with("target"))
                || ["node_modules", "teahouse-data", ".git", "shared"].contains(&name)
                || name.ends_with(".pending-snap");
            if is_ignored || path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                walk(&path, files);
            } else {
                files.push(path);
            }
        }
    }
    let mut files = Vec::new();
    walk(&root(), &mut files);
    files.sort();
    files
}

/// Every text file of ours with its path from the root.
fn texts() -> Vec<(String, String)> {
    files()
        .into_iter()
        .filter_map(|path| {
            let text = std::fs::read_to_string(&path).ok()?;
            let name = path
                .strip_prefix(root())
                .expect("names are UTF-8")
                .display()
                .to_string();
            Some((name, text))
        })
        .collect()
}

fn sources() -> Vec<(String, String)> {
    let mut texts = texts();
    texts.retain(|(name, _)| name.ends_with(".rs"));
    assert!(texts.len() > 50, "only {} sources were found", texts.len());
    texts
}

fn nothing(wrong: Vec<String>, why: &str) {
    assert!(wrong.is_empty(), "{why}:\n{}", wrong.join("\n"));
}

#[test]
fn every_module_says_what_it_is() {
    let silent = sources()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(name, _)| name);
    nothing(silent.collect(), "these do not begin with //!");
}

#[test]
fn no_file_is_a_drawer_for_odds_and_ends() {
    let banned = [
        "utils", "util", "helpers", "common", "manager", "types", "traits", "misc",
    ];
    let drawers = sources().into_iter().map(|(name, _)| name).filter(|name| {
        let path = Path::new(name);
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let folder = path.parent().and_then(Path::file_name);
        banned.contains(&stem) || folder.is_some_and(|f| banned.contains(&f.to_str().unwrap()))
    });
    nothing(drawers.collect(), "a thing lives with the word it serves");
}

#[test]
fn nothing_is_left_for_later_and_no_lint_is_waved_through() {
    let banned = [
        concat!("to", "do!("),
        concat!("unimpl", "emented!("),
        concat!("#[all", "ow("),
        concat!("#![all", "ow("),
        concat!("#[ign", "ore]"),
    ];
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            if banned.iter().any(|word| line.contains(word)) {
                wrong.push(format!("{name}:{}: {line}", number + 1));
            }
        }
    }
    nothing(wrong, "finish it, or use #[expect] with a reason");
}

#[test]
fn only_delivery_opens_what_the_gate_has_sealed() {
    let opens = [
        concat!("sealed", ".open("),
        concat!("Sealed", "::open"),
        concat!("seal()", ".open("),
    ];
    let allowed = ["crates/teahouse/src/delivery.rs", "crates/core/src/gate.rs"];
    let wrong = sources()
        .into_iter()
        .filter(|(name, text)| {
            !allowed.contains(&name.as_str()) && opens.iter().any(|open| text.contains(open))
        })
        .map(|(name, _)| name);
    nothing(wrong.collect(), "these open a sealed message");
}

#[test]
fn every_crate_keeps_the_workspaces_lints() {
    let mut manifests = 0;
    for (name, text) in texts() {
        if name.ends_with("Cargo.toml") && name != "Cargo.toml" {
            manifests += 1;
            let table: toml::Table = text.parse().unwrap();
            let lints = table.get("lints").and_then(|lints| lints.get("workspace"));
            assert_eq!(lints, Some(&toml::Value::Boolean(true)), "{name}");
        }
    }
    assert!(manifests >= 7, "{manifests}");
}

#[test]
fn the_architectures_paths_exist() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md"))
        .expect("ARCHITECTURE.md leads a newcomer through the house; write it");
    let named: BTreeSet<&str> = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| word.starts_with("crates/"))
        .map(|word| word.split([':', '#', ' ']).next().unwrap_or_default())
        .collect();
    assert!(named.len() >= 6, "{named:?}");
    let missing = named
        .into_iter()
        .filter(|path| !root().join(path).exists())
        .map(str::to_owned);
    nothing(missing.collect(), "ARCHITECTURE.md names what is not there");
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let places = ["work", "root", "farm"].map(|place| format!("/{place}/"));
    let registries = [
        concat!("artif", "actory"),
        concat!("nex", "us.", ""),
        concat!("dev", "pi"),
        concat!("/sim", "ple/"),
        concat!("extra-", "index-url"),
    ];
    let mut wrong = Vec::new();
    for (name, text) in texts() {
        for (number, line) in text.lines().enumerate() {
            // A path begins where a word does not go on: `.github/workflows/` has a slash before too.
            let is_place = places.iter().any(|place| {
                line.match_indices(place.as_str()).any(|(at, _)| {
                    !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-~*}".contains(c))
                })
            });
            if is_place || registries.iter().any(|registry| line.contains(registry)) {
                wrong.push(format!("{name}:{}: {line}", number + 1));
            }
        }
    }
    nothing(wrong, "these lines are true on one machine only");
}

#[test]
fn bad_110_the_lock_holds_only_proven_crates_of_the_public_registry() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let lock: toml::Table = lock.parse().unwrap();
    let packages = lock["package"].as_array().unwrap();
    assert!(packages.len() > 100);
    let mut wrong = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap();
        match package.get("source").and_then(toml::Value::as_str) {
            None if name.starts_with("teahouse") => {}
            Some("registry+https://github.com/rust-lang/crates.io-index")
                if package.get("checksum").is_some() => {}
            source => wrong.push(format!("{name}: {source:?}")),
        }
    }
    nothing(wrong, "neither ours nor of the registry with a checksum");
    let deny = std::fs::read_to_string(root().join("deny.toml")).unwrap();
    let deny: toml::Table = deny.parse().unwrap();
    assert_eq!(deny["sources"]["unknown-git"].as_str(), Some("deny"));
    assert_eq!(deny["sources"]["unknown-registry"].as_str(), Some("deny"));
    assert_eq!(deny["bans"]["wildcards"].as_str(), Some("deny"));
    assert!(!deny["bans"]["deny"].as_array().unwrap().is_empty());
    assert!(!deny["licenses"]["allow"].as_array().unwrap().is_empty());
    // Whatever the gate builds, it builds from the lock.
    let gate = std::fs::read_to_string(root().join("script/test")).unwrap();
    let unlocked = gate
        .lines()
        .filter(|line| {
            line.contains("cargo test")
                || line.contains("cargo clippy")
                || line.contains("cargo deny")
        })
        .filter(|line| !line.contains("--locked"))
        .map(str::to_owned);
    nothing(unlocked.collect(), "script/test builds without the lock");
}

#[test]
fn every_bad_input_that_is_due_has_its_test() {
    let sources = sources();
    let missing = DUE.into_iter().filter(|number| {
        let name = format!("fn bad_{number:03}_");
        let alone = format!("fn bad_{number:03}(");
        !sources
            .iter()
            .any(|(_, text)| text.contains(&name) || text.contains(&alone))
    });
    nothing(
        missing.map(|number| format!("bad_{number:03}")).collect(),
        "no test is named for them",
    );
}

#[test]
fn the_contracts_files_are_here_and_read() {
    for file in ["teahouse.toml", "charter-open.toml", "charter.toml"] {
        let text = std::fs::read_to_string(root().join("contract").join(file)).unwrap();
        text.parse::<toml::Table>()
            .unwrap_or_else(|error| panic!("{file}: {error}"));
    }
    for list in ["words-allow.txt", "words-spam.txt", "README.md"] {
        assert!(root().join("contract").join(list).is_file(), "{list}");
    }
}
