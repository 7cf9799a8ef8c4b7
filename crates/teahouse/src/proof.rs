//! Step 9, the other half: was it shown? Looks among the platform's own reports, then in the room's history. Costs
//! nothing where nothing is in doubt: history is asked for only after a send without an answer, after a yes that no
//! report follows though reports are known to come, and in a room where something went wrong lately. Sends nothing.

use std::sync::Arc;

use teahouse_adapters::AdapterError;
use teahouse_core::{
    LOOKS, Message, MessageId, Outgoing, PROOF, ReadBack, Receipt, Segment, SenderKind, same_words,
};
use tokio::time::Instant;
use tracing::warn;

use crate::host::{Host, with_open};
use crate::room::{Echo, Lane};

/// Messages looked through when a send is read back.
const LOOK_BACK: usize = 40;

/// Whether a platform's yes is true: the message is there, it is not, or there is no reason to ask.
pub(crate) async fn prove(
    host: &Arc<Host>,
    lane: &Arc<Lane>,
    receipt: &Receipt,
    outgoing: &Outgoing,
) -> ReadBack {
    let Some(account) = host.accounts.get(&lane.address.account) else {
        return ReadBack::NotNow;
    };
    let now = host.clock.now();
    let suspected = with_open(lane, |open| open.is_suspected(now)) == Some(true);
    let looks = match (account.adapter.reports_own(), suspected) {
        (true, _) => &[PROOF][..],
        (false, true) => &LOOKS[..],
        (false, false) => return ReadBack::NotNow,
    };
    let since = Instant::now();
    let forms = std::slice::from_ref(outgoing);
    let mut found = ReadBack::NotNow;
    for look in looks {
        if let Some(message) = reported(host, lane, receipt, forms, since + *look).await {
            return message;
        }
        found = read_back(host, lane, forms, Some(receipt)).await;
        if found != ReadBack::Absent {
            break;
        }
    }
    found
}

/// Waits until the platform has reported the message; nothing once the time is over.
async fn reported(
    host: &Host,
    lane: &Lane,
    receipt: &Receipt,
    forms: &[Outgoing],
    until: Instant,
) -> Option<ReadBack> {
    loop {
        if let Some(message) = among_reports(lane, forms, Some(receipt)) {
            return Some(ReadBack::Found(message));
        }
        tokio::select! {
            () = lane.outbox.notified() => {}
            () = tokio::time::sleep_until(until) => return None,
            // Whoever closes believes what it was told.
            () = host.stop.cancelled() => return Some(ReadBack::NotNow),
        }
    }
}

/// Looks for a message of ours in the room: among what the platform reported back, else in its history.
pub(crate) async fn read_back(
    host: &Arc<Host>,
    lane: &Arc<Lane>,
    forms: &[Outgoing],
    receipt: Option<&Receipt>,
) -> ReadBack {
    if let Some(message) = among_reports(lane, forms, receipt) {
        return ReadBack::Found(message);
    }
    let Some(account) = host.accounts.get(&lane.address.account) else {
        return ReadBack::NotNow;
    };
    if !account.adapter.capabilities(&lane.address.chat).history {
        return ReadBack::NoHistory;
    }
    match account.adapter.history(&lane.address.chat, LOOK_BACK).await {
        // A history that shows nothing at all proves nothing against a yes.
        Ok(messages) if messages.is_empty() && receipt.is_some() => ReadBack::NotNow,
        Ok(messages) => {
            let known = with_open(lane, |open| open.own.clone()).unwrap_or_default();
            let ours = |message: &&Message| {
                message.sender.kind == SenderKind::Ourselves
                    && !known.contains(&message.id)
                    && (is_receipts(receipt, &message.id) || is_one_of(forms, message))
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

fn among_reports(lane: &Lane, forms: &[Outgoing], receipt: Option<&Receipt>) -> Option<MessageId> {
    let is_form = |echo: &Echo| {
        forms.iter().any(|form| match form.bundle() {
            Some(_) => echo.is_bundle,
            None => same_words(&echo.text, &form.text()) && same_quote(echo.quote.as_ref(), form),
        })
    };
    with_open(lane, |open| {
        let shown = open.echoes.iter().find(|echo| {
            !open.own.contains(&echo.message)
                && (is_receipts(receipt, &echo.message) || is_form(echo))
        });
        shown.map(|echo| echo.message.clone())
    })
    .flatten()
}

fn is_receipts(receipt: Option<&Receipt>, message: &MessageId) -> bool {
    receipt.is_some_and(|receipt| receipt.message == *message)
}

/// A bundle shows its handle and none of its words: the latest one of ours that nothing else accounts for is it.
fn is_one_of(forms: &[Outgoing], message: &Message) -> bool {
    let text = message.text();
    forms.iter().any(|form| match form.bundle() {
        Some(_) => is_bundle(message),
        None => same_words(&text, &form.text()) && same_quote(message.reply_to(), form),
    })
}

/// Whether a message is several folded up.
pub(crate) fn is_bundle(message: &Message) -> bool {
    message
        .segments
        .iter()
        .any(|segment| matches!(segment, Segment::Forward { .. }))
}

/// A quote tells two like answers apart, where the platform shows it.
fn same_quote(shown: Option<&MessageId>, outgoing: &Outgoing) -> bool {
    match (shown, outgoing.quote()) {
        (Some(shown), Some(meant)) => shown == meant,
        (None, _) | (Some(_), None) => true,
    }
}
