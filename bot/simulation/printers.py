"""kubectl's printers: tables, descriptions, events and logs, laid out as kubectl lays them out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bot.simulation import manifests
from bot.simulation.clock import moment, stamp
from bot.simulation.kinds import shown
from bot.simulation.objects import API, UNSPACED, Object, annotations_of, labels_of, leaving, name_of, uid_of
from bot.simulation.statuses import condition, holds, status_of

if TYPE_CHECKING:
    from bot.simulation.cluster import Cluster

Row = list[str]
NONE = "<none>"
WAITING = {"ErrImagePull": "image can't be pulled", "ImagePullBackOff": "trying and failing to pull image"}  # kubelet_pods.go
MILLIS = re.compile(r"(?<=:\d\d)\.\d{3}Z")  # the API writes times in seconds
EVENT_LIFE = 3_600_000  # ms: --event-ttl


def singular(kind: str) -> str:
    """`deployment.apps`, as a deletion names it."""
    return kind.lower() + API[kind][2]


def resource(kind: str) -> str:
    return API[kind][1] + API[kind][2]


def dump(things: list[Object], form: str, single: bool = False) -> str:
    whole = {"apiVersion": "v1", "items": things, "kind": "List", "metadata": {"resourceVersion": ""}}
    value: Any = things[0] if single and len(things) == 1 else whole
    value = json.loads(MILLIS.sub("Z", json.dumps(value)))
    if form == "json":
        return json.dumps(value, indent=4, ensure_ascii=False, sort_keys=True)
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


def pairs(values: dict[str, Any] | None) -> str:
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
    return [names, images, pairs(thing["spec"]["selector"].get("matchLabels"))]


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
    return row, [pairs(spec.get("selector"))]


def _slice(cluster: Cluster, thing: Object) -> tuple[Row, Row]:
    ports = ",".join(str(p["port"]) for p in thing["ports"]) or "<unset>"
    addresses = ",".join(a for e in thing["endpoints"] for a in e["addresses"]) or "<unset>"
    return [name_of(thing), "IPv4", ports, addresses, age(cluster.clock.now, thing["metadata"]["creationTimestamp"])], []


def _budget(cluster: Cluster, thing: Object) -> tuple[Row, Row]:
    spec = thing["spec"]
    limits = [str(spec.get(key, "N/A")) for key in ("minAvailable", "maxUnavailable")]
    allowed = str(status_of(thing).get("disruptionsAllowed", 0))
    return [name_of(thing), *limits, allowed, age(cluster.clock.now, thing["metadata"]["creationTimestamp"])], []


def _namespace(cluster: Cluster, thing: Object) -> tuple[Row, Row]:
    return [name_of(thing), status_of(thing)["phase"], age(cluster.clock.now, thing["metadata"]["creationTimestamp"])], []


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
    "Namespace": (["NAME", "STATUS", "AGE"], [], _namespace),
    "Lease": (["NAME", "HOLDER", "AGE"], [], _lease),
    "Event": (["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"], [], _event),
}


def table(
    cluster: Cluster, kind: str, things: list[Object], wide: bool, labels: bool, many: bool, header: bool, spaces: bool = False
) -> str:
    head, more, printer = COLUMNS[kind]
    spaces = spaces and kind not in UNSPACED
    rows = (
        [(["NAMESPACE"] if spaces else []) + head + (more if wide else []) + (["LABELS"] if labels else [])] if header else []
    )
    if kind == "Event":
        things = recent(cluster, things)
    for thing in things:
        row, wider = printer(cluster, thing)
        if many:
            row[0] = shown(kind, row[0])
        row = ["default", *row] if spaces else row
        rows.append(row + (wider if wide else []) + ([pairs(labels_of(thing))] if labels else []))
    return aligned(rows)


def recent(cluster: Cluster, things: list[Object]) -> list[Object]:
    kept = [thing for thing in things if cluster.clock.now - moment(thing["lastTimestamp"]) <= EVENT_LIFE]
    return sorted(kept, key=lambda thing: (thing["lastTimestamp"], int(thing["metadata"]["resourceVersion"])))


def events(cluster: Cluster, about: tuple[str, str] | None) -> str:
    things = [
        thing
        for thing in cluster.list("Event")
        if about is None or (thing["involvedObject"]["kind"], thing["involvedObject"]["name"]) == about
    ]
    things = recent(cluster, things)
    if not things:
        return ""
    rows = [["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]]
    for thing in things:
        row, _ = _event(cluster, thing)
        row[0] = seen(cluster, thing)
        row[3] = f"{thing['involvedObject']['kind']}/{thing['involvedObject']['name']}"
        rows.append(row)
    return aligned(rows)


def seen(cluster: Cluster, event: Object) -> str:
    last = age(cluster.clock.now, event["lastTimestamp"])
    return last if event["count"] == 1 else f"{last} (x{event['count']} over {age(cluster.clock.now, event['firstTimestamp'])})"


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
    if not kubelet:
        return ""  # nobody can have written any yet
    if found is None:
        state: Object = next((s["state"] for s in status_of(pod).get("containerStatuses") or [] if s["name"] == name), {})
        reason = (state.get("waiting") or {}).get("reason", "ContainerCreating")
        why = WAITING.get(reason, reason)
        return f'Error from server (BadRequest): container "{name}" in pod "{name_of(pod)}" is waiting to start: {why}'
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
