"""The world on Telegram's side: people, chats, what stands in them, and the updates that wait for the bot."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from tests.botapi.refusals import Json
from tests.botapi.rules import SILENT, TEXT, UPDATES
from tests.botapi.texts import Text, length

DRAFT_SECONDS = 30


class Button(NamedTuple):
    """A button under a message; `value` is its callback_data, url or text to copy."""

    text: str
    value: str
    kind: str = "callback_data"
    style: str = ""


class Edit(NamedTuple):
    """What the text of a message became, and when."""

    time: float
    text: str


class Draft(NamedTuple):
    """A preview of an answer, as sendMessageDraft showed it."""

    id: int
    text: str
    time: float


@dataclass
class Poll:
    """A poll and its votes, by the id of the voter."""

    id: str
    question: Text
    options: list[Text]
    kind: str
    several: bool
    correct: list[int]
    explanation: Text
    description: str
    anonymous: bool
    revoting: bool
    shuffled: bool
    closed: bool
    period: int | None
    closes: float | None
    votes: dict[int, list[int]] = field(default_factory=dict)

    def persistent(self, index: int) -> str:
        return f"{self.id}-{index}"

    def json(self) -> Json:
        counts = [sum(index in chosen for chosen in self.votes.values()) for index in range(len(self.options))]
        out: Json = {
            "id": self.id,
            "question": self.question.text,
            "options": [
                {"persistent_id": self.persistent(index), "text": option.text, "voter_count": counts[index]}
                for index, option in enumerate(self.options)
            ],
            "total_voter_count": len(self.votes),
            "is_closed": self.closed,
            "is_anonymous": self.anonymous,
            "type": self.kind,
            "allows_multiple_answers": self.several,
            "allows_revoting": self.revoting,
            "members_only": False,
        }
        if self.kind == "quiz":
            out["correct_option_ids"] = self.correct
        if self.question.entities:
            out["question_entities"] = self.question.entities
        if self.explanation.text:
            out |= {"explanation": self.explanation.text, "explanation_entities": self.explanation.entities}
        if self.description:
            out["description"] = self.description
        if self.period:
            out["open_period"] = self.period
        if self.closes:
            out["close_date"] = int(self.closes)
        return out


@dataclass(eq=False)
class Message:
    """One message; `text` is the caption where there is a photo or a file."""

    id: int
    chat: Chat
    sender: Person | Literal["bot"]
    time: float
    text: str = ""
    entities: list[Json] = field(default_factory=list)
    markup: Json | None = None
    kind: str = "text"
    poll: Poll | None = None
    content: bytes = b""
    filename: str = ""
    album: str = ""  # that it is a part of
    reply_to: Message | None = None
    thread: int | None = None
    edits: list[Edit] = field(default_factory=list)
    edited: float = 0.0  # when the text or the buttons changed last
    original: str = ""
    reaction: list[str] = field(default_factory=list)
    deleted: bool = False
    update_id: int | None = None  # of the update that told the bot of it, if one did
    spoiler: bool = False

    def __post_init__(self) -> None:
        self.original = self.text

    @property
    def by_bot(self) -> bool:
        return self.sender == "bot"

    @property
    def buttons(self) -> list[list[Button]]:
        """The rows of buttons under the message."""
        rows = []
        for row in (self.markup or {}).get("inline_keyboard", []):
            shown = []
            for one in row:
                kind = next(key for key in ("callback_data", "url", "copy_text") if key in one)
                value = one[kind]["text"] if kind == "copy_text" else one[kind]
                shown.append(Button(one["text"], value, kind, one.get("style", "")))
            rows.append(shown)
        return rows

    @property
    def labels(self) -> list[str]:
        """What stands on the buttons, in order."""
        return [button.text for row in self.buttons for button in row]

    @property
    def versions(self) -> list[str]:
        """Each text this message has had, the first one first."""
        return [self.original, *(edit.text for edit in self.edits)]

    @property
    def photo(self) -> bytes | None:
        return self.content if self.kind == "photo" else None

    @property
    def document(self) -> bytes | None:
        return self.content if self.kind == "document" else None

    def covered(self, kind: str) -> list[str]:
        """The pieces of text under entities of a kind (`bold`, `text_link`, …)."""
        units = self.text.encode("utf-16-le")
        return [
            units[2 * one["offset"] : 2 * (one["offset"] + one["length"])].decode("utf-16-le")
            for one in self.entities
            if one["type"] == kind
        ]

    def json(self, deep: bool = True) -> Json:
        user = self.chat.world.bot if isinstance(self.sender, str) else self.sender.json()
        out: Json = {"message_id": self.id, "from": user, "chat": self.chat.json(), "date": int(self.time)}
        if self.edited:
            out["edit_date"] = int(self.edited)
        if self.kind == "text":
            out["text"] = self.text
        elif self.text:
            out["caption"] = self.text
        if self.entities:
            out["entities" if self.kind == "text" else "caption_entities"] = self.entities
        file: Json = {
            "file_id": f"{self.kind}-{self.chat.id}-{self.id}-{len(self.edits)}",
            "file_unique_id": f"u{self.chat.id}x{self.id}x{len(self.edits)}",
            "file_size": len(self.content),
        }
        match self.kind:
            case "photo":
                out["photo"] = [file | {"width": 90, "height": 60}, file | {"width": 900, "height": 600}]
                if self.spoiler:
                    out["has_media_spoiler"] = True
            case "document":
                out["document"] = file | {"file_name": self.filename}
            case "sticker":
                size = {"width": 512, "height": 512, "is_animated": False, "is_video": False, "type": "regular"}
                out["sticker"] = file | size | {"emoji": "🍋"}
            case "voice":
                out["voice"] = file | {"duration": 3, "mime_type": "audio/ogg"}
            case "poll":
                assert self.poll
                out["poll"] = self.poll.json()
        if self.markup and "inline_keyboard" in self.markup:
            out["reply_markup"] = self.markup
        if self.reply_to and deep:
            out["reply_to_message"] = self.reply_to.json(deep=False)
        if self.album:
            out["media_group_id"] = self.album
        if self.thread:
            out |= {"message_thread_id": self.thread, "is_topic_message": True}
        elif self.reply_to and not self.chat.private:
            # A supergroup calls a chain of replies a thread, though it has no topics.
            out["message_thread_id"] = self.root
        return out

    @property
    def root(self) -> int:
        return self.reply_to.root if self.reply_to else self.id

    def __str__(self) -> str:
        who = self.sender if isinstance(self.sender, str) else self.sender.name
        parts = [f"{self.id:>4} {who}{' (deleted)' if self.deleted else ''}:"]
        if self.kind != "text":
            parts.append(f"[{self.kind} {self.poll.question.text if self.poll else self.filename}]")
        parts.append(self.text if len(self.text) <= 300 else f"{self.text[:300]}…")
        parts += [" ".join(f"[{button.text}]" for button in row) for row in self.buttons]
        return " ".join(parts) + (f" (edited {len(self.edits)} times)" if self.edits else "")


@dataclass(eq=False)
class Press:
    """A button pressed; the client shows a spinner until the bot answers."""

    id: str
    person: Person
    message: Message
    data: str
    time: float
    answered: bool = False
    text: str = ""
    alert: bool = False


class Chat:
    """A private chat or a supergroup, with what stands in it."""

    def __init__(self, world: World, id: int, title: str, person: Person | None = None, forum: bool = False) -> None:
        self.world = world
        self.id = id
        self.title = title
        self.person = person  # of a private chat
        self.forum = forum
        self.history: list[Message] = []  # deleted ones too
        self.drafts: list[Draft] = []  # all that were shown
        self.actions: list[tuple[float, str]] = []
        self.members: list[Person] = [person] if person else []
        self.topics: dict[int, str] = {}
        self.hears_all = False  # the bot is an administrator, or privacy mode is off
        self.bot_inside = True
        self.menu_button: Json = {"type": "default"}
        self._draft_over = 0.0

    @property
    def private(self) -> bool:
        return self.person is not None

    @property
    def messages(self) -> list[Message]:
        """What stands in the chat now, in order."""
        return [message for message in self.history if not message.deleted]

    @property
    def by_bot(self) -> list[Message]:
        """The bot's messages that stand in the chat."""
        return [message for message in self.messages if message.by_bot]

    @property
    def last(self) -> Message:
        """The bot's last message."""
        assert self.by_bot, f"the bot has said nothing in {self.title}"
        return self.by_bot[-1]

    @property
    def draft(self) -> Draft | None:
        """The preview now shown: it ends with the next message of the bot, or after 30 seconds."""
        if not self.drafts or self.drafts[-1].time <= self._draft_over:
            return None
        return self.drafts[-1] if time.time() - self.drafts[-1].time < DRAFT_SECONDS else None

    def topic(self, title: str) -> int:
        """Opens a topic of a forum and gives its message_thread_id."""
        assert self.forum, f"{self.title} has no topics"
        with self.world.changed:
            thread = self.world.next_message(self)
            self.topics[thread] = title
            return thread

    def adds_bot(self, by: Person) -> None:
        with self.world.changed:
            self.bot_inside = True
            self.world.membership(self, by, "left", "member")

    def removes_bot(self, by: Person) -> None:
        with self.world.changed:
            self.bot_inside = False
            self.world.membership(self, by, "member", "kicked")

    def add(self, message: Message) -> Message:
        self.history.append(message)
        if message.by_bot:
            self._draft_over = time.time()
        self.world.changed.notify_all()
        return message

    def find(self, id: int) -> Message | None:
        return next((message for message in reversed(self.history) if message.id == id and not message.deleted), None)

    def json(self) -> Json:
        if self.person:
            out = {"id": self.id, "type": "private", "first_name": self.person.name}
            return out | ({"username": self.person.username} if self.person.username else {})
        return {"id": self.id, "type": "supergroup", "title": self.title} | ({"is_forum": True} if self.forum else {})

    def __str__(self) -> str:
        lines = [f"--- {self.title} ({self.id})", *map(str, self.history)]
        return "\n".join(lines + ([f"     draft: {self.draft.text!r}"] if self.draft else []))


