//! Entries in every disguise, lines that stay ordinary, and lists that cannot be used.

use super::*;

fn list(entries: &str) -> WordList {
    WordList::compile(entries, "").unwrap_or_else(|error| panic!("{error}"))
}

fn found(list: &WordList, text: &str) -> Vec<(String, Certainty)> {
    let read = |hit: &Hit| (text[hit.span.clone()].to_owned(), hit.certainty);
    list.find(text).iter().map(read).collect()
}

#[test]
fn bad_036_a_forbidden_word_is_found_however_it_is_written() {
    let list = list("红茶馆\nteapot\nsugar\n微信\n9898");
    for (text, span) in [
        ("去红茶馆吧", "红茶馆"),
        ("去紅茶館吧", "紅茶館"),
        ("去紅茶舘吧", "紅茶舘"),
        ("去红 茶 馆吧", "红 茶 馆"),
        ("去红*茶.馆吧", "红*茶.馆"),
        ("去红\u{200b}茶\u{2060}馆吧", "红\u{200b}茶\u{2060}馆"),
        ("去红红茶茶茶馆吧", "红红茶茶茶馆"),
        ("my ｔｅａｐｏｔ!", "ｔｅａｐｏｔ"),
        ("my TeaPot.", "TeaPot"),
        ("my Ⓣⓔⓐⓟⓞⓣ", "Ⓣⓔⓐⓟⓞⓣ"),
        ("my tеаpоt", "tеаpоt"),
        ("my t3ap0t", "t3ap0t"),
        ("my te@pot", "te@pot"),
        ("my t e a p o t is", "t e a p o t"),
        ("my t-e-a-p-o-t is", "t-e-a-p-o-t"),
        ("my tea\u{200b}pot is", "tea\u{200b}pot"),
        ("my teeeapooot is", "teeeapooot"),
        ("my t\u{301}e\u{302}apot", "t\u{301}e\u{302}apot"),
        ("我的teapot呢", "teapot"),
        ("加微亻言聊", "微亻言"),
        ("call 9⑧玖8 now", "9⑧玖8"),
        ("call 9️⃣8️⃣9️⃣8️⃣ now", "9️⃣8️⃣9️⃣8"),
    ] {
        let found = found(&list, text);
        assert_eq!(found, [(span.to_owned(), Certainty::Sure)], "{text:?}");
    }
}

#[test]
fn bad_037_innocent_words_that_hold_a_forbidden_one() {
    let list = list("ass\nspice\ntease\n大麻\n88\n马吗\nsperm\nanus");
    for text in [
        "a class of assassins",
        "auspices of the house",
        "the teasel grows",
        "很大，麻烦你",
        "问题很大 麻烦你",
        "it costs 8800 or 188",
        "哈哈哈哈哈",
        "molecules perm",
        "give an us citizen",
        "455",
    ] {
        assert_eq!(found(&list, text), [], "{text:?}");
    }
}

#[test]
fn what_only_sounds_or_looks_like_an_entry_is_for_a_person_where_it_may_be_chance() {
    use Certainty::{Likely, Sure};
    let list = list("红茶馆\n龙井\n赌钱\n铁观音\n碧螺春\nteahouse\nteapot");
    for (text, span, certainty) in [
        // The same sound.
        ("去那个宏茶关吧", "宏茶关", Likely),
        ("来一壶笼景吧", "笼景", Likely),
        // The same look.
        ("一起睹钱吗", "睹钱", Sure),
        ("来点铁欢音", "铁欢音", Sure),
        // Letters.
        ("去 hongchaguan 吧", "hongchaguan", Sure),
        ("去 hong cha guan 吧", "hong cha guan", Sure),
        ("去hóngcháguǎn吧", "hóngcháguǎn", Sure),
        ("hongchaguan", "hongchaguan", Sure),
        ("来点tie观音", "tie观音", Sure),
        ("来点 tgy 吧", "tgy", Likely),
        // Emoji.
        ("去红🍵馆吧", "红🍵馆", Likely),
        ("来一壶🐉井", "🐉井", Likely),
        // Order and parts.
        ("来点观铁音吧", "观铁音", Sure),
        ("一起钱赌吗", "钱赌", Sure),
        ("一起贝者钱吗", "贝者钱", Sure),
        ("去红茶饣官吧", "红茶饣官", Sure),
        // Words.
        ("my tea house is open", "tea house", Likely),
        ("my tea po t is empty", "tea po t", Sure),
        ("my te*pot is empty", "te*pot", Sure),
    ] {
        assert_eq!(
            found(&list, text),
            [(span.to_owned(), certainty)],
            "{text:?}"
        );
    }
}

