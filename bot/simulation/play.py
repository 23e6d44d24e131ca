"""The learner's own little cluster: an order that can be watched, broken and asked about with kubectl.

A cluster is never stored. What is kept of it is the list of its commands; the same commands lead to the same world, so it is
made again from them each time, which takes some milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass

from bot.cited import Citations, gap
from bot.errors import NotSimulated, Refused
from bot.knowledge.base import Knowledge, Picture
from bot.knowledge.measure import CITATION
from bot.knowledge.schema import Break, Language
from bot.learners import Learner
from bot.replies import Answer, Block, Choice, Paragraph, Reply, Span, say
from bot.simulation import facts, kubectl
from bot.simulation.board import Board, first
from bot.simulation.cluster import Cluster
from bot.simulation.objects import name_of
from bot.simulation.printers import pod_status
from bot.simulation.steps import step_of
from bot.simulation.trace import Line

PAUSE = 1.5  # seconds between two boards
CUPS = 6  # in one order, at most
HISTORY = 40  # commands that a cluster is made of, at most
LENGTH = 6_000  # characters of them
SHOPS = "world shops 2 --cpu=2"
FRAMES = 8  # boards that one play shows, at most
SLICES = 8  # parts that a pause is watched in
STORY, AFTERWARDS = 6, 2  # sentences of a summary, at most; and of one that was watched
WAIT = re.compile(r"wait (\d+)([sm])")
ROWS = 20  # of what kubectl prints, at most
MOST = 20  # Pods in a chat
MINUTE = 60_000  # ms
ROOM = 52  # characters of a command that a button can carry
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
        cluster = Cluster.replay((SHOPS, "settle"), pods=MOST)
        lines = cluster.run(f"kubectl create deployment lemonade --image=lemonade:v1 --replicas={max(1, min(cups, CUPS))}")
        blocks = Board(self.knowledge, self.picture, language).draw(cluster, lines, whole=True)
        notes = [self.knowledge.say("order.most", language, most=CUPS)] if cups > CUPS else []
        notes.append(self.knowledge.say("board.names", language))
        return self._board(learner, cluster, lines, language, (*blocks, *map(say, notes)))

    def step(self, learner: Learner, language: Language) -> Reply:
        """The next thing that happens."""
        cluster, lines = self._on(self._world(learner))
        return self._board(learner, cluster, lines, language)

    async def faster(self, learner: Learner, language: Language) -> AsyncGenerator[Reply, None]:
        """Everything until the world is settled, a board at a time."""
        cluster, story = self._world(learner), list[Line]()
        board = Board(self.knowledge, self.picture, language)
        for _ in range(FRAMES):
            cluster, lines = self._on(cluster)
            story += lines
            if not lines or cluster.settled:
                break
            yield Reply(tuple(board.draw(cluster, lines)), draft=True)
            await self.sleep(PAUSE)
        else:
            story += cluster.run("settle")
        blocks = board.draw(cluster, [])
        yield self._board(learner, cluster, story, language, (*blocks[:2], *self._summary(board, story), *blocks[2:]))

    def _on(self, cluster: Cluster) -> tuple[Cluster, list[Line]]:
        """The cluster after the next thing that is told, with all that is of its kind; no lines when it is settled."""
        told, kinds = list[Line](), set[str | None]()
        while True:
            before = tuple(cluster.history)
            lines = cluster.step()
            if not lines:
                return cluster, told
            new = {step_of(line) for line in lines} - {None}
            if told and new - kinds:
                return Cluster.replay(before, pods=MOST), told
            kinds |= new
            told += lines if kinds else []

    def _board(
        self, learner: Learner, cluster: Cluster, lines: list[Line], language: Language, blocks: tuple[Block, ...] = ()
    ) -> Reply:
        """The board with its buttons; the world is kept."""
        learner.world, learner.playing = tuple(cluster.history), not cluster.settled
        board = Board(self.knowledge, self.picture, language)
        names = ["break", "kubectl", "again"] if cluster.settled else ["step", "faster", "break"]
        choices = [self._choice(name, language) for name in names]
        told = [line for line in lines if step_of(line)]
        if told and (why := board.actor(told[-1])) in self.picture.whys:
            choices.append(Choice(self.knowledge.say("choice.why", language), f"/why {why}"))
        return Reply(blocks or tuple(board.draw(cluster, lines)), tuple(choices))

    def why(self, concept: str, language: Language) -> Reply | None:
        """Why somebody acts just now; None for who never does."""
        why = self.picture.whys.get(concept)
        if not why:
            return None
        name = self.knowledge.concepts[concept].name[language]
        more = Choice(self.knowledge.say("choice.explain", language, concept=name), f"/ask {concept}")
        return Reply((Citations().paragraph(why[language]),), (self._choice("back", language), more))

    def _summary(self, board: Board, lines: list[Line], most: int = STORY) -> list[Block]:
        """What happened, in a few sentences."""
        story = board.story(lines)
        if not story:
            return []
        further = len(story) - most
        told = [f"· {each}" for each in story[:most]]
        told += [self.knowledge.say("kubectl.further", board.language, count=further)] if further > 0 else []
        head = Span(self.knowledge.say("board.story", board.language) + "\n", "strong")
        return [Paragraph((head, Span("\n".join(told))))]

    def _choice(self, name: str, language: Language) -> Choice:
        command = {"again": "/order", "back": "/step"}.get(name, f"/{name}")
        return Choice(self.knowledge.say(f"choice.{name}", language), command)

    def _world(self, learner: Learner) -> Cluster:
        try:
            return Cluster.replay(learner.world or (SHOPS, "settle"), pods=MOST)
        except Refused:  # another version understood these commands
            return Cluster.replay((SHOPS, "settle"), pods=MOST)

    # ----------------------------------------------------------------- break

    def breakages(self, language: Language) -> Reply:
        """What can be broken."""
        choices = (Choice(each.label[language], f"/break {id}") for id, each in self.picture.breakages.items())
        return Reply((say(self.knowledge.say("break.which", language)),), tuple(choices))

    def scene(self, learner: Learner, id: str, language: Language) -> Reply | None:
        """What is about to happen, and the guesses; None when there is no such thing."""
        breakage = self.picture.breakages.get(id)
        if not breakage:
            return None
        choices = [Choice(guess.text[language], f"/guess {id} {n}") for n, guess in enumerate(breakage.guesses, 1)]
        turn = (len(id) + learner.count) % len(choices)  # the right one stands anywhere
        lines = [say(breakage.label[language], "heading"), say(breakage.scene[language])]
        lines += [say(self.knowledge.say("break.room", language))] if learner.world else []
        ask = say(self.knowledge.say("break.guess", language), "next")
        return Reply((*lines, ask), (*choices[turn:], *choices[:turn]))

    async def broken(
        self, learner: Learner, id: str, guess: int, language: Language, brief: bool = False
    ) -> AsyncGenerator[Reply, None]:
        """Plays a breakage, then tells what came true, and unless it is `brief` why; nothing when there is no such thing."""
        breakage = self.picture.breakages.get(id)
        if not breakage or not 0 < guess <= len(breakage.guesses):
            return
        board = Board(self.knowledge, self.picture, language)
        cluster = Cluster.replay((*facts.READY, *breakage.before))
        story, shown = list[Line](), 0
        for command in breakage.change:
            for part in _slices(command):
                lines = cluster.run(part)
                story += lines
                if shown < FRAMES and any(map(step_of, lines)):
                    shown += 1
                    yield Reply(tuple(board.draw(cluster, lines)), draft=True)
                    await self.sleep(PAUSE)
        yield self._told(board, id, guess, cluster, story, brief)

    def because(self, id: str, language: Language, cites: Citations) -> tuple[Block, ...]:
        """Why a breakage came as it did, and where the picture stops."""
        breakage = self.picture.breakages[id]
        told = cites.paragraph(breakage.told[language])
        if not (stop := self.knowledge.stop(self.picture, breakage.stops)):
            return (told,)
        wrong, lead = stop.wrong, "stop.break" if isinstance(stop, Break) else "stop.misconception"
        known = set(CITATION.findall(stop.truth[language])) <= set(cites.ids)
        doubt = self.knowledge.say("stop.said" if known else "stop.doubt", language, wrong=wrong[language])
        truth = () if known else (Span(gap(language)), *cites.spans(stop.truth[language]))
        head = self.knowledge.say(lead, language).rstrip() + gap(language)
        return told, Paragraph((Span(head, "strong"), Span(doubt), *truth), "stop")

    def _told(self, board: Board, id: str, guess: int, cluster: Cluster, story: list[Line], brief: bool) -> Answer:
        """The verdict, what happened and the counter as it is then, and unless it is `brief` why."""
        language, breakage = board.language, self.picture.breakages[id]
        true = facts.of(breakage)
        right = next(each for each in breakage.guesses if each.fact in true)
        verdict = "break.right" if breakage.guesses[guess - 1] is right else "break.wrong"
        cites = Citations()
        blocks: list[Block] = [
            say(self.knowledge.say(verdict, language, right=right.text[language]), "heading"),
            *self._summary(board, story, AFTERWARDS),
            board.draw(cluster, [])[1],
            *(() if brief else self.because(id, language, cites)),
        ]
        return Answer(
            tuple(blocks),
            (self._choice("again", language), self._choice("break", language)),
            language=language,
            concepts=(breakage.concept,),
            claims=tuple(cites.ids),
            breaks=() if brief else (breakage.stops,),
        )

    # --------------------------------------------------------------- kubectl

    @staticmethod
    def commands(words: str) -> bool:
        """Whether these words begin with kubectl and something that it can be told."""
        head, _, rest = words.partition(" ")
        return head.lower() == "kubectl" and rest.strip().split(" ")[0] in (*kubectl.KNOWN, "--help", "-h")

    def kubectl(self, learner: Learner, words: str, language: Language) -> Reply:
        """Does a command on the learner's cluster; what it prints, and what happened then."""
        cluster = self._world(learner)
        if not words:
            return Reply((say(self.knowledge.say("kubectl.which", language)),), self._examples(cluster, language))
        try:
            lines = cluster.run(f"kubectl {words}")
        except Refused as refused:
            said = str(refused).removeprefix("line 1: ")
            key = "kubectl.unknown" if isinstance(refused, NotSimulated) else "kubectl.refused"
            kind = say(self.knowledge.say(key, language))
            return Reply((Paragraph((Span(said, "block"),)), kind), self._examples(cluster, language))
        acts = any(line.verb == "ACTION" for line in lines)
        if not acts:
            cluster.history.pop()  # looking changes nothing
            if not cluster.settled:  # whoever looks again and again sees time pass
                cluster.run("wait 5s")
        printed = "\n".join(line.text or "" for line in lines if line.verb == "OUTPUT") or "–"
        head, *rows = printed.splitlines()
        cut = len(rows) - ROWS
        if cut > 0:  # the newest stand last
            printed = "\n".join((head, "…", *rows[-ROWS:]))
        blocks: list[Block] = [Paragraph((Span(printed, "block"),))]
        if cut > 0:
            blocks.append(say(self.knowledge.say("kubectl.rows", language, count=cut, rows=ROWS)))
        if acts:
            before = cluster.clock.now
            lines += cluster.run("settle")
            blocks += self._summary(Board(self.knowledge, self.picture, language), lines)
            if (passed := cluster.clock.now - before) > MINUTE:
                time = f"{passed // MINUTE} min"
                blocks.append(say(self.knowledge.say("board.passed", language, time=time)))
        elif any(line.verb == "REJECTED" for line in lines):
            blocks.append(say(self.knowledge.say("kubectl.refused", language)))
        if any("exceeded quota" in (line.message or "") for line in lines):
            blocks.append(say(self.knowledge.say("kubectl.full", language, most=MOST)))
        if acts and (len(cluster.history) > HISTORY or sum(map(len, cluster.history)) > LENGTH):
            return Reply((say(self.knowledge.say("kubectl.long", language)),), (self._choice("again", language),))
        learner.world, learner.playing = tuple(cluster.history), not cluster.settled
        return Reply(tuple(blocks), self._examples(cluster, language))

    def _examples(self, cluster: Cluster, language: Language) -> tuple[Choice, ...]:
        """What one would type next, and the way back to the board."""
        order = first(cluster)
        if order is None:
            commands = ["create deployment lemonade --image=lemonade:v1", "get nodes"]
        elif ill := next((name_of(pod) for pod in cluster.list("Pod") if pod_status(pod) != "Running"), ""):
            commands = ["get pods", f"describe pod {ill}"]
        else:
            size = 1 if order["spec"]["replicas"] > 1 else 3
            commands = ["get pods", f"scale deployment {name_of(order)} --replicas={size}"]
        choices = [Choice(f"kubectl {each}", f"/kubectl {each}") for each in commands if len(each) < ROOM]
        return (*choices, *([self._choice("step", language)] if order else []))


def _slices(command: str) -> list[str]:
    """A pause in parts, so that it can be watched; any other command as it is."""
    pause = WAIT.fullmatch(command)
    if not pause:
        return [command]
    return [f"wait {int(pause[1]) * (1000 if pause[2] == 's' else MINUTE) // SLICES}ms"] * SLICES
