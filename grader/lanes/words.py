"""What the device saw of a copied kernel, in the words of the student's file.

The names that a copy has by chance are in nothing that is kept.
"""

from __future__ import annotations

import contextlib
from typing import Protocol

import msgspec

from grader.device import CudaResult, Finding, Launch
from grader.lanes.source_lines import at_own_places, at_source


class KernelOfCopy(Protocol):
    """A kernel in a copy of the student's file."""

    @property
    def function(self) -> str:
        """Its name in the file."""

    @property
    def module(self) -> str:
        """The name of the copy."""


def launch_in_words(kernel: KernelOfCopy, launch: Launch, text: str) -> Launch:
    """A launch with the kernel's name, lines and arrays as the file has them.

    Args:
        kernel: What was launched.
        launch: What the device saw.
        text: Of the file.
    """

    def is_own(file: str) -> bool:
        return file.endswith(f"/{kernel.module}.mojo")

    def in_words(finding: Finding) -> Finding:
        ptx = finding.ptx_text
        return msgspec.structs.replace(
            at_source(finding, is_own, text),
            kernel=kernel.function,
            ptx_text=ptx.replace(f"{kernel.module}_", "") if ptx is not None else None,
        )

    findings = tuple(map(in_words, launch.findings))
    trace = launch.trace and at_own_places(launch.trace, is_own)
    return msgspec.structs.replace(launch, kernel=kernel.function, findings=findings, trace=trace)


def call_failed(result: int) -> str:
    """That a call of the driver ended with a result."""
    return f"a call of the driver failed: {cuda_error(result)}"


def cuda_error(result: int) -> str:
    """A result of a call of the driver, for people."""
    with contextlib.suppress(ValueError):
        return f"CUDA error {result:d} ({CudaResult(result).name.lower().replace('_', ' ')})"
    return f"CUDA error {result}"
