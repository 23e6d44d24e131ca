"""Makes the typeface of the pictures: python .ci/font.py NotoSansCJK….otf (or another OpenType font that covers Chinese)

Of the source's 65,535 glyphs those stay that a picture of ours can need: Latin letters, marks, and the 3,755 everyday Chinese
characters of GB 2312 with those of our own texts, in the shapes of the mainland.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

ROOT = Path(__file__).resolve().parent.parent
FONT = ROOT / "bot" / "frontends" / "telegram" / "font" / "lemonade-sans.otf"
FAMILY = "Lemonade Sans"
MARKS = "·×–—‘’“”…≤≥→←↔✓✗%¥°"
EVERYDAY = "".join(bytes((row, cell)).decode("gb2312", "ignore") for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFF))
FULLWIDTH = "".join(map(chr, (*range(0x3000, 0x3012), *range(0xFF01, 0xFF5F))))


def main(source: str) -> None:
    ours = "".join(path.read_text("utf-8") for path in sorted((ROOT / "knowledge").rglob("*.yaml")))
    wanted = {ord(char) for char in EVERYDAY + FULLWIDTH + MARKS + "".join(map(chr, range(0x20, 0x180)))}
    wanted |= {ord(char) for char in ours if "\u3400" <= char <= "\u9fff"}
    font = TTFont(source)
    _mainland(font)
    options = subset.Options(layout_features=["kern"], name_IDs=[0, 1, 2, 4, 6, 7, 13, 14], notdef_outline=True, hinting=False)
    options.drop_tables += ["vhea", "vmtx", "VORG", "BASE", "GSUB"]
    cut = subset.Subsetter(options)
    cut.populate(unicodes=wanted)
    cut.subset(font)
    for record in font["name"].names:
        if record.nameID in (1, 4, 6):
            record.string = FAMILY.replace(" ", "") if record.nameID == 6 else FAMILY
    font.save(FONT)
    print(f"{FONT.relative_to(ROOT)}: {len(font.getGlyphOrder())} glyphs, {FONT.stat().st_size / 1024:.0f} KiB")


def _mainland(font: TTFont) -> None:
    """Maps each character to the glyph that the font keeps for simplified Chinese."""
    table = font["GSUB"].table
    script = next(each.Script for each in table.ScriptList.ScriptRecord if each.ScriptTag == "hani")
    language = next(each.LangSys for each in script.LangSysRecord if each.LangSysTag == "ZHS ")
    features = [table.FeatureList.FeatureRecord[at] for at in language.FeatureIndex]
    lookups = [at for each in features if each.FeatureTag == "locl" for at in each.Feature.LookupListIndex]
    shapes: dict[str, str] = {}
    for at in lookups:
        for each in table.LookupList.Lookup[at].SubTable:
            shapes |= getattr(each, "ExtSubTable", each).mapping
    for part in font["cmap"].tables:
        if part.isUnicode() and hasattr(part, "cmap"):
            part.cmap = {code: shapes.get(glyph, glyph) for code, glyph in part.cmap.items()}


if __name__ == "__main__":
    main(sys.argv[1])
