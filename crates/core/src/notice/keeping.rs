//! What the house says about its rules at work: reminders, what was done and why, what waits for an admin. It names the
//! rule and the way to appeal, and never the words that broke it.

use super::{Language, counted};
use crate::charter::Unfit;
use crate::command::Say;
use crate::outbox::DeadWhy;
use crate::rules::verdict::RuleName;

/// A rule as a notice names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByRule {
    /// Its number in the charter.
    pub n: u16,
    /// Which.
    pub rule: RuleName,
}

/// What was done about somebody's message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deeds {
    /// It was taken back.
    pub recalled: bool,
    /// Its author cannot speak for so many seconds.
    pub muted: Option<u64>,
    /// Its author is reminded of the rule.
    pub reminded: bool,
}

/// Why a case waits for an admin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// A rule wants a person to look.
    Flagged,
    /// A member reported it.
    Reported,
    /// Its author appeals.
    Appealed,
    /// The house was not allowed to act.
    Unable,
}

/// Where a case stands, as a room hears of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// It was acted on.
    Done,
    /// An admin has to look.
    Waits,
    /// An admin let it pass.
    Allowed,
    /// An admin stopped it.
    Denied,
    /// Nobody looked in time.
    Expired,
}

/// One line of the list of what waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewLine {
    /// Its number in the room.
    pub number: u32,
    /// Whose message it is, as the room sees them.
    pub name: String,
    /// Why.
    pub waits: Waits,
    /// By which rule, if it was one.
    pub by: Option<ByRule>,
}

/// A week of a room in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Week {
    /// Cases in which a rule acted.
    pub acted: u64,
    /// Cases that wait.
    pub open: u64,
    /// Cases that an admin let pass.
    pub allowed: u64,
    /// Cases that an admin stopped.
    pub denied: u64,
}

/// Something about the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeepingNotice {
    /// A message broke a rule, and this was done about it.
    Done {
        /// By which rule.
        by: ByRule,
        /// What.
        deeds: Deeds,
        /// The word that calls the house.
        trigger: String,
    },
    /// The question waits for an admin.
    Held {
        /// By which rule.
        by: ByRule,
    },
    /// The platform does not let the house act.
    NoRight {
        /// The word that calls the house.
        trigger: String,
    },
    /// So many messages wait for an admin.
    Waiting {
        /// How many.
        open: u64,
        /// The word that calls the house.
        trigger: String,
    },
    /// What waits for an admin.
    Review {
        /// The oldest of them.
        lines: Vec<ReviewLine>,
        /// How many in all.
        open: u64,
        /// The word that calls the house.
        trigger: String,
    },
    /// An admin has decided.
    Decided {
        /// Which case.
        number: u32,
        /// How.
        say: Say,
    },
    /// What a case is about and where it stands.
    CaseIs {
        /// Its number.
        number: u32,
        /// By which rule, if it was one.
        by: Option<ByRule>,
        /// What was done, or would be.
        deeds: Deeds,
        /// Where it stands.
        stands: Stands,
    },
    /// So many cases waited too long, and became notes.
    Expired {
        /// How many.
        cases: usize,
    },
    /// No case by that number or message.
    NoCase,
    /// The case does not wait any more.
    CaseOver {
        /// Which.
        number: u32,
        /// The word that calls the house.
        trigger: String,
    },
    /// An admin has decided on it before.
    AlreadyDecided {
        /// Which.
        number: u32,
    },
    /// An appeal is with the admins.
    AppealTaken {
        /// Its number.
        number: u32,
    },
    /// A report is with the admins.
    ReportTaken {
        /// Its number.
        number: u32,
    },
    /// An admin muted somebody.
    MutedByHand {
        /// For so many seconds.
        seconds: u64,
    },
    /// An admin forgave somebody.
    Pardoned,
    /// An admin took a message back.
    RecalledByHand,
    /// Nobody knows whose message that is.
    WhoseIsThat,
    /// The house takes so many of its own messages back.
    Swept {
        /// How many.
        messages: usize,
    },
    /// A note was kept.
    Noted {
        /// Its number.
        number: u32,
    },
    /// The week.
    Week(Week),
    /// A member was erased.
    Erased {
        /// Lines of talk.
        lines: u64,
        /// Questions with their answers.
        questions: u64,
        /// Cases.
        cases: u64,
        /// What an operator finds in the audit log.
        receipt: String,
    },
    /// What an admin asked for did not come about.
    NotDone(DeadWhy),
    /// The platform has no such thing.
    Unable,
    /// What core has put into plain sentences: the rules, what a trial has shown.
    Told(String),
    /// A change that does not fit the charter.
    RuleUnfit(Unfit),
    /// A change that does not hold; the reason is the compiler's of rules.
    NotChanged(String),
    /// A change that hits so much that it has to be said a second time.
    TooBroad(String),
    /// The rules have changed.
    RuleChanged {
        /// What is different, in a word or two.
        what: String,
        /// Which version holds now.
        version: u32,
        /// What the trial showed, if it hits a lot.
        broad: Option<String>,
        /// The word that calls the house.
        trigger: String,
    },
    /// The last change of the rules is taken back.
    RuleBack {
        /// Which version holds now.
        version: u32,
    },
    /// Nothing was changed here.
    NothingToTakeBack,
}

