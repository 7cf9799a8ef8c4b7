//! The parrot behind the gateway, on a clock that stands still until somebody waits.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use teahouse_core::{AiMark, ChatRequest, Chunk, Finish, Price, PromptLine, Speaker};
use teahouse_providers::parrot::{Act, BadAct};
use teahouse_providers::{Gateway, PARROT, Parrot, ProviderError};
use tokio::time::Instant;

/// What one call said, how it ended and after how many seconds.
struct Told {
    pieces: Vec<String>,
    finish: Option<Finish>,
    used: Option<(u64, u64)>,
    failed: Option<ProviderError>,
    seconds: u64,
}

impl Told {
    fn text(&self) -> String {
        self.pieces.concat()
    }

    fn failure(&self) -> String {
        let failed = self.failed.as_ref().expect("it fails");
        let kind = serde_json::to_value(failed.kind).unwrap();
        format!("{} {}", kind.as_str().unwrap(), failed.detail)
    }
}

async fn told(model: &str, content: &str) -> Told {
    let request = ChatRequest {
        model: model.into(),
        lines: vec![PromptLine {
            role: Speaker::User,
            content: content.into(),
        }],
        max_tokens: 60,
    };
    let gateway = Gateway::new(vec![Arc::new(Parrot::new(PARROT))]);
    let started = Instant::now();
    let deadline = started + Duration::from_secs(240);
    let mut told = Told {
        pieces: Vec::new(),
        finish: None,
        used: None,
        failed: None,
        seconds: 0,
    };
    match gateway.chat(PARROT, &request, deadline).await {
        Err(error) => told.failed = Some(error),
        Ok(mut chunks) => {
            while let Some(chunk) = chunks.next().await {
                match chunk {
                    Ok(Chunk::Text(piece)) => told.pieces.push(piece),
                    Ok(Chunk::Finish(finish)) => told.finish = Some(finish),
                    Ok(Chunk::Usage(usage)) => {
                        told.used = usage.prompt_tokens.zip(usage.completion_tokens);
                    }
                    Ok(Chunk::Thinking | Chunk::KeepAlive) => {}
                    Err(error) => told.failed = Some(error),
                }
            }
        }
    }
    told.seconds = started.elapsed().as_secs();
    told
}

#[tokio::test(start_paused = true)]
async fn it_says_the_question_again_in_pieces_and_counts_them() {
    let said = told("parrot", "lin: 红茶为什么是红的? Why is tea red?").await;
    assert_eq!(said.text(), "红茶为什么是红的? Why is tea red?");
    assert!(said.pieces.len() > 2, "{:?}", said.pieces);
    assert_eq!(said.finish, Some(Finish::Stop));
    let (asked, answered) = said.used.unwrap();
    assert!(asked > answered && answered > 5, "{asked} {answered}");
    assert_eq!((said.seconds, said.failed.is_none()), (0, true));
}

#[tokio::test(start_paused = true)]
async fn every_fault_is_what_a_vendors_would_be() {
    let late = told("parrot:delay=5s", "lin: tea?").await;
    assert_eq!((late.text().as_str(), late.seconds), ("tea?", 5));

    let empty = told("parrot:empty", "lin: tea?").await;
    assert_eq!(
        (empty.text().as_str(), empty.finish),
        ("", Some(Finish::Stop))
    );

    let refused = told("parrot:refusal", "lin: tea?").await;
    assert_eq!(
        (refused.text().as_str(), refused.finish),
        ("", Some(Finish::Filtered))
    );

    let long = told("parrot:long", "lin: why is tea red?").await;
    assert!(long.text().starts_with("1. why is tea red?\n2. why is tea"));
    assert_eq!(long.finish, Some(Finish::Length));
    let (_, answered) = long.used.unwrap();
    assert!((50..=60).contains(&answered), "{answered}");

    for (model, failure, seconds) in [
        (
            "parrot:429",
            "rate 429: rate_limit_exceeded: Rate limit reached",
            0,
        ),
        (
            "parrot:500",
            "server 500: server_error: The server had an error",
            0,
        ),
        ("parrot:hang", "timeout no first word in time", 15),
        ("parrot:delay=16s", "timeout no first word in time", 15),
    ] {
        let failed = told(model, "lin: tea?").await;
        assert_eq!(
            (failed.failure().as_str(), failed.seconds),
            (failure, seconds),
            "{model}"
        );
        assert_eq!(failed.text(), "", "{model}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_model_it_does_not_know_is_refused_with_the_list() {
    for name in [
        "",
        "Parrot",
        "parrot:",
        "parrot:503",
        "parrot:delay",
        "parrot:delay=0s",
        "parrot:delay=+5s",
        "parrot:delay=241s",
        "parrot:delay=99999999999999999999s",
    ] {
        assert_eq!(name.parse::<Act>(), Err(BadAct(name.into())));
    }
    let failed = told("parrot:503", "lin: tea?").await;
    assert!(
        failed.failure().starts_with(
            "bad_model \"parrot:503\" is no model of the parrot; write one of parrot,"
        ),
        "{}",
        failed.failure()
    );
}

#[test]
fn a_route_to_it_is_free_marked_and_reads_back() {
    for act in [
        Act::Echo,
        Act::Delay(Duration::from_secs(5)),
        Act::TooMany,
        Act::Broken,
        Act::Hang,
        Act::Empty,
        Act::Long,
        Act::Refusal,
    ] {
        let model = act.model();
        assert_eq!(model.model.parse(), Ok(act));
        assert_eq!((model.price, model.mark), (Price::free(), AiMark::Parrot));
        let listed = BadAct(String::new()).to_string();
        assert!(
            listed.contains(&model.model),
            "{listed} lacks {}",
            model.model
        );
    }
}
