//! What differs between bridges, in tables keyed by what they call themselves; nothing is guessed from behaviour.

/// How one bridge wants to be spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quirks {
    /// `app_name` of its `get_version_info`.
    pub app: &'static str,
    /// Whether ids in calls are texts; else numbers where they fit.
    pub ids_are_text: bool,
    /// Whether `get_friend_msg_history` exists.
    pub direct_history: bool,
    /// Whether an empty history is answered with an error.
    pub empty_history_is_error: bool,
    /// Whether it folds messages up into one.
    pub bundles: bool,
    /// Whether it still gives out a message that was taken back: LLBot for two minutes out of its memory, Lagrange and
    /// go-cqhttp for ever out of their own store. NapCat asks QQ.
    pub keeps_recalled: bool,
    /// How it puts a reaction on a message.
    pub reaction: Reaction,
}

/// The call that puts a reaction on a message and takes it off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reaction {
    /// There is none.
    None,
    /// `set_msg_emoji_like`.
    EmojiLike,
    /// `set_group_reaction`.
    OfGroup,
}

/// Fits every bridge that we know: all of them take ids as texts. What a bridge may lack is not asked of it before it
/// has said who it is.
pub(super) const UNKNOWN: Quirks = Quirks {
    app: "",
    ids_are_text: true,
    direct_history: true,
    empty_history_is_error: false,
    bundles: false,
    keeps_recalled: true,
    reaction: Reaction::None,
};

const KNOWN: [Quirks; 4] = [
    Quirks {
        app: "NapCat.Onebot",
        ids_are_text: true,
        direct_history: true,
        empty_history_is_error: true,
        bundles: true,
        keeps_recalled: false,
        reaction: Reaction::EmojiLike,
    },
    Quirks {
        app: "LLOneBot",
        ids_are_text: true,
        direct_history: true,
        empty_history_is_error: false,
        bundles: true,
        keeps_recalled: true,
        reaction: Reaction::EmojiLike,
    },
    Quirks {
        app: "Lagrange.OneBot",
        ids_are_text: false,
        direct_history: true,
        empty_history_is_error: false,
        bundles: true,
        keeps_recalled: true,
        reaction: Reaction::OfGroup,
    },
    Quirks {
        app: "go-cqhttp",
        ids_are_text: false,
        direct_history: false,
        empty_history_is_error: false,
        bundles: true,
        keeps_recalled: true,
        reaction: Reaction::None,
    },
];

impl Quirks {
    /// By the name a bridge gives itself.
    pub fn of(app: &str) -> Quirks {
        KNOWN
            .into_iter()
            .find(|known| known.app.eq_ignore_ascii_case(app))
            .unwrap_or(UNKNOWN)
    }
}

/// The group that bridges name when there is none: inside forwards, and NapCat's fallback for a temporary chat.
pub(super) const NO_REAL_GROUP: &str = "284840486";

/// Whether a sender is a placeholder of the platform: anonymous, or somebody inside a forward.
pub(super) fn is_placeholder(user: &str) -> bool {
    matches!(user, "80000000" | NO_REAL_GROUP | "1094950020")
}

/// Whether a number is one of QQ's own robots, by the ranges QQ's client is told (NapCat, get_robot_uin_range).
pub(super) fn is_official_bot(user: &str) -> bool {
    user.parse().is_ok_and(|number: u64| {
        matches!(
            number,
            66_600_000
                | 3_328_144_510
                | 2_854_196_301..=2_854_216_399
                | 3_889_000_000..=3_889_999_999
                | 4_010_000_000..=4_019_999_999
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bridge_is_known_by_its_own_name() {
        assert!(Quirks::of("NapCat.Onebot").empty_history_is_error);
        assert!(!Quirks::of("go-cqhttp").direct_history);
        assert_eq!(Quirks::of("something new"), UNKNOWN);
    }

    #[test]
    fn people_are_not_taken_for_robots() {
        for (user, bot) in [
            ("2854196306", true),
            ("3889123456", true),
            ("20002000", false),
            ("3900000000", false),
            ("abc", false),
        ] {
            assert_eq!(is_official_bot(user), bot, "{user}");
        }
        assert!(is_placeholder("80000000"));
    }
}
