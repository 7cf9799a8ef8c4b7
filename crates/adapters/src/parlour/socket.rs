//! One tab's socket: hello first, then frames in both directions until one side goes. Each write has a limit, silence
//! has a limit, and nothing of a seat is known here but its id.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message as Ws, Utf8Bytes, WebSocket};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tracing::debug;

use super::room::{Room, text};
use super::seat::TokenHash;
use super::talk::Hurry;
use super::wire::{FromSeat, Refusal, ToSeat};
use super::{Parlour, ParlourError};

/// The first hello comes within so long.
const HELLO: Duration = Duration::from_secs(10);
/// A tab that asks whether to take a seat waits for a person.
const CHOICE: Duration = Duration::from_secs(600);
/// One write takes no longer.
const WRITE: Duration = Duration::from_secs(10);
/// The server pings this often.
const PING: Duration = Duration::from_secs(20);
/// Pings that may go unanswered.
const UNANSWERED: u8 = 3;

/// What waits for a tab.
pub(super) enum Frame {
    /// Shared by all tabs that get it.
    Text(Utf8Bytes),
    /// The last one.
    Close(Farewell),
}

/// Why a socket is closed by us.
#[derive(Clone, Copy, Debug)]
pub(super) enum Farewell {
    Taken,
    Removed,
    NoSeat,
    TooSlow,
    Silent,
    HouseCloses,
}

impl Farewell {
    fn frame(self) -> CloseFrame {
        let (code, reason) = match self {
            Farewell::Taken => (4001, "another tab has taken this seat"),
            Farewell::Removed => (4003, "the seat was removed"),
            Farewell::NoSeat => (4004, "the token is nobody's"),
            Farewell::TooSlow => (4008, "too much waited for this tab; come back"),
            Farewell::Silent => (4009, "nothing came for too long"),
            Farewell::HouseCloses => (1001, "the house closes"),
        };
        CloseFrame {
            code,
            reason: Utf8Bytes::from_static(reason),
        }
    }
}

/// A tab that sits.
struct Seated {
    seat: String,
    number: u64,
    frames: mpsc::Receiver<Frame>,
}

/// Serves one socket to its end.
pub(super) async fn serve(parlour: Arc<Parlour>, room: Arc<Room>, mut socket: WebSocket) {
    let seated = match Box::pin(hello(&parlour, &room, &mut socket)).await {
        Ok(seated) => seated,
        Err(farewell) => return close(&mut socket, farewell).await,
    };
    let Seated {
        seat,
        number,
        frames,
    } = seated;
    let farewell = talk(&parlour, &room, &mut socket, &seat, frames).await;
    room.state().get_up(&seat, number, parlour.now());
    if let Some(farewell) = farewell {
        close(&mut socket, farewell).await;
    }
}

/// Waits for a hello that is right.
async fn hello(parlour: &Parlour, room: &Room, socket: &mut WebSocket) -> Result<Seated, Farewell> {
    let mut limit = HELLO;
    loop {
        let frame = tokio::select! {
            frame = timeout(limit, socket.recv()) => frame.map_err(|_| Farewell::Silent)?,
            () = parlour.stop.cancelled() => return Err(Farewell::HouseCloses),
        };
        let said = match frame {
            Some(Ok(Ws::Text(said))) => said,
            Some(Ok(Ws::Ping(_) | Ws::Pong(_) | Ws::Binary(_))) => continue,
            Some(Ok(Ws::Close(_)) | Err(_)) | None => return Err(Farewell::Silent),
        };
        let Ok(FromSeat::Hello {
            seat_token,
            last_id,
            take,
        }) = serde_json::from_str(&said)
        else {
            continue;
        };
        let now = parlour.now();
        let (answer, farewell) = {
            let mut state = room.state();
            match state.seat_of(&TokenHash::of(&seat_token)) {
                None => (text(&ToSeat::NoSeat), Some(Farewell::NoSeat)),
                Some(seat) => match (&seat.kept.removed, &seat.tab) {
                    (Some(why), _) => {
                        let appealed = seat.kept.appeal.is_some();
                        let told = text(&ToSeat::Removed { why, appealed });
                        (told, Some(Farewell::Removed))
                    }
                    (None, Some(tab)) if !take && !tab.frames.is_closed() => {
                        (text(&ToSeat::SeatedElsewhere), None)
                    }
                    (None, _) => {
                        let id = seat.kept.id.clone();
                        let sat = state.sit_down(&id, last_id, now);
                        let (number, frames) = sat.ok_or(Farewell::NoSeat)?;
                        return Ok(Seated {
                            seat: id,
                            number,
                            frames,
                        });
                    }
                },
            }
        };
        limit = CHOICE;
        let sent = timeout(WRITE, socket.send(Ws::Text(answer))).await;
        if let Some(farewell) = farewell {
            return Err(farewell);
        }
        if !matches!(sent, Ok(Ok(()))) {
            return Err(Farewell::Silent);
        }
    }
}

