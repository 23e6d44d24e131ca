"""Examines what the bot needs, each thing by itself, and says of each how to mend it."""

from __future__ import annotations

import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import NamedTuple

from bot import operator
from bot.errors import Refused, Silent, Unkept
from bot.model import Model, Prompt
from bot.settings import Settings
from bot.store import care

ROOM = 200 * 1024**2  # bytes that should be free
MODEL_PATIENCE = 15.0  # seconds
NAMED = 12  # characters at most that are named
HELLO = Prompt("Answer with one word.", "Say OK.", 16)


class Finding(NamedTuple):
    """One thing that was examined."""

    fine: bool
    words: str

    def __str__(self) -> str:
        return f"{'✓' if self.fine else '✗'} {self.words}"


def well(key: str, **words: object) -> Finding:
    """The sentence `doctor.KEY` of a thing that is as it should be."""
    return Finding(True, operator.say(f"doctor.{key}", **words))


def ill(key: str, **words: object) -> Finding:
    """… of a thing that is not, and how to mend it."""
    return Finding(False, operator.say(f"doctor.{key}", **words))


Telegram = Callable[[Settings], AsyncIterator[tuple[str, bool, dict[str, object]]]]


async def examine(settings: Settings, telegram: Telegram, faults: Callable[[], int], undrawn: Callable[[], str]) -> int:
    """Prints one line for each thing as soon as it is known; 0 when all are well, else 1.

    `telegram` tells the keys of what it finds there; `faults` counts those of the knowledge; `undrawn` names the Chinese
    characters that its pictures need and the typeface has not, or raises ImportError where nothing draws pictures.
    """
    findings = []

    def tell(finding: Finding) -> None:
        findings.append(finding)
        print(finding, flush=True)

    async for key, fine, words in telegram(settings):
        tell((well if fine else ill)(key, **words))
    tell(_database(settings))
    tell(await _model(settings))
    tell(_disk(settings))
    tell(_knowledge(faults))
    tell(_fonts(undrawn))
    return 0 if all(finding.fine for finding in findings) else 1


def _database(settings: Settings) -> Finding:
    try:
        return well(f"database.{care.examine(settings.database_file())}")
    except Refused as refused:
        return Finding(False, str(refused))
    except Unkept as fault:
        reason = str(fault)
        known = reason in ("newer", "foreign", "damaged")
        return ill(f"database.{reason}") if known else ill("database.unusable", reason=reason)


async def _model(settings: Settings) -> Finding:
    """One cheap call."""
    try:
        endpoint = settings.endpoint()
    except Refused as refused:
        return Finding(False, str(refused))
    if not endpoint:
        return well("model.none")
    model = Model(endpoint, time.monotonic)
    try:
        await model.ready()
        begun = time.monotonic()
        async with aclosing(model.speak(HELLO, begun + MODEL_PATIENCE)) as pieces:
            async for _ in pieces:
                pass
    except Silent:
        fault = next(iter(model.faults)).replace("APITimeoutError", "APIConnectionError")  # only connecting has a limit there
        known = fault in ("401", "403", "404", "402", "429", "APIConnectionError", "TimeoutError", "it said nothing")
        if fault != "it said nothing":  # it thinks first, or has been told to be brief: it is there
            return ill(f"model.{fault}" if known else "model.fault", name=endpoint.name, reason=fault)
    finally:
        await model.close()
    return well("model", name=endpoint.name, seconds=f"{time.monotonic() - begun:.1f}")


def _disk(settings: Settings) -> Finding:
    try:
        free = shutil.disk_usage(settings.bot_data_dir).free
    except OSError as error:
        return ill("disk.nowhere", reason=error.strerror)
    return (well if free >= ROOM else ill)("disk" if free >= ROOM else "disk.full", free=free // 1024**2)


def _knowledge(faults: Callable[[], int]) -> Finding:
    try:
        count = faults()
    except Refused as refused:
        return Finding(False, str(refused))
    return ill("knowledge.faults", count=count) if count else well("knowledge")


def _fonts(undrawn: Callable[[], str]) -> Finding:
    """Draws them, as a picture would."""
    try:
        chars = undrawn()
    except ImportError:
        return well("fonts.none")
    return ill("fonts.lacking", count=len(chars), chars=chars[:NAMED]) if chars else well("fonts")
