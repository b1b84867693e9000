"""The shape plan and the cases drawn from it."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from grader.grading import plan, seeds
from grader.grading.cases import cases, drawn, example
from grader.lanes.graph import graph_plan
from grader.model.domains import Values
from grader.model.part import Scope
from grader.puzzles.conv1d import PART, PUZZLE
from grader.puzzles.conv1d.mistakes import TPB


def pairs(shapes):
    return [(shape.sizes["input_size"], shape.sizes["conv_size"]) for shape in shapes]


def test_the_plan_holds_the_example_and_every_boundary():
    shapes = plan.draw(PUZZLE, seed="s", own_kernel={"conv1d"})
    drawn = pairs(shapes)
    assert drawn[0] == (15, 4)
    assert len(drawn) >= 12
    assert len(set(drawn)) == len(drawn)
    ns, ms = {n for n, _ in drawn}, {m for _, m in drawn}
    assert {1, TPB - 1, TPB, TPB + 1, 2 * TPB - 1, 2 * TPB} <= ns
    assert {1, 2, TPB - 1, TPB} <= ms
    assert any(n != m for n, m in drawn)
    assert all(PART.contains(shape.sizes) for shape in shapes)
    assert [shape.number for shape in shapes] == list(range(len(shapes)))


@hypothesis.given(st.text(min_size=1, max_size=20))
def test_the_plan_follows_from_the_seed(seed):
    first = plan.draw(PUZZLE, seed=seed, own_kernel={"conv1d"})
    assert pairs(first) == pairs(plan.draw(PUZZLE, seed=seed, own_kernel={"conv1d"}))


def test_other_seeds_draw_other_random_shapes():
    assert (
        len({tuple(pairs(plan.draw(PUZZLE, seed=str(i), own_kernel={"conv1d"}))) for i in range(9)})
        > 5
    )


def test_an_unchanged_kernel_gets_one_robust_shape_to_show_its_defect():
    shapes = plan.draw(PUZZLE, seed="s", own_kernel=())
    assert sum(shape.scope is Scope.ROBUST for shape in shapes) == 1
    assert len(shapes) >= 12


def assigned(shapes):
    return pairs(shape for shape in shapes if shape.scope is Scope.ASSIGNED)


@pytest.mark.parametrize("own_kernel", [False, True])
def test_all_assigned_sizes_are_tried(own_kernel):
    shapes = plan.draw(PUZZLE, seed="s", own_kernel={"conv1d"} if own_kernel else ())
    every = [point for point in PART.domain_points() if PART.assigned(point)]
    assert sorted(assigned(shapes)) == [(p["input_size"], p["conv_size"]) for p in every]
    assert len(every) == PART.counts()[0] == 58


def test_a_sample_stands_for_the_sizes_of_a_plain_launch():
    shapes = plan.draw(PUZZLE, seed="s", own_kernel=(), tries=plan.Tries.SAMPLE)
    assert len(shapes) <= 14
    boundaries = [each for each in PART.boundaries if PART.assigned(each)]
    assert {(b["input_size"], b["conv_size"]) for b in boundaries} < set(assigned(shapes))


@pytest.mark.parametrize(("own_kernel", "count"), [(False, 58 + 1), (True, 450)])
def test_every_size_that_is_graded_can_be_asked_for(own_kernel, count):
    shapes = plan.draw(
        PUZZLE, seed="s", own_kernel={"conv1d"} if own_kernel else (), tries=plan.Tries.ALL
    )
    assert len(set(pairs(shapes))) == len(shapes) == count


def test_a_rubric_that_assigns_hundreds_of_sizes_gets_as_many_as_one_compile_bears():
    part = replace(PART, assigned=lambda sizes: sizes["input_size"] > 1)
    wide = replace(PUZZLE, parts=(part,))
    shapes = plan.draw(wide, seed="s", own_kernel={"conv1d"})
    assert len(shapes) < len(list(part.domain_points())) / 2
    assert len(shapes) > plan.MOST_ASSIGNED
    assert len(plan.draw(wide, seed="s", own_kernel={"conv1d"}, tries=plan.Tries.ALL)) == 450


def test_the_assigned_shapes_alone_hold_every_boundary():
    shapes = plan.draw(PUZZLE, seed="s", own_kernel=())
    drawn = pairs([shape for shape in shapes if shape.scope is Scope.ASSIGNED])
    assert {1, TPB - 1, TPB, TPB + 1, 2 * TPB - 1, 2 * TPB} <= {n for n, _ in drawn}
    assert {1, 2, TPB - 1, TPB} <= {m for _, m in drawn}


def test_the_worker_learns_sizes_and_names_only():
    shapes = plan.draw(PUZZLE, seed="s", own_kernel=())
    told = graph_plan(shapes, graphs="module", package="/p/op.mojoc", compiled="/c", load=False)
    assert set(told) == {"graphs", "package", "compiled", "load", "shapes"}
    assert told["shapes"][0] == {
        "op": "conv1d",
        "part": "conv1d",
        "target": "gpu",
        "inputs": [
            {"dtype": "float32", "shape": [15], "sizes": ["input_size"]},
            {"dtype": "float32", "shape": [4], "sizes": ["conv_size"]},
        ],
        "outputs": [{"dtype": "float32", "shape": [15], "sizes": ["input_size"]}],
        "parameters": {"input_size": 15, "conv_size": 4, "dtype": "float32"},
        "texts": {},
    }


def test_the_example_case_is_the_published_one():
    case = example(plan.draw(PUZZLE, seed="s", own_kernel=()))
    assert case.inputs["input"].tolist() == list(range(15))
    assert (
        case.payload == np.arange(15, dtype="<f4").tobytes() + np.arange(4, dtype="<f4").tobytes()
    )


@pytest.mark.parametrize("values", [Values.INTEGERS, Values.REALS])
def test_a_case_for_a_shape_has_no_zero_and_fits_shape_and_kind(values):
    for shape in plan.draw(PUZZLE, seed="s", own_kernel={"conv1d"}):
        case = drawn(shape, values, seeds.generator("s", "sweep"))
        for spec in PART.inputs:
            array = case.inputs[spec.name]
            assert array.shape == spec.extents(shape.sizes)
            assert array.dtype == spec.dtype
            assert array.all()
            whole = array == np.rint(array)
            assert whole.all() if values is Values.INTEGERS else not whole.all()


def test_a_special_case_for_a_shape_has_one_special_value_an_input():
    random = seeds.generator("s", "sweep")
    for shape in plan.draw(PUZZLE, seed="s", own_kernel={"conv1d"}):
        for array in drawn(shape, Values.SPECIAL, random).inputs.values():
            ordinary = np.isfinite(array) & (np.abs(array) >= 1e-3) & (np.abs(array) <= 1001)
            assert np.count_nonzero(~ordinary) == 1


@pytest.mark.parametrize("values", [Values.INTEGERS, Values.REALS, Values.SPECIAL])
def test_drawn_cases_fit_their_shape_and_kind(values):
    shapes = plan.draw(PUZZLE, seed="s", own_kernel={"conv1d"})

    @hypothesis.settings(max_examples=50, database=None)
    @hypothesis.given(cases(shapes, values))
    def check(case):
        expected = PART.expected(case.inputs, case.shape.sizes)["output"]
        for spec in PART.inputs:
            array = case.inputs[spec.name]
            assert array.shape == spec.extents(case.shape.sizes)
            assert array.dtype == np.float32
        if values is Values.INTEGERS:
            assert expected.exact.all()
        if values is Values.REALS:
            assert expected.decided.all()
            assert not expected.may_be_nan.any()
            assert all(np.isfinite(array).all() for array in case.inputs.values())

    check()


def test_counterexamples_shrink_to_the_smallest_shape():
    shapes = plan.draw(PUZZLE, seed="s", own_kernel={"conv1d"})
    found = hypothesis.find(
        cases(shapes, Values.INTEGERS),
        lambda case: case.inputs["input"].sum() > 50,
        settings=hypothesis.settings(database=None, max_examples=2000),
        # Once, of many beginnings, no shape smaller than the first was tried.
        random=Random(0),
    )
    assert found.shape.extent == min(shape.extent for shape in shapes)
    assert found.inputs["input"].sum() == 51


def test_seeds_depend_on_secret_puzzle_and_submission():
    base = {"key": b"k" * 16, "puzzle": "conv1d", "submission_sha256": "ab"}
    seed = seeds.derive(**base)
    assert seed == seeds.derive(**base)
    for change in ({"key": b"l" * 16}, {"puzzle": "x"}, {"submission_sha256": "ac"}):
        assert seeds.derive(**{**base, **change}) != seed
    assert seeds.number("s", "a") != seeds.number("s", "b")


def test_a_secret_that_is_too_short_is_refused(monkeypatch):
    monkeypatch.setenv(seeds.SECRET_VARIABLE, "short")
    with pytest.raises(Exception, match="at least 16"):
        seeds.secret()


def test_a_secret_is_made_once_and_kept(monkeypatch, tmp_path):
    monkeypatch.delenv(seeds.SECRET_VARIABLE, raising=False)
    monkeypatch.delenv(seeds.SECRET_FILE_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    first = seeds.secret()
    assert len(first) == 32
    assert first == seeds.secret()
    (kept,) = tmp_path.rglob("secret")
    assert kept.stat().st_mode & 0o077 == 0
