//! What a failing provider costs beside a healthy spare, in each of its twelve shapes, on a real house over real
//! sockets: the wait of the question that meets the failure, the waits of those after it, and what got lost. Prints;
//! judges nothing.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use teahouse_testkit::bridge::{FakeBridge, Said};
use teahouse_testkit::model_server::{FakeModel, Reply};
use teahouse_testkit::process::Ground;
use teahouse_testkit::shapes::Shape;
use tokio::time::Instant;

/// No question takes longer.
const LIMIT: Duration = Duration::from_secs(30);

pub struct Plan {
    /// Houses for each shape.
    pub rounds: usize,
    /// Questions in each.
    pub questions: usize,
}

/// What one house showed.
struct Round {
    first: Duration,
    later: Vec<Duration>,
    lost: usize,
    doubled: usize,
    calls: u64,
}

pub async fn run(house: &Path, plan: &Plan) -> anyhow::Result<()> {
    ensure!(plan.rounds > 0 && plan.questions > 1, "nothing to measure");
    let mut rows = vec![(
        "the failure".to_owned(),
        "first question, ms".to_owned(),
        "later ones, p50 and most, ms".to_owned(),
        "lost, doubled".to_owned(),
        "calls of the sick one".to_owned(),
    )];
    for shape in Shape::ALL {
        let mut rounds = Vec::new();
        for _ in 0..plan.rounds {
            let round = measure(house, shape, plan).await;
            rounds.push(round.with_context(|| shape.name())?);
        }
        eprintln!("{}", shape.name());
        rows.push(row(shape, &rounds));
    }
    let mut out = std::io::stdout().lock();
    for (n, (shape, first, later, lost, calls)) in rows.iter().enumerate() {
        writeln!(out, "| {shape} | {first} | {later} | {lost} | {calls} |")?;
        if n == 0 {
            writeln!(out, "| --- | --- | --- | --- | --- |")?;
        }
    }
    Ok(())
}

fn row(shape: Shape, rounds: &[Round]) -> (String, String, String, String, String) {
    let clock = match shape {
        Shape::Hang => format!(", of it {} the clock", Shape::CLOCK.as_millis()),
        _ => String::new(),
    };
    let mut first: Vec<_> = rounds.iter().map(|round| round.first).collect();
    first.sort();
    let mut later: Vec<_> = rounds.iter().flat_map(|round| &round.later).collect();
    later.sort();
    let sum = |of: fn(&Round) -> usize| rounds.iter().map(of).sum::<usize>();
    let calls = match shape.is_reached() {
        true => rounds
            .iter()
            .map(|round| round.calls)
            .max()
            .unwrap_or(0)
            .to_string(),
        false => "–".into(),
    };
    (
        shape.name(),
        format!(
            "{} ({}–{}){clock}",
            ms(first[first.len() / 2]),
            ms(first[0]),
            ms(first[first.len() - 1])
        ),
        match later.as_slice() {
            [] => "–".into(),
            [.., most] => format!("{}, {}", ms(*later[later.len() / 2]), ms(**most)),
        },
        format!(
            "{}, {}",
            sum(|round| round.lost),
            sum(|round| round.doubled)
        ),
        calls,
    )
}

fn ms(length: Duration) -> String {
    format!("{:.1}", length.as_secs_f64() * 1_000.0)
}

async fn measure(house: &Path, shape: Shape, plan: &Plan) -> anyhow::Result<Round> {
    let staged = shape.stage().await;
    let spare = FakeModel::start().await;
    spare.always(Reply::text("From the spare."));
    let mut ground = Ground::new(house, "");
    staged.stands_before(&spare, &mut ground);
    let running = ground.open().await;
    let bridge = FakeBridge::start(ground.bridge());
    ensure!(bridge.wait_connected(LIMIT).await, "the bridge gets in");
    let mut asked = Vec::new();
    let mut waits = Vec::new();
    for n in 0..plan.questions {
        let began = Instant::now();
        let question = bridge.says(700, 42, &format!("ai question {n}?"));
        if let Some(at) = answered_at(&bridge, &question).await {
            waits.push(at - began);
        }
        asked.push(question);
    }
    let calls = staged.main.count();
    running.terminate().await;
    let counts: Vec<_> = asked
        .iter()
        .map(|asked| bridge.quoting(asked).len())
        .collect();
    let mut waits = waits.into_iter();
    Ok(Round {
        first: waits.next().unwrap_or(LIMIT),
        later: waits.collect(),
        lost: counts.iter().filter(|count| **count == 0).count(),
        doubled: counts.iter().filter(|count| **count > 1).count(),
        calls,
    })
}

async fn answered_at(bridge: &FakeBridge, question: &Said) -> Option<Instant> {
    let answered = bridge.wait_until(|qq| !qq.quoting(question).is_empty(), LIMIT);
    if !answered.await {
        return None;
    }
    Some(bridge.quoting(question).first()?.at)
}
