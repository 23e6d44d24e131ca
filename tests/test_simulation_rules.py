"""Whatever is done to the simulation, its trace breaks no rule of the real thing, and what was stopped catches up.

`SEQUENCES=10000 pytest tests/test_simulation_rules.py` tries more sequences of commands than every run does.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.simulation.cluster import Cluster
from bot.simulation.deployment import rounded
from tests import rules
from tests.milestones import Trace, cut
from tests.rules import COUNTS, GENERATION, OBSERVED, OURS, READY, REPLICAS, Thing, World, violations

SEQUENCES = int(os.environ.get("SEQUENCES", "300"))
ALIKE = "SEQUENCES" not in os.environ  # the same ones each time, unless somebody asks for a number of them
SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)
COUNTERS = (*COUNTS, "status.updatedReplicas")
DEPLOYMENT = """kubectl apply -f - <<EOF
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: {replicas}
  strategy: {strategy}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
      - name: lemonade
        image: {image}
        resources: {{requests: {{cpu: {cpu}}}}}
        {probe}: {{httpGet: {{port: 8080}}, periodSeconds: 1, failureThreshold: {threshold}}}
EOF"""

names = st.sampled_from(("lemonade", "lemonade", "lemonade", "juice"))
images = st.sampled_from(("lemonade:v1", "lemonade:v2", "lemonade:v2", "lemonade:v3", "lemonade:missing", "lemonade:crash"))
nodes = st.sampled_from(("node-1", "node-2", "node-3"))
sizes = st.integers(0, 6)
states = st.sampled_from(("stop", "start"))
probes = st.sampled_from(("pass", "fail"))
pods = st.one_of(st.just("solo"), st.builds("{}-{}-{}".format, names, st.sampled_from("aaab"), st.integers(1, 4)))
ways = st.sampled_from(("", " --grace-period=0 --force", " --wait=false"))
cascades = st.sampled_from(("", " --cascade=background", " --cascade=foreground", " --cascade=orphan"))
shares = st.sampled_from(("0", "1", "2", "25%", "50%", "100%"))
strategies = st.one_of(
    st.just("{type: Recreate}"),
    st.builds("{{type: RollingUpdate, rollingUpdate: {{maxSurge: {}, maxUnavailable: {}}}}}".format, shares, shares).filter(
        lambda text: "maxSurge: 0, maxUnavailable: 0" not in text
    ),
)
deployments = st.builds(
    DEPLOYMENT.format,
    name=names,
    replicas=sizes,
    strategy=strategies,
    image=images,
    cpu=st.sampled_from(("100m", "300m", "2")),
    probe=st.sampled_from(("readinessProbe", "livenessProbe")),
    threshold=st.integers(1, 3),
)
waits = st.sampled_from(("10ms", "200ms", "1s", "2500ms", "7s", "30s", "1m", "2m30s", "6m"))


def said(template: str, *words: st.SearchStrategy[object]) -> st.SearchStrategy[str]:
    return st.builds(template.format, *words)


commands = st.one_of(
    deployments,
    said("kubectl create deployment {} --image={} --replicas={}", names, images, sizes),
    said("kubectl scale deployment {} --replicas={}", names, sizes),
    said("kubectl set image deployment/{} lemonade={}", names, images),
    said("kubectl rollout {} deployment/{}", st.sampled_from(("undo", "restart")), names),
    said("kubectl delete pod {}{}", pods, ways),
    said("kubectl delete deployment {}{}", names, cascades),
    said("kubectl scale rs {}-a --replicas={}", names, sizes),
    said("kubectl run solo --image={}", images),
    said("kubectl set image pod/{} lemonade={}", pods, images),
    said("kubectl {} {}", st.sampled_from(("cordon", "uncordon", "drain --force --ignore-daemonsets")), nodes),
    said("kubectl label pod {} app={} --overwrite", pods, names),
    said("kubectl label deployment {} cold={} --overwrite", names, sizes),
    said("kubectl expose deployment {} --port=80", names),
    said("kubectl delete service {}", names),
    said("kubectl delete node {}", nodes),
    said("kubectl delete rs {}-a{}", names, cascades),
    said("kubectl create pdb {} --selector=app={} --min-available={}", names, names, st.sampled_from(("1", "2", "50%"))),
    said(
        "kubectl {}", st.sampled_from(("get all -o wide", "describe pods", "events", "describe nodes", "get pods,rs -o yaml"))
    ),
    said("kubectl rollout {} deployment/{}", st.sampled_from(("history", "status")), names),
    said("world shop {} {}", nodes, st.sampled_from(("down", "up", "new", "new --cpu=4"))),
    said("world kubelet {} {}", nodes, states),
    said("world {} {}", st.sampled_from(("controller-manager", "scheduler", "apiserver")), states),
    said("world probe deployment/{} {}", names, probes),
    said("world probe pod/{} {}", pods, probes),
    said("world crash {}{}", pods, st.sampled_from(("", " --times=2"))),
    said("world memory {} over", pods),
    said("world image lemonade:{} {}", st.sampled_from(("v2", "v3", "missing")), st.sampled_from(("missing", "found"))),
)
pauses = st.one_of(st.just("settle"), said("wait {}", waits))
sequences = st.lists(st.one_of(commands, pauses), min_size=1, max_size=30)
BEGIN = "world shops 2 --cpu=1\nkubectl create deployment lemonade --image=lemonade:v1 --replicas=3\nwait 1s"
OPEN = f"{BEGIN}\nkubectl expose deployment lemonade --port=80\nsettle"
PARTS = ("world apiserver", "world controller-manager", "world scheduler", "world kubelet node-1", "world kubelet node-2")
MEND = "\n".join([*(f"{part} start" for part in PARTS), "world shop node-1 up", "world shop node-2 up", "settle", "settle"])


def played(lines: Iterable[str]) -> Trace:
    """The trace of a script on a new cluster."""
    return [line.as_json() for line in Cluster().run("\n".join(lines))]


def world_after(trace: Trace) -> World:
    world = World()
    for line in trace:
        world.take(line)
    return world


def unsettled(world: World) -> Iterator[str]:
    """What is not as it was asked for, although every part works."""
    for name, thing in world.objects.items():
        if thing.leaving and f"kubelet/{thing['spec.nodeName']}" in world.silent:
            continue  # nobody else can say that it has stopped
        if thing.owner and not world.owner(thing):
            yield f"{name} has outlived {thing.owner}"
        if thing.kind in ("Deployment", "ReplicaSet"):
            yield from _miscounted(thing, world)
        if thing.kind == "ReplicaSet" and world.count(thing)[0] != thing[REPLICAS]:
            yield f"{name} has {world.count(thing)[0]} of {thing[REPLICAS]}"
        if thing.kind == "Pod" and thing.leaving:
            yield f"{name} is still leaving"


def _miscounted(thing: Thing, world: World) -> Iterator[str]:
    told, true = tuple(thing[path] or 0 for path in COUNTS), world.count(thing)
    if told != true:
        yield f"{thing.name} tells {told}, there are {true}"
    if thing[OBSERVED] != thing[GENERATION]:
        yield f"{thing.name} is at {thing[GENERATION]} and was seen at {thing[OBSERVED]}"


@settings(max_examples=SEQUENCES, deadline=None, suppress_health_check=SLOW, derandomize=ALIKE)
@given(sequences)
def test_no_sequence_of_commands_breaks_a_rule(sequence: list[str]) -> None:
    trace = played([OPEN, *sequence])
    assert violations(trace, OURS) == []


@settings(max_examples=SEQUENCES // 3, deadline=None, suppress_health_check=SLOW, derandomize=ALIKE)
@given(sequences)
def test_with_every_part_at_work_the_world_becomes_as_it_was_asked_for(sequence: list[str]) -> None:
    trace = played([OPEN, *sequence, MEND])
    assert violations(trace, OURS) == []
    assert list(unsettled(world_after(trace))) == []


asked = st.one_of(
    said("kubectl scale deployment lemonade --replicas={}", st.integers(0, 6)),
    said("kubectl set image deployment/lemonade lemonade=lemonade:v{}", st.integers(1, 3)),
    said("kubectl delete pod lemonade-a-{}", st.integers(1, 3)),
    said("world crash lemonade-a-{} --times=1", st.integers(1, 3)),
    said("kubectl {} node-2", st.sampled_from(("cordon", "uncordon"))),
    said("wait {}", st.sampled_from(("10ms", "200ms", "1s", "7s", "30s"))),
)


@pytest.mark.parametrize("part", PARTS)
@settings(max_examples=SEQUENCES // 15, deadline=None, suppress_health_check=SLOW, derandomize=ALIKE)
@given(changes=st.lists(asked, min_size=1, max_size=5), pause=waits)
def test_a_part_that_was_stopped_catches_up(part: str, changes: list[str], pause: str) -> None:
    end = ["settle", "wait 6m", "settle"]  # settling does not wait for a crash's back-off
    without = played([BEGIN, "settle", *changes, *end])
    stopped = [f"{part} stop", *changes, f"wait {pause}", f"{part} start"]
    if part == "world apiserver":  # nobody can ask for anything meanwhile
        stopped = [f"{part} stop", f"wait {pause}", f"{part} start", *changes]
    trace = played([BEGIN, "settle", *stopped, *end])
    assert violations(trace, OURS) == []
    assert counters(trace) == counters(without)


def counters(trace: Trace) -> dict[str, tuple[int, ...]]:
    """The Deployment's, and how many Pods are ready and how many there are."""
    world = world_after(trace)
    pods = [thing for thing in world.objects.values() if thing.kind == "Pod"]
    deploys = {name: thing for name, thing in world.objects.items() if thing.kind == "Deployment"}
    return {
        **{name: tuple(thing[path] or 0 for path in COUNTERS) for name, thing in deploys.items()},
        "pods": (len(pods), sum(pod[READY] == "True" for pod in pods)),
    }


