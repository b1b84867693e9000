"""The layer norm with a linear layer: its reference, its bounds, what is drawn, its mistakes."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.model.domains import Values
from grader.puzzles import find
from grader.puzzles.layernorm_linear.bound import (
    EPSILON,
    GRADIENTS,
    Positions,
    backward,
    forward,
)
from tests.grading.simulated import named
from tests.puzzles.test_attention import chained, falling, halved, products, rising
from tests.puzzles.test_softmax import cut_to, half, off_by

PUZZLE = find("layernorm_linear")
FUSED, UNFUSED, BACKWARD = PUZZLE.parts
KINDS = (Values.INTEGERS, Values.REALS, Values.SPECIAL)
F = np.float32
SIZES = tuple(dict(sizes) for sizes in FUSED.boundaries)
BOOK = SIZES[0]
LARGE = {"batch_size": 7, "seq_len": 7, "hidden_dim": 12, "output_dim": 18}


def drawn(part, sizes, values, seed):
    random = np.random.default_rng(seed)
    return {
        spec.name: spec.domain.draw(spec.array_spec(sizes, values), random) for spec in part.inputs
    }


def cases(part):
    return [
        drawn(part, sizes, values, seed)
        for sizes in (*SIZES, LARGE)
        for values in KINDS
        for seed in range(12)
    ]


FORWARD_CASES, BACKWARD_CASES = cases(FUSED), cases(BACKWARD)


def sizes_of(inputs):
    batch, seq, hidden = inputs["input"].shape
    outputs = len(inputs["linear_weight"])
    return {"batch_size": batch, "seq_len": seq, "hidden_dim": hidden, "output_dim": outputs}


def test_the_two_ways_forward_are_one_op_told_apart_by_a_text():
    assert FUSED.code.name == UNFUSED.code.name
    assert FUSED.code.parameters == UNFUSED.code.parameters == BACKWARD.code.parameters
    assert (FUSED.code.texts, UNFUSED.code.texts) == (
        {"algorithm": "fused"},
        {"algorithm": "unfused"},
    )


def test_the_reference_forward_is_the_formula():
    for inputs in FORWARD_CASES[::7]:
        got = forward(inputs)
        x, weight, bias = (
            inputs[name].astype(float) for name in ("input", "linear_weight", "linear_bias")
        )
        for b, s, o in np.ndindex(got.shape):
            row = x[b, s]
            z = (row - np.mean(row)) / np.sqrt(np.var(row) + EPSILON)
            y = z * inputs["ln_weight"] + inputs["ln_bias"]
            assert got[b, s, o] == pytest.approx(float(y @ weight[o] + bias[o]), rel=1e-9, abs=1e-9)


def test_the_gradients_are_those_of_the_reference():
    """By differences of the forward way in float64."""
    inputs = drawn(BACKWARD, {**BOOK, "batch_size": 2, "seq_len": 2}, Values.REALS, 5)
    inputs = {name: array.astype(np.float64) for name, array in inputs.items()}
    inputs["linear_bias"] = np.zeros(len(inputs["linear_weight"]))
    found = backward(inputs)
    names = ("input", "ln_weight", "ln_bias", "linear_weight", "linear_bias")
    for gradient, name in zip(GRADIENTS, names, strict=True):
        array, step = inputs[name], 1e-6
        for place in np.ndindex(array.shape):
            sides = []
            for way in (step, -step):
                moved = array.copy()
                moved[place] += way
                sides.append((forward({**inputs, name: moved}) * inputs["grad_output"]).sum())
            slope = (sides[0] - sides[1]) / (2 * step)
            assert found[gradient][place] == pytest.approx(slope, rel=1e-4, abs=1e-4)


# What right programs do, in float32, each operation as wrong as the manuals allow.


def mean_of(add, rows):
    return (add(rows.T) / F(rows.shape[1])).astype(F)


def one_pass(add):
    def statistics(rows):
        mean = mean_of(add, rows)
        squares = mean_of(add, (rows * rows).astype(F))
        return mean, (squares - (mean * mean).astype(F)).astype(F)

    return statistics


def one_pass_fused(rows):
    """Squares in fused multiply-adds, and the subtraction as well."""
    mean = mean_of(rising, rows)
    squares = (chained(rows.T, rows.T) / F(rows.shape[1])).astype(F)
    exact = squares.astype(np.float64) - mean.astype(np.float64) ** 2
    return mean, exact.astype(F)


def by_reciprocal(rows):
    share = F(1) / F(rows.shape[1])
    mean = (rising(rows.T) * share).astype(F)
    squares = (rising((rows * rows).astype(F).T) * share).astype(F)
    return mean, (squares - (mean * mean).astype(F)).astype(F)


def two_passes(add):
    def statistics(rows):
        mean = mean_of(add, rows)
        distances = (rows - mean[:, None]).astype(F)
        return mean, mean_of(add, (distances * distances).astype(F))

    return statistics


def updated(rows):
    """Welford's."""
    mean, squares = np.zeros(len(rows), F), np.zeros(len(rows), F)
    for number, x in enumerate(rows.T, 1):
        before = (x - mean).astype(F)
        mean = (mean + (before / F(number)).astype(F)).astype(F)
        squares = (squares + (before * (x - mean).astype(F)).astype(F)).astype(F)
    return mean, (squares / F(rows.shape[1])).astype(F)


