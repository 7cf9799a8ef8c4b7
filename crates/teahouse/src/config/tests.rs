//! Broken settings and charters, and what an admin reads about each: the exact words are the promise.

use super::raw::*;
use super::secret::RawSecret;
use super::*;

pub(super) const SETTINGS: &str = r#"[server]
listen = "127.0.0.1:7788"
metrics = "open"

[[account]]
name = "qq"
protocol = "onebot-v11"
listen = true
token = { env = "TOKEN" }

[[provider]]
name = "main"
api = "openai"
base_url = "https://api.example.com/v1"
key = { env = "KEY" }

[[route]]
name = "default"
models = [
  { provider = "main", model = "m", price = { input = "1", output = "2" } },
]

[[house]]
rooms = ["qq:*"]
charter = "charter.toml"
"#;
pub(super) const CHARTER: &str = "name = \"open table\"\ntrigger = [\"ai\"]\nroute = \"default\"\n\n[purse]\nquestions_per_member_per_day = 20\n";

fn environment(name: &str) -> Option<String> {
    match name {
        "TOKEN" | "KEY" => Some(" a-secret\n".into()),
        "EMPTY" => Some("  ".into()),
        "BROKEN" => Some("half\nother half".into()),
        _ => None,
    }
}

/// The errors of two files as an admin reads them, without the folder's name.
fn errors(settings: &[u8], charter: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("teahouse.toml");
    std::fs::write(&file, settings).unwrap();
    std::fs::write(folder.path().join("charter.toml"), charter).unwrap();
    let shown: Vec<String> = match load(&file, &environment) {
        Ok(_) => vec!["fine".into()],
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    };
    let here = format!("{}/", folder.path().display());
    shown.join("\n").replace(&here, "")
}

/// The first line of each error: file, line, column, words.
fn heads(shown: &str) -> String {
    let is_head = |line: &&str| !line.starts_with("  ");
    shown.lines().filter(is_head).collect::<Vec<_>>().join("\n")
}

/// Each row breaks one thing; what is wrong is said once, at its place, and nothing else is.
fn check(rows: &[(&str, &str, &str)]) {
    for (from, to, expected) in rows {
        assert!(SETTINGS.contains(from), "{from}");
        let shown = errors(
            SETTINGS.replacen(from, to, 1).as_bytes(),
            CHARTER.as_bytes(),
        );
        assert_eq!(heads(&shown), *expected, "{from} → {to}");
        assert!(
            !shown.contains("hunter2") && !shown.contains("sk-abc"),
            "{shown}"
        );
    }
}

fn check_charter(rows: &[(&str, &str, &str)]) {
    for (from, to, expected) in rows {
        assert!(CHARTER.contains(from), "{from}");
        let shown = errors(
            SETTINGS.as_bytes(),
            CHARTER.replacen(from, to, 1).as_bytes(),
        );
        assert_eq!(heads(&shown), *expected, "{from} → {to}");
    }
}

