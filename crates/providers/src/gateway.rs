//! Calls the one provider that core has chosen, under the clocks: first token, silence, between tokens, whole answer,
//! deadline of the question.
//! At most so many calls at once for each provider. Never retries and never chooses.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use teahouse_core::{Callee, ChatRequest, Chunk, FailureKind};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use crate::{ChatStream, Presence, Provider, ProviderError};

/// Once words have begun, not even a keep-alive for this long.
pub const BYTE_IDLE: Duration = Duration::from_secs(20);

/// From one word or thought to the next; keep-alives do not help.
pub const BETWEEN_TOKENS: Duration = Duration::from_secs(30);

/// No answer takes longer, from its call to its last word.
pub const WHOLE_ANSWER: Duration = Duration::from_secs(180);

/// Calls at once for one provider.
pub const SLOTS: usize = 64;

/// All providers by name.
pub struct Gateway {
    providers: HashMap<String, Line>,
}

/// One provider and the places for calls to it.
struct Line {
    provider: Arc<dyn Provider>,
    slots: Arc<Semaphore>,
}

impl Gateway {
    /// Of two providers with one name the last is kept; settings do not allow that.
    pub fn new(providers: Vec<Arc<dyn Provider>>) -> Self {
        Self::with_slots(providers, SLOTS)
    }

    /// With another number of calls at once for each provider.
    pub fn with_slots(providers: Vec<Arc<dyn Provider>>, slots: usize) -> Self {
        let line = |provider: Arc<dyn Provider>| Line {
            provider,
            slots: Arc::new(Semaphore::new(slots)),
        };
        Gateway {
            providers: providers
                .into_iter()
                .map(|provider| (provider.name().to_owned(), line(provider)))
                .collect(),
        }
    }

    fn line(&self, provider: &str) -> Result<&Line, ProviderError> {
        self.providers.get(provider).ok_or_else(|| ProviderError {
            provider: provider.to_owned(),
            kind: FailureKind::BadModel,
            wait: None,
            blameless: false,
            detail: "no provider has this name in the settings".to_owned(),
        })
    }

    /// Whom a call for a model goes to.
    pub fn callee(&self, provider: &str, model: &str) -> Callee {
        match self.line(provider) {
            Ok(line) => line.provider.callee(model),
            Err(_) => Callee {
                base: provider.to_owned(),
                provider: provider.to_owned(),
                key: 0,
                model: model.to_owned(),
            },
        }
    }

    /// Whether the next call would have to wait for a place.
    pub fn is_full(&self, provider: &str) -> bool {
        self.line(provider)
            .is_ok_and(|line| line.slots.available_permits() == 0)
    }

    /// How soon it can be asked; at once, where nobody has this name, for that is told at once.
    pub fn presence(&self, provider: &str) -> Presence {
        self.line(provider)
            .map_or(Presence::Always, |line| line.provider.presence())
    }

    /// Sets it on its way, without waiting.
    pub fn wake(&self, provider: &str) {
        if let Ok(line) = self.line(provider) {
            line.provider.wake();
        }
    }

    /// Waits until a call can be made, `limit` at most.
    pub async fn arrive(&self, provider: &str, limit: Duration) -> Result<(), ProviderError> {
        let line = self.line(provider)?;
        timeout(limit, line.provider.arrive())
            .await
            .unwrap_or_else(|_| Err(timed_out(provider, true, "it was not here in time")))
    }

