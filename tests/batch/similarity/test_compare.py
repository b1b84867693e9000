"""Which pairs are found, and in which order."""

from __future__ import annotations

import time
from itertools import combinations
from math import log2

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.batch.similarity import compare as module
from grader.batch.similarity.compare import COMMON, LEAST_BITS, compare
from grader.batch.similarity.features import Feature, Features, Kind
from tests.batch.similarity.texts import GIVEN, LAUNCH, OWN, SKELETON, programs, renamed


def features_of(*values: str) -> frozenset[Feature]:
    return frozenset(Feature(Kind.NAME, value) for value in values)


def filler(count: int) -> dict[str, frozenset[Feature]]:
    """Others, who share nothing with anybody."""
    return {f"z{n:04d}": features_of(f"own{n}a", f"own{n}b") for n in range(count)}


sets = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=3),
    st.sets(st.sampled_from([f"f{n}" for n in range(14)]), max_size=10).map(
        lambda values: features_of(*values)
    ),
    min_size=1,
    max_size=12,
)


class TestPairs:
    @settings(deadline=None)
    @given(sets)
    def test_the_index_finds_what_comparing_all_pairs_finds(
        self, found: dict[str, frozenset[Feature]]
    ) -> None:
        found = {**found, **filler(40)}
        have = {f: sum(f in s for s in found.values()) for s in found.values() for f in s}
        first: dict[frozenset[Feature], str] = {}
        for key in sorted(found):
            first.setdefault(found[key], key)
        expected = {}
        for one, other in combinations(sorted(first.values()), 2):
            bits = sum(log2(len(found) / have[f]) for f in found[one] & found[other])
            if bits >= LEAST_BITS:
                expected[(one, other)] = pytest.approx(bits)
        made = {(p.one, p.other): p.bits for p in compare(found).pairs if not p.same}
        assert made == expected

    def test_what_many_share_counts_for_less_than_what_two_share(self) -> None:
        common = {f"c{n}": features_of("u", "v", "w", "x", "y", f"o{n}") for n in range(20)}
        rare = {key: features_of("p", "q", "r", key) for key in ("ann", "ben")}
        pairs = compare({**common, **rare, **filler(100)}).pairs
        assert (pairs[0].one, pairs[0].other) == ("ann", "ben")
        assert pairs[0].bits == pytest.approx(3 * log2(122 / 2))

    def test_a_pair_says_what_it_shares_the_rarest_first(self) -> None:
        found = {
            "ann": features_of("rare", "common", "x", "y"),
            "ben": features_of("rare", "common", "x", "y"),
            "cyd": features_of("common", "other"),
            **filler(60),
        }
        (pair, *_) = compare(found).pairs
        assert pair.shared[-1].feature.value == "common"
        assert [s.have for s in pair.shared] == [2, 2, 2, 3]
        assert pair.share == 1.0

    def test_an_answer_that_half_of_the_class_gives_is_remarkable_for_nobody(self) -> None:
        answer = features_of(*"abcdefgh")
        found = {f"s{n}": answer for n in range(50)} | filler(50)
        assert compare(found).pairs == ()
        assert compare(found).clusters == ()
        assert compare(found).alike == 50

    def test_twins_are_one_line_however_many_they_are(self) -> None:
        twins = {f"t{n}": features_of(*"abcdef") for n in range(5)}
        made = compare({**twins, **filler(200)})
        (pair,) = made.pairs
        assert (pair.one, pair.other, pair.same) == ("t0", "t1", 5)
        assert made.clusters == (("t0", "t1", "t2", "t3", "t4"),)

    def test_a_chain_of_copies_is_one_cluster(self) -> None:
        found = {
            "ann": features_of(*"abcdefgh"),
            "ben": features_of(*"abcdefgh", "mine"),
            "cyd": features_of(*"cdefgh", "mine", "yours"),
            **filler(300),
        }
        assert compare(found).clusters == (("ann", "ben", "cyd"),)

    @pytest.mark.parametrize("count", [0, 1, 2])
    def test_a_class_of_nobody_has_no_pairs(self, count: int) -> None:
        assert compare({f"s{n}": frozenset() for n in range(count)}).pairs == ()

    def test_no_more_than_so_many_pairs_are_reported_and_it_is_said(self) -> None:
        pairs = {
            f"p{n}{side}": features_of(f"a{n}", f"b{n}", f"c{n}", f"{n}{side}")
            for n in range(module.PAIRS + 7)
            for side in "xy"
        }
        made = compare(pairs)
        assert len(made.pairs) == module.PAIRS
        assert made.more == 7

    def test_a_feature_of_many_makes_no_pairs_by_itself(self) -> None:
        """So that the time does not grow with the square of the class."""
        found = {f"s{n:05d}": features_of("all", "most", f"own{n}") for n in range(20 * COMMON)}
        began = time.process_time()
        assert compare(found).pairs == ()
        assert time.process_time() - began < 2


class TestTexts:
    def compared(self, texts: dict[str, str]) -> module.ClassComparison:
        kept = Features(SKELETON)
        others = {f"z{n:03d}": GIVEN + LAUNCH + f"    var z{n} = {n}\n" for n in range(60)}
        return compare({key: kept.of(text) for key, text in {**texts, **others}.items()})

    def test_a_copy_with_other_names_is_found(self) -> None:
        made = self.compared({"ann": GIVEN + LAUNCH + OWN, "ben": GIVEN + LAUNCH + renamed(OWN)})
        assert (made.pairs[0].one, made.pairs[0].other) == ("ann", "ben")
        # What is not shared are the names.
        assert made.pairs[0].share > 0.8

    def test_an_equal_comment_makes_it_less_likely(self) -> None:
        bare = OWN.replace("    # carefully rounds to the next multiple\n", "")
        with_comment = self.compared({"ann": GIVEN + OWN, "ben": GIVEN + renamed(OWN)})
        without = self.compared({"ann": GIVEN + bare, "ben": GIVEN + renamed(bare)})
        assert with_comment.pairs[0].bits > without.pairs[0].bits + 8

    def test_a_copy_that_was_moved_is_found(self) -> None:
        made = self.compared({"ann": GIVEN + LAUNCH + OWN, "ben": OWN + "\n\n" + GIVEN + LAUNCH})
        assert (made.pairs[0].one, made.pairs[0].other) == ("ann", "ben")

    def test_the_skeleton_alone_is_no_pair(self) -> None:
        assert self.compared({"ann": GIVEN, "ben": GIVEN}).pairs == ()


class TestKept:
    @given(st.lists(programs, max_size=4))
    def test_what_was_kept_is_what_would_be_found(self, texts: list[str]) -> None:
        first = Features(SKELETON)
        made = [first.of(text) for text in texts]
        again = Features(SKELETON, first.kept())
        assert [again.of(text) for text in texts] == made
        assert again.kept() == first.kept()

    @given(st.binary(max_size=60))
    def test_anything_else_is_ignored(self, data: bytes) -> None:
        assert Features(SKELETON, data).of(OWN) == Features(SKELETON).of(OWN)

    def test_what_was_kept_for_another_skeleton_is_ignored(self) -> None:
        from grader.batch.similarity.features import skeleton

        other = Features(skeleton([OWN]))
        assert other.of(OWN) == frozenset()
        assert Features(SKELETON, other.kept()).of(OWN) != frozenset()

    def test_what_nobody_has_any_more_is_not_kept(self) -> None:
        first = Features(SKELETON)
        first.of(OWN)
        empty = Features(SKELETON, first.kept()).kept()
        assert empty == Features(SKELETON).kept()
