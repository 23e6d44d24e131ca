"""Brings things back: the next question with its reason, and what is due."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, tzinfo

from bot.knowledge.base import Knowledge
from bot.knowledge.schema import Language
from bot.learners import Card, Cards, Learner
from bot.quiz.path import Path, Step
from bot.quiz.quiz import Quiz
from bot.replies import Choice, Reply, say

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0


@dataclass(frozen=True)
class Recall:
    """Chooses what the quiz asks."""

    knowledge: Knowledge
    quiz: Quiz
    path: Path

    def next(self, learner: Learner, cards: Cards, words: str, language: Language, now: float) -> Reply:
        """The question that waits, else the next one; with `words`, one on the concept of that id."""
        if words and (step := self.path.practice(words, cards)):
            return self._posed(step, learner, language, now)
        step = None if learner.pending else self.path.next(learner, cards, now)
        return self._posed(step, learner, language, now) if step else self.quiz.ask(learner, language)

    def review(self, learner: Learner, cards: Cards, language: Language, now: float) -> Reply:
        """What is due now; else when something is, and an offer."""
        if learner.pending and learner.pending.by == "/review":
            return self.quiz.ask(learner, language)
        step = self.path.review(cards, now)
        if step:
            return self._posed(step, learner, language, now, "/review")
        card = self.path.following(cards)
        told = self.knowledge.say("review.next", language, when=self._when(card, now, language)) if card else ""
        choices = tuple(Choice(self.knowledge.say(f"choice.{name}", language), f"/{name.split('-')[0]}") for name in OFFERED)
        return Reply((say(told or self.knowledge.say("review.never", language)),), choices)

    def _posed(self, step: Step, learner: Learner, language: Language, now: float, by: str = "/quiz") -> Reply:
        reply = self.quiz.pose(step.item, learner, language, by=by)
        why = say(self.path.why(step, language, now, zone(learner)))
        return replace(reply, blocks=(reply.blocks[0], why, *reply.blocks[1:]))

    def _when(self, card: Card, now: float, language: Language) -> str:
        """How long it is until a card is due."""
        left = max(card.due - now, 0.0)
        for unit, size in (("days", DAY), ("hours", HOUR), ("minutes", MINUTE)):
            count = round(left / size)
            if count and left >= 0.9 * size:
                key = "tomorrow" if (unit, count) == ("days", 1) else unit
                return self.knowledge.say(f"when.{key}", language, count=count)
        return self.knowledge.say("when.soon", language)


OFFERED = ("quiz-new", "progress")


def zone(learner: Learner) -> tzinfo:
    """The time zone that the learner has named, if any."""
    return learner.reminder.clock if learner.reminder else UTC
