//! Secrets cannot be printed (I-22): a house at trace level, among vendors that quote keys back, strangers with
//! wrong words and settings with keys in the wrong place, and then every sink is searched.

use std::path::Path;

use serde_json::json;
use teahouse_testkit::bridge::FakeBridge;
use teahouse_testkit::model_server::{FakeModel, Reply};
use teahouse_testkit::process::{Ground, LIMIT};

use crate::doors::upgrade;
use crate::scene::{BINARY, said};

const MAIN: &str = "sk-main-4f1c9a77e2b84d0c8a6f5e3d2c1b0a99";
const SPARE: &str = "spare.Zx81QwErTyUiOpAsDfGhJkLz0987654321";
const FROM_FILE: &str = "AIzaFILE0123456789abcdefghijklmnopqrstu";
const BRIDGE: &str = "bridge-token-9c1d7e55aa0144c2b7f0";
const NUMBERS: &str = "numbers-token-1b2c3d4e5f60718293a4";
/// Shown by strangers: theirs, and nobody's to read in our log.
const STRANGERS: &str = "strangers-token-77aa88bb99cc00dd11ee";
const ALL: [&str; 6] = [MAIN, SPARE, FROM_FILE, BRIDGE, NUMBERS, STRANGERS];

/// Everything the house has let out, by where.
struct Sinks(Vec<(String, Vec<u8>)>);

impl Sinks {
    fn add(&mut self, place: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.0.push((place.into(), bytes.into()));
    }

    fn add_folder(&mut self, folder: &Path) {
        for entry in std::fs::read_dir(folder).expect("the folder is read") {
            let path = entry.expect("the entry is read").path();
            if path.is_dir() {
                self.add_folder(&path);
            } else if path.is_file() {
                self.add(
                    path.display().to_string(),
                    std::fs::read(&path).expect("the file is read"),
                );
            }
        }
    }

