"""The words by which kubectl knows the kinds."""

from __future__ import annotations

from bot.simulation.objects import API

KINDS = {
    "po": "Pod", "deploy": "Deployment", "rs": "ReplicaSet", "no": "Node", "svc": "Service", "ev": "Event",
    "pdb": "PodDisruptionBudget", "slice": "EndpointSlice",
    **{kind.lower(): kind for kind in API},
    **{plural: kind for kind, (_, plural, _, _) in API.items()},
    **{plural + suffix: kind for kind, (_, plural, suffix, _) in API.items() if suffix},
    "deployment.apps": "Deployment", "replicaset.apps": "ReplicaSet",
}  # fmt: skip


def plural(kind: str) -> str:
    return API[kind][1]


def shown(kind: str, name: str) -> str:
    """`deployment.apps/lemonade`, as kubectl names what it has done something to."""
    return f"{kind.lower()}{API[kind][2]}/{name}"
