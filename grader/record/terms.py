"""The words of a record: how a run, a check and a stage can end, and who sees what."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

Audience = Literal["student", "instructor"]
"""Who reads a rendering. What a student's copy leaves out: `grader.audience`."""


class Verdict(StrEnum):
    """How a run ended."""

    PASS = "pass"
    FAIL = "fail"
    REFUSED = "refused"
    FAULT = "fault"


class Status(StrEnum):
    """Outcome of one check."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not-checked"


class StudentStanding(StrEnum):
    """How a student's attempt that counts ended, in the order in which people look for them.

    The values are the words of a gradebook.
    """

    PASSED = "passed"
    FAILED = "not passed"
    REFUSED = "not accepted"
    FAULT = "no mark"
    WAITING = "not graded yet"
    NOTHING = "nothing handed in"


class Visibility(StrEnum):
    """When a student sees a check; the words of a rubric file."""

    VISIBLE = "visible"
    HIDDEN = "hidden"
    AFTER_DUE = "after the due date"


class Attribution(StrEnum):
    """Whose code a finding is about."""

    STUDENT = "student"
    SKELETON = "skeleton"


class StageOutcome(StrEnum):
    """How one stage of a run ended."""

    DONE = "done"
    FAILED = "failed"


class LaneKind(StrEnum):
    """How a submission is run: `grader.lanes`."""

    GRAPH = "graph"
    """As an op in a MAX Graph."""
    KERNEL = "kernel"
    """Kernels of a program, as PTX that the grader launches."""
    HARNESS = "harness"
    """Kernels of a program, by a library that launches them."""
    DIRECT = "direct"
    """An op, by a library that calls it: a preview, which decides nothing."""


class Aspect(StrEnum):
    """What of a submission a check looks at, and what a problem is about."""

    PACKAGES = "packages"
    """Whether the file compiles alone."""
    COMPILES = "compiles"
    """Whether the program around it compiles."""
    VALUES = "values"
    """Whether the outputs are right."""
    CLEAN = "clean"
    """How it gets there: accesses, races, barriers, inputs that must stay as they are."""
    ORIGIN = "origin"
    """Who made the outputs: a kernel on the device, or the host."""
    PROGRAM = "program"
    """What the file does as a program, by its own ``main``."""
    USAGE = "usage"
    """What its kernels cost, as the device counts it."""
    ANSWER = "answer"
    """The answer to a question of a quiz."""
    ALL = "all"
    """All of the above, at sizes beyond the task."""
    OWN = "own"
    """What only a puzzle's own check looks for."""


