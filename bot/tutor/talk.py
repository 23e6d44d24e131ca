"""Small talk: greets, thanks, and goes on about the last answer when a learner says no more than `不懂` or `more`."""

from __future__ import annotations

import re
from dataclasses import replace

from bot.cited import Citations, gap
from bot.knowledge.schema import LANGUAGES, Both, Concept, Language
from bot.learners import Learner, Topic
from bot.replies import Answer, Block, Choice, Paragraph, Span, say
from bot.tutor.answers import Answers

SITE = "https://kubernetes.io"
ABOUT_TOPIC = ("confused", "example", "more", "sources")
CHAT = 40  # tokens; a longer message says something
PIECES = 2  # how many further pieces one "more" brings


class Talk:
    """Knows how people say it, and what to say then."""

    def __init__(self, answers: Answers) -> None:
        self.answers, self.knowledge, self.reader = answers, answers.knowledge, answers.reader
        self.phrases = {
            self.reader.key(phrase): meaning
            for meaning, phrases in self.knowledge.wording.small_talk.items()
            for language in LANGUAGES
            for phrase in phrases[language]
        }

    # --------------------------------------------------------- understanding

    def meaning(self, message: str, named: bool) -> str | None:
        """What small talk a message is; beside a concept's name only `confused` and `example` count. None: a question."""
        key = self.reader.key(message)
        whole = self.phrases.get(key) or self.phrases.get(key.rstrip(self.knowledge.wording.particles))
        if whole:
            return whole
        parts = [self.reader.key(part) for part in re.split(r"[\s,.;:!?，。；：！？、~～]+", message)]
        meanings = [self.phrases.get(part) for part in parts if part]
        if meanings and all(meanings):
            return next((each for each in meanings if each not in ("okay", "greeting")), meanings[0])
        return self._held(message, named)

    def _held(self, message: str, named: bool) -> str | None:
        """A phrase about the last answer within a message that says nothing else."""
        tokens = self.reader.tokens(message)
        if len(tokens) > CHAT:
            return None
        for size in range(min(8, len(tokens)), 1, -1):
            for start in range(len(tokens) - size + 1):
                meaning = self.phrases.get("".join(tokens[start : start + size]))
                if meaning not in (ABOUT_TOPIC[:2] if named else ABOUT_TOPIC):
                    continue
                rest = tokens[:start] + tokens[start + size :]
                if named or len(self.reader.idle(rest)) == len(rest):
                    return meaning
        return None

    # ------------------------------------------------------------- answering

    def answer(self, meaning: str, language: Language, learner: Learner) -> Answer:
        """A person's reply to `meaning`; about the last answer where there was one."""
        if meaning == "story":
            return Answer(
                (say(self.answers.picture.metaphor.opening[language]),), self.answers.starts(language), language=language
            )
        if meaning not in ABOUT_TOPIC:
            choices = () if meaning in ("thanks", "bye") else self.answers.starts(language)
            return self._said(meaning, language, choices)
        if learner.topic is None:
            return self._said(f"{meaning}.nothing", language, self.answers.starts(language))
        return self.go_on(meaning, replace(learner.topic, language=language), learner)

    def go_on(self, meaning: str, topic: Topic, learner: Learner) -> Answer:
        """Goes on from an answer about `topic`: other words, an example, more of it, or its sources."""
        if meaning == "sources":
            return self._sources(topic)
        times = topic.round.get(meaning, 0)
        turn, at = divmod(times, len(topic.concepts))
        concept = self.knowledge.concepts[topic.concepts[at]]
        if meaning == "more":
            answer = self._more(concept, turn, topic.language, topic.answer)
        else:
            answer = self._again(concept, meaning, turn, topic.language)
        again = replace(topic, claims=answer.claims, round={**topic.round, meaning: times + 1})
        return self.answers.told(answer, again, learner)

    def _said(self, key: str, language: Language, choices: tuple[Choice, ...]) -> Answer:
        return Answer((say(self.knowledge.say(key, language)),), choices, language=language)

    def _again(self, concept: Concept, meaning: str, times: int, language: Language) -> Answer:
        """Other words and another picture first; after that the neighbours' side."""
        cites, role = Citations(), self.answers.picture.roles.get(concept.id)
        if times > 1:
            last = say(self.knowledge.say("confused.last", language))
            return self._about(concept, [last], self.answers.neighbours(concept.id, language), cites, language)
        first = meaning if times == 0 else {"confused": "example", "example": "confused"}[meaning]
        text, key = (concept.plainer, "confused.again") if first == "confused" else (concept.example, "example.heading")
        blocks: list[Block] = [cites.paragraph(text[language], self.knowledge.say(key, language) + gap(language))]
        if role:
            story = role.again if first == "confused" else role.picture
            lead = Span(self.knowledge.say("confused.picture", language) + gap(language), "strong")
            blocks.append(Paragraph((lead, Span(story[language]))))
        return self._about(concept, blocks, (), cites, language)

    def _more(self, concept: Concept, times: int, language: Language, shown: int) -> Answer:
        """The next pieces of what the base holds on a concept: questions, misconceptions, breaks."""
        cites = Citations()
        pieces = self._pieces(concept, shown)[times * PIECES : (times + 1) * PIECES]
        name = concept.name[language]
        if not pieces:
            end = say(self.knowledge.say("more.end", language, concept=name))
            return self._about(concept, [end], self.answers.neighbours(concept.id, language), cites, language)
        blocks: list[Block] = [say(self.knowledge.say("more.heading", language, concept=name), "heading")]
        for question, text, stop in pieces:
            wrong = question[language]
            lead = self.knowledge.say("more.wrong", language, wrong=wrong) if stop else wrong
            blocks.append(Paragraph((Span(lead + "\n", "strong"), *cites.spans(text[language]))))
        stops = tuple(stop for _, _, stop in pieces if stop)
        return replace(self._about(concept, blocks, (), cites, language), breaks=stops)

    def _pieces(self, concept: Concept, shown: int) -> list[tuple[Both, Both, str | None]]:
        """All but the focused answer number `shown`, which stands above already."""
        role = self.answers.picture.roles.get(concept.id)
        focused = [each for number, each in enumerate(concept.answers, 1) if number != shown]
        pieces: list[tuple[Both, Both, str | None]] = [(each.asked_as[0], each.text, None) for each in focused]
        pieces += [(each.says, each.truth, f"{concept.id}.{key}") for key, each in concept.misconceptions.items()]
        pieces += [(each.invites, each.truth, key) for key, each in role.breaks.items()] if role else []
        return pieces

    def _sources(self, topic: Topic) -> Answer:
        """The official page of each claim that an answer cited."""
        if not topic.claims:
            return self._said("sources.nothing", topic.language, ())
        cites = Citations()
        blocks: list[Block] = [say(self.knowledge.say("sources.heading", topic.language), "heading")]
        for id in topic.claims:
            claim = self.knowledge.claim(id)
            mark = cites.marks((id,))
            page = Span(claim[topic.language], link=SITE + claim.source)
            blocks.append(Paragraph((mark, Span(" "), page), "links"))
        return Answer(tuple(blocks), language=topic.language, concepts=topic.concepts, claims=topic.claims)

    def _about(
        self, concept: Concept, blocks: list[Block], choices: tuple[Choice, ...], cites: Citations, language: Language
    ) -> Answer:
        return Answer(tuple(blocks), choices, language=language, concepts=(concept.id,), claims=tuple(cites.ids))
