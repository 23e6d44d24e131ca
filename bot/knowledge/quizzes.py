"""What a quiz item must be, type by type, and what a whole bank must not give away."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from bot.errors import Refused
from bot.knowledge.schema import LANGUAGES, Item, Language, Phrases

BETWEEN = " ↔ "  # the sides of a pair in a `match`
GAP = "___"
CHOSEN = ("single", "cloze", "predict")  # exactly one option is right
ROOM = {"stem": 280, "text": 100, "explain": 200, "hint": 160}  # characters; a poll has room for 300, 100 and 200
ALIKE = 1.8  # times the shortest option (SLACK added to both) that the longest may take
SLACK = 6
OPENING = re.compile(r"([^.,:;!。，：；！]+)[.,:;!。，：；！]")
BANK = 20  # items from which on a bank's statistics mean something
SPREAD = 0.45  # share of the items with as many options whose key may stand at one place
LONGEST = 0.10  # by how much the longest option may be the key more often than chance says

Facts = Callable[[Any], Collection[str]]


class Fault(NamedTuple):
    """One thing wrong within an item; its sentence is `fault.` and the kind."""

    place: tuple[str | int, ...]
    kind: str
    words: Mapping[str, object] = MappingProxyType({})


def key(item: Item, facts: Collection[str] = ()) -> tuple[int, ...]:
    """The positions of the right options; `facts` hold after a `predict`'s change."""
    if item.type in ("order", "match"):
        return tuple(range(len(item.options)))
    if item.type == "predict":
        return tuple(at for at, option in enumerate(item.options) if option.fact in facts)
    return tuple(at for at, option in enumerate(item.options) if option.correct)


def faults(item: Item, facts: Facts | None) -> Iterator[Fault]:
    """What is wrong with one item; `facts` plays a `predict`, where there is a simulation."""
    if item.facet == "break" and not item.stops:
        yield Fault(("stops",), "item-stops")
    if (item.type == "cloze") != all(item.stem[language].count(GAP) == 1 for language in LANGUAGES):
        yield Fault(("stem",), "item-gap")
    if (item.type == "predict") != bool(item.change):
        yield Fault(("change",), "item-change")
    elif item.type == "predict":
        yield from _played(item, facts)
    yield from _right(item)
    yield from _written(item)
    if item.type in (*CHOSEN, "multiple"):
        yield from _alike(item)


def _right(item: Item) -> Iterator[Fault]:
    right = sum(option.correct for option in item.options)
    wanted = {"single": right == 1, "cloze": right == 1, "multiple": 2 <= right < len(item.options)}
    if not wanted.get(item.type, right == 0 if item.type != "explain" else 0 < right < len(item.options)):
        yield Fault(("options",), "item-right", {"type": item.type})
    if item.type in ("order", "match") and len(item.options) < 3:
        yield Fault(("options",), "item-few")


def _written(item: Item) -> Iterator[Fault]:
    """Each option has what its type needs, and nothing else."""
    for at, option in enumerate(item.options):
        place = ("options", at)
        open_ = item.type == "predict"  # the simulation says which is right
        whole = item.type in ("order", "match")
        if not open_ and (whole or option.correct) == bool(option.misconception):
            yield Fault(place, "why-wrong")
        if bool(option.fact) != open_:
            yield Fault(place, "item-fact")
        if (option.feedback is None) != whole and not (item.type == "explain" and option.correct):
            yield Fault(place, "item-feedback")
        if (item.type == "explain") != all(option.detect[language] for language in LANGUAGES):
            yield Fault(place, "item-detect")
        if item.type == "match" and not all(option.text[language].count(BETWEEN) == 1 for language in LANGUAGES):
            yield Fault((*place, "text"), "item-pair")


def _played(item: Item, facts: Facts | None) -> Iterator[Fault]:
    """Exactly one option comes true, and each other is a named misconception."""
    if not facts:
        return
    try:
        true = facts(item)
    except Refused as refused:
        yield Fault(("change",), "not-playable", {"reason": refused})
        return
    right = key(item, true)
    if len(right) != 1:
        yield Fault(("options",), "one-true", {"facts": ", ".join(sorted(true))})
    for at, option in enumerate(item.options):
        if (at in right) == bool(option.misconception):
            yield Fault(("options", at), "why-wrong")


def unheard(item: Item, within: Callable[[str], Callable[[str], bool]]) -> Iterator[Fault]:
    """Of an `explain`: expectations whose own text their phrases miss, misconceptions that are found in a right text.

    `within` gives of a text the judge of what phrases stand in it.
    """
    for language in LANGUAGES:
        for option in item.options:
            said = within(option.text[language])
            for at, other in enumerate(item.options):
                found = next(filter(said, other.detect[language]), None)
                if option.correct and other is option and not found:
                    yield Fault(("options", at, "detect", language), "item-unheard")
                if option.correct and not other.correct and found:
                    yield Fault(("options", at, "detect", language), "item-misheard", {"phrase": found})


def echoing(item: Item, echoes: Phrases) -> Iterator[Fault]:
    """Feedback that begins with what the program says before it: `Right! Right. …`."""
    for at, option in enumerate(item.options):
        for language in LANGUAGES if option.feedback else ():
            opening = OPENING.match(option.feedback[language] if option.feedback else "")
            if opening and opening[1].lower() in echoes[language]:
                yield Fault(("options", at, "feedback", language), "item-echo", {"words": opening[0]})


def _alike(item: Item) -> Iterator[Fault]:
    """No option stands out by its length or its end."""
    for language in LANGUAGES:
        texts = [option.text[language] for option in item.options]
        sizes = sorted(map(len, texts))
        if sizes[-1] + SLACK > ALIKE * (sizes[0] + SLACK):
            yield Fault(("options",), "item-lengths", {"shortest": sizes[0], "longest": sizes[-1], "language": language})
        if len({text[-1] in "。.!！?？" for text in texts}) > 1:
            yield Fault(("options",), "item-ends", {"language": language})


def given_away(bank: Sequence[tuple[Item, tuple[int, ...]]]) -> Iterator[tuple[str, dict[str, object]]]:
    """What somebody who knows nothing could gain by, over all items with one right option and its position."""
    for size in sorted({len(item.options) for item, _ in bank}):
        keys = [right[0] for item, right in bank if len(item.options) == size]
        for at in range(size):
            if len(keys) >= BANK and keys.count(at) > max(SPREAD, 1 / size + LONGEST) * len(keys):
                yield "bank-position", {"position": at + 1, "share": f"{keys.count(at) / len(keys):.0%}", "size": size}
    for language in LANGUAGES:
        gain = sum(_longest(item, language) == right[0] for item, right in bank)
        chance = sum(1 / len(item.options) for item, _ in bank)
        if len(bank) >= BANK and gain > chance + LONGEST * len(bank):
            yield "bank-longest", {"share": f"{gain / len(bank):.0%}", "chance": f"{chance / len(bank):.0%}"}


def _longest(item: Item, language: Language) -> int:
    return max(range(len(item.options)), key=lambda at: len(item.options[at].text[language]))
