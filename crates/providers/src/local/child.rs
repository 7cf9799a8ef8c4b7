//! Keeps the program `teahouse-model` running on a model's file: fetches the file if it is not
//! here, starts the program when somebody wants an answer, starts it again when it crashes, and
//! lets it go when nobody has asked for ten minutes, which gives its memory back.
//!
//! One task, the keeper, owns the child; it belongs to the tracker that was passed in and ends
//! with the token. The child's crash is a line in the log, never ours, and the child never
//! outlives us: it ends when the pipe to its standard input closes, however we die.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use super::catalogue::{Catalogue, Choice, Model};
use super::pull::{Cache, Progress, PullError, Route, Standing};

/// What a local model needs to know. `LocalConfig::new` fills in all but the folders.
#[derive(Debug, Clone)]
pub struct LocalConfig {
    pub model: Choice,
    /// Where models are kept; `CacheEnvironment::models_folder` says where that should be.
    pub cache: PathBuf,
    /// Where the socket's private folder is made; its path must leave room for a socket's 107 bytes.
    pub runtime: PathBuf,
    /// `teahouse-model`, where the settings name it.
    pub program: Option<PathBuf>,
    pub routes: Vec<Route>,
    /// Fetch a missing model when somebody wants an answer. Off: `ready` says how to get it.
    pub fetch: bool,
    pub threads: Option<u16>,
    pub context: u32,
    pub times: Times,
}

/// The limits on every wait here.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// Without activity for so long, the child is let go.
    pub idle: Duration,
    /// From start to the first healthy answer.
    pub load: Duration,
    /// From a crash to the next start; three times that after the second.
    pub back_off: Duration,
    /// A child that lived so long has not crashed "in a row" with the one before.
    pub steady: Duration,
    /// After a failure that may pass (no network, no program), `ready` fails at once for so long.
    pub try_again: Duration,
}

impl LocalConfig {
    pub fn new(model: Choice, cache: impl Into<PathBuf>, runtime: impl Into<PathBuf>) -> Self {
        Self {
            model,
            cache: cache.into(),
            runtime: runtime.into(),
            program: None,
            routes: Route::defaults(),
            fetch: true,
            threads: None,
            context: 4096,
            times: Times {
                idle: Duration::from_secs(600),
                load: Duration::from_secs(180),
                back_off: Duration::from_secs(1),
                steady: Duration::from_secs(300),
                try_again: Duration::from_secs(30),
            },
        }
    }
}

/// How the local model stands, for the console and for the notice "my model is on its way".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocalState {
    /// Its file is not here; the next question fetches it.
    Missing,
    Fetching {
        done: u64,
        total: u64,
    },
    Loading,
    Ready,
    /// Its file is here, the program is not running; the next question starts it.
    Stopped,
    Failed {
        why: String,
    },
}

impl LocalState {
    /// In a word, for a page: a model at rest is ready, for the next question starts it.
    pub fn word(&self) -> &'static str {
        match self {
            LocalState::Missing => "missing",
            LocalState::Fetching { .. } => "fetching",
            LocalState::Loading => "loading",
            LocalState::Ready | LocalState::Stopped => "ready",
            LocalState::Failed { .. } => "failed",
        }
    }

    /// How much of it has come, while it is being fetched; 100 only when all of it has.
    pub fn percent(&self) -> Option<u8> {
        match self {
            LocalState::Fetching { done, total } => {
                let percent = u128::from(*done) * 100 / u128::from((*total).max(1));
                Some(u8::try_from(percent).map_or(100, |percent| percent.min(100)))
            }
            LocalState::Missing
            | LocalState::Loading
            | LocalState::Ready
            | LocalState::Stopped
            | LocalState::Failed { .. } => None,
        }
    }
}

/// A local model: cheap to ask, started on demand. Dropping it stops the child.
pub struct LocalModel {
    socket: PathBuf,
    name: String,
    asks: mpsc::Sender<Ask>,
    state: watch::Receiver<LocalState>,
    activity: watch::Sender<Activity>,
    /// Dropping the model stops its keeper, whatever that is waiting for.
    _stop: DropGuard,
}

/// Somebody is talking to the model; while one of these lives, the child is not let go.
pub struct Busy {
    activity: watch::Sender<Activity>,
}

