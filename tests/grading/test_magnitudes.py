"""Inputs of every magnitude: what they are, and which mistakes they show."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from grader.device import Finding, FindingKind
from grader.errors import Undecided
from grader.grading import inputs, plan, seeds
from grader.grading.cases import KINDS, drawn, patterned, singular
from grader.grading.inputs import Pattern
from grader.grading.observe import compare
from grader.grading.verdict import refuse_undecided
from grader.model.cases import Case
from grader.model.domains import Values
from grader.model.part import Scope
from grader.puzzles.conv1d import PART, PUZZLE
from grader.puzzles.conv1d.bound import reference
from grader.record import Status, Verdict
from tests.grading.scripted import ScriptedLane, grade, right

F32 = np.finfo(np.float32)
TINY = float(F32.tiny)
SHAPES = plan.draw(PUZZLE, seed="s", own_kernel={"conv1d"})
PLACES = {"input": "input", "kernel": "conv"}
"""The inputs, and what their sizes are called."""


def failed(scored):
    return {check.id for check in scored.checks if check.status is Status.FAILED}


# ---- the cases ----


def test_every_single_term_decides_at_every_size():
    """The reference without one term, any of them, is further off than rounding allows; even if
    rounding took it back towards the right answer."""
    random = seeds.generator("s", "sweep")
    for shape in SHAPES:
        case = drawn(shape, Values.REALS, random)
        expected = PART.expected(case.inputs, shape.sizes)["output"]
        assert expected.decided.all()
        assert not expected.may_be_nan.any()
        n, m = shape.sizes["input_size"], shape.sizes["conv_size"]
        for j in range(m):
            without = np.array(case.inputs["kernel"])
            without[j] = 0
            dropped = reference({**case.inputs, "kernel": without}, shape.sizes)
            has_it = np.arange(n) + j < n
            assert (np.abs(dropped - expected.value) > 2 * expected.allowed)[has_it].all(), (n, m)


def test_a_wide_spread_of_magnitudes_would_hide_terms():
    """Why the sweep has cases of one magnitude, too."""
    random = seeds.generator("s", "mixed")
    hidden = 0
    for shape in SHAPES:
        case = patterned(shape, Pattern.MIXED, Values.REALS, random)
        expected = PART.expected(case.inputs, shape.sizes)["output"]
        without = np.array(case.inputs["kernel"])
        without[-1] = 0
        dropped = reference({**case.inputs, "kernel": without}, shape.sizes)
        hidden += bool((np.abs(dropped - expected.value) <= expected.allowed).any())
    assert hidden > len(SHAPES) / 4


def test_magnitudes_reach_from_one_end_to_the_other():
    random = seeds.generator("s", "ends")
    level, mixed = [], []
    for shape in SHAPES:
        level += [abs(drawn(shape, Values.REALS, random).inputs["input"]).max()]
        case = patterned(shape, Pattern.MIXED, Values.REALS, random)
        mixed += [abs(array).ravel() for array in case.inputs.values()]
    exponents = np.log2(np.array(level, np.float64))
    assert exponents.min() < -60
    assert exponents.max() > 60
    every = np.concatenate(mixed)
    assert every.min() < TINY / 4
    assert every.max() > 1e30


@pytest.mark.parametrize("values", [Values.INTEGERS, Values.REALS])
@pytest.mark.parametrize("pattern", Pattern)
def test_a_pattern_is_decided_and_exact_where_it_is_whole(pattern, values):
    random = seeds.generator("s", f"{pattern}")
    for shape in SHAPES:
        case = patterned(shape, pattern, values, random)
        expected = PART.expected(case.inputs, shape.sizes)["output"]
        assert expected.decided.all()
        assert not expected.may_be_nan.any()
        assert all(np.isfinite(array).all() for array in case.inputs.values())
        if values is Values.INTEGERS:
            assert expected.exact.all()
        elif pattern in (Pattern.MIXED, Pattern.SUBNORMAL):
            assert not expected.exact.all()


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_inputs_that_could_be_singled_out_are_decided_and_exact_where_they_are_whole(kind):
    random = seeds.generator("s", f"{kind}")
    for shape in SHAPES:
        case = singular(shape, kind, random, list(Values))
        expected = PART.expected(case.inputs, shape.sizes)["output"]
        if case.values is not Values.SPECIAL:
            assert expected.decided.all()
            assert not expected.may_be_nan.any()
        if case.values is Values.INTEGERS:
            assert expected.exact.all()


def test_whole_numbers_reach_the_ends_of_what_is_exact():
    random = seeds.generator("s", "whole")
    for shape in SHAPES:
        room = 2**24 // shape.sizes["conv_size"]
        ends = patterned(shape, Pattern.ENDS, Values.INTEGERS, random)
        largest = sorted(float(abs(array).max()) for array in ends.inputs.values())
        assert largest == [1, room]
        case = drawn(shape, Values.INTEGERS, random)
        assert PART.expected(case.inputs, shape.sizes)["output"].exact.all()
        assert all(abs(array).max() >= 100 for array in case.inputs.values())
    assert (
        patterned(SHAPES[0], Pattern.ENDS, Values.INTEGERS, random).inputs["input"].dtype
        == np.float32
    )


def test_limits_to_try_are_exact_and_reach_the_end():
    for shape in SHAPES:
        terms = shape.sizes["conv_size"]
        tried = inputs.limits_to_try(PART, shape.sizes)
        products = [limits["input"] * limits["kernel"] * terms for limits in tried]
        assert tried[0] == {"input": 100, "kernel": 100}
        assert max(products) > 2**24 * 0.99
        assert max(products) <= 2**24


# ---- mistakes ----


def with_inputs(change):
    """A right kernel that reads its inputs otherwise."""

    def program(given, sizes, variant):
        with np.errstate(all="ignore"):
            changed = {name: change(array).astype(np.float32) for name, array in given.items()}
            return right(changed, sizes, variant)

    return program


def where_input(condition):
    """Right but for the first output, where the input fulfils a condition."""

    def program(given, sizes, variant):
        answer = right(given, sizes, variant)
        with np.errstate(all="ignore"):
            if condition(given["input"].astype(np.float64)):
                answer[0] = answer[0] * np.float32(1.5) + np.float32(1)
        return answer

    return program


def in_16_bits(array):
    return array.astype(np.float64).astype(np.int64).astype(np.int16)


def at_several(array):
    return array.size > 2


MISTAKES = {
    "inputs above 5000 are cut off": with_inputs(lambda a: np.clip(a, -5000, 5000)),
    "inputs above 2048 lose their last digits": with_inputs(
        lambda a: np.where(abs(a) > 2048, a.astype(np.float16), a)
    ),
    "inputs are cut off at a thousand millions": with_inputs(lambda a: np.clip(a, -1e9, 1e9)),
    "inputs above 1e30 count as infinite": with_inputs(
        lambda a: np.where(abs(a) > 1e30, np.inf * np.sign(a), a)
    ),
    "inputs below a millionth count as zero": with_inputs(lambda a: np.where(abs(a) < 1e-6, 0, a)),
    "inputs below 1e-30 lose their sign": with_inputs(
        lambda a: np.where(abs(a) < 1e-30, abs(a), a)
    ),
    "subnormal inputs lose their sign": with_inputs(lambda a: np.where(abs(a) < TINY, abs(a), a)),
    "the largest number is one too small": where_input(lambda a: abs(a).max() >= float(F32.max)),
    "equal values": where_input(lambda a: at_several(a) and (a == a[0]).all()),
    "rising values": where_input(lambda a: at_several(a) and (np.diff(a) > 0).all()),
    "alternating signs": where_input(lambda a: at_several(a) and (a[1:] * a[:-1] < 0).all()),
    "one value among zeros": where_input(lambda a: at_several(a) and np.count_nonzero(a) == 1),
    "large and small values at once": where_input(lambda a: np.ptp(np.log2(abs(a) + 1e-45)) > 99),
}  # fmt: skip
WHOLE_MISTAKES = {
    "whole numbers of 16 bits": lambda given, sizes, variant: (
        with_inputs(in_16_bits)(given, sizes, variant)
        if all((array == np.rint(array)).all() for array in given.values())
        else right(given, sizes, variant)
    ),
    "sums above a million are rounded to thousands": lambda given, sizes, variant: np.where(
        abs(right(given, sizes, variant)) > 1e6,
        np.rint(right(given, sizes, variant) / 1000) * np.float32(1000),
        right(given, sizes, variant),
    ).astype(np.float32),
    "sums end at 2 ** 23": lambda given, sizes, variant: np.clip(
        right(given, sizes, variant), -(2**23), 2**23
    ),
}


@pytest.mark.parametrize("program", MISTAKES.values(), ids=MISTAKES)
@pytest.mark.parametrize("sample", [False, True])
def test_a_mistake_at_some_magnitudes_alone_is_found(program, sample):
    results, scored = grade(ScriptedLane(program), kernel_unchanged=sample, sample=sample)
    refuse_undecided(results)
    assert failed(scored) & {"integers", "reals"}
    assert scored.verdict is Verdict.FAIL


@pytest.mark.parametrize("program", WHOLE_MISTAKES.values(), ids=WHOLE_MISTAKES)
def test_a_mistake_with_large_whole_numbers_is_found(program):
    results, scored = grade(ScriptedLane(program))
    refuse_undecided(results)
    assert "integers" in failed(scored)


@pytest.mark.parametrize(
    "size", [(15, 15), (30, 9), (30, 14), (15, 2), (30, 4), (30, 15), (15, 11), (30, 6)]
)
def test_a_term_left_out_at_one_size_fails_real_numbers(size):
    def without_last(given, sizes, variant):
        if (sizes["input_size"], sizes["conv_size"]) != size:
            return right(given, sizes, variant)
        kernel = np.array(given["kernel"])
        kernel[-1] = 0
        return right({**given, "kernel": kernel}, sizes, variant)

    _, scored = grade(ScriptedLane(without_last))
    assert failed(scored) >= {"integers", "reals"}


# ---- right programs ----


def flush(value):
    return np.where(np.abs(value) < F32.tiny, np.float32(0), value).astype(np.float32)


def by_terms(given, sizes, *, order=1, read=np.asarray, keep=np.asarray, kind=np.float32):
    """Sums in single steps."""
    n, m = sizes["input_size"], sizes["conv_size"]
    values, kernel = read(given["input"]).astype(kind), read(given["kernel"]).astype(kind)
    total = np.zeros(n, kind)
    with np.errstate(all="ignore"):
        for j in list(range(m))[::order]:
            length = max(0, n - j)
            total[:length] = keep(total[:length] + keep(values[j:] * kernel[j])[:length])
        return total.astype(np.float32)


RIGHT = {
    "in order": lambda given, sizes, variant: by_terms(given, sizes),
    "backwards": lambda given, sizes, variant: by_terms(given, sizes, order=-1),
    "in double precision": lambda given, sizes, variant: by_terms(given, sizes, kind=np.float64),
    "operands flushed": lambda given, sizes, variant: by_terms(given, sizes, read=flush),
    "results flushed": lambda given, sizes, variant: by_terms(given, sizes, keep=flush),
    "all flushed": lambda given, sizes, variant: by_terms(
        given, sizes, order=-1, read=flush, keep=flush
    ),
}


@pytest.mark.parametrize("program", RIGHT.values(), ids=RIGHT)
def test_every_order_and_every_flushing_is_right(program):
    _, scored = grade(ScriptedLane(program))
    assert (scored.verdict, scored.score, scored.extra_score) == (Verdict.PASS, 100, 10)


# ---- other algorithms, equal in exact arithmetic ----


def f32(value):
    return np.asarray(value).astype(np.float32)


def by_tiles(tile, taps):
    """Two outputs and some taps at a time; ``tile`` gives the two of a window and these taps."""

    def program(given, sizes, variant):
        n, m = sizes["input_size"], sizes["conv_size"]
        values = np.concatenate([given["input"], np.zeros(n + 2 * m, np.float32)])
        total = np.zeros(n + 1, np.float32)
        with np.errstate(all="ignore"):
            for i in range(0, n, 2):
                for j in range(0, m, taps):
                    kernel = np.resize(given["kernel"][j : j + taps], taps)
                    kernel[len(given["kernel"][j : j + taps]) :] = 0
                    pair = tile(values[i + j : i + j + taps + 1], kernel)
                    total[i : i + 2] = total[i : i + 2] + np.array(pair, np.float32)
        return total[:n]

    return program


def karatsuba(d, g):
    both = d[1] * (g[0] + g[1])
    return (d[0] - d[1]) * g[0] + both, both + (d[2] - d[1]) * g[1]


def product(one, other):
    """Of two polynomials of equal length, by halves."""
    half = len(one) // 2
    if not half:
        return one * other
    low, high = product(one[:half], other[:half]), product(one[half:], other[half:])
    both = product(one[:half] + one[half:], other[:half] + other[half:]) - low - high
    total = np.zeros(4 * half - 1, np.float32)
    total[: 2 * half - 1], total[2 * half :] = low, high
    total[half : 3 * half - 1] += both
    return total


def by_halves(given, sizes, variant):
    """Karatsuba's algorithm over the whole length."""
    n, m = sizes["input_size"], sizes["conv_size"]
    padded = np.zeros((2, 32), np.float32)
    padded[0, :n], padded[1, :m] = given["input"], given["kernel"][::-1]
    with np.errstate(all="ignore"):
        return product(*padded)[m - 1 : m - 1 + n]


