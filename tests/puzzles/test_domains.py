"""Every domain with every type of numbers: what is drawn is allowed, and can be drawn."""

from __future__ import annotations

import hypothesis
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase

from grader.model.domains import ArraySpec, Between, Bits, Flags, Indices, Sorted, Values
from grader.model.numbers import DTYPES, FLOATS, dtype_of, range_of

SIZES = {"n": 5}


def domains(dtype: str):
    largest = range_of(dtype).largest
    yield from (Indices("n"), Bits(), Flags(), Sorted(Bits()))
    for low, high in [
        (0, 10), (-5, 5), (-2.5, 2.5), (0.1, 0.3), (1.0, 1.0001), (1e-9, 1.1e-9), (0, 1e-7),
        (-0.5, 0.5), (0, 1), (0, largest), (-largest, largest), (-largest / 3, largest / 3),
    ]:  # fmt: skip
        yield Between(low, high)
        yield Between(low, high, nonzero=True, special=dtype in FLOATS)
    yield Sorted(Between(-largest, largest))


def sound(domain, dtype: str) -> bool:
    return not list(domain.problems(dtype, ("n",), {"n": 9}))


def check(array, domain, dtype: str, shape: tuple[int, ...], values: Values) -> None:
    assert (array.shape, array.dtype) == (shape, dtype_of(dtype))
    if values is not Values.SPECIAL:
        assert domain.contains(array, SIZES)
        assert np.isfinite(array.astype(np.float64)).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_drawn_is_of_the_domain(dtype) -> None:
    tried = [domain for domain in domains(dtype) if sound(domain, dtype)]
    for domain in tried:
        for values in (Values.INTEGERS, Values.REALS, Values.SPECIAL):
            for shape in ((1,), (3, 4), (100,)):
                random = np.random.default_rng(1)
                drawn = domain.draw(ArraySpec(dtype, shape, SIZES, values), random)
                check(drawn, domain, dtype, shape, values)
    assert len(tried) >= 2


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_hypothesis_draws_is_of_the_domain(dtype) -> None:
    for domain in domains(dtype):
        if not sound(domain, dtype):
            continue
        for values in (Values.INTEGERS, Values.REALS, Values.SPECIAL):
            found = []

            @hypothesis.settings(
                max_examples=3, database=None, deadline=None, phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            @hypothesis.seed(1)
            @hypothesis.given(domain.strategy(ArraySpec(dtype, (4,), SIZES, values)))
            def draw(array) -> None:
                found.append(array)  # noqa: B023 - called below

            draw()
            for array in found:
                check(array, domain, dtype, (4,), values)


@pytest.mark.parametrize(
    ("dtype", "domain"),
    [
        ("int8", Between(0.1, 0.3)),
        ("uint8", Between(0, 0.5, nonzero=True)),
        ("float16", Between(1e-9, 1.1e-9)),
        ("bfloat16", Between(1.0001, 1.0002)),
    ],
)
def test_a_domain_without_a_number_is_wrong(dtype, domain) -> None:
    assert "no number" in "".join(domain.problems(dtype, ("n",), {"n": 9}))


def test_whole_numbers_of_a_floating_type_are_those_that_it_holds() -> None:
    for dtype in FLOATS:
        most = range_of(dtype).exact
        domain = Between(-range_of(dtype).largest, range_of(dtype).largest)
        array = domain.draw(
            ArraySpec(dtype, (50,), SIZES, Values.INTEGERS), np.random.default_rng(0)
        )
        assert np.abs(array.astype(np.float64)).max() <= most
