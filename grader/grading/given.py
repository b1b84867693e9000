"""Whether the code that a student was given still stands as it was given.

Only then is a defect of it the skeleton's. The book has changed what it gives many times, so a
file is compared with every version of it (`grader.book`), and with the skeletons that come with
the grader.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grader.book import Book, find_book
from grader.book.digests import digest, given_code, program_of
from grader.intake.plain_launch import without_plain_launches
from grader.resources import reference_kernel


@dataclass(frozen=True, kw_only=True)
class Given:
    """What students start from: files as they are handed out, and the code in them."""

    function: str
    """The kernel that is given."""
    programs: frozenset[str]
    code: frozenset[str]
    book: Book

    def nothing_filled_in(self, text: str) -> bool:
        """Whether a file is one that is handed out, comments and layout aside."""
        return self._is_handed_out(program_of(text))

    def only_launched(self, text: str, sizes: Sequence[str]) -> bool:
        """Whether a file is one that is handed out, with plain launches of its kernel added.

        See `grader.intake.plain_launch`; ``sizes`` are the names of the size parameters.
        """
        rest = without_plain_launches(text, kernel=self.function, sizes=sizes)
        return self._is_handed_out(digest(rest))

    def _is_handed_out(self, program: str) -> bool:
        return program in self.programs or self.book.is_untouched(program)

    def kernel_unchanged(self, text: str) -> bool:
        """Whether the kernel stands in ``text`` as some version gives it, and no other beside."""
        code = given_code(text, self.function)
        return bool(code) and (code in self.code or self.book.gives(code))


def given(puzzle: str, function: str, editions: Iterable[str]) -> Given:
    """What a puzzle gives to students: in every version of the book, and in our skeletons.

    Args:
        puzzle: Its name.
        function: The kernel that it gives.
        editions: Those whose skeleton a file may have started from.
    """
    files = (reference_kernel(puzzle, edition, "skeleton.mojo") for edition in editions)
    texts = [file.read_text("utf-8") for file in files]
    return Given(
        function=function,
        programs=frozenset(map(program_of, texts)),
        code=frozenset(code for text in texts if (code := given_code(text, function))),
        book=find_book(puzzle),
    )