#[test]
fn a_disguise_is_told_by_how_the_line_reads_with_and_without_it() {
    use Certainty::{Likely, Sure};
    let list = list(
        "垃圾\n笨蛋\n加微信\n代开\n手机卡\n加班费\n大学生\n电影院\n不上课\n高兴\n焦虑\n南京路\n一号\n开心\n\
         暗示\n传奇\n生日会",
    );
    for (text, seen) in [
        // Looks and sounds like it.
        ("你真是个苯蛋", Some(("苯蛋", Sure))),
        ("嘉徽言再说", Some(("嘉徽言", Sure))),
        ("我真高幸", Some(("高幸", Sure))),
        // Shares a part, and its first letter when it is said.
        ("这些岦圾快扔掉", Some(("岦圾", Sure))),
        // Sounds like it.
        ("有人带开吗", Some(("带开", Likely))),
        ("能带凯吗", Some(("带凯", Likely))),
        ("他就是个本旦", Some(("本旦", Likely))),
        ("家班费还没给", Some(("家班费", Likely))),
        // Ordinary words that sound like it.
        ("他在收集卡片", None),
        ("生日回来再说", None),
        ("等安起来再说", None),
        ("只能穿几次就坏了", None),
        // The last syllable of a banana, a tile, a key, and what a face shows.
        ("别这么🍌虑", Some(("🍌虑", Likely))),
        ("在🀁京路等你", Some(("🀁京路", Likely))),
        ("到1️⃣号门口来", Some(("1️⃣号", Likely))),
        ("让我😆一下好吗", Some(("😆", Likely))),
        ("今天终于下班了😆", None),
    ] {
        let seen: Vec<_> = seen
            .map(|(span, sure)| (span.to_owned(), sure))
            .into_iter()
            .collect();
        assert_eq!(found(&list, text), seen, "{text:?}");
    }
}

/// Written for this test, with a list of words that sound and look like much of it.
#[test]
fn bad_037_ordinary_lines_stay_ordinary() {
    let list = list(
        "红茶馆\n龙井\n赌钱\n毒品\n大麻\n加微信\n代开\n枪支\n色情\n傻子\n笨蛋\n骗子\n妈的\n办证\n刷单\n返利\n外挂\n\
         作弊\n裸聊\n约会\nass\ncrap\ndamn\nhell\nidiot\nstupid\ndope\nscam\ncasino\nbet\nporn\nsex\ncum\ntit\nrape\n\
         dick\ncock\nanal\nspic\nnig\nfag",
    );
    let lines = "今天下班以后一起去打羽毛球吗
我妈说晚上包饺子，你来不来
这道题的答案到底是多少啊
老师让我们明天带词典
麻烦你帮我看看这句话对不对
很大一部分人其实没有读过原文
他的马路消息从来不准
昨天的约定会不会太早了
刚才信号不好，没有听清
北京的秋天很短，要抓紧出去玩
你加班到几点？微波炉里有饭
这件事情色彩太浓，不像真的
店里的红糖茶很香，馆子也干净
龙潭的井水夏天也是凉的
赶快把钱包收好
哈哈哈哈哈笑死我了
一二三四五六七八九十
价格从 188 涨到了 1888
版本 3.8.1 修好了那个错误
他们一家人都住在海边
天气预报说周末有雨，记得带伞
那个演员的声音很好听
图书馆周三闭馆，别白跑一趟
语法我都懂，就是不敢开口
学习外语挂在嘴边没有用，要多练
我们办公室证件都放在前台
请代我开个门，谢谢
回家的高铁票又卖完了
孩子发烧了，我先请个假
这本小说的结尾让人意外
My assistant passed the class with an assessment
The therapist analysed the grapes on the canal
Scunthorpe and Penistone are towns in England
She titled the document and sent it to Dickinson
Shell scripts are hard to read but harder to write
I was hoping we could practise the past perfect
A cocktail in the cockpit is a bad idea
The alphabet has twenty six letters
He got better at chess every week
Please accumulate the results in a cumulative sum
How do you pronounce February and Wednesday
The spicy noodles were worth the wait
An epic night with a knight in the fog
Nigeria and Niger share a border
My laptop has 16 GB of RAM and 2 USB ports
See you at 7:30 in front of the library
I can not find my keys, can you call me
The quick brown fox jumps over the lazy dog
It is as simple as that, or so they say
We ate sushi and talked about the weather
Is it better to say at night or in the night
Essex and Sussex and Middlesex are in the south
His name is Hancock and hers is Woodcock
The bus is late because of the scrapped timetable
Do not hesitate to ask, no question is too small
Basement, classic, embassy, passage, compass
The cucumber salad needs salt
Peacocks and cockatoos make a lot of noise
Grammar is a means and not an end
Thanks for the help, see you tomorrow";
    for line in lines.lines() {
        assert_eq!(found(&list, line), [], "{line:?}");
    }
}

