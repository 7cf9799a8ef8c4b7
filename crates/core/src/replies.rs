//! Who answers whom: which earlier lines of a room a line replies to. Names at the start, mentions, quotes, a fresh
//! answer to the one who spoke to me, my own next sentence. Nothing found opens a thread. It remembers the last
//! hundred lines of one room and decides nothing: rules and the console read it.

use std::collections::VecDeque;

use jiff::Timestamp;

/// A room remembers this many lines.
pub const LINES_REMEMBERED: usize = 100;
/// Names further behind are not looked for, in bytes.
const LOOKED_AT: usize = 400;
/// Whoever was spoken to answers within so many seconds.
const TO_ME: i64 = 660;
/// The other one of a conversation goes on within so many seconds.
const GOES_ON: i64 = 180;
/// So many seconds after my own line the next one continues it.
const OWN: i64 = 120;
/// Shorter names are also words; they count at the start only.
const MIDDLE_NAME: usize = 4;

/// A place for so many bytes is kept for the next line.
const KEPT: usize = 256;

/// One line as it was heard.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heard<'a> {
    /// What the answer calls it by.
    pub id: &'a str,
    /// Who said it: the platform's id, or the name if there is none.
    pub member: &'a str,
    /// What they are called in the room.
    pub name: &'a str,
    /// The words.
    pub text: &'a str,
    /// When; left out, all lines are fresh.
    pub at: Option<Timestamp>,
    /// The members mentioned, by id.
    pub mentions: &'a [&'a str],
    /// The line it quotes.
    pub quotes: Option<Quoted<'a>>,
}

/// A quoted line, as much as is known of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quoted<'a> {
    /// Its id; empty if unknown.
    pub id: &'a str,
    /// Its words.
    pub text: &'a str,
    /// Who said it, by id or name; empty if unknown.
    pub member: &'a str,
}

/// The last lines of one room.
#[derive(Clone, Debug, Default)]
pub struct Replies {
    lines: VecDeque<Line>,
    /// What those lines say, in the same order.
    said: VecDeque<Said>,
    names: Names,
}

/// A line as it is compared with others: a hundred of them lie close together.
#[derive(Clone, Debug)]
struct Line {
    /// Both folded to lower case and hashed: comparing a hundred lines is comparing numbers.
    member: u64,
    name: u64,
    /// Whom it names.
    to: Option<u64>,
    /// Whom it seems to speak with, named or not.
    with: Option<u64>,
    /// In seconds.
    at: Option<i64>,
    /// How the name begins, if it is longer than one character.
    begins: Option<char>,
}

/// The rest of it, which is looked at more rarely.
#[derive(Clone, Debug, Default)]
struct Said {
    id: String,
    name: String,
    text: String,
}

impl Said {
    /// In the place of another one.
    fn now(mut self, heard: &Heard<'_>) -> Said {
        for (place, words) in [
            (&mut self.id, heard.id),
            (&mut self.name, heard.name),
            (&mut self.text, heard.text),
        ] {
            place.clear();
            place.shrink_to(KEPT);
            place.push_str(words);
        }
        self
    }
}

/// How many lines are of somebody whose name ends in these bits when hashed: most words are nobody's name, and that is
/// seen at once.
#[derive(Clone, Debug)]
struct Names([u8; 256]);

impl Default for Names {
    fn default() -> Self {
        Names([0; 256])
    }
}

impl Names {
    fn add(&mut self, name: u64) {
        self.0[name as usize % 256] += 1;
    }

    fn remove(&mut self, name: u64) {
        self.0[name as usize % 256] -= 1;
    }

    fn may_have(&self, name: u64) -> bool {
        self.0[name as usize % 256] > 0
    }
}

impl Replies {
    /// Takes in a line and says which earlier one it answers, by id; none opens a thread.
    pub fn hear(&mut self, heard: &Heard<'_>) -> Option<String> {
        let name = key(heard.name);
        let member = if heard.member.is_empty() {
            name
        } else {
            key(heard.member)
        };
        let to = self.addressed(heard, member);
        let answered = self
            .quoted(heard)
            .or_else(|| self.answered(heard, member, to));
        let with = to.or_else(|| {
            let line = self.lines.get(answered?)?;
            if line.member == member {
                line.with
            } else {
                Some(line.member)
            }
        });
        let id = answered
            .and_then(|index| self.said.get(index))
            .map(|said| said.id.clone());
        let oldest = match self.lines.len() >= LINES_REMEMBERED {
            true => self.forget_at(0),
            false => None,
        };
        let mut chars = heard.name.chars();
        let (begins, second) = (chars.next(), chars.next());
        self.names.add(name);
        self.lines.push_back(Line {
            member,
            name,
            to,
            with,
            at: heard.at.map(Timestamp::as_second),
            begins: second.and(begins),
        });
        self.said.push_back(oldest.unwrap_or_default().now(heard));
        id
    }

