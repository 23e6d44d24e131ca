"""kubectl's printers: tables, descriptions, events and logs, laid out as kubectl lays them out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bot.simulation import manifests
from bot.simulation.deployment import HASH, REVISION
from bot.simulation.kinds import shown
from bot.simulation.objects import (
    API,
    Object,
    annotations_of,
    condition,
    holds,
    labels_of,
    leaving,
    moment,
    name_of,
    owner_of,
    requests,
    stamp,
    status_of,
    uid_of,
)

if TYPE_CHECKING:
    from bot.simulation.cluster import Cluster

Row = list[str]
NONE = "<none>"
MILLIS = re.compile(r"(?<=:\d\d)\.\d{3}Z")  # the API writes times in seconds
EVENT_LIFE = 3_600_000  # ms: --event-ttl


def singular(kind: str) -> str:
    """`deployment.apps`, as a deletion names it."""
    return kind.lower() + API[kind][2]


def resource(kind: str) -> str:
    return API[kind][1] + API[kind][2]


def dump(things: list[Object], form: str, single: bool = False) -> str:
    value: Any = (
        things[0] if single and len(things) == 1 else {"apiVersion": "v1", "items": things, "kind": "List", "metadata": {}}
    )
    value = json.loads(MILLIS.sub("Z", json.dumps(value)))
    if form == "json":
        return json.dumps(value, indent=4, ensure_ascii=False)
    return manifests.write(value)


def age(now: int, since: str | None) -> str:
    """As kubectl shortens it: 5s, 3m20s, 15m, 2h."""
    if not since:
        return "<unknown>"
    seconds = max(0, now - moment(since)) // 1000
    minutes, hours = seconds // 60, seconds // 3600
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    return f"{hours}h" if hours < 48 else f"{hours // 24}d"


def aligned(rows: list[Row], gap: int = 3) -> str:
    widths = [max(len(row[i]) for row in rows) + gap for i in range(len(rows[0]))]
    return "\n".join("".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def _pairs(values: dict[str, Any] | None) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted((values or {}).items())) or NONE


# Tables


def _pod(cluster: Cluster, pod: Object) -> tuple[Row, Row]:
    status = status_of(pod)
    states = status.get("containerStatuses") or []
    ready, total = sum(bool(s["ready"]) for s in states), len(pod["spec"]["containers"])
    restarts = sum(s["restartCount"] for s in states)
    ended = [t["finishedAt"] for s in states if (t := s["lastState"].get("terminated")) and t.get("finishedAt")]
    again = f"{restarts} ({age(cluster.clock.now, max(ended))} ago)" if restarts and ended else str(restarts)
    row = [
        name_of(pod),
        f"{ready}/{total}",
        pod_status(pod),
        again,
        age(cluster.clock.now, pod["metadata"]["creationTimestamp"]),
    ]
    return row, [status.get("podIP", NONE), pod["spec"].get("nodeName", NONE), NONE, NONE]


def pod_status(pod: Object) -> str:
    """The STATUS column: no field of the Pod but a summary that kubectl makes."""
    status = status_of(pod)
    reason = str(status.get("reason") or status.get("phase", "Unknown"))
    for state in status.get("containerStatuses") or []:
        waiting, ended = state["state"].get("waiting"), state["state"].get("terminated")
        if waiting:
            reason = waiting["reason"]
        elif ended:
            reason = ended.get("reason") or f"ExitCode:{ended['exitCode']}"
    if reason == "Completed" and any(s["state"].get("running") for s in status.get("containerStatuses") or []):
        reason = "Running" if holds(pod, "Ready") else "NotReady"
    return "Terminating" if leaving(pod) else reason


def _deployment(cluster: Cluster, thing: Object) -> tuple[Row, Row]:
    status, spec = status_of(thing), thing["spec"]
    row = [name_of(thing), f"{status.get('readyReplicas', 0)}/{spec['replicas']}", str(status.get("updatedReplicas", 0)),
           str(status.get("availableReplicas", 0)), age(cluster.clock.now, thing["metadata"]["creationTimestamp"])]  # fmt: skip
    return row, _template(thing)


def _replicaset(cluster: Cluster, thing: Object) -> tuple[Row, Row]:
    status = status_of(thing)
    row = [name_of(thing), str(thing["spec"]["replicas"]), str(status.get("replicas", 0)), str(status.get("readyReplicas", 0)),
           age(cluster.clock.now, thing["metadata"]["creationTimestamp"])]  # fmt: skip
    return row, _template(thing)


def _template(thing: Object) -> Row:
    containers = thing["spec"]["template"]["spec"]["containers"]
    names, images = ",".join(c["name"] for c in containers), ",".join(c["image"] for c in containers)
    return [names, images, _pairs(thing["spec"]["selector"].get("matchLabels"))]


def _node(cluster: Cluster, node: Object) -> tuple[Row, Row]:
    info = status_of(node).get("nodeInfo", {})
    row = [
        name_of(node),
        node_status(node),
        NONE,
        age(cluster.clock.now, node["metadata"]["creationTimestamp"]),
        info.get("kubeletVersion", ""),
    ]
    address = next((a["address"] for a in status_of(node).get("addresses", []) if a["type"] == "InternalIP"), NONE)
    return row, [address, NONE, info.get("osImage", ""), "<unknown>", info.get("containerRuntimeVersion", "")]


def node_status(node: Object) -> str:
    ready = "Ready" if holds(node, "Ready") else "NotReady"
    return f"{ready},SchedulingDisabled" if node["spec"].get("unschedulable") else ready


def _service(cluster: Cluster, thing: Object) -> tuple[Row, Row]:
    spec = thing["spec"]
    ports = ",".join(
        f"{p['port']}" + (f":{p['nodePort']}" if p.get("nodePort") else "") + f"/{p['protocol']}"
        for p in spec.get("ports") or []
    )
    external = "<pending>" if spec["type"] == "LoadBalancer" else NONE
    row = [
        name_of(thing),
        spec["type"],
        spec["clusterIP"],
        external,
        ports or NONE,
        age(cluster.clock.now, thing["metadata"]["creationTimestamp"]),
    ]
    return row, [_pairs(spec.get("selector"))]


def _slice(cluster: Cluster, thing: Object) -> tuple[Row, Row]:
    ports = ",".join(str(p["port"]) for p in thing["ports"]) or "<unset>"
    addresses = ",".join(a for e in thing["endpoints"] for a in e["addresses"]) or "<unset>"
    return [name_of(thing), "IPv4", ports, addresses, age(cluster.clock.now, thing["metadata"]["creationTimestamp"])], []


def _budget(cluster: Cluster, thing: Object) -> tuple[Row, Row]:
    spec = thing["spec"]
    limits = [str(spec.get(key, "N/A")) for key in ("minAvailable", "maxUnavailable")]
    allowed = str(status_of(thing).get("disruptionsAllowed", 0))
    return [name_of(thing), *limits, allowed, age(cluster.clock.now, thing["metadata"]["creationTimestamp"])], []


def _lease(cluster: Cluster, thing: Object) -> tuple[Row, Row]:
    return [name_of(thing), name_of(thing), age(cluster.clock.now, thing["spec"]["renewTime"])], []


def _event(cluster: Cluster, thing: Object) -> tuple[Row, Row]:
    about = thing["involvedObject"]
    seen = age(cluster.clock.now, thing["lastTimestamp"])
    return [seen, thing["type"], thing["reason"], f"{about['kind'].lower()}/{about['name']}", thing["message"]], []


Printer = Callable[["Cluster", Object], tuple[Row, Row]]
COLUMNS: dict[str, tuple[Row, Row, Printer]] = {
    "Pod": (["NAME", "READY", "STATUS", "RESTARTS", "AGE"], ["IP", "NODE", "NOMINATED NODE", "READINESS GATES"], _pod),
    "Deployment": (["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"], ["CONTAINERS", "IMAGES", "SELECTOR"], _deployment),
    "ReplicaSet": (["NAME", "DESIRED", "CURRENT", "READY", "AGE"], ["CONTAINERS", "IMAGES", "SELECTOR"], _replicaset),
    "Node": (
        ["NAME", "STATUS", "ROLES", "AGE", "VERSION"],
        ["INTERNAL-IP", "EXTERNAL-IP", "OS-IMAGE", "KERNEL-VERSION", "CONTAINER-RUNTIME"],
        _node,
    ),
    "Service": (["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE"], ["SELECTOR"], _service),
    "EndpointSlice": (["NAME", "ADDRESSTYPE", "PORTS", "ENDPOINTS", "AGE"], [], _slice),
    "PodDisruptionBudget": (["NAME", "MIN AVAILABLE", "MAX UNAVAILABLE", "ALLOWED DISRUPTIONS", "AGE"], [], _budget),
    "Lease": (["NAME", "HOLDER", "AGE"], [], _lease),
    "Event": (["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"], [], _event),
}


def table(cluster: Cluster, kind: str, things: list[Object], wide: bool, labels: bool, many: bool, header: bool) -> str:
    head, more, printer = COLUMNS[kind]
    rows = [head + (more if wide else []) + (["LABELS"] if labels else [])] if header else []
    if kind == "Event":
        things = _recent(cluster, things)
    for thing in things:
        row, wider = printer(cluster, thing)
        if many:
            row[0] = shown(kind, row[0])
        rows.append(row + (wider if wide else []) + ([_pairs(labels_of(thing))] if labels else []))
    return aligned(rows)


def _recent(cluster: Cluster, things: list[Object]) -> list[Object]:
    kept = [thing for thing in things if cluster.clock.now - moment(thing["lastTimestamp"]) <= EVENT_LIFE]
    return sorted(kept, key=lambda thing: (thing["lastTimestamp"], int(thing["metadata"]["resourceVersion"])))


def events(cluster: Cluster, about: tuple[str, str] | None) -> str:
    things = [
        thing
        for thing in cluster.list("Event")
        if about is None or (thing["involvedObject"]["kind"], thing["involvedObject"]["name"]) == about
    ]
    things = _recent(cluster, things)
    if not things:
        return ""
    rows = [["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]]
    for thing in things:
        row, _ = _event(cluster, thing)
        row[0] = _seen(cluster, thing)
        row[3] = f"{thing['involvedObject']['kind']}/{thing['involvedObject']['name']}"
        rows.append(row)
    return aligned(rows)


def _seen(cluster: Cluster, event: Object) -> str:
    last = age(cluster.clock.now, event["lastTimestamp"])
    return last if event["count"] == 1 else f"{last} (x{event['count']} over {age(cluster.clock.now, event['firstTimestamp'])})"


# Descriptions


def describe(cluster: Cluster, thing: Object) -> str:
    lines: list[tuple[str, str]] = [("Name", name_of(thing))]
    if thing["kind"] != "Node":
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
    found = _recent(cluster, [e for e in cluster.list("Event") if e["involvedObject"]["uid"] == thing["metadata"].get("uid")])
    if not found:
        return f"Events:  {NONE}"
    rows = [["Type", "Reason", "Age", "From", "Message"], ["----", "------", "----", "----", "-------"]]
    rows += [[e["type"], e["reason"], _seen(cluster, e), e["source"]["component"].split("/")[0], e["message"]] for e in found]
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
    return text.split(".")[0].rstrip("Z").replace("T", " ") + " +0000" if text else NONE


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
        return [(title, "Terminated"), ("  Reason", ended.get("reason", "")), ("  Exit Code", str(ended["exitCode"]))]
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
        ("Selector", _pairs(spec["selector"].get("matchLabels"))),
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
    labels = _pairs({key: value for key, value in (template["metadata"].get("labels") or {}).items() if key != HASH})
    containers = "\n".join(f"   {c['name']}:\n    Image:  {c['image']}" for c in template["spec"]["containers"])
    return f"  Labels:  {labels}\n  Containers:\n{containers}"


def _describe_replicaset(cluster: Cluster, thing: Object) -> list[tuple[str, str]]:
    status, controller = status_of(thing), owner_of(thing)
    pods = [status_of(pod).get("phase") for pod in cluster.store.find("Pod", ("owner", uid_of(thing)))]
    named = {"Running": "Running", "Pending": "Waiting", "Succeeded": "Succeeded", "Failed": "Failed"}
    counted = " / ".join(f"{pods.count(phase)} {name}" for phase, name in named.items())
    return [
        ("Selector", _pairs(thing["spec"]["selector"].get("matchLabels"))),
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
        ("Selector", _pairs(spec.get("selector"))),
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
        ("Selector", _pairs((spec.get("selector") or {}).get("matchLabels"))),
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


# Logs and roll-outs


def logs(cluster: Cluster, pod: Object, container: str, previous: bool) -> str:
    specs = [spec["name"] for spec in pod["spec"]["containers"]]
    name = container or specs[0]
    if name not in specs:
        return f"error: container {name} is not valid for pod {name_of(pod)}"
    kubelet = cluster.kubelets.get(pod["spec"].get("nodeName", ""))
    found = kubelet.runtime.of(uid_of(pod)).get(name) if kubelet else None
    if kubelet and (not kubelet.running or not cluster.powered[kubelet.node]):
        door = f"{kubelet.registration.address}:10250"
        url = f"https://{door}/containerLogs/default/{name_of(pod)}/{name}"
        return f'Error from server: Get "{url}": dial tcp {door}: connect: connection refused'
    if previous:
        found = found.before if found and found.running else found if found and not found.running and found.before else None
        if found is None:
            return f'Error from server (BadRequest): previous terminated container "{name}" in pod "{name_of(pod)}" not found'
    if found is None:
        state: Object = next((s["state"] for s in status_of(pod).get("containerStatuses") or [] if s["name"] == name), {})
        reason = (state.get("waiting") or {}).get("reason", "ContainerCreating")
        why = "trying and failing to pull image" if "Image" in reason else f"waiting to start: {reason}"
        return f'Error from server (BadRequest): container "{name}" in pod "{name_of(pod)}" is {why}'
    lines = [f"{stamp(found.started)} {found.image} started"]
    if not found.running:
        lines.append(f"{stamp(found.finished or 0)} exit code {found.code}")
    return "\n".join(lines)


def rollout(deployment: Object) -> str:
    """What `rollout status` says at this moment; the real one waits until it can say that all is done."""
    name, spec, status = name_of(deployment), deployment["spec"], status_of(deployment)
    wait = f'Waiting for deployment "{name}" rollout to finish: '
    if status.get("observedGeneration", 0) < deployment["metadata"]["generation"]:
        return "Waiting for deployment spec update to be observed..."
    found = condition(status, "Progressing")
    if found and found["reason"] == "ProgressDeadlineExceeded":
        return f'error: deployment "{name}" exceeded its progress deadline'
    updated, total, available = (status.get(key, 0) for key in ("updatedReplicas", "replicas", "availableReplicas"))
    if updated < spec["replicas"]:
        return f"{wait}{updated} out of {spec['replicas']} new replicas have been updated..."
    if total > updated:
        return f"{wait}{total - updated} old replicas are pending termination..."
    if available < updated:
        return f"{wait}{available} of {updated} updated replicas are available..."
    return f'deployment "{name}" successfully rolled out'


def history(name: str, known: dict[int, Object]) -> str:
    rows = [["REVISION", "CHANGE-CAUSE"]]
    rows += [[str(number), annotations_of(rs).get("kubernetes.io/change-cause", NONE)] for number, rs in known.items()]
    return f"deployment.apps/{name} \n{aligned(rows, 2)}"


def revision(name: str, number: int, rs: Object) -> str:
    template = rs["spec"]["template"]
    labels = "\n\t".join(f"{key}={value}" for key, value in sorted(template["metadata"]["labels"].items()))
    containers = "\n".join(f"   {c['name']}:\n    Image:\t{c['image']}" for c in template["spec"]["containers"])
    return f"deployment.apps/{name} with revision #{number}\nPod Template:\n  Labels:\t{labels}\n  Containers:\n{containers}"
