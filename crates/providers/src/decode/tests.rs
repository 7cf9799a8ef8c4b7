//! Recorded bodies and what is read from each: text, usage, finish and kind.

use super::*;

#[test]
fn a_recorded_body_is_read_like_a_live_one() {
    let stream = "data: {\"choices\":[{\"delta\":{\"content\":\"<think>hm</think>茶\"}}]}\n\n\
         data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n\
         data: [DONE]\n\n";
    for (status, body, expected) in [
        (
            200,
            stream,
            json!({"id": "1", "text": "茶", "usage": {"prompt_tokens": 3, "completion_tokens": 2}, "finish": "stop", "error_kind": null}),
        ),
        (
            200,
            r#"{"choices":[{"message":{"content":"x"},"finish_reason":"banana"}],"usage":{"prompt_tokens":-1,"completion_tokens":2}}"#,
            json!({"id": "1", "text": "x", "usage": null, "finish": "banana", "error_kind": null}),
        ),
        (
            200,
            "data: {\"choices\":[{\"delta\":{\"content\":\"so they want tea\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"</think>Tea.\"},\"finish_reason\":\"stop\"}]}\n\n",
            json!({"id": "1", "text": "Tea.", "usage": null, "finish": "stop", "error_kind": null}),
        ),
        (
            429,
            r#"{"error":{"code":"1113"}}"#,
            json!({"id": "1", "text": "", "usage": null, "finish": null, "error_kind": "no_money"}),
        ),
    ] {
        let line = json!({"id": "1", "status": status, "content_type": "x", "body": body});
        assert_eq!(read_recorded("openai", &line.to_string(), 1), expected);
    }
}

#[test]
fn a_broken_line_and_an_unknown_name_say_what_is_wrong() {
    for line in ["", "{", "[]", r#"{"id":"1"}"#] {
        assert_eq!(read_recorded("openai", line, 7)["line"], 7, "{line}");
    }
    assert_eq!(
        known("nobody").unwrap_err().to_string(),
        "no bodies of \"nobody\" can be read; known are: openai, openai-responses, anthropic, gemini, ollama"
    );
    assert!(read_recorded("nobody", "{}", 1)["error"].is_string());
}

/// Each row: status, body, then text, usage, finish and kind as they are printed.
fn check(provider: &str, rows: &[(u16, &str, &str)]) {
    for (status, body, expected) in rows {
        let line = json!({"id": 1, "status": status, "content_type": "x", "body": body});
        let read = read_recorded(provider, &line.to_string(), 1);
        let tokens = |name: &str| read["usage"][name].to_string();
        let usage = match &read["usage"] {
            Value::Null => "-".to_owned(),
            _ => format!(
                "{}+{}",
                tokens("prompt_tokens"),
                tokens("completion_tokens")
            ),
        };
        let word = |name: &str| read[name].as_str().unwrap_or("-").to_owned();
        let found = format!(
            "{} | {usage} | {} | {}",
            word("text"),
            word("finish"),
            word("error_kind")
        );
        assert_eq!(found, *expected, "{provider} {body}");
    }
}

/// Data lines of an event stream.
fn stream(events: &[&str]) -> String {
    let events = events.iter();
    events.map(|event| format!("data: {event}\n\n")).collect()
}

