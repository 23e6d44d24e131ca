"""The double itself: HTTP on loopback, updates by polling and by webhook, flood limits, and faults on demand."""

from __future__ import annotations

import http.client
import io
import json
import math
import socket
import socketserver
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self, TypeVar
from urllib.parse import parse_qsl, urlsplit

from tests.botapi import rules
from tests.botapi.methods import Methods
from tests.botapi.refusals import Json, Refused, Surprise
from tests.botapi.rules import Upload
from tests.botapi.world import World

T = TypeVar("T")
LOOPBACK = "127.0.0.1"
WORDS = {401: "Unauthorized", 404: "Not Found", 500: "Internal Server Error", 502: "Bad Gateway", 504: "Gateway Timeout"}


@dataclass(frozen=True)
class Flood:
    """How much Telegram takes: sending, editing, drafts and chat actions draw on the same budgets."""

    private_rate: float = 1.0  # calls a second in a private chat, once the burst is used up
    private_burst: int = 5
    group_rate: float = 20 / 60
    group_burst: int = 20
    overall_rate: float = 30.0
    overall_burst: int = 30
    wait: int = 3  # seconds named by the first 429; each call before its end doubles them
    longest: int = 60
    grace: float = 0.25  # calls that were on their way when the 429 was answered are no violation


STRICT = Flood()


@dataclass
class Call:
    """One call of the bot; a status of 0 means that the caller was gone or got no answer."""

    time: float
    method: str
    params: Json
    status: int = 0
    ok: bool = False
    description: str = ""

    def __str__(self) -> str:
        given = {key: value for key, value in self.params.items() if not isinstance(value, Upload)}
        text = json.dumps(given, ensure_ascii=False)
        clock = time.strftime("%H:%M:%S", time.localtime(self.time))
        return f"{clock} {self.status} {self.method} {text[:200]} {self.description}"


@dataclass
class Webhook:
    """Where updates are posted; no url means that the bot polls."""

    url: str = ""
    secret: str = ""
    max_connections: int = 40
    ip_address: str = ""
    last_error: str = ""
    last_error_time: float = 0.0


@dataclass
class Fault:
    """A call that is made to fail."""

    method: str
    status: int | Literal["drop"] | None
    retry_after: int | None
    after: bool
    delay: float
    times: int
    chat: int | None
    description: str


@dataclass
class _Bucket:
    rate: float
    burst: int
    tokens: float
    filled: float

    def missing(self, now: float) -> float:
        """Seconds until a call fits."""
        self.tokens = min(self.burst, self.tokens + (now - self.filled) * self.rate)
        self.filled = now
        return max(0.0, (1 - self.tokens) / self.rate)


@dataclass
class _Wait:
    seconds: float
    until: float
    said: float


class _Dropped(Exception):
    """The connection ends without an answer."""