#[derive(Debug, Clone, Copy)]
struct Activity {
    running: usize,
    last: Instant,
}

enum Ask {
    Ready(oneshot::Sender<Result<(), LocalError>>),
    /// An operator has mended something: forget failures and crashes.
    TryAgain,
}

/// More questions than this wait for their turn to wait.
const ASKS: usize = 32;
const CRASHES: u32 = 3;
const PROGRAM: &str = "teahouse-model";

impl LocalModel {
    /// Sets it up without starting anything; its keeper lives on `tasks` until `stop`, or until
    /// this is dropped. `now` is only for the date in the cache's proof.
    pub fn new(
        config: LocalConfig,
        tasks: &TaskTracker,
        stop: CancellationToken,
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Result<Self, LocalError> {
        let folder = private_folder(&config.runtime)?;
        let socket = folder.path().join("model.sock");
        let source = Source::choose(&config)?;
        let name = source.name();
        let (asks, asked) = mpsc::channel(ASKS);
        let (state, seen) = watch::channel(source.at_rest(&Cache::new(&config.cache)));
        let activity = watch::Sender::new(Activity {
            running: 0,
            last: Instant::now(),
        });
        let stop = stop.child_token();
        let guard = stop.clone().drop_guard();
        let keeper = Keeper {
            cache: Cache::new(&config.cache),
            socket: socket.clone(),
            active: activity.subscribe(),
            config,
            source,
            now: Box::new(now),
            asks: asked,
            state,
            crashes: 0,
            failed: None,
            tasks: tasks.clone(),
            stop,
            _folder: folder,
        };
        tasks.spawn(keeper.run());
        Ok(Self {
            socket,
            name,
            asks,
            state: seen,
            activity,
            _stop: guard,
        })
    }

    /// Where it listens once ready. The path stays the same from start to start, so that one HTTP
    /// client can be kept.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The catalogue's name of the model, or the file's.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn state(&self) -> watch::Receiver<LocalState> {
        self.state.clone()
    }

    /// Waits until the model answers, fetching and starting it if need be, and returns its socket.
    /// That can take minutes on a first run: put a limit on it and watch `state` meanwhile.
    /// After a failure it fails at once for a while; after three crashes in a row, until
    /// `try_again`. Take a `busy` first, or an idle moment may end between this and the question.
    pub async fn ready(&self) -> Result<PathBuf, LocalError> {
        let (reply, replied) = oneshot::channel();
        self.asks
            .send(Ask::Ready(reply))
            .await
            .map_err(|_| LocalError::Stopping)?;
        replied.await.map_err(|_| LocalError::Stopping)??;
        Ok(self.socket.clone())
    }

    /// Begins to fetch and start it, if nobody has yet; does not wait.
    pub fn wake(&self) {
        let (reply, _) = oneshot::channel();
        // Where so many ask that the line is full, it is on its way.
        let _ = self.asks.try_send(Ask::Ready(reply));
    }

    /// Reports activity until the guard is dropped.
    pub fn busy(&self) -> Busy {
        self.activity.send_modify(|activity| {
            activity.running += 1;
            activity.last = Instant::now();
        });
        Busy {
            activity: self.activity.clone(),
        }
    }

    /// Forgets failures and crashes, so that the next `ready` tries again at once.
    pub async fn try_again(&self) {
        // A keeper that has stopped has nothing to forget.
        let _ = self.asks.send(Ask::TryAgain).await;
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.activity.send_modify(|activity| {
            activity.running -= 1;
            activity.last = Instant::now();
        });
    }
}

/// The task that owns the child.
struct Keeper {
    config: LocalConfig,
    source: Source,
    cache: Cache,
    socket: PathBuf,
    now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    asks: mpsc::Receiver<Ask>,
    state: watch::Sender<LocalState>,
    active: watch::Receiver<Activity>,
    crashes: u32,
    failed: Option<Failed>,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Removed with the keeper.
    _folder: TempDir,
}

struct Failed {
    error: LocalError,
    /// `None`: only when somebody says so.
    until: Option<Instant>,
}

/// Why a running child is running no more.
enum Ended {
    Idle,
    Crashed(String),
    /// Told to stop, or nobody holds the `LocalModel` any more.
    Unwanted,
}

