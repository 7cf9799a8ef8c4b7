//! Does a text look like an exercise that a book or a teacher set? Points for numbers, for the words of word problems
//! and for the signs of a test paper; talk with numbers in it has the first and little of the rest.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::blank::has_blank;
use crate::rules::reading::{Finder, Plain, compile};

/// So many points make an exercise.
const ENOUGH: i32 = 5;
/// A longer text is no exercise that was pasted alone; its beginning is looked at.
const LONGEST: usize = 6_000;
/// No problem in words is told at greater length.
const LONGEST_STORY: usize = 2_000;

/// Why it looks set by somebody, if it does.
pub(super) fn looks_set(text: &str) -> Option<&'static str> {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = &text[..end];
    let signs = Signs::of(text.as_bytes());
    if signs.options == 3
        || signs.lettered.count_ones() >= 3
        || has_numbered_questions(text.as_bytes(), &signs)
    {
        return Some("has the options or the numbered questions of a test paper");
    }
    if signs.blank && has_blank(text.as_bytes()) {
        return Some("has a blank to fill in");
    }
    if signs.numbers >= 2 && is_sum(text) {
        return Some("is a sum to work out");
    }
    if !SET.may(text) && signs.numbers < 2 {
        return None;
    }
    let plain = Plain::of(text, 0..end);
    if text.contains(['\\', '$'])
        && TABLES.typeset.is_match(plain.text())
        && TABLES.of_formulas.is_match(plain.text())
    {
        return Some("asks about a formula");
    }
    let reads_so = SET.find_in(0, &plain, &SET.seen(&plain)).is_some();
    if reads_so {
        return Some("reads like an item of a test paper");
    }
    (text.len() <= LONGEST_STORY && points(&TABLES, plain.text()) >= ENOUGH)
        .then_some("reads like a problem with numbers to work out")
}

/// What one pass over the bytes tells.
#[derive(Default)]
struct Signs {
    /// Numbers, full-width ones too.
    numbers: u32,
    /// Options met in their order; three are enough.
    options: u8,
    /// Letters from A to E that stand before a line of their own, a bit each.
    lettered: u8,
    /// A run of underscores, an empty pair of brackets, a wide gap.
    blank: bool,
    lines: u32,
}

impl Signs {
    fn of(text: &[u8]) -> Signs {
        let mut signs = Signs::default();
        let mut in_number = false;
        let mut before = b'\n';
        for (at, &byte) in text.iter().enumerate() {
            if matches!(byte, b'A'..=b'E') && heads_line(text, at) {
                signs.lettered |= 1 << (byte - b'A');
            }
            let digit = byte.is_ascii_digit();
            signs.numbers += u32::from(digit && !in_number);
            in_number = digit;
            match byte {
                b'_' if before == b'_' => signs.blank = true,
                b')' if matches!(before, b'(' | b' ') => signs.blank = true,
                b'\n' => signs.lines += 1,
                b' ' if text[..at].ends_with("\u{3000}".as_bytes()) => signs.blank = true,
                // The full-width brackets, and digits: EF BC 88, EF BC 89; EF BC 90 to 99.
                0x89 if text[..at].ends_with(b"\xef\xbc") => signs.blank = true,
                0x90..=0x99 if text[..at].ends_with(b"\xef\xbc") => signs.numbers += 1,
                b'A'..=b'C' | b'a'..=b'c' if is_option(text, at, before, signs.options) => {
                    signs.options += 1;
                }
                _ => {}
            }
            before = byte;
        }
        signs
    }
}

/// A letter at the start of a line, in brackets or not, with a sign or a gap behind it.
fn heads_line(text: &[u8], at: usize) -> bool {
    let before = text[..at].strip_suffix(b"(").unwrap_or(&text[..at]);
    let starts = before.last().is_none_or(|byte| *byte == b'\n');
    starts
        && text
            .get(at + 1)
            .is_some_and(|byte| matches!(byte, b'.' | b')' | b':' | b' ') || *byte >= 0x80)
}

