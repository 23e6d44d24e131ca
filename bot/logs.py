"""What is logged, and what never is: no message, token, id, path or address, in whatever a library or an exception says.

Of our own lines the words are written; of a library's only where they come from. An exception is told by its kind and the
places it passed, never by its text. As JSON a line also says which update it is about, and for whom, behind a mask.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Literal

OWN = "bot"
PLACES = 6  # of an exception's way, the innermost
Format = Literal["text", "json"]

about: ContextVar[dict[str, object]] = ContextVar("about", default={})  # noqa: B039  # never changed, only replaced


class Discreet(logging.Formatter):
    """One line a record."""

    def __init__(self, shape: Format = "text") -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")
        self.shape = shape

    def format(self, record: logging.LogRecord) -> str:
        own = record.name.split(".", maxsplit=1)[0] == OWN
        words = record.getMessage() if own else f"{record.funcName}:{record.lineno}"
        fault = told(record.exc_info[0], record.exc_info[2]) if record.exc_info and record.exc_info[0] else ""
        if self.shape == "json":
            at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
            row = {"at": at, "level": record.levelname, "logger": record.name, "message": words}
            return json.dumps({**row, **({"fault": fault} if fault else {}), **about.get()}, ensure_ascii=False)
        if fault:
            words += f" ({fault})"
        plain = logging.makeLogRecord({**record.__dict__, "msg": words, "args": None, "exc_info": None, "exc_text": None})
        return super().format(plain)


def told(kind: type[BaseException], way: TracebackType | None) -> str:
    """`KeyError at answers.py:55 explain < tutor.py:60 answer`"""
    places = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(way)]
    return f"{kind.__name__} at {' < '.join(reversed(places[-PLACES:]))}"


def to_file(path: Path, level: str) -> None:
    """Logs go to a file, which appears with its first line; the screen is the learner's."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = logging.FileHandler(path, encoding="utf-8", delay=True)
    except OSError:
        handler = logging.NullHandler()
    _to(handler, level, "text")


def to_stderr(level: str, shape: Format) -> None:
    """Logs go where a service's log is collected."""
    _to(logging.StreamHandler(sys.stderr), level, shape)


def _to(handler: logging.Handler, level: str, shape: Format) -> None:
    logging.raiseExceptions = False  # a log that cannot be written is no reason to speak to the learner
    handler.setFormatter(Discreet(shape))
    logging.basicConfig(level=level, handlers=[handler], force=True)
