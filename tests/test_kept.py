"""What is kept between starts: it is never stale, never trusted, and never missed."""

from __future__ import annotations

import pickle
from hashlib import blake2b
from pathlib import Path

import pytest

from tests.conftest import Run

QUESTION = "etcd 是什么？"
ETCD = "truth/concepts/etcd.yaml"


class Bomb:
    """Writes a file as soon as somebody loads it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.write_text, (self.path, "boom")


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def test_the_next_start_makes_nothing_anew(run: Run, home: Path) -> None:
    first = run("ask", QUESTION, XDG_CACHE_HOME=str(home))
    (kept,) = home.glob("*/*")
    before = kept.stat().st_mtime_ns, kept.read_bytes()
    second = run("ask", QUESTION, XDG_CACHE_HOME=str(home))
    assert (second.returncode, second.stdout, second.stderr) == (0, first.stdout, "")
    assert (kept.stat().st_mtime_ns, kept.read_bytes()) == before
    assert list(home.glob("*/*")) == [kept]


def test_a_changed_base_is_read_anew(run: Run, home: Path, copy: Path) -> None:
    def asked() -> str:
        return run("ask", QUESTION, BOT_KNOWLEDGE_DIR=str(copy), XDG_CACHE_HOME=str(home)).stdout

    before = asked()
    change(copy / "metaphors/lemonade/roles/etcd.yaml", "小票柜", "小票箱")
    assert asked() == before.replace("小票柜", "小票箱", 1)
    (copy / "truth/pairs").rename(copy / "pairs")
    assert asked() == ""


def test_a_fault_is_told_though_the_base_was_good_before(run: Run, home: Path, copy: Path) -> None:
    places = {"BOT_KNOWLEDGE_DIR": str(copy), "XDG_CACHE_HOME": str(home)}
    assert run("ask", QUESTION, **places).returncode == 0
    change(copy / ETCD, "tier: 1", "tier: one")
    done = run("ask", QUESTION, **places)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{ETCD}:3" in done.stderr


@pytest.mark.parametrize("how", ["cut short", "empty", "another letter", "another shape", "a bomb"])
def test_what_is_spoiled_is_made_anew_and_runs_nothing(how: str, run: Run, home: Path, tmp_path: Path) -> None:
    first = run("ask", QUESTION, XDG_CACHE_HOME=str(home))
    (kept,) = home.glob("*/*")
    good = kept.read_bytes()
    mark = good[:32]

    def whole(value: object) -> bytes:
        body = pickle.dumps(value)
        return mark + blake2b(body, digest_size=32).digest() + body

    spoiled = {
        "cut short": good[: len(good) // 2],
        "empty": b"",
        "another letter": good.replace(b"highly available", b"hardly available"),
        "another shape": whole(["etcd"]),
        "a bomb": whole(Bomb(tmp_path / "boom")),
    }
    kept.write_bytes(spoiled[how])
    again = run("ask", QUESTION, XDG_CACHE_HOME=str(home))
    assert (again.returncode, again.stdout, again.stderr) == (0, first.stdout, "")
    assert kept.read_bytes().startswith(mark)
    assert kept.read_bytes() != spoiled[how]
    assert not (tmp_path / "boom").exists()


def test_where_nothing_can_be_written_nothing_is_kept(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run("ask", QUESTION, XDG_CACHE_HOME=str(tmp_path / "file"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("etcd 是")
