"""Answers that a model words: what it says is checked, and when it fails the knowledge answers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from bot.knowledge.schema import Language
from tests.asking import Asking, Row, claims, line, parts, plain, told, unsupported
from tests.conftest import Run
from tests.modelapi import KEY, MODEL, Asked, Claim, ModelApi, Script
from tests.modelapi.words import BAD, FAULTS, GOOD, cited, hanging

TIMEOUT = 2.0
ETCD, POD, KUBELET = "What is etcd?", "What is a Pod?", "What does the kubelet do?"
WHO_ZH = "谁可以访问 etcd？"
LOCKED = {"401", "404", "429 for long"}  # asking again soon would change nothing
LATER = {"429": 1.1}  # seconds that the model asks for
QUICK = {"BOT_MODEL_TIMEOUT": f"{TIMEOUT:g}"}


class Case(NamedTuple):
    """A question that met a script."""

    row: Row
    asked: list[Asked]  # all that it made of the model
    next: Row  # the question after it, to a good model

    @property
    def supplied(self) -> list[Claim]:
        return self.asked[0].claims


SCRIPTS: dict[str, Script] = {**GOOD, **BAD, **FAULTS}
QUESTIONS: dict[Language, str] = {"en": ETCD, "zh": WHO_ZH}
Cases = dict[tuple[str, str], Future[dict[str, Case]]]


def play(names: Sequence[str], question: str, folder: Path) -> dict[str, Case]:
    """One process meets one script after the other, with a good answer between them."""
    cases = {}
    with ModelApi(cited) as api, Asking(folder, **api.settings, **QUICK) as asking:
        asking.ask(KUBELET)  # the library is loaded
        for name in names:
            api.asked.clear()
            api.script = SCRIPTS[name]
            row, asked = asking.ask(question), [*api.asked]
            api.script = cited
            time.sleep(LATER.get(name, 0))
            cases[name] = Case(row, asked, asking.ask(POD))
    log = folder / "kube-lemonade.log"
    assert KEY not in (log.read_text("utf-8") if log.exists() else "")
    return cases


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cases]:
    """Every script with a question of each language; who is locked out has a process of its own."""
    groups = [(*GOOD, *BAD), tuple(name for name in FAULTS if name not in LOCKED), *((name,) for name in LOCKED)]
    with ThreadPoolExecutor(3) as pool:
        going = {
            (group, language): pool.submit(play, group, question, tmp_path_factory.mktemp("case"))
            for group in groups
            for language, question in QUESTIONS.items()
        }
        yield {(name, language): future for (group, language), future in going.items() for name in group}


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Row]:
    """What the same questions are answered without a model."""
    with Asking(tmp_path_factory.mktemp("known")) as asking:
        return {question: asking.ask(question) for question in (ETCD, WHO_ZH, POD)}


def same(row: Row, known: Row, more: str = "") -> None:
    """The knowledge's answer, and one line more."""
    assert "".join(row["text"].replace(more, "").split()) == "".join(known["text"].split())
    assert row["text"].count(more or row["text"]) == 1
    assert {key: row[key] for key in row if key in KEPT} == {key: known[key] for key in known if key in KEPT}


ADDED = ("lang", "concepts", "breaks")
KEPT = {"question", "lang", "route", "concepts", "claims", "breaks"}


def worded(row: Row, known: Row, supplied: list[Claim]) -> list[str]:
    """The ids that a model's answer tells: word for word, below it what code adds. Fails on anything else."""
    ids = told(row["text"], supplied)
    assert ids
    assert unsupported(parts(row["text"])[0]) == ""
    assert row["claims"][: len(ids)] == ids
    assert parts(row["text"])[-1] == parts(known["text"])[-1]
    assert {key: row[key] for key in ADDED} == {key: known[key] for key in ADDED}
    assert row["route"] == "model"
    return ids


# ---- good answers, bad answers, faults ----


@pytest.mark.parametrize("language", QUESTIONS)
@pytest.mark.parametrize("name", GOOD)
def test_a_good_answer_is_told_and_code_adds_the_rest(
    name: str, language: Language, cases: Cases, known: dict[str, Row]
) -> None:
    case = cases[name, language].result()[name]
    before = known[QUESTIONS[language]]
    ids = worded(case.row, before, case.supplied)
    assert ids == [claim.id for claim in case.supplied[: len(ids)]]
    rows = [row for row in plain(before["text"]).splitlines() if " ↔ " in row]
    assert [row for row in plain(case.row["text"]).splitlines() if row in rows]
    assert len(case.asked) == 1


