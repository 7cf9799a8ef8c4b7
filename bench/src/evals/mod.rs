//! Checks with data sets that lie outside the repository: nothing is lost in decoding, and the house is silent unless addressed.
//! Provider bodies are reported, not judged. A folder that is not there is an error, never a pass.

mod academic;
mod distress;
mod facts;
pub mod figures;
mod identity;
mod injection;
mod language;
mod level;
mod links;
mod privacy;
mod replies;
mod topics;
mod words;

use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio_util::task::TaskTracker;

use crate::bridge::FIRST_GROUP;
use crate::load;
use crate::talk::{self, Seed};
use crate::target::{Kind, Target};
use figures::Figure;

/// With the recorded lines this makes a little over 50,000.
const GENERATED: usize = 45_200;

pub async fn run(
    house: &Path,
    folder: &Path,
    needs: &str,
    seed: u64,
    tasks: &TaskTracker,
) -> anyhow::Result<()> {
    let mut wrong = Vec::new();
    rules(folder, needs, &mut wrong)?;
    if !needs.is_empty() {
        return tell(&wrong);
    }
    decoding(house, folder, &mut wrong).await?;
    providers(house, folder).await?;
    silence(house, folder, seed, tasks, &mut wrong).await?;
    tell(&wrong)
}

fn tell(wrong: &[String]) -> anyhow::Result<()> {
    if wrong.is_empty() {
        return say("evals: nothing lost, nothing said");
    }
    bail!("evals found {} faults:\n{}", wrong.len(), wrong.join("\n"))
}

type Measure = fn(&Path) -> anyhow::Result<Vec<Figure>>;

/// What the rules see in each data set, by the letters of its README.
const MEASURES: &[(char, Measure)] = &[
    ('b', links::figures),
    ('c', topics::figures),
    ('d', injection::figures),
    ('g', facts::figures),
    ('j', replies::figures),
    ('a', language::figures),
    ('f', level::figures),
    ('e', academic::figures),
    ('h', distress::figures),
    ('l', identity::figures),
    ('c', words::figures),
    ('m', privacy::figures),
];

fn rules(folder: &Path, needs: &str, wrong: &mut Vec<String>) -> anyhow::Result<()> {
    for (need, measure) in MEASURES {
        if !needs.is_empty() && !needs.contains(*need) {
            continue;
        }
        for figure in measure(folder)? {
            say(&figure.to_string())?;
            if !figure.is_met() {
                wrong.push(figure.to_string());
            }
        }
    }
    Ok(())
}

fn say(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}

/// The cases of one file.
pub fn rows(path: &Path) -> anyhow::Result<Vec<Value>> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let parse = |(n, line)| {
        serde_json::from_str(line).with_context(|| format!("{} line {}", path.display(), n + 1))
    };
    text.lines().enumerate().map(parse).collect()
}

/// Runs `teahouse decode …` over lines; its answers, one to a line.
async fn decode(
    house: &Path,
    arguments: &[&str],
    lines: Vec<String>,
) -> anyhow::Result<Vec<Value>> {
    let mut child = Command::new(house)
        .arg("decode")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {}", house.display()))?;
    let mut stdin = child.stdin.take().context("standard input is piped")?;
    let count = lines.len();
    let feed = async move {
        stdin
            .write_all((lines.join("\n") + "\n").as_bytes())
            .await?;
        stdin.shutdown().await
    };
    // Fed and read at once: neither pipe can fill up and stop the other.
    let (fed, output) = tokio::join!(feed, child.wait_with_output());
    fed.context("the decoder stopped reading")?;
    let output = output?;
    let text = String::from_utf8(output.stdout).context("the decoder writes UTF-8")?;
    let read = |line| serde_json::from_str(line).with_context(|| format!("no JSON: {line}"));
    let answers: Vec<Value> = text.lines().map(read).collect::<anyhow::Result<_>>()?;
    ensure!(
        answers.len() == count,
        "{} lines in, {} out",
        count,
        answers.len()
    );
    Ok(answers)
}