#[test]
fn bad_087_a_mistake_is_told_with_its_place_and_the_nearest_right_word() {
    check(&[
        (
            "listen = true",
            "lisen = true",
            r#"teahouse.toml:8:1: "lisen" is no key here; did you mean "listen"?"#,
        ),
        (
            "[server]",
            "[sever]",
            r#"teahouse.toml:1:2: "sever" is no key here; did you mean "server"?"#,
        ),
        (
            "listen = true",
            r#"listen = "yes""#,
            "teahouse.toml:8:10: a text stands here; write true or false, without quotes",
        ),
        (
            "listen = true",
            "listen = true\nlisten = true",
            r#"teahouse.toml:9:1: "listen" stands here a second time; keep one of them"#,
        ),
        (
            r#""qq:*""#,
            r#""qqq:*""#,
            r#"teahouse.toml:24:10: "qqq:*" names account "qqq", which is not set up; did you mean "qq"?"#,
        ),
        (
            r#""qq:*""#,
            r#""*""#,
            r#"teahouse.toml:24:10: "*" names no room; write ACCOUNT:CHAT, like "qq:*""#,
        ),
        (
            r#"rooms = ["qq:*"]"#,
            r#"rooms = "qq:*""#,
            r#"teahouse.toml:24:9: a text stands here; write a list, like ["…"]"#,
        ),
        (
            "[[account]]",
            "[account]",
            "teahouse.toml:5:1: there may be several of these; write [[account]] instead of [account]",
        ),
        (
            r#"{ provider = "main""#,
            r#"{ provider = "man""#,
            r#"teahouse.toml:20:16: route "default" names provider "man", which is not set up; did you mean "main"?"#,
        ),
        (
            "[[provider]]",
            "[[provider]]\nname = \"main\"\napi = \"local\"\n\n[[provider]]",
            r#"teahouse.toml:16:8: a second provider is named "main"; give each its own name"#,
        ),
        (
            "[[account]]",
            "[[account]]\nname = \"qq\"\nprotocol = \"onebot-v11\"\nlisten = true\ntoken = { env = \"TOKEN\" }\n\n[[account]]",
            r#"teahouse.toml:12:8: a second account is named "qq"; give each its own name"#,
        ),
        (
            r#"api = "openai""#,
            r#"api = "anthropic""#,
            r#"teahouse.toml:13:7: "anthropic" is no value here; known here: openai, local, parrot"#,
        ),
        (
            r#"api = "openai""#,
            r#"api = "open-ai""#,
            r#"teahouse.toml:13:7: "open-ai" is no value here; did you mean "openai"?"#,
        ),
        (
            r#"protocol = "onebot-v11""#,
            r#"protocol = "onebot""#,
            r#"teahouse.toml:7:12: "onebot" is no value here; did you mean "onebot-v11"?"#,
        ),
        (
            "127.0.0.1:7788",
            "localhost",
            r#"teahouse.toml:2:10: "localhost" is no address to listen on; write it like "127.0.0.1:7788""#,
        ),
        (
            r#"input = "1""#,
            "input = 1",
            "teahouse.toml:20:55: a number stands here; write a text in quotes",
        ),
        (
            r#"model = "m""#,
            r#"mode = "m""#,
            r#"teahouse.toml:20:24: "mode" is no key here; did you mean "model"?"#,
        ),
        (
            "key = {",
            "first_token = \"5m\"\nkey = {",
            r#"teahouse.toml:15:15: first_token: "5m" is no waiting time; write "1s" to "240s""#,
        ),
        (
            r#"charter = "charter.toml""#,
            r#"charter = "none.toml""#,
            r#"teahouse.toml:25:11: cannot read "none.toml": No such file or directory (os error 2)"#,
        ),
        (
            r#"charter = "charter.toml""#,
            "charter =",
            r#"teahouse.toml:25:10: a value is missing, or its quotes are; write it like key = "value""#,
        ),
        (
            r#"charter = "charter.toml""#,
            r#"chartr = "charter.toml""#,
            r#"teahouse.toml:25:1: "chartr" is no key here; did you mean "charter"?"#,
        ),
        (
            r#""qq""#,
            r#""q q""#,
            "teahouse.toml:6:8: \"q q\" is no account name; use letters, digits, - and _\nteahouse.toml:24:10: \"qq:*\" names account \"qq\", which is not set up",
        ),
        (
            "listen = true",
            "listen = false",
            r#"teahouse.toml:6:8: account "qq" has no way to connect; write listen = true and let the QQ side dial us, or dial = "ws://127.0.0.1:3001""#,
        ),
        (
            r#"name = "default""#,
            r#"name = "defaut""#,
            r#"teahouse.toml:25:11: charter "open table" asks route "default", which is not set up; did you mean "defaut"?"#,
        ),
        (
            "listen = true",
            "listen = true\npace = \"fast\"",
            r#"teahouse.toml:9:8: "fast" is no value here; known here: safe, off"#,
        ),
        (
            "[[route]]",
            "[[route]",
            "teahouse.toml:17:9: unclosed array table, expected `]`",
        ),
        (
            r#"name = "main""#,
            "name = main",
            r#"teahouse.toml:12:8: a value is missing, or its quotes are; write it like key = "value""#,
        ),
        (
            "name = \"default\"\n",
            "",
            r#"teahouse.toml:17:1: "name" is missing here; add it"#,
        ),
        (
            "protocol = \"onebot-v11\"\n",
            "",
            r#"teahouse.toml:5:1: "protocol" is missing here; add it"#,
        ),
        (
            "base_url = \"https://api.example.com/v1\"\n",
            "",
            r#"teahouse.toml:12:8: provider "main" needs base_url, like "https://api.example.com/v1""#,
        ),
        (
            "listen = true",
            "listen: true",
            "teahouse.toml:8:9: key with no value, expected `=`",
        ),
        (
            "listen = true",
            "listen = true,",
            "teahouse.toml:8:14: something stands after the value; one setting a line, no comma at its end",
        ),
    ]);
}

