"""The bot as a process of its own, talking to the strict Bot API double."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.botapi import BotApi
from tests.conftest import ROOT

READY = "@lemon_bot"


class Served:
    """`python -m bot serve` against `api`; can be killed and started again on the same data."""

    command: tuple[str, ...] = ("bot", "serve")  # for `python -m`

    def __init__(self, api: BotApi, data: Path, **variables: str) -> None:
        self.api, self.data, self.variables = api, data, variables
        self.process: subprocess.Popen[bytes] | None = None
        self.log = ""  # all that was written to stderr, over every start
        self.reader: threading.Thread | None = None

    def start(self, ready: bool = True) -> Self:
        """Starts the process; returns when it is ready, or at once."""
        environ = {key: value for key, value in os.environ.items() if not key.startswith(("BOT_", "TELEGRAM_", "LC_"))}
        environ |= {
            "TELEGRAM_BASE_URL": self.api.url,
            "TELEGRAM_BOT_TOKEN": self.api.token,
            "BOT_DATA_DIR": str(self.data),
            "BOT_LISTEN": "",
            "LANG": "en_US.UTF-8",
            **self.variables,
        }
        heard = len(self.log)
        command = [sys.executable, "-m", *self.command]
        self.process = subprocess.Popen(command, env=environ, cwd=ROOT, stderr=subprocess.PIPE)
        self.reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self.reader.start()
        if ready:
            self.until(lambda: READY in self.log[heard:], 20)
        return self

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr
        for line in process.stderr:
            self.log += line.decode()

    def until(self, condition: object, seconds: float = 10) -> None:
        """Waits for `condition()`; fails with the log."""
        assert callable(condition)
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"not within {seconds} s\n{self.log}\n{self.api.dump()}"
            time.sleep(0.01)

    def kill(self) -> None:
        """kill -9"""
        assert self.process
        self.process.kill()
        self._gone(10)

    def stop(self, seconds: float = 15) -> int:
        """SIGTERM; the exit code."""
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        return self._gone(seconds)

    def ends(self, seconds: float = 20) -> int:
        """Waits until the process ends by itself; the exit code."""
        return self._gone(seconds)

    def _gone(self, seconds: float) -> int:
        assert self.process
        assert self.reader
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self.reader.join()
        assert self.process.stderr
        self.process.stderr.close()
        self.process = None
        return code

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.process and self.process.poll() is None and kind is None:
            assert self.stop() == 0
        elif self.process:
            self.kill()
