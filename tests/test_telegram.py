"""What people see in a chat. Most tests share one running bot; each has people of its own, so none sees another's."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import wraps
from itertools import count
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from telegram import Bot

from bot.frontends.telegram import desk
from bot.frontends.telegram.drawn import LONGEST, MOST_ENTITIES, Drawn, draw, units
from bot.frontends.telegram.menu import IN_GROUPS
from bot.intents import COMMANDS
from bot.knowledge import base
from bot.knowledge.schema import LANGUAGES, Language
from bot.replies import Block, Box, Choice, Paragraph, Reply, Span, Table
from tests.botapi import BotApi, Chat, Message, Person
from tests.served import Served

T = TypeVar("T")
KNOWLEDGE = base.load(base.default_folder())
STARTS = {
    "zh": ["Kubernetes 是干什么的？", "删除一个 Pod 会发生什么事情？", "Pod 和容器有什么区别？"],
    "en": ["What is Kubernetes for?", "What happens when I delete a Pod?", "Pod vs container?"],
}
BELOW = {
    "zh": ["看答案", "更多", "还是不懂", "出处", "👍 懂了"],
    "en": ["See the answer", "More", "I don't get it", "Sources", "👍 Got it"],
}
ETCD = {"zh": "etcd 是一个一致且高可用的键值存储", "en": "etcd is the consistent, highly available key-value store"}


def says(key: str, language: Language = "zh", **words: object) -> str:
    return KNOWLEDGE.say(key, language, **words)


WAITING = {*(says("placeholder", language) for language in LANGUAGES), "…"}


def side_by_side(*talks: Callable[[], T]) -> list[T]:
    """What several people do at the same time; their chats do not wait for one another."""
    with ThreadPoolExecutor(len(talks)) as pool:
        return [each.result() for each in [pool.submit(talk) for talk in talks]]


@dataclass
class Room:
    """A running bot, and people who talk with it."""

    api: BotApi
    bot: Served
    ids: Iterator[int] = field(default_factory=lambda: count(7_412_000_001))
    talks: dict[str, Future[None]] = field(default_factory=dict)  # that go on beside the other tests

    def person(self, language: str | None = "zh-hans") -> Person:
        return self.api.person(next(self.ids), language=language)

    def group(self, *members: Person, forum: bool = False) -> Chat:
        """A group that lets the bot hear every word."""
        return self.api.group(-next(self.ids), members=members, forum=forum, hears_all=True)

    def answer(self, chat: Chat, does: Callable[[], object]) -> Message:
        """The bot's message that follows what somebody `does`, once it stands."""
        before = len(chat.by_bot)
        does()

        def standing() -> Message | None:
            message = chat.by_bot[before]
            return message if message.text not in WAITING or message.poll else None

        found = self.api.wait(standing)
        assert found
        return found

    def ask(self, person: Person, text: str, in_: Chat | None = None, **how: object) -> Message:
        return self.answer(in_ or person.chat, lambda: person.says(text, in_=in_, **how))  # type: ignore[arg-type]

    def press(self, person: Person, message: Message, label: str) -> Message:
        return self.answer(message.chat, lambda: person.presses(message, label))

    def quiz(self, person: Person, in_: Chat | None = None, words: str = "/quiz") -> Message:
        """The poll that `/quiz` brings, below its heading."""
        before = len((in_ or person.chat).by_bot)
        self.ask(person, words, in_)
        poll = self.api.wait(lambda: (in_ or person.chat).by_bot[before + 1])
        assert poll.poll
        self.bot.until(lambda: poll.poll and poll.poll.id.encode() in b"".join(self.contents()))  # the bot remembers it
        return poll

    def contents(self) -> list[bytes]:
        """All that stands in the data folder, file by file."""
        return [path.read_bytes() for path in self.bot.data.rglob("*") if path.is_file()]

    def vote(self, person: Person, message: Message, right: bool) -> Message:
        assert message.poll
        option = message.poll.correct[0] if right else (message.poll.correct[0] + 1) % len(message.poll.options)
        return self.answer(message.chat, lambda: person.votes(message, [option]))

    def export(self, person: Person) -> dict[str, list[dict[str, object]]]:
        """What `/export` holds."""
        before = len(person.chat.by_bot)
        person.says("/export")
        content = self.api.wait(lambda: person.chat.by_bot[before + 1].document)
        found: dict[str, list[dict[str, object]]] = json.loads(content or b"")
        return found

    def questions(self) -> str:
        """The list of open questions that the operator reads."""
        path = self.bot.data / "questions.tsv"
        return path.read_text("utf-8") if path.exists() else ""


