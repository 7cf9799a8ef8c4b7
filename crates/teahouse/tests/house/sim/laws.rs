//! What must hold in every evening, judged at the moment it could break: at a commit, a call, a send, a message that
//! appears, and after each step. The numbers are those of the invariants.

use std::collections::BTreeMap;
use std::time::Duration;

use teahouse_core::{
    AccountName, Address, ChatId, ChatRequest, Delivery, DeliveryId, Effect, FRESHNESS, Language,
    MemberId, MessageId, Notice, Outgoing, RoomId, TURNS_AT_ONCE, TURNS_WAITING,
};
use teahouse_store::{
    Acceptance, Accepted, Attempt, AttemptEnd, Case, CaseKind, CaseState, Lease, Outbound,
    Settlement, Totals,
};

use super::faults::Faults;
use super::world::{Disk, RoomTruth, Shown, Spoken, Truth, Turn};

/// A question that was taken in has its end within so long of an unbroken life: it may wait five minutes for its turn
/// and four for its answer; the rest is what slow and failing stores take.
const LONGEST_TURN: Duration = Duration::from_secs(12 * 60);
/// The second copy of a message may be the one that is heard, so much later.
const A_COPY: Duration = Duration::from_secs(60);
/// An answer gets so long.
const ANSWER: Duration = Duration::from_secs(240);
/// What goes stale so shortly one after the other went stale in one gap.
const ONE_GAP: Duration = Duration::from_secs(120);
/// Words of a vendor, and of a key, that stand in every failure.
pub const VENDORS_WORDS: &str = "vendor's own words";

/// A word of the evening that says where it comes from: `q3x17q` is question 17 of room 3, `t3x18t` a line of talk,
/// `w3x17s2w` the third sentence of the answer to that question.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token {
    pub kind: char,
    pub room: u64,
    pub serial: u64,
    pub sentence: Option<u64>,
}

/// All tokens of a text, in order.
pub fn tokens(text: &str) -> Vec<Token> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter_map(token).collect()
}

fn token(word: &str) -> Option<Token> {
    let kind = word.chars().next().filter(|c| "qtw".contains(*c))?;
    let inner = word.strip_prefix(kind)?.strip_suffix(kind)?;
    let (room, rest) = inner.split_once('x')?;
    let (serial, sentence) = match rest.split_once('s') {
        Some((serial, sentence)) => (serial, Some(sentence.parse().ok()?)),
        None => (rest, None),
    };
    Some(Token {
        kind,
        room: room.parse().ok()?,
        serial: serial.parse().ok()?,
        sentence,
    })
}

/// The number of a room, as it stands in its name.
pub fn number(chat: &ChatId) -> u64 {
    let digits = chat
        .as_str()
        .trim_start_matches(|c: char| !c.is_ascii_digit());
    digits.parse().expect("rooms have numbers")
}

impl Disk {
    fn set_aside(&mut self, attempt: &Attempt) -> Vec<String> {
        self.attempts += 1;
        let mut over = Vec::new();
        let mut keys = Vec::new();
        for budget in &attempt.budgets {
            let money = self.budgets.entry(budget.key.clone()).or_default();
            money.limit = budget.limit.0;
            money.reserved += attempt.reserve.0;
            if money.reserved + money.spent > money.limit {
                over.push(format!("budget {} is overdrawn: {money:?}", budget.key));
            }
            keys.push(budget.key.clone());
        }
        let id = (attempt.turn, attempt.number.attempt);
        if self
            .reservations
            .insert(id, (attempt.reserve.0, keys))
            .is_some()
        {
            over.push(format!("attempt {id:?} was reserved twice"));
        }
        over
    }

    /// The row that a room at this address is about to send.
    fn row_in_hand(&self, address: &Address) -> Option<DeliveryId> {
        let room = self.places.get(address)?;
        self.in_hand.get(room).copied()
    }

    fn book(&mut self, end: &AttemptEnd) {
        self.spend((end.turn, end.number.attempt), end.cost.0);
    }

