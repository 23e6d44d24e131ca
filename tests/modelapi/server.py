"""The double itself: HTTP on loopback, one thread a connection, every request kept."""

from __future__ import annotations

import http.client
import json
import select
import socket
import socketserver
import threading
import time
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, TypeVar

from tests.modelapi.asked import Asked, Json, Sent, Surprise, read
from tests.modelapi.talks import End, Page, Silence, Talk, error, estimate, say

T = TypeVar("T")
Answer = str | Talk | Page | Silence
Script = Callable[[Asked], Answer]
LOOPBACK = "127.0.0.1"
KEY, MODEL = "sk-unmistakable-key", "lemon-1"
LOGIN = "/login"  # where a portal sends whoever asks
FOR_EVER = 3600.0
HEAD = {"id": "chatcmpl-1", "created": 0, "model": MODEL}


class _Gone(Exception):
    """The client has closed the connection."""


class ModelApi:
    """A model on a free port of loopback that answers what `script` says; leaving checks that nothing surprised it."""

    def __init__(self, script: Script, key: str = KEY, model: str = MODEL) -> None:
        self.script, self.key, self.model = script, key, model
        self.counts: Callable[[Asked, str], Json] | None = usage  # what an answer's end says of its tokens; None: nothing
        self.asked: list[Asked] = []
        self.surprises: list[str] = []
        self.changed = threading.Condition()
        self._port = 0
        self._holder = socket.socket()  # keeps the port while nobody listens
        self._server: _Server | None = None
        self.up()

    @property
    def url(self) -> str:
        """What the bot takes as OPENAI_BASE_URL."""
        return f"http://{LOOPBACK}:{self._port}/v1"

    @property
    def settings(self) -> dict[str, str]:
        """The variables that lead a bot here."""
        return {"OPENAI_BASE_URL": self.url, "OPENAI_API_KEY": self.key, "BOT_MODEL": self.model}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.down()
        self._holder.close()
        if kind is None:
            assert self.surprises == [], "the model was surprised"

    def wait(self, condition: Callable[[], T], seconds: float = 10.0) -> T:
        """Waits until the condition holds, and gives its value."""
        over = time.monotonic() + seconds
        while True:
            if value := condition():
                return value
            with self.changed:
                assert time.monotonic() < over, f"not within {seconds} s; asked {len(self.asked)} times, {self.surprises}"
                self.changed.wait(0.05)

    def down(self) -> None:
        """The model goes: connections end, new ones are refused. The port is held without listening, nobody else gets it."""
        server, self._server = self._server, None
        if not server:
            return
        server.stop()
        self._holder = socket.socket()
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.wait(self._held)

    def _held(self) -> bool:
        """Whether the port is ours; the last connection may still let go of it."""
        try:
            self._holder.bind((LOOPBACK, self._port))
        except OSError:
            return False
        return True

    def up(self) -> None:
        """The model is there again, at the same address."""
        self._holder.close()
        self._server = self._server or _Server(self, self._port)
        self._port = self._server.server_address[1]

    def note(self, surprise: str) -> None:
        with self.changed:
            self.surprises.append(surprise)

    def noted(self, asked: Asked) -> None:
        with self.changed:
            self.asked.append(asked)
            self.changed.notify_all()


def usage(asked: Asked, text: str) -> Json:
    """Tokens as this model counts them."""
    prompt, answer = estimate(asked.text), estimate(text)
    return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, api: ModelApi, port: int) -> None:
        self.api = api
        self.connections: set[socket.socket] = set()
        super().__init__((LOOPBACK, port), _Handler)
        self.thread = threading.Thread(target=self.serve_forever, args=(0.02,), name="modelapi", daemon=True)
        self.thread.start()

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # HTTPServer asks for the name of the host, which may take long

    def stop(self) -> None:
        self.shutdown()
        self.thread.join()
        for connection in self.connections.copy():
            hang_up(connection)
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        fault = traceback.format_exc()
        if not any(name in fault for name in ("ConnectionResetError", "BrokenPipeError", "ConnectionAbortedError")):
            self.api.note(f"a connection broke the double: {fault}")


