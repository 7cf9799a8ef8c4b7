//! What holds in a room: its charter and its rules, as one thing that is swapped whole. Whoever works with it keeps the
//! one they began with. Who may change it, and how, is not decided here.

use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use teahouse_core::rules::judge::Rules;
use teahouse_core::{Charter, Edit, Language};

use crate::config::{House, lists};

/// A charter with its rules, as they hold in a room.
#[derive(Clone, Debug)]
pub struct Law {
    /// Its words.
    pub charter: Arc<Charter>,
    /// Its rules, ready to judge.
    pub rules: Arc<Rules>,
    /// Whether its house answers in direct chats.
    pub direct: bool,
    /// What the room's admins have changed in it.
    pub edits: Arc<Vec<Edit>>,
    /// The same as the file has it.
    base: Arc<Base>,
}

#[derive(Debug)]
struct Base {
    charter: Arc<Charter>,
    rules: Arc<Rules>,
    /// Of the charter and its lists, in hexadecimal.
    hash: String,
}

/// A version of a room's own law, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptLaw {
    /// What the room's admins have changed, …
    pub edits: Vec<Edit>,
    /// … and in which charter: the hash of the file's.
    pub base: String,
}

impl Law {
    /// The law of a house, as its file has it.
    pub fn of(house: &House) -> Self {
        Law {
            charter: house.charter.clone(),
            rules: house.rules.clone(),
            direct: house.direct,
            edits: Arc::default(),
            base: Arc::new(Base {
                charter: house.charter.clone(),
                rules: house.rules.clone(),
                hash: house.fingerprint(),
            }),
        }
    }

    /// The charter of the file.
    pub fn base(&self) -> &Charter {
        &self.base.charter
    }

    /// Which version of the charter it is.
    pub fn version(&self) -> u32 {
        self.rules.version()
    }

    /// As it is kept.
    pub fn kept(&self) -> KeptLaw {
        KeptLaw {
            edits: self.edits.to_vec(),
            base: self.base.hash.clone(),
        }
    }

    /// The same file with these changes; lists that stay the same are not made anew. Errors as the compiler of rules
    /// tells them.
    pub fn with(&self, edits: Vec<Edit>, version: u32, language: Language) -> Result<Law, String> {
        let charter = self.base.charter.with(&edits).charter;
        let speaks = charter.speaks.unwrap_or(language);
        let known: [&Rules; 2] = [&self.base.rules, &self.rules];
        let read = |path: &str| lists::read(path).map(|list| list.text);
        let rules = Rules::compile_beside(&known, &charter, speaks, version, &read)
            .map_err(|errors| errors.join("; "))?;
        Ok(Law {
            charter: Arc::new(charter),
            rules: Arc::new(rules),
            edits: Arc::new(edits),
            ..self.clone()
        })
    }
}

/// The place where a room's law stands.
#[derive(Debug)]
pub struct InForce(RwLock<Arc<Law>>);

impl InForce {
    /// This one, from the beginning.
    pub fn new(law: Law) -> Self {
        InForce(RwLock::new(Arc::new(law)))
    }

    /// What holds now.
    pub fn get(&self) -> Arc<Law> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// From now on this one holds.
    pub fn put(&self, law: Law) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(law);
    }
}
