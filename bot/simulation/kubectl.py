"""kubectl's words: a client like any other. It reads, writes and answers as kubectl does, and says what it cannot do here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bot.errors import Refused
from bot.simulation import manifests, printers
from bot.simulation.apiserver import BUDGET, REFUSED, Rejected, merge
from bot.simulation.cluster import Cluster
from bot.simulation.deployment import HASH, REVISION
from bot.simulation.kinds import KINDS, plural, shown
from bot.simulation.objects import Object, annotations_of, clone, labels_of, leaving, name_of, number, owner_of, selects, uid_of

USER = "user/kubectl"
AGAIN = 5000  # ms after which a drain asks again
COMMON = "namespace= output= selector= all-namespaces timeout= request-timeout= context= kubeconfig= field-manager= record v#"
SHORT = {"n": "namespace", "o": "output", "l": "selector", "A": "all-namespaces", "f": "filename", "p": "patch", "w": "watch",
         "c": "container", "r": "replicas", "R": "recursive"}  # fmt: skip
FORCED = (
    "Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. "
    "The resource may continue to run on the cluster indefinitely.\n"
)


class Mistake(Exception):
    """kubectl's own `error: …`: the API server was not asked, or has nothing to do with it."""


@dataclass(frozen=True)
class Call:
    """A command line that was understood."""

    verb: str
    words: list[str]
    flags: dict[str, Any] = field(default_factory=dict)
    document: str | None = None

    @property
    def reads(self) -> bool:
        return VERBS[self.verb].reads

    def list(self, flag: str) -> list[str]:
        return list(self.flags.get(flag) or [])

    def need(self, flag: str) -> Any:
        if flag not in self.flags:
            raise Mistake(f'required flag(s) "{flag}" not set')
        return self.flags[flag]


@dataclass(frozen=True)
class Verb:
    does: Callable[[Cluster, Call], str]
    flags: str = ""
    reads: bool = False


def parse(words: list[str], document: str | None = None) -> Call:
    """Understands a command line; Refused as kubectl would refuse it, with what can be used here."""
    plain = [word for word in words if not word.startswith("-")]
    if not plain:
        raise Refused("kubectl needs a command: " + ", ".join(sorted(VERBS)))
    verb = " ".join(plain[:2]) if " ".join(plain[:2]) in VERBS else plain[0]
    if plain[0] == "create" and document is not None and plain[1:] == []:
        verb = "create -f"
    if plain[0] == "create" and plain[1:2] == ["deploy"]:
        verb = "create deployment"
    if verb not in VERBS:
        inner = sorted(name.split()[1] for name in VERBS if name.startswith(f"{plain[0]} ") and "-f" not in name)
        if inner and len(plain) > 1:
            raise Refused(f'error: unknown command "{plain[0]} {plain[1][:40]}"; here it is followed by: {", ".join(inner)}')
        if inner:
            raise Refused(f"error: {plain[0]} is followed by one of: {', '.join(inner)}")
        raise Refused(f'error: unknown command "{plain[0][:40]}" for "kubectl"; here there are: {", ".join(sorted(VERBS))}')
    left = list(words)
    for word in verb.replace(" -f", "").split():
        left.remove("deploy" if word == "deployment" and word not in left else word)
    args, flags = _flags(left, f"{VERBS[verb].flags} {COMMON}".split(), verb)
    files = flags.get("filename")
    if files is not None and (files != "-" or document is None):
        raise Refused("error: manifests come from a here-document: kubectl apply -f - <<EOF")
    if document is not None and files is None:
        raise Refused("error: must specify -f - for a here-document")
    if verb in ("apply", "create -f", "replace") and files is None:
        raise Refused("error: must specify one of -f and -k")
    return Call(verb, args, flags, document)


def _flags(words: list[str], spec: list[str], verb: str) -> tuple[list[str], dict[str, Any]]:
    known = {name.rstrip("=#*"): name[-1] if name[-1] in "=#*" else "" for name in spec}
    args: list[str] = []
    found: dict[str, Any] = {}
    left = iter(words)
    for word in left:
        if word == "--":
            found["command"] = list(left)
        elif not word.startswith("-") or word == "-":
            args.append(word)
        else:
            name, equals, value = word.lstrip("-").partition("=")
            if not word.startswith("--"):
                name, equals, value = _short(word, name, equals, value)
            if name not in known:
                names = ", ".join(f"--{flag}" for flag in known if f"{flag}" not in _plain(COMMON))
                raise Refused(f"error: unknown flag: {word.split('=')[0][:40]}; {verb} has {names or 'none of its own'}")
            if known[name] and not equals:
                value = next(left, "")
                if not value:
                    raise Refused(f"error: flag needs an argument: --{name}")
            _keep(found, name, known[name], value, bool(equals))
    return args, found


