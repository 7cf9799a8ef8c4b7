//! The owner's doors as strangers meet them: a process with its one-time link, and the doors on a clock of their own.

#![expect(
    clippy::unwrap_used,
    reason = "clippy's leave for tests does not reach their helpers"
)]

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::routing::get;
use jiff::Timestamp;
use teahouse::clock::Clock;
use teahouse::console::guarded;
use teahouse::console::owner::Owner;
use teahouse::console::session::OwnerSession;
use teahouse::parlour;
use teahouse_core::Language;
use teahouse_store::{EmbeddedStore, Store};
use teahouse_testkit::process::{Ground, Heard, House, knock};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::scene::{BINARY, said};

const PASSWORD: &str = "a pot of oolong";

fn ground() -> Ground {
    Ground::new(BINARY, "http://127.0.0.1:9/v1")
}

/// The code of the link that the house has shown on its terminal.
fn code(house: &House) -> String {
    let log = said(house);
    let (_, code) = log.rsplit_once("/enter#").expect("a link was shown");
    code.split_whitespace().next().unwrap().to_owned()
}

fn cookie(heard: &Heard) -> String {
    let line = heard.head.lines().find(|l| l.starts_with("set-cookie: "));
    let line = line.expect("a cookie was set");
    let (_, cookie) = line.split_once(": ").unwrap();
    assert!(
        cookie.contains("httponly") && cookie.contains("samesite=lax"),
        "{cookie}"
    );
    cookie.split(';').next().unwrap().to_owned()
}

fn enter(code: &str, password: &str) -> String {
    format!("code={code}&password={}", password.replace(' ', "+"))
}

#[tokio::test]
async fn bad_104_a_stranger_who_comes_before_the_owner_gets_nothing() {
    let ground = ground();
    let house = ground.open().await;
    house.wait_for_line("/enter#").await;
    let code = code(&house);
    assert_eq!(code.len(), 32, "128 bits");
    let link = ground.data().join("enter.link");
    let written = std::fs::read_to_string(&link).unwrap();
    assert!(
        written.trim().ends_with(&format!("/enter#{code}")),
        "{written}"
    );
    let mode = std::fs::metadata(&link).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // From this very machine too: loopback is no proof of anything.
    for (path, form) in [
        ("/enter", enter("", PASSWORD)),
        ("/enter", enter(&"0".repeat(32), PASSWORD)),
        ("/enter", enter(&code[..31], PASSWORD)),
        ("/login", "password=".to_owned()),
    ] {
        let heard = ground.post(path, &[], &form).await;
        assert_eq!(heard.status, 422, "{path} {form}: {heard:?}");
        assert!(!heard.head.contains("set-cookie"), "{heard:?}");
    }
    let in_query = format!("/enter?code={code}");
    let heard = ground
        .post(&in_query, &[], "password=a+pot+of+oolong")
        .await;
    assert_eq!(heard.status, 422, "a code in a query is none: {heard:?}");
    // A code that is right is not used up by a password that is too short.
    let heard = ground.post("/enter", &[], &enter(&code, "short")).await;
    assert_eq!(heard.status, 422, "{heard:?}");
    let heard = ground.post("/enter", &[], &enter(&code, PASSWORD)).await;
    assert_eq!(heard.status, 303, "{heard:?}");
    let first = cookie(&heard);
    let heard = ground
        .post("/enter", &[], &enter(&code, "another password"))
        .await;
    assert_eq!(heard.status, 410, "it works once: {heard:?}");
    assert!(!link.exists(), "the used link lies nowhere");
    assert_eq!(house.terminate().await, Some(0));

    // The next start has an owner and makes no link.
    let house = ground.open().await;
    let heard = ground.post("/enter", &[], &enter(&code, PASSWORD)).await;
    assert_eq!(heard.status, 410, "{heard:?}");
    let login = format!("password={}", PASSWORD.replace(' ', "+"));
    let heard = ground.post("/login", &[("Cookie", &first)], &login).await;
    assert_eq!(heard.status, 303, "{heard:?}");
    assert_ne!(cookie(&heard), first, "a log-in makes a new session");
    let log = said(&house);
    assert!(!log.contains("/enter#") && !log.contains(PASSWORD), "{log}");
    let kept = std::fs::read(ground.data().join("teahouse.db")).unwrap();
    let bare = |secret: &str| kept.windows(secret.len()).any(|w| w == secret.as_bytes());
    assert!(!bare(PASSWORD) && !bare(&code), "only hashes are kept");
    assert!(
        !bare(first.split('=').nth(1).unwrap()),
        "only hashes are kept"
    );
    assert_eq!(house.terminate().await, Some(0));
}

