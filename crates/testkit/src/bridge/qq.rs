//! The QQ side's truth: groups, members, roles, mutes, and every message that people can see.
//! Bridges read it and write to it; tests act as its people and look at what was shown. It loses nothing and knows no house.

mod rights;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::wire::{self, Flavour, View};
use super::{Out, Side};
pub(super) use rights::RecallRefused;
use rights::Recalls;

/// Where people talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Chat {
    /// A group.
    Group(i64),
    /// A private chat of one of our accounts with somebody.
    Private {
        /// Ours.
        account: i64,
        /// The other person.
        peer: i64,
    },
}

/// A member's right in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// An ordinary one.
    Member,
    /// May recall and mute members.
    Admin,
    /// May do so with admins as well.
    Owner,
}

impl Role {
    fn word(self) -> &'static str {
        match self {
            Role::Member => "member",
            Role::Admin => "admin",
            Role::Owner => "owner",
        }
    }
}

/// Somebody in a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Their QQ number.
    pub user_id: i64,
    /// Their own name.
    pub nickname: String,
    /// Their name in this group, or nothing.
    pub card: String,
    /// Their right.
    pub role: Role,
}

/// A message just said in the world.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Said {
    /// Where.
    pub chat: Chat,
    /// The platform's own sequence, the same for every account.
    pub seq: i64,
    /// The id that the world's first bridge gives it (see [`super::FakeBridge::message_id`] for others).
    pub message_id: i64,
    /// When it was said; [`FakeQq::written_at`] tells when a bridge had passed it on.
    pub at: Instant,
}

/// A message as people see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The id that the world's first bridge gives it.
    pub message_id: i64,
    /// The platform's own sequence.
    pub seq: i64,
    /// Who wrote it.
    pub user_id: i64,
    /// Its segments, without the quote.
    pub segments: Vec<Value>,
    /// Its plain text.
    pub text: String,
    /// The id of the message it quotes, as the world's first bridge gives it.
    pub quote: Option<i64>,
    /// The sequence of the message it quotes.
    pub quote_seq: Option<i64>,
    /// Since when it is visible.
    pub at: Instant,
    /// Whether it was taken back.
    pub recalled: bool,
}

/// An event that had left the bridge: flushed to the socket at `at`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Written {
    /// Which bridge of the world, from 0.
    pub bridge: usize,
    /// Its account.
    pub self_id: i64,
    /// Where the message is.
    pub chat: Chat,
    /// The platform's own sequence.
    pub seq: i64,
    /// The id in the frame.
    pub message_id: i64,
    /// When.
    pub at: Instant,
}

/// An action that the house has called.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Which bridge of the world, from 0.
    pub bridge: usize,
    /// Its name.
    pub action: String,
    /// Its params.
    pub params: Value,
    /// Its echo, if there was one.
    pub echo: Option<Value>,
    /// When it came.
    pub at: Instant,
}

/// How `get_group_msg_history` and its private kin fare.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum History {
    /// As it should.
    Works,
    /// Messages get in only so much later.
    Lags(Duration),
    /// Every call throws.
    Fails,
    /// No call is answered.
    Silent,
}

/// The world. Clones share it.
#[derive(Clone)]
pub struct FakeQq {
    inner: Arc<Inner>,
}

struct Inner {
    world: Mutex<World>,
    version: watch::Sender<u64>,
}

struct World {
    /// Bundles of forwarded messages, by their handle.
    bundles: HashMap<String, Value>,
    chats: BTreeMap<Chat, Vec<Line>>,
    groups: BTreeMap<i64, Group>,
    sides: Vec<Weak<Side>>,
    /// The first bridge's flavour and account: through whose eyes tests see ids.
    lens: Option<(Flavour, i64)>,
    bridges: usize,
    written: Vec<Written>,
    calls: Vec<Call>,
    history: History,
    /// Whether what changes is told to nobody.
    hushed: bool,
    /// Where recalls are throttled.
    recalls: Option<Recalls>,
}

#[derive(Default)]
struct Group {
    name: String,
    members: BTreeMap<i64, Member>,
    gone: BTreeSet<i64>,
    mutes: HashMap<i64, Instant>,
    all_muted: bool,
}

