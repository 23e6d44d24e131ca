"""A round of kill -9: questions asked at once, the bot killed at a random moment and started again."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bot.classroom import Classroom
from bot.frontends.telegram.drawn import draw
from bot.knowledge import base
from bot.learners import Learner
from tests.botapi import BotApi, Person
from tests.served import Served

PLACEHOLDER = "🧾 Order received, making it …"


@cache
def classroom() -> Classroom:
    return Classroom(base.load(base.default_folder(), "en"), "lemonade", "zh")


def wanted(questions: Sequence[str]) -> list[str]:
    """What a learner is told who asks these, one after the other: one message each."""

    async def told() -> list[str]:
        learner = Learner(language="en")
        return [
            part.text for question in questions async for reply in classroom().hear(learner, question) for part in draw(reply)
        ]

    return asyncio.run(told())


def answers(person: Person) -> list[str]:
    """The bot's messages that hold more than a place."""
    return [text for text in person.sees() if text != PLACEHOLDER]


@dataclass(frozen=True)
class Round:
    """How one round went, in questions."""

    seed: int
    questions: int
    answered: int
    twice: int  # answers too many, whole ones or others
    doubled: int  # placeholders that nothing has replaced
    recovery: float  # seconds from the new start until every answer stands


def span(chats: int, each: int) -> float:
    """Seconds in which the bot's pace lets all be answered: two calls a question."""
    return max(2 * each - 3, (2 * chats * each - 25) / 25, 0) + 0.3


def play(seed: int, folder: Path, chats: int = 10, each: int = 2) -> Round:
    """One round; the seed chooses the questions and the moment. In each chat several questions wait in a row."""
    chance = random.Random(seed)
    names = [concept.name.en for concept in classroom().knowledge.concepts.values()]
    with BotApi(flood=None) as api:
        people = [api.person(987_654_321 + number, f"P{number}", "en") for number in range(chats)]
        asked = {person: [f"What is {name}?" for name in chance.sample(names, each)] for person in people}
        asks = [(person, question) for person in people for question in asked[person]]
        served = Served(api, folder).start()
        for person, question in asks:
            person.says(question)
        time.sleep(span(chats, each) * chance.random() ** 2)  # most is going on in the beginning
        served.kill()
        began = time.monotonic()
        with served:
            goals = {person: Counter(wanted(questions)) for person, questions in asked.items()}
            served.until(lambda: all(Counter(answers(person)) >= goal for person, goal in goals.items()), 30)
            recovery = time.monotonic() - began
            api.quiet(1)
            told = {person: Counter(answers(person)) for person in people}
        in_order = all(answers(person) == wanted(questions) for person, questions in asked.items())
        assert in_order or any(told[person] != goals[person] for person in people), "answers out of order"
        return Round(
            seed,
            len(asks),
            sum((told[person] & goals[person]).total() for person in people),
            sum((told[person] - goals[person]).total() for person in people),
            sum(person.sees().count(PLACEHOLDER) for person in people),
            recovery,
        )
