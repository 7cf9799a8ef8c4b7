#!/usr/bin/env python3
"""Makes the training lines of the language model: `class<TAB>text`, one a line. See README.md for the sources.

make.py SOURCES OUT    SOURCES is the folder that fetch.sh filled
"""
import glob
import math
import random
import re
import sys
from pathlib import Path

from pypinyin import Style, lazy_pinyin
import jieba

SOURCES, OUT = Path(sys.argv[1]), Path(sys.argv[2])
# Class, interface texts, word list, n-gram table, talk.
LANGUAGES = [
    ("fr", ["fr"], "fra", "french", "french"),
    ("de", ["de"], "deu", "german", "german"),
    ("es", ["es", "es-419"], "spa", "spanish", "spanish"),
    ("pt", ["pt-BR", "pt-PT"], "por", "portuguese", "portuguese"),
    ("it", ["it"], "ita", "italian", "italian"),
    ("nl", ["nl"], "nld", "dutch", "dutch"),
    ("id", ["id"], "ind", "indonesian", "indonesian"),
    ("ms", ["ms"], "msa", "malay", None),
    ("tl", ["fil"], "fil", "tagalog", None),
    ("vi", ["vi"], "vie", "vietnamese", None),
    ("sv", ["sv"], "swe", "swedish", "swedish"),
    ("da", ["da"], "dan", "danish", None),
    ("no", ["nb"], "nor", "bokmal", None),
    ("fi", ["fi"], "fin", "finnish", None),
    ("pl", ["pl"], "pol", "polish", None),
    ("tr", ["tr"], "tur", "turkish", "turkish"),
    ("ro", ["ro"], "ron", "romanian", None),
    ("cs", ["cs"], "ces", "czech", None),
    ("hu", ["hu"], "hun", "hungarian", None),
    ("xx", ["af", "ca", "et", "hr", "lt", "lv", "sk", "sl", "sw"], None, None, None),
]
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
random.seed(5)
out = OUT.open("w")


def say(kind, text, times=1):
    text = " ".join(text.split())
    if text:
        for _ in range(times):
            out.write(f"{kind}\t{text}\n")


def lines(path):
    return path.read_text(errors="replace").split("\n") if path.exists() else []


def talk(name):
    """The lines of the chatterbot corpus."""
    for path in sorted((SOURCES / "talk" / (name or "none")).glob("*.yml")):
        for line in lines(path):
            line = re.sub(r"^[\s-]*", "", line).strip("'\" ")
            if len(line) > 3 and not line.startswith("categories"):
                yield line


def table(name):
    """n-gram → logarithm of its conditional share."""
    grams = {}
    for line in lines(SOURCES / "grams" / f"{name}.tsv"):
        gram, _, value = line.partition("\t")
        if value:
            grams[gram] = float(value)
    return grams


def score(word, grams):
    """How likely the letters of a word are, by letter."""
    total = 0.0
    for end in range(1, len(word) + 1):
        for size in range(min(5, end), 0, -1):
            value = grams.get(word[end - size : end])
            if value is not None:
                total += value - 1.5 * (min(5, end) - size)
                break
        else:
            total -= 14.0
    return total / len(word)


def pieces(text, kind, count):
    """Short runs of a sentence's words: chat lines are short."""
    words = text.split()
    for _ in range(count):
        if len(words) > 3:
            size = random.choice((1, 2, 2, 2, 3, 3, 4, 5)) if len(words) > 5 else 2
            at = random.randrange(len(words) - size + 1)
            say(kind, " ".join(words[at : at + size]))


def scowl(most):
    words = set()
    for path in glob.glob(str(SOURCES / "scowl" / "english-words.*")) + glob.glob(str(SOURCES / "scowl" / "american-words.*")):
        if int(path.rsplit(".", 1)[1]) <= most:
            words.update(Path(path).read_text(errors="replace").lower().split())
    return words


def english():
    known, common = scowl(60), scowl(35)
    names = set()
    for path in glob.glob(str(SOURCES / "scowl" / "*-proper-names.50")) + glob.glob(str(SOURCES / "scowl" / "*-upper.50")):
        names.update(word for word in Path(path).read_text(errors="replace").lower().split() if word.isalpha())
    names = sorted(names)
    for name in names:
        say("en", name, 2)
    counts = {}
    for line in lines(SOURCES / "english" / "unigrams.txt"):
        word, _, count = line.partition("\t")
        if count and word in known and word.isalpha():
            counts[word] = int(count)
    words = list(counts)
    weights = [counts[word] ** 0.5 for word in words]
    flat = [counts[word] ** 0.2 for word in words]
    for word in random.choices(words, weights, k=60_000) + random.choices(words, flat, k=90_000):
        say("en", word)
    for first, second in zip(random.choices(words, weights, k=40_000), random.choices(words, flat, k=40_000)):
        say("en", random.choice((f"{first} {second}", f"{second} {first}")))
    for word in known:
        say("en", word.replace("'s", ""))
    after = {}
    pairs, pair_weights = [], []
    for line in lines(SOURCES / "english" / "bigrams.txt"):
        pair, _, count = line.partition("\t")
        first, _, second = pair.partition(" ")
        if second in counts and first in counts:
            pairs.append(pair)
            pair_weights.append(int(count) ** 0.6)
            after.setdefault(first, ([], []))
            after[first][0].append(second)
            after[first][1].append(int(count) ** 0.8)
    for pair in random.choices(pairs, pair_weights, k=60_000):
        say("en", pair)
    for _ in range(60_000):
        word = random.choice(pairs).split()[0]
        sentence = [word]
        for _ in range(random.randrange(2, 14)):
            if word not in after or random.random() < 0.1:
                word = random.choice(words[:3000])
            else:
                word = random.choices(*after[word])[0]
            sentence.append(word)
            if names and random.random() < 0.05:
                sentence.append(random.choice(names))
        say("en", " ".join(sentence))
    for line in lines(SOURCES / "ui" / "en-GB.txt"):
        say("en", line)
        pieces(line, "en", 3)
    for line in talk("english"):
        say("en", line)
        pieces(line, "en", 4)
    for line in lines(Path(__file__).parent / "english.txt"):
        if not line.startswith("#"):
            say("en", line, 12)
    return counts, common, table("english")