def in_blocks(rows):
    """Blocks of three, put together as Chan, Golub and LeVeque do."""
    count, mean, squares = 0, np.zeros(len(rows), F), np.zeros(len(rows), F)
    for start in range(0, rows.shape[1], 3):
        block = rows[:, start : start + 3]
        more = block.shape[1]
        own, variance = two_passes(rising)(block)
        apart = (own - mean).astype(F)
        together = count + more
        squares = (squares + (variance * F(more)).astype(F)).astype(F)
        squares = (squares + ((apart * apart).astype(F) * F(count * more / together))).astype(F)
        mean = (mean + (apart * F(more / together)).astype(F)).astype(F)
        count = together
    return mean, (squares / F(count)).astype(F)


def root_and_division(variance, random):
    root = off_by(1, np.sqrt((variance + F(EPSILON)).astype(F)), random)
    return off_by(2, (F(1) / root).astype(F), random)


def reciprocal_root(variance, random):
    sum_ = (variance + F(EPSILON)).astype(F)
    return off_by(2, (1 / np.sqrt(sum_.astype(np.float64))).astype(F), random)


def distances_scaled(rows, mean, r, scale, shift):
    z = ((rows - mean[:, None]).astype(F) * r[:, None]).astype(F)
    return ((z * scale).astype(F) + shift).astype(F)


def scaled_first(rows, mean, r, scale, shift):
    """An element times a factor, plus what that makes of the mean."""
    factor = (r[:, None] * scale).astype(F)
    rest = (shift - (mean[:, None] * factor).astype(F)).astype(F)
    return ((rows * factor).astype(F) + rest).astype(F)


def linear(dot, y, weight, bias):
    columns = [(dot(y.T, row[:, None]) + b).astype(F) for row, b in zip(weight, bias, strict=True)]
    return np.stack(columns, axis=1)


def norm_first(statistics, root, normed, dot):
    def program(inputs, random):
        rows = inputs["input"].reshape(-1, inputs["input"].shape[-1])
        mean, variance = statistics(rows)
        y = normed(rows, mean, root(variance, random), inputs["ln_weight"], inputs["ln_bias"])
        flat = linear(dot, y, inputs["linear_weight"], inputs["linear_bias"])
        return flat.reshape(*inputs["input"].shape[:2], -1)

    return program


def weights_first(inputs, random):
    """The weights are put together first; then each element is used as it is."""
    rows = inputs["input"].reshape(-1, inputs["input"].shape[-1])
    mean, variance = one_pass(rising)(rows)
    r = root_and_division(variance, random)
    weight = (inputs["linear_weight"] * inputs["ln_weight"]).astype(F)
    of_mean = rising(weight.T)
    of_shift = rising((inputs["linear_weight"] * inputs["ln_bias"]).astype(F).T)
    sums = linear(products(rising), rows, weight, np.zeros(len(weight), F))
    inner = (sums - (mean[:, None] * of_mean).astype(F)).astype(F)
    flat = ((inner * r[:, None]).astype(F) + (of_shift + inputs["linear_bias"]).astype(F)).astype(F)
    return flat.reshape(*inputs["input"].shape[:2], -1)