    /// Forgets a line that was taken back.
    pub fn forget(&mut self, id: &str) {
        while let Some(index) = self.last_said(|said| said.id == id) {
            self.forget_at(index);
        }
    }

    fn forget_at(&mut self, index: usize) -> Option<Said> {
        if let Some(line) = self.lines.remove(index) {
            self.names.remove(line.name);
        }
        self.said.remove(index)
    }

    fn last_said(&self, is_it: impl Fn(&Said) -> bool) -> Option<usize> {
        self.said.iter().rposition(is_it)
    }

    fn last(&self, is_it: impl Fn(&Line) -> bool) -> Option<usize> {
        self.lines.iter().rposition(is_it)
    }

    /// Of the lines from this one on.
    fn last_from(&self, from: usize, is_it: impl Fn(&Line) -> bool) -> Option<usize> {
        let index = self.lines.range(from..).rposition(is_it)?;
        Some(from + index)
    }

    fn quoted(&self, heard: &Heard<'_>) -> Option<usize> {
        let quoted = heard.quotes.as_ref()?;
        if !quoted.id.is_empty()
            && let Some(index) = self.last_said(|said| said.id == quoted.id)
        {
            return Some(index);
        }
        let words = quoted.text.trim();
        if words.is_empty() {
            return None;
        }
        let by = key(quoted.member);
        let mut lines = self.lines.iter().zip(&self.said);
        lines.rposition(|(line, said)| {
            (quoted.member.is_empty() || line.member == by || line.name == by)
                && said.text.trim() == words
        })
    }

    /// The member that a line names: mentioned, or called by name, at the start best.
    fn addressed(&self, heard: &Heard<'_>, me: u64) -> Option<u64> {
        for mention in heard.mentions {
            let mentioned = key(mention);
            if mentioned != me && self.last(|line| line.member == mentioned).is_some() {
                return Some(mentioned);
            }
        }
        let text = &heard.text[..heard.text.floor_char_boundary(LOOKED_AT)];
        let text = text.trim_start().trim_start_matches('@');
        let mut others = false;
        for (n, word) in text
            .split(is_edge)
            .filter(|word| !word.is_empty())
            .enumerate()
        {
            if n > 0 && word.len() < MIDDLE_NAME {
                continue;
            }
            let called = key(word);
            if !self.names.may_have(called) {
                continue;
            }
            match self.last(|line| line.name == called) {
                Some(index) if self.lines[index].member != me => {
                    return Some(self.lines[index].member);
                }
                Some(_) => others = true,
                None => {}
            }
        }
        if others || !text.starts_with(|c: char| !c.is_ascii()) {
            return None;
        }
        // Chinese needs no blank after a name: 阿明你在吗.
        let begins = text.chars().next();
        let mut lines = self.lines.iter().zip(&self.said);
        lines
            .rposition(|(line, said)| {
                line.begins == begins && line.member != me && text.starts_with(&said.name)
            })
            .map(|index| self.lines[index].member)
    }

    fn answered(&self, heard: &Heard<'_>, me: u64, to: Option<u64>) -> Option<usize> {
        let own = self.last(|line| line.member == me);
        // After my own last line.
        let newer = own.map_or(0, |own| own + 1);
        if let Some(to) = to {
            let last = self.last(|line| line.member == to)?;
            if let Some(own) = own
                && own > last
                && self.lines[own].to == Some(to)
            {
                return Some(own);
            }
            // Their last line was for another one: then the one for me.
            if self.lines[last].to.is_some_and(|other| other != me) {
                return self
                    .last(|line| line.member == to && line.to == Some(me))
                    .or(Some(last));
            }
            return Some(last);
        }
        let fresh =
            |index: usize, within: i64| self.age(index, heard).is_none_or(|age| age <= within);
        let to_me = self.last_from(newer, |line| line.to == Some(me) && line.member != me);
        if let Some(index) = to_me.filter(|index| fresh(*index, TO_ME)) {
            return Some(index);
        }
        let own = own?;
        if let Some(partner) = self.lines[own].to.or(self.lines[own].with) {
            let answer = self.last_from(newer, |line| {
                line.member == partner && line.to.is_none_or(|to| to == me)
            });
            if let Some(index) = answer.filter(|index| fresh(*index, GOES_ON)) {
                return Some(index);
            }
        }
        Some(own).filter(|own| fresh(*own, OWN))
    }

