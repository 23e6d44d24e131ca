"""Draws the state of a cluster as one board: the receipt (what is wished), the counter (what there is), and who acts now."""

from __future__ import annotations

from collections.abc import Iterable

from bot.cited import gap
from bot.knowledge.base import Knowledge, Picture
from bot.knowledge.schema import Language
from bot.replies import Block, Paragraph, Span, say
from bot.simulation.cluster import Cluster
from bot.simulation.objects import Object, leaving, name_of
from bot.simulation.printers import pod_status
from bot.simulation.statuses import holds, status_of
from bot.simulation.steps import step_of, teller, words
from bot.simulation.trace import Line

MOST = 6  # trays that are drawn one by one
KINDS = 3  # of what happened, told at a time
PRICE = 3  # yuan a cup, as in the article
ACTORS = {  # who writes, as a concept
    "user": "kubectl",
    "deployment-controller": "kube-controller-manager",
    "replicaset-controller": "kube-controller-manager",
    "node-controller": "kube-controller-manager",
    "taint-eviction-controller": "kube-controller-manager",
    "endpointslice-controller": "kube-controller-manager",
    "generic-garbage-collector": "kube-controller-manager",
    "disruption-controller": "kube-controller-manager",
    "kube-scheduler": "kube-scheduler",
    "default-scheduler": "kube-scheduler",
    "kubelet": "kubelet",
    "kube-apiserver": "kube-apiserver",
}
MARKS = {
    "Running": "🥤", "Pending": "⏳", "ContainerCreating": "🧊", "Terminating": "🧹", "Completed": "🏁",
    "CrashLoopBackOff": "💧", "Error": "💧", "OOMKilled": "💧", "ImagePullBackOff": "📖", "ErrImagePull": "📖",
}  # fmt: skip

TELLING = {  # fields that say best what a change was, and what they are called on a phone
    "spec.nodeName": "nodeName",
    "metadata.deletionTimestamp": "deletionTimestamp",
    "status.conditions[Ready].status": "Ready",
    "status.conditions[Progressing].reason": "Progressing",
    "status.conditions[Available].status": "Available",
    "status.conditions[DisruptionTarget].status": "DisruptionTarget",
    "spec.replicas": "replicas",
    "spec.unschedulable": "unschedulable",
}