#[test]
fn bad_087_a_charter_is_checked_like_the_rest() {
    check_charter(&[
        (
            "trigger",
            "triger",
            r#"charter.toml:2:1: "triger" is no key here; did you mean "trigger"?"#,
        ),
        (
            "[purse]",
            "quiet = [\"25:00-07:00\"]\n[purse]",
            r#"charter.toml:5:9: "25:00-07:00" is no time range; write it like "23:00-07:00""#,
        ),
        (
            "[purse]",
            "zone = \"Mars/Olympus\"\n[purse]",
            r#"charter.toml:5:8: "Mars/Olympus" is no time zone; write a name like "Asia/Shanghai" or "UTC""#,
        ),
        (
            "[purse]",
            "max_tokens = 0\n[purse]",
            "charter.toml:5:14: 0 is no answer length; write 16 to 32000 tokens",
        ),
        (
            "[purse]",
            "max_tokens = -1\n[purse]",
            "charter.toml:5:14: a number stands here; write a whole number, zero or more, without quotes",
        ),
        (
            "[purse]",
            "keep = { days = -1 }\n[purse]",
            "charter.toml:5:17: a number stands here; write a whole number, zero or more, without quotes",
        ),
        (
            "[purse]",
            "speaks = \"fr\"\n[purse]",
            r#"charter.toml:5:10: "fr" is no value here; known here: en, zh"#,
        ),
        (
            r#"["ai"]"#,
            "[]",
            r#"charter.toml:2:11: trigger needs one to eight words, like ["ai"]"#,
        ),
        (
            r#"["ai"]"#,
            r#""ai""#,
            r#"charter.toml:2:11: a text stands here; write a list, like ["…"]"#,
        ),
        (
            r#"["ai"]"#,
            r#"["a i"]"#,
            r#"charter.toml:2:11: "a i" is no trigger; write one word of at most 24 letters, like "ai""#,
        ),
        (
            r#""default""#,
            r#""defaut""#,
            r#"teahouse.toml:25:11: charter "open table" asks route "defaut", which is not set up; did you mean "default"?"#,
        ),
        (
            "= 20",
            "= -1",
            "charter.toml:6:32: a number stands here; write a whole number, zero or more, without quotes",
        ),
        (
            "= 20",
            "= 20\nper_day = \"1 CNY\"",
            r#"teahouse.toml:25:11: charter "open table" spends CNY, but model "m" of its route is priced in USD; write both in one currency"#,
        ),
        (
            "= 20",
            "= 20\nper_day = 1",
            "charter.toml:7:11: a number stands here; write a text in quotes",
        ),
        (
            "name = \"open table\"\n",
            "",
            r#"charter.toml:1:1: "name" is missing here; add it"#,
        ),
    ]);
}

#[test]
fn bad_092_an_account_stands_in_one_section_and_one_chat_id_on_two_accounts_is_two_rooms() {
    let account = "[[account]]\nname = \"qq\"\n";
    let second = |name: &str, id: &str| {
        format!(
            "[[account]]\nname = \"{name}\"\nprotocol = \"onebot-v11\"\nid = \"{id}\"\nlisten = true\ntoken = {{ env = \"TOKEN\" }}\n\n{account}id = \"10001\"\n"
        )
    };
    let told = |name: &str, id: &str| {
        let settings = SETTINGS.replacen(account, &second(name, id), 1);
        heads(&errors(settings.as_bytes(), CHARTER.as_bytes()))
    };
    assert_eq!(
        told("other", "10001"),
        "teahouse.toml:14:6: accounts \"other\" and \"qq\" are both 10001; one account of the platform is one section, and two bridges of it may share that"
    );
    assert!(told("qq", "10002").contains("a second account is named \"qq\""));
    assert_eq!(told("other", "10002"), "fine");
    let house = House::of_account("qq", Charter::open_table());
    let at = |account: &str| Address {
        account: AccountName::new(account),
        chat: teahouse_core::ChatId::new("700"),
    };
    assert!(house.covers(&at("qq")) && !house.covers(&at("other")));
}

