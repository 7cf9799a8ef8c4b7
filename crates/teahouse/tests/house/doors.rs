//! Who may come in (I-21): every route there is, without and with wrong credentials.

use teahouse_testkit::process::{Ground, Heard, TOKEN};

use crate::scene::Scene;

/// Knocks as a bridge does.
pub async fn upgrade(ground: &Ground, path: &str, more: &[(&str, &str)]) -> Heard {
    let mut headers = vec![
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("X-Self-ID", "10001000"),
        ("X-Client-Role", "Universal"),
    ];
    headers.extend_from_slice(more);
    ground.knock("GET", path, &headers).await
}

/// What belongs to seats and guests.
const PARLOUR: [&str; 5] = [
    "/parlour/{room}/ws",
    "/parlour/{room}/image",
    "/parlour/{room}/media/{hash}",
    "/parlour/{room}/join",
    "/parlour/{room}/appeal",
];

const BRIDGES: [&str; 4] = ["/onebot/v11/ws", "/onebot/v11", "/onebot", "/ws"];

#[tokio::test]
async fn nobody_gets_in_without_the_right_words() {
    let metrics_token = "metrics-token-of-the-test";
    let scene = Scene::open_with(|ground| {
        ground.metrics = "{ env = \"TEAHOUSE_METRICS_TOKEN\" }".into();
        ground
            .environment
            .insert("TEAHOUSE_METRICS_TOKEN".into(), metrics_token.into());
    })
    .await;
    let ground = &scene.ground;
    let long = format!("Bearer {}", "x".repeat(4_000));
    let almost = format!("Bearer {}", &TOKEN[..TOKEN.len() - 1]);
    let more = format!("Bearer {TOKEN}x");
    let basic = format!("Basic {TOKEN}");
    let bare = TOKEN.to_owned();
    let metrics_word = format!("Bearer {metrics_token}");
    let bridge_word = format!("Bearer {TOKEN}");
    for path in BRIDGES {
        for (shown, status) in [
            ("", 401),
            ("Bearer ", 401),
            (basic.as_str(), 401),
            (bare.as_str(), 401),
            ("Bearer wrong", 403),
            (almost.as_str(), 403),
            (more.as_str(), 403),
            (long.as_str(), 403),
            (metrics_word.as_str(), 403),
        ] {
            let heard = upgrade(ground, path, &[("Authorization", shown)]).await;
            assert_eq!(heard.status, status, "{path} {shown}: {heard:?}");
            assert!(!heard.body.contains(TOKEN), "{heard:?}");
        }
        assert_eq!(upgrade(ground, path, &[]).await.status, 401, "{path}");
        let query = format!("{path}?access_token=wrong");
        assert_eq!(upgrade(ground, &query, &[]).await.status, 403, "{path}");
        let empty = format!("{path}?access_token=");
        assert_eq!(upgrade(ground, &empty, &[]).await.status, 401, "{path}");
        // Right words, no bridge: nothing is opened and nothing told.
        let plain = ground
            .knock("GET", path, &[("Authorization", &bridge_word)])
            .await;
        assert!((400..500).contains(&plain.status), "{path}: {plain:?}");
        for method in ["POST", "PUT", "DELETE"] {
            let heard = ground.knock(method, path, &[]).await;
            assert!(
                (400..500).contains(&heard.status),
                "{method} {path}: {heard:?}"
            );
        }
    }

    for (shown, status) in [
        ("", 401),
        ("Bearer ", 401),
        ("Bearer wrong", 401),
        (bridge_word.as_str(), 401),
        (metrics_token, 401),
        (metrics_word.as_str(), 200),
    ] {
        let heard = ground
            .knock("GET", "/metrics", &[("Authorization", shown)])
            .await;
        assert_eq!(heard.status, status, "/metrics {shown}");
        assert!(status == 200 || heard.body.is_empty(), "{heard:?}");
    }
    assert_eq!(ground.knock("GET", "/metrics", &[]).await.status, 401);

    // Open to all, and with nothing to tell.
    for (path, body) in [("/healthz", "alive\n"), ("/readyz", "ready\n")] {
        assert_eq!(ground.knock("GET", path, &[]).await.body, body);
        for method in ["POST", "PUT", "DELETE"] {
            assert_eq!(ground.knock(method, path, &[]).await.status, 405);
        }
    }
    // No other door.
    for path in [
        "/console",
        "/api",
        "/admin",
        "/onebot/v11/",
        "/onebot/v11/ws/",
        "/ws/..",
        "/..%2fteahouse.toml",
        "/control.sock",
        "/data",
        "/metrics/",
        "/debug",
        "/favicon.ico",
    ] {
        let heard = upgrade(ground, path, &[("Authorization", &bridge_word)]).await;
        assert_eq!(heard.status, 404, "{path}: {heard:?}");
    }
    // The parlour: a room can be knocked at, and nothing is told without a seat.
    for path in PARLOUR {
        let path = path
            .replace("{room}", "main")
            .replace("{hash}", &"0".repeat(64));
        for method in ["GET", "POST", "PUT", "DELETE"] {
            if method == "GET" && path.ends_with("/join") {
                // A page that asks for an invitation and a name, and says nothing of who sits there.
                let page = ground.knock(method, &path, &[]).await;
                assert!(page.status == 200 && !page.body.contains("Tasting"));
                continue;
            }
            let heard = ground.knock(method, &path, &[]).await;
            assert!(
                (400..500).contains(&heard.status),
                "{method} {path}: {heard:?}"
            );
            assert!(heard.body.len() < 100, "{method} {path}: {heard:?}");
        }
    }
    for path in ["/enter", "/login", "/logout"] {
        for method in ["PUT", "DELETE"] {
            assert_eq!(ground.knock(method, path, &[]).await.status, 405, "{path}");
        }
        let heard = ground.post(path, &[], "").await;
        let refused = [303, 422].contains(&heard.status);
        assert!(
            refused && !heard.head.contains("set-cookie"),
            "{path}: {heard:?}"
        );
    }
    // Whoever was turned away has not disturbed the bridge that is there.
    scene.asks(700, 42, "ai still there?").await;
    scene.close().await;
}

/// A route that is added is added to the tests above.
#[test]
fn every_route_is_in_these_tests() {
    let sources = [
        "src/console/mod.rs",
        "src/console/doors.rs",
        "../adapters/src/onebot/door.rs",
        "../adapters/src/parlour/door.rs",
    ]
    .map(|file| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        std::fs::read_to_string(path).unwrap()
    });
    let mut routes: Vec<String> = sources
        .iter()
        .flat_map(|text| text.split('"').skip(1).step_by(2))
        .filter(|word| word.starts_with('/') && !word.contains(' '))
        .map(str::to_owned)
        .collect();
    routes.sort();
    routes.dedup();
    let mut known: Vec<String> = BRIDGES
        .into_iter()
        .chain(["/healthz", "/readyz", "/metrics"])
        .chain(["/enter", "/login", "/logout", "/parlour/main"])
        .chain(PARLOUR)
        .map(str::to_owned)
        .collect();
    known.sort();
    assert_eq!(routes, known);
}
