"""`python -m bot ask --json -` as a process that stays: one question in, one answer out, and how long it took."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bot.knowledge import base
from bot.knowledge.schema import LANGUAGES, Language
from tests.conftest import ROOT
from tests.modelapi.asked import Claim

Row = dict[str, Any]
PLENTY = dict.fromkeys(("BOT_TOKENS_PER_LEARNER_PER_DAY", "BOT_TOKENS_PER_DAY"), "1000000000")
RAISED = str.maketrans("", "", "⁰¹²³⁴⁵⁶⁷⁸⁹\u2009")


class Asking:
    """One process; the variables lead it to a model, or to none."""

    def __init__(self, data: Path, **variables: str) -> None:
        environ = {key: value for key, value in os.environ.items() if not key.startswith(("BOT_", "TELEGRAM_", "LC_"))}
        environ |= {"BOT_DATA_DIR": str(data), "LANG": "en_US.UTF-8", "BOT_LANGUAGE": "en", **PLENTY, **variables}
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", "bot", "ask", "--json", "-"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=environ, stdin=pipe, stdout=pipe, stderr=pipe)
        self.rows: queue.Queue[Row] = queue.Queue()
        self.log = ""  # all of stderr
        self.readers = [threading.Thread(target=read, daemon=True) for read in (self._rows, self._log)]
        for reader in self.readers:
            reader.start()

    def _rows(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.rows.put(json.loads(line) | {"time": time.time()})

    def _log(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.log += line.decode()

    def send(self, *questions: str) -> None:
        """Puts questions without waiting for their answers."""
        assert self.process.stdin
        self.process.stdin.write("".join(f"{question}\n" for question in questions).encode())
        self.process.stdin.flush()

    def answer(self, seconds: float = 40) -> Row:
        """The next answer; its `time` is when it came."""
        try:
            return self.rows.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(f"no answer within {seconds} s: {self.log}") from None

    def ask(self, question: str, seconds: float = 40) -> Row:
        """One question; `took` holds the seconds."""
        began = time.time()
        self.send(question)
        row = self.answer(seconds)
        return row | {"took": row["time"] - began}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self.process.stdin
        assert self.process.stdout
        assert self.process.stderr
        self.process.stdin.close()
        if kind:
            self.process.kill()
        code = self.process.wait(20)
        for reader in self.readers:
            reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
        if not kind:
            assert (code, self.log) == (0, "")


@cache
def knowledge() -> base.Knowledge:
    return base.load(base.default_folder(), "en")


@cache
def claims() -> dict[tuple[str, Language], str]:
    """The text of every claim, by its id and language."""
    return {
        (f"{concept.id}.{number}", language): claim[language]
        for concept in knowledge().concepts.values()
        for number, claim in concept.claims.items()
        for language in LANGUAGES
    }


@cache
def sentences() -> list[str]:
    """Every claim as it looks on a screen, the longest first."""
    return sorted((text.replace("`", "") for text in claims().values()), key=len, reverse=True)


def unsupported(words: str) -> str:
    """What is left of words, without their spaces, when every sentence of a claim is taken out."""
    words = plain(words).replace(" ", "")
    for sentence in sentences():
        words = words.replace(sentence.replace(" ", ""), "")
    return words.strip()


def line(key: str, language: Language = "en") -> str:
    """A line of the classroom that fills no gap."""
    return knowledge().say(key, language)


def plain(text: str) -> str:
    """Without the raised numbers."""
    return text.translate(RAISED)


def parts(text: str) -> list[str]:
    """The blocks of an answer, without the raised numbers."""
    return plain(text).split("\n\n")


def told(text: str, supplied: list[Claim]) -> list[str]:
    """The ids of the supplied claims whose sentences are the answer's first block, in its order."""
    words = parts(text)[0]
    found = [(words.index(claim.text.replace("`", "")), claim.id) for claim in supplied if claim.text.replace("`", "") in words]
    return [id for _, id in sorted(found)]
