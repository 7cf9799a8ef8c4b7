//! Headers → how long a vendor asks us to wait. Reads no clock and clamps nothing: core does.

use std::time::Duration;

use jiff::fmt::rfc2822;
use reqwest::header::HeaderMap;

/// What `retry-after-ms` or `retry-after` asks for. A date is read against the answer's own `Date`, so that no clock
/// of ours is asked and its being wrong does not matter; negative and unreadable ones are none.
pub(super) fn wait(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let seconds = |number: f64| Duration::try_from_secs_f64(number).ok();
    if let Some(ms) = text("retry-after-ms").and_then(|ms| ms.parse::<f64>().ok()) {
        return seconds(ms / 1_000.0);
    }
    let after = text("retry-after")?;
    if let Ok(number) = after.parse::<f64>() {
        return seconds(number);
    }
    let date = |text: &str| rfc2822::DateTimeParser::new().parse_timestamp(text).ok();
    let span = date(after)?.duration_since(date(text("date")?)?);
    Duration::try_from(span).ok()
}

/// OpenAI's `x-ratelimit-reset-*` of the limit that is used up: "1s", "6m0s", "120ms".
pub(super) fn reset(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: String| headers.get(name)?.to_str().ok();
    ["requests", "tokens"]
        .into_iter()
        .filter(|limit| text(format!("x-ratelimit-remaining-{limit}")) == Some("0"))
        .filter_map(|limit| text(format!("x-ratelimit-reset-{limit}"))?.parse().ok())
        .filter_map(|span: jiff::SignedDuration| Duration::try_from(span).ok())
        .max()
}

#[cfg(test)]
mod tests {
    use teahouse_core::FailureKind::Rate;

    use super::*;
    use crate::errors::Failure;

    fn headers(rows: &[(&'static str, &'static str)]) -> HeaderMap {
        rows.iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn bad_055_a_wish_to_wait_is_read_or_left_alone() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        for (rows, expected) in [
            (vec![("retry-after", "1")], Some(1_000)),
            (vec![("retry-after", "0.5")], Some(500)),
            (vec![("retry-after", "-5")], None),
            (vec![("retry-after", "1e9")], Some(1_000_000_000_000)),
            (vec![("retry-after", "1e99")], None),
            (vec![("retry-after", "inf")], None),
            (vec![("retry-after", "abc")], None),
            (vec![("retry-after", "")], None),
            (
                vec![("retry-after-ms", "250"), ("retry-after", "9")],
                Some(250),
            ),
            (
                vec![("retry-after-ms", "x"), ("retry-after", "9")],
                Some(9_000),
            ),
            (
                vec![("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT"), date],
                Some(30_000),
            ),
            (
                vec![("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT"), date],
                None,
            ),
            (vec![("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")], None),
            (
                vec![
                    ("x-ratelimit-remaining-requests", "0"),
                    ("x-ratelimit-reset-requests", "6m0s"),
                ],
                Some(360_000),
            ),
            (
                vec![
                    ("x-ratelimit-remaining-requests", "3"),
                    ("x-ratelimit-reset-requests", "6m0s"),
                ],
                None,
            ),
            (vec![], None),
        ] {
            let failure = Failure::answer(429, &headers(&rows), b"");
            let wait = failure.wait.map(|wait| wait.as_millis());
            assert_eq!((failure.kind, wait), (Rate, expected), "{rows:?}");
        }
        let budget = Failure::answer(402, &headers(&[("retry-after", "3")]), b"{}");
        assert_eq!(budget.kind, Rate);
    }
}
