//! The working sign: a cup of tea on a question that takes longer than a moment, taken off when it has ended. A sign
//! that stayed would say "still working" for ever. Best effort: one call at a time, no second try, and nobody waits.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use teahouse_core::{ChatId, MessageId};

use super::OneBot;
use super::decode::Chat;
use super::encode;
use crate::Sign;

/// An answer that comes sooner needs no sign, and saves two calls.
const AFTER: Duration = Duration::from_secs(1);
const CALL_LIMIT: Duration = Duration::from_secs(3);
/// More questions at once get no sign.
const MOST: usize = 256;

/// Which questions carry the sign, or soon will.
#[derive(Debug, Default)]
pub(super) struct Reactions {
    questions: Mutex<HashMap<Question, Stage>>,
    /// Held over each call.
    calling: tokio::sync::Mutex<()>,
}

type Question = (ChatId, MessageId);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Not shown yet.
    Waiting,
    /// Being shown.
    Showing,
    /// Ended while it was being shown.
    Over,
    /// Shown.
    Shown,
}

impl Reactions {
    fn questions(&self) -> MutexGuard<'_, HashMap<Question, Stage>> {
        self.questions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl OneBot {
    /// Takes a sign; never waits.
    pub(super) fn sign_on(&self, chat: &ChatId, sign: Sign) {
        let (Some(Chat::Group(group)), Some(me)) = (Chat::of(chat), self.me.upgrade()) else {
            return;
        };
        match sign {
            Sign::Working { question } => {
                let key = (chat.clone(), question);
                let mut questions = self.reactions.questions();
                if questions.len() < MOST
                    && let Entry::Vacant(new) = questions.entry(key.clone())
                {
                    new.insert(Stage::Waiting);
                    self.tracker.spawn(me.show_working(group, key));
                }
            }
            Sign::Ended { question, .. } => {
                let key = (chat.clone(), question);
                let mut questions = self.reactions.questions();
                match questions.get_mut(&key) {
                    Some(stage @ Stage::Showing) => *stage = Stage::Over,
                    Some(Stage::Waiting) => drop(questions.remove(&key)),
                    Some(Stage::Shown) => {
                        questions.remove(&key);
                        self.tracker.spawn(me.take_off(group, key));
                    }
                    Some(Stage::Over) | None => {}
                }
            }
        }
    }

    async fn show_working(self: Arc<Self>, group: String, key: Question) {
        tokio::select! {
            () = tokio::time::sleep(AFTER) => {}
            () = self.closing.cancelled() => return,
        }
        // While another call is on its way there is no sign: it would come late, and be one too many.
        let Ok(calling) = self.reactions.calling.try_lock() else {
            self.reactions.questions().remove(&key);
            return;
        };
        match self.reactions.questions().get_mut(&key) {
            Some(stage) => *stage = Stage::Showing,
            None => return,
        }
        let shown = self.react(&group, &key.1, true).await;
        drop(calling);
        let over = {
            let mut questions = self.reactions.questions();
            match questions.get_mut(&key) {
                Some(stage @ Stage::Showing) if shown => {
                    *stage = Stage::Shown;
                    false
                }
                Some(_) | None => questions.remove(&key) == Some(Stage::Over),
            }
        };
        if shown && over {
            self.take_off(group, key).await;
        }
    }

    async fn take_off(self: Arc<Self>, group: String, (_, question): Question) {
        let _calling = self.reactions.calling.lock().await;
        self.react(&group, &question, false).await;
    }

    async fn react(&self, group: &str, question: &MessageId, on: bool) -> bool {
        let Some(call) = encode::react(group, question, on, self.quirks()) else {
            return false;
        };
        let answer = self.call(&call, CALL_LIMIT).await;
        answer.is_ok_and(|(_, response)| response.status == "ok")
    }
}