def hang_up(connection: socket.socket) -> None:
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

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        return

    # ---- requests ----

    def do_GET(self) -> None:
        api = self.server.api
        if self.path == "/v1/models":
            listed = {"id": api.model, "object": "model", "created": 0, "owned_by": "tests"}
            return self.page(self.refused() or Page(200, _json({"object": "list", "data": [listed]})))
        if self.path == LOGIN:
            return self.page(Page(200, b"<html><form>Please log in</form></html>", "text/html"))
        return self.surprised(f"GET {self.path}", 404)

    def do_POST(self) -> None:
        api = self.server.api
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path != "/v1/chat/completions":
            return self.surprised(f"POST {self.path}", 404)
        try:
            asked = read(content, api.model)
        except Surprise as wrong:
            return self.surprised(str(wrong), 400)
        api.noted(asked)
        if refusal := self.refused():
            return self.page(refusal)
        try:
            self.answer(asked, api.script(asked))
            asked.ended = time.time()
        except (_Gone, ConnectionError):
            asked.cut = time.time()
            self.hang_up()
        finally:
            with api.changed:
                api.changed.notify_all()

    def do_PUT(self) -> None:
        self.surprised(f"{self.command} {self.path}", 405)

    do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = do_PUT

    def surprised(self, what: str, status: int) -> None:
        self.server.api.note(what)
        self.close_connection = True
        self.page(error(status, what))

    def refused(self) -> Page | None:
        """The answer to a wrong key; none at all is a surprise. A model without a key takes any."""
        given, key = self.headers.get("Authorization"), self.server.api.key
        if not given and key:
            self.server.api.note("no Authorization")
        return None if not key or given == f"Bearer {key}" else error(401, f"Incorrect API key provided: {given}")

    # ---- answers ----

    def answer(self, asked: Asked, answer: Answer) -> None:
        match answer:
            case str():
                self.answer(asked, say(answer))
            case Page():
                self.page(answer)
            case Silence():
                self.pause(FOR_EVER)
            case Talk() if asked.body.get("stream"):
                self.stream(asked, answer)
            case Talk():
                self.whole(asked, answer)

    def page(self, page: Page) -> None:
        head = {"Server": "nginx", "Content-Type": page.kind, "Content-Length": str(len(page.body)), **page.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        self.wfile.write(f"HTTP/1.1 {page.status} {http.client.responses[page.status]}\r\n{lines}\r\n".encode() + page.body)

    def stream(self, asked: Asked, talk: Talk) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        self.event({"role": "assistant", "content": ""})
        text = ""
        for piece in talk.pieces:
            self.pause(piece.pause)
            text += piece.text
            if isinstance(piece.content, bytes):
                self.chunk(piece.content)
            else:
                self.event(piece.content)
            asked.sent.append(Sent(time.time(), text))
        self.over(asked, talk.end, text)

    def over(self, asked: Asked, end: End, text: str) -> None:
        match end:
            case "hang":
                self.pause(FOR_EVER)
            case "cut":
                self.hang_up()
            case "nothing":
                self.chunk(b"")
            case reason:
                self.event({}, reason)
                if (counts := self.server.api.counts) and asked.body.get("stream_options", {}).get("include_usage"):
                    self.data({"choices": [], "usage": counts(asked, text)})
                self.chunk(b"data: [DONE]\n\n")
                self.chunk(b"")

    def whole(self, asked: Asked, talk: Talk) -> None:
        """The same for a request without `stream`."""
        text = ""
        for piece in talk.pieces:
            self.pause(piece.pause)
            text += piece.text
        if talk.end == "hang":
            self.pause(FOR_EVER)
        if talk.end in ("cut", "nothing"):
            return self.hang_up()
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": talk.end, "logprobs": None}
        self.page(Page(200, _json(HEAD | {"object": "chat.completion", "choices": [choice], "usage": usage(asked, text)})))
        return asked.sent.append(Sent(time.time(), text))

    def event(self, delta: Json, finish: str | None = None) -> None:
        self.data({"choices": [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}]})

    def data(self, fields: Json) -> None:
        self.chunk(b"data: " + _json(HEAD | {"object": "chat.completion.chunk"} | fields) + b"\n\n")

    def chunk(self, content: bytes) -> None:
        """One chunk of the stream; an empty one ends it."""
        self.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")

    def pause(self, seconds: float) -> None:
        """Waits, and notices at once when the client goes."""
        over = time.monotonic() + seconds
        while (left := over - time.monotonic()) > 0:
            if select.select([self.connection], [], [], left)[0] and not self.connection.recv(1, socket.MSG_PEEK):
                raise _Gone

    def hang_up(self) -> None:
        self.close_connection = True
        hang_up(self.connection)


def _json(fields: Json) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode()