STATISTICS = {
    "one pass": one_pass(rising),
    "one pass from the end": one_pass(falling),
    "one pass by halves": one_pass(halved),
    "one pass in fused multiply-adds": one_pass_fused,
    "one pass by a reciprocal": by_reciprocal,
    "two passes": two_passes(rising),
    "two passes by halves": two_passes(halved),
    "updated": updated,
    "in blocks": in_blocks,
}
RIGHT = {
    **{
        name: norm_first(each, root_and_division, distances_scaled, products(rising))
        for name, each in STATISTICS.items()
    },
    "fused multiply-adds": norm_first(two_passes(rising), reciprocal_root, scaled_first, chained),
    "by halves": norm_first(one_pass(halved), reciprocal_root, scaled_first, products(halved)),
    "from the end": norm_first(
        one_pass(falling), reciprocal_root, distances_scaled, products(falling)
    ),
    "weights first": weights_first,
}


def excess(part, inputs, outputs):
    """The largest error as a part of what is allowed."""
    right = part.expected(inputs, sizes_of(inputs))
    worst = 0.0
    for name, output in outputs.items():
        expected = right[name]
        with np.errstate(all="ignore"):
            parts = np.abs(np.asarray(output, np.float64) - expected.value) / expected.allowed
        worst = max(worst, float(np.nan_to_num(parts, nan=np.inf).max()))
    return worst


@pytest.mark.parametrize("program", RIGHT.values(), ids=RIGHT)
@pytest.mark.filterwarnings("ignore:invalid")
def test_no_right_program_comes_near_the_bound(program):
    random = np.random.default_rng(7)
    worst = max(excess(FUSED, each, {"output": program(each, random)}) for each in FORWARD_CASES)
    assert worst < 0.5


def back(inputs, random, *, statistics, add, dot, root=root_and_division, rounded=None):
    """The gradients in float32; ``rounded`` is what is done to one of the steps, by its name."""

    def step(name, array):
        change = (rounded or {}).get(name)
        return array if change is None else change(array).astype(F)

    x, g = inputs["input"], inputs["grad_output"]
    rows, g = x.reshape(-1, x.shape[-1]), g.reshape(-1, g.shape[-1])
    weight, scale = inputs["linear_weight"], inputs["ln_weight"]
    mean, variance = statistics(step("input", rows))
    r = step("r", root(variance, random))
    z = step("z", ((rows - mean[:, None]).astype(F) * r[:, None]).astype(F))
    y = step("y", ((z * scale).astype(F) + inputs["ln_bias"]).astype(F))
    through = np.stack([dot(g.T, column[:, None]) for column in weight.T], axis=1)
    through = step("through", through)
    a = (through * scale).astype(F)
    count = F(rows.shape[1])
    of_mean = step("mean", (add(a.T) / count).astype(F))
    of_product = step("product", (add((a * z).astype(F).T) / count).astype(F))
    inner = ((a - of_mean[:, None]).astype(F) - (z * of_product[:, None]).astype(F)).astype(F)
    return {
        "grad_input": step("grad_input", (inner * r[:, None]).astype(F)).reshape(x.shape),
        "grad_ln_weight": step("sums", add((through * z).astype(F))),
        "grad_ln_bias": step("sums", add(through)),
        "grad_weight": step("sums", np.stack([dot(g[:, [o]], y) for o in range(g.shape[1])])),
        "grad_bias": step("sums", add(g)),
    }


BACK_WAYS = {
    "rising": {"add": rising, "dot": products(rising)},
    "falling": {"add": falling, "dot": products(falling)},
    "halved": {"add": halved, "dot": products(halved)},
    "fused multiply-adds": {"add": rising, "dot": chained, "root": reciprocal_root},
}


