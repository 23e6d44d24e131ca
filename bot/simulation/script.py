"""The script language: one command a line: `kubectl …`, `world …`, `settle` or `wait 10s`; `#` begins a comment.

A script is understood as a whole before its first command runs.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bot.errors import Refused
from bot.simulation import kubectl, world
from bot.simulation.cluster import Cluster

LONGEST, COMMANDS, DOCUMENT = 256 * 1024, 1000, 64 * 1024
HERE = re.compile(r"<<-?\s*(['\"]?)([A-Za-z_]\w*)\1\s*$")
BEGUN = re.compile(r"\s<<-?\s*['\"]?(\w*)")
EXAMPLE = '{apiVersion: v1, kind: Pod, metadata: {name: solo}, spec: {containers: [{name: cup, image: "lemonade:v1"}]}}'
SHELL = {"|", "||", "&", "&&", ";", ">", ">>", "<"}
ONE_CUP = "world shops 2\nsettle\nkubectl create deployment lemonade --image=lemonade:v1\nsettle\nkubectl get pods"
UNSETTLED = "the world has not settled after 15 minutes; going on"
CROWDED = "more happens than one command may cause; going on"


@dataclass(frozen=True)
class Command:
    """One command that was understood; `source` is all of it, `text` its first line."""

    source: str
    text: str
    run: Callable[[Cluster], None]


def parse(script: str) -> list[Command]:
    """The commands of a script; Refused with one sentence when any of it cannot be understood."""
    if len(script) > LONGEST:
        raise Refused(f"the script is longer than {LONGEST // 1024} KiB")
    commands = []
    for number, text, document in _lines(script.removeprefix("\ufeff")):
        try:
            commands.append(_command(text, document))
        except Refused as fault:
            where = f"line {number}: " if "\n" in script.strip() else ""
            fault.args = (f"{where}{fault}",)
            raise
        if len(commands) > COMMANDS:
            raise Refused(f"line {number}: a script has at most {COMMANDS} commands")
    return commands


def _lines(script: str) -> Iterator[tuple[int, str, str | None]]:
    """Each command with its line number and here-document; a backslash at the end of a line goes on in the next."""
    lines = enumerate(re.split(r"\r\n|\n|\r", script), 1)
    for number, line in lines:
        text = line
        while text.endswith("\\"):
            text = text[:-1] + next(lines, (0, ""))[1]
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        here = HERE.search(text)
        if not here and (begun := BEGUN.search(text)):
            end = begun[1] or "EOF"
            raise Refused(
                f"line {number}: after <<{end} the line ends, then come the manifest and {end}, each on lines of their own:\n"
                f"kubectl apply -f - <<{end}\n{EXAMPLE}\n{end}"
            )
        if not here:
            yield number, text.strip(), None
            continue
        document: list[str] = []
        for _, inner in lines:
            if inner.strip() == here[2]:
                break
            document.append(inner)
        else:
            raise Refused(f"line {number}: the here-document has no {here[2]}, on a line of its own, at its end")
        yield number, text.strip(), "\n".join(document)


def _command(text: str, document: str | None) -> Command:
    try:
        words = shlex.split(HERE.sub("", text) if document is not None else text)
    except ValueError as error:
        raise Refused(f"{str(error).lower()}: {text[:80]}") from None
    comment = next((i for i, word in enumerate(words) if word.startswith("#")), len(words))
    words = words[:comment]
    if shell := SHELL & set(words):
        raise Refused(f"one command a line, without {sorted(shell)[0]}")
    if document is not None and len(document) > DOCUMENT:
        raise Refused(f"the here-document is longer than {DOCUMENT // 1024} KiB")
    source = text if document is None else f"{text}\n{document}\n{HERE.search(text)[2]}"  # type: ignore[index]
    return Command(source, text, _meaning(words, text, document))


def _meaning(words: list[str], text: str, document: str | None) -> Callable[[Cluster], None]:
    match words:
        case ["kubectl", *rest]:
            call = kubectl.parse(rest, document)
            return lambda cluster: _act(cluster, text, kubectl.reads(call), lambda: kubectl.run(cluster, call))
        case ["world", *rest]:
            change = world.parse(rest)
            return lambda cluster: _act(cluster, text, False, lambda: change(cluster))
        case ["settle"]:
            return lambda cluster: None if cluster.settle() else cluster.trace.say("OUTPUT", UNSETTLED)
        case ["wait", length]:
            ms = world.duration(length)
            return lambda cluster: None if cluster.wait(ms) else cluster.trace.say("OUTPUT", CROWDED)
        case _:
            raise Refused(f'"{" ".join(words)[:80]}" is none of: kubectl …, world …, settle, wait DURATION')


def _act(cluster: Cluster, text: str, reads: bool, does: Callable[[], str]) -> None:
    if not reads:
        cluster.trace.say("ACTION", text)
    if answer := does().rstrip():
        cluster.trace.say("OUTPUT", answer)
