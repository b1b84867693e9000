"""Representative records, one for each way in which a run can end.

What a run would see is written here: what the program answers, what the device finds, what the
compiler prints. The records are made of it by the code that grades (`tests.grading.scripted`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace

from grader.device import Finding, FindingKind, SourcePlace, Space, Touch, TracedAccess
from grader.errors import SubmissionRefused, UnsupportedByDevice
from grader.grading.blame import blame_compile, blame_packaging
from grader.grading.explain.counterexample import build
from grader.grading.given_code import Code
from grader.grading.observe import observe
from grader.grading.records import fault_record, refusal
from grader.grading.state import StepsDone
from grader.intake import submission_from_bytes
from grader.model.cases import Case, CaseRun, PlannedShape
from grader.model.domains import Values
from grader.model.program import CommandRun, ProgramCheck, ProgramSeen, commands_of
from grader.puzzles import find
from grader.puzzles.conv1d import PART, PUZZLE
from grader.record import (
    Counterexample,
    Ending,
    IsolationInfo,
    LaneKind,
    ProgramEnd,
    Record,
    Stage,
    StageOutcome,
    ToolchainInfo,
)
from grader.sandbox import Isolation
from grader.toolchain.packaging import Packaged, parse
from grader.worker.process import Ended
from tests.grading.scripted import (
    BLOCK,
    CREATED,
    Crash,
    ScriptedLane,
    record_of,
    recorded,
    right,
    search,
    state,
    whole,
)
from tests.grading.test_control import never, outcome, passes

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


def place_of(text: str) -> SourcePlace:
    """Where ``text`` stands in `SOURCE`."""
    line, code = next((n, c) for n, c in enumerate(SOURCE.split("\n"), start=1) if text in c)
    return SourcePlace(file="", line=line, column=code.index(text) + 1)


LAUNCH = place_of(".enqueue_function")
SUM = place_of("[local_i + j] * shared_b")
LOAD = place_of("[local_i] = input")
STORE = place_of("[global_i] = local_sum")


# ---- what the device sees ----


def finding(kind: FindingKind, place: SourcePlace, message: str, **more: Any) -> Finding:
    """What the device finds in the kernel, in thread 0 of block 0 where it is not said."""
    values: dict[str, Any] = {
        "block": (0, 0, 0), "thread": (0, 0, 0), "space": Space.SHARED, "access": "read", "size": 4,
        "ptx_line": 71, "ptx_text": "ld.shared.f32 %f4, [%r8+4];", **more,
    }  # fmt: skip
    return Finding(
        kind=kind, message=message, kernel="conv1d_kernel", source=(place,),
        source_file="conv1d.mojo", source_line=place.line, **values,
    )  # fmt: skip


RACE = finding(
    FindingKind.RACE,
    SUM,
    "thread 0 of block 0 read shared cell 1 while thread 1 wrote it, with no barrier between",
    other_block=(0, 0, 0),
    other_thread=(1, 0, 0),
    other_access="write",
    other_ptx_line=52,
    other_source=(LOAD,),
    address=4,
    cell=1,
    count=1218,
)


def outside(sizes: Mapping[str, int]) -> tuple[Finding, ...]:
    """The first thread past the end writes its element."""
    cell = sizes["input_size"]
    block, thread = divmod(cell, BLOCK)
    message = f"thread {thread} of block {block} wrote 4 bytes at cell {cell} of an array of {cell}"
    return (
        finding(
            FindingKind.OUT_OF_BOUNDS, STORE, message, block=(block, 0, 0), thread=(thread, 0, 0),
            space=Space.GLOBAL, access="write", address=0x7F00000000 + 4 * cell, cell=cell,
            count=12, ptx_text="st.global.f32 [%rd14], %f11;",
        ),
    )  # fmt: skip


def given_reads(sizes: Mapping[str, int]) -> tuple[Finding, ...]:
    """What the given kernel does beyond the task: it reads cells that nothing wrote."""
    touched = tuple(
        Touch(block=(block, 0, 0), thread=(thread, 0, 0), cell=cell, cells=cells)
        for cells, block, thread, cell in sorted(PART.given_reads(sizes))
    )
    if not touched:
        return ()
    first = touched[0]
    message = (
        f"thread {first.thread[0]} of block {first.block[0]} read shared cell {first.cell}, "
        "which nothing wrote"
    )
    found = finding(FindingKind.UNINITIALISED_READ, SUM, message, block=first.block,
                    thread=first.thread, cell=first.cell, address=4 * first.cell,
                    count=len(touched), touched=touched)  # fmt: skip
    return (found,)


def races(sizes: Mapping[str, int]) -> tuple[Finding, ...]:
    """A race at each size with a neighbour to read, beside what the given kernel does."""
    return (*((RACE,) if sizes["conv_size"] > 1 else ()), *given_reads(sizes))


TILE = (
    tuple(
        TracedAccess((k, 0, 0), "write", Space.SHARED, "shared array 1", k, BLOCK, 4, 0)
        for k in range(BLOCK)
    )
    + tuple(
        TracedAccess((k, 0, 0), "read", Space.SHARED, "shared array 1", k + 1, BLOCK, 4, 1)
        for k in range(BLOCK - 1)
    ),
    ((LOAD,), (SUM,)),
)
"""Each thread writes the cell of its number, and reads the next one."""


# ---- what the program answers ----


def without_halo(inputs, sizes, variant):
    """The elements of the next tile are never added."""
    halo = next(each for each in PART.mistakes if each.name == "halo")
    answer = halo.answer(inputs, sizes)
    return right(inputs, sizes, variant) if answer is None else answer.astype(np.float32)


def special(inputs, sizes, variant):
    """NaN, infinities and a huge value at the end."""
    answer = right(inputs, sizes, variant)
    last = np.array([np.inf, 3.4e38, np.nan, -np.inf], np.float32)
    answer[-4:] = last[-len(answer) :]
    return answer


def crash(inputs, sizes, variant):
    """No output."""
    raise Crash(
        "CUDA call failed: CUDA_ERROR_ILLEGAL_ADDRESS (an illegal memory access was encountered)"
    )


class RightLane(ScriptedLane):
    """Gives what is right, whatever the puzzle."""

    def answer(self, case, variant):
        right = case.part.expected(case.inputs, case.shape.sizes)
        return tuple(right[spec.name].value for spec in case.part.outputs)


# ---- the records ----

TOOLCHAIN = ToolchainInfo(
    lane=LaneKind.GRAPH,
    edition="26.5",
    edition_reason="The imports of the file are those of this edition.",
    max_version="26.5.0",
    mojo_version="1.0.0",
    python_version="3.12.11",
)
STAGES = (
    Stage(name="read", outcome=StageOutcome.DONE, seconds=0.002),
    Stage(name="package", outcome=StageOutcome.DONE, seconds=2.113, peak_bytes=412_000_000),
    Stage(name="compile", outcome=StageOutcome.DONE, seconds=19.42, peak_bytes=1_900_000_000),
    Stage(name="run", outcome=StageOutcome.DONE, seconds=3.07, peak_bytes=610_000_000),
)


def found(stages: int = len(STAGES), *, failed: bool = False) -> dict[str, object]:
    """What every run finds out, which came through so many stages."""
    done = list(STAGES[:stages])
    if failed:
        done[-1] = replace(done[-1], outcome=StageOutcome.FAILED)
    isolation = IsolationInfo(level=str(Isolation.BWRAP))
    return {"toolchain": TOOLCHAIN, "isolation": isolation, "stages": done}


def ran(program=right, **script):
    """The record of a submission that runs, with the given reads in it."""
    code = script.pop("code", Code.READS)
    lane = ScriptedLane(program, **script)
    return record_of(lane, SOURCE, code=code, sample=True, examples=10, found=found())


@cache
def passed() -> Record:
    """100 points; the given kernel's own defect is reported."""
    return ran(findings=given_reads, code=Code.UNCHANGED)


