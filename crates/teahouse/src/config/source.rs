//! A configuration file as text, and what is wrong with it: where, in which line, and what to do.
//! What looks like a key is never shown again, neither in a message nor in the line that it stands in.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::files::Files;
use super::secret;

pub(super) type Span = std::ops::Range<usize>;

/// A file's text, with its name for errors.
pub(super) struct Source {
    file: PathBuf,
    text: String,
}

/// A configuration of this size is a mistake.
const LARGEST: u64 = 1 << 20;
/// A longer line is shown in part, this many characters before the mistake and as many after it.
const SHOWN: usize = 60;

impl Source {
    pub(super) fn read(file: &Path, files: &Files) -> Result<Self, ConfigError> {
        files.reads(file);
        let fail = |message: String| ConfigError::whole_file(file, message);
        let shown = file.display();
        let size = std::fs::metadata(file)
            .map_err(|error| fail(format!("cannot read \"{shown}\": {error}")))?
            .len();
        if size > LARGEST {
            return Err(fail(format!(
                "\"{shown}\" has {size} bytes, a configuration has at most {LARGEST}; is it the right file?"
            )));
        }
        let bytes = std::fs::read(file)
            .map_err(|error| fail(format!("cannot read \"{shown}\": {error}")))?;
        let text = String::from_utf8(bytes)
            .map_err(|_| fail(format!("\"{shown}\" is not UTF-8 text; save it as UTF-8")))?;
        let text = text.trim_start_matches('\u{feff}').to_owned();
        let says_something = |line: &str| !line.is_empty() && !line.starts_with('#');
        if !text.lines().any(|line| says_something(line.trim())) {
            return Err(fail(format!(
                "\"{shown}\" says nothing; teahouse.example.toml and contract/charter-open.toml show what can stand there"
            )));
        }
        Ok(Source {
            file: file.to_owned(),
            text,
        })
    }

    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        toml::from_str(&self.text).map_err(|error| {
            // What is missing from the whole is told at its first line.
            let at = error.span().filter(|at| !at.is_empty() || at.start > 0);
            let at = at.unwrap_or(0..1);
            let line = self.line(at.start).1;
            self.error(Some(at), explain(error.message(), line))
        })
    }

    /// A path written in this file.
    pub(super) fn beside(&self, path: &Path) -> PathBuf {
        self.file
            .parent()
            .map_or_else(|| path.to_owned(), |folder| folder.join(path))
    }

    pub(super) fn error(&self, span: Option<Span>, message: String) -> ConfigError {
        // An error at the end of the file has an empty span there, one of a default has one at the start.
        let at = span
            .filter(|span| !span.is_empty() || span.start > 0)
            .map(|span| span.start.min(self.text.len()))
            .filter(|at| self.text.is_char_boundary(*at));
        let Some(at) = at else {
            return ConfigError::whole_file(&self.file, message);
        };
        let (start, line) = self.line(at);
        let before = self.text[start..at].chars().count();
        let (shown, caret) = excerpt(line, before);
        ConfigError {
            file: self.file.clone(),
            line: Some(self.text[..start].matches('\n').count() + 1),
            column: before + 1,
            shown,
            caret,
            message: secret::masked(&message),
        }
    }

    /// The line that holds a byte: where it starts, and its words.
    fn line(&self, at: usize) -> (usize, &str) {
        let at = at.min(self.text.len());
        let start = self.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        (start, self.text[start..].lines().next().unwrap_or_default())
    }
}

/// What is shown of a line, and the blanks before the caret under the character at `before`.
fn excerpt(line: &str, before: usize) -> (String, String) {
    let masked = secret::masked_line(line);
    let chars: Vec<char> = masked
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    // What was masked is shorter: the caret then stands at the mask.
    let before = if masked == line {
        before
    } else {
        let same = line.chars().zip(&chars).take_while(|(a, b)| a == *b);
        before.min(same.count())
    };
    let from = before.saturating_sub(SHOWN);
    let until = (before + SHOWN).min(chars.len());
    let lead = if from > 0 { "…" } else { "" };
    let tail = if until < chars.len() { "…" } else { "" };
    let words = |part: &[char]| part.iter().collect::<String>();
    let shown = format!(
        "{lead}{}{tail}",
        words(chars.get(from..until).unwrap_or(&[]))
    );
    let under = chars.get(from..before.min(chars.len())).unwrap_or(&[]);
    let width: usize = under.iter().map(|c| if is_wide(*c) { 2 } else { 1 }).sum();
    (shown, " ".repeat(width + lead.chars().count()))
}

