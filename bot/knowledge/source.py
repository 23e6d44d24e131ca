"""Reads one file of knowledge into plain values and remembers the line of each.

Of YAML, knowledge needs only a small, safe part: mappings, lists and scalars. Anchors and aliases are refused (an alias
bomb cannot be written), as are custom tags, doubled keys, deep nesting and files over a megabyte. Scalars are text
unless they are whole numbers, true, false or null, so that `no` and `on` stay words.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

MAX_BYTES = 1_000_000
MAX_DEPTH = 16
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Place = tuple[str | int, ...]  # the way to a value: keys and list positions
CONSTANTS = {"true": True, "false": False, "null": None, "~": None, "": None}
TWO_CELLS = re.compile(rb"(?:[^\t\n]++\t[^\t\n]*+\n)*+")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of two cells, sorted by the first and looked up where they stand: as a dict they would take ten times the room."""

    raw: bytes = b""

    def get(self, key: str) -> str:
        """The second cell of the row `key`; '' when there is none."""
        start = key.encode() + b"\t"
        low, high = 0, len(self.raw)  # the row begins within, and so do both of these
        while low < high:
            middle = self.raw.rfind(b"\n", low, (low + high) // 2) + 1 or low
            if self.raw[middle : middle + len(start)] >= start:
                high = middle
            else:
                low = self.raw.index(b"\n", middle) + 1
        return self.raw[low + len(start) : self.raw.index(b"\n", low)].decode() if self.raw.startswith(start, low) else ""


@dataclass(frozen=True)
class Problem:
    """One mistake, not yet in words: `kind` names the sentence, `words` fill it."""

    line: int
    kind: str
    words: dict[str, str] = field(default_factory=dict)


@dataclass
class Document:
    """The values of one file, where each stands, and what is wrong with the file itself."""

    data: Any = None
    lines: dict[Place, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unread: str = ""  # the text, until somebody asks for a line

    def line(self, place: Place) -> int:
        """The line of `place`, or of the nearest value around it."""
        if self.unread:
            text, self.unread = self.unread, ""
            _Builder(text, self).build()
        if place and isinstance(place[0], int) and not self.lines:
            return place[0] + 1  # a table: one row a line
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


class _Stop(Exception):
    """Reading cannot go on past this problem."""

    def __init__(self, line: int, kind: str, **words: str) -> None:
        self.problem = Problem(line, kind, words)


def read(path: Path, cut: bool = True) -> Document:
    """Never raises for what a file may hold; look at `problems`. A table is not `cut` into rows where it is only looked up."""
    document = Document()
    try:
        text = _text(path)
        if path.suffix == ".tsv":
            document.data = _rows(text) if cut else _table(text)
        else:
            _no_tabs(text)
            try:
                document.data, document.unread = _values(text), text
            except (_Doubt, yaml.YAMLError):
                document.data = _Builder(text, document).build()
    except _Stop as stop:
        document.problems.append(stop.problem)
    return document


def _rows(text: str) -> list[list[str]]:
    """A table: one row a line, cells apart by tabs, as many in each line as in the first."""
    rows = [line.split("\t") for line in text.splitlines()]
    for number, row in enumerate(rows, 1):
        if len(row) != len(rows[0]) or not row[0]:
            raise _Stop(number, "bad-row", cells=str(len(rows[0])))
    return rows


def _table(text: str) -> Table:
    """A table of two cells a row."""
    raw = text.replace("\r\n", "\n").encode()
    good = TWO_CELLS.match(raw)
    if not good or good.end() < len(raw):
        raise _Stop(raw.count(b"\n", 0, good.end() if good else 0) + 1, "bad-row", cells="2")
    return Table(raw)


def _text(path: Path) -> str:
    if path.is_symlink() and not path.exists():
        raise _Stop(1, "dangling-link", target=os.readlink(path))
    if path.is_dir():
        raise _Stop(1, "folder-not-file")
    if not path.is_file():
        raise _Stop(1, "not-a-file")
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _Stop(1, "unreadable", reason=str(error.strerror)) from error
    if len(raw) > MAX_BYTES:
        raise _Stop(1, "too-large", limit=f"{MAX_BYTES:,}")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Stop(raw.count(b"\n", 0, error.start) + 1, "not-utf8") from error
    return text


def _no_tabs(text: str) -> None:
    """Nothing is indented by tabs."""
    for number, line in enumerate(text.splitlines() if "\t" in text else (), 1):
        if line.startswith((" ", "\t")) and "\t" in line[: len(line) - len(line.lstrip())]:
            raise _Stop(number, "tab")


class _Doubt(Exception):
    """Something about a file needs the slower reading, which says what it is."""


def _values(text: str) -> Any:
    """The values of a file with nothing wrong in it, in half the time: without the line of each."""
    after = LOADER(text).get_event

    def value(event: Any, depth: int) -> Any:
        kind = type(event)
        if kind is yaml.AliasEvent or event.anchor or event.tag or depth > MAX_DEPTH:
            raise _Doubt
        if kind is yaml.ScalarEvent:
            return _scalar(event)
        if kind is yaml.SequenceStartEvent:
            found = []
            while type(event := after()) is not yaml.SequenceEndEvent:
                found.append(value(event, depth + 1))
            return found
        named: dict[str, Any] = {}
        while type(event := after()) is not yaml.MappingEndEvent:
            if type(event) is not yaml.ScalarEvent or event.anchor or event.tag or event.value in named:
                raise _Doubt
            named[event.value] = value(after(), depth + 1)
        return named

    after()  # stream start
    if type(after()) is not yaml.DocumentStartEvent or (data := value(after(), 0)) is None:
        raise _Doubt
    after()  # document end
    if type(after()) is not yaml.StreamEndEvent:
        raise _Doubt
    return data


class _Builder:
    """Builds values from the parser's events, one after the other."""

    def __init__(self, text: str, document: Document) -> None:
        self.events = yaml.parse(text, Loader=LOADER)
        self.document = document

    def build(self) -> Any:
        try:
            self._next()  # stream start
            if isinstance(self._next(), yaml.StreamEndEvent):
                raise _Stop(1, "empty")
            data = self._value(self._next(), (), 0)
            if data is None:
                raise _Stop(1, "empty")
            self._next()  # document end
            if not isinstance(after := self._next(), yaml.StreamEndEvent):
                raise _Stop(_line(after), "second-document")
            return data
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise _Stop(mark.line + 1 if mark else 1, "syntax", reason=error.problem or "?") from error
        except yaml.YAMLError as error:
            raise _Stop(1, "control-character") from error

    def _next(self) -> Any:
        return next(self.events)

    def _value(self, event: Any, place: Place, depth: int) -> Any:
        self.document.lines.setdefault(place, _line(event))
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            raise _Stop(_line(event), "alias", name=str(event.anchor))
        if event.tag:
            raise _Stop(_line(event), "tag", name=event.tag)
        if depth > MAX_DEPTH:
            raise _Stop(_line(event), "too-deep", limit=str(MAX_DEPTH))
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(place, depth)
        return self._mapping(place, depth)

    def _list(self, place: Place, depth: int) -> list[Any]:
        values: list[Any] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            values.append(self._value(event, (*place, len(values)), depth + 1))
        return values

    def _mapping(self, place: Place, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag:
                raise _Stop(_line(event), "key-not-text")
            key = event.value
            if key in values:
                first = str(self.document.line((*place, key)))
                self.document.problems.append(Problem(_line(event), "duplicate-key", {"key": key, "first": first}))
            self.document.lines.setdefault((*place, key), _line(event))
            values[key] = self._value(self._next(), (*place, key), depth + 1)
        return values


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _scalar(event: yaml.ScalarEvent) -> str | int | bool | None:
    text: str = event.value
    if event.style:  # quoted
        return text
    if text in CONSTANTS:
        return CONSTANTS[text]
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    return text


@dataclass
class File:
    """One file of a base: where it is, what it says, what is wrong, and its value once it has its shape."""

    path: str  # as faults show it
    name: str  # within the base
    document: Document
    value: Any = None

    @classmethod
    def of(cls, path: Path, folder: Path, cut: bool = True) -> File:
        shown = "".join(char if char.isprintable() else "?" for char in str(path))
        return cls(shown, path.relative_to(folder).as_posix(), read(path, cut))

    @property
    def problems(self) -> list[Problem]:
        return self.document.problems

    def fault(self, place: Place, kind: str, **words: object) -> None:
        line = self.document.line(place)
        self.problems.append(Problem(line, kind, {key: str(word) for key, word in words.items()}))
