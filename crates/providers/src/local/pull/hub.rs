//! The route through a model hub or its mirror: one file over HTTP, taken up again where it broke off.
//! Nothing that a hub says is believed but its bytes, and those only once their hash is proved: a wrong length, a
//! page in place of a file or a way out of TLS ends the route before a byte of it is kept. Sends no key and no name.

use std::fs::{self, File};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, LOCATION, RANGE,
};
use reqwest::{Client, Response, StatusCode, Url};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::{info, warn};

use super::hashing::{HashingFile, blocking, remove};
use super::{Cache, OnProgress, Progress, RouteError};
use crate::local::catalogue::{Hubs, Model, Sha256Hex};

/// How a hub lays out its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `BASE/REPO/resolve/REVISION/FILE`.
    HuggingFace,
    /// `BASE/models/REPO/resolve/master/FILE`.
    ModelScope,
}

/// One hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hub {
    pub layout: Layout,
    /// Without a slash at its end.
    pub base: String,
    pub times: HubTimes,
}

/// The limits on a hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubTimes {
    /// To connect, and for the beginning of each answer.
    pub connect: Duration,
    pub answer: Duration,
    /// From one piece of the file to the next.
    pub stall: Duration,
}

impl Default for HubTimes {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(20),
            stall: Duration::from_secs(30),
        }
    }
}

/// No way to a file goes over more signposts.
const REDIRECTS: usize = 5;
/// A file that breaks off is taken up again so often, and only if something came meanwhile.
const RESUMES: usize = 20;
/// Progress is told after so many bytes.
const TELL_EVERY: u64 = 1 << 20;
/// Pieces that wait for the disk.
const PIECES: usize = 16;
/// Every file of the catalogue begins so.
const MAGIC: &[u8] = b"GGUF";

/// Which hubs there are, and in which order: the environment's say, as data.
#[derive(Debug, Clone, Default)]
pub struct HubEnvironment {
    /// A mirror that is laid out like Hugging Face.
    pub hf_endpoint: Option<String>,
    /// A mirror that is laid out like ModelScope.
    pub modelscope_endpoint: Option<String>,
    /// Such as `zh_CN.UTF-8`.
    pub locale: Option<String>,
    /// Such as `Asia/Shanghai`.
    pub zone: Option<String>,
}

impl HubEnvironment {
    pub fn of_this_process() -> Self {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            hf_endpoint: set("HF_ENDPOINT"),
            modelscope_endpoint: set("MODELSCOPE_ENDPOINT"),
            locale: set("LC_ALL").or_else(|| set("LANG")),
            zone: jiff::tz::TimeZone::try_system()
                .ok()
                .and_then(|zone| zone.iana_name().map(str::to_owned)),
        }
    }

    /// The hubs in the order they are asked: from China the one in China first.
    pub fn hubs(&self, known: &Hubs) -> Vec<Hub> {
        let hub = |layout, set: &Option<String>, base: &str| Hub {
            layout,
            base: set.as_deref().unwrap_or(base).trim_end_matches('/').into(),
            times: HubTimes::default(),
        };
        let mut hubs = vec![
            hub(Layout::HuggingFace, &self.hf_endpoint, &known.huggingface),
            hub(
                Layout::ModelScope,
                &self.modelscope_endpoint,
                &known.modelscope,
            ),
        ];
        if self.is_china() {
            hubs.reverse();
        }
        hubs
    }

    fn is_china(&self) -> bool {
        const ZONES: [&str; 6] = [
            "Asia/Shanghai",
            "Asia/Urumqi",
            "Asia/Chongqing",
            "Asia/Harbin",
            "Asia/Kashgar",
            "PRC",
        ];
        let zone = self.zone.as_deref().unwrap_or_default();
        let locale = self.locale.as_deref().unwrap_or_default();
        ZONES.contains(&zone) || locale.starts_with("zh_CN")
    }
}