# --- known courses: what the real thing does, told by the rules it follows ---

ROLLED = "kubectl set image deployment/lemonade lemonade=lemonade:v2"


def course(trace: Trace, name: str) -> list[str]:
    """Who changed what of one object, in order."""
    return cut(trace).state[name]


def reasons(trace: Trace, name: str) -> list[str]:
    return cut(trace).events[name]


def sizes_written(trace: Trace) -> list[str]:
    """The sizes that the deployment controller gave to ReplicaSets, in order."""
    return [
        f"{line['name'].rsplit('-', 1)[1]}={value[1] if isinstance(value, list) else value}"
        for line in trace
        if line["source"] == "deployment-controller" and line["kind"] == "ReplicaSet" and line["verb"] != "DELETED"
        for value in [line["changed"].get(REPLICAS)]
        if value is not None
    ]


def each(trace: Trace, measure: Callable[[World], int]) -> list[int]:
    """What was measured after each line."""
    world, measured = World(), []
    for line in trace:
        world.take(line)
        measured.append(measure(world))
    return measured


def living(world: World) -> list[Thing]:
    return [thing for thing in world.objects.values() if thing.kind == "Pod" and thing.active]


def ready(world: World) -> int:
    return sum(pod[READY] == "True" for pod in living(world))


def after(trace: Trace, text: str) -> Trace:
    """What follows the command."""
    return trace[next(place for place, line in enumerate(trace) if line.get("text") == text) :]


