"""Whatever stands in a script, it ends in trace lines, or in one sentence, and soon; and kubectl's words are kubectl's.

`SCRIPTS=20000 pytest tests/test_scripts.py` tries more spoilt scripts than every run does.
"""

from __future__ import annotations

import copy
import io
import json
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.__main__ import main
from bot.errors import NotSimulated, Refused
from bot.simulation.script import parse
from tests.conftest import Run

SCRIPTS = int(os.environ.get("SCRIPTS", "1000"))
ALIKE = "SCRIPTS" not in os.environ  # the same ones each time, unless somebody asks for a number of them
SECONDS = 10.0  # for one script; the slowest honest one takes a fraction
RECORDED = [path.read_text("utf-8") for path in sorted((Path(__file__).resolve().parent / "recordings").glob("*.script"))]
FIELDS = {"seq", "t", "rv", "source", "verb", "kind", "name", "call", "changed", "type", "reason", "message", "count", "code"}
VERBS = {"ADDED", "MODIFIED", "DELETED", "EVENT", "REJECTED", "ACTION", "OUTPUT"}
WORDS = r"""
kubectl world settle wait create deployment run scale set image rollout undo status history restart delete pod cordon
uncordon drain label expose apply get describe logs events -f - <<EOF EOF --replicas= --replicas=-1
--replicas=99999999999 --image= --json --cascade=orphan --grace-period=0 --force -o yaml json wide name lemonade
pod/lemonade-a-1 deployment/lemonade node-1 node/node-1 shops shop new down up probe pass fail crash --times=0 memory
over apiserver controller-manager scheduler kubelet stop start node-monitor-grace-period=1s 0 1 3 -1 1e9 999999999999
500ms 1m30s -5s 1h 10000h NaN '' "" ' " \\ | > $HOME `id` ; && # 柠檬水 😀 --cpu=1 --cpu=0 --cpu=-1 --cpu=x app=lemonade
app- =x x= {} [] - -- --help -h ../../etc/passwd /dev/zero
"""
KEYS = """
apiVersion kind metadata name labels spec replicas selector matchLabels app template containers image resources
requests cpu ports port strategy type rollingUpdate maxSurge readinessProbe items status nodeName finalizers
ownerReferences tolerations generateName namespace uid resourceVersion
"""
SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)


class Done(NamedTuple):
    code: int
    out: str
    err: str
    seconds: float


