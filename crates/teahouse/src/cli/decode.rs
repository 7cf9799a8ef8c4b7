//! `teahouse decode`: recorded frames and provider answers, read by the code that reads live ones. One object a
//! line in, one out, in the same order; a bad line is an error object, never an end.

use std::io::{BufRead, Write};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use teahouse_adapters::onebot;
use teahouse_providers::decode;

#[derive(Args)]
pub(super) struct Decode {
    /// Frames of this protocol
    #[arg(
        long,
        value_enum,
        conflicts_with = "provider",
        required_unless_present = "provider"
    )]
    protocol: Option<Protocol>,
    /// Answers of this provider
    #[arg(long, value_name = "API")]
    provider: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Protocol {
    #[value(name = "onebot-v11")]
    OneBotV11,
}

impl Decode {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        if let Some(provider) = &self.provider
            && let Err(unknown) = decode::known(provider)
        {
            bail!("{unknown}");
        }
        let mut input = std::io::stdin().lock();
        let mut output = std::io::BufWriter::new(std::io::stdout().lock());
        let mut line = Vec::new();
        let mut number = 0;
        loop {
            line.clear();
            if input
                .read_until(b'\n', &mut line)
                .context("cannot read standard input")?
                == 0
            {
                break;
            }
            number += 1;
            let bytes = line.trim_ascii_end();
            serde_json::to_writer(&mut output, &self.read(bytes, number))?;
            output.write_all(b"\n")?;
        }
        output.flush()?;
        Ok(ExitCode::SUCCESS)
    }

    fn read(&self, line: &[u8], number: usize) -> Value {
        match (self.protocol, &self.provider) {
            (Some(Protocol::OneBotV11), _) => onebot::describe(line, number),
            (None, Some(provider)) => match std::str::from_utf8(line) {
                Ok(text) => decode::read_recorded(provider, text, number as u64),
                Err(_) => json!({ "error": "not UTF-8", "line": number }),
            },
            (None, None) => json!({ "error": "nothing to read it as", "line": number }),
        }
    }
}

/// Writes a result to standard output; a reader that has left is no error.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write")
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
