//! (b) Links: what others' fixtures say is one, disguises of our own making, and ordinary talk, which holds none.
//! With EVALS_SHOW set, what went wrong is told line by line.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use teahouse_core::rules::links::find;

use super::figures::{Bar, Figure};
use super::rows;

pub fn figures(folder: &Path) -> anyhow::Result<Vec<Figure>> {
    let mut figures = fixtures(folder)?;
    figures.extend(disguises());
    figures.push(talk(folder)?);
    Ok(figures)
}

fn text(row: &Value) -> &str {
    row["text"].as_str().unwrap_or_default()
}

fn label(row: &Value) -> Vec<&str> {
    let items = row["label"].as_array().into_iter().flatten();
    items.filter_map(Value::as_str).collect()
}

/// What somebody registered, of a text that is nothing but a link.
fn registered(link: &str) -> Option<String> {
    let bare = link.split_once("//").map_or(link, |(_, bare)| bare);
    let host = bare.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    let found = find(&format!("http://{host}/"));
    found
        .into_iter()
        .next()
        .map(|link| link.domain)
        .filter(|domain| domain.contains('.'))
}

fn fixtures(folder: &Path) -> anyhow::Result<Vec<Figure>> {
    let (mut right, mut of) = (0, 0);
    let (mut obfuscated, mut plain) = (0, 0);
    for row in rows(&folder.join("b-links/twitter-text-extract.jsonl"))? {
        let is_of_mail = text(&row).contains("name.al") && text(&row).contains('@');
        let is_of_length = text(&row).contains("t.co/abcdefghijklmnop");
        if is_of_mail || is_of_length {
            continue;
        }
        of += 1;
        for link in find(text(&row)) {
            plain += 1;
            obfuscated += usize::from(link.obfuscated);
        }
        // Without an ending that exists nothing is registrable: such rows compare as empty.
        let wanted: BTreeSet<String> = label(&row).into_iter().filter_map(registered).collect();
        let found: BTreeSet<String> = find(text(&row))
            .into_iter()
            .map(|link| link.domain)
            .filter(|domain| registered(domain).is_some() && has_ending(domain))
            .collect();
        right += usize::from(wanted == found);
        tell(wanted == found, &row, &format!("{found:?} for {wanted:?}"));
    }
    let twitter = Figure::new(
        'b',
        "twitter-text extract, rows right",
        right,
        of,
        Bar::AtLeast(0.92),
    );
    let (mut right, mut of) = (0, 0);
    for row in rows(&folder.join("b-links/linkify-it.jsonl"))? {
        of += 1;
        let wanted: Vec<&str> = label(&row)
            .into_iter()
            .filter(|link| !is_mail(link))
            .collect();
        let found = find(text(&row));
        let found: Vec<&str> = found.iter().map(|link| &*link.raw).collect();
        right += usize::from(wanted == found);
        tell(wanted == found, &row, &format!("{found:?} for {wanted:?}"));
    }
    let linkify = Figure::new(
        'b',
        "linkify-it, rows right to the letter",
        right,
        of,
        Bar::AtLeast(0.97),
    );
    let called = Figure::new(
        'b',
        "twitter-text links called disguised",
        obfuscated,
        plain,
        Bar::None,
    );
    Ok(vec![twitter, linkify, called])
}

fn tell(right: bool, row: &Value, why: &str) {
    if !right && std::env::var_os("EVALS_SHOW").is_some() {
        eprintln!("{} :: {why}", row["text"]);
    }
}

/// An ending of letters that two or more have: enough to tell `http://no-tld` from a name.
fn has_ending(domain: &str) -> bool {
    let ending = domain.rsplit('.').next().unwrap_or_default();
    ending.chars().count() > 1 && domain.contains('.')
}

fn is_mail(link: &str) -> bool {
    let bare = link.split_once("://").map(|(_, bare)| bare);
    bare.is_none() && link.contains('@')
}

/// Of numbers that are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

const DOMAINS: [&str; 24] = [
    "example-casino.com",
    "tea-house.cn",
    "luckyspin88.net",
    "freecoins.org",
    "bet365vip.top",
    "xn1688.xyz",
    "goodleaf.io",
    "winbig.vip",
    "kuaiqian.cc",
    "teahouse.com.cn",
    "shopping-day.co.uk",
    "payday.info",
    "redleaf.club",
    "hongbao8.site",
    "airdrop.online",
    "gamebox.shop",
    "mytea.org.cn",
    "quickloan.biz",
    "163yun.com",
    "58tea.com",
    "moviehd.tv",
    "dating4u.me",
    "teacloud.app",
    "brewers.de",
];

const AROUND: [(&str, &str); 10] = [
    ("", ""),
    ("look at ", " now"),
    ("加群看", "领红包"),
    ("点这里 ", "）。"),
    ("免费领取，地址", "，速来"),
    ("my site: ", "!"),
    ("hey, ", " is really good"),
    ("(", ")"),
    ("上", "搜一下"),
    ("“", "”"),
];

