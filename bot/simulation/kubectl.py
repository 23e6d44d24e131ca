"""kubectl: a client like any other. It reads, writes and answers as kubectl does, and says what it cannot do here."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from textwrap import fill

from bot.errors import NotSimulated, Refused
from bot.simulation import flags, reading, writing
from bot.simulation.apiserver import REFUSED, Rejected
from bot.simulation.cluster import NAMESPACES, Cluster
from bot.simulation.kinds import elsewhere
from bot.simulation.words import Call, Mistake, refusal


@dataclass(frozen=True)
class Verb:
    does: Callable[[Cluster, Call], str]
    flags: str = ""
    reads: bool = False


def parse(words: list[str], document: str | None = None) -> Call:
    """Understands a command line; Refused as kubectl would refuse it, NotSimulated where only the real one goes on."""
    first, words = _ordered(words)
    plain = [word for word in words if not word.startswith("-")]
    if not plain or plain[0] == "help":
        return Call("help", plain[1:2])
    if len(plain) == 1 and plain[0] in GROUPS:
        return Call("help", plain)
    verb = _verb(plain, document)
    if {"-h", "--help"} & {*first, *words[: words.index("--") if "--" in words else None]}:
        raise NotSimulated(f"kubectl {verb} --help")
    left = list(words)
    for word in verb.replace(" -f", "").split():
        left.remove("deploy" if word == "deployment" and word not in left else word)
    args, given = flags.read([*first, *left], f"{VERBS[verb].flags} {flags.COMMON}".split(), verb)
    files = given.get("filename")
    if files is not None and files != "-":
        raise Refused(f'error: the path "{files[:60]}" does not exist')
    if files is not None and document is None:
        raise Refused(f"error: the manifest follows as a here-document: kubectl {verb.split()[0]} -f - <<EOF")
    if document is not None and files is None:
        raise Refused("error: must specify -f - for a here-document")
    if verb in ("apply", "create -f", "replace") and files is None:
        raise Refused("error: must specify one of -f and -k")
    call = Call(verb, args, given, document)
    for kind in KIND.findall(document or ""):
        if elsewhere(kind):
            raise NotSimulated(f"kind: {kind}")
    for word in _kinds(call):
        if elsewhere(word):
            raise NotSimulated(f"kubectl {verb} {word}")
    if verb not in LISTS and call.flags.get("namespace", "default") in OTHERS:
        raise NotSimulated(f"kubectl --namespace {call.flags['namespace']}")
    return call


def _ordered(words: list[str]) -> tuple[list[str], list[str]]:
    """The flags that any command takes, and everything else; they may stand before the command and inside it."""
    words = list(words)
    while words[:1] == ["kubectl"]:
        del words[0]
    first: list[str] = []
    rest: list[str] = []
    left = iter(words)
    for word in left:
        if word == "--":
            rest += [word, *left]
        elif word in GLOBAL:
            first += [word, *([value] if (value := next(left, None)) is not None else [])]
        elif word.split("=")[0] in GLOBAL or not (rest or not word.startswith("-")):
            first.append(word)
        else:
            rest.append(word)
    return first, rest


def _verb(plain: list[str], document: str | None) -> str:
    """The command that the words begin with."""
    head, *more = plain
    if head == "create" and (document is not None or not more):
        return "create -f"
    if head == "create" and more[0] == "deploy":
        return "create deployment"
    verb = " ".join(plain[:2]) if " ".join(plain[:2]) in VERBS else head
    if verb in VERBS:
        if verb == "cluster-info" and more == ["dump"]:
            raise NotSimulated("kubectl cluster-info dump")
        return verb
    inner = [name.split()[1] for name in VERBS if name.startswith(f"{head} ") and "-f" not in name]
    if head in REAL or (inner and " ".join(plain[:2]) in REAL):
        raise NotSimulated(f"kubectl {' '.join(plain[: 2 if inner else 1])}")
    if head == "create":
        raise Refused(f"error: Unexpected args: [{' '.join(more)[:60]}]\nSee 'kubectl create -h' for help and examples")
    if inner:
        raise Refused(f"error: unknown command \"{' '.join(more)[:60]}\"\nSee 'kubectl {head} -h' for help and examples")
    near = [name for name in KNOWN if _distance(head.lower(), name) <= 2 or name.startswith(head.lower())]
    meant = "\n\nDid you mean this?" + "".join(f"\n\t{name}" for name in sorted(near)) if near else ""
    raise Refused(f'error: unknown command "{head[:40]}" for "kubectl"{meant}')


def _distance(one: str, other: str) -> int:
    """How many letters differ; of words that differ much in length, at least that."""
    if abs(len(one) - len(other)) > 2:
        return 3
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        last, row = row, [i]
        for j, opposite in enumerate(other, 1):
            row.append(min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != opposite)))
    return row[-1]


def _kinds(call: Call) -> list[str]:
    """The kinds that stand in the words of a command."""
    first, *more = [word for word in call.words if "=" not in word] or [""]
    if call.verb in NAMED or (call.verb == "logs" and "/" not in first):
        return []
    slashed = [word for word in (first, *more) if "/" in word]
    return [word.split("/")[0] for word in slashed or first.split(",")]


def reads(call: Call) -> bool:
    """Does the command only look?"""
    return VERBS[call.verb].reads


def run(cluster: Cluster, call: Call) -> str:
    """Does it, and returns what kubectl would print."""
    try:
        space = call.flags.get("namespace", "default")
        if call.verb not in LISTS and space != "default" and cluster.api.running:
            return f'Error from server (NotFound): namespaces "{space[:60]}" not found'
        if VERBS[call.verb].reads and call.verb != "help" and not cluster.api.running:
            return REFUSED
        return VERBS[call.verb].does(cluster, call)
    except Mistake as mistake:
        return f"error: {mistake}"
    except Rejected as refused:
        return refusal(refused)


def _help(cluster: Cluster, call: Call) -> str:
    names = {verb.replace("create -f", "create -f -") for verb in VERBS} - {"help", "create pdb"}
    names = {name for name in names if name.split()[0] in call.words} or names
    return fill("This little cluster understands kubectl " + ", ".join(sorted(names)), PAGE, subsequent_indent="  ")


PAGE = 40  # columns of a list of commands
GLOBAL = ("-n", "--namespace", "--context", "--kubeconfig", "--request-timeout", "-v", "--v")
OTHERS = tuple(name for name in NAMESPACES if name != "default")
LISTS = ("get", "events", "help", "version", "cluster-info")  # what may look into any namespace
GROUPS = ("rollout", "set")  # commands that only head others
NAMED = ("create deployment", "create poddisruptionbudget", "create pdb", "create -f", "run", "apply", "replace", "cordon",
         "uncordon", "drain", "events", "version", "cluster-info")  # their words are names  # fmt: skip
KIND = re.compile(r"""\bkind["']?\s*:\s*["']?([A-Za-z]{2,60})""")
CREATED = """
    clusterrole clusterrolebinding configmap cronjob ingress job namespace ns priorityclass pc quota resourcequota role
    rolebinding secret service svc serviceaccount sa token
"""
REAL = (
    *(f"create {kind}" for kind in CREATED.split()),
    *("set env", "set selector", "set serviceaccount", "set sa", "set subject"),
    *("alpha", "api-resources", "api-versions", "attach", "auth", "autoscale", "certificate", "completion"),
    *("config", "cp", "debug", "diff", "edit", "exec", "explain", "kustomize", "options", "plugin", "port-forward", "proxy"),
    *("top", "wait"),
)  # what only the real kubectl has
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
    "delete": Verb(writing.delete, "filename= recursive cascade grace-period# force now all wait ignore-not-found"),
    "label": Verb(writing.notes("labels", "labeled"), "overwrite all"),
    "annotate": Verb(writing.notes("annotations", "annotated"), "overwrite all"),
    "patch": Verb(writing.patch, "patch= type= subresource="),
    "cordon": Verb(writing.cordoning(True)),
    "uncordon": Verb(writing.cordoning(False)),
    "drain": Verb(writing.drain, "ignore-daemonsets delete-emptydir-data force grace-period# disable-eviction pod-selector="),
    "taint": Verb(writing.taint, "overwrite all"),
    "get": Verb(reading.get, "watch show-labels no-headers sort-by= watch-only show-kind ignore-not-found", reads=True),
    "describe": Verb(reading.describe, "show-events", reads=True),
    "logs": Verb(reading.logs, "container= previous follow tail# since= patch timestamps all-containers", reads=True),
    "version": Verb(reading.version, "client short", reads=True),
    "cluster-info": Verb(reading.cluster_info, reads=True),
    "help": Verb(_help, reads=True),
    "events": Verb(reading.events, "for= types= watch", reads=True),
}
KNOWN = tuple(dict.fromkeys(name.split()[0] for name in (*VERBS, *REAL)))  # first words
