"""Loads a folder of knowledge and checks it; a base with a fault is refused whole.

truth/concepts/ID.yaml  truth/pairs/*.yaml  truth/items/*.yaml  metaphors/ID/metaphor.yaml  metaphors/ID/roles/ID.yaml
metaphors/ID/{narration,whys,areas,course}.yaml  metaphors/ID/breakages/ID.yaml  metaphors/ID/items/*.yaml
metaphors/ID/lessons/ID.yaml  texts/*.yaml
language/{wording,checking}.yaml
language/{characters,weights,neighbours}.tsv  language/asked/{zh,en}.tsv
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from sys import intern
from typing import Any

from pydantic import InstanceOf, TypeAdapter, ValidationError

from bot.errors import Fault, Faulty
from bot.knowledge import resources
from bot.knowledge.lint import Simulated, lint
from bot.knowledge.schema import (
    Area,
    Areas,
    Both,
    Break,
    Breakage,
    Checking,
    Claim,
    Concept,
    ConceptId,
    Course,
    Item,
    Items,
    Language,
    Lesson,
    Metaphor,
    Misconception,
    Pair,
    Role,
    Wording,
)
from bot.knowledge.source import Document, File, Table, read

Asked = tuple[str, str]  # the slot that answers it (`etcd`, `etcd.2`; `-` none of ours), a question
Character = tuple[str, str, str]  # the character, its simplified form, its pinyin with tone number
BOTHS = TypeAdapter(dict[str, Both])
SHAPES: dict[str, TypeAdapter[Any]] = {
    r"truth/concepts/[^/]+": TypeAdapter(Concept),
    r"truth/pairs/[^/]+": TypeAdapter(Pair),
    r"truth/items/[^/]+": TypeAdapter(Items),
    r"metaphors/[^/]+/metaphor": TypeAdapter(Metaphor),
    r"metaphors/[^/]+/roles/[^/]+": TypeAdapter(Role),
    r"metaphors/[^/]+/narration": BOTHS,
    r"metaphors/[^/]+/whys": TypeAdapter(dict[ConceptId, Both]),
    r"metaphors/[^/]+/breakages/[^/]+": TypeAdapter(Breakage),
    r"metaphors/[^/]+/items/[^/]+": TypeAdapter(Items),
    r"metaphors/[^/]+/course": TypeAdapter(Course),
    r"metaphors/[^/]+/lessons/[^/]+": TypeAdapter(Lesson),
    r"metaphors/[^/]+/areas": TypeAdapter(Areas),
    r"texts/[^/]+": BOTHS,
    r"language/wording": TypeAdapter(Wording),
    r"language/checking": TypeAdapter(Checking),
    r"language/characters": TypeAdapter(tuple[Character, ...]),
    r"language/asked/(zh|en)": TypeAdapter(tuple[Asked, ...]),
    r"language/(weights|neighbours)": TypeAdapter(InstanceOf[Table]),
}
ENDINGS = (".yaml", ".yml", ".tsv")
LEARNT_FROM = "language/asked/*"
ITEMS = "items/*"
UNASKED = (LEARNT_FROM, ITEMS, "lessons/*", "metaphors/*/course.yaml")  # what no single question needs
LEARNT = ("language/weights.tsv", "language/neighbours.tsv")
NEEDED = ("truth/concepts", "metaphors", "texts", "language/wording.yaml", "language/characters.tsv")


@dataclass(frozen=True)
class Picture:
    """One metaphor with its roles by concept id, their breaks, and the quiz items by id, those on the truth among them."""

    metaphor: Metaphor
    roles: dict[str, Role]
    breaks: dict[str, Break]
    items: dict[str, Item]
    narration: dict[str, Both]  # step of the simulation → how the picture tells it
    breakages: dict[str, Breakage]
    whys: dict[str, Both]  # concept → why it acts, cited
    course: Course | None  # None where the picture has no lessons yet
    lessons: dict[str, Lesson]
    areas: tuple[Area, ...]  # the parts of the whole; all of it where nothing else is said
    welcome: tuple[str, ...]  # quiz items to begin with

    def owner(self, stop: str) -> str:
        """The concept that a break or misconception belongs to; '' for none."""
        if "." in stop:
            return stop.partition(".")[0]
        return next((id for id, role in self.roles.items() if stop in role.breaks), "")

    @cached_property
    def practice(self) -> dict[str, Item]:
        """The items that are not kept for the tests of the course."""
        kept = {id for test in self.course.tests for id in test} | {*self.course.placement} if self.course else set()
        return {id: item for id, item in self.items.items() if id not in kept}


@dataclass(frozen=True)
class Knowledge:
    """Everything the tutor knows, checked."""

    concepts: dict[str, Concept]
    pairs: tuple[Pair, ...]
    pictures: dict[str, Picture]
    texts: dict[str, Both]
    wording: Wording
    checking: Checking  # for what a language model says
    weights: Table  # what was learnt from questions, of words and of neighbouring words, see `bot/tutor/learnt.py`
    neighbours: Table
    characters: dict[str, tuple[str, str]]  # Chinese character → simplified form, pinyin with tone number

    def claim(self, id: str) -> Claim:
        concept, _, key = id.rpartition(".")
        return self.concepts[concept].claims[key]

    def misconception(self, id: str) -> Misconception | None:
        concept, _, key = id.rpartition(".")
        return self.concepts[concept].misconceptions.get(key) if concept in self.concepts else None

    def stop(self, picture: Picture, id: str) -> Break | Misconception | None:
        """The break of `picture`, or the misconception, with this id."""
        return picture.breaks.get(id) or self.misconception(id)

    def say(self, key: str, language: Language, **words: object) -> str:
        return self.texts[key][language].format(**words)


def default_folder() -> Path:
    return resources.folder("knowledge")


def load(
    folder: Path,
    language: Language = "en",
    simulated: Simulated = Simulated(),  # noqa: B008
    unread: Collection[str] = (),
) -> Knowledge:
    """The checked base in `folder`; `simulated` is what the order simulation asks of it.

    Files at the `unread` places (LEARNT_FROM, ITEMS) are left out, where they are not needed.

    Raises Faulty with every fault found, worded in `language`.
    """
    paths = files_of(folder, unread)
    tables = [folder / name for name in LEARNT]
    files = [_shape(File.of(path, folder, path not in tables)) for path in paths]
    for needed in NEEDED:
        if not (folder / needed).exists():
            missing = File(str(folder), "", Document())
            missing.fault((), "missing-file", name=needed)
            files.append(missing)
    lint(files, shipped_texts(), simulated, whole=ITEMS not in unread)
    faults = [
        Fault(file.path, problem.line, shipped_texts()[f"fault.{problem.kind}"][language].format(**problem.words))
        for file in files
        for problem in file.problems
    ]
    if faults:
        raise Faulty(faults)
    return _assemble(files)


def narration(folder: Path, metaphor: str) -> dict[str, Both]:
    """How a metaphor tells the simulation; nothing where it does not, or has a fault that `check` will name."""
    path = folder / "metaphors" / metaphor / "narration.yaml"
    try:
        return BOTHS.validate_python(read(path).data)
    except ValidationError:
        return {}


@cache
def shipped_texts() -> dict[str, Both]:
    """Every sentence of the program, from the data that ships with it; the faults of any base are worded from these."""
    texts: dict[str, Both] = {}
    for path in sorted((default_folder() / "texts").glob("*.yaml")):
        texts |= BOTHS.validate_python(read(path).data)
    return texts


def files_of(folder: Path, unread: Collection[str] = ()) -> list[Path]:
    """The files that `load` reads."""
    return [path for path in _files(folder) if not any(map(path.match, unread))]


def _files(folder: Path) -> Iterator[Path]:
    """Every file that looks like knowledge, and every folder that does, in a fixed order."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names + [each for each in folders if each.endswith(ENDINGS)]):
            if name.endswith(ENDINGS):
                yield Path(parent) / name