#[test]
fn a_missing_or_broken_secret_is_named_and_nothing_that_hangs_on_it() {
    check(&[
        (
            r#"metrics = "open""#,
            r#"metrics = { env = "NONE" }"#,
            r#"teahouse.toml:3:11: server.metrics: environment variable NONE is not set; set it, or write { file = "PATH" }"#,
        ),
        (
            r#"env = "KEY""#,
            r#"env = "NONE""#,
            r#"teahouse.toml:15:7: key of provider "main": environment variable NONE is not set; set it, or write { file = "PATH" }"#,
        ),
        (
            r#"env = "KEY""#,
            r#"env = "EMPTY""#,
            r#"teahouse.toml:15:7: key of provider "main": environment variable EMPTY is empty; a secret is never empty here"#,
        ),
        (
            r#"env = "KEY""#,
            r#"env = "BROKEN""#,
            r#"teahouse.toml:15:7: key of provider "main": environment variable BROKEN has a blank or a line break inside; copy the secret again, in one piece"#,
        ),
        (
            r#"env = "KEY""#,
            r#"env = "my key""#,
            r#"teahouse.toml:15:7: key of provider "main": env takes the name of a variable, like "TEAHOUSE_MAIN_KEY": capital letters, digits and _"#,
        ),
        (
            r#"{ env = "KEY" }"#,
            r#"{ env = "KEY", file = "x" }"#,
            r#"teahouse.toml:15:7: key of provider "main": write either { env = "NAME" } or { file = "PATH" }"#,
        ),
        (
            r#"{ env = "KEY" }"#,
            r#"{ file = "none.txt" }"#,
            r#"teahouse.toml:15:7: key of provider "main": cannot read "none.txt": No such file or directory (os error 2)"#,
        ),
        (
            "token = { env = \"TOKEN\" }\n",
            "",
            r#"teahouse.toml:5:1: "token" is missing here; add it"#,
        ),
    ]);
}

#[test]
fn bad_091_a_key_in_the_wrong_place_is_known_refused_and_never_shown() {
    check(&[
        (
            r#"metrics = "open""#,
            r#"metrics = "hunter2""#,
            r#"teahouse.toml:3:11: write metrics = "open", { env = "NAME" } or { file = "PATH" }, or leave it out for none"#,
        ),
        (
            r#"env = "KEY""#,
            r#"env = "sk-abcdefghijklmnop""#,
            r#"teahouse.toml:15:7: key of provider "main": the key itself stands where its variable's name belongs; put it into the environment and write the name"#,
        ),
        (
            r#"{ env = "KEY" }"#,
            r#""sk-abcdefghijklmnop""#,
            r#"teahouse.toml:15:7: a secret never stands in this file; write { env = "NAME" } or { file = "PATH" }"#,
        ),
        (
            r#"{ env = "KEY" }"#,
            r#""hunter2""#,
            r#"teahouse.toml:15:7: a secret never stands in this file; write { env = "NAME" } or { file = "PATH" }"#,
        ),
        (
            r#"{ env = "KEY" }"#,
            r#"{ env = "hunter2" }"#,
            r#"teahouse.toml:15:7: key of provider "main": env takes the name of a variable, like "TEAHOUSE_MAIN_KEY": capital letters, digits and _"#,
        ),
        (
            r#"{ env = "KEY" }"#,
            r#"{ value = "hunter2" }"#,
            r#"teahouse.toml:15:9: "value" is no key here; known here: env, file"#,
        ),
        (
            r#"{ env = "KEY" }"#,
            "sk-abcdefghijklmnop",
            r#"teahouse.toml:15:7: a secret never stands in this file; write { env = "NAME" } or { file = "PATH" }"#,
        ),
        (
            r#"name = "main""#,
            r#"name = "sk-abcdefghijklmnop""#,
            "teahouse.toml:12:8: a key stands where the name of this provider belongs; put it into the environment and write key = { env = \"NAME\" }\nteahouse.toml:20:16: route \"default\" names provider \"main\", which is not set up",
        ),
        (
            r#"model = "m""#,
            r#"model = "sk-abcdefghijklmnop""#,
            r#"teahouse.toml:20:32: a key stands where a model's name belongs; put it into the environment and write key = { env = "NAME" } at the provider"#,
        ),
        (
            "https://api.example.com/v1",
            "sk-abcdefghijklmnop",
            r#"teahouse.toml:14:12: base_url of provider "main" must start with https:// or http://"#,
        ),
        (
            "https://api",
            "https://me:hunter2@api",
            r#"teahouse.toml:14:12: base_url of provider "main" carries a user name; put the key into key = { env = "NAME" }"#,
        ),
        (
            r#"/v1""#,
            r#"/v1?key=hunter2""#,
            r#"teahouse.toml:14:12: base_url of provider "main" carries a question mark; put the key into key = { env = "NAME" } and end the address before it"#,
        ),
    ]);
}

