//! The parlour in the whole house: the same journey as everywhere, with a clock, a model and signs of the room's own.

#![expect(
    clippy::unwrap_used,
    reason = "clippy's leave for tests does not reach their helpers"
)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use teahouse::clock::{Clock, Ids, SystemClock};
use teahouse::config::House;
use teahouse::host::{Host, Parts};
use teahouse::parlour::{self, ChooseError, Models, clock_mode};
use teahouse::script::{Script, Stage};
use teahouse_adapters::parlour::{
    ClockMode, Line, MAIN_ROOM, NewMessage, NewSeat, Parlour, Said, SeatRole, Skin, SpeakerKind,
};
use teahouse_adapters::{Adapter, EventSink};
use teahouse_core::{
    AiMark, ChatId, Currency, Language, MemberId, Nano, Pace, Price, Route, RouteModel,
};
use teahouse_providers::{Gateway, Parrot, Provider};
use teahouse_store::{EmbeddedStore, Store};
use teahouse_testkit::process::{Ground, LIMIT};
use teahouse_testkit::script::{Script as Answer, ScriptedProvider};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::tungstenite::Message as Ws;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::scene::{BINARY, said};
use crate::tea::{SimClock, seconds};

const CHARTER: &str = "name = \"tasting\"\nzone = \"Asia/Shanghai\"\nquiet = [\"23:00-07:00\"]\n\
    [purse]\nquestions_per_member_per_day = 5\n";

/// A parlour in a simulated house.
struct Tasting {
    parlour: Arc<Parlour>,
    models: Arc<Models>,
    host: Arc<Host>,
    clock: Arc<SimClock>,
    model: Arc<ScriptedProvider>,
    stage: Stage,
    _tasks: TaskTracker,
    stop: CancellationToken,
}

impl Tasting {
    async fn opens() -> Tasting {
        let clock = Arc::new(SimClock::starting("2026-11-24T20:00:00+08:00"));
        let store: Arc<dyn Store> = Arc::new(EmbeddedStore::in_memory().unwrap());
        let model = Arc::new(ScriptedProvider::new("a"));
        let folder = std::env::temp_dir().join("teahouse-never-written");
        let parlour = parlour::open(store.clone(), clock.clone(), &folder, Language::English)
            .await
            .unwrap();
        let price = Price {
            input: Nano(1_000_000_000),
            output: Nano(2_000_000_000),
            currency: Currency::usd(),
        };
        let route = Route {
            name: "default".into(),
            models: vec![RouteModel {
                provider: "a".into(),
                model: "oolong-1".into(),
                price,
                mark: AiMark::Model,
            }],
        };
        let routes = HashMap::from([("default".to_owned(), Arc::new(route))]);
        let charter = toml::from_str(CHARTER).unwrap();
        let providers: Vec<Arc<dyn Provider>> =
            vec![model.clone(), Arc::new(Parrot::new("parrot"))];
        let host = Host::new(Parts {
            secrets: vec![],
            store,
            clock: clock.clone(),
            ids: Ids::seeded(1),
            houses: vec![parlour::house(&[House::of_account("qq", charter)])],
            language: Language::English,
            routes: routes.clone(),
            credits: HashMap::new(),
            gateway: Gateway::new(providers),
            adapters: vec![(parlour.clone() as Arc<dyn Adapter>, Pace::Off)],
        });
        let models = Arc::new(Models::new(parlour.clone(), host.clone(), &routes));
        let (all, mut events) = mpsc::channel(1_024);
        let (reserve, _) = mpsc::channel(1);
        let sink = EventSink::new(all, reserve, |_, _| true);
        parlour.hears(sink.clone());
        host.start().await.unwrap();
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let (taken, taking) = watch::channel(0);
        let hears = host.clone();
        tasks.spawn(async move {
            while let Some(incoming) = events.recv().await {
                hears.on_event(incoming);
                taken.send_modify(|count| *count += 1);
            }
        });
        let (runs, sinks, stopping) = (parlour.clone(), sink.clone(), stop.clone());
        tasks.spawn(async move { runs.run(sinks, stopping).await });
        let stage = Stage {
            parlour: parlour.clone(),
            models: models.clone(),
            host: host.clone(),
            sink,
            taking,
        };
        Tasting {
            parlour,
            models,
            host,
            clock,
            model,
            stage,
            _tasks: tasks,
            stop,
        }
    }

