//! The parlour under load: rooms full of tabs on a real house, from a seat's send to every tab's sight of it, and the
//! memory that a seat takes while nobody speaks. Prints; judges nothing.

use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use teahouse::clock::{Clock as _, SystemClock};
use teahouse::parlour;
use teahouse_adapters::parlour::{NewSeat, SeatRole};
use teahouse_adapters::{Adapter as _, EventSink};
use teahouse_core::{ChatId, Language};
use teahouse_store::{EmbeddedStore, Store};
use teahouse_testkit::process::Ground;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message as Ws;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How much is going on.
pub struct Plan {
    /// Rooms.
    pub rooms: usize,
    /// Tabs in each.
    pub seats: usize,
    /// Messages a second in each.
    pub rate: u32,
    /// For so long.
    pub length: Duration,
}

/// Memory is read once nothing has happened for so long.
const SETTLES: Duration = Duration::from_secs(3);

type Tab = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub async fn run(house: &Path, plan: &Plan, tasks: &TaskTracker) -> anyhow::Result<()> {
    let ground = Ground::new(house, "http://127.0.0.1:9/v1");
    let settings = settings(&ground)?;
    let seats = furnish(&ground, plan, tasks).await?;
    let running = ground.open_file(&settings).await;
    tokio::time::sleep(SETTLES).await;
    let before = resident(running.pid())?;
    let mut tabs = Vec::new();
    for (room, seat) in &seats {
        tabs.push(sit(&ground, room, seat).await?);
    }
    tokio::time::sleep(SETTLES).await;
    let idle = resident(running.pid())?;

    let began = Instant::now();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (mut mouths, readers) = (Vec::new(), TaskTracker::new());
    for tab in tabs {
        let (mouth, mut ears) = tab.split();
        mouths.push(mouth);
        let seen = seen.clone();
        readers.spawn(async move {
            while let Some(Ok(frame)) = ears.next().await {
                let Ws::Text(text) = frame else { continue };
                if let Some(sent) = sent_at(&text) {
                    let took = began.elapsed().saturating_sub(sent);
                    seen.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(took);
                }
            }
        });
    }
    let mut beat = tokio::time::interval(Duration::from_secs(1) / plan.rate.max(1));
    let mut said = 0_usize;
    while began.elapsed() < plan.length {
        beat.tick().await;
        for room in 0..plan.rooms {
            let mouth = &mut mouths[room * plan.seats + said % plan.seats];
            let text = format!("sent {}", began.elapsed().as_micros());
            let frame = json!({"type": "msg", "client_id": format!("c{said}"), "text": text});
            mouth.send(Ws::Text(frame.to_string().into())).await?;
        }
        said += 1;
    }
    tokio::time::sleep(SETTLES).await;
    let busy = resident(running.pid())?;
    drop(mouths);
    running.terminate().await;
    readers.close();
    readers.wait().await;
    let mut seen = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
    seen.sort();
    let expected = said * plan.rooms * plan.seats;
    print(plan, &seen, expected, (before, idle, busy))
}

/// Nobody is asked: talk alone is measured.
fn settings(ground: &Ground) -> anyhow::Result<std::path::PathBuf> {
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:{}\"\ndata = \"data\"\n[[route]]\nname = \"default\"\n\
         models = [{{ provider = \"parrot\" }}]\n[[house]]\nrooms = [\"parlour:*\"]\ncharter = \"charter.toml\"\n",
        ground.port()
    );
    let file = ground.file("parlour.toml");
    std::fs::write(&file, text)?;
    std::fs::write(ground.file("charter.toml"), &ground.charter)?;
    Ok(file)
}

/// Makes rooms and seats before the house opens.
async fn furnish(
    ground: &Ground,
    plan: &Plan,
    tasks: &TaskTracker,
) -> anyhow::Result<Vec<(ChatId, NewSeat)>> {
    let clock = Arc::new(SystemClock);
    let data = ground.data();
    let store: Arc<dyn Store> = Arc::new(EmbeddedStore::open(&data, clock.now())?);
    let rooms = parlour::open(store, clock, &data, Language::English).await?;
    let mut seats = Vec::new();
    for room in 0..plan.rooms {
        let room = ChatId::new(format!("room-{room}"));
        rooms.create_room(&room, room.as_str()).await?;
        for seat in 0..plan.seats {
            let name = format!("seat {seat}");
            let seat = rooms.sit(&room, &name, SeatRole::Member).await?;
            seats.push((room.clone(), seat));
        }
    }
    // Closed well, so that all of it is on the disk.
    let (stop, (all, _), (reserve, _)) =
        (CancellationToken::new(), mpsc::channel(1), mpsc::channel(1));
    stop.cancel();
    let sink = EventSink::new(all, reserve, |_, _| false);
    let closes = rooms.clone();
    tasks
        .spawn(async move { closes.run(sink, stop).await })
        .await?;
    Ok(seats)
}

async fn sit(ground: &Ground, room: &ChatId, seat: &NewSeat) -> anyhow::Result<Tab> {
    let address = format!("ws://127.0.0.1:{}/parlour/{room}/ws", ground.port());
    let (mut tab, _) = connect_async(address).await?;
    let hello = json!({"type": "hello", "seat_token": seat.token.reveal()});
    tab.send(Ws::Text(hello.to_string().into())).await?;
    while let Some(frame) = tab.next().await {
        if let Ws::Text(text) = frame?
            && text.starts_with("{\"type\":\"welcome\"")
        {
            return Ok(tab);
        }
    }
    anyhow::bail!("a tab was not let in")
}

/// When a line was sent, by our own clock.
fn sent_at(text: &str) -> Option<Duration> {
    if !text.starts_with("{\"type\":\"msg\"") {
        return None;
    }
    let line: Value = serde_json::from_str(text).ok()?;
    let micros = line["text"].as_str()?.strip_prefix("sent ")?.parse().ok()?;
    Some(Duration::from_micros(micros))
}

/// Kibibytes that a process has in memory.
fn resident(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .context("the kernel tells a process's memory")
}

fn print(
    plan: &Plan,
    seen: &[Duration],
    expected: usize,
    (before, idle, busy): (u64, u64, u64),
) -> anyhow::Result<()> {
    let at = |share: f64| {
        let last = seen.len().saturating_sub(1);
        let place = (seen.len() as f64 * share) as usize;
        seen.get(place.min(last))
            .map_or(f64::NAN, |took| took.as_secs_f64() * 1_000.0)
    };
    let seats = (plan.rooms * plan.seats).max(1) as f64;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{} rooms of {} tabs, {} messages/s each, {} s",
        plan.rooms,
        plan.seats,
        plan.rate,
        plan.length.as_secs()
    )?;
    writeln!(out, "seen {} of {expected}", seen.len())?;
    writeln!(
        out,
        "from send to seen, ms: p50 {:.1}, p99 {:.1}, most {:.1}",
        at(0.5),
        at(0.99),
        at(1.0)
    )?;
    writeln!(
        out,
        "memory, KiB: {before} without tabs, {idle} with idle tabs ({:.1} a seat), {busy} after the talk",
        idle.saturating_sub(before) as f64 / seats
    )?;
    Ok(())
}
