//! How fast `teahouse judge` is: the contract's charter with a made list of 100,000 entries over two million recorded
//! lines, loading included, and how long one look at a long text takes. Prints; judges nothing.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use memchr::memmem;
use serde_json::json;
use teahouse_core::rules::judge::{Line, Rules};
use teahouse_core::rules::{Side, level, links};
use teahouse_core::{Language, Trigger, calls};
use tokio::time::Instant;

use crate::talk::Seed;
use crate::words;

const CHARTER: &str = include_str!("../../contract/charter.toml");
const ALLOWED: &str = include_str!("../../contract/words-allow.txt");
const LINES: usize = 2_000_000;
/// Characters of long texts, how many of them are looked at, and how often each.
const LONG: [(usize, usize); 2] = [(4_000, 256), (100_000, 24)];
const ROUNDS: usize = 5;

pub fn run(house: &Path, folder: &Path, seed: u64) -> anyhow::Result<()> {
    let talk = words::talk(folder)?;
    let place = tempfile::tempdir().context("no place for a list and two million lines")?;
    let charter = place.path().join("charter.toml");
    std::fs::write(&charter, CHARTER)?;
    std::fs::write(place.path().join("words-allow.txt"), ALLOWED)?;
    std::fs::write(
        place.path().join("words-spam.txt"),
        words::entries(&mut Seed(seed)),
    )?;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "| input of `teahouse judge` | lines a second | CPU a line, µs | words met, % of lines | memory at most, MiB |\n| --- | --- | --- | --- | --- |"
    )?;
    let few = place.path().join("few.jsonl");
    write_lines(&few, &talk[..1], 1, false)?;
    let loading = judge(house, &charter, &few)?;
    for (name, full) in [("id and text", false), ("with member, room and time", true)] {
        let lines = place.path().join("lines.jsonl");
        write_lines(&lines, &talk, LINES, full)?;
        let judged = judge(house, &charter, &lines)?;
        ensure!(judged.lines == LINES, "{} of {LINES} lines", judged.lines);
        writeln!(
            out,
            "| {LINES} lines, {name} | {:.0} | {:.2} | {:.2} | {:.0} |",
            LINES as f64 / judged.took.as_secs_f64(),
            judged.processor * 1e6 / LINES as f64,
            judged.met as f64 * 100.0 / LINES as f64,
            judged.memory
        )?;
        out.flush()?;
    }
    writeln!(
        out,
        "\none line, loading included: {} ms, {:.0} MiB\n",
        loading.took.as_millis(),
        loading.memory
    )?;
    long(&mut out, &charter, &talk)
}

/// Lines as they come in; in 20 rooms from 500 members, a second apart, where all is told.
fn write_lines(file: &Path, talk: &[String], count: usize, full: bool) -> anyhow::Result<()> {
    let mut out = BufWriter::new(File::create(file)?);
    for (n, text) in talk.iter().cycle().take(count).enumerate() {
        let mut line = json!({ "id": n.to_string(), "text": text });
        if full {
            let time = jiff::Timestamp::from_second(1_790_000_000 + i64::try_from(n)?)?;
            line["member"] = json!({ "id": (n % 500).to_string(), "name": format!("m{}", n % 500), "role": "member", "joined": "2026-01-02T00:00:00Z" });
            line["room"] = json!(format!("qq:{}", n % 20));
            line["time"] = json!(time.to_string());
        }
        serde_json::to_writer(&mut out, &line)?;
        out.write_all(b"\n")?;
    }
    out.flush().context("cannot write the lines")
}

/// What one run showed.
struct Judged {
    lines: usize,
    /// Lines in which the rule `words` found something.
    met: usize,
    took: Duration,
    /// Seconds of processor.
    processor: f64,
    memory: f64,
}

