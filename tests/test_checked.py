"""The check of what a language model writes: how much it lets through, and that nothing gets round it.

See `tests/checking.py` for the labelled sentences. A floor falls only where that closes a hole.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.knowledge.measure import CITATION
from bot.knowledge.schema import LANGUAGES, Language
from bot.tutor.sentences import sentences
from tests.checking import Labelled, check, labelled, scores, swapped

# The least share of good sentences that pass, and of bad ones that are stopped.
FLOORS: dict[tuple[str, Language], tuple[float, float]] = {
    ("checked.tsv", "zh"): (0.69, 0.99),
    ("checked.tsv", "en"): (0.58, 0.99),
    ("held.tsv", "zh"): (0.56, 0.99),
    ("held.tsv", "en"): (0.43, 0.99),
    ("reworded.tsv", "zh"): (0.21, 1.0),
    ("reworded.tsv", "en"): (0.35, 0.95),
    ("bent.tsv", "zh"): (0.47, 1.0),
    ("bent.tsv", "en"): (0.39, 0.99),
}
SWAPPED = 0.99  # of the claims in which one word stands for another
MADE_UP = ("uncited", "invented-id", "language", "leak", "link", "markup")  # what needs no reading, so that none gets through
CITED = " [etcd.c1][etcd.c2]"
LETTERS = st.sampled_from(
    ["etcd", "API server", "only", "not", "stores", "all", "只有", "不", "保存", "集群的数据", "，", ".", "`"]
)


@pytest.mark.parametrize(("name", "language"), FLOORS)
def test_the_good_pass_and_the_bad_do_not(name: str, language: Language) -> None:
    good, bad = FLOORS[name, language]
    assert scores(name)[True, language, ""].share >= good
    assert scores(name)[False, language, ""].share >= bad


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_word_does_not_stand_for_its_sibling(language: Language) -> None:
    assert swapped(language, step=8).share >= SWAPPED


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_needs_no_reading_never_gets_through(language: Language) -> None:
    for kind in MADE_UP:
        assert scores("checked.tsv")[False, language, kind].share == 1, kind


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_claim_may_be_said_as_it_stands(language: Language) -> None:
    """Unless its own wording is one that the front ends could not show, or that must never be said out of its place."""
    excused = {"markup", "length", "never-say", None}
    for concept in check().knowledge.concepts.values():
        for key, claim in concept.claims.items():
            assert check().fault(f"{claim[language]}[{concept.id}.{key}]", [concept.id], language) in excused, claim


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_people_wrongly_say_is_stopped(language: Language) -> None:
    """A misconception that cites its own refutation; at most one in a hundred may pass."""
    passed = []
    concepts = check().knowledge.concepts
    wrong = [each for concept in concepts.values() for each in concept.misconceptions.values()]
    for each in wrong:
        marks = "".join(f"[{id}]" for id in dict.fromkeys(CITATION.findall(each.truth[language])))
        if not check().fault(each.says[language] + marks, concepts, language):
            passed.append(each.says[language])
    assert len(passed) <= len(wrong) / 50, passed


@pytest.mark.parametrize("row", labelled("checked.tsv")[::8], ids=str)
def test_the_sentences_are_the_same_wherever_the_stream_is_cut(row: Labelled) -> None:
    whole = sentences(row.text, ended=True)
    for end in range(len(row.text)):
        begun = sentences(row.text[:end], ended=False)
        assert begun == whole[: len(begun)]


@settings(deadline=None)
@given(st.text(max_size=80), st.sampled_from(LANGUAGES))
def test_nothing_uncited_passes(text: str, language: Language) -> None:
    for each in sentences(text, ended=True):
        if not CITATION.search(each):
            assert check().fault(each, check().knowledge.concepts, language) == "uncited"


@settings(deadline=None)
@given(st.lists(st.one_of(st.text(max_size=6), LETTERS), max_size=40), st.sampled_from(LANGUAGES))
def test_no_text_makes_it_stumble(parts: list[str], language: Language) -> None:
    for each in sentences(" ".join(parts) + CITED, ended=True):
        check().fault(each, ["etcd"], language)


@pytest.mark.parametrize("strange", ["ファイル", "файл", "Ω", "≠", "儲", "\u200b", "٣", "ü"])
def test_a_letter_that_no_rule_reads_is_no_way_round(strange: str) -> None:
    said = f"etcd 保存集群的全部数据{strange}。[etcd.c1]"
    assert check().fault(said, ["etcd"], "zh") in {"language", "markup"}


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("A Deployment creates a ReplicaSet.[deployment.c2]", "A ReplicaSet creates a Deployment.[deployment.c2]"),
        ("A ReplicaSet is created by a Deployment.[deployment.c2]", "A Deployment is created by a ReplicaSet.[deployment.c2]"),
        ("`kubectl get` lists resources.[kubectl.c5]", "`kubectl get` prints the logs of a container.[kubectl.c5]"),
        (
            "By default Secrets are stored unencrypted in etcd.[secret.c2]",
            "By default Secrets are stored encrypted in etcd.[secret.c2]",
        ),
        ("etcd 保存集群的全部数据[etcd.c1]，只有 API server 直接读写它[etcd.c2]。", "etcd 保存集群的全部数据[etcd.c2]。"),
        ("每个节点都由控制面管理。[node.c4]", "控制面由每个节点管理。[node.c4]"),
        ("kubelet 在集群的每个节点上运行。[kubelet.c1]", "kubelet 在集群的一个节点上运行。[kubelet.c1]"),
        (
            "A Deployment creates a ReplicaSet, which creates the Pods.[deployment.c2]",
            "A Deployment creates the Pods, which creates a ReplicaSet.[deployment.c2]",
        ),
        (
            "If the service account default of a namespace is deleted, the control plane replaces it.[serviceaccount.c13]",
            "If the control plane replaces it, the service account default of a namespace is deleted.[serviceaccount.c13]",
        ),
        (
            "引用 ConfigMap 的 Pod 必须和它在同一个 namespace 里。[configmap.c8]",
            "引用 ConfigMap 的 Pod 可以和它在同一个 namespace 里。[configmap.c8]",
        ),
        (
            "API server 认不出身份的请求会得到 401。[kube-apiserver.c5]",
            "API server 认出身份的请求会得到 401。[kube-apiserver.c5]",
        ),
        ("etcd holds all cluster data.[etcd.c1]", "etcd holds part of the cluster data.[etcd.c1]"),
    ],
)
def test_who_does_what_to_whom(good: str, bad: str) -> None:
    def passes(said: str) -> bool:
        language: Language = "en" if said.isascii() else "zh"
        return not any(check().fault(each, check().knowledge.concepts, language) for each in sentences(said, ended=True))

    assert (passes(good), passes(bad)) == (True, False)