impl Keeper {
    /// Until nobody holds the `LocalModel` or the token says stop.
    async fn run(mut self) {
        let stop = self.stop.clone();
        while let Some(Some(ask)) = stop.run_until_cancelled(self.asks.recv()).await {
            let mut waiting = match ask {
                Ask::Ready(reply) => vec![reply],
                Ask::TryAgain => {
                    self.forget();
                    continue;
                }
            };
            if let Some(error) = self.still_failed() {
                answer(&mut waiting, &Err(error));
                continue;
            }
            if !self.serve(&mut waiting).await {
                break;
            }
        }
        self.state.send_replace(LocalState::Stopped);
    }

    /// Starts the child and keeps it until it idles out or fails for good. False: unwanted.
    async fn serve(&mut self, waiting: &mut Vec<oneshot::Sender<Result<(), LocalError>>>) -> bool {
        let stop = self.stop.clone();
        loop {
            // A start that is dropped takes pip or the child with it.
            let Some(started) = stop.run_until_cancelled(self.start()).await else {
                return false;
            };
            let crash = match started {
                Ok(mut running) => {
                    let since = Instant::now();
                    answer(waiting, &Ok(()));
                    let ended = self.attend(&mut running).await;
                    if since.elapsed() >= self.config.times.steady {
                        self.crashes = 0;
                    }
                    match ended {
                        Ended::Idle => {
                            running.stop().await;
                            info!("the local model is let go: nobody has asked for a while");
                            self.state.send_replace(LocalState::Stopped);
                            return true;
                        }
                        Ended::Unwanted => {
                            running.stop().await;
                            return false;
                        }
                        Ended::Crashed(why) => why,
                    }
                }
                Err(Start::Crashed(why)) => why,
                Err(Start::Failed(error)) => {
                    let until = Instant::now() + self.config.times.try_again;
                    self.fail(error, Some(until), waiting);
                    return true;
                }
            };
            self.crashes += 1;
            warn!(
                crashes = self.crashes,
                "the local model's program has crashed: {crash}"
            );
            if self.crashes >= CRASHES {
                self.fail(
                    LocalError::Crashed {
                        times: self.crashes,
                        why: crash,
                    },
                    None,
                    waiting,
                );
                return true;
            }
            self.state.send_replace(LocalState::Loading);
            let pause = self.config.times.back_off * 3u32.pow(self.crashes - 1);
            if stop
                .run_until_cancelled(tokio::time::sleep(pause))
                .await
                .is_none()
            {
                return false;
            }
        }
    }

    fn fail(
        &mut self,
        error: LocalError,
        until: Option<Instant>,
        waiting: &mut Vec<oneshot::Sender<Result<(), LocalError>>>,
    ) {
        let why = with_causes(&error);
        warn!("the local model cannot serve: {why}");
        self.state.send_replace(LocalState::Failed { why });
        answer(waiting, &Err(error.clone()));
        self.failed = Some(Failed { error, until });
    }

    fn still_failed(&mut self) -> Option<LocalError> {
        let failed = self.failed.as_ref()?;
        if failed.until.is_some_and(|until| Instant::now() >= until) {
            self.failed = None;
            return None;
        }
        Some(failed.error.clone())
    }

    fn forget(&mut self) {
        self.failed = None;
        self.crashes = 0;
        self.state.send_replace(self.source.at_rest(&self.cache));
    }

    async fn start(&mut self) -> Result<Running, Start> {
        // First the program: no need to fetch a gigabyte for one that cannot run it.
        let program = find_program(
            self.config.program.as_deref(),
            std::env::current_exe().ok().as_deref(),
            std::env::var_os("PATH").as_deref(),
        )?;
        let model = self.model_file().await?;
        self.state.send_replace(LocalState::Loading);
        let running = Running::spawn(
            &mut self.command(&program, &model),
            &self.socket,
            &self.tasks,
        )
        .map_err(|source| LocalError::Spawn {
            program: program.clone(),
            source: Arc::new(source),
        })?;
        let running = running
            .until_healthy(&self.socket, self.config.times.load)
            .await?;
        info!(
            model = self.source.name(),
            "the local model `{}` is ready",
            self.source.name()
        );
        self.state.send_replace(LocalState::Ready);
        Ok(running)
    }

