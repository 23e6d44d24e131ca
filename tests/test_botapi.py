"""The double of the Bot API is strict: it refuses what Telegram refuses, and delivers as Telegram does."""

from __future__ import annotations

import asyncio
import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import warnings
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeAllGroupChats,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    Message,
    Update,
)
from telegram.constants import ParseMode, ReactionEmoji
from telegram.error import BadRequest, Forbidden, InvalidToken, NetworkError, RetryAfter
from telegram.ext import Application, CallbackQueryHandler, CommandHandler, ContextTypes

from tests.botapi import BotApi, Flood, Person
from tests.botapi.rules import PARAMETERS

Json = dict[str, Any]
TOKEN = "123456:TEST"
SMALL = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (90).to_bytes(4) + (60).to_bytes(4)  # the head of a picture


@pytest.fixture
def api() -> Iterator[BotApi]:
    with BotApi(TOKEN, flood=None) as api:
        yield api


@pytest.fixture
def anna(api: BotApi) -> Person:
    anna = api.person(7, name="Anna", language="zh-hans")
    anna.says("/start")
    return anna


def call(api: BotApi, method: str, token: str = TOKEN, **params: Any) -> tuple[int, Json]:
    """One form-encoded call: the HTTP status and the body."""
    fields = {key: value if isinstance(value, str) else json.dumps(value) for key, value in params.items()}
    request = urllib.request.Request(f"{api.url}/bot{token}/{method}", urllib.parse.urlencode(fields).encode())
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def result(api: BotApi, method: str, **params: Any) -> Any:
    status, body = call(api, method, **params)
    assert (status, body["ok"]) == (200, True), body
    return body["result"]


def refusal(api: BotApi, method: str, **params: Any) -> str:
    status, body = call(api, method, **params)
    assert body["ok"] is False
    assert status == body["error_code"]
    return f"{status} {body['description']}"


def with_bot(api: BotApi, does: Callable[[Bot], Awaitable[None]]) -> None:
    """Runs a piece of work with the client that the project uses."""

    async def run() -> None:
        async with Bot(TOKEN, base_url=f"{api.url}/bot") as bot:
            await does(bot)

    asyncio.run(run())


def until_seen(api: BotApi, person: Person, text: str) -> None:
    api.wait(lambda: text in person.sees())


def buttons(*rows: list[Json]) -> Json:
    return {"inline_keyboard": list(rows)}


# ---- the client reads every answer ----


def test_the_client_talks_with_people(api: BotApi) -> None:
    anna = api.person(7, name="Anna", username="anna_l")
    message = anna.says("/start lesson-kubelet @lemon_bot")

    async def talk(bot: Bot) -> None:
        assert bot.username == "lemon_bot"
        (update,) = await bot.get_updates()
        assert update.message
        assert update.message.from_user
        assert update.message.from_user.language_code == "zh-hans"
        assert (update.update_id, update.message.message_id) == (message.update_id, message.id)
        assert list(update.message.parse_entities().values()) == ["/start", "@lemon_bot"]

        keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("更多", callback_data="more", style="primary")]])
        sent = await update.message.reply_text(
            "<b>etcd</b> &amp; 🍋 <i>x</i>", ParseMode.HTML, reply_markup=keyboard, do_quote=True
        )
        assert sent.date.timestamp() == pytest.approx(time.time(), abs=5)
        assert sent.reply_to_message
        assert sent.parse_entities() == dict(zip(sent.entities, ["etcd", "x"], strict=True))
        assert anna.sees() == ["etcd & 🍋 x"]
        assert anna.chat.last.covered("italic") == ["x"]
        assert anna.chat.last.buttons == [[("更多", "more", "callback_data", "primary")]]

        press = anna.presses(anna.chat.last, "更多")
        assert api.unanswered == [press]
        (update,) = await bot.get_updates(offset=update.update_id + 1)
        assert update.callback_query
        assert update.callback_query.data == "more"
        assert await update.callback_query.answer("好", show_alert=True)
        assert (press.text, press.alert, api.unanswered) == ("好", True, [])
        with pytest.raises(BadRequest, match="Query is too old"):
            await update.callback_query.answer()

        edited = await update.callback_query.edit_message_text("1. x", reply_markup=None)
        assert isinstance(edited, Message)
        assert edited.edit_date
        assert anna.chat.last.versions == ["etcd & 🍋 x", "1. x"]
        assert anna.chat.last.buttons == []
        with pytest.raises(BadRequest, match="Message is not modified: specified new message content"):
            await edited.edit_text("1. x")
        assert await sent.set_reaction(ReactionEmoji.THUMBS_UP)
        assert await sent.delete()
        assert anna.sees() == []
        assert anna.chat.history[-1].deleted

    with_bot(api, talk)


