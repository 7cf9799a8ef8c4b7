//! People talking among themselves, in English and Chinese: made from a seed, so that the same run twice is the same talk.
//! It holds the words that fool careless triggers (aim, said, AI's, 茶馆在哪), but asks the house nothing, save by chance;
//! [`addresses`] tells those lines, and they are left out and counted.

/// A small generator of chance (splitmix64), good enough for talk.
pub struct Seed(pub u64);

impl Seed {
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        usize::try_from(z % u64::try_from(n.max(1)).unwrap_or(1)).unwrap_or(0)
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const WHO: &[&str] = &[
    "my sister",
    "the aide",
    "Aidan",
    "Mr Ainsley",
    "our captain",
    "she",
    "he",
    "Aisha",
    "nobody",
    "the AI team",
];
const DID: &[&str] = &[
    "said",
    "aimed for",
    "explained",
    "failed at",
    "laughed about",
    "aired",
    "waited for",
    "painted",
    "asked about",
];
const WHAT: &[&str] = &[
    "the train",
    "AI's new picture",
    "an airport in Spain",
    "the exam",
    "ai as a word in a sentence",
    "the tea house",
    "plain rice",
    "what the teahouse said",
    "rain again",
    "the ai course",
    "said and done",
    "a bot in another group",
];
const WHEN: &[&str] = &[
    "yesterday",
    "again",
    "before noon",
    "on Friday",
    "this morning",
    "in the end",
    "for once",
    "last May",
];
const TAIL: &[&str] = &[
    "",
    "",
    "",
    " lol",
    " :)",
    "?",
    "!",
    " haha",
    "...",
    ", right?",
    " @all not really",
];
const OPEN: &[&str] = &[
    "aim higher next time",
    "aim for the second door",
    "AI's drawings all have six fingers",
    "aide-memoire is a nice word",
    "aint that the truth",
    "ai-generated songs are everywhere",
    "Aiming too low is worse",
    "ail and ale are not the same",
    "ok who took the bot's cup",
    "hey aiko, are you coming?",
    "I asked the ai about it and it said no",
    "what does \"ai\" mean in old Chinese?",
    "is the AI down?",
    "help me carry this",
    "rules are rules",
    "why not",
    "stop it",
    "on my way",
    "off to bed",
    "reset the router please",
];

const ZH_WHO: &[&str] = &[
    "老王",
    "我妈",
    "小艾",
    "阿爱",
    "隔壁班的",
    "他们",
    "我同桌",
    "班长",
    "快递小哥",
    "群主",
];
const ZH_DID: &[&str] = &[
    "说",
    "问",
    "喜欢",
    "讨厌",
    "看见了",
    "忘了",
    "昨天聊到",
    "在找",
    "画了",
    "学会了",
];
const ZH_WHAT: &[&str] = &[
    "茶馆在哪",
    "那个AI画的图",
    "作业",
    "新开的茶馆",
    "爱情电影",
    "下雨的事",
    "ai这个词",
    "期末考试",
    "人工智能课",
    "机器人比赛",
    "哎呀这种话",
    "绿茶和红茶",
    "地铁几点停",
    "说好的奶茶",
];
const ZH_TAIL: &[&str] = &[
    "",
    "",
    "了",
    "吧",
    "呢",
    "啊",
    "哈哈哈",
    "……",
    "，真的",
    "？",
    "！",
    "，你们觉得呢",
];
const ZH_OPEN: &[&str] = &[
    "茶馆在哪",
    "茶馆几点关门",
    "哎，今天好热",
    "爱咋咋地",
    "唉，又迟到了",
    "艾特一下班长",
    "笑死",
    "收到",
    "好的好的",
    "帮我带杯茶",
    "AI's 是什么意思",
    "aim 是目标的意思吧",
    "我爱喝茶",
    "谁说AI会画画的",
    "机器人来了吗",
    "问一下ai就知道了",
    "规则呢",
    "帮助一下新人",
    "重来",
];

/// The next line of talk.
pub fn line(seed: &mut Seed) -> String {
    match seed.below(10) {
        0 => seed.pick(OPEN).to_owned(),
        1 => seed.pick(ZH_OPEN).to_owned(),
        2..=5 => {
            let (who, did, what) = (seed.pick(WHO), seed.pick(DID), seed.pick(WHAT));
            format!("{who} {did} {what} {}{}", seed.pick(WHEN), seed.pick(TAIL))
        }
        6..=8 => {
            let (who, did) = (seed.pick(ZH_WHO), seed.pick(ZH_DID));
            format!("{who}{did}{}{}", seed.pick(ZH_WHAT), seed.pick(ZH_TAIL))
        }
        _ => {
            let n = seed.below(500);
            format!("{} {}，{n}", seed.pick(ZH_OPEN), seed.pick(OPEN))
        }
    }
}

/// Whether a line calls the house by its own rule: the trigger `ai` first, whatever its case or width, and then an edge.
/// A letter, digit, apostrophe or hyphen is no edge. Han directly after it is unclear, so such a line proves nothing.
pub fn addresses(line: &str) -> bool {
    let narrow = |c: char| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    };
    let mut chars = line.trim_start().chars().map(narrow);
    let trigger = [chars.next(), chars.next()].map(|c| c.map(|c| c.to_ascii_lowercase()));
    let edge = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '\'' | '’' | '-' | '_'));
    trigger == [Some('a'), Some('i')] && chars.next().is_none_or(edge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_is_the_same_talk() {
        let talk = |seed| {
            let mut seed = Seed(seed);
            (0..1000).map(|_| line(&mut seed)).collect::<Vec<_>>()
        };
        assert_eq!(talk(7), talk(7));
        assert_ne!(talk(7), talk(8));
        let asked = talk(7).iter().filter(|line| addresses(line)).count();
        assert!(asked < 20, "{asked} of 1000 lines ask the house");
        assert!(talk(7).iter().any(|line| line.contains("茶馆在哪")));
    }

    #[test]
    fn only_the_trigger_and_an_edge_address_the_house() {
        for (line, yes) in [
            ("ai why", true),
            ("AI", true),
            (" ＡＩ　问", true),
            ("ai: x", true),
            ("ai，你好", true),
            ("aim high", false),
            ("AI's", false),
            ("AI-made", false),
            ("said", false),
            ("the ai", false),
            ("茶馆在哪", false),
            ("a", false),
        ] {
            assert_eq!(addresses(line), yes, "{line:?}");
        }
    }
}
