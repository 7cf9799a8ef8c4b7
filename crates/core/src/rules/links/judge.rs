//! The rule about links: the room's lists, what happens to all other links, and what an answer may show. Says what it
//! sees; what follows from that is the charter's.

use serde::{Deserialize, Serialize};

use super::super::{Hit, Side};
use super::fold::is_invisible;
use super::{Link, defuse, name};

/// The part of a charter that is about links.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, try_from = "Written")]
pub struct Settings {
    /// These may be shown by everybody.
    pub allow: Vec<Domain>,
    /// These by nobody.
    pub deny: Vec<Domain>,
    /// What of all others.
    pub others: Others,
    /// Which links an answer of the house may hold.
    pub answers: Answers,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    allow: Vec<Domain>,
    deny: Vec<Domain>,
    others: Others,
    answers: Answers,
}

/// Links that stand in no list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Others {
    /// May be shown.
    #[default]
    Allow,
    /// May not.
    Deny,
    /// May not by members who have only just come.
    NotNewcomers,
}

/// Links in answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answers {
    /// As on members' messages: all but the denied ones.
    #[default]
    Any,
    /// Shown, and not clickable unless allowed.
    Defuse,
    /// None but allowed ones.
    OnlyAllowed,
    /// None that the house has not fetched for this answer.
    OnlyFetched,
}

/// A name of the web in a list: it and all names under it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Domain(String);

/// Why a list of domains is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Nothing is written there.
    #[error("a domain is empty; write it like \"wikipedia.org\"")]
    Empty,
    /// A whole address stands there.
    #[error("\"{written}\" is an address, and lists hold domains; write \"{domain}\"")]
    Address {
        /// As it was written.
        written: String,
        /// What would do.
        domain: String,
    },
    /// Names under a name are meant anyway.
    #[error(
        "\"{written}\" has a star, and a domain means all names under it as well; write \"{domain}\""
    )]
    Star {
        /// As it was written.
        written: String,
        /// What would do.
        domain: String,
    },
    /// Half the web would be meant.
    #[error(
        "\"{0}\" is an ending that others have their domains under; write a whole domain, like \"wikipedia.org\""
    )]
    Ending(String),
    /// No name at all.
    #[error("\"{0}\" is no domain; write it like \"wikipedia.org\"")]
    Nothing(String),
    /// Allowed and denied.
    #[error("\"{0}\" stands in allow and in deny; take it out of one of them")]
    Both(String),
}

impl Domain {
    /// The name, in small letters and without disguise.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn covers(&self, host: &str) -> bool {
        host.strip_suffix(&*self.0)
            .is_some_and(|before| before.is_empty() || before.ends_with('.'))
    }
}

impl TryFrom<String> for Domain {
    type Error = SettingsError;

    fn try_from(written: String) -> Result<Self, SettingsError> {
        let seen: String = written.chars().filter(|c| !is_invisible(*c)).collect();
        let trimmed = seen.trim().to_lowercase();
        if trimmed.is_empty() {
            return Err(SettingsError::Empty);
        }
        if trimmed.contains(['/', '?', '#', '@']) || trimmed.contains(':') {
            let found = super::find(&trimmed);
            return Err(match found.first() {
                Some(link) => SettingsError::Address {
                    domain: link.host.trim_start_matches("www.").to_owned(),
                    written,
                },
                None => SettingsError::Nothing(written),
            });
        }
        let bare = trimmed.trim_end_matches('.');
        let starless = bare.trim_start_matches(['*', '.']);
        let Some(name) = name::plain(starless).filter(|name| is_whole(&name.host)) else {
            return Err(match psl::suffix_str(starless) {
                Some(ending) if ending == starless && !starless.contains(' ') => {
                    SettingsError::Ending(written)
                }
                Some(_) | None => SettingsError::Nothing(written),
            });
        };
        if starless != bare {
            return Err(SettingsError::Star {
                domain: name.host,
                written,
            });
        }
        Ok(Domain(name.host))
    }
}

/// Something under an ending, of characters that names have. An ending that is nobody's is let through if it has a
/// dot: houses have names of their own.
fn is_whole(host: &str) -> bool {
    let of_names = |c: char| c == '-' || c == '_' || c.is_alphanumeric() || !c.is_ascii();
    let well_shaped = host
        .split('.')
        .all(|part| !part.is_empty() && part.len() <= 255 && part.chars().all(of_names));
    well_shaped
        && host.contains('.')
        && !host.chars().any(char::is_whitespace)
        && psl::suffix(host.as_bytes()).is_some_and(|suffix| {
            suffix.as_bytes().len() < host.len() || suffix.typ() == Some(psl::Type::Private)
        })
}

