"""Writes what is generated and committed; `--check` only says what is out of date, exit 1.

    knowledge/language/characters.tsv   each Chinese character, its simplified form, its pinyin with tone number

A character with several readings has its most usual one: enough to recognise a word typed as pinyin or as a homophone.
"""

from __future__ import annotations

import sys
from pathlib import Path

from opencc import OpenCC
from pypinyin import Style, pinyin

ROOT = Path(__file__).resolve().parent.parent


def characters() -> str:
    """The characters of GB 2312 and of the common plane of Big5, in Unicode order."""
    simplify = OpenCC("t2s").convert
    rows = []
    for code in range(0x4E00, 0xA000):
        char = chr(code)
        if _in(char, "gb2312") or (_in(char, "big5") and char.encode("big5") < b"\xc9\x40"):
            sounds = pinyin(char, style=Style.TONE3, errors="ignore")
            rows.append(f"{char}\t{simplify(char)}\t{sounds[0][0] if sounds else ''}\n")
    return "".join(rows)


def _in(char: str, codec: str) -> bool:
    try:
        char.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


GENERATED = {"knowledge/language/characters.tsv": characters}


def main() -> int:
    stale = []
    for name, make in GENERATED.items():
        path, text = ROOT / name, make()
        if not path.exists() or path.read_text("utf-8") != text:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(text, "utf-8")
    print("up to date" if not stale else f"{'out of date' if '--check' in sys.argv else 'written'}: {', '.join(stale)}")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
