"""The arithmetic of the software device is a real GPU's, bit for bit where it is exact."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest

from grader.lanes import gpu
from tests.gpu.arithmetic import compare, everything
from tests.gpu.driver import Driver, DriverError

KNOWN = {
    # A GPU adds to a NaN's bits as to a number's: a payload in the low bits alone becomes infinity.
    "cvt.rna.tf32.f32",
}


@pytest.mark.skipif(not gpu.probe().name, reason=f"no GPU: {gpu.probe().why}")
def test_every_opcode_gives_what_a_gpu_gives() -> None:
    found = list(everything(Driver()))
    differing = {each.opcode: each.example for each in found if each.differing}
    assert differing.keys() <= KNOWN, differing
    refused = [each.opcode for each in found if each.refused]
    assert len(refused) < len(found) / 10, refused


class Scripted:
    """A driver whose assembler refuses one opcode, and whose kernels leave what they found."""

    def __init__(self, *, fails: bool) -> None:
        self.fails = fails

    @contextlib.contextmanager
    def module(self, text: str) -> Iterator[str]:
        if "sub.cc.u32" in text:
            raise DriverError("cuModuleLoadDataEx", 218, "unknown opcode")
        yield text

    def launch(self, _module: str, _entry: str, buffers: Sequence[Any], **_how: Any) -> list[Any]:
        if self.fails:
            raise DriverError("cuCtxSynchronize", 700)
        return list(buffers)


OPCODES = ("add.s32", "sub.cc.u32", "sub.s32")


def test_what_the_assembler_refuses_is_told_apart_from_the_rest() -> None:
    found = list(compare(cast(Driver, Scripted(fails=False)), OPCODES, "sm_90"))
    assert [(each.opcode, bool(each.refused)) for each in found] == [
        ("add.s32", False), ("sub.cc.u32", True), ("sub.s32", False),
    ]  # fmt: skip
    assert all(each.differing for each in found if not each.refused)


def test_a_kernel_that_fails_is_no_refusal() -> None:
    with pytest.raises(DriverError, match="700"):
        list(compare(cast(Driver, Scripted(fails=True)), OPCODES, "sm_90"))
