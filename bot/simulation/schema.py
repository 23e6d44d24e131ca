"""The fields an object may have, as `fields.txt` lists them: what is unknown or of the wrong type is refused (strict decoding),
what is left out gets its default, and what a field holds has to keep the field's rules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bot.simulation.objects import clone, quantity

PORT, NATURAL = "must be between 1 and 65535, inclusive", "must be greater than or equal to 0"
HANDLER, HANDLERS = "Required value: must specify a handler type", {"httpGet", "exec", "tcpSocket", "grpc"}
GO = {int: "number", float: "number", str: "string", bool: "bool", list: "array", dict: "object"}
TYPES: dict[str, Callable[[Any], bool]] = {
    "any": lambda value: True,
    "string": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "int32": lambda value: isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31,
    "intstr": lambda value: TYPES["string"](value) or TYPES["int32"](value),
}
RULES: dict[str, Callable[[Any], str]] = {  # what is wrong with a value; empty when nothing
    "required": lambda value: "" if value else "Required value",
    "handler": lambda probe: "" if probe is None or HANDLERS & probe.keys() else HANDLER,
    "unplayed": lambda value: "Forbidden: only matchLabels can be used here" if value else "",
    "0+": lambda value: invalid(value, NATURAL) if isinstance(value, int) and value < 0 else "",
    "port": lambda value: "" if 0 < (value or 0) < 65536 else invalid(value, PORT),
    "amount": lambda value: "" if (quantity(value) or 0) >= 0 else invalid(value, NATURAL),
    "quantity": lambda value: invalid(value, "must be a quantity such as 100m or 64Mi") if quantity(value) is None else "",
}


class Field(NamedTuple):
    type: str  # one of TYPES or the name of a shape; of a list, that of its items after "[]"
    default: Any
    rules: list[str]


class Misfit(Exception):
    """A value is of the wrong type."""


def _read(text: str) -> dict[str, dict[str, Field]]:
    shapes: dict[str, dict[str, Field]] = {}
    for head, body in re.findall(r"^(\w[\w ]+)\n((?:  .*\n)+)", text, re.MULTILINE):
        fields: dict[str, Field] = {}
        for names, type, rest in re.findall(r"  (\S[^:\n]*): (\S+)((?: \S+)*)", body):
            rules = rest.split()
            default = next((json.loads(rule[1:]) for rule in rules if rule[0] == "="), None)
            fields |= dict.fromkeys(names.split(), Field(type, default, [rule for rule in rules if rule[0] != "="]))
        shapes |= dict.fromkeys(head.split(), fields)
    specs = [name for name in shapes if name.endswith("Spec")]
    return {**shapes, **{name.removesuffix("Spec"): {**shapes["Object"], "spec": Field(name, None, [])} for name in specs}}


TABLE = Path(__file__).with_name("fields.txt").read_text("utf-8")
SHAPES = _read(TABLE)
PATTERNS = {name: (re.compile(pattern), said) for name, pattern, said in re.findall(r"^(\w+) = (\S+) = (.*)$", TABLE, re.M)}


def misfit(kind: str, value: Any, sub: str = "") -> str:
    """What strict decoding has to say about an object, or about the status of one; empty when nothing."""
    try:
        unknown = [f'unknown field "{path}"' for path in _unknown(kind + sub.title(), value, sub)]
    except Misfit as wrong:
        what, path, wanted = wrong.args
        number = f" {str(what)[:40]}" if given(what) == "number" and wanted == "int32" else ""
        return f"json: cannot unmarshal {given(what)}{number} into Go struct field {kind}.{path} of type {wanted}"
    return "strict decoding error: " + ", ".join(unknown) if unknown else ""


def _unknown(type: str, value: Any, path: str) -> Iterator[str]:
    """The fields that are in no shape; Misfit (value, path, type) for the first that is of the wrong type."""
    item, shape = type.partition("[]")[2], SHAPES.get(type, {})
    if item and isinstance(value, list):
        for i, one in enumerate(value):
            if one is None:
                raise Misfit(one, re.sub(r"\[\d+\]", "", path), "object")
            yield from _unknown(item, one, f"{path}[{i}]")
    elif isinstance(value, dict) and not item and type not in TYPES:
        for key, one in value.items():
            inner = f"{path}.{key}" if path else str(key)
            if field := shape.get(key) or shape.get("*"):
                yield from _unknown(field.type, one, inner)
            else:
                yield inner
    elif value is not None and not TYPES.get(type, lambda value: False)(value):
        wanted = type if (item or type) in TYPES else "[]object" if item else "map[string]string" if "*" in shape else "object"
        raise Misfit(value, re.sub(r"\[\d+\]", "", path), wanted)


def given(value: Any) -> str:
    """What Go's JSON calls it."""
    return GO.get(type(value), "value")


def fill(type: str, value: Any) -> None:
    """Puts in, however deep, the defaults of what was left out."""
    for one in value if isinstance(value, list) else [value]:
        for key, field in SHAPES.get(type.removeprefix("[]"), {}).items():
            if one.get(key) is None and field.default is not None:
                one[key] = clone(field.default)
            if one.get(key) is not None and field.type not in TYPES:
                fill(field.type, one[key])


def check(type: str, value: Any, path: str) -> Iterator[str]:
    """What breaks a rule of its field, in the API server's words."""
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from check(type.removeprefix("[]"), item, f"{path}[{i}]")
        return
    shape = SHAPES.get(type, {})
    for key in value if "*" in shape else shape:
        field, found = shape.get(key) or shape["*"], value.get(key)
        here = f"{path}[{key}]" if "*" in shape else f"{path}.{key}"
        yield from (f"{here}: {wrong}" for rule in field.rules if (wrong := broken(rule, found)))
        if found and field.type not in TYPES:
            yield from check(field.type, found, here)


def broken(rule: str, value: Any) -> str:
    """What is to be said of a value that does not keep a rule; empty when it does."""
    if "|" in rule:
        return unsupported(value, rule.split("|"))
    if rule in RULES:
        return RULES[rule](value)
    pattern, said = PATTERNS[rule]
    return "" if not isinstance(value, str) or pattern.fullmatch(value) else invalid(value, said)


def invalid(value: Any, why: str) -> str:
    return f"Invalid value: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))[:200]}: {why}"


def unsupported(value: Any, supported: list[str]) -> str:
    listed = ", ".join(f'"{one}"' for one in supported)
    return f"Unsupported value: {json.dumps(value)}: supported values: {listed}" if value not in (None, *supported) else ""
