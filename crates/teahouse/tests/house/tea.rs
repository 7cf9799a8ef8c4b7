//! The simulation: a real host between a platform and providers in this process, on a clock that stands still until
//! a test lets time pass. Reads like a chat; the same run twice is the same run.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use teahouse::clock::{Clock, Ids};
use teahouse::config::House;
use teahouse::host::{Host, Parts};
use teahouse_adapters::{Adapter, EventSink, Incoming};
use teahouse_core::{
    AiMark, Charter, ChatId, Currency, Effect, Language, MemberId, MessageId, Nano, Pace, Price,
    Role, RoomKind, Route, RouteModel, Segment,
};
use teahouse_providers::parrot::Act;
use teahouse_providers::{Gateway, PARROT, Parrot, Provider};
use teahouse_store::{EmbeddedStore, HostId, Opening, Store, Totals};
use teahouse_testkit::platform::{FakePlatform, Shown, SimTime, Tried, us};
use teahouse_testkit::script::ScriptedProvider;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A Tuesday evening in Shanghai.
const EVENING: &str = "2026-11-24T20:00:00+08:00";
/// So long is "at once".
const A_MOMENT: Duration = Duration::from_millis(1);

pub fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub fn minutes(n: u64) -> Duration {
    seconds(60 * n)
}

pub fn hours(n: u64) -> Duration {
    minutes(60 * n)
}

/// How a house is set up, before it opens.
pub struct Plan {
    charter: Charter,
    pace: Pace,
    direct: bool,
    start: Timestamp,
    providers: Vec<&'static str>,
    second: Option<&'static str>,
    parrot: Vec<Act>,
}

impl Plan {
    /// The route begins with the parrot, and it does this.
    pub fn parrot(self, act: &str) -> Self {
        let parrot = vec![act.parse().expect("what the parrot does")];
        Plan { parrot, ..self }
    }

    /// A second account of ours sits in the same rooms.
    pub fn second_account(self, name: &'static str) -> Self {
        Plan {
            second: Some(name),
            ..self
        }
    }

    /// Sends so fast; `off` unless said.
    pub fn pace(self, pace: Pace) -> Self {
        Plan { pace, ..self }
    }

    /// Answers in direct chats too.
    pub fn direct(self) -> Self {
        Plan {
            direct: true,
            ..self
        }
    }

    /// Opens at this time.
    pub fn at(self, start: &str) -> Self {
        let start = start.parse().expect("a time");
        Plan { start, ..self }
    }