def test_the_client_sends_polls_files_and_drafts(api: BotApi, anna: Person) -> None:
    async def talk(bot: Bot) -> None:
        quiz = await bot.send_poll(
            7, "谁存收据？", ["etcd", "kubelet"], type="quiz", correct_option_ids=[0], explanation="收据柜", is_anonymous=False,
            shuffle_options=True,
        )  # fmt: skip
        assert quiz.poll
        assert quiz.poll.correct_option_ids == (0,)
        start = (await bot.get_updates())[-1].update_id + 1
        anna.votes(anna.chat.last, [1])
        with pytest.raises(AssertionError, match="vote twice"):
            anna.votes(anna.chat.last, [0])
        answer, poll = await bot.get_updates(offset=start)
        assert answer.poll_answer
        assert (answer.poll_answer.poll_id, answer.poll_answer.option_ids) == (quiz.poll.id, (1,))
        assert answer.poll_answer.option_persistent_ids == (quiz.poll.options[1].persistent_id,)
        assert poll.poll
        assert [option.voter_count for option in poll.poll.options] == [0, 1]
        assert (await bot.stop_poll(7, quiz.message_id)).is_closed
        with pytest.raises(BadRequest, match="Poll has already been closed"):
            await bot.stop_poll(7, quiz.message_id)

        assert await bot.send_message_draft(7, 5, "wait")
        draft = anna.chat.draft
        assert draft
        assert (draft.id, draft.text) == (5, "wait")
        photo = await bot.send_photo(7, SMALL + b"\r\n--x\r\n", caption="one\ntwo")
        assert anna.chat.draft is None
        assert (anna.chat.last.photo, anna.chat.last.text) == (SMALL + b"\r\n--x\r\n", "one\ntwo")
        await bot.send_photo(7, photo.photo[-1].file_id)
        await bot.send_document(7, b"{}", filename="mine.json", caption="c")
        assert (anna.chat.last.document, anna.chat.last.filename) == (b"{}", "mine.json")
        assert await bot.send_chat_action(7, "typing")

        assert await bot.set_my_commands([BotCommand("help", "帮助")], BotCommandScopeAllGroupChats(), "zh")
        assert (await bot.get_my_commands(BotCommandScopeAllGroupChats(), "zh"))[0].description == "帮助"
        assert await bot.get_my_commands() == ()
        assert await bot.set_my_description("d")
        assert (await bot.get_my_description()).description == "d"
        assert await bot.set_my_short_description("s", "en")
        assert await bot.set_chat_menu_button()
        assert (await bot.get_chat(7)).first_name == "Anna"
        assert (await bot.get_chat_member(7, 7)).status == "member"

    with_bot(api, talk)


def test_the_client_reads_every_kind_of_update(api: BotApi, anna: Person) -> None:
    group = api.group(-100123, "class", [anna], hears_all=True)

    async def talk(bot: Bot) -> None:
        start = (await bot.get_updates(allowed_updates=Update.ALL_TYPES))[-1].update_id + 1
        said = anna.says("etcd 是什么？https://etcd.io", in_=group)
        anna.edits(said, "What is etcd?")
        anna.reacts(said)
        anna.sends_photo("a photo", in_=group, reply_to=said)
        anna.sends_sticker()
        anna.sends_voice()
        anna.sends_document("a.yaml", b"a: 1", "a file")
        anna.blocks()
        anna.unblocks()
        group.removes_bot(anna)
        group.adds_bot(anna)
        updates = await bot.get_updates(offset=start)
        assert [update.effective_user and update.effective_user.id for update in updates] == [7] * 11
        first, edited, reaction, photo, sticker, voice, document, blocked, *_ = updates
        assert first.message
        assert list(first.message.parse_entities(["url"]).values()) == ["https://etcd.io"]
        assert edited.edited_message
        assert edited.edited_message.edit_date
        assert reaction.message_reaction
        assert photo.message
        assert photo.message.photo
        assert (photo.message.caption, photo.message.is_topic_message) == ("a photo", None)
        assert sticker.message
        assert sticker.message.sticker
        assert voice.message
        assert voice.message.voice
        assert document.message
        assert document.message.document
        assert document.message.document.file_name == "a.yaml"
        assert blocked.my_chat_member
        assert blocked.my_chat_member.new_chat_member.status == "kicked"

        shown = await bot.send_photo(7, SMALL + b"one", caption="1")
        assert isinstance(await shown.edit_media(InputMediaPhoto(SMALL + b"two", "2")), Message)
        assert isinstance(await shown.edit_caption("3"), Message)
        assert (anna.chat.last.photo, anna.chat.last.versions) == (SMALL + b"two", ["1", "2", "3"])
        with pytest.raises(BadRequest, match="There is no text in the message to edit"):
            await shown.edit_text("x")

    with_bot(api, talk)


