//! What an account may do to a group, and how often: recalls, mutes and removals as QQ allows them. The bridge asks; what
//! it makes of the answer is its flavour's.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::{Chat, FakeQq, Role, World};

/// QQ takes back so many at once …
const RECALLS_AT_ONCE: u32 = 10;
/// … and then none for so long.
const RECALLS_STOP: Duration = Duration::from_secs(5);

/// Why QQ takes no message back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum RecallRefused {
    /// There is no such message any more, or no right, or it is too old: it does not say.
    No,
    /// Too many at once.
    TooFast,
}

/// The recalls of each account in each group.
pub(super) type Recalls = HashMap<(i64, i64), Pace>;

/// How fast an account recalls in a group.
pub(super) struct Pace {
    since: Instant,
    done: u32,
    stopped: Option<Instant>,
}

impl FakeQq {
    /// Whether QQ stops an account that takes back more than ten messages of a group within a second, for five seconds.
    pub fn throttles_recalls(&self, throttles: bool) {
        self.world().recalls = throttles.then(HashMap::new);
    }

    /// While it does something, no bridge is told of what changes.
    pub(in super::super) fn hushed<T>(&self, does: impl FnOnce() -> T) -> T {
        self.world().hushed = true;
        let done = does();
        self.world().hushed = false;
        done
    }

    /// Takes a message back as the account, if QQ lets it.
    pub(in super::super) fn recall_for(
        &self,
        account: i64,
        chat: Chat,
        seq: i64,
    ) -> Result<(), RecallRefused> {
        let done = self.world().recall_for(account, chat, seq);
        self.touch();
        done
    }

    /// Mutes as the account; the error is NapCat's.
    pub(in super::super) fn mute_for(
        &self,
        account: i64,
        group: i64,
        user: i64,
        seconds: i64,
    ) -> Result<(), &'static str> {
        let mut world = self.world();
        if user == 0 && world.member(group, account).role == Role::Member {
            return Err("ERR_NOT_GROUP_ADMIN");
        }
        if user != 0 {
            world.refuses_over(account, group, user)?;
        }
        world.mute(group, user, seconds, account);
        drop(world);
        self.touch();
        Ok(())
    }

    /// Removes as the account; the error is the one of a mute.
    pub(in super::super) fn kick_for(
        &self,
        account: i64,
        group: i64,
        user: i64,
    ) -> Result<(), &'static str> {
        let mut world = self.world();
        world.refuses_over(account, group, user)?;
        world.leave(group, user, Some(account));
        drop(world);
        self.touch();
        Ok(())
    }
}

impl World {
    fn recall_for(&mut self, account: i64, chat: Chat, seq: i64) -> Result<(), RecallRefused> {
        if let Chat::Group(group) = chat
            && self.recalls_too_fast(account, group)
        {
            return Err(RecallRefused::TooFast);
        }
        let line = self.line(chat, seq).filter(|line| !line.recalled);
        let line = line.cloned().ok_or(RecallRefused::No)?;
        let own = line.user_id == account;
        let allowed = match chat {
            Chat::Group(group) => {
                let mine = self.member(group, account).role;
                let author = self.group(group).members.get(&line.user_id);
                // Who has left has no rights any more.
                let theirs = author.map_or(Role::Member, |author| author.role);
                let fresh = line.at.elapsed() < Duration::from_secs(120);
                mine > theirs || (own && (fresh || mine > Role::Member))
            }
            Chat::Private { .. } => own,
        };
        if !allowed {
            return Err(RecallRefused::No);
        }
        self.recall(chat, seq, account);
        Ok(())
    }

    fn recalls_too_fast(&mut self, account: i64, group: i64) -> bool {
        let Some(recalls) = &mut self.recalls else {
            return false;
        };
        let now = Instant::now();
        let pace = recalls.entry((account, group)).or_insert(Pace {
            since: now,
            done: 0,
            stopped: None,
        });
        if pace.stopped.is_some_and(|until| now < until) {
            return true;
        }
        if pace.stopped.take().is_some() || now - pace.since >= Duration::from_secs(1) {
            (pace.since, pace.done) = (now, 0);
        }
        pace.done += 1;
        let too_many = pace.done > RECALLS_AT_ONCE;
        pace.stopped = too_many.then(|| now + RECALLS_STOP);
        too_many
    }

    /// Whether an account may mute or remove somebody; the error is NapCat's.
    fn refuses_over(&mut self, account: i64, group: i64, user: i64) -> Result<(), &'static str> {
        let mine = self.member(group, account).role;
        let theirs = self.group(group).members.get(&user);
        match theirs.map(|member| member.role) {
            None => Err("user not in group"),
            Some(_) if mine == Role::Member => Err("ERR_NOT_GROUP_ADMIN"),
            Some(Role::Owner) => Err("cannot ban owner"),
            Some(Role::Admin) if mine != Role::Owner => Err("cannot ban admin"),
            Some(Role::Member | Role::Admin) => Ok(()),
        }
    }
}
