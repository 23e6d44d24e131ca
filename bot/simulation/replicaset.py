"""The ReplicaSet controller: as many active Pods as `replicas`, no more and no fewer; it never reads who asked for them.

A Pod that is marked for deletion no longer counts, so its replacement is made before it is gone. Pods that match and belong to
nobody are adopted; owned ones that no longer match are released.
"""

from __future__ import annotations

from collections import Counter

from bot.simulation.apiserver import Rejected
from bot.simulation.clock import moment
from bot.simulation.objects import Object, annotations_of, labels_of, leaving, name_of, number, owned_by, owner_of, uid_of
from bot.simulation.part import Part
from bot.simulation.statuses import active, condition, finished, holds, set_condition, status_of

BURST = 500  # replica_set.go:74
COST = "controller.kubernetes.io/pod-deletion-cost"
PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}
SOON, LATE = 5, 1_000_000  # ms until creating is tried again after a refusal: 5 ms · 2ⁿ, at most so long


class ReplicaSetController(Part):
    name = "replicaset-controller"
    kinds = ("ReplicaSet", "Pod")

    def begin(self) -> None:
        self._refused: dict[str, int] = {}  # how often in a row a ReplicaSet could not create its Pods

    def tend(self, rs: Object) -> int:
        pods = self.claim(rs, "Pod")
        working = [pod for pod in pods if active(pod)]
        failure = "" if leaving(rs) else self._fill(rs, working)
        self._sum_up(rs, pods, working, failure)
        return len(pods) // 4  # looking through many Pods takes its time

    def _fill(self, rs: Object, pods: list[Object]) -> str:
        """Creates what is missing or deletes what is too much; returns what the API server refused."""
        name, missing = name_of(rs), int(rs["spec"]["replicas"]) - len(pods)
        for pod in self._victims(rs, pods)[:-missing] if missing < 0 else []:
            self.delete(pod)
            self.event(rs, "SuccessfulDelete", f"Deleted pod: {name_of(pod)}")
        template = rs["spec"]["template"]
        kept = {key: template["metadata"][key] for key in ("labels", "annotations") if template["metadata"].get(key)}
        meta = {"generateName": f"{name}-", **kept, "ownerReferences": owned_by(rs)}
        for _ in range(min(missing, BURST)):
            try:
                made = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]}
                self.event(rs, "SuccessfulCreate", f"Created pod: {name_of(self.api.create(self.name, made))}")
            except Rejected as refused:
                self.event(rs, "FailedCreate", f"Error creating: {refused.message}", "Warning")
                failed = self._refused[name] = self._refused.get(name, 0) + 1
                self.wake_after(name, min(SOON * 2 ** min(failed - 1, 20), LATE), quiet=True)
                return refused.message
        self._refused.pop(name, None)
        if missing > BURST:
            self.wake(name)
        return ""

    def _victims(self, rs: Object, pods: list[Object]) -> list[Object]:
        """Who goes first when there are too many (controller_utils.go: ActivePodsWithRanks)."""
        owner = owner_of(rs)  # crowding is counted over the old and new Pods of an update
        sets = self.api.find("ReplicaSet", ("owner", owner["uid"])) if owner else [rs]
        siblings = [pod for one in sets for pod in self.api.find("Pod", ("owner", uid_of(one))) if active(pod)]
        beside = Counter(pod["spec"].get("nodeName", "") for pod in siblings)

        def order(pod: Object) -> tuple[object, ...]:
            ready, serving = condition(status_of(pod), "Ready"), holds(pod, "Ready")
            node = pod["spec"].get("nodeName", "")
            since = self.clock.now - moment(ready["lastTransitionTime"]) if ready and serving else 0
            restarts = max((c.get("restartCount", 0) for c in status_of(pod).get("containerStatuses") or []), default=0)
            served = (since // 1000).bit_length()  # for how long, in steps of powers of two
            phase, cost = PHASES.get(status_of(pod).get("phase", ""), 1), number(annotations_of(pod).get(COST))
            youth = -moment(pod["metadata"]["creationTimestamp"])
            return bool(node), phase, serving, cost, -beside[node], served, -restarts, youth, uid_of(pod)

        return sorted(pods, key=order)

    def _sum_up(self, rs: Object, pods: list[Object], working: list[Object], failure: str) -> None:
        ready = [pod for pod in working if holds(pod, "Ready")]
        labels = rs["spec"]["template"]["metadata"].get("labels") or {}
        full = sum(labels.items() <= labels_of(pod).items() for pod in working)
        available, going = (
            sum(self._available(rs, pod) for pod in ready),
            sum(leaving(pod) and not finished(pod) for pod in pods),
        )
        counts = {"fullyLabeledReplicas": full, "readyReplicas": len(ready), "availableReplicas": available}
        status: Object = {key: value for key, value in counts.items() if value}
        status |= {"replicas": len(working), "terminatingReplicas": going, "observedGeneration": rs["metadata"]["generation"]}
        if failure:
            status["conditions"] = status_of(rs).get("conditions") or []
            set_condition(status, self.api.now, "ReplicaFailure", "True", "FailedCreate", failure)
        self.report(rs, status)

    def _available(self, rs: Object, pod: Object) -> bool:
        """Ready for `minReadySeconds`; looks again when that will be so."""
        ready = condition(status_of(pod), "Ready") or {}
        left = moment(ready["lastTransitionTime"]) + int(rs["spec"].get("minReadySeconds") or 0) * 1000 - self.clock.now
        if left > 0:
            self.wake_after(name_of(rs), left)
        return left <= 0
