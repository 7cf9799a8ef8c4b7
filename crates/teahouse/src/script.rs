//! Scripts: a small text of who says what in the parlour, and what is expected of the house. The same script runs in the
//! page, in tests and by `teahouse serve --script`. Nothing is special about its room: the journey is the same.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use teahouse_adapters::EventSink;
use teahouse_adapters::parlour::{
    Line, NewMessage, Parlour, ParlourError, Said, SeatRole, SpeakerKind,
};
use teahouse_core::{ChatId, MemberId, Reason, Zone};
use tokio::sync::watch;

use crate::console::session::random_hex;
use crate::host::Host;
use crate::parlour::{Models, clock_mode};

/// Lines of one script.
const LINES: usize = 1_000;
/// One line comes to rest within so long.
const REST: Duration = Duration::from_secs(600);

/// A script, read and understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    steps: Vec<(usize, Step)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Say {
        seat: String,
        text: String,
    },
    Clock(String),
    Role {
        seat: String,
        role: SeatRole,
    },
    Model {
        choice: String,
        fault: Option<String>,
    },
    Expect(Expect),
}

/// What is expected of the house after the last message.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Expect {
    Reason(String),
    Says(String),
    Silence,
}

/// A line that nobody understands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct ScriptError {
    /// Which.
    pub line: usize,
    /// Why not, and what to write.
    pub why: String,
}

impl FromStr for Script {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        let mut steps = Vec::new();
        for (line, written) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
            let written = written.trim();
            if written.is_empty() || written.starts_with('#') {
                continue;
            }
            if steps.len() >= LINES {
                let why = format!("a script has {LINES} lines at most");
                return Err(ScriptError { line, why });
            }
            let step = step(written).map_err(|why| ScriptError { line, why })?;
            steps.push((line, step));
        }
        Ok(Script { steps })
    }
}

fn step(written: &str) -> Result<Step, String> {
    let Some(order) = written.strip_prefix('@') else {
        let colon = written.find([':', '：']);
        let (seat, text) = colon.map_or((written, ""), |at| written.split_at(at));
        let text = text.trim_start_matches([':', '：']).trim();
        if seat.trim().is_empty() || text.is_empty() {
            return Err("write who says what, like `阿明: ai 你好`".to_owned());
        }
        return Ok(Step::Say {
            seat: seat.trim().to_owned(),
            text: text.to_owned(),
        });
    };
    let (word, rest) = order.split_once(char::is_whitespace).unwrap_or((order, ""));
    let rest = rest.trim();
    match word {
        "时钟" | "clock" => {
            let now = jiff::Timestamp::UNIX_EPOCH;
            match clock_mode(rest, &Zone::default(), now, now) {
                Some(_) => Ok(Step::Clock(rest.to_owned())),
                None => Err("write `@clock 23:30`, `@clock fast` or `@clock now`".to_owned()),
            }
        }
        "角色" | "role" => rest
            .rsplit_once(char::is_whitespace)
            .and_then(|(seat, role)| {
                Some(Step::Role {
                    seat: seat.trim().to_owned(),
                    role: SeatRole::of(role)?,
                })
            })
            .ok_or_else(|| {
                let known: Vec<_> = SeatRole::ALL.iter().map(|(_, word, _)| *word).collect();
                format!("write `@role 阿明 admin`; roles are {}", known.join(", "))
            }),
        "模型" | "model" => {
            let mut words = rest.split_whitespace();
            match (words.next(), words.next(), words.next()) {
                (Some(choice), fault, None) => Ok(Step::Model {
                    choice: choice.to_owned(),
                    fault: fault.map(str::to_owned),
                }),
                _ => Err(
                    "write `@model parrot`, and a fault behind it if you like: `@model parrot 429`"
                        .to_owned(),
                ),
            }
        }
        "期待" | "expect" => expect(rest).map(Step::Expect),
        _ => Err(format!(
            "`@{word}` is no order; known are @时钟 @角色 @模型 @期待, in English @clock @role @model @expect"
        )),
    }
}

