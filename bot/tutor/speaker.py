"""Lets a model word an answer, and shows of it only whole sentences that were checked.

A sentence that says more or other than the claim it cites is told in that claim's own words instead: the model has chosen
well and worded badly. One that cites nothing, or tries anything else, is dropped.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import NamedTuple

from bot import operator
from bot.allowance import Allowance, Use
from bot.cited import bare, gap
from bot.knowledge.measure import CITATION
from bot.knowledge.reading import CHINESE
from bot.knowledge.schema import Language
from bot.learners import Learner
from bot.model import Model, Prompt, Used
from bot.settings import Settings
from bot.tutor.answers import Answers, Plan
from bot.tutor.check import Check
from bot.tutor.prompts import Prompts, read, tokens
from bot.tutor.sentences import sentences

ANSWER = 300  # tokens that a model may take for an answer
HEARD = 2_000  # characters that are read of it
PATIENCE = {"zh": 250, "en": 600}  # characters until the first sentence that may be shown
MOST = 3  # sentences that are shown
ROOM = {"zh": 80, "en": 50}  # Chinese characters, English words that they may take together
REWORDED = ("word", "negation", "hedge", "order", "length", "language")  # faults of wording: the claim says it better


@dataclass
class Speech:
    """What a model has said so far, and what of it may be shown."""

    check: Check
    supplied: tuple[str, ...]
    language: Language
    heard: str = ""
    judged: dict[str, str | None] = field(default_factory=dict)  # sentence → as it is shown
    faults: list[str] = field(default_factory=list)

    def shown(self, ended: bool) -> str:
        """The sentences that may be shown, in their order."""
        said: list[str] = []
        for sentence in sentences(self.heard, ended):
            if sentence not in self.judged:
                self.judged[sentence] = self._judge(sentence)
            words = self.judged[sentence]
            if words and words not in said:
                if said and (len(said) == MOST or self._size("".join([*said, words])) > ROOM[self.language]):
                    break
                said.append(words)
        return gap(self.language).join(said)

    def full(self, shown: str) -> bool:
        """Whether nothing more would be shown, or nothing at all is to be hoped for."""
        most = HEARD if shown else PATIENCE[self.language]
        return len(self.heard) > most or self._size(shown) > 0.9 * ROOM[self.language]

    def _judge(self, sentence: str) -> str | None:
        fault = self.check.fault(sentence, self.supplied, self.language)
        if fault is None:
            return sentence
        self.faults.append(fault)
        return self._claim(CITATION.findall(sentence)[0]) if fault in REWORDED else None

    def _claim(self, id: str) -> str:
        return f"{self.check.knowledge.claim(id)[self.language]}[{id}]"

    def _size(self, text: str) -> int:
        return len(CHINESE.findall(bare(text))) if self.language == "zh" else len(bare(text).split())


class Voice(NamedTuple):
    """A model, what it may cost, and the texts of its prompts."""

    model: Model
    allowance: Allowance
    prompts: dict[str, str]


def voice(
    settings: Settings,
    clock: Callable[[], float],
    keep: Callable[[Use], Awaitable[None]] | None = None,
) -> Voice | None:
    """The voice that the settings describe; None when the knowledge answers alone.

    `clock` runs evenly, for time-outs. Raises Refused when a setting is missing, Faulty when the prompts have faults.
    """
    endpoint = settings.endpoint()
    if not endpoint:
        return None
    each, together = settings.bot_tokens_per_learner_per_day, settings.bot_tokens_per_day
    allowance = Allowance(each, together, time.time, keep)
    return Voice(Model(endpoint, clock), allowance, read(settings.bot_prompts_dir, operator.language()))


class Speaker:
    """A voice with the knowledge that it speaks from and the rules that it is held to."""

    def __init__(self, voice: Voice, answers: Answers) -> None:
        self.model, self.allowance = voice.model, voice.allowance
        self.check = Check(answers.knowledge, answers.reader)
        self.prompts = Prompts(voice.prompts, answers.knowledge, answers)

    async def words(self, plan: Plan, question: str, learner: Learner) -> AsyncGenerator[str, None]:
        """The answer's own words, cited, as far as they are known and checked; nothing where the model has none that hold.

        Raises Silent where the model cannot be used, and Spent where no tokens are left.
        """
        await self.model.ready()
        begun = self.model.now()
        until = begun + self.model.endpoint.timeout
        prompt = Prompt(self.prompts.always, self.prompts.now(plan, question, learner), ANSWER)
        speech = Speech(self.check, self.prompts.supplied(plan), plan.language)
        shown = ""
        for again in (False, True):
            if again:
                prompt = Prompt(prompt.always, prompt.now + self.prompts.again(speech.faults), ANSWER)
                speech = Speech(self.check, speech.supplied, speech.language)
            async with aclosing(self._grown(prompt, speech, learner.person, until)) as grown:
                async for shown in grown:
                    yield shown
            if shown or self.model.now() > begun + self.model.endpoint.timeout / 2:
                return

    async def _grown(self, prompt: Prompt, speech: Speech, person: int, until: float) -> AsyncGenerator[str, None]:
        """What may be shown, each time that it is more; the tokens are settled whatever happens."""
        asked = tokens(prompt.always) + tokens(prompt.now)
        ticket = await self.allowance.take(person, asked, prompt.most)
        used: Used | None = None
        shown = ""
        try:
            async with aclosing(self.model.speak(prompt, until)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Used):
                        used = piece
                        continue
                    speech.heard += piece
                    if len(words := speech.shown(ended=False)) > len(shown):  # what is shown is not taken back
                        shown = words
                        yield shown
                    if speech.full(shown):
                        break
            if (words := speech.shown(ended=True)) != shown:
                yield words
        finally:
            took = used or (Used(asked, tokens(speech.heard)) if speech.heard else Used(0, 0))
            await self.allowance.settle(ticket, took.prompt, took.answer)
