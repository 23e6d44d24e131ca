"""What people see when things go wrong: floods, faults of Telegram, cancelling, kill -9, a busy or full disk, bad settings."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import resource
import shutil
import socket
import sqlite3
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.botapi import BotApi, Flood, Person
from tests.conftest import ROOT, Run
from tests.killing import PLACEHOLDER, answers, play, wanted
from tests.proxies import HttpProxy, Proxy, SocksProxy
from tests.served import Served

TOKEN = "123456:Unmistakable_Token"
ETCD, POD, NODE = THREE = ["What is etcd?", "What is a Pod?", "What is a node?"]
FIVE = [*THREE, "What is a container?", "What is a Service?"]
STOPPED = "All right, stopped."
TROUBLE = "My notebook cannot be written to right now. Your message is not lost; I will answer as soon as it works again."
APOLOGY = "Something went wrong on my side. Please ask again."
UNREACHABLE = "Telegram cannot be reached; trying again until it can."
REACHABLE = "Telegram can be reached again."
CONFLICT = "another program receives messages with the same token; trying again."
BROKEN = "the database cannot be used; trying again until it can"
MENDED = "the database works again"
NOT_MODIFIED = "message is not modified"
SECRET = "X-Telegram-Bot-Api-Secret-Token"

Serve = Callable[..., Served]


@contextlib.contextmanager
def telegram() -> Iterator[BotApi]:
    """Telegram without flood limits. Whatever a test does, nobody is ever told the token."""
    with BotApi(TOKEN, flood=None) as api:
        yield api
        history = [message for chat in api.chats.values() for message in chat.history]
        assert [text for message in history for text in message.versions if "Unmistakable_Token" in text] == []


@contextlib.contextmanager
def bots(api: BotApi, data: Path) -> Iterator[Serve]:
    """Starts the bot on one folder, as often as it is wanted; what still runs in the end is killed."""
    started = []

    def serve(ready: bool = True, **variables: str) -> Served:
        started.append(Served(api, data, **variables))
        return started[-1].start(ready)

    try:
        yield serve
    finally:
        for served in started:
            if served.process:
                served.kill()


@pytest.fixture
def api() -> Iterator[BotApi]:
    with telegram() as api:
        yield api


@pytest.fixture
def serve(api: BotApi, tmp_path: Path) -> Iterator[Serve]:
    with bots(api, tmp_path / "data") as serve:
        yield serve


LONG: list[Callable[[BotApi, Serve], None]] = []


def long(test: Callable[[BotApi, Serve], None]) -> Callable[[dict[str, Future[None]]], None]:
    """A test that mostly waits: it begins with the first of its kind, and goes on beside the others."""
    LONG.append(test)

    def ends(going: dict[str, Future[None]]) -> None:
        going[test.__name__].result()

    return ends


@pytest.fixture(scope="module")
def going(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[None]]]:
    """The long tests among those that were asked for, by name."""

    def alone(test: Callable[[BotApi, Serve], None], folder: Path) -> None:
        with telegram() as api, bots(api, folder / "data") as serve:
            test(api, serve)

    names = {item.name for item in request.session.items}
    asked = {test.__name__: (test, tmp_path_factory.mktemp("long")) for test in LONG if test.__name__ in names}
    with ThreadPoolExecutor(4) as pool:
        yield {name: pool.submit(alone, *each) for name, each in asked.items()}


def people(api: BotApi, count: int) -> list[Person]:
    return [api.person(987_654_321 + number, f"P{number}", "en") for number in range(count)]


def identical(api: BotApi) -> int:
    """How many edits would have changed nothing."""
    return len([call for call in api.called("editMessageText", 400) if NOT_MODIFIED in call.description])


def logged(served: Served) -> list[str]:
    """The words of the log, without what is only for the person at the keyboard."""
    return re.findall(r"^[\d-]+ [\d:,]+ [A-Z]+ [\w.]+ (.*)$", served.log, re.MULTILINE)


def held(api: BotApi) -> bool:
    """Whether every fault that was ordered has met its call."""
    return not api._faults


# ---- one after the other, side by side ----


@long
def test_only_the_chat_that_telegram_slows_down_waits_and_it_keeps_its_order(api: BotApi, serve: Serve) -> None:
    anna, bert = people(api, 2)
    etcd = wanted([ETCD])  # it takes a while to know what is right
    served = serve()
    api.fail("editMessageText", 429, retry_after=3, chat=anna.id)
    for question in THREE:
        anna.says(question)
    served.until(lambda: api.called("editMessageText", 429))
    bert.says(ETCD)
    served.until(lambda: answers(bert) == etcd, 2)
    assert answers(anna) == []
    served.until(lambda: answers(anna) == wanted(THREE))
    (told,) = [call for call in api.calls if call.status == 429]
    edits = [message.edits[-1].time for message in anna.chat.by_bot]
    assert (edits, edits[0] - told.time >= 3) == (sorted(edits), True)
    done = [call.method for call in api.calls if call.ok and call.params.get("chat_id") == anna.id]
    assert done == ["sendMessage", "editMessageText"] * 3
    assert (api.flood_violations, identical(api)) == (0, 0)


@long
def test_five_chats_with_five_questions_at_once_are_no_flood(api: BotApi, serve: Serve) -> None:
    api.flood = Flood()
    crowd = people(api, 5)
    served = serve()
    for question in FIVE:
        for person in crowd:
            person.says(question)
    served.until(lambda: [answers(person) for person in crowd] == [wanted(FIVE)] * 5, 20)
    assert [call for call in api.calls if call.status != 200] == []
    assert api.flood_violations == 0


@long
def test_after_every_fault_a_question_has_one_full_answer(api: BotApi, serve: Serve) -> None:
    faults: list[Callable[..., None]] = [
        partial(api.fail, "sendMessage", 500, times=2),
        partial(api.fail, "editMessageText", 502, times=2),
        partial(api.fail, "sendMessage", "drop"),
        partial(api.fail, "editMessageText", "drop", times=2),
        partial(api.fail, "sendMessage", "drop", after=True),
        partial(api.fail, "editMessageText", "drop", after=True),
        partial(api.fail, "sendMessage", delay=2.0),
        partial(api.fail, "editMessageText", delay=5.5),  # longer than the bot waits: it is done all the same
    ]
    crowd = people(api, len(faults))
    api.fail("getUpdates", "drop", after=True)
    for person, fault in zip(crowd, faults, strict=True):
        person.says(ETCD)
        person.says(POD)
        fault(chat=person.id)
    served = serve()
    served.until(lambda: [answers(person) for person in crowd] == [wanted([ETCD, POD])] * len(crowd), 20)
    api.quiet(1.1)
    assert [answers(person) for person in crowd] == [wanted([ETCD, POD])] * len(crowd)
    assert [person.sees().count(PLACEHOLDER) for person in crowd] == [0, 0, 0, 0, 1, 0, 0, 0]
    assert (held(api), identical(api)) == (True, 2)  # only where the first answer was lost
    assert logged(served) == [UNREACHABLE, REACHABLE]


# ---- /cancel ----


@long
def test_cancel_stops_an_answer_that_telegram_slows_down(api: BotApi, serve: Serve) -> None:
    (anna,) = people(api, 1)
    served = serve()
    api.fail("editMessageText", 429, retry_after=3, chat=anna.id)
    for question in THREE:
        anna.says(question)
    served.until(lambda: api.called("editMessageText", 429))
    anna.says("/cancel")
    served.until(lambda: anna.sees() == [STOPPED])
    api.quiet(1.1)
    assert [message.versions for message in anna.chat.by_bot] == [[PLACEHOLDER, STOPPED]]
    told, stopped = api.called("editMessageText")
    assert (told.status, stopped.status, stopped.time - told.time >= 3, api.flood_violations) == (429, 200, True, 0)


@long
def test_cancel_does_not_wait_for_a_call_that_hangs(api: BotApi, serve: Serve) -> None:
    (anna,) = people(api, 1)
    served = serve()
    api.fail("editMessageText", "drop", delay=30, chat=anna.id)
    for question in THREE:
        anna.says(question)
    served.until(lambda: held(api))
    anna.says("/cancel")
    served.until(lambda: anna.sees() == [STOPPED], 2)
    anna.says(NODE)
    served.until(lambda: answers(anna) == [STOPPED, *wanted([NODE])], 4)
    assert anna.chat.by_bot[0].versions == [PLACEHOLDER, STOPPED]


def test_a_cancel_beside_the_answer_always_gets_one_line(api: BotApi, serve: Serve) -> None:
    crowd = people(api, 25)
    served = serve()
    for number, person in enumerate(crowd):
        person.says(ETCD)
        moment = time.monotonic() + 0.001 * number  # from before the placeholder to after the answer
        served.until(lambda moment=moment: time.monotonic() > moment)
        person.says("/cancel")
    served.until(lambda: all(STOPPED in person.sees() for person in crowd))
    api.quiet(1.1)
    assert {tuple(person.sees()) for person in crowd} <= {(STOPPED,), (*wanted([ETCD]), STOPPED)}


@long
def test_a_cancel_before_the_placeholder_stands_gets_one_line(api: BotApi, serve: Serve) -> None:
    (anna,) = people(api, 1)
    served = serve()
    api.fail("sendMessage", 500)
    anna.says(ETCD)
    anna.says(POD)
    served.until(lambda: held(api))
    anna.says("/cancel")
    served.until(lambda: anna.sees() == [STOPPED])
    api.quiet(1.1)
    assert anna.sees() == [STOPPED]


@long
def test_in_a_group_cancel_stops_only_ones_own(api: BotApi, serve: Serve) -> None:
    anna, bert = people(api, 2)
    slow, stuck = api.group(-1001, "slow", [anna, bert]), api.group(-1002, "stuck", [anna, bert])
    served = serve()
    api.fail("editMessageText", delay=1.5, chat=slow.id)
    api.fail("editMessageText", "drop", delay=30, chat=stuck.id)
    for group in (slow, stuck):
        anna.says(f"/ask {ETCD}", in_=group)
    served.until(lambda: held(api))
    for group in (slow, stuck):
        bert.says(f"/ask {POD}", in_=group)
    bert.says("/cancel", in_=slow)
    anna.says("/cancel", in_=stuck)
    served.until(lambda: anna.sees(slow) == [*wanted([ETCD]), STOPPED])
    served.until(lambda: anna.sees(stuck) == [STOPPED, *wanted([POD])])
    api.quiet(0.5)
    assert (anna.sees(slow), anna.sees(stuck)) == ([*wanted([ETCD]), STOPPED], [STOPPED, *wanted([POD])])


# ---- ends and beginnings ----


def test_after_kill_9_every_question_has_its_answer_exactly_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(5) as pool:
        rounds = list(pool.map(lambda seed: play(seed, tmp_path / str(seed)), range(1, 6)))
    assert [(each.questions, each.answered, each.twice) for each in rounds] == [(20, 20, 0)] * 5


def test_an_update_that_comes_again_is_not_answered_again(api: BotApi, serve: Serve) -> None:
    (anna,) = people(api, 1)
    anna.says(ETCD)
    updates = api.pending.copy()
    served = serve()
    served.until(lambda: answers(anna) == wanted([ETCD]))
    assert served.stop() == 0
    api.pending[:0] = updates
    served = serve()
    served.until(lambda: not api.pending)
    anna.says(POD)
    served.until(lambda: answers(anna) == wanted([ETCD, POD]))
    assert anna.sees() == wanted([ETCD, POD])


@long
def test_a_stopped_bot_finishes_what_it_has_in_hand(api: BotApi, serve: Serve) -> None:
    crowd = people(api, 3)
    served = serve()
    for person in crowd:
        person.says(ETCD)
        person.says(POD)
    served.until(lambda: any(person.sees() for person in crowd))
    assert served.stop(10) == 0
    served = serve()
    served.until(lambda: [person.sees() for person in crowd] == [wanted([ETCD, POD])] * 3)


def test_at_whatever_moment_it_is_stopped_it_goes(tmp_path: Path) -> None:
    def one(number: int) -> int:
        with BotApi(flood=None) as api:
            (anna,) = people(api, 1)
            anna.says(ETCD)
            served = Served(api, tmp_path / str(number)).start()
            moment = time.monotonic() + 0.02 * number  # from the first getUpdates to after the answer
            served.until(lambda: time.monotonic() > moment)
            return served.stop(10)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, range(6))) == [0] * 6


@long
def test_a_bot_that_is_stopped_while_telegram_is_away_goes_and_answers_later(api: BotApi, serve: Serve) -> None:
    crowd = people(api, 3)
    served = serve()
    for question in THREE:
        for person in crowd:
            person.says(question)
    served.until(lambda: any(answers(person) for person in crowd))
    api.down()
    assert served.stop(10) == 0
    served = serve(ready=False)
    served.until(lambda: UNREACHABLE in served.log)
    began = time.monotonic()
    assert (served.stop(10), time.monotonic() - began < 2) == (0, True)
    api.up()
    served = serve()
    served.until(lambda: [answers(person) for person in crowd] == [wanted(THREE)] * 3)
    assert (served.stop(10), "Traceback" in served.log) == (0, False)


def test_a_token_that_telegram_refuses_ends_it_with_a_sentence(api: BotApi, serve: Serve) -> None:
    served = serve(ready=False, TELEGRAM_BOT_TOKEN="123456:another")
    assert served.ends() == 1
    assert served.log == "Telegram does not accept the token; check TELEGRAM_BOT_TOKEN.\n"


@long
def test_the_log_tells_an_outage_once_and_its_end_once(api: BotApi, serve: Serve) -> None:
    (anna,) = people(api, 1)
    api.down()
    served = serve(ready=False)
    served.until(lambda: logged(served) == [UNREACHABLE])
    api.up()
    served.until(lambda: "@lemon_bot" in served.log)
    anna.says(ETCD)
    served.until(lambda: answers(anna) == wanted([ETCD]))
    served.until(lambda: len(api.called("setMyDescription", 200)) == 3)  # the menu is registered
    api.down()
    served.until(lambda: logged(served) == [UNREACHABLE, REACHABLE, UNREACHABLE])
    anna.says(POD)
    refused = time.monotonic() + 1.5  # time for a second try
    served.until(lambda: time.monotonic() > refused)
    api.up()
    served.until(lambda: answers(anna) == wanted([ETCD, POD]))
    served.until(lambda: logged(served) == [UNREACHABLE, REACHABLE, UNREACHABLE, REACHABLE])


@long
def test_a_second_program_with_the_token_is_told_once(api: BotApi, serve: Serve) -> None:
    (anna,) = people(api, 1)
    served = serve()
    for times in (1, 2):
        served.until(lambda times=times: len(api.polled) == 2 * times - 1)
        with urllib.request.urlopen(f"{api.url}/bot{TOKEN}/getUpdates?timeout=0", timeout=10) as other:
            assert json.load(other) == {"ok": True, "result": []}
        served.until(lambda times=times: len(api.called("getUpdates", 409)) == times)
    anna.says(ETCD)
    served.until(lambda: answers(anna) == wanted([ETCD]))
    assert logged(served) == [CONFLICT, REACHABLE]


# ---- the door ----


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def knock(port: int, method: str, path: str, body: bytes = b"", secret: str | None = None) -> int:
    """The status of one request; 0 where the door was shut before an answer."""
    door = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        door.request(method, path, body, {} if secret is None else {SECRET: secret})
        return door.getresponse().status
    except OSError:
        return 0
    finally:
        door.close()


def webhook(port: int) -> dict[str, str]:
    address = f"127.0.0.1:{port}"
    return {"BOT_WEBHOOK_URL": f"http://{address}/hook", "BOT_LISTEN": address, "BOT_WEBHOOK_SECRET": "word"}


def test_by_webhook_questions_are_answered_and_strangers_refused(api: BotApi, serve: Serve) -> None:
    (anna,) = people(api, 1)
    port = free_port()
    anna.says(ETCD)
    (update,) = api.pending.copy()
    served = serve(**webhook(port))
    served.until(lambda: answers(anna) == wanted([ETCD]))
    again, path = json.dumps(update).encode(), "/hook"
    large = again[:-1] + b" " * 1_000_000 + again[-1:]
    assert {
        "wrong secret": knock(port, "POST", path, again, "wrong"),
        "secret that is no ASCII": knock(port, "POST", path, again, "w\xf6rd"),
        "no secret": knock(port, "POST", path, again),
        "no JSON": knock(port, "POST", path, b'{"update_id": 1', "word"),
        "no object": knock(port, "POST", path, b"[]", "word"),
        "no update": knock(port, "POST", path, b"{}", "word"),
        "too large": knock(port, "POST", path, large, "word") in (0, 400, 413),
        "GET": knock(port, "GET", path, secret="word"),
        "elsewhere": knock(port, "POST", "/", again, "word"),
        "health": knock(port, "GET", "/healthz"),
        "the same again": knock(port, "POST", path, again, "word"),
    } == {
        "wrong secret": 403,
        "secret that is no ASCII": 403,
        "no secret": 403,
        "no JSON": 400,
        "no object": 400,
        "no update": 400,
        "too large": True,
        "GET": 405,
        "elsewhere": 404,
        "health": 200,
        "the same again": 200,
    }
    anna.says(POD)
    served.until(lambda: answers(anna) == wanted([ETCD, POD]))
    assert anna.sees() == wanted([ETCD, POD])
    assert {status for _, _, status in api.deliveries} == {200}
    assert (served.stop(), logged(served)) == (0, [])


def test_a_webhook_address_that_telegram_refuses_ends_it_with_a_sentence(api: BotApi, serve: Serve) -> None:
    refused = serve(ready=False, **webhook(free_port()) | {"BOT_WEBHOOK_URL": "http://lemon.test/hook"})
    sentence = "the value of BOT_WEBHOOK_URL cannot be used; allowed: an address that begins with https://.\n"
    assert (refused.ends(), refused.log) == (1, sentence)


@long
def test_what_telegram_brings_while_the_bot_starts_is_answered_once(api: BotApi, serve: Serve) -> None:
    (anna,) = people(api, 1)
    port = free_port()
    serve(**webhook(port)).kill()
    for method in ("getMe", "setWebhook", "editMessageText"):
        api.fail(method, delay=0.5)
    anna.says(ETCD)
    served = serve(**webhook(port))
    served.until(lambda: answers(anna) == wanted([ETCD]))
    api.quiet(1.1)
    assert anna.sees() == wanted([ETCD])
    assert {status for _, _, status in api.deliveries} <= {0, 503, 200}  # nobody there, not yet, taken


def test_a_taken_port_stops_the_webhook_with_a_sentence_and_polling_not_at_all(api: BotApi, serve: Serve) -> None:
    (anna,) = people(api, 1)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        sentence = f"cannot listen at 127.0.0.1:{port} (Address already in use); change BOT_LISTEN."
        refused = serve(ready=False, **webhook(port))
        served = serve(BOT_LISTEN=f"127.0.0.1:{port}")
        assert (refused.ends(), refused.log) == (1, f"{sentence}\n")
        served.until(lambda: logged(served) == [sentence])
        anna.says(ETCD)
        served.until(lambda: answers(anna) == wanted([ETCD]))
        assert logged(served) == [sentence]


# ---- the database ----


@long
def test_while_the_database_is_busy_one_is_told_once_and_answered_then(api: BotApi, serve: Serve) -> None:
    (anna,) = people(api, 1)
    served = serve()
    with contextlib.closing(sqlite3.connect(served.data / "learners.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        end = time.monotonic() + 6
        anna.says(ETCD)
        anna.says(POD)
        served.until(lambda: time.monotonic() > end)
        assert (anna.sees(), logged(served)) == ([TROUBLE], [BROKEN])
        other.execute("ROLLBACK")
    served.until(lambda: anna.sees() == [TROUBLE, *wanted([ETCD, POD])])
    assert logged(served) == [BROKEN, MENDED]


@contextlib.contextmanager
def disk(folder: Path) -> Iterator[None]:
    """A disk of its own, where the system lets us have one."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("the system lets us mount nothing")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextlib.contextmanager
