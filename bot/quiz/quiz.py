"""The quiz on one picture: what to ask next, and what to say to a vote."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.cited import Citations, bare, gap
from bot.knowledge.base import Knowledge, Picture
from bot.knowledge.schema import Item, Language
from bot.learners import Learner, Pending, Topic, Voted
from bot.replies import Choice, Poll, Reply, say

Choose = Callable[[Mapping[str, Item], Learner], str | None]


def unseen(items: Mapping[str, Item], learner: Learner) -> str | None:
    """What was never asked, then what was answered wrongly, then everything anew; always in the order of the files."""
    new = (id for id in items if id not in learner.quiz)
    wrong = (id for id in items if learner.quiz.get(id) is False)
    return next(new, None) or next(wrong, None) or next(iter(items), None)


@dataclass(frozen=True)
class Quiz:
    """Holds the items of one picture; the votes are the learner's."""

    knowledge: Knowledge
    picture: Picture

    def ask(self, learner: Learner, language: Language, choose: Choose = unseen) -> Reply:
        """The question that waits, else the one that `choose` names; in words that there is none where it names none."""
        waits = learner.pending
        if waits and waits.item in self.picture.items:
            return self.pose(waits.item, learner, language, waits.poll, waits.by)
        id = choose(self.picture.items, learner)
        return self.pose(id, learner, language) if id else Reply((say(self.knowledge.say("quiz.none", language)),))

    def pose(self, id: str, learner: Learner, language: Language, poll: bool = True, by: str = "/quiz") -> Reply:
        """Asks the item `id`, as a poll where it fits one; else, and where `poll` is False, as a board with buttons.

        `by` is the command behind the button for the next question.
        """
        item = self.picture.items[id]
        if learner.person == learner.chat:
            learner.pending = Pending(id, poll=poll, by=by)
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
        if learner.pending and learner.pending.item == id:
            learner.pending = None
        learner.notes.append(Voted(id, (int(number) - 1,), option.correct))
        if not option.correct:
            learner.shown((item.stops,) if item.stops else ())
        return self._judged(item, int(number) - 1, learner, language)

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
