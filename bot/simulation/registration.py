"""A kubelet's node: it registers itself, says when it is ready, and gives a sign of life while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.simulation.apiserver import Rejected
from bot.simulation.objects import Object, clone
from bot.simulation.statuses import condition, set_condition, status_of

if TYPE_CHECKING:
    from bot.simulation.kubelet import Kubelet

VERSION = "v1.36.2"
AWAKE, READY_AFTER, HEARTBEAT = 100, 330, 10_000  # ms
READY = ("True", "KubeletReady", "kubelet is posting ready status")
STARTING = ("False", "KubeletNotReady", "container runtime status check may not have completed yet")
HEALTH = {
    "MemoryPressure": ("KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    "DiskPressure": ("KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    "PIDPressure": ("KubeletHasSufficientPID", "kubelet has sufficient PID available"),
}


class Registration:
    def __init__(self, kubelet: Kubelet, room: dict[str, str]) -> None:
        self.kubelet, self.room = kubelet, room
        self.address = f"192.0.2.{kubelet.runtime.subnet + 1}"

    def begin(self, fresh: bool) -> None:
        known = self._node() is not None
        self.kubelet.later(AWAKE, self._register if fresh or not known else lambda: self._post(*READY))
        self._beat()

    def _node(self) -> Object | None:
        return self.kubelet.api.get("Node", self.kubelet.node)

    def _register(self) -> None:
        """A kubelet that starts does not know whether it is known."""
        try:
            node = self.kubelet.api.create(self.kubelet.name, self._described())
            self.kubelet.event(node, "Starting", "Starting kubelet.")
        except Rejected:
            self.kubelet.event(self._node() or {}, "Starting", "Starting kubelet.")
            self._post(*STARTING)
        self.kubelet.later(READY_AFTER, lambda: self._post(*READY))

    def _described(self) -> Object:
        name, now = self.kubelet.node, self.kubelet.api.now
        status: Object = {
            "capacity": dict(self.room),
            "allocatable": dict(self.room),
            "addresses": [{"type": "InternalIP", "address": self.address}, {"type": "Hostname", "address": name}],
            "nodeInfo": {"kubeletVersion": VERSION, "osImage": "Lemonade Shop", "containerRuntimeVersion": "shop://1.0"},
        }
        self._set(status, *STARTING)
        taint = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule", "timeAdded": now}
        meta = {"name": name, "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}}
        return {"apiVersion": "v1", "kind": "Node", "metadata": meta, "spec": {"taints": [taint]}, "status": status}

    def _set(self, status: Object, *ready: str) -> None:
        for kind, why in HEALTH.items():
            set_condition(status, self.kubelet.api.now, kind, "False", *why)
        set_condition(status, self.kubelet.api.now, "Ready", *ready)

    def _post(self, *ready: str) -> None:
        node = self._node()
        if node is None:
            return
        new = clone(node)
        self._set(new["status"], *ready)
        self.kubelet.api.update(self.kubelet.name, new, "status", "patch nodes/status")
        before = condition(status_of(node), "Ready")
        if before is None or before["status"] != ready[0]:
            what = "NodeReady" if ready[0] == "True" else "NodeNotReady"
            self.kubelet.event(node, what, f"Node {self.kubelet.node} status is now: {what}")
        self.kubelet.look_again()

    def _beat(self) -> None:
        """Renews the node's lease, often enough for the grace period that is set."""
        if self._node():
            self.kubelet.api.renew(self.kubelet.node)
        often = min(HEARTBEAT, self.kubelet.api.flags["node-monitor-grace-period"] // 4)
        self.kubelet.later(often, self._beat, quiet=True)
