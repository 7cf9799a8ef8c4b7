//! A house as a process: started from its binary with a configuration of its own, watched by its standard error,
//! killed the hard way. Real sockets, real files, real clock.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::watch;

use crate::bridge::Options;

/// The token of the house's QQ account.
pub const TOKEN: &str = "test-token-of-the-bridge";

/// What a house is made of on the disk.
pub struct Ground {
    folder: tempfile::TempDir,
    binary: PathBuf,
    /// Environment of every process started here.
    pub environment: HashMap<String, String>,
    /// The charter, as text.
    pub charter: String,
    /// Models in the route's order: provider name and base URL.
    pub models: Vec<(String, String)>,
    /// Who may read `/metrics`, as the settings write it; empty: nobody.
    pub metrics: String,
    /// Further keys of the first provider.
    pub provider: String,
    /// Further keys of the account.
    pub account: String,
    /// Further keys of the house.
    pub house: String,
    /// What a shell does to itself before it becomes the program, such as `ulimit -n 64`; empty: no shell.
    pub shell: String,
    port: u16,
}

impl Ground {
    /// A fresh data folder, a free port, the mildest charter, one model.
    pub fn new(binary: impl Into<PathBuf>, model: &str) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        Ground {
            folder: tempfile::tempdir().expect("a temporary folder"),
            binary: binary.into(),
            environment: HashMap::from([
                ("TEAHOUSE_QQ_TOKEN".into(), TOKEN.into()),
                ("TEAHOUSE_MAIN_KEY".into(), "sk-test-main-0123456789abcdef".into()),
                ("RUST_LOG".into(), "info".into()),
            ]),
            charter: "name = \"open table\"\ntrigger = [\"ai\"]\nroute = \"default\"\n\n[purse]\nquestions_per_member_per_day = 1000000\n"
                .into(),
            models: vec![("main".into(), model.into())],
            metrics: "\"open\"".into(),
            provider: String::new(),
            account: "pace = \"off\"\n".into(),
            house: String::new(),
            shell: String::new(),
            port,
        }
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The configuration file, written anew.
    pub fn configuration(&self) -> PathBuf {
        let metrics = match self.metrics.as_str() {
            "" => String::new(),
            metrics => format!("metrics = {metrics}\n"),
        };
        let mut text = format!(
            "[server]\nlisten = \"127.0.0.1:{}\"\ndata = \"data\"\n{metrics}\n[[account]]\nname = \"qq\"\nprotocol = \
             \"onebot-v11\"\nlisten = true\ntoken = {{ env = \"TEAHOUSE_QQ_TOKEN\" }}\n{}\n",
            self.port, self.account
        );
        let mut models = String::new();
        for (at, (name, url)) in self.models.iter().enumerate() {
            let more = if at == 0 { self.provider.as_str() } else { "" };
            text.push_str(&format!(
                "[[provider]]\nname = \"{name}\"\napi = \"openai\"\nbase_url = \"{url}\"\nkey = {{ env = \"TEAHOUSE_MAIN_KEY\" }}\n{more}\n"
            ));
            models.push_str(&format!(
                "  {{ provider = \"{name}\", model = \"fake-model\", price = {{ input = \"0.15\", output = \"0.60\" }} }},\n"
            ));
        }
        text.push_str(&format!(
            "[[route]]\nname = \"default\"\nmodels = [\n{models}]\n\n"
        ));
        text.push_str(&format!(
            "[[house]]\nrooms = [\"qq:*\"]\ncharter = \"charter.toml\"\n{}",
            self.house
        ));
        let file = self.folder.path().join("teahouse.toml");
        std::fs::write(&file, text).expect("write the configuration");
        std::fs::write(self.folder.path().join("charter.toml"), &self.charter)
            .expect("write the charter");
        file
    }

    /// The port of the house.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where the house listens.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Options for a bridge that dials this house.
    pub fn bridge(&self) -> Options {
        Options::new(format!("ws://127.0.0.1:{}/onebot/v11/ws", self.port), TOKEN)
    }

