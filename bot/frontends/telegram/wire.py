"""The way to Telegram: python-telegram-bot's requests, carried by aiohttp for a quarter of the work that httpx makes of one."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Awaitable, Callable
from functools import cache, partial
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import certifi
from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, FormData, TCPConnector
from telegram.error import NetworkError, RetryAfter, TimedOut
from telegram.request import BaseRequest, RequestData

CONNECTIONS = 64
TURN = 30.0  # seconds to wait for one of them
CONNECT, READ, WRITE, UPLOAD = 5.0, 5.0, 5.0, 20.0  # seconds, as the library has them
JSON = {"Content-Type": "application/json"}
MESSAGE = ("message_id", "date", "chat", "poll")  # what is read of a message that was sent

Told = tuple[int, "Answer"]  # status, answer
Hold = Callable[[str, dict[str, Any], Callable[[], Awaitable[Told]]], Awaitable[Told | None]]


class Answer(bytes):
    """What came back, and what it says, so that nobody has to read it again."""

    says: dict[str, Any]

    @classmethod
    def of(cls, says: dict[str, Any], payload: bytes = b"") -> Answer:
        answer = cls(payload)
        answer.says = says
        return answer


class Wire(BaseRequest):
    """Asks Telegram. What something on the way answers in its place counts as an outage."""

    def __init__(self, proxy: str | None, hold: Hold | None = None) -> None:
        """`proxy`: http://, https://, socks5:// or socks5h://; it looks up the names, whichever it is.

        `hold` makes a call (its method, what it asks for, and how to make it) when there is room for it, or never, with None.
        """
        self.proxy, self.hold = proxy, hold
        self.date: str | None = None  # what time it was there at the last answer
        self.session: ClientSession | None = None

    @property
    def read_timeout(self) -> float:
        return READ

    async def initialize(self) -> None:
        if self.session is None:
            known: dict[str, Any] = {"limit": CONNECTIONS, "ssl": _trusted()}
            socks = self.proxy and self.proxy.startswith("socks")
            connector = _through(self.proxy, known) if self.proxy and socks else TCPConnector(**known)
            self.session = ClientSession(connector=connector, cookie_jar=DummyCookieJar(), proxy=None if socks else self.proxy)

    async def shutdown(self) -> None:
        if self.session:
            await self.session.close()
        self.session = None

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, read_timeout: object = None, *_: Any, **__: Any
    ) -> tuple[int, bytes]:
        """Of the waiting times only that for the answer can be asked for: nothing here asks for another."""
        read = float(read_timeout) if isinstance(read_timeout, int | float) else READ
        name, ask = url.rpartition("/")[2], partial(self._ask, url, method, request_data, read)
        if not self.hold or not request_data:
            return await ask()
        return await self.hold(name, request_data.parameters, ask) or (200, Answer.of({"ok": True, "result": True}))

    async def _ask(self, url: str, method: str, request_data: RequestData | None, read: float) -> Told:
        assert self.session
        data, headers, write = _written(request_data)
        limits = ClientTimeout(total=TURN + CONNECT + write + read, sock_connect=CONNECT, sock_read=read)
        try:
            asked = self.session.request(method, url, data=data, headers=headers, timeout=limits, allow_redirects=False)
            async with asked as answer:
                code, payload = answer.status, await answer.read()
                self.date = answer.headers.get("Date")
        except TimeoutError:
            raise TimedOut from None
        try:
            told = json.loads(payload)
        except ValueError:
            told = None
        if not isinstance(told, dict) or ("result" if code < 300 else "description") not in told:
            raise NetworkError("no answer of Telegram's")
        if code == 429 and (wait := told.get("parameters", {}).get("retry_after")):
            raise RetryAfter(wait)
        if code < 300:
            told["result"] = _needed(url.rpartition("/")[2], told["result"])
        return code, Answer.of(told, payload)

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        return cast("Answer", payload).says


def _needed(method: str, result: Any) -> Any:
    """What is read of a result: the library takes longer to make objects of the rest than to ask for it."""
    if method.startswith("editMessage"):
        return True
    if isinstance(result, dict) and "message_id" in result:
        return {name: result[name] for name in MESSAGE if name in result}
    return result


@cache
def _trusted() -> ssl.SSLContext:
    """Whom to trust: read once, for it takes longer than many a request."""
    return ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE") or certifi.where())


def _through(proxy: str, known: dict[str, Any]) -> TCPConnector:
    """Connects through a SOCKS proxy, which is also who looks names up."""
    from aiohttp_socks import ProxyConnector

    place = urlsplit(proxy)
    name, password = unquote(place.username or ""), unquote(place.password or "")
    return ProxyConnector(place.hostname or "", place.port or 1080, username=name, password=password, rdns=True, **known)


def _written(asked: RequestData | None) -> tuple[FormData | bytes | None, dict[str, str] | None, float]:
    """A request's body, its headers, and the seconds that sending it may take."""
    if not asked:
        return None, None, WRITE
    if not (files := asked.multipart_data):
        return json.dumps(asked.parameters).encode(), JSON, WRITE
    form = FormData(asked.json_parameters)
    for name, (filename, content, kind) in files.items():
        form.add_field(name, content, filename=filename, content_type=kind)
    return form, None, UPLOAD
