"""The node controllers: a silent kubelet makes its node Unknown, then tainted, and only much later its Pods are given up.

Nothing is replaced because a node is NotReady. Eviction deletes the Pod object, which makes its ReplicaSet create another; the
old one stays Terminating until its kubelet is back and says that it has stopped.
"""

from __future__ import annotations

from bot.simulation.clock import moment
from bot.simulation.objects import Object, leaving, name_of
from bot.simulation.part import Part
from bot.simulation.statuses import condition, finished, holds, status_of

UNREACHABLE, NOT_READY, CORDONED = (f"node.kubernetes.io/{it}" for it in ("unreachable", "not-ready", "unschedulable"))
CONDITIONS = "MemoryPressure DiskPressure PIDPressure Ready"
EVICTED = ("DisruptionTarget", "True", "DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint")
UNKNOWN = ("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")


def taints_of(node: Object, effect: str = "") -> list[Object]:
    return [taint for taint in node["spec"].get("taints") or [] if effect in ("", taint["effect"])]


def tolerates(pod: Object, taint: Object) -> Object | None:
    """The toleration that matches a taint, the most patient one first."""
    found = [t for t in pod["spec"].get("tolerations") or [] if _fits(t, taint)]
    return max(found, key=lambda t: float("inf") if (s := t.get("tolerationSeconds")) is None else s, default=None)


def _fits(toleration: Object, taint: Object) -> bool:
    effect, key = toleration.get("effect") or taint["effect"], toleration.get("key")
    same = bool(key) and (toleration.get("value") or "") == (taint.get("value") or "")
    wanted = toleration.get("operator") == "Exists" or same
    return wanted and (effect, key or taint["key"]) == (taint["effect"], taint["key"])


def _trouble(node: Object) -> str:
    """The taint that a node's readiness asks for; empty for none."""
    ready = (condition(status_of(node), "Ready") or {"status": "Unknown"})["status"]
    return {"Unknown": UNREACHABLE, "False": NOT_READY}.get(ready, "")


class NodeController(Part):
    name = "node-controller"
    kinds = ("Node", "Lease")

    def begin(self) -> None:
        self.heard: dict[str, int] = {}  # when each node was last heard of
        self._known: set[str] = set()
        self._next = 0
        self._watch_over()

    def notice(self, kind: str, old: Object | None, new: Object | None) -> None:
        name = name_of(new or old or {})
        if kind == "Lease":
            self.heard[name] = self.clock.now
        elif new:
            self.heard.setdefault(name, self.clock.now)
            self.wake(name)
        else:
            self.heard.pop(name, None)

    def start(self) -> None:
        self.heard.clear()  # who has just come cannot know how long a node has been silent
        super().start()

    def resume(self) -> None:
        if self.running:  # nobody could be heard
            self.start()

    def tend(self, node: Object) -> None:
        """Keeps the NoSchedule taints in step with the conditions; NoExecute waits for the next round."""
        key = name_of(node)
        if key not in self._known:
            self._known.add(key)
            self.event(node, "RegisteredNode", f"Node {key} event: Registered Node {key} in Controller")
        trouble = _trouble(node)
        self._taint(node, "NoSchedule", {trouble, CORDONED if node["spec"].get("unschedulable") else ""})
        if {trouble} - {""} != {taint["key"] for taint in taints_of(node, "NoExecute")}:
            self.clock.after(100 if trouble == UNREACHABLE else self._next - self.clock.now, lambda: self._banish(key))

    def _watch_over(self) -> None:
        """One round over all nodes, each node-monitor-period."""
        for node in self.api.store.all("Node") if self.running and self.api.running else []:
            silent = self.clock.now - self.heard.get(name_of(node), self.clock.now)
            if silent > self.api.flags["node-monitor-grace-period"] and _trouble(node) != UNREACHABLE:
                self._lose(node)
            elif _trouble(node):
                self._unready(node)
        self._next = self.clock.now + self.api.flags["node-monitor-period"]
        self.clock.after(self._next - self.clock.now, self._watch_over, quiet=True)

    def _lose(self, node: Object) -> None:
        self.mark(node, CONDITIONS, *UNKNOWN)
        self.event(node, "NodeNotReady", f"Node {name_of(node)} status is now: NodeNotReady")
        if holds(node, "Ready"):
            self._unready(node)

    def _unready(self, node: Object) -> None:
        for pod in self.api.find("Pod", ("node", name_of(node))):
            if holds(pod, "Ready"):
                self.mark(pod, "Ready", "False")
                self.event(pod, "NodeNotReady", "Node is not ready", "Warning")

    def _banish(self, name: str) -> None:
        node = self.api.get("Node", name)
        if node and self.running and self.api.running:
            self._taint(node, "NoExecute", {_trouble(node)})

    def _taint(self, node: Object, effect: str, wanted: set[str]) -> None:
        """Adds and removes its own taints of an effect; what others have put there stays."""
        own = {UNREACHABLE, NOT_READY} | ({CORDONED} if effect == "NoSchedule" else set())
        has = {taint["key"] for taint in taints_of(node, effect)} & own
        if has == wanted - {""}:
            return
        kept = [t for t in taints_of(node) if t["effect"] != effect or t["key"] not in own - wanted]
        kept += [{"key": key, "effect": effect, "timeAdded": self.api.now} for key in sorted(wanted - has - {""})]
        spec = {key: value for key, value in node["spec"].items() if key != "taints"}
        self.api.update(self.name, {**node, "spec": spec | ({"taints": kept} if kept else {})}, call="patch nodes")


class TaintEvictionController(Part):
    name = "taint-eviction-controller"
    kinds = ("Node", "Pod")

    def notice(self, kind: str, old: Object | None, new: Object | None) -> None:
        if kind == "Pod":
            if new and new["spec"].get("nodeName") and not (old and old["spec"].get("nodeName")):
                self.wake(name_of(new))
        elif new and (old is None or taints_of(old, "NoExecute") != taints_of(new, "NoExecute")):
            for pod in self.api.find("Pod", ("node", name_of(new))):
                self.wake(name_of(pod))

    def reconcile(self, key: str) -> None:
        pod = self.api.get("Pod", key)
        node = self.api.get("Node", pod["spec"].get("nodeName", "")) if pod else None
        if pod is None or node is None or leaving(pod) or finished(pod):
            self.forget(key)
            return
        due = self._due_at(pod, taints_of(node, "NoExecute"))
        if due is not None and due > self.clock.now:
            self.wake_after(key, due - self.clock.now)
        elif due is not None:
            self.event(pod, "TaintManagerEviction", f"Marking for deletion Pod default/{key}")
            self.mark(pod, *EVICTED)
            self.delete(pod)
        elif self.forget(key):
            self.event(pod, "TaintManagerEviction", f"Cancelling deletion of Pod default/{key}")

    def _due_at(self, pod: Object, taints: list[Object]) -> int | None:
        """When the first taint is no longer tolerated; None for never."""
        due = []
        for taint in taints:
            toleration = tolerates(pod, taint)
            if toleration is None:
                return self.clock.now
            if (patience := toleration.get("tolerationSeconds")) is not None:
                since = moment(taint["timeAdded"]) if taint.get("timeAdded") else self.clock.now
                due.append(since + max(0, patience) * 1000)
        return min(due, default=None)