def winograd(d, g):
    plus = (d[1] + d[2]) * ((g[0] + g[1] + g[2]) / np.float32(2))
    minus = (d[2] - d[1]) * ((g[0] - g[1] + g[2]) / np.float32(2))
    return (d[0] - d[2]) * g[0] + plus + minus, plus - minus - (d[1] - d[3]) * g[2]


def transform(values, sign, keep):
    if len(values) == 1:
        return values
    even, odd = transform(values[::2], sign, keep), transform(values[1::2], sign, keep)
    turns = sign * 2j * np.pi * np.arange(len(even)) / len(values)
    odd = keep(odd * np.exp(turns).astype(np.complex64))
    return keep(np.concatenate([even + odd, even - odd]))


def fourier(given, sizes, variant, *, keep=np.asarray):
    n, m = sizes["input_size"], sizes["conv_size"]
    padded = np.zeros((2, 64), np.complex64)
    padded[0, :n], padded[1, :m] = given["input"], given["kernel"][::-1]
    with np.errstate(all="ignore"):
        one, other = (transform(keep(each), -1, keep) for each in padded)
        answer = transform(keep(one * other), 1, keep) / np.float32(64)
        return f32(keep(answer).real[m - 1 : m - 1 + n])


class Flushed:
    """A number whose operations take what is not normal for zero, and leave zero in its place."""

    def __init__(self, value):
        self.value = flush(value)

    def __add__(self, other):
        return Flushed(self.value + other.value)

    def __sub__(self, other):
        return Flushed(self.value - other.value)

    def __mul__(self, other):
        return Flushed(self.value * other.value)

    def __truediv__(self, other):
        return Flushed(self.value / other)


