"""What compiler messages and findings mean for a student, and what to try next.

The table of messages was measured: each line is what MAX 26.5 prints for one
mistake in the launch or the signature of the op (``submissions/`` holds a file
for each). What the editions write differently stands in braces and comes from
their files (`grader.toolchain.edition.Edition.worded`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec

from grader.device import Finding, FindingKind, Space
from grader.intake.display import one_line
from grader.record import Attribution, Check, CheckedFinding, Counterexample, Diagnostic, Status

if TYPE_CHECKING:
    from grader.grading.observe import Observation
    from grader.puzzles.definition import Puzzle
    from grader.toolchain.edition import Edition

_MESSAGES: tuple[tuple[str, str], ...] = (
    (
        r"failed to infer parameter '\w*Layout'",
        (
            "The kernel takes the three layouts as compile-time parameters: pass them in square "
            "brackets before the sizes."
        ),
    ),
    (
        r"parameter '(input_size|conv_size)' has 'Int' type, but value has type",
        (
            "The compile-time parameters are in the wrong order: the layouts come first, then "
            "input_size, conv_size and dtype."
        ),
    ),
    (
        r"missing required (keyword-only )?argument: '(grid_dim|block_dim)'",
        "A launch needs both grid_dim and block_dim.",
    ),
    (
        r"parameter 'Ts' has 'AnyType' type",
        "Write the launch as this edition does: {launch}(...).",
    ),
    (
        r"value passed to 'f' cannot be converted",
        "The kernel goes into the square brackets, not among the arguments: {launch}(...).",
    ),
    (
        r"'main\(\)' is not supported within packages",
        "The file of an op has no main: take it out. A whole program is another puzzle's file.",
    ),
    (
        r"no matching method in call to 'enqueue_function'",
        (
            "Compare the launch with {launch}(three tensors, grid_dim=..., block_dim=...); the "
            "notes below the message name what does not fit."
        ),
    ),
    (
        r"has no attribute 'get_device_context'",
        (
            "That name belongs to another edition of the book. In this one the context is used as "
            "it is."
        ),
    ),
    (
        r"has no attribute 'enqueue_function\w*'",
        "That name belongs to another edition of the book. In this one a launch is {launch}(...).",
    ),
    (
        (
            r"unable to locate module '(compiler|tensor_builder|runtime|tensor|gpu)'|"
            r"does not contain 'DeviceContextPtr'|'static_spec'|expected argument name|"
            r"use of unknown declaration '(out_layout|in_layout|conv_layout)'"
        ),
        (
            "This line is written for another edition of the book. Start from the skeleton of the "
            "edition that your course uses."
        ),
    ),
    (
        r"cannot call function that may raise",
        "execute must be declared `raises`.",
    ),
    (
        r"'self' argument must have type 'Self'",
        "execute must be a @staticmethod.",
    ),
    (
        r"argument #\d+ of type .* (is not encodable|does not match the declared)",
        (
            "An argument of the launch does not have the type that the kernel declares. The number "
            "that the compiler gives is not reliable: compare all with the kernel's signature, in "
            "order: the output, the input, the convolution kernel."
        ),
    ),
    (
        r"[Ww]rong number of arguments to enqueue",
        "The kernel takes three tensors: the output, the input, the convolution kernel.",
    ),
    (
        r"do(es)? not conform to (trait )?'?DevicePassable",
        "Sizes are compile-time parameters of the kernel; only the tensors are arguments.",
    ),
    (
        r"target does not support operation: barrier",
        "The kernel is called like a function on the host. Enqueue it: {launch}(...).",
    ),
    (
        r"no kernel registered for '\w+'|Could not find a mojo kernel registered for \w+",
        "The graph asks for an op of that name. Check the string in {register}(...).",
    ),
    (
        r"kernel '\w+' has no execute function",
        "The method of the struct must be called execute.",
    ),
    (
        r"use of unknown declaration",
        "This name is not defined here: check its spelling and the imports.",
    ),
)
_TABLE = tuple((re.compile(pattern), advice) for pattern, advice in _MESSAGES)


def with_advice(diagnostics: Iterable[Diagnostic], edition: Edition) -> tuple[Diagnostic, ...]:
    """The messages, each with what it means where that is known."""
    return tuple(
        msgspec.structs.replace(
            diagnostic, advice=diagnostic.advice or _advice(diagnostic, edition)
        )
        for diagnostic in diagnostics
    )


def _advice(diagnostic: Diagnostic, edition: Edition) -> str:
    # Notes are more specific than the message that they stand under.
    texts = [note.message for note in diagnostic.notes] + [diagnostic.message]
    for pattern, advice in _TABLE:
        if any(pattern.search(text[:4000]) for text in texts):
            return edition.worded(advice)
    return ""


_FINDINGS: dict[FindingKind, str] = {
    FindingKind.OUT_OF_BOUNDS: "The index passes the end of what was allocated. On a GPU this may "
    "crash, or silently read or overwrite other data. Guard the access with a comparison against "
    "the size.",
    FindingKind.MISALIGNED: "The address is not a multiple of the access size; a GPU refuses that.",
    FindingKind.UNINITIALISED_READ: "The value read is uninitialised: whatever the memory held "
    "before. It may happen to be zero on one machine and not on another.",
    FindingKind.RACE: "Two threads use the same cell, at least one writes, and no barrier lies "
    "between: which comes first is chance. Put barrier() between the writes and the reads of "
    "other threads' cells.",
    FindingKind.BARRIER_DIVERGENCE: "All threads of a block must reach the same barrier(). One "
    "inside an if that some threads skip makes a GPU hang, or lets threads pass too early: "
    "NVIDIA's manual calls its behaviour undefined (PTX ISA, bar.sync).",
    FindingKind.BUDGET_EXCEEDED: "The kernel ran thousands of times longer than this task needs: "
    "a loop in it probably never ends.",
    FindingKind.BAD_LAUNCH: "A block holds at most 1024 threads and 48 KiB of shared memory, and "
    "no dimension may be zero. Look at grid_dim and block_dim.",
    FindingKind.TRAP: "The kernel stopped itself: an assertion in it failed.",
    FindingKind.STACK_OVERFLOW: "Each call of a function takes room on its thread's stack, and a "
    "GPU gives a thread 1 KiB of it. A function that calls itself needs a case in which it does "
    "not. Mostly a loop is the better way.",
    FindingKind.MISSING_FUNCTION: "This function exists for programs on a CPU only. The compiler "
    "does not say so, but a GPU refuses to load the kernel.",
    FindingKind.EXITED_BEFORE_BARRIER: "This costs no points: threads that have ended do not hold "
    "a barrier up, so the others go on (PTX ISA, exit). But a barrier() inside an if that some "
    "threads skip is right only as long as those threads have nothing more to do. With another "
    "barrier() behind it, the behaviour is undefined. The safe way is to put the if around the "
    "loads and stores, and barrier() outside of it.",
    FindingKind.STREAM_RACE: "Each DeviceContext() that the code makes has a stream of its own. A "
    "GPU works on different streams at the same time: which comes first is chance, though the "
    "values were right here. Enqueue everything on the context that the op is given. Or wait on "
    "both sides: call ctx.synchronize() before the other context gets work that needs what was "
    "enqueued on ctx, and synchronize() of the other context before anything uses its results.",
}


def findings(puzzle: Puzzle, observations: Iterable[Observation]) -> tuple[CheckedFinding, ...]:
    """The distinct findings with what they mean; the student's own first.

    Several instructions that show the same mistake are one finding with their counts summed.
    """
    from grader.grading.observe import UNCLEAN, concerns, finding_key

    seen: dict[tuple[object, ...], CheckedFinding] = {}
    shown_by: dict[tuple[object, ...], Observation] = {}
    for observation in observations:
        for finding, whose in observation.findings:
            key = finding_key(finding, whose)
            if key not in seen:
                shown_by[key] = observation
                seen[key] = CheckedFinding(
                    finding=msgspec.structs.replace(finding, touched=()),
                    attribution=whose,
                    sizes=dict(observation.case.shape.sizes),
                    explanation=_explain(puzzle, finding, whose),
                    case=observation.number,
                    concerns=concerns(
                        puzzle, observation.case, *(["clean"] if finding.kind in UNCLEAN else [])
                    ),
                )
            elif shown_by[key] is observation:
                first = seen[key].finding
                total = msgspec.structs.replace(first, count=first.count + finding.count)
                seen[key] = msgspec.structs.replace(seen[key], finding=total)
    return tuple(sorted(seen.values(), key=lambda each: each.attribution is Attribution.SKELETON))


def _explain(puzzle: Puzzle, finding: Finding, whose: Attribution) -> str:
    if whose is Attribution.SKELETON:
        return puzzle.skeleton_defect
    if finding.kind is FindingKind.UNINITIALISED_READ and finding.space is Space.GLOBAL:
        return (
            f"{_FINDINGS[finding.kind]} This was global memory: a buffer that nothing had filled."
        )
    return _FINDINGS[finding.kind]


def next_steps(
    puzzle: Puzzle,
    edition: Edition,
    *,
    checks: Iterable[Check],
    diagnostics: Iterable[Diagnostic],
    counterexamples: Iterable[Counterexample],
    found: Iterable[CheckedFinding],
    nothing_filled_in: bool = False,
) -> tuple[str, ...]:
    """What to try next, most useful first, each sentence once, at most four."""
    if nothing_filled_in:
        return (edition.worded(puzzle.first_step),)
    steps = dict.fromkeys(
        step for step in _steps(puzzle, checks, diagnostics, counterexamples, found) if step
    )
    return tuple(steps)[:4]


def _steps(
    puzzle: Puzzle,
    checks: Iterable[Check],
    diagnostics: Iterable[Diagnostic],
    counterexamples: Iterable[Counterexample],
    found: Iterable[CheckedFinding],
) -> Iterator[str]:
    for diagnostic in diagnostics:
        if diagnostic.severity == "error":
            place = f"Line {diagnostic.line}: " if diagnostic.line else ""
            if diagnostic.advice:
                yield place + diagnostic.advice
    counterexamples = tuple(counterexamples)
    for example in counterexamples:
        yield example.explanation
    explained: set[str] = set()
    for each in found:
        if each.attribution is Attribution.STUDENT and puzzle.assigned(each.sizes):
            explained.update(each.concerns)
            yield each.explanation
    checks = tuple(checks)
    # What is known of the very access, barrier or stream is better than what to look for.
    general = [check for check in checks if check.id != "clean" or "clean" not in explained]
    yield from _for_failed(puzzle, general, counterexamples)
    if all(check.extra or check.status is Status.PASSED for check in checks):
        for check in checks:
            step = puzzle.next_steps.get(check.id)
            if check.extra and check.points < check.max_points and step:
                yield f"All points are yours. For extra credit: {step}"


def _for_failed(
    puzzle: Puzzle, checks: Iterable[Check], counterexamples: Iterable[Counterexample]
) -> Iterator[str]:
    unanswered = {each.check: each.error.strip() for each in counterexamples if each.got is None}
    for check in checks:
        if check.status is not Status.FAILED or check.extra:
            continue
        # What to look for in wrong values is no help where there are none.
        if check.id not in unanswered:
            yield puzzle.next_steps.get(check.id, "")
        elif told := unanswered[check.id]:
            yield (
                f'A run ended without an output, and said "{one_line(told)}". '
                "Mend that first; there are no values to compare before."
            )
