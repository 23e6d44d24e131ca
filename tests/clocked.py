"""The bot with a clock that a test sets: `python -m tests.clocked FILE` serves, and FILE holds what time it is."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from bot.__main__ import main
from bot.frontends.telegram import serve
from tests.botapi import BotApi
from tests.served import Served


class Clocked(Served):
    """`python -m bot serve` at whatever time `set` says, in seconds since 1970."""

    def __init__(self, api: BotApi, data: Path, now: float, **variables: str) -> None:
        super().__init__(api, data, **variables)
        self.clock = data.parent / "clock"
        self.command = ("tests.clocked", str(self.clock))
        self.set(now)

    def set(self, now: float) -> None:
        new = self.clock.with_suffix(".new")
        new.write_text(str(now))
        new.replace(self.clock)


def _serve(clock: Path) -> int:
    serve.run = partial(serve.run, now=lambda: float(clock.read_text()), tick=0.05)
    return main(["serve"])


if __name__ == "__main__":
    sys.exit(_serve(Path(sys.argv[1])))