    async fn sit(&self, room: &ChatId, name: &str, role: SeatRole) -> MemberId {
        self.parlour.sit(room, name, role).await.unwrap().seat
    }

    /// Somebody says something, and the room comes to rest.
    async fn says(&self, room: &ChatId, seat: &MemberId, words: &str) -> u64 {
        let new = NewMessage {
            client_id: format!("{}-{words}", self.parlour.lines(room).unwrap().len()),
            text: words.to_owned(),
            ..NewMessage::default()
        };
        let id = self.parlour.say(room, seat, new).await.unwrap();
        self.stage.rests(room).await;
        id
    }

    fn said(&self, room: &ChatId) -> Vec<Said> {
        let lines = self.parlour.lines(room).unwrap().into_iter();
        let said = lines.filter_map(|line| match line {
            Line::Msg(said) => Some(*said),
            Line::Line(_) => None,
        });
        said.collect()
    }

    /// What became of a message, by its chip.
    fn reason(&self, room: &ChatId, id: u64) -> String {
        let said = self.said(room).into_iter().find(|said| said.id == id);
        let chip = said.and_then(|said| said.chip);
        chip.map_or("talk".to_owned(), |chip| chip.reason)
    }

    fn house(&self, room: &ChatId) -> Vec<Said> {
        let mut said = self.said(room);
        said.retain(|said| said.from.kind == SpeakerKind::House);
        said
    }

    async fn closes(self) {
        self.host.shut_down().await;
        self.stop.cancel();
    }
}

fn main_room() -> ChatId {
    ChatId::new(MAIN_ROOM)
}

#[tokio::test(start_paused = true)]
async fn an_answer_grows_sentence_by_sentence_in_one_bubble_with_one_mark() {
    let tea = Tasting::opens().await;
    let room = main_room();
    let lin = tea.sit(&room, "lin", SeatRole::Member).await;
    let answer =
        "It is. Its leaves oxidise.\n\nSo it is red. ```rust\nlet a = 1. ;\n```\nThat is all.";
    tea.model
        .next(Answer::new().says_slowly(answer, seconds(2)).used(40, 13));
    let id = tea.says(&room, &lin, "ai why is tea red?").await;
    let mut house = tea.house(&room);
    // The first-contact notice is a message of its own.
    house.retain(|said| said.turn.is_some());
    assert!(house.len() >= 4, "{house:?}");
    assert!(house.iter().all(|said| said.turn == house[0].turn));
    let places: Vec<u16> = house.iter().map(|said| said.part).collect();
    assert!(places.windows(2).all(|two| two[0] < two[1]), "{places:?}");
    let whole: String = house.iter().map(|said| said.text.as_str()).collect();
    assert_eq!(whole, format!("[AI] {answer}"));
    assert!(house.iter().all(|said| said.reply_to == Some(id)));
    let asked = tea
        .said(&room)
        .into_iter()
        .find(|said| said.id == id)
        .unwrap();
    let chip = asked.chip.unwrap();
    assert_eq!((chip.reason.as_str(), chip.tokens), ("answered", 53));
    assert!(chip.millis >= 10_000, "{chip:?}");
    assert_eq!(chip.cost.as_deref(), Some("0.000066"));
    assert_eq!(chip.currency.as_deref(), Some("USD"));
    tea.closes().await;
}

