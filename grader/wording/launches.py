"""What a launch asks for in the place of what the task says."""

from __future__ import annotations

from enum import Enum

from grader.device import MAX_THREADS_PER_BLOCK, Dim3
from grader.record import LaunchPlace


class LaunchFault(Enum):
    """What is wrong with the numbers of a launch."""

    NO_THREADS = "a block without threads"
    TOO_MANY = "more threads than a block may have"
    OTHER_THREADS = "other threads than the task says"
    NO_BLOCKS = "a grid without blocks"
    FEW_BLOCKS = "fewer threads than there are outputs"
    EXCHANGED = "grid and block in each other's place"


NUMBERS_STEP = (
    "grid_dim says how many blocks there are, and block_dim how many threads each of them has."
)


def launch_numbers(
    fault: LaunchFault, place: LaunchPlace, grid: Dim3 | None, block: Dim3 | None
) -> str:
    """What a launch asks for, and what the task's numbers are where these are fixed."""
    task_grid = _named(place.task_grid, place.task_grid_name)
    task_block = _named(place.task_block, place.task_block_name)
    if fault is LaunchFault.EXCHANGED:
        return (
            f"grid_dim asks for {_counted(grid, 'block')} and block_dim for "
            f"{_counted(block, 'thread')} each: the task's are {task_grid} and {task_block}, the "
            "other way round."
        )
    of_grid = fault in (LaunchFault.NO_BLOCKS, LaunchFault.FEW_BLOCKS)
    name, text, asked = (
        ("grid_dim", place.grid, _counted(grid, "block"))
        if of_grid
        else ("block_dim", place.block, f"{_counted(block, 'thread')} a block")
    )
    if fault is LaunchFault.NO_THREADS:
        asked = "blocks without threads"
    told = f"{name} = {text} asks for {asked}" if text else f"{name} asks for {asked} here"
    if fault is LaunchFault.TOO_MANY:
        told += f"; the limit is {MAX_THREADS_PER_BLOCK}"
    task = task_grid if of_grid else task_block
    return f"{told}. The task's is {task}." if task else f"{told}."


def _counted(extents: Dim3 | None, noun: str) -> str:
    x, y, z = extents or (0, 0, 0)
    if y == z == 1:
        return {0: f"no {noun}s", 1: f"one {noun}"}.get(x, f"{x} {noun}s")
    return f"{_written((x, y, z))} {noun}s"


def _named(extents: Dim3 | None, name: str) -> str:
    if extents is None:
        return ""
    return f"{name} = {_written(extents)}" if name else _written(extents)


def _written(extents: Dim3) -> str:
    x, y, z = extents
    return f"{x} x {y} x {z}" if z != 1 else f"{x} x {y}" if y != 1 else str(x)
