"""How far somebody has come: cups that fill, what is due, and where the picture still misleads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.cups import Board, Cup, draw
from bot.knowledge.base import Knowledge
from bot.knowledge.schema import Language
from bot.learners import Card, Cards, Group, Side
from bot.quiz.memory import due, filled, retrievability
from bot.quiz.path import Path
from bot.replies import Block, Choice, Picture, Span, Table, say

WEAKEST = 3  # that are named
BAR = 5  # lemons in a full row
UNSURE = 0.85  # the chance to remember below which a break is weak though its last answer was right


@dataclass(frozen=True)
class Progress:
    """Draws the board of one person, or of a group."""

    knowledge: Knowledge
    path: Path

    def own(self, cards: Cards, language: Language, now: float) -> Picture:
        """What one person remembers."""
        known = {of: card for of, card in cards.items() if of in self.path.sides}
        sides = self._sides()

        def level(concept: str) -> float:
            return filled((card for of, card in known.items() if of[0] == concept), sides[concept], now)

        ready, weak = due(known.values(), now), self._weakest(known, now)
        under = self.knowledge.say("progress.due" if ready else "progress.nothing-due", language, count=len(ready))
        blocks: list[Block] = [say(under)]
        if weak:
            rows = tuple(((Span(self._name(card.concept, language)),), (Span(self._trap(card, language)),)) for card in weak)
            blocks += [say(self.knowledge.say("progress.weak", language), "stop"), Table(rows, " · ")]
        choices = [self._choice("review" if ready else "quiz-new", "/review" if ready else "/quiz", language)]
        for card in weak:
            name = self._name(card.concept, language)
            choices.append(self._choice("practise", f"/quiz {card.concept}", language, concept=name))
        return self._board("progress.title", under, self._cups(level, language), tuple(blocks), tuple(choices), language)

    def group(self, done: Group, language: Language) -> Picture:
        """What a group has done together: a cup is full when each of its concepts was answered right by somebody."""
        right = {self.path.picture.items[id].concept for id in done.items if id in self.path.picture.items}
        share = f"{done.right / done.answered:.0%}" if done.answered else "–"
        words = {"asked": done.asked, "answered": done.answered, "share": share, "people": done.people}
        under = self.knowledge.say("progress.group-under", language, **words)
        told = say(self.knowledge.say("progress.group-told", language, **words))
        cups = self._cups(lambda concept: float(concept in right), language)
        return self._board("progress.group", under, cups, (told,), (self._choice("quiz-new", "/quiz", language),), language)

    def _board(
        self, title: str, under: str, cups: list[Cup], told: tuple[Block, ...], choices: tuple[Choice, ...], language: Language
    ) -> Picture:
        """The same as a drawing and in words."""
        heading = self.knowledge.say(title, language)
        foot = self.knowledge.say(f"{title}-foot", language)
        rows = tuple(((Span(cup.name),), (Span(_bar(cup)),)) for cup in cups)
        return Picture(
            (say(f"🍋 {heading}", "heading"), Table(rows, "  "), *told), choices, svg=draw(Board(heading, under, cups, foot))
        )

    def _cups(self, level: Callable[[str], float], language: Language) -> list[Cup]:
        asked, cups = self._sides(), []
        for area in self.path.picture.areas:
            levels = [level(concept) for concept in area.concepts if concept in asked]
            mean = sum(levels) / len(levels) if levels else 0.0
            cups.append(Cup(area.name[language], mean, levels.count(1.0), len(levels)))
        return cups

    def _sides(self) -> Mapping[str, list[Side]]:
        """The sides of each concept that can be asked."""
        found: dict[str, list[Side]] = defaultdict(list)
        for concept, side in self.path.sides:
            found[concept].append(side)
        return found

    def _weakest(self, known: Cards, now: float) -> list[Card]:
        """The break cards that were missed, or are half forgotten; the weakest first."""
        breaks = [card for card in known.values() if card.side == "break"]
        chances = {card.concept: retrievability(card, now) for card in breaks}
        weak = [card for card in breaks if card.slip is not None or chances[card.concept] < UNSURE]
        weak.sort(key=lambda card: (card.slip is None, chances[card.concept], card.stability, card.concept))
        return weak[:WEAKEST]

    def _trap(self, card: Card, language: Language) -> str:
        """The wrong inference that a card is about."""
        stop = card.slip or self.path.picture.items[card.item].stops if card.item in self.path.picture.items else card.slip
        found = self.knowledge.stop(self.path.picture, stop or "")
        wrong = found.wrong[language] if found else ""
        return self.knowledge.say("progress.trap", language, wrong=wrong.rstrip("。.")) if wrong else ""

    def _name(self, concept: str, language: Language) -> str:
        return self.knowledge.concepts[concept].name[language]

    def _choice(self, key: str, command: str, language: Language, **words: object) -> Choice:
        return Choice(self.knowledge.say(f"choice.{key}", language, **words), command)


def _bar(cup: Cup) -> str:
    """`🍋🍋🍋·· 5/9`"""
    lemons = round(cup.level * BAR)
    return f"{'🍋' * lemons}{'·' * (BAR - lemons)} {cup.full}/{cup.count}" if cup.count else "–"