class Reason(StrEnum):
    """Why a check ended as it did. The sentences: `grader.wording`."""

    NOTHING_FILLED_IN = "nothing-filled-in"
    COMPILER = "compiler"
    """The compiler refused it, or did not end. Data: ``end`` (`CompilerEnd`), and what that
    says."""
    KERNEL_MISSING = "kernel-missing"
    """The file does not define a kernel of the part. Data: ``function``."""
    CONSTANT_UNSET = "constant-unset"
    """A constant of the file can't get the sizes' values. Data: ``constant``, ``why``
    (`grader.intake.program.Unset`), ``line``."""
    SIGNATURE = "signature"
    """A kernel takes other arguments than the task's launch gives. Data: ``function``,
    ``arguments`` and ``parameters`` of the launch, and how it is ``declared`` and ``expected``."""
    NOT_PACKAGED = "not-packaged"
    NOT_COMPILED = "not-compiled"
    PROBLEM = "problem"
    """A case failed. Data: ``kind`` (`ProblemKind`), and what that kind says."""
    NOT_RUN = "not-run"
    """A case that it needs was not run. Data: ``why`` (`NotRun`)."""
    UNKNOWN = "unknown"
    """The device can't tell something of a case. Data: ``said``."""
    HOST_UNTOLD = "host-untold"
    """It can't be told whether the host helped. Data: ``why`` (`HostUntold`), ``said``."""
    NO_CASE = "no-case"
    NO_OUTPUT = "no-output"
    """Not every case gave an output."""
    NO_KERNEL = "no-kernel"
    """No kernel ran to its end and wrote something of an output."""
    WRITERS_HIDDEN = "writers-hidden"
    """A GPU does not show who wrote which byte."""
    ACCESSES_HIDDEN = "accesses-hidden"
    """A GPU does not show accesses and races."""
    GIVEN_KERNEL = "given-kernel"
    """The given kernel is unchanged, and it is not right there."""
    BEYOND_NOT_COMPILED = "beyond-not-compiled"
    """It compiles at the assigned sizes, and not together with others."""
    ASSIGNED_FIRST = "assigned-first"
    """The assigned sizes are not right yet."""
    TRIED = "tried"
    """It passed. Data: ``tried``, ``of``, ``not_compared``, ``elements``."""
    PROGRAM = "program"
    """How the program ended. Data: ``end`` (`ProgramEnd`), ``command``, and ``said``, what it says
    of itself: the compiler's message, an exit code, a limit. Where it passed, ``printed``
    (`PrintedOutput`)."""
    PROGRAM_UNSEEN = "program-unseen"
    """How the program would end can't be told here. Data: ``said``."""
    OVER_LIMIT = "over-limit"
    """A kernel costs more than is asked for. Data: ``limit`` (`UsageLimit`), what was ``measured``
    and what is the ``most``, ``at`` which sizes, in which ``kernel`` and ``line``, where that is
    known; of an access what kind it is (``access``) and what it ``takes`` for each request where
    the ``least`` would do; and other limits that are exceeded too (``others``)."""
    WITHIN_LIMITS = "within-limits"
    """It passed. Data: ``at`` which sizes, and by the name of each limit what was measured and what
    is the most (``most-`` before the name)."""
    COUNTERS_HIDDEN = "counters-hidden"
    """A GPU does not show what instructions cost."""
    NOT_COUNTED = "not-counted"
    """The device could not count it. Data: ``why`` (`Uncounted`)."""
    NO_ANSWER = "no-answer"
    """Data: where an answer has another name that may be meant, that ``name`` and its ``line``."""
    WRONG_ANSWER = "wrong-answer"
    """Data: ``why`` (`AnswerFault`), and what was ``given``, for people."""

    @property
    def out_of_reach(self) -> bool:
        """Whether it was the device that could not show it."""
        return self in (
            Reason.WRITERS_HIDDEN,
            Reason.ACCESSES_HIDDEN,
            Reason.PROGRAM_UNSEEN,
            Reason.COUNTERS_HIDDEN,
        )


class AnswerFault(StrEnum):
    """What is wrong with an answer to a question of a quiz."""

    NOT_A_NUMBER = "not-a-number"
    NOT_A_KERNEL = "not-a-kernel"
    """It is no name of a kernel that the question is about."""
    NOT_LINES = "not-lines"
    """It is no list of whole numbers."""
    NOT_OPTIONS = "not-options"
    """It is no list of options that the question has."""
    OTHER = "other"
    """The device counts something else."""
    OTHERS = "others"
    """Some of the list are wrong, or some are missing."""


class Uncounted(StrEnum):
    """Why it is not known what the kernels of a part that is right cost."""

    NO_SIZE = "no-size"
    """No size of the part is tried each time."""
    NOT_RIGHT = "not-right"
    """The case that is counted, which is the last, was not right."""
    TOO_MUCH = "too-much"
    """More launches or instructions than the device counts."""
    FAULT = "fault"
    """The device, or the machine, did not get to its end."""


class UsageLimit(StrEnum):
    """What of a kernel's costs can be limited; the words of a rubric file.

    What is counted for each warp is divided by the warps that are launched.
    """

    SECTORS = "sectors"
    """Sectors of global memory that the loads, stores or atomics of a line take, times the least
    that would do."""
    WAVEFRONTS = "wavefronts"
    """Wavefronts of shared memory, likewise."""
    READS = "reads"
    """How often each element of the inputs is loaded from global memory, on average."""
    WRITES = "writes"
    """How often each element of the outputs is stored to global memory, on average."""
    BARRIERS = "barriers"
    """Barriers that each warp comes to."""
    DIVERGED = "diverged"
    """How often threads of each warp go different ways at a branch."""
    SHARED = "shared"
    """Requests to shared memory, for each warp."""
    SHUFFLES = "shuffles"
    """Shuffles, votes and other exchanges within a warp, for each warp."""
    ATOMICS = "atomics"
    """Atomics, for each warp."""
    INSTRUCTIONS = "instructions"
    """All instructions, for each warp."""


