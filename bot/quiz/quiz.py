"""The quiz on one picture: what to ask next, and what to say to a vote.

What was never asked comes first, then what was answered wrongly, then everything anew; always in the order of the file.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.cited import Citations, bare, gap
from bot.knowledge.base import Knowledge, Picture
from bot.knowledge.schema import Item, Language
from bot.learners import Learner, Topic, Voted
from bot.replies import Choice, Poll, Reply, say


@dataclass(frozen=True)
class Quiz:
    """Holds the items of one picture; the votes are the learner's."""

    knowledge: Knowledge
    picture: Picture

    def ask(self, learner: Learner, language: Language) -> Reply:
        """The next question; in words that there is none where the picture has no items."""
        id = self._next(learner)
        if id is None:
            return Reply((say(self.knowledge.say("quiz.none", language)),))
        item = self.picture.items[id]
        options = tuple(option.text[language] for option in item.options)
        number = list(self.picture.items).index(id) + 1
        heading = self.knowledge.say("quiz.heading", language, number=number, count=len(self.picture.items))
        return Poll(
            blocks=(say(heading, "heading"), say(item.stem[language])),
            choices=tuple(Choice(text, f"/vote {id} {at}") for at, text in enumerate(options, 1)),
            item=id,
            right=next(at for at, option in enumerate(item.options) if option.correct),
            explanation=bare(item.explain[language]),
        )

    def vote(self, learner: Learner, words: str, language: Language) -> Reply | None:
        """What to say to the vote `ITEM NUMBER`, numbers counted from 1; None when there is no such item or option."""
        id, _, number = words.partition(" ")
        item = self.picture.items.get(id)
        if not item or not number.isdecimal() or not 0 < int(number) <= len(item.options):
            return None
        option = item.options[int(number) - 1]
        learner.quiz[id] = option.correct
        learner.notes.append(Voted(id, (int(number) - 1,), option.correct))
        if not option.correct:
            learner.shown((item.stops,) if item.stops else ())
        return self._judged(item, int(number) - 1, learner, language)

    def _next(self, learner: Learner) -> str | None:
        items = list(self.picture.items)
        new = [id for id in items if id not in learner.quiz]
        wrong = [id for id in items if learner.quiz.get(id) is False]
        return next(iter((*new, *wrong, *items)), None)

    def _judged(self, item: Item, at: int, learner: Learner, language: Language) -> Reply:
        option, cites = item.options[at], Citations()
        verdict = self.knowledge.say("quiz.right" if option.correct else "quiz.wrong", language)
        right = sum(learner.quiz.get(id, False) for id in self.picture.items)
        cups = self.knowledge.say(
            "quiz.cups", language, right=right, count=len(self.picture.items), cups=" " + "🍋" * right if right else ""
        )
        concept = self.knowledge.concepts[item.concept].name[language]
        told = cites.paragraph((option.feedback or item.explain)[language], verdict + gap(language))
        number = learner.tell(Topic((item.concept,), language, claims=tuple(cites.ids)))
        choices = (
            Choice(self.knowledge.say("quiz.next", language), "/quiz"),
            Choice(self.knowledge.say("choice.explain", language, concept=concept), f"/ask {item.concept}"),
            Choice(self.knowledge.say("choice.sources", language), f"/sources {number}"),
        )
        return Reply((told, say(cups)), choices)