    async fn model_file(&self) -> Result<PathBuf, LocalError> {
        let model = match &self.source {
            Source::File(path) if path.is_file() => return Ok(path.clone()),
            Source::File(path) => return Err(LocalError::NoFile { path: path.clone() }),
            Source::Fetched(model) => model,
        };
        if !self.config.fetch && self.cache.standing(model) != Standing::Sound {
            self.state.send_replace(LocalState::Loading);
            return self
                .cache
                .verify(model, (self.now)())
                .await
                .map_err(LocalError::pull);
        }
        let told = |progress: Progress| {
            self.state.send_replace(LocalState::Fetching {
                done: progress.done_bytes,
                total: progress.total_bytes,
            });
        };
        self.cache
            .pull(model, &self.config.routes, (self.now)(), &told)
            .await
            .map_err(LocalError::pull)
    }

    fn command(&self, program: &Path, model: &Path) -> Command {
        let path = std::env::var_os("PATH");
        let mut command = match find_on_path("nice", path.as_deref()) {
            // Whoever chats here has people waiting for the rest of the house too.
            Some(nice) => {
                let mut command = Command::new(nice);
                command.args(["-n", "10"]).arg(program);
                command
            }
            None => Command::new(program),
        };
        command
            .arg("--socket")
            .arg(&self.socket)
            .arg("--model")
            .arg(model);
        command.args([
            "--name",
            &self.source.name(),
            "--context",
            &self.config.context.to_string(),
        ]);
        if let Some(threads) = self.config.threads {
            command.args(["--threads", &threads.to_string()]);
        }
        // Keys in our environment are none of its business.
        command.env_clear();
        for kept in ["PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "TMPDIR"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        // With libgomp's default spinning a busy machine made it 5 to 20 times slower.
        command
            .env("OMP_WAIT_POLICY", "passive")
            .env("GOMP_SPINCOUNT", "0");
        // Its own group: a Ctrl-C is for us, and we stop it in order.
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        command
    }

    /// Answers those who ask while it runs, until it ends.
    async fn attend(&mut self, running: &mut Running) -> Ended {
        let mut asked = Instant::now();
        loop {
            let activity = *self.active.borrow_and_update();
            let idle_at = activity.last.max(asked) + self.config.times.idle;
            tokio::select! {
                () = self.stop.cancelled() => return Ended::Unwanted,
                ask = self.asks.recv() => match ask {
                    Some(Ask::Ready(reply)) => {
                        asked = Instant::now();
                        answer(&mut vec![reply], &Ok(()));
                    }
                    Some(Ask::TryAgain) => self.crashes = 0,
                    None => return Ended::Unwanted,
                },
                status = running.child.wait() => return Ended::Crashed(running.obituary(status).await),
                // The sender lives as long as the `LocalModel`; without it the asks end as well.
                changed = self.active.changed() => if changed.is_err() { return Ended::Unwanted },
                () = tokio::time::sleep_until(idle_at), if activity.running == 0 => return Ended::Idle,
            }
        }
    }
}

fn answer(
    waiting: &mut Vec<oneshot::Sender<Result<(), LocalError>>>,
    outcome: &Result<(), LocalError>,
) {
    for reply in waiting.drain(..) {
        // Whoever gave up waiting does not mind.
        let _ = reply.send(outcome.clone());
    }
}

/// Which file is served.
enum Source {
    Fetched(Model),
    File(PathBuf),
}

impl Source {
    fn choose(config: &LocalConfig) -> Result<Self, LocalError> {
        let catalogue = Catalogue::built_in();
        match &config.model {
            Choice::Auto => Ok(Self::Fetched(
                Cache::new(&config.cache).auto(catalogue).clone(),
            )),
            Choice::Named(name) => catalogue
                .get(name)
                .map(|model| Self::Fetched(model.clone()))
                .ok_or_else(|| LocalError::UnknownModel {
                    name: name.clone(),
                    names: catalogue.names(),
                }),
            Choice::File(path) => Ok(Self::File(path.clone())),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Fetched(model) => model.name.clone(),
            Self::File(path) => path
                .file_stem()
                .unwrap_or(path.as_os_str())
                .to_string_lossy()
                .into_owned(),
        }
    }

