"""What a model may cost a day: counted before it is asked, settled after, told kindly when it is used up."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.asking import knowledge
from tests.botapi import BotApi, Person
from tests.modelapi import Asked, ModelApi, say
from tests.modelapi.server import usage
from tests.modelapi.talks import error
from tests.modelapi.words import cited
from tests.served import Served

ETCD, POD, NODE, KUBELET = "What is etcd?", "What is a Pod?", "What is a node?", "What does the kubelet do?"
ROOM = 3_000  # tokens: enough for one question, not for two
STOPPED = "All right, stopped."
Serve = Callable[..., Served]


def short(asked: Asked) -> str:
    """One sentence: the bot hears it out, and with it what it took."""
    return cited(asked, 1)


@pytest.fixture
def telegram() -> Iterator[BotApi]:
    with BotApi(flood=None) as telegram:
        yield telegram


@pytest.fixture
def model() -> Iterator[ModelApi]:
    with ModelApi(short) as model:
        yield model


@pytest.fixture
def serve(telegram: BotApi, model: ModelApi, tmp_path: Path) -> Iterator[Serve]:
    started: list[Served] = []

    def serve(**variables: str) -> Served:
        started.append(Served(telegram, tmp_path / "data", **model.settings, **variables))
        return started[-1].start()

    yield serve
    for served in started:
        if served.process:
            served.kill()


def people(telegram: BotApi, count: int) -> list[Person]:
    return [telegram.person(987_654_321 + number, f"P{number}", "en") for number in range(count)]


def cost(asked: Asked) -> int:
    """Tokens that a request took, as the model counts them."""
    return int(usage(asked, asked.sent[-1].text if asked.sent else "")["total_tokens"])


@cache
def spent() -> re.Pattern[str]:
    """The line that says that a day's tokens are used up, with a time in its gap."""
    before, gap, after = re.split(r"(\{\w+\})", knowledge().texts["model.spent"].en)
    return re.compile(f"{re.escape(before)}.*[0-9].*{re.escape(after)}" if gap else "")


def told_spent(person: Person) -> list[bool]:
    """Which of the answers say so."""
    return [bool(spent().search(message.text)) for message in person.chat.by_bot]


def answered(person: Person, count: int = 1) -> bool:
    return len(person.chat.by_bot) == count and all(message.buttons for message in person.chat.by_bot)


def test_fifty_questions_at_once_never_spend_more_than_there_is(telegram: BotApi, model: ModelApi, serve: Serve) -> None:
    crowd = people(telegram, 50)
    model.script = lambda asked: say(short(asked), 60)
    served = serve(BOT_TOKENS_PER_DAY="20000")
    for person in crowd:
        person.says(ETCD)
    served.until(lambda: all(answered(person) for person in crowd), 30)
    assert 20_000 - ROOM <= sum(map(cost, model.asked)) <= 20_000
    assert sum(told_spent(person) == [True] for person in crowd) == 50 - len(model.asked)


def test_who_has_spent_the_day_is_told_when_there_is_more_and_gets_the_knowledge(
    telegram: BotApi, model: ModelApi, serve: Serve
) -> None:
    anna, bert = people(telegram, 2)
    served = serve(BOT_TOKENS_PER_LEARNER_PER_DAY=str(ROOM))
    anna.says(ETCD)
    served.until(lambda: answered(anna))
    anna.says(POD)
    served.until(lambda: answered(anna, 2))
    assert (told_spent(anna), len(model.asked)) == ([False, True], 1)
    assert "A Pod is" in anna.chat.last.text
    bert.says(ETCD)
    served.until(lambda: answered(bert))
    assert (told_spent(bert), len(model.asked)) == ([False], 2)


def test_what_was_spent_is_remembered_over_a_restart(telegram: BotApi, model: ModelApi, serve: Serve) -> None:
    (anna,) = people(telegram, 1)
    served = serve(BOT_TOKENS_PER_DAY=str(ROOM))
    anna.says(ETCD)
    served.until(lambda: answered(anna))
    assert served.stop() == 0
    served = serve(BOT_TOKENS_PER_DAY=str(ROOM))
    anna.says(POD)
    served.until(lambda: answered(anna, 2))
    assert (told_spent(anna), len(model.asked)) == ([False, True], 1)


