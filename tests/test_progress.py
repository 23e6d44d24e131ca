"""How far one has come: a picture in a chat, lines in a terminal, and a group's board that tells of nobody."""

from __future__ import annotations

import json
import random
import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from bot.cups import WIDTH, Board, Cup
from bot.cups import draw as drawing
from bot.frontends.telegram.drawn import CAPTION, MESSAGES, draw, units
from bot.frontends.telegram.png import FONT, png
from bot.knowledge.schema import LANGUAGES, Language
from bot.learners import Cards, Group, Voted
from bot.quiz.memory import Memory
from bot.quiz.path import Path as Way
from bot.quiz.progress import Progress
from bot.replies import Choice, Picture
from bot.replies import say as paragraph
from tests.asking import knowledge
from tests.botapi import BotApi, Chat, Message, Person
from tests.served import Served
from tests.test_memory import DAY, ITEMS, MONDAY, PICTURE, TIPPED, WELCOME

LARGEST = 200_000  # bytes of a picture


def say(key: str, language: Language = "en", **words: object) -> str:
    return knowledge().say(key, language, **words)


def progress() -> Progress:
    return Progress(knowledge(), Way(knowledge(), PICTURE, random.Random(1)))


def cards(*votes: tuple[str, bool, float]) -> Cards:
    """What a log of item, right and day makes."""
    log = [(Voted(id, (0,) if right else (1,), right), MONDAY + day * DAY) for id, right, day in votes]
    return Memory(ITEMS).replayed(log)


def size(picture: bytes) -> tuple[int, int]:
    """Width and height of a PNG."""
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert picture[12:16] == b"IHDR"
    width, height = struct.unpack(">II", picture[16:24])
    return width, height


# ---- the picture ----


def glyph(char: str) -> bytes:
    words = char.replace("&", "&amp;").replace("<", "&lt;")
    return png(
        '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="60" font-family="Lemonade Sans">'
        f'<text x="8" y="46" font-size="40">{words}</text></svg>'
    )


def drawn_words() -> set[str]:
    """Every character that a picture of ours can hold."""
    keys = [key for key in knowledge().texts if key.startswith("progress.")]
    texts = [knowledge().texts[key][language] for key in keys for language in LANGUAGES]
    texts += [area.name[language] for area in PICTURE.areas for language in LANGUAGES]
    return {char for text in texts for char in text} | set("0123456789/–%") - {" "}


def test_every_character_is_really_drawn() -> None:
    """None is empty, and none is the box that stands for what a typeface lacks."""
    missing, nothing = glyph("\ue000"), glyph(" ")
    assert missing != nothing  # a missing one shows
    used = drawn_words() - {" ", "⚠", "\ufe0f"}
    assert sum("\u4e00" <= char <= "\u9fff" for char in used) > 50
    assert [char for char in sorted(used) if glyph(char) in (missing, nothing)] == []


