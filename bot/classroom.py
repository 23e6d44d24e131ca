"""The one door: a learner's words in, replies out. It knows every part; the parts do not know one another."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterator
from contextlib import aclosing
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from bot import intents
from bot.cited import Citations, gap
from bot.course.course import Lessons
from bot.intents import Intent
from bot.knowledge.base import Knowledge
from bot.knowledge.schema import LANGUAGES, Item, Language
from bot.learners import KEPT, Asked, Cards, Group, Judged, Learner, Topic, Verdict, Voted
from bot.quiz.path import Path
from bot.quiz.quiz import Quiz
from bot.replies import Answer, Block, Box, Choice, File, Nod, Reply, Span, Table, say
from bot.tutor.finder import Finder
from bot.tutor.speaker import Voice
from bot.tutor.tutor import Tutor

if TYPE_CHECKING:
    from bot.quiz.progress import Progress
    from bot.quiz.recall import Recall
    from bot.simulation.play import Play

log = logging.getLogger(__name__)
Export = Callable[[Learner], Awaitable[str]]
Sleep = Callable[[float], Awaitable[None]]
DAY = 86_400  # seconds
Seed = Callable[[], int]
Remembered = Callable[[int], Awaitable[Cards]]  # what a person remembers
Together = Callable[[int], Awaitable[Group]]  # what the people of a chat have done
Usage = Callable[[int, Language], str]  # what the model took, for a person who may know; else nothing


def dice() -> int:
    """A seed that nobody foresees."""
    return random.getrandbits(31)


class Classroom:
    """Holds no learner; one instance serves them all."""

    def __init__(
        self,
        knowledge: Knowledge,
        metaphor: str,
        language: Language,
        export: Export | None = None,
        voice: Voice | None = None,
        usage: Usage | None = None,
        sleep: Sleep = asyncio.sleep,
        seed: Seed = dice,
        remembered: Remembered | None = None,
        together: Together | None = None,
        now: Callable[[], float] = time.time,
        finder: Finder | None = None,
    ) -> None:
        """`export` tells all that is kept about a learner's person, as JSON; without it nothing is kept.

        With a `voice` a model words the answers. `usage` tells those who may know what that took. `seed` gives each quiz
        question the order of its options. `remembered` is asked when a question or the progress depends on it, `together` for a
        group's; without it nobody is reminded either. `finder` is what was made of the knowledge and the picture before.
        """
        self.knowledge, self.default, self.export, self.usage = knowledge, language, export, usage
        self.picture = knowledge.pictures[metaphor]
        self.tutor = Tutor(finder or Finder(knowledge, self.picture), voice)
        self.quiz = Quiz(knowledge, self.picture, self.tutor.reader, self._facts, seed, self._place)
        chance = random.Random(seed())
        self.path = Path(knowledge, self.picture, chance)
        self.lessons = Lessons(knowledge, self.picture, self._scene, self._because, self._pose, chance)
        self.sleep, self.remembered, self.together, self.now = sleep, remembered, together, now

    @cached_property
    def recall(self) -> Recall:
        """What brings things back, which a talk without a quiz never needs."""
        from bot.quiz.recall import Recall

        return Recall(self.knowledge, self.quiz, self.path)

    @cached_property
    def progress(self) -> Progress:
        """Draws the cups."""
        from bot.quiz.progress import Progress

        return Progress(self.knowledge, self.path)

    @cached_property
    def play(self) -> Play:
        """The order simulation, which most talks never need."""
        from bot.simulation.play import Play

        return Play(self.knowledge, self.picture, self.sleep)

    def _scene(self, learner: Learner, id: str, language: Language) -> Reply | None:
        """What a lesson is about to break."""
        return self.play.scene(learner, id, language)

    def _because(self, id: str, language: Language, cites: Citations) -> tuple[Block, ...]:
        """Why what a lesson broke came as it did."""
        return self.play.because(id, language, cites)

    def _pose(self, id: str, learner: Learner, language: Language, by: str) -> Reply:
        """A lesson's quiz item; `by` goes on after it."""
        return self.quiz.pose(id, learner, language, by=by)

    def _place(self, learner: Learner, item: str, language: Language) -> str:
        """Where in the course a quiz item stands."""
        return self.lessons.place(learner, item, language)

    @staticmethod
    def _facts(item: Item) -> Collection[str]:
        """What is true after a prediction's change."""
        from bot.simulation import facts

        return facts.of(item)

    async def hear(self, learner: Learner, text: str) -> AsyncGenerator[Reply, None]:
        """The replies to one message or button; a draft grows until the reply behind it takes its place.

        Never raises: a bug is logged whole and apologised for.
        """
        intent = intents.parse(text)
        if intent.name == "choose" and 0 < int(intent.words) <= len(learner.choices):
            intent = intents.parse(learner.choices[int(intent.words) - 1])
        if intent.name == "ask" and self._typed(learner, intent.words):
            intent = intents.parse(f"/{text.strip()}")
        kept = len(learner.notes)
        learner.told = {number: topic for number, topic in learner.told.items() if self._stands(topic)}
        try:
            async with aclosing(self._replies(learner, intent)) as replies:
                async for each in replies:
                    reply = each
                    if not reply.draft:
                        reply, kept = self._voted(learner, kept, reply), len(learner.notes)
                        self._offer(learner, intent, reply)
                    yield reply
        except Exception:
            log.exception("no reply to an intent %r", intent.name)
            reply = self._said("apology", self.language(learner))
            self._offer(learner, intent, reply)
            yield reply

    def _typed(self, learner: Learner, words: str) -> bool:
        """Whether somebody who has a little cluster, or is about to, types a command for it as into a terminal."""
        begun = bool(learner.world) or any(intents.parse(each).name == "kubectl" for each in learner.choices)
        return begun and words.isascii() and "?" not in words and self.play.commands(words)

    def _stands(self, topic: Topic) -> bool:
        """Whether all that an answer was about, maybe before the last start, is still known."""
        known = self.knowledge.concepts
        claims = (id.rpartition(".") for id in topic.claims)
        return {*topic.concepts} <= known.keys() and all(id in known and key in known[id].claims for id, _, key in claims)

    @staticmethod
    def _offer(learner: Learner, intent: Intent, reply: Reply) -> None:
        """Remembers the choices below a reply."""
        if intent.name != "choose" and not isinstance(reply, Nod):  # after these the choices still stand
            learner.choices = tuple(choice.command for choice in reply.choices)

    def _voted(self, learner: Learner, kept: int, reply: Reply) -> Reply:
        """Tells the course what was answered since note `kept`; who misses one thing twice is offered another picture of it."""
        for at, vote in enumerate(learner.notes[kept:], kept):
            if not isinstance(vote, Voted):
                continue
            learner.notes[at] = self.lessons.noted(learner, vote)
            item = self.picture.items.get(vote.item)
            if not item or not item.stops or vote.right:
                continue
            learner.missed[item.stops] = learner.missed.get(item.stops, 0) + 1
            stop = self.picture.breaks.get(item.stops)
            if stop and stop.otherwise and learner.missed[item.stops] > 1:
                other = Choice(self.say("choice.otherwise", learner), f"/otherwise {item.stops}")
                reply = replace(reply, choices=(*reply.choices, other))
        return reply

    def language(self, learner: Learner, text: str = "") -> Language:
        """The language to answer `text` in: its own, else the learner's, else the house's."""
        return self.tutor.language(text) or learner.language or self.default

    def say(self, key: str, learner: Learner, **words: object) -> str:
        """One sentence of the texts, for a front-end's own frame."""
        return self.knowledge.say(key, self.language(learner), **words)

    def words(self) -> Iterator[str]:
        """What a learner may want to complete: commands and names."""
        yield from (f"/{name}" for name in intents.COMMANDS)
        for concept in self.knowledge.concepts.values():
            yield from {concept.name.zh, concept.name.en}

    async def _replies(self, learner: Learner, intent: Intent) -> AsyncGenerator[Reply, None]:
        """A question is answered as it goes; everything else at once."""
        language = self.language(learner, intent.words if intent.name == "ask" else "")
        if learner.pending and intent.name not in intents.QUIZ:
            if self._may_answer(intent) and (judged := self.quiz.said(learner, intent.words, language)):
                yield judged
                return
            if learner.pending:  # but something else is spoken of
                learner.pending = replace(learner.pending, listens=False)
        match intent:
            case Intent("faster"):
                async for board in self.play.faster(learner, language):
                    yield board
            case Intent("guess", words):
                async for board in self._guessed(learner, words, language):
                    yield board
            case Intent("ask", words) if cups := self.tutor.cups(words):
                yield self.play.order(learner, cups, language)
            case Intent("ask", words) if learner.playing and (name := self.tutor.plays(words)):
                async for board in self._replies(learner, Intent(name)):
                    yield board
            case Intent("ask", words) if way := self._way_on(learner, words):
                yield await self._reply(learner, way)
            case Intent("ask", words) if words and not self.tutor.wants_quiz(words):
                async with aclosing(self.answer(learner, words)) as answers:
                    async for answer in answers:
                        yield self._with_way_back(learner, answer)
            case Intent("more" | "confused" | "sources" | "new" | "language"):
                yield self._with_way_back(learner, await self._reply(learner, intent))
            case _:
                yield await self._reply(learner, intent)

    def _may_answer(self, intent: Intent) -> bool:
        """Whether these words can be the answer to a quiz question: they ask nothing, and are no small talk."""
        words = intent.words if intent.name == "ask" else ""
        return bool(words) and not {"?", "？"}.intersection(words) and not self.tutor.talk.meaning(words, named=False)

    def _way_on(self, learner: Learner, words: str) -> Intent | None:
        """What the first button of a lesson's screen does, where these words ask to go on right after it."""
        first = intents.parse(learner.choices[0]) if learner.choices else Intent("ask")
        goes_on = first.name == "learn" and self.lessons.open(learner) and self.tutor.talk.meaning(words, named=False) == "more"
        return first if goes_on else None

    def _with_way_back(self, learner: Learner, reply: Reply) -> Reply:
        """The way back to the lesson and to the order on the board, below an answer that was asked for in between."""
        if reply.draft or isinstance(reply, Nod):
            return reply
        language = reply.language if isinstance(reply, Answer) else self.language(learner)
        ways = (("choice.lesson", "/learn", self.lessons.open(learner)), ("choice.back", "/step", learner.playing))
        back = tuple(Choice(self.knowledge.say(key, language), command) for key, command, open in ways if open)
        return replace(reply, choices=(*reply.choices, *back))

    async def _guessed(self, learner: Learner, words: str, language: Language) -> AsyncGenerator[Reply, None]:
        """A breakage, played to its end."""
        id, _, number = words.partition(" ")
        found = False
        onward, guess = self.lessons.after_play(learner, id, language), int(number) if number.isdecimal() else 0
        async for reply in self.play.broken(learner, id, guess, language, brief=bool(onward)):
            found = True
            if isinstance(reply, Answer) and onward:
                yield replace(reply, choices=(onward,))
            elif isinstance(reply, Answer):
                topic = Topic(reply.concepts, language, 0, reply.claims)
                yield self.tutor.answers.told(reply, topic, learner)
            else:
                yield reply
        if not found:
            yield self._said("break.gone", language)

    async def _reply(self, learner: Learner, intent: Intent) -> Reply:
        language = self.language(learner)
        match intent:
            case Intent("ask", ""):
                return self._said("ask.which", language, self.tutor.starts(language))
            case Intent("ask", words):
                return await self._quiz(learner, "", self.language(learner, words))
            case Intent("more" | "confused" | "sources" | "good", number):
                return self._go_on(learner, intent.name, number, language)
            case Intent("order", words):
                cups = self.tutor.number(words) if words else 1
                return self.play.order(learner, cups, language) if cups else self._said("order.what", language)
            case Intent("step"):
                return self.play.step(learner, language) if learner.world else self._said("order.none", language)
            case Intent("why", concept):
                return self.play.why(concept, language) or self._said("why.nobody", language)
            case Intent("break", ""):
                return self.play.breakages(language)
            case Intent("break", id):
                return self.play.scene(learner, id, language) or self._said("break.gone", language)
            case Intent("kubectl", words):
                return self.play.kubectl(learner, words, language)
            case Intent("compare", words):
                return self._compare(learner, words)
            case Intent("map"):
                return self._map(language)
            case Intent("quiz", words):
                return await self._quiz(learner, words, language)
            case Intent("review" | "remind" | "export" | "forget") if learner.chat != learner.person:
                return self._said("private.only", language)
            case Intent("review"):
                return self.recall.review(learner, await self._cards(learner), language, self.now())
            case Intent("progress"):
                return await self._progress(learner, language)
            case Intent("remind", words) if self.together:
                return self._remind(learner, words, language)
            case Intent("remind"):
                return self._said("remind.nobody", language)
            case Intent("vote", words):
                return self.quiz.vote(learner, words, language) or self._said("quiz.gone", language)
            case Intent("learn") if learner.chat != learner.person:
                return self._said("learn.private", language)
            case Intent("learn", words):
                return self.lessons.learn(learner, words, language, int(self.now() // DAY))
            case Intent("otherwise", id):
                return self._otherwise(learner, id, language)
            case Intent("tap", words):
                return self.quiz.tap(learner, words, language)
            case Intent("hint", id):
                return self.quiz.hint(learner, id, language)
            case Intent("dunno", id):
                return self.quiz.dunno(learner, id, language)
            case Intent("start", words):
                return self._start(learner, words, language)
            case Intent("help"):
                return self._help(language)
            case Intent("new"):
                learner.now, learner.fresh, learner.stops_shown = 0, learner.count, ()
                return self._said("new", language, self.tutor.starts(language))
            case Intent("settings"):
                return self._settings(language)
            case Intent("language", words):
                return self._language(learner, words.lower(), language)
            case Intent("privacy"):
                return self._privacy(language)
            case Intent("export"):
                return await self._export(learner, language)
            case Intent("forget", words):
                return self._forget(learner, words.lower(), language)
            case Intent("cancel"):
                return self._said("cancel", language)
            case Intent("choose", number):
                return self._said("number", language, number=number)
            case Intent("media"):
                return self._said("media", language, self.tutor.starts(language))
            case Intent("usage") if self.usage and (told := self.usage(learner.person, language)):
                return Reply((say(told),))
            case Intent("usage"):
                return self._said("unknown", language, command="usage")
            case Intent("unknown", words):
                return self._said("unknown", language, command=words[:32])
            case _:
                return self._said("nothing", language)

    def ask(self, learner: Learner, question: str) -> Answer:
        """One answer from the knowledge alone, in the language of the question."""
        question = intents.clean(question)
        language = self._heard(learner, question)
        return self._noted(learner, question, self.tutor.answer(question, language, learner) if language else None)

    async def answer(self, learner: Learner, question: str) -> AsyncGenerator[Answer, None]:
        """The same, worded by the model where there is one: drafts, and last the answer."""
        question = intents.clean(question)
        language = self._heard(learner, question)
        if not language:
            yield self._noted(learner, question, None)
            return
        async with aclosing(self.tutor.reply(question, language, learner)) as answers:
            async for answer in answers:
                yield answer if answer.draft else self._noted(learner, question, answer)

    def _heard(self, learner: Learner, question: str) -> Language | None:
        """The language to answer in; None when nothing was said."""
        if not any(char.isalnum() for char in question):
            return None
        language = self.language(learner, question)
        if not learner.chosen:
            learner.language = language
        return language

    def _noted(self, learner: Learner, question: str, answer: Answer | None) -> Answer:
        if not answer:
            return Answer((say(self.say("nothing", learner)),), language=self.language(learner), route="declined")
        note = Asked(answer.number, question, answer.language, answer.route, answer.concepts, answer.claims, answer.breaks)
        learner.notes.append(note)
        return answer

    def _go_on(self, learner: Learner, name: str, words: str, language: Language) -> Reply:
        """A button below an answer, which carries the answer's number."""
        number = int(words) if words.isdecimal() else learner.now
        if name in ("good", "confused") and number in learner.told:
            verdict: Verdict = "good" if name == "good" else "confused"
            learner.notes.append(Judged(learner.told[number].asked, verdict))
        if name == "good":
            return Nod((say(self.knowledge.say("told.good", language)),))
        missing = "told.old" if number else f"{name}.nothing"
        return self.tutor.go_on(name, number, learner) or self._said(missing, language, self.tutor.starts(language))

    async def _cards(self, learner: Learner) -> Cards:
        return await self.remembered(learner.person) if self.remembered else {}

    async def _quiz(self, learner: Learner, words: str, language: Language) -> Reply:
        """A question; in a group nobody's memory is asked."""
        if learner.chat != learner.person:
            return self.quiz.ask(learner, language)
        return self.recall.next(learner, await self._cards(learner), words, language, self.now())

    async def _progress(self, learner: Learner, language: Language) -> Reply:
        if learner.chat == learner.person:
            return self.progress.own(await self._cards(learner), language, self.now())
        return self.progress.group(await self.together(learner.chat) if self.together else Group(), language)

    def _remind(self, learner: Learner, words: str, language: Language) -> Reply:
        from bot.quiz.reminding import Reminding

        return Reminding(self.knowledge).hear(learner, words, language)

    def _said(self, key: str, language: Language, choices: tuple[Choice, ...] = (), **words: object) -> Reply:
        return Reply((say(self.knowledge.say(key, language, **words)),), choices)

    def _start(self, learner: Learner, words: str, language: Language) -> Reply:
        """The welcome; a link that names a concept opens that concept instead."""
        if words in self.knowledge.concepts:
            return self.ask(learner, words)
        learner.now = 0
        lines = (self.knowledge.say("start", language), self.picture.metaphor.opening[language])
        blocks = (say(lines[0], "heading"), say(lines[1]), say(self.knowledge.say("start.ask", language)))
        course = (self._course(learner, language),) if self.picture.course else ()
        further = (self._command(name, language) for name in ("order", "quiz"))
        return Reply(blocks, (*self.tutor.starts(language), *course, *further))

    def _otherwise(self, learner: Learner, id: str, language: Language) -> Reply:
        """The truth of a break in a second picture."""
        stop = self.picture.breaks.get(id)
        if not stop or not stop.otherwise:
            return self._said("otherwise.none", language)
        cites = Citations()
        told = cites.paragraph(stop.otherwise[language], self.knowledge.say("otherwise", language) + gap(language))
        number = learner.tell(Topic((self.picture.owner(id),), language, claims=tuple(cites.ids)))
        sources = Choice(self.knowledge.say("choice.sources", language), f"/sources {number}")
        onward = self._course(learner, language) if learner.walk else self._command("quiz", language)
        return Reply((told,), (onward, sources))

    def _help(self, language: Language) -> Reply:
        rows = tuple(
            ((Span(f"/{name}", "code"),), (Span(self.knowledge.say(f"help.{name}", language)),)) for name in intents.COMMANDS
        )
        return Reply((say(self.knowledge.say("help", language)), Table(rows, " ")))

    def _settings(self, language: Language) -> Reply:
        chat = bool(self.export)  # a terminal neither reminds nor hands anything over
        names = ("language", *(("remind",) if chat else ()), "privacy", *(("export",) if chat else ()), "forget")
        return self._said("settings", language, tuple(self._command(name, language) for name in names))

    def _course(self, learner: Learner, language: Language) -> Choice:
        """The way into the course, and back to the lesson that is open."""
        name = "lesson" if self.lessons.open(learner) else "learn"
        return Choice(self.knowledge.say(f"choice.{name}", language), "/learn")

    def _command(self, name: str, language: Language) -> Choice:
        return Choice(self.knowledge.say(f"choice.{name}", language), f"/{name}")

    async def _export(self, learner: Learner, language: Language) -> Reply:
        if not self.export:
            return self._said("privacy.nothing", language)
        caption = say(self.knowledge.say("export", language))
        return File((caption,), name="kube-lemonade.json", content=await self.export(learner))

    def _privacy(self, language: Language) -> Reply:
        speaker = self.tutor.speaker
        told = {"name": speaker.model.endpoint.name} if speaker else {}
        model = self.knowledge.say("privacy.model" if speaker else "privacy.no-model", language, **told)
        if self.export:
            return self._said("privacy", language, days=KEPT, model=model)
        return self._said("privacy.nothing", language) if not speaker else Reply((say(model),))

    def _forget(self, learner: Learner, words: str, language: Language) -> Reply:
        if words != "yes":
            sure = Choice(self.knowledge.say("choice.forget-all", language), "/forget yes")
            keep = Choice(self.knowledge.say("choice.keep", language), "/forget no")
            return self._said("kept" if words == "no" else "forget.sure", language, () if words == "no" else (sure, keep))
        learner.forgotten = True
        return self._said("forgotten", language)

    def _map(self, language: Language) -> Reply:
        def both(id: str) -> tuple[str, str]:
            role = self.picture.roles.get(id)
            return (role.role[language] if role else "–", self.knowledge.concepts[id].name[language])

        places = self.picture.metaphor.map
        boxes = tuple(Box(both(place.concept), tuple(map(both, place.holds))) for place in places)
        ids = [id for place in places for id in (place.concept, *place.holds)]
        heading = say(self.knowledge.say("map.heading", language), "heading")
        return Reply((heading, *boxes), self.tutor.answers.looks(ids, language))

    def _compare(self, learner: Learner, words: str) -> Reply:
        language = self.language(learner, words)
        example = Choice("Pod ↔ Deployment", "/compare Pod Deployment")
        if not words:
            return self._said("compare.which", language, (example,))
        named = self.tutor.named(words)
        if len(named) > 1:
            return self.tutor.answers.compose(self.tutor.answers.compare(named[:3], language, learner, words), learner)
        if named:
            known = self.knowledge.concepts[named[0]].name[language]
            return self._said("compare.unknown", language, words=words[:60], known=known)
        return self._said("compare.none", language, (example,), words=words[:60])

    def _language(self, learner: Learner, words: str, language: Language) -> Reply:
        if not words:
            choices = (Choice("中文", "/language zh"), Choice("English", "/language en"))
            return self._said("language.which", language, choices)
        known = self.knowledge.wording.languages
        wanted = next((each for each in LANGUAGES if words in known[each]), None)
        if not wanted:
            return self._said("language.unknown", language)
        learner.language, learner.chosen = wanted, True
        return self._said("language.set", wanted, self.tutor.starts(wanted))
