//! What follows when a rule is broken: modes, actions, rungs and ladders, as an admin writes them. Parsed at the door.
//! Who climbs which rung when is counted in `rules/climb.rs`; nothing here acts.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How far a rule goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Not at all.
    Off,
    /// It records what it would do.
    #[default]
    Dry,
    /// An admin decides each time.
    Ask,
    /// It acts.
    On,
}

impl Mode {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Off => "off",
            Mode::Dry => "dry",
            Mode::Ask => "ask",
            Mode::On => "on",
        }
    }
}

/// A length of time, written `10s`, `30m`, `2h`, `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Length(Duration);

impl Length {
    /// So many seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Length(Duration::from_secs(seconds))
    }

    /// The time itself.
    pub fn get(self) -> Duration {
        self.0
    }
}

impl TryFrom<String> for Length {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || {
            format!(
                "\"{text}\" is no length of time; write a whole number and s, m, h or d, like \"30m\", up to \"366d\""
            )
        };
        let trimmed = text.trim();
        let digits = trimmed.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = trimmed[..digits].parse().map_err(|_| wrong())?;
        let unit = match trimmed[digits..].trim() {
            "s" | "秒" => 1,
            "m" | "分" | "分钟" => 60,
            "h" | "小时" => 3_600,
            "d" | "天" => 86_400,
            _ => return Err(wrong()),
        };
        let seconds = number.checked_mul(unit).ok_or_else(wrong)?;
        if seconds == 0 || seconds > 366 * 86_400 {
            return Err(wrong());
        }
        Ok(Length::seconds(seconds))
    }
}

impl From<Length> for String {
    fn from(length: Length) -> String {
        length.to_string()
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        for (unit, name) in [(86_400, "d"), (3_600, "h"), (60, "m")] {
            if seconds.is_multiple_of(unit) {
                return write!(f, "{}{name}", seconds / unit);
            }
        }
        write!(f, "{seconds}s")
    }
}

/// What is done about a message; mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Action {
    /// Written down.
    Note,
    /// Its author is reminded, kindly.
    Remind,
    /// An admin looks.
    Review,
    /// It is taken back.
    Recall,
    /// Its author cannot speak for so many seconds.
    Mute(u64),
    /// Its author leaves the room; never without a person's word.
    Remove,
}

impl Action {
    fn read(text: &str) -> Option<Self> {
        Some(match text.trim() {
            "note" => Action::Note,
            "remind" => Action::Remind,
            "review" => Action::Review,
            "recall" => Action::Recall,
            "remove" => Action::Remove,
            other => {
                let length =
                    Length::try_from(other.strip_prefix("mute")?.trim().to_owned()).ok()?;
                // A platform mutes for thirty days at most.
                if length.get() > Duration::from_secs(30 * 86_400) {
                    return None;
                }
                Action::Mute(length.get().as_secs())
            }
        })
    }

    /// Whether the message does not stay as it is.
    pub fn is_hard(self) -> bool {
        match self {
            Action::Note | Action::Remind | Action::Review => false,
            Action::Recall | Action::Mute(_) | Action::Remove => true,
        }
    }
}

impl TryFrom<String> for Action {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Action::read(&text).ok_or_else(|| format!("\"{text}\" is no action"))
    }
}

impl From<Action> for String {
    fn from(action: Action) -> String {
        action.to_string()
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Note => write!(f, "note"),
            Action::Remind => write!(f, "remind"),
            Action::Review => write!(f, "review"),
            Action::Recall => write!(f, "recall"),
            Action::Mute(seconds) => write!(f, "mute {}", Length::seconds(*seconds)),
            Action::Remove => write!(f, "remove"),
        }
    }
}

/// One or more actions at once, `recall+mute 10m`, mildest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rung(Vec<Action>);

impl Rung {
    /// What is done.
    pub fn actions(&self) -> &[Action] {
        &self.0
    }

    /// One action alone.
    pub fn of(action: Action) -> Self {
        Rung(vec![action])
    }
}