Talk = Callable[[Room], None]


class Beside(dict[str, Talk]):
    """Tests that take their time, for a chat takes one call a second: they begin with the bot, and end while others run."""

    def __call__(self, talk: Talk) -> Talk:
        self[talk.__name__] = talk

        @wraps(talk)
        def test(room: Room) -> None:
            room.talks[talk.__name__].result()

        return test

    @contextlib.contextmanager
    def room(self, data: Path, **variables: str) -> Iterator[Room]:
        """A room that all tests of the module share; it ends without a fault."""
        with BotApi() as api, Served(api, data, **variables) as bot, ThreadPoolExecutor(len(self)) as pool:
            room = Room(api, bot)
            room.talks = {name: pool.submit(talk, room) for name, talk in self.items()}
            yield room
            pool.shutdown()
            api.quiet()
            assert api.unanswered == []  # every press was acknowledged
            assert api.flood_violations == 0
            assert [str(call) for call in api.calls if call.status >= 400 and call.status != 403] == []
            assert not re.search("ERROR|WARNING|Traceback", bot.log), bot.log


beside_the_others = Beside()


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with beside_the_others.room(tmp_path_factory.mktemp("data")) as room:
        yield room


# ---- questions and answers ----


def test_start_and_one_tap_bring_an_answer(room: Room) -> None:
    anna = room.person()
    welcome = room.ask(anna, "/start")
    assert welcome.text.startswith("欢迎来到柠檬水课堂。\n\n浩浩妈在手机上点了一杯 3 元的柠檬水。")
    assert welcome.covered("bold") == ["欢迎来到柠檬水课堂。"]
    assert welcome.labels == [*STARTS["zh"], says("choice.learn"), says("choice.order"), says("choice.quiz")]
    assert room.press(anna, welcome, STARTS["zh"][0]).text.startswith("Kubernetes 是一个开源平台")


@pytest.mark.parametrize(("client", "language"), [("zh-hans", "zh"), ("en", "en"), ("de", "en"), (None, "zh")])
def test_a_link_opens_its_concept_in_the_clients_language(room: Room, client: str | None, language: Language) -> None:
    answer = room.ask(room.person(client), "/start etcd")
    assert answer.text.startswith(ETCD[language])
    assert answer.labels == BELOW[language]


def test_a_link_to_nothing_is_the_welcome(room: Room) -> None:
    assert room.ask(room.person("en"), "/start nonsense").text.startswith("Welcome to the lemonade classroom.")


@pytest.mark.parametrize(
    ("question", "starts", "language"),
    [
        ("etcd 是什么？", ETCD["zh"], "zh"),
        ("What is etcd?", ETCD["en"], "en"),
        ("rongqi shi shenme", "容器把应用和它运行所需的依赖打包在一起。", "zh"),
        ("/ask etcd 是什么？", ETCD["zh"], "zh"),
    ],
)
def test_a_question_is_answered_in_its_language(room: Room, question: str, starts: str, language: Language) -> None:
    answer = room.ask(room.person("de"), question)
    assert answer.text.startswith(starts)
    assert answer.labels == BELOW[language]


def test_an_answer_is_one_message_that_began_as_a_placeholder(room: Room) -> None:
    anna = room.person()
    answer = room.ask(anna, "etcd 是什么？")
    assert answer.versions == [says("placeholder"), answer.text]
    assert anna.sees() == [answer.text]
    assert answer.reply_to is None
    assert answer.covered("bold")[:2] == ["小票柜", "etcd"]
    assert answer.covered("blockquote")[0].startswith("⚠️ 比喻到此为止：“小票柜由三位记账员管")


