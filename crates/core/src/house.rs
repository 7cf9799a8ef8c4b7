//! The heart: what does the house do about a message that calls it? Room, asker and call in, [`Decision`] out.
//! Same input, same decision. Nothing is said, stored or asked here.

use std::time::Duration;

use jiff::Timestamp;

use crate::charter::Charter;
use crate::command::{Call, Command, LONGEST_PAUSE};
use crate::event::{Message, Role, RoomKind, SenderKind};
use crate::notice::Notice;
use crate::reason::Reason;

/// A question older than this is seen, not answered.
pub const FRESHNESS: Duration = Duration::from_secs(5 * 60);
/// … but for a model of this machine that is still on its way a question waits so long.
pub const PATIENCE: Duration = Duration::from_secs(10 * 60);
/// The longest question, in characters.
pub const LONGEST_QUESTION: usize = 4_000;
/// Turns of one room that run at once.
pub const TURNS_AT_ONCE: usize = 3;
/// Questions of one room that wait behind them.
pub const TURNS_WAITING: usize = 32;
/// The hint for an empty call comes this seldom.
const HINT_EVERY: Duration = Duration::from_secs(60);

/// What the house knows of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomState {
    /// Group or direct.
    pub kind: RoomKind,
    /// Whether its house allows direct chats.
    pub direct_allowed: bool,
    /// Switched by `ai on|off`.
    pub on: bool,
    /// Set by `ai pause`.
    pub paused_until: Option<Timestamp>,
    /// Whether the platform lets the house not speak now.
    pub muted: bool,
    /// When the hint was last given.
    pub hinted_at: Option<Timestamp>,
    /// Questions that wait for a turn.
    pub waiting: usize,
}

/// How sure we are of an asker's role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// As the frame says; no right rests on it.
    Claimed(Option<Role>),
    /// As the platform's member list says.
    Witnessed(Role),
    /// The platform could not be asked.
    Unwitnessed,
}

/// What the house knows of who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker {
    /// Their role.
    pub standing: Standing,
    /// Questions they asked here today.
    pub today: u32,
    /// Whether they were told today that their limit is reached.
    pub limit_noticed: bool,
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Nothing, for this reason.
    Silent(Reason),
    /// Say this, for this reason.
    Say(Reason, Notice),
    /// Carry out a command; the edge says what came of it.
    Do(Command),
    /// Ask the platform for the asker's role first, then decide again.
    Witness,
    /// Start a turn.
    Ask,
}

/// Whether a message can call the house at all: people only, and not from long ago.
pub fn admit(message: &Message, now: Timestamp) -> Result<(), Reason> {
    match message.sender.kind {
        SenderKind::Person => {}
        SenderKind::Ourselves | SenderKind::Bot | SenderKind::Anonymous => {
            return Err(Reason::BotLoop);
        }
    }
    match message.sent_at {
        Some(sent) if sent < now && now.duration_since(sent).unsigned_abs() > FRESHNESS => {
            Err(Reason::TooOld)
        }
        Some(_) | None => Ok(()),
    }
}

/// Decides about a call.
pub fn decide(
    charter: &Charter,
    room: &RoomState,
    asker: Asker,
    call: &Call,
    now: Timestamp,
) -> Decision {
    decide_as(call.command(), charter, room, asker, call, now)
}