def place(trace: Trace, path: str = "", value: object = None, **facts: object) -> int:
    """Where the first line stands that has these fields and changes `path`, to `value` if one is given."""
    for number, line in enumerate(trace):
        changed = line.get("changed", {}).get(path) if path else None
        if all(line.get(key) == fact for key, fact in facts.items()) and (
            not path or (changed and value in (None, changed[1]))
        ):
            return number
    raise AssertionError(f"no line with {facts} {path} {value}")


def test_a_rolling_update_goes_step_by_step() -> None:
    trace = played([BEGIN, "settle", ROLLED, "settle"])
    assert sizes_written(trace) == ["a=3", "b=1", "a=2", "b=2", "a=1", "b=3", "a=0"]
    rolling = len(after(trace, ROLLED))
    assert max(each(trace, lambda world: len(living(world)))[-rolling:]) == 4
    assert min(each(trace, ready)[-rolling:]) == 3
    assert max(each(trace, lambda world: sum(thing.kind == "Pod" for thing in world.objects.values()))[-rolling:]) == 5
    assert "rs/lemonade-a" in world_after(trace).objects


def test_fewer_replicas_take_the_crowded_pods_and_not_the_newest() -> None:
    grown = [
        BEGIN.replace("--replicas=3", "--replicas=1"),
        "settle",
        "kubectl scale deployment lemonade --replicas=3",
        "settle",
    ]
    homes = {pod.name: pod["spec.nodeName"] for pod in living(world_after(played(grown)))}
    (alone,) = [name for name, home in homes.items() if list(homes.values()).count(home) == 1]
    trace = played([*grown, "kubectl scale deployment lemonade --replicas=1", "settle"])
    assert [pod.name for pod in living(world_after(trace))] == [alone]
    assert alone != "pod/lemonade-a-1"


