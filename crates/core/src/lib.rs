//! Teahouse's words and decisions. No tokio, no sockets, no files, no clock, no chance: time, ids and randomness
//! come in as arguments, and what is decided goes out as data. In reading order:

#![warn(missing_docs, clippy::wildcard_enum_match_arm)]

mod breaker;
mod bundle;
mod charter;
mod chat;
mod command;
mod conversation;
mod effect;
mod event;
mod failover;
#[cfg(test)]
mod fuzz;
mod gate;
mod house;
mod ledger;
mod money;
pub mod normalise;
mod notice;
mod outbox;
mod pace;
mod reason;
mod reasoning;
mod replies;
pub mod rules;
mod split;

pub use breaker::{Breakers, Callee, Condition, PROBE_EVERY, Pass, Rest};
pub use bundle::Ending;
pub use charter::{
    Action, AppliesTo, Charter, CompanionRule, Count, CrisisRule, Edit, Edited, Exempt, FloodRule,
    GhostwritingDo, GhostwritingRule, Keep, Ladder, LanguageRule, Length, LinksRule, MOST_EDITS,
    MOST_WORDS, MaxTokens, Mode, NewTopic, Numbered, PeopleFirstRule, PlainRule, PrivacyRule,
    PurseRules, QuietHours, ROOM, RuleCommand, RuleRef, Rung, Share, TopicRule, Tried, Triggers,
    Unfit, Word, WordsRule, Zone,
};
pub use chat::{
    ChatRequest, Chunk, FailureKind, Finish, PromptLine, ReportedUsage, Speaker, Usage,
    estimate_tokens,
};
pub use command::{Call, Command, How, Keeping, Say, Sweep, Target, Trigger, calls, find_call};
pub use conversation::{Exchange, PromptSource, TalkLine, prompt, question_of};
pub use effect::{EFFECT_FRESH, Effect, NotDone, Performed};
pub use event::{
    AccountName, Address, ChatId, EVENT_VERSION, Event, EventKind, InboxKey, Media, MemberId,
    Message, MessageId, Role, RoomId, RoomKind, Segment, Sender, SenderKind, Sequence, TurnId,
};
pub use failover::{Route, RouteModel, Walk};
pub use gate::{
    Draft, GateVerdict, Joined, MOST_NODES, OUTGOING_VERSION, OutSegment, Outgoing, SealError,
    Sealed, Source, clean_text, pass,
};
pub use house::{
    Asker, Decision, FRESHNESS, LONGEST_QUESTION, PATIENCE, RoomState, Standing, TURNS_AT_ONCE,
    TURNS_WAITING, admit, decide, decide_as,
};
pub use ledger::{AttemptNumber, Entry, Purpose};
pub use money::{Currency, Money, MoneyError, Nano, Price, parse_nano};
pub use notice::{
    AboutMember, AiMark, ByRule, Deeds, KeepingNotice, Language, Notice, ReviewLine, Stands, Waits,
    Week, again, cut_short, ghostwriting_label, language_reminder,
};
pub use outbox::{
    Before, DeadWhy, Delivery, DeliveryId, DeliveryState, FRESH, LOOKS, NotSent, PROOF, ReadBack,
    Receipt, SETTLING, SUSPICION, SendOutcome, Shape, same_words,
};
pub use pace::{Bucket, Pace};
pub use reason::Reason;
pub use reasoning::{ReasoningFilter, strip_reasoning};
pub use replies::{Heard, LINES_REMEMBERED, Quoted, Replies};
pub use rules::links::without_links;
pub use split::{FIRST_PART, Parts, fit};
