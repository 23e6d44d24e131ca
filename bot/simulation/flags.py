"""kubectl's flags: `--name=value`, `--name value`, `-n value` and switches, with the words of Go's parser for what is wrong."""

from __future__ import annotations

import re
from typing import Any

from bot.errors import Refused

COMMON = "namespace= output= selector= all-namespaces timeout= request-timeout= context= kubeconfig= field-manager= record v#"
SHORT = {"n": "namespace", "o": "output", "l": "selector", "A": "all-namespaces", "f": "filename", "p": "patch", "w": "watch",
         "c": "container", "r": "replicas", "R": "recursive"}  # fmt: skip


def read(words: list[str], spec: list[str], verb: str) -> tuple[list[str], dict[str, Any]]:
    known = {name.rstrip("=#*"): name[-1] if name[-1] in "=#*" else "" for name in spec}
    args: list[str] = []
    found: dict[str, Any] = {}
    left = iter(words)
    for word in left:
        if word == "--":
            found["command"] = list(left)
        elif not word.startswith("-") or word == "-":
            args.append(word)
        else:
            name, equals, value = word.lstrip("-").partition("=")
            if not word.startswith("--"):
                name, equals, value = _short(word, name, equals, value)
            if name not in known:
                names = ", ".join(f"--{flag}" for flag in known if f"{flag}" not in _plain(COMMON))
                raise Refused(f"error: unknown flag: {word.split('=')[0][:40]}; {verb} has {names or 'none of its own'}")
            if known[name] and not equals:
                value = next(left, "")
                if not value:
                    raise Refused(f"error: flag needs an argument: --{name}")
            _keep(found, name, known[name], value, bool(equals))
    return args, found


def _plain(spec: str) -> list[str]:
    return [name.rstrip("=#*") for name in spec.split()]


def _short(word: str, name: str, equals: str, value: str) -> tuple[str, str, str]:
    letter = name[:1]
    if letter not in SHORT:
        return name, equals, value
    rest = name[1:] + equals + value
    return SHORT[letter], "=" if rest else "", rest.removeprefix("=")


def _keep(found: dict[str, Any], name: str, kind: str, value: str, given: bool) -> None:
    if kind == "#":
        found[name] = integer(name, value)
    elif kind == "*":
        found.setdefault(name, []).append(value)
    elif kind == "=":
        found[name] = value
    elif not given or value in ("true", "false"):
        found[name] = not given or value == "true"
    else:
        found[name] = value  # --dry-run=client, --cascade=orphan


def integer(name: str, text: str) -> int:
    if not re.fullmatch(r"[+-]?\d+", text):
        why = "invalid syntax"
    elif len(text) > 11 or not -(2**31) <= int(text) < 2**31:
        why = "value out of range"
    else:
        return int(text)
    raise Refused(f'error: invalid argument "{text[:40]}" for "--{name}" flag: strconv.ParseInt: parsing "{text[:40]}": {why}')