@pytest.mark.parametrize("language", QUESTIONS)
@pytest.mark.parametrize("name", BAD)
def test_of_a_bad_answer_only_what_is_right_is_told(name: str, language: Language, cases: Cases, known: dict[str, Row]) -> None:
    case = cases[name, language].result()[name]
    before = known[QUESTIONS[language]]
    if case.row["route"] == "model":
        worded(case.row, before, case.supplied)
    else:
        away = line("model.away", case.row["lang"])
        same(case.row, before, away if away in case.row["text"] else "")
    assert case.next["route"] == "model"


@pytest.mark.parametrize("language", QUESTIONS)
@pytest.mark.parametrize("name", FAULTS)
def test_after_a_fault_the_knowledge_answers_in_time_and_one_line_says_so(
    name: str, language: Language, cases: Cases, known: dict[str, Row]
) -> None:
    case = cases[name, language].result()[name]
    same(case.row, known[QUESTIONS[language]], line("model.away", case.row["lang"]))
    assert case.row["took"] <= TIMEOUT + 1
    assert case.next["concepts"][0] == "pod"
    assert case.next["route"] == ("knowledge" if name in LOCKED else "model")


def test_a_model_that_is_away_is_told_the_same_way(tmp_path: Path, known: dict[str, Row]) -> None:
    with ModelApi(cited) as api, Asking(tmp_path, **api.settings, **QUICK) as asking:
        api.down()
        row = asking.ask(ETCD)
        same(row, known[ETCD], line("model.away"))
        assert row["took"] <= TIMEOUT + 1
        api.up()
        assert asking.ask(ETCD)["route"] == "model"


def test_greetings_and_what_is_not_ours_ask_no_model(tmp_path: Path) -> None:
    with ModelApi(cited) as api, Asking(tmp_path, **api.settings) as asking:
        routes = [asking.ask(question)["route"] for question in ("hello", "thanks", "today's weather", "不懂")]
    assert (routes, api.asked) == (["knowledge", "knowledge", "declined", "knowledge"], [])


def test_ask_without_json_shows_the_checked_words_alone(tmp_path: Path, run: Run) -> None:
    def script(asked: Asked) -> str:
        return "Zebras hold all data.[etcd.c1] " + cited(asked, 2)

    with ModelApi(script) as api:
        done = run("ask", "--lang", "en", ETCD, **api.settings)
    assert (done.returncode, done.stderr, "Zebras" in done.stdout) == (0, "", False)
    assert all(claim.text in plain(done.stdout).replace("\n", " ") for claim in api.asked[0].claims[:2])


def test_without_a_key_or_an_address_no_model_is_asked(tmp_path: Path, known: dict[str, Row]) -> None:
    with Asking(tmp_path, BOT_MODEL=MODEL) as asking:
        same(asking.ask(ETCD), known[ETCD])


def test_a_server_without_a_key_is_asked_as_well(tmp_path: Path) -> None:
    with ModelApi(cited) as api:
        api.key = ""
        with Asking(tmp_path, OPENAI_BASE_URL=api.url, BOT_MODEL=MODEL) as asking:
            assert asking.ask(ETCD)["route"] == "model"


# ---- the breaker ----


def dead(folder: Path, script: Script, down: bool) -> tuple[set[str], float, int, int, list[Row]]:
    """1,000 questions to a dead model; how often it was asked; and the questions from its healing until it answers again."""
    with ModelApi(script) as api, Asking(folder, **api.settings, **QUICK) as asking:
        if down:
            api.down()
        began = time.monotonic()
        asking.send(*[ETCD] * 1000)
        routes = {asking.answer()["route"] for _ in range(1000)}
        took, tried = time.monotonic() - began, len(api.asked)
        api.script = cited
        api.up()
        rows = [asking.ask(ETCD)]
        while rows[-1]["route"] != "model" and time.monotonic() - began < 120:
            time.sleep(0.1)
            rows.append(asking.ask(ETCD))
        healed = len(api.asked) - tried
        rows += [asking.ask(POD), asking.ask(ETCD)]
    return routes, took, tried, healed, rows


@pytest.fixture(scope="module", autouse=True)
def breakers(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Future[tuple[set[str], float, int, int, list[Row]]]]]:
    """Begun with the first test of this file, because they wait for long."""
    with ThreadPoolExecutor(2) as pool:
        yield {
            "hangs": pool.submit(dead, tmp_path_factory.mktemp("hangs"), hanging, False),
            "refuses": pool.submit(dead, tmp_path_factory.mktemp("refuses"), cited, True),
        }


