"""A real small model, which invents freely: what it says is checked like any other, over real HTTP."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.asking import Asking, Row, claims, knowledge, parts
from tests.conftest import Run
from tests.llama import Llama
from tests.modelapi import ModelApi, estimate
from tests.modelapi.words import cited

QUESTIONS = [
    "What is etcd?",
    "What is a Pod?",
    "What does the kubelet do?",
    "What is the difference between a Pod and a container?",
    "Service 是什么？",
    "谁可以访问 etcd？",
]
TURNS = [
    "What is etcd?", "who may write to it?", "What is a Pod?", "why?", "and a container?", "What is a Deployment?",
    "how is it different from a Job?", "What is a Service?", "does it run on a node?", "Why is my Pod pending?",
]  # fmt: skip
ROOM = 2_500  # tokens of a whole prompt
WORD = re.compile(r"[a-z0-9][a-z0-9-]*")
NAMES = {alias.lower() for concept in knowledge().concepts.values() for alias in (concept.id, *concept.aliases.en)}


@pytest.fixture(scope="module")
def llama() -> Iterator[Llama]:
    with Llama() as llama:
        yield llama


def test_a_real_model_tells_nothing_unchecked(llama: Llama, tmp_path: Path) -> None:
    with Asking(tmp_path / "without") as asking:
        known = [asking.ask(question) for question in QUESTIONS]
    began = time.monotonic()
    with Asking(tmp_path / "with", **llama.settings) as asking:
        rows = [asking.ask(question) for question in QUESTIONS]
    for row, before in zip(rows, known, strict=True):
        print(f"{row['route']:10}{row['took']:5.1f} s  {row['question']}\n{row['text']}\n")
        assert row["concepts"] == before["concepts"]
        assert row["breaks"] == before["breaks"]
        assert row["claims"]
        assert {"knowledge": True, "model": supported(row)}[row["route"]]
    assert time.monotonic() - began < 240
    assert llama.memory() < 700


def supported(row: Row) -> bool:
    """Whether each name and number in a model's words stands in a claim that the answer cites."""
    cited = " ".join(text.lower() for (id, _), text in claims().items() if id in row["claims"])
    said = WORD.findall(parts(row["text"])[0].lower())
    return [word for word in said if (word in NAMES or word.isdigit()) and word not in cited] == []


def test_no_prompt_is_longer_than_it_may_be_however_long_the_talk(llama: Llama, run: Run) -> None:
    with ModelApi(cited) as api:
        done = run("chat", stdin="\n".join(TURNS) + "\n", BOT_LANGUAGE="en", **api.settings)
    assert (done.returncode, done.stderr) == (0, "")
    sizes = {turn: llama.count(api.asked[turn - 1].text) for turn in (1, 5, len(api.asked))}
    assert len(api.asked) >= 9
    assert max(sizes.values()) <= ROOM, sizes


def test_no_chinese_prompt_is_longer_than_it_may_be(run: Run) -> None:
    """Estimated, for this model's own tokenizer takes Chinese letter by letter."""
    lines = [
        "etcd 是什么？",
        "那它和 kubelet 呢？",
        "Pod 和容器有什么区别？",
        "为什么 Pod 一直 Pending？",
        "Service 是什么？",
    ] * 2
    with ModelApi(cited) as api:
        assert run("chat", stdin="\n".join(lines) + "\n", **api.settings).returncode == 0
    assert max(estimate(asked.text) for asked in api.asked) <= ROOM