def test_fewer_replicas_take_the_pod_that_is_not_ready() -> None:
    deploy = DEPLOYMENT.format(
        name="lemonade", replicas=3, strategy="{}", image="lemonade:v1", cpu="100m", probe="readinessProbe", threshold=1
    )
    failing = ["world probe pod/lemonade-a-2 fail", "wait 5s", "kubectl scale deployment lemonade --replicas=2", "settle"]
    trace = played(["world shops 2", deploy, "settle", *failing])
    assert sorted(pod.name for pod in living(world_after(trace))) == ["pod/lemonade-a-1", "pod/lemonade-a-3"]


def test_a_change_of_size_in_mid_update_is_shared_out() -> None:
    """The example of the official documentation on proportional scaling."""
    rolling = "{type: RollingUpdate, rollingUpdate: {maxSurge: 3, maxUnavailable: 2}}"
    deploy = DEPLOYMENT.format(
        name="lemonade", replicas=10, strategy=rolling, image="lemonade:v1", cpu="50m", probe="readinessProbe", threshold=3
    )
    stuck = "kubectl set image deployment/lemonade lemonade=lemonade:missing"
    trace = played(
        ["world shops 2", deploy, "settle", stuck, "wait 30s", "kubectl scale deployment lemonade --replicas=15", "wait 30s"]
    )
    assert sizes_written(trace) == ["a=10", "b=3", "a=8", "b=5", "a=11", "b=7"]


def test_recreate_waits_until_no_old_pod_runs() -> None:
    deploy = DEPLOYMENT.format(
        name="lemonade",
        replicas=3,
        strategy="{type: Recreate}",
        image="lemonade:v1",
        cpu="100m",
        probe="readinessProbe",
        threshold=3,
    )
    trace = played(["world shops 2", deploy, "settle", ROLLED, "settle"])
    assert sizes_written(trace) == ["a=3", "a=0", "b=3"]
    birth = place(trace, verb="ADDED", name="rs/lemonade-b")
    assert all(
        pod["status.phase"] in ("Succeeded", "Failed")
        for pod in world_after(trace[:birth]).objects.values()
        if pod.kind == "Pod"
    )
    assert counters(trace) == {"deploy/lemonade": (3, 3, 3, 3), "pods": (3, 3)}