impl RuleName {
    /// What people call it.
    pub fn plain(self, language: Language) -> &'static str {
        let (english, chinese) = match self {
            RuleName::Language => ("language", "语言"),
            RuleName::Words => ("words", "词语"),
            RuleName::Topics => ("topics", "话题"),
            RuleName::Links => ("links", "链接"),
            RuleName::Injection => ("tricks on the bot", "套话"),
            RuleName::Ghostwriting => ("homework", "代写"),
            RuleName::Privacy => ("privacy", "隐私"),
            RuleName::Identity => ("who I am", "身份"),
            RuleName::Facts => ("facts", "事实"),
            RuleName::Crisis => ("care", "关怀"),
            RuleName::Flood => ("flooding", "刷屏"),
        };
        match language {
            Language::English => english,
            Language::Chinese => chinese,
        }
    }
}

impl ByRule {
    fn text(self, language: Language) -> String {
        let name = self.rule.plain(language);
        language.pick(
            &format!("rule {}, {name}", self.n),
            &format!("群规第 {} 条：{name}", self.n),
        )
    }
}

impl KeepingNotice {
    /// The text for a room that speaks this language.
    pub fn text(&self, language: Language) -> String {
        let pick = |english: &str, chinese: &str| language.pick(english, chinese);
        match self {
            KeepingNotice::Done { by, deeds, trigger } => done(*by, *deeds, trigger, language),
            KeepingNotice::Held { by } => pick(
                &format!("An admin will look at this first ({}).", by.text(language)),
                &format!("这句要等管理员看过（{}）。", by.text(language)),
            ),
            KeepingNotice::NoRight { trigger } => pick(
                &format!(
                    "I am no admin of this group, so I can't take messages back or mute anybody. What the rules would \
                     do waits for an admin: {trigger} review."
                ),
                &format!(
                    "我不是本群管理员，没法撤回消息或禁言。按群规该处理的，等管理员来定：{trigger} 待审。"
                ),
            ),
            KeepingNotice::Waiting { open, trigger } => pick(
                &format!(
                    "{} for an admin: {trigger} review.",
                    match open {
                        1 => "One message waits".to_owned(),
                        _ => format!("{open} messages wait"),
                    }
                ),
                &format!("有 {open} 条消息等管理员看：{trigger} 待审。"),
            ),
            KeepingNotice::Review {
                lines,
                open,
                trigger,
            } => review(lines, *open, trigger, language),
            KeepingNotice::Decided { number, say } => match say {
                Say::Allow => pick(
                    &format!("No. {number}: it may stand."),
                    &format!("第 {number} 号：放行了。"),
                ),
                Say::Deny => pick(
                    &format!("No. {number}: it may not stand."),
                    &format!("第 {number} 号：拦下了。"),
                ),
                Say::Undo => pick(
                    &format!("No. {number}: the decision is taken back."),
                    &format!("第 {number} 号：决定已撤销。"),
                ),
            },
            KeepingNotice::CaseIs {
                number,
                by,
                deeds,
                stands,
            } => case_is(*number, *by, *deeds, *stands, language),
            KeepingNotice::Expired { cases } => pick(
                &format!(
                    "{} for two days and nobody looked: let pass, and written down.",
                    match cases {
                        1 => "One message waited".to_owned(),
                        n => format!("{n} messages waited"),
                    }
                ),
                &format!("有 {cases} 条待审两天没人看：放过了，只记一笔。"),
            ),
            KeepingNotice::NoCase => pick("I have no such case.", "没有这个编号的记录。"),
            KeepingNotice::CaseOver { number, trigger } => pick(
                &format!(
                    "No. {number} is decided already; {trigger} review {number} undo takes that back."
                ),
                &format!("第 {number} 号已经处理过；要改：{trigger} 待审 {number} 撤销。"),
            ),
            KeepingNotice::AlreadyDecided { number } => pick(
                &format!("An admin has decided on that already (no. {number})."),
                &format!("管理员已经处理过了（第 {number} 号）。"),
            ),
            KeepingNotice::AppealTaken { number } => pick(
                &format!("Your appeal is with the admins (no. {number})."),
                &format!("申诉已交给管理员（第 {number} 号）。"),
            ),
            KeepingNotice::ReportTaken { number } => pick(
                &format!("Thank you. The admins will look at it (no. {number})."),
                &format!("谢谢，已交给管理员看（第 {number} 号）。"),
            ),
            KeepingNotice::MutedByHand { seconds } => pick(
                &format!("Muted for {} by an admin.", length(*seconds, language)),
                &format!("管理员已禁言 {}。", length(*seconds, language)),
            ),
            KeepingNotice::Pardoned => pick(
                "Pardoned: may speak again, and earlier warnings are forgotten.",
                "已赦免：可以说话了，以前的提醒一笔勾销。",
            ),
            KeepingNotice::RecalledByHand => {
                pick("Taken back at an admin's word.", "管理员让撤回的。")
            }
            KeepingNotice::WhoseIsThat => pick(
                "I don't know whose message that is; mention the member instead.",
                "不知道那是谁的消息，请直接 @ 成员。",
            ),
            KeepingNotice::Swept { messages: 0 } => {
                pick("Nothing of mine has to go.", "我说过的话里没有要撤的。")
            }
            KeepingNotice::Swept { messages } => pick(
                &format!(
                    "I take back {} of mine.",
                    counted(*messages as u64, "message")
                ),
                &format!("我撤回自己的 {messages} 条消息。"),
            ),
            KeepingNotice::Noted { number } => pick(
                &format!("Noted (no. {number})."),
                &format!("记下了（第 {number} 号）。"),
            ),
            KeepingNotice::Week(week) => pick(
                &format!(
                    "The last seven days: rules acted on {}; admins let {} pass and stopped {}; {} for an admin.",
                    counted(week.acted, "message"),
                    week.allowed,
                    week.denied,
                    match week.open {
                        1 => "1 waits".to_owned(),
                        open => format!("{open} wait"),
                    }
                ),
                &format!(
                    "最近七天：群规处理 {} 条；管理员放行 {} 条，拦下 {} 条；还有 {} 条待审。",
                    week.acted, week.allowed, week.denied, week.open
                ),
            ),
            KeepingNotice::Erased {
                lines,
                questions,
                cases,
                receipt,
            } => pick(
                &format!(
                    "Erased: {} of talk, {} with the answers, {}, your name and number. Receipt {receipt}.",
                    counted(*lines, "line"),
                    counted(*questions, "question"),
                    match cases {
                        1 => "what was kept with 1 case".to_owned(),
                        cases => format!("what was kept with {cases} cases"),
                    },
                ),
                &format!(
                    "已忘记：聊天 {lines} 行，提问 {questions} 次连同回答，{cases} 条处理记录里的内容，您的名字和号码。\
                     凭据 {receipt}。"
                ),
            ),
            KeepingNotice::NotDone(why) => not_done(*why, language),
            KeepingNotice::Unable => {
                pick("This platform doesn't let me do that.", "这个平台做不到。")
            }
            KeepingNotice::Told(sentences) => sentences.clone(),
            KeepingNotice::RuleUnfit(why) => {
                let why = why.text(language);
                pick(&format!("Not changed: {why}."), &format!("没有改：{why}。"))
            }
            KeepingNotice::NotChanged(why) => {
                pick(&format!("Not changed: {why}."), &format!("没有改：{why}。"))
            }
            KeepingNotice::TooBroad(told) => pick(
                &format!(
                    "{told}\nThat is a lot, so nothing was changed. Say it once more if you mean it."
                ),
                &format!("{told}\n范围太大，先没有改。真要这样，请再发一遍。"),
            ),
            KeepingNotice::RuleChanged {
                what,
                version,
                broad,
                trigger,
            } => {
                let broad = broad
                    .as_deref()
                    .map_or(String::new(), |told| format!("\n{told}"));
                pick(
                    &format!(
                        "Done: {what} (version {version}). {trigger} rule back takes it back.{broad}"
                    ),
                    &format!(
                        "改好了：{what}（第 {version} 版）。{trigger} 规矩 退回 可撤销。{broad}"
                    ),
                )
            }
            KeepingNotice::RuleBack { version } => pick(
                &format!(
                    "Taken back: the rules are as they were before the last change (version {version})."
                ),
                &format!("已退回：群规回到上次改动之前（第 {version} 版）。"),
            ),
            KeepingNotice::NothingToTakeBack => pick(
                "Nothing was changed here; the rules are the file's.",
                "这里没有改过，群规就是文件里的。",
            ),
        }
    }

