//! A provider in this process, for the simulation: each call follows a script of words, waits and failures.
//! Waits are tokio's, so that a test can let time pass.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use teahouse_core::{ChatRequest, Chunk, FailureKind, Finish, ReportedUsage};
use teahouse_providers::{ChatStream, Presence, Provider, ProviderError};
use tokio::sync::Notify;
use tokio::time::Instant;

/// What one call does, step by step. Unless it fails or hangs, it ends well.
#[derive(Clone, Debug, Default)]
pub struct Script {
    steps: VecDeque<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    Wait(Duration),
    Chunk(Chunk),
    Fail(FailureKind),
    Hang,
}

impl Script {
    /// Nothing yet.
    pub fn new() -> Self {
        Script::default()
    }

    /// A script that says this.
    pub fn say(text: impl Into<String>) -> Self {
        Script::new().says(text)
    }

    /// A script that fails at once.
    pub fn fail(kind: FailureKind) -> Self {
        Script::new().fails(kind)
    }

    /// Then nothing for so long.
    pub fn waits(self, pause: Duration) -> Self {
        self.then(Step::Wait(pause))
    }

    /// Then these words, in one piece.
    pub fn says(self, text: impl Into<String>) -> Self {
        self.then(Step::Chunk(Chunk::Text(text.into())))
    }

    /// Then these words one by one, a pause before each.
    pub fn says_slowly(self, text: &str, pause: Duration) -> Self {
        text.split_inclusive([' ', '\n', '，', '。'])
            .fold(self, |script, word| script.waits(pause).says(word))
    }

    /// Then it thinks, and the line is alive.
    pub fn thinks(self) -> Self {
        self.then(Step::Chunk(Chunk::Thinking))
    }

    /// Then it thinks for so long, and the line is alive.
    pub fn thinks_for(self, length: Duration) -> Self {
        let pause = Duration::from_secs(5);
        let times = length.as_secs().div_ceil(pause.as_secs());
        (0..times).fold(self, |script, _| script.waits(pause).thinks())
    }

    /// Then it reports its usage.
    pub fn used(self, prompt: u64, completion: u64) -> Self {
        self.then(Step::Chunk(Chunk::Usage(ReportedUsage {
            prompt_tokens: Some(prompt),
            completion_tokens: Some(completion),
        })))
    }

    /// Then it stops, for this reason.
    pub fn stops(self, finish: Finish) -> Self {
        self.then(Step::Chunk(Chunk::Finish(finish)))
    }

    /// Then it breaks.
    pub fn fails(self, kind: FailureKind) -> Self {
        self.then(Step::Fail(kind))
    }

    /// Then it never says another word and never ends.
    pub fn hangs(self) -> Self {
        self.then(Step::Hang)
    }

    fn then(mut self, step: Step) -> Self {
        self.steps.push_back(step);
        self
    }

    fn ends_by_itself(&self) -> bool {
        !matches!(
            self.steps.back(),
            Some(Step::Fail(_) | Step::Hang | Step::Chunk(Chunk::Finish(_)))
        )
    }
}

/// Answers a request with a script.
type Answers = dyn Fn(&ChatRequest) -> Script + Send + Sync;

/// A provider that does what it is told.
pub struct ScriptedProvider {
    name: String,
    state: Mutex<State>,
    answers: Mutex<Box<Answers>>,
    arrived: Notify,
}

#[derive(Default)]
struct State {
    presence: Option<Presence>,
    woken: usize,
    next: VecDeque<Script>,
    down: Option<FailureKind>,
    requests: Vec<ChatRequest>,
    asked_at: Vec<Instant>,
}

