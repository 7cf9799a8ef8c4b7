//! Beside step 2, after a restart or a link that was down: what was said meanwhile is read from the platform's history,
//! and goes the same way as what is heard. A fresh question is answered, stale ones get one apology a room.
//! Nothing is answered twice: who was accepted before is in the inbox. No room waits for the look into another.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use metrics::counter;
use teahouse_adapters::{Adapter, AdapterError};
use teahouse_core::{
    Asker, Call, Decision, Delivery, FRESHNESS, InboxKey, MemberId, Message, Notice, Reason,
    RoomKind, SenderKind, Standing, admit, decide, find_call, same_words,
};
use teahouse_store::{Acceptance, Accepted, HeardRoom, Lease, StoreError};
use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::acting::who_is;
use crate::call::taken_in;
use crate::clock::Moment;
use crate::host::{Host, chain, count, with_open};
use crate::room::Lane;

/// Older gaps are nobody's any more.
const LONGEST_GAP: Duration = Duration::from_secs(24 * 3_600);
/// Rooms looked into after one gap, those first that were heard last.
const ROOMS: u32 = 500;
/// … so many beside each other: one bridge answers all of them.
const AT_ONCE: usize = 4;
/// Messages of a room looked through.
const LOOK_BACK: usize = 50;
/// Failures in a row after which a bridge is left in peace.
const PATIENCE: usize = 3;

/// Whether its author was erased since: nothing they said before is learned again.
fn was_erased(lane: &Lane, message: &Message) -> bool {
    let who = who_is(lane, &message.sender.id);
    let erased = with_open(lane, |open| open.erased.get(&who).copied()).flatten();
    // What has no time may be from before.
    erased.is_some_and(|at| message.sent_at.is_none_or(|sent| sent <= at))
}

impl Host {
    /// Looks for what an account has missed. Best effort: what cannot be looked into is left.
    pub(crate) async fn catch_up(self: Arc<Self>, adapter: &Arc<dyn Adapter>) {
        // What was heard just now must be known before it is looked for.
        self.flush_talk().await;
        let since = self.clock.now() - LONGEST_GAP;
        let rooms = match self
            .store
            .heard_since(adapter.account(), since, ROOMS)
            .await
        {
            Ok(rooms) => rooms,
            Err(error) => {
                warn!(account = %adapter.account(), error = %chain(&error), "cannot tell which rooms may have been missed");
                return;
            }
        };
        let failures = AtomicUsize::new(0);
        stream::iter(rooms)
            .for_each_concurrent(AT_ONCE, |room| self.look_into(adapter, room, &failures))
            .await;
        if failures.load(Ordering::Relaxed) >= PATIENCE {
            warn!(account = %adapter.account(), "the bridge of account \"{}\" does not show what was missed; what was asked meanwhile stays unanswered", adapter.account());
        }
    }

    async fn look_into(
        self: &Arc<Self>,
        adapter: &Arc<dyn Adapter>,
        room: HeardRoom,
        failures: &AtomicUsize,
    ) {
        let address = &room.address;
        let is_served = self
            .house_of(address)
            .is_some_and(|house| room.kind == RoomKind::Group || house.direct);
        if !is_served
            || !adapter.capabilities(&address.chat).history
            || failures.load(Ordering::Relaxed) >= PATIENCE
        {
            return;
        }
        let messages = match adapter.history(&address.chat, LOOK_BACK).await {
            Ok(messages) => messages,
            Err(error @ AdapterError::Refused { .. }) => {
                debug!(room = %address, error = %chain(&error), "what was missed in room `{address}` cannot be read");
                return;
            }
            Err(error @ (AdapterError::Offline { .. } | AdapterError::TimedOut { .. })) => {
                debug!(room = %address, error = %chain(&error), "what was missed in room `{address}` cannot be read now");
                failures.fetch_add(1, Ordering::Relaxed);
                return;
            }
        };
        failures.store(0, Ordering::Relaxed);
        match self.not_heard(&room, messages).await {
            Ok(missed) if missed.is_empty() => {}
            Ok(missed) => {
                info!(room = %address, messages = missed.len(), "messages of room `{address}` were missed and are heard now");
                counter!("teahouse_missed_total").increment(missed.len() as u64);
                if let Some(lane) = self.lane(address, room.kind) {
                    lane.state().missed.extend(missed);
                    self.work(&lane);
                }
            }
            Err(error) => {
                warn!(room = %address, error = %chain(&error), "cannot tell what was missed in room `{address}`");
            }
        }
    }