    fn spend(&mut self, id: (teahouse_core::TurnId, u16), cost: i64) {
        let Some((amount, keys)) = self.reservations.remove(&id) else {
            return;
        };
        for key in keys {
            let money = self.budgets.entry(key).or_default();
            money.reserved -= amount;
            money.spent += cost;
        }
    }
}

impl Truth {
    pub fn accepted(&mut self, lease: Lease, acceptance: &Acceptance, accepted: Accepted) {
        if accepted == Accepted::Seen {
            return;
        }
        for say in &acceptance.say {
            self.disk.rows.insert(say.sealed.as_bytes().to_vec());
        }
        if let Some((turn, end)) = &acceptance.turn {
            let now = self.now();
            let kept = Turn {
                room: lease.room,
                chat: turn.address.chat.clone(),
                label: turn.message.clone(),
                since: now,
                asked: turn.asked,
                old: false,
                ended: *end,
            };
            let room = turn.address.chat.to_string();
            self.note(&room, format!("accepted {} ({end:?})", turn.message));
            self.disk.turns.insert(turn.id, kept);
            self.grow_old();
            let open = self.disk.turns.values();
            let open = open
                .filter(|t| t.room == lease.room && t.ended.is_none() && !t.old)
                .count();
            self.law(open <= TURNS_AT_ONCE + TURNS_WAITING + 1, || {
                format!("{open} questions are open in {room}")
            });
        }
        if let (Some(attempt), Accepted::Begun) = (&acceptance.attempt, accepted) {
            self.reserved(attempt);
        }
    }

    /// Open questions that are too old by now, by either clock: they share an apology, and keep nobody from asking.
    fn grow_old(&mut self) {
        let (now, life, wall) = (self.now(), self.life, self.wall());
        for turn in self.disk.turns.values_mut().filter(|t| t.ended.is_none()) {
            let told = self.said.values().filter(|s| s.label == turn.label);
            let mut told = told.filter_map(|s| s.told).filter(|(l, _)| *l == life);
            turn.old |= told.any(|(_, at)| now - at > FRESHNESS)
                || now - turn.since > FRESHNESS
                || wall.duration_since(turn.asked).as_secs_f64() > FRESHNESS.as_secs_f64();
        }
    }

    pub fn reserved(&mut self, attempt: &Attempt) {
        let id = (attempt.turn, attempt.number.attempt);
        if self.disk.reservations.contains_key(&id) {
            // Asked again, after its reply was lost.
            return;
        }
        for over in self.disk.set_aside(attempt) {
            self.law(false, || over);
        }
    }

    pub fn booked(&mut self, end: &AttemptEnd) {
        self.disk.book(end);
    }

    /// A room takes a row in hand, to send it or to look for it.
    pub fn takes_in_hand(&mut self, row: Option<&Delivery>) {
        if let Some(row) = row {
            self.disk.in_hand.insert(row.room, row.id);
        }
    }

    pub fn released(&mut self, part: &Outbound) {
        self.disk.rows.insert(part.sealed.as_bytes().to_vec());
    }

    pub fn settled(&mut self, settlement: &Settlement) {
        let Some(turn) = self.disk.turns.get_mut(&settlement.turn) else {
            return self.law(false, || "a turn that nobody took in was settled".into());
        };
        if turn.ended.is_some() {
            return;
        }
        turn.ended = Some(settlement.reason);
        let (room, label) = (turn.chat.to_string(), turn.label.clone());
        for say in &settlement.say {
            self.disk.rows.insert(say.sealed.as_bytes().to_vec());
        }
        if let Some(end) = &settlement.attempt {
            self.disk.book(end);
        }
        let left = self.disk.reservations.iter();
        let left = left.filter(|((turn, _), _)| *turn == settlement.turn);
        let left: Vec<_> = left.map(|(id, (amount, _))| (*id, *amount)).collect();
        for (id, amount) in left {
            self.disk.spend(id, amount);
        }
        let cut = if settlement.cut_short {
            ", cut short"
        } else {
            ""
        };
        self.note(
            &room,
            format!("settled {label}: {}{cut}", settlement.reason),
        );
    }