def test_a_broken_image_rolls_nothing_back_until_somebody_does() -> None:
    broken = "kubectl set image deployment/lemonade lemonade=lemonade:missing"
    trace = played([BEGIN, "settle", broken, "settle", "kubectl rollout undo deployment/lemonade", "settle"])
    assert course(trace, "deploy/lemonade")[-6:] == [
        "image→lemonade:missing by user",
        "revision 2 by deployment-controller",
        "Progressing=ProgressDeadlineExceeded by deployment-controller",
        "image→lemonade:v1 by user",
        "revision 3 by deployment-controller",
        "Progressing=NewReplicaSetAvailable by deployment-controller",
    ]
    assert sizes_written(trace) == ["a=3", "b=1", "b=0"]
    first = world_after(trace).objects["rs/lemonade-a"]
    notes = "metadata.annotations.deployment.kubernetes.io/revision"
    assert (first[notes], first[f"{notes}-history"]) == ("3", "1")
    assert min(each(trace, ready)[-len(after(trace, broken)) :]) == 3


def test_a_lost_node_costs_its_pods_only_after_the_toleration() -> None:
    start = [BEGIN, "kubectl scale deployment lemonade --replicas=2", "settle", "world shop node-2 down"]
    trace = played([*start, "settle"])
    lost = next(
        name for name, thing in world_after(trace).objects.items() if thing["spec.nodeName"] == "node-2" and thing.leaving
    )
    steps = [
        place(trace, name="node/node-2", path=READY, value="Unknown", source="node-controller"),
        place(trace, name=lost, path=READY, value="False", source="node-controller"),
        place(trace, name="node/node-2", path="spec.taints[node.kubernetes.io/unreachable:NoExecute].effect"),
        place(trace, name=lost, path="metadata.deletionTimestamp", source="taint-eviction-controller"),
    ]
    assert steps == sorted(steps)
    times = [trace[step]["t"] for step in steps]
    down = place(trace, text="world shop node-2 down")
    assert 40 <= times[0] - trace[down]["t"] <= 52
    assert 300 <= times[3] - times[2] <= 301
    born = [number for number, line in enumerate(trace) if line["verb"] == "ADDED" and line["kind"] == "Pod" and number > down]
    assert len(born) == 1
    assert born[0] > steps[3]
    back = played([*start, "settle", "world shop node-2 up", "settle"])
    assert lost not in world_after(back).objects
    assert counters(back) == {"deploy/lemonade": (2, 2, 2, 2), "pods": (2, 2)}


def test_a_cordoned_node_keeps_its_pods_and_a_drained_one_does_not() -> None:
    cordoned = played([BEGIN, "settle", "kubectl cordon node-1", "settle"])
    assert course(cordoned, "node/node-1")[-2:] == [
        "cordoned by user",
        "taint +node.kubernetes.io/unschedulable:NoSchedule by node-controller",
    ]
    assert counters(cordoned) == {"deploy/lemonade": (3, 3, 3, 3), "pods": (3, 3)}
    drained = played([BEGIN, "settle", "kubectl drain node-1", "settle"])
    assert {pod["spec.nodeName"] for pod in living(world_after(drained))} == {"node-2"}
    calls = {line["call"] for line in drained if line["verb"] == "MODIFIED" and "metadata.deletionTimestamp" in line["changed"]}
    assert calls == {"create pods/eviction"}
    assert min(each(drained, ready)[-len(after(drained, "kubectl drain node-1")) :]) < 3


def test_a_budget_stops_an_eviction_but_no_deletion() -> None:
    budget = """kubectl apply -f - <<EOF
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: lemonade}
spec: {minAvailable: 3, selector: {matchLabels: {app: lemonade}}}
EOF"""
    trace = played(
        [BEGIN, budget, "settle", "kubectl drain node-1 --timeout=6s", "settle", "kubectl delete pod lemonade-a-1", "settle"]
    )
    refusals = {
        (line["call"], line["code"], line["message"]) for line in trace if line["verb"] == "REJECTED" and line["code"] != 409
    }
    assert refusals == {("create pods/eviction", 429, "Cannot evict pod as it would violate the pod's disruption budget.")}
    assert "pod/lemonade-a-1" not in world_after(trace).objects


