"""What an answer to a quiz item is worth: pure functions of the item, its key and the options taken, counted from 0."""

from __future__ import annotations

from collections.abc import Callable

from bot.knowledge.quizzes import BETWEEN
from bot.knowledge.schema import LANGUAGES, Item, Language, Option

Within = Callable[[str], bool]  # whether a literal phrase stands in what the learner wrote


def right(item: Item, key: tuple[int, ...], taken: tuple[int, ...]) -> bool:
    """Whether `taken` answers the item whose right options stand at `key`."""
    match item.type:
        case "order" | "match":
            return len(taken) == len(key) and all(placed(item, taken))
        case "multiple":
            return set(taken) == set(key)
        case "explain":
            return set(key) <= set(taken) and not any(item.options[at].misconception for at in taken)
        case _:
            return len(taken) == 1 and taken[0] in key


def placed(item: Item, taken: tuple[int, ...]) -> tuple[bool, ...]:
    """Of an `order` or a `match`: for each place whether what was taken there belongs there; two that read alike do."""
    part = 1 if item.type == "match" else 0
    return tuple(
        all(sides(item.options[at], language)[part:] == sides(option, language)[part:] for language in LANGUAGES)
        for at, option in zip(taken, item.options, strict=False)
    )


def sides(option: Option, language: Language) -> tuple[str, ...]:
    """`left ↔ right` → left, right; the whole text of any other option."""
    return tuple(option.text[language].split(BETWEEN))


def said(item: Item, within: Within) -> tuple[int, ...]:
    """Of an `explain`: the expectations and misconceptions that the learner's own words hold."""
    return tuple(
        at
        for at, option in enumerate(item.options)
        if any(within(phrase) for language in LANGUAGES for phrase in option.detect[language])
    )


def away(item: Item, key: tuple[int, ...], missed: tuple[int, ...] = ()) -> int | None:
    """The wrong option that a hint takes away: the first that was not tried."""
    if item.type == "multiple":
        missed = ()
    return next((at for at in range(len(item.options)) if at not in key and at not in missed), None)
