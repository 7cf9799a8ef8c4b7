//! The verbs of keeping order: what members ask about the rules and what admins do by them. Exact forms only; whatever
//! is a little different is a question. Who may do a thing is decided in `house.rs`.

use std::time::Duration;

use super::{Call, fold, parse_duration};
use crate::charter::RuleCommand;
use crate::event::{MemberId, MessageId};

/// Whom a verb is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The author of the message that was replied to.
    Author(MessageId),
    /// Who was mentioned.
    Member(MemberId),
}

/// Which of the house's own messages are taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sweep {
    /// Those of so long back that the present rules would not let out.
    Last(Duration),
    /// Those with these words in them.
    Words(String),
}

/// What a person says about a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Say {
    /// It may stand.
    Allow,
    /// It may not.
    Deny,
    /// What was decided before is taken back.
    Undo,
}

/// Something about the house's rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// What are the rules?
    Rules,
    /// What was done to me was wrong, and why.
    Appeal(String),
    /// Erase me.
    ForgetMe,
    /// Somebody should look at this message.
    Report(MessageId),
    /// How was the week (admins)?
    Week,
    /// What waits for an admin (admins)?
    Review,
    /// An admin's word about the case that the message replied to shows.
    Decide(MessageId, Say),
    /// … about a case by its number.
    DecideNumber(u32, Say),
    /// A member is silent for a while (admins).
    Mute(Target, Duration),
    /// A member may speak again, and all their rungs are forgotten (admins).
    Pardon(Target),
    /// A message is taken back (admins).
    Recall(MessageId),
    /// The house takes its own messages back (admins).
    Sweep(Sweep),
    /// A note for the admins (admins).
    Note(Option<Target>, String),
    /// The rules are shown, changed or tried (admins).
    Rule(RuleCommand),
}

impl Keeping {
    /// Whether it binds only for admins.
    pub fn needs_admin(&self) -> bool {
        match self {
            Keeping::Rules | Keeping::Appeal(_) | Keeping::ForgetMe | Keeping::Report(_) => false,
            Keeping::Week
            | Keeping::Review
            | Keeping::Decide(..)
            | Keeping::DecideNumber(..)
            | Keeping::Mute(..)
            | Keeping::Pardon(_)
            | Keeping::Recall(_)
            | Keeping::Sweep(_)
            | Keeping::Note(..)
            | Keeping::Rule(_) => true,
        }
    }

    /// Whether it is only a question where it binds not: its words are everybody's words.
    pub fn may_be_meant_otherwise(&self) -> bool {
        matches!(self, Keeping::Decide(..) | Keeping::Appeal(_))
    }
}

/// Nobody sweeps further back: what was said before has lost its words.
const LONGEST_SWEEP: Duration = Duration::from_secs(7 * 86_400);
/// A platform mutes no shorter and no longer.
const MUTES: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(60)..=Duration::from_secs(30 * 86_400);
/// A longer appeal or note is cut.
const LONGEST_WORDS: usize = 500;
/// Fewer characters are in nearly every message.
const SHORTEST_SWEEP: usize = 2;

const SAYS: &[(&str, Say)] = &[
    ("allow", Say::Allow),
    ("放", Say::Allow),
    ("放行", Say::Allow),
    ("deny", Say::Deny),
    ("拦", Say::Deny),
    ("拦下", Say::Deny),
    ("undo", Say::Undo),
    ("撤销", Say::Undo),
];

