//! (m) Private data: e-mail addresses, cards and papers in invented letters, and mainland phone numbers among others.

use std::path::Path;

use teahouse_core::rules::privacy::find;

use super::figures::{Bar, Figure};
use super::rows;

/// Types of the data set that a kind of ours stands for. Licences are numbers of papers, accounts numbers of banks.
const KINDS: [(&str, &str); 5] = [
    ("EMAIL_ADDRESS", "email"),
    ("CREDIT_CARD", "bank-card"),
    ("IBAN_CODE", "bank-card"),
    ("US_SSN", "id-card"),
    ("US_DRIVER_LICENSE", "id-card"),
];

pub fn figures(folder: &Path) -> anyhow::Result<Vec<Figure>> {
    let (mut right, mut found, mut wanted) = (0, 0, 0);
    for row in rows(&folder.join("m-pii/presidio-synth-sample.jsonl"))? {
        let text = row["text"].as_str().unwrap_or_default();
        let mut labels = Vec::new();
        for label in row["label"].as_array().into_iter().flatten() {
            let kind = KINDS.iter().find(|(name, _)| label[0] == *name);
            if let (Some((_, kind)), Some(start), Some(end)) =
                (kind, label[1].as_u64(), label[2].as_u64())
            {
                labels.push((*kind, byte_of(text, start), byte_of(text, end)));
            }
        }
        let hits: Vec<_> = find(text)
            .into_iter()
            .filter(|hit| hit.kind != "phone")
            .map(|hit| (hit.kind, hit.span.start, hit.span.end))
            .collect();
        let both = labels.iter().filter(|label| hits.contains(label)).count();
        right += both;
        found += hits.len();
        wanted += labels.len();
        if std::env::var_os("EVALS_SHOW").is_some() && (both < hits.len() || both < labels.len()) {
            eprintln!("{text:?} :: {labels:?} :: {hits:?}");
        }
    }
    let (phones_right, phones_found, phones_wanted) = phones();
    let bar = Bar::AtLeast(0.97);
    let phone_bar = Bar::AtLeast(0.95);
    Ok(vec![
        Figure::new(
            'm',
            "e-mail, card and ID spans: precision",
            right,
            found,
            bar,
        ),
        Figure::new('m', "e-mail, card and ID spans: recall", right, wanted, bar),
        Figure::new(
            'm',
            "mainland phones among other numbers (made): precision",
            phones_right,
            phones_found,
            phone_bar,
        ),
        Figure::new(
            'm',
            "mainland phones among other numbers (made): recall",
            phones_right,
            phones_wanted,
            phone_bar,
        ),
    ])
}

/// The data set counts characters.
fn byte_of(text: &str, characters: u64) -> usize {
    let nth = usize::try_from(characters).unwrap_or(usize::MAX);
    text.char_indices()
        .nth(nth)
        .map_or(text.len(), |(at, _)| at)
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }

    fn digits(&mut self, count: usize) -> String {
        (0..count)
            .map(|_| char::from(b'0' + self.below(10) as u8))
            .collect()
    }
}

/// Right, found, wanted over lines with one phone number or another number.
fn phones() -> (usize, usize, usize) {
    let mut dice = Dice(83);
    let (mut right, mut found, mut wanted) = (0, 0, 0);
    for n in 0..6_000 {
        let (line, phone) = if n % 2 == 0 {
            with_phone(&mut dice)
        } else {
            (with_number(&mut dice), String::new())
        };
        wanted += usize::from(!phone.is_empty());
        for hit in find(&line).into_iter().filter(|hit| hit.kind == "phone") {
            found += 1;
            let same = !phone.is_empty() && line[hit.span.clone()].contains(phone.as_str());
            right += usize::from(same);
            if !same && std::env::var_os("EVALS_SHOW").is_some() {
                eprintln!("not a phone: {line} :: {}", &line[hit.span]);
            }
        }
        if std::env::var_os("EVALS_SHOW").is_some()
            && !phone.is_empty()
            && !find(&line).iter().any(|hit| hit.kind == "phone")
        {
            eprintln!("missed: {line}");
        }
    }
    (right, found, wanted)
}

const HAN: [&str; 10] = ["零", "一", "二", "三", "四", "五", "六", "七", "八", "九"];

