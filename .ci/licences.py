"""Lists the licences of the libraries that the bot runs with, in docs/third-party.md.

    python .ci/licences.py           writes the list
    python .ci/licences.py --check   says whether it is out of date, exit 1

Either way it fails where a licence is not among those that go together with ours: each has to be looked at by a person once.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "docs/third-party.md"
HEAD = """\
# Third-party libraries

What `requirements.txt` installs, and under which licence. Written by `make generate`.
The container ships them as they are, with their licence files; nothing of them is changed or copied into `bot/`.

| Library | Licence |
| --- | --- |
"""
# Licences that one may use, and ship beside, an Apache-2.0 program. The LGPL asks that the library can be replaced: it can.
GOOD = {
    "Apache Software License",
    "Apache-2.0",
    "BSD License",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "LGPL-3.0-only",
    "MIT",
    "MIT License",
    "MPL-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)",
    "PSF-2.0",
    "Python Software Foundation License",
}
# Where the metadata says nothing, what a person has read in the licence file of the wheel.
READ = {"resvg-py": "MIT"}


def locked() -> list[str]:
    """The libraries of the lock that are installed on a system like this."""
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    found = [Requirement(line.removesuffix("\\")) for line in lines if line[:1].isalnum()]
    return [each.name for each in found if not each.marker or each.marker.evaluate()]


def licences() -> dict[str, str]:
    """By library."""
    tool = str(Path(sys.executable).parent / "pip-licenses")
    asked = [tool, "--from=mixed", "--with-system", "--format=json", "--packages", *locked()]
    rows = json.loads(subprocess.run(asked, check=True, capture_output=True, text=True).stdout)
    found = {row["Name"].lower().replace("_", "-"): row["License"] for row in rows}
    return found | {name: told for name, told in READ.items() if found.get(name) == "UNKNOWN"}


def main() -> int:
    found = licences()
    strange = [f"{name}: {told}" for name, told in found.items() if not set(told.replace(" AND ", "; ").split("; ")) <= GOOD]
    strange += [f"{name}: not installed" for name in locked() if name.replace("_", "-") not in found]
    if strange:
        print("look at these licences, and add what is good to .ci/licences.py:", *strange, sep="\n  ")
        return 1
    text = HEAD + "".join(f"| {name} | {told} |\n" for name, told in sorted(found.items()))
    if LIST.exists() and LIST.read_text("utf-8") == text:
        return 0
    if "--check" in sys.argv:
        print("out of date, run `make generate`: docs/third-party.md")
        return 1
    LIST.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