def no_room_on_the_disk(served: Served) -> Iterator[None]:
    filler = served.data / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 1024)
    yield
    filler.unlink()


@contextlib.contextmanager
def no_larger_files(served: Served) -> Iterator[None]:
    assert served.process
    pid = served.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
    yield
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("full", [no_room_on_the_disk, no_larger_files])
def test_where_nothing_more_can_be_written_one_is_told_and_answered_when_there_is_room(
    api: BotApi, serve: Serve, tmp_path: Path, full: Callable[[Served], contextlib.AbstractContextManager[None]]
) -> None:
    (anna,) = people(api, 1)
    with disk(tmp_path / "data") if full is no_room_on_the_disk else contextlib.nullcontext():
        served = serve()
        with full(served):
            anna.says(ETCD)
            served.until(lambda: anna.sees() == [TROUBLE])
        served.until(lambda: anna.sees() == [TROUBLE, *wanted([ETCD])])
        assert (logged(served), served.stop()) == ([BROKEN, MENDED], 0)


def newer(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE alembic_version (version_num TEXT)")
        database.execute("INSERT INTO alembic_version VALUES ('9999')")


CANNOT = "the database cannot be used ({}); check DATABASE_URL or BOT_DATA_DIR."
DATABASES: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "of another kind": (lambda path: path, "postgresql://anna:pw@localhost/x", "DATABASE_URL has to be sqlite:///FILE."),
    "no address": (lambda path: path, "learners.db", "DATABASE_URL has to be sqlite:///FILE."),
    "that cannot be opened": (lambda path: path.mkdir(), "sqlite:///{}", CANNOT.format("unable to open database file")),
    "that is no database": (
        lambda path: path.write_text("no database" * 100),
        "sqlite:///{}",
        CANNOT.format("file is not a database"),
    ),
    "of a newer version": (
        newer,
        "sqlite:///{}",
        "a newer version of the program has written this database; upgrade the program or use another database.",
    ),
}