def _shape(file: File) -> File:
    """Gives the file's data its shape, or says of each value why it has none."""
    shape = next((SHAPES[pattern] for pattern in SHAPES if re.fullmatch(pattern + r"\.(yaml|tsv)", file.name)), None)
    if shape is None:
        file.fault((), "nobody-reads", name=file.name)
    if file.problems or shape is None:
        return file
    try:
        file.value, file.document.data = shape.validate_python(file.document.data), None
    except ValidationError as error:
        for each in error.errors():
            place = tuple(part for part in each["loc"] if part != "[key]")
            words = {str(key): word for key, word in each.get("ctx", {}).items()}
            kind = f"shape.{each['type']}"
            if f"fault.{kind}" not in shipped_texts():
                kind = "shape.other"
            field = ".".join(map(str, place)) or file.name
            file.fault(place, kind, **{**words, "field": field, "value": _short(each["input"]), "reason": each["msg"]})
    return file


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 40 else text[:39] + "…"


def _assemble(files: list[File]) -> Knowledge:
    def of(shape: type) -> list[Any]:
        return [file.value for file in files if isinstance(file.value, shape)]

    pictures = {}
    for file in files:
        if isinstance(file.value, Metaphor):
            home = os.path.dirname(file.name)
            roles = {each.value.concept: each.value for each in files if each.name.startswith(f"{home}/roles/")}
            breaks = {key: value for role in roles.values() for key, value in role.breaks.items()}
            inside = [each.value.items for each in files if each.name.startswith(("truth/items/", f"{home}/items/"))]
            items = {id: item for items in inside for id, item in items.items()}
            narration: dict[str, Both] = next((each.value for each in files if each.name == f"{home}/narration.yaml"), {})
            breakages = {Path(each.name).stem: each.value for each in files if each.name.startswith(f"{home}/breakages/")}
            whys: dict[str, Both] = next((each.value for each in files if each.name == f"{home}/whys.yaml"), {})
            course = next((each.value for each in files if each.name == f"{home}/course.yaml"), None)
            lessons = {Path(each.name).stem: each.value for each in files if each.name.startswith(f"{home}/lessons/")}
            whole = Areas(areas=(Area(name=file.value.name, concepts=tuple(roles)),)) if roles else None
            parts = next((each.value for each in files if each.name == f"{home}/areas.yaml"), whole)
            areas = (parts.areas, parts.welcome) if parts else ((), ())
            pictures[file.value.id] = Picture(
                file.value, roles, breaks, items, narration, breakages, whys, course, lessons, *areas
            )
    tables: dict[str, Any] = {file.name: file.value for file in files if isinstance(file.value, tuple | Table)}
    return Knowledge(
        concepts={concept.id: concept for concept in of(Concept)},
        pairs=tuple(of(Pair)),
        pictures=pictures,
        texts={key: both for file in files if file.name.startswith("texts/") for key, both in file.value.items()},
        wording=of(Wording)[0],
        checking=next(iter(of(Checking)), Checking()),
        characters={char: (intern(simple), intern(sound)) for char, simple, sound in tables["language/characters.tsv"]},
        weights=tables.get(LEARNT[0], Table()),
        neighbours=tables.get(LEARNT[1], Table()),
    )
