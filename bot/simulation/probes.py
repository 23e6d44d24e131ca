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
    work: Work
    spec: Object
    container: Container
    kind: str
    timer: Timer | None = None
    passed: int = 0
    failed: int = 0

    @property
    def settings(self) -> Object:
        found: Object = self.spec[f"{self.kind}Probe"]
        return found


class Prober:
    def __init__(self, kubelet: Kubelet, healthy: Callable[[Object], bool]) -> None:
        self.kubelet, self.healthy = kubelet, healthy
        self.live: dict[int, Probe] = {}

    def watch(self, work: Work, spec: Object, container: Container) -> None:
        for kind in KINDS:
            if spec.get(f"{kind}Probe"):
                probe = Probe(work, spec, container, kind)
                delay = int(probe.settings.get("initialDelaySeconds") or 0) * 1000
                self._after(max(SOON, delay), probe, quiet=False)

    def look_again(self) -> None:
        """What the probes will find may have changed."""
        for probe in self.live.values():
            if probe.timer and self._matters(probe):
                self.kubelet.clock.heed(probe.timer)

    def _after(self, delay: int, probe: Probe, quiet: bool) -> None:
        self.live[id(probe)] = probe
        probe.timer = self.kubelet.later(delay, lambda: self._probe(probe), quiet)

    def _probe(self, probe: Probe) -> None:
        work, name = probe.work, probe.spec["name"]
        del self.live[id(probe)]
        current = self.kubelet.runtime.containers.get((uid_of(work.pod), name))
        if work.stopping or current is not probe.container or not probe.container.running:
            return
        if not work.busy and (probe.kind == "startup" or "startupProbe" not in probe.spec or name in work.ready):
            if self._judge(probe, self.healthy(work.pod)):
                return
        self._after(int(probe.settings["periodSeconds"] or 10) * 1000, probe, quiet=not self._matters(probe))

    def _matters(self, probe: Probe) -> bool:
        """Will the next results change anything? Then the world is not settled."""
        well = self.healthy(probe.work.pod)
        if probe.kind == "readiness":
            return well != probe.work.ready.get(probe.spec["name"], False)
        return not well

    def _judge(self, probe: Probe, well: bool) -> bool:
        """Counts a result; True when the probe has done its last work for this container."""
        probe.passed, probe.failed = (probe.passed + 1, 0) if well else (0, probe.failed + 1)
        work, name, limit = probe.work, probe.spec["name"], int(probe.settings["failureThreshold"] or 3)
        if not well:
            how = "HTTP probe failed with statuscode: 500" if probe.settings.get("httpGet") else ""
            self.kubelet.event(work.pod, "Unhealthy", f"{probe.kind.capitalize()} probe failed: {how}", "Warning")
        if probe.kind == "readiness":
            if well and probe.passed >= int(probe.settings["successThreshold"] or 1):
                self._set(work, name, True)
            elif not well and probe.failed >= limit:
                self._set(work, name, False)
            return False
        if probe.kind == "startup" and well:
            self._set(work, name, not probe.spec.get("readinessProbe"))
            return True
        if probe.failed >= limit:
            self.kubelet.replace(work, probe.spec, f"Container {name} failed {probe.kind} probe, will be restarted")
            return True
        return False

    def _set(self, work: Work, name: str, ready: bool) -> None:
        if work.ready.get(name) != ready:
            work.ready[name] = ready
            self.kubelet.wake(name_of(work.pod))
