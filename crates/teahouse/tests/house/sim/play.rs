//! Plays one evening from a seed: process after process on the same disk, each in a runtime of its own that is dropped
//! where the process dies. Between two moments the clock jumps; nothing here waits for real.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use jiff::SignedDuration;
use teahouse::clock::{Clock, Ids};
use teahouse::config::House;
use teahouse::host::{Host, Parts};
use teahouse_adapters::{Adapter, Connection, Incoming};
use teahouse_core::{
    AccountName, AiMark, Charter, Currency, EventKind, FRESHNESS, Language, Nano, Pace, Price,
    Route, RouteModel,
};
use teahouse_providers::{Gateway, Provider};
use teahouse_store::{EmbeddedStore, HostId, Opening, Store};

use super::faults::Faults;
use super::model::SimModel;
use super::platform::{PLATFORM, SimPlatform, age_of, kind_of};
use super::script::{self, LADDER, Line, SPAM};
use super::store::SimStore;
use super::world::{Act, World};

/// When all is calm, everything has its end within so long.
const CALM: Duration = Duration::from_secs(15 * 60);
/// In calm times the laws are looked at this often.
const STEP: Duration = Duration::from_secs(10);
/// What a process heard so shortly before its death may be lost with it.
const HEARD_LAST: Duration = Duration::from_secs(90);

/// What became of an evening.
pub struct Evening {
    pub seed: u64,
    pub hash: String,
    /// What did not hold; nothing in a good evening.
    pub broken: Vec<String>,
    /// What happened, a line each.
    pub trace: Vec<String>,
    pub lives: u64,
    pub questions: u64,
}

impl Evening {
    /// Says which seed, what broke, and what happened last.
    pub fn expect_good(&self) {
        assert!(self.broken.is_empty(), "{}", self.report());
    }

    pub fn report(&self) -> String {
        let from = self.trace.len().saturating_sub(40);
        let (seed, broken) = (self.seed, self.broken.join("\n  "));
        let last = self.trace[from..].join("\n");
        format!(
            "SEED={seed} broke a law:\n  {broken}\nthe last lines of its trace:\n{last}\n\
             again: SEED={seed} cargo test -p teahouse --test house the_seed"
        )
    }
}

/// How a life of the process ended.
enum End {
    Over,
    Killed,
    Closed,
}

/// Plays the evening of a seed.
pub fn play(seed: u64) -> Evening {
    play_with(seed, Faults::of(seed))
}

/// The same with other faults than the seed's own.
pub fn play_with(seed: u64, faults: Faults) -> Evening {
    count_panics();
    let before = PANICS.get();
    let stage = Stage::new(seed, faults);
    script::write(&stage.world);
    loop {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let end = runtime.block_on(stage.life());
        let dice = stage.world.chance.of("pause").nth(stage.world.truth().life);
        let (pause, heard_last) = match end {
            End::Over => (0, Duration::ZERO),
            End::Killed => (dice.one(&[100, 2_000, 2_000, 60_000, 400_000]), HEARD_LAST),
            End::Closed => (1_000, Duration::from_secs(6)),
        };
        runtime.block_on(async {
            stage.world.truth().forgives(heard_last);
            stage.world.is_gone_for(Duration::from_millis(pause));
        });
        if matches!(end, End::Over) || !stage.world.truth().broken.is_empty() {
            break;
        }
    }
    let panics = PANICS.get() - before;
    let mut truth = stage.world.truth();
    truth.law(panics == 0, || format!("{panics} panics"));
    Evening {
        seed,
        hash: truth.hash(),
        broken: truth.broken.clone(),
        trace: truth.trace(|_| true),
        lives: truth.life,
        questions: truth.disk.turns.len() as u64,
    }
}

/// Everything but the process.
struct Stage {
    seed: u64,
    world: Arc<World>,
    disk: Arc<EmbeddedStore>,
    platforms: Vec<Arc<SimPlatform>>,
    models: Vec<Arc<SimModel>>,
}