    fn at_rest(&self, cache: &Cache) -> LocalState {
        let here = match self {
            Self::Fetched(model) => {
                matches!(cache.standing(model), Standing::Sound | Standing::Doubtful)
            }
            Self::File(path) => path.is_file(),
        };
        if here {
            LocalState::Stopped
        } else {
            LocalState::Missing
        }
    }
}

enum Start {
    Crashed(String),
    Failed(LocalError),
}

impl From<LocalError> for Start {
    fn from(error: LocalError) -> Self {
        Self::Failed(error)
    }
}

/// A child that has been started.
struct Running {
    child: Child,
    /// Its life line. Held here and not in `child`, whose `wait` would close it.
    stdin: Option<ChildStdin>,
    said: Arc<Mutex<VecDeque<String>>>,
    heard_all: oneshot::Receiver<()>,
}

const HEALTH_POLL: Duration = Duration::from_millis(100);
const HEALTH_LIMIT: Duration = Duration::from_secs(5);
/// It keeps nothing, so that nothing is lost by killing it.
const STOP_LIMIT: Duration = Duration::from_secs(2);
const LINES: usize = 8;

impl Running {
    fn spawn(command: &mut Command, socket: &Path, tasks: &TaskTracker) -> std::io::Result<Self> {
        // A killed child leaves its socket behind, and the next could not bind it.
        match std::fs::remove_file(socket) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut child = command.spawn()?;
        let stdin = child.stdin.take();
        let stderr = child.stderr.take().expect("stderr is piped");
        let said = Arc::new(Mutex::new(VecDeque::new()));
        let (all, heard_all) = oneshot::channel();
        let lines = Arc::clone(&said);
        tasks.spawn(async move {
            let mut stderr = BufReader::new(stderr).lines();
            while let Ok(Some(line)) = stderr.next_line().await {
                debug!("{PROGRAM}: {line}");
                let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                if lines.len() == LINES {
                    lines.pop_front();
                }
                lines.push_back(line);
            }
            // Only an obituary waits for this, and most children get none.
            let _ = all.send(());
        });
        Ok(Self {
            child,
            stdin,
            said,
            heard_all,
        })
    }

    async fn until_healthy(mut self, socket: &Path, limit: Duration) -> Result<Self, Start> {
        let healthy = async {
            while !is_healthy(socket).await {
                tokio::time::sleep(HEALTH_POLL).await;
            }
        };
        tokio::select! {
            status = self.child.wait() => Err(Start::Crashed(self.obituary(status).await)),
            outcome = timeout(limit, healthy) => match outcome {
                Ok(()) => Ok(self),
                Err(_) => {
                    self.stop().await;
                    Err(Start::Crashed(format!("it was not ready after {} seconds", limit.as_secs())))
                }
            },
        }
    }

    /// Closes its standard input, which is how it knows that it should end; kills it if it does not.
    async fn stop(&mut self) {
        drop(self.stdin.take());
        if timeout(STOP_LIMIT, self.child.wait()).await.is_err() {
            warn!("{PROGRAM} did not end by itself and is killed");
            if let Err(error) = self.child.kill().await {
                warn!("cannot kill {PROGRAM}: {error}");
            }
        }
    }