def _plain(spec: str) -> list[str]:
    return [name.rstrip("=#*") for name in spec.split()]


def _short(word: str, name: str, equals: str, value: str) -> tuple[str, str, str]:
    letter = name[:1]
    if letter not in SHORT:
        return name, equals, value
    rest = name[1:] + equals + value
    return SHORT[letter], "=" if rest else "", rest.removeprefix("=")


def _keep(found: dict[str, Any], name: str, kind: str, value: str, given: bool) -> None:
    if kind == "#":
        found[name] = _int(name, value)
    elif kind == "*":
        found.setdefault(name, []).append(value)
    elif kind == "=":
        found[name] = value
    elif not given or value in ("true", "false"):
        found[name] = not given or value == "true"
    else:
        found[name] = value  # --dry-run=client, --cascade=orphan


def _int(name: str, text: str) -> int:
    if not re.fullmatch(r"[+-]?\d+", text):
        why = "invalid syntax"
    elif len(text) > 11 or not -(2**31) <= int(text) < 2**31:
        why = "value out of range"
    else:
        return int(text)
    raise Refused(f'error: invalid argument "{text[:40]}" for "--{name}" flag: strconv.ParseInt: parsing "{text[:40]}": {why}')


def run(cluster: Cluster, call: Call) -> str:
    """Does it, and returns what kubectl would print."""
    try:
        if call.flags.get("namespace", "default") != "default":
            raise Mistake(f'namespaces "{call.flags["namespace"]}" not found; everything here is in "default"')
        if call.reads and not cluster.api.running:
            return REFUSED
        return VERBS[call.verb].does(cluster, call)
    except Mistake as mistake:
        return f"error: {mistake}"
    except Rejected as refused:
        return refusal(refused)


def refusal(refused: Rejected) -> str:
    if refused.code == 503:
        return refused.message
    if refused.faults:  # one fault stands in the line, several below it
        head, what = re.sub(r"\.\S+", "", refused.message.split(" is invalid: ")[0], count=1), refused.faults
        return f"The {head} is invalid: " + (what[0] if len(what) == 1 else "".join(f"\n* {fault}" for fault in what))
    return f"Error from server ({refused.reason}): {refused.message}"


# Which objects are meant


def kind_of(word: str) -> str:
    kind = KINDS.get(word.lower())
    if kind is None:
        raise Mistake(f'the server doesn\'t have a resource type "{word[:60]}"')
    return kind


def targets(cluster: Cluster, call: Call, words: list[str] | None = None) -> list[tuple[str, str]]:
    """`pod/NAME …`, `pod NAME …`, `pods -l app=x` or `pods --all` as kinds and names."""
    words = call.words if words is None else words
    if not words:
        raise Mistake(
            "resource(s) were provided, but no name was specified" if call.flags else "you must specify the type of resource"
        )
    if any("/" in word for word in words):
        pairs = [word.split("/", 1) for word in words]
        if any(len(pair) != 2 for pair in pairs):
            raise Mistake(
                "there is no need to specify a resource type as a separate argument "
                "when passing arguments in resource/name form"
            )
        return [(kind_of(kind), name) for kind, name in pairs]
    kind = kind_of(words[0])
    if words[1:]:
        return [(kind, name) for name in words[1:]]
    if "selector" in call.flags or call.flags.get("all"):
        return [(kind, name_of(thing)) for thing in chosen(cluster, kind, call.flags.get("selector"))]
    raise Mistake("resource(s) were provided, but no name was specified")


def chosen(cluster: Cluster, kind: str, selector: str | None) -> list[Object]:
    things = sorted(cluster.list(kind), key=name_of)
    return things if selector is None else [thing for thing in things if _matches(selector, labels_of(thing))]


def _matches(selector: str, labels: dict[str, str]) -> bool:
    for term in filter(None, selector.split(",")):
        key, sign, value = re.fullmatch(r"([^=!]*)(!=|==?|)(.*)", term, re.S).groups()  # type: ignore[union-attr]
        if not (labels.get(key) != value if sign == "!=" else labels.get(key) == value if sign else key in labels):
            return False
    return True


def existing(cluster: Cluster, kind: str, name: str) -> Object:
    """What is there, or the API server's NotFound."""
    return cluster.api._read(USER, f"get {plural(kind)}", kind, name)