#[test]
fn bad_050_queries_patterns_and_templates_are_words_like_others() {
    let list = list("drop table\n%%%%\n.*\n{{name}}\n$(rm)\ntea* OR 1=1\n[a-z]+\nNEAR(tea, 3)");
    for (text, spans) in [
        ("nothing of that here, 100 %", &[][..]),
        ("abc", &[]),
        ("please DROP  TABLE guests; --", &["DROP  TABLE"]),
        ("so %%%% be it", &["%%%%"]),
        ("a .* b", &[".*"]),
        ("dear {{name}}", &["name"]),
        ("tea or coffee", &[]),
    ] {
        let spans: Vec<_> = spans
            .iter()
            .map(|span| ((*span).to_owned(), Certainty::Sure))
            .collect();
        assert_eq!(found(&list, text), spans, "{text:?}");
    }
}

#[test]
fn where_an_allowed_entry_covers_it_nothing_was_found() {
    let list = WordList::compile("大麻\ntea", "大麻烦\ntea time").unwrap();
    for (text, spans) in [
        ("这是个大麻烦", &[][..]),
        ("這是個大麻煩", &[]),
        ("大麻和大麻烦", &["大麻"]),
        ("tea time is not tea", &["tea"]),
    ] {
        let spans: Vec<_> = spans
            .iter()
            .map(|span| ((*span).to_owned(), Certainty::Sure))
            .collect();
        assert_eq!(found(&list, text), spans, "{text:?}");
    }
}

#[test]
fn a_list_says_which_line_it_cannot_use() {
    let long = "tea".repeat(30);
    for (text, error) in [
        (
            "tea\nx",
            "line 2: \"x\" is too short, it would be found in nearly every message; write a whole word",
        ),
        (
            "# list\n\n7",
            "line 3: \"7\" is too short, it would be found in nearly every message; write a whole word",
        ),
        (
            long.as_str(),
            "line 1: \"teateateatea\"… is too long, an entry has at most 64 letters or characters; write the part that \
             matters",
        ),
    ] {
        assert_eq!(WordList::compile(text, "").unwrap_err().to_string(), error);
    }
    let list = list("\u{feff}tea\r\n# a remark\r\n\r\nTEA\r\n  ｔｅａ  \r\n茶");
    assert_eq!(list.forbidden, 2, "the same entry is taken once");
    assert_eq!(list.find("a cup of Tea")[0].entry.as_deref(), Some("tea"));
    assert!(list.find("").is_empty());
    assert!(
        super::WordList::compile("", "")
            .unwrap()
            .find("tea")
            .is_empty()
    );
}