    /// Whether it is gone again after a while: what was done is no pillory.
    pub fn is_fleeting(&self) -> bool {
        match self {
            KeepingNotice::Done { deeds, .. } => deeds.recalled || deeds.muted.is_some(),
            KeepingNotice::MutedByHand { .. } | KeepingNotice::RecalledByHand => true,
            KeepingNotice::Held { .. }
            | KeepingNotice::NoRight { .. }
            | KeepingNotice::Waiting { .. }
            | KeepingNotice::Review { .. }
            | KeepingNotice::Decided { .. }
            | KeepingNotice::CaseIs { .. }
            | KeepingNotice::Expired { .. }
            | KeepingNotice::NoCase
            | KeepingNotice::CaseOver { .. }
            | KeepingNotice::AlreadyDecided { .. }
            | KeepingNotice::AppealTaken { .. }
            | KeepingNotice::ReportTaken { .. }
            | KeepingNotice::Pardoned
            | KeepingNotice::WhoseIsThat
            | KeepingNotice::Swept { .. }
            | KeepingNotice::Noted { .. }
            | KeepingNotice::Week(_)
            | KeepingNotice::Erased { .. }
            | KeepingNotice::NotDone(_)
            | KeepingNotice::Unable
            | KeepingNotice::Told(_)
            | KeepingNotice::RuleUnfit(_)
            | KeepingNotice::NotChanged(_)
            | KeepingNotice::TooBroad(_)
            | KeepingNotice::RuleChanged { .. }
            | KeepingNotice::RuleBack { .. }
            | KeepingNotice::NothingToTakeBack => false,
        }
    }
}