/// Reads one of these verbs; `whole` is the call's remainder folded, without a full stop, with single blanks.
pub(super) fn read(call: &Call, whole: &str) -> Option<Keeping> {
    let reply = call.reply_to.clone();
    let alone = match whole {
        "rules" | "群规" => Some(Keeping::Rules),
        "forget me" | "忘记我" => Some(Keeping::ForgetMe),
        "report" | "举报" if reply.is_some() => reply.clone().map(Keeping::Report),
        "report" | "周报" => Some(Keeping::Week),
        "review" | "待审" => Some(Keeping::Review),
        "recall" | "撤回" => reply.clone().map(Keeping::Recall),
        "pardon" | "赦免" => reply
            .clone()
            .map(|quote| Keeping::Pardon(Target::Author(quote))),
        "appeal" | "申诉" if reply.is_some() => Some(Keeping::Appeal(String::new())),
        "sweep" | "清扫" => Some(Keeping::Sweep(Sweep::Last(Duration::from_secs(3_600)))),
        _ => None,
    };
    if alone.is_some() {
        return alone;
    }
    if let (Some(quote), Some((_, say))) = (&reply, SAYS.iter().find(|(word, _)| *word == whole)) {
        return Some(Keeping::Decide(quote.clone(), *say));
    }
    // What comes after the verb is kept as it was written: ids and words are not folded.
    let (verb, rest) = first_word(&call.words);
    let rest = rest.trim();
    match verb.as_str() {
        "review" | "待审" => decide_number(rest),
        "appeal" | "申诉" if !rest.is_empty() => Some(Keeping::Appeal(capped(rest))),
        "mute" | "禁言" => mute(rest, reply),
        "pardon" | "赦免" => Some(Keeping::Pardon(Target::Member(mention(rest)?))),
        "sweep" | "清扫" => sweep(rest),
        "rule" | "规矩" => RuleCommand::parse(rest).map(Keeping::Rule),
        "note" | "备注" if !rest.is_empty() => Some(note(rest, reply)),
        _ => None,
    }
}

/// The first word, folded, and what stands behind it.
fn first_word(words: &str) -> (String, &str) {
    let end = words.find(char::is_whitespace).unwrap_or(words.len());
    let (word, rest) = words.split_at(end);
    (word.chars().map(fold).collect(), rest)
}

fn capped(text: &str) -> String {
    text.chars().take(LONGEST_WORDS).collect()
}

/// `@20002000`, the whole of it.
fn mention(text: &str) -> Option<MemberId> {
    let id = text.strip_prefix('@')?;
    let is_one = !id.is_empty() && id != "all" && !id.contains(char::is_whitespace);
    is_one.then(|| MemberId::new(id))
}

/// `@20002000 10m`, or `10m` in reply to a message of theirs.
fn mute(rest: &str, reply: Option<MessageId>) -> Option<Keeping> {
    let (whom, length) = match rest.split_once(char::is_whitespace) {
        Some((whom, length)) if whom.starts_with('@') => (Target::Member(mention(whom)?), length),
        Some(_) | None => (Target::Author(reply?), rest),
    };
    let folded: String = length.chars().map(fold).collect();
    let length = parse_duration(&folded, MUTES)?;
    Some(Keeping::Mute(whom, length))
}

/// `12 allow`.
fn decide_number(rest: &str) -> Option<Keeping> {
    let (number, say) = rest.split_once(char::is_whitespace)?;
    let number: u32 = number.parse().ok().filter(|number| *number > 0)?;
    let say: String = say.trim().chars().map(fold).collect();
    let (_, say) = SAYS.iter().find(|(word, _)| *word == say)?;
    Some(Keeping::DecideNumber(number, *say))
}

/// `last 1h`, `最近 1小时`, or the words to look for.
fn sweep(rest: &str) -> Option<Keeping> {
    let folded: String = rest.chars().map(fold).collect();
    for word in ["last ", "最近"] {
        if let Some(length) = folded.strip_prefix(word) {
            let range = Duration::from_secs(60)..=LONGEST_SWEEP;
            if let Some(length) = parse_duration(length, range) {
                return Some(Keeping::Sweep(Sweep::Last(length)));
            }
        }
    }
    let is_word = rest.chars().filter(|c| c.is_alphanumeric()).count() >= SHORTEST_SWEEP;
    is_word.then(|| Keeping::Sweep(Sweep::Words(capped(rest))))
}

/// About whoever is mentioned first or was replied to, else about the room.
fn note(rest: &str, reply: Option<MessageId>) -> Keeping {
    if let Some((whom, text)) = rest.split_once(char::is_whitespace)
        && let Some(member) = mention(whom)
    {
        return Keeping::Note(Some(Target::Member(member)), capped(text.trim()));
    }
    Keeping::Note(reply.map(Target::Author), capped(rest))
}

#[cfg(test)]
mod tests {
    use super::super::{Command, How};
    use super::*;

    fn read(words: &str, reply: Option<&str>) -> String {
        let call = Call {
            how: How::Word,
            words: words.to_owned(),
            has_media: false,
            reply_to: reply.map(MessageId::new),
        };
        let command = call.command();
        if let Command::Keeping(keeping) = command {
            return format!("{keeping:?}");
        }
        assert_eq!(command, Command::Ask, "{words}");
        "a question".to_owned()
    }

