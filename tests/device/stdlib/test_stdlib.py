"""What the toolchain's standard library becomes in a kernel runs on the device.

One probe for each part of it, compiled for real. The compiler refuses the rest of std.math in
a kernel itself (tan, atan, gamma, j0 and the like).
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.device.kernels import Outcome, run_text
from tests.device.stdlib.compiled import compiled, kernels, modules
from tests.device.stdlib.expected import PROBES, Probe, of_bfloat16

ALL = {(module, name) for module in modules() for name in kernels(module)}
# Of what NumPy has for every type of number, the compiler refuses some in a kernel.
THERE = sorted(key for key in PROBES if (key[0].rstrip("!"), key[1]) in ALL)


def test_every_kernel_has_an_expectation_and_the_reverse() -> None:
    assert {(module.rstrip("!"), name) for module, name in THERE} == ALL


def _run(module: str, name: str, probe: Probe) -> Outcome:
    text = compiled(module.rstrip("!"))[name]
    return run_text(text, probe.buffers, block=(probe.threads, 1, 1))


@pytest.mark.exhaustive
@pytest.mark.parametrize(("module", "name"), THERE, ids=lambda part: part)
def test_a_kernel_of_the_standard_library(module: str, name: str) -> None:
    probe = PROBES[module, name]
    outcome = _run(module, name, probe)
    assert outcome.result == probe.result, outcome.findings
    assert set(outcome.kinds) <= probe.kinds, outcome.findings
    if probe.printed is not None:
        assert outcome.launch.printed == probe.printed
    if probe.wanted is not None:
        got = outcome.buffers[0]
        if got.dtype == np.uint16:
            got = of_bfloat16(got)
        np.testing.assert_allclose(
            got.astype(np.float64) if got.dtype.kind == "f" else got,
            probe.wanted,
            rtol=probe.rtol,
            atol=probe.atol,
        )


@pytest.mark.exhaustive
def test_random_numbers_have_their_distribution() -> None:
    uniform = _run("random", "uniform", PROBES["random", "uniform"]).buffers[0]
    assert 0 <= uniform.min() < 0.05
    assert 0.95 < uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 0.06
    normal = _run("random", "normal", PROBES["random", "normal"]).buffers[0]
    assert np.isfinite(normal).all()
    assert abs(normal.mean()) < 0.15
    assert abs(normal.std() - 1) < 0.15


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("assert_values", "negative value at 5: -6"),
        ("assert_text", "negative"),
        ("abort_text", "negative"),
        ("abort_values", "negative -1"),
    ],
)
def test_what_a_failed_assertion_says_is_printed(name: str, said: str) -> None:
    assert said in _run("stopping", name, PROBES["stopping!", name]).launch.printed
