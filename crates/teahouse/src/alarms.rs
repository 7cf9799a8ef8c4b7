//! What an operator should look at: the latest things that went wrong without anybody in the room being able to help.
//! In memory and bounded; each is also an error in the log and a number. Decides nothing.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use metrics::counter;
use teahouse_core::Address;
use teahouse_store::Standing;
use tracing::error;

/// So many are remembered.
const MOST: usize = 20;

/// The latest alarms, oldest first.
#[derive(Default)]
pub(crate) struct Alarms {
    lines: Mutex<VecDeque<String>>,
    /// What is wrong with the files of the law, as long as it is.
    law: Mutex<Option<String>>,
}

impl Alarms {
    /// The platform says yes to a message and shows it to nobody, even without its links.
    pub(crate) fn swallowed(&self, room: &Address, now: Timestamp) {
        counter!("teahouse_swallowed_total").increment(1);
        error!(room = %room, "room `{room}` swallows our messages: sent twice, seen never; the account may be under risk control: let it rest, and look at it in the platform's own client");
        self.raise(format!(
            "{}: room {room} swallows our messages, sent twice and seen never; let the account rest",
            now.strftime("%F %H:%M UTC")
        ));
    }

    /// Something of ours was about to say one of our keys.
    pub(crate) fn told_a_secret(&self, room: &Address, now: Timestamp) {
        counter!("teahouse_withheld_total", "rule" => "secret").increment(1);
        error!(room = %room, "a message for room `{room}` held one of the house's own keys and was withheld: change that key, and look at who gave it to a model");
        self.raise(format!(
            "{}: a message for room {room} held one of our keys and was withheld; change the key",
            now.strftime("%F %H:%M UTC")
        ));
    }

    /// New settings or charters cannot be used, or at last they can.
    pub(crate) fn law(&self, wrong: Option<String>) {
        *self.law.lock().unwrap_or_else(PoisonError::into_inner) = wrong;
    }

    fn raise(&self, line: String) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= MOST {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// All that are remembered, and how the disk is if it is not well.
    pub(crate) fn lines_with(&self, disk: &Standing) -> Vec<String> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let law = self.law.lock().unwrap_or_else(PoisonError::into_inner);
        let disk = match disk {
            Standing::Well => None,
            Standing::Waiting { why } => Some(format!(
                "the store waits for its disk: {why}; no question is taken in until it is back"
            )),
            Standing::Lost { why } => Some(format!("the disk lost what was written: {why}")),
        };
        lines.iter().chain(&*law).cloned().chain(disk).collect()
    }
}
