"""The words by which kubectl knows the kinds."""

from __future__ import annotations

from bot.simulation.objects import API

KINDS = {
    "po": "Pod", "deploy": "Deployment", "rs": "ReplicaSet", "no": "Node", "svc": "Service", "ev": "Event",
    "pdb": "PodDisruptionBudget", "slice": "EndpointSlice", "ns": "Namespace",
    **{kind.lower(): kind for kind in API},
    **{plural: kind for kind, (_, plural, _, _) in API.items()},
    **{plural + suffix: kind for kind, (_, plural, suffix, _) in API.items() if suffix},
    "deployment.apps": "Deployment", "replicaset.apps": "ReplicaSet",
}  # fmt: skip

REAL = """
    configmap cm secret ingress ing ingressclass job cronjob cj statefulset sts daemonset ds replicationcontroller rc
    persistentvolume pv persistentvolumeclaim pvc storageclass sc serviceaccount sa role rolebinding clusterrole
    clusterrolebinding horizontalpodautoscaler hpa endpoint ep networkpolicy netpol limitrange limits resourcequota quota
    priorityclass pc customresourcedefinition crd componentstatus cs podtemplate controllerrevision runtimeclass
    certificatesigningrequest csr apiservice validatingwebhookconfiguration mutatingwebhookconfiguration csidriver csinode
    volumeattachment flowschema
"""
ELSEWHERE = frozenset(REAL.split())  # kinds of a real cluster that are not simulated


def elsewhere(word: str) -> bool:
    """Is it a kind that a real cluster has and this one has not?"""
    word = word.lower().split(".", maxsplit=1)[0]
    return any(form in ELSEWHERE for form in (word, word.removesuffix("s"), word.removesuffix("es"))) or (
        word.endswith("ies") and f"{word[:-3]}y" in ELSEWHERE
    )


def plural(kind: str) -> str:
    return API[kind][1]


def shown(kind: str, name: str) -> str:
    """`deployment.apps/lemonade`, as kubectl names what it has done something to."""
    return f"{kind.lower()}{API[kind][2]}/{name}"