#[tokio::test]
async fn a_forgotten_password_is_reset_by_whoever_holds_the_data_folder() {
    let ground = ground();
    let house = ground.open().await;
    house.wait_for_line("/enter#").await;
    let old = ground
        .post("/enter", &[], &enter(&code(&house), PASSWORD))
        .await;
    assert_eq!(old.status, 303);
    let settings = ground.configuration();
    let arguments = [
        "reset-password".as_ref(),
        "--config".as_ref(),
        settings.as_os_str(),
    ];
    let reset = async || {
        let ran = ground.run(arguments, b"").await;
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let (_, code) = ran.out.trim().split_once("/enter#").expect("a link");
        code.to_owned()
    };
    let code = reset().await;
    // The old password holds until the link is used.
    let login = |password: &str| format!("password={}", password.replace(' ', "+"));
    assert_eq!(
        ground.post("/login", &[], &login(PASSWORD)).await.status,
        303
    );
    let fresh = "a cup of pu-erh";
    assert_eq!(
        ground
            .post("/enter", &[], &enter(&code, fresh))
            .await
            .status,
        303
    );
    assert_eq!(
        ground.post("/login", &[], &login(PASSWORD)).await.status,
        422
    );
    assert_eq!(ground.post("/login", &[], &login(fresh)).await.status, 303);
    assert_eq!(house.terminate().await, Some(0));
    // Without a running house the link waits for the next one.
    let code = reset().await;
    let house = ground.open().await;
    assert_eq!(
        ground
            .post("/enter", &[], &enter(&code, PASSWORD))
            .await
            .status,
        303
    );
    assert_eq!(
        ground.post("/login", &[], &login(PASSWORD)).await.status,
        303
    );
    assert_eq!(house.terminate().await, Some(0));
}

struct ByHand(AtomicI64);

impl Clock for ByHand {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

/// The doors and one page of the owner's, on a clock that a test moves.
struct Doors {
    clock: Arc<ByHand>,
    owner: Arc<Owner>,
    port: u16,
    _folder: tempfile::TempDir,
    _tasks: TaskTracker,
}

impl Doors {
    async fn open() -> Doors {
        let clock = Arc::new(ByHand(AtomicI64::new(1_800_000_000)));
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(EmbeddedStore::in_memory().unwrap());
        let rooms = parlour::open(
            store.clone(),
            clock.clone(),
            folder.path(),
            Language::English,
        )
        .await
        .unwrap();
        let owner = Arc::new(Owner::new(store, clock.clone(), folder.path()));
        let mine = |session: OwnerSession| async move { session.csrf().to_owned() };
        let pages = Router::new().route("/mine", get(mine).post(mine));
        let hosts = ["tea.example.org".to_owned()];
        let router = guarded(pages, owner.clone(), rooms, &hosts);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let tasks = TaskTracker::new();
        tasks.spawn(async move {
            let service = router.into_make_service_with_connect_info::<SocketAddr>();
            axum::serve(listener, service).await
        });
        Doors {
            clock,
            owner,
            port,
            _folder: folder,
            _tasks: tasks,
        }
    }

    /// The same with an owner; the session's cookie comes back.
    async fn with_owner() -> (Doors, String) {
        let doors = Doors::open().await;
        let address = SocketAddr::from(([127, 0, 0, 1], doors.port));
        let link = doors.owner.first_link(address).await.unwrap().unwrap();
        let (_, code) = link.split_once('#').unwrap();
        let heard = doors.post("/enter", &[], &enter(code, PASSWORD)).await;
        assert_eq!(heard.status, 303, "{heard:?}");
        let cookie = cookie(&heard);
        (doors, cookie)
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Heard {
        knock(self.port, "GET", path, headers, b"").await
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)], form: &str) -> Heard {
        let mut all = headers.to_vec();
        if !headers.iter().any(|(name, _)| *name == "Content-Type") {
            all.push(("Content-Type", "application/x-www-form-urlencoded"));
        }
        knock(self.port, "POST", path, &all, form.as_bytes()).await
    }

