"""Kills the classroom with kill -9 at random moments and counts what people got.

    python -m bench.kill [--rounds 100] [--first 1] [--chats 12] [--each 3] [--side 4]

Each round starts on an empty folder, asks `each` questions in each of the chats at once, kills the bot at a moment that the
round's seed chooses, starts it again and waits for every answer. The double's flood limits are off; the bot keeps its pace.
The exit code is 1 where an answer is missing or stands twice.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.killing import Round, classroom, play


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--first", type=int, default=1, help="the first seed; the others follow it")
    parser.add_argument("--chats", type=int, default=12)
    parser.add_argument("--each", type=int, default=3, help="questions in each chat")
    parser.add_argument("--side", type=int, default=4, help="rounds that run side by side")
    asked = parser.parse_args()
    rows = results(range(asked.first, asked.first + asked.rounds), asked.chats, asked.each, asked.side)
    for name, value in rows.items():
        print(f"| {name:<20} | {value:>12} |")
    return int(rows["answered"] != rows["questions"] or rows["answered twice"] != "0")


def results(seeds: range = range(1, 101), chats: int = 12, each: int = 3, side: int = 4) -> dict[str, str]:
    """What was counted → figure."""
    classroom()  # loaded once, before threads ask for it

    def one(seed: int) -> Round:
        with tempfile.TemporaryDirectory() as folder:
            return play(seed, Path(folder), chats, each)

    began = time.monotonic()
    with ThreadPoolExecutor(side) as pool:
        rounds = list(pool.map(one, seeds))
    return {
        "seeds": f"{seeds[0]} to {seeds[-1]}",
        "rounds": str(len(rounds)),
        "questions": str(sum(each.questions for each in rounds)),
        "answered": str(sum(each.answered for each in rounds)),
        "answered twice": str(sum(each.twice for each in rounds)),
        "placeholders doubled": str(sum(each.doubled for each in rounds)),
        "slowest recovery, s": f"{max(each.recovery for each in rounds):.1f}",
        "all of it, s": f"{time.monotonic() - began:.0f}",
    }


if __name__ == "__main__":
    sys.exit(main())