@pytest.fixture(scope="module", autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """`main` keeps its log there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOT_DATA_DIR", str(tmp_path_factory.mktemp("data")))
        yield


@contextmanager
def streams(stdin: bytes) -> Iterator[tuple[io.BytesIO, io.BytesIO]]:
    """Standard streams of our own, as `main` expects them."""
    kept, out, err = (sys.stdin, sys.stdout, sys.stderr), io.BytesIO(), io.BytesIO()
    sys.stdin, sys.stdout, sys.stderr = (io.TextIOWrapper(raw, "utf-8") for raw in (io.BytesIO(stdin), out, err))
    try:
        yield out, err
    finally:
        mine = sys.stdout, sys.stderr
        sys.stdin, sys.stdout, sys.stderr = kept
        for stream in mine:
            stream.detach()  # flushes, and leaves what was written to be read


def ordered(script: bytes) -> Done:
    """`order --json --script -` in this process."""
    start = time.monotonic()
    with streams(script) as (out, err):
        code = main(["order", "--json", "--script", "-"])
    return Done(code, out.getvalue().decode(), err.getvalue().decode(), time.monotonic() - start)


def check(done: Done) -> None:
    """Trace lines, or one sentence: nothing else."""
    assert "Traceback" not in done.err
    assert done.seconds < SECONDS
    if done.code == 0:
        assert done.err == ""
        for number, text in enumerate(done.out.splitlines(), 1):
            line = json.loads(text)
            assert (line["seq"], line["verb"] in VERBS, set(line) - FIELDS - {"text", "story"}) == (number, True, set()), text
    else:
        assert (done.code, done.out) == (1, "")
        assert re.fullmatch(r"[^\n]+\n", done.err), done.err


words = st.sampled_from(WORDS.split())
odd_lines = st.one_of(
    st.lists(words, max_size=8).map(" ".join),
    st.lists(words, max_size=6).map(lambda some: "kubectl " + " ".join(some)),
    st.lists(words, max_size=4).map(lambda some: "world " + " ".join(some)),
    st.text(max_size=40),
)


@st.composite
def spoilt_scripts(draw: st.DrawFn) -> bytes:
    """A good script in which a few lines, words or bytes are lost, doubled, swapped or replaced."""
    lines = draw(st.sampled_from(RECORDED)).splitlines()
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, max(0, len(lines) - 1)))
        match draw(st.integers(0, 6)):
            case 0:
                del lines[place : place + draw(st.integers(1, 3))]
            case 1:
                lines[place:place] = lines[place : place + draw(st.integers(1, 3))]
            case 2:
                lines.insert(place, draw(odd_lines))
            case 3 if lines:
                parts = lines[place].split(" ")
                parts[draw(st.integers(0, len(parts) - 1))] = draw(words)
                lines[place] = " ".join(parts)
            case 4 if lines:
                cut = draw(st.integers(0, len(lines[place])))
                lines[place] = lines[place][:cut] + draw(st.text(max_size=3)) + lines[place][cut + draw(st.integers(0, 3)) :]
            case 5 if lines:
                lines[place] = "  " * draw(st.integers(0, 3)) + lines[place].lstrip()
            case _:
                lines.insert(place, draw(st.sampled_from(lines or [""])))
    text = "\n".join(lines).encode("utf-8", "surrogatepass")
    cut = draw(st.integers(0, len(text)))
    return text[:cut] + draw(st.sampled_from((*[b""] * 9, b"\x00", b"\xff", b"\r\n", b"\t", b"\xef\xbb\xbf"))) + text[cut:]


yaml_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=8),
        st.sampled_from(
            ["lemonade", "lemonade:v1", "100m", "25%", "Pod", "Deployment", -1, 10**30, "2026-01-01", "<<", "*a", "!!x"]
        ),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(KEYS.split()),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=12,
)


def metadata(name: str) -> dict[str, object]:
    return {"name": name, "labels": {"app": "lemonade"}, "annotations": {"note": "hi"}}


CONTAINER = {
    "name": "cup",
    "image": "lemonade:v1",
    "resources": {"requests": {"cpu": "100m"}, "limits": {"memory": "64Mi"}},
    "ports": [{"name": "web", "containerPort": 8080}],
    "readinessProbe": {"httpGet": {"port": 8080}, "periodSeconds": 1, "failureThreshold": 1},
}
POD = {"containers": [CONTAINER], "restartPolicy": "Always", "tolerations": [{"key": "a", "operator": "Exists"}]}
SELECTOR = {"matchLabels": {"app": "lemonade"}}
TEMPLATE = {"metadata": {"labels": {"app": "lemonade"}}, "spec": POD}
OBJECTS: tuple[dict[str, object], ...] = (
    {"apiVersion": "v1", "kind": "Pod", "metadata": metadata("solo"), "spec": POD},
    {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata("lemonade"),
        "spec": {
            "replicas": 2,
            "selector": SELECTOR,
            "template": TEMPLATE,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": "25%"}},
            "progressDeadlineSeconds": 600,
            "revisionHistoryLimit": 2,
        },
    },
    {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": metadata("cups"),
        "spec": {"replicas": 1, "selector": SELECTOR, "template": TEMPLATE},
    },
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata("lemonade"),
        "spec": {"selector": {"app": "lemonade"}, "ports": [{"port": 80, "targetPort": "web"}], "type": "ClusterIP"},
    },
    {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata("lemonade"),
        "spec": {"minAvailable": "50%", "selector": SELECTOR},
    },
)
AFTERWARDS = """
settle
kubectl get all -o wide
kubectl describe pods
kubectl get pods,rs,deploy,svc,nodes,pdb -o yaml
kubectl describe deployment lemonade
kubectl logs deployment/lemonade
kubectl events
kubectl rollout history deployment/lemonade
kubectl scale deployment lemonade --replicas=3
kubectl set image deployment/lemonade cup=lemonade:v2
kubectl drain node-1 --force
settle
kubectl rollout undo deployment/lemonade
kubectl delete deployment/lemonade rs/cups svc/lemonade pod/solo
settle
"""


@st.composite
def spoilt_objects(draw: st.DrawFn) -> dict[str, object]:
    """A good object of which one place, however deep, holds something else, or nothing, or more."""
    thing = copy.deepcopy(draw(st.sampled_from(OBJECTS)))
    place: Any = thing
    while True:
        key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], dict | list) or not place[key] or draw(st.integers(0, 3)) == 0:
            break
        place = place[key]
    match draw(st.integers(0, 3)):
        case 0:
            del place[key]
        case 1 if isinstance(place, dict):
            place[draw(st.sampled_from(KEYS.split()))] = draw(yaml_values)
        case _:
            place[key] = draw(yaml_values)
    return thing


@settings(max_examples=SCRIPTS // 10, deadline=None, suppress_health_check=SLOW, derandomize=ALIKE)
@given(st.lists(spoilt_objects(), min_size=1, max_size=3))
def test_a_spoilt_object_ends_in_lines_or_in_one_sentence(things: list[dict[str, object]]) -> None:
    documents = "\n---\n".join(json.dumps(thing) for thing in [*things, OBJECTS[1]])
    check(ordered(f"world shops 2\nsettle\nkubectl apply -f - <<EOF\n{documents}\nEOF{AFTERWARDS}".encode()))


@settings(max_examples=SCRIPTS // 2, deadline=None, suppress_health_check=SLOW, derandomize=ALIKE)
@given(spoilt_scripts())
def test_a_spoilt_script_ends_in_lines_or_in_one_sentence(script: bytes) -> None:
    check(ordered(script))


@settings(max_examples=SCRIPTS // 4, deadline=None, suppress_health_check=SLOW, derandomize=ALIKE)
@given(
    st.one_of(
        st.lists(odd_lines, max_size=12).map(lambda lines: "\n".join(lines).encode("utf-8", "replace")), st.binary(max_size=200)
    )
)
def test_any_text_ends_in_lines_or_in_one_sentence(script: bytes) -> None:
    check(ordered(script))


@settings(max_examples=SCRIPTS // 4, deadline=None, suppress_health_check=SLOW, derandomize=ALIKE)
@given(st.sampled_from(("Pod", "Deployment", "ReplicaSet", "Service", "Node", "List", "Lemon")), yaml_values, yaml_values)
def test_any_object_ends_in_lines_or_in_one_sentence(kind: str, meta: object, spec: object) -> None:
    version = "apps/v1" if kind in ("Deployment", "ReplicaSet") else "v1"
    thing = {"apiVersion": version, "kind": kind, "metadata": meta, "spec": spec}
    check(ordered(f"world shops 2\nkubectl apply -f - <<EOF\n{json.dumps(thing)}\nEOF\nsettle\n".encode()))


NASTY = {
    "a bomb": "a: &a [x]\n" + "".join(f"{b}: &{b} [{', '.join(['*' + a] * 9)}]\n" for a, b in pairwise("abcdefghi")),
    "a ring": "&a [*a]",
    "a depth": "[" * 2000 + "]" * 2000,
    "a tag": "!!python/object/apply:os.system ['id']",
    "a merge": "<<: {kind: Pod}\nkind: Pod\napiVersion: v1",
    "the same key twice": "kind: Pod\nkind: Deployment",
    "keys that are no words": "1: 2\n? [a]\n: b\nnull: 3",
    "a number as kind": "apiVersion: v1\nkind: 7",
    "a list as name": "apiVersion: v1\nkind: Pod\nmetadata: {name: [a]}",
    "no object": "just words",
    "nothing": "",
    "a comment": "# nothing",
    "a tab": "kind:\tPod\n\tname: x",
    "an end that never comes": None,
    "two documents and a broken one": "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\n{",
    "a date as name": "apiVersion: v1\nkind: Pod\nmetadata: {name: 2026-01-01}",
    "a number that is none": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicas: .nan}",
    "too many": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicas: 1000000000000}",
    "no words but bytes": "\x00\x01",
    "a name as long as a book": "apiVersion: v1\nkind: Pod\nmetadata: {name: " + "a" * 100_000 + "}",
}


@pytest.mark.parametrize("name", NASTY)
def test_a_nasty_document_ends_in_lines_or_in_one_sentence(name: str) -> None:
    text = NASTY[name]
    body = "kind: Pod\n" if text is None else f"{text}\nEOF\n"
    check(ordered(f"kubectl apply -f - <<EOF\n{body}".encode()))


@pytest.mark.parametrize(
    "line",
    [
        "world shops 1000000000",
        "world shop node-1 new --cpu=1e400",
        "kubectl create deployment lemonade --image=x --replicas=2147483647",
        "wait 100000h",
        "wait 9999999999999999999999h",
        "kubectl scale deployment lemonade --replicas=" + "9" * 5000,
        "world crash lemonade --times=1000000000",
        "kubectl run " + "x" * 100_000,
        "kubectl " * 20_000,
    ],
)
def test_what_asks_for_too_much_is_answered_soon(line: str) -> None:
    check(ordered(f"world shops 2\n{line}\nsettle\n".encode()))


def test_a_whole_script_is_read_before_its_first_command(run: Run) -> None:
    done = run("order", "--json", "--script", "-", stdin="world shops 2\nsettle\nfrobnicate\n")
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"[^\n]+\n", done.stderr)


# --- kubectl's own words ---

SHOP = """world shops 2
settle
kubectl create deployment lemonade --image=lemonade:v1 --replicas=2
kubectl run solo --image=lemonade:v1
settle
"""
STRICT = (
    'Error from server (BadRequest): error when creating "STDIN": {0} in version "v1" cannot be handled as a {0}: '
    "strict decoding error: {1}"
)
NOTHING = (
    "error: You must provide one or more resources by argument or filename.\nExample resource specifications include:\n"
    "   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'"
)
ANSWERS = (
    ("kubectl get podz", 'error: the server doesn\'t have a resource type "podz"'),
    ("kubectl get pod nope", 'Error from server (NotFound): pods "nope" not found'),
    ("kubectl get deployment nope", 'Error from server (NotFound): deployments.apps "nope" not found'),
    ("kubectl describe pod nope", 'Error from server (NotFound): pods "nope" not found'),
    ("kubectl logs nope", 'error: error from server (NotFound): pods "nope" not found in namespace "default"'),
    ("kubectl delete pod nope", 'Error from server (NotFound): pods "nope" not found'),
    ("kubectl delete pod", "error: resource(s) were provided, but no name was specified"),
    ("kubectl scale deployment nope --replicas=2", 'Error from server (NotFound): deployments.apps "nope" not found'),
    ("kubectl scale deployment lemonade", 'error: required flag(s) "replicas" not set'),
    (
        "kubectl scale deployment lemonade --replicas=-1",
        "error: The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0",
    ),
    ("kubectl cordon nope", 'Error from server (NotFound): nodes "nope" not found'),
    ("kubectl uncordon node-1", "node/node-1 already uncordoned"),
    ("kubectl create deployment juice", 'error: required flag(s) "image" not set'),
    (
        "kubectl create deployment lemonade --image=x",
        'error: failed to create deployment: deployments.apps "lemonade" already exists',
    ),
    ("kubectl run solo --image=x", 'Error from server (AlreadyExists): pods "solo" already exists'),
    ("kubectl expose deployment lemonade", "error: couldn't find port via --port flag or introspection"),
    ("kubectl set image deployment/lemonade nope=x", 'error: unable to find container named "nope"'),
    ("kubectl rollout undo deployment/lemonade", 'error: no rollout history found for deployment "lemonade"'),
    ("kubectl rollout undo deployment/lemonade --to-revision=9", "error: unable to find specified revision 9 in history"),
    ("kubectl rollout status deployment/lemonade", 'deployment "lemonade" successfully rolled out'),
    ("kubectl label pod solo", "error: at least one label update is required"),
    ("kubectl label pod solo run=y", "error: 'run' already has a value (solo), and --overwrite is false"),
    ("kubectl scale deployment lemonade --replicas=3", "deployment.apps/lemonade scaled"),
    ("kubectl label pod solo cold=yes", "pod/solo labeled"),
    ("kubectl delete deployment lemonade", 'deployment.apps "lemonade" deleted from default namespace'),
    ("kubectl get pdb", "No resources found in default namespace."),
    ("kubectl get pods -n kube-system", "No resources found in kube-system namespace."),
    ("kubectl -n nowhere delete pod solo", 'Error from server (NotFound): namespaces "nowhere" not found'),
    ("kubectl rollout -n default status deployment/lemonade", 'deployment "lemonade" successfully rolled out'),
    ("kubectl kubectl --namespace=default label pod solo cold=yes", "pod/solo labeled"),
    ("kubectl delete", NOTHING),
    ("kubectl scale --replicas=2", NOTHING),
    ("kubectl rollout undo", "error: required resource not specified"),
    ("kubectl cordon", "error: USAGE: cordon NODE [flags]"),
    ("kubectl run", "error: NAME is required for run"),
    ("kubectl label", "error: one or more resources must be specified as <resource> <name> or <resource>/<name>"),
    (
        "kubectl create deployment --image=x",
        "error: exactly one NAME is required, got 0\nSee 'kubectl create deployment -h' for help and examples",
    ),
    ("kubectl version", "Client Version: v1.36.2\nServer Version: v1.36.2"),
    (
        "kubectl get svc",
        "NAME         TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE\n"
        "kubernetes   ClusterIP   10.96.0.1    <none>        443/TCP   6s",
    ),
    (
        "kubectl delete ns default",
        'Error from server (Forbidden): namespaces "default" is forbidden: this namespace may not be deleted',
    ),
    (
        "kubectl drain node-2",
        "node/node-2 cordoned\nevicting pod default/lemonade-a-1\npod/lemonade-a-1 evicted\nnode/node-2 drained",
    ),
    (
        "kubectl run none --image=lemonade:missing\nwait 3s\nkubectl logs none",
        'Error from server (BadRequest): container "none" in pod "none" is waiting to start: image can\'t be pulled',
    ),
)
DOCUMENTS = (
    ("", "error: no objects passed to apply"),
    (
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: x}, spec: {replica: 1}}",
        STRICT.format("Deployment", 'unknown field "spec.replica"'),
    ),
    (
        "{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {containers: [{name: a, imagee: b, stdinn: 1}]}}",
        STRICT.format("Pod", 'unknown field "spec.containers[0].imagee", unknown field "spec.containers[0].stdinn"'),
    ),
    (
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: bad}, spec: {selector: {matchLabels: {app: other}}, "
        "template: {metadata: {labels: {app: bad}}, spec: {containers: [{name: c, image: x}]}}}}",
        'The Deployment "bad" is invalid: spec.template.metadata.labels: Invalid value: {"app":"bad"}: '
        "`selector` does not match template `labels`",
    ),
    (
        "{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {containers: []}}",
        'The Pod "x" is invalid: spec.containers: Required value',
    ),
    (
        "{apiVersion: v1, metadata: {name: x}}",
        'error: error validating "STDIN": error validating data: kind not set; '
        "if you choose to ignore these errors, turn validation off with --validate=false",
    ),
)
MISTYPED = (
    ("kubectl frobnicate", 'error: unknown command "frobnicate" for "kubectl"\n', ""),
    ("kubectl gte pods", 'error: unknown command "gte" for "kubectl" Did you mean this? get\n', ""),
    ("kubectl rollout udno x", "error: unknown command \"udno x\" See 'kubectl rollout -h' for help and examples\n", ""),
    ("kubectl get pods --colour", "error: unknown flag: --colour See 'kubectl get --help' for usage.\n", ""),
    ("kubectl get pods -z", "error: unknown shorthand flag: 'z' in -z See 'kubectl get --help' for usage.\n", ""),
    ("kubectl apply -f pod.yaml", 'error: the path "pod.yaml" does not exist\n', ""),
    (
        "kubectl apply -f - <<EOF {} EOF",
        "after <<EOF the line ends, then come the manifest and EOF",
        "kubectl apply -f - <<EOF {",
    ),
    (
        "kubectl scale deployment lemonade --replicas=x",
        'error: invalid argument "x" for "--replicas" flag: strconv.ParseInt: parsing "x": invalid syntax',
        "",
    ),
    ("world frobnicate", '"world frobnicate" is none of:', "kubelet NODE stop|start"),
    ("frobnicate", '"frobnicate" is none of:', "settle"),
    ("wait long", 'time: invalid duration "long"', "1m30s"),
)


ELSEWHERE = (
    *("exec -it solo -- sh", "top pods", "explain pods", "port-forward solo 80", "edit pod solo", "cp a b", "config view"),
    *("auth can-i get pods", "create configmap a", "set env deployment/lemonade A=b", "autoscale deployment lemonade --max=3"),
    *("get configmaps", "get pods,ingresses.networking.k8s.io", "describe statefulset/x", "get pods --field-selector=a=b"),
    *("get pods --help", "delete pod solo -n kube-system", "apply -f - <<EOF\nkind: Secret\nEOF"),
)


@pytest.mark.parametrize("command", ELSEWHERE)
def test_what_only_the_real_kubectl_has_is_told_apart(command: str) -> None:
    with pytest.raises(NotSimulated):
        parse(f"kubectl {command}")


@pytest.mark.parametrize("command", ["frobnicate", "get pods --colour", "create lemonade x", "apply", "rollout udno"])
def test_what_no_kubectl_has_is_a_mistake(command: str) -> None:
    with pytest.raises(Refused) as refused:
        parse(f"kubectl {command}")
    assert not isinstance(refused.value, NotSimulated)


def test_the_list_of_commands_is_in_the_help_and_nowhere_else() -> None:
    assert "rollout undo" in answer("kubectl") == answer("kubectl help")
    assert answer("kubectl rollout").count("rollout ") == 6


def test_objects_are_written_as_kubectl_writes_them() -> None:
    text = answer(f"{SHOP}kubectl annotate pod solo a=true b='x: y'\nkubectl get pod solo -o yaml")
    assert 'creationTimestamp: "2026-01-01T08:00:05Z"' in text
    assert "    a: \"true\"\n    b: 'x: y'\n" in text
    made = json.loads(answer(f"{SHOP}kubectl get pod solo -o json"))
    assert list(made) == sorted(made)
    assert "Start Time:       Thu, 01 Jan 2026 08:00:05 +0000" in answer(f"{SHOP}kubectl describe pod solo")


def test_logs_are_followed_as_far_as_they_go() -> None:
    assert answer(f"{SHOP}kubectl logs -f solo") == answer(f"{SHOP}kubectl logs solo")


def answer(script: str) -> str:
    """What the last command answered."""
    done = ordered(script.encode())
    check(done)
    return [str(line["text"]) for line in map(json.loads, done.out.splitlines()) if line["verb"] == "OUTPUT"][-1]


@pytest.mark.parametrize(("command", "sentence"), ANSWERS)
def test_kubectl_answers_in_its_own_words(command: str, sentence: str) -> None:
    assert answer(SHOP + command) == sentence


@pytest.mark.parametrize(("document", "sentence"), DOCUMENTS)
def test_a_manifest_is_refused_in_the_words_of_kubectl(document: str, sentence: str) -> None:
    assert answer(f"{SHOP}kubectl apply -f - <<EOF\n{document}\nEOF\n") == sentence


def test_several_faults_of_an_object_have_a_line_each() -> None:
    first, *faults = answer(SHOP + "kubectl run Solo --image=x").splitlines()
    assert first == 'The Pod "Solo" is invalid: '
    assert [fault.split(":")[0] for fault in faults] == ["* metadata.name", "* spec.containers[0].name"]


@pytest.mark.parametrize(("command", "sentence", "known"), MISTYPED)
def test_what_is_mistyped_is_told_before_anything_runs(command: str, sentence: str, known: str) -> None:
    done = ordered(f"world shops 2\n\n{command}\n".encode())
    check(done)
    assert done.code == 1
    assert done.err.startswith(f"line 3: {sentence}")
    assert known in done.err


def test_without_its_api_server_kubectl_is_refused() -> None:
    refused = "The connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?"
    for command in ("kubectl get pods", "kubectl scale deployment lemonade --replicas=3"):
        assert answer(f"{SHOP}world apiserver stop\n{command}") == refused


def test_a_refused_command_does_not_end_the_script() -> None:
    done = ordered(f"{SHOP}kubectl delete pod nope\nkubectl delete pod solo\nsettle\n".encode())
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert (done.code, done.err) == (0, "")
    assert [
        (line["code"], line["message"]) for line in lines if line["verb"] == "REJECTED" and line["source"] == "user/kubectl"
    ] == [(404, 'pods "nope" not found')]
    assert [line["name"] for line in lines if line["verb"] == "DELETED"] == ["pod/solo"]


def test_a_reading_command_writes_no_action() -> None:
    done = ordered(f"{SHOP}kubectl get pods\nkubectl events\n".encode())
    texts = [(line["verb"], line["text"]) for line in map(json.loads, done.out.splitlines()) if line["verb"] == "ACTION"]
    assert [text for _, text in texts] == [line for line in SHOP.splitlines() if line != "settle"]


def test_without_json_it_is_told_in_plain_lines(run: Run) -> None:
    done = run("order", "--script", "-", stdin=SHOP)
    assert (done.returncode, done.stderr) == (0, "")
    assert "$ kubectl run solo --image=lemonade:v1" in done.stdout
    assert "Scheduled: Successfully assigned default/solo to node-1" in done.stdout


def test_a_script_that_cannot_be_read_is_one_sentence(run: Run, tmp_path: Path) -> None:
    for name in (str(tmp_path), str(tmp_path / "nowhere"), "/dev/null/x"):
        done = run("order", "--json", "--script", name)
        assert (done.returncode, done.stdout) == (1, "")
        assert re.fullmatch(r"[^\n]+\n", done.stderr)
    assert run("order", "--json", "--script", "/dev/null").stdout == ""


def test_bytes_that_are_no_text_are_one_sentence(run: Run) -> None:
    done = run("order", "--json", "--script", "-", stdin=bytes(range(256)) * 100)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"[^\n]+\n", done.stderr)