impl Stage {
    fn new(seed: u64, faults: Faults) -> Self {
        let world = Arc::new(World::new(seed, faults));
        let accounts: &[&str] = if faults.two_accounts {
            &["qq", "second"]
        } else {
            &["qq"]
        };
        let platform = |name: &&str| Arc::new(SimPlatform::new(name, world.clone()));
        let model = |name| Arc::new(SimModel::new(name, world.clone()));
        Stage {
            seed,
            disk: Arc::new(EmbeddedStore::in_memory().expect("memory")),
            platforms: accounts.iter().map(platform).collect(),
            models: ["a", "b", "c"].map(model).into(),
            world,
        }
    }

    fn host(&self) -> Arc<Host> {
        let price = Price {
            input: Nano(1_000_000_000),
            output: Nano(2_000_000_000),
            currency: Currency::usd(),
        };
        let models = self.models.iter().map(|model| RouteModel {
            provider: model.name().to_owned(),
            model: "oolong-1".into(),
            price: price.clone(),
            mark: AiMark::Model,
        });
        let route = Arc::new(Route {
            name: "default".into(),
            models: models.collect(),
        });
        let faults = &self.world.faults;
        let money = if faults.poor { "0.01 USD" } else { "5 USD" };
        let charter: Charter = toml::from_str(&format!(
            "name = \"open table\"\nzone = \"Asia/Shanghai\"\n\
             exempt = [\"admin\"]\n\
             [purse]\nper_day = \"{money}\"\nquestions_per_member_per_day = 500\n\
             [[words]]\nname = \"spam\"\nmode = \"on\"\nwords = [\"{SPAM}\"]\nladder = {LADDER}"
        ))
        .expect("a charter");
        let pace = if faults.safe_pace {
            Pace::Safe
        } else {
            Pace::Off
        };
        let names = self
            .platforms
            .iter()
            .map(|p| p.account().as_str().to_owned());
        let adapters = self.platforms.iter();
        let adapters = adapters.map(|p| (p.clone() as Arc<dyn Adapter>, pace));
        let providers = self.models.iter().map(|m| m.clone() as Arc<dyn Provider>);
        let life = self.world.truth().life;
        let store = SimStore {
            world: self.world.clone(),
            disk: self.disk.clone(),
        };
        Host::new(Parts {
            secrets: vec![],
            store: Arc::new(store),
            clock: self.world.clone() as Arc<dyn Clock>,
            ids: Ids::seeded(self.seed.wrapping_mul(1_000) + life),
            houses: names
                .map(|name| House::of_account(&name, charter.clone()))
                .collect(),
            language: Language::English,
            routes: [("default".to_owned(), route)].into(),
            credits: Default::default(),
            gateway: Gateway::new(providers.collect()),
            adapters: adapters.collect(),
        })
    }

    /// One life of the process, until it is killed, told to close, or the evening is over.
    async fn life(&self) -> End {
        let world = &self.world;
        world.is_born();
        let awake_since = world.truth().now();
        let host = self.host();
        let started = tokio::select! {
            biased;
            () = world.crash.notified() => return End::Killed,
            started = host.start() => started,
        };
        if let Err(error) = started {
            world
                .truth()
                .note("house", format!("did not start: {error}"));
            return End::Closed;
        }
        loop {
            let next = world.truth().next().unwrap_or_default();
            let at = world.truth().instant(next);
            tokio::select! {
                biased;
                () = world.crash.notified() => return End::Killed,
                () = world.more.notified() => continue,
                () = tokio::time::sleep_until(at) => {}
            }
            let Some(act) = world.truth().due() else {
                continue;
            };
            if let Act::Play(Line::Restarts) = act {
                world.truth().note("house", "is told to restart".into());
                return self.closes(&host).await;
            }
            if self.acts(&host, act) {
                return self.calms_down(&host, awake_since).await;
            }
            let mut truth = world.truth();
            truth.after_a_step(awake_since);
            if !truth.broken.is_empty() {
                return End::Over;
            }
        }
    }

