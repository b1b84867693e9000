"""Representative records, one for each way in which a run can end.

Written out by hand, as a grading run would fill them in, for every test of
something that renders a record.
"""

from __future__ import annotations

from collections.abc import Callable

from grader.device import Finding, FindingKind, Space
from grader.record import (
    Aspect,
    Attribution,
    CheckedFinding,
    CheckOutcome,
    Counterexample,
    Diagnostic,
    Fault,
    IsolationInfo,
    Note,
    OutputCase,
    PrintedOutput,
    ProblemKind,
    ProgramEnd,
    ProgramOutput,
    Reason,
    Record,
    Stage,
    StageOutcome,
    Status,
    SubmissionInfo,
    Verdict,
)
from grader.sandbox import Isolation
from tests.report.record_parts import (
    BOUND_LINE,
    IDS,
    LAUNCH_LINE,
    SKELETON_READ,
    STAGES,
    STUDENT_RACE,
    checks,
    convolve,
    counterexample,
    float32,
    line_of,
    race_trace,
    record,
    robust,
    shapes,
    values_trace,
)


def passed() -> Record:
    """100 points; the given kernel's own defect is reported."""
    why = "The given kernel reads cells that nothing wrote; that is not your code."
    return record(
        verdict=Verdict.PASS,
        score=100,
        headline="Right on the whole assigned domain: 200 examples over 11 shapes.",
        checks=(*checks(), robust(Status.NOT_CHECKED, why)),
        findings=(SKELETON_READ,),
        advice=(
            (
                "For 10 extra points, make the kernel right for every size: "
                "write 0 to the shared cells of threads that have no input element."
            ),
        ),
    )


def passed_with_extra() -> Record:
    """110 points."""
    return record(
        verdict=Verdict.PASS,
        score=100,
        extra_score=10,
        headline="Right for every size, also beyond the assignment.",
        checks=(*checks(), robust(Status.PASSED, "All 450 sizes are covered.")),
    )


def wrong_values() -> Record:
    """The halo is ignored, so the last outputs of a tile are too small."""
    numbers = [1.0] * 30
    kernel = [1.0, 2.0, 3.0]
    got = convolve(numbers, kernel)
    got[13], got[14] = 3.0, 1.0
    case = counterexample(
        numbers,
        kernel,
        got,
        explanation="Only the last elements of the first tile are wrong: the halo is not used.",
    )
    reals = counterexample(
        [0.1, -2.5, 1e-3, 7.25],
        [1.5, 0.3],
        [-0.6, -3.7482, 2.1765, 10.875],
        check="reals",
        title="wrong values",
        allowed=1.2e-6,
    )
    wrong = "Wrong at input_size 30, conv_size 3: 2 of 30 elements."
    return record(
        verdict=Verdict.FAIL,
        score=60,
        headline="Wrong values where a tile meets the next one: "
        "2 of 30 elements at input_size 30, conv_size 3.",
        checks=(
            *checks({"integers": wrong, "reals": "Off by more than the bound in 31 cases."}),
            robust(Status.NOT_CHECKED, "The assigned domain comes first."),
        ),
        counterexamples=(case, reals),
        traces=(values_trace(),),
        shapes=shapes(failing=3),
        advice=(
            (
                f"Look at line {BOUND_LINE}: the condition stops at TPB, "
                "so the halo cells after it are never added."
            ),
            "Run your kernel on the input below: 30 ones and the kernel 1, 2, 3.",
        ),
    )


def special_values() -> Record:
    """NaN, infinities and a huge value in what came out."""
    numbers = [float(i) for i in range(15)]
    kernel = [0.0, 1.0, 2.0, 3.0]
    got = convolve(numbers, kernel)
    got[11:15] = [float("inf"), 3.4e38, float("nan"), float("-inf")]
    return record(
        verdict=Verdict.FAIL,
        score=35,
        headline="The published example gives NaN and infinities at its end.",
        checks=(
            *checks(
                {
                    "example": "4 of 15 elements are wrong.",
                    "integers": "Wrong on every shape.",
                    "reals": "Wrong on every shape.",
                    "clean": "The kernel reads shared memory that nothing wrote.",
                }
            ),
            robust(Status.NOT_CHECKED, "The assigned domain comes first."),
        ),
        counterexamples=(counterexample(numbers, kernel, got, check="example"),),
        findings=(STUDENT_RACE, SKELETON_READ),
        shapes=shapes(failing=14),
    )