    /// The disk has forgotten a message that was taken back.
    pub fn forgot(&mut self, label: &MessageId, account: &AccountName) {
        let life = self.life;
        for spoken in self
            .said
            .values_mut()
            .filter(|spoken| spoken.label == *label)
        {
            spoken.forgotten.insert(account.clone(), life);
        }
    }

    /// A provider is called.
    pub fn called(
        &mut self,
        provider: &str,
        request: &ChatRequest,
        accounts: usize,
    ) -> Option<Token> {
        self.calls += 1;
        let (calls, attempts) = (self.calls, self.disk.attempts);
        self.law(calls <= attempts, || {
            format!("call {calls} of {provider}, but the ledger knows {attempts}")
        });
        let text: String = request
            .lines
            .iter()
            .map(|l| format!("{}\n", l.content))
            .collect();
        self.law(!text.contains(VENDORS_WORDS), || {
            "a vendor's words are in a prompt".into()
        });
        let all = tokens(&text);
        let asked = tokens(teahouse_core::question_of(&request.lines));
        let asked = asked.into_iter().find(|token| token.kind == 'q');
        if let Some(asked) = &asked {
            for token in &all {
                self.law(token.room == asked.room, || {
                    format!(
                        "{token:?} is in the prompt of a question of room {}",
                        asked.room
                    )
                });
                let name = match token.kind {
                    'w' => format!("q{}x{}q", token.room, token.serial),
                    kind => format!("{kind}{}x{}{kind}", token.room, token.serial),
                };
                let spoken = self.said.get(&name);
                // Of two that bear one label the history still shows the one that was not taken back.
                let collided = |label| self.rooms.values().any(|r| r.collided.contains(label));
                let forgotten = spoken.is_some_and(|spoken| {
                    spoken.forgotten.len() == accounts && !collided(&spoken.label)
                });
                self.law(!forgotten, || {
                    format!("{token:?} was taken back and is in a prompt")
                });
            }
            let name = format!("q{}x{}q", asked.room, asked.serial);
            self.is_still_wanted(&name, accounts);
            let calls_us = self.said.get(&name).is_some_and(|spoken| spoken.calls);
            self.law(calls_us, || {
                format!("{name} did not call the house and was asked")
            });
        }
        asked
    }

    /// A model is asked first of a question that is fresh, and later in the time of its answer, whatever the clocks
    /// show and whatever it waited for.
    fn is_still_wanted(&mut self, question: &str, accounts: usize) {
        let (now, life) = (self.now(), self.life);
        let is_first = self.asked.insert((life, question.to_owned()));
        let Some(spoken) = self.said.get(question) else {
            return;
        };
        // Of two that bear one label nobody can say which was heard.
        let collided = self.rooms[&spoken.chat].collided.contains(&spoken.label);
        let heard = spoken
            .heard
            .values()
            .filter(|(l, _)| *l == life && !collided);
        let times: Vec<_> = heard.map(|(_, at)| *at).collect();
        // An account that has not heard it reads of it later, and then the clock alone tells its age.
        let can_tell = times.len() == accounts || self.shift == spoken.under;
        let Some(heard) = times.into_iter().max().filter(|_| can_tell) else {
            return;
        };
        let limit = match is_first {
            true => FRESHNESS + A_COPY,
            false => FRESHNESS + ANSWER + A_COPY,
        };
        self.law(now - heard <= limit, || {
            format!(
                "a model is asked of {question} {} s late",
                (now - heard).as_secs()
            )
        });
    }

