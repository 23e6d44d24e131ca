"""What holds in every trace of a Kubernetes control plane, whatever is done to it.

A rule is a function of one line and of the world just before it; what it yields are violations, told as sentences. `violations`
walks a trace once and puts every rule to every line. The rules hold in all recordings of the real thing.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from math import ceil, floor
from typing import Any

from tests.milestones import Line, Trace

STORED = ("ADDED", "MODIFIED", "DELETED", "EVENT")
MARK = "metadata.deletionTimestamp"
GRACE = "metadata.deletionGracePeriodSeconds"
GENERATION = "metadata.generation"
OBSERVED = "status.observedGeneration"
OWNERS = "metadata.ownerReferences"
FINALIZERS = "metadata.finalizers"
NODE = "spec.nodeName"
PHASE = "status.phase"
REPLICAS = "spec.replicas"
READY = "status.conditions[Ready].status"
SCHEDULED = "status.conditions[PodScheduled].status"
ROLLING = "spec.strategy.rollingUpdate."
DESIRED = "metadata.annotations.deployment.kubernetes.io/desired-replicas"
ALLOWED = "status.disruptionsAllowed"
PHASES = ("Pending", "Running", "Succeeded", "Failed")
ENDED = ("Succeeded", "Failed")
SHORT = {"Deployment": "deploy", "ReplicaSet": "rs", "Pod": "pod", "Node": "node", "Service": "svc", "EndpointSlice": "slice"}
COUNTS = ("status.replicas", "status.readyReplicas", "status.availableReplicas")
SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
PATIENT = r"(not-ready|unreachable):NoExecute"  # every Pod tolerates these for a while
HEARTBEAT = 10.0  # seconds between two, by default: so much of the silence may have passed before a shop falls silent

# Who may write what: writer, verbs, kinds, paths. Measured in the audit log of a real API server.
MARKING = r"metadata\.(generation|deletionTimestamp|deletionGracePeriodSeconds|finalizers)"
TEXTS = r"metadata\.(labels|annotations)(\..+)?"
WORKLOADS = "Deployment ReplicaSet Pod Service PodDisruptionBudget"
MAY_WRITE = (
    ("user", "ADDED DELETED", WORKLOADS, ".*"),
    ("user", "MODIFIED", WORKLOADS, rf"{MARKING}|{TEXTS}|spec\.(?!nodeName$).+"),
    ("user", "MODIFIED", "Node", rf"spec\.(unschedulable|taints.*)|{TEXTS}"),
    ("user", "DELETED", "Node", ".*"),
    ("eviction", "MODIFIED", "Pod", rf"{MARKING}|status\.conditions\[DisruptionTarget\]\..+"),
    ("eviction", "DELETED", "Pod", ".*"),
    ("eviction kube-apiserver disruption-controller", "MODIFIED", "PodDisruptionBudget", r"status(\..+)?"),
    ("deployment-controller", "ADDED DELETED", "ReplicaSet", ".*"),
    (
        "deployment-controller",
        "MODIFIED",
        "ReplicaSet",
        rf"spec\.replicas|{MARKING}|metadata\.(annotations\..+|ownerReferences)",
    ),
    (
        "deployment-controller",
        "MODIFIED",
        "Deployment",
        r"status(\..+)?|metadata\.annotations\.deployment\.kubernetes\.io/revision",
    ),
    ("replicaset-controller", "ADDED DELETED", "Pod", ".*"),
    ("replicaset-controller", "MODIFIED", "Pod", rf"{MARKING}|metadata\.ownerReferences"),
    ("replicaset-controller", "MODIFIED", "ReplicaSet", r"status(\..+)?"),
    ("kube-scheduler", "MODIFIED", "Pod", r"spec\.nodeName|status\.conditions\[PodScheduled\]\..+"),
    ("kubelet", "ADDED", "Node", ".*"),
    ("kubelet", "MODIFIED", "Node", r"status(\..+)?"),
    ("kubelet", "MODIFIED", "Pod", rf"status(\..+)?|{re.escape(GRACE)}"),
    ("kubelet", "DELETED", "Pod", ".*"),
    ("node-controller", "MODIFIED", "Node", r"spec\.taints(\[.+)?|status\.conditions\[.+"),
    ("node-controller", "MODIFIED", "Pod", r"status\.conditions\[Ready\]\..+"),
    ("node-controller taint-eviction-controller", "MODIFIED", "Pod", rf"{MARKING}|status\.conditions\[DisruptionTarget\]\..+"),
    ("node-controller taint-eviction-controller", "DELETED", "Pod", ".*"),
    (
        "pod-garbage-collector",
        "MODIFIED",
        "Pod",
        rf"{MARKING}|status\.(phase|conditions\[DisruptionTarget\]\..+)",
    ),
    ("pod-garbage-collector", "DELETED", "Pod", ".*"),
    ("ttl-controller", "MODIFIED", "Node", r"metadata\.annotations\..+"),
    ("endpointslice-controller", "ADDED MODIFIED DELETED", "EndpointSlice", ".*"),
    ("generic-garbage-collector", "DELETED", "ReplicaSet Pod EndpointSlice Deployment Service", ".*"),
    (
        "generic-garbage-collector",
        "MODIFIED",
        "ReplicaSet Pod EndpointSlice Deployment Service",
        rf"{MARKING}|metadata\.ownerReferences",
    ),
)
# Parts that one process runs: they stop and start together.
MANAGED = (
    *("deployment-controller", "replicaset-controller", "node-controller", "taint-eviction-controller", "ttl-controller"),
    *("endpointslice-controller", "generic-garbage-collector", "disruption-controller", "pod-garbage-collector"),
)


@dataclass
class Thing:
    """An object as far as the trace has told it."""

    kind: str
    name: str
    values: dict[str, Any]  # a value that was never told is unknown, not absent
    since: int = 0  # the revision at which it was created
    owned_since: int = 0  # the revision at which it got its owner

    def __getitem__(self, path: str) -> Any:
        return self.values.get(path)

    @property
    def leaving(self) -> bool:
        return self[MARK] is not None

    @property
    def active(self) -> bool:
        """A Pod that counts for its ReplicaSet."""
        return not self.leaving and self[PHASE] not in ENDED

    @property
    def owner(self) -> str | None:
        for reference in self[OWNERS] or ():
            if found := re.match(r"(\w+)/(\S+)", reference):
                return f"{SHORT.get(found[1], found[1])}/{found[2]}"
        return None

    @property
    def foreground(self) -> bool:
        return self.leaving and "foregroundDeletion" in (self[FINALIZERS] or ())


@dataclass
class World:
    """All that the lines so far have told."""

    objects: dict[str, Thing] = field(default_factory=dict)
    past: set[str] = field(default_factory=set)  # every name there ever was
    revision: int = 0
    time: float = float("-inf")
    shops: set[str] = field(default_factory=set)  # the nodes' machines: there before their Node objects are
    dark: set[str] = field(default_factory=set)  # kubelets without power
    silent: dict[str, float] = field(default_factory=dict)  # source → since when it is stopped
    flags: dict[str, float] = field(default_factory=dict)
    tainted: dict[str, float] = field(default_factory=dict)  # node → since when with NoExecute
    reported: Counter[tuple[str, str]] = field(default_factory=Counter)  # events by object and reason
    counted: dict[tuple[str, ...], int] = field(default_factory=dict)  # the count of each repeated event
    killed: set[str] = field(default_factory=set)  # Pods of which a container was stopped to be started again
    restarts: dict[str, list[float]] = field(default_factory=dict)  # Pod → when its containers were started again
    unpulled: dict[tuple[str, str], float] = field(default_factory=dict)  # Pod, image → when pulling it failed
    tallies: dict[str, list[list[tuple[int, ...]]]] = field(default_factory=lambda: defaultdict(lambda: [[], []]))

    def owner(self, thing: Thing | None) -> Thing | None:
        """Its owner, unless that is gone; another object of the same name is no owner."""
        owner = self.objects.get((thing and thing.owner) or "")
        return owner if thing and owner and owner.since < thing.owned_since else None

    def owned(self, owner: Thing, kind: str | None = None) -> list[Thing]:
        return [thing for thing in self.objects.values() if kind in (None, thing.kind) and self.owner(thing) is owner]

    def take(self, line: Line) -> None:
        """Makes the line part of the world."""
        self.revision, self.time = line.get("rv") or self.revision, line["t"]
        name, verb = line["name"], line["verb"]
        if line["source"].startswith("kubelet/"):
            self.shops.add(line["source"].removeprefix("kubelet/"))
        if verb == "ACTION":
            self._acted(line["text"])
        elif verb == "EVENT":
            self.reported[name, _deed(line)] += 1
            self.counted[_repeated(line)] = line.get("count", 1)
            if "will be restarted" in line["message"]:
                self.killed.add(name)
            if line["message"].startswith("Failed to pull image"):
                self.unpulled[name, line["message"].split('"')[1]] = self.time
        elif verb in STORED:
            self._written(line)

    def _written(self, line: Line) -> None:
        name, before = line["name"], self.objects.get(line["name"])
        owner = self.owner(before)
        if line["verb"] == "ADDED":
            self._forget(name)
            self.past.add(name)
            self.objects[name] = Thing(line["kind"], name, dict(line["changed"]), self.revision, self.revision)
        elif line["verb"] == "DELETED":
            self.objects.pop(name, None)
        elif before:
            for path, (old, new) in line["changed"].items():
                before.values[path] = new
                if path == OWNERS:
                    before.owned_since = self.revision
                if path.endswith(".restartCount") and old is not None:
                    self._restarted(name)
                if before.kind == "Node" and path.endswith(":NoExecute].effect"):
                    self.tainted.pop(name, None)
                    if new:
                        self.tainted[name] = self.time
        for counting in {id(one): one for one in (owner, self.owner(self.objects.get(name))) if one}.values():
            self.tallies[counting.name][1].append(self.count(counting))
        if line["verb"] == "MODIFIED" and any(path in line["changed"] for path in COUNTS):
            self.tallies[name] = [self.tallies[name][1], self.tallies[name][1][-1:]]

    def _restarted(self, name: str) -> None:
        """Who was killed to be restarted did not crash: that back-off is not the crash's."""
        if name in self.killed:
            self.killed.remove(name)
            self.restarts.pop(name, None)
        else:
            self.restarts.setdefault(name, []).append(self.time)

    def _forget(self, name: str) -> None:
        """A new object of an old name is another object; a node is the same machine."""
        self.restarts.pop(name, None)
        if name.startswith("node/"):
            return
        memories: tuple[dict[Any, Any], ...] = (self.reported, self.counted, self.unpulled)
        for memory in memories:
            for key in [key for key in memory if key[0] == name]:
                del memory[key]

    def count(self, owner: Thing) -> tuple[int, ...]:
        """What its status should say: Pods that count and how many serve, or the sums over its ReplicaSets."""
        if owner.kind == "ReplicaSet":
            pods = [pod for pod in self.owned(owner, "Pod") if pod.active]
            ready = sum(pod[READY] == "True" for pod in pods)
            return len(pods), ready, ready
        return tuple(sum(rs[path] or 0 for rs in self.owned(owner, "ReplicaSet")) for path in COUNTS)

    def _acted(self, text: str) -> None:
        if found := re.match(r"world (apiserver|controller-manager|scheduler) (stop|start)$", text.strip()):
            self._switch(found[1], found[2] == "stop")
        elif found := re.match(r"world (?:kubelet|shop) (\S+) (stop|start|down|up)\b", text):
            if found[1] in self.shops:
                self._shop(f"kubelet/{found[1]}", found[2])
        elif found := re.match(r"world shop (\S+) new\b", text):
            self.shops.add(found[1])
        elif found := re.match(r"world shops (\d+)", text):
            self.shops |= {f"node-{number}" for number in range(1, int(found[1]) + 1)}
        for flag, value in re.findall(r"([a-z-]+)=(\S+)", text) if text.startswith("world set") else ():
            self.flags[flag] = duration(value)
        if re.search(r"kubelet|shop|set image|world crash", text):  # what forgets a back-off
            self.restarts.clear()
            self.unpulled.clear()

    def _shop(self, kubelet: str, state: str) -> None:
        """Without power no kubelet can be started."""
        if state == "down":
            self.dark.add(kubelet)
        elif state == "up":
            self.dark.discard(kubelet)
        if state != "start" or kubelet not in self.dark:
            self._switch(kubelet, state in ("stop", "down"))

    def _switch(self, part: str, off: bool) -> None:
        if off:
            self.silent.setdefault(part, self.time)
        else:
            self.silent.pop(part, None)


