//! Step 8: outbox → platform. Claims due deliveries, sends them, records the outcome; the only caller of `send`.
//! Whether to speak was settled when the row was written; nothing here decides that again.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use metrics::counter;
use teahouse_adapters::Connection;
use teahouse_core::{
    Before, DeadWhy, Delivery, DeliveryState, Effect, FRESH, NotSent, Notice, Outgoing, ReadBack,
    SendOutcome, Shape,
};
use teahouse_store::{Claim, Lease, StoreError, fault};
use tokio::time::Instant;
use tracing::{debug, error, warn};

use crate::answer::first_contact;
use crate::host::{AccountLine, Host, chain, with_open};
use crate::performing::{perform, take_back_later, waits_for_its_deeds};
use crate::proof::{prove, read_back};
use crate::room::{DeliveryTask, Lane};

/// A claimed row is ours for so long: longer than any send may take.
pub(crate) const CLAIM: Duration = Duration::from_secs(90);
/// A little chance on top of the pace, so that it looks like nobody's clock.
const JITTER: Duration = Duration::from_millis(300);
/// While no link is up nothing is taken in hand; a new link wakes the room.
const OFFLINE_PAUSE: Duration = Duration::from_secs(600);
/// Until a room that could not be looked into is looked into again.
const LOOK_PAUSE: Duration = Duration::from_secs(2);
/// While we are muted it is looked so often whether that is over; a lifted mute wakes the room.
const MUTE_PAUSE: Duration = Duration::from_secs(60);
/// After a failure of the store.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// Sends what a room has to say until nothing is left, beginning with what was handed out already.
pub(crate) async fn run(host: Arc<Host>, lane: Arc<Lane>, mut first: Option<Delivery>) {
    loop {
        match next(&host, &lane, first.take()).await {
            // On the way out, what is due now still goes; what would have to wait stays in the outbox.
            Ok(Some(wait)) if host.stop.is_cancelled() && wait > Duration::ZERO => {
                lane.state().delivery = DeliveryTask::Idle;
                break;
            }
            Ok(Some(wait)) => {
                tokio::select! {
                    biased;
                    () = host.stop.cancelled() => {}
                    () = lane.outbox.notified() => {}
                    () = tokio::time::sleep(wait) => {}
                }
            }
            Ok(None) => {
                let mut state = lane.state();
                if state.delivery == DeliveryTask::Again {
                    state.delivery = DeliveryTask::Running;
                    continue;
                }
                state.delivery = DeliveryTask::Idle;
                break;
            }
            Err(error) => {
                error!(room = %lane.address, error = %chain(&error), "delivery of room `{}` had to pause", lane.address);
                if host.stop.is_cancelled() {
                    lane.state().delivery = DeliveryTask::Idle;
                    break;
                }
                tokio::select! {
                    biased;
                    () = host.stop.cancelled() => {}
                    () = tokio::time::sleep(STORE_PAUSE) => {}
                }
            }
        }
    }
    lane.changed.notify_waiters();
}

/// Handles one due row; says how long to wait for the next, or that there is none.
async fn next(
    host: &Arc<Host>,
    lane: &Arc<Lane>,
    first: Option<Delivery>,
) -> Result<Option<Duration>, StoreError> {
    lane.state().in_hand = true;
    let done = take_next(host, lane, first).await;
    lane.state().in_hand = false;
    host.open_anew_if_in_doubt(lane);
    done
}

async fn take_next(
    host: &Arc<Host>,
    lane: &Arc<Lane>,
    first: Option<Delivery>,
) -> Result<Option<Duration>, StoreError> {
    let Some(lease) = with_open(lane, |open| open.lease) else {
        return Ok(None);
    };
    let now = host.clock.now();
    if first.is_none() && !is_online(host, lane) {
        return Ok(Some(OFFLINE_PAUSE));
    }
    let claim = match first {
        Some(delivery) => Claim::Due(delivery),
        None => host.store.claim(lease, now, now + CLAIM).await?,
    };
    let due = match claim {
        Claim::Empty => return Ok(None),
        Claim::Later(due) => Some(due),
        Claim::Due(delivery) => {
            fault::point("after-claim");
            deliver(host, lane, lease, delivery).await?
        }
    };
    let now = host.clock.now();
    Ok(due.map(|due| {
        if due > now {
            due.duration_since(now).unsigned_abs()
        } else {
            Duration::ZERO
        }
    }))
}

fn is_online(host: &Host, lane: &Lane) -> bool {
    let account = host.accounts.get(&lane.address.account);
    account.is_some_and(|account| *account.adapter.connection().borrow() == Connection::Online)
}

