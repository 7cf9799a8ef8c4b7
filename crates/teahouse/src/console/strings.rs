//! All that the pages say, 中文 and English, in one table. A row has both columns or does not compile; a row that
//! nobody uses fails a test. Members' words never come here.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header};
use serde::Serialize;
use teahouse_core::{Language, Reason};

macro_rules! words {
    (
        templates { $($word:ident: $zh:literal, $en:literal;)* }
        script { $($key:ident: $script_zh:literal, $script_en:literal;)* }
    ) => {
        /// What the templates say, in one language.
        #[derive(Debug)]
        pub struct Words {
            /// For `<html lang>`.
            pub lang: &'static str,
            $(#[doc = $en] pub $word: &'static str,)*
        }

        const CHINESE: Words = Words { lang: "zh-CN", $($word: $zh,)* };
        const ENGLISH: Words = Words { lang: "en", $($word: $en,)* };
        /// What the page's script says: key, 中文, English.
        const SCRIPT: &[(&str, &str, &str)] = &[$((stringify!($key), $script_zh, $script_en),)*];
        #[cfg(test)]
        const TEMPLATES: &[(&str, &str, &str)] = &[$((stringify!($word), $zh, $en),)*];
    };
}

words! {
    templates {
        // ---- everywhere
        brand: "茶馆", "Teahouse";
        skip: "跳到输入框", "Skip to the message box";
        close: "关上", "Close";
        other_language: "English", "中文";
        other_lang: "en", "zh";

        // ---- the doors
        enter_title: "开张", "Open the house";
        enter_lead: "这是第一次进门。给自己定一个密码，以后用它登录。", "This is the first visit. Choose a password; it signs you in from now on.";
        code: "一次性代码", "One-time code";
        code_help: "在终端打印出的链接里，# 后面那一段。", "The part after # in the link printed on the terminal.";
        new_password: "新密码", "New password";
        password_help: "至少 8 个字符。", "At least 8 characters.";
        enter_go: "进门", "Enter";
        enter_wrong: "代码不对，或者已经用过。重启茶馆会打印新的链接。", "The code is wrong or was used. Restart the house to get a new link.";
        enter_short: "密码要 8 到 256 个字节。", "A password has 8 to 256 bytes.";
        enter_dead_title: "已经有主人了", "This house has an owner";
        enter_dead: "一次性链接只能用一次。用密码登录；忘了密码，在终端运行 teahouse reset-password。", "The one-time link worked once. Sign in with the password; if it is lost, run teahouse reset-password.";
        login_title: "进门", "Sign in";
        password: "密码", "Password";
        login_go: "登录", "Sign in";
        login_wrong: "密码不对。", "Wrong password.";
        login_locked: "试错太多次，请一分钟后再来。", "Too many wrong tries; come back in a minute.";
        login_help: "忘了密码：在运行茶馆的机器上执行 teahouse reset-password。", "Lost it? Run teahouse reset-password on the machine that runs the house.";
        logout: "登出", "Sign out";
        join_title: "入座", "Take a seat";
        join_lead: "起个名字就能坐下，不用注册。", "A name is all it takes; no account.";
        join_name: "怎么称呼", "Your name";
        join_code: "邀请码", "Invitation";
        join_go: "坐下", "Sit down";
        join_gone: "这个邀请已经失效，请向主人要新的。", "This invitation is no longer good; ask the owner for a new one.";
        join_full: "座位坐满了。", "Every seat is taken.";
        join_name_bad: "这个名字用不了，换一个试试。", "That name can't be used; try another.";
        join_broken: "没坐成。请再试一次。", "That didn't work. Please try again.";
        join_needs_script: "茶座要用脚本。请在浏览器里打开 JavaScript。", "The parlour needs JavaScript; please switch it on.";

        // ---- errors
        to_room: "去茶座", "To the parlour";
        to_login: "去登录", "Sign in";
        missing_title: "没有这一页", "No such page";
        missing: "地址可能写错了，或者这间茶座已经不在。", "The address may be mistyped, or this room is gone.";
        refused_title: "这里进不去", "Not from here";
        refused: "登录已过期，或者请求不是从这一页发出的。请重新登录。", "You are signed out, or the request came from another page. Please sign in again.";
        misdirected_title: "认不得这个地址", "Unknown address";
        misdirected: "茶馆只应答它自己的主机名。用启动时打印的地址打开。", "The house answers only under its own names. Use the address printed at start.";
        broken_title: "出了差错", "Something went wrong";
        broken: "什么都没有丢。请再试一次；还不行就看茶馆的日志。", "Nothing is lost. Please try again; if it persists, read the house's log.";

        // ---- the room
        parlour: "茶座", "Parlour";
        seats: "座位", "Seats";
        talk: "聊天记录", "Messages";
        empty_title: "茶沏好了", "Tea is ready";
        empty: "发一句“ai 你好”，看它怎么答。", "Write “ai hello” and see what it says.";
        thinking: "茶馆正在想…", "The house is thinking…";
        newer: "↓ 新消息", "↓ Newer";
        earlier: "更早的话不在这一页上了", "What was said earlier is no longer on this page";
        keys: "Alt+1…9 换到这一页坐过或开过的座位，Alt+N 换昼夜。", "Alt+1…9 takes a seat this page has sat on or made, Alt+N turns day and night.";
        appeal: "申诉", "Appeal";
        appeal_why: "为什么不该这样", "Why that was wrong";
        appealed: "申诉已交给管理员。", "Your appeal is with the admins.";
        cut: "断开了，正在重连… 写好的话不会丢。", "Disconnected, reconnecting… What you wrote is kept.";
        message: "消息", "Message";
        message_hint: "说点什么…", "Say something…";
        send: "发送", "Send";
        add: "加图片或文件名", "Add a picture or a file name";
        mention: "提到谁", "Mention someone";
        picker: "提到谁", "Whom to mention";
        drop: "不带了", "Drop it";
        reply: "回复", "Reply";
        recall: "撤回", "Recall";
        clock: "房间时间", "Room time";
        model: "模型", "Model";
        panel: "主人面板", "Owner's panel";
        percent: "模型下载进度", "Download of the model";
        needs_script: "茶座要用脚本。请在浏览器里打开 JavaScript。", "The parlour needs JavaScript; please switch it on.";
        sit_here: "在这里坐下", "Sit here";
        another_seat: "另开一座", "Take another seat";
        gate_elsewhere: "这个座位已经有人坐着", "This seat is taken in another tab";
        gate_elsewhere_why: "同一个座位同时只能在一页里坐。坐到这里，那一页就会让出来。", "A seat is open in one tab at a time. Sit here, and the other tab lets go.";
        gate_taken: "座位被接走了", "The seat moved";
        gate_taken_why: "它在另一页里打开了。写好的话还在。", "It was opened in another tab. What you wrote is still here.";
        gate_removed: "被请出去了", "You were asked to leave";
        gate_gone: "这里没有您的座位", "No seat for you here";
        gate_gone_why: "座位要凭链接进来；空了一天的座位会收走。请向主人要新的链接。", "A seat comes by link, and one left empty for a day is cleared. Ask the owner for a new link.";

        // ---- the owner's panel
        new_seat: "新座位", "New seat";
        name: "名字", "Name";
        role: "身份", "Role";
        seat_go: "加座", "Add";
        seat_made: "座位好了，这条链接只出现一次：", "The seat is ready. Its link is shown only once:";
        seat_open: "在新标签页坐下", "Sit in a new tab";
        rename: "改名", "Rename";
        mute: "禁言", "Mute";
        unmute: "解除", "Unmute";
        minutes: "分钟", "minutes";
        remove: "请出去", "Remove";
        remove_why: "为什么请出去", "Why remove";
        back: "拉回来", "Bring back";
        removed: "已请出", "removed";
        muted: "禁言中", "muted";
        role_owner: "群主", "owner";
        role_admin: "管理员", "admin";
        role_member: "成员", "member";
        role_newcomer: "新人", "newcomer";
        role_lurker: "潜水", "lurker";
        role_bot: "机器人", "bot";
        guests: "访客", "Guests";
        guests_limit: "一天一共最多花", "May cost together a day";
        guests_help: "凭邀请坐下的人共用，按模型价格的货币算。今天：", "Shared by all who came by an invitation, in the currency of the model's price. Today:";
        guests_nothing: "还没花", "nothing yet";
        guests_go: "改额度", "Set";
        skin: "像哪个平台", "Plays the platform";
        skin_plain: "通用", "None in particular";
        skin_qq: "QQ 样", "Like QQ";
        skin_telegram: "Telegram 样", "Like Telegram";
        skin_help: "QQ 样：回答分条发，成员两分钟内能撤回。Telegram 样：48 小时内能撤回。", "Like QQ: answers come in parts, members recall within two minutes. Like Telegram: within 48 hours.";
        clock_now: "现在", "Now";
        clock_day: "白天 14:00", "Day 14:00";
        clock_night: "深夜 23:30", "Night 23:30";
        clock_fast: "快进 ×60", "Fast ×60";
        clock_at: "自定时间", "Another time";
        clock_set: "拨到", "Set";
        clock_help: "只影响这间茶座的安静时段和额度；记录里是真实时间。", "Only this room's quiet hours and limits follow it; records keep real time.";
        model_house: "默认模型", "Default model";
        model_local: "本机小模型", "Local model";
        model_parrot: "学舌（免费）", "Parrot (free)";
        fault: "故障演练", "Rehearse a fault";
        fault_none: "不出错", "none";
        fault_429: "太忙 429", "too busy, 429";
        fault_500: "出错 500", "broken, 500";
        fault_hang: "不出声", "hangs";
        fault_empty: "空回答", "empty answer";
        fault_long: "很长的回答", "very long answer";
        fault_refusal: "拒绝回答", "refusal";
        fault_delay: "慢 5 秒", "5 seconds late";
        use_it: "换上", "Use it";
        invite: "邀请", "Invite";
        invite_help: "扫码或打开链接就能入座；一天后失效，随时可以收回。", "Scan or open to take a seat. Good for a day; take it back any time.";
        invite_make: "做一张邀请", "Make an invitation";
        invite_open: "打开邀请", "Open the invitation";
        invite_revoke: "收回所有邀请", "Take all back";
        invite_qr: "邀请二维码", "QR code of the invitation";
        link_shown: "链接", "Link";
        invite_here: "这个地址只有这台机器打得开。要让手机扫码，把 server.listen 设成局域网地址。", "Only this machine can open this address. For phones, set server.listen to an address of your network.";
        rooms: "茶座", "Rooms";
        title_here: "这间的名字", "This room's name";
        room_new: "另开一间", "Another room";
        room_go: "开", "Open";
        room_made: "新的茶座开好了：", "The new room is ready:";
        room_open: "去看看", "Go there";
        scripts: "剧本", "Scripts";
        script_text: "一行一句：“座位: 说什么”，或 @时钟、@角色、@模型、@期待", "One line each: “seat: words”, or @clock, @role, @model, @expect";
        script_run: "演一遍", "Run";
        script_help: "在单独的一间茶座里演，不影响这里。", "Runs in a room of its own; nothing here changes.";
        script_pass: "都对上了", "All as expected";
        script_fail: "有对不上的", "Not as expected";
        script_busy: "上一个剧本还没演完。", "Another script is still running.";
        script_wrong: "剧本读不懂", "The script can't be read";
    }
    script {
        house: "茶馆", "Teahouse";
        keeper: "店主", "Keeper";
        somebody: "有人", "somebody";
        me: "我", "you";
        i_am: "我是：{name}", "You: {name}";
        online: "在线", "online";
        offline: "不在", "away";
        changed: " 已改", " set";
        typing: "{name} 正在输入…", "{name} is typing…";
        picture: "图片", "picture";
        no_picture: "图片打不开", "the picture can't be shown";
        uploading: "正在传图片…", "Sending the picture…";
        image_422: "这张图收不了：只收 PNG、JPEG、GIF、WebP，每边不超过 8000 像素。", "This picture can't be taken: PNG, JPEG, GIF or WebP, at most 8000 pixels a side.";
        image_413: "图片超过 5 MB。", "The picture is larger than 5 MB.";
        CNY: "¥", "¥";
        USD: "$", "$";
        recalled: "已撤回", "recalled";
        recalled_by: "已被 {name} 撤回", "recalled by {name}";
        spent: "{s} 秒 · {n} 词元", "{s} s · {n} tokens";
        muted_for: "禁言中，还剩 {n}", "Muted for {n} more";
        no_muted: "禁言中，没有发出去。", "Muted: not sent.";
        no_removed: "已经离座，没有发出去。", "No longer seated: not sent.";
        no_lurker: "潜水的座位只看不说。", "A lurker reads and doesn't speak.";
        no_too_long: "太长了，最多 4000 字。", "Too long; 4,000 characters at most.";
        no_too_fast: "说得太快，歇一下再发。", "Too fast; wait a moment.";
        no_empty: "还没写字。", "Nothing written yet.";
        no_too_late: "这个平台上过了时间，撤不回了。", "On this platform it is too late to recall it.";
        no_gone: "没有发出去，请再试一次。", "Not sent; please try again.";
        no_full: "这会儿太满，没有发出去。", "Too much at once; not sent.";
        role_owner: "群主", "owner";
        role_admin: "管理员", "admin";
        role_member: "成员", "member";
        role_newcomer: "新人", "newcomer";
        role_lurker: "潜水", "lurker";
        role_bot: "机器人", "bot";
        model_house: "默认模型", "Default model";
        model_local: "本机小模型", "Local model";
        model_parrot: "学舌", "Parrot";
        local_missing: "小模型还没有下载，第一个问题会去取；现在用学舌也能试。", "The local model isn't here yet: the first question fetches it. The parrot works meanwhile.";
        local_fetching: "小模型正在下载，{n}%。现在问的会等它。", "Fetching the local model, {n}%. Questions wait for it.";
        local_loading: "小模型正在醒来…", "The local model is waking up…";
        local_failed: "小模型起不来，原因在日志里。", "The local model can't start; the log says why.";
        line_clock: "房间时间 {value}（已改）", "Room time {value} (changed)";
        line_clock_now: "房间时间恢复为现在", "Room time is the real time again";
        line_joined: "{value} 坐下了", "{value} sat down";
        line_left: "{value} 离开了", "{value} left";
        line_muted: "{name} 被禁言", "{name} was muted";
        line_unmuted: "{name} 可以说话了", "{name} may speak again";
        line_removed: "{value} 被请出去了", "{value} was asked to leave";
        line_back: "{value} 回来了", "{value} is back";
        line_role: "{name} 现在是{value}", "{name} now has the role: {value}";
        line_renamed: "改名为 {value}", "renamed to {value}";
        line_model: "模型换成 {value}", "The model is now: {value}";
        line_title: "茶座改名为 {value}", "The room is now called {value}";
    }
}

/// The words of a language.
pub fn words(language: Language) -> &'static Words {
    match language {
        Language::Chinese => &CHINESE,
        Language::English => &ENGLISH,
    }
}

