"""What a change will really lead to: the answer behind a quiz question is computed, never written down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.simulation.cluster import Cluster
from bot.simulation.objects import Object, name_of, uid_of
from bot.simulation.printers import node_status, pod_status
from bot.simulation.statuses import status_of
from bot.simulation.trace import Line

COUNTERS = ("replicas", "readyReplicas", "availableReplicas", "updatedReplicas")


@dataclass(frozen=True)
class Outcome:
    """The world after a change has settled, in plain values; names are those of Pods."""

    seconds: float
    counters: dict[str, dict[str, int]]  # "deploy/lemonade" -> replicas, readyReplicas, …
    phases: dict[str, str]
    statuses: dict[str, str]  # the STATUS column of kubectl
    restarts: dict[str, int]
    nodes: dict[str, str]  # Pod -> node, "" when it has none
    shops: dict[str, str]  # node -> Ready, NotReady
    kept: tuple[str, ...]  # there before, and the same one still
    gone: tuple[str, ...]
    new: tuple[str, ...]
    reasons: tuple[str, ...]  # of the Events, in the order in which they were first told
    refused: tuple[str, ...]  # what the API server answered to the user
    lines: tuple[Line, ...]


def predict(history: Iterable[str], change: str, settle: bool = True) -> Outcome:
    """The true outcome of `change` after these commands, once the world has settled; nothing kept elsewhere is touched."""
    cluster = Cluster.replay(history)
    before, start = _uids(cluster), cluster.clock.now
    lines = cluster.run(change)
    if settle:
        cluster.settle()
    lines += cluster.trace.take()
    after = _uids(cluster)
    pods = sorted(cluster.list("Pod"), key=name_of)
    return Outcome(
        seconds=(cluster.clock.now - start) / 1000,
        counters={**_counters(cluster, "Deployment", "deploy"), **_counters(cluster, "ReplicaSet", "rs")},
        phases={name_of(pod): status_of(pod).get("phase", "") for pod in pods},
        statuses={name_of(pod): pod_status(pod) for pod in pods},
        restarts={name_of(pod): _restarts(pod) for pod in pods},
        nodes={name_of(pod): pod["spec"].get("nodeName", "") for pod in pods},
        shops={name_of(node): node_status(node) for node in cluster.list("Node")},
        kept=tuple(sorted(before[uid] for uid in before.keys() & after.keys())),
        gone=tuple(sorted(before[uid] for uid in before.keys() - after.keys())),
        new=tuple(sorted(after[uid] for uid in after.keys() - before.keys())),
        reasons=tuple(dict.fromkeys(line.reason for line in lines if line.verb == "EVENT" and line.reason)),
        refused=tuple(line.message or "" for line in lines if line.verb == "REJECTED" and line.source.startswith("user/")),
        lines=tuple(lines),
    )


def _uids(cluster: Cluster) -> dict[str, str]:
    return {uid_of(pod): name_of(pod) for pod in cluster.list("Pod")}


def _counters(cluster: Cluster, kind: str, short: str) -> dict[str, dict[str, int]]:
    return {
        f"{short}/{name_of(thing)}": {key: int(status_of(thing).get(key, 0)) for key in COUNTERS}
        for thing in cluster.list(kind)
    }


def _restarts(pod: Object) -> int:
    return sum(int(state["restartCount"]) for state in status_of(pod).get("containerStatuses") or [])