#[test]
fn bad_093_keys_travel_to_nobody_in_the_clear() {
    check(&[
        (
            "https://api",
            "http://api",
            r#"teahouse.toml:14:12: base_url of provider "main" is plain http to a public host, where anybody can read the key; use https"#,
        ),
        (
            "https://api.example.com",
            "http://10.1.2.3",
            r#"teahouse.toml:14:12: base_url of provider "main" is plain http to another machine; use https, or write allow_http = true"#,
        ),
        (
            "https://api.example.com",
            "https://169.254.169.254",
            r#"teahouse.toml:14:12: base_url of provider "main" is an address of this machine's own cloud; no model is there"#,
        ),
        (
            r#"/v1""#,
            r#"/v1/chat/completions""#,
            r#"teahouse.toml:14:12: base_url of provider "main" goes too far; end it before /chat/completions, as in "https://api.example.com/v1""#,
        ),
        (
            "https://",
            "ftp://",
            r#"teahouse.toml:14:12: base_url of provider "main" must start with https:// or http://"#,
        ),
        (
            "https://api.example.com/v1",
            "http://fd00:ec2::254/v1",
            r#"teahouse.toml:14:12: base_url of provider "main" is no address; write it like "https://api.example.com/v1""#,
        ),
        (
            r#"https://api.example.com/v1""#,
            "http://8.8.8.8/v1\"\nallow_http = true",
            r#"teahouse.toml:14:12: base_url of provider "main" is plain http to a public host, where anybody can read the key; use https"#,
        ),
        (
            r#"https://api.example.com/v1""#,
            "http://ollama:11434/v1\"\nallow_http = true",
            "fine",
        ),
    ]);
}

#[test]
fn bad_070_a_price_that_is_not_known_is_asked_for_and_never_zero() {
    check(&[
        (
            r#"input = "1""#,
            r#"input = "-1""#,
            r#"teahouse.toml:20:55: "-1" is no price; write a plain number like "0.15", nine decimals at most"#,
        ),
        (
            r#"{ input = "1", output = "2" }"#,
            r#"{ input = "0", output = "0.00" }"#,
            "teahouse.toml:20:45: a price of 0 would count nothing; write the price, or price = { free = true } if this model costs nothing",
        ),
        (
            r#"{ input = "1", output = "2" }"#,
            r#"{ input = "1" }"#,
            r#"teahouse.toml:20:45: a price needs input and output; write price = { input = "0.15", output = "0.60", currency = "USD" } per million tokens"#,
        ),
        (
            r#"{ input = "1", output = "2" }"#,
            r#"{ free = true, input = "1" }"#,
            "teahouse.toml:20:45: a price is either free = true or input and output; keep one",
        ),
        (
            r#", price = { input = "1", output = "2" }"#,
            "",
            r#"teahouse.toml:20:16: the price of model "m" is not known, and unknown is never free; add price = { input = "0.15", output = "0.60", currency = "USD" } per million tokens"#,
        ),
        (
            "key = {",
            "credit = \"18 EUR\"\nkey = {",
            r#"teahouse.toml:21:16: provider "main" has its credit in EUR and this model its price in USD; write both in one currency"#,
        ),
        (
            "key = {",
            "credit = \"18\"\nkey = {",
            r#"teahouse.toml:15:10: "18" is no amount of money; write it like "0.60 USD""#,
        ),
        (
            "  { provider = \"main\", model = \"m\", price = { input = \"1\", output = \"2\" } },\n",
            "",
            r#"teahouse.toml:19:10: route "default" has no model; name at least one"#,
        ),
    ]);
}