def test_a_controller_that_was_away_acts_once_on_what_is() -> None:
    away = [f"kubectl scale deployment lemonade --replicas={size}" for size in (5, 4)]
    trace = played(
        [BEGIN, "settle", "world controller-manager stop", *away, "wait 5s", "world controller-manager start", "settle"]
    )
    assert sizes_written(trace) == ["a=3", "a=4"]


@pytest.mark.parametrize(
    ("part", "course_of_it"), [("scheduler", (None, "Pending")), ("kubelet node-1", ("node-1", "Pending"))]
)
def test_without_its_part_a_pod_waits(part: str, course_of_it: tuple[object, object]) -> None:
    start = ["world shops 1", "settle", f"world {part} stop", "kubectl run solo --image=lemonade:v1", "wait 20s"]
    pod = world_after(played(start)).objects["pod/solo"]
    assert (pod["spec.nodeName"], pod["status.phase"]) == course_of_it
    pod = world_after(played([*start, f"world {part} start", "settle"])).objects["pod/solo"]
    assert (pod["spec.nodeName"], pod["status.phase"]) == ("node-1", "Running")


def test_a_replicaset_changed_behind_its_deployment_is_put_right() -> None:
    trace = played([BEGIN, "settle", "kubectl scale rs lemonade-a --replicas=6", "settle"])
    assert sizes_written(trace) == ["a=3", "a=3"]
    assert sum(line["verb"] == "ADDED" and line["kind"] == "Pod" for line in trace) == 6
    assert counters(trace) == {"deploy/lemonade": (3, 3, 3, 3), "pods": (3, 3)}


def test_a_forged_status_is_overwritten() -> None:
    forged = """kubectl patch deployment lemonade --subresource=status --type=merge -p '{"status": {"replicas": 99}}'"""
    trace = after(played([BEGIN, "settle", forged, "settle"]), forged)
    written = [
        (line["source"], line["changed"]["status.replicas"]) for line in trace if "status.replicas" in line.get("changed", {})
    ]
    assert written == [("user/kubectl", [3, 99]), ("deployment-controller", [99, 3])]


def test_a_forged_end_of_a_pod_is_believed() -> None:
    forged = """kubectl patch pod lemonade-a-1 --subresource=status --type=merge -p '{"status": {"phase": "Failed"}}'"""
    trace = after(played([BEGIN, "settle", forged, "wait 20s", "settle"]), forged)
    killed, born = place(trace, reason="Killing", name="pod/lemonade-a-1"), place(trace, verb="ADDED", name="pod/lemonade-a-4")
    assert born < killed
    assert not any(rules.MARK in line.get("changed", {}) for line in trace)


def test_a_pod_that_loses_its_label_is_released_and_replaced() -> None:
    trace = played([BEGIN, "settle", "kubectl label pod lemonade-a-1 app-", "settle"])
    assert course(trace, "pod/lemonade-a-1")[-1] == "orphaned by replicaset-controller"
    pod = world_after(trace).objects["pod/lemonade-a-1"]
    assert (pod.owner, pod["status.phase"], pod.leaving) == (None, "Running", False)
    assert counters(trace) == {"deploy/lemonade": (3, 3, 3, 3), "pods": (4, 4)}


@pytest.mark.parametrize(
    ("way", "order"),
    [("background", ["Deployment", "ReplicaSet", "Pod"]), ("foreground", ["Pod", "ReplicaSet", "Deployment"])],
)
def test_a_cascade_has_its_order(way: str, order: list[str]) -> None:
    trace = played([BEGIN, "settle", f"kubectl delete deployment lemonade --cascade={way}", "settle"])
    gone = [line["kind"] for line in trace if line["verb"] == "DELETED"]
    assert list(dict.fromkeys(gone)) == order
    assert [name for name in world_after(trace).objects if not name.startswith("node/")] == []


