//! Step 8: outbox → platform. Claims due deliveries, sends them, records the outcome; the only caller of `send`.
//! Whether to speak was settled when the row was written; nothing here decides that again.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use metrics::counter;
use teahouse_adapters::{AdapterError, Connection};
use teahouse_core::{
    Before, DeadWhy, Delivery, DeliveryState, Message, MessageId, NotSent, Outgoing, ReadBack,
    SendOutcome, SenderKind, same_words,
};
use teahouse_store::{Claim, Lease, StoreError, fault};
use tracing::{debug, error, warn};

use crate::host::{AccountLine, Host, chain, with_open};
use crate::room::{DeliveryTask, Lane};

/// A claimed row is ours for so long: longer than any send may take.
pub(crate) const CLAIM: Duration = Duration::from_secs(90);
/// Messages looked through when a send is read back.
const LOOK_BACK: usize = 40;
/// A little chance on top of the pace, so that it looks like nobody's clock.
const JITTER: Duration = Duration::from_millis(300);
/// While no link is up nothing is taken in hand; a new link wakes the room.
const OFFLINE_PAUSE: Duration = Duration::from_secs(600);
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
    let (state, handed_over) = match open(&delivery) {
        Err(state) => (state, false),
        Ok(outgoing) => match delivery.before {
            Before::Unknown { since } => {
                fault::point("in-read-back");
                let found = read_back(host, lane, &outgoing).await;
                debug!(room = %lane.address, "read back: {found:?}");
                (
                    delivery.after_read_back(since, &found, host.clock.now()),
                    false,
                )
            }
            Before::Queued => send(host, lane, &delivery, &outgoing).await,
        },
    };
    let too_old = DeadWhy::TooOld;
    if state == (DeliveryState::Dead { why: too_old }) && delivery.turn.is_some() {
        host.apologise_for(lane, lease, &delivery).await?;
    }
    match &state {
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

/// What the gate has sealed.
#[expect(
    clippy::disallowed_methods,
    reason = "delivery is the one that opens what the gate has sealed"
)]
fn open(delivery: &Delivery) -> Result<Outgoing, DeliveryState> {
    match delivery.sealed.open() {
        Ok(outgoing) if delivery.again => Ok(outgoing.again()),
        Ok(outgoing) => Ok(outgoing),
        Err(error) => {
            error!(delivery = %delivery.id.0, error = %chain(&error), "an outbox row cannot be opened");
            Err(DeliveryState::Dead {
                why: DeadWhy::Damaged,
            })
        }
    }
}

/// Sends once. Says what became of it, and whether anything left this machine.
async fn send(
    host: &Arc<Host>,
    lane: &Arc<Lane>,
    delivery: &Delivery,
    outgoing: &Outgoing,
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
    let outcome = account.adapter.send(outgoing).await;
    fault::point("after-receipt");
    let handed_over = outcome != SendOutcome::NotSent(NotSent::Offline);
    match &outcome {
        SendOutcome::Unknown { why } => {
            counter!("teahouse_unknown_total").increment(1);
            warn!(room = %lane.address, delivery = %delivery.id.0, "a send is unknown: {why}");
        }
        SendOutcome::NotSent(why) => {
            warn!(room = %lane.address, delivery = %delivery.id.0, "a send was refused: {why:?}");
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

/// Looks for a message of ours in the room: among what the platform reported back, else in its history.
async fn read_back(host: &Arc<Host>, lane: &Arc<Lane>, outgoing: &Outgoing) -> ReadBack {
    let text = outgoing.text();
    let echoed = with_open(lane, |open| {
        let echo = open.echoes.iter().find(|echo| {
            same_words(&echo.text, &text)
                && same_quote(echo.quote.as_ref(), outgoing)
                && !open.own.contains(&echo.message)
        });
        echo.map(|echo| echo.message.clone())
    });
    if let Some(message) = echoed.flatten() {
        return ReadBack::Found(message);
    }
    let Some(account) = host.accounts.get(&lane.address.account) else {
        return ReadBack::NotNow;
    };
    if !account.adapter.capabilities(&lane.address.chat).history {
        return ReadBack::NoHistory;
    }
    match account.adapter.history(&lane.address.chat, LOOK_BACK).await {
        Ok(messages) => {
            let known = with_open(lane, |open| open.own.clone()).unwrap_or_default();
            let ours = |message: &&Message| {
                message.sender.kind == SenderKind::Ourselves
                    && !known.contains(&message.id)
                    && same_words(&message.text(), &text)
                    && same_quote(message.reply_to(), outgoing)
            };
            messages
                .iter()
                .rev()
                .find(ours)
                .map_or(ReadBack::Absent, |message| {
                    ReadBack::Found(message.id.clone())
                })
        }
        Err(error @ AdapterError::Refused { .. }) => {
            warn!(room = %lane.address, error = %error, "the room cannot be read back");
            ReadBack::NoHistory
        }
        Err(error @ (AdapterError::Offline { .. } | AdapterError::TimedOut { .. })) => {
            warn!(room = %lane.address, error = %error, "the room cannot be read back now");
            ReadBack::NotNow
        }
    }
}

/// A quote tells two like answers apart, where the platform shows it.
fn same_quote(shown: Option<&MessageId>, outgoing: &Outgoing) -> bool {
    match (shown, outgoing.quote()) {
        (Some(shown), Some(meant)) => shown == meant,
        (None, _) | (Some(_), None) => true,
    }
}
