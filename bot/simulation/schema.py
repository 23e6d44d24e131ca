"""The fields an object may have: the API server refuses what it does not know (strict decoding) and what has the wrong type.

`ANY` marks real fields that the simulation stores and shows but does not play.
"""

from __future__ import annotations

from typing import Any

from bot.simulation.objects import Object

TEXT, NUMBER, FLAG, EITHER, ANY = "string", "int32", "bool", "intstr", "any"
MAP = {"*": TEXT}
METADATA: dict[str, Any] = {
    "name": TEXT, "generateName": TEXT, "namespace": TEXT, "labels": MAP, "annotations": MAP, "finalizers": [TEXT],
    "ownerReferences": [
        {**dict.fromkeys(("apiVersion", "kind", "name", "uid"), TEXT), "controller": FLAG, "blockOwnerDeletion": FLAG}
    ], "uid": TEXT, "resourceVersion": TEXT, "generation": NUMBER, "creationTimestamp": ANY,
    "deletionTimestamp": ANY, "deletionGracePeriodSeconds": NUMBER, "managedFields": ANY, "selfLink": TEXT,
}  # fmt: skip
PROBE = {
    "httpGet": {"path": TEXT, "port": EITHER, "host": TEXT, "scheme": TEXT, "httpHeaders": ANY},
    "exec": {"command": [TEXT]}, "tcpSocket": {"port": EITHER, "host": TEXT}, "grpc": {"port": NUMBER, "service": TEXT},
    **dict.fromkeys(("periodSeconds", "failureThreshold", "successThreshold", "initialDelaySeconds", "timeoutSeconds"), NUMBER),
    "terminationGracePeriodSeconds": NUMBER,
}  # fmt: skip
CONTAINER = {
    "name": TEXT, "image": TEXT, "imagePullPolicy": TEXT, "command": [TEXT], "args": [TEXT], "workingDir": TEXT,
    "ports": [{"name": TEXT, "containerPort": NUMBER, "hostPort": NUMBER, "hostIP": TEXT, "protocol": TEXT}],
    "resources": {"requests": {"*": ANY}, "limits": {"*": ANY}, "claims": ANY},
    "readinessProbe": PROBE, "livenessProbe": PROBE, "startupProbe": PROBE,
    **dict.fromkeys(("env", "envFrom", "volumeMounts", "volumeDevices", "lifecycle", "securityContext", "resizePolicy"), ANY),
    "terminationMessagePath": TEXT, "terminationMessagePolicy": TEXT, "stdin": FLAG, "stdinOnce": FLAG, "tty": FLAG,
}  # fmt: skip
POD = {
    "containers": [CONTAINER], "restartPolicy": TEXT, "terminationGracePeriodSeconds": NUMBER, "nodeName": TEXT,
    "nodeSelector": MAP, "tolerations": [
        {"key": TEXT, "operator": TEXT, "value": TEXT, "effect": TEXT, "tolerationSeconds": NUMBER}
    ],
    **dict.fromkeys((
        "affinity", "volumes", "initContainers", "ephemeralContainers", "securityContext", "topologySpreadConstraints",
        "imagePullSecrets", "hostAliases", "dnsConfig", "readinessGates", "overhead", "os", "schedulingGates", "resources",
        "resourceClaims",
    ), ANY),
    **dict.fromkeys(("serviceAccountName", "serviceAccount", "schedulerName", "hostname", "subdomain", "dnsPolicy",
                     "priorityClassName", "preemptionPolicy", "runtimeClassName"), TEXT),
    **dict.fromkeys(("hostNetwork", "hostPID", "hostIPC", "hostUsers", "enableServiceLinks", "shareProcessNamespace",
                     "automountServiceAccountToken", "setHostnameAsFQDN"), FLAG),
    "activeDeadlineSeconds": NUMBER, "priority": NUMBER,
}  # fmt: skip
SELECTOR = {"matchLabels": MAP, "matchExpressions": ANY}
TEMPLATE = {"metadata": METADATA, "spec": POD}
SPECS: dict[str, Any] = {
    "Pod": POD,
    "ReplicaSet": {"replicas": NUMBER, "selector": SELECTOR, "template": TEMPLATE, "minReadySeconds": NUMBER},
    "Deployment": {
        "replicas": NUMBER, "selector": SELECTOR, "template": TEMPLATE, "minReadySeconds": NUMBER, "paused": FLAG,
        "strategy": {"type": TEXT, "rollingUpdate": {"maxSurge": EITHER, "maxUnavailable": EITHER}},
        "progressDeadlineSeconds": NUMBER, "revisionHistoryLimit": NUMBER,
    },
    "Service": {
        "selector": MAP, "type": TEXT, "clusterIP": TEXT, "clusterIPs": ANY, "externalName": TEXT, "sessionAffinity": TEXT,
        "ports": [{"name": TEXT, "port": NUMBER, "targetPort": EITHER, "nodePort": NUMBER, "protocol": TEXT,
                   "appProtocol": TEXT}],
        **dict.fromkeys(("externalIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy", "externalTrafficPolicy",
                         "loadBalancerIP", "sessionAffinityConfig", "publishNotReadyAddresses"), ANY),
    },
    "PodDisruptionBudget": {"selector": SELECTOR, "minAvailable": EITHER, "maxUnavailable": EITHER,
                            "unhealthyPodEvictionPolicy": TEXT},
    "Node": {"unschedulable": FLAG, "providerID": TEXT, "podCIDR": TEXT, "podCIDRs": ANY,
             "taints": [{"key": TEXT, "value": TEXT, "effect": TEXT, "timeAdded": TEXT}]},
}  # fmt: skip
CONDITION = {**dict.fromkeys(("type", "status", "reason", "message"), TEXT), "observedGeneration": NUMBER,
             **dict.fromkeys(("lastTransitionTime", "lastUpdateTime", "lastProbeTime", "lastHeartbeatTime"), ANY)}  # fmt: skip
