//! Event-stream bytes → events, by the WHATWG rules (html.spec.whatwg.org, "Server-sent events"). Pure: the same
//! bytes give the same events wherever they are cut. What an event means is for the API that sent it.

/// No honest line, and no honest event, is longer.
pub const LONGEST_LINE: usize = 1024 * 1024;

/// What a stream says, line by line.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// All `data:` lines of one event, joined with line feeds.
    Data(&'a str),
    /// A comment line: the other side is alive and says nothing.
    KeepAlive,
}

/// A line or an event above [`LONGEST_LINE`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a line of the event stream is longer than {LONGEST_LINE} bytes")]
pub struct TooLong;

/// Holds what has come of the current line and the current event. An event that is not closed by a blank line
/// is never given out.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    data: String,
    has_data: bool,
    /// The last line ended with `\r`: a `\n` now belongs to that end.
    after_cr: bool,
    /// The first line is behind us: a byte order mark is no longer one.
    started: bool,
}

impl Parser {
    /// Adds bytes as they came; calls `each` for every event that they complete.
    pub fn push(
        &mut self,
        mut bytes: &[u8],
        each: &mut impl FnMut(Event<'_>),
    ) -> Result<(), TooLong> {
        while !bytes.is_empty() {
            if std::mem::take(&mut self.after_cr) && bytes[0] == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let end = bytes.iter().position(|b| matches!(b, b'\n' | b'\r'));
            let piece = &bytes[..end.unwrap_or(bytes.len())];
            if self.line.len() + piece.len() > LONGEST_LINE {
                return Err(TooLong);
            }
            let Some(end) = end else {
                self.line.extend_from_slice(piece);
                return Ok(());
            };
            self.after_cr = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            if self.line.is_empty() {
                self.end_of_line(piece, each)?;
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(piece);
                self.end_of_line(&line, each)?;
                line.clear();
                self.line = line;
            }
        }
        Ok(())
    }

    /// Something has begun that a blank line has not closed.
    pub fn is_mid_event(&self) -> bool {
        self.has_data || !self.line.is_empty()
    }

    fn end_of_line(
        &mut self,
        line: &[u8],
        each: &mut impl FnMut(Event<'_>),
    ) -> Result<(), TooLong> {
        let line = if std::mem::replace(&mut self.started, true) {
            line
        } else {
            line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line)
        };
        if line.is_empty() {
            if std::mem::take(&mut self.has_data) {
                each(Event::Data(&self.data));
            }
            self.data.clear();
            return Ok(());
        }
        // The whole line is here, so a character is never cut in two.
        let line = String::from_utf8_lossy(line);
        match line.split_once(':').unwrap_or((&line, "")) {
            ("", _) => each(Event::KeepAlive),
            ("data", value) => {
                let value = value.strip_prefix(' ').unwrap_or(value);
                if self.data.len() + value.len() >= LONGEST_LINE {
                    return Err(TooLong);
                }
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            // `event`, `id`, `retry` and unknown fields: no API we speak needs them.
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(pieces: &[&[u8]]) -> Vec<String> {
        let mut parser = Parser::default();
        let mut out = Vec::new();
        for piece in pieces {
            parser
                .push(piece, &mut |event| {
                    out.push(match event {
                        Event::Data(data) => data.to_owned(),
                        Event::KeepAlive => ":".to_owned(),
                    });
                })
                .unwrap();
        }
        out
    }

    #[test]
    fn a_stream_reads_the_same_wherever_it_is_cut() {
        for (raw, expected) in [
            ("data: 茶馆\n\n", vec!["茶馆"]),
            ("data:茶馆\r\n\r\ndata: b\r\n\r\n", vec!["茶馆", "b"]),
            ("data: a\r\rdata: b\r\r", vec!["a", "b"]),
            ("\u{feff}data: a\n\n", vec!["a"]),
            (": keep-alive\n\ndata: a\n\n", vec![":", "a"]),
            ("data: a\ndata: b\ndata\n\n", vec!["a\nb\n"]),
            ("data:  two blanks\n\n", vec![" two blanks"]),
            (
                "event: x\nid: 7\nretry: 1\ndata: a\nnonsense\n\n",
                vec!["a"],
            ),
            ("\n\n\r\n\ndata: a\n\n\n", vec!["a"]),
            ("data:\n\n", vec![""]),
            ("data: whole\n\ndata: not closed\n", vec!["whole"]),
            ("data: a\n\ndata: not even a li", vec!["a"]),
            ("data: a\n\n\u{feff}data: no longer a mark\n\n", vec!["a"]),
            ("", vec![]),
        ] {
            assert_eq!(events(&[raw.as_bytes()]), expected, "{raw:?}");
            for cut in 0..=raw.len() {
                let (left, right) = raw.as_bytes().split_at(cut);
                assert_eq!(events(&[left, right]), expected, "{raw:?} cut at {cut}");
            }
            let bytes: Vec<&[u8]> = raw.as_bytes().chunks(1).collect();
            assert_eq!(events(&bytes), expected, "{raw:?} byte by byte");
        }
    }

    #[test]
    fn bytes_that_are_no_text_do_not_stop_a_stream() {
        assert_eq!(
            events(&[b"data: a\xff\xe8b\n\ndata: c\n\n"]),
            ["a\u{fffd}\u{fffd}b", "c"]
        );
    }

    #[test]
    fn bad_061_a_line_without_an_end_is_refused_before_it_fills_the_memory() {
        let mut parser = Parser::default();
        let piece = vec![b'x'; 64 * 1024];
        let taken = (0..160)
            .take_while(|_| parser.push(&piece, &mut |_| {}).is_ok())
            .count();
        assert_eq!(taken, 16);
        assert!(parser.line.capacity() <= 2 * LONGEST_LINE);

        let mut parser = Parser::default();
        let line = format!("data: {}\n", "x".repeat(1_000));
        let taken = (0..10_000)
            .take_while(|_| parser.push(line.as_bytes(), &mut |_| {}).is_ok())
            .count();
        assert!(taken < 1_100, "many short lines make no endless event");
    }
}
