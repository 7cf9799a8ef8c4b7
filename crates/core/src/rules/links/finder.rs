//! Walks over a folded text and stops where a scheme or a dot may make a link: reads the name there, asks whether it is
//! believed, and takes the path that follows. What it has passed it does not read again.

use std::ops::Range;

use super::belief::{self, Proof, is_believed, spelled};
use super::fold::{self, Glyph, fold, is_cjk};
use super::host::{
    self, Dot, Host, Separator, after_blanks, is_misshapen, label_before, may_be_dot, read, word,
};
use super::name::{self, Name, is_of_the_web, number_address};
use super::{Link, tables, tail};

/// All links of a text that is worth a look.
pub(super) fn find(text: &str) -> Vec<Link> {
    let finder = Finder {
        text,
        glyphs: fold(text),
    };
    let mut links = Vec::new();
    let (mut at, mut floor) = (0, 0);
    while at < finder.glyphs.len() {
        match finder.step(at, floor) {
            Step::On => at += 1,
            Step::Past(end) => {
                floor = end.max(at + 1);
                at = floor;
            }
            Step::Found(link, end) => {
                links.push(link);
                floor = end.max(at + 1);
                at = floor;
            }
        }
    }
    links
}

enum Step {
    On,
    /// No link, and none begins before this place.
    Past(usize),
    Found(Link, usize),
}

struct Finder<'t> {
    text: &'t str,
    glyphs: Vec<Glyph>,
}

/// What stands before a name: `https://`, `hxxp[:]//`.
struct Scheme {
    name: &'static str,
    start: usize,
    disguised: bool,
    /// Known, and written as it should be.
    sure: bool,
    end: usize,
}

/// Schemes of links, and what they are disguised as. The longest that fits is taken.
const SCHEMES: [(&str, &str); 22] = [
    ("https", "https"),
    ("http", "http"),
    ("ftps", "ftps"),
    ("ftp", "ftp"),
    ("wss", "wss"),
    ("ws", "ws"),
    ("hxxps", "https"),
    ("hxxp", "http"),
    ("h**ps", "https"),
    ("h**p", "http"),
    ("h++ps", "https"),
    ("h++p", "http"),
    ("htxps", "https"),
    ("htxp", "http"),
    ("hxtps", "https"),
    ("hxtp", "http"),
    ("httxs", "https"),
    ("httx", "http"),
    ("h77ps", "https"),
    ("h77p", "http"),
    ("ttps", "https"),
    ("ttp", "http"),
];

