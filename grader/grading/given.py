"""Whether the code that a student was given still stands as it was given.

Only then is a defect of it the skeleton's. The book has changed what it gives many times, so a
file is compared with every version of it (`grader.book`), and with the skeletons that come with
the grader.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grader.book import Book, find_book
from grader.book.digests import array_reads, digest, given_code, program_of
from grader.grading.attribution import Code
from grader.intake.plain_launch import without_plain_launches
from grader.puzzles.definition import Puzzle
from grader.record import SkeletonInfo
from grader.resources import reference_kernel
from grader.rubric.skeleton import skeleton_info


@dataclass(frozen=True, kw_only=True)
class Given:
    """What students start from: files as they are handed out, and the code in them."""

    function: str
    """The kernel that is given."""
    array: str
    """The array in it that has unwritten elements."""
    programs: frozenset[str]
    code: frozenset[str]
    reads: frozenset[str]
    """Digests of what that code reads of the array."""
    book: Book
    own: SkeletonInfo | None = None
    """The skeleton that the course hands out."""

    def nothing_filled_in(self, text: str) -> bool:
        """Whether a file is one that is handed out, comments and layout aside."""
        program = program_of(text)
        own = self.own is not None and program == self.own.program
        return own or self._is_handed_out(program)

    def only_launched(self, text: str, sizes: Sequence[str]) -> bool:
        """Whether a file is one that is handed out, with plain launches of its kernel added.

        See `grader.intake.plain_launch`; ``sizes`` are the names of the size parameters. A course's
        own skeleton counts where its kernel is a known one: of that it is known that it treats all
        sizes alike.
        """
        rest = digest(without_plain_launches(text, kernel=self.function, sizes=sizes))
        own = self.own is not None and self._is_known(self.own.code) and rest == self.own.program
        return own or self._is_handed_out(rest)

    def _is_handed_out(self, program: str) -> bool:
        return program in self.programs or self.book.is_untouched(program)

    def kernel_unchanged(self, text: str) -> bool:
        """Whether the kernel stands in ``text`` as some version gives it, and no other beside."""
        code = given_code(text, self.function)
        return bool(code) and (
            self._is_known(code) or (self.own is not None and code == self.own.code)
        )

    def _is_known(self, code: str) -> bool:
        return code in self.code or self.book.gives(code)

    def code_in(self, text: str) -> Code:
        """What of a submission is the given code, to tell whose a finding is."""
        if self.kernel_unchanged(text):
            return Code.UNCHANGED
        reads = array_reads(text, self.function, self.array)
        known = self.reads.union(self.book.reads, self.own.reads if self.own else ())
        return Code.READS if reads and reads <= known else Code.NOTHING


def given(puzzle: Puzzle, editions: Iterable[str], own: SkeletonInfo | None = None) -> Given:
    """What a puzzle gives to students: in every version of the book, and in our skeletons.

    Args:
        puzzle: The puzzle.
        editions: Those whose skeleton a file may have started from.
        own: The skeleton that a course hands out.
    """
    function, array = puzzle.kernel_function, puzzle.given_array
    files = (reference_kernel(puzzle.name, edition, "skeleton.mojo") for edition in editions)
    texts = [file.read_text("utf-8") for file in files]
    handed_out = [skeleton_info(puzzle, text) for text in texts]
    return Given(
        function=function,
        array=array,
        programs=frozenset(each.program for each in handed_out),
        code=frozenset(each.code for each in handed_out if each.code),
        reads=frozenset(read for each in handed_out for read in each.reads),
        book=find_book(puzzle.name),
        own=own,
    )