COUNTS = dict.fromkeys(
    ("replicas", "readyReplicas", "availableReplicas", "updatedReplicas", "unavailableReplicas", "fullyLabeledReplicas",
     "terminatingReplicas", "observedGeneration", "collisionCount"), NUMBER)  # fmt: skip
STATUSES: dict[str, Any] = {
    "Deployment": {**COUNTS, "conditions": [CONDITION]},
    "ReplicaSet": {**COUNTS, "conditions": [CONDITION]},
    "Pod": {**dict.fromkeys(("phase", "reason", "message"), TEXT), "conditions": [CONDITION]},
    "Node": {"conditions": [CONDITION]},
}
KINDS = {int: "number", float: "number", str: "string", bool: "bool", list: "array", dict: "object"}


def faults(thing: Object) -> str:
    """What strict decoding has to say about an object; empty when nothing."""
    kind = str(thing["kind"])
    if kind not in SPECS:
        return ""
    shape = {"apiVersion": TEXT, "kind": TEXT, "metadata": METADATA, "spec": SPECS[kind], "status": ANY}
    unknown: list[str] = []
    wrong = _walk(shape, thing, "", kind, unknown)
    if wrong:
        return wrong
    return "strict decoding error: " + ", ".join(f'unknown field "{path}"' for path in unknown) if unknown else ""


def status_faults(kind: str, status: Any) -> str:
    """The same for a status that somebody other than its controller writes."""
    unknown: list[str] = []
    wrong = _walk(STATUSES.get(kind, {}), status, "status", kind, unknown)
    return wrong or (
        ", ".join(f'unknown field "{path}"' for path in unknown) and f'strict decoding error: unknown field "{unknown[0]}"'
    )


def _walk(shape: Any, value: Any, path: str, within: str, unknown: list[str]) -> str:
    """Collects unknown fields; returns the first type that does not fit, as the decoder does."""
    if value is None or shape == ANY:
        return ""
    if isinstance(shape, list):
        if not isinstance(value, list):
            return _cannot(value, within, path, "[]" + (shape[0] if isinstance(shape[0], str) else "object"))
        for i, item in enumerate(value):
            wrong = (
                _cannot(item, within, path, "object")
                if item is None
                else _walk(shape[0], item, f"{path}[{i}]", within, unknown)
            )
            if wrong:
                return wrong
        return ""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return _cannot(value, within, path, "map[string]string" if "*" in shape else "object")
        for key, item in value.items():
            inner = f"{path}.{key}" if path else str(key)
            if key not in shape and "*" not in shape:
                unknown.append(inner)
            elif wrong := _walk(shape.get(key, shape.get("*")), item, inner, within, unknown):
                return wrong
        return ""
    right = {
        TEXT: isinstance(value, str),
        FLAG: isinstance(value, bool),
        NUMBER: isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31,
        EITHER: isinstance(value, str | int) and not isinstance(value, bool) and (isinstance(value, str) or abs(value) < 2**31),
    }[shape]
    return "" if right else _cannot(value, within, path, shape)


def given(value: Any) -> str:
    """What Go's JSON calls it."""
    return KINDS.get(type(value), "value")


def _cannot(value: Any, within: str, path: str, wanted: str) -> str:
    what = given(value)
    if what == "number" and wanted == NUMBER:
        what = f"number {str(value)[:40]}"
    path = "".join(part.split("[")[0] + "." for part in path.split(".")).rstrip(".")
    return f"json: cannot unmarshal {what} into Go struct field {within}.{path} of type {wanted}"