    /// Asks these providers in this order; `a` unless said.
    pub fn providers<const N: usize>(self, names: [&'static str; N]) -> Self {
        Plan {
            providers: names.into(),
            ..self
        }
    }

    pub async fn opens(self) -> Tea {
        let clock = Arc::new(SimClock {
            time: SimTime::starting(self.start),
            passed: Mutex::default(),
            set: Mutex::default(),
        });
        let named = self.providers.iter();
        let providers: Vec<_> = named
            .map(|name| (*name, Arc::new(ScriptedProvider::new(name))))
            .collect();
        let platform = Arc::new(FakePlatform::new("qq", clock.time.clone()));
        let store = Arc::new(EmbeddedStore::in_memory().expect("memory"));
        let host = self.host(&clock, &store, &providers, &platform, 1);
        host.start().await.expect("the host starts");
        let tea = Tea {
            clock,
            platform,
            store,
            host: Arc::new(Mutex::new(host)),
            providers,
            plan: self,
            starts: AtomicU64::new(1),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        };
        tea.hears(tea.platform.clone());
        tea
    }

    fn host(
        &self,
        clock: &Arc<SimClock>,
        store: &Arc<EmbeddedStore>,
        providers: &[(&'static str, Arc<ScriptedProvider>)],
        platform: &Arc<FakePlatform>,
        seed: u64,
    ) -> Arc<Host> {
        let price = Price {
            input: Nano(1_000_000_000),
            output: Nano(2_000_000_000),
            currency: Currency::usd(),
        };
        let models = providers.iter().map(|(name, _)| RouteModel {
            provider: (*name).to_owned(),
            model: "oolong-1".into(),
            price: price.clone(),
            mark: AiMark::Model,
        });
        let route = Arc::new(Route {
            name: "default".into(),
            models: (self.parrot.iter().map(|act| act.model()))
                .chain(models)
                .collect(),
        });
        let house = |account| {
            let mut house = House::of_account(account, self.charter.clone());
            house.direct = self.direct;
            house
        };
        let houses = ["qq"].into_iter().chain(self.second).map(house).collect();
        let second = self.second.map(|name| {
            let account = FakePlatform::new(name, clock.time.clone());
            (Arc::new(account) as Arc<dyn Adapter>, self.pace)
        });
        let first = (platform.clone() as Arc<dyn Adapter>, self.pace);
        let providers = providers
            .iter()
            .map(|(_, provider)| provider.clone() as Arc<dyn Provider>)
            .chain([Arc::new(Parrot::new(PARROT)) as Arc<dyn Provider>]);
        Host::new(Parts {
            secrets: vec![],
            store: store.clone(),
            clock: clock.clone(),
            ids: Ids::seeded(seed),
            houses,
            language: Language::English,
            routes: HashMap::from([("default".into(), route)]),
            credits: HashMap::new(),
            gateway: Gateway::new(providers.collect()),
            adapters: second.into_iter().chain([first]).collect(),
        })
    }
}

/// The wall clock of a simulation.
pub struct SimClock {
    time: SimTime,
    passed: Mutex<Vec<(Duration, Duration)>>,
    /// How far somebody has set it from the truth.
    set: Mutex<SignedDuration>,
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let set = *self.set.lock().unwrap_or_else(PoisonError::into_inner);
        self.time.now() + set
    }
}

impl SimClock {
    /// It is `start` now.
    pub fn starting(start: &str) -> Self {
        SimClock {
            time: SimTime::starting(start.parse().expect("a time")),
            passed: Mutex::default(),
            set: Mutex::default(),
        }
    }

    /// Lets time pass, and with it everything that was to happen meanwhile.
    pub async fn advance(&self, length: Duration) {
        tokio::time::sleep(length).await;
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        passed.push((self.time.elapsed(), length));
    }

    /// Somebody sets the wall clock wrong, or right again; no time passes.
    pub fn is_set(&self, from_the_truth: SignedDuration) {
        *self.set.lock().unwrap_or_else(PoisonError::into_inner) = from_the_truth;
    }

    /// The machine sleeps, all of us with it; the world outside goes on.
    pub fn sleeps(&self, length: Duration) {
        self.time.sleeps(length);
    }

    /// How much time has passed since the house opened.
    pub fn elapsed(&self) -> Duration {
        self.time.elapsed()
    }
}

/// A house at work.
pub struct Tea {
    pub clock: Arc<SimClock>,
    pub platform: Arc<FakePlatform>,
    store: Arc<EmbeddedStore>,
    host: Arc<Mutex<Arc<Host>>>,
    providers: Vec<(&'static str, Arc<ScriptedProvider>)>,
    plan: Plan,
    starts: AtomicU64,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// Something that was said.
#[derive(Clone, Debug)]
pub struct Said {
    pub incoming: Incoming,
    pub message: MessageId,
}

impl Tea {
    /// A house under a charter.
    pub fn under(charter: &str) -> Plan {
        Plan {
            charter: toml::from_str(charter).expect("a charter"),
            pace: Pace::Off,
            direct: false,
            start: EVENING.parse().expect("a time"),
            providers: vec!["a"],
            second: None,
            parrot: Vec::new(),
        }
    }

    /// An English house that says nothing else.
    pub fn open_table() -> Plan {
        Tea::under("name = \"open table\"\nzone = \"Asia/Shanghai\"")
    }

    /// A group.
    pub fn room(&self, name: &str) -> Room<'_> {
        Room {
            tea: self,
            chat: ChatId::new(name),
            kind: RoomKind::Group,
        }
    }

    /// The direct chat with somebody.
    pub fn direct_chat(&self, with: &str) -> Room<'_> {
        Room {
            tea: self,
            chat: ChatId::new(format!("direct:{with}")),
            kind: RoomKind::Direct,
        }
    }

    /// A provider by its name.
    pub fn provider(&self, name: &str) -> &ScriptedProvider {
        let mut all = self.providers.iter();
        let (_, found) = all.find(|(n, _)| *n == name).expect("a provider");
        found
    }

    /// How often any provider was called.
    pub fn calls(&self) -> usize {
        self.providers
            .iter()
            .map(|(_, provider)| provider.requests().len())
            .sum()
    }

    /// Events of an account reach the house.
    fn hears(&self, platform: Arc<FakePlatform>) {
        let (all, mut events) = mpsc::channel(8_192);
        let (reserve, mut questions) = mpsc::channel(1_024);
        let sink = EventSink::new(all, reserve, |_, _| true);
        let (host, stop) = (self.host.clone(), self.stop.clone());
        self.tasks
            .spawn(async move { platform.run(sink, stop).await });
        self.tasks.spawn(async move {
            loop {
                let incoming = tokio::select! {
                    Some(incoming) = events.recv() => incoming,
                    Some(incoming) = questions.recv() => incoming,
                    else => return,
                };
                let host = host.lock().unwrap_or_else(PoisonError::into_inner).clone();
                host.on_event(incoming);
            }
        });
    }

    fn host(&self) -> Arc<Host> {
        self.host
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Everything that can happen without time passing has happened.
    pub async fn a_moment(&self) {
        tokio::time::sleep(A_MOMENT).await;
    }

    /// Every room has come to rest.
    pub async fn rests(&self) {
        self.a_moment().await;
        let mut chats: Vec<_> = self.platform.shown().into_iter().map(|s| s.chat).collect();
        chats.sort();
        chats.dedup();
        for chat in &chats {
            self.host().at_rest(&self.platform.address(chat)).await;
        }
    }

    /// The process ends and another one opens on the same store.
    pub async fn restarts(&self) {
        self.closes().await;
        self.opens_again().await;
    }

    /// The process ends.
    pub async fn closes(&self) {
        self.host().shut_down().await;
    }

    /// Another process opens on the same store.
    pub async fn opens_again(&self) {
        let seed = self.starts.fetch_add(1, Ordering::Relaxed) + 1;
        let host = self.plan.host(
            &self.clock,
            &self.store,
            &self.providers,
            &self.platform,
            seed,
        );
        host.start().await.expect("the host starts");
        *self.host.lock().unwrap_or_else(PoisonError::into_inner) = host;
    }

    /// What stands on the disk.
    pub fn store(&self) -> &EmbeddedStore {
        &self.store
    }

    /// What time the house thinks it is.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub async fn totals(&self) -> Totals {
        self.store.totals().await.expect("the books open")
    }

    /// What the rooms saw.
    pub fn transcript(&self) -> String {
        let shown = self.platform.shown();
        let passed = self.clock.passed.lock().expect("no panic").clone();
        Transcript::of(&shown, &passed, &self.platform.tried())
    }

    /// Closes the house and checks that nothing is left unexplained: every question has its one end, no money is set
    /// aside, every call stands in the ledger, and all that a room saw of the house was a row of the outbox.
    pub async fn finish(self) -> Totals {
        self.rests().await;
        self.host().shut_down().await;
        self.stop.cancel();
        let totals = self.totals().await;
        assert_eq!(totals.open_turns, 0, "{totals:?}");
        assert_eq!(totals.settled, totals.turns, "{totals:?}");
        assert_eq!(totals.reserved, 0, "{totals:?}");
        assert_eq!(totals.waiting, 0, "{totals:?}");
        // The parrot keeps no list of its calls.
        if self.plan.parrot.is_empty() {
            assert_eq!(totals.attempts, self.calls() as u64, "{totals:?}");
        }
        assert!(totals.spent >= 0, "{totals:?}");
        for shown in self.platform.shown() {
            if shown.who.is_none() && shown.receipt {
                assert!(self.was_a_row(&shown).await, "from nowhere: {shown:?}");
            }
        }
        totals
    }

    async fn was_a_row(&self, shown: &Shown) -> bool {
        let address = self.platform.address(&shown.chat);
        let now = self.clock.now();
        let ids = Ids::seeded(99);
        let opening = Opening {
            address: address.clone(),
            platform: FakePlatform::PLATFORM,
            kind: RoomKind::Group,
            new_room: teahouse_core::RoomId(ids.next(now)),
            day: now,
        };
        let opened = self
            .store
            .open_room(HostId(ids.next(now)), opening, now)
            .await
            .expect("the room opens");
        self.store
            .is_ours(opened.lease.room, &address.account, &shown.message)
            .await
            .expect("the store reads")
    }
}

/// A room as its members use it.
pub struct Room<'t> {
    tea: &'t Tea,
    pub chat: ChatId,
    kind: RoomKind,
}

impl Room<'_> {
    /// A member says something, and the room comes to rest.
    pub async fn says(&self, member: &str, words: &str) -> Said {
        let said = self.throws_in(member, words).await;
        self.tea.rests().await;
        said
    }

