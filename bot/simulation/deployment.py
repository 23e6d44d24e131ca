"""The Deployment controller: keeps one ReplicaSet for each template and moves replicas between them; it never touches a Pod.

A new template gets a new ReplicaSet, an old template its old one back, as the newest revision. Rolling update: at most
replicas + maxSurge exist, at least replicas − maxUnavailable are available, by this controller's own steps
(pkg/controller/deployment: sync.go, rolling.go, recreate.go, progress.go).
"""

from __future__ import annotations

import json

from bot.simulation.clock import moment
from bot.simulation.objects import Object, annotations_of, clone, leaving, name_of, number, owned_by, owner_of, share, uid_of
from bot.simulation.part import Part
from bot.simulation.statuses import condition, finished, set_condition, status_of

NOTE, HASH = "deployment.kubernetes.io/", "pod-template-hash"
REVISION, HISTORY, DESIRED, MOST = (
    f"{NOTE}{it}" for it in ("revision", "revision-history", "desired-replicas", "max-replicas")
)
ENOUGH = ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
TOO_FEW = ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
COUNTERS = ("replicas", "readyReplicas", "availableReplicas", "terminatingReplicas")
ALWAYS = ("observedGeneration", "terminatingReplicas")  # written even when they are 0
UNDER_WAY = ("NewReplicaSetCreated", "ReplicaSetUpdated", "DeploymentResumed")  # reasons of a roll-out with a deadline