@beside_the_others
def test_the_buttons_of_an_old_answer_go_on_from_it(room: Room) -> None:
    def talk(label: str) -> str:
        anna = room.person()
        old = room.ask(anna, "etcd 是什么？")
        room.ask(anna, "什么是 Pod？")
        further = room.press(anna, old, label)
        assert len(anna.sees()) == 3  # the answer stays and another one follows
        assert anna.sees()[0].startswith(ETCD["zh"])
        return further.text

    more, again, sources, guess = side_by_side(
        *(lambda label=label: talk(label) for label in BELOW["zh"][1:4] + BELOW["zh"][:1])
    )
    assert more.startswith("etcd，再多一点：")
    assert again.startswith("换个说法。把 etcd 想成")
    assert sources.startswith("每句话的官方出处：\n\n¹ etcd 是一致且高可用的键值存储")
    assert guess.startswith("只有 API server 直接读写 etcd")


def test_thumbs_up_is_a_toast_and_leaves_no_message(room: Room) -> None:
    anna = room.person("en")
    answer = room.ask(anna, "What is etcd?")
    press = anna.presses(answer, "👍 Got it")
    room.api.wait(lambda: press.answered)
    assert (press.text, press.alert) == ("Great!", False)
    room.ask(anna, "thanks")
    assert anna.sees() == [answer.text, "You're welcome! Ask on whenever you like."]


def test_sources_are_links_to_the_official_pages(room: Room) -> None:
    anna = room.person()
    answer = room.ask(anna, "etcd 是什么？")
    sources = room.press(anna, answer, "出处")
    links = [entity["url"] for entity in sources.entities if entity["type"] == "text_link"]
    claims = [KNOWLEDGE.claim(f"etcd.{each}") for each in ("c1", "c2", "c4", "c5")]
    assert ["¹²³⁴"[at] in answer.text for at in range(4)] == [True] * 4
    assert links == [f"https://kubernetes.io{claim.source}" for claim in claims]
    assert sources.covered("text_link") == [claim.zh for claim in claims]
    assert sources.text.split("\n\n")[1:] == [f"{mark} {claim.zh}" for mark, claim in zip("¹²³⁴", claims, strict=True)]
    assert all(call.params["link_preview_options"] == {"is_disabled": True} for call in room.api.called("editMessageText"))


# ---- commands ----


def test_help_lists_exactly_the_registered_commands(room: Room) -> None:
    shown = {}
    for language, client in (("zh", "zh-hans"), ("en", "en")):
        help = room.ask(room.person(client), "/help")
        shown[language] = help.text.split("\n\n")[1].splitlines()
    assert shown == {
        language: [f"/{each['command']} {each['description']}" for each in room.api.commands[("default",), language]]
        for language in LANGUAGES
    }


def test_the_menu_and_the_profile_are_there_in_each_language(room: Room) -> None:
    def menu(names: tuple[str, ...], language: Language) -> list[dict[str, str]]:
        return [{"command": name, "description": says(f"help.{name}", language)} for name in names]

    house: dict[str, Language] = {"": "zh", "zh": "zh", "en": "en"}
    room.api.wait(lambda: len(room.api.profile) == 6)
    assert room.api.commands == {
        ((scope,), code): menu(names, language)
        for scope, names in (("default", COMMANDS), ("all_group_chats", IN_GROUPS))
        for code, language in house.items()
    }
    assert room.api.profile == {
        (kind, code): says(key, language)
        for kind, key in (("short_description", "about.short"), ("description", "about.long"))
        for code, language in house.items()
    }


def test_the_menu_is_sent_again_only_when_it_has_changed(tmp_path: Path) -> None:
    def sent() -> int:
        return sum(call.method.startswith("setMy") for call in api.calls)

    with BotApi() as api:
        bot = Served(api, tmp_path)
        anna = api.person(5)
        with bot:
            bot.until(lambda: sent() == 12)
            anna.says("/start")  # answered after it was noted that the menu stands
            api.wait(lambda: anna.chat.last.buttons)
        with bot:
            anna.says("/help")
            api.wait(lambda: "/order" in anna.chat.last.text)
        assert sent() == 12
        bot.variables["BOT_LANGUAGE"] = "en"
        with bot:
            bot.until(lambda: sent() == 24)
        assert api.commands[("default",), ""] == api.commands[("default",), "en"]