    async fn closes(&self, host: &Arc<Host>) -> End {
        tokio::select! {
            biased;
            () = self.world.crash.notified() => End::Killed,
            () = host.shut_down() => End::Closed,
        }
    }

    /// Does what is due; true when the evening's script is over.
    fn acts(&self, host: &Arc<Host>, act: Act) -> bool {
        let world = &self.world;
        let accounts: Vec<AccountName> =
            self.platforms.iter().map(|p| p.account().clone()).collect();
        match act {
            Act::Play(Line::Speaks(chat)) => script::speaks(world, &accounts, &chat),
            Act::Play(Line::TakesBack(chat)) => script::takes_back(world, &accounts, &chat),
            Act::Play(Line::LinkDown(seconds)) => {
                world
                    .truth()
                    .note("platform", format!("link down for {seconds} s"));
                self.link(Connection::Lost);
                world.later(Duration::from_secs(seconds), Act::LinkUp);
            }
            Act::Play(Line::Sleeps(length)) => {
                world.truth().note("machine", "sleeps".into());
                world.truth().shift += SignedDuration::try_from(length).expect("a night");
                self.link(Connection::Lost);
                world.later(Duration::from_secs(1), Act::LinkUp);
            }
            Act::Play(Line::DiskStands(length)) => {
                let mut truth = world.truth();
                truth.note("store", format!("stands still for {} s", length.as_secs()));
                truth.stands_until = truth.now() + length;
                truth.stood = length;
            }
            Act::Play(Line::ClockJumps(by)) => {
                let mut truth = world.truth();
                truth.note("machine", format!("the clock jumps by {} s", by.as_secs()));
                truth.shift += by;
            }
            Act::LinkUp => {
                world.truth().note("platform", "link up".into());
                self.link(Connection::Online);
            }
            Act::Appear(chat, shown) => world.truth().appears(&chat, *shown),
            Act::Tell(incoming) => self.tells(host, *incoming),
            Act::Play(Line::Restarts) => {}
            Act::Play(Line::Over) => return true,
        }
        false
    }

    fn link(&self, state: Connection) {
        for platform in &self.platforms {
            platform.connection.send_replace(state);
        }
    }

    /// The house hears of something, if its link is up.
    fn tells(&self, host: &Arc<Host>, incoming: Incoming) {
        let world = &self.world;
        let account = self
            .platforms
            .iter()
            .find(|p| *p.account() == incoming.event.account);
        if account.is_none_or(|p| *p.connection.borrow() != Connection::Online) {
            return;
        }
        if let EventKind::Message(message) = &incoming.event.kind {
            let age = age_of(message, world.now());
            let mut truth = world.truth();
            let heard = Some((truth.life, truth.now()));
            let life = truth.life;
            let shift = truth.shift;
            for spoken in truth.said.values_mut().filter(|s| s.label == message.id) {
                // Told anew to a process that was not there when it was taken back.
                spoken
                    .forgotten
                    .retain(|to, when| *to != message.address.account || *when == life);
                spoken.told = spoken.told.filter(|(l, _)| *l == life).or(heard);
            }
            // A question that grows too old while the store is away is let go.
            let spoken = truth.said.values_mut().find(|s| s.label == message.id);
            let is_fresh = age + Duration::from_secs(30) < FRESHNESS;
            let account = &message.address.account;
            match spoken {
                Some(spoken) if !is_fresh => {
                    spoken.seemed_old.insert(account.clone(), life);
                }
                Some(spoken) if spoken.under == shift => {
                    // What was talk to this process when a wrong clock made it old stays talk.
                    let is_first = spoken.seemed_old.get(account) != Some(&life);
                    if let (true, Some(heard)) = (is_first, heard) {
                        spoken.heard.entry(account.clone()).or_insert(heard);
                    }
                }
                Some(_) | None => {}
            }
        }
        host.on_event(incoming);
    }

