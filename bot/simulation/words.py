"""What the words of a kubectl command mean: which objects, and how the API server's answers are told."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bot.simulation.apiserver import Rejected, Request
from bot.simulation.cluster import Cluster
from bot.simulation.deployment import REVISION
from bot.simulation.kinds import KINDS, plural
from bot.simulation.objects import Object, annotations_of, labels_of, name_of, number, uid_of

USER = "user/kubectl"


NOTHING_GIVEN = (
    "You must provide one or more resources by argument or filename.\nExample resource specifications include:\n"
    "   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'"
)
ONE_OR_MORE = "one or more resources must be specified as <resource> <name> or <resource>/<name>"
MISSING = {"rollout": "required resource not specified", "set": ONE_OR_MORE, "label": ONE_OR_MORE, "annotate": ONE_OR_MORE,
           "taint": "one or more resources must be specified as <resource> <name>"}  # fmt: skip


class Mistake(Exception):
    """kubectl's own `error: …`: the API server was not asked, or has nothing to do with it."""


@dataclass(frozen=True)
class Call:
    """A command line that was understood."""

    verb: str
    words: list[str]
    flags: dict[str, Any] = field(default_factory=dict)
    document: str | None = None

    def list(self, flag: str) -> list[str]:
        return list(self.flags.get(flag) or [])

    def need(self, flag: str) -> Any:
        if flag not in self.flags:
            raise Mistake(f'required flag(s) "{flag}" not set')
        return self.flags[flag]


def refusal(refused: Rejected) -> str:
    if refused.code == 503:
        return refused.message
    if refused.faults:  # one fault stands in the line, several below it
        head, what = re.sub(r"\.\S+", "", refused.message.split(" is invalid: ")[0], count=1), refused.faults
        return f"The {head} is invalid: " + (what[0] if len(what) == 1 else "".join(f"\n* {fault}" for fault in what))
    return f"Error from server ({refused.reason}): {refused.message}"


def kind_of(word: str) -> str:
    kind = KINDS.get(word.lower())
    if kind is None:
        raise Mistake(f'the server doesn\'t have a resource type "{word[:60]}"')
    return kind


def targets(cluster: Cluster, call: Call, words: list[str] | None = None) -> list[tuple[str, str]]:
    """`pod/NAME …`, `pod NAME …`, `pods -l app=x` or `pods --all` as kinds and names."""
    words = call.words if words is None else words
    if not words:
        raise Mistake(MISSING.get(call.verb.split()[0], NOTHING_GIVEN))
    if any("/" in word for word in words):
        pairs = [word.split("/", 1) for word in words]
        if any(len(pair) != 2 for pair in pairs):
            raise Mistake(
                "there is no need to specify a resource type as a separate argument "
                "when passing arguments in resource/name form"
            )
        return [(kind_of(kind), name) for kind, name in pairs]
    kind = kind_of(words[0])
    if words[1:]:
        return [(kind, name) for name in words[1:]]
    if "selector" in call.flags or call.flags.get("all"):
        return [(kind, name_of(thing)) for thing in chosen(cluster, kind, call.flags.get("selector"))]
    raise Mistake("resource(s) were provided, but no name was specified")


def chosen(cluster: Cluster, kind: str, selector: str | None) -> list[Object]:
    things = sorted(cluster.list(kind), key=name_of)
    return things if selector is None else [thing for thing in things if _matches(selector, labels_of(thing))]


def _matches(selector: str, labels: dict[str, str]) -> bool:
    for term in filter(None, selector.split(",")):
        key, sign, value = re.fullmatch(r"([^=!]*)(!=|==?|)(.*)", term, re.S).groups()  # type: ignore[union-attr]
        if not (labels.get(key) != value if sign == "!=" else labels.get(key) == value if sign else key in labels):
            return False
    return True


def existing(cluster: Cluster, kind: str, name: str) -> Object:
    """What is there, or the API server's NotFound."""
    return cluster.api.read(Request(USER, f"get {plural(kind)}", kind, name))


def each(cluster: Cluster, call: Call, does: Callable[[str, str], str], words: list[str] | None = None) -> str:
    """Does it to every target; one refusal does not keep the others from it."""
    answers = []
    for kind, name in targets(cluster, call, words):
        try:
            answers.append(does(kind, name))
        except Rejected as refused:
            answers.append(refusal(refused))
    return "\n".join(filter(None, answers)) or ("No resources found" if not answers else "")


def deployment_of(cluster: Cluster, kind: str, name: str) -> Object:
    if kind != "Deployment":
        raise Mistake(f"no rollout of a {kind}: only of a Deployment")
    return existing(cluster, kind, name)


def revisions(cluster: Cluster, deployment: Object) -> dict[int, Object]:
    owned = cluster.api.find("ReplicaSet", ("owner", uid_of(deployment)))
    return dict(sorted((number(annotations_of(rs).get(REVISION)), rs) for rs in owned))