def test_people_do_only_what_clients_let_them(api: BotApi, anna: Person) -> None:
    result(api, "sendMessage", chat_id=7, text="x", reply_markup=buttons(ONE))
    with pytest.raises(AssertionError, match="no button 'b' under"):
        anna.presses(anna.chat.last, "b")
    with pytest.raises(AssertionError, match="people edit their own"):
        anna.edits(anna.chat.last, "y")
    with pytest.raises(AssertionError, match="not in class"):
        anna.says("x", in_=api.group(-100123))
    result(api, "sendPoll", chat_id=7, question="q", options=["a", "b"], is_anonymous=False)
    anna.votes(anna.chat.last, [1])
    anna.votes(anna.chat.last, [0])
    anna.retracts(anna.chat.last)
    answers = [update["poll_answer"]["option_ids"] for update in result(api, "getUpdates") if "poll_answer" in update]
    assert answers == [[1], [0], []]


def test_the_client_understands_refusals(api: BotApi, anna: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")

    async def talk(bot: Bot) -> None:
        anna.blocks()
        with pytest.raises(Forbidden, match=r"(?i)bot was blocked by the user"):
            await bot.send_message(7, "x")
        anna.unblocks()
        api.fail("sendMessage", 429, retry_after=1)
        with pytest.raises(RetryAfter, match="Retry in 0:00:01"):
            await bot.send_message(7, "x")
        api.fail("getMe", "drop")
        with pytest.raises(NetworkError):
            await bot.get_me()

    with_bot(api, talk)
    api.token = "1:OTHER"
    with pytest.raises(InvalidToken):
        with_bot(api, talk)


# ---- refusals ----


def under(*rows: list[Json]) -> Json:
    return {"text": "x", "reply_markup": buttons(*rows)}


def bold(offset: int, length: int) -> list[Json]:
    return [{"type": "bold", "offset": offset, "length": length}]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"GIF89a", "IMAGE_PROCESS_FAILED"), (SMALL[:16] + b"\0" * 8, "PHOTO_INVALID_DIMENSIONS")],
)
def test_what_is_no_picture_is_refused(api: BotApi, content: bytes, reason: str) -> None:
    api.person(7).says("/start")

    async def send(bot: Bot) -> None:
        with pytest.raises(BadRequest, match=reason.capitalize()):
            await bot.send_photo(7, content)

    with_bot(api, send)


ONE = [{"text": "a", "callback_data": "a"}]
QUIZ = {"chat_id": 7, "question": "q", "options": ["a", "b"], "type": "quiz", "correct_option_ids": [0]}


