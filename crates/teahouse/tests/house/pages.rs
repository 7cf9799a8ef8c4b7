//! The pages as a browser without eyes meets them: who may see what, and what no page ever carries.

#![expect(
    clippy::unwrap_used,
    reason = "clippy's leave for tests does not reach their helpers"
)]

use teahouse_testkit::process::{Ground, House};

use crate::scene::{BINARY, said};

fn ground() -> Ground {
    Ground::new(BINARY, "http://127.0.0.1:9/v1")
}

/// Comes in by the link that the terminal shows; the session's cookie comes back.
async fn enter(ground: &Ground, house: &House) -> String {
    let log = said(house);
    let (_, code) = log.rsplit_once("/enter#").expect("a link was shown");
    let code = code.split_whitespace().next().unwrap();
    let form = format!("code={code}&password=a+pot+of+oolong");
    let heard = ground.post("/enter", &[], &form).await;
    let line = heard.head.lines().find(|l| l.starts_with("set-cookie: "));
    let (_, cookie) = line.expect("a cookie was set").split_once(": ").unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

/// The paths of the sources' own list whose handler begins so.
fn routes(handler: &str) -> Vec<String> {
    let source = include_str!("../../src/console/rooms.rs");
    let routes: Vec<String> = source
        .split(".route(")
        .skip(1)
        .filter(|route| route.contains(handler))
        .filter_map(|route| route.split('"').nth(1))
        .map(|path| path.replace("{room}", "main").replace("{seat}", "0"))
        .map(|path| path.replace("{what}", "role"))
        .collect();
    assert!(!routes.is_empty(), "no route of {handler}");
    routes
}

#[tokio::test]
async fn every_button_is_the_owners_and_needs_the_sessions_token() {
    let ground = ground();
    let house = ground.open().await;
    let cookie = enter(&ground, &house).await;
    let cookie = ("Cookie", cookie.as_str());
    let buttons = routes("post(buttons::");
    assert!(buttons.len() >= 9, "{buttons:?}");
    for path in &buttons {
        assert_eq!(ground.post(path, &[], "").await.status, 401, "{path}");
        assert_eq!(ground.post(path, &[cookie], "").await.status, 403, "{path}");
        let foreign = [cookie, ("Origin", "https://evil.example")];
        assert_eq!(ground.post(path, &foreign, "").await.status, 403, "{path}");
    }
    for path in ["/parlour/main/panel", "/parlour/main/panel/more"] {
        assert_eq!(ground.knock("GET", path, &[]).await.status, 401, "{path}");
        let mine = ground.knock("GET", path, &[cookie]).await;
        assert_eq!(mine.status, 200, "{path}");
    }
    let html = ("Accept", "text/html");
    let led = ground.knock("GET", "/parlour/main", &[html]).await;
    assert!(led.status == 303 && led.head.contains("location: /login"));
    house.terminate().await;
}

#[tokio::test]
async fn no_page_carries_a_script_or_a_style_of_its_own_or_names_another_host() {
    let ground = ground();
    let house = ground.open().await;
    let first = ground.knock("GET", "/enter", &[]).await;
    let cookie = enter(&ground, &house).await;
    let cookie = ("Cookie", cookie.as_str());
    let mut pages = vec![("/enter".to_owned(), first)];
    for path in [
        "/login",
        "/enter",
        "/parlour/main",
        "/parlour/main/panel",
        "/parlour/main/panel/more",
        "/parlour/main/seat/0",
        "/parlour/main/join",
        "/parlour/main/sit",
        "/parlour/none/join",
        "/nothing",
    ] {
        pages.push((path.to_owned(), ground.knock("GET", path, &[cookie]).await));
    }
    for (path, page) in &pages {
        assert!(page.head.contains("text/html"), "{path}: {page:?}");
        assert!(page.head.contains("cache-control: no-store"), "{path}");
        assert!(
            page.head
                .contains("content-security-policy: default-src 'none'"),
            "{path}"
        );
        for banned in [
            "<script>",
            "<style",
            " style=",
            " onclick=",
            " onload=",
            "javascript:",
            "http://",
            "https://",
        ] {
            assert!(!page.body.contains(banned), "{path} has {banned}");
        }
    }
    // Whoever has no seat learns nothing of the room.
    let stranger = ground.knock("GET", "/parlour/main/seat/0", &[]).await;
    assert!(stranger.status == 200 && !stranger.body.contains("Tasting room"));
    house.terminate().await;
}

/// The language goes with the address, from page to page, whatever the browser prefers.
#[tokio::test]
async fn who_asks_for_a_language_is_answered_in_it_until_they_are_in_the_room() {
    let ground = ground();
    let house = ground.open().await;
    let zh = [("Accept", "text/html"), ("Accept-Language", "zh-CN")];
    let get = async |path: &str| ground.knock("GET", path, &zh).await;
    let lang = |page: &str| match page.contains("<html lang=\"en\"") {
        true => "en",
        false => "zh",
    };
    for (path, expected) in [
        ("/login", "zh"),
        ("/login?lang=en", "en"),
        ("/enter?lang=en", "en"),
        ("/parlour/main/join?lang=en", "en"),
        ("/parlour/main/seat/0?lang=en", "en"),
        ("/parlour/none/join?lang=en", "en"),
        ("/nothing?lang=en", "en"),
        ("/nothing?lang=fr", "zh"),
    ] {
        assert_eq!(lang(&get(path).await.body), expected, "{path}");
    }
    for (path, leads_to) in [
        ("/", "/parlour/main"),
        ("/?lang=en", "/parlour/main?lang=en"),
        ("/parlour/main", "/login"),
        ("/parlour/main?lang=en", "/login?lang=en"),
    ] {
        let head = get(path).await.head;
        assert!(
            head.contains(&format!("location: {leads_to}\r\n")),
            "{path}: {head}"
        );
    }
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let posting = [zh[0], zh[1], form];
    for (path, body) in [
        ("/login?lang=en", "password=not+this+one"),
        ("/enter?lang=en", "code=0&password=a+pot+of+oolong"),
        ("/parlour/main/sit?lang=en", "code=0&name=lin"),
    ] {
        let again = ground.post(path, &posting, body).await;
        assert!([403, 422].contains(&again.status), "{path}: {again:?}");
        assert_eq!(lang(&again.body), "en", "{path}");
    }
    let foreign = [
        posting[0],
        posting[1],
        posting[2],
        ("Origin", "https://evil.example"),
    ];
    let refused = ground.post("/login?lang=en", &foreign, "password=x").await;
    assert_eq!((refused.status, lang(&refused.body)), (403, "en"));
    let log = said(&house);
    let (_, code) = log.rsplit_once("/enter#").expect("a link was shown");
    let code = code.split_whitespace().next().unwrap();
    let body = format!("code={code}&password=a+pot+of+oolong");
    let entered = ground.post("/enter?lang=en", &posting, &body).await;
    assert!(
        entered.head.contains("location: /parlour/main?lang=en\r\n"),
        "{entered:?}"
    );
    house.terminate().await;
}

#[tokio::test]
async fn what_a_page_asks_for_comes_from_the_house_and_may_be_kept() {
    let ground = ground();
    let house = ground.open().await;
    let cookie = enter(&ground, &house).await;
    let page = ground
        .knock("GET", "/parlour/main", &[("Cookie", &cookie)])
        .await;
    let asked: Vec<&str> = page
        .body
        .split('"')
        .filter(|word| word.starts_with("/assets/"))
        .collect();
    assert!(asked.len() >= 4, "{asked:?}");
    for path in asked {
        let file = ground.knock("GET", path, &[]).await;
        assert_eq!(file.status, 200, "{path}");
        assert!(file.head.contains("immutable"), "{path}: {}", file.head);
        assert!(file.head.contains("nosniff"), "{path}: {}", file.head);
    }
    let old = ground
        .knock("GET", "/assets/parlour.000000000000.js", &[])
        .await;
    assert_eq!(old.status, 404);
    house.terminate().await;
}
