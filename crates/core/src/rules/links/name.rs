//! The plain name behind what was written: punycode read, look-alikes seen through, numbers as addresses, and which
//! part of it somebody registered.

use std::borrow::Cow;

/// A name as it is shown, and whether it was made to be taken for another.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// The whole name.
    pub host: String,
    /// The part of it that somebody registered.
    pub domain: String,
    /// What a browser goes to, if that is another.
    pub address: Option<String>,
    /// Letters of another script stand for Latin ones: the real address is another.
    pub lookalike: bool,
}

/// None: no browser would go there, as punycode that says nothing.
pub(super) fn plain(written: &str) -> Option<Name> {
    let (seen, lookalike) = without_lookalikes(written);
    let host = if seen.is_ascii() && !seen.contains("xn--") {
        seen.into_owned()
    } else {
        let (host, verdict) = idna::domain_to_unicode(&seen);
        match verdict {
            Ok(()) => host,
            Err(_) if seen.contains("xn--") => return None,
            Err(_) => seen.into_owned(),
        }
    };
    // A name that was written in punycode may be made of look-alikes too.
    let (seen, hidden) = without_lookalikes(&host);
    let real = if lookalike { written } else { &host };
    let address = (lookalike || hidden)
        .then(|| idna::domain_to_ascii(real).ok())
        .flatten();
    let host = seen.into_owned();
    Some(Name {
        address,
        domain: registrable(&host).to_owned(),
        host,
        lookalike: lookalike || hidden,
    })
}

/// The part of a name that somebody registered: `bbc.co.uk` of `www.bbc.co.uk`. The name itself if its ending is
/// nobody's, or if all of it is an ending under which others have their names.
pub(super) fn registrable(host: &str) -> &str {
    psl::domain_str(host).unwrap_or(host)
}

/// Does the name have an ending that exists, and something before it?
pub(super) fn is_of_the_web(host: &str) -> bool {
    let Some(suffix) = psl::suffix(host.as_bytes()) else {
        return false;
    };
    suffix.is_known()
        && (suffix.as_bytes().len() < host.len()
            || suffix.typ() == Some(psl::Type::Private) && host.contains('.'))
}

/// Cyrillic and Greek letters that look like Latin ones, where the rest of the part is Latin.
fn without_lookalikes(host: &str) -> (Cow<'_, str>, bool) {
    if host.is_ascii() {
        return (Cow::Borrowed(host), false);
    }
    let ends_in_latin = host
        .rsplit('.')
        .next()
        .is_some_and(|ending| ending.chars().all(|c| latin(c).is_some()));
    let mut found = false;
    let parts: Vec<String> = host
        .split('.')
        .map(|part| {
            let read: Option<String> = part.chars().map(latin).collect();
            match read.filter(|_| ends_in_latin && !part.is_ascii()) {
                Some(read) => {
                    found = true;
                    read
                }
                None => part.to_owned(),
            }
        })
        .collect();
    if found {
        (Cow::Owned(parts.join(".")), true)
    } else {
        (Cow::Borrowed(host), false)
    }
}

fn latin(c: char) -> Option<char> {
    Some(match c {
        _ if c.is_ascii() => c,
        'а' | 'α' | 'ɑ' => 'a',
        'в' => 'b',
        'с' | 'ϲ' => 'c',
        'ԁ' | 'ɗ' => 'd',
        'е' | 'ҽ' => 'e',
        'ɡ' => 'g',
        'һ' | 'հ' => 'h',
        'і' | 'ι' | 'ı' => 'i',
        'ј' => 'j',
        'κ' | 'к' => 'k',
        'ӏ' | 'ⅼ' | 'ǀ' => 'l',
        'м' => 'm',
        'ո' | 'η' => 'n',
        'о' | 'ο' | 'օ' => 'o',
        'р' | 'ρ' => 'p',
        'ԛ' => 'q',
        'ѕ' => 's',
        'т' | 'τ' => 't',
        'υ' | 'ս' => 'u',
        'ν' | 'ѵ' => 'v',
        'ԝ' | 'ω' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'γ' => 'y',
        _ => return None,
    })
}

/// The address that numbers stand for, in any of the forms that browsers read: `3232235777`, `0xc0.0250.1.1`.
pub(super) fn number_address(host: &str) -> Option<String> {
    let parts: Vec<&str> = host.split('.').collect();
    let [before @ .., last] = &parts[..] else {
        return None;
    };
    if before.len() > 3 {
        return None;
    }
    let mut address: u64 = 0;
    for part in before {
        address = address << 8 | number(part).filter(|n| *n < 256)?;
    }
    let left = 8 * (4 - before.len() as u32);
    let last = number(last).filter(|n| *n < 1 << left)?;
    let address = address << left | last;
    let byte = |n: u32| address >> (8 * n) & 255;
    Some(format!("{}.{}.{}.{}", byte(3), byte(2), byte(1), byte(0)))
}

fn number(part: &str) -> Option<u64> {
    if part.len() > 13 {
        return None;
    }
    match part.strip_prefix("0x") {
        Some("") => Some(0),
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None if part.len() > 1 && part.starts_with('0') => u64::from_str_radix(part, 8).ok(),
        None if part.bytes().all(|b| b.is_ascii_digit()) => part.parse().ok(),
        None => None,
    }
}
