"""What a larger base costs: time to load it, memory, and CPU time of a question, at each size.

    python -m bench.growth [--sizes 100 1000 3000 10000]

A base is the shipped one with as many entries more as the size asks for: concepts and roles made from the real ones, generation
after generation, with new ids, new names in every question and links within their generation. Nothing is learnt about them.
Each size is measured in a process of its own, by questions about entries from all over the base; the exit code is 1 where a
question takes more than 5 times as long as at the real size, or an entry is not found by its own questions.
"""

from __future__ import annotations

import argparse
import gc
import json
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bot.classroom import Classroom  # noqa: E402
from bot.knowledge import base  # noqa: E402
from bot.knowledge.source import read  # noqa: E402
from bot.learners import Learner  # noqa: E402

SIZES = (100, 1_000, 3_000, 10_000)
MOST = 5.0  # times the time of a question at the real size
QUESTIONS = 300
SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprtvz" for vowel in "aeiou"]
CONCEPTS, ROLES = "truth/concepts", "metaphors/lemonade/roles"
CLAIM = re.compile(r"([a-z][a-z0-9-]*)(\.[cm][0-9]+)")


def word(number: int) -> str:
    """A name that nothing else has: `zugobeli`."""
    number = number * 7_368_787 % len(SYLLABLES) ** 4
    syllables = []
    for _ in range(4):
        number, at = divmod(number, len(SYLLABLES))
        syllables.append(SYLLABLES[at])
    return "".join(syllables)


def each(value: Any, change: Callable[[str], str]) -> Any:
    """`value` with every text changed."""
    if isinstance(value, dict):
        return {key: each(inside, change) for key, inside in value.items()}
    if isinstance(value, list):
        return [each(inside, change) for inside in value]
    return change(value) if isinstance(value, str) else value


