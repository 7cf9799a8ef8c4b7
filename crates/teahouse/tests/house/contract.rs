//! What outside programs may rely on, with our own copies of the contract's files and the real program.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use teahouse_testkit::bridge::FakeBridge;
use teahouse_testkit::model_server::{Answer, FakeModel, Reply};
use teahouse_testkit::process::{Ground, LIMIT, TOKEN};
use tokio::time::timeout;

use crate::doors::upgrade;
use crate::scene::{BINARY, Scene, said};

fn contract(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../contract")
        .join(file)
}

/// A ground for the contract's own files, its two models beside it. Only the ports are ours.
async fn ground() -> (Ground, FakeModel, FakeModel, PathBuf) {
    let (main, spare) = (FakeModel::start().await, FakeModel::start().await);
    let mut ground = Ground::new(BINARY, &main.base_url());
    ground
        .environment
        .insert("TEAHOUSE_SPARE_KEY".into(), "sk-test-spare".into());
    let text = std::fs::read_to_string(contract("teahouse.toml")).expect("names are UTF-8");
    let port = |text: String, from: &str, to: u16| {
        assert!(text.contains(from), "{from}");
        text.replace(from, &to.to_string())
    };
    let text = port(text, "7788", ground.port());
    let text = port(text, "9101", main.address().port());
    let text = port(text, "9102", spare.address().port());
    let file = ground.file("teahouse.toml");
    std::fs::write(&file, text).expect("the file is written");
    std::fs::copy(
        contract("charter-open.toml"),
        ground.file("charter-open.toml"),
    )
    .expect("the file is copied");
    (ground, main, spare, file)
}

#[tokio::test]
async fn the_contracts_files_check_and_run_as_they_stand() {
    let (ground, main, _spare, file) = ground().await;
    let files = [contract("teahouse.toml"), contract("charter-open.toml")];
    let checked = ground
        .run(["check".into()].into_iter().chain(files), b"")
        .await;
    assert_eq!(checked.code, Some(0), "{checked:?}");

    let house = ground.open_file(&file).await;
    let ready: Vec<_> = house
        .log()
        .into_iter()
        .filter(|line| line.contains("ready"))
        .collect();
    assert_eq!(ready.len(), 1, "{ready:?}");
    let bridge = FakeBridge::start(ground.bridge());
    assert!(bridge.wait_connected(LIMIT).await);
    let question = bridge.says(700_100_000, 42, "ai why is tea red?");
    assert!(
        bridge
            .wait_until(|qq| qq.quoting(&question).len() == 1, LIMIT)
            .await,
        "{}",
        said(&house)
    );
    let key = main.requests()[0]
        .header("authorization")
        .map(str::to_owned);
    assert_eq!(key.as_deref(), Some("Bearer sk-test-main-0123456789abcdef"));
    assert_eq!(house.terminate().await, Some(0));
}

#[tokio::test]
async fn a_missing_secret_is_an_error_that_names_it_with_its_line() {
    for (name, place) in [
        ("TEAHOUSE_QQ_TOKEN", ":15:9:"),
        ("TEAHOUSE_MAIN_KEY", ":22:7:"),
        ("TEAHOUSE_SPARE_KEY", ":29:7:"),
    ] {
        let (mut ground, _main, _spare, file) = ground().await;
        ground.environment.remove(name);
        let file = file.into_os_string();
        let serve = ground
            .run(
                ["serve".as_ref(), "--config".as_ref(), file.as_os_str()],
                b"",
            )
            .await;
        assert_eq!(serve.code, Some(1), "{serve:?}");
        assert_eq!(serve.out, "");
        assert!(serve.log.contains(name), "{}", serve.log);
        assert!(
            serve.log.contains(&format!("teahouse.toml{place}")),
            "{place}: {}",
            serve.log
        );
        assert!(serve.log.contains("1 problem"), "{}", serve.log);
    }
}

#[tokio::test]
async fn a_bridge_finds_the_house_on_four_paths_with_its_token_in_three_places() {
    let scene = Scene::open().await;
    for path in ["/onebot/v11/ws", "/onebot/v11", "/onebot", "/ws"] {
        let (bearer, token) = (format!("Bearer {TOKEN}"), format!("Token {TOKEN}"));
        for shown in [bearer, token] {
            let heard = upgrade(&scene.ground, path, &[("Authorization", &shown)]).await;
            assert_eq!(heard.status, 101, "{path} {shown}: {heard:?}");
        }
        let path = format!("{path}?access_token={TOKEN}");
        let heard = upgrade(&scene.ground, &path, &[]).await;
        assert_eq!(heard.status, 101, "{path}: {heard:?}");
    }
    scene.close().await;
}

