"""Faults of the machine that more than one step may meet."""

from __future__ import annotations

from grader.errors import ToolchainFault
from grader.machine import memory_bytes


def out_of_memory(doing: str) -> ToolchainFault:
    """The fault of a machine that had too little memory for what a submission may use."""
    return ToolchainFault(
        f"the memory of this machine ran out while {doing}: it has {memory_bytes() >> 20} MiB for "
        "the grader, and the submission had not reached its own limit",
        remedy="Grade with at least 3 GB of memory; in a container, raise its limit. Run fewer "
        "gradings at a time.",
    )