    /// We are about to say something in a room.
    pub fn sending(&mut self, out: &Outgoing, safe_pace: bool) {
        let chat = out.address().chat.clone();
        let (now, life, text) = (self.now(), self.life, out.text());
        self.law(!text.contains(VENDORS_WORDS), || {
            format!("a vendor's words are said: {text}")
        });
        for token in tokens(&text) {
            let here = number(&chat);
            self.law(token.room == here, || {
                format!("{token:?} is said in {chat}")
            });
        }
        let sealed = out.seal().as_bytes().to_vec();
        let first = String::from_utf8_lossy(&sealed)
            .replacen("(again) ", "", 1)
            .into_bytes();
        let known = self.disk.rows.contains(&sealed) || self.disk.rows.contains(&first);
        // In the place of a row that was swallowed twice, delivery says that it was.
        self.law(known || is_not_shown(&text), || {
            format!("no row of the outbox: {text}")
        });
        let again = text.starts_with("(again)");
        let words = text.trim_start_matches("(again) ").to_owned();
        let collided = |room: &RoomTruth| out.quote().is_some_and(|q| room.collided.contains(q));
        if again && let Some(room) = self.rooms.get(&chat).filter(|room| !collided(room)) {
            let row = self.disk.row_in_hand(out.address());
            let twins = room.shown.iter().filter(|shown| {
                shown.who.is_none() && shown.text == words && shown.quote.as_ref() == out.quote()
            });
            // Two rows may say the same: what is known as another's is no twin.
            let mut seen = twins.map(|twin| &twin.label).filter(|label| {
                let known = self.disk.labels.get(*label);
                room.read.contains(*label) && (known.is_none() || known == row.as_ref())
            });
            let seen = seen.next().cloned();
            self.law(seen.is_none(), || {
                format!("said again though it was read back as {seen:?}: {words}")
            });
        }
        let address = out.address().clone();
        self.sends.push((now, address.clone(), life));
        if safe_pace {
            self.keeps_pace(now, life, |a| *a == address, 3, 1_200);
            self.keeps_pace(now, life, |a| a.account == address.account, 5, 3_000);
        }
    }

    /// In no window more than the burst and what the window allows.
    fn keeps_pace(
        &mut self,
        now: Duration,
        life: u64,
        of: impl Fn(&Address) -> bool,
        burst: usize,
        every: u128,
    ) {
        let sends = self.sends.iter().rev().take(60);
        let sends = sends
            .filter(|(_, to, l)| *l == life && of(to))
            .map(|(at, ..)| *at);
        let mut over = None;
        for (n, at) in sends.enumerate() {
            let window = (now - at).as_millis();
            if n + 1 > burst + (window.div_ceil(every)) as usize {
                over = Some((n + 1, window));
            }
        }
        self.law(over.is_none(), || format!("too fast (sends, ms): {over:?}"));
    }

    /// A message of ours appears in a room.
    pub fn appears(&mut self, chat: &ChatId, shown: Shown) {
        let again = shown.text.starts_with("(again)");
        let room = self.rooms.entry(chat.clone()).or_default();
        let ours = room.shown.iter().filter(|s| s.who.is_none());
        let mut earlier: BTreeMap<Token, Vec<bool>> = BTreeMap::new();
        for old in ours {
            for token in tokens(&old.text) {
                let marked = old.text.starts_with("(again)");
                earlier.entry(token).or_default().push(marked);
            }
        }
        let mut wrong = Vec::new();
        let mut highest = None;
        for token in tokens(&shown.text).into_iter().filter(|t| t.kind == 'w') {
            let copies = earlier.get(&token).map_or(&[][..], Vec::as_slice);
            let marks = copies.iter().filter(|m| **m).count() + usize::from(again);
            if copies.len() > 1 || (copies.len() == 1 && marks != 1) {
                wrong.push(format!("{token:?} is shown again, {copies:?} before"));
            }
            if highest.as_ref().is_some_and(|before| *before >= token) {
                wrong.push(format!("{token:?} comes behind {highest:?}"));
            }
            highest = Some(token);
        }
        room.shown.push(shown.clone());
        let quote = shown
            .quote
            .as_ref()
            .map_or_else(String::new, |q| format!(" → {q}"));
        self.note(
            chat.as_str(),
            format!("house{quote} {}: {}", shown.label, shown.text),
        );
        for wrong in wrong {
            self.law(false, || wrong);
        }
        self.called_for(chat, &shown);
    }

