//! One run of one program: start, one question at a time, the closed loop, the flood of talk, the burst.
//! A question is answered when a message quotes it and holds its mark; all else that is said is counted apart.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use teahouse_testkit::model_server::{FakeModel, Reply, Request};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::TaskTracker;

use crate::bridge::{Bridge, FIRST_GROUP, Heard};
use crate::talk::{self, Seed};
use crate::target::{Kind, Target};

const GROUPS: usize = 100;
const IN_FLIGHT: usize = 64;
const BURST: usize = 500;
const SINGLE: usize = 500;
/// Without any answer for so long, what is still open is lost.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Plan {
    pub questions: usize,
    pub talk: usize,
    pub seed: u64,
}

/// The figures of one run, in the order of the table: name, unit, value.
pub type Figures = Vec<(&'static str, &'static str, f64)>;

pub async fn run(
    kind: Kind,
    program: &Path,
    plan: &Plan,
    tasks: &TaskTracker,
) -> anyhow::Result<Figures> {
    let (main, spare) = (model().await, model().await);
    let target = Target::start(kind, program, [&main.base_url(), &spare.base_url()], tasks).await?;
    let mut figures = Figures::new();
    figures.push(("binary", "MB", megabytes(program)?));
    figures.push(("spawn to \"ready\"", "ms", ms(target.ready)));
    figures.push(("spawn to /readyz 200", "ms", ms(target.readyz)));
    let mut load = Load {
        bridge: Bridge::connect(&target.url(), tasks).await?,
        asked: 0,
        open: HashMap::new(),
        other: 0,
    };
    load.ask().await?;
    load.drain(0).await?;
    figures.push(("spawn to first answer", "ms", ms(target.spawned.elapsed())));
    target.settle().await?;
    figures.push(("memory, idle", "MiB", target.memory("VmRSS")?));

    // Every group has had its first contact before anything is measured.
    load.burst(GROUPS).await?;
    target.settle().await?;

    let mut single = Vec::with_capacity(SINGLE);
    for _ in 0..SINGLE {
        load.ask().await?;
        single.extend(load.drain(0).await?);
    }
    figures.push(("one in flight, p50", "ms", percentile(&mut single, 50)));
    figures.push(("one in flight, p99", "ms", percentile(&mut single, 99)));
    target.settle().await?;

    let (cpu, began) = (target.cpu()?, Instant::now());
    let mut closed = load.closed_loop(plan.questions).await?;
    let wall = began.elapsed();
    target.settle().await?;
    figures.push((
        "CPU a question, closed loop",
        "ms",
        ms(target.cpu()? - cpu) / count(plan.questions),
    ));
    figures.push(("closed loop, p50", "ms", percentile(&mut closed, 50)));
    figures.push(("closed loop, p99", "ms", percentile(&mut closed, 99)));
    figures.push((
        "closed loop, questions a second",
        "1/s",
        count(closed.len()) / wall.as_secs_f64(),
    ));
    figures.push((
        "closed loop, unanswered",
        "",
        count(plan.questions - closed.len()),
    ));

    let (cpu, began) = (target.cpu()?, Instant::now());
    load.flood(plan.talk, plan.seed).await?;
    let wall = began.elapsed();
    target.settle().await?;
    figures.push((
        "CPU a message of talk, flooded",
        "ms",
        ms(target.cpu()? - cpu) / count(plan.talk),
    ));
    figures.push((
        "talk, messages a second",
        "1/s",
        count(plan.talk) / wall.as_secs_f64(),
    ));

    let began = Instant::now();
    let answered = load.burst(BURST).await?;
    figures.push((
        "burst of 500, unanswered",
        "",
        count(BURST - answered.len()),
    ));
    figures.push((
        "burst of 500, wall",
        "ms",
        answered.last().map_or(f64::NAN, |last| ms(last.at - began)),
    ));
    figures.push(("memory, peak", "MiB", target.memory("VmHWM")?));
    figures.push(("said besides answers", "", count(load.other)));
    // Where the first model has no slot free, the next one of the route takes the question.
    let spare = usize::try_from(spare.count())?;
    figures.push(("asked of the spare", "", count(spare)));
    target.stop().await?;
    Ok(figures)
}

/// A model that answers with the question's mark at once, in about ten chunks.
pub async fn model() -> FakeModel {
    let model = FakeModel::start().await;
    model.records(false);
    model.script(|request: &Request| {
        let words = request.last_user();
        let mark = words
            .rfind("q-")
            .and_then(|at| words.get(at..at + 8))
            .unwrap_or("q-??????");
        Reply::text(format!(
            "Answer to {mark}: tea keeps the talk warm, and the house keeps the tea."
        ))
    });
    model
}

struct Load {
    bridge: Bridge,
    asked: usize,
    open: HashMap<i64, Open>,
    other: usize,
}

struct Open {
    mark: String,
    at: Instant,
}

struct Answered {
    took: Duration,
    at: Instant,
}

