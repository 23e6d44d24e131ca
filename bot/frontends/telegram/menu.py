"""The commands and descriptions that Telegram shows, per language and scope; sent only when they have changed."""

from __future__ import annotations

import hashlib
import json
import logging

from telegram import Bot, BotCommand, BotCommandScope, BotCommandScopeAllGroupChats, BotCommandScopeDefault
from telegram.error import TelegramError

from bot.intents import COMMANDS
from bot.knowledge.base import Knowledge
from bot.knowledge.schema import LANGUAGES, Language
from bot.store.inbox import Inbox

log = logging.getLogger(__name__)
IN_GROUPS = ("ask", "compare", "map", "quiz", "progress", "help", "cancel")


async def show(bot: Bot, knowledge: Knowledge, house: Language, inbox: Inbox) -> None:
    """Registers everything; where Telegram will not have it now, the next start tries again."""
    languages: tuple[tuple[str, Language], ...] = (("", house), *((each, each) for each in LANGUAGES))
    scopes: tuple[tuple[BotCommandScope, tuple[str, ...]], ...] = (
        (BotCommandScopeDefault(), COMMANDS),
        (BotCommandScopeAllGroupChats(), IN_GROUPS),
    )
    menus = [
        (scope, code, [BotCommand(name, knowledge.say(f"help.{name}", language)) for name in names])
        for scope, names in scopes
        for code, language in languages
    ]
    texts = [
        (code, knowledge.say("about.short", language), knowledge.say("about.long", language)) for code, language in languages
    ]
    everything = json.dumps([[each.to_dict() for each in menu] for _, _, menu in menus] + [list(each) for each in texts])
    fingerprint = f"{bot.id} {hashlib.sha256(everything.encode()).hexdigest()}"
    if await inbox.mark("menu") == fingerprint:
        return
    try:
        for scope, code, menu in menus:
            await bot.set_my_commands(menu, scope=scope, language_code=code or None)
        for code, short, long in texts:
            await bot.set_my_short_description(short, language_code=code or None)
            await bot.set_my_description(long, language_code=code or None)
    except TelegramError:
        log.warning("the menu could not be registered; the next start tries again")
        return
    await inbox.mark("menu", fingerprint)
