//! All that the house says in its own name, 中文 and English, in one place.
//! A notice never repeats a member's words and never carries a vendor's.

mod keeping;

use serde::{Deserialize, Serialize};

use crate::reason::Reason;
use crate::rules::{crisis, identity};

pub use keeping::{ByRule, Deeds, KeepingNotice, ReviewLine, Stands, Waits, Week};

/// A language the house speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Language {
    /// English.
    #[default]
    #[serde(rename = "en")]
    English,
    /// 中文.
    #[serde(rename = "zh")]
    Chinese,
}

impl Language {
    fn pick(self, english: &str, chinese: &str) -> String {
        match self {
            Language::English => english.into(),
            Language::Chinese => chinese.into(),
        }
    }

    /// What stands between two sentences.
    fn between(self) -> &'static str {
        match self {
            Language::English => " ",
            Language::Chinese => "",
        }
    }
}

/// What is held about a member, for `ai about me`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AboutMember {
    /// Lines of theirs in the room's history.
    pub lines: u64,
    /// Questions of theirs in this room, ever.
    pub questions: u64,
    /// Questions of theirs today.
    pub today: u32,
}

/// Something the house says in its own name.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// One line for a trigger with nothing behind it.
    Hint {
        /// The word that calls the house.
        trigger: String,
    },
    /// What this person may do here.
    Help {
        /// The word that calls the house.
        trigger: String,
        /// Whether admin verbs are shown.
        admin: bool,
    },
    /// Said once in a room, with its first answer.
    FirstContact {
        /// The word that calls the house.
        trigger: String,
        /// How long talk is kept.
        days: u16,
    },
    /// The member's conversation is forgotten.
    Forgotten,
    /// The room's conversation is forgotten.
    ForgottenRoom,
    /// A running answer was stopped.
    Stopped,
    /// There was nothing to stop.
    NothingToStop,
    /// What is held about the asker.
    About(AboutMember),
    /// Why a message was answered or not.
    Why {
        /// The code.
        reason: Reason,
        /// How long the answer took, in tenths of a second.
        tenths: Option<u64>,
        /// What the rules found in it, in plain words.
        found: Option<String>,
    },
    /// We know nothing of the message asked about.
    WhyUnknown,
    /// The house serves this room again.
    On,
    /// The house is silent here from now on.
    Off {
        /// The word that calls the house.
        trigger: String,
    },
    /// The house is silent for a while.
    Paused {
        /// Until when, as a local clock shows it.
        until: String,
    },
    /// A member tried an admin's verb.
    AdminsOnly,
    /// The platform could not say who is admin.
    RoleUnknown,
    /// T1: others are waiting.
    Busy,
    /// T2: nobody could answer.
    CannotAnswer,
    /// T2 in a room that was told so a moment ago.
    StillCannotAnswer,
    /// T3: the member's limit of the day.
    LimitReached {
        /// When it refills, as a local clock shows it.
        refills: String,
    },
    /// T3 of the house's money.
    MoneyGone {
        /// When it refills, as a local clock shows it.
        refills: String,
    },
    /// T3, for who came by an invitation.
    GuestsMoneyGone {
        /// When it refills, as a local clock shows it.
        refills: String,
    },
    /// T4: the model or the house declines.
    Declined,
    /// T5: longer than the house reads.
    TooLong {
        /// The limit, in characters.
        limit: usize,
    },
    /// T6: nothing in it we can read.
    Unreadable,
    /// A question that waited too long.
    Apology,
    /// The platform swallowed the answer twice.
    NotShown,
    /// Several questions that waited too long, or came while the house could not hear: one word for all of them.
    Apologies,
    /// Help for who is in despair, by the region's numbers.
    CrisisCard {
        /// Such as `CN`.
        region: Option<String>,
    },
    /// What the house is, for who asks.
    SelfCard,
    /// The admin's own sentence about a topic.
    TopicDeclined {
        /// Word for word.
        sentence: String,
    },
    /// The house writes nobody's homework.
    NoGhostwriting,
    /// The answer did not pass the house's rules.
    Withheld,
    /// The question itself breaks a rule and is not answered.
    NotByTheRules,
    /// About the rules at work.
    Keeping(KeepingNotice),
}

