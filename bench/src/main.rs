//! Measures the house beside the bare echo bot, on the same fake bridge and fake model, in interleaved pairs.
//! It prints medians with their range, once for eyes and once as markdown for docs/figures.md. It judges nothing:
//! the bars are written elsewhere. With `--evals` it checks decoding and silence instead.

mod bridge;
mod evals;
mod failover;
mod judge;
mod load;
mod parlour;
mod ready;
mod report;
mod soak;
mod talk;
mod target;
mod words;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use tokio_util::task::TaskTracker;

use target::Kind;

/// The house beside the bare echo bot: CPU, latency, memory, start.
#[derive(Parser)]
struct Args {
    /// How many interleaved pairs of runs.
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// Questions of the closed loop.
    #[arg(long, default_value_t = 4000)]
    questions: usize,
    /// Ordinary messages of the flood.
    #[arg(long, default_value_t = 50_000)]
    talk: usize,
    /// The house's program; beside this one if left out.
    #[arg(long)]
    house: Option<PathBuf>,
    /// The echo bot's program; beside this one if left out.
    #[arg(long)]
    echo: Option<PathBuf>,
    /// Measure the house under the contract's charter as well, with every rule in use.
    #[arg(long)]
    ruled: bool,
    /// Measure only one of them.
    #[arg(long, value_enum)]
    only: Option<Kind>,
    /// Check decoding and silence with the data sets of this folder, and measure nothing.
    #[arg(long)]
    evals: Option<PathBuf>,
    /// Only these needs of `--evals`, by the letters of its README, such as `abc`.
    #[arg(long, default_value = "")]
    needs: String,
    /// Measure the words rule over the lines of this folder's data sets, with a made list of 100,000 entries.
    #[arg(long)]
    words: Option<PathBuf>,
    /// Measure `teahouse judge` over two million lines of this folder's data sets, with the same list, and long texts.
    #[arg(long)]
    judge: Option<PathBuf>,
    /// Fill the parlour's rooms with tabs instead, and measure from send to seen.
    #[arg(long)]
    parlour: bool,
    /// Let the first provider fail in each of twelve shapes instead, beside a healthy spare.
    #[arg(long)]
    failover: bool,
    /// Open houses on an empty folder and on a full outbox instead, and measure until they are ready.
    #[arg(long)]
    ready: bool,
    /// Messages that wait in that outbox.
    #[arg(long, default_value_t = 100_000)]
    rows: usize,
    /// Ask and talk for so many minutes instead, and watch memory and descriptors.
    #[arg(long, value_name = "MINUTES")]
    soak: Option<u64>,
    /// Flood ten thousand groups instead, with --rate events a second.
    #[arg(long)]
    flood: bool,
    /// Kill the house so often in mid-load instead.
    #[arg(long, value_name = "ROUNDS")]
    kills: Option<usize>,
    /// Messages or questions a second.
    #[arg(long, default_value_t = 20)]
    rate: u32,
    /// For so many seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Where generated talk starts.
    #[arg(long, default_value_t = 20_261_124)]
    seed: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let tasks = TaskTracker::new();
    let beside = |name: &str| -> anyhow::Result<PathBuf> {
        let own = std::env::current_exe().context("this program knows where it is")?;
        Ok(own.with_file_name(name))
    };
    let house = args.house.map_or_else(|| beside("teahouse"), Ok)?;
    let echo = args.echo.map_or_else(|| beside("teahouse-echo"), Ok)?;
    if let Some(folder) = args.evals {
        return evals::run(&house, &folder, &args.needs, args.seed, &tasks).await;
    }
    if let Some(folder) = args.words {
        return words::run(&folder, args.seed);
    }
    if let Some(folder) = args.judge {
        return judge::run(&house, &folder, args.seed);
    }
    if args.parlour {
        let plan = parlour::Plan {
            rooms: 10,
            seats: 50,
            rate: args.rate,
            length: Duration::from_secs(args.seconds),
        };
        return parlour::run(&house, &plan, &tasks).await;
    }
    if let Some(minutes) = args.soak {
        let length = Duration::from_secs(minutes * 60);
        return soak::load(&house, length, args.rate, args.seed, &tasks).await;
    }
    if args.flood {
        let length = Duration::from_secs(args.seconds);
        return soak::flood(&house, args.rate, length, args.seed, &tasks).await;
    }
    if let Some(rounds) = args.kills {
        return soak::kills(&house, rounds, args.seed).await;
    }
    if args.ready {
        let plan = ready::Plan {
            rounds: args.pairs,
            rows: args.rows,
        };
        return ready::run(&house, &plan).await;
    }
    if args.failover {
        let plan = failover::Plan {
            rounds: args.pairs,
            questions: 21,
        };
        return failover::run(&house, &plan).await;
    }
    let ruled = args.ruled.then(|| (Kind::Ruled, house.clone()));
    let kinds: Vec<(Kind, PathBuf)> = [(Kind::House, house), (Kind::Echo, echo)]
        .into_iter()
        .chain(ruled)
        .filter(|(kind, _)| args.only.is_none_or(|only| only == *kind))
        .collect();
    let mut runs = Vec::new();
    for pair in 0..args.pairs {
        // Each pair turns the order round, so that a warm machine favours neither.
        let mut order: Vec<_> = kinds.iter().collect();
        if pair % 2 == 1 {
            order.reverse();
        }
        for (kind, program) in order {
            eprintln!("pair {} of {}: {}", pair + 1, args.pairs, kind.word());
            let plan = load::Plan {
                questions: args.questions,
                talk: args.talk,
                seed: args.seed,
            };
            let figures = load::run(*kind, program, &plan, &tasks).await;
            runs.push((
                *kind,
                figures.with_context(|| format!("while measuring {}", kind.word()))?,
            ));
        }
    }
    report::print(&runs)
}