def test_orphans_live_on() -> None:
    trace = played([BEGIN, "settle", "kubectl delete deployment lemonade --cascade=orphan", "settle"])
    world = world_after(trace)
    assert "deploy/lemonade" not in world.objects
    assert world.objects["rs/lemonade-a"].owner is None
    assert [pod.owner for pod in living(world)] == ["rs/lemonade-a"] * 3


def test_a_failing_liveness_probe_restarts_the_container_in_place() -> None:
    deploy = DEPLOYMENT.format(
        name="lemonade", replicas=1, strategy="{}", image="lemonade:v1", cpu="100m", probe="livenessProbe", threshold=3
    )
    failing = "world probe deployment/lemonade fail"
    trace = played(
        ["world shops 1", deploy, "settle", failing, "wait 4s", "world probe deployment/lemonade pass", "wait 5s", "settle"]
    )
    told = [(line["reason"], line["message"]) for line in after(trace, failing) if line["verb"] == "EVENT"]
    assert ("Killing", "Container lemonade failed liveness probe, will be restarted") in told
    assert [reason for reason, _ in told][:4] == ["Unhealthy", "Unhealthy", "Unhealthy", "Killing"]
    pod = world_after(trace).objects["pod/lemonade-a-1"]
    assert pod["status.containerStatuses[lemonade].restartCount"] == 1
    assert {line["source"] for line in after(trace, failing) if line["name"] == "pod/lemonade-a-1"} == {"kubelet/node-1"}


def test_force_removes_the_record_before_the_work_has_stopped() -> None:
    trace = played(
        [
            "world shops 1",
            "kubectl run solo --image=lemonade:v1",
            "settle",
            "kubectl delete pod solo --grace-period=0 --force",
            "settle",
        ]
    )
    marked = place(trace, name="pod/solo", path="metadata.deletionTimestamp")
    assert [line["verb"] for line in trace[marked:] if line["name"] == "pod/solo"] == ["MODIFIED", "DELETED", "EVENT"]
    assert trace[-1]["reason"] == "Killing"
    assert [line["source"] for line in trace[marked : marked + 2]] == ["user/kubectl"] * 2


def test_a_pod_that_was_never_bound_is_removed_at_once() -> None:
    trace = played(
        ["world shops 1", "world scheduler stop", "kubectl run solo --image=lemonade:v1", "kubectl delete pod solo", "settle"]
    )
    written = [(line["verb"], line["source"], line["t"]) for line in trace if line["name"] == "pod/solo"]
    assert [line[:2] for line in written] == [
        ("ADDED", "user/kubectl"),
        ("MODIFIED", "user/kubectl"),
        ("DELETED", "user/kubectl"),
    ]
    assert written[2][2] - written[1][2] < 0.02


def test_too_much_memory_is_a_kill_and_a_restart() -> None:
    trace = played(["world shops 1", "kubectl run solo --image=lemonade:v1", "settle", "world memory solo over", "wait 5s"])
    killed = [line for line in trace if "OOMKilled" in str(line.get("changed"))]
    assert killed
    pod = world_after(trace).objects["pod/solo"]
    assert (pod["status.phase"], pod["status.containerStatuses[solo].restartCount"]) == ("Running", 1)


def test_never_means_never() -> None:
    spec = "{restartPolicy: Never, containers: [{name: cup, image: lemonade:crash}]}"
    pod = f"kubectl apply -f - <<EOF\n{{apiVersion: v1, kind: Pod, metadata: {{name: solo}}, spec: {spec}}}\nEOF"
    assert course(played(["world shops 1", "settle", pod, "settle"]), "pod/solo") == [
        "created by user",
        "bound by kube-scheduler",
        "Ready=True by kubelet",
        "phase Running by kubelet",
        "Ready=False by kubelet",
        "phase Failed by kubelet",
    ]