    /// Makes one call. Returns when the answer has begun to come; the stream ends after its last chunk or the first
    /// error. Dropping the future or the stream ends the call. Waiting for a place counts against the deadline.
    pub async fn chat(
        &self,
        provider: &str,
        request: &ChatRequest,
        deadline: Instant,
    ) -> Result<ChatStream, ProviderError> {
        let line = self.line(provider)?;
        let slots = line.slots.clone();
        let slot = timeout_at(deadline, slots.acquire_owned())
            .await
            .map_err(|_| timed_out(provider, true, "every place for a call was taken"))?
            .expect("the places are never closed");
        let started = Instant::now();
        let clocks = Clocks {
            deadline,
            whole: started + WHOLE_ANSWER,
            first_token: started + line.provider.first_token(),
            last_byte: started,
            last_token: None,
        };
        let end = clocks.next();
        let inner = timeout_at(end.at, line.provider.chat(request))
            .await
            .map_err(|_| end.error(provider))??;
        let call = Call {
            inner,
            clocks,
            provider: provider.to_owned(),
            _slot: slot,
        };
        let chunks = stream::unfold(Some(call), |call| async {
            let mut call = call?;
            let chunk = call.next().await?;
            let goes_on = chunk.is_ok();
            Some((chunk, goes_on.then_some(call)))
        });
        Ok(chunks.boxed())
    }
}

/// A call under way. Its place is free again when this is dropped.
struct Call {
    inner: ChatStream,
    clocks: Clocks,
    provider: String,
    _slot: OwnedSemaphorePermit,
}

impl Call {
    async fn next(&mut self) -> Option<Result<Chunk, ProviderError>> {
        let end = self.clocks.next();
        match timeout_at(end.at, self.inner.next()).await {
            Ok(Some(Ok(chunk))) => {
                let now = Instant::now();
                self.clocks.heard(&chunk, now);
                // A flood is always ready, and a timeout beside it never fires.
                let end = self.clocks.next();
                if end.at <= now {
                    return Some(Err(end.error(&self.provider)));
                }
                Some(Ok(chunk))
            }
            Ok(last) => last,
            Err(_) => Some(Err(end.error(&self.provider))),
        }
    }
}

/// When a call is given up.
struct Clocks {
    deadline: Instant,
    whole: Instant,
    first_token: Instant,
    last_byte: Instant,
    last_token: Option<Instant>,
}

/// A clock that runs out, and what that means.
struct End {
    at: Instant,
    blameless: bool,
    why: &'static str,
}

impl End {
    fn error(&self, provider: &str) -> ProviderError {
        timed_out(provider, self.blameless, self.why)
    }
}

impl Clocks {
    /// The clock that runs out first.
    fn next(&self) -> End {
        let clock = |at, why| End {
            at,
            blameless: false,
            why,
        };
        let deadline = End {
            at: self.deadline,
            blameless: true,
            why: "the question's time was over",
        };
        let whole = clock(self.whole, "no end of the answer after 180 s");
        let ends = match self.last_token {
            // A server that reads a long prompt is silent and well: only the first-token clock runs.
            None => [Some(clock(self.first_token, "no first word in time")), None],
            Some(last) => [
                Some(clock(self.last_byte + BYTE_IDLE, "not a byte for 20 s")),
                Some(clock(last + BETWEEN_TOKENS, "no further word for 30 s")),
            ],
        };
        let earlier = |one: End, other: End| if other.at < one.at { other } else { one };
        ends.into_iter()
            .flatten()
            .fold(earlier(deadline, whole), earlier)
    }

    fn heard(&mut self, chunk: &Chunk, now: Instant) {
        self.last_byte = now;
        match chunk {
            Chunk::Text(_) | Chunk::Thinking | Chunk::Finish(_) => self.last_token = Some(now),
            Chunk::KeepAlive | Chunk::Usage(_) => {}
        }
    }
}

