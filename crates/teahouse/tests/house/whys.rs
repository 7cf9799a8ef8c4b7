//! `ai why` says what stands on the disk, and what stands there is what the rules found: judged again by themselves, the
//! same lines have the same trail, byte for byte.

use teahouse::config::House;
use teahouse_core::rules::Side;
use teahouse_core::rules::climb::{Climbs, Said, Who};
use teahouse_core::rules::judge::{Line, Rules};
use teahouse_core::rules::trail::Trail;
use teahouse_core::{AccountName, Charter, Language, RoomId};
use teahouse_store::Store;

use crate::tea::{self, Tea, seconds};

/// Nothing is taken back here, so that every line stays to be asked about.
const CHARTER: &str = r#"
name = "why"
speaks = "en"
zone = "Asia/Shanghai"

[language]
mode = "on"
members = ["en"]
ladder = ["note", "remind"]

[[words]]
name = "spam"
mode = "on"
words = ["free crypto", "发票"]
ladder = ["note", "remind", "note"]

[links]
mode = "dry"
others = "deny"
ladder = ["recall"]

[flood]
mode = "dry"
messages = 3
within = "10s"
ladder = ["remind"]
"#;

const PIECES: [&str; 14] = [
    "good evening everybody",
    "the tea is warm",
    "free crypto",
    "f r e e  c r y p t o",
    "发票",
    "今天晚上大家都在聊什么呢？",
    "see https://tea.example.org/cup",
    "hxxps://tea[.]example[.]org",
    "lol",
    "我昨天也看了那部电影，真的很好看",
    "what a day",
    "ni hao",
    "🍵",
    "1234",
];

/// So many lines, each asked about once.
async fn check(lines: usize) {
    let tea = Tea::under(CHARTER).opens().await;
    let room = tea.room("why");
    let charter: Charter = toml::from_str(CHARTER).expect("a charter");
    let house = House::of_account("qq", charter);
    let mut judge = Judge::new(&house.rules);
    let mut dice = 7_u64;
    let mut roll = |sides: usize| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        ((dice >> 33) as usize) % sides
    };
    let mut found = 0;
    for n in 0..lines {
        let member = ["lin", "chen", "wu", "mei"][roll(4)];
        let words: Vec<&str> = (0..=roll(3)).map(|_| PIECES[roll(PIECES.len())]).collect();
        let words = words.join(" ");
        let said = room.says(member, &words).await;
        let expected = judge.trail(&tea, member, &words, n as u64);
        let asked = room.replies("asker", &said.message, "ai why").await;
        let told = room.answers_to(&asked).pop().expect("an answer").text;
        let kept = tea
            .store()
            .why(room_id(&tea).await, &AccountName::new("qq"), &said.message)
            .await
            .expect("the store reads")
            .expect("it is kept");
        assert_eq!(kept.trail, expected.as_ref().map(Trail::to_json), "{words}");
        assert!(told.ends_with(&format!("({})", kept.reason)), "{told}");
        if let Some(trail) = expected {
            found += 1;
            assert!(told.contains(&trail.why(Language::English)), "{told}");
        }
        tea.clock.advance(seconds(roll(4) as u64)).await;
    }
    assert!(found > lines / 3, "{found} of {lines}");
    tea.finish().await;
}

/// The rules alone, over the same lines.
struct Judge<'r> {
    rules: &'r Rules,
    climbs: Climbs,
}

impl<'r> Judge<'r> {
    fn new(rules: &'r Rules) -> Self {
        Judge {
            rules,
            climbs: Climbs::default(),
        }
    }

    fn trail(&mut self, tea: &Tea, member: &str, words: &str, n: u64) -> Option<Trail> {
        let id = tea::member(member);
        let beside = [member];
        let line = Line {
            text: words,
            beside: &beside,
            member: Some(&id),
            ..Line::default()
        };
        let seen = self.rules.look(Side::Member, &line);
        let said = Said {
            at: tea.now(),
            message: Some(n),
        };
        let who = Who::of("qq:why", member);
        let acts = self
            .rules
            .may_act(&seen, &line, who, said, &mut self.climbs);
        let climbing = acts.then_some((who, said));
        let judgement = self.rules.fold(seen, &line, climbing, &mut self.climbs);
        (!judgement.findings.is_empty()).then(|| Trail::of(&judgement, self.rules))
    }
}

async fn room_id(tea: &Tea) -> RoomId {
    let rooms = tea
        .store()
        .heard_since(&AccountName::new("qq"), jiff::Timestamp::UNIX_EPOCH, 9)
        .await
        .expect("the store reads");
    rooms[0].room
}

#[tokio::test(start_paused = true)]
async fn ai_why_is_what_stands_on_the_disk_and_that_is_what_the_rules_found() {
    check(200).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "minutes; script/soak --rules runs it"]
async fn ten_thousand_times_ai_why_is_what_the_rules_found() {
    check(10_000).await;
}
