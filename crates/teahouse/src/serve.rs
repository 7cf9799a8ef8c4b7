//! Wiring: settings → store, providers, adapters, host, port. What each part does is its own business; here they
//! meet, start in order and stop in order.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::SecretString;
use teahouse_adapters::onebot::{self, OneBot};
use teahouse_adapters::parlour::{LocalShown, LocalStanding};
use teahouse_adapters::parlour::{Parlour, ParlourError};
use teahouse_adapters::terminal::{TERMINAL, Terminal};
use teahouse_adapters::{Adapter, EventSink, Incoming};
use teahouse_core::{Charter, Nano, Pace};
use teahouse_providers::local::{
    CacheEnvironment, Choice, LocalConfig, LocalModel, LocalProvider, LocalState,
};
use teahouse_providers::openai::SetupError;
use teahouse_providers::{Gateway, OpenAi, Parrot, Provider, openai};
use teahouse_store::{EmbeddedStore, Standing, Store, StoreError};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::clock::{Clock, Ids, SystemClock};
use crate::config::{Api, House, ProviderSettings, Settings};
use crate::console;
use crate::console::Console;
use crate::console::owner::{Owner, Wrong};
use crate::control::{self, KnockShown, Reply};
use crate::host::{Host, Parts};
use crate::logs;
use crate::parlour::{self, Models};
use crate::port::Port;
use crate::reload::{self, Again, Reloader};
use crate::script::{Played, Script, Stage};

/// Events that may wait for the house.
const EVENTS: usize = 8_192;
/// … and beside them those that may be questions.
const RESERVE: usize = 1_024;
/// Links, and after them connections, get so long to say goodbye: with all that goes before, a house is closed within
/// ten seconds.
const GOODBYE: Duration = Duration::from_secs(1);
/// A local model reads its prompt slowly.
const LOCAL_FIRST_TOKEN: Duration = Duration::from_secs(90);