impl Hub {
    pub(super) fn name(&self) -> &'static str {
        match self.layout {
            Layout::HuggingFace => "huggingface",
            Layout::ModelScope => "modelscope",
        }
    }

    /// Where the model's file is.
    fn url(&self, model: &Model) -> Result<Url, RouteError> {
        let (base, repo, file) = (&self.base, &model.hub.repo, &model.file);
        let text = match self.layout {
            Layout::HuggingFace => {
                format!("{base}/{repo}/resolve/{}/{file}", model.hub.revision)
            }
            Layout::ModelScope => format!("{base}/models/{repo}/resolve/master/{file}"),
        };
        let bad = |why: &str| RouteError::Hub(format!("{text} is no address: {why}"));
        let url = Url::parse(&text).map_err(|error| bad(&error.to_string()))?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(bad("write https://… or http://…"));
        }
        Ok(url)
    }

    fn client(&self, url: &Url) -> Result<Client, RouteError> {
        // reqwest panics without a process-wide choice; whoever chose before us is right.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .gzip(false)
            .connect_timeout(self.times.connect);
        if url
            .host_str()
            .is_some_and(|host| ["localhost", "127.0.0.1", "[::1]"].contains(&host))
        {
            builder = builder.no_proxy();
        }
        builder
            .build()
            .map_err(|error| RouteError::Hub(format!("no connection can be made: {error}")))
    }

    /// Asks for the file from a byte on, following signposts as far as they may be followed.
    async fn ask(&self, client: &Client, start: &Url, from: u64) -> Result<Response, RouteError> {
        let mut url = start.clone();
        for _ in 0..=REDIRECTS {
            let mut request = client.get(url.clone()).header(ACCEPT_ENCODING, "identity");
            if from > 0 {
                request = request.header(RANGE, format!("bytes={from}-"));
            }
            let response = timeout(self.times.answer, request.send())
                .await
                .map_err(|_| RouteError::Stalled {
                    limit: self.times.answer,
                })?
                .map_err(|error| RouteError::Hub(innermost(&error)))?;
            if !response.status().is_redirection() {
                return Ok(response);
            }
            url = follow(&url, response.headers())?;
        }
        Err(RouteError::Hub(format!(
            "it points on and on, more than {REDIRECTS} times"
        )))
    }
}

/// Where a signpost leads: never out of TLS, never to anything but HTTP.
fn follow(from: &Url, headers: &HeaderMap) -> Result<Url, RouteError> {
    let wrong = |why: String| RouteError::Hub(why);
    let location = headers
        .get(LOCATION)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(|| wrong("it points on, but not where".into()))?;
    let to = from
        .join(location)
        .map_err(|error| wrong(format!("it points to no address: {error}")))?;
    match (from.scheme(), to.scheme()) {
        (_, "https") | ("http", "http") => Ok(to),
        ("https", "http") => Err(wrong(format!(
            "it points out of TLS, to {}",
            to.host_str().unwrap_or("nowhere")
        ))),
        (_, scheme) => Err(wrong(format!("it points to a {scheme} address"))),
    }
}

/// What an answer to a question for bytes from `from` on means.
enum Offer {
    /// The bytes from there on.
    Rest,
    /// The whole file from its beginning: ranges are not known there.
    Whole,
    /// It has no such bytes: its file is shorter than what we have.
    TooShort,
}

/// Reads an answer's head; what cannot be the model's file is refused before a byte of it is kept.
fn offered(response: &Response, from: u64, model: &Model) -> Result<Offer, RouteError> {
    let status = response.status();
    let headers = response.headers();
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let wrong = |why: String| Err(RouteError::Hub(why));
    match status {
        StatusCode::OK | StatusCode::PARTIAL_CONTENT => {}
        StatusCode::RANGE_NOT_SATISFIABLE => return Ok(Offer::TooShort),
        status => return wrong(format!("it answers {status}")),
    }
    if text(CONTENT_TYPE).is_some_and(|kind| kind.starts_with("text/html")) {
        return wrong(
            "it gives a page in place of the file; does this network ask for a log-in?".into(),
        );
    }
    if let Some(coding) = text(CONTENT_ENCODING).filter(|coding| *coding != "identity") {
        return wrong(format!("it packs the file as {coding}, unasked"));
    }
    if status == StatusCode::PARTIAL_CONTENT {
        let range = text(CONTENT_RANGE).unwrap_or_default();
        let expected = format!("bytes {from}-{}/{}", model.bytes - 1, model.bytes);
        if from == 0 || range != expected {
            return wrong(format!("it offers \"{range}\" and not \"{expected}\""));
        }
        return Ok(Offer::Rest);
    }
    match response.content_length() {
        Some(length) if length != model.bytes => Err(RouteError::Length {
            found: length,
            expected: model.bytes,
        }),
        Some(_) | None if from == 0 => Ok(Offer::Rest),
        Some(_) | None => Ok(Offer::Whole),
    }
}

/// How a body ended.
enum Ended {
    /// All bytes are here.
    Whole,
    /// It broke off; what came is kept.
    Broken(RouteError),
    /// It was not the model's file; nothing of it is kept.
    Refused(RouteError),
}

