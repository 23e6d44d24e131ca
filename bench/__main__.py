"""Runs the benches and prints one table; all of them together are written to bench/RESULTS.md.

    python -m bench [NAME …]

`real_model` is left out: its answers are there to be read.
"""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from bot import __version__

BENCHES = ("check", "simulation", "growth", "memory", "model", "telegram", "kill")
LIBRARIES = ("python-telegram-bot", "aiohttp", "SQLAlchemy", "openai", "pydantic")


def machine() -> str:
    """What it was measured on, and with."""
    cpu = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), cpu)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"kube-lemonade {__version__}, {datetime.now(UTC):%Y-%m-%d}; {cpu}, {os.cpu_count()} cores, {memory:.0f} GiB; "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}; {libraries}."
    )


def main() -> int:
    names = sys.argv[1:] or BENCHES
    if unknown := set(names) - set(BENCHES):
        print(f"no bench {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    rows = []
    for name in names:
        print(f"{name} …", file=sys.stderr)
        rows += [f"| {name} | {what} | {figure} |" for what, figure in import_module(f"bench.{name}").results().items()]
    text = "\n".join(["# Benches", "", machine(), "", "| bench | what | figure |", "| --- | --- | --- |", *rows, ""])
    print(text)
    if set(names) == set(BENCHES):
        (Path(__file__).parent / "RESULTS.md").write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
