//! What is kept of the house's rules at work: cases, rungs, versions of charters, and the audit log. Shapes only; which
//! case comes to what is decided in core, how they are kept is `embedded/cases.rs`'s.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use teahouse_core::rules::climb::{Mark, Who};
use teahouse_core::{DeliveryId, MemberId, MessageId, RoomId, Sealed};
use ulid::Ulid;

/// A case, by an id of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseId(pub Ulid);

/// Why there is a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseKind {
    /// A rule acted on a message.
    Acted,
    /// A rule wants a person to look.
    Flagged,
    /// A member reported a message.
    Reported,
    /// A rule would have acted and the platform does not let the house.
    Unable,
    /// An admin acted by a command.
    ByHand,
}

/// Where a case stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseState {
    /// Acted on at once; nobody has said anything against it.
    Settled,
    /// A person has to look.
    Open,
    /// The member has appealed: a person has to look.
    Appealed,
    /// An admin let it pass.
    Allowed,
    /// An admin stopped it.
    Denied,
    /// Nobody looked in time; it became a note.
    Expired,
}

/// One message (or member) that a rule or a person had something against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCase {
    /// Its id; orders cases.
    pub id: CaseId,
    /// Why there is one.
    pub kind: CaseKind,
    /// Where it begins.
    pub state: CaseState,
    /// The message, if it is about one; recalled or not.
    pub message: Option<MessageId>,
    /// Whose it is.
    pub member: MemberId,
    /// By which name.
    pub name: String,
    /// What was said: evidence, erased with the member.
    pub words: String,
    /// What was found and what follows or would follow: core's own, JSON, without anybody's words.
    pub what: String,
    /// When.
    pub at: Timestamp,
}

/// A kept case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// As it was made.
    pub new: NewCase,
    /// Its number in its room, from 1: what people call it by.
    pub number: u32,
    /// Where it stands now.
    pub state: CaseState,
    /// What the member wrote when appealing.
    pub appeal: String,
    /// Who decided it.
    pub by: Option<MemberId>,
    /// When it was decided.
    pub decided: Option<Timestamp>,
    /// Where it stood before it was decided, for who takes the decision back.
    pub before: Option<CaseState>,
}

/// How far the effects of a case have come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// So many are still to be done.
    pub unfinished: u32,
    /// So many were given up.
    pub given_up: u32,
}

/// How many cases stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaseCounts {
    /// Rules acted on.
    pub acted: u64,
    /// That wait for a person.
    pub open: u64,
    /// That a person let pass.
    pub allowed: u64,
    /// That a person stopped.
    pub denied: u64,
}

/// What changes with a case; a move from a state in which the case is not (any more) changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseMove {
    /// Which.
    pub case: CaseId,
    /// Where it has to stand.
    pub from: CaseState,
    /// Where it goes.
    pub to: CaseState,
    /// Who decides; nobody for an appeal and for time.
    pub by: Option<MemberId>,
    /// What the member wrote, with an appeal.
    pub appeal: Option<String>,
}

/// A version of a charter, or of what one room has changed in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CharterVersion {
    /// Whose: core's and the program's own, such as `charter/open table` or `room/01…`.
    pub scope: String,
    /// From 1; a version is written once.
    pub version: u32,
    /// When.
    pub at: Timestamp,
    /// Who: `file`, `operator`, or a member as the room sees them.
    pub by: String,
    /// What is different from the version before, in a word or two.
    pub what: String,
    /// What holds: JSON or TOML, the program's own.
    pub body: String,
}

/// Who did something that the audit log tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// A rule of the house.
    House,
    /// Whoever runs the program.
    Operator,
    /// A member; kept as their random key.
    Member(MemberId),
}

/// An entry for the audit log. It holds nobody's words, names or ids: a member is a random key, that means nothing
/// once the member is erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditNote {
    /// Who did it.
    pub by: By,
    /// What was done, such as `mute`, `recall`, `rule-mode`, `erase`.
    pub did: &'static str,
    /// To whom.
    pub to: Option<MemberId>,
    /// With what: numbers and names of rules only, such as `words:spam v3 600s case 7`.
    pub with: String,
}

/// A row of the audit log as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Its number, from 1, without gaps.
    pub n: u64,
    /// When.
    pub at: Timestamp,
    /// In which room.
    pub room: Option<RoomId>,
    /// `house`, `operator`, or a random key in hexadecimal.
    pub by: String,
    /// What was done.
    pub did: String,
    /// A random key in hexadecimal.
    pub to: Option<String>,
    /// With what.
    pub with: String,
}

/// What a look through the audit log finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditReport {
    /// So many rows.
    pub rows: u64,
    /// What is wrong, each with the number of its row: edited, missing, out of order, cut off at the end.
    pub faults: Vec<(u64, String)>,
}

/// What follows from a message or command beside words and turns: written with its acceptance, all or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dealings {
    /// Rungs as they stand now.
    pub marks: Vec<Mark>,
    /// Members whose rungs are forgotten.
    pub pardoned: Vec<Who>,
    /// New cases.
    pub cases: Vec<NewCase>,
    /// Cases that move on.
    pub moves: Vec<CaseMove>,
    /// Which row of the outbox shows which case: who replies to it means that one.
    pub shows: Vec<(DeliveryId, CaseId)>,
    /// New versions of the room's charter.
    pub charters: Vec<CharterVersion>,
    /// For the audit log.
    pub audit: Vec<AuditNote>,
}

/// What was erased of a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Lines of talk.
    pub lines: u64,
    /// Questions with their answers.
    pub questions: u64,
    /// Cases, whose words and name are gone.
    pub cases: u64,
    /// Messages of ours that answered them and were still kept.
    pub payloads: u64,
}

/// One of our own messages that is shown in a room.
#[derive(Clone, Debug)]
pub struct OwnMessage {
    /// Its row.
    pub delivery: DeliveryId,
    /// Its label.
    pub message: MessageId,
    /// What it said; empty once its payload was dropped.
    pub sealed: Sealed,
    /// When it was shown.
    pub at: Timestamp,
}

/// Times of lines that are asked for.
pub type Between = RangeInclusive<Timestamp>;
