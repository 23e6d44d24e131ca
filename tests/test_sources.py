"""The claims whose official page changed between two versions of the documentation."""

from __future__ import annotations

import subprocess
import sys
from itertools import cycle
from pathlib import Path

from bot.knowledge import base
from tests.conftest import ROOT

CLAIMS = {
    f"{concept.id}.{key}": claim.source
    for concept in base.load(base.default_folder()).concepts.values()
    for key, claim in concept.claims.items()
}


def listed(old: Path, new: Path) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, ".ci/sources.py", str(old), str(new)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert done.returncode == int(bool(rows))
    return {id: said for id, _, said in rows}


def test_a_claim_is_listed_when_its_page_changed_or_went(tmp_path: Path) -> None:
    pages = sorted({source.partition("#")[0].strip("/") for source in CLAIMS.values()})
    for version in ("old", "new"):
        for page, name in zip(pages, cycle(("{}.md", "{}/index.md", "{}/_index.md")), strict=False):
            file = tmp_path / version / "content/en" / name.format(page)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(page, "utf-8")
    assert listed(tmp_path / "old", tmp_path / "new") == {}
    changed, gone = pages[0], pages[1]  # the first two names of the cycle
    (tmp_path / f"new/content/en/{changed}.md").write_text("other words", "utf-8")
    (tmp_path / f"new/content/en/{gone}/index.md").unlink()
    of = {page: [id for id, source in CLAIMS.items() if source.partition("#")[0].strip("/") == page] for page in pages}
    assert listed(tmp_path / "old", tmp_path / "new") == dict.fromkeys(of[changed], "changed") | dict.fromkeys(of[gone], "gone")
