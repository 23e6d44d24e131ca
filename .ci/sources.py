"""Lists the claims whose official page changed between two versions of the documentation: they have to be compared again.

    python .ci/sources.py OLD NEW

OLD and NEW are checkouts of the documentation's repository, each with its `content/en`. A line for each such claim: its id,
its page, and `changed`, `gone` (not in NEW) or `unknown` (in neither, so that the address itself is in doubt). Exit code 1
when there is one.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bot.knowledge import base  # noqa: E402

PLACES = ("{page}.md", "{page}/index.md", "{page}/_index.md")


def text(checkout: Path, page: str) -> str | None:
    """What a page says in one version; None when it is not there."""
    home = checkout / "content" / "en"
    files = (home / place.format(page=page.strip("/")) for place in PLACES)
    return next((file.read_text("utf-8", errors="replace") for file in files if file.is_file()), None)


def verdict(old: str | None, new: str | None) -> str | None:
    """What became of a page; None when it says the same."""
    if new is None:
        return "unknown" if old is None else "gone"
    return "changed" if old != new else None


def main(old: Path, new: Path) -> int:
    found = 0
    for concept in base.load(base.default_folder()).concepts.values():
        for key, claim in concept.claims.items():
            page = claim.source.partition("#")[0]
            if said := verdict(text(old, page), text(new, page)):
                found += 1
                print(f"{concept.id}.{key}\t{claim.source}\t{said}")
    return int(found > 0)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*map(Path, sys.argv[1:])))
