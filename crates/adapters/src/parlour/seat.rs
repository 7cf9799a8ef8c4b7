//! Seats: who sits in a room. A seat is proved by a token that is shown once; only its hash is kept, and it opens
//! nothing but the seat.

use std::fmt;

use jiff::Timestamp;
use rand::RngExt;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use teahouse_core::{MemberId, Role, SenderKind, clean_text};
use tokio::sync::mpsc;
use unicode_segmentation::UnicodeSegmentation;

use super::socket::Frame;

/// A shown name is no longer.
const NAME_GRAPHEMES: usize = 24;
/// … and no name is kept longer, however many marks stand on its letters.
const NAME_CHARS: usize = 64;
/// Messages a seat may say at once.
const BURST: f64 = 10.0;
/// … and in each second.
const PER_SECOND: f64 = 5.0;

/// A seat's standing in its room; the owner gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeatRole {
    /// Owns the room.
    Owner,
    /// May recall.
    Admin,
    /// Anybody.
    Member,
    /// A member who has come just now.
    Newcomer,
    /// Listens only.
    Lurker,
    /// Another program, for rehearsals.
    Bot,
}

impl SeatRole {
    /// Every role with its words: the wire's, and 中文.
    pub const ALL: [(SeatRole, &'static str, &'static str); 6] = [
        (SeatRole::Owner, "owner", "群主"),
        (SeatRole::Admin, "admin", "管理员"),
        (SeatRole::Member, "member", "成员"),
        (SeatRole::Newcomer, "newcomer", "新人"),
        (SeatRole::Lurker, "lurker", "潜水"),
        (SeatRole::Bot, "bot", "机器人"),
    ];

    /// The role of a word in either language.
    pub fn of(word: &str) -> Option<Self> {
        SeatRole::ALL
            .into_iter()
            .find(|(_, en, zh)| word == *en || word == *zh)
            .map(|(role, ..)| role)
    }

    /// The wire's word.
    pub fn word(self) -> &'static str {
        SeatRole::ALL
            .into_iter()
            .find(|(role, ..)| *role == self)
            .map_or("member", |(_, word, _)| word)
    }

    /// What the member list says of it.
    pub fn standing(self) -> Role {
        match self {
            SeatRole::Owner => Role::Owner,
            SeatRole::Admin => Role::Admin,
            SeatRole::Member | SeatRole::Newcomer | SeatRole::Lurker | SeatRole::Bot => {
                Role::Member
            }
        }
    }

    pub(super) fn sender(self) -> SenderKind {
        match self {
            SeatRole::Bot => SenderKind::Bot,
            SeatRole::Owner
            | SeatRole::Admin
            | SeatRole::Member
            | SeatRole::Newcomer
            | SeatRole::Lurker => SenderKind::Person,
        }
    }
}

/// A secret of 128 bits, shown once. It does not print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    pub(super) fn random() -> Self {
        Token(hex(&rand::rng().random::<[u8; 16]>()))
    }

    /// The secret itself, for whoever gets it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub(super) fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// What is kept of a token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct TokenHash(String);

impl TokenHash {
    pub(super) fn of(token: &str) -> Self {
        TokenHash(hex(&Sha256::digest(token.as_bytes())))
    }

    /// Compares without telling by its time how much was right.
    pub(super) fn is(&self, other: &TokenHash) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

/// Somebody who may sit here now, with the secret that proves it.
#[derive(Clone, Debug)]
pub struct NewSeat {
    /// The seat.
    pub seat: MemberId,
    /// Shown this once.
    pub token: Token,
}

/// A seat as it is kept.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct KeptSeat {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) role: SeatRole,
    pub(super) token: TokenHash,
    /// In milliseconds.
    #[serde(default)]
    pub(super) muted_until: Option<i64>,
    /// Why it was asked to leave.
    #[serde(default)]
    pub(super) removed: Option<String>,
    /// What it says against the latest of both.
    #[serde(default)]
    pub(super) appeal: Option<String>,
    /// Came by an invitation.
    #[serde(default)]
    pub(super) guest: bool,
}