/// Nothing but numbers and the signs between them, two or more.
fn is_sum(text: &str) -> bool {
    const OTHERS: &str = "0123456789.()（）[]=＝?？% 。．";
    let (mut signs, mut works_out) = (0, false);
    let text = text.trim();
    // What begins with a plus is a number to call.
    if text.starts_with(['+', '＋']) {
        return false;
    }
    for c in text.chars() {
        match c {
            '+' | '*' | '×' | '÷' | '＋' | '✕' | '^' => (signs, works_out) = (signs + 1, true),
            '/' | '-' | '－' | '−' => signs += 1,
            _ if OTHERS.contains(c) => {}
            _ => return false,
        }
    }
    signs >= 2 && works_out
}

/// The next option of a list, after a blank, a bracket, a sign or a new line.
fn is_option(text: &[u8], at: usize, before: u8, so_far: u8) -> bool {
    let free =
        before.is_ascii_whitespace() || matches!(before, b'(' | b',' | b';') || before >= 0x80;
    // `．`, `、`, `）` and `：` begin with one of these two bytes.
    let signed = matches!(text.get(at + 1), Some(b'.' | b')' | b':' | 0xe3 | 0xef));
    so_far < 3 && text[at].to_ascii_lowercase() == b'a' + so_far && free && signed
}

/// One of these is in every text that says enough by itself, but for equations.
const ANCHORS: &[&str] = &[
    "how many",
    "how much",
    "how far",
    "how tall",
    "是多少",
    "有多少",
    "多少个",
    "多少度",
    "选修",
    "压缩",
    "．材料",
    "每处",
    "分）",
    "分)",
    "阅读下",
    "阅读材",
    "阅读以",
    "短文改",
    "完成下",
    "完成要",
    "各题",
    "小题",
    "空白处",
    "补写",
    "仿照",
    "示例",
    "名篇",
    "则$",
    "\\frac",
    "\\sqrt",
    "\\left",
    "\\quad",
    "\\mathrm",
    "\\angle",
    "\\triangle",
    "\\vec",
    "\\cdot",
    "\\times",
    "\\begin",
    "^\\circ",
    "x$",
    ")$",
    "}$",
    "n$",
    "=$",
    "compute",
    "determine",
    "求函",
    "求导",
    "求极",
    "求最",
    "求值",
    "求证",
    "求不定",
    "求定积",
    "方程",
    "证明",
    "證明",
    "下列",
    "填空",
    "选择题",
    "选择：",
    "选择:",
    "判断",
    "应用题",
    "解答题",
    "几分之",
    "百分之",
    "已知",
    "计算",
    "配平",
    "所给",
    "连词成句",
    "改写",
    "改为",
    "短文",
    "课文",
    "根据材料",
    "默写",
    "化简",
    "因式分解",
    "完形",
    "取值",
    "面积",
    "周长",
    "体积",
    "各是",
    "造句",
    "反义词",
    "近义词",
    "next number",
    "最大值",
    "最小值",
    "鸡兔",
    "各几",
    "translate the",
    "convert ",
    "what mass",
    "what volume",
    "correct the",
    "if x",
    "选词",
    "脱式",
    "列式",
    "竖式",
    "口算",
    "改错",
    "简答",
    "问答题",
    "solve ",
    "fill in",
    "choose the",
    "true or false",
    "multiple choice",
    "which of the following",
    "which one of the",
    "prove that",
    "derivative",
    "integral",
    "simplify",
    "evaluate",
    "calculate",
    "complete the",
    "circle the",
    "answer the",
    "balance the",
    "factori",
    "expand",
    "find the",
    "what is the",
    "which word",
    "which sentence",
    "which option",
    "which statement",
    "which answer",
    "match the",
    "rewrite the",
    "underline",
    "put the",
    "read the",
    "=?",
    "= ?",
    "= ？",
    "=？",
    "²",
    "³",
    "limit of",
    "÷",
    "×",
    "一半",
    "twice",
    "多少平",
    "多少立",
    "多少元",
    "多少米",
    "多少千",
    "多少厘",
    "多少人",
    "原价",
    "还剩",
    "整数",
    "几个",
    "几倍",
];

