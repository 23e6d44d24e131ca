"""kubectl's writing verbs: what they ask of the API server, and what they answer."""

from __future__ import annotations

import json
from collections.abc import Callable

from bot.simulation import manifests, printers
from bot.simulation.apiserver import Rejected
from bot.simulation.cluster import Cluster
from bot.simulation.deployment import HASH
from bot.simulation.flags import integer
from bot.simulation.kinds import plural, shown
from bot.simulation.objects import UNSPACED, Object, clone, labels_of, leaving, merge, name_of, owner_of, uid_of
from bot.simulation.words import ONE_OR_MORE, USER, Call, Mistake, deployment_of, each, existing, refusal, revisions, targets

AGAIN = 5000  # ms after which a drain asks again
FORCED = (
    "Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. "
    "The resource may continue to run on the cluster indefinitely.\n"
)


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
    if len(call.words) != 1 and call.verb == "run":
        raise Mistake("NAME is required for run" if not call.words else f"unknown arguments: {' '.join(call.words[1:])[:60]}")
    if len(call.words) != 1:
        hint = f"\nSee 'kubectl {call.verb} -h' for help and examples"
        raise Mistake(f"exactly one NAME is required, got {len(call.words)}{hint}")
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
            spec[key] = integer(flag, value) if not value.endswith("%") else value
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
    if not words:
        raise Mistake(ONE_OR_MORE if images else f"[{ONE_OR_MORE}, at least one image update is required]")
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


def rollout_undo(cluster: Cluster, call: Call) -> str:
    def do(kind: str, name: str) -> str:
        deployment = deployment_of(cluster, kind, name)
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
        deployment_of(cluster, kind, name)
        note = {"kubectl.kubernetes.io/restartedAt": cluster.api.now}
        cluster.api.patch(USER, kind, name, {"spec": {"template": {"metadata": {"annotations": note}}}})
        return f"{shown(kind, name)} restarted"

    return each(cluster, call, do)


def rollout_paused(paused: bool) -> Callable[[Cluster, Call], str]:
    def verb(cluster: Cluster, call: Call) -> str:
        def do(kind: str, name: str) -> str:
            if bool(deployment_of(cluster, kind, name)["spec"].get("paused")) == paused:
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
        where = "" if kind in UNSPACED else " from default namespace"
        return f'{printers.singular(kind)} "{name}" {"force " if force else ""}deleted{where}'

    if call.document is not None:
        found = [thing for thing in manifests.read(call.document) if isinstance(thing, dict)]
        if not found:
            raise Mistake("no objects passed to delete")
        answer = each(cluster, call, do, [f"{thing['kind'].lower()}/{name_of(thing)}" for thing in found])
    else:
        answer = each(cluster, call, do)
    return (FORCED if force else "") + answer


def notes(kind_of_note: str, done: str) -> Callable[[Cluster, Call], str]:
    """`label` and `annotate`: KEY=VALUE sets, KEY- removes."""

    def verb(cluster: Cluster, call: Call) -> str:
        changes = [word for word in call.words if "=" in word or (word.endswith("-") and len(word) > 1)]
        words = [word for word in call.words if word not in changes]
        if not words:
            raise Mistake(ONE_OR_MORE)
        if not changes:
            raise Mistake(f"at least one {kind_of_note[:-1]} update is required")
        gone = {word.rstrip("-"): None for word in changes if "=" not in word}
        given = {**gone, **dict(word.split("=", 1) for word in changes if "=" in word)}

        def do(kind: str, name: str) -> str:
            thing = existing(cluster, kind, name)
            has = thing["metadata"].get(kind_of_note) or {}
            for key, value in given.items():
                if value is not None and has.get(key, value) != value and not call.flags.get("overwrite"):
                    raise Mistake(f"'{key}' already has a value ({has[key]}), and --overwrite is false")
            new = cluster.api.patch(USER, kind, name, {"metadata": {kind_of_note: given}})
            changed = new is not thing
            word = f"un{done}" if changed and len(gone) == len(given) else done if changed else f"not {done}"
            return f"{shown(kind, name)} {word}"

        return each(cluster, call, do, words)

    return verb


def patch(cluster: Cluster, call: Call) -> str:
    try:
        if "patch" not in call.flags:
            raise Mistake("must specify --patch or --patch-file containing the contents of the patch")
        change = json.loads(call.flags["patch"])
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


def cordoning(unschedulable: bool) -> Callable[[Cluster, Call], str]:
    def verb(cluster: Cluster, call: Call) -> str:
        return each(cluster, call, lambda _, name: cordon(cluster, name, unschedulable), _nodes(call))

    return verb


def _nodes(call: Call) -> list[str]:
    if not call.words and "selector" not in call.flags:
        raise Mistake(f"USAGE: {call.verb} NODE [flags]")
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
    answers, left, done = [], {}, []
    for uid, name in pods.items():
        pod = cluster.get("Pod", name)
        if pod is None or uid_of(pod) != uid or leaving(pod):
            continue
        answers.append(f"evicting pod default/{name}")
        try:
            cluster.api.evict(USER, name)
            done.append(f"pod/{name} evicted")
        except Rejected as refused:
            again = refused.code in (429, 503)
            answers.append(
                f'error when evicting pods/"{name}" -n "default"'
                + (" (will retry after 5s): " if again else ": ")
                + refused.message
            )
            if again:
                left[uid] = name
    answers += done
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