fn done(by: ByRule, deeds: Deeds, trigger: &str, language: Language) -> String {
    let mut sentences: Vec<String> = Vec::new();
    if deeds.reminded {
        sentences.push(match by.rule {
            RuleName::Language => language.pick(
                "In this house we speak English, please.",
                "这个群里请说中文。",
            ),
            RuleName::Flood => language.pick("One at a time, please.", "请慢一点，别刷屏。"),
            RuleName::Words
            | RuleName::Topics
            | RuleName::Links
            | RuleName::Injection
            | RuleName::Ghostwriting
            | RuleName::Privacy
            | RuleName::Identity
            | RuleName::Facts
            | RuleName::Crisis => {
                language.pick("Please mind the rules of this house.", "请留意本群群规。")
            }
        });
    }
    let was_hard = deeds.recalled || deeds.muted.is_some();
    let what = match (deeds.recalled, deeds.muted) {
        (true, Some(seconds)) => Some(language.pick(
            &format!(
                "Your message was taken back, and you are muted for {}",
                length(seconds, language)
            ),
            &format!("您的消息已撤回，并禁言 {}", length(seconds, language)),
        )),
        (true, None) => Some(language.pick("Your message was taken back", "您的消息已撤回")),
        (false, Some(seconds)) => Some(language.pick(
            &format!("You are muted for {}", length(seconds, language)),
            &format!("您被禁言 {}", length(seconds, language)),
        )),
        (false, None) => None,
    };
    let by = by.text(language);
    match what {
        Some(what) => {
            sentences.push(language.pick(&format!("{what} ({by})."), &format!("{what}（{by}）。")))
        }
        None => {
            if let Some(last) = sentences.last_mut() {
                last.push_str(&language.pick(&format!(" ({by})"), &format!("（{by}）")));
            }
        }
    }
    if was_hard {
        sentences.push(language.pick(
            &format!("If that is wrong: {trigger} appeal <why>."),
            &format!("有异议请发：{trigger} 申诉 理由。"),
        ));
    }
    sentences.join(language.between())
}