    /// What went stale in one gap shares one line; the same line may be said again.
    pub fn says_sorry_once(&mut self, address: &Address, text: &str) {
        if !is_apology(text) {
            return;
        }
        let (now, life) = (self.now(), self.life);
        let row = self.disk.row_in_hand(address);
        let said = (life, now, row);
        let last = self.apologies.insert(address.clone(), said);
        let lately = last.filter(|(l, at, by)| {
            *l == life && now - *at < ONE_GAP && (*by != row || row.is_none())
        });
        self.law(lately.is_none(), || {
            format!("{} hears one apology after the other", address.chat)
        });
    }

    /// We speak only to who called us, and give a question one end.
    fn called_for(&mut self, chat: &ChatId, shown: &Shown) {
        let Some(quote) = &shown.quote else { return };
        let Some(room) = self.rooms.get(chat) else {
            return;
        };
        if room.collided.contains(quote) {
            return;
        }
        let by_label = self.said.values().find(|spoken| spoken.label == *quote);
        // A notice about a rule quotes what breaks it.
        let calls = by_label.is_some_and(|spoken| spoken.calls || spoken.spam);
        let notice = |s: &&Shown| {
            s.who.is_none()
                && s.quote.as_ref() == Some(quote)
                && !s.text.starts_with("[AI]")
                && !s.text.starts_with("(again)")
                // What the platform shows late, the house has called lost by then.
                && !is_not_shown(&s.text)
        };
        let notices = room.shown.iter().filter(notice).count();
        self.law(calls, || {
            format!("{quote} did not call the house and was answered")
        });
        self.law(notices <= 1, || format!("{quote} got {notices} notices"));
    }

    /// After each step.
    pub fn after_a_step(&mut self, awake_since: Duration) {
        self.grow_old();
        let now = self.now();
        let turns = self.disk.turns.values();
        let late = turns.filter(|turn| turn.ended.is_none());
        let longest = LONGEST_TURN + self.stood;
        let late = late.filter(|turn| now.saturating_sub(turn.since.max(awake_since)) > longest);
        let late: Vec<_> = late.map(|turn| turn.label.to_string()).collect();
        self.law(late.is_empty(), || {
            format!("no end after twelve minutes: {late:?}")
        });
        let money = self.disk.budgets.values();
        let negative = money.filter(|m| m.reserved < 0 || m.spent < 0).count();
        self.law(negative == 0, || "a budget is below nothing".into());
    }

    /// When all is calm, and the books are open.
    pub fn in_the_end(&mut self, totals: Totals) {
        let open = self.disk.turns.values().filter(|turn| turn.ended.is_none());
        let open: Vec<_> = open.map(|turn| turn.label.to_string()).collect();
        self.law(open.is_empty(), || {
            format!("questions without an end: {open:?}")
        });
        let disk = &self.disk;
        let spent: i64 = disk.budgets.values().map(|money| money.spent).sum();
        let expected = Totals {
            turns: disk.turns.len() as u64,
            open_turns: 0,
            settled: disk.turns.len() as u64,
            attempts: disk.attempts,
            waiting: 0,
            reserved: 0,
            spent,
            ..totals
        };
        self.law(totals == expected, || {
            format!("{totals:?}, expected {expected:?}")
        });
        let heard = self
            .said
            .values()
            .filter(|spoken| spoken.asks && spoken.forgotten.is_empty());
        let mut lost = Vec::new();
        for spoken in heard {
            let Some(at) = spoken.heard.values().map(|(_, at)| *at).min() else {
                continue;
            };
            let room = &self.rooms[&spoken.chat];
            if room.silenced || room.collided.contains(&spoken.label) {
                continue;
            }
            let taken = self
                .disk
                .turns
                .values()
                .any(|turn| turn.label == spoken.label);
            if !taken {
                lost.push(format!("{} heard at {} ms", spoken.label, at.as_millis()));
            }
        }
        self.law(lost.is_empty(), || {
            format!("heard and never taken in: {lost:?}")
        });
    }