    /// Neither a secret nor the longer half of one.
    fn are_clean(&self) {
        let mut found = Vec::new();
        for (place, bytes) in &self.0 {
            for secret in ALL {
                let (head, tail) = secret.split_at(16);
                for needle in [head, tail] {
                    if let Some(at) = position(bytes, needle.as_bytes()) {
                        let around = &bytes[at.saturating_sub(120)..(at + 80).min(bytes.len())];
                        found.push(format!("{place}: {}", String::from_utf8_lossy(around)));
                    }
                }
            }
        }
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

fn position(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes
        .windows(needle.len())
        .position(|window| window == needle)
}

fn ground(main: &FakeModel, spare: &FakeModel) -> Ground {
    let mut ground = Ground::new(BINARY, &main.base_url());
    for (name, value) in [
        ("TEAHOUSE_MAIN_KEY", MAIN),
        ("TEAHOUSE_SPARE_KEY", SPARE),
        ("TEAHOUSE_QQ_TOKEN", BRIDGE),
        ("TEAHOUSE_METRICS_TOKEN", NUMBERS),
        ("RUST_LOG", "trace"),
    ] {
        ground.environment.insert(name.into(), value.into());
    }
    ground.metrics = "{ env = \"TEAHOUSE_METRICS_TOKEN\" }".into();
    ground.models.push(("spare".into(), spare.base_url()));
    ground
}

/// The ground's own settings, but that the spare has its key from a variable of its own and a third from a file.
fn configuration(ground: &Ground) -> std::path::PathBuf {
    let file = ground.configuration();
    let text = std::fs::read_to_string(&file).expect("names are UTF-8");
    let (before, after) = text
        .split_once("name = \"spare\"")
        .expect("it stands there");
    let after = after.replacen("TEAHOUSE_MAIN_KEY", "TEAHOUSE_SPARE_KEY", 1);
    let third = "[[provider]]\nname = \"third\"\napi = \"openai\"\nbase_url = \"http://127.0.0.1:9/v1\"\nkey = { file = \"third.key\" }\n\n";
    let after = after
        .replacen("[[route]]", &format!("{third}[[route]]"), 1)
        .replacen(
            "models = [",
            "models = [\n  { provider = \"third\", model = \"m\", price = { input = \"1\", output = \"1\" } },",
            1,
        );
    std::fs::write(&file, format!("{before}name = \"spare\"{after}")).expect("the file is written");
    std::fs::write(ground.file("third.key"), format!("{FROM_FILE}\n"))
        .expect("the file is written");
    file
}

/// Every way in which a vendor may quote a key back.
fn indiscreet(key: &str) -> Vec<Reply> {
    let words =
        format!("Incorrect API key provided: {key}. Header was Authorization: Bearer {key}");
    let error = json!({"error": {"message": words, "type": "invalid_request_error", "code": key}});
    vec![
        Reply::json(401, &error).header("www-authenticate", &format!("Bearer {key}")),
        Reply::json(403, &error),
        Reply::json(400, &error),
        Reply::json(429, &error).header("x-request-id", key),
        Reply::json(500, &json!({ "detail": words })),
        Reply::html().body(format!("<html>{words}</html>")),
        Reply::json(200, &error),
        Reply::sse(format!("data: {error}\n\n")),
        Reply::json(302, &error).header("location", &format!("http://127.0.0.1:9/?key={key}")),
        Reply::json(
            502,
            &json!({ "key": &key[..20], "tail": &key[key.len() - 20..] }),
        ),
    ]
}

#[tokio::test]
async fn no_secret_is_in_any_sink_whatever_goes_wrong() {
    let (main, spare) = (FakeModel::start().await, FakeModel::start().await);
    let ground = ground(&main, &spare);
    let file = configuration(&ground);
    let house = ground.open_file(&file).await;
    let mut options = ground.bridge();
    options.token = BRIDGE.into();
    let bridge = FakeBridge::start(options);
    assert!(bridge.wait_connected(LIMIT).await, "{}", said(&house));
    let mut sinks = Sinks(Vec::new());

    for (main_says, spare_says) in indiscreet(MAIN).into_iter().zip(indiscreet(SPARE)) {
        main.always(main_says);
        spare.always(spare_says);
        let question = bridge.says(700, 42, "ai why?");
        let answered = bridge.wait_until(|qq| !qq.quoting(&question).is_empty(), LIMIT);
        assert!(answered.await, "{}", said(&house));
    }
    assert!(main.count() >= 10 && spare.count() >= 10);
    assert!(
        main.requests()
            .iter()
            .all(|request| { request.header("authorization") == Some(&format!("Bearer {MAIN}")) })
    );
    main.answers();
    let question = bridge.says(700, 42, "ai and now?");
    let answered = bridge.wait_until(|qq| !qq.quoting(&question).is_empty(), LIMIT);
    assert!(answered.await, "{}", said(&house));

    let stranger = format!("Bearer {STRANGERS}");
    let in_query = format!("/ws?access_token={STRANGERS}");
    for (path, headers) in [
        ("/onebot/v11/ws", vec![("Authorization", stranger.as_str())]),
        ("/onebot/v11/ws", vec![("Authorization", STRANGERS)]),
        (in_query.as_str(), vec![]),
    ] {
        let heard = upgrade(&ground, path, &headers).await;
        assert!((400..500).contains(&heard.status), "{heard:?}");
        sinks.add("an answer to a stranger", format!("{heard:?}"));
    }
    let right = upgrade(&ground, &format!("/ws?access_token={BRIDGE}"), &[]).await;
    assert_eq!(right.status, 101);
    sinks.add("an answer to a bridge", format!("{right:?}"));
    for token in [STRANGERS, NUMBERS] {
        let word = format!("Bearer {token}");
        let heard = ground
            .knock("GET", "/metrics", &[("Authorization", &word)])
            .await;
        sinks.add("/metrics", format!("{heard:?}"));
    }
    let data = ground.data();
    let ask = [
        "ask".as_ref(),
        "--config".as_ref(),
        file.as_path(),
        "--data".as_ref(),
        data.as_path(),
        "why?".as_ref(),
    ];
    let health = ["health".as_ref(), "--data".as_ref(), data.as_path()];
    for arguments in [&ask[..], &health[..]] {
        let ran = ground.run(arguments, b"").await;
        assert_eq!(ran.code, Some(0), "{ran:?}");
        sinks.add("a command beside the house", format!("{ran:?}"));
    }

    sinks.add_folder(&data);
    sinks.add("the group", format!("{:?}", bridge.ever_shown(700)));
    sinks.add("calls of the bridge", format!("{:?}", bridge.calls()));
    let log = house.log();
    assert!(
        log.iter().any(|line| line.contains("TRACE")),
        "not at trace level"
    );
    assert!(
        log.iter().any(|line| line.contains("[key]")),
        "the vendors' words were never logged"
    );
    assert_eq!(house.terminate().await, Some(0));
    sinks.add("standard error", log.join("\n"));
    sinks.add_folder(&data);
    let alone = ground.run(ask, b"").await;
    sinks.add("a command without a house", format!("{alone:?}"));
    sinks.are_clean();
}

#[tokio::test]
async fn bad_091_a_wrong_configuration_never_shows_what_was_pasted_into_it() {
    let (main, spare) = (FakeModel::start().await, FakeModel::start().await);
    let ground = ground(&main, &spare);
    let right = std::fs::read_to_string(configuration(&ground)).unwrap();
    let file = ground.file("teahouse.toml");
    let mut sinks = Sinks(Vec::new());
    let address = main.base_url();
    for (from, to) in [
        ("{ env = \"TEAHOUSE_MAIN_KEY\" }", format!("\"{MAIN}\"")),
        ("{ env = \"TEAHOUSE_MAIN_KEY\" }", MAIN.to_owned()),
        (
            "{ env = \"TEAHOUSE_MAIN_KEY\" }",
            format!("\"\"\"\n{MAIN}\n\"\"\""),
        ),
        ("\"TEAHOUSE_MAIN_KEY\"", format!("\"{MAIN}\"")),
        (
            "{ env = \"TEAHOUSE_MAIN_KEY\" }",
            format!("{{ key = \"{SPARE}\" }}"),
        ),
        ("{ env = \"TEAHOUSE_QQ_TOKEN\" }", format!("\"{BRIDGE}\"")),
        ("{ env = \"TEAHOUSE_QQ_TOKEN\" }", format!("\"{BRIDGE}")),
        (
            "{ env = \"TEAHOUSE_METRICS_TOKEN\" }",
            format!("\"{NUMBERS}\""),
        ),
        (
            "{ file = \"third.key\" }",
            format!("{{ file = \"{FROM_FILE}\" }}"),
        ),
        ("name = \"main\"", format!("name = \"{MAIN}\"")),
        ("model = \"fake-model\"", format!("model = \"{FROM_FILE}\"")),
        (
            "protocol = \"onebot-v11\"",
            format!("protocol = \"{SPARE}\""),
        ),
        (
            "name = \"main\"",
            format!("name = \"main\"\n{FROM_FILE} = 1"),
        ),
        ("name = \"main\"", format!("name = \"main\"\n{MAIN}")),
        (
            address.as_str(),
            format!("https://me:{MAIN}@example.com/v1"),
        ),
        (
            address.as_str(),
            format!("https://example.com/v1?key={MAIN}"),
        ),
        (address.as_str(), format!("http://{MAIN}/v1")),
    ] {
        assert!(right.contains(from), "{from}");
        std::fs::write(&file, right.replacen(from, &to, 1)).unwrap();
        for command in ["check", "serve"] {
            let arguments: Vec<std::path::PathBuf> = match command {
                "check" => vec!["check".into(), file.clone()],
                _ => vec!["serve".into(), "--config".into(), file.clone()],
            };
            let ran = ground.run(arguments, b"").await;
            assert_eq!(ran.code, Some(1), "{from} → {to}: {ran:?}");
            assert!(ran.log.contains("teahouse.toml:"), "{ran:?}");
            sinks.add(format!("{command} of {from}"), format!("{ran:?}"));
        }
    }
    sinks.are_clean();
}
