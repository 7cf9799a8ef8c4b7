//! A charter in plain sentences: for members (`ai rules`), short enough for a phone, with what binds the house itself;
//! and for admins (`ai rule show`), a line a rule or one rule in full. No entry of any list is ever in them: what is
//! said here has to pass the house's own rules.

mod phrases;
#[cfg(test)]
mod tests;

use super::{
    AppliesTo, Charter, Exempt, GhostwritingDo, LinksRule, Mode, Numbered, RuleRef, Unfit,
};
use crate::notice::Language;
use crate::rules::links::{Answers, Others};
pub(crate) use phrases::Phrases;

/// Members read no more lines than this.
pub const MOST_LINES: usize = 12;
/// Of several lists or topics so many are named.
const MOST_NAMED: usize = 4;

impl Charter {
    /// What holds here, for whoever asks: at most [`MOST_LINES`] lines, what is in force before what is tried.
    pub fn told_to_members(&self, language: Language) -> String {
        let say = Phrases(language);
        let mut lines = vec![self.heading(say)];
        let mut add = |line: Option<String>| lines.extend(line.map(|line| format!("• {line}")));
        add(self.language_told(say));
        add(self.words_told(say));
        add(self.topics_told(say));
        add(self.links_told(say));
        add(self.flood_told(say));
        add(self.tried_told(say));
        add(Some(self.manner_told(say)));
        add(self.homework_and_privacy_told(say));
        add(self.honesty_told(say));
        add(self.declines_told(say));
        add(Some(self.limits_told(say)));
        debug_assert!(lines.len() <= MOST_LINES, "a line for each kind of rule");
        lines.join("\n")
    }

    /// All rules with their numbers, a line each.
    pub fn told_to_admins(&self, version: u32, language: Language) -> String {
        let say = Phrases(language);
        let mut lines = vec![say.pick(
            &format!("Rules of \"{}\", version {version}:", self.name),
            &format!("“{}”的群规，第 {version} 版：", self.name),
        )];
        for rule in self.rules() {
            let n = rule.n.map_or("–".to_owned(), |n| n.to_string());
            let ladder = rule.ladder.filter(|_| rule.binds_members);
            let ladder = ladder.map_or(String::new(), |ladder| {
                say.pick(" · ", " · ") + &say.ladder_in_short(ladder)
            });
            lines.push(format!(
                "{n} {} · {}{ladder}",
                rule.name,
                say.mode(rule.mode)
            ));
        }
        let trigger = self.trigger.first();
        lines.push(say.pick(
            &format!("One in full: {trigger} rule show 1"),
            &format!("看一条的全文：{trigger} 规矩 看 1"),
        ));
        lines.join("\n")
    }

    /// One rule in full, for an admin.
    pub fn rule_in_full(&self, wanted: &RuleRef, language: Language) -> Result<String, Unfit> {
        let say = Phrases(language);
        let rule = self.rule_named(wanted)?;
        let n = rule.n.map_or(String::new(), |n| format!("{n} "));
        let mut lines = vec![
            say.pick(
                &format!("Rule {n}{}: {}", rule.name, say.what_mode_means(rule.mode)),
                &format!("群规 {n}{}：{}", rule.name, say.what_mode_means(rule.mode)),
            ),
            self.what_it_is(&rule, say),
        ];
        if let Some(ladder) = rule.ladder.filter(|_| rule.binds_members) {
            let forget = say.length(self.forget_after);
            lines.push(say.pick(
                &format!("Then: {}; forgotten after {forget}.", say.ladder(ladder)),
                &format!("处理：{}；{forget}不犯就从头算。", say.ladder(ladder)),
            ));
            let spared: Vec<&Exempt> = self.exempt.iter().chain(rule.exempt).collect();
            if !spared.is_empty() {
                let spared = say.spared(&spared);
                lines.push(say.pick(&format!("Spared: {spared}."), &format!("不管：{spared}。")));
            }
        }
        Ok(lines.join("\n"))
    }

    fn heading(&self, say: Phrases) -> String {
        let spared: Vec<&Exempt> = self.exempt.iter().collect();
        let binds = |rule: &Numbered<'_>| rule.binds_members && rule.mode.acts();
        if spared.is_empty() || !self.rules().iter().any(binds) {
            return say.pick(
                &format!("House rules, \"{}\":", self.name),
                &format!("群规“{}”：", self.name),
            );
        }
        let spared = say.spared(&spared);
        say.pick(
            &format!("House rules, \"{}\" (spared: {spared}):", self.name),
            &format!("群规“{}”（{spared}除外）：", self.name),
        )
    }