/// Decides about a call that is read as this command: what a command binds for nobody is a question.
pub fn decide_as(
    command: Command,
    charter: &Charter,
    room: &RoomState,
    asker: Asker,
    call: &Call,
    now: Timestamp,
) -> Decision {
    if room.kind == RoomKind::Direct && !room.direct_allowed {
        return Decision::Silent(Reason::DirectOff);
    }
    // The way out works always.
    if command == Command::Stop {
        return Decision::Do(command);
    }
    // What nobody will hear is not asked either: it would cost money, and hammering a mute costs the account.
    if room.muted {
        return Decision::Silent(Reason::Muted);
    }
    let is_admin = match asker.standing {
        Standing::Witnessed(role) => role.is_admin(),
        Standing::Claimed(_) | Standing::Unwitnessed => false,
    };
    let may_be_admin = match asker.standing {
        Standing::Claimed(role) => role.is_none_or(Role::is_admin) && room.kind == RoomKind::Group,
        Standing::Witnessed(_) | Standing::Unwitnessed => false,
    };
    if command.needs_admin() && may_be_admin {
        return Decision::Witness;
    }
    let opens = is_admin && command.needs_admin();
    if !room.on && !opens {
        return Decision::Silent(Reason::AdminStopped);
    }
    // One that seems longer was begun by a clock that was ahead.
    let paused = |until| now < until && until <= now + LONGEST_PAUSE;
    if room.paused_until.is_some_and(paused) && !opens {
        return Decision::Silent(Reason::Paused);
    }
    if charter.is_quiet(now) && !is_admin {
        return if may_be_admin {
            Decision::Witness
        } else {
            Decision::Silent(Reason::QuietHours)
        };
    }
    if command.needs_admin() && !is_admin {
        if let Command::Keeping(keeping) = &command
            && keeping.may_be_meant_otherwise()
        {
            return question(charter, room, asker, call, now);
        }
        let notice = match asker.standing {
            Standing::Unwitnessed => Notice::RoleUnknown,
            Standing::Claimed(_) | Standing::Witnessed(_) => Notice::AdminsOnly,
        };
        return Decision::Say(Reason::Command, notice);
    }
    match command {
        Command::Empty => {
            let lately = room
                .hinted_at
                .is_some_and(|at| now >= at && now < at + HINT_EVERY);
            if lately {
                Decision::Silent(Reason::Command)
            } else {
                Decision::Say(
                    Reason::Command,
                    Notice::Hint {
                        trigger: charter.trigger.first().into(),
                    },
                )
            }
        }
        // Who may do more is told more.
        Command::Help if may_be_admin => Decision::Witness,
        Command::Help => Decision::Say(
            Reason::Command,
            Notice::Help {
                trigger: charter.trigger.first().into(),
                admin: is_admin,
            },
        ),
        Command::Ask => question(charter, room, asker, call, now),
        Command::New
        | Command::NewRoom
        | Command::Stop
        | Command::Why(_)
        | Command::AboutMe
        | Command::On
        | Command::Off
        | Command::Pause(_)
        | Command::Keeping(_) => Decision::Do(command),
    }
}

