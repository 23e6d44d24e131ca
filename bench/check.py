"""How many good sentences of a language model the check passes and how many bad ones it stops, class by class.

    python -m bench.check

What each set is: see tests/checking.py.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bot.knowledge.schema import LANGUAGES
from tests.checking import FILES, Score, check, labelled, scores, swapped


def cell(score: Score | None) -> str:
    return f"{score.right:>4} of {score.all:<4}{score.share:>6.0%}" if score else " " * 18


def results() -> dict[str, str]:
    """What was measured → figure."""
    rows = {}
    for name in FILES:
        found = scores(name)
        for good, done in ((True, "good sentences passed"), (False, "bad ones stopped")):
            for language in ("zh", "en"):
                score = found[good, language, ""]
                rows[f"{name}, {language}: {done}"] = f"{score.right} of {score.all} ({score.share:.0%})"
    for language in LANGUAGES:
        score = swapped(language)
        rows[f"one word swapped, {language}: stopped"] = f"{score.right} of {score.all} ({score.share:.1%})"
    return rows


def main() -> None:
    check()  # loaded before the clock runs
    for name in FILES:
        began = time.perf_counter()
        found = scores(name)
        each = (time.perf_counter() - began) / len(labelled(name))
        print(f"{name}, {each * 1000:.1f} ms a row\n{'':22}{'zh':^18}  {'en':^18}")
        for good in (True, False):
            kinds = sorted({kind for is_good, _, kind in found if is_good == good}, key=lambda kind: (not kind, kind))
            for kind in kinds:
                row = "  ".join(cell(found.get((good, language, kind))) for language in ("zh", "en"))
                print(f"{'good' if good else 'bad':5}{kind or 'all':17}{row}".rstrip())
        print()
    print(f"{'one word swapped':22}{'  '.join(cell(swapped(language)) for language in LANGUAGES)}")


if __name__ == "__main__":
    main()
