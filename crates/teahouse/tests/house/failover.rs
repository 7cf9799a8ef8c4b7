//! The twelve shapes in which a provider fails, over real sockets, beside a healthy spare: what the room sees, what
//! later questions pay, and what the ledger says.

use std::time::Duration;

use teahouse_core::{Entry, FailureKind, TurnId};
use teahouse_store::Store;
use teahouse_testkit::bridge::{quote, text};
use teahouse_testkit::model_server::{Answer, FakeModel, Reply, Step};
use teahouse_testkit::process::House;
use teahouse_testkit::shapes::{Shape, Staged};
use teahouse_testkit::tls::Flaw;
use tokio::time::{Instant, timeout};

use crate::scene::{Scene, said};

/// A failing provider costs a question no more than this (contract, behaviour 3).
const FAILOVER: Duration = Duration::from_secs(8);
/// A sick one is called once in so long at most.
const PROBE_EVERY: u64 = 10;
/// Questions of each scene.
const QUESTIONS: u64 = 4;

/// A house whose first provider fails in this shape, and whose second is well.
async fn beside_a_spare(staged: &Staged) -> Scene {
    let spare = FakeModel::start().await;
    spare.always(Reply::text("From the spare."));
    let mut scene = Scene::open_with(|ground| staged.stands_before(&spare, ground)).await;
    scene.model = spare;
    scene
}

/// Asks a few questions: each is answered by the spare, once, and only the first meets the failure.
async fn costs_one_question_once(shape: Shape) {
    let (what, staged) = (shape.name(), shape.stage().await);
    let scene = beside_a_spare(&staged).await;
    let began = Instant::now();
    let mut asked = Vec::new();
    for n in 0..QUESTIONS {
        let question = scene.bridge.says(700, 42, &format!("ai question {n}?"));
        let answer = timeout(FAILOVER, scene.answer_to(&question)).await;
        let answer = answer.unwrap_or_else(|_| panic!("{what}: no answer to question {n}"));
        assert_eq!(answer.text, "[AI] From the spare.", "{what}");
        asked.push(question);
    }
    // The first question meets it; from then on there are only probes.
    let most = 1 + began.elapsed().as_secs() / PROBE_EVERY;
    let log = said(&scene.house);
    let met = log.matches("an attempt failed").count() as u64;
    assert!((1..=most).contains(&met), "{what}: {met} calls: {log}");
    assert_eq!(
        staged.main.count(),
        if shape.is_reached() { met } else { 0 }
    );
    let told = log.matches("main is out (").count();
    assert_eq!(told, 1, "{what}: the operator is told once: {log}");
    let (spare, ground, bridge) = scene.close().await;
    assert_eq!(spare.count(), QUESTIONS, "{what}: 0 lost, 0 doubled");
    for question in &asked {
        assert_eq!(bridge.quoting(question).len(), 1, "{what}");
    }
    let totals = ground.store().await.totals().await.expect("the books open");
    assert_eq!((totals.turns, totals.settled), (QUESTIONS, QUESTIONS));
    assert_eq!(totals.reserved, 0, "{what}: {totals:?}");
    assert_eq!(totals.attempts, QUESTIONS + met, "{what}: {totals:?}");
}

#[tokio::test]
async fn each_of_the_twelve_shapes_of_failure_costs_one_question_once() {
    for shape in Shape::ALL {
        costs_one_question_once(shape).await;
    }
}

#[tokio::test]
async fn bad_051_who_is_not_reached_is_replaced_and_no_certificate_is_waved_through() {
    for flaw in [Flaw::OtherName, Flaw::Expired, Flaw::UnknownIssuer] {
        costs_one_question_once(Shape::Tls(flaw)).await;
    }
    // The same authority is believed where its certificate is right: it was the flaw.
    let staged = Shape::Tls(Flaw::None).stage().await;
    let scene = beside_a_spare(&staged).await;
    let answer = scene.asks(700, 42, "ai why?").await;
    let log = said(&scene.house);
    assert!(answer.text.starts_with("[AI] Answer to: "), "{log}");
    scene.close().await;
}

