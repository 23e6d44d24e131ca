"""The learner's own little cluster: an order that can be watched, broken and asked about with kubectl.

A cluster is never stored. What is kept of it is the list of its commands; the same commands lead to the same world, so it is
made again from them each time, which takes some milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass

from bot.cited import Citations
from bot.errors import Refused
from bot.knowledge.base import Knowledge, Picture
from bot.knowledge.schema import Breakage, Language
from bot.learners import Learner
from bot.replies import Answer, Block, Choice, Paragraph, Reply, Span, say
from bot.simulation import facts
from bot.simulation.board import Board
from bot.simulation.cluster import Cluster
from bot.simulation.steps import step_of
from bot.simulation.trace import Line

PAUSE = 1.5  # seconds between two boards
CUPS = 6  # in one order, at most
HISTORY = 60  # commands that a cluster is made of, at most
LENGTH = 6_000  # characters of them
SHOPS = "world shops 2 --cpu=2"
FRAMES = 12  # boards that one play shows, at most
REPLICAS = re.compile(r"replicas\W{0,3}(\d+)")
MOST = 50  # replicas in a chat
EXAMPLES = ("get pods", "scale deployment lemonade --replicas=3", "events")
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class Play:
    """Holds the picture; the world is the learner's. `sleep` lets a board stand for a while."""

    knowledge: Knowledge
    picture: Picture
    sleep: Sleep

    # ----------------------------------------------------------------- order

    def order(self, learner: Learner, cups: int, language: Language) -> Reply:
        """A new order, as it has just been taken."""
        cups = max(1, min(cups, CUPS))
        cluster = Cluster.replay((SHOPS, "settle"))
        lines = cluster.run(f"kubectl create deployment lemonade --image=lemonade:v1 --replicas={cups}")
        return self._board(learner, cluster, lines, language)

    def step(self, learner: Learner, language: Language) -> Reply:
        """The next thing that happens."""
        cluster = self._world(learner)
        return self._board(learner, cluster, self._on(cluster), language)

    async def faster(self, learner: Learner, language: Language) -> AsyncGenerator[Reply, None]:
        """Everything until the world is settled, a board at a time."""
        cluster, lines = self._world(learner), list[Line]()
        for _ in range(FRAMES):
            lines = self._on(cluster)
            if not lines or cluster.settled:
                break
            yield Reply(tuple(self._draw(cluster, lines, language)), draft=True)
            await self.sleep(PAUSE)
        else:
            cluster.settle()
            lines = cluster.trace.take()
        yield self._board(learner, cluster, lines, language)

    def _on(self, cluster: Cluster) -> list[Line]:
        """Lets time go until something is told, or the world is settled."""
        while lines := cluster.step():
            if any(map(step_of, lines)):
                return lines
        return []

    def _board(self, learner: Learner, cluster: Cluster, lines: list[Line], language: Language) -> Reply:
        """The board with its buttons; the world is kept."""
        learner.world = tuple(cluster.history)
        told = [line for line in lines if step_of(line)]
        board = Board(self.knowledge, self.picture, language)
        why = board.actor(told[-1]) if told else ""
        names = ["again", "break"] if cluster.settled else ["step", "faster", "break"]
        choices = [self._choice(name, language) for name in names]
        if why in self.knowledge.concepts:
            choices.append(Choice(self.knowledge.say("choice.why", language), f"/ask {why}"))
        return Reply(tuple(board.draw(cluster, lines)), tuple(choices))

    def _draw(self, cluster: Cluster, lines: list[Line], language: Language) -> list[Block]:
        return Board(self.knowledge, self.picture, language).draw(cluster, lines)

    def _choice(self, name: str, language: Language) -> Choice:
        command = {"again": "/order"}.get(name, f"/{name}")
        return Choice(self.knowledge.say(f"choice.{name}", language), command)

    def _world(self, learner: Learner) -> Cluster:
        return Cluster.replay(learner.world or (SHOPS, "settle"))

    # ----------------------------------------------------------------- break

    def breakages(self, language: Language) -> Reply:
        """What can be broken."""
        choices = (Choice(each.label[language], f"/break {id}") for id, each in self.picture.breakages.items())
        return Reply((say(self.knowledge.say("break.which", language)),), tuple(choices))

    def scene(self, id: str, language: Language) -> Reply | None:
        """What is about to happen, and the guesses; None when there is no such thing."""
        breakage = self.picture.breakages.get(id)
        if not breakage:
            return None
        ask = say(self.knowledge.say("break.guess", language), "next")
        choices = (Choice(guess.text[language], f"/guess {id} {n}") for n, guess in enumerate(breakage.guesses, 1))
        return Reply((say(breakage.label[language], "heading"), say(breakage.scene[language]), ask), tuple(choices))

    async def broken(self, learner: Learner, id: str, guess: int, language: Language) -> AsyncGenerator[Reply, None]:
        """Plays a breakage, then tells what came true and why; nothing when there is no such thing."""
        breakage = self.picture.breakages.get(id)
        if not breakage or not 0 < guess <= len(breakage.guesses):
            return
        cluster = Cluster.replay((*facts.READY, *breakage.before))
        shown = 0
        for command in breakage.change[:-1]:
            async for lines in self._frames(cluster, cluster.run(command)):
                if shown < FRAMES:
                    shown += 1
                    yield Reply(tuple(self._draw(cluster, lines, language)), draft=True)
                    await self.sleep(PAUSE)
        lines = cluster.run(breakage.change[-1])
        learner.world = tuple(cluster.history)
        yield self._told(breakage, guess, cluster, lines, language)

    async def _frames(self, cluster: Cluster, lines: list[Line]) -> AsyncGenerator[list[Line], None]:
        if any(map(step_of, lines)):
            yield lines
        for _ in range(3):
            if not (lines := self._on(cluster)):
                return
            yield lines

    def _told(self, breakage: Breakage, guess: int, cluster: Cluster, lines: list[Line], language: Language) -> Answer:
        """The verdict, what happened and why, where the picture stops, and the counter as it is now."""
        true = facts.of(breakage)
        right = next(each for each in breakage.guesses if each.fact in true)
        mine = breakage.guesses[guess - 1]
        verdict = "break.right" if mine is right else "break.wrong"
        cites = Citations()
        stop = self.picture.breaks.get(breakage.stops) or self.knowledge.misconception(breakage.stops)
        blocks: list[Block] = [
            say(self.knowledge.say(verdict, language, right=right.text[language]), "heading"),
            cites.paragraph(breakage.told[language]),
        ]
        if stop:
            cited = cites.spans(stop.truth[language])
            blocks.append(Paragraph((Span(self.knowledge.say("stop.break", language), "strong"), *cited), "stop"))
        blocks.append(self._draw(cluster, [], language)[1])
        return Answer(
            tuple(blocks),
            (self._choice("break", language), self._choice("again", language)),
            language=language,
            concepts=(breakage.concept,),
            claims=tuple(cites.ids),
            breaks=(breakage.stops,),
        )

    # --------------------------------------------------------------- kubectl

    def kubectl(self, learner: Learner, words: str, language: Language) -> Reply:
        """Does a command on the learner's cluster; what it prints, and what happened then."""
        if not words:
            return Reply((say(self.knowledge.say("kubectl.which", language)),), self._examples())
        if any(int(number) > MOST for number in REPLICAS.findall(words) if len(number) < 10) or len(words) > 1_000:
            return Reply((say(self.knowledge.say("kubectl.much", language, most=MOST)),))
        cluster = self._world(learner)
        try:
            lines = cluster.run(f"kubectl {words}")
        except Refused as refused:
            said = str(refused).removeprefix("line 1: ")
            kind = say(self.knowledge.say("kubectl.refused", language))
            return Reply((Paragraph((Span(said, "block"),)), kind), self._examples())
        printed = "\n".join(line.text or "" for line in lines if line.verb == "OUTPUT") or "–"
        blocks: list[Block] = [Paragraph((Span(printed, "block"),))]
        if any(line.verb == "ACTION" for line in lines):
            cluster.settle()
            lines += cluster.trace.take()
            story = [told for line in lines if (told := Board(self.knowledge, self.picture, language).tell(line).get(language))]
            blocks += [say("\n".join(f"· {each}" for each in dict.fromkeys(story[:6])))] if story else []
            cluster.history.append("settle")
            if len(cluster.history) > HISTORY or sum(map(len, cluster.history)) > LENGTH:
                return Reply((say(self.knowledge.say("kubectl.long", language)),), (self._choice("again", language),))
            learner.world = tuple(cluster.history)
        elif any(line.verb == "REJECTED" for line in lines):
            blocks.append(say(self.knowledge.say("kubectl.refused", language)))
        return Reply(tuple(blocks), self._examples())

    def _examples(self) -> tuple[Choice, ...]:
        return tuple(Choice(f"kubectl {command}", f"/kubectl {command}") for command in EXAMPLES)
