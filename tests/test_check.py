"""`check` on spoiled copies of the knowledge: every fault in one run, each as `path:line: sentence`."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT, Run

ETCD = "truth/concepts/etcd.yaml"
ROLE = "metaphors/lemonade/roles/etcd.yaml"
KUBELET = "truth/concepts/kubelet.yaml"
KUBERNETES = "truth/concepts/kubernetes.yaml"
TEXTS = "texts/classroom.yaml"
ITEMS = "metaphors/lemonade/items/breaks.yaml"
QUIZ = "truth/items/quiz.yaml"
LESSONS = "metaphors/lemonade/lessons"
Spoil = Callable[[Path], object]


def change(name: str, old: str, new: str) -> Spoil:
    def spoil(base: Path) -> None:
        text = (base / name).read_text("utf-8")
        assert old in text
        (base / name).write_text(text.replace(old, new, 1), "utf-8")

    return spoil


def write(name: str, content: str | bytes) -> Spoil:
    return lambda base: (base / name).write_bytes(content.encode() if isinstance(content, str) else content)


def append(name: str, content: str) -> Spoil:
    return lambda base: (base / name).write_text((base / name).read_text("utf-8") + content, "utf-8")


def cut(name: str, start: str) -> Spoil:
    """Removes the first line that starts with `start`."""

    def spoil(base: Path) -> None:
        lines = (base / name).read_text("utf-8").splitlines(keepends=True)
        lines.remove(next(line for line in lines if line.startswith(start)))
        (base / name).write_text("".join(lines), "utf-8")

    return spoil


def item(old: str, new: str) -> Spoil:
    """Adds the quiz items of the tests, with this one change."""

    def spoil(base: Path) -> None:
        (base / QUIZ).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / "tests/data/items.yaml", base / QUIZ)
        change(QUIZ, old, new)(base)

    return spoil


FEEDBACK = """\
        feedback: {zh: "调度器只选节点。[kube-scheduler.c2]", en: "The scheduler selects the node.[kube-scheduler.c2]"}
"""
ONE_OF_MANY = """\
  one-{number}:
    concept: pod
    facet: truth
    stem: {{zh: 会怎样, en: And then}}
    options:
{options}    hint: {{zh: 想想, en: Think}}
    explain: {told}