fn question(
    charter: &Charter,
    room: &RoomState,
    asker: Asker,
    call: &Call,
    now: Timestamp,
) -> Decision {
    if call.words.is_empty() {
        return Decision::Say(Reason::UnsupportedType, Notice::Unreadable);
    }
    if call.words.chars().count() > LONGEST_QUESTION {
        return Decision::Say(
            Reason::TooLong,
            Notice::TooLong {
                limit: LONGEST_QUESTION,
            },
        );
    }
    if asker.today >= charter.purse.questions_per_member_per_day {
        if asker.limit_noticed {
            return Decision::Silent(Reason::QuotaMember);
        }
        let (_, next_day) = charter.zone.day(now);
        return Decision::Say(
            Reason::QuotaMember,
            Notice::LimitReached {
                refills: charter.zone.clock(next_day),
            },
        );
    }
    if room.waiting >= TURNS_WAITING {
        return Decision::Say(Reason::Overloaded, Notice::Busy);
    }
    Decision::Ask
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::How;

    fn now() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    fn open() -> RoomState {
        RoomState {
            kind: RoomKind::Group,
            direct_allowed: false,
            on: true,
            paused_until: None,
            muted: false,
            hinted_at: None,
            waiting: 0,
        }
    }

    const MEMBER: Asker = Asker {
        standing: Standing::Claimed(Some(Role::Member)),
        today: 0,
        limit_noticed: false,
    };
    const SAYS_ADMIN: Asker = Asker {
        standing: Standing::Claimed(Some(Role::Owner)),
        ..MEMBER
    };
    const ADMIN: Asker = Asker {
        standing: Standing::Witnessed(Role::Admin),
        ..MEMBER
    };

    fn call(words: &str) -> Call {
        Call {
            how: How::Word,
            words: words.into(),
            has_media: false,
            reply_to: None,
        }
    }

    #[track_caller]
    fn check(room: &RoomState, asker: Asker, words: &str, expected: &str) {
        let decision = decide(&Charter::open_table(), room, asker, &call(words), now());
        let short = match decision {
            Decision::Silent(reason) => format!("silent {reason}"),
            Decision::Say(reason, notice) => {
                let notice = format!("{notice:?}");
                format!(
                    "say {reason} {}",
                    notice.split([' ', '{']).next().unwrap_or_default()
                )
            }
            Decision::Do(command) => format!("do {command:?}"),
            Decision::Witness => "witness".into(),
            Decision::Ask => "ask".into(),
        };
        assert_eq!(short, expected, "{words}");
    }

    #[test]
    fn an_open_room_answers_questions_and_commands() {
        check(&open(), MEMBER, "why is tea red?", "ask");
        check(&open(), MEMBER, "", "say command Hint");
        check(&open(), MEMBER, "help", "say command Help");
        check(&open(), MEMBER, "new", "do New");
        check(&open(), MEMBER, "about me", "do AboutMe");
        check(
            &RoomState {
                hinted_at: Some(now()),
                ..open()
            },
            MEMBER,
            "",
            "silent command",
        );
    }

    #[test]
    fn admin_verbs_bind_only_for_a_witnessed_admin() {
        check(&open(), MEMBER, "off", "say command AdminsOnly");
        check(&open(), SAYS_ADMIN, "off", "witness");
        check(
            &open(),
            Asker {
                standing: Standing::Claimed(None),
                ..MEMBER
            },
            "off",
            "witness",
        );
        check(
            &open(),
            Asker {
                standing: Standing::Witnessed(Role::Member),
                ..MEMBER
            },
            "off",
            "say command AdminsOnly",
        );
        check(
            &open(),
            Asker {
                standing: Standing::Unwitnessed,
                ..MEMBER
            },
            "off",
            "say command RoleUnknown",
        );
        check(&open(), SAYS_ADMIN, "help", "witness");
        check(&open(), ADMIN, "off", "do Off");
        check(&open(), ADMIN, "pause 30m", "do Pause(1800s)");
    }

    #[test]
    fn a_room_that_is_off_or_paused_hears_only_its_admins_and_stop() {
        let off = RoomState {
            on: false,
            ..open()
        };
        let paused = RoomState {
            paused_until: Some(now() + Duration::from_secs(1)),
            ..open()
        };
        for (room, reason) in [(&off, "admin_stopped"), (&paused, "paused")] {
            check(room, MEMBER, "hello", &format!("silent {reason}"));
            check(room, MEMBER, "off", &format!("silent {reason}"));
            check(room, MEMBER, "help", &format!("silent {reason}"));
            check(room, MEMBER, "stop", "do Stop");
            check(room, SAYS_ADMIN, "on", "witness");
            check(room, ADMIN, "on", "do On");
        }
        let over = RoomState {
            paused_until: Some(now()),
            ..open()
        };
        check(&over, MEMBER, "hello", "ask");
        let years = Duration::from_secs(3_650 * 86_400);
        let by_a_wrong_clock = RoomState {
            paused_until: Some(now() + years),
            ..open()
        };
        check(&by_a_wrong_clock, MEMBER, "hello", "ask");
    }

    #[test]
    fn quiet_hours_are_silent_but_for_admins() {
        let mut charter = Charter::open_table();
        charter.quiet = vec!["11:00-13:00".to_owned().try_into().unwrap()];
        let at = |asker, words: &str| decide(&charter, &open(), asker, &call(words), now());
        assert_eq!(at(MEMBER, "hello"), Decision::Silent(Reason::QuietHours));
        assert_eq!(at(MEMBER, "stop"), Decision::Do(Command::Stop));
        assert_eq!(at(SAYS_ADMIN, "hello"), Decision::Witness);
        assert_eq!(at(ADMIN, "hello"), Decision::Ask);
    }

    #[test]
    fn the_daily_limit_is_told_once() {
        let used = Asker {
            today: 20,
            ..MEMBER
        };
        check(&open(), used, "hello", "say quota_member LimitReached");
        check(
            &open(),
            Asker {
                limit_noticed: true,
                ..used
            },
            "hello",
            "silent quota_member",
        );
        check(&open(), used, "help", "say command Help");
    }

    #[test]
    fn direct_chats_are_off_unless_the_house_says_so() {
        let direct = RoomState {
            kind: RoomKind::Direct,
            ..open()
        };
        check(&direct, MEMBER, "hello", "silent direct_off");
        check(&direct, MEMBER, "stop", "silent direct_off");
        check(
            &RoomState {
                direct_allowed: true,
                ..direct
            },
            MEMBER,
            "hello",
            "ask",
        );
    }

    #[test]
    fn too_long_too_many_or_wordless_is_said() {
        check(&open(), MEMBER, &"茶".repeat(4_001), "say too_long TooLong");
        check(
            &RoomState {
                waiting: TURNS_WAITING,
                ..open()
            },
            MEMBER,
            "hello",
            "say overloaded Busy",
        );
        let picture = Call {
            has_media: true,
            ..call("")
        };
        let decision = decide(&Charter::open_table(), &open(), MEMBER, &picture, now());
        assert_eq!(
            decision,
            Decision::Say(Reason::UnsupportedType, Notice::Unreadable)
        );
    }
}
