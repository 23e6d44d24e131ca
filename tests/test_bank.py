"""The bank that ships: how much of the knowledge it asks about, and how."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest
from rapidfuzz.fuzz import ratio

from bot.knowledge import base
from bot.knowledge.schema import LANGUAGES, Language

ALIKE = 90  # of 100
KNOWLEDGE = base.load(base.default_folder())
PICTURE = KNOWLEDGE.pictures["lemonade"]
ITEMS = PICTURE.practice.values()  # those of the tests apart


def test_every_break_is_looked_for_by_two_items_or_more() -> None:
    looked_for = Counter(item.stops for item in ITEMS)
    assert {id: looked_for[id] for id in PICTURE.breaks if looked_for[id] < 2} == {}


def test_every_concept_of_the_first_two_tiers_is_asked_about_three_times_or_more() -> None:
    asked = Counter(item.concept for item in ITEMS)
    early = [id for id, concept in KNOWLEDGE.concepts.items() if concept.tier <= 2]
    assert {id: asked[id] for id in early if asked[id] < 3} == {}


def test_every_type_and_every_facet_is_there() -> None:
    assert {item.type for item in ITEMS} == {"single", "multiple", "order", "match", "predict", "cloze", "explain"}
    assert {item.facet for item in ITEMS} == {"truth", "mapping", "break", "transfer"}


def test_the_bank_is_large() -> None:
    assert len(ITEMS) >= 250


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_questions_sound_alike(language: Language) -> None:
    stems = [(id, item.stem[language]) for id, item in PICTURE.items.items()]
    assert [(a, b) for (a, one), (b, other) in combinations(stems, 2) if ratio(one, other) >= ALIKE] == []