@pytest.mark.parametrize("way", BACK_WAYS.values(), ids=BACK_WAYS)
@pytest.mark.parametrize("statistics", STATISTICS.values(), ids=STATISTICS)
@pytest.mark.filterwarnings("ignore:invalid")
def test_nor_do_right_gradients(statistics, way):
    random = np.random.default_rng(7)
    worst = max(
        excess(BACKWARD, each, back(each, random, statistics=statistics, **way))
        for each in BACKWARD_CASES
    )
    assert worst < 0.5


# What is less precise.

TF32, BFLOAT16 = cut_to(10), cut_to(7)
STEPS = ("x", "mean", "variance", "r", "z", "y", "weight", "output")


def less(where, rounding):
    """In float64 but for one step."""

    def at(name, array):
        return rounding(array.astype(F)).astype(np.float64) if name == where else array

    def program(inputs):
        x = at("x", inputs["input"].astype(np.float64))
        mean = at("mean", x.mean(axis=-1, keepdims=True))
        variance = at("variance", ((x - mean) ** 2).mean(axis=-1, keepdims=True))
        r = at("r", 1 / np.sqrt(variance + EPSILON))
        y = at("y", at("z", (x - mean) * r) * inputs["ln_weight"] + inputs["ln_bias"])
        weight = at("weight", inputs["linear_weight"].astype(np.float64))
        return at("output", y @ weight.T + inputs["linear_bias"])

    return program


def half_sums(inputs):
    x = inputs["input"].astype(np.float16)
    mean = x.mean(axis=-1, keepdims=True, dtype=np.float16)
    variance = ((x - mean) ** 2).mean(axis=-1, keepdims=True, dtype=np.float16)
    y = (x - mean) / np.sqrt(variance.astype(F) + F(EPSILON)).astype(np.float16)
    y = y * inputs["ln_weight"].astype(np.float16) + inputs["ln_bias"].astype(np.float16)
    return y @ inputs["linear_weight"].astype(np.float16).T + inputs["linear_bias"]


IMPOSTORS = {
    **{
        f"{name} {step}": less(step, rounding)
        for name, rounding in (("half", half), ("bfloat16", BFLOAT16), ("TF32", TF32))
        for step in STEPS
    },
    "half throughout": half_sums,
}
ASSIGNED = [drawn(FUSED, BOOK, values, seed) for values in KINDS for seed in range(40)]
ASSIGNED_BACK = [drawn(BACKWARD, BOOK, values, seed) for values in KINDS for seed in range(40)]


@pytest.mark.parametrize("program", IMPOSTORS.values(), ids=IMPOSTORS)
@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid", "ignore:divide")
def test_less_precision_is_found_again_and_again(program):
    found = sum(excess(FUSED, each, {"output": program(each)}) > 1 for each in ASSIGNED)
    assert found > len(ASSIGNED) // 5


@pytest.mark.parametrize("rounding", [half, BFLOAT16, TF32], ids=["half", "bfloat16", "TF32"])
@pytest.mark.parametrize(
    "step", ["input", "r", "z", "y", "through", "mean", "product", "grad_input", "sums"]
)
@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid")
def test_so_it_is_in_gradients(step, rounding):
    random = np.random.default_rng(7)
    way = {"statistics": two_passes(rising), **BACK_WAYS["rising"], "rounded": {step: rounding}}
    found = sum(excess(BACKWARD, each, back(each, random, **way)) > 1 for each in ASSIGNED_BACK)
    assert found > len(ASSIGNED) // 5


@pytest.mark.parametrize("size", [1.25, -1.25, 0.7, 1e-3, 0.0])
def test_rows_of_equal_numbers_are_right_in_one_pass(size):
    """Where it loses most: all that is left of the variance is its rounding, beside 1e-5."""
    random = np.random.default_rng(7)
    for sizes in (LARGE, BOOK, SIZES[1]):
        for near in (0, 1e-7, 1e-4):
            inputs = drawn(FUSED, sizes, Values.REALS, 3)
            rows = F(size) * (1 - near * random.random(inputs["input"].shape))
            inputs["input"] = rows.astype(F)
            for program in RIGHT.values():
                assert excess(FUSED, inputs, {"output": program(inputs, random)}) < 0.5
            assert Positions.of(inputs).unsure.max() < 0.42


