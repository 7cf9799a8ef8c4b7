//! What the house says then: short, kind, with the numbers of the region. It names nobody and blames nobody, and it
//! promises no opening hours, since lines keep different ones.

use crate::notice::Language;

/// Where the house's people live, by the code of ISO 3166.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// Mainland China.
    China,
    /// Hong Kong.
    HongKong,
    /// Taiwan.
    Taiwan,
    /// The United States and Canada: one number for both.
    NorthAmerica,
    /// The United Kingdom.
    Britain,
    /// Ireland.
    Ireland,
    /// Australia.
    Australia,
    /// New Zealand.
    NewZealand,
    /// Singapore.
    Singapore,
    /// Anywhere else.
    Elsewhere,
}

impl Region {
    /// From a code such as `CN` or `gb`; one that is not known is [`Region::Elsewhere`].
    pub fn from_code(code: &str) -> Region {
        match code.trim().to_ascii_uppercase().as_str() {
            "CN" => Region::China,
            "HK" => Region::HongKong,
            "TW" => Region::Taiwan,
            "US" | "CA" => Region::NorthAmerica,
            "GB" | "UK" => Region::Britain,
            "IE" => Region::Ireland,
            "AU" => Region::Australia,
            "NZ" => Region::NewZealand,
            "SG" => Region::Singapore,
            _ => Region::Elsewhere,
        }
    }

    fn lines(self) -> Option<Lines> {
        match self {
            // The national line since 1 May 2025 (National Health Commission, 25 December 2024).
            Region::China => Some(Lines {
                listens: "12356",
                zh: "全国统一心理援助热线",
                en: "the national psychological support line",
                emergency: "110 / 120",
            }),
            // news.gov.hk, 27 December 2023.
            Region::HongKong => Some(Lines {
                listens: "18111",
                zh: "情绪通精神健康支援热线",
                en: "the Mental Health Support Hotline",
                emergency: "999",
            }),
            // Ministry of Health and Welfare.
            Region::Taiwan => Some(Lines {
                listens: "1925",
                zh: "安心专线",
                en: "the Ministry of Health's support line",
                emergency: "110 / 119",
            }),
            // 988lifeline.org, 988.ca.
            Region::NorthAmerica => Some(Lines {
                listens: "988",
                zh: "自杀与危机生命线（电话或短信）",
                en: "the Suicide & Crisis Lifeline, by call or text",
                emergency: "911",
            }),
            // samaritans.org.
            Region::Britain => Some(Lines {
                listens: "116 123",
                zh: "撒玛利亚会 Samaritans",
                en: "Samaritans",
                emergency: "999",
            }),
            // samaritans.org/ireland.
            Region::Ireland => Some(Lines {
                listens: "116 123",
                zh: "撒玛利亚会 Samaritans",
                en: "Samaritans",
                emergency: "112 / 999",
            }),
            // lifeline.org.au.
            Region::Australia => Some(Lines {
                listens: "13 11 14",
                zh: "生命线 Lifeline",
                en: "Lifeline",
                emergency: "000",
            }),
            // 1737.org.nz.
            Region::NewZealand => Some(Lines {
                listens: "1737",
                zh: "心理支持专线（电话或短信）",
                en: "a trained counsellor, by call or text",
                emergency: "111",
            }),
            // sos.org.sg.
            Region::Singapore => Some(Lines {
                listens: "1767",
                zh: "新加坡援人协会 SOS",
                en: "Samaritans of Singapore",
                emergency: "995 / 999",
            }),
            Region::Elsewhere => None,
        }
    }
}

struct Lines {
    listens: &'static str,
    zh: &'static str,
    en: &'static str,
    emergency: &'static str,
}

/// The card of a region, in the house's language. It fits one message on every platform.
pub fn card(region: Region, language: Language) -> String {
    match (language, region.lines()) {
        (Language::Chinese, Some(lines)) => format!(
            "谢谢你说出来。我只是一个程序，但有人愿意听你说，也愿意帮你或你担心的人：\n{} {}\n如果现在有危险，请打 {}，或者找一个身边信任的人陪着。",
            lines.zh, lines.listens, lines.emergency
        ),
        (Language::Chinese, None) => "谢谢你说出来。我只是一个程序，但有人愿意听你说，也愿意帮你或你担心的人：\n请打当地的心理援助热线。\n如果现在有危险，请打当地的急救或报警电话，或者找一个身边信任的人陪着。".into(),
        (Language::English, Some(lines)) => format!(
            "Thank you for saying it. I am only a program, but there are people who will listen, to you or about someone you worry for:\n{} ({})\nIf there is danger right now, call {}, or ask someone you trust to stay close.",
            lines.listens, lines.en, lines.emergency
        ),
        (Language::English, None) => "Thank you for saying it. I am only a program, but there are people who will listen, to you or about someone you worry for:\nthe crisis line of your country.\nIf there is danger right now, call your local emergency number, or ask someone you trust to stay close.".into(),
    }
}
