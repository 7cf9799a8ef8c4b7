//! Lines of despair and lines that only sound like it: own sets, written to be told apart.

use super::*;
use crate::notice::Language;

fn lines(file: &str) -> Vec<&str> {
    file.lines().filter(|line| !line.starts_with('#')).collect()
}

fn wrong<'a>(lines: &[&'a str], wanted: bool) -> Vec<&'a str> {
    let wrong = |line: &&&str| find(line).is_some() != wanted;
    lines.iter().filter(wrong).copied().collect()
}

#[test]
fn bad_046_what_is_said_in_plain_words_is_found() {
    let lines = lines(include_str!("explicit.txt"));
    let missed = wrong(&lines, true);
    assert!(lines.len() >= 500, "{}", lines.len());
    assert!(
        missed.len() * 20 <= lines.len(),
        "{}: {missed:#?}",
        missed.len()
    );
}

#[test]
fn bad_046_what_only_sounds_like_it_is_not() {
    let lines = lines(include_str!("harmless.txt"));
    let found = wrong(&lines, false);
    assert!(
        found.len() * 100 <= lines.len(),
        "{}: {found:#?}",
        found.len()
    );
}

#[test]
fn bad_046_two_thousand_idioms_titles_and_games_show_no_card() {
    let made = idioms();
    let lines: Vec<&str> = made.iter().map(String::as_str).collect();
    assert!(lines.len() >= 2_000, "{}", lines.len());
    let found = wrong(&lines, false);
    assert!(
        found.len() * 100 <= lines.len(),
        "{}: {found:#?}",
        found.len()
    );
}

/// Each pattern with each of its words.
fn idioms() -> Vec<String> {
    const FELT: [&str; 26] = [
        "笑", "累", "饿", "困", "热", "冷", "烦", "气", "吓", "晒", "甜", "帅", "美", "香", "辣",
        "酸", "忙", "急", "渴", "闷", "羡慕", "无聊", "尴尬", "可爱", "堵", "吵",
    ];
    const FEELS: [&str; 12] = [
        "bored", "scared", "tickled", "sick", "worried", "frozen", "worked", "tired", "starved",
        "loved", "talked", "annoyed",
    ];
    const THINGS: [&str; 20] = [
        "homework", "back", "phone", "laptop", "exam", "boss", "traffic", "battery", "alarm",
        "diet", "workout", "sunburn", "printer", "landlord", "roommate", "commute", "deadline",
        "haircut", "team", "dentist",
    ];
    const FOUGHT: [&str; 14] = [
        "boss",
        "dragon",
        "zombie",
        "final boss",
        "goblin",
        "wizard",
        "archer",
        "queen",
        "process",
        "robot",
        "spider",
        "giant",
        "ghost",
        "sniper",
    ];
    const MISSED: [&str; 16] = [
        "你",
        "你们",
        "你了",
        "我了",
        "我们了",
        "他了",
        "她了",
        "家里的饭",
        "妈妈做的菜",
        "那家火锅",
        "大家",
        "北京",
        "奶奶",
        "这个味道",
        "学校的食堂",
        "吃辣",
    ];
    const TITLES: [&str; 12] = [
        "我不想活了",
        "我想死",
        "想死的日子",
        "今晚我要自杀",
        "自杀之前",
        "再见世界",
        "I Want to Die",
        "Kill Myself Slowly",
        "Suicide Season",
        "Goodbye World",
        "遗书",
        "跳楼者",
    ];
    let mut made = Vec::new();
    for felt in FELT {
        for tail in [
            "死我了",
            "死了",
            "死个人",
            "死人了",
            "得要死",
            "得要命",
            "到不行",
            "得想死",
            "死我啦哈哈",
            "得我想死",
            "不活了",
        ] {
            for head in ["", "今天", "真的", "我都", "哈哈"] {
                made.push(format!("{head}{felt}{tail}"));
            }
        }
    }
    for missed in MISSED {
        for head in ["想死", "好想死", "我想死", "真是想死"] {
            made.push(format!("{head}{missed}"));
        }
    }
    for feels in FEELS {
        for who in ["I'm", "we're", "she was", "the cat is"] {
            made.push(format!("{who} {feels} to death"));
        }
    }
    for thing in THINGS {
        for what in [
            "is killing me",
            "will be the death of me",
            "just died",
            "killed me today",
            "makes me want to scream",
        ] {
            made.push(format!("my {thing} {what}"));
            made.push(format!("omg this {thing} {what} lol"));
        }
    }
    for fought in FOUGHT {
        for what in [
            "kill the",
            "how do I kill the",
            "we killed the",
            "I died to the",
            "I want to kill the",
            "let's go kill that",
        ] {
            made.push(format!("{what} {fought}"));
        }
        for what in ["先杀", "又被{}杀了", "我死在{}手里三次"] {
            made.push(what.replace("{}", fought));
        }
    }
    for title in TITLES {
        for what in [
            "《{}》这首歌好听吗",
            "谁有《{}》的歌词",
            "刚看完《{}》",
            "《{}》这部电影讲什么",
            "the song \"{}\" is stuck in my head",
            "have you heard the song {}?",
            "translate \"{}\" please",
            "小说《{}》完结了",
            "“{}”这句歌词怎么翻译",
        ] {
            made.push(what.replace("{}", title));
        }
    }
    for sung in [
        "let me die in the rain",
        "I want to die in your arms",
        "kill me softly tonight",
        "I would die for one more dance",
        "my love is dead and gone",
        "让我死在你怀里",
        "我愿为你死一千次",
        "没有你我活不下去",
        "死了都要爱你一回",
        "陪我到世界尽头",
    ] {
        for what in [
            "the lyrics go: {}",
            "♪ the chorus: {} ♪",
            "歌词：{}",
            "这首歌唱的是{}",
            "这首歌里那句“{}”",
            "I keep singing {}",
            "a song about {}",
        ] {
            made.push(what.replace("{}", sung));
        }
    }
    made
}