/// One message as the platform keeps it.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub seq: i64,
    pub user_id: i64,
    pub segments: Vec<Value>,
    pub quote_seq: Option<i64>,
    pub time: i64,
    pub at: Instant,
    pub recalled: bool,
}

/// A message about to be shown for one of our accounts.
pub(super) struct Show {
    pub chat: Chat,
    pub user_id: i64,
    pub segments: Vec<Value>,
    pub quote_seq: Option<i64>,
}

/// Every chat starts here, so that flavours with unqualified ids do collide between groups.
const FIRST_SEQ: i64 = 16_001;
/// LLBot gives out what it has in memory, recalled or not.
const LLBOT_REMEMBERS: Duration = Duration::from_secs(120);
impl Default for FakeQq {
    fn default() -> FakeQq {
        FakeQq::new()
    }
}

impl FakeQq {
    /// An empty world; groups and members come into being when first named.
    pub fn new() -> FakeQq {
        let world = World {
            chats: BTreeMap::new(),
            groups: BTreeMap::new(),
            sides: Vec::new(),
            lens: None,
            bridges: 0,
            written: Vec::new(),
            calls: Vec::new(),
            history: History::Works,
            hushed: false,
            recalls: None,
            bundles: HashMap::new(),
        };
        FakeQq {
            inner: Arc::new(Inner {
                world: Mutex::new(world),
                version: watch::Sender::new(0),
            }),
        }
    }

    // ---- people act

    /// What is in a bundle of forwarded messages; a member shows it with a segment that names its handle.
    pub fn keeps_bundle(&self, id: &str, messages: Value) {
        self.world().bundles.insert(id.to_owned(), messages);
    }

    /// The messages of a bundle.
    pub(super) fn bundle(&self, id: &str) -> Option<Value> {
        self.world().bundles.get(id).cloned()
    }

    /// A member says something in a group. Who is muted there, or was removed, cannot: see [`FakeQq::tries_to_say`].
    pub fn says(&self, group: i64, user: i64, words: &str) -> Said {
        self.sends(group, user, vec![wire::text(words)])
    }

    /// A member sends segments ([`super::text`], [`super::mention`], [`super::quote`], [`super::image`], or any JSON).
    pub fn sends(&self, group: i64, user: i64, segments: Vec<Value>) -> Said {
        assert!(
            self.may_speak(group, user),
            "{user} is muted in group {group}, or not in it any more"
        );
        self.people_send(Chat::Group(group), user, segments)
    }

    /// A member tries to say something; nothing comes of it where they may not speak.
    pub fn tries_to_say(&self, group: i64, user: i64, words: &str) -> Option<Said> {
        let may = self.may_speak(group, user);
        may.then(|| self.says(group, user, words))
    }

    /// Whether the platform takes a member's words.
    pub fn may_speak(&self, group: i64, user: i64) -> bool {
        self.refuses(Chat::Group(group), user).is_none()
    }

    /// Somebody writes to one of our accounts in private.
    pub fn private_says(&self, account: i64, user: i64, words: &str) -> Said {
        self.people_send(
            Chat::Private {
                account,
                peer: user,
            },
            user,
            vec![wire::text(words)],
        )
    }

    fn people_send(&self, chat: Chat, user: i64, mut segments: Vec<Value>) -> Said {
        let mut world = self.world();
        let mut quote_seq = None;
        segments.retain(|segment| {
            let quoted = (segment["type"] == "reply")
                .then(|| wire::number(&segment["data"]["id"]))
                .flatten()
                .and_then(|id| world.seq_of(chat, id));
            quote_seq = quote_seq.or(quoted);
            quoted.is_none()
        });
        let seq = world.show(Show {
            chat,
            user_id: user,
            segments,
            quote_seq,
        });
        let said = Said {
            chat,
            seq,
            message_id: world.lens_id(chat, seq),
            at: Instant::now(),
        };
        drop(world);
        self.touch();
        said
    }

