"""What a lesson must be: a way through the picture, its truth and its limits that takes minutes, and leaves nothing out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from bot.knowledge.measure import length
from bot.knowledge.quizzes import Fault
from bot.knowledge.schema import LANGUAGES, Both, Break, Claim, Language, Lesson, Step

MINUTES = 10.0  # that a lesson may take
SPEED: dict[Language, int] = {"zh": 240, "en": 150}  # characters or words that a beginner reads and takes in, a minute
WATCHING, ANSWERING = 1.25, 0.75  # minutes for a play with its guess, and for a quiz item
ITEMS = 3  # that close a lesson
EARLY = 2  # the highest tier of a concept whose every break is met in a lesson


def faults(lesson: Lesson, claims: Mapping[str, Claim], breaks: Mapping[str, Break]) -> Iterator[Fault]:
    """What is wrong with one lesson; `breaks` are those of its picture."""
    kinds = [_kind(step) for step in lesson.steps]
    for at, kind in enumerate(kinds):
        if not kind:
            yield Fault(("steps", at), "lesson-step")
    if kinds[0] != "scene" or "play" not in kinds or "stop" not in kinds[kinds.index("play") :]:
        yield Fault(("steps",), "lesson-order")
    for language in LANGUAGES:
        needed = minutes(lesson, language, claims, breaks)
        if needed > MINUTES:
            yield Fault(("steps",), "lesson-long", {"minutes": f"{needed:.1f}", "most": f"{MINUTES:.0f}"})


def _kind(step: Step) -> str:
    """What a step is; nothing where it is not one thing, or not the whole of it."""
    scene = (step.about, step.tells, step.truth)
    kinds = [kind for kind, has in (("scene", any(scene)), ("play", step.breakage), ("stop", step.stops)) if has]
    return kinds[0] if len(kinds) == 1 and (kinds != ["scene"] or all(scene)) else ""


def unmet(course: Iterable[Lesson], plays: Mapping[str, str], breaks: Mapping[str, int]) -> list[str]:
    """The breaks of the first tiers that no lesson meets; of `plays` the break that each shows, of `breaks` the tier."""
    met = {id for lesson in course for id in (*lesson.stops, *(plays.get(play, "") for play in lesson.plays))}
    return [id for id, tier in breaks.items() if tier <= EARLY and id not in met]


def minutes(lesson: Lesson, language: Language, claims: Mapping[str, Claim], breaks: Mapping[str, Break]) -> float:
    """How long a beginner takes: reading all that is shown, guessing and watching, and the closing items."""
    stops = [(breaks[id], len(step.stops)) for step in lesson.steps for id in step.stops if id in breaks]
    shown: list[Both | None] = [lesson.goal, *(step.tells for step in lesson.steps)]
    shown += [part for stop, beside in stops for part in (stop.invites, stop.truth, stop.bridge if beside == 1 else None)]
    texts = [both[language] for both in shown if both]
    texts += [claims[id][language] for step in lesson.steps for id in step.truth if id in claims]
    plays = sum(bool(step.breakage) for step in lesson.steps)
    reading = sum(length(text, language) for text in texts) / SPEED[language]
    return reading + plays * WATCHING + ITEMS * ANSWERING