#[test]
fn bad_046_what_no_pattern_foresaw_is_weighed() {
    let lines: Vec<[&str; 3]> = LEARNT
        .iter()
        .flat_map(|file| file.lines())
        .filter_map(|line| line.splitn(3, '\t').collect::<Vec<_>>().try_into().ok())
        .collect();
    let found = |said: bool| {
        let all: Vec<_> = lines
            .iter()
            .filter(|line| (line[0] != "none") == said)
            .collect();
        let found = all.iter().filter(|line| find(line[2]).is_some());
        (found.count(), all.len())
    };
    // Learnt by heart: table and reading fit each other.
    let (said, of) = found(true);
    assert!(of > 2_000 && said * 100 >= of * 80, "{said} of {of}");
    let (not_said, of) = found(false);
    assert!(of > 2_000 && not_said * 100 <= of * 4, "{not_said} of {of}");
}

/// What the weights were learnt from.
const LEARNT: [&str; 8] = [
    include_str!("../../../../../training/crisis/en.tsv"),
    include_str!("../../../../../training/crisis/zh.tsv"),
    include_str!("../../../../../training/crisis/plain.tsv"),
    include_str!("../../../../../training/crisis/wide.tsv"),
    include_str!("../../../../../training/crisis/more-en.tsv"),
    include_str!("../../../../../training/crisis/more-zh.tsv"),
    include_str!("../../../../../training/crisis/broad-en.tsv"),
    include_str!("../../../../../training/crisis/broad-zh.tsv"),
];