/// One run over a file. The memory is looked at whenever a share of the lines was read.
fn judge(house: &Path, charter: &Path, lines: &Path) -> anyhow::Result<Judged> {
    let before = children()?;
    let began = Instant::now();
    let mut child = Command::new(house)
        .args(["judge", "--charter"])
        .arg(charter)
        .stdin(File::open(lines)?)
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", house.display()))?;
    let status = format!("/proc/{}/status", child.id());
    let mut answers = BufReader::with_capacity(1 << 20, child.stdout.take().context("piped")?);
    let (mut count, mut met, mut memory) = (0, 0, 0.0_f64);
    let mut line = Vec::new();
    // Who counts shares the cores with what is measured.
    let found = memmem::Finder::new(b"\"rule\":\"words\"");
    while answers.read_until(b'\n', &mut line)? > 0 {
        if count % 4096 == 0 {
            memory = memory.max(peak(&status).unwrap_or(0.0));
        }
        count += 1;
        met += usize::from(found.find(&line).is_some());
        line.clear();
    }
    let ended = child.wait()?;
    ensure!(ended.success(), "the judge has ended with {ended}");
    Ok(Judged {
        lines: count,
        met,
        took: began.elapsed(),
        processor: children()? - before,
        memory,
    })
}

/// `VmHWM` in MiB; nothing of a program that has ended.
fn peak(status: &str) -> Option<f64> {
    let status = std::fs::read_to_string(status).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    let kib: u32 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(f64::from(kib) / 1024.0)
}

/// Seconds of processor that ended children took.
fn children() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("cannot read /proc/self/stat")?;
    let after = stat.rsplit(')').next().unwrap_or_default();
    let ticks = |n: usize| -> Option<f64> { after.split_whitespace().nth(n)?.parse().ok() };
    let (user, system) = ticks(13).zip(ticks(14)).context("no times in it")?;
    Ok((user + system) / 100.0)
}

/// One look at long texts, all that a line tells by itself; of each the best round, since other programs disturb.
fn long(out: &mut impl std::io::Write, charter: &Path, talk: &[String]) -> anyhow::Result<()> {
    let ruled = teahouse::config::load_ruled(charter, Language::English)
        .map_err(|errors| anyhow::anyhow!("the charter cannot be read: {errors:?}"))?;
    let trigger = ruled.charter.trigger.as_slice();
    let look = |text: &str| look(&ruled.rules, trigger, text);
    look("the tables are read once: 去茶绾🍵女马 tea");
    writeln!(
        out,
        "| one look | median, ms | p99, ms | most, ms |\n| --- | --- | --- | --- |"
    )?;
    for (length, count) in LONG {
        let texts: Vec<String> = (0..count)
            .map(|n| {
                let lines = talk.iter().cycle().skip(n * 83);
                let chars = lines.flat_map(|line| line.chars().chain([' ']));
                chars.take(length).collect()
            })
            .collect();
        let best = |text: &String| {
            let rounds = (0..ROUNDS).map(|_| {
                let began = Instant::now();
                look(text);
                began.elapsed().as_secs_f64() * 1_000.0
            });
            rounds.fold(f64::MAX, f64::min)
        };
        let mut took: Vec<f64> = texts.iter().map(best).collect();
        took.sort_by(f64::total_cmp);
        let at = |share: usize| took[(took.len() - 1) * share / 100];
        writeln!(
            out,
            "| {length} characters | {:.2} | {:.2} | {:.2} |",
            at(50),
            at(99),
            at(100)
        )?;
    }
    Ok(())
}

fn look(rules: &Rules, trigger: &[Trigger], text: &str) -> usize {
    let line = Line {
        text,
        ..Line::default()
    };
    let seen = rules.look(Side::Member, &line);
    let found = seen.links.is_none().then(|| links::find(text));
    let level = seen.language.and_then(|tag| level::level_of(text, tag));
    seen.findings().len()
        + found.map_or(0, |found| found.len())
        + usize::from(level.is_some())
        + usize::from(calls(text, trigger))
}
