//! Why a message was answered or not: one code for every message, a byte on disk, a word everywhere else.
//! Numbers are never reused and never change their meaning.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $code:literal, $en:literal, $zh:literal;)*) => {
        /// The code of one message. `ai why` prints it among its words.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Reason { $($(#[$doc])* $variant,)* }

        impl Reason {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Reason] = &[$(Reason::$variant,)*];

            /// The byte kept on disk.
            pub fn byte(self) -> u8 {
                match self { $(Reason::$variant => $number,)* }
            }

            /// The code of a byte on disk; none for a byte of a newer release.
            pub fn from_byte(byte: u8) -> Option<Reason> {
                match byte { $($number => Some(Reason::$variant),)* _ => None }
            }

            /// The word used in the console, in logs and by `ai why`.
            pub fn code(self) -> &'static str {
                match self { $(Reason::$variant => $code,)* }
            }

            /// One plain sentence for the room: English, 中文.
            pub fn sentence(self) -> (&'static str, &'static str) {
                match self { $(Reason::$variant => ($en, $zh),)* }
            }
        }
    };
}

reasons! {
    /// A question that got its answer.
    Answered = 1, "answered", "It was a question and it was answered.", "这是提问，已经回答。";
    /// Members talking to each other.
    NotAddressed = 2, "not_addressed", "It wasn't addressed to me.", "这句不是对我说的。";
    /// No house matches this room.
    GroupOff = 3, "group_off", "This group isn't served.", "这个群没有开通。";
    /// A member whom an admin has shut out.
    MemberBlocked = 4, "member_blocked", "This member is blocked here.", "这位成员在这里被停用。";
    /// The member's questions of the day are used up.
    QuotaMember = 5, "quota_member", "The member's limit for today is used up.", "这位成员今天的额度用完了。";
    /// The group's questions of the day are used up.
    QuotaGroup = 6, "quota_group", "The group's limit for today is used up.", "本群今天的额度用完了。";
    /// The money of the day is used up.
    QuotaMoney = 7, "quota_money", "Today's money is used up.", "今天的钱用完了。";
    /// The house rests.
    QuietHours = 8, "quiet_hours", "These are quiet hours.", "现在是安静时段。";
    /// A rule wants a person to look first.
    RuleHeld = 9, "rule_held", "A house rule holds it for review.", "按群规，先送审。";
    /// A rule took it away.
    RuleRemoved = 10, "rule_removed", "A house rule removed it.", "按群规撤下了。";
    /// No model answered.
    ProviderFailed = 11, "provider_failed", "No model could answer; the admin knows.", "模型都没答上来，已告诉管理员。";
    /// Heard before.
    Duplicate = 12, "duplicate", "It is a repeat of a message already handled.", "这条是重复的，已经处理过。";
    /// A bot, or ourselves.
    BotLoop = 13, "bot_loop", "It came from a bot.", "这条来自机器人。";
    /// Too late to be useful.
    TooOld = 14, "too_old", "It was too old when it arrived.", "收到时已经太旧。";
    /// Nothing in it that we can read.
    UnsupportedType = 15, "unsupported_type", "I can't read this kind of message.", "看不懂这种消息。";
    /// An admin switched the house off here.
    AdminStopped = 16, "admin_stopped", "An admin has switched me off here.", "管理员把我关了。";
    /// The asker stopped it.
    Cancelled = 17, "cancelled", "The asker stopped it.", "提问的人叫停了。";
    /// It waited too long.
    Expired = 18, "expired", "It waited too long to be useful.", "等太久，已经没有意义。";
    /// More came than could be handled.
    Overloaded = 19, "overloaded", "Too much was going on at once.", "一下子太多，忙不过来。";
    /// An admin paused the house.
    Paused = 20, "paused", "An admin has paused me for a while.", "管理员让我歇一会儿。";
    /// Somebody may need help at once.
    CrisisCard = 21, "crisis_card", "A help card was shown.", "发了求助卡。";
    /// Talk, kept in the room's history.
    Talk = 22, "talk", "It is talk between members.", "这是成员之间的聊天。";
    /// Direct chats are off.
    DirectOff = 23, "direct_off", "Direct chats are off.", "没有开通私聊。";
    /// A command, done.
    Command = 24, "command", "It was a command and it was carried out.", "这是指令，已经照办。";
    /// Longer than the house reads.
    TooLong = 25, "too_long", "It is too long.", "太长了。";
    /// The house does not speak about that.
    Declined = 26, "declined", "This house doesn't discuss that.", "这里不谈这个。";
    /// A person answered first.
    LeftToPeople = 27, "left_to_people", "A person answered first.", "已经有人回答了。";
    /// The house may not speak there now.
    Muted = 28, "muted", "I am muted here and can't answer.", "我在这里被禁言，没法回答。";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_on_disk_means_one_reason_for_ever() {
        let bytes: std::collections::BTreeSet<u8> = Reason::ALL.iter().map(|r| r.byte()).collect();
        assert_eq!(bytes.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            assert_eq!(Reason::from_byte(reason.byte()), Some(*reason));
            let json = serde_json::to_string(reason).unwrap();
            assert_eq!(json, format!("\"{}\"", reason.code()));
        }
        assert_eq!(Reason::from_byte(0), None);
        assert_eq!(Reason::Answered.byte(), 1);
        assert_eq!(Reason::LeftToPeople.byte(), 27);
        assert_eq!(Reason::Muted.byte(), 28);
    }
}