async fn deliver(
    host: &Arc<Host>,
    lane: &Arc<Lane>,
    lease: Lease,
    delivery: Delivery,
) -> Result<Option<Timestamp>, StoreError> {
    if let Some((effect, _)) = Effect::of(&delivery.sealed) {
        let (state, handed_over) = perform(host, lane, lease, &delivery, &effect).await?;
        return finish(host, lane, lease, &delivery, state, handed_over).await;
    }
    let opened = open(host, lane, &delivery);
    let forms = opened.as_ref().map_or(&[][..], |(_, forms)| forms);
    let is_sorry = says(host, lane, forms, &[Notice::Apology, Notice::Apologies]);
    let greets = says(host, lane, forms, &[first_contact(lane)]);
    let is_fleeting = opened
        .as_ref()
        .is_ok_and(|(outgoing, _)| outgoing.is_fleeting());
    let waits = match is_fleeting && delivery.before == Before::Queued {
        true => waits_for_its_deeds(host, lease, &delivery).await?,
        false => None,
    };
    // Sent without an answer, where nobody could look.
    let mut may_be_seen = false;
    let (state, handed_over) = match opened {
        Err(state) => (state, false),
        Ok(_) if let Some(state) = waits => (state, false),
        // What went stale in one gap shares one line.
        Ok(_) if is_sorry && is_said_already(lane, &delivery) => {
            let why = DeadWhy::Cancelled;
            (DeliveryState::Dead { why }, false)
        }
        Ok((outgoing, forms)) => match delivery.before {
            Before::Unknown { since } => {
                fault::point("in-read-back");
                let found = read_back(host, lane, &forms, None).await;
                debug!(room = %lane.address, "read back: {found:?}");
                may_be_seen = found != ReadBack::Absent;
                (
                    delivery.after_read_back(since, &found, host.clock.now()),
                    false,
                )
            }
            Before::Queued => send(host, lane, &delivery, &outgoing, &forms).await,
        },
    };
    let state = or_apologise(host, lane, &delivery, state, handed_over);
    if is_sorry && (handed_over || matches!(state, DeliveryState::Sent { .. })) {
        lane.state().said_sorry(delivery.id, Instant::now());
    }
    if let DeliveryState::Dead { why } = &state {
        if *why == DeadWhy::TooOld && (delivery.turn.is_some() || is_sorry) {
            host.apologise_for(lane, lease, &delivery).await?;
        }
        if greets && !may_be_seen {
            host.greets_anew(lane, lease, &delivery).await?;
        }
    }
    if let (DeliveryState::Sent { message }, true) = (&state, is_fleeting) {
        take_back_later(host, lane, lease, message).await?;
    }
    finish(host, lane, lease, &delivery, state, handed_over).await
}

/// Writes down what became of a row.
async fn finish(
    host: &Arc<Host>,
    lane: &Arc<Lane>,
    lease: Lease,
    delivery: &Delivery,
    state: DeliveryState,
    handed_over: bool,
) -> Result<Option<Timestamp>, StoreError> {
    match &state {
        DeliveryState::Done => counter!("teahouse_performed_total").increment(1),
        DeliveryState::Sent { .. } => counter!("teahouse_sent_total").increment(1),
        DeliveryState::Dead { why } => {
            counter!("teahouse_dead_total").increment(1);
            error!(room = %lane.address, delivery = %delivery.id.0, "a message was given up: {why:?}");
        }
        DeliveryState::Queued { .. }
        | DeliveryState::Claimed { .. }
        | DeliveryState::Unknown { .. } => {}
    }
    let done = host
        .insist(lane, || {
            let now = host.clock.now();
            host.store
                .complete(lease, delivery.id, state.clone(), handed_over, now)
        })
        .await;
    // Not before: what is known as another row's is not found when this one is read back.
    if let (Ok(_), DeliveryState::Sent { message }) = (&done, state) {
        with_open(lane, |open| open.spoke(message));
    }
    done
}

/// Whether another apology was said in its place, before it was sent or while it was looked for in vain.
fn is_said_already(lane: &Lane, apology: &Delivery) -> bool {
    let goes_out = apology.before == Before::Queued;
    goes_out && !lane.state().may_say_sorry(apology.id, Instant::now())
}

/// A message that was swallowed twice is a matter for the operator; its turn is apologised for once, however many
/// parts of it were swallowed.
fn or_apologise(
    host: &Host,
    lane: &Lane,
    delivery: &Delivery,
    state: DeliveryState,
    handed_over: bool,
) -> DeliveryState {
    let lost = DeliveryState::Dead { why: DeadWhy::Lost };
    let is_apology = delivery.shape() == Shape::Apology;
    let becomes_apology = matches!(state, DeliveryState::Queued { again: true, .. })
        && delivery.sends + u32::from(handed_over) >= 2;
    if is_apology || !(becomes_apology || state == lost) {
        return state;
    }
    host.alarms.swallowed(&lane.address, host.clock.now());
    let is_first = with_open(lane, |open| {
        std::mem::replace(&mut open.apologised_for, delivery.turn) != delivery.turn
    });
    match is_first {
        Some(false) => lost,
        Some(true) | None => state,
    }
}

