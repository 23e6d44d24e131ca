"""The shape of every knowledge file: truth (Concept, Pair) apart from picture (Metaphor, Role).

A text that speaks about Kubernetes carries its proof inline: each sentence ends with the id of the claim it rests on,
`It keeps all cluster data.[etcd.c1]`. A Both holds the same text in Chinese and in English.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, TypeVar, dataclass_transform

from pydantic import ConfigDict, Field, StringConstraints
from pydantic.dataclasses import dataclass

T = TypeVar("T")
Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
ConceptId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=50)]
ClaimKey = Annotated[str, StringConstraints(pattern=r"^c[1-9][0-9]*$")]
ClaimId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*\.c[1-9][0-9]*$")]
MisconceptionKey = Annotated[str, StringConstraints(pattern=r"^m[1-9][0-9]*$")]
BreakId = Annotated[str, StringConstraints(pattern=r"^B[1-9][0-9]*$")]
StopId = Annotated[str, StringConstraints(pattern=r"^(B[1-9][0-9]*|[a-z][a-z0-9-]*\.m[1-9][0-9]*)$")]
Origin = Annotated[str, StringConstraints(pattern=r"^(A[1-9][0-9]*|extension)$")]
Page = Annotated[str, StringConstraints(pattern=r"^/(docs|blog|releases)/[a-z0-9/._-]*(#[A-Za-z0-9_-]+)?$")]
ItemId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)]
Since = Annotated[str, StringConstraints(pattern=r"^(always|v1\.[0-9]+)$")]


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(Field,))
def entry(shape: type[T]) -> type[T]:
    """A shape: no unknown keys, no change after loading. A model with as many would need three times the memory."""
    return dataclass(shape, config=ConfigDict(extra="forbid", defer_build=True), frozen=True, kw_only=True, slots=True)  # type: ignore[return-value]


@entry
class Both:
    """One text in both languages."""

    zh: Text
    en: Text

    def __getitem__(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en

    @property
    def both(self) -> tuple[str, str]:
        return self.zh, self.en


@entry
class Phrases:
    """Lists of literal phrases, one per language; either may be empty."""

    zh: tuple[Text, ...] = ()
    en: tuple[Text, ...] = ()

    def __getitem__(self, language: Language) -> tuple[str, ...]:
        return self.zh if language == "zh" else self.en


# ---------------------------------------------------------------- truth


@entry
class Claim:
    """One checkable sentence with its official source."""

    zh: Text
    en: Text
    source: Page  # page and anchor on kubernetes.io
    since: Since  # first Kubernetes version in which it holds; `always` when it never was otherwise
    checked: date  # the day somebody last compared it with the source

    def __getitem__(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en


@entry
class Misconception:
    """What people wrongly say about Kubernetes itself, whatever the picture."""

    says: Both  # the wrong sentence, as a person would say it
    tempting: Both  # why it is tempting
    truth: Both  # the refutation, cited
    triggers: Phrases  # what a question that holds it contains (see `contains_phrase`)

    @property
    def wrong(self) -> Both:
        return self.says


@entry
class Answer:
    """One focused answer and the questions that must find it."""

    asked_as: tuple[Both, ...] = Field(min_length=1)
    text: Both  # one or two cited sentences
    stops: StopId | None = None  # the break or misconception that these questions touch


@entry
class Stuck:
    """For a state one can be stuck in: what you see, whose turn it is, what to type first."""

    see: Both
    turn: ConceptId
    command: Text
    next: Both  # how to read what the command prints, cited


@entry
class Concept:
    """One concept of Kubernetes, free of any metaphor."""

    id: ConceptId
    kind: Literal["component", "object", "idea", "state", "tool"]
    tier: Literal[1, 2, 3, 4]
    needs: tuple[ConceptId, ...] = ()  # what has to be understood before
    page: Page  # the official page to read on
    name: Both
    aliases: Phrases  # unmistakable names of the concept
    everyday: Phrases = Phrases()  # names that also mean something outside Kubernetes
    definition: Both  # one or two cited sentences
    plainer: Both  # the same in other, simpler words, cited
    example: Both  # a concrete case, cited at least once
    asked_as: tuple[Both, ...] = Field(min_length=2)  # questions that the definition answers
    answers: tuple[Answer, ...] = Field(min_length=1)
    claims: dict[ClaimKey, Claim] = Field(min_length=3)
    misconceptions: dict[MisconceptionKey, Misconception] = Field(min_length=1)
    never_say: Phrases
    stuck: Stuck | None = None

    @property
    def questions(self) -> tuple[Both, ...]:
        """Every authored question that finds this concept."""
        return (*self.asked_as, *(each for answer in self.answers for each in answer.asked_as))


@entry
class Pair:
    """Two concepts that are often confused."""

    of: tuple[ConceptId, ConceptId]
    shared: Both  # what holds for both, cited
    difference: Both  # the difference that matters, cited
    choose: Both  # when to use or think of which, cited
    stops: StopId | None = None
    asked_as: tuple[Both, ...] = Field(min_length=1)


# -------------------------------------------------------------- picture

Verb = Literal[
    "stores", "reads", "writes", "watches", "creates", "replaces", "runs", "assigns", "contains", "is-part-of",
    "reports-to", "asks", "describes", "fulfils", "compares", "counts", "checks", "limits", "exposes", "routes-to",
    "selects", "needs", "follows", "protects", "causes", "waits-for",
]  # fmt: skip


@entry
class Relation:
    """The same relation on both sides; a row of the side-by-side table."""

    rel: Verb
    to: ConceptId
    picture: Both  # the picture's side, a short phrase
    kubernetes: Both  # Kubernetes' side, a short phrase
    claims: tuple[ClaimId, ...] = Field(min_length=1)  # what the Kubernetes side rests on
    fit: Literal["exact", "partial", "loose"]


@entry
class Break:
    """A place where the picture stops being true."""

    invites: Both  # the wrong inference that the picture invites
    truth: Both  # cited
    bridge: Both  # how the picture can be repaired
    otherwise: Both | None = None  # the truth in a second picture, for whoever has missed it twice; cited
    severity: Literal["severe", "mild"]
    touches: tuple[ConceptId, ...] = ()  # further concepts it concerns
    triggers: Phrases

    @property
    def wrong(self) -> Both:
        return self.invites


@entry
class Role:
    """What one concept is in the picture."""

    concept: ConceptId
    role: Both
    origin: tuple[Origin, ...] = Field(min_length=1)
    aliases: Phrases = Phrases()  # picture words that a learner may ask with
    picture: Both  # the story in one or two sentences
    again: Both  # the story told another way
    relations: tuple[Relation, ...] = Field(min_length=2)
    breaks: dict[BreakId, Break] = Field(default_factory=dict)


@entry
class Source:
    """One fact of the text that a metaphor was taken from."""

    tells: Both
    stands_for: Both


@entry
class Place:
    """One box of the map."""

    concept: ConceptId
    holds: tuple[ConceptId, ...] = Field(min_length=1)


@entry
class Metaphor:
    """One picture: its name, its story, where it comes from and its map."""

    id: ConceptId
    name: Both
    opening: Both
    origin: tuple[Origin, ...] = Field(min_length=1)
    sources: dict[Origin, Source] = Field(default_factory=dict)
    map: tuple[Place, ...] = Field(min_length=1)


@entry
class Area:
    """One part of the whole, a cup on the picture of the progress."""

    name: Both
    concepts: tuple[ConceptId, ...] = Field(min_length=1)


@entry
class Areas:
    """The parts, and what a newcomer is asked first."""

    welcome: tuple[ItemId, ...] = ()  # the first that there is
    areas: tuple[Area, ...] = Field(min_length=1, max_length=12)


@entry
class Guess:
    """One thing that could happen; it is right when the simulation's outcome holds `fact`."""

    text: Both
    fact: Text
    misconception: StopId | None = None  # what leads here where it is wrong