    async fn log_in(&self, password: &str) -> Heard {
        let form = format!("password={}", password.replace(' ', "+"));
        self.post("/login", &[], &form).await
    }

    fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn bad_094_no_session_an_old_one_or_a_stolen_one_opens_nothing() {
    let (doors, cookie) = Doors::with_owner().await;
    let mine = async |cookie: &str| doors.get("/mine", &[("Cookie", cookie)]).await;
    assert_eq!(mine(&cookie).await.status, 200);
    assert_eq!(doors.get("/mine", &[]).await.status, 401);
    let page = doors.get("/mine", &[("Accept", "text/html")]).await;
    assert_eq!(page.status, 303);
    assert!(page.head.contains("location: /login"), "{page:?}");
    for wrong in [
        "teahouse_session=",
        "teahouse_session=0000000000000000000000000000000000000000000000000000000000000000",
        &cookie[..cookie.len() - 1],
        &cookie.to_uppercase(),
    ] {
        assert_eq!(mine(wrong).await.status, 401, "{wrong}");
    }
    // Two tabs are one session; a second browser is another.
    let other = self::cookie(&doors.log_in(PASSWORD).await);
    let csrf = mine(&cookie).await.body;
    assert_ne!(csrf, mine(&other).await.body);
    let out = doors
        .post("/logout", &[("Cookie", &cookie)], &format!("csrf={csrf}"))
        .await;
    assert_eq!(out.status, 303, "{out:?}");
    assert_eq!(
        mine(&cookie).await.status,
        401,
        "what was stolen before is dead"
    );
    assert_eq!(mine(&other).await.status, 200);
    doors.pass(31 * 24 * 3_600);
    assert_eq!(mine(&other).await.status, 401, "after thirty days");
    // Who takes the house over by a new link ends every session there is.
    let held = self::cookie(&doors.log_in(PASSWORD).await);
    assert_eq!(mine(&held).await.status, 200);
    let address = SocketAddr::from(([127, 0, 0, 1], doors.port));
    let link = doors.owner.new_link(address).await.unwrap();
    let (_, code) = link.split_once('#').unwrap();
    let form = enter(code, "another pot of tea");
    let new = self::cookie(&doors.post("/enter", &[], &form).await);
    assert_eq!(mine(&held).await.status, 401, "removed at once");
    assert_eq!(mine(&new).await.status, 200);
    assert_eq!(doors.log_in(PASSWORD).await.status, 422);
}

#[tokio::test]
async fn bad_095_guessing_a_password_costs_time_and_closes_the_door_for_a_while() {
    let (doors, _) = Doors::with_owner().await;
    // As long as it takes to say no, whatever was wrong: the same words too.
    let mut answers = Vec::new();
    for guess in ["", "short", "wrong password", &"x".repeat(256)] {
        let heard = doors.log_in(guess).await;
        assert_eq!(heard.status, 422, "{guess}: {heard:?}");
        answers.push(heard.body);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(doors.log_in(&"x".repeat(3_000)).await.status, 422);
    // The fifth was wrong: even the right one waits now, and is told for how long.
    let heard = doors.log_in(PASSWORD).await;
    assert_eq!(heard.status, 429, "{heard:?}");
    assert!(heard.body.contains("60 seconds"), "{heard:?}");
    doors.pass(60);
    assert_eq!(doors.log_in(PASSWORD).await.status, 303);
    // Of a thousand tries in a minute five are looked at.
    let mut looked_at = 0;
    for n in 0..1_000 {
        let heard = doors.log_in(&format!("guess number {n}")).await;
        assert!([422, 429].contains(&heard.status), "{n}: {heard:?}");
        looked_at += u32::from(heard.status == 422);
    }
    assert_eq!(looked_at, 5);
    doors.pass(60);
    // A megabyte is not read.
    let heard = doors
        .post("/login", &[], &format!("password={}", "x".repeat(1 << 20)))
        .await;
    assert_eq!(heard.status, 413, "{heard:?}");
    // A password is what it looks like, however its letters are composed.
    let nobody = Doors::open().await;
    assert_eq!(
        nobody.log_in("wrong password").await.body,
        answers[0],
        "no owner looks the same"
    );
    let address = SocketAddr::from(([127, 0, 0, 1], nobody.port));
    let link = nobody.owner.first_link(address).await.unwrap().unwrap();
    let (_, code) = link.split_once('#').unwrap();
    let heard = nobody
        .post(
            "/enter",
            &[],
            &format!("code={code}&password=caf%C3%A9+au+lait"),
        )
        .await;
    assert_eq!(heard.status, 303, "{heard:?}");
    let heard = nobody
        .post("/login", &[], "password=cafe%CC%81+au+lait")
        .await;
    assert_eq!(heard.status, 303, "{heard:?}");
}

#[tokio::test]
async fn bad_097_a_change_comes_from_our_own_page_with_its_token_or_not_at_all() {
    let (doors, cookie) = Doors::with_owner().await;
    let cookie = ("Cookie", cookie.as_str());
    let csrf = doors.get("/mine", &[cookie]).await.body;
    let token = ("X-CSRF-Token", csrf.as_str());
    let own = format!("http://127.0.0.1:{}", doors.port);
    let change = async |headers: &[(&str, &str)]| doors.post("/mine", headers, "a=b").await.status;
    assert_eq!(change(&[cookie, token]).await, 200);
    assert_eq!(change(&[cookie, token, ("Origin", &own)]).await, 200);
    assert_eq!(change(&[cookie]).await, 403, "no token");
    assert_eq!(change(&[cookie, ("X-CSRF-Token", "")]).await, 403);
    assert_eq!(change(&[cookie, ("X-CSRF-Token", &csrf[1..])]).await, 403);
    for origin in [
        "https://evil.example",
        "null",
        "http://127.0.0.1:1",
        "file://",
    ] {
        assert_eq!(
            change(&[cookie, token, ("Origin", origin)]).await,
            403,
            "{origin}"
        );
        let form = "password=a+pot+of+oolong";
        let heard = doors.post("/login", &[("Origin", origin)], form).await;
        assert_eq!(heard.status, 403, "{origin}: {heard:?}");
    }
    assert_eq!(doors.post("/logout", &[cookie], "csrf=").await.status, 403);
    // JSON or plain text posing as a form.
    for kind in ["application/json", "text/plain"] {
        let heard = doors
            .post(
                "/login",
                &[("Content-Type", kind)],
                "{\"password\":\"a pot of oolong\"}",
            )
            .await;
        assert_eq!(heard.status, 415, "{kind}: {heard:?}");
    }
    // Another method, or one that a header claims.
    for method in ["PUT", "DELETE", "PATCH", "TRACE"] {
        let heard = knock(doors.port, method, "/mine", &[cookie, token], b"").await;
        assert_eq!(heard.status, 405, "{method}: {heard:?}");
    }
    let heard = doors
        .get("/mine", &[cookie, ("X-HTTP-Method-Override", "POST")])
        .await;
    assert_eq!(heard.status, 200, "it was read and nothing else: {heard:?}");
    // Nobody elsewhere is told that they may.
    let probe = [
        ("Origin", "https://evil.example"),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "x-csrf-token"),
    ];
    let heard = knock(doors.port, "OPTIONS", "/mine", &probe, b"").await;
    assert_eq!(heard.status, 405, "{heard:?}");
    assert!(!heard.head.contains("access-control"), "{heard:?}");
}

#[tokio::test]
async fn every_answer_tells_the_browser_to_trust_nothing_else_and_a_bent_name_gets_none() {
    let (doors, cookie) = Doors::with_owner().await;
    let cookie = ("Cookie", cookie.as_str());
    for heard in [
        doors.get("/mine", &[cookie]).await,
        doors.get("/mine", &[]).await,
        doors.post("/login", &[], "password=").await,
        doors.get("/parlour/nowhere/ws", &[]).await,
    ] {
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self';",
            "frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "referrer-policy: same-origin",
            "cache-control: no-store",
        ] {
            assert!(heard.head.contains(header), "{header}: {heard:?}");
        }
        assert!(!heard.head.contains("unsafe-inline"), "{heard:?}");
    }
    for (host, status) in [
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("tea.example.org", 200),
        ("localhost", 200),
    ] {
        let heard = doors.get("/mine", &[cookie, ("Host", host)]).await;
        assert_eq!(heard.status, status, "{host}: {heard:?}");
        let shows = heard.body.len() == 64;
        assert_eq!(shows, status == 200, "{heard:?}");
    }
}
