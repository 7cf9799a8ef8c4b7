#!/usr/bin/env python3
"""Interface texts of a browser, one file a language: pak.py FOLDER OUT."""
import re
import struct
import sys
from pathlib import Path


def strings(path):
    """The texts of a resource file of version 5: ids and offsets, then the bytes."""
    data = path.read_bytes()
    (version,) = struct.unpack_from("<I", data, 0)
    if version != 5:
        sys.exit(f"{path} has version {version}; this reads 5")
    (count,) = struct.unpack_from("<H", data, 8)
    starts = [struct.unpack_from("<HI", data, 12 + 6 * n)[1] for n in range(count + 1)]
    for start, end in zip(starts, starts[1:]):
        yield data[start:end].decode("utf-16-le" if data[4] == 2 else "utf-8", "replace")


folder, out = Path(sys.argv[1]), Path(sys.argv[2])
for path in sorted(folder.glob("*.pak")):
    if "_" in path.stem:
        continue
    lines = {}
    for text in strings(path):
        text = re.sub(r"<[^>]*>|&[a-z]+;|\$\d|\$\{[^}]*\}|\{[^}]*\}", " ", text)
        for line in re.split(r"[\n\r]+|(?<=[.!?。！？])\s+", text):
            line = " ".join(line.split())
            if len(line) > 2:
                lines[line] = None
    (out / f"{path.stem}.txt").write_text("\n".join(lines))
