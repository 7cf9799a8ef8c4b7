//! A room's house rules as a small typed document. Parsed once at the door; inside, the type is the proof.
//! It says what holds; judging messages by it is `house.rs` and the rules.

mod edits;
mod ladder;
mod list;
mod rule_command;
mod sections;
mod sentences;
mod tried;

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::command::Trigger;
use crate::money::{Currency, Money, Nano};
use crate::notice::Language;

pub use edits::{Edit, Edited, MOST_EDITS, MOST_WORDS, NewTopic, ROOM, Unfit, Word};
pub use ladder::{Action, Ladder, Length, Mode, Rung};
pub use list::{Numbered, RuleRef};
pub use rule_command::{RuleCommand, Tried};
pub use sections::{
    AppliesTo, CompanionRule, Count, CrisisRule, Exempt, FloodRule, GhostwritingDo,
    GhostwritingRule, LanguageRule, LinksRule, PeopleFirstRule, PlainRule, PrivacyRule, Share,
    TopicRule, WordsRule,
};
pub(crate) use sentences::Phrases;

/// The house rules of the rooms that live under it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Charter {
    /// What people call it.
    pub name: String,
    /// The charter it begins with: a template's name, or a file beside it. Followed by whoever reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extends: Option<String>,
    /// The words that call the house.
    #[serde(default = "default_triggers")]
    pub trigger: Triggers,
    /// Which route answers here.
    #[serde(default = "default_route")]
    pub route: String,
    /// How the house speaks, in the admin's words.
    #[serde(default)]
    pub persona: Option<String>,
    /// The language of answers and notices; left out: the server's.
    #[serde(default)]
    pub speaks: Option<Language>,
    /// The zone of days and quiet hours.
    #[serde(default)]
    pub zone: Zone,
    /// When the house rests.
    #[serde(default)]
    pub quiet: Vec<QuietHours>,
    /// How much of the room's talk is kept.
    #[serde(default)]
    pub keep: Keep,
    /// The longest answer, in tokens.
    #[serde(default = "default_max_tokens")]
    pub max_tokens: MaxTokens,
    /// What may be spent here.
    #[serde(default)]
    pub purse: PurseRules,
    /// Whom the rules on members spare.
    #[serde(default)]
    pub exempt: Vec<Exempt>,
    /// Who joined later than this ago is new.
    #[serde(default = "three_days")]
    pub newcomer: Length,
    /// A rung that was climbed is forgotten after so long.
    #[serde(default = "seven_days")]
    pub forget_after: Length,
    /// What the room speaks.
    #[serde(default)]
    pub language: Option<LanguageRule>,
    /// Lists of words.
    #[serde(default)]
    pub words: Vec<WordsRule>,
    /// What is not talked about.
    #[serde(default)]
    pub topics: Vec<TopicRule>,
    /// Which links may stand here.
    #[serde(default)]
    pub links: Option<LinksRule>,
    /// Requests to write somebody's homework.
    #[serde(default)]
    pub ghostwriting: Option<GhostwritingRule>,
    /// What no provider sees.
    #[serde(default)]
    pub privacy: Option<PrivacyRule>,
    /// Questions about the house itself.
    #[serde(default)]
    pub identity: Option<PlainRule>,
    /// Claims without a source.
    #[serde(default)]
    pub facts: Option<PlainRule>,
    /// Attempts to talk the model out of its rules.
    #[serde(default)]
    pub injection: Option<PlainRule>,
    /// Explicit lines of despair.
    #[serde(default)]
    pub crisis: Option<CrisisRule>,
    /// Too much at once.
    #[serde(default)]
    pub flood: Option<FloodRule>,
    /// How hard a text is.
    #[serde(default)]
    pub levels: Option<PlainRule>,
    /// People answer before the house does.
    #[serde(default)]
    pub people_first: Option<PeopleFirstRule>,
    /// Long talks in the night.
    #[serde(default)]
    pub companion: Option<CompanionRule>,
}

fn three_days() -> Length {
    Length::seconds(3 * 86_400)
}

fn seven_days() -> Length {
    Length::seconds(7 * 86_400)
}

/// At least one trigger.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Vec<Trigger>", into = "Vec<Trigger>")]
pub struct Triggers(Vec<Trigger>);

impl Triggers {
    /// The words, in the charter's order.
    pub fn as_slice(&self) -> &[Trigger] {
        &self.0
    }

    /// The word that help texts show.
    pub fn first(&self) -> &str {
        self.0.first().map_or("ai", Trigger::as_str)
    }
}

