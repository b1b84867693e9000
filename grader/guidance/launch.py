"""Whether the numbers of a launch are what is wrong: how many blocks, and threads of each."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from grader.device import MAX_THREADS_PER_BLOCK, Dim3
from grader.record import Counterexample, LaunchPlace
from grader.wording.launches import LaunchFault, launch_numbers


class WrongNumbers(NamedTuple):
    """What the launch asks for in the place of what the task says."""

    sentence: str
    line: int


def wrong_numbers(place: LaunchPlace, example: Counterexample) -> WrongNumbers | None:
    """What is wrong with the grid or the block of a launch, as a case that fails shows it.

    A launch that no device takes is wrong whatever the kernel. Another block than the task's, and
    fewer threads than there are outputs, are where the kernel is the given one.
    """
    grid, block = _asked(place, example)
    fault = _refused(grid, block) or (_other(place, grid, block, example))
    if fault is None:
        return None
    of_grid = fault in _OF_GRID
    return WrongNumbers(
        launch_numbers(fault, place, grid, block), place.grid_line if of_grid else place.block_line
    )


_OF_GRID = frozenset({LaunchFault.NO_BLOCKS, LaunchFault.FEW_BLOCKS, LaunchFault.EXCHANGED})


def _asked(place: LaunchPlace, example: Counterexample) -> tuple[Dim3 | None, Dim3 | None]:
    """Grid and block: as the device saw them, or as they stand where nothing reached it."""
    if not example.launches:
        return place.grid_value, place.block_value
    seen = {(each.grid, each.block) for each in example.launches}
    return seen.pop() if len(seen) == 1 else (None, None)


def _refused(grid: Dim3 | None, block: Dim3 | None) -> LaunchFault | None:
    if block is not None and prod(block) == 0:
        return LaunchFault.NO_THREADS
    if block is not None and prod(block) > MAX_THREADS_PER_BLOCK:
        return LaunchFault.TOO_MANY
    if grid is not None and prod(grid) == 0:
        return LaunchFault.NO_BLOCKS
    return None


def _other(
    place: LaunchPlace, grid: Dim3 | None, block: Dim3 | None, example: Counterexample
) -> LaunchFault | None:
    if not place.given_kernel or not example.launches or grid is None or block is None:
        return None
    if place.task_grid is None or place.task_block is None:
        return None
    if block != place.task_block:
        exchanged = (grid, block) == (place.task_block, place.task_grid)
        return LaunchFault.EXCHANGED if exchanged else LaunchFault.OTHER_THREADS
    outputs = prod(example.outputs[0].expected.shape)
    if grid != place.task_grid and grid[0] * block[0] < outputs:
        return LaunchFault.FEW_BLOCKS
    return None