    /// What the house wrote down of everything that breaks its rule, held against what became of it.
    async fn keeps_order(&self) {
        let (spam, places) = {
            let truth = self.world.truth();
            let spam = truth.said.values().filter(|spoken| spoken.spam).cloned();
            (spam.collect::<Vec<_>>(), truth.disk.places.clone())
        };
        for spoken in spam {
            let rooms = places
                .iter()
                .filter(|(address, _)| address.chat == spoken.chat);
            let mut cases = Vec::new();
            for (_, room) in rooms {
                let case = self.disk.case_about(*room, &spoken.label).await;
                cases.extend(case.expect("the cases open"));
            }
            self.world
                .truth()
                .was_dealt_with(&spoken, &cases, &self.world.faults);
        }
    }

    /// Nothing goes wrong any more: everything that was begun comes to its end by itself.
    async fn calms_down(&self, host: &Arc<Host>, awake_since: Duration) -> End {
        let world = &self.world;
        self.link(Connection::Online);
        {
            let mut truth = world.truth();
            truth.calm = true;
            truth.note("house", "all is calm".into());
        }
        let until = world.truth().now() + CALM;
        while world.truth().now() < until {
            let now = world.truth().now();
            let next = world.truth().next().unwrap_or(until).min(now + STEP);
            let at = world.truth().instant(next);
            tokio::time::sleep_until(at).await;
            let act = world.truth().due();
            if let Some(act) = act {
                self.acts(host, act);
            }
            world.truth().after_a_step(awake_since);
            if !world.truth().broken.is_empty() {
                return End::Over;
            }
        }
        self.keeps_order().await;
        let totals = self.disk.totals().await.expect("the books open");
        world.truth().in_the_end(totals);
        host.shut_down().await;
        self.looks_who_was_greeted().await;
        End::Over
    }

    /// Whether each room that counts as greeted has seen the notice; where a lie or a loss may hide it nobody asks.
    async fn looks_who_was_greeted(&self) {
        let faults = &self.world.faults;
        if faults.lies_ok > 0 || faults.no_history {
            return;
        }
        let places = self.world.truth().disk.places.clone();
        for (address, room) in places {
            let opening = Opening {
                kind: kind_of(&address.chat),
                address: address.clone(),
                platform: PLATFORM,
                new_room: room,
                day: self.world.now(),
            };
            let opened = self
                .disk
                .open_room(HostId(room.0), opening, self.world.now());
            let opened = opened.await.expect("the room opens");
            if opened.greeted {
                self.world.truth().was_greeted(&address.chat, room);
            }
        }
    }
}

thread_local! {
    static PANICS: Cell<u64> = const { Cell::new(0) };
}

/// A panic in a task of the runtime is caught there: it is counted on the thread it happened on.
fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.set(PANICS.get() + 1);
            usual(info);
        }));
    });
}

/// What became of many evenings.
#[derive(Default)]
pub struct Many {
    pub questions: u64,
    pub lives: u64,
    /// Those that were not good.
    pub bad: Vec<Evening>,
}

/// Plays many evenings on so many threads.
pub fn play_many(seeds: std::ops::Range<u64>, threads: usize) -> Many {
    let next = AtomicU64::new(seeds.start);
    let many = Mutex::new(Many::default());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if !seeds.contains(&seed) {
                return;
            }
            let evening = play(seed);
            let mut many = many.lock().expect("no panic");
            many.questions += evening.questions;
            many.lives += evening.lives;
            if !evening.broken.is_empty() {
                many.bad.push(evening);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let mut many = many.into_inner().expect("no panic");
    many.bad.sort_by_key(|evening| evening.seed);
    many
}
