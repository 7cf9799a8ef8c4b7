//! Bytes → cache over real sockets, from a hub that lies, stalls, breaks off and points elsewhere.

use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use sha2::{Digest, Sha256};
use teahouse_providers::local::catalogue::{HubFile, Sha256Hex};
use teahouse_providers::local::pull::hub::{Hub, HubTimes, Layout};
use teahouse_providers::local::pull::{Progress, Standing};
use teahouse_providers::local::{Cache, Model, PullError, Route};
use teahouse_testkit::hub::{Answer, FakeHub, Fetched};
use tempfile::TempDir;

use crate::pull::now;

/// Real sockets do not live on simulated time. A starved machine is no failure; where a hub must be given up, the
/// limit in question is small, and nothing else is.
const PATIENT: HubTimes = HubTimes {
    connect: Duration::from_secs(60),
    answer: Duration::from_secs(60),
    stall: Duration::from_secs(60),
};

/// Longer than any buffer on its way.
fn leaves() -> Vec<u8> {
    let mut bytes = b"GGUF ".to_vec();
    bytes.extend((0u32..300_000).flat_map(u32::to_le_bytes));
    bytes
}

/// Two hubs with one file, and an empty cache.
struct Port {
    _folder: TempDir,
    cache: Cache,
    model: Model,
    hub: FakeHub,
    mirror: FakeHub,
    routes: Vec<Route>,
}

impl Port {
    async fn new() -> Self {
        let file = leaves();
        let model = Model {
            name: "leaf".into(),
            title: "Leaf".into(),
            file: "leaf.gguf".into(),
            bytes: file.len() as u64,
            sha256: Sha256Hex::of(Sha256::digest(&file)),
            licence: "Apache-2.0".into(),
            languages: vec!["en".into()],
            hub: HubFile {
                repo: "tea/leaf".into(),
                revision: "r1".into(),
            },
            pypi: Vec::new(),
        };
        let (hub, mirror) = (FakeHub::start(&file).await, FakeHub::start(&file).await);
        let route = |layout, hub: &FakeHub| {
            Route::Hub(Hub {
                layout,
                base: hub.base(),
                times: PATIENT,
            })
        };
        let routes = vec![
            route(Layout::HuggingFace, &hub),
            route(Layout::ModelScope, &mirror),
        ];
        let folder = tempfile::tempdir().unwrap();
        Port {
            cache: Cache::new(folder.path().join("cache")),
            _folder: folder,
            model,
            hub,
            mirror,
            routes,
        }
    }

    /// The first hub is given up after these.
    fn gives_up_after(&mut self, times: HubTimes) {
        let Route::Hub(hub) = &mut self.routes[0] else {
            panic!("the first route is a hub");
        };
        hub.times = times;
    }

    fn part(&self) -> PathBuf {
        let name = format!("{}.part", self.model.sha256);
        self.cache.folder().join(name)
    }

    /// As an earlier pull left it.
    fn had(&self, bytes: &[u8]) {
        fs::create_dir_all(self.cache.folder()).unwrap();
        fs::write(self.part(), bytes).unwrap();
    }

    async fn pull(&self) -> Result<PathBuf, PullError> {
        self.cache
            .pull(&self.model, &self.routes, now(), &|_| ())
            .await
    }

    /// The model is here and proved, and came over this route.
    async fn comes_from(&self, route: &str) {
        let path = self.pull().await.unwrap();
        assert!(fs::read(&path).unwrap() == leaves());
        assert_eq!(self.cache.standing(&self.model), Standing::Sound);
        let proof = fs::read_to_string(path.with_extension("ok")).unwrap();
        assert!(proof.contains(&format!("route = \"{route}\"")), "{proof}");
        assert!(!self.part().exists());
    }

    /// Nothing comes from anywhere, and each route says why.
    async fn fails(&self, why: &str) {
        let error = self.pull().await.unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        assert!(!self.cache.path(&self.model).exists());
    }

    /// The byte each request of the first hub began at.
    fn begins(&self) -> Vec<usize> {
        let fetched = self.hub.fetched().into_iter();
        fetched.map(|fetched| fetched.from.unwrap_or(0)).collect()
    }
}