#[tokio::test(start_paused = true)]
async fn an_appeal_against_what_was_done_by_hand_waits_for_an_admin() {
    let tea = Tasting::opens().await;
    let room = main_room();
    let keeper = tea.sit(&room, "keeper", SeatRole::Owner).await;
    let lin = tea.sit(&room, "lin", SeatRole::Member).await;
    let newest = |tea: &Tasting| {
        tea.house(&room)
            .pop()
            .map(|said| said.text)
            .unwrap_or_default()
    };

    tea.parlour.mute(&room, &lin, 600).await.unwrap();
    tea.parlour
        .appeal(&room, &lin, "it was a quote")
        .await
        .unwrap();
    tea.stage.rests(&room).await;
    assert_eq!(newest(&tea), "Your appeal is with the admins (no. 1).");
    tea.says(&room, &keeper, "ai review").await;
    assert!(
        newest(&tea).contains("1 · lin · appeals"),
        "{}",
        newest(&tea)
    );
    tea.says(&room, &keeper, "ai review 1 allow").await;
    let muted = |tea: &Tasting| tea.parlour.seat_cards(&room).unwrap()[1].muted_until;
    assert_eq!(muted(&tea), None, "let pass, it may speak");

    tea.parlour.remove(&room, &lin, "").await.unwrap();
    tea.parlour
        .appeal(&room, &lin, "the quote again")
        .await
        .unwrap();
    tea.stage.rests(&room).await;
    assert_eq!(newest(&tea), "Your appeal is with the admins (no. 2).");
    assert!(
        tea.said(&room)
            .iter()
            .all(|said| !said.text.contains("quote"))
    );
    assert!(tea.model.requests().is_empty(), "an appeal is no question");

    // Whom nothing was done to asks a question.
    tea.model.next(Answer::new().says("About what?"));
    tea.says(&room, &keeper, "ai appeal to reason").await;
    assert_eq!(tea.model.requests().len(), 1);
    tea.closes().await;
}