    #[track_caller]
    fn check(words: &str, reply: Option<&str>, expected: &str) {
        assert_eq!(
            read(words, reply),
            expected,
            "{words} in reply to {reply:?}"
        );
    }

    #[test]
    fn members_ask_about_the_rules_in_both_languages() {
        check("rules", None, "Rules");
        check("群规", None, "Rules");
        check("Rules.", None, "Rules");
        check("forget me", None, "ForgetMe");
        check("忘记我", None, "ForgetMe");
        check("appeal it was a quote", None, "Appeal(\"it was a quote\")");
        check("申诉 那是引用", None, "Appeal(\"那是引用\")");
        check("申诉", Some("n"), "Appeal(\"\")");
        check("report", Some("m"), "Report(MessageId(\"m\"))");
        check("举报", Some("m"), "Report(MessageId(\"m\"))");
    }

    #[test]
    fn admins_verbs_need_their_whole_form() {
        let ten = "600s";
        check(
            "mute @20002000 10m",
            None,
            &format!("Mute(Member(MemberId(\"20002000\")), {ten})"),
        );
        check(
            "mute 10m",
            Some("m"),
            &format!("Mute(Author(MessageId(\"m\")), {ten})"),
        );
        check(
            "禁言 10分钟",
            Some("m"),
            &format!("Mute(Author(MessageId(\"m\")), {ten})"),
        );
        check("MUTE ＠x 10m", Some("m"), "a question");
        check("recall", Some("m"), "Recall(MessageId(\"m\"))");
        check("撤回", Some("m"), "Recall(MessageId(\"m\"))");
        check("pardon @Lin-9", None, "Pardon(Member(MemberId(\"Lin-9\")))");
        check("赦免", Some("m"), "Pardon(Author(MessageId(\"m\")))");
        check("sweep", None, "Sweep(Last(3600s))");
        check("sweep last 2h", None, "Sweep(Last(7200s))");
        check("清扫 最近 2小时", None, "Sweep(Last(7200s))");
        check("sweep Casino bonus", None, "Sweep(Words(\"Casino bonus\"))");
        check("rule back", None, "Rule(Back)");
        check("规矩 退回", None, "Rule(Back)");
        check("rule of thumb", None, "a question");
        check("review", None, "Review");
        check("待审", None, "Review");
        check("review 12 allow", None, "DecideNumber(12, Allow)");
        check("待审 12 拦", None, "DecideNumber(12, Deny)");
        check("report", None, "Week");
        check(
            "note be kind to newcomers",
            None,
            "Note(None, \"be kind to newcomers\")",
        );
        check(
            "note @7 second warning",
            None,
            "Note(Some(Member(MemberId(\"7\"))), \"second warning\")",
        );
        check(
            "备注 说过一次了",
            Some("m"),
            "Note(Some(Author(MessageId(\"m\"))), \"说过一次了\")",
        );
    }

    #[test]
    fn a_word_in_reply_decides_a_case() {
        check("放", Some("n"), "Decide(MessageId(\"n\"), Allow)");
        check("拦", Some("n"), "Decide(MessageId(\"n\"), Deny)");
        check("Deny", Some("n"), "Decide(MessageId(\"n\"), Deny)");
        check("撤销", Some("n"), "Decide(MessageId(\"n\"), Undo)");
    }

    #[test]
    fn bad_049_half_an_admins_command_is_a_question() {
        for (words, reply) in [
            ("mute", None),
            ("mute", Some("m")),
            ("mute @7", None),
            ("mute @7 0m", None),
            ("mute @7 99d", None),
            ("mute @all 10m", None),
            ("mute @ 10m", None),
            ("mute the television in 10m", Some("m")),
            ("mutе @7 10m", None),
            ("recall", None),
            ("recall the name of that song", Some("m")),
            ("pardon", None),
            ("pardon me", None),
            ("pardon @7 please", None),
            ("sweep ?", None),
            ("review 0 allow", None),
            ("review 12", None),
            ("review 12 maybe", None),
            ("review my essay", None),
            ("放", None),
            ("allow", None),
            ("deny it", Some("n")),
            ("appeal", None),
            ("申诉", None),
            ("note", None),
            ("rules of chess", None),
            ("forget me not", None),
            ("report on tea", Some("m")),
        ] {
            check(words, reply, "a question");
        }
    }
}