    fn language_told(&self, say: Phrases) -> Option<String> {
        let rule = self.language.as_ref().filter(|rule| rule.mode.acts())?;
        let tongues = say.tongues(&rule.members);
        let then = say.consequence(rule.mode, &rule.ladder);
        Some(say.pick(
            &format!("We write {tongues} here. Otherwise: {then}."),
            &format!("这里说{tongues}。否则：{then}。"),
        ))
    }

    fn words_told(&self, say: Phrases) -> Option<String> {
        let lists = self
            .words
            .iter()
            .filter(|rule| rule.mode.acts() && rule.applies_to.contains(&AppliesTo::Members));
        let lists: Vec<String> = lists
            .map(|rule| {
                let then = say.consequence(rule.mode, &rule.ladder);
                say.pick(
                    &format!("\"{}\" ({then})", rule.name),
                    &format!("“{}”（{then}）", rule.name),
                )
            })
            .collect();
        let named = say.named(&lists, MOST_NAMED)?;
        Some(say.pick(
            &format!("Some words are not welcome; lists: {named}."),
            &format!("有些词不欢迎，词表：{named}。"),
        ))
    }

    fn topics_told(&self, say: Phrases) -> Option<String> {
        let topics = self
            .topics
            .iter()
            .filter(|rule| rule.mode.acts() && rule.applies_to.contains(&AppliesTo::Members));
        let topics: Vec<String> = topics
            .map(|rule| {
                let then = say.consequence(rule.mode, &rule.ladder);
                say.pick(
                    &format!("{} ({then})", rule.name),
                    &format!("{}（{then}）", rule.name),
                )
            })
            .collect();
        let named = say.named(&topics, MOST_NAMED)?;
        Some(say.pick(
            &format!("Please leave out: {named}."),
            &format!("请不要聊：{named}。"),
        ))
    }

    fn links_told(&self, say: Phrases) -> Option<String> {
        let rule = self.links.as_ref().filter(|rule| rule.mode.acts())?;
        let what = self.which_links(rule, say)?;
        let then = say.consequence(rule.mode, &rule.ladder);
        Some(say.pick(
            &format!("{what} Otherwise: {then}."),
            &format!("{what}否则：{then}。"),
        ))
    }

    fn which_links(&self, rule: &LinksRule, say: Phrases) -> Option<String> {
        let new = say.length(self.newcomer);
        let listed = !rule.allow.is_empty();
        Some(match rule.others {
            Others::Allow if rule.deny.is_empty() => return None,
            Others::Allow => say.pick(
                "Links are welcome, but to a few sites.",
                "可以发链接，少数网站除外。",
            ),
            Others::Deny if listed => say.pick(
                "Links only to sites on the room's list.",
                "只能发本群名单里的网站链接。",
            ),
            Others::Deny => say.pick("Please post no links.", "请不要发链接。"),
            Others::NotNewcomers if listed => say.pick(
                &format!("In your first {new} please post only links on the room's list."),
                &format!("进群 {new}内，只发本群名单里的网站链接。"),
            ),
            Others::NotNewcomers => say.pick(
                &format!("In your first {new} please post no links."),
                &format!("进群 {new}内请先不发链接。"),
            ),
        })
    }

    fn flood_told(&self, say: Phrases) -> Option<String> {
        let rule = self.flood.as_ref().filter(|rule| rule.mode.acts())?;
        let (messages, within) = (rule.messages.get(), say.length(rule.within));
        let then = say.consequence(rule.mode, &rule.ladder);
        Some(say.pick(
            &format!("No more than {messages} messages in {within}. Otherwise: {then}."),
            &format!("{within}内不超过 {messages} 条。否则：{then}。"),
        ))
    }

    fn tried_told(&self, say: Phrases) -> Option<String> {
        let rules = self.rules().into_iter();
        let dry = rules.filter(|rule| rule.mode == Mode::Dry && rule.n.is_some());
        let dry: Vec<String> = dry.map(|rule| say.plain_name(&rule.name)).collect();
        let named = say.named(&dry, MOST_NAMED)?;
        Some(say.pick(
            &format!("Only being tried, nothing follows: {named}."),
            &format!("还在试运行，不会处理谁：{named}。"),
        ))
    }

    /// What language the house speaks and when it rests. What no release does yet is not told.
    fn manner_told(&self, say: Phrases) -> String {
        let speaks = self.speaks.unwrap_or(say.0);
        let mut told = vec![say.pick(
            &format!("the house answers in {}", say.language(speaks)),
            &format!("茶馆用{}回答", say.language(speaks)),
        )];
        if !self.quiet.is_empty() {
            let hours: Vec<String> = self.quiet.iter().map(|hours| (*hours).into()).collect();
            let hours = hours.join(say.comma());
            told.push(say.pick(&format!("rests {hours}"), &format!("{hours} 休息")));
        }
        say.list(&told)
    }

