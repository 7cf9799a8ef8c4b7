//! Step 8, for what is done instead of said: recalls and mutes. Claimed, performed once, looked at where nobody can
//! tell; what the platform does not allow falls back to the room's admins. Whether to do it was settled when the row
//! was written.

use std::sync::Arc;
use std::time::Duration;

use teahouse_core::rules::course::Matter;
use teahouse_core::{
    Before, DeadWhy, Delivery, DeliveryState, EFFECT_FRESH, Effect, KeepingNotice, NotDone,
    Performed,
};
use teahouse_store::{CaseKind, CaseMove, CaseState, Dealings, Lease, StoreError, fault};
use tracing::{debug, error, warn};

use crate::host::{Host, with_open};
use crate::room::Lane;

/// The pause while no connection is up; a new connection wakes the row at once.
const WHILE_OFFLINE: Duration = Duration::from_secs(1);
/// The pause before what was refused without a reason is tried a second and last time.
const AFTER_REFUSAL: Duration = Duration::from_secs(3);
/// The pause where a platform wants it slower.
const AFTER_TOO_FAST: Duration = Duration::from_secs(5);
/// Until what nobody can tell is looked at again.
const LOOK_PAUSE: Duration = Duration::from_secs(2);
/// It is handed to the platform so often at most.
const MOST_TRIES: u32 = 2;

/// Performs a row once; says where it stands now, and whether anything left this machine.
pub(crate) async fn perform(
    host: &Arc<Host>,
    lane: &Arc<Lane>,
    lease: Lease,
    delivery: &Delivery,
    effect: &Effect,
) -> Result<(DeliveryState, bool), StoreError> {
    let now = host.clock.now();
    let again = |due| DeliveryState::Queued { due, again: false };
    let Some(account) = host.accounts.get(&lane.address.account) else {
        return Ok((again(now + WHILE_OFFLINE), false));
    };
    let chat = &lane.address.chat;
    if let Before::Unknown { since } = delivery.before {
        fault::point("in-read-back");
        // A mute that is over by now cannot be seen any more; done again it would be a second one.
        if effect.is_over_after(now.duration_since(since).unsigned_abs()) {
            let why = DeadWhy::Lost;
            return Ok((DeliveryState::Dead { why }, false));
        }
        match account.adapter.is_done(chat, effect).await {
            Ok(Some(true)) => return Ok((DeliveryState::Done, false)),
            Ok(Some(false)) if delivery.sends < MOST_TRIES => {}
            Ok(Some(false)) => {
                let why = DeadWhy::Lost;
                fall_back(host, lane, lease, delivery, why).await?;
                return Ok((DeliveryState::Dead { why }, false));
            }
            // Neither done nor not done: the same thing done twice is done once.
            Ok(None) if delivery.sends < MOST_TRIES => {}
            Ok(None) => {
                let why = DeadWhy::Lost;
                return Ok((DeliveryState::Dead { why }, false));
            }
            Err(why) => {
                debug!(room = %lane.address, "an effect cannot be looked at: {why}");
                if now.duration_since(delivery.created).unsigned_abs() < EFFECT_FRESH {
                    let due = now + LOOK_PAUSE;
                    return Ok((DeliveryState::Unknown { since, due }, false));
                }
                let why = DeadWhy::TooOld;
                fall_back(host, lane, lease, delivery, why).await?;
                return Ok((DeliveryState::Dead { why }, false));
            }
        }
    }
    if now.duration_since(delivery.created).unsigned_abs() > EFFECT_FRESH {
        let why = DeadWhy::TooOld;
        fall_back(host, lane, lease, delivery, why).await?;
        return Ok((DeliveryState::Dead { why }, false));
    }
    if let Err(wait) = lane.state().effects.take(host.steady_time()) {
        return Ok((again(now + wait), false));
    }
    let performed = account.adapter.perform(chat, effect).await;
    fault::point("after-receipt");
    let now = host.clock.now();
    let why = match performed {
        Performed::Done => return Ok((DeliveryState::Done, true)),
        Performed::Unknown { why } => {
            warn!(room = %lane.address, delivery = %delivery.id.0, "an effect is unknown: {why}");
            let due = now + LOOK_PAUSE;
            return Ok((DeliveryState::Unknown { since: now, due }, true));
        }
        Performed::NotDone(why) => why,
    };
    warn!(room = %lane.address, delivery = %delivery.id.0, "an effect was not done: {why:?}");
    let dead = match why {
        NotDone::Offline => return Ok((again(now + WHILE_OFFLINE), false)),
        NotDone::TooFast => return Ok((again(now + AFTER_TOO_FAST), false)),
        NotDone::Refused { .. } if delivery.sends + 1 < MOST_TRIES => {
            return Ok((again(now + AFTER_REFUSAL), true));
        }
        // The message is gone, or its author: there is nothing left to do.
        NotDone::Gone => DeadWhy::Gone,
        NotDone::NoRight => {
            with_open(lane, |open| open.order.has_no_right(now));
            DeadWhy::NoRight
        }
        NotDone::TooLate => DeadWhy::TooLate,
        NotDone::Unable => DeadWhy::Unable,
        NotDone::Refused { .. } => DeadWhy::Refused,
    };
    fall_back(host, lane, lease, delivery, dead).await?;
    Ok((DeliveryState::Dead { why: dead }, true))
}