#[tokio::test]
async fn a_hub_gives_the_file_by_its_own_address() {
    let port = Port::new().await;
    let told = Mutex::new(Vec::new());
    let tell = |progress: Progress| told.lock().unwrap().push(progress.done_bytes);
    port.cache
        .pull(&port.model, &port.routes, now(), &tell)
        .await
        .unwrap();
    let asked = Fetched {
        path: "/tea/leaf/resolve/r1/leaf.gguf".into(),
        from: None,
    };
    assert_eq!(port.hub.fetched(), [asked]);
    assert_eq!(port.mirror.fetched(), []);
    let head = port.hub.heads()[0].to_lowercase();
    assert!(head.contains("accept-encoding: identity"), "{head}");
    assert!(
        !head.contains("authorization") && !head.contains("cookie") && !head.contains("referer"),
        "{head}"
    );
    let told = told.into_inner().unwrap();
    assert!(told.len() >= 3 && told.is_sorted(), "{told:?}");
    assert_eq!((told[0], told[told.len() - 1]), (0, port.model.bytes));
    port.comes_from("huggingface").await;
    assert_eq!(port.hub.fetched().len(), 1, "what is here is not asked for");
}

#[tokio::test]
async fn a_pull_goes_on_where_it_broke_off() {
    let port = Port::new().await;
    port.had(&leaves()[..1_000]);
    port.hub
        .will([Answer::BreaksAfter(50_000), Answer::BreaksAfter(70_000)]);
    port.comes_from("huggingface").await;
    assert_eq!(port.begins(), [1_000, 51_000, 121_000]);
}

#[tokio::test]
async fn a_hub_that_stalls_is_asked_for_the_rest() {
    let mut port = Port::new().await;
    port.gives_up_after(HubTimes {
        stall: Duration::from_millis(200),
        ..PATIENT
    });
    port.hub.will([Answer::StallsAfter(100_000)]);
    port.comes_from("huggingface").await;
    assert_eq!(port.begins()[..2], [0, 100_000]);
}

#[tokio::test]
async fn the_next_hub_goes_on_where_the_last_one_left_off() {
    let port = Port::new().await;
    port.hub
        .will([Answer::BreaksAfter(50_000), Answer::Status(503)]);
    port.comes_from("modelscope").await;
    let asked = Fetched {
        path: "/models/tea/leaf/resolve/master/leaf.gguf".into(),
        from: Some(50_000),
    };
    assert_eq!(port.mirror.fetched(), [asked]);
}

#[tokio::test]
async fn a_hub_without_ranges_begins_again() {
    let port = Port::new().await;
    port.had(&leaves()[..1_000]);
    port.hub.will([Answer::Whole]);
    port.comes_from("huggingface").await;
    assert_eq!(port.begins(), [1_000]);
}

#[tokio::test]
async fn a_damaged_beginning_is_fetched_again_once() {
    let port = Port::new().await;
    port.had(b"GGUF of some other leaf");
    port.comes_from("huggingface").await;
    assert_eq!(port.begins(), [23, 0]);
}

#[tokio::test]
async fn what_is_longer_than_the_model_is_dropped() {
    let port = Port::new().await;
    port.had(&[leaves(), vec![7; 100]].concat());
    port.comes_from("huggingface").await;
    assert!(port.begins().is_empty(), "its beginning was all there");
}

#[tokio::test]
async fn a_416_means_that_one_of_the_two_files_is_wrong() {
    // Ours: the hub's is whole, so a second try from the beginning gives it.
    let port = Port::new().await;
    port.had(&leaves()[..1_000]);
    port.hub.will([Answer::Status(416)]);
    port.comes_from("huggingface").await;
    assert_eq!(port.begins(), [1_000, 0]);

    // Theirs: the next route is asked.
    let port = Port::new().await;
    port.had(&leaves()[..1_000]);
    port.hub.will([Answer::Status(416), Answer::Status(416)]);
    port.comes_from("modelscope").await;
}

#[tokio::test]
async fn what_is_not_the_models_file_is_refused_before_a_byte_is_kept() {
    for (answer, why) in [
        (
            Answer::Other(b"GGUF short".to_vec()),
            "huggingface: its file has 10 bytes or more, and the model 1200005: it is another one",
        ),
        (
            Answer::Page,
            "gives a page in place of the file; does this network ask for a log-in?",
        ),
        (Answer::Packed, "it packs the file as gzip, unasked"),
        (
            Answer::Other(vec![7; 1_200_005]),
            "it gives something that is no GGUF file",
        ),
        (Answer::Status(404), "it answers 404 Not Found"),
        (Answer::Status(500), "it answers 500 Internal Server Error"),
        (Answer::BreaksAfter(0), "the connection broke"),
    ] {
        let port = Port::new().await;
        port.hub.will([answer]);
        port.mirror.will([Answer::Status(503)]);
        port.fails(why).await;
        let left = fs::metadata(port.part()).map_or(0, |part| part.len());
        assert_eq!(left, 0, "{why}");
    }
}

