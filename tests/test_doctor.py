"""`doctor`: a healthy host, and hosts that are broken in one way each."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bot.store.tables import VERSION
from tests.botapi import BotApi, Webhook
from tests.conftest import ROOT, Run
from tests.databases import make
from tests.modelapi import ModelApi, Page
from tests.proxies import HttpProxy

WELL = [
    "✓ Proxy: none needed, Telegram is reached directly.",
    "✓ Token: accepted, the bot is @lemon_bot.",
    "✓ Webhook: none, the bot polls; 0 updates wait.",
    "✓ Clock: right.",
    "✓ Database: none yet, the first start makes it; the folder can be written to.",
    "✓ Model: lemon-1 answered in N s.",
    "✓ Disk: N MB free.",
    "✓ Knowledge: no faults.",
    "✓ Fonts: pictures can be drawn.",
]
AWAY = "✗ Telegram: not reached. Check the network; where Telegram is blocked, set BOT_PROXY or TELEGRAM_BASE_URL."


TOKEN = "123456:Unmistakable_Token"
Break = Callable[[BotApi, ModelApi, Path], dict[str, str]]
NOWHERE = "http://127.0.0.1:9"  # nobody listens to the port of discarding


def told(done: subprocess.CompletedProcess[str]) -> tuple[int, list[str]]:
    """The exit code and the lines, times and sizes apart; nothing else was said."""
    assert done.stderr == ""
    assert "Traceback" not in done.stdout
    assert "Unmistakable" not in done.stdout
    assert "/" not in done.stdout.replace("/mybots", "").replace("/newbot", "").replace("/v1", "")  # no path
    return done.returncode, re.sub(r"\d+(\.\d+)?(?= (s\.|MB|seconds|faults))", "N", done.stdout).splitlines()


def examined(run: Run, folder: Path, change: Break, **variables: str) -> tuple[int, list[str]]:
    """What is said of a host that `change` has changed."""
    with BotApi(TOKEN, flood=None) as telegram, ModelApi(lambda asked: "OK") as model:
        well = {"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_BASE_URL": telegram.url, **model.settings}
        (folder / "data").mkdir()
        return told(run("doctor", **{**well, **change(telegram, model, folder / "data"), **variables}))


def nothing(telegram: BotApi, model: ModelApi, data: Path) -> dict[str, str]:
    return {}


def test_a_healthy_host(run: Run, tmp_path: Path) -> None:
    assert examined(run, tmp_path, nothing) == (0, WELL)


def test_in_the_language_of_the_host(run: Run, tmp_path: Path) -> None:
    code, lines = examined(run, tmp_path, nothing, LANG="zh_CN.UTF-8")
    assert (code, lines[:3]) == (
        0,
        [
            "✓ 代理：不需要，能直接连上 Telegram。",
            "✓ 令牌：有效，机器人是 @lemon_bot。",
            "✓ Webhook：没有，用轮询；等着 0 条。",
        ],
    )


def other_token(telegram: BotApi, model: ModelApi, data: Path) -> dict[str, str]:
    return {"TELEGRAM_BOT_TOKEN": "123456:Unmistakable_Other"}


def no_token(telegram: BotApi, model: ModelApi, data: Path) -> dict[str, str]:
    return {"TELEGRAM_BOT_TOKEN": ""}


def unreachable(telegram: BotApi, model: ModelApi, data: Path) -> dict[str, str]:
    return {"TELEGRAM_BASE_URL": NOWHERE}


def other_proxy_variable(telegram: BotApi, model: ModelApi, data: Path) -> dict[str, str]:
    return {"TELEGRAM_BASE_URL": NOWHERE, "HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}


def no_proxy_there(telegram: BotApi, model: ModelApi, data: Path) -> dict[str, str]:
    return {"BOT_PROXY": NOWHERE}


def proxy_to_nowhere(telegram: BotApi, model: ModelApi, data: Path) -> dict[str, str]:
    return {"BOT_PROXY": portal()}


def not_telegram(telegram: BotApi, model: ModelApi, data: Path) -> dict[str, str]:
    return {"TELEGRAM_BASE_URL": portal()}


def portal() -> str:
    """A page of HTML whatever is asked, as of a network that wants a login."""

    class Portal(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_error(502)

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Portal)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


def wrong_clock(telegram: BotApi, model: ModelApi, data: Path) -> dict[str, str]:
    telegram.ahead = -3600.0
    return {}


def failing_webhook(telegram: BotApi, model: ModelApi, data: Path) -> dict[str, str]:
    url = "http://127.0.0.1:9/hook"
    telegram.webhook = Webhook(url, last_error="Connection refused", last_error_time=time.time() - 60)
    return {"BOT_WEBHOOK_URL": url}


def webhook_without_address(telegram: BotApi, model: ModelApi, data: Path) -> dict[str, str]:
    return {"BOT_WEBHOOK_URL": "https://lemon.test", "BOT_LISTEN": ""}


def database(data: Path, *lines: str) -> dict[str, str]:
    with contextlib.closing(sqlite3.connect(data / "learners.db")) as connection:
        for line in lines:
            connection.execute(line)
        connection.commit()
    return {}


def foreign(telegram: BotApi, model: ModelApi, data: Path) -> dict[str, str]:
    return database(data, "CREATE TABLE recipes (name TEXT)")


def newer(telegram: BotApi, model: ModelApi, data: Path) -> dict[str, str]:
    tables = ("CREATE TABLE learners (a)", "CREATE TABLE updates (a)", "CREATE TABLE alembic_version (version_num TEXT)")
    return database(data, *tables, "INSERT INTO alembic_version VALUES ('9999')")


def damaged(telegram: BotApi, model: ModelApi, data: Path) -> dict[str, str]:
    make(data / "learners.db", VERSION)
    content = (data / "learners.db").read_bytes()
    (data / "learners.db").write_bytes(content[:4096] + b"\xff" * (len(content) - 8192) + content[-4096:])
    return {}


def no_folder(telegram: BotApi, model: ModelApi, data: Path) -> dict[str, str]:
    data.rmdir()
    data.write_text("a file")
    return {}


def locked_model(telegram: BotApi, model: ModelApi, data: Path) -> dict[str, str]:
    return {"OPENAI_API_KEY": "sk-Unmistakable"}


def no_such_model(telegram: BotApi, model: ModelApi, data: Path) -> dict[str, str]:
    model.script = lambda asked: Page(404)
    return {}


def model_away(telegram: BotApi, model: ModelApi, data: Path) -> dict[str, str]:
    return {"OPENAI_BASE_URL": f"{NOWHERE}/v1"}


def model_behind_a_wall(telegram: BotApi, model: ModelApi, data: Path) -> dict[str, str]:
    """Nobody answers the knock: the queue at the door is full."""
    WALL.append(socket.create_server(("127.0.0.1", 0), backlog=0))
    address = WALL[0].getsockname()
    WALL.append(socket.create_connection(address))
    return {"OPENAI_BASE_URL": f"http://127.0.0.1:{address[1]}/v1"}


def model_unnamed(telegram: BotApi, model: ModelApi, data: Path) -> dict[str, str]:
    return {"BOT_MODEL": ""}


def spoilt_knowledge(telegram: BotApi, model: ModelApi, data: Path) -> dict[str, str]:
    (data / "knowledge").mkdir()
    return {"BOT_KNOWLEDGE_DIR": str(data / "knowledge")}


def rare_characters(telegram: BotApi, model: ModelApi, data: Path) -> dict[str, str]:
    """A host's own name for a part of the whole."""
    folder = shutil.copytree(ROOT / "knowledge", data / "knowledge")
    (areas,) = folder.glob("metaphors/lemonade/areas.yaml")
    text = areas.read_text("utf-8")
    areas.write_text(re.sub("zh: (\\w)", "zh: 龘\\1", text, count=1), "utf-8")
    return {"BOT_KNOWLEDGE_DIR": str(folder)}