    /// A message is taken back: the author, or an admin. Unknown ids are ignored.
    pub fn recalls(&self, group: i64, message_id: i64, operator: i64) {
        let mut world = self.world();
        let chat = Chat::Group(group);
        if let Some(seq) = world.seq_of(chat, message_id) {
            world.recall(chat, seq, operator);
        }
        drop(world);
        self.touch();
    }

    /// Gives a role, without a word where it is the same; tells by `group_admin` where admin rights come or go.
    pub fn sets_role(&self, group: i64, user: i64, role: Role) {
        let mut world = self.world();
        let member = world.member(group, user);
        let before = std::mem::replace(&mut member.role, role);
        if before != role && (before == Role::Admin || role == Role::Admin) {
            let sub_type = if role == Role::Admin { "set" } else { "unset" };
            world.tell_group(
                group,
                &json!({"notice_type": "group_admin", "sub_type": sub_type, "group_id": group, "user_id": user}),
            );
        }
        drop(world);
        self.touch();
    }

    /// Gives names, silently.
    pub fn names(&self, group: i64, user: i64, nickname: &str, card: &str) {
        let mut world = self.world();
        let member = world.member(group, user);
        member.nickname = nickname.to_owned();
        member.card = card.to_owned();
    }

    /// Names a group, silently.
    pub fn names_group(&self, group: i64, name: &str) {
        self.world().group(group).name = name.to_owned();
    }

    /// Somebody joins (`group_increase`).
    pub fn joins(&self, group: i64, user: i64) {
        let mut world = self.world();
        world.group(group).gone.remove(&user);
        world.member(group, user);
        let notice = json!({"notice_type": "group_increase", "sub_type": "approve", "group_id": group,
                            "user_id": user, "operator_id": 0});
        world.tell_group(group, &notice);
        drop(world);
        self.touch();
    }

    /// Somebody leaves, or is removed by `operator`; for our own account that is `kick_me`.
    pub fn leaves(&self, group: i64, user: i64, operator: Option<i64>) {
        self.world().leave(group, user, operator);
        self.touch();
    }

    /// Mutes a member for some seconds (0 lifts); user 0 is everybody.
    pub fn mutes(&self, group: i64, user: i64, seconds: i64, operator: i64) {
        self.world().mute(group, user, seconds, operator);
        self.touch();
    }

    /// Sends any notice to all bridges of the group; `time`, `self_id`, `post_type` are filled in.
    pub fn tells(&self, group: i64, notice: &Value) {
        self.world().tell_group(group, notice);
    }

    /// From now on history fares like this.
    pub fn history(&self, history: History) {
        self.world().history = history;
    }

    // ---- tests look

    /// What the group shows now, in order; recalled messages are gone.
    pub fn shown(&self, group: i64) -> Vec<Shown> {
        self.seen(Chat::Group(group), |line| !line.recalled)
    }

    /// What one member, or one of our accounts, has in the group now.
    pub fn shown_by(&self, group: i64, user: i64) -> Vec<Shown> {
        self.seen(Chat::Group(group), |line| {
            !line.recalled && line.user_id == user
        })
    }

    /// All that the group ever showed, recalled or not.
    pub fn ever_shown(&self, group: i64) -> Vec<Shown> {
        self.seen(Chat::Group(group), |_| true)
    }

    /// What a private chat shows now.
    pub fn shown_private(&self, account: i64, user: i64) -> Vec<Shown> {
        self.seen(
            Chat::Private {
                account,
                peer: user,
            },
            |line| !line.recalled,
        )
    }

    /// What quotes a message, in order.
    pub fn quoting(&self, said: &Said) -> Vec<Shown> {
        self.seen(said.chat, |line| {
            !line.recalled && line.quote_seq == Some(said.seq)
        })
    }

    /// How many messages our accounts have in all groups and private chats, without copying any.
    pub fn count_by(&self, user: i64) -> usize {
        let world = self.world();
        world
            .chats
            .values()
            .flatten()
            .filter(|line| line.user_id == user && !line.recalled)
            .count()
    }