#[tokio::test]
async fn bad_056_a_broken_vendor_is_left_at_once_and_its_bill_is_unknown() {
    let page = "<!DOCTYPE html><html><head><title>520: Web server is returning an unknown error</title></head></html>";
    let cloudflare = Reply::Http {
        status: 520,
        headers: Vec::new(),
        content_type: "text/html".into(),
        body: page.into(),
    };
    let errors = [500, 502, 503, 504, 529].map(Reply::error);
    for reply in errors.into_iter().chain([cloudflare]) {
        let what = format!("{reply:?}");
        let staged = Shape::Reset.stage().await;
        staged.main.always(reply);
        let scene = beside_a_spare(&staged).await;
        let answer = timeout(FAILOVER, scene.asks(700, 42, "ai why?")).await;
        let answer = answer.unwrap_or_else(|_| panic!("no answer after {what}"));
        assert_eq!(answer.text, "[AI] From the spare.", "{what}");
        let shown = scene
            .bridge
            .shown(700)
            .iter()
            .map(|s| s.text.clone())
            .collect::<String>();
        assert!(!shown.contains("520") && !shown.contains("html"), "{shown}");
        let turn = turn_of(&scene.house);
        let (_, ground, _) = scene.close().await;
        let store = ground.store().await;
        let totals = store.totals().await.unwrap();
        assert_eq!((totals.attempts, totals.reserved), (2, 0), "{what}");
        let ended = store.ledger(turn).await.unwrap();
        let ended = ended.into_iter().find_map(|entry| match entry {
            Entry::AttemptEnded { failure, usage, .. } => Some((failure?, usage)),
            _ => None,
        });
        let (failure, usage) = ended.expect("the call that failed");
        assert!(
            matches!(failure, FailureKind::Server | FailureKind::Overloaded),
            "{what}: {failure:?}"
        );
        assert!(usage.estimated, "{what}: nobody knows what it billed");
    }
}

/// One question beside a spare whose main provider replies like this; what the room saw of it.
async fn one_question(what: &str, reply: Reply, from: &str) {
    // Its clock is short, for those that hang.
    let staged = Shape::Hang.stage().await;
    staged.main.always(reply);
    let scene = beside_a_spare(&staged).await;
    let answer = timeout(FAILOVER, scene.asks(700, 42, "ai why?")).await;
    let answer = answer.unwrap_or_else(|_| panic!("{what}: no answer"));
    assert_eq!(answer.text, format!("[AI] {from}"), "{what}");
    let calls = staged.main.count() + scene.model.count();
    let (_, ground, bridge) = scene.close().await;
    let shown = bridge.shown_by(700, bridge.self_id());
    assert_eq!(
        shown.len(),
        2,
        "{what}: and the first-contact notice: {shown:?}"
    );
    let totals = ground.store().await.totals().await.expect("the books open");
    assert_eq!((totals.settled, totals.attempts), (1, calls), "{what}");
}

#[tokio::test]
async fn bad_052_and_061_who_keeps_us_waiting_in_any_way_is_left_by_the_first_token_clock() {
    let every = Duration::from_millis(100);
    for (what, reply) in [
        ("headers, then nothing", Reply::hang_after_headers()),
        ("keep-alives for ever", Reply::keep_alive_for_ever(every)),
    ] {
        one_question(what, reply, "From the spare.").await;
    }
}

#[tokio::test]
async fn bad_053_whatever_is_no_answer_goes_to_the_spare_and_nothing_of_it_to_the_room() {
    let mut thoughts = Answer::new("");
    thoughts.reasoning = Some("They will never see this.".into());
    for (what, reply) in [
        ("a page", Reply::html()),
        ("nothing", Reply::empty()),
        ("no choices", Reply::no_choices()),
        ("blanks", Reply::text(" \n \t ")),
        ("thoughts only", thoughts.into()),
    ] {
        one_question(what, reply, "From the spare.").await;
    }
}

#[tokio::test]
async fn bad_054_who_refuses_this_key_this_model_is_replaced() {
    one_question("403", Reply::error(403), "From the spare.").await;
}

