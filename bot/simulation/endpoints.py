"""The endpoint slice controller: the addresses behind a Service, from its selector and the Pods' own readiness.

An address appears as soon as the Pod has one; ready is what the kubelet reported, and false once the Pod is leaving.
"""

from __future__ import annotations

from bot.simulation.objects import Object, leaving, name_of, owned_by, selector_of
from bot.simulation.part import Part
from bot.simulation.statuses import finished, holds, status_of


class EndpointSliceController(Part):
    name = "endpointslice-controller"
    kinds = ("Service", "Pod", "EndpointSlice")

    def concern(self, kind: str, old: Object | None, new: Object | None) -> None:
        self.wake_owners("Service", old, new)
        self.wake_choosers("Service", old, new)

    def tend(self, service: Object) -> int | None:
        key = name_of(service)
        if not selector_of(service):
            return None
        pods = self.api.chosen("Pod", selector_of(service))
        endpoints = [_endpoint(pod) for pod in pods if status_of(pod).get("podIP") and not finished(pod)]
        endpoints.sort(key=lambda endpoint: endpoint["targetRef"]["name"])
        ports = [{"port": _target(port, pods), "protocol": port["protocol"], "name": port.get("name", "")}
                 for port in service["spec"].get("ports") or []] if endpoints else []  # fmt: skip
        meta = {"name": f"{key}-1", "ownerReferences": owned_by(service), "labels": {"kubernetes.io/service-name": key}}
        made = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": meta, "addressType": "IPv4"}
        old = self.api.get("EndpointSlice", f"{key}-1")
        write = self.api.update if old else self.api.create
        write(self.name, {**(old or made), "endpoints": endpoints, "ports": ports})
        return len(pods) // 4


def _endpoint(pod: Object) -> Object:
    ready, target = holds(pod, "Ready"), {"kind": "Pod", "name": name_of(pod), "namespace": "default"}
    conditions = {"ready": ready and not leaving(pod), "serving": ready, "terminating": leaving(pod)}
    where = {"addresses": [status_of(pod)["podIP"]], "conditions": conditions, "nodeName": pod["spec"]["nodeName"]}
    return {**where, "targetRef": target}


def _target(port: Object, pods: list[Object]) -> int | None:
    """The port number behind a name, as the containers declare it."""
    target = port["targetPort"]
    declared = (p for pod in pods for c in pod["spec"]["containers"] for p in c.get("ports") or [] if p.get("name") == target)
    return target if isinstance(target, int) else next((p["containerPort"] for p in declared), None)