def each(cluster: Cluster, call: Call, does: Callable[[str, str], str], words: list[str] | None = None) -> str:
    """Does it to every target; one refusal does not keep the others from it."""
    answers = []
    for kind, name in targets(cluster, call, words):
        try:
            answers.append(does(kind, name))
        except Rejected as refused:
            answers.append(refusal(refused))
    return "\n".join(filter(None, answers)) or ("No resources found" if not answers else "")


# Writing


def _make(cluster: Cluster, call: Call, thing: Object, done: str) -> str:
    if call.flags.get("dry-run") not in (None, False, "none"):
        if call.flags.get("output") in ("yaml", "json"):
            return printers.dump([thing], str(call.flags["output"]))
        return f"{shown(thing['kind'], thing['metadata'].get('name', ''))} {done} (dry run)"
    try:
        return f"{shown(thing['kind'], name_of(cluster.api.create(USER, thing)))} {done}"
    except Rejected as refused:
        if not call.verb.startswith("create ") or call.document is not None or refused.code not in (403, 409):
            raise
        raise Mistake(f"failed to create {thing['kind'].lower()}: {refused.message}") from None


def _one_name(call: Call) -> str:
    if len(call.words) != 1:
        raise Mistake(f"exactly one NAME is required, got {len(call.words)}")
    return call.words[0]


def create_deployment(cluster: Cluster, call: Call) -> str:
    name, images = _one_name(call), [image for flag in call.need("image") for image in flag.split(",")]
    labels = {"app": name}
    containers: list[Object] = [{"name": manifests.container_name(image), "image": image} for image in images]
    if "port" in call.flags:
        containers[0]["ports"] = [{"containerPort": call.flags["port"]}]
    spec = {
        "replicas": call.flags.get("replicas", 1),
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
    }
    made = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": labels}, "spec": spec}
    return _make(cluster, call, made, "created")


def create_pdb(cluster: Cluster, call: Call) -> str:
    spec: Object = {"selector": {"matchLabels": _pairs(call.need("selector"))}}
    for flag, key in (("min-available", "minAvailable"), ("max-unavailable", "maxUnavailable")):
        if flag in call.flags:
            value = call.flags[flag]
            spec[key] = _int(flag, value) if not value.endswith("%") else value
    made = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": _one_name(call)}, "spec": spec}
    return _make(cluster, call, made, "created")


def run_pod(cluster: Cluster, call: Call) -> str:
    name = _one_name(call)
    container: Object = {"name": name, "image": call.need("image")}
    if "port" in call.flags:
        container["ports"] = [{"containerPort": call.flags["port"]}]
    if call.flags.get("command"):
        container["args"] = call.flags["command"] if isinstance(call.flags["command"], list) else []
    labels = _pairs(call.flags["labels"]) if "labels" in call.flags else {"run": name}
    spec = {"containers": [container], "restartPolicy": call.flags.get("restart", "Always")}
    made = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}
    return _make(cluster, call, made, "created")


def _pairs(text: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in text.split(",")]
    if any(not key or not sign for key, sign, _ in pairs):
        raise Mistake(f"unexpected label: {text[:60]}")
    return {key: value for key, _, value in pairs}


def expose(cluster: Cluster, call: Call) -> str:
    [(kind, name), *more] = targets(cluster, call)
    thing = existing(cluster, kind, name)
    selector = labels_of(thing) if kind == "Pod" else (thing["spec"].get("selector") or {}).get("matchLabels")
    if more or kind not in ("Pod", "Deployment", "ReplicaSet") or not selector:
        raise Mistake(f"cannot expose a {kind}")
    containers = (thing if kind == "Pod" else thing["spec"]["template"])["spec"]["containers"]
    declared = [port["containerPort"] for container in containers for port in container.get("ports") or []]
    if "port" not in call.flags and not declared:
        raise Mistake("couldn't find port via --port flag or introspection")
    port: Object = {"port": call.flags.get("port") or declared[0], "protocol": call.flags.get("protocol", "TCP")}
    if target := call.flags.get("target-port"):
        port["targetPort"] = int(target) if target.isdecimal() and len(target) < 10 else target
    spec = {"selector": {k: v for k, v in selector.items() if k != HASH}, "ports": [port]}
    spec |= {"type": call.flags["type"]} if "type" in call.flags else {}
    made = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": call.flags.get("name", name)}, "spec": spec}
    return _make(cluster, call, made, "exposed")


