//! Where models are kept: the environment's say, as data, so that tests need not change the process's own.

use std::ffi::OsString;
use std::path::PathBuf;

use super::PullError;

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
