"""The course: from one phone screen to the next, and what each lesson's closing items and the tests decide.

Every screen has a command of its own, `/learn LESSON STEP`, so that any button can be pressed at any time, twice, or next week.
`noted` is called after each answer to a quiz item; nothing else is remembered here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from random import Random

from bot.cited import Citations, gap
from bot.cups import Board, Cup, draw
from bot.knowledge.base import Knowledge, Picture
from bot.knowledge.courses import ITEMS
from bot.knowledge.measure import CITATION
from bot.knowledge.quizzes import BETWEEN
from bot.knowledge.schema import Item, Language, Lesson, Step
from bot.learners import Learner, Topic, Voted, Walk
from bot.replies import Block, Choice, Paragraph, Reply, Span, say
from bot.replies import Picture as Drawing

MOST = 5  # closing items of one lesson: each one missed asks for one more
EPOCH = date(1970, 1, 1).toordinal()
WEEK = 7  # days between the last test and the one that shows what has stayed
TESTS = ("before", "after", "later")
LEARN = "/learn"
ASKING = ("confused", "sources")  # what may be asked about a screen
HARD = ("order", "multiple")  # kinds of items that come after the others; an `explain` closes no lesson
PLAIN = ("truth", "transfer")  # facets that speak of no picture
Scene = Callable[[Learner, str, Language], Reply | None]
Because = Callable[[str, Language, Citations], tuple[Block, ...]]
Pose = Callable[[str, Learner, Language, str], Reply]
BECAUSE = "why"  # the screen after a play
UNTOLD = 2  # claims that a name weighs which was not told yet


@dataclass(frozen=True)
class Lessons:
    """Holds the lessons of one picture; the way through them is the learner's.

    `scene` shows what is about to be broken, `because` tells why it came as it did, `pose` asks a quiz item and takes the
    command that goes on after it, `dice` draws the closing items.
    """

    knowledge: Knowledge
    picture: Picture
    scene: Scene
    because: Because
    pose: Pose
    dice: Random

    # --------------------------------------------------------------- the way

    def learn(self, learner: Learner, words: str, language: Language, today: int) -> Reply:
        """The screen that `words` name, else the one where the learner stopped; `today` counts days from 1970."""
        if not self.picture.course:
            return self._said("learn.none", language)
        first, _, rest = words.partition(" ")
        if first in ("picture", "plain"):
            learner.walk = learner.walk or Walk()
            learner.walk.plain = first == "plain"
            return self._level(learner.walk, language)
        walk = learner.walk
        if walk is None:
            choices = (self._choice("picture", language, "picture"), self._choice("plain", language, "plain"))
            return self._said("learn.familiar", language, choices)
        self._stands(walk)
        if first == "list":
            return self._list(walk, language)
        if first in (*TESTS, "placement") and first not in (*walk.tests, walk.test):  # the first result is what is compared
            return self._test(learner, walk, first, language)
        if first in self.picture.lessons:
            return self._lesson(learner, walk, first, rest, language)
        if walk.asks:
            return self._item(learner, walk, language, today)
        if walk.lesson in self.picture.lessons:
            return self._lesson(learner, walk, walk.lesson, str(walk.step), language)
        return self._onward(learner, walk, language, today)

    def noted(self, learner: Learner, vote: Voted) -> Voted:
        """Takes an answer into the learner's way; only a first one without a hint counts as right.

        Returns it with the name of the lesson or test that asked, if one did.
        """
        walk = learner.walk
        if not walk or walk.asks.get(vote.item, False) is not None:
            return vote
        walk.asks[vote.item] = vote.right and vote.known and vote.tries == 1 and not vote.hints
        return replace(vote, within=walk.test or walk.lesson)

    def after_play(self, learner: Learner, id: str, language: Language) -> Choice | None:
        """The way on from a breakage that a lesson plays, to why it came as it did; None elsewhere."""
        walk = learner.walk
        lesson = self.picture.lessons.get(walk.lesson) if walk else None
        if not walk or not lesson or not 0 < walk.step <= len(lesson.steps) or lesson.steps[walk.step - 1].breakage != id:
            return None
        return self._choice(BECAUSE, language, f"{walk.lesson} {walk.step} {BECAUSE}")

    def open(self, learner: Learner) -> bool:
        """Whether the learner is in the middle of a lesson or a test."""
        return bool(learner.walk and (learner.walk.lesson or learner.walk.asks) and learner.person == learner.chat)

    def place(self, learner: Learner, item: str, language: Language) -> str:
        """Where a quiz item stands in the lesson or the test that asked it; nothing where neither did."""
        walk = learner.walk
        if not walk or item not in walk.asks:
            return ""
        title = self._say(f"learn.{walk.test}.title", language) if walk.test else self._title(walk, walk.lesson, language)
        return self._say("learn.asked", language, title=title, at=list(walk.asks).index(item) + 1, count=len(walk.asks))

    def _stands(self, walk: Walk) -> None:
        """Forgets what waited for an answer and has left the picture."""
        open_ = walk.test in (*TESTS, "placement") or walk.lesson in self.picture.lessons
        walk.asks = {id: right for id, right in walk.asks.items() if open_ and id in self.picture.items}

    def _level(self, walk: Walk, language: Language) -> Reply:
        choices = [self._choice("begin", language, "on")]
        if self.picture.course and self.picture.course.placement:
            choices.append(self._choice("placement", language, "placement"))
        return self._said("learn.level" if not walk.plain else "learn.level.plain", language, tuple(choices))

    def _onward(self, learner: Learner, walk: Walk, language: Language, today: int) -> Reply:
        """What comes between two lessons, before the first and after the last."""
        course = self.picture.course
        assert course
        left = [id for id in course.lessons if id not in walk.passed]
        due = self._due(walk, today, bool(left))
        if due:
            count = len(self._form(learner, due))
            skip = (self._choice("skip-test", language, f"{left[0]} 1"),) if left else ()
            return self._said(f"learn.{due}", language, (self._choice("test", language, due), *skip), count=count)
        if left:
            return self._lesson(learner, walk, left[0], "skip" if left[0] in walk.known else "1", language)
        return self._done(walk, language, today)

    def _due(self, walk: Walk, today: int, left: bool) -> str:
        """The test whose time has come."""
        course = self.picture.course
        if not course or not course.tests:
            return ""
        if left:
            return "before" if "before" not in walk.tests and not walk.passed else ""
        if "after" not in walk.tests:
            return "after"
        return "later" if "later" not in walk.tests and today - walk.tests["after"][2] >= WEEK else ""

    def _list(self, walk: Walk, language: Language) -> Reply:
        course = self.picture.course
        assert course
        mark = {True: "✅", False: "▫️"}
        choices = tuple(
            Choice(f"{mark[id in walk.passed]} {self._title(walk, id, language)}", f"{LEARN} {id} 1") for id in course.lessons
        )
        cups = "🥤" * len(walk.passed) or "–"
        return self._said("learn.list", language, choices, passed=len(walk.passed), count=len(course.lessons), cups=cups)

    # --------------------------------------------------------------- lessons

    def _lesson(self, learner: Learner, walk: Walk, id: str, words: str, language: Language) -> Reply:
        lesson = self.picture.lessons[id]
        words, _, part = words.partition(" ")
        step = int(words) if words.isdecimal() and 0 < int(words) <= len(lesson.steps) else len(lesson.steps) + 1
        if walk.lesson == id and walk.asks and step > len(lesson.steps):  # what was answered of them counts
            return self._item(learner, walk, language, 0)
        walk.lesson, walk.step, walk.test, walk.asks, walk.skips = id, step, "", {}, words == "skip"
        if walk.step <= len(lesson.steps):
            shown = self._why if part == BECAUSE and lesson.steps[step - 1].breakage else self._step
            return shown(learner, walk, lesson, language)
        walk.asks = dict.fromkeys(self._closing(learner, walk, lesson))
        return self._item(learner, walk, language, 0) if walk.asks else self._closed(walk, language)

    def _step(self, learner: Learner, walk: Walk, lesson: Lesson, language: Language) -> Reply:
        step, cites = lesson.steps[walk.step - 1], Citations()
        onward = self._further(walk, lesson, language)
        skip = self._choice("skip", language, f"{walk.lesson} skip")
        blocks: list[Block] = [self._heading(walk, lesson, language)]
        if step.breakage:
            scene = self.scene(learner, step.breakage, language)
            assert scene  # the check has seen to it
            blocks += [say(self._say("learn.legend", language))] if walk.plain else []
            return Reply((*blocks, *scene.blocks[1:]), (*scene.choices, self._choice("later", language, onward.command[7:])))
        if walk.step == 1:
            blocks.append(say(self._say("learn.goal", language, goal=lesson.goal[language])))
        repeated = any(each.about == step.about for each in lesson.steps[: walk.step - 1])
        blocks += (
            self._scene(step, walk.plain, repeated, cites, language)
            if step.about
            else self._stops(step, walk.plain, cites, language)
        )
        learner.shown(step.stops)
        asking = self._asking(learner, step.about or lesson.about[-1], cites, language)
        return Reply(tuple(blocks), (onward, *asking[not step.about :], *((skip,) if walk.step == 1 else ())))

    def _why(self, learner: Learner, walk: Walk, lesson: Lesson, language: Language) -> Reply:
        """Why a breakage came as it did, and where the picture stops."""
        cites, played = Citations(), self.picture.breakages[lesson.steps[walk.step - 1].breakage or ""]
        blocks = (
            self._heading(walk, lesson, language),
            *self.because(lesson.steps[walk.step - 1].breakage or "", language, cites),
        )
        learner.shown((played.stops,))
        return Reply(blocks, (self._further(walk, lesson, language), *self._asking(learner, played.concept, cites, language)))

    def _heading(self, walk: Walk, lesson: Lesson, language: Language) -> Paragraph:
        title = self._title(walk, walk.lesson, language)
        return say(self._say("learn.place", language, title=title, at=walk.step, count=len(lesson.steps)), "heading")

    def _asking(self, learner: Learner, about: str, cites: Citations, language: Language) -> tuple[Choice, ...]:
        """What may be asked about a screen: other words, and the sources."""
        number = learner.tell(Topic((about,), language, claims=tuple(cites.ids)))
        return tuple(Choice(self.knowledge.say(f"choice.{name}", language), f"/{name} {number}") for name in ASKING)

    def _further(self, walk: Walk, lesson: Lesson, language: Language) -> Choice:
        """The way to the next step, and from the last to the closing items."""
        name = "next" if walk.step < len(lesson.steps) else "quiz"
        return self._choice(name, language, f"{walk.lesson} {walk.step + 1}")

    def _scene(self, step: Step, plain: bool, repeated: bool, cites: Citations, language: Language) -> Iterator[Block]:
        """The picture beside the truth, and once what is what; in plain words for somebody who does without the picture."""
        if plain:
            if step.about and not repeated:
                yield cites.paragraph(self.knowledge.concepts[step.about].plainer[language])
        elif step.tells:
            if step.look:
                yield say(step.look[language])
            role = None if repeated else self.picture.roles.get(step.about or "")
            pair = f"{role.role[language]}{BETWEEN}{self.knowledge.concepts[role.concept].name[language]}\n" if role else ""
            named = (Span(pair, "strong"),) if pair else ()
            yield Paragraph((Span("🍋 "), *named, Span(step.tells[language])))
        told = gap(language).join(f"{self.knowledge.claim(id)[language]}[{id}]" for id in step.truth)
        yield cites.paragraph(told, "☸️ ")

    def _stops(self, step: Step, plain: bool, cites: Citations, language: Language) -> Iterator[Block]:
        """Where the picture stops: what it invites one to think, the truth, and how to mend it."""
        for id in step.stops:
            stop, key = self.picture.breaks[id], "stop.break" if id == step.stops[0] else "stop.further"
            if plain:
                yield cites.paragraph(stop.truth[language], "☸️ ")
                continue
            lead = self._say(key, language).rstrip() + gap(language)
            doubt = self._say("stop.doubt", language, wrong=stop.invites[language])
            yield Paragraph((Span(lead, "strong"), Span(doubt + gap(language)), *cites.spans(stop.truth[language])), "stop")
            if len(step.stops) == 1:
                yield say(self._say("stop.bridge", language, bridge=stop.bridge[language]))

    def _closing(self, learner: Learner, walk: Walk, lesson: Lesson) -> list[str]:
        """Items on what the lesson taught, one of them on where the picture stops, those never asked before the others."""
        pool = self._pool(lesson, walk)
        pool.sort(key=lambda id: id in learner.quiz)
        deep = [id for id in pool if self.picture.items[id].facet in ("break", "transfer")][:1]
        chosen, concepts = list(deep), {self.picture.items[id].concept for id in deep}
        for id in pool:  # of as many concepts as there are
            if len(chosen) < ITEMS and self.picture.items[id].concept not in concepts:
                concepts.add(self.picture.items[id].concept)
                chosen.append(id)
        chosen += [id for id in pool if id not in chosen][: ITEMS - len(chosen)]
        return [*chosen[len(deep) :], *deep]  # the harder one last

    def _pool(self, lesson: Lesson, walk: Walk) -> list[str]:
        """Items on the lesson, those first whose answer was told in it or before; the others only where these are few."""
        told, named = self._told(lesson)
        stops = {*lesson.stops} | {self.picture.breakages[id].stops for id in lesson.plays}

        def fits(item: Item) -> bool:
            mine = item.concept in lesson.about or item.stops in stops
            return mine and item.type != "explain" and (not walk.plain or item.facet in PLAIN)

        pool = [id for id, item in self.picture.practice.items() if fits(item)]
        beyond = {id: len(set(CITATION.findall(self.picture.items[id].explain.en)) - told) for id in pool}
        for id in pool:
            beyond[id] += UNTOLD * len(self._named(_asked(self.picture.items[id])) - named)
        self.dice.shuffle(pool)
        pool.sort(key=lambda id: (self.picture.items[id].type in HARD, beyond[id]))
        near = (([id for id in pool if beyond[id] <= most], enough) for most, enough in ((0, MOST), (1, ITEMS)))
        return next((ids for ids, enough in near if len(ids) >= enough), pool)

    def _told(self, lesson: Lesson) -> tuple[set[str], set[str]]:
        """The claims that were told up to the end of the lesson, and the concepts that were named."""
        assert self.picture.course
        texts, told, about = list[str](), set[str](), set[str]()
        for each in map(self.picture.lessons.__getitem__, self.picture.course.lessons):
            stops = [*each.stops]
            for breakage in map(self.picture.breakages.__getitem__, each.plays):
                texts.append(breakage.told.en)
                stops.append(breakage.stops)
            about.update(each.about)
            truth = [id for step in each.steps for id in step.truth]
            told.update(truth)
            texts += [self.knowledge.claim(id).en for id in truth]
            texts += [step.tells.en for step in each.steps if step.tells]
            for stop in (self.knowledge.stop(self.picture, id) for id in stops):
                texts.append(stop.truth.en if stop else "")
            if each is lesson:
                break
        told.update(*map(CITATION.findall, texts))
        return told, about.union(*map(self._named, texts))

    def _named(self, text: str) -> set[str]:
        """The concepts that an English text calls by a name with a capital in it."""
        return {self._names[name] for name in self._name.findall(text)}

    @cached_property
    def _names(self) -> dict[str, str]:
        """Name with a capital in it → its concept."""
        concepts = self.knowledge.concepts.values()
        return {name: each.id for each in concepts for name in (*each.aliases.en, each.name.en) if not name.islower()}

    @cached_property
    def _name(self) -> re.Pattern[str]:
        return re.compile(rf"\b({'|'.join(map(re.escape, sorted(self._names, key=len, reverse=True)))})s?\b")

    # ----------------------------------------------------------------- items

    def _item(self, learner: Learner, walk: Walk, language: Language, today: int) -> Reply:
        """The next item that is not answered yet, else what all of them come to."""
        if not walk.test:
            self._once_more(walk)
        waiting = next((id for id, right in walk.asks.items() if right is None), None)
        if waiting:
            return self.pose(waiting, learner, language, LEARN)
        return self._scored(learner, walk, language, today) if walk.test else self._closed(walk, language)

    def _once_more(self, walk: Walk) -> None:
        """A missed item asks for another one, on the same concept if there is one."""
        lesson = self.picture.lessons.get(walk.lesson)
        answers = list(walk.asks.values())
        if not lesson or walk.skips or None in answers or answers.count(True) >= ITEMS or answers.count(False) > MOST - ITEMS:
            return
        missed = [self.picture.items[id].concept for id, right in walk.asks.items() if not right][-1:]
        pool = [id for id in self._pool(lesson, walk) if id not in walk.asks]
        pool.sort(key=lambda id: self.picture.items[id].concept not in missed)
        if pool:
            walk.asks[pool[0]] = None

    def _closed(self, walk: Walk, language: Language) -> Reply:
        """What a lesson's closing items come to: passed, or what to look at again."""
        answers = list(walk.asks.values())
        lesson, title = walk.lesson, self._title(walk, walk.lesson, language)
        passed = answers.count(True) >= min(ITEMS, len(answers)) and not (walk.skips and False in answers)
        missed = dict.fromkeys(self.picture.items[id].concept for id, right in walk.asks.items() if not right)
        walk.asks, walk.lesson, walk.step = {}, "", 0
        walk.known = tuple(id for id in walk.known if id != lesson)
        if passed:
            walk.passed = tuple(dict.fromkeys((*walk.passed, lesson)))
            return self._celebrated(walk, lesson, language)
        weak = "、".join if language == "zh" else ", ".join
        names = weak(self.knowledge.concepts[id].name[language] for id in missed)
        again = self._choice("again", language, f"{lesson} 1")
        more = self._choice("items", language, f"{lesson} items")
        course = self.picture.course.lessons if self.picture.course else ()
        left = [id for id in course[course.index(lesson) + 1 :] if id not in walk.passed] if lesson in course else []
        ahead = (self._choice("ahead", language, f"{left[0]} 1"),) if left else ()
        return self._said("learn.weak", language, (again, more, *ahead, self._lessons(language)), title=title, weak=names)

    def _celebrated(self, walk: Walk, id: str, language: Language) -> Reply:
        """What the learner can do now, and what comes next."""
        course, lesson = self.picture.course, self.picture.lessons[id]
        left = [each for each in course.lessons if each not in walk.passed] if course else []
        words: dict[str, object] = {"title": self._title(walk, id, language), "goal": lesson.goal[language]}
        words |= {"cups": "🥤" * len(walk.passed), "passed": len(walk.passed), "count": len(course.lessons) if course else 0}
        if left:
            words["next"] = self._title(walk, left[0], language)
        choices = (self._choice("on", language, "on"), self._lessons(language))
        return self._said("learn.passed" if left else "learn.passed.last", language, choices, **words)

    # ----------------------------------------------------------------- tests

    def _form(self, learner: Learner, test: str) -> tuple[str, ...]:
        """The items of a test. Who gets which form first differs from person to person, so no form is always the last."""
        course = self.picture.course
        assert course
        if test == "placement":
            return course.placement
        return course.tests[(learner.person + TESTS.index(test)) % len(course.tests)] if course.tests else ()

    def _test(self, learner: Learner, walk: Walk, test: str, language: Language) -> Reply:
        walk.test, walk.lesson, walk.step = test, "", 0
        walk.asks = dict.fromkeys(self._form(learner, test))
        return self._item(learner, walk, language, 0) if walk.asks else self._said("learn.none", language)

    def _scored(self, learner: Learner, walk: Walk, language: Language, today: int) -> Reply:
        right, count, test = list(walk.asks.values()).count(True), len(walk.asks), walk.test
        if test == "placement":
            known = {self.picture.items[id].concept for id, each in walk.asks.items() if each}
            proven = [id for id, lesson in self.picture.lessons.items() if known & set(lesson.about)]
            walk.known = tuple(id for id in proven if id not in walk.passed)
        else:
            walk.tests[test] = (right, count, today)
        walk.asks, walk.test = {}, ""
        before = walk.tests.get("before", (0, 0, 0))
        words = {"right": right, "count": count, "before": before[0], "of": before[1], "lessons": len(walk.known)}
        key = f"learn.{test}.done" if test in ("placement", "before") or before[1] else f"learn.{test}.alone"
        return self._said(key, language, (self._choice("on", language, "on"), self._lessons(language)), **words)

    def _done(self, walk: Walk, language: Language, today: int) -> Drawing:
        """What one may show around: a full cup for each lesson, and the day; nothing about the person."""
        lessons = [self.picture.lessons[id] for id in walk.passed if id in self.picture.lessons]
        names = [lesson.title[language].partition(" ")[2] for lesson in lessons]
        cups = [Cup(name, 1.0, len(lesson.about), len(lesson.about)) for name, lesson in zip(names, lessons, strict=True)]
        title, foot = self._say("learn.card", language), self._say("learn.card.foot", language)
        day = date.fromordinal(EPOCH + max(today, 0)).isoformat()
        told = say(self._say("learn.done", language, cups="🥤" * len(lessons)))
        heading = say(f"🎓 {title} · {day}", "heading")
        review = Choice(self._say("choice.review", language), "/review")
        return Drawing((heading, told), (review, self._lessons(language)), svg=draw(Board(title, day, cups, foot)))

    # ----------------------------------------------------------------- words

    def _title(self, walk: Walk, id: str, language: Language) -> str:
        """A lesson's title; its number to somebody who does without the picture."""
        if not walk.plain or not self.picture.course or id not in self.picture.course.lessons:
            return self.picture.lessons[id].title[language]
        return self._say("learn.title", language, number=self.picture.course.lessons.index(id) + 1)

    def _say(self, key: str, language: Language, **words: object) -> str:
        return self.knowledge.say(key, language, **words)

    def _said(self, key: str, language: Language, choices: tuple[Choice, ...] = (), **words: object) -> Reply:
        return Reply((say(self._say(key, language, **words)),), choices)

    def _choice(self, name: str, language: Language, words: str) -> Choice:
        return Choice(self._say(f"learn.choice.{name}", language), f"{LEARN} {words}")

    def _lessons(self, language: Language) -> Choice:
        return self._choice("list", language, "list")


def _asked(item: Item) -> str:
    """All the words that a question shows before it is answered."""
    return "\n".join((item.stem.en, *(option.text.en for option in item.options)))
