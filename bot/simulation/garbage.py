"""The garbage collectors: one deletes what has lost its owner, and lets a waiting owner go; one deletes Pods without a node.

Background: the owner is gone first, then what it owned. Foreground: what it owned goes first. Orphan: it is set free.
"""

from __future__ import annotations

from bot.simulation.objects import Object, leaving, name_of, owners_of, uid_of
from bot.simulation.part import Part
from bot.simulation.statuses import finished

ROUND, QUARANTINE = 20_000, 40_000  # ms: gc_controller.go, gcCheckPeriod and quarantineTime
OWNED = ("ReplicaSet", "Pod", "EndpointSlice")


class GarbageCollector(Part):
    name = "generic-garbage-collector"
    kinds = ("Deployment", "ReplicaSet", "Pod", "Service", "EndpointSlice")
    lag = 8

    def notice(self, kind: str, old: Object | None, new: Object | None) -> None:
        if new is None:
            for thing in self._dependents(old or {}):
                self.wake(_key(thing))
            for owner in owners_of(old or {}):
                self.wake(f"{owner['kind']}/{owner['name']}")
        elif (leaving(new) and new["metadata"].get("finalizers")) or (
            owners_of(new) and (old is None or owners_of(old) != owners_of(new))
        ):
            self.wake(_key(new))

    def reconcile(self, key: str) -> None:
        thing = self.api.get(*key.split("/", 1))
        if thing is None:
            return
        finalizers = thing["metadata"].get("finalizers") or []
        if leaving(thing) and "orphan" in finalizers:
            for one in self._dependents(thing):
                self.amend(one, ownerReferences=[owner for owner in owners_of(one) if owner["uid"] != uid_of(thing)] or None)
            self._release(thing, "orphan")
        elif leaving(thing) and "foregroundDeletion" in finalizers:
            waiting = self._dependents(thing)
            for one in waiting:
                if not leaving(one):
                    self.delete(one, cascade="foreground" if self._dependents(one) else "")
            if not waiting:
                self._release(thing, "foregroundDeletion")
        elif not leaving(thing) and owners_of(thing) and not any(map(self._lives, owners_of(thing))):
            self.delete(thing)

    def _lives(self, owner: Object) -> bool:
        found = self.api.get(owner["kind"], owner["name"])
        return found is not None and uid_of(found) == owner["uid"]

    def _dependents(self, thing: Object) -> list[Object]:
        return [one for kind in OWNED for one in self.api.find(kind, ("owner", uid_of(thing)))]

    def _release(self, thing: Object, finalizer: str) -> None:
        self.amend(thing, finalizers=[other for other in thing["metadata"]["finalizers"] if other != finalizer] or None)


class PodGarbageCollector(Part):
    """Deletes the Pods bound to a Node that is not there; first it waits, for the Node may only be late."""

    name = "pod-garbage-collector"
    kinds = ("Node", "Pod")

    def notice(self, kind: str, old: Object | None, new: Object | None) -> None:
        node = name_of(old or {}) if kind == "Node" and new is None else new["spec"].get("nodeName") if new else None
        if node and node not in self._timers and not self.api.get("Node", node) and self.api.find("Pod", ("node", node)):
            self.wake_after(node, ROUND - self.clock.now % ROUND + QUARANTINE)

    def reconcile(self, key: str) -> None:
        for pod in [] if self.api.get("Node", key) else self.api.find("Pod", ("node", key)):
            if not finished(pod):
                self.mark(pod, "DisruptionTarget", "True", "DeletionByPodGC", "PodGC: node no longer exists", phase="Failed")
            self.delete(pod, grace=0)


def _key(thing: Object) -> str:
    return f"{thing['kind']}/{name_of(thing)}"
