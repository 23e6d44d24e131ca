"""The HTTP address: pages about the process always, and Telegram's webhook when it has a URL."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from telegram import Bot, Update
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from bot.errors import Unkept
from bot.frontends.telegram.health import Tell

LARGEST = 1_000_000  # bytes of one request
PATIENCE = 60  # seconds for one request to come
SECRET = "X-Telegram-Bot-Api-Secret-Token"


@dataclass(frozen=True)
class Webhook:
    """Where Telegram knocks, and what it says at the door."""

    url: str
    secret: str


class Page(RequestHandler):
    """Tells what somebody else knows."""

    def initialize(self, tell: Tell) -> None:
        self.tell = tell

    async def get(self) -> None:
        status, body, kind = await self.tell(self.request.headers.get("Accept", ""))
        self.set_status(status)
        self.set_header("Content-Type", kind)
        await self.finish(body)


class Knock(RequestHandler):
    """Takes one update; it is stored before Telegram hears `200`."""

    def initialize(self, bot: Bot, secret: str, take: Callable[[Update], Awaitable[None]]) -> None:
        self.bot, self.secret, self.take = bot, secret, take

    async def post(self) -> None:
        said = self.request.headers.get(SECRET, "")
        if not hmac.compare_digest(said.encode(), self.secret.encode()):
            self.set_status(403)
            return
        try:
            update = Update.de_json(json.loads(self.request.body), self.bot)
        except (ValueError, TypeError, KeyError, AttributeError):
            self.set_status(400)
            return
        try:
            await self.take(update)
        except Unkept:
            self.set_status(503)  # Telegram comes again


def open_door(
    address: tuple[str, int],
    pages: Mapping[str, Tell],
    webhook: Webhook | None,
    bot: Bot,
    take: Callable[[Update], Awaitable[None]],
) -> Callable[[], None]:
    """Listens at `address` (host, port); calling the result ends it. `pages`: by path. Raises OSError where it is taken."""
    handlers: list[Any] = [(re.escape(path), Page, {"tell": tell}) for path, tell in pages.items()]
    if webhook:
        known = {"bot": bot, "secret": webhook.secret, "take": take}
        handlers.append((re.escape(urlsplit(webhook.url).path or "/"), Knock, known))
    application = Application(handlers, log_function=lambda handler: None)  # who knocks in vain is no news
    server = HTTPServer(
        application,
        max_body_size=LARGEST,
        max_buffer_size=LARGEST,
        idle_connection_timeout=PATIENCE,
        body_timeout=PATIENCE,
    )
    server.listen(address[1], address[0])
    return server.stop