def test_the_map_shows_both_sides_and_opens_each_place(room: Room) -> None:
    anna = room.person()
    map = room.ask(anna, "/map")
    heading, control_plane, worker = map.text.split("\n\n")
    assert heading == "一张图看懂：左边是柠檬水，右边是 Kubernetes。"
    assert map.covered("blockquote") == [control_plane, worker]
    assert map.covered("bold") == [heading, "总店 ↔ 控制面", "出杯门店 ↔ 工作节点"]
    assert "小票柜 ↔ etcd" in control_plane.splitlines()
    assert len(map.labels) == len(control_plane.splitlines() + worker.splitlines())
    assert room.press(anna, map, "etcd").text.startswith(ETCD["zh"])


def test_compare_sets_two_words_side_by_side(room: Room) -> None:
    compared = room.ask(room.person(), "/compare Pod Deployment")
    assert "带号托盘 ↔ Pod\n长期订单 ↔ Deployment" in compared.text
    assert compared.labels == ["Pod", "Deployment", *BELOW["zh"][1:]]


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("/compare", says("compare.which")),
        ("/compare Pod", says("compare.unknown", words="Pod", known="Pod")),
        ("/compare 茶 咖啡", says("compare.none", words="茶 咖啡")),
        ("/orders", says("unknown", command="orders")),
        ("/cancel", says("cancel")),
        ("/7", says("declined") + "\n\n" + says("declined.start")),
        ("7", says("number", number="7")),
        ("/privacy", says("privacy", days=180, model=says("privacy.no-model"))),
    ],
)
def test_a_command_gets_its_line(room: Room, command: str, line: str) -> None:
    assert room.ask(room.person(), command).text == line


@beside_the_others
def test_new_puts_the_topic_aside(room: Room) -> None:
    anna = room.person()
    room.ask(anna, "etcd 是什么？")
    new = room.ask(anna, "/new")
    assert (new.text, new.labels) == (says("new"), STARTS["zh"])
    assert room.ask(anna, "不懂").text == says("confused.nothing")


def test_settings_lead_to_language_and_data(room: Room) -> None:
    def pressed(label: str) -> str:
        anna = room.person()
        settings = room.ask(anna, "/settings")
        assert (settings.text, settings.labels) == (
            "想改什么？",
            ["🌐 语言", "⏰ 提醒", "🔒 我记了什么", "📄 导出我的数据", "🗑 删除我的数据"],
        )
        return room.press(anna, settings, label).text

    labels = ["🌐 语言", "⏰ 提醒", "🔒 我记了什么", "📄 导出我的数据", "🗑 删除我的数据"]
    lines = [
        says("language.which"),
        says("remind.when"),
        says("privacy", days=180, model=says("privacy.no-model")),
        says("export"),
        says("forget.sure"),
    ]
    assert side_by_side(*(lambda label=label: pressed(label) for label in labels)) == lines


@beside_the_others
def test_a_chosen_language_stays(room: Room) -> None:
    anna = room.person()
    which = room.ask(anna, "/language")
    assert which.labels == ["中文", "English"]
    chosen = room.press(anna, which, "English")
    assert (chosen.text, chosen.labels) == ("Good, English from now on.", STARTS["en"])
    assert room.ask(anna, "etcd 是什么？").text.startswith(ETCD["zh"])  # a question is answered in its own language
    assert room.ask(anna, "etcd").text.startswith(ETCD["en"])


# ---- what is no plain question ----


@pytest.mark.parametrize(
    "sends",
    [
        lambda person: person.sends_sticker(),
        lambda person: person.sends_photo(),
        lambda person: person.sends_voice(),
        lambda person: person.sends_document("pod.yaml", b"kind: Pod"),
    ],
    ids=["sticker", "photo", "voice", "document"],
)
def test_what_is_no_text_is_declined_with_questions_to_begin_with(room: Room, sends: Callable[[Person], Message]) -> None:
    ben = room.person("en")
    answer = room.answer(ben.chat, lambda: sends(ben))
    assert (answer.text, answer.labels) == ("I can only read text. Just type your question, for example:", STARTS["en"])


