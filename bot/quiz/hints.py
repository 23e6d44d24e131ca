"""The three hints of an item, each made from what its author wrote anyway."""

from __future__ import annotations

from bot.cited import gap
from bot.knowledge.base import Knowledge
from bot.knowledge.measure import CITATION
from bot.knowledge.schema import Both, Item, Language
from bot.quiz.grading import away

LADDER = 3


def hints(knowledge: Knowledge, item: Item, key: tuple[int, ...], missed: tuple[int, ...] = ()) -> tuple[Both, Both, Both]:
    """A first push, then a wrong option less and why, then the claim that the answer rests on; all cited."""
    at = away(item, key, missed)

    def second(language: Language) -> str:
        option = item.options[at or 0]
        text = option.text[language]
        if at is None:  # no option is wrong: one of them stands in its place
            return knowledge.say("quiz.hint.first" if item.type == "order" else "quiz.hint.pair", language, option=text)
        no = knowledge.say("quiz.hint.away", language, option=text)
        return no + gap(language) + (option.feedback or item.explain)[language]

    id = CITATION.findall(item.explain.zh)[0]
    claim = knowledge.claim(id)
    return (
        item.hint,
        Both(zh=second("zh"), en=second("en")),
        Both(zh=f"{claim.zh}[{id}]", en=f"{claim.en}[{id}]"),
    )
