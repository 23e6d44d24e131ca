"""A kubelet's probes: readiness says whether a container should be served, liveness whether it has to be started again.

A failing readiness probe restarts nothing; a failing liveness probe replaces nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.simulation.clock import Timer
from bot.simulation.objects import Object, name_of, uid_of
from bot.simulation.runtime import Container

if TYPE_CHECKING:
    from bot.simulation.kubelet import Kubelet, Work

KINDS = ("startup", "readiness", "liveness")
SOON = 30  # ms from a start to the first probe: what runs has been reported by then


@dataclass
class Probe:
    """One probe of one container: it ticks on through restarts, and begins anew with each."""

    work: Work
    spec: Object
    kind: str
    container: Container | None = None  # whose results are counted
    timer: Timer | None = None
    passed: int = 0
    failed: int = 0
    held: bool = False  # it has had its say about this container

    @property
    def settings(self) -> Object:
        found: Object = self.spec[f"{self.kind}Probe"]
        return found


class Prober:
    def __init__(self, kubelet: Kubelet, healthy: Callable[[Object], bool]) -> None:
        self.kubelet, self.healthy = kubelet, healthy
        self.live: dict[tuple[str, str, str], Probe] = {}

    def watch(self, work: Work, spec: Object) -> None:
        for kind in KINDS:
            key = (uid_of(work.pod), spec["name"], kind)
            if spec.get(f"{kind}Probe") and (key not in self.live or self.live[key].work is not work):
                self.live[key] = Probe(work, spec, kind)
                self._after(SOON, self.live[key])

    def look_again(self) -> None:
        """What the probes will find may have changed."""
        for probe in self.live.values():
            if probe.timer and self._matters(probe):
                self.kubelet.clock.heed(probe.timer)

    def _after(self, delay: int, probe: Probe) -> None:
        probe.timer = self.kubelet.later(delay, lambda: self._tick(probe), quiet=not self._matters(probe))

    def _tick(self, probe: Probe) -> None:
        work, name = probe.work, probe.spec["name"]
        if work.stopping:
            del self.live[uid_of(work.pod), name, probe.kind]
            return
        container = self.kubelet.runtime.of(uid_of(work.pod)).get(name)
        if container and container.running and self.kubelet.clock.now - container.started >= SOON:
            if container is not probe.container:
                probe.container, probe.passed, probe.failed, probe.held = container, 0, 0, False
            waited = self.kubelet.clock.now - container.started >= int(probe.settings.get("initialDelaySeconds") or 0) * 1000
            begun = probe.kind == "startup" or "startupProbe" not in probe.spec or name in work.ready
            if waited and begun and not probe.held and not work.busy:
                self._judge(probe, self.healthy(work.pod))
        self._after(int(probe.settings["periodSeconds"] or 10) * 1000, probe)

    def _matters(self, probe: Probe) -> bool:
        """Will the next results change anything? Then the world is not settled."""
        container = self.kubelet.runtime.of(uid_of(probe.work.pod)).get(probe.spec["name"])
        if not container or not container.running or (probe.held and container is probe.container):
            return False
        well = self.healthy(probe.work.pod)
        if probe.kind == "readiness":
            return well != probe.work.ready.get(probe.spec["name"], False)
        return well if probe.kind == "startup" else not well

    def _judge(self, probe: Probe, well: bool) -> None:
        probe.passed, probe.failed = (probe.passed + 1, 0) if well else (0, probe.failed + 1)
        work, name, limit = probe.work, probe.spec["name"], int(probe.settings["failureThreshold"] or 3)
        if not well:
            how = "HTTP probe failed with statuscode: 500" if probe.settings.get("httpGet") else ""
            self.kubelet.event(work.pod, "Unhealthy", f"{probe.kind.capitalize()} probe failed: {how}", "Warning")
        if probe.kind == "readiness":
            if well and probe.passed >= int(probe.settings["successThreshold"] or 1):
                self._set(work, name, True)
            elif probe.failed >= limit:
                self._set(work, name, False)
        elif probe.kind == "startup" and well:
            probe.held = True
            self._set(work, name, not probe.spec.get("readinessProbe"))
        elif probe.failed >= limit:
            probe.held = True
            self.kubelet.replace(work, probe.spec, f"Container {name} failed {probe.kind} probe, will be restarted")

    def _set(self, work: Work, name: str, ready: bool) -> None:
        if work.ready.get(name) != ready:
            work.ready[name] = ready
            self.kubelet.wake(name_of(work.pod))
