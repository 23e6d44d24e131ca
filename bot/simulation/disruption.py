"""The disruption controller: how many Pods of a budget may be evicted right now.

A budget stops evictions only: no deletion, no lost node and no roll-out ever asks it.
"""

from __future__ import annotations

from bot.simulation.clock import moment
from bot.simulation.objects import Object, leaving, name_of, owner_of, selector_of, share
from bot.simulation.part import Part
from bot.simulation.statuses import finished, holds, status_of

FORGOTTEN = 120_000  # ms after which an eviction that led to no deletion is no longer counted


class DisruptionController(Part):
    name = "disruption-controller"
    kinds = ("PodDisruptionBudget", "Pod", "Deployment", "ReplicaSet")

    def concern(self, kind: str, old: Object | None, new: Object | None) -> None:
        if kind == "Pod":
            self.wake_choosers("PodDisruptionBudget", old, new)
        else:
            for budget in self.api.store.all("PodDisruptionBudget"):
                self.wake(name_of(budget))

    def tend(self, budget: Object) -> int:
        pods = self.api.chosen("Pod", selector_of(budget))
        if not pods:
            self.api.event("controllermanager", budget, "NoPods", "No matching pods found")
        expected, desired = self._wanted(budget, pods)
        alive = {name_of(pod) for pod in pods if not leaving(pod)}
        granted = (status_of(budget).get("disruptedPods") or {}).items()  # evictions whose Pods are not yet marked
        evicted = {name: at for name, at in granted if name in alive and self.clock.now - moment(at) < FORGOTTEN}
        healthy = sum(holds(pod, "Ready") and name_of(pod) in alive - evicted.keys() for pod in pods)
        allowed = max(0, healthy - desired) if expected else 0
        status = {"currentHealthy": healthy, "desiredHealthy": desired, "expectedPods": expected, "disruptionsAllowed": allowed}
        status["observedGeneration"] = budget["metadata"]["generation"]
        self.report(budget, {**status, **({"disruptedPods": evicted} if evicted else {})})
        return len(pods) // 4

    def _wanted(self, budget: Object, pods: list[Object]) -> tuple[int, int]:
        """How many Pods there should be, and how many of them have to be healthy."""
        spec, least = budget["spec"], budget["spec"].get("minAvailable")
        if isinstance(least, int):
            return len([pod for pod in pods if not finished(pod)]), least
        total = self._scale(pods)
        if least is not None:
            return total, share(least, total, up=True)
        return total, max(0, total - share(spec.get("maxUnavailable") or 0, total, up=True))

    def _scale(self, pods: list[Object]) -> int:
        """The replicas of all controllers above these Pods."""
        sizes: dict[str, int] = {}
        for pod in pods:
            thing: Object | None = pod
            while thing and (owner := owner_of(thing)):
                thing = self.api.get(owner["kind"], owner["name"])
            if thing and "replicas" in thing["spec"]:
                sizes[thing["metadata"]["uid"]] = int(thing["spec"]["replicas"])
        return sum(sizes.values())
