"""Reads an update: who said what where. What is not addressed to the bot is not heard."""

from __future__ import annotations

from dataclasses import dataclass

from telegram import CallbackQuery, ChatMemberUpdated, Message, MessageEntity, PollAnswer, Update, User
from telegram.constants import ChatMemberStatus, ChatType

from bot.intents import BOARD, COMMANDS, parse
from bot.knowledge.schema import Language

WORDLESS = "/media"  # what somebody says who sends a picture and no words
AWAY = (ChatMemberStatus.LEFT, ChatMemberStatus.BANNED)


@dataclass(frozen=True)
class Heard:
    """One thing that somebody said or pressed."""

    person: int
    chat: int
    text: str
    language: Language | None = None  # of the person's client
    message: int | None = None  # in a group, the message to answer to
    thread: int | None = None  # the topic of a group
    press: str | None = None  # the button press to acknowledge
    board: int | None = None  # the message with that button, where the answer takes its place
    poll: str | None = None  # the poll that was voted in; `text` holds the position of the option
    came: bool = False  # into this group, just now

    @property
    def private(self) -> bool:
        return self.person == self.chat


def hear(update: Update, me: User) -> Heard | None:
    """What `update` says to the bot `me`; None where it says nothing to it."""
    if update.callback_query:
        return _pressed(update.callback_query)
    if update.poll_answer:
        return _voted(update.poll_answer)
    if update.my_chat_member:
        return _added(update.my_chat_member)
    if update.message:
        return _said(update.message, me)
    edited = update.edited_message
    if edited and edited.chat.type == ChatType.PRIVATE and (edited.text or edited.caption):  # no place that moves on
        return _said(edited, me)
    return None


def _language(user: User) -> Language | None:
    code = user.language_code
    return None if not code else "zh" if code.lower().startswith("zh") else "en"


def _pressed(query: CallbackQuery) -> Heard | None:
    message = query.message
    if not message or not query.data:
        return None
    group = message.chat.type != ChatType.PRIVATE
    return Heard(
        person=query.from_user.id,
        chat=message.chat.id,
        text=query.data,
        language=_language(query.from_user),
        message=message.message_id if group else None,
        thread=_thread(message) if isinstance(message, Message) else None,
        press=query.id,
        board=message.message_id if parse(query.data).name in BOARD else None,
    )


def _voted(vote: PollAnswer) -> Heard | None:
    if not vote.user or not vote.option_ids:  # a vote taken back
        return None
    option = str(vote.option_ids[0] + 1)
    return Heard(vote.user.id, vote.user.id, option, _language(vote.user), poll=vote.poll_id)


def _added(member: ChatMemberUpdated) -> Heard | None:
    """Somebody took the bot into a group."""
    came = member.old_chat_member.status in AWAY and member.new_chat_member.status not in AWAY
    if not came or member.chat.type not in (ChatType.GROUP, ChatType.SUPERGROUP):
        return None
    return Heard(member.from_user.id, member.chat.id, "/start", _language(member.from_user), came=True)


def _said(message: Message, me: User) -> Heard | None:
    user, text = message.from_user, message.text or message.caption or ""
    if user is None or (user.is_bot and not message.sender_chat) or message.chat.type == ChatType.CHANNEL:
        return None
    if message.chat.type == ChatType.PRIVATE:
        if not text and message.effective_attachment is None:
            return None  # a pinned message, a changed picture
        return Heard(user.id, message.chat.id, text or WORDLESS, _language(user))
    words = _addressed(message, text, me)
    if not words:
        return None
    return Heard(user.id, message.chat.id, words, _language(user), message.message_id, _thread(message))


def _thread(message: Message) -> int | None:
    return message.message_thread_id if message.is_topic_message else None


def _addressed(message: Message, text: str, me: User) -> str:
    """What is said to the bot in a group: a command of its own, a mention, or a reply to it; '' if nothing is."""
    entities = message.parse_entities() if message.text else message.parse_caption_entities()
    for entity, words in entities.items():
        if entity.type == MessageEntity.BOT_COMMAND and entity.offset == 0:
            name, _, whose = words[1:].partition("@")
            known = name.lower() in COMMANDS
            return text if (whose.lower() == str(me.username).lower() if whose else known) else ""
    for entity, words in entities.items():
        if entity.type == MessageEntity.MENTION and words[1:].lower() == str(me.username).lower():
            return text.replace(words, " ").strip() or "/start"
    answered = message.reply_to_message
    if answered and answered.from_user and answered.from_user.id == me.id:
        return text if parse(text).name != "unknown" else ""
    return ""
