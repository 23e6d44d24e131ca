"""Fills the prompts: what a model is told, within a budget of tokens.

The first part is the same for every learner and every question, so that an endpoint can keep it. Then come the claims of a few
concepts, what was talked about, and last the learner's words, as data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from bot.errors import Fault, Faulty
from bot.knowledge.base import Knowledge, shipped_texts
from bot.knowledge.measure import CITATION
from bot.knowledge.reading import CHINESE, INVISIBLE
from bot.knowledge.schema import Language
from bot.learners import Learner
from bot.tutor.answers import Answers, Plan

GAPS = {
    "tutor.md": {"cards"},
    "question.md": {"claims", "language", "topics", "question"},
    "again.md": {"why"},
}
GAP = re.compile(r"\{([a-z]+)\}")
MARK = re.compile(r"[<>]{2,}")  # what marks the learner's words off
ROOM = 2_200  # tokens of a whole prompt, as we count them
ENTRIES = 4  # concepts whose claims are given
OTHERS = 6  # claims of a concept that is not asked about itself
QUESTION = 500  # characters of the learner's words
TOPICS = 3  # earlier answers that are named


def tokens(text: str) -> int:
    """How many tokens a text takes, rather too many than too few: tokenizers differ."""
    chinese = len(CHINESE.findall(text))
    return round(chinese * 1.1 + (len(text) - chinese) / 3.6)


def fill(template: str, **words: str) -> str:
    """`template` with its gaps filled; what is filled in is not read again."""
    return GAP.sub(lambda gap: words.get(gap[1], gap[0]), template)


def read(folder: Path, language: Language) -> dict[str, str]:
    """The prompts in `folder`. Raises Faulty, worded in `language`, when one is missing or has other gaps than it should."""
    found, faults = {}, []
    for name, gaps in GAPS.items():
        path = folder / name
        try:
            found[name] = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            faults.append(Fault(str(path), 1, shipped_texts()["fault.prompt"][language]))
            continue
        if set(GAP.findall(found[name])) != gaps:
            wanted = ", ".join(f"{{{gap}}}" for gap in sorted(gaps))
            faults.append(Fault(str(path), 1, shipped_texts()["fault.prompt-gaps"][language].format(gaps=wanted)))
    if faults:
        raise Faulty(faults)
    return found


class Prompts:
    """The prompts, with the knowledge that fills them."""

    def __init__(self, texts: dict[str, str], knowledge: Knowledge, answers: Answers) -> None:
        self.texts, self.knowledge, self.answers = texts, knowledge, answers
        self.always = fill(texts["tutor.md"], cards=", ".join(knowledge.concepts))
        self.fixed = tokens(self.always) + tokens(texts["again.md"])

    def supplied(self, plan: Plan) -> tuple[str, ...]:
        """The concepts whose claims go into the prompt: what is asked about, what comes near, and its neighbours."""
        role = self.answers.picture.roles.get(plan.concepts[0])
        neighbours = (relation.to for relation in role.relations) if role else ()
        return tuple(dict.fromkeys((*plan.concepts, *plan.others[:2], *neighbours)))[:ENTRIES]

    def now(self, plan: Plan, question: str, learner: Learner) -> str:
        """The part that is this question's."""
        words = MARK.sub(" ", INVISIBLE.sub("", question))[:QUESTION]
        told = [topic for number, topic in learner.told.items() if number > learner.fresh]
        topics = [self._topic(topic.concepts, topic.claims, plan.language) for topic in told[-TOPICS:]]
        rest = {
            "language": self.knowledge.say("model.language", plan.language),
            "topics": "; ".join(topics) or "-",
            "question": words,
        }
        taken = self.fixed + tokens(fill(self.texts["question.md"], claims="", **rest))
        return fill(self.texts["question.md"], claims="\n".join(self._claims(plan, ROOM - taken)), **rest)

    def again(self, why: Iterable[str]) -> str:
        return fill(self.texts["again.md"], why=", ".join(sorted(set(why))) or "none")

    def _topic(self, concepts: tuple[str, ...], claims: tuple[str, ...], language: Language) -> str:
        names = ", ".join(self.knowledge.concepts[id].name[language] for id in concepts)
        return f"{names} ({' '.join(claims)})"

    def _claims(self, plan: Plan, room: int) -> list[str]:
        """As many claims as there is room for: first what the knowledge would answer, then each concept in turn."""
        ids = [id for text in self.answers.own_words(plan, plan.language) for id in CITATION.findall(text)]
        supplied = self.supplied(plan)
        for concept in supplied:
            most = None if concept in plan.concepts else OTHERS
            ids += [f"{concept}.{key}" for key in list(self.knowledge.concepts[concept].claims)[:most]]
        lines = []
        for id in dict.fromkeys(id for id in ids if id.rpartition(".")[0] in supplied):
            line = f"{id}: {self.knowledge.claim(id)[plan.language]}"
            room -= tokens(line) + 1
            if room < 0:
                break
            lines.append(line)
        return lines
