"""Decides whether a sentence of a language model may be shown: it says what the claims say that it cites, or it is dropped.

No second model is asked. A sentence passes when it can be read as a walk through the claims: each piece of it is a word of
a claim, is said for one, or says nothing of its own, and the next piece stands further on in the claim. Where the walk may
go back, what a `not` or an `if` does to a word, and that `may`, `only` and the like are kept: see the rules below. However it
is read, no two names change places around a word. What may be said for what is data: `knowledge/language/checking.yaml`.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations, groupby, product, takewhile
from typing import Literal, NamedTuple
from unicodedata import category, normalize

from bot.cited import MARKS, bare
from bot.knowledge.base import Knowledge
from bot.knowledge.measure import CITATION
from bot.knowledge.reading import CHINESE, INVISIBLE, Reader
from bot.knowledge.schema import LANGUAGES, Language
from bot.tutor.wording import Text, Token, Units, Words, spread

SITE = "https://kubernetes.io"
Fault = Literal[
    "uncited", "unknown-id", "word", "negation", "hedge", "order", "never-say", "link", "language", "markup", "length"
]  # fmt: skip
LONGEST = (60, 40)  # Chinese characters, English words of one sentence
LINK = re.compile(
    r"(?:https?://|www\.)\S+|\S+@\S+|@\w{3,}|\b[\w-]+\.(?:com|net|org|cn|me|ai|dev|info|xyz|top)\b\S*", re.IGNORECASE
)
MARKUP = re.compile(r"[<>*#|~{}\\^]|!?\[|\]\(|__")
DENIES = -2  # two words contradict each other when the product of what a `not` does to them is this or less
SLACK = (1, 0)  # telling units between two words that change places, in English and in Chinese
COVERED = 0.6  # of a clause's words: then the sentence says the clause


class Place(NamedTuple):
    """Where in the claims a piece of the sentence stands."""

    claim: int
    start: int
    end: int
    turned: bool = False  # it was said the other way round: `running containers`, `containers that run`
    first: bool = False  # nobody was named before it in its clause: `push the image`


class Step(NamedTuple):
    """One piece of the sentence, read as a place of a claim, after another."""

    end: int  # of the piece before
    at: int
    size: int
    before: Place | None
    place: Place


Rule = Callable[[Step], bool]


class Walk:
    """The ways to read a sentence as pieces of claims."""

    def __init__(self, text: Text, claims: list[Text], words: Words) -> None:
        self.text, self.claims, self.words = text, claims, words

    def ends(self, *rules: Rule) -> bool:
        """Whether some way through the sentence obeys `rules` at every piece."""
        reached: list[dict[Place | None, int]] = [{} for _ in range(len(self.text.units) + 1)]  # last place → the piece's end
        reached[0][None] = 0
        for at, ways in enumerate(reached[:-1]):
            if not ways:
                continue
            pieces, idle = set(self._pieces(at)), self._idle(at)
            for before, end in ways.items():
                for size in idle:
                    reached[at + size].setdefault(before, end)
                for size, place in pieces:
                    step = Step(end, at, size, before, place)
                    if all(rule(step) for rule in rules):
                        reached[at + size][self._after(step)] = at + size
        return bool(reached[-1])

    def _idle(self, at: int) -> set[int]:
        """The sizes of the pieces at `at` that tell nothing: neutral words, and names that were said before."""
        units = self.text.units
        sizes = set() if at in self.text.locked else {len(phrase) for phrase in self.words.neutral.at(units, at)}
        for phrase in self.words.names.at(units, at) if at not in self.text.joints else ():
            if any(units[start : start + len(phrase)] == phrase for start in range(at)):
                sizes.add(len(phrase))
        return sizes

    def _pieces(self, at: int) -> Iterator[tuple[int, Place]]:
        """What the sentence may be saying at `at`: how many units, and where the claims say so."""
        units = self.text.units
        chinese = bool(CHINESE.match(units[at]))
        for number, claim in enumerate(self.claims):
            for start in claim.where.get(units[at], ()) if chinese or self.text.tells(at) else ():
                pairs = takewhile(lambda pair: pair[0] == pair[1], zip(units[at:], claim.units[start:], strict=False))
                longest = sum(1 for _ in pairs)
                for size in {2, 3, longest} if chinese else {1, 2, longest}:  # any other is made of these
                    if size <= longest and (size > 1 or not chinese):
                        yield size, Place(number, start, start + size)
            for phrase in self.words.groups.at(units, at):
                for group in self.words.groups_of[phrase]:
                    for start, end in claim.groups.get(group, ()):
                        yield len(phrase), Place(number, start, end)

    def _after(self, step: Step) -> Place:
        """The place from where the walk goes on."""
        before, place = step.before, step.place
        claim = self.claims[place.claim]
        if before and (self._floats(before, place) or claim.rank[place.start] == claim.rank[place.end]):
            place = before  # it tells nothing of the order
        elif before and before.claim == place.claim and place.end <= before.start and not self._joint(step):
            place = before._replace(turned=True, first=False)
        elif before is None or before.first or self._joint(step):
            place = place._replace(first=place.start not in claim.names)
        return place._replace(turned=True) if step.at in self.text.agents else place  # who does it stays before what is done

    # ------------------------------------------------------------ the rules

    def denies_alike(self, step: Step) -> bool:
        """What the sentence denies the claim denies, and the other way round."""
        text, claim, at, place = self.text, self.claims[step.place.claim], step.at, step.place
        if text.units[at : at + step.size] != claim.units[place.start : place.end]:
            return text.stance(at, at + step.size) * claim.stance(place.start, place.end) > DENIES
        return all(text.inner[at + n] * claim.inner[place.start + n] > DENIES for n in range(step.size))

    def same_condition(self, step: Step) -> bool:
        """What the claim says of a condition is not said of what follows from it."""
        text, claim, place = self.text, self.claims[step.place.claim], step.place
        if not text.when or not claim.when or claim.names.issuperset(range(place.start, place.end)):
            return True
        return (text.clauses[step.at] in text.when) == (claim.clauses[place.start] in claim.when)

    def in_order(self, step: Step) -> bool:
        """Who does what to whom: a piece stands further on, or its words changed places in one of the ways below."""
        before, place = step.before, step.place
        if before is None or self._floats(before, place):
            return True
        if self._joint(step):
            return before.claim != place.claim or place.start >= before.start or not self.text.ordered
        if before.claim != place.claim:
            return False
        by = self._between(self.text.agents, step) and not self.claims[place.claim].agents
        onward = place.start >= before.end or (place.start >= before.start and place.end > before.end)
        if onward or place[:3] == before[:3]:
            return (self.text.wide > 1 or not by) and not self._crosses(step, before)
        return (by and (before.turned or self.text.wide > 1)) or self._turns(step, before) or self._active(step, before)

    def nearby(self, step: Step) -> bool:
        """As `in_order`, but that the words of one clause may stand in any order, a name, a number or a `then` excepted."""
        if self.in_order(step):
            return True
        before, place, claim = step.before, step.place, self.claims[step.place.claim]
        same = before is not None and before.claim == place.claim and claim.clauses[before.start] == claim.clauses[place.start]
        whole = step.at not in self.text.within and step.at + step.size not in self.text.within
        return same and whole and place.start not in claim.numbers and step.at not in self.text.sequence

    def _between(self, places: set[int], step: Step) -> bool:
        return any(at in places for at in range(step.end, step.at + 1))

    def _joint(self, step: Step) -> bool:
        """Whether the sentence begins anew between two pieces."""
        return self._between(self.text.joints, step)

    def _floats(self, before: Place, place: Place) -> bool:
        """Whether it is a word such as `by default` or `usually`, which may stand anywhere in its clause."""
        claim = self.claims[place.claim]
        same = place.claim == before.claim and claim.clauses[place.start] == claim.clauses[before.start]
        return same and place.start in claim.floating

    def _crosses(self, step: Step, before: Place) -> bool:
        """Whether the walk leaves one statement and enters another behind its subject, or takes a name from there."""
        claim, place = self.claims[step.place.claim], step.place
        entered = claim.clauses[place.start]
        if claim.clauses[before.end - 1] == entered:
            return False
        by = not self.text.agents.isdisjoint(range(step.end, step.at + step.size))
        waits = by or before.end - 1 not in claim.names - claim.numbers  # for a name
        name = waits and not claim.names.isdisjoint(range(place.start, place.end))
        return any(at in claim.names and (name or claim.clauses[at] == entered) for at in range(before.end, place.start))

    def _turns(self, step: Step, before: Place) -> bool:
        """Whether two neighbours merely change places: `containers that run`, `running containers`; `logs of Pods`."""
        claim, place = self.claims[before.claim], step.place
        if before.turned or place.end > before.start or claim.clauses[before.start] != claim.clauses[place.start]:
            return False
        if (
            claim.rank[before.start] - claim.rank[place.end] > SLACK[claim.wide - 1]
            or {before.start, place.start} & claim.numbers
        ):
            return False
        of = self._between(self.text.turns, step) or any(at in claim.turns for at in range(place.end, before.start + 1))
        short = claim.rank[before.end] - claim.rank[place.start] <= claim.wide + 2
        return of or (short and not {before.start, place.start} <= claim.names)

    def _active(self, step: Step, before: Place) -> bool:
        """Whether `push the image` stands for `the image has to be pushed`."""
        claim = self.claims[before.claim]
        passive = before.first and before.start in claim.passives and not self._between(self.text.passives, step)
        return passive and step.place.start not in claim.numbers

    def keeps_slots(self) -> bool:
        """Whether no sibling of a word stands between the neighbours that a claim gives it; a `not` is a sibling of nothing."""
        alike = self.words.alike
        held = [slot for claim in self.claims for slot in claim.slots]
        for said in self.text.slots:
            there = [each for each in held if alike(said.before, each.before) and alike(said.after, each.after)]
            rival = any(self.words.rivals(said.what, each.what) for each in there)
            if rival and not any(alike(said.what, each.what) for each in there):
                return False
        return True

    def keeps_counts(self) -> bool:
        """Whether no clause says a word more often than the claims do; only a name may be said anew, where a clause begins."""
        told = (each for each in self.text.tokens if each.name or self.text.wide == 1)  # one character is no word
        said = [each for each in told if not (each.name and self._opens(each))]
        counts = Counter((each.what, each.name or self.text.clauses[each.at]) for each in said)
        return all(n <= max(1, sum(len(claim.order.get(what, ())) for claim in self.claims)) for (what, _), n in counts.items())

    def _opens(self, token: Token) -> bool:
        """Whether nothing is told before it in its clause."""
        start = self.text.clauses.index(self.text.clauses[token.at])
        return token.at in self.text.joints or self.text.rank[start] == self.text.rank[token.at]

    def turns_into_opposite(self) -> bool:
        """Whether it says `may` where the claims say `must`, and the like."""
        units = self.text.units
        for one, other in self.words.opposites:
            for said, meant in ((one, other), (other, one)):
                held = [any(True for claim in self.claims for _ in book.within(claim.units)) for book in (said, meant)]
                if held == [False, True] and any(said.within(units)) and not any(meant.within(units)):
                    return True
        return False

    def keeps_sides(self, *, names: bool) -> bool:
        """Whether no two words (or `names` alone) change places around a third, unless it is `B is done by A`."""
        tokens = [each for each in self.text.tokens if any(each.what in claim.order for claim in self.claims)]
        for n, word in enumerate(tokens):
            if names and word.name:
                continue
            for left, right in product(tokens[:n], tokens[n + 1 :]):
                if self.text.clauses[word.at] != self.text.clauses[right.at] or (names and not (left.name and right.name)):
                    continue
                swapped = any(claim.puts(right.what, word.what, left.what) for claim in self.claims)
                kept = any(claim.puts(left.what, word.what, right.what) for claim in self.claims)
                if swapped and not kept and not any(word.at < at <= right.at for at in self.text.agents):
                    return False
        return True

    def keeps_roles(self) -> bool:
        """Whether within each clause what is done stays on its side of the names, unless only one name is left with it."""
        clauses = self.text.clauses
        passive = {clauses[at] for at in self.text.passives if at < len(clauses)}
        for number, tokens in groupby(self.text.tokens, lambda token: clauses[token.at]):
            said = [*tokens]
            for n, m in combinations(range(len(said)), 2):
                one, other = said[n], said[m]
                if one.name and other.name:
                    matters = m == n + 1
                elif one.name:  # then the name is done to, and nobody else may be
                    matters = number not in passive and any(each.name for each in said[m + 1 :])
                else:  # then the name does it, and nobody else may
                    matters = other.name and any(each.name for each in said[:n])
                if matters and self._only_after(one, other):
                    return False
        return True

    def _only_after(self, one: Token, other: Token) -> bool:
        """Whether claims hold both, and `one` nowhere before `other`."""
        held = [claim.order for claim in self.claims if {one.what, other.what} <= claim.order.keys()]
        return bool(held) and all(order[one.what][0] > order[other.what][-1] for order in held)

    def keeps_hedges(self, claim: Text) -> bool:
        """Whether a clause that the sentence takes over keeps what made it weaker or narrower, and its `not`."""
        words, units = self.words, self.text.units
        for part in claim.parts:
            hedges = [[*hedge.within(part)] for hedge in words.hedges if not next(hedge.within(units), None)]
            if not self.text.nots:
                hedges.append([each for each in words.known.longest(part) if each[1] in words.denials])
            if any(found and self._takes(part, found) for found in hedges):
                return False
        return True

    def _takes(self, part: Units, but: list[tuple[int, Units]]) -> bool:
        """Whether the sentence says most of a clause, or the words on both sides of the phrases `but`."""
        idle = spread((*but, *self.words.neutral.within(part)))
        rest = [at for at in range(len(part)) if at not in idle]
        taken = [part[at] in self.text.where for at in rest]
        beside = bisect(rest, but[0][0])
        both = 0 < beside < len(rest) and all(taken[beside - 1 : beside + 1])
        return both or (bool(rest) and sum(taken) >= COVERED * len(rest))


class Check:
    """The rules, with the knowledge they rest on."""

    def __init__(self, knowledge: Knowledge, reader: Reader) -> None:
        self.knowledge, self.reader = knowledge, reader
        self.words = {language: Words(knowledge, language, self._spell) for language in LANGUAGES}
        self.read: dict[tuple[str, Language], Text] = {}

    def fault(self, sentence: str, supplied: Iterable[str], language: Language) -> Fault | None:
        """Why `sentence`, with its citations, must not be shown; None when it may. `supplied`: the concepts in the prompt."""
        ids, said = CITATION.findall(sentence), bare(sentence)
        if not ids:
            return "uncited"
        if not all(id.rpartition(".")[0] in supplied and self._claim(id) for id in ids):
            return "unknown-id"
        claims = [self.knowledge.claim(id) for id in ids]
        if said.rstrip("。.! ") == claims[0][language].rstrip("。. "):
            return None  # word for word
        if INVISIBLE.search(said):
            return "markup"
        if any(not link.startswith(tuple(SITE + claim.source for claim in claims)) for link in LINK.findall(said)):
            return "link"
        if not self._plain(said, [claim[language] for claim in claims]) or any(
            category(char)[0] == "S" for char in said if not char.isascii()
        ):
            return "markup"
        if bool(CHINESE.search(said)) != (language == "zh") or self._foreign(said):
            return "language"
        if len(self.words[language].units(said)) > LONGEST[0 if language == "zh" else 1]:
            return "length"
        concepts = [self.knowledge.concepts[id.rpartition(".")[0]] for id in ids]
        within = self.reader.within(said)
        if any(within(phrase) for concept in concepts for each in LANGUAGES for phrase in concept.never_say[each]):
            return "never-say"
        *parts, rest = MARKS.split(sentence)  # each part is checked against the claims that stand behind it
        parts[-2] += rest
        cited = ([self._claim_text(id, language) for id in CITATION.findall(marks)] for marks in parts[1::2])
        faults = (self._unfaithful(part, claims, self.words[language]) for part, claims in zip(parts[::2], cited, strict=True))
        return next(filter(None, faults), None)

    def _unfaithful(self, said: str, claims: list[Text], words: Words) -> Fault | None:
        walk = Walk(Text(words.command.sub("", said), words), claims, words)
        if not walk.ends() or not walk.text.substance or walk.turns_into_opposite():
            return "word"
        if not walk.keeps_slots() or not walk.keeps_counts():
            return "word"
        if walk.text.nots > sum(claim.nots for claim in claims) or not walk.ends(walk.denies_alike):
            return "negation"
        if not all(map(walk.keeps_hedges, claims)):
            return "hedge"
        rules = walk.denies_alike, walk.same_condition
        if walk.keeps_sides(names=True) and walk.ends(*rules, walk.in_order):
            return None
        roles = not walk.text.agents and walk.keeps_sides(names=False) and walk.keeps_roles()
        return None if roles and walk.ends(*rules, walk.nearby) else "order"

    # --------------------------------------------------------------- reading

    def _claim(self, id: str) -> bool:
        concept, _, key = id.rpartition(".")
        return concept in self.knowledge.concepts and key in self.knowledge.concepts[concept].claims

    def _claim_text(self, id: str, language: Language) -> Text:
        if (id, language) not in self.read:
            self.read[id, language] = Text(self.knowledge.claim(id)[language], self.words[language])
        return self.read[id, language]

    @staticmethod
    def _plain(said: str, claims: list[str]) -> bool:
        """Whether it holds no markup: a sign of it may stand in `code` that a claim has as well, and nowhere else."""
        pieces = said.split("`")
        plain, codes = pieces[::2], pieces[1::2]
        balanced = said.count("`") % 2 == 0
        known = all(not MARKUP.search(code) or any(code in claim for claim in claims) for code in codes)
        return balanced and known and not any(map(MARKUP.search, plain))

    def _foreign(self, said: str) -> bool:
        """Whether it holds letters or figures of a script that the claims are not written in, which no rule would read."""
        strange = (char for char in normalize("NFKC", said) if char.isalnum() and not char.isascii())
        return any(not CHINESE.match(char) or ord(char) in self.reader.simplified for char in strange)

    def _spell(self, text: str) -> str:
        return self.reader.spell(text.replace("’", "'").replace("'s ", " "))
