"""What of a submission is the code that was given, and whose a finding is.

Only where that code still stands as it was given is a defect of it the skeleton's. The book has
changed what it gives many times, so a file is compared with every version of it (`grader.book`),
and with the skeletons that come with the grader.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from grader.book import Book
from grader.book.digests import array_reads, digest, given_code, given_kernels, program_of
from grader.book.shipped import book_of
from grader.device import Finding, FindingKind, Launch, Space, Touch
from grader.intake.launches import without_plain_launches
from grader.intake.program import functions
from grader.model.code import Kernels
from grader.model.given import Element, GivenKernel
from grader.model.part import Part
from grader.model.puzzle import Puzzle
from grader.record import Attribution, SkeletonInfo
from grader.rubric.keys import skeleton_info


class Code(StrEnum):
    """What of a submission is the code that was given."""

    UNCHANGED = "unchanged"
    """The whole kernel, and no other is beside it."""
    READS = "reads"
    """All that is read of the array with unwritten elements."""
    NOTHING = "nothing"
    """Nothing that findings can be attributed to."""


_OF_WHOLE_BLOCKS: Final = re.compile(r"(^|/)gpu/(primitives/)?block\.mojo$")
"""The file of Mojo's library whose functions work for a whole block. They take values only, so the
shared memory that they touch is their own."""


def in_library(finding: Finding) -> bool:
    """Whether it is a read of memory that Mojo's library has for itself, and never wrote.

    The prefix sum of a block reads a cell for each lane of a warp, and uses those that a warp has
    written. Nothing comes of the others, and no program can mend it.
    """
    return (
        finding.kind is FindingKind.UNINITIALISED_READ
        and finding.space is Space.SHARED
        and any(_OF_WHOLE_BLOCKS.search(place.file) for place in finding.source[:1])
    )


def attributed(
    launches: Iterable[Launch],
    shown: frozenset[Element],
    code: Code,
    *,
    given: GivenKernel | None = None,
) -> Iterator[tuple[Finding, Attribution]]:
    """The findings of launches, each with whose it is; none that are the library's own business.

    Args:
        launches: What the device saw.
        shown: What the given code reads at these sizes although nothing wrote it.
        code: What of the submission is the given code.
        given: The kernel that is given with the part: what it shows nobody is asked to mend.
    """
    for launch in launches:
        seen = Counter(each for finding in launch.findings for each in _elements(finding))
        for finding in launch.findings:
            if in_library(finding):
                continue
            elements = _elements(finding)
            handed_out = (
                code is not Code.NOTHING
                and elements
                and len(elements) == finding.count
                and shown.issuperset(elements)
                and (code is Code.UNCHANGED or all(seen[each] == 1 for each in elements))
            ) or (given is not None and _is_given(given, finding))
            yield finding, Attribution.SKELETON if handed_out else Attribution.STUDENT


def _is_given(given: GivenKernel, finding: Finding) -> bool:
    """Whether it is a finding of the given code, wherever it is.

    Where the first block sets what others add to, a race is if it is an atomic operation of another
    block on what the first one stored. Whoever does not add atomically races otherwise.
    """
    return finding.kind in given.shows or (
        given.first_block_ahead
        and finding.kind is FindingKind.RACE
        and finding.space is Space.GLOBAL
        and (finding.access, finding.other_access) == ("atomic", "write")
        and finding.other_block == _FIRST != finding.block
    )


_FIRST: Final = (0, 0, 0)
"""The number of the first block."""


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


@dataclass(frozen=True, kw_only=True)
class HandedOut:
    """What students start from: files as they are handed out, and the code in them."""

    skeletons: tuple[SkeletonInfo, ...]
    """Ours, of each edition that a file may have started from."""
    book: Book
    own: SkeletonInfo | None = None
    """The skeleton that the course hands out."""

    def nothing_filled_in(self, text: str) -> bool:
        """Whether a file is one that is handed out, comments and layout aside."""
        program = program_of(text)
        own = self.own is not None and program == self.own.program
        return own or self._is_handed_out(program)

    def is_unfilled(self, text: str, part: Part) -> bool:
        """Whether all kernels of a part are there, with what a file that is handed out has in them.

        A kernel may also be repaired by another value of a constant that it names. Where another
        kernel stands in for one, the part is filled.
        """
        return self._is_as_given(text, part) and not self._stood_in_for(text, part)

    def passed_over(self, text: str, parts: Sequence[Part], wanted: Collection[str]) -> set[str]:
        """The kernels of a program that are not meant where some of its parts are compiled.

        Those of the other parts, and those with nothing filled in for which others stand in. So
        none of them is taken for a kernel that has another name.

        Args:
            text: The program.
            parts: All parts of the puzzle.
            wanted: Names of those that are compiled.
        """
        own = {name for part in parts if part.name in wanted for name in part.code.words}
        others = {name for part in parts if part.name not in wanted for name in part.code.words}
        unfilled = [self._stood_in_for(text, part) for part in parts if part.name in wanted]
        return (others - own).union(*unfilled)

    def _stood_in_for(self, text: str, part: Part) -> set[str]:
        """The kernels of a part in which nothing is filled in, and for which others stand in."""
        assert isinstance(part.code, Kernels)
        stand_ins = part.code.stand_ins_in(functions(text))
        return set(stand_ins) if stand_ins and self._is_as_given(text, part) else set()

    def _is_as_given(self, text: str, part: Part) -> bool:
        assert isinstance(part.code, Kernels)
        return self._is_given(given_kernels(text, part.code))

    def only_launched(self, text: str, kernel: str, sizes: Sequence[str]) -> bool:
        """Whether a file is one that is handed out, with plain launches of its kernel added.

        See `grader.intake.launches`; ``sizes`` are the names of the size parameters. A course's
        own skeleton counts where its kernels are known ones: of these it is known that they treat
        all sizes alike.
        """
        rest = digest(without_plain_launches(text, kernel=kernel, sizes=sizes))
        if self.own is not None and self.own.codes and rest == self.own.program:
            return all(map(self._is_known, self.own.codes))
        return self._is_handed_out(rest)

    def _is_handed_out(self, program: str) -> bool:
        ours = (each.program for each in self.skeletons)
        return program in ours or self.book.is_untouched(program)

    def kernel_unchanged(self, text: str, kernel: GivenKernel) -> bool:
        """Whether a kernel stands in ``text`` as some version gives it, and no other beside."""
        return self._is_given(given_code(text, kernel.function))

    def _is_given(self, code: str) -> bool:
        own = self.own.codes if self.own is not None else ()
        return bool(code) and (self._is_known(code) or code in own)

    def _is_known(self, code: str) -> bool:
        return any(code in each.codes for each in self.skeletons) or self.book.gives(code)

    def code_in(self, text: str, kernel: GivenKernel | None) -> Code:
        """What of a submission is the given code, to tell whose a finding is."""
        if kernel is None:
            return Code.NOTHING
        if self.kernel_unchanged(text, kernel):
            return Code.UNCHANGED
        reads = array_reads(text, kernel.function, kernel.array)
        handed_out = (*self.skeletons, *([self.own] if self.own is not None else []))
        known = self.book.reads.union(*(each.reads for each in handed_out))
        return Code.READS if reads and reads <= known else Code.NOTHING


def all_handed_out(
    puzzle: Puzzle, editions: Iterable[str], own: SkeletonInfo | None = None
) -> HandedOut:
    """What a puzzle gives to students: in every version of the book, and in our skeletons.

    Args:
        puzzle: The puzzle.
        editions: Those whose skeleton a file may have started from; one that the puzzle has no
            skeleton for gives nothing.
        own: The skeleton that a course hands out.
    """
    texts = (puzzle.reference(edition, "skeleton") for edition in editions)
    return HandedOut(
        skeletons=tuple(skeleton_info(puzzle, text) for text in texts if text is not None),
        book=book_of(puzzle),
        own=own,
    )
