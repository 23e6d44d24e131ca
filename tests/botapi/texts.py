"""Texts as Telegram reads them: entities, HTML, MarkdownV2, trimming, and lengths in UTF-16 units."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tests.botapi.refusals import Json, Refused, Surprise, keys

ENTITIES = 100
_LINK = re.compile(r"https?://[^\s/?#:]+\.[^\s/?#:.]+(:\d+)?([/?#]\S*)?|(tg|ton)://\S+", re.IGNORECASE)
KINDS = {
    "mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number", "bold", "italic", "underline",
    "strikethrough", "spoiler", "blockquote", "expandable_blockquote", "code", "pre", "text_link", "text_mention",
    "custom_emoji",
}  # fmt: skip


@dataclass
class Text:
    """A text without its markup, and the entities."""

    text: str
    entities: list[Json] = field(default_factory=list)


def length(text: str) -> int:
    """Length as Telegram counts it: in UTF-16 units."""
    return len(text) + sum(char > "\uffff" for char in text)


def read(source: str, mode: str | None, entities: Any, most: int, long: str, empty: str | None, notes: list[str]) -> Text:
    """A text as Telegram keeps it: markup parsed, then trimmed, then measured. `notes` takes what a test should know."""
    if re.search("[\ud800-\udfff]", source):
        raise Refused("strings must be encoded in UTF-8")
    if mode and entities:
        notes.append("parse_mode and entities were given together: Telegram takes one of them")
    if not mode or mode.lower() == "none":
        found = Text(source, _given(source, entities, notes))
    elif mode.lower() in _READERS:
        found = _READERS[mode.lower()](source).read()
    else:
        raise Surprise(f"unsupported parse_mode {mode!r}")
    found = _trimmed(found)
    if not found.text and empty:
        raise Refused(empty)
    if length(found.text) > most:
        raise Refused(long)
    if len(found.entities) > ENTITIES:
        notes.append(f"a text has {len(found.entities)} entities: Telegram ignores those after the first {ENTITIES}")
        found.entities = found.entities[:ENTITIES]
    return found


def link(url: Any) -> None:
    """An address a text or a button may lead to."""
    if not isinstance(url, str) or not _LINK.fullmatch(url):
        raise Refused(f"entity URL '{url}' is invalid: Wrong HTTP URL")


def _dropped(url: str | None) -> str:
    """An address in markup: where it is wrong, Telegram shows the text and says nothing."""
    if not _LINK.fullmatch(url or ""):
        raise Surprise(f"Telegram drops the link to {url!r}")
    return url or ""


def _given(source: str, entities: Any, notes: list[str]) -> list[Json]:
    if entities is None:
        return []
    if not isinstance(entities, list):
        raise Surprise("can't parse entities: expected an Array")
    edges, size = {0}, 0
    for char in source:
        size += length(char)
        edges.add(size)
    kept = []
    for entity in entities:
        keys("MessageEntity", entity, "type", "offset", "length", "url", "user", "language", "custom_emoji_id")
        kind, start, covers = entity.get("type"), entity.get("offset"), entity.get("length")
        if kind not in KINDS:
            raise Surprise(f"can't parse entities: unsupported type {kind!r}")
        if type(start) is not int or type(covers) is not int:
            raise Surprise(f"can't parse entities: offset and length are integers: {entity}")
        end = start + covers
        if start < 0:
            raise Refused(f"receive an entity with incorrect offset {start}")
        if covers < 0:
            raise Refused(f"receive an entity with incorrect length {covers}")
        if start > size:
            raise Refused(f"entity begins after the end of the text at UTF-16 offset {start}")
        if end > size:
            raise Refused(f"entity beginning at UTF-16 offset {start} ends after the end of the text at UTF-16 offset {end}")
        if start not in edges:
            raise Refused(f"entity begins in a middle of a UTF-16 symbol at UTF-16 offset {start}")
        if end not in edges:
            raise Refused(f"entity beginning at UTF-16 offset {start} ends in a middle of a UTF-16 symbol")
        if kind == "text_link":
            link(entity.get("url"))
        if covers:
            kept.append(dict(entity))
        else:
            notes.append(f"an entity covers nothing: {entity}")
    return sorted(kept, key=_order)


def _order(entity: Json) -> tuple[int, int]:
    return entity["offset"], -entity["length"]


def _trimmed(found: Text) -> Text:
    if "\r" in found.text and found.entities:
        raise Surprise("carriage returns in a text with entities: the offsets become wrong")
    body = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", " ", found.text.replace("\r", ""))
    left = length(body) - length(body.lstrip())
    body = body.strip()
    size, kept = length(body), []
    for entity in found.entities:
        start, end = max(entity["offset"] - left, 0), min(entity["offset"] + entity["length"] - left, size)
        if end > start:
            kept.append(entity | {"offset": start, "length": end - start})
    return Text(body, kept)


class _Reader:
    """What reading HTML and MarkdownV2 share: the text so far, and the entities begun and ended."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.out: list[str] = []
        self.units = 0
        self.found: list[Json] = []
        self.open: list[tuple[str, Json, int]] = []  # tag or mark, entity, where it begins

    def put(self, piece: str) -> None:
        self.out.append(piece)
        self.units += length(piece)

    def begin(self, name: str, entity: Json, width: int) -> None:
        self.open.append((name, entity | {"offset": self.units}, self.at))
        self.at += width

    def end(self, entity: Json) -> None:
        entity["length"] = self.units - entity["offset"]
        if entity["length"] > 0:
            self.found.append(entity)

    def bytes(self, index: int) -> int:
        return len(self.source[:index].encode("utf-8", "surrogatepass"))

    def broken(self, why: str, index: int | None = None, rest: str = "") -> Refused:
        where = "" if index is None else f" at byte offset {self.bytes(index)}"
        return Refused(f"can't parse entities: {why}{where}{rest}")

    def read(self) -> Text:
        while self.at < len(self.source):
            self.step()
        self.finish()
        return Text("".join(self.out), sorted(self.found, key=_order))

    def step(self) -> None:
        raise NotImplementedError

    def finish(self) -> None:
        raise NotImplementedError