/// A seat at work.
pub(super) struct Seat {
    pub(super) kept: KeptSeat,
    pub(super) tab: Option<Tab>,
    /// Nobody has sat there since.
    pub(super) empty_since: Timestamp,
    allowance: f64,
    counted: Timestamp,
    pub(super) typed: Timestamp,
}

/// The one live connection of a seat.
pub(super) struct Tab {
    pub(super) number: u64,
    pub(super) frames: mpsc::Sender<Frame>,
}

impl Seat {
    pub(super) fn new(kept: KeptSeat, now: Timestamp) -> Self {
        Seat {
            kept,
            tab: None,
            empty_since: now,
            allowance: BURST,
            counted: now,
            typed: Timestamp::MIN,
        }
    }

    pub(super) fn is_muted(&self, now: Timestamp) -> bool {
        self.kept
            .muted_until
            .is_some_and(|until| now.as_millisecond() < until)
    }

    /// Counts one message; false if it comes too fast.
    pub(super) fn may_say(&mut self, now: Timestamp) -> bool {
        let passed = now.as_millisecond() - self.counted.as_millisecond();
        self.counted = now;
        self.allowance = (self.allowance + passed.max(0) as f64 / 1_000.0 * PER_SECOND).min(BURST);
        let may = self.allowance >= 1.0;
        if may {
            self.allowance -= 1.0;
        }
        may
    }
}

/// A name as it is kept and shown: cleaned, on one line, of a length people can read. None if nothing is left.
pub(super) fn shown_name(name: &str) -> Option<String> {
    let clean = clean_text(name).replace(['\n', '\t'], " ");
    let mut shown = String::new();
    let mut chars = 0;
    for grapheme in clean.trim().graphemes(true).take(NAME_GRAPHEMES) {
        let room = NAME_CHARS - chars;
        shown.extend(grapheme.chars().take(room));
        chars += grapheme.chars().count().min(room);
    }
    let shown = shown.trim();
    (!shown.is_empty()).then(|| shown.to_owned())
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_026_a_name_is_cleaned_and_capped_whatever_stands_on_its_letters() {
        let zalgo = format!("a{}", "\u{301}".repeat(10_000));
        for (name, shown) in [
            ("  阿明 ", Some("阿明")),
            ("a\u{202e}b\u{0}\u{1b}[31mc", Some("abc")),
            ("two\nlines", Some("two lines")),
            ("\u{200b}\u{feff} ", None),
        ] {
            assert_eq!(shown_name(name).as_deref(), shown, "{name:?}");
        }
        let capped = shown_name(&zalgo).unwrap();
        assert_eq!(capped.chars().count(), 16);
        let crowd = format!("a{}", "\u{301}".repeat(15)).repeat(9);
        assert_eq!(shown_name(&crowd).unwrap().chars().count(), NAME_CHARS);
        assert_eq!(shown_name(&"茶".repeat(99)).unwrap().chars().count(), 24);
    }

    #[test]
    fn a_token_prints_nothing_and_its_hash_is_not_the_token() {
        let token = Token::random();
        assert_eq!(token.reveal().len(), 32);
        assert!(!format!("{token:?}").contains(token.reveal()));
        assert!(token.hash().is(&TokenHash::of(token.reveal())));
        assert!(!token.hash().is(&Token::random().hash()));
        assert_ne!(token.hash().0, token.reveal());
    }

    #[test]
    fn ten_at_once_and_then_five_a_second() {
        let at = |ms: i64| Timestamp::from_millisecond(1_800_000_000_000 + ms).unwrap();
        let kept = KeptSeat {
            id: "1".into(),
            name: "lin".into(),
            role: SeatRole::Member,
            token: Token::random().hash(),
            muted_until: None,
            removed: None,
            appeal: None,
            guest: false,
        };
        let mut seat = Seat::new(kept, at(0));
        assert_eq!((0..20).filter(|_| seat.may_say(at(0))).count(), 10);
        assert_eq!((0..20).filter(|_| seat.may_say(at(1_000))).count(), 5);
    }
}
