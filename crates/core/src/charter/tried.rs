//! The two charters that a trial compares: as if the rule were off or unchanged, and as if it were on. Nobody lives
//! under either.

use super::{Charter, Edit, Mode, Tried, Unfit};

impl Charter {
    /// What is to be compared to try this, with a room's changes on top of this charter: before and after.
    pub fn tried(&self, edits: &[Edit], tried: &Tried) -> Result<(Charter, Charter), Unfit> {
        let before = self.with(edits).charter;
        match tried {
            Tried::Dry => {
                let dry = before.rules().into_iter();
                let dry = dry.filter(|rule| rule.mode == Mode::Dry);
                let dry: Vec<String> = dry.map(|rule| rule.name).collect();
                let mut after = before.clone();
                dry.iter().for_each(|rule| after.set(rule, Mode::On));
                Ok((before, after))
            }
            Tried::Rule(wanted) => {
                let rule = before.rule_named(wanted)?.name;
                let (mut without, mut with) = (before.clone(), before);
                without.set(&rule, Mode::Off);
                with.set(&rule, Mode::On);
                Ok((without, with))
            }
            Tried::Edit(edit) => {
                let (_, edited) = self.edited(edits, edit.clone())?;
                let (mut before, mut after) = (before, edited.charter);
                if let (Some(rule), false) = (edit.rule(), matches!(edit, Edit::Mode { .. })) {
                    before.set(&rule, Mode::On);
                    after.set(&rule, Mode::On);
                }
                Ok((before, after))
            }
        }
    }

    fn set(&mut self, rule: &str, mode: Mode) {
        if let Some(place) = self.mode_of(rule) {
            *place = mode;
        }
    }
}
