"""Renders a drawing, in the typeface that ships with the program: a plain container has none for Chinese."""

from __future__ import annotations

from pathlib import Path

from resvg_py import svg_to_bytes

FONT = Path(__file__).resolve().parent / "font" / "lemonade-sans.otf"  # made by `.ci/font.py`; its licence is beside it


def png(svg: str) -> bytes:
    """The drawing as a PNG of its own size in pixels. Raises ValueError where it is none."""
    return svg_to_bytes(svg_string=svg, skip_system_fonts=True, font_files=[str(FONT)])