Rule = Callable[[Line, World], Iterable[str]]


def violations(trace: Trace, rules: Iterable[Rule] | None = None) -> list[str]:
    """All sentences that the rules have to say about a trace, in its order."""
    world, found, asked = World(), [], tuple(RULES if rules is None else rules)
    for line in trace:
        found += [f"{rule.__name__}, line {line['seq']}: {said}" for rule in asked for said in rule(line, world)]
        world.take(line)
    return found


def duration(text: str) -> float:
    """Seconds of a duration in Go's notation; a bare number is seconds."""
    parts = re.findall(r"([\d.]+)(ms|s|m|h)?", text)
    return sum(float(number) * SECONDS[unit or "s"] for number, unit in parts)


def writer(line: Line) -> str:
    source: str = line["source"].lstrip("?").split("/")[0]
    return "eviction" if line.get("call") == "create pods/eviction" else source


def changes(line: Line) -> dict[str, tuple[Any, Any]]:
    """path → (old, new) of a MODIFIED line; nothing of any other."""
    return {path: (old, new) for path, (old, new) in line["changed"].items()} if line["verb"] == "MODIFIED" else {}


# --- the store ---


def lines_are_numbered(line: Line, world: World) -> Iterator[str]:
    if line["verb"] in STORED and "rv" not in line:
        yield "was stored and has no revision"
    if line["verb"] not in STORED and "rv" in line:
        yield "was not stored and has a revision"