/// Why a house cannot open.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The port.
    #[error("cannot listen on {address}; choose another server.listen, or stop what listens there")]
    Listen {
        /// Where.
        address: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The control socket.
    #[error("cannot open the control socket \"{path}\"")]
    Control {
        /// Where.
        path: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A provider.
    #[error("provider \"{name}\" cannot be set up")]
    Provider {
        /// Which.
        name: String,
        /// Why not.
        #[source]
        source: SetupError,
    },
    /// The parlour.
    #[error("the parlour cannot be opened")]
    Parlour(#[from] ParlourError),
    /// The owner's link.
    #[error("the owner's one-time link cannot be made")]
    Owner(#[from] Wrong),
    /// The local model.
    #[error("the local model \"{model}\" cannot be set up: {why}")]
    Local {
        /// Which.
        model: String,
        /// Why not.
        why: String,
    },
}

/// A house with everything around it, not yet listening.
pub struct Founding {
    /// The journey.
    pub host: Arc<Host>,
    /// The operator's own terminal.
    pub terminal: Arc<Terminal>,
    /// How the local model stands, if there is one.
    pub local: Option<watch::Receiver<LocalState>>,
    parlour: Arc<Parlour>,
    models: Arc<Models>,
    accounts: Vec<Arc<OneBot>>,
    sink: EventSink,
    intake: (mpsc::Receiver<Incoming>, mpsc::Receiver<Incoming>),
    tasks: TaskTracker,
    hearing: CancellationToken,
    links: CancellationToken,
}

impl Founding {
    /// Opens the store and sets everything up. Nothing is heard or said yet.
    pub async fn open(settings: &Settings, data: &Path) -> Result<Self, ServeError> {
        let clock = Arc::new(SystemClock);
        let ids = Ids::random();
        let store: Arc<dyn Store> = Arc::new(EmbeddedStore::open(data, clock.now())?);
        let tasks = TaskTracker::new();
        let links = CancellationToken::new();
        let mut local = None;
        let mut providers: Vec<Arc<dyn Provider>> = Vec::new();
        for provider in &settings.providers {
            providers.push(set_up(provider, data, &tasks, &links, &mut local)?);
        }
        let terminal = Arc::new(Terminal::new(ids.next(clock.now()).to_string()));
        let mut accounts = Vec::new();
        let mut adapters: Vec<(Arc<dyn Adapter>, Pace)> = vec![(terminal.clone(), Pace::Off)];
        for account in &settings.accounts {
            let learned = store.fact(&learned_id(account.name.as_str())).await?;
            let one_bot = OneBot::new(onebot::Config {
                name: account.name.clone(),
                id: account.id.clone().or(learned),
                token: account.token.clone(),
                dial: account.dial.clone(),
            });
            adapters.push((one_bot.clone(), account.pace));
            accounts.push(one_bot);
        }
        let parlour =
            parlour::open(store.clone(), clock.clone(), data, settings.server.language).await?;
        adapters.push((parlour.clone(), Pace::Off));
        let credits = settings.providers.iter().filter_map(|provider| {
            let credit = provider.credit.as_ref()?;
            Some((provider.name.clone(), credit.amount))
        });
        let host = Host::new(Parts {
            store,
            clock,
            ids,
            houses: with_our_own(&settings.houses),
            language: settings.server.language,
            routes: settings.routes.clone(),
            credits: credits.collect::<HashMap<String, Nano>>(),
            secrets: secrets(settings),
            gateway: Gateway::new(providers),
            adapters,
        });
        let (all, events) = mpsc::channel(EVENTS);
        let (reserve, questions) = mpsc::channel(RESERVE);
        let calls = host.clone();
        let sink = EventSink::new(all, reserve, move |message, us| {
            calls.may_be_called(message, us)
        });
        let models = Arc::new(Models::new(parlour.clone(), host.clone(), &settings.routes));
        Ok(Founding {
            host,
            terminal,
            local,
            parlour,
            models,
            accounts,
            sink,
            intake: (events, questions),
            tasks,
            hearing: CancellationToken::new(),
            links,
        })
    }

    /// Takes up what was left, and starts to hear.
    pub async fn start(self) -> Result<Open, ServeError> {
        let Founding {
            host,
            terminal,
            local,
            parlour,
            models,
            accounts,
            sink,
            intake,
            tasks,
            hearing,
            links,
        } = self;
        models.restore();
        parlour.hears(sink.clone());
        host.start().await?;
        let taken = watch::Sender::new(0);
        let taking = taken.subscribe();
        tasks.spawn(take_in(host.clone(), intake, taken, hearing.clone()));
        let (sits, hears, stop) = (parlour.clone(), sink.clone(), links.clone());
        tasks.spawn(async move { sits.run(hears, stop).await });
        if let Some(local) = local.clone() {
            tasks.spawn(parlour::show_local(parlour.clone(), local, links.clone()));
        } else {
            // Nothing is missing where nothing is wanted.
            parlour.show_local(&LocalShown {
                state: LocalStanding::Ready,
                percent: None,
            });
        }
        for account in &accounts {
            let (account, sink, links) = (account.clone(), sink.clone(), links.clone());
            tasks.spawn(keep_id(host.clone(), account.clone(), links.clone()));
            tasks.spawn(async move { account.run(sink, links).await });
        }
        Ok(Open {
            host,
            terminal,
            local,
            parlour,
            models,
            sink,
            taking,
            accounts,
            tasks,
            hearing,
            links,
        })
    }
}

/// A house that hears and answers.
pub struct Open {
    /// The journey.
    pub host: Arc<Host>,
    /// The operator's own terminal.
    pub terminal: Arc<Terminal>,
    /// How the local model stands, if there is one.
    pub local: Option<watch::Receiver<LocalState>>,
    /// The rooms in the browser.
    pub parlour: Arc<Parlour>,
    /// Who may answer there.
    pub models: Arc<Models>,
    sink: EventSink,
    taking: watch::Receiver<u64>,
    accounts: Vec<Arc<OneBot>>,
    tasks: TaskTracker,
    hearing: CancellationToken,
    links: CancellationToken,
}

impl Open {
    /// Asks a question on the terminal, through the whole journey; what the room would see comes back.
    pub async fn ask(&self, question: &str) -> Vec<String> {
        self.host.on_event(self.terminal.asks(question));
        self.host.at_rest(&self.terminal.address()).await;
        self.terminal.take_said()
    }

    /// How the house is, and who was turned away lately.
    pub(crate) async fn health(&self) -> Result<Reply, StoreError> {
        let mut reply = self.host.health().await?;
        if let Reply::Health { knocks, .. } = &mut reply {
            let all = self.accounts.iter();
            *knocks = all
                .flat_map(|account| {
                    let name = account.account().to_string();
                    account
                        .knocks()
                        .into_iter()
                        .map(move |knock| KnockShown::of(&name, &knock))
                })
                .collect();
            knocks.sort_by_key(|knock| knock.seconds_ago);
        }
        Ok(reply)
    }

    /// Plays a script in a room of its own.
    pub async fn play(&self, script: &Script) -> Played {
        self.stage().play(script).await
    }

    /// Where scripts are played.
    pub fn stage(&self) -> Stage {
        Stage {
            parlour: self.parlour.clone(),
            models: self.models.clone(),
            host: self.host.clone(),
            sink: self.sink.clone(),
            taking: self.taking.clone(),
        }
    }

    /// Closes in order: hear nothing new, let turns and deliveries go, then the links.
    pub async fn close(&self) {
        self.hearing.cancel();
        self.host.shut_down().await;
        self.links.cancel();
        self.tasks.close();
        if tokio::time::timeout(GOODBYE, self.tasks.wait())
            .await
            .is_err()
        {
            warn!("some links did not close in time");
        }
    }
}

/// Serves until told to stop.
pub async fn serve(
    settings: Settings,
    data: PathBuf,
    numbers: Option<PrometheusHandle>,
    again: Again,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    for warning in &settings.warnings {
        warn!("look at this: {warning}");
    }
    let house = Founding::open(&settings, &data).await?;
    let kept = reload::kept(&house.host, &settings).await?;
    let reloader = Arc::new(Reloader::new(
        again.file,
        |name| std::env::var(name).ok(),
        &settings,
        again.looks,
        house.host.clone(),
        reload::lasting(&house.host, kept),
    ));
    let listen = &settings.server.listen;
    let failed = |source| ServeError::Listen {
        address: listen.clone(),
        source,
    };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let ready = Arc::new(AtomicBool::new(false));
    let console = Console {
        ready: ready.clone(),
        disk: house.host.store.standing(),
        metrics: settings.server.metrics.clone(),
        numbers,
        accounts: house.accounts.clone(),
    };
    let open = Arc::new(house.start().await?);
    let owner = Arc::new(Owner::new(
        open.host.store.clone(),
        Arc::new(SystemClock),
        &data,
    ));
    let link = owner.first_link(address).await?;
    let control = control::Door::open(
        &data,
        open.clone(),
        owner.clone(),
        reloader.clone(),
        address,
    )?;
    let served = TaskTracker::new();
    let pages = console::rooms::routes(console::rooms::Rooms {
        stage: open.stage(),
        owner: owner.clone(),
        language: settings.server.language,
        clock: Arc::new(SystemClock),
        tasks: served.clone(),
        playing: Arc::default(),
    });
    let browsers = console::guarded(pages, owner, open.parlour.clone(), &settings.server.hosts);
    let routes = Router::new()
        .merge(console.routes())
        .merge(browsers)
        .merge(onebot::routes(open.accounts.clone()))
        .into_make_service_with_connect_info::<SocketAddr>();
    let closing = stop.clone();
    // Axum tells addresses of a listener that is not its own only behind a tap.
    let port = Port::new(listener).tap_io(|_| {});
    served.spawn(async move {
        let served = axum::serve(port, routes)
            .with_graceful_shutdown(async move { closing.cancelled().await });
        if let Err(error) = served.await {
            warn!("the port was closed: {error}");
        }
    });
    let closing = stop.clone();
    served.spawn(control.serve(closing));
    served.spawn(reloader.watch(again.told, stop.clone()));
    ready.store(true, Ordering::Release);
    if let Some(local) = &open.local {
        tell_local(&local.borrow());
    }
    // First the link: whoever waits for "ready" has seen it by then.
    if let Some(link) = link {
        logs::tell(&format!(
            "open this link once to become the owner of this house: {link}"
        ));
    }
    logs::tell(&format!("teahouse is ready on http://{address}"));
    let lost = tokio::select! {
        () = stop.cancelled() => None,
        why = lost(open.host.store.standing()) => Some(why),
    };
    ready.store(false, Ordering::Release);
    if let Some(why) = lost {
        // Nothing can be written any more: not even a goodbye would be remembered.
        let path = data.display().to_string();
        return Err(StoreError::DiskLost { path, why }.into());
    }
    info!("closing");
    open.close().await;
    served.close();
    if tokio::time::timeout(GOODBYE, served.wait()).await.is_err() {
        warn!("some connections did not close in time");
    }
    Ok(())
}

/// Waits until the disk under the store has lost something, and says what was seen.
async fn lost(mut disk: watch::Receiver<Standing>) -> String {
    let found = disk
        .wait_for(|standing| matches!(standing, Standing::Lost { .. }))
        .await;
    match found.as_deref() {
        Ok(Standing::Lost { why }) => why.clone(),
        Ok(Standing::Well | Standing::Waiting { .. }) | Err(_) => "its writer ended".to_owned(),
    }
}

/// Opens the house without its port, plays a script in the parlour, and closes it again.
pub async fn rehearse(
    settings: Settings,
    data: PathBuf,
    script: &Script,
) -> Result<Played, ServeError> {
    let open = Founding::open(&settings, &data).await?.start().await?;
    let played = open.play(script).await;
    open.close().await;
    Ok(played)
}

fn set_up(
    provider: &ProviderSettings,
    data: &Path,
    tasks: &TaskTracker,
    stop: &CancellationToken,
    local: &mut Option<watch::Receiver<LocalState>>,
) -> Result<Arc<dyn Provider>, ServeError> {
    let name = &provider.name;
    let failed = |source| ServeError::Provider {
        name: name.clone(),
        source,
    };
    match &provider.api {
        Api::OpenAi { base_url, key } => {
            let mut config = openai::Config::new(name, base_url);
            config.key = key.clone();
            config.first_token = provider.first_token.unwrap_or(config.first_token);
            Ok(Arc::new(OpenAi::new(config).map_err(failed)?))
        }
        Api::Parrot { act: _ } => {
            let mut parrot = Parrot::new(name);
            if let Some(limit) = provider.first_token {
                parrot = parrot.first_token(limit);
            }
            Ok(Arc::new(parrot))
        }
        Api::Local { model } => {
            let wrong = |why: String| ServeError::Local {
                model: model.clone(),
                why,
            };
            let choice: Choice = model.parse().map_err(wrong)?;
            let cache = CacheEnvironment::of_this_process()
                .models_folder()
                .map_err(|error| wrong(error.to_string()))?;
            let config = LocalConfig::new(choice, cache, socket_folder(data));
            let clock = SystemClock;
            let model = LocalModel::new(config, tasks, stop.clone(), move || clock.now())
                .map_err(|error| wrong(error.to_string()))?;
            *local = Some(model.state());
            let first_token = provider.first_token.unwrap_or(LOCAL_FIRST_TOKEN);
            Ok(Arc::new(
                LocalProvider::new(name, model, first_token).map_err(failed)?,
            ))
        }
    }
}

/// Every key and token of the settings: none of them is ever said.
fn secrets(settings: &Settings) -> Vec<SecretString> {
    let keys = settings
        .providers
        .iter()
        .filter_map(|provider| match &provider.api {
            Api::OpenAi { key, .. } => key.clone(),
            Api::Local { .. } | Api::Parrot { .. } => None,
        });
    let tokens = settings
        .accounts
        .iter()
        .map(|account| account.token.clone());
    keys.chain(tokens).collect()
}

/// A socket's path has 107 bytes: a deep data folder does not fit.
fn socket_folder(data: &Path) -> PathBuf {
    if data.as_os_str().len() < 60 {
        data.to_owned()
    } else {
        std::env::temp_dir()
    }
}

/// The houses of the settings, and after them those that every house has: its parlour and its terminal.
pub(crate) fn with_our_own(houses: &[House]) -> Vec<House> {
    let own = [parlour::house(houses), terminal_house(houses)];
    houses.iter().cloned().chain(own).collect()
}

/// The house of the operator's terminal: the first house's charter, without its quiet hours and daily count.
fn terminal_house(houses: &[House]) -> House {
    let first = houses.first();
    let mut charter =
        first.map_or_else(Charter::open_table, |house| Charter::clone(&house.charter));
    charter.quiet.clear();
    charter.purse.questions_per_member_per_day = u32::MAX;
    match first {
        Some(first) => {
            let mut house = first.elsewhere(TERMINAL);
            house.charter = Arc::new(charter);
            house
        }
        None => House::of_account(TERMINAL, charter),
    }
}

fn tell_local(state: &LocalState) {
    match state {
        LocalState::Missing => {
            warn!(
                "the local model is not here yet; `teahouse model pull` fetches it, or the first question does"
            );
        }
        LocalState::Failed { why } => warn!("the local model cannot run: {why}"),
        LocalState::Fetching { .. }
        | LocalState::Loading
        | LocalState::Ready
        | LocalState::Stopped => {}
    }
}

/// Events from all adapters, one after the other; nothing here waits.
async fn take_in(
    host: Arc<Host>,
    (mut events, mut questions): (mpsc::Receiver<Incoming>, mpsc::Receiver<Incoming>),
    taken: watch::Sender<u64>,
    stop: CancellationToken,
) {
    loop {
        let incoming = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            incoming = questions.recv() => incoming,
            incoming = events.recv() => incoming,
        };
        let Some(incoming) = incoming else { return };
        host.on_event(incoming);
        taken.send_modify(|count| *count += 1);
    }
}

/// Remembers over restarts which account came with the right token.
async fn keep_id(host: Arc<Host>, account: Arc<OneBot>, stop: CancellationToken) {
    let mut id = account.learned_id();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            changed = id.changed() => if changed.is_err() { return },
        }
        let learned = id.borrow_and_update().clone();
        if let Some(learned) = learned {
            let kept = host
                .store
                .keep_fact(&learned_id(account.account().as_str()), &learned)
                .await;
            if let Err(error) = kept {
                warn!(
                    "the id of account `{}` was not kept: {error}",
                    account.account()
                );
            }
        }
    }
}

fn learned_id(account: &str) -> String {
    format!("account/{account}/id")
}

/// A random secret in hexadecimal, for the first start.
pub fn random_token() -> SecretString {
    use rand::RngExt;
    let mut rng = rand::rng();
    let bytes: [u8; 24] = rng.random();
    SecretString::from(
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>(),
    )
}
