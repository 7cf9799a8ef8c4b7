//! The ideas that instructions to a model are made of, and the words for them: English, German, Chinese, a few Spanish
//! and French ones. A text becomes a row of words with their ideas; which rows are an attempt is `injection.rs`.

use std::sync::LazyLock;

/// Ideas, a bit each.
pub(super) const OVERRIDE: u64 = 1;
pub(super) const PRIOR: u64 = 1 << 1;
pub(super) const ORDERS: u64 = 1 << 2;
pub(super) const MATTER: u64 = 1 << 3;
pub(super) const ALL: u64 = 1 << 4;
pub(super) const YOUR: u64 = 1 << 5;
pub(super) const MINE: u64 = 1 << 6;
pub(super) const WHO: u64 = 1 << 7;
pub(super) const NOT: u64 = 1 << 8;
pub(super) const HEED: u64 = 1 << 9;
pub(super) const NEW: u64 = 1 << 10;
pub(super) const SHOW: u64 = 1 << 11;
pub(super) const SYSTEM: u64 = 1 << 12;
pub(super) const PROMPT: u64 = 1 << 13;
pub(super) const FIRST: u64 = 1 << 14;
pub(super) const YOU: u64 = 1 << 15;
pub(super) const ARE: u64 = 1 << 16;
pub(super) const NOW: u64 = 1 << 17;
pub(super) const ROLE: u64 = 1 << 18;
pub(super) const AS: u64 = 1 << 19;
pub(super) const FREE: u64 = 1 << 20;
pub(super) const LIMIT: u64 = 1 << 21;
pub(super) const WITHOUT: u64 = 1 << 22;
pub(super) const MODE: u64 = 1 << 23;
pub(super) const MODE_KIND: u64 = 1 << 24;
pub(super) const TOLD: u64 = 1 << 25;
pub(super) const WHAT: u64 = 1 << 26;
pub(super) const WORDS: u64 = 1 << 27;
pub(super) const COMPLETE: u64 = 1 << 28;
pub(super) const BACKWARDS: u64 = 1 << 29;
pub(super) const ANSWER: u64 = 1 << 30;
pub(super) const SHAPE: u64 = 1 << 31;
pub(super) const INSTEAD: u64 = 1 << 32;
pub(super) const ONLY: u64 = 1 << 33;
pub(super) const SAY: u64 = 1 << 34;
pub(super) const FOLLOW: u64 = 1 << 35;
pub(super) const WANT: u64 = 1 << 36;
pub(super) const BE: u64 = 1 << 37;
pub(super) const ROT: u64 = 1 << 38;
pub(super) const IN: u64 = 1 << 39;
pub(super) const USERS: u64 = 1 << 40;
pub(super) const WHEN: u64 = 1 << 41;
pub(super) const STAY: u64 = 1 << 42;
pub(super) const PRAISE: u64 = 1 << 43;
pub(super) const THE: u64 = 1 << 44;
pub(super) const QUESTION: u64 = 1 << 45;
pub(super) const DESPITE: u64 = 1 << 46;
pub(super) const CHANGE: u64 = 1 << 47;
pub(super) const VOID: u64 = 1 << 48;
pub(super) const KEEP: u64 = 1 << 49;
pub(super) const SYSTEM_PROMPT: u64 = 1 << 50;
pub(super) const ARTICLE: u64 = 1 << 51;
pub(super) const PRINT: u64 = 1 << 52;
/// A word that begins with a capital letter.
pub(super) const NAME: u64 = 1 << 53;
pub(super) const MACHINE: u64 = 1 << 54;

