//! Files that change under a house in business: the whole new law holds, or the whole old one.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use teahouse_adapters::Adapter;
use teahouse_adapters::onebot::{self, OneBot};
use teahouse_core::{AccountName, Address, ChatId, Pace, RoomKind};
use teahouse_providers::Gateway;
use teahouse_store::EmbeddedStore;
use teahouse_testkit::mutate::Mutator;
use tempfile::TempDir;

use super::*;
use crate::clock::{Ids, SystemClock};
use crate::host::Parts;
use crate::law::Law;

const CONTRACT: [(&str, &str); 5] = [
    (
        "teahouse.toml",
        include_str!("../../../../contract/teahouse.toml"),
    ),
    (
        "charter-open.toml",
        include_str!("../../../../contract/charter-open.toml"),
    ),
    (
        "charter.toml",
        include_str!("../../../../contract/charter.toml"),
    ),
    (
        "words-spam.txt",
        include_str!("../../../../contract/words-spam.txt"),
    ),
    (
        "words-allow.txt",
        include_str!("../../../../contract/words-allow.txt"),
    ),
];
/// A room under the charter with every rule, and two under the open one.
const ROOMS: [&str; 3] = ["700", "800", "900"];
const HOUSE: &str = "[[house]]\nrooms = [\"qq:700\"]\ncharter = \"charter.toml\"\n\n[[house]] ";

fn environment(name: &str) -> Option<String> {
    name.starts_with("TEAHOUSE_")
        .then(|| format!("secret-of-{name}"))
}

/// A house with its files.
struct Desktop {
    folder: TempDir,
    host: Arc<Host>,
    reloader: Arc<Reloader>,
}

impl Desktop {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in CONTRACT {
            // The first house takes one room out of the contract's.
            let text = text.replacen("[[house]] ", HOUSE, 1);
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let file = folder.path().join("teahouse.toml");
        let files = Desk::default();
        let settings = config::load_with(&file, &environment, &files).unwrap();
        let account = &settings.accounts[0];
        let qq = OneBot::new(onebot::Config {
            name: account.name.clone(),
            id: None,
            token: account.token.clone(),
            dial: None,
        });
        let host = Host::new(Parts {
            store: Arc::new(EmbeddedStore::in_memory().unwrap()),
            clock: Arc::new(SystemClock),
            ids: Ids::seeded(1),
            houses: with_our_own(&settings.houses),
            language: settings.server.language,
            routes: settings.routes.clone(),
            credits: HashMap::new(),
            secrets: vec![],
            gateway: Gateway::new(vec![]),
            adapters: vec![(qq as Arc<dyn Adapter>, Pace::Off)],
        });
        let looks = files.files.looks();
        let reloader = Reloader::new(file, environment, &settings, looks, host.clone(), counted());
        Desktop {
            folder,
            host,
            reloader: Arc::new(reloader),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.file(name), text).unwrap();
    }

    fn change(&self, name: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.file(name)).unwrap();
        assert!(text.contains(from), "{name} has no {from:?}");
        self.write(name, text.replace(from, to));
    }

    fn law(&self, chat: &str) -> Option<Arc<Law>> {
        let lane = self.host.lane(&address(chat), RoomKind::Group);
        lane.map(|lane| lane.law.get())
    }

    /// What holds in each room: charter, version, and a print of all its rules.
    fn in_force(&self) -> Vec<String> {
        ROOMS
            .map(|chat| self.law(chat).map_or("none".into(), |law| print(&law)))
            .to_vec()
    }

    async fn says(&self) -> String {
        let reloaded = self.reloader.reload().await;
        let lines = reloaded.lines.join("; ");
        let here = format!("{}/", self.folder.path().display());
        format!("{}: {}", reloaded.done, lines.replace(&here, ""))
    }

    fn alarms(&self) -> Vec<String> {
        self.host.alarms.lines_with(&teahouse_store::Standing::Well)
    }
}