fn not_done(why: DeadWhy, language: Language) -> String {
    let (english, chinese) = match why {
        DeadWhy::NoRight | DeadWhy::Muted => (
            "I am no admin here, or the other one is",
            "我不是管理员，或者对方是管理员",
        ),
        DeadWhy::Gone => (
            "there is no such message or member here",
            "这里没有这条消息或这个人",
        ),
        DeadWhy::TooLate => ("it is too old for this platform", "时间太久，平台不让撤了"),
        DeadWhy::Unable => ("this platform doesn't do that", "这个平台做不到"),
        DeadWhy::Refused
        | DeadWhy::TooOld
        | DeadWhy::Lost
        | DeadWhy::Damaged
        | DeadWhy::Cancelled => ("the platform did not do it", "平台没有照办"),
    };
    language.pick(
        &format!("That did not work: {english}."),
        &format!("没有办成：{chinese}。"),
    )
}

fn case_is(
    number: u32,
    by: Option<ByRule>,
    deeds: Deeds,
    stands: Stands,
    language: Language,
) -> String {
    let mut parts: Vec<String> = by.map(|by| by.text(language)).into_iter().collect();
    if deeds.recalled {
        parts.push(language.pick("take back", "撤回"));
    }
    if let Some(seconds) = deeds.muted {
        let length = length(seconds, language);
        parts.push(language.pick(&format!("mute for {length}"), &format!("禁言 {length}")));
    }
    let (english, chinese) = match stands {
        Stands::Done => ("done", "已处理"),
        Stands::Waits => ("waits for an admin", "等管理员看"),
        Stands::Allowed => ("an admin let it pass", "管理员放行"),
        Stands::Denied => ("an admin stopped it", "管理员拦下"),
        Stands::Expired => ("nobody looked in time, let pass", "没人看，放过了"),
    };
    parts.push(language.pick(english, chinese));
    let what = parts.join(match language {
        Language::English => "; ",
        Language::Chinese => "；",
    });
    language.pick(
        &format!("No. {number}: {what}."),
        &format!("第 {number} 号：{what}。"),
    )
}