class Board:
    """A way to draw, in one picture and one language."""

    def __init__(self, knowledge: Knowledge, picture: Picture, language: Language) -> None:
        self.knowledge, self.picture, self.language = knowledge, picture, language
        self.tell = teller(picture.narration)

    def draw(self, cluster: Cluster, lines: Iterable[Line], whole: bool = False) -> list[Block]:
        """The board; `lines` are what has happened since it was last drawn; `whole` shows the receipt as a shop prints it."""
        told = [line for line in lines if step_of(line)]
        return [self._receipt(cluster, whole), self._counter(cluster), *self._now(told, cluster)]

    def actor(self, line: Line) -> str:
        """The concept that acts in a line."""
        return ACTORS.get(line.source.split("/", maxsplit=1)[0], "kube-apiserver")

    def story(self, lines: Iterable[Line]) -> list[str]:
        """What happened, as the picture tells it: one sentence for each kind of thing, in the order of the first."""
        return [self._sentence(each) for each in _alike(lines)]

    def _sentence(self, lines: list[Line]) -> str:
        names = list(dict.fromkeys(words(line)["name"] for line in lines))[1:]
        shown = ", ".join([*names[:MOST], *(["…"] if len(names) > MOST else [])])
        others = gap(self.language) + self._say("board.alike", names=shown) if names else ""
        return self.tell(lines[0]).get(self.language, "") + others

    def _say(self, key: str, **gaps: object) -> str:
        return self.knowledge.say(key, self.language, **gaps)

    def _receipt(self, cluster: Cluster, whole: bool) -> Block:
        """As a shop prints it, and the object's real fields."""
        order = first(cluster)
        if order is None:
            return say(self._say("board.no-receipt"))
        cups = int(order["spec"]["replicas"])
        minutes = 19 * 60 + 45 + cluster.clock.now // 60_000
        gaps = {"number": "0001", "cups": cups, "total": f"{PRICE * cups}.00"}
        if whole:
            time = f"{minutes // 60 % 24:02}:{minutes % 60:02}"
            head = self._say("board.receipt", **gaps, price=f"{PRICE}.00", date="2025-10-21", time=time)
        else:
            head = self._say("board.short", **gaps)
        image = order["spec"]["template"]["spec"]["containers"][0]["image"]
        fields = f"replicas: {cups}  image: {image}  generation: {order['metadata']['generation']}"
        return Paragraph((Span(head + "\n"), Span(fields, "code")))

    def _counter(self, cluster: Cluster) -> Block:
        """How many are ready, and each tray with its shop."""
        order = first(cluster)
        own = name_of(order) if order else ""
        pods = sorted(
            cluster.list("Pod"), key=lambda pod: (not name_of(pod).startswith(f"{own}-"), len(name_of(pod)), name_of(pod))
        )
        ready = sum(_ready(pod) and pod_status(pod) == "Running" for pod in pods)
        spans = [Span(self._say("board.counter", ready=ready, wanted=order["spec"]["replicas"] if order else 0), "strong")]
        noted = int(status_of(order).get("readyReplicas", 0)) if order else ready
        if noted != ready:
            spans.append(Span(gap(self.language) + self._say("board.lags", noted=noted)))
        for pod in pods[:MOST]:
            state = pod_status(pod)
            mark = "✅" if state == "Running" and _ready(pod) else MARKS.get(state, "🥤")
            again = sum(int(each.get("restartCount", 0)) for each in status_of(pod).get("containerStatuses") or [])
            parts = [name_of(pod), pod["spec"].get("nodeName") or "–", state, *([f"↻{again}"] if again else [])]
            spans.append(Span(f"\n{mark} {' · '.join(parts)}"))
        if len(pods) > MOST:
            spans.append(Span("\n" + self._say("board.further", count=len(pods) - MOST)))
        if silent := [name_of(node) for node in cluster.list("Node") if not holds(node, "Ready")]:
            spans.append(Span("\n" + self._say("board.silent", names=", ".join(silent))))
        return Paragraph(tuple(spans))

    def _now(self, told: list[Line], cluster: Cluster) -> list[Block]:
        """Who acts, what the picture tells of it, and the same in Kubernetes' words."""
        if not told:
            order = first(cluster)
            wanted = int(order["spec"]["replicas"]) if order else 0
            well = all(pod_status(pod) == "Running" and _ready(pod) for pod in cluster.list("Pod"))
            settled = well and cluster.api.running and wanted == len(cluster.list("Pod"))
            return [say(self._say("board.quiet" if settled else "board.waiting"))]
        blocks: list[Block] = []
        for lines in _alike(told)[-KINDS:]:
            concept = self.actor(lines[0])
            role = self.picture.roles.get(concept)
            name = self.knowledge.concepts[concept].name[self.language] if concept in self.knowledge.concepts else concept
            who = f"{role.role[self.language]} · {name}" if role else name
            plain = f"{lines[0].source}: {lines[0].name} {_plain(lines[0])}"
            blocks.append(Paragraph((Span(f"👉 {who}\n", "strong"), Span(self._sentence(lines) + "\n"), Span(plain, "code"))))
        return blocks


def first(cluster: Cluster) -> Object | None:
    """The order that the board is about."""
    return next(iter(cluster.list("Deployment")), None)


def _alike(lines: Iterable[Line]) -> list[list[Line]]:
    """What is told of `lines`, each kind of thing together, in the order of its first."""
    found: dict[str, list[Line]] = {}
    for line in lines:
        if step := step_of(line):
            found.setdefault(step, []).append(line)
    return [*found.values()]


def _plain(line: Line) -> str:
    """A line in Kubernetes' words, short enough for a phone."""
    if line.verb == "EVENT":
        return f"{line.reason}: {(line.message or '')[:48]}"
    if line.verb != "MODIFIED":
        return line.verb
    changed = line.changed or {}
    path = next((each for each in TELLING if each in changed), next(iter(changed), ""))
    value = changed.get(path)
    if path == "spec.nodeName":
        return f"nodeName: {words(line)['node']}"
    name = TELLING.get(path, path.removesuffix(".status").rsplit(".", 1)[-1])
    return (
        f"{name}: {_word(value[0])} → {_word(value[1])}" if isinstance(value, list) and len(value) == 2 else f"{name}: {value}"
    )


def _word(value: object) -> str:
    return "–" if value is None else str(value)


def _ready(pod: Object) -> bool:
    return not leaving(pod) and holds(pod, "Ready")
