"""Composes an answer from the knowledge: four parts, room for one phone screen.

Kubernetes' own words come first, each sentence with its source; then picture and Kubernetes side by side; where the
picture stops, if the question touches that; and one next step.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from bot.cited import Citations, gap
from bot.knowledge.base import Knowledge, Picture
from bot.knowledge.measure import CITATION
from bot.knowledge.reading import Reader
from bot.knowledge.schema import LANGUAGES, Break, Concept, Language, Pair, Phrases, Stuck
from bot.learners import Learner, Topic
from bot.replies import PHONE_LINES, Answer, Block, Choice, Paragraph, Row, Span, Table, phone_lines, say
from bot.tutor.finder import Finding
from bot.tutor.questions import Slot

NOTHING = Finding()
MANY = 1_000  # forms to remember


class Form(NamedTuple):
    """How much an answer shows below Kubernetes' own words."""

    rows: int  # relations of the side-by-side table
    doubt: bool  # the wrong inference, before the truth
    bridge: bool  # how the picture can be mended


@dataclass(frozen=True)
class Plan:
    """What an answer holds, whoever words it."""

    concepts: tuple[str, ...]  # the one that it explains, or those that it sets side by side
    language: Language
    number: int = 0  # of the focused answer; 0 the definition
    stop: str | None = None  # the break or misconception that it tells
    others: tuple[str, ...] = ()  # further concepts that the question may be about, best first