fn address(chat: &str) -> Address {
    Address {
        account: AccountName::new("qq"),
        chat: ChatId::new(chat),
    }
}

fn print(law: &Law) -> String {
    let rules: Vec<String> = law
        .rules
        .list()
        .map(|(n, name, mode)| format!("{n} {name} {}", mode.as_str()))
        .collect();
    format!(
        "{} v{}: {} / {}",
        law.charter.name,
        law.rules.version(),
        serde_json::to_string(&*law.charter).unwrap(),
        rules.join(", ")
    )
}

/// The rules are those of the charter beside them.
fn is_whole(law: &Law) -> bool {
    let judged: Vec<_> = law.rules.list().collect();
    let written = law.charter.rules().into_iter();
    let written: Vec<_> = written
        .filter_map(|rule| Some((rule.n?, rule.name, rule.mode)))
        .collect();
    judged == written
}

#[tokio::test]
async fn new_rules_hold_in_every_room_at_once_under_the_next_version() {
    let desk = Desktop::new();
    let versions = |desk: &Desktop| ROOMS.map(|chat| desk.law(chat).unwrap().rules.version());
    assert_eq!(versions(&desk), [1, 1, 1]);
    assert_eq!(desk.says().await, "true: nothing is different");

    desk.change(
        "charter.toml",
        "[injection]\nmode = \"dry\"",
        "[injection]\nmode = \"on\"",
    );
    assert_eq!(
        desk.says().await,
        "true: charter \"english corner\" is version 2 now, it was 1: injection goes from dry to on"
    );
    assert_eq!(versions(&desk), [2, 1, 1]);
    // A list is part of its charter.
    desk.write("words-spam.txt", "casino777\n");
    assert_eq!(
        desk.says().await,
        "true: charter \"english corner\" is version 3 now, it was 2: the same rules with other words or settings"
    );
    // What held before holds again under its own number.
    desk.write("words-spam.txt", CONTRACT[3].1);
    desk.says().await;
    assert_eq!(versions(&desk), [2, 1, 1]);

    desk.change("teahouse.toml", "[\"qq:700\"]", "[\"qq:800\"]");
    assert_eq!(
        desk.says().await,
        "true: which rooms live under which charter is different"
    );
    assert_eq!(versions(&desk), [1, 2, 1]);
    desk.change("teahouse.toml", "[\"qq:*\"]", "[\"qq:900\"]");
    desk.says().await;
    assert!(desk.law("700").is_none(), "no house covers it any more");
    assert_eq!(desk.law("900").unwrap().charter.name, "open table");
}

#[tokio::test]
async fn what_a_running_house_cannot_change_is_said_and_waits_for_a_restart() {
    let desk = Desktop::new();
    let before = desk.in_force();
    desk.change("teahouse.toml", "127.0.0.1:7788", "127.0.0.1:7789");
    desk.change("teahouse.toml", "language = \"en\"", "language = \"zh\"");
    desk.change(
        "teahouse.toml",
        "{ env = \"TEAHOUSE_QQ_TOKEN\" }",
        "{ env = \"TEAHOUSE_OTHER\" }",
    );
    desk.change("teahouse.toml", "9102", "9103");
    let said = desk.says().await;
    assert_eq!(
        said,
        "true: account \"qq\" is different: that takes a restart; provider \"spare\" is different: that takes a restart; \
         server.language is different: that takes a restart; server.listen is different: that takes a restart"
    );
    assert!(!said.contains("secret"));
    assert_eq!(desk.in_force(), before);
    // A charter that needs what only a restart brings is not in force before it.
    desk.change(
        "teahouse.toml",
        "name = \"default\"\n",
        "name = \"other\"\n",
    );
    desk.change("charter.toml", "\"default\"", "\"other\"");
    desk.change("charter-open.toml", "\"default\"", "\"other\"");
    assert_eq!(
        desk.says().await,
        "false: charter \"english corner\" asks route \"other\", which is new: that takes a restart; \
         charter \"open table\" asks route \"other\", which is new: that takes a restart"
    );
    assert_eq!(desk.in_force(), before);
}

