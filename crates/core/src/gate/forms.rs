//! The other forms of what has passed the gate, for a send that is no first one: marked, without links, unfolded, or
//! an apology in its place. Each says no more than what passed; nothing here is a way round the gate.

use super::{OutSegment, Outgoing};
use crate::notice::{self, AiMark, Notice};
use crate::rules::links::without_links;
use crate::split::fit;

impl Outgoing {
    /// The same message, marked as perhaps shown before.
    pub fn again(mut self) -> Outgoing {
        let mark = notice::again(self.language);
        let first = self.body.iter_mut().find_map(|segment| match segment {
            OutSegment::Text { text } => Some(text),
            OutSegment::Bundle { nodes } => nodes.first_mut(),
            OutSegment::Mention { .. } => None,
        });
        if let Some(text) = first.filter(|text| !text.starts_with(mark)) {
            text.insert_str(0, mark);
        }
        self
    }

    /// The same message with its links made unclickable.
    pub fn without_links(mut self) -> Outgoing {
        for segment in &mut self.body {
            match segment {
                OutSegment::Text { text } => *text = without_links(text),
                OutSegment::Bundle { nodes } => {
                    for node in nodes {
                        *node = without_links(node);
                    }
                }
                OutSegment::Mention { .. } => {}
            }
        }
        self
    }

    /// A bundle as one plain message of at most so many characters, with one mark; anything else as it is.
    pub fn unfolded(mut self, longest: usize) -> Outgoing {
        let Some([first, rest @ ..]) = self.bundle() else {
            return self;
        };
        let marks = [AiMark::Model, AiMark::SmallModel, AiMark::Parrot];
        let mark = marks
            .map(|mark| mark.text(self.language))
            .into_iter()
            .find(|mark| first.starts_with(mark));
        let mut text = first.clone();
        for node in rest {
            text.push('\n');
            text.push_str(
                mark.and_then(|mark| node.strip_prefix(mark))
                    .unwrap_or(node),
            );
        }
        let text = fit(text, longest, notice::cut_short(self.language));
        self.body = vec![OutSegment::Text { text }];
        self
    }

    /// The house's short word in its place, for what could not be shown.
    pub fn apology(mut self) -> Outgoing {
        let text = Notice::NotShown.text(self.language);
        self.body = vec![OutSegment::Text { text }];
        self.joined = None;
        self
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "the gate's own tests open what they have sealed"
)]
mod tests {
    use super::super::{Draft, GateVerdict, MOST_NODES, SealError, Sealed, Source, pass};
    use super::*;
    use crate::event::{AccountName, Address, ChatId, MessageId, RoomKind};
    use crate::notice::Language;

    fn passed(body: Vec<OutSegment>, source: Source) -> Result<Outgoing, &'static str> {
        let draft = Draft {
            address: Address {
                account: AccountName::new("qq"),
                chat: ChatId::new("700100000"),
            },
            room_kind: RoomKind::Group,
            quote: Some(MessageId::new("5")),
            body,
            source,
            language: Language::English,
            joined: None,
            fleeting: false,
        };
        match pass(
            draft,
            &crate::rules::judge::Rules::none(Language::English),
            "",
        ) {
            GateVerdict::Pass(outgoing) => Ok(outgoing),
            GateVerdict::Withhold { why, .. } => Err(why),
        }
    }

    fn text(text: &str) -> OutSegment {
        OutSegment::Text { text: text.into() }
    }

    fn bundle(nodes: &[&str]) -> OutSegment {
        OutSegment::Bundle {
            nodes: nodes.iter().map(|&node| node.to_owned()).collect(),
        }
    }

    const MODEL: Source = Source::Model(AiMark::Model);

    #[test]
    fn a_resend_is_marked_once() {
        let outgoing = passed(vec![text("Tea.")], Source::House).unwrap();
        assert_eq!(outgoing.again().again().text(), "(again) Tea.");
    }

    #[test]
    fn what_could_not_be_shown_is_apologised_for_in_few_words_and_to_the_same_question() {
        let outgoing = passed(vec![text("See https://tea.example/red for more.")], MODEL).unwrap();
        let again = outgoing.clone().again().without_links();
        assert_eq!(again.text(), "(again) [AI] See tea[.]example/red for more.");
        let apology = outgoing.apology();
        assert_eq!(apology.text(), Notice::NotShown.text(Language::English));
        assert_eq!(apology.quote(), Some(&MessageId::new("5")));
    }

    #[test]
    fn every_message_of_a_bundle_is_judged_and_carries_the_mark() {
        let nodes = ["One.\u{7}", "<think>secret</think>", "[AI] Two.", "  "];
        let outgoing = passed(vec![bundle(&nodes)], MODEL).unwrap();
        assert_eq!(outgoing.bundle().unwrap(), ["[AI] One.", "[AI] Two."]);
        assert_eq!(outgoing.text(), "[AI] One.\n[AI] Two.");
        let again = outgoing.clone().again();
        assert_eq!(again.bundle().unwrap()[0], "(again) [AI] One.");
        assert_eq!(outgoing.unfolded(100).text(), "[AI] One.\nTwo.");
        let many = vec!["Tea."; 200];
        let outgoing = passed(vec![bundle(&many)], MODEL).unwrap();
        assert_eq!(outgoing.bundle().unwrap().len(), MOST_NODES);
        let short = outgoing.unfolded(40).text();
        assert!(
            short.chars().count() <= 40 && short.ends_with("… (cut short)"),
            "{short}"
        );
        assert_eq!(
            passed(vec![bundle(&["", " "])], MODEL),
            Err("nothing is left of it")
        );
        let mixed = passed(vec![text("Tea."), bundle(&["Tea."])], MODEL);
        assert_eq!(mixed, Err("a bundle stands alone"));
    }

    #[test]
    fn rows_of_an_older_release_open_and_only_a_bundle_needs_this_one() {
        let older = r#"{"version":1,"address":{"account":"qq","chat":"700"},"room_kind":"group","quote":"5","body":[{"type":"mention","member":"42"},{"type":"text","text":"Tea."}],"language":"en"}"#;
        let kept = Sealed::from_stored(older.into());
        let opened = kept.open().unwrap();
        assert_eq!(opened.text(), "Tea.");
        assert_eq!(
            opened.seal().as_bytes(),
            older.as_bytes(),
            "an older release reads it too"
        );
        let folded = passed(vec![bundle(&["One.", "Two."])], Source::House).unwrap();
        let sealed = folded.seal();
        assert_eq!(sealed.open().unwrap(), folded);
        let bytes = String::from_utf8(sealed.as_bytes().to_vec()).unwrap();
        assert!(bytes.starts_with(r#"{"version":2,"#), "{bytes}");
        let newer = bytes.replace(r#""version":2"#, r#""version":3"#);
        let refused = Sealed::from_stored(newer.into_bytes()).open();
        assert!(matches!(refused, Err(SealError::Newer { found: 3 })));
    }
}
