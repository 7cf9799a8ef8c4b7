//! Step 9 for what is done beside speaking: an [`Effect`] → one call, and whether it has come about. A bridge's "ok" is
//! not believed, nor is its silence: the platform's own notice is the proof, then what it shows when it is read back.
//! For one order it makes one call that changes anything, and never a second.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use teahouse_core::{ChatId, Effect, MemberId, MessageId, NotDone, Performed, Role, Sequence};

use super::calls::NoAnswer;
use super::decode::{self, Chat};
use super::encode::{self, Call};
use super::orders::{self, Answer, Refusal};
use super::wire::{Body, Loose, WireFrame, WireSender};
use super::{MESSAGE_LIMIT, MOST_HISTORY, OneBot, ROLE_LIMIT};
use crate::{Adapter, AdapterError};

/// A bridge answers such a call within a second or two, or not at all.
const CALL_LIMIT: Duration = Duration::from_secs(5);
/// The platform tells of it within so long, or not at all.
const NOTICE_LIMIT: Duration = Duration::from_secs(5);
/// What a bridge has of something that it was asked for.
#[derive(Debug, PartialEq, Eq)]
enum Look<T> {
    Here(T),
    /// It says that there is no such thing: not any more, or it has forgotten.
    Absent,
    /// It does not say.
    Unclear,
}

/// A message as a bridge has it.
#[derive(Debug, PartialEq, Eq)]
struct Kept {
    /// Nothing where the bridge does not say.
    group: Option<String>,
    author: Option<MemberId>,
    sent_at: Option<Timestamp>,
    sequence: Option<Sequence>,
}

/// A member as a bridge has them.
#[derive(Debug, PartialEq, Eq)]
struct Standing {
    /// By the platform's clock, in seconds; 0 or past where they may speak. Lagrange and go-cqhttp do not always say.
    muted_until: Option<i64>,
}

/// What was there before the call.
enum Before {
    Message(Look<Kept>),
    Member(Look<Standing>),
}

/// Where it is done, and to what.
struct Order<'a> {
    chat: &'a ChatId,
    group: &'a str,
    effect: &'a Effect,
}

impl OneBot {
    /// Does it, once, and finds out whether it is so.
    pub(super) async fn perform_once(&self, chat: &ChatId, effect: &Effect) -> Performed {
        let Some(Chat::Group(group)) = Chat::of(chat) else {
            return Performed::NotDone(NotDone::Unable);
        };
        let group = group.as_str();
        let order = Order {
            chat,
            group,
            effect,
        };
        let before = match self.look_before(&order).await {
            Ok(before) => before,
            Err(why) => return Performed::NotDone(why),
        };
        let call = orders::call(group, effect, self.quirks());
        let mut witness = self.witnesses.wait_for(chat, effect);
        let answer = match self.call(&call, CALL_LIMIT).await {
            Ok((_, response)) => orders::answer(&response),
            Err(NoAnswer::Offline) => return Performed::NotDone(NotDone::Offline),
            Err(NoAnswer::Lost) => Answer::Unclear("the link ended before the answer".into()),
            Err(NoAnswer::TimedOut) => Answer::Unclear("no answer in time".into()),
        };
        let why = match answer {
            Answer::Refused(refusal) if !witness.has_come() => {
                return Performed::NotDone(self.reason(&order, &before, refusal).await);
            }
            Answer::Refused(_) => return Performed::Done,
            Answer::Taken => "the bridge says ok".to_owned(),
            Answer::Unclear(words) => words,
        };
        if witness.comes(NOTICE_LIMIT).await {
            return Performed::Done;
        }
        match self.look_after(&order, &before).await {
            Some(true) => Performed::Done,
            Some(false) => {
                let why = format!("{why}, and nothing has changed");
                let refusal = Refusal::For(NotDone::Refused { why });
                Performed::NotDone(self.reason(&order, &before, refusal).await)
            }
            None => Performed::Unknown {
                why: format!("{why}, and nothing shows whether it was done"),
            },
        }
    }

