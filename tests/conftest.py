"""What the tests share: the door of the command line, and a copy of the knowledge to spoil."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
for name in [name for name in os.environ if name.startswith("OPENAI_")]:
    del os.environ[name]  # no test asks a model of the person who runs it
if "PYTEST_XDIST_WORKER" not in os.environ:  # what one process makes of the knowledge serves all of one run
    kept = tempfile.TemporaryDirectory(prefix="kube-lemonade-")
    atexit.register(kept.cleanup)
    os.environ["XDG_CACHE_HOME"] = kept.name
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs `python -m bot …` as a process of its own, with an empty home and no settings."""

    def run(*arguments: str, stdin: str | bytes = "", **variables: str) -> subprocess.CompletedProcess[str]:
        environ = {key: value for key, value in os.environ.items() if not key.startswith(("BOT_", "TELEGRAM_", "LC_"))}
        environ |= {"BOT_DATA_DIR": str(tmp_path / "data"), "LANG": "en_US.UTF-8", **variables}
        done = subprocess.run(
            [sys.executable, "-m", "bot", *arguments],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            cwd=ROOT,
            env=environ,
            timeout=60,
            check=False,
        )
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the shipped knowledge."""
    return Path(shutil.copytree(ROOT / "knowledge", tmp_path / "base"))