    /// Of a room's latest messages, oldest first, those that nobody of us has heard. What lies before the first known
    /// one was said before the house listened, or was forgotten since.
    async fn not_heard(
        &self,
        room: &HeardRoom,
        messages: Vec<Message>,
    ) -> Result<Vec<Message>, StoreError> {
        let mut any_known = false;
        let mut after_a_known = Vec::new();
        let mut later_than_heard = Vec::new();
        for message in messages {
            if self.is_known(room, &message).await? {
                any_known = true;
                continue;
            }
            // Nobody can say whether what has no time is fresh.
            let Some(sent) = message.sent_at else {
                continue;
            };
            if message.sender.kind == SenderKind::Ourselves {
                continue;
            }
            if any_known {
                after_a_known.push(message);
            } else if sent > room.last {
                later_than_heard.push(message);
            }
        }
        Ok(match any_known {
            true => after_a_known,
            false => later_than_heard,
        })
    }

    /// By label, author and words: labels alone collide.
    async fn is_known(&self, room: &HeardRoom, message: &Message) -> Result<bool, StoreError> {
        let account = &room.address.account;
        if message.sender.kind == SenderKind::Ourselves {
            return self.store.is_ours(room.room, account, &message.id).await;
        }
        if let Some(line) = self.store.line(room.room, account, &message.id).await? {
            return Ok(
                line.member == message.sender.id && same_words(&line.text, &message.readable())
            );
        }
        // A question whose line was lost with the last second before a kill.
        let trail = self.store.why(room.room, account, &message.id).await?;
        Ok(trail.is_some())
    }

    /// What was missed, heard now: in the room's own lane, before anything newer.
    pub(crate) async fn hear_missed(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        missed: &[Message],
    ) -> Result<(), StoreError> {
        let Some(us) = self
            .accounts
            .get(&lane.address.account)
            .and_then(|account| account.adapter.us())
        else {
            return Ok(());
        };
        let mut stale = Vec::new();
        for message in missed {
            // Taken back since the history was read: it is nobody's any more.
            if lane.state().was_recalled(&message.id) || was_erased(lane, message) {
                continue;
            }
            let now = self.clock.now();
            let heard = self.waits_since(lane, message);
            match self.stale_question(lane, (message, &us), heard, now) {
                Some((lease, call)) => stale.push((lease, message, call)),
                None => {
                    lane.state().hearing = heard.map(|heard| heard.steady);
                    let done = self.on_message(lane, lane.platform, &us, message.clone(), now);
                    let done = done.await;
                    lane.state().hearing = None;
                    done?;
                }
            }
        }
        self.apologise(lane, stale).await
    }

    /// Since when it waits among what was heard, here or by another account in the same chat.
    fn waits_since(&self, lane: &Lane, message: &Message) -> Option<Moment> {
        let key = message.inbox_key(lane.platform);
        let lanes = self.lanes_at(&lane.address.chat);
        let lanes = lanes.iter().filter(|other| other.platform == lane.platform);
        lanes
            .filter_map(|other| other.state().waits_since(&message.sender.id, key))
            .min_by_key(|heard| heard.steady)
    }

    /// Whether a message asks, is too old to be answered, and would have been answered in time.
    fn stale_question(
        &self,
        lane: &Lane,
        (message, us): (&Message, &MemberId),
        heard: Option<Moment>,
        now: Timestamp,
    ) -> Option<(Lease, Call)> {
        // Beyond a day the inbox does not know any more whether it was taken in before.
        let sent = message.sent_at?;
        let is_old = admit(message, now) == Err(Reason::TooOld) && sent >= now - LONGEST_GAP;
        if !is_old && !heard.is_some_and(|heard| has_grown_old(message, heard, now)) {
            return None;
        }
        self.would_ask(lane, message, us, now)
    }

