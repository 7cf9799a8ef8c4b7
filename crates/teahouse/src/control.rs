//! The door for commands beside a running house: a Unix socket in the data folder, for its owner alone. One line of
//! JSON in, one line out. It can do nothing that the owner could not do in the room.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use teahouse_adapters::onebot::Knock;
use teahouse_core::FailureKind;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::console::owner::Owner;
use crate::reload::{Reloaded, Reloader};
use crate::serve::{Open, ServeError};

/// The longest request.
const LONGEST: u64 = 64 * 1024;
/// A request is written at once, or not at all.
const READ_LIMIT: Duration = Duration::from_secs(5);

/// What a command asks of a running house.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// One answer on the terminal.
    Ask {
        /// The question.
        question: String,
    },
    /// How are you?
    Health,
    /// A one-time link to choose a new password.
    NewLink,
    /// Read settings and charters again.
    Reload,
    /// Look through the whole audit log.
    AuditVerify,
}

/// What the house says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// What a room would see.
    Said(Vec<String>),
    /// How it is.
    Health {
        /// Which process.
        pid: u32,
        /// Questions taken in, without an end, and messages that wait.
        questions: u64,
        /// Without an end.
        open: u64,
        /// Messages that wait to be sent.
        waiting: u64,
        /// Each account with its connection.
        accounts: Vec<(String, String)>,
        /// Whom others are preferred to.
        #[serde(default)]
        out: Vec<Out>,
        /// Who was turned away lately, the latest first.
        #[serde(default)]
        knocks: Vec<KnockShown>,
        /// What somebody should look at, oldest first.
        #[serde(default)]
        alarms: Vec<String>,
    },
    /// A one-time link.
    Link(String),
    /// What came of reading the files again.
    Reloaded(Reloaded),
    /// How the audit log is.
    Audit {
        /// So many rows.
        rows: u64,
        /// What is wrong, each with the number of its row.
        faults: Vec<(u64, String)>,
    },
    /// It could not be done.
    Refused(String),
}

/// A model of a provider that is not well.
#[derive(Debug, Serialize, Deserialize)]
pub struct Out {
    /// The provider by its name in the settings.
    pub provider: String,
    /// Its model.
    pub model: String,
    /// The kind of failure.
    pub why: FailureKind,
    /// Since when, in seconds before now.
    pub since: u64,
    /// In how many seconds it is tried again.
    pub again: u64,
}

/// Somebody who was turned away, or who turned us away; never with what was shown as a token.
#[derive(Debug, Serialize, Deserialize)]
pub struct KnockShown {
    /// At which account's door.
    pub account: String,
    /// From where; where we dialled, if it was we who were refused.
    pub from: String,
    /// The account it said it was.
    pub claimed: String,
    /// Why not, and what to do.
    pub why: String,
    /// How often.
    pub times: u64,
    /// The last time.
    pub seconds_ago: u64,
}

impl KnockShown {
    pub(crate) fn of(account: &str, knock: &Knock) -> Self {
        KnockShown {
            account: account.to_owned(),
            from: knock.from.clone(),
            claimed: knock.claimed.clone(),
            why: knock.why.to_owned(),
            times: knock.times,
            seconds_ago: knock.at.elapsed().as_secs(),
        }
    }

    /// One line for the operator; what a stranger wrote is shown without anything a terminal would obey.
    pub fn line(&self) -> String {
        let ago = match self.seconds_ago {
            seconds @ 0..60 => format!("{seconds} s"),
            seconds @ 60..3_600 => format!("{} min", seconds / 60),
            seconds => format!("{} h", seconds / 3_600),
        };
        let from = match self.from.as_str() {
            "" => "an unknown address",
            from => from,
        };
        let claimed = match self.claimed.as_str() {
            "" => String::new(),
            claimed => format!(" as {claimed:?}"),
        };
        let times = match self.times {
            1 => String::new(),
            times => format!(", {times} times"),
        };
        format!(
            "refused {ago} ago at {}: {from}{claimed}{times}: {}",
            self.account, self.why
        )
    }
}

