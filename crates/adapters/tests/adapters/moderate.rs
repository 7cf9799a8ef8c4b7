//! Recall, mute and removal over real sockets: what a bridge says, what it does, and what the house makes of it.
//! One row a shape; the rows run side by side, since many wait in vain for a notice.

#![expect(
    clippy::unwrap_used,
    reason = "clippy's leave for tests does not reach their helpers"
)]

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use secrecy::SecretString;
use teahouse_adapters::onebot::{Config, OneBot, routes};
use teahouse_adapters::{Adapter, EventSink};
use teahouse_core::{AccountName, ChatId, Effect, MemberId, MessageId, NotDone, Performed};
use teahouse_testkit::bridge::{EffectFault, FakeBridge, FakeQq, Flavour, Options, Role};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

const TOKEN: &str = "a-long-and-secret-word";
const GROUP: i64 = 700;
const LIN: i64 = 42;
const BOSS: i64 = 1;
const SOON: Duration = Duration::from_secs(10);

use EffectFault as F;
use Flavour::{GoCqhttp, LagrangeV1, LlBot, NapCat};
use What::{Mute, Recall, Remove, Unmute};

const ALL: [Flavour; 4] = [NapCat, LlBot, LagrangeV1, GoCqhttp];

/// A house with one account, and a bridge of it in a group.
struct Scene {
    account: Arc<OneBot>,
    bridge: FakeBridge,
    _stop: DropGuard,
}

