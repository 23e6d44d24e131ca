"""kubectl describe: one object at length, with what was noted about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bot.simulation.deployment import HASH, REVISION
from bot.simulation.objects import UNSPACED, Object, annotations_of, labels_of, leaving, name_of, owner_of, requests, uid_of
from bot.simulation.printers import NONE, age, aligned, pairs, recent, seen
from bot.simulation.statuses import status_of

if TYPE_CHECKING:
    from bot.simulation.cluster import Cluster


def describe(cluster: Cluster, thing: Object) -> str:
    lines: list[tuple[str, str]] = [("Name", name_of(thing))]
    if thing["kind"] not in UNSPACED:
        lines.append(("Namespace", "default"))
    if thing["kind"] in DESCRIBED:
        lines += DESCRIBED[thing["kind"]](cluster, thing)
    rows = []
    width = max(len(key) for key, _ in lines if not key.startswith("\n")) + 3
    for key, value in lines:
        rows.append(
            f"{key.strip()}:\n{value}"
            if key.startswith("\n")
            else f"{key}:".ljust(width) + value.replace("\n", "\n" + " " * width)
        )
    rows.append(_events_of(cluster, thing))
    return "\n".join(rows)


def _events_of(cluster: Cluster, thing: Object) -> str:
    found = recent(cluster, [e for e in cluster.list("Event") if e["involvedObject"]["uid"] == thing["metadata"].get("uid")])
    if not found:
        return f"Events:  {NONE}"
    rows = [["Type", "Reason", "Age", "From", "Message"], ["----", "------", "----", "----", "-------"]]
    rows += [[e["type"], e["reason"], seen(cluster, e), e["source"]["component"].split("/")[0], e["message"]] for e in found]
    return "Events:\n" + "\n".join(f"  {line}" for line in aligned(rows, 2).splitlines())


def _listed(values: dict[str, Any] | None) -> str:
    return "\n".join(f"{key}={value}" for key, value in sorted((values or {}).items())) or NONE


def _notes(thing: Object) -> str:
    kept = {k: v for k, v in annotations_of(thing).items() if not k.endswith("last-applied-configuration")}
    return "\n".join(f"{key}: {value}" for key, value in sorted(kept.items())) or NONE


def _conditions(thing: Object, reasons: bool) -> str:
    rows = [
        ["Type", "Status", "Reason"] if reasons else ["Type", "Status"],
        ["----", "------", "------"][: 3 if reasons else 2],
    ]
    rows += [
        [c["type"], c["status"], c.get("reason", "")][: 3 if reasons else 2] for c in status_of(thing).get("conditions") or []
    ]
    return "\n".join(f"  {line}" for line in aligned(rows).splitlines())


def _time(text: str | None) -> str:
    return datetime.fromisoformat(text).strftime("%a, %d %b %Y %H:%M:%S +0000") if text else NONE


def _describe_pod(cluster: Cluster, pod: Object) -> list[tuple[str, str]]:
    status, node = status_of(pod), pod["spec"].get("nodeName")
    controller = owner_of(pod)
    lines = [
        ("Priority", "0"),
        ("Service Account", pod["spec"].get("serviceAccountName", "default")),
        ("Node", f"{node}/{status.get('hostIP', '')}" if node else NONE),
        ("Start Time", _time(status.get("startTime"))),
        ("Labels", _listed(labels_of(pod))),
        ("Annotations", _notes(pod)),
    ]
    if leaving(pod):
        meta = pod["metadata"]
        since = age(cluster.clock.now, meta["deletionTimestamp"])
        lines += [
            ("Status", f"Terminating (lasts {since})"),
            ("Termination Grace Period", f"{meta['deletionGracePeriodSeconds']}s"),
        ]
    else:
        lines.append(("Status", status.get("phase", "Unknown")))
    lines.append(("IP", status.get("podIP", "")))
    if controller:
        lines.append(("Controlled By", f"{controller['kind']}/{controller['name']}"))
    lines.append(("\nContainers", "\n".join(_describe_container(pod, spec) for spec in pod["spec"]["containers"])))
    lines += [("\nConditions", _conditions(pod, False)), ("QoS Class", status.get("qosClass", ""))]
    lines.append(("Node-Selectors", _listed(pod["spec"].get("nodeSelector"))))
    lines.append(("Tolerations", "\n".join(_toleration(t) for t in pod["spec"].get("tolerations") or []) or NONE))
    return lines


def _toleration(t: Object) -> str:
    seconds = f" for {t['tolerationSeconds']}s" if t.get("tolerationSeconds") is not None else ""
    value = f"={t['value']}" if t.get("value") else ""
    return f"{t.get('key', '')}{value}:{t.get('effect', '')} op={t.get('operator', 'Equal')}{seconds}"


def _describe_container(pod: Object, spec: Object) -> str:
    state = next((s for s in status_of(pod).get("containerStatuses") or [] if s["name"] == spec["name"]), None)
    rows = [("Image", spec["image"])]
    if state:
        rows += _state("State", state["state"]) + _state("Last State", state["lastState"])
        rows += [("Ready", str(state["ready"])), ("Restart Count", str(state["restartCount"]))]
    for group in ("limits", "requests"):
        if values := (spec.get("resources") or {}).get(group):
            rows.append((group.capitalize(), "  ".join(f"{key}: {value}" for key, value in values.items())))
    for kind in ("Liveness", "Readiness", "Startup"):
        if probe := spec.get(f"{kind.lower()}Probe"):
            rows.append((kind, _probe(probe)))
    return f"  {spec['name']}:\n" + "\n".join(f"    {key + ':':16}{value}" for key, value in rows)


def _probe(probe: Object) -> str:
    http = probe.get("httpGet")
    how = (
        f"http-get http://:{http.get('port', '')}{http.get('path', '/')}"
        if http
        else "exec"
        if probe.get("exec")
        else "tcp-socket"
    )
    return (
        f"{how} delay={probe.get('initialDelaySeconds', 0)}s timeout={probe['timeoutSeconds']}s "
        f"period={probe['periodSeconds']}s #success={probe['successThreshold']} #failure={probe['failureThreshold']}"
    )


def _state(title: str, state: Object) -> list[tuple[str, str]]:
    if running := state.get("running"):
        return [(title, "Running"), ("  Started", _time(running["startedAt"]))]
    if waiting := state.get("waiting"):
        return [(title, "Waiting"), ("  Reason", waiting["reason"])]
    if ended := state.get("terminated"):
        moments = (("Started", "startedAt"), ("Finished", "finishedAt"))
        times = [(f"  {word}", _time(ended[key])) for word, key in moments if key in ended]
        return [(title, "Terminated"), ("  Reason", ended.get("reason", "")), ("  Exit Code", str(ended["exitCode"])), *times]
    return []


def _describe_deployment(cluster: Cluster, thing: Object) -> list[tuple[str, str]]:
    spec, status = thing["spec"], status_of(thing)
    counts = (
        f"{spec['replicas']} desired | {status.get('updatedReplicas', 0)} updated | {status.get('replicas', 0)} total | "
        f"{status.get('availableReplicas', 0)} available | {status.get('unavailableReplicas', 0)} unavailable"
    )
    lines = [
        ("CreationTimestamp", _time(thing["metadata"]["creationTimestamp"])),
        ("Labels", _listed(labels_of(thing))),
        ("Annotations", _notes(thing)),
        ("Selector", pairs(spec["selector"].get("matchLabels"))),
        ("Replicas", counts),
        ("StrategyType", spec["strategy"]["type"]),
        ("MinReadySeconds", str(spec.get("minReadySeconds", 0))),
    ]
    if rolling := spec["strategy"].get("rollingUpdate"):
        lines.append(("RollingUpdateStrategy", f"{rolling['maxUnavailable']} max unavailable, {rolling['maxSurge']} max surge"))
    lines.append(("\nPod Template", _describe_template(spec["template"])))
    lines.append(("\nConditions", _conditions(thing, True)))
    sets = sorted(cluster.store.find("ReplicaSet", ("owner", uid_of(thing))), key=name_of)
    new = [rs for rs in sets if annotations_of(rs).get(REVISION) == annotations_of(thing).get(REVISION)]
    old = [rs for rs in sets if rs not in new]
    lines.append(("OldReplicaSets", ", ".join(_created(rs) for rs in old) or NONE))
    lines.append(("NewReplicaSet", ", ".join(_created(rs) for rs in new) or NONE))
    return lines


def _created(rs: Object) -> str:
    return f"{name_of(rs)} ({status_of(rs).get('replicas', 0)}/{rs['spec']['replicas']} replicas created)"


def _describe_template(template: Object) -> str:
    labels = pairs({key: value for key, value in (template["metadata"].get("labels") or {}).items() if key != HASH})
    containers = "\n".join(f"   {c['name']}:\n    Image:  {c['image']}" for c in template["spec"]["containers"])
    return f"  Labels:  {labels}\n  Containers:\n{containers}"


def _describe_replicaset(cluster: Cluster, thing: Object) -> list[tuple[str, str]]:
    status, controller = status_of(thing), owner_of(thing)
    pods = [status_of(pod).get("phase") for pod in cluster.store.find("Pod", ("owner", uid_of(thing)))]
    named = {"Running": "Running", "Pending": "Waiting", "Succeeded": "Succeeded", "Failed": "Failed"}
    counted = " / ".join(f"{pods.count(phase)} {name}" for phase, name in named.items())
    return [
        ("Selector", pairs(thing["spec"]["selector"].get("matchLabels"))),
        ("Labels", _listed(labels_of(thing))),
        ("Annotations", _notes(thing)),
        *([("Controlled By", f"{controller['kind']}/{controller['name']}")] if controller else []),
        ("Replicas", f"{status.get('replicas', 0)} current / {thing['spec']['replicas']} desired"),
        (
            "Pods Status",
            counted.replace("Waiting", "Waiting").replace(
                f"{pods.count('Waiting')} Waiting", f"{pods.count('Pending')} Waiting"
            ),
        ),
        ("\nPod Template", _describe_template(thing["spec"]["template"])),
    ]


def _describe_node(cluster: Cluster, node: Object) -> list[tuple[str, str]]:
    pods = sorted(cluster.store.find("Pod", ("node", name_of(node))), key=name_of)
    taints = "\n".join(
        f"{t['key']}{'=' + t['value'] if t.get('value') else ''}:{t['effect']}" for t in node["spec"].get("taints") or []
    )
    room = status_of(node).get("allocatable", {})
    rows = [["Name", "CPU Requests", "Memory Requests", "Age"], ["----", "------------", "---------------", "---"]]
    for pod in pods:
        cpu, memory = requests(pod, "cpu"), requests(pod, "memory")
        rows.append(
            [
                name_of(pod),
                f"{round(cpu * 1000)}m",
                f"{round(memory / 2**20)}Mi",
                age(cluster.clock.now, pod["metadata"]["creationTimestamp"]),
            ]
        )
    table = "\n".join(f"  {line}" for line in aligned(rows, 2).splitlines())
    return [
        ("Roles", NONE),
        ("Labels", _listed(labels_of(node))),
        ("CreationTimestamp", _time(node["metadata"]["creationTimestamp"])),
        ("Taints", taints or NONE),
        ("Unschedulable", str(bool(node["spec"].get("unschedulable"))).lower()),
        ("\nConditions", _conditions(node, True)),
        ("\nAllocatable", "\n".join(f"  {key + ':':8} {value}" for key, value in room.items())),
        (f"\nNon-terminated Pods ({len(pods)} in total)", table),
    ]


def _describe_service(cluster: Cluster, thing: Object) -> list[tuple[str, str]]:
    spec, found = thing["spec"], cluster.get("EndpointSlice", f"{name_of(thing)}-1")
    ports = spec.get("ports") or []
    ready = (
        [f"{e['addresses'][0]}:{found['ports'][0]['port']}" for e in found["endpoints"] if e["conditions"]["ready"]]
        if found
        else []
    )
    return [
        ("Labels", _listed(labels_of(thing))),
        ("Selector", pairs(spec.get("selector"))),
        ("Type", spec["type"]),
        ("IP", spec["clusterIP"]),
        *[("Port", f"{p.get('name') or '<unset>'}  {p['port']}/{p['protocol']}") for p in ports],
        *[("TargetPort", f"{p['targetPort']}/{p['protocol']}") for p in ports],
        ("Endpoints", ",".join(ready)),
    ]


def _describe_budget(cluster: Cluster, thing: Object) -> list[tuple[str, str]]:
    spec, status = thing["spec"], status_of(thing)
    limit = (
        ("Min available", spec["minAvailable"])
        if "minAvailable" in spec
        else ("Max unavailable", spec.get("maxUnavailable", 0))
    )
    return [
        (limit[0], str(limit[1])),
        ("Selector", pairs((spec.get("selector") or {}).get("matchLabels"))),
        ("Allowed disruptions", str(status.get("disruptionsAllowed", 0))),
        ("Current", str(status.get("currentHealthy", 0))),
        ("Desired", str(status.get("desiredHealthy", 0))),
        ("Total", str(status.get("expectedPods", 0))),
    ]


def _describe_slice(cluster: Cluster, thing: Object) -> list[tuple[str, str]]:
    rows = []
    for e in thing["endpoints"]:
        conditions = "\n".join(f"      {key.capitalize()}:  {str(value).lower()}" for key, value in e["conditions"].items())
        rows.append(
            f"  - Addresses:  {', '.join(e['addresses'])}\n    Conditions:\n{conditions}\n"
            f"    TargetRef:  Pod/{e['targetRef']['name']}\n    NodeName:  {e['nodeName']}"
        )
    return [("Labels", _listed(labels_of(thing))), ("AddressType", "IPv4"), ("\nEndpoints", "\n".join(rows) or f"  {NONE}")]


DESCRIBED: dict[str, Callable[[Cluster, Object], list[tuple[str, str]]]] = {
    "Pod": _describe_pod,
    "Deployment": _describe_deployment,
    "ReplicaSet": _describe_replicaset,
    "Node": _describe_node,
    "Service": _describe_service,
    "PodDisruptionBudget": _describe_budget,
    "EndpointSlice": _describe_slice,
}