/// Something of every kind that the house may have to say, to be tried on a charter's rules.
pub fn all(language: Language) -> Vec<String> {
    let trigger = || "ai".to_owned();
    let clock = || "00:00".to_owned();
    [
        Notice::Hint { trigger: trigger() },
        Notice::Help {
            trigger: trigger(),
            admin: true,
        },
        Notice::FirstContact {
            trigger: trigger(),
            days: 7,
        },
        Notice::Forgotten,
        Notice::ForgottenRoom,
        Notice::Stopped,
        Notice::NothingToStop,
        Notice::WhyUnknown,
        Notice::On,
        Notice::Off { trigger: trigger() },
        Notice::Paused { until: clock() },
        Notice::AdminsOnly,
        Notice::RoleUnknown,
        Notice::Busy,
        Notice::CannotAnswer,
        Notice::StillCannotAnswer,
        Notice::LimitReached { refills: clock() },
        Notice::MoneyGone { refills: clock() },
        Notice::GuestsMoneyGone { refills: clock() },
        Notice::Declined,
        Notice::TooLong { limit: 4_000 },
        Notice::Unreadable,
        Notice::Apology,
        Notice::NotShown,
        Notice::Apologies,
        Notice::CrisisCard { region: None },
        Notice::CrisisCard {
            region: Some("CN".into()),
        },
        Notice::SelfCard,
        Notice::NoGhostwriting,
        Notice::Withheld,
        Notice::NotByTheRules,
    ]
    .iter()
    .map(|notice| notice.text(language))
    .chain(keeping::all().iter().map(|notice| notice.text(language)))
    .chain([language_reminder(language), ghostwriting_label(language)])
    .collect()
}

/// The first line of an answer that somebody may hand in as their own.
pub fn ghostwriting_label(language: Language) -> String {
    language.pick(
        "(Written by an AI: say so if you hand it in.)",
        "（此文由 AI 写成，交出去时请注明。）",
    )
}

/// The first line of an answer to a question in a language that is not this house's.
pub fn language_reminder(language: Language) -> String {
    language.pick(
        "(A reminder: in this house we speak English.)",
        "（提醒：这个群里我们说中文。）",
    )
}