    /// How it ended and what it said last.
    async fn obituary(&mut self, status: std::io::Result<ExitStatus>) -> String {
        // Its last words may still be in the pipe; a grandchild could hold that open for ever.
        let _ = timeout(Duration::from_secs(1), &mut self.heard_all).await;
        let ended = match status {
            Ok(status) => describe(status),
            Err(error) => format!("its end cannot be told: {error}"),
        };
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let said: Vec<&str> = said
            .iter()
            .map(|line| line.trim_end())
            .filter(|line| !line.is_empty())
            .collect();
        if said.is_empty() {
            ended
        } else {
            format!("{ended}; it said: {}", said.join(" / "))
        }
    }
}

fn describe(status: ExitStatus) -> String {
    const ILLEGAL_INSTRUCTION: i32 = 4;
    const ABORT: i32 = 6;
    const KILL: i32 = 9;
    match status.signal() {
        Some(ILLEGAL_INSTRUCTION) => {
            "this CPU lacks an instruction it was built with (x86-64-v3, about 2013 and later); build teahouse-local without `-C target-cpu`, or use another provider".into()
        }
        Some(ABORT) => "it aborted (a failed check inside llama.cpp)".into(),
        Some(KILL) => "it was killed, most likely by the kernel for want of memory; choose the model `small`".into(),
        Some(signal) => format!("it died of signal {signal}"),
        None => format!("it ended with exit code {}", status.code().unwrap_or_default()),
    }
}

/// One `GET /health`, by hand: the answers' client belongs to `openai`, and this needs one line.
async fn is_healthy(socket: &Path) -> bool {
    let ask = async {
        let mut stream = UnixStream::connect(socket).await?;
        stream
            .write_all(b"GET /health HTTP/1.1\r\nHost: teahouse-model\r\nConnection: close\r\n\r\n")
            .await?;
        let mut status = [0u8; 12];
        stream.read_exact(&mut status).await?;
        std::io::Result::Ok(status.starts_with(b"HTTP/1.") && status.ends_with(b" 200"))
    };
    matches!(timeout(HEALTH_LIMIT, ask).await, Ok(Ok(true)))
}

/// A folder that only we can enter, for the socket: who can open the socket can use the model.
fn private_folder(parent: &Path) -> Result<TempDir, LocalError> {
    // sockaddr_un's sun_path on Linux, without its closing NUL.
    const SOCKET_PATH: usize = 107;
    let made = std::fs::create_dir_all(parent).and_then(|()| {
        tempfile::Builder::new()
            .prefix("model-")
            .permissions(std::fs::Permissions::from_mode(0o700))
            .tempdir_in(parent)
    });
    let folder = made.map_err(|source| LocalError::Folder {
        folder: parent.into(),
        why: source.to_string(),
    })?;
    if folder.path().join("model.sock").as_os_str().len() > SOCKET_PATH {
        return Err(LocalError::Folder {
            folder: parent.into(),
            why: "its path is too long for a Unix socket".into(),
        });
    }
    Ok(folder)
}

/// Where `teahouse-model` is: where the settings say, else beside our own program, else on the
/// PATH, else where `script/build-model` puts it in a checkout. Arguments, so that tests can lie.
pub fn find_program(
    configured: Option<&Path>,
    own: Option<&Path>,
    path: Option<&OsStr>,
) -> Result<PathBuf, LocalError> {
    if let Some(configured) = configured {
        return if is_program(configured) {
            Ok(configured.into())
        } else {
            Err(LocalError::NoProgram {
                looked: configured.display().to_string(),
            })
        };
    }
    let beside = own
        .and_then(Path::parent)
        .map(|folder| folder.join(PROGRAM));
    // target/debug/teahouse → target/local/release/teahouse-model
    let built =
        own.and_then(|own| Some(own.parent()?.parent()?.join("local/release").join(PROGRAM)));
    if let Some(found) = beside.clone().filter(|path| is_program(path)) {
        return Ok(found);
    }
    if let Some(found) = find_on_path(PROGRAM, path) {
        return Ok(found);
    }
    if let Some(found) = built.filter(|path| is_program(path)) {
        return Ok(found);
    }
    let beside = beside.map_or_else(String::new, |path| format!("{}, ", path.display()));
    Err(LocalError::NoProgram {
        looked: format!("{beside}PATH"),
    })
}

fn find_on_path(name: &str, path: Option<&OsStr>) -> Option<PathBuf> {
    let path: OsString = path?.into();
    std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    std::fs::metadata(path)
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text.push_str(&format!(": {deeper}"));
        cause = deeper.source();
    }
    text
}

/// Why the local model cannot answer. Cheap to clone: everybody who waits hears the same.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LocalError {
    #[error(
        "cannot start the local model: no program `{PROGRAM}` (looked at {looked}); build it with script/build-model, or set `program`"
    )]
    NoProgram { looked: String },
    #[error("cannot start {}", program.display())]
    Spawn {
        program: PathBuf,
        source: Arc<std::io::Error>,
    },
    #[error("\"{name}\" is no local model; known are {names}")]
    UnknownModel { name: String, names: String },
    #[error("the model file {} is not there; check `model`", path.display())]
    NoFile { path: PathBuf },
    #[error(transparent)]
    Pull(Arc<PullError>),
    #[error("cannot make a private folder for the local model's socket in {}: {why}", folder.display())]
    Folder { folder: PathBuf, why: String },
    #[error("the local model's program crashed {times} times in a row, the last time so: {why}")]
    Crashed { times: u32, why: String },
    #[error("the local model is stopping")]
    Stopping,
}

impl LocalError {
    fn pull(error: PullError) -> Self {
        Self::Pull(Arc::new(error))
    }
}