/// Enough by itself.
const ITEMS: &[&str] = &[
    r"下列%10(?:正确|错误|不正确|属于|不属于|符合|的是|说法|词语|各组|哪一?项|选项|句子)",
    r"(?:选择题|判断题|填空题|应用题|解答题|计算题|简答题|问答题|改错题?|完形填空|阅读理解|选词填空|脱式计算|列式计算|列方程|竖式计算|口算)[:.,\n]|(?:^|[\n.;])(?:\d+[.,)])?(?:选择|填空)[:.]",
    // As a paper of an examination says it.
    concat!(
        r"^\d{1,2}[.,)]?(?:\( ?\d{1,2} ?分\)|材料)|^\( ?\d{1,2} ?分\) ?\d|\[(?:历史|地理|生物|物理|化学)[^\]\n]{0,9}选修|(?:压缩|概括|概述|每处)[^\n]*不(?:超过|多于) ?\d+ ?个?字|本题%4(?:\d+小题|满分|\d+分)|每小题\d+分|共\d+小题|满分\d+分",
        r"|阅读%12(?:材料|文字|短文|文言文|诗|词|文章|内容|图表|片段)[^\n]*(?:完成|回答|填入|要求)|(?:完成|回答)(?:下列|下面|以下|后面)%3(?:问题|各题|小题|要求|习题)|在空白处填|据此(?:完成|回答)|补写%12(?:语句|空缺|句)|仿照(?:下面|示例|画线|例句)%4(?:示例|句子|[^\n]{0,10}写)|短文改错|名篇名句|语言文字运用",
    ),
    concat!(
        r"\(1\)%16(?:求|证明|写出|计算|分析|说明|简述|概括|指出|判断|讨论)[^\x00]*\(2\)%16(?:求|证明|写出|计算|分析|说明|简述|概括|指出|判断|讨论)",
        r"|(?:方程|概率|面积|体积|取值范围|个数|系数|定义域|值域|解集|最大值|最小值|通项公式|离心率|前n项和|常数项|估计值)(?:为|是|等于)[.:]?$|(?:则|求|那么|等于)[^\n]*=[\x24 ]*[.]?$",
    ),
    r"用%2所给(?:的)?(?:词|单词|动词|汉字)|连词成句|按要求(?:改写|改|写|完成)%4句|改为(?:被动|否定|一般|疑问|感叹|陈述)|根据(?:短文|课文|材料|图|首字母|中文|汉语)%6(?:填|回答|完成|写|选)|把下列%6(?:句|词|改|翻译)",
    r"用[^\n]{1,40}造句|写出%10(?:反义词|近义词|拼音|成语|词语)|给(?:下列|下面)%4(?:字|词)|各是(?:多少|几)|取值范围|最[大小]值(?:是|为)|鸡兔同笼|各几[只个]|(?:求|则|得)%2[a-z](?:的值|的长|=)|\b(?:translate|rewrite|correct|punctuate|combine) the following\b|\bif [^.!?\n]{0,40}=[^.!?\n]{0,50}(?:what is|find|then|calculate)\b|\bconvert \d[^.!?\n]{0,30} (?:to|into) (?:a |an )?(?:decimal|fraction|percent\w*|mixed|improper|binary|grams|meters|celsius)|\bwhat (?:mass|volume|percentage|percent|fraction) of\b",
    r"解方程%1[:.]|解(?:下列)?(?:方程组?|不等式组?)|因式分解|化简(?:求值)?[:.]%1[0-9a-z(]|求(?:[a-z]的|取值范围|函数|导数?|极限|不定积分|定积分|最[大小]值|值域|定义域|解析式|通项)|配平%6(?:方程|反应)|(?:求证|证明)[:.]?[^.!?\n]{0,60}(?:相等|垂直|平行|全等|相似|无理数|平分|成立|等于|三角|四边|收敛|连续|单调|中点|整除)",
    r"已知[^!?\n]{2,120}(?:求|则|证明|那么|试)",
    r"(?:^|[.,;\n:])(?:计算|求值|简便计算|脱式计算|直接写出得数)%1[:.]?%2[0-9(]",
    r"(?:solve for [a-z]\b|solve:? [^.!?\n]{1,30}=|find the next (?:number|term)|what comes next|solve (?:the )?(?:equation|inequality|system|for)|find the (?:derivative|integral|limit|area|perimeter|volume|value of|slope|roots?|sum|numbers?|missing|square root|hypotenuse|probability|length|equation|vertex|domain|range|lcm|gcd|hcf|angle|radius|circumference)|what is the (?:area|perimeter|volume|slope|circumference|probability|derivative|integral|hypotenuse|square root|remainder|sum of|value of [a-z]\b)|(?:derivative|integral|antiderivative|limit) of [^.!?\n]{0,20}[a-z0-9][\^+*/(x]|evaluate (?:the )?(?:integral|expression|limit|function)|(?:simplify|factori?[sz]?e?|expand|evaluate)(?: the expression| completely)?:? ?[(0-9a-z]{1,4} ?[\^+*/)x0-9(]|prove that [^\n]{4,}|balance the (?:following )?(?:chemical )?equation|calculate (?:the|its) (?:area|volume|circumference|perimeter|mass|molar|speed|velocity|force|mean|average|interest|probability))",
    r"(?:fill in the blanks?|choose the (?:correct|best|right|most)(?: [a-z]+){0,3}|complete the (?:following )?(?:sentences?|table|dialogue|passage)(?: [a-z]+){0,8}|circle the correct [a-z]+|match the following[a-z ]*|rewrite the (?:following )?sentences?[a-z ]*|underline the [a-z ]+|true or false|multiple choice|put the (?:verbs?|words?) in(?:to)? [a-z ]+|answer the (?:following )?questions?(?: [a-z]+){0,3}|read the (?:passage|text)[a-z ]*)[:(]",
    r"\bwhich (?:one )?of the following\b[^\n]{0,120}[?:]|\bwhich (?:word|sentence|option|statement|answer)(?: [a-z]+){0,4} (?:is|are) (?:correct|incorrect|true|false|wrong|not)\b",
    r"[0-9)] ?= ?\?|\d ?x ?[+=] ?\d|\d[xy] ?(?:=|\+|\^| )[^\n]{0,20}= ?[0-9a-z]",
];