    /// How many visible messages of one writer quote each message, by chat and sequence: for "exactly one answer".
    pub fn quotes_by(&self, user: i64) -> BTreeMap<(Chat, i64), usize> {
        let world = self.world();
        let mut counts = BTreeMap::new();
        for (chat, lines) in &world.chats {
            let theirs = lines
                .iter()
                .filter(|line| line.user_id == user && !line.recalled);
            for quoted in theirs.filter_map(|line| line.quote_seq) {
                *counts.entry((*chat, quoted)).or_insert(0) += 1;
            }
        }
        counts
    }

    /// The chats in which something was said.
    pub fn chats(&self) -> Vec<Chat> {
        self.world().chats.keys().copied().collect()
    }

    fn seen(&self, chat: Chat, keep: impl Fn(&Line) -> bool) -> Vec<Shown> {
        let world = self.world();
        let lines = world.chats.get(&chat).into_iter().flatten();
        lines
            .filter(|line| keep(line))
            .map(|line| world.shown(chat, line))
            .collect()
    }

    /// A member as the platform knows them.
    pub fn member(&self, group: i64, user: i64) -> Option<Member> {
        self.world().groups.get(&group)?.members.get(&user).cloned()
    }

    /// Until when a member is muted.
    pub fn muted_until(&self, group: i64, user: i64) -> Option<Instant> {
        self.world()
            .groups
            .get(&group)?
            .mutes
            .get(&user)
            .copied()
            .filter(|until| *until > Instant::now())
    }

    /// Every message event that had left a bridge, in order, with the moment of its flush.
    pub fn frames_written(&self) -> Vec<Written> {
        self.world().written.clone()
    }

    /// When the first bridge had flushed this message to the house.
    pub fn written_at(&self, said: &Said) -> Option<Instant> {
        let world = self.world();
        world
            .written
            .iter()
            .find(|written| written.chat == said.chat && written.seq == said.seq)
            .map(|written| written.at)
    }

