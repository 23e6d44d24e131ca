"""The endpoint slice controller: the addresses behind a Service, from its selector and the Pods' own readiness.

An address appears as soon as the Pod has one; ready is what the kubelet reported, and false once the Pod is leaving.
"""

from __future__ import annotations

from bot.simulation.objects import Object, finished, holds, labels_of, leaving, name_of, owned_by, selects, status_of
from bot.simulation.part import Part


class EndpointSliceController(Part):
    name = "endpointslice-controller"
    kinds = ("Service", "Pod", "EndpointSlice")

    def notice(self, kind: str, old: Object | None, new: Object | None) -> None:
        if kind == "Service":
            self.wake(name_of(new or old or {}))
        elif kind == "EndpointSlice":
            self.wake(name_of(new or old or {}).removesuffix("-1"))
        else:
            for service in self.api.store.all("Service"):
                if any(selects(service["spec"].get("selector"), labels_of(pod)) for pod in (old, new) if pod):
                    self.wake(name_of(service))

    def reconcile(self, key: str) -> int | None:
        service = self.api.get("Service", key)
        selector = service["spec"].get("selector") if service else None
        if service is None or not selector:
            return None
        pods = self.api.find("Pod", *(("label", *pair) for pair in selector.items()))
        endpoints = [_endpoint(pod) for pod in pods if status_of(pod).get("podIP") and not finished(pod)]
        endpoints.sort(key=lambda endpoint: endpoint["targetRef"]["name"])
        ports = [{"port": _target(port, pods), "protocol": port["protocol"], "name": port.get("name", "")}
                 for port in service["spec"].get("ports") or []] if endpoints else []  # fmt: skip
        old = self.api.get("EndpointSlice", f"{key}-1")
        if old is None:
            meta = {
                "name": f"{key}-1",
                "ownerReferences": owned_by(service),
                "labels": {"kubernetes.io/service-name": key},
            }
            made = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": meta, "addressType": "IPv4"}
            self.api.create(self.name, {**made, "endpoints": endpoints, "ports": ports})
        else:
            self.api.update(self.name, {**old, "endpoints": endpoints, "ports": ports})
        return len(pods) // 4


def _endpoint(pod: Object) -> Object:
    ready = holds(pod, "Ready")
    return {
        "addresses": [status_of(pod)["podIP"]],
        "conditions": {"ready": ready and not leaving(pod), "serving": ready, "terminating": leaving(pod)},
        "nodeName": pod["spec"]["nodeName"],
        "targetRef": {"kind": "Pod", "name": name_of(pod), "namespace": "default"},
    }


def _target(port: Object, pods: list[Object]) -> int | None:
    """The port number behind a name, as the containers declare it."""
    target = port["targetPort"]
    if isinstance(target, int):
        return target
    declared = (p for pod in pods for c in pod["spec"]["containers"] for p in c.get("ports") or [])
    return next((p["containerPort"] for p in declared if p.get("name") == target), None)
