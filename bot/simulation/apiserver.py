"""The API server: the only door to the store. It admits, numbers and dates; it decides nothing and commands nobody.

- `generation` grows by one exactly when spec changes or deletion is marked; a binding and status do not count.
- status is written through the subresource alone, and spec never through it.
- A write that changes nothing stores nothing. A write with an old revision is a Conflict.
- Deleting marks first: what has finalizers, or a Pod whose kubelet has to stop it, stays until they have let go.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from bot.simulation import admission, schema
from bot.simulation.clock import Clock
from bot.simulation.objects import (
    API,
    UNSPACED,
    Object,
    annotations_of,
    clone,
    finished,
    holds,
    labels_of,
    leaving,
    name_of,
    selects,
    set_condition,
    stamp,
    status_of,
    uid_of,
)
from bot.simulation.store import Store

STALE = "the object has been modified; please apply your changes to the latest version and try again"
BUDGET = "Cannot evict pod as it would violate the pod's disruption budget."
REFUSED = "The connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?"
CASCADES = {"foreground": "foregroundDeletion", "orphan": "orphan"}
COUNTED = ("Deployment", "ReplicaSet", "Pod", "PodDisruptionBudget", "EndpointSlice")  # kinds that have a generation
KUBERNETES: Object = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "kubernetes", "labels": {"component": "apiserver", "provider": "kubernetes"}},
    "spec": {
        "type": "ClusterIP",
        "clusterIP": "10.96.0.1",
        "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}],
    },
}
NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
RESTORED = 10_000  # ms
EVENTS_KEPT = 10_000
Teller = Callable[..., None]


class Rejected(Exception):
    """An API call answered with an error: nothing was stored."""

    def __init__(self, code: int, reason: str, message: str, faults: list[str] | None = None) -> None:
        super().__init__(message)
        self.code, self.reason, self.message, self.faults = code, reason, message, faults or []


class ApiServer:
    def __init__(
        self, store: Store, clock: Clock, flags: dict[str, int], tell: Teller, quota: dict[str, int] = admission.LIMITS
    ) -> None:
        self.store, self.clock, self.flags, self._tell, self._quota = store, clock, flags, tell, quota
        self.running = True
        self.changes = 0  # of objects, without notes and heartbeats
        self._made = 0  # objects ever made: uids and addresses come from it
        self._series: dict[str, int] = {}  # of each generateName, how many were made
        self._repeats: dict[tuple[str, ...], str] = {}  # what an Event says -> its name

    def bear(self) -> None:
        """What every cluster has from its first moment."""
        for name in NAMESPACES:
            meta = {"name": name, "labels": {"kubernetes.io/metadata.name": name}}
            made = {"apiVersion": "v1", "kind": "Namespace", "metadata": meta, "spec": {"finalizers": ["kubernetes"]}}
            self._begin({**made, "status": {"phase": "Active"}})
        self._begin(clone(KUBERNETES))
        self._made = 0

    def _begin(self, thing: Object) -> None:
        self._made += 1
        thing["metadata"] |= {"uid": f"00000000-0000-4000-9000-{self._made:012d}", "creationTimestamp": self.now}
        thing["metadata"] |= {} if thing["kind"] in UNSPACED else {"namespace": "default"}
        self.store.write(thing)

    def get(self, kind: str, name: str) -> Object | None:
        return self.store.get(kind, name)

    def find(self, kind: str, *terms: tuple[str, ...]) -> list[Object]:
        return self.store.find(kind, *terms)

    def create(self, by: str, thing: Object) -> Object:
        thing, kind = clone(thing), thing["kind"]
        meta, call = thing.setdefault("metadata", {}), f"create {API[kind][1]}"
        if by.startswith("user/"):  # what the system fills in is not for writing
            thing.pop("status", None)
            for key in SYSTEM & meta.keys():
                del meta[key]
        if prefix := meta.get("generateName"):
            self._series[prefix] = self._series.get(prefix, 0) + 1
            meta["name"] = f"{prefix}{self._series[prefix]}"
        name = str(meta.setdefault("name", ""))
        self._check(by, call, kind, name, thing, None)
        if self.store.get(kind, name):
            raise self._reject(by, call, kind, name, 409, "AlreadyExists", f'{_resource(kind)} "{name}" already exists')
        if over := admission.over_quota(thing, len(self.store.objects.get(kind, {})), self._quota):
            if prefix:
                self._series[prefix] -= 1  # a name that nobody got
            raise self._reject(by, call, kind, name, 403, "Forbidden", over)
        self._made += 1
        meta.setdefault("namespace", "default") if kind not in UNSPACED else None
        meta |= {"uid": f"00000000-0000-4000-8000-{self._made:012d}", "creationTimestamp": self.now}
        if kind in COUNTED:
            meta["generation"] = 1
        return self._write(by, call, None, thing)

    def update(self, by: str, thing: Object, sub: str = "", call: str = "") -> Object:
        """Replaces an object, or with `sub="status"` its status; a revision in it has to be the stored one."""
        kind, name = thing["kind"], name_of(thing)
        call = call or f"update {API[kind][1]}" + (f"/{sub}" if sub else "")
        old = self._read(by, call, kind, name)
        if thing["metadata"].get("resourceVersion", old["metadata"]["resourceVersion"]) != old["metadata"]["resourceVersion"]:
            message = f'Operation cannot be fulfilled on {_resource(kind)} "{name}": {STALE}'
            raise self._reject(by, call, kind, name, 409, "Conflict", message)
        new = self._merged(old, thing, sub)
        if not sub:
            self._check(by, call, kind, name, new, old)
        return self._stored(by, call, old, new)

    def patch(self, by: str, kind: str, name: str, change: Object, sub: str = "") -> Object:
        """Merges `change` into the object of this moment (None removes a field): it can never be stale."""
        call = f"patch {API[kind][1]}" + (f"/{sub}" if sub else "")
        old = self._read(by, call, kind, name)
        if sub == "status" and by.startswith("user/"):
            if wrong := schema.misfit({"kind": kind, "status": change.get("status")}, sub):
                raise self._reject(by, call, kind, name, 400, "BadRequest", f"{kind} in version cannot be handled: {wrong}")
            change = {**change, "status": admission.status(change.get("status") or {}, self.now)}
        return self.update(by, merge(old, change), "status" if sub == "status" else "", call)

    def delete(
        self,
        by: str,
        kind: str,
        name: str,
        grace: int | None = None,
        cascade: str = "background",
        uid: str = "",
        call: str = "",
    ) -> None:
        call = call or f"delete {API[kind][1]}"
        old = self._read(by, call, kind, name)
        if kind == "Namespace":
            message = f'namespaces "{name}" is forbidden: this namespace may not be deleted'
            raise self._reject(by, call, kind, name, 403, "Forbidden", message)
        if uid and uid != uid_of(old):
            message = f"the UID in the precondition ({uid}) does not match the UID in record ({uid_of(old)})"
            raise self._reject(by, call, kind, name, 409, "Conflict", message)
        new = clone(old)
        meta = new["metadata"]
        if (letting := CASCADES.get(cascade)) and kind != "Pod" and letting not in meta.get("finalizers", []):
            meta["finalizers"] = [*meta.get("finalizers", []), letting]
        seconds = self._grace(old, grace)
        if kind == "Pod" or meta.get("finalizers"):
            if not leaving(old):
                meta |= {"deletionTimestamp": self.now, "deletionGracePeriodSeconds": seconds}
                meta["generation"] = meta.get("generation", 1) + 1
            meta["deletionGracePeriodSeconds"] = min(seconds, meta["deletionGracePeriodSeconds"])
            if new != old:
                self._write(by, call, old, new)
        if not meta.get("finalizers") and not (kind == "Pod" and meta["deletionGracePeriodSeconds"]):
            self._remove(by, call, name, kind)

    def bind(self, by: str, name: str, node: str) -> None:
        """A binding: nodeName and PodScheduled=True in one write, once and for all."""
        call = "create pods/binding"
        old = self._read(by, call, "Pod", name)
        bound = old["spec"].get("nodeName")
        if bound or leaving(old):
            why = f'already assigned to node "{bound}"' if bound else "being deleted, cannot be assigned to a host"
            message = f'Operation cannot be fulfilled on pods/binding "{name}": pod {name} is {why}'
            raise self._reject(by, call, "Pod", name, 409, "Conflict", message)
        new = clone(old)
        new["spec"]["nodeName"] = node
        set_condition(new["status"], self.now, "PodScheduled", "True")
        self._write(by, call, old, new)

    def evict(self, by: str, name: str) -> None:
        """A deletion that asks the disruption budgets first."""
        call = "create pods/eviction"
        pod = self._read(by, call, "Pod", name)
        budgets = [b for b in self.store.all("PodDisruptionBudget") if selects(_chosen(b), labels_of(pod))]
        asked = not leaving(pod) and not finished(pod) and status_of(pod).get("phase") != "Pending"
        if len(budgets) > 1 and asked:
            message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
            raise self._reject(by, call, "Pod", name, 500, "InternalError", message)
        for budget in budgets if asked else []:
            self._spend(by, call, pod, budget)
        if not leaving(pod):
            new = clone(pod)
            message = "Eviction API: evicting"
            set_condition(new["status"], self.now, "DisruptionTarget", "True", "EvictionByEvictionAPI", message)
            self._stored(by, call, pod, new)
        self.delete(by, "Pod", name, call=call)

    def event(self, by: str, about: Object, reason: str, message: str, kind: str = "Normal") -> None:
        """Notes what a part did; a repeated note counts up. Nothing acts on Events."""
        if not self.running:
            return  # notes are not worth waiting for
        by = "default-scheduler" if by == "kube-scheduler" else by
        said = (about["kind"], name_of(about), uid_of(about), by, reason, message)
        old = self.store.get("Event", self._repeats.get(said, ""))
        if old:
            new = {**old, "metadata": dict(old["metadata"]), "count": old["count"] + 1, "lastTimestamp": self.now}
        else:
            self._made += 1
            self._repeats[said] = f"{name_of(about)}.{self._made:x}"
            who = {"kind": about["kind"], "name": name_of(about), "uid": uid_of(about)}
            new = {"kind": "Event", "metadata": {"name": self._repeats[said]}, "involvedObject": who, "reason": reason,
                   "message": message, "type": kind, "count": 1, "firstTimestamp": self.now, "lastTimestamp": self.now,
                   "source": {"component": by}}  # fmt: skip
        self.store.write(new)
        self._tell("EVENT", by, "Event", name_of(about), about=about["kind"], revision=self.store.revision, event=new)
        if len(self.store.objects["Event"]) > EVENTS_KEPT:
            self.store.remove(next(iter(self.store.objects["Event"].values())))
            self._repeats = {said: name for said, name in self._repeats.items() if name in self.store.objects["Event"]}

    def renew(self, node: str) -> None:
        """A node's heartbeat: a Lease, which takes a revision and is never shown."""
        self.store.write({"kind": "Lease", "metadata": {"name": node}, "spec": {"renewTime": self.now}})

    @property
    def now(self) -> str:
        return stamp(self.clock.now)

    def _read(self, by: str, call: str, kind: str, name: str) -> Object:
        if not self.running:
            raise self._reject(by, call, kind, name, 503, "ServiceUnavailable", REFUSED)
        found = self.store.get(kind, name)
        if found is None:
            raise self._reject(by, call, kind, name, 404, "NotFound", f'{_resource(kind)} "{name}" not found')
        return found

    def _check(self, by: str, call: str, kind: str, name: str, new: Object, old: Object | None) -> None:
        if not self.running:
            raise self._reject(by, call, kind, name, 503, "ServiceUnavailable", REFUSED)
        if not by.startswith("user/"):
            if old is None:
                admission.default(new, self.flags, self._made)
            return  # the parts write what they have read; looking at it again would find nothing
        if kind not in schema.KINDS:
            message = f'{_resource(kind)} "{name}" is forbidden: User "kubectl" cannot write resource "{API[kind][1]}"'
            raise self._reject(by, call, kind, name, 403, "Forbidden", message)
        if wrong := schema.misfit(new):
            version = API[kind][0].split("/")[-1]
            message = f'{kind} in version "{version}" cannot be handled as a {kind}: {wrong}'
            raise self._reject(by, call, kind, name, 400, "BadRequest", message)
        if old is None or kind != "Pod":
            admission.default(new, self.flags, self._made)
        if faults := list(admission.faults(new, old)):
            what = faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]"
            message = f'{kind}{API[kind][2]} "{name}" is invalid: {what}'
            raise self._reject(by, call, kind, name, 422, "Invalid", message, faults)
        if old and (over := admission.over_quota(new, 0, self._quota)):
            raise self._reject(by, call, kind, name, 403, "Forbidden", over)

    def _merged(self, old: Object, new: Object, sub: str) -> Object:
        """What may change is taken from `new`, all else from `old`."""
        if sub:
            meta = {**old["metadata"], **({"annotations": clone(notes)} if (notes := annotations_of(new)) else {})}
            return {**old, "metadata": meta, "status": clone(new.get("status") or {})}
        kept = {key: old["metadata"][key] for key in old["metadata"] if key not in WRITABLE}
        given = {key: clone(value) for key, value in new["metadata"].items() if key in WRITABLE and value}
        merged = {**old, **{key: clone(value) for key, value in new.items() if key != "status"}, "metadata": {**kept, **given}}
        if "status" in old:
            merged["status"] = old["status"]
        return merged

    def _stored(self, by: str, call: str, old: Object, new: Object) -> Object:
        if _plain(new) == _plain(old):
            return old
        new["metadata"] = dict(new["metadata"])
        counted = "endpoints" if new["kind"] == "EndpointSlice" else "spec"
        if new["kind"] in COUNTED and new.get(counted) != old.get(counted):
            new["metadata"]["generation"] = old["metadata"]["generation"] + 1
        if leaving(old) and not new["metadata"].get("finalizers") and not (
            new["kind"] == "Pod" and new["metadata"]["deletionGracePeriodSeconds"]
        ):  # fmt: skip
            self._remove(by, call, name_of(old), old["kind"])  # the last finalizer has gone
            return new
        return self._write(by, call, old, new)

    def _write(self, by: str, call: str, old: Object | None, new: Object) -> Object:
        self.changes += 1
        self.store.write(new)
        self._tell("MODIFIED" if old else "ADDED", by, new["kind"], name_of(new), call=call, old=old, new=new)
        return new

    def _remove(self, by: str, call: str, name: str, kind: str) -> None:
        old = self.store.objects[kind][name]
        self.changes += 1
        self.store.remove(old)
        self._tell("DELETED", by, kind, name, call=call, old=old, revision=self.store.revision)
        if (kind, name) == ("Service", "kubernetes"):
            self.clock.after(RESTORED, self._restore)

    def _restore(self) -> None:
        """The API server keeps a Service for itself."""
        with suppress(Rejected):
            self.create("kube-apiserver", KUBERNETES)

    def _reject(
        self, by: str, call: str, kind: str, name: str, code: int, reason: str, message: str, faults: list[str] | None = None
    ) -> Rejected:
        self._tell("REJECTED", by, kind, name, call=call, code=code, reason=reason, message=message)
        return Rejected(code, reason, message, faults)

    def _grace(self, thing: Object, asked: int | None) -> int:
        """Seconds a Pod gets to stop: none when no kubelet has it, or when it has ended."""
        if thing["kind"] != "Pod" or not thing["spec"].get("nodeName") or finished(thing):
            return 0
        return int(thing["spec"]["terminationGracePeriodSeconds"]) if asked is None else asked

    def _spend(self, by: str, call: str, pod: Object, budget: Object) -> None:
        status = status_of(budget)
        seen = status.get("observedGeneration", 0) >= budget["metadata"]["generation"]
        enough = 0 < status.get("desiredHealthy", 0) <= status.get("currentHealthy", 0)
        if seen and enough and not holds(pod, "Ready"):
            return  # IfHealthyBudget: a Pod that does not serve is no loss
        if not seen or status.get("disruptionsAllowed", 0) < 1:
            raise self._reject(by, call, "Pod", name_of(pod), 429, "TooManyRequests", BUDGET)
        left = {**status, "disruptionsAllowed": status["disruptionsAllowed"] - 1}
        left["disruptedPods"] = {**status.get("disruptedPods", {}), name_of(pod): self.now}
        self.update("kube-apiserver", {**budget, "status": left}, "status")


SYSTEM = {"uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"}
WRITABLE = ("labels", "annotations", "finalizers", "ownerReferences")


def merge(old: Any, change: Any) -> Any:
    """A merge patch (RFC 7386); lists of named things are merged by name, as a strategic merge patch does."""
    if isinstance(old, list) and isinstance(change, list) and all(isinstance(i, dict) and "name" in i for i in [*old, *change]):
        named = {item["name"]: item for item in old}
        return list({**named, **{item["name"]: merge(named.get(item["name"], {}), item) for item in change}}.values())
    if not isinstance(change, dict):
        return clone(change)
    merged = dict(old) if isinstance(old, dict) else {}
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def _plain(thing: Object) -> Object:
    return {**thing, "metadata": {key: value for key, value in thing["metadata"].items() if key != "resourceVersion"}}


def _resource(kind: str) -> str:
    return API[kind][1] + API[kind][2]


def _chosen(budget: Object) -> dict[str, str]:
    return (budget["spec"].get("selector") or {}).get("matchLabels") or {}
