"""The kernels that the tests of the software device launch, on a real GPU too.

    pytest tests/device --exhaustive --beside-gpu

A launch that ends without a finding has to leave the same bytes there. Numbers of type float may
differ by what approximate instructions may (docs/device-arithmetic.md).
"""

from __future__ import annotations

import numpy as np

from tests.device.kernels import BESIDE, Launched
from tests.gpu.driver import Driver, DriverError

_APPROXIMATE = 1e-5
_driver = Driver()
_compared = 0
_lost = False


def _also(launched: Launched) -> None:
    global _compared, _lost
    here, buffers = launched.outcome, launched.buffers
    if _lost or here.result or here.findings or any(isinstance(buffer, int) for buffer in buffers):
        return
    arrays = [buffer for buffer in buffers if not isinstance(buffer, int)]
    try:
        with _driver.module(launched.text) as module:
            there = _driver.launch(
                module,
                launched.entry,
                arrays,
                grid=here.launch.grid,
                block=here.launch.block,
                shared_bytes=launched.shared_bytes,
                cluster=launched.cluster,
            )
    except DriverError as error:
        _lost = not error.of_module  # the error of a kernel stays for as long as the process
        raise
    _compared += 1
    for mine, its in zip(here.buffers, there, strict=True):
        rtol = _APPROXIMATE if mine.dtype.kind == "f" else 0
        np.testing.assert_allclose(its.ravel(), mine, rtol=rtol, err_msg="GPU beside the device")


def begin() -> None:
    """From now on, each launch of the tests is compared."""
    BESIDE.append(_also)


def summary() -> str:
    """How many launches were compared, so that none is not taken for all."""
    lost = "; then one failed there, and none after it could be compared" if _lost else ""
    return f"{_compared} launches ran on the GPU too{lost}"