impl Load {
    async fn ask(&mut self) -> anyhow::Result<()> {
        let n = self.asked;
        self.asked += 1;
        let mark = format!("q-{n:06}");
        let group = FIRST_GROUP + i64::try_from(n % GROUPS)?;
        let user = 20_000_000 + i64::try_from(n % 1999)?;
        let at = Instant::now();
        let id = self
            .bridge
            .says(
                group,
                user,
                &format!("ai {mark} what does a tea house keep warm?"),
            )
            .await?;
        self.open.insert(id, Open { mark, at });
        Ok(())
    }

    /// The next answer; none when the target stays silent.
    async fn next(&mut self) -> anyhow::Result<Option<Answered>> {
        loop {
            let Ok(heard) = timeout(PATIENCE, self.bridge.heard.recv()).await else {
                return Ok(None);
            };
            let Heard {
                quote, text, at, ..
            } = heard.context("the target has closed the socket")?;
            match quote.and_then(|quote| self.open.get(&quote).map(|open| (quote, open))) {
                Some((quote, open)) if text.contains(&open.mark) => {
                    let took = at - open.at;
                    self.open.remove(&quote);
                    return Ok(Some(Answered { took, at }));
                }
                _ => self.other += 1,
            }
        }
    }

    /// Takes answers until so many questions are open; the rest is given up when the target stays silent.
    async fn drain(&mut self, left: usize) -> anyhow::Result<Vec<Duration>> {
        let mut took = Vec::new();
        while self.open.len() > left {
            match self.next().await? {
                Some(answered) => took.push(answered.took),
                None => self.open.clear(),
            }
        }
        Ok(took)
    }

    async fn closed_loop(&mut self, questions: usize) -> anyhow::Result<Vec<Duration>> {
        let mut took = Vec::with_capacity(questions);
        for _ in 0..questions {
            took.extend(self.drain(IN_FLIGHT - 1).await?);
            self.ask().await?;
        }
        took.extend(self.drain(0).await?);
        Ok(took)
    }

    async fn burst(&mut self, questions: usize) -> anyhow::Result<Vec<Answered>> {
        for _ in 0..questions {
            self.ask().await?;
        }
        let mut answered = Vec::with_capacity(questions);
        while !self.open.is_empty() {
            match self.next().await? {
                Some(one) => answered.push(one),
                None => self.open.clear(),
            }
        }
        Ok(answered)
    }

    /// Talk as fast as the socket takes it, then one question behind it all, so that the end is known.
    async fn flood(&mut self, messages: usize, seed: u64) -> anyhow::Result<()> {
        let mut seed = Seed(seed);
        let mut sent = 0;
        while sent < messages {
            let line = talk::line(&mut seed);
            if talk::addresses(&line) {
                continue;
            }
            let group = FIRST_GROUP + i64::try_from(sent % GROUPS)?;
            let user = 20_000_000 + i64::try_from(sent % 1999)?;
            self.bridge.says(group, user, &line).await?;
            sent += 1;
        }
        self.ask().await?;
        ensure!(
            !self.drain(0).await?.is_empty(),
            "the question behind the flood has no answer"
        );
        Ok(())
    }
}

/// What the target says to so many lines of talk: every word of it is one too many. Also the lines left out.
pub async fn says_to_talk(
    target: &Target,
    lines: impl Iterator<Item = (i64, i64, String)>,
    tasks: &TaskTracker,
) -> anyhow::Result<(usize, usize, Vec<String>)> {
    let mut bridge = Bridge::connect(&target.url(), tasks).await?;
    let (mut sent, mut asked) = (0, 0);
    for (group, user, line) in lines {
        if talk::addresses(&line) {
            asked += 1;
            continue;
        }
        bridge.says(group, user, &line).await?;
        sent += 1;
    }
    target.settle().await?;
    sleep(Duration::from_secs(3)).await;
    let mut said = Vec::new();
    while let Ok(heard) = bridge.heard.try_recv() {
        said.push(format!("in {}: {}", heard.group, heard.text));
    }
    // Silence counts only from somebody who listens: a question is still answered.
    let id = bridge
        .says(FIRST_GROUP, 20_000_000, "ai q-999999 are you there?")
        .await?;
    let mut answered = false;
    while !answered {
        let heard = timeout(PATIENCE, bridge.heard.recv())
            .await
            .context("silent, but deaf as well")?;
        let heard = heard.context("the target has closed the socket")?;
        answered = heard.quote == Some(id) && heard.text.contains("q-999999");
    }
    Ok((sent, asked, said))
}

fn megabytes(program: &Path) -> anyhow::Result<f64> {
    let bytes = std::fs::metadata(program)
        .with_context(|| format!("there is no {}", program.display()))?
        .len();
    Ok(count(usize::try_from(bytes / 1000)?) / 1000.0)
}

fn percentile(took: &mut [Duration], percent: usize) -> f64 {
    if took.is_empty() {
        return f64::NAN;
    }
    took.sort_unstable();
    ms(took[(took.len() * percent / 100).min(took.len() - 1)])
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn count(n: usize) -> f64 {
    u32::try_from(n).map_or(f64::INFINITY, f64::from)
}
