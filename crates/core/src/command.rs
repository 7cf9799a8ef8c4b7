//! Step 3, first half: is the house called, and for what? Message → [`Call`] → [`Command`].
//! Pure text work: who may do a thing, and whether the house is open, is decided in `house.rs`.

mod keeping;

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::{MemberId, Message, MessageId, RoomKind, Segment};

pub use keeping::{Keeping, Say, Sweep, Target};

/// The word that calls the house; never blank, never with a blank inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Trigger {
    written: String,
    folded: Vec<char>,
}

impl Trigger {
    /// The word as its charter writes it, for help texts.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// What stands behind the trigger, if the text starts with it and the word ends there.
    fn strip<'t>(&self, text: &'t str) -> Option<&'t str> {
        let mut chars = text.chars();
        for want in &self.folded {
            if fold(chars.next()?) != *want {
                return None;
            }
        }
        let rest = chars.as_str();
        let ends = match rest.chars().next() {
            None => true,
            Some(next) if self.is_latin() => !continues_latin_word(fold(next)),
            // `茶馆在哪` is talk about a teahouse, `茶馆 在哪` asks one.
            Some(next) => !next.is_alphanumeric(),
        };
        ends.then_some(rest)
    }

    fn is_latin(&self) -> bool {
        self.folded.last().is_some_and(char::is_ascii)
    }
}

impl TryFrom<String> for Trigger {
    type Error = String;

    fn try_from(written: String) -> Result<Self, String> {
        let folded: Vec<char> = written.trim().chars().map(fold).collect();
        if folded.is_empty()
            || folded.len() > 24
            || folded.iter().any(|c| c.is_whitespace() || c.is_control())
        {
            return Err(format!(
                "\"{written}\" is no trigger; write one word of at most 24 letters, like \"ai\""
            ));
        }
        Ok(Trigger {
            written: written.trim().to_owned(),
            folded,
        })
    }
}

impl From<Trigger> for String {
    fn from(trigger: Trigger) -> String {
        trigger.written
    }
}

/// Lower case, and full-width forms as their plain ones: `ＡＩ：` reads `ai:`.
pub(crate) fn fold(c: char) -> char {
    let plain = match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        '\u{3000}' => ' ',
        _ => c,
    };
    let mut lower = plain.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) => one,
        _ => plain,
    }
}

/// Whether the next character goes on with the word: `aim`, `ai2`, `AI's`, `ai-driven`, `aí`.
fn continues_latin_word(next: char) -> bool {
    match next {
        '_' | '\'' | '’' | '-' => true,
        '\u{300}'..='\u{36f}' => true,
        _ => next.is_ascii_alphanumeric() || is_latin_letter(next),
    }
}

fn is_latin_letter(c: char) -> bool {
    let latin = matches!(c, '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' | '\u{2c60}'..='\u{2c7f}' | '\u{a720}'..='\u{a7ff}');
    latin && c.is_alphabetic()
}

/// By which of the three ways the house was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// A trigger word.
    Word,
    /// A mention of our account.
    Mention,
    /// A reply to one of our messages.
    Reply,
}

/// A message that addresses the house.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// By word, mention or reply.
    pub how: How,
    /// What is left when triggers, quotes and our own mention are taken away, trimmed.
    pub words: String,
    /// Whether pictures, voice or files came with it.
    pub has_media: bool,
    /// The message it replies to.
    pub reply_to: Option<MessageId>,
}

