//! The phrases that sentences about a charter are made of, in both languages.

use super::super::{Action, AppliesTo, Exempt, Ladder, Length, Mode, Rung, TopicRule, WordsRule};
use crate::event::Role;
use crate::notice::Language;
use crate::rules::language::Tongue;

/// A language to say things in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Phrases(pub Language);

impl Phrases {
    pub fn pick(self, english: &str, chinese: &str) -> String {
        match self.0 {
            Language::English => english.into(),
            Language::Chinese => chinese.into(),
        }
    }

    pub fn comma(self) -> &'static str {
        match self.0 {
            Language::English => ", ",
            Language::Chinese => "、",
        }
    }

    /// Sentences that belong together as one.
    pub fn sentence(self, parts: &[String]) -> String {
        match self.0 {
            Language::English => capital(&parts.join("; ")),
            Language::Chinese => format!("{}。", parts.join("；")),
        }
    }

    /// What the same one does, as one sentence.
    pub fn list(self, parts: &[String]) -> String {
        match (self.0, parts) {
            (Language::English, [one @ .., last]) if !one.is_empty() => {
                capital(&format!("{} and {last}", one.join(", ")))
            }
            (Language::English, _) => capital(&parts.concat()),
            (Language::Chinese, _) => format!("{}。", parts.join("，")),
        }
    }

    /// The first few of them, and how many there are beside.
    pub fn named(self, names: &[String], most: usize) -> Option<String> {
        if names.is_empty() {
            return None;
        }
        let shown = names[..names.len().min(most)].join(self.comma());
        Some(match names.len().saturating_sub(most) {
            0 => shown,
            more => self.pick(
                &format!("{shown} and {more} more"),
                &format!("{shown}等 {} 项", names.len()),
            ),
        })
    }

    pub fn language(self, language: Language) -> String {
        match language {
            Language::English => self.pick("English", "英语"),
            Language::Chinese => self.pick("Chinese", "中文"),
        }
    }

    pub fn tongues(self, tongues: &[Tongue]) -> String {
        let names = tongues.iter().map(|tongue| match self.0 {
            Language::English => tongue.name(),
            Language::Chinese => tongue.chinese_name(),
        });
        let names: Vec<&str> = names.collect();
        names.join(&self.pick(" or ", "或"))
    }

    pub fn length(self, length: Length) -> String {
        self.seconds(length.get().as_secs())
    }

    fn seconds(self, seconds: u64) -> String {
        let units = [
            (86_400, "day", "天"),
            (3_600, "hour", "小时"),
            (60, "minute", "分钟"),
            (1, "second", "秒"),
        ];
        let found = units
            .into_iter()
            .find(|(unit, ..)| seconds.is_multiple_of(*unit));
        let (unit, english, chinese) = found.unwrap_or((1, "second", "秒"));
        let n = seconds / unit;
        let s = if n == 1 { "" } else { "s" };
        self.pick(&format!("{n} {english}{s}"), &format!("{n} {chinese}"))
    }

    pub fn mode(self, mode: Mode) -> String {
        match mode {
            Mode::Off => self.pick("off", "关"),
            Mode::Dry => self.pick("dry", "试运行"),
            Mode::Ask => self.pick("ask", "送审"),
            Mode::On => self.pick("on", "生效"),
        }
    }

    pub fn what_mode_means(self, mode: Mode) -> String {
        match mode {
            Mode::Off => self.pick("off.", "关。"),
            Mode::Dry => self.pick(
                "dry, it only writes down what it would do.",
                "试运行，只记下本来会做什么。",
            ),
            Mode::Ask => self.pick(
                "ask, an admin decides each time.",
                "送审，每次由管理员决定。",
            ),
            Mode::On => self.pick("on, it acts.", "生效，会处理。"),
        }
    }

    /// What follows where a rule acts.
    pub fn consequence(self, mode: Mode, ladder: &Ladder) -> String {
        match mode {
            Mode::Ask => self.pick("an admin decides", "由管理员决定"),
            Mode::On | Mode::Dry | Mode::Off => self.ladder(ladder),
        }
    }

    /// The whole ladder in words; the same rung several times is said once.
    pub fn ladder(self, ladder: &Ladder) -> String {
        let mut rungs: Vec<(String, usize)> = Vec::new();
        for rung in ladder.rungs() {
            let told = self.rung(rung);
            match rungs.last_mut() {
                Some((last, times)) if *last == told => *times += 1,
                Some(_) | None => rungs.push((told, 1)),
            }
        }
        let told: Vec<String> = rungs
            .into_iter()
            .map(|(told, times)| match times {
                1 => told,
                _ => self.pick(
                    &format!("{told} ({times} times)"),
                    &format!("{told} {times} 次"),
                ),
            })
            .collect();
        match (self.0, told.len()) {
            (Language::English, _) => told.join(", then "),
            (Language::Chinese, 1) => told.concat(),
            (Language::Chinese, _) => format!("先{}", told.join("，再")),
        }
    }

    fn rung(self, rung: &Rung) -> String {
        let reminds = rung.actions().contains(&Action::Remind);
        let others = rung
            .actions()
            .iter()
            .filter(|action| **action != Action::Remind);
        let others: Vec<String> = others.map(|action| self.action(*action)).collect();
        let and = self.pick(" and ", "并");
        match (others.is_empty(), reminds) {
            (true, _) => self.pick("a reminder", "提醒"),
            (false, false) => others.join(&and),
            (false, true) => self.pick(
                &format!("{} with a reminder", others.join(&and)),
                &format!("{}并提醒", others.join(&and)),
            ),
        }
    }

    /// What is done, as one says it.
    pub fn action(self, action: Action) -> String {
        match action {
            Action::Note => self.pick("written down", "记一笔"),
            Action::Remind => self.pick("a reminder", "提醒"),
            Action::Review => self.pick("an admin looks", "请管理员看"),
            Action::Recall => self.pick("taken back", "撤回"),
            Action::Mute(seconds) => {
                let length = self.seconds(seconds);
                self.pick(&format!("muted for {length}"), &format!("禁言 {length}"))
            }
            Action::Remove => self.pick("an admin decides who stays", "由管理员决定去留"),
        }
    }

    /// The ladder as admins write it.
    pub fn ladder_in_short(self, ladder: &Ladder) -> String {
        let rungs = ladder.rungs().iter().map(|rung| match self.0 {
            Language::English => rung.to_string(),
            Language::Chinese => {
                let actions = rung.actions().iter().map(|action| self.action(*action));
                actions.collect::<Vec<_>>().join("+")
            }
        });
        rungs.collect::<Vec<_>>().join(" → ")
    }

    /// Whom the rules spare; members by how many, never by their ids.
    pub fn spared(self, exempt: &[&Exempt]) -> String {
        let mut told: Vec<String> = Vec::new();
        let mut members = 0;
        for spared in exempt {
            let role = match spared {
                Exempt::Role(Role::Owner) => self.pick("owners", "群主"),
                Exempt::Role(Role::Admin) => self.pick("admins", "管理员"),
                Exempt::Role(Role::Member) => self.pick("members", "群友"),
                Exempt::Member(_) => {
                    members += 1;
                    continue;
                }
            };
            if !told.contains(&role) {
                told.push(role);
            }
        }
        match members {
            0 => {}
            1 => told.push(self.pick("1 member", "1 位群友")),
            n => told.push(self.pick(&format!("{n} members"), &format!("{n} 位群友"))),
        }
        told.join(self.comma())
    }

    /// A rule by a name that members understand.
    pub fn plain_name(self, full: &str) -> String {
        if let Some(list) = full.strip_prefix("words:") {
            return self.pick(
                &format!("the word list \"{list}\""),
                &format!("词表“{list}”"),
            );
        }
        if let Some(topic) = full.strip_prefix("topics:") {
            return self.pick(&format!("the topic \"{topic}\""), &format!("话题“{topic}”"));
        }
        match full {
            "language" => self.pick("language", "语言"),
            "links" => self.pick("links", "链接"),
            "ghostwriting" => self.pick("homework", "代写"),
            "privacy" => self.pick("private data", "隐私"),
            "identity" => self.pick("what the house is", "身份"),
            "facts" => self.pick("claims without a source", "没有出处的说法"),
            "injection" => self.pick("orders to the model", "给模型下命令"),
            "crisis" => self.pick("the help card", "求助卡片"),
            "flood" => self.pick("too much at once", "刷屏"),
            other => other.to_owned(),
        }
    }

    /// What a rule without a ladder does.
    pub fn about(self, name: &str) -> String {
        match name {
            "ghostwriting" => self.pick(
                "Requests to write what somebody hands in.",
                "有人要它代写作业、报告。",
            ),
            "privacy" => self.pick(
                "Masks private numbers and addresses before a model sees them, and in answers.",
                "号码和邮箱先打码再交给模型，回答里也打码。",
            ),
            "identity" => self.pick(
                "Questions about itself get a fixed card; it never poses as a person.",
                "问它是谁，就给固定的名片；绝不冒充真人。",
            ),
            "facts" => self.pick(
                "Marks claims that have no source.",
                "没有出处的说法打上记号。",
            ),
            "injection" => self.pick(
                "Notices attempts to give the model orders.",
                "留意有人给模型“下命令”。",
            ),
            "crisis" => self.pick(
                "Explicit words of despair get the region's help card.",
                "有人明说不想活了，就给出当地的求助卡片。",
            ),
            "levels" => self.pick(
                "Answers use words of the asker's level.",
                "按提问者的水平来答。",
            ),
            "people_first" => self.pick("People answer before the house does.", "先让人来答。"),
            "companion" => self.pick(
                "After a long talk one kind reminder.",
                "聊久了，轻轻提醒一次。",
            ),
            _ => String::new(),
        }
    }

    pub fn word_list(self, list: &WordsRule) -> String {
        let files = [&list.list, &list.allow];
        let files: Vec<&str> = files
            .into_iter()
            .flatten()
            .map(|path| file_name(path))
            .collect();
        let (words, allowed) = (list.words.len(), list.allowed.len());
        let sides = self.sides(&list.applies_to);
        let files = match files.is_empty() {
            true => String::new(),
            false => self.pick(
                &format!(" Files: {}.", files.join(", ")),
                &format!("文件：{}。", files.join("、")),
            ),
        };
        self.pick(
            &format!(
                "A list of words, for {sides}. Written here: {words}, allowed: {allowed}.{files}"
            ),
            &format!("一份词表，管{sides}。写在这里的 {words} 个，放行 {allowed} 个。{files}"),
        )
    }

    pub fn topic(self, topic: &TopicRule) -> String {
        let sides = self.sides(&topic.applies_to);
        let examples = topic.examples.len();
        let decline = topic.decline.as_deref().map_or(String::new(), |decline| {
            self.pick(&format!(" Says: {decline}"), &format!("会说：{decline}"))
        });
        self.pick(
            &format!(
                "For {sides}: {}. Examples: {examples}.{decline}",
                topic.about
            ),
            &format!("管{sides}：{}。例子 {examples} 个。{decline}", topic.about),
        )
    }

    fn sides<'s>(self, sides: impl IntoIterator<Item = &'s AppliesTo>) -> String {
        let names = sides.into_iter().map(|side| match side {
            AppliesTo::Members => self.pick("members", "群友的话"),
            AppliesTo::Questions => self.pick("questions", "提问"),
            AppliesTo::Answers => self.pick("answers", "回答"),
        });
        let names: Vec<String> = names.collect();
        match names.is_empty() {
            true => self.pick("nobody", "谁也不管"),
            false => names.join(self.comma()),
        }
    }
}

/// With a capital letter and an end.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    format!("{}{}.", first.collect::<String>(), letters.as_str())
}

/// Of a path only its end: where things lie is nobody's business in a room.
fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}
