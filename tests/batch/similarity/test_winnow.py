"""Winnowing: what it promises."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from grader.batch.similarity.features import SURE, K, W, hashes, winnow

words = st.lists(st.sampled_from("abcdefgh"), max_size=40)
shared = st.lists(st.sampled_from("abcdefgh"), min_size=SURE, max_size=3 * SURE)


@given(words, words, words, words, shared)
def test_every_shared_run_of_the_sure_length_is_found(
    before: list[str], after: list[str], ahead: list[str], behind: list[str], run: list[str]
) -> None:
    one, other = hashes(before + run + after), hashes(ahead + run + behind)
    inside_one = {v for v, at in winnow(one) if len(before) <= at <= len(before) + len(run) - K}
    inside_other = {v for v, at in winnow(other) if len(ahead) <= at <= len(ahead) + len(run) - K}
    assert inside_one & inside_other


@given(words, words, words, words, shared, st.sets(st.integers(0, 2 * SURE)))
def test_also_where_the_skeleton_is_left_out(
    before: list[str],
    after: list[str],
    ahead: list[str],
    behind: list[str],
    run: list[str],
    given_at: set[int],
) -> None:
    """Unless all of the run was given."""
    own = hashes(run)
    without = {own[at] for at in given_at if at < len(own)}
    one, other = hashes(before + run + after), hashes(ahead + run + behind)
    found = {v for v, _ in winnow(one, without)} & {v for v, _ in winnow(other, without)}
    windows = [set(own[at : at + W]) for at in range(len(own) - W + 1)]
    assert found or all(window <= without for window in windows)
    assert not found & without


@given(words)
def test_nothing_shorter_than_k_is_noise(text: list[str]) -> None:
    assert len(hashes(text)) == max(0, len(text) - K + 1)
    assert bool(winnow(hashes(text))) == (len(text) >= K)


@given(words)
def test_every_window_has_a_fingerprint_and_few_are_kept(text: list[str]) -> None:
    values = hashes(text)
    places = [at for _, at in winnow(values)]
    assert places == sorted(set(places))
    for start in range(len(values) - W + 1):
        assert any(start <= at < start + W for at in places)
    for value, at in winnow(values):
        assert values[at] == value


def test_the_density_is_that_of_the_paper() -> None:
    """2 / (W + 1) of the hashes of a text without repetitions."""
    values = hashes([str(n) for n in range(20_000)])
    density = len(winnow(values)) / len(values)
    assert abs(density - 2 / (W + 1)) < 0.01


def test_a_hash_is_the_same_in_every_process() -> None:
    """What was worked out is kept between runs."""
    assert hashes(list("abcdefgh")) == [0xBF9901B317D013BB]