@entry
class Breakage:
    """Something to break on purpose, guessed at first and then watched."""

    label: Both  # what a button says
    scene: Both  # what is about to happen, in the picture
    before: tuple[Text, ...] = ()  # commands that prepare the world, after three cups stand ready
    change: tuple[Text, ...] = Field(min_length=1)  # commands that break it
    guesses: tuple[Guess, ...] = Field(min_length=2, max_length=4)  # exactly one is right; the simulation says which
    concept: ConceptId
    told: Both  # what happened and why, cited
    stops: StopId  # the break or misconception that it shows


# --------------------------------------------------------------- course


@entry
class Step:
    """One phone screen of a lesson: a scene with its truth, something to break and watch, or where the picture stops."""

    about: ConceptId | None = None  # of a scene: told in plain words to somebody who would rather do without the picture
    look: Both | None = None  # of a scene: a line to look at before reading
    tells: Both | None = None  # of a scene: the picture's side
    truth: tuple[ClaimId, ...] = ()  # of a scene: Kubernetes' side, in the claims' own words
    breakage: Text | None = None  # guessed first, then watched in the simulation
    stops: tuple[BreakId, ...] = Field(default=(), max_length=2)


@entry
class Lesson:
    """A few minutes of the course; three quiz items on what it taught close it."""

    title: Both
    goal: Both  # what somebody can do after it
    steps: tuple[Step, ...] = Field(min_length=3)

    @property
    def about(self) -> tuple[str, ...]:
        """The concepts that it teaches."""
        return tuple(dict.fromkeys(step.about for step in self.steps if step.about))

    @property
    def plays(self) -> tuple[str, ...]:
        """The breakages that are guessed and watched in it."""
        return tuple(step.breakage for step in self.steps if step.breakage)

    @property
    def stops(self) -> tuple[str, ...]:
        """The breaks that it tells, those apart that its breakages show."""
        return tuple(id for step in self.steps for id in step.stops)