/// Reads whether a message addresses us: a trigger at its start (after quotes, pictures, mentions of us and
/// blanks), our mention anywhere, a reply to one of our messages, or anything at all in a direct chat.
pub fn find_call(
    message: &Message,
    us: &MemberId,
    triggers: &[Trigger],
    is_ours: impl Fn(&MessageId) -> bool,
) -> Option<Call> {
    let mut words = String::new();
    let mut mentioned = false;
    let mut has_media = false;
    let mut reply_to = None;
    let mut after_quote = false;
    for segment in &message.segments {
        let follows_quote = std::mem::take(&mut after_quote);
        match segment {
            Segment::Quote { message, .. } => {
                reply_to.get_or_insert_with(|| message.clone());
                after_quote = true;
            }
            Segment::Mention { member, .. } if member == us => mentioned = true,
            // QQ puts a mention of the quoted author right behind the quote by itself.
            Segment::Mention { .. } if follows_quote => {}
            Segment::Mention { member, .. } => {
                words.push('@');
                words.push_str(member.as_str());
            }
            Segment::MentionAll { .. } => words.push_str("@all"),
            Segment::Text { text } => words.push_str(text),
            Segment::Image(_)
            | Segment::Voice(_)
            | Segment::Video(_)
            | Segment::File(_)
            | Segment::Forward { .. } => {
                has_media = true;
            }
            Segment::Face { .. } | Segment::Unsupported { .. } => {}
        }
    }
    let start = words.trim_start();
    let behind = triggers.iter().find_map(|trigger| trigger.strip(start));
    let how = match (behind, mentioned, &reply_to) {
        (Some(_), _, _) => How::Word,
        (None, true, _) => How::Mention,
        (None, false, Some(quoted)) if is_ours(quoted) => How::Reply,
        // In a direct chat there is nobody else to talk to.
        (None, false, _) if message.room_kind == RoomKind::Direct => How::Mention,
        (None, false, _) => return None,
    };
    let rest = behind
        .unwrap_or(start)
        .trim_start_matches(is_between)
        .trim_end();
    Some(Call {
        how,
        words: rest.to_owned(),
        has_media,
        reply_to,
    })
}

/// Whether a text alone would call the house: a trigger at its start.
pub fn calls(text: &str, triggers: &[Trigger]) -> bool {
    let start = text.trim_start();
    triggers
        .iter()
        .any(|trigger| trigger.strip(start).is_some())
}

/// What may stand between trigger and question: `ai, hello`, `AI：你好`, `ai! help`.
fn is_between(c: char) -> bool {
    c.is_whitespace() || matches!(fold(c), ',' | ':' | '!' | '.' | ';' | '、' | '。' | '~')
}

/// What a call asks the house to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Nothing behind the trigger: one line of help.
    Empty,
    /// A question.
    Ask,
    /// What may I do here?
    Help,
    /// Forget my conversation.
    New,
    /// Forget the room's conversation (admins).
    NewRoom,
    /// Stop my running answers.
    Stop,
    /// Why was this message answered or not?
    Why(MessageId),
    /// What is held about me?
    AboutMe,
    /// Serve this room (admins).
    On,
    /// Do not serve this room (admins).
    Off,
    /// Be silent for a while (admins).
    Pause(Duration),
    /// Something about the house's rules.
    Keeping(Keeping),
}

impl Command {
    /// Whether it binds only for admins.
    pub fn needs_admin(&self) -> bool {
        match self {
            Command::On | Command::Off | Command::Pause(_) | Command::NewRoom => true,
            Command::Keeping(keeping) => keeping.needs_admin(),
            Command::Empty
            | Command::Ask
            | Command::Help
            | Command::New
            | Command::Stop
            | Command::Why(_)
            | Command::AboutMe => false,
        }
    }
}

/// Words of each command. The first of each language is the one that help shows.
const COMMANDS: &[(Command, &[&str])] = &[
    (Command::Help, &["help", "帮助"]),
    (Command::New, &["new", "重来"]),
    (Command::NewRoom, &["new room", "全群重来"]),
    (Command::Stop, &["stop", "停"]),
    (Command::AboutMe, &["about me", "关于我"]),
    (Command::On, &["on", "开"]),
    (Command::Off, &["off", "关"]),
];

const WHY: &[&str] = &["why", "为什么"];
/// Nobody pauses a room for longer.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(7 * 86_400);

const PAUSE: &[&str] = &["pause", "暂停"];

impl Call {
    /// The command, if the whole remainder is one; anything else is a question.
    pub fn command(&self) -> Command {
        let folded: String = self.words.chars().map(fold).collect();
        let whole = folded
            .trim_end_matches(['.', '。', '!'])
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        if whole.chars().all(|c| !c.is_alphanumeric())
            && self.words.chars().all(|c| !is_pictograph(c))
        {
            return if self.has_media {
                Command::Ask
            } else {
                Command::Empty
            };
        }
        for (command, words) in COMMANDS {
            if words.contains(&whole.as_str()) {
                return command.clone();
            }
        }
        if let (true, Some(target)) = (WHY.contains(&whole.as_str()), &self.reply_to) {
            return Command::Why(target.clone());
        }
        for word in PAUSE {
            let length = whole
                .strip_prefix(word)
                .and_then(|length| parse_duration(length, Duration::from_secs(60)..=LONGEST_PAUSE));
            if let Some(length) = length {
                return Command::Pause(length);
            }
        }
        keeping::read(self, &whole).map_or(Command::Ask, Command::Keeping)
    }
}

