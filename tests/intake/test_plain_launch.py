"""Whether all that a student wrote is the plain launch: only then is a sample of sizes enough."""

from __future__ import annotations

import pytest

from grader.folders import reference_kernel
from grader.grading.given_code import all_handed_out
from grader.puzzles import find
from grader.toolchain import edition as editions

SIZES = ("input_size", "conv_size")
RIGHT = reference_kernel("conv1d", "26.5", "right.mojo").read_text("utf-8")
GRID, BLOCK = "grid_dim=BLOCKS_PER_GRID", "block_dim=(TPB, 1)"
ALIAS = "            comptime conv1d = conv1d_kernel["
LAUNCH = "            ctx.enqueue_function[conv1d]("
LAST = "                block_dim=(TPB, 1),\n            )\n"


def plain(text: str) -> bool:
    return all_handed_out(find("conv1d"), ["26.5"]).only_launched(text, "conv1d_kernel", SIZES)


def changed(*changes: tuple[str, str]) -> str:
    text = RIGHT
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize("edition", editions.names())
def test_every_editions_answer_is_the_plain_launch(edition):
    answer = reference_kernel("conv1d", edition, "right.mojo").read_text("utf-8")
    handed_out = all_handed_out(find("conv1d"), [edition])
    assert handed_out.only_launched(answer, "conv1d_kernel", SIZES)
    repaired = reference_kernel("conv1d", edition, "whole_domain.mojo").read_text("utf-8")
    assert not handed_out.only_launched(repaired, "conv1d_kernel", SIZES)


@pytest.mark.parametrize(
    "changes",
    [
        [(BLOCK, "block_dim=TPB")],
        [(BLOCK, "block_dim=(TPB, 1, 1)")],
        [
            (
                "input_size,\n                conv_size,\n                dtype,",
                "input_size, conv_size",
            )
        ],
        [("conv_size,\n                dtype,", "conv_size=conv_size, dtype=dtype")],
        [(LAST, LAST + "            ctx.synchronize()\n")],
        [(ALIAS, ALIAS.replace("conv1d =", "kernel =")), ("[conv1d]", "[kernel]")],
        [
            (
                "            # One thread per output.\n",
                "            # 한 스레드에 하나씩 conv_size == 7\n",
            )
        ],
        [(GRID, "block_dim=(TPB, 1)"), (LAST, LAST.replace(BLOCK, GRID))],
    ],
)
def test_the_same_launch_in_other_words_is_plain(changes):
    assert plain(changed(*changes)), changes


KERNEL = "conv1d_kernel[input_size, conv_size]"
HALF = "BLOCKS_PER_GRID if conv_size % 2 else (1, 1)"