@cache
def passed_with_extra() -> Record:
    """110 points."""
    return ran()


@cache
def wrong_values() -> Record:
    """The halo is ignored, so the last outputs of a tile are too small."""
    return ran(without_halo)


@cache
def special_values() -> Record:
    """NaN, infinities and a huge value in what came out."""
    return ran(special, findings=races, accesses=TILE)


@cache
def crashed() -> Record:
    """An access out of bounds ended the run: no output."""
    return ran(crash, findings=outside)


@cache
def race() -> Record:
    """Right values by luck, with a race that only the device can see."""
    return ran(findings=races, accesses=TILE)


@cache
def does_not_compile() -> Record:
    """Two errors of the compiler, one with notes, before any graph."""
    printed = f"""\
op/conv1d.mojo:{LAUNCH.line}:16: error: no matching method in call to 'enqueue_function'
max/mojo/max/gpu/host/device_context.mojo:4365:1: note: candidate not viable: missing required \
argument: 'block_dim'
op/conv1d.mojo:{place_of("struct ").line}:1: note: the struct is here
op/conv1d.mojo:{place_of("def conv1d_kernel").line}:60: error: use of unknown declaration 'Vector'
op/conv1d.mojo:{STORE.line}:9: warning: unused variable 'tmp'
"""
    diagnostics = parse(printed, stage="package", student_file="op/conv1d.mojo")
    packaged = Packaged(ok=False, diagnostics=diagnostics, outcome=outcome(), output=printed)
    steps = StepsDone(failure=blame_packaging(packaged, never).data)
    return recorded(SOURCE, steps=steps, diagnostics=diagnostics, **found(2, failed=True))


