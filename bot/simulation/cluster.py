"""A cluster: all parts around one API server in one virtual time, and the door through which commands come in.

The same commands always lead to the same world, so a cluster is kept as its `history` and made again by `replay`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from bot.simulation.admission import LIMITS
from bot.simulation.apiserver import ApiServer, Rejected
from bot.simulation.clock import Clock
from bot.simulation.deployment import DeploymentController
from bot.simulation.disruption import DisruptionController
from bot.simulation.endpoints import EndpointSliceController
from bot.simulation.garbage import GarbageCollector, PodGarbageCollector
from bot.simulation.kubelet import Kubelet
from bot.simulation.nodes import NodeController, TaintEvictionController
from bot.simulation.objects import UNSPACED, Object, clone, name_of, owner_of
from bot.simulation.part import Part
from bot.simulation.replicaset import ReplicaSetController
from bot.simulation.runtime import Registry, Runtime
from bot.simulation.scheduler import Scheduler
from bot.simulation.statuses import condition, status_of
from bot.simulation.store import Store
from bot.simulation.trace import Line, Story, Trace

if TYPE_CHECKING:
    from bot.simulation.script import Command

FLAGS = {  # the control plane's own defaults, in ms
    "node-monitor-grace-period": 50_000,
    "node-monitor-period": 5_000,
    "default-not-ready-toleration-seconds": 300_000,
    "default-unreachable-toleration-seconds": 300_000,
}
NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
KUBERNETES: Object = {
    "apiVersion": "v1", "kind": "Service",
    "metadata": {"name": "kubernetes", "labels": {"component": "apiserver", "provider": "kubernetes"}},
    "spec": {"type": "ClusterIP", "clusterIP": "10.96.0.1",
             "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}]},
}  # fmt: skip
RESTORED = 10_000  # ms
LONGEST = 15 * 60_000  # ms until settling is given up
STEPS = 100_000  # timers that one command may run
MANAGERS = (
    ReplicaSetController,
    DeploymentController,
    NodeController,
    TaintEvictionController,
    EndpointSliceController,
    DisruptionController,
    GarbageCollector,
    PodGarbageCollector,
)


class Cluster:
    """`pods` is how many Pods there may be at a time."""

    def __init__(self, story: Story | None = None, pods: int = LIMITS["Pod"]) -> None:
        self.clock, self.flags, self.registry = Clock(), dict(FLAGS), Registry()
        self.trace = Trace(self.clock, story)
        self.store = Store()
        self.api = ApiServer(self.store, self.clock, self.flags, self.trace.tell, {**LIMITS, "Pod": pods})
        self._found()
        self.parts: dict[str, list[Part]] = {
            "controller-manager": [manager(self.api) for manager in MANAGERS],
            "scheduler": [Scheduler(self.api)],
        }
        self.kubelets: dict[str, Kubelet] = {}
        self.powered: dict[str, bool] = {}
        self.probes: dict[str, bool] = {}  # "pod/NAME" or "deployment/NAME" -> do its probes pass?
        self.history: list[str] = []
        self._retries: list[int | None] = []  # clients that will ask again: the state of the world in which it is no use
        self._walked = 0  # ms at the end of the history that were walked by `step`

    def _found(self) -> None:
        """What every cluster has from its first moment."""
        for number, name in enumerate(NAMESPACES, 1):
            meta = {"name": name, "labels": {"kubernetes.io/metadata.name": name}}
            born = {"spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
            self._bear(number, {"apiVersion": "v1", "kind": "Namespace", "metadata": meta, **born})
        self._bear(len(NAMESPACES) + 1, clone(KUBERNETES))
        self.store.watch("Service", self._restore)

    def _bear(self, number: int, thing: Object) -> None:
        thing["metadata"] |= {"uid": f"00000000-0000-4000-9000-{number:012d}", "creationTimestamp": self.api.now}
        thing["metadata"] |= {} if thing["kind"] in UNSPACED else {"namespace": "default"}
        self.store.write(thing)

    def _restore(self, _: str, old: Object | None, new: Object | None) -> None:
        """The API server keeps a Service for itself."""
        if new is None and name_of(old or {}) == "kubernetes":
            self.clock.after(RESTORED, self._create_again)

    def _create_again(self) -> None:
        with suppress(Rejected):
            self.api.create("kube-apiserver", KUBERNETES)

    @classmethod
    def replay(cls, history: Iterable[str], story: Story | None = None, pods: int = LIMITS["Pod"]) -> Cluster:
        """The cluster that these commands led to."""
        cluster = cls(story, pods)
        for command in history:
            cluster.run(command)
        return cluster

    def run(self, command: str) -> list[Line]:
        """Does a command (with its here-document, if any) and returns what happened; Refused when it cannot be understood."""
        from bot.simulation.script import parse

        return [line for parsed in parse(command) for line in self.do(parsed)]

    def do(self, command: Command) -> list[Line]:
        """The same for a command that is understood already."""
        self.history.append(command.source)
        self._walked = 0
        command.run(self)
        return self.trace.take()

    def step(self) -> list[Line]:
        """Lets time go to the next moment at which something happens that is shown; nothing when the world is settled."""
        before, lines = self.clock.now, self.trace.take()
        for _ in range(STEPS):
            if lines or self.settled:
                break
            self._moment()
            lines = self.trace.take()
        self._walk(self.clock.now - before)
        return lines

    def settle(self) -> bool:
        """Runs until nothing is due but heartbeats, probes, flushes and repeating back-offs; False when that took too long."""
        limit = self.clock.now + LONGEST
        for _ in range(STEPS):
            due = self.clock.next()
            if self.settled or due is None:
                return True
            if due > limit:
                break
            self.clock.step()
        return False

    def wait(self, ms: int) -> bool:
        """Lets time pass; False when more would happen than one command may cause."""
        until = self.clock.now + ms
        for _ in range(STEPS):
            due = self.clock.next()
            if due is None or due > until:
                self.clock.now = until
                return True
            self.clock.step()
        return False

    @property
    def settled(self) -> bool:
        return not self.clock.loud and not self._asked_again and not self._unnoticed()

    def get(self, kind: str, name: str) -> Object | None:
        return self.store.get(kind, name)

    def list(self, kind: str) -> Sequence[Object]:
        return self.store.all(kind)

    def add_node(self, name: str, room: dict[str, str]) -> None:
        runtime = Runtime(self.clock, self.registry, len(self.kubelets) + 1)
        self.kubelets[name] = Kubelet(self.api, name, runtime, room, self.healthy)
        self.powered[name] = True

    def power(self, name: str, on: bool) -> None:
        """A node that loses its power loses its containers; its kubelet comes back with it."""
        kubelet = self.kubelets[name]
        if self.powered[name] != on:
            self.powered[name] = on
            if on:
                kubelet.start()
            else:
                if kubelet.running:
                    kubelet.stop()
                kubelet.runtime.lose_power()

    def switch(self, part: str, on: bool) -> None:
        """Stops or starts the API server, the controller manager or the scheduler."""
        if part == "apiserver":
            if on and not self.api.running:
                self.api.running = True
                for one in [*(one for group in self.parts.values() for one in group), *self.kubelets.values()]:
                    one.resume()
            self.api.running = on
            return
        for one in self.parts[part]:
            if on and not one.running:
                one.start()
            elif not on and one.running:
                one.stop()

    def healthy(self, pod: Object) -> bool:
        """Would the Pod's probes pass? What was said of the Pod itself counts before what was said of its Deployment."""
        owner = owner_of(pod)
        rs = self.store.get("ReplicaSet", owner["name"]) if owner else None
        above = owner_of(rs) if rs else None
        inherited = self.probes.get(f"deployment/{above['name']}", True) if above else True
        return self.probes.get(f"pod/{name_of(pod)}", inherited)

    @property
    def changes(self) -> int:
        return self.api.changes

    def retry(self, delay: int, call: Callable[[], object], useless: int | None) -> None:
        """A client asks again later; where nothing has changed since the state `useless`, nobody has to wait for that."""
        self._retries.append(useless)

        def due() -> None:
            self._retries.remove(useless)
            call()

        self.clock.after(delay, due, quiet=True)

    @property
    def _asked_again(self) -> bool:
        return any(useless != self.api.changes for useless in self._retries)

    def _moment(self) -> None:
        """Everything that is due at the next moment."""
        due = self.clock.next()
        while due is not None and self.clock.next() == due:
            self.clock.step()

    def _unnoticed(self) -> bool:
        """Is a node silent, and the controller manager has yet to notice?"""
        if not self.api.running or not self.parts["controller-manager"][0].running:
            return False
        for name, kubelet in self.kubelets.items():
            node = self.store.get("Node", name)
            if not kubelet.running and node:
                ready = condition(status_of(node), "Ready")
                if ready and ready["status"] != "Unknown":
                    return True
        return False

    def _walk(self, ms: int) -> None:
        if ms:
            if self._walked:
                self.history.pop()
            self._walked += ms
            self.history.append(f"wait {self._walked}ms")
            if self._walked > LONGEST:
                self._walked = 0
