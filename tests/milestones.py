"""Cuts a trace into the milestones of each object, and says how far two traces of one scenario agree, from 0 to 1.

Parts that work at the same moment may interleave freely, so each object's own order is compared, never the order between
objects. The Pods of one ReplicaSet are interchangeable, and so are nodes: the most alike are compared with each other.

    state    who changed what of an object, in which order              60 %
    events   who reported which reason about it, repeats folded         25 %
    settled  the counters whenever a person acts, and at the end        15 %

How a script builds its shops is not compared: a recording begins with the nodes in place.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import dropwhile, groupby
from pathlib import Path
from typing import Any, NamedTuple

Line = dict[str, Any]
Trace = list[Line]
Tokens = dict[str, list[str]]  # object → its milestones in their order

WEIGHTS = {"state": 0.60, "events": 0.25, "settled": 0.15}
SAME_WRITER = {
    "default-scheduler": "kube-scheduler",
    "hollow-kubelet": "kubelet",
    "taint-eviction-controller": "node-controller",
}
WRITTEN = ("ADDED", "MODIFIED", "DELETED")
COMPARED = ("Deployment", "ReplicaSet", "Pod", "Node", "EndpointSlice")
COUNTED = ("Deployment", "ReplicaSet")
COUNTERS = {
    "Deployment": ("replicas", "readyReplicas", "availableReplicas", "updatedReplicas"),
    "ReplicaSet": ("replicas", "readyReplicas", "availableReplicas"),
}
NODE_REASONS = ("NodeReady", "NodeNotReady", "NodeSchedulable", "NodeNotSchedulable")
NOISE = ("MissingClusterDNS", "RegisteredNode", "NoPods")
REPEATED = ("BackOff", "Unhealthy", "Failed")  # they come back in rounds: folded within a round of three
FAILING = ("ImagePullBackOff", "ErrImagePull", "CrashLoopBackOff")
PROGRESS = ("NewReplicaSetAvailable", "ProgressDeadlineExceeded")


class Change(NamedTuple):
    old: Any
    new: Any
    inside: str  # what the path's pattern caught
    dying: bool  # the object had been marked for deletion


class Milestone(NamedTuple):
    kinds: tuple[str, ...]
    path: re.Pattern[str]
    told: Callable[[Change], str | None]


def _milestone(kinds: str, path: str, told: Callable[[Change], str | None]) -> Milestone:
    return Milestone(tuple(kinds.split()) or COMPARED, re.compile(path), told)


def _ready(change: Change) -> str | None:
    """A Pod's first Ready=False says nothing, nor does that of a Pod that is leaving."""
    told = change.old is not None and not (change.dying and change.new == "False")
    return f"Ready={change.new}" if told else None


MILESTONES = (
    _milestone("", r"spec\.replicas", lambda it: f"replicas {it.old}→{it.new}"),
    _milestone("", r"spec\..*\.image", lambda it: f"image→{it.new}"),
    _milestone("", r"metadata\.deletionTimestamp", lambda it: "terminating"),
    _milestone("", r"metadata\.ownerReferences", lambda it: "adopted" if it.new else "orphaned"),
    _milestone("Pod", r"spec\.nodeName", lambda it: "bound"),
    _milestone("Pod", r"status\.conditions\[PodScheduled\]\.status", lambda it: "unschedulable" if it.new == "False" else None),
    _milestone("Pod", r"status\.conditions\[Ready\]\.status", _ready),
    _milestone("Pod", r"status\.conditions\[DisruptionTarget\]\.status", lambda it: "disrupted"),
    _milestone("Pod", r"status\.phase", lambda it: None if it.dying else f"phase {it.new}"),
    _milestone("Pod", r".*\.restartCount", lambda it: f"restart {it.new}" if it.new else None),
    _milestone("Pod", r".*\.state\.waiting\.reason", lambda it: f"waiting {it.new}" if it.new in FAILING else None),
    _milestone(
        "Deployment",
        r"status\.conditions\[Progressing\]\.reason",
        lambda it: f"Progressing={it.new}" if it.new in PROGRESS else None,
    ),
    _milestone("Deployment", r"metadata\.annotations\.deployment\.kubernetes\.io/revision", lambda it: f"revision {it.new}"),
    _milestone("Node", r"spec\.taints\[(.+?)\]\.effect", lambda it: f"taint {'+' if it.new else '-'}{it.inside}"),
    _milestone("Node", r"spec\.unschedulable", lambda it: "cordoned" if it.new else "uncordoned"),
    _milestone("Node", r"status\.conditions\[Ready\]\.status", lambda it: f"Ready={it.new}"),
    _milestone("EndpointSlice", r".*conditions\.ready", lambda it: f"endpoint ready={it.new}"),
)


@dataclass
class Cut:
    state: Tokens = field(default_factory=lambda: defaultdict(list))
    events: Tokens = field(default_factory=lambda: defaultdict(list))
    settled: list[str] = field(default_factory=list)


class Agreement(NamedTuple):
    total: float
    state: float
    events: float
    settled: float
    differences: list[str]


def load(path: Path) -> Trace:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def compare(real: Iterable[Line], ours: Iterable[Line]) -> Agreement:
    theirs, mine = cut(real), cut(ours)
    differences: list[str] = []
    scores = {
        "state": _agreement(theirs.state, mine.state, differences),
        "events": _agreement(theirs.events, mine.events, differences),
        "settled": alike(theirs.settled, mine.settled),
    }
    if scores["settled"] < 1:
        differences.append(f"settled\n    real {theirs.settled}\n    ours {mine.settled}")
    total = sum(WEIGHTS[part] * score for part, score in scores.items())
    return Agreement(total=total, differences=differences, **scores)