def apply(cluster: Cluster, call: Call) -> str:
    return _documents(cluster, call, lambda thing: manifests.apply(cluster.api, USER, thing))


def create_file(cluster: Cluster, call: Call) -> str:
    return _documents(cluster, call, lambda thing: _make(cluster, call, thing, "created"))


def replace(cluster: Cluster, call: Call) -> str:
    def put(thing: Object) -> str:
        if not thing["metadata"].get("name"):
            raise Mistake("resource name may not be empty")
        cluster.api.update(USER, thing)
        return f"{shown(thing['kind'], name_of(thing))} replaced"

    return _documents(cluster, call, put)


def _documents(cluster: Cluster, call: Call, does: Callable[[Object], str]) -> str:
    answers = []
    doing = "creating" if call.verb != "replace" else "replacing"
    for found in manifests.read(call.document or ""):
        if isinstance(found, str):
            answers.append(f"error: {found}")
            continue
        try:
            answers.append(does(found))
        except Rejected as refused:
            head = (
                f'Error from server ({refused.reason}): error when {doing} "STDIN": ' if refused.code in (400, 403, 409) else ""
            )
            answers.append(head + refused.message if head else refusal(refused))
    return "\n".join(answers) or "error: no objects passed to " + call.verb.split()[0]


def scale(cluster: Cluster, call: Call) -> str:
    size = call.need("replicas")
    if size < 0:
        raise Mistake("The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0")

    def do(kind: str, name: str) -> str:
        if kind not in ("Deployment", "ReplicaSet"):
            raise Mistake(f"cannot scale a {kind}: it has no replicas")
        thing = existing(cluster, kind, name)
        wanted = call.flags.get("current-replicas", -1)
        if wanted not in (-1, thing["spec"]["replicas"]):
            raise Mistake(f"Expected replicas to be {wanted}, was {thing['spec']['replicas']}")
        cluster.api.patch(USER, kind, name, {"spec": {"replicas": size}}, "scale")
        return f"{shown(kind, name)} scaled"

    return each(cluster, call, do)


def _template_of(thing: Object) -> Object:
    if thing["kind"] not in ("Pod", "Deployment", "ReplicaSet"):
        raise Mistake(f"{shown(thing['kind'], name_of(thing))} has no containers")
    found: Object = thing if thing["kind"] == "Pod" else thing["spec"]["template"]
    return found


def set_image(cluster: Cluster, call: Call) -> str:
    words = [word for word in call.words if "=" not in word]
    images = dict(word.split("=", 1) for word in call.words if "=" in word)
    if not images:
        raise Mistake("at least one image update is required")

    def do(kind: str, name: str) -> str:
        old = existing(cluster, kind, name)
        new = clone(old)
        containers = {container["name"]: container for container in _template_of(new)["spec"]["containers"]}
        for container, image in images.items():
            if container != "*" and container not in containers:
                raise Mistake(f'unable to find container named "{container}"')
            for one in containers.values() if container == "*" else [containers[container]]:
                one["image"] = image
        cluster.api.update(USER, new, call=f"patch {plural(kind)}")
        return f"{shown(kind, name)} image updated" if new != old else ""

    return each(cluster, call, do, words)


def set_resources(cluster: Cluster, call: Call) -> str:
    def do(kind: str, name: str) -> str:
        new = clone(existing(cluster, kind, name))
        for container in _template_of(new)["spec"]["containers"]:
            if call.flags.get("containers", container["name"]) in ("*", container["name"]):
                for group in ("requests", "limits"):
                    if group in call.flags:
                        container.setdefault("resources", {})[group] = _pairs(call.flags[group])
        cluster.api.update(USER, new, call=f"patch {plural(kind)}")
        return f"{shown(kind, name)} resource requirements updated"

    return each(cluster, call, do)


def _deployment(cluster: Cluster, kind: str, name: str) -> Object:
    if kind != "Deployment":
        raise Mistake(f"no rollout of a {kind}: only of a Deployment")
    return existing(cluster, kind, name)


def revisions(cluster: Cluster, deployment: Object) -> dict[int, Object]:
    owned = cluster.api.find("ReplicaSet", ("owner", uid_of(deployment)))
    return dict(sorted((number(annotations_of(rs).get(REVISION)), rs) for rs in owned))


