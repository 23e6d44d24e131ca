"""The API server: the only door to the store. It admits, numbers and dates; it decides nothing and commands nobody.

- `generation` grows by one exactly when spec changes or deletion is marked; a binding and status do not count.
- status is written through the subresource alone, and spec never through it.
- A write that changes nothing stores nothing. A write with an old revision is a Conflict.
- Deleting marks first: what has finalizers, or a Pod whose kubelet has to stop it, stays until they have let go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from bot.simulation import admission, schema
from bot.simulation.clock import Clock, stamp
from bot.simulation.objects import API, UNSPACED, Object, annotations_of, chooses, clone, leaving, merge, name_of, uid_of
from bot.simulation.statuses import finished, holds, set_condition, status_of
from bot.simulation.store import Store

EVICTED = ("DisruptionTarget", "True", "EvictionByEvictionAPI", "Eviction API: evicting")
UNFULFILLED = "Operation cannot be fulfilled on"
STALE = "the object has been modified; please apply your changes to the latest version and try again"
BUDGET = "Cannot evict pod as it would violate the pod's disruption budget."
BUDGETS = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
REFUSED = "The connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?"
CODES = {"BadRequest": 400, "Forbidden": 403, "NotFound": 404, "AlreadyExists": 409, "Conflict": 409, "Invalid": 422,
         "TooManyRequests": 429, "InternalError": 500, "ServiceUnavailable": 503}  # fmt: skip
CASCADES = {"foreground": "foregroundDeletion", "orphan": "orphan"}
COUNTED = ("Deployment", "ReplicaSet", "Pod", "PodDisruptionBudget", "EndpointSlice")  # kinds that have a generation
SYSTEM = {"uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"}
WRITABLE = ("labels", "annotations", "finalizers", "ownerReferences")
EVENTS_KEPT = 10_000
Teller = Callable[..., None]


class Rejected(Exception):
    """An API call answered with an error: nothing was stored."""

    def __init__(self, reason: str, message: str, faults: list[str]) -> None:
        super().__init__(message)
        self.code, self.reason, self.message, self.faults = CODES[reason], reason, message, faults


class Request(NamedTuple):
    """Who asks, for what: `patch pods/status`."""

    by: str
    call: str
    kind: str
    name: str


class ApiServer:
    def __init__(
        self, store: Store, clock: Clock, flags: dict[str, int], tell: Teller, quota: dict[str, int] = admission.LIMITS
    ) -> None:
        self.store, self.clock, self.flags, self._tell, self._quota = store, clock, flags, tell, quota
        self.get, self.find, self.chosen = store.get, store.find, store.chosen
        self.running = True
        self.changes = 0  # of objects, without notes and heartbeats
        self._made = 0  # objects ever made: uids and addresses come from it
        self._series: Counter[str | None] = Counter()  # of each generateName, how many were made
        self._repeats: dict[tuple[str, ...], str] = {}  # what an Event says -> its name

    @property
    def now(self) -> str:
        return stamp(self.clock.now)

    def read(self, request: Request) -> Object:
        if not self.running:
            raise self._refuse(request, "ServiceUnavailable", REFUSED)
        if found := self.get(request.kind, request.name):
            return found
        raise self._refuse(request, "NotFound", f'{_resource(request.kind)} "{request.name}" not found')

    def create(self, by: str, thing: Object) -> Object:
        thing, kind = clone(thing), thing["kind"]
        meta = thing.setdefault("metadata", {})
        if by.startswith("user/"):  # what the system fills in is not for writing
            thing.pop("status", None)
            meta = thing["metadata"] = {key: value for key, value in meta.items() if key not in SYSTEM}
        if prefix := meta.get("generateName"):
            meta["name"] = f"{prefix}{self._series[prefix] + 1}"
        request = Request(by, f"create {API[kind][1]}", kind, str(meta.setdefault("name", "")))
        self._admit(request, thing, None)
        self._series[prefix] += 1
        if self.get(kind, request.name):
            raise self._refuse(request, "AlreadyExists", f'{_resource(request.kind)} "{request.name}" already exists')
        self._made += 1
        meta |= {} if kind in UNSPACED else {"namespace": "default"}
        meta |= {"uid": f"00000000-0000-4000-8000-{self._made:012d}", "creationTimestamp": self.now}
        meta |= {"generation": 1} if kind in COUNTED else {}
        self._write(request, None, thing)
        return thing

    def update(self, by: str, thing: Object, sub: str = "", call: str = "") -> Object:
        """Replaces an object, or with `sub="status"` its status; a revision in it has to be the stored one."""
        kind = thing["kind"]
        request = Request(by, call or f"update {API[kind][1]}" + (f"/{sub}" if sub else ""), kind, name_of(thing))
        old = self.read(request)
        if thing["metadata"].get("resourceVersion", old["metadata"]["resourceVersion"]) != old["metadata"]["resourceVersion"]:
            raise self._refuse(request, "Conflict", f'{UNFULFILLED} {_resource(request.kind)} "{request.name}": {STALE}')
        new = _merged(old, thing, sub)
        if not sub:
            self._admit(request, new, old)
        return self._replace(request, old, new)

    def patch(self, by: str, kind: str, name: str, change: Object, sub: str = "") -> Object:
        """Merges `change` into the object of this moment (None removes a field): it can never be stale."""
        request = Request(by, f"patch {API[kind][1]}" + (f"/{sub}" if sub else ""), kind, name)
        old = self.read(request)
        if sub == "status" and by.startswith("user/"):
            if wrong := schema.misfit(kind, change.get("status"), sub):
                raise self._refuse(request, "BadRequest", f"{kind} in version cannot be handled: {wrong}")
            change = {**change, "status": admission.status(change.get("status") or {}, self.now)}
        return self.update(by, merge(old, change), "status" if sub == "status" else "", request.call)

    def delete(self, by: str, kind: str, name: str, grace: int | None = None, cascade: str = "", call: str = "") -> None:
        request = Request(by, call or f"delete {API[kind][1]}", kind, name)
        old = self.read(request)
        if kind == "Namespace":
            raise self._refuse(request, "Forbidden", f'namespaces "{name}" is forbidden: this namespace may not be deleted')
        new = clone(old)
        meta = new["metadata"]
        if (letting := CASCADES.get(cascade)) and kind != "Pod" and letting not in meta.get("finalizers", []):
            meta["finalizers"] = [*meta.get("finalizers", []), letting]
        if kind == "Pod" or meta.get("finalizers"):
            stops = kind == "Pod" and old["spec"].get("nodeName") and not finished(old)  # else there is nothing to stop
            seconds = (old["spec"]["terminationGracePeriodSeconds"] if grace is None else grace) if stops else 0
            if not leaving(old):
                meta |= {"deletionTimestamp": self.now, "deletionGracePeriodSeconds": seconds}
                meta["generation"] = meta.get("generation", 1) + 1
            meta["deletionGracePeriodSeconds"] = min(seconds, meta["deletionGracePeriodSeconds"])
            if new != old:
                self._write(request, old, new)
        if not _held(new):
            self._write(request, new, None)

    def bind(self, by: str, name: str, node: str) -> None:
        """A binding: nodeName and PodScheduled=True in one write, once and for all."""
        request = Request(by, "create pods/binding", "Pod", name)
        old = self.read(request)
        if (bound := old["spec"].get("nodeName")) or leaving(old):
            why = f'already assigned to node "{bound}"' if bound else "being deleted, cannot be assigned to a host"
            raise self._refuse(request, "Conflict", f'{UNFULFILLED} pods/binding "{name}": pod {name} is {why}')
        new = clone(old)
        new["spec"]["nodeName"] = node
        set_condition(new["status"], self.now, "PodScheduled", "True")
        self._write(request, old, new)

    def evict(self, by: str, name: str) -> None:
        """A deletion that asks the disruption budgets first."""
        request = Request(by, "create pods/eviction", "Pod", name)
        pod = self.read(request)
        if not leaving(pod) and not finished(pod) and status_of(pod).get("phase") != "Pending":
            budgets = [b for b in self.store.all("PodDisruptionBudget") if chooses(b, pod)]
            if len(budgets) > 1:
                raise self._refuse(request, "InternalError", BUDGETS)
            for budget in budgets:
                self._spend(request, pod, budget)
        if not leaving(pod):
            new = clone(pod)
            set_condition(new["status"], self.now, *EVICTED)
            self._replace(request, pod, new)
        self.delete(by, "Pod", name, call=request.call)

    def _spend(self, request: Request, pod: Object, budget: Object) -> None:
        status = status_of(budget)
        seen = status.get("observedGeneration", 0) >= budget["metadata"]["generation"]
        enough = 0 < status.get("desiredHealthy", 0) <= status.get("currentHealthy", 0)
        if seen and enough and not holds(pod, "Ready"):
            return  # IfHealthyBudget: a Pod that does not serve is no loss
        if not seen or status.get("disruptionsAllowed", 0) < 1:
            raise self._refuse(request, "TooManyRequests", BUDGET)
        left = {**status, "disruptionsAllowed": status["disruptionsAllowed"] - 1}
        left["disruptedPods"] = {**status.get("disruptedPods", {}), name_of(pod): self.now}
        self.update("kube-apiserver", {**budget, "status": left}, "status")

    def event(self, by: str, about: Object, reason: str, message: str, kind: str = "Normal") -> None:
        """Notes what a part did; a repeated note counts up. Nothing acts on Events."""
        if not self.running:
            return  # notes are not worth waiting for
        by = "default-scheduler" if by == "kube-scheduler" else by
        who = {"kind": about["kind"], "name": name_of(about), "uid": uid_of(about)}
        said = (*who.values(), by, reason, message)
        if old := self.get("Event", self._repeats.get(said, "")):
            new = {**old, "metadata": dict(old["metadata"]), "count": old["count"] + 1, "lastTimestamp": self.now}
        else:
            self._made += 1
            self._repeats[said] = f"{name_of(about)}.{self._made:x}"
            new = {"kind": "Event", "metadata": {"name": self._repeats[said]}, "involvedObject": who, "reason": reason,
                   "message": message, "type": kind, "count": 1, "firstTimestamp": self.now, "lastTimestamp": self.now,
                   "source": {"component": by}}  # fmt: skip
        self.store.write(new)
        self._tell("EVENT", by, "Event", name_of(about), about=about["kind"], revision=self.store.revision, event=new)
        if len(self.store.objects["Event"]) > EVENTS_KEPT:
            self.store.remove(self.store.objects["Event"][self._repeats.pop(next(iter(self._repeats)))])  # the oldest

    def renew(self, node: str) -> None:
        """A node's heartbeat: a Lease, which takes a revision and is never shown."""
        self.store.write({"kind": "Lease", "metadata": {"name": node}, "spec": {"renewTime": self.now}})

    def _admit(self, request: Request, new: Object, old: Object | None) -> None:
        kind, outside = request.kind, request.by.startswith("user/")
        if not self.running:
            raise self._refuse(request, "ServiceUnavailable", REFUSED)
        if outside and kind not in schema.SHAPES:
            message = f'{_resource(kind)} "{request.name}" is forbidden: User "kubectl" cannot write resource "{API[kind][1]}"'
            raise self._refuse(request, "Forbidden", message)
        if outside and (wrong := schema.misfit(kind, new)):
            version = API[kind][0].split("/")[-1]
            raise self._refuse(request, "BadRequest", f'{kind} in version "{version}" cannot be handled as a {kind}: {wrong}')
        if old is None or (outside and kind != "Pod"):
            admission.default(new, self.flags, self._made)
        if outside and (faults := list(admission.faults(new, old))):  # the parts write what they have read
            what = faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]"
            raise self._refuse(request, "Invalid", f'{kind}{API[kind][2]} "{request.name}" is invalid: {what}', faults)
        used = 0 if old else len(self.store.objects.get(kind, {}))
        if (outside or not old) and (over := admission.over_quota(new, used, self._quota)):
            raise self._refuse(request, "Forbidden", over)

    def _replace(self, request: Request, old: Object, new: Object) -> Object:
        """Stores what differs from the stored one; the last finalizer that goes takes the object with it."""
        new["metadata"] = {**new["metadata"], "resourceVersion": old["metadata"]["resourceVersion"]}
        if new == old:
            return old
        counted = "endpoints" if request.kind == "EndpointSlice" else "spec"
        if request.kind in COUNTED and new.get(counted) != old.get(counted):
            new["metadata"]["generation"] = old["metadata"]["generation"] + 1
        self._write(request, old, None if leaving(old) and not _held(new) else new)
        return new

    def _write(self, request: Request, old: Object | None, new: Object | None) -> None:
        """Stores a new or changed object, or without `new` the end of one, and tells it."""
        by, call, kind, name = request
        self.changes += 1
        if new:
            self.store.write(new)
        else:
            self.store.remove(self.store.objects[kind][name])
        verb = "DELETED" if new is None else "MODIFIED" if old else "ADDED"
        self._tell(verb, by, kind, name, call=call, old=old, new=new, revision=self.store.revision)

    def _refuse(self, request: Request, reason: str, message: str, faults: list[str] | None = None) -> Rejected:
        told = {"call": request.call, "code": CODES[reason], "reason": reason, "message": message}
        self._tell("REJECTED", request.by, request.kind, request.name, **told)
        return Rejected(reason, message, faults or [])


def _resource(kind: str) -> str:
    return API[kind][1] + API[kind][2]


def _held(thing: Object) -> bool:
    """Is there somebody who has to let go before it may be gone?"""
    meta = thing["metadata"]
    return bool(meta.get("finalizers") or (thing["kind"] == "Pod" and meta["deletionGracePeriodSeconds"]))


def _merged(old: Object, new: Object, sub: str) -> Object:
    """What may change is taken from `new`, all else from `old`."""
    if sub:
        meta = {**old["metadata"], **({"annotations": clone(notes)} if (notes := annotations_of(new)) else {})}
        return {**old, "metadata": meta, "status": clone(new.get("status") or {})}
    kept = {key: value for key, value in old["metadata"].items() if key not in WRITABLE}
    given = {key: clone(value) for key, value in new["metadata"].items() if key in WRITABLE and value}
    changed = {key: clone(value) for key, value in new.items() if key != "status"}
    return {**old, **changed, "metadata": {**kept, **given}}