#[tokio::test]
async fn health_readiness_and_numbers_are_there_for_whom_they_are_for() {
    let scene = Scene::open().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(scene.ground.knock("GET", path, &[]).await.status, 200);
    }
    scene.bridge.raw("not json");
    scene.asks(700, 42, "ai why?").await;
    let numbers = scene.ground.knock("GET", "/metrics", &[]).await;
    assert_eq!(numbers.status, 200);
    assert!(
        numbers
            .head
            .contains("content-type: text/plain; version=0.0.4")
    );
    let is_sample = |line: &str| {
        line.rsplit_once(' ')
            .is_some_and(|(name, value)| !name.is_empty() && value.parse::<f64>().is_ok())
    };
    let odd: Vec<_> = numbers
        .body
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("# ") && !is_sample(line))
        .collect();
    assert!(odd.is_empty(), "{odd:?}");
    for sample in [
        "teahouse_messages_total{reason=\"answered\"} 1",
        "teahouse_onebot_total{account=\"qq\",what=\"not_json\"} 1",
        "teahouse_onebot_total{account=\"qq\",what=\"refused_wrong_token\"} 0",
    ] {
        assert!(numbers.body.contains(sample), "{sample}: {}", numbers.body);
    }
    scene.close().await;

    let scene = Scene::open_with(|ground| ground.metrics.clear()).await;
    assert_eq!(scene.ground.knock("GET", "/metrics", &[]).await.status, 404);
    scene.close().await;
}

#[tokio::test]
async fn only_this_machine_reaches_a_house_that_says_nothing_else() {
    let scene = Scene::open().await;
    let elsewhere = ("127.0.0.2", scene.ground.port());
    assert!(
        tokio::net::TcpStream::connect(elsewhere).await.is_err(),
        "it listens on more than 127.0.0.1"
    );
    scene.close().await;
}

#[tokio::test]
async fn a_house_that_is_told_to_stop_finishes_what_it_has_begun() {
    let scene = Scene::open().await;
    scene
        .model
        .next(Answer::new("A slow one.").after(Duration::from_millis(300)));
    let question = scene.bridge.says(700, 42, "ai why?");
    let asked = scene
        .model
        .wait_until(|model| model.in_flight() == 1, LIMIT);
    assert!(asked.await);
    let closed = timeout(Duration::from_secs(10), scene.house.terminate()).await;
    assert_eq!(closed.expect("within 10 s"), Some(0));
    assert_eq!(scene.bridge.quoting(&question).len(), 1);
}

#[tokio::test]
async fn a_second_house_on_the_same_data_names_the_first() {
    let scene = Scene::open().await;
    let second = scene
        .ground
        .run(
            [
                "serve".into(),
                "--config".into(),
                scene.ground.file("teahouse.toml"),
                "--data".into(),
                scene.ground.data(),
            ],
            b"",
        )
        .await;
    assert_eq!(second.code, Some(1), "{second:?}");
    let pid = format!("pid {}", scene.house.pid());
    assert!(second.log.contains(&pid), "{}", second.log);
    assert!(
        scene
            .asks(700, 42, "ai still there?")
            .await
            .text
            .contains("still there?")
    );
    scene.close().await;
}

#[tokio::test]
async fn decode_reads_every_line_and_never_stops() {
    let frames = concat!(
        r#"{"post_type":"message","message_type":"group","sub_type":"normal","time":1796000000,"self_id":10001000,"group_id":700,"user_id":42,"message_id":-5,"message":[{"type":"reply","data":{"id":"77"}},{"type":"text","data":{"text":"hello"}}],"sender":{"user_id":42,"nickname":"阿明","role":"member"}}"#,
        "\n\nnot json\n[1,2]\n",
        r#"{"status":"ok","retcode":0,"data":{"message_id":9007199254740993},"echo":"x"}"#,
        "\n",
        r#"{"post_type":"notice","notice_type":"group_recall","time":1796000000,"self_id":10001000,"group_id":700,"user_id":42,"operator_id":42,"message_id":-5}"#,
        "\n",
        r#"{"post_type":"brand_new","self_id":10001000,"strange":[1]}"#,
    );
    let ground = Ground::new(BINARY, "http://127.0.0.1:9/v1");
    let mut input = frames.as_bytes().to_vec();
    input.extend_from_slice(b"\n\xff\xfe\n");
    let ran = ground
        .run(["decode", "--protocol", "onebot-v11"], &input)
        .await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let lines: Vec<Value> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect();
    assert_eq!(lines.len(), 8, "{}", ran.out);
    let message = &lines[0];
    for (key, value) in [
        ("event", "message"),
        ("platform", "qq"),
        ("account", "10001000"),
        ("chat", "700"),
        ("room_kind", "group"),
        ("message_id", "-5"),
        ("reply_to", "77"),
        ("text", "hello"),
    ] {
        assert_eq!(message[key], value, "{key}: {message}");
    }
    assert_eq!(message["member"]["id"], "42", "{message}");
    assert_eq!(message["segments"][1]["data"]["text"], "hello", "{message}");
    for (at, line) in [(1, 2), (2, 3), (3, 4), (7, 8)] {
        assert!(lines[at]["error"].is_string(), "{}", lines[at]);
        assert_eq!(lines[at]["line"], line, "{}", lines[at]);
    }
    assert_eq!(lines[4]["event"], "response", "{}", lines[4]);
    assert!(
        lines[4].to_string().contains("\"9007199254740993\""),
        "{}",
        lines[4]
    );
    assert_eq!(lines[5]["event"], "recall", "{}", lines[5]);
    assert_eq!(lines[5]["raw_kind"], "notice.group_recall");
    assert_eq!(lines[5]["message_id"], "-5");
    assert!(lines[6].to_string().contains("strange"), "{}", lines[6]);

    let usage = ground.run(["decode", "--provider", "nobody"], b"").await;
    assert_eq!((usage.code, usage.out.as_str()), (Some(1), ""), "{usage:?}");
}

