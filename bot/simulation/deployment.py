"""The Deployment controller: keeps one ReplicaSet for each template and moves replicas between them; it never touches a Pod.

A new template gets a new ReplicaSet, an old template its old one back, as the newest revision. Rolling update: at most
replicas + maxSurge exist, at least replicas − maxUnavailable are available, by this controller's own steps
(pkg/controller/deployment: sync.go, rolling.go, recreate.go, progress.go).
"""

from __future__ import annotations

import json

from bot.simulation import rolling
from bot.simulation.apiserver import ApiServer
from bot.simulation.clock import moment
from bot.simulation.objects import (
    Object,
    annotations_of,
    clone,
    labels_of,
    leaving,
    name_of,
    number,
    owned_by,
    owner_of,
    selects,
    uid_of,
)
from bot.simulation.part import Part
from bot.simulation.rolling import DESIRED, NOTE
from bot.simulation.statuses import condition, finished, set_condition, status_of

REVISION, HISTORY = f"{NOTE}revision", f"{NOTE}revision-history"
HASH = "pod-template-hash"


class DeploymentController(Part):
    name = "deployment-controller"
    kinds = ("Deployment", "ReplicaSet", "Pod")

    def __init__(self, api: ApiServer) -> None:
        super().__init__(api)
        self._hashes: dict[str, dict[str, str]] = {}  # of each Deployment's name: template -> letter

    def notice(self, kind: str, old: Object | None, new: Object | None) -> None:
        thing = new or old or {}
        if kind == "Deployment":
            self.wake(name_of(thing))
        elif kind == "ReplicaSet":
            for seen in filter(None, (old, new)):
                if owner := owner_of(seen):
                    self.wake(owner["name"])
            if new and not owner_of(new):
                self._wake_adopters(new)
        elif (new is None or finished(new)) and (owner := owner_of(thing)):  # Recreate waits for Pods to end
            replicaset = self.api.get("ReplicaSet", owner["name"])
            above = owner_of(replicaset) if replicaset else None
            if above:
                self.wake(above["name"])

    def _wake_adopters(self, replicaset: Object) -> None:
        for deployment in self.api.store.all("Deployment"):
            if selects(deployment["spec"]["selector"]["matchLabels"], labels_of(replicaset)):
                self.wake(name_of(deployment))

    def reconcile(self, key: str) -> None:
        deployment = self.api.get("Deployment", key)
        if deployment is None:
            return
        owned = self._owned(deployment)
        new = next((rs for rs in owned if _template(rs) == _template(deployment)), None)
        if leaving(deployment):
            self._report(deployment, owned, new)
        elif deployment["spec"].get("paused") or self._rescaled(deployment, owned):
            self._pause(deployment)
            self._rescale(deployment, owned, new)
            self._report(deployment, owned, new)
        else:
            self._pause(deployment)
            self._roll(deployment, owned, new)

    def _owned(self, deployment: Object) -> list[Object]:
        """Its ReplicaSets, oldest first; one that matches and belongs to nobody is adopted."""
        selector = deployment["spec"]["selector"]["matchLabels"]
        owned = {name_of(rs): rs for rs in self.api.find("ReplicaSet", ("owner", uid_of(deployment)))}
        for found in self.api.find("ReplicaSet", *(("label", *pair) for pair in selector.items())):
            if not owner_of(found) and not leaving(found) and not leaving(deployment):
                change = {"metadata": {"ownerReferences": owned_by(deployment)}}
                owned[name_of(found)] = self.api.patch(self.name, "ReplicaSet", name_of(found), change)
        return sorted(owned.values(), key=lambda rs: (rs["metadata"]["creationTimestamp"], name_of(rs)))

    def _pause(self, deployment: Object) -> None:
        """Notes that a roll-out is paused or goes on, where a deadline watches it."""
        found = condition(status_of(deployment), "Progressing")
        paused, noted = bool(deployment["spec"].get("paused")), bool(found and found["reason"] == "DeploymentPaused")
        if paused == noted or (found and found["reason"] == "ProgressDeadlineExceeded"):
            return
        status = clone(status_of(deployment))
        what = ("DeploymentPaused", "Deployment is paused") if paused else ("DeploymentResumed", "Deployment is resumed")
        set_condition(status, self.now, "Progressing", "Unknown", *what, lastUpdateTime=self.now)
        self.api.update(self.name, {**deployment, "status": status}, "status")

    def _roll(self, deployment: Object, owned: list[Object], new: Object | None) -> None:
        old = [rs for rs in owned if rs is not new]
        recreate = deployment["spec"]["strategy"]["type"] == "Recreate"
        if recreate:
            running = [rs for rs in old if rs["spec"]["replicas"]]
            for rs in running:
                self._scale(deployment, rs, 0)
            if running or any(not finished(pod) for rs in old for pod in self.api.find("Pod", ("owner", uid_of(rs)))):
                self._report(deployment, owned, new)
                return
        if new is None:
            new = self._create(deployment, owned)
            owned = [*owned, new]
        else:
            kept = self._renumber(deployment, new, owned)
            owned, new = [kept if rs is new else rs for rs in owned], kept
        wanted = rolling.allowed(deployment, new, owned)
        if new["spec"]["replicas"] != wanted:
            self._scale(deployment, new, wanted)
        elif not recreate:
            self._resize(deployment, old, rolling.shrunk(deployment, old, new))
        if _complete(deployment, status_of(deployment)):
            self._forget(deployment, old)
        self._report(deployment, owned, new)

    def _create(self, deployment: Object, owned: list[Object]) -> Object:
        collisions = status_of(deployment).get("collisionCount", 0)
        while self.api.get("ReplicaSet", f"{name_of(deployment)}-{(letter := self._hash(deployment, collisions))}"):
            collisions += 1
        template = clone(deployment["spec"]["template"])
        labels = {**template["metadata"]["labels"], HASH: letter}
        template["metadata"]["labels"] = labels
        number = str(_latest(owned) + 1)
        size = rolling.allowed(deployment, None, owned)
        made = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": f"{name_of(deployment)}-{letter}",
                "labels": labels,
                "annotations": {REVISION: number, **rolling.bounds(deployment)},
                "ownerReferences": owned_by(deployment),
            },
            "spec": {
                "replicas": size,
                "selector": {"matchLabels": {**deployment["spec"]["selector"]["matchLabels"], HASH: letter}},
                "template": template,
                "minReadySeconds": deployment["spec"].get("minReadySeconds", 0),
            },
        }
        new = self.api.create(self.name, made)
        if size:
            self.event(deployment, "ScalingReplicaSet", f"Scaled up replica set {name_of(new)} from 0 to {size}")
        status = clone(status_of(deployment))
        message = f'Created new replica set "{name_of(new)}"'
        self._note(status, "Progressing", "True", "NewReplicaSetCreated", message)
        status |= {"collisionCount": collisions} if collisions else {}
        self._write_revision(deployment, number, status)
        return new

    def _hash(self, deployment: Object, collisions: int) -> str:
        """The same template gets the same letter each time, and so its ReplicaSet the same name, unless names collide."""
        known = self._hashes.setdefault(name_of(deployment), {})
        what = json.dumps([deployment["spec"]["template"], collisions], sort_keys=True)
        return known.setdefault(what, _letters(len(known)))

    def _renumber(self, deployment: Object, new: Object, owned: list[Object]) -> Object:
        """An old template that is wanted again becomes the newest revision; its former numbers are kept as history."""
        wanted, number = _latest([rs for rs in owned if rs is not new]) + 1, _revision(new)
        notes = {**annotations_of(new), **rolling.bounds(deployment)}
        if number < wanted:
            past = [*filter(None, notes.get(HISTORY, "").split(",")), *([str(number)] if number else [])]
            notes |= {REVISION: str(wanted), **({HISTORY: ",".join(past)} if past else {})}
            number = wanted
        if notes != annotations_of(new):
            new = self.api.update(self.name, {**new, "metadata": {**new["metadata"], "annotations": notes}})
        if annotations_of(deployment).get(REVISION) != str(number):
            self._write_revision(deployment, str(number), status_of(deployment))
        return new

    def _write_revision(self, deployment: Object, number: str, status: Object) -> None:
        """The rest of the turn still holds the older copy: its next status write meets a Conflict, as in upstream."""
        meta = {**deployment["metadata"], "annotations": {**annotations_of(deployment), REVISION: number}}
        self.api.update(self.name, {**deployment, "metadata": meta, "status": status}, "status")

    def _rescaled(self, deployment: Object, owned: list[Object]) -> bool:
        """Did somebody change `replicas` since the ReplicaSets in use were last told?"""
        wanted = str(deployment["spec"]["replicas"])
        return any(rs["spec"]["replicas"] and annotations_of(rs).get(DESIRED) not in (None, wanted) for rs in owned)

    def _rescale(self, deployment: Object, owned: list[Object], new: Object | None) -> None:
        """A change of size in mid-update is shared out in proportion; the new set gets the rest (sync.go: scale)."""
        used = [rs for rs in owned if rs["spec"]["replicas"]]
        total = int(deployment["spec"]["replicas"])
        if len(used) < 2:
            only = used[0] if used else new or (owned[-1] if owned else None)
            if only and (only["spec"]["replicas"] != total or self._rescaled(deployment, [only])):
                self._scale(deployment, only, total)
            return
        if new and new["spec"]["replicas"] == total == status_of(new).get("availableReplicas", 0):
            for rs in used:
                if rs is not new:
                    self._scale(deployment, rs, 0)
            return
        if deployment["spec"]["strategy"]["type"] != "Recreate":
            self._resize(deployment, used, rolling.shared(deployment, used))

    def _resize(self, deployment: Object, sets: list[Object], sizes: dict[str, int]) -> None:
        for rs in sets:
            if sizes[name_of(rs)] != rs["spec"]["replicas"] or self._rescaled(deployment, [rs]):
                self._scale(deployment, rs, sizes[name_of(rs)])

    def _scale(self, deployment: Object, rs: Object, size: int) -> None:
        before = rs["spec"]["replicas"]
        notes = {**annotations_of(rs), **rolling.bounds(deployment)}
        changed = {**rs, "metadata": {**rs["metadata"], "annotations": notes}, "spec": {**rs["spec"], "replicas": size}}
        self.api.update(self.name, changed)
        if size != before:
            way = "up" if size > before else "down"
            self.event(deployment, "ScalingReplicaSet", f"Scaled {way} replica set {name_of(rs)} from {before} to {size}")

    def _forget(self, deployment: Object, old: list[Object]) -> None:
        """Keeps `revisionHistoryLimit` old ReplicaSets to go back to."""
        idle = [rs for rs in old if not rs["spec"]["replicas"] and not status_of(rs).get("replicas") and not leaving(rs)]
        idle.sort(key=_revision)
        for rs in idle[: max(0, len(idle) - int(deployment["spec"]["revisionHistoryLimit"]))]:
            self.api.delete(self.name, "ReplicaSet", name_of(rs))

    def _report(self, deployment: Object, owned: list[Object], new: Object | None) -> None:
        """Status is summed up from the ReplicaSets' status, with what it means for availability and progress."""
        spec, was = deployment["spec"], status_of(deployment)
        total = {key: sum(status_of(rs).get(key, 0) for rs in owned) for key in COUNTERS}
        fresh = status_of(new).get("replicas", 0) if new else 0
        counts = {
            "observedGeneration": deployment["metadata"]["generation"],
            "updatedReplicas": fresh,
            "unavailableReplicas": max(0, rolling.size(owned) - total["availableReplicas"]),
            **total,
        }
        always = ("observedGeneration", "terminatingReplicas")
        status = {key: value for key, value in counts.items() if value or key in always}
        status |= {"collisionCount": was["collisionCount"]} if was.get("collisionCount") else {}
        status["conditions"] = list(was.get("conditions") or [])
        enough = total["availableReplicas"] >= spec["replicas"] - rolling.unavailable(deployment)
        if enough:
            what = ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
        else:
            what = ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
        self._note(status, "Available", *what)
        watched = not leaving(deployment) and not spec.get("paused")
        if watched:
            self._progress(deployment, status, name_of(new) if new else name_of(deployment))
        self._failure(status, owned)
        self.api.update(self.name, {**deployment, "status": status}, "status")
        self._watch_deadline(deployment, status if watched else {})

    def _note(self, status: Object, kind: str, state: str, reason: str, message: str) -> None:
        """Sets a condition, unless it already says so for the same reason."""
        old = condition(status, kind)
        if not old or (old["status"], old["reason"]) != (state, reason):
            set_condition(status, self.now, kind, state, reason, message, lastUpdateTime=self.now)

    def _progress(self, deployment: Object, status: Object, about: str) -> None:
        was = status_of(deployment)
        found = condition(was, "Progressing")
        settled = (
            status.get("replicas", 0) == status.get("updatedReplicas", 0)
            and found
            and found["reason"] == "NewReplicaSetAvailable"
        )
        if settled:
            return
        if _complete(deployment, status):
            self._note(
                status, "Progressing", "True", "NewReplicaSetAvailable", f'ReplicaSet "{about}" has successfully progressed.'
            )
        elif _moved(was, status):
            set_condition(status, self.now, "Progressing", "True", "ReplicaSetUpdated", f'ReplicaSet "{about}" is progressing.',
                          lastUpdateTime=self.now)  # fmt: skip
        elif found and found["reason"] != "NewReplicaSetAvailable" and self._overdue(deployment, found) <= 0:
            message = f'ReplicaSet "{about}" has timed out progressing.'
            self._note(status, "Progressing", "False", "ProgressDeadlineExceeded", message)

    def _failure(self, status: Object, owned: list[Object]) -> None:
        failed = next(filter(None, (condition(status_of(rs), "ReplicaFailure") for rs in owned)), None)
        status["conditions"] = [c for c in status["conditions"] if c["type"] != "ReplicaFailure"]
        if failed:
            set_condition(
                status, self.now, "ReplicaFailure", "True", failed["reason"], failed["message"], lastUpdateTime=self.now
            )
            status["conditions"][-1] |= {key: failed[key] for key in ("lastTransitionTime",)} | {
                "lastUpdateTime": failed["lastTransitionTime"]
            }

    def _overdue(self, deployment: Object, found: Object) -> int:
        """Milliseconds until a roll-out that shows no progress counts as stuck."""
        deadline = int(deployment["spec"]["progressDeadlineSeconds"]) * 1000
        return moment(found["lastUpdateTime"]) + deadline - self.clock.now

    def _watch_deadline(self, deployment: Object, status: Object) -> None:
        found = condition(status, "Progressing")
        if found and found["reason"] in ("NewReplicaSetCreated", "ReplicaSetUpdated", "DeploymentResumed"):
            self.wake_after(name_of(deployment), max(1, self._overdue(deployment, found) + 1))
        else:
            self.clock.cancel(self._timers.pop(name_of(deployment), None))


