"""What representative records are made of: the submission, the rubric, cases and findings."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import msgspec

from grader.device import Finding, FindingKind, Space, Writer
from grader.grading.records import puzzle_info
from grader.puzzles.conv1d import PUZZLE as CONV1D
from grader.record import (
    ArrayUse,
    Attribution,
    CaseTrace,
    CellUse,
    CheckedFinding,
    CheckOutcome,
    Counterexample,
    DeviceInfo,
    ElementOwner,
    IsolationInfo,
    Mismatch,
    OutputCase,
    OutputOwners,
    ProblemKind,
    Reason,
    Record,
    ShapeRun,
    Stage,
    StageOutcome,
    Status,
    SubmissionInfo,
    Tensor,
    ToolchainInfo,
    TracedStep,
)
from grader.sandbox import Isolation

SOURCE = '''\
"""1D convolution: output[i] is the sum over j of input[i + j] * kernel[j]."""

from std.gpu import block_dim, block_idx, thread_idx
from max.gpu.sync import barrier

comptime TPB = 15
comptime BLOCKS_PER_GRID = (2, 1)


def conv1d_kernel[input_size: Int, conv_size: Int](output: Vector, input: Vector, kernel: Vector):
    var global_i = block_dim.x * block_idx.x + thread_idx.x
    var local_i = thread_idx.x
    var shared_a = shared[TPB + conv_size - 1]()
    var shared_b = shared[conv_size]()

    # Tile and halo: every thread loads what it may.
    if global_i < input_size:
        shared_a[local_i] = input[global_i]
    if local_i < conv_size - 1:
        shared_a[TPB + local_i] = input[global_i + TPB]
    if local_i < conv_size:
        shared_b[local_i] = kernel[local_i]

    barrier()

    if global_i < input_size:
        var local_sum: Scalar = 0
        comptime for j in range(conv_size):
            if local_i + j < TPB:
                local_sum += shared_a[local_i + j] * shared_b[j]
        output[global_i] = local_sum


@extensibility.register("conv1d")
struct Conv1DCustomOp:
    @staticmethod
    def execute[target: StaticString, input_size: Int, conv_size: Int](ctx: DeviceContext) raises:
        comptime if target == "gpu":
            ctx.enqueue_function[conv1d](output, input, kernel, grid_dim=BLOCKS_PER_GRID)
        else:
            raise Error("Unsupported target: " + target)
'''

PUZZLE = puzzle_info(CONV1D)
TOOLCHAIN = ToolchainInfo(
    edition="26.5",
    edition_reason="The imports of the file are those of this edition.",
    max_version="26.5.0",
    mojo_version="1.0.0",
    python_version="3.12.11",
)
DEVICE = DeviceInfo(
    kind="software",
    name="software CUDA device, with all checks",
    reason="This machine has no GPU that CUDA can use.",
)
ISOLATION = IsolationInfo(level=str(Isolation.BWRAP))
STAGES = (
    Stage(name="read", outcome=StageOutcome.DONE, seconds=0.002),
    Stage(name="package", outcome=StageOutcome.DONE, seconds=2.113, peak_bytes=412_000_000),
    Stage(name="compile", outcome=StageOutcome.DONE, seconds=19.42, peak_bytes=1_900_000_000),
    Stage(name="run", outcome=StageOutcome.DONE, seconds=3.07, peak_bytes=610_000_000),
    Stage(name="report", outcome=StageOutcome.DONE, seconds=0.031),
)
CHECKS = tuple(item for item in CONV1D.rubric if not item.extra)
IDS = tuple(item.id for item in CHECKS)
(ROBUST,) = (item for item in CONV1D.rubric if item.extra)

REASONS = {
    Status.PASSED: Reason.TRIED,
    Status.FAILED: Reason.PROBLEM,
    Status.NOT_CHECKED: Reason.NO_CASE,
}


def line_of(text: str) -> int:
    """The line of `SOURCE`, from one, that holds ``text``."""
    return next(n for n, line in enumerate(SOURCE.split("\n"), start=1) if text in line)


LAUNCH_LINE = line_of("ctx.enqueue_function")
SUM_LINE = line_of("local_sum +=")
BOUND_LINE = line_of("local_i + j < TPB")


def float32(name: str, numbers: Sequence[float]) -> Tensor:
    """A vector of float32."""
    data = struct.pack(f"<{len(numbers)}f", *numbers)
    return Tensor(name=name, dtype="float32", shape=(len(numbers),), data=data)


def convolve(numbers: Sequence[float], kernel: Sequence[float]) -> list[float]:
    """The puzzle's answer."""
    return [
        sum(numbers[i + j] * k for j, k in enumerate(kernel) if i + j < len(numbers))
        for i in range(len(numbers))
    ]


