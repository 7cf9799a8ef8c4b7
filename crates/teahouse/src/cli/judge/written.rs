//! A line out of `teahouse judge` as JSON. Keys and our own words are the same in every line and nothing in them is to
//! be escaped: they are written as they stand, and what differs is left to the library. Decides nothing.

use serde::Serialize;
use teahouse_core::rules::links::Link;
use teahouse_core::rules::verdict::{Finding, Judgement};

use super::shapes::Out;

impl Out<'_> {
    /// Writes it, with the end of its line.
    pub(super) fn write(&self, to: &mut Vec<u8>) -> serde_json::Result<()> {
        if let Some((error, line)) = &self.error {
            thing(to, b"{\"error\":", error)?;
            thing(to, b",\"line\":", line)?;
            to.extend_from_slice(b"}\n");
            return Ok(());
        }
        let nothing = Judgement::of(vec![]);
        let judgement = self.judgement.as_ref().unwrap_or(&nothing);
        thing(to, b"{\"id\":", &self.id)?;
        word(to, b",\"verdict\":\"", judgement.verdict.as_str());
        word(to, b",\"dry_verdict\":\"", judgement.dry_verdict.as_str());
        list(to, b",\"findings\":[", &judgement.findings, finding)?;
        list(to, b",\"actions\":[", &judgement.actions, |to, action| {
            thing(to, b"", &action.to_string())
        })?;
        word(to, b",\"language\":\"", self.language);
        if let Some(level) = self.level {
            word(to, b",\"level\":{\"cefr\":\"", level.cefr);
            // Two places: more would claim too much.
            thing(to, b",\"score\":", &((level.score * 100.0).round() / 100.0))?;
            to.push(b'}');
        }
        let addressed: &[u8] = match self.addressed {
            true => b",\"addressed\":true",
            false => b",\"addressed\":false",
        };
        to.extend_from_slice(addressed);
        let text = |to: &mut Vec<u8>, text: &String| thing(to, b"", text);
        list(to, b",\"answers_to\":[", self.answers_to.as_slice(), text)?;
        list(to, b",\"links\":[", &self.links, link)?;
        if let Some(rewritten) = &self.rewritten {
            thing(to, b",\"rewritten\":", rewritten)?;
        }
        if let Some(trail) = &self.trail {
            list(to, b",\"trail\":[", trail, text)?;
        }
        to.extend_from_slice(b"}\n");
        Ok(())
    }
}

fn finding(to: &mut Vec<u8>, finding: &Finding) -> serde_json::Result<()> {
    word(to, b"{\"rule\":\"", finding.rule.as_str());
    thing(to, b",\"n\":", &finding.n)?;
    thing(to, b",\"version\":", &finding.version)?;
    word(to, b",\"mode\":\"", finding.mode.as_str());
    word(to, b",\"kind\":\"", finding.hit.kind);
    if let Some(entry) = &finding.hit.entry {
        thing(to, b",\"entry\":", entry)?;
    }
    thing(to, b",\"span\":[", &finding.hit.span.start)?;
    thing(to, b",", &finding.hit.span.end)?;
    thing(to, b"],\"matched\":", &finding.matched)?;
    thing(to, b",\"why\":", &finding.hit.why)?;
    to.push(b'}');
    Ok(())
}

fn link(to: &mut Vec<u8>, link: &Link) -> serde_json::Result<()> {
    thing(to, b"{\"raw\":", &link.raw)?;
    thing(to, b",\"url\":", &link.url)?;
    thing(to, b",\"domain\":", &link.domain)?;
    thing(to, b",\"span\":[", &link.span.start)?;
    thing(to, b",", &link.span.end)?;
    thing(to, b"],\"obfuscated\":", &link.obfuscated)?;
    to.push(b'}');
    Ok(())
}

/// One of our own words, behind what opens it.
#[inline]
fn word<const N: usize>(to: &mut Vec<u8>, before: &[u8; N], word: &str) {
    to.extend_from_slice(before);
    to.extend_from_slice(word.as_bytes());
    to.push(b'"');
}