/// What the rows of a table ask for and do not get.
fn faults<'t>(list: &WordList, table: &'t str) -> [Vec<&'t str>; 2] {
    let mut faults = [Vec::new(), Vec::new()];
    for row in table.lines().filter(|row| !row.starts_with('#')) {
        let (sign, text) = row.split_once('\t').unwrap();
        let hides = sign == "+";
        if list.find(text).is_empty() == hides {
            faults[usize::from(!hides)].push(text);
        }
    }
    faults
}

#[test]
fn mild_words_in_disguise_are_found_and_innocent_lines_are_not() {
    let list = list(
        "darn\nheck\ncasino\ncrypto\nviagra\nbooze\nscam\nfart\nbutt\ncrap\ndamn\njerk\nmoron\nass\ncock\nhell\n\
         rape\nsex\nnazi\npiss\nweed\ntwit\ncum\nsperm\nanal\ntit\ncoon\nspic",
    );
    let [missed, wrong] = faults(&list, include_str!("held_out.tsv"));
    assert!(missed.len() <= 8, "{missed:#?}");
    assert!(wrong.len() <= 3, "{wrong:#?}");
}

#[test]
fn a_word_inside_of_another_one_counts_where_the_other_one_is_made_of_it() {
    let list =
        list("butt\nballoon\nvape\nhell\ncocoa\nforge\nteapots 99\nteapots99\n7/11\nzzkwa\ncat");
    for (text, span) in [
        ("you butthead", "butt"),
        ("Buttheads!", "Butt"),
        ("butter and butterflies", ""),
        ("the rebuttal in Butterworth", ""),
        ("he is always vaping", "vaping"),
        ("a bal loon", "bal loon"),
        ("a baloon", ""),
        ("go to heII", "heII"),
        ("Heil is a name", ""),
        ("<oco<oa", ""),
        ("co<oa pops", "co<oa"),
        ("<ocoa", "<ocoa"),
        ("c()coa", "c()coa"),
        ("main() {", ""),
        ("buttr0cket", "butt"),
        ("7-11 and 7/11", "7-11"),
        ("the year 711", ""),
        ("qqzzkwaqq", "zzkwa"),
        ("teapots 99", "teapots 99"),
        ("c a t", "c a t"),
        ("concatenate", ""),
    ] {
        let spans: Vec<String> = found(&list, text).into_iter().map(|seen| seen.0).collect();
        let first = spans.first().map_or("", String::as_str);
        assert_eq!(first, span, "{text:?}: {spans:?}");
    }
}

#[test]
fn what_is_drawn_with_signs_is_found_as_it_looks() {
    let list = list("8==D\n_l_\n(╯°□°)\n:-((");
    for (text, span) in [
        ("so 8=====D there", "8=====D"),
        ("8=D", ""),
        ("18==D", ""),
        ("well _i_ then", "_i_"),
        ("_|_", "_|_"),
        ("a_l_b", ""),
        ("(╯°□°)╯", "(╯°□°)"),
        ("sad :-(((", ":-((("),
        ("sad :-(", ""),
    ] {
        let spans: Vec<String> = found(&list, text).into_iter().map(|seen| seen.0).collect();
        let first = spans.first().map_or("", String::as_str);
        assert_eq!(first, span, "{text:?}: {spans:?}");
    }
}

/// Each text, and the first place in it where the list is met.
fn first_places(list: &WordList, table: &[(&str, &str)]) {
    for (text, span) in table {
        let spans: Vec<String> = found(list, text).into_iter().map(|seen| seen.0).collect();
        let first = spans.first().map_or("", String::as_str);
        assert_eq!(first, *span, "{text:?}: {spans:?}");
    }
}

