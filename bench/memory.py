"""What the schedule is worth, and what it costs: `python -m bench.memory`.

The learners forget as ACT-R says (Pavlik and Anderson 2005: the trace of each exposure decays by a power of time, the faster
the better the thing was remembered then), each with a memory of its own: nothing that FSRS, which is measured, assumes.
"""

from __future__ import annotations

import asyncio
import math
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path

from fsrs import Card as Scheduled
from fsrs import Rating, Scheduler
from sqlalchemy import Connection, insert

from bot.classroom import Classroom
from bot.knowledge import base
from bot.learners import Card
from bot.quiz.memory import LONGEST, scheduler
from bot.store import cards, tables
from bot.store.database import Database
from bot.store.learners import Learners

LEARNERS, EACH, DAYS = 1_000, 10, 180
LOOKS = range(5, DAYS + 1, 5)  # days on which everybody's memory is looked into
FIXED = (1, 3, 7, 14, 30)
START = datetime(2026, 1, 1, tzinfo=UTC)
BINS = (0.0, 0.7, 0.8, 0.85, 0.9, 0.95, 1.01)


@dataclass
class Mind:
    """One learner's memory of one thing; times are days."""

    decay: float
    threshold: float
    noise: float
    spacing: float = 0.217
    traces: list[tuple[float, float]] = field(default_factory=list)  # when, and how fast it decays

    def strength(self, day: float) -> float:
        seconds = ((max(day - when, 0.02) * 86_400 * 0.025, decay) for when, decay in self.traces)
        return math.log(sum(each**-decay for each, decay in seconds)) if self.traces else -math.inf

    def chance(self, day: float) -> float:
        """That it is remembered."""
        return 1 / (1 + math.exp((self.threshold - self.strength(day)) / self.noise))

    def meets(self, day: float) -> None:
        """Sees the thing: asked or told makes no difference."""
        self.traces.append((day, self.spacing * math.exp(min(self.strength(day), 0.0)) + self.decay))


@dataclass
class Outcome:
    reviews: int = 0
    looks: list[float] = field(default_factory=list)
    guesses: list[tuple[float, bool]] = field(default_factory=list)  # what FSRS foresaw, and what came true


Policy = Callable[[Mind, Callable[[float], bool], Outcome], None]


def by_fsrs(plan: Scheduler, mind: Mind, remembered: Callable[[float], bool], out: Outcome) -> None:
    card, day = plan.review_card(Scheduled(card_id=0, due=START), Rating.Good, START)[0], 0.0
    while True:
        day = max(math.ceil((card.due - START) / timedelta(days=1)), day + 1)  # learners come once a day
        if day > DAYS:
            return
        now = START + timedelta(days=day)
        right = remembered(day)
        out.guesses.append((plan.get_card_retrievability(card, now), right))
        card, _ = plan.review_card(card, Rating.Good if right else Rating.Again, now)
        mind.meets(day)
        out.reviews += 1


def by_steps(stretched: float, mind: Mind, remembered: Callable[[float], bool], out: Outcome) -> None:
    """1, 3, 7, 14, 30, 30 … days, `stretched` so many times; from the beginning after a mistake."""
    day, step = 0.0, 0
    while (day := day + FIXED[step] * stretched) <= DAYS:
        step = min(step + 1, len(FIXED) - 1) if remembered(day) else 0
        mind.meets(day)
        out.reviews += 1


def by_nothing(mind: Mind, remembered: Callable[[float], bool], out: Outcome) -> None:
    """Learnt once."""


def played(policy: Policy) -> Outcome:
    """Everybody learns on day 0 and reviews as the policy says."""
    out = Outcome()
    for learner in range(LEARNERS):
        chance = random.Random(learner)
        decay, threshold = min(max(chance.gauss(0.177, 0.03), 0.09), 0.3), chance.gauss(-1.95, 0.2)
        for _ in range(EACH):
            mind = Mind(decay, threshold + chance.gauss(0, 0.2), 0.3)
            mind.meets(0)
            luck = random.Random(chance.random())

            def remembered(day: float, mind: Mind = mind, luck: random.Random = luck) -> bool:
                return luck.random() < mind.chance(day)

            policy(mind, remembered, out)
            traces = mind.traces
            for day in LOOKS:
                mind.traces = [trace for trace in traces if trace[0] < day]
                out.looks.append(mind.chance(day))
    return out


