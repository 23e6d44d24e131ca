"""kubectl's reading verbs; they write nothing."""

from __future__ import annotations

from bot.simulation import descriptions, printers
from bot.simulation.cluster import Cluster
from bot.simulation.kinds import shown
from bot.simulation.objects import UNSPACED, Object, labels_of, name_of, selects
from bot.simulation.registration import VERSION
from bot.simulation.words import Call, Mistake, chosen, deployment_of, each, existing, kind_of, revisions, targets

NOTHING = (
    'You must specify the type of resource to {0}. Use "kubectl api-resources" for a complete list of supported resources.\n\n'
    "error: Required resource not specified.\n"
    'Use "kubectl explain <resource>" for a detailed description of that resource (e.g. kubectl explain pods).\n'
    "See 'kubectl {0} -h' for help and examples"
)


def get(cluster: Cluster, call: Call) -> str:
    if not call.words:
        return NOTHING.format("get")
    space = _space(call)
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
        given = call.flags.get
        tables = [printers.table(cluster, kind, found, form == "wide", bool(given("show-labels")), many,
                                 not given("no-headers"), bool(given("all-namespaces")))
                  for kind, found in groups if found]  # fmt: skip
        answer = "\n\n".join(tables)
    if not things and not errors and form in ("", "wide"):
        return "No resources found" + ("" if groups and groups[0][0] in UNSPACED else f" in {space} namespace.")
    return "\n".join(filter(None, [answer, *errors]))


def _space(call: Call) -> str:
    """The namespace that is asked about."""
    return "default" if call.flags.get("all-namespaces") else str(call.flags.get("namespace", "default"))[:60]


def _wanted(cluster: Cluster, call: Call) -> tuple[list[tuple[str, list[Object]]], list[str]]:
    """The objects asked for by kind, and what the API server says about those that are not there."""
    groups: dict[str, list[Object]] = {}
    errors = []
    if "/" in call.words[0] or call.words[1:]:
        for kind, name in targets(cluster, call):
            found = cluster.get(kind, name) if kind in UNSPACED or _space(call) == "default" else None
            if found is None:
                errors.append(f'Error from server (NotFound): {printers.resource(kind)} "{name}" not found')
            else:
                groups.setdefault(kind, []).append(found)
    else:
        words = call.words[0].split(",")
        kinds = ["Pod", "Service", "Deployment", "ReplicaSet"] if words == ["all"] else [kind_of(word) for word in words]
        for kind in kinds:
            here = kind in UNSPACED or _space(call) == "default"
            groups[kind] = chosen(cluster, kind, call.flags.get("selector")) if here else []
    return list(groups.items()), errors


def describe(cluster: Cluster, call: Call) -> str:
    words = call.words
    if not words:
        return NOTHING.format("describe")
    if len(words) == 1 and "/" not in words[0]:
        found = chosen(cluster, kind_of(words[0]), call.flags.get("selector"))
    else:
        found = [existing(cluster, kind, name) for kind, name in targets(cluster, call)]
    return "\n\n\n".join(descriptions.describe(cluster, thing) for thing in found) or "No resources found in default namespace."


def logs(cluster: Cluster, call: Call) -> str:
    if not call.words:
        raise Mistake(
            "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\n"
            "POD or TYPE/NAME is a required argument for the logs command\n"
            "See 'kubectl logs -h' for help and examples"
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
    return printers.logs(cluster, thing, call.flags.get("container", ""), bool(call.flags.get("previous")))


def events(cluster: Cluster, call: Call) -> str:
    about = None
    if "for" in call.flags:
        about = targets(cluster, call, [call.flags["for"]])[0]
    found = printers.events(cluster, about) if _space(call) == "default" else ""
    return found or f"No events found in {_space(call)} namespace."


def rollout_status(cluster: Cluster, call: Call) -> str:
    return each(cluster, call, lambda kind, name: printers.rollout(deployment_of(cluster, kind, name)))


def rollout_history(cluster: Cluster, call: Call) -> str:
    def do(kind: str, name: str) -> str:
        known = revisions(cluster, deployment_of(cluster, kind, name))
        if wanted := call.flags.get("revision", 0):
            if wanted not in known:
                raise Mistake(f"unable to find the specified revision: {wanted}")
            return printers.revision(name, wanted, known[wanted])
        return printers.history(name, known)

    return each(cluster, call, do)


def version(cluster: Cluster, call: Call) -> str:
    return f"Client Version: {VERSION}" + ("" if call.flags.get("client") else f"\nServer Version: {VERSION}")


def cluster_info(cluster: Cluster, call: Call) -> str:
    return (
        "Kubernetes control plane is running at https://127.0.0.1:6443\n\n"
        "To further debug and diagnose cluster problems, use 'kubectl cluster-info dump'."
    )