def test_what_was_spent_is_remembered_after_kill_9(telegram: BotApi, model: ModelApi, serve: Serve) -> None:
    (anna,) = people(telegram, 1)
    served = serve(BOT_TOKENS_PER_DAY=str(ROOM))
    anna.says(ETCD)
    served.until(lambda: answered(anna))
    served.kill()
    served = serve(BOT_TOKENS_PER_DAY=str(ROOM))
    anna.says(POD)
    served.until(lambda: answered(anna, 2))
    assert (told_spent(anna), len(model.asked)) == ([False, True], 1)


def test_a_cancelled_answer_counts(telegram: BotApi, model: ModelApi, serve: Serve) -> None:
    (anna,) = people(telegram, 1)
    model.script = lambda asked: say(short(asked), 2)
    served = serve(BOT_TOKENS_PER_LEARNER_PER_DAY=str(ROOM))
    anna.says(ETCD)
    served.until(lambda: model.asked and model.asked[0].sent)
    anna.says("/cancel")
    served.until(lambda: anna.sees() == [STOPPED])
    served.until(lambda: model.asked[0].cut)
    model.script = short
    anna.says(POD)
    served.until(lambda: len(anna.chat.by_bot) == 2 and anna.chat.last.buttons)
    assert (told_spent(anna), len(model.asked)) == ([False, True], 1)


def test_a_model_that_never_answered_costs_nothing(telegram: BotApi, model: ModelApi, serve: Serve) -> None:
    (anna,) = people(telegram, 1)
    model.script = lambda asked: error(500, "no")
    served = serve(BOT_TOKENS_PER_LEARNER_PER_DAY=str(ROOM))
    anna.says(ETCD)
    served.until(lambda: answered(anna))
    model.script = short
    anna.says(POD)
    served.until(lambda: answered(anna, 2))
    assert (told_spent(anna), len(model.asked)) == ([False, False], 2)


def test_a_cap_is_on_by_default_when_there_is_a_key(telegram: BotApi, model: ModelApi, serve: Serve) -> None:
    """A model that says that it took very much: nobody has set a limit, and still there is one."""
    (anna,) = people(telegram, 1)
    model.counts = lambda asked, text: {"prompt_tokens": 50_000_000, "completion_tokens": 9, "total_tokens": 50_000_009}
    served = serve()
    anna.says(ETCD)
    served.until(lambda: answered(anna))
    anna.says(POD)
    served.until(lambda: answered(anna, 2))
    assert (told_spent(anna), len(model.asked)) == ([False, True], 1)


def test_a_model_that_tells_no_usage_is_counted_all_the_same(telegram: BotApi, model: ModelApi, serve: Serve) -> None:
    (anna,) = people(telegram, 1)
    model.counts = None
    served = serve(BOT_TOKENS_PER_LEARNER_PER_DAY=str(ROOM))
    anna.says(ETCD)
    served.until(lambda: answered(anna))
    anna.says(POD)
    served.until(lambda: answered(anna, 2))
    assert told_spent(anna) == [False, True]


def test_what_it_took_is_told_to_those_who_look_after_the_bot(telegram: BotApi, model: ModelApi, serve: Serve) -> None:
    anna, bert = people(telegram, 2)
    served = serve(BOT_ADMINS=str(anna.id), BOT_MODEL_PRICE="1/2")
    bert.says(ETCD)
    served.until(lambda: answered(bert))
    for person in (anna, bert):
        person.says("/usage")
    served.until(lambda: all(person.chat.by_bot and person.chat.last.edits for person in (anna, bert)))
    served.until(lambda: len(bert.chat.by_bot) == 2 and bert.chat.last.edits)
    told = usage(model.asked[0], model.asked[0].sent[-1].text)
    assert str(told["total_tokens"]) in anna.chat.last.text.replace(",", "")
    assert str(told["total_tokens"]) not in bert.chat.last.text.replace(",", "")
