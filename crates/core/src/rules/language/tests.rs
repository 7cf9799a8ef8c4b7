//! Lines of many languages, mixed, romanised and doubtful ones: own sets, and what a room's rule makes of them.

use super::*;

const ENGLISH: &[Tongue] = &[Tongue::English];
const CHINESE: &[Tongue] = &[Tongue::Chinese];

/// What a text is in.
fn check(rows: &[(&str, &str)]) {
    for (text, tag) in rows {
        assert_eq!(identify(text).as_str(), *tag, "{text:?}");
    }
}

/// What breaks a room's rule, or `-`.
fn check_find(allowed: &[Tongue], rows: &[(&str, &str)]) {
    for (text, kind) in rows {
        let hit = find(text, allowed);
        assert_eq!(hit.map_or("-", |hit| hit.kind), *kind, "{text:?}");
    }
}

#[test]
fn a_script_tells_its_language() {
    check(&[
        ("今天晚上吃什么", "zh"),
        ("今天的天氣真好啊", "zh"),
        ("明日は雨が降るそうです", "ja"),
        ("ありがとう", "ja"),
        ("え", "ja"),
        ("내일 학교에 가요", "ko"),
        ("Я не знаю, что делать", "ru"),
        ("Їжак іде додому", "uk"),
        ("Δεν ξέρω τι να κάνω", "el"),
        ("אני לא יודע", "he"),
        ("لا أعرف ماذا أفعل", "ar"),
        ("चाय बहुत अच्छी है", "hi"),
        ("วันนี้ฝนตก", "th"),
    ]);
}

#[test]
fn english_is_english() {
    check(&[
        ("hello there, how is everybody?", "en"),
        ("gonna be late, sry guys", "en"),
        ("Happy birthday!!", "en"),
        ("congrats", "en"),
        ("He can hang ten men", "en"),
        ("Men can run and hens can sing", "en"),
        ("My friend Li Na moved to Chengdu last year.", "en"),
        ("Tai chi is good for old men", "en"),
        ("WHY IS EVERYONE SHOUTING", "en"),
        ("Let's meet in Xi'an or Hangzhou", "en"),
        ("I love 麻婆豆腐 so much, it is the best", "en"),
        ("What does \"你好吗\" mean?", "en"),
        ("How do I pronounce “bonjour tout le monde”?", "en"),
        ("I really like 麻婆豆腐", "en"),
        ("are you kidding me 哈哈哈哈哈哈哈", "en"),
        ("Ｈｏｗ ａｒｅ ｙｏｕ ｔｏｄａｙ", "en"),
    ]);
}

#[test]
fn romanised_chinese_is_chinese() {
    check(&[
        ("ni jintian wanshang chi shenme", "pinyin"),
        ("nǐ jīn tiān wǎn shang chī shén me", "pinyin"),
        ("wo3 bu4 zhi1 dao4 ni3 zai4 shuo1 shen2 me", "pinyin"),
        ("womenmingtianjiannijuezenmeyang", "pinyin"),
        ("wo gen Tom qu kan dianying le", "pinyin"),
        (
            "Chuang qian ming yue guang, yi shi di shang shuang",
            "pinyin",
        ),
        ("nv er hui jia le ma", "pinyin"),
    ]);
}

#[test]
fn other_languages_in_latin_letters_are_told() {
    check(&[
        ("bonjour tout le monde, comment allez-vous", "fr"),
        ("ich habe heute leider keine zeit", "de"),
        ("no entiendo nada de lo que dices", "es"),
        ("non so cosa dire veramente", "it"),
        ("não sei o que fazer agora", "pt"),
        ("ik weet niet wat ik moet zeggen", "nl"),
        ("xin chào các bạn hôm nay thế nào", "vi"),
        ("hindi ko alam kung ano ang gagawin ko", "tl"),
        ("en tiedä mitä minun pitäisi tehdä", "fi"),
        ("ne yapacağımı bilmiyorum arkadaşlar", "tr"),
    ]);
}

#[test]
fn a_name_or_a_term_makes_no_chinese_line_english() {
    check(&[
        ("我用 iPhone 拍的", "zh"),
        ("今天 NBA 湖人赢了", "zh"),
        ("npm install 报错了怎么办", "zh"),
        ("Python 和 Java 哪个好学", "zh"),
        ("哈哈哈 OK 没问题", "zh"),
        ("老师说 practice makes perfect，大家加油", "mixed"),
        ("今天的 meeting 又 delay 了，so annoying", "mixed"),
        ("这个 bug 我修了一天", "zh"),
        ("我看了 Harry Potter 三遍", "zh"),
        ("去 Starbucks 喝咖啡", "zh"),
        ("我真的 have no idea 怎么写", "mixed"),
        ("我 so tired 了不想动", "mixed"),
        ("I don't know 这个怎么读", "mixed"),
    ]);
}