    /// A member says something; whatever goes on in the room goes on.
    pub async fn throws_in(&self, member: &str, words: &str) -> Said {
        self.puts(member, vec![text(words)]).await
    }

    /// A member calls us by our name on the platform, and the room comes to rest.
    pub async fn mentions_us(&self, member: &str, words: &str) -> Said {
        let said = self
            .puts(member, vec![mention(), text(&format!(" {words}"))])
            .await;
        self.tea.rests().await;
        said
    }

    /// A member replies to a message, and the room comes to rest.
    pub async fn replies(&self, member: &str, to: &MessageId, words: &str) -> Said {
        let quote = Segment::Quote {
            message: to.clone(),
            more: Default::default(),
        };
        let said = self.puts(member, vec![quote, text(words)]).await;
        self.tea.rests().await;
        said
    }

    /// A member says this list of pieces; whatever goes on in the room goes on.
    pub async fn puts(&self, member: &str, segments: Vec<Segment>) -> Said {
        let platform = &self.tea.platform;
        let said = said(platform.says(&self.chat, self.kind, member, segments));
        self.tea.a_moment().await;
        said
    }

    /// A message that nobody has said yet.
    pub fn makes(&self, member: &str, words: &str) -> Said {
        let platform = &self.tea.platform;
        said(platform.makes(&self.chat, self.kind, member, vec![text(words)]))
    }