async fn decoding(house: &Path, folder: &Path, wrong: &mut Vec<String>) -> anyhow::Result<()> {
    let rows = rows(&folder.join("i-onebot/events.jsonl"))?;
    let frames: Vec<&Value> = rows.iter().map(|row| &row["text"]).collect();
    let lines = frames.iter().map(|frame| frame.to_string()).collect();
    let events = decode(house, &["--protocol", "onebot-v11"], lines).await?;
    let (mut leaves, mut lost) = (0, 0);
    for (n, (frame, event)) in frames.iter().zip(&events).enumerate() {
        let found = Found::new(event);
        let mut wanted = Vec::new();
        scalars(frame, "", &mut wanted);
        leaves += wanted.len();
        for (path, leaf) in wanted
            .iter()
            .filter(|(path, leaf)| !found.holds(path, leaf))
        {
            lost += 1;
            wrong.push(format!(
                "i-onebot line {}: {path} = {leaf} is lost in {event}",
                n + 1
            ));
        }
    }
    say(&format!(
        "(i) onebot: {} frames, {leaves} leaves, {lost} lost",
        frames.len()
    ))
}

/// Every scalar of an event, to look for those of its frame.
struct Found {
    whole: Vec<String>,
    line: String,
}

impl Found {
    fn new(event: &Value) -> Found {
        let mut leaves = Vec::new();
        scalars(event, "", &mut leaves);
        let mut whole: Vec<String> = leaves.into_iter().map(|(_, leaf)| plain(&leaf)).collect();
        let times: Vec<String> = whole
            .iter()
            .filter_map(|leaf| leaf.parse::<jiff::Timestamp>().ok())
            .map(|time| time.as_second().to_string())
            .collect();
        whole.extend(times);
        Found {
            whole,
            line: event.to_string(),
        }
    }

    fn holds(&self, path: &str, leaf: &Value) -> bool {
        let leaf = plain(leaf);
        if self.whole.contains(&leaf) {
            return true;
        }
        match path.rsplit('.').next().unwrap_or_default() {
            // Said in the house's words.
            "message_type" if leaf == "private" => self.whole.iter().any(|leaf| leaf == "direct"),
            // A CQ string is kept as its parts.
            "message" | "raw_message" => cq_parts(&leaf).iter().all(|part| self.within(part)),
            _ if leaf.parse::<f64>().is_ok() => false,
            _ => self.within(&leaf),
        }
    }

    fn within(&self, part: &str) -> bool {
        self.whole.iter().any(|leaf| leaf.contains(part)) || self.line.contains(part)
    }
}

fn scalars(value: &Value, path: &str, out: &mut Vec<(String, Value)>) {
    match value {
        Value::Null => {}
        Value::Object(fields) => fields
            .iter()
            .for_each(|(key, value)| scalars(value, &format!("{path}.{key}"), out)),
        Value::Array(items) => items.iter().for_each(|item| scalars(item, path, out)),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            out.push((path.to_owned(), value.clone()))
        }
    }
}

fn plain(leaf: &Value) -> String {
    leaf.as_str()
        .map_or_else(|| leaf.to_string(), str::to_owned)
}

/// The types, values and texts of a CQ string.
fn cq_parts(string: &str) -> Vec<String> {
    let plain = |part: &str| {
        part.replace("&#44;", ",")
            .replace("&#91;", "[")
            .replace("&#93;", "]")
            .replace("&amp;", "&")
            .trim()
            .to_owned()
    };
    let mut parts = Vec::new();
    let mut rest = string;
    while let Some((text, code)) = rest.split_once("[CQ:") {
        parts.push(plain(text));
        let (code, after) = code.split_once(']').unwrap_or((code, ""));
        parts.extend(
            code.split(',')
                .map(|field| plain(field.split_once('=').map_or(field, |(_, value)| value))),
        );
        rest = after;
    }
    parts.push(plain(rest));
    parts.retain(|part| !part.is_empty());
    parts
}