def test_the_same_template_gets_the_same_replicaset_name() -> None:
    for way in ("background", "foreground", "orphan"):
        trace = played([BEGIN, "settle", f"kubectl delete rs lemonade-a --cascade={way}", "settle"])
        assert violations(trace, OURS) == []
        world = world_after(trace)
        assert [thing.name for thing in world.objects.values() if thing.kind == "ReplicaSet"] == ["rs/lemonade-a"]
        assert ready(world) == 3
    twice = ["kubectl delete rs lemonade-a", "wait 10ms", "kubectl delete rs lemonade-a", "settle"]
    assert violations(played([BEGIN, "settle", *twice]), OURS) == []
    again = "kubectl create deployment lemonade --image=lemonade:v1 --replicas=1"
    trace = played([BEGIN, "settle", ROLLED, "settle", "kubectl delete deployment lemonade", "settle", again, "settle"])
    assert [pod.name for pod in living(world_after(trace))] == ["pod/lemonade-a-4"]


def test_pods_of_a_node_that_is_gone_are_collected_and_replaced() -> None:
    cluster = Cluster()
    trace = [line.as_json() for line in cluster.run(f"{BEGIN}\nsettle\nkubectl delete node node-1\nwait 35s")]
    lost = [pod.name for pod in living(world_after(trace)) if pod["spec.nodeName"] == "node-1"]
    assert lost
    trace += [line.as_json() for line in cluster.run("settle")]
    assert violations(trace, OURS) == []
    assert {pod["spec.nodeName"] for pod in living(world_after(trace))} == {"node-2"}
    assert ready(world_after(trace)) == 3
    gone = [line for line in trace if line["verb"] == "DELETED" and line["source"] == "pod-garbage-collector"]
    assert [line["name"] for line in gone] == lost
    asked = next(line["t"] for line in trace if line.get("text") == "kubectl delete node node-1")
    assert all(40 <= line["t"] - asked <= 61 for line in gone)


def test_no_more_pods_than_the_cluster_may_hold() -> None:
    cluster = Cluster(pods=5)
    lines = [*cluster.run("world shops 2\nkubectl create deployment a --image=x --replicas=4\nsettle")]
    lines += cluster.run("kubectl create deployment b --image=x --replicas=4\nsettle\nkubectl run c --image=x")
    assert len(cluster.list("Pod")) == 5
    over = "is forbidden: exceeded quota: classroom, requested: pods=1, used: pods=5, limited: pods=5"
    assert lines[-1].text == f'Error from server (Forbidden): pods "c" {over}'
    failed = [line for line in lines if line.reason == "FailedCreate"]
    assert failed[0].message == f'Error creating: pods "b-a-2" {over}'
    assert violations([line.as_json() for line in lines], OURS) == []
    cluster.run("kubectl delete deployment a\nsettle\nwait 17m")
    assert sorted(cluster.store.objects["Pod"]) == ["b-a-1", "b-a-2", "b-a-3", "b-a-4"]


def test_an_apply_that_changes_only_what_it_notes_shows_that() -> None:
    deploy = DEPLOYMENT.format(
        name="juice", replicas=4, strategy="{}", image="lemonade:v1", cpu="100m", probe="readinessProbe", threshold=3
    )
    again = deploy.replace("replicas: 4", "replicas: 3")
    trace = played([OPEN, deploy, "kubectl scale deployment juice --replicas=3", again, "settle"])
    assert violations(trace, OURS) == []


def test_a_leaving_deployment_has_no_deadline() -> None:
    lines = ["world shop node-1 down", ROLLED, "wait 200ms", "kubectl delete deployment lemonade --cascade=foreground"]
    cluster = Cluster()
    cluster.run("\n".join([BEGIN, "settle", *lines]))
    turns = cluster.clock._count
    cluster.run("settle")
    assert cluster.clock._count - turns < 5_000


def test_a_share_of_a_half_is_rounded_up() -> None:
    """As Go rounds: 5 of 10 grow to 12.5, and so to 13."""
    assert [rounded(part, 2) for part in (1, 3, 5, 25)] == [1, 2, 3, 13]
