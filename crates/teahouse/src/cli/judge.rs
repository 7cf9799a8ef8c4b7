//! `teahouse judge`: a charter's rules over lines of text, one object a line in, one out, in the same order. It reads
//! the charter and its lists and nothing else; the same lines always get the same verdicts.

mod shapes;

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use anyhow::Context;
use clap::{Args, ValueEnum};
use teahouse_core::rules::climb::{Climbs, Said, Who};
use teahouse_core::rules::judge::{Line, Seen, Voice};
use teahouse_core::rules::{self, Side, language, level, links};
use teahouse_core::{Heard, Language, Mode, Quoted, Replies, calls};

use super::config_errors;
use crate::config::{self, Ruled};
use crate::logs;
use shapes::{In, Out};

/// Lines that travel together from reader to judge to writer.
const BATCH: usize = 512;
/// Batches on their way at once, for each judge.
const AHEAD: usize = 12;
/// Rooms whose latest lines are remembered.
const ROOMS: usize = 1_000;
/// Names of which each judge knows that no rule minds them.
const NAMES: usize = 4_096;
/// Names longer than so many bytes are looked at again.
const LONGEST_NAME: usize = 256;
/// So many bytes are written at once, and the rest of a line.
const WRITTEN: usize = 1 << 17;
/// The longest line that is read: a longer one is an error, and the next one is read as usual.
const LONGEST: usize = 4 << 20;

