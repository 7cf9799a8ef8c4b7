//! The local model without the rest of the house: what script/smoke-model drives, and a way to
//! try a model by hand.
//!
//! ```text
//! local_model list               what is in the cache
//! local_model pull NAME          fetch it and print its path
//! local_model verify NAME        hash it again
//! local_model serve NAME|FILE    start it, print its socket, stop when standard input closes
//! ```

use std::io::{Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use teahouse_providers::local::{
    Cache, CacheEnvironment, Catalogue, Choice, LocalConfig, LocalModel, LocalState, Model,
    Progress, Route,
};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const USAGE: &str = "usage: local_model list | pull NAME | verify NAME | serve NAME|FILE";

#[tokio::main]
async fn main() -> std::process::ExitCode {
    match run().await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("local_model: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

async fn run() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let cache = Cache::new(CacheEnvironment::of_this_process().models_folder()?);
    match arguments[..] {
        ["list"] => {
            for held in cache.list(Catalogue::built_in()) {
                say(&format!(
                    "{:10} {:?} {}",
                    held.name,
                    held.standing,
                    held.path.display()
                ))?;
            }
            Ok(())
        }
        ["pull", name] => {
            let path = cache
                .pull(model(name)?, &Route::defaults(), now(), &tell)
                .await?;
            say(&path.display().to_string())
        }
        ["verify", name] => say(&cache
            .verify(model(name)?, now())
            .await?
            .display()
            .to_string()),
        ["serve", choice] => serve(choice.parse()?, &cache).await,
        _ => Err(USAGE.into()),
    }
}

async fn serve(choice: Choice, cache: &Cache) -> Outcome<()> {
    let tasks = TaskTracker::new();
    let stop = CancellationToken::new();
    let config = LocalConfig::new(choice, cache.folder(), std::env::temp_dir());
    let local = LocalModel::new(config, &tasks, stop.clone(), now)?;
    let mut state = local.state();
    let watched = stop.clone();
    tasks.spawn(async move {
        while let Some(Ok(())) = watched.run_until_cancelled(state.changed()).await {
            match &*state.borrow() {
                LocalState::Fetching { done, total } => tell(Progress {
                    route: "fetching",
                    done_bytes: *done,
                    total_bytes: *total,
                }),
                other => eprintln!("local_model: {other:?}"),
            }
        }
    });
    let _busy = local.busy();
    let socket = local.ready().await?;
    say(&socket.display().to_string())?;

    let (closed, stdin_closed) = oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::stdin().lock().read_to_end(&mut Vec::new());
        let _ = closed.send(());
    });
    let _ = stdin_closed.await;
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    Ok(())
}

fn model(name: &str) -> Outcome<&'static Model> {
    let catalogue = Catalogue::built_in();
    catalogue
        .get(name)
        .ok_or_else(|| format!("\"{name}\" is no model; known are {}", catalogue.names()).into())
}

/// One line for every tenth of the way.
fn tell(progress: Progress) {
    static TENTH: AtomicU64 = AtomicU64::new(u64::MAX);
    let tenth = progress.done_bytes * 10 / progress.total_bytes.max(1);
    if TENTH.swap(tenth, Ordering::Relaxed) != tenth {
        eprintln!(
            "local_model: {} {} of {} MB",
            progress.route,
            progress.done_bytes / 1_000_000,
            progress.total_bytes / 1_000_000
        );
    }
}

fn say(line: &str) -> Outcome<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}")?;
    Ok(stdout.flush()?)
}

#[expect(
    clippy::disallowed_methods,
    reason = "an example has no SystemClock to ask"
)]
fn now() -> Timestamp {
    Timestamp::now()
}
