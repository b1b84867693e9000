"""What a quiz is: questions, each with what its answer follows from, and the counts."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from fractions import Fraction
from typing import Annotated, ClassVar, Final

import msgspec

from grader.decoding import data_as, json_as
from grader.device import WARP, Space, occupancy
from grader.quiz import folder_of_quiz
from grader.record import AnswerFault, KernelProfile

WARPS_THAT_FIT: Final = 64
"""Of a multiprocessor of an A100, which the device is."""
_CLOSE: Final = Fraction(1, 200)
"""How far an answer may be from a number that has no end, as a part of it."""


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Data of ours in which a misspelt key is an error."""


class _Kind(_Strict, frozen=True, tag_field="kind"):
    """What the answer to a question is; the file names it by its ``kind``."""


class Counter(StrEnum):
    """What is counted of a launch: the fields of `grader.record.LineCost`, and what follows."""

    INSTRUCTIONS = "instructions"
    GLOBAL_REQUESTS = "global_requests"
    SECTORS = "sectors"
    SHARED_REQUESTS = "shared_requests"
    WAVEFRONTS = "wavefronts"
    BARRIERS = "barriers"
    DIVERGED = "diverged"
    SHARED_BYTES = "shared_bytes"
    """Shared memory of a block."""
    OCCUPANCY = "occupancy"
    """Percent of a multiprocessor's warps that threads and shared memory leave room for."""


class KernelCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What is counted of a kernel's launch."""

    profile: KernelProfile
    shared_bytes: int

    @property
    def name(self) -> str:
        """What the file calls it."""
        return self.profile.kernel

    def count(self, counter: Counter, per: Counter | None = None) -> Fraction:
        """A count; ``per``: for each of another one."""
        if per is not None:
            return self.count(counter) / (self.count(per) or 1)
        if counter is Counter.SHARED_BYTES:
            return Fraction(self.shared_bytes)
        if counter is Counter.OCCUPANCY:
            threads = math.prod(self.profile.block)
            warps = -(-threads // WARP) * occupancy(threads, self.shared_bytes)
            return Fraction(100 * warps, WARPS_THAT_FIT)
        return Fraction(getattr(self.profile.total, counter.value))


Counts = Mapping[str, KernelCounts]
"""By the name of the kernel."""


class MostOf(_Kind, frozen=True, kw_only=True, tag="most"):
    """Which kernel has the most of something."""

    counter: Counter
    per: Counter | None = None

    form: ClassVar[str] = "The name of a kernel."
    empty: ClassVar[str] = '""'

    def expected(self, counts: Counts) -> object:
        """The right answer."""
        return max(counts, key=lambda name: counts[name].count(self.counter, self.per))

    def wrong(self, answer: object, counts: Counts) -> AnswerFault | None:
        """What is wrong with an answer; None where it is right."""
        if not isinstance(answer, str) or answer.strip() not in counts:
            return AnswerFault.NOT_A_KERNEL
        return None if answer.strip() == self.expected(counts) else AnswerFault.OTHER


class HowMany(_Kind, frozen=True, kw_only=True, tag="number"):
    """How much of something a kernel has."""

    kernel: str
    counter: Counter
    per: Counter | None = None
    times: str = ""
    """The kernel that it is a multiple of; empty for the number itself."""

    form: ClassVar[str] = "A number, without quotes."
    empty: ClassVar[str] = '""'

    def expected(self, counts: Counts) -> Fraction:
        """The right answer."""
        own = counts[self.kernel].count(self.counter, self.per)
        return own / counts[self.times].count(self.counter, self.per) if self.times else own

    def wrong(self, answer: object, counts: Counts) -> AnswerFault | None:
        """What is wrong with an answer; None where it is right."""
        if isinstance(answer, bool) or not isinstance(answer, int | float):
            return AnswerFault.NOT_A_NUMBER
        if not math.isfinite(answer):
            return AnswerFault.NOT_A_NUMBER
        right = self.expected(counts)
        far = abs(Fraction(answer) - right)
        allowed = 0 if right.denominator == 1 else _CLOSE * right
        return None if far <= allowed else AnswerFault.OTHER


class WhichLines(_Kind, frozen=True, kw_only=True, tag="lines"):
    """At which lines a kernel's accesses take several times what would do."""

    kernel: str
    space: Space

    form: ClassVar[str] = "The numbers of the lines, as in [7, 9]."
    empty: ClassVar[str] = "[]"

    def expected(self, counts: Counts) -> set[int]:
        """The right answer."""
        wasteful = counts[self.kernel].profile.wasteful
        return {each.line for each in wasteful if each.space is self.space and each.line}

    def wrong(self, answer: object, counts: Counts) -> AnswerFault | None:
        """What is wrong with an answer; None where it is right."""
        lines = [answer] if isinstance(answer, int) else answer
        if not isinstance(lines, list):
            return AnswerFault.NOT_LINES
        if not all(isinstance(each, int) and not isinstance(each, bool) for each in lines):
            return AnswerFault.NOT_LINES
        return None if set(lines) == self.expected(counts) else AnswerFault.OTHERS


class Option(_Strict, frozen=True, kw_only=True):
    """A reason why a kernel is slower than another: it has more of something."""

    id: str
    text: str
    counter: Counter
    per: Counter | None = None


class WhySlower(_Kind, frozen=True, kw_only=True, tag="why"):
    """Of which things one kernel has more than another."""

    slow: str
    fast: str
    options: Sequence[Option]

    form: ClassVar[str] = "A list of what holds, of the words above."
    empty: ClassVar[str] = "[]"

    def expected(self, counts: Counts) -> set[str]:
        """The right answer."""
        slow, fast = counts[self.slow], counts[self.fast]
        return {
            each.id
            for each in self.options
            if slow.count(each.counter, each.per) > fast.count(each.counter, each.per)
        }

    def wrong(self, answer: object, counts: Counts) -> AnswerFault | None:
        """What is wrong with an answer; None where it is right."""
        words = [answer] if isinstance(answer, str) else answer
        known = {each.id for each in self.options}
        if not isinstance(words, list):
            return AnswerFault.NOT_OPTIONS
        if not all(isinstance(each, str) and each in known for each in words):
            return AnswerFault.NOT_OPTIONS
        return None if set(words) == self.expected(counts) else AnswerFault.OTHERS


class Unseen(_Kind, frozen=True, kw_only=True, tag="unseen"):
    """What only a real GPU shows. It is not checked, and costs nothing."""

    why: str
    """A clause."""

    form: ClassVar[str] = "In your own words. It is not checked."
    empty: ClassVar[str] = '""'


Answer = MostOf | HowMany | WhichLines | WhySlower | Unseen


class Question(_Strict, frozen=True, kw_only=True):
    """One question."""

    id: str
    title: str
    """In a few words, as a line of the rubric."""
    ask: str
    points: Annotated[int, msgspec.Meta(ge=0)] = 0
    hint: str = ""
    answer: Answer

    @property
    def unseen(self) -> str:
        """Why it can't be counted; empty where it can."""
        return self.answer.why if isinstance(self.answer, Unseen) else ""

    @property
    def seen(self) -> MostOf | HowMany | WhichLines | WhySlower | None:
        """What its answer follows from; None where that can't be counted."""
        return None if isinstance(self.answer, Unseen) else self.answer


class Quiz(_Strict, frozen=True, kw_only=True):
    """What stands in ``quiz.toml``."""

    name: str
    title: str
    about: str
    """What to know before the first question."""
    questions: Sequence[Question]


def find_quiz(name: str) -> Quiz:
    """A quiz by its name."""
    text = (folder_of_quiz(name) / "quiz.toml").read_text("utf-8")
    return data_as({"name": name, **tomllib.loads(text)}, Quiz)


def counts_of(name: str) -> Counts:
    """What the device counts of a quiz's kernels."""
    data = (folder_of_quiz(name) / "counts.json").read_bytes()
    found = json_as(data, tuple[KernelCounts, ...])
    return {each.name: each for each in found}
