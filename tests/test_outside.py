"""What is seen from outside: the pages that say how the process is, what it counts, and its log as JSON."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import sqlite3
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from telegram import Bot

from bot import __version__
from bot.frontends.telegram import door
from bot.frontends.telegram.health import LATE, STUCK, Health
from bot.frontends.telegram.meters import Meters
from bot.store.database import Database
from tests.botapi import BotApi
from tests.modelapi import ModelApi, Page
from tests.modelapi.words import cited
from tests.served import Served

ETCD, POD, WEATHER = "What is etcd?", "What is a Pod?", "What is the weather like tomorrow?"
FINE = "database ok\ntelegram ok\n"


def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def get(port: int, path: str) -> tuple[int, str]:
    """Status and body; 0 where nobody listens."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as there:
        try:
            there.request("GET", path)
            answer = there.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""


def samples(page: str) -> dict[str, float]:
    """`answers_total/model` → value"""
    families = text_string_to_metric_families(page)
    found = [sample for family in families for sample in family.samples]
    return {"/".join([each.name.removeprefix("kube_lemonade_"), *each.labels.values()]): each.value for each in found}


def answered(found: dict[str, float]) -> float:
    return sum(value for name, value in found.items() if name.startswith("answers_total"))


def test_what_was_done_can_be_counted(tmp_path: Path) -> None:
    number = port()
    with BotApi(flood=None) as api, ModelApi(cited) as model:
        served = Served(
            api, tmp_path, BOT_LISTEN=f"127.0.0.1:{number}", BOT_TOKENS_PER_LEARNER_PER_DAY="4000", **model.settings
        )
        anna, ben = (api.person(7_412_000_001 + at, language="en") for at in range(2))
        with served:
            served.until(lambda: get(number, "/readyz") == (200, FINE))
            assert get(number, "/healthz") == (200, "listening ok\nanswers ok\n")
            for count, text in enumerate((ETCD, POD, WEATHER, "/help"), 1):  # her tokens are used up by the first
                anna.says(text)
                served.until(lambda: answered(samples(get(number, "/metrics")[1])) == count)  # noqa: B023
            model.script = lambda asked: Page(500)
            ben.says(ETCD)
            served.until(lambda: answered(samples(get(number, "/metrics")[1])) == 5)
            status, page = get(number, "/metrics")
            found = samples(page)
            asked = sum(
                model.counts(each, each.sent[-1].text)["total_tokens"] for each in model.asked if each.sent and model.counts
            )
    assert status == 200
    assert {name: value for name, value in found.items() if "seconds" not in name and "tokens_total" not in name} == {
        "due_reviews": 0,
        "updates_total/new": 5,
        "updates_total/again": 0,
        "answers_total/model": 1,
        "answers_total/knowledge": 2,
        "answers_total/declined": 1,
        "answers_total/command": 1,
        "refusals_total/learner-tokens": 1,
        "refusals_total/house-tokens": 0,
        "model_faults_total/500": 1,
        "queue_depth": 0,
        f"build_info/{__version__}": 1,
    }
    assert found["model_tokens_total/prompt"] + found["model_tokens_total/answer"] == asked
    assert (found["first_text_seconds_count"], found["answer_seconds_count"]) == (5, 5)
    assert found["answer_seconds_bucket/+Inf"] == 5
    assert 0 < found["first_text_seconds_sum"] <= found["answer_seconds_sum"] < 60
    assert "HELP kube_lemonade_queue_depth Updates whose answer does not stand yet\n" in page


def test_it_is_ready_once_telegram_is_reached_and_while_the_database_works(tmp_path: Path) -> None:
    number = port()
    with BotApi(flood=None) as api:
        api.fail("getMe", delay=3)
        served = Served(api, tmp_path, BOT_LISTEN=f"127.0.0.1:{number}").start(ready=False)
        try:
            served.until(lambda: get(number, "/readyz") == (503, "database ok\ntelegram not ok\n"))
            assert get(number, "/healthz") == (200, "listening ok\nanswers ok\n")
            served.until(lambda: get(number, "/readyz") == (200, FINE))
            with contextlib.closing(sqlite3.connect(served.data / "learners.db", isolation_level=None)) as other:
                other.execute("BEGIN EXCLUSIVE")
                assert get(number, "/readyz") == (503, "database not ok\ntelegram ok\n")
                assert get(number, "/healthz") == (200, "listening ok\nanswers ok\n")
            served.until(lambda: get(number, "/readyz") == (200, FINE))
            assert served.stop() == 0
        finally:
            if served.process:
                served.kill()


def test_what_stands_still_is_not_alive(tmp_path: Path) -> None:
    """Time is handed in; the door is the real one."""
    now, still = 1000.0, 0.0
    told = []

    async def take(update: object) -> None:
        raise AssertionError("nobody said anything")

    async def ask(number: int) -> None:
        told.append(await asyncio.to_thread(get, number, "/healthz"))

    async def due() -> int:
        return 7

    async def goes() -> None:
        nonlocal now, still
        database = Database(tmp_path / "learners.db")
        health = Health(lambda: now, database, Meters(), lambda: still)
        number = port()
        shut = door.open_door(("127.0.0.1", number), health.pages(), None, Bot("1:A"), take)
        health.promise(30)
        now += 29 + LATE
        await ask(number)
        now += 1  # and it was not heard of
        await ask(number)
        health.expect_calls()
        await ask(number)
        still = STUCK
        await ask(number)
        before = samples((await asyncio.to_thread(get, number, "/metrics"))[1])
        health.meters.due = due  # whoever plans reviews hands in how many are due
        after = samples((await asyncio.to_thread(get, number, "/metrics"))[1])
        assert {name: value for name, value in after.items() if name not in before} == {"due_reviews": 7}
        shut()
        await database.close()

    asyncio.run(goes())
    fine, quiet = (200, "listening ok\nanswers ok\n"), (503, "listening not ok\nanswers ok\n")
    assert told == [fine, quiet, fine, (503, "listening ok\nanswers not ok\n")]


def test_as_json_each_line_says_which_update_it_is_about_and_nobody_is_named(tmp_path: Path) -> None:
    with BotApi(flood=None) as api, ModelApi(lambda asked: Page(500)) as model:
        anna, ben = (api.person(7_412_000_001 + at, language="en") for at in range(2))
        settings = {"BOT_LOG_FORMAT": "json", "BOT_LOG_LEVEL": "INFO", **model.settings}
        served = Served(api, tmp_path, **settings)
        for start in range(2):  # the mask stays
            with served:
                for at, person in enumerate((anna, ben), 1):
                    person.says(ETCD)
                    served.until(lambda: served.log.count("an answer stands") == 2 * start + at)  # noqa: B023
        for secret in (str(anna.id), str(ben.id), "etcd", api.token, str(tmp_path)):
            assert secret not in served.log
    found = [row for row in map(json.loads, served.log.splitlines()) if "update" in row and row["logger"].startswith("bot.")]
    about = {row["update"]: [each["message"] for each in found if each["update"] == row["update"]] for row in found}
    assert [[message.split(":")[0] for message in messages] for messages in about.values()] == [
        ["an update is stored", "the model is silent", "an answer stands"]
    ] * 4
    masks = [next(row["person"] for row in found if row["update"] == update and "person" in row) for update in about]
    assert (masks[:2], len(set(masks)), {len(mask) for mask in masks}) == (masks[2:], 2, {12})
    assert list(found[-1]) == ["at", "level", "logger", "message", "update", "person", "chat"]