    /// Every action that the house called, on every bridge, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.world().calls.clone()
    }

    /// How often an action was called.
    pub fn count_calls(&self, action: &str) -> usize {
        self.world()
            .calls
            .iter()
            .filter(|call| call.action == action)
            .count()
    }

    /// Waits until something holds, looking again whenever the world or a bridge of it changes. False: it never did within `limit`.
    pub async fn wait_until(&self, holds: impl Fn(&FakeQq) -> bool, limit: Duration) -> bool {
        let mut version = self.inner.version.subscribe();
        let waiting = async {
            loop {
                version.borrow_and_update();
                if holds(self) {
                    return;
                }
                if version.changed().await.is_err() {
                    return;
                }
            }
        };
        timeout(limit, waiting).await.is_ok() || holds(self)
    }

    // ---- bridges

    fn world(&self) -> MutexGuard<'_, World> {
        self.inner
            .world
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Something changed that somebody may wait for.
    pub(super) fn touch(&self) {
        self.inner.version.send_modify(|version| *version += 1);
    }

    pub(super) fn next_bridge_number(&self) -> usize {
        let mut world = self.world();
        world.bridges += 1;
        world.bridges - 1
    }

    pub(super) fn register(&self, side: &Arc<Side>) {
        let mut world = self.world();
        world
            .lens
            .get_or_insert((side.options.flavour, side.options.self_id));
        world.sides.retain(|side| side.strong_count() > 0);
        world.sides.push(Arc::downgrade(side));
    }

    pub(super) fn note_written(&self, marks: impl Iterator<Item = Written>) {
        self.world().written.extend(marks);
        self.touch();
    }

    pub(super) fn note_call(&self, call: Call) {
        self.world().calls.push(call);
        self.touch();
    }

    pub(super) fn show(&self, show: Show) -> i64 {
        let seq = self.world().show(show);
        self.touch();
        seq
    }

    pub(super) fn frame_for(&self, side: &Side, chat: Chat, seq: i64) -> Option<Value> {
        let world = self.world();
        Some(world.event(side, chat, world.line(chat, seq)?))
    }

    /// Why the platform takes nothing from this account here: the kernel's result and words.
    pub(super) fn refuses(&self, chat: Chat, account: i64) -> Option<(i64, &'static str)> {
        let Chat::Group(group) = chat else {
            return None;
        };
        let mut world = self.world();
        if world.group(group).gone.contains(&account) {
            return Some((110, "你已被移出该群，请重新加群。"));
        }
        let role = world.member(group, account).role;
        let group = world.group(group);
        let muted = group
            .mutes
            .get(&account)
            .is_some_and(|until| *until > Instant::now());
        (muted || (group.all_muted && role == Role::Member)).then_some((120, "你已被禁言"))
    }

    pub(super) fn member_info(&self, group: i64, user: i64) -> Option<Value> {
        let world = self.world();
        let found = world.groups.get(&group)?;
        let member = found.members.get(&user)?;
        Some(member_info(group, member, found.mutes.get(&user).copied()))
    }

    pub(super) fn member_list(&self, group: i64) -> Vec<Value> {
        let world = self.world();
        let Some(found) = world.groups.get(&group) else {
            return Vec::new();
        };
        let info =
            |member: &Member| member_info(group, member, found.mutes.get(&member.user_id).copied());
        found.members.values().map(info).collect()
    }

    /// Makes sure that our own account is a member where it acts.
    pub(super) fn enters(&self, group: i64, account: i64) {
        let mut world = self.world();
        if !world.group(group).gone.contains(&account) {
            world.member(group, account);
        }
    }

    pub(super) fn group_info(&self, group: i64) -> Option<Value> {
        let world = self.world();
        let found = world.groups.get(&group)?;
        Some(json!({
            "group_id": group, "group_name": found.name, "member_count": found.members.len(),
            "max_member_count": 500, "group_all_shut": if found.all_muted { -1 } else { 0 }, "group_remark": "",
        }))
    }

    pub(super) fn group_list(&self, account: i64) -> Vec<Value> {
        let groups: Vec<i64> = {
            let world = self.world();
            world
                .groups
                .iter()
                .filter(|(_, group)| !group.gone.contains(&account))
                .map(|(id, _)| *id)
                .collect()
        };
        groups
            .into_iter()
            .filter_map(|group| self.group_info(group))
            .collect()
    }

    /// `count` messages that end at `until` (or start there when reversed); ascending; recalled ones are left out.
    pub(super) fn history_for(
        &self,
        side: &Side,
        chat: Chat,
        until: Option<i64>,
        count: usize,
        reversed: bool,
    ) -> Result<Vec<Value>, History> {
        let world = self.world();
        let lag = match world.history {
            History::Works => Duration::ZERO,
            History::Lags(lag) => lag,
            fails @ (History::Fails | History::Silent) => return Err(fails),
        };
        let lines = world.chats.get(&chat).map_or(&[][..], Vec::as_slice);
        let visible = lines
            .iter()
            .filter(|line| !line.recalled && line.at.elapsed() >= lag);
        let mut found: Vec<&Line> = match (until, reversed) {
            (Some(from), true) => visible
                .filter(|line| line.seq >= from)
                .take(count)
                .collect(),
            (until, _) => {
                let older = visible
                    .rev()
                    .filter(|line| until.is_none_or(|until| line.seq <= until));
                older.take(count).collect()
            }
        };
        found.sort_by_key(|line| line.seq);
        let events = found.into_iter().map(|line| {
            side.learn(chat, line.seq);
            world.event(side, chat, line)
        });
        Ok(events.collect())
    }

    pub(super) fn message_for(&self, side: &Side, chat: Chat, seq: i64) -> Option<Value> {
        let world = self.world();
        let line = world.line(chat, seq)?;
        let kept = match side.options.flavour {
            // It asks QQ.
            Flavour::NapCat => false,
            // Out of its memory, for so long.
            Flavour::LlBot => line.at.elapsed() < LLBOT_REMEMBERS,
            // Out of their own store.
            Flavour::LagrangeV1 | Flavour::GoCqhttp => true,
        };
        (kept || !line.recalled).then(|| world.event(side, chat, line))
    }
}

impl World {
    fn group(&mut self, id: i64) -> &mut Group {
        self.groups.entry(id).or_insert_with(|| Group {
            name: format!("群{id}"),
            ..Group::default()
        })
    }