#[tokio::test]
async fn a_hub_that_never_begins_is_given_up() {
    let soon = Duration::from_millis(200);
    for (answer, times) in [
        (
            Answer::Silent,
            HubTimes {
                answer: soon,
                ..PATIENT
            },
        ),
        (
            Answer::StallsAfter(0),
            HubTimes {
                stall: soon,
                ..PATIENT
            },
        ),
    ] {
        let mut port = Port::new().await;
        port.gives_up_after(times);
        port.hub.will([answer]);
        port.mirror.will([Answer::Status(503)]);
        port.fails("huggingface: nothing came for 0.2 seconds")
            .await;
    }
}

#[tokio::test]
async fn a_part_that_was_not_asked_for_is_refused_and_ours_is_kept() {
    let port = Port::new().await;
    port.had(&leaves()[..1_000]);
    port.hub.will([Answer::OtherRange(999)]);
    port.mirror.will([Answer::Status(503)]);
    port.fails("it offers \"bytes 999-1200004/1200005\" and not \"bytes 1000-1200004/1200005\"")
        .await;
    assert_eq!(fs::read(port.part()).unwrap(), leaves()[..1_000]);
}

#[tokio::test]
async fn other_bytes_of_the_right_length_are_named_and_deleted() {
    let port = Port::new().await;
    let mut other = leaves();
    other[1_000_000] ^= 1;
    port.hub.will([Answer::Other(other)]);
    port.comes_from("modelscope").await;
    assert_eq!(
        port.mirror.fetched()[0].from,
        None,
        "nothing of the lie is built upon"
    );

    let port = Port::new().await;
    let mut other = leaves();
    other[1_000_000] ^= 1;
    port.hub.will([Answer::Other(other)]);
    port.mirror.will([Answer::Status(503)]);
    port.fails("huggingface: it gave other bytes than it should (SHA-256 ")
        .await;
}

#[tokio::test]
async fn a_file_without_an_end_is_cut_off() {
    let port = Port::new().await;
    port.hub
        .will([Answer::Endless([leaves(), vec![7; 1_000_000]].concat())]);
    port.mirror.will([Answer::Status(503)]);
    port.fails("it is another one").await;
    let left = fs::metadata(port.part()).map_or(0, |part| part.len());
    assert_eq!(left, 0);
}

#[tokio::test]
async fn signposts_are_followed_and_the_range_goes_along() {
    let port = Port::new().await;
    port.had(&leaves()[..1_000]);
    let elsewhere = format!("{}/store/leaf?sig=1", port.mirror.base());
    port.hub.will([
        Answer::PointsTo("/tea/elsewhere".into()),
        Answer::PointsTo(elsewhere),
    ]);
    port.comes_from("huggingface").await;
    assert_eq!(port.begins(), [1_000, 1_000]);
    let asked = Fetched {
        path: "/store/leaf?sig=1".into(),
        from: Some(1_000),
    };
    assert_eq!(port.mirror.fetched(), [asked]);
}

#[tokio::test]
async fn signposts_in_a_circle_or_out_of_http_end_the_route() {
    let around = || Answer::PointsTo("/tea/leaf/resolve/r1/leaf.gguf".into());
    let port = Port::new().await;
    port.hub
        .will([around(), around(), around(), around(), around(), around()]);
    port.comes_from("modelscope").await;
    assert_eq!(port.begins().len(), 6);

    let port = Port::new().await;
    port.hub
        .will([Answer::PointsTo("file:///etc/passwd".into())]);
    port.mirror.will([Answer::Status(503)]);
    port.fails("huggingface: it points to a file address").await;
}

#[tokio::test]
async fn a_hub_that_nobody_reaches_is_passed_over() {
    let mut port = Port::new().await;
    let Route::Hub(hub) = &mut port.routes[0] else {
        panic!("the first route is a hub");
    };
    // Nothing listens on port 1 of this machine.
    hub.base = "http://127.0.0.1:1".into();
    port.comes_from("modelscope").await;
}

#[tokio::test]
async fn a_dropped_pull_keeps_what_has_come() {
    let port = Port::new().await;
    port.hub.will([Answer::StallsAfter(300_000)]);
    let arrives = async {
        while fs::metadata(port.part()).map_or(0, |part| part.len()) < 300_000 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        pulled = port.pull() => panic!("it stalls: {pulled:?}"),
        () = arrives => {}
    }
    port.comes_from("huggingface").await;
    assert_eq!(port.begins(), [0, 300_000]);
}
