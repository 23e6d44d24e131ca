"""The trace: one line for each thing that happened, in the order of revisions, with the fields of the recordings.

ACTION is what somebody did, OUTPUT what kubectl answered, REJECTED an API call that stored nothing. `changed` holds the main
fields of a new object, and `path: [old, new]` of a changed one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from bot.simulation.clock import Clock
from bot.simulation.objects import API, Object

KEYS: dict[str, Callable[[Object], str]] = {  # lists whose items have an identity
    "conditions": lambda item: item.get("type", ""),
    "containers": lambda item: item.get("name", ""),
    "containerStatuses": lambda item: item.get("name", ""),
    "taints": lambda item: f"{item.get('key')}:{item.get('effect')}",
    "endpoints": lambda item: "".join(item.get("addresses", [])),
}
HIDDEN = {
    "resourceVersion", "managedFields", "uid", "creationTimestamp", "namespace", "lastTransitionTime", "lastUpdateTime",
    "timeAdded", "tolerations", "volumes", "targetRef", "addresses",
}  # fmt: skip
LAST = "metadata.annotations.kubectl.kubernetes.io/last-applied-configuration"
IDENTITY = {"type", "name", "key"}  # of an item in such a list: its path says it already
TIMES = {"deletionTimestamp", "startTime", "startedAt", "finishedAt"}
META, IMAGES = "metadata.", "spec.template.spec.containers["
MAIN = {
    "Deployment": (f"{META}generation", "spec.replicas", IMAGES, "spec.strategy", "spec.progressDeadlineSeconds"),
    "ReplicaSet": (META, "spec.replicas", IMAGES, "status.replicas"),
    "Pod": (META, "spec.containers[", "spec.restartPolicy", "spec.terminationGracePeriodSeconds", "status"),
    "Node": (f"{META}name", "spec.taints", "status.allocatable", "status.conditions"),
    "Service": ("spec",),
    "EndpointSlice": (f"{META}ownerReferences", "endpoints", "ports"),
    "PodDisruptionBudget": (f"{META}generation", "spec"),
}


@dataclass(frozen=True)
class Line:
    seq: int
    t: float
    source: str
    verb: str
    kind: str = "-"
    name: str = "-"
    rv: int | None = None
    call: str | None = None
    changed: dict[str, Any] | None = None
    type: str | None = None
    reason: str | None = None
    message: str | None = None
    count: int | None = None
    code: int | None = None
    text: str | None = None
    story: dict[str, str] | None = None

    def as_json(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if value is not None}

    def __str__(self) -> str:
        """One plain line, in Kubernetes' words."""
        head = f"{self.t:8.3f}s  "
        if self.verb == "ACTION":
            return f"{head}$ {self.text}"
        if self.verb == "OUTPUT":
            return "\n".join(f"{' ' * 11}{line}" for line in (self.text or "").splitlines())
        what = {
            "EVENT": f"{self.reason}: {self.message}",
            "REJECTED": f"{self.call}: {self.code} {self.message}",
            "ADDED": "created",
            "DELETED": "gone",
        }.get(self.verb) or ", ".join(_told(path, value) for path, value in (self.changed or {}).items())
        return f"{head}{self.source:26} {self.verb:8} {self.name:22} {what}"


Story = Callable[[Line], dict[str, str]]


class Trace:
    def __init__(self, clock: Clock, story: Story | None = None) -> None:
        self._clock, self._story = clock, story
        self._seq = 0
        self._lines: list[Line] = []

    def take(self) -> list[Line]:
        """The lines since the last time."""
        lines, self._lines = self._lines, []
        return lines

    def say(self, verb: str, text: str, source: str = "user") -> None:
        self._add(source=source, verb=verb, text=text)

    def tell(
        self,
        verb: str,
        source: str,
        kind: str,
        name: str,
        *,
        call: str | None = None,
        old: Object | None = None,
        new: Object | None = None,
        revision: int | None = None,
        about: str = "",
        event: Object | None = None,
        **more: Any,
    ) -> None:
        if event:
            more |= {key: event[key] for key in ("reason", "type", "message")}
            more["count"] = event["count"] if event["count"] > 1 else None
        if verb == "ADDED" and new:
            found: dict[str, Any] = {}
            _differ("", {}, new, found)
            more["changed"] = {
                path: pair[1] for path, pair in found.items() if path.startswith(MAIN.get(kind, ())) and path != LAST
            }
        elif verb == "MODIFIED":
            more["changed"] = {}
            _differ("", old or {}, new or {}, more["changed"])
        elif verb == "DELETED":
            more["changed"] = {}
        if new:
            revision = int(new["metadata"]["resourceVersion"])
        self._add(source=source, verb=verb, kind=kind, name=f"{API[about or kind][3]}/{name}", rv=revision, call=call, **more)

    def _add(self, **fields: Any) -> None:
        self._seq += 1
        line = Line(seq=self._seq, t=round(self._clock.now / 1000, 3), **fields)
        if self._story and (told := self._story(line)):
            line = Line(**{**line.__dict__, "story": told})
        self._lines.append(line)


def _differ(path: str, old: Any, new: Any, found: dict[str, Any]) -> None:
    if old is new or old == new:
        return
    if isinstance(old, dict | None) and isinstance(new, dict | None) and (old or new) and path not in WHOLE:
        hidden = HIDDEN | IDENTITY if path.endswith("]") else HIDDEN
        for key in {**(old or {}), **(new or {})}:
            if key not in hidden:
                inner = f"{path}.{key}" if path else str(key)
                _differ(inner, (old or {}).get(key), (new or {}).get(key), found)
        return
    last = path.rsplit(".", 1)[-1]
    if last in KEYS and isinstance(old, list | None) and isinstance(new, list | None):
        before, after = ({KEYS[last](item): item for item in items or []} for items in (old, new))
        for key in {**before, **after}:
            _differ(f"{path}[{key}]", before.get(key), after.get(key), found)
        return
    found[path] = [_shown(last, old), _shown(last, new)]


WHOLE = {"involvedObject"}


def _shown(last: str, value: Any) -> Any:
    if value is not None and last in TIMES:
        return "<time>"
    if value is not None and last == "ownerReferences":
        return [f"{owner['kind']}/{owner['name']}" + (" (controller)" if owner.get("controller") else "") for owner in value]
    return value


def _told(path: str, value: Any) -> str:
    return f"{path} {value[0]}→{value[1]}" if isinstance(value, list) and len(value) == 2 else f"{path}={value}"
