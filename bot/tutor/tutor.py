"""Answers one message of a learner from the knowledge alone."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from bot.errors import Silent, Spent
from bot.knowledge.schema import LANGUAGES, Language, Phrases
from bot.learners import Learner, Topic
from bot.replies import Answer, Choice, Paragraph, Span
from bot.tutor.answers import Answers, Plan
from bot.tutor.finder import Finder, Finding
from bot.tutor.questions import ALIKE, Slot
from bot.tutor.speaker import Speaker, Voice
from bot.tutor.talk import Talk

ADDRESS = re.compile(r"([a-z][a-z0-9-]*)(?:\.([0-9]+))?")  # what a button asks for: a concept, or its n-th answer
ORDER = 40  # tokens; a longer message orders nothing, and to look through it would take too long
SAME = 0.85  # from here on it is the same question
EXACT = 0.97  # from here on even where another name stands in it


class Tutor:
    """Holds the knowledge and one picture; the talk is the learner's."""

    def __init__(self, finder: Finder, voice: Voice | None = None) -> None:
        """With a `voice` a model words the answers, else the knowledge does."""
        self.finder, self.reader = finder, finder.reader
        self.knowledge = knowledge = finder.knowledge
        picture = finder.picture
        self.answers = Answers(knowledge, picture, self.reader)
        self.talk = Talk(self.answers)
        self.speaker = Speaker(voice, self.answers) if voice else None
        self.orders = {self.reader.key(word) for language in LANGUAGES for word in knowledge.wording.order[language]}
        self.choices = {self.reader.key(word) for language in LANGUAGES for word in knowledge.wording.choices[language]}

    def answer(self, question: str, language: Language, learner: Learner) -> Answer:
        """One answer from the knowledge alone; notes in `learner` what it was about."""
        plan = self.plan(question, language, learner)
        return self.answers.compose(plan, learner) if isinstance(plan, Plan) else plan

    async def reply(self, question: str, language: Language, learner: Learner) -> AsyncGenerator[Answer, None]:
        """The same, worded by the model where there is one: drafts that grow, and last the answer."""
        plan = self.plan(question, language, learner)
        if not isinstance(plan, Plan):
            yield plan
            return
        words, aside = "", ""
        if self.speaker and not self._address(question):
            try:
                async with aclosing(self.speaker.words(plan, question, learner)) as grown:
                    async for words in grown:
                        yield self.answers.draft(plan, words)
            except Silent:
                words, aside = "", self.knowledge.say("model.away", language)
            except Spent as spent:
                words, aside = "", self.knowledge.say("model.spent", language, time=_clock(spent.seconds))
        answer = self.answers.compose(plan, learner, words)
        yield replace(answer, blocks=(*answer.blocks, Paragraph((Span(aside, "quiet"),)))) if aside else answer

    def plan(self, question: str, language: Language, learner: Learner) -> Plan | Answer:
        """What the answer to a question about Kubernetes holds; anything else is answered at once."""
        if slot := self._address(question):
            return self.answers.explain(slot, language, learner)
        finding = self.finder.find(question)
        meaning = self.talk.meaning(question, bool(finding.named))
        if meaning and not finding.named:
            return self.talk.answer(meaning, language, learner)
        if not finding.named and learner.topic and self._refers(question):
            names = " ".join(self.knowledge.concepts[id].name[language] for id in learner.topic.concepts)
            finding = self.finder.find(f"{question} {names}")
        if finding.declined:
            return self.answers.decline(question, finding, language)
        slot, likeness = self._slot(finding)
        if likeness < SAME and (compared := self._compared(question, finding, learner)):
            return self.answers.compare(compared, language, learner, question, finding)
        if finding.concepts[0] in finding.tied and likeness < ALIKE:
            return self.answers.which(finding.tied, language)
        if likeness >= SAME:  # then its translation is the same question, and touches the same places
            question, finding = "\n".join(finding.alike[slot].question.both), replace(finding, named=())
        elif meaning in ("confused", "example"):
            return self.talk.go_on(meaning, Topic(slot.concepts, language, slot.number), learner)
        if len(slot.concepts) > 1:
            order = [id for id in finding.mentioned if id in slot.concepts]
            return self.answers.compare(tuple(dict.fromkeys((*order, *slot.concepts))), language, learner, question, finding)
        return self.answers.explain(slot, language, learner, question, finding)

    def cups(self, text: str) -> int | None:
        """How many cups a message orders; None when it orders none."""
        tokens = self.reader.tokens(text)
        if len(tokens) > ORDER or "?" in text or "？" in text or self._holds(text, self.knowledge.wording.asking):
            return None
        idle = self.reader.idle(tokens)
        for size in range(len(tokens), 0, -1):
            for start in range(len(tokens) - size + 1):
                if "".join(tokens[start : start + size]) in self.orders:
                    number = self.number(tokens[start - 1]) if start else None
                    around = [*range(start - bool(number)), *range(start + size, len(tokens))]
                    rest = [at for at in around if at not in idle and tokens[at] not in self.orders]
                    if not rest and (number or size > 1):
                        return number or 1
        return None

    def number(self, word: str) -> int | None:
        """A number in figures or in words."""
        if not re.fullmatch(r"[\w\s]*", word):
            return None  # a sign, a point
        tokens = [token for token in self.reader.tokens(word) if token not in self.orders]
        word = tokens[0] if len(tokens) == 1 else ""
        return int(word[:4]) if word.isdecimal() else self.knowledge.wording.numbers.get(word)

    def plays(self, text: str) -> str | None:
        """What a message wants of the order on the board: `step`, `faster` or `break`."""
        key = self.reader.key(text)
        play = self.knowledge.wording.play.items()
        return next((name for name, said in play for each in LANGUAGES if key in map(self.reader.key, said[each])), None)

    def wants_quiz(self, text: str) -> bool:
        """Whether a message asks for a quiz question."""
        return self.talk.meaning(text, named=True) == "quiz"

    def go_on(self, meaning: str, number: int, learner: Learner) -> Answer | None:
        """Goes on from answer `number`: `more`, `confused` or `sources`; None when that answer is too old."""
        topic = learner.told.get(number)
        if not topic:
            return None
        learner.now = number
        return self.talk.go_on(meaning, topic, learner)

    def language(self, text: str) -> Language | None:
        """The language `text` is visibly written in, pinyin included; None when it could be either."""
        return self.reader.language(text) or ("zh" if self.finder.names.sounds_chinese(text) else None)

    def named(self, text: str) -> tuple[str, ...]:
        """The concepts that `text` calls by a name, in its order."""
        return self.finder.find(text).mentioned

    def starts(self, language: Language) -> tuple[Choice, ...]:
        """Three questions to begin with."""
        return self.answers.starts(language)

    def _address(self, question: str) -> Slot | None:
        """`etcd` or `etcd.2`, as buttons write it."""
        address = ADDRESS.fullmatch(question)
        concept = self.knowledge.concepts.get(address[1]) if address else None
        number = int(address[2] or 0) if address else 0
        return Slot((concept.id,), number) if concept and number <= len(concept.answers) else None

    def _refers(self, question: str) -> bool:
        """Whether the question points back to what was talked about."""
        return self._holds(question, self.knowledge.wording.pronouns)

    def _holds(self, question: str, phrases: Phrases) -> bool:
        return any(map(self.reader.within(question), (word for language in LANGUAGES for word in phrases[language])))

    def _compared(self, question: str, finding: Finding, learner: Learner) -> tuple[str, ...]:
        """The concepts that a question sets side by side, as it names them; () when it compares nothing."""
        wording, named = self.knowledge.wording, finding.mentioned
        asks = self._holds(question, wording.compare) or not self.choices.isdisjoint(finding.between)
        if len(named) == 1 and learner.topic and self._refers(question) and (asks or self._holds(question, wording.joins)):
            named, asks = (learner.topic.concepts[0], *named), True
        return named[:3] if asks and len(set(named)) > 1 else ()

    def _slot(self, finding: Finding) -> tuple[Slot, float]:
        """The answer that fits best, and how much: an authored question like this one, else the definition."""

        def fit(slot: Slot) -> tuple[float, int]:
            return (matches[slot].score, -slot.number)

        matches = finding.alike
        first = Slot(finding.concepts[:1])
        best = max(matches, key=fit, default=first)
        named = finding.named[:1] and finding.named[0] not in best.concepts  # it names something else
        if best not in matches or matches[best].score < (EXACT if named else SAME):
            mine = [slot for slot in matches if slot.concepts == first.concepts]
            best = max(mine, key=fit, default=first)
        return best, matches[best].score if best in matches else 0.0


def _clock(seconds: float) -> str:
    """`5:20`, in hours and minutes, at least a minute."""
    minutes = max(1, round(seconds / 60))
    return f"{minutes // 60}:{minutes % 60:02}"
