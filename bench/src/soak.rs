//! The long rounds over real sockets: hours of load with memory and descriptors watched, a flood over ten thousand
//! groups, and kill -9 again and again in the middle of work. Prints what was seen; it fails if something was lost,
//! said twice, or stayed open.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use teahouse_store::Store as _;
use teahouse_testkit::bridge::{FakeBridge, Said};
use teahouse_testkit::model_server::{Answer, FakeModel};
use teahouse_testkit::process::{Ground, House};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::task::TaskTracker;

use crate::bridge::{Bridge, FIRST_GROUP};
use crate::load;
use crate::talk::{self, Seed};
use crate::target::{Kind, Target};

/// Memory and descriptors are read this often.
const SAMPLE: Duration = Duration::from_secs(10);
/// Rooms under load.
const ROOMS: usize = 200;
/// Rooms of the flood.
const FLOODED: usize = 10_000;
/// An answer takes no longer, even behind all that.
const LIMIT: Duration = Duration::from_secs(60);

/// So many questions a second with talk around them, for so long.
pub async fn load(
    program: &Path,
    length: Duration,
    rate: u32,
    seed: u64,
    tasks: &TaskTracker,
) -> anyhow::Result<()> {
    let (target, mut bridge, _models) = house(program, tasks).await?;
    let mut seed = Seed(seed);
    let mut open: HashMap<i64, Instant> = HashMap::new();
    let (mut asked, mut answered, mut talked) = (0_usize, 0_usize, 0_usize);
    let mut samples: Vec<Sample> = Vec::new();
    let mut beat = interval(Duration::from_secs(1) / rate.max(1));
    beat.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut look = interval(SAMPLE);
    let began = Instant::now();
    while began.elapsed() < length {
        tokio::select! {
            _ = beat.tick() => {
                let group = FIRST_GROUP + i64::try_from(asked % ROOMS)?;
                let user = 20_000_000 + i64::try_from(asked % 1_999)?;
                let words = format!("ai q-{:06} what does a tea house keep warm?", asked % 1_000_000);
                open.insert(bridge.says(group, user, &words).await?, Instant::now());
                asked += 1;
                for _ in 0..10 {
                    let line = talk::line(&mut seed);
                    if !talk::addresses(&line) {
                        bridge.says(group, user + 1, &line).await?;
                        talked += 1;
                    }
                }
            }
            heard = bridge.heard.recv() => {
                let heard = heard.context("the house has closed the socket")?;
                let quoted = heard.quote.and_then(|quote| open.remove(&quote));
                answered += usize::from(quoted.is_some());
            }
            _ = look.tick() => samples.push(Sample::of(&target, began.elapsed())?),
        }
    }
    while !open.is_empty() {
        let Ok(Some(heard)) = timeout(LIMIT, bridge.heard.recv()).await else {
            break;
        };
        let quoted = heard.quote.and_then(|quote| open.remove(&quote));
        answered += usize::from(quoted.is_some());
    }
    say(&format!(
        "{asked} questions and {talked} lines of talk in {} min: {answered} answered, {} not",
        began.elapsed().as_secs() / 60,
        open.len()
    ))?;
    report(&samples)?;
    target.stop().await?;
    ensure!(open.is_empty(), "{} questions have no answer", open.len());
    Ok(())
}

/// A house with a bridge in it, and the two models of its route, which live as long as they are held.
async fn house(
    program: &Path,
    tasks: &TaskTracker,
) -> anyhow::Result<(Target, Bridge, [FakeModel; 2])> {
    let models = [load::model().await, load::model().await];
    let urls = models.each_ref().map(FakeModel::base_url);
    let target = Target::start(Kind::House, program, [&urls[0], &urls[1]], tasks).await?;
    let bridge = Bridge::connect(&target.url(), tasks).await?;
    Ok((target, bridge, models))
}

struct Sample {
    hours: f64,
    mib: f64,
    descriptors: usize,
}

impl Sample {
    fn of(target: &Target, at: Duration) -> anyhow::Result<Self> {
        Ok(Sample {
            hours: at.as_secs_f64() / 3_600.0,
            mib: target.memory("VmRSS")?,
            descriptors: target.descriptors()?,
        })
    }
}

/// The slope of memory over the later nine tenths: the first tenth fills caches.
fn report(samples: &[Sample]) -> anyhow::Result<()> {
    let later = &samples[samples.len() / 10..];
    let (Some(first), Some(last)) = (later.first(), later.last()) else {
        return say("too short to tell a slope");
    };
    let most = later.iter().map(|sample| sample.descriptors).max();
    say(&format!(
        "memory {:.1} MiB, then {:.1}; slope {:.2} MiB an hour over {:.2} hours; descriptors {}, then {}, {} at most",
        first.mib,
        last.mib,
        slope(later),
        last.hours - first.hours,
        first.descriptors,
        last.descriptors,
        most.unwrap_or_default()
    ))
}