class DeploymentController(Part):
    name = "deployment-controller"
    kinds = ("Deployment", "ReplicaSet", "Pod")

    def begin(self) -> None:
        self._hashes: dict[str, dict[str, str]] = {}  # of each Deployment's name: template -> letter

    def concern(self, kind: str, old: Object | None, new: Object | None) -> None:
        if kind == "ReplicaSet":
            super().concern(kind, old, new)
        elif (new is None or finished(new)) and (owner := owner_of(new or old or {})):  # Recreate waits for Pods to end
            self.wake_owners("Deployment", self.api.get("ReplicaSet", owner["name"]))

    def tend(self, deployment: Object) -> None:
        owned = sorted(self.claim(deployment, "ReplicaSet"), key=lambda rs: (rs["metadata"]["creationTimestamp"], name_of(rs)))
        new = next((rs for rs in owned if _template(rs) == _template(deployment)), None)
        if not leaving(deployment):
            self._pause(deployment)
            if deployment["spec"].get("paused") or _rescaled(deployment, owned):
                self._rescale(deployment, owned, new)
            else:
                owned, new = self._roll(deployment, owned, new)
        self._sum_up(deployment, owned, new)

    def _pause(self, deployment: Object) -> None:
        """Notes that a roll-out is paused or goes on, where a deadline watches it."""
        reason = (condition(status_of(deployment), "Progressing") or {"reason": ""})["reason"]
        paused = bool(deployment["spec"].get("paused"))
        if paused == (reason == "DeploymentPaused") or reason == "ProgressDeadlineExceeded":
            return
        status, way = dict(status_of(deployment)), "paused" if paused else "resumed"
        self._note(status, "Progressing", "Unknown", f"Deployment{way.title()}", f"Deployment is {way}")
        self.report(deployment, status)

    def _roll(self, deployment: Object, owned: list[Object], new: Object | None) -> tuple[list[Object], Object | None]:
        """One step of an update; the ReplicaSets as this turn has seen them, and the new one."""
        old = [rs for rs in owned if rs is not new]
        recreate = deployment["spec"]["strategy"]["type"] == "Recreate"
        if recreate:
            for rs in old:
                self._scale(deployment, rs, 0)
            if _size(old) or any(not finished(pod) for rs in old for pod in self.api.find("Pod", ("owner", uid_of(rs)))):
                return owned, new
        new = self._renumber(deployment, new, old) if new else self._create(deployment, old)
        wanted = _allowed(deployment, int(new["spec"]["replicas"]), _size([*old, new]))
        if new["spec"]["replicas"] != wanted:
            self._scale(deployment, new, wanted)
        elif not recreate:
            sizes = _shrunk(deployment, old, new)
            for rs in old:
                self._scale(deployment, rs, sizes[name_of(rs)])
        if _complete(deployment, status_of(deployment)):
            self._prune(deployment, old)
        return [*old, new], new

    def _create(self, deployment: Object, old: list[Object]) -> Object:
        name, collisions = name_of(deployment), status_of(deployment).get("collisionCount", 0)
        while self.api.get("ReplicaSet", f"{name}-{(letter := self._hash(deployment, collisions))}"):
            collisions += 1
        template = clone(deployment["spec"]["template"])
        labels = template["metadata"]["labels"] = {**template["metadata"]["labels"], HASH: letter}
        revision, size = str(_latest(old) + 1), _allowed(deployment, 0, _size(old))
        notes = {REVISION: revision, **_bounds(deployment)}
        meta = {"name": f"{name}-{letter}", "labels": labels, "annotations": notes, "ownerReferences": owned_by(deployment)}
        selector = {"matchLabels": {**deployment["spec"]["selector"]["matchLabels"], HASH: letter}}
        spec = {"replicas": size, "selector": selector, "template": template}
        spec["minReadySeconds"] = deployment["spec"].get("minReadySeconds", 0)
        new = self.api.create(self.name, {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": meta, "spec": spec})
        self._tell(deployment, new, 0, size)
        status = {**status_of(deployment), **({"collisionCount": collisions} if collisions else {})}
        self._note(status, "Progressing", "True", "NewReplicaSetCreated", f'Created new replica set "{name_of(new)}"')
        self._write_revision(deployment, revision, status)
        return new

    def _hash(self, deployment: Object, collisions: int) -> str:
        """The same template gets the same letter each time, and so its ReplicaSet the same name, unless names collide."""
        known = self._hashes.setdefault(name_of(deployment), {})
        what = json.dumps([deployment["spec"]["template"], collisions], sort_keys=True)
        return known.setdefault(what, "z" * (len(known) // 26) + chr(ord("a") + len(known) % 26))  # a, b, … z, za, zb, …

    def _renumber(self, deployment: Object, new: Object, old: list[Object]) -> Object:
        """An old template that is wanted again becomes the newest revision; its former numbers are kept as history."""
        latest, revision = _latest(old) + 1, _revision(new)
        notes = {**annotations_of(new), **_bounds(deployment)}
        if revision < latest:
            past = [*filter(None, notes.get(HISTORY, "").split(",")), *([str(revision)] if revision else [])]
            notes |= {REVISION: str(latest), **({HISTORY: ",".join(past)} if past else {})}
            revision = latest
        if notes != annotations_of(new):
            new = self.api.update(self.name, {**new, "metadata": {**new["metadata"], "annotations": notes}})
        if annotations_of(deployment).get(REVISION) != str(revision):
            self._write_revision(deployment, str(revision), status_of(deployment))
        return new

    def _write_revision(self, deployment: Object, revision: str, status: Object) -> None:
        """The rest of the turn still holds the older copy: its next status write meets a Conflict, as in upstream."""
        meta = {**deployment["metadata"], "annotations": {**annotations_of(deployment), REVISION: revision}}
        self.report({**deployment, "metadata": meta}, status)

    def _rescale(self, deployment: Object, owned: list[Object], new: Object | None) -> None:
        """A change of size in mid-update is shared out in proportion; the new set gets the rest (sync.go: scale)."""
        used, total = [rs for rs in owned if rs["spec"]["replicas"]], int(deployment["spec"]["replicas"])
        sizes: dict[str, int] = {}
        if len(used) < 2:
            used = used or [rs for rs in (new or (owned[-1] if owned else None),) if rs]
            sizes = {name_of(rs): total for rs in used}
        elif new and new["spec"]["replicas"] == total == status_of(new).get("availableReplicas", 0):
            sizes = {name_of(rs): 0 for rs in used if rs is not new}
        elif deployment["spec"]["strategy"]["type"] != "Recreate":
            sizes = _shared(deployment, used)
        for rs in used:
            self._scale(deployment, rs, sizes.get(name_of(rs)))

    def _scale(self, deployment: Object, rs: Object, size: int | None) -> None:
        """Writes the size of a ReplicaSet, and for which size of the Deployment that is."""
        before = rs["spec"]["replicas"]
        if size is None or (size == before and not _rescaled(deployment, [rs])):
            return
        notes = {**annotations_of(rs), **_bounds(deployment)}
        changed = {**rs, "metadata": {**rs["metadata"], "annotations": notes}, "spec": {**rs["spec"], "replicas": size}}
        self.api.update(self.name, changed)
        self._tell(deployment, rs, before, size)

    def _tell(self, deployment: Object, rs: Object, before: int, size: int) -> None:
        if size != before:
            way = "up" if size > before else "down"
            self.event(deployment, "ScalingReplicaSet", f"Scaled {way} replica set {name_of(rs)} from {before} to {size}")

    def _prune(self, deployment: Object, old: list[Object]) -> None:
        """Keeps `revisionHistoryLimit` old ReplicaSets to go back to."""
        idle = [rs for rs in old if not rs["spec"]["replicas"] and not status_of(rs).get("replicas") and not leaving(rs)]
        for rs in sorted(idle, key=_revision)[: max(0, len(idle) - int(deployment["spec"]["revisionHistoryLimit"]))]:
            self.delete(rs)

    def _sum_up(self, deployment: Object, owned: list[Object], new: Object | None) -> None:
        """Status is summed up from the ReplicaSets' status, with what it means for availability and progress."""
        spec, was = deployment["spec"], status_of(deployment)
        total = {key: sum(status_of(rs).get(key, 0) for rs in owned) for key in COUNTERS}
        generation, fresh = deployment["metadata"]["generation"], status_of(new).get("replicas", 0) if new else 0
        missing = max(0, _size(owned) - total["availableReplicas"])
        counts = {"observedGeneration": generation, "updatedReplicas": fresh, "unavailableReplicas": missing, **total}
        counts["collisionCount"] = was.get("collisionCount", 0)
        status: Object = {key: value for key, value in counts.items() if value or key in ALWAYS}
        status["conditions"] = [c for c in was.get("conditions") or [] if c["type"] != "ReplicaFailure"]
        least = spec["replicas"] - _limits(deployment)[2]
        self._note(status, "Available", *(ENOUGH if total["availableReplicas"] >= least else TOO_FEW))
        if watched := not leaving(deployment) and not spec.get("paused"):
            self._progress(deployment, status, f'ReplicaSet "{name_of(new or deployment)}"')
        if failed := next(filter(None, (condition(status_of(rs), "ReplicaFailure") for rs in owned)), None):
            status["conditions"] += [{**failed, "lastUpdateTime": failed["lastTransitionTime"]}]
        self.report(deployment, status)
        found = condition(status, "Progressing")
        if watched and found and found["reason"] in UNDER_WAY:
            self.wake_after(name_of(deployment), max(1, self._time_left(deployment, found) + 1))
        else:
            self.forget(name_of(deployment))

    def _note(self, status: Object, kind: str, state: str, reason: str, message: str, again: bool = False) -> None:
        """Sets a condition; one that already says so for the same reason only `again`."""
        old = condition(status, kind)
        if again or not old or (old["status"], old["reason"]) != (state, reason):
            set_condition(status, self.api.now, kind, state, reason, message, lastUpdateTime=self.api.now)

    def _progress(self, deployment: Object, status: Object, who: str) -> None:
        was = status_of(deployment)
        found = condition(was, "Progressing")
        available = bool(found and found["reason"] == "NewReplicaSetAvailable")
        if available and status.get("replicas", 0) == status.get("updatedReplicas", 0):
            return
        if _complete(deployment, status):
            self._note(status, "Progressing", "True", "NewReplicaSetAvailable", f"{who} has successfully progressed.")
        elif _moved(was, status):
            self._note(status, "Progressing", "True", "ReplicaSetUpdated", f"{who} is progressing.", again=True)
        elif found and not available and self._time_left(deployment, found) <= 0:
            self._note(status, "Progressing", "False", "ProgressDeadlineExceeded", f"{who} has timed out progressing.")

    def _time_left(self, deployment: Object, found: Object) -> int:
        """Milliseconds until a roll-out that shows no progress counts as stuck."""
        return moment(found["lastUpdateTime"]) + int(deployment["spec"]["progressDeadlineSeconds"]) * 1000 - self.clock.now


def _template(thing: Object) -> Object:
    template = thing["spec"]["template"]
    labels = {key: value for key, value in template["metadata"]["labels"].items() if key != HASH}
    return {**template, "metadata": {**template["metadata"], "labels": labels}}


def _revision(rs: Object) -> int:
    return number(annotations_of(rs).get(REVISION))


def _latest(sets: list[Object]) -> int:
    return max(map(_revision, sets), default=0)


def _rescaled(deployment: Object, sets: list[Object]) -> bool:
    """Did somebody change `replicas` since the ReplicaSets in use were last told?"""
    wanted = str(deployment["spec"]["replicas"])
    return any(rs["spec"]["replicas"] and annotations_of(rs).get(DESIRED) not in (None, wanted) for rs in sets)


def _complete(deployment: Object, status: Object) -> bool:
    counts = {status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")}
    seen = status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    return counts == {deployment["spec"]["replicas"]} and bool(seen)


def _moved(was: Object, now: Object) -> bool:
    """More of the new, fewer of the old, or more that serve."""
    grown = any(now.get(key, 0) > was.get(key, 0) for key in ("updatedReplicas", "readyReplicas", "availableReplicas"))
    before, after = (status.get("replicas", 0) - status.get("updatedReplicas", 0) for status in (was, now))
    return grown or bool(after < before)


# How large each ReplicaSet may be now.


def _size(sets: list[Object]) -> int:
    return sum(int(rs["spec"]["replicas"]) for rs in sets)


def _limits(deployment: Object) -> tuple[int, int, int]:
    """Replicas, maxSurge rounded up and maxUnavailable rounded down; both 0 would stand still (deployment_util.go:887)."""
    rolling, replicas = deployment["spec"]["strategy"].get("rollingUpdate"), int(deployment["spec"]["replicas"])
    if not rolling:
        return replicas, 0, 0
    more, missing = share(rolling["maxSurge"], replicas, up=True), share(rolling["maxUnavailable"], replicas, up=False)
    return replicas, more, min(missing if more or missing else 1, replicas)


def _bounds(deployment: Object) -> dict[str, str]:
    replicas, surge, _ = _limits(deployment)
    return {DESIRED: str(replicas), MOST: str(replicas + surge)}


def _allowed(deployment: Object, has: int, exist: int) -> int:
    """How large the new ReplicaSet may be, that has so many, where so many exist of all."""
    replicas, surge, _ = _limits(deployment)
    if deployment["spec"]["strategy"]["type"] == "Recreate" or has >= replicas:
        return replicas
    return has + max(0, min(replicas + surge - exist, replicas - has))


def _shrunk(deployment: Object, old: list[Object], new: Object) -> dict[str, int]:
    """The old sets' sizes, as small as availability allows; what does not serve goes first."""
    sizes = {name_of(rs): int(rs["spec"]["replicas"]) for rs in old}
    serving = {name_of(rs): min(int(rs["spec"]["replicas"]), status_of(rs).get("availableReplicas", 0)) for rs in [*old, new]}
    replicas, _, missing = _limits(deployment)
    spare = sum(sizes.values()) + serving[name_of(new)] - (replicas - missing)
    extra = sum(serving.values()) - (replicas - missing)
    if spare <= 0:
        return sizes
    for name, size in sizes.items():
        sizes[name], spare = size - min(spare, size - serving[name]), spare - min(spare, size - serving[name])
    for name, size in sizes.items():
        sizes[name], extra = size - min(max(0, extra), size), extra - min(max(0, extra), size)
    return sizes


def rounded(part: int, whole: int) -> int:
    """A half is rounded up, as Go does; Python would go to the even number."""
    return (2 * part + whole) // (2 * whole)


def _shared(deployment: Object, used: list[Object]) -> dict[str, int]:
    """A change of size in mid-update, shared out in proportion; the largest set gets what is left over."""
    replicas, surge, _ = _limits(deployment)
    room = left = (replicas + surge if replicas else 0) - _size(used)
    sizes: dict[str, int] = {}
    for rs in sorted(used, key=lambda rs: (-rs["spec"]["replicas"], rs["metadata"]["creationTimestamp"])):
        before, has = max(1, number(annotations_of(rs).get(MOST)) or _size(used)), rs["spec"]["replicas"]
        part = rounded(has * (replicas + surge), before) - has
        part = max(min(part, left), 0) if room > 0 else min(max(part, left), 0)
        sizes[name_of(rs)], left = has + part, left - part
    largest = next(iter(sizes))
    return {**sizes, largest: max(0, sizes[largest] + left)}
