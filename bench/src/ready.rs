//! How long a house takes to open: on an empty folder, and on one whose outbox holds what a long outage leaves. From
//! spawning to the line that says ready, with the memory it holds then. Prints; judges nothing.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use teahouse::clock::{Clock, Ids, SystemClock};
use teahouse_core::rules::judge::Rules;
use teahouse_core::{
    AccountName, Address, ChatId, DeliveryId, Draft, GateVerdict, InboxKey, Language, OutSegment,
    RoomId, RoomKind, Sealed, Source, pass,
};
use teahouse_store::{Acceptance, EmbeddedStore, HostId, Lease, Opening, Outbound, Store};
use teahouse_testkit::process::Ground;
use tokio::time::Instant;

/// Rooms over which the waiting messages are spread.
const ROOMS: usize = 100;
/// Messages of one transaction.
const BATCH: usize = 100;

pub struct Plan {
    /// Starts of each kind.
    pub rounds: usize,
    /// Messages that wait in the full folder.
    pub rows: usize,
}

/// What one start showed.
struct Start {
    ready: Duration,
    memory: f64,
}

pub async fn run(house: &Path, plan: &Plan) -> anyhow::Result<()> {
    ensure!(plan.rounds > 0, "nothing to measure");
    let (mut empty, mut full) = (Vec::new(), Vec::new());
    for round in 0..plan.rounds {
        empty.push(measure(house, 0).await?);
        full.push(measure(house, plan.rows).await?);
        eprintln!("round {} of {}", round + 1, plan.rounds);
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "| start | spawn to \"ready\", ms | memory then, MiB |")?;
    writeln!(out, "| --- | --- | --- |")?;
    let waiting = format!("{} messages waiting in {ROOMS} rooms", plan.rows);
    for (name, starts) in [("empty folder", empty), (waiting.as_str(), full)] {
        let ready = starts
            .iter()
            .map(|start| start.ready.as_secs_f64() * 1_000.0);
        let memory = starts.iter().map(|start| start.memory);
        let (ready, memory) = (median(ready), median(memory));
        writeln!(out, "| {name} | {ready} | {memory} |")?;
    }
    Ok(())
}

/// The middle of all, with the least and the most.
fn median(values: impl Iterator<Item = f64>) -> String {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let (least, most) = (values[0], values[values.len() - 1]);
    format!("{:.1} ({least:.1}–{most:.1})", values[values.len() / 2])
}

async fn measure(house: &Path, rows: usize) -> anyhow::Result<Start> {
    // Nobody is asked, and no bridge comes: what waits goes on waiting.
    let ground = Ground::new(house, "http://127.0.0.1:9/v1");
    if rows > 0 {
        fill(&ground.data(), rows)
            .await
            .context("while filling the outbox")?;
    }
    let spawned = Instant::now();
    let running = ground.open().await;
    let ready = spawned.elapsed();
    let status = std::fs::read_to_string(format!("/proc/{}/status", running.pid()))?;
    running.kill().await;
    let waiting = ground.store().await.totals().await?.waiting;
    ensure!(waiting == rows as u64, "{waiting} of {rows} still wait");
    Ok(Start {
        ready,
        memory: resident(&status).context("the kernel tells memory")?,
    })
}

/// `VmRSS` in MiB.
fn resident(status: &str) -> Option<f64> {
    let line = status.lines().find(|line| line.starts_with("VmRSS"))?;
    let kib: u32 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(f64::from(kib) / 1024.0)
}

/// Messages that a house wrote a moment ago and could not send.
async fn fill(data: &Path, rows: usize) -> anyhow::Result<()> {
    let (clock, ids) = (SystemClock, Ids::random());
    let now = clock.now();
    let store = EmbeddedStore::open(data, now)?;
    let host = HostId(ids.next(now));
    let mut left = rows;
    for room in 0..ROOMS {
        let share = left.div_ceil(ROOMS - room);
        left -= share;
        let address = Address {
            account: AccountName::new("qq"),
            chat: ChatId::new((700 + room).to_string()),
        };
        let opening = Opening {
            address: address.clone(),
            platform: "qq",
            kind: RoomKind::Group,
            new_room: RoomId(ids.next(now)),
            day: now,
        };
        let lease = store.open_room(host, opening, now).await?.lease;
        let texts: Vec<String> = (0..share)
            .map(|n| format!("answer {n} of the long evening"))
            .collect();
        for texts in texts.chunks(BATCH) {
            says(&store, lease, &address, texts, &ids).await?;
        }
    }
    Ok(())
}

async fn says(
    store: &EmbeddedStore,
    lease: Lease,
    address: &Address,
    texts: &[String],
    ids: &Ids,
) -> anyhow::Result<()> {
    let now = SystemClock.now();
    let say = texts.iter().map(|text| {
        Ok(Outbound {
            id: DeliveryId(ids.next(now)),
            part: None,
            account: address.account.clone(),
            sealed: sealed(address, text)?,
            due: None,
        })
    });
    let acceptance = Acceptance {
        key: InboxKey(ids.next(now).to_bytes()),
        platform: "qq",
        at: now,
        line: None,
        turn: None,
        changes: vec![],
        attempt: None,
        say: say.collect::<anyhow::Result<_>>()?,
        dealings: teahouse_store::Dealings::default(),
    };
    store.accept(lease, acceptance).await?;
    Ok(())
}

fn sealed(address: &Address, text: &str) -> anyhow::Result<Sealed> {
    let draft = Draft {
        address: address.clone(),
        room_kind: RoomKind::Group,
        quote: None,
        body: vec![OutSegment::Text { text: text.into() }],
        source: Source::House,
        language: Language::English,
        joined: None,
        fleeting: false,
    };
    match pass(draft, &Rules::none(Language::English), "") {
        GateVerdict::Pass(outgoing) => Ok(outgoing.seal()),
        GateVerdict::Withhold { why, .. } => bail!("the gate withholds \"{text}\": {why}"),
    }
}
