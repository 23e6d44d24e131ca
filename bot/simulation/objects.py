"""What objects have in common: Kubernetes' own JSON shape as plain dicts, which nobody changes once they are stored."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

Object = dict[str, Any]
START = datetime(2026, 1, 1, 8, 0, tzinfo=UTC)  # when virtual time begins
QUANTITY = re.compile(r"([+-]?\d{1,15}(?:\.\d{1,9})?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
FACTORS = {"m": 0.001, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
API = {  # kind: (apiVersion, plural, the group's suffix in messages, the prefix of readable names)
    "Pod": ("v1", "pods", "", "pod"),
    "Deployment": ("apps/v1", "deployments", ".apps", "deploy"),
    "ReplicaSet": ("apps/v1", "replicasets", ".apps", "rs"),
    "Node": ("v1", "nodes", "", "node"),
    "Service": ("v1", "services", "", "svc"),
    "EndpointSlice": ("discovery.k8s.io/v1", "endpointslices", ".discovery.k8s.io", "slice"),
    "PodDisruptionBudget": ("policy/v1", "poddisruptionbudgets", ".policy", "pdb"),
    "Namespace": ("v1", "namespaces", "", "ns"),
    "Lease": ("coordination.k8s.io/v1", "leases", ".coordination.k8s.io", "lease"),
    "Event": ("v1", "events", "", "event"),
}

UNSPACED = ("Node", "Namespace")  # kinds that belong to no namespace


def clone(value: Any) -> Any:
    """A copy to write in, for values made of dicts, lists and scalars."""
    if isinstance(value, dict):
        return {key: clone(item) for key, item in value.items()}
    return [clone(item) for item in value] if isinstance(value, list) else value


def name_of(thing: Object) -> str:
    return str(thing["metadata"]["name"])


def uid_of(thing: Object) -> str:
    return str(thing["metadata"]["uid"])


def labels_of(thing: Object) -> dict[str, str]:
    return thing["metadata"].get("labels") or {}


def annotations_of(thing: Object) -> dict[str, str]:
    return thing["metadata"].get("annotations") or {}


def status_of(thing: Object) -> Object:
    return thing.get("status") or {}


def leaving(thing: Object) -> bool:
    """Marked for deletion; not the same as gone."""
    return "deletionTimestamp" in thing["metadata"]


def owner_of(thing: Object) -> Object | None:
    """The owner reference of the controller, the only owner that manages."""
    return next((owner for owner in thing["metadata"].get("ownerReferences") or [] if owner.get("controller")), None)


def owned_by(owner: Object) -> list[Object]:
    return [
        {
            "apiVersion": API[owner["kind"]][0],
            "kind": owner["kind"],
            "name": name_of(owner),
            "uid": uid_of(owner),
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]


def selects(selector: dict[str, str] | None, labels: dict[str, str]) -> bool:
    return bool(selector) and all(labels.get(key) == value for key, value in (selector or {}).items())


def condition(status: Object, kind: str) -> Object | None:
    return next((found for found in status.get("conditions") or [] if found["type"] == kind), None)


def holds(thing: Object, kind: str) -> bool:
    """Is the condition True? Absent counts as not."""
    found = condition(status_of(thing), kind)
    return found is not None and found["status"] == "True"


def set_condition(status: Object, now: str, kind: str, state: str, reason: str = "", message: str = "", **more: Any) -> None:
    """Replaces or adds a condition; its transition time moves only when its status does."""
    old = condition(status, kind)
    new = {"type": kind, "status": state, **({"reason": reason} if reason else {}), **({"message": message} if message else {})}
    kept = old["lastTransitionTime"] if old is not None and old["status"] == state else now
    new = {**new, "lastTransitionTime": kept, **more}
    status["conditions"] = [*(c for c in status.get("conditions") or [] if c["type"] != kind), new]
    status["conditions"].sort(key=lambda c: str(c["type"]))


def finished(pod: Object) -> bool:
    return status_of(pod).get("phase") in ("Succeeded", "Failed")


def active(pod: Object) -> bool:
    return not finished(pod) and not leaving(pod)


def stamp(now: int) -> str:
    """Milliseconds of virtual time as the API writes times."""
    return (START + timedelta(milliseconds=now)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: str) -> int:
    return round((datetime.fromisoformat(text) - START) / timedelta(milliseconds=1))


def quantity(value: object) -> float | None:
    """`100m`, `1`, `64Mi` as a number; None for what is no quantity."""
    found = QUANTITY.fullmatch(str(value))
    return float(found[1]) * FACTORS.get(found[2] or "", 1) if found else None


def number(text: object) -> int:
    """A whole number from an annotation that anybody may have written; 0 for what is none."""
    return int(str(text)) if re.fullmatch(r"-?\d{1,9}", str(text)) else 0


def requests(pod: Object, resource: str) -> float:
    """What the Pod asks for: limits stand in where requests are not given, as the API server defaults them."""
    total = 0.0
    for container in pod["spec"]["containers"]:
        total += quantity(((container.get("resources") or {}).get("requests") or {}).get(resource, 0)) or 0
    return total


def share(value: object, whole: int, up: bool) -> int:
    """`25%` of a whole, rounded up or down, or the plain number."""
    if isinstance(value, str) and value.endswith("%"):
        exact = int(value[:-1]) * whole / 100
        return math.ceil(exact) if up else math.floor(exact)
    return int(str(value))


def spread(reasons: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for reason in reasons:
        counts[reason] = counts.get(reason, 0) + 1
    return counts