fn review(lines: &[ReviewLine], open: u64, trigger: &str, language: Language) -> String {
    if lines.is_empty() {
        return language.pick("Nothing waits for an admin.", "没有待审的。");
    }
    let mut shown: Vec<String> = lines
        .iter()
        .map(|line| {
            let (english, chinese) = match line.waits {
                Waits::Flagged => ("to be looked at", "请看一下"),
                Waits::Reported => ("reported", "有人举报"),
                Waits::Appealed => ("appeals", "申诉"),
                Waits::Unable => ("I was not allowed to act", "我没有权限处理"),
            };
            let by = line.by.map_or_else(String::new, |by| by.text(language));
            language
                .pick(
                    &format!("{} · {} · {english} · {by}", line.number, line.name),
                    &format!("{} · {} · {chinese} · {by}", line.number, line.name),
                )
                .trim_end_matches(" · ")
                .to_owned()
        })
        .collect();
    let rest = open.saturating_sub(lines.len() as u64);
    if rest > 0 {
        shown.push(language.pick(&format!("… and {rest} more"), &format!("……还有 {rest} 条")));
    }
    let first = lines[0].number;
    shown.push(language.pick(
        &format!("{trigger} review {first} allow · {trigger} review {first} deny"),
        &format!("{trigger} 待审 {first} 放 · {trigger} 待审 {first} 拦"),
    ));
    shown.join("\n")
}

/// `10 minutes`, `10 分钟`.
fn length(seconds: u64, language: Language) -> String {
    let (count, english, chinese) = match seconds {
        s if s >= 86_400 && s % 86_400 == 0 => (s / 86_400, "day", "天"),
        s if s >= 3_600 && s % 3_600 == 0 => (s / 3_600, "hour", "小时"),
        s if s >= 60 => (s.div_ceil(60), "minute", "分钟"),
        s => (s, "second", "秒"),
    };
    language.pick(&counted(count, english), &format!("{count} {chinese}"))
}

