"""Tensor cores of a real GPU keep the bound that real numbers are judged by."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, cast

from tests.device.simt.test_tensor_cores import CASES, FORMS
from tests.gpu.driver import Driver
from tests.gpu.tensor_cores import OnGpu, by_hand, compare
from tests.gpu.test_gpu import needs_gpu


@needs_gpu
def test_sums_of_a_gpu_are_within_the_bound() -> None:
    beyond = [each for each in compare(OnGpu(Driver())) if max(each.here, each.there) > 1]
    assert beyond == []


class Scripted:
    """A driver whose kernels leave zeros."""

    @contextlib.contextmanager
    def module(self, text: str) -> Iterator[str]:
        yield text

    def launch(self, _module: str, _entry: str, buffers: Sequence[Any]) -> list[Any]:
        return [buffer * 0 for buffer in buffers]


def test_here_the_bound_is_kept_and_zeros_are_told() -> None:
    found = list(compare(OnGpu(cast(Driver, Scripted())), matrices=1))
    assert len(found) == 3 * len(FORMS)
    assert all(each.here <= 1 < each.there for each in found)


def test_the_sums_by_hand_are_those_of_the_device() -> None:
    found = list(by_hand(OnGpu(cast(Driver, Scripted()))))
    assert [here for _, here, _ in found] == [wanted for _, wanted in CASES]
    assert {there for *_, there in found} == {0}
