"""The whole bank as plain rows, for whoever wants to count, translate or examine it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

from bot.cited import bare
from bot.knowledge import quizzes
from bot.knowledge.base import Knowledge, Picture
from bot.knowledge.measure import CITATION
from bot.knowledge.schema import LANGUAGES, Both, Item, Option
from bot.quiz.hints import hints

Row = dict[str, Any]


def rows(
    knowledge: Knowledge,
    picture: Picture,
    facts: Callable[[Item], Collection[str]],
    script: Callable[[Item], tuple[str, ...]],
) -> Iterator[Row]:
    """One row an item, without citation marks; `facts` and `script` tell the outcome and the commands of a `predict`."""
    for id, item in picture.items.items():
        key = quizzes.key(item, facts(item) if item.type == "predict" else ())
        feedback = [option.feedback or item.explain for option in item.options]
        cited = [text for both in (item.explain, *feedback) for text in both.both]
        row = {
            "id": id,
            "concept": item.concept,
            "facet": item.facet,
            "break": item.stops,
            "type": item.type,
            "tier": knowledge.concepts[item.concept].tier,
            "stem": _both(item.stem),
            "options": [_option(option, at in key, item) for at, option in enumerate(item.options)],
            "hints": [_both(hint) for hint in hints(knowledge, item, key)],
            "explain": _both(item.explain),
            "claims": list(dict.fromkeys(id for text in cited for id in CITATION.findall(text))),
        }
        yield row | ({"script": "\n".join(script(item))} if item.type == "predict" else {})


def _option(option: Option, correct: bool, item: Item) -> Row:
    row = {
        "text": _both(option.text),
        "correct": correct,
        "misconception": option.misconception,
        "feedback": _both(option.feedback or item.explain),
    }
    phrases = {language: list(option.detect[language]) for language in LANGUAGES}
    return row | ({"detect": phrases} if item.type == "explain" else {})


def _both(both: Both) -> dict[str, str]:
    return {language: bare(both[language]) for language in LANGUAGES}
