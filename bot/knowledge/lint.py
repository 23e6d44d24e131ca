"""What a base must hold beyond the shape of its files: links that lead somewhere, proofs, parity, and room on a phone.

Each function looks at one rule and notes what breaks it at the place where the author can mend it.
"""

from __future__ import annotations

import re
import string
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import PurePosixPath
from typing import NamedTuple

from bot.errors import Refused
from bot.knowledge import courses, quizzes
from bot.knowledge.measure import CHINESE, CITATION, length
from bot.knowledge.reading import Reader
from bot.knowledge.schema import (
    LANGUAGES,
    Areas,
    Both,
    Break,
    Breakage,
    Concept,
    Course,
    Item,
    Items,
    Lesson,
    Metaphor,
    Pair,
    Phrases,
    Role,
    Wording,
)
from bot.knowledge.source import File, Place, Table

PROOF = re.compile(r"(\[[^\]]*\])+")
MARKS = re.compile(r"[\W_]+")
SENTENCE = re.compile(r".+?(?:[。！？]|[.!?](?=\s|\[|$)|$)", re.DOTALL)
BUTTON = 64  # bytes that a button's command may take
APART = str.maketrans("", "", " -_\t")
SINGLE = (str, int, type(None))  # what holds no text in two languages
# The most that a text may take, in Chinese characters and in English words.
ROOM: dict[str, tuple[int, int]] = {
    "answer": (90, 60), "truth": (66, 44), "bridge": (42, 26), "invites": (40, 26), "story": (84, 56),
    "picture": (16, 9), "kubernetes": (20, 12), "role": (10, 8), "name": (16, 5),
    "feedback": (80, 52), "tells": (84, 56), "otherwise": (84, 56), "area": (8, 4),
}  # fmt: skip


def lint(files: list[File], needed_texts: dict[str, Both], simulated: Simulated, whole: bool = True) -> None:
    """Adds to each file the problems that only show when all are read together. Call it when every file has its shape.

    Not `whole`: without the quiz items, which may be all that cites a claim.
    """
    base = _Base(files, whole)
    base.names()
    base.links()
    base.cycles()
    base.aliases()
    base.questions()
    base.asked()
    base.weights()
    base.proofs()
    base.never_say()
    base.languages()
    base.pictures()
    base.quizzes(simulated)
    if simulated.facts:
        base.explanations()
    base.narrations(simulated)
    base.breakages(simulated)
    base.areas()
    base.courses()
    base.texts(needed_texts)


class Simulated(NamedTuple):
    """What the order simulation has to say to a base; this module does not know it."""

    steps: frozenset[str] = frozenset()  # that a narration has to tell
    gaps: frozenset[str] = frozenset()  # that it may leave
    facts: Callable[[Breakage | Item], Collection[str]] | None = None  # that hold in the end; Refused when it cannot be played


