//! What topics promise: near lines are found in other words, lines that only share words are left alone.

use super::*;

fn described() -> Vec<Topic> {
    let betting = Topic::compile(
        "betting",
        "Gambling: betting tips, odds, casinos, lotteries, poker for money; 赌博、博彩、赌球、彩票、赔率",
        &[
            "which team should I bet on tonight",
            "今晚买哪队能赢钱",
            "best online casino bonus",
            "how do I win at slot machines",
            "下注押哪边",
            "how to win back money I lost gambling",
            "足彩怎么买，双色球选号",
        ],
    );
    let medical = Topic::compile(
        "medical advice",
        "Medical advice: symptoms, diagnosis, drugs, doses, treatment; 看病、吃药、症状、诊断、治疗、药物",
        &[
            "what pills should I take for a headache and fever",
            "is this rash dangerous, what disease is it",
            "发烧咳嗽吃什么药",
            "肚子疼是什么病，怎么治",
            "can I take antibiotics for a sore throat",
            "血压高要不要吃药，去医院检查吗",
            "my chest hurts, is it my heart",
        ],
    );
    let crypto = Topic::compile(
        "crypto trading",
        "Cryptocurrency trading: bitcoin, ethereum, coins, tokens, leverage, price predictions; 炒币、比特币、以太坊、虚拟货币、合约、杠杆",
        &[
            "should I buy bitcoin now",
            "which crypto coin will go up",
            "比特币会涨吗",
            "买哪个币能赚钱",
            "how do I trade futures on a crypto exchange",
            "sell or hold my ethereum",
            "币圈交易所怎么开合约",
        ],
    );
    let leaks = Topic::compile(
        "exam leaks",
        "Leaked exams: stolen test papers, answers before the exam, cheating, someone else sitting it; 考试泄题、作弊、替考、考前答案、真题答案",
        &[
            "does anyone have the leaked exam questions",
            "sell me the answers of tomorrow's test",
            "谁有明天考试的答案",
            "四六级考前答案出售",
            "高考泄题群",
            "how can I cheat in the IELTS exam",
            "找人替考雅思托福",
        ],
    );
    vec![betting, medical, crypto, leaks]
}

type Row = (&'static str, bool, &'static str);

fn lines(table: &'static str) -> impl Iterator<Item = Row> {
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let mut parts = line.splitn(3, '\t');
        let mut part = || parts.next().expect("three parts a line");
        (part(), part() == "+", part())
    })
}

/// Of the lines about their topic so many are found; of the others, so many by mistake.
fn measure(topics: &[Topic], table: &'static str) -> ([usize; 4], Vec<String>) {
    let [mut near, mut found, mut other, mut wrong] = [0; 4];
    let mut faults = Vec::new();
    for (name, is_near, text) in lines(table) {
        let topic = topics.iter().find(|topic| topic.name() == name).unwrap();
        let hit = topic.find(text).is_some();
        if is_near {
            near += 1;
            found += usize::from(hit);
        } else {
            other += 1;
            wrong += usize::from(hit);
        }
        if hit != is_near {
            faults.push(format!("{is_near} {:.2} {text}", topic.score(text)));
        }
    }
    ([near, found, other, wrong], faults)
}

#[test]
fn other_words_for_a_topic_are_found_and_shared_words_mostly_are_not() {
    let ([near, found, other, wrong], faults) = measure(&described(), include_str!("held_out.tsv"));
    assert_eq!((near, other), (80, 200));
    assert!(found * 10 >= near * 7, "{found} of {near}: {faults:#?}");
    assert!(wrong * 7 <= other, "{wrong} of {other}: {faults:#?}");
}

#[test]
fn topics_that_nobody_tuned_for_are_found_too() {
    let weight = Topic::compile(
        "weight loss",
        "Weight loss: diets, slimming pills, losing fat, calories; 减肥、瘦身、节食、减肥药、燃脂",
        &[
            "how do I lose weight fast",
            "what diet burns fat",
            "减肥吃什么好",
            "怎么瘦得快",
            "do slimming pills work",
        ],
    );
    let jobs = Topic::compile(
        "job offers",
        "Job offers: hiring, part-time work, recruiting, salary, earning money at home; 招聘、兼职、招人、工资日结、内推",
        &[
            "we are hiring, send your resume",
            "part-time job, paid daily",
            "招兼职，日结",
            "公司招人，工资高",
            "earn money from home with no experience",
        ],
    );
    let ([near, found, other, wrong], faults) = measure(&[weight, jobs], include_str!("fresh.tsv"));
    assert_eq!((near, other), (28, 28));
    assert!(found * 20 >= near * 11, "{found} of {near}: {faults:#?}");
    assert!(wrong * 7 <= other, "{wrong} of {other}: {faults:#?}");
}

fn check(text: &str, topic: Option<&str>) {
    let topics = described();
    let mut near: Vec<&Topic> = topics
        .iter()
        .filter(|topic| topic.find(text).is_some())
        .collect();
    near.sort_by(|a, b| b.score(text).total_cmp(&a.score(text)));
    assert_eq!(near.first().map(|topic| topic.name()), topic, "{text}");
}

#[test]
fn an_example_is_near_its_own_topic() {
    check("which team should I bet on tonight", Some("betting"));
    check("Best ONLINE casino bonus!!", Some("betting"));
    check("今晚买哪队能赢钱", Some("betting"));
    check("will bitcoin and ethereum go up", Some("crypto trading"));
    check("", None);
    check("good morning everyone, how are you today?", None);
    check("大家早上好，今天吃什么", None);
}

#[test]
fn a_sentence_in_a_long_answer_is_found_where_it_stands() {
    let topic = &described()[0];
    let plain = "Tea is grown on hills. Its leaves are picked by hand. ".repeat(40);
    assert!(topic.find(&plain).is_none());
    let long = format!("{plain}The casino pays a bonus on each lottery ticket. {plain}");
    let hit = topic.find(&long).unwrap();
    assert_eq!(&long[hit.span], "casino pays a bonus on each lottery");
    assert_eq!(hit.entry.as_deref(), Some("betting"));
    // A hundred thousand characters without an end are one look.
    assert!(topic.find(&"tea ".repeat(25_000)).is_none());
    assert!(topic.find(&"茶".repeat(100_000)).is_none());
}

#[test]
fn a_topic_of_everyday_words_only_finds_nothing() {
    let empty: [&str; 0] = [];
    for topic in [
        Topic::compile("", "", &empty),
        Topic::compile("it", "what is this and that", &["how are you", "你好吗"]),
    ] {
        for text in ["how are you", "what is it", "你好吗", "casino", ""] {
            assert!(topic.find(text).is_none(), "{text}");
            assert!(topic.score(text) < NEAR, "{text}");
        }
    }
}
