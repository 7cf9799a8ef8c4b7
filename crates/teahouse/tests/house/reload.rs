//! New house rules in a running process: by signal, by a file that changes, by command.

use rustix::process::Signal;
use teahouse_testkit::process::Ran;

use crate::scene::{Scene, said};

const SECOND: &str = "charter \"open table\" is version 2 now, it was 1";

fn in_chinese(scene: &mut Scene) {
    let charter = &mut scene.ground.charter;
    *charter = charter.replace("[\"ai\"]", "[\"茶馆\"]");
    scene.ground.configuration();
}

/// The new word calls the house, the old one does not.
async fn listens_to_the_new_word(scene: &Scene) {
    let old = scene.bridge.says(700, 42, "ai why is tea red?");
    scene.asks(700, 42, "茶馆 why is tea green?").await;
    assert!(scene.bridge.quoting(&old).is_empty());
}

async fn runs(scene: &Scene, command: &str) -> Ran {
    let data = scene.ground.data();
    let words = [command.as_ref(), "--data".as_ref(), data.as_os_str()];
    scene.ground.run(words, b"").await
}

#[tokio::test]
async fn a_signal_puts_new_rules_in_force_and_a_room_goes_on_as_it_was() {
    let mut scene = Scene::open().await;
    scene.asks(700, 42, "ai why is tea red?").await;
    in_chinese(&mut scene);
    scene.house.signal(Signal::HUP);
    scene.house.wait_for_line(SECOND).await;
    listens_to_the_new_word(&scene).await;
    scene.close().await;
}

#[tokio::test]
async fn a_file_that_changes_puts_new_rules_in_force_without_a_word() {
    let mut scene = Scene::open().await;
    scene.asks(700, 42, "ai why is tea red?").await;
    in_chinese(&mut scene);
    scene.house.wait_for_line(SECOND).await;
    listens_to_the_new_word(&scene).await;
    scene.close().await;
}

#[tokio::test]
async fn a_command_says_what_is_different_or_every_error_and_health_says_what_is_in_force() {
    let mut scene = Scene::open().await;
    let good = scene.ground.charter.clone();
    scene.ground.charter = good.replace("trigger", "triger");
    scene.ground.configuration();
    let refused = runs(&scene, "reload").await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    for part in ["did you mean \"trigger\"?", "nothing was changed"] {
        assert!(refused.log.contains(part), "{refused:?}");
    }
    let health = runs(&scene, "health").await;
    let alarm = "look at this: the charters in force are those of 2";
    assert!(
        health.out.contains(alarm) && health.out.contains("charter.toml\" has errors"),
        "{health:?}"
    );
    scene.asks(700, 42, "ai why is tea red?").await;

    scene.ground.charter = good;
    in_chinese(&mut scene);
    let done = runs(&scene, "reload").await;
    assert_eq!(done.code, Some(0), "{done:?}");
    // The file may have been seen to change meanwhile: then there is nothing left to do.
    let log = said(&scene.house);
    assert!(
        done.out.contains(SECOND) || log.contains(SECOND),
        "{done:?}"
    );
    listens_to_the_new_word(&scene).await;
    let health = runs(&scene, "health").await;
    assert!(!health.out.contains("look at this"), "{health:?}");
    scene.close().await;
}
