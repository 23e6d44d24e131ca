"""What to ask next, and why: what is due, what went wrong, then something new along what it builds on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from functools import cached_property
from random import Random

from bot.knowledge.base import Knowledge, Picture
from bot.knowledge.schema import Language
from bot.learners import Card, Cards, Learner, Side
from bot.quiz.memory import DAY, due, side

RECENT = 7 * DAY  # seconds in which a mistake is recent
Sides = dict[tuple[str, Side], tuple[str, ...]]  # the items that show each side of a concept


@dataclass(frozen=True)
class Step:
    """An item to ask and the reason, a key of the texts; `card` is what the reason is about."""

    item: str
    reason: str
    concept: str
    card: Card | None = None


@dataclass(frozen=True)
class Path:
    """Knows the items of one picture and what builds on what."""

    knowledge: Knowledge
    picture: Picture
    dice: Random = field(repr=False)

    @cached_property
    def sides(self) -> Sides:
        """What can be asked, in the order in which it is learnt: along the prerequisites, the easier tier first."""
        found: dict[tuple[str, Side], list[str]] = defaultdict(list)
        for id, item in self.picture.practice.items():
            found[item.concept, side(item)].append(id)
        order = {id: at for at, id in enumerate(self._learnt())}
        return {of: tuple(found[of]) for of in sorted(found, key=lambda of: (order[of[0]], of[1] != "truth"))}

    def _learnt(self) -> Iterator[str]:
        """Every concept, after those that it needs."""
        seen: set[str] = set()

        def visit(id: str) -> Iterator[str]:
            if id not in seen:
                seen.add(id)
                for needed in self.knowledge.concepts[id].needs:
                    yield from visit(needed)
                yield id

        for id in sorted(self.knowledge.concepts, key=lambda id: self.knowledge.concepts[id].tier):
            yield from visit(id)

    # ------------------------------------------------------------ choosing

    def next(self, learner: Learner, cards: Cards, now: float) -> Step | None:
        """The next step of `/quiz`; None where there is nothing to ask."""
        known = self._known(cards)
        if not known and not learner.quiz and (welcome := self._welcome()):
            return welcome
        last = max(known, key=lambda card: card.last, default=None)
        ready = due(known, now)
        wrong = [card for card in known if card.slip is not None and now - card.last < RECENT and card.due > now]
        groups = (
            [card for card in ready if card.side == "break"],
            [card for card in ready if card.side == "truth"],
            [card for card in wrong if not last or card.concept != last.concept],
        )
        for group in groups:
            if group:
                return self._again(_apart(group, last))
        new = self._new(learner, cards, last)
        ahead = sorted(known, key=lambda card: card.due)
        return new or (self._step(_apart(ahead, last), "reason.ahead") if ahead else None)

    def review(self, cards: Cards, now: float) -> Step | None:
        """The next step of `/review`; None while nothing is due."""
        known = self._known(cards)
        ready = due(known, now)
        return self._again(_apart(ready, max(known, key=lambda card: card.last))) if ready else None

    def practice(self, concept: str, cards: Cards) -> Step | None:
        """A question on one concept, where the picture misleads about it if there is one."""
        asked: tuple[Side, ...] = ("break", "truth")
        for of in ((concept, each) for each in asked):
            if of in self.sides:
                return Step(self._drawn(of, cards.get(of)), "reason.practice", concept)
        return None

    def following(self, cards: Cards) -> Card | None:
        """The card that is due next."""
        return min(self._known(cards), key=lambda card: card.due, default=None)

    def _known(self, cards: Cards) -> list[Card]:
        """The cards that can still be asked."""
        return [card for of, card in cards.items() if of in self.sides]

    def _welcome(self) -> Step | None:
        id = next((id for id in self.picture.welcome if id in self.picture.items), None)
        return Step(id, "reason.first", self.picture.items[id].concept) if id else None

    def _again(self, card: Card) -> Step:
        return self._step(card, "reason.due" if card.slip is None else "reason.mistake")

    def _step(self, card: Card, reason: str) -> Step:
        return Step(self._drawn((card.concept, card.side), card), reason, card.concept, card)

    def _new(self, learner: Learner, cards: Cards, last: Card | None) -> Step | None:
        """What was talked about lately, else what builds on least that is not known yet; the easier the sooner."""
        new = [of for of in self.sides if of not in cards and (not last or of[0] != last.concept)]
        new = new or [of for of in self.sides if of not in cards]
        if not new:
            return None
        begun = {concept for concept, _ in cards}
        lately = [id for topic in reversed(learner.told.values()) for id in topic.concepts[:1] if id not in begun]
        asked = [of for id in lately for of in new if of[0] == id]
        if asked:
            return Step(self._drawn(asked[0]), "reason.asked", asked[0][0])
        of = min(new, key=lambda of: (self._missing(of[0], begun), self.knowledge.concepts[of[0]].tier))
        return Step(self._drawn(of), "reason.further" if of[0] in begun else "reason.new", of[0])

    def _missing(self, concept: str, begun: set[str]) -> int:
        """How many concepts that it needs could be asked and were not."""
        asked = {id for id, _ in self.sides}
        return sum(id in asked and id not in begun for id in self.knowledge.concepts[concept].needs)

    def _drawn(self, of: tuple[str, Side], card: Card | None = None) -> str:
        """One of the items, not the one shown last if there is another."""
        items = self.sides[of]
        others = [id for id in items if not card or id != card.item]
        return self.dice.choice(others or items)

    # ------------------------------------------------------------- telling

    def why(self, step: Step, language: Language, now: float, zone: tzinfo = UTC) -> str:
        """The reason in one line."""
        names = self.knowledge.concepts
        words = {"concept": names[step.concept].name[language]}
        if step.reason != "reason.mistake" or not step.card:
            return self.knowledge.say(step.reason, language, **words)
        words["day"] = self.knowledge.say(f"day.{_day(step.card.last, now, zone)}", language)
        other = self.picture.owner(step.card.slip or "")
        if any({step.concept, other} == set(pair.of) for pair in self.knowledge.pairs):
            return self.knowledge.say("reason.mixed", language, other=names[other].name[language], **words)
        return self.knowledge.say("reason.mistake", language, **words)


def _apart(cards: list[Card], last: Card | None) -> Card:
    """The first card of another concept than the last one, if there is one."""
    return next((card for card in cards if not last or card.concept != last.concept), cards[0])


def _day(at: float, now: float, zone: tzinfo) -> str:
    """`today`, `yesterday`, the day of the week from 0 for Monday, or `lately`."""
    then, today = (datetime.fromtimestamp(each, UTC).astimezone(zone).date() for each in (at, now))
    days = (today - then).days
    return "today" if days < 1 else "yesterday" if days == 1 else str(then.weekday()) if days < 7 else "lately"