@pytest.mark.parametrize(
    ("method", "params", "says"),
    [
        ("sendMessage", {"text": ""}, "message text is empty"),
        ("sendMessage", {"text": " \n\t"}, "message text is empty"),
        ("sendMessage", {"text": "<b> </b>", "parse_mode": "HTML"}, "message text is empty"),
        ("sendMessage", {}, "message text is empty"),
        ("sendMessage", {"text": "🍋" * 2049}, "message is too long"),
        ("sendMessage", {"text": "x", "chat_id": 404}, "chat not found"),
        ("sendMessage", {"text": "x", "message_thread_id": 3}, "message thread not found"),
        ("sendMessage", {"text": "x", "reply_parameters": {"message_id": 99}}, "message to be replied not found"),
        ("sendMessage", under([{"text": "a", "callback_data": "界" * 22}]), "BUTTON_DATA_INVALID"),
        ("sendMessage", under([{"text": "a", "callback_data": ""}]), "BUTTON_DATA_INVALID"),
        ("sendMessage", under([{"text": " ", "callback_data": "a"}]), "can't parse inline keyboard"),
        ("sendMessage", under([{"text": "a"}]), "can't parse inline keyboard button: Text"),
        ("sendMessage", under([{"text": "a", "url": "nowhere"}]), "inline keyboard button URL 'no"),
        ("sendMessage", under(*[ONE * 8] * 13), "reply markup is too long"),
        ("sendMessage", under(ONE * 9), "reply markup is too long"),
        ("sendMessage", {"text": "🍋", "entities": bold(0, 3)}, "entity beginning at UTF-16 offset"),
        ("sendMessage", {"text": "🍋", "entities": bold(1, 1)}, "entity begins in a middle of a"),
        ("editMessageText", {"message_id": 99, "text": "x"}, "message to edit not found"),
        ("editMessageText", {"message_id": 1, "text": "x"}, "message can't be edited"),
        ("deleteMessage", {"message_id": 99}, "message to delete not found"),
        ("setMessageReaction", {"message_id": 1, "reaction": [{"type": "emoji", "emoji": "🍋"}]}, "REACTION_INVALID"),
        ("sendMessageDraft", {"draft_id": 0, "text": "x"}, "draft_id must be a non-zero integer"),
        ("sendMessageDraft", {"draft_id": 1, "text": "x", "chat_id": -100123}, "TEXTDRAFT_PEER_INVALID"),
        ("sendChatAction", {"action": "dancing"}, "wrong parameter action in request"),
        ("sendPhoto", {"photo": "photo-7-1-1"}, "wrong file identifier"),
        ("sendPoll", QUIZ | {"question": "q" * 301}, "poll question length must not exceed 300"),
        ("sendPoll", QUIZ | {"question": " "}, "text must be non-empty"),
        ("sendPoll", QUIZ | {"options": []}, "poll must have at least one answer option"),
        ("sendPoll", QUIZ | {"options": ["a"] * 13}, "poll can't have more than 12 options"),
        ("sendPoll", QUIZ | {"options": ["a", "b" * 101]}, "poll options length must not exceed 100"),
        ("sendPoll", QUIZ | {"correct_option_ids": [2]}, "wrong correct option ID specified"),
        ("sendPoll", QUIZ | {"correct_option_ids": [1, 0], "allows_multiple_answers": True}, "wrong correct option ID"),
        ("sendPoll", QUIZ | {"correct_option_ids": None}, "wrong correct option ID specified"),
        ("sendPoll", QUIZ | {"explanation": "e" * 201}, "explanation is too long"),
        ("sendPoll", QUIZ | {"explanation": "a\nb\nc\nd"}, "explanation can't have more than 2 line feeds"),
        ("sendPoll", QUIZ | {"open_period": 4}, "open period must be between 5 and 2628000 seconds"),
        ("answerCallbackQuery", {"callback_query_id": "1"}, "query is too old and response timeout expired"),
        ("answerCallbackQuery", {"callback_query_id": "1", "text": "x" * 201}, "MESSAGE_TOO_LONG"),
        ("setMyCommands", {"commands": [{"command": "Help", "description": "x"}]}, "BOT_COMMAND_INVALID"),
        ("setMyCommands", {"commands": [{"command": "help", "description": "x" * 257}]}, "BOT_COMMAND_DESCRIPTION_INVALID"),
        ("setMyCommands", {"commands": [{"command": f"c{n}", "description": "x"} for n in range(101)]}, "BOT_COMMANDS_TOO"),
        ("setMyCommands", {"commands": [], "language_code": "zh-hans"}, "the specified language code is invalid"),
        ("setMyDescription", {"description": "x" * 513}, "bot description is too long"),
        ("setMyShortDescription", {"short_description": "x" * 121}, "bot short description is too long"),
        ("setWebhook", {"url": "http://example.org/"}, "bad webhook: An HTTPS URL must be provided for webhook"),
        ("setWebhook", {"url": "https://example.org:8080/"}, "bad webhook: Webhook can be set up only on ports 80, 88"),
        ("setWebhook", {"url": "https://example.org/", "secret_token": "a+b"}, "secret token contains unallowed characters"),
    ],
)  # fmt: skip
def test_refused_with_the_words_of_telegram(api: BotApi, anna: Person, method: str, params: Json, says: str) -> None:
    api.group(-100123)
    chat = {"chat_id": 7} if "chat_id" in PARAMETERS[method] else {}
    assert refusal(api, method, **(chat | params)).startswith(f"400 Bad Request: {says}")
    assert anna.sees() == []
    api.check()


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("sendCarrierPigeon", {"chat_id": 7}),
        ("logOut", {}),
        ("sendMessage", {"chat_id": 7, "text": "x", "txet": "y"}),
        ("sendMessage", {"chat_id": "seven", "text": "x"}),
        ("sendMessage", {"chat_id": 7, "text": "x", "disable_notification": "maybe"}),
        ("sendMessage", {"chat_id": 7, "text": "x", "reply_markup": "{"}),
        ("sendMessage", {"chat_id": 7, "text": "x", "reply_markup": {"inline_keyboard": [[{"text": "a", "call": "b"}]]}}),
        ("sendMessage", {"chat_id": 7, "text": "x", "entities": [{"type": "loud", "offset": 0, "length": 1}]}),
        ("sendMessage", {"chat_id": 7, "text": "x", "parse_mode": "Markdown"}),
        ("sendMessage", {"chat_id": 7, "text": "x" * 101, "entities": [bold(n, 1)[0] for n in range(101)]}),
        ("sendMessage", {"chat_id": 7, "text": "<a href='localhost'>x</a>", "parse_mode": "HTML"}),
        ("sendMessage", {"chat_id": 7, "text": "x", "parse_mode": "HTML", "entities": bold(0, 1)}),
        ("getUpdates", {"allowed_updates": ["messages"]}),
        ("getUpdates", {"offset": 999_999_999_999}),
        ("setMyCommands", {"commands": [], "scope": {"type": "chat"}}),
        ("setWebhook", {"url": "https://example.org/", "max_connections": 101}),
    ],
)  # fmt: skip
def test_a_call_no_bot_should_make_fails_the_test(method: str, params: Json) -> None:
    api = BotApi(TOKEN, flood=None)
    api.person(7).says("hi")
    status, _ = call(api, method, **params)
    assert status in (200, 400, 404)
    with pytest.raises(AssertionError, match=method):
        api.check()
    api.close()


