//! The parts of a charter that are rules: what an admin may write in each, with its defaults and its bounds. What a
//! rule sees in a text is in `rules/`; nothing here judges.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::ladder::{Action, Ladder, Length, Mode};
use crate::event::{MemberId, Role};
use crate::rules::language::Tongue;
use crate::rules::links::{Answers, Domain, Others, Settings};
use crate::rules::privacy;

/// Whose words a rule is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AppliesTo {
    /// What members say.
    Members,
    /// What is asked, before any provider.
    Questions,
    /// What the house says.
    Answers,
}

/// Whom the rules on members spare.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Exempt {
    /// Everybody with this role.
    Role(Role),
    /// One member, by the platform's id.
    Member(String),
}

impl Exempt {
    /// Whether it spares this member.
    pub fn covers(&self, member: &MemberId, role: Option<Role>) -> bool {
        match self {
            Exempt::Role(spared) => role == Some(*spared),
            Exempt::Member(id) => member.as_str() == id,
        }
    }
}

impl From<String> for Exempt {
    fn from(text: String) -> Self {
        match text.as_str() {
            "owner" => Exempt::Role(Role::Owner),
            "admin" => Exempt::Role(Role::Admin),
            "member" => Exempt::Role(Role::Member),
            _ => Exempt::Member(text),
        }
    }
}

impl From<Exempt> for String {
    fn from(exempt: Exempt) -> String {
        match exempt {
            Exempt::Role(Role::Owner) => "owner".into(),
            Exempt::Role(Role::Admin) => "admin".into(),
            Exempt::Role(Role::Member) => "member".into(),
            Exempt::Member(id) => id,
        }
    }
}

/// `[language]`: what the room speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LanguageRule {
    /// How far it goes.
    #[serde(default)]
    pub mode: Mode,
    /// What members may speak.
    pub members: Vec<Tongue>,
    /// What follows.
    #[serde(default = "reminds")]
    pub ladder: Ladder,
    /// Whom it spares, beside those of the whole charter.
    #[serde(default)]
    pub exempt: Vec<Exempt>,
}

/// `[[words]]`: a list of words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WordsRule {
    /// What people call it.
    pub name: String,
    /// How far it goes.
    #[serde(default)]
    pub mode: Mode,
    /// A file beside the charter, one entry a line.
    #[serde(default)]
    pub list: Option<String>,
    /// Entries written here.
    #[serde(default)]
    pub words: Vec<String>,
    /// A file with what is never a hit.
    #[serde(default)]
    pub allow: Option<String>,
    /// What is never a hit, written here.
    #[serde(default)]
    pub allowed: Vec<String>,
    /// Whose words.
    #[serde(default = "everybody")]
    pub applies_to: BTreeSet<AppliesTo>,
    /// Whether what only sounds alike is flagged too.
    #[serde(default = "yes")]
    pub by_sound: bool,
    /// What follows.
    #[serde(default = "reviews")]
    pub ladder: Ladder,
    /// Whom it spares, beside those of the whole charter.
    #[serde(default)]
    pub exempt: Vec<Exempt>,
}

/// `[[topics]]`: what is not talked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopicRule {
    /// What people call it.
    pub name: String,
    /// How far it goes.
    #[serde(default)]
    pub mode: Mode,
    /// A sentence that describes it.
    pub about: String,
    /// What people say when they talk about it.
    #[serde(default)]
    pub examples: Vec<String>,
    /// The admin's own sentence for who asks.
    #[serde(default)]
    pub decline: Option<String>,
    /// Whose words.
    #[serde(default = "asked_and_answered")]
    pub applies_to: BTreeSet<AppliesTo>,
    /// What follows on a member's message.
    #[serde(default = "reviews")]
    pub ladder: Ladder,
}

/// `[links]`: which links may stand here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinksRule {
    /// How far it goes.
    #[serde(default)]
    pub mode: Mode,
    /// Always allowed, with what lies under them.
    #[serde(default)]
    pub allow: Vec<Domain>,
    /// Never allowed, with what lies under them.
    #[serde(default)]
    pub deny: Vec<Domain>,
    /// The rest.
    #[serde(default)]
    pub others: Others,
    /// In what the house says.
    #[serde(default)]
    pub answers: Answers,
    /// What follows.
    #[serde(default = "reviews")]
    pub ladder: Ladder,
    /// Whom it spares, beside those of the whole charter.
    #[serde(default)]
    pub exempt: Vec<Exempt>,
}

