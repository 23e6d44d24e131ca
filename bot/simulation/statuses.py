"""What a status says: conditions and phases."""

from __future__ import annotations

from typing import Any

from bot.simulation.objects import Object, leaving


def status_of(thing: Object) -> Object:
    return thing.get("status") or {}


def condition(status: Object, kind: str) -> Object | None:
    return next((found for found in status.get("conditions") or [] if found["type"] == kind), None)


def holds(thing: Object, kind: str) -> bool:
    """Is the condition True? Absent counts as not."""
    found = condition(status_of(thing), kind)
    return found is not None and found["status"] == "True"


def set_condition(status: Object, now: str, kind: str, state: str, reason: str = "", message: str = "", **more: Any) -> None:
    """Replaces or adds a condition; its transition time moves only when its status does."""
    old = condition(status, kind)
    new = {"type": kind, "status": state, **({"reason": reason} if reason else {}), **({"message": message} if message else {})}
    kept = old["lastTransitionTime"] if old is not None and old["status"] == state else now
    new = {**new, "lastTransitionTime": kept, **more}
    status["conditions"] = [*(c for c in status.get("conditions") or [] if c["type"] != kind), new]
    status["conditions"].sort(key=lambda c: str(c["type"]))


def finished(pod: Object) -> bool:
    return status_of(pod).get("phase") in ("Succeeded", "Failed")


def active(pod: Object) -> bool:
    return not finished(pod) and not leaving(pod)
