"""What a model may cost a day: counted before it is asked, settled after, told kindly when it is used up."""

from __future__ import annotations

import re
from functools import cache

from tests.asking import knowledge
from tests.botapi import Person
from tests.house import House, long, together
from tests.modelapi import Asked, say
from tests.modelapi.server import usage
from tests.modelapi.talks import error
from tests.modelapi.words import cited

ETCD, POD, NODE, KUBELET = "What is etcd?", "What is a Pod?", "What is a node?", "What does the kubelet do?"
ROOM = 3_000  # tokens: enough for one question, not for two
STOPPED = "All right, stopped."
ADMIN = 987_654_321  # the first of a house's people
going = together


def short(asked: Asked) -> str:
    """One sentence: the bot hears it out, and with it what it took."""
    return cited(asked, 1)


def people(house: House, count: int) -> list[Person]:
    """Learners of a house whose model says one sentence."""
    house.model.script = short
    return house.people(count)


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


@long(flood=None, BOT_TOKENS_PER_DAY="20000")
def test_fifty_questions_at_once_never_spend_more_than_there_is(house: House) -> None:
    crowd = people(house, 50)
    house.model.script = lambda asked: say(short(asked), 60)
    for person in crowd:
        person.says(ETCD)
    house.until(lambda: all(answered(person) for person in crowd), 30)
    assert len(house.model.asked) >= 5
    assert sum(map(cost, house.model.asked)) <= 20_000
    assert sum(told_spent(person) == [True] for person in crowd) == 50 - len(house.model.asked)


@long(flood=None, BOT_TOKENS_PER_LEARNER_PER_DAY=str(ROOM))
def test_who_has_spent_the_day_is_told_when_there_is_more_and_gets_the_knowledge(house: House) -> None:
    anna, bert = people(house, 2)
    anna.says(ETCD)
    house.until(lambda: answered(anna))
    anna.says(POD)
    house.until(lambda: answered(anna, 2))
    assert (told_spent(anna), len(house.model.asked)) == ([False, True], 1)
    assert "A Pod is" in anna.chat.last.text
    bert.says(ETCD)
    house.until(lambda: answered(bert))
    assert (told_spent(bert), len(house.model.asked)) == ([False], 2)


@long(flood=None, BOT_TOKENS_PER_DAY=str(ROOM))
def test_what_was_spent_is_remembered_over_a_restart(house: House) -> None:
    (anna,) = people(house, 1)
    anna.says(ETCD)
    house.until(lambda: answered(anna))
    assert house.served.stop() == 0
    house.served.start()
    anna.says(POD)
    house.until(lambda: answered(anna, 2))
    assert (told_spent(anna), len(house.model.asked)) == ([False, True], 1)


@long(flood=None, BOT_TOKENS_PER_DAY=str(ROOM))
def test_what_was_spent_is_remembered_after_kill_9(house: House) -> None:
    (anna,) = people(house, 1)
    anna.says(ETCD)
    house.until(lambda: answered(anna))
    house.served.kill()
    house.served.start()
    anna.says(POD)
    house.until(lambda: answered(anna, 2))
    assert (told_spent(anna), len(house.model.asked)) == ([False, True], 1)


@long(flood=None, BOT_TOKENS_PER_LEARNER_PER_DAY=str(ROOM))
def test_a_cancelled_answer_counts(house: House) -> None:
    (anna,) = people(house, 1)
    house.model.script = lambda asked: say(short(asked), 2)
    anna.says(ETCD)
    house.until(lambda: house.model.asked and house.model.asked[0].sent)
    anna.says("/cancel")
    house.until(lambda: anna.sees() == [STOPPED])
    house.until(lambda: house.model.asked[0].cut)
    house.model.script = short
    anna.says(POD)
    house.until(lambda: len(anna.chat.by_bot) == 2 and anna.chat.last.buttons)
    assert (told_spent(anna), len(house.model.asked)) == ([False, True], 1)


@long(flood=None, BOT_TOKENS_PER_LEARNER_PER_DAY=str(ROOM))
def test_a_model_that_never_answered_costs_nothing(house: House) -> None:
    (anna,) = people(house, 1)
    house.model.script = lambda asked: error(500, "no")
    anna.says(ETCD)
    house.until(lambda: answered(anna))
    house.model.script = short
    anna.says(POD)
    house.until(lambda: answered(anna, 2))
    assert (told_spent(anna), len(house.model.asked)) == ([False, False], 2)


@long(flood=None)
def test_a_cap_is_on_by_default_when_there_is_a_key(house: House) -> None:
    """A model that says that it took very much: nobody has set a limit, and still there is one."""
    (anna,) = people(house, 1)
    house.model.counts = lambda asked, text: {"prompt_tokens": 900_000, "completion_tokens": 9, "total_tokens": 900_009}
    anna.says(ETCD)
    house.until(lambda: answered(anna))
    anna.says(POD)
    house.until(lambda: answered(anna, 2))
    assert (told_spent(anna), len(house.model.asked)) == ([False, True], 1)


@long(flood=None, BOT_TOKENS_PER_LEARNER_PER_DAY=str(ROOM))
def test_a_model_that_tells_no_usage_is_counted_all_the_same(house: House) -> None:
    (anna,) = people(house, 1)
    house.model.counts = None
    anna.says(ETCD)
    house.until(lambda: answered(anna))
    anna.says(POD)
    house.until(lambda: answered(anna, 2))
    assert told_spent(anna) == [False, True]


@long(flood=None, BOT_ADMINS=str(ADMIN), BOT_MODEL_PRICE="1/2")
def test_what_it_took_is_told_to_those_who_look_after_the_bot(house: House) -> None:
    anna, bert = people(house, 2)
    bert.says(ETCD)
    house.until(lambda: answered(bert))
    for person in (anna, bert):
        person.says("/usage")
    house.until(lambda: all(person.chat.by_bot and person.chat.last.edits for person in (anna, bert)))
    house.until(lambda: len(bert.chat.by_bot) == 2 and bert.chat.last.edits)
    told = usage(house.model.asked[0], house.model.asked[0].sent[-1].text)
    assert str(told["total_tokens"]) in anna.chat.last.text.replace(",", "")
    assert str(told["total_tokens"]) not in bert.chat.last.text.replace(",", "")
