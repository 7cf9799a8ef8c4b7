//! What stands behind `ai rule` or `ai 规矩` → what an admin wants with the rules. Exact forms in both languages, and
//! nothing else: half a command, a letter that only looks right, or words behind it make it a question again.
//! Who may give it is decided in `house.rs`; which rule is meant, by the charter that holds then.

#[cfg(test)]
mod tests;

use super::{Edit, Mode, NewTopic, RuleRef, Word};
use crate::command::fold;
use crate::rules::language::Tongue;
use crate::rules::links::Domain;

/// What an admin wants with the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleCommand {
    /// All rules, a line each; or one in full.
    Show(Option<RuleRef>),
    /// A change.
    Add(Edit),
    /// How far a rule goes.
    Mode {
        /// Which.
        rule: RuleRef,
        /// From now on.
        mode: Mode,
    },
    /// What would have happened.
    Try(Tried),
    /// The last change is taken back.
    Back,
}

/// What is tried on what was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// All rules that only record.
    Dry,
    /// One rule, as if it were on.
    Rule(RuleRef),
    /// A change that nobody has made yet.
    Edit(Edit),
}

/// A name behind a colon is no longer, in characters.
const LONGEST_NAME: usize = 60;

/// Parts of a charter that are called by one word.
const PLAIN_NAMES: [&str; 12] = [
    "language",
    "links",
    "ghostwriting",
    "privacy",
    "identity",
    "facts",
    "injection",
    "crisis",
    "flood",
    "levels",
    "people_first",
    "companion",
];

const SHOW: &[&str] = &["show", "看"];
const MODE: &[&str] = &["mode", "模式"];
const TRY: &[&str] = &["try", "试"];
const BACK: &[&str] = &["back", "退回"];
const LANGUAGE: &[&str] = &["language", "languages", "语言"];
const ADD_WORD: &[&str] = &["add word", "add words", "加 词", "加词"];
const REMOVE_WORD: &[&str] = &["remove word", "remove words", "删 词", "删词"];
const ALLOW_WORD: &[&str] = &["allow word", "allow words", "放行 词", "放行词"];
const ALLOW_LINK: &[&str] = &["add link allow", "加 链接 放行", "加链接 放行"];
const DENY_LINK: &[&str] = &["add link deny", "加 链接 拦下", "加链接 拦下"];
const ADD_TOPIC: &[&str] = &["add topic", "加 话题", "加话题"];

impl RuleCommand {
    /// Reads what stands behind the word `rule`. Nothing if it is no whole command.
    pub fn parse(rest: &str) -> Option<Self> {
        let rest = rest.trim();
        if is_one_of(rest, BACK) {
            return Some(RuleCommand::Back);
        }
        if is_one_of(rest, SHOW) {
            return Some(RuleCommand::Show(None));
        }
        if let Some(rule) = behind(rest, SHOW) {
            return Some(RuleCommand::Show(Some(rule_ref(rule)?)));
        }
        if let Some(set) = behind(rest, MODE) {
            return mode(set);
        }
        if is_one_of(rest, TRY) {
            return Some(RuleCommand::Try(Tried::Dry));
        }
        if let Some(tried) = behind(rest, TRY) {
            let tried = match edit(tried) {
                Some(edit) => Tried::Edit(edit),
                None => Tried::Rule(rule_ref(tried)?),
            };
            return Some(RuleCommand::Try(tried));
        }
        edit(rest).map(RuleCommand::Add)
    }
}

/// `3 on`, `words:spam dry`.
fn mode(text: &str) -> Option<RuleCommand> {
    let (rule, mode) = whole(text).rsplit_once(char::is_whitespace)?;
    let mode = match folded(mode).as_str() {
        "off" | "关" => Mode::Off,
        "dry" | "试" | "试运行" => Mode::Dry,
        "ask" | "问" | "送审" => Mode::Ask,
        "on" | "生效" => Mode::On,
        _ => return None,
    };
    let rule = rule_ref(rule)?;
    Some(RuleCommand::Mode { rule, mode })
}

