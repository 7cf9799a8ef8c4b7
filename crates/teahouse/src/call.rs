//! Steps 3 and 4, for a message that calls the house: decide, accept durably, and only then act. A command's effect
//! and the notice about it are one transaction. What a call means is decided in core, never here.

use std::sync::Arc;

use jiff::Timestamp;
use teahouse_core::rules::trail::Trail;
use teahouse_core::{
    Asker, Call, Command, Decision, Delivery, InboxKey, MemberId, Message, MessageId, Notice,
    Reason, Standing, TurnId, clean_text, decide,
};
use teahouse_store::{
    Acceptance, Accepted, Dealings, Lease, NewTurn, OpenTurn, RoomChange, StoreError, fault,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::answer::Answer;
use crate::host::{Host, chain, count, with_open};
use crate::judging::Ruling;
use crate::keeping::{Called, about_case};
use crate::room::{DeliveryTask, Lane, OpenRoom};
use crate::talk::shown_name;

impl Host {
    /// A message that calls the house: decide, accept durably, then act.
    pub(crate) async fn on_call(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        lease: Lease,
        key: InboxKey,
        message: &Message,
        call: Call,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let member = &message.sender.id;
        let there = self.room_now(lane, now);
        let (day, _) = lane.charter().zone.day(there);
        let known = with_open(lane, |open| {
            if there == now {
                open.day_begins(day);
            }
            open.day(member, day)
        })
        .flatten();
        let count = match known {
            Some(count) => count,
            None => {
                let of = (lease.room, lane.platform);
                let count = self.store.member_day(of.0, of.1, member, day).await?;
                with_open(lane, |open| open.day_is(member.clone(), day, count));
                count
            }
        };
        let role = with_open(lane, |open| open.role(member, now)).flatten();
        let standing = role.map_or(Standing::Claimed(message.sender.role), Standing::Witnessed);
        let mut asker = Asker {
            standing,
            today: count.questions,
            limit_noticed: count.limit_noticed,
        };
        let Some(mut decision) = with_open(lane, |open| {
            decide(
                &lane.charter(),
                &lane.room_state(open, now),
                asker,
                &call,
                there,
            )
        }) else {
            return Ok(());
        };
        if decision == Decision::Witness {
            asker.standing = self.witness(lane, member, now).await;
            decision = with_open(lane, |open| {
                decide(
                    &lane.charter(),
                    &lane.room_state(open, now),
                    asker,
                    &call,
                    there,
                )
            })
            .unwrap_or(Decision::Silent(Reason::Expired));
        }
        match decision {
            Decision::Silent(reason) => {
                // It is not answered, and it is its asker's message all the same.
                let is_heard = !matches!(
                    reason,
                    Reason::AdminStopped | Reason::Paused | Reason::Muted
                );
                if is_heard && self.breaks_a_rule(lane, lease, (message, key), now).await? {
                    return Ok(());
                }
                with_open(lane, |open| open.called(key));
                self.sign_heard(lane, message, reason);
                self.remember(lease, self.line(lane, message, reason, true, now));
                Ok(())
            }
            Decision::Witness => Ok(()),
            Decision::Ask => match self.rule_on(lane, message, &call, key, now).await {
                Ruling::Ask => self.ask(lane, lease, key, message, call, now).await,
                Ruling::Say(reason, notice) => {
                    self.answer_with_notice(lane, lease, key, message, &call, reason, notice, now)
                        .await
                }
                Ruling::Act(course, judged) => {
                    self.act_on_question(lane, lease, (message, key), &call, course, judged, now)
                        .await
                }
            },
            Decision::Say(reason, notice) => {
                self.answer_with_notice(lane, lease, key, message, &call, reason, notice, now)
                    .await
            }
            Decision::Do(Command::Keeping(keeping)) => {
                let called = Called {
                    lease,
                    key,
                    message,
                    call: &call,
                    asker,
                    now,
                };
                self.keep_order(lane, called, keeping).await
            }
            Decision::Do(command) => {
                self.carry_out(lane, lease, key, message, command, asker, now)
                    .await
            }
        }
    }

    /// What the platform itself says about a member's role.
    pub(crate) async fn witness(
        &self,
        lane: &Arc<Lane>,
        member: &MemberId,
        now: Timestamp,
    ) -> Standing {
        let Some(account) = self.accounts.get(&lane.address.account) else {
            return Standing::Unwitnessed;
        };
        match account.adapter.role(&lane.address.chat, member).await {
            Ok(role) => {
                with_open(lane, |open| open.role_is(member.clone(), role, now));
                Standing::Witnessed(role)
            }
            Err(error) => {
                warn!(room = %lane.address, error = %chain(&error), "could not ask for a member's role");
                Standing::Unwitnessed
            }
        }
    }

    /// A question: durable first, then its turn.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        lease: Lease,
        key: InboxKey,
        message: &Message,
        call: Call,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let heard = lane.state().hearing.take().unwrap_or_else(Instant::now);
        let turn = self.new_turn(lane, message, &call, now);
        // The turn tells what becomes of it; its line may come with the talk.
        let line = self.line(lane, message, Reason::Answered, true, now);
        let open_turn = OpenTurn {
            role: message.sender.role,
            turn: turn.clone(),
            released: 0,
            attempts: 0,
        };
        // Where it can start at once, its first call is set aside in the same moment.
        let cancel = CancellationToken::new();
        let mut answer = (!self.stop.is_cancelled()
            && with_open(lane, |open| open.has_place()) == Some(true))
        .then(|| {
            let lane = lane.clone();
            Answer::new(self.clone(), lane, lease, open_turn.clone(), cancel.clone())
        });
        let acceptance = Acceptance {
            turn: Some((turn, None)),
            attempt: answer.as_mut().and_then(Answer::first_attempt),
            ..taken_in(lane, key, self.dated(now))
        };
        // Before it is known whether the disk has it: where the reply is lost it is taken up from there, and its
        // date may be in a time that the clock has left.
        self.was_heard(open_turn.turn.id, heard);
        let accepted = self.store.accept(lease, acceptance).await;
        with_open(lane, |open| open.is_taken_in(key, &accepted));
        let accepted = accepted?;
        if accepted == Accepted::Seen {
            self.has_ended(open_turn.turn.id);
            count(Reason::Duplicate);
            return Ok(());
        }
        fault::point("after-accept");
        self.keep(lease, line);
        self.counted(lane, message, Reason::Answered, now);
        with_open(lane, |open| open.called(key));
        match answer {
            Some(mut answer) => {
                answer.has_begun(accepted == Accepted::Begun);
                with_open(lane, |open| open.runs(&open_turn, cancel));
                self.sign_working(lane, &open_turn.turn.message);
                self.tasks.spawn(answer.run());
            }
            None => {
                self.queue_turn(lane, open_turn);
                self.start_turns(lane);
            }
        }
        Ok(())
    }

    pub(crate) fn new_turn(
        &self,
        lane: &Lane,
        message: &Message,
        call: &Call,
        now: Timestamp,
    ) -> NewTurn {
        NewTurn {
            id: TurnId(self.ids.next(now)),
            address: lane.address.clone(),
            message: message.id.clone(),
            member: message.sender.id.clone(),
            name: shown_name(&message.sender),
            question: clean_text(&call.words),
            reply_to: call.reply_to.clone(),
            asked: self.dated(now),
            day: lane.charter().zone.day(self.room_now(lane, now)).0,
            charter: lane.charter().name.clone(),
        }
    }

    /// Keeps the day's count of a member in step with what was accepted.
    pub(crate) fn counted(&self, lane: &Lane, message: &Message, reason: Reason, now: Timestamp) {
        let (day, _) = lane.charter().zone.day(self.room_now(lane, now));
        with_open(lane, |open| {
            let mut count = open.day(&message.sender.id, day).unwrap_or_default();
            match reason {
                Reason::QuotaMember => count.limit_noticed = true,
                _ => count.questions += 1,
            }
            open.day_is(message.sender.id.clone(), day, count);
        });
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one call from the message to its answer"
    )]
    pub(crate) async fn answer_with_notice(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        lease: Lease,
        key: InboxKey,
        message: &Message,
        call: &Call,
        reason: Reason,
        notice: Notice,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let hint = matches!(notice, Notice::Hint { .. });
        let refused = (reason != Reason::Command)
            .then(|| (self.new_turn(lane, message, call, now), Some(reason)));
        let acceptance = Acceptance {
            line: Some(self.line(lane, message, reason, true, now)),
            turn: refused,
            say: self.say(lane, Some(&message.id), notice, now),
            ..taken_in(lane, key, self.dated(now))
        };
        if self.store.accept(lease, acceptance).await? == Accepted::New {
            fault::point("after-accept");
            count(reason);
            if reason == Reason::QuotaMember {
                self.counted(lane, message, reason, now);
            }
            self.sign_heard(lane, message, reason);
            if hint {
                let there = self.room_now(lane, now);
                with_open(lane, |open| open.hinted_at = Some(there));
            }
            self.deliver_soon(lane);
        }
        Ok(())
    }

    /// A command: its effect and the notice about it are one transaction.
    #[expect(
        clippy::too_many_arguments,
        reason = "one call from the message to its effect"
    )]
    pub(crate) async fn carry_out(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        lease: Lease,
        key: InboxKey,
        message: &Message,
        command: Command,
        asker: Asker,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let member = &message.sender.id;
        let everybody = match &command {
            Command::Stop => {
                matches!(asker.standing, Standing::Witnessed(role) if role.is_admin())
            }
            _ => true,
        };
        let stops = |who: &MemberId| everybody || who == member;
        let (changes, notice) = match &command {
            Command::Stop => {
                // What is being paced out stops too, though its turn is over.
                let to_them = with_open(lane, |open| {
                    everybody || open.answered.as_ref() == Some(member)
                });
                let speaking = to_them == Some(true) && lane.state().delivery != DeliveryTask::Idle;
                let running = with_open(lane, |open| open.has_turns(stops)) == Some(true);
                let whose = (!everybody).then(|| member.clone());
                let notice = if running || speaking {
                    Notice::Stopped
                } else {
                    Notice::NothingToStop
                };
                (vec![RoomChange::Hush(whose)], notice)
            }
            Command::New => (
                vec![RoomChange::ForgetConversation(member.clone())],
                Notice::Forgotten,
            ),
            Command::NewRoom => (vec![RoomChange::ForgetConversations], Notice::ForgottenRoom),
            Command::On => (vec![RoomChange::On(true)], Notice::On),
            Command::Off => {
                let trigger = lane.charter().trigger.first().to_owned();
                (
                    vec![RoomChange::On(false), RoomChange::Hush(None)],
                    Notice::Off { trigger },
                )
            }
            Command::Pause(length) => {
                let there = self.room_now(lane, now);
                let until = there.saturating_add(*length).unwrap_or(Timestamp::MAX);
                (
                    vec![RoomChange::PausedUntil(until)],
                    Notice::Paused {
                        until: lane.charter().zone.clock(until),
                    },
                )
            }
            Command::Why(target) => (vec![], self.why(lane, lease, target).await?),
            Command::AboutMe => {
                self.flush_talk().await;
                let (day, _) = lane.charter().zone.day(self.room_now(lane, now));
                (
                    vec![],
                    Notice::About(
                        self.store
                            .about(lease.room, lane.platform, member, day)
                            .await?,
                    ),
                )
            }
            // Decided without being carried out here.
            Command::Empty | Command::Ask | Command::Help | Command::Keeping(_) => return Ok(()),
        };
        let acceptance = Acceptance {
            line: Some(self.line(lane, message, Reason::Command, true, now)),
            changes,
            say: self.say(lane, Some(&message.id), notice, now),
            ..taken_in(lane, key, self.dated(now))
        };
        if self.store.accept(lease, acceptance).await? == Accepted::New {
            fault::point("after-accept");
            count(Reason::Command);
            self.sign_heard(lane, message, Reason::Command);
            let there = self.room_now(lane, now);
            with_open(lane, |open| {
                open.called(key);
                changed(open, &command, member, there);
            });
            self.deliver_soon(lane);
            // Not before: a repeat of an old stop ends nothing.
            match command {
                Command::Stop => {
                    self.stop_turns(lane, lease, Reason::Cancelled, stops)
                        .await?;
                }
                Command::Off => {
                    self.stop_turns(lane, lease, Reason::AdminStopped, stops)
                        .await?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The first-contact notice was given up: the next answer brings another. Kept before the row is given up, and
    /// once, wherever a kill comes between.
    pub(crate) async fn greets_anew(
        &self,
        lane: &Lane,
        lease: Lease,
        greeting: &Delivery,
    ) -> Result<(), StoreError> {
        let key = InboxKey(greeting.id.0.to_bytes());
        let acceptance = Acceptance {
            changes: vec![RoomChange::NotGreeted],
            ..taken_in(lane, key, self.dated(self.clock.now()))
        };
        if self.store.accept(lease, acceptance).await? == Accepted::New {
            with_open(lane, |open| open.greeted = false);
        }
        Ok(())
    }

    pub(crate) async fn why(
        &self,
        lane: &Lane,
        lease: Lease,
        target: &MessageId,
    ) -> Result<Notice, StoreError> {
        self.flush_talk().await;
        let trail = self
            .store
            .why(lease.room, &lane.address.account, target)
            .await?;
        Ok(match trail {
            Some(trail) => {
                let tenths = trail
                    .millis
                    .map(|millis| millis.max(0).unsigned_abs() / 100);
                let found = trail.trail.as_deref().map(Trail::from_json);
                let language = self.language_of(lane);
                Notice::Why {
                    reason: trail.reason,
                    tenths,
                    found: found.and_then(Result::ok).map(|found| found.why(language)),
                }
            }
            // Who asks about what the house has told of a case means the case.
            None => match self
                .store
                .case_shown(lease.room, &lane.address.account, target)
                .await?
            {
                Some(case) => Notice::Keeping(about_case(&case)),
                None => Notice::WhyUnknown,
            },
        })
    }

    /// Ends running and waiting turns.
    pub(crate) async fn stop_turns(
        &self,
        lane: &Lane,
        lease: Lease,
        reason: Reason,
        of: impl Fn(&MemberId) -> bool,
    ) -> Result<(), StoreError> {
        let waiting = with_open(lane, |open| {
            open.end_turns(reason, |member, _| of(member));
            open.drop_waiting(|member, _| of(member))
        });
        for turn in waiting.unwrap_or_default() {
            self.end_unanswered(lane, lease, &turn, reason).await?;
        }
        Ok(())
    }
}

/// A call that is taken in, with nothing following from it yet.
pub(crate) fn taken_in(lane: &Lane, key: InboxKey, now: Timestamp) -> Acceptance {
    Acceptance {
        key,
        platform: lane.platform,
        at: now,
        line: None,
        turn: None,
        changes: vec![],
        attempt: None,
        say: vec![],
        dealings: Dealings::default(),
    }
}

/// The room's memory after a command.
fn changed(open: &mut OpenRoom, command: &Command, member: &MemberId, now: Timestamp) {
    match command {
        Command::New => open.forget_exchanges(Some(member)),
        Command::NewRoom => open.forget_exchanges(None),
        Command::On | Command::Off => {
            open.on = *command == Command::On;
            open.paused_until = None;
        }
        Command::Pause(length) => open.paused_until = now.saturating_add(*length).ok(),
        Command::Empty
        | Command::Ask
        | Command::Help
        | Command::Stop
        | Command::Why(_)
        | Command::AboutMe
        | Command::Keeping(_) => {}
    }
}