@pytest.mark.parametrize(
    ("mode", "source", "says"),
    [
        ("HTML", "<b>x", "Can't find end tag corresponding to start tag \"b\""),
        ("HTML", "x</b>", "Unexpected end tag at byte offset 1"),
        ("HTML", "<b><i>x</b></i>", "Unmatched end tag at byte offset 7, expected \"</i>\", found \"</b>\""),
        ("HTML", "1 < 2", "Unsupported start tag \"\" at byte offset 2"),
        ("HTML", "界<br>", "Unsupported start tag \"br\" at byte offset 3"),
        ("HTML", "<span>x</span>", "Tag \"span\" must have class \"tg-spoiler\""),
        ("MarkdownV2", "1.", "Character '.' is reserved and must be escaped with the preceding '\\'"),
        ("MarkdownV2", "界_abc * d _", "Can't find end of Italic entity at byte offset 12"),
        ("MarkdownV2", "*x", "Can't find end of Bold entity at byte offset 0"),
        ("MarkdownV2", "`x", "Can't find end of Code entity at byte offset 0"),
        ("MarkdownV2", "```x", "Can't find end of Pre entity at byte offset 0"),
        ("MarkdownV2", "[x](http://a", "Can't find end of a URL at byte offset 3"),
        ("MarkdownV2", "x > y", "Character '>' is reserved and must be escaped with the preceding '\\'"),
    ],
)  # fmt: skip
def test_unbalanced_markup_is_refused(api: BotApi, anna: Person, mode: str, source: str, says: str) -> None:
    found = refusal(api, "sendMessage", chat_id=7, text=source, parse_mode=mode)
    assert found.startswith(f"400 Bad Request: can't parse entities: {says}")


@pytest.mark.parametrize(
    ("mode", "source", "text", "covered"),
    [
        ("HTML", "🍋 <b>a<i>b</i></b> &lt;c&#33; &nbsp;", "🍋 ab <c! &nbsp;", {"bold": ["ab"], "italic": ["b"]}),
        ("html", '<pre><code class="language-yaml">a: 1</code></pre>', "a: 1", {"pre": ["a: 1"], "code": []}),
        ("HTML", "<blockquote expandable>q</blockquote><a href='https://k8s.io/a?b=1&amp;c=2'>k</a>", "qk",
         {"expandable_blockquote": ["q"], "text_link": ["k"]}),
        ("HTML", "  <b> x </b>  ", "x", {"bold": ["x"]}),
        ("MarkdownV2", r"*a _b_* __c__ ~d~ ||e|| `f\`g` 1\.", "a b c d e f`g 1.",
         {"bold": ["a b"], "italic": ["b"], "underline": ["c"], "strikethrough": ["d"], "spoiler": ["e"], "code": ["f`g"]}),
        ("MarkdownV2", "```yaml\na: b.c\n```[k](https://k8s.io/\\))", "a: b.c\nk", {"pre": ["a: b.c\n"], "text_link": ["k"]}),
        ("MarkdownV2", ">q\n>r||\nx", "q\nr\nx", {"expandable_blockquote": ["q\nr\n"]}),
    ],
)  # fmt: skip
def test_markup_becomes_entities(
    api: BotApi, anna: Person, mode: str, source: str, text: str, covered: dict[str, list[str]]
) -> None:
    result(api, "sendMessage", chat_id=7, text=source, parse_mode=mode)
    assert anna.chat.last.text == text
    assert {kind: anna.chat.last.covered(kind) for kind in covered} == covered


def test_lengths_are_counted_after_markup_and_trimming(api: BotApi, anna: Person) -> None:
    result(api, "sendMessage", chat_id=7, text=f"  <b>{'x' * 4096}</b> ", parse_mode="HTML")
    result(api, "sendMessage", chat_id=7, text="x", reply_markup=buttons([{"text": "a", "callback_data": "界" * 21}]))
    result(api, "sendPoll", **(QUIZ | {"correct_option_ids": [0, 1], "allows_multiple_answers": True}))


