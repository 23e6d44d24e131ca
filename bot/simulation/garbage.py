"""The garbage collectors: one deletes what has lost its owner, and lets a waiting owner go; one deletes Pods without a node.

Background: the owner is gone first, then what it owned. Foreground: what it owned goes first. Orphan: it is set free.
"""

from __future__ import annotations

from bot.simulation.objects import Object, clone, finished, leaving, name_of, set_condition, uid_of
from bot.simulation.part import Part

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
            self._wake_owners(old or {})
        elif (leaving(new) and new["metadata"].get("finalizers")) or (
            new["metadata"].get("ownerReferences") and (old is None or _owners(old) != _owners(new))
        ):
            self.wake(_key(new))

    def _wake_owners(self, thing: Object) -> None:
        for owner in _owners(thing):
            self.wake(f"{owner['kind']}/{owner['name']}")

    def reconcile(self, key: str) -> None:
        kind, name = key.split("/", 1)
        thing = self.api.get(kind, name)
        if thing is None:
            return
        finalizers = thing["metadata"].get("finalizers") or []
        if leaving(thing) and "orphan" in finalizers:
            for one in self._dependents(thing):
                left = [owner for owner in _owners(one) if owner["uid"] != uid_of(thing)]
                self.api.patch(self.name, one["kind"], name_of(one), {"metadata": {"ownerReferences": left or None}})
            self._release(thing, "orphan")
        elif leaving(thing) and "foregroundDeletion" in finalizers:
            waiting = self._dependents(thing)
            for one in waiting:
                if not leaving(one):
                    self._delete(one, "foreground" if self._dependents(one) else "background")
            if not waiting:
                self._release(thing, "foregroundDeletion")
        elif not leaving(thing) and _owners(thing) and not any(self._lives(owner) for owner in _owners(thing)):
            self._delete(thing, "background")

    def _lives(self, owner: Object) -> bool:
        found = self.api.get(owner["kind"], owner["name"])
        return found is not None and uid_of(found) == owner["uid"]

    def _dependents(self, thing: Object) -> list[Object]:
        return [one for kind in OWNED for one in self.api.find(kind, ("owner", uid_of(thing)))]

    def _delete(self, thing: Object, cascade: str) -> None:
        self.api.delete(self.name, thing["kind"], name_of(thing), cascade=cascade, uid=uid_of(thing))

    def _release(self, thing: Object, finalizer: str) -> None:
        left = [other for other in thing["metadata"]["finalizers"] if other != finalizer]
        self.api.patch(self.name, thing["kind"], name_of(thing), {"metadata": {"finalizers": left or None}})


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
                new = clone(pod)
                new["status"]["phase"] = "Failed"
                message = "PodGC: node no longer exists"
                set_condition(new["status"], self.now, "DisruptionTarget", "True", "DeletionByPodGC", message)
                self.api.update(self.name, new, "status", "patch pods/status")
            self.api.delete(self.name, "Pod", name_of(pod), grace=0, uid=uid_of(pod))


def _key(thing: Object) -> str:
    return f"{thing['kind']}/{name_of(thing)}"


def _owners(thing: Object) -> list[Object]:
    return thing["metadata"].get("ownerReferences") or []