@pytest.mark.parametrize("kind", DATABASES)
def test_a_database_that_cannot_be_used_ends_it_with_a_sentence(run: Run, tmp_path: Path, kind: str) -> None:
    make, url, sentence = DATABASES[kind]
    make(tmp_path / "x.db")
    nowhere = {"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_BASE_URL": "http://127.0.0.1:1", "BOT_LISTEN": ""}
    done = run("serve", DATABASE_URL=url.format(tmp_path / "x.db"), **nowhere)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{sentence}\n")


# ---- what is written, what is read ----


@long
def test_the_log_holds_nothing_of_anybody_even_at_its_loudest(api: BotApi, serve: Serve) -> None:
    anna, bert, carl = people(api, 3)
    carl.says("/start")
    served = serve(BOT_LOG_LEVEL="DEBUG")
    words = "Zanzibar marmalade, what is etcd?"
    api.fail("sendMessage", 500, chat=anna.id)
    api.fail("editMessageText", "drop", chat=anna.id)
    api.fail("editMessageText", 400, chat=bert.id, description=f"Bad Request: chat {bert.id} said {words}")
    for person in (anna, bert):
        person.says(words)
    served.until(lambda: bert.sees() == [APOLOGY])
    served.until(lambda: len(answers(anna)) == 1)
    with contextlib.closing(sqlite3.connect(served.data / "learners.db")) as database, database:
        database.execute('UPDATE learners SET talk = \'{"told": "Zanzibar\' WHERE person = ?', [anna.id])
    anna.says(words)
    served.until(lambda: APOLOGY in anna.sees())
    api.fail("sendMessage", 403, chat=carl.id, description=f"Forbidden: {carl.id} has blocked the bot")
    carl.says(words)
    served.until(lambda: "an answer reaches nobody any more" in served.log)
    assert served.stop() == 0
    folders = [str(ROOT), str(served.data.parent), "site-packages"]
    private = ["Zanzibar", "marmalade", TOKEN, TOKEN.partition(":")[2], "987654", *folders, "Traceback", 'File "']
    assert [word for word in private if word in served.log] == []
    told = ["Telegram refuses an answer (BadRequest at ", "no answer to an update (JSONDecodeError at ", " DEBUG asyncio"]
    assert [words for words in told if words not in served.log] == []