impl Notice {
    /// The text for a room that speaks this language.
    pub fn text(&self, language: Language) -> String {
        let pick = |english: &str, chinese: &str| language.pick(english, chinese);
        match self {
            Notice::Hint { trigger } => pick(
                &format!(
                    "Write {trigger} and your question, like: {trigger} why is tea red? ({trigger} help shows more.)"
                ),
                &format!(
                    "在 {trigger} 后面写上问题，例如：{trigger} 红茶为什么是红的？（{trigger} 帮助 看更多）"
                ),
            ),
            Notice::Help { trigger, admin } => help(trigger, *admin, language),
            Notice::FirstContact { trigger, days } => pick(
                &format!(
                    "I am a program and can be wrong. I answer when called ({trigger} …). I read this room to follow the \
                     talk and keep it for {days} days; what I was asked goes to a language model, here or at an outside \
                     service. {trigger} about me shows what is kept of you."
                ),
                &format!(
                    "我是程序，会出错。叫我（{trigger} …）我才回答。为了听懂上下文，我会读这里的聊天并保留 {days} 天；\
                     问我的话会交给语言模型，它在本机，也可能在外部服务上。{trigger} 关于我 可以看到留下了什么。"
                ),
            ),
            Notice::Forgotten => pick("Done. We start afresh.", "好，我们从头聊。"),
            Notice::ForgottenRoom => {
                pick("Done. The whole room starts afresh.", "好，全群从头聊。")
            }
            Notice::Stopped => pick("Stopped.", "停了。"),
            Notice::NothingToStop => pick("Nothing of yours is running.", "没有正在回答的问题。"),
            Notice::About(about) => pick(
                &format!(
                    "Kept about you here: {} of talk, {} ({} today), your name and a random number that stands \
                     for you. Nothing else.",
                    counted(about.lines, "line"),
                    counted(about.questions, "question"),
                    about.today
                ),
                &format!(
                    "关于您，这里留下了：聊天 {} 行，提问 {} 次（今天 {} 次），您的名字，和一个代表您的随机编号。\
                     没有别的。",
                    about.lines, about.questions, about.today
                ),
            ),
            Notice::Why {
                reason,
                tenths,
                found,
            } => {
                let (english, chinese) = reason.sentence();
                let took = tenths.map_or_else(String::new, |t| {
                    language.pick(
                        &format!(" It took {}.{} s.", t / 10, t % 10),
                        &format!("用了 {}.{} 秒。", t / 10, t % 10),
                    )
                });
                let found = found
                    .as_deref()
                    .map_or(String::new(), |found| format!("\n{found}"));
                format!("{}{took}{found}\n({reason})", pick(english, chinese))
            }
            Notice::WhyUnknown => pick("I have no record of that message.", "没有这条消息的记录。"),
            Notice::On => pick("I'm here again.", "我回来了。"),
            Notice::Off { trigger } => pick(
                &format!("I'll be silent here. An admin brings me back with {trigger} on."),
                &format!("我先不说话了。管理员发 {trigger} 开 我就回来。"),
            ),
            Notice::Paused { until } => pick(
                &format!("I'll be silent until {until}."),
                &format!("我歇到 {until}。"),
            ),
            Notice::AdminsOnly => pick(
                "Only this group's admins can do that.",
                "这个只有本群管理员能做。",
            ),
            Notice::RoleUnknown => pick(
                "I couldn't make sure that you are an admin here; please try again in a moment.",
                "没能确认您是本群管理员，请稍后再试。",
            ),
            Notice::Busy => pick("One moment, others are ahead.", "稍等，前面还有人在问。"),
            Notice::CannotAnswer => pick(
                "I can't answer now; the admin knows.",
                "这会儿答不上来，已告诉管理员。",
            ),
            Notice::StillCannotAnswer => pick("I still can't answer.", "还是答不上来。"),
            Notice::LimitReached { refills } => pick(
                &format!("Your limit for today is used up; come back at {refills}."),
                &format!("您今天的额度用完了，{refills} 再来。"),
            ),
            Notice::MoneyGone { refills } => pick(
                &format!("Today's limit of this house is used up; it refills at {refills}."),
                &format!("今天的额度用完了，{refills} 再来。"),
            ),
            Notice::GuestsMoneyGone { refills } => pick(
                &format!("What guests may spend here today is used up; it refills at {refills}."),
                &format!("访客今天的额度用完了，{refills} 再来。"),
            ),
            Notice::CrisisCard { region } => {
                let region = crisis::Region::from_code(region.as_deref().unwrap_or_default());
                crisis::card(region, language)
            }
            Notice::SelfCard => identity::self_card(language).to_owned(),
            Notice::TopicDeclined { sentence } => sentence.clone(),
            Notice::NoGhostwriting => pick(
                "This house doesn't write homework or essays to hand in. Show me what you have, and I'll help you make it better.",
                "这里不代写作业和文章。把您写的发给我，我帮您一起改。",
            ),
            Notice::Withheld => pick(
                "The answer to this did not pass the rules of this house, so it is not shown. Asking in other words may help.",
                "这个问题的回答没有通过本群的规矩，所以没有发出来。换个问法也许可以。",
            ),
            Notice::Keeping(notice) => notice.text(language),
            Notice::NotByTheRules => pick(
                "This was not answered: it goes against a rule of this house.",
                "这句没有回答：它不合本群的规矩。",
            ),
            Notice::Declined => pick("I can't help with that one.", "这个问题不方便答。"),
            Notice::TooLong { limit } => pick(
                &format!("That's too long for me; {limit} characters at most, please."),
                &format!("太长了，请短一点，最多 {limit} 字。"),
            ),
            Notice::Unreadable => pick(
                "I can't read that kind of message; please send text.",
                "看不懂这种消息，发文字试试。",
            ),
            Notice::Apology => pick(
                "Sorry, I couldn't answer this in time. Please ask again.",
                "抱歉，这个没来得及回答，请再问一次。",
            ),
            Notice::NotShown => pick(
                "Sorry, the platform did not show my answer.",
                "抱歉，我的回答没能显示出来。",
            ),
            Notice::Apologies => pick(
                "Sorry, I was away for a while and some questions went unanswered. Please ask again.",
                "抱歉，刚才离开了一会儿，有几个问题没来得及回答，请再问一次。",
            ),
        }
    }
}

/// `1 line`, `2 lines`.
fn counted(n: u64, what: &str) -> String {
    match n {
        1 => format!("1 {what}"),
        _ => format!("{n} {what}s"),
    }
}

