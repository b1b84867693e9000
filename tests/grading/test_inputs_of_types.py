"""Factors of every type: what is drawn leaves room for the sums of their products."""

from __future__ import annotations

import hypothesis
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase

from grader.grading import cases, host_help, inputs
from grader.model.cases import PlannedShape
from grader.model.code import Op
from grader.model.domains import Bits, Flags, Values
from grader.model.expected import ExpectedOutput
from grader.model.numbers import DTYPES, FLOATS, INTEGERS, range_of
from grader.model.part import Part, Size, TensorSpec
from tests.grading.scripted import ScriptedLane

SIZES = {"n": 7}
KINDS = (Values.INTEGERS, Values.REALS)


def shape_of(dtype, *, factors, terms, integers=(-100, 100), **more):
    spec = {"dtype": dtype, "shape": ("n",)}
    part = Part(
        name="p", title="the op p", formula="", domain="", code=Op(name="p"),
        tensors=(
            TensorSpec(name="o", role="output", **spec),
            *(TensorSpec(name=name, role="input", **spec, **more) for name in "abc"[:factors]),
        ),
        sizes=(Size(name="n", low=1, high=10),),
        assigned=lambda sizes: True,
        boundaries=(SIZES,),
        terms=lambda sizes: terms,
        integers=integers,
        expected=lambda found, sizes: {"o": ExpectedOutput.exactly(found["a"])},
    )  # fmt: skip
    return PlannedShape(number=0, part=part, sizes=SIZES, origin="boundary")


def leaves_room(found, terms: int, *, exact: bool) -> bool:
    """Whether any sum of the products is finite, and exact where it should be."""
    product = np.longdouble(terms)
    for array in found.values():
        product *= np.abs(array.astype(np.longdouble)).max()
    limits = range_of(array.dtype.name)
    return bool(product <= (limits.exact if exact else np.longdouble(limits.largest)))


def drawn_cases(shape: PlannedShape, kind: Values, random: np.random.Generator):
    part = shape.part
    yield inputs.drawn(part, SIZES, kind, random)
    for pattern in inputs.Pattern:
        yield inputs.patterned(part, SIZES, pattern, random, whole=kind is Values.INTEGERS)


@pytest.mark.parametrize("integers", [(-100, 100), (0, 100), (1, 5), (-10, 0)])
@pytest.mark.parametrize("terms", [1, 100, 2000])
@pytest.mark.parametrize("dtype", [*FLOATS, *INTEGERS])
def test_no_sum_of_products_overflows(dtype, terms, integers) -> None:
    for factors in (1, 2, 3) if terms <= range_of(dtype).exact else ():
        shape = shape_of(dtype, factors=factors, terms=terms, integers=integers)
        random = np.random.default_rng(terms)
        for kind in KINDS:
            for found in drawn_cases(shape, kind, random):
                assert leaves_room(found, terms, exact=kind is Values.INTEGERS)
        assert leaves_room(host_help.reference(shape, random).inputs, terms, exact=False)
        for number in range(len(cases.KINDS)):
            case = cases.singular(shape, number, random, KINDS)
            assert leaves_room(case.inputs, terms, exact=False)


@pytest.mark.parametrize("terms", [1, 2000])
@pytest.mark.parametrize("dtype", [*FLOATS, "uint32"])
def test_nor_does_one_that_hypothesis_draws(dtype, terms) -> None:
    for factors in (1, 2, 3) if terms <= range_of(dtype).exact else ():
        shape = shape_of(dtype, factors=factors, terms=terms, integers=(0, 100))
        for kind in (*KINDS, Values.SPECIAL):
            found = []

            @hypothesis.settings(
                max_examples=8, database=None, deadline=None, phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            @hypothesis.seed(1)
            @hypothesis.given(cases.cases([shape], kind))
            def draw(case) -> None:
                found.append(case)  # noqa: B023 - called below

            draw()
            if kind in KINDS:
                exact = kind is Values.INTEGERS
                assert all(leaves_room(case.inputs, terms, exact=exact) for case in found)


@pytest.mark.parametrize("dtype", DTYPES)
def test_cases_of_the_same_kind_are_found_for_every_type(dtype):
    """By which a host that helps is told; those of flags could not be doubled."""
    domain = Flags() if dtype == "bool" else Bits()
    shape = shape_of(dtype, factors=1, terms=1, domain=domain)
    random = np.random.default_rng(0)
    host = host_help.Host(ScriptedLane(), random, run=lambda case: None, observe=lambda run: None)
    case = cases.drawn(shape, Values.INTEGERS, random)
    for other in host._kins(case):
        assert other.inputs["a"].dtype == case.inputs["a"].dtype


def test_the_reference_of_a_large_part_comes_to_an_end() -> None:
    shape = shape_of("float32", factors=2, terms=1)
    large = PlannedShape(number=0, part=shape.part, sizes={"n": 100_000}, origin="boundary")
    found = host_help.reference(large, np.random.default_rng(0)).inputs
    assert len(np.unique(np.concatenate([found["a"], found["b"]]))) > 199_000