/// What the readers of provider bodies make of recorded ones; whoever reads it judges.
async fn providers(house: &Path, folder: &Path) -> anyhow::Result<()> {
    let mut by_api: BTreeMap<&str, Vec<(String, Value)>> = BTreeMap::new();
    for file in ["genai-yakbak", "vercel-fixtures"] {
        for (n, row) in rows(&folder.join(format!("k-provider/{file}.jsonl")))?
            .into_iter()
            .enumerate()
        {
            let body = row["text"].as_str().unwrap_or_default();
            let api = match body {
                body if body.contains("message_start") || body.contains("\"type\":\"message\"") => {
                    "anthropic"
                }
                body if body.contains("\"created_at\"") && body.contains("\"done\"") => "ollama",
                body if body.contains("\"candidates\"") => "gemini",
                body if body.contains("\"output\":") || body.contains("\"response.") => {
                    "openai-responses"
                }
                _ => "openai",
            };
            let case = row["case"].as_str().unwrap_or("?");
            let id = format!(
                "{file}:{}:{}:{case}",
                n + 1,
                row["label"].as_str().unwrap_or("?")
            );
            // The fixtures' chunks come one JSON a line, without the stream around them.
            let chunks = case.ends_with(".chunks");
            let body = if chunks {
                body.lines()
                    .map(|line| format!("data: {line}\n\n"))
                    .collect()
            } else {
                body.to_owned()
            };
            let content_type = match api {
                "ollama" => "application/x-ndjson",
                _ if body.starts_with("data:") || body.starts_with("event:") => "text/event-stream",
                _ => "application/json",
            };
            let line = json!({"id": id, "status": 200, "content_type": content_type, "body": body});
            by_api.entry(api).or_default().push((id, line));
        }
    }
    for (api, lines) in by_api {
        let (total, sent) = (
            lines.len(),
            lines
                .into_iter()
                .map(|(_, line)| line.to_string())
                .collect(),
        );
        let answers = match decode(house, &["--provider", api], sent).await {
            Ok(answers) => answers,
            Err(error) => {
                say(&format!("(k) {api}: {total} bodies, no reading: {error:#}"))?;
                continue;
            }
        };
        let with = |key: &str| {
            answers
                .iter()
                .filter(|answer| !answer[key].is_null() && answer[key] != "")
                .count()
        };
        say(&format!(
            "(k) {api}: {total} bodies, {} with text, {} with usage, {} with a finish, {} errors",
            with("text"),
            with("usage"),
            with("finish"),
            with("error_kind")
        ))?;
        for answer in answers
            .iter()
            .filter(|answer| answer["text"] == "" || answer["text"].is_null())
        {
            say(&format!(
                "    no text: {} (finish {}, error {})",
                answer["id"], answer["finish"], answer["error_kind"]
            ))?;
        }
    }
    Ok(())
}

async fn silence(
    house: &Path,
    folder: &Path,
    seed: u64,
    tasks: &TaskTracker,
    wrong: &mut Vec<String>,
) -> anyhow::Result<()> {
    let mut lines: Vec<(i64, i64, String)> = Vec::new();
    let mut people: HashMap<String, i64> = HashMap::new();
    for (group, file) in [(0, "irc-dev"), (1, "cped-valid")] {
        for row in rows(&folder.join(format!("j-groupchat/{file}.jsonl")))? {
            let next = 30_000_000 + i64::try_from(people.len())?;
            let user = *people.entry(plain(&row["user"])).or_insert(next);
            lines.push((FIRST_GROUP + group, user, plain(&row["text"])));
        }
    }
    let recorded = lines.len();
    let mut seed = Seed(seed);
    let made = (0..GENERATED).map(|n| {
        let n = i64::try_from(n).unwrap_or(0);
        (
            FIRST_GROUP + 2 + n % 50,
            20_000_000 + n % 1999,
            talk::line(&mut seed),
        )
    });
    let (main, spare) = (load::model().await, load::model().await);
    let target = Target::start(
        Kind::House,
        house,
        [&main.base_url(), &spare.base_url()],
        tasks,
    )
    .await?;
    let (sent, asked, said) =
        load::says_to_talk(&target, lines.into_iter().chain(made), tasks).await?;
    // One call is the closing question's.
    let calls = main.count() + spare.count() - 1;
    say(&format!(
        "(j) silence: {recorded} recorded and {GENERATED} made lines; {asked} address the house and were left out; \
         {sent} sent; {} things said, {calls} provider calls",
        said.len()
    ))?;
    if calls > 0 {
        wrong.push(format!("j-groupchat: {calls} provider calls for talk"));
    }
    wrong.extend(
        said.into_iter()
            .take(20)
            .map(|said| format!("j-groupchat: said {said}")),
    );
    target.stop().await
}
