"""The scheduler: gives each unbound Pod a node, by one Binding, once; it starts nothing and moves nothing.

Filters say which nodes cannot take the Pod and why; scores choose among the others. A Pod that fits nowhere waits until
something changes that could help, or for five minutes (schedule_one.go, scheduling_queue.go).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from bot.simulation.nodes import CORDONED, taints_of, tolerates
from bot.simulation.objects import Object, labels_of, leaving, name_of, owner_of, quantity, requests, uid_of
from bot.simulation.part import Part
from bot.simulation.statuses import active, finished, status_of

FLUSH = 300_000  # ms: scheduling_queue.go:66
LEAST = {"cpu": 0.1, "memory": 200 * 2**20}  # counted in scores for a Pod that asks for nothing
NO_TAINT, NO_NODE = "node(s) had untolerated taint(s)", "node(s) were unschedulable"
NO_MATCH, NO_ROOM = "node(s) didn't match Pod's node affinity/selector", "Too many pods"
UNHELPFUL, NO_VICTIMS = "Preemption is not helpful for scheduling", "No preemption victims found for incoming pod"


class Usage:
    """What the Pods on one node ask for, and how many of them each owner has there."""

    def __init__(self) -> None:
        self.pods: dict[str, dict[str, float]] = {}
        self.total: defaultdict[str, float] = defaultdict(float)

    def put(self, pod: Object) -> None:
        self.drop(pod)
        owner = "" if leaving(pod) else _owner(pod)  # its room is still taken, but it no longer counts for spreading
        taken = self.pods[uid_of(pod)] = {**{key: requests(pod, key) for key in LEAST}, owner: 1}
        for key, amount in taken.items():
            self.total[key] += amount

    def drop(self, pod: Object) -> None:
        for key, amount in self.pods.pop(uid_of(pod), {}).items():
            self.total[key] -= amount


class Scheduler(Part):
    name = "kube-scheduler"
    lag = 2
    kinds = ("Pod", "Node")

    def begin(self) -> None:
        self.usage: dict[str, Usage] = {}
        self.waiting: dict[str, None] = {}  # Pods that fit nowhere for now

    def notice(self, kind: str, old: Object | None, new: Object | None) -> None:
        if kind == "Node":
            if _offers(old) != _offers(new):
                self._try_again()
            return
        thing = new or old or {}
        node = thing["spec"].get("nodeName")
        if node and (new is None or finished(new)):
            self.usage.setdefault(node, Usage()).drop(thing)
            self._try_again()
        elif node and new and (old is None or not old["spec"].get("nodeName") or leaving(old) != leaving(new)):
            self.usage.setdefault(node, Usage()).put(new)
        if new is None or node:
            self.waiting.pop(name_of(thing), None)
        elif old is None or status_of(old) == status_of(new):
            self.wake(name_of(new))

    def start(self) -> None:
        self.begin()
        super().start()

    def tend(self, pod: Object) -> None:
        spec, key, mine = pod["spec"], name_of(pod), pod["spec"].get("schedulerName") == "default-scheduler"
        if not mine or not active(pod) or spec.get("nodeName") or spec.get("schedulingGates"):
            return
        nodes = self.api.store.all("Node")
        refused = {name_of(node): reasons for node in nodes if (reasons := self._refusals(pod, node))}
        fitting = [node for node in nodes if name_of(node) not in refused]
        if not fitting:
            self._give_up(pod, refused)
            return
        node = min(fitting, key=lambda node: (self._score(pod, node), len(name_of(node)), name_of(node)))
        self.api.bind(self.name, key, name_of(node))
        self.event(pod, "Scheduled", f"Successfully assigned default/{key} to {name_of(node)}")

    def _refusals(self, pod: Object, node: Object) -> list[str]:
        """Why the node cannot take the Pod; the first filter that objects speaks, as upstream."""
        if node["spec"].get("unschedulable") and not tolerates(pod, {"key": CORDONED, "effect": "NoSchedule"}):
            return [NO_NODE]  # the taint that says the same may come a moment later
        if any(taint["effect"] != "PreferNoSchedule" and not tolerates(pod, taint) for taint in taints_of(node)):
            return [NO_TAINT]
        if not (pod["spec"].get("nodeSelector") or {}).items() <= labels_of(node).items():
            return [NO_MATCH]
        usage, room = self.usage.get(name_of(node), Usage()), status_of(node)["allocatable"]
        lacking = [NO_ROOM] if len(usage.pods) >= int(room["pods"]) else []
        for key, asked in ((key, requests(pod, key)) for key in LEAST):
            if asked and usage.total[key] + asked > (quantity(room[key]) or 0) + 1e-9:
                lacking.append(f"Insufficient {key}")
        return lacking

    def _score(self, pod: Object, node: Object) -> tuple[float, float]:
        """Lower is better: few Pods of the same owner beside it, then much room left."""
        usage, room = self.usage.get(name_of(node), Usage()), status_of(node)["allocatable"]
        full = [max(usage.total[key], least * len(usage.pods)) / (quantity(room[key]) or 1) for key, least in LEAST.items()]
        return usage.total[_owner(pod)] if owner_of(pod) else 0, round(sum(full) / 2, 6)

    def _give_up(self, pod: Object, refused: dict[str, list[str]]) -> None:
        total, message = f"0/{len(refused)} nodes are available: ", "no nodes available to schedule pods"
        if refused:
            why = _listed(reason for reasons in refused.values() for reason in reasons)
            helpless = _listed(self._preempting(pod, name, reasons) for name, reasons in refused.items())
            message = f"{total}{why}. no new claims to deallocate, preemption: {total}{helpless}."
        self.waiting[name_of(pod)] = None
        self.event(pod, "FailedScheduling", message, "Warning")
        self.mark(pod, "PodScheduled", "False", "Unschedulable", message)
        self.wake_after(name_of(pod), FLUSH, quiet=True)

    def _preempting(self, pod: Object, node: str, reasons: list[str]) -> str:
        """Would driving other Pods away help? Not where an empty node would not do either."""
        room = status_of(self.api.get("Node", node) or {}).get("allocatable", {})
        small = any(requests(pod, key) > (quantity(room[key]) or 0) for key in LEAST)
        return UNHELPFUL if small or {NO_TAINT, NO_NODE, NO_MATCH} & set(reasons) else NO_VICTIMS

    def _try_again(self) -> None:
        """Something changed that may help; an idle scheduler does not wait for a back-off to end (SchedulerPopFromBackoffQ)."""
        for name in list(self.waiting):
            self.wake(name)


def _owner(pod: Object) -> str:
    return str((owner_of(pod) or {"uid": ""})["uid"])


def _offers(node: Object | None) -> Object | None:
    """What of a node matters to a Pod that waits."""
    return node and {"spec": node["spec"], "labels": labels_of(node), "room": status_of(node).get("allocatable")}


def _listed(reasons: Iterable[str]) -> str:
    return ", ".join(sorted(f"{count} {reason}" for reason, count in Counter(reasons).items()))