WALL: list[socket.socket] = []
WEBHOOK = "✗ Webhook: "
UNNAMED = "✗ OPENAI_API_KEY or OPENAI_BASE_URL is set but no model is named; set BOT_MODEL."
# What is broken, what is said of it, and which of the healthy lines it stands for: from … up to before …
BROKEN: list[tuple[Break, str, int, int]] = [
    (no_token, "✗ Token: none. Send /newbot to @BotFather and put the token into TELEGRAM_BOT_TOKEN.", 0, 4),
    (
        other_token,
        "✗ Token: Telegram does not accept it. Send /mybots to @BotFather and copy it again into TELEGRAM_BOT_TOKEN.",
        1,
        3,
    ),
    (unreachable, AWAY, 0, 4),
    (
        other_proxy_variable,
        "✗ Telegram: not reached. HTTPS_PROXY and ALL_PROXY do not count; put the proxy into BOT_PROXY.",
        0,
        4,
    ),
    (
        no_proxy_there,
        "✗ Proxy: nothing listens at the address in BOT_PROXY. Start the proxy, or correct its host and port.",
        0,
        4,
    ),
    (
        proxy_to_nowhere,
        "✗ Proxy: it is there, but Telegram is not reached through it. Check its name, password and rules.",
        0,
        4,
    ),
    (
        not_telegram,
        "✗ Telegram: something else answers in its place. Check TELEGRAM_BASE_URL, or whether the network wants a login.",
        0,
        4,
    ),
    (
        failing_webhook,
        f"{WEBHOOK}Telegram fails to call (Connection refused); 0 updates wait. "
        "Check that BOT_WEBHOOK_URL can be opened from outside and that its certificate holds.",
        2,
        3,
    ),
    (webhook_without_address, f"{WEBHOOK}BOT_WEBHOOK_URL is set but nothing listens; set BOT_LISTEN.", 2, 3),
    (wrong_clock, "✗ Clock: N seconds off. Turn on the system's time synchronisation (NTP).", 3, 4),
    (foreign, "✗ Database: this file was not written by this program. Check DATABASE_URL and BOT_DATA_DIR.", 4, 5),
    (
        newer,
        "✗ Database: a newer version of the program has written it. Upgrade the program, or restore an older copy.",
        4,
        5,
    ),
    (damaged, "✗ Database: it is damaged. Move it away, then restore a copy with `restore`.", 4, 5),
    (
        no_folder,
        "✗ Database: it cannot be used (Not a directory). "
        "Check the permissions of BOT_DATA_DIR, and whether another program holds it.",
        4,
        5,
    ),
    (locked_model, "✗ Model: the key is not accepted. Check OPENAI_API_KEY.", 5, 6),
    (
        no_such_model,
        "✗ Model: there is no lemon-1, or the address is wrong. "
        "Check BOT_MODEL, and whether OPENAI_BASE_URL ends as it should, often in /v1.",
        5,
        6,
    ),
    (
        model_away,
        "✗ Model: not reached. Check OPENAI_BASE_URL and that the server runs; where it is blocked, set BOT_MODEL_PROXY.",
        5,
        6,
    ),
    (
        model_behind_a_wall,
        "✗ Model: not reached. Check OPENAI_BASE_URL and that the server runs; where it is blocked, set BOT_MODEL_PROXY.",
        5,
        6,
    ),
    (model_unnamed, UNNAMED, 5, 6),
    (spoilt_knowledge, "✗ Knowledge: N faults. Run `kube-lemonade check`.", 7, 8),
    (
        rare_characters,
        "✗ Fonts: Chinese characters of the pictures that cannot be drawn: 1 (龘). "
        "Install the program anew, or use others in your knowledge.",
        8,
        9,
    ),
]


