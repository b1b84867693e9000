"""What is wrong with a submission, as an instructor reads it over a whole class.

Each is a sentence without a full stop. `DIAGNOSES` has causes whose own sentence tells the numbers
of one file, so that it can't stand for all files that have them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from grader.device import Finding, FindingKind, Space
from grader.intake.display import one_line
from grader.record import CheckOutcome

NOTHING_FILLED_IN = "Nothing was filled in: it is the skeleton as given"
DIAGNOSES: dict[str, str] = {
    "launch-arguments": "The launch passes one thing where the kernel takes another",
    "launch-numbers": "The launch asks for other blocks or threads than the task does",
    "no-kernel": "No kernel is launched",
    "nan": "Some outputs are NaN, which is no number",
    "float16": "Something on the way is kept in Float16",
    "bfloat16": "Something on the way is kept in BFloat16",
    "tf32": "Inputs are rounded to TF32, as tensor cores do",
}
"""By the key of a cause."""
FINDING_DIAGNOSES: dict[FindingKind, str] = {
    FindingKind.OUT_OF_BOUNDS: "A thread {past} the end of {what}",
    FindingKind.MISALIGNED: "An access is not aligned to its type",
    FindingKind.UNINITIALISED_READ: "A thread reads a cell of {what} that nothing wrote",
    FindingKind.INACTIVE_LANE: "A shuffle takes a value from a lane that has no thread",
    FindingKind.RACE: "Two threads use the same cell of {what} with no barrier between them",
    FindingKind.BARRIER_DIVERGENCE: "Not every thread of the block reaches the barrier",
    FindingKind.BUDGET_EXCEEDED: "The kernel does not come to an end",
    FindingKind.BAD_LAUNCH: "The device refuses the launch",
    FindingKind.TRAP: "The kernel stops itself",
    FindingKind.STACK_OVERFLOW: "A function calls itself without end",
    FindingKind.MISSING_FUNCTION: "The kernel calls a function that no GPU has",
    FindingKind.EXITED_BEFORE_BARRIER: "Threads end before a barrier that others reach",
    FindingKind.SAME_VALUE_RACE: "Several threads write the same value to one cell of {what}",
    FindingKind.UNFINISHED_COPY: "A thread uses a cell of {what} before its asynchronous copy",
    FindingKind.MBARRIER_MISUSE: "An mbarrier is used as PTX does not allow",
    FindingKind.MBARRIER_REUSE: "An mbarrier is begun again that has not ended",
    FindingKind.MBARRIER_STATE: "A thread waits at an mbarrier for a state that no arrival gave",
    FindingKind.ABSENT_BLOCK: "A block accesses another's shared memory, which may not be there",
    FindingKind.INCOMPLETE_WARP: "Not every thread of a warp reaches an operation of all of it",
    FindingKind.STREAM_RACE: "Work on two streams uses the same memory, and neither waits",
}
"""``{past}`` and ``{what}`` stand for the access and the memory."""
_MEMORIES: dict[Space, str] = {
    Space.SHARED: "a shared array",
    Space.GLOBAL: "a buffer in global memory",
    Space.LOCAL: "a local array",
    Space.CONST: "constant memory",
    Space.PARAM: "the kernel's parameters",
}
_STAGES = {
    "package": "Does not compile",
    "compile": "Does not compile",
    "run": "Fails when it is started",
    "program": "Does not build as a program",
}
"""By the stage of a message."""
_YOUR = re.compile(r"\byour\b")
_SHOWN_CHECKS = 3


def finding_diagnosis(finding: Finding, *, values_are_right: bool) -> str:
    """What the device saw."""
    what = _MEMORIES[finding.space] if finding.space else "memory"
    past = {"write": "writes past", "atomic": "updates past"}.get(
        finding.access or "", "reads past"
    )
    said = FINDING_DIAGNOSES[finding.kind].format(what=what, past=past)
    if values_are_right:
        return f"The values are right, but: {said[0].lower()}{said[1:]}"
    return said


def compiler_diagnosis(stage: str, told: str, *, in_graph: bool) -> str:
    """What the compiler said, or what that means; ``in_graph``: about an op in its graph."""
    alone = stage == "compile" and in_graph
    start = "Compiles alone, but not in a graph" if alone else _STAGES[stage]
    return f"{start}: {_clause(told)}"


def no_output_diagnosis(said: str) -> str:
    """What a run said that gave no output."""
    return f"No run gives an output: {_clause(said)}"


def told_to_instructor(sentence: str) -> str:
    """A sentence that was written to the student, for who reads it beside many."""
    return _YOUR.sub("the student's", sentence)


def example_diagnosis(got: str, expected: str, start: int) -> str:
    """The published example is wrong from an element on."""
    place = f" from element {start} on" if start else ""
    return f"The published example gives {got} where {expected} is right{place}"


def checks_diagnosis(headline: str, failed: Sequence[CheckOutcome]) -> str:
    """Which checks failed; the headline of a puzzle of several parts tells what is right first."""
    names = ", ".join(
        f"\N{LEFT DOUBLE QUOTATION MARK}{one_line(check.title, limit=60)}"
        f"\N{RIGHT DOUBLE QUOTATION MARK}"
        for check in failed[:_SHOWN_CHECKS]
    )
    more = f" and {len(failed) - _SHOWN_CHECKS} more" if len(failed) > _SHOWN_CHECKS else ""
    if any(check.part for check in failed):
        return f"Failed: {names}{more}"
    start = one_line(headline).rstrip(". ")
    return f"{start} (failed: {names}{more})" if failed else start


def check_diagnosis(headline: str, told: str) -> str:
    """Why the only check failed that did."""
    return f"{one_line(headline).rstrip('. ')}: {_clause(told)}"


def _clause(text: str) -> str:
    """A message after a colon: without a full stop."""
    return text.strip().rstrip(".") or "no message"
