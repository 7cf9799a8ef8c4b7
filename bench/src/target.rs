//! The program under measure: started as a user starts it, watched from outside through /proc.
//! Only its own process is counted: never the generator, never the model.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::TaskTracker;

pub const TOKEN: &str = "bench-token-4f1c";
const CONFIG: &str = include_str!("../../contract/teahouse.toml");
const CHARTER: &str = include_str!("../../contract/charter-open.toml");
const RULED: &str = include_str!("../../contract/charter.toml");
const SPAM: &str = include_str!("../../contract/words-spam.txt");
const ALLOW: &str = include_str!("../../contract/words-allow.txt");
const START_LIMIT: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    House,
    /// The house under the contract's charter, with every rule in use.
    Ruled,
    Echo,
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Kind::House => "house",
            Kind::Ruled => "ruled",
            Kind::Echo => "echo",
        }
    }
}

pub struct Target {
    child: Child,
    pid: u32,
    pub port: u16,
    /// From spawning to the line that says ready.
    pub ready: Duration,
    /// From spawning to the first 200 of /readyz.
    pub readyz: Duration,
    pub spawned: Instant,
    lines: Arc<Mutex<VecDeque<String>>>,
    _folder: tempfile::TempDir,
}

impl Target {
    /// Starts a program with the contract's settings, free ports, and the two models.
    pub async fn start(
        kind: Kind,
        program: &Path,
        models: [&str; 2],
        tasks: &TaskTracker,
    ) -> anyhow::Result<Target> {
        let folder = tempfile::tempdir()?;
        let port = free_port().await?;
        let mut command = Command::new(program);
        match kind {
            Kind::Echo => command.args([
                "--listen",
                &format!("127.0.0.1:{port}"),
                "--model",
                models[0],
            ]),
            Kind::House | Kind::Ruled => {
                let config = write_config(kind, folder.path(), port, models)?;
                let data = folder.path().join("data");
                command
                    .arg("serve")
                    .arg("--config")
                    .arg(config)
                    .arg("--data")
                    .arg(data)
            }
        };
        command
            .env("TEAHOUSE_QQ_TOKEN", TOKEN)
            .env("TEAHOUSE_MAIN_KEY", "main-key-for-the-bench")
            .env("TEAHOUSE_SPARE_KEY", "spare-key-for-the-bench")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let spawned = Instant::now();
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let pid = child.id().context("the program ended at once")?;
        let stderr = child.stderr.take().context("standard error is piped")?;
        let lines = Arc::new(Mutex::new(VecDeque::new()));
        let (told, hears) = oneshot::channel();
        tasks.spawn(read_lines(BufReader::new(stderr), lines.clone(), told));
        let mut target = Target {
            child,
            pid,
            port,
            ready: START_LIMIT,
            readyz: START_LIMIT,
            spawned,
            lines,
            _folder: folder,
        };
        let starting = async { tokio::join!(hears, until_ready(port)) };
        let ended = tokio::select! {
            started = timeout(START_LIMIT, starting) => match started {
                Ok((Ok(ready), readyz)) => {
                    target.ready = ready - spawned;
                    target.readyz = readyz - spawned;
                    return Ok(target);
                }
                Ok((Err(_), _)) | Err(_) => format!("is not ready after {START_LIMIT:?}"),
            },
            status = target.child.wait() => format!("has ended with {}", status?),
        };
        // Its last words may still be on their way.
        sleep(Duration::from_millis(50)).await;
        bail!(
            "{} {ended}; it said:\n{}",
            program.display(),
            target.last_lines()
        )
    }

    pub fn url(&self) -> String {
        format!("ws://127.0.0.1:{}/onebot/v11/ws", self.port)
    }