@beside_the_others
def test_an_album_gets_one_answer_and_its_words_are_read(room: Room) -> None:
    def sent(words: str) -> list[str]:
        anna = room.person("en")
        room.answer(anna.chat, lambda: [anna.sends_photo("" if at else words, album=f"{anna.id}") for at in range(10)])
        room.ask(anna, "thanks")
        return [message.text[: len(ETCD["en"])] for message in anna.chat.by_bot]

    media, thanks = says("media", "en")[: len(ETCD["en"])], says("thanks", "en")
    assert side_by_side(lambda: sent(""), lambda: sent("What is etcd?")) == [[media, thanks], [ETCD["en"], thanks]]


def test_the_words_below_a_picture_are_read(room: Room) -> None:
    ben = room.person("en")
    assert room.answer(ben.chat, lambda: ben.sends_photo("What is etcd?")).text.startswith(ETCD["en"])
    assert room.answer(ben.chat, lambda: ben.sends_document("a.yaml", b"", "thanks")).text.startswith("You're welcome")


def test_an_edited_question_is_answered_anew(room: Room) -> None:
    anna = room.person()
    question = anna.says("ectd 是神马")
    room.api.wait(lambda: anna.chat.last.labels == BELOW["zh"])
    edited = room.answer(anna.chat, lambda: anna.edits(question, "什么是 Pod？"))
    assert edited.text.startswith("Pod 是 Kubernetes 能部署的最小单位")


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        ("🍋" * 2000, says("nothing")),
        ("<b>etcd</b> *_[` &lt;", ETCD["zh"]),
        ("*etcd* [x](tg://user?id=1) ```", ETCD["zh"]),
        ("e\u200bt\u200cc\u200dd\ufeff 是什么", ETCD["zh"]),
        ("\u202eetcd\u202c 是什么\u2066\u2069", ETCD["zh"]),
        ("ما هو etcd؟", ETCD["zh"]),
        ("Z̷͑a̴͝l̶g̵o̶ e\u0301", ""),
        ("\u3164", says("declined")),
        ("\u200b\u200b", says("nothing")),
        ("...", says("nothing")),
        ("'; DROP TABLE learners; --", says("declined")),
        ("{0} %s {}", says("declined")),
    ],
)
def test_odd_texts_get_an_ordinary_answer(room: Room, text: str, starts: str) -> None:
    anna = room.person()
    assert room.ask(anna, text).text.startswith(starts)
    assert len(anna.sees()) == 1


def test_what_looks_like_markup_is_shown_as_it_was_typed(room: Room) -> None:
    anna = room.person()
    answer = room.ask(anna, "/compare <b>茶</b> *_[`x` &lt;")
    assert answer.text == says("compare.none", words="<b>茶</b> *_[`x` &lt;").replace("`", "")
    assert set(answer.covered("bold")) == set()


def test_5000_characters_come_as_two_messages_and_get_two_answers(room: Room) -> None:
    anna = room.person()
    text = "etcd 是什么？" * 625
    anna.says(text[:4096])
    anna.says(text[4096:])
    room.api.wait(lambda: [each.text not in WAITING for each in anna.chat.by_bot] == [True] * 2)
    assert [each.startswith(ETCD["zh"]) for each in anna.sees()] == [True, True]


# ---- what is too long for one message ----


@pytest.fixture(scope="module")
def sending() -> Iterator[Callable[[tuple[Drawn, ...]], list[Message]]]:
    """Sends texts as the desk does, through the real client; the double refuses what Telegram refuses."""
    with BotApi(flood=None) as api, asyncio.Runner() as runner:
        anna = api.person(7)
        anna.says("/start")
        bot = Bot(api.token, base_url=f"{api.url}/bot")
        runner.run(bot.initialize())

        def send(parts: tuple[Drawn, ...]) -> list[Message]:
            before = len(anna.chat.by_bot)
            for part in parts:
                buttons = desk._keyboard(part)
                runner.run(bot.send_message(7, part.text, entities=desk._entities(part), reply_markup=buttons))
            return anna.chat.by_bot[before:]

        yield send
        runner.run(bot.shutdown())


