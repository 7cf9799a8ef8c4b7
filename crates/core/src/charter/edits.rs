//! What a room's admins have changed in chat, laid over the charter of the file, whatever that says by then. A change
//! that no longer fits is left out and named; it never takes the others away. Who may change what is not decided here.

mod entries;
#[cfg(test)]
mod tests;
mod unfit;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::{
    AppliesTo, Charter, Ladder, LanguageRule, LinksRule, Mode, Rung, TopicRule, WordsRule,
};
pub use entries::{NewTopic, Word};
use entries::{TopicWritten, key};
pub use unfit::Unfit;

use crate::notice::Language;
use crate::rules::language::Tongue;
use crate::rules::links::{Answers, Domain, Others};

/// The list of words that belongs to a room alone.
pub const ROOM: &str = "room";
/// A room keeps so many changes at most.
pub const MOST_EDITS: usize = 200;
/// … with so many words in all of them.
pub const MOST_WORDS: usize = 2_000;

/// One change of a room's charter. A rule is named by its full name: numbers move when rules come and go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "edit", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Edit {
    /// Words for the room's own list, which is made if there is none.
    AddWords {
        /// Each as it is written.
        words: Vec<Word>,
    },
    /// Words that the room has added or allowed, and no longer does.
    RemoveWords {
        /// Each as it is written.
        words: Vec<Word>,
    },
    /// Words that no list finds any more.
    AllowWords {
        /// Each as it is written.
        words: Vec<Word>,
    },
    /// A domain that anybody may link to.
    AllowLink {
        /// With all under it.
        domain: Domain,
    },
    /// A domain that nobody may link to.
    DenyLink {
        /// With all under it.
        domain: Domain,
    },
    /// A topic that the house does not talk about.
    AddTopic(NewTopic),
    /// How far a rule goes.
    Mode {
        /// Its full name, such as `words:spam` or `links`.
        rule: String,
        /// From now on.
        mode: Mode,
    },
    /// What members may speak.
    Languages {
        /// At least one.
        members: Vec<Tongue>,
    },
}

/// A charter with a room's changes in it.
#[derive(Clone, Debug)]
pub struct Edited {
    /// What holds.
    pub charter: Charter,
    /// The changes that no longer fit, each with why.
    pub warnings: Vec<String>,
}

impl Charter {
    /// This charter with a room's changes, one after the other.
    pub fn with(&self, edits: &[Edit]) -> Edited {
        let mut work = Work::on(self);
        let mut warnings = Vec::new();
        let mut words = 0;
        for edit in edits.iter().take(MOST_EDITS) {
            words += edit.words().len();
            let done = match words > MOST_WORDS {
                true => Err(Unfit::TooManyWords),
                false => work.put(edit),
            };
            if let Err(why) = done {
                warnings.push(format!("{} is left out: {why}", edit.told()));
            }
        }
        if edits.len() > MOST_EDITS {
            warnings.push(format!(
                "{} changes are left out: a room keeps {MOST_EDITS} at most",
                edits.len() - MOST_EDITS
            ));
        }
        Edited {
            charter: work.done(),
            warnings,
        }
    }

    /// The changes of a room with one more, or why it does not fit. What an earlier one said of the same thing is
    /// replaced, so that a room that changes its mind often does not run out of changes.
    pub fn edited(&self, edits: &[Edit], new: Edit) -> Result<(Vec<Edit>, Edited), Unfit> {
        let mut work = Work::on(self);
        for edit in edits {
            // One that no longer fits is not this one's fault.
            let _ = work.put(edit);
        }
        if let Edit::RemoveWords { words } = &new {
            work.has_words(words)?;
        }
        work.put(&new)?;
        let joined = joined(edits, new, self);
        if joined.len() > MOST_EDITS {
            return Err(Unfit::TooManyEdits);
        }
        if joined.iter().map(|edit| edit.words().len()).sum::<usize>() > MOST_WORDS {
            return Err(Unfit::TooManyWords);
        }
        let edited = self.with(&joined);
        Ok((joined, edited))
    }
}