/// The listening socket; its file goes with it.
pub struct Door {
    listener: UnixListener,
    path: PathBuf,
    house: Arc<Open>,
    owner: Arc<Owner>,
    reloader: Arc<Reloader>,
    address: SocketAddr,
    /// The terminal shows one answer at a time.
    asking: Arc<Mutex<()>>,
}

/// Where the door of a data folder is.
pub fn path(data: &Path) -> PathBuf {
    data.join("control.sock")
}

impl Door {
    pub(crate) fn open(
        data: &Path,
        house: Arc<Open>,
        owner: Arc<Owner>,
        reloader: Arc<Reloader>,
        address: SocketAddr,
    ) -> Result<Self, ServeError> {
        let path = path(data);
        let failed = |source| ServeError::Control {
            path: path.display().to_string(),
            source,
        };
        // Only who holds the data folder gets here: a file that lies here is a dead process's.
        if path.exists() {
            std::fs::remove_file(&path).map_err(failed)?;
        }
        let listener = UnixListener::bind(&path).map_err(failed)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
        Ok(Door {
            listener,
            path,
            house,
            owner,
            reloader,
            address,
            asking: Arc::default(),
        })
    }

    pub(crate) async fn serve(self, stop: CancellationToken) {
        let callers = tokio_util::task::TaskTracker::new();
        loop {
            let caller = tokio::select! {
                () = stop.cancelled() => break,
                caller = self.listener.accept() => caller,
            };
            match caller {
                Ok((stream, _)) => {
                    let (house, asking, stop) =
                        (self.house.clone(), self.asking.clone(), stop.clone());
                    let (owner, address) = (self.owner.clone(), self.address);
                    let reloader = self.reloader.clone();
                    callers.spawn(async move {
                        tokio::select! {
                            () = stop.cancelled() => {}
                            answered = answer(stream, &house, (&owner, address), &reloader, &asking) => if let Err(error) = answered {
                                warn!("a command was not answered: {error}");
                            },
                        }
                    });
                }
                Err(error) => {
                    warn!("the control socket cannot accept: {error}");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
        callers.close();
        callers.wait().await;
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn answer(
    stream: UnixStream,
    house: &Open,
    (owner, address): (&Owner, SocketAddr),
    reloader: &Arc<Reloader>,
    asking: &Mutex<()>,
) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    let mut reader = BufReader::new(tokio::io::AsyncReadExt::take(reader, LONGEST));
    let read = tokio::time::timeout(READ_LIMIT, reader.read_line(&mut line)).await;
    read.map_err(|_| std::io::ErrorKind::TimedOut)??;
    let reply = match serde_json::from_str(&line) {
        Ok(Request::Ask { question }) => {
            let _one_at_a_time = asking.lock().await;
            Reply::Said(house.ask(&question).await)
        }
        Ok(Request::Health) => house
            .health()
            .await
            .unwrap_or_else(|error| Reply::Refused(error.to_string())),
        Ok(Request::NewLink) => owner
            .new_link(address)
            .await
            .map_or_else(|error| Reply::Refused(error.to_string()), Reply::Link),
        Ok(Request::Reload) => Reply::Reloaded(reloader.reload().await),
        Ok(Request::AuditVerify) => match house.host.store.audit_verify().await {
            Ok(report) => Reply::Audit {
                rows: report.rows,
                faults: report.faults,
            },
            Err(error) => Reply::Refused(error.to_string()),
        },
        Err(error) => Reply::Refused(format!("this request is not understood: {error}")),
    };
    let mut text = serde_json::to_string(&reply)?;
    text.push('\n');
    writer.write_all(text.as_bytes()).await
}

/// Asks a running house; nothing if none runs on this data.
pub async fn ask(data: &Path, request: &Request) -> Option<std::io::Result<Reply>> {
    let stream = UnixStream::connect(path(data)).await.ok()?;
    let talk = async {
        let (reader, mut writer) = stream.into_split();
        let mut text = serde_json::to_string(request)?;
        text.push('\n');
        writer.write_all(text.as_bytes()).await?;
        let mut line = String::new();
        BufReader::new(reader).read_line(&mut line).await?;
        Ok(serde_json::from_str(&line)?)
    };
    Some(talk.await)
}
