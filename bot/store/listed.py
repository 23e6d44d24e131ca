"""Writes the open questions where the operator finds them."""

from __future__ import annotations

import asyncio
import csv
import io
import logging
from collections.abc import Sequence
from pathlib import Path

from bot.store.learners import OpenQuestion

log = logging.getLogger(__name__)
QUESTIONS = "questions.tsv"


async def write(rows: Sequence[OpenQuestion], folder: Path) -> None:
    """One line a question, apart by tabs."""
    text = io.StringIO()
    csv.writer(text, "excel-tab", lineterminator="\n").writerows(rows)
    await asyncio.to_thread(_replace, folder / QUESTIONS, text.getvalue())


def _replace(path: Path, text: str) -> None:
    """Writes `path` so that a reader sees the old text or the new one; without room for it the old one stays."""
    new = path.with_suffix(".new")
    try:
        new.touch(mode=0o600)
        new.write_text(text, "utf-8")
        new.replace(path)
    except OSError as error:
        log.warning("the list of open questions could not be written: %s", type(error).__name__)