#[test]
fn bad_043_what_is_no_language_is_not_judged() {
    check(&[
        ("", "none"),
        ("😀😀👍🏽👨‍👩‍👧", "none"),
        ("666", "none"),
        ("haha lol", "none"),
        ("哈哈哈哈哈", "none"),
        ("https://example.com/今天/page?x=1", "none"),
        ("看https://example.com/a看", "zh"),
        ("[CQ:face,id=14][CQ:at,qq=10001]", "none"),
        ("@小明 @李雷", "none"),
        ("```\n打印(\"你好\")\n```", "none"),
        ("`let 茶 = 1;`", "none"),
        ("if (a == b) { c = d; }", "none"),
        ("someone@example.com", "none"),
        ("/etc/hosts /usr/share/茶", "none"),
        ("#rust-beginners", "none"),
        ("xiaoming: ok", "none"),
        ("!!! ??? ...", "none"),
    ]);
}

#[test]
fn bad_043_a_room_of_one_language_hears_another_only_when_it_is_clear() {
    check_find(
        ENGLISH,
        &[
            ("今天晚上吃什么", "zh"),
            ("ni jintian wanshang chi shenme", "pinyin"),
            ("womenmingtianjiannijuezenmeyang", "pinyin"),
            ("bonjour tout le monde, comment allez-vous", "fr"),
            ("今天的 meeting 又 delay 了，so annoying", "mixed"),
            ("明日は雨が降るそうです", "ja"),
            ("What does \"你好吗\" mean?", "-"),
            ("How do you say “今天天气很好” in English?", "-"),
            ("> 今天天气很好\nI agree with this", "-"),
            ("I love 麻婆豆腐 so much, it is the best", "-"),
            ("好", "-"),
            ("哈哈", "-"),
            ("ok", "-"),
            ("nice", "-"),
            ("hao", "-"),
            ("hello everyone", "-"),
            (
                "```\n# 打印茶的名字\nprint(tea)\n``` why does this fail?",
                "-",
            ),
            ("see https://example.com/红茶 for more", "-"),
            ("😀😀😀", "-"),
            // Quotes around all of it hide nothing.
            ("“今天天气很好我们出去玩吧”", "zh"),
        ],
    );
    check_find(
        CHINESE,
        &[
            ("今天晚上吃什么", "-"),
            ("ni jintian wanshang chi shenme", "-"),
            ("老师说 practice makes perfect，大家加油", "-"),
            ("what are you doing tonight, my friend?", "en"),
            ("hello", "-"),
        ],
    );
    check_find(
        &[Tongue::English, Tongue::French],
        &[
            ("bonjour tout le monde, comment allez-vous", "-"),
            ("no entiendo nada de lo que dices", "es"),
        ],
    );
}

#[test]
fn a_few_words_of_english_chat_are_not_held_against_anybody() {
    check_find(
        ENGLISH,
        &[
            // Joined words are English, whatever their letters look like.
            ("Oh, you're Scottish? I'm half Welsh.", "-"),
            // What is said again says no more.
            ("la la la la", "-"),
            ("tisk tisk Anna", "-"),
            ("Hu? Who's Hu?", "-"),
            // Who is quoted has a name, and names are in no language.
            (
                "\"We will all be there before the rain starts, and so will the cake.\" - Ingrid Halvorsen",
                "-",
            ),
            (
                "“We will be there before the rain starts.” jintian tianqi hen hao",
                "pinyin",
            ),
            // Two or three words, one of them English, and a sound.
            ("Fail la...", "-"),
            ("Bye de", "-"),
            ("ask Dan", "-"),
            ("Berlin? Oslo? Madrid?", "-"),
            ("waa nice", "-"),
            ("hiya Sam didn't see ya", "-"),
            ("O.o why ya", "-"),
            // Few words may be clear enough.
            ("guten abend", "de"),
            ("xie xie ni", "pinyin"),
            ("wo bu zhidao", "pinyin"),
            ("muchas gracias", "es"),
        ],
    );
}

#[test]
fn a_chinese_name_makes_no_english_sentence_chinese() {
    check_find(
        ENGLISH,
        &[
            ("Zheng Liang sneezed.", "-"),
            ("Liu Qiang is Korean.", "-"),
            ("xiao zhang isn't here", "-"),
            ("let xiao zheng win", "-"),
            ("zheng jiayi saw you", "-"),
            ("tell xiao zhang", "-"),
            ("Xiao Zhou woke up.", "-"),
            // Among names and borrowed words it stays what it is.
            ("wang laoshi hen nice", "pinyin"),
            ("zhang wei qu beijing le", "pinyin"),
            ("Zhang Wei mingtian qu Beijing", "pinyin"),
            ("xiao wang buy le", "pinyin"),
            ("wo xihuan pizza", "pinyin"),
        ],
    );
}

#[test]
fn whatever_opens_a_quotation_is_looked_at() {
    for quote in QUOTES {
        let mut bytes = [0; 4];
        assert!(
            MAY_QUOTE[usize::from(quote.encode_utf8(&mut bytes).as_bytes()[0])],
            "{quote}"
        );
    }
}