def test_who_may_be_written_to(api: BotApi) -> None:
    ben = api.person(8, name="Ben")
    assert refusal(api, "sendMessage", chat_id=8, text="x") == "403 Forbidden: bot can't initiate conversation with a user"
    ben.says("hi")
    ben.blocks()
    assert refusal(api, "sendChatAction", chat_id=8, action="typing") == "403 Forbidden: bot was blocked by the user"
    ben.unblocks()
    result(api, "sendMessage", chat_id=8, text="x")
    assert [list(update)[1] for update in result(api, "getUpdates")] == ["message", "my_chat_member", "my_chat_member"]
    assert call(api, "getMe", token="1:WRONG") == (401, {"ok": False, "error_code": 401, "description": "Unauthorized"})


# ---- updates ----


def test_updates_come_again_until_they_are_confirmed(api: BotApi, anna: Person) -> None:
    anna.says("one")
    anna.says("two")
    ids = [update["update_id"] for update in result(api, "getUpdates")]
    assert ids == [ids[0], ids[0] + 1, ids[0] + 2]
    assert [update["update_id"] for update in result(api, "getUpdates", limit=2)] == ids[:2]
    assert [update["update_id"] for update in result(api, "getUpdates", offset=-1)] == ids[2:]
    assert result(api, "getUpdates", offset=ids[2] + 1) == []
    assert result(api, "getUpdates", offset=ids[0]) == []
    anna.says("three")
    assert [update["update_id"] for update in result(api, "getUpdates")] == [ids[2] + 1]


def test_only_the_allowed_kinds_come(api: BotApi, anna: Person) -> None:
    result(api, "getUpdates", offset=-1, allowed_updates=["edited_message", "message_reaction"])
    message = anna.says("x")
    assert message.update_id is None
    anna.edits(message, "y")
    anna.reacts(message)
    assert [list(update)[1] for update in result(api, "getUpdates")[1:]] == ["edited_message", "message_reaction"]


def test_a_long_poll_ends_when_something_happens(api: BotApi, anna: Person) -> None:
    result(api, "getUpdates", offset=result(api, "getUpdates")[0]["update_id"] + 1)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(refusal, api, "getUpdates", timeout=20)
        time.sleep(0.2)
        second = pool.submit(result, api, "getUpdates", timeout=20)
        assert first.result(2) == (
            "409 Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
        )
        began = time.monotonic()
        anna.says("now")
        assert second.result(2)[0]["message"]["text"] == "now"
        assert time.monotonic() - began < 0.5


BOT = """
import json, sys, urllib.request
url, offset = sys.argv[1], 0
while True:
    for update in json.load(urllib.request.urlopen(f"{url}/getUpdates?timeout=20&offset={offset}"))["result"]:
        offset = update["update_id"] + 1
        text = update["message"]["text"]
        body = json.dumps({"chat_id": update["message"]["chat"]["id"], "text": text[::-1]}).encode()
        urllib.request.urlopen(urllib.request.Request(f"{url}/sendMessage", body, {"Content-Type": "application/json"}))
"""


def test_a_killed_bot_finds_again_what_it_had_not_confirmed(api: BotApi, anna: Person) -> None:
    for turn in range(3):
        with subprocess.Popen([sys.executable, "-c", BOT, f"{api.url}/bot{TOKEN}"]) as bot:
            anna.says(f"abc{turn}")
            until_seen(api, anna, f"{turn}cba")
            bot.send_signal(signal.SIGKILL)
    # What was answered but not yet confirmed is answered again.
    assert {f"{turn}cba" for turn in range(3)} <= set(anna.sees())
    assert api.called("getUpdates", 409) == []


