"""Which lines of a trace are worth telling: each kind has a name, and a metaphor tells it in its own words.

A narration holds one sentence for each name in STEPS; it may leave the gaps of GAPS.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from bot.simulation.trace import Line

GAPS = {"name", "node", "before", "after", "image"}
IMAGE = re.compile(r'image "([^"]+)"')


class Step(NamedTuple):
    """One kind of line: an Event by its reason and the beginning of its message, or a change by the path and the new value."""

    name: str
    verb: str
    kind: str
    key: str = ""
    value: str | None = None
    by: str = ""  # the beginning of its source


TABLE = (
    Step("order-placed", "ADDED", "deploy"),
    Step("order-changed", "MODIFIED", "deploy", "spec.replicas", by="user"),
    Step("recipe-changed", "MODIFIED", "deploy", r"spec\.template\.spec\.containers\[.*\]\.image", by="user"),
    Step("order-cancelled", "MODIFIED", "deploy", r"metadata\.deletionTimestamp"),
    Step("order-gone", "DELETED", "deploy"),
    Step("sheet-opened", "ADDED", "rs"),
    Step("counted-up", "MODIFIED", "rs", r"spec\.replicas"),
    Step("counted-down", "MODIFIED", "rs", r"spec\.replicas"),
    Step("roll-out-stuck", "MODIFIED", "deploy", r"status\.conditions\[Progressing\]\.reason", "ProgressDeadlineExceeded"),
    Step("order-filled", "MODIFIED", "deploy", r"status\.conditions\[Progressing\]\.reason", "NewReplicaSetAvailable"),
    Step("short-of-cups", "MODIFIED", "deploy", r"status\.conditions\[Available\]\.status", "False", by="deployment"),
    Step("tray-made", "ADDED", "pod"),
    Step("tray-assigned", "MODIFIED", "pod", r"spec\.nodeName"),
    Step("no-shop-fits", "EVENT", "pod", "FailedScheduling"),
    Step("recipe-fetched", "EVENT", "pod", "Pulling"),
    Step("recipe-missing", "EVENT", "pod", "Failed", "Failed to pull image"),
    Step("recipe-waits", "EVENT", "pod", "BackOff", "Back-off pulling"),
    Step("cup-started", "EVENT", "pod", "Started"),
    Step("cup-waits", "EVENT", "pod", "BackOff", "Back-off restarting"),
    Step("cup-spoilt", "EVENT", "pod", "Unhealthy"),
    Step("cup-overflowed", "MODIFIED", "pod", r".*\.(state|lastState)\.terminated\.reason", "OOMKilled"),
    Step("cup-refilled", "MODIFIED", "pod", r".*\.restartCount"),
    Step("tray-ready", "MODIFIED", "pod", r"status\.conditions\[Ready\]\.status", "True"),
    Step("tray-unknown", "MODIFIED", "pod", r"status\.conditions\[Ready\]\.status", "False", by="node-controller"),
    Step("tray-asked-away", "MODIFIED", "pod", r"status\.conditions\[DisruptionTarget\]\.status", "True"),
    Step("tray-leaving", "MODIFIED", "pod", r"metadata\.deletionTimestamp"),
    Step("tray-gone", "DELETED", "pod"),
    Step("shop-open", "MODIFIED", "node", r"status\.conditions\[Ready\]\.status", "True"),
    Step("shop-silent", "MODIFIED", "node", r"status\.conditions\[Ready\]\.status", "Unknown"),
    Step("shop-shut", "MODIFIED", "node", r"spec\.unschedulable", "True"),
    Step("shop-reopened", "MODIFIED", "node", r"spec\.unschedulable", "None"),
    Step("window-opened", "ADDED", "svc"),
    Step("window-lists", "MODIFIED", "slice", r".*conditions\.ready", "True"),
    Step("window-drops", "MODIFIED", "slice", r".*conditions\.ready", "False"),
)
GROWS = {"counted-up": True, "counted-down": False}
STEPS = frozenset(step.name for step in TABLE)


def step_of(line: Line) -> str | None:
    """The name of what happened; None for what is not told."""
    kind = line.name.split("/", maxsplit=1)[0]
    return next((step.name for step in TABLE if (step.verb, step.kind) == (line.verb, kind) and _fits(step, line)), None)


def _fits(step: Step, line: Line) -> bool:
    if not line.source.startswith(step.by):
        return False
    if step.verb == "EVENT":
        return line.reason == step.key and (line.message or "").startswith(step.value or "") and line.count is None
    if not step.key:
        return True
    if step.name in GROWS:
        size = (line.changed or {}).get(step.key.replace("\\", ""))
        return isinstance(size, list) and (size[1] > size[0]) == GROWS[step.name]
    news = [_new(value) for path, value in (line.changed or {}).items() if re.fullmatch(step.key, path)]
    if step.name == "cup-refilled":
        return any(news)
    return any(step.value in (None, str(value)) for value in news)


def words(line: Line) -> dict[str, str]:
    """What the gaps of a sentence about `line` are filled with."""
    image = IMAGE.search(line.message or "")
    changed = line.changed or {}
    size, template = changed.get("spec.replicas"), next((v for k, v in changed.items() if k.endswith(".image")), None)
    before, after = size if isinstance(size, list) else ("", "" if size is None else size)
    node = _new(changed.get("spec.nodeName")) or (line.source.partition("/")[2] if line.source.startswith("kubelet/") else "")
    return {
        "name": line.name.partition("/")[2],
        "node": str(node or ""),
        "before": str(before),
        "after": str(after),
        "image": image[1] if image else str(_new(template) or ""),
    }


def teller(narration: Mapping[str, Any]) -> Callable[[Line], dict[str, str]]:
    """Tells a line in both languages; nothing for a line that is not told."""

    def tell(line: Line) -> dict[str, str]:
        step = step_of(line)
        both = narration.get(step) if step else None
        return {language: both[language].format(**words(line)) for language in ("zh", "en")} if both else {}

    return tell


def _new(value: Any) -> Any:
    return value[1] if isinstance(value, list) and len(value) == 2 else value
