//! What `teahouse judge` reads and writes, as the contract has it. Decides nothing.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use teahouse_core::rules::level::Level;
use teahouse_core::rules::links::Link;
use teahouse_core::rules::verdict::{Effect, Finding, Judgement};
use teahouse_core::{Charter, MemberId, Mode, Role};

/// One line in; its words stay where they were read.
#[derive(Deserialize)]
pub(super) struct In<'l> {
    #[serde(borrow, deserialize_with = "text_or_number")]
    pub(super) id: Cow<'l, str>,
    #[serde(borrow)]
    pub(super) text: Cow<'l, str>,
    #[serde(borrow, default)]
    pub(super) member: Option<Member<'l>>,
    #[serde(borrow, default)]
    room: Option<Words<'l>>,
    #[serde(default, deserialize_with = "moment")]
    pub(super) time: Option<Timestamp>,
    #[serde(borrow, default)]
    pub(super) quote: Option<Quote<'l>>,
}

#[derive(Deserialize)]
pub(super) struct Member<'l> {
    #[serde(deserialize_with = "member_id")]
    pub(super) id: MemberId,
    #[serde(borrow, default)]
    pub(super) name: Cow<'l, str>,
    #[serde(default)]
    pub(super) role: Option<Role>,
    #[serde(default, deserialize_with = "moment")]
    pub(super) joined: Option<Timestamp>,
}

#[derive(Deserialize)]
pub(super) struct Quote<'l> {
    #[serde(borrow, default)]
    pub(super) text: Cow<'l, str>,
    #[serde(borrow, default)]
    pub(super) member: Cow<'l, str>,
}

/// Words that may be left out.
#[derive(Deserialize)]
#[serde(transparent)]
struct Words<'l>(#[serde(borrow)] Cow<'l, str>);

impl<'l> In<'l> {
    pub(super) fn read(line: &'l [u8]) -> Result<Self, String> {
        let line = line.trim_ascii();
        if line.is_empty() {
            return Err("the line is empty".into());
        }
        // Letters that are none are looked for once, and not in each of its words.
        let read = match std::str::from_utf8(line) {
            Ok(line) => serde_json::from_str(line),
            Err(_) => serde_json::from_slice(line),
        };
        read.map_err(|error| {
            // The place in the line is the reader's; the line's own number is told beside it.
            let text = error.to_string();
            let why = text.split(" at line ").next().unwrap_or_default();
            format!("no line to judge: {why}")
        })
    }

    /// Room, member and time, if all are known.
    pub(super) fn said(&self) -> Option<(&str, &str, Timestamp)> {
        let member = self.member.as_ref()?;
        Some((&self.room.as_ref()?.0, member.id.as_str(), self.time?))
    }
}

/// Ids are texts; who writes a number means the same.
fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'de, str>, D::Error> {
    deserializer.deserialize_any(Id)
}

fn member_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<MemberId, D::Error> {
    deserializer.deserialize_any(Id).map(MemberId::new)
}

struct Id;

impl<'de> Visitor<'de> for Id {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a number")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(text.into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Cow<'de, str>, E> {
        Ok(text.to_owned().into())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Cow<'de, str>, E> {
        Ok(number.to_string().into())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Cow<'de, str>, E> {
        Ok(number.to_string().into())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Cow<'de, str>, E> {
        let number = serde_json::Number::from_f64(number);
        Ok(number.map_or_else(String::new, |n| n.to_string()).into())
    }
}

/// A time, read quickly where it is written as most of them are.
fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    #[derive(Deserialize)]
    struct Moment(#[serde(deserialize_with = "timestamp")] Timestamp);
    Ok(Option::<Moment>::deserialize(deserializer)?.map(|moment| moment.0))
}

fn timestamp<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    struct Written;

    impl Visitor<'_> for Written {
        type Value = Timestamp;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a timestamp string")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Timestamp, E> {
            match whole_seconds(text.as_bytes()) {
                Some(time) => Ok(time),
                None => text.parse().map_err(E::custom),
            }
        }
    }

    deserializer.deserialize_str(Written)
}

/// `2026-01-02T03:04:05Z`, of a year with four digits; all else is for the parser that knows every form.
fn whole_seconds(text: &[u8]) -> Option<Timestamp> {
    let [
        y1,
        y2,
        y3,
        y4,
        b'-',
        m1,
        m2,
        b'-',
        d1,
        d2,
        b'T',
        h1,
        h2,
        b':',
        i1,
        i2,
        b':',
        s1,
        s2,
        b'Z',
    ] = text
    else {
        return None;
    };
    let two = |tens: &u8, ones: &u8| {
        let both = tens.is_ascii_digit() && ones.is_ascii_digit();
        both.then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
    };
    let year = two(y1, y2)? * 100 + two(y3, y4)?;
    let (month, day) = (two(m1, m2)?, two(d1, d2)?);
    let (hour, minute, second) = (two(h1, h2)?, two(i1, i2)?, two(s1, s2)?);
    // The last days of a month are for the other one, too.
    if !(1..=12).contains(&month) || !(1..=28).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // A year that begins in March ends with the day that not every year has.
    let (year, month) = (year - i64::from(month < 3), (month + 9) % 12);
    let days = 365 * year + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (153 * month + 2) / 5
        + day
        - 1
        - TO_1970;
    Timestamp::from_second(((days * 24 + hour) * 60 + minute) * 60 + second).ok()
}