impl Cache {
    pub(super) async fn fetch_hub(
        &self,
        model: &Model,
        hub: &Hub,
        lock: &Arc<File>,
        progress: OnProgress<'_>,
    ) -> Result<(), RouteError> {
        let url = hub.url(model)?;
        let client = hub.client(&url)?;
        let here = fs::metadata(self.file(model, "part")).map_or(0, |part| part.len());
        let mut from = here.min(model.bytes);
        let mut was_here = from > 0;
        loop {
            let fetched = Fetch {
                cache: self,
                model,
                hub,
                client: &client,
                url: &url,
                lock,
                progress,
            };
            let found = match fetched.from(&mut from).await? {
                Some(found) => found,
                None if was_here => {
                    // Their file is shorter than ours: one of the two is not the model.
                    (from, was_here) = (0, false);
                    continue;
                }
                None => {
                    return Err(RouteError::Hub("it has no such file in this length".into()));
                }
            };
            if found == model.sha256 {
                return Ok(());
            }
            remove(&self.file(model, "part"));
            if !was_here {
                return Err(RouteError::Lied {
                    expected: model.sha256.clone(),
                    found,
                });
            }
            // What lay here from before may have been the wrong half (a crash, another route).
            warn!(model = %model.name, "what was left of an earlier pull was damaged; fetching all of it again");
            (from, was_here) = (0, false);
        }
    }
}

/// One model from one hub.
struct Fetch<'a> {
    cache: &'a Cache,
    model: &'a Model,
    hub: &'a Hub,
    client: &'a Client,
    url: &'a Url,
    lock: &'a Arc<File>,
    progress: OnProgress<'a>,
}

impl Fetch<'_> {
    /// Fetches from a byte on until the file is whole, taking it up again where it breaks off; its hash then.
    /// Nothing if the hub has less than we had. `from` goes to 0 where the hub knows no ranges.
    async fn from(&self, from: &mut u64) -> Result<Option<Sha256Hex>, RouteError> {
        let path = self.cache.file(self.model, "part");
        let (keep, at) = (path.clone(), *from);
        let mut file = blocking(move || HashingFile::resume(&keep, at))
            .await
            .map_err(RouteError::Disk)?;
        let mut done = *from;
        let mut asked = 0;
        loop {
            self.tell(done);
            if done == self.model.bytes {
                return blocking(move || file.finish())
                    .await
                    .map(Some)
                    .map_err(RouteError::Disk);
            }
            if asked > RESUMES {
                let why = format!("it broke off more than {RESUMES} times");
                return Err(RouteError::Hub(why));
            }
            asked += 1;
            let response = self.hub.ask(self.client, self.url, done).await?;
            match offered(&response, done, self.model)? {
                Offer::Rest => {}
                Offer::TooShort => return Ok(None),
                Offer::Whole => {
                    info!(model = %self.model.name, route = self.hub.name(), "the hub knows no ranges; fetching all of it again");
                    let again = path.clone();
                    file = blocking(move || HashingFile::resume(&again, 0))
                        .await
                        .map_err(RouteError::Disk)?;
                    (done, *from) = (0, 0);
                }
            }
            let before = done;
            let (kept, ended) = self.body(response, file, &mut done).await?;
            file = kept;
            match ended {
                Ended::Whole => {}
                Ended::Broken(error) if done == before => return Err(error),
                Ended::Broken(error) => {
                    warn!(model = %self.model.name, route = self.hub.name(), "{error}; going on after {done} bytes");
                }
                Ended::Refused(error) => {
                    remove(&path);
                    return Err(error);
                }
            }
        }
    }

    /// One answer's body → the file, on a thread that may wait for the disk.
    async fn body(
        &self,
        mut response: Response,
        mut file: HashingFile,
        done: &mut u64,
    ) -> Result<(HashingFile, Ended), RouteError> {
        let (pieces, mut written) = mpsc::channel::<Bytes>(PIECES);
        // If this future is dropped, what has come is still written, and so must be the lock.
        let lock = Arc::clone(self.lock);
        let writer = blocking(move || {
            let _lock = lock;
            while let Some(piece) = written.blocking_recv() {
                file.write_all(&piece)?;
            }
            Ok(file)
        });
        tokio::pin!(writer);
        let mut told = *done;
        let ended = loop {
            let piece = tokio::select! {
                // The disk is full, or worse: its error is the writer's own.
                stopped = &mut writer => {
                    return stopped.map(|file| (file, Ended::Whole)).map_err(RouteError::Disk);
                }
                piece = timeout(self.hub.times.stall, response.chunk()) => piece,
            };
            let piece = match piece {
                Ok(Ok(Some(piece))) => piece,
                Ok(Ok(None)) if *done == self.model.bytes => break Ended::Whole,
                Ok(Ok(None)) => break Ended::Broken(RouteError::Hub("it ended too early".into())),
                Ok(Err(error)) => break Ended::Broken(RouteError::Hub(innermost(&error))),
                Err(_) => {
                    break Ended::Broken(RouteError::Stalled {
                        limit: self.hub.times.stall,
                    });
                }
            };
            if *done == 0 && !piece.starts_with(&MAGIC[..MAGIC.len().min(piece.len())]) {
                let why = "it gives something that is no GGUF file";
                break Ended::Refused(RouteError::Hub(why.into()));
            }
            *done += piece.len() as u64;
            if *done > self.model.bytes {
                break Ended::Refused(RouteError::Length {
                    found: *done,
                    expected: self.model.bytes,
                });
            }
            if pieces.send(piece).await.is_err() {
                continue;
            }
            if *done - told >= TELL_EVERY {
                told = *done;
                self.tell(*done);
            }
        };
        drop(pieces);
        let file = writer.await.map_err(RouteError::Disk)?;
        Ok((file, ended))
    }

    fn tell(&self, done_bytes: u64) {
        (self.progress)(Progress {
            route: self.hub.name(),
            done_bytes,
            total_bytes: self.model.bytes,
        });
    }
}