def revisions_rise(line: Line, world: World) -> Iterator[str]:
    if "rv" in line and line["rv"] <= world.revision:
        yield f"revision {line['rv']} comes after {world.revision}"


def names_are_unique(line: Line, world: World) -> Iterator[str]:
    if line["verb"] == "ADDED" and line["name"] in world.objects:
        yield f"{line['name']} is created and already exists"
    if line["verb"] in ("MODIFIED", "DELETED") and line["name"] not in world.objects:
        yield f"{line['name']} is written and does not exist"


def no_update_is_lost(line: Line, world: World) -> Iterator[str]:
    """Whoever writes has seen what stood there."""
    thing = world.objects.get(line["name"])
    for path, (old, _) in changes(line).items():
        if thing and path in thing.values and thing[path] != old:
            yield f"{line['name']} {path} was {thing[path]!r}, not {old!r}"


def every_write_changes_something(line: Line, world: World) -> Iterator[str]:
    changed = changes(line)
    if line["verb"] == "MODIFIED" and not changed:
        yield f"{line['name']} is written and nothing changes"
    for path, (old, new) in changed.items():
        if old == new != "<time>":
            yield f"{line['name']} {path} changes from {old!r} to itself"


def refusals_are_told(line: Line, world: World) -> Iterator[str]:
    if line["verb"] == "REJECTED" and not (400 <= line["code"] < 600 and line["message"]):
        yield f"{line['call']} is refused with code {line['code']}"


