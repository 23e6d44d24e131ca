"""Who learns, and what the classroom remembers of the talk: plain values, kept by whoever opened the classroom.

Every answer that is shown gets a number, counted per talk, and its buttons carry it: `/more 12` goes on from answer 12
however long ago that was shown, as long as it is among the last WINDOW.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo

from bot.knowledge.schema import Language

WINDOW = 20  # answers that can be gone on from
KEPT = 180  # days after which everything is forgotten
Verdict = Literal["good", "confused"]
Side = Literal["truth", "break"]


@dataclass(frozen=True)
class Topic:
    """What one answer was about; `round` counts how often it was explained anew or continued before."""

    concepts: tuple[str, ...]
    language: Language
    answer: int = 0  # 0 the definition, n the concept's n-th focused answer
    claims: tuple[str, ...] = ()
    round: dict[str, int] = field(default_factory=dict)  # `confused`, `example`, `more` → times
    asked: int = 0  # number of the answer that the question got, where this one goes on from it


@dataclass(frozen=True)
class Asked:
    """One question as it was answered."""

    number: int  # of the answer; 0 where there was nothing to go on from
    question: str
    language: Language
    route: str
    concepts: tuple[str, ...]
    claims: tuple[str, ...]
    breaks: tuple[str, ...]


@dataclass(frozen=True)
class Judged:
    """What the learner thought of an answer."""

    number: int
    verdict: Verdict


@dataclass(frozen=True)
class Voted:
    """One answer to a quiz item."""

    item: str
    options: tuple[int, ...]  # as last answered, counted from 0 as in the file; none where the answer was asked for
    right: bool
    hints: int = 0  # that were asked for before
    tries: int = 1  # answers given, this one among them
    known: bool = True  # False: the learner asked for the answer
    within: str = ""  # the lesson or the test of the course that asked it


@dataclass(frozen=True)
class Reminder:
    """When the learner wants to hear that something is due: a minute of the day, in a time zone."""

    minute: int
    zone: str  # a name of the IANA's, such as Asia/Shanghai

    @property
    def clock(self) -> tzinfo:
        """The zone; UTC where this computer has never heard of it."""
        try:
            return ZoneInfo(self.zone)
        except (KeyError, ValueError, OSError):
            return UTC


@dataclass(frozen=True)
class Wished:
    """The learner wants to be reminded so, or no more."""

    reminder: Reminder | None


@dataclass(frozen=True, slots=True)
class Card:
    """What is remembered of one side of a concept; it follows from the answers alone. Times are seconds since 1970."""

    concept: str
    side: Side
    due: float
    first: float  # answer
    last: float
    state: int  # as FSRS counts them: 1 learning, 2 review, 3 learning again
    step: int | None  # of learning
    stability: float  # days until it is remembered with a chance of 0.9
    difficulty: float  # 1 to 10
    reviews: int
    right: int
    item: str  # that was shown last
    slip: str | None  # the break or misconception that led the last answer astray; '' an unknown one, None: it was right


Cards = dict[tuple[str, Side], Card]


@dataclass(frozen=True)
class Group:
    """What a group has done together; nothing tells who."""

    asked: int = 0
    answered: int = 0  # quiz questions
    right: int = 0
    people: int = 0
    items: tuple[str, ...] = ()  # quiz items that somebody answered right


Note = Asked | Judged | Voted | Wished


@dataclass(frozen=True)
class Pending:
    """The quiz question that waits for its answer; options are counted from 0 as in the file."""

    item: str
    seed: int = 0  # of the order in which the options are shown; 0 that of the file
    poll: bool = False  # it stands as a poll; else as a board with buttons
    by: str = "/quiz"  # the command that brought it and brings the next one
    taken: tuple[int, ...] = ()  # options taken so far
    missed: tuple[int, ...] = ()  # what was answered before, wrongly
    hints: int = 0
    tries: int = 0
    last: Literal["", "wrong", "hint"] = ""  # what was said last about it
    told: int = 0  # number of the answer that holds the sources of what was said about it
    listens: bool = False  # what the learner says next may be the answer


@dataclass
class Walk:
    """One person's way through the course."""

    plain: bool = False  # without the picture
    lesson: str = ""  # that is open
    step: int = 0  # of it, counted from 1; one more than it has: its closing items
    test: str = ""  # that is open instead
    asks: dict[str, bool | None] = field(default_factory=dict)  # items of either → right at once; None: not answered yet
    skips: bool = False  # the closing items are asked without the lesson
    passed: tuple[str, ...] = ()  # lessons
    known: tuple[str, ...] = ()  # lessons that may be passed by their closing items alone
    tests: dict[str, tuple[int, int, int]] = field(default_factory=dict)  # test → right, of how many, on which day since 1970


@dataclass
class Learner:
    """One person's talk in private; in a group the talk is everybody's, and `person` is who speaks now."""

    person: int = 0
    chat: int = 0
    language: Language | None = None  # chosen or last written
    chosen: bool = False  # the language was chosen by command
    told: dict[int, Topic] = field(default_factory=dict)  # by number, the oldest first
    now: int = 0  # number of the answer that is talked about; 0 none
    count: int = 0  # answers given so far
    fresh: int = 0  # of them those before the talk was last begun anew
    stops_shown: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()  # the commands below the last message
    world: tuple[str, ...] = ()  # the commands that the learner's own cluster is made of
    playing: bool = False  # an order is under way there
    quiz: dict[str, bool] = field(default_factory=dict)  # quiz item → whether the last answer to it was right
    pending: Pending | None = None  # in private
    walk: Walk | None = None  # None until the course is begun
    missed: dict[str, int] = field(default_factory=dict)  # break or misconception → wrong answers to what looks for it
    reminder: Reminder | None = None  # that was asked for
    notes: list[Note] = field(default_factory=list)  # what happened since this was loaded; the keeper takes them
    forgotten: bool = False  # everything kept about this person has to go

    @property
    def topic(self) -> Topic | None:
        """What is being talked about."""
        return self.told.get(self.now)

    def tell(self, topic: Topic) -> int:
        """Notes that an answer about `topic` is shown; its number."""
        self.count += 1
        self.now = self.count
        self.told[self.count] = replace(topic, asked=topic.asked or self.count)
        for number in list(self.told)[:-WINDOW]:
            del self.told[number]
        return self.count

    def shown(self, stops: tuple[str, ...]) -> None:
        """Notes breaks and misconceptions whose truth was told."""
        self.stops_shown = tuple(dict.fromkeys((*self.stops_shown, *stops)))
