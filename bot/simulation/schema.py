"""The fields an object may have, as `fields.txt` lists them: what is unknown or of the wrong type is refused (strict decoding),
what is left out gets its default, and what a field holds has to keep the field's rules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bot.simulation.objects import Object, clone, quantity

NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
NAME_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end "
    f"with an alphanumeric character (e.g. 'example.com', regex used for validation is '{NAME.pattern}')"
)
TIME = re.compile(r"20\d\d-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])T([01]\d|2[0-3])(:[0-5]\d){2}(\.\d{3})?Z")
PERCENT = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%')"
SHARE = re.compile(r"\d{1,9}%")
HANDLERS = {"httpGet", "exec", "tcpSocket", "grpc"}
NATURAL = "must be greater than or equal to 0"
GO = {int: "number", float: "number", str: "string", bool: "bool", list: "array", dict: "object"}
TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "int32": lambda value: isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31,
    "intstr": lambda value: TYPES["string"](value) or TYPES["int32"](value),
}


class Field(NamedTuple):
    type: str  # one of TYPES, "any", or the name of a shape; of a list, that of its items after "[]"
    default: Any
    rules: list[str]


def _read(text: str) -> dict[str, dict[str, Field]]:
    shapes: dict[str, dict[str, Field]] = {}
    for line in filter(None, re.sub("^#.*", "", text, flags=re.MULTILINE).splitlines()):
        names, _, rest = line.partition(": ")
        if not rest:
            shapes[line] = {}
            continue
        type, *rules = rest.split()
        default = next((json.loads(rule[1:]) for rule in rules if rule[0] == "="), None)
        field = Field(type, default, [rule for rule in rules if rule[0] != "="])
        shapes[next(reversed(shapes))] |= dict.fromkeys(names.split(), field)
    return shapes


SHAPES = _read(Path(__file__).with_name("fields.txt").read_text("utf-8"))
KINDS = {name.removesuffix("Spec") for name in SHAPES if name.endswith("Spec")}  # what somebody from outside may write


def misfit(thing: Object, sub: str = "") -> str:
    """What strict decoding has to say about an object, or about the status in it; empty when nothing."""
    kind, unknown = str(thing["kind"]), list[str]()
    shape = {"apiVersion": "string", "kind": "string", "metadata": "Metadata", "spec": f"{kind}Spec", "status": "any"}
    if sub:
        shape = {"kind": "string", "status": f"{kind}Status"}
    wrong = _object({key: Field(type, None, []) for key, type in shape.items()}, thing, "", kind, unknown)
    return wrong or (unknown and "strict decoding error: " + ", ".join(f'unknown field "{path}"' for path in unknown)) or ""


def _object(shape: dict[str, Field], value: Object, path: str, within: str, unknown: list[str]) -> str:
    """Collects unknown fields; returns the first type that does not fit, as the decoder does."""
    for key, item in value.items():
        inner = f"{path}.{key}" if path else str(key)
        field = shape.get(key) or shape.get("*")
        if not field:
            unknown.append(inner)
        elif wrong := _decoded(field.type, item, inner, within, unknown):
            return wrong
    return ""


def _decoded(type: str, value: Any, path: str, within: str, unknown: list[str]) -> str:
    if value is None or type == "any":
        return ""
    if item := type.partition("[]")[2]:
        if not isinstance(value, list):
            return _cannot(value, within, path, type if item in TYPES else "[]object")
        wrong = (_decoded(item, one, f"{path}[{i}]", within, unknown) if one is not None
                 else _cannot(one, within, path, "object") for i, one in enumerate(value))  # fmt: skip
        return next(filter(None, wrong), "")
    if type in TYPES:
        return "" if TYPES[type](value) else _cannot(value, within, path, type)
    shape = SHAPES.get(type, {})
    if isinstance(value, dict):
        return _object(shape, value, path, within, unknown)
    return _cannot(value, within, path, "map[string]string" if "*" in shape else "object")


def given(value: Any) -> str:
    """What Go's JSON calls it."""
    return GO.get(type(value), "value")


def _cannot(value: Any, within: str, path: str, wanted: str) -> str:
    what = given(value)
    if what == "number" and wanted == "int32":
        what = f"number {str(value)[:40]}"
    path = re.sub(r"\[\d+\]", "", path)
    return f"json: cannot unmarshal {what} into Go struct field {within}.{path} of type {wanted}"


def fill(type: str, value: Any) -> None:
    """Puts in, however deep, the defaults of what was left out."""
    for key, field in DEFAULTS.get(type.removeprefix("[]"), ()):
        for one in value if isinstance(value, list) else [value]:
            if one.get(key) is None and field.default is not None:
                one[key] = clone(field.default)
            if one.get(key) is not None:
                fill(field.type, one[key])


def check(type: str, value: Any, path: str) -> Iterator[str]:
    """What breaks a rule of its field, in the API server's words."""
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from check(type.removeprefix("[]"), item, f"{path}[{i}]")
    elif "*" in (shape := SHAPES.get(type, {})):
        for key, found in value.items():
            yield from _held(shape["*"], found, f"{path}[{key}]")
    else:
        for key, field in shape.items():
            yield from _held(field, value.get(key), f"{path}.{key}")


def _held(field: Field, value: Any, path: str) -> Iterator[str]:
    for rule in field.rules:
        if wrong := unsupported(value, rule.split("|")) if "|" in rule else RULES[rule](value):
            yield f"{path}: {wrong}"
    if value and field.type not in TYPES:
        yield from check(field.type, value, path)


def invalid(value: Any, why: str) -> str:
    return f"Invalid value: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))[:200]}: {why}" if why else ""


def unsupported(value: Any, supported: list[str]) -> str:
    listed = ", ".join(f'"{one}"' for one in supported)
    return f"Unsupported value: {json.dumps(value)}: supported values: {listed}" if value not in (None, *supported) else ""


def _amount(value: Any) -> str:
    size = quantity(value)
    return "must be a quantity such as 100m or 64Mi" if size is None else NATURAL if size < 0 else ""


RULES: dict[str, Callable[[Any], str]] = {  # what is wrong with a value; empty when nothing
    "required": lambda value: "" if value else "Required value",
    "handler": lambda probe: "" if probe is None or HANDLERS & probe.keys() else "Required value: must specify a handler type",
    "unplayed": lambda value: "Forbidden: only matchLabels can be used here" if value else "",
    "0+": lambda value: invalid(value, NATURAL if isinstance(value, int) and value < 0 else ""),
    "percent": lambda value: invalid(value, PERCENT if isinstance(value, str) and not SHARE.fullmatch(value) else ""),
    "port": lambda value: invalid(value, "" if 0 < (value or 0) < 65536 else "must be between 1 and 65535, inclusive"),
    "time": lambda value: invalid(value, "must be a time" if value and not TIME.fullmatch(value) else ""),
    "label": lambda value: invalid(value, "" if not value or (NAME.fullmatch(value) and "." not in value and len(value) < 64)
                                   else NAME_RULE.replace("subdomain", "label")),
    "amount": lambda value: invalid(value, _amount(value)),
}  # fmt: skip


def _defaults(type: str) -> list[tuple[str, Field]]:
    """The fields of a shape that have a default, or something within that has one."""
    fields = SHAPES.get(type.removeprefix("[]"), {}).items()
    return [(key, field) for key, field in fields if field.default is not None or _defaults(field.type)]


DEFAULTS = {shape: _defaults(shape) for shape in SHAPES}