/// Whether a terminal gives a character two columns: Han, kana, hangul, full-width forms.
fn is_wide(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe4f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}' | '\u{1f300}'..='\u{1faff}')
}

/// serde's words in ours, with the nearest right key. A value is not repeated: it may be a secret.
fn explain(message: &str, line: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    for (start, what) in [("unknown field", "key"), ("unknown variant", "value")] {
        if let (true, Some((wrong, known))) = (message.starts_with(start), quoted.split_first()) {
            let hint = match nearest(wrong, known.iter().copied()) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("known here: {}", known.join(", ")),
            };
            return format!("\"{wrong}\" is no {what} here; {hint}");
        }
    }
    if let Some(key) = message
        .strip_prefix("missing field")
        .and_then(|_| quoted.first())
    {
        return format!("\"{key}\" is missing here; add it");
    }
    if let Some((found, expected)) = ["invalid type: ", "invalid value: "]
        .iter()
        .find_map(|start| first.strip_prefix(start))
        .and_then(|rest| rest.rsplit_once(", expected "))
    {
        return mismatch(found, expected, line);
    }
    if first.starts_with("duplicate key") {
        let key = line.split('=').next().unwrap_or_default();
        let key = key.trim_matches(|c: char| c == '[' || c == ']' || c.is_whitespace());
        return format!("\"{key}\" stands here a second time; keep one of them");
    }
    if first.starts_with("string values must be quoted") && secret::masked_line(line) != line {
        return secret::PASTED.into();
    }
    if first.starts_with("unexpected key or value, expected newline") {
        return "something stands after the value; one setting a line, no comma at its end".into();
    }
    if first.starts_with("string values must be quoted") {
        return "a value is missing, or its quotes are; write it like key = \"value\"".into();
    }
    first.to_owned()
}

/// A value of the wrong kind.
fn mismatch(found: &str, expected: &str, line: &str) -> String {
    let found = match found.split(' ').next().unwrap_or_default() {
        "string" => "a text",
        "integer" => "a number",
        "floating" => "a number with a point",
        "boolean" => "true or false",
        "sequence" => "a list",
        "map" => "a table",
        _ => "something else",
    };
    let head = line.trim();
    if expected == "a sequence" && head.starts_with('[') && !head.starts_with("[[") {
        let name = head.trim_matches(|c: char| c == '[' || c == ']' || c.is_whitespace());
        return format!("there may be several of these; write [[{name}]] instead of [{name}]");
    }
    let expected = match expected {
        "a boolean" => "true or false, without quotes",
        "a string" | "string" => "a text in quotes",
        "a sequence" => "a list, like [\"…\"]",
        "u16" | "u32" | "u64" => "a whole number, zero or more, without quotes",
        path if path.starts_with("path") => "a path in quotes",
        table if table.starts_with("struct") || table == "a map" => "a table, like { … }",
        other => other,
    };
    format!("{found} stands here; write {expected}")
}

/// The known word that was probably meant.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(closeness, _)| *closeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// What is wrong with a file, where, and what to do.
#[derive(Debug)]
pub struct ConfigError {
    /// Which file.
    pub file: PathBuf,
    /// Which line, if it is one line's fault.
    pub line: Option<usize>,
    /// Which character of it.
    pub column: usize,
    shown: String,
    caret: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl ConfigError {
    pub(super) fn whole_file(file: &Path, message: String) -> Self {
        ConfigError {
            file: file.to_owned(),
            line: None,
            column: 0,
            shown: String::new(),
            caret: String::new(),
            message: secret::masked(&message),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, message) = (self.file.display(), &self.message);
        let Some(line) = self.line else {
            return write!(f, "{file}: {message}");
        };
        let number = line.to_string();
        writeln!(f, "{file}:{line}:{}: {message}", self.column)?;
        writeln!(f, "  {number} | {}", self.shown)?;
        write!(f, "  {:width$} | {}^", "", self.caret, width = number.len())
    }
}

impl std::error::Error for ConfigError {}
