"""What the API server does to an object before it is stored: fills in defaults, checks it, and keeps it within the quota.

What concerns one field alone stands in `fields.txt`; here is what follows from several.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.simulation.objects import API, Object, labels_of, name_of, owners_of, selects
from bot.simulation.schema import broken, check, fill, invalid, unsupported

LIMITS = {"Pod": 1000, "Deployment": 100, "ReplicaSet": 1200, "Service": 100, "PodDisruptionBudget": 100, "Node": 100}
UPDATABLE = (
    "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def default(thing: Object, flags: dict[str, int], number: int) -> None:
    """Fills in what the writer left out; `number` makes addresses differ."""
    spec, kind = thing.setdefault("spec", {}), thing["kind"]
    fill(f"{kind}Spec", spec)
    template = spec.get("template") or {}
    _fill_containers(spec if kind == "Pod" else template.get("spec") or {})
    match kind:
        case "Pod":
            _tolerate(spec, flags)
            thing.setdefault("status", {"phase": "Pending", "qosClass": _quality(spec)})
        case "Deployment" if spec["strategy"]["type"] == "RollingUpdate":
            spec["strategy"]["rollingUpdate"] = spec["strategy"].get("rollingUpdate") or {}
            fill("Strategy", spec["strategy"])
        case "ReplicaSet":
            spec["selector"] = spec.get("selector") or {"matchLabels": labels_of({"metadata": {}, **template})}
            thing.setdefault("status", {"replicas": 0})
        case "Service":
            if spec.get("clusterIP") is None:
                spec["clusterIP"] = f"10.96.{number // 250}.{number % 250 + 2}"
            for i, port in enumerate(spec.get("ports") or []):
                node_port = {"nodePort": 30000 + number + i} if spec["type"] in ("NodePort", "LoadBalancer") else {}
                given = {key: value for key, value in port.items() if value is not None}
                port |= {"targetPort": port.get("port"), **node_port, **given}
    if kind in ("Deployment", "PodDisruptionBudget"):
        thing.setdefault("status", {})


def _fill_containers(spec: Object) -> None:
    for container in spec.get("containers") or []:
        image = str(container.get("image"))
        if container.get("imagePullPolicy") is None:
            latest = ":" not in image.rsplit("/", 1)[-1] or image.endswith(":latest")
            container["imagePullPolicy"] = "Always" if latest else "IfNotPresent"
        resources = container["resources"] = container.get("resources") or {}
        if limits := resources.get("limits"):
            resources["requests"] = {**limits, **(resources.get("requests") or {})}


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
    if old is None and (wrong := broken("name", name_of(thing))):
        yield f"metadata.name: {wrong}"
    yield from _labels("metadata.labels", labels_of(thing))
    named = ((i, key, owner.get(key)) for i, owner in enumerate(owners_of(thing)) for key in ("kind", "name", "uid"))
    yield from (f"metadata.ownerReferences[{i}].{key}: {invalid('', 'must not be empty')}" for i, key, it in named if not it)
    yield from check(f"{kind}Spec", spec, "spec")
    match kind:
        case "Pod":
            yield from _containers("spec", spec)
            if old and _fixed(spec) != _fixed(old["spec"]):
                yield UPDATABLE
        case "Deployment" | "ReplicaSet":
            yield from _workload(spec, old)
        case "Service":
            if not spec.get("ports") and spec.get("type") != "ExternalName" and spec.get("clusterIP") != "None":
                yield "spec.ports: Required value"
        case "PodDisruptionBudget":
            if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
                yield "spec: " + invalid("PodDisruptionBudgetSpec", "minAvailable and maxUnavailable cannot be both set")


def _workload(spec: Object, old: Object | None) -> Iterator[str]:
    template, selector, strategy = (spec.get(key) or {} for key in ("template", "selector", "strategy"))
    labels, pod, rolling = labels_of({"metadata": {}, **template}), template.get("spec") or {}, strategy.get("rollingUpdate")
    if not selector:
        yield "spec.selector: Required value"
    elif not selector.get("matchLabels"):
        yield f"spec.selector: {invalid(selector, 'empty selector is invalid for deployment')}"
    elif not selects(selector["matchLabels"], labels):
        yield f"spec.template.metadata.labels: {invalid(labels, '`selector` does not match template `labels`')}"
    if old and selector != old["spec"]["selector"]:
        yield f"spec.selector: {invalid(selector, 'field is immutable')}"
    yield from _labels("spec.template.labels", labels)
    if not pod:
        yield "spec.template.spec.containers: Required value"
    yield from _containers("spec.template.spec", pod)
    if policy := unsupported(pod.get("restartPolicy"), ["Always"]):
        yield f"spec.template.spec.restartPolicy: {policy}"
    if strategy.get("type") == "Recreate" and rolling:
        yield "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"
    elif rolling and all(str(rolling[key]).rstrip("%") == "0" for key in ("maxUnavailable", "maxSurge")):
        why = "may not be 0 when `maxSurge` is 0"
        yield f"spec.strategy.rollingUpdate.maxUnavailable: {invalid(rolling['maxUnavailable'], why)}"


def _containers(path: str, spec: Object) -> Iterator[str]:
    seen = [container.get("name") for container in spec.get("containers") or []]
    for i, container in enumerate(spec.get("containers") or []):
        if container.get("name") and container["name"] in seen[:i]:
            yield f'{path}.containers[{i}].name: Duplicate value: "{container["name"]}"'
        times = (container.get("livenessProbe") or {}).get("successThreshold") or 1
        if times != 1:
            yield f"{path}.containers[{i}].livenessProbe.successThreshold: {invalid(times, 'must be 1')}"


def _labels(path: str, labels: dict[str, str]) -> Iterator[str]:
    yield from (f"{path}: {wrong}" for value in labels.values() if (wrong := broken("value", value)))


def _fixed(spec: Object) -> Object:
    """What no update may change of a Pod's spec; of a container it is all but the image."""
    fixed = {key: value for key, value in spec.items() if key not in ("containers", "tolerations", "activeDeadlineSeconds")}
    return {**fixed, "containers": [{**container, "image": ""} for container in spec.get("containers") or []]}


def status(given: Object, now: str) -> Object:
    """A status from outside, with conditions made whole."""
    made = [{"reason": "", "message": "", **c, "lastTransitionTime": now, "lastUpdateTime": now}
            for c in given.get("conditions") or [] if c.get("type") and c.get("status")]  # fmt: skip
    return {**given, "conditions": made} if "conditions" in given else given


def over_quota(thing: Object, used: int, most: dict[str, int]) -> str:
    """The refusal of what would not fit into a classroom's cluster; empty when it fits."""
    kind, asked = str(thing["kind"]), (thing.get("spec") or {}).get("replicas") or 0
    _, plural, suffix, _ = API[kind]
    counted, what, more, has = ("Pod", "pods", asked, 0) if asked > most["Pod"] else (kind, plural, 1, used)
    wanted = f"requested: {what}={more}, used: {what}={has}, limited: {what}={most.get(counted)}"
    over = has + more > most.get(counted, has + more)
    return f'{plural}{suffix} "{name_of(thing)}" is forbidden: exceeded quota: classroom, {wanted}' if over else ""