/// One of each kind, to be tried on a charter's rules.
pub(super) fn all() -> Vec<KeepingNotice> {
    let trigger = || "ai".to_owned();
    let by = |rule| ByRule { n: 1, rule };
    let deeds = |recalled, muted, reminded| Deeds {
        recalled,
        muted,
        reminded,
    };
    let done = |rule, deeds| KeepingNotice::Done {
        by: by(rule),
        deeds,
        trigger: trigger(),
    };
    let line = |waits| ReviewLine {
        number: 1,
        name: "…".to_owned(),
        waits,
        by: Some(by(RuleName::Words)),
    };
    vec![
        done(RuleName::Language, deeds(false, None, true)),
        done(RuleName::Language, deeds(true, Some(600), true)),
        done(RuleName::Links, deeds(true, None, true)),
        done(RuleName::Words, deeds(true, Some(3_600), false)),
        done(RuleName::Flood, deeds(false, Some(300), false)),
        done(RuleName::Flood, deeds(false, None, true)),
        KeepingNotice::Held {
            by: by(RuleName::Links),
        },
        KeepingNotice::NoRight { trigger: trigger() },
        KeepingNotice::Waiting {
            open: 2,
            trigger: trigger(),
        },
        KeepingNotice::Review {
            lines: vec![
                line(Waits::Flagged),
                line(Waits::Reported),
                line(Waits::Appealed),
                line(Waits::Unable),
            ],
            open: 9,
            trigger: trigger(),
        },
        KeepingNotice::Review {
            lines: vec![],
            open: 0,
            trigger: trigger(),
        },
        KeepingNotice::Decided {
            number: 1,
            say: Say::Allow,
        },
        KeepingNotice::Decided {
            number: 1,
            say: Say::Deny,
        },
        KeepingNotice::Decided {
            number: 1,
            say: Say::Undo,
        },
        KeepingNotice::CaseIs {
            number: 1,
            by: Some(by(RuleName::Words)),
            deeds: deeds(true, Some(600), false),
            stands: Stands::Done,
        },
        KeepingNotice::CaseIs {
            number: 1,
            by: None,
            deeds: Deeds::default(),
            stands: Stands::Waits,
        },
        KeepingNotice::Expired { cases: 2 },
        KeepingNotice::NoCase,
        KeepingNotice::CaseOver {
            number: 1,
            trigger: trigger(),
        },
        KeepingNotice::AlreadyDecided { number: 1 },
        KeepingNotice::AppealTaken { number: 1 },
        KeepingNotice::ReportTaken { number: 1 },
        KeepingNotice::MutedByHand { seconds: 600 },
        KeepingNotice::Pardoned,
        KeepingNotice::RecalledByHand,
        KeepingNotice::WhoseIsThat,
        KeepingNotice::Swept { messages: 0 },
        KeepingNotice::Swept { messages: 2 },
        KeepingNotice::Noted { number: 1 },
        KeepingNotice::Week(Week::default()),
        KeepingNotice::Erased {
            lines: 1,
            questions: 2,
            cases: 0,
            receipt: "0".to_owned(),
        },
        KeepingNotice::NotDone(DeadWhy::NoRight),
        KeepingNotice::NotDone(DeadWhy::Gone),
        KeepingNotice::NotDone(DeadWhy::TooLate),
        KeepingNotice::NotDone(DeadWhy::Refused),
        KeepingNotice::Unable,
        KeepingNotice::RuleBack { version: 2 },
        KeepingNotice::NothingToTakeBack,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_notice_about_the_rules_speaks_both_languages() {
        let han = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
        for notice in all() {
            assert!(!han(&notice.text(Language::English)), "{notice:?}");
            assert!(han(&notice.text(Language::Chinese)), "{notice:?}");
        }
    }

    #[test]
    fn what_was_done_is_told_with_its_rule_and_the_way_to_appeal() {
        let by = ByRule {
            n: 2,
            rule: RuleName::Words,
        };
        for (deeds, english, chinese) in [
            (
                Deeds {
                    recalled: true,
                    muted: Some(600),
                    reminded: false,
                },
                "Your message was taken back, and you are muted for 10 minutes (rule 2, words). If that is wrong: ai \
                 appeal <why>.",
                "您的消息已撤回，并禁言 10 分钟（群规第 2 条：词语）。有异议请发：ai 申诉 理由。",
            ),
            (
                Deeds {
                    recalled: true,
                    muted: None,
                    reminded: true,
                },
                "Please mind the rules of this house. Your message was taken back (rule 2, words). If that is wrong: \
                 ai appeal <why>.",
                "请留意本群群规。您的消息已撤回（群规第 2 条：词语）。有异议请发：ai 申诉 理由。",
            ),
            (
                Deeds {
                    recalled: false,
                    muted: None,
                    reminded: true,
                },
                "Please mind the rules of this house. (rule 2, words)",
                "请留意本群群规。（群规第 2 条：词语）",
            ),
        ] {
            let notice = KeepingNotice::Done {
                by,
                deeds,
                trigger: "ai".to_owned(),
            };
            assert_eq!(notice.text(Language::English), english);
            assert_eq!(notice.text(Language::Chinese), chinese);
        }
    }

    #[test]
    fn what_waits_is_listed_by_name_and_number_with_the_way_to_decide() {
        let line = |number, name: &str, waits| ReviewLine {
            number,
            name: name.to_owned(),
            waits,
            by: Some(ByRule {
                n: 4,
                rule: RuleName::Links,
            }),
        };
        let notice = KeepingNotice::Review {
            lines: vec![
                line(7, "阿明", Waits::Appealed),
                ReviewLine {
                    by: None,
                    ..line(9, "lin", Waits::Reported)
                },
            ],
            open: 3,
            trigger: "ai".to_owned(),
        };
        assert_eq!(
            notice.text(Language::English),
            "7 · 阿明 · appeals · rule 4, links\n9 · lin · reported\n… and 1 more\nai review 7 allow · ai review 7 deny"
        );
        assert_eq!(
            notice.text(Language::Chinese),
            "7 · 阿明 · 申诉 · 群规第 4 条：链接\n9 · lin · 有人举报\n……还有 1 条\nai 待审 7 放 · ai 待审 7 拦"
        );
    }
}