class _Base:
    def __init__(self, files: list[File], whole: bool) -> None:
        self.files, self.whole = files, whole
        self.concepts = [(file, file.value) for file in files if isinstance(file.value, Concept)]
        self.pairs = [(file, file.value) for file in files if isinstance(file.value, Pair)]
        self.metaphors = [(file, file.value) for file in files if isinstance(file.value, Metaphor)]
        self.roles = [(file, file.value) for file in files if isinstance(file.value, Role)]
        self.items = [
            (file, ("items", id), item)
            for file in files
            if isinstance(file.value, Items)
            for id, item in file.value.items.items()
        ]
        self.breaking = [(file, file.value) for file in files if isinstance(file.value, Breakage)]
        self.ids = {concept.id for _, concept in self.concepts}
        self.claims = {f"{concept.id}.{key}" for _, concept in self.concepts for key in concept.claims}
        misconceptions = {f"{concept.id}.{key}" for _, concept in self.concepts for key in concept.misconceptions}
        self.stops = misconceptions | {key for _, role in self.roles for key in role.breaks}
        self._told = {f"{concept.id}.{key}": claim for _, concept in self.concepts for key, claim in concept.claims.items()}
        # What a file without its shape would have held is not known; links to it are not its author's second mistake.
        self.shapeless = {PurePosixPath(file.name).stem for file in files if file.value is None}

    def names(self) -> None:
        """A file is called what it holds, so no two entries can have one id."""
        for file, concept in self.concepts:
            self._called(file, "id", concept.id, PurePosixPath(file.name).stem)
        for file, role in self.roles:
            self._called(file, "concept", role.concept, PurePosixPath(file.name).stem)
        seen: dict[str, File] = {}
        for file, metaphor in self.metaphors:
            if metaphor.id in seen:
                file.fault(("id",), "duplicate-id", id=metaphor.id, other=seen[metaphor.id].path)
            else:
                self._called(file, "id", metaphor.id, PurePosixPath(file.name).parent.name)
            seen.setdefault(metaphor.id, file)

    def _called(self, file: File, key: str, id: str, name: str) -> None:
        if id != name:
            other = next((each.path for each, concept in self.concepts if concept.id == id and each is not file), None)
            if other and key == "id":
                file.fault((key,), "duplicate-id", id=id, other=other)
            else:
                file.fault((key,), "name-differs", id=id, name=name)

    def links(self) -> None:
        """Every id that is named exists."""
        for file, place, id, known in self._links():
            if id not in known and not self._hidden(id):
                file.fault(place, "dead-link", id=id)

    def _hidden(self, id: str) -> bool:
        return id.split(".", maxsplit=1)[0] in self.shapeless or (id[0] == "B" and bool(self.shapeless))

    def _links(self) -> Iterator[tuple[File, Place, str, set[str]]]:
        for file, concept in self.concepts:
            for at, id in enumerate(concept.needs):
                yield file, ("needs", at), id, self.ids
            for at, answer in enumerate(concept.answers):
                if answer.stops:
                    yield file, ("answers", at, "stops"), answer.stops, self.stops
            if concept.stuck:
                yield file, ("stuck", "turn"), concept.stuck.turn, self.ids
        for file, pair in self.pairs:
            for at, id in enumerate(pair.of):
                yield file, ("of", at), id, self.ids
            if pair.stops:
                yield file, ("stops",), pair.stops, self.stops
        for file, breakage in self.breaking:
            yield file, ("concept",), breakage.concept, self.ids
            yield file, ("stops",), breakage.stops, self.stops
            for at, guess in enumerate(breakage.guesses):
                if guess.misconception:
                    yield file, ("guesses", at, "misconception"), guess.misconception, self.stops
        for file, role in self.roles:
            yield file, ("concept",), role.concept, self.ids
            for at, relation in enumerate(role.relations):
                yield file, ("relations", at, "to"), relation.to, self.ids
                for n, id in enumerate(relation.claims):
                    yield file, ("relations", at, "claims", n), id, self.claims
            for key, stop in role.breaks.items():
                for at, id in enumerate(stop.touches):
                    yield file, ("breaks", key, "touches", at), id, self.ids
        for file, place, item in self.items:
            yield file, (*place, "concept"), item.concept, self.ids
            if item.stops:
                yield file, (*place, "stops"), item.stops, self.stops
            for at, option in enumerate(item.options):
                if option.misconception:
                    yield file, (*place, "options", at, "misconception"), option.misconception, self.stops
        for file, metaphor in self.metaphors:
            for at, box in enumerate(metaphor.map):
                yield file, ("map", at, "concept"), box.concept, self.ids
                for n, id in enumerate(box.holds):
                    yield file, ("map", at, "holds", n), id, self.ids
        for file in self.files:
            if isinstance(file.value, Wording):
                for at, id in enumerate(file.value.generic):
                    yield file, ("generic", at), id, self.ids
                for word, near in file.value.later.items():
                    for at, id in enumerate(near):
                        yield file, ("later", word, at), id, self.ids

    def cycles(self) -> None:
        """Nothing needs itself, however far round."""
        needs = {concept.id: concept.needs for _, concept in self.concepts}
        done: set[str] = set()

        def walk(id: str, way: tuple[str, ...]) -> tuple[str, ...] | None:
            if id in way:
                return (*way[way.index(id) :], id)
            if id in done or id not in needs:
                return None
            found = next((cycle for each in needs[id] if (cycle := walk(each, (*way, id)))), None)
            done.add(id)
            return found

        for file, concept in self.concepts:
            if concept.id not in done and (cycle := walk(concept.id, ())):
                owner = next((each for each, value in self.concepts if value.id == cycle[0]), file)
                owner.fault(("needs",), "cycle", way=" → ".join(cycle))

    def aliases(self) -> None:
        """An unmistakable name belongs to one concept."""
        owners = {_name(name): (c.id, file) for file, c in self.concepts for name in (c.id, c.name.zh, c.name.en)}
        for file, concept in self.concepts:
            for language in LANGUAGES:
                for at, alias in enumerate(concept.aliases[language]):
                    owner, other = owners.setdefault(_name(alias), (concept.id, file))
                    if owner != concept.id:
                        file.fault(("aliases", language, at), "alias-taken", alias=alias, owner=owner, other=other.path)

    def questions(self) -> None:
        """At least four questions a language per concept; one question leads to one answer."""
        owners: dict[str, str] = {}
        for file, concept in self.concepts:
            asked = list(concept.asked_as) + [each for answer in concept.answers for each in answer.asked_as]
            if len(asked) < 4:
                file.fault(("asked_as",), "few-questions", count=len(asked), least=4)
        for file, place, question in self._questions():
            for text in (question.zh, question.en):
                key = MARKS.sub("", text.lower())
                if owners.setdefault(key, file.path) != file.path:
                    file.fault(place, "question-taken", question=text, other=owners[key])

    def _questions(self) -> Iterator[tuple[File, Place, Both]]:
        for file, concept in self.concepts:
            for at, question in enumerate(concept.asked_as):
                yield file, ("asked_as", at), question
            for n, answer in enumerate(concept.answers):
                for at, question in enumerate(answer.asked_as):
                    yield file, ("answers", n, "asked_as", at), question
        for file, pair in self.pairs:
            for at, question in enumerate(pair.asked_as):
                yield file, ("asked_as", at), question

    def asked(self) -> None:
        """What was asked elsewhere leads to an answer that exists, once, in its own language."""
        slots = {"-", *self.ids}
        slots.update(f"{concept.id}.{n}" for _, concept in self.concepts for n in range(1, len(concept.answers) + 1))
        for file in self.files:
            seen: dict[str, int] = {}
            for at, (slot, question) in enumerate(file.value or () if file.name.startswith("language/asked/") else ()):
                if slot not in slots and not self._hidden(slot):
                    file.fault((at,), "dead-link", id=slot)
                if file.name.endswith("/en.tsv") and CHINESE.search(question):
                    file.fault((at,), "chinese-in-english", text=question[:30])
                if seen.setdefault(question, at) != at:
                    file.fault((at,), "question-taken", question=question, other=f"{file.path}:{seen[question] + 1}")

    def weights(self) -> None:
        """The weights are those that were generated."""
        for file in self.files:
            if isinstance(file.value, Table) and "weights" in file.name and not (file.value.get("#") and file.value.get("+")):
                file.fault((), "not-generated")

    def proofs(self) -> None:
        """Each sentence about Kubernetes cites a claim that exists, and each claim is cited."""
        used: set[str] = set()
        for file, place, both, every in self._cited():
            for language in LANGUAGES:
                text = both[language]
                ids = CITATION.findall(text)
                used.update(ids)
                for id in ids:
                    if id not in self.claims and not self._hidden(id):
                        file.fault((*place, language), "dead-link", id=id)
                for sentence in uncited(text) if every or not ids else ():
                    file.fault((*place, language), "uncited", sentence=sentence)
            if set(CITATION.findall(both.zh)) != set(CITATION.findall(both.en)):
                file.fault(place, "claims-differ")
        for _, role in self.roles:
            used.update(id for relation in role.relations for id in relation.claims)
        for file, concept in self.concepts:
            for key in concept.claims:
                if f"{concept.id}.{key}" not in used and self.whole and not self.shapeless:
                    file.fault(("claims", key), "unused-claim", id=f"{concept.id}.{key}")

    def _cited(self) -> Iterator[tuple[File, Place, Both, bool]]:
        """Texts about Kubernetes; True where every sentence needs its own proof."""
        for file, concept in self.concepts:
            yield file, ("definition",), concept.definition, True
            yield file, ("plainer",), concept.plainer, True
            yield file, ("example",), concept.example, False
            for at, answer in enumerate(concept.answers):
                yield file, ("answers", at, "text"), answer.text, True
            for key, misconception in concept.misconceptions.items():
                yield file, ("misconceptions", key, "truth"), misconception.truth, True
            if concept.stuck:
                yield file, ("stuck", "next"), concept.stuck.next, True
        for file, pair in self.pairs:
            for part in ("shared", "difference", "choose"):
                yield file, (part,), getattr(pair, part), True
        for file, role in self.roles:
            for key, stop in role.breaks.items():
                yield file, ("breaks", key, "truth"), stop.truth, True
                if stop.otherwise:
                    yield file, ("breaks", key, "otherwise"), stop.otherwise, False
        for file, breakage in self.breaking:
            yield file, ("told",), breakage.told, True
        for file in self.files:
            for concept, why in file.value.items() if file.name.endswith("/whys.yaml") and file.value else ():
                yield file, (concept,), why, False
        for file, place, item in self.items:
            yield file, (*place, "explain"), item.explain, True
            for at, option in enumerate(item.options):
                if option.feedback:
                    yield file, (*place, "options", at, "feedback"), option.feedback, False

    def never_say(self) -> None:
        """What can never be right stands in no text of the base."""
        texts = [(file, place, both) for file, place, both, _ in self._cited()]
        for language in LANGUAGES:
            within = finder(phrase.lower() for _, concept in self.concepts for phrase in concept.never_say[language])
            for file, place, both in texts:
                for phrase in within(CITATION.sub("", both[language]).lower()):
                    file.fault((*place, language), "never-say", phrase=phrase)

    def languages(self) -> None:
        """Chinese is written in Chinese, English holds no Chinese, and each text has room on a phone."""
        for file in self.files:
            for place, both in () if isinstance(file.value, tuple) else boths(file.value, ()):
                if not both.en.isascii() and CHINESE.search(both.en):
                    file.fault((*place, "en"), "chinese-in-english", text=both.en[:30])
                room = self._room(place, file.value)
                if room:
                    for language in LANGUAGES:
                        size, most = length(both[language], language), room[language == "en"]
                        if size > most:
                            file.fault((*place, language), f"too-long.{language}", size=size, most=most)

    @staticmethod
    def _room(place: Place, value: object) -> tuple[int, int] | None:
        last = str(place[-1]) if place else ""
        if isinstance(value, Items):
            return ROOM["feedback"] if last == "feedback" else None
        if isinstance(value, Areas):
            return ROOM["area"]
        if last in ("definition", "plainer", "text", "difference", "next", "shared", "choose"):
            return ROOM["answer"]
        if last in ("picture", "again") and len(place) == 1 and isinstance(value, Role):
            return ROOM["story"]
        return ROOM.get(last)

    def pictures(self) -> None:
        """In one picture each role is played once, each break has one id, and every fact of the source is used."""
        for file, metaphor in self.metaphors:
            folder = str(PurePosixPath(file.name).parent) + "/"
            mine = [(each, role) for each, role in self.roles if each.name.startswith(folder)]
            seen: dict[str, str] = {}
            for each, role in mine:
                for language in LANGUAGES:
                    self._once(each, ("role", language), "duplicate-role", role.role[language].lower(), seen)
            breaks: dict[str, str] = {}
            for each, role in mine:
                for key in role.breaks:
                    self._once(each, ("breaks", key), "duplicate-break", key, breaks)
            known = {*metaphor.sources, "extension"}
            used = {origin for _, role in mine for origin in role.origin} | set(metaphor.origin)
            for each, role in mine:
                for at, origin in enumerate(role.origin):
                    if origin not in known:
                        each.fault(("origin", at), "dead-link", id=origin)
            for origin in metaphor.sources:
                if origin not in used and not self.shapeless:
                    file.fault(("sources", origin), "unused-source", id=origin)
        homes = {str(PurePosixPath(file.name).parent) for file, _ in self.metaphors}
        for file, _ in self.roles:
            if str(PurePosixPath(file.name).parent.parent) not in homes:
                file.fault((), "no-metaphor", folder=PurePosixPath(file.name).parent.parent.name)

    def quizzes(self, simulated: Simulated) -> None:
        """Each quiz item is what its type says, fits a poll, and the bank as a whole gives no key away."""
        seen: dict[str, str] = {}
        bank = []
        echoes = next((file.value.echoes for file in self.files if isinstance(file.value, Wording)), Phrases())
        for file, place, item in self.items:
            self._once(file, place, "duplicate-id", str(place[-1]), seen)
            for fault in (*quizzes.faults(item, simulated.facts), *quizzes.echoing(item, echoes)):
                file.fault((*place, *fault.place), fault.kind, **fault.words)
            right = quizzes.key(item)
            if len(right) == 1 and item.type in quizzes.CHOSEN:
                bank.append((item, right))
            for inside, both in boths(item, place):
                most = quizzes.ROOM.get(str(inside[-1]))
                for language in LANGUAGES:
                    size = len(CITATION.sub("", both[language]))
                    if most and size > most:
                        file.fault((*inside, language), "shape.string_too_long", field=str(inside[-1]), max_length=most)
        for kind, words in quizzes.given_away(bank):
            self.items[0][0].fault((), kind, **words)
        self._asked_twice()

    def _asked_twice(self) -> None:
        """Where a picture has items of its own, each severe break is looked for by two: one may be guessed."""
        looked_for = Counter(item.stops for _, _, item in self.items)
        for metaphor, _ in self.metaphors:
            home = str(PurePosixPath(metaphor.name).parent)
            if not any(file.name.startswith(f"{home}/items/") for file, _, _ in self.items):
                continue
            for file, role in self.roles:
                for key, stop in role.breaks.items() if file.name.startswith(f"{home}/roles/") else ():
                    if stop.severity == "severe" and looked_for[key] < 2 and not self.shapeless:
                        file.fault(("breaks", key), "few-items", id=key, count=looked_for[key])

    def explanations(self) -> None:
        """What an `explain` listens for is found in its expectations' own words, and no misconception is."""
        reader = self._reader()
        for file, place, item in self.items:
            if reader and item.type == "explain":
                for fault in quizzes.unheard(item, reader.within):
                    file.fault((*place, *fault.place), fault.kind, **fault.words)

    def _reader(self) -> Reader | None:
        """Reads as the tutor does; None where a file that this takes has no shape."""
        wording = next((file.value for file in self.files if isinstance(file.value, Wording)), None)
        characters = next((file.value for file in self.files if file.name == "language/characters.tsv"), None)
        if not wording or not characters:
            return None
        return Reader.made(wording, {char: (simple, sound) for char, simple, sound in characters})

    @staticmethod
    def _once(file: File, place: Place, kind: str, key: str, seen: dict[str, str]) -> None:
        if key in seen:
            file.fault(place, kind, id=key, other=seen[key])
        seen.setdefault(key, file.path)

    def narrations(self, simulated: Simulated) -> None:
        """Each metaphor that tells the simulation tells every step of it."""
        for file in self.files:
            if file.name.endswith("/narration.yaml") and isinstance(file.value, dict):
                for step in sorted(simulated.steps - file.value.keys()):
                    file.fault((), "missing-step", step=step)
                for step, both in file.value.items():
                    if simulated.steps and step not in simulated.steps:
                        file.fault((step,), "dead-link", id=step)
                    if gaps(both.zh) != gaps(both.en) or (simulated.steps and not gaps(both.zh) <= simulated.gaps):
                        file.fault((step,), "gaps-differ", key=step)

    def breakages(self, simulated: Simulated) -> None:
        """What is broken on purpose can be played, and exactly one guess comes true."""
        for file, breakage in self.breaking:
            if not simulated.facts:
                continue
            try:
                facts = simulated.facts(breakage)
            except Refused as refused:
                file.fault(("change",), "not-playable", reason=str(refused))
                continue
            true = [guess for guess in breakage.guesses if guess.fact in facts]
            if len(true) != 1:
                file.fault(("guesses",), "one-true", facts=", ".join(sorted(facts)))

    def courses(self) -> None:
        """A lesson is whole and takes minutes, the course names each once, and meets every break of the first tiers."""
        tiers = {concept.id: concept.tier for _, concept in self.concepts}
        for file, metaphor in self.metaphors:
            home = str(PurePosixPath(file.name).parent)
            mine = [each for each in self.files if each.name.startswith(f"{home}/")]
            lessons = {PurePosixPath(each.name).stem: each for each in mine if isinstance(each.value, Lesson)}
            course = next((each for each in mine if isinstance(each.value, Course)), None)
            plays = {PurePosixPath(each.name).stem: each.value.stops for each in mine if isinstance(each.value, Breakage)}
            roles = [each.value for each in mine if isinstance(each.value, Role)]
            breaks = {key: stop for role in roles for key, stop in role.breaks.items()}
            for each in lessons.values():
                self._lesson(each, each.value, plays, breaks)
            if course:
                self._course(course, course.value, lessons.keys())
                known = {key: tiers[role.concept] for role in roles if role.concept in tiers for key in role.breaks}
                for key in courses.unmet((each.value for each in lessons.values()), plays, known):
                    course.fault(("lessons",), "never-met", id=key, tier=known[key])
            elif lessons:
                next(iter(lessons.values())).fault((), "no-course", metaphor=metaphor.id)

    def _lesson(self, file: File, lesson: Lesson, breakages: Collection[str], breaks: Mapping[str, Break]) -> None:
        for fault in courses.faults(lesson, self._told, breaks):
            file.fault(fault.place, fault.kind, **fault.words)
        for at, step in enumerate(lesson.steps):
            place = ("steps", at)
            named: list[tuple[str, tuple[str, ...], Collection[str]]] = [
                ("about", (step.about,) if step.about else (), self.ids),
                ("truth", step.truth, self.claims),
                ("stops", step.stops, breaks),
                ("breakage", (step.breakage,) if step.breakage else (), breakages),
            ]
            for key, ids, known in named:
                for id in ids:
                    if id not in known:
                        file.fault((*place, key), "dead-link", id=id)

    def _course(self, file: File, course: Course, lessons: Collection[str]) -> None:
        items = {place[-1] for _, place, _ in self.items}
        named: list[tuple[Place, str, Collection[object]]] = [
            *((("lessons", at), id, lessons) for at, id in enumerate(course.lessons))
        ]
        if self.whole:
            named += [(("placement", at), id, items) for at, id in enumerate(course.placement)]
            named += [(("tests", n, at), id, items) for n, test in enumerate(course.tests) for at, id in enumerate(test)]
        seen: dict[str, str] = {}
        for place, id, known in named:
            self._once(file, place, "duplicate-id", id, seen)
            if id not in known:
                file.fault(place, "dead-link", id=id)
        for id in sorted(set(lessons) - set(course.lessons)):
            file.fault(("lessons",), "not-in-course", id=id)

    def areas(self) -> None:
        """Each concept belongs to one part of the whole, whose name fits below its cup."""
        for file in self.files:
            if not isinstance(file.value, Areas):
                continue
            seen: set[str] = set()
            for at, area in enumerate(file.value.areas):
                for n, id in enumerate(area.concepts):
                    place = ("areas", at, "concepts", n)
                    if id not in self.ids and not self._hidden(id):
                        file.fault(place, "dead-link", id=id)
                    if id in seen:
                        file.fault(place, "area-twice", id=id)
                    seen.add(id)
            for id in sorted(self.ids - seen):
                file.fault(("areas",), "area-missing", id=id)

    def texts(self, needed: dict[str, Both]) -> None:
        """Every sentence the program says is there, once, with the same gaps in both languages."""
        seen: dict[str, str] = {}
        catalogues = [file for file in self.files if file.name.startswith("texts/") and file.value is not None]
        for file in catalogues:
            for key, both in file.value.items():
                self._once(file, (key,), "duplicate-text", key, seen)
                if gaps(both.zh) != gaps(both.en) or "?" in gaps(both.zh):
                    file.fault((key,), "gaps-differ", key=key)
                for language in LANGUAGES if key.startswith(("command.", "question.")) else ():
                    if len(both[language].encode()) > BUTTON:
                        file.fault((key, language), "too-long-command", most=BUTTON)
                if key in needed and gaps(both.zh) != gaps(needed[key].zh):
                    file.fault((key,), "gaps-wrong", key=key, gaps=", ".join(sorted(gaps(needed[key].zh))) or "–")
        unread = any(file.name.startswith("texts/") and file.value is None for file in self.files)
        for key in needed if not unread else ():
            if key not in seen:
                (catalogues or self.files)[0].fault((), "missing-text", key=key)
        for file in self.files:
            for meaning in file.value.small_talk if isinstance(file.value, Wording) else ():
                if meaning != "story" and not {meaning, f"{meaning}.nothing"} & set(needed):
                    file.fault(("small_talk", meaning), "dead-link", id=meaning)