COUNTERS = ("replicas", "readyReplicas", "availableReplicas", "terminatingReplicas")


def _template(thing: Object) -> Object:
    template = thing["spec"]["template"]
    labels = {key: value for key, value in template["metadata"]["labels"].items() if key != HASH}
    return {**template, "metadata": {**template["metadata"], "labels": labels}}


def _letters(number: int) -> str:
    """a, b, … z, za, zb, …"""
    return "z" * (number // 26) + chr(ord("a") + number % 26)


def _revision(rs: Object) -> int:
    return number(annotations_of(rs).get(REVISION))


def _latest(owned: list[Object]) -> int:
    return max((_revision(rs) for rs in owned), default=0)


def _complete(deployment: Object, status: Object) -> bool:
    replicas = deployment["spec"]["replicas"]
    return all(status.get(key, 0) == replicas for key in ("replicas", "updatedReplicas", "availableReplicas")) and (
        status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    )


def _moved(was: Object, now: Object) -> bool:
    """More of the new, fewer of the old, or more that serve."""

    def old(status: Object) -> int:
        return int(status.get("replicas", 0)) - int(status.get("updatedReplicas", 0))

    grown = any(now.get(key, 0) > was.get(key, 0) for key in ("updatedReplicas", "readyReplicas", "availableReplicas"))
    return grown or old(now) < old(was)