def flushing(tile):
    def flushed(d, g):
        pair = tile([Flushed(each) for each in d], [Flushed(each) for each in g])
        return [each.value for each in pair]

    return flushed


def flush_both(values):
    return (flush(values.real) + 1j * flush(values.imag)).astype(np.complex64)


def too_large(given, sizes, variant):
    """By eight roundings: a mistake, and another algorithm may give it."""
    return f32(right(given, sizes, variant) * (1 + 2.0**-21))


OTHER = {
    "Karatsuba": by_tiles(karatsuba, 2),
    "Karatsuba, by halves": by_halves,
    "Winograd": by_tiles(winograd, 3),
    "Fourier": fourier,
    "a little too large": too_large,
}


@pytest.mark.parametrize("program", OTHER.values(), ids=OTHER)
@pytest.mark.parametrize("seed", ["a", "b"])
def test_what_another_algorithm_may_give_gets_no_mark_and_no_blame(program, seed):
    results, _ = grade(ScriptedLane(program), seed=seed)
    with pytest.raises(Undecided, match=r"can't be told.*case \d+ \(input_size \d+, conv_size"):
        refuse_undecided(results)


FLUSHING = {
    "Karatsuba": by_tiles(flushing(karatsuba), 2),
    "Winograd": by_tiles(flushing(winograd), 3),
    "Fourier": functools.partial(fourier, keep=flush_both),
}


