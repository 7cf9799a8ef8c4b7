"""Classes of English nouns, for topics. See README.md here.

usage: make.py WORDNET_DICT FREQUENCY_EN OUT
"""

import collections
import pathlib
import sys

SMALLEST, LARGEST = 4, 160
SENSES = 3
KNOWN = 40_000
# Nouns for persons: many are insults, and none is needed.
PERSONS = "18"


def synsets(dict_folder):
    """offset -> (words, hypernyms, domains)"""
    out = {}
    for line in (dict_folder / "data.noun").read_text("latin-1").splitlines():
        if line.startswith("  "):
            continue
        fields = line.split(" | ")[0].split()
        offset, count = fields[0], int(fields[3], 16)
        if fields[1] == PERSONS:
            continue
        words = [fields[4 + 2 * n] for n in range(count)]
        at = 4 + 2 * count
        pointers = int(fields[at])
        up, domains = [], []
        for n in range(pointers):
            kind, target, part, _ = fields[at + 1 + 4 * n : at + 5 + 4 * n]
            if part != "n":
                continue
            if kind in ("@", "@i"):
                up.append(target)
            elif kind == ";c":
                domains.append(target)
        out[offset] = (words, up, domains)
    return out


def senses(dict_folder):
    """word -> its synsets, commonest first"""
    out = {}
    for line in (dict_folder / "index.noun").read_text("latin-1").splitlines():
        if line.startswith("  "):
            continue
        fields = line.split()
        out[fields[0]] = fields[-int(fields[2]) :]
    return out


def main():
    folder, frequency, out = map(pathlib.Path, sys.argv[1:])
    known = [line.split()[0] for line in frequency.read_text("utf-8-sig").splitlines()]
    known = set(known[:KNOWN])
    nets, index = synsets(folder), senses(folder)

    def above(offset, seen):
        for up in nets[offset][1] + nets[offset][2]:
            if up in nets and up not in seen:
                seen.add(up)
                above(up, seen)
        return seen

    plain = lambda word: word.isascii() and word.isalpha() and word in known and len(word) > 2
    classes = collections.defaultdict(set)
    for word, offsets in index.items():
        if not plain(word):
            continue
        # Words of many senses say little; their rarer senses nothing.
        for offset in offsets[: SENSES if len(offsets) <= 4 else 1]:
            if offset not in nets or word not in nets[offset][0]:
                continue
            for up in above(offset, {offset}):
                classes[up].add(word)
    kept = [offset for offset, words in classes.items() if SMALLEST <= len(words) <= LARGEST]
    # Two classes of the same words are one.
    groups = {}
    for offset in sorted(kept):
        groups.setdefault(frozenset(classes[offset]), offset)
    lines = []
    for words, offset in sorted(groups.items(), key=lambda pair: pair[1]):
        lines.append(" ".join(sorted(words)))
    (out / "word-classes.txt").write_text("\n".join(lines) + "\n", "utf-8")
    print(len(lines), "classes", sum(map(len, lines)), "bytes")


main()