class CompilerEnd(StrEnum):
    """Why a file did not get through the compiler. The sentences: `grader.wording.checks`."""

    SAID = "said"
    """Data: what it ``said``, and of which ``line``, where it told."""
    OTHER_EDITION = "other-edition"
    """Lines are of other editions. Data: that of `OtherEdition`, and the ``lines``."""
    BROKE_OFF = "broke-off"
    """Data: ``what`` broke off, and ``how`` it ended."""
    NOT_MADE = "not-made"
    """Data: ``what`` can't be made, and what was ``said``."""
    PROTOCOL = "protocol"
    """The program broke the grader's protocol. Data: ``said``."""
    ENDLESS = "endless"
    """It ran out of time. Data of this and the next: ``doing``, what it was at; ``seconds``."""
    WAITED = "waited"
    """It ran out of time, of which it used little."""
    MEMORY = "memory"
    """Data of this and the next: ``doing``, and the ``mebibytes``."""
    OUTPUT = "output"
    DISK = "disk"
    """Data of this and the next: ``doing``."""
    PROCESSES = "processes"


class OtherEdition(StrEnum):
    """How a file is not of the edition that it is graded with (``here``)."""

    WRITTEN_FOR = "written-for"
    """Data: the ``editions`` that it is written for, and how ``many`` they are."""
    MIXED = "mixed"


class LimitReached(StrEnum):
    """The limit that a program was stopped at."""

    WALL_CLOCK = "wall-clock"
    MEMORY = "memory"
    TASKS = "tasks"
    SCRATCH = "scratch"
    OUTPUT = "output"


class ProgramEnd(StrEnum):
    """What came of a program that was run as its author would. The sentences: `grader.wording`."""

    RAN = "ran"
    """To its end, with exit code 0, and it launched a kernel."""
    NO_MAIN = "no-main"
    NOT_BUILT = "not-built"
    FAILED = "failed"
    """With another exit code, or by a signal."""
    STOPPED = "stopped"
    """At a limit."""
    NO_LAUNCH = "no-launch"
    """It launched no kernel, or not the one that the task is about."""
    NOT_CLEAN = "not-clean"
    """The device found something in a launch."""
    NOTHING_BACK = "nothing-back"
    """What it copied back holds nothing that a kernel wrote."""
    UNSEEN = "unseen"
    """It asked for what the software device does not have, or the machine was at fault."""


class PrintedOutput(StrEnum):
    """What a program printed, beside what the book's own prints."""

    PUBLISHED = "published"
    OTHER = "other"
    NOTHING = "nothing"
    """No numbers, where the book's own has some."""
    NOT_ASKED = "not-asked"
    """It is not known what the book's own prints."""


class ProblemKind(StrEnum):
    """What is wrong with a case, and the data of each. The sentences: `grader.wording.cases`."""

    WRONG_VALUES = "wrong-values"
    """Data: ``wrong`` elements of so many (``of``), in all outputs that are wrong; their names
    (``outputs``), where there are several outputs."""
    NO_OUTPUT = "no-output"
    """Data: ``ending`` (`Ending`), and ``said``, the message of the run or of the finding."""
    FINDING = "finding"
    """The device saw something that is not clean. Data: ``finding`` (`FindingKind`), ``said``."""
    INPUT_CHANGED = "input-changed"
    """Data: ``tensor``, its name."""
    EARLIER_OUTPUT = "earlier-output"
    """An output that a kernel of an earlier call wrote. Data: ``place``, as in ``out[3]``."""
    NO_KERNEL_WROTE = "no-kernel-wrote"
    """Data: ``place``, and ``writer`` (`Writer`), who wrote it last."""
    NOT_EACH_TIME = "not-each-time"
    """Right at the first call, and wrong at the last. Data: ``zeros``, whether that gave these."""
    NOT_REPRODUCIBLE = "not-reproducible"
    """Data: ``on`` (`Chance`), and the number of the ``schedule`` where it was one."""
    ORDER_DECIDES = "order-decides"
    """The order of blocks and threads decides what comes out. Data: ``shows`` (`OrderShows`),
    ``schedule``, its number, and what that kind says."""
    HOST_HELPS = "host-helps"
    """Data: ``right``, whether the kernels are right without the host, in another way."""
    OWN = "own"
    """What a puzzle's own check found. Data: ``title`` and ``said``, in its own words."""


