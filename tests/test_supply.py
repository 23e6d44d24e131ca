"""What the program is made of: locked by hash, listed for scanners, without a secret."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

BIN = Path(sys.executable).parent
LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-model.txt")
ENTRY = re.compile(r"^([a-z0-9._-]+)==(\S+)", re.MULTILINE)


def entries(lock: str) -> list[str]:
    """The parts of a lock, one for each library."""
    text = (ROOT / lock).read_text("utf-8")
    starts = [found.start() for found in ENTRY.finditer(text)]
    return [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_library_is_locked_by_hash_wherever_it_comes_from(lock: str) -> None:
    assert [each.splitlines()[0] for each in entries(lock) if "--hash=sha256:" not in each] == []
    assert "://" not in (ROOT / lock).read_text("utf-8")


def test_the_list_for_scanners_holds_every_locked_library(tmp_path: Path) -> None:
    target = tmp_path / "sbom.json"
    command = ["requirements", "requirements.txt", "--pyproject", "pyproject.toml", "--output-reproducible", "-o", str(target)]
    subprocess.run([str(BIN / "cyclonedx-py"), *command], cwd=ROOT, check=True, capture_output=True)
    found = json.loads(target.read_text("utf-8"))
    locked = {match[1]: match[2] for match in map(ENTRY.match, entries("requirements.txt")) if match}
    assert {each["name"]: each["version"] for each in found["components"]} == locked
    assert found["metadata"]["component"]["name"] == "kube-lemonade"


@pytest.mark.parametrize(
    "secret",
    [
        "1234567890:AA" + "Hxyz0123456789abcdefghijklmnopqrs",
        "sk-" + "a1B2" * 5 + "T3BlbkFJ" + "c3D4" * 5,
        "-----BEGIN " + "PRIVATE KEY-----",
    ],
    ids=["Telegram", "OpenAI", "private key"],
)
def test_a_secret_would_be_found(secret: str, tmp_path: Path) -> None:
    """By the very command that `make secrets` runs over the repository."""
    text = (ROOT / "Makefile").read_text("utf-8").replace("\\\n", " ")
    command = next(line for line in text.splitlines() if line.startswith("SECRETS = "))
    words = shlex.split(command.removeprefix("SECRETS = ").replace("$(BIN)", str(BIN)).replace("$$", "$"))
    for content, code in ((secret, 1), ("nothing", 0)):
        (tmp_path / "settings.py").write_text(f'TOKEN = "{content}"\n')
        done = subprocess.run([*words, str(tmp_path / "settings.py")], check=False, capture_output=True, text=True)
        assert done.returncode == code, done.stdout
