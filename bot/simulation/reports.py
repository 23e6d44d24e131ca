"""What a kubelet reports of a Pod: a status made from its containers, and from why those that do not run do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.simulation.clock import stamp
from bot.simulation.objects import Object, clone, uid_of
from bot.simulation.runtime import KILLED, Container, Runtime
from bot.simulation.statuses import finished, set_condition, status_of

if TYPE_CHECKING:
    from bot.simulation.kubelet import Work

OVER = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}


def status(work: Work, runtime: Runtime, host: str, now: str, ended: bool) -> Object:
    """The Pod's status as the runtime has it now; `ended`: nothing of it runs or will."""
    pod, uid = work.pod, uid_of(work.pod)
    new: Object = clone(status_of(pod))
    states = [_container(work, runtime.of(uid).get(spec["name"]), spec, ended) for spec in pod["spec"]["containers"]]
    new["phase"] = _phase(pod, states, ended)
    new |= {"containerStatuses": states, "hostIP": host, "observedGeneration": pod["metadata"]["generation"]}
    new.setdefault("startTime", now)
    if uid in runtime.sandboxes:
        new["podIP"] = runtime.sandboxes[uid]
    over = OVER.get(new["phase"], "")
    unready = [state["name"] for state in states if not state["ready"]]
    why = (over,) if over else ("ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]")
    for kind in ("ContainersReady", "Ready"):
        set_condition(new, now, kind, "False" if unready else "True", *(why if unready else ()))
    set_condition(new, now, "Initialized", "True", over if over == "PodCompleted" else "")
    up = uid in runtime.sandboxes and not over and not ended
    set_condition(new, now, "PodReadyToStartContainers", "True" if up else "False")
    return new


def _container(work: Work, container: Container | None, spec: Object, ended: bool) -> Object:
    name, waiting = spec["name"], work.waiting.get(spec["name"])
    running = container is not None and container.running
    last = container.before if container else None
    if container is None and ended:
        state: Object = {"terminated": {"exitCode": KILLED, "reason": "ContainerStatusUnknown"}}
    elif container is None or (waiting and not running and not ended):
        reason, message = waiting or ("ContainerCreating", "")
        state = {"waiting": {"reason": reason, **({"message": message} if message else {})}}
        last = container
    else:
        state = {"running": {"startedAt": stamp(container.started)}} if running else _terminated(container)
    probed = bool(spec.get("readinessProbe") or spec.get("startupProbe"))
    return {
        "name": name,
        "image": spec["image"],
        "state": state,
        "lastState": _terminated(last) if last else {},
        "ready": running and (work.ready.get(name, False) if probed else True),
        "started": running,
        "restartCount": container.restarts if container else 0,
    }


def _terminated(container: Container) -> Object:
    times = {"startedAt": stamp(container.started), "finishedAt": stamp(container.finished or 0)}
    return {"terminated": {"exitCode": container.code, "reason": container.reason, **times}}


def _phase(pod: Object, states: list[Object], ended: bool) -> str:
    if finished(pod):
        return str(pod["status"]["phase"])
    codes = [state["state"].get("terminated", {}).get("exitCode") for state in states]
    policy = pod["spec"]["restartPolicy"]
    if all(code is not None and (ended or policy == "Never" or (policy == "OnFailure" and code == 0)) for code in codes):
        return "Failed" if any(codes) else "Succeeded"
    begun = any("waiting" not in state["state"] or state["lastState"] for state in states)
    return "Running" if begun else "Pending"