    /// A member takes a message back; whatever goes on in the room goes on.
    pub async fn recalls(&self, member: &str, message: &MessageId) {
        let platform = &self.tea.platform;
        platform.recalls(&self.chat, self.kind, member, message);
        self.tea.a_moment().await;
    }

    /// The member list says so.
    pub fn lists(&self, member: &str, role: Role) {
        self.tea.platform.lists(&self.chat, member, role);
    }

    /// All that was shown here.
    pub fn shown(&self) -> Vec<Shown> {
        let all = self.tea.platform.shown().into_iter();
        all.filter(|shown| shown.chat == self.chat).collect()
    }

    /// All that the house said here.
    pub fn house(&self) -> Vec<Shown> {
        let all = self.shown().into_iter();
        all.filter(|shown| shown.who.is_none()).collect()
    }

    /// What the house said to a message.
    pub fn answers_to(&self, said: &Said) -> Vec<Shown> {
        let all = self.house().into_iter();
        all.filter(|shown| shown.quote.as_ref() == Some(&said.message))
            .collect()
    }
}

fn said(incoming: Incoming) -> Said {
    let teahouse_core::EventKind::Message(message) = &incoming.event.kind else {
        panic!("a message");
    };
    Said {
        message: message.id.clone(),
        incoming,
    }
}

pub fn text(words: &str) -> Segment {
    Segment::Text { text: words.into() }
}

fn mention() -> Segment {
    Segment::Mention {
        member: us(),
        more: Default::default(),
    }
}

/// What a reader of the rooms would have seen.
struct Transcript {
    lines: Vec<(Duration, Option<ChatId>, String, String)>,
}