fn expect(rest: &str) -> Result<Expect, String> {
    if rest == "silence" {
        return Ok(Expect::Silence);
    }
    match rest.split_once('=') {
        Some(("says", part)) if !part.trim().is_empty() => Ok(Expect::Says(part.trim().to_owned())),
        Some(("reason", code)) if Reason::ALL.iter().any(|r| r.code() == code.trim()) => {
            Ok(Expect::Reason(code.trim().to_owned()))
        }
        Some(("reason", code)) => {
            let known: Vec<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
            Err(format!(
                "`{}` is no reason; reasons are {}",
                code.trim(),
                known.join(", ")
            ))
        }
        Some(_) | None => Err(
            "write `@expect reason=answered`, `@expect says=some words` or `@expect silence`"
                .to_owned(),
        ),
    }
}

/// What came of a script.
#[derive(Clone, Debug, Default)]
pub struct Played {
    /// What was said and what was expected, in order.
    pub transcript: Vec<String>,
    /// Expectations that were met.
    pub met: usize,
    /// … and that were not, or what broke off the script.
    pub failed: Vec<ScriptError>,
}

impl Played {
    /// Whether all went as expected.
    pub fn is_well(&self) -> bool {
        self.failed.is_empty()
    }
}

impl fmt::Display for Played {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.transcript {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "{} as expected, {} not", self.met, self.failed.len())
    }
}

/// Where scripts are played.
#[derive(Clone)]
pub struct Stage {
    /// The rooms.
    pub parlour: Arc<Parlour>,
    /// Who may answer in them.
    pub models: Arc<Models>,
    /// The journey.
    pub host: Arc<Host>,
    /// Where the rooms' events go …
    pub sink: EventSink,
    /// … and how many of them have arrived.
    pub taking: watch::Receiver<u64>,
}

impl Stage {
    /// Plays a script in a room of its own, which is closed behind it.
    pub async fn play(&self, script: &Script) -> Played {
        let room = ChatId::new(format!("script-{}", random_hex::<4>()));
        let mut play = Play {
            stage: self,
            room: room.clone(),
            seats: Vec::new(),
            last: None,
            seen: 0,
            played: Played::default(),
        };
        let done = play.run(script).await;
        let mut played = play.played;
        if let Err(error) = done {
            played.failed.push(error);
        }
        if let Err(error) = self.parlour.close_room(&room).await {
            tracing::warn!(%error, "a script's room could not be closed");
        }
        self.host.set_route(&self.parlour.address(&room), None);
        played
    }

    /// Waits until everything said in a room has reached the house and has come to its end.
    pub async fn rests(&self, room: &ChatId) {
        let offered = self.sink.offered();
        let mut taking = self.taking.clone();
        // The sender goes with the house; then nothing more will come.
        let _ = taking.wait_for(|taken| *taken >= offered).await;
        self.host.at_rest(&self.parlour.address(room)).await;
    }
}

struct Play<'s> {
    stage: &'s Stage,
    room: ChatId,
    seats: Vec<(String, MemberId)>,
    /// The last message of the script.
    last: Option<u64>,
    /// The newest line in the transcript.
    seen: u64,
    played: Played,
}