@pytest.mark.parametrize("program", FLUSHING.values(), ids=FLUSHING)
@pytest.mark.parametrize("small", ["input", "kernel"])
@pytest.mark.parametrize("most", [-127, -125, -122, -110])
def test_what_another_algorithm_flushes_on_the_way_is_not_called_a_mistake(program, small, most):
    """Sums of small elements may end below the normal numbers, and are to be multiplied then."""
    random = seeds.generator("s", f"{small} {most}")
    for shape in SHAPES:
        drawn_from = {name: (most - 3, most) if name == small else (90, 100) for name in PLACES}
        given = {
            name: f32(np.exp2(random.uniform(*drawn_from[name], shape.sizes[f"{size}_size"])))
            * f32(random.choice([-1, 1], shape.sizes[f"{size}_size"]))
            for name, size in PLACES.items()
        }
        case = Case(shape=shape, values=Values.REALS, inputs=given)
        compared = compare(case, (program(given, shape.sizes, 0),))[0]
        assert compared.right or compared.rearranged, dict(shape.sizes)


@pytest.mark.parametrize("small", ["input", "kernel"])
def test_no_rounding_turns_the_sign_where_one_input_is_subnormal(small):
    random = seeds.generator("s", small)
    for shape in SHAPES:
        sizes = {name: shape.sizes[f"{size}_size"] for name, size in PLACES.items()}
        given = {name: f32(np.exp2(random.uniform(90, 100, sizes[name]))) for name in PLACES}
        given[small] = f32(-np.exp2(random.uniform(-140, -127, sizes[small])))
        case = Case(shape=shape, values=Values.REALS, inputs=given)
        compared = compare(case, (abs(right(given, shape.sizes, 0)),))[0]
        assert not compared.right
        assert not compared.rearranged, dict(shape.sizes)


