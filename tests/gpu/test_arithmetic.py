"""The arithmetic of the software device is a real GPU's, bit for bit where it is exact."""

from __future__ import annotations

import pytest

from grader.grading import gpu
from tests.gpu.arithmetic import everything
from tests.gpu.driver import Driver

pytestmark = pytest.mark.skipif(not gpu.probe().name, reason=f"no GPU: {gpu.probe().why}")

KNOWN = {
    # A GPU adds to a NaN's bits as to a number's: a payload in the low bits alone becomes infinity.
    "cvt.rna.tf32.f32",
}


def test_every_opcode_gives_what_a_gpu_gives() -> None:
    found = list(everything(Driver()))
    differing = {each.opcode: each.example for each in found if each.differing}
    assert differing.keys() <= KNOWN, differing
    refused = [each.opcode for each in found if each.refused]
    assert len(refused) < len(found) / 10, refused