/// What a page's script needs to say, as JSON for an attribute.
pub fn script_words(language: Language) -> String {
    #[derive(Serialize)]
    struct ForScript {
        #[serde(flatten)]
        words: BTreeMap<&'static str, &'static str>,
        reasons: BTreeMap<&'static str, &'static str>,
    }
    let pick = |zh, en| match language {
        Language::Chinese => zh,
        Language::English => en,
    };
    let words = SCRIPT.iter().map(|(key, zh, en)| (*key, pick(*zh, *en)));
    let reasons = Reason::ALL.iter().map(|reason| {
        let (en, zh) = reason.sentence();
        (reason.code(), pick(zh, en))
    });
    let all = ForScript {
        words: words.collect(),
        reasons: reasons.collect(),
    };
    serde_json::to_string(&all).unwrap_or_else(|_| "{}".into())
}

pub(super) fn known(tag: &str) -> Option<Language> {
    match tag.trim().get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("zh") => Some(Language::Chinese),
        Some("en") => Some(Language::English),
        _ => None,
    }
}

/// The language that an address asks for with `?lang=`.
pub fn asked(query: Option<&str>) -> Option<Language> {
    let mut pairs = query?.split('&');
    pairs.find_map(|pair| known(pair.strip_prefix("lang=")?))
}