    /// Whether it is so by now.
    pub(super) async fn is_so(
        &self,
        chat: &ChatId,
        effect: &Effect,
    ) -> Result<Option<bool>, AdapterError> {
        let Some(Chat::Group(group)) = Chat::of(chat) else {
            return Ok(None);
        };
        match effect {
            Effect::Recall { message } => self.is_recalled(chat, &group, message, None).await,
            Effect::Mute { member, .. } => {
                let standing = self.standing(&group, member).await?;
                Ok(self.is_muted(&standing))
            }
            Effect::Unmute { member } => {
                let standing = self.standing(&group, member).await?;
                Ok(self.is_muted(&standing).map(|muted| !muted))
            }
            Effect::Remove { member } => match self.standing(&group, member).await? {
                Look::Here(_) => Ok(Some(false)),
                Look::Unclear => Ok(None),
                Look::Absent => {
                    // A bridge that tells nothing of this group at all does not tell that somebody left it.
                    let us = self.us().unwrap_or_else(|| MemberId::new(""));
                    let ours = self.standing(&group, &us).await?;
                    Ok(matches!(ours, Look::Here(_)).then_some(true))
                }
            },
        }
    }

    /// What is to be changed, as it is before. A message that is another group's is not touched: Lagrange gives one id
    /// in two groups.
    async fn look_before(&self, order: &Order<'_>) -> Result<Before, NotDone> {
        let looked = match order.effect {
            Effect::Recall { message } => self.kept(message).await.map(Before::Message),
            Effect::Mute { member, .. } | Effect::Unmute { member } | Effect::Remove { member } => {
                let standing = self.standing(order.group, member).await;
                standing.map(Before::Member)
            }
        };
        match looked {
            Err(_) => Err(NotDone::Offline),
            Ok(Before::Message(Look::Here(kept))) if !kept.is_in(order.group) => Err(NotDone::Gone),
            Ok(before) => Ok(before),
        }
    }

    /// Whether it is so after a call of which nothing was heard.
    async fn look_after(&self, order: &Order<'_>, before: &Before) -> Option<bool> {
        let standing = match (order.effect, before) {
            (Effect::Recall { message }, Before::Message(before)) => {
                let before = match before {
                    Look::Here(kept) => Some(kept),
                    Look::Absent | Look::Unclear => None,
                };
                let recalled = self.is_recalled(order.chat, order.group, message, before);
                return recalled.await.unwrap_or(None);
            }
            (_, Before::Member(standing)) => standing,
            (_, Before::Message(_)) => return None,
        };
        // Who was not there before has not changed.
        let Look::Here(then) = standing else {
            return (*standing == Look::Absent).then_some(false);
        };
        let member = order.effect.member()?;
        let now = self.standing(order.group, member).await.ok()?;
        match (order.effect, &now) {
            (Effect::Remove { .. }, Look::Here(_)) => Some(false),
            (Effect::Remove { .. }, Look::Absent) => Some(true),
            // A new end is a new mute, whatever time it is here and there.
            (Effect::Mute { .. }, Look::Here(now)) => {
                let until = now.muted_until?;
                Some(until > 0 && Some(until) != then.muted_until)
            }
            (Effect::Unmute { .. }, Look::Here(_)) => self.is_muted(&now).map(|muted| !muted),
            (_, Look::Absent | Look::Unclear) | (Effect::Recall { .. }, _) => None,
        }
    }