impl Edit {
    /// What it changes, in a word or two; never the words of a list.
    pub fn told(&self) -> String {
        let words = |words: &[Word]| match words.len() {
            1 => "1 word".to_owned(),
            n => format!("{n} words"),
        };
        match self {
            Edit::AddWords { words: added } => format!("add {}", words(added)),
            Edit::RemoveWords { words: removed } => format!("remove {}", words(removed)),
            Edit::AllowWords { words: allowed } => format!("allow {}", words(allowed)),
            Edit::AllowLink { domain } => format!("allow links to {}", domain.as_str()),
            Edit::DenyLink { domain } => format!("deny links to {}", domain.as_str()),
            Edit::AddTopic(topic) => format!("add topic \"{}\"", topic.name()),
            Edit::Mode { rule, mode } => format!("set {rule} to {}", mode.as_str()),
            Edit::Languages { members } => {
                let codes: Vec<&str> = members.iter().map(|tongue| tongue.code()).collect();
                format!("set the languages to {}", codes.join(", "))
            }
        }
    }

    /// The same for who reads it in a room.
    pub fn text(&self, language: Language) -> String {
        if language == Language::English {
            return self.told();
        }
        match self {
            Edit::AddWords { words } => format!("加 {} 个词", words.len()),
            Edit::RemoveWords { words } => format!("删 {} 个词", words.len()),
            Edit::AllowWords { words } => format!("放行 {} 个词", words.len()),
            Edit::AllowLink { domain } => format!("放行链接 {}", domain.as_str()),
            Edit::DenyLink { domain } => format!("拦下链接 {}", domain.as_str()),
            Edit::AddTopic(topic) => format!("加话题“{}”", topic.name()),
            Edit::Mode { rule, mode } => {
                let mode = match mode {
                    Mode::Off => "关",
                    Mode::Dry => "试",
                    Mode::Ask => "问",
                    Mode::On => "生效",
                };
                format!("{rule} 改为{mode}")
            }
            Edit::Languages { members } => {
                let codes: Vec<&str> = members.iter().map(|tongue| tongue.code()).collect();
                format!("语言改为 {}", codes.join("、"))
            }
        }
    }

    /// The full name of the rule that it changes; allowed words change every list.
    pub fn rule(&self) -> Option<String> {
        match self {
            Edit::AddWords { .. } | Edit::RemoveWords { .. } => Some(format!("words:{ROOM}")),
            Edit::AllowWords { .. } => None,
            Edit::AllowLink { .. } | Edit::DenyLink { .. } => Some("links".into()),
            Edit::AddTopic(topic) => Some(format!("topics:{}", topic.name())),
            Edit::Mode { rule, .. } => Some(rule.clone()),
            Edit::Languages { .. } => Some("language".into()),
        }
    }

    fn words(&self) -> &[Word] {
        self.words_of().map_or(&[], Vec::as_slice)
    }

    fn words_of(&self) -> Option<&Vec<Word>> {
        match self {
            Edit::AddWords { words } | Edit::RemoveWords { words } | Edit::AllowWords { words } => {
                Some(words)
            }
            Edit::AllowLink { .. }
            | Edit::DenyLink { .. }
            | Edit::AddTopic(_)
            | Edit::Mode { .. }
            | Edit::Languages { .. } => None,
        }
    }

    fn words_mut(&mut self) -> Option<&mut Vec<Word>> {
        match self {
            Edit::AddWords { words } | Edit::RemoveWords { words } | Edit::AllowWords { words } => {
                Some(words)
            }
            Edit::AllowLink { .. }
            | Edit::DenyLink { .. }
            | Edit::AddTopic(_)
            | Edit::Mode { .. }
            | Edit::Languages { .. } => None,
        }
    }

    fn takes_back(&self) -> bool {
        matches!(self, Edit::RemoveWords { .. })
    }

    fn makes_a_list(&self) -> bool {
        matches!(self, Edit::AddWords { .. })
    }

