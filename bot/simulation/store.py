"""The store (etcd): every object by kind and name, one revision counter for all kinds, and a watch.

Each stored change gets a new revision and reaches every watcher of its kind once, in that order. A write that names an older
revision than the stored one is refused: the writer has to look again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from bot.simulation.objects import Object, labels_of, name_of, owners_of

KEPT = 1000  # changes that a late watcher can still catch up with
Watcher = Callable[[str, Object | None, Object | None], None]


class Change(NamedTuple):
    """One stored change; `old` is None for a new object, `new` for a deleted one."""

    revision: int
    kind: str
    old: Object | None
    new: Object | None


class Expired(Exception):
    """The changes asked for are no longer kept: list again, and watch from there."""


class Store:
    def __init__(self) -> None:
        self.revision = 0
        self.objects: dict[str, dict[str, Object]] = {}
        self._index: dict[tuple[str, ...], dict[str, None]] = {}
        self._watchers: dict[tuple[str, str | None], list[Watcher]] = {}
        self._kept: deque[Change] = deque(maxlen=KEPT)

    def get(self, kind: str, name: str) -> Object | None:
        return self.objects.get(kind, {}).get(name)

    def all(self, kind: str) -> list[Object]:
        return list(self.objects.get(kind, {}).values())

    def find(self, kind: str, *terms: tuple[str, ...]) -> list[Object]:
        """Objects that match every term: ("owner", uid), ("node", name) or ("label", key, value); without a scan."""
        buckets = sorted((self._index.get((kind, *term), {}) for term in terms), key=len)
        things = self.objects.get(kind, {})
        return [things[name] for name in buckets[0] if all(name in bucket for bucket in buckets[1:])] if buckets else []

    def chosen(self, kind: str, selector: dict[str, str]) -> list[Object]:
        """Objects that have all these labels; none when no label is asked for."""
        return self.find(kind, *(("label", *pair) for pair in selector.items()))

    def write(self, new: Object) -> Object:
        """Stores an object under the next revision; the caller has checked everything."""
        kind, name = str(new["kind"]), name_of(new)
        self.revision += 1
        new["metadata"]["resourceVersion"] = str(self.revision)
        old = self.get(kind, name)
        self.objects.setdefault(kind, {})[name] = new
        self._told(kind, old, new)
        return new

    def remove(self, old: Object) -> None:
        self.revision += 1
        del self.objects[str(old["kind"])][name_of(old)]
        self._told(str(old["kind"]), old, None)

    def watch(self, kind: str, watcher: Watcher, node: str | None = None) -> None:
        """Calls `watcher` for each later change of the kind; with `node`, only for what concerns that node."""
        self._watchers.setdefault((kind, node), []).append(watcher)

    def since(self, revision: int) -> list[Change]:
        """The changes after a revision, as a watch that starts in the past replays them."""
        first = self._kept[0].revision if self._kept else self.revision + 1
        if revision < first - 1:
            raise Expired(f"too old resource version: {revision} ({first - 1})")
        return [change for change in self._kept if change.revision > revision]

    def _told(self, kind: str, old: Object | None, new: Object | None) -> None:
        before, after = _terms(kind, old), _terms(kind, new)
        for term in before - after:
            self._index[term].pop(name_of(old or {}), None)
            if not self._index[term]:
                del self._index[term]
        for term in sorted(after - before):
            self._index.setdefault(term, {})[name_of(new or {})] = None
        self._kept.append(Change(self.revision, kind, old, new))
        thing = new or old or {}
        node = name_of(thing) if kind == "Node" else (thing.get("spec") or {}).get("nodeName", "")
        for watcher in [*self._watchers.get((kind, None), ()), *self._watchers.get((kind, node), ())]:
            watcher(kind, old, new)


def _terms(kind: str, thing: Object | None) -> set[tuple[str, ...]]:
    if thing is None or kind in ("Event", "Lease"):
        return set()
    terms = {("owner", owner["uid"]) for owner in owners_of(thing)} | {("label", *pair) for pair in labels_of(thing).items()}
    node = thing["spec"].get("nodeName") if kind == "Pod" else ""
    return {(kind, *term) for term in terms | ({("node", node)} if node else set())}