#[test]
fn anthropics_messages_are_read_whole_and_in_blocks() {
    let start = r#"{"type":"message_start","message":{"type":"message","content":[],"stop_reason":null,"usage":{"input_tokens":10,"cache_creation_input_tokens":2,"cache_read_input_tokens":30,"output_tokens":1}}}"#;
    let text = |text: &str| {
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": text}})
            .to_string()
    };
    let stop = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}"#;
    let good = [
        "event: message_start\n",
        &stream(&[start, r#"{"type":"ping"}"#]),
        &stream(&[
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"they want tea"}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"x"}}"#,
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}"#,
            &text("红"),
            &text("茶"),
            stop,
        ]),
        "event: message_stop\ndata: {\"type\":\"message_stop\"}",
    ]
    .concat();
    check(
        "anthropic",
        &[
            (200, &good, "红茶 | 42+9 | end_turn | -"),
            (
                200,
                r#"{"type":"message","content":[{"type":"thinking","thinking":"hm","signature":"x"},{"type":"text","text":"Tea."}],"stop_reason":"max_tokens","usage":{"input_tokens":10,"output_tokens":20}}"#,
                "Tea. | 10+20 | max_tokens | -",
            ),
            (
                200,
                r#"{"type":"message","content":[{"type":"tool_use","id":"t","name":"lookup","input":{}}],"stop_reason":"tool_use","usage":{"input_tokens":-1,"output_tokens":20}}"#,
                " | - | tool_use | -",
            ),
            (
                200,
                r#"{"type":"message","content":[{"type":"text","text":"I"}],"stop_reason":"refusal","stop_details":{"category":"bio"},"usage":{"input_tokens":1,"output_tokens":1}}"#,
                "I | 1+1 | refusal | content_output",
            ),
            (
                200,
                r#"{"type":"message","content":[],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":0}}"#,
                " | 1+0 | end_turn | empty",
            ),
            (
                200,
                &stream(&[start, &text("Te")]),
                "Te | 42+1 | - | interrupted",
            ),
            (
                200,
                &stream(&[
                    start,
                    &text("Te"),
                    r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
                ]),
                "Te | 42+1 | - | overloaded",
            ),
            (
                200,
                &stream(&[
                    start,
                    r#"{"type":"error","error":{"type":"api_error","message":"x"}}"#,
                ]),
                " | 42+1 | - | interrupted",
            ),
            (
                529,
                r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
                " | - | - | overloaded",
            ),
            (
                400,
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"You have reached your specified API usage limits. You will regain access on 2026-12-01."},"request_id":"r"}"#,
                " | - | - | plan_window",
            ),
            (
                400,
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the API."}}"#,
                " | - | - | no_money",
            ),
            (
                400,
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#,
                " | - | - | too_long",
            ),
            (
                401,
                r#"{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}"#,
                " | - | - | bad_key",
            ),
            (
                404,
                r#"{"type":"error","error":{"type":"not_found_error","message":"model: claude-0"}}"#,
                " | - | - | bad_model",
            ),
            (
                413,
                "<html>413 Request Entity Too Large</html>",
                " | - | - | too_long",
            ),
        ],
    );
}