def test_the_token_may_stand_in_a_file(api: BotApi, serve: Serve, tmp_path: Path) -> None:
    (anna,) = people(api, 1)
    file = tmp_path / "token"
    refused = serve(ready=False, TELEGRAM_BOT_TOKEN="", TELEGRAM_BOT_TOKEN_FILE=str(file))
    assert (refused.ends(), refused.log) == (1, "the file that TELEGRAM_BOT_TOKEN_FILE names cannot be read.\n")
    file.write_text(f"{TOKEN}\n")
    served = serve(TELEGRAM_BOT_TOKEN="", TELEGRAM_BOT_TOKEN_FILE=str(file))
    anna.says(ETCD)
    served.until(lambda: answers(anna) == wanted([ETCD]))


@pytest.mark.parametrize("kind", [HttpProxy, SocksProxy])
def test_with_a_proxy_every_call_passes_through_it(api: BotApi, serve: Serve, kind: type[Proxy]) -> None:
    """The host has no address, so there is no other way to it."""
    (anna,) = people(api, 1)
    with kind(int(api.url.rpartition(":")[2])) as proxy:
        served = serve(TELEGRAM_BASE_URL="http://telegram.invalid", BOT_PROXY=proxy.url)
        anna.says(ETCD)
        served.until(lambda: answers(anna) == wanted([ETCD]))
        assert api._server
        peers = {connection.getpeername()[1] for connection in api._server.connections.copy()}
        assert proxy.asked == {("telegram.invalid", 80)}
        assert (peers <= proxy.ports, len(peers) > 0) == (True, True)
        assert (served.stop(), logged(served)) == (0, [])
