"""Whether the code that a student was given still stands as it was given.

Only then is a defect of it the skeleton's. The book has changed what it gives many times, so a
file is compared with every version of it (`grader.book`), and with the skeletons that come with
the grader.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grader.book import Book
from grader.book.digests import array_reads, digest, given_code, program_of
from grader.book.shipped import book_of
from grader.grading.attribution import Code
from grader.intake.launches import without_plain_launches
from grader.model.part import GivenKernel
from grader.model.puzzle import Puzzle
from grader.record import SkeletonInfo
from grader.rubric.keys import skeleton_info


@dataclass(frozen=True, kw_only=True)
class Given:
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
        code = given_code(text, kernel.function)
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


def given(puzzle: Puzzle, editions: Iterable[str], own: SkeletonInfo | None = None) -> Given:
    """What a puzzle gives to students: in every version of the book, and in our skeletons.

    Args:
        puzzle: The puzzle.
        editions: Those whose skeleton a file may have started from; one that the puzzle has no
            skeleton for gives nothing.
        own: The skeleton that a course hands out.
    """
    files = (puzzle.kernel(edition, "skeleton.mojo") for edition in editions)
    texts = (file.read_text("utf-8") for file in files if file.exists())
    return Given(
        skeletons=tuple(skeleton_info(puzzle, text) for text in texts),
        book=book_of(puzzle),
        own=own,
    )