class Person:
    """Somebody who talks with the bot: in the private chat, or in a group given as `in_`."""

    def __init__(self, world: World, id: int, name: str, language: str | None, username: str | None) -> None:
        self.world = world
        self.id = id
        self.name = name
        self.language = language
        self.username = username
        self.started = False  # has written to the bot, or pressed Start
        self.blocked = False
        self.chat = Chat(world, id, name, self)

    def says(
        self, text: str, *, in_: Chat | None = None, reply_to: Message | None = None, thread: int | None = None,
        heard: bool = False,
    ) -> Message:  # fmt: skip
        """Sends a text. `heard` brings it to the bot whatever privacy mode says."""
        text = text.strip()
        assert 1 <= length(text) <= TEXT, "no client sends an empty text or one this long"
        return self._send(in_, heard, text=text, entities=noticed(text), reply_to=reply_to, thread=thread)

    def sends_photo(
        self, caption: str = "", *, in_: Chat | None = None, reply_to: Message | None = None, heard: bool = False,
        content: bytes = b"\x89PNG", album: str = "",
    ) -> Message:  # fmt: skip
        entities = noticed(caption)
        return self._send(
            in_, heard, kind="photo", text=caption, entities=entities, reply_to=reply_to, content=content, album=album
        )  # fmt: skip

    def sends_document(
        self, filename: str, content: bytes = b"", caption: str = "", *, in_: Chat | None = None, heard: bool = False
    ) -> Message:
        entities = noticed(caption)
        return self._send(in_, heard, kind="document", text=caption, entities=entities, filename=filename, content=content)

    def sends_sticker(self, *, in_: Chat | None = None, reply_to: Message | None = None, heard: bool = False) -> Message:
        return self._send(in_, heard, kind="sticker", content=b"RIFF", reply_to=reply_to)

    def sends_voice(self, *, in_: Chat | None = None, reply_to: Message | None = None, heard: bool = False) -> Message:
        return self._send(in_, heard, kind="voice", content=b"OggS", reply_to=reply_to)

    def edits(self, message: Message, text: str, *, heard: bool = False) -> None:
        """Changes an own message."""
        with self.world.changed:
            assert message in message.chat.messages, f"{message} is no longer there"
            assert message.sender is self, "people edit their own messages"
            message.text, message.entities = text, noticed(text)
            message.edited = time.time()
            message.edits.append(Edit(message.edited, text))
            if heard or self.world.hears(message):
                self.world.emit("edited_message", message.json())

    def deletes(self, message: Message) -> None:
        """Takes a message away; the bot is not told."""
        with self.world.changed:
            message.deleted = True
            self.world.changed.notify_all()

    def presses(self, message: Message, button: str) -> Press:
        """Presses the button with this label or callback_data."""
        with self.world.changed:
            assert not message.deleted, f"{message} is no longer there"
            there = [one for row in message.buttons for one in row if one.kind == "callback_data"]
            found = next((one for one in there if button in (one.text, one.value)), None)
            assert found, f"no button {button!r} under: {message}"
            press = Press(self.world.fresh("query"), self, message, found.value, time.time())
            self.world.presses.append(press)
            query = {"id": press.id, "from": self.json(), "message": message.json(), "chat_instance": f"i{message.chat.id}"}
            self.world.emit("callback_query", query | {"data": press.data})
            return press

    def votes(self, message: Message, options: Sequence[int]) -> None:
        """Chooses answers of a poll, by their places in the call that sent it."""
        with self.world.changed:
            self.world.tick()
            poll = message.poll
            assert poll, f"this is no poll: {message}"
            assert not poll.closed, "the poll is closed"
            assert set(options) <= set(range(len(poll.options))), f"the poll has no options {options}"
            assert options, "a vote is for something"
            assert len(options) == 1 or poll.several, "this poll takes one answer"
            assert poll.revoting or self.id not in poll.votes, "no client lets one vote twice in this poll"
            self._vote(poll, sorted(options))

    def retracts(self, message: Message) -> None:
        """Takes the vote back, where the poll allows it."""
        with self.world.changed:
            poll = message.poll
            assert poll, f"this is no poll: {message}"
            assert self.id in poll.votes, f"{self.name} has not voted"
            assert poll.revoting, "this poll takes no vote back"
            assert not poll.closed, "the poll is closed"
            self._vote(poll, [])

    def reacts(self, message: Message, emoji: str = "👍") -> None:
        with self.world.changed:
            new = [{"type": "emoji", "emoji": emoji}]
            who = {"chat": message.chat.json(), "message_id": message.id, "user": self.json(), "date": int(time.time())}
            self.world.emit("message_reaction", who | {"old_reaction": [], "new_reaction": new})

    def blocks(self) -> None:
        """Stops the bot in the private chat."""
        with self.world.changed:
            self.blocked = True
            self.world.membership(self.chat, self, "member", "kicked")

    def unblocks(self) -> None:
        with self.world.changed:
            self.blocked = False
            self.world.membership(self.chat, self, "kicked", "member")

    @property
    def messages(self) -> list[Message]:
        """What stands in the private chat."""
        return self.chat.messages

    def sees(self, in_: Chat | None = None) -> list[str]:
        """The texts of the bot's messages that stand in the chat."""
        return [message.text for message in (in_ or self.chat).by_bot]

    def json(self) -> Json:
        out: Json = {"id": self.id, "is_bot": False, "first_name": self.name}
        for key, value in (("username", self.username), ("language_code", self.language)):
            out |= {key: value} if value else {}
        return out

    def _vote(self, poll: Poll, options: list[int]) -> None:
        if options:
            poll.votes[self.id] = options
        else:
            del poll.votes[self.id]
        if not poll.anonymous:
            answer = {"poll_id": poll.id, "user": self.json(), "option_ids": options}
            self.world.emit("poll_answer", answer | {"option_persistent_ids": [poll.persistent(one) for one in options]})
        self.world.emit("poll", poll.json())

    def _send(self, in_: Chat | None, heard: bool, **what: Any) -> Message:
        chat = in_ or self.chat
        with self.world.changed:
            assert not (chat.private and self.blocked), f"{self.name} has blocked the bot"
            assert self in chat.members, f"{self.name} is not in {chat.title}"
            if chat.private:
                self.started = True
            message = chat.add(Message(self.world.next_message(chat), chat, self, time.time(), **what))
            if message.thread is None and message.reply_to:
                message.thread = message.reply_to.thread
            if heard or self.world.hears(message):
                message.update_id = self.world.emit("message", message.json())
            return message


