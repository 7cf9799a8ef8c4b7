//! `teahouse judge`: a charter's rules over lines of text, one object a line in, one out, in the same order. It reads
//! the charter and its lists and nothing else; the same lines always get the same verdicts.

mod shapes;
mod turns;
mod written;

use std::collections::{HashMap, HashSet};
use std::io::{Stdin, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};
use foldhash::fast::RandomState;
use teahouse_core::rules::climb::{Climbs, Said, Who};
use teahouse_core::rules::judge::{Line, Seen, Voice};
use teahouse_core::rules::{self, Side, language, level, links};
use teahouse_core::{Heard, Language, Mode, Quoted, Replies, calls};

use super::config_errors;
use crate::config::{self, Ruled};
use crate::logs;
use shapes::{In, Out};
use turns::{Gone, Lines, Raw, Turns};

/// So many lines are judged together, so that they are still at hand when they are written.
const BATCH: usize = 32;
/// Rooms whose latest lines are remembered.
const ROOMS: usize = 1_000;
/// Names of which each judge knows that no rule minds them.
const NAMES: usize = 4_096;
/// Names longer than so many bytes are looked at again.
const LONGEST_NAME: usize = 256;
/// So many bytes are written at once, and the rest of a batch.
const WRITTEN: usize = 1 << 15;
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
struct Looked<'l> {
    line: In<'l>,
    seen: Seen,
    out: Out<'l>,
}

/// Of what cannot be judged the answer is ready.
type Done<'l> = Result<Looked<'l>, Box<Out<'l>>>;

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
            lines: Lines::of(std::io::stdin()),
            memory: Turns::of(Memory::default()),
            output: Turns::of(Vec::with_capacity(2 * WRITTEN)),
        };
        std::thread::scope(|threads| {
            let judges: Vec<_> = (0..judges)
                .map(|_| threads.spawn(|| desk.judge_all()))
                .collect();
            judges.into_iter().try_for_each(|judge| {
                let broke_off = |_| Err(anyhow::anyhow!("a judge broke off"));
                judge.join().unwrap_or_else(broke_off)
            })
        })?;
        write(&desk.output.ended())?;
        desk.lines.ended().context("cannot read standard input")?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Where lines are judged, by several hands.
struct Desk<'r> {
    ruled: &'r Ruled,
    side: Side,
    explain: bool,
    lines: Lines<Stdin>,
    memory: Turns<Memory>,
    /// What is judged and not yet written.
    output: Turns<Vec<u8>>,
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
    rooms: HashMap<String, Room, RandomState>,
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
    /// Takes lines as long as there are any: looks at each, does in turn what needs the lines before, and writes in
    /// turn.
    fn judge_all(&self) -> anyhow::Result<()> {
        let mut gone = Gone(Some(|| {
            self.memory.end();
            self.output.end();
        }));
        let mut names = HashSet::default();
        let (mut raw, mut written) = (Raw::default(), Vec::new());
        let mut place = Vec::with_capacity(BATCH);
        while self.lines.take(BATCH, &mut raw) {
            let mut batch = emptied(place);
            let looked = |(number, line)| self.look(number, line, &mut names);
            batch.extend(raw.lines().map(looked));
            let finish = |memory: &mut Memory| {
                for looked in batch.iter_mut().flatten() {
                    self.finish(looked, memory);
                }
            };
            let Some(()) = self.memory.have(raw.turn, finish) else {
                return Ok(());
            };
            written.clear();
            for done in &batch {
                let out = match done {
                    Ok(looked) => &looked.out,
                    Err(out) => out,
                };
                out.write(&mut written).context("cannot write")?;
            }
            let write = |output: &mut Vec<u8>| {
                output.extend_from_slice(&written);
                if output.len() < WRITTEN && !raw.is_awaited {
                    return Ok(true);
                }
                let is_read = write(output);
                output.clear();
                is_read
            };
            // Whoever has seen enough goes.
            if self.output.have(raw.turn, write).transpose()? != Some(true) {
                return Ok(());
            }
            place = emptied(batch);
        }
        gone.0 = None;
        Ok(())
    }

    /// All that one line tells by itself. Who says it is mostly known already.
    fn look<'l>(
        &self,
        number: usize,
        line: &'l [u8],
        names: &mut HashSet<String, RandomState>,
    ) -> Done<'l> {
        if line.len() > LONGEST {
            let why = format!("the line has {} bytes, {LONGEST} are read", line.len());
            return Err(Box::new(Out::error(why, number)));
        }
        let mut line = In::read(line).map_err(|why| Box::new(Out::error(why, number)))?;
        let id = std::mem::take(&mut line.id);
        let text = &*line.text;
        let name = line.member.as_ref().map(|member| &*member.name);
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
    fn may_mind(&self, name: &str, names: &mut HashSet<String, RandomState>) -> bool {
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
        line: &In<'_>,
        beside: Option<&str>,
        look: impl FnOnce(&Line<'_>) -> T,
    ) -> T {
        let member = line.member.as_ref();
        let joined = member.and_then(|member| member.joined);
        look(&Line {
            text: &line.text,
            quote: line.quote.as_ref().map(|quote| &*quote.text),
            beside: beside.as_slice(),
            member: member.map(|member| &member.id),
            role: member.and_then(|member| member.role),
            is_newcomer: line
                .time
                .is_some_and(|now| self.ruled.charter.is_newcomer(joined, now)),
            fetched: &[],
        })
    }

    /// Does what needs the lines before.
    fn finish(&self, looked: &mut Looked<'_>, memory: &mut Memory) {
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
            out.answers_to = memory.rooms.enter(room).replies.hear(&Heard {
                id: &out.id,
                member,
                name: line.member.as_ref().map_or("", |member| &member.name),
                text: &line.text,
                at: Some(at),
                mentions: &[],
                quotes: line.quote.as_ref().map(|quote| Quoted {
                    id: "",
                    text: &quote.text,
                    member: &quote.member,
                }),
            });
        }
        if self.explain {
            out.explain(&self.ruled.charter);
        }
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

/// The same place for other lines: what is written to again and again is near.
fn emptied<'l>(mut batch: Vec<Done<'_>>) -> Vec<Done<'l>> {
    batch.clear();
    batch.into_iter().map_while(|_| None).collect()
}

/// Whether anybody still reads.
fn write(lines: &[u8]) -> anyhow::Result<bool> {
    let mut output = std::io::stdout().lock();
    match output.write_all(lines).and_then(|()| output.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        done => done.map(|()| true).context("cannot write"),
    }
}
