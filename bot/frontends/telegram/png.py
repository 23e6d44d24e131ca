"""Renders a drawing, in the typeface that ships with the program: a plain container has none for Chinese."""

from __future__ import annotations

from pathlib import Path

from resvg_py import svg_to_bytes

FONT = Path(__file__).resolve().parent / "font" / "lemonade-sans.otf"  # made by `.ci/font.py`; its licence is beside it


def png(svg: str) -> bytes:
    """The drawing as a PNG of its own size in pixels. Raises ValueError where it is none."""
    return svg_to_bytes(svg_string=svg, skip_system_fonts=True, font_files=[str(FONT)])


def undrawn(text: str) -> str:
    """The Chinese characters of `text` of which a picture would show nothing, or the box for what the typeface lacks."""
    nothing = _alone(" "), _alone("\ue000")
    return "".join(char for char in sorted(set(text)) if "\u3400" <= char <= "\u9fff" and _alone(char) in nothing)


def _alone(char: str) -> bytes:
    head = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8" font-family="Lemonade Sans">'
    return png(f'{head}<text y="7" font-size="8">{char}</text></svg>')
