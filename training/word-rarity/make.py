"""Ranks of common words, for the weights of topics. See README.md here for where the sources come from.

usage: make.py DICT_ZH FREQUENCY_EN OUT
"""

import collections
import pathlib
import sys

HAN = lambda c: "\u4e00" <= c <= "\u9fff"


def english(path, most=8000):
    words = []
    for line in pathlib.Path(path).read_text("utf-8-sig").splitlines():
        word, _ = line.split()
        if word.isascii() and word.isalpha():
            words.append(word)
    return words[:most]


def chinese(path, most=6000):
    pairs, chars = collections.Counter(), collections.Counter()
    for line in pathlib.Path(path).read_text("utf-8").splitlines():
        word, count = line.split()[:2]
        if not all(map(HAN, word)):
            continue
        for char in word:
            chars[char] += int(count)
        for at in range(len(word) - 1):
            pairs[word[at : at + 2]] += int(count)
    top = lambda counter, n: [key for key, _ in sorted(counter.items(), key=lambda p: (-p[1], p[0]))[:n]]
    return top(pairs, most), top(chars, 2500)


def main():
    source_zh, source_en, out = sys.argv[1:]
    out = pathlib.Path(out)
    pairs, chars = chinese(source_zh)
    for name, words in [("common-en", english(source_en)), ("common-zh", pairs), ("common-han", chars)]:
        (out / f"{name}.txt").write_text("\n".join(words) + "\n", "utf-8")


main()