    fn member(&mut self, group: i64, user: i64) -> &mut Member {
        let side = self
            .sides
            .iter()
            .filter_map(Weak::upgrade)
            .find(|side| side.options.self_id == user);
        let nickname =
            side.map_or_else(|| format!("u{user}"), |side| side.options.nickname.clone());
        self.group(group)
            .members
            .entry(user)
            .or_insert_with(|| Member {
                user_id: user,
                nickname,
                card: String::new(),
                role: Role::Member,
            })
    }

    fn line(&self, chat: Chat, seq: i64) -> Option<&Line> {
        self.chats
            .get(&chat)?
            .get(usize::try_from(seq - FIRST_SEQ).ok()?)
    }

    fn lens_id(&self, chat: Chat, seq: i64) -> i64 {
        let (flavour, account) = self.lens.unwrap_or((Flavour::NapCat, 10_001_000));
        flavour.message_id(account, chat, seq)
    }

    fn seq_of(&self, chat: Chat, message_id: i64) -> Option<i64> {
        let lines = self.chats.get(&chat)?;
        lines
            .iter()
            .rev()
            .map(|line| line.seq)
            .find(|seq| self.lens_id(chat, *seq) == message_id)
    }

    fn shown(&self, chat: Chat, line: &Line) -> Shown {
        Shown {
            message_id: self.lens_id(chat, line.seq),
            seq: line.seq,
            user_id: line.user_id,
            segments: line.segments.clone(),
            text: wire::plain(&line.segments),
            quote: line.quote_seq.map(|seq| self.lens_id(chat, seq)),
            quote_seq: line.quote_seq,
            at: line.at,
            recalled: line.recalled,
        }
    }

    /// Makes a message visible and hands it to every bridge that is connected now.
    fn show(&mut self, show: Show) -> i64 {
        let Show {
            chat,
            user_id,
            segments,
            quote_seq,
        } = show;
        if let Chat::Group(group) = chat {
            self.member(group, user_id);
        }
        let lines = self.chats.entry(chat).or_default();
        let seq = lines.last().map_or(FIRST_SEQ, |last| last.seq + 1);
        let line = Line {
            seq,
            user_id,
            segments,
            quote_seq,
            time: wall_seconds(),
            at: Instant::now(),
            recalled: false,
        };
        lines.push(line.clone());
        for side in self.sides_in(chat) {
            let own = side.options.self_id == user_id;
            if side.online() && (!own || side.options.report_self_message) {
                side.learn(chat, seq);
                let event = self.event(&side, chat, &line);
                side.push(Out::marked(&event, side.mark(chat, seq)));
            }
        }
        seq
    }

    fn sides_in(&mut self, chat: Chat) -> Vec<Arc<Side>> {
        let sides: Vec<_> = self.sides.iter().filter_map(Weak::upgrade).collect();
        let here = |side: &Arc<Side>| match chat {
            Chat::Group(group) => {
                let here = !self.group(group).gone.contains(&side.options.self_id);
                if here {
                    self.member(group, side.options.self_id);
                }
                here
            }
            Chat::Private { account, .. } => side.options.self_id == account,
        };
        sides.into_iter().filter(here).collect()
    }

    fn event(&self, side: &Side, chat: Chat, line: &Line) -> Value {
        let options = &side.options;
        let view = View {
            flavour: options.flavour,
            self_id: options.self_id,
            strings: options
                .string_format
                .unwrap_or(options.flavour.writes_strings()),
            clock_offset: options.clock_offset,
        };
        let group = match chat {
            Chat::Group(group) => self.groups.get(&group),
            Chat::Private { .. } => None,
        };
        let member = group.and_then(|group| group.members.get(&line.user_id));
        let nickname = match member {
            Some(member) => member.nickname.clone(),
            None if line.user_id == options.self_id => options.nickname.clone(),
            None => format!("u{}", line.user_id),
        };
        let mut sender = json!({"user_id": line.user_id, "nickname": nickname, "card": ""});
        if let Some(member) = member {
            sender["card"] = member.card.clone().into();
            sender["role"] = member.role.word().into();
            if options.flavour != Flavour::NapCat {
                sender["level"] = "1".into();
                sender["title"] = "".into();
            }
        }
        wire::message_event(
            &view,
            chat,
            line,
            &sender,
            group.map_or("", |group| group.name.as_str()),
        )
    }