    /// Whether a later one of this kind says all that this one said.
    fn is_replaced_by(&self, new: &Edit) -> bool {
        match (self, new) {
            (Edit::Mode { rule, .. }, Edit::Mode { rule: same, .. }) => rule == same,
            (Edit::Languages { .. }, Edit::Languages { .. }) => true,
            (Edit::AddTopic(topic), Edit::AddTopic(same)) => topic.name() == same.name(),
            (
                Edit::AllowLink { domain } | Edit::DenyLink { domain },
                Edit::AllowLink { domain: same } | Edit::DenyLink { domain: same },
            ) => domain == same,
            _ => false,
        }
    }
}

/// One change more: what it replaces goes, words go where they stand last.
fn joined(edits: &[Edit], mut new: Edit, base: &Charter) -> Vec<Edit> {
    let mut all = edits.to_vec();
    let keys = keys(new.words());
    let takes_back = new.takes_back();
    let Some(words) = new.words_mut() else {
        // In its place: what came after it may stand on it, such as the mode of a rule that it made.
        match all.iter().position(|edit| edit.is_replaced_by(&new)) {
            Some(at) => all[at] = new,
            None => all.push(new),
        }
        return all;
    };
    for earlier in all.iter_mut().filter_map(Edit::words_mut) {
        earlier.retain(|word| !keys.contains(&word.key()));
    }
    if takes_back {
        // What the room itself had added is simply gone.
        let own: HashSet<String> = base.own_words().map(key).collect();
        words.retain(|word| own.contains(&word.key()));
    }
    let words = words.clone();
    let same = |edit: &&mut Edit| std::mem::discriminant(*edit) == std::mem::discriminant(&new);
    match all.iter_mut().find(same).and_then(Edit::words_mut) {
        Some(earlier) => earlier.extend(words),
        None => all.push(new),
    }
    // An empty list of the room's own stays: its mode may have been set.
    all.retain(|edit| edit.makes_a_list() || edit.words_of().is_none_or(|words| !words.is_empty()));
    all
}

fn keys(words: &[Word]) -> HashSet<String> {
    words.iter().map(Word::key).collect()
}

/// A charter while changes are put into it.
struct Work {
    charter: Charter,
    /// Words that no list finds; they go into every list at the end.
    allowed: Vec<Word>,
    /// Topics that the room has made.
    topics: Vec<String>,
}

impl Work {
    fn on(charter: &Charter) -> Self {
        Work {
            charter: charter.clone(),
            allowed: Vec::new(),
            topics: Vec::new(),
        }
    }

    fn put(&mut self, edit: &Edit) -> Result<(), Unfit> {
        match edit {
            Edit::AddWords { words } => self.add_words(words),
            Edit::RemoveWords { words } => self.remove_words(words),
            Edit::AllowWords { words } => return self.allow_words(words),
            Edit::AllowLink { domain } => {
                let links = self.links();
                links.deny.retain(|denied| denied != domain);
                put_once(&mut links.allow, domain);
            }
            Edit::DenyLink { domain } => {
                let links = self.links();
                links.allow.retain(|allowed| allowed != domain);
                put_once(&mut links.deny, domain);
            }
            Edit::AddTopic(topic) => return self.add_topic(topic.written()),
            Edit::Mode { rule, mode } => match self.charter.mode_of(rule) {
                Some(place) => *place = *mode,
                None => return Err(Unfit::NoRule(rule.clone())),
            },
            Edit::Languages { members } => {
                if members.is_empty() {
                    return Err(Unfit::NoLanguage);
                }
                match &mut self.charter.language {
                    Some(rule) => rule.members.clone_from(members),
                    rule => {
                        *rule = Some(LanguageRule {
                            mode: Mode::Dry,
                            members: members.clone(),
                            ladder: Ladder::of(super::Action::Remind),
                            exempt: Vec::new(),
                        });
                    }
                }
            }
        }
        Ok(())
    }

    fn add_words(&mut self, words: &[Word]) {
        let keys = keys(words);
        self.allowed
            .retain(|allowed| !keys.contains(&allowed.key()));
        let list = self.charter.own_list();
        let mut known: HashSet<String> = list.words.iter().map(|word| key(word)).collect();
        for word in words {
            if known.insert(word.key()) {
                list.words.push(word.as_str().to_owned());
            }
        }
    }