def rollout_undo(cluster: Cluster, call: Call) -> str:
    def do(kind: str, name: str) -> str:
        deployment = _deployment(cluster, kind, name)
        known = revisions(cluster, deployment)
        wanted = call.flags.get("to-revision", 0) or (sorted(known)[-2] if len(known) > 1 else 0)
        if not wanted:
            raise Mistake(f'no rollout history found for deployment "{name}"')
        if wanted not in known:
            raise Mistake(f"unable to find specified revision {wanted} in history")
        if deployment["spec"].get("paused"):
            raise Mistake(
                "you cannot rollback a paused deployment; resume it first with "
                f"'kubectl rollout resume deployment/{name}' and try again"
            )
        template = clone(known[wanted]["spec"]["template"])
        template["metadata"]["labels"].pop(HASH, None)
        if template == deployment["spec"]["template"]:
            return f"{shown(kind, name)} skipped rollback (current template already matches revision {wanted})"
        cluster.api.update(USER, {**deployment, "spec": {**deployment["spec"], "template": template}}, call="patch deployments")
        return f"{shown(kind, name)} rolled back"

    return each(cluster, call, do)


def rollout_restart(cluster: Cluster, call: Call) -> str:
    def do(kind: str, name: str) -> str:
        _deployment(cluster, kind, name)
        note = {"kubectl.kubernetes.io/restartedAt": cluster.api.now}
        cluster.api.patch(USER, kind, name, {"spec": {"template": {"metadata": {"annotations": note}}}})
        return f"{shown(kind, name)} restarted"

    return each(cluster, call, do)


def _rollout_paused(paused: bool) -> Callable[[Cluster, Call], str]:
    def verb(cluster: Cluster, call: Call) -> str:
        def do(kind: str, name: str) -> str:
            if bool(_deployment(cluster, kind, name)["spec"].get("paused")) == paused:
                raise Mistake(f'deployments.apps "{name}" is {"already" if paused else "not"} paused')
            cluster.api.patch(USER, kind, name, {"spec": {"paused": True if paused else None}})
            return f"{shown(kind, name)} {'paused' if paused else 'resumed'}"

        return each(cluster, call, do)

    return verb


def delete(cluster: Cluster, call: Call) -> str:
    force, grace = bool(call.flags.get("force")), call.flags.get("grace-period", -1)
    if call.flags.get("now"):
        grace = 1
    if force and grace > 0:
        raise Mistake("--force and --grace-period greater than 0 cannot be specified together")
    cascade = {True: "background", "true": "background", False: "orphan"}.get(
        call.flags.get("cascade", True), call.flags.get("cascade")
    )
    if cascade not in ("background", "foreground", "orphan"):
        raise Mistake(f'invalid cascade value ({cascade}). Must be "background", "foreground", or "orphan"')
    seconds = 0 if force else None if grace < 0 else max(1, grace)  # without --force kubectl never asks for 0

    def do(kind: str, name: str) -> str:
        try:
            cluster.api.delete(USER, kind, name, grace=seconds, cascade=str(cascade))
        except Rejected as refused:
            if refused.code == 404 and call.flags.get("ignore-not-found"):
                return ""
            raise
        where = "" if kind == "Node" else " from default namespace"
        return f'{printers.singular(kind)} "{name}" {"force " if force else ""}deleted{where}'

    if call.document is not None:
        found = [thing for thing in manifests.read(call.document) if isinstance(thing, dict)]
        if not found:
            raise Mistake("no objects passed to delete")
        answer = each(cluster, call, do, [f"{thing['kind'].lower()}/{name_of(thing)}" for thing in found])
    else:
        answer = each(cluster, call, do)
    return (FORCED if force else "") + answer


def _notes(kind_of_note: str, done: str) -> Callable[[Cluster, Call], str]:
    """`label` and `annotate`: KEY=VALUE sets, KEY- removes."""

    def verb(cluster: Cluster, call: Call) -> str:
        changes = [word for word in call.words if "=" in word or (word.endswith("-") and len(word) > 1)]
        words = [word for word in call.words if word not in changes]
        if not changes:
            raise Mistake(f"at least one {kind_of_note[:-1]} update is required")
        notes = {word.rstrip("-"): None for word in changes if "=" not in word}
        given = {**notes, **dict(word.split("=", 1) for word in changes if "=" in word)}

        def do(kind: str, name: str) -> str:
            thing = existing(cluster, kind, name)
            has = thing["metadata"].get(kind_of_note) or {}
            for key, value in given.items():
                if value is not None and has.get(key, value) != value and not call.flags.get("overwrite"):
                    raise Mistake(f"'{key}' already has a value ({has[key]}), and --overwrite is false")
            new = cluster.api.patch(USER, kind, name, {"metadata": {kind_of_note: given}})
            changed = new is not thing
            word = f"un{done}" if changed and len(notes) == len(given) else done if changed else f"not {done}"
            return f"{shown(kind, name)} {word}"

        return each(cluster, call, do, words)

    return verb