@pytest.mark.parametrize(
    "changes",
    [
        # Grid or block chosen by a size.
        [(GRID, "grid_dim=(1, 1) if conv_size == 7 else BLOCKS_PER_GRID")],
        [(GRID, f"grid_dim={HALF}")],
        [(GRID, "grid_dim=(input_size + 14) // 15")],
        [(GRID, "grid_dim=input_size")],
        [(GRID, "grid_dim=2 - conv_size // 12")],
        [(BLOCK, "block_dim=(TPB, conv_size)")],
        [(BLOCK, "block_dim=conv_size")],
        # Another constant, a table, a conditional around the launch.
        [(BLOCK, "block_dim=(16, 1)")],
        [(GRID, "grid_dim=GRIDS[conv_size]")],
        [(LAUNCH, "            comptime if conv_size != 9:\n    " + LAUNCH)],
        [(LAUNCH, "            if input_size == 15:\n                return\n" + LAUNCH)],
        # The kernel of another size.
        [
            (
                "input_size,\n                conv_size,",
                "input_size,\n                min(conv_size, 14),",
            )
        ],
        [("input_size,\n                conv_size,", "conv_size,\n                input_size,")],
        [("input_size,\n                conv_size,", "input_size,\n                7,")],
        [
            (
                "input_size,\n                conv_size,",
                "input_size=input_size,\n                conv_size=input_size,",
            )
        ],
        # What a size is, or a constant, or the kernel.
        [(ALIAS, "            comptime conv_size = 3\n" + ALIAS)],
        [("comptime TPB = 15", "comptime TPB = 16")],
        [("comptime BLOCKS_PER_GRID = (2, 1)", "comptime BLOCKS_PER_GRID = (1, 1)")],
        [("if local_i < conv_size - 1:", "if local_i < conv_size - 2:")],
        [("j in range(conv_size)", "j in range(conv_size if conv_size != 6 else 5)")],
        # Code beside it.
        [(LAUNCH, "            output_tensor[0] = 0\n" + LAUNCH)],
        [(LAUNCH, '            print("here")\n' + LAUNCH)],
        [("import extensibility\n", "import extensibility\nfrom other import conv1d_kernel\n")],
        [(LAST, LAST.replace(BLOCK, BLOCK + ", shared_mem_bytes=conv_size"))],
        [
            (
                "output_tensor,\n                input_tensor,",
                "output_tensor,\n                conv_size,",
            )
        ],
        # Names that hide others.
        [(ALIAS, ALIAS.replace("conv1d =", "TPB =")), ("[conv1d]", "[TPB]")],
        [("[conv1d]", "[another]")],
        *(
            [(ALIAS, ALIAS.replace("conv1d =", f"{name} =")), ("[conv1d]", f"[{name}]")]
            for name in ("target", "Error", "conv1d_kernel", "input_size", "dtype = x; y")
        ),
        [("comptime TPB = 15", f"comptime thread_idx = {KERNEL}\ncomptime TPB = 15")],
        [("comptime TPB = 15", f"comptime TPB = 15\ncomptime range = {KERNEL}")],
        [("comptime TPB = 15", f"comptime TPB = 15\ncomptime unused = {KERNEL}")],
        # Inside the kernel itself, also where it looks at a size.
        [("    barrier()\n", f"    comptime barrier = {KERNEL}\n    barrier()\n")],
        [("    barrier()\n", "    barrier()\n    output.synchronize()\n")],
        [("        var next_idx", f"        comptime mine = {KERNEL}\n        var next_idx")],
        # A second kernel, a decorator, a default, another function.
        [("@extensibility", "def conv1d_kernel():\n    pass\n\n\n@extensibility")],
        [("def conv1d_kernel[", "@always_inline\ndef conv1d_kernel[")],
        [("dtype: DType = DType.float32,\n](", "dtype: DType = mine[conv_size](),\n](")],
        [(ALIAS, "            def inner():\n                ctx.synchronize()\n" + ALIAS)],
        [(ALIAS, "            if conv_size == 3:\n                ctx.synchronize()\n" + ALIAS)],
        [(ALIAS, "            ctx.synchronize(); comptime conv_size = 3\n" + ALIAS)],
        # Names and signs that only look alike, and what ends a comment in Mojo.
        [(GRID, "grid_dim=\u0392LOCKS_PER_GRID")],
        [(ALIAS, ALIAS.replace("conv1d =", "c\u043env1d =")), ("[conv1d]", "[c\u043env1d]")],
        [("import extensibility\n", "import extensibility\nfrom mine import thread_idx\n")],
        [("import barrier", "import barrier as barrier")],
        *(
            [("    barrier()\n", f"    barrier()  # all{end}    comptime conv_size = 3\n")]
            for end in "\r\v\f\x00\x1c\x85\u2028"
        ),
        [(LAUNCH, LAUNCH + "  ; print(conv_size)")],
    ],
)
def test_whatever_else_a_student_wrote_may_depend_on_a_size(changes):
    assert not plain(changed(*changes)), changes


def test_the_given_file_as_it_is_holds_nothing_of_the_student():
    assert plain(reference_kernel("conv1d", "26.5", "skeleton.mojo").read_text("utf-8"))


@pytest.mark.parametrize(
    "text", ["", "(", '"""', "\\\n", RIGHT + "x", RIGHT[:-20], RIGHT.replace("\n", ";")]
)
def test_a_text_in_doubt_is_not_plain(text):
    assert not plain(text)
