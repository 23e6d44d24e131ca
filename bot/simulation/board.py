"""Draws the state of a cluster as one board: the receipt (what is wished), the counter (what there is), and who acts now."""

from __future__ import annotations

from collections.abc import Iterable

from bot.knowledge.base import Knowledge, Picture
from bot.knowledge.schema import Language
from bot.replies import Block, Paragraph, Span, say
from bot.simulation.cluster import Cluster
from bot.simulation.objects import leaving, name_of, status_of
from bot.simulation.printers import pod_status
from bot.simulation.steps import step_of, teller, words
from bot.simulation.trace import Line

MOST = 6  # trays that are drawn one by one
LINES = 3  # story lines at a time
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


class Board:
    """A way to draw, in one picture and one language."""

    def __init__(self, knowledge: Knowledge, picture: Picture, language: Language) -> None:
        self.knowledge, self.picture, self.language = knowledge, picture, language
        self.tell = teller(picture.narration)

    def draw(self, cluster: Cluster, lines: Iterable[Line], number: int = 1) -> list[Block]:
        """The board; `lines` are what has happened since it was last drawn, `number` that of the order."""
        told = [line for line in lines if step_of(line)]
        return [self._receipt(cluster, number), self._counter(cluster), *self._now(told)]

    def actor(self, line: Line) -> str:
        """The concept that acts in a line."""
        return ACTORS.get(line.source.split("/", maxsplit=1)[0], "kube-apiserver")

    def _say(self, key: str, **gaps: object) -> str:
        return self.knowledge.say(key, self.language, **gaps)

    def _receipt(self, cluster: Cluster, number: int) -> Block:
        """As a shop prints it, and the object's real fields."""
        order = next(iter(cluster.list("Deployment")), None)
        if order is None:
            return say(self._say("board.no-receipt"))
        cups = int(order["spec"]["replicas"])
        image = order["spec"]["template"]["spec"]["containers"][0]["image"]
        minutes = 19 * 60 + 45 + cluster.clock.now // 60_000
        paid = {"cups": cups, "price": f"{PRICE}.00", "total": f"{PRICE * cups}.00", "number": f"{number:04}"}
        time = f"{minutes // 60 % 24:02}:{minutes % 60:02}"
        head = Span(self._say("board.receipt", **paid, date="2025-10-21", time=time) + "\n")
        fields = f"Deployment/{name_of(order)} replicas={cups} image={image} generation={order['metadata']['generation']}"
        return Paragraph((head, Span(fields, "code")))

    def _counter(self, cluster: Cluster) -> Block:
        """How many are ready, and each tray with its shop."""
        order = next(iter(cluster.list("Deployment")), None)
        status = status_of(order) if order else {}
        wanted = order["spec"]["replicas"] if order else 0
        head = self._say("board.counter", ready=status.get("readyReplicas", 0), wanted=wanted)
        pods = sorted(cluster.list("Pod"), key=name_of)
        spans = [Span(head, "strong")]
        for pod in pods[:MOST]:
            state = pod_status(pod)
            shop = pod["spec"].get("nodeName") or "–"
            mark = "✅" if state == "Running" and _ready(pod) else MARKS.get(state, "🥤")
            spans.append(Span(f"\n{mark} {name_of(pod)} · {shop} · {state}"))
        if len(pods) > MOST:
            spans.append(Span("\n" + self._say("board.further", count=len(pods) - MOST)))
        silent = [name_of(node) for node in cluster.list("Node") if _node_ready(node) != "True"]
        if silent:
            spans.append(Span("\n" + self._say("board.silent", names=", ".join(silent))))
        return Paragraph(tuple(spans))

    def _now(self, told: list[Line]) -> list[Block]:
        """Who acts, what the picture tells of it, and the same in Kubernetes' words."""
        if not told:
            return [say(self._say("board.quiet"))]
        blocks: list[Block] = []
        for line in told[-LINES:]:
            concept = self.actor(line)
            role = self.picture.roles.get(concept)
            name = self.knowledge.concepts[concept].name[self.language] if concept in self.knowledge.concepts else concept
            who = f"{role.role[self.language]} ({name})" if role else name
            story = self.tell(line).get(self.language, "")
            plain = f"{line.source}: {line.name} {_plain(line)}"
            blocks.append(Paragraph((Span(f"👉 {who}\n", "strong"), Span(story + "\n"), Span(plain, "code"))))
        return blocks


def _plain(line: Line) -> str:
    """A line in Kubernetes' words, short enough for a phone."""
    if line.verb == "EVENT":
        return f"{line.reason}: {(line.message or '')[:60]}"
    if line.verb != "MODIFIED":
        return line.verb
    gaps = words(line)
    if gaps["node"] and "spec.nodeName" in (line.changed or {}):
        return f"nodeName={gaps['node']}"
    path, value = next(iter((line.changed or {}).items()), ("", ""))
    shown = {
        "status.conditions[Ready].status": "Ready",
        "spec.replicas": "replicas",
        "metadata.deletionTimestamp": "deletionTimestamp",
    }
    telling = next((each for each in shown if each in (line.changed or {})), "")
    path, value = (shown[telling], (line.changed or {})[telling]) if telling else (path.rsplit(".", 1)[-1], value)
    return f"{path}: {value[0]}→{value[1]}" if isinstance(value, list) and len(value) == 2 else f"{path}={value}"


def _ready(pod: dict[str, object]) -> bool:
    return not leaving(pod) and _condition(pod) == "True"


def _node_ready(node: dict[str, object]) -> str:
    return _condition(node)


def _condition(thing: dict[str, object]) -> str:
    return next((str(each["status"]) for each in status_of(thing).get("conditions") or [] if each["type"] == "Ready"), "")