@cache
def graph_does_not_compile() -> Record:
    """The package is fine, the graph is not, and nothing says where."""
    said = (
        "ValueError: constraint failed: argument #2 of type 'TileTensor[float32, Layout, "
        "MutAnyOrigin]' is not encodable as the declared function argument type"
    )
    ended = Ended(why="failed", message=said, stage="compile", outcome=outcome())
    blame = blame_compile(ended, passes, student_file="op/conv1d.mojo")
    steps = StepsDone(packages=True, failure=blame.data)
    return recorded(SOURCE, steps=steps, diagnostics=blame.diagnostics, **found(3, failed=True))


@cache
def nothing_filled_in() -> Record:
    """The skeleton came back as it was."""
    return recorded(SOURCE, steps=StepsDone(nothing_filled_in=True), **found(2))


@cache
def refused() -> Record:
    """Not text, so not a submission."""
    try:
        submission_from_bytes("conv1d.mojo", b"# 1D convol\xff")
    except SubmissionRefused as error:
        made = refusal(Path("conv1d.mojo"), error, puzzle=PUZZLE, sha256="9f" * 32)
    return replace(made, created=CREATED)


@cache
def faulted() -> Record:
    """The software device lacks an instruction."""
    error = UnsupportedByDevice(
        "conv1d_kernel needs the instruction wgmma.mma_async (PTX line 41), which the software "
        "device does not have.",
        remedy="Grade it on a real GPU with --device gpu, or ask who runs the grader.",
    )
    made = state(SOURCE, device=ScriptedLane().device, **found(failed=True))
    made.stage_name = "run"
    made.isolation = IsolationInfo(
        level=str(Isolation.LANDLOCK),
        note="User namespaces are off on this machine, so the file system was not hidden.",
    )
    return replace(fault_record(made, error), created=CREATED)


@cache
def program_ran() -> Record:
    """Of a program: it was run in two ways, and one of them ended with an error."""
    puzzle = find("convolution_1d")
    simple, boundary = commands_of([c for c in puzzle.checks if isinstance(c, ProgramCheck)])
    runs = {
        simple: CommandRun(
            end=ProgramEnd.RAN, launches=1,
            text="out: HostBuffer([5.0, 8.0, 11.0, 14.0, 5.0, 0.0])\n",
        ),
        boundary: CommandRun(
            end=ProgramEnd.FAILED, said="exit code 1", launches=1,
            text="out: HostBuffer([1.0])\nUnhandled exception: left is not right\n",
        ),
    }  # fmt: skip
    shapes, results = search(RightLane(), puzzle=puzzle, sample=True, examples=1)
    steps = whole(results, program=ProgramSeen(runs=runs))
    return recorded(SOURCE, puzzle=puzzle, shapes=shapes, steps=steps, **found())


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


def counterexample(
    numbers: Sequence[float], kernel: Sequence[float], got: Sequence[float], check: str = "integers"
) -> Counterexample:
    """What is kept of a case whose output is ``got``."""
    sizes = {"input_size": len(numbers), "conv_size": len(kernel)}
    arrays = [np.array(each, np.float32) for each in (numbers, kernel, got)]
    case = Case(
        shape=PlannedShape(number=0, part=PART, sizes=sizes, origin="random"),
        values=Values.EXAMPLE if check == "example" else Values.INTEGERS,
        inputs=dict(zip(("input", "kernel"), arrays, strict=False)),
    )
    run = CaseRun(
        case=case, ending=Ending.OUTPUT, outputs=(arrays[2],), inputs_after=(*arrays[:2],)
    )
    seen = observe(run, code=Code.NOTHING, checks=PUZZLE.checks)
    return build(PUZZLE, check, seen, seen.problems[0], failing=[seen], source=SOURCE)
