"""The methods of the Bot API, each as strict as Telegram is."""

from __future__ import annotations

import time
from typing import Any

from tests.botapi import rules, texts
from tests.botapi.refusals import Json, Refused, Surprise, keys
from tests.botapi.rules import Upload
from tests.botapi.texts import Text
from tests.botapi.world import Chat, Draft, Edit, Message, Poll, World

NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current content and"
    " reply markup of the message"
)
QUERY_LIFE = 30.0  # seconds in which a callback query takes an answer


class Methods:
    """Carries out calls whose parameters are in their kinds already; `notes` becomes surprises."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.notes: list[str] = []

    def call(self, method: str, params: Json) -> Any:
        return getattr(self, method)(params)

    # ---- sending ----

    def sendMessage(self, p: Json) -> Json:
        chat = self._write(p)
        self._link_preview(p)
        text = self._text(p)
        return self._add(chat, p, text=text.text, entities=text.entities).json()

    def sendPhoto(self, p: Json) -> Json:
        return self._media("photo", p)

    def sendDocument(self, p: Json) -> Json:
        return self._media("document", p)

    def sendPoll(self, p: Json) -> Json:
        chat = self._write(p)
        shape = rules.poll(p, time.time(), self.notes)
        if shape["closed"]:
            self.notes.append("a poll was sent closed")
        poll = Poll(id=self.world.fresh("poll"), **shape)
        message = self._add(chat, p, kind="poll", poll=poll)
        self.world.polls[poll.id] = message
        return message.json()

    def stopPoll(self, p: Json) -> Json:
        chat = self._write(p)
        message = self._own(chat, p, "message with poll to stop not found", "poll can't be stopped")
        if not message.poll:
            raise Refused("message with poll to stop not found")
        if message.poll.closed:
            raise Refused("poll has already been closed")
        message.markup = rules.markup(p.get("reply_markup"), inline_only=True)
        message.poll.closed = True
        self.world.emit("poll", message.poll.json())
        return message.poll.json()

    def sendMessageDraft(self, p: Json) -> bool:
        chat = self._write(p)
        if p["draft_id"] == 0:
            raise Refused("draft_id must be a non-zero integer")
        if not chat.private:
            raise Refused("TEXTDRAFT_PEER_INVALID")
        text = texts.read(
            p.get("text", ""), p.get("parse_mode"), p.get("entities"), rules.TEXT, "message is too long", None, self.notes
        )
        chat.drafts.append(Draft(p["draft_id"], text.text, time.time()))
        return True

    def sendChatAction(self, p: Json) -> bool:
        chat = self._write(p)
        if p["action"] not in rules.ACTIONS:
            raise Refused("wrong parameter action in request")
        chat.actions.append((time.time(), p["action"]))
        return True

    # ---- editing ----

    def editMessageText(self, p: Json) -> Json:
        chat = self._write(p)
        self._link_preview(p)
        text = self._text(p)
        message = self._editable(chat, p)
        if message.kind != "text":
            raise Refused("there is no text in the message to edit")
        return self._change(message, p, text)

    def editMessageCaption(self, p: Json) -> Json:
        chat = self._write(p)
        text = self._caption(p)
        message = self._editable(chat, p)
        if message.kind not in ("photo", "document"):
            raise Refused("there is no caption in the message to edit")
        return self._change(message, p, text)

    def editMessageMedia(self, p: Json) -> Json:
        chat = self._write(p)
        media = keys(
            "InputMedia", p["media"],
            "type", "media", "caption", "parse_mode", "caption_entities", "has_spoiler", "show_caption_above_media",
        )  # fmt: skip
        if media.get("type") not in ("photo", "document"):
            raise Surprise(f"can't parse InputMedia: type {media.get('type')!r}")
        content, filename = self._content(media.get("media"), p)
        if media["type"] == "photo":
            rules.photo(content)
        message = self._editable(chat, p)
        if message.poll:
            raise Refused("message can't be edited")
        if message.kind == "text":
            raise Refused("there is no media in the message to edit")
        return self._change(message, p, self._caption(media), (media["type"], content, filename))

    def editMessageReplyMarkup(self, p: Json) -> Json:
        message = self._editable(self._write(p), p)
        return self._change(message, p, Text(message.text, message.entities))

    def deleteMessage(self, p: Json) -> bool:
        chat = self._write(p)
        message = chat.find(p["message_id"])
        if not message:
            raise Refused("message to delete not found")
        if not message.by_bot and not chat.private:
            raise Refused("message can't be deleted")
        message.deleted = True
        return True

    def setMessageReaction(self, p: Json) -> bool:
        message = self._write(p).find(p["message_id"])
        if not message:
            raise Refused("message to react not found")
        message.reaction = rules.reaction(p.get("reaction"))
        return True

    def answerCallbackQuery(self, p: Json) -> bool:
        text = p.get("text", "")
        if texts.length(text) > 200:
            raise Refused("MESSAGE_TOO_LONG")
        press = next((one for one in self.world.presses if one.id == p["callback_query_id"]), None)
        if not press or press.answered or time.time() - press.time > QUERY_LIFE:
            raise Refused("query is too old and response timeout expired or query ID is invalid")
        press.answered, press.text, press.alert = True, text, p.get("show_alert", False)
        return True

    # ---- the bot itself ----

    def getMe(self, p: Json) -> Json:
        flags = {
            "can_join_groups": True, "can_read_all_group_messages": not self.world.privacy, "supports_inline_queries": False,
            "can_connect_to_business": False, "has_main_web_app": False,
        }  # fmt: skip
        return self.world.bot | flags

    def setMyCommands(self, p: Json) -> bool:
        given = rules.commands(p["commands"])
        self.world.commands[self._scope(p)] = given
        if not given:
            del self.world.commands[self._scope(p)]
        return True

    def getMyCommands(self, p: Json) -> list[Json]:
        return self.world.commands.get(self._scope(p), [])

    def deleteMyCommands(self, p: Json) -> bool:
        self.world.commands.pop(self._scope(p), None)
        return True

    def setMyName(self, p: Json) -> bool:
        return self._describe("name", p, 64)

    def getMyName(self, p: Json) -> Json:
        return {"name": self._described("name", p) or self.world.bot["first_name"]}

    def setMyDescription(self, p: Json) -> bool:
        return self._describe("description", p, 512)

    def getMyDescription(self, p: Json) -> Json:
        return {"description": self._described("description", p)}

    def setMyShortDescription(self, p: Json) -> bool:
        return self._describe("short_description", p, 120)

    def getMyShortDescription(self, p: Json) -> Json:
        return {"short_description": self._described("short_description", p)}

    def setChatMenuButton(self, p: Json) -> bool:
        button = keys("MenuButton", p.get("menu_button", {"type": "default"}), "type")
        if button.get("type") not in ("default", "commands"):
            raise Surprise(f"can't parse MenuButton: type {button.get('type')!r}")
        if "chat_id" in p:
            self._private(p).menu_button = button
        else:
            self.world.menu_button = button
        return True

    def getChatMenuButton(self, p: Json) -> Json:
        return self._private(p).menu_button if "chat_id" in p else self.world.menu_button

    # ---- chats ----

    def getChat(self, p: Json) -> Json:
        chat = self._chat(p)
        gifts = dict.fromkeys(
            ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"), False
        )
        return chat.json() | {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": gifts}

    def getChatMember(self, p: Json) -> Json:
        chat = self._chat(p)
        if p["user_id"] == self.world.bot["id"]:
            return {"user": self.world.bot, "status": "member"}
        person = self.world.people.get(p["user_id"])
        if not person:
            raise Refused("PARTICIPANT_ID_INVALID")
        return {"user": person.json(), "status": "member" if person in chat.members else "left"}

    def leaveChat(self, p: Json) -> bool:
        chat = self._chat(p)
        if chat.private:
            raise Refused("chat member status can't be changed in private chats")
        chat.bot_inside = False
        return True

    # ---- shared ----

    def _chat(self, p: Json) -> Chat:
        given = p["chat_id"]
        if isinstance(given, str):
            found = next((one for one in self.world.people.values() if f"@{one.username}".lower() == given.lower()), None)
            given = found.id if found else 0
        chat = self.world.chats.get(given)
        if not chat:
            raise Refused("chat not found")
        if not chat.bot_inside:
            raise Refused("bot was kicked from the supergroup chat", 403)
        return chat

    def _write(self, p: Json) -> Chat:
        """A chat the bot may write in."""
        chat = self._chat(p)
        if chat.person:
            if chat.person.blocked:
                raise Refused("bot was blocked by the user", 403)
            if not chat.person.started:
                raise Refused("bot can't initiate conversation with a user", 403)
        if p.get("message_thread_id") and p["message_thread_id"] not in chat.topics:
            raise Refused("message thread not found")
        return chat

    def _private(self, p: Json) -> Chat:
        chat = self._chat(p)
        if not chat.private:
            raise Refused("chat is not a private chat")
        return chat

    def _text(self, p: Json) -> Text:
        return texts.read(
            p["text"], p.get("parse_mode"), p.get("entities"),
            rules.TEXT, "message is too long", "message text is empty", self.notes,
        )  # fmt: skip

    def _caption(self, p: Json) -> Text:
        return texts.read(
            p.get("caption", ""), p.get("parse_mode"), p.get("caption_entities"),
            rules.CAPTION, "message caption is too long", None, self.notes,
        )  # fmt: skip

    def _link_preview(self, p: Json) -> None:
        if "link_preview_options" in p:
            keys(
                "LinkPreviewOptions", p["link_preview_options"],
                "is_disabled", "url", "prefer_small_media", "prefer_large_media", "show_above_text",
            )  # fmt: skip

    def _content(self, given: Any, p: Json) -> tuple[bytes, str]:
        """The bytes of a file that was uploaded, or of one that is known."""
        upload = p.get(given) if isinstance(given, str) and given.startswith("attach://") else given
        if isinstance(upload, Upload):
            if not upload.content:
                raise Refused("file must be non-empty")
            return upload.content, upload.name
        for chat in self.world.chats.values():
            for message in chat.history:
                shown = message.json()
                files = [*shown.get("photo", []), shown.get("document", {})]
                if any(file.get("file_id") == given for file in files):
                    return message.content, message.filename
        raise Refused("wrong file identifier/HTTP URL specified")

    def _media(self, kind: str, p: Json) -> Json:
        chat = self._write(p)
        content, filename = self._content(p[kind], p)
        text = self._caption(p)
        if kind == "photo" and len(content) > 10 * 2**20:
            raise Refused("file is too big")
        if kind == "photo":
            rules.photo(content)
        message = self._add(
            chat, p, kind=kind, text=text.text, entities=text.entities, content=content, filename=filename,
            spoiler=p.get("has_spoiler", False),
        )  # fmt: skip
        return message.json()

    def _add(self, chat: Chat, p: Json, **what: Any) -> Message:
        markup = rules.markup(p.get("reply_markup"))
        reply = self._replied(chat, p)
        thread = p.get("message_thread_id") or (reply.thread if reply else None)
        id = self.world.next_message(chat)
        return chat.add(Message(id, chat, "bot", time.time(), markup=markup, reply_to=reply, thread=thread, **what))

    def _replied(self, chat: Chat, p: Json) -> Message | None:
        if "reply_parameters" not in p:
            return None
        given = keys(
            "ReplyParameters", p["reply_parameters"],
            "message_id", "chat_id", "allow_sending_without_reply", "quote", "quote_parse_mode", "quote_entities",
            "quote_position",
        )  # fmt: skip
        if type(given.get("message_id")) is not int:
            raise Surprise("can't parse ReplyParameters: message_id is not an integer")
        if given.get("chat_id", chat.id) != chat.id:
            raise Surprise("a reply to a message of another chat")
        message = chat.find(given["message_id"])
        if not message and not given.get("allow_sending_without_reply"):
            raise Refused("message to be replied not found")
        if message and given.get("quote") and given["quote"] not in message.text:
            raise Refused("QUOTE_TEXT_INVALID")
        return message

    def _own(self, chat: Chat, p: Json, missing: str, foreign: str) -> Message:
        message = chat.find(p["message_id"])
        if not message:
            raise Refused(missing)
        if not message.by_bot:
            raise Refused(foreign)
        return message

    def _editable(self, chat: Chat, p: Json) -> Message:
        message = self._own(chat, p, "message to edit not found", "message can't be edited")
        if message.markup and "inline_keyboard" not in message.markup:
            raise Refused("message can't be edited")
        return message

    def _change(self, message: Message, p: Json, text: Text, media: tuple[str, bytes, str] | None = None) -> Json:
        markup = rules.markup(p.get("reply_markup"), inline_only=True)
        media = media or (message.kind, message.content, message.filename)
        shown = (text.text, text.entities, media)
        if shown == (message.text, message.entities, (message.kind, message.content, message.filename)):
            if markup == message.markup:
                raise Refused(NOT_MODIFIED)
        else:
            message.edits.append(Edit(time.time(), text.text))
        message.text, message.entities, message.markup, message.edited = text.text, text.entities, markup, time.time()
        message.kind, message.content, message.filename = media
        return message.json()

    def _scope(self, p: Json) -> tuple[tuple[Any, ...], str]:
        scope = rules.scope(p.get("scope"))
        if len(scope) > 1 and scope[1] not in self.world.chats:
            raise Refused("chat not found")
        return scope, rules.language(p.get("language_code", ""))

    def _describe(self, what: str, p: Json, most: int) -> bool:
        text = p.get(what, "").strip()
        if texts.length(text) > most:
            raise Refused(f"bot {what.replace('_', ' ')} is too long")
        self.world.profile[what, rules.language(p.get("language_code", ""))] = text
        return True

    def _described(self, what: str, p: Json) -> str:
        return self.world.profile.get((what, rules.language(p.get("language_code", ""))), "")