    /// Whether a message was taken back: by the platform's notice, by what the bridge has of it, or by the group's
    /// history, where that reaches back behind it.
    async fn is_recalled(
        &self,
        chat: &ChatId,
        group: &str,
        message: &MessageId,
        before: Option<&Kept>,
    ) -> Result<Option<bool>, AdapterError> {
        if self.witnesses.has_seen_recalled(chat, message) {
            return Ok(Some(true));
        }
        let now = self.kept(message).await?;
        let kept = match &now {
            Look::Unclear => return Ok(None),
            Look::Here(kept) if !kept.is_in(group) => return Ok(None),
            Look::Here(_) if !self.quirks().keeps_recalled => return Ok(Some(false)),
            Look::Absent if before.is_some() => return Ok(Some(true)),
            Look::Here(kept) => Some(kept),
            Look::Absent => None,
        };
        let Ok(history) = self.history(chat, MOST_HISTORY).await else {
            return Ok(None);
        };
        if history.iter().any(|shown| shown.id == *message) {
            return Ok(Some(false));
        }
        let reaches_behind = kept.is_some_and(|kept| {
            let count = |sequence: Option<&Sequence>| sequence?.as_str().parse::<u64>().ok();
            let (count_of, sent_at) = (count(kept.sequence.as_ref()), kept.sent_at);
            history.iter().any(|shown| {
                let by_count = count(shown.sequence.as_ref()).zip(count_of);
                let by_time = shown.sent_at.zip(sent_at);
                by_count.is_some_and(|(shown, kept)| shown < kept)
                    || by_time.is_some_and(|(shown, kept)| shown < kept)
            })
        });
        Ok(reaches_behind.then_some(true))
    }

    /// Whether a member is muted now, by the clock of the bridge.
    fn is_muted(&self, standing: &Look<Standing>) -> Option<bool> {
        let Look::Here(standing) = standing else {
            return None;
        };
        match standing.muted_until? {
            ..=0 => Some(false),
            until => Some(until > self.time_there()?.as_second()),
        }
    }

    async fn kept(&self, message: &MessageId) -> Result<Look<Kept>, AdapterError> {
        let looked = self.look(&encode::message(message), MESSAGE_LIMIT).await?;
        Ok(match looked {
            Look::Here(data) => Kept::read(&data).map_or(Look::Absent, Look::Here),
            Look::Absent => Look::Absent,
            Look::Unclear => Look::Unclear,
        })
    }

    async fn standing(
        &self,
        group: &str,
        member: &MemberId,
    ) -> Result<Look<Standing>, AdapterError> {
        let call = encode::role(group, member, self.quirks());
        Ok(match self.look(&call, ROLE_LIMIT).await? {
            Look::Here(data) => Standing::read(&data).map_or(Look::Unclear, Look::Here),
            Look::Absent => Look::Absent,
            Look::Unclear => Look::Unclear,
        })
    }

    async fn look(
        &self,
        call: &Call,
        limit: Duration,
    ) -> Result<Look<Box<RawValue>>, AdapterError> {
        match self.ask(call, limit).await {
            Ok(Ok(data)) => Ok(Look::Here(data)),
            Ok(Err(words)) if encode::timed_out(&words) => Ok(Look::Unclear),
            Ok(Err(_)) => Ok(Look::Absent),
            Err(AdapterError::TimedOut { .. } | AdapterError::Refused { .. }) => Ok(Look::Unclear),
            Err(offline @ AdapterError::Offline { .. }) => Err(offline),
        }
    }

    /// Why it was not done: bridges have one word for many reasons, or none. Whether we have the right is the first
    /// thing to look at.
    async fn reason(&self, order: &Order<'_>, before: &Before, refusal: Refusal) -> NotDone {
        let (vague, why) = match refusal {
            Refusal::For(NotDone::Refused { why }) => (false, why),
            Refusal::For(told) => return told,
            Refusal::Vague(why) => (true, why),
        };
        if matches!(before, Before::Member(Look::Absent)) {
            return NotDone::Gone;
        }
        if self.lacks_right(order, before).await {
            return NotDone::NoRight;
        }
        match (order.effect, before) {
            (Effect::Recall { .. }, Before::Message(Look::Here(_))) if vague => NotDone::TooLate,
            (Effect::Recall { .. }, _) if vague => NotDone::Gone,
            (_, _) => NotDone::Refused { why },
        }
    }

