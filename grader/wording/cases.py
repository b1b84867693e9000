"""What is wrong with a case."""

from __future__ import annotations

from grader.record import ProblemKind

PROBLEM_TITLES: dict[ProblemKind, str] = {
    ProblemKind.WRONG_VALUES: "wrong values",
    ProblemKind.NO_OUTPUT: "no output",
    ProblemKind.FINDING: "an access that is not clean",
    ProblemKind.INPUT_CHANGED: "an input was changed",
    ProblemKind.EARLIER_OUTPUT: "an output of an earlier call",
    ProblemKind.NO_KERNEL_WROTE: "an output that no kernel wrote",
    ProblemKind.NOT_EACH_TIME: "not right each time",
    ProblemKind.NOT_REPRODUCIBLE: "not reproducible",
    ProblemKind.ORDER_DECIDES: "a race: the order of blocks and threads decides",
    ProblemKind.HOST_HELPS: "computed with the help of the host",
    ProblemKind.OWN: "something else than the task asks for",
}
"""Where a problem has more of a name than its kind, that stands in the place of this."""

GO_ON = "Go on with {title}: nothing has been changed there yet."
NOTHING_LAUNCHED = "No kernel was launched, so nothing was computed on the device."
LAUNCH_IT = (
    "Enqueue the kernel on the context, with grid_dim and block_dim. To name it, or to give it its "
    "compile-time parameters, launches nothing."
)
NO_OUTPUT_SAID = 'A run ended without an output, and said "{said}".'
MEND_FIRST = "Mend that first; there are no values to compare before."