def finder(phrases: Iterable[str]) -> Callable[[str], set[str]]:
    """Finds which of many phrases a text holds, in a time that does not grow with their number.

    Only every `step`-th piece of the text is looked at: no phrase is so short that it could stand between two of them.
    """
    known = frozenset(phrases)
    shortest = min(map(len, known), default=1)
    size = (shortest + 1) // 2
    step = shortest - size + 1
    pieces: dict[str, set[str]] = defaultdict(set)
    for phrase in known:
        for at in range(step):
            pieces[phrase[at : at + size]].add(phrase)

    def within(text: str) -> set[str]:
        near = (pieces[piece] for at in range(0, len(text), step) if (piece := text[at : at + size]) in pieces)
        return {phrase for each in near for phrase in each if phrase in text}

    return within


def _name(words: str) -> str:
    return words.lower().translate(APART)


def uncited(text: str) -> list[str]:
    """The sentences of `text` that are not followed by a citation."""
    missing, rest = [], text
    while rest.strip():
        found = SENTENCE.match(rest)
        end = found.end() if found else len(rest)
        sentence, rest = rest[:end], rest[end:]
        proof = PROOF.match(rest)
        if proof:
            rest = rest[proof.end() :]
        elif sentence.strip():
            missing.append(sentence.strip())
    return missing


def gaps(text: str) -> set[str]:
    """The names of the places that a sentence leaves open; `?` for a brace that opens none."""
    try:
        parts = [part for part in string.Formatter().parse(text) if part[1] is not None]
        return {name if name and name.isidentifier() and not (spec or how) else "?" for _, name, spec, how in parts}
    except ValueError:
        return {"?"}


def boths(value: object, place: Place) -> Iterator[tuple[Place, Both]]:
    """Every two-language text within a value, with its place."""
    if isinstance(value, Both):
        yield place, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from boths(each, (*place, key))
    elif isinstance(value, tuple):
        for at, each in enumerate(value):
            if not isinstance(each, SINGLE):
                yield from boths(each, (*place, at))
    elif is_dataclass(value) and not isinstance(value, Phrases | type):
        for name in _parts(type(value)):
            if not isinstance(each := getattr(value, name), SINGLE):
                yield from boths(each, (*place, name))


@cache
def _parts(shape: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(shape))