/// A text or a number, behind its key.
#[inline]
fn thing<const N: usize>(
    to: &mut Vec<u8>,
    before: &[u8; N],
    thing: &impl Serialize,
) -> serde_json::Result<()> {
    to.extend_from_slice(before);
    serde_json::to_writer(to, thing)
}

/// Things one after the other, behind what opens them; mostly there are none.
#[inline]
fn list<T, const N: usize>(
    to: &mut Vec<u8>,
    before: &[u8; N],
    things: &[T],
    write: impl Fn(&mut Vec<u8>, &T) -> serde_json::Result<()>,
) -> serde_json::Result<()> {
    to.extend_from_slice(before);
    for (n, thing) in things.iter().enumerate() {
        if n > 0 {
            to.push(b',');
        }
        write(to, thing)?;
    }
    to.push(b']');
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use teahouse_core::Mode;
    use teahouse_core::rules::Hit;
    use teahouse_core::rules::level::Level;
    use teahouse_core::rules::verdict::{Effect, RuleName};

    use super::*;

    const HOSTILE: &str = "\"quoted\\\" \u{1}\n\t 茶 </script>";

    fn written(out: &Out<'_>) -> Value {
        let mut bytes = Vec::new();
        out.write(&mut bytes).unwrap();
        let line = bytes.strip_suffix(b"\n").unwrap();
        assert!(!line.contains(&b'\n'), "one line");
        serde_json::from_slice(line).unwrap()
    }

    fn finding(mode: Mode, entry: Option<&str>) -> Finding {
        let mut hit = Hit::sure(3..9, "listed", HOSTILE);
        hit.entry = entry.map(str::to_owned);
        Finding {
            rule: RuleName::Words,
            n: 2,
            version: 7,
            mode,
            hit,
            matched: HOSTILE.into(),
            effect: Effect::Review,
        }
    }

    #[test]
    fn whatever_is_in_it_a_line_is_one_line_of_json() {
        let link = Link {
            raw: HOSTILE.into(),
            url: "https://example.com/茶".into(),
            host: "example.com".into(),
            domain: "example.com".into(),
            span: 1..5,
            obfuscated: true,
            lookalike: false,
        };
        let out = Out {
            id: HOSTILE.into(),
            judgement: Some(Judgement::of(vec![
                finding(Mode::On, Some(HOSTILE)),
                finding(Mode::Dry, None),
            ])),
            language: "en",
            level: Some(Level {
                cefr: "B1",
                score: 3.204,
            }),
            addressed: true,
            answers_to: Some(HOSTILE.into()),
            links: vec![link.clone(), link],
            rewritten: Some(HOSTILE.into()),
            trail: Some(vec![HOSTILE.into(), String::new()]),
            error: None,
        };
        let on = json!({
            "rule": "words", "n": 2, "version": 7, "mode": "on", "kind": "listed", "entry": HOSTILE,
            "span": [3, 9], "matched": HOSTILE, "why": HOSTILE,
        });
        let mut dry = on.clone();
        dry["mode"] = "dry".into();
        dry.as_object_mut().unwrap().remove("entry");
        let link = json!({
            "raw": HOSTILE, "url": "https://example.com/茶", "domain": "example.com", "span": [1, 5],
            "obfuscated": true,
        });
        let expected = json!({
            "id": HOSTILE, "verdict": "flag", "dry_verdict": "flag", "findings": [on, dry],
            "actions": ["review"], "language": "en", "level": {"cefr": "B1", "score": 3.2},
            "addressed": true, "answers_to": [HOSTILE], "links": [link, link], "rewritten": HOSTILE,
            "trail": [HOSTILE, ""],
        });
        assert_eq!(written(&out), expected);
    }

    #[test]
    fn what_is_not_there_is_left_out_or_empty() {
        let plain = Out {
            id: "1".into(),
            language: "none",
            ..Out::default()
        };
        let expected = json!({
            "id": "1", "verdict": "allow", "dry_verdict": "allow", "findings": [], "actions": [],
            "language": "none", "addressed": false, "answers_to": [], "links": [],
        });
        assert_eq!(written(&plain), expected);
        let error = Out::error(HOSTILE.into(), 4);
        assert_eq!(written(&error), json!({"error": HOSTILE, "line": 4}));
    }
}
