"""The ReplicaSet controller: as many active Pods as `replicas`, no more and no fewer; it never reads who asked for them.

New Pods come in batches of 1, 2, 4, … A Pod that is marked for deletion no longer counts, so its replacement is made before it
is gone. Pods that match and belong to nobody are adopted; owned ones that no longer match are released.
"""

from __future__ import annotations

from bot.simulation.apiserver import ApiServer, Rejected
from bot.simulation.objects import (
    Object,
    active,
    annotations_of,
    clone,
    condition,
    finished,
    holds,
    labels_of,
    leaving,
    moment,
    name_of,
    number,
    owned_by,
    owner_of,
    selects,
    set_condition,
    spread,
    status_of,
    uid_of,
)
from bot.simulation.part import Part

BURST = 500  # replica_set.go:74
COST = "controller.kubernetes.io/pod-deletion-cost"
PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}
SOON, LATE = 5, 1_000_000  # ms until creating is tried again after a refusal: 5 ms · 2ⁿ, at most so long


class ReplicaSetController(Part):
    name = "replicaset-controller"
    kinds = ("ReplicaSet", "Pod")

    def __init__(self, api: ApiServer) -> None:
        super().__init__(api)
        self._refused: dict[str, int] = {}  # how often in a row a ReplicaSet could not create its Pods

    def notice(self, kind: str, old: Object | None, new: Object | None) -> None:
        if kind == "ReplicaSet":
            self.wake(name_of(new or old or {}))
            return
        for seen in filter(None, (old, new)):
            owner = owner_of(seen)
            if owner and owner["kind"] == "ReplicaSet":
                self.wake(owner["name"])
        if new and not owner_of(new) and labels_of(new):
            for rs in self.api.store.all("ReplicaSet"):
                if selects(rs["spec"]["selector"]["matchLabels"], labels_of(new)):
                    self.wake(name_of(rs))

    def reconcile(self, key: str) -> int | None:
        rs = self.api.get("ReplicaSet", key)
        if rs is None:
            return None
        pods = self._pods(rs)
        working = [pod for pod in pods if active(pod)]
        failure = None
        if not leaving(rs):
            failure = self._fill(rs, working)
        self._report(rs, pods, working, failure)
        return len(pods) // 4  # looking through many Pods takes its time

    def _pods(self, rs: Object) -> list[Object]:
        """The Pods it owns, after taking in orphans and letting go of those whose labels left the selector."""
        selector, owned = rs["spec"]["selector"]["matchLabels"], []
        for pod in self.api.find("Pod", ("owner", uid_of(rs))):
            if selects(selector, labels_of(pod)):
                owned.append(pod)
            elif not leaving(pod) and not leaving(rs):
                self.api.patch(self.name, "Pod", name_of(pod), {"metadata": {"ownerReferences": None}})
        for pod in self.api.find("Pod", *(("label", *pair) for pair in selector.items())):
            if not pod["metadata"].get("ownerReferences") and active(pod) and not leaving(rs):
                change = {"metadata": {"ownerReferences": owned_by(rs)}}
                owned.append(self.api.patch(self.name, "Pod", name_of(pod), change))
        return owned

    def _fill(self, rs: Object, pods: list[Object]) -> str:
        """Creates what is missing or deletes what is too much; returns what the API server refused."""
        missing = int(rs["spec"]["replicas"]) - len(pods)
        if missing < 0:
            for pod in self._victims(rs, pods)[:-missing]:
                self.api.delete(self.name, "Pod", name_of(pod), uid=uid_of(pod))
                self.event(rs, "SuccessfulDelete", f"Deleted pod: {name_of(pod)}")
        todo, batch = min(missing, BURST), 1
        while todo > 0:
            for _ in range(min(batch, todo)):
                try:
                    self._create(rs)
                except Rejected as refused:
                    self.event(rs, "FailedCreate", f"Error creating: {refused.message}", "Warning")
                    failed = self._refused[name_of(rs)] = self._refused.get(name_of(rs), 0) + 1
                    self.wake_after(name_of(rs), min(SOON * 2 ** min(failed - 1, 20), LATE), quiet=True)
                    return refused.message
            todo, batch = todo - min(batch, todo), batch * 2
        self._refused.pop(name_of(rs), None)
        if missing > BURST:
            self.wake(name_of(rs))
        return ""

    def _create(self, rs: Object) -> None:
        template = clone(rs["spec"]["template"])
        kept = {key: template["metadata"][key] for key in ("labels", "annotations") if template["metadata"].get(key)}
        meta = {"generateName": f"{name_of(rs)}-", **kept, "ownerReferences": owned_by(rs)}
        pod = self.api.create(self.name, {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]})
        self.event(rs, "SuccessfulCreate", f"Created pod: {name_of(pod)}")

    def _victims(self, rs: Object, pods: list[Object]) -> list[Object]:
        """Who goes first when there are too many (controller_utils.go: ActivePodsWithRanks)."""
        beside = spread(self._node(pod) for pod in self._siblings(rs))

        def order(pod: Object) -> tuple[object, ...]:
            ready = condition(status_of(pod), "Ready")
            serving = holds(pod, "Ready")
            since = self.clock.now - moment(ready["lastTransitionTime"]) if ready else 0
            restarts = max((c.get("restartCount", 0) for c in status_of(pod).get("containerStatuses") or []), default=0)
            return (
                bool(self._node(pod)),
                PHASES.get(status_of(pod).get("phase", ""), 1),
                serving,
                number(annotations_of(pod).get(COST)),
                -beside[self._node(pod)],
                (since // 1000).bit_length() if serving else 0,  # ready a short time, in steps of powers of two
                -restarts,
                -moment(pod["metadata"]["creationTimestamp"]),
                uid_of(pod),
            )

        return sorted(pods, key=order)

    def _siblings(self, rs: Object) -> list[Object]:
        """Active Pods of all ReplicaSets under the same owner: crowding is counted over an update's old and new Pods."""
        owner = owner_of(rs)
        sets = self.api.find("ReplicaSet", ("owner", owner["uid"])) if owner else [rs]
        return [pod for one in sets for pod in self.api.find("Pod", ("owner", uid_of(one))) if active(pod)]

    def _node(self, pod: Object) -> str:
        return str(pod["spec"].get("nodeName", ""))

    def _report(self, rs: Object, pods: list[Object], working: list[Object], failure: str | None) -> None:
        ready = [pod for pod in working if holds(pod, "Ready")]
        labels = rs["spec"]["template"]["metadata"].get("labels") or {}
        counts = {
            "fullyLabeledReplicas": sum(selects(labels, labels_of(pod)) for pod in working),
            "readyReplicas": len(ready),
            "availableReplicas": sum(self._available(rs, pod) for pod in ready),
        }
        status = {key: value for key, value in counts.items() if value}
        status |= {
            "replicas": len(working),
            "terminatingReplicas": sum(leaving(pod) and not finished(pod) for pod in pods),
            "observedGeneration": rs["metadata"]["generation"],
        }
        if failure:
            status["conditions"] = clone(status_of(rs).get("conditions") or [])
            set_condition(status, self.now, "ReplicaFailure", "True", "FailedCreate", failure)
        self.api.update(self.name, {**rs, "status": status}, "status")

    def _available(self, rs: Object, pod: Object) -> bool:
        """Ready for `minReadySeconds`; looks again when that will be so."""
        ready = condition(status_of(pod), "Ready") or {}
        left = moment(ready["lastTransitionTime"]) + int(rs["spec"].get("minReadySeconds") or 0) * 1000 - self.clock.now
        if left > 0:
            self.wake_after(name_of(rs), left)
        return left <= 0