"""
TOLD = '{zh: "不会改派。[pod.c3]", en: "It is never rescheduled.[pod.c3]"}'


def bank(says: str, *keys: int) -> Spoil:
    """A whole bank of items whose keys stand at these places and say this; every other option says `maybe`."""

    def item(number: int, key: int) -> str:
        options = ""
        for at in range(3):
            text, mark = (says, "correct: true") if at == key else (f"maybe {at}", "misconception: pod.m1")
            options += f"      - text: {{zh: {text}, en: {text}}}\n        {mark}\n        feedback: {TOLD}\n"
        return ONE_OF_MANY.format(number=number, options=options, told=TOLD)

    def spoil(base: Path) -> None:
        for folder in base.glob("*/**/items"):
            shutil.rmtree(folder)
        (base / QUIZ).parent.mkdir()
        (base / QUIZ).write_text("items:\n" + "".join(item(*each) for each in enumerate(keys * 20)), "utf-8")

    return spoil


def few_items(base: Path) -> None:
    shutil.rmtree(base / "metaphors/lemonade/items")
    (base / "metaphors/lemonade/items").mkdir()
    shutil.copy(ROOT / "tests/data/items.yaml", base / "metaphors/lemonade/items/few.yaml")


def second_metaphor(base: Path) -> None:
    shutil.copytree(base / "metaphors/lemonade", base / "metaphors/theatre")


def link(base: Path) -> None:
    os.symlink("nowhere.yaml", base / "truth/concepts/gone.yaml")


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"
# What is spoiled, where the fault has to be reported (a line where it is known), and words of the sentence.
SPOILED: dict[str, tuple[Spoil, str, str]] = {
    "wrong type": (change(ETCD, "tier: 1", "tier: one"), f"{ETCD}:3", "tier cannot be one"),
    "number for text": (change(ETCD, "name: {zh: etcd", "name: {zh: 5"), f"{ETCD}:6", "name.zh has to be text, not 5"),
    "unknown key": (append(ETCD, "colour: green\n"), ETCD, "unknown key colour"),
    "duplicate key": (append(ETCD, "id: etcd\n"), ETCD, "the key id is here twice (first on line 1)"),
    "duplicate id": (
        change(KUBELET, "id: kubelet", "id: etcd"),
        "truth/concepts/kubelet.yaml:1",
        "the id etcd is already used",
    ),
    "duplicate role": (
        change("metaphors/lemonade/roles/kubelet.yaml", "店长", "小票柜"),
        "metaphors/lemonade/roles/kubelet.yaml:2",
        "the role “小票柜” is already played in",
    ),
    "cyclic prerequisite": (
        change("truth/concepts/kubernetes.yaml", "tier: 1\n", "tier: 1\nneeds: [etcd]\n"),
        "",
        "go round in a circle",
    ),
    "dead relation": (change(ROLE, "to: kube-apiserver", "to: kube-apisaver"), ROLE, "kube-apisaver does not exist"),
    "missing language": (change(ETCD, "name: {zh: etcd, en: etcd}", "name: {zh: etcd}"), f"{ETCD}:6", "name.en is missing"),
    "claim without source": (cut(ETCD, "    source:"), ETCD, "claims.c1.source is missing"),
    "source elsewhere": (change(ETCD, "    source: /docs/", "    source: https://example.com/"), ETCD, "written wrongly"),
    "alias bomb": (write("truth/concepts/bomb.yaml", BOMB), "truth/concepts/bomb.yaml:1", "anchors and aliases"),
    "too large": (write("truth/concepts/big.yaml", b"# " + b"x" * 1_000_001), "truth/concepts/big.yaml:1", "was not read"),
    "not UTF-8": (write("truth/concepts/odd.yaml", b"id: odd\nkind: \xff\xfe\n"), "truth/concepts/odd.yaml:2", "not UTF-8"),
    "tab": (write("truth/concepts/tab.yaml", "id: tab\nname:\n\tzh: x\n"), "truth/concepts/tab.yaml:3", "indented with a tab"),
    "empty": (write("truth/concepts/none.yaml", ""), "truth/concepts/none.yaml:1", "the file is empty"),
    "only a comment": (write("truth/concepts/none.yaml", "# soon\n"), "truth/concepts/none.yaml:1", "the file is empty"),
    "dangling link": (link, "truth/concepts/gone.yaml:1", "points to nowhere.yaml"),
    "folder as file": (lambda base: (base / "truth/concepts/x.yaml").mkdir(), "truth/concepts/x.yaml:1", "rename the folder"),
    "two metaphors, one id": (second_metaphor, "metaphors/theatre/metaphor.yaml:1", "the id lemonade is already used"),
    "not YAML": (write("truth/concepts/bad.yaml", "id: [a, b\n"), "truth/concepts/bad.yaml", "not valid YAML"),
    "two documents": (append(ETCD, "---\nid: x\n"), ETCD, "one document"),
    "a list": (write("truth/concepts/list.yaml", "- a\n- b\n"), "truth/concepts/list.yaml:1", "group of `key: value`"),
    "deep": (write("truth/concepts/deep.yaml", "[" * 5000), "truth/concepts/deep.yaml:1", "deeper than"),
    "a tag": (write("truth/concepts/tag.yaml", "!!python/object:os.system {}\n"), "truth/concepts/tag.yaml:1", "YAML tag"),
    "nobody reads": (write("truth/concepts/etcd.yml", "id: x\n"), "truth/concepts/etcd.yml:1", "nothing reads"),
    "no proof": (change(ETCD, "。[etcd.c1]", "。"), ETCD, "cites no claim"),
    "unknown proof": (change(ETCD, "[etcd.c1]", "[etcd.c99]"), ETCD, "etcd.c99 does not exist"),
    "never say": (
        change(ETCD, "  zh: 把 etcd 想成", "  zh: kubelet 直接读写 etcd，把 etcd 想成"),
        ETCD,
        "must never be said",
    ),
    "stolen alias": (change(ETCD, "  en: [", "  en: [kubelet, "), ETCD, "names one concept"),
    "chinese in english": (change(ETCD, "  en: Think", "  en: 想 Think"), ETCD, "holds Chinese"),
    "too long": (change(ETCD, "  en: Think", "  en: " + "very " * 70 + "Think"), ETCD, "a phone has room for 60"),
    "missing text": (cut(TEXTS, "thanks:"), TEXTS, "the sentence thanks is missing"),
    "gaps differ": (
        change(TEXTS, "没有 /{command} 这个", "没有 /{name} 这个"),
        TEXTS,
        "different gaps",
    ),
    "bad table": (write("language/characters.tsv", "發\t发\tfa1\n體\n"), "language/characters.tsv:2", "a row has 3 cells"),
    "table not UTF-8": (write("language/characters.tsv", b"\xff\xfe"), "language/characters.tsv:1", "not UTF-8"),
    "long button": (
        change(TEXTS, "question.first: {zh: Kubernetes 是干什么的？", "question.first: {zh: " + "很" * 22 + "？"),
        TEXTS,
        "at most 64 bytes",
    ),
    "no texts": (write(TEXTS, ""), TEXTS, "the file is empty"),
    "a gap with a format": (
        change(TEXTS, 'next.guess: {zh: "👉 想一想：{question}', 'next.guess: {zh: "👉 {question:d}'),
        TEXTS,
        "gaps",
    ),
    "unknown small talk": (
        change("language/wording.yaml", "small_talk:\n", "small_talk:\n  foo: {zh: [嘿嘿嘿], en: [zork]}\n"),
        "language/wording.yaml",
        "foo does not exist",
    ),
    "asked of nobody": (
        append("language/asked/zh.tsv", "etcd.99\t问谁？\n"),
        "language/asked/zh.tsv:",
        "etcd.99 does not exist",
    ),
    "asked twice": (append("language/asked/en.tsv", "pod\twho?\npod\twho?\n"), "language/asked/en.tsv:", "is already in"),
    "asked in no language": (write("language/asked/fr.tsv", "pod\tqui ?\n"), "language/asked/fr.tsv:1", "nothing reads"),
    "weights by hand": (write("language/weights.tsv", "pod\t!\n"), "language/weights.tsv:1", "make generate"),
    "quiz without a right option": (
        change(ITEMS, "        correct: true\n", ""),
        ITEMS,
        "the number of options with correct: true is wrong for single",
    ),
    "quiz option that misleads nobody": (cut(ITEMS, "        misconception: job.m1"), ITEMS, "name the break or misconception"),
    "quiz too long for a poll": (change(ITEMS, "zh: 两张单都会各补一盘", "zh: " + "盘" * 101), ITEMS, "at most 100 characters"),
    "quiz item on a break that names none": (item("facet: truth", "facet: break"), QUIZ, "has to name what it stops"),
    "quiz item of a concept that is none": (item("concept: kubelet", "concept: kubelot"), QUIZ, "kubelot does not exist"),
    "quiz item on a misconception that is none": (
        item("misconception: kube-scheduler.m1", "misconception: pod.m99"),
        QUIZ,
        "pod.m99",
    ),
    "quiz item twice": (
        lambda base: (item("a-single", "z-single")(base), shutil.copy(base / QUIZ, base / "truth/items/twice.yaml")),
        "truth/items/twice.yaml",
        "the id z-single is already used",
    ),
    "cloze without a gap": (item("由那里的 ___ 创建", "由那里的它创建"), QUIZ, "has one gap, ___"),
    "prediction without commands": (item("    change: [kubectl delete pod lemonade-a-1, settle]\n", ""), QUIZ, "needs change"),
    "prediction that cannot be played": (item("[kubectl delete pod lemonade-a-1,", "[kubectl juggle,"), QUIZ, "cannot play"),
    "prediction that nobody gets right": (item("fact: one-replaced", "fact: moved"), QUIZ, "exactly one"),
    "prediction whose wrong option misleads nobody": (
        item("        misconception: pod.m3\n", ""),
        QUIZ,
        "name the break or misconception",
    ),
    "fact outside a prediction": (
        item("        correct: true\n", "        correct: true\n        fact: fewer\n"),
        QUIZ,
        "names a fact",
    ),
    "order of two": (
        item("      - text: {zh: 分到的节点, en: The node for the Pod}\n      - text: {zh: 容器, en: The containers}\n", ""),
        QUIZ,
        "order and match need three",
    ),
    "order with a key": (
        item("en: The ReplicaSet}\n", "en: The ReplicaSet}\n        correct: true\n"),
        QUIZ,
        "wrong for order",
    ),
    "pair with one side": (item("调度器 ↔ 选节点", "调度器选节点"), QUIZ, "left ↔ right"),
    "option without feedback": (item(FEEDBACK, ""), QUIZ, "needs feedback"),
    "feedback that echoes the program": (item('zh: "ReplicaSet 新建', 'zh: "对：ReplicaSet 新建'), QUIZ, "begins with “对：”"),
    "feedback that echoes the program in English": (
        item('en: "The new Pods of', 'en: "Yes. The new Pods of'),
        QUIZ,
        "with “Yes.”",
    ),
    "explanation that nobody hears": (
        item("        detect: {zh: [没了, 消失], en: [gone, die]}\n", ""),
        QUIZ,
        "has detect phrases in both languages",
    ),
    "expectation that misses its own text": (item("[没了, 消失]", "[消失]"), QUIZ, "found in the option's own text"),
    "misconception heard in a right answer": (item("[会搬到, 搬去]", "[会搬到, 顶替]"), QUIZ, "“顶替” of a misconception"),
    "options that differ in length": (
        item("zh: 搬到别的节点", "zh: 搬到另外一个还有空位、也还健康的节点去"),
        QUIZ,
        "too much in length (zh",
    ),
    "options that end differently": (
        item("en: They move to another node", "en: They move to another node."),
        QUIZ,
        "end with a stop",
    ),
    "severe break that no two items look for": (
        few_items,
        "metaphors/lemonade/roles/",
        "B5 is a severe break; it needs two quiz items or more (stops: B5), and has 0",
    ),
    "course that misses a severe break": (
        cut(f"{LESSONS}/head-office.yaml", "  - stops: [B9]"),
        "metaphors/lemonade/course.yaml:2:",
        "no lesson meets the break B9; its concept is of tier 1",
    ),
    "course that misses a mild break": (
        change(f"{LESSONS}/breaking.yaml", "stops: [B92, B90]", "stops: [B92]"),
        "metaphors/lemonade/course.yaml:2:",
        "no lesson meets the break B90; its concept is of tier 2",
    ),
    "course that misses what a breakage shows": (
        change("metaphors/lemonade/breakages/order-too-big.yaml", "stops: B36", "stops: B14"),
        "metaphors/lemonade/course.yaml:2:",
        "no lesson meets the break B36",
    ),
    "lesson with a break that the picture has not": (
        change(f"{LESSONS}/head-office.yaml", "stops: [B9]", "stops: [B9, B999]"),
        f"{LESSONS}/head-office.yaml",
        "B999 does not exist",
    ),
    "lesson that stops at a misconception": (
        change(f"{LESSONS}/head-office.yaml", "stops: [B9]", "stops: [etcd.m1]"),
        f"{LESSONS}/head-office.yaml",
        "etcd.m1",
    ),
    "lesson of a quarter of an hour": (
        append(f"{LESSONS}/head-office.yaml", "  - breakage: tray-dropped\n" * 4),
        f"{LESSONS}/head-office.yaml",
        "minutes; at most 10",
    ),
    "keys at one place": (
        bank("surely", 1),
        QUIZ,
        "100% have their key at position 2",
    ),
    "longest option is the key": (
        bank("surely it is", 0, 1, 2),
        QUIZ,
        "longest option is right in 100%",
    ),
    "no folder": (lambda base: shutil.rmtree(base / "truth/concepts"), ":1", "truth/concepts is missing"),
}


def test_the_shipped_knowledge_has_no_fault(run: Run) -> None:
    done = run("check")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"no faults: \d+ concepts, \d+ claims, \d+ comparisons, \d+ metaphor\(s\)\.\n", done.stdout)


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_base_is_told_in_one_clear_sentence(name: str, run: Run, copy: Path) -> None:
    spoil, place, words = SPOILED[name]
    spoil(copy)
    done = run("check", str(copy))
    lines = done.stdout.splitlines()
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert all(re.match(r".+:\d+: .+", line) for line in lines), lines
    assert any(place in line and words in line for line in lines), lines


def test_every_fault_is_found_in_one_run(run: Run, copy: Path) -> None:
    names = ("wrong type", "tab", "dead relation", "empty", "missing text")
    for name in names:
        SPOILED[name][0](copy)
    lines = run("check", str(copy)).stdout.splitlines()
    assert [name for name in names if any(SPOILED[name][2] in line for line in lines)] == list(names)


@pytest.mark.parametrize("command", ["chat", "serve"])
def test_no_front_end_opens_on_a_faulty_base(command: str, run: Run, copy: Path) -> None:
    SPOILED["unknown key"][0](copy)
    done = run(command, BOT_KNOWLEDGE_DIR=str(copy))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == run("check", str(copy)).stdout


def test_faults_are_told_in_chinese_where_the_shell_speaks_it(run: Run, copy: Path) -> None:
    SPOILED["empty"][0](copy)
    done = run("check", str(copy), LANG="zh_CN.UTF-8")
    assert done.stdout == f"{copy}/truth/concepts/none.yaml:1: 文件里没有内容。\n"


def test_a_folder_that_is_none_is_refused(run: Run) -> None:
    done = run("check", "no-such-folder")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "no-such-folder is not a folder.\n")
