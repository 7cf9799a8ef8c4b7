//! The rules of a charter as people count them: number, full name, mode, ladder. The order is the one in which they
//! are judged. Nothing here judges or changes a charter.

use super::{AppliesTo, Charter, Exempt, Ladder, Mode, Unfit};

/// One rule of a charter, as people speak of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbered<'c> {
    /// Counted from 1; parts of a charter that judge nothing have none.
    pub n: Option<u16>,
    /// Such as `links` or `words:spam`.
    pub name: String,
    /// How far it goes.
    pub mode: Mode,
    /// What follows on a member's message, where it has a ladder.
    pub ladder: Option<&'c Ladder>,
    /// Whom it spares, beside those of the whole charter.
    pub exempt: &'c [Exempt],
    /// Whether it looks at what members say to each other, and may act on it.
    pub binds_members: bool,
}

/// How an admin names a rule: by its number, or by its full name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleRef {
    /// As `rule show` counts them.
    Number(u16),
    /// Such as `links` or `words:spam`.
    Name(String),
}

impl Charter {
    /// All rules in the order in which they are judged, and after them the parts that have only a mode.
    pub fn rules(&self) -> Vec<Numbered<'_>> {
        let mut all: Vec<Numbered<'_>> = Vec::new();
        let mut add = |name: String, mode, ladder, exempt, binds_members| {
            all.push(Numbered {
                n: None,
                name,
                mode,
                ladder,
                exempt,
                binds_members,
            });
        };
        if let Some(rule) = &self.language {
            let ladder = Some(&rule.ladder);
            add("language".into(), rule.mode, ladder, &rule.exempt[..], true);
        }
        for rule in &self.words {
            let binds = rule.applies_to.contains(&AppliesTo::Members);
            let name = format!("words:{}", rule.name);
            add(name, rule.mode, Some(&rule.ladder), &rule.exempt, binds);
        }
        for rule in &self.topics {
            let binds = rule.applies_to.contains(&AppliesTo::Members);
            let name = format!("topics:{}", rule.name);
            add(name, rule.mode, Some(&rule.ladder), &[], binds);
        }
        if let Some(rule) = &self.links {
            add(
                "links".into(),
                rule.mode,
                Some(&rule.ladder),
                &rule.exempt,
                true,
            );
        }
        let plain = [
            (
                "ghostwriting",
                self.ghostwriting.as_ref().map(|rule| rule.mode),
            ),
            ("privacy", self.privacy.as_ref().map(|rule| rule.mode)),
            ("identity", self.identity.as_ref().map(|rule| rule.mode)),
            ("facts", self.facts.as_ref().map(|rule| rule.mode)),
            ("injection", self.injection.as_ref().map(|rule| rule.mode)),
            ("crisis", self.crisis.as_ref().map(|rule| rule.mode)),
        ];
        for (name, mode) in plain {
            if let Some(mode) = mode {
                add(name.into(), mode, None, &[], false);
            }
        }
        if let Some(rule) = &self.flood {
            add(
                "flood".into(),
                rule.mode,
                Some(&rule.ladder),
                &rule.exempt,
                true,
            );
        }
        for (n, rule) in (1..).zip(&mut all) {
            rule.n = Some(n);
        }
        all.extend(self.parts_without_number());
        all
    }

    fn parts_without_number(&self) -> impl Iterator<Item = Numbered<'_>> {
        [
            ("levels", self.levels.as_ref().map(|rule| rule.mode)),
            (
                "people_first",
                self.people_first.as_ref().map(|rule| rule.mode),
            ),
            ("companion", self.companion.as_ref().map(|rule| rule.mode)),
        ]
        .into_iter()
        .filter_map(|(name, mode)| {
            Some(Numbered {
                n: None,
                name: name.to_owned(),
                mode: mode?,
                ladder: None,
                exempt: &[],
                binds_members: false,
            })
        })
    }

    /// The rule that is meant, by its full name; else why there is none, for who asked.
    pub fn rule_named(&self, wanted: &RuleRef) -> Result<Numbered<'_>, Unfit> {
        let mut rules = self.rules();
        let found = rules.iter().position(|rule| match wanted {
            RuleRef::Number(n) => rule.n == Some(*n),
            RuleRef::Name(name) => rule.name.to_lowercase() == name.to_lowercase(),
        });
        match (found, wanted) {
            (Some(at), _) => Ok(rules.swap_remove(at)),
            (None, RuleRef::Number(n)) => Err(Unfit::NoNumber {
                n: *n,
                last: rules.iter().filter(|rule| rule.n.is_some()).count(),
            }),
            (None, RuleRef::Name(name)) => Err(Unfit::NoRule(name.clone())),
        }
    }

    /// The place of a rule's mode, by its full name.
    pub(super) fn mode_of(&mut self, name: &str) -> Option<&mut Mode> {
        if let Some(list) = name.strip_prefix("words:") {
            let found = self.words.iter_mut().find(|rule| rule.name == list);
            return found.map(|rule| &mut rule.mode);
        }
        if let Some(topic) = name.strip_prefix("topics:") {
            let found = self.topics.iter_mut().find(|rule| rule.name == topic);
            return found.map(|rule| &mut rule.mode);
        }
        match name {
            "language" => self.language.as_mut().map(|rule| &mut rule.mode),
            "links" => self.links.as_mut().map(|rule| &mut rule.mode),
            "ghostwriting" => self.ghostwriting.as_mut().map(|rule| &mut rule.mode),
            "privacy" => self.privacy.as_mut().map(|rule| &mut rule.mode),
            "identity" => self.identity.as_mut().map(|rule| &mut rule.mode),
            "facts" => self.facts.as_mut().map(|rule| &mut rule.mode),
            "injection" => self.injection.as_mut().map(|rule| &mut rule.mode),
            "crisis" => self.crisis.as_mut().map(|rule| &mut rule.mode),
            "flood" => self.flood.as_mut().map(|rule| &mut rule.mode),
            "levels" => self.levels.as_mut().map(|rule| &mut rule.mode),
            "people_first" => self.people_first.as_mut().map(|rule| &mut rule.mode),
            "companion" => self.companion.as_mut().map(|rule| &mut rule.mode),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::Language;
    use crate::rules::judge::Rules;

    #[test]
    fn rules_are_counted_as_they_are_judged_and_each_mode_can_be_set() {
        let contract = include_str!("../../../../contract/charter.toml");
        let mut charter: Charter = toml::from_str(contract).unwrap();
        let no_list = |_: &str| Ok(String::new());
        let judged = Rules::compile(&charter, Language::English, 1, &no_list).unwrap();
        let judged: Vec<_> = judged.list().collect();
        let counted = charter.rules().into_iter();
        let counted: Vec<_> = counted
            .filter_map(|rule| Some((rule.n?, rule.name, rule.mode)))
            .collect();
        assert_eq!(counted, judged);

        let names: Vec<String> = charter.rules().into_iter().map(|rule| rule.name).collect();
        assert_eq!(names.len(), 14);
        for name in &names {
            *charter.mode_of(name).unwrap() = Mode::Ask;
        }
        assert!(charter.rules().iter().all(|rule| rule.mode == Mode::Ask));
        assert_eq!(charter.mode_of("words:none"), None);
    }

    #[test]
    fn a_rule_is_meant_by_its_number_or_its_whole_name() {
        let charter: Charter = toml::from_str(include_str!("../../../../contract/charter.toml"))
            .expect("the contract's charter");
        let check = |wanted: RuleRef, expected: &str| {
            let found = charter.rule_named(&wanted);
            let shown = found.map_or_else(|why| why.to_string(), |rule| rule.name);
            assert_eq!(shown, expected);
        };
        check(RuleRef::Number(2), "words:spam");
        check(RuleRef::Name("LINKS".into()), "links");
        check(RuleRef::Name("people_first".into()), "people_first");
        check(
            RuleRef::Number(0),
            "there is no rule 0; they are numbered 1 to 11",
        );
        check(
            RuleRef::Number(12),
            "there is no rule 12; they are numbered 1 to 11",
        );
        check(
            RuleRef::Name("spam".into()),
            "there is no rule \"spam\" here",
        );
    }
}