impl ScriptedProvider {
    /// Says "Tea." to everything until told otherwise.
    pub fn new(name: &str) -> Self {
        ScriptedProvider {
            name: name.to_owned(),
            state: Mutex::default(),
            answers: Mutex::new(Box::new(|_| Script::say("Tea."))),
            arrived: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next call that has no script yet follows this one.
    pub fn next(&self, script: Script) {
        self.state().next.push_back(script);
    }

    /// The next call says this.
    pub fn will_say(&self, text: impl Into<String>) {
        self.next(Script::say(text));
    }

    /// Calls without a script of their own follow what this says.
    pub fn answers(&self, rule: impl Fn(&ChatRequest) -> Script + Send + Sync + 'static) {
        *self.answers.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(rule);
    }

    /// Every call fails from now on.
    pub fn goes_down(&self) {
        self.fails_with(FailureKind::Server);
    }

    /// Every call fails in this way from now on.
    pub fn fails_with(&self, kind: FailureKind) {
        self.state().down = Some(kind);
    }

    /// Calls go well again.
    pub fn comes_back(&self) {
        self.state().down = None;
    }

    /// It is not here yet: fetched somewhere far, or starting near by.
    pub fn is_on_its_way(&self, far: bool) {
        self.state().presence = Some(if far { Presence::Far } else { Presence::Near });
    }

    /// It can be asked from now on.
    pub fn arrives(&self) {
        self.state().presence = Some(Presence::Since(Instant::now()));
        self.arrived.notify_waiters();
    }

    /// How often it was called without being waited for.
    pub fn woken(&self) -> usize {
        self.state().woken
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<ChatRequest> {
        self.state().requests.clone()
    }

    /// When each of them came.
    pub fn asked_at(&self) -> Vec<Instant> {
        self.state().asked_at.clone()
    }

    /// The latest request as one text.
    pub fn last_prompt(&self) -> String {
        let state = self.state();
        let lines = state.requests.last().map(|request| &request.lines);
        let lines = lines.into_iter().flatten();
        lines
            .map(|line| format!("{:?}: {}\n", line.role, line.content))
            .collect()
    }

    fn script_for(&self, request: &ChatRequest) -> Script {
        let mut state = self.state();
        state.requests.push(request.clone());
        state.asked_at.push(Instant::now());
        if let Some(kind) = state.down {
            return Script::fail(kind);
        }
        if let Some(script) = state.next.pop_front() {
            return script;
        }
        drop(state);
        (self.answers.lock().unwrap_or_else(PoisonError::into_inner))(request)
    }

    fn error(&self, kind: FailureKind) -> ProviderError {
        ProviderError {
            provider: self.name.clone(),
            kind,
            wait: None,
            blameless: false,
            detail: "HTTP 500: vendor's own words".into(),
        }
    }
}

#[async_trait]
impl Provider for ScriptedProvider {
    fn name(&self) -> &str {
        &self.name
    }

    fn presence(&self) -> Presence {
        self.state().presence.unwrap_or(Presence::Always)
    }

    async fn arrive(&self) -> Result<(), ProviderError> {
        let arrived = self.arrived.notified();
        if let Presence::Near | Presence::Far = self.presence() {
            arrived.await;
        }
        Ok(())
    }

    fn wake(&self) {
        self.state().woken += 1;
    }

    async fn chat(&self, request: &ChatRequest) -> Result<ChatStream, ProviderError> {
        let mut script = self.script_for(request);
        if let Some(Step::Fail(kind)) = script.steps.front() {
            return Err(self.error(*kind));
        }
        if script.ends_by_itself() {
            script = script.stops(Finish::Stop);
        }
        let name = self.error(FailureKind::Server);
        let chunks = stream::unfold(script.steps, move |mut steps| {
            let failed = name.clone();
            async move {
                loop {
                    match steps.pop_front()? {
                        Step::Wait(pause) => tokio::time::sleep(pause).await,
                        Step::Chunk(chunk) => return Some((Ok(chunk), steps)),
                        Step::Fail(kind) => {
                            return Some((Err(ProviderError { kind, ..failed }), steps));
                        }
                        Step::Hang => std::future::pending().await,
                    }
                }
            }
        });
        Ok(chunks.boxed())
    }
}