/// A number, or a full name.
fn rule_ref(text: &str) -> Option<RuleRef> {
    let text = folded(whole(text));
    if !text.is_empty() && text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let n: u16 = text.parse().ok()?;
        return (n > 0).then_some(RuleRef::Number(n));
    }
    if PLAIN_NAMES.contains(&text.as_str()) {
        return Some(RuleRef::Name(text));
    }
    let (kind, name) = text.split_once(':')?;
    let is_name = !name.trim().is_empty() && name.chars().count() <= LONGEST_NAME;
    (matches!(kind, "words" | "topics") && is_name)
        .then(|| RuleRef::Name(format!("{kind}:{}", name.trim())))
}

fn edit(text: &str) -> Option<Edit> {
    if let Some(list) = behind(text, ADD_WORD) {
        return Some(Edit::AddWords {
            words: words(list)?,
        });
    }
    if let Some(list) = behind(text, REMOVE_WORD) {
        return Some(Edit::RemoveWords {
            words: words(list)?,
        });
    }
    if let Some(list) = behind(text, ALLOW_WORD) {
        return Some(Edit::AllowWords {
            words: words(list)?,
        });
    }
    if let Some(name) = behind(text, ALLOW_LINK) {
        return Some(Edit::AllowLink {
            domain: domain(name)?,
        });
    }
    if let Some(name) = behind(text, DENY_LINK) {
        return Some(Edit::DenyLink {
            domain: domain(name)?,
        });
    }
    if let Some(described) = behind(text, ADD_TOPIC) {
        return topic(described).map(Edit::AddTopic);
    }
    let spoken = behind(text, LANGUAGE)?;
    let mut members: Vec<Tongue> = Vec::new();
    for name in listed(whole(spoken)) {
        let tongue = Tongue::named(&folded(name))?;
        if !members.contains(&tongue) {
            members.push(tongue);
        }
    }
    Some(Edit::Languages { members })
}

/// Between the entries of a list.
fn listed(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', '，', '、', '\n']).map(str::trim)
}

/// Every one has to be a word that a list takes.
fn words(text: &str) -> Option<Vec<Word>> {
    let words = listed(text).map(|word| Word::try_from(word.to_owned()).ok());
    words.collect()
}

fn domain(text: &str) -> Option<Domain> {
    let is_one_word = !text.contains(char::is_whitespace);
    is_one_word.then(|| Domain::try_from(folded(text)).ok())?
}

/// `betting: tips and odds`, `betting: tips and odds | We don't talk about betting.`
fn topic(text: &str) -> Option<NewTopic> {
    let (name, described) = text.split_once([':', '：'])?;
    let (about, decline) = match described.split_once(['|', '｜']) {
        Some((about, decline)) => (about, Some(decline)),
        None => (described, None),
    };
    NewTopic::new(name, about, decline).ok()
}

/// What stands behind one of these phrases and a blank; nothing if nothing does.
fn behind<'t>(text: &'t str, phrases: &[&str]) -> Option<&'t str> {
    phrases.iter().find_map(|phrase| {
        let found = strip(text, phrase)?;
        let rest = found.trim_start();
        (rest.len() < found.len() && !rest.is_empty()).then_some(rest)
    })
}

fn is_one_of(text: &str, phrases: &[&str]) -> bool {
    phrases
        .iter()
        .any(|phrase| strip(whole(text), phrase).is_some_and(str::is_empty))
}

/// The text behind a phrase, whose words may stand any blanks apart.
fn strip<'t>(text: &'t str, phrase: &str) -> Option<&'t str> {
    let mut rest = text;
    for (n, word) in phrase.split(' ').enumerate() {
        if n > 0 {
            let behind = rest.trim_start();
            if behind.len() == rest.len() {
                return None;
            }
            rest = behind;
        }
        for wanted in word.chars() {
            let mut chars = rest.chars();
            if fold(chars.next()?) != wanted {
                return None;
            }
            rest = chars.as_str();
        }
    }
    Some(rest)
}

/// Without what may end a sentence.
fn whole(text: &str) -> &str {
    text.trim_end_matches(['.', '。', '!', '！']).trim()
}

/// Small letters and plain forms, one blank between words.
fn folded(text: &str) -> String {
    let folded: String = text.chars().map(fold).collect();
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}