def patch(cluster: Cluster, call: Call) -> str:
    try:
        change = json.loads(call.need("patch"))
    except (ValueError, RecursionError):
        found = list(manifests.load(call.flags["patch"]))
        if len(found) != 1 or not isinstance(found[0], dict | list):
            raise Mistake(f'unable to parse "{call.flags["patch"][:60]}"') from None
        change = found[0]
    way, sub = call.flags.get("type", "strategic"), call.flags.get("subresource", "")
    if way not in ("strategic", "merge", "json") or sub not in ("", "status", "scale"):
        raise Mistake("--type must be one of [json merge strategic], --subresource one of [status scale]")
    if manifests.depth(change) > manifests.DEEPEST:
        raise Mistake("the patch is nested too deeply")

    def do(kind: str, name: str) -> str:
        old = existing(cluster, kind, name)
        wanted = manifests.patched(old, change) if way == "json" else merge(old, change) if isinstance(change, dict) else None
        if (
            not isinstance(wanted, dict)
            or not isinstance(wanted.get("metadata"), dict)
            or not isinstance(wanted.get("spec", {}), dict)
        ):
            raise Mistake("the patch does not fit the object")
        if (wanted.get("kind"), wanted["metadata"].get("name")) != (kind, name):
            raise Mistake("the name or kind of an object cannot be patched")
        if sub == "status":
            change_of_status = {"status": wanted.get("status")} if way == "json" else {"status": change.get("status") or {}}
            new = cluster.api.patch(USER, kind, name, change_of_status, sub)
        else:
            wanted["metadata"] = {**wanted["metadata"], "resourceVersion": old["metadata"]["resourceVersion"]}
            new = cluster.api.update(USER, wanted, call=f"patch {plural(kind)}" + (f"/{sub}" if sub else ""))
        return f"{shown(kind, name)} patched" + ("" if new is not old else " (no change)")

    return each(cluster, call, do)


def _cordon(unschedulable: bool) -> Callable[[Cluster, Call], str]:
    def verb(cluster: Cluster, call: Call) -> str:
        return each(cluster, call, lambda _, name: cordon(cluster, name, unschedulable), _nodes(call))

    return verb


def _nodes(call: Call) -> list[str]:
    if not call.words and "selector" not in call.flags:
        raise Mistake("USAGE: NODE [flags]")
    return [
        "nodes",
        *(word.removeprefix("node/").removeprefix("nodes/") for word in call.words if word not in ("node", "nodes")),
    ]


def cordon(cluster: Cluster, name: str, unschedulable: bool) -> str:
    node = existing(cluster, "Node", name)
    done = "cordoned" if unschedulable else "uncordoned"
    if bool(node["spec"].get("unschedulable")) == unschedulable:
        return f"node/{name} already {done}"
    cluster.api.patch(USER, "Node", name, {"spec": {"unschedulable": True if unschedulable else None}})
    return f"node/{name} {done}"


def drain(cluster: Cluster, call: Call) -> str:
    """Cordons, then evicts every Pod; a refused eviction is asked for again each 5 s, in the background of the script."""

    def do(_: str, name: str) -> str:
        answers = [cordon(cluster, name, True)]
        pods = [pod for pod in cluster.api.find("Pod", ("node", name)) if not leaving(pod)]
        alone = [name_of(pod) for pod in pods if not owner_of(pod)]
        if alone and not call.flags.get("force"):
            listed = ", ".join(f"default/{pod}" for pod in sorted(alone))
            reason = f"cannot delete Pods that declare no controller (use --force to override): {listed}"
            return f'{answers[0]}\nerror: unable to drain node "{name}" due to error: {reason}, continuing command...'
        return "\n".join([*answers, *_evict(cluster, name, {uid_of(pod): name_of(pod) for pod in pods}), ""])

    return each(cluster, call, do, _nodes(call))