#[test]
fn geminis_answers_are_read_whole_streamed_and_as_an_array() {
    let first = r#"{"candidates":[{"content":{"parts":[{"text":"they want tea","thought":true},{"text":"Te"}],"role":"model"}}],"usageMetadata":{"promptTokenCount":7,"totalTokenCount":7}}"#;
    let last = r#"{"candidates":[{"content":{"parts":[{"text":"a."}],"role":"model"},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":7,"cachedContentTokenCount":4,"toolUsePromptTokenCount":2,"candidatesTokenCount":3,"thoughtsTokenCount":20,"totalTokenCount":32}}"#;
    let without_content = r#"{"candidates":[{"finishReason":"MAX_TOKENS"}],"usageMetadata":{"promptTokenCount":7,"thoughtsTokenCount":80,"totalTokenCount":87}}"#;
    check(
        "gemini",
        &[
            (200, &stream(&[first, last]), "Tea. | 9+23 | STOP | -"),
            (
                200,
                &format!("[{first}\n,\r\n{last}\n]\n"),
                "Tea. | 9+23 | STOP | -",
            ),
            (200, &format!("{first}\n{last}\n"), "Tea. | 9+23 | STOP | -"),
            (200, &format!("[{first},"), "Te | 7+0 | - | interrupted"),
            (200, &stream(&[first]), "Te | 7+0 | - | interrupted"),
            (
                200,
                &stream(&[first, without_content]),
                "Te | 7+80 | MAX_TOKENS | -",
            ),
            (200, without_content, " | 7+80 | MAX_TOKENS | empty"),
            (
                200,
                r#"{"candidates":[{"content":{"parts":[{"text":"To make "}]},"finishReason":"SAFETY"}],"usageMetadata":{"promptTokenCount":7,"candidatesTokenCount":2,"totalTokenCount":9}}"#,
                "To make  | 7+2 | SAFETY | content_output",
            ),
            (
                200,
                r#"{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":{"promptTokenCount":7,"totalTokenCount":7}}"#,
                " | 7+0 | - | content_input",
            ),
            (
                200,
                r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"lookup","args":{}},"thoughtSignature":"x"}]},"finishReason":"STOP"}]}"#,
                " | - | STOP | -",
            ),
            (
                400,
                r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"@type":"x/google.rpc.Help"},{"@type":"x/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}"#,
                " | - | - | bad_key",
            ),
            (
                400,
                r#"[{"error":{"code":400,"message":"User location is not supported for the API use.","status":"FAILED_PRECONDITION"}}]"#,
                " | - | - | ip_or_region",
            ),
            (
                429,
                r#"{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"x/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}]}}"#,
                " | - | - | plan_window",
            ),
            (
                429,
                r#"{"error":{"code":429,"message":"Resource has been exhausted (e.g. check quota).","status":"RESOURCE_EXHAUSTED","details":[{"@type":"x/google.rpc.RetryInfo","retryDelay":"17s"},{"@type":"x/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerMinutePerProjectPerModel"}]}]}}"#,
                " | - | - | rate",
            ),
            (
                503,
                r#"{"error":{"code":503,"message":"The model is overloaded. Please try again later.","status":"UNAVAILABLE"}}"#,
                " | - | - | overloaded",
            ),
            (
                404,
                r#"{"error":{"code":404,"message":"models/gemini-0 is not found","status":"NOT_FOUND"}}"#,
                " | - | - | bad_model",
            ),
        ],
    );
}

#[test]
fn ollamas_lines_are_read_to_the_one_that_says_done() {
    let line = |content: &str| {
        json!({"model": "m", "message": {"role": "assistant", "content": content}, "done": false})
            .to_string()
    };
    let thought =
        r#"{"model":"m","message":{"role":"assistant","content":"","thinking":"hm"},"done":false}"#;
    let done = r#"{"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":11,"eval_count":18}"#;
    let lines = |lines: &[&str]| lines.join("\n");
    check(
        "ollama",
        &[
            (
                200,
                &lines(&[thought, &line("红"), &line("茶"), done]),
                "红茶 | 11+18 | stop | -",
            ),
            (
                200,
                &lines(&[&line("Te"), &line("a")]),
                "Tea | - | - | interrupted",
            ),
            (200, &line("Te"), "Te | - | - | interrupted"),
            (
                200,
                &format!("{}\n{}", line("Te"), &done[..40]),
                "Te | - | - | interrupted",
            ),
            (
                200,
                r#"{"model":"m","message":{"role":"assistant","content":"Tea."},"done":true,"done_reason":"length","eval_count":18}"#,
                "Tea. | - | length | -",
            ),
            (
                200,
                r#"{"model":"m","response":"Tea.","done":true,"prompt_eval_count":1,"eval_count":2}"#,
                "Tea. | 1+2 | stop | -",
            ),
            (
                200,
                r#"{"model":"m","message":{"content":"","tool_calls":[{"function":{"name":"lookup","arguments":{}}}]},"done":true,"done_reason":"stop","prompt_eval_count":1,"eval_count":2}"#,
                " | 1+2 | stop | -",
            ),
            (200, &lines(&[thought, done]), " | 11+18 | stop | empty"),
            (
                200,
                &lines(&[
                    &line("Te"),
                    r#"{"error":"an error was encountered while running the model"}"#,
                ]),
                "Te | - | - | interrupted",
            ),
            (
                404,
                r#"{"error":"model 'tea' not found"}"#,
                " | - | - | bad_model",
            ),
            (
                500,
                r#"{"error":"llama runner process has terminated"}"#,
                " | - | - | server",
            ),
        ],
    );
}