def test_all_chinese_of_the_knowledge_has_a_shape() -> None:
    """Whoever writes names of areas finds their characters; `.ci/font.py` makes the typeface anew where one is missing."""
    shapes = TTFont(FONT).getBestCmap()
    names = "".join(concept.name.zh for concept in knowledge().concepts.values())
    names += "".join(role.role.zh for role in PICTURE.roles.values())
    assert sorted({char for char in names if char >= "\u4e00" and ord(char) not in shapes}) == []
    assert FONT.stat().st_size < 1_000_000
    assert "SIL OPEN FONT LICENSE" in (FONT.parent / "LICENSE.txt").read_text("utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("count", [1, 8, 12])
def test_the_picture_has_its_size(language: Language, count: int) -> None:
    cups = [Cup(PICTURE.areas[at % 8].name[language], at / count, at, count) for at in range(count)]
    picture = png(drawing(Board(say("progress.title", language), "…", cups, "…")))
    assert size(picture) == (WIDTH, 330 + 410 * -(-count // 4))
    assert len(picture) <= LARGEST


def test_a_fuller_cup_holds_more() -> None:
    def yellow(level: float) -> str:
        return drawing(Board("", "", [Cup("", level, 0, 1)], ""))

    assert "url(#drink)" not in yellow(0).partition("</defs>")[2]
    heights = [float(yellow(level).split("<rect")[2].split(' height="')[1].split('"')[0]) for level in (0.1, 0.5, 1.0)]
    assert heights == sorted(set(heights))


# ---- what it says ----


def test_nothing_learnt_is_empty_cups_and_an_offer() -> None:
    reply = progress().own({}, "en", MONDAY)
    assert str(reply.blocks[0]) == "🍋 Your lemonade"
    assert all("····· 0/" in line or line.endswith("–") for line in str(reply.blocks[1]).splitlines())
    assert len(str(reply.blocks[1]).splitlines()) == len(PICTURE.areas)
    assert str(reply.blocks[2]) == say("progress.nothing-due")
    assert reply.choices == (Choice(say("choice.quiz-new"), "/quiz"),)


def test_what_is_due_is_counted_and_the_weakest_break_comes_first() -> None:
    known = cards((TIPPED, False, 0), (WELCOME, True, 0), ("visitors-while-the-api-server-is-down", True, 0))
    reply = progress().own(known, "zh", MONDAY + 0.5 * DAY)
    assert str(reply.blocks[2]) == say("progress.due", "zh", count=1)
    wrong = PICTURE.breaks["B5"].invites.zh.rstrip("。")
    assert str(reply.blocks[4]) == f"Pod · {say('progress.trap', 'zh', wrong=wrong)}"
    labels = [say("choice.review", "zh"), say("choice.practise", "zh", concept="Pod")]
    assert [(choice.label, choice.command) for choice in reply.choices] == list(
        zip(labels, ("/review", "/quiz pod"), strict=True)
    )


def test_a_mastered_concept_fills_its_part_of_the_cup() -> None:
    concept = ITEMS[WELCOME].concept
    sides = {(item.facet in ("break", "transfer")): id for id, item in ITEMS.items() if item.concept == concept}
    known = cards(*((id, True, day) for day in (0, 1, 8) for id in sides.values()))
    reply = progress().own(known, "en", MONDAY + 8 * DAY)
    asked = {item.concept for item in ITEMS.values()} & set(PICTURE.areas[0].concepts)
    assert str(reply.blocks[1]).splitlines()[0].endswith(f" 1/{len(asked)}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_below_a_picture_have_room(language: Language) -> None:
    """Even when everything is weak."""
    reply = progress().own(cards(*((id, False, 0) for id in ITEMS)), language, MONDAY + DAY)
    heading, picture = draw(reply)
    assert heading.text == f"🍋 {say('progress.title', language)}"
    assert picture.picture == reply.svg
    assert 0 < units(picture.text) <= CAPTION
    assert len(reply.choices) == 4
    assert MESSAGES.validate_json(MESSAGES.dump_json((heading, picture))) == (heading, picture)


def test_words_without_room_follow_the_picture() -> None:
    reply = Picture((paragraph("h"), paragraph("words " * 300)), (Choice("a", "/quiz"),), svg="<svg/>")
    heading, picture, behind = draw(reply)
    assert (heading.text, picture.text, picture.buttons) == ("h", "", ())
    assert (behind.text.startswith("words"), behind.buttons) == (True, ((("a", "/quiz"),),))


def test_a_groups_board_counts_and_names_nobody() -> None:
    done = Group(asked=9, answered=4, right=3, people=2, items=(WELCOME, "gone"))
    reply = progress().group(done, "en")
    assert str(reply.blocks[0]) == f"🍋 {say('progress.group')}"
    assert str(reply.blocks[2]) == say("progress.group-told", asked=9, answered=4, share="75%", people=2)
    asked = {item.concept for item in ITEMS.values()} & set(PICTURE.areas[0].concepts)
    assert str(reply.blocks[1]).splitlines()[0].endswith(f" 1/{len(asked)}")


# ---- in a chat ----


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


def polls(folder: Path) -> list[object]:
    return sqlite3.connect(folder / "learners.db").execute("SELECT poll FROM polls").fetchall()


@pytest.fixture(scope="module")
def chat(folder: Path) -> Iterator[BotApi]:
    with BotApi() as api, Served(api, folder) as bot:
        yield api
        api.quiet()
        assert [str(call) for call in api.calls if call.status >= 400] == []
        assert "Traceback" not in bot.log


def shown(api: BotApi, person: Person, in_: Chat | None = None) -> tuple[Message, Message]:
    """The heading and the picture that `/progress` brings."""
    where = in_ or person.chat
    before = len(where.by_bot)
    person.says("/progress", in_=in_)
    picture = api.wait(lambda: where.by_bot[before + 1])
    return where.by_bot[before], picture


def exported(api: BotApi, person: Person) -> dict[str, list[dict[str, object]]]:
    before = len(person.chat.by_bot)
    person.says("/export")
    found: dict[str, list[dict[str, object]]] = json.loads(api.wait(lambda: person.chat.by_bot[before + 1].document) or b"")
    return found


def test_progress_is_a_picture_with_words_and_buttons(chat: BotApi) -> None:
    anna = chat.person(8_001, language="zh-hans")
    heading, picture = shown(chat, anna)
    assert heading.text == f"🍋 {say('progress.title', 'zh')}"
    content = picture.photo
    assert content
    assert size(content)[0] == WIDTH
    assert len(content) <= LARGEST
    assert picture.text.startswith(PICTURE.areas[0].name.zh)
    assert say("progress.nothing-due", "zh") in picture.text
    assert picture.labels == [say("choice.quiz-new", "zh")]
    anna.presses(picture, say("choice.quiz-new", "zh"))
    chat.wait(lambda: say("reason.first", "zh") in anna.chat.by_bot[2].text)


def test_a_group_sees_what_it_has_done_and_not_who(chat: BotApi, folder: Path) -> None:
    ben, carl = chat.person(8_002, "Benedict", language="en"), chat.person(8_003, "Carl", language="en")
    group = chat.group(-8_004, members=(ben, carl), hears_all=True)
    ben.says("/ask What is etcd?", in_=group)
    chat.wait(lambda: group.by_bot[0].buttons)
    carl.says("/quiz", in_=group)
    poll = chat.wait(lambda: next((each for each in group.by_bot if each.poll), None))
    assert poll
    assert poll.poll
    chat.wait(lambda: polls(folder))  # it is remembered
    ben.votes(poll, [poll.poll.correct[0]])
    carl.votes(poll, [(poll.poll.correct[0] + 1) % len(poll.poll.options)])
    _, picture = shown(chat, carl, group)
    assert say("progress.group-told", asked=1, answered=2, share="50%", people=2) in picture.text
    assert picture.photo
    assert [name for name in ("Benedict", "Carl", "8002", "8003") if name in picture.text] == []
    ids = {row["item"] for row in exported(chat, carl)["votes"]}
    assert ids <= ITEMS.keys()
    assert len(ids) == 1  # what he missed in the group is his own


def test_where_no_picture_may_stand_its_words_do(tmp_path: Path) -> None:
    with BotApi() as api, Served(api, tmp_path):
        dora = api.person(8_010, language="en")
        api.fail("sendPhoto", 400, description="Bad Request: not enough rights to send photos to the chat")
        heading, told = shown(api, dora)
    assert heading.text == f"🍋 {say('progress.title')}"
    assert (told.kind, told.labels) == ("text", [say("choice.quiz-new")])
    assert say("progress.nothing-due") in told.text
