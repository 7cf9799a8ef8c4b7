//! What must hold of the sources themselves, so that the next one who comes finds them as the documents say.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::Parser;
use teahouse::cli::Arguments;
use teahouse::config;

use crate::commands::typed;

/// Bad inputs (invariants, part B) whose tests are due so far.
const DUE: &[u16] = &[
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
    27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 45, 46, 48, 49, 50, 51, 52,
    53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 65, 66, 67, 71, 72, 73, 74, 75, 76, 79, 80, 81, 82, 83,
    84, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95, 97, 104, 106, 110,
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
    let allowed = [
        "crates/teahouse/src/delivery.rs",
        "crates/core/src/gate.rs",
        "crates/core/src/gate/forms.rs",
    ];
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
        // What makes tables runs by itself, outside the workspace.
        let trains = name.starts_with("training/");
        if name.ends_with("Cargo.toml") && name != "Cargo.toml" && !trains {
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
    let missing = DUE.iter().filter(|number| {
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

/// What people are told to type.
const PAPERS: [&str; 4] = [
    "README.md",
    "README.zh.md",
    "CONTRIBUTING.md",
    "docs/operate.md",
];

fn paper(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The code blocks of a paper in one language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}");
    let mut blocks: Vec<String> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        match line.trim_end() {
            "```" => inside = false,
            line if line == fence => {
                inside = true;
                blocks.push(String::new());
            }
            line => {
                if let (true, Some(block)) = (inside, blocks.last_mut()) {
                    block.push_str(line);
                    block.push('\n');
                }
            }
        }
    }
    blocks
}

/// The commands of a paper's shell blocks, without comments and settings before them.
fn shown_commands(text: &str) -> Vec<String> {
    let is_setting = |word: &str| {
        word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
        })
    };
    let blocks = blocks(text, "sh");
    let lines = blocks.iter().flat_map(|block| block.lines());
    lines
        .map(|line| {
            let mut line = line.trim();
            while let Some((word, rest)) = line.split_once(' ') {
                if !is_setting(word) {
                    break;
                }
                line = rest.trim_start();
            }
            line.to_owned()
        })
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

/// Why a command of a paper cannot be typed, if it cannot.
fn cannot_be_typed(command: &str) -> Option<String> {
    let words = typed(command);
    let (first, rest) = words.split_first()?;
    match first.as_str() {
        "teahouse" | "target/release/teahouse" | "target/debug/teahouse" => {
            let words = ["teahouse".to_owned()].into_iter().chain(rest.to_vec());
            let error = Arguments::try_parse_from(words).err()?;
            Some(error.to_string())
        }
        script if script.starts_with("script/") => {
            let found = std::fs::metadata(root().join(script));
            let runs = found.is_ok_and(|found| found.permissions().mode() & 0o111 != 0);
            (!runs).then(|| format!("{script} is no program here"))
        }
        // Of others only such as everybody has who got so far.
        "cargo" | "git" | "cd" => None,
        other => Some(format!("nobody says where `{other}` comes from")),
    }
}

#[test]
fn every_command_that_the_papers_show_exists() {
    let mut wrong = Vec::new();
    for name in PAPERS {
        let text = paper(name);
        let commands = shown_commands(&text);
        assert!(!commands.is_empty(), "{name} shows no command");
        // What the text names between backticks is typed as well.
        let outside: String = text.split("```").step_by(2).collect();
        let named = outside.split('`').skip(1).step_by(2).filter(|code| {
            (code.starts_with("teahouse ") || code.starts_with("script/"))
                && !code.contains(['…', '|'])
        });
        let named: Vec<String> = named.map(str::to_owned).collect();
        for command in commands.iter().chain(&named) {
            if let Some(why) = cannot_be_typed(command) {
                wrong.push(format!("{name}: {command}: {why}"));
            }
        }
    }
    nothing(wrong, "these commands would fail");
    for lie in [
        "teahouse serv",
        "teahouse model import",
        "script/nothing",
        "README.md",
        "brew install teahouse",
    ] {
        assert!(cannot_be_typed(lie).is_some(), "{lie}");
    }
}

#[test]
fn both_readmes_show_the_same_commands_and_the_same_addresses() {
    // A question may be asked in either language.
    let shown = |name: &str| -> Vec<String> {
        let commands = shown_commands(&paper(name)).into_iter();
        commands
            .map(|command| {
                let halves = command.split('"').step_by(2);
                halves.collect::<Vec<_>>().join("\"…\"")
            })
            .collect()
    };
    assert_eq!(shown("README.md"), shown("README.zh.md"));
    let links = |name: &str| -> BTreeSet<String> {
        let text = paper(name);
        let targets = text.split("](").skip(1);
        targets
            .filter_map(|rest| rest.split_once(')'))
            .map(|(target, _)| target.to_owned())
            .filter(|target| !target.starts_with("README"))
            .collect()
    };
    assert_eq!(links("README.md"), links("README.zh.md"));
    let sockets = |name: &str| -> Vec<String> {
        let blocks = blocks(&paper(name), "text").concat();
        let words = blocks.split_whitespace();
        words
            .filter(|word| word.starts_with("ws://"))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(sockets("README.md"), sockets("README.zh.md"));
}

#[test]
fn every_link_of_the_papers_leads_somewhere() {
    let mut wrong = Vec::new();
    for name in PAPERS {
        let text = paper(name);
        let folder = Path::new(name).parent().unwrap_or(Path::new(""));
        for (target, _) in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split_once(')'))
        {
            if target.starts_with("https://") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = root().join(folder).join(file);
            let Ok(found) = std::fs::metadata(&path) else {
                wrong.push(format!("{name}: {target}"));
                continue;
            };
            let headings = if heading.is_empty() || !found.is_file() {
                continue;
            } else {
                std::fs::read_to_string(&path).unwrap()
            };
            let anchor = |line: &str| {
                line.trim_start_matches('#')
                    .trim()
                    .to_lowercase()
                    .replace(' ', "-")
            };
            let has = |line: &str| line.starts_with('#') && anchor(line) == heading;
            if !headings.lines().any(has) {
                wrong.push(format!("{name}: {target}"));
            }
        }
    }
    nothing(wrong, "these links lead nowhere");
}

#[test]
fn every_setting_that_the_papers_show_loads() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(
        root().join("contract/charter-open.toml"),
        folder.path().join("charter.toml"),
    )
    .unwrap();
    let environment = |name: &str| name.starts_with("TEAHOUSE_").then(|| "a-secret".to_owned());
    let (mut wrong, mut read) = (Vec::new(), 0);
    for name in PAPERS {
        for block in blocks(&paper(name), "toml") {
            read += 1;
            let file = folder.path().join("shown.toml");
            std::fs::write(&file, &block).unwrap();
            let errors = if config::is_settings(&block) {
                config::load(&file, &environment).err().unwrap_or_default()
            } else {
                config::load_charter(&file).err().into_iter().collect()
            };
            wrong.extend(errors.iter().map(|error| format!("{name}: {error}")));
        }
    }
    assert!(read > 0, "the papers show no setting");
    nothing(wrong, "these settings are refused");
}

#[test]
fn the_charters_in_the_papers_load_and_leave_nothing_to_look_at() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("charter.toml");
    for paper in ["README.md", "README.zh.md"] {
        let text = std::fs::read_to_string(root().join(paper)).expect("the paper");
        let charters: Vec<&str> = text
            .split("```toml\n")
            .skip(1)
            .filter_map(|rest| rest.split("```").next())
            .collect();
        assert!(!charters.is_empty(), "{paper}");
        for charter in charters {
            std::fs::write(&file, charter).expect("write it down");
            let ruled = config::load_ruled(&file, teahouse_core::Language::English);
            let ruled = ruled.unwrap_or_else(|errors| panic!("{paper}: {}", errors[0]));
            assert_eq!(ruled.warnings, Vec::<String>::new(), "{paper}");
        }
    }
}