impl TryFrom<String> for Rung {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut actions = Vec::new();
        for part in text.split('+') {
            let action = Action::read(part).ok_or_else(|| {
                format!(
                    "\"{}\" is no action; known are note, remind, review, recall, \"mute 10m\" (to 30d) and remove, joined with +",
                    part.trim()
                )
            })?;
            if actions.contains(&action) {
                return Err(format!("\"{text}\" says \"{action}\" twice"));
            }
            actions.push(action);
        }
        actions.sort();
        Ok(Rung(actions))
    }
}

impl From<Rung> for String {
    fn from(rung: Rung) -> String {
        rung.to_string()
    }
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, action) in self.0.iter().enumerate() {
            write!(f, "{}{action}", if at == 0 { "" } else { "+" })?;
        }
        Ok(())
    }
}

/// Rungs that a member climbs with repetition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Rung>", into = "Vec<Rung>")]
pub struct Ladder(Vec<Rung>);

impl Ladder {
    /// The rung for so many earlier times; who is at the top stays there.
    pub fn rung(&self, times: usize) -> &Rung {
        let last = self.0.len() - 1;
        &self.0[times.min(last)]
    }

    /// How many rungs it has.
    pub fn height(&self) -> usize {
        self.0.len()
    }

    /// A ladder of one rung with one action.
    pub fn of(action: Action) -> Self {
        Ladder(vec![Rung::of(action)])
    }

    /// All rungs, lowest first.
    pub fn rungs(&self) -> &[Rung] {
        &self.0
    }
}

impl TryFrom<Vec<Rung>> for Ladder {
    type Error = &'static str;

    fn try_from(rungs: Vec<Rung>) -> Result<Self, Self::Error> {
        if rungs.is_empty() || rungs.len() > 8 {
            return Err("a ladder has one to eight rungs, like [\"remind\", \"recall\"]");
        }
        Ok(Ladder(rungs))
    }
}

impl From<Ladder> for Vec<Rung> {
    fn from(ladder: Ladder) -> Self {
        ladder.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rung(text: &str) -> Result<String, String> {
        Rung::try_from(text.to_owned()).map(|rung| rung.to_string())
    }

    #[test]
    fn a_rung_joins_actions_and_puts_the_mildest_first() {
        for (text, read) in [
            ("remind", "remind"),
            ("recall+remind", "remind+recall"),
            (" recall + mute 10m ", "recall+mute 10m"),
            ("mute 3600s", "mute 1h"),
            ("remove", "remove"),
        ] {
            assert_eq!(rung(text).as_deref(), Ok(read), "{text}");
        }
    }

    #[test]
    fn what_is_no_action_is_refused_with_those_that_are() {
        for text in [
            "", "ban", "mute", "mute 0m", "mute 31d", "mute 5", "recall+", "Mute 5m",
        ] {
            let error = rung(text).unwrap_err();
            assert!(error.contains("known are note"), "{text}: {error}");
        }
        assert!(rung("remind+remind").unwrap_err().contains("twice"));
        assert!(Ladder::try_from(vec![]).is_err());
    }

    #[test]
    fn who_is_at_the_top_of_a_ladder_stays_there() {
        let rungs = ["remind", "recall"].map(|text| Rung::try_from(text.to_owned()).unwrap());
        let ladder = Ladder::try_from(rungs.to_vec()).unwrap();
        let climbed: Vec<String> = (0..4).map(|n| ladder.rung(n).to_string()).collect();
        assert_eq!(climbed, ["remind", "recall", "recall", "recall"]);
    }

    #[test]
    fn a_length_of_time_has_a_unit_and_a_bound() {
        for (text, seconds) in [
            ("10s", 10),
            ("30 m", 1_800),
            ("3天", 259_200),
            ("366d", 31_622_400),
        ] {
            let length = Length::try_from(text.to_owned()).unwrap();
            assert_eq!(length.get().as_secs(), seconds, "{text}");
        }
        for text in [
            "",
            "10",
            "0s",
            "m",
            "-1m",
            "1y",
            "367d",
            "99999999999999999999d",
        ] {
            let error = Length::try_from(text.to_owned()).unwrap_err();
            assert!(error.contains("\"30m\""), "{error}");
        }
    }
}
