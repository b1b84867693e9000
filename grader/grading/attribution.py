"""Whose a finding is: the student's, or that of the code that was given.

Only a read of shared memory that nothing wrote can be the given code's: no version of it shows
anything else. It is, where both hold:

* all that it stands for are accesses that the given code makes at these sizes, launched as the
  task says: the same elements of an array of the same size, by the same threads
  (`Puzzle.given_reads`);
* the given kernel stands in the file unchanged; or it makes that array as the given one does,
  and reads it in the given code's words only (`grader.book.digests.array_reads`). Statements
  around them may be the student's.

MAX compiles graphs without source lines. So a kernel that also reads that array in words of its own
is the student's in whole, and so is a read that is made twice: the given code reads each of its
elements once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum

from grader.device import Finding, FindingKind, Launch, Space, Touch
from grader.model.part import Element
from grader.record import Attribution


class Code(StrEnum):
    """What of a submission is the code that was given."""

    UNCHANGED = "unchanged"
    """The whole kernel, and no other is beside it."""
    READS = "reads"
    """All that is read of the array with unwritten elements."""
    NOTHING = "nothing"
    """Nothing that findings can be attributed to."""


def attributed(
    launches: Iterable[Launch], shown: frozenset[Element], code: Code
) -> Iterator[tuple[Finding, Attribution]]:
    """The findings of launches, each with whose it is.

    Args:
        launches: What the device saw.
        shown: What the given code reads at these sizes although nothing wrote it.
        code: What of the submission is the given code.
    """
    for launch in launches:
        seen = Counter(each for finding in launch.findings for each in _elements(finding))
        for finding in launch.findings:
            elements = _elements(finding)
            given = (
                code is not Code.NOTHING
                and elements
                and len(elements) == finding.count
                and shown.issuperset(elements)
                and (code is Code.UNCHANGED or all(seen[each] == 1 for each in elements))
            )
            yield finding, Attribution.SKELETON if given else Attribution.STUDENT


def _elements(finding: Finding) -> list[Element | None]:
    """What an unwritten read of shared memory read; None where it was no element of an array."""
    if (
        finding.kind is not FindingKind.UNINITIALISED_READ
        or finding.space is not Space.SHARED
        or finding.access != "read"
    ):
        return []
    return [_element(each) for each in finding.touched]


def _element(touch: Touch) -> Element | None:
    if any((*touch.block[1:], *touch.thread[1:])):
        return None
    return touch.cells, touch.block[0], touch.thread[0], touch.cell
