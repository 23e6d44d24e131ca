"""The arithmetic of a rolling update: how large each ReplicaSet may be now (rolling.go; sync.go: scale)."""

from __future__ import annotations

from bot.simulation.objects import Object, annotations_of, name_of, number, share
from bot.simulation.statuses import status_of

NOTE = "deployment.kubernetes.io/"
DESIRED, MOST = f"{NOTE}desired-replicas", f"{NOTE}max-replicas"


def size(sets: list[Object]) -> int:
    return sum(int(rs["spec"]["replicas"]) for rs in sets)


def _limits(deployment: Object) -> tuple[int, int]:
    """maxSurge rounded up and maxUnavailable rounded down; both 0 would stand still (deployment_util.go:887)."""
    rolling, replicas = deployment["spec"]["strategy"].get("rollingUpdate"), int(deployment["spec"]["replicas"])
    if not rolling:
        return 0, 0
    more, missing = share(rolling["maxSurge"], replicas, up=True), share(rolling["maxUnavailable"], replicas, up=False)
    return more, missing if more or missing else 1


def surge(deployment: Object) -> int:
    return _limits(deployment)[0]


def unavailable(deployment: Object) -> int:
    return min(_limits(deployment)[1], int(deployment["spec"]["replicas"]))


def bounds(deployment: Object) -> dict[str, str]:
    replicas = int(deployment["spec"]["replicas"])
    return {DESIRED: str(replicas), MOST: str(replicas + surge(deployment))}


def allowed(deployment: Object, new: Object | None, owned: list[Object]) -> int:
    """How large the new ReplicaSet may be now."""
    replicas, has = int(deployment["spec"]["replicas"]), int(new["spec"]["replicas"]) if new else 0
    if deployment["spec"]["strategy"]["type"] == "Recreate" or has >= replicas:
        return replicas
    room = replicas + surge(deployment) - size(owned)
    return has + max(0, min(room, replicas - has))


def shrunk(deployment: Object, old: list[Object], new: Object) -> dict[str, int]:
    """The old sets' sizes, as small as availability allows; what does not serve goes first."""
    sizes = {name_of(rs): int(rs["spec"]["replicas"]) for rs in old}
    serving = {name_of(rs): min(int(rs["spec"]["replicas"]), status_of(rs).get("availableReplicas", 0)) for rs in [*old, new]}
    least = deployment["spec"]["replicas"] - unavailable(deployment)
    spare = size([*old, new]) - least - (new["spec"]["replicas"] - serving[name_of(new)])
    if spare <= 0:
        return sizes
    extra = sum(serving.values()) - least
    for rs in old:
        idle = min(spare, sizes[name_of(rs)] - serving[name_of(rs)])
        sizes[name_of(rs)], spare = sizes[name_of(rs)] - idle, spare - idle
    for rs in old:
        take = min(max(0, extra), sizes[name_of(rs)])
        sizes[name_of(rs)], extra = sizes[name_of(rs)] - take, extra - take
    return sizes


def rounded(part: int, whole: int) -> int:
    """A half is rounded up, as Go does; Python would go to the even number."""
    return (2 * part + whole) // (2 * whole)


def shared(deployment: Object, used: list[Object]) -> dict[str, int]:
    """A change of size in mid-update, shared out in proportion; the largest set gets what is left over."""
    total = int(deployment["spec"]["replicas"])
    room = left = (total + surge(deployment) if total else 0) - size(used)
    used = sorted(used, key=lambda rs: (-rs["spec"]["replicas"], rs["metadata"]["creationTimestamp"]))
    sizes = {}
    for rs in used:
        before = max(1, number(annotations_of(rs).get(MOST)) or size(used))
        part = rounded(rs["spec"]["replicas"] * (total + surge(deployment)), before) - rs["spec"]["replicas"]
        part = max(min(part, left), 0) if room > 0 else min(max(part, left), 0)
        sizes[name_of(rs)], left = rs["spec"]["replicas"] + part, left - part
    sizes[name_of(used[0])] = max(0, sizes[name_of(used[0])] + left)
    return sizes