    /// Starts the house and waits until it says that it is ready.
    pub async fn open(&self) -> House {
        let house = self.start(None);
        house.wait_for_line("ready").await;
        house
    }

    /// Starts the house to be killed at a named place; it may never be ready.
    pub fn open_with_fault(&self, fault: &str) -> House {
        self.start(Some(fault))
    }

    /// Serves a configuration file of your own, ready and armed to be killed at a named place.
    pub async fn serve_with_fault(&self, configuration: &Path, fault: &str) -> House {
        let house = self.serve(configuration, Some(fault));
        house.wait_for_line("ready").await;
        house
    }

    /// Serves a configuration file of your own, and waits until the house says that it is ready.
    pub async fn open_file(&self, configuration: &Path) -> House {
        let house = self.serve(configuration, None);
        house.wait_for_line("ready").await;
        house
    }

    /// Starts the house with a standard error of your own; only what it does tells that it is ready.
    pub fn open_into(&self, stderr: impl Into<Stdio>) -> House {
        let mut command = self.serving(&self.configuration());
        let child = command.stderr(stderr).spawn().expect("start the house");
        House {
            child,
            lines: watch::channel(Vec::new()).1,
        }
    }

    /// Runs any command of the program to its end.
    pub async fn run<I: AsRef<std::ffi::OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = I>,
        input: &[u8],
    ) -> Ran {
        let mut child = self
            .command()
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start the program");
        let mut stdin = child.stdin.take().expect("standard input is piped");
        let work = async {
            let feed = async {
                // Whoever does not read its input closes it.
                let _ = stdin.write_all(input).await;
                drop(stdin);
            };
            tokio::join!(feed, child.wait_with_output()).1
        };
        let output = tokio::time::timeout(LIMIT, work)
            .await
            .expect("the command ends in time")
            .expect("its end can be awaited");
        Ran {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            log: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// One HTTP request, by hand: whatever the house says to it.
    pub async fn knock(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Heard {
        knock(self.port, method, path, headers, b"").await
    }

    /// Fills in a form of the house.
    pub async fn post(&self, path: &str, headers: &[(&str, &str)], form: &str) -> Heard {
        let mut all = vec![("Content-Type", "application/x-www-form-urlencoded")];
        all.extend_from_slice(headers);
        knock(self.port, "POST", path, &all, form.as_bytes()).await
    }

    fn start(&self, fault: Option<&str>) -> House {
        self.serve(&self.configuration(), fault)
    }

    fn command(&self) -> Command {
        let mut command = if self.shell.is_empty() {
            Command::new(&self.binary)
        } else {
            let mut command = Command::new("sh");
            let script = format!("{} && exec \"$0\" \"$@\"", self.shell);
            command.arg("-c").arg(script).arg(&self.binary);
            command
        };
        command
            .env_clear()
            .envs(&self.environment)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    fn serving(&self, configuration: &Path) -> Command {
        let mut command = self.command();
        command
            .arg("serve")
            .arg("--config")
            .arg(configuration)
            .arg("--data")
            .arg(self.data());
        command
    }

    fn serve(&self, configuration: &Path, fault: Option<&str>) -> House {
        let mut command = self.serving(configuration);
        if let Some(fault) = fault {
            command.env("TEAHOUSE_FAULT", fault);
        }
        let mut child = command.spawn().expect("start the house");
        let stderr = child.stderr.take().expect("standard error is piped");
        let (lines, seen) = watch::channel(Vec::new());
        let reader = tokio_util::task::TaskTracker::new();
        reader.spawn(async move {
            let mut read = BufReader::new(stderr).lines();
            while let Ok(Some(line)) = read.next_line().await {
                lines.send_modify(|all: &mut Vec<String>| all.push(line));
            }
        });
        House { child, lines: seen }
    }

    /// A file of the ground, such as a list beside the charter.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Looks into the store of a house that is closed.
    pub async fn store(&self) -> teahouse_store::EmbeddedStore {
        teahouse_store::EmbeddedStore::open(&self.data(), jiff::Timestamp::UNIX_EPOCH)
            .expect("open the closed house's store")
    }

    /// The folder of it all.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// One HTTP request to a port of this machine, and what it answers. A `Host` of your own takes the place of the right one.
pub async fn knock(
    port: u16,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Heard {
    let mut text = format!("{method} {path} HTTP/1.1\r\n");
    if !headers.iter().any(|(name, _)| *name == "Host") {
        text.push_str(&format!("Host: 127.0.0.1:{port}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    let talk = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(text.as_bytes()).await?;
        // A refused body may not be read to its end.
        let _ = stream.write_all(body).await;
        let mut bytes = Vec::new();
        let mut part = [0; 4096];
        loop {
            let read = stream.read(&mut part).await?;
            bytes.extend_from_slice(&part[..read]);
            let heard = Heard::of(&String::from_utf8_lossy(&bytes));
            if read == 0 || heard.as_ref().is_some_and(Heard::is_whole) {
                return std::io::Result::Ok(heard);
            }
        }
    };
    let heard = tokio::time::timeout(LIMIT, talk)
        .await
        .expect("the house answers in time")
        .expect("the house listens");
    heard.expect("the answer has a head")
}

/// A command that has run to its end.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub log: String,
}

/// What the house said to an HTTP request.
#[derive(Debug)]
pub struct Heard {
    /// The status.
    pub status: u16,
    /// The head, in lower case.
    pub head: String,
    /// The body so far.
    pub body: String,
}

impl Heard {
    fn of(text: &str) -> Option<Heard> {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Heard {
            status,
            head: head.to_lowercase(),
            body: body.to_owned(),
        })
    }

    /// A switch to another protocol has no body; everything of ours tells its length.
    fn is_whole(&self) -> bool {
        let length = self
            .head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .and_then(|length| length.parse().ok());
        self.status == 101 || length.is_some_and(|length: usize| self.body.len() >= length)
    }
}

/// A running house.
pub struct House {
    child: Child,
    lines: watch::Receiver<Vec<String>>,
}

/// Nothing here takes longer on a sick machine.
pub const LIMIT: Duration = Duration::from_secs(60);

impl House {
    /// Waits for a line on standard error that contains this.
    pub async fn wait_for_line(&self, part: &str) {
        let mut lines = self.lines.clone();
        let found = lines.wait_for(|lines| lines.iter().any(|line| line.contains(part)));
        let done = tokio::time::timeout(LIMIT, found)
            .await
            .is_ok_and(|found| found.is_ok());
        assert!(
            done,
            "the house never said `{part}`; it said:\n{}",
            self.log().join("\n")
        );
    }

    /// All of standard error so far.
    pub fn log(&self) -> Vec<String> {
        self.lines.borrow().clone()
    }

    /// kill -9, and wait until it is gone.
    pub async fn kill(mut self) {
        let _ = self.child.kill().await;
    }

    /// Waits until it dies by itself, as by a named fault.
    pub async fn wait_until_dead(mut self) -> std::process::ExitStatus {
        let status = tokio::time::timeout(LIMIT, self.child.wait()).await;
        status
            .expect("the house dies in time")
            .expect("its end can be awaited")
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("the house runs")
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.pid().cast_signed()).expect("a pid");
        rustix::process::kill_process(pid, signal).expect("the house can be told");
    }

    /// SIGTERM, and the exit code once it is gone.
    pub async fn terminate(mut self) -> Option<i32> {
        self.signal(rustix::process::Signal::TERM);
        let status = tokio::time::timeout(LIMIT, self.child.wait())
            .await
            .expect("it closes in time");
        status.expect("its end can be awaited").code()
    }
}
