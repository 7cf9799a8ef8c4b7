//! The model against reqwest, and against a bare socket where HTTP itself is broken.

use std::time::Duration;

use serde_json::{Value, json};
use teahouse_testkit::model_server::{Answer, Cut, FakeModel, Reply, Step, Usage};
use tokio::time::{Instant, sleep, timeout};

const SOON: Duration = Duration::from_secs(5);

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    // No root certificates: reading the system's for each client is most of the time these tests took.
    let builder = reqwest::Client::builder().no_proxy().tls_certs_only([]);
    builder.build().unwrap()
}

fn question(words: &str, stream: bool) -> Value {
    json!({"model": "fake-model", "stream": stream, "stream_options": {"include_usage": true},
           "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": words}]})
}

async fn ask(model: &FakeModel, body: &Value) -> Result<reqwest::Response, reqwest::Error> {
    let url = format!("{}/chat/completions", model.base_url());
    let call = client().post(url).bearer_auth("sk-tea").json(body).send();
    timeout(SOON, call).await.expect("an answer comes soon")
}

async fn body(model: &FakeModel, stream: bool) -> Vec<u8> {
    ask(model, &question("why q-17?", stream))
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap()
        .to_vec()
}

/// The text of a stream, by the book; none where the bytes are not UTF-8.
fn said(stream: &[u8]) -> Option<String> {
    let stream = std::str::from_utf8(stream)
        .ok()?
        .replace("\r\n", "\n")
        .replace('\r', "\n");
    let payloads = stream.lines().filter_map(|line| line.strip_prefix("data:"));
    let chunks = payloads.filter_map(|payload| serde_json::from_str::<Value>(payload.trim()).ok());
    Some(
        chunks
            .filter_map(|chunk| Some(chunk["choices"][0]["delta"]["content"].as_str()?.to_owned()))
            .collect(),
    )
}

#[tokio::test]
async fn it_answers_the_last_question_streamed_and_not() {
    let model = FakeModel::start().await;
    let streamed = ask(&model, &question("why q-17?", true)).await.unwrap();
    assert_eq!(
        streamed.headers()["content-type"],
        "text/event-stream; charset=utf-8"
    );
    let streamed = streamed.bytes().await.unwrap();
    assert_eq!(said(&streamed).unwrap(), "Answer to: why q-17?");
    assert!(streamed.ends_with(b"data: [DONE]\n\n"));
    assert!(String::from_utf8_lossy(&streamed).contains("\"usage\":{"));
    let whole: Value = serde_json::from_slice(&body(&model, false).await).unwrap();
    assert_eq!(
        whole["choices"][0]["message"]["content"],
        "Answer to: why q-17?"
    );
    assert_eq!(whole["usage"]["prompt_tokens"], 19);
    assert_eq!(model.count(), 2);
    let seen = model.requests();
    assert_eq!(seen[0].header("authorization"), Some("Bearer sk-tea"));
    assert_eq!(
        (seen[0].model(), seen[0].streams(), seen[1].streams()),
        ("fake-model", true, false)
    );
    assert_eq!(
        (seen[0].system().as_str(), seen[0].last_user().as_str()),
        ("Be kind.", "why q-17?")
    );
}

#[tokio::test]
async fn one_connection_serves_many() {
    let model = FakeModel::start().await;
    let client = client();
    let mut ports = std::collections::BTreeSet::new();
    for _ in 0..5 {
        let url = format!("{}/chat/completions", model.base_url());
        let response = client
            .post(url)
            .json(&question("x", true))
            .send()
            .await
            .unwrap();
        ports.insert(response.remote_addr());
        response.bytes().await.unwrap();
    }
    let models = client
        .get(format!("{}/models", model.base_url()))
        .send()
        .await
        .unwrap();
    assert_eq!(
        models.json::<Value>().await.unwrap()["data"][0]["id"],
        "fake-model"
    );
    assert_eq!(ports.len(), 1);
    assert_eq!(model.count(), 5, "only chat requests count");
    assert_eq!(model.in_flight(), 0);
}