@dataclass(frozen=True)
class Answers:
    """Holds the knowledge and one picture; notes in the learner what was told."""

    knowledge: Knowledge
    picture: Picture
    reader: Reader
    forms: dict[tuple[Slot, str | None, Language], Form] = field(default_factory=dict)  # that were found to fit

    @cached_property
    def pairs(self) -> dict[frozenset[str], Pair]:
        return {frozenset(pair.of): pair for pair in reversed(self.knowledge.pairs)}

    @cached_property
    def touching(self) -> dict[str, list[tuple[int, str]]]:
        """Concept → the breaks of other roles that concern it, each with its place among all."""
        found: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for at, (key, each) in enumerate(self.picture.breaks.items()):
            for id in each.touches:
                found[id].append((at, key))
        return found

    def explain(self, slot: Slot, language: Language, learner: Learner, question: str = "", finding: Finding = NOTHING) -> Plan:
        """A concept's definition, or the focused answer that `slot` names."""
        concept = self.knowledge.concepts[slot.concepts[0]]
        focused = concept.answers[slot.number - 1] if slot.number else None
        plain = focused is None and concept.stuck is None
        stop = self._told_here(focused.stops if focused else None) or self._stop(
            (concept.id,), finding, question, learner, plain
        )
        about = dict.fromkeys((*finding.concepts[:2], *finding.mentioned, *finding.concepts))
        others = tuple(id for id in about if id != concept.id)
        return Plan((concept.id,), language, slot.number, stop, others)

    def compare(
        self,
        ids: tuple[str, ...],
        language: Language,
        learner: Learner,
        question: str = "",
        finding: Finding = NOTHING,
    ) -> Plan:
        """Two or three concepts side by side: the authored pair where there is one, else their definitions."""
        pair = self._pair(ids)
        stop = self._stop(ids, finding, question, learner, False) or self._told_here(pair.stops if pair else None)
        return Plan(ids, language, 0, stop, tuple(id for id in finding.concepts if id not in ids))

    def compose(self, plan: Plan, learner: Learner, words: str = "") -> Answer:
        """The answer that `plan` describes, in the knowledge's own words or in `words`, which cite their claims as well."""
        language = plan.language
        blocks, cites = self._fitted(plan, words)
        if len(plan.concepts) > 1:
            guess, choices = list[Block](), self.looks(plan.concepts, language)
        else:
            guess, choices = self.guess(self.knowledge.concepts[plan.concepts[0]], plan.number, language)
        answer = Answer(
            blocks=(*blocks, *guess),
            choices=choices,
            language=language,
            route="model" if words else "knowledge",
            concepts=(*plan.concepts, *plan.others)[:3],
            claims=tuple(cites.ids),
            breaks=(plan.stop,) if plan.stop else (),
        )
        return self.told(answer, Topic(plan.concepts, language, plan.number, answer.claims), learner)

    def draft(self, plan: Plan, words: str) -> Answer:
        """As much of an answer as is known while it is still being worded."""
        above = Citations().paragraph(words)
        return Answer((above,), language=plan.language, route="model", concepts=plan.concepts, draft=True)

    def own_words(self, plan: Plan, language: Language) -> list[str]:
        """The cited texts of the knowledge that answer what `plan` is about."""
        if pair := self._pair(plan.concepts):
            return [pair.difference[language], pair.choose[language]]
        concepts = [self.knowledge.concepts[id] for id in plan.concepts]
        if len(concepts) > 1:
            return [_first(concept.definition[language]) for concept in concepts]
        return [(concepts[0].answers[plan.number - 1].text if plan.number else concepts[0].definition)[language]]

    def _above(self, plan: Plan, words: str, language: Language, cites: Citations) -> list[Block]:
        """Kubernetes' own words; for a stuck state also what to do first."""
        own = self.own_words(plan, language)
        first, *rest = [words or own[0], *own[1:]] if self._pair(plan.concepts) or not words else [words]
        choose = self.knowledge.say("compare.choose", language) + gap(language) if self._pair(plan.concepts) else ""
        blocks: list[Block] = [cites.paragraph(first), *(cites.paragraph(text, choose) for text in rest)]
        stuck = self.knowledge.concepts[plan.concepts[0]].stuck if len(plan.concepts) == 1 and not plan.number else None
        return [*blocks, self._stuck(stuck, cites, language)] if stuck else blocks

    def _pair(self, ids: tuple[str, ...]) -> Pair | None:
        return self.pairs.get(frozenset(ids))

    def told(self, answer: Answer, topic: Topic, learner: Learner) -> Answer:
        """`answer` as the learner gets it: numbered, with the buttons that go on from it below its own."""
        number = learner.tell(topic)
        learner.shown(answer.breaks)
        names = [name for name in ("more", "confused", "sources", "good") if name != "sources" or answer.claims]
        further = (Choice(self.knowledge.say(f"choice.{name}", answer.language), f"/{name} {number}") for name in names)
        return replace(answer, choices=(*answer.choices, *further), number=number)

    def _stuck(self, stuck: Stuck, cites: Citations, language: Language) -> Paragraph:
        """Whose turn it is, what to type first and how to read it."""
        turn = self.knowledge.concepts[stuck.turn].name[language]
        lead = say(self.knowledge.say("stuck.turn", language, turn=turn))
        command = say(self.knowledge.say("stuck.command", language, command=stuck.command))
        return Paragraph((*lead.spans, Span("\n"), *command.spans, Span("\n"), *cites.spans(stuck.next[language])))

    def _fitted(self, plan: Plan, words: str) -> tuple[list[Block], Citations]:
        """What stands above, the rows and the stop, in the fullest form that one phone screen holds.

        The number of rows fits in both languages, so that both rest on the same claims.
        """

        def build(language: Language, form: Form) -> tuple[list[Block], Citations]:
            cites = Citations()
            above = self._above(plan, words if language == plan.language else "", language, cites)
            blocks = [*above, *self._rows(plan.concepts, form.rows, cites, language)]
            return blocks + (self._told(plan.stop, form, cites, language) if plan.stop else []), cites

        def fits(form: Form, *languages: Language) -> bool:
            return all(sum(map(phone_lines, build(each, form)[0])) <= PHONE_LINES for each in languages)

        def fullest() -> Form:
            least = Form(1, False, False)
            rows = next((n for n in (3, 2, 1) if fits(Form(n, True, False), *LANGUAGES)), int(fits(least, *LANGUAGES)))
            forms = (Form(rows, True, True), Form(rows, True, False))
            return next((form for form in forms if fits(form, plan.language)), Form(rows, False, False))

        asked = (Slot(plan.concepts, plan.number), plan.stop, plan.language)
        if words:
            return build(plan.language, fullest())
        if asked not in self.forms:
            if len(self.forms) == MANY:
                self.forms.clear()
            self.forms[asked] = fullest()
        return build(plan.language, self.forms[asked])

    def _rows(self, ids: tuple[str, ...], most: int, cites: Citations, language: Language) -> list[Block]:
        """Who plays each concept, and for a single one up to `most` of its relations."""
        roles = [self.picture.roles[id] for id in ids if id in self.picture.roles]
        rows: list[Row] = [
            ((Span(role.role[language], "strong"),), (Span(self.knowledge.concepts[role.concept].name[language], "strong"),))
            for role in roles
        ]
        for relation in roles[0].relations[:most] if len(ids) == 1 and roles else ():
            cell = (Span(relation.kubernetes[language]), cites.marks(relation.claims))
            rows.append(((Span(relation.picture[language]),), cell))
        return [Table(tuple(rows))] if rows else []

    def _told(self, stop: str, form: Form, cites: Citations, language: Language) -> list[Block]:
        """Where the picture stops: what it invites, the truth, the bridge; or a misconception and its truth."""
        found = self.knowledge.stop(self.picture, stop)
        assert found
        lead = self.knowledge.say("stop.break" if isinstance(found, Break) else "stop.misconception", language)
        said = set(CITATION.findall(found.truth[language])) <= set(cites.ids)  # the words above have told the truth
        said = said and not form.bridge  # where there is room it is told again
        doubted = self.knowledge.say("stop.said" if said else "stop.doubt", language, wrong=found.wrong[language])
        doubt = doubted if form.doubt or said else ""
        truth = () if said else (Span(gap(language) if doubt else ""), *cites.spans(found.truth[language]))
        spans = (Span(lead + gap(language), "strong"), Span(doubt), *truth)
        told: list[Block] = [Paragraph(spans, "stop")]
        if form.bridge and isinstance(found, Break):
            told.append(say(self.knowledge.say("stop.bridge", language, bridge=found.bridge[language]), "stop"))
        return told

    def _told_here(self, stop: str | None) -> str | None:
        """`stop`, unless it is a break of another picture."""
        return stop if stop and self.knowledge.stop(self.picture, stop) else None

    def _stop(self, ids: tuple[str, ...], finding: Finding, question: str, learner: Learner, plain: bool) -> str | None:
        """The break or misconception that a question touches; a plain question meets its concept's first unseen break."""
        near, said = tuple(dict.fromkeys((*ids, *finding.named))), self.reader.within(question)
        touched = [
            (len(phrase), stop)
            for stop, triggers in self._stops(near)
            for language in LANGUAGES
            for phrase in triggers[language]
            if said(phrase)
        ]
        if touched:
            return max(touched, key=lambda each: each[0])[1]
        role = self.picture.roles.get(ids[0])
        if plain and role:
            return next((stop for stop in role.breaks if stop not in learner.stops_shown), None)
        return None

    def _stops(self, near: tuple[str, ...]) -> Iterable[tuple[str, Phrases]]:
        for id in near:
            for key, misconception in self.knowledge.concepts[id].misconceptions.items():
                yield f"{id}.{key}", misconception.triggers
            if id in self.picture.roles:
                for key, found in self.picture.roles[id].breaks.items():
                    yield key, found.triggers
        for _, key in sorted({each for id in near for each in self.touching.get(id, ())}):
            yield key, self.picture.breaks[key].triggers

    def guess(self, concept: Concept, number: int, language: Language) -> tuple[list[Block], tuple[Choice, ...]]:
        """The next step: a question to guess at before its answer is opened."""
        if not concept.answers:
            return [], ()
        after = number % len(concept.answers) + 1
        if after == number:
            return [], ()
        question = concept.answers[after - 1].asked_as[0][language]
        return (
            [say(self.knowledge.say("next.guess", language, question=question), "next")],
            (Choice(self.knowledge.say("choice.guess", language), f"/ask {concept.id}.{after}"),),
        )

    def decline(self, question: str, finding: Finding, language: Language) -> Answer:
        """Says in one line that this is not ours, or not yet, and offers what is nearest, else where to start."""
        later = self.knowledge.wording.later
        word = next(filter(self.reader.within(question), later), None)
        near = later[word] if word else finding.named[:3]
        line = self.knowledge.say("declined.later" if word else "declined", language, word=word)
        offer = self.knowledge.say("declined.near" if near else "declined.start", language)
        choices = self.looks(near, language)
        return Answer((say(line), say(offer)), choices or self.starts(language), language=language, route="declined")

    def which(self, ids: tuple[str, ...], language: Language) -> Answer:
        """Asks back when a word means two things equally."""
        first, second = (self.knowledge.concepts[id].name[language] for id in ids[:2])
        line = self.knowledge.say("which", language, first=first, second=second)
        choices = self.looks(ids, language)
        return Answer((say(line),), choices, language=language, concepts=ids)

    def looks(self, ids: Iterable[str], language: Language) -> tuple[Choice, ...]:
        """A button for each concept that opens its definition."""
        return tuple(Choice(self.knowledge.concepts[id].name[language], f"/ask {id}") for id in ids)

    def starts(self, language: Language) -> tuple[Choice, ...]:
        """Three questions to begin with."""
        questions = [self.knowledge.say(f"question.{name}", language) for name in ("first", "second", "third")]
        return tuple(Choice(question, question) for question in questions)

    def neighbours(self, id: str, language: Language) -> tuple[Choice, ...]:
        """The concepts that the picture ties to this one."""
        role = self.picture.roles.get(id)
        ids = dict.fromkeys([relation.to for relation in role.relations] if role else self.knowledge.concepts[id].needs)
        return self.looks(tuple(ids)[:3], language)


def _first(text: str) -> str:
    """The first sentence of a cited text."""
    end = re.search(r"(\[[^\]]+\])+", text)
    return text[: end.end()] if end else text
