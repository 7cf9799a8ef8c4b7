"""How alike characters are as pictures: drawn in two free fonts, blurred, and laid over each other at five places.

make.py asks for it; needs numpy, pillow and fonttools with brotli.
"""
import glob
import io

import numpy
from fontTools.ttLib import TTFont
from PIL import Image, ImageDraw, ImageFilter, ImageFont

SIDE = 48
FONTS = ["noto-sans-sc-*-400-normal.woff2", "lxgwwenkai-regular-subset-*.woff2"]


def drawn(folder, pattern, wanted):
    """Each wanted character as a row of numbers."""
    pictures = {}
    for path in sorted(glob.glob(f"{folder}/**/{pattern}", recursive=True)):
        font = TTFont(path)
        codes = sorted(wanted & set(map(chr, font.getBestCmap())) - pictures.keys())
        if not codes:
            continue
        font.flavor = None
        file = io.BytesIO()
        font.save(file)
        file.seek(0)
        shapes = ImageFont.truetype(file, SIDE - 8)
        for c in codes:
            picture = Image.new("L", (SIDE, SIDE))
            ImageDraw.Draw(picture).text((SIDE / 2, SIDE / 2), c, font=shapes, fill=255, anchor="mm")
            blurred = picture.filter(ImageFilter.GaussianBlur(1.3))
            pictures[c] = numpy.asarray(blurred, dtype=numpy.float32)
    return pictures


def rows(pictures, down, right):
    moved = numpy.roll(numpy.stack(pictures), (down, right), (1, 2))[:, ::2, ::2].reshape(len(pictures), -1)
    moved = moved - moved.mean(1, keepdims=True)
    return moved / (numpy.linalg.norm(moved, axis=1, keepdims=True) + 1e-6)


def nearest(folder, universe, count=80):
    """For each character the most alike ones and how alike they are, at most 1, as both fonts have it."""
    scores = {}
    for pattern in FONTS:
        pictures = drawn(folder, pattern, set(universe))
        chars = sorted(pictures)
        still = rows([pictures[c] for c in chars], 0, 0)
        best = numpy.full((len(chars), len(chars)), -1, dtype=numpy.float32)
        for down, right in [(0, 0), (-2, 0), (2, 0), (0, -2), (0, 2)]:
            numpy.maximum(best, rows([pictures[c] for c in chars], down, right) @ still.T, out=best)
        for n, c in enumerate(chars):
            for m in numpy.argsort(-best[n], kind="stable")[: count + 1]:
                if m != n:
                    scores.setdefault(c, {}).setdefault(chars[m], []).append(float(best[n, m]))
    return {c: {d: sum(s) / len(FONTS) for d, s in near.items()} for c, near in scores.items()}
