//! The first start writes its own configuration: one QQ account that waits for a bridge with a token nobody else
//! knows, the open table with its limits, the local model, the language of the terminal. What lies there already is
//! never touched.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;
use teahouse_core::Language;

use crate::serve::random_token;

const SETTINGS: &str = include_str!("first_start/teahouse.toml");
const CHARTER: &str = include_str!("first_start/charter.toml");

/// The configuration of a data folder, written now if there is none. Says whether it was.
pub fn settings(data: &Path, language: Language) -> std::io::Result<(PathBuf, bool)> {
    let file = data.join("teahouse.toml");
    if file.exists() {
        return Ok((file, false));
    }
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data)?;
    write_once(
        &data.join("onebot.token"),
        0o600,
        &format!("{}\n", random_token().expose_secret()),
    )?;
    write_once(&data.join("charter.toml"), 0o644, CHARTER)?;
    let settings = match language {
        Language::English => SETTINGS.to_owned(),
        Language::Chinese => SETTINGS.replace("language = \"en\"", "language = \"zh\""),
    };
    write_once(&file, 0o644, &settings)?;
    Ok((file, true))
}

/// What the operator's terminal speaks, by `LC_ALL`, `LC_MESSAGES` or `LANG`.
pub fn terminal_language(environment: impl Fn(&str) -> Option<String>) -> Language {
    let names = ["LC_ALL", "LC_MESSAGES", "LANG"];
    let mut set = names
        .iter()
        .filter_map(|name| environment(name).filter(|value| !value.is_empty()));
    match set.next() {
        Some(locale) if locale.starts_with("zh") => Language::Chinese,
        Some(_) | None => Language::English,
    }
}

fn write_once(file: &Path, mode: u32, text: &str) -> std::io::Result<()> {
    match std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(file)
    {
        Ok(mut new) => {
            new.write_all(text.as_bytes())?;
            new.sync_all()
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use teahouse_core::rules::Side;
    use teahouse_core::rules::judge::Line;
    use teahouse_core::rules::verdict::RuleName;

    use super::*;

    #[test]
    fn the_house_speaks_as_its_operators_terminal_does() {
        for (set, language) in [
            (vec![("LANG", "zh_CN.UTF-8")], Language::Chinese),
            (vec![("LC_ALL", "zh_TW"), ("LANG", "C")], Language::Chinese),
            (vec![("LC_ALL", ""), ("LANG", "zh_CN")], Language::Chinese),
            (
                vec![("LC_ALL", "C.UTF-8"), ("LANG", "zh_CN")],
                Language::English,
            ),
            (vec![], Language::English),
        ] {
            let value = |name: &str| {
                let found = set.iter().find(|(known, _)| *known == name)?;
                Some(found.1.to_owned())
            };
            assert_eq!(terminal_language(value), language, "{set:?}");
        }
        let folder = tempfile::tempdir().unwrap();
        let (file, _) = settings(folder.path(), Language::Chinese).unwrap();
        let loaded =
            crate::config::load(&file, &|_| None).unwrap_or_else(|errors| panic!("{errors:?}"));
        assert_eq!(loaded.server.language, Language::Chinese);
    }

    #[test]
    fn the_first_start_is_safe_and_the_second_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (file, new) = settings(folder.path(), Language::English).unwrap();
        assert!(new);
        let token = folder.path().join("onebot.token");
        let secret = std::fs::read_to_string(&token).unwrap();
        assert_eq!(secret.trim().len(), 48);
        assert_eq!(
            std::fs::metadata(&token).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let loaded =
            crate::config::load(&file, &|_| None).unwrap_or_else(|errors| panic!("{errors:?}"));
        assert_eq!(loaded.server.listen, "127.0.0.1:7788");
        assert_eq!(
            loaded.houses[0].charter.purse.questions_per_member_per_day,
            20
        );
        assert_eq!(
            loaded.houses[0].charter.purse.per_day,
            Some("0.50 USD".parse().unwrap())
        );
        assert!(!loaded.houses[0].direct);
        // What every house owes to people, without a line of its operator.
        let rules = &loaded.houses[0].rules;
        assert!(rules.sees_crisis("I want to kill myself"));
        let line = Line {
            text: "are you human? call me at 13912345678",
            ..Line::default()
        };
        let seen = rules.look(Side::Question, &line);
        let found = |rule| seen.findings().iter().any(|finding| finding.rule == rule);
        assert!(found(RuleName::Identity) && found(RuleName::Privacy));
        assert_eq!(loaded.server.language, Language::English);
        assert!(!settings(folder.path(), Language::Chinese).unwrap().1);
        assert_eq!(std::fs::read_to_string(&token).unwrap(), secret);
    }
}