    /// Whatever the house hears that breaks its rule has a case, and what the case says was taken back is gone.
    pub fn was_dealt_with(&mut self, spoken: &Spoken, cases: &[Case], faults: &Faults) {
        let room = &self.rooms[&spoken.chat];
        if room.silenced || room.collided.contains(&spoken.label) {
            return;
        }
        let label = &spoken.label;
        let of_it = |shown: &&Shown| shown.label == *label;
        let gone = (room.shown.iter().find(of_it)).is_none_or(|shown| shown.recalled);
        // What the disk kept waiting for too long is old by then, and so is what a wrong clock says is old.
        let mut heard = spoken.heard.values();
        let heard = heard.any(|(_, at)| *at >= self.stands_until) && spoken.under == self.shift;
        self.law(!cases.is_empty() || gone || !heard, || {
            format!("{label} breaks the rule and nothing came of it")
        });
        // Where nobody can look, what was done is not known.
        let settled = cases
            .iter()
            .filter(|case| case.new.kind == CaseKind::Acted && case.state == CaseState::Settled);
        let settled = settled.count() > 0 && !faults.no_history;
        self.law(gone || !settled, || {
            format!("{label} counts as taken back and stands there")
        });
    }

    /// A member is muted for each message at most once by each account; again only where nobody could look.
    pub fn mutes_once(&mut self, chat: &ChatId, member: &MemberId, faults: &Faults) {
        let theirs =
            |effect: &Effect| matches!(effect, Effect::Mute { member: whom, .. } if whom == member);
        let tried = self.effects.tried.iter();
        let done =
            tried.filter(|(_, place, effect, done)| *done && place == chat && theirs(effect));
        let done = done.count();
        let room = &self.rooms[chat];
        let by_member = |label: &MessageId| {
            let mut said = room.shown.iter().filter(|shown| shown.label == *label);
            said.any(|shown| shown.who.as_deref() == Some(member.as_str()))
        };
        let spam = self
            .said
            .values()
            .filter(|s| s.spam && s.chat == *chat && by_member(&s.label));
        let accounts = if faults.two_accounts { 2 } else { 1 };
        let tries = if faults.no_history { 2 } else { 1 };
        // The first one is only taken back.
        let most = spam.count().saturating_sub(1) * accounts * tries;
        self.law(done <= most, || {
            format!("{member} is muted {done} times in {chat}, {most} at most")
        });
    }

    /// A room that counts as greeted has seen the first-contact notice.
    pub fn was_greeted(&mut self, chat: &ChatId, room: RoomId) {
        let trigger = "ai".to_owned();
        let notice = Notice::FirstContact { trigger, days: 7 };
        let notice = notice.text(Language::English);
        let mut ours = self.rooms[chat].shown.iter().filter(|s| s.who.is_none());
        let seen = ours.any(|s| s.text.trim_start_matches("(again) ") == notice);
        let lossy = self.disk.lossy.contains(&room);
        self.law(seen || lossy, || {
            format!("{chat} counts as greeted and was not")
        });
    }

    /// A life ends: what it heard last may be lost with it.
    pub fn forgives(&mut self, within: Duration) {
        let (now, life) = (self.now(), self.life);
        // While the disk stands still nothing is taken in.
        let within = match now < self.stands_until + within {
            true => within.max(now + self.stood - self.stands_until + within),
            false => within,
        };
        for spoken in self.said.values_mut() {
            spoken
                .heard
                .retain(|_, (l, at)| *l != life || now.saturating_sub(*at) >= within);
        }
    }
}

/// Whether the house says that questions went stale.
fn is_apology(text: &str) -> bool {
    let text = text.trim_start_matches("(again) ");
    let notices = [Notice::Apology, Notice::Apologies];
    notices.iter().any(|n| n.text(Language::English) == text)
}

/// Whether the house says that an answer of its own was not shown.
fn is_not_shown(text: &str) -> bool {
    let languages = [Language::English, Language::Chinese];
    languages
        .iter()
        .any(|language| text == Notice::NotShown.text(*language))
}
