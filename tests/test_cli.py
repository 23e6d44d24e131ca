"""The command line, through its own door."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, Run

KEYS = ["question", "lang", "route", "concepts", "claims", "breaks", "text"]


def rows(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_ask_prints_one_answer(run: Run) -> None:
    done = run("ask", "etcd 是什么？")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("etcd 是")
    assert "小票柜 ↔ etcd" in done.stdout


def test_ask_json_has_the_agreed_fields(run: Run) -> None:
    (row,) = rows(run("ask", "--json", "What is etcd?").stdout)
    assert list(row) == KEYS
    assert (row["question"], row["lang"], row["route"]) == ("What is etcd?", "en", "knowledge")
    assert row["concepts"][0] == "etcd"  # type: ignore[index]
    assert row["breaks"]


def test_each_line_gets_one_answer_in_order(run: Run) -> None:
    done = run("ask", "--json", "-", stdin="etcd?\n\n不懂\n今天天气怎么样\nkubelet 是啥\n")
    assert [row["question"] for row in rows(done.stdout)] == ["etcd?", "", "不懂", "今天天气怎么样", "kubelet 是啥"]
    assert [row["route"] for row in rows(done.stdout)] == ["knowledge", "declined", "knowledge", "declined", "knowledge"]


def test_each_answer_is_flushed_before_the_next_line_is_read() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "bot", "ask", "--json", "-"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        for question in ("etcd?", "kubelet?"):
            process.stdin.write(question + "\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["question"] == question
        process.stdin.close()
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("etcd 是什么", "zh"),
        ("rongqi shi shenme", "zh"),
        ("what is etcd", "en"),
        ("etcd", "zh"),  # shows none: the house's
        ("什麼是容器", "zh"),
    ],
)
def test_the_language_of_an_answer_is_that_of_the_question(run: Run, question: str, language: str) -> None:
    assert rows(run("ask", "--json", question).stdout)[0]["lang"] == language


def test_a_question_without_language_takes_the_given_one(run: Run) -> None:
    assert rows(run("ask", "--json", "--lang", "en", "etcd").stdout)[0]["lang"] == "en"
    assert rows(run("ask", "--json", "etcd", BOT_LANGUAGE="en").stdout)[0]["lang"] == "en"


def test_odd_input_gets_an_answer(run: Run) -> None:
    lines = [b"\xff\xfe\x00", "😀".encode() * 2000, b"<b>*_`[etcd.c1]", b"/help", b"%s {0} {}", b"A" * 100_000]
    done = run("ask", "--json", "-", stdin=b"\n".join(lines))
    assert (done.returncode, len(rows(done.stdout)), done.stderr) == (0, len(lines), "")


def test_a_long_word_takes_no_long_time(run: Run) -> None:
    assert run("ask", "xianggang" * 60 + "x").returncode == 0


def test_another_picture_does_not_tell_the_first_ones_breaks(run: Run, copy: Path) -> None:
    shutil.copytree(copy / "metaphors/lemonade", copy / "metaphors/theatre")
    shutil.rmtree(copy / "metaphors/theatre/roles")
    metaphor = copy / "metaphors/theatre/metaphor.yaml"
    text = metaphor.read_text("utf-8").replace("id: lemonade", "id: theatre").replace("origin: [A1, A20]", "origin: [A1]")
    start, end = text.index("sources:"), text.index("map:")
    metaphor.write_text(text[:start] + text[end:], "utf-8")
    done = run("ask", "--json", "谁可以访问 etcd？", BOT_KNOWLEDGE_DIR=str(copy), BOT_METAPHOR="theatre")
    assert (done.returncode, rows(done.stdout)[0]["breaks"]) == (0, [])


def test_wrong_usage_is_exit_2(run: Run) -> None:
    for arguments in (["ask"], ["ask", "--lang", "fr", "etcd"], ["order", "--colour"], ["ask", "--colour", "etcd"]):
        done = run(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert "Traceback" not in done.stderr


def test_a_wrong_setting_names_its_variable_and_keeps_its_value_to_itself(run: Run) -> None:
    done = run("ask", "etcd", BOT_LANGUAGE="klingon")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "the value of BOT_LANGUAGE cannot be used; allowed: 'zh' or 'en'.\n"


def test_settings_come_from_environment_over_file_over_home(run: Run, tmp_path: Path) -> None:
    home, file = tmp_path / "data", tmp_path / "my.env"
    home.mkdir()
    (home / ".env").write_text("BOT_LANGUAGE=en\n")
    assert rows(run("ask", "--json", "etcd").stdout)[0]["lang"] == "en"
    file.write_text("BOT_LANGUAGE=zh\n")
    assert rows(run("--env-file", str(file), "ask", "--json", "etcd").stdout)[0]["lang"] == "zh"
    assert rows(run("--env-file", str(file), "ask", "--json", "etcd", BOT_LANGUAGE="en").stdout)[0]["lang"] == "en"
    assert run("--env-file", "nowhere.env", "ask", "etcd").returncode == 1


def test_an_unknown_metaphor_is_refused(run: Run) -> None:
    done = run("ask", "etcd", BOT_METAPHOR="opera")
    assert (done.returncode, done.stderr) == (1, "the knowledge has no metaphor opera (BOT_METAPHOR); it has: lemonade.\n")


@pytest.mark.parametrize("command", ["ask --json -", "chat"])
def test_a_closed_pipe_is_no_error(command: str) -> None:
    script = f"yes etcd | head -200 | {sys.executable} -m bot {command} 2>&1 | head -1; exit ${{PIPESTATUS[2]}}"
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stdout) == (0, False)


@pytest.mark.parametrize(("how", "code"), [("> /dev/full", 1), (">&-", 0), ("<&-", 0)])
def test_streams_that_cannot_be_used_end_in_a_sentence_at_most(how: str, code: int) -> None:
    script = f"{sys.executable} -m bot ask etcd {how}"
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr, "Exception" in done.stderr) == (code, False, False)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT], check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def pythons() -> list[str]:
    """This Python, and the other supported ones that are on the machine."""
    found = {f"{sys.version_info.major}.{sys.version_info.minor}": sys.executable}
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in ("3.11", "3.12", "3.13"):
        for place in filter(None, [shutil.which(f"python{version}"), *map(str, pyenv.glob(f"{version}.*/bin/python"))]):
            if subprocess.run([place, "-c", "import venv, ensurepip"], capture_output=True, check=False).returncode == 0:
                found.setdefault(version, place)
    return sorted(found.values())


@pytest.mark.parametrize("python", pythons())
def test_the_wheel_works_from_any_folder_in_an_empty_environment(python: str, wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    subprocess.run([python, "-m", "venv", home], check=True)
    pip = [str(home / "bin/python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "-r", str(ROOT / "requirements.txt")], check=True)
    subprocess.run([*pip, "--no-deps", str(wheel)], check=True)

    def there(*arguments: str) -> str:
        command = [str(home / "bin/kube-lemonade"), *arguments]
        environ = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
        return subprocess.run(command, cwd="/", capture_output=True, text=True, check=True, env=environ).stdout

    assert rows(there("ask", "--json", "etcd 是什么"))[0]["concepts"][0] == "etcd"  # type: ignore[index]
    assert there("check").startswith("no faults")


def concepts(run: Run, base: Path, *questions: str) -> list[object]:
    """What each question is first about, to a bot with the knowledge in `base`."""
    found = rows(run("ask", "--json", "-", stdin="\n".join(questions), BOT_KNOWLEDGE_DIR=str(base)).stdout)
    return [next(iter(row["concepts"]), None) for row in found if isinstance(row["concepts"], list)]


def test_a_concept_that_nothing_was_learnt_about_is_found_by_its_own_questions(run: Run, copy: Path) -> None:
    weights = copy / "language/weights.tsv"
    weights.write_text(weights.read_text("utf-8").replace(" etcd:", " another:", 1), "utf-8")
    asked = ("etcd 是什么？", "怎么备份 etcd？", "What happens when etcd goes down?", "What is a Pod?", "today's weather")
    assert concepts(run, copy, *asked) == ["etcd", "etcd", "etcd", "pod", None]


def test_a_base_without_weights_answers_what_it_knows_well(run: Run, copy: Path) -> None:
    (copy / "language/weights.tsv").unlink()
    asked = ("etcd 是什么？", "What is a Pod?", "Pod 和容器有什么区别？", "today's weather")
    assert concepts(run, copy, *asked) == ["etcd", "pod", "pod", None]
