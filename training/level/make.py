#!/usr/bin/env python3
"""Makes data/rules/hardness.bin, the hardness of English words, and tells the line that turns hardness into a level.

make.py SOURCES OUT    SOURCES is the folder that training/language/fetch.sh and fetch.sh filled
"""
import glob
import math
import re
import struct
import sys
from pathlib import Path

SOURCES, OUT = Path(sys.argv[1]), Path(sys.argv[2])
# One byte is a sixteenth of a point of hardness.
STEPS = 16
RARE = 5.6
SUFFIXES = [
    ("'s", ""), ("s", ""), ("es", ""), ("ies", "y"), ("ed", ""), ("ed", "e"), ("ied", "y"), ("ing", ""), ("ing", "e"),
    ("er", ""), ("er", "e"), ("est", ""), ("est", "e"), ("ly", ""), ("ier", "y"), ("iest", "y"), ("ily", "y"),
]


def stems(word):
    yield word
    for suffix, instead in SUFFIXES:
        stem = word[: len(word) - len(suffix)] + instead
        if word.endswith(suffix) and len(stem) >= 2:
            yield stem
            if suffix in ("ed", "ing", "er", "est") and not instead and len(stem) > 2 and stem[-1] == stem[-2]:
                yield stem[:-1]


def quoted(path):
    return set(re.findall(r"'([a-z]+)'", path.read_text()))


scowl = {}
for path in glob.glob(str(SOURCES / "scowl" / "english-words.*")) + glob.glob(str(SOURCES / "scowl" / "american-words.*")):
    size = int(path.rsplit(".", 1)[1])
    for word in Path(path).read_text(errors="replace").lower().split():
        scowl[word] = min(size, scowl.get(word, 99))
counts = {}
for line in (SOURCES / "english" / "unigrams.txt").read_text().split("\n"):
    word, _, count = line.partition("\t")
    if count:
        counts[word] = math.log10(int(count))
most = max(counts.values())
grade4, grade3 = quoted(SOURCES / "dale-chall" / "index.js"), quoted(SOURCES / "spache" / "index.js")


def hardness(word):
    """From 0, for the commonest; letters and syllables are added where a text is judged."""
    known = list(stems(word))
    rare = most - max((counts[stem] - 0.25 * (stem != word) for stem in known if stem in counts), default=4.0)
    size = min((scowl[stem] + 3 * (stem != word) for stem in known if stem in scowl), default=90) / 20
    return 2 * rare + 0.5 * size + 2 * (not grade4 & set(known)) + 1 * (not grade3 & set(known))


def key(word):
    """FNV-1a, 32 bits."""
    value = 0x811C9DC5
    for byte in word.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


table = {}
for word, size in scowl.items():
    if size <= 60 and word.isascii() and word.isalpha() and most - counts.get(word, 0) < RARE:
        table[key(word)] = min(255, round(hardness(word) * STEPS))
keys = sorted(table)
OUT.write_bytes(b"".join(struct.pack("<I", k) for k in keys) + bytes(table[k] for k in keys))
print(len(keys), "words", OUT.stat().st_size, "bytes")
