"""Composes an answer from the knowledge: four parts, room for one phone screen.

Kubernetes' own words come first, each sentence with its source; then picture and Kubernetes side by side; where the
picture stops, if the question touches that; and one next step.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bot.knowledge.base import Knowledge, Picture
from bot.knowledge.reading import Reader
from bot.knowledge.schema import LANGUAGES, Break, Concept, Language, Phrases
from bot.learners import Learner, Topic
from bot.replies import PHONE_LINES, Answer, Block, Choice, Paragraph, Row, Span, Table, phone_lines, say
from bot.tutor.cited import Citations
from bot.tutor.finder import Finding
from bot.tutor.questions import Slot

NOTHING = Finding()


@dataclass(frozen=True)
class Answers:
    """Holds the knowledge and one picture; notes in the learner what was told."""

    knowledge: Knowledge
    picture: Picture
    reader: Reader

    def explain(
        self, slot: Slot, language: Language, learner: Learner, question: str = "", finding: Finding = NOTHING
    ) -> Answer:
        """A concept's definition, or the focused answer that `slot` names."""
        concept = self.knowledge.concepts[slot.concepts[0]]
        focused = concept.answers[slot.number - 1] if slot.number else None
        cites = Citations()
        blocks: list[Block] = [cites.paragraph((focused.text if focused else concept.definition)[language])]
        if concept.stuck:
            blocks.append(self._stuck(concept, cites, language))
        stop = (focused.stops if focused else None) or self._stop(concept, finding, question, learner, not slot.number)
        blocks += self._sides((concept.id,), stop, cites, blocks, language)
        guess = self.guess(concept, slot.number, language)
        learner.topic = Topic((concept.id,), slot.number, tuple(cites.ids))
        if stop:
            learner.stops_shown.add(stop)
        others = tuple(id for id in finding.concepts if id != concept.id)
        return Answer(
            blocks=(*blocks, *guess[0]),
            choices=(*guess[1], *self.choices(language)),
            language=language,
            concepts=(concept.id, *others)[:3],
            claims=tuple(cites.ids),
            breaks=(stop,) if stop else (),
        )

    def compare(
        self, ids: tuple[str, ...], language: Language, learner: Learner, question: str = "", finding: Finding = NOTHING
    ) -> Answer:
        """Sets two or three concepts side by side: the authored pair where there is one, else their definitions."""
        pair = next((each for each in self.knowledge.pairs if set(each.of) == set(ids)), None)
        cites = Citations()
        if pair:
            blocks: list[Block] = [cites.paragraph(pair.difference[language])]
            rest: list[Block] = [cites.paragraph(pair.choose[language], self.knowledge.say("compare.choose", language))]
        else:
            blocks = [self._short(self.knowledge.concepts[id], cites, language) for id in ids]
            rest = []
        first = self.knowledge.concepts[ids[0]]
        stop = self._stop(first, finding, question, learner, False, ids) or (pair.stops if pair else None)
        blocks += [*rest, *self._sides(ids, stop, cites, [*blocks, *rest], language)]
        learner.topic = Topic(ids, 0, tuple(cites.ids))
        if stop:
            learner.stops_shown.add(stop)
        looks = tuple(Choice(self.knowledge.concepts[id].name[language], f"/ask {id}") for id in ids)
        return Answer(
            blocks=tuple(blocks),
            choices=(*looks, *self.choices(language)),
            language=language,
            concepts=ids,
            claims=tuple(cites.ids),
            breaks=(stop,) if stop else (),
        )

    def _short(self, concept: Concept, cites: Citations, language: Language) -> Paragraph:
        """The first sentence of a definition, under the concept's name."""
        end = re.search(r"(\[[^\]]+\])+", concept.definition[language])
        text = concept.definition[language][: end.end()] if end else concept.definition[language]
        return cites.paragraph(text)

    def _stuck(self, concept: Concept, cites: Citations, language: Language) -> Paragraph:
        """Whose turn it is, what to type first and how to read it."""
        assert concept.stuck
        turn = self.knowledge.concepts[concept.stuck.turn].name[language]
        lead = say(self.knowledge.say("stuck.turn", language, turn=turn))
        command = say(self.knowledge.say("stuck.command", language, command=concept.stuck.command))
        return Paragraph((*lead.spans, Span("\n"), *command.spans, Span("\n"), *cites.spans(concept.stuck.next[language])))

    def _sides(
        self, ids: tuple[str, ...], stop: str | None, cites: Citations, above: list[Block], language: Language
    ) -> list[Block]:
        """The rows side by side and the place where the picture stops: the fullest form that leaves it one phone screen."""
        room = PHONE_LINES - sum(map(phone_lines, above))
        forms = ((3, True, True), (2, True, True), (2, True, False), (1, True, False), (1, False, False))
        for rows, invites, bridge in forms if stop else ((3, False, False), (2, False, False), (1, False, False)):
            tried = Citations(list(cites.ids))
            blocks = self._rows(ids, rows, tried, language)
            if stop:
                blocks += self._told(stop, invites, bridge, tried, language)
            if sum(map(phone_lines, blocks)) <= room:
                break
        cites.ids[:] = tried.ids
        return blocks

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

    def _told(self, stop: str, invites: bool, bridge: bool, cites: Citations, language: Language) -> list[Block]:
        """Where the picture stops: what it invites, the truth, the bridge; or a misconception and its truth."""
        found = self.picture.breaks.get(stop) or self.knowledge.misconception(stop)
        assert found
        lead = self.knowledge.say("stop.break" if isinstance(found, Break) else "stop.misconception", language)
        wrong = found.invites if isinstance(found, Break) else found.says
        gap = "" if language == "zh" else " "
        doubt = self.knowledge.say("stop.doubt", language, wrong=wrong[language]) + gap if invites else ""
        truth = Paragraph((Span(lead + gap, "strong"), Span(doubt), *cites.spans(found.truth[language])), "stop")
        if not (bridge and isinstance(found, Break)):
            return [truth]
        return [truth, say(self.knowledge.say("stop.bridge", language, bridge=found.bridge[language]), "stop")]

    def _stop(
        self,
        concept: Concept,
        finding: Finding,
        question: str,
        learner: Learner,
        plain: bool,
        ids: tuple[str, ...] = (),
    ) -> str | None:
        """The break or misconception that a question touches; a plain question meets its concept's first unseen break."""
        near = tuple(dict.fromkeys((*ids, concept.id, *finding.named, *finding.concepts[:3])))
        touched = [
            (len(phrase), stop)
            for stop, triggers in self._stops(near)
            for language in LANGUAGES
            for phrase in triggers[language]
            if self.reader.contains(question, phrase)
        ]
        if touched:
            return max(touched, key=lambda each: each[0])[1]
        role = self.picture.roles.get(concept.id)
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
        for role in self.picture.roles.values():
            for key, found in role.breaks.items():
                if set(found.touches) & set(near):
                    yield key, found.triggers

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

    def choices(self, language: Language) -> tuple[Choice, ...]:
        return tuple(
            Choice(self.knowledge.say(f"choice.{name}", language), self.knowledge.say(f"command.{name}", language))
            for name in ("more", "confused", "sources")
        )

    def decline(self, finding: Finding, language: Language) -> Answer:
        """Says in one line that this is not ours, and offers the words that came nearest, else where to start."""
        near = finding.named[:3]
        offer = self.knowledge.say("declined.near" if near else "declined.start", language)
        choices = tuple(Choice(self.knowledge.concepts[id].name[language], f"/ask {id}") for id in near) or self.starts(
            language
        )
        line = self.knowledge.say("declined", language)
        return Answer((say(line), say(offer)), choices, language=language, route="declined")

    def which(self, ids: tuple[str, ...], language: Language) -> Answer:
        """Asks back when a word means two things equally."""
        first, second = (self.knowledge.concepts[id].name[language] for id in ids[:2])
        line = self.knowledge.say("which", language, first=first, second=second)
        choices = tuple(Choice(self.knowledge.concepts[id].name[language], f"/ask {id}") for id in ids)
        return Answer((say(line),), choices, language=language, concepts=ids)

    def starts(self, language: Language) -> tuple[Choice, ...]:
        """Three questions to begin with."""
        questions = [self.knowledge.say(f"example.{name}", language) for name in ("first", "second", "third")]
        return tuple(Choice(question, question) for question in questions)

    def neighbours(self, id: str, language: Language) -> tuple[Choice, ...]:
        """The concepts that the picture ties to this one."""
        role = self.picture.roles.get(id)
        ids = dict.fromkeys([relation.to for relation in role.relations] if role else self.knowledge.concepts[id].needs)
        return tuple(Choice(self.knowledge.concepts[each].name[language], f"/ask {each}") for each in list(ids)[:3])