class Maker:
    """Makes entries from the shipped ones."""

    def __init__(self) -> None:
        folder = base.default_folder()
        self.concepts = {path.stem: read(path).data for path in sorted((folder / CONCEPTS).glob("*.yaml"))}
        self.roles = {id: read(folder / ROLES / f"{id}.yaml").data for id in self.concepts}

    def made(self, first: int, last: int) -> Iterator[tuple[str, dict[str, Any]]]:
        """The files of the entries `first` to `last` - 1, counted from the first made one."""
        size = len(self.concepts)
        for generation in range(first // size, (last - 1) // size + 1):
            numbers = dict(zip(self.concepts, range(generation * size, last), strict=False))
            new = {id: f"{id}-made-{generation}" for id in numbers}
            new |= {key: f"{key}{generation + 1:03}" for id in numbers for key in self.roles[id].get("breaks", ())}
            roles = {id: self._role(id, word(number), new) for id, number in numbers.items()}
            concepts = {id: self._concept(id, word(number), new) for id, number in numbers.items()}
            used = {f"{link[1]}{link[2]}" for link in CLAIM.finditer(json.dumps([*roles.values(), *concepts.values()]))}
            for id in numbers:
                claims = concepts[id]["claims"].items()
                concepts[id]["claims"] = {key: claim for key, claim in claims if f"{new[id]}.{key}" in used}
                yield f"{ROLES}/{new[id]}.yaml", roles[id]
                yield f"{CONCEPTS}/{new[id]}.yaml", concepts[id]

    def _linked(self, entry: dict[str, Any], new: dict[str, str]) -> dict[str, Any]:
        """An entry whose links lead to its own generation, where that has what they lead to."""

        def change(text: str) -> str:
            return new.get(text) or CLAIM.sub(lambda link: new.get(link[1], link[1]) + link[2], text)

        return {key: value if key == "kind" else each(value, change) for key, value in entry.items()}

    def _role(self, id: str, name: str, new: dict[str, str]) -> dict[str, Any]:
        role = self._linked(self.roles[id], new)
        breaks = {new[key]: found for key, found in role.get("breaks", {}).items()}
        names = {"zh": f"{name}柜", "en": f"the {name} box"}
        return {**role, "role": names, "aliases": {}, "breaks": breaks, "origin": ["extension"]}

    def _concept(self, id: str, name: str, new: dict[str, str]) -> dict[str, Any]:
        """An entry with a name of its own, also in all that it is asked and that must not be said."""
        real = self.concepts[id]
        called = {id, *real["name"].values(), *real["aliases"]["zh"], *real["aliases"]["en"]}
        old = re.compile("|".join(map(re.escape, sorted(called, key=len, reverse=True))), re.IGNORECASE)

        def renamed(text: str) -> str:
            text, times = old.subn(name, text)
            return text if times else f"{name} {text}"

        concept = self._linked(real, new)
        for part in (concept, *concept["answers"]):
            part["asked_as"] = each(part["asked_as"], renamed)
        own = {
            "name": {"zh": name, "en": name},
            "aliases": {"zh": [f"{name}器"], "en": [f"{name} unit"]},
            "everyday": {},
            "never_say": each(concept["never_say"], renamed),
        }
        return {**concept, **own}


def grow(folder: Path, first: int, last: int) -> None:
    for name, file in Maker().made(first, last):
        (folder / name).write_text(json.dumps(file, ensure_ascii=False), "utf-8")


def measure(folder: Path) -> dict[str, float]:
    """Seconds of CPU to load a base, megabytes, milliseconds of a question, and the share of entries that were found first."""
    gc.disable()
    began = time.process_time()
    classroom = Classroom(base.load(folder, unread=base.UNASKED), "lemonade", "zh")
    load = time.process_time() - began
    gc.freeze()
    gc.enable()
    entries = list(classroom.knowledge.concepts.values())
    step = max(1, len(entries) // QUESTIONS)
    asked = [(entry.id, text) for entry in entries[::step] for text in entry.questions[len(entry.id) % 4].both][:QUESTIONS]
    for _, question in asked[:50]:
        classroom.ask(Learner(), question)
    best, found = float("inf"), 0
    for _ in range(3):
        began = time.process_time()
        answers = [classroom.ask(Learner(), question) for _, question in asked]
        best = min(best, time.process_time() - began)
        found = sum(answer.concepts[:1] == (id,) for answer, (id, _) in zip(answers, asked, strict=True))
    return {
        "load": load,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "question": best / len(asked) * 1000,
        "found": found / len(asked),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        print(json.dumps(measure(asked.measure)))
        return 0
    return int(any(row["ratio"] > MOST or row["found"] < 1 for row in measured(asked.sizes)))


def results() -> dict[str, str]:
    """What was measured → figure."""
    *_, last = measured((10_000,))
    return {
        "time for a question at 10,000 entries, beside the real size": f"{last['ratio']:.2f} ×",
        "load, CPU": f"{last['load']:.1f} s",
        "memory": f"{last['memory']:.0f} MB",
    }


def measured(sizes: Iterable[int]) -> list[dict[str, float]]:
    """A row for the real base, and one for each of `sizes`."""
    print(f"{'entries':>8}{'load, s':>10}{'memory, MB':>12}{'question, ms':>14}{'ratio':>8}{'found':>8}")
    rows: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as home:
        unasked = shutil.ignore_patterns("items", "lessons", "areas.yaml")  # they name every concept there is
        folder = Path(shutil.copytree(base.default_folder(), Path(home) / "base", ignore=unasked))
        real = len(list((folder / CONCEPTS).glob("*.yaml")))
        for size in (real, *(size for size in sorted(sizes) if size > real)):
            there = len(list((folder / CONCEPTS).glob("*.yaml")))
            if size > there:
                grow(folder, there - real, size - real)
            command = [sys.executable, "-m", "bench.growth", "--measure", str(folder)]
            row = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
            rows.append(row)
            row["ratio"] = row["question"] / rows[0]["question"]
            print(
                f"{size:>8}{row['load']:>10.2f}{row['memory']:>12.0f}{row['question']:>14.2f}{row['ratio']:>8.2f}{row['found']:>8.0%}",
                flush=True,
            )
    return rows


if __name__ == "__main__":
    sys.exit(main())