# --- who writes what ---


@cache
def may_write(by: str, verb: str, kind: str, path: str) -> bool:
    return any(
        by in writers.split() and verb in verbs.split() and kind in kinds.split() and re.fullmatch(paths, path)
        for writers, verbs, kinds, paths in MAY_WRITE
    )


def only_the_right_writer_writes(line: Line, world: World) -> Iterator[str]:
    if line["verb"] in ("ADDED", "MODIFIED", "DELETED"):
        for path in changes(line) or [""]:
            if not may_write(writer(line), line["verb"], line["kind"], path):
                yield f"{line['source']} may not write {line['verb']} {line['kind']} {path}".rstrip()


def kubelets_write_their_own(line: Line, world: World) -> Iterator[str]:
    if line["source"].startswith("kubelet/") and line["verb"] in ("ADDED", "MODIFIED", "DELETED"):
        node, thing = line["source"].removeprefix("kubelet/"), world.objects.get(line["name"])
        home = thing[NODE] if thing and line["kind"] == "Pod" else line["name"].removeprefix("node/")
        if home != node:
            yield f"the kubelet of {node} writes {line['name']} of {home}"


def stopped_parts_are_silent(line: Line, world: World) -> Iterator[str]:
    if line["verb"] in STORED:
        source = {"default-scheduler": "scheduler", "kube-scheduler": "scheduler"}.get(line["source"], line["source"])
        part = "controller-manager" if source in MANAGED else source
        for stopped in ("apiserver", part):
            if stopped in world.silent:
                yield f"{line['source']} writes while {stopped} is stopped"


# --- Pods and nodes ---


def pods_are_born_unbound(line: Line, world: World) -> Iterator[str]:
    if line["verb"] == "ADDED" and line["kind"] == "Pod":
        born = line["changed"].get(PHASE), line["changed"].get(NODE)
        if born != ("Pending", None):
            yield f"{line['name']} is born {born[0]} on {born[1]}"


def pods_are_bound_once(line: Line, world: World) -> Iterator[str]:
    if line["kind"] != "Pod" or NODE not in (changed := changes(line)):
        return
    if changed[NODE][0] is not None or changed[NODE][1] is None:
        yield f"{line['name']} moves from {changed[NODE][0]} to {changed[NODE][1]}"
    if line["call"] != "create pods/binding" or changed.get(SCHEDULED, ("", ""))[1] != "True":
        yield f"{line['name']} is bound by {line['call']}, PodScheduled {changed.get(SCHEDULED)}"
    if (pod := world.objects.get(line["name"])) and pod.leaving:
        yield f"{line['name']} is bound while it is leaving"


def a_node_is_chosen_that_fits(line: Line, world: World) -> Iterator[str]:
    node = world.objects.get(f"node/{changes(line).get(NODE, ('', ''))[1]}")
    pod = world.objects.get(line["name"])
    if not node or not pod:
        return
    if node["spec.unschedulable"]:
        yield f"{line['name']} is bound to {node.name}, which is cordoned"
    for path, effect in node.values.items():
        if path.startswith("spec.taints[") and effect in ("NoSchedule", "NoExecute") and not re.search(PATIENT, path):
            yield f"{line['name']} is bound to {node.name} in spite of {path}"
    there = [other for other in world.objects.values() if other[NODE] == node.name.removeprefix("node/")]
    asked = sum(_requested(other) for other in [pod, *there] if other[PHASE] not in ENDED)
    if asked > _cores(node["status.allocatable.cpu"]):
        yield f"{node.name} has {node['status.allocatable.cpu']} cpu, with {line['name']} {asked:.3f} are asked for"