@entry
class Course:
    """The lessons of one picture in their order, and the quiz items that are kept for its tests."""

    lessons: tuple[ConceptId, ...] = Field(min_length=1)
    placement: tuple[ItemId, ...] = ()  # for somebody who knows something: what is passed need not be learnt
    tests: tuple[tuple[ItemId, ...], ...] = ()  # alike in what they ask; one before, one after, one a week later


# ----------------------------------------------------------------- quiz


Facet = Literal["truth", "mapping", "break", "transfer"]
Kind = Literal["single", "multiple", "order", "match", "predict", "cloze", "explain"]


@entry
class Option:
    """One answer to choose; a wrong one is what somebody with a named misconception would choose.

    An `order` has its options in the right order, a `match` has each as `left ↔ right`: none of them is wrong. What an
    `explain` expects is right, and is found by its phrases. Of a `predict` nothing says what is right: the simulation does.
    """

    text: Both
    correct: bool = False
    fact: Text | None = None  # of a `predict`: it is right when the simulation's outcome holds this
    misconception: StopId | None = None  # the break or misconception that leads here; none where it is right
    feedback: Both | None = None  # what to say to somebody who chose it, cited
    detect: Phrases = Phrases()  # of an `explain`: what the learner's own words contain (see `contains_phrase`)


@entry
class Item:
    """One quiz question."""

    concept: ConceptId
    facet: Facet  # `mapping` asks for the picture's side, `break` for where it stops, `transfer` for a case never shown
    type: Kind = "single"
    stops: StopId | None = None  # the break or misconception it looks for; a `break` has one
    stem: Both  # of a `cloze` with one gap, `___`
    options: tuple[Option, ...] = Field(min_length=2, max_length=6)
    before: tuple[Text, ...] = ()  # of a `predict`: commands that prepare the world, after three cups stand ready
    change: tuple[Text, ...] = ()  # of a `predict`: commands whose outcome is asked for
    hint: Both  # a first push that does not give it away
    explain: Both  # shown after the answer, cited