@pytest.mark.parametrize(("change", "line", "start", "end"), BROKEN, ids=lambda value: getattr(value, "__name__", ""))
def test_a_host_that_is_broken_in_one_way(change: Break, line: str, start: int, end: int, run: Run, tmp_path: Path) -> None:
    assert examined(run, tmp_path, change) == (1, [*WELL[:start], line, *WELL[end:]])


def test_a_proxy_that_leads_to_telegram(run: Run, tmp_path: Path) -> None:
    def behind(telegram: BotApi, model: ModelApi, data: Path) -> dict[str, str]:
        return {"BOT_PROXY": stack.enter_context(HttpProxy(int(telegram.url.rpartition(":")[2]))).url}

    with contextlib.ExitStack() as stack:
        assert examined(run, tmp_path, behind) == (0, ["✓ Proxy: Telegram is reached through it.", *WELL[1:]])


def test_an_older_database_and_one_in_use(run: Run, tmp_path: Path) -> None:
    def older(telegram: BotApi, model: ModelApi, data: Path) -> dict[str, str]:
        run("learners", "stats")
        make(data / "learners.db", "0001")
        return {}

    line = "✓ Database: of an earlier version, upgraded at the next start; make a backup first."
    assert examined(run, tmp_path, older) == (0, [*WELL[:4], line, *WELL[5:]])


def test_a_full_disk(tmp_path: Path) -> None:
    """Room is looked up by the standard library, which says here what it would on a small disk."""
    program = (
        "import shutil, sys\nfrom bot.__main__ import main\n"
        "shutil.disk_usage = lambda place: shutil._ntuple_diskusage(10**9, 10**9 - 2**20, 2**20)\nsys.exit(main(['doctor']))"
    )
    environ = {"BOT_DATA_DIR": str(tmp_path), "LANG": "en_US.UTF-8", "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[3]) == (1, "✗ Disk: only 1 MB free. Make room.")


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        ("sys.modules['resvg_py'] = None", "✓ Fonts: the part that draws pictures is not installed; answers are text."),
        (
            "from bot.frontends.telegram import png\npng.FONT = png.FONT.with_suffix('.away')",
            "✗ Fonts: Chinese characters of the pictures that cannot be drawn: [0-9]{3} ",
        ),
    ],
    ids=["nothing draws", "no typeface"],
)
def test_pictures_that_cannot_be_drawn(spoil: str, line: str, tmp_path: Path) -> None:
    program = f"import sys\n{spoil}\nfrom bot.__main__ import main\nsys.exit(main(['doctor']))"
    environ = {"BOT_DATA_DIR": str(tmp_path), "LANG": "en_US.UTF-8", "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert re.match(line, done.stdout.splitlines()[-1])


def test_wrong_settings_are_told_before_anything_else(run: Run) -> None:
    done = run("doctor", BOT_LISTEN="everywhere", TELEGRAM_BOT_TOKEN="Unmistakable")
    assert (done.returncode, done.stdout, done.stderr.splitlines()) == (
        1,
        "",
        [
            "the value of TELEGRAM_BOT_TOKEN cannot be used; allowed: a token such as 123456:ABC.",
            "the value of BOT_LISTEN cannot be used; allowed: host:port, for example 127.0.0.1:8080.",
        ],
    )