#[test]
fn sisters_are_not_held_against_each_other() {
    check_find(
        &[Tongue::Malay],
        &[("saya tidak tahu apa yang harus dilakukan", "-")],
    );
    check_find(
        &[Tongue::Norwegian],
        &[("jeg ved ikke hvad jeg skal gøre", "-")],
    );
}

#[test]
fn the_span_is_what_was_judged() {
    let text = "@小明 😀 今天晚上吃什么 😀";
    let hit = find(text, ENGLISH).expect("it is Chinese");
    assert_eq!(&text[hit.span], "今天晚上吃什么");
}

#[test]
fn an_answer_stays_in_the_language_of_the_house() {
    let english = [
        ("Red tea is oxidised. 红茶是全发酵茶。", true),
        ("Red tea is oxidised.\n红茶是全发酵茶", true),
        ("The word 红茶 means black tea.", false),
        ("You can say “我想喝红茶” when you order.", false),
        (
            "Try this:\n```\n打印红茶的名字。\n```\nIt prints the name.",
            false,
        ),
        ("Black tea is oxidised, green tea is not.", false),
        ("Le thé noir est oxydé pendant plusieurs heures.", true),
        ("你好 (nǐ hǎo) means hello.", false),
    ];
    for (text, breaks) in english {
        assert_eq!(
            breaks_answer(text, Language::English).is_some(),
            breaks,
            "{text:?}"
        );
    }
    let chinese = [
        ("红茶是全发酵茶。", false),
        ("用 Python 写一个 print 就行。", false),
        (
            "红茶是全发酵茶。It is fully oxidised during processing.",
            true,
        ),
        ("“black tea” 就是红茶。", false),
    ];
    for (text, breaks) in chinese {
        assert_eq!(
            breaks_answer(text, Language::Chinese).is_some(),
            breaks,
            "{text:?}"
        );
    }
    let text = "Fine. 红茶是全发酵茶。";
    let hit = breaks_answer(text, Language::English).expect("a whole sentence");
    assert_eq!(&text[hit.span], "红茶是全发酵茶");
}

#[test]
fn a_language_is_named_by_its_code() {
    for (n, (tongue, code, name)) in TONGUES.iter().enumerate() {
        assert_eq!(*tongue as usize, n, "{name}");
        assert_eq!(Tongue::try_from((*code).to_owned()), Ok(*tongue));
        assert_eq!((tongue.code(), tongue.name()), (*code, *name));
    }
    let error = Tongue::try_from("english".to_owned());
    let words = "\"english\" is no language that can be told; write a code like \"en\" or \"zh\"";
    assert_eq!(error, Err(words.to_owned()));
}

#[test]
fn bad_033_a_very_long_text_has_an_end() {
    for part in [
        "a", "茶", "[", "[CQ:", "“", "`", "```", "“”", "a.b", "@", "\"a", "ni3", "e\u{301}",
        "hello ",
    ] {
        let text = part.repeat(30_000 / part.len());
        identify(&text);
        find(&text, ENGLISH);
        breaks_answer(&text, Language::English);
    }
}

/// At least so many of a hundred of our own held-out lines.
fn check_share(name: &str, lines: &str, least: usize, holds: impl Fn(&str) -> bool) {
    let all: Vec<&str> = lines.lines().collect();
    let wrong: Vec<&&str> = all.iter().filter(|line| !holds(line)).collect();
    let right = all.len() - wrong.len();
    assert!(
        right * 100 >= least * all.len(),
        "{name}: {right} of {}: {wrong:#?}",
        all.len()
    );
}

#[test]
fn a_room_of_english_hears_romanised_chinese_and_leaves_english_alone() {
    let caught = |line: &str| find(line, ENGLISH).is_some();
    let spared = |line: &str| find(line, ENGLISH).is_none_or(|hit| hit.kind == "en");
    check_share("romanised", include_str!("lines/romanised.txt"), 98, caught);
    check_share("Chinese", include_str!("lines/chinese.txt"), 100, caught);
    check_share("others", include_str!("lines/other.txt"), 97, caught);
    check_share(
        "pairs of others",
        include_str!("lines/other_pairs.txt"),
        80,
        caught,
    );
    check_share("English", include_str!("lines/english.txt"), 100, spared);
    check_share(
        "pairs of English",
        include_str!("lines/english_pairs.txt"),
        90,
        spared,
    );
}

#[test]
fn only_what_is_clear_may_be_acted_on() {
    let acts = |line: &str| {
        find(line, ENGLISH).is_some_and(|hit| hit.certainty == crate::rules::Certainty::Sure)
    };
    check_share("romanised", include_str!("lines/romanised.txt"), 80, acts);
    check_share("English", include_str!("lines/english.txt"), 100, |line| {
        !acts(line)
    });
    check_share(
        "pairs of English",
        include_str!("lines/english_pairs.txt"),
        100,
        |line| !acts(line),
    );
}

#[test]
fn mixtures_are_told_from_terms() {
    check_share("mixed", include_str!("lines/mixed.txt"), 80, |line| {
        identify(line) == Tag::Mixed
    });
    check_share("terms", include_str!("lines/terms.txt"), 95, |line| {
        identify(line) == Tag::Chinese
    });
}