#[derive(Args)]
pub(super) struct Judge {
    /// The charter; its lists lie beside it
    #[arg(long, value_name = "FILE")]
    charter: PathBuf,
    /// Whose words they are
    #[arg(long, value_enum, default_value = "member")]
    side: WhoseWords,
    /// Tell with each line how its verdict came about
    #[arg(long)]
    explain: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum WhoseWords {
    /// What members say in the room
    Member,
    /// What is asked, before a provider sees it
    Question,
    /// What the house is about to say
    Answer,
}

impl WhoseWords {
    fn side(self) -> Side {
        match self {
            WhoseWords::Member => Side::Member,
            WhoseWords::Question => Side::Question,
            WhoseWords::Answer => Side::Answer,
        }
    }
}

/// A line that was looked at; what needs the lines before it is still to be done.
struct Looked {
    line: In,
    seen: Seen,
    out: Out,
}

/// Lines as they were read, one after the other.
struct Raw {
    /// The number of the first one.
    first: usize,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Raw {
    /// `bytes` or so will be there.
    fn starting_at(first: usize, bytes: usize) -> Raw {
        Raw {
            first,
            bytes: Vec::with_capacity(bytes),
            ends: Vec::with_capacity(BATCH),
        }
    }

    fn next_number(&self) -> usize {
        self.first + self.ends.len()
    }

    /// Each line with its number.
    fn lines(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let spans = starts.zip(&self.ends);
        (self.first..).zip(spans.map(|(start, end)| &self.bytes[start..*end]))
    }
}

/// The same, looked at; of what cannot be judged the answer is ready.
type Done = Vec<Result<Looked, Box<Out>>>;

impl Judge {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let ruled = std::thread::scope(|threads| {
            threads.spawn(rules::ready);
            config::load_ruled(&self.charter, Language::English)
        })
        .map_err(|errors| config_errors(&errors))?;
        for warning in &ruled.warnings {
            logs::tell(&format!("look at this: {warning}"));
        }
        let judges = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(8));
        let desk = Desk {
            ruled: &ruled,
            side: self.side.side(),
            explain: self.explain,
        };
        std::thread::scope(|threads| {
            let mut to_judges = Vec::new();
            let mut from_judges = Vec::new();
            for _ in 0..judges {
                let (lines, work) = sync_channel::<Raw>(AHEAD);
                let (done, looked) = sync_channel(AHEAD);
                let (back, spent) = channel();
                threads.spawn(move || desk.look_at_all(&work, &done, &spent));
                to_judges.push(lines);
                from_judges.push((looked, back));
            }
            let reader = threads.spawn(move || read_all(&to_judges));
            let written = desk.write_all(&from_judges);
            // A reader that waits for a judge is let go of: nobody takes its lines any more.
            drop(from_judges);
            let read = reader
                .join()
                .unwrap_or_else(|_| Err(anyhow::anyhow!("the reader broke off")));
            written.and(read)
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Reads lines and deals them out, a batch to each judge in turn.
fn read_all(judges: &[SyncSender<Raw>]) -> anyhow::Result<()> {
    let mut input = BufReader::with_capacity(1 << 20, std::io::stdin().lock());
    let mut turn = 0;
    let mut batch = Raw::starting_at(1, 0);
    loop {
        let read = input
            .read_until(b'\n', &mut batch.bytes)
            .context("cannot read standard input")?;
        let is_end = read == 0;
        if !is_end {
            batch.ends.push(batch.bytes.len());
        }
        if batch.ends.len() >= BATCH || (is_end && !batch.ends.is_empty()) {
            let like_this_one = batch.bytes.len().min(LONGEST) * 5 / 4;
            let next = Raw::starting_at(batch.next_number(), like_this_one);
            let full = std::mem::replace(&mut batch, next);
            // The writer has gone: nobody reads any further.
            if judges[turn % judges.len()].send(full).is_err() {
                return Ok(());
            }
            turn += 1;
        }
        if is_end {
            return Ok(());
        }
    }
}

/// Where lines are judged.
#[derive(Clone, Copy)]
struct Desk<'r> {
    ruled: &'r Ruled,
    side: Side,
    explain: bool,
}

/// What the lines before have left.
#[derive(Default)]
struct Memory {
    climbs: Climbs,
    rooms: Rooms,
}

/// The rooms that somebody has spoken in.
#[derive(Default)]
struct Rooms {
    rooms: HashMap<String, Room>,
    /// How many lines there were.
    lines: u64,
}

/// What was said in one room.
#[derive(Default)]
struct Room {
    replies: Replies,
    /// The number of its latest line.
    latest: u64,
}

impl Desk<'_> {
    /// What was written comes back: memory is given up most cheaply where it was taken.
    fn look_at_all(&self, work: &Receiver<Raw>, done: &SyncSender<Done>, spent: &Receiver<Done>) {
        let mut names = HashSet::new();
        while let Ok(batch) = work.recv() {
            spent.try_iter().for_each(drop);
            let looked = batch
                .lines()
                .map(|(number, line)| self.look(number, line, &mut names))
                .collect();
            if done.send(looked).is_err() {
                return;
            }
        }
    }

    /// All that one line tells by itself. Who says it is mostly known already.
    fn look(
        &self,
        number: usize,
        line: &[u8],
        names: &mut HashSet<String>,
    ) -> Result<Looked, Box<Out>> {
        if line.len() > LONGEST {
            let why = format!("the line has {} bytes, {LONGEST} are read", line.len());
            return Err(Box::new(Out::error(why, number)));
        }
        let mut line = In::read(line).map_err(|why| Box::new(Out::error(why, number)))?;
        let id = std::mem::take(&mut line.id);
        let text = line.text.as_str();
        let name = line.member.as_ref().map(|member| member.name.as_str());
        let beside = name.filter(|name| self.may_mind(name, names));
        let charter = &self.ruled.charter;
        let (mut seen, rewritten, judgement) = match self.side {
            Side::Answer => {
                let judged = self.ruled.rules.judge_answer(Voice::Model, "", text, &[]);
                (Seen::default(), judged.rewritten, Some(judged.judgement))
            }
            Side::Question => {
                let seen =
                    self.with_line(&line, beside, |line| self.ruled.rules.look(self.side, line));
                (seen, self.ruled.rules.masked(text), None)
            }
            Side::Member => {
                let seen =
                    self.with_line(&line, beside, |line| self.ruled.rules.look(self.side, line));
                (seen, None, None)
            }
        };
        let wants_level = charter
            .levels
            .as_ref()
            .is_some_and(|rule| rule.mode != Mode::Off);
        let found = match seen.links.take() {
            Some(found) => found,
            None => links::find(text),
        };
        let language = seen.language.unwrap_or_else(|| language::identify(text));
        let mut out = Out {
            id,
            language: language.as_str(),
            level: wants_level
                .then(|| level::level_of(text, language))
                .flatten(),
            addressed: calls(text, charter.trigger.as_slice()),
            links: found,
            rewritten,
            ..Out::default()
        };
        if let Some(judgement) = judgement {
            out.judged(judgement);
        }
        Ok(Looked { line, seen, out })
    }

    /// Whether a rule may mind a name.
    fn may_mind(&self, name: &str, names: &mut HashSet<String>) -> bool {
        if names.contains(name) {
            return false;
        }
        let harmless = self.ruled.rules.minds_nothing_beside(name);
        if harmless && name.len() <= LONGEST_NAME {
            if names.len() >= NAMES {
                names.clear();
            }
            names.insert(name.to_owned());
        }
        !harmless
    }

    fn with_line<T>(
        &self,
        line: &In,
        beside: Option<&str>,
        look: impl FnOnce(&Line<'_>) -> T,
    ) -> T {
        let member = line.member.as_ref();
        let joined = member.and_then(|member| member.joined);
        look(&Line {
            text: &line.text,
            quote: line.quote.as_ref().map(|quote| quote.text.as_str()),
            beside: beside.as_slice(),
            member: member.map(|member| &member.id),
            role: member.and_then(|member| member.role),
            is_newcomer: line
                .time
                .is_some_and(|now| self.ruled.charter.is_newcomer(joined, now)),
            fetched: &[],
        })
    }

    /// Takes the judges' batches in turn, does what needs the lines before, and writes.
    fn write_all(&self, judges: &[(Receiver<Done>, Sender<Done>)]) -> anyhow::Result<()> {
        let mut output = std::io::stdout().lock();
        let mut lines = Vec::with_capacity(2 * WRITTEN);
        let mut memory = Memory::default();
        for (judge, back) in judges.iter().cycle() {
            let Ok(mut batch) = judge.recv() else { break };
            for looked in &mut batch {
                let out = match looked {
                    Ok(looked) => self.finish(looked, &mut memory),
                    Err(out) => out,
                };
                serde_json::to_writer(&mut lines, out).context("cannot write")?;
                lines.push(b'\n');
                if lines.len() >= WRITTEN {
                    if !write(&mut output, &lines)? {
                        return Ok(());
                    }
                    lines.clear();
                }
            }
            // A judge that has ended takes nothing back.
            let _ = back.send(batch);
        }
        write(&mut output, &lines)?;
        Ok(())
    }

    /// Does what needs the lines before.
    fn finish<'l>(&self, looked: &'l mut Looked, memory: &mut Memory) -> &'l Out {
        let Looked { line, seen, out } = looked;
        let said = line.said();
        if self.side != Side::Answer {
            let seen = std::mem::take(seen);
            let judgement = self.with_line(line, None, |about| {
                let who = said.map(|(room, member, at)| (Who::of(room, member), Said::at(at)));
                self.ruled.rules.fold(seen, about, who, &mut memory.climbs)
            });
            out.judged(judgement);
        }
        if let Some((room, member, at)) = said {
            out.answers_to = memory.rooms.enter(room).replies.hear(Heard {
                id: out.id.clone(),
                member: member.to_owned(),
                name: line
                    .member
                    .as_ref()
                    .map(|member| member.name.clone())
                    .unwrap_or_default(),
                text: line.text.clone(),
                at: Some(at),
                mentions: vec![],
                quotes: line.quote.as_ref().map(|quote| Quoted {
                    id: String::new(),
                    text: quote.text.clone(),
                    member: quote.member.clone(),
                }),
            });
        }
        if self.explain {
            out.explain(&self.ruled.charter);
        }
        out
    }
}

impl Rooms {
    /// The room with this name; where there are too many, the one that was silent longest is forgotten.
    fn enter(&mut self, name: &str) -> &mut Room {
        self.lines += 1;
        if !self.rooms.contains_key(name) {
            if self.rooms.len() >= ROOMS {
                let oldest = self.rooms.iter().min_by_key(|(_, room)| room.latest);
                if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                    self.rooms.remove(&oldest);
                }
            }
            self.rooms.insert(name.to_owned(), Room::default());
        }
        let room = self.rooms.get_mut(name).expect("it was put there");
        room.latest = self.lines;
        room
    }
}

/// Whether anybody still reads; whoever has seen enough goes.
fn write(output: &mut impl Write, lines: &[u8]) -> anyhow::Result<bool> {
    match output.write_all(lines).and_then(|()| output.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        done => done.map(|()| true).context("cannot write"),
    }
}
