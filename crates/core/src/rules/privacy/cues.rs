//! Words before and after a number that say what it is.

/// What the words near a number call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cue {
    Phone,
    Card,
    Papers,
    /// Something that nobody needs to hide: an order, a price, an account of a game.
    Other,
}

/// How far back a word still speaks for the number.
const REACH: usize = 48;

const CUES: [(Cue, &[&str]); 4] = [
    (
        Cue::Phone,
        &[
            "电话", "手机", "联系", "短信", "打给", "拨打", "致电", "座机", "热线", "传真", "call",
            "phone", "tel", "mobile", "cell", "sms", "text", "whatsapp", "fax", "dial", "ring",
            "contact", "電話", "手機",
        ],
    ),
    (
        Cue::Card,
        &[
            "银行卡",
            "卡号",
            "信用卡",
            "储蓄卡",
            "借记卡",
            "账户",
            "账号",
            "帐号",
            "尾号",
            "打款",
            "转账",
            "汇款",
            "卡",
            "工行",
            "建行",
            "农行",
            "招行",
            "交行",
            "银行",
            "charge",
            "pay with",
            "card",
            "credit",
            "debit",
            "cc",
            "iban",
            "account",
            "visa",
            "mastercard",
            "amex",
            "maestro",
        ],
    ),
    (
        Cue::Papers,
        &[
            "身份证",
            "证件",
            "护照",
            "驾照",
            "驾驶证",
            "社保",
            "ssn",
            "social security",
            "passport",
            "license",
            "licence",
            "national id",
            "identity",
        ],
    ),
    (
        Cue::Other,
        &[
            "订单",
            "单号",
            "运单",
            "快递",
            "编号",
            "流水",
            "序列",
            "qq",
            "群号",
            "群",
            "id",
            "uid",
            "order",
            "tracking",
            "track",
            "invoice",
            "serial",
            "ref",
            "ticket",
            "case",
            "发票",
            "会议",
            "房间",
            "余额",
            "金额",
            "价格",
            "总价",
            "共",
            "播放",
            "阅读",
            "浏览",
            "粉丝",
            "人口",
            "version",
            "版本",
            "timestamp",
            "时间戳",
            "price",
            "total",
            "number of",
            "population",
            "isbn",
            "条码",
            "条形码",
            "barcode",
            "sku",
            "room",
            "meeting",
            "imei",
            "sn",
            "offset",
            "seed",
            "nonce",
            "端口",
            "参数",
            "总数",
            "工单",
            "面积",
            "claim",
            "policy",
            "工号",
            "学号",
            "准考证",
            "考号",
            "取件码",
            "验证码",
            "code",
            "build",
            "hash",
            "¥",
            "￥",
            "$",
            "€",
            "£",
            "rmb",
            "usd",
        ],
    ),
];

/// What the nearest telling word before this place says, if there is one.
pub(super) fn before(text: &str, at: usize) -> Option<Cue> {
    let mut from = at.saturating_sub(REACH);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let near = text[from..at].to_lowercase();
    // What stands behind the end of another sentence speaks of something else.
    let near = near
        .rsplit(['\n', '。', '；', ';', '！', '!'])
        .next()
        .unwrap_or_default();
    let mut best: Option<(usize, usize, Cue)> = None;
    for (cue, words) in CUES {
        for word in words {
            let Some(place) = last_word(near, word) else {
                continue;
            };
            let end = place + word.len();
            if best.is_none_or(|(so_far, length, _)| (end, word.len()) > (so_far, length)) {
                best = Some((end, word.len(), cue));
            }
        }
    }
    let told = best.map_or(0, |(end, _, _)| end);
    if is_of_something(near, told) {
        return Some(Cue::Other);
    }
    best.map(|(_, _, cue)| cue)
}

/// Does the text end in the number of something that no cue behind `told` names: `合同号：`, `policy number is `?
fn is_of_something(text: &str, told: usize) -> bool {
    let signs = |c: char| c.is_whitespace() || matches!(c, ':' | '：' | '=' | '#' | '是' | '为');
    let text = text.trim_end_matches(signs);
    let text = text.strip_suffix(" is").unwrap_or(text);
    if let Some(rest) = text.strip_suffix('码').filter(|rest| !rest.ends_with('号')) {
        return told <= rest.len() && !rest.is_empty();
    }
    if let Some(rest) = text.trim_end_matches('码').strip_suffix('号') {
        // Of a person or of a way to call them.
        const CALLS: &str = "机话信系的新旧老小大本个此我你他她靓副主加换用这那络急里司人";
        let whose = rest.chars().next_back();
        return told < rest.len()
            && whose.is_some_and(|c| c.is_alphanumeric() && !CALLS.contains(c));
    }
    const OWN: [&str; 34] = [
        "phone",
        "mobile",
        "cell",
        "cellphone",
        "telephone",
        "tel",
        "contact",
        "my",
        "your",
        "his",
        "her",
        "their",
        "our",
        "this",
        "that",
        "the",
        "new",
        "old",
        "whatsapp",
        "wechat",
        "home",
        "work",
        "office",
        "fax",
        "call",
        "a",
        "same",
        "personal",
        "emergency",
        "right",
        "wrong",
        "real",
        "private",
        "s",
    ];
    [" number", " no.", " no"].iter().any(|name| {
        let Some(rest) = text.strip_suffix(name) else {
            return false;
        };
        let letters = |c: char| !c.is_ascii_alphabetic();
        let word = rest.rsplit(letters).next().unwrap_or_default();
        told < rest.len() && !word.is_empty() && !OWN.contains(&word)
    })
}

/// What the words right behind a number say: a card, if they speak of one.
pub(super) fn after(text: &str, at: usize) -> Option<Cue> {
    const CARD: [&str; 7] = ["card", "expires", "exp", "declined", "卡", "到期", "过期"];
    let mut until = (at + REACH / 2).min(text.len());
    while !text.is_char_boundary(until) {
        until -= 1;
    }
    let near = text[at..until].to_lowercase();
    let near = near
        .split(['\n', '。', '；', ';'])
        .next()
        .unwrap_or_default();
    CARD.iter()
        .any(|word| last_word(near, word).is_some())
        .then_some(Cue::Card)
}

/// The last place of a word; Latin ones stand alone.
fn last_word(text: &str, word: &str) -> Option<usize> {
    let latin = word.bytes().all(|b| b.is_ascii_alphabetic() || b == b' ');
    text.rmatch_indices(word).map(|(at, _)| at).find(|at| {
        let is_letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphabetic());
        let after = text[at + word.len()..].chars().next();
        let plural = after == Some('s');
        !latin || !is_letter(text[..*at].chars().next_back()) && (plural || !is_letter(after))
    })
}

/// Does a unit follow, as after an amount?
pub(super) fn is_amount(text: &str, end: usize) -> bool {
    const UNITS: [&str; 30] = [
        "米", "公里", "平方", "公斤", "吨", "秒", "元", "块", "美元", "次", "人", "个", "条", "步",
        "万", "亿", "千", "%", "％", "字节", "ms", "kb", "mb", "km", "bytes", "rmb", "usd",
        "dollars", "points", "播放",
    ];
    let rest = text[end..].trim_start_matches(' ');
    UNITS.iter().any(|unit| {
        rest.get(..unit.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(unit))
            && !(unit.is_ascii()
                && rest[unit.len()..].starts_with(|c: char| c.is_ascii_alphabetic()))
    })
}
