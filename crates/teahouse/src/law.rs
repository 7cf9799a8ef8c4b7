//! What holds in a room: its charter and its rules, as one thing that is swapped whole. Whoever works with it keeps the
//! one they began with. Who may change it, and how, is not decided here.

use std::sync::{Arc, PoisonError, RwLock};

use teahouse_core::Charter;
use teahouse_core::rules::judge::Rules;

use crate::config::House;

/// A charter with its rules, as they hold in a room.
#[derive(Clone, Debug)]
pub struct Law {
    /// Its words.
    pub charter: Arc<Charter>,
    /// Its rules, ready to judge.
    pub rules: Arc<Rules>,
    /// Whether its house answers in direct chats.
    pub direct: bool,
}

impl Law {
    /// The law of a house, as its file has it.
    pub fn of(house: &House) -> Self {
        Law {
            charter: house.charter.clone(),
            rules: house.rules.clone(),
            direct: house.direct,
        }
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