def pods_run_where_they_are_bound(line: Line, world: World) -> Iterator[str]:
    pod, changed = world.objects.get(line["name"]), changes(line)
    if not pod or line["kind"] != "Pod":
        return
    if changed.get(PHASE, ("", ""))[1] == "Running" and (pod[NODE] is None or line["source"] != f"kubelet/{pod[NODE]}"):
        yield f"{line['name']} runs says {line['source']}, bound to {pod[NODE]}"
    phase = changed.get(PHASE, ("", pod[PHASE]))[1]
    if changed.get(READY, ("", ""))[1] == "True" and phase != "Running":
        yield f"{line['name']} is ready in phase {phase}"


def phases_go_forward(line: Line, world: World) -> Iterator[str]:
    if line["kind"] == "Pod" and PHASE in (changed := changes(line)):
        old, new = changed[PHASE]
        if PHASES.index(new) < PHASES.index(old) or old in ENDED:
            yield f"{line['name']} goes from {old} back to {new}"


def restarts_are_counted(line: Line, world: World) -> Iterator[str]:
    for path, (old, new) in changes(line).items():
        if path.endswith(".restartCount") and new is not None and new != (0 if old is None else old + 1):
            yield f"{line['name']} {path} goes from {old} to {new}"


def restarts_wait_longer_each_time(line: Line, world: World) -> Iterator[str]:
    """After a crash at once, then 10, 20, 40 … 300 s apart; after 600 s without a crash from the beginning."""
    if line["name"] not in world.killed and any(
        path.endswith(".restartCount") and old is not None for path, (old, _) in changes(line).items()
    ):
        times = [*world.restarts.get(line["name"], []), line["t"]]
        gaps = [later - earlier for earlier, later in pairwise(times)]
        since = next((back for back, gap in enumerate(reversed(gaps)) if gap > 600), len(gaps))
        least = min(300, 10 * 2 ** (since - 1))
        if since and gaps[-1] < least:
            yield f"{line['name']} starts again after {gaps[-1]:.1f} s, not {least} s"


def pulls_wait_after_a_failure(line: Line, world: World) -> Iterator[str]:
    if line["verb"] == "EVENT" and line["reason"] == "Pulling":
        since = world.unpulled.get((line["name"], line["message"].split('"')[1]))
        if since is not None and line["t"] - since < 10:
            yield f"{line['name']} pulls again after {line['t'] - since:.1f} s"


def taints_follow_conditions(line: Line, world: World) -> Iterator[str]:
    node = world.objects.get(line["name"])
    if not node or node.kind != "Node" or line["source"] != "node-controller":
        return
    due = {
        "not-ready": node[READY] == "False",
        "unreachable": node[READY] == "Unknown",
        "unschedulable": node["spec.unschedulable"],
    }
    for path, (_, new) in changes(line).items():
        found = re.fullmatch(r"spec\.taints\[node\.kubernetes\.io/(.+):\w+\]\.effect", path)
        if found and bool(new) != bool(due[found[1]]):
            yield f"{node.name} is {'tainted' if new else 'rid of'} {found[1]}, Ready is {node[READY]}"


def a_silent_shop_is_given_time(line: Line, world: World) -> Iterator[str]:
    if line["kind"] == "Node" and changes(line).get(READY, ("", ""))[1] == "Unknown":
        since = world.silent.get(f"kubelet/{line['name'].removeprefix('node/')}", world.silent.get("apiserver"))
        grace = world.flags.get("node-monitor-grace-period", 50.0)
        if since is None or line["t"] - since < grace - HEARTBEAT:
            yield f"{line['name']} is called Unknown, silent since {since}, grace {grace} s"


def evictions_wait_for_the_toleration(line: Line, world: World) -> Iterator[str]:
    if line["source"] == "taint-eviction-controller" and MARK in changes(line) and (pod := world.objects.get(line["name"])):
        since = world.tainted.get(f"node/{pod[NODE]}")
        flags = ("default-unreachable-toleration-seconds", "default-not-ready-toleration-seconds")
        patience = min(world.flags.get(flag, 300.0) for flag in flags)
        if since is None or line["t"] - since < patience:
            yield f"{line['name']} is evicted, its node tainted since {since}, tolerated for {patience} s"


# --- generations ---