/// What an address ends with, so that the next page speaks what was asked of this one.
pub fn carried(asked: Option<Language>) -> &'static str {
    match asked {
        None => "",
        Some(Language::Chinese) => "?lang=zh",
        Some(Language::English) => "?lang=en",
    }
}

/// The language a browser asks for: the first of its list that we speak; `asked` by the address outranks it.
pub fn language(asked: Option<Language>, headers: &HeaderMap, otherwise: Language) -> Language {
    let listed = headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    asked
        .or_else(|| listed.split(',').take(16).find_map(known))
        .unwrap_or(otherwise)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn read(path: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
    }

    fn templates() -> String {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        let mut all = String::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            all += &std::fs::read_to_string(entry.unwrap().path()).unwrap();
        }
        all + &read("src/console/pages.rs") + &read("src/console/panel.rs")
    }

    fn is_used(text: &str, before: &str, word: &str) -> bool {
        let needle = format!("{before}{word}");
        text.match_indices(&needle).any(|(at, _)| {
            !text[at + needle.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
        })
    }

    #[test]
    fn every_word_of_the_pages_is_used() {
        let text = templates();
        let unused: Vec<_> = TEMPLATES
            .iter()
            .filter(|(word, ..)| !is_used(&text, "w.", word))
            .map(|(word, ..)| *word)
            .collect();
        assert!(unused.is_empty(), "no template says these: {unused:?}");
    }

    /// Keys made at run time by the script (`W['no_' + why]`) are counted by their beginning.
    #[test]
    fn every_word_of_the_script_is_used_and_none_is_missing() {
        let script = read("../../web/parlour.js");
        let made = ["no_", "role_", "line_", "model_", "local_", "image_"];
        for start in made {
            assert!(script.contains(&format!("W['{start}' +")), "{start}");
        }
        for (key, ..) in SCRIPT {
            let is_currency = ["CNY", "USD"].contains(key) && script.contains("W[c.currency]");
            let used = is_currency
                || is_used(&script, "W.", key)
                || made.iter().any(|start| key.starts_with(start));
            assert!(used, "the script never says {key}");
        }
        for (at, _) in script.match_indices("W.") {
            let key: String = script[at + 2..]
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            let known = key == "reasons" || SCRIPT.iter().any(|(word, ..)| *word == key);
            assert!(known, "the table lacks {key}");
        }
    }

    #[test]
    fn chinese_is_chinese_and_english_is_not() {
        let han = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
        for (key, zh, en) in TEMPLATES.iter().chain(SCRIPT) {
            let swapped = ["other_language", "other_lang"].contains(key);
            let figures = ["changed", "spent", "typing"].contains(key);
            let sign = ["CNY", "USD"].contains(key);
            assert!(swapped || sign || han(zh), "{key}: {zh}");
            assert!(swapped || figures || !han(en), "{key}: {en}");
            assert!(!en.contains('!') && !zh.contains('！'), "{key} shouts");
        }
    }

    #[test]
    fn the_browser_chooses_the_language_and_the_link_outranks_it() {
        let speaks = |list: &'static str, query| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, list.parse().unwrap());
            language(asked(query), &headers, Language::English)
        };
        assert_eq!(speaks("zh-TW,zh;q=0.9,en;q=0.8", None), Language::Chinese);
        assert_eq!(speaks("fr, en-GB;q=0.5, zh;q=0.1", None), Language::English);
        assert_eq!(speaks("en", Some("lang=zh")), Language::Chinese);
        assert_eq!(speaks("zh", Some("a=b&lang=en-GB")), Language::English);
        assert_eq!(speaks("fr", Some("lang=nonsense")), Language::English);
        assert_eq!(speaks("zh", Some("slang=en&lang")), Language::Chinese);
    }
}
