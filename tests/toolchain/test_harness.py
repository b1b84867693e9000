"""The text of the program that launches kernels, without a compiler."""

from __future__ import annotations

import pytest

from grader.errors import ToolchainFault
from grader.sandbox import Limits
from grader.toolchain import edition as editions
from grader.toolchain.compiler import HowToCompile
from grader.toolchain.harness import (
    BufferArgument,
    HarnessCall,
    HarnessCase,
    HarnessLaunch,
    NumberArgument,
    OpCall,
    TensorArgument,
    build_harness,
    harness_text,
    op_harness_text,
)
from grader.toolchain.kernels import Copies, SourceCopy, WantedKernel

LAUNCH = HarnessLaunch(
    WantedKernel("scale", ("SIZE", "2")),
    (BufferArgument(1), BufferArgument(0, (4, 1, 1, 1)), NumberArgument((1 << 64) - 3)),
    (2, 1, 1),
    (8, 4, 1),
)
WITH_TRAITS = [name for name in editions.names() if editions.find(name).harness is not None]


def text(*cases: HarnessCase, copies: int = 1, kernels: tuple[WantedKernel, ...] = ()) -> str:
    named = Copies.named([SourceCopy("", kernels)] * copies)
    traits = editions.find("26.5").harness
    assert traits is not None
    return harness_text(traits, named, cases).replace(named.word, "W")


def test_each_case_launches_the_kernels_of_its_copy_with_literal_extents():
    other = HarnessLaunch(WantedKernel("add"), (BufferArgument(0),), (1, 1, 1), (1, 1, 1))
    lines = text(
        HarnessCase(1, (LAUNCH, other)),
        HarnessCase(0, (other,)),
        copies=2,
        kernels=(LAUNCH.kernel,),
    ).splitlines()
    assert '@export("W_run")' in lines
    assert {"import W_0", "import W_1"} < set(lines)
    launches = lines[lines.index("    pass") + 1 : lines.index("def on_host(number: Int) -> Bool:")]
    values = (
        "[words(address(buffers[1])), words(address(buffers[0]), 4, 1, 1, 1), "
        "words(UInt64(18446744073709551613))]"
    )
    assert list(filter(None, launches)) == [
        "    if number == 0:",
        f"        launch[W_1.scale[W_1.SIZE, 2]](ctx, {values}, Dim(2, 1, 1), Dim(8, 4, 1))",
        "        launch[W_1.add](ctx, [words(address(buffers[0]))], Dim(1, 1, 1), Dim(1, 1, 1))",
        "    if number == 1:",
        "        launch[W_0.add](ctx, [words(address(buffers[0]))], Dim(1, 1, 1), Dim(1, 1, 1))",
    ]


def test_a_function_of_the_file_is_given_tensors_and_the_context_and_asked_nothing():
    call = HarnessCall(
        WantedKernel("add", ("SIZE",)),
        (
            TensorArgument(1, "float32", (2, 3), writes=True),
            TensorArgument(0, "int32", (4,), writes=False),
        ),
    )
    lines = text(HarnessCase(0, (call,)), kernels=(call.function,)).splitlines()
    assert "from layout import TileTensor" in lines
    begin = lines.index("def refused(number: Int) -> Int:")
    assert lines[begin + 1] == "    return 0"
    *buffers, called = lines[lines.index("    if number == 0:") + 1 :][:3]
    assert buffers == [
        "        var buffer_0 = buffers[1].create_sub_buffer[DType.float32](0, 6)",
        "        var buffer_1 = buffers[0].create_sub_buffer[DType.int32](0, 4)",
    ]
    assert called == (
        "        W_0.add[W_0.SIZE](TileTensor[mut=True, DType.float32, type_of(row_major[2, 3]()), "
        "MutAnyOrigin](buffer_0, row_major[2, 3]()), TileTensor[mut=False, DType.int32, "
        "type_of(row_major[4]()), ImmutAnyOrigin](buffer_1, row_major[4]()), ctx)"
    )


def test_a_launch_in_clusters_says_them():
    clustered = HarnessLaunch(
        WantedKernel("add"), (BufferArgument(0),), (4, 1, 1), (8, 1, 1), (2, 1, 1)
    )
    launched = next(
        line for line in text(HarnessCase(0, (clustered,))).splitlines() if "launch[W_0" in line
    )
    assert launched.endswith(", Dim(4, 1, 1), Dim(8, 1, 1), Dim(2, 1, 1))")


def test_kernels_are_asked_for_the_lengths_of_their_arguments():
    lines = text(HarnessCase(0, (LAUNCH,)), kernels=(LAUNCH.kernel,)).splitlines()
    begin = lines.index("def refused(number: Int) -> Int:")
    assert lines[begin + 1 : begin + 5] == [
        "    if number == 0:",
        "        if not takes[W_0.scale[W_0.SIZE, 2]]([8, 24, 0]):",
        "            return 1",
        "    return 0",
    ]


def test_a_file_of_which_nothing_is_wanted_is_read_all_the_same():
    assert "    comptime _W_0 = W_0.main" in text().splitlines()


def test_an_op_is_called_for_each_case_and_some_on_the_cpu():
    calls = [OpCall(("op.p.S.execute(", "    ctx,", ")"), on_host=place == 1) for place in range(2)]
    lines = op_harness_text("@export('PREFIX_run')", "W", ["import op.p"], calls).splitlines()
    assert lines[0] == "@export('W_run')"
    assert "import op.p" in lines
    begin = lines.index("    if number == 0:")
    call = ["        op.p.S.execute(", "            ctx,", "        )"]
    assert lines[begin : begin + 8] == ["    if number == 0:", *call, "    if number == 1:", *call]
    waits = "    ctx.synchronize()"
    assert (lines[begin - 1], lines[begin + 8]) == (waits, waits)
    begin = lines.index("def on_host(number: Int) -> Bool:")
    assert lines[begin + 1 :] == ["    if number == 1:", "        return True", "    return False"]


@pytest.mark.parametrize("name", WITH_TRAITS)
def test_editions_bring_a_text_whose_exports_have_a_name_by_chance(name):
    fixed = editions.find(name).harness.read()
    exports = [line for line in fixed.splitlines() if line.startswith("@export")]
    assert len(exports) == 3
    assert all(line.startswith('@export("PREFIX_') for line in exports)


class Place:
    """A workspace of an edition, in which nothing is to be started."""

    def __init__(self, name: str) -> None:
        self.toolchain = self
        self.edition = editions.find(name)


@pytest.mark.parametrize("arguments", [(BufferArgument(0),) * 9, (BufferArgument(0, (1,) * 15),)])
def test_what_it_can_t_pass_is_a_fault_and_not_the_student_s(arguments):
    case = HarnessCase(0, (HarnessLaunch(LAUNCH.kernel, arguments, (1, 1, 1), (1, 1, 1)),))
    with pytest.raises(ToolchainFault, match="scale takes more or longer arguments"):
        build_harness(
            Place("26.5"), [SourceCopy("", ())], [case], HowToCompile(limits=Limits()), on_gpu=True
        )


def test_an_edition_without_one_says_so():
    with pytest.raises(ToolchainFault, match=r"26\.4 can't be graded on a GPU"):
        build_harness(Place("26.4"), [], [], HowToCompile(limits=Limits()), on_gpu=True)
