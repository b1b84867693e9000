"""How a running kernel stops early."""

from __future__ import annotations

from grader.device.results import CudaResult


class KernelFault(Exception):
    """The launch ends with an error, as on a GPU. Never leaves :func:`launch`."""

    def __init__(self, result: CudaResult) -> None:
        super().__init__(result.name)
        self.result = result
