"""Collects findings. Equal ones are counted, and the number of distinct ones is bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec

from grader.device.evidence import Dim3, Finding, FindingKind, Space, Touch
from grader.device.stamps import unravel

MOST_FINDINGS = 50
"""Distinct findings kept of one launch."""
MOST_TOUCHED = 1024
"""Occurrences of a finding that are kept one by one."""

Touches = Callable[[int], Iterable[Touch]]
"""The first occurrences of a finding, at most as many as asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodePlace:
    """An instruction of the PTX, and where it comes from."""

    line: int
    opcode: str
    text: str
    source_file: str | None
    source_line: int | None


class Recorder:
    """The findings of one launch.

    Args:
        kernel: The entry's name.
        grid: The launch's blocks, and
        block: the threads of one.
    """

    def __init__(self, kernel: str, grid: Dim3, block: Dim3) -> None:
        self.kernel = kernel
        self.grid = grid
        self.block = block
        self.threads = block[0] * block[1] * block[2]
        self._found: dict[tuple[object, ...], Finding] = {}
        self._counts: dict[tuple[object, ...], int] = {}
        self._touched: dict[tuple[object, ...], list[Touch]] = {}

    def add(
        self,
        kind: FindingKind,
        place: CodePlace | None,
        count: int,
        make: Callable[[], Finding],
        *,
        space: Space | None = None,
        access: str | None = None,
        touches: Touches | None = None,
    ) -> None:
        """Count ``count`` occurrences; ``make`` describes the first, if it is a new finding."""
        key = (kind, place.line if place else 0, space, access)
        if key in self._counts:
            self._counts[key] += count
        elif len(self._found) < MOST_FINDINGS:
            self._counts[key] = count
            finding = make()
            if place is not None:
                finding = msgspec.structs.replace(
                    finding,
                    ptx_line=place.line,
                    ptx_text=place.text,
                    source_file=place.source_file,
                    source_line=place.source_line,
                )
            self._found[key] = finding
        if touches is not None and key in self._found:
            kept = self._touched.setdefault(key, [])
            if len(kept) < MOST_TOUCHED:
                kept += touches(MOST_TOUCHED - len(kept))

    def findings(self) -> tuple[Finding, ...]:
        """All findings, in the order in which they were first made."""
        return tuple(
            msgspec.structs.replace(
                finding, count=self._counts[key], touched=tuple(self._touched.get(key, ()))
            )
            for key, finding in self._found.items()
        )

    def who(self, block: int, thread: int) -> tuple[Dim3, Dim3, str]:
        """A thread by linear indices: its block, itself, and ``thread 3 of block 1``."""
        block_index = unravel(block, self.grid)
        thread_index = unravel(thread, self.block)
        return (
            block_index,
            thread_index,
            f"thread {_index(thread_index, self.block)} of block {_index(block_index, self.grid)}",
        )


def _index(index: Dim3, shape: Dim3) -> str:
    if shape[1] == shape[2] == 1:
        return str(index[0])
    if shape[2] == 1:
        return f"({index[0]}, {index[1]})"
    return f"({index[0]}, {index[1]}, {index[2]})"