    /// Whether it is clear that we may not do this to this member.
    async fn lacks_right(&self, order: &Order<'_>, before: &Before) -> bool {
        let Some(us) = self.us() else { return false };
        let whose = match (order.effect, before) {
            (Effect::Recall { .. }, Before::Message(Look::Here(kept))) => kept.author.clone(),
            (effect, _) => effect.member().cloned(),
        };
        if whose.as_ref() == Some(&us) {
            return false;
        }
        match self.role(order.chat, &us).await {
            Ok(Role::Member) => true,
            Ok(Role::Owner) | Err(_) => false,
            Ok(Role::Admin) => {
                let Some(whose) = whose else { return false };
                let theirs = self.role(order.chat, &whose).await;
                theirs.is_ok_and(Role::is_admin)
            }
        }
    }
}

impl Kept {
    /// Nothing where the bridge has no words of it left.
    fn read(data: &RawValue) -> Option<Kept> {
        let wire: WireFrame<'_> = serde_json::from_str(data.get()).ok()?;
        let body = wire.message.and_then(Body::read)?;
        if body.into_segments().is_empty() {
            return None;
        }
        let sender = WireSender::read(wire.sender);
        let author = wire.user_id.somebody().or(sender.user_id.somebody());
        Some(Kept {
            group: wire.group_id.somebody().map(str::to_owned),
            author: author.map(MemberId::new),
            sent_at: decode::time(&wire),
            sequence: decode::sequence(&wire),
        })
    }

    fn is_in(&self, group: &str) -> bool {
        self.group.as_deref().is_none_or(|named| named == group)
    }
}

impl Standing {
    fn read(data: &RawValue) -> Option<Standing> {
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Wire<'a> {
            #[serde(borrow)]
            shut_up_timestamp: Loose<'a>,
        }
        let wire: Wire<'_> = serde_json::from_str(data.get()).ok()?;
        Some(Standing {
            muted_until: wire.shut_up_timestamp.number(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::Received;
    use crate::onebot::tests::{account, link};
    use tokio::time::Instant;

    /// What becomes of a mute through a bridge that answers nothing, and how long that takes; with a notice after the
    /// order, if one comes.
    async fn through_silence(notice: Option<&str>) -> (Performed, u64, usize) {
        let account = account();
        let (open, mut outbound) = link(&account);
        let mute = Effect::Mute {
            member: MemberId::new("2"),
            seconds: 600,
        };
        let (start, mut orders) = (Instant::now(), 0);
        let chat = ChatId::new("3");
        let silence = async {
            while let Some(call) = outbound.recv().await {
                assert!(call.claim.write());
                if call.text.contains("set_group_ban") {
                    orders += 1;
                    if let Some(notice) = notice {
                        account.hear(open.id, Received::Text(notice));
                    }
                }
            }
        };
        let performed = tokio::select! {
            performed = account.perform_once(&chat, &mute) => performed,
            () = silence => panic!("the link is open"),
        };
        assert!(account.state().pending.is_empty());
        (performed, start.elapsed().as_secs(), orders)
    }

    #[tokio::test(start_paused = true)]
    async fn bad_028_an_order_that_nobody_answers_is_unknown_in_time_and_is_given_once() {
        let (performed, seconds, orders) = through_silence(None).await;
        assert!(
            matches!(performed, Performed::Unknown { .. }),
            "{performed:?}"
        );
        assert!(seconds <= 14, "{seconds}");
        assert_eq!(orders, 1);
        let notice = r#"{"post_type":"notice","notice_type":"group_ban","sub_type":"ban","self_id":10001000,"group_id":3,"user_id":2,"duration":600}"#;
        let (performed, _, orders) = through_silence(Some(notice)).await;
        assert_eq!((performed, orders), (Performed::Done, 1));
    }

    #[test]
    fn a_message_without_words_is_no_message_any_more() {
        for (data, there) in [
            (
                r#"{"message":[{"type":"text","data":{"text":"hm"}}]}"#,
                true,
            ),
            (r#"{"message":"hm","group_id":3}"#, true),
            (r#"{"message":[],"user_id":2}"#, false),
            (r#"{"message":""}"#, false),
            (r#"{}"#, false),
        ] {
            let raw = RawValue::from_string(data.to_owned()).unwrap();
            assert_eq!(Kept::read(&raw).is_some(), there, "{data}");
        }
    }
}
