//! Where a parlour's lines and rooms are kept; the house brings the store. Lines are JSON of [`Line`], a room is one
//! fact. Writes go in order: talk in batches, what the house says and what must be forgotten at once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use teahouse_core::{ChatId, Nano};
use tokio::sync::Notify;

use super::clock::ClockMode;
use super::seat::{KeptSeat, TokenHash};
use super::wire::{Line, Skin};

/// Lines that may wait for the log.
const MOST_WAITING: usize = 20_000;
/// Lines that are written together.
pub(super) const BATCH: usize = 500;

/// Why the log could not do it.
pub type LogError = Box<dyn std::error::Error + Send + Sync>;

/// A line as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptLine {
    /// In which room.
    pub room: ChatId,
    /// Its place there.
    pub id: u64,
    /// When, in milliseconds.
    pub at: i64,
    /// JSON.
    pub body: String,
}

/// What keeps a parlour over a restart.
#[async_trait]
pub trait ParlourLog: Send + Sync {
    /// Keeps lines, all of them or none. A line with the same room and id takes the place of the older one.
    async fn append(&self, lines: Vec<KeptLine>) -> Result<(), LogError>;

    /// The newest lines of a room, oldest first.
    async fn load(&self, room: &ChatId, newest: usize) -> Result<Vec<KeptLine>, LogError>;

    /// The rooms that are kept.
    async fn rooms(&self) -> Result<Vec<(ChatId, String)>, LogError>;

    /// Keeps a room's own facts. An empty fact is a room that is closed and named no more.
    async fn keep_room(&self, room: &ChatId, fact: String) -> Result<(), LogError>;
}

/// A room's own facts.
#[derive(Serialize, Deserialize)]
pub(super) struct RoomFact {
    pub(super) title: String,
    pub(super) seats: Vec<KeptSeat>,
    #[serde(default)]
    pub(super) clock: ClockMode,
    #[serde(default)]
    pub(super) model: String,
    #[serde(default)]
    pub(super) fault: Option<String>,
    #[serde(default)]
    pub(super) skin: Skin,
    #[serde(default)]
    pub(super) invites: Vec<KeptInvite>,
    #[serde(default = "guests_limit")]
    pub(super) guests_limit: Nano,
    /// No line has an id above; a killed process may have shown lines that were never written, and their ids are
    /// never given again.
    pub(super) ids_below: u64,
}

/// What guests of a room may cost together a day, where its owner says nothing: half a unit of the price's currency.
pub(super) fn guests_limit() -> Nano {
    Nano(500_000_000)
}

/// An invitation as it is kept.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct KeptInvite {
    pub(super) token: TokenHash,
    /// In milliseconds.
    pub(super) until: i64,
}

pub(super) fn kept(room: &ChatId, line: &Line) -> KeptLine {
    KeptLine {
        room: room.clone(),
        id: line.id(),
        at: line.at(),
        body: serde_json::to_string(line).expect("a line is plain data"),
    }
}

/// Lines on their way to the log.
pub(super) struct Pages {
    log: Arc<dyn ParlourLog>,
    waiting: Mutex<VecDeque<KeptLine>>,
    writing: tokio::sync::Mutex<()>,
    pub(super) came: Notify,
}

impl Pages {
    pub(super) fn new(log: Arc<dyn ParlourLog>) -> Self {
        Pages {
            log,
            waiting: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
            came: Notify::new(),
        }
    }

    pub(super) fn log(&self) -> &dyn ParlourLog {
        &*self.log
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, VecDeque<KeptLine>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiting().len() >= MOST_WAITING
    }

    /// Takes a line; it is written within a second.
    pub(super) fn push(&self, line: KeptLine) {
        let mut waiting = self.waiting();
        waiting.push_back(line);
        if waiting.len() == 1 || waiting.len() == BATCH {
            self.came.notify_one();
        }
    }

    /// Everything taken so far is kept when this returns well.
    pub(super) async fn flush(&self) -> Result<(), LogError> {
        let _one_at_a_time = self.writing.lock().await;
        loop {
            let lines: Vec<_> = {
                let mut waiting = self.waiting();
                let batch = waiting.len().min(BATCH);
                waiting.drain(..batch).collect()
            };
            if lines.is_empty() {
                return Ok(());
            }
            if let Err(error) = self.log.append(lines.clone()).await {
                let mut waiting = self.waiting();
                for line in lines.into_iter().rev() {
                    waiting.push_front(line);
                }
                return Err(error);
            }
        }
    }

    /// Keeps one line before anybody sees it.
    pub(super) async fn write(&self, line: KeptLine) -> Result<(), LogError> {
        let _one_at_a_time = self.writing.lock().await;
        self.log.append(vec![line]).await
    }
}
