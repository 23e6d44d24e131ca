"""The quiz on one picture: asks an item, hears the answer, and says what it is worth.

A question is answered by a vote in a poll, by taps on its board, or in the learner's own words. After a first wrong answer on a
board there is a second try. However it ends, that is one note: `Voted`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from bot.cited import Citations, bare, gap
from bot.knowledge import quizzes
from bot.knowledge.base import Knowledge, Picture
from bot.knowledge.reading import Reader
from bot.knowledge.schema import LANGUAGES, Item, Language
from bot.learners import Learner, Pending, Topic, Voted
from bot.quiz.board import IN_TURN, Board, lines, marked, open_, plain, wrong
from bot.quiz.grading import right, said, sides
from bot.quiz.hints import LADDER
from bot.replies import PHONE_LINES, Block, Choice, Nod, Paragraph, Poll, Reply, Span, phone_lines, say

TRIES = 2
Choose = Callable[[Mapping[str, Item], Learner], str | None]
Place = Callable[[Learner, str, Language], str]  # where an item stands in what asked it; nothing where only the quiz did


def unseen(items: Mapping[str, Item], learner: Learner) -> str | None:
    """What was never asked, then what was answered wrongly, then everything anew; always in the order of the files."""
    new = (id for id in items if id not in learner.quiz)
    wrong = (id for id in items if learner.quiz.get(id) is False)
    return next(new, None) or next(wrong, None) or next(iter(items), None)


def fits_poll(item: Item) -> bool:
    """Whether a native poll can ask it; the limits of its texts are those of every item."""
    return item.type in quizzes.CHOSEN


@dataclass(frozen=True)
class Quiz:
    """Holds the items of one picture; the answers are the learner's."""

    knowledge: Knowledge
    picture: Picture
    reader: Reader  # of what a learner writes
    facts: Callable[[Item], Collection[str]]  # what is true after a `predict`
    seed: Callable[[], int]  # of the order in which options are shown
    place: Place = lambda learner, id, language: ""
    keys: dict[str, tuple[int, ...]] = field(default_factory=dict)  # that were played

    # ---------------------------------------------------------------- asking

    def ask(self, learner: Learner, language: Language, choose: Choose = unseen) -> Reply:
        """The question that waits, as it was; else the one that `choose` names, in words where it names none."""
        if pending := self._waits(learner):
            return self._shown(learner, pending, language)
        items: Mapping[str, Item] = self.picture.practice
        if _in_group(learner):
            items = {id: item for id, item in items.items() if fits_poll(item)}
        id = choose(items, learner)
        return self.pose(id, learner, language) if id else self._said("quiz.none", language)

    def pose(self, id: str, learner: Learner, language: Language, poll: bool = True, by: str = "/quiz") -> Reply:
        """Asks the item `id`, as a poll where it fits one; else, and where `poll` is False, as a board with buttons.

        `by` is the command behind the button for the next question.
        """
        poll = poll and fits_poll(self.picture.items[id])
        return self._shown(learner, Pending(id, 0 if poll else self.seed(), poll, by), language)

    def _shown(self, learner: Learner, pending: Pending, language: Language) -> Reply:
        """The question that waits from now on."""
        id, item = pending.item, self.picture.items[pending.item]
        number = len({id, *learner.quiz} & self.picture.items.keys())
        place = self.place(learner, id, language)
        heading = say(place or self.knowledge.say("quiz.heading", language, number=number), "heading")
        board, cites = Board(self.knowledge, item, self.key(id), pending, language), Citations()
        if pending.poll:
            return self._poll(learner, pending, board, heading, language)
        first = () if pending.last else (heading,)  # later the question stands in its own place
        blocks = (*first, *board.before(cites), *board.asked(), *board.hint(cites))
        choices = tuple(board.choices(id))
        if cites.ids:
            topic = Topic((item.concept,), language, claims=tuple(cites.ids))
            told = learner.told.get(pending.told)
            if not told or told.claims != topic.claims:
                pending = replace(pending, told=learner.tell(topic))
            choices += (self._choice("choice.sources", f"/sources {pending.told}", language),)
        if not _in_group(learner):
            learner.pending = replace(pending, listens=True)
        return Reply(blocks, choices)

    def _poll(self, learner: Learner, pending: Pending, board: Board, heading: Block, language: Language) -> Reply:
        id, item = pending.item, self.picture.items[pending.item]
        texts = [plain(option.text[language]) for option in item.options]
        help: tuple[Choice, ...] = ()
        if not _in_group(learner):
            learner.pending, help = replace(pending, listens=True), tuple(board.help(id))
        return Poll(
            blocks=(heading, say(item.stem[language])),
            choices=(*(Choice(text, f"/tap {id} {at}") for at, text in enumerate(texts, 1)), *help),
            options=len(texts),
            item=id,
            right=self.key(id)[0],
            explanation=plain(bare(item.explain[language])),
        )

    def key(self, id: str) -> tuple[int, ...]:
        """The positions of the right options; of a `predict` the simulation says them."""
        if id not in self.keys:
            item = self.picture.items[id]
            self.keys[id] = quizzes.key(item, self.facts(item) if item.type == "predict" else ())
        return self.keys[id]

    # --------------------------------------------------------------- hearing

    def vote(self, learner: Learner, words: str, language: Language) -> Reply | None:
        """What to say to the vote `ITEM NUMBER`, numbers counted from 1; None when there is no such item or option."""
        id, _, number = words.partition(" ")
        at = self._option(id, number)
        if at is None or not fits_poll(self.picture.items[id]):
            return None
        return self._closed(learner, self._waits(learner, id) or Pending(id), (at,), language)

    def tap(self, learner: Learner, words: str, language: Language) -> Reply:
        """What to say to `ITEM NUMBER|done|undo`, pressed on a board."""
        id, _, what = words.partition(" ")
        pending = self._waits(learner, id)
        if not pending:
            return self._over(language)
        item, taken, at = self.picture.items[pending.item], pending.taken, self._option(id, what)
        if item.type in IN_TURN and what == "undo":
            pending = replace(pending, taken=taken[:-1])
        elif item.type == "multiple" and what == "done" and taken and taken != pending.missed:
            return self._answered(learner, pending, taken, language)
        elif at is not None and at in open_(item, self.key(id), pending):
            if item.type == "multiple":
                pending = replace(pending, taken=tuple(sorted({*taken} ^ {at})))
            elif item.type not in IN_TURN:
                return self._answered(learner, pending, (at,), language)
            else:
                pending = replace(pending, taken=(*taken, at))
                rest = open_(item, self.key(id), pending)
                if len(rest) == 1:  # it can only stand last
                    return self._answered(learner, pending, (*pending.taken, *rest), language)
        return self._shown(learner, pending, language)

    def said(self, learner: Learner, words: str, language: Language) -> Reply | None:
        """What to say to an explanation in the learner's own words, or to what a button says; None to anything else."""
        pending = self._waits(learner)
        if not pending or not pending.listens:
            return None
        item, key = self.picture.items[pending.item], self.key(pending.item)
        if command := self._buttons(pending).get(self.reader.key(words)):
            name, _, pressed = command.removeprefix("/").partition(" ")
            return {"tap": self.tap, "hint": self.hint, "dunno": self.dunno}[name](learner, pressed, language)
        if item.type == "explain":
            met = {at for at in pending.taken if at in key}
            return self._answered(learner, pending, tuple(sorted(met.union(said(item, self.reader.within(words))))), language)
        return None

    def _buttons(self, pending: Pending) -> dict[str, str]:
        """What may be typed in place of a button, in either language: its label, an option's text, a way to say it."""
        id, item, key = pending.item, self.picture.items[pending.item], self.key(pending.item)
        found = dict[str, str]()
        for language in LANGUAGES:
            board = Board(self.knowledge, item, key, pending, language)
            found |= {choice.label: choice.command for choice in board.choices(id)}
            found |= {sides(item.options[at], language)[-1]: f"/tap {id} {at + 1}" for at in board.open}
            for name, phrases in self.knowledge.wording.waiting.items():
                found |= dict.fromkeys(phrases[language], f"/{name} {id}")
        typed = {self.reader.key(text): command for text, command in found.items()}
        return {text: command for text, command in typed.items() if text}

    def hint(self, learner: Learner, id: str, language: Language) -> Reply:
        """The next of three hints, on the board of the question."""
        pending = self._waits(learner, id)
        if not pending:
            return self._over(language)
        pending = replace(pending, hints=min(pending.hints + 1, LADDER), poll=False, last="hint")
        item = self.picture.items[pending.item]
        if item.type == "multiple":  # what the hint took away is not ticked any more
            left = open_(item, self.key(pending.item), pending)
            pending = replace(pending, taken=tuple(at for at in pending.taken if at in left))
        return self._shown(learner, pending, language)

    def dunno(self, learner: Learner, id: str, language: Language) -> Reply:
        """The answer, for whoever asks for it."""
        pending = self._waits(learner, id)
        return self._closed(learner, pending, (), language, known=False) if pending else self._over(language)

    def _waits(self, learner: Learner, id: str = "") -> Pending | None:
        """The question that waits, if it is `id` or none is named; forgotten where its item is not there any more as it was."""
        pending = learner.pending
        if pending and not self._stands(pending):
            pending = learner.pending = None
        return pending if pending and id in ("", pending.item) else None

    def _stands(self, pending: Pending) -> bool:
        """Whether the bank still has the item, with the options that were taken."""
        item = self.picture.items.get(pending.item)
        if not item or (pending.poll and not fits_poll(item)):
            return False
        size = len(item.options)
        most = size - 1 if item.type in IN_TURN else size
        return len(pending.taken) <= most and all(at < size for at in (*pending.taken, *pending.missed))

    def _option(self, id: str, number: str) -> int | None:
        item = self.picture.items.get(id)
        found = int(number) if number.isascii() and number.isdigit() and len(number) < 3 else 0
        return found - 1 if item and 0 < found <= len(item.options) else None

    # --------------------------------------------------------------- judging

    def _answered(self, learner: Learner, pending: Pending, taken: tuple[int, ...], language: Language) -> Reply:
        """After a first wrong answer the question is put once more, unless only the key would be left."""
        item, key = self.picture.items[pending.item], self.key(pending.item)
        pending = replace(pending, poll=False)
        kept = taken if item.type in ("multiple", "explain") else ()
        again = replace(pending, taken=kept, missed=taken, tries=pending.tries + 1, last="wrong")
        some = item.type not in quizzes.CHOSEN or len(open_(item, key, again)) > 1
        if right(item, key, taken) or again.tries >= TRIES or not some:
            return self._closed(learner, pending, taken, language)
        return self._shown(learner, again, language)

    def _closed(
        self, learner: Learner, pending: Pending, taken: tuple[int, ...], language: Language, known: bool = True
    ) -> Reply:
        """Notes what the answer was worth, and says it."""
        id, item, key = pending.item, self.picture.items[pending.item], self.key(pending.item)
        won = known and right(item, key, taken)
        learner.quiz[id] = won
        learner.notes.append(Voted(id, taken, won, pending.hints, pending.tries + known, known))
        if learner.pending and learner.pending.item == id:
            learner.pending = None
        if not won and item.stops:
            learner.shown((item.stops,))
        lead = self.knowledge.say("quiz.right" if won else wrong(item) if known else "quiz.dunno", language) + gap(language)
        mine = taken if won and fits_poll(item) else tuple(at for at in taken if at not in key)
        feedback = next((item.options[at].feedback for at in mine if item.options[at].feedback), None)
        cites = Citations()
        told = cites.paragraph((feedback or item.explain)[language], lead)
        answer = () if won and item.type != "explain" else (lines(marked(item, key, taken if known else key, language)),)
        progress = () if self.place(learner, id, language) else (say(self._progress(learner, language)),)
        blocks: tuple[Block, ...] = (told, *answer, *progress)
        if sum(map(phone_lines, blocks)) > PHONE_LINES and answer:
            blocks, cites = (Paragraph((Span(lead, "strong"),)), *blocks[1:]), Citations()
        return Reply(blocks, self._next(learner, pending, cites, language))

    def _progress(self, learner: Learner, language: Language) -> str:
        votes = [learner.quiz[id] for id in self.picture.items if id in learner.quiz]
        return self.knowledge.say("quiz.cups", language, right=sum(votes), count=len(votes))

    def _next(self, learner: Learner, pending: Pending, cites: Citations, language: Language) -> tuple[Choice, ...]:
        concept = self.picture.items[pending.item].concept
        name = self.knowledge.concepts[concept].name[language]
        number = learner.tell(Topic((concept,), language, claims=tuple(cites.ids)))
        onward = "learn.choice.next" if self.place(learner, pending.item, language) else "quiz.next"
        return (
            self._choice(onward, pending.by, language),
            self._choice("choice.explain", f"/ask {concept}", language, concept=name),
            *((self._choice("choice.sources", f"/sources {number}", language),) if cites.ids else ()),
        )

    def _choice(self, key: str, command: str, language: Language, **words: object) -> Choice:
        return Choice(self.knowledge.say(key, language, **words), command)

    def _over(self, language: Language) -> Reply:
        return Nod((say(self.knowledge.say("quiz.over", language)),))

    def _said(self, key: str, language: Language) -> Reply:
        return Reply((say(self.knowledge.say(key, language)),))


def _in_group(learner: Learner) -> bool:
    """There a question is everybody's, so it waits for nobody."""
    return learner.person != learner.chat