impl TryFrom<Vec<Trigger>> for Triggers {
    type Error = &'static str;

    fn try_from(triggers: Vec<Trigger>) -> Result<Self, Self::Error> {
        if triggers.is_empty() || triggers.len() > 8 {
            return Err("trigger needs one to eight words, like [\"ai\"]");
        }
        Ok(Triggers(triggers))
    }
}

impl From<Triggers> for Vec<Trigger> {
    fn from(triggers: Triggers) -> Self {
        triggers.0
    }
}

fn default_triggers() -> Triggers {
    Triggers(vec![
        Trigger::try_from("ai".to_owned()).expect("ai is a trigger"),
    ])
}

fn default_route() -> String {
    "default".into()
}

fn default_max_tokens() -> MaxTokens {
    MaxTokens(800)
}

/// A cap on output tokens, from 16 to 32,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct MaxTokens(u32);

impl MaxTokens {
    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for MaxTokens {
    type Error = String;

    fn try_from(tokens: u32) -> Result<Self, String> {
        if (16..=32_000).contains(&tokens) {
            Ok(MaxTokens(tokens))
        } else {
            Err(format!(
                "{tokens} is no answer length; write 16 to 32000 tokens"
            ))
        }
    }
}

impl From<MaxTokens> for u32 {
    fn from(tokens: MaxTokens) -> u32 {
        tokens.0
    }
}

/// A named time zone, `UTC` unless said.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(TimeZone);

impl Default for Zone {
    fn default() -> Self {
        Zone(TimeZone::UTC)
    }
}

impl TryFrom<String> for Zone {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        if name == "UTC" {
            return Ok(Zone(TimeZone::UTC));
        }
        TimeZone::get(&name).map(Zone).map_err(|_| {
            format!("\"{name}\" is no time zone; write a name like \"Asia/Shanghai\" or \"UTC\"")
        })
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> String {
        zone.0.iana_name().unwrap_or("UTC").into()
    }
}

impl Zone {
    /// The first moment of the local day of `now`, and of the next one.
    pub fn day(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        let local = now.to_zoned_datetime(self.0.clone());
        let start = local.start_of_day().unwrap_or_else(|_| local.clone());
        let next = start
            .tomorrow()
            .and_then(|day| day.start_of_day())
            .unwrap_or_else(|_| start.clone());
        (start.timestamp(), next.timestamp())
    }

    /// The local date, such as `2026-11-24`: what a day's budget is kept under.
    pub fn date(&self, now: Timestamp) -> String {
        now.to_zoned_datetime(self.0.clone()).date().to_string()
    }

    fn time(&self, now: Timestamp) -> Time {
        now.to_zoned_datetime(self.0.clone()).time()
    }

    /// Local hours and minutes, such as `00:00`.
    pub fn clock(&self, at: Timestamp) -> String {
        let time = self.time(at);
        format!("{:02}:{:02}", time.hour(), time.minute())
    }
}

/// From one local time to another, across midnight too, written `"23:30-07:30"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct QuietHours {
    from: Time,
    until: Time,
}

impl QuietHours {
    fn contains(&self, time: Time) -> bool {
        if self.from < self.until {
            self.from <= time && time < self.until
        } else {
            self.from <= time || time < self.until
        }
    }
}

impl TryFrom<String> for QuietHours {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is no time range; write it like \"23:00-07:00\"");
        let read = |part: &str| -> Option<Time> {
            let (hour, minute) = part.trim().split_once(':')?;
            if hour.len() > 2 || minute.len() != 2 {
                return None;
            }
            Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
        };
        let (from, until) = text.split_once('-').ok_or_else(wrong)?;
        let (from, until) = (
            read(from).ok_or_else(wrong)?,
            read(until).ok_or_else(wrong)?,
        );
        if from == until {
            return Err(format!(
                "\"{text}\" is empty; write two different times, like \"23:00-07:00\""
            ));
        }
        Ok(QuietHours { from, until })
    }
}

impl From<QuietHours> for String {
    fn from(quiet: QuietHours) -> String {
        let hm = |time: Time| format!("{:02}:{:02}", time.hour(), time.minute());
        format!("{}-{}", hm(quiet.from), hm(quiet.until))
    }
}

/// How much talk a room keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keep {
    /// Days.
    pub days: u16,
    /// Lines.
    pub lines: u32,
}

impl Default for Keep {
    fn default() -> Self {
        Keep {
            days: 7,
            lines: 2_000,
        }
    }
}