# Its mistakes.


def answers_of(part, mistake, inputs, sizes):
    """What a mistake gives by the outputs, the right values where it does not say."""
    first = part.outputs[0].name
    with np.errstate(all="ignore"):
        given = mistake.outputs(inputs, sizes, first=first)
        unsaid = mistake.open(inputs, sizes) if mistake.open is not None else np.zeros(1, bool)
    right = part.expected(inputs, sizes)
    return {
        name: np.where(unsaid, right[name].value.ravel(), np.asarray(each).ravel()).reshape(
            right[name].value.shape
        )
        for name, each in (given or {}).items()
    }


MISTAKES = [(part, each) for part in (FUSED, BACKWARD) for each in part.mistakes]
IDS = [f"{part.name} {each.name}" for part, each in MISTAKES]


@pytest.mark.parametrize(("part", "mistake"), MISTAKES, ids=IDS)
def test_a_mistake_is_found_in_what_is_drawn(part, mistake):
    inputs = ASSIGNED if part is FUSED else ASSIGNED_BACK
    wrong = (
        each for each in inputs if excess(part, each, answers_of(part, mistake, each, BOOK)) > 1
    )
    assert len(list(islice(wrong, 3))) == 3


@pytest.mark.parametrize(("part", "mistake"), MISTAKES, ids=IDS)
def test_a_mistake_says_something_or_nothing_at_every_size(part, mistake):
    for sizes in SIZES:
        inputs = drawn(part, sizes, Values.REALS, seed=3)
        shapes = {spec.name: spec.extents(sizes) for spec in part.outputs}
        for name, answer in answers_of(part, mistake, inputs, sizes).items():
            assert answer.shape == shapes[name]


@pytest.mark.parametrize("seed", ["one", "two", "three"])
def test_the_variance_for_its_root_is_named_however_the_kernel_rounds(seed):
    def program(right, inputs, sizes):
        x, count = inputs["input"], F(sizes["hidden_dim"])
        mean = x.sum(axis=-1, dtype=F, keepdims=True) / count
        variance = (x * x).sum(axis=-1, dtype=F, keepdims=True) / count - mean * mean
        scale = F(1) / (variance + F(EPSILON))
        y = (x - mean) * scale * inputs["ln_weight"] + inputs["ln_bias"]
        return y.astype(F) @ inputs["linear_weight"].T + inputs["linear_bias"]

    known = named(UNFUSED, program, seed)
    assert known is not None
    assert known.name == "no-root"


@pytest.mark.parametrize("values", KINDS)
@pytest.mark.parametrize("part", [FUSED, BACKWARD], ids=["forward", "backward"])
def test_drawn_inputs_are_in_the_domain(part, values):
    for seed in range(40):
        inputs = drawn(part, BOOK, values, seed)
        assert all(spec.domain.contains(inputs[spec.name], BOOK) for spec in part.inputs)
        if values is Values.INTEGERS:
            assert all((array == np.rint(array)).all() for array in inputs.values())


@pytest.mark.parametrize("values", KINDS)
@given(st.data())
def test_so_are_those_that_hypothesis_draws(values, data):
    for spec in BACKWARD.inputs:
        array = data.draw(spec.domain.strategy(spec.array_spec(BOOK, values)))
        assert spec.domain.contains(array, BOOK)


def test_the_boundaries_tell_the_sizes_apart():
    assert any(len(set(sizes.values())) == 4 for sizes in SIZES)
    assert any(sizes["hidden_dim"] > sizes["output_dim"] for sizes in SIZES)
    assert any(sizes["hidden_dim"] < sizes["output_dim"] for sizes in SIZES)
    # So many sizes that they are sampled: each is a compile of all kernels.
    assert not FUSED.enumerable
