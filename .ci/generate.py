"""Writes what is generated and committed; `--check` only says what is out of date, exit 1.

    knowledge/language/characters.tsv   each Chinese character, its simplified form, its pinyin with tone number
    knowledge/language/weights.tsv      how much each word of a question speaks for each concept
    knowledge/language/neighbours.tsv   the same for two words side by side
    README.md, README.zh-CN.md          the blocks between `<!-- NAME -->` and `<!-- end -->`

A character with several readings has its most usual one: enough to recognise a word typed as pinyin or as a homophone.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

from opencc import OpenCC
from pydantic_core import PydanticUndefined
from pypinyin import Style, pinyin

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bot.cited import bare  # noqa: E402
from bot.classroom import Classroom  # noqa: E402
from bot.knowledge import base  # noqa: E402
from bot.knowledge.schema import LANGUAGES, Language  # noqa: E402
from bot.knowledge.source import read  # noqa: E402
from bot.learners import Learner  # noqa: E402
from bot.settings import Settings  # noqa: E402
from bot.tutor.learnt import LETTERS, MOST, STEP  # noqa: E402

KNOWLEDGE = base.load(ROOT / "knowledge")
METAPHOR = "lemonade"
WEIGHTS = "knowledge/language/weights.tsv"
NEIGHBOURS = "knowledge/language/neighbours.tsv"
CLASSIFIER = {"C": 1.0, "random_state": 0}
LEAST = 2  # steps of a weight that is worth keeping; one more where few questions say the word
FEW = 2  # questions
HEADS = {
    "metaphor": {"zh": ("柠檬水", "Kubernetes", "比喻到哪里为止"), "en": ("Lemonade", "Kubernetes", "Where the picture stops")},
    "settings": {"zh": ("变量", "默认", "作用"), "en": ("Variable", "Default", "What it does")},
}
ASKED: dict[Language, tuple[str, ...]] = {
    "zh": ("etcd 是什么？", "不懂", "Pod 和容器有什么区别？"),
    "en": ("What is etcd?", "I don't get it", "Pod vs container?"),
}


def characters() -> str:
    """The characters of GB 2312 and the everyday ones of Big5, in Unicode order."""
    simplify = OpenCC("t2s").convert
    rows = []
    for code in range(0x4E00, 0xA000):
        char = chr(code)
        if _in(char, "gb2312") or (_in(char, "big5") and char.encode("big5") < b"\xc9\x40"):
            sounds = pinyin(char, style=Style.TONE3, errors="ignore")
            rows.append(f"{char}\t{simplify(char)}\t{sounds[0][0] if sounds else ''}\n")
    return "".join(rows)


def _in(char: str, codec: str) -> bool:
    try:
        char.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def metaphor(language: Language) -> str:
    """One row for each concept: its role, its name, and the truth of its first break."""
    picture = KNOWLEDGE.pictures[METAPHOR]
    rows = []
    for concept in sorted(KNOWLEDGE.concepts.values(), key=lambda concept: (concept.tier, concept.id)):
        if role := picture.roles.get(concept.id):
            truth = next((bare(found.truth[language]) for found in role.breaks.values()), "–")
            rows.append((role.role[language], concept.name[language], truth))
    return _table(HEADS["metaphor"][language], rows)


def settings(language: Language) -> str:
    rows = []
    for name, field in Settings.model_fields.items():
        default = "–" if field.default in (None, (), PydanticUndefined) else f"`{_plain(field.default)}`"
        rows.append((f"`{name.upper()}`", default, KNOWLEDGE.say(f"setting.{name.upper()}", language)))
    return _table(HEADS["settings"][language], rows)


def _plain(value: object) -> str:
    """A default as it would be typed."""
    return ":".join(map(str, value)) if isinstance(value, tuple) else str(value)


def transcript(language: Language) -> str:
    """A real run: what the terminal prints for three messages of one talk."""
    classroom, learner = Classroom(KNOWLEDGE, METAPHOR, language), Learner()
    lines = []
    for question in ASKED[language]:
        reply = classroom.ask(learner, question)
        choices = "  ".join(f"[{number}] {choice.label}" for number, choice in enumerate(reply.choices, 1))
        lines += [f"> {question}", "", reply.text, "", choices, ""]
    return "```text\n" + "\n".join(lines).rstrip() + "\n```\n"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


@cache
def weights() -> tuple[str, str]:
    """A linear classifier for each concept, learnt from every question that is known: of words, and of neighbouring words.

    The first row holds a fingerprint of all that it was learnt from, the second the biases; see `bot/tutor/learnt.py`.
    While the fingerprint is that of the files, they stay: another processor would round some weights otherwise.
    """
    finder = Classroom(KNOWLEDGE, METAPHOR, "zh").tutor.finder
    known = [(sorted(finder.read(text)[3]), concept) for concept, text in _known()]
    fingerprint = hashlib.sha256(json.dumps([known, CLASSIFIER, LEAST, FEW, STEP]).encode()).hexdigest()
    standing = [path.read_text("utf-8") for path in (ROOT / WEIGHTS, ROOT / NEIGHBOURS) if path.exists()]
    if len(standing) == 2 and standing[0].startswith(f"#\t{fingerprint}\n"):
        return standing[0], standing[1]
    rows = _learn(known)
    words = "".join(row for word, row in rows if " " not in word)
    return f"#\t{fingerprint}\n{words}", "".join(row for word, row in rows if " " in word)


def _known() -> Iterator[tuple[str, str]]:
    """Every question and name with the concept that it is about; `-` where it is none of ours."""
    for concept in KNOWLEDGE.concepts.values():
        yield from ((concept.id, text) for each in concept.questions for text in each.both)
        yield from ((concept.id, alias) for language in LANGUAGES for alias in concept.aliases[language])
    yield from ((pair.of[0], text) for pair in KNOWLEDGE.pairs for each in pair.asked_as for text in each.both)
    yield from (("-", name) for language in LANGUAGES for name in KNOWLEDGE.wording.elsewhere[language])
    for language in LANGUAGES:
        for slot, text in read(ROOT / f"knowledge/language/asked/{language}.tsv").data:
            yield slot.partition(".")[0], text


def _learn(known: list[tuple[list[str], str]]) -> list[tuple[str, str]]:
    """Of each word that decides something its row. What a word says of most concepts alike decides nothing."""
    import numpy
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.svm import LinearSVC

    vectorizer, rarity, machine = DictVectorizer(), TfidfTransformer(), LinearSVC(**CLASSIFIER)
    counts = vectorizer.fit_transform([dict.fromkeys(words, 1) for words, _ in known])
    machine.fit(rarity.fit_transform(counts), [concept for _, concept in known])
    biases = " ".join(f"{concept}:{bias:.2f}" for concept, bias in zip(machine.classes_, machine.intercept_, strict=True))
    rows = [("+", biases)]
    columns = (machine.coef_ - numpy.median(machine.coef_, axis=0)) * rarity.idf_ / STEP
    said = counts.getnnz(axis=0)
    for word, idf, count, column in zip(vectorizer.feature_names_, rarity.idf_, said, columns.T, strict=True):
        steps = ((at, max(-MOST, min(MOST, round(weight)))) for at, weight in enumerate(column))
        least = LEAST + (count <= FEW)
        if pairs := "".join(LETTERS[at] + LETTERS[MOST + step] for at, step in steps if abs(step) >= least):
            rows.append((word, LETTERS[round(idf / STEP)] + pairs))
    return [(word, f"{word}\t{letters}\n") for word, letters in rows]


BLOCKS: dict[str, Callable[[Language], str]] = {"metaphor": metaphor, "settings": settings, "transcript": transcript}


def readme(name: str, language: Language) -> str:
    """The README as it stands, its blocks made anew."""

    def block(found: re.Match[str]) -> str:
        return f"<!-- {found[1]} -->\n{BLOCKS[found[1]](language)}<!-- end -->"

    text = (ROOT / name).read_text("utf-8")
    return re.sub(r"<!-- (metaphor|settings|transcript) -->\n.*?<!-- end -->", block, text, flags=re.DOTALL)


GENERATED: dict[str, Callable[[], str]] = {
    "knowledge/language/characters.tsv": characters,
    WEIGHTS: lambda: weights()[0],
    NEIGHBOURS: lambda: weights()[1],
    "README.md": lambda: readme("README.md", "en"),
    "README.zh-CN.md": lambda: readme("README.zh-CN.md", "zh"),
}


def main() -> int:
    checking = "--check" in sys.argv
    stale = []
    for name, make in GENERATED.items():
        path, text = ROOT / name, make()
        if not path.exists() or path.read_text("utf-8") != text:
            stale.append(name)
            if not checking:
                path.write_text(text, "utf-8")
    if stale:
        print(f"out of date, run `make generate`: {', '.join(stale)}" if checking else f"written: {', '.join(stale)}")
    return 1 if stale and checking else 0


if __name__ == "__main__":
    sys.exit(main())