const TABLE: &[(u64, &str)] = &[
    (
        MACHINE,
        "terminal interpreter console compiler shell linux python javascript sql database konsole 终端 解释器 控制台",
    ),
    (
        PRINT,
        "show print printing output outputs reveal repeat display encode leak dump recite copy paste echo expose disclose \
        return spellcheck zeige zeig wiederhole wiederholen drucke drucken 显示 输出 打印 重复 复述 原样 念出来 贴出来 背出来",
    ),
    (
        OVERRIDE,
        "ignore ignores ignoring disregard disregarding forget forgetting neglect override overriding bypass \
        discard abandon overlook drop skip unlearn erase delete dismiss vergiss vergesse vergessen vergesst vergessest ignoriere ignorieren \
        ignorier ignorierst missachte missachten verwirf verwerfe überspringe übergehe umgehe oubliez oublie ignorez ignora ignoren \
        olvida olvide olvidar olvides dimentica zaboravi 忽略 无视 忘记 忘掉 忘了 抛开 抛弃 丢掉 丢开 绕过 跳过 推翻 撤销 作废 摆脱 \
        不理会 不要理会 不用管 不用理 别管 别理 不要管 不遵守 不要遵守 别遵守 不必遵守 無視 忘記",
    ),
    (
        PRIOR,
        "previous previously above prior earlier before beforehand preceding foregoing past former far davor zuvor \
        vorher vorherige vorherigen vorheriger vorheriges obige obigen obiges oben bisher bisherige bisherigen vorangegangenen vorangegangene \
        vorangehenden vorigen gesagte gesagten gesagt besprochen gelernt antes anterior anteriores précédentes précédents 之前 以上 上面 前面 先前 此前 \
        上述 以前 刚才 上文 前文 原来 原先",
    ),
    (
        ORDERS,
        "instruction instructions prompt prompts rule rules directive directives guideline guidelines command commands \
        orders programming restriction restrictions constraint constraints policies protocols safeguards charter anweisung anweisungen \
        instruktion instruktionen befehl befehle befehlen regeln vorgabe vorgaben vorschriften richtlinien instrucciones reglas \
        instrukcije règles consignes directions 指令 规则 提示词 提示语 设定 限制 命令 指示 约束 群规 人设 准则 規則 章程",
    ),
    (
        MATTER,
        "task tasks assignment assignments information informations context contexts document documents article articles \
        artikel artikels content contents conversation text aufgabe aufgaben aufträge auftrag angaben informationen kontext dokumente \
        thoughts knowledge training anything 任务 内容 要求 对话 信息 上下文 训练 话",
    ),
    (
        ALL,
        "all everything every any entire whole full alles alle allen gesamte gesamten ganze todo todas todos toutes tout sve 所有 全部 一切 任何 整个 完整",
    ),
    (
        YOUR,
        "your yours deine deinen deiner deinem dein ihre ihren ihr ihrer tus votre vos 你的 您的 你所有的 你被",
    ),
    (
        MINE,
        "my our his her meine meinen unsere 我的 我们的 他的 她的 我们 他们",
    ),
    (
        WHO,
        "i we he she they people students who everyone nobody always often never ich wir er man 我 我们 他 她 他们 她们 大家 老是 总是 容易",
    ),
    (
        NOT,
        "not dont don't never no stop nicht nie keine keinen 不要 别 不再 不必 不用 不能 不可以 不可",
    ),
    (
        HEED,
        "listen follow following obey obeying adhere heed comply respect consider look höre hör hören folge befolge befolgen \
        beachte beachten halte 听 遵守 遵循 服从 理会 执行 按照",
    ),
    (
        NEW,
        "new another further different next weitere weiteren neue neuen neuer neues nächste folgende folgender 新的 新 另一个 下面的",
    ),
    (
        SHOW,
        "show showing print printing output outputs reveal repeat display tell translate encode decode leak dump spell list summarize summarise \
        recite copy paste return give share write expose disclose provide state echo log console zeige zeig zeigen gib nenne wiederhole \
        wiederholen verrate drucke schreibe ausgeben übersetze enthülle muestra repite affiche 显示 输出 打印 告诉 重复 复述 泄露 泄漏 说出 翻译 列出 \
        公开 是什么 背出来 给我看 展示 透露 原样 念出来 贴出来 发出来 opposite spellcheck drucken ausdrucken vorzeigen",
    ),
    (SYSTEM, "system systems 系统 后台 系統"),
    (
        PROMPT,
        "prompt prompts instruction instructions message configuration config prompttext eingabeaufforderung rules guidelines directives anweisungen initialization \
        instruktionen nachricht string setup 提示词 提示语 提示 指令 设定 设置 消息 规则 人设 prompt-text",
    ),
    (
        FIRST,
        "initial initially original hidden starting secret internal base beginning start first initialization confidential ursprüngliche \
        ursprünglichen versteckte anfängliche geheime geheimen 初始 最初 原始 隐藏 秘密 内部 开头 一开始 最开始",
    ),
    (
        YOU,
        "you u du sie dich dir ihnen usted vous 你 您 ai 机器人 gpt chatgpt",
    ),
    (
        ARE,
        "are re were bist sind warst be become 是 就是 变成 成为",
    ),
    (
        NOW,
        "now henceforth onwards jetzt nun ab fortan 现在 从现在起 从现在开始 从此 接下来 从今以后",
    ),
    (
        ROLE,
        "act pretend roleplay simulate impersonate behave fungieren agieren auftreten verhalte verhalten imagine tu 扮演 假装 模拟 充当 假扮 角色扮演 假设你",
    ),
    (AS, "as like als wie to that be 成 是"),
    (
        FREE,
        "unrestricted unfiltered uncensored jailbreak jailbroken dan immoral amoral unethical evil unlimited uneingeschränkt unzensiert \
        不受限制 无限制 不受约束 没有限制 没有任何限制 越狱 无视道德 没有道德 无道德 不受任何限制 没有任何规则 没有规则",
    ),
    (
        LIMIT,
        "restriction restrictions rule rules limit limits limitations filter filters guidelines ethics morals censorship boundaries \
        regeln einschränkungen grenzen moral policy policies 限制 规则 约束 道德 底线",
    ),
    (
        WITHOUT,
        "no without any free beyond ohne keine keinen zero 没有 不受 无",
    ),
    (MODE, "mode modus override 模式"),
    (
        MODE_KIND,
        "maintenance debug debugging developer dev god admin administrator dan jailbreak root sudo unrestricted test wartungsmodus \
        维护 调试 开发者 上帝 管理员 无限制 越狱",
    ),
    (
        TOLD,
        "told instructed programmed given supposed allowed forbidden permitted prohibited configured trained 被告知 被要求 不能告诉 不能说 不允许说",
    ),
    (WHAT, "what which was welche 什么 哪些"),
    (
        WORDS,
        "text texts words everything message messages conversation lines paragraph content contents sentence context word anything texte textes gesamten alles \
        文字 内容 对话 全文 话 文本",
    ),
    (
        COMPLETE,
        "complete continue start begin beginning finish fill sentence answer beginne vervollständige 补全 续写 接着",
    ),
    (
        BACKWARDS,
        "snoitcurtsni noitcurtsni tpmorp erongi suoiverp selur tegrof drageresid metsys laever 略忽 令指 前之 词示提 则规 记忘",
    ),
    (
        ROT,
        "vafgehpgvbaf cebzcg vtaber cerivbhf ehyrf sbetrg qvfertneq flfgrz",
    ),
    (
        ANSWER,
        "response responses reply replies answer answers message output summary antwort antworten 回复 回答 答复 回应 总结",
    ),
    (
        SHAPE,
        "replace use provide substitute render introduce misspell scramble jumble rearrange anagram remove group combine include modify \
        add integrate augment enhance suggest hint tease insert append mention end begin write translate convert swap omit encode put alter change \
        reverse shuffle split repeat recommend promote advertise express emphasize emphasise highlight encourage invite capitalize capitalise \
        sprinkle embed incorporate slip weave finish start close prepend replace tell urge offer redirect link ersetze füge verwende baue ergänze erwähne \
        schreibe beende empfiehl 加上 加入 添加 插入 提到 替换 改成 推荐 附上 写上 结尾 开头 包含 夹带 宣传",
    ),
    (INSTEAD, "instead stattdessen 而是 改为 反而"),
    (
        ONLY,
        "only just simply solely nur einfach solo 只 只能 只要 就",
    ),
    (
        SAY,
        "say output print respond reply answer write repeat sage sag antworte schreibe gib ausgeben di decir dites 说 回答 输出 回复",
    ),
    (
        FOLLOW,
        "follow follows followed following folgen concentrate konzentriere konzentrieren focus fokussiere starten listen \
        come kommen 开始 执行 专注 听好",
    ),
    (
        WANT,
        "want need möchte will sollst should shall soll must 应该 应当 要 希望 请 必须",
    ),
    (
        BE,
        "be act pretend behave play fungieren fungiere agieren auftreten sein",
    ),
    (IN, "in to at within into of with your the 在 里"),
    (
        USERS,
        "user users readers reader customers recipient recipients them nutzer leser 用户 读者 对方 群友 大家",
    ),
    (WHEN, "when whenever once if before after upon wenn 当 一旦"),
    (
        STAY,
        "character characters persona rolle rollen role roles figur 角色 人设",
    ),
    (
        PRAISE,
        "done great good gut gemacht super excellent performance congratulations amazing perfect gute bravo fantastisch",
    ),
    (
        QUESTION,
        "question questions frage fragen query queries request requests 问题 提问",
    ),
    (
        DESPITE,
        "despite contrary regardless notwithstanding abweichend entgegen trotz ungeachtet 不管 不顾 尽管",
    ),
    (
        CHANGE,
        "change replace update rewrite amend ändere ersetze überschreibe 修改 更改 改写 替换 改成",
    ),
    (
        VOID,
        "irrelevant void obsolete invalid outdated cancelled canceled suspended lifted hinfällig ungültig aufgehoben 无效 作废 失效 取消 不算",
    ),
    (
        KEEP,
        "stay stays remain remains break breaking breaks leave leaving fall falling bleib bleibe bleiben verharren gehst gehe aufgehen 保持 代入 进入",
    ),
    (
        SYSTEM_PROMPT,
        "systemprompt sysprompt systemmessage systemnachricht systemanweisung systemanweisungen preprompt",
    ),
    (
        ARTICLE,
        "a an the ein eine einen der ein 一个 一名 一位 一只",
    ),
    (
        THE,
        "the die das den these those this diese diesen 这些 那些",
    ),
];

