"""How full cups are, as numbers, and as a drawing: one cup for each area or lesson, lemonade up to where it is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH = 1080  # pixels, as every length here
MARGIN, HEAD, FOOT = 60, 240, 90
COLUMNS, CELL_W, CELL_H = 4, 240, 410
CUP_W, CUP_H, TAPER = 150, 220, 22
SMALLEST = 24  # of a name that is not broken
BUBBLES = ((-34, 36, 5), (-8, 62, 4), (26, 40, 6), (-22, 104, 4), (30, 122, 5))  # right of the middle, above the ground, size
INK, SOFT, PAPER = "#3b2f1e", "#8a7a5c", "#fff9ec"


@dataclass(frozen=True)
class Cup:
    """One area: its name, how full it is from 0 to 1, and how many of its concepts are mastered."""

    name: str
    level: float
    full: int
    count: int


@dataclass(frozen=True)
class Board:
    """Everything on the drawing; the words are in the learner's language."""

    title: str
    under: str  # one line below the title
    cups: Sequence[Cup]
    foot: str


def draw(board: Board) -> str:
    """The drawing as SVG, WIDTH wide."""
    rows = -(-len(board.cups) // COLUMNS)
    height = HEAD + rows * CELL_H + FOOT
    names = [_broken(cup.name) for cup in board.cups]
    size = min((_fitting(line) for lines in names for line in lines), default=0)
    lines = max(map(len, names), default=1)
    parts = [_ground(height), _text(WIDTH / 2, 108, board.title, 60, INK), _text(WIDTH / 2, 172, board.under, 34, SOFT)]
    for at, cup in enumerate(board.cups):
        row, column = divmod(at, COLUMNS)
        here = min(COLUMNS, len(board.cups) - row * COLUMNS)
        left = (WIDTH - here * CELL_W) / 2 + column * CELL_W
        x, y = left + CELL_W / 2, HEAD + row * CELL_H
        parts.append(_cup(at, x, y, cup))
        parts += [_text(x, y + 324 + n * size * 1.2, line, size, INK) for n, line in enumerate(names[at])]
        told = f"{cup.full} / {cup.count}" if cup.count else "–"
        parts.append(_text(x, y + 364 + (lines - 1) * 22, told, 28, SOFT))
    parts.append(_text(WIDTH / 2, height - 46, board.foot, 28, SOFT))
    body = "".join(parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="Lemonade Sans">{body}</svg>'


def _ground(height: int) -> str:
    return (
        '<defs><linearGradient id="sky" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#fff3c9"/>'
        f'<stop offset="0.45" stop-color="{PAPER}"/><stop offset="1" stop-color="#ffeeda"/></linearGradient>'
        '<linearGradient id="drink" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#ffe873"/>'
        '<stop offset="1" stop-color="#f7b733"/></linearGradient></defs>'
        f'<rect width="{WIDTH}" height="{height}" fill="url(#sky)"/>'
    )


def _cup(number: int, x: float, y: float, cup: Cup) -> str:
    """One cup with its straw and its lemonade; `x` is its middle, `y` the top of its cell."""
    top, bottom = y + 50, y + 50 + CUP_H
    outline = _glass(x, top, bottom)
    surface = bottom - 8 - cup.level * (CUP_H - 34)
    half = CUP_W / 2 - TAPER * (surface - top) / CUP_H  # of the glass at the surface
    straw = f"M{x + 14},{bottom - 30} L{x + 44},{top - 44} l34,-10"
    parts = [
        f'<ellipse cx="{x}" cy="{bottom + 4}" rx="{CUP_W / 2 + 4}" ry="9" fill="#e9d9b4"/>',
        f'<path d="{outline}" fill="#ffffff" fill-opacity="0.75"/>',
        f'<path d="{straw}" fill="none" stroke="#f0876d" stroke-width="9" stroke-linecap="round" stroke-linejoin="round"/>',
    ]
    if cup.level > 0:
        parts += [
            f'<clipPath id="c{number}"><path d="{outline}"/></clipPath>',
            f'<g clip-path="url(#c{number})"><rect x="{x - CUP_W / 2}" y="{surface}" width="{CUP_W}"'
            f' height="{bottom - surface}" fill="url(#drink)" fill-opacity="0.92"/>',
            *(
                f'<circle cx="{x + dx}" cy="{bottom - dy}" r="{r}" fill="#fff" fill-opacity="0.55"/>'
                for dx, dy, r in BUBBLES
                if bottom - dy > surface + 12
            ),
            "</g>",
            f'<ellipse cx="{x}" cy="{surface}" rx="{half - 3}" ry="7" fill="#fff2a8"/>',
        ]  # fmt: skip
    parts.append(f'<path d="{outline}" fill="none" stroke="#cbb98c" stroke-width="5" stroke-linejoin="round"/>')
    parts.append(f'<path d="M{x - CUP_W / 2 + 20},{top + 26} l9,{CUP_H - 70}" stroke="#fff" stroke-width="8"'
                 ' stroke-linecap="round" stroke-opacity="0.8"/>')  # fmt: skip
    if cup.full and cup.full == cup.count:
        parts.append(_slice(x - CUP_W / 2 + 6, top + 2))
    return "".join(parts)


def _glass(x: float, top: float, bottom: float) -> str:
    half, narrow = CUP_W / 2, CUP_W / 2 - TAPER
    return (
        f"M{x - half},{top} L{x - narrow},{bottom - 14} Q{x - narrow},{bottom} {x - narrow + 14},{bottom}"
        f" L{x + narrow - 14},{bottom} Q{x + narrow},{bottom} {x + narrow},{bottom - 14} L{x + half},{top} Z"
    )


def _slice(x: float, y: float) -> str:
    """A slice of lemon on the rim: the cup is full."""
    rays = "".join(
        f'<path d="M{x},{y} l{dx},{dy}" stroke="#fffbe0" stroke-width="4"/>'
        for dx, dy in ((30, 0), (15, 26), (-15, 26), (-30, 0), (-15, -26), (15, -26))
    )
    return f'<circle cx="{x}" cy="{y}" r="38" fill="#f7d13d"/><circle cx="{x}" cy="{y}" r="31" fill="#ffea80"/>{rays}'


def _text(x: float, y: float, words: str, size: int, colour: str) -> str:
    return f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="middle" fill="{colour}">{escape(words)}</text>'


def _broken(name: str) -> tuple[str, ...]:
    """A name in one line, or in two where it would be too small to read."""
    gaps = [at for at, char in enumerate(name) if char == " "]
    if _fitting(name) >= SMALLEST or not gaps:
        return (name,)
    middle = min(gaps, key=lambda at: abs(2 * at - len(name)))
    return name[:middle], name[middle + 1 :]


def _fitting(words: str) -> int:
    """A size in which a name fits below its cup."""
    wide = sum(1.0 if char > "\u2e80" else 0.56 for char in words)
    return min(34, int((CELL_W - 16) / max(wide, 1)))