impl Finder<'_> {
    fn step(&self, at: usize, floor: usize) -> Step {
        match self.glyphs[at].c {
            ':' => match self.scheme_at(at, floor) {
                Some(scheme) => self.after_scheme(scheme),
                None => Step::On,
            },
            '/' => self.after_slashes(at, floor),
            'w' => self.spaced_www(at, floor),
            '_' if let Some(scheme) = self.masked_scheme(at, floor) => self.after_scheme(scheme),
            c if may_be_dot(c) => match label_before(&self.glyphs, at, floor) {
                Some(label) => self.bare(label.start, floor),
                None => Step::On,
            },
            _ => Step::On,
        }
    }

    fn c(&self, at: usize) -> Option<char> {
        self.glyphs.get(at).map(|glyph| glyph.c)
    }

    fn before(&self, at: usize, floor: usize) -> Option<char> {
        at.checked_sub(1)
            .filter(|at| *at >= floor)
            .and_then(|at| self.c(at))
    }

    fn scheme_at(&self, colon: usize, floor: usize) -> Option<Scheme> {
        let bracketed = matches!(self.before(colon, floor), Some('[' | '(' | '{'));
        let word_end = colon - usize::from(bracketed);
        let is_of_scheme = |c: char| c.is_ascii_alphanumeric() || c == '*' || c == '+';
        let run = self.glyphs[floor..word_end].iter().rev().take(12);
        let length = run.take_while(|glyph| is_of_scheme(glyph.c)).count();
        let written = word(&self.glyphs, &(word_end - length..word_end));
        let mut end = colon + 1;
        end += usize::from(matches!(self.c(end), Some(']' | ')' | '}')));
        let known = SCHEMES[..6]
            .iter()
            .any(|(shape, _)| written.ends_with(shape));
        end = after_blanks(&self.glyphs, end, 2);
        let slashes = end;
        let masked = known && self.c(slashes) == Some('_');
        let is_slash = |c| matches!((c, masked), (Some('/' | '\\'), false) | (Some('_'), true));
        while end - slashes < 8 && is_slash(self.c(end)) {
            end += 1;
        }
        let count = end - slashes;
        end += usize::from(bracketed && matches!(self.c(end), Some(']' | ')' | '}')));
        let gap = after_blanks(&self.glyphs, end, 2);
        let (name, length, disguised) =
            match SCHEMES.iter().find(|(shape, _)| written.ends_with(shape)) {
                Some((shape, name)) => (*name, shape.len(), shape != name),
                None if count >= 2 && length > 1 => ("http", length, false),
                None => return None,
            };
        let start = word_end - length;
        let odd = self.glyphs[start + 1..end]
            .iter()
            .any(|glyph| glyph.odd || glyph.hidden || matches!(glyph.c, '\\' | '_'));
        let unusual = odd || bracketed || slashes > colon + 1 || count != 2 || gap > end;
        (count >= 2 || known && count == 1).then_some(Scheme {
            name,
            start,
            disguised: disguised || unusual,
            sure: known && !unusual,
            end: gap,
        })
    }

    /// `http__evil.com`
    fn masked_scheme(&self, at: usize, floor: usize) -> Option<Scheme> {
        if self.c(at + 1) != Some('_') {
            return None;
        }
        let run = self.glyphs[floor..at].iter().rev().take(5);
        let length = run.take_while(|glyph| glyph.c.is_ascii_alphabetic());
        let start = at - length.count();
        let written = word(&self.glyphs, &(start..at));
        let (_, name) = SCHEMES.iter().find(|(shape, _)| *shape == written)?;
        Some(Scheme {
            name,
            start,
            disguised: true,
            sure: false,
            end: at + 2,
        })
    }

    fn after_scheme(&self, scheme: Scheme) -> Step {
        let (start, userinfo) = self.host_start(scheme.end);
        let mut disguised = scheme.disguised || userinfo;
        if self.c(start) == Some('[') {
            return self.address_in_brackets(&scheme, start);
        }
        let host = read(&self.glyphs, start, true);
        let Some((count, name)) = self.cut_after_scheme(&host, scheme.sure) else {
            return if scheme.sure {
                Step::Past(self.authority_end(scheme.end))
            } else {
                Step::On
            };
        };
        let end = host.labels[count - 1].end;
        let numbers = number_address(&name.host);
        let name = match numbers {
            Some(address) => {
                disguised |= address != name.host;
                Name {
                    domain: address.clone(),
                    host: address,
                    address: None,
                    lookalike: false,
                }
            }
            None => name,
        };
        disguised |= self.is_odd(&host, count);
        self.link(scheme.start, end, name, scheme.name, disguised)
    }

    /// After `//`: behind the last `@` of what may hold a user's name; and whether that name poses as a site.
    fn host_start(&self, start: usize) -> (usize, bool) {
        let end = self.authority_end(start);
        let part = &self.glyphs[start..end];
        match part.iter().rposition(|glyph| glyph.c == '@') {
            Some(at) => (
                start + at + 1,
                part[..at].iter().any(|glyph| fold::is_dot(glyph.c)),
            ),
            None => (start, false),
        }
    }

    fn authority_end(&self, start: usize) -> usize {
        let part = self.glyphs[start.min(self.glyphs.len())..].iter().take(300);
        let ends = |c: char| c.is_whitespace() || "/\\?#\"<>()，。！？；、".contains(c);
        start + part.take_while(|glyph| !ends(glyph.c)).count()
    }

    fn address_in_brackets(&self, scheme: &Scheme, start: usize) -> Step {
        let inner = self.glyphs[start + 1..].iter().take(45);
        let length = inner
            .take_while(|glyph| glyph.c.is_ascii_hexdigit() || glyph.c == ':' || glyph.c == '.')
            .count();
        let end = start + 1 + length;
        let host = word(&self.glyphs, &(start + 1..end));
        if self.c(end) != Some(']') || host.parse::<std::net::Ipv6Addr>().is_err() {
            return Step::On;
        }
        let name = Name {
            domain: host.clone(),
            host: format!("[{host}]"),
            address: None,
            lookalike: false,
        };
        self.link(scheme.start, end + 1, name, scheme.name, scheme.disguised)
    }

    /// How many parts of what follows a scheme are the name: as many as end in an ending that exists, else all.
    fn cut_after_scheme(&self, host: &Host, sure: bool) -> Option<(usize, Name)> {
        let all = host.labels.len();
        if all == 0 {
            return None;
        }
        for count in (1..=all).rev() {
            if self.is_misshapen(host, count) {
                return None;
            }
            // A path comes next: no sentence has ended within the name.
            if count == all && sure && self.goes_on_with_a_path(host) {
                return spelled(&self.glyphs, host, count).map(|name| (count, name));
            }
            if let Some(name) = spelled(&self.glyphs, host, count)
                && count > 1
                && (is_of_the_web(&name.host) || number_address(&name.host).is_some())
            {
                return Some((count, name));
            }
        }
        // Nothing that exists: `http://localhost`, `http://3232235777`. Only as far as plain dots go.
        let plain = host.separators.iter().take_while(|s| s.is_plain()).count();
        let name = spelled(&self.glyphs, host, plain + 1)?;
        (sure || name.host.len() > 6 && number_address(&name.host).is_some())
            .then_some((plain + 1, name))
    }

    fn goes_on_with_a_path(&self, host: &Host) -> bool {
        let last = host.labels.last().map_or(0, |label| label.end);
        let is_plain = |glyph: &Glyph| glyph.c.is_ascii() && !glyph.odd && !glyph.hidden;
        self.c(last) == Some('/')
            && host.separators.iter().all(Separator::is_plain)
            && host.labels.len() > 1
            && self.glyphs[host.labels[0].start..last].iter().all(is_plain)
    }

    fn is_misshapen(&self, host: &Host, count: usize) -> bool {
        let labels = host.labels[..count].iter().enumerate();
        labels
            .into_iter()
            .any(|(n, label)| is_misshapen(&self.glyphs, label, n + 2 >= count && count > 1))
    }

    fn is_odd(&self, host: &Host, count: usize) -> bool {
        let first = host.labels[0].start;
        let last = host.labels[count - 1].end;
        host.separators[..count - 1].iter().any(|s| !s.is_plain())
            || self.glyphs[first..last].iter().any(|glyph| glyph.odd)
            || self.glyphs[first + 1..last]
                .iter()
                .any(|glyph| glyph.hidden)
            || count > 1
                && word(&self.glyphs, &host.labels[count - 1])
                    != belief::ending_of(&word(&self.glyphs, &host.labels[count - 1]))
    }

    /// `//localhost`: no other name without dots is believed.
    fn after_slashes(&self, at: usize, floor: usize) -> Step {
        let localhost = at + 2..at + 11;
        let is_alone = self.c(at + 1) == Some('/')
            && self.before(at, floor).is_none_or(char::is_whitespace)
            && localhost.end <= self.glyphs.len()
            && word(&self.glyphs, &localhost) == "localhost"
            && self
                .c(localhost.end)
                .is_none_or(|c| c.is_whitespace() || c == '/' || c == ':');
        if !is_alone {
            return Step::On;
        }
        match name::plain("localhost") {
            Some(name) => self.link(at, localhost.end, name, "http", false),
            None => Step::On,
        }
    }

    /// `www example com`
    fn spaced_www(&self, at: usize, floor: usize) -> Step {
        let is_www = self.c(at + 1) == Some('w')
            && self.c(at + 2) == Some('w')
            && self.c(at + 3) == Some(' ')
            && self
                .before(at, floor)
                .is_none_or(|c| !c.is_ascii_alphanumeric());
        if !is_www {
            return Step::On;
        }
        let words: Vec<Range<usize>> = self.words_after(at + 4);
        let [middle, ending] = &words[..] else {
            return Step::On;
        };
        let web = tables::is_plain_web(&word(&self.glyphs, ending));
        let written = format!(
            "www.{}.{}",
            word(&self.glyphs, middle),
            word(&self.glyphs, ending)
        );
        match name::plain(&written) {
            Some(name) if web => self.link(at, ending.end, name, "http", true),
            _ => Step::On,
        }
    }

    /// The next two runs of Latin letters and digits.
    fn words_after(&self, start: usize) -> Vec<Range<usize>> {
        let mut words = Vec::new();
        let mut at = start;
        while words.len() < 2 {
            let run = self.glyphs[at.min(self.glyphs.len())..].iter().take(64);
            let length = run
                .take_while(|glyph| glyph.c.is_ascii_alphanumeric() || glyph.c == '-')
                .count();
            if length == 0 {
                break;
            }
            words.push(at..at + length);
            at += length + 1;
        }
        words
    }

    /// A name without a scheme, from its first part on.
    fn bare(&self, start: usize, floor: usize) -> Step {
        let host = read(&self.glyphs, start, false);
        let Some(last) = host.labels.last() else {
            return Step::On;
        };
        let whole = host.labels.len();
        // `1.https://tea.com`: the last part is a scheme.
        let past = match self.c(last.end) {
            Some(':') => Step::Past(last.start),
            _ => Step::Past(last.end),
        };
        if whole < 2 {
            return Step::On;
        }
        let Some(start) = self.bare_start(start, floor, &host) else {
            return past;
        };
        if self.c(last.end) == Some('@') {
            return self.past_mail(last.end);
        }
        for count in (2..=whole).rev() {
            if self.is_misshapen(&host, count) {
                break;
            }
            if count < whole && !self.may_be_cut(&host, count) {
                continue;
            }
            if let Some(found) = self.believed(start, &host, count) {
                return found;
            }
        }
        // A dot that may end a sentence: what comes after it is read anew.
        match host
            .separators
            .iter()
            .position(|s: &Separator| !s.is_plain())
        {
            Some(n) => Step::Past(host.labels[n].end),
            None => past,
        }
    }

    /// `lin.tea@example.com`, and not `tea.com@http://example.com`.
    fn past_mail(&self, at: usize) -> Step {
        let is_of_mail = |c: char| c.is_alphanumeric() || "@.-_".contains(c);
        let run = self.glyphs[at..].iter().take(300);
        let end = at + run.take_while(|glyph| is_of_mail(glyph.c)).count();
        let scheme = self.c(end) == Some(':') && self.c(end + 1) == Some('/');
        Step::Past(if scheme { at + 1 } else { end })
    }

    fn believed(&self, start: usize, host: &Host, count: usize) -> Option<Step> {
        let end = host.labels[count - 1].end;
        let at = self.byte_end(end);
        let Ok(port) = tail::port_end(self.text, at) else {
            return None;
        };
        let has_tail = tail::tail_end(self.text, port) > port;
        let is_odd = self.is_odd(host, count);
        if let Some(address) = self.numbers(host, count) {
            let is_range = self.text[port..].starts_with('/')
                && self.text[port + 1..].starts_with(|c: char| c.is_ascii_digit());
            let told = self.text.trim().len() == self.text[self.glyphs[start].start..at].len();
            let bracketed = host
                .separators
                .iter()
                .any(|s| matches!(s.dot, Dot::Bracket | Dot::Quoted));
            let believed = count == 4
                && host.labels.len() == 4
                && (told || bracketed || port > at || has_tail && !is_range);
            let name = Name {
                domain: address.clone(),
                host: address,
                address: None,
                lookalike: false,
            };
            return believed.then(|| self.link(start, end, name, "http", is_odd));
        }
        let anchor =
            self.text[port..].starts_with('#') && host::ends_in_a_file(&self.glyphs, host, count);
        let proof = Proof {
            tail: port > at || has_tail && !anchor,
            capital: self.is_capital(host, count),
        };
        if !is_believed(&self.glyphs, host, count, proof) {
            return None;
        }
        let name = spelled(&self.glyphs, host, count)?;
        is_of_the_web(&name.host).then(|| self.link(start, end, name, "http", is_odd))
    }

    fn numbers(&self, host: &Host, count: usize) -> Option<String> {
        let label = host.labels.get(count - 1)?;
        if !self.c(label.start)?.is_ascii_digit() {
            return None;
        }
        number_address(&spelled(&self.glyphs, host, count)?.host)
    }

    /// Where a name without a scheme begins, with the `//` before it; None if what stands before makes it no link.
    fn bare_start(&self, start: usize, floor: usize, host: &Host) -> Option<usize> {
        let before = self.before(start, floor);
        let back = |n: usize| start.checked_sub(n).and_then(|at| self.c(at));
        match before {
            Some('@' | '$' | '_' | '＠') => None,
            Some(']' | ')' | '}' | ' ') if self.is_after_at_sign(start) => None,
            Some('/') if back(2) == Some('/') => {
                // `https//tea.com` lost its colon.
                if self.glyphs[floor..start - 2]
                    .iter()
                    .rev()
                    .map(|glyph| glyph.c)
                    .take_while(char::is_ascii_alphabetic)
                    .take(6)
                    .collect::<String>()
                    .trim_start_matches('s')
                    == "ptth"
                {
                    return Some(start);
                }
                let outer = back(3);
                let inside =
                    outer.is_some_and(|c| c == '/' || c == '_' || c.is_ascii_alphanumeric());
                (!inside).then_some(start - 2)
            }
            Some('/' | '\\') => {
                let last = host.labels.last()?;
                let is_path = back(2).is_none_or(|c| c.is_whitespace() || "./~\\".contains(c));
                let strong = tables::is_plain_web(&word(&self.glyphs, last));
                (strong && !is_path || back(2).is_some_and(is_cjk)).then_some(start)
            }
            Some(':') if back(2).is_some_and(|c| c.is_ascii_alphanumeric()) => {
                let last = host.labels.last()?;
                host::ends_strongly(&self.glyphs, last).then_some(start)
            }
            _ => Some(start),
        }
    }

    /// `lin(at)tea.com`, `lin [@] tea.com`
    fn is_after_at_sign(&self, start: usize) -> bool {
        let back = |n: usize| start.checked_sub(n).and_then(|at| self.c(at));
        let close = 1 + usize::from(back(1) == Some(' '));
        let open = match (back(close + 1), back(close + 2)) {
            (Some('@'), open) => open,
            (Some('t'), Some('a')) => back(close + 3),
            _ => return false,
        };
        matches!(
            (open, back(close)),
            (Some('('), Some(')')) | (Some('['), Some(']')) | (Some('{'), Some('}'))
        )
    }

    /// Does the text go on after this part as no name does?
    fn may_be_cut(&self, host: &Host, count: usize) -> bool {
        let next = &host.labels[count];
        let first = self.glyphs[next.start];
        !host.separators[count - 1].is_plain()
            || is_cjk(first.c)
            || self.text.as_bytes()[first.start].is_ascii_uppercase()
    }

    fn is_capital(&self, host: &Host, count: usize) -> bool {
        let upper = |at: usize| {
            let byte = self.text.as_bytes()[self.glyphs[at].start];
            byte.is_ascii_uppercase()
        };
        let (ending, left) = (&host.labels[count - 1], &host.labels[count - 2]);
        // `Color.RED` is of a program, `TEA.VIP` and `tea.VIP` are loud.
        let loud = upper(ending.end - 1) && host::ends_strongly(&self.glyphs, ending);
        upper(ending.start) && !loud && !upper(left.end - 1)
    }

    fn byte_end(&self, at: usize) -> usize {
        at.checked_sub(1).map_or(0, |at| self.glyphs[at].end)
    }

    /// The link from here to the end of its path; a port that none can have makes it none.
    fn link(&self, start: usize, end: usize, name: Name, scheme: &str, disguised: bool) -> Step {
        let at = self.byte_end(end);
        let Ok(port) = tail::port_end(self.text, tail::root_end(self.text, at)) else {
            return Step::Past(end);
        };
        let last = tail::tail_end(self.text, port);
        let first = self.glyphs[start].start;
        let rest = &self.text[at..last];
        let slash = if rest.starts_with('\\') { "/" } else { "" };
        let url = format!(
            "{scheme}://{}{slash}{}",
            name.address.as_ref().unwrap_or(&name.host),
            rest.trim_start_matches('\\')
        );
        let link = Link {
            raw: self.text[first..last].to_owned(),
            url,
            host: name.host,
            domain: name.domain,
            span: first..last,
            obfuscated: disguised || name.lookalike,
            lookalike: name.lookalike,
        };
        let past = self.glyphs[end..]
            .iter()
            .take_while(|glyph| glyph.start < last)
            .count();
        Step::Found(link, end + past)
    }
}
