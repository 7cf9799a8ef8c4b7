//! How fast the words rule looks through recorded lines on one core, with a made list of 100,000 entries: seven in ten
//! of two to four characters, the others in letters.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use teahouse_core::rules::words::WordList;

use crate::evals::rows;
use crate::talk::Seed;

const ENTRIES: usize = 100_000;
const ROUNDS: usize = 20;

/// Ordinary talk, in both languages.
const TALK: [&str; 3] = [
    "j-groupchat/irc-dev",
    "a-langid/lingua-zh-en",
    "c-safety/cold-dev-sample",
];

/// All its lines.
pub fn talk(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    for file in TALK {
        let rows = rows(&folder.join(format!("{file}.jsonl")))?;
        let texts = rows.iter().filter_map(|row| row["text"].as_str());
        lines.extend(texts.map(str::to_owned));
    }
    Ok(lines)
}

pub fn run(folder: &Path, seed: u64) -> anyhow::Result<()> {
    let entries = entries(&mut Seed(seed));
    // The tables of the rule are read once a process, not once a list.
    WordList::compile("茶馆", "")?.find("去茶绾🍵女马 tea");
    let began = seconds_run()?;
    let list = WordList::compile(&entries, "").context("the made list cannot be used")?;
    let mut out = std::io::stdout();
    writeln!(
        out,
        "{ENTRIES} entries compiled in {} ms",
        ((seconds_run()? - began) * 1000.0).round()
    )?;
    let (mut all, mut took) = (0, 0.0);
    for file in TALK {
        let rows = rows(&folder.join(format!("{file}.jsonl")))?;
        let lines: Vec<&str> = rows.iter().filter_map(|row| row["text"].as_str()).collect();
        let began = seconds_run()?;
        let mut hits = 0;
        for _ in 0..ROUNDS {
            hits += lines
                .iter()
                .map(|line| list.find(line).len())
                .sum::<usize>();
        }
        let seconds = seconds_run()? - began;
        let count = lines.len() * ROUNDS;
        writeln!(
            out,
            "{file}: {:.0} lines a second, {hits} hits in {count} lines",
            count as f64 / seconds
        )?;
        (all, took) = (all + count, took + seconds);
    }
    writeln!(
        out,
        "all: {:.0} lines a second on one core",
        all as f64 / took
    )?;
    Ok(())
}

/// How long this thread has run: other programs on the machine do not count.
fn seconds_run() -> anyhow::Result<f64> {
    let path = "/proc/thread-self/schedstat";
    let told = std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    let nanos = told.split(' ').next().unwrap_or_default();
    let nanos: f64 = nanos
        .parse()
        .with_context(|| format!("no time in {path}: {told:?}"))?;
    Ok(nanos / 1e9)
}

/// The made list: mostly of three and four characters, and of six letters or more, so that ordinary lines meet an entry
/// as rarely as they meet a real list's: one to three in a hundred, most of them by sound.
pub fn entries(seed: &mut Seed) -> String {
    let mut list = String::new();
    for n in 0..ENTRIES {
        let han = n % 10 < 7;
        let length = match (han, seed.below(40)) {
            (true, 0) => 2,
            (true, 1..14) => 3,
            (true, _) => 4,
            (false, _) => 6 + seed.below(7),
        };
        for _ in 0..length {
            let (first, of) = if han { (0x4e00, 5_000) } else { (0x61, 26) };
            let code = u32::try_from(first + seed.below(of)).unwrap_or(first as u32);
            list.push(char::from_u32(code).unwrap_or('茶'));
        }
        list.push('\n');
    }
    list
}