impl LinksRule {
    /// The lists, for the rule's own judge.
    pub fn settings(&self) -> Settings {
        Settings {
            allow: self.allow.clone(),
            deny: self.deny.clone(),
            others: self.others,
            answers: self.answers,
        }
    }
}

/// What is done about a request to write somebody's homework.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GhostwritingDo {
    /// The answer says what it is.
    Label,
    /// The model helps to write instead of writing.
    #[default]
    Coach,
    /// It is declined, openly.
    Refuse,
}

/// `[ghostwriting]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GhostwritingRule {
    /// How far it goes.
    #[serde(default)]
    pub mode: Mode,
    /// What is done.
    #[serde(default, rename = "do")]
    pub action: GhostwritingDo,
}

/// `[privacy]`: what no provider sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrivacyRule {
    /// How far it goes.
    #[serde(default)]
    pub mode: Mode,
    /// What is masked.
    #[serde(default = "all_kinds")]
    pub mask: Vec<privacy::Kind>,
}

/// A rule that only has a mode.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlainRule {
    /// How far it goes.
    #[serde(default)]
    pub mode: Mode,
}

/// `[crisis]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrisisRule {
    /// How far it goes.
    #[serde(default)]
    pub mode: Mode,
    /// Whose numbers the card shows, such as `CN`; left out: the server's region.
    #[serde(default)]
    pub region: Option<String>,
}

/// `[flood]`: too much at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FloodRule {
    /// How far it goes.
    #[serde(default)]
    pub mode: Mode,
    /// More messages of one member than this …
    #[serde(default = "eight")]
    pub messages: Count,
    /// … within this time.
    #[serde(default = "ten_seconds")]
    pub within: Length,
    /// What follows.
    #[serde(default = "reminds")]
    pub ladder: Ladder,
    /// Whom it spares, beside those of the whole charter.
    #[serde(default)]
    pub exempt: Vec<Exempt>,
}

/// From 2 to 1,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Count(u32);

impl Count {
    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Count {
    type Error = String;

    fn try_from(count: u32) -> Result<Self, String> {
        match (2..=1_000).contains(&count) {
            true => Ok(Count(count)),
            false => Err(format!("{count} is too few or too many; write 2 to 1000")),
        }
    }
}

impl From<Count> for u32 {
    fn from(count: Count) -> u32 {
        count.0
    }
}

/// A part of a whole, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Share(f64);

impl Share {
    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Share {
    type Error = String;

    fn try_from(share: f64) -> Result<Self, String> {
        match (0.0..=1.0).contains(&share) {
            true => Ok(Share(share)),
            false => Err(format!(
                "{share} is no part of a whole; write 0 to 1, like 0.30 for three in ten"
            )),
        }
    }
}

impl From<Share> for f64 {
    fn from(share: Share) -> f64 {
        share.0
    }
}

/// `[people_first]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeopleFirstRule {
    /// How far it goes.
    #[serde(default)]
    pub mode: Mode,
    /// A question by mention or reply waits so long for a person's answer.
    #[serde(default)]
    pub wait_for_people: Option<Length>,
    /// Typed trigger words wait too.
    #[serde(default)]
    pub wait_on_trigger: bool,
    /// The most of the latest messages that may be the house's.
    #[serde(default)]
    pub bot_share: Option<Share>,
}

/// `[companion]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompanionRule {
    /// How far it goes.
    #[serde(default)]
    pub mode: Mode,
    /// One kind reminder after so long a talk.
    #[serde(default)]
    pub remind_after: Option<Length>,
}

fn all_kinds() -> Vec<privacy::Kind> {
    privacy::Kind::ALL.to_vec()
}

fn yes() -> bool {
    true
}

fn eight() -> Count {
    Count(8)
}

fn ten_seconds() -> Length {
    Length::seconds(10)
}

fn reminds() -> Ladder {
    Ladder::of(Action::Remind)
}

fn reviews() -> Ladder {
    Ladder::of(Action::Review)
}

fn everybody() -> BTreeSet<AppliesTo> {
    [AppliesTo::Members, AppliesTo::Questions, AppliesTo::Answers].into()
}

fn asked_and_answered() -> BTreeSet<AppliesTo> {
    [AppliesTo::Questions, AppliesTo::Answers].into()
}
