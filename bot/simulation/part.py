"""A part of the control plane: it watches, and brings one object at a time to where it should be.

What woke it never matters, only what the world looks like when its turn comes (level-triggered): what changed while it was
stopped is found by looking at everything once when it starts. A write that comes too late is tried again, 5 ms · 2ⁿ later.
"""

from __future__ import annotations

from typing import Any

from bot.simulation.apiserver import ApiServer, Rejected
from bot.simulation.clock import Timer
from bot.simulation.objects import API, Object, chooses, clone, leaving, name_of, owned_by, owners_of, selector_of, uid_of
from bot.simulation.statuses import active, set_condition

TRIES = 15  # deployment_controller.go:54


class Part:
    name = ""
    kinds: tuple[str, ...] = ()  # what it watches; it acts on the first of them
    lag = 5  # ms from a change to the turn it causes

    def __init__(self, api: ApiServer) -> None:
        self.api, self.clock = api, api.clock
        self.running = True
        self.queue: dict[str, None] = {}
        self.failures: dict[str, int] = {}
        self._turn: Timer | None = None
        self._free = 0  # the moment at which the last turn is over
        self._timers: dict[str, Timer] = {}
        for kind in self.kinds:
            api.store.watch(kind, self._changed)
        self.begin()

    def begin(self) -> None:
        """Sets up what a part remembers between two turns, beside what all parts do."""

    def notice(self, kind: str, old: Object | None, new: Object | None) -> None:
        """Says by `wake` which objects a change concerns: the object itself, or those that `concern` finds."""
        if kind == self.kinds[0]:
            self.wake(name_of(new or old or {}))
        else:
            self.concern(kind, old, new)

    def concern(self, kind: str, old: Object | None, new: Object | None) -> None:
        """Wakes what owns an object, or chooses it by its labels and could adopt it."""
        self.wake_owners(self.kinds[0], old, new)
        if new and not owners_of(new):
            self.wake_choosers(self.kinds[0], new)

    def reconcile(self, key: str) -> int | None:
        """One turn, if the object is still there."""
        thing = self.api.get(self.kinds[0], key)
        return self.tend(thing) if thing else None

    def tend(self, thing: Object) -> int | None:
        """Looks at the object and the world, and does what is missing; may say how many ms the looking took."""
        raise NotImplementedError

    def wake(self, key: str) -> None:
        self.queue[key] = None
        if not self._turn:
            self._turn = self.clock.after(max(self.lag, self._free - self.clock.now), self._take_turn)

    def wake_after(self, key: str, delay: int, quiet: bool = False) -> None:
        """Wakes it later; an earlier wish for the same key is forgotten."""
        self.forget(key)
        self._timers[key] = self.clock.after(delay, lambda: self._due(key), quiet)

    def forget(self, key: str) -> bool:
        """Was it to be woken later? It no longer is."""
        timer = self._timers.pop(key, None)
        self.clock.cancel(timer)
        return timer is not None

    def wake_owners(self, kind: str, *seen: Object | None) -> None:
        for owner in (owner for thing in seen if thing for owner in owners_of(thing) if owner["kind"] == kind):
            self.wake(owner["name"])

    def wake_choosers(self, kind: str, *seen: Object | None) -> None:
        for one in self.api.store.all(kind):
            if any(chooses(one, thing) for thing in seen if thing):
                self.wake(name_of(one))

    def claim(self, owner: Object, kind: str) -> list[Object]:
        """What it owns; what it chooses and belongs to nobody is adopted, what it no longer chooses is released."""
        mine = []
        for thing in self.api.find(kind, ("owner", uid_of(owner))):
            if chooses(owner, thing):
                mine.append(thing)
            elif not leaving(thing) and not leaving(owner):
                self.amend(thing, ownerReferences=None)
        for thing in self.api.chosen(kind, selector_of(owner)):
            if not owners_of(thing) and active(thing) and not leaving(owner):
                mine.append(self.amend(thing, ownerReferences=owned_by(owner)))
        return mine

    def amend(self, thing: Object, **meta: Any) -> Object:
        return self.api.patch(self.name, thing["kind"], name_of(thing), {"metadata": meta})

    def mark(self, thing: Object, kinds: str, *said: str, **status: Any) -> None:
        """Writes a condition, or several that say the same, into a status, and what else is given."""
        new = clone(thing)
        new["status"] |= status
        for kind in kinds.split():
            set_condition(new["status"], self.api.now, kind, *said)
        self.api.update(self.name, new, "status", f"patch {API[thing['kind']][1]}/status")

    def report(self, thing: Object, status: Object) -> None:
        self.api.update(self.name, {**thing, "status": status}, "status")

    def delete(self, thing: Object, **how: Any) -> None:
        self.api.delete(self.name, thing["kind"], name_of(thing), **how)

    def start(self) -> None:
        self.running = True
        for kind in self.kinds:
            for thing in self.api.store.all(kind):
                self.notice(kind, None, thing)

    def stop(self) -> None:
        self.running = False
        self.queue.clear()
        self.failures.clear()
        for timer in [self._turn, *self._timers.values()]:
            self.clock.cancel(timer)
        self._turn = None
        self._timers.clear()

    def resume(self) -> None:
        """The API server is back; nothing can have changed while it was away."""
        if self.queue and not self._turn:
            self._turn = self.clock.after(self.lag, self._take_turn)

    def event(self, about: Object, reason: str, message: str, kind: str = "Normal") -> None:
        self.api.event(self.name, about, reason, message, kind)

    def _changed(self, kind: str, old: Object | None, new: Object | None) -> None:
        if self.running:
            self.notice(kind, old, new)

    def _due(self, key: str) -> None:
        del self._timers[key]
        self.wake(key)

    def _take_turn(self) -> None:
        if not self.api.running or not self.queue:
            self._turn = None
            return
        key = next(iter(self.queue))
        del self.queue[key]
        before, took = self.api.store.revision, 0
        try:
            took = self.reconcile(key) or 0
            self.failures.pop(key, None)
        except Rejected:
            failed = self.failures[key] = self.failures.get(key, 0) + 1
            if failed <= TRIES:
                self.wake_after(key, 5 * 2 ** (failed - 1))
        took += 1 + 2 * (self.api.store.revision - before)  # a write is answered after about 2 ms
        self._free = self.clock.now + took
        self._turn = self.clock.after(took, self._take_turn) if self.queue else None