    fn recall(&mut self, chat: Chat, seq: i64, operator: i64) {
        let index = usize::try_from(seq - FIRST_SEQ).unwrap_or(usize::MAX);
        let Some(line) = self
            .chats
            .get_mut(&chat)
            .and_then(|lines| lines.get_mut(index))
        else {
            return;
        };
        line.recalled = true;
        let author = line.user_id;
        for side in self.sides_in(chat) {
            let mut notice = json!({"user_id": author, "message_id": side.id_of(chat, seq)});
            match chat {
                Chat::Group(group) => {
                    notice["notice_type"] = "group_recall".into();
                    notice["group_id"] = group.into();
                    notice["operator_id"] = operator.into();
                }
                Chat::Private { .. } => notice["notice_type"] = "friend_recall".into(),
            }
            if side.options.flavour == Flavour::LagrangeV1 {
                notice["tip"] = "".into();
            }
            self.push_notice(&side, notice);
        }
    }

    fn leave(&mut self, group: i64, user: i64, operator: Option<i64>) {
        for side in self.sides_in(Chat::Group(group)) {
            let sub_type = match operator {
                None => "leave",
                Some(_) if side.options.self_id == user => "kick_me",
                Some(_) => "kick",
            };
            let notice = json!({"notice_type": "group_decrease", "sub_type": sub_type, "group_id": group,
                                "user_id": user, "operator_id": operator.unwrap_or(user)});
            self.push_notice(&side, notice);
        }
        let group = self.group(group);
        group.members.remove(&user);
        group.gone.insert(user);
    }

    fn mute(&mut self, group: i64, user: i64, seconds: i64, operator: i64) {
        let place = self.group(group);
        let lasting = u64::try_from(seconds)
            .unwrap_or(u64::MAX / 4)
            .min(2_592_000);
        if user == 0 {
            place.all_muted = seconds != 0;
        } else if seconds == 0 {
            place.mutes.remove(&user);
        } else {
            place
                .mutes
                .insert(user, Instant::now() + Duration::from_secs(lasting));
        }
        let sub_type = if seconds == 0 { "lift_ban" } else { "ban" };
        // Everybody at once is user 0 with duration -1.
        let duration = if user == 0 && seconds != 0 {
            -1
        } else {
            seconds
        };
        self.tell_group(
            group,
            &json!({"notice_type": "group_ban", "sub_type": sub_type, "group_id": group,
                    "operator_id": operator, "user_id": user, "duration": duration}),
        );
    }

    fn tell_group(&mut self, group: i64, notice: &Value) {
        for side in self.sides_in(Chat::Group(group)) {
            self.push_notice(&side, notice.clone());
        }
    }

    fn push_notice(&self, side: &Side, notice: Value) {
        if !self.hushed {
            side.push(Out::frame(&side.stamped("notice", notice)));
        }
    }
}

fn member_info(group: i64, member: &Member, muted_until: Option<Instant>) -> Value {
    let left = muted_until.map(|until| until.saturating_duration_since(Instant::now()).as_secs());
    let shut_up = left
        .filter(|left| *left > 0)
        .map_or(0, |left| wall_seconds() + left.cast_signed());
    json!({
        "group_id": group, "user_id": member.user_id, "nickname": member.nickname, "card": member.card,
        "sex": "unknown", "age": 0, "area": "", "level": "1", "qq_level": 0, "join_time": 1_700_000_000,
        "last_sent_time": 1_700_000_000, "role": member.role.word(), "title": "", "title_expire_time": 0,
        "unfriendly": false, "card_changeable": true, "shut_up_timestamp": shut_up, "is_robot": false,
    })
}

/// Seconds on the wall's clock: the platform stamps its own time.
#[expect(
    clippy::disallowed_methods,
    reason = "the platform has a clock of its own; the house must not depend on it"
)]
pub(super) fn wall_seconds() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs().cast_signed())
}
