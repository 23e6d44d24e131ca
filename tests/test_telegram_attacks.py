"""What must not break the bot: updates nobody can read, answers in Telegram's place, people who leave, doors held open."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from telegram import Bot

from bot.frontends.telegram import door
from tests.botapi import BotApi, Person
from tests.botapi import server as double
from tests.conftest import ROOT
from tests.killing import answers, wanted
from tests.served import Served

POD = "What is a Pod?"
NOWHERE = "What is the capital of France?"
WRONG = "Something went wrong"
FORGOTTEN = "Everything is deleted."
SECRET = "X-Telegram-Bot-Api-Secret-Token"
Json = dict[str, Any]


@pytest.fixture
def api() -> Iterator[BotApi]:
    with BotApi(flood=None) as api:
        yield api


def somebody(api: BotApi, id: int = 77) -> Person:
    return api.person(id, "P", "en")


def is_answered(person: Person, question: str = POD) -> bool:
    return answers(person)[-1:] == wanted([question])


def said(text: Any = "unmistakable words", id: int = 5, **more: Any) -> Json:
    chat = {"id": id, "type": "private", "first_name": "X"}
    return {"message_id": 900, "date": 1, "chat": chat, "from": chat | {"is_bot": False}, "text": text} | more


def kept(data: Path, table: str, person: int) -> int:
    with sqlite3.connect(data / "learners.db") as database:
        count: int = database.execute(f"SELECT count(*) FROM {table} WHERE person = ?", (person,)).fetchone()[0]
    database.close()
    return count


# ---- updates ----


def without(message: Json, name: str) -> Json:
    return {key: value for key, value in message.items() if key != name}


GROUP = {"id": -100, "type": "supergroup", "title": "t"}
UNREADABLE: list[tuple[str, Json]] = [
    ("message", without(said(), "date")),
    ("message", said(chat={"id": 5})),
    ("message", said(poll={"id": "of a later Bot API"})),
    ("message", said(text=5)),
    ("message", said(id=2**63)),
    ("message", said("🍋🍋", chat=GROUP, entities=[{"type": "mention", "offset": 1, "length": 2}])),
    ("poll_answer", {"poll_id": "1", "option_ids": []}),
]


def test_an_update_that_cannot_be_read_harms_nobody_and_comes_no_more(api: BotApi, tmp_path: Path) -> None:
    person = somebody(api)
    with Served(api, tmp_path, BOT_LOG_LEVEL="DEBUG") as served:
        for kind, update in UNREADABLE:
            api.emit(kind, update)
        person.says(POD)
        api.wait(lambda: is_answered(person))
        assert api.pending == []
        assert len(re.findall("an update (cannot be read|is passed over)", served.log)) == len(UNREADABLE)
        assert "unmistakable" not in served.log


def test_a_place_that_moves_on_is_answered_once(api: BotApi, tmp_path: Path) -> None:
    person, place = somebody(api), without(said(id=77), "text")
    with Served(api, tmp_path):
        person.says(POD)
        api.wait(lambda: is_answered(person))
        for at in range(5):
            moved = {"location": {"latitude": 1, "longitude": at, "live_period": 900}}
            api.emit("edited_message" if at else "message", place | moved)
        api.quiet(1.5)  # a chat is spoken to once a second
        assert len(person.sees()) == 2


# ---- something answers in Telegram's place ----

PAGE, HALF, EMPTY = (200, b"<html>Please log in</html>"), (200, b'{"ok":true,"resu'), (200, b'{"ok":true}')
LIST, REFUSED = (200, b"[]"), (403, b"<html>Forbidden</html>")
MISSING, BAD = (404, b"<html>Not Found</html>"), (400, b"<html>Bad Request</html>")


@pytest.mark.parametrize(
    "instead", [(PAGE, HALF, EMPTY), (LIST, EMPTY, PAGE), (REFUSED, MISSING, BAD), (MISSING, BAD, REFUSED)]
)
def test_what_a_gateway_answers_in_telegrams_place_is_waited_out(
    api: BotApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instead: tuple[tuple[int, bytes], ...]
) -> None:
    waiting = dict(zip(("getMe", "getUpdates", "editMessageText"), instead, strict=True))
    person, reply = somebody(api), double._Handler.reply

    def meddles(self: double._Handler, status: int, body: Json) -> None:
        method = self.path.rsplit("/", 1)[1]
        if method not in waiting:
            return reply(self, status, body)
        code, page = waiting.pop(method)
        head = f"HTTP/1.1 {code} x\r\nContent-Type: text/html\r\nContent-Length: {len(page)}\r\n\r\n"
        self.wfile.write(head.encode() + page)
        return None

    monkeypatch.setattr(double._Handler, "reply", meddles)
    with Served(api, tmp_path):
        person.says(POD)
        api.wait(lambda: is_answered(person))
    assert (waiting, [text for text in person.sees() if WRONG in text]) == ({}, [])


# ---- to be forgotten ----


def test_who_wants_to_be_forgotten_and_blocks_the_bot_is_forgotten(api: BotApi, tmp_path: Path) -> None:
    person = somebody(api)
    with Served(api, tmp_path):
        person.says(NOWHERE)
        api.wait(lambda: kept(tmp_path, "answers", person.id) == 1)
        person.says("/forget")
        api.wait(lambda: any("/forget yes" in str(message.buttons) for message in person.chat.by_bot))
        with api.changed:
            person.presses(person.chat.last, "/forget yes")
            person.blocks()
        api.quiet()
        assert [kept(tmp_path, table, person.id) for table in ("answers", "learners")] == [0, 0]
        assert (tmp_path / "questions.tsv").read_text() == ""


def test_what_waits_in_a_group_notes_nothing_of_who_was_forgotten(api: BotApi, tmp_path: Path) -> None:
    person, other = somebody(api), somebody(api, 78)
    group = api.group(-1005, members=[person, other])
    with Served(api, tmp_path):
        api.fail("sendMessage", delay=2.0, chat=group.id)  # behind it all the others wait
        for who in (person, person, other):
            who.says(f"/ask@lemon_bot {POD}", in_=group)
        api.wait(lambda: not api.pending)
        person.says("/forget yes")
        api.wait(lambda: any(FORGOTTEN in text for text in person.sees()))
        api.wait(lambda: kept(tmp_path, "answers", other.id) == 1)
        api.quiet()
        assert kept(tmp_path, "answers", person.id) == 0


# ---- the operator's side ----


def test_it_serves_though_nobody_reads_what_it_says(api: BotApi, tmp_path: Path) -> None:
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("BOT_", "TELEGRAM_"))}
    environ |= {"TELEGRAM_BASE_URL": api.url, "TELEGRAM_BOT_TOKEN": api.token, "BOT_DATA_DIR": str(tmp_path), "BOT_LISTEN": ""}
    reader, writer = os.pipe()
    os.close(reader)
    with subprocess.Popen([sys.executable, "-m", "bot", "serve"], cwd=ROOT, env=environ, stderr=writer, stdout=writer) as bot:
        os.close(writer)
        try:
            api.wait(lambda: api.polled)
            bot.terminate()
            assert bot.wait(10) == 0
        finally:
            bot.kill()


def test_a_token_file_may_begin_with_the_mark_that_notepad_writes(api: BotApi, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(api.token + "\n", "utf-8-sig")
    with Served(api, tmp_path / "data", TELEGRAM_BOT_TOKEN="", TELEGRAM_BOT_TOKEN_FILE=str(file)) as served:
        assert "@lemon_bot" in served.log


# ---- the door ----


def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        number: int = free.getsockname()[1]
    return number


def knock(url: str, body: bytes, secret: str) -> int:
    request = urllib.request.Request(url, body, {SECRET: secret, "Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            status: int = answer.status
    except urllib.error.HTTPError as refused:
        status = refused.code
        refused.close()
    return status


def test_the_door_takes_its_path_as_it_is_and_passes_over_what_stumbles(api: BotApi, tmp_path: Path) -> None:
    here = f"127.0.0.1:{port()}"
    url = f"http://{here}/a+(b).c"
    with Served(api, tmp_path, BOT_LISTEN=here, BOT_WEBHOOK_URL=url, BOT_WEBHOOK_SECRET="s"):
        stumbles = b'{"update_id": 7, "poll_answer": {"poll_id": "x", "option_ids": [], "option_persistent_ids": []}}'
        big = json.dumps({"update_id": 10**20, "message": said()}).encode()
        assert [knock(url, stumbles, "s"), knock(url, big, "s"), knock(url, big, "no")] == [200, 200, 403]
        assert knock(url.replace(".c", "xc"), stumbles, "s") == 404
        person = somebody(api)
        person.says(POD)
        api.wait(lambda: is_answered(person))


def test_who_holds_the_door_open_and_says_nothing_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "PATIENCE", 0.3)

    async def take(update: object) -> None:
        raise AssertionError("nobody said anything")

    async def waits() -> list[bytes]:
        number = port()
        shut = door.open_door(("127.0.0.1", number), {}, door.Webhook("http://x/hook", "s"), Bot("1:A"), take)
        heads = (b"", b"POST /hook HTT", b"POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        told = []
        for head in heads:
            reader, writer = await asyncio.open_connection("127.0.0.1", number)
            writer.write(head)
            told.append(await asyncio.wait_for(reader.read(), 5))
            writer.close()
            await writer.wait_closed()
        shut()
        return told

    began = time.monotonic()
    assert asyncio.run(waits()) == [b"", b"", b""]
    assert time.monotonic() - began < 5