def generation_counts_the_spec(line: Line, world: World) -> Iterator[str]:
    """It starts at 1 and grows by one when spec changes or deletion is marked; never for binding, labels or status."""
    kind, changed = line["kind"], changes(line)
    if kind not in ("Deployment", "ReplicaSet", "Pod", "EndpointSlice"):
        return
    if line["verb"] == "ADDED" and line["changed"].get(GENERATION, 1) != 1:
        yield f"{line['name']} is born with generation {line['changed'][GENERATION]}"
    content = r"(endpoints|ports).*" if kind == "EndpointSlice" else r"spec\.(?!nodeName$).+"
    counts = any(re.fullmatch(content, path) for path in changed) or changed.get(MARK, ("", None))[1] is not None
    old, new = changed.get(GENERATION, (0, 0))
    if line["verb"] == "MODIFIED" and (grown := (new or 0) - (old or 0)) != counts:
        yield f"{line['name']} generation grows by {grown}, not by {int(counts)}"


def observation_follows(line: Line, world: World) -> Iterator[str]:
    thing = world.objects.get(line["name"])
    if thing and OBSERVED in (changed := changes(line)):
        old, new = changed[OBSERVED]
        now = changed.get(GENERATION, (0, thing[GENERATION]))[1]
        if new is None or new < (old or 0) or (now is not None and new > now):
            yield f"{line['name']} observed generation {old}, then {new} of {now}"


# --- owners and deletion ---


def owners_come_first(line: Line, world: World) -> Iterator[str]:
    if line["verb"] != "ADDED":
        return
    owner = _newborn(line).owner
    if not owner and writer(line) not in ("user", "kubelet"):
        yield f"{line['name']} is created for nobody"
    if owner:
        found = world.objects.get(owner)
        if not found or found.leaving:
            yield f"{line['name']} is created for {owner}, which is {'leaving' if found else 'not there'}"
        if not line["name"].split("/")[1].startswith(owner.split("/")[1] + "-"):
            yield f"{line['name']} is not named after {owner}"


def leaving_is_final(line: Line, world: World) -> Iterator[str]:
    old, new = changes(line).get(MARK, (None, ""))
    if old is not None and new is None:
        yield f"{line['name']} comes back"


def pods_leave_in_two_steps(line: Line, world: World) -> Iterator[str]:
    """Marked first; gone when its kubelet has stopped it. At once only by force, without a node, or when it has ended."""
    pod = world.objects.get(line["name"])
    if not pod or pod.kind != "Pod" or line["verb"] not in ("MODIFIED", "DELETED"):
        return
    at_once = pod[NODE] is None or pod[PHASE] in ENDED or writer(line) == "user"
    kubelet = line["source"] == f"kubelet/{pod[NODE]}"
    if changes(line).get(GRACE, (None, None))[1] == 0 and not (at_once or kubelet):
        yield f"{line['name']} is given no time by {line['source']}"
    if line["verb"] == "DELETED" and not (pod.leaving and pod[GRACE] == 0 and (at_once or kubelet)):
        yield f"{line['name']} is removed by {line['source']} with grace {pod[GRACE]}"
    if line["verb"] == "DELETED" and kubelet and pod[READY] == "True":
        yield f"{line['name']} is removed while it is ready"


def the_collector_waits_for_the_owner(line: Line, world: World) -> Iterator[str]:
    thing = world.objects.get(line["name"])
    gone = line["verb"] == "DELETED" and thing and not thing.leaving  # what is leaving was deleted by somebody else
    if thing and line["source"] == "generic-garbage-collector" and (gone or MARK in changes(line)):
        owner = world.owner(thing)
        if owner and not owner.leaving:
            yield f"{line['name']} is collected while {owner.name} stays"


def foreground_owners_go_last(line: Line, world: World) -> Iterator[str]:
    thing = world.objects.get(line["name"])
    if thing and line["verb"] == "DELETED" and thing.foreground:
        yield from (f"{line['name']} is gone before {other.name}" for other in world.owned(thing))


# --- controllers ---


def replicasets_count_before_they_act(line: Line, world: World) -> Iterator[str]:
    """A Pod is replaced when it is marked, not before; a Pod too many is removed, no other."""
    if line["source"] != "replicaset-controller" or line["kind"] != "Pod":
        return
    pod = _newborn(line) if line["verb"] == "ADDED" else world.objects.get(line["name"])
    if pod and (rs := world.owner(pod)):
        there = sum(other.active for other in world.owned(rs, "Pod"))
        if line["verb"] == "ADDED" and there >= rs[REPLICAS]:
            yield f"{line['name']} is created, {rs.name} has {there} of {rs[REPLICAS]}"
        if MARK in changes(line) and there <= rs[REPLICAS]:
            yield f"{line['name']} is marked, {rs.name} has {there} of {rs[REPLICAS]}"


