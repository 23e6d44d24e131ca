"""What the classroom costs on Telegram, beside a bare echo bot on the same library in the same run.

    python -m bench.telegram [--rounds 5] [--updates 300] [--rate 12]

Both talk to the tests' double of the Bot API, without its flood limits. Each round starts either bot on an empty folder, asks
plain questions from 50 chats at a steady rate after a warm-up, reads CPU time and memory from /proc, and starts it again.
Both poll once for an update; its answer takes the classroom two calls more, the echo one. Only Linux has /proc.
The rate stays below 12.5 questions a second, where the bot's own pace (25 calls) would hold it back.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.botapi import BotApi, Person  # noqa: E402

BOTS = {"lemonade": ["-m", "bot", "serve"], "echo": ["-m", "bench.echo"]}
CHATS = 50
PAIRS = 5  # of runs, at least, before a ratio says anything
Rounds = dict[str, list[dict[str, float]]]
TICK = os.sysconf("SC_CLK_TCK")
# row → the most that the ratio (or for seconds the value) may be
ROWS = {
    "CPU ms per update": ("ratio", 1.6),
    "CPU ms per Bot API call": (None, 0),
    "start to first getUpdates, s": ("value", 1.0),
    "start again, s": ("value", 1.0),
    "memory after the first answer, MB": ("ratio", 1.5),
    "memory after start again and an answer, MB": ("ratio", 1.5),
    "memory at the end, MB": (None, 0),
}


class Running:
    """One bot as a process."""

    def __init__(self, name: str, api: BotApi, data: Path) -> None:
        self.api, self.name = api, name
        known = {key: value for key, value in os.environ.items() if not key.startswith(("BOT_", "TELEGRAM_", "LC_"))}
        settings = {"TELEGRAM_BASE_URL": api.url, "TELEGRAM_BOT_TOKEN": api.token, "BOT_DATA_DIR": str(data)}
        environ = known | settings | {"BOT_LISTEN": "127.0.0.1:0", "LANG": "en_US.UTF-8"}
        before, began = len(api.polled), time.time()
        self.process = subprocess.Popen([sys.executable, *BOTS[name]], cwd=ROOT, env=environ, stderr=subprocess.DEVNULL)
        self.api.wait(lambda: len(api.polled) > before, 30)
        self.started = api.polled[before] - began

    def cpu(self) -> float:
        """Seconds of user and system time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def memory(self) -> float:
        """Resident megabytes."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024

    def answered(self) -> int:
        """Answers that stand: the echo's messages, the classroom's edits."""
        return len(self.api.called("editMessageText" if self.name == "lemonade" else "sendMessage", 200))

    def made(self) -> int:
        """Calls so far, those for updates included."""
        return len(self.api.calls)

    def ask(self, people: list[Person], questions: list[str], rate: float) -> None:
        """Every question, one person after the other; returns when all are answered and the last work is put away."""
        until, at = self.answered() + len(questions), time.monotonic()
        for number, question in enumerate(questions):
            people[number % len(people)].says(question)
            at += 1 / rate
            time.sleep(max(0.0, at - time.monotonic()))
        self.api.wait(lambda: self.answered() >= until, 60)
        self.api.quiet(0.3, 60)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(20) == 0


def measure(name: str, questions: list[str], rate: float) -> dict[str, float]:
    """One round of one bot."""
    with tempfile.TemporaryDirectory() as data, BotApi(flood=None) as api:
        people = [api.person(1000 + number) for number in range(CHATS)]
        bot = Running(name, api, Path(data))
        first = bot.started
        bot.ask(people[:1], questions[:1], rate)
        time.sleep(0.5)  # the menu is registered
        rest = bot.memory()
        bot.ask(people, [questions[number % len(questions)] for number in range(CHATS)], rate)
        before, made = bot.cpu(), bot.made()
        bot.ask(people, questions, rate)
        cpu, made, end = bot.cpu() - before, bot.made() - made, bot.memory()
        bot.stop()
        again = Running(name, api, Path(data))
        again.ask(people[:1], questions[:1], rate)
        time.sleep(0.5)
        later = again.memory()
        again.stop()
    cpu *= 1000
    return dict(zip(ROWS, (cpu / len(questions), cpu / made, first, again.started, rest, later, end), strict=True))


def measured(rounds: int, updates: int, rate: float) -> Rounds:
    """Both bots in turn, so often; who begins changes."""
    lines = (ROOT / "tests/data/plain.tsv").read_text("utf-8").splitlines()
    plain = [line.split("\t")[1] for line in lines]
    questions = [plain[number % len(plain)] for number in range(updates)]
    found: Rounds = {name: [] for name in BOTS}
    for number in range(rounds):
        for name in list(BOTS)[:: -1 if number % 2 else 1]:
            found[name].append(measure(name, questions, rate))
            print(f"round {number + 1} {name}", *(f"{value:.2f}" for value in found[name][-1].values()), file=sys.stderr)
    return found


def compared(rounds: Rounds, row: str) -> tuple[float, float, float]:
    """Our median, the echo's, and the median of the ratios of each pair."""
    ours, theirs = (statistics.median(each[row] for each in rounds[name]) for name in BOTS)
    return ours, theirs, statistics.median(a[row] / b[row] for a, b in zip(*rounds.values(), strict=True))


def results() -> dict[str, str]:
    """What was measured → figure, each over PAIRS pairs of runs."""
    rounds = measured(PAIRS, 300, 12.0)
    found = {row: compared(rounds, row) for row in ROWS}
    return {row: f"{ours:.2f}, echo bot {theirs:.2f}, ratio {ratio:.2f}" for row, (ours, theirs, ratio) in found.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--updates", type=int, default=300)
    parser.add_argument("--rate", type=float, default=12.0)
    asked = parser.parse_args()
    if asked.rounds < PAIRS:
        parser.error(f"fewer than {PAIRS} rounds make no ratio")
    rounds = measured(asked.rounds, asked.updates, asked.rate)
    print(f"medians of {asked.rounds} rounds, {asked.updates} questions from {CHATS} chats at {asked.rate:g} a second\n")
    print(f"{'':44}{'lemonade':>10}{'echo':>10}{'ratio':>8}{'aim':>10}")
    missed = 0
    for row, (kind, most) in ROWS.items():
        ours, theirs, ratio = compared(rounds, row)
        aim = "" if kind is None else f"≤ {most}" + (" x" if kind == "ratio" else "")
        missed += kind is not None and (ratio if kind == "ratio" else ours) > most
        print(f"{row:44}{ours:10.2f}{theirs:10.2f}{ratio:8.2f}{aim:>10}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