/// Days from the first of March of the year 0 to 1970.
const TO_1970: i64 = 719_468;

/// One line out.
#[derive(Default)]
pub(super) struct Out<'l> {
    pub(super) id: Cow<'l, str>,
    pub(super) judgement: Option<Judgement>,
    pub(super) language: &'static str,
    pub(super) level: Option<Level>,
    pub(super) addressed: bool,
    pub(super) answers_to: Option<String>,
    pub(super) links: Vec<Link>,
    pub(super) rewritten: Option<String>,
    pub(super) trail: Option<Vec<String>>,
    pub(super) error: Option<(String, usize)>,
}

impl Out<'_> {
    pub(super) fn error(why: String, line: usize) -> Self {
        Out {
            error: Some((why, line)),
            ..Out::default()
        }
    }

    pub(super) fn judged(&mut self, judgement: Judgement) {
        self.judgement = Some(judgement);
    }

    /// How the verdict came about, in sentences.
    pub(super) fn explain(&mut self, charter: &Charter) {
        let Some(judgement) = &self.judgement else {
            return;
        };
        let mut trail = vec![format!("judged by \"{}\"", charter.name)];
        trail.extend(judgement.findings.iter().map(told));
        let decisive = judgement.decisive();
        trail.extend(decisive.map(|finding| {
            let others: Vec<String> = judgement
                .findings
                .iter()
                .filter(|other| other.n != finding.n && other.mode.acts())
                .map(|other| format!("{} (rule {})", other.rule.as_str(), other.n))
                .collect();
            let outranked = match others.is_empty() {
                true => "nothing else was in question".to_owned(),
                false => format!("it outranks {}", others.join(", ")),
            };
            format!(
                "{} (rule {}) decides: {}; {outranked}",
                finding.rule.as_str(),
                finding.n,
                judgement.verdict.as_str()
            )
        }));
        if decisive.is_none() {
            trail.push("no rule that acts found anything: it passes".into());
        }
        self.trail = Some(trail);
    }
}

fn told(finding: &Finding) -> String {
    let follows = match (&finding.effect, finding.mode) {
        (_, Mode::Dry) => "the rule only records".to_owned(),
        (_, Mode::Off) => "the rule is off".to_owned(),
        (Effect::Rung(rung), Mode::Ask) => format!("an admin is asked about: {rung}"),
        (Effect::Rung(rung), Mode::On) => format!("follows: {rung}"),
        (Effect::Review, _) => "an admin looks".to_owned(),
        (Effect::Recorded, _) => "it is written down".to_owned(),
        (Effect::Changes, _) => "it goes on changed".to_owned(),
        (Effect::Stops, _) => "it does not go on".to_owned(),
    };
    format!(
        "{} (rule {}, version {}) at {}..{}: {}; {follows}",
        finding.rule.as_str(),
        finding.n,
        finding.version,
        finding.hit.span.start,
        finding.hit.span.end,
        finding.hit.why
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_read_quickly_is_the_time_that_the_parser_reads() {
        let days = (1..=28).step_by(9).chain([28]);
        for year in [
            "0001", "1600", "1900", "1969", "1970", "2000", "2024", "2026", "2100", "9998",
        ] {
            for month in 1..=12 {
                for day in days.clone() {
                    let text = format!("{year}-{month:02}-{day:02}T23:05:59Z");
                    let read = whole_seconds(text.as_bytes());
                    assert_eq!(read, Some(text.parse().unwrap()), "{text}");
                }
            }
        }
    }

    #[test]
    fn what_is_written_otherwise_is_left_to_the_parser() {
        for text in [
            "",
            "2026-01-02T03:04:05+00:00",
            "2026-01-02T03:04:05.5Z",
            "2026-01-02t03:04:05z",
            "2026-01-31T03:04:05Z",
            "2026-00-02T03:04:05Z",
            "2026-13-02T03:04:05Z",
            "2026-01-00T03:04:05Z",
            "2026-01-02T24:04:05Z",
            "2026-01-02T03:60:05Z",
            "2026-01-02T03:04:60Z",
            "2026-01-0/T03:04:05Z",
            "2026-01-02T03:04:05Z ",
        ] {
            assert_eq!(whole_seconds(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn ids_are_texts_or_numbers_and_times_may_be_left_out() {
        let read = |line: &'static str| In::read(line.as_bytes());
        let line = read(r#"{"id":7,"text":"a","member":{"id":-3},"time":null}"#).unwrap();
        let member = line.member.as_ref().unwrap();
        assert_eq!((&*line.id, member.id.as_str()), ("7", "-3"));
        assert_eq!((line.time, member.joined), (None, None));
        assert!(read(r#"{"id":1.5,"text":"a","time":"2026-01-31T03:04:05+08:00"}"#).is_ok());
        for (line, why) in [
            (r#"{"id":true,"text":"a"}"#, "expected a text or a number"),
            (r#"{"id":1,"text":"a","time":5}"#, "expected a timestamp"),
            (r#"{"id":1,"text":"a","time":"soon"}"#, "year"),
        ] {
            let error = read(line).map(|_| ()).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