fn help(trigger: &str, admin: bool, language: Language) -> String {
    let mut lines = match language {
        Language::English => vec![
            format!("{trigger} <question> · @me · reply to me: an answer"),
            format!("{trigger} new: we start afresh"),
            format!("{trigger} stop: the answer stops"),
            format!("{trigger} why (in reply to a message): why it was answered or not"),
            format!(
                "{trigger} about me: what is kept about you · {trigger} forget me: it is erased"
            ),
            format!("{trigger} rules: the rules of this house"),
            format!("{trigger} appeal <why>: what was done to you was wrong"),
            format!("{trigger} report (in reply to a message): an admin should look"),
        ],
        Language::Chinese => vec![
            format!("{trigger} 问题 · @我 · 回复我：回答"),
            format!("{trigger} 重来：从头聊"),
            format!("{trigger} 停：停下回答"),
            format!("{trigger} 为什么（回复一条消息）：它为什么有或没有回答"),
            format!("{trigger} 关于我：留下了什么 · {trigger} 忘记我：全部忘掉"),
            format!("{trigger} 群规：这里的规矩"),
            format!("{trigger} 申诉 理由：处理得不对"),
            format!("{trigger} 举报（回复一条消息）：请管理员看"),
        ],
    };
    if admin {
        lines.push(match language {
            Language::English => format!(
                "admins: {trigger} on · off · pause 30m · new room · review · report · mute @member 10m · recall (in reply) \
                 · pardon @member · sweep last 1h · note …\n{trigger} rule show · rule add word …, … · rule try · rule mode 2 \
                 on · rule back"
            ),
            Language::Chinese => format!(
                "管理员：{trigger} 开 · 关 · 暂停 30分钟 · 全群重来 · 待审 · 周报 · 禁言 @成员 10分钟 · 撤回（回复）· 赦免 @成员 \
                 · 清扫 最近 1小时 · 备注 …\n{trigger} 规矩 看 · 规矩 加 词 …，… · 规矩 试 · 规矩 模式 2 生效 · 规矩 退回"
            ),
        });
    }
    lines.join("\n")
}

/// What stands in front of text that a model made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AiMark {
    /// A model service.
    Model,
    /// The small model on this machine.
    SmallModel,
    /// The parrot of a rehearsal: it says again what it was told.
    Parrot,
}

impl AiMark {
    /// The mark in the room's language.
    pub fn text(self, language: Language) -> &'static str {
        match (self, language) {
            (AiMark::Model, Language::English) => "[AI] ",
            (AiMark::Model, Language::Chinese) => "〔AI〕",
            (AiMark::SmallModel, Language::English) => "[AI, small model] ",
            (AiMark::SmallModel, Language::Chinese) => "〔AI·小模型〕",
            (AiMark::Parrot, Language::English) => "[AI, parrot] ",
            (AiMark::Parrot, Language::Chinese) => "〔AI·学舌〕",
        }
    }
}

/// Ends an answer whose model died after its first part was shown.
pub fn cut_short(language: Language) -> &'static str {
    match language {
        Language::English => "… (cut short)",
        Language::Chinese => "…（没说完）",
    }
}

/// Leads a message that may have been shown before.
pub fn again(language: Language) -> &'static str {
    match language {
        Language::English => "(again) ",
        Language::Chinese => "（重发）",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_notice_speaks_both_languages() {
        let t = || "ai".to_owned();
        let all = [
            Notice::Hint { trigger: t() },
            Notice::Help {
                trigger: t(),
                admin: true,
            },
            Notice::FirstContact {
                trigger: t(),
                days: 7,
            },
            Notice::Forgotten,
            Notice::ForgottenRoom,
            Notice::Stopped,
            Notice::NothingToStop,
            Notice::About(AboutMember::default()),
            Notice::Why {
                reason: Reason::Answered,
                tenths: Some(12),
                found: None,
            },
            Notice::WhyUnknown,
            Notice::On,
            Notice::Off { trigger: t() },
            Notice::Paused {
                until: "08:00".into(),
            },
            Notice::AdminsOnly,
            Notice::RoleUnknown,
            Notice::Busy,
            Notice::CannotAnswer,
            Notice::StillCannotAnswer,
            Notice::LimitReached {
                refills: "00:00".into(),
            },
            Notice::MoneyGone {
                refills: "00:00".into(),
            },
            Notice::GuestsMoneyGone {
                refills: "00:00".into(),
            },
            Notice::Declined,
            Notice::TooLong { limit: 4_000 },
            Notice::Unreadable,
            Notice::Apology,
            Notice::NotShown,
            Notice::Apologies,
        ];
        let han = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
        for notice in all {
            assert!(!han(&notice.text(Language::English)), "{notice:?}");
            assert!(han(&notice.text(Language::Chinese)), "{notice:?}");
        }
    }

    #[test]
    fn why_prints_the_code_itself() {
        for reason in Reason::ALL {
            let text = Notice::Why {
                reason: *reason,
                tenths: None,
                found: None,
            }
            .text(Language::Chinese);
            assert!(text.contains(reason.code()), "{text}");
            assert!(text.lines().count() == 2, "{text}");
        }
    }

    #[test]
    fn the_limit_notice_says_limit() {
        let notice = Notice::LimitReached {
            refills: "00:00".into(),
        };
        assert!(notice.text(Language::English).contains("limit"));
        assert!(notice.text(Language::Chinese).contains("额度"));
        assert!(
            Notice::AdminsOnly
                .text(Language::Chinese)
                .contains("管理员")
        );
    }
}