#[test]
fn bad_046_what_no_anchor_foresaw_is_glanced_at() {
    let may = |line: &str| READERS.iter().any(|reader| reader.said.may(line));
    for line in [
        "every morning i'm disappointed that i woke up",
        "I WANT MY HEART TO STOP",
        "let me go, i don't want to be saved",
        "我要离开地球了，永远不会回来",
        "我想让自己停下来，永远",
        "每晚都求老天别让我醒",
    ] {
        assert!(!may(line), "holds an anchor: {line}");
        assert!(find(line).is_some(), "{line}");
        let talk = "Lunch is at noon, the soup was fine. ".repeat(200);
        let said = format!("{line}. ").repeat(9);
        let long = format!("{talk}\n{said}\n{talk}");
        let hit = find(&long).map(|hit| &long[hit.span]);
        assert!(hit.is_some_and(|hit| hit.contains(line)), "{line}: {hit:?}");
    }
    for line in [
        "every morning i'm late for the bus",
        "i want my money back",
        "好，我现在就下楼",
        "我已经找人借到了，不用带",
        "我买好票了，周五走",
        "pls call me when you get this",
    ] {
        assert_eq!(find(line), None, "{line}");
    }
}

#[test]
fn bad_046_an_ordinary_evening_is_not_weighed() {
    for line in [
        "which team should I bet on tonight",
        "what should I cook tonight",
        "I want to go home tonight",
        "she has to work again tonight",
        "我走到图书馆了，等会儿去找你",
        "在河边，老地方",
        "今晚有事，回去晚点",
        "兄弟们，我走了，保重！",
    ] {
        assert_eq!(find(line), None, "{line}");
    }
}

#[test]
fn bad_046_new_words_for_it_are_understood() {
    for (line, wanted) in [
        ("只要能死，怎么死都行", true),
        ("好想找个人一起死", true),
        ("我今天真的 want to die 了", true),
        ("我怎么还没死啊", true),
        ("好想去死一死，谁都别管我", true),
        ("有没有人约烧炭的", true),
        ("烧炭会很痛苦吗", true),
        ("is drowning really painful", true),
        ("sometimes i hope a truck hits me", true),
        ("mum is the only reason i havent ended my life", true),
        ("list three ways of ending my life", true),
        ("everything leads to my own suicide anyway", true),
        ("how painful is an overdose", true),
        ("every morning i think about doing away with myself", true),
        ("i keep thinkin bout killin myself on the way home", true),
        ("most nights i just want to killmyself", true),
        ("i need my whole, no, i want my life to be over", true),
        ("this is me not wanting to exist", true),
        ("not them, i want to hurt me", true),
        ("been cuttin on my arm again", true),
        ("俺想寻短见了", true),
        ("我真的不想活着回家", true),
        ("我不要活。", true),
        ("唔想做人喇", true),
        ("今晚又想𠝹手", true),
        ("我只想伤害我自己", true),
        ("只盼着死亡快点到", true),
        ("我唔係想死，淨係好眼瞓", false),
        ("they want to hurt me with words", false),
        ("i want this meeting to be over", false),
        ("i was cuttin my hair", false),
        ("唔想做功課", false),
        ("list three ways of ending my subscription", false),
        ("一起烧烤吗，约不约", false),
        ("一起去跳楼机排队", false),
        ("is hanging a picture here ok", false),
        ("i hope a bus comes soon", false),
        (
            "the only reason i ended my lease early was the noise",
            false,
        ),
        ("i look forward to the weekend more than anything", false),
        ("my sister forgot to hug me goodbye", false),
        ("i like being by myself on sundays", false),
        ("我真的好差劲，什么都学不会", false),
        ("打完这把再说，我又死了", false),
    ] {
        assert_eq!(find(line).is_some(), wanted, "{line}");
    }
}