static SET: LazyLock<Finder> = LazyLock::new(|| Finder::new(ANCHORS, &[], &[], &[ITEMS]));

struct Tables {
    number: Regex,
    asked: Regex,
    maths: Regex,
    /// A formula in the words of TeX …
    typeset: Regex,
    /// … and what is asked of one.
    of_formulas: Regex,
    sum: Regex,
    /// Says that it is a problem.
    lead: Regex,
    talk: Regex,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| Tables {
    number: compile(
        &[],
        &[
            r"\d+(?:[.,:/]\d+)*",
            r"(?:一半|[一二三四五六七八九十百千两]+(?:个|只|次|倍|天|年级|条|台|升|元|米|人|辆|分之)|\b(?:half|twice|double|triple|third|thirds|fourth|fourths|fifth|quarters?|dozen|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|sixty|hundred|thousand)\b)",
        ],
    ),
    asked: compile(
        &[],
        &[
            r"(?:多少|几(?:段|根|个|只|条|人|元|米|天|棵|本|枝|支|张|辆|台|千|分|小时|次|页|块|箱|束|袋|件|双|套|盒|何|倍|层|排|组|位|种|份|岁|升|公|吨|节|瓶|杯|筐|朵|头|匹|户|艘|间)|几分之几|百分之几|多[高长重大远久深宽]|最大的是谁|如何量|怎样量|怎么量|求%10(?:多少|几|面积|体积|周长|浓度|速度|价|率|度|长|宽|高|数|比|值|积|和|差))",
            r"\b(?:how (?:many|much|far|long|old|fast|tall|high|deep|wide|big)|whats|what (?:is|was|are|were|will be|would be|percentage|percent|fraction|number|temperature|distance|day)|find|calculate|compute|determine|at what|in how many)\b",
        ],
    ),
    maths: compile(
        &[],
        &[
            r"商是|余数|除数|因数|倍数|积是|倒数|公约数|公倍数|合数|质因数|顶角|底角|内角|棱长|发芽率|合格率|出勤率|成活率|成本|售价|利润|降价|涨价|现价|原价|间隔|路程|互为|这个数|一个数|两个数|三个数|连续|简便算法|五位数|四位数|三位数|两位数|[多少]养|饮料|车厢|影子|天平|打结|小棒|其中|占|男生|女生|各是|之和|两数|一共|共有|总共|共用|还剩|剩下|剩余|余下|平均|每\d+|每[一二三四五六两十](?:个|只|人|天)|每(?:个|只|人|天|小时|分钟|秒|千克|套|本|枝|条|台|班|箱|副|行|棵|辆|组|元|张|盒|块|升|米|次|层|排|页|件|双|吨|株|车)|的?\d*\.?\d*倍|[一二三四五六七八九十两几\d]倍|比%8(?:多|少|长|短|高|低|贵|便宜|重|轻|快|慢|大|小|节约|增加|减少)|相遇|相向|相距|周长|面积|体积|容积|利息|利率|税|浓度|含盐率|打\d?折|[一二三四五六七八九]折|照这样|原计划|计划每|原来|实际每?|甲|乙|小明|小红|小刚|小华|小丽|小李|小张|小胖|小英|小芳|小军|师傅|同学们|(?:千克|千米|厘米|分米|毫米|平方米|平方|立方|公顷|毫升|千瓦)|速度|时速|长方[形体]|正方[形体]|三角形|圆柱|圆锥|圆的|半径|直径|底面|边长|梯形|铁丝|容量|往返|来回|水果店|商店|工厂|学校|车间|工程|水池|零件|故事书|铅笔|糖果|苹果|梨|单独|合作|剪成|剪去|绳子|铁丝|锯成|各几|头有|脚有|至少|最多可以|最大|分给|送给|分成|卖掉|卖出|买来|买回|买了|运来|运走|吃了|吃去|用去|借出|付出|找回|应付|应缴|限载|装完|装满|扎成|带着\d+|应付|整数|质数|偶数|奇数|分母|分子|横截面|名学生|全长|剪去|截去|锯",
            r"\b(?:each|per|total|altogether|in all|left over|left|remain(?:s|ing)?|times as|(?:more|less|fewer|older|younger|longer|taller|faster) than|km|kilomet(?:er|re)s?|miles?|mph|apples?|oranges?|marbles|candies|pencils|train|rectang\w+|triang\w+|circle|square|radius|diameter|perimeter|discount(?:ed)?|interest|ratio|percent|profit|average|equally|shared?|gives?|gave|bought|buys|sells?|sold|costs?|cm|meters?|metres?|litres?|liters?|workers?|ages?|sum|product|difference|twice|half|probability|speed|travels?|sale price|dozen|[a-z]+ (?:has|have|had) \d+|inches|feet|pounds|dollars|cents|grams|ounces|gallons|loaves|pupils|classes|boxes|packs|packets|groups|rows|bags|bottles|jars|boys|girls|cookies|stickers|balloons|flowers|pages|points|goals|multiples?|divisible|remainder|factors?|digits?|primes?|polygon|hexagon|vertex|vertices|matrix|polynomial|sequence|graph|even|odd|median|arithmetic|dice|tetrahedron|as many|ate|spent|received|picked|collected|baked|jumped|scored|older|younger|less|fewer|more [a-z]+ than|(?:reads?|walks?|runs?|earns?|saves?|eats?|drives?|makes|needs|reading|costs?|contains?|holds?) \x24?\d+|one third|one half|one quarter|garden|students in|perimeter|fraction|of a number|whole number|integers?)\b|\x25",
        ],
    ),
    typeset: compile(
        &[],
        &[
            r"\\(?:d?frac|sqrt|left|quad|mathrm|mathbf|angle|triangle|vec|overline|overrightarrow|cdot|times|begin|leq?|geq?|leqslant|geqslant|circ|sum|int|lim|pmod|sin|cos|tan|log|ln|pi)\b|\x24[^\x24\n]*[=^\\{}<>+(][^\x24\n]*\x24|\x24[a-z]\x24",
        ],
    ),
    of_formulas: compile(
        &[],
        &[
            r"\b(?:find|compute|evaluate|simplify|determine|prove|show that|express|enter|what is|whats|what are|how many|for what|for which|solve|let \x24|given|calculate)\b|求|则|设|已知|证明|若|的值|化简|方程|结果|等于|函数|数列|展开式|[是为=] ?\x24?\(\\quad\)",
        ],
    ),
    sum: compile(
        &[],
        &[
            r"\d ?(?:\*|x|/|\+|\^|\xc3\xb7|\xc3\x97) ?\(?\d[^\n]{0,40}?(?:\*|x|/|\+|=|\^|\xc3\xb7|\xc3\x97| ) ?\(?[\d?]|\d ?(?:\xc3\xb7|\xc3\x97) ?\(?\d",
        ],
    ),
    lead: compile(
        &[],
        &[
            r"数学(?:题|问题)|(?:回答|解答|解决)(?:下面|以下|下列)?(?:的|这个|这道)?%4(?:题|问题)|解题|推理步骤|应用题",
            r"\b(?:(?:math|word|following|this) problem|show your (?:work|steps)|step by step)\b",
        ],
    ),
    talk: compile(
        &[],
        &[
            r"[你您]|咱|哈哈|呜|群里|群友|今晚|明天|昨天|后天|老板|订|房租|快递|单号|版本|更新|体重|车票|机票|电影票|门票多|密码|觉得|吧|今天股|涨了|跌了|红包|点到|点半|地铁|高铁|放假|我儿子|我女儿|有没有|有人|请问|\x40|20\d\d年|手机|股票|怀孕",
            r"\b(?:i|im|you|u|your|youre|my|me|lol|haha|we|us|thanks?|please|hey|hi|ok|install|sudo|version|server|ram|gb|mb|ghz|ms|kernel|file|config|flight|driver|port|disk|cpu|ip|bit|http|www|hd|package|anyone|guys|dunno|ubuntu|windows|linux|irc|gate|apt|usb|kb|lines)\b",
        ],
    ),
});