def cut(trace: Iterable[Line]) -> Cut:
    found, dying = Cut(), set()
    counters: dict[str, dict[str, int]] = {}
    snapshots = [_snapshot(counters)]
    for line in dropwhile(_building, trace):
        name = line["name"]
        if line["verb"] == "ACTION":
            snapshots.append(_snapshot(counters))
        elif line["verb"] == "EVENT":
            _fold(found.events, line)
        elif line["verb"] in WRITTEN and line["kind"] in COMPARED:
            found.state[name] += _written(line, name in dying)
            if "metadata.deletionTimestamp" in line.get("changed", {}):
                dying.add(name)
            if line["kind"] in COUNTED:
                _count(counters, line)
    snapshots.append(_snapshot(counters))
    found.settled = [snapshot for snapshot, _ in groupby(snapshots)][1:]
    return found


def alike(these: list[str], those: list[str]) -> float:
    """Twice the longest common subsequence, by the length of both."""
    if not these and not those:
        return 1.0
    row = [0] * (len(those) + 1)
    for this in these:
        diagonal = 0
        for column, that in enumerate(those, 1):
            diagonal, row[column] = row[column], diagonal + 1 if this == that else max(row[column], row[column - 1])
    return 2 * row[-1] / (len(these) + len(those))


def _building(line: Line) -> bool:
    return (line["verb"] == "ACTION" and "world " in line["text"]) or line["name"].startswith("node/")


def _writer(line: Line) -> str:
    name = str(line["source"]).split("/")[0]
    return SAME_WRITER.get(name, name)


def _written(line: Line, dying: bool) -> list[str]:
    """The milestones of one write."""
    changed, by = line.get("changed") or {}, _writer(line)
    if line["verb"] == "DELETED":
        told = ["deleted"]
    elif line["verb"] == "ADDED":
        size = changed.get("spec.replicas")
        sized = line["kind"] in COUNTED and size is not None
        return [f"created by {by}" + (f" replicas={size}" if sized else "")]
    else:
        told = [word for path, (old, new) in changed.items() for word in _told(line["kind"], path, old, new, dying)]
    return sorted(f"{word} by {by}" for word in told)


def _told(kind: str, path: str, old: Any, new: Any, dying: bool) -> Iterable[str]:
    for milestone in MILESTONES:
        if kind in milestone.kinds and (found := milestone.path.fullmatch(path)):
            told = milestone.told(Change(old, new, found[1] if found.re.groups else "", dying))
            return [told] if told else []
    return []


def _fold(events: Tokens, line: Line) -> None:
    name, reason = line["name"], line["reason"]
    of_node = name.startswith("node/") and reason not in NODE_REASONS
    if reason in NOISE or of_node or name.startswith(("namespace/", "pdb/")):
        return
    token = f"{reason} by {_writer(line)}"
    if token not in events[name][-3 if reason in REPEATED else -1 :]:
        events[name].append(token)


def _count(counters: dict[str, dict[str, int]], line: Line) -> None:
    if line["verb"] == "DELETED":
        counters.pop(line["name"], None)
        return
    mine = counters.setdefault(line["name"], dict.fromkeys(COUNTERS[line["kind"]], 0))
    for counter in mine:
        if f"status.{counter}" in line["changed"]:
            value = line["changed"][f"status.{counter}"]
            mine[counter] = (value if line["verb"] == "ADDED" else value[1]) or 0


def _snapshot(counters: dict[str, dict[str, int]]) -> str:
    return ", ".join(f"{name} {'/'.join(map(str, mine.values()))}" for name, mine in sorted(counters.items()))


def _group(name: str) -> str:
    """Objects of one group are interchangeable."""
    return re.sub(r"-\d+$", "", name) if name.startswith("pod/") else "node" if name.startswith("node/") else name


def _agreement(real: Tokens, ours: Tokens, differences: list[str]) -> float:
    """The weighted likeness of two tables; an object that only one of them has counts in full."""
    likeness = weight = 0.0
    for group in sorted({_group(name) for name in [*real, *ours]}):
        left, right = ({name: told for name, told in table.items() if _group(name) == group} for table in (real, ours))
        for name, other in _pairs(left, right):
            theirs, mine = left.get(name, []), right.get(other, [])
            score = alike(theirs, mine) if name and other else 0.0
            size = max(len(theirs), len(mine), 1)
            likeness, weight = likeness + score * size, weight + size
            if score < 1:
                differences.append(f"{name or 'nothing'} | {other or 'nothing'}\n    real {theirs}\n    ours {mine}")
    return likeness / weight if weight else 1.0


def _pairs(left: Tokens, right: Tokens) -> Iterable[tuple[str, str]]:
    """Each name with the one most like it; the empty name where one side has no more."""
    by_likeness = sorted(
        ((name, other) for name in left for other in right), key=lambda pair: (-alike(left[pair[0]], right[pair[1]]), pair)
    )
    alone, free = set(left), set(right)
    for name, other in by_likeness:
        if name in alone and other in free:
            alone.remove(name)
            free.remove(other)
            yield name, other
    yield from ((name, "") for name in sorted(alone))
    yield from (("", other) for other in sorted(free))