def noticed(text: str) -> list[Json]:
    """The entities a client finds in what somebody typed: commands, mentions and addresses."""
    found = []
    for kind, pattern in (
        ("bot_command", r"(?<![\w/@<])/[A-Za-z0-9_]{1,64}(@\w{3,32})?(?![\w/])"),
        ("mention", r"(?<![\w/@])@[A-Za-z]\w{3,31}"),
        ("url", r"https?://[^\s，。]+"),
    ):
        for one in re.finditer(pattern, text, re.ASCII if kind != "url" else 0):
            found.append({"type": kind, "offset": length(text[: one.start()]), "length": length(one.group())})
    return sorted(found, key=lambda entity: entity["offset"])


class World:
    """Everything Telegram knows. It outlives the bot, so a killed bot finds again what it had not confirmed."""

    def __init__(self, username: str, privacy: bool = True) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.privacy = privacy
        self.bot: Json = {"id": 123456, "is_bot": True, "first_name": "Lemon", "username": username}
        self.people: dict[int, Person] = {}
        self.chats: dict[int, Chat] = {}
        self.pending: list[Json] = []  # updates not yet confirmed
        self.allowed = UPDATES - SILENT
        self.presses: list[Press] = []
        self.polls: dict[str, Message] = {}
        self.commands: dict[tuple[tuple[Any, ...], str], list[Json]] = {}
        self.profile: dict[tuple[str, str], str] = {}  # ("description", language) → text
        self.menu_button: Json = {"type": "default"}
        self._update_id = 870_000_000
        self._ids: dict[int, int] = {}
        self._fresh = 0

    # What tests use.

    def person(self, id: int, name: str = "Anna", language: str | None = "zh-hans", username: str | None = None) -> Person:
        """Somebody with a private chat of the same id; the bot may write only after they did."""
        with self.changed:
            assert id > 0, "people have positive ids"
            assert id not in self.people, f"there is a person {id} already"
            person = Person(self, id, name, language, username)
            self.people[id], self.chats[id] = person, person.chat
            return person

    def group(
        self, id: int, title: str = "class", members: Sequence[Person] = (), forum: bool = False, hears_all: bool = False
    ) -> Chat:
        """A supergroup with the bot in it; `hears_all` turns privacy mode off there."""
        with self.changed:
            assert id < 0, "groups have negative ids"
            assert id not in self.chats, f"there is a chat {id} already"
            chat = self.chats[id] = Chat(self, id, title, forum=forum)
            chat.members, chat.hears_all = list(members), hears_all
            return chat

    @property
    def unanswered(self) -> list[Press]:
        """Buttons that still show a spinner."""
        return [press for press in self.presses if not press.answered]

    # What the parts of the double use.

    def emit(self, kind: str, what: Json) -> int | None:
        """Puts an update in the queue, if the bot wants this kind."""
        with self.changed:
            if kind not in self.allowed:
                return None
            self._update_id += 1
            self.pending.append({"update_id": self._update_id, kind: what})
            self.changed.notify_all()
            return self._update_id

    def membership(self, chat: Chat, by: Person, old: str, new: str) -> None:
        states = [{"user": self.bot, "status": one} | ({"until_date": 0} if one == "kicked" else {}) for one in (old, new)]
        who = {"chat": chat.json(), "from": by.json(), "date": int(time.time())}
        self.emit("my_chat_member", who | {"old_chat_member": states[0], "new_chat_member": states[1]})

    def hears(self, message: Message) -> bool:
        """Whether the bot is told of a message: always in private, in groups as privacy mode has it."""
        chat = message.chat
        if chat.private:
            return True
        if not chat.bot_inside:
            return False
        if chat.hears_all or not self.privacy or (message.reply_to and message.reply_to.by_bot):
            return True
        name = "@" + self.bot["username"].lower()
        if any(one.lower() == name for one in message.covered("mention")):
            return True
        command = re.match(r"/\w+(@\w+)?", message.text)
        return bool(command and (command.group(1) or name).lower() == name)

    def next_message(self, chat: Chat) -> int:
        """Private chats share one row of ids, each supergroup has its own: an id alone names no message."""
        row = 0 if chat.private else chat.id
        self._ids[row] = self._ids.get(row, 0) + 1
        return self._ids[row]

    def fresh(self, what: str) -> str:
        self._fresh += 1
        return f"{what}{self._fresh:06}"

    def tick(self) -> None:
        """Closes the polls whose time is over."""
        now = time.time()
        for message in self.polls.values():
            poll = message.poll
            if poll and not poll.closed and poll.closes and poll.closes <= now:
                poll.closed = True
                self.emit("poll", poll.json())