    /// A question that was fresh when we heard it, and grew old as it waited for the store: it is apologised for like
    /// one that nobody heard. Says whether it was one.
    pub(crate) async fn apologise_if_grown_old(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        (message, us): (&Message, &MemberId),
        heard: Moment,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if !has_grown_old(message, heard, now) {
            return Ok(false);
        }
        let Some((lease, call)) = self.would_ask(lane, message, us, now) else {
            return Ok(false);
        };
        self.apologise(lane, vec![(lease, message, call)]).await?;
        Ok(true)
    }

    /// Whether a message asks, and would be answered in time.
    fn would_ask(
        &self,
        lane: &Lane,
        message: &Message,
        us: &MemberId,
        now: Timestamp,
    ) -> Option<(Lease, Call)> {
        let asker = Asker {
            standing: Standing::Unwitnessed,
            today: 0,
            limit_noticed: false,
        };
        let there = self.room_now(lane, now);
        with_open(lane, |open| {
            let call = find_call(message, us, lane.charter().trigger.as_slice(), |id| {
                open.own.contains(id)
            })?;
            let decision = decide(
                &lane.charter(),
                &lane.room_state(open, now),
                asker,
                &call,
                there,
            );
            (decision == Decision::Ask).then_some((open.lease, call))
        })
        .flatten()
    }

    /// Ends each of these questions, and says so once for all of them.
    async fn apologise(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        stale: Vec<(Lease, &Message, Call)>,
    ) -> Result<(), StoreError> {
        let many = stale.len() > 1;
        let mut speaks = !stale.is_empty() && self.may_apologise(lane);
        // The newest carries the apology, in the same transaction as its own end.
        for (lease, message, call) in stale.into_iter().rev() {
            let now = self.clock.now();
            let key = message.inbox_key(lane.platform);
            let say = match (speaks, many) {
                (false, _) => vec![],
                (true, true) => self.say(lane, None, Notice::Apologies, now),
                (true, false) => self.say(lane, Some(&message.id), Notice::Apology, now),
            };
            let acceptance = Acceptance {
                line: Some(self.line(lane, message, Reason::Expired, true, now)),
                turn: Some((
                    self.new_turn(lane, message, &call, now),
                    Some(Reason::Expired),
                )),
                say,
                ..taken_in(lane, key, self.dated(now))
            };
            match self.store.accept(lease, acceptance).await {
                Ok(Accepted::New | Accepted::Begun) => {}
                Ok(Accepted::Seen) => {
                    // Its reply was lost, most likely: then the apology is in the outbox.
                    speaks = false;
                    count(Reason::Duplicate);
                    continue;
                }
                Err(error) => {
                    if speaks {
                        lane.state().has_not_apologised();
                    }
                    return Err(error);
                }
            }
            count(Reason::Expired);
            self.sign_heard(lane, message, Reason::Expired);
            with_open(lane, |open| open.called(key));
            if std::mem::take(&mut speaks) {
                self.deliver_soon(lane);
            }
        }
        Ok(())
    }

    /// An answer is too old to be shown: the room hears that some were. Said before the row is given up, and once,
    /// wherever a kill comes between.
    pub(crate) async fn apologise_for(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        lease: Lease,
        answer: &Delivery,
    ) -> Result<(), StoreError> {
        if !self.may_apologise(lane) {
            return Ok(());
        }
        let now = self.clock.now();
        let acceptance = Acceptance {
            say: self.say(lane, None, Notice::Apologies, now),
            ..taken_in(lane, InboxKey(answer.id.0.to_bytes()), self.dated(now))
        };
        let accepted = self.store.accept(lease, acceptance).await;
        if accepted.is_err() {
            lane.state().has_not_apologised();
        }
        accepted.map(|_| ())
    }

    /// Whether the room has not just been told that questions went stale.
    pub(crate) fn may_apologise(&self, lane: &Lane) -> bool {
        lane.state().apologises(Instant::now())
    }
}

/// Whether a message was fresh when we heard it, and has grown too old since.
fn has_grown_old(message: &Message, heard: Moment, now: Timestamp) -> bool {
    let was_fresh = admit(message, heard.wall).is_ok();
    let is_old = heard.age(now) > FRESHNESS || admit(message, now) == Err(Reason::TooOld);
    was_fresh && is_old
}