/// What a room may spend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PurseRules {
    /// Money a local day, for each room under the charter; left out: five units of the price's currency.
    pub per_day: Option<Money>,
    /// Questions of one member a local day.
    pub questions_per_member_per_day: u32,
}

impl Default for PurseRules {
    fn default() -> Self {
        PurseRules {
            per_day: None,
            questions_per_member_per_day: 20,
        }
    }
}

impl PurseRules {
    /// What may be spent a local day in this currency; nothing of a currency the charter does not name.
    pub fn daily_limit(&self, currency: &Currency) -> Nano {
        match &self.per_day {
            None => Nano(5_000_000_000),
            Some(money) if money.currency == *currency => money.amount,
            Some(_) => Nano::ZERO,
        }
    }
}

impl Charter {
    /// The charter of a house that says nothing else: answer when called.
    pub fn open_table() -> Self {
        Charter {
            name: "open table".into(),
            extends: None,
            trigger: default_triggers(),
            route: default_route(),
            persona: None,
            speaks: None,
            zone: Zone::default(),
            quiet: Vec::new(),
            keep: Keep::default(),
            max_tokens: default_max_tokens(),
            purse: PurseRules::default(),
            exempt: Vec::new(),
            newcomer: three_days(),
            forget_after: seven_days(),
            language: None,
            words: Vec::new(),
            topics: Vec::new(),
            links: None,
            ghostwriting: None,
            privacy: None,
            identity: None,
            facts: None,
            injection: None,
            crisis: None,
            flood: None,
            levels: None,
            people_first: None,
            companion: None,
        }
    }

    /// Whether a rule asks who is new.
    pub fn minds_newcomers(&self) -> bool {
        self.links.as_ref().is_some_and(|links| {
            links.mode != Mode::Off
                && links.settings().others == crate::rules::links::Others::NotNewcomers
        })
    }

    /// Whether who joined then is new.
    pub fn is_newcomer(&self, joined: Option<Timestamp>, now: Timestamp) -> bool {
        joined.is_some_and(|joined| now.duration_since(joined).unsigned_abs() < self.newcomer.get())
    }

    /// Whether the house rests now.
    pub fn is_quiet(&self, now: Timestamp) -> bool {
        let time = self.zone.time(now);
        self.quiet.iter().any(|hours| hours.contains(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn quiet_hours_cross_midnight_in_the_rooms_own_zone() {
        let mut charter = Charter::open_table();
        charter.zone = Zone::try_from("Asia/Shanghai".to_owned()).unwrap();
        charter.quiet = vec![QuietHours::try_from("23:30-07:30".to_owned()).unwrap()];
        for (moment, quiet) in [
            ("2026-11-24T23:29:59+08:00", false),
            ("2026-11-24T23:30:00+08:00", true),
            ("2026-11-25T03:00:00+08:00", true),
            ("2026-11-25T07:29:59+08:00", true),
            ("2026-11-25T07:30:00+08:00", false),
            ("2026-11-24T23:45:00Z", false),
        ] {
            assert_eq!(charter.is_quiet(at(moment)), quiet, "{moment}");
        }
    }

    #[test]
    fn a_range_that_is_none_is_refused_with_an_example() {
        for wrong in [
            "25:00-07:00",
            "7-9",
            "23:00",
            "23:00-23:00",
            "23:0-07:00",
            "23:60-07:00",
            "",
        ] {
            let error = QuietHours::try_from(wrong.to_owned()).unwrap_err();
            assert!(error.contains("23:00-07:00"), "{error}");
        }
        assert!(Zone::try_from("Mars/Olympus".to_owned()).is_err());
        assert!(MaxTokens::try_from(0).is_err());
        assert!(Triggers::try_from(vec![]).is_err());
    }

    #[test]
    fn a_day_is_the_rooms_local_day() {
        let zone = Zone::try_from("Asia/Shanghai".to_owned()).unwrap();
        let (start, next) = zone.day(at("2026-11-24T18:00:00Z"));
        assert_eq!(start, at("2026-11-24T16:00:00Z"));
        assert_eq!(next, at("2026-11-25T16:00:00Z"));
        assert_eq!(zone.date(at("2026-11-24T18:00:00Z")), "2026-11-25");
        assert_eq!(zone.clock(next), "00:00");
        // A day of 25 hours is still one day.
        let berlin = Zone::try_from("Europe/Berlin".to_owned()).unwrap();
        let (start, next) = berlin.day(at("2026-10-25T12:00:00Z"));
        assert_eq!(next.duration_since(start).as_hours(), 25);
    }
}
