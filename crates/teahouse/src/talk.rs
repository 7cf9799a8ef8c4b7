//! Talk on its way to the room's history: in batches, so that nobody waits for the disk, and a question never waits
//! behind a flood. A crash may lose the last second of it, never a question.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use metrics::counter;
use teahouse_core::{Message, Reason, Sender, SenderKind, clean_text};
use teahouse_store::{HistoryLine, Lease};
use tracing::error;

use crate::host::{Host, chain, count};
use crate::room::Lane;

/// Lines of talk that wait for the store; beyond, new ones are shed and counted.
const TALK_WAITING: usize = 20_000;
/// Talk reaches the disk this often, or sooner.
const TALK_EVERY: Duration = Duration::from_secs(1);
/// … once so many lines wait.
const TALK_BATCH: usize = 500;

impl Host {
    /// A line for the history.
    pub(crate) fn line(
        &self,
        lane: &Lane,
        message: &Message,
        reason: Reason,
        addressed: bool,
        now: Timestamp,
    ) -> HistoryLine {
        let at = self.dated(now);
        HistoryLine {
            id: self.ids.next(at),
            account: lane.address.account.clone(),
            platform: lane.platform,
            message: message.id.clone(),
            member: message.sender.id.clone(),
            name: shown_name(&message.sender),
            text: message.readable(),
            at,
            reason,
            reply_to: message.reply_to().cloned(),
            mentions: message
                .segments
                .iter()
                .any(|s| matches!(s, teahouse_core::Segment::Mention { .. })),
            addressed,
            trail: None,
        }
    }

    /// Talk on its way to the disk, in batches: nobody waits for it.
    pub(crate) fn remember(&self, lease: Lease, line: HistoryLine) {
        count(line.reason);
        self.keep(lease, line);
    }

    /// The same for a line that is counted elsewhere: a question's, at its end.
    pub(crate) fn keep(&self, lease: Lease, line: HistoryLine) {
        let mut talk = self.talk.lock().unwrap_or_else(PoisonError::into_inner);
        if talk.len() >= TALK_WAITING {
            counter!("teahouse_talk_shed_total").increment(1);
            return;
        }
        talk.push_back((lease, line));
        if talk.len() == 1 || talk.len() == TALK_BATCH {
            drop(talk);
            self.talk_waits.notify_one();
        }
    }

    pub(crate) async fn keep_talk(self: Arc<Self>) {
        while !self.stop.is_cancelled() {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                () = self.talk_waits.notified() => {}
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                () = self.talk_waits.notified() => {}
                () = tokio::time::sleep(TALK_EVERY) => {}
            }
            self.flush_talk().await;
        }
    }

    /// Everything heard so far is on the disk when this returns. In small batches, so that a question never waits
    /// behind a flood of talk.
    pub(crate) async fn flush_talk(&self) {
        // What another flush has in hand is not on the disk yet: a recall that overtook it would not find the line.
        let _one = self.flushing.lock().await;
        loop {
            let lines: Vec<_> = {
                let mut talk = self.talk.lock().unwrap_or_else(PoisonError::into_inner);
                let batch = talk.len().min(TALK_BATCH);
                talk.drain(..batch).collect()
            };
            if lines.is_empty() {
                return;
            }
            let count = lines.len();
            if let Err(error) = self.store.remember(lines).await {
                error!(error = %chain(&error), "{count} lines of talk were not kept");
                counter!("teahouse_talk_shed_total").increment(count as u64);
            }
        }
    }
}

/// A name as it is kept: no control characters, no more than people can read.
pub(crate) fn shown_name(sender: &Sender) -> String {
    debug_assert!(sender.kind != SenderKind::Ourselves);
    clean_text(&sender.name).chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use teahouse_core::MemberId;

    #[test]
    fn bad_026_a_name_is_kept_short_and_without_marks_that_turn_a_line() {
        let kept = |name: &str| {
            shown_name(&Sender {
                id: MemberId::new("42"),
                name: name.to_owned(),
                role: None,
                kind: SenderKind::Person,
            })
        };
        assert_eq!(kept("\u{202e}Lin\u{2066}\u{1b}\u{0}"), "Lin");
        let zalgo = format!("林{}", "\u{301}".repeat(10_000));
        assert_eq!(kept(&zalgo).chars().count(), 16);
        assert_eq!(kept(&zalgo.repeat(9)).chars().count(), 64);
    }
}