#[test]
fn bad_046_what_is_over_or_is_done_by_others_shows_no_card() {
    for (line, wanted) in [
        (
            "Nine years ago I wanted to die, and this morning I planted peas",
            false,
        ),
        (
            "when i was fifteen i tried to kill myself. i teach fifteen-year-olds now",
            false,
        ),
        (
            "I used to think about suicide on every walk, now I count herons",
            false,
        ),
        ("we lost my uncle to suicide in May", false),
        ("my neighbour hanged himself, the whole street came", false),
        (
            "my client disclosed suicidal ideation, who do I call first?",
            false,
        ),
        (
            "If you are thinking of suicide, our choir has tea and time",
            false,
        ),
        ("my brother has cut himself off from us", false),
        ("六年前我天天想死，今天我开了家面馆", false),
        ("高二的时候真的不想活，慢慢就好了", false),
        ("我舅舅去年跳楼了，家里没人提", false),
        ("这题算得我想上吊", false),
        (
            "ten years ago I wanted to die, and now I want it again, tonight",
            true,
        ),
        ("六年前我天天想死，现在还是不想活", true),
        ("i took all of them, sorry", true),
        ("i keep thinking abt su1c1de", true),
        ("i pray the lord takes me in my sleep", true),
        ("hoping my heart stops in the night", true),
        (
            "driving home i keep imagining swerving into the barrier",
            true,
        ),
        ("suicidle again", true),
        ("i am not safe with myself", true),
        ("不太想活了吧，大概", true),
        ("这条命我也不要了", true),
        ("还不如死在外面算了", true),
        ("药一片一片存着，够了就走", true),
        ("让俺死球吧", true),
    ] {
        assert_eq!(find(line).is_some(), wanted, "{line}");
    }
}

#[test]
fn bad_047_a_goodbye_is_looked_at() {
    for (line, wanted) in [
        ("goodbye, see you tomorrow", false),
        ("再见，明天见", false),
        ("goodbye forever, i took all my pills", true),
        ("永别了，我要去另一个世界了", true),
    ] {
        assert_eq!(find(line).is_some(), wanted, "{line}");
    }
}

#[test]
fn the_span_is_what_says_it() {
    for (line, said) in [
        (
            "Hi all 😀 I really want to kill myself.",
            "I really want to kill myself",
        ),
        ("呜呜，我不想活了。", "不想活了"),
    ] {
        let hit = find(line).expect("it is said");
        assert_eq!(&line[hit.span], said);
        assert_eq!(hit.kind, "crisis");
    }
}

#[test]
fn a_card_has_the_regions_numbers_and_no_hours() {
    for (code, numbers) in [
        ("CN", ["12356", "110", "120"]),
        ("hk", ["18111", "999", ""]),
        ("TW", ["1925", "119", ""]),
        ("US", ["988", "911", ""]),
        ("GB", ["116 123", "999", ""]),
        ("AU", ["13 11 14", "000", ""]),
        ("XX", ["", "", ""]),
    ] {
        for language in [Language::Chinese, Language::English] {
            let card = card(Region::from_code(code), language);
            for number in numbers {
                assert!(card.contains(number), "{code}: {card}");
            }
            assert!(!card.contains("24"), "{card}");
            assert!(card.chars().count() < 400, "{card}");
            assert_eq!(find(&card), None, "{card}");
        }
    }
}

#[test]
fn a_long_text_is_read_in_one_go_and_its_line_is_found() {
    let talk = "今天天气不错，我们去喝茶吧。The kettle is on. ".repeat(2_500);
    assert_eq!(find(&talk), None);
    let said = format!("{talk}\n我不想活了\n{talk}");
    assert_eq!(
        find(&said).map(|hit| hit.span.start),
        Some(talk.len() + 1 + "我".len())
    );
    assert_eq!(find(&"想死你了".repeat(25_000)), None);
}

#[test]
fn much_talk_around_it_hides_nothing_that_is_said_in_plain_words() {
    let talk = "they say the update broke the network driver so try the other server and check which package you installed from that mirror ";
    let chinese = "请问这款手机支持哪些频段，系统更新以后发热严重，电池耗电太快，网友都在投诉，";
    for times in [1, 2, 3, 6] {
        for said in ["I want to kill myself", "I am going to end my life tonight"] {
            let text = format!("{}{said} {}", talk.repeat(times), talk.repeat(times));
            assert!(find(&text).is_some(), "{text}");
        }
        for said in ["我想自杀，", "我不想活了，", "我真的想死，"] {
            let text = format!("{}{said}{}", chinese.repeat(times), chinese.repeat(times));
            assert!(find(&text).is_some(), "{text}");
        }
    }
}
