"""Launches that a GPU refuses, and kernels that are stopped or stop themselves."""

from __future__ import annotations

from grader.device.checks.check import LaunchCheck
from grader.device.evidence import Finding, FindingKind
from grader.device.lanes import Lanes


class RefusalCheck(LaunchCheck):
    """Reports launches that a GPU would not start, and kernels that it would not load."""

    name = "refusals"

    def refused(self, why: str) -> None:
        recorder = self.watched.recorder
        finding = Finding(
            kind=FindingKind.BAD_LAUNCH,
            message=f"the launch was refused: {why}",
            kernel=recorder.kernel,
        )
        recorder.add(finding.kind, None, 1, lambda: finding)

    def missing(self, pc: int, function: str) -> None:
        recorder = self.watched.recorder
        finding = Finding(
            kind=FindingKind.MISSING_FUNCTION,
            message=f"the kernel calls {function}, a function that no GPU has: "
            "a GPU refuses to load it",
            kernel=recorder.kernel,
        )
        recorder.add(finding.kind, self.watched.place(pc), 1, lambda: finding)


class BudgetCheck(LaunchCheck):
    """Reports kernels that do not end."""

    name = "budget"

    def exceeded(self, pc: int, lane: int, limit: str) -> None:
        did = f"was still running when the kernel was stopped after {limit}"
        self._report(FindingKind.BUDGET_EXCEEDED, pc, lane, did)


class StackCheck(LaunchCheck):
    """Reports functions that call themselves until the stack is full."""

    name = "stack"

    def overflow(self, pc: int, lanes: Lanes, calls: int) -> None:
        did = f"ran out of stack: a function had called itself {calls:,} times without returning"
        self._report(FindingKind.STACK_OVERFLOW, pc, int(lanes.index[0]), did, count=lanes.count)


class TrapCheck(LaunchCheck):
    """Reports kernels that stop themselves."""

    name = "traps"

    def trap(self, pc: int, lanes: Lanes, what: str) -> None:
        self._report(FindingKind.TRAP, pc, int(lanes.index[0]), what, count=lanes.count)