def _evict(cluster: Cluster, node: str, pods: dict[str, str], seen: int = -1) -> list[str]:
    """One round of evictions; the next one is quiet when nothing has changed since the last."""
    answers, left = [], {}
    for uid, name in pods.items():
        pod = cluster.get("Pod", name)
        if pod is None or uid_of(pod) != uid or leaving(pod):
            continue
        answers.append(f"evicting pod default/{name}")
        try:
            cluster.api.evict(USER, name)
        except Rejected as refused:
            again = refused.code in (429, 503)
            answers.append(
                f'error when evicting pods/"{name}" -n "default"'
                + (" (will retry after 5s): " if again else ": ")
                + refused.message
            )
            if again:
                left[uid] = name
    world = cluster.changes
    if left:
        cluster.retry(AGAIN, lambda: _evict(cluster, node, left, world), world if seen == world else None)
    else:
        answers.append(f"node/{node} drained")
    return answers


def taint(cluster: Cluster, call: Call) -> str:
    words = [word for word in call.words if ":" not in word and not word.endswith("-")]
    asked = [word for word in call.words if word not in words]
    if not asked:
        raise Mistake("at least one taint update is required")

    def do(kind: str, name: str) -> str:
        node = existing(cluster, kind, name)
        kept = list(node["spec"].get("taints") or [])
        for word in asked:
            gone = word.endswith("-")
            pair, _, effect = word.rstrip("-").partition(":")
            key, _, value = pair.partition("=")
            if effect not in ("NoSchedule", "NoExecute", "PreferNoSchedule") and not (gone and not effect):
                raise Mistake(f"invalid taint effect: {effect[:40]}, unsupported taint effect")
            kept = [t for t in kept if t["key"] != key or (effect and t["effect"] != effect)]
            if not gone:
                kept.append({"key": key, **({"value": value} if value else {}), "effect": effect, "timeAdded": cluster.api.now})
        spec = {key: value for key, value in node["spec"].items() if key != "taints"} | ({"taints": kept} if kept else {})
        cluster.api.update(USER, {**node, "spec": spec}, call="patch nodes")
        return f"node/{name} {'untainted' if all(word.endswith('-') for word in asked) else 'tainted'}"

    return each(cluster, call, do, words)


# Reading


def get(cluster: Cluster, call: Call) -> str:
    if call.flags.get("watch"):
        raise Mistake("-w watches without end; ask again instead")
    if not call.words:
        raise Mistake("You must specify the type of resource to get.")
    form = call.flags.get("output", "")
    if form not in ("", "wide", "yaml", "json", "name"):
        raise Mistake(
            f'unable to match a printer suitable for the output format "{form[:40]}", allowed formats are: json,name,wide,yaml'
        )
    groups, errors = _wanted(cluster, call)
    things = [thing for _, found in groups for thing in found]
    if form in ("yaml", "json"):
        answer = printers.dump(things, form, single=len(call.words) > 1 or "/" in call.words[0]) if things or not errors else ""
    elif form == "name":
        answer = "\n".join(shown(thing["kind"], name_of(thing)) for thing in things)
    else:
        many = len(groups) > 1
        tables = [printers.table(cluster, kind, found, form == "wide", bool(call.flags.get("show-labels")), many,
                                 not call.flags.get("no-headers")) for kind, found in groups if found]  # fmt: skip
        answer = "\n\n".join(tables)
    if not things and not errors and form in ("", "wide"):
        return "No resources found" + ("" if groups and groups[0][0] == "Node" else " in default namespace.")
    return "\n".join(filter(None, [answer, *errors]))


def _wanted(cluster: Cluster, call: Call) -> tuple[list[tuple[str, list[Object]]], list[str]]:
    """The objects asked for by kind, and what the API server says about those that are not there."""
    groups: dict[str, list[Object]] = {}
    errors = []
    if "/" in call.words[0] or call.words[1:]:
        for kind, name in targets(cluster, call):
            found = cluster.get(kind, name)
            if found is None:
                errors.append(f'Error from server (NotFound): {printers.resource(kind)} "{name}" not found')
            else:
                groups.setdefault(kind, []).append(found)
    else:
        words = call.words[0].split(",")
        kinds = ["Pod", "Service", "Deployment", "ReplicaSet"] if words == ["all"] else [kind_of(word) for word in words]
        for kind in kinds:
            groups[kind] = chosen(cluster, kind, call.flags.get("selector"))
    return list(groups.items()), errors


def describe(cluster: Cluster, call: Call) -> str:
    words = call.words
    if len(words) == 1 and "/" not in words[0]:
        found = chosen(cluster, kind_of(words[0]), call.flags.get("selector"))
    else:
        found = [existing(cluster, kind, name) for kind, name in targets(cluster, call)]
    return "\n\n\n".join(printers.describe(cluster, thing) for thing in found) or "No resources found in default namespace."


