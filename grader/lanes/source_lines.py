"""What the device found, at the lines of the student's file and in its words.

The names that a copy of the file has by chance are in nothing that is kept.

A graph compile writes no line tables. Another build of the same code has them; `same_findings` says
which finding of its run is which of the graph's, where that is certain.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import msgspec

from grader.device import (
    AccessTrace,
    CudaResult,
    Finding,
    FindingKind,
    Launch,
    SourcePlace,
    Space,
    of_file,
)
from grader.intake.indexed import indexed_array, loop_around, shared_argument
from grader.wording.findings import at_lines

IsOwn = Callable[[str], bool]
"""Whether a file of the line tables is the student's."""
_DEFINED: Final = re.compile(r"^[ \t]*(?:async[ \t]+)?(?:def|fn)[ \t]+([A-Za-z_]\w*)", re.MULTILINE)
_CUT: Final = re.compile("6A")
"""How a name in the PTX goes on where the compiler has cut it."""
_LEAST_LEFT: Final = 12
"""Characters of a name that has been cut."""
_DEFINES: Final = re.compile(r"\s*(?:def|fn)\s+")


def at_source(finding: Finding, is_own: IsOwn, text: str) -> Finding:
    """A finding in the words of the student's file, whose places have an empty name of a file."""
    finding = msgspec.structs.replace(
        finding,
        source=_of_statements(finding.source, is_own, text),
        other_source=_of_statements(finding.other_source, is_own, text),
    )
    own, other = (of_file(each, is_own) for each in (finding.source, finding.other_source))
    array = array_of(finding, own, text)
    line = own.line if own else None
    if line is not None and finding.kind is FindingKind.BUDGET_EXCEEDED:
        # Where the thread was stopped is chance.
        line = loop_around(text, line) or line
    return msgspec.structs.replace(
        finding,
        message=at_lines(
            finding.message,
            line,
            other.line if other else None,
            array=array,
            called=finding.array,
        ),
        array=array or finding.array,
        source=_places(finding.source, is_own),
        other_source=_places(finding.other_source, is_own),
        source_file=None,
        source_line=line,
    )


def at_own_places(trace: AccessTrace, is_own: IsOwn) -> AccessTrace:
    """A trace whose places in the student's file have an empty name of a file."""
    places = tuple(_places(each, is_own) for each in trace.places)
    return msgspec.structs.replace(trace, places=places)


def array_of(finding: Finding, own: SourcePlace | None, text: str) -> str:
    """The name of the array, where the source tells it and the message does not."""
    without_name = (
        finding.space in (Space.GLOBAL, Space.CONST)
        and finding.cell is not None
        and not finding.array
    )
    if own is None or not (without_name or finding.space is Space.SHARED):
        return ""
    place = (text, own.line, own.column)
    shared = finding.space is Space.SHARED
    return indexed_array(*place) or (shared_argument(*place) if shared else "")


def _of_statements(
    places: tuple[SourcePlace, ...], is_own: IsOwn, text: str
) -> tuple[SourcePlace, ...]:
    """The places without names of functions.

    Where the compiler has joined the code of several lines, it writes that of the function.
    """
    lines = text.split("\n")

    def is_name(place: SourcePlace) -> bool:
        line = lines[place.line - 1] if 0 < place.line <= len(lines) else ""
        start = _DEFINES.match(line)
        return is_own(place.file) and start is not None and place.column == start.end() + 1

    return tuple(each for each in places if not is_name(each))


def _places(places: tuple[SourcePlace, ...], is_own: IsOwn) -> tuple[SourcePlace, ...]:
    return tuple(
        msgspec.structs.replace(each, file="") if is_own(each.file) else each for each in places
    )


def same_findings(
    launches: Sequence[Launch], others: Sequence[Launch]
) -> list[tuple[Finding, Finding]]:
    """Pairs of findings that are certainly of the same access: one of each run of a case.

    Both runs must have done the same: as many launches, each with the same extents and as many
    instructions. Then a finding is the one of the same kind, thread, instruction and cell. Where
    several are, and do not come from one place, it is none of them.

    Args:
        launches: Without line tables.
        others: With line tables.
    """
    if [_extents(each) for each in launches] != [_extents(each) for each in others]:
        return []
    pairs: list[tuple[Finding, Finding]] = []
    for launch, other in zip(launches, others, strict=True):
        for finding in launch.findings:
            found = [each for each in other.findings if _key(each) == _key(finding)]
            if found and len({(each.source, each.other_source) for each in found}) == 1:
                pairs.append((finding, found[0]))
    return pairs


def same_endless(
    launches: Sequence[Launch], others: Sequence[Launch]
) -> list[tuple[Finding, Finding]]:
    """The kernel that does not end in each of two runs, where it is the same launch of the same.

    They need not have been stopped after as many instructions. The second finding has the words of
    the first, which was given the time.
    """
    one, other = (
        [
            ((number, launch.grid, launch.block, launch.cluster), each)
            for number, launch in enumerate(run)
            for each in launch.findings
            if each.kind is FindingKind.BUDGET_EXCEEDED
        ]
        for run in (launches, others)
    )
    if len(one) != 1 or len(other) != 1:
        return []
    (launch, finding), (same, again) = one[0], other[0]
    if launch != same:
        return []
    return [(finding, msgspec.structs.replace(again, message=finding.message))]


def _extents(launch: Launch) -> tuple[object, ...]:
    return launch.configuration, launch.instructions, launch.result


def _key(finding: Finding) -> tuple[object, ...]:
    """What two findings of one access share, however memory is laid out in the two runs."""
    text = finding.ptx_text
    return (
        *(finding.kind, finding.space, finding.access, finding.size, finding.count),
        *(finding.block, finding.thread, finding.other_block, finding.other_thread),
        # Each register is written in one place, so that the text alone says nearly which it is.
        None if text is None else text.replace(finding.kernel, ""),
        *(() if finding.space is Space.GLOBAL else (finding.address, finding.cell)),
    )


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
    return msgspec.structs.replace(
        launch,
        kernel=kernel.function,
        findings=findings,
        trace=launch.trace and at_own_places(launch.trace, is_own),
        profile=tuple(
            msgspec.structs.replace(each, source=_places(each.source, is_own))
            for each in launch.profile
        ),
    )


def function_of(kernel: str, module: str, text: str) -> str:
    """What a file calls a kernel; its name in the PTX where that is not certain.

    The compiler puts the module in front and the types of the parameters behind, and cuts
    what is long.

    Args:
        kernel: Its name in the PTX.
        module: What the compiler calls the module.
        text: Of the file.
    """
    rest = kernel.removeprefix(f"{module}_")
    names = set(_DEFINED.findall(text))
    whole = [name for name in names if rest.startswith(name)]
    beginning = _CUT.split(rest)[0]
    cut = [name for name in names if name.startswith(beginning)]
    if whole:
        return str(max(whole, key=len))
    return str(cut[0]) if len(cut) == 1 and len(beginning) >= _LEAST_LEFT else kernel


def call_failed(result: int) -> str:
    """That a call of the driver ended with a result."""
    return f"a call of the driver failed: {cuda_error(result)}"


def cuda_error(result: int) -> str:
    """A result of a call of the driver, for people."""
    with contextlib.suppress(ValueError):
        return f"CUDA error {result:d} ({CudaResult(result).name.lower().replace('_', ' ')})"
    return f"CUDA error {result}"