fn with_phone(dice: &mut Dice) -> (String, String) {
    let head = dice.one(&["13", "15", "17", "18", "19", "14", "16"]);
    let number = format!("{head}{}", dice.digits(9));
    let (a, b, c) = (&number[..3], &number[3..7], &number[7..]);
    let each = |with: &dyn Fn(char) -> String| number.chars().map(with).collect::<String>();
    let digit = |c: char| (c as u8 - b'0') as usize;
    let shown = match dice.below(14) {
        0..=3 => number.clone(),
        4 => format!("{a}-{b}-{c}"),
        5 => format!("{a} {b} {c}"),
        6 => each(&|c| {
            char::from_u32(0xff10 + digit(c) as u32)
                .unwrap_or(c)
                .to_string()
        }),
        7 => each(&|c| HAN[digit(c)].to_owned()),
        8 => each(&|c| format!("{c} ")).trim_end().to_owned(),
        9 => format!("+86 {number}"),
        10 => format!("86-{number}"),
        11 => format!(
            "{a}{}",
            format_args!(
                "{}{c}",
                b.chars().map(|c| HAN[digit(c)]).collect::<String>()
            )
        ),
        12 => format!("{}-{}", &number[..3], &number[3..]),
        _ => each(&|c| format!("{c}\u{200b}"))
            .trim_end_matches('\u{200b}')
            .to_owned(),
    };
    let line = match dice.below(12) {
        0 => format!("我的手机号是{shown}，有事打我"),
        1 => format!("call me at {shown} tonight"),
        2 => shown.clone(),
        3 => format!("电话{shown}"),
        4 => format!("联系人王老师 {shown}"),
        5 => format!("{shown}（微信同号）"),
        6 => format!("my number is {shown}."),
        7 => format!("明天9:30 {shown} 小李"),
        8 => format!("小王：{shown}；地址：茶馆3楼"),
        9 => format!("text {shown} if you are late"),
        10 => format!("取件找张姐{shown}"),
        _ => format!("收件人：李明 {shown} 杭州市文三路{}号", dice.digits(3)),
    };
    (line, shown)
}

fn with_number(dice: &mut Dice) -> String {
    let few = 5 + dice.below(7) as usize;
    let qq = format!("{}{}", 1 + dice.below(9), dice.digits(few - 1));
    match dice.below(20) {
        0 => format!("我的QQ{qq}"),
        1 => format!("QQ：{qq}，加我"),
        2 => format!("订单号{}", dice.digits(12)),
        3 => format!("订单编号 1{}", dice.digits(10)),
        4 => format!("order no. {} has shipped", dice.digits(10)),
        5 => format!("it costs {}.{} yuan", dice.digits(4), dice.digits(2)),
        6 => format!("¥{},{}", dice.digits(3), dice.digits(3)),
        7 => format!(
            "20{}-{:02}-{:02} {:02}:{:02}:{:02}",
            10 + dice.below(17),
            1 + dice.below(12),
            1 + dice.below(28),
            dice.below(24),
            dice.below(60),
            dice.below(60)
        ),
        8 => format!("timestamp 17{}", dice.digits(8)),
        9 => format!("17{}", dice.digits(11)),
        10 => format!(
            "{}.{}.{}.{}",
            1 + dice.below(255),
            dice.below(256),
            dice.below(256),
            dice.below(256)
        ),
        11 => format!(
            "version {}.{}.{}",
            dice.below(20),
            dice.below(20),
            dice.digits(4)
        ),
        12 => format!("快递单号 SF{}", dice.digits(13)),
        13 => format!("快递 YT{}", dice.digits(13)),
        14 => format!("群号 {}", dice.digits(9)),
        15 => format!("播放量{}次", dice.digits(11)),
        16 => format!(
            "会议号 {} {} {}",
            dice.digits(3),
            dice.digits(3),
            dice.digits(3)
        ),
        17 => format!("学号2023{}", dice.digits(8)),
        18 => format!("准考证号 {}", dice.digits(15)),
        _ => format!(
            "ISBN 978-7-{}-{}-{}",
            dice.digits(3),
            dice.digits(5),
            dice.digits(1)
        ),
    }
}