#[test]
fn the_parrot_is_always_there_and_its_faults_are_known_by_name() {
    const LIST: &str = "write one of parrot, parrot:delay=5s (1s to 240s), parrot:429, parrot:500, parrot:hang, parrot:empty, parrot:long, parrot:refusal";
    const IN_ROUTE: &str =
        r#"{ provider = "main", model = "m", price = { input = "1", output = "2" } }"#;
    let unknown = format!(r#"teahouse.toml:20:34: "parrot:503" is no model of the parrot; {LIST}"#);
    let unknown_at_provider =
        format!(r#"teahouse.toml:18:9: "polly" is no model of the parrot; {LIST}"#);
    let needless = format!(
        "teahouse.toml:14:12: provider \"main\" is a parrot: it asks nobody and costs nothing; take base_url away\n\
         teahouse.toml:15:7: provider \"main\" is a parrot: it asks nobody and costs nothing; take key away\n\
         teahouse.toml:20:32: \"m\" is no model of the parrot; {LIST}"
    );
    check(&[
        (IN_ROUTE, r#"{ provider = "parrot" }"#, "fine"),
        (
            IN_ROUTE,
            r#"{ provider = "parrot", model = "parrot:delay=5s" }"#,
            "fine",
        ),
        (
            IN_ROUTE,
            r#"{ provider = "parrot", model = "parrot:503" }"#,
            &unknown,
        ),
        (
            IN_ROUTE,
            r#"{ provider = "parrot", model = "sk-abcdefghijklmnop" }"#,
            r#"teahouse.toml:20:34: a key stands where a model's name belongs; put it into the environment and write key = { env = "NAME" } at the provider"#,
        ),
        (
            IN_ROUTE,
            r#"{ provider = "parot" }"#,
            r#"teahouse.toml:20:16: route "default" names provider "parot", which is not set up; did you mean "parrot"?"#,
        ),
        (
            "[[route]]",
            "[[provider]]\nname = \"parrot\"\napi = \"parrot\"\n\n[[route]]",
            "fine",
        ),
        (
            "api = \"openai\"\nbase_url = \"https://api.example.com/v1\"\nkey = { env = \"KEY\" }\n",
            "api = \"openai\"\nbase_url = \"https://api.example.com/v1\"\n[[provider]]\nname = \"bird\"\napi = \"parrot\"\nmodel = \"polly\"\n",
            &unknown_at_provider,
        ),
        ("api = \"openai\"", "api = \"parrot\"", &needless),
        (
            r#"name = "main""#,
            r#"name = "parrot""#,
            "teahouse.toml:12:8: the name \"parrot\" is the built-in parrot's; give this provider another name, or write api = \"parrot\"\nteahouse.toml:20:16: route \"default\" names provider \"main\", which is not set up",
        ),
    ]);
}

#[test]
fn bad_087_a_whole_file_that_is_none_says_so() {
    let words = |settings: &[u8], charter: &[u8]| errors(settings, charter);
    assert_eq!(
        words(b"", b""),
        "teahouse.toml: \"teahouse.toml\" says nothing; teahouse.example.toml and contract/charter-open.toml show what can stand there"
    );
    assert!(
        words(SETTINGS.as_bytes(), b"# nothing\n")
            .starts_with("teahouse.toml:25:11: \"charter.toml\" says nothing;")
    );
    assert_eq!(
        words(&vec![b'#'; 2 << 20], b""),
        "teahouse.toml: \"teahouse.toml\" has 2097152 bytes, a configuration has at most 1048576; is it the right file?"
    );
    assert_eq!(
        words(b"name = \"\xff\"", b""),
        "teahouse.toml: \"teahouse.toml\" is not UTF-8 text; save it as UTF-8"
    );
}

#[test]
fn bad_087_editors_of_every_kind_are_understood() {
    let windows = |text: &str| format!("\u{feff}{}", text.replace('\n', "\r\n"));
    let shown = errors(windows(SETTINGS).as_bytes(), windows(CHARTER).as_bytes());
    assert_eq!(shown, "fine");
    let wrong = windows(&format!(
        "# 茶馆\n{}",
        SETTINGS.replace("127.0.0.1:7788", "x")
    ));
    assert_eq!(
        errors(wrong.as_bytes(), CHARTER.as_bytes()),
        r#"teahouse.toml:3:10: "x" is no address to listen on; write it like "127.0.0.1:7788"
  3 | listen = "x"
    |          ^"#
    );
    let tabs = SETTINGS.replace("listen = true", "\tlisen\t=\ttrue");
    assert_eq!(
        errors(tabs.as_bytes(), CHARTER.as_bytes()),
        r#"teahouse.toml:8:2: "lisen" is no key here; did you mean "listen"?
  8 |  lisen = true
    |  ^"#
    );
}

#[test]
fn the_caret_stands_under_the_mistake_also_after_han_and_in_long_lines() {
    let rooms = |with: &str| SETTINGS.replace("rooms = [\"qq:*\"]", with);
    let shown = |line: &str| errors(rooms(line).as_bytes(), CHARTER.as_bytes());
    assert_eq!(
        shown("rooms = [\"qq:茶馆\", \"qqq:*\"]"),
        r#"teahouse.toml:24:19: "qqq:*" names account "qqq", which is not set up; did you mean "qq"?
  24 | rooms = ["qq:茶馆", "qqq:*"]
     |                     ^"#
    );
    let long = format!("rooms = [{}\"qqq:*\", {0}]", "\"qq:1234\", ".repeat(40));
    assert_eq!(
        shown(&long),
        r#"teahouse.toml:24:450: "qqq:*" names account "qqq", which is not set up; did you mean "qq"?
  24 | …34", "qq:1234", "qq:1234", "qq:1234", "qq:1234", "qq:1234", "qqq:*", "qq:1234", "qq:1234", "qq:1234", "qq:1234", "qq:123…
     |                                                              ^"#
    );
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let text = SETTINGS
        .replace("env = \"TOKEN\"", "env = \"NONE\"")
        .replace("https://", "http://")
        .replace("input = \"1\"", "input = \"one\"");
    let shown = errors(text.as_bytes(), CHARTER.as_bytes());
    assert_eq!(heads(&shown).lines().count(), 3, "{shown}");
}

fn root() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn example() -> String {
    std::fs::read_to_string(root().join("teahouse.example.toml")).unwrap()
}

#[test]
fn the_example_loads_as_it_stands_and_with_every_line_switched_on() {
    let environment = |name: &str| name.starts_with("TEAHOUSE_").then(|| "a-secret".to_owned());
    let load_text = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("teahouse.toml");
        std::fs::create_dir(folder.path().join("contract")).unwrap();
        let charter = "contract/charter-open.toml";
        std::fs::copy(root().join(charter), folder.path().join(charter)).unwrap();
        std::fs::write(&file, text).unwrap();
        load(&file, &environment).unwrap_or_else(|errors| {
            panic!(
                "{}",
                errors.iter().map(|e| format!("{e}\n")).collect::<String>()
            )
        })
    };
    let settings = load_text(&example());
    assert_eq!(
        settings.server.listen,
        RawServer::default().listen.into_inner()
    );
    assert_eq!(settings.server.data.file_name(), Some("data".as_ref()));
    // `#key = value` is a setting that is off, `# words` are words.
    let is_off =
        |line: &str| line.starts_with('#') && !line[1..].starts_with([' ', '#']) && line.len() > 1;
    let switched_on: Vec<String> = example()
        .lines()
        .map(|line| {
            if is_off(line) {
                line[1..].to_owned()
            } else {
                line.to_owned()
            }
        })
        .collect();
    let settings = load_text(&switched_on.join("\n"));
    assert!(settings.providers.len() > 1 && settings.houses.len() > 1);
}

/// Every key that a table knows, from the mouth of its own reader.
fn keys<T: serde::de::DeserializeOwned>() -> Vec<String> {
    let unknown = toml::from_str::<T>("zz = 1").err().expect("zz is no key");
    let words: Vec<_> = unknown.message().split('`').skip(1).step_by(2).collect();
    assert_eq!(words[0], "zz");
    words[1..].iter().map(|key| (*key).to_owned()).collect()
}

#[test]
fn the_example_shows_every_key_there_is() {
    let text = example();
    let shown = |key: &str| {
        text.lines().any(|line| {
            let line = line.trim_start_matches(['#', ' ']);
            line.starts_with(&format!("{key} = "))
                || line.contains(&format!("[{key}]"))
                || line.contains(&format!("{{ {key} = "))
                || line.contains(&format!(", {key} = "))
        })
    };
    let tables = [
        keys::<RawSettings>(),
        keys::<RawServer>(),
        keys::<RawAccount>(),
        keys::<RawProvider>(),
        keys::<RawRoute>(),
        keys::<RawRouteModel>(),
        keys::<RawPrice>(),
        keys::<RawHouse>(),
        keys::<RawSecret>(),
        keys::<Charter>(),
        keys::<teahouse_core::Keep>(),
        keys::<teahouse_core::PurseRules>(),
    ];
    let missing: Vec<_> = tables.iter().flatten().filter(|key| !shown(key)).collect();
    assert_eq!(
        missing,
        Vec::<&String>::new(),
        "teahouse.example.toml lacks them"
    );
}

#[test]
fn bad_093_a_bridge_is_dialled_in_the_clear_only_where_nobody_else_listens() {
    let dial = |line: &str| {
        let text = SETTINGS.replacen("listen = true", line, 1);
        heads(&errors(text.as_bytes(), CHARTER.as_bytes()))
    };
    for fine in [
        r#"dial = "ws://127.0.0.1:3001""#,
        r#"dial = "ws://[::1]:3001/""#,
        r#"dial = "ws://napcat:3001""#,
        r#"dial = "ws://192.168.1.7:3001/ws""#,
        r#"listen = true
dial = "ws://localhost:3001""#,
        r#"dial = "ws://bridge.example.org:3001"
allow_ws = true"#,
    ] {
        assert_eq!(dial(fine), "fine", "{fine}");
    }
    for (address, why) in [
        (
            "ws://bridge.example.org:3001",
            "is plain ws to a public host, where anybody can read the token; use a tunnel, or write allow_ws = true",
        ),
        (
            "ws://8.8.8.8",
            "is plain ws to a public host, where anybody can read the token; use a tunnel, or write allow_ws = true",
        ),
        (
            "wss://bridge.example.org",
            "is wss, which bridges do not speak themselves; lead a tunnel to it and dial its near end with ws://",
        ),
        (
            "ws://169.254.169.254",
            "is an address of this machine's own cloud; no bridge is there",
        ),
        (
            "ws://127.0.0.1:3001/?access_token=hunter2",
            r#"carries a question mark; put the token into token = { env = "NAME" } and end the address before it"#,
        ),
        (
            "ws://me:hunter2@127.0.0.1:3001",
            r#"carries a user name; the token goes into token = { env = "NAME" }"#,
        ),
        (
            "ws://127.0.0.1:3001/event",
            "leads to one half of the bridge; end it after the port",
        ),
        ("http://127.0.0.1:3001", "must start with ws://"),
        ("", r#"is no address; write it like "ws://127.0.0.1:3001""#),
    ] {
        let shown = dial(&format!("dial = \"{address}\""));
        assert_eq!(
            shown,
            format!("teahouse.toml:8:8: dial of account \"qq\" {why}")
        );
    }
}
