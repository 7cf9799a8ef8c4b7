//! The first start writes its own configuration: one QQ account that waits for a bridge with a token nobody else
//! knows, the open table with its limits, the local model. What lies there already is never touched.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;

use crate::serve::random_token;

const SETTINGS: &str = include_str!("first_start/teahouse.toml");
const CHARTER: &str = include_str!("first_start/charter.toml");

/// The configuration of a data folder, written now if there is none. Says whether it was.
pub fn settings(data: &Path) -> std::io::Result<(PathBuf, bool)> {
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
    write_once(&file, 0o644, SETTINGS)?;
    Ok((file, true))
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

    use super::*;

    #[test]
    fn the_first_start_is_safe_and_the_second_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (file, new) = settings(folder.path()).unwrap();
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
        assert!(!settings(folder.path()).unwrap().1);
        assert_eq!(std::fs::read_to_string(&token).unwrap(), secret);
    }
}