/// The cause of a failure in short; the outer ones repeat the address.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let during = if error.is_connect() {
        "cannot connect"
    } else {
        "the connection broke"
    };
    format!("{during}: {cause}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::Catalogue;

    fn header(location: &str) -> HeaderMap {
        HeaderMap::from_iter([(LOCATION, location.parse().unwrap())])
    }

    #[test]
    fn a_signpost_never_leads_out_of_tls() {
        let check = |from: &str, location: &str| {
            follow(&Url::parse(from).unwrap(), &header(location))
                .map_or_else(|error| error.to_string(), |url| url.to_string())
        };
        let hub = "https://hub.example/a/resolve/1/b.gguf";
        assert_eq!(check(hub, "/c?d=e"), "https://hub.example/c?d=e");
        assert_eq!(check(hub, "https://cdn.example/c"), "https://cdn.example/c");
        assert_eq!(check(hub, "//cdn.example/c"), "https://cdn.example/c");
        assert_eq!(
            check(hub, "http://cdn.example/c"),
            "it points out of TLS, to cdn.example"
        );
        assert_eq!(
            check(hub, "file:///etc/passwd"),
            "it points to a file address"
        );
        let inside = "http://mirror.lan/b.gguf";
        assert_eq!(check(inside, "http://store.lan/b"), "http://store.lan/b");
        assert_eq!(check(inside, "https://store.lan/b"), "https://store.lan/b");
        assert_eq!(
            check(inside, "ftp://store.lan/b"),
            "it points to a ftp address"
        );
        let nowhere = follow(&Url::parse(hub).unwrap(), &HeaderMap::new()).unwrap_err();
        assert_eq!(nowhere.to_string(), "it points on, but not where");
    }

    #[test]
    fn every_model_has_its_address_on_every_hub_and_mirror() {
        let known = &Catalogue::built_in().hubs;
        let tiny = Catalogue::built_in().get("tiny").unwrap();
        let urls = |environment: HubEnvironment| -> Vec<String> {
            let hubs = environment.hubs(known).into_iter();
            hubs.map(|hub| hub.url(tiny).unwrap().to_string()).collect()
        };
        let (hf, scope) = (&known.huggingface, &known.modelscope);
        let (repo, revision, file) = (&tiny.hub.repo, &tiny.hub.revision, &tiny.file);
        let from_hf = format!("{hf}/{repo}/resolve/{revision}/{file}");
        let from_scope = format!("{scope}/models/{repo}/resolve/master/{file}");
        assert_eq!(urls(HubEnvironment::default()), [&*from_hf, &*from_scope]);
        for (locale, zone) in [
            (Some("zh_CN.UTF-8"), None),
            (Some("en_GB.UTF-8"), Some("Asia/Shanghai")),
        ] {
            let china = HubEnvironment {
                locale: locale.map(str::to_owned),
                zone: zone.map(str::to_owned),
                ..HubEnvironment::default()
            };
            assert_eq!(urls(china), [&*from_scope, &*from_hf]);
        }
        let mirrored = HubEnvironment {
            hf_endpoint: Some("http://mirror.lan/hf/".into()),
            ..HubEnvironment::default()
        };
        assert_eq!(
            urls(mirrored)[0],
            format!("http://mirror.lan/hf/{repo}/resolve/{revision}/{file}")
        );
        let broken = HubEnvironment {
            hf_endpoint: Some("mirror.lan".into()),
            ..HubEnvironment::default()
        };
        assert!(broken.hubs(known)[0].url(tiny).is_err());
    }
}
