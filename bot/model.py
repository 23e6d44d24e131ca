"""Speaks to a language model behind any OpenAI-compatible endpoint, and knows when to leave it alone.

A model that fails is left alone for a while: after FAULTS in a row, or at once when it says that it wants to be. Then one
question may try it, and all the others go without; only when that one is answered do they come back.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bot.errors import Silent

if TYPE_CHECKING:
    import openai

log = logging.getLogger(__name__)
FIRST = 3  # the first token has to come within this part of the time
FAULTS = 3
PAUSE, LONGEST = 15.0, 300.0  # seconds it is left alone: the first time, and at most
LOCKED = (401, 402, 403, 404)  # the endpoint does not know us, or not the model: asking again soon changes nothing
COOL = 0.2  # temperature
PIECE = 4_000  # characters of one piece that are read
MOST = 1_000_000  # tokens that one call can have taken


@dataclass(frozen=True)
class Prompt:
    """What a model is told: the same for all learners, then what this question needs; and how long it may speak."""

    always: str
    now: str
    most: int  # tokens of the answer


@dataclass(frozen=True)
class Used:
    """Tokens of one call, as the endpoint counts them."""

    prompt: int
    answer: int


@dataclass(frozen=True)
class Endpoint:
    """Where a model listens."""

    name: str
    url: str | None = None
    key: str = ""
    proxy: str | None = None
    timeout: float = 30.0  # seconds for a whole answer


class Breaker:
    """Whether the model may be asked now."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now, self.faults, self.until, self.trying = now, 0, 0.0, False

    def lets(self) -> bool:
        """Whether one more question may be put; while the model is on trial that is one at a time."""
        if self.faults < FAULTS:
            return True
        if self.trying or self.now() < self.until:
            return False
        self.trying = True
        return True

    def over(self) -> None:
        """The model has answered."""
        if self.faults >= FAULTS:
            log.warning("the model answers again")
        self.faults, self.trying = 0, False

    def fault(self, pause: float | None) -> None:
        """It has not; `pause` seconds are what it asked for."""
        self.faults = max(self.faults + 1, FAULTS if pause else 0)
        self.trying = False
        if self.faults >= FAULTS:
            self.until = self.now() + (pause or min(LONGEST, PAUSE * 2 ** (self.faults - FAULTS)))

    def unknown(self) -> None:
        """The question was dropped before anything was known."""
        self.trying = False


class Model:
    """One endpoint. Time is handed in; only this waits."""

    def __init__(self, endpoint: Endpoint, now: Callable[[], float]) -> None:
        self.endpoint, self.now = endpoint, now
        self.breaker = Breaker(now)
        self.client: openai.AsyncOpenAI | None = None
        self.faults: Counter[str] = Counter()  # so far, by kind
        self.newer = False  # the endpoint wants the newer name of a parameter, and no temperature

    async def ready(self) -> None:
        """Loads the library, which takes a while: nobody's time runs yet, and nobody else waits for it."""
        if self.client is None:
            await asyncio.to_thread(import_module, "openai")

    async def speak(self, prompt: Prompt, until: float) -> AsyncGenerator[str | Used, None]:
        """The answer in pieces as they come, and at the end what it took, where the endpoint tells.

        Raises Silent when the model cannot be used, or has not finished at the time `until`.
        """
        if not self.breaker.lets():
            raise Silent("left alone")
        known = False
        try:
            spoken = False
            async with aclosing(self._pieces(prompt, until)) as pieces:
                async for piece in pieces:
                    spoken = spoken or isinstance(piece, str)
                    yield piece
            known = True
            if not spoken:
                raise self._silent("it said nothing")
            self.breaker.over()
        except Silent:
            known = True
            raise
        finally:
            if not known:
                self.breaker.unknown()

    async def close(self) -> None:
        if self.client:
            await self.client.close()

    async def _pieces(self, prompt: Prompt, until: float) -> AsyncGenerator[str | Used, None]:
        """Every way in which the library or the other side fails ends as Silent."""
        stream: Any = None
        first = min(until, self.now() + self.endpoint.timeout / FIRST)
        try:
            stream = await self._in_time(self._begin(prompt), first)
            heard = False
            while True:
                chunk = await self._in_time(anext(stream, None), until if heard else first)
                if chunk is None:
                    return
                text = chunk.choices[0].delta.content if chunk.choices else None
                if text and isinstance(text, str):
                    heard = True
                    yield text[:PIECE]
                if used := _used(chunk.usage):
                    yield used
        except (Silent, GeneratorExit, asyncio.CancelledError):
            raise
        except Exception as fault:  # whatever the other side sends
            raise self._silent(type(fault).__name__, getattr(fault, "response", None)) from None
        finally:
            if stream is not None:
                await stream.close()

    async def _in_time(self, work: Any, until: float) -> Any:
        async with asyncio.timeout(max(0.0, until - self.now())):
            return await work

    async def _begin(self, prompt: Prompt) -> Any:
        """Opens the stream. An endpoint that knows only the newer parameters is asked once more with those."""
        import openai

        if self.client is None:
            place = self.endpoint
            http = openai.DefaultAsyncHttpxClient(proxy=place.proxy) if place.proxy else None
            self.client = openai.AsyncOpenAI(api_key=place.key or "-", base_url=place.url, max_retries=0, http_client=http)
        say = self.client.chat.completions.create
        asked: Any = {
            "model": self.endpoint.name,
            "messages": [{"role": "system", "content": prompt.always}, {"role": "user", "content": prompt.now}],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if not self.newer:
            try:
                return await say(**asked, max_tokens=prompt.most, temperature=COOL)
            except openai.BadRequestError as refused:
                if "max_tokens" not in str(refused) and "temperature" not in str(refused):
                    raise
        stream = await say(**asked, max_completion_tokens=prompt.most)
        self.newer = True
        return stream

    def _silent(self, why: str, response: Any = None) -> Silent:
        """Notes the fault. A model that is locked to us, or names a time to come back, is left alone at once."""
        status = getattr(response, "status_code", None)
        pause = LONGEST if status in LOCKED else _wait(response) if status == 429 else None
        self.breaker.fault(pause)
        self.faults[str(status or why)] += 1
        log.warning("the model is silent: %s %s", why, status or "")
        return Silent(why)


def _used(told: Any) -> Used | None:
    """What a call took, where the endpoint's numbers can be true."""
    numbers = [getattr(told, name, None) for name in ("prompt_tokens", "completion_tokens")]
    known = [number for number in numbers if isinstance(number, int) and 0 <= number <= MOST]
    return Used(*known) if len(known) == 2 else None


def _wait(response: Any) -> float:
    """How long the endpoint wants to be left alone."""
    told = response.headers.get("retry-after", "")
    return min(LONGEST, max(1.0, float(told))) if told.replace(".", "", 1).isdecimal() else PAUSE
