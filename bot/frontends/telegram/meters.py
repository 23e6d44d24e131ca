"""What can be read from outside: plain numbers, which become Prometheus' text when somebody asks for it."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING

from bot import __version__, operator

if TYPE_CHECKING:
    from prometheus_client import Metric

BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)  # seconds
NAME = "kube_lemonade_"


@dataclass
class Spread:
    """How long something took, each time: how often at most each of BOUNDS, and how long together."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    together: float = 0.0  # seconds

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.together += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """As Prometheus has them: each holds those below it."""
        return list(zip([*map(str, BOUNDS), "+Inf"], map(float, accumulate(self.counts)), strict=True))


@dataclass(eq=False)  # the library keeps who collects in a set
class Meters:
    """Counted since the start. What others count themselves is asked of them when it is read."""

    waiting: Callable[[], int] = lambda: 0  # updates without a standing answer
    tokens: Callable[[], dict[str, int]] = dict  # `prompt`, `answer`
    faults: Callable[[], dict[str, int]] = dict  # of the model, by kind
    caps: Callable[[], dict[str, int]] = dict  # questions that went without the model, by the cap that was reached
    due: Callable[[], Awaitable[int]] | None = None  # reviews, where somebody counts them
    reviews: int | None = None  # as last counted
    updates: Counter[str] = field(default_factory=lambda: Counter(new=0, again=0))
    answers: Counter[str] = field(default_factory=lambda: Counter(model=0, knowledge=0, declined=0, command=0))  # by route
    refused: Counter[str] = field(default_factory=Counter)  # messages, by limit
    first: Spread = field(default_factory=Spread)  # from hearing a message to the first words of its answer
    whole: Spread = field(default_factory=Spread)  # … to the standing answer

    async def page(self, accept: str) -> tuple[bytes, str]:
        """What Prometheus reads, and its type."""
        self.reviews = await self.due() if self.due else None
        from prometheus_client import CollectorRegistry
        from prometheus_client.exposition import choose_encoder

        encode, kind = choose_encoder(accept)
        registry = CollectorRegistry()
        registry.register(self)
        return encode(registry), kind

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        counted: dict[str, tuple[str, dict[str, int]]] = {
            "updates": ("kind", self.updates),
            "answers": ("route", self.answers),
            "refusals": ("limit", {**self.refused, **self.caps()}),
            "model_tokens": ("side", self.tokens()),
            "model_faults": ("kind", self.faults()),
        }
        for name, (label, rows) in counted.items():
            counter = CounterMetricFamily(NAME + name, operator.say(f"metric.{name}"), labels=[label])
            for value, count in rows.items():
                counter.add_metric([value], count)
            yield counter
        for name, spread in {"first_text_seconds": self.first, "answer_seconds": self.whole}.items():
            about = operator.say(f"metric.{name}")
            yield HistogramMetricFamily(NAME + name, about, buckets=spread.buckets(), sum_value=spread.together)
        yield GaugeMetricFamily(NAME + "queue_depth", operator.say("metric.queue_depth"), value=self.waiting())
        if self.reviews is not None:
            yield GaugeMetricFamily(NAME + "due_reviews", operator.say("metric.due_reviews"), value=self.reviews)
        build = GaugeMetricFamily(NAME + "build_info", operator.say("metric.build_info"), labels=["version"])
        build.add_metric([__version__], 1)
        yield build