#[tokio::test(start_paused = true)]
async fn guests_share_what_a_room_gives_them_a_day_and_nobody_else_pays_for_it() {
    let tea = Tasting::opens().await;
    let room = main_room();
    let keeper = tea.sit(&room, "keeper", SeatRole::Owner).await;
    let invitation = tea.parlour.invite(&room).await.unwrap();
    let guest = async |name: &str| {
        let joined = tea.parlour.join(&room, invitation.token.reveal(), name);
        joined.await.unwrap().seat
    };
    let (lin, bob) = (guest("lin").await, guest("bob").await);
    let asks = async |who: &MemberId, words: &str| {
        tea.model
            .next(Answer::new().says("Yes.").used(1_000, 2_000));
        let id = tea.says(&room, who, words).await;
        tea.reason(&room, id)
    };
    let address = tea.parlour.address(&room);
    let spent = async || {
        let spent = tea.host.guests_spent(&address).await.unwrap();
        spent.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    // One answer may cost 2 cents; so far they have half a dollar a day.
    assert!(spent().await.is_empty());
    assert_eq!(asks(&keeper, "ai one?").await, "answered");
    assert!(spent().await.is_empty(), "the keeper is no guest");
    assert_eq!(asks(&lin, "ai two?").await, "answered");
    assert_eq!(spent().await, ["0.005 USD"]);

    // What is left holds no further call, whoever of them asks.
    tea.parlour
        .set_guests_limit(&room, Nano(5_500_000))
        .await
        .unwrap();
    assert_eq!(asks(&bob, "ai three?").await, "quota_money");
    let told = tea.house(&room).pop().unwrap();
    let words = "What guests may spend here today is used up; it refills at 00:00.";
    assert_eq!(told.text, words);
    assert_eq!(asks(&keeper, "ai four?").await, "answered");
    assert_eq!(spent().await, ["0.005 USD"]);

    // The next day, and in another room, it is a sum of its own.
    tea.clock.advance(seconds(4 * 3_600)).await;
    assert!(spent().await.is_empty());
    tea.closes().await;
}

#[tokio::test(start_paused = true)]
async fn a_room_that_plays_qq_gets_an_answer_as_a_qq_group_would() {
    let tea = Tasting::opens().await;
    let room = main_room();
    tea.parlour.set_skin(&room, Skin::Qq).await.unwrap();
    let lin = tea.sit(&room, "lin", SeatRole::Member).await;
    let answer = "Tea is made by pouring hot water over cured leaves of the plant. ".repeat(12);
    tea.model.next(
        Answer::new()
            .says_slowly(answer.trim_end(), seconds(2))
            .used(40, 13),
    );
    tea.says(&room, &lin, "ai how is tea made?").await;
    let house = tea.house(&room);
    let parts: Vec<_> = house
        .iter()
        .filter(|said| said.text.contains("Tea"))
        .collect();
    assert!((2..=4).contains(&parts.len()), "{parts:?}");
    for part in parts {
        assert!(
            part.text.starts_with("[AI] ") && part.turn.is_none(),
            "{part:?}"
        );
    }
    tea.closes().await;
}

#[tokio::test(start_paused = true)]
async fn quiet_hours_go_by_the_rooms_own_clock_and_touch_no_other_room() {
    let tea = Tasting::opens().await;
    let (room, other) = (main_room(), ChatId::new("other"));
    tea.parlour.create_room(&other, "Other").await.unwrap();
    let lin = tea.sit(&room, "lin", SeatRole::Member).await;
    let admin = tea.sit(&room, "wu", SeatRole::Admin).await;
    let chen = tea.sit(&other, "chen", SeatRole::Member).await;
    let id = tea.says(&room, &lin, "ai one").await;
    assert_eq!(tea.reason(&room, id), "answered");
    let half_past_eleven = ClockMode::Set {
        offset_ms: 3 * 3_600_000 + 30 * 60_000,
    };
    tea.parlour
        .set_clock(&room, half_past_eleven)
        .await
        .unwrap();
    let before = tea.house(&room).len();
    let id = tea.says(&room, &lin, "ai two").await;
    assert_eq!(tea.reason(&room, id), "quiet_hours");
    assert_eq!(
        tea.house(&room).len(),
        before,
        "nothing is said in quiet hours"
    );
    for (room, seat) in [(&room, &admin), (&other, &chen)] {
        let id = tea.says(room, seat, "ai three").await;
        assert_eq!(tea.reason(room, id), "answered");
    }
    tea.parlour.set_clock(&room, ClockMode::Now).await.unwrap();
    let id = tea.says(&room, &lin, "ai four").await;
    assert_eq!(tea.reason(&room, id), "answered");
    tea.closes().await;
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_a_day_holds_when_the_room_comes_back_to_that_day() {
    let tea = Tasting::opens().await;
    let room = main_room();
    let lin = tea.sit(&room, "lin", SeatRole::Member).await;
    let tomorrow = ClockMode::Set {
        offset_ms: 20 * 3_600_000,
    };
    for (clock, n, reason) in [
        (ClockMode::Now, 5, "answered"),
        (ClockMode::Now, 1, "quota_member"),
        (tomorrow, 3, "answered"),
        (ClockMode::Now, 1, "quota_member"),
        (tomorrow, 2, "answered"),
        (tomorrow, 1, "quota_member"),
    ] {
        tea.parlour.set_clock(&room, clock).await.unwrap();
        for _ in 0..n {
            let id = tea.says(&room, &lin, "ai one more").await;
            assert_eq!(tea.reason(&room, id), reason);
        }
    }
    tea.closes().await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_ends_by_the_rooms_own_clock() {
    let tea = Tasting::opens().await;
    let room = main_room();
    let lin = tea.sit(&room, "lin", SeatRole::Member).await;
    let owner = tea.sit(&room, "wu", SeatRole::Owner).await;
    tea.says(&room, &owner, "ai pause 30m").await;
    let id = tea.says(&room, &lin, "ai one").await;
    assert_eq!(tea.reason(&room, id), "paused");
    let ahead = ClockMode::Set {
        offset_ms: 31 * 60_000,
    };
    tea.parlour.set_clock(&room, ahead).await.unwrap();
    let id = tea.says(&room, &lin, "ai two").await;
    assert_eq!(tea.reason(&room, id), "answered");
    tea.closes().await;
}

#[tokio::test(start_paused = true)]
async fn silence_has_its_sign_too() {
    let tea = Tasting::opens().await;
    let room = main_room();
    let lin = tea.sit(&room, "lin", SeatRole::Member).await;
    let bot = tea.sit(&room, "echo", SeatRole::Bot).await;
    for (seat, words, reason) in [
        (&lin, "good morning", "talk"),
        (&bot, "ai are you a bot?", "bot_loop"),
        (&lin, "ai help", "command"),
        (&lin, &*format!("ai {}", "x".repeat(3_990)), "answered"),
    ] {
        let id = tea.says(&room, seat, words).await;
        assert_eq!(tea.reason(&room, id), reason, "{words}");
    }
    // Recalled while it is answered.
    tea.model.next(Answer::new().hangs());
    let new = NewMessage {
        client_id: "c".into(),
        text: "ai never mind".into(),
        ..NewMessage::default()
    };
    let id = tea.parlour.say(&room, &lin, new).await.unwrap();
    tea.clock.advance(seconds(1)).await;
    tea.parlour.recall(&room, &lin, id).await.unwrap();
    tea.stage.rests(&room).await;
    assert_eq!(tea.reason(&room, id), "cancelled");
    tea.closes().await;
}

#[tokio::test(start_paused = true)]
async fn a_room_may_be_answered_by_a_model_of_its_own_with_a_fault_before_it() {
    let tea = Tasting::opens().await;
    let (room, other) = (main_room(), ChatId::new("other"));
    tea.parlour.create_room(&other, "Other").await.unwrap();
    let lin = tea.sit(&room, "lin", SeatRole::Member).await;
    let chen = tea.sit(&other, "chen", SeatRole::Member).await;
    assert_eq!(tea.models.choices(), ["a", "parrot"]);
    tea.models.choose(&room, "parrot", None).await.unwrap();
    tea.says(&room, &lin, "ai say tea").await;
    let said = tea.house(&room).remove(0).text;
    assert!(said.ends_with("say tea"), "{said}");
    tea.says(&other, &chen, "ai say tea").await;
    assert!(tea.house(&other).remove(0).text.contains("Tea."));
    // The parrot's fault first, then who was chosen.
    tea.models.choose(&room, "a", Some("500")).await.unwrap();
    let id = tea.says(&room, &lin, "ai once more").await;
    assert_eq!(tea.reason(&room, id), "answered");
    assert!(
        tea.house(&room)
            .iter()
            .any(|said| said.text.contains("Tea."))
    );
    // The parrot's fault is not mended by the parrot.
    tea.models
        .choose(&room, "parrot", Some("429"))
        .await
        .unwrap();
    let id = tea.says(&room, &lin, "ai and now").await;
    assert_eq!(tea.reason(&room, id), "provider_failed");
    let nobody = tea.models.choose(&room, "b", None).await;
    assert!(matches!(nobody, Err(ChooseError::Unknown { .. })));
    let nothing = tea.models.choose(&room, "a", Some("dance")).await;
    assert!(matches!(nothing, Err(ChooseError::Fault(_))));
    tea.models.choose(&room, "", None).await.unwrap();
    tea.closes().await;
}

#[tokio::test(start_paused = true)]
async fn a_script_says_which_line_was_not_as_expected_and_leaves_no_room_behind() {
    let tea = Tasting::opens().await;
    let script: Script =
        "lin: ai hello\n@expect reason=answered\n\n@expect silence\n@clock 23:30\n\
        lin: ai hello\n@expect reason=quiet_hours\n"
            .parse()
            .unwrap();
    let played = tea.stage.play(&script).await;
    assert_eq!(played.met, 2, "{played}");
    assert_eq!(played.failed.len(), 1, "{played}");
    assert_eq!(played.failed[0].line, 4);
    assert!(
        played.failed[0].why.contains("Tea."),
        "{}",
        played.failed[0]
    );
    assert!(
        played.transcript.contains(&"lin: ai hello".to_owned()),
        "{played}"
    );
    assert_eq!(tea.parlour.room_cards().len(), 1);
    tea.closes().await;
}

#[test]
fn a_clock_is_set_to_the_rooms_own_day() {
    let zone = toml::from_str::<teahouse_core::Charter>(CHARTER)
        .unwrap()
        .zone;
    let now = "2026-11-24T20:00:00Z".parse().unwrap();
    let set = |word| clock_mode(word, &zone, now, now);
    let half_past_eleven = "2026-11-25T15:30:00Z".parse().unwrap();
    assert_eq!(
        set("23:30"),
        Some(ClockMode::showing(half_past_eleven, now))
    );
    assert_eq!(set("now"), Some(ClockMode::Now));
    for wrong in ["", "24:00", "12:60", "-1:00", "noon", "1:2", "+1:00"] {
        assert_eq!(set(wrong), None, "{wrong}");
    }
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/parlour")
}

#[tokio::test]
async fn the_example_scripts_go_as_they_say() {
    let ground = Ground::new(BINARY, "http://127.0.0.1:9/v1");
    let mut played = 0;
    for entry in std::fs::read_dir(examples()).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_none_or(|end| end != "txt") {
            continue;
        }
        let settings = examples().join("teahouse.toml");
        let data = ground.file(&format!("data-{played}"));
        let arguments = [
            "serve".as_ref(),
            "--config".as_ref(),
            settings.as_os_str(),
            "--data".as_ref(),
            data.as_os_str(),
            "--script".as_ref(),
            file.as_os_str(),
        ];
        let ran = ground.run(arguments, b"").await;
        assert_eq!(
            ran.code,
            Some(0),
            "{}\n{}\n{}",
            file.display(),
            ran.out,
            ran.log
        );
        assert!(ran.out.contains("as expected, 0 not"), "{}", ran.out);
        played += 1;
    }
    assert_eq!(played, 5);
}

#[tokio::test]
async fn a_script_that_fails_or_cannot_be_read_ends_with_one_and_its_line() {
    let ground = Ground::new(BINARY, "http://127.0.0.1:9/v1");
    let file = ground.file("wrong.txt");
    for (text, told) in [
        (
            "lin: hello\n@expect reason=answered\n",
            "wrong.txt: line 2: expected reason=answered: it was talk",
        ),
        ("lin: hello\n@dance\n", "line 2: `@dance` is no order"),
    ] {
        std::fs::write(&file, text).unwrap();
        let settings = examples().join("teahouse.toml");
        let data = ground.file("data");
        let arguments = [
            "serve".as_ref(),
            "--config".as_ref(),
            settings.as_os_str(),
            "--data".as_ref(),
            data.as_os_str(),
            "--script".as_ref(),
            file.as_os_str(),
        ];
        let ran = ground.run(arguments, b"").await;
        assert_eq!(ran.code, Some(1), "{}\n{}", ran.out, ran.log);
        assert!(ran.log.contains(told), "{}", ran.log);
    }
}

/// A seat in the main room of a house that has not opened yet.
async fn seat_before(ground: &Ground) -> NewSeat {
    let clock = Arc::new(SystemClock);
    let data = ground.data();
    let store: Arc<dyn Store> = Arc::new(EmbeddedStore::open(&data, clock.now()).unwrap());
    let rooms = parlour::open(store, clock, &data, Language::English)
        .await
        .unwrap();
    rooms
        .sit(&main_room(), "lin", SeatRole::Member)
        .await
        .unwrap()
}

/// A tab of a running house.
struct Tab {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Tab {
    async fn sits(ground: &Ground, seat: &NewSeat) -> (Tab, Value) {
        let address = format!("ws://127.0.0.1:{}/parlour/main/ws", ground.port());
        let (socket, _) = connect_async(address).await.unwrap();
        let mut tab = Tab { socket };
        tab.sends(json!({"type": "hello", "seat_token": seat.token.reveal(), "take": true}))
            .await;
        let welcome = tab.until(|frame| frame["type"] == "welcome").await;
        (tab, welcome.expect("a welcome"))
    }

    async fn sends(&mut self, frame: Value) {
        let sent = self.socket.send(Ws::Text(frame.to_string().into())).await;
        sent.unwrap();
    }

    /// The first frame like this; nothing if the house goes before.
    async fn until(&mut self, is: impl Fn(&Value) -> bool) -> Option<Value> {
        loop {
            let next = tokio::time::timeout(LIMIT, self.socket.next()).await;
            match next.expect("the house speaks in time")? {
                Ok(Ws::Text(text)) => {
                    let frame: Value = serde_json::from_str(&text).unwrap();
                    if is(&frame) {
                        return Some(frame);
                    }
                }
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }
}

/// The words of a line, if the house has said it.
fn house_text(line: &Value) -> Option<String> {
    let ours = line["from"]["kind"] == "house";
    ours.then(|| line["text"].as_str().unwrap_or_default().to_owned())
}

fn house_texts(welcome: &Value) -> Vec<String> {
    let lines = welcome["lines"].as_array().unwrap();
    lines.iter().filter_map(house_text).collect()
}

#[tokio::test]
async fn killed_wherever_it_is_a_house_answers_a_tab_exactly_once() {
    for fault in [
        "after-accept",
        "before-settle",
        "after-settle",
        "after-claim",
        "after-receipt",
    ] {
        let ground = Ground::new(BINARY, "http://127.0.0.1:9/v1");
        let settings = examples().join("teahouse.toml");
        let settings = std::fs::read_to_string(settings).unwrap();
        let charter =
            "name = \"open\"\nspeaks = \"en\"\n[purse]\nquestions_per_member_per_day = 9\n";
        std::fs::write(ground.file("charter.toml"), charter).unwrap();
        let file = ground.file("parlour.toml");
        let listen = format!("127.0.0.1:{}", ground.port());
        std::fs::write(&file, settings.replace("127.0.0.1:7788", &listen)).unwrap();
        let seat = seat_before(&ground).await;
        let house = ground.serve_with_fault(&file, fault).await;
        let (mut tab, _) = Tab::sits(&ground, &seat).await;
        tab.sends(json!({"type": "msg", "client_id": "c1", "text": "ai hello there"}))
            .await;
        assert!(tab.until(|_| false).await.is_none());
        house.wait_until_dead().await;

        let house = ground.open_file(&file).await;
        let (mut tab, welcome) = Tab::sits(&ground, &seat).await;
        let mut heard = house_texts(&welcome);
        for words in ["hello there", "and now", "once more"] {
            if words != "hello there" {
                let text = format!("ai {words}");
                tab.sends(json!({"type": "msg", "client_id": words, "text": text}))
                    .await;
            }
            while !heard.iter().any(|text| text.contains(words)) {
                let line = tab.until(|frame| frame["type"] == "msg").await;
                let line = line.unwrap_or_else(|| panic!("{fault}: {}", said(&house)));
                heard.extend(house_text(&line));
            }
        }
        let (_tab, welcome) = Tab::sits(&ground, &seat).await;
        let lines = house_texts(&welcome);
        let hello: Vec<_> = lines
            .iter()
            .filter(|text| text.contains("hello there"))
            .collect();
        assert_eq!(hello.len(), 1, "{fault}: {lines:?}\n{}", said(&house));
        if fault == "after-receipt" {
            // It was read back: nobody saw it twice, and nothing claims so.
            assert!(!hello[0].contains("(again)"), "{lines:?}");
        }
        assert_eq!(house.terminate().await, Some(0));
    }
}