#[test]
fn openais_responses_are_read_whole_and_in_events() {
    let delta = |text: &str| {
        json!({"type": "response.output_text.delta", "item_id": "i", "delta": text}).to_string()
    };
    let whole = r#"{"object":"response","status":"completed","output":[{"type":"reasoning","summary":[]},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"Tea.","annotations":[]}]}],"usage":{"input_tokens":5,"output_tokens":9,"output_tokens_details":{"reasoning_tokens":4}}}"#;
    let completed =
        format!(r#"{{"type":"response.completed","sequence_number":9,"response":{whole}}}"#);
    let created = r#"{"type":"response.created","response":{"status":"in_progress","output":[]}}"#;
    let done = r#"{"type":"response.output_text.done","text":"Tea."}"#;
    check(
        "openai-responses",
        &[
            (200, whole, "Tea. | 5+9 | completed | -"),
            (
                200,
                &stream(&[created, &delta("Te"), &delta("a."), done, &completed]),
                "Tea. | 5+9 | completed | -",
            ),
            (
                200,
                &stream(&[created, &completed]),
                "Tea. | 5+9 | completed | -",
            ),
            (
                200,
                &stream(&[created, &delta("Te")]),
                "Te | - | - | interrupted",
            ),
            (
                200,
                r#"{"object":"response","status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[{"type":"message","content":[{"type":"output_text","text":"Te"}]}],"usage":{"input_tokens":5,"output_tokens":9}}"#,
                "Te | 5+9 | max_output_tokens | -",
            ),
            (
                200,
                r#"{"object":"response","status":"incomplete","incomplete_details":{"reason":"content_filter"},"output":[]}"#,
                " | - | content_filter | content_output",
            ),
            (
                200,
                r#"{"object":"response","status":"completed","output":[{"type":"message","content":[{"type":"refusal","refusal":"No."}]}]}"#,
                " | - | completed | content_output",
            ),
            (
                200,
                r#"{"object":"response","status":"completed","output":[{"type":"function_call","call_id":"c","name":"lookup","arguments":"{}"}]}"#,
                " | - | completed | -",
            ),
            (
                200,
                r#"{"object":"response","status":"failed","error":{"code":"rate_limit_exceeded","message":"x"},"output":[]}"#,
                " | - | failed | rate",
            ),
            (
                200,
                r#"{"object":"response","status":"failed","error":{"code":"server_error","message":"x"},"output":[]}"#,
                " | - | failed | server",
            ),
            (
                200,
                &stream(&[
                    created,
                    &delta("Te"),
                    r#"{"type":"error","code":"server_error","message":"x","param":null}"#,
                ]),
                "Te | - | - | interrupted",
            ),
            (
                200,
                &stream(&[
                    created,
                    r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"invalid_prompt","message":"x"},"output":[]}}"#,
                ]),
                " | - | failed | content_input",
            ),
            (
                401,
                r#"{"error":{"message":"Incorrect API key provided: sk-x","type":"invalid_request_error","code":"invalid_api_key"}}"#,
                " | - | - | bad_key",
            ),
        ],
    );
}

#[test]
fn what_is_no_answer_is_none_for_any_api() {
    for provider in KNOWN.iter().filter(|name| **name != "openai") {
        check(
            provider,
            &[
                (200, "", " | - | - | empty"),
                (
                    200,
                    "<html><title>Log in</title></html>",
                    " | - | - | server",
                ),
                (200, r#"{"unknown":true}"#, " | - | - | server"),
                (200, r#""an error""#, " | - | - | server"),
                (
                    200,
                    r#"{"error":{"message":"busy","code":429}}"#,
                    " | - | - | rate",
                ),
                (
                    502,
                    "<html><title>Bad gateway</title></html>",
                    " | - | - | server",
                ),
                (429, "", " | - | - | rate"),
            ],
        );
    }
}