impl Scene {
    async fn open(flavour: Flavour) -> Scene {
        let account = OneBot::new(Config {
            name: AccountName::new("qq"),
            id: None,
            token: SecretString::from(TOKEN),
            dial: None,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (all, mut events) = mpsc::channel(64);
        let (reserve, _) = mpsc::channel(1);
        let sink = EventSink::new(all, reserve, |_, _| true);
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (runs, stopping) = (Arc::clone(&account), stop.clone());
        tasks.spawn(async move { runs.run(sink, stopping).await });
        tasks.spawn(async move { while events.recv().await.is_some() {} });
        let stopped = stop.clone().cancelled_owned();
        let router = routes(vec![Arc::clone(&account)]);
        tasks.spawn(async move {
            let serving = axum::serve(listener, router).with_graceful_shutdown(stopped);
            serving.await.unwrap();
        });
        tokio::task::yield_now().await;
        let url = format!("ws://127.0.0.1:{port}/onebot/v11/ws");
        let options = Options::new(url, TOKEN).flavour(flavour);
        let scene = Scene {
            account,
            bridge: FakeBridge::start_in(&FakeQq::new(), options),
            _stop: stop.drop_guard(),
        };
        scene.knows_its_bridge().await;
        scene.bridge.sets_role(GROUP, BOSS, Role::Owner);
        scene
    }

    /// Waits until the bridge has said its name.
    async fn knows_its_bridge(&self) {
        let known = async {
            while !self.account.capabilities(&group()).bundles {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SOON, known).await.unwrap();
    }

    fn is_admin(&self) {
        let us = self.bridge.self_id();
        self.bridge.sets_role(GROUP, us, Role::Admin);
    }

    async fn perform(&self, effect: &Effect) -> Performed {
        self.account.perform(&group(), effect).await
    }

    /// How often something was to be changed.
    fn orders(&self) -> usize {
        let actions = ["delete_msg", "set_group_ban", "set_group_kick"];
        let counts = actions.map(|action| self.bridge.count_calls(action));
        counts.iter().sum()
    }

    /// Whether it is so in the world.
    fn truth(&self, effect: &Effect) -> bool {
        let user = |member: &MemberId| member.as_str().parse().unwrap();
        let muted = |member| self.bridge.muted_until(GROUP, user(member)).is_some();
        match effect {
            Effect::Recall { message } => {
                let shown = self.bridge.shown(GROUP);
                let mut ids = shown.iter().map(|shown| shown.message_id.to_string());
                !ids.any(|id| id == message.as_str())
            }
            Effect::Mute { member, .. } => muted(member),
            Effect::Unmute { member } => !muted(member),
            Effect::Remove { member } => self.bridge.member(GROUP, user(member)).is_none(),
        }
    }
}

fn group() -> ChatId {
    ChatId::new(GROUP.to_string())
}

fn member(user: i64) -> MemberId {
    MemberId::new(user.to_string())
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Recall,
    Mute,
    Unmute,
    Remove,
}

/// One shape: to whom what is done through which bridge, what goes wrong, and what becomes of it.
#[derive(Clone, Copy, Debug)]
struct Row {
    flavour: Flavour,
    what: What,
    whose: i64,
    ours: Role,
    fault: EffectFault,
    performed: &'static str,
    done: bool,
}

fn row(flavour: Flavour, what: What, performed: &'static str) -> Row {
    Row {
        flavour,
        what,
        whose: LIN,
        ours: Role::Admin,
        fault: F::None,
        performed,
        done: performed == "Done",
    }
}

impl Row {
    fn fault(self, fault: EffectFault) -> Row {
        Row { fault, ..self }
    }

    fn of(self, whose: i64) -> Row {
        Row { whose, ..self }
    }

    fn without_right(self) -> Row {
        let ours = Role::Member;
        Row { ours, ..self }
    }

    fn done(self) -> Row {
        Row { done: true, ..self }
    }

    async fn check(self) {
        let scene = Scene::open(self.flavour).await;
        let us = scene.bridge.self_id();
        scene.bridge.sets_role(GROUP, us, self.ours);
        // By its count, a history reaches back behind what is recalled. Lagrange counts nothing.
        if self.flavour != LagrangeV1 {
            scene.bridge.says(GROUP, 43, "before");
        }
        let said = scene.bridge.says(GROUP, self.whose, "spam");
        let member = member(self.whose);
        let effect = match self.what {
            Recall => Effect::Recall {
                message: MessageId::new(said.message_id.to_string()),
            },
            Mute => Effect::Mute {
                member,
                seconds: 600,
            },
            Unmute => Effect::Unmute { member },
            Remove => Effect::Remove { member },
        };
        if self.what == Unmute {
            scene.bridge.mutes(GROUP, self.whose, 600, BOSS);
        }
        scene.bridge.next_effect(self.fault);
        let performed = scene.perform(&effect).await;
        let shown = format!("{performed:?}");
        assert!(shown.starts_with(self.performed), "{self:?}: {shown}");
        assert_eq!(scene.truth(&effect), self.done, "{self:?}: {shown}");
        assert_eq!(scene.orders(), 1, "{self:?}");
        let looked = scene.account.is_done(&group(), &effect).await.unwrap();
        let cannot_tell = self.what == Recall;
        let right = looked == Some(self.done) || looked.is_none() && cannot_tell;
        assert!(right, "{self:?}: {looked:?}");
    }
}

#[tokio::test]
async fn an_effect_is_done_where_the_platform_shows_it() {
    let mut rows = Vec::new();
    for what in [Recall, Mute, Unmute, Remove] {
        rows.extend(ALL.map(|flavour| row(flavour, what, "Done")));
        rows.push(row(NapCat, what, "Done").fault(F::ToldTimeout));
        rows.push(row(LlBot, what, "Done").fault(F::ToldTimeout));
        // The notice never comes: what the bridge shows when it is read back is believed.
        rows.extend([NapCat, LlBot, GoCqhttp].map(|f| row(f, what, "Done").fault(F::Unnoticed)));
        rows.push(row(NapCat, what, "Done").fault(F::Cut { done: true }));
    }
    for what in [Mute, Unmute, Remove] {
        rows.push(row(LagrangeV1, what, "Done").fault(F::Unnoticed));
    }
    // Lagrange shows for ever what was recalled, and its history reaches back to nothing here.
    let unknown = row(LagrangeV1, Recall, "Unknown").fault(F::Unnoticed);
    rows.push(unknown.done());
    join_all(rows.into_iter().map(Row::check)).await;
}

#[tokio::test]
async fn bad_025_an_ok_that_changes_nothing_and_a_refusal_are_not_done_and_say_why() {
    let mut rows = Vec::new();
    for what in [Recall, Mute, Unmute, Remove] {
        let refused = "NotDone(Refused";
        rows.extend(ALL.map(|flavour| row(flavour, what, refused).fault(F::Swallowed)));
        rows.push(row(NapCat, what, refused).fault(F::Cut { done: false }));
        rows.push(row(LlBot, what, refused).fault(F::Refuses("系统繁忙")));
        // Whether a bridge says no, or ok whatever happens.
        let no_right = "NotDone(NoRight)";
        rows.extend(ALL.map(|flavour| row(flavour, what, no_right).without_right()));
        if what != Unmute {
            rows.extend(ALL.map(|flavour| row(flavour, what, no_right).of(BOSS)));
        }
    }
    let kept = "recall error: 1001 msg: No message meets the requirements";
    let throttled = "recall error: 1008 msg: security check not pass";
    for (flavour, words, performed) in [
        (GoCqhttp, kept, "NotDone(TooLate)"),
        (NapCat, "Recall failed", "NotDone(TooLate)"),
        (LagrangeV1, "", "NotDone(TooLate)"),
        (GoCqhttp, throttled, "NotDone(TooFast)"),
    ] {
        let row = row(flavour, Recall, performed);
        rows.push(row.fault(F::Refuses(words)));
    }
    join_all(rows.into_iter().map(Row::check)).await;
}

#[tokio::test]
async fn who_and_what_is_not_there_is_gone() {
    let check = async |flavour: Flavour, effect: Effect| {
        let scene = Scene::open(flavour).await;
        scene.is_admin();
        let performed = scene.perform(&effect).await;
        let gone = Performed::NotDone(NotDone::Gone);
        assert_eq!(performed, gone, "{flavour:?} {effect:?}");
    };
    let mut rows = Vec::new();
    for flavour in ALL {
        let recall = Effect::Recall {
            message: MessageId::new("999"),
        };
        let mute = Effect::Mute {
            member: member(99),
            seconds: 600,
        };
        let remove = Effect::Remove { member: member(99) };
        rows.extend([recall, mute, remove].map(|effect| check(flavour, effect)));
    }
    join_all(rows).await;
}

#[tokio::test]
async fn nothing_leaves_without_a_link_and_direct_chats_have_no_such_thing() {
    let scene = Scene::open(NapCat).await;
    assert!(scene.account.capabilities(&group()).moderates);
    let direct = ChatId::new("direct/42");
    assert!(!scene.account.capabilities(&direct).moderates);
    let mute = Effect::Mute {
        member: member(LIN),
        seconds: 600,
    };
    let tried = scene.account.perform(&direct, &mute).await;
    assert_eq!(tried, Performed::NotDone(NotDone::Unable));
    scene.bridge.goes_away();
    let mut connection = scene.account.connection();
    let lost = |now: &teahouse_adapters::Connection| *now == teahouse_adapters::Connection::Lost;
    connection.wait_for(lost).await.unwrap();
    let tried = scene.perform(&mute).await;
    assert_eq!(tried, Performed::NotDone(NotDone::Offline));
    assert_eq!(scene.orders(), 0);
}

#[tokio::test]
async fn a_mute_has_a_length_that_qq_can_keep_and_silences_until_it_is_lifted() {
    let scene = Scene::open(NapCat).await;
    scene.is_admin();
    scene.bridge.says(GROUP, LIN, "spam");
    for (asked, said) in [
        (0, 60),
        (61, 61),
        (2_591_940, 2_591_940),
        (u64::MAX, 2_591_940),
    ] {
        let mute = Effect::Mute {
            member: member(LIN),
            seconds: asked,
        };
        assert_eq!(scene.perform(&mute).await, Performed::Done, "{asked}");
        let call = scene.bridge.calls().pop().unwrap();
        assert_eq!(call.params["duration"], said, "{asked}");
    }
    assert!(scene.bridge.tries_to_say(GROUP, LIN, "more").is_none());
    let unmute = Effect::Unmute {
        member: member(LIN),
    };
    assert_eq!(scene.perform(&unmute).await, Performed::Done);
    assert!(scene.bridge.tries_to_say(GROUP, LIN, "sorry").is_some());
}

#[tokio::test]
async fn qq_stops_whoever_recalls_more_than_ten_at_once() {
    let scene = Scene::open(GoCqhttp).await;
    scene.is_admin();
    scene.bridge.throttles_recalls(true);
    let recall = |n: usize| Effect::Recall {
        message: {
            let said = scene.bridge.says(GROUP, LIN, &format!("spam {n}"));
            MessageId::new(said.message_id.to_string())
        },
    };
    let effects: Vec<Effect> = (0..11).map(recall).collect();
    let performed = join_all(effects.iter().map(|effect| scene.perform(effect))).await;
    let count = |wanted: &Performed| performed.iter().filter(|got| *got == wanted).count();
    assert_eq!(count(&Performed::Done), 10, "{performed:?}");
    assert_eq!(count(&Performed::NotDone(NotDone::TooFast)), 1);
}

#[tokio::test]
async fn a_message_of_another_group_that_bears_the_same_id_is_not_taken_back() {
    let scene = Scene::open(LagrangeV1).await;
    scene.is_admin();
    let ours = scene.bridge.says(GROUP, LIN, "spam");
    let theirs = scene.bridge.says(GROUP + 1, LIN, "tea");
    assert_eq!(ours.message_id, theirs.message_id);
    let recall = Effect::Recall {
        message: MessageId::new(ours.message_id.to_string()),
    };
    let tried = scene.perform(&recall).await;
    assert_eq!(tried, Performed::NotDone(NotDone::Gone));
    assert_eq!(scene.orders(), 0);
    assert_eq!(scene.bridge.shown(GROUP + 1).len(), 1);
}