def word(value: float) -> float | str:
    """A value as `Mismatch` keeps it."""
    return value if value - value == 0 else str(value)


def mismatches(
    expected: Sequence[float], got: Sequence[float], allowed: float | None = None
) -> tuple[Mismatch, ...]:
    """All elements that differ, each written by the thread of its index."""
    return tuple(
        Mismatch(
            index=i,
            expected=word(want),
            got=word(have),
            allowed=allowed,
            block=(i // 15, 0, 0),
            thread=(i % 15, 0, 0),
            writer=Writer.KERNEL,
        )
        for i, (want, have) in enumerate(zip(expected, got, strict=True))
        if want != have
    )


def counterexample(
    numbers: Sequence[float],
    kernel: Sequence[float],
    got: Sequence[float],
    *,
    check: str = "integers",
    kind: ProblemKind = ProblemKind.WRONG_VALUES,
    title: str = "wrong values",
    allowed: float | None = None,
    explanation: str = "",
) -> Counterexample:
    """A case of conv1d whose output is ``got``."""
    expected = convolve(numbers, kernel)
    wrong = mismatches(expected, got, allowed)
    return Counterexample(
        check=check,
        kind=kind,
        title=title,
        values=check if check in ("example", "reals") else "integers",
        published=check == "example",
        sizes={"input_size": len(numbers), "conv_size": len(kernel)},
        inputs=(float32("input", numbers), float32("kernel", kernel)),
        outputs=(
            OutputCase(
                expected=float32("output", expected),
                got=float32("output", got),
                mismatches=wrong[:256],
                mismatch_count=len(wrong),
            ),
        ),
        explanation=explanation,
    )


def checks(
    failed: dict[str, str] | None = None, unchecked: dict[str, str] | None = None
) -> tuple[CheckOutcome, ...]:
    """The rubric with some lines failed and some not checked, each with its reason."""
    failed, unchecked = failed or {}, unchecked or {}
    lines = []
    for item in CHECKS:
        name, status, reason = item.id, Status.PASSED, ""
        if name in failed:
            status, reason = Status.FAILED, failed[name]
        elif name in unchecked:
            status, reason = Status.NOT_CHECKED, unchecked[name]
        lines.append(
            CheckOutcome(
                id=name,
                title=item.title,
                aspect=item.check.aspect,
                status=status,
                points=item.points if status is Status.PASSED else 0,
                max_points=item.points,
                reason=REASONS[status],
                sentence=reason,
                cases=200 if name == "integers" and status is Status.PASSED else 0,
            )
        )
    return tuple(lines)


def robust(status: Status, reason: str) -> CheckOutcome:
    """The line of extra credit."""
    return CheckOutcome(
        id=ROBUST.id,
        title=ROBUST.title,
        aspect=ROBUST.check.aspect,
        beyond=True,
        status=status,
        points=ROBUST.points if status is Status.PASSED else 0,
        max_points=ROBUST.points,
        extra=True,
        reason=REASONS[status],
        sentence=reason,
        cases=120 if status is Status.PASSED else 0,
    )


def shapes(failing: int = 0) -> tuple[ShapeRun, ...]:
    """A plan of 14 shapes, the first ``failing`` of which failed."""
    plan = [(15, 4, "published example"), (30, 15, "boundary"), (30, 1, "boundary")]
    plan += [(15, k, "boundary") for k in (1, 2, 14, 15)]
    plan += [(30, k, "random") for k in (3, 5, 8, 11)]
    plan += [(7, 3, "random"), (16, 2, "boundary"), (29, 13, "random")]
    return tuple(
        ShapeRun(
            sizes={"input_size": n, "conv_size": k},
            scope="assigned" if n in (15, 30) else "robust",
            origin=origin,
            cases=17,
            failures=3 if i < failing else 0,
        )
        for i, (n, k, origin) in enumerate(plan)
    )


def record(**fields: object) -> Record:
    """A record of a whole run; ``fields`` replace the defaults."""
    defaults: dict[str, object] = {
        "grader_version": "0.1.0",
        "created": "2025-11-22T23:58:04+00:00",
        "submission": SubmissionInfo(
            name="conv1d.mojo", sha256="9f" * 32, size=len(SOURCE), text=SOURCE
        ),
        "puzzle": PUZZLE,
        "max_score": 100,
        "extra_max": 10,
        "toolchain": TOOLCHAIN,
        "device": DEVICE,
        "isolation": ISOLATION,
        "seed": "conv1d-2025-w47",
        "examples": 200,
        "cases_run": 238,
        "shapes": shapes(),
        "stages": STAGES,
        "kernels": ("conv1d_kernel",),
    }
    return Record(**{**defaults, **fields})  # type: ignore[arg-type]


SKELETON_READ = CheckedFinding(
    finding=Finding(
        kind=FindingKind.UNINITIALISED_READ,
        message="thread 6 of block 0 read shared cell 7, which nothing wrote",
        kernel="conv1d_kernel",
        block=(0, 0, 0),
        thread=(6, 0, 0),
        space=Space.SHARED,
        access="read",
        address=28,
        cell=7,
        size=4,
        ptx_line=84,
        ptx_text="ld.shared.f32 %f9, [%r12+4];",
        source_file="op/conv1d.mojo",
        source_line=SUM_LINE,
        count=41,
    ),
    attribution=Attribution.SKELETON,
    sizes={"input_size": 7, "conv_size": 3},
    explanation="The given kernel leaves the cells of idle threads unset. "
    "Your launch is not the cause; repairing it earns extra credit.",
)


def reading_left(count: int) -> tuple[CellUse, ...]:
    """Cells that the thread of the same number wrote, and the one before it read."""
    return tuple(CellUse(((k, 0, 0),), ((k - 1, 0, 0),) if k else ()) for k in range(count))


def race_trace() -> CaseTrace:
    """What a drawing of `STUDENT_RACE` needs."""
    return CaseTrace(
        finding=msgspec.structs.replace(STUDENT_RACE.finding, other_access="write"),
        sizes=STUDENT_RACE.sizes,
        kernel="conv1d_kernel",
        grid=(1, 1, 1),
        block=(15, 1, 1),
        at=(0, 0, 0),
        thread=(0, 0, 0),
        arrays=(
            ArrayUse(name="shared_a", space=Space.SHARED, cells=15, first=0, uses=reading_left(15)),
        ),
        steps=(
            TracedStep(
                access="read", space=Space.SHARED, array="shared_a", cell=1, cells=15, line=SUM_LINE
            ),
        ),
    )


def values_trace() -> CaseTrace:
    """What a drawing of two wrong elements out of thirty, in two blocks, needs."""
    owners = (
        ElementOwner(k in (13, 14), Writer.KERNEL, (k // 15, 0, 0), (k % 15, 0, 0))
        for k in range(30)
    )
    return CaseTrace(
        check="integers",
        sizes={"input_size": 30, "conv_size": 3},
        kernel="conv1d_kernel",
        grid=(2, 1, 1),
        block=(15, 1, 1),
        at=(0, 0, 0),
        thread=(13, 0, 0),
        element=13,
        outputs=(OutputOwners(name="output", shape=(30,), first=0, owners=tuple(owners)),),
    )


STUDENT_RACE = CheckedFinding(
    finding=Finding(
        kind=FindingKind.RACE,
        message="thread 0 of block 0 read shared cell 1 while thread 1 wrote it, "
        "with no barrier between",
        kernel="conv1d_kernel",
        block=(0, 0, 0),
        thread=(0, 0, 0),
        other_block=(0, 0, 0),
        other_thread=(1, 0, 0),
        space=Space.SHARED,
        access="read",
        address=4,
        cell=1,
        size=4,
        ptx_line=71,
        ptx_text="ld.shared.f32 %f4, [%r8+4];",
        other_ptx_line=52,
        source_file="/tmp/pkg/op/conv1d.mojo",
        source_line=SUM_LINE,
        count=1218,
    ),
    attribution=Attribution.STUDENT,
    sizes={"input_size": 15, "conv_size": 4},
    explanation="Without a barrier a thread may read a neighbour's cell before it is written. "
    "Call barrier() after the loads and before the sum.",
)