def logs(cluster: Cluster, call: Call) -> str:
    if call.flags.get("follow"):
        raise Mistake("-f follows without end; ask again instead")
    if not call.words:
        raise Mistake(
            "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\n"
            "POD or TYPE/NAME is a required argument for the logs command"
        )
    kind, name = ("Pod", call.words[0]) if "/" not in call.words[0] else targets(cluster, call, call.words[:1])[0]
    thing = cluster.get(kind, name)
    if thing is None:
        raise Mistake(f'error from server (NotFound): {printers.resource(kind)} "{name}" not found in namespace "default"')
    if kind != "Pod":
        labels = (thing["spec"].get("selector") or {}).get("matchLabels") or {}
        pods = sorted((pod for pod in cluster.list("Pod") if selects(labels, labels_of(pod))), key=name_of)
        if not pods:
            raise Mistake(f"timed out waiting for the condition: no pods of {shown(kind, name)}")
        thing = pods[0]
    return printers.logs(
        cluster, thing, call.flags.get("container", ""), bool(call.flags.get("previous") or call.flags.get("patch"))
    )


def events(cluster: Cluster, call: Call) -> str:
    about = None
    if "for" in call.flags:
        about = targets(cluster, call, [call.flags["for"]])[0]
    return printers.events(cluster, about) or "No events found in default namespace."


def rollout_status(cluster: Cluster, call: Call) -> str:
    return each(cluster, call, lambda kind, name: printers.rollout(_deployment(cluster, kind, name)))


def rollout_history(cluster: Cluster, call: Call) -> str:
    def do(kind: str, name: str) -> str:
        known = revisions(cluster, _deployment(cluster, kind, name))
        if wanted := call.flags.get("revision", 0):
            if wanted not in known:
                raise Mistake(f"unable to find the specified revision: {wanted}")
            return printers.revision(name, wanted, known[wanted])
        return printers.history(name, known)

    return each(cluster, call, do)


def autoscale(cluster: Cluster, call: Call) -> str:
    raise Mistake("there is no autoscaler here: scale by hand with kubectl scale")


WRITES = "dry-run wait"
VERBS = {
    "create deployment": Verb(create_deployment, f"image* replicas# port# {WRITES}"),
    "create poddisruptionbudget": Verb(create_pdb, f"min-available= max-unavailable= {WRITES}"),
    "create pdb": Verb(create_pdb, f"min-available= max-unavailable= {WRITES}"),
    "create -f": Verb(create_file, f"filename= {WRITES} validate"),
    "run": Verb(run_pod, f"image= restart= port# labels= env* command {WRITES}"),
    "expose": Verb(expose, f"port# target-port= name= type= protocol= {WRITES}"),
    "apply": Verb(apply, f"filename= server-side validate recursive {WRITES}"),
    "replace": Verb(replace, f"filename= validate force {WRITES}"),
    "scale": Verb(scale, "replicas# current-replicas# all"),
    "set image": Verb(set_image, "all"),
    "set resources": Verb(set_resources, "requests= limits= containers= all"),
    "rollout undo": Verb(rollout_undo, "to-revision#"),
    "rollout restart": Verb(rollout_restart),
    "rollout pause": Verb(_rollout_paused(True)),
    "rollout resume": Verb(_rollout_paused(False)),
    "rollout status": Verb(rollout_status, "watch revision#", reads=True),
    "rollout history": Verb(rollout_history, "revision#", reads=True),
    "delete": Verb(delete, "filename= cascade grace-period# force now all wait ignore-not-found"),
    "label": Verb(_notes("labels", "labeled"), "overwrite all"),
    "annotate": Verb(_notes("annotations", "annotated"), "overwrite all"),
    "patch": Verb(patch, "patch= type= subresource="),
    "cordon": Verb(_cordon(True)),
    "uncordon": Verb(_cordon(False)),
    "drain": Verb(drain, "ignore-daemonsets delete-emptydir-data force grace-period# disable-eviction pod-selector="),
    "taint": Verb(taint, "overwrite all"),
    "autoscale": Verb(autoscale, "min# max# cpu-percent# cpu="),
    "get": Verb(get, "watch show-labels no-headers sort-by= watch-only show-kind ignore-not-found", reads=True),
    "describe": Verb(describe, "show-events", reads=True),
    "logs": Verb(logs, "container= previous follow tail# since= patch timestamps all-containers", reads=True),
    "events": Verb(events, "for= types= watch", reads=True),
}
__all__ = ["BUDGET", "Call", "parse", "run"]