def told(name: str, out: Outcome) -> tuple[float, float]:
    """Prints a row; how much is remembered over the time, and the reviews that a card took."""
    share, reviews = statistics.fmean(out.looks), out.reviews / LEARNERS / EACH
    print(f"{name:24}{reviews:15.2f}{share:12.1%}")
    return share, reviews


def needed(share: float, curve: list[tuple[float, float]]) -> float:
    """The reviews with which a family of schedules brings so much; beyond its ends nan."""
    for (low, few), (high, many) in pairwise(sorted(curve)):
        if low <= share <= high:
            return few + (many - few) * (share - low) / (high - low)
    return math.nan


def simulated() -> dict[str, str]:
    print(f"{LEARNERS} learners, {EACH} cards each, {DAYS} days\n{'schedule':24}{'reviews a card':>15}{'remembered':>12}")
    told("none", played(by_nothing))
    steps = [told(f"fixed steps × {by}", played(partial(by_steps, by))) for by in (1, 2, 3, 4, 6)]
    curve, ours = [], Outcome()
    for wanted in (0.8, 0.85, 0.9, 0.93, 0.95, 0.97):
        own = scheduler()
        plan = Scheduler(
            desired_retention=wanted, learning_steps=own.learning_steps, relearning_steps=own.relearning_steps,
            maximum_interval=LONGEST, enable_fuzzing=False,
        )  # fmt: skip
        out = played(partial(by_fsrs, plan))
        mine = wanted == own.desired_retention
        curve.append(told(f"FSRS {wanted:.0%}{' (ours)' if mine else ''}", out))
        if mine:
            ours, (share, reviews) = out, curve[-1]
    print(f"for {share:.1%}: ours {reviews:.2f} reviews a card, fixed steps {needed(share, steps):.2f}")
    print(f"for {steps[0][0]:.1%}: 1, 3, 7, 14, 30 days {steps[0][1]:.2f}, FSRS {needed(steps[0][0], curve):.2f}")
    print(f"\nforeseen by ours    reviews  foreseen  came true  ({len(ours.guesses)} reviews)")
    off = 0.0
    for low, high in pairwise(BINS):
        inside = [guess for guess in ours.guesses if low <= guess[0] < high]
        if inside:
            foreseen, true = (statistics.fmean(each) for each in zip(*inside, strict=True))
            print(f"{low:6.2f} to {min(high, 1):4.2f}{len(inside):15}{foreseen:10.1%}{true:11.1%}")
            off += abs(foreseen - true) * len(inside) / len(ours.guesses)
    print(f"off by {off:.3f} on the average")
    return {
        "reviews a card and what is remembered, ours": f"{reviews:.2f}, {share:.1%}",
        "the same, after 1, 3, 7, 14, 30 days": f"{steps[0][1]:.2f}, {steps[0][0]:.1%}",
        "chance to remember, foreseen off by": f"{off:.3f}",
    }


async def measured() -> dict[str, str]:
    """How long it takes to find what to review, with everybody's cards in one database."""
    people, each = 1_000, 100
    knowledge = base.load(base.default_folder())
    path = Classroom(knowledge, "lemonade", "en").path
    sides = list(path.sides)
    chance, now = random.Random(1), 1_800_000_000.0

    def fill(connection: Connection) -> None:
        for person in range(1, people + 1):
            made = []
            for number in range(each):
                concept, side = sides[number] if number < len(sides) else (f"concept-{number}", "break")
                due = now + chance.uniform(-3, 60) * 86_400
                card = Card(concept, side, due, due - 9e6, due - 9e5, 2, None, 9.0, 5.0, 4, 3, "item", None)
                made.append({"person": person, **{name: getattr(card, name) for name in cards.FIELDS}})
            connection.execute(insert(tables.cards), made)

    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder) / "learners.db")
        await database.open()
        await database.run(fill)
        learners, times = Learners(database, time.time), []
        for person in chance.sample(range(1, people + 1), 300):
            began = time.perf_counter()
            path.review(await learners.recall(person), now)
            times.append((time.perf_counter() - began) * 1000)
        await database.close()
    times.sort()
    print(f"\n{people} learners × {each} cards in SQLite: the next due card in {statistics.median(times):.2f} ms (median),"
          f" {times[int(len(times) * 0.95)]:.2f} ms (95 %)")  # fmt: skip
    return {f"next due card of {people} learners × {each} cards, median": f"{statistics.median(times):.2f} ms"}


def results() -> dict[str, str]:
    """What was measured → figure."""
    return simulated() | asyncio.run(measured())


if __name__ == "__main__":
    results()
