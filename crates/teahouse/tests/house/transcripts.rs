//! Twelve evenings in a teahouse, as the people in the room saw them.

use std::time::Duration;

use insta::assert_snapshot;
use teahouse_core::{FailureKind, Pace, Role};
use teahouse_testkit::platform::Fate;
use teahouse_testkit::script::Script;

use crate::tea::{Tea, hours, minutes, seconds};

const CHINESE: &str =
    "name = \"青茶\"\nspeaks = \"zh\"\nzone = \"Asia/Shanghai\"\ntrigger = [\"ai\", \"茶馆\"]";

#[tokio::test(start_paused = true)]
async fn the_house_answers_when_it_is_called_and_introduces_itself_once() {
    let tea = Tea::open_table().opens().await;
    let (room, model) = (tea.room("青茶"), tea.provider("a"));
    room.says("lin", "good evening").await;
    model.will_say("Because its leaves are oxidised.");
    let asked = room.says("lin", "ai why is tea red?").await;
    model.will_say("Yes: it is the same plant, only not oxidised.");
    room.mentions_us("chen", "is green tea tea at all?").await;
    model.will_say("Then it is white tea.");
    let answer = room.answers_to(&asked)[0].message.clone();
    room.replies("wu", &answer, "and if they only wither?")
        .await;
    model.will_say("A place to drink tea and to talk.");
    room.says("lin", "ＡＩ　what is a teahouse?").await;
    assert_snapshot!(tea.transcript(), @r"
    lin          | good evening
    lin          | ai why is tea red?
    house → lin  | [AI] Because its leaves are oxidised.
    house        | I am a program and can be wrong. I answer when called (ai …). I read this room to follow the talk and keep it for 7 days; what I was asked goes to a language model, here or at an outside service. ai about me shows what is kept of you.
    chen         | @house is green tea tea at all?
    house → chen | [AI] Yes: it is the same plant, only not oxidised.
    wu → house   | and if they only wither?
    house → wu   | [AI] Then it is white tea.
    lin          | ＡＩ　what is a teahouse?
    house → lin  | [AI] A place to drink tea and to talk.
    ");
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn people_talk_and_the_house_listens() {
    let tea = Tea::under(CHINESE).opens().await;
    let room = tea.room("青茶");
    room.says("lin", "aim high, they say").await;
    room.says("chen", "AI's future is bright").await;
    room.says("wu", "茶馆在哪").await;
    let hello = room.says("lin", "I asked an ai about it").await;
    room.replies("chen", &hello.message, "and? what did it say")
        .await;
    room.says("lin", "@chen ai is a word too").await;
    room.says("wu", "哎呀").await;
    assert_snapshot!(tea.transcript(), @r"
    lin        | aim high, they say
    chen       | AI's future is bright
    wu         | 茶馆在哪
    lin        | I asked an ai about it
    chen → lin | and? what did it say
    lin        | @chen ai is a word too
    wu         | 哎呀
    ");
    assert_eq!(tea.calls(), 0);
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_long_answer_comes_in_three_parts_and_a_rest() {
    let tea = Tea::open_table().opens().await;
    let room = tea.room("青茶");
    tea.provider("a").next(
        Script::new()
            .waits(seconds(1))
            .says("Tea is red for the same reason that a cut apple turns brown: air. ")
            .waits(seconds(3))
            .says("The leaves are rolled, which breaks their cells. ")
            .waits(seconds(2))
            .says("What was kept apart now meets, and it darkens. A recipe:\n\n")
            .waits(seconds(3))
            .says("```\nboil(water, 95);\n")
            .waits(seconds(3))
            .says("steep(leaves, minutes(3));\n")
            .waits(seconds(3))
            .says("pour();\n```\n")
            .waits(seconds(6))
            .says("Older trees give softer tea. ")
            .waits(seconds(6))
            .says("Some like it with milk. ")
            .waits(seconds(6))
            .says("I have no tongue to tell."),
    );
    let asked = room
        .says("lin", "ai why is tea red, and how is it made?")
        .await;
    assert_snapshot!(tea.transcript(), @r"
    lin         | ai why is tea red, and how is it made?
    house → lin | [AI] Tea is red for the same reason that a cut apple turns brown: air.
    house → lin | [AI] The leaves are rolled, which breaks their cells. What was kept apart now meets, and it darkens. A recipe:
    house → lin | [AI] ```
                | boil(water, 95);
                | steep(leaves, minutes(3));
                | pour();
                | ```
    house → lin | [AI] Older trees give softer tea. Some like it with milk. I have no tongue to tell.
    house       | I am a program and can be wrong. I answer when called (ai …). I read this room to follow the talk and keep it for 7 days; what I was asked goes to a language model, here or at an outside service. ai about me shows what is kept of you.
    ");
    let first = &room.answers_to(&asked)[0];
    assert!(
        first.at < seconds(1) + Duration::from_millis(3_500),
        "{first:?}"
    );
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_taken_back_is_answered_no_further_and_forgotten() {
    let tea = Tea::open_table().opens().await;
    let (room, model) = (tea.room("青茶"), tea.provider("a"));
    let secret = room.says("lin", "my cat is called Oolong").await;
    model.next(
        Script::say("Cats with tea names are calm, says a survey that nobody has ever made. ")
            .waits(seconds(10))
            .says("The survey asked four cats."),
    );
    let asked = room
        .throws_in("lin", "ai is Oolong a good name for a cat?")
        .await;
    tea.clock.advance(seconds(5)).await;
    room.recalls("lin", &asked.message).await;
    room.recalls("lin", &secret.message).await;
    tea.clock.advance(seconds(20)).await;
    model.will_say("I do not know of any.");
    room.says("chen", "ai what did lin ask?").await;
    assert_snapshot!(tea.transcript(), @r"
    lin          | my cat is called Oolong
    lin          | ai is Oolong a good name for a cat?
    house → lin  | [AI] Cats with tea names are calm, says a survey that nobody has ever made.
                   (5 s later)
    lin          | (takes back: ai is Oolong a good name for a cat?)
    lin          | (takes back: my cat is called Oolong)
                   (20 s later)
    chen         | ai what did lin ask?
    house → chen | [AI] I do not know of any.
    house        | I am a program and can be wrong. I answer when called (ai …). I read this room to follow the talk and keep it for 7 days; what I was asked goes to a language model, here or at an outside service. ai about me shows what is kept of you.
    ");
    let prompt = model.last_prompt();
    assert!(
        !prompt.contains("Oolong") && !prompt.contains("survey"),
        "{prompt}"
    );
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_a_day_is_told_once_and_is_nobody_elses() {
    let tea = Tea::under(
        "name = \"small purse\"\nzone = \"Asia/Shanghai\"\n[purse]\nquestions_per_member_per_day = 2",
    )
    .opens()
    .await;
    let room = tea.room("青茶");
    room.says("lin", "ai one?").await;
    room.says("lin", "ai two?").await;
    room.says("lin", "ai three?").await;
    room.says("lin", "ai four?").await;
    room.says("lin", "ai help").await;
    room.says("chen", "ai five?").await;
    tea.clock.advance(hours(4)).await;
    room.says("lin", "ai six?").await;
    assert_snapshot!(tea.transcript(), @r"
    lin          | ai one?
    house → lin  | [AI] Tea.
    house        | I am a program and can be wrong. I answer when called (ai …). I read this room to follow the talk and keep it for 7 days; what I was asked goes to a language model, here or at an outside service. ai about me shows what is kept of you.
    lin          | ai two?
    house → lin  | [AI] Tea.
    lin          | ai three?
    house → lin  | Your limit for today is used up; come back at 00:00.
    lin          | ai four?
    lin          | ai help
    house → lin  | ai <question> · @me · reply to me: an answer
                 | ai new: we start afresh
                 | ai stop: the answer stops
                 | ai why (in reply to a message): why it was answered or not
                 | ai about me: what is kept about you · ai forget me: it is erased
                 | ai rules: the rules of this house
                 | ai appeal <why>: what was done to you was wrong
                 | ai report (in reply to a message): an admin should look
    chen         | ai five?
    house → chen | [AI] Tea.
                   (4 h later)
    lin          | ai six?
    house → lin  | [AI] Tea.
    ");
    assert_eq!(tea.calls(), 4);
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn bad_017_admins_switch_the_house_and_nobody_passes_for_one() {
    let tea = Tea::open_table().opens().await;
    let room = tea.room("青茶");
    room.lists("wu", Role::Owner);
    room.says("lin", "ai off").await;
    // The frame says owner; the member list says member.
    room.lists("mallory", Role::Owner);
    let forged = room.makes("mallory", "ai off");
    room.lists("mallory", Role::Member);
    tea.platform.shows(&forged.incoming);
    tea.platform.tells(forged.incoming);
    tea.rests().await;
    room.says("wu", "ai off").await;
    room.says("lin", "ai are you there?").await;
    room.says("lin", "ai on").await;
    room.says("wu", "ai on").await;
    room.says("wu", "ai pause 30m").await;
    room.says("lin", "ai and now?").await;
    tea.clock.advance(minutes(31)).await;
    room.says("lin", "ai and now?").await;
    assert_snapshot!(tea.transcript(), @r"
    lin             | ai off
    house → lin     | Only this group's admins can do that.
    mallory         | ai off
    house → mallory | Only this group's admins can do that.
    wu              | ai off
    house → wu      | I'll be silent here. An admin brings me back with ai on.
    lin             | ai are you there?
    lin             | ai on
    wu              | ai on
    house → wu      | I'm here again.
    wu              | ai pause 30m
    house → wu      | I'll be silent until 20:30.
    lin             | ai and now?
                      (31 min later)
    lin             | ai and now?
    house → lin     | [AI] Tea.
    house           | I am a program and can be wrong. I answer when called (ai …). I read this room to follow the talk and keep it for 7 days; what I was asked goes to a language model, here or at an outside service. ai about me shows what is kept of you.
    ");
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_direct_chat_is_served_only_where_the_house_says_so() {
    let closed = Tea::open_table().opens().await;
    let chat = closed.direct_chat("lin");
    chat.says("lin", "ai hello?").await;
    chat.mentions_us("lin", "hello?").await;
    assert_snapshot!(closed.transcript(), @r"
    lin | ai hello?
    lin | @house hello?
    ");
    assert_eq!(closed.calls(), 0);
    closed.finish().await;

    let open = Tea::open_table().direct().opens().await;
    let chat = open.direct_chat("lin");
    open.provider("a").will_say("Good evening.");
    chat.says("lin", "hello?").await;
    open.provider("a")
        .will_say("Because its leaves are oxidised.");
    chat.says("lin", "ai why is tea red?").await;
    assert_snapshot!(open.transcript(), @r"
    lin         | hello?
    house → lin | [AI] Good evening.
    house       | I am a program and can be wrong. I answer when called (ai …). I read this room to follow the talk and keep it for 7 days; what I was asked goes to a language model, here or at an outside service. ai about me shows what is kept of you.
    lin         | ai why is tea red?
    house → lin | [AI] Because its leaves are oxidised.
    ");
    open.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_dies_before_its_first_part_is_replaced_unseen() {
    let tea = Tea::open_table().providers(["a", "b"]).opens().await;
    let room = tea.room("青茶");
    let (a, b) = (tea.provider("a"), tea.provider("b"));
    a.next(
        Script::say("Because, as the ancient masters of")
            .waits(seconds(1))
            .fails(FailureKind::Interrupted),
    );
    b.will_say("Because its leaves are oxidised.");
    room.says("lin", "ai why is tea red?").await;
    a.goes_down();
    b.will_say("The same plant.");
    room.says("lin", "ai and green tea?").await;
    a.comes_back();
    tea.clock.advance(minutes(1)).await;
    a.will_say("The same plant as well.");
    room.says("lin", "ai and white tea?").await;
    a.goes_down();
    b.goes_down();
    room.says("lin", "ai and yellow tea?").await;
    assert_snapshot!(tea.transcript(), @r"
    lin         | ai why is tea red?
    house → lin | [AI] Because its leaves are oxidised.
    house       | I am a program and can be wrong. I answer when called (ai …). I read this room to follow the talk and keep it for 7 days; what I was asked goes to a language model, here or at an outside service. ai about me shows what is kept of you.
    lin         | ai and green tea?
    house → lin | [AI] The same plant.
                  (1 min later)
    lin         | ai and white tea?
    house → lin | [AI] The same plant as well.
    lin         | ai and yellow tea?
    house → lin | I can't answer now; the admin knows.
    ");
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_dies_after_its_first_part_is_cut_short() {
    let tea = Tea::open_table().providers(["a", "b"]).opens().await;
    let (room, a) = (tea.room("青茶"), tea.provider("a"));
    let first = "Tea is red for the same reason that a cut apple turns brown: air. ";
    a.next(
        Script::say(first)
            .waits(seconds(2))
            .says("The leaves are rol")
            .fails(FailureKind::Interrupted),
    );
    room.says("lin", "ai why is tea red?").await;
    tea.clock.advance(minutes(1)).await;
    a.next(
        Script::say(first)
            .waits(seconds(2))
            .fails(FailureKind::Network),
    );
    room.says("chen", "ai say it again?").await;
    assert_snapshot!(tea.transcript(), @r"
    lin          | ai why is tea red?
    house → lin  | [AI] Tea is red for the same reason that a cut apple turns brown: air.
    house → lin  | [AI] The leaves are rol… (cut short)
    house        | I am a program and can be wrong. I answer when called (ai …). I read this room to follow the talk and keep it for 7 days; what I was asked goes to a language model, here or at an outside service. ai about me shows what is kept of you.
                   (1 min later)
    chen         | ai say it again?
    house → chen | [AI] Tea is red for the same reason that a cut apple turns brown: air.
    house → chen | … (cut short)
    ");
    assert_eq!(tea.provider("b").requests().len(), 0);
    tea.finish().await;
}

/// One answer whose receipt is lost; says how it looked, without the notices.
async fn lost(fate: Fate, own_events: bool, history: bool) -> String {
    let tea = Tea::under(CHINESE).opens().await;
    let (room, model) = (tea.room("青茶"), tea.provider("a"));
    room.says("wu", "ai 第一次？").await;
    tea.platform.reports_own(own_events);
    tea.platform.keeps_history(history);
    tea.platform.next_send(fate);
    model.will_say("因为茶叶氧化了。");
    let asked = room.says("lin", "ai 红茶为什么是红的？").await;
    let answers = room.answers_to(&asked);
    let last = answers.last().map(|answer| answer.at - room.shown()[3].at);
    assert!(last.is_some_and(|took| took < seconds(45)), "{answers:?}");
    assert_eq!(tea.calls(), 2, "asked once");
    tea.finish().await;
    let lines: Vec<_> = answers.into_iter().map(|answer| answer.text).collect();
    lines.join("\n")
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_comes_again_once_and_one_that_was_shown_does_not() {
    for own_events in [true, false] {
        for history in [true, false] {
            let swallowed = lost(Fate::Swallowed, own_events, history).await;
            assert_eq!(
                swallowed, "（重发）〔AI〕因为茶叶氧化了。",
                "{own_events} {history}"
            );
        }
    }
    for (own_events, history) in [(true, true), (true, false), (false, true)] {
        let shown = lost(Fate::Unacknowledged, own_events, history).await;
        assert_eq!(shown, "〔AI〕因为茶叶氧化了。", "{own_events} {history}");
    }
    // Nobody can say whether it was shown: once more, and it says so.
    let blind = lost(Fate::Unacknowledged, false, false).await;
    assert_snapshot!(blind, @r"
    〔AI〕因为茶叶氧化了。
    （重发）〔AI〕因为茶叶氧化了。
    ");

    let tea = Tea::open_table().opens().await;
    let room = tea.room("青茶");
    tea.provider("a")
        .will_say("Because its leaves are oxidised.");
    tea.platform.next_send(Fate::Swallowed);
    room.says("lin", "ai why is tea red?").await;
    tea.platform.next_send(Fate::Swallowed);
    tea.platform.next_send(Fate::Swallowed);
    room.says("chen", "ai and green?").await;
    assert_snapshot!(tea.transcript(), @r"
    lin          | ai why is tea red?
    house        | I am a program and can be wrong. I answer when called (ai …). I read this room to follow the talk and keep it for 7 days; what I was asked goes to a language model, here or at an outside service. ai about me shows what is kept of you.
    house → lin  | (again) [AI] Because its leaves are oxidised.
    chen         | ai and green?
    house → chen | Sorry, the platform did not show my answer.
    ");
    assert_eq!(tea.finish().await.dead, 0);
}

#[tokio::test(start_paused = true)]
async fn the_house_keeps_quiet_at_night_but_for_its_admins() {
    let tea =
        Tea::under("name = \"early birds\"\nzone = \"Asia/Shanghai\"\nquiet = [\"23:30-07:30\"]")
            .at("2026-11-24T23:29:00+08:00")
            .opens()
            .await;
    let (room, model) = (tea.room("青茶"), tea.provider("a"));
    room.lists("wu", Role::Admin);
    model.next(
        Script::say("Once upon a time a leaf fell into a cup of hot water in a garden far away. ")
            .thinks_for(seconds(200))
            .says("And so on."),
    );
    model.answers(|_| Script::say("Good night."));
    room.throws_in("lin", "ai tell me a very long story").await;
    tea.clock.advance(minutes(2)).await;
    room.throws_in("chen", "ai good night?").await;
    room.throws_in("lin", "ai stop").await;
    tea.rests().await;
    room.says("wu", "ai all well?").await;
    tea.clock.advance(hours(8)).await;
    room.says("chen", "ai good morning?").await;
    assert_snapshot!(tea.transcript(), @r"
    lin          | ai tell me a very long story
    house → lin  | [AI] Once upon a time a leaf fell into a cup of hot water in a garden far away.
                   (2 min later)
    chen         | ai good night?
    lin          | ai stop
    house → lin  | Stopped.
    wu           | ai all well?
    house → wu   | [AI] Good night.
    house        | I am a program and can be wrong. I answer when called (ai …). I read this room to follow the talk and keep it for 7 days; what I was asked goes to a language model, here or at an outside service. ai about me shows what is kept of you.
                   (8 h later)
    chen         | ai good morning?
    house → chen | [AI] Good night.
    ");
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn members_help_themselves() {
    let tea = Tea::open_table().opens().await;
    let (room, model) = (tea.room("青茶"), tea.provider("a"));
    room.lists("wu", Role::Admin);
    room.says("lin", "ai").await;
    room.says("wu", "ai help").await;
    model.next(Script::new().waits(seconds(2)).says("Oolong is half red."));
    let asked = room.says("lin", "ai what is oolong?").await;
    let answer = room.answers_to(&asked)[0].message.clone();
    room.replies("chen", &answer, "ai why").await;
    let talk = room.says("chen", "I see").await;
    room.replies("lin", &talk.message, "ai why").await;
    room.says("lin", "ai about me").await;
    room.says("lin", "ai new").await;
    model.will_say("Which one?");
    room.says("lin", "ai and how is it made?").await;
    let prompt = model.last_prompt();
    assert!(!prompt.to_lowercase().contains("oolong"), "{prompt}");
    room.says("lin", "ai stop").await;
    assert_snapshot!(tea.transcript(), @r"
    lin          | ai
    house → lin  | Write ai and your question, like: ai why is tea red? (ai help shows more.)
    wu           | ai help
    house → wu   | ai <question> · @me · reply to me: an answer
                 | ai new: we start afresh
                 | ai stop: the answer stops
                 | ai why (in reply to a message): why it was answered or not
                 | ai about me: what is kept about you · ai forget me: it is erased
                 | ai rules: the rules of this house
                 | ai appeal <why>: what was done to you was wrong
                 | ai report (in reply to a message): an admin should look
                 | admins: ai on · off · pause 30m · new room · review · report · mute @member 10m · recall (in reply) · pardon @member · sweep last 1h · note …
                 | ai rule show · rule add word …, … · rule try · rule mode 2 on · rule back
    lin          | ai what is oolong?
    house → lin  | [AI] Oolong is half red.
    house        | I am a program and can be wrong. I answer when called (ai …). I read this room to follow the talk and keep it for 7 days; what I was asked goes to a language model, here or at an outside service. ai about me shows what is kept of you.
    chen → house | ai why
    house → chen | It was a question and it was answered. It took 2.0 s.
                 | (answered)
    chen         | I see
    lin → chen   | ai why
    house → lin  | It is talk between members.
                 | (talk)
    lin          | ai about me
    house → lin  | Kept about you here: 3 lines of talk, 1 question (1 today), your name and a random number that stands for you. Nothing else.
    lin          | ai new
    house → lin  | Done. We start afresh.
    lin          | ai and how is it made?
    house → lin  | [AI] Which one?
    lin          | ai stop
    house → lin  | Nothing of yours is running.
    ");
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn members_help_themselves_in_chinese() {
    let tea = Tea::under(CHINESE).opens().await;
    let (room, model) = (tea.room("青茶"), tea.provider("a"));
    room.lists("老吴", Role::Owner);
    room.says("小林", "茶馆").await;
    room.says("老吴", "ai 帮助").await;
    model.will_say("乌龙是半发酵的茶。");
    let asked = room.says("小林", "茶馆，乌龙是什么？").await;
    let answer = room.answers_to(&asked)[0].message.clone();
    room.replies("小陈", &answer, "ai 为什么").await;
    room.says("小林", "ai 关于我").await;
    room.says("小林", "ai 重来").await;
    room.says("小林", "ai 停").await;
    room.says("小林", "ai 关").await;
    room.says("老吴", "ai 暂停 30分钟").await;
    room.says("老吴", "ai 关").await;
    room.says("老吴", "ai 开").await;
    assert_snapshot!(tea.transcript(), @r"
    小林         | 茶馆
    house → 小林 | 在 ai 后面写上问题，例如：ai 红茶为什么是红的？（ai 帮助 看更多）
    老吴         | ai 帮助
    house → 老吴 | ai 问题 · @我 · 回复我：回答
                 | ai 重来：从头聊
                 | ai 停：停下回答
                 | ai 为什么（回复一条消息）：它为什么有或没有回答
                 | ai 关于我：留下了什么 · ai 忘记我：全部忘掉
                 | ai 群规：这里的规矩
                 | ai 申诉 理由：处理得不对
                 | ai 举报（回复一条消息）：请管理员看
                 | 管理员：ai 开 · 关 · 暂停 30分钟 · 全群重来 · 待审 · 周报 · 禁言 @成员 10分钟 · 撤回（回复）· 赦免 @成员 · 清扫 最近 1小时 · 备注 …
                 | ai 规矩 看 · 规矩 加 词 …，… · 规矩 试 · 规矩 模式 2 生效 · 规矩 退回
    小林         | 茶馆，乌龙是什么？
    house → 小林 | 〔AI〕乌龙是半发酵的茶。
    house        | 我是程序，会出错。叫我（ai …）我才回答。为了听懂上下文，我会读这里的聊天并保留 7 天；问我的话会交给语言模型，它在本机，也可能在外部服务上。ai 关于我 可以看到留下了什么。
    小陈 → house | ai 为什么
    house → 小陈 | 这是提问，已经回答。用了 0.0 秒。
                 | (answered)
    小林         | ai 关于我
    house → 小林 | 关于您，这里留下了：聊天 2 行，提问 1 次（今天 1 次），您的名字，和一个代表您的随机编号。没有别的。
    小林         | ai 重来
    house → 小林 | 好，我们从头聊。
    小林         | ai 停
    house → 小林 | 没有正在回答的问题。
    小林         | ai 关
    house → 小林 | 这个只有本群管理员能做。
    老吴         | ai 暂停 30分钟
    house → 老吴 | 我歇到 20:30。
    老吴         | ai 关
    house → 老吴 | 我先不说话了。管理员发 ai 开 我就回来。
    老吴         | ai 开
    house → 老吴 | 我回来了。
    ");
    tea.finish().await;
}

#[tokio::test(start_paused = true)]
async fn bad_048_a_long_answer_that_is_paced_out_stops_within_a_second() {
    let tea = Tea::open_table().pace(Pace::Safe).opens().await;
    let (room, model) = (tea.room("青茶"), tea.provider("a"));
    // Others have used up the room's burst.
    for n in 1..=3 {
        room.throws_in("wu", &format!("ai quick question {n}?"))
            .await;
    }
    let sentence =
        |n: u32| format!("Sentence number {n} of a long story about a leaf that fell into a cup. ");
    model.next((1..=18).fold(Script::new(), |script, n| {
        script.says(sentence(n)).waits(Duration::from_millis(100))
    }));
    let asked = room
        .throws_in("lin", "ai tell me everything about tea")
        .await;
    tea.clock.advance(seconds(6)).await;
    let before = room.answers_to(&asked).len();
    let stopped = room.throws_in("lin", "ai stop").await;
    let at = tea.clock.elapsed();
    tea.rests().await;
    tea.clock.advance(minutes(2)).await;
    let late: Vec<_> = room
        .answers_to(&asked)
        .into_iter()
        .filter(|part| part.at > at + seconds(1))
        .collect();
    assert!(late.is_empty(), "{late:?}");
    assert!((1..4).contains(&before), "{}", tea.transcript());
    assert_eq!(room.answers_to(&stopped)[0].text, "Stopped.");
    let totals = tea.finish().await;
    assert!(totals.dead > 0, "the rest is discarded: {totals:?}");
}

#[tokio::test(start_paused = true)]
async fn the_parrot_rehearses_every_failure_and_the_room_sees_what_it_would_see() {
    let mut seen = String::new();
    for (act, others) in [
        ("parrot", true),
        ("parrot:delay=5s", true),
        ("parrot:429", true),
        ("parrot:hang", true),
        ("parrot:500", false),
        ("parrot:empty", false),
        ("parrot:refusal", true),
    ] {
        let plan = Tea::open_table().parrot(act);
        let plan = if others { plan } else { plan.providers([]) };
        let tea = plan.opens().await;
        let room = tea.room("青茶");
        let asked = room.says("lin", "ai why is tea red?").await;
        let answer = &room.answers_to(&asked)[0];
        let after = (answer.at - room.shown()[0].at).as_secs();
        seen.push_str(&format!("{act}, {after} s: {}\n", answer.text));
        let paid = answer.text.starts_with("[AI] ");
        let totals = tea.finish().await;
        assert_eq!(totals.spent > 0, paid, "only the other model costs: {act}");
    }
    assert_snapshot!(seen, @r"
    parrot, 0 s: [AI, parrot] why is tea red?
    parrot:delay=5s, 5 s: [AI, parrot] why is tea red?
    parrot:429, 0 s: [AI] Tea.
    parrot:hang, 15 s: [AI] Tea.
    parrot:500, 1 s: I can't answer now; the admin knows.
    parrot:empty, 0 s: I can't answer now; the admin knows.
    parrot:refusal, 0 s: I can't help with that one.
    ");
}

#[tokio::test(start_paused = true)]
async fn a_long_parrot_fills_its_messages_under_its_own_mark() {
    let tea = Tea::under(&format!("{CHINESE}\nmax_tokens = 40"))
        .parrot("parrot:long")
        .providers([])
        .opens()
        .await;
    tea.room("青茶").says("lin", "ai 红茶为什么是红的?").await;
    assert_snapshot!(tea.transcript(), @r"
    lin         | ai 红茶为什么是红的?
    house → lin | 〔AI·学舌〕1. 红茶为什么是红的?
                | 2. 红茶为什么是红的?
                | 3. 红茶为什么是红的?
                | 4. 红茶为什么是红的?
    house       | 我是程序，会出错。叫我（ai …）我才回答。为了听懂上下文，我会读这里的聊天并保留 7 天；问我的话会交给语言模型，它在本机，也可能在外部服务上。ai 关于我 可以看到留下了什么。
    ");
    tea.finish().await;
}