@pytest.mark.parametrize("program", OTHER.values(), ids=OTHER)
def test_another_algorithm_with_a_mistake_is_wrong(program):
    """One tap is left out at one size."""

    def without_last(given, sizes, variant):
        if (sizes["input_size"], sizes["conv_size"]) != (30, 13):
            return program(given, sizes, variant)
        kernel = np.array(given["kernel"])
        kernel[-1] = 0
        return program({**given, "kernel": kernel}, sizes, variant)

    results, scored = grade(ScriptedLane(without_last))
    refuse_undecided(results)
    assert failed(scored) >= {"integers", "reals"}


def test_elements_that_are_not_decided_are_said():
    results, scored = grade(ScriptedLane())
    tally = results.tally("reals")
    assert 0 < tally.not_compared < tally.elements / 4
    (reals,) = (check for check in scored.checks if check.id == "reals")
    assert (
        f"{tally.not_compared:,} of {tally.elements:,} elements were not compared" in reals.sentence
    )
    (integers,) = (check for check in scored.checks if check.id == "integers")
    assert "not compared" not in integers.sentence


@pytest.mark.parametrize("kind", [FindingKind.OUT_OF_BOUNDS, FindingKind.RACE])
def test_what_is_wrong_with_right_values_is_no_matter_of_rounding(kind):
    """Beyond the task all that is wrong counts for one check, also where every value is right."""

    def unclean(sizes):
        beyond = PART.scope(sizes) is Scope.ROBUST
        return (Finding(kind=kind, message="here", kernel="k"),) if beyond else ()

    results, scored = grade(ScriptedLane(findings=unclean))
    (robust,) = (check for check in scored.checks if check.id == "robust")
    assert robust.status is Status.FAILED
    refuse_undecided(results)
