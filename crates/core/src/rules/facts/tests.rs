//! What counts as a claim and what does not, on lines written here.

use super::*;

fn check(text: &str, expected: &[&str]) {
    let found = claims(text);
    let found: Vec<&str> = found.iter().map(|hit| &text[hit.span.clone()]).collect();
    assert_eq!(found, expected, "{text}");
}

/// Written before the signs were tuned.
const CLAIMS: &[&str] = &[
    "The Yangtze is about 6,300 kilometres long.",
    "Green tea is not fermented.",
    "Marie Curie won two Nobel Prizes.",
    "Mount Everest is the highest mountain on Earth.",
    "The first railway in China was built in 1876.",
    "Salt lowers the freezing point of water.",
    "Shakespeare wrote Hamlet around 1600.",
    "Bees communicate by dancing.",
    "Most of the world's coffee comes from Brazil and Vietnam.",
    "The word \"tea\" came into English through Dutch traders.",
    "Penguins do not live at the North Pole.",
    "Iron rusts because it reacts with oxygen and water.",
    "Canberra, not Sydney, is the capital of Australia.",
    "Octopuses have three hearts.",
    "The speed of light is 299,792 km per second.",
    "Inflation rose to 8 percent in 2022.",
    "The committee was founded by Li Dazhao in Beijing.",
    "Vitamin C prevents scurvy.",
    "长江全长约六千三百公里。",
    "鲁迅原名周树人。",
    "水在零度结冰。",
    "珠穆朗玛峰是世界上最高的山峰。",
    "1912年清朝灭亡。",
    "绿茶没有经过发酵。",
    "李白是唐代诗人，出生于701年。",
    "熊猫主要吃竹子。",
    "中国有五十六个民族。",
    "光合作用把二氧化碳变成氧气。",
    "北京在2008年举办了奥运会。",
    "蜜蜂用舞蹈交流。",
];
const OTHERS: &[&str] = &[
    "What would you like to know next?",
    "I hope this helps you a lot.",
    "You should drink more water every day.",
    "Try to read a page in English each morning.",
    "It is best to ask a doctor about this.",
    "In my opinion the second poem is lovely.",
    "It may rain later, but perhaps it will not.",
    "Here are a few ideas for your weekend:",
    "Sorry, I don't know the answer to that.",
    "Let's look at an example together.",
    "Add the flour and mix well.",
    "Don't forget to write down new words.",
    "That is a wonderful and interesting question!",
    "If you practise daily, you would feel the difference.",
    "Sure, no problem at all.",
    "Remember to check your spelling first.",
    "We could meet again tomorrow.",
    "I think the blue one might be nicer.",
    "Please tell me more about your plan.",
    "Good luck with it!",
    "希望这对你有帮助。",
    "你可以先读一遍课文。",
    "请告诉我更多细节。",
    "我觉得第二首诗更美。",
    "也许明天会下雨吧。",
    "建议你每天多喝水。",
    "还有什么想知道的吗？",
    "抱歉，我不太清楚这个问题。",
    "记得检查拼写。",
    "祝你考试顺利！",
];

#[test]
fn statements_are_claims_and_advice_opinion_and_talk_are_not() {
    let missed: Vec<&&str> = CLAIMS
        .iter()
        .filter(|text| claims(text).is_empty())
        .collect();
    let wrong: Vec<&&str> = OTHERS
        .iter()
        .filter(|text| !claims(text).is_empty())
        .collect();
    assert!(
        missed.len() <= 2 && wrong.len() <= 2,
        "{missed:#?} {wrong:#?}"
    );
}

#[test]
fn each_claim_is_marked_where_it_stands() {
    check(
        "Great question! Dr. J. Smith measured 3.5 km in 1990. You should try it. 鲁迅原名周树人。很有趣吧？",
        &["Dr. J. Smith measured 3.5 km in 1990.", "鲁迅原名周树人。"],
    );
    check("", &[]);
    check("Hi!", &[]);
    check("```\nThe sky is green in code.\n```", &[]);
}

#[test]
fn bad_065_a_text_of_200_kb_is_one_look() {
    for text in [
        "a. ".repeat(40_000),
        ".".repeat(100_000),
        "你。".repeat(30_000),
        "x".repeat(100_000),
        "1.".repeat(50_000),
        "a.”".repeat(30_000),
    ] {
        assert!(claims(&text).len() <= MOST);
    }
}
