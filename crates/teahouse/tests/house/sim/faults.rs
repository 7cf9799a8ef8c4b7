//! What may go wrong in an evening: which faults a seed switches on, and how often each strikes, in a thousand.

use super::chance::Chance;

/// How often things go wrong, in a thousand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    // Events on their way to us.
    pub lost: u64,
    pub late: u64,
    pub twice: u64,
    // Sends.
    pub swallowed: u64,
    pub unacknowledged: u64,
    pub appears_late: u64,
    pub refused: u64,
    pub muted: u64,
    pub lies_ok: u64,
    pub wrong_label: u64,
    // What is done to a room.
    pub no_right: u64,
    pub too_fast: u64,
    pub effect_swallowed: u64,
    pub effect_lost: u64,
    pub effect_untold: u64,
    // The platform.
    pub same_label: u64,
    pub link: u64,
    pub history_fails: u64,
    pub no_history: bool,
    pub no_sequence: bool,
    pub own_events: bool,
    pub two_accounts: bool,
    // Providers.
    pub fails: u64,
    pub breaks: u64,
    pub hangs: u64,
    pub silent: u64,
    pub liar_usage: u64,
    // The store.
    pub store_before: u64,
    pub store_after: u64,
    pub store_slow: u64,
    // The process and the machine.
    pub crash: u64,
    pub restart: u64,
    pub clock: u64,
    /// The wall clock jumps by ten years.
    pub far: u64,
    /// The machine sleeps for eight hours.
    pub sleeps: u64,
    /// Once the disk stands still for longer than a question stays fresh.
    pub stands: bool,
    // The house.
    pub safe_pace: bool,
    pub poor: bool,
    /// Every send to this room is swallowed.
    pub stuck_room: Option<u64>,
    /// Nobody is in this room.
    pub empty_room: Option<u64>,
}

impl Faults {
    /// Those of a seed: each kind is on in about half of all seeds.
    pub fn of(seed: u64) -> Self {
        let chance = Chance::new(seed).of("faults");
        let on = |name: &str, often: u64| match chance.of(name).below(2) {
            0 => 0,
            _ => often / 2 + chance.of(name).of("often").below(often),
        };
        let yes = |name: &str| chance.of(name).below(3) == 0;
        Faults {
            lost: on("lost", 40),
            late: on("late", 150),
            twice: on("twice", 150),
            swallowed: on("swallowed", 120),
            unacknowledged: on("unacknowledged", 120),
            appears_late: on("appears late", 60),
            refused: on("refused", 60),
            muted: on("muted", 20),
            lies_ok: on("lies ok", 40),
            wrong_label: on("wrong label", 40),
            no_right: on("no right", 40),
            too_fast: on("too fast", 100),
            effect_swallowed: on("effect swallowed", 100),
            effect_lost: on("effect lost", 100),
            effect_untold: on("effect untold", 100),
            same_label: on("same label", 40),
            link: on("link", 40),
            history_fails: on("history fails", 200),
            no_history: yes("no history"),
            // Without it two accounts cannot know that they have heard the same.
            no_sequence: yes("no sequence") && !yes("two accounts"),
            own_events: yes("own events"),
            two_accounts: yes("two accounts"),
            fails: on("fails", 200),
            breaks: on("breaks", 150),
            hangs: on("hangs", 60),
            silent: on("silent", 100),
            liar_usage: on("liar usage", 200),
            store_before: on("store before", 15),
            store_after: on("store after", 15),
            store_slow: on("store slow", 200),
            crash: on("crash", 700),
            restart: on("restart", 20),
            clock: on("clock", 30),
            far: on("far", 30),
            sleeps: on("sleeps", 15),
            stands: yes("stands"),
            safe_pace: yes("safe pace"),
            poor: yes("poor"),
            stuck_room: None,
            empty_room: None,
        }
    }
}
