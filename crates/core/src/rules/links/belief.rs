//! Is a name with dots one of the web, or the name of a file, the end of a sentence, a line of code? Rather no link
//! than a scolded sentence; a scheme, a path, a port or `www` settle it.

use super::fold::{Glyph, is_cjk};
use super::host::{Dot, Host, Separator, after_blanks, is_known, word};
use super::name;
use super::tables;

/// What else speaks for a link.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proof {
    /// A path or a port comes after the name.
    pub tail: bool,
    /// The name's ending begins with a capital letter, the part before does not.
    pub capital: bool,
}

/// May the first `count` parts be an address, without a scheme before them?
pub(super) fn is_believed(glyphs: &[Glyph], host: &Host, count: usize, proof: Proof) -> bool {
    let (Some(ending), Some(left)) = (host.labels.get(count - 1), host.labels.get(count - 2))
    else {
        return false;
    };
    let first_of = |at: usize| glyphs[at].c;
    if first_of(ending.start).is_ascii_digit() {
        return false;
    }
    let case = Case {
        ending: ending_of(&word(glyphs, ending)),
        left: word(glyphs, left),
        first: word(glyphs, &host.labels[0]),
        count,
        proof,
        called: follows(glyphs, ending.end),
        odd: glyphs[host.labels[0].start..ending.end]
            .iter()
            .any(|glyph| glyph.odd)
            || glyphs[host.labels[0].start + 1..ending.end]
                .iter()
                .any(|glyph| glyph.hidden)
            || is_of_two_scripts(&glyphs[left.clone()]),
        goes_on: goes_on(glyphs, ending.end),
    };
    if !is_known(&case.ending) {
        return false;
    }
    let separators = &host.separators[..count - 1];
    if separators.iter().all(Separator::is_plain) {
        let at_start =
            host.labels[0].start == 0 || first_of(host.labels[0].start - 1).is_whitespace();
        return case.is_plain_believed(at_start);
    }
    separators
        .iter()
        .filter(|separator| !separator.is_plain())
        .all(|separator| case.is_disguise_believed(separator))
}

/// Latin letters, and Cyrillic or Greek ones among them.
fn is_of_two_scripts(glyphs: &[Glyph]) -> bool {
    let is_other = |glyph: &Glyph| matches!(glyph.c, '\u{370}'..='\u{52f}');
    glyphs.iter().any(is_other) && glyphs.iter().any(|glyph| glyph.c.is_ascii_alphabetic())
}

/// `c0m` is read as it is meant.
pub(super) fn ending_of(written: &str) -> String {
    let plain = match written {
        "c0m" | "соm" | "сom" | "cоm" | "сом" => "com",
        "0rg" => "org",
        "c.n" => "cn",
        _ => written,
    };
    plain.to_owned()
}

fn goes_on(glyphs: &[Glyph], at: usize) -> bool {
    let next = after_blanks(glyphs, at, 3);
    glyphs
        .get(next)
        .is_some_and(|glyph| glyph.c.is_ascii_alphanumeric())
}

/// `name(` and `name = `: code.
fn follows(glyphs: &[Glyph], at: usize) -> bool {
    let next = |at: usize| glyphs.get(at).map(|glyph| glyph.c);
    glyphs
        .get(at)
        .is_some_and(|glyph| glyph.c == '(' && !glyph.odd)
        || next(after_blanks(glyphs, at, 2)) == Some('=')
}

struct Case {
    ending: String,
    left: String,
    first: String,
    count: usize,
    proof: Proof,
    called: bool,
    /// Written with letters that nobody types.
    odd: bool,
    /// A word in Latin letters comes next.
    goes_on: bool,
}

impl Case {
    fn is_proved(&self) -> bool {
        self.proof.tail || self.first == "www" && self.count > 2
    }

    /// Digits and dashes: a name that somebody chose.
    fn is_marked(&self) -> bool {
        self.left.contains(|c: char| c.is_ascii_digit() || c == '-')
    }

    /// Two letters that are an ending, and none of a file that programmers talk about.
    fn is_of_a_country(&self) -> bool {
        self.ending.len() == 2 && !tables::is_a_file(&self.ending)
            || matches!(&*self.ending, "pl" | "la" | "am" | "ac")
    }

