"""The bot between a double of Telegram and one of the model; and tests that mostly wait, side by side."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.botapi import BotApi, Flood, Message, Person
from tests.botapi.server import STRICT
from tests.modelapi import ModelApi
from tests.modelapi.words import cited
from tests.served import Served


class House(NamedTuple):
    """The bot between the two doubles."""

    telegram: BotApi
    model: ModelApi
    served: Served

    def people(self, count: int) -> list[Person]:
        return [self.telegram.person(987_654_321 + number, f"P{number}", "en") for number in range(count)]

    def until(self, condition: Callable[[], object], seconds: float = 20) -> None:
        self.served.until(condition, seconds)


Test = Callable[[House], None]
LONG: dict[str, tuple[Test, Flood | None, dict[str, str]]] = {}


def long(flood: Flood | None = STRICT, **variables: str) -> Callable[[Test], Callable[[dict[str, Future[None]]], None]]:
    """A test that mostly waits: it begins with the first of its kind, and goes on beside the others."""

    def beside(test: Test) -> Callable[[dict[str, Future[None]]], None]:
        LONG[test.__name__] = (test, flood, variables)

        def ends(going: dict[str, Future[None]]) -> None:
            going[test.__name__].result()

        return ends

    return beside


@contextlib.contextmanager
def house(data: Path, flood: Flood | None = STRICT, **variables: str) -> Iterator[House]:
    with BotApi(flood=flood) as telegram, ModelApi(cited) as model:
        served = Served(telegram, data, **model.settings, **variables).start()
        try:
            yield House(telegram, model, served)
        finally:
            if served.process:
                served.kill()
        assert [call for call in telegram.calls if call.status == 429] == []
        assert "Traceback" not in served.log


@pytest.fixture(scope="module")
def together(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[None]]]:
    """The long tests of a module among those that were asked for, by name. The module names it `going`."""

    def alone(test: Test, flood: Flood | None, variables: dict[str, str], folder: Path) -> None:
        with house(folder / "data", flood, **variables) as each:
            test(each)

    names = {item.name for item in request.session.items if item.path == request.path}
    asked = {name: (*each, tmp_path_factory.mktemp("long")) for name, each in LONG.items() if name in names}
    with ThreadPoolExecutor(6) as pool:
        yield {name: pool.submit(alone, *each) for name, each in asked.items()}


def whole(message: Message) -> bool:
    """Whether an answer is no longer growing: it has buttons."""
    return bool(message.buttons)
