"""The container runtime of one node: it knows no API server, and goes on when its kubelet is silent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bot.simulation.clock import Clock, Timer

PULL, STOP, CRASH = 1500, 1000, 1500  # ms, as in the recordings
KILLED = 137


@dataclass
class Container:
    image: str
    started: int
    restarts: int = 0
    finished: int | None = None
    code: int = 0
    reason: str = ""
    before: Container | None = None  # the one that ended, whose place it took
    end: Timer | None = None  # what will end it

    @property
    def running(self) -> bool:
        return self.finished is None


@dataclass
class Registry:
    """The world outside: which images can be had, and which Pods are bound to fail."""

    known: dict[str, bool] = field(default_factory=dict)
    crashes: dict[str, int] = field(default_factory=dict)  # uid of a Pod -> how often it still crashes

    def has(self, image: str) -> bool:
        return self.known.get(image, "missing" not in image)


class Runtime:
    def __init__(self, clock: Clock, registry: Registry, subnet: int) -> None:
        self.clock, self.registry, self.subnet = clock, registry, subnet
        self.images: set[str] = set()
        self.containers: dict[str, dict[str, Container]] = {}  # by the uid of their Pod, and their name
        self.sandboxes: dict[str, str] = {}  # uid of a Pod -> its address
        self.exited: Callable[[str], None] = lambda uid: None
        self._addresses = 1

    def of(self, uid: str) -> dict[str, Container]:
        return self.containers.get(uid, {})

    def busy(self, uid: str) -> bool:
        return any(container.running for container in self.of(uid).values())

    def pull(self, image: str, then: Callable[[bool], None]) -> Timer:
        def done() -> None:
            found = self.registry.has(image)
            if found:
                self.images.add(image)
            then(found)

        return self.clock.after(PULL, done)

    def set_up(self, uid: str) -> None:
        self._addresses += 1
        self.sandboxes[uid] = f"10.244.{self.subnet}.{self._addresses}"

    def start(self, uid: str, name: str, image: str) -> Container:
        before = self.of(uid).get(name)
        made = Container(image, self.clock.now, before.restarts + 1 if before else 0, before=before)
        if before:
            before.before = None  # one look back is enough
        self.containers.setdefault(uid, {})[name] = made
        left = self.registry.crashes.get(uid, 0)
        if left:
            self.registry.crashes[uid] = left - 1
        if left or "crash" in image:
            made.end = self.clock.after(CRASH, lambda: self.end(uid, name, 1, "Error"))
        return made

    def stop(self, uid: str, name: str, grace: int, then: Callable[[bool], None] = lambda _: None) -> None:
        """Asks a container to end; it needs a moment, which its grace period may not give it."""
        container = self.of(uid)[name]
        self.clock.cancel(container.end)

        def ended() -> None:
            self.end(uid, name, *((0, "Completed") if grace >= STOP else (KILLED, "Error")))
            then(True)

        container.end = self.clock.after(min(grace, STOP), ended)

    def end(self, uid: str, name: str, code: int, reason: str) -> None:
        container = self.of(uid).get(name)
        if container and container.running:
            self.clock.cancel(container.end)
            container.finished, container.code, container.reason = self.clock.now, code, reason
            self.exited(uid)

    def forget(self, uid: str) -> None:
        self.sandboxes.pop(uid, None)
        self.registry.crashes.pop(uid, None)
        self.containers.pop(uid, None)

    def lose_power(self) -> None:
        """Everything that runs is gone; what is on the disk stays."""
        self.sandboxes.clear()
        for uid in list(self.containers):
            for name in list(self.of(uid)):
                self.end(uid, name, KILLED, "Error")