class _Html(_Reader):
    TAGS: ClassVar[dict[str, str]] = {
        "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
        "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "tg-spoiler": "spoiler", "span": "spoiler",
        "a": "text_link", "code": "code", "pre": "pre", "blockquote": "blockquote", "tg-emoji": "custom_emoji",
    }  # fmt: skip
    CHARACTER = re.compile(r"&(?:#(\d+)|#x([0-9a-fA-F]+)|(lt|gt|amp|quot));?")
    START = re.compile(r"<([a-zA-Z0-9-]*)")
    END = re.compile(r"</\s*([a-zA-Z0-9-]*)\s*>")
    ATTRIBUTE = re.compile(r"""\s+([a-zA-Z-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+)))?""")

    def step(self) -> None:
        if self.source.startswith("</", self.at):
            self.end_tag()
        elif self.source[self.at] == "<":
            self.start_tag()
        elif named := self.CHARACTER.match(self.source, self.at):
            decimal, hexadecimal, name = named.groups()
            code = int(decimal) if decimal else int(hexadecimal, 16) if hexadecimal else ord(html.unescape(f"&{name};"))
            if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000:
                self.put(chr(code))
            self.at = named.end()
        else:
            self.put(self.source[self.at])
            self.at += 1

    def start_tag(self) -> None:
        opened = self.at
        head = self.START.match(self.source, opened)
        name = head.group(1).lower() if head else ""
        if not head or name not in self.TAGS:
            raise self.broken(f'Unsupported start tag "{name}"', opened)
        here, given = head.end(), {}
        while found := self.ATTRIBUTE.match(self.source, here):
            key, *values = found.groups()
            given[key.lower()] = html.unescape(next((value for value in values if value is not None), ""))
            here = found.end()
        here += len(self.source[here:]) - len(self.source[here:].lstrip())
        if not self.source.startswith(">", here):
            raise self.broken(f'Unclosed start tag "{name}"', opened)
        entity: Json = {"type": self.TAGS[name]}
        match name:
            case "span":
                if given.get("class") != "tg-spoiler":
                    raise self.broken('Tag "span" must have class "tg-spoiler"', opened)
            case "a":
                entity["url"] = _dropped(given.get("href"))
            case "blockquote" if "expandable" in given:
                entity["type"] = "expandable_blockquote"
            case "tg-emoji":
                if not given.get("emoji-id", "").isdigit():
                    raise self.broken("Invalid custom emoji identifier specified")
                entity["custom_emoji_id"] = given["emoji-id"]
            case "code" if given.get("class", "").startswith("language-"):
                entity["language"] = given["class"].removeprefix("language-")
        self.begin(name, entity, here + 1 - opened)

    def end_tag(self) -> None:
        tag = self.END.match(self.source, self.at)
        if not tag:
            raise self.broken("Unclosed end tag", self.at)
        if not self.open:
            raise self.broken("Unexpected end tag", self.at)
        name, entity, _ = self.open.pop()
        if tag.group(1).lower() not in ("", name):
            raise self.broken("Unmatched end tag", self.at, f', expected "</{name}>", found "</{tag.group(1).lower()}>"')
        self.end(entity)
        self.at = tag.end()

    def finish(self) -> None:
        if self.open:
            raise self.broken(f'Can\'t find end tag corresponding to start tag "{self.open[-1][0]}"')
        # <pre><code class="language-…"> is one entity.
        outer = {_order(one): one for one in self.found if one["type"] == "pre"}
        for one in [one for one in self.found if one["type"] == "code"]:
            language = one.pop("language", None)
            if pre := outer.get(_order(one)):
                self.found.remove(one)
                if language:
                    pre["language"] = language