class Hook(HTTPServer):
    """Takes updates as a webhook does, after it has failed as often as told."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.taken: list[tuple[Json, Json]] = []
        super().__init__(("127.0.0.1", 0), HookHandler)


class HookHandler(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.failures -= 1
        failed = self.server.failures >= 0
        if not failed:
            self.server.taken.append((dict(self.headers), body))
        self.send_response(500 if failed else 200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        return


def test_a_webhook_gets_each_update_in_order(api: BotApi, anna: Person) -> None:
    with Hook(failures=2) as hook:
        thread = threading.Thread(target=hook.serve_forever, args=(0.02,))
        thread.start()
        url = f"http://127.0.0.1:{hook.server_port}/telegram"
        result(api, "setWebhook", url=url, secret_token="s-1", max_connections=2, allowed_updates=["message"])
        for n in range(5):
            anna.says(str(n))
        api.wait(lambda: len(hook.taken) == 6)
        assert [body["message"]["text"] for _, body in hook.taken] == ["/start", "0", "1", "2", "3", "4"]
        assert all(headers["Content-Type"] == "application/json" for headers, _ in hook.taken)
        assert all(headers["X-Telegram-Bot-Api-Secret-Token"] == "s-1" for headers, _ in hook.taken)
        assert refusal(api, "getUpdates").startswith("409 Conflict: can't use getUpdates method while webhook is active")
        info = api.wait(lambda: result(api, "getWebhookInfo"))
        assert (info["url"], info["allowed_updates"], info["max_connections"]) == (url, ["message"], 2)
        assert "500" in info["last_error_message"]
        hook.shutdown()
        thread.join()
    anna.says("kept")
    api.wait(lambda: api.deliveries[-1][2] == 0)
    result(api, "deleteWebhook")
    assert api.webhook.url == ""
    assert result(api, "getUpdates")[0]["message"]["text"] == "kept"


async def greet(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    assert update.message
    await update.message.reply_text(
        "hello", reply_markup=InlineKeyboardMarkup.from_button(InlineKeyboardButton("a", callback_data="b"))
    )


async def pressed(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    assert update.callback_query
    await update.callback_query.answer()
    await update.callback_query.edit_message_text("pressed")


@pytest.mark.parametrize("webhook", [False, True])
def test_an_application_runs_on_it(webhook: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with BotApi(TOKEN, ingress={"https://bot.example.org": f"http://127.0.0.1:{port}"}) as api:
        anna = api.person(7)

        async def run() -> None:
            app = Application.builder().token(TOKEN).base_url(f"{api.url}/bot").build()
            app.add_handlers([CommandHandler("start", greet), CallbackQueryHandler(pressed)])
            async with app:
                assert app.updater
                if webhook:
                    at = "https://bot.example.org/hook"
                    await app.updater.start_webhook("127.0.0.1", port, "hook", webhook_url=at, secret_token="abc")
                else:
                    await app.updater.start_polling()
                await app.start()
                anna.says("/start")
                await asyncio.to_thread(api.wait, lambda: anna.sees() == ["hello"])
                anna.presses(anna.chat.last, "a")
                await asyncio.to_thread(api.wait, lambda: anna.sees() == ["pressed"])
                await app.updater.stop()
                await app.stop()

        asyncio.run(run())
        assert api.unanswered == []


# ---- groups ----


def test_in_a_group_the_bot_hears_what_is_meant_for_it(api: BotApi) -> None:
    anna, ben = api.person(7), api.person(8, "Ben")
    group = api.group(-100123, "class", [anna, ben])
    said = result(api, "sendMessage", chat_id=-100123, text="x")
    heard = {
        text: anna.says(text, in_=group).update_id is not None
        for text in ("hi", "/help", "/help@lemon_bot", "/help@other_bot", "see /help", "@Lemon_Bot hi", "mail@lemon_bot.org")
    }
    assert [text for text, yes in heard.items() if yes] == ["/help", "/help@lemon_bot", "@Lemon_Bot hi"]
    reply = ben.says("why?", in_=group, reply_to=group.last)
    update = result(api, "getUpdates")[-1]
    assert update["update_id"] == reply.update_id
    assert update["message"]["reply_to_message"]["message_id"] == said["message_id"]
    assert update["message"]["chat"]["type"] == "supergroup"
    assert ben.sends_photo("look", in_=group).update_id is None
    assert ben.sends_photo("@lemon_bot look", in_=group).update_id
    assert ben.sends_sticker(in_=group, heard=True).update_id
    assert anna.sends_voice().update_id
    result(api, "leaveChat", chat_id=-100123)
    assert refusal(api, "sendMessage", chat_id=-100123, text="x").startswith("403 Forbidden: bot was kicked")


def test_topics_of_a_forum(api: BotApi) -> None:
    anna = api.person(7)
    forum = api.group(-100123, members=[anna], forum=True)
    topic = forum.topic("etcd")
    anna.says("/help", in_=forum, thread=topic)
    message = result(api, "getUpdates")[0]["message"]
    assert (message["message_thread_id"], message["is_topic_message"]) == (topic, True)
    assert result(api, "sendMessage", chat_id=-100123, text="x", message_thread_id=topic)["message_thread_id"] == topic


# ---- limits and faults ----


def test_floods_are_stopped_and_insisting_makes_it_longer() -> None:
    flood = Flood(private_rate=5, private_burst=2, wait=1, grace=0.05)
    with BotApi(TOKEN, flood=flood) as api:
        anna, ben = api.person(7), api.person(8)
        for one in (anna, ben):
            one.says("hi")
        result(api, "sendChatAction", chat_id=7, action="typing")
        result(api, "sendMessage", chat_id=7, text="1")
        status, body = call(api, "editMessageText", chat_id=7, message_id=1, text="x")
        assert (status, body["parameters"]) == (429, {"retry_after": 1})
        assert body["description"] == "Too Many Requests: retry after 1"
        result(api, "sendMessage", chat_id=8, text="1")
        assert api.flood_violations == 0
        time.sleep(0.1)
        assert refusal(api, "sendMessage", chat_id=7, text="2") == "429 Too Many Requests: retry after 2"
        assert api.flood_violations == 1
        time.sleep(2)
        result(api, "sendMessage", chat_id=7, text="3")
        assert api.flood_violations == 1
        assert anna.sees() == ["1", "3"]


def test_groups_and_the_whole_have_limits_too() -> None:
    with BotApi(TOKEN) as api:
        api.group(-100123)
        assert [call(api, "sendMessage", chat_id=-100123, text="x")[0] for _ in range(21)].count(429) == 1
        people = [api.person(id) for id in range(1, 13)]
        for person in people:
            person.says("x")
        assert 429 in [call(api, "sendMessage", chat_id=person.id, text="x")[0] for person in people * 2]


def test_faults_on_demand(api: BotApi, anna: Person) -> None:
    api.fail("sendMessage", 500, times=2)
    assert [call(api, "sendMessage", chat_id=7, text=str(n))[0] for n in range(3)] == [500, 500, 200]
    api.fail("sendMessage", "drop", after=True)
    with pytest.raises(http.client.RemoteDisconnected):
        call(api, "sendMessage", chat_id=7, text="done all the same")
    api.fail("sendMessage", "drop")
    with pytest.raises(http.client.RemoteDisconnected):
        call(api, "sendMessage", chat_id=7, text="not done")
    assert anna.sees() == ["2", "done all the same"]
    api.fail("*", 500, chat=8)
    result(api, "sendMessage", chat_id=7, text="x")
    api.fail("getMe", delay=0.3)
    began = time.monotonic()
    result(api, "getMe")
    assert time.monotonic() - began >= 0.3
    api.fail("sendMessage", 429, retry_after=1)
    assert [call(api, "sendMessage", chat_id=7, text="x")[0] for _ in range(2)] == [429, 429]
    time.sleep(1)
    result(api, "sendMessage", chat_id=7, text="x")


def test_telegram_can_be_out_of_reach(api: BotApi, anna: Person) -> None:
    url = api.url
    with ThreadPoolExecutor() as pool:
        poll = pool.submit(call, api, "getUpdates", offset=-1, timeout=20)
        assert poll.result(2)[0] == 200
        poll = pool.submit(call, api, "getUpdates", offset=870_000_002, timeout=20)
        time.sleep(0.1)
        api.down()
        with pytest.raises(http.client.RemoteDisconnected):
            poll.result(2)
    with pytest.raises(urllib.error.URLError, match="refused"):
        call(api, "getMe")
    anna.says("while you were away")
    api.up()
    assert api.url == url
    assert result(api, "getUpdates")[0]["message"]["text"] == "while you were away"


def test_polls_close_when_their_time_is_over(api: BotApi, anna: Person) -> None:
    result(api, "sendPoll", **QUIZ, open_period=5)
    poll = anna.chat.last.poll
    assert poll
    poll.closes = time.time() + 0.2
    offset = result(api, "getUpdates")[-1]["update_id"] + 1
    assert result(api, "getUpdates", offset=offset, timeout=5)[0]["poll"]["is_closed"] is True
    with pytest.raises(AssertionError, match="the poll is closed"):
        anna.votes(anna.chat.last, [0])


def test_waiting_in_vain_shows_what_happened(api: BotApi, anna: Person) -> None:
    result(api, "sendMessage", chat_id=7, text="hello", reply_markup=buttons(ONE))
    with pytest.raises(AssertionError, match=r"(?s)not within.*Anna: /start.*bot: hello \[a\].*last calls.*200 sendMessage"):
        api.wait(lambda: len(anna.sees()) == 2, seconds=0.1)


def test_a_silence_can_be_waited_for(api: BotApi, anna: Person) -> None:
    with pytest.raises(AssertionError, match="waiting for the bot"):
        api.quiet(0.1, within=0.2)
    result(api, "getUpdates", offset=870_000_002)
    api.quiet(0.1)


def test_it_stands_many_connections_at_once(api: BotApi, anna: Person) -> None:
    def client(n: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", int(api.url.rpartition(":")[2]))
        for i in range(50):
            body = json.dumps({"chat_id": 7, "text": f"{n}.{i}"})
            connection.request("POST", f"/bot{TOKEN}/sendMessage", body, {"Content-Type": "application/json"})
            assert json.load(connection.getresponse())["ok"]
        connection.close()

    began = time.monotonic()
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(client, range(20)))
    assert len(set(anna.sees())) == 1000
    assert time.monotonic() - began < 5


def test_nothing_is_left_open() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        threads = threading.active_count()
        with BotApi() as api:
            connection = http.client.HTTPConnection("127.0.0.1", int(api.url.rpartition(":")[2]))
            connection.request("GET", f"/bot{TOKEN}/getMe")
            connection.getresponse().read()
        connection.close()
        assert threading.active_count() == threads