def does_not_compile() -> Record:
    """Two errors of the compiler, one with notes, before any graph."""
    unchecked = dict.fromkeys(IDS[1:], "The file does not package.")
    return record(
        verdict=Verdict.FAIL,
        score=0,
        headline=f"It does not compile: line {LAUNCH_LINE}, "
        "no matching method in call to 'enqueue_function'.",
        checks=checks({"packages": "mojo precompile reported 2 errors."}, unchecked),
        diagnostics=(
            Diagnostic(
                severity="error",
                message="no matching method in call to 'enqueue_function'",
                stage="package",
                file="op/conv1d.mojo",
                line=LAUNCH_LINE,
                column=16,
                notes=(
                    Note(
                        message="candidate not viable: missing required argument: 'block_dim'",
                        file="max/mojo/max/gpu/host/device_context.mojo",
                        line=4365,
                        column=1,
                    ),
                    Note(
                        message="the struct is here",
                        file="op/conv1d.mojo",
                        line=line_of("struct "),
                        column=1,
                    ),
                ),
                advice="The launch needs both sizes: add block_dim=(TPB, 1) after grid_dim.",
            ),
            Diagnostic(
                severity="error",
                message="use of unknown declaration 'Vector'",
                stage="package",
                file="op/conv1d.mojo",
                line=line_of("def conv1d_kernel"),
                column=60,
            ),
            Diagnostic(severity="warning", message="unused variable 'tmp'", stage="package"),
        ),
        shapes=(),
        cases_run=0,
        kernels=(),
        device=None,
        stages=(
            STAGES[0],
            Stage(name="package", outcome=StageOutcome.FAILED, seconds=1.934),
        ),
    )


def graph_does_not_compile() -> Record:
    """The package is fine, the graph is not, and nothing says where."""
    unchecked = dict.fromkeys(IDS[2:], "The graph does not compile.")
    return record(
        verdict=Verdict.FAIL,
        score=10,
        headline="The graph does not compile: the kernel's arguments do not fit its parameters.",
        checks=checks({"compiles": "The compiler rejected the launch."}, unchecked),
        diagnostics=(
            Diagnostic(
                severity="error",
                message="constraint failed: argument #2 of type 'TileTensor[float32, Layout, "
                "MutAnyOrigin]' is not encodable as the declared function argument type",
                stage="compile",
                advice="The compiler says #2 whichever argument is wrong. "
                "The kernel takes output, input, kernel, in this order.",
            ),
        ),
        shapes=(),
        cases_run=0,
        kernels=(),
    )


def crashed() -> Record:
    """An access out of bounds ended the run: no output."""
    expected = convolve([1.0, 0.0, 0.0], [1.0])
    case = Counterexample(
        check="integers",
        kind=ProblemKind.NO_OUTPUT,
        title="no output: the call failed",
        values="integers",
        sizes={"input_size": 3, "conv_size": 1},
        inputs=(float32("input", [1.0, 0.0, 0.0]), float32("kernel", [1.0])),
        outputs=(OutputCase(expected=float32("output", expected), got=None),),
        error="CUDA call failed: CUDA_ERROR_ILLEGAL_ADDRESS "
        "(an illegal memory access was encountered)",
    )
    finding = CheckedFinding(
        finding=Finding(
            kind=FindingKind.OUT_OF_BOUNDS,
            message="thread 3 of block 0 wrote 4 bytes at cell 3 of an array of 3",
            kernel="conv1d_kernel",
            block=(0, 0, 0),
            thread=(3, 0, 0),
            space=Space.GLOBAL,
            access="write",
            address=0x7F0000000C,
            cell=3,
            size=4,
            ptx_line=101,
            ptx_text="st.global.f32 [%rd14], %f11;",
            source_line=line_of("output[global_i]"),
            count=12,
        ),
        attribution=Attribution.STUDENT,
        sizes={"input_size": 3, "conv_size": 1},
        explanation="A thread whose index is past the end must not write. "
        "Keep the write under if global_i < input_size.",
    )
    return record(
        verdict=Verdict.FAIL,
        score=25,
        headline="The kernel writes outside of its output, and the run ends there.",
        checks=(
            *checks(
                {
                    "example": "The run ended without output.",
                    "integers": "The run ended without output.",
                    "clean": "Writes outside of the output.",
                },
                {"reals": "No output to compare.", "device": "No output to look at."},
            ),
            robust(Status.NOT_CHECKED, "The assigned domain comes first."),
        ),
        counterexamples=(case,),
        findings=(finding,),
        shapes=shapes(failing=14),
    )