#[tokio::test]
async fn ask_prints_the_answer_and_nothing_else() {
    let scene = Scene::open_with(|ground| {
        ground.environment.insert("RUST_LOG".into(), "debug".into());
    })
    .await;
    scene.model.always(Reply::text("Because of the leaves."));
    let config = scene.ground.file("teahouse.toml");
    let arguments: Vec<PathBuf> = vec![
        "ask".into(),
        "--config".into(),
        config,
        "--data".into(),
        scene.ground.data(),
        "why is tea red?".into(),
    ];
    let socket = scene.ground.data().join("control.sock");
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let beside = scene.ground.run(&arguments, b"").await;
    assert_eq!(beside.out, "[AI] Because of the leaves.\n", "{beside:?}");
    assert_eq!(beside.code, Some(0));
    let (model, ground, bridge) = scene.close().await;
    assert!(!socket.exists());

    let alone = ground.run(&arguments, b"").await;
    assert_eq!(alone.out, "[AI] Because of the leaves.\n", "{alone:?}");
    assert_eq!(alone.code, Some(0));
    assert_eq!(model.count(), 2);
    let totals = ground.store().await;
    let totals = teahouse_store::Store::totals(&totals).await.unwrap();
    assert_eq!((totals.turns, totals.attempts, totals.reserved), (2, 2, 0));
    assert!(bridge.chats().is_empty(), "nothing was said in any room");
}

#[tokio::test]
async fn a_failing_provider_with_a_healthy_spare_costs_nobody_an_answer() {
    for fault in [
        Reply::error(401),
        Reply::error(429),
        Reply::error(500),
        Reply::reset(),
        Reply::html(),
    ] {
        let spare = FakeModel::start().await;
        spare.always(Reply::text("From the spare."));
        let scene = Scene::open_with(|ground| {
            ground.models.push(("spare".into(), spare.base_url()));
        })
        .await;
        scene.model.always(fault.clone());
        let answer = timeout(Duration::from_secs(8), scene.asks(700, 42, "ai why?")).await;
        let answer = answer.unwrap_or_else(|_| panic!("no answer in 8 s after {fault:?}"));
        assert_eq!(answer.text, "[AI] From the spare.", "{fault:?}");
        let (_, _, bridge) = scene.close().await;
        assert_eq!(
            bridge.shown_by(700, bridge.self_id()).len(),
            2,
            "and the first-contact notice"
        );
    }
}

#[tokio::test]
async fn bad_054_refused_keys_make_one_plain_apology_and_are_tried_again() {
    let refusals = [401, 402, 403, 500].map(Reply::error);
    for refusal in refusals.into_iter().chain([Reply::reset()]) {
        let spare = FakeModel::start().await;
        let scene = Scene::open_with(|ground| {
            ground.models.push(("spare".into(), spare.base_url()));
        })
        .await;
        for model in [&scene.model, &spare] {
            model.always(refusal.clone());
        }
        let question = scene.bridge.says(700, 42, "ai why?");
        let apology = timeout(Duration::from_secs(20), scene.answer_to(&question)).await;
        let apology = apology.expect("within 20 s");
        assert_eq!(apology.text, "I can't answer now; the admin knows.");

        scene.model.answers();
        let again = scene.bridge.says(700, 42, "ai and now?");
        let answer = timeout(Duration::from_secs(10), scene.answer_to(&again)).await;
        let answer = answer.expect("service is back within 10 s");
        assert!(answer.text.starts_with("[AI] "), "{answer:?}");
        let (_, _, bridge) = scene.close().await;
        assert_eq!(bridge.quoting(&question).len(), 1, "one apology");
    }
}
