"""kubectl's flags: `--name=value`, `--name value`, `-n value` and switches, with the words of Go's parser for what is wrong."""

from __future__ import annotations

import re
from typing import Any

from bot.errors import NotSimulated, Refused

COMMON = "namespace= output= selector= all-namespaces timeout= request-timeout= context= kubeconfig= field-manager= record v#"
OTHERS = """
    allow-missing-template-keys as as-group cache-dir certificate-authority chunk-size client-certificate cluster field-selector
    filename ignore-errors kustomize label-columns limit-bytes local max-log-requests output-watch-events
    overrides override-type prefix prune raw rm save-config server show-managed-fields since-time stdin template token tty user
    pod-running-timeout attach expose env-from resource-version session-affinity external-ip interactive all-pods
"""
REAL = frozenset(OTHERS.split())  # flags that only the real kubectl has
SHORT = {"n": "namespace", "o": "output", "l": "selector", "A": "all-namespaces", "f": "filename", "p": "patch", "w": "watch",
         "c": "container", "r": "replicas", "R": "recursive", "L": "label-columns", "k": "kustomize", "i": "stdin", "t": "tty",
         "v": "v", "s": "server"}  # fmt: skip
OF_LOGS = {"f": "follow", "p": "previous"}


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
                name, equals, value = _short(verb, name, equals, value)
            if name not in known:
                if name in REAL:
                    raise NotSimulated(f"kubectl {verb} --{name}")
                what = (
                    f"flag: {word.split('=')[0][:40]}" if word[:2] == "--" else f"shorthand flag: '{word[1:2]}' in {word[:40]}"
                )
                raise Refused(f"error: unknown {what}\nSee 'kubectl {verb.replace(' -f', '')} --help' for usage.")
            if known[name] and not equals:
                value = next(left, "")
                if not value:
                    raise Refused(f"error: flag needs an argument: --{name}")
            _keep(found, name, known[name], value, bool(equals))
    return args, found


def _short(verb: str, name: str, equals: str, value: str) -> tuple[str, str, str]:
    letter = name[:1]
    short = SHORT | OF_LOGS if verb == "logs" else SHORT
    if letter not in short:
        return name, equals, value
    rest = name[1:] + equals + value
    return short[letter], "=" if rest else "", rest.removeprefix("=")


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