def status_flows_upward(line: Line, world: World) -> Iterator[str]:
    """A counter says what could be counted below since it was last written.

    One that leaves lets go of nobody, and counts no Pod whose labels it does not choose any more.
    """
    thing = world.objects.get(line["name"])
    if line["kind"] not in ("Deployment", "ReplicaSet") or writer(line) == "user" or (thing and thing.leaving):
        return
    seen = {place: {tally[place] for window in world.tallies[line["name"]] for tally in window} for place in range(3)}
    for place, path in enumerate(COUNTS):
        if path in (changed := changes(line)) and (changed[path][1] or 0) not in seen[place] | {0}:
            yield f"{line['name']} {path} is {changed[path][1]}, {sorted(seen[place])} were there"


def deployments_step_within_surge(line: Line, world: World) -> Iterator[str]:
    for rs, deploy, old, new in _steps(line, world):
        rest = sum(other[REPLICAS] for other in world.owned(deploy, "ReplicaSet") if other.name != rs)
        most = deploy[REPLICAS] + _allowed(deploy)[0]
        if new > old and rest + new > most:
            yield f"{rs} grows to {new}, {rest + new} in all, at most {most}"


def deployments_step_keeps_what_is_needed(line: Line, world: World) -> Iterator[str]:
    """Only for its own steps: when the customer asked for less, the shares of all ReplicaSets are rounded."""
    for rs, deploy, old, new in _steps(line, world):
        if new >= old or DESIRED in changes(line) or deploy["spec.strategy.type"] == "Recreate":
            continue
        left, lost = 0, False
        for other in world.owned(deploy, "ReplicaSet"):
            size, available = new if other.name == rs else other[REPLICAS], other[COUNTS[2]] or 0
            left += min(size, available)
            lost = lost or (other.name == rs and size < available)
        least = deploy[REPLICAS] - _allowed(deploy)[1]
        if lost and left < least:
            yield f"{rs} shrinks to {new}, {left} stay available, at least {least}"


def the_least_useful_pod_goes_first(line: Line, world: World) -> Iterator[str]:
    """Too many Pods: unbound before bound, not running before running, not ready before ready."""
    victim, rs = world.objects.get(line["name"]), world.owner(world.objects.get(line["name"]))
    if victim and rs and line["source"] == "replicaset-controller" and MARK in changes(line):
        for other in world.owned(rs, "Pod"):
            if other.active and _use(other) < _use(victim):
                yield f"{victim.name} has to go before {other.name}"


def budgets_are_spent_one_by_one(line: Line, world: World) -> Iterator[str]:
    if line["source"] == "kube-apiserver" and ALLOWED in (changed := changes(line)):
        old, new = changed[ALLOWED]
        if new != old - 1 or new < 0:
            yield f"an eviction takes {line['name']} from {old} to {new}"


def endpoints_are_ready_pods(line: Line, world: World) -> Iterator[str]:
    if line["kind"] != "EndpointSlice" or line["verb"] == "DELETED":
        return
    before = world.objects.get(line["name"])
    now = {**(before.values if before else {}), **{path: pair[1] for path, pair in changes(line).items()}}
    if line["verb"] == "ADDED":
        now = line["changed"]
    ready = {pod["status.podIP"] for pod in world.objects.values() if pod.kind == "Pod" and pod.active and pod[READY] == "True"}
    for path, value in now.items():
        if found := re.fullmatch(r"endpoints\[(.+)\]\.conditions\.ready", path):
            serving, leaving = (now.get(f"endpoints[{found[1]}].conditions.{word}") for word in ("serving", "terminating"))
            if value is not None and value != (bool(serving) and not leaving):
                yield f"endpoint {found[1]} is ready={value}, serving={serving}, terminating={leaving}"
            if value and path in line["changed"] and found[1] not in ready:
                yield f"endpoint {found[1]} is ready, its Pod is not"


# --- events ---


def events_are_about_something(line: Line, world: World) -> Iterator[str]:
    if (
        line["verb"] == "EVENT"
        and line["name"] not in world.past
        and not line["name"].lower().startswith(("node/", "namespace/"))
    ):
        yield f"{line['reason']} is told of {line['name']}, which never was"


def events_follow_the_facts(line: Line, world: World) -> Iterator[str]:
    if line["verb"] != "EVENT":
        return
    reason, pod, there = line["reason"], world.objects.get(line["name"]), world.objects
    told = "pod/" + line["message"].rsplit(": ", 1)[-1]
    if reason == "Scheduled" and pod and pod[NODE] is None:
        yield f"{line['name']} is told to be scheduled and is not bound"
    if reason == "SuccessfulCreate" and told not in world.past:
        yield f"{told} is told to be created and never was"
    if reason == "SuccessfulDelete" and told in there and not there[told].leaving:
        yield f"{told} is told to be deleted and stays"
    if reason == "Killing" and pod and pod.active and "will be restarted" not in line["message"]:
        yield f"{line['name']} is told to be stopped and stays"