impl From<Domain> for String {
    fn from(domain: Domain) -> String {
        domain.0
    }
}

impl TryFrom<Written> for Settings {
    type Error = SettingsError;

    fn try_from(written: Written) -> Result<Self, SettingsError> {
        Settings {
            allow: written.allow,
            deny: written.deny,
            others: written.others,
            answers: written.answers,
        }
        .checked()
    }
}

impl Settings {
    /// The same, if no domain is allowed and denied.
    pub fn checked(self) -> Result<Self, SettingsError> {
        match self.allow.iter().find(|domain| self.deny.contains(domain)) {
            Some(both) => Err(SettingsError::Both(both.0.clone())),
            None => Ok(self),
        }
    }

    /// The entry that stands for this link: the narrower of two, as `docs.example.com` in `example.com`.
    fn entry<'s>(&'s self, link: &Link) -> Option<(bool, &'s Domain)> {
        let allowed = self.allow.iter().map(|domain| (true, domain));
        let denied = self.deny.iter().map(|domain| (false, domain));
        allowed
            .chain(denied)
            .filter(|(_, domain)| domain.covers(&link.host))
            // Whoever poses as an allowed site is not that site.
            .filter(|(allowed, _)| !(*allowed && link.lookalike))
            .max_by_key(|(_, domain)| domain.0.len())
    }

    /// Does the room's list name this link as one that anybody may show?
    pub fn is_allowed(&self, link: &Link) -> bool {
        self.entry(link).is_some_and(|(allowed, _)| allowed)
    }

    /// An answer with those links defused that the room wants to see and not to click on. As it is under any other
    /// setting: what may not be shown at all is a finding, and not rewritten here.
    pub fn defused(&self, answer: &str) -> String {
        match self.answers {
            Answers::Defuse => defuse(answer, |link| self.is_allowed(link)),
            Answers::Any | Answers::OnlyAllowed | Answers::OnlyFetched => answer.to_owned(),
        }
    }
}

/// What the rule sees in these links. `fetched` are the domains that the house has read for this answer; it counts
/// for answers only, `is_newcomer` for members and questions.
pub fn judge(
    links: &[Link],
    settings: &Settings,
    side: Side,
    is_newcomer: bool,
    fetched: &[String],
) -> Vec<Hit> {
    links
        .iter()
        .filter_map(|link| judge_one(link, settings, side, is_newcomer, fetched))
        .collect()
}

fn judge_one(
    link: &Link,
    settings: &Settings,
    side: Side,
    is_newcomer: bool,
    fetched: &[String],
) -> Option<Hit> {
    let hit = |kind, why: &str| {
        Some(Hit::sure(
            link.span.clone(),
            kind,
            format!("the link leads to {}, {why}", link.domain),
        ))
    };
    match settings.entry(link) {
        Some((true, _)) if side != Side::Answer || settings.answers != Answers::OnlyFetched => {
            return None;
        }
        Some((false, domain)) => {
            let hit = hit("denied", "which this room denies");
            return hit.map(|hit| hit.of_entry(domain.as_str()));
        }
        Some((true, _)) | None => {}
    }
    match side {
        Side::Member | Side::Question => match settings.others {
            Others::Allow => None,
            Others::Deny => hit("not-allowed", "which this room does not allow"),
            Others::NotNewcomers if is_newcomer => {
                hit("newcomer", "and who has only just come may not show links")
            }
            Others::NotNewcomers => None,
        },
        Side::Answer => match settings.answers {
            Answers::Any | Answers::Defuse => None,
            Answers::OnlyAllowed => hit("not-allowed", "which this room does not allow in answers"),
            Answers::OnlyFetched if is_fetched(link, fetched) => None,
            Answers::OnlyFetched => hit("not-fetched", "which was not read for this answer"),
        },
    }
}

fn is_fetched(link: &Link, fetched: &[String]) -> bool {
    !link.lookalike
        && fetched.iter().any(|host| {
            host.eq_ignore_ascii_case(&link.host)
                || name::registrable(&host.to_lowercase()) == link.domain
        })
}