impl Play<'_> {
    async fn run(&mut self, script: &Script) -> Result<(), ScriptError> {
        let parlour = &self.stage.parlour;
        let wrong = |line: usize, why: String| ScriptError { line, why };
        parlour
            .create_room(&self.room, "剧本 / Script")
            .await
            .map_err(|error| wrong(0, error.to_string()))?;
        for (line, step) in &script.steps {
            let done = tokio::time::timeout(REST, self.step(*line, step)).await;
            match done {
                Ok(done) => done.map_err(|why| wrong(*line, why))?,
                Err(_) => {
                    let why = format!("it did not come to rest within {} s", REST.as_secs());
                    return Err(wrong(*line, why));
                }
            }
        }
        Ok(())
    }

    async fn step(&mut self, line: usize, step: &Step) -> Result<(), String> {
        let stage = self.stage;
        let told = |error: ParlourError| error.to_string();
        match step {
            Step::Say { seat, text } => {
                let seat = self.seat(seat, SeatRole::Member).await.map_err(told)?;
                let new = NewMessage {
                    client_id: format!("line-{line}"),
                    text: text.clone(),
                    mentions: mentioned(text, &self.seats),
                    ..NewMessage::default()
                };
                let said = stage.parlour.say(&self.room, &seat, new).await;
                let id = said.map_err(|why| format!("the parlour refused it: {why:?}"))?;
                self.last = Some(id);
                stage.rests(&self.room).await;
                self.look(told)?;
            }
            Step::Clock(word) => {
                let shown = stage.parlour.clock(&self.room).map_err(told)?;
                let charter = stage.host.charter_of(&stage.parlour.address(&self.room));
                let zone = charter.map_or_else(Zone::default, |charter| charter.zone.clone());
                let now = stage.host.now();
                let mode = clock_mode(word, &zone, now, shown).ok_or("that is no time")?;
                stage
                    .parlour
                    .set_clock(&self.room, mode)
                    .await
                    .map_err(told)?;
                self.write(format!("── {word} ──"));
            }
            Step::Role { seat, role } => {
                let known = self.seats.iter().any(|(name, _)| name == seat);
                let id = self.seat(seat, *role).await.map_err(told)?;
                if known {
                    stage
                        .parlour
                        .set_role(&self.room, &id, *role)
                        .await
                        .map_err(told)?;
                    stage.rests(&self.room).await;
                }
                self.write(format!("── {seat}: {} ──", role.word()));
            }
            Step::Model { choice, fault } => {
                let chosen = stage
                    .models
                    .choose(&self.room, choice, fault.as_deref())
                    .await;
                chosen.map_err(|error| error.to_string())?;
                let fault = fault.as_deref().unwrap_or_default();
                self.write(format!("── {choice} {fault}").trim_end().to_owned() + " ──");
            }
            Step::Expect(expect) => {
                let lines = stage.parlour.lines(&self.room).map_err(told)?;
                match self.look_for(expect, &lines) {
                    Ok(()) => {
                        self.played.met += 1;
                        self.write(format!("✓ {expect}"));
                    }
                    Err(why) => {
                        self.write(format!("✗ {expect}: {why}"));
                        let why = format!("expected {expect}: {why}");
                        self.played.failed.push(ScriptError { line, why });
                    }
                }
            }
        }
        Ok(())
    }

    async fn seat(&mut self, name: &str, role: SeatRole) -> Result<MemberId, ParlourError> {
        if let Some((_, seat)) = self.seats.iter().find(|(known, _)| known == name) {
            return Ok(seat.clone());
        }
        let new = self.stage.parlour.sit(&self.room, name, role).await?;
        self.seats.push((name.to_owned(), new.seat.clone()));
        Ok(new.seat)
    }

    fn write(&mut self, line: String) {
        self.played.transcript.push(line);
    }

    /// Writes down what is new in the room; the parts of one answer are one line.
    fn look(&mut self, told: impl Fn(ParlourError) -> String) -> Result<(), String> {
        let lines = self.stage.parlour.lines(&self.room).map_err(told)?;
        let new = said(&lines).filter(|said| said.id > self.seen);
        let new: Vec<Said> = new.cloned().collect();
        self.seen = lines.last().map_or(self.seen, Line::id);
        for (name, text) in bubbles(&new) {
            self.write(format!("{name}: {text}"));
        }
        Ok(())
    }

    fn look_for(&self, expect: &Expect, lines: &[Line]) -> Result<(), String> {
        let last = self.last.ok_or("nobody has said anything yet")?;
        let house: Vec<Said> = said(lines)
            .filter(|said| said.id > last && said.from.kind == SpeakerKind::House)
            .cloned()
            .collect();
        match expect {
            Expect::Reason(code) => {
                let asked = said(lines).find(|said| said.id == last);
                let chip = asked.and_then(|said| said.chip.as_ref());
                let found = chip.map_or(Reason::Talk.code(), |chip| &chip.reason);
                match found == code {
                    true => Ok(()),
                    false => Err(format!("it was {found}")),
                }
            }
            Expect::Says(part) => {
                let texts: Vec<String> = bubbles(&house).into_iter().map(|(_, t)| t).collect();
                match texts.iter().any(|text| text.contains(part)) {
                    true => Ok(()),
                    false if texts.is_empty() => Err("the house was silent".to_owned()),
                    false => Err(format!("it said \"{}\"", texts.join("\" \""))),
                }
            }
            Expect::Silence => match bubbles(&house).first() {
                None => Ok(()),
                Some((_, text)) => Err(format!("it said \"{text}\"")),
            },
        }
    }
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expect::Reason(code) => write!(f, "reason={code}"),
            Expect::Says(part) => write!(f, "says={part}"),
            Expect::Silence => f.write_str("silence"),
        }
    }
}

