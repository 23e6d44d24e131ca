"""Two tiny proxies on loopback. Whatever host they are asked for, they pass on to one port of loopback, and remember it."""

from __future__ import annotations

import http.client
import selectors
import socket
import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Self

LOOPBACK = "127.0.0.1"


class Proxy(socketserver.ThreadingTCPServer):
    """Runs from entering to leaving; `asked` holds each host and port, `ports` the proxy's own ends towards the target."""

    daemon_threads = True
    scheme: str
    handler: type[socketserver.BaseRequestHandler]

    def __init__(self, target: int) -> None:
        super().__init__((LOOPBACK, 0), self.handler)
        self.target = target
        self.asked: set[tuple[str, int]] = set()
        self.ports: set[int] = set()
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        return f"{self.scheme}://{LOOPBACK}:{self.server_address[1]}"

    def noted(self, host: str, port: int, there: socket.socket) -> None:
        self.asked.add((host, port))
        self.ports.add(there.getsockname()[1])

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()


class _Http(BaseHTTPRequestHandler):
    """Requests in absolute form: `POST http://host/path`."""

    protocol_version = "HTTP/1.1"
    server: Proxy

    def log_message(self, format: str, *args: object) -> None:
        return

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        host, _, path = self.path.removeprefix("http://").partition("/")
        there = http.client.HTTPConnection(LOOPBACK, self.server.target)
        try:
            there.connect()
            self.server.noted(host, 80, there.sock)
            there.request("POST", f"/{path}", body, {"Content-Type": self.headers["Content-Type"] or ""})
            answer = there.getresponse()
            content = answer.read()
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except (OSError, http.client.HTTPException):
            self.close_connection = True
        finally:
            there.close()


class HttpProxy(Proxy):
    scheme = "http"
    handler = _Http


class _Socks(socketserver.StreamRequestHandler):
    """RFC 1928 without a password, CONNECT to a name."""

    server: Proxy

    def handle(self) -> None:
        _, methods = self.rfile.read(2)
        self.rfile.read(methods)
        self.wfile.write(b"\x05\x00")
        version, command, _, kind, size = self.rfile.read(5)
        assert (version, command, kind) == (5, 1, 3), "no CONNECT to a name"
        host = self.rfile.read(size).decode()
        port = int.from_bytes(self.rfile.read(2), "big")
        with socket.create_connection((LOOPBACK, self.server.target)) as there:
            self.server.noted(host, port, there)
            self.wfile.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
            self._pass(self.connection, there)

    @staticmethod
    def _pass(here: socket.socket, there: socket.socket) -> None:
        """Whatever one side says, to the other, until one of them has ended."""
        other = {here: there, there: here}
        with selectors.DefaultSelector() as ready:
            for each, opposite in other.items():
                ready.register(each, selectors.EVENT_READ, opposite)
            while True:
                for key, _ in ready.select():
                    try:
                        said = other[key.data].recv(65536)
                        key.data.sendall(said)  # to the opposite
                    except OSError:
                        return
                    if not said:
                        return


class SocksProxy(Proxy):
    scheme = "socks5"
    handler = _Socks
