"""The kubelet of one node: registers it, runs the Pods bound to it through the runtime, and reports what it sees.

It first reports how things stand and then acts, so its status is one turn behind its deeds. A container that ends is started
again in the same Pod: at once, then after 10, 20, 40 … s, at most 300. A Pod marked for deletion is stopped, and its last word
("grace 0") takes the object away. What is stored as Succeeded or Failed is final, whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from bot.simulation import reports
from bot.simulation.apiserver import ApiServer, Rejected
from bot.simulation.clock import Timer
from bot.simulation.objects import Object, clone, leaving, name_of, uid_of
from bot.simulation.part import Part
from bot.simulation.probes import Prober
from bot.simulation.registration import Registration
from bot.simulation.runtime import Container, Runtime
from bot.simulation.statuses import finished, set_condition, status_of

SANDBOX, SETTLE, LAST_WORD, RELIST = 300, 4, 800, 100  # ms, as recorded
RESYNC = 11_000  # ms: 10 s and some jitter until a Pod with a failing container is looked at again
FIRST, MOST = 10_000, 300_000  # ms: kubelet.go:168,182


@dataclass
class BackOff:
    """Waits that double: 10, 20, 40 … 300 s, forgotten after twice the longest."""

    delay: int = 0
    since: int = 0

    def holds(self, failed: int, now: int) -> bool:
        return bool(self.delay) and failed - self.since <= 2 * MOST and now - failed < self.delay

    def grow(self, now: int) -> None:
        self.delay = min(self.delay * 2, MOST) if self.delay and now - self.since <= 2 * MOST else FIRST
        self.since = now


@dataclass
class Work:
    """What the kubelet remembers of one Pod between two turns."""

    pod: Object
    busy: bool = False  # pulling, or waiting for a container to stop
    again: bool = False  # woken while it was busy
    stopping: bool = False
    doubted: bool = False  # an end that was stored by somebody else has been seen
    parting: bool = False  # the last word is on its way
    ready: dict[str, bool] = field(default_factory=dict)  # by its probes
    waiting: dict[str, tuple[str, str]] = field(default_factory=dict)  # container -> why it does not run
    pulls: dict[str, BackOff] = field(default_factory=dict)
    crashes: dict[str, BackOff] = field(default_factory=dict)


class Kubelet(Part):
    lag = 10

    def __init__(
        self, api: ApiServer, node: str, runtime: Runtime, room: dict[str, str], healthy: Callable[[Object], bool]
    ) -> None:
        self.name, self.node, self.runtime = f"kubelet/{node}", node, runtime
        super().__init__(api)
        self.registration = Registration(self, room)
        self.works: dict[str, Work] = {}
        self.named: dict[str, list[str]] = {}  # name of a Pod -> uids that had it and still run here
        self.prober = Prober(self, healthy)
        runtime.exited = self._exited
        for kind in ("Pod", "Node"):
            api.store.watch(kind, self._changed, node)
        self.running = False
        self.epoch = 0
        self.deferred: list[Callable[[], None]] = []  # what waits for the API server
        self.start()

    def start(self, fresh: bool = True) -> None:
        """Begins anew with its node, or goes on where it fell silent."""
        self.running = True
        self.epoch += 1
        for pod in self.api.find("Pod", ("node", self.node)):
            self.notice("Pod", None, pod)
        self.registration.begin(fresh)

    def stop(self) -> None:
        super().stop()
        self.epoch += 1
        self.works.clear()
        self.named.clear()

    def resume(self) -> None:
        super().resume()
        waiting, self.deferred = self.deferred, []
        for call in waiting:
            call()

    def look_again(self) -> None:
        """Wakes every Pod: somebody else may have written their status while the node was not heard of."""
        for work in self.works.values():
            self.wake(name_of(work.pod))

    def notice(self, kind: str, old: Object | None, new: Object | None) -> None:
        if kind == "Pod":
            if not old or not new or _moved(old, new):
                self.wake(name_of(new or old or {}))
        elif old and new and old["spec"].get("unschedulable") != new["spec"].get("unschedulable"):
            reason = "NodeNotSchedulable" if new["spec"].get("unschedulable") else "NodeSchedulable"
            self.later(1000, lambda: self.event(new, reason, f"Node {self.node} status is now: {reason}"))

    def later(self, delay: int, call: Callable[[], None], quiet: bool = False) -> Timer:
        """Calls unless the kubelet has been stopped in the meantime; waits for an API server that is away."""
        epoch = self.epoch

        def due() -> None:
            if self.epoch == epoch and not self.api.running:
                self.deferred.append(due)
            elif self.epoch == epoch:
                with suppress(Rejected):  # what it was about has just gone; the news of that is on its way
                    call()

        return self.clock.after(delay, due, quiet)

    def _when_heard(self, call: Callable[[bool], None]) -> Callable[[bool], None]:
        """What the runtime reports to a kubelet that has been stopped in the meantime is heard by nobody."""
        epoch = self.epoch

        def heard(found: bool) -> None:
            if self.epoch == epoch:
                self.later(0, lambda: call(found))

        return heard

    def reconcile(self, key: str) -> None:
        pod = self.api.get("Pod", key)
        if pod and pod["spec"].get("nodeName") != self.node:
            pod = None
        for uid in [uid for uid in self.named.get(key, []) if pod is None or uid != uid_of(pod)]:
            self._abandon(key, uid)
        if pod is None:
            return
        uid = uid_of(pod)
        if uid not in self.works:
            self.works[uid] = Work(pod)
            self.named.setdefault(key, []).append(uid)
            self._resume(self.works[uid])
        work = self.works[uid]
        work.pod = pod
        if leaving(pod):
            self._terminate(work)
        elif work.busy:
            work.again = True
        elif finished(pod):
            self._accept(work)
        else:
            self._report(work)
            self._act(work)

    def _resume(self, work: Work) -> None:
        """Containers that ran on while the kubelet was stopped are taken over as they are."""
        known = {c["name"]: c["ready"] for c in status_of(work.pod).get("containerStatuses") or []}
        for spec in work.pod["spec"]["containers"]:
            container = self.runtime.of(uid_of(work.pod)).get(spec["name"])
            if container and container.running:
                work.ready[spec["name"]] = bool(known.get(spec["name"]))
                self.prober.watch(work, spec)

    def _exited(self, uid: str) -> None:
        work = self.works.get(uid)
        if work and self.running:
            self.later(SETTLE if work.stopping else RELIST, lambda: self.wake(name_of(work.pod)))

    def _act(self, work: Work, pulled: str = "", excused: str = "") -> None:
        """Brings every container to where it should be; `pulled` has just come, `excused` was stopped by the kubelet itself."""
        uid = uid_of(work.pod)
        if uid not in self.runtime.sandboxes:
            if self.runtime.of(uid):
                self.event(work.pod, "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")
            self._busy_for(work, SANDBOX, self._set_up)
            return
        troubled: list[BackOff] = []
        for spec in work.pod["spec"]["containers"]:
            container = self.runtime.of(uid).get(spec["name"])
            if container and container.running:
                if container.image != spec["image"]:
                    self.replace(work, spec, f"Container {spec['name']} definition changed, will be restarted")
                    return
                continue
            if container and not _again(work.pod, container):
                continue
            if container and spec["name"] != excused and self._crashed(work, spec["name"], container):
                troubled.append(BackOff())
                continue
            if spec["image"] != pulled and not self._present(work, spec):
                if work.busy:
                    return
                troubled.append(work.pulls.get(spec["image"], BackOff()))
                continue
            self._start(work, spec)
        if troubled:  # the first time that an image is waited for is worth waiting for
            self.wake_after(name_of(work.pod), RESYNC, quiet=all(back_off.delay != FIRST for back_off in troubled))

    def _busy_for(self, work: Work, delay: int, then: Callable[[Work], None]) -> None:
        work.busy = True

        def done() -> None:
            if not work.stopping:
                work.busy = False
                then(work)

        self.later(delay, done)

    def _set_up(self, work: Work) -> None:
        self.runtime.set_up(uid_of(work.pod))
        new = clone(self.api.get("Pod", name_of(work.pod)) or work.pod)
        set_condition(new["status"], self.api.now, "PodReadyToStartContainers", "True")
        self._write(work, new)
        self._act(work)

    def _crashed(self, work: Work, name: str, container: Container) -> bool:
        """Has it ended too lately to be started again?"""
        back_off, pod = work.crashes.setdefault(name, BackOff()), work.pod
        if not back_off.holds(container.finished or 0, self.clock.now):
            back_off.grow(self.clock.now)
            return False
        where = f"{name_of(pod)}_default({uid_of(pod)})"
        self.event(pod, "BackOff", f"Back-off restarting failed container {name} in pod {where}", "Warning")
        message = f"back-off {_duration(back_off.delay)} restarting failed container={name} pod={where}"
        work.waiting[name] = ("CrashLoopBackOff", message)
        return True

    def _present(self, work: Work, spec: Object) -> bool:
        """Is the image there? Else it is pulled, unless that failed too lately."""
        image, policy, pod = spec["image"], spec["imagePullPolicy"], work.pod
        if policy != "Always" and image in self.runtime.images:
            self.event(pod, "Pulled", f'Container image "{image}" already present on machine and can be accessed by the pod')
            return True
        if policy == "Never":
            message = f'Container image "{image}" is not present with pull policy of Never'
            self.event(pod, "ErrImageNeverPull", message, "Warning")
            self.event(pod, "Failed", "Error: ErrImageNeverPull", "Warning")
            work.waiting[spec["name"]] = ("ErrImageNeverPull", message)
            return False
        back_off = work.pulls.setdefault(image, BackOff())
        if back_off.holds(back_off.since, self.clock.now):
            self.event(pod, "BackOff", f'Back-off pulling image "{image}"')
            self.event(pod, "Failed", "Error: ImagePullBackOff", "Warning")
            message = f'Back-off pulling image "{image}": ErrImagePull: {_not_found(image)}'
            work.waiting[spec["name"]] = ("ImagePullBackOff", message)
            return False
        self.event(pod, "Pulling", f'Pulling image "{image}"')
        work.busy = True
        self.runtime.pull(image, self._when_heard(lambda found: self._pulled(work, spec, found)))
        return False

    def _pulled(self, work: Work, spec: Object, found: bool) -> None:
        if work.stopping or uid_of(work.pod) not in self.works:
            return
        work.busy = False
        image, pod = spec["image"], work.pod
        if found:
            took = "in 1.5s (1.5s including waiting). Image size: 4200000 bytes."
            self.event(pod, "Pulled", f'Successfully pulled image "{image}" {took}')
            work.pulls.pop(image, None)
            self._act(work, image)
            return
        first = not work.pulls[image].delay
        work.pulls[image].grow(self.clock.now)
        self.event(pod, "Failed", f'Failed to pull image "{image}": {_not_found(image)}', "Warning")
        self.event(pod, "Failed", "Error: ErrImagePull", "Warning")
        work.waiting[spec["name"]] = ("ErrImagePull", _not_found(image))
        if first or work.again:  # the news of the sandbox has come in the meantime
            self.wake_after(name_of(pod), 1000)
        else:
            self.wake_after(name_of(pod), RESYNC, quiet=True)
        work.again = False

    def _start(self, work: Work, spec: Object) -> None:
        self.runtime.start(uid_of(work.pod), spec["name"], spec["image"])
        work.waiting.pop(spec["name"], None)
        work.ready.pop(spec["name"], None)
        self.event(work.pod, "Created", "Container created")
        self.event(work.pod, "Started", "Container started")
        self.prober.watch(work, spec)
        self.later(SETTLE, lambda: self.wake(name_of(work.pod)))

    def replace(self, work: Work, spec: Object, why: str) -> None:
        """Stops a running container and starts it again in the same turn; the report comes afterwards."""
        uid, name = uid_of(work.pod), spec["name"]
        self.event(work.pod, "Killing", why)
        work.busy = True
        ended = self.runtime.of(uid)[name].before

        def stopped(_: bool) -> None:
            if work.stopping or uid not in self.works:
                return
            work.busy = False
            if work.pod["spec"]["restartPolicy"] == "Never" or (ended and self._crashed(work, name, ended)):
                self.wake(name_of(work.pod))
            else:
                self._act(work, excused=name)

        grace = int(work.pod["spec"]["terminationGracePeriodSeconds"]) * 1000
        self.runtime.stop(uid, name, grace, self._when_heard(stopped))

    def _halt(self, work: Work, grace: int) -> bool:
        """Begins to stop what still runs; False when nothing does."""
        work.stopping, uid = True, uid_of(work.pod)
        running = [name for name, container in self.runtime.of(uid).items() if container.running]
        for name in running:
            self.event(work.pod, "Killing", f"Stopping container {name}")
            self.runtime.stop(uid, name, grace)
        return bool(running)

    def _terminate(self, work: Work) -> None:
        uid = uid_of(work.pod)
        if not work.stopping:
            self._halt(work, work.pod["metadata"]["deletionGracePeriodSeconds"] * 1000)
        if self.runtime.busy(uid):
            self._report(work)
            return
        self._report(work, ended=True)
        if not work.parting:
            work.parting = True
            name = name_of(work.pod)
            self.later(LAST_WORD, lambda: self._let_go(name, uid))

    def _let_go(self, name: str, uid: str) -> None:
        pod = self.api.get("Pod", name)
        if pod and uid_of(pod) == uid:
            self.api.delete(self.name, "Pod", name, grace=0)

    def _abandon(self, name: str, uid: str) -> None:
        """The object is gone: only now does the work stop."""
        work = self.works[uid]
        if not work.stopping and self._halt(work, 1000):
            return
        if not self.runtime.busy(uid):
            self.runtime.forget(uid)
            del self.works[uid]
            self.named[name].remove(uid)
            if not self.named[name]:
                del self.named[name]

    def _accept(self, work: Work) -> None:
        """Succeeded or Failed is stored: what still runs is stopped at the next look."""
        running = self.runtime.busy(uid_of(work.pod))
        if running and not work.doubted:
            work.doubted = True
            self.wake_after(name_of(work.pod), 2000)
        elif running and not work.stopping and name_of(work.pod) not in self._timers:
            self._halt(work, int(work.pod["spec"]["terminationGracePeriodSeconds"]) * 1000)
            work.doubted = work.stopping = False
        elif not running:
            self._report(work)

    def _report(self, work: Work, ended: bool = False) -> None:
        """Writes how the Pod stands; `ended`: nothing of it runs or will."""
        self._write(
            work, {**work.pod, "status": reports.status(work, self.runtime, self.registration.address, self.api.now, ended)}
        )

    def _write(self, work: Work, new: Object) -> None:
        work.pod = self.api.update(self.name, new, "status", "patch pods/status")


def _moved(old: Object, new: Object) -> bool:
    """Is there more to a change than a status that was reported?"""
    bound = bool(old["spec"].get("nodeName"))
    return not bound or old["metadata"]["generation"] != new["metadata"]["generation"] or finished(old) != finished(new)


def _again(pod: Object, container: Container) -> bool:
    policy = pod["spec"]["restartPolicy"]
    return policy == "Always" or (policy == "OnFailure" and container.code != 0)


def _not_found(image: str) -> str:
    return f'rpc error: code = NotFound desc = failed to pull and unpack image "{image}": not found'


def _duration(ms: int) -> str:
    """As Go writes it: 10s, 1m20s, 5m0s."""
    minutes, seconds = divmod(ms // 1000, 60)
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"