@entry
class Items:
    """A file of quiz questions: on the truth alone, or on one picture."""

    items: dict[ItemId, Item] = Field(min_length=1)


# ------------------------------------------------------------- language


@entry
class Alike:
    """Groups of words that ask the same; the first stands for all."""

    zh: tuple[tuple[Text, ...], ...] = ()
    en: tuple[tuple[Text, ...], ...] = ()


@entry
class Wording:
    """How people put their questions: words that carry no topic, and words that change a question's form."""

    fillers: Phrases  # function words and polite words; an English one marks a text as English
    generic: tuple[ConceptId, ...]  # concepts whose names weigh nothing beside another concept's
    respell: dict[Text, Text]  # regional wording (after simplification) → the base's own
    pronouns: Phrases  # words that point back to the last answer
    joins: Phrases  # words that put the last answer's concept beside another
    same: Alike
    order: Phrases = Phrases()  # words of somebody who orders; a number before the first says how many
    numbers: dict[Text, int] = Field(default_factory=dict)  # numbers in words
    day: dict[Literal["morning", "evening"], Phrases] = Field(default_factory=dict)  # what stands before an hour
    asking: Phrases = Phrases()  # words with which a message asks rather than orders
    play: dict[Text, Phrases] = Field(default_factory=dict)  # what is said while an order is on the board
    waiting: dict[Literal["hint", "dunno"], Phrases] = Field(default_factory=dict)  # said while a quiz question waits
    compare: Phrases  # words that ask for a difference
    choices: Phrases  # words that ask for one when they stand between two names
    later: dict[Text, tuple[ConceptId, ...]]  # words of ours that no entry explains yet → the nearest entries
    elsewhere: Phrases  # names of other fields that contain one of our words
    real_words: Phrases  # everyday words that look like a misspelt name of ours and are none
    particles: Text  # characters that Chinese adds at the end of a phrase
    languages: Phrases  # what people call each language
    echoes: Phrases = Phrases()  # what the program says itself of a quiz answer, so that no feedback begins with it
    small_talk: dict[Text, Phrases]  # what the learner means → how people say it, whole messages


@entry
class Checking:
    """What the sentence of a language model may hold besides the words of the claims that it cites."""

    neutral: Phrases = Phrases()  # words that say nothing of their own
    negations: Phrases = Phrases()  # they stand where the claim has them
    hedges: Alike = Alike()  # words that make a claim weaker or narrower; it is not said without one of the same group
    opposites: Alike = Alike()  # pairs: where a claim says one, a sentence does not say the other in its place
    siblings: Alike = Alike()  # words that are not said in each other's place
    pronouns: Phrases = Phrases()  # words of a claim that stand for what it names first
    sequence: Phrases = Phrases()  # words that make the order of what is said part of it
    conditions: Phrases = Phrases()  # a clause that begins or ends with one says when, not what
    joins: Phrases = Phrases()  # words between two statements, either of which may come first
    agents: Phrases = Phrases()  # words before the one who does it, where it stands behind what is done
    turns: Phrases = Phrases()  # words that turn two things round: `the log of a Pod`, `a Pod's log`
    strong: Phrases = Phrases()  # words that say more than the same without them, so that no part of them is neutral
    floating: Phrases = Phrases()  # words that may stand anywhere in their clause
    passives: Phrases = Phrases()  # words before what is done to the one named before
    commands: Phrases = Phrases()  # words that say nothing right before a command
    forms: Alike = Alike()  # forms of one word that no rule finds, the plain one first
    same: Alike = Alike()  # words that say the same
    like: Alike = Alike()  # the first of each group may be said with any of the others, not they with each other
