"""What can be said of an outcome in one word: the facts that a guess may name.

A fact holds for the whole world after a change has settled; see `FACTS`.
"""

from __future__ import annotations

from collections.abc import Callable

from bot.knowledge.schema import Breakage, Item
from bot.simulation.prediction import Outcome, predict


def _wanted(outcome: Outcome) -> int:
    return sum(counts["replicas"] for name, counts in outcome.counters.items() if name.startswith("deploy/"))


def _ready(outcome: Outcome) -> int:
    return sum(counts["readyReplicas"] for name, counts in outcome.counters.items() if name.startswith("deploy/"))


def _age(name: str) -> tuple[int, str]:
    """The readable names count up, so the order of names is the order of making."""
    return len(name), name


def _older_gone(outcome: Outcome) -> bool:
    """Whether one went that was made before one that stayed."""
    return any(_age(gone) < _age(kept) for gone in outcome.gone for kept in outcome.kept)


def _some(word: str) -> Callable[[Outcome], bool]:
    return lambda outcome: word in outcome.statuses.values()


FACTS: dict[str, Callable[[Outcome], bool]] = {
    "replaced": lambda outcome: bool(outcome.new and outcome.gone),  # new Pods took the place of old ones
    "one-replaced": lambda outcome: len(outcome.new) == len(outcome.gone) == 1,
    "all-replaced": lambda outcome: bool(outcome.new and outcome.gone and not outcome.kept),
    "more": lambda outcome: bool(outcome.new and not outcome.gone),  # Pods were added, none went
    "fewer": lambda outcome: bool(outcome.gone and not outcome.new),
    "newest-gone": lambda outcome: bool(outcome.gone) and not _older_gone(outcome),  # only the last made ones went
    "older-gone": _older_gone,
    "untouched": lambda outcome: not outcome.new and not outcome.gone and not any(outcome.restarts.values()),
    "restarted": lambda outcome: not outcome.gone and any(outcome.restarts.values()),  # the same Pod, a new container
    "moved": lambda outcome: False,  # no Pod ever moves
    "repaired": lambda outcome: False,  # nor is mended
    "all-ready": lambda outcome: 0 < _wanted(outcome) == _ready(outcome),
    "none-ready": lambda outcome: _ready(outcome) == 0,
    "waits-pending": _some("Pending"),
    "crash-loop": _some("CrashLoopBackOff"),
    "image-back-off": lambda outcome: bool({"ImagePullBackOff", "ErrImagePull"} & set(outcome.statuses.values())),
    "old-serve-on": lambda outcome: bool(outcome.kept) and _ready(outcome) >= len(outcome.kept) > 0 and not outcome.gone,
    "rolled-back": lambda outcome: "DeploymentRollback" in outcome.reasons,  # no such thing happens by itself
    "refused": lambda outcome: bool(outcome.refused),
    "node-silent": lambda outcome: any(state.startswith("NotReady") for state in outcome.shops.values()),
}


def facts(outcome: Outcome) -> frozenset[str]:
    """The names of all that is true of `outcome`."""
    return frozenset(name for name, holds in FACTS.items() if holds(outcome))


READY = ("world shops 3 --cpu=2", "settle", "kubectl create deployment lemonade --image=lemonade:v1 --replicas=3", "settle")


def script(played: Breakage | Item) -> tuple[str, ...]:
    """Every command that leads to the outcome, from the first shop on."""
    return (*READY, *played.before, *played.change)


def of(played: Breakage | Item) -> frozenset[str]:
    """What is true after a breakage or a prediction; Refused when one of its commands cannot be understood."""
    return facts(predict((*READY, *played.before), "\n".join(played.change), settle=False))
