//! How texts are folded, and that every place in the folded text leads back to where it was written.

use super::*;

#[test]
fn a_text_is_read_the_same_however_it_is_written() {
    for (written, read) in [
        ("Hello, World", "hello, world"),
        ("ＡＩ　问题", "ai 问题"),
        ("Ⓣⓔⓐ ①②", "tea 12"),
        ("𝓣𝓮𝓪 ﬁne", "tea fine"),
        ("t\u{200b}e\u{2060}a\u{202e}!", "tea!"),
        ("台灣紅茶館", "台湾红茶馆"),
        ("cafe\u{301} CAFÉ", "café café"),
        ("ﾊﾟﾝ", "パン"),
        ("한\u{1100}\u{1161}", "한가"),
        ("\0\u{1b}[31mtea\n", "[31mtea\n"),
        ("👩\u{200d}👧", "👩👧"),
        ("", ""),
        ("\u{200b}", ""),
    ] {
        assert_eq!(plain(written).text, read, "{written:?}");
        assert_eq!(plain(read).text, read, "{read:?} once more");
    }
}

#[test]
fn what_is_folded_quickly_is_folded_like_the_rest() {
    for c in ('\0'..='\u{1ffff}').filter(|c| is_simple(*c) && !is_invisible(*c)) {
        let slowly: String = c
            .to_string()
            .nfkc()
            .flat_map(char::to_lowercase)
            .map(simplified)
            .collect();
        assert_eq!(small_and_simple(c).to_string(), slowly, "{c:?}");
    }
}

#[test]
fn a_place_in_the_folded_text_is_found_in_the_original() {
    for (written, part, original) in [
        ("Red Tea", "tea", "Tea"),
        ("喝 紅茶 吗", "红茶", "紅茶"),
        ("喝 ｔ\u{200b}Ｅa 吗", "tea", "ｔ\u{200b}Ｅa"),
        ("喝 ｔ\u{200b}Ｅa 吗", "吗", "吗"),
        ("x ﬁ y", "f", "ﬁ"),
        ("x ﬁ y", "i y", "ﬁ y"),
        ("le cafe\u{301} noir", "é", "e\u{301}"),
        ("le cafe\u{301} noir", "noir", "noir"),
        ("\u{feff}tea", "tea", "tea"),
    ] {
        let folded = plain(written);
        let at = folded.text.find(part).expect("the part is there");
        let range = folded.original(at..at + part.len());
        assert_eq!(&written[range], original, "{part:?} of {written:?}");
    }
}

#[test]
fn a_place_that_is_not_there_is_the_end() {
    let folded = plain("喝Ｔea");
    assert_eq!(folded.original(90..99), 8..8);
    assert_eq!(plain("\u{200b}").original(0..4), 0..0);
}