#[tokio::test]
async fn bad_files_never_replace_good_ones_and_are_told_until_they_are_mended() {
    let desk = Desktop::new();
    let before = desk.in_force();
    desk.change("charter.toml", "messages = 8", "messages = 0");
    desk.change("charter-open.toml", "trigger", "triger");
    let said = desk.says().await;
    for part in [
        "false: ",
        "0 is too few or too many; write 2 to 1000",
        "did you mean \"trigger\"?",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(desk.in_force(), before);
    let [alarm] = &desk.alarms()[..] else {
        panic!("{:?}", desk.alarms());
    };
    assert!(
        alarm.starts_with("the charters in force are those of 2"),
        "{alarm}"
    );
    assert!(
        alarm.contains("charter.toml\" has errors: ") && alarm.ends_with("(and 1 more)"),
        "{alarm}"
    );

    desk.change("charter-open.toml", "triger", "trigger");
    desk.change("charter.toml", "messages = 0", "messages = 9");
    assert!(desk.says().await.starts_with("true: "));
    assert_eq!(desk.alarms(), [] as [String; 0]);
    assert_ne!(desk.in_force(), before);
    std::fs::remove_file(desk.file("words-allow.txt")).unwrap();
    assert!(desk.says().await.contains("cannot read the list"));
    assert_eq!(desk.alarms().len(), 1);
}

#[tokio::test]
async fn a_file_that_changes_is_read_once_it_has_come_to_rest() {
    let desk = Desktop::new();
    let before = desk.in_force();
    assert_eq!(desk.reloader.look(None).await, None);
    desk.write("words-spam.txt", "half of a li");
    let seen = desk.reloader.look(None).await;
    assert!(seen.is_some());
    assert_eq!(desk.in_force(), before, "it is seen, and not yet read");
    desk.write("words-spam.txt", "half of a list\nand the rest\n");
    let seen = desk.reloader.look(seen).await;
    assert!(seen.is_some(), "it is still being written");
    assert_eq!(desk.in_force(), before);
    assert_eq!(desk.reloader.look(seen).await, None);
    let changed = desk.in_force();
    assert_ne!(changed, before);
    assert_eq!(desk.reloader.look(None).await, None, "it is read once");
    // Every file counts, also one that was not there when it was read.
    std::fs::remove_file(desk.file("charter-open.toml")).unwrap();
    let seen = desk.reloader.look(None).await;
    assert_eq!(desk.reloader.look(seen).await, None);
    assert_eq!(desk.alarms().len(), 1);
    assert_eq!(
        desk.reloader.look(None).await,
        None,
        "a bad one is told once"
    );
    desk.write("charter-open.toml", CONTRACT[1].1);
    let seen = desk.reloader.look(None).await;
    assert_eq!(desk.reloader.look(seen).await, None);
    assert_eq!(desk.alarms(), [] as [String; 0]);
    assert_eq!(desk.in_force(), changed);
}

/// A mutant as it is written, with the settings' secrets left where they are.
fn mutant(mutator: &mut Mutator<'_>, of: &str) -> Vec<u8> {
    let mut text = mutator.next_case();
    if mutator.below(3) == 0 {
        // Often a change that a person would make: it has to be taken.
        let numbered = of.replace(
            "mode = \"on\"",
            ["mode = \"dry\"", "mode = \"ask\""][mutator.below(2)],
        );
        text = format!("{numbered}\n# {}\n", mutator.below(1_000)).into_bytes();
    }
    text
}

#[tokio::test]
async fn after_two_hundred_mutants_the_new_law_holds_whole_or_the_old_one_does() {
    let desk = Desktop::new();
    let is_over = Arc::new(AtomicBool::new(false));
    let lanes: Vec<_> = ROOMS
        .iter()
        .filter_map(|chat| desk.host.lane(&address(chat), RoomKind::Group))
        .collect();
    let (watched, over) = (lanes.clone(), is_over.clone());
    // Whoever looks in the middle of a reload sees a whole law too.
    let watcher = std::thread::spawn(move || {
        let mut looks = 0_u64;
        while !over.load(Ordering::Relaxed) {
            for lane in &watched {
                assert!(is_whole(&lane.law.get()), "half a law");
                looks += 1;
            }
            std::thread::yield_now();
        }
        looks
    });
    let corpora: Vec<Vec<Vec<u8>>> = CONTRACT
        .iter()
        .map(|(name, _)| vec![std::fs::read(desk.file(name)).unwrap()])
        .collect();
    let words = ["mode = \"off\"\n", "[[words]]\n", "\"", "= 1e400\n", "#"];
    let mut mutators: Vec<Mutator<'_>> = (23..)
        .zip(&corpora)
        .map(|(seed, corpus)| Mutator::new(seed, corpus, &words))
        .collect();
    let (mut taken, mut refused) = (0, 0);
    let mut seen = BTreeSet::new();
    for case in 0..200 {
        let at = case % CONTRACT.len();
        let good = &corpora[at][0];
        let text = String::from_utf8_lossy(good);
        desk.write(CONTRACT[at].0, mutant(&mut mutators[at], &text));
        let before = desk.in_force();
        let reloaded = desk.reloader.reload().await;
        let after = desk.in_force();
        if reloaded.done {
            let expected = wanted(&desk.file("teahouse.toml"));
            let bare = after.iter().map(|law| without_version(law));
            assert_eq!(Some(bare.collect()), expected, "case {case}");
            assert_eq!(desk.alarms().len(), 0, "case {case}");
            taken += 1;
        } else {
            assert_eq!(after, before, "case {case}: {:?}", reloaded.lines);
            assert_eq!(desk.alarms().len(), 1, "case {case}");
            refused += 1;
        }
        seen.extend(after);
        // Whoever wrote a bad file mends it; of the good ones some stay.
        if !reloaded.done || case % 4 == 0 {
            desk.write(CONTRACT[at].0, good);
        }
    }
    is_over.store(true, Ordering::Relaxed);
    assert!(watcher.join().unwrap() > 0);
    assert!(
        taken > 40 && refused > 40,
        "{taken} taken, {refused} refused"
    );
    assert!(seen.len() > 40, "{} laws", seen.len());
}

/// What should hold in each room by the files alone.
fn wanted(file: &Path) -> Option<Vec<String>> {
    let desk = Desk {
        language: Some(Language::English),
        ..Desk::default()
    };
    let settings = config::load_with(file, &environment, &desk).ok()?;
    let houses = with_our_own(&settings.houses);
    let law = |chat: &&str| {
        let house = houses.iter().find(|house| house.covers(&address(chat)));
        house.map_or("none".into(), |house| {
            without_version(&print(&Law::of(house)))
        })
    };
    Some(ROOMS.iter().map(law).collect())
}

fn without_version(print: &str) -> String {
    match (print.find(" v"), print.find(": ")) {
        (Some(from), Some(to)) if from < to => format!("{}{}", &print[..from], &print[to..]),
        _ => print.to_owned(),
    }
}

/// Counts versions from 1, for as long as the process lives.
fn counted() -> Versions {
    let known: Mutex<HashMap<String, Vec<Hash>>> = Mutex::default();
    Box::new(move |name, hash| {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let hashes = known.entry(name.to_owned()).or_default();
        let at = hashes.iter().position(|known| known == hash);
        let at = at.unwrap_or_else(|| {
            hashes.push(*hash);
            hashes.len() - 1
        });
        u32::try_from(at + 1).unwrap_or(u32::MAX)
    })
}