/// One word of a text with its ideas.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word {
    pub ideas: u64,
    pub start: usize,
    pub end: usize,
}

/// Longer words have no idea.
const LONGEST: usize = 24;
const SLOTS: usize = 4_096;

struct Ideas {
    slots: Vec<(u64, u64)>,
    /// Which Han characters begin a word of the table.
    begins: [u64; 64],
}

static IDEAS: LazyLock<Ideas> = LazyLock::new(|| {
    let mut ideas = Ideas {
        slots: vec![(0, 0); SLOTS],
        begins: [0; 64],
    };
    for (idea, words) in TABLE {
        for word in words.split_whitespace() {
            let word: String = word.chars().filter(|c| c.is_alphanumeric()).collect();
            let mut key = Key::default();
            word.chars().for_each(|c| key.take(c));
            ideas.put(key.0, *idea);
            if let Some(first) = word.chars().next().filter(|c| is_han(*c)) {
                let (at, bit) = place(first);
                ideas.begins[at] |= bit;
            }
        }
    }
    ideas
});

impl Ideas {
    fn put(&mut self, key: u64, idea: u64) {
        let mut at = key as usize % SLOTS;
        while self.slots[at].0 != 0 && self.slots[at].0 != key {
            at = (at + 1) % SLOTS;
        }
        self.slots[at] = (key, self.slots[at].1 | idea);
    }

