"""The one door: a learner's words in, replies out. It knows every part; the parts do not know one another."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator

from bot import intents
from bot.intents import Intent
from bot.knowledge.base import Knowledge
from bot.knowledge.schema import LANGUAGES, Language
from bot.learners import Learner
from bot.replies import Answer, Box, Choice, Reply, Span, Table, say
from bot.tutor.tutor import Tutor

log = logging.getLogger(__name__)


class Classroom:
    """Holds no learner; one instance serves them all."""

    def __init__(self, knowledge: Knowledge, metaphor: str, language: Language) -> None:
        self.knowledge, self.default = knowledge, language
        self.picture = knowledge.pictures[metaphor]
        self.tutor = Tutor(knowledge, metaphor)

    async def hear(self, learner: Learner, text: str) -> AsyncIterator[Reply]:
        """The replies to one message or button. Never raises: a bug is logged whole and apologised for."""
        intent = intents.parse(text)
        if intent.name == "choose" and 0 < int(intent.words) <= len(learner.choices):
            intent = intents.parse(learner.choices[int(intent.words) - 1])
        try:
            reply = self._reply(learner, intent)
        except Exception:
            log.exception("no reply to an intent %r", intent.name)
            reply = self._said("apology", self.language(learner))
        if intent.name != "choose":  # after a number that is none, the choices still stand
            learner.choices = tuple(choice.command for choice in reply.choices)
        yield reply

    def language(self, learner: Learner, text: str = "") -> Language:
        """The language to answer `text` in: its own, else the learner's, else the house's."""
        return self.tutor.language(text) or learner.language or self.default

    def say(self, key: str, learner: Learner) -> str:
        """One sentence of the texts, for a front-end's own frame."""
        return self.knowledge.say(key, self.language(learner))

    def words(self) -> Iterator[str]:
        """What a learner may want to complete: commands and names."""
        yield from (f"/{name}" for name in intents.COMMANDS)
        for concept in self.knowledge.concepts.values():
            yield from {concept.name.zh, concept.name.en}

    def _reply(self, learner: Learner, intent: Intent) -> Reply:
        language = self.language(learner)
        match intent:
            case Intent("ask", ""):
                return self._said("ask.which", language, self.tutor.starts(language))
            case Intent("ask", words):
                return self.ask(learner, words)
            case Intent("compare", words):
                return self._compare(learner, words)
            case Intent("map"):
                return self._map(language)
            case Intent("start"):
                return self._start(learner, language)
            case Intent("help"):
                return self._help(language)
            case Intent("new"):
                learner.topic = None
                learner.stops_shown.clear()
                return self._said("new", language, self.tutor.starts(language))
            case Intent("language", words):
                return self._language(learner, words.lower(), language)
            case Intent("cancel"):
                return self._said("cancel", language)
            case Intent("choose", number):
                return self._said("number", language, number=number)
            case Intent("unknown", words):
                return self._said("unknown", language, command=words[:32])
            case _:
                return self._said("nothing", language)

    def ask(self, learner: Learner, question: str) -> Answer:
        """One answer, in the language of the question."""
        question = intents.clean(question)
        if not any(char.isalnum() for char in question):
            return Answer((say(self.say("nothing", learner)),), language=self.language(learner), route="declined")
        language = self.language(learner, question)
        if not learner.chosen:
            learner.language = language
        return self.tutor.answer(question, language, learner)

    def _said(self, key: str, language: Language, choices: tuple[Choice, ...] = (), **words: object) -> Reply:
        return Reply((say(self.knowledge.say(key, language, **words)),), choices)

    def _start(self, learner: Learner, language: Language) -> Reply:
        learner.topic = None
        lines = (self.knowledge.say("start", language), self.picture.metaphor.opening[language])
        blocks = (say(lines[0], "heading"), say(lines[1]), say(self.knowledge.say("start.ask", language)))
        return Reply(blocks, self.tutor.starts(language))

    def _help(self, language: Language) -> Reply:
        rows = tuple(
            ((Span(f"/{name}", "code"),), (Span(self.knowledge.say(f"help.{name}", language)),)) for name in intents.COMMANDS
        )
        return Reply((say(self.knowledge.say("help", language)), Table(rows, " ")))

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
        if not words:
            return self._said("compare.which", language)
        named = self.tutor.named(words)
        if len(named) > 1:
            return self.tutor.answers.compare(named[:3], language, learner, words)
        if named:
            known = self.knowledge.concepts[named[0]].name[language]
            return self._said("compare.unknown", language, words=words[:60], known=known)
        return self._said("compare.none", language, words=words[:60])

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
