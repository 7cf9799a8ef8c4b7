//! The commands as a person at a shell meets them.

use clap::{Command, CommandFactory, Parser};
use teahouse::cli::Arguments;
use teahouse_testkit::model_server::FakeModel;
use teahouse_testkit::process::{Ground, Ran};

use crate::scene::BINARY;

/// Every command with its name as it is typed.
fn commands() -> Vec<(String, Command)> {
    fn walk(name: &str, command: &Command, all: &mut Vec<(String, Command)>) {
        for sub in command.get_subcommands() {
            walk(&format!("{name} {}", sub.get_name()), sub, all);
        }
        all.push((name.to_owned(), command.clone()));
    }
    let mut all = Vec::new();
    walk("teahouse", &Arguments::command(), &mut all);
    assert!(all.len() >= 11, "{}", all.len());
    all
}

/// The words of a line as a shell would hand them on, without what it keeps for itself.
pub fn typed(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            '<' | '>' | '|' | '#' | '&' if !quoted => break,
            c if c.is_whitespace() && !quoted => words.push(String::new()),
            c => {
                if let Some(word) = words.last_mut() {
                    word.push(c);
                }
            }
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

async fn runs(arguments: &[&str]) -> Ran {
    let model = FakeModel::start().await;
    let mut ground = Ground::new(BINARY, &model.base_url());
    let cache = ground.file("cache").display().to_string();
    ground.environment.insert("TEAHOUSE_CACHE".into(), cache);
    ground.run(arguments, b"").await
}

#[test]
fn every_help_says_what_the_command_does_and_ends_with_an_example_that_works() {
    for (name, command) in commands() {
        let about = command.get_about().map(ToString::to_string);
        assert!(about.is_some_and(|about| !about.is_empty()), "{name}");
        // A command of commands has its example at each of them.
        if command.has_subcommands() && name != "teahouse" && command.get_after_help().is_none() {
            continue;
        }
        let after = command.get_after_help().map(ToString::to_string);
        let after = after.unwrap_or_else(|| panic!("{name} has no example"));
        let example = after
            .strip_prefix("Example: ")
            .unwrap_or_else(|| panic!("{name}: {after}"));
        assert!(example.starts_with(&name), "{name}: {example}");
        if let Err(error) = Arguments::try_parse_from(typed(example)) {
            panic!("{example}: {error}");
        }
    }
}

#[tokio::test]
async fn each_shell_learns_every_command() {
    for (shell, sign) in [
        ("bash", "complete -F _teahouse"),
        ("zsh", "#compdef teahouse"),
        ("fish", "complete -c teahouse"),
    ] {
        let ran = runs(&["completions", shell]).await;
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.out.contains(sign), "{shell}");
        for (name, _) in commands() {
            let word = name.rsplit(' ').next().unwrap_or_default();
            assert!(ran.out.contains(word), "{shell} does not know {name}");
        }
    }
    let ran = runs(&["completions", "powershell"]).await;
    assert_eq!(ran.code, Some(2), "{ran:?}");
}

#[tokio::test]
async fn a_model_nobody_knows_is_kept_only_as_it_is_and_told_by_its_hash() {
    let model = FakeModel::start().await;
    let mut ground = Ground::new(BINARY, &model.base_url());
    let cache = ground.file("cache").display().to_string();
    ground
        .environment
        .insert("TEAHOUSE_CACHE".into(), cache.clone());
    let file = ground.file("odd.gguf");
    std::fs::write(&file, "GGUF something else").expect("the file is written");
    let file = file.display().to_string();
    let hash = "13e61ded1e56883a2a1e63a262ca133a89bcf83077b50962c755574d662c4570";
    let run = async |arguments: &[&str]| ground.run(arguments, b"").await;

    let refused = run(&["model", "import", &file]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.log.contains(hash) && refused.log.contains("--as-is"),
        "{refused:?}"
    );
    let kept = run(&["model", "import", "--as-is", &file]).await;
    assert_eq!(kept.code, Some(0), "{kept:?}");
    let path = format!("{cache}/models/{hash}.gguf");
    assert!(
        kept.out.contains(&format!("SHA-256 {hash}: {path}\n"))
            && kept.out.contains(&format!("model = \"{path}\"")),
        "{kept:?}"
    );
    assert_eq!(
        std::fs::read(path).expect("it is there"),
        b"GGUF something else"
    );
}

#[tokio::test]
async fn check_says_what_is_in_a_list_however_it_is_written() {
    let model = FakeModel::start().await;
    let ground = Ground::new(BINARY, &model.base_url());
    // GBK: 词,类 / 赌场,1 / 赌场,2 / x,3 / 的,4 / 加微信,5
    let table = b"\xb4\xca,\xc0\xe0\r\n\xb6\xc4\xb3\xa1,1\r\n\xb6\xc4\xb3\xa1,2\r\nx,3\r\n\xb5\xc4,4\r\n\xbc\xd3\xce\xa2\xd0\xc5,5\r\n";
    std::fs::write(ground.file("spam.csv"), table).expect("the list is written");
    let charter = "name = \"a\"\n[[words]]\nname = \"spam\"\nmode = \"on\"\nlist = \"spam.csv\"\n";
    let file = ground.file("rules.toml");
    std::fs::write(&file, charter).expect("the charter is written");
    let ran = ground.run(["check".as_ref(), file.as_os_str()], b"").await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for part in [
        "spam.csv: 3 entries, 1 duplicate, 1 line left out, GB18030\n",
        "spam.csv:3: the same as line 2\n",
        "spam.csv:4: left out: \"x\" is too short",
        "words \"spam\": 1 line of its file left out; line 4: ",
        "spam.csv:5: \"的\" is found in everyday words",
        "rules.toml: fine\n",
    ] {
        assert!(ran.log.contains(part), "{part}: {}", ran.log);
    }
}