class Chance(StrEnum):
    """What a result depends on that is not the same in two calls."""

    MEMORY = "memory"
    """Memory that nothing wrote, or the order of threads."""
    CALLS = "calls"
    """What changes from call to call."""
    CLOCK = "clock"
    """A clock, or the order of threads."""
    SAME_ORDER = "same-order"
    """It is not the order: in the same one it was another result."""


class OrderShows(StrEnum):
    """How it shows that the order of blocks and threads decides."""

    NO_OUTPUT = "no-output"
    """In the other order. Data: ``ending`` (`Ending`), ``said``."""
    UNCLEAN = "unclean"
    """In the other order. Data: ``problem`` (`ProblemKind`), and what that kind says."""
    VALUES = "values"
    """Data: ``place``, as in ``out[3]``, what it is in the ``plain`` order and in the ``other``."""


class Ending(StrEnum):
    """How a case ended."""

    OUTPUT = "output"
    """With output of the right length."""
    ERROR = "error"
    """The call raised an error: the launch was refused, or the device faulted."""
    DIED = "died"
    """The process ended in the middle."""
    LATE = "late"
    """No answer before the time limit."""
    LIMIT = "limit"
    """The sandbox ended it: too much memory, output, disk or too many processes."""
    FORGED = "forged"
    """What the worker returned is not what left the device, or broke the protocol."""
    NOT_RUN = "not run"
    """There was no worker for it, or too little time: `NotRun`. It says nothing."""


class HostUntold(StrEnum):
    """Why it can't be told whether the host helped."""

    NO_OUTPUT = "no-output"
    """There is not an output each time."""
    CHANGES = "changes"
    """What the program does changes from call to call."""
    DEVICE = "device"
    """The device can't do the case again. Data: ``said``."""


class Shortfall(StrEnum):
    """What is missing, as the first check that failed shows it. The sentences: `grader.wording`."""

    NOT_RIGHT = "not-right"
    """Nothing particular is known."""
    UNCHECKED = "unchecked"
    """What was run is right, and a check could not be made."""
    NO_RUN = "no-run"
    """No run of the file gave an output."""
    NO_RUN_OF_PART = "no-run-of-part"
    EXAMPLE_SILENT = "example-silent"
    """The published example has no output."""
    EXAMPLE_UNSTEADY = "example-unsteady"
    """It is right at one time and wrong at another."""
    EXAMPLE_WRONG = "example-wrong"
    CASES_SILENT = "cases-silent"
    CASES_WRONG = "cases-wrong"
    OTHERS_SILENT = "others-silent"
    """The published example is right, and other cases have no output."""
    OTHERS_WRONG = "others-wrong"
    SOME_SILENT = "some-silent"
    """Some case has no output, whatever its values."""
    REALS_WRONG = "reals-wrong"
    UNCLEAN = "unclean"
    """Right, and not as the device wants it: accesses, races, inputs that were changed."""
    NOT_BY_THE_DEVICE = "not-by-the-device"
    PROGRAM = "program"
    """Right as kernels, and not as a program."""
    COSTLY = "costly"
    """Right, and more costly than is asked for."""
    OWN = "own"
    """What a puzzle's own check asks for: `grader.model.checks.Check.own_words`."""


class NotRun(StrEnum):
    """Why a case was not run, or not to its end. It says nothing of the case."""

    CUT = "cut"
    """A case before it did not end, so it had a short try, and did not end in it either."""
    ENDLESS = "endless"
    """Too many cases before it did not end."""
    TIME = "time"
    """Those before it took all the time that there is."""
    PROCESS = "process"
    """Those before it ended the program's process too often."""
    LOADING = "loading"
    """After the process had ended, the compiled graphs could not be loaded again."""