class BotApi(World):
    """Telegram for one bot, on a free port of loopback; leaving the context checks that nothing surprised it.

    `flood=None` lifts the limits; `ingress` maps the public beginning of a webhook's address to one on loopback.
    """

    def __init__(
        self, token: str = "123456:TEST", username: str = "lemon_bot", *, flood: Flood | None = STRICT, privacy: bool = True,
        ingress: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(username, privacy)
        self.token = token
        self.bot["id"] = int(token.split(":", maxsplit=1)[0])
        self.flood = flood
        self.flood_violations = 0
        self.ingress = ingress or {}
        self.calls: list[Call] = []
        self.surprises: list[str] = []
        self.ahead = 0.0  # seconds that its clock is ahead of ours
        self.webhook = Webhook()
        self.polled: list[float] = []  # when each getUpdates came
        self.deliveries: list[tuple[float, int, int]] = []  # by webhook: time, update_id, HTTP status (0: no answer)
        self._faults: list[Fault] = []
        self._buckets: dict[object, _Bucket] = {}
        self._waits: dict[object, _Wait] = {}
        self._methods = Methods(self)
        self._poller = 0
        self._closing = threading.Event()
        self._posting: http.client.HTTPConnection | None = None
        self._port = 0
        self._placeholder: socket.socket | None = None
        self._server: _Server | None = None
        self.up()
        self._courier = threading.Thread(target=self._deliver, name="webhook", daemon=True)
        self._courier.start()

    @property
    def url(self) -> str:
        """What the bot takes as TELEGRAM_BASE_URL."""
        return f"http://{LOOPBACK}:{self._port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
        if kind is None:
            self.check()

    def close(self) -> None:
        self._closing.set()
        self.down()
        with self.changed:
            if self._posting and self._posting.sock:
                _hang_up(self._posting.sock)
        self._courier.join()
        if self._placeholder:
            self._placeholder.close()

    # ---- what tests ask ----

    def check(self) -> None:
        """Fails if the bot made a call that no well-written bot makes."""
        assert not self.surprises, "\n".join(["the Bot API was surprised:", *self.surprises, self.dump()])

    def wait(self, condition: Callable[[], T], seconds: float = 10.0) -> T:
        """Waits until the condition holds, and gives its value; an assertion or a missing item in it means not yet."""
        over, reason = time.monotonic() + seconds, ""
        while True:
            try:
                if value := condition():
                    return value
            except (AssertionError, LookupError) as error:
                reason = f" ({type(error).__name__}: {error})"
            with self.changed:
                if time.monotonic() > over:
                    raise AssertionError(f"not within {seconds} s{reason}\n{self.dump()}")
                self.changed.wait(0.05)

    def quiet(self, seconds: float = 0.5, within: float = 10.0) -> None:
        """Waits until every update was taken and the bot has called nothing but getUpdates for some seconds."""

        def still() -> bool:
            with self.changed:
                last = max((call.time for call in self.calls if call.method != "getUpdates"), default=began)
                return not self.pending and time.time() - max(last, began) >= seconds

        began = time.time()
        self.wait(still, within)

    def called(self, method: str, status: int | None = None) -> list[Call]:
        with self.changed:
            return [call for call in self.calls if call.method == method and status in (None, call.status)]

    def dump(self) -> str:
        """The chats and the last calls, to be read by people."""
        with self.changed:
            shown = [call for call in self.calls if call.method != "getUpdates" or not call.ok]
            waiting = [f"waiting for the bot: {json.dumps(update, ensure_ascii=False)[:200]}" for update in self.pending[:5]]
            surprises = [f"surprise: {one}" for one in self.surprises]
            return "\n".join([*map(str, self.chats.values()), *waiting, *surprises, "--- last calls", *map(str, shown[-15:])])

    # ---- what tests do ----

    def fail(
        self, method: str, status: int | Literal["drop"] | None = None, *, retry_after: int | None = None, after: bool = False,
        delay: float = 0.0, times: int = 1, chat: int | None = None, description: str = "",
    ) -> None:  # fmt: skip
        """Makes the next calls of a method fail (`*` is any but getUpdates), answer late, or lose their connection.

        With `after` the work is done first, and only the answer is lost. A 429 counts calls that come before its end.
        """
        assert method == "*" or method in rules.METHODS, f"no method {method}"
        if status == 429 and retry_after is None:
            retry_after = 2
        with self.changed:
            self._faults.append(Fault(method, status, retry_after, after, delay, times, chat, description))

    def down(self) -> None:
        """Telegram becomes unreachable: connections end, new ones are refused."""
        with self.changed:
            server, self._server = self._server, None
            self.changed.notify_all()
        if server:
            server.stop()
            if not self._closing.is_set():
                self._hold()

    def _hold(self) -> None:
        """Binds the port without listening, so that nobody else gets it."""
        self._placeholder = socket.socket()
        self._placeholder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for _ in range(100):
            try:
                self._placeholder.bind((LOOPBACK, self._port))
                return
            except OSError:  # the last connection still lets go of it
                time.sleep(0.02)
        raise AssertionError("the port of the double is gone")

    def up(self) -> None:
        """Telegram can be reached again, at the same address."""
        if self._server:
            return
        if self._placeholder:
            self._placeholder.close()
            self._placeholder = None
        server = _Server(self, self._port)
        self._port = server.server_address[1]
        with self.changed:
            self._server = server
            self.changed.notify_all()

    # ---- a call ----

    def answer(
        self, token: str, method: str, given: Json, files: dict[str, Upload], connection: socket.socket
    ) -> tuple[int, Json]:
        """Carries out one call and gives status and body, or raises `_Dropped`."""
        call = Call(time.time(), method, given)
        if method == "getUpdates":
            self.polled.append(call.time)
        result: Any = None
        refusal: Refused | None = None
        try:
            if token != self.token:
                raise Refused(WORDS[401], 401)
            if method not in rules.METHODS:
                self._surprised(f"unknown method {method}")
                raise Refused(WORDS[404], 404)
            call.params = {}
            call.params = rules.parameters(method, given, files)
            fault = self._fault(method, call.params.get("chat_id"))
            if fault:
                self._sleep(fault.delay)
            with self.changed:
                self._limit(method, call.params.get("chat_id"))
            if fault and not fault.after:
                self._break(fault, call)
            result = (
                self._get_updates(call.params, connection) if method == "getUpdates" else self._carry_out(method, call.params)
            )
            if fault and fault.after:
                self._break(fault, call)
        except _Dropped:
            self._record(call, 0, "no answer")
            raise
        except Refused as error:
            refusal = error
            if not call.params:
                call.params = given
            if isinstance(error, Surprise):
                self._surprised(f"{method}: {error.description}")
        except Exception:
            refusal = Refused(WORDS[500], 500)
            self._surprised(f"{method} with {given} broke the double: {traceback.format_exc()}")
        if refusal is None:
            self._record(call, 200)
            return 200, {"ok": True, "result": result}
        self._record(call, refusal.status, refusal.description)
        body: Json = {"ok": False, "error_code": refusal.status, "description": refusal.description}
        if refusal.retry_after is not None:
            body["parameters"] = {"retry_after": refusal.retry_after}
        return refusal.status, body

    def _carry_out(self, method: str, params: Json) -> Any:
        own = {"setWebhook": self._set_webhook, "deleteWebhook": self._delete_webhook, "getWebhookInfo": self._webhook_info}
        with self.changed:
            self.tick()
            try:
                return own[method](params) if method in own else self._methods.call(method, params)
            finally:
                for note in self._methods.notes:
                    self._surprised(f"{method}: {note}")
                self._methods.notes.clear()

    def _record(self, call: Call, status: int, description: str = "") -> None:
        with self.changed:
            call.status, call.ok, call.description = status, status == 200, description
            self.calls.append(call)
            self.changed.notify_all()

    def _surprised(self, what: str) -> None:
        with self.changed:
            self.surprises.append(what)

    def _sleep(self, seconds: float) -> None:
        over = time.monotonic() + seconds
        with self.changed:
            while (left := over - time.monotonic()) > 0:
                if self._server is None:
                    raise _Dropped
                self.changed.wait(left)

    # ---- faults and flood ----

    def _fault(self, method: str, chat: Any) -> Fault | None:
        with self.changed:
            for fault in self._faults:
                if fault.method in (method, "*" if method != "getUpdates" else method) and fault.chat in (None, chat):
                    fault.times -= 1
                    if fault.times <= 0:
                        self._faults.remove(fault)
                    return fault
        return None

    def _break(self, fault: Fault, call: Call) -> None:
        if fault.status == "drop":
            raise _Dropped
        if fault.status == 429:
            seconds = fault.retry_after or 0
            chat = call.params.get("chat_id")
            key = ("chat", chat) if chat and _limited(call.method) else ("method", call.method)
            with self.changed:
                self._waits[key] = _Wait(seconds, time.monotonic() + seconds, time.monotonic())
            raise _too_many(seconds)
        if fault.status:
            words = fault.description or WORDS.get(fault.status, "Bad Request: something is wrong")
            raise Refused(words.removeprefix("Bad Request: ") if fault.status == 400 else words, fault.status)

    def _limit(self, method: str, chat: Any) -> None:
        now = time.monotonic()
        keys: list[object] = [("method", method)]
        if _limited(method):
            keys += [("chat", chat), "overall"]
        for key in keys:
            wait = self._waits.get(key)
            if wait and now >= wait.until:
                del self._waits[key]
            elif wait:
                if now - wait.said > (self.flood or STRICT).grace:
                    self.flood_violations += 1
                    wait.seconds = min(wait.seconds * 2, (self.flood or STRICT).longest)
                    wait.until, wait.said = now + wait.seconds, now
                raise _too_many(wait.until - now)
        if self.flood is None or not _limited(method):
            return
        flood, buckets = self.flood, []
        for key in keys[1:]:
            if key == "overall":
                rate, burst = flood.overall_rate, flood.overall_burst
            elif isinstance(chat, int) and chat < 0:
                rate, burst = flood.group_rate, flood.group_burst
            else:
                rate, burst = flood.private_rate, flood.private_burst
            bucket = self._buckets.setdefault(key, _Bucket(rate, burst, burst, now))
            if (missing := bucket.missing(now)) > 0.001:
                seconds = max(float(flood.wait), math.ceil(missing))
                self._waits[key] = _Wait(seconds, now + seconds, now)
                raise _too_many(seconds)
            buckets.append(bucket)
        for bucket in buckets:
            bucket.tokens -= 1

    # ---- updates ----

    def _get_updates(self, params: Json, connection: socket.socket) -> list[Json]:
        with self.changed:
            if self.webhook.url:
                raise Refused(
                    "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first", 409
                )
            if "allowed_updates" in params:
                self.allowed = rules.allowed(params["allowed_updates"])
            limit, timeout, offset = params.get("limit", 100), params.get("timeout", 0), params.get("offset", 0)
            if not 1 <= limit <= 100 or timeout < 0:
                raise Surprise(f"getUpdates with limit={limit}, timeout={timeout}")
            if offset > self._update_id + 1:
                raise Surprise(f"getUpdates confirms {offset - 1}, which was never sent")
            self._poller += 1
            mine = self._poller
            self.pending = self.pending[offset:] if offset < 0 else [one for one in self.pending if one["update_id"] >= offset]
            self.changed.notify_all()
            over = time.monotonic() + min(timeout, 50)
            while True:
                self.tick()
                if self._server is None or (self._poller != mine and _gone(connection)):
                    raise _Dropped
                if self._poller != mine:
                    raise Refused(
                        "terminated by other getUpdates request; make sure that only one bot instance is running", 409
                    )
                if self.webhook.url:
                    raise Refused("terminated by setWebhook request", 409)
                left = over - time.monotonic()
                if self.pending or left <= 0:
                    return self.pending[:limit]
                if _gone(connection):
                    raise _Dropped
                self.changed.wait(min(left, 0.25))

    def _set_webhook(self, params: Json) -> bool:
        if not params["url"]:
            return self._delete_webhook(params)
        rules.webhook(params)
        if "allowed_updates" in params:
            self.allowed = rules.allowed(params["allowed_updates"])
        if params.get("drop_pending_updates"):
            self.pending.clear()
        self.webhook = Webhook(
            params["url"], params.get("secret_token", ""), params.get("max_connections", 40), params.get("ip_address", "")
        )
        return True

    def _delete_webhook(self, params: Json) -> bool:
        if params.get("drop_pending_updates"):
            self.pending.clear()
        self.ahead = 0.0  # seconds that its clock is ahead of ours
        self.webhook = Webhook()
        return True

    def _webhook_info(self, params: Json) -> Json:
        hook = self.webhook
        out: Json = {"url": hook.url, "has_custom_certificate": False, "pending_update_count": len(self.pending)}
        if hook.url:
            out["max_connections"] = hook.max_connections
        if hook.ip_address:
            out["ip_address"] = hook.ip_address
        if hook.last_error:
            out |= {"last_error_date": int(hook.last_error_time), "last_error_message": hook.last_error}
        if self.allowed != rules.UPDATES - rules.SILENT:
            out["allowed_updates"] = sorted(self.allowed)
        return out

    def _deliver(self) -> None:
        """Posts one update after the other, each until it is taken."""
        pause = 0.0
        while not self._closing.is_set():
            with self.changed:
                self.tick()
                hook = self.webhook
                if not (hook.url and self.pending and self._server):
                    self.changed.wait(0.5)
                    continue
                update = self.pending[0]
            status, error = self._post(hook, update)
            with self.changed:
                self.deliveries.append((time.time(), update["update_id"], status))
                if error:
                    hook.last_error, hook.last_error_time = error, time.time()
                    pause = min(max(2 * pause, 0.1), 2.0)
                else:
                    pause = 0.0
                    self.pending = [one for one in self.pending if one["update_id"] != update["update_id"]]
                self.changed.notify_all()
            if pause:
                self._closing.wait(pause)

    def _post(self, hook: Webhook, update: Json) -> tuple[int, str]:
        url = hook.url
        for public, local in self.ingress.items():
            if url.startswith(public):
                url = local + url.removeprefix(public)
        parts = urlsplit(url)
        if parts.scheme != "http":
            return 0, "Connection refused (the tests post to loopback only)"
        headers = {"Content-Type": "application/json"}
        if hook.secret:
            headers["X-Telegram-Bot-Api-Secret-Token"] = hook.secret
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        try:
            with self.changed:
                self._posting = connection
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", path, json.dumps(update).encode(), headers)
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            return 0, f"Connection failed: {type(error).__name__}"
        finally:
            with self.changed:
                self._posting = None
            connection.close()
        if not 200 <= response.status < 300:
            return response.status, f"Wrong response from the webhook: {response.status} {response.reason}"
        if b'"method"' in body:
            self._surprised("the webhook answered with a call, whose result nobody sees")
        return response.status, ""


def _limited(method: str) -> bool:
    return method.startswith(("send", "edit"))


def _too_many(seconds: float) -> Refused:
    whole = max(1, math.ceil(seconds))
    return Refused(f"Too Many Requests: retry after {whole}", 429, whole)


def _gone(connection: socket.socket) -> bool:
    """Whether the other side has closed the connection."""
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 256

    def __init__(self, api: BotApi, port: int) -> None:
        self.api = api
        self.connections: set[socket.socket] = set()
        self.stopping = False
        super().__init__((LOOPBACK, port), _Handler)
        self.thread = threading.Thread(target=self.serve_forever, args=(0.02,), name="botapi", daemon=True)
        self.thread.start()

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # HTTPServer asks for the name of the host, which may take long

    def stop(self) -> None:
        self.shutdown()
        self.thread.join()
        self.stopping = True
        for connection in self.connections.copy():
            _hang_up(connection)
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = traceback.format_exc()
        if not any(name in error for name in ("ConnectionResetError", "BrokenPipeError", "ConnectionAbortedError")):
            self.api.surprises.append(f"a connection broke the double: {error}")


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)
        if self.server.stopping:
            _hang_up(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        return

    def do_GET(self) -> None:
        self.take()

    def do_POST(self) -> None:
        self.take()

    def take(self) -> None:
        api = self.server.api
        parts = urlsplit(self.path)
        _, bot, *rest = [*parts.path.split("/"), ""]
        method = rest[0] if rest else ""
        if not bot.startswith("bot") or len(rest) != 2:
            api.surprises.append(f"no call of the Bot API: {self.path}")
            return self.reply(404, {"ok": False, "error_code": 404, "description": WORDS[404]})
        try:
            given, files = self.body()
            given = dict(parse_qsl(parts.query, keep_blank_values=True)) | given
        except ValueError as error:
            api.surprises.append(f"{method} can't be read: {error}")
            return self.reply(400, {"ok": False, "error_code": 400, "description": f"Bad Request: {error}"})
        try:
            status, body = api.answer(bot.removeprefix("bot"), method, given, files, self.connection)
        except _Dropped:
            self.close_connection = True
            return _hang_up(self.connection)
        return self.reply(status, body)

    def reply(self, status: int, body: Json) -> None:
        content = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
        date = formatdate(time.time() + self.server.api.ahead, usegmt=True)
        head = (
            f"HTTP/1.1 {status} {http.client.responses.get(status, 'Unknown')}\r\n"
            f"Server: nginx\r\nDate: {date}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        self.wfile.write(head.encode() + content)

    def body(self) -> tuple[Json, dict[str, Upload]]:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            self.close_connection = True
            raise ValueError("the double reads no chunked bodies")
        size = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(size)
        if len(content) < size:
            raise ConnectionResetError("the bot ended in the middle of a call")
        if not content:
            return {}, {}
        kind = self.headers.get_content_type()
        match kind:
            case "application/x-www-form-urlencoded":
                pairs = parse_qsl(content.decode(), keep_blank_values=True, strict_parsing=True)
                if len(dict(pairs)) < len(pairs):
                    raise ValueError("a parameter is given twice")
                return dict(pairs), {}
            case "application/json":
                given = json.loads(content)
                if not isinstance(given, dict):
                    raise ValueError("the body is not an object")
                return given, {}
            case "multipart/form-data":
                return _parts(content, str(self.headers.get_boundary("")).encode())
        raise ValueError(f"a body of type {kind}")


def _parts(content: bytes, boundary: bytes) -> tuple[Json, dict[str, Upload]]:
    """Fields and files of a multipart body."""
    given: Json = {}
    files: dict[str, Upload] = {}
    pieces = (b"\r\n" + content).split(b"\r\n--" + boundary)
    if not boundary or len(pieces) < 3 or not pieces[-1].startswith(b"--"):
        raise ValueError("a broken multipart body")
    for piece in pieces[1:-1]:
        head, _, body = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        fields = http.client.parse_headers(io.BytesIO(head + b"\r\n\r\n"))
        name = str(fields.get_param("name", "", "content-disposition"))
        filename = fields.get_filename()
        if not name or name in given or name in files:
            raise ValueError(f"a part with the name {name!r}")
        if filename is None:
            given[name] = body.decode()
        else:
            files[name] = Upload(filename, body)
    return given, files