def race() -> Record:
    """Right values by luck, with a race that only the device can see."""
    return record(
        verdict=Verdict.FAIL,
        score=95,
        headline="The values are right, but by luck: two threads race for a shared cell.",
        checks=(
            *checks({"clean": "A race in shared memory, between lines of your kernel."}),
            robust(Status.NOT_CHECKED, "The race comes first."),
        ),
        findings=(STUDENT_RACE, SKELETON_READ),
        traces=(race_trace(),),
    )


def nothing_filled_in() -> Record:
    """The skeleton came back as it was."""
    unchecked = dict.fromkeys(IDS, "Nothing was filled in.")
    return record(
        verdict=Verdict.FAIL,
        score=0,
        headline="Nothing was filled in: this is the file that you were given.",
        checks=checks({}, unchecked),
        shapes=(),
        cases_run=0,
        kernels=(),
        device=None,
        advice=("Fill in the launch at the end of execute, then hand in again.",),
    )


def refused() -> Record:
    """Not text, so not a submission."""
    return record(
        verdict=Verdict.REFUSED,
        score=0,
        headline="conv1d.mojo is not UTF-8 text: byte 0xff at offset 12.",
        submission=SubmissionInfo(name="conv1d.mojo", size=4096),
        advice=("Save the file as UTF-8 and hand it in again.",),
        shapes=(),
        stages=(),
        toolchain=None,
        device=None,
        isolation=None,
        kernels=(),
        cases_run=0,
    )


def faulted() -> Record:
    """The software device lacks an instruction."""
    return record(
        verdict=Verdict.FAULT,
        score=0,
        headline="The software device does not know the instruction wgmma.mma_async.",
        checks=checks({}, dict.fromkeys(IDS[2:], "The run did not come to an end.")),
        fault=Fault(
            kind="UnsupportedByDevice",
            what="conv1d_kernel needs the instruction wgmma.mma_async (PTX line 41), "
            "which the software device does not have.",
            remedy="Grade it on a real GPU with --device gpu, or ask who runs the grader.",
            stage="run",
            detail="device: launch 1: conv1d_kernel<<<(2, 1, 1), (15, 1, 1)>>>\n"
            "device: unsupported: wgmma.mma_async.sync.aligned.m64n8k16\n",
        ),
        isolation=IsolationInfo(
            level=str(Isolation.LANDLOCK),
            note="User namespaces are off on this machine, so the file system was not hidden.",
        ),
    )


def program_ran() -> Record:
    """Of a program: it was run in two ways, and one of them ended with an error."""
    return record(
        verdict=Verdict.FAIL,
        score=100,
        max_score=105,
        headline="The kernels are right, but the program around them does not run as it should.",
        checks=(
            *checks(),
            CheckOutcome(
                id="program",
                title="The program runs",
                aspect=Aspect.PROGRAM,
                status=Status.FAILED,
                points=0,
                max_points=5,
                reason=Reason.PROGRAM,
                sentence="it ended with exit code 1 (run with --block-boundary)",
                hint="Run it as the book does.",
            ),
        ),
        programs=(
            ProgramOutput(
                check="program",
                command="--simple",
                end=ProgramEnd.RAN,
                launches=1,
                printed=PrintedOutput.PUBLISHED,
                text="out: HostBuffer([5.0, 8.0, 11.0])\n",
            ),
            ProgramOutput(
                check="program",
                command="--block-boundary",
                end=ProgramEnd.FAILED,
                said="exit code 1",
                launches=1,
                printed=PrintedOutput.OTHER,
                text="out: HostBuffer([1.0])\nUnhandled exception: left is not right\n",
            ),
        ),
    )


ALL: dict[str, Callable[[], Record]] = {
    "passed": passed,
    "passed-with-extra": passed_with_extra,
    "wrong-values": wrong_values,
    "special-values": special_values,
    "does-not-compile": does_not_compile,
    "graph-does-not-compile": graph_does_not_compile,
    "crashed": crashed,
    "race": race,
    "nothing-filled-in": nothing_filled_in,
    "refused": refused,
    "faulted": faulted,
    "program-ran": program_ran,
}
"""Every representative record by name."""