class _Markdown(_Reader):
    MARKS: ClassVar[dict[str, str]] = {"__": "underline", "||": "spoiler", "*": "bold", "_": "italic", "~": "strikethrough"}
    TARGET = re.compile(r"\]\(((?:\\.|[^)\\])*)\)")

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.quote: Json | None = None

    def step(self) -> None:
        source, at = self.source, self.at
        if self.line_start():
            return
        if source[at] == "\\" and source[at + 1 : at + 2].isascii() and at + 1 < len(source):
            self.put(source[at + 1])
            self.at += 2
        elif self.quote and re.compile(r"\|\|(\n|$)").match(source, at) and not any(one[0] == "||" for one in self.open):
            self.quote["type"] = "expandable_blockquote"
            self.at += 2
        elif source[at] == "`":
            self.verbatim("```" if source.startswith("```", at) else "`")
        elif mark := next((one for one in self.MARKS if source.startswith(one, at)), ""):
            self.mark(mark)
        elif source[at] == "[" or source.startswith("![", at):
            mark = "[" if source[at] == "[" else "!["
            self.begin(mark, {"type": "text_link" if mark == "[" else "custom_emoji"}, len(mark))
        elif source[at] == "]" and self.open and self.open[-1][0] in ("[", "!["):
            self.target()
        elif source[at] in "[]()>#+-=|{}.!":
            raise self.broken(f"Character '{source[at]}' is reserved and must be escaped with the preceding '\\'")
        else:
            self.put(source[at])
            self.at += 1

    def line_start(self) -> bool:
        """Takes the signs of a quotation."""
        if self.at and self.source[self.at - 1] != "\n":
            return False
        if self.source.startswith("**>", self.at):
            self.end_quote()
            self.at += 2
        if self.source[self.at] == ">":
            self.quote = self.quote or {"type": "blockquote", "offset": self.units}
            self.at += 1
            return True
        self.end_quote()
        return False

    def end_quote(self) -> None:
        if self.quote:
            self.unclosed()
            self.end(self.quote)
            self.quote = None

    def mark(self, mark: str) -> None:
        # `___` ends the innermost of italic and underline first.
        if mark == "__" and self.open and self.open[-1][0] == "_":
            mark = "_"
        if self.open and self.open[-1][0] == mark:
            self.end(self.open.pop()[1])
            self.at += len(mark)
        else:
            self.begin(mark, {"type": self.MARKS[mark]}, len(mark))

    def target(self) -> None:
        """The address behind a text in brackets."""
        mark, entity, began = self.open.pop()
        target = self.TARGET.match(self.source, self.at)
        if not target:
            if self.source.startswith("](", self.at):
                raise self.broken("Can't find end of a URL", self.at + 1)
            raise self.broken(f"Can't find end of {self.title(mark)} entity", began)
        url = re.sub(r"\\(.)", r"\1", target.group(1))
        if mark == "[":
            entity["url"] = _dropped(url)
        elif number := re.fullmatch(r"tg://emoji\?id=(\d+)", url):
            entity["custom_emoji_id"] = number.group(1)
        else:
            raise self.broken("Custom emoji URL must have an emoji identifier")
        self.end(entity)
        self.at = target.end()

    def verbatim(self, fence: str) -> None:
        """Code, in which only fences and backslashes are escaped."""
        inside = re.compile(rf"((?:\\[\x01-\x7e]|(?!{fence}).)*){fence}", re.DOTALL)
        end = inside.match(self.source, self.at + len(fence))
        if not end:
            raise self.broken(f"Can't find end of {'Code' if fence == '`' else 'Pre'} entity", self.at)
        body = re.sub(r"\\([\x01-\x7e])", r"\1", end.group(1))
        entity: Json = {"type": "code" if fence == "`" else "pre", "offset": self.units}
        if fence == "```" and (head := re.match(r"([^\s`]*)\n", body)):
            body = body[head.end() :]
            if head.group(1):
                entity["language"] = head.group(1)
        self.put(body)
        self.end(entity)
        self.at = end.end()

    def title(self, mark: str) -> str:
        return {"[": "TextUrl", "![": "CustomEmoji"}.get(mark) or self.MARKS[mark].title()

    def unclosed(self) -> None:
        if self.open:
            mark, _, began = self.open[-1]
            raise self.broken(f"Can't find end of {self.title(mark)} entity", began)

    def finish(self) -> None:
        self.unclosed()
        self.end_quote()


_READERS: dict[str, type[_Reader]] = {"html": _Html, "markdownv2": _Markdown}