#[tokio::test]
async fn answers_have_habits() {
    let model = FakeModel::start().await;
    let habits = [
        Answer {
            newline: "\r\n",
            ..Answer::new("你好，茶")
        },
        Answer {
            newline: "\r",
            comments: true,
            ..Answer::new("你好，茶")
        },
        Answer {
            tight: true,
            usage: Usage::OnEvery,
            done: 2,
            ..Answer::new("你好，茶")
        },
        Answer {
            usage: Usage::OnFinish,
            done: 0,
            reasoning: Some("hm".into()),
            ..Answer::new("你好，茶")
        },
        Answer {
            pieces: Some(7),
            usage: Usage::Odd(json!({"prompt_tokens": -5})),
            ..Answer::new("你好，茶")
        },
    ];
    for habit in habits {
        model.next(habit.clone());
        let bytes = body(&model, true).await;
        assert_eq!(said(&bytes).unwrap(), "你好，茶", "{habit:?}");
        assert_eq!(bytes, habit.stream());
        assert_eq!(
            String::from_utf8_lossy(&bytes).matches("[DONE]").count(),
            habit.done
        );
    }
    model.next(Answer {
        think: Some("hm".into()),
        ..Answer::new("tea")
    });
    assert_eq!(
        said(&body(&model, true).await).unwrap(),
        "<think>\nhm\n</think>\n\ntea"
    );
    let before = Instant::now();
    model.next(
        Answer::new("abcdef")
            .paced(2, Duration::from_millis(20))
            .after(Duration::from_millis(40)),
    );
    body(&model, true).await;
    assert!(before.elapsed() >= Duration::from_millis(100));
}

#[tokio::test]
async fn failures_look_like_the_vendors() {
    let model = FakeModel::start().await;
    for status in [401, 402, 403, 404, 429, 500, 503, 529] {
        model.next(Reply::error(status).header("retry-after", "1"));
        let response = ask(&model, &question("x", true)).await.unwrap();
        assert_eq!(
            (
                response.status().as_u16(),
                &response.headers()["retry-after"].to_str().unwrap()
            ),
            (status, &"1")
        );
        assert!(response.json::<Value>().await.unwrap()["error"]["message"].is_string());
    }
    model.next(Reply::html());
    assert!(body(&model, true).await.starts_with(b"<!DOCTYPE html>"));
    model.next(Reply::empty());
    assert!(body(&model, true).await.is_empty());
    model.next(Reply::no_choices());
    assert_eq!(
        serde_json::from_slice::<Value>(&body(&model, true).await).unwrap()["choices"],
        json!([])
    );
    for broken in [Reply::reset(), Reply::close()] {
        model.next(broken);
        assert!(ask(&model, &question("x", true)).await.is_err());
    }
}

#[tokio::test]
async fn a_cut_stream_is_cut_where_told() {
    let model = FakeModel::start().await;
    let whole = Answer::new("你好 tea").stream();
    for at in (0..whole.len()).step_by(97) {
        model.next(Answer::new("你好 tea").cut(Cut::Broken(at)));
        let mut response = ask(&model, &question("x", true)).await.unwrap();
        let mut got = Vec::new();
        let end = loop {
            match response.chunk().await {
                Ok(Some(bytes)) => got.extend_from_slice(&bytes),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        assert!(end.is_err(), "broken off at {at} is an error");
        assert_eq!(got, whole[..at]);
        model.next(Answer::new("你好 tea").cut(Cut::Clean(at)));
        assert_eq!(body(&model, true).await, whole[..at]);
    }
    model.next(Answer {
        pieces: None,
        ..Answer::new("你好").cut(Cut::InsideCharacter)
    });
    let mut response = ask(&model, &question("x", true)).await.unwrap();
    let mut got = Vec::new();
    while let Ok(Some(bytes)) = response.chunk().await {
        got.extend_from_slice(&bytes);
    }
    assert!(std::str::from_utf8(&got).is_err());
}

#[tokio::test]
async fn it_hangs_and_notices_who_goes_away() {
    let model = FakeModel::start().await;
    let hangs = [
        Reply::hang(),
        Reply::hang_after_headers(),
        Reply::keep_alive_for_ever(Duration::from_millis(5)),
        Answer::new("half of it").cut(Cut::Stalled(150)).into(),
        Reply::Steps(vec![Step::Wait(Duration::from_secs(3600))]),
    ];
    for (n, hang) in (1..).zip(hangs) {
        model.next(hang);
        let asking = async { ask(&model, &question("x", true)).await?.bytes().await };
        // Gone only once the request is there, however slow the machine.
        let arrived = async {
            assert!(model.wait_until(|model| model.in_flight() == 1, SOON).await);
            sleep(Duration::from_millis(20)).await;
        };
        tokio::select! {
            answer = asking => panic!("nothing is to come: {answer:?}"),
            () = arrived => {}
        }
        assert!(
            model
                .wait_until(
                    |model| model.abandoned() == n && model.in_flight() == 0,
                    SOON
                )
                .await
        );
    }
    model.goes_down();
    assert!(
        ask(&model, &question("x", true))
            .await
            .unwrap_err()
            .is_connect()
    );
    model.comes_up().await;
    model.always(Reply::text("back"));
    assert_eq!(said(&body(&model, true).await).unwrap(), "back");
    model.script(|request| {
        if request.n % 2 == 0 {
            Reply::error(500)
        } else {
            Reply::text("odd")
        }
    });
    assert!(model.count() >= 6);
}