    fn of(&self, key: u64) -> u64 {
        let mut at = key as usize % SLOTS;
        loop {
            match self.slots[at] {
                (0, _) => return 0,
                (found, ideas) if found == key => return ideas,
                _ => at = (at + 1) % SLOTS,
            }
        }
    }
}

/// FNV-1a, letter by letter.
#[derive(Clone, Copy)]
struct Key(u64);

impl Default for Key {
    fn default() -> Self {
        Key(0xcbf2_9ce4_8422_2325)
    }
}

impl Key {
    fn take(&mut self, c: char) {
        self.0 = (self.0 ^ u64::from(u32::from(c))).wrapping_mul(0x0000_0100_0000_01b3);
    }
}

fn place(c: char) -> (usize, u64) {
    let code = u32::from(c);
    ((code >> 6) as usize & 63, 1 << (code & 63))
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}')
}

/// Calls back for each word, in order; Han text in the longest words of the table, else by character.
pub(super) fn words(text: &str, mut each: impl FnMut(Word)) {
    let ideas = &*IDEAS;
    let (mut key, mut length, mut start) = (Key::default(), 0_usize, 0);
    let mut after_han = 0;
    let end_word = |key: &mut Key,
                    length: &mut usize,
                    start: usize,
                    end: usize,
                    each: &mut dyn FnMut(Word)| {
        if *length > 0 {
            let known = if *length <= LONGEST {
                ideas.of(key.0)
            } else {
                0
            };
            let is_name = text.as_bytes()[start].is_ascii_uppercase();
            each(Word {
                ideas: known | if is_name { NAME } else { 0 },
                start,
                end,
            });
        }
        *key = Key::default();
        *length = 0;
    };
    for (at, c) in text.char_indices() {
        if is_han(c) {
            end_word(&mut key, &mut length, start, at, &mut each);
            if at < after_han {
                continue;
            }
            let (known, end) = longest_han(ideas, &text[at..], c);
            after_han = at + end;
            each(Word {
                ideas: known,
                start: at,
                end: at + end,
            });
        } else if c.is_alphanumeric() {
            if length == 0 {
                start = at;
            }
            length += 1;
            if c.is_ascii() {
                key.take(c.to_ascii_lowercase());
            } else {
                c.to_lowercase().for_each(|c| key.take(c));
            }
        } else if !matches!(c, '\'' | '’' | '_') {
            end_word(&mut key, &mut length, start, at, &mut each);
        }
    }
    end_word(&mut key, &mut length, start, text.len(), &mut each);
}

fn longest_han(ideas: &Ideas, text: &str, first: char) -> (u64, usize) {
    let alone = (0, first.len_utf8());
    let (at, bit) = place(first);
    if ideas.begins[at] & bit == 0 {
        return alone;
    }
    let mut key = Key::default();
    let mut best = alone;
    for (at, c) in text.char_indices().take(6) {
        if !is_han(c) {
            break;
        }
        key.take(c);
        let known = ideas.of(key.0);
        if known != 0 {
            best = (known, at + c.len_utf8());
        }
    }
    best
}
