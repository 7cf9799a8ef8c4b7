//! `teahouse-model`: the model in the box. A small program that loads one GGUF file into
//! llama.cpp and answers OpenAI-shaped chat requests on a Unix socket.
//!
//! It stands below `teahouse`, which starts it as a child, asks it like any other provider and
//! may kill it at any time; a failed assertion in the C++ ends this process, never the house.
//! It never opens a network port, never fetches anything, keeps nothing on disk, and outlives
//! nobody: when its standard input closes, it ends.

mod engine;
mod server;
mod text;
mod wire;

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::server::Desk;

/// Serves one local model on a Unix socket, OpenAI-shaped.
///
/// It ends when its standard input closes, so that it cannot outlive the program that started it.
///
/// Example: teahouse-model --socket /run/teahouse/model.sock --model qwen.gguf
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen; the folder must exist and should be private
    #[arg(long, value_name = "PATH")]
    socket: PathBuf,
    /// The GGUF file to load
    #[arg(long, value_name = "PATH")]
    model: PathBuf,
    /// The model's name in answers [default: the file's name without its ending]
    #[arg(long)]
    name: Option<String>,
    /// Threads to compute with [default: all but one of the cores, or both where there are two]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    threads: Option<u16>,
    /// Tokens that a prompt and its answer may have together
    #[arg(long, value_name = "TOKENS", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(128..=1_048_576))]
    context: u32,
}

/// How long a generation in progress may take to notice that we are ending.
const LAST_TOKEN: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    // First, before anything that the compiler may have built with instructions this CPU lacks.
    if let Err(why) = cpu_is_new_enough() {
        eprintln!("teahouse-model: {why}");
        return ExitCode::FAILURE;
    }
    // The house does without huge pages and its children inherit that; a model is large and touches all it has.
    let _ = rustix::thread::disable_transparent_huge_pages(false);
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .without_time()
        .with_max_level(tracing::Level::WARN)
        .init();
    match serve(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("teahouse-model: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn serve(arguments: Arguments) -> anyhow::Result<()> {
    let socket = arguments.socket.clone();
    let listener = bind(&socket)?;
    let settings = engine::Settings {
        name: arguments
            .name
            .unwrap_or_else(|| file_stem(&arguments.model)),
        model: arguments.model,
        threads: arguments.threads.unwrap_or_else(default_threads),
        context: arguments.context,
    };
    let (desk, jobs) = Desk::new(&settings.name);
    let stop = desk.stop.clone();

    let (ended, mut engine_ended) = oneshot::channel();
    let engine_desk = desk.clone();
    let runtime = tokio::runtime::Handle::current();
    std::thread::Builder::new()
        .name("engine".into())
        .spawn(move || {
            let outcome = engine::run(&settings, &engine_desk, jobs, &runtime);
            // Nobody listens any more only when the process is already ending.
            let _ = ended.send(outcome);
        })?;

    let parent_gone = watch_stdin()?;
    let mut terminate = signal(SignalKind::terminate())?;
    let http = axum::serve(listener, server::routes(desk)).into_future();

    let outcome = tokio::select! {
        outcome = &mut engine_ended => return outcome
            .unwrap_or_else(|_| Err(anyhow::anyhow!("the engine's thread panicked; see the lines above"))),
        outcome = http => outcome.map_err(|error| anyhow::anyhow!("cannot go on serving {}: {error}", socket.display())),
        _ = parent_gone => Ok(()),
        _ = terminate.recv() => Ok(()),
        _ = tokio::signal::ctrl_c() => Ok(()),
    };
    stop.cancel();
    // A second owner may have bound the same path after us only if it removed ours first.
    let _ = std::fs::remove_file(&socket);
    // Leaving while C++ computes would tear its globals down under it.
    let _ = tokio::time::timeout(LAST_TOKEN, engine_ended).await;
    outcome
}

fn bind(socket: &std::path::Path) -> anyhow::Result<UnixListener> {
    UnixListener::bind(socket).map_err(|error| {
        anyhow::anyhow!(
            "cannot listen on {}: {error}; the folder must exist, the file must not, and the path must be shorter than 108 bytes",
            socket.display()
        )
    })
}

/// Resolves when standard input closes: the parent holds its other end and has died or let go.
fn watch_stdin() -> std::io::Result<oneshot::Receiver<()>> {
    let (gone, parent_gone) = oneshot::channel();
    std::thread::Builder::new()
        .name("stdin".into())
        .spawn(move || {
            let mut ignored = [0u8; 64];
            let mut stdin = std::io::stdin().lock();
            while matches!(stdin.read(&mut ignored), Ok(n) if n > 0) {}
            let _ = gone.send(());
        })?;
    Ok(parent_gone)
}

fn file_stem(path: &std::path::Path) -> String {
    path.file_stem().map_or_else(
        || "local".into(),
        |stem| stem.to_string_lossy().into_owned(),
    )
}

/// Two threads on two cores were measured fine with passive waiting; on bigger machines one core
/// is left to the house.
fn default_threads() -> u16 {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    u16::try_from(if cores > 2 { cores - 1 } else { cores }).unwrap_or(u16::MAX)
}

/// Built for x86-64-v3, this program would die of an illegal instruction on an older CPU.
/// `is_x86_feature_detected!` is no help: it answers yes for whatever was enabled at build time.
fn cpu_is_new_enough() -> Result<(), String> {
    if !cfg!(all(
        target_arch = "x86_64",
        target_feature = "avx2",
        target_os = "linux"
    )) {
        return Ok(());
    }
    match std::fs::read_to_string("/proc/cpuinfo") {
        Ok(cpuinfo) => has_flags(&cpuinfo, &["avx2", "fma", "bmi2", "f16c"]),
        // Without /proc there is nothing to read; then we try and hope.
        Err(_) => Ok(()),
    }
}

fn has_flags(cpuinfo: &str, needed: &[&str]) -> Result<(), String> {
    let Some(flags) = cpuinfo.lines().find(|line| line.starts_with("flags")) else {
        return Ok(());
    };
    let missing: Vec<&str> = needed
        .iter()
        .filter(|flag| !flags.split_whitespace().any(|has| has == **flag))
        .copied()
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "cannot run on this CPU: it lacks {}, and this program was built for x86-64-v3 (about 2013 and later); build teahouse-local without `-C target-cpu`, or use another provider",
        missing.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_cpu_is_told_what_it_lacks() {
        let old = "processor : 0\nflags\t\t: fpu sse4_2 avx f16c\n";
        let why = has_flags(old, &["avx2", "f16c", "fma"]).unwrap_err();
        assert!(why.contains("lacks avx2, fma,"), "{why}");
        assert!(has_flags("flags : avx2 fma f16c", &["avx2", "f16c", "fma"]).is_ok());
        assert!(
            has_flags("Features : asimd", &["avx2"]).is_ok(),
            "not an x86 cpuinfo"
        );
    }

    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }
}
