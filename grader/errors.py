"""Every exception that crosses a module boundary, in one tree.

::

    GradeError                      anything this product raises on purpose
    +-- UsageError                  the command was called wrongly           (exit 2)
    |   +-- RecordError             a file that was named as a record is none that can be read
    +-- SubmissionRefused           the file can't be taken as a submission  (exit 3)
    |   +-- OtherPuzzle             it is the file of another puzzle
    +-- GraderFault                 our side failed; never costs a point     (exit 4)
        +-- ToolchainFault          MAX or Mojo missing, broken or unusable
        |   +-- IndexUnreachable    it is not installed, and can't be fetched
        |   +-- EditionLeftOpen     the file may be of an edition that can't be tried here
        +-- DeviceFault             the device could not be started or used
        |   +-- UnsupportedByDevice an instruction or driver call we lack
        +-- SandboxFault            the isolation asked for can't be reached
        +-- ProtocolFault           a process of our own broke its protocol
        +-- Undecided               whether the answer is right can't be told by its values

A student's mistake is not an exception: it is data in the record
(`grader.record`). An exception here means that there is no verdict.

Each error carries what a reader needs: ``what`` went wrong and ``remedy``, a
sentence that says what to do now.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How ``grade`` ends. Documented in ``grade submit --help``."""

    PASSED = 0
    NOT_PASSED = 1
    USAGE = 2
    REFUSED = 3
    FAULT = 4


class GradeError(Exception):
    """Base of all errors raised on purpose.

    Args:
        what: One sentence: what went wrong, and where.
        remedy: One sentence: what the reader can do now. May be empty.
    """

    exit_code = ExitCode.FAULT

    def __init__(self, what: str, *, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


class UsageError(GradeError):
    """The command line or a configuration value makes no sense."""

    exit_code = ExitCode.USAGE


class SubmissionRefused(GradeError):
    """What was handed in can't be taken as a submission."""

    exit_code = ExitCode.REFUSED


class OtherPuzzle(SubmissionRefused):
    """What was handed in is the file of another puzzle.

    Args:
        what: As for every error.
        remedy: As for every error.
        name: Of that puzzle.
        title: Of that puzzle.
    """

    def __init__(self, what: str, *, remedy: str, name: str, title: str) -> None:
        super().__init__(what, remedy=remedy)
        self.name = name
        self.title = title


class GraderFault(GradeError):
    """Something on our side failed. There is no mark, and nobody loses points."""


class ToolchainFault(GraderFault):
    """MAX or Mojo is missing, broken, or does not behave as measured."""


class IndexUnreachable(ToolchainFault):
    """What is not installed can't be fetched: no network, or no index that answers."""


class EditionLeftOpen(ToolchainFault):
    """A file does not compile, and may be written for an edition that can't be tried here."""


class DeviceFault(GraderFault):
    """The device (software or real) could not be started or used."""


class UnsupportedByDevice(DeviceFault):
    """The submission needs an instruction or driver call that the software device lacks."""


class SandboxFault(GraderFault):
    """The isolation that was asked for can't be reached on this machine."""


class ProtocolFault(GraderFault):
    """A process of our own said something that its protocol does not allow."""


class Undecided(GraderFault):
    """The values are neither right nor wrong; a person has to read the file."""


class RecordError(UsageError):
    """A file that was named as a record can't be read or does not fit this version."""