#[test]
fn an_apostrophe_ends_a_word_that_what_follows_does_not_belong_to() {
    first_places(
        &list("shell\nwere\nill\nkettles\nhadnt\nit's ours\nglass"),
        &[
            ("she'll shell peas", "shell"),
            ("she'll come and we're late, I'll wait", ""),
            ("we’re late", ""),
            ("the kettle's lid", ""),
            ("the kettles's lids", "kettles"),
            ("he hadn't", "hadn't"),
            ("it's ours", "it's ours"),
            ("this glass's rim", "glass"),
            ("s'hell", "s'hell"),
        ],
    );
}

#[test]
fn what_is_only_near_an_ordinary_word_is_let_alone() {
    first_places(
        &list("affect\nasses\nskin\nmanual\nten\nerrors\nmodes\nandre\nchopin\npop\nbooze"),
        &[
            ("skinny jeans", ""),
            ("skinned knees", "skinn"),
            ("done manually", ""),
            ("press Alt+Enter", ""),
            ("an error (none yet)", ""),
            ("the mode [ok]", ""),
            ("black and red", ""),
            ("a chop in half", "chop in"),
            ("a poop emoji", ""),
            ("poooop", "poooop"),
            ("bo*ze", "bo*ze"),
            ("the bo* ze", ""),
            ("bo**e", ""),
            ("it's affection", ""),
            ("caresses and assessing", ""),
            ("a skeletonic manualist", ""),
        ],
    );
}

#[test]
fn a_word_that_is_none_is_seen_as_it_sounds_for_a_person_to_judge() {
    let list = list("zuckle\nfribber\nwarm\nmoccadd");
    for (text, span) in [
        ("such a zukle", "zukle"),
        ("zuckling", "zuckling"),
        ("zukled again", "zukle"),
        ("phribbers", "phribber"),
        ("you frbber", "frbber"),
        ("a friber", "friber"),
        ("fribbahs", "fribba"),
        ("teafriber", "friber"),
        ("mccdd", "mccdd"),
        ("Zukle is a name", ""),
        ("wrm tea", ""),
        ("zuk le", ""),
    ] {
        let seen = found(&list, text);
        let first = seen.first().map_or("", |seen| seen.0.as_str());
        assert_eq!(first, span, "{text:?}: {seen:?}");
        let by_ear = !span.is_empty() && !text.contains("zuckl");
        if by_ear {
            assert_eq!(seen[0].1, Certainty::Likely, "{text:?}");
        }
    }
}

#[test]
fn hidden_letters_are_guessed_and_signs_between_all_letters_hide_none() {
    first_places(
        &list("zuckle\nballoon\nshort\nfree crypto\nass"),
        &[
            ("zu*kle", "zu*kle"),
            ("zu* kle", "zu* kle"),
            ("you z**kle", "z**kle"),
            ("z**kles", "z**kles"),
            ("bal*oon", "bal*oon"),
            ("bal*oons", "bal*oons"),
            ("s**rt", ""),
            ("s+h+o+r+t", "s+h+o+r+t"),
            ("s|h|o|r|t", "s|h|o|r|t"),
            ("f r e e crypto", "f r e e crypto"),
            ("free c r y p t o", "free c r y p t o"),
            ("fr ee crypto", ""),
            ("you 4ss", "4ss"),
            ("a 45s single", ""),
            ("s    h    o    r    t", "s    h    o    r    t"),
            ("xxshortxx", "short"),
            ("shortx or xshort", ""),
            ("sh0rtage", "sh0rt"),
            ("a shortage", ""),
            ("dumbbells and donkeyasses", "ass"),
        ],
    );
}

#[test]
fn most_of_a_word_may_be_stars() {
    let list = list("zuckle\nfribber\nshort");
    let text = "a z*****, F******, zu***es and zuck**s";
    let seen = found(&list, text);
    let words = ["z*****", "F******", "zu***es", "zuck**s"];
    assert_eq!(seen, words.map(|word| (word.to_owned(), Certainty::Likely)));
    first_places(
        &list,
        &[
            ("s****", ""),
            ("zu***k", ""),
            ("**z*****", ""),
            ("z****", ""),
            ("*****", ""),
            ("z*****9", ""),
            ("z**2 and **zu**", ""),
            ("茶z*****茶", ""),
        ],
    );
}