    fn is_plain_believed(&self, at_start: bool) -> bool {
        let web = tables::is_plain_web(&self.ending);
        if self.left.starts_with(is_cjk) && self.ending.is_ascii() {
            let short = self.left.chars().count() <= 8;
            return self.is_proved() || at_start && short && matches!(&*self.ending, "com" | "cn");
        }
        if matches!(&*self.left, "asp" | "ado" | "vb") && self.ending == "net" && self.count == 2 {
            return self.proof.tail;
        }
        if tables::is_package(&self.first) && self.count > 2 {
            return self.proof.tail;
        }
        if !self.left.chars().any(char::is_alphabetic) && self.left.is_ascii() {
            // `163.com`, and not `3.in` or `1.me`.
            let digits = self.left.len();
            return digits > 1 && (web || self.is_proved()) || web && self.is_proved();
        }
        if self.is_proved() || web {
            return true;
        }
        let everyday = tables::is_everyday(&self.left);
        let long = self.left.chars().count() > 4;
        let deliberate = tables::is_strong(&self.ending) || long && self.is_of_a_country();
        if self.odd && deliberate && !everyday {
            return true;
        }
        if self.called || self.proof.capital {
            return false;
        }
        if tables::proves_nothing(&self.ending) {
            // `tea4you.me` at the end of what is said; no word of talk looks like that.
            return tables::is_strong(&self.ending) && self.is_marked() && !self.goes_on;
        }
        if tables::is_a_thing(&self.ending) {
            return !everyday && self.left.len() > 1;
        }
        !everyday || self.left == "a"
    }

    fn is_disguise_believed(&self, separator: &Separator) -> bool {
        let web = tables::is_plain_web(&self.ending);
        let strong = tables::is_strong(&self.ending);
        let everyday = tables::is_everyday(&self.left);
        let is_name = self.left.chars().any(|c| c.is_alphabetic())
            || self.left.len() >= 3
            || self.left.len() == 2 && web;
        if !is_name || self.called {
            return false;
        }
        let spaced = separator.left || separator.right;
        match separator.dot {
            Dot::Bracket if !everyday && self.left.len() > 2 && self.is_of_a_country() => true,
            Dot::Bracket | Dot::Quoted => {
                strong || self.is_proved() || !tables::proves_nothing(&self.ending)
            }
            Dot::Plain | Dot::Wide if spaced => self.is_spaced_believed(separator, web, everyday),
            Dot::Plain => true,
            Dot::Wide => self.is_plain_believed(false),
            Dot::Stop if spaced => web && !everyday,
            Dot::Stop => self.is_proved() || strong && !everyday && !self.proof.capital || web,
            Dot::Han => strong && (web || !everyday) || self.is_proved(),
            Dot::Word => (strong || self.is_proved()) && !everyday,
            Dot::Odd => (web && !everyday || self.is_proved()) && !self.proof.capital,
        }
    }

    /// Blanks around a dot are usual at the end of a sentence; before it they are rare, on both sides rarer.
    fn is_spaced_believed(&self, separator: &Separator, web: bool, everyday: bool) -> bool {
        if self.first == "www" && self.count > 2 {
            return tables::is_strong(&self.ending);
        }
        if everyday || self.proof.capital {
            return false;
        }
        // `bet365 .net` is a name, `install .net` is none.
        let marked = self.is_marked();
        let alone = tables::is_strong_alone(&self.ending);
        let strong = tables::is_strong(&self.ending);
        match (separator.left, separator.right) {
            (true, true) => alone || web || strong && (marked || !self.goes_on),
            (true, false) if self.ending == "net" => marked,
            (true, false) => alone || strong && (marked || !self.goes_on),
            (false, _) => web && self.ending != "net" || alone && marked && !self.goes_on,
        }
    }
}

/// The name that the first `count` parts spell.
pub(super) fn spelled(glyphs: &[Glyph], host: &Host, count: usize) -> Option<name::Name> {
    let mut written = String::new();
    for (n, label) in host.labels[..count].iter().enumerate() {
        if n > 0 {
            written.push('.');
        }
        let label = word(glyphs, label);
        if n > 0 && n + 1 == count {
            written.push_str(&ending_of(&label));
        } else {
            written.push_str(&label);
        }
    }
    name::plain(&written)
}