/// What the gate has sealed, in the form in which it goes out now, and all forms in which it may have been shown.
#[expect(
    clippy::disallowed_methods,
    reason = "delivery is the one that opens what the gate has sealed"
)]
fn open(
    host: &Host,
    lane: &Lane,
    delivery: &Delivery,
) -> Result<(Outgoing, Vec<Outgoing>), DeliveryState> {
    let written = match delivery.sealed.open() {
        Ok(outgoing) => outgoing,
        Err(error) => {
            error!(delivery = %delivery.id.0, error = %chain(&error), "an outbox row cannot be opened");
            return Err(DeliveryState::Dead {
                why: DeadWhy::Damaged,
            });
        }
    };
    let account = host.accounts.get(&lane.address.account);
    let able = account.map(|account| account.adapter.capabilities(&lane.address.chat));
    let longest = able.as_ref().map_or(usize::MAX, |able| able.longest_text);
    // What did not go through folded up goes plainly.
    let plain = written.clone().unfolded(longest);
    let again = match plain.clone().again() {
        again if able.is_some_and(|able| able.swallows_links) => again.without_links(),
        again => again,
    };
    let apology = written.clone().apology();
    let now = match delivery.shape() {
        Shape::AsWritten if delivery.sends == 0 => written.clone(),
        Shape::AsWritten => plain.clone(),
        Shape::Again => again.clone(),
        Shape::Apology => apology.clone(),
    };
    let forms = match delivery.sends {
        0 | 1 => vec![written],
        2 => vec![written, plain, again],
        _ => vec![written, plain, again, apology],
    };
    Ok((now, forms))
}

/// Whether it is one of these notices.
fn says(host: &Host, lane: &Lane, forms: &[Outgoing], notices: &[Notice]) -> bool {
    let language = host.language_of(lane);
    let written = forms.first().map(Outgoing::text);
    written.is_some_and(|text| notices.iter().any(|notice| notice.text(language) == text))
}

/// Sends once. Says what became of it, and whether anything left this machine.
async fn send(
    host: &Arc<Host>,
    lane: &Arc<Lane>,
    delivery: &Delivery,
    outgoing: &Outgoing,
    forms: &[Outgoing],
) -> (DeliveryState, bool) {
    let now = host.clock.now();
    let offline = || {
        (
            delivery.after_send(&SendOutcome::NotSent(NotSent::Offline), now),
            false,
        )
    };
    let Some(account) = host.accounts.get(&lane.address.account) else {
        return offline();
    };
    if !is_online(host, lane) {
        return offline();
    }
    if delivery.is_stale(now) {
        return (
            DeliveryState::Dead {
                why: DeadWhy::TooOld,
            },
            false,
        );
    }
    // Hammering a mute gets accounts banned: what is still fresh when it ends waits, the rest is not said.
    if let Some(until) = with_open(lane, |open| open.muted_until).flatten()
        && now < until
    {
        let state = match until.duration_since(delivery.created).unsigned_abs() > FRESH {
            true => DeliveryState::Dead {
                why: DeadWhy::Muted,
            },
            false => DeliveryState::Queued {
                due: until.min(now + MUTE_PAUSE),
                again: delivery.again,
            },
        };
        return (state, false);
    }
    if let Err(wait) = take_turn(lane, account, host.steady_time()) {
        let due = now + wait + host.ids.jitter(JITTER);
        return (
            DeliveryState::Queued {
                due,
                again: delivery.again,
            },
            false,
        );
    }
    // It was not there when it was looked for; it may have come while the repeat waited for its turn.
    if delivery.again {
        match read_back(host, lane, forms, None).await {
            ReadBack::Found(message) => return (DeliveryState::Sent { message }, false),
            ReadBack::NotNow => {
                let due = host.clock.now() + LOOK_PAUSE;
                let again = delivery.again;
                return (DeliveryState::Queued { due, again }, false);
            }
            ReadBack::Absent | ReadBack::NoHistory => {}
        }
    }
    let outcome = account.adapter.send(outgoing).await;
    fault::point("after-receipt");
    if let SendOutcome::Sent(receipt) = &outcome {
        // The row is still in hand: a host that dies now finds it unknown, and looks itself.
        let found = prove(host, lane, receipt, outgoing).await;
        let now = host.clock.now();
        if found == ReadBack::Absent {
            warn!(room = %lane.address, delivery = %delivery.id.0, "the platform said yes and shows nothing");
            with_open(lane, |open| open.suspect(now));
        }
        return (delivery.after_proof(receipt, &found, now), true);
    }
    let handed_over = outcome != SendOutcome::NotSent(NotSent::Offline);
    match &outcome {
        SendOutcome::Unknown { why } => {
            counter!("teahouse_unknown_total").increment(1);
            warn!(room = %lane.address, delivery = %delivery.id.0, "a send is unknown: {why}");
            with_open(lane, |open| open.suspect(now));
        }
        SendOutcome::NotSent(why) => {
            warn!(room = %lane.address, delivery = %delivery.id.0, "a send was refused: {why:?}");
            if let NotSent::Refused { .. } = why {
                with_open(lane, |open| open.suspect(now));
            }
        }
        SendOutcome::Sent(_) => {}
    }
    (delivery.after_send(&outcome, host.clock.now()), handed_over)
}

/// The room's and the account's pace.
fn take_turn(lane: &Lane, account: &AccountLine, now: Timestamp) -> Result<(), Duration> {
    let mut state = lane.state();
    let mut bucket = account
        .bucket
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let mut room = state.pace.clone();
    room.take(now)?;
    bucket.take(now)?;
    state.pace = room;
    Ok(())
}
