//! Which files were read and how each looked just before: whoever looks again knows whether one of them has changed.
//! It reads no file's words.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How a file looks from outside; a file that is not there looks like nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look(Option<(Option<SystemTime>, u64, u64)>);

impl Look {
    fn at(file: &Path) -> Self {
        let found = std::fs::metadata(file).ok();
        Look(found.map(|found| (found.modified().ok(), found.len(), found.ino())))
    }
}

/// Files with their looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looks(BTreeMap<PathBuf, Look>);

impl Looks {
    /// The same files as they look now.
    pub fn again(&self) -> Looks {
        let files = self.0.keys();
        Looks(files.map(|file| (file.clone(), Look::at(file))).collect())
    }
}

/// Writes down which files are read.
#[derive(Debug, Default)]
pub struct Files(RefCell<Looks>);

impl Files {
    /// Called before a file is read: a change while it is read is a change. The first look counts.
    pub(super) fn reads(&self, file: &Path) {
        let mut looks = self.0.borrow_mut();
        looks
            .0
            .entry(file.to_owned())
            .or_insert_with(|| Look::at(file));
    }

    /// All that were read, or could not be.
    pub fn looks(self) -> Looks {
        self.0.into_inner()
    }
}
