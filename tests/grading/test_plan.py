"""The shape plan and the cases drawn from it."""

from __future__ import annotations

from dataclasses import replace

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from grader.grading import plan, seeds
from grader.grading.cases import Values, cases, drawn, example
from grader.puzzles.conv1d import CONV1D, TPB
from grader.puzzles.definition import Part


def pairs(shapes):
    return [(shape.sizes["input_size"], shape.sizes["conv_size"]) for shape in shapes]


def test_the_plan_holds_the_example_and_every_boundary():
    shapes = plan.draw(CONV1D, seed="s", own_kernel=True)
    drawn = pairs(shapes)
    assert drawn[0] == (15, 4)
    assert len(drawn) >= 12
    assert len(set(drawn)) == len(drawn)
    ns, ms = {n for n, _ in drawn}, {m for _, m in drawn}
    assert {1, TPB - 1, TPB, TPB + 1, 2 * TPB - 1, 2 * TPB} <= ns
    assert {1, 2, TPB - 1, TPB} <= ms
    assert any(n != m for n, m in drawn)
    assert all(CONV1D.contains(shape.sizes) for shape in shapes)
    assert [shape.number for shape in shapes] == list(range(len(shapes)))


@hypothesis.given(st.text(min_size=1, max_size=20))
def test_the_plan_follows_from_the_seed(seed):
    first = plan.draw(CONV1D, seed=seed, own_kernel=True)
    assert pairs(first) == pairs(plan.draw(CONV1D, seed=seed, own_kernel=True))


def test_other_seeds_draw_other_random_shapes():
    assert (
        len({tuple(pairs(plan.draw(CONV1D, seed=str(i), own_kernel=True))) for i in range(9)}) > 5
    )


def test_an_unchanged_kernel_gets_one_robust_shape_to_show_its_defect():
    shapes = plan.draw(CONV1D, seed="s", own_kernel=False)
    assert sum(shape.part is Part.ROBUST for shape in shapes) == 1
    assert len(shapes) >= 12


def assigned(shapes):
    return pairs(shape for shape in shapes if shape.part is Part.ASSIGNED)


@pytest.mark.parametrize("own_kernel", [False, True])
def test_all_assigned_sizes_are_tried(own_kernel):
    shapes = plan.draw(CONV1D, seed="s", own_kernel=own_kernel)
    every = [point for point in CONV1D.domain_points() if CONV1D.assigned(point)]
    assert sorted(assigned(shapes)) == [(p["input_size"], p["conv_size"]) for p in every]
    assert len(every) == CONV1D.counts()[0] == 58


def test_a_sample_stands_for_the_sizes_of_a_plain_launch():
    shapes = plan.draw(CONV1D, seed="s", own_kernel=False, tries=plan.Tries.SAMPLE)
    assert len(shapes) <= 14
    boundaries = [each for each in CONV1D.boundaries if CONV1D.assigned(each)]
    assert {(b["input_size"], b["conv_size"]) for b in boundaries} < set(assigned(shapes))


@pytest.mark.parametrize(("own_kernel", "count"), [(False, 58 + 1), (True, 450)])
def test_every_size_that_is_graded_can_be_asked_for(own_kernel, count):
    shapes = plan.draw(CONV1D, seed="s", own_kernel=own_kernel, tries=plan.Tries.ALL)
    assert len(set(pairs(shapes))) == len(shapes) == count


def test_a_rubric_that_assigns_hundreds_of_sizes_gets_as_many_as_one_compile_bears():
    wide = replace(CONV1D, assigned=lambda sizes: sizes["input_size"] > 1)
    shapes = plan.draw(wide, seed="s", own_kernel=True)
    assert len(shapes) < len(list(wide.domain_points())) / 2
    assert len(shapes) > plan.MOST_ASSIGNED
    assert len(plan.draw(wide, seed="s", own_kernel=True, tries=plan.Tries.ALL)) == 450


def test_the_assigned_shapes_alone_hold_every_boundary():
    shapes = plan.draw(CONV1D, seed="s", own_kernel=False)
    drawn = pairs([shape for shape in shapes if shape.part is Part.ASSIGNED])
    assert {1, TPB - 1, TPB, TPB + 1, 2 * TPB - 1, 2 * TPB} <= {n for n, _ in drawn}
    assert {1, 2, TPB - 1, TPB} <= {m for _, m in drawn}


def test_the_worker_learns_sizes_and_names_only():
    shapes = plan.draw(CONV1D, seed="s", own_kernel=False)
    told = plan.for_worker(
        CONV1D, shapes, graphs="module", package="/p/op.mojoc", compiled="/c", load=False
    )
    assert set(told) == {"op", "graphs", "package", "compiled", "load", "shapes"}
    assert told["shapes"][0] == {
        "inputs": [
            {"dtype": "float32", "shape": [15], "sizes": ["input_size"]},
            {"dtype": "float32", "shape": [4], "sizes": ["conv_size"]},
        ],
        "output": {"dtype": "float32", "shape": [15], "sizes": ["input_size"]},
        "parameters": {"input_size": 15, "conv_size": 4, "dtype": "float32"},
    }


def test_the_example_case_is_the_published_one():
    case = example(CONV1D, plan.draw(CONV1D, seed="s", own_kernel=False))
    assert case.inputs["input"].tolist() == list(range(15))
    assert (
        case.payload == np.arange(15, dtype="<f4").tobytes() + np.arange(4, dtype="<f4").tobytes()
    )


@pytest.mark.parametrize("values", [Values.INTEGERS, Values.REALS])
def test_a_case_for_a_shape_has_no_zero_and_fits_shape_and_kind(values):
    for shape in plan.draw(CONV1D, seed="s", own_kernel=True):
        case = drawn(CONV1D, shape, values, seeds.generator("s", "sweep"))
        for spec in CONV1D.inputs:
            array = case.inputs[spec.name]
            assert array.shape == spec.extents(shape.sizes)
            assert array.dtype == spec.dtype
            assert array.all()
            whole = array == np.rint(array)
            assert whole.all() if values is Values.INTEGERS else not whole.all()


def test_a_special_case_for_a_shape_has_one_special_value_an_input():
    random = seeds.generator("s", "sweep")
    for shape in plan.draw(CONV1D, seed="s", own_kernel=True):
        for array in drawn(CONV1D, shape, Values.SPECIAL, random).inputs.values():
            ordinary = np.isfinite(array) & (np.abs(array) >= 1e-3) & (np.abs(array) <= 1001)
            assert np.count_nonzero(~ordinary) == 1


@pytest.mark.parametrize("values", [Values.INTEGERS, Values.REALS, Values.SPECIAL])
def test_drawn_cases_fit_their_shape_and_kind(values):
    shapes = plan.draw(CONV1D, seed="s", own_kernel=True)

    @hypothesis.settings(max_examples=50, database=None)
    @hypothesis.given(cases(CONV1D, shapes, values))
    def check(case):
        expected = CONV1D.expected(case.inputs, case.shape.sizes)
        for spec in CONV1D.inputs:
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
    shapes = plan.draw(CONV1D, seed="s", own_kernel=True)
    found = hypothesis.find(
        cases(CONV1D, shapes, Values.INTEGERS),
        lambda case: case.inputs["input"].sum() > 50,
        settings=hypothesis.settings(database=None, max_examples=2000),
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
