"""What objects have in common: Kubernetes' own JSON shape as plain dicts, which nobody changes once they are stored."""

from __future__ import annotations

import math
import re
from typing import Any

Object = dict[str, Any]
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


def merge(old: Any, change: Any) -> Any:
    """A merge patch (RFC 7386); lists of named things are merged by name, as a strategic merge patch does."""
    if isinstance(old, list) and isinstance(change, list) and all(isinstance(i, dict) and "name" in i for i in [*old, *change]):
        named = {item["name"]: item for item in old}
        return list({**named, **{item["name"]: merge(named.get(item["name"], {}), item) for item in change}}.values())
    if not isinstance(change, dict):
        return clone(change)
    kept = (
        {key: value for key, value in old.items() if key not in change or change[key] is not None}
        if isinstance(old, dict)
        else {}
    )
    return {**kept, **{key: merge(kept.get(key), value) for key, value in change.items() if value is not None}}


def name_of(thing: Object) -> str:
    return str(thing["metadata"]["name"])


def uid_of(thing: Object) -> str:
    return str(thing["metadata"]["uid"])


def labels_of(thing: Object) -> dict[str, str]:
    return thing["metadata"].get("labels") or {}


def annotations_of(thing: Object) -> dict[str, str]:
    return thing["metadata"].get("annotations") or {}


def leaving(thing: Object) -> bool:
    """Marked for deletion; not the same as gone."""
    return "deletionTimestamp" in thing["metadata"]


def owners_of(thing: Object) -> list[Object]:
    return thing["metadata"].get("ownerReferences") or []


def owner_of(thing: Object) -> Object | None:
    """The owner reference of the controller, the only owner that manages."""
    return next((owner for owner in owners_of(thing) if owner.get("controller")), None)


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


def selector_of(thing: Object) -> dict[str, str]:
    """The labels that an object looks for in others."""
    selector = thing["spec"].get("selector") or {}
    return selector if thing["kind"] == "Service" else selector.get("matchLabels") or {}


def chooses(thing: Object, other: Object) -> bool:
    return selects(selector_of(thing), labels_of(other))


def selects(selector: dict[str, str] | None, labels: dict[str, str]) -> bool:
    return bool(selector) and all(labels.get(key) == value for key, value in (selector or {}).items())


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
