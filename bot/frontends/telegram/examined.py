"""Looks at everything between the bot and Telegram, for the operator who wants to know what is wrong."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from telegram import Bot, WebhookInfo
from telegram.error import InvalidToken, TelegramError

from bot.frontends.telegram.wire import CONNECT, Wire
from bot.settings import Settings

Found = tuple[str, bool, dict[str, object]]  # key of the sentence, whether all is well, its words
PATIENCE = 20.0  # seconds for one call
APART = 30.0  # seconds that two clocks may differ
RECENT = 3600.0  # seconds that a failed call of Telegram's matters


async def examine(settings: Settings) -> AsyncIterator[Found]:
    """Proxy, token, webhook, clock; what cannot be known while Telegram is away is left out."""
    if not settings.telegram_bot_token:
        yield "token.none", False, {}
        return
    wire = Wire(settings.bot_proxy)
    root = settings.telegram_base_url.rstrip("/")
    bot = Bot(settings.telegram_bot_token.get_secret_value(), f"{root}/bot", f"{root}/file/bot", wire, Wire(settings.bot_proxy))
    try:
        await wire.initialize()
        async for found in _asked(settings, bot, wire):
            yield found
    finally:
        await wire.shutdown()


async def _asked(settings: Settings, bot: Bot, wire: Wire) -> AsyncIterator[Found]:
    known = True
    try:
        async with asyncio.timeout(PATIENCE):
            me = await bot.get_me()
        yield _proxy(settings)
        yield "token", True, {"name": me.username}
    except InvalidToken:
        known = False
        yield _proxy(settings)
        yield "token.refused", False, {}
    except (TelegramError, TimeoutError) as fault:
        if settings.bot_proxy and not await _listens(settings.bot_proxy):
            yield "proxy.away", False, {}
        elif settings.bot_proxy:
            yield "telegram.proxy", False, {}
        elif "no answer of Telegram" in str(fault):
            yield "telegram.other", False, {}
        elif any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
            yield "telegram.unproxied", False, {}
        else:
            yield "telegram.away", False, {}
        return
    if known:
        try:
            async with asyncio.timeout(PATIENCE):
                yield _webhook(settings, await bot.get_webhook_info())
        except (TelegramError, TimeoutError):
            yield "telegram.away", False, {}
    if wire.date and (told := _time(wire.date)):
        apart = abs(time.time() - told)
        yield ("clock", True, {}) if apart <= APART else ("clock.wrong", False, {"seconds": round(apart)})


def _proxy(settings: Settings) -> Found:
    return ("proxy" if settings.bot_proxy else "proxy.none"), True, {}


def _webhook(settings: Settings, info: WebhookInfo) -> Found:
    """Whether updates can come the way that the settings want."""
    waiting: dict[str, object] = {"waiting": info.pending_update_count}
    if not settings.bot_webhook_url:
        return ("webhook.elsewhere" if info.url else "webhook.none"), True, waiting
    if not settings.bot_listen:
        return "webhook.nowhere", False, {}
    failed = info.last_error_date
    if info.url == settings.bot_webhook_url and failed and time.time() - failed.timestamp() < RECENT:
        return "webhook.failing", False, {"reason": info.last_error_message, **waiting}
    return ("webhook" if info.url == settings.bot_webhook_url else "webhook.soon"), True, waiting


async def _listens(proxy: str) -> bool:
    """Whether anything answers at the proxy's address."""
    place = urlsplit(proxy)
    port = place.port or {"http": 80, "https": 443}.get(place.scheme, 1080)
    try:
        async with asyncio.timeout(CONNECT):
            _, writer = await asyncio.open_connection(place.hostname, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def _time(date: str) -> float | None:
    """Seconds since 1970; None where the words are no date."""
    try:
        told: datetime = parsedate_to_datetime(date)
    except ValueError:
        return None
    return told.timestamp()