    /// What is not there any more is gone already.
    fn remove_words(&mut self, words: &[Word]) {
        let gone = keys(words);
        self.allowed.retain(|word| !gone.contains(&word.key()));
        if let Some(list) = self.charter.words.iter_mut().find(|rule| rule.name == ROOM) {
            list.words.retain(|word| !gone.contains(&key(word)));
        }
    }

    /// Whether each of these words is there to be taken away.
    fn has_words(&self, words: &[Word]) -> Result<(), Unfit> {
        let own = self.charter.own_words().map(key);
        let known: HashSet<String> = own.chain(self.allowed.iter().map(Word::key)).collect();
        match words.iter().position(|word| !known.contains(&word.key())) {
            None => Ok(()),
            Some(unknown) => Err(Unfit::NotListed {
                word: unknown + 1,
                of: words.len(),
            }),
        }
    }

    fn allow_words(&mut self, words: &[Word]) -> Result<(), Unfit> {
        if self.charter.words.is_empty() {
            return Err(Unfit::NoList);
        }
        self.remove_words(words);
        self.allowed.extend_from_slice(words);
        Ok(())
    }

    fn add_topic(&mut self, topic: &TopicWritten) -> Result<(), Unfit> {
        let topics = &mut self.charter.topics;
        if let Some(known) = topics.iter_mut().find(|known| known.name == topic.name) {
            if !self.topics.contains(&topic.name) {
                return Err(Unfit::TopicTaken(topic.name.clone()));
            }
            known.about.clone_from(&topic.about);
            known.decline.clone_from(&topic.decline);
            return Ok(());
        }
        let new = TopicRule {
            name: topic.name.clone(),
            mode: Mode::Dry,
            about: topic.about.clone(),
            examples: Vec::new(),
            decline: topic.decline.clone(),
            applies_to: [AppliesTo::Questions, AppliesTo::Answers].into(),
            ladder: Ladder::of(super::Action::Review),
        };
        topics.push(new);
        self.topics.push(topic.name.clone());
        Ok(())
    }

    fn links(&mut self) -> &mut LinksRule {
        self.charter.links.get_or_insert_with(|| LinksRule {
            mode: Mode::Dry,
            allow: Vec::new(),
            deny: Vec::new(),
            others: Others::Allow,
            answers: Answers::Any,
            ladder: recall_and_remind(),
            exempt: Vec::new(),
        })
    }

    fn done(mut self) -> Charter {
        for list in &mut self.charter.words {
            let allowed = self.allowed.iter().map(|word| word.as_str().to_owned());
            list.allowed.extend(allowed);
        }
        self.charter
    }
}

fn put_once(list: &mut Vec<Domain>, domain: &Domain) {
    if !list.contains(domain) {
        list.push(domain.clone());
    }
}

fn recall_and_remind() -> Ladder {
    let rung = Rung::try_from("recall+remind".to_owned()).expect("recall and remind are actions");
    Ladder::try_from(vec![rung]).expect("one rung is a ladder")
}

impl Charter {
    /// The words of the room's own list that are written in it.
    fn own_words(&self) -> impl Iterator<Item = &str> {
        let own = self.words.iter().filter(|rule| rule.name == ROOM);
        own.flat_map(|rule| rule.words.iter().map(String::as_str))
    }

    fn own_list(&mut self) -> &mut WordsRule {
        let at = self.words.iter().position(|rule| rule.name == ROOM);
        let at = at.unwrap_or_else(|| {
            self.words.push(WordsRule {
                name: ROOM.into(),
                mode: Mode::Dry,
                list: None,
                words: Vec::new(),
                allow: None,
                allowed: Vec::new(),
                applies_to: [AppliesTo::Members, AppliesTo::Questions, AppliesTo::Answers].into(),
                by_sound: true,
                ladder: recall_and_remind(),
                exempt: Vec::new(),
            });
            self.words.len() - 1
        });
        &mut self.words[at]
    }
}
