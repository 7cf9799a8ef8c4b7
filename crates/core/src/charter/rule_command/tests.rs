//! A table of what admins write, and of what only looks like it.

use super::*;

fn shown(command: &RuleCommand) -> String {
    let rule = |rule: &RuleRef| match rule {
        RuleRef::Number(n) => n.to_string(),
        RuleRef::Name(name) => name.clone(),
    };
    let edit = |edit: &Edit| serde_json::to_string(edit).unwrap().replace('"', "");
    match command {
        RuleCommand::Show(None) => "show".into(),
        RuleCommand::Show(Some(one)) => format!("show {}", rule(one)),
        RuleCommand::Add(new) => edit(new),
        RuleCommand::Mode { rule: one, mode } => format!("mode {} {}", rule(one), mode.as_str()),
        RuleCommand::Try(Tried::Dry) => "try".into(),
        RuleCommand::Try(Tried::Rule(one)) => format!("try {}", rule(one)),
        RuleCommand::Try(Tried::Edit(new)) => format!("try {}", edit(new)),
        RuleCommand::Back => "back".into(),
    }
}

#[track_caller]
fn check(rest: &str, expected: &str) {
    let read = RuleCommand::parse(rest);
    let read = read.as_ref().map_or("question".into(), shown);
    assert_eq!(read, expected, "{rest:?}");
}

#[test]
fn rules_are_shown_set_tried_and_taken_back_in_both_languages() {
    check("show", "show");
    check(" SHOW ", "show");
    check("show.", "show");
    check("看", "show");
    check("看。", "show");
    check("show 3", "show 3");
    check("ｓｈｏｗ　３", "show 3");
    check("看 3", "show 3");
    check("show links", "show links");
    check("show words:spam", "show words:spam");
    check("show Words： spam", "show words:spam");
    check("show topics:exam leaks", "show topics:exam leaks");
    check("mode 3 on", "mode 3 on");
    check("mode 3 ON!", "mode 3 on");
    check("mode  3   dry", "mode 3 dry");
    check("mode 12 off", "mode 12 off");
    check("mode words:spam ask", "mode words:spam ask");
    check("mode topics:exam leaks on", "mode topics:exam leaks on");
    check("mode people_first off", "mode people_first off");
    check("模式 3 生效", "mode 3 on");
    check("模式 3 关", "mode 3 off");
    check("模式 3 试", "mode 3 dry");
    check("模式 3 试运行", "mode 3 dry");
    check("模式 3 问", "mode 3 ask");
    check("模式 links 送审", "mode links ask");
    check("try", "try");
    check("试", "try");
    check("try 3", "try 3");
    check("试 3", "try 3");
    check("try links", "try links");
    check("back", "back");
    check("退回", "back");
}

#[test]
fn changes_are_whole_in_both_languages() {
    check("add word casino", "{edit:add-words,words:[casino]}");
    check(
        "add word casino, 赌场",
        "{edit:add-words,words:[casino,赌场]}",
    );
    check(
        "add words free crypto，加微信",
        "{edit:add-words,words:[free crypto,加微信]}",
    );
    check("加 词 赌场、博彩", "{edit:add-words,words:[赌场,博彩]}");
    check("加词 赌场", "{edit:add-words,words:[赌场]}");
    check("remove word casino", "{edit:remove-words,words:[casino]}");
    check("删 词 赌场", "{edit:remove-words,words:[赌场]}");
    check("allow word Essex", "{edit:allow-words,words:[Essex]}");
    check("放行 词 赌场路", "{edit:allow-words,words:[赌场路]}");
    check(
        "add link deny Example.com",
        "{edit:deny-link,domain:example.com}",
    );
    check(
        "add link allow wikipedia.org",
        "{edit:allow-link,domain:wikipedia.org}",
    );
    check(
        "加 链接 放行 wikipedia.org",
        "{edit:allow-link,domain:wikipedia.org}",
    );
    check(
        "加 链接 拦下 example.com",
        "{edit:deny-link,domain:example.com}",
    );
    check(
        "add topic betting: tips and odds",
        "{edit:add-topic,name:betting,about:tips and odds}",
    );
    check(
        "add topic betting: tips | Not here.",
        "{edit:add-topic,name:betting,about:tips,decline:Not here.}",
    );
    check(
        "加 话题 赌博：下注、赔率｜这里不聊赌博。",
        "{edit:add-topic,name:赌博,about:下注、赔率,decline:这里不聊赌博。}",
    );
    check("language en", "{edit:languages,members:[en]}");
    check(
        "language English, Chinese",
        "{edit:languages,members:[en,zh]}",
    );
    check("语言 英语、中文", "{edit:languages,members:[en,zh]}");
    check("try add word xyz", "try {edit:add-words,words:[xyz]}");
    check("试 加 词 赌场", "try {edit:add-words,words:[赌场]}");
    check(
        "try add link deny example.com",
        "try {edit:deny-link,domain:example.com}",
    );
}

#[test]
fn bad_049_half_a_command_a_look_alike_or_words_behind_it_are_a_question() {
    for rest in [
        "",
        " ",
        "shоw",
        "ѕhow 3",
        "show 3 please",
        "show 0",
        "show -1",
        "show 3.5",
        "show 1000",
        "show three",
        "show words",
        "show words:",
        "show linkѕ",
        "show me the rules",
        "看看",
        "看 三",
        "mode",
        "mode 3",
        "mode on",
        "mode 3 оn",
        "mode 3 o\u{200b}n",
        "mode 3 on now",
        "mode 3 maybe",
        "mode three on",
        "mode 3on",
        "模式 3 开",
        "模式 3",
        "模式3生效",
        "try hard",
        "try 3 again",
        "try add",
        "try add word",
        "试 一下",
        "back please",
        "go back",
        "退回 吧",
        "add",
        "add word",
        "add words ,",
        "add word casino,,bet",
        "add word a",
        "add word #casino",
        "add word ...",
        "add wordcasino",
        "add link example.com",
        "add link deny",
        "add link deny example",
        "add link deny com",
        "add link deny https://example.com/x",
        "add link deny example.com and more",
        "add topic",
        "add topic betting",
        "add topic : odds",
        "add topic betting:",
        "add topic betting: odds |",
        "language",
        "language klingon",
        "language en zh",
        "of thumb",
        "the world",
        "加",
        "加 词",
        "加 链接 拦下",
        "删",
        "开",
    ] {
        check(rest, "question");
    }
    let long: String = ('一'..).take(65).collect();
    let long = format!("add word {long}");
    check(&long, "question");
    let long = format!("add topic betting: {}", "x".repeat(401));
    check(&long, "question");
}