fn points(tables: &Tables, text: &[u8]) -> i32 {
    let count = |regex: &Regex, most: usize| {
        i32::try_from(regex.find_iter(text).take(most).count()).unwrap_or(0)
    };
    let asked = count(&tables.asked, 1);
    let sum = count(&tables.sum, 1);
    if asked == 0 && sum == 0 {
        return 0;
    }
    let maths = count(&tables.maths, 3);
    let numbers = count(&tables.number, 3);
    let talk = count(&tables.talk, 3);
    // A sum to work out is one, with or without words.
    if sum > 0 && numbers >= 2 {
        return 3 + asked * 2 + maths + 2 * count(tables.set_words(), 1) - talk;
    }
    // A number is told, and behind the end of that clause something is asked.
    let told = talk == 0 && numbers >= 2 && tells_first(tables, text);
    if asked == 0 || numbers == 0 || maths == 0 && !told {
        return 0;
    }
    numbers + asked * 2 + maths + 2 * i32::from(told) + 2 * count(&tables.lead, 1) - talk * 2
}

/// A number, the end of its clause, and then what is asked.
fn tells_first(tables: &Tables, text: &[u8]) -> bool {
    let after = |rest: &[u8], from: usize| {
        let ends = |byte: &u8| matches!(byte, b',' | b'.' | b';' | b'!' | b'\n');
        rest[from..].iter().position(ends).map(|at| from + at)
    };
    tables
        .number
        .find(text)
        .and_then(|number| after(text, number.end()))
        .is_some_and(|end| tables.asked.is_match(&text[end..]))
}

impl Tables {
    /// Words that ask for the working of a sum.
    fn set_words(&self) -> &'static Regex {
        static WORDS: LazyLock<Regex> = LazyLock::new(|| {
            compile(
                &[],
                &[
                    r"数学|答案|等于|得数|计算|算一?下|结果|=",
                    r"\b(?:math|solve|calculate|answer|equals?|compute|evaluate|work out|result|what is|whats)\b",
                ],
            )
        });
        &WORDS
    }
}

/// Two numbered lines or more that ask.
fn has_numbered_questions(text: &[u8], signs: &Signs) -> bool {
    if signs.lines == 0 || signs.numbers < 2 {
        return false;
    }
    let mut questions = 0;
    for line in text.split(|byte| *byte == b'\n').take(60) {
        let line = line.trim_ascii();
        let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 || digits > 2 {
            continue;
        }
        let rest = &line[digits..];
        let sign = rest.starts_with(b".")
            || rest.starts_with(b")")
            || rest.starts_with("、".as_bytes())
            || rest.starts_with("．".as_bytes());
        let asks = line.ends_with(b"?") || line.ends_with("？".as_bytes());
        questions += usize::from(sign && asks);
    }
    questions >= 2
}
