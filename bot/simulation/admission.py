"""What the API server does to an object before it is stored: fills in defaults, checks it, and keeps it within the quota."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from bot.simulation.objects import API, Object, labels_of, name_of, quantity, selects

LIMITS = {"Pod": 1000, "Deployment": 100, "ReplicaSet": 1200, "Service": 100, "PodDisruptionBudget": 100, "Node": 100}
NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
NAME_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end "
    f"with an alphanumeric character (e.g. 'example.com', regex used for validation is '{NAME.pattern}')"
)
LABEL = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
LABEL_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with "
    f"an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '{LABEL.pattern}')"
)
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
TIME = re.compile(r"20\d\d-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])T([01]\d|2[0-3])(:[0-5]\d){2}(\.\d{3})?Z")
PORTS = "must be between 1 and 65535, inclusive"
NATURAL = "must be greater than or equal to 0"
UPDATABLE = (
    "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def default(thing: Object, flags: dict[str, int], number: int) -> None:
    """Fills in what the writer left out; `number` makes addresses differ."""
    spec = thing.setdefault("spec", {})
    match thing["kind"]:
        case "Pod":
            _default_pod(spec)
            _tolerate(spec, flags)
            thing.setdefault("status", {"phase": "Pending", "qosClass": _quality(spec)})
        case "Deployment":
            _default_each(spec, replicas=1, strategy={}, progressDeadlineSeconds=600, revisionHistoryLimit=10)
            _default_each(spec["strategy"], type="RollingUpdate")
            if spec["strategy"]["type"] == "RollingUpdate":
                rolling = spec["strategy"]["rollingUpdate"] = spec["strategy"].get("rollingUpdate") or {}
                _default_each(rolling, maxUnavailable="25%", maxSurge="25%")
            _default_pod((spec.get("template") or {}).get("spec"))
            thing.setdefault("status", {})
        case "ReplicaSet":
            _default_each(spec, replicas=1)
            _default_pod((spec.get("template") or {}).get("spec"))
            if not spec.get("selector"):
                spec["selector"] = {"matchLabels": labels_of(spec.get("template") or {"metadata": {}})}
            thing.setdefault("status", {"replicas": 0})
        case "Service":
            _default_each(spec, type="ClusterIP", clusterIP=f"10.96.{number // 250}.{number % 250 + 2}")
            for i, port in enumerate(spec.get("ports") or []):
                _default_each(port, protocol="TCP", targetPort=port.get("port"))
                if spec["type"] in ("NodePort", "LoadBalancer"):
                    _default_each(port, nodePort=30000 + number + i)
        case "PodDisruptionBudget":
            thing.setdefault("status", {})


def _default_each(thing: Object, **values: Any) -> None:
    for key, value in values.items():
        if thing.get(key) is None:
            thing[key] = value


def _default_pod(spec: Object | None) -> None:
    if spec is None:
        return
    _default_each(spec, restartPolicy="Always", terminationGracePeriodSeconds=30, schedulerName="default-scheduler")
    for container in spec.get("containers") or []:
        latest = ":" not in str(container.get("image")).rsplit("/", 1)[-1] or str(container.get("image")).endswith(":latest")
        _default_each(container, imagePullPolicy="Always" if latest else "IfNotPresent", resources={})
        limits = container["resources"].get("limits") or {}
        if limits:
            container["resources"]["requests"] = {**limits, **(container["resources"].get("requests") or {})}
        for probe in filter(None, (container.get(f"{kind}Probe") for kind in ("readiness", "liveness", "startup"))):
            _default_each(probe, periodSeconds=10, failureThreshold=3, successThreshold=1, timeoutSeconds=1)


def _tolerate(spec: Object, flags: dict[str, int]) -> None:
    """DefaultTolerationSeconds: a node may be lost for a while before its Pods have to go."""
    kept = spec["tolerations"] = list(spec.get("tolerations") or [])
    for name in ("not-ready", "unreachable"):
        key = f"node.kubernetes.io/{name}"
        if not any(t.get("key") in (key, None) and t.get("effect") in ("NoExecute", None) for t in kept):
            seconds = flags[f"default-{name}-toleration-seconds"] // 1000
            kept.append({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds})


def _quality(spec: Object) -> str:
    asked = [container["resources"] for container in spec.get("containers") or []]
    if not any(resources.get("requests") or resources.get("limits") for resources in asked):
        return "BestEffort"
    full = all({"cpu", "memory"} <= set(r.get("limits") or {}) and r.get("requests") == r.get("limits") for r in asked)
    return "Guaranteed" if full else "Burstable"


def faults(thing: Object, old: Object | None) -> Iterator[str]:
    """What is wrong with an object, in the API server's words."""
    spec, kind = thing.get("spec") or {}, thing["kind"]
    if old is None and (not NAME.fullmatch(name_of(thing)) or len(name_of(thing)) > 253):
        yield _bad("metadata.name", name_of(thing), NAME_RULE)
    yield from _labels("metadata.labels", labels_of(thing))
    for i, owner in enumerate(thing["metadata"].get("ownerReferences") or []):
        for key in ("kind", "name", "uid"):
            if not owner.get(key):
                yield _bad(f"metadata.ownerReferences[{i}].{key}", "", "must not be empty")
    match kind:
        case "Node":
            for i, taint in enumerate(spec.get("taints") or []):
                if not taint.get("key") or taint.get("effect") not in EFFECTS:
                    yield _unsupported(f"spec.taints[{i}].effect", taint.get("effect"), *EFFECTS)
                if taint.get("timeAdded") and not TIME.fullmatch(taint["timeAdded"]):
                    yield _bad(f"spec.taints[{i}].timeAdded", taint["timeAdded"], "must be a time")
        case "Pod":
            yield from _pod("spec", spec)
            if old and _fixed(spec) != _fixed(old["spec"]):
                yield UPDATABLE
        case "Deployment" | "ReplicaSet":
            yield from _workload(thing, old)
        case "Service":
            if not spec.get("ports") and spec.get("type") != "ExternalName" and spec.get("clusterIP") != "None":
                yield "spec.ports: Required value"
            if spec["type"] not in ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"):
                yield _unsupported("spec.type", spec["type"], "ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
            for i, port in enumerate(spec.get("ports") or []):
                if not 0 < (port.get("port") or 0) < 65536:
                    yield _bad(f"spec.ports[{i}].port", port.get("port"), PORTS)
        case "PodDisruptionBudget":
            both = [key for key in ("minAvailable", "maxUnavailable") if spec.get(key) is not None]
            if len(both) == 2:
                yield _bad("spec", "PodDisruptionBudgetSpec", "minAvailable and maxUnavailable cannot be both set")
            for key in both:
                yield from _portion(f"spec.{key}", spec[key])
            yield from _expressions("spec.selector", spec.get("selector"))


def _workload(thing: Object, old: Object | None) -> Iterator[str]:
    spec = thing["spec"]
    template, selector = spec.get("template") or {}, spec.get("selector") or {}
    for key in ("replicas", "minReadySeconds", "progressDeadlineSeconds", "revisionHistoryLimit"):
        if (spec.get(key) or 0) < 0:
            yield _bad(f"spec.{key}", spec[key], NATURAL)
    yield from _expressions("spec.selector", selector)
    if not selector.get("matchLabels"):
        yield (
            "spec.selector: Required value"
            if not selector
            else _bad("spec.selector", selector, "empty selector is invalid for deployment")
        )
    elif not selects(selector["matchLabels"], (template.get("metadata") or {}).get("labels") or {}):
        labels = (template.get("metadata") or {}).get("labels") or {}
        yield _bad("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")
    if old and selector != old["spec"]["selector"]:
        yield _bad("spec.selector", selector, "field is immutable")
    yield from _labels("spec.template.labels", (template.get("metadata") or {}).get("labels") or {})
    yield from _pod("spec.template.spec", template.get("spec") or {})
    if (policy := (template.get("spec") or {}).get("restartPolicy", "Always")) != "Always":
        yield _unsupported("spec.template.spec.restartPolicy", policy, "Always")
    strategy = spec.get("strategy") or {}
    if strategy.get("type", "Recreate") not in ("Recreate", "RollingUpdate"):
        yield _unsupported("spec.strategy.type", strategy["type"], "Recreate", "RollingUpdate")
    if strategy.get("type") == "Recreate" and strategy.get("rollingUpdate"):
        yield "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"
    elif rolling := strategy.get("rollingUpdate"):
        wrong = [*_portion("spec.strategy.rollingUpdate.maxUnavailable", rolling.get("maxUnavailable")),
                 *_portion("spec.strategy.rollingUpdate.maxSurge", rolling.get("maxSurge"))]  # fmt: skip
        yield from wrong
        if not wrong and all(str(rolling[key]).rstrip("%") == "0" for key in ("maxUnavailable", "maxSurge")):
            path = "spec.strategy.rollingUpdate.maxUnavailable"
            yield _bad(path, rolling["maxUnavailable"], "may not be 0 when `maxSurge` is 0")


def _pod(path: str, spec: Object) -> Iterator[str]:
    if spec.get("restartPolicy", "Always") not in ("Always", "OnFailure", "Never"):
        yield _unsupported(f"{path}.restartPolicy", spec["restartPolicy"], "Always", "OnFailure", "Never")
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        yield _bad(f"{path}.terminationGracePeriodSeconds", spec["terminationGracePeriodSeconds"], NATURAL)
    if not spec.get("containers"):
        yield f"{path}.containers: Required value"
    seen: set[str] = set()
    for i, container in enumerate(spec.get("containers") or []):
        here, name = f"{path}.containers[{i}]", container.get("name")
        if not name:
            yield f"{here}.name: Required value"
        elif name in seen:
            yield f"{here}.name: Duplicate value: {json.dumps(name)}"
        elif not NAME.fullmatch(name) or "." in name or len(name) > 63:
            yield _bad(f"{here}.name", name, NAME_RULE.replace("subdomain", "label"))
        seen.add(name)
        if not container.get("image"):
            yield f"{here}.image: Required value"
        for group in ("requests", "limits"):
            for resource, value in ((container.get("resources") or {}).get(group) or {}).items():
                if quantity(value) is None:
                    yield _bad(f"{here}.resources.{group}[{resource}]", value, "must be a quantity such as 100m or 64Mi")
                elif (quantity(value) or 0) < 0:
                    yield _bad(f"{here}.resources.{group}[{resource}]", value, NATURAL)
        for kind in ("readiness", "liveness", "startup"):
            yield from _probe(f"{here}.{kind}Probe", container.get(f"{kind}Probe"))


def _probe(path: str, probe: Object | None) -> Iterator[str]:
    if probe is None:
        return
    if not any(probe.get(way) for way in ("httpGet", "exec", "tcpSocket", "grpc")):
        yield f"{path}: Required value: must specify a handler type"
    for key in ("periodSeconds", "failureThreshold", "successThreshold", "initialDelaySeconds", "timeoutSeconds"):
        if (probe.get(key) or 0) < 0:
            yield _bad(f"{path}.{key}", probe[key], NATURAL)
    if path.endswith("livenessProbe") and (probe.get("successThreshold") or 1) != 1:
        yield _bad(f"{path}.successThreshold", probe["successThreshold"], "must be 1")


def _portion(path: str, value: object) -> Iterator[str]:
    if isinstance(value, str) and not re.fullmatch(r"\d{1,9}%", value):
        yield _bad(
            path, value, "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%')"
        )
    elif isinstance(value, int) and value < 0:
        yield _bad(path, value, NATURAL)


def _expressions(path: str, selector: Object | None) -> Iterator[str]:
    if (selector or {}).get("matchExpressions"):
        yield f"{path}.matchExpressions: Forbidden: only matchLabels can be used here"


def _labels(path: str, labels: dict[str, str]) -> Iterator[str]:
    for value in labels.values():
        if not LABEL.fullmatch(str(value)) or len(str(value)) > 63:
            yield _bad(path, value, LABEL_RULE)


def _fixed(spec: Object) -> Object:
    """The part of a Pod's spec that no update may change."""
    free = ("containers", "tolerations", "activeDeadlineSeconds")
    fixed = {key: value for key, value in spec.items() if key not in free}
    return {**fixed, "containers": [{**container, "image": ""} for container in spec.get("containers") or []]}


def status(given: Object, now: str) -> Object:
    """A status from outside, with conditions made whole."""
    made = [{"reason": "", "message": "", **c, "lastTransitionTime": now, "lastUpdateTime": now}
            for c in given.get("conditions") or [] if c.get("type") and c.get("status")]  # fmt: skip
    return {**given, "conditions": made} if "conditions" in given else given


def over_quota(thing: Object, used: int, most: dict[str, int]) -> str:
    """The refusal of what would not fit into a classroom's cluster; empty when it fits."""
    kind = str(thing["kind"])
    asked = (thing.get("spec") or {}).get("replicas") or 0
    _, plural, suffix, _ = API[kind]
    if asked > most["Pod"]:
        wanted = f"requested: pods={asked}, used: pods=0, limited: pods={most['Pod']}"
    elif used >= most.get(kind, used + 1):
        wanted = f"requested: {plural}=1, used: {plural}={used}, limited: {plural}={most[kind]}"
    else:
        return ""
    return f'{plural}{suffix} "{name_of(thing)}" is forbidden: exceeded quota: classroom, {wanted}'


def _bad(path: str, value: object, why: str) -> str:
    return f"{path}: Invalid value: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))[:200]}: {why}"


def _unsupported(path: str, value: object, *supported: str) -> str:
    return f"{path}: Unsupported value: {json.dumps(value)}: supported values: " + ", ".join(f'"{s}"' for s in supported)