    fn homework_and_privacy_told(&self, say: Phrases) -> Option<String> {
        let mut told = Vec::new();
        if let Some(rule) = self.ghostwriting.as_ref().filter(|rule| rule.mode.acts()) {
            told.push(match rule.action {
                GhostwritingDo::Label => {
                    say.pick("what it writes for you is labelled", "代写的会注明")
                }
                GhostwritingDo::Coach => say.pick(
                    "it helps with homework and does not write it",
                    "作业帮着想，不代写",
                ),
                GhostwritingDo::Refuse => say.pick("it does not write your homework", "不代写作业"),
            });
        }
        if self.privacy.as_ref().is_some_and(|rule| rule.mode.acts()) {
            told.push(say.pick(
                "private numbers and addresses are masked before a model sees them",
                "号码和邮箱先打码再交给模型",
            ));
        }
        (!told.is_empty()).then(|| say.sentence(&told))
    }

    fn honesty_told(&self, say: Phrases) -> Option<String> {
        let mut told = Vec::new();
        if self.identity.as_ref().is_some_and(|rule| rule.mode.acts()) {
            told.push(say.pick("it never poses as a person", "绝不冒充真人"));
        }
        (!told.is_empty()).then(|| say.sentence(&told))
    }

    fn declines_told(&self, say: Phrases) -> Option<String> {
        let mut told = Vec::new();
        let ours = |rule: &&super::TopicRule| {
            let asked = [AppliesTo::Questions, AppliesTo::Answers];
            rule.mode.acts() && asked.iter().any(|side| rule.applies_to.contains(side))
        };
        let topics = self.topics.iter().filter(ours);
        let topics: Vec<String> = topics.map(|rule| rule.name.clone()).collect();
        if let Some(named) = say.named(&topics, MOST_NAMED) {
            told.push(say.pick(
                &format!("it does not talk about {named}"),
                &format!("它不聊：{named}"),
            ));
        }
        if let Some(rule) = self.links.as_ref().filter(|rule| rule.mode.acts()) {
            told.extend(match rule.answers {
                Answers::Any => None,
                Answers::Defuse => {
                    Some(say.pick("its links cannot be clicked", "它写的链接点不开"))
                }
                Answers::OnlyAllowed => Some(say.pick(
                    "it shows only links on the room's list",
                    "它只给名单里的链接",
                )),
                Answers::OnlyFetched => Some(say.pick(
                    "it shows only links that it has read",
                    "它只给真正读过的链接",
                )),
            });
        }
        (!told.is_empty()).then(|| say.sentence(&told))
    }

    fn limits_told(&self, say: Phrases) -> String {
        let questions = self.purse.questions_per_member_per_day;
        let mut told = vec![say.pick(
            &format!("each member may ask {questions} questions a day"),
            &format!("每人每天可以问 {questions} 次"),
        )];
        if self.crisis.as_ref().is_some_and(|rule| rule.mode.acts()) {
            told.push(say.pick(
                "who is in despair gets a help card at any hour",
                "谁撑不住了，任何时候都有求助卡片",
            ));
        }
        say.sentence(&told)
    }

    /// What a rule is about, without anything that stands in a list.
    fn what_it_is(&self, rule: &Numbered<'_>, say: Phrases) -> String {
        if let Some(list) = rule.name.strip_prefix("words:") {
            let list = self.words.iter().find(|words| words.name == list);
            return list.map_or(String::new(), |list| say.word_list(list));
        }
        if let Some(topic) = rule.name.strip_prefix("topics:") {
            let topic = self.topics.iter().find(|known| known.name == topic);
            return topic.map_or(String::new(), |topic| say.topic(topic));
        }
        match (rule.name.as_str(), &self.language, &self.links, &self.flood) {
            ("language", Some(rule), _, _) => {
                let tongues = say.tongues(&rule.members);
                say.pick(
                    &format!("Members write {tongues}."),
                    &format!("群友说{tongues}。"),
                )
            }
            ("links", _, Some(rule), _) => {
                let which = self
                    .which_links(rule, say)
                    .unwrap_or_else(|| say.pick("Links are welcome.", "可以发链接。"));
                let (allowed, denied) = (rule.allow.len(), rule.deny.len());
                say.pick(
                    &format!("{which} Sites allowed: {allowed}, denied: {denied}."),
                    &format!("{which}名单：放行 {allowed} 个，拦下 {denied} 个。"),
                )
            }
            ("flood", _, _, Some(rule)) => {
                let (messages, within) = (rule.messages.get(), say.length(rule.within));
                say.pick(
                    &format!("No more than {messages} messages in {within}, and not the same again and again."),
                    &format!("{within}内不超过 {messages} 条，也不反复发同一句。"),
                )
            }
            (name, ..) => say.about(name),
        }
    }
}