impl Transcript {
    fn of(shown: &[Shown], passed: &[(Duration, Duration)], tried: &[Tried]) -> String {
        let mut transcript = Transcript { lines: Vec::new() };
        let by_house = |message: &MessageId| {
            let recall = Effect::Recall {
                message: message.clone(),
            };
            tried
                .iter()
                .any(|tried| tried.done && tried.effect == recall)
        };
        for (at, length) in passed {
            let minutes = length.as_secs() / 60;
            let text = match (minutes / 60, minutes % 60, length.as_secs() % 60) {
                (0, 0, s) => format!("({s} s later)"),
                (0, m, 0) => format!("({m} min later)"),
                (h, 0, 0) => format!("({h} h later)"),
                (h, m, _) => format!("({h} h {m} min later)"),
            };
            transcript.line(*at, None, String::new(), &text);
        }
        for message in shown {
            let quoted = message.quote.as_ref().and_then(|id| {
                shown
                    .iter()
                    .find(|s| s.message == *id && s.chat == message.chat)
            });
            let who = message.who.as_deref().unwrap_or("house");
            let who = match quoted {
                Some(quoted) => format!("{who} → {}", quoted.who.as_deref().unwrap_or("house")),
                None => who.to_owned(),
            };
            let chat = Some(message.chat.clone());
            transcript.line(message.at, chat.clone(), who, &message.text);
            if let Some(at) = message.recalled {
                let author = message.who.as_deref();
                let (who, whose) = match (by_house(&message.message), author) {
                    (true, Some(author)) => ("house", format!("{author}'s ")),
                    (true, None) | (false, None) => ("house", String::new()),
                    (false, Some(author)) => (author, String::new()),
                };
                let (who, text) = (
                    who.to_owned(),
                    format!("(takes back {whose}: {})", message.text),
                );
                let text = text.replace("back : ", "back: ").replace("'s : ", "'s: ");
                transcript.line(at, chat, who, &text);
            }
        }
        for tried in tried.iter().filter(|tried| tried.done) {
            let text = match &tried.effect {
                Effect::Recall { .. } => continue,
                Effect::Mute { member, seconds } => format!("(mutes {member} for {seconds} s)"),
                Effect::Unmute { member } => format!("(lets {member} speak again)"),
                Effect::Remove { member } => format!("(removes {member})"),
            };
            let chat = Some(tried.chat.clone());
            transcript.line(tried.at, chat, "house".to_owned(), &text);
        }
        transcript.written()
    }

    fn line(&mut self, at: Duration, chat: Option<ChatId>, who: String, text: &str) {
        self.lines.push((at, chat, who, text.to_owned()));
    }

    fn written(mut self) -> String {
        self.lines.sort_by_key(|(at, ..)| *at);
        let names = self.lines.iter().map(|(_, _, who, _)| columns(who));
        let width = names.max().unwrap_or_default();
        let mut rooms: Vec<_> = self
            .lines
            .iter()
            .filter_map(|(_, chat, ..)| chat.as_ref())
            .collect();
        rooms.sort();
        rooms.dedup();
        let many = rooms.len() > 1;
        let mut out = String::new();
        let mut here = None;
        for (_, chat, who, text) in &self.lines {
            if let (true, Some(chat)) = (many && here != *chat, chat) {
                out.push_str(&format!("in {chat}:\n"));
                here = Some(chat.clone());
            }
            for (n, line) in text.lines().enumerate() {
                let who = if n == 0 { who.as_str() } else { "" };
                let bar = if who.is_empty() && n == 0 { ' ' } else { '|' };
                let gap = " ".repeat(width - columns(who));
                out.push_str(format!("{who}{gap} {bar} {line}").trim_end());
                out.push('\n');
            }
        }
        out
    }
}

/// How wide a name is on a screen: Han characters take two columns.
fn columns(name: &str) -> usize {
    name.chars()
        .map(|c| if c >= '\u{2e80}' { 2 } else { 1 })
        .sum()
}

/// Members' ids are their names.
pub fn member(name: &str) -> MemberId {
    MemberId::new(name)
}