    fn age(&self, index: usize, heard: &Heard<'_>) -> Option<i64> {
        let (then, now) = (self.lines[index].at?, heard.at?);
        Some(now.as_second().saturating_sub(then))
    }
}

fn is_edge(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            ',' | ':'
                | ';'
                | '?'
                | '!'
                | '.'
                | '，'
                | '：'
                | '；'
                | '？'
                | '！'
                | '。'
                | '、'
                | '@'
                | '>'
        )
}

/// FNV-1a over the lower-case letters.
fn key(name: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |c: char| {
        hash = (hash ^ u64::from(u32::from(c))).wrapping_mul(0x0000_0100_0000_01b3);
    };
    for c in name.chars() {
        if c.is_ascii() {
            add(c.to_ascii_lowercase());
        } else if matches!(c, '\u{2e80}'..='\u{9fff}') {
            // Chinese and its neighbours know no small letters.
            add(c);
        } else {
            c.to_lowercase().for_each(&mut add);
        }
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines as `minute name: words`; each is told which line, by its number, it answers.
    fn check(talk: &[(i64, &str, &str, Option<usize>)]) {
        let mut replies = Replies::default();
        for (n, (minute, name, text, answers)) in talk.iter().enumerate() {
            let heard = Heard {
                id: &n.to_string(),
                member: &format!("id-{name}"),
                name,
                text,
                at: Some(Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()),
                ..Heard::default()
            };
            let expected = answers.map(|n| n.to_string());
            assert_eq!(replies.hear(&heard), expected, "line {n}: {text}");
        }
    }

    #[test]
    fn a_name_at_the_start_answers_its_last_line() {
        check(&[
            (0, "lin", "does anyone know a good grammar book?", None),
            (0, "Bob", "hello all", None),
            (1, "ana", "lin: try the blue one", Some(0)),
            (1, "mei", "@bob welcome!", Some(1)),
            (2, "tom", "阿明：来了吗", None),
            (3, "阿明", "大家好", None),
            (3, "tom", "阿明，你好", Some(5)),
            (3, "mei", "阿明你迟到了", Some(5)),
        ]);
    }

    #[test]
    fn two_who_talk_with_each_other_go_on_without_names() {
        check(&[
            (0, "lin", "which word is right?", None),
            (0, "ana", "lin: the second", Some(0)),
            (1, "lin", "why not the first", Some(1)),
            (1, "tom", "what a day", None),
            (1, "ana", "it is too formal", Some(2)),
            (2, "lin", "I see", Some(4)),
        ]);
    }

    #[test]
    fn a_line_right_after_ones_own_continues_it_and_a_late_one_opens_a_thread() {
        check(&[
            (0, "lin", "I went to the market", None),
            (1, "lin", "and bought pears", Some(0)),
            (30, "lin", "good night", None),
        ]);
    }

    #[test]
    fn a_quote_or_a_mention_says_it_outright() {
        let mut replies = Replies::default();
        let mut hear = |id, member, text, quotes, mentions| {
            replies.hear(&Heard {
                id,
                member,
                name: &member.to_uppercase(),
                text,
                quotes,
                mentions,
                at: None,
            })
        };
        let quote = |id, text, member| Some(Quoted { id, text, member });
        hear("1", "a", "one", None, &[]);
        hear("2", "b", "two", None, &[]);
        hear("3", "a", "three", None, &[]);
        let by_id = hear("4", "c", "yes", quote("2", "", ""), &[]);
        assert_eq!(by_id.as_deref(), Some("2"));
        let by_words = hear("5", "d", "no", quote("", " one ", "A"), &[]);
        assert_eq!(by_words.as_deref(), Some("1"));
        let unknown = hear("6", "e", "what?", quote("99", "never said", ""), &[]);
        assert_eq!(unknown, None);
        let mention = hear("7", "f", "look", None, &["nobody", "b"]);
        assert_eq!(mention.as_deref(), Some("2"));
        replies.forget("2");
        let gone = replies.hear(&Heard {
            id: "8",
            member: "g",
            text: "see",
            quotes: quote("2", "", ""),
            ..Heard::default()
        });
        assert_eq!(gone, None);
    }

    #[test]
    fn hostile_lines_are_bounded() {
        let mut replies = Replies::default();
        for n in 0..300 {
            let text = ["@@@:::", "", "，，，", "a:b:c:d", "\u{202e}名：", "  \n"][n % 6].repeat(n);
            replies.hear(&Heard {
                id: &n.to_string(),
                name: &"名".repeat(n % 5),
                text: &text,
                ..Heard::default()
            });
        }
        assert_eq!(replies.lines.len(), LINES_REMEMBERED);
        assert_eq!(replies.said.len(), LINES_REMEMBERED);
    }
}