fn said(lines: &[Line]) -> impl Iterator<Item = &Said> {
    lines.iter().filter_map(|line| match line {
        Line::Msg(said) => Some(&**said),
        Line::Line(_) => None,
    })
}

/// Who said what, with the parts of each answer put together.
fn bubbles(said: &[Said]) -> Vec<(String, String)> {
    let mut bubbles: Vec<(Option<&str>, String, String)> = Vec::new();
    for said in said {
        let turn = said.turn.as_deref();
        let open = bubbles
            .iter_mut()
            .find(|(known, ..)| turn.is_some() && *known == turn);
        match open {
            Some((_, _, text)) => text.push_str(&said.text),
            None => bubbles.push((turn, said.from.name.clone(), said.text.clone())),
        }
    }
    let shown = bubbles.into_iter().map(|(_, name, text)| (name, text));
    shown.collect()
}

/// Seats and the house that a text calls by `@name`.
fn mentioned(text: &str, seats: &[(String, MemberId)]) -> Vec<String> {
    let called = |name: &str| text.contains(&format!("@{name}"));
    let mut mentions: Vec<String> = seats
        .iter()
        .filter(|(name, _)| called(name))
        .map(|(_, seat)| seat.to_string())
        .collect();
    if ["茶馆", "Teahouse", "house"].into_iter().any(called) {
        mentions.push("house".to_owned());
    }
    mentions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_line_is_told_by_its_number_and_what_to_write() {
        for (text, wrong) in [
            ("lin: hi\n\nhello there", "line 3: write who says what"),
            (
                "# x\n@dance",
                "line 2: `@dance` is no order; known are @时钟",
            ),
            ("@clock noon", "line 1: write `@clock 23:30`"),
            ("@时钟 24:00", "line 1: write `@clock 23:30`"),
            (
                "@role lin king",
                "line 1: write `@role 阿明 admin`; roles are owner",
            ),
            ("@model", "line 1: write `@model parrot`"),
            (
                "@expect reason=tired",
                "line 1: `tired` is no reason; reasons are answered",
            ),
            ("@期待", "line 1: write `@expect reason=answered`"),
            (": nobody", "line 1: write who says what"),
        ] {
            let error = text.parse::<Script>().unwrap_err().to_string();
            assert!(error.starts_with(wrong), "{text}: {error}");
        }
    }

    #[test]
    fn both_languages_and_both_colons_are_read() {
        let chinese =
            "阿明：ai 你好\n@时钟 23:30\n@角色 阿明 管理员\n@模型 parrot 429\n@期待 silence";
        let english =
            "阿明: ai 你好\n@clock 23:30\n@role 阿明 admin\n@model parrot 429\n@expect silence";
        let read = |text: &str| text.parse::<Script>().unwrap();
        assert_eq!(read(chinese), read(english));
        assert_eq!(read("\u{feff}# only this\n\n"), Script { steps: vec![] });
        let url = read("lin: see http://tea.example");
        let Step::Say { text, .. } = &url.steps[0].1 else {
            panic!("says")
        };
        assert_eq!(text, "see http://tea.example");
    }
}