/// By least squares.
fn slope(samples: &[Sample]) -> f64 {
    let n = f64::from(u32::try_from(samples.len()).unwrap_or(u32::MAX)).max(1.0);
    let mean = |of: fn(&Sample) -> f64| samples.iter().map(of).sum::<f64>() / n;
    let (hours, mib) = (mean(|s| s.hours), mean(|s| s.mib));
    let both: f64 = samples
        .iter()
        .map(|s| (s.hours - hours) * (s.mib - mib))
        .sum();
    let square: f64 = samples.iter().map(|s| (s.hours - hours).powi(2)).sum();
    if square > 0.0 { both / square } else { 0.0 }
}

/// So many events a second over ten thousand groups, then how long a question waits behind them.
pub async fn flood(
    program: &Path,
    rate: u32,
    length: Duration,
    seed: u64,
    tasks: &TaskTracker,
) -> anyhow::Result<()> {
    let (target, mut bridge, _models) = house(program, tasks).await?;
    let mut seed = Seed(seed);
    let began = Instant::now();
    let mut sent = 0_usize;
    while began.elapsed() < length {
        let due = (began.elapsed().as_secs_f64() * f64::from(rate)) as usize;
        while sent < due {
            let line = talk::line(&mut seed);
            let group = FIRST_GROUP + i64::try_from(sent % FLOODED)?;
            if !talk::addresses(&line) {
                bridge
                    .says(group, 20_000_000 + i64::try_from(sent % 1_999)?, &line)
                    .await?;
            }
            sent += 1;
        }
        sleep(Duration::from_millis(2)).await;
    }
    let took = began.elapsed();
    let asked = Instant::now();
    let question = bridge
        .says(FIRST_GROUP, 20_000_000, "ai q-999999 are you there?")
        .await?;
    let answered = async {
        while let Some(heard) = bridge.heard.recv().await {
            if heard.quote == Some(question) {
                return true;
            }
        }
        false
    };
    ensure!(
        timeout(LIMIT, answered).await == Ok(true),
        "the question behind the flood has no answer"
    );
    say(&format!(
        "{sent} events in {:.1} s over {FLOODED} groups; a question behind them is answered after {:.0} ms; memory {:.1} MiB, {:.1} at most",
        took.as_secs_f64(),
        asked.elapsed().as_secs_f64() * 1_000.0,
        target.memory("VmRSS")?,
        target.memory("VmHWM")?
    ))?;
    target.stop().await
}

/// kill -9 so often in the middle of work; every question has one answer at the end.
pub async fn kills(program: &Path, rounds: usize, seed: u64) -> anyhow::Result<()> {
    let model = FakeModel::start().await;
    model.records(false);
    model.script(|request| {
        Answer::new(format!("Answer to {}", request.last_user()))
            .after(Duration::from_millis(150))
            .into()
    });
    let ground = Ground::new(program, &model.base_url());
    let bridge = FakeBridge::start(ground.bridge());
    let mut seed = Seed(seed);
    let mut asked: Vec<Said> = Vec::new();
    let mut house = ground.open().await;
    for round in 0..rounds {
        ensure!(bridge.wait_connected(LIMIT).await, "the bridge gets in");
        // 50 messages a second, one in five a question, until the blow falls.
        for n in 0..10 + seed.below(40) {
            let group = 700 + i64::try_from(n % 10)?;
            let member = 42 + i64::try_from(round % 1_000)?;
            match n % 5 {
                0 => asked.push(bridge.says(
                    group,
                    member,
                    &format!("ai round {round} question {n}?"),
                )),
                _ => drop(bridge.says(group, member, &talk::line(&mut seed).replace("ai", "oh"))),
            }
            sleep(Duration::from_millis(20)).await;
        }
        house.kill().await;
        house = ground.open().await;
        if round % 50 == 49 {
            eprintln!("{} of {rounds} kills", round + 1);
        }
    }
    let done = bridge.wait_until(
        |qq| {
            asked
                .iter()
                .all(|question| !qq.quoting(question).is_empty())
        },
        LIMIT,
    );
    let all = done.await;
    judge(&bridge, &ground, house, &asked, rounds, all).await
}

async fn judge(
    bridge: &FakeBridge,
    ground: &Ground,
    house: House,
    asked: &[Said],
    rounds: usize,
    all: bool,
) -> anyhow::Result<()> {
    let counts: Vec<usize> = asked
        .iter()
        .map(|question| bridge.quoting(question).len())
        .collect();
    let lost = counts.iter().filter(|count| **count == 0).count();
    let doubled = counts.iter().filter(|count| **count > 1).count();
    house.terminate().await;
    let totals = ground.store().await.totals().await?;
    say(&format!(
        "{rounds} kills, {} questions: {lost} lost, {doubled} answered twice, {} turns without an end, {} dead rows",
        asked.len(),
        totals.open_turns,
        totals.dead
    ))?;
    ensure!(
        all && lost == 0 && doubled == 0 && totals.open_turns == 0,
        "something was lost or said twice: {totals:?}"
    );
    Ok(())
}

fn say(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}