/// What the house may not or cannot do waits for the room's admins, and the room hears of a missing right once a day.
async fn fall_back(
    host: &Arc<Host>,
    lane: &Arc<Lane>,
    lease: Lease,
    delivery: &Delivery,
    why: DeadWhy,
) -> Result<(), StoreError> {
    error!(room = %lane.address, "an effect was given up: {why:?}");
    let now = host.clock.now();
    let case = host.store.case_of_row(lease.room, delivery.id).await?;
    let by_hand = case
        .as_ref()
        .is_some_and(|case| case.new.kind == CaseKind::ByHand);
    // What is gone needs nobody any more; only who asked for it is told.
    if why == DeadWhy::Gone && !by_hand {
        return Ok(());
    }
    let tells = !by_hand
        && matches!(why, DeadWhy::NoRight)
        && with_open(lane, |open| open.order.tells_no_right(now)) == Some(true);
    let mut say = Vec::new();
    let mut dealings = Dealings::default();
    if by_hand {
        // Who asked for it is told, whatever the room was told before.
        let notice = KeepingNotice::NotDone(why);
        say.extend(host.tell(lane, None, None, notice, now));
    } else if let Some(case) = &case {
        let id = case.new.id;
        // Both where a rule acted and where an admin has said so.
        for from in [CaseState::Settled, CaseState::Denied] {
            dealings.moves.push(CaseMove {
                case: id,
                from,
                to: CaseState::Open,
                by: None,
                appeal: None,
            });
        }
        // A question is told what becomes of it.
        let matter = matter_of(case);
        if let (true, Some(by), Some(message), CaseState::Settled) =
            (matter.question, matter.by(), &case.new.message, case.state)
        {
            let notice = KeepingNotice::Held { by };
            say.extend(host.tell(lane, None, Some(message), notice, now));
        }
    }
    if tells {
        let trigger = lane.charter().trigger.first().to_owned();
        let notice = KeepingNotice::NoRight { trigger };
        say.extend(host.tell(lane, None, None, notice, now));
    }
    if let Some(case) = &case {
        let shows = say.iter().map(|row| (row.id, case.new.id));
        dealings.shows.extend(shows);
    }
    if dealings == Dealings::default() && say.is_empty() {
        return Ok(());
    }
    host.store.deal(lease, dealings, say, now).await
}

/// A notice about what was done is said once it is: until then it waits, and if it was not done it is not said.
pub(crate) async fn waits_for_its_deeds(
    host: &Arc<Host>,
    lease: Lease,
    delivery: &Delivery,
) -> Result<Option<DeliveryState>, StoreError> {
    let Some(case) = host.store.case_of_row(lease.room, delivery.id).await? else {
        return Ok(None);
    };
    let progress = host.store.progress_of(lease.room, case.new.id).await?;
    if progress.unfinished > 0 {
        let due = host.clock.now() + DEEDS_PAUSE;
        let again = delivery.again;
        return Ok(Some(DeliveryState::Queued { due, again }));
    }
    let fell_back = match case.new.kind {
        CaseKind::ByHand => progress.given_up > 0,
        CaseKind::Acted => case.state == CaseState::Open,
        CaseKind::Flagged | CaseKind::Reported | CaseKind::Unable => false,
    };
    Ok(fell_back.then_some(DeliveryState::Dead {
        why: DeadWhy::Cancelled,
    }))
}

/// Until it is looked again whether what is told of was done.
const DEEDS_PAUSE: Duration = Duration::from_millis(500);

/// A notice that is not to stay has been shown: it is taken back after a while.
pub(crate) async fn take_back_later(
    host: &Arc<Host>,
    lane: &Arc<Lane>,
    lease: Lease,
    message: &teahouse_core::MessageId,
) -> Result<(), StoreError> {
    let now = host.clock.now();
    let effect = Effect::Recall {
        message: message.clone(),
    };
    let mut row = host.effect_row(lane, &effect, None, now);
    row.due = Some(now + STAYS);
    host.store
        .deal(lease, Dealings::default(), vec![row], now)
        .await
}

/// A notice about what was done to somebody stays so long: an ordinary member takes back for two minutes.
const STAYS: Duration = Duration::from_secs(90);

/// What was kept of a case.
pub(crate) fn matter_of(case: &teahouse_store::Case) -> Matter {
    Matter::from_json(&case.new.what)
}
