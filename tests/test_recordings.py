"""The recordings of a real control plane: they break no rule, a spoilt copy breaks one, and the simulation agrees with them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from bot.simulation.apiserver import ApiServer, Rejected
from bot.simulation.clock import Clock
from bot.simulation.objects import Object
from bot.simulation.store import Expired, Store
from tests import rules
from tests.conftest import Run
from tests.milestones import Trace, compare, load
from tests.rules import OURS, RULES, Rule, violations

RECORDINGS = Path(__file__).resolve().parent / "recordings"
TRACES = sorted(path.stem for path in RECORDINGS.glob("*.jsonl"))
SCRIPTS = sorted(path.stem for path in RECORDINGS.glob("*.script"))
Spoil = Callable[[Trace], object]


def at(trace: Trace, number: int) -> int:
    return next(place for place, line in enumerate(trace) if line["seq"] == number)


def edit(number: int, **fields: object) -> Spoil:
    return lambda trace: trace[at(trace, number)].update(fields)


def write(number: int, path: str, value: object) -> Spoil:
    return lambda trace: trace[at(trace, number)]["changed"].update({path: value})


def lack(number: int, path: str) -> Spoil:
    return lambda trace: trace[at(trace, number)]["changed"].pop(path)


def cut(number: int) -> Spoil:
    return lambda trace: trace.pop(at(trace, number))


def twice(number: int) -> Spoil:
    return lambda trace: trace.insert(at(trace, number), trace[at(trace, number)])


def move(number: int, before: int) -> Spoil:
    return lambda trace: trace.insert(at(trace, before), trace.pop(at(trace, number)))


def action(text: str, before: int) -> Spoil:
    line = {"seq": 0, "t": 0.0, "source": "user", "verb": "ACTION", "kind": "-", "name": "-", "text": text}
    return lambda trace: trace.insert(at(trace, before), line)


def change(name: str, kind: str, before: int, changed: dict[str, Any], source: str = "user/kubectl") -> Spoil:
    """A write that the real thing did not do."""
    line = {"seq": 0, "rv": 0, "t": 0.0, "source": source, "verb": "MODIFIED", "kind": kind, "name": name, "call": "patch"}
    return lambda trace: trace.insert(at(trace, before), {**line, "changed": changed})


SPOILT: tuple[tuple[Rule, str, tuple[Spoil, ...], str], ...] = (
    (rules.lines_are_numbered, "a_create", (edit(1, rv=154),), "was not stored and has a revision"),
    (rules.lines_are_numbered, "a_create", (lambda trace: trace[7].pop("rv"),), "was stored and has no revision"),
    (rules.revisions_rise, "a_create", (edit(8, rv=159),), "revision 159 comes after 159"),
    (rules.names_are_unique, "a_create", (twice(8),), "pod/lemonade-a-1 is created and already exists"),
    (rules.names_are_unique, "j_bare_pod", (twice(19),), "pod/solo is written and does not exist"),
    (
        rules.no_update_is_lost,
        "a_create",
        (write(13, "status.replicas", [5, 1]),),
        "rs/lemonade-a status.replicas was 0, not 5",
    ),
    (
        rules.every_write_changes_something,
        "a_create",
        (write(13, "status.replicas", [1, 1]),),
        "rs/lemonade-a status.replicas changes from 1 to itself",
    ),
    (rules.every_write_changes_something, "a_create", (edit(13, changed={}),), "rs/lemonade-a is written and nothing changes"),
    (
        rules.refusals_are_told,
        "a_create",
        (edit(6, code=200),),
        "update deployments/status is refused with code 200",
    ),
    (
        rules.only_the_right_writer_writes,
        "a_create",
        (edit(13, source="deployment-controller"),),
        "deployment-controller may not write MODIFIED ReplicaSet status.fullyLabeledReplicas",
    ),
    (
        rules.only_the_right_writer_writes,
        "a_create",
        (edit(8, source="deployment-controller"),),
        "deployment-controller may not write ADDED Pod",
    ),
    (
        rules.only_the_right_writer_writes,
        "a_create",
        (write(21, "metadata.labels.app", [None, "x"]),),
        "kubelet/node-1 may not write MODIFIED Pod metadata.labels.app",
    ),
    (
        rules.only_the_right_writer_writes,
        "b_scale",
        (write(23, "status.replicas", [1, 3]),),
        "user/kubectl may not write MODIFIED Deployment status.replicas",
    ),
    (
        rules.kubelets_write_their_own,
        "a_create",
        (edit(21, source="kubelet/node-2"),),
        "the kubelet of node-2 writes pod/lemonade-a-1 of node-1",
    ),
    (
        rules.stopped_parts_are_silent,
        "a_create",
        (action("world scheduler stop", before=10),),
        "kube-scheduler writes while scheduler is stopped",
    ),
    (
        rules.stopped_parts_are_silent,
        "a_create",
        (action("world controller-manager stop", before=23),),
        "deployment-controller writes while controller-manager is stopped",
    ),
    (
        rules.stopped_parts_are_silent,
        "a_create",
        (action("world apiserver stop", before=23),),
        "deployment-controller writes while apiserver is stopped",
    ),
    (
        rules.stopped_parts_are_silent,
        "a_create",
        (action("world shop node-1 down", before=21),),
        "kubelet/node-1 writes while kubelet/node-1 is stopped",
    ),
    (
        rules.pods_are_born_unbound,
        "a_create",
        (write(8, "spec.nodeName", "node-1"),),
        "pod/lemonade-a-1 is born Pending on node-1",
    ),
    (
        rules.pods_are_bound_once,
        "a_create",
        (write(10, "spec.nodeName", ["node-2", "node-1"]),),
        "pod/lemonade-a-1 moves from node-2 to node-1",
    ),
    (
        rules.pods_are_bound_once,
        "a_create",
        (edit(10, call="patch pods"),),
        "pod/lemonade-a-1 is bound by patch pods, PodScheduled (None, 'True')",
    ),
    (rules.pods_are_bound_once, "c_selfheal", (move(36, before=8),), "pod/lemonade-a-1 is bound while it is leaving"),
    (
        rules.a_node_is_chosen_that_fits,
        "e_unschedulable",
        (write(10, "status.allocatable.cpu", "1"),),
        "node/node-3 has 1 cpu, with pod/big 2.000 are asked for",
    ),
    (
        rules.a_node_is_chosen_that_fits,
        "e_unschedulable",
        (write(10, "spec.unschedulable", True),),
        "pod/big is bound to node/node-3, which is cordoned",
    ),
    (
        rules.a_node_is_chosen_that_fits,
        "e_unschedulable",
        (cut(19),),
        "pod/big is bound to node/node-3 in spite of spec.taints[node.kubernetes.io/not-ready:NoSchedule].effect",
    ),
    (
        rules.pods_run_where_they_are_bound,
        "a_create",
        (edit(21, source="kubelet/node-2"),),
        "pod/lemonade-a-1 runs says kubelet/node-2, bound to node-1",
    ),
    (
        rules.pods_run_where_they_are_bound,
        "a_create",
        (lack(21, "status.phase"),),
        "pod/lemonade-a-1 is ready in phase Pending",
    ),
    (
        rules.phases_go_forward,
        "c_selfheal",
        (write(55, "status.phase", ["Running", "Pending"]),),
        "pod/lemonade-a-1 goes from Running back to Pending",
    ),
    (
        rules.restarts_are_counted,
        "h2_crash_loop",
        (write(23, "status.containerStatuses[cup].restartCount", [1, 3]),),
        "pod/lemonade status.containerStatuses[cup].restartCount goes from 1 to 3",
    ),
    (
        rules.restarts_wait_longer_each_time,
        "h2_crash_loop",
        (edit(30, t=35.0),),
        "pod/lemonade starts again after 17.5 s, not 20 s",
    ),
    (
        rules.a_silent_shop_is_given_time,
        "e_unschedulable",
        (write(17, rules.READY, ["False", "Unknown"]),),
        "node/node-3 is called Unknown, silent since None, grace 50.0 s",
    ),
    (
        rules.a_silent_shop_is_given_time,
        "e_unschedulable",
        (action("world kubelet node-3 stop", before=17), write(17, rules.READY, ["False", "Unknown"])),
        "node/node-3 is called Unknown, silent since 0.0, grace 50.0 s",
    ),
    (
        rules.evictions_wait_for_the_toleration,
        "c_selfheal",
        (edit(36, source="taint-eviction-controller"),),
        "pod/lemonade-a-1 is evicted, its node tainted since None, tolerated for 300.0 s",
    ),
    (
        rules.generation_counts_the_spec,
        "a_create",
        (write(10, "metadata.generation", [1, 2]),),
        "pod/lemonade-a-1 generation grows by 1, not by 0",
    ),
    (
        rules.generation_counts_the_spec,
        "a_create",
        (write(8, "metadata.generation", 2),),
        "pod/lemonade-a-1 is born with generation 2",
    ),
    (
        rules.generation_counts_the_spec,
        "b_scale",
        (lack(23, "metadata.generation"),),
        "deploy/lemonade generation grows by 0, not by 1",
    ),
    (
        rules.generation_counts_the_spec,
        "c_selfheal",
        (write(36, "metadata.generation", [1, 3]),),
        "pod/lemonade-a-1 generation grows by 2, not by 1",
    ),
    (
        rules.observation_follows,
        "a_create",
        (write(11, "status.observedGeneration", [None, 2]),),
        "rs/lemonade-a observed generation None, then 2 of 1",
    ),
    (rules.owners_come_first, "a_create", (cut(3),), "pod/lemonade-a-1 is created for rs/lemonade-a, which is not there"),
    (rules.owners_come_first, "a_create", (lack(8, rules.OWNERS),), "pod/lemonade-a-1 is created for nobody"),
    (rules.owners_come_first, "a_create", (edit(8, name="pod/other-1"),), "pod/other-1 is not named after rs/lemonade-a"),
    (
        rules.leaving_is_final,
        "c_selfheal",
        (change("pod/lemonade-a-1", "Pod", 40, {rules.MARK: ["<time>", None]}),),
        "pod/lemonade-a-1 comes back",
    ),
    (rules.pods_leave_in_two_steps, "c_selfheal", (cut(59),), "pod/lemonade-a-1 is removed by kubelet/node-1 with grace 30"),
    (
        rules.pods_leave_in_two_steps,
        "c_selfheal",
        (edit(60, source="replicaset-controller"), cut(55)),
        "pod/lemonade-a-1 is removed by replicaset-controller with grace 0",
    ),
    (
        rules.pods_leave_in_two_steps,
        "b_scale",
        (lack(73, "status.phase"), edit(80, source="replicaset-controller")),
        "pod/lemonade-a-1 is given no time by replicaset-controller",
    ),
    (rules.pods_leave_in_two_steps, "c_selfheal", (cut(55),), "pod/lemonade-a-1 is removed while it is ready"),
    (
        rules.the_collector_waits_for_the_owner,
        "n_cascade_delete",
        (cut(36),),
        "rs/lemonade-a is collected while deploy/lemonade stays",
    ),
    (
        rules.foreground_owners_go_last,
        "n_cascade_delete",
        (
            change(
                "deploy/lemonade",
                "Deployment",
                36,
                {rules.MARK: [None, "<time>"], rules.FINALIZERS: [None, ["foregroundDeletion"]]},
            ),
        ),
        "deploy/lemonade is gone before rs/lemonade-a",
    ),
    (
        rules.replicasets_count_before_they_act,
        "c_selfheal",
        (move(38, before=36),),
        "pod/lemonade-a-3 is created, rs/lemonade-a has 2 of 2",
    ),
    (
        rules.replicasets_count_before_they_act,
        "c_selfheal",
        (edit(36, source="replicaset-controller"),),
        "pod/lemonade-a-1 is marked, rs/lemonade-a has 2 of 2",
    ),
    (
        rules.status_flows_upward,
        "a_create",
        (write(13, "status.replicas", [0, 2]),),
        "rs/lemonade-a status.replicas is 2, [1] were there",
    ),
    (rules.status_flows_upward, "a_create", (move(22, before=21),), "rs/lemonade-a status.readyReplicas is 1, [0] were there"),
    (
        rules.status_flows_upward,
        "a_create",
        (move(23, before=22),),
        "deploy/lemonade status.readyReplicas is 1, [0] were there",
    ),
    (
        rules.deployments_step_within_surge,
        "b_scale",
        (write(24, "spec.replicas", [1, 5]),),
        "rs/lemonade-a grows to 5, 5 in all, at most 4",
    ),
    (
        rules.deployments_step_within_surge,
        "a_create",
        (write(3, "spec.replicas", 3),),
        "rs/lemonade-a grows to 3, 3 in all, at most 2",
    ),
    (
        rules.deployments_step_keeps_what_is_needed,
        "b_scale",
        (write(24, "spec.replicas", [1, 0]), lack(24, rules.DESIRED)),
        "rs/lemonade-a shrinks to 0, 0 stay available, at least 3",
    ),
    (rules.endpoints_are_ready_pods, "l_service_endpoints", (cut(52),), "endpoint 10.244.1.2 is ready, its Pod is not"),
    (
        rules.endpoints_are_ready_pods,
        "l_service_endpoints",
        (lack(54, "endpoints[10.244.1.2].conditions.serving"),),
        "endpoint 10.244.1.2 is ready=True, serving=False, terminating=False",
    ),
    (
        rules.events_are_about_something,
        "a_create",
        (edit(9, name="rs/other"),),
        "SuccessfulCreate is told of rs/other, which never was",
    ),
    (
        rules.events_follow_the_facts,
        "a_create",
        (edit(9, message="Created pod: lemonade-a-7"),),
        "pod/lemonade-a-7 is told to be created and never was",
    ),
    (rules.events_follow_the_facts, "a_create", (cut(10),), "pod/lemonade-a-1 is told to be scheduled and is not bound"),
    (rules.events_follow_the_facts, "c_selfheal", (cut(36),), "pod/lemonade-a-1 is told to be stopped and stays"),
    (rules.events_follow_the_facts, "b_scale", (cut(62),), "pod/lemonade-a-1 is told to be deleted and stays"),
    (rules.containers_start_in_order, "a_create", (cut(19),), "pod/lemonade-a-1 Started without Created"),
    (rules.containers_start_in_order, "a_create", (cut(16),), "pod/lemonade-a-1 Pulled without Pulling"),
    (rules.repeated_events_are_counted, "h2_crash_loop", (edit(26, count=7),), "BackOff of pod/lemonade is counted 7 after 2"),
    (
        rules.the_least_useful_pod_goes_first,
        "b_scale",
        (change("pod/lemonade-a-2", "Pod", 61, {rules.READY: ["True", "False"]}),),
        "pod/lemonade-a-3 has to go before pod/lemonade-a-2",
    ),
    (
        rules.budgets_are_spent_one_by_one,
        "c_selfheal",
        (change("pdb/cups", "PodDisruptionBudget", 36, {rules.ALLOWED: [0, -1]}, "kube-apiserver"),),
        "an eviction takes pdb/cups from 0 to -1",
    ),
    (rules.pulls_wait_after_a_failure, "h1_image_pull_backoff", (edit(13, t=9.0),), "pod/lemonade pulls again after 7.0 s"),
    (rules.taints_follow_conditions, "e_unschedulable", (cut(17),), "node/node-3 is rid of not-ready, Ready is False"),
    (rules.time_never_goes_back, "a_create", (edit(21, t=0.0),), "at 0.0, after 2.014"),
)


@pytest.mark.parametrize("name", TRACES)
def test_a_recording_breaks_no_rule(name: str) -> None:
    assert violations(load(RECORDINGS / f"{name}.jsonl")) == []


@pytest.mark.parametrize(("rule", "name", "spoils", "sentence"), SPOILT)
def test_a_spoilt_recording_breaks_the_rule(rule: Rule, name: str, spoils: tuple[Spoil, ...], sentence: str) -> None:
    trace = load(RECORDINGS / f"{name}.jsonl")
    for spoil in spoils:
        spoil(trace)
    assert violations(trace, [rule])[0].split(": ", 1)[1] == sentence


def test_each_rule_has_been_seen_to_fail() -> None:
    assert {rule for rule, *_ in SPOILT} == set(OURS)
    assert set(RULES) < set(OURS)


# --- the same scenarios in the simulation ---


def simulated(run: Run, name: str) -> str:
    done = run("order", "--json", "--script", str(RECORDINGS / f"{name}.script"))
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_simulation_does_what_the_real_thing_did(run: Run) -> None:
    found = {}
    for name in SCRIPTS:
        ours = [json.loads(line) for line in simulated(run, name).splitlines()]
        found[name] = compare(load(RECORDINGS / f"{name}.jsonl"), ours)
    differences = "\n".join(f"{name} {round(it.total, 3)}: {line}" for name, it in found.items() for line in it.differences)
    assert [name for name, it in found.items() if it.total < 0.95] == [], differences
    assert mean(it.total for it in found.values()) >= 0.98, differences


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_simulation_breaks_no_rule_there(run: Run, name: str) -> None:
    assert violations([json.loads(line) for line in simulated(run, name).splitlines()], OURS) == []


def test_the_same_script_gives_the_same_bytes(run: Run) -> None:
    for name in ("b_scale", "l_service_endpoints"):
        assert simulated(run, name) == simulated(run, name)


def test_a_script_may_come_on_standard_input(run: Run) -> None:
    text = (RECORDINGS / "a_create.script").read_text("utf-8")
    assert run("order", "--json", "--script", "-", stdin=text).stdout == simulated(run, "a_create")


# --- m_api_rules: what the API server refuses, ignores and keeps ---

API_RULES = load(RECORDINGS / "m_api_rules.jsonl")
FLAGS = {"default-not-ready-toleration-seconds": 300_000, "default-unreachable-toleration-seconds": 300_000}


def deployment(name: str = "lemonade", app: str = "lemonade") -> Object:
    pod = {"metadata": {"labels": {"app": "lemonade"}}, "spec": {"containers": [{"name": "cup", "image": "lemonade:v1"}]}}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": app}}, "template": pod}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


@pytest.fixture
def told() -> list[dict[str, object]]:
    return []


@pytest.fixture
def api(told: list[dict[str, object]]) -> ApiServer:
    """An API server with the Deployment and the bound Pod of the recording, and nobody else at work."""

    def tell(verb: str, by: str, kind: str, name: str, **more: object) -> None:
        told.append({"verb": verb, "source": by, "kind": kind, "name": name, **more})

    api = ApiServer(Store(), Clock(), FLAGS, tell)
    api.create("user/clerk-a", deployment())
    template = deployment()["spec"]["template"]
    api.create("user/clerk-a", {"apiVersion": "v1", "kind": "Pod", **template, "metadata": {"name": "lemonade-a-2"}})
    api.bind("kube-scheduler", "lemonade-a-2", "node-1")
    told.clear()
    return api


def stored(api: ApiServer, kind: str = "Deployment", name: str = "lemonade") -> Object:
    """What stands in the store, as a reader gets it to write in."""
    found = api.get(kind, name)
    assert found is not None
    return copy.deepcopy(found)


def recorded(number: int) -> dict[str, object]:
    """A refusal of the recording."""
    line = API_RULES[number - 1]
    return {key: line[key] for key in ("verb", "source", "kind", "call", "code", "reason", "message")}


def stale(api: ApiServer) -> None:
    mine, theirs = stored(api), stored(api)
    mine["spec"]["replicas"], theirs["spec"]["replicas"] = 2, 7
    api.update("user/clerk-a", mine)
    api.update("user/clerk-b", theirs)


REFUSED: dict[int, Callable[[ApiServer], object]] = {
    26: stale,
    51: lambda api: api.patch("user/clerk-a", "Pod", "lemonade-a-2", {"spec": {"nodeName": "node-2"}}),
    53: lambda api: api.bind("user/clerk-a", "lemonade-a-2", "node-2"),
    55: lambda api: api.create("user/clerk-a", deployment()),
    59: lambda api: api.create("user/clerk-a", bad()),
}


def bad() -> Object:
    thing = deployment("bad", app="other")
    thing["spec"]["template"]["metadata"]["labels"] = {"app": "bad"}
    return thing


@pytest.mark.parametrize("number", REFUSED)
def test_the_api_server_refuses_in_the_same_words(api: ApiServer, told: list[dict[str, object]], number: int) -> None:
    with pytest.raises(Rejected):
        REFUSED[number](api)
    want, got = recorded(number), {key: told[-1][key] for key in recorded(number)}
    if number == 51:  # the recorded message is cut off
        assert str(want.pop("message")).startswith(str(got.pop("message"))[:200])
    assert got == want
    assert [line["verb"] for line in told] == ["MODIFIED", "REJECTED"] if number == 26 else ["REJECTED"]


def test_a_refused_write_stores_nothing(api: ApiServer) -> None:
    before = (api.store.revision, stored(api))
    for number, attempt in REFUSED.items():
        if number != 26:
            with pytest.raises(Rejected):
                attempt(api)
    assert (api.store.revision, stored(api)) == before


def test_a_label_does_not_count_as_a_generation(api: ApiServer) -> None:
    thing = stored(api)
    thing["metadata"]["labels"] = {"note": "hi"}
    written = api.update("user/clerk-a", thing)
    assert (written["metadata"]["generation"], written["metadata"]["labels"]) == (1, {"note": "hi"})
    assert int(written["metadata"]["resourceVersion"]) > int(thing["metadata"]["resourceVersion"])


def test_a_write_that_changes_nothing_stores_nothing(api: ApiServer, told: list[dict[str, object]]) -> None:
    before = stored(api)
    written = api.update("user/clerk-a", stored(api))
    assert (written, api.store.revision, told) == (before, int(api.store.since(0)[-1].revision), [])


def test_spec_and_status_are_written_through_their_own_doors(api: ApiServer) -> None:
    thing = stored(api)
    thing["spec"]["replicas"], thing["status"] = 9, {"replicas": 99}
    through_status = api.update("user/clerk-a", stored(api) | {"spec": thing["spec"]}, "status")
    through_main = api.update("user/clerk-a", stored(api) | {"status": thing["status"]})
    assert (through_status["spec"]["replicas"], through_main["status"].get("replicas")) == (1, None)
    assert stored(api)["metadata"]["generation"] == 1


def test_a_watch_from_the_past_replays_what_a_live_one_saw() -> None:
    seen: list[tuple[object, object]] = []
    store, clock = Store(), Clock()
    store.watch("Deployment", lambda kind, old, new: seen.append((old, new)))
    api = ApiServer(store, clock, FLAGS, lambda *arguments, **more: None)
    api.create("user/clerk-a", deployment())
    for replicas in (2, 3):
        api.patch("user/clerk-a", "Deployment", "lemonade", {"spec": {"replicas": replicas}})
    api.delete("user/clerk-a", "Deployment", "lemonade")
    assert [(change.old, change.new) for change in store.since(0)] == seen
    assert [change.revision for change in store.since(0)] == [1, 2, 3, 4]
    assert [change.revision for change in store.since(2)] == [3, 4]


def test_a_watch_from_too_long_ago_has_to_list_again() -> None:
    store = Store()
    for number in range(1100):
        store.write({"kind": "Lease", "metadata": {"name": f"node-{number}"}})
    with pytest.raises(Expired, match=r"^too old resource version: 2 \(100\)$"):
        store.since(2)
