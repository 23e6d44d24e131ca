"""How fast one person is answered, and who is answered at all."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from bot.limits import MINUTE, PER_MINUTE, Limits, Verdict

# Pauses between messages: bursts, the speed of the limit, and rests.
pauses = st.one_of(st.just(0.0), st.floats(0, 0.5), st.floats(0, 2 * MINUTE / PER_MINUTE), st.floats(0, 2 * MINUTE))
talks = st.lists(st.tuples(st.sampled_from([7, 8]), pauses), max_size=6 * PER_MINUTE)


def judged(limits: Limits, talk: list[tuple[int, float]]) -> dict[int, list[tuple[float, Verdict]]]:
    """When each person said something, and what was made of it."""
    now, heard = 1000.0, defaultdict(list)
    for person, pause in talk:
        now += pause
        heard[person].append((now, limits.judge(person, now)))
    return heard


@given(talks)
def test_nobody_is_answered_more_often_in_any_minute_than_the_limit_has_it(talk: list[tuple[int, float]]) -> None:
    for said in judged(Limits(frozenset()), talk).values():
        fine = [at for at, verdict in said if verdict == "fine"]
        for first, beyond in zip(fine, fine[PER_MINUTE:], strict=False):
            assert beyond - first >= MINUTE


@given(talks)
def test_who_keeps_to_the_limit_is_always_answered(talk: list[tuple[int, float]]) -> None:
    for said in judged(Limits(frozenset()), talk).values():
        for number, (at, verdict) in enumerate(said):
            if number < PER_MINUTE or at - said[number - PER_MINUTE][0] > MINUTE:
                assert verdict == "fine"


@given(talks)
def test_a_refusal_is_told_once_until_there_was_an_answer(talk: list[tuple[int, float]]) -> None:
    for said in judged(Limits(frozenset()), talk).values():
        verdicts = [verdict for _, verdict in said]
        for before, after in zip(["fine", *verdicts], verdicts, strict=False):
            assert after != "fast" or before == "fine"
            assert after != "silent" or before != "fine"


def test_a_burst_is_answered_up_to_the_limit_refused_once_and_answered_again_after_a_minute() -> None:
    limits = Limits(frozenset())
    verdicts = [limits.judge(7, 1000.0) for _ in range(PER_MINUTE + 3)]
    assert verdicts == ["fine"] * PER_MINUTE + ["fast", "silent", "silent"]
    assert limits.judge(8, 1000.0) == "fine"
    assert limits.judge(7, 1000.0 + MINUTE) == "fine"


@given(talks)
def test_a_stranger_is_told_once_and_a_friend_never(talk: list[tuple[int, float]]) -> None:
    limits = Limits(frozenset({7}))
    heard = judged(limits, talk)
    assert [verdict for _, verdict in heard[8]] == (["stranger"] + ["silent"] * len(heard[8]))[: len(heard[8])]
    assert {verdict for _, verdict in heard[7]} <= {"fine", "fast", "silent"}
    assert 8 not in limits.heard


def test_a_crowd_is_forgotten_after_its_minute_and_whoever_still_talks_is_not() -> None:
    limits = Limits(frozenset())
    for person in range(10_000):
        limits.judge(person, 1000.0)
    for _ in range(PER_MINUTE):
        limits.judge(-1, 1000.0 + MINUTE)
    assert limits.judge(-2, 1000.0 + MINUTE) == "fine"
    assert set(limits.heard) == {-1, -2}
    assert limits.judge(-1, 1000.0 + MINUTE) == "fast"