fn disguises() -> Vec<Figure> {
    let mut dice = Dice(41);
    let (mut noticed, mut recovered, mut of) = (0, 0, 0);
    let mut by_way = std::collections::BTreeMap::<usize, (usize, usize)>::new();
    for n in 0..4_800 {
        let domain = DOMAINS[n % DOMAINS.len()];
        let way = (n / DOMAINS.len()) % WAYS;
        let (before, after) = AROUND[dice.below(AROUND.len())];
        let (link, expected) = disguise(way, domain, &mut dice);
        let line = format!("{before}{link}{after}");
        let links = find(&line);
        of += 1;
        let seen = !links.is_empty();
        let right = links.iter().any(|link| link.domain == expected);
        noticed += usize::from(seen);
        recovered += usize::from(right);
        let entry = by_way.entry(way).or_default();
        entry.0 += usize::from(right);
        entry.1 += 1;
        if !right && std::env::var_os("EVALS_SHOW").is_some() {
            eprintln!(
                "way {way}: {line} :: {:?}",
                links.iter().map(|l| &l.domain).collect::<Vec<_>>()
            );
        }
    }
    if std::env::var_os("EVALS_SHOW").is_some() {
        eprintln!("{by_way:?}");
    }
    vec![
        Figure::new(
            'b',
            "disguised links noticed (made)",
            noticed,
            of,
            Bar::AtLeast(0.95),
        ),
        Figure::new(
            'b',
            "disguised links, domain recovered (made)",
            recovered,
            of,
            Bar::AtLeast(0.90),
        ),
    ]
}

const WAYS: usize = 25;

/// A disguise by number, and the domain that must come out.
fn disguise(way: usize, domain: &str, dice: &mut Dice) -> (String, String) {
    let dots = |with: &str| domain.replace('.', with);
    let path = dice.one(&["", "/", "/a?b=1", "/vip"]);
    let link = match way {
        0 => format!("hxxp://{domain}{path}"),
        1 => format!("hxxps://{}{path}", dots("[.]")),
        2 => dots("[.]"),
        3 => dots(dice.one(&["(dot)", "[dot]", "{dot}", " (dot) ", "(DOT)"])),
        4 => dots(" dot "),
        5 => dots("。"),
        6 => dots(dice.one(&["点", "點"])),
        7 => dots(" 点 "),
        8 => dots(" . "),
        9 => dots(" ."),
        10 => dots(". "),
        11 => dots(dice.one(&["．", "｡"])),
        12 => domain
            .chars()
            .map(|c| {
                if c.is_ascii_graphic() {
                    char::from_u32(c as u32 + 0xfee0).unwrap_or(c)
                } else {
                    c
                }
            })
            .collect(),
        13 => domain.chars().flat_map(|c| [c, dice_mark(c)]).collect(),
        14 => domain
            .chars()
            .map(|c| c.to_string())
            .collect::<Vec<_>>()
            .join(" "),
        15 => format!("http://www.baidu.com@{domain}{path}"),
        16 => format!("http:\\\\{domain}\\x"),
        17 => dots("【.】"),
        18 => dots("(点)"),
        19 => dots("%2E") + "/x",
        20 => domain
            .chars()
            .map(|c| match c {
                'a'..='z' => char::from_u32(0x1d41a + c as u32 - 'a' as u32).unwrap_or(c),
                c => c,
            })
            .collect(),
        21 => domain
            .chars()
            .map(|c| match c {
                'a'..='z' => char::from_u32(0x24d0 + c as u32 - 'a' as u32).unwrap_or(c),
                c => c,
            })
            .collect(),
        22 => {
            let n = 0x0100_0000 + dice.below(0x7000_0000) as u32;
            let address = std::net::Ipv4Addr::from(n).to_string();
            let shape = match dice.below(2) {
                0 => format!("http://{n}{path}"),
                _ => format!("http://0x{n:x}{path}"),
            };
            return (shape, address);
        }
        23 => domain.to_ascii_uppercase().replace('.', "[.]"),
        _ => domain
            .chars()
            .map(|c| match c {
                '0'..='9' => format!("{c}\u{fe0f}\u{20e3}"),
                '.' => "。".into(),
                c => c.to_string(),
            })
            .collect(),
    };
    (link, domain.to_owned())
}

fn dice_mark(c: char) -> char {
    if (c as u32).is_multiple_of(2) {
        '\u{200b}'
    } else {
        '\u{2060}'
    }
}

fn talk(folder: &Path) -> anyhow::Result<Figure> {
    let (mut found, mut of) = (0, 0);
    for (file, kind) in [
        ("j-groupchat/irc-dev", ""),
        ("j-groupchat/cped-valid", ""),
        ("c-safety/cold-dev-sample", ""),
        ("a-langid/lingua-zh-en", "sentences"),
    ] {
        for row in rows(&folder.join(format!("{file}.jsonl")))? {
            if !kind.is_empty() && row["kind"] != kind || holds_a_link(text(&row)) {
                continue;
            }
            of += 1;
            let links = find(text(&row));
            found += usize::from(!links.is_empty());
            tell(links.is_empty(), &row, &format!("{links:?}"));
        }
    }
    Ok(Figure::new(
        'b',
        "lines of ordinary talk with a link \"found\"",
        found,
        of,
        Bar::AtMost(0.005),
    ))
}

/// Told by what nobody could take for anything else.
fn holds_a_link(line: &str) -> bool {
    let line = line.to_lowercase();
    line.contains("://")
        || line.contains("www.")
        || line
            .split(|c: char| !c.is_ascii_alphanumeric() && !".-".contains(c))
            .any(|word| {
                let word = word.trim_matches('.');
                [".com", ".org", ".net", ".edu", ".gov", ".cn"]
                    .iter()
                    .any(|ending| word.len() > ending.len() && word.ends_with(ending))
            })
}