words = st.text("ab柠檬🍋é\u0301¹", min_size=1, max_size=6)
texts = st.tuples(words, st.integers(1, 900), st.sampled_from(["", " ", "\n", "\n\n"])).map(lambda it: (it[0] + it[2]) * it[1])
spans = st.builds(
    Span, texts, st.sampled_from(["plain", "strong", "quiet", "code", "cite"]),
    st.sampled_from([None, None, "https://kubernetes.io/docs/"]),
)  # fmt: skip
cells = st.lists(spans, min_size=1, max_size=2).map(tuple)
blocks: st.SearchStrategy[Block] = st.one_of(
    st.builds(
        Paragraph, st.lists(spans, min_size=1, max_size=40).map(tuple),
        st.sampled_from(["plain", "heading", "stop", "next", "links"]),
    ),
    st.builds(Table, st.lists(st.tuples(cells, cells), min_size=1, max_size=3).map(tuple)),
    st.builds(Box, st.tuples(words, words), st.lists(st.tuples(words, words), max_size=70).map(tuple)),
)  # fmt: skip
choices = st.builds(Choice, words, st.just("/map"))
replies = st.builds(
    Reply, st.lists(blocks, min_size=1, max_size=4).map(tuple), st.lists(choices, max_size=5).map(tuple)
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(replies)
def test_a_reply_of_any_length_is_shown_whole(sending: Callable[[tuple[Drawn, ...]], list[Message]], reply: Reply) -> None:
    parts = draw(reply)
    assert all(0 < units(part.text) <= LONGEST for part in parts)
    assert all(0 <= each.start < each.end <= len(part.text) for part in parts for each in part.entities)
    assert all(len(part.entities) <= MOST_ENTITIES for part in parts)
    said = "".join(span.text for block in reply.blocks for span in _said(block))
    assert "".join("".join(part.text for part in parts).split()) == "".join(said.split())
    shown = sending(parts)
    assert [each.text for each in shown] == [part.text.strip() for part in parts]
    assert [each.labels for each in shown] == [[]] * (len(shown) - 1) + [[choice.label for choice in reply.choices]]


def _said(block: Block) -> Iterator[Span]:
    """The spans of a block in the order in which they are read."""
    match block:
        case Paragraph():
            yield from block.spans
        case Box():
            yield from (Span(f"{left}↔{right}") for left, right in (block.title, *block.inside))
        case Table():
            for left, right in block.rows:
                yield from (*left, Span(block.between), *right)


def test_a_long_text_is_cut_between_paragraphs_and_keeps_its_styles() -> None:
    link = Span("page", link="https://kubernetes.io/")
    paragraph = Paragraph((Span("柠" * 1500), link))
    parts = draw(Reply((paragraph,) * 4, (Choice("更多", "/more 1"),)))
    text = "柠" * 1500 + "page"
    assert [part.text for part in parts] == [f"{text}\n\n{text}"] * 2
    assert [[part.text[each.start : each.end] for each in part.entities] for part in parts] == [["page"] * 2] * 2
    assert [part.buttons for part in parts] == [(), ((("更多", "/more 1"),),)]


# ---- groups ----


def test_in_a_group_only_what_is_addressed_to_the_bot_is_answered(room: Room) -> None:
    anna, ben = room.person(), room.person("en")
    group = room.group(anna, ben)
    said = anna.says("etcd 是什么？", in_=group)
    ben.says("@other_bot What is etcd?", in_=group)
    ben.says("/help@other_bot", in_=group)
    ben.says("/orders", in_=group)
    ben.says("I like what @lemon_bottle says", in_=group)
    ben.says("no, really?", in_=group, reply_to=said)
    ben.sends_sticker(in_=group)
    ben.sends_voice(in_=group)
    ben.sends_photo(in_=group)
    ben.sends_photo("What is etcd?", in_=group)
    ben.sends_document("a.yaml", b"", in_=group)
    anna.edits(said, "@lemon_bot etcd 是什么？")
    asked = ben.says("@lemon_bot what is etcd", in_=group)
    room.api.wait(lambda: group.last.labels)
    assert [each.text.startswith(ETCD["en"]) for each in group.by_bot] == [True]
    assert group.last.reply_to is asked
    ben.sends_sticker(in_=group, reply_to=group.last)
    again = ben.says("more", in_=group, reply_to=group.last)
    room.api.wait(lambda: len(group.by_bot) == 2 and group.last.labels)
    assert group.last.text.startswith("More about etcd:")
    assert group.last.reply_to is again


@pytest.mark.parametrize(
    "text", ["/ask etcd 是什么？", "/ask@lemon_bot etcd 是什么？", "@lemon_bot etcd 是什么？", "etcd 是什么？ @Lemon_Bot"]
)
def test_commands_and_mentions_address_the_bot(room: Room, text: str) -> None:
    anna = room.person()
    group = room.group(anna)
    asked = anna.says(text, in_=group)
    room.api.wait(lambda: group.last.labels == BELOW["zh"])
    assert group.last.text.startswith(ETCD["zh"])
    assert group.last.reply_to is asked


def test_a_bare_mention_gets_the_welcome_and_a_caption_counts_as_text(room: Room) -> None:
    anna = room.person()
    group = room.group(anna)
    assert room.ask(anna, "@lemon_bot", group).text.startswith("欢迎来到柠檬水课堂。")
    assert room.answer(group, lambda: anna.sends_photo("@lemon_bot 谢谢", in_=group)).text.startswith("不客气")


def test_in_a_forum_the_answer_stands_in_the_topic_of_the_question(room: Room) -> None:
    anna = room.person()
    forum = room.group(anna, forum=True)
    pods, nodes = forum.topic("Pods"), forum.topic("Nodes")
    room.ask(anna, "/ask etcd 是什么？", forum, thread=nodes)
    answer = room.ask(anna, "/ask 什么是 Pod？", forum, thread=pods)
    further = room.press(anna, answer, "更多")
    assert [(each.thread, each.text[:4]) for each in forum.by_bot] == [(nodes, "etcd"), (pods, "Pod "), (pods, "Pod，")]
    assert further.reply_to is answer


def test_a_groups_talk_is_everybodys_and_what_was_asked_is_ones_own(room: Room) -> None:
    anna, ben = room.person(), room.person("en")
    group = room.group(anna, ben)
    ben.says("/start")
    room.ask(ben, "/ask Pod 是什么？", group)
    answer = room.ask(anna, "/ask etcd 是什么？", group)
    assert room.press(ben, answer, "更多").text.startswith("etcd，再多一点：")
    assert room.press(ben, answer, "看答案").text.startswith("只有 API server 直接读写 etcd。")
    press = ben.presses(answer, "👍 懂了")
    room.api.wait(lambda: press.answered)
    assert press.text == "太好了！"
    kept = {person.name: [row["question"] for row in room.export(person)["answers"]] for person in (anna, ben)}
    assert kept == {anna.name: ["etcd 是什么？"], ben.name: ["Pod 是什么？", "etcd.1"]}


def test_ones_own_data_is_no_matter_for_a_group(room: Room) -> None:
    anna = room.person()
    group = room.group(anna)
    assert [room.ask(anna, command, group).text for command in ("/export", "/forget", "/forget yes")] == [
        says("private.only")
    ] * 3


def test_the_bot_says_hello_when_it_comes_into_a_group(room: Room) -> None:
    for language, line in (
        ("zh-hans", says("group.hello", "zh", name="lemon_bot")),
        ("en", says("group.hello", "en", name="lemon_bot")),
    ):
        anna = room.person(language)
        group = room.group(anna)
        assert room.answer(group, lambda group=group, anna=anna: group.adds_bot(anna)).text == line  # type: ignore[misc]


# ---- one's own data ----


@beside_the_others
def test_the_export_holds_ones_own_rows_only(room: Room) -> None:
    anna, ben = room.person(), room.person()
    group = room.group(anna, ben)
    room.ask(anna, "etcd 是什么？")
    room.ask(ben, "什么是 Pod？")
    room.ask(ben, "/ask 什么是节点？", group)
    room.ask(anna, "/ask 什么是容器？", group)
    kept = room.export(anna)
    assert {table: [(row["person"], row["chat"]) for row in rows] for table, rows in kept.items()} == {
        "learners": [(anna.id, anna.id)],
        "answers": [(anna.id, anna.id), (anna.id, group.id)],
        "votes": [],
        "cards": [],
        "reminders": [],
        "spent": [],
    }
    assert [row["question"] for row in kept["answers"]] == ["etcd 是什么？", "什么是容器？"]
    assert anna.chat.last.filename == "kube-lemonade.json"
    assert str(ben.id) not in json.dumps(kept)


@beside_the_others
def test_to_forget_is_asked_first_and_may_be_declined(room: Room) -> None:
    anna = room.person()
    sure = room.ask(anna, "/forget")
    assert (sure.text, sure.labels) == (says("forget.sure"), ["是，全部删除", "不，留着"])
    assert room.press(anna, sure, "不，留着").text == says("kept")
    assert len(room.export(anna)["learners"]) == 1


@beside_the_others
def test_after_forget_nothing_of_the_person_is_left(room: Room) -> None:
    anna, ben = room.person(), room.person()
    group = room.group(anna, ben)
    odd, private = "weather in zanzibarium?", "etcd 是什么？ xylophonium"
    room.ask(anna, odd, group, reply_to=room.ask(ben, "/map", group))
    answer = room.ask(anna, private)
    room.press(anna, answer, "还是不懂")
    assert f"declined\ten\t{odd}\t\n" in room.questions()
    assert f"confused\tzh\t{private}\tetcd\n" in room.questions()
    assert not re.search(r"\d{6}", room.questions())
    traces = [b"zanzibarium", b"xylophonium", str(anna.id).encode(), anna.id.to_bytes(6, "big")]
    assert [sum(trace in content for content in room.contents()) > 0 for trace in traces] == [True] * 4
    assert room.press(anna, room.ask(anna, "/forget"), "是，全部删除").text == says("forgotten")
    room.bot.until(lambda: not any(trace in content for content in room.contents() for trace in traces))
    assert str(anna.id) not in room.bot.log
    assert room.ask(anna, "不懂").text == says("confused.nothing")


# ---- limits ----


def test_the_31st_message_of_a_minute_is_refused_once_and_politely(room: Room) -> None:
    ben = room.person("en")
    answer = room.ask(ben, "What is etcd?")
    presses = [ben.presses(answer, "👍 Got it") for _ in range(29)]
    room.api.wait(lambda: all(press.answered for press in presses))
    assert {press.text for press in presses} == {"Great!"}
    assert room.ask(ben, "What is a Pod?").text == says("limits.fast", "en")
    ben.says("What is a node?")
    last = ben.presses(answer, "👍 Got it")
    room.ask(room.person(), "etcd")
    assert (last.answered, last.text) == (True, "")
    assert ben.sees() == [answer.text, says("limits.fast", "en")]


def test_a_stranger_is_told_once_and_then_no_more(tmp_path: Path) -> None:
    with BotApi() as api, Served(api, tmp_path, BOT_ALLOWED_USERS="11, 12") as bot:
        room = Room(api, bot)
        anna, eve = api.person(11), api.person(13, language="en")
        group = api.group(-9, members=[anna, eve], hears_all=True)
        assert room.ask(eve, "/start").text == says("limits.stranger", "en")
        eve.says("/start etcd")
        eve.says("/ask etcd", in_=group)
        answer = room.ask(anna, "/ask etcd", group)
        press = eve.presses(answer, "👍 懂了")
        room.ask(anna, "etcd")
        api.wait(lambda: press.answered)
        api.quiet(0.3)
        assert eve.sees() == [says("limits.stranger", "en")]
        assert [each.reply_to and each.reply_to.sender for each in group.by_bot] == [anna]


@beside_the_others
def test_who_blocks_the_bot_harms_nobody_and_may_come_back(room: Room) -> None:
    anna, ben = room.person(), room.person()
    answer = room.ask(anna, "etcd 是什么？")
    anna.presses(answer, "更多")
    anna.blocks()
    room.ask(ben, "etcd 是什么？")
    room.api.wait(lambda: room.api.called("sendMessage", 403))
    anna.unblocks()
    assert room.ask(anna, "什么是 Pod？").text.startswith("Pod 是")
    assert len(anna.sees()) == 2
