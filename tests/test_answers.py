"""What every answer keeps to, over all questions of the base; and small talk."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.classroom import Classroom
from bot.knowledge import base
from bot.knowledge.schema import LANGUAGES, Both, Claim, Language
from bot.learners import WINDOW, Learner
from bot.replies import MAX_COMMAND, PHONE_LINES, Answer, Nod, Paragraph, Reply, phone_lines

KNOWLEDGE = base.load(base.default_folder())
CHINESE = re.compile(r"[\u3400-\u9fff]")
LOWERED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


@cache
def classroom() -> Classroom:
    return Classroom(KNOWLEDGE, "lemonade", "zh")


def hear(learner: Learner, text: str) -> Reply:
    """The one reply to what a learner types or presses."""

    async def replies() -> list[Reply]:
        return [reply async for reply in classroom().hear(learner, text)]

    (reply,) = asyncio.run(replies())
    return reply


def ask(question: str, language: Language = "zh") -> Answer:
    return classroom().ask(Learner(language=language), question)


def asked() -> Iterator[tuple[str, Both]]:
    """Every authored question with the concept it asks about."""
    for concept in KNOWLEDGE.concepts.values():
        for question in (*concept.asked_as, *(each for answer in concept.answers for each in answer.asked_as)):
            yield concept.id, question


def test_every_authored_question_finds_its_concept() -> None:
    missed = [
        (question[language], id)
        for id, question in asked()
        for language in LANGUAGES
        if id not in ask(question[language], language).concepts[:1]
    ]
    assert missed == []


def test_a_question_and_its_translation_rest_on_the_same_claims() -> None:
    differ = [
        (question.zh, question.en)
        for _, question in asked()
        if set(ask(question.zh, "zh").claims) != set(ask(question.en, "en").claims)
    ]
    assert differ == []


def test_every_answer_keeps_the_contract() -> None:
    for _, question in asked():
        for language in LANGUAGES:
            answer = ask(question[language], language)
            body = [block for block in answer.blocks if not (isinstance(block, Paragraph) and block.mood == "next")]
            assert sum(map(phone_lines, body)) <= PHONE_LINES, answer.text
            assert len(answer.breaks) <= 1
            assert answer.claims
            assert all(KNOWLEDGE.claim(id) for id in answer.claims)
            assert all(len(choice.command.encode()) <= MAX_COMMAND for choice in answer.choices)
            assert not re.search(r"\[[a-z-]+\.c[0-9]|\{[a-z_]+\}", answer.text), answer.text
            if language == "en":
                assert not CHINESE.search(answer.text), answer.text


def test_the_numbers_of_an_answer_are_its_claims_in_order() -> None:
    for _, question in asked():
        answer = ask(question.zh)
        marks = re.findall(r"[⁰¹²³⁴⁵⁶⁷⁸⁹]+", answer.text)
        seen = [int(mark.translate(LOWERED)) for mark in dict.fromkeys(marks)]
        assert seen == list(range(1, len(answer.claims) + 1)), answer.text


def test_every_button_of_an_answer_leads_somewhere() -> None:
    for concept in KNOWLEDGE.concepts.values():
        learner = Learner()
        answer = classroom().ask(learner, concept.name.zh)
        for choice in answer.choices:
            follow = hear(learner, choice.command)
            assert isinstance(follow, Nod) or (isinstance(follow, Answer) and follow.claims), (concept.id, choice)


def test_a_button_goes_on_from_its_own_answer_however_long_ago() -> None:
    learner = Learner()
    etcd = classroom().ask(learner, "etcd 是什么？")
    for question in ("什么是 Pod？", "Service 是什么？", "what is a node"):
        classroom().ask(learner, question)
    assert hear(learner, f"/confused {etcd.number}").text.startswith("换个说法。把 etcd 想成")
    again = [hear(learner, f"/more {etcd.number}").text for _ in range(2)]
    assert again[0] == again[1]  # the same button tells the same
    for _ in range(WINDOW):
        classroom().ask(learner, "etcd")
    assert "too long ago" in hear(learner, f"/sources {etcd.number}").text


def test_sources_are_those_of_the_message_above_the_button() -> None:
    learner = Learner()
    classroom().ask(learner, "etcd 是什么？")
    more = hear(learner, "/more 1")
    assert isinstance(more, Answer)
    sources = hear(learner, f"/sources {more.number}")
    assert isinstance(sources, Answer)
    assert sources.claims == more.claims


@pytest.mark.parametrize(
    ("message", "starts"),
    [
        ("你好", "你好！"),
        ("你好呀！！", "你好！"),
        ("谢谢啦~", "不客气"),
        ("好的，谢谢", "不客气"),
        ("ok", "好的"),
        ("hello there", "Hello!"),
        ("Thanks a lot!", "You're welcome"),
        ("不懂", "别急"),
        ("I don't get it", "No hurry"),
        ("I am lost", "No hurry"),
        ("我懵圈了", "别急"),
        ("更多", "先问一个词"),
        ("你是谁？", "我是柠檬水老师"),
        ("拜拜", "再见"),
        ("👍", "😊"),
    ],
)
def test_small_talk_is_answered_as_a_person_would(message: str, starts: str) -> None:
    answer = ask(message)
    assert answer.text.startswith(starts)
    assert answer.claims == ()


def test_not_understood_brings_other_words_each_time() -> None:
    learner = Learner()
    texts = [
        classroom().ask(learner, message).text for message in ("etcd 是什么", "不懂", "还是不懂", "还是不明白", "再说一遍")
    ]
    assert len(set(texts[:4])) == 4


def test_more_opens_the_rest_and_ends() -> None:
    learner = Learner()
    classroom().ask(learner, "etcd 是什么")
    texts: list[str] = []
    while not texts or "就讲到这里" not in texts[-1]:
        texts.append(classroom().ask(learner, "更多").text)
        assert len(texts) < 20
    rest = "".join(texts)
    assert all(each.asked_as[0].zh in rest for each in KNOWLEDGE.concepts["etcd"].answers)
    assert all(each.says.zh in rest for each in KNOWLEDGE.concepts["etcd"].misconceptions.values())


def test_a_break_that_was_told_is_not_told_again_unasked() -> None:
    learner = Learner()
    told = [classroom().ask(learner, "etcd 是什么？").breaks for _ in range(3)]
    assert told[0] not in told[1:]


def test_a_follow_up_refers_to_the_last_answer() -> None:
    learner = Learner()
    classroom().ask(learner, "Pod 是什么？")
    assert set(classroom().ask(learner, "那它和 Deployment 有什么区别？").concepts[:2]) == {"pod", "deployment"}
    classroom().ask(learner, "kubelet 是什么？")
    assert classroom().ask(learner, "那它挂了呢？").concepts[0] == "kubelet"


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_whatever_is_typed_gets_an_answer(text: str) -> None:
    answer = ask(text)
    assert answer.text
    assert answer.route in ("knowledge", "declined")


PICTURE_WORDS: dict[Language, tuple[str, ...]] = {
    "zh": ("托盘", "杯", "店长", "门店", "总店", "小票", "取餐口", "柠檬", "外卖", "配方", "核对员", "派单"),
    "en": ("tray", "cup", "lemonade", "recipe", "receipt", "head office", "pick-up", "rider", "dispatcher"),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_truth_holds_no_word_of_the_picture(language: Language) -> None:
    told: list[Both | Claim] = []
    for concept in KNOWLEDGE.concepts.values():
        told += [concept.definition, concept.plainer, concept.example, *concept.claims.values()]
        told += [answer.text for answer in concept.answers]
        told += [part for each in concept.misconceptions.values() for part in (each.says, each.truth)]
    told += [part for pair in KNOWLEDGE.pairs for part in (pair.shared, pair.difference, pair.choose)]
    edge = "" if language == "zh" else r"\b"
    word = re.compile("|".join(f"{edge}{each}" for each in PICTURE_WORDS[language]))
    assert [text[language] for text in told if word.search(text[language].lower())] == []