/// Frames in both directions. Says how to part; nothing if the other side has gone.
async fn talk(
    parlour: &Arc<Parlour>,
    room: &Arc<Room>,
    socket: &mut WebSocket,
    seat: &str,
    mut frames: mpsc::Receiver<Frame>,
) -> Option<Farewell> {
    let mut ping = interval_at(Instant::now() + PING, PING);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut unanswered = 0;
    loop {
        tokio::select! {
            frame = frames.recv() => match frame {
                Some(Frame::Text(frame)) => write(socket, Ws::Text(frame)).await?,
                Some(Frame::Close(farewell)) => return Some(farewell),
                None => return Some(Farewell::TooSlow),
            },
            heard = socket.recv() => {
                unanswered = 0;
                match heard {
                    Some(Ok(Ws::Text(said))) => {
                        // Apart, so that a seat that says nothing takes no room for it.
                        let heard = Box::pin(hear(parlour, room, seat, &said));
                        if let Some(answer) = heard.await {
                            write(socket, Ws::Text(answer)).await?;
                        }
                    }
                    Some(Ok(Ws::Ping(_) | Ws::Pong(_) | Ws::Binary(_))) => {}
                    Some(Ok(Ws::Close(_)) | Err(_)) | None => return None,
                }
            }
            _ = ping.tick() => {
                if unanswered >= UNANSWERED {
                    return Some(Farewell::Silent);
                }
                unanswered += 1;
                write(socket, Ws::Ping(Default::default())).await?;
            }
            () = parlour.stop.cancelled() => return Some(Farewell::HouseCloses),
        }
    }
}

/// One frame of a seat; what only that seat hears comes back.
async fn hear(
    parlour: &Arc<Parlour>,
    room: &Arc<Room>,
    seat: &str,
    said: &str,
) -> Option<Utf8Bytes> {
    match serde_json::from_str(said) {
        Ok(FromSeat::Msg(new)) => {
            let client_id = new.client_id.clone();
            let answer = parlour.say_in(room, seat, new, Hurry::Refused).await;
            Some(match answer {
                Ok(id) => text(&ToSeat::Ack {
                    client_id: &client_id,
                    id,
                }),
                Err(why) => text(&ToSeat::Refused {
                    client_id: &client_id,
                    why,
                }),
            })
        }
        Ok(FromSeat::Recall { id }) => {
            let error = parlour.recall_in(room, seat, id).await.err()?;
            debug!(room = %room.id, "a message was not taken back: {error}");
            matches!(error, ParlourError::TooLate).then(|| {
                text(&ToSeat::Refused {
                    client_id: "",
                    why: Refusal::TooLate,
                })
            })
        }
        Ok(FromSeat::Typing) => {
            parlour.typing(room, seat);
            None
        }
        // A later page may say what we do not know yet.
        Ok(FromSeat::Hello { .. }) | Err(_) => None,
    }
}

async fn write(socket: &mut WebSocket, frame: Ws) -> Option<()> {
    timeout(WRITE, socket.send(frame)).await.ok()?.ok()
}

async fn close(socket: &mut WebSocket, farewell: Farewell) {
    let _ = timeout(WRITE, socket.send(Ws::Close(Some(farewell.frame())))).await;
    // The other side's own farewell, so that ours is not lost with unread bytes.
    let _ = timeout(Duration::from_secs(1), async {
        while let Some(Ok(_)) = socket.recv().await {}
    })
    .await;
}
