"""Keeps what was made of files, so that the next start need not make it anew while they are the same."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import sys
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Any

from bot.knowledge.source import MAX_BYTES

OWN = ("bot.knowledge.", "bot.tutor.")  # the parts that make what is kept
SIZE = 32  # bytes of a fingerprint
OTHERS = {("re", "_compile"), ("datetime", "date"), ("array", "array"), ("array", "_array_reconstructor")}


def fingerprint(paths: Iterable[Path], *words: str) -> bytes:
    """32 bytes, others wherever a file, the name of one, one of `words` or Python is another."""
    found = blake2b(digest_size=SIZE)
    for part in (sys.version, *words):
        found.update(f"{part}\0".encode())
    for path in paths:
        raw = _begin(path)
        found.update(f"{path}\0{len(raw)}\0".encode(errors="replace"))
        found.update(raw)
    return found.digest()


def _sum(body: bytes) -> bytes:
    """Tells a letter that a disk has changed."""
    return blake2b(body, digest_size=SIZE).digest()


def _begin(path: Path) -> bytes:
    """As much of a file as anybody reads of it."""
    with contextlib.suppress(OSError):
        if path.is_file():
            with path.open("rb") as file:
                return file.read(MAX_BYTES + 1)
    return b""


def find(path: Path, of: bytes) -> Any:
    """What `path` keeps with the fingerprint `of`; None where it keeps nothing of the kind, or nothing that can be read."""
    try:
        with path.open("rb") as file:
            if file.read(len(of)) != of:
                return None
            mark, body = file.read(SIZE), file.read()
            return _Values(io.BytesIO(body)).load() if mark == _sum(body) else None
    except Exception:  # whatever is wrong with it, it is made anew
        return None


def keep(path: Path, of: bytes, value: object) -> None:
    """Keeps `value` in the place of what `path` kept so far; where nothing can be written, nothing is kept."""
    new = path.with_name(f"{path.name}.{os.getpid()}")
    if not path.is_absolute():  # there is no home
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with new.open("wb") as file:
            body = pickle.dumps(value, protocol=5)
            file.writelines((of, _sum(body), body))
        new.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            new.unlink()


class _Values(pickle.Unpickler):
    """Makes values of our own shapes and nothing else, whatever the file asks for."""

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith(OWN) or (module, name) in OTHERS:
            found = super().find_class(module, name)
            if (module, name) in OTHERS or (isinstance(found, type) and found.__module__ == module):
                return found
        raise pickle.UnpicklingError(name)