    /// User and system time of all its threads, also of those that have ended.
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid))
            .with_context(|| format!("the program has ended; it said:\n{}", self.last_lines()))?;
        // The name in brackets may hold blanks; utime and stime are the 12th and 13th after it, in ticks of 10 ms.
        let rest = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        let ticks: u64 = rest
            .split(' ')
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<u64>().ok())
            .sum();
        Ok(Duration::from_millis(ticks * 10))
    }

    /// `VmRSS`, `VmHWM` and the like, in MiB.
    pub fn memory(&self, key: &str) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status
            .lines()
            .find(|line| line.starts_with(key))
            .context("the kernel tells memory")?;
        let kib: u32 = line
            .split_whitespace()
            .nth(1)
            .context("a number follows")?
            .parse()?;
        Ok(f64::from(kib) / 1024.0)
    }

    /// Open files and sockets.
    pub fn descriptors(&self) -> anyhow::Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.pid))?.count())
    }

    /// Waits until it has nothing left to do: under 10 ms of work in 300 ms.
    pub async fn settle(&self) -> anyhow::Result<()> {
        for _ in 0..100 {
            let before = self.cpu()?;
            sleep(Duration::from_millis(300)).await;
            if self.cpu()? - before <= Duration::from_millis(10) {
                return Ok(());
            }
        }
        Ok(())
    }

    pub fn last_lines(&self) -> String {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect::<Vec<_>>().join("\n")
    }

    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.child.kill().await?;
        Ok(())
    }
}

/// The contract's charter with every rule on, and with numbers that let the bench's own talk and questions pass: what is
/// measured is the look at every line, not what follows from a hit.
fn ruled() -> anyhow::Result<String> {
    let mut charter = RULED.to_owned();
    for (from, to) in [
        ("members = [\"en\"]", "members = [\"en\", \"zh\"]"),
        ("quiet = [\"23:30-07:30\"]", "quiet = []"),
        ("messages = 8", "messages = 1000"),
        (
            "questions_per_member_per_day = 20",
            "questions_per_member_per_day = 1000000",
        ),
        ("per_day = \"0.60 USD\"", "per_day = \"100000 USD\""),
    ] {
        anyhow::ensure!(
            charter.contains(from),
            "contract/charter.toml no longer contains {from}"
        );
        charter = charter.replace(from, to);
    }
    Ok(charter)
}

fn write_config(
    kind: Kind,
    folder: &Path,
    port: u16,
    models: [&str; 2],
) -> anyhow::Result<PathBuf> {
    let mut config = CONFIG.to_owned();
    for (from, to) in [
        ("127.0.0.1:7788", format!("127.0.0.1:{port}")),
        ("http://127.0.0.1:9101/v1", models[0].to_owned()),
        ("http://127.0.0.1:9102/v1", models[1].to_owned()),
    ] {
        anyhow::ensure!(
            config.contains(from),
            "contract/teahouse.toml no longer contains {from}"
        );
        config = config.replace(from, &to);
    }
    let charter = match kind {
        Kind::Ruled => ruled()?,
        Kind::House | Kind::Echo => CHARTER.to_owned(),
    };
    std::fs::write(folder.join("charter-open.toml"), charter)?;
    std::fs::write(folder.join("words-spam.txt"), SPAM)?;
    std::fs::write(folder.join("words-allow.txt"), ALLOW)?;
    let path = folder.join("teahouse.toml");
    std::fs::write(&path, config)?;
    Ok(path)
}

async fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port())
}

async fn read_lines(
    stderr: BufReader<tokio::process::ChildStderr>,
    lines: Arc<Mutex<VecDeque<String>>>,
    told: oneshot::Sender<Instant>,
) {
    let mut told = Some(told);
    let mut stderr = stderr.lines();
    while let Ok(Some(line)) = stderr.next_line().await {
        if line.contains("ready")
            && let Some(told) = told.take()
        {
            let _ = told.send(Instant::now());
        }
        let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push_back(line);
        if lines.len() > 30 {
            lines.pop_front();
        }
    }
}

async fn until_ready(port: u16) -> Instant {
    loop {
        if is_ready(port).await.unwrap_or(false) {
            return Instant::now();
        }
        sleep(Duration::from_millis(2)).await;
    }
}

async fn is_ready(port: u16) -> std::io::Result<bool> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await?;
    socket
        .write_all(b"GET /readyz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
        .await?;
    let mut head = [0; 12];
    socket.read_exact(&mut head).await?;
    Ok(head.ends_with(b" 200"))
}
