"""kubectl: a client like any other. It reads, writes and answers as kubectl does, and says what it cannot do here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.errors import Refused
from bot.simulation import flags, reading, writing
from bot.simulation.apiserver import REFUSED, Rejected
from bot.simulation.cluster import Cluster
from bot.simulation.words import Call, Mistake, refusal


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
    args, given = flags.read(left, f"{VERBS[verb].flags} {flags.COMMON}".split(), verb)
    files = given.get("filename")
    if files is not None and (files != "-" or document is None):
        raise Refused("error: manifests come from a here-document: kubectl apply -f - <<EOF")
    if document is not None and files is None:
        raise Refused("error: must specify -f - for a here-document")
    if verb in ("apply", "create -f", "replace") and files is None:
        raise Refused("error: must specify one of -f and -k")
    return Call(verb, args, given, document)


def reads(call: Call) -> bool:
    """Does the command only look?"""
    return VERBS[call.verb].reads


def run(cluster: Cluster, call: Call) -> str:
    """Does it, and returns what kubectl would print."""
    try:
        if call.flags.get("namespace", "default") != "default":
            raise Mistake(f'namespaces "{call.flags["namespace"]}" not found; everything here is in "default"')
        if VERBS[call.verb].reads and not cluster.api.running:
            return REFUSED
        return VERBS[call.verb].does(cluster, call)
    except Mistake as mistake:
        return f"error: {mistake}"
    except Rejected as refused:
        return refusal(refused)


WRITES = "dry-run wait"
VERBS = {
    "create deployment": Verb(writing.create_deployment, f"image* replicas# port# {WRITES}"),
    "create poddisruptionbudget": Verb(writing.create_pdb, f"min-available= max-unavailable= {WRITES}"),
    "create pdb": Verb(writing.create_pdb, f"min-available= max-unavailable= {WRITES}"),
    "create -f": Verb(writing.create_file, f"filename= {WRITES} validate"),
    "run": Verb(writing.run_pod, f"image= restart= port# labels= env* command {WRITES}"),
    "expose": Verb(writing.expose, f"port# target-port= name= type= protocol= {WRITES}"),
    "apply": Verb(writing.apply, f"filename= server-side validate recursive {WRITES}"),
    "replace": Verb(writing.replace, f"filename= validate force {WRITES}"),
    "scale": Verb(writing.scale, "replicas# current-replicas# all"),
    "set image": Verb(writing.set_image, "all"),
    "set resources": Verb(writing.set_resources, "requests= limits= containers= all"),
    "rollout undo": Verb(writing.rollout_undo, "to-revision#"),
    "rollout restart": Verb(writing.rollout_restart),
    "rollout pause": Verb(writing.rollout_paused(True)),
    "rollout resume": Verb(writing.rollout_paused(False)),
    "rollout status": Verb(reading.rollout_status, "watch revision#", reads=True),
    "rollout history": Verb(reading.rollout_history, "revision#", reads=True),
    "delete": Verb(writing.delete, "filename= cascade grace-period# force now all wait ignore-not-found"),
    "label": Verb(writing.notes("labels", "labeled"), "overwrite all"),
    "annotate": Verb(writing.notes("annotations", "annotated"), "overwrite all"),
    "patch": Verb(writing.patch, "patch= type= subresource="),
    "cordon": Verb(writing.cordoning(True)),
    "uncordon": Verb(writing.cordoning(False)),
    "drain": Verb(writing.drain, "ignore-daemonsets delete-emptydir-data force grace-period# disable-eviction pod-selector="),
    "taint": Verb(writing.taint, "overwrite all"),
    "autoscale": Verb(reading.autoscale, "min# max# cpu-percent# cpu="),
    "get": Verb(reading.get, "watch show-labels no-headers sort-by= watch-only show-kind ignore-not-found", reads=True),
    "describe": Verb(reading.describe, "show-events", reads=True),
    "logs": Verb(reading.logs, "container= previous follow tail# since= patch timestamps all-containers", reads=True),
    "events": Verb(reading.events, "for= types= watch", reads=True),
}