def foreign(kind, interface, list_name, grams_name, talk_name, known, grams_en):
    seen = {}
    texts = [line for name in interface for line in lines(SOURCES / "ui" / f"{name}.txt")]
    random.shuffle(texts)
    for line in texts[:16_000]:
        say(kind, line)
        pieces(line, kind, 2)
        for word in WORD.findall(line.lower()):
            seen[word] = seen.get(word, 0) + 1
    for line in talk(talk_name):
        say(kind, line, 2)
        pieces(line, kind, 4)
        for word in WORD.findall(line.lower()):
            seen[word] = seen.get(word, 0) + 1
    if not list_name:
        return
    grams = table(grams_name)
    own = {}
    listed = sorted({word.lower() for word in lines(SOURCES / "words" / f"{list_name}.txt") if WORD.fullmatch(word)})
    for word in random.sample(listed, min(len(listed), 100_000)) + sorted(seen):
        own_score, english_score = score(word, grams), score(word, grams_en)
        # Word lists from the web are full of English.
        edge = own_score - english_score
        if word in seen:
            keep = word not in known and (seen[word] > 1 or edge > 0)
        else:
            keep = len(word) > 2 and edge > (0.5 if word in known else 0.15)
        if keep:
            # The tables know no words; likely letters in a short row are mostly a common one.
            own[word] = (1 + seen.get(word, 0)) ** 0.4 * math.exp(0.3 * own_score * len(word))
    words, weights = list(own), list(own.values())
    print(kind, len(words), random.sample(words, 8), flush=True)
    for word in random.choices(words, weights, k=35_000):
        if word not in known:
            say(kind, word)
    drawn = iter(random.choices(words, weights, k=140_000))
    for _ in range(35_000):
        say(kind, " ".join(next(drawn) for _ in range(random.choice((2, 2, 2, 3, 4)))))


STYLES = [Style.NORMAL, Style.NORMAL, Style.NORMAL, Style.NORMAL, Style.TONE, Style.TONE, Style.TONE3]
NAMES = "Tom Lucy Amy Jack Taylor Swift iPhone Apple WeChat Python Emma Peter Kevin Lily Harry Potter Netflix OK Linda Excel PPT KFC Starbucks David Anna Jason Google Windows VIP NBA London Jenny".split()


def romanised(text):
    """One of the ways in which people write Chinese in Latin letters."""
    style = random.choice(STYLES)
    joint = random.choice(("syllables", "words", "words", "all", "clauses"))
    parts = []
    for word in jieba.cut(text):
        if not re.search(r"[一-鿿]", word):
            parts.append(word if re.match(r"[A-Za-z0-9]", word) else random.choice((", ", " ")))
            continue
        syllables = lazy_pinyin(word, style=style, v_to_u=random.random() < 0.3)
        parts.append((" " if joint == "syllables" else "").join(syllables))
    if random.random() < 0.15 and len(parts) > 2:
        parts.insert(random.randrange(len(parts)), random.choice(NAMES))
    glue = {"all": "", "clauses": random.choice(("", " "))}.get(joint, " ")
    return glue.join(parts)


def pinyin():
    chinese = []
    for name in ("neg.txt", "pos.txt"):
        chinese += lines(SOURCES / "chinese" / name)
    chinese += lines(SOURCES / "ui" / "zh-CN.txt")[:3000]
    chinese += list(talk("chinese")) * 5
    random.shuffle(chinese)
    made = 0
    for line in chinese:
        for clause in re.split(r"[，。！？；、,.!?;:\s（）“”\"()]+", line):
            if 2 <= len(clause) <= 30 and re.fullmatch(r"[一-鿿A-Za-z0-9]+", clause) and re.search(r"[一-鿿]{2}", clause):
                text = romanised(clause)
                say("pinyin", text)
                made += 1
                if made % 3 == 0:
                    say("pinyin", romanised(clause) + random.choice((" ", ", ")) + text)
        if made > 110_000:
            break
    words, weights = [], []
    for line in lines(SOURCES / "chinese" / "dict.txt"):
        word, _, rest = line.partition(" ")
        if re.fullmatch(r"[一-鿿]{2,4}", word):
            words.append(word)
            weights.append((1 + int(rest.split()[0])) ** 0.5)
    for word in random.choices(words, weights, k=70_000):
        # A lone pair of syllables is often an English word too: those are seldom shown.
        text = romanised(word)
        say("pinyin", text)


counts, common, grams_en = english()
known = {word for word in counts if word in common} | set(list(counts)[:6000])
for row in LANGUAGES:
    foreign(*row, known, grams_en)
pinyin()