fn is_pictograph(c: char) -> bool {
    matches!(c, '\u{2600}'..='\u{27bf}' | '\u{1f000}'..='\u{1faff}')
}

/// `30m`, `2 hours`, `30分钟`, within a range.
fn parse_duration(text: &str, range: RangeInclusive<Duration>) -> Option<Duration> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text[..digits].parse().ok()?;
    let seconds = match text[digits..].trim() {
        "m" | "min" | "minute" | "minutes" | "分" | "分钟" => 60,
        "h" | "hour" | "hours" | "小时" => 3_600,
        "d" | "day" | "days" | "天" => 86_400,
        _ => return None,
    };
    let length = Duration::from_secs(number.checked_mul(seconds)?);
    range.contains(&length).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{AccountName, Address, ChatId, Sender, SenderKind};

    fn message(segments: Vec<Segment>) -> Message {
        Message {
            address: Address {
                account: AccountName::new("qq"),
                chat: ChatId::new("1"),
            },
            room_kind: RoomKind::Group,
            id: MessageId::new("m"),
            sequence: None,
            sender: Sender {
                id: MemberId::new("2"),
                name: "lin".into(),
                role: None,
                kind: SenderKind::Person,
            },
            segments,
            sent_at: None,
        }
    }

    fn text(text: &str) -> Segment {
        Segment::Text { text: text.into() }
    }

    fn at(member: &str) -> Segment {
        Segment::Mention {
            member: MemberId::new(member),
            more: Default::default(),
        }
    }

    fn quote(message: &str) -> Segment {
        Segment::Quote {
            message: MessageId::new(message),
            more: Default::default(),
        }
    }

    fn image() -> Segment {
        Segment::Image(Default::default())
    }

    /// Our id is `me`, our own message is `ours`; triggers `ai` and `茶馆`.
    fn read(segments: Vec<Segment>) -> String {
        let triggers = ["ai", "茶馆"].map(|t| Trigger::try_from(t.to_owned()).unwrap());
        let ours = MessageId::new("ours");
        match find_call(&message(segments), &MemberId::new("me"), &triggers, |id| {
            *id == ours
        }) {
            None => "talk".into(),
            Some(call) => {
                let command = call.command();
                if command == Command::Ask {
                    format!("ask({})", call.words)
                } else if let Command::Why(target) = command {
                    format!("why({target})")
                } else {
                    format!("{command:?}").to_lowercase()
                }
            }
        }
    }

    #[track_caller]
    fn check(line: &str, expected: &str) {
        assert_eq!(read(vec![text(line)]), expected, "{line}");
    }

    #[test]
    fn a_question_starts_with_the_trigger_and_its_edge() {
        check("ai why is tea red?", "ask(why is tea red?)");
        check("AI what time is it", "ask(what time is it)");
        check("  ai hello", "ask(hello)");
        check("ai你好", "ask(你好)");
        check("ai　问题", "ask(问题)");
        check("ＡＩ　问题", "ask(问题)");
        check("ａｉ：问题", "ask(问题)");
        check("ai: hello", "ask(hello)");
        check("ai, hello", "ask(hello)");
        check("AI！ hello", "ask(hello)");
        check("ai\nhello", "ask(hello)");
        check("ai 😀", "ask(😀)");
        check("茶馆 在哪", "ask(在哪)");
        check("茶馆，在哪", "ask(，在哪)".replace('，', "").as_str());
        check("茶馆", "empty");
    }

    #[test]
    fn a_longer_word_is_talk() {
        for line in [
            "aim high",
            "AI's future",
            "ai’s",
            "ai2",
            "ai_x",
            "ai-driven tools",
            "aïe",
            "aí",
            "aide",
            "say ai hello",
            "I like ai",
            "茶馆在哪",
            "茶馆2号",
            "我去茶馆",
            "a i hello",
            "",
            "   ",
            "@bot ai hi",
            "xai hello",
        ] {
            check(line, "talk");
        }
        check("ai\u{301} hello", "talk");
    }

    #[test]
    fn bad_032_nothing_behind_the_trigger_asks_for_help() {
        for line in ["ai", "AI", "ai ", "ai?", "ai……", "ai !!!", "ＡＩ"] {
            check(line, "empty");
        }
    }

    #[test]
    fn a_command_is_the_whole_remainder() {
        check("ai help", "help");
        check("ai 帮助", "help");
        check("AI　帮助", "help");
        check("ai HELP!", "help");
        check("ai new", "new");
        check("ai 重来", "new");
        check("ai stop", "stop");
        check("ai 停。", "stop");
        check("ai about  me", "aboutme");
        check("ai 关于我", "aboutme");
        check("ai on", "on");
        check("ai off", "off");
        check("ai pause 30m", "pause(1800s)");
        check("ai pause 2 hours", "pause(7200s)");
        check("ai 暂停 30分钟", "pause(1800s)");
        check("ai 暂停30分钟", "pause(1800s)");
    }

    #[test]
    fn what_only_looks_like_a_command_is_a_question() {
        for words in [
            "why is tea red?",
            "new york",
            "help me with grammar",
            "stop words in search",
            "why",
            "为什么天是蓝的",
            "on second thought",
            "off we go",
            "pause",
            "pause 30",
            "pause 0m",
            "pause 99d",
            "pause for a minute",
            "about me and you",
            "easy",
            "check",
            "ѕtop",
        ] {
            check(&format!("ai {words}"), &format!("ask({words})"));
        }
    }

    #[test]
    fn why_asks_about_the_message_it_replies_to() {
        assert_eq!(read(vec![quote("q"), text("ai why")]), "why(q)");
        assert_eq!(
            read(vec![quote("q"), at("9"), text(" ai 为什么")]),
            "why(q)"
        );
        assert_eq!(read(vec![quote("q"), text("ai why?")]), "ask(why?)");
    }

    #[test]
    fn a_mention_or_a_reply_to_us_asks_too() {
        assert_eq!(read(vec![at("me"), text(" hello")]), "ask(hello)");
        assert_eq!(read(vec![text("hello "), at("me")]), "ask(hello)");
        assert_eq!(read(vec![at("me"), text(" ai ai ai")]), "ask(ai ai)");
        assert_eq!(read(vec![at("me"), at("7"), text(" hi")]), "ask(@7 hi)");
        assert_eq!(read(vec![at("me")]), "empty");
        assert_eq!(
            read(vec![quote("ours"), text("and then?")]),
            "ask(and then?)"
        );
        assert_eq!(read(vec![quote("ours"), at("me"), text(" help")]), "help");
        assert_eq!(
            read(vec![quote("other"), at("9"), text(" and then?")]),
            "talk"
        );
        assert_eq!(
            read(vec![quote("other"), at("9"), text(" ai explain")]),
            "ask(explain)"
        );
        assert_eq!(read(vec![at("9"), text(" ai explain")]), "talk");
        assert_eq!(
            read(vec![
                Segment::MentionAll {
                    more: Default::default()
                },
                text(" ai hi")
            ]),
            "talk"
        );
    }

    #[test]
    fn a_picture_in_front_does_not_hide_the_trigger() {
        assert_eq!(
            read(vec![image(), text("ai what is this")]),
            "ask(what is this)"
        );
        assert_eq!(read(vec![text("ai"), image()]), "ask()");
        assert_eq!(read(vec![image(), text("aim")]), "talk");
    }

    #[test]
    fn in_a_direct_chat_everything_is_meant_for_us() {
        let mut said = message(vec![text("hello")]);
        said.room_kind = RoomKind::Direct;
        let triggers = [Trigger::try_from("ai".to_owned()).unwrap()];
        let call = find_call(&said, &MemberId::new("me"), &triggers, |_| false).unwrap();
        assert_eq!((call.how, call.words.as_str()), (How::Mention, "hello"));
    }

    #[test]
    fn a_trigger_is_one_word() {
        for wrong in ["", " ", "a b", "\u{7}", "abcdefghijklmnopqrstuvwxyz"] {
            assert!(Trigger::try_from(wrong.to_owned()).is_err(), "{wrong:?}");
        }
    }
}
