"""The classroom in a terminal: in a pipe, at 40 columns, and as a real terminal."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from pathlib import Path

import pexpect
import pytest

from tests.conftest import ROOT, Run


def width(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in line if not unicodedata.combining(char))


def test_a_pipe_gets_plain_lines(run: Run) -> None:
    done = run("chat", stdin="etcd 是什么？\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert "小票柜" in done.stdout
    assert "比喻到此为止" in done.stdout


def test_the_bare_command_is_the_classroom(run: Run) -> None:
    assert run(stdin="etcd?\n").stdout == run("chat", stdin="etcd?\n").stdout


@pytest.mark.parametrize("columns", ["40", "80"])
def test_no_line_is_wider_than_the_screen(run: Run, columns: str) -> None:
    talk = "/start\n/help\n/map\netcd 是什么？\n更多\n不懂\nWhat is a Pod?\nmore\nPod vs container?\n"
    out = run("chat", stdin=talk, COLUMNS=columns).stdout
    links = re.compile(r"https://\S+")
    # The warning sign is one column in Unicode's tables and two with its emoji selector.
    assert [line for line in out.splitlines() if width(line) > int(columns) and not links.search(line)] == []


def test_a_number_takes_a_choice(run: Run) -> None:
    out = run("chat", stdin="What is etcd?\n4\n99\n").stdout
    assert "The official page behind each sentence" in out
    assert "https://kubernetes.io/docs/" in out
    assert "There is no choice 99" in out


def test_the_talk_goes_on(run: Run) -> None:
    out = run("chat", stdin="etcd 是什么？\n不懂\n更多\n谢谢\n/new\n不懂\n").stdout
    assert "换个说法" in out
    assert "再多一点" in out
    assert "不客气" in out
    assert "是哪个词没听懂" in out


def test_the_map_shows_both_drawings(run: Run) -> None:
    out = run("chat", stdin="/language en\n/map\n").stdout
    for words in ("head office", "Control plane", "kube-scheduler", "the staff", "Container runtime"):
        assert words.lower() in out.lower()


def test_the_language_can_be_chosen(run: Run) -> None:
    out = run("chat", stdin="/language en\netcd\n/language xx\n").stdout
    assert "What is etcd" not in out.split("English from now on")[0]
    assert "the receipt cabinet" in out
    assert "/language zh or /language en" in out


def test_compare_answers_in_each_case(run: Run) -> None:
    out = run("chat", stdin="/compare\n/compare Pod Deployment\n/compare Pod banana\n/compare x y\n").stdout
    assert "想比较哪两个词" in out
    assert "长期订单" in out
    assert "还差一个词：Pod 和谁比" in out
    assert "没有我认得的词" in out


@pytest.fixture
def terminal(tmp_path: Path) -> pexpect.spawn[str]:
    environ = {**os.environ, "BOT_DATA_DIR": str(tmp_path), "BOT_LANGUAGE": "zh", "TERM": "xterm"}
    return pexpect.spawn(
        sys.executable,
        ["-m", "bot"],
        cwd=str(ROOT),
        env=environ,
        encoding="utf-8",
        timeout=20,
        dimensions=(40, 80),
    )


def test_a_real_terminal_greets_completes_and_leaves_at_the_second_ctrl_c(terminal: pexpect.spawn[str]) -> None:
    terminal.expect("欢迎来到柠檬水课堂")
    terminal.expect("你问 >")
    terminal.send("kubelet 是什么\r")
    terminal.expect("店长")
    terminal.expect("你问 >")
    terminal.sendintr()
    terminal.expect("再按一次")
    terminal.expect("你问 >")
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0


def test_history_is_kept_for_the_next_time(terminal: pexpect.spawn[str], tmp_path: Path) -> None:
    terminal.expect("你问 >")
    terminal.send("etcd 是什么\r")
    terminal.expect("小票柜")
    terminal.expect("你问 >")
    terminal.sendeof()
    terminal.expect(pexpect.EOF)
    assert "etcd 是什么" in (tmp_path / "history").read_text("utf-8")
    assert (tmp_path / "history").stat().st_mode & 0o077 == 0