#[tokio::test]
async fn bad_057_and_058_a_vendor_that_points_elsewhere_or_lies_about_its_length_is_replaced() {
    let elsewhere = FakeModel::start().await;
    let location = format!("{}/chat/completions", elsewhere.base_url());
    for status in [301, 302, 307, 308] {
        let reply = Reply::error(status).header("location", &location);
        one_question(&status.to_string(), reply, "From the spare.").await;
    }
    assert_eq!(
        elsewhere.count(),
        0,
        "neither the key nor the words went there"
    );
    let packed = Reply::sse("\u{1f}\u{8b}").header("content-encoding", "gzip");
    one_question("packed", packed, "From the spare.").await;
    let lie = b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"half\"}}]}\n\n";
    let lie = Reply::Steps(vec![Step::Bytes(lie.to_vec()), Step::Close]);
    one_question("too long a length", lie, "From the spare.").await;
}

#[tokio::test]
async fn bad_062_odd_json_loses_no_word_on_its_way_to_the_room() {
    let odd = "data: {\"choices\":[{\"index\":9,\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"茶\"}]},\"logprobs\":NaN}]}\n\n\
         data: {\"choices\":[{\"delta\":{\"content\":null}}]}\n\n\
         data: {\"choices\":[{\"delta\":{\"content\":\"x\",\"content\":\"馆\"},\"finish_reason\":\"banana\"}]}\n\n";
    one_question("odd JSON", Reply::sse(odd), "茶馆").await;
}

/// The turn of the only question, as the log names it.
fn turn_of(house: &House) -> TurnId {
    let log = said(house);
    let (_, rest) = log.split_once("turn=").expect("the log names the turn");
    let id = rest.split(|c: char| !c.is_ascii_alphanumeric()).next();
    TurnId(id.unwrap_or_default().parse().expect("an id"))
}

#[tokio::test]
async fn bad_071_over_real_sockets_all_are_down_and_every_question_gets_its_apology() {
    let spare = FakeModel::start().await;
    let scene = Scene::open_with(|ground| {
        ground.models.push(("spare".into(), spare.base_url()));
    })
    .await;
    for model in [&scene.model, &spare] {
        model.always(Reply::error(401));
    }
    let mut asked = Vec::new();
    for n in 0..6 {
        let before = scene.model.count() + spare.count();
        let question = scene
            .bridge
            .says(700 + n % 2, 42, &format!("ai question {n}?"));
        let apology = timeout(Duration::from_secs(20), scene.answer_to(&question)).await;
        let apology = apology.expect("within 20 s");
        assert!(apology.text.contains("can't answer"), "{apology:?}");
        assert!(!apology.text.contains("401"), "{apology:?}");
        assert!(
            scene.model.count() + spare.count() > before,
            "the last is tried"
        );
        asked.push(question);
    }
    let said_why = scene
        .bridge
        .sends(700, 43, vec![quote(asked[0].message_id), text("ai why")]);
    let why = scene.answer_to(&said_why).await.text;
    assert!(why.contains("(provider_failed)"), "{why}");
    let data = scene.ground.data();
    let health = ["health".as_ref(), "--data".as_ref(), data.as_os_str()];
    let health = scene.ground.run(health, b"").await;
    for line in [
        "provider main (model fake-model) is out: bad_key since",
        "provider spare (model fake-model) is out: bad_key since",
    ] {
        assert!(health.out.contains(line), "{}", health.out);
    }
    let log = said(&scene.house);
    for name in ["main", "spare"] {
        let told = format!("{name} is out (BadKey)");
        assert_eq!(log.matches(&told).count(), 1, "told once: {log}");
    }
    let calls = scene.model.count() + spare.count();
    let (_, ground, bridge) = scene.close().await;
    for question in &asked {
        let mut quoting = bridge.quoting(question);
        quoting.retain(|shown| shown.user_id == bridge.self_id());
        assert_eq!(quoting.len(), 1, "one apology: {quoting:?}");
    }
    let store = ground.store().await;
    let totals = store.totals().await.unwrap();
    assert_eq!((totals.turns, totals.settled, totals.reserved), (6, 6, 0));
    assert_eq!(totals.attempts, calls, "every call stands in the ledger");
}
