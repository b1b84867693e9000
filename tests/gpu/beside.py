"""The kernels that the tests of the software device launch, on a real GPU too.

    pytest tests/device --exhaustive --beside-gpu

A launch that ends without a finding has to leave the same bytes there. Numbers of type float may
differ by what approximate instructions may (docs/device-arithmetic.md).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.device import kernels
from tests.gpu.driver import Driver, DriverError

_APPROXIMATE = 1e-5
_NEWER = re.compile(r"cluster|mapa|getctarank|stmatrix|try_wait|_tx\b|(acquire|relaxed)\.c")
"""Of instructions that PTX for an A100, which the tests write, does not have."""
_driver = Driver()
_compared = 0
_lost = False


def _also(
    text: str,
    entry: str,
    buffers: Sequence[NDArray[Any] | int],
    shared_bytes: int,
    here: kernels.Outcome,
) -> None:
    global _compared, _lost
    if _NEWER.search(text):
        return
    if _lost or here.result or here.findings or any(isinstance(buffer, int) for buffer in buffers):
        return
    arrays = [buffer for buffer in buffers if not isinstance(buffer, int)]
    launch = here.launch
    try:
        with _driver.module(text) as module:
            there = _driver.launch(
                module,
                entry,
                arrays,
                grid=launch.grid,
                block=launch.block,
                shared_bytes=shared_bytes,
            )
    except DriverError:
        _lost = True  # the error of a kernel stays for as long as the process
        raise
    _compared += 1
    for mine, its in zip(here.buffers, there, strict=True):
        rtol = _APPROXIMATE if mine.dtype.kind == "f" else 0
        np.testing.assert_allclose(its.ravel(), mine, rtol=rtol, err_msg="GPU beside the device")


def begin() -> None:
    """From now on, each launch of the tests is compared."""
    kernels.BESIDE.append(_also)


def summary() -> str:
    """How many launches were compared, so that none is not taken for all."""
    lost = "; then one failed there, and none after it could be compared" if _lost else ""
    return f"{_compared} launches ran on the GPU too{lost}"