@pytest.mark.parametrize("how", ["hangs", "refuses"])
def test_a_dead_model_is_left_alone_and_used_again_when_it_is_back(
    how: str, breakers: dict[str, Future[tuple[set[str], float, int, int, list[Row]]]]
) -> None:
    routes, took, tried, healed, rows = breakers[how].result()
    assert routes == {"knowledge"}
    assert tried <= 10
    assert took < 60
    assert [row["route"] for row in rows[-3:]] == ["model"] * 3
    assert healed == 1


# ---- the prompt ----


def talk(run: Run, *lines: str, script: Script = cited, **variables: str) -> list[Asked]:
    """What reaches the model of one learner's talk in the terminal."""
    with ModelApi(script) as api:
        done = run("chat", stdin="\n".join(lines) + "\n", BOT_LANGUAGE="en", **api.settings, **variables)
        assert (done.returncode, done.stderr) == (0, "")
    return api.asked


def test_the_beginning_of_the_prompt_is_the_same_for_everybody(run: Run) -> None:
    first = talk(run, ETCD, "and how is it backed up?", POD, "谁可以访问 etcd？")
    second = talk(run, "Pod 和容器有什么区别？", "/language en", KUBELET)
    assert len({json.dumps(asked.messages[0], ensure_ascii=False) for asked in first + second}) == 1
    assert {asked.messages[0]["role"] for asked in first + second} == {"system"}


def test_the_prompt_holds_the_claims_of_what_is_asked(run: Run) -> None:
    (asked,) = talk(run, ETCD)
    assert 5 <= len(asked.claims) <= 40
    assert "etcd" in asked.concepts
    assert {claims()[claim.id, "en"] for claim in asked.claims} == {claim.text for claim in asked.claims}
    assert ETCD in asked.user[-200:]


FOLLOW_UPS = [
    ("etcd 是什么？", "那它和 kubelet 呢？", {"etcd", "kubelet"}),
    ("What is a Pod?", "why?", {"pod"}),
    ("What is a Pod?", "and a container?", {"container"}),
    ("What is a Deployment?", "how is it different from a Job?", {"deployment", "job"}),
    ("Service 是什么？", "为什么需要它？", {"service"}),
]


def test_a_follow_up_brings_the_claims_of_what_it_means(run: Run) -> None:
    asked = talk(run, *(line for first, then, _ in FOLLOW_UPS for line in ("/new", first, then)))
    brought = {each.user.splitlines()[-2]: each.concepts for each in asked}
    missing = {then: concepts - brought[then] for _, then, concepts in FOLLOW_UPS}
    assert missing == {then: set() for _, then, _ in FOLLOW_UPS}


def test_another_example_is_an_example_of_the_same(run: Run) -> None:
    with ModelApi(cited) as api:
        done = run("chat", stdin="etcd 是什么？\n换个例子\n", **api.settings)
    example = done.stdout.split("👉")[-1] if len(api.asked) == 2 else done.stdout.rpartition("举个例子")[2]
    assert "etcd" in example


def test_after_new_nothing_of_before_is_told_to_the_model(run: Run) -> None:
    asked = talk(run, "What is a CronJob?", "/new", POD)
    assert "cronjob" not in asked[-1].user.lower()


# ---- where nothing may be sent ----


def test_a_redirect_never_takes_the_key_elsewhere(tmp_path: Path, known: dict[str, Row]) -> None:
    from tests.modelapi import Page

    with ModelApi(cited) as other:
        away = Page(307, headers={"Location": other.url + "/chat/completions"})
        with ModelApi(lambda asked: away) as api, Asking(tmp_path, **api.settings, **QUICK) as asking:
            row = asking.ask(ETCD)
        surprises, other.surprises = other.surprises, []
    assert (row["route"], surprises in ([], ["no Authorization"])) == ("knowledge", True)


@pytest.mark.parametrize(
    "url", ["http://[::1/v1", "http://model:port/v1", "http://model:99999/v1", "http://a..b/v1", "http://:80"]
)
def test_an_address_that_can_be_none_is_told_at_once(run: Run, url: str) -> None:
    refused = "the value of OPENAI_BASE_URL cannot be used; allowed: an address that begins with http(s)://.\n"
    done = run("chat", stdin="etcd\n", OPENAI_BASE_URL=url, BOT_MODEL=MODEL, BOT_LANGUAGE="en")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", refused)


def test_a_wrong_model_setting_names_its_variable(run: Run) -> None:
    for name, value in {"BOT_MODEL_TIMEOUT": "soon", "OPENAI_BASE_URL": "not-an-address", "BOT_TOKENS_PER_DAY": "many"}.items():
        done = run("ask", "etcd", **({"OPENAI_API_KEY": "k", "BOT_MODEL": MODEL} | {name: value}))
        assert (done.returncode, done.stdout, name in done.stderr, value in done.stderr) == (1, "", True, False)