fn timed_out(provider: &str, blameless: bool, why: &str) -> ProviderError {
    ProviderError {
        provider: provider.to_owned(),
        kind: FailureKind::Timeout,
        wait: None,
        blameless,
        detail: why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use teahouse_core::Finish;
    use tokio::time::sleep;

    use super::*;

    /// Says its script: after so many seconds, that; then nothing for ever, unless the last was a finish.
    struct Scripted {
        script: Vec<(u64, Chunk)>,
        repeat: bool,
        calls: AtomicUsize,
    }

    #[async_trait]
    impl Provider for Scripted {
        fn name(&self) -> &str {
            "main"
        }

        async fn chat(&self, _: &ChatRequest) -> Result<ChatStream, ProviderError> {
            self.calls.fetch_add(1, Ordering::Relaxed);
            let (script, repeat) = (self.script.clone(), self.repeat);
            let chunks = stream::unfold(0, move |at| {
                let turn = if repeat { at % script.len() } else { at };
                let step = script.get(turn).cloned();
                let has_finished = matches!(script.last(), Some((_, Chunk::Finish(_))));
                async move {
                    match step {
                        Some((0, chunk)) => Some((Ok(chunk), at + 1)),
                        Some((after, chunk)) => {
                            sleep(Duration::from_secs(after)).await;
                            Some((Ok(chunk), at + 1))
                        }
                        None if has_finished => None,
                        None => std::future::pending().await,
                    }
                }
            });
            Ok(chunks.boxed())
        }
    }

    fn gateway(script: &[(u64, Chunk)], repeat: bool) -> (Gateway, Arc<Scripted>) {
        let provider = Arc::new(Scripted {
            script: script.to_vec(),
            repeat,
            calls: AtomicUsize::new(0),
        });
        (Gateway::with_slots(vec![provider.clone()], 2), provider)
    }

    fn question() -> ChatRequest {
        ChatRequest {
            model: "m".into(),
            lines: Vec::new(),
            max_tokens: 8,
        }
    }

    fn text() -> Chunk {
        Chunk::Text("tea".into())
    }

    /// When a call ended, in whole seconds, and with which error.
    async fn end(script: &[(u64, Chunk)], repeat: bool, deadline: u64) -> (u64, Option<String>) {
        let (gateway, provider) = gateway(script, repeat);
        let started = Instant::now();
        let deadline = started + Duration::from_secs(deadline);
        let mut failed = None;
        match gateway.chat("main", &question(), deadline).await {
            Err(error) => failed = Some(error),
            Ok(mut chunks) => {
                while let Some(chunk) = chunks.next().await {
                    failed = chunk.err();
                }
            }
        }
        assert_eq!(provider.calls.load(Ordering::Relaxed), 1, "never twice");
        if let Some(error) = &failed {
            assert_eq!(error.kind, FailureKind::Timeout);
            let ours = error.detail.contains("the question's time");
            assert_eq!(error.blameless, ours, "{error}");
        }
        (
            started.elapsed().as_secs(),
            failed.map(|error| error.detail),
        )
    }

    #[tokio::test(start_paused = true)]
    async fn bad_052_every_way_to_keep_us_waiting_ends_by_a_clock() {
        let stop = || Chunk::Finish(Finish::Stop);
        for (what, script, repeat, expected, why) in [
            ("nothing", vec![], false, 15, "no first word"),
            (
                "keep-alives",
                vec![(9, Chunk::KeepAlive)],
                true,
                15,
                "no first word",
            ),
            (
                "a word too late",
                vec![(60, text()), (0, stop())],
                false,
                15,
                "no first word",
            ),
            ("silence", vec![(1, text())], false, 21, "not a byte"),
            (
                "keep-alives, then silence",
                vec![(1, text()), (9, Chunk::KeepAlive)],
                false,
                30,
                "not a byte",
            ),
            (
                "words, then keep-alives",
                vec![
                    (1, text()),
                    (9, Chunk::KeepAlive),
                    (9, Chunk::KeepAlive),
                    (9, Chunk::KeepAlive),
                    (9, Chunk::KeepAlive),
                ],
                false,
                31,
                "no further word",
            ),
            (
                "a word every 9 s for ever",
                vec![(9, text())],
                true,
                100,
                "time was over",
            ),
            (
                "thinking for ever",
                vec![(9, Chunk::Thinking)],
                true,
                100,
                "time was over",
            ),
        ] {
            let (after, failed) = end(&script, repeat, 100).await;
            let failed = failed.unwrap_or_default();
            assert!(
                after == expected && failed.contains(why),
                "{what}: {after} s, {failed}"
            );
        }
        let thoughtful = [(14, Chunk::Thinking), (29 - 14, text()), (1, stop())];
        assert_eq!(end(&thoughtful, false, 100).await, (30, None));
        // An answer that has 240 s left ends all the same.
        let (after, failed) = end(&[(9, text())], true, 240).await;
        let failed = failed.unwrap_or_default();
        assert!(
            after == 180 && failed.contains("no end of the answer"),
            "{after} s, {failed}"
        );
    }

    #[tokio::test]
    async fn a_flood_without_a_word_ends_as_well() {
        let (gateway, _) = gateway(&[(0, Chunk::KeepAlive)], true);
        let deadline = Instant::now() + Duration::from_millis(20);
        let mut chunks = gateway.chat("main", &question(), deadline).await.unwrap();
        while let Some(chunk) = chunks.next().await {
            if let Err(error) = chunk {
                assert_eq!(error.kind, FailureKind::Timeout);
                return;
            }
        }
        panic!("a flood has no end");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_waits_for_a_place_no_longer_than_its_deadline() {
        let (gateway, provider) = gateway(&[(0, text())], false);
        let within = |seconds| Instant::now() + Duration::from_secs(seconds);
        let first = gateway.chat("main", &question(), within(100)).await;
        let second = gateway.chat("main", &question(), within(100)).await;
        let Err(error) = gateway.chat("main", &question(), within(5)).await else {
            panic!("there are two places");
        };
        assert_eq!(error.kind, FailureKind::Timeout);
        assert!(error.blameless, "the places are ours: {error}");
        assert!(gateway.is_full("main"));
        assert_eq!(provider.calls.load(Ordering::Relaxed), 2);
        drop(first);
        assert!(!gateway.is_full("main"));
        assert!(gateway.chat("main", &question(), within(5)).await.is_ok());
        drop(second);
    }

    /// Counts how many calls it has at once.
    #[derive(Default)]
    struct Crowded {
        now: Arc<AtomicUsize>,
        most: AtomicUsize,
        calls: AtomicUsize,
    }

    /// A call that is made, until it ends or is given up.
    struct Made(Arc<AtomicUsize>);

    impl Drop for Made {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }

    #[async_trait]
    impl Provider for Crowded {
        fn name(&self) -> &str {
            "main"
        }

        async fn chat(&self, _: &ChatRequest) -> Result<ChatStream, ProviderError> {
            self.calls.fetch_add(1, Ordering::Relaxed);
            let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
            let _made = Made(self.now.clone());
            self.most.fetch_max(now, Ordering::SeqCst);
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            Ok(stream::iter([Ok(text()), Ok(Chunk::Finish(Finish::Stop))]).boxed())
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn of_640_calls_that_race_for_7_places_7_at_most_are_made_at_once_and_none_is_lost() {
        let provider = Arc::new(Crowded::default());
        let gateway = Arc::new(Gateway::with_slots(vec![provider.clone()], 7));
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..640 {
            let gateway = gateway.clone();
            tasks.spawn(async move {
                let deadline = Instant::now() + Duration::from_secs(100);
                let question = question();
                let call = gateway.chat("main", &question, deadline);
                if n % 5 == 0 {
                    // Given up while it waits or while it is made: its place goes to another.
                    let _ = timeout(Duration::ZERO, call).await;
                } else {
                    let chunks = call.await.unwrap();
                    assert_eq!(chunks.count().await, 2);
                }
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        assert!(provider.calls.load(Ordering::SeqCst) >= 512);
        assert!(!gateway.is_full("main"), "every place is free again");
        let most = provider.most.load(Ordering::SeqCst);
        assert!(most <= 7, "{most} at once");
    }

    #[tokio::test]
    async fn a_name_that_nobody_has_is_no_panic() {
        let (gateway, _) = gateway(&[], false);
        let Err(error) = gateway.chat("mian", &question(), Instant::now()).await else {
            panic!("there is no such provider");
        };
        assert_eq!(error.kind, FailureKind::BadModel);
    }
}