def containers_start_in_order(line: Line, world: World) -> Iterator[str]:
    """Pulling, Pulled, Created, Started."""
    deed = _deed(line) if line["verb"] == "EVENT" and line["name"].startswith("pod/") else ""
    befores = {"Fetched": ("Pulling",), "Created": ("Pulled", "Fetched"), "Started": ("Created",)}.get(deed, ())
    if befores and world.reported[line["name"], deed] >= sum(world.reported[line["name"], before] for before in befores):
        yield f"{line['name']} {line['reason']} without {befores[0]}"


def repeated_events_are_counted(line: Line, world: World) -> Iterator[str]:
    if line["verb"] == "EVENT" and line.get("count", 1) != 1:
        known = world.counted.get(_repeated(line), 0)
        if line["count"] != known + 1:
            yield f"{line['reason']} of {line['name']} is counted {line['count']} after {known}"


def _deed(line: Line) -> str:
    """The reason; an image that came by pulling is told apart from one that was there."""
    return "Fetched" if line["message"].startswith("Successfully pulled") else str(line["reason"])


def _repeated(line: Line) -> tuple[str, ...]:
    return line["name"], line["source"], line["reason"], line["message"]


# --- what the simulation adds: its clock and its numbers have no gaps ---


def time_never_goes_back(line: Line, world: World) -> Iterator[str]:
    if line["t"] < world.time:
        yield f"at {line['t']}, after {world.time}"


def _use(pod: Thing) -> tuple[bool, int, bool]:
    return pod[NODE] is not None, PHASES.index(pod[PHASE]), pod[READY] == "True"


def _newborn(line: Line) -> Thing:
    return Thing(line["kind"], line["name"], line["changed"], line["rv"], line["rv"])


def _requested(pod: Thing) -> float:
    return sum(
        _cores(value) for path, value in pod.values.items() if path.endswith(".resources.requests.cpu") and path[:5] == "spec."
    )


def _cores(text: str | int | float | None) -> float:
    words = str(text or 0)
    return float(words[:-1]) / 1000 if words.endswith("m") else float(words)


def _allowed(deploy: Thing) -> tuple[int, int]:
    """Surge and unavailable; both zero would never move, so then one may be unavailable."""
    if deploy["spec.strategy.type"] == "Recreate":
        return 0, deploy[REPLICAS]
    surge, missing = (
        _share(deploy[ROLLING + word], deploy[REPLICAS], whole)
        for word, whole in (("maxSurge", ceil), ("maxUnavailable", floor))
    )
    return surge, missing or int(not surge)


def _share(value: str | int | None, of: int, whole: Callable[[float], int]) -> int:
    text = "25%" if value is None else str(value)
    return whole(int(text[:-1]) * of / 100) if text.endswith("%") else int(text)


def _steps(line: Line, world: World) -> Iterator[tuple[str, Thing, int, int]]:
    """ReplicaSet, its Deployment, old and new size: when the deployment controller writes a size."""
    if line["source"] != "deployment-controller" or line["kind"] != "ReplicaSet" or line["verb"] == "DELETED":
        return
    rs = _newborn(line) if line["verb"] == "ADDED" else world.objects.get(line["name"])
    deploy = world.owner(rs)
    old, new = (0, line["changed"].get(REPLICAS, 0)) if line["verb"] == "ADDED" else changes(line).get(REPLICAS, (0, 0))
    if deploy and old != new:
        yield line["name"], deploy, old, new


RULES: tuple[Rule, ...] = (
    lines_are_numbered,
    revisions_rise,
    names_are_unique,
    no_update_is_lost,
    every_write_changes_something,
    refusals_are_told,
    only_the_right_writer_writes,
    kubelets_write_their_own,
    stopped_parts_are_silent,
    pods_are_born_unbound,
    pods_are_bound_once,
    a_node_is_chosen_that_fits,
    pods_run_where_they_are_bound,
    phases_go_forward,
    restarts_are_counted,
    restarts_wait_longer_each_time,
    pulls_wait_after_a_failure,
    taints_follow_conditions,
    a_silent_shop_is_given_time,
    evictions_wait_for_the_toleration,
    generation_counts_the_spec,
    observation_follows,
    owners_come_first,
    leaving_is_final,
    pods_leave_in_two_steps,
    the_collector_waits_for_the_owner,
    foreground_owners_go_last,
    replicasets_count_before_they_act,
    status_flows_upward,
    deployments_step_within_surge,
    deployments_step_keeps_what_is_needed,
    the_least_useful_pod_goes_first,
    budgets_are_spent_one_by_one,
    endpoints_are_ready_pods,
    events_are_about_something,
    events_follow_the_facts,
    containers_start_in_order,
    repeated_events_are_counted,
)
OURS: tuple[Rule, ...] = (*RULES, time_never_goes_back)  # a recording's times are those of arrival
