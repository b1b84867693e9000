"""The text of a program that runs cases by itself: lines stay, values are the same bits."""

from __future__ import annotations

import re

import numpy as np
import pytest

from grader import puzzles
from grader.folders import reference_kernel
from grader.lanes.mojo_values import filled, listed
from grader.lanes.op_calls import NotWritten, registered_ops, registered_struct
from grader.lanes.reproducer import (
    WrittenCase,
    argument_types,
    parameter_names,
    together,
    written,
)
from grader.toolchain.edition import find


def case(puzzle: str, sizes, number: int = 1) -> WrittenCase:
    part = puzzles.find(puzzle).parts[0]
    inputs = {spec.name: np.ones(spec.extents(sizes), spec.numpy) for spec in part.inputs}
    return WrittenCase(
        number=number,
        part=part,
        sizes=sizes,
        inputs=inputs,
        expected=part.expected(inputs, sizes),
    )


def text(puzzle: str, edition: str = "26.5") -> str:
    return reference_kernel(puzzle, edition, "right.mojo").read_text("utf-8")


CONV = {"input_size": 3, "conv_size": 2}


def test_every_line_of_an_op_stays_where_it_is():
    source = text("conv1d")
    program = written(source, find("26.5"), [case("conv1d", CONV, 7)])
    assert program.startswith(source)
    assert "Conv1DCustomOp.execute[" in program
    assert 'target="gpu", input_size=3, conv_size=2, dtype=DType.float32' in program
    assert 'number == "7"' in program


def test_an_op_is_given_its_texts():
    sizes = {"batch_size": 1, "seq_len": 2, "hidden_dim": 3, "output_dim": 4}
    program = written(text("layernorm_linear"), find("26.5"), [case("layernorm_linear", sizes)])
    assert 'output_dim=4, algorithm="fused"]' in program


def test_a_program_loses_its_main_and_gets_the_constants_of_the_case():
    source = text("axis_sum")
    program = written(source, find("26.5"), [case("axis_sum", {"batch": 3, "size": 5})])
    assert program.count("def main(") == 1
    assert "comptime BATCH = 3" in program
    assert "comptime SIZE = 5" in program
    kept = source.split("\n")
    lines = program.split("\n")
    changed = [at for at, line in enumerate(kept) if lines[at] != line]
    first = next(at for at, line in enumerate(kept) if line.startswith("def main"))
    assert all(at >= first or kept[at].startswith("comptime ") for at in changed)
    assert (
        "TileTensor[mut=False, dtype, InLayout, ImmutAnyOrigin](a_buffer, row_major[3, 5]())"
        in program
    )
    assert "Int32(5)" in program
    assert "grid_dim=(1, 3, 1)" in program


def test_tensors_have_the_values_of_the_kernels_parameters_in_their_types():
    source = text("tensor_core_operations")
    program = written(source, find("26.5"), [case("tensor_core_operations", {"tiles": 1})])
    layout = "Layout.row_major(SIZE, SIZE)"
    assert (
        f"tensor_core_matrix_multiplication[dtype, {layout}, {layout}, {layout}, 128, 64,"
        in program
    )
    assert f"LayoutTensor[dtype, {layout}, ImmutAnyOrigin](A_buffer)" in program
    assert "{file}" not in program


def test_a_launch_in_clusters_says_them_and_imports_what_it_needs():
    source, sizes = text("gpu_cluster_programming"), {"size": 3, "blocks": 2}
    wanted = [case("gpu_cluster_programming", sizes)]
    program = written(source, find("26.5"), wanted)
    assert "    cluster_dim=Dim(2, 1, 1),\n" in program
    assert len(re.findall(r"import [^\n]*\bDim\b", program)) == 1
    bare = source.replace("import DeviceContext, Dim\n", "import DeviceContext\n")
    program = written(bare, find("26.5"), wanted)
    assert "    from max.gpu.host import Dim\n" in program
    assert "cluster_dim" not in written(
        text("axis_sum"), find("26.5"), [case("axis_sum", {"batch": 1, "size": 2})]
    )


def test_names_of_compile_time_parameters():
    signature = "def f[n: Int, g: List[Int], //, h: Int = (1, 2)[0]](a: Int)"
    assert parameter_names(signature) == ["n", "g", "h"]
    assert parameter_names("def f(a: Int, b: List[Int])") == []


def test_nothing_is_imported_that_the_file_has():
    """What is imported twice has its methods twice, and a call of one is ambiguous."""
    for puzzle, sizes in (("axis_sum", {"batch": 1, "size": 2}), ("conv1d", CONV)):
        program = written(text(puzzle), find("26.5"), [case(puzzle, sizes)])
        assert len(re.findall(r"import [^\n]*\bDeviceContext\b", program)) == 1
    bare = text("axis_sum").replace("from max.gpu.host import DeviceContext\n", "")
    program = written(bare, find("26.5"), [case("axis_sum", {"batch": 1, "size": 2})])
    assert "    from max.gpu.host import DeviceContext\n" in program


def test_cases_of_one_op_share_a_program_and_those_of_a_program_where_constants_agree():
    ops = [case("conv1d", CONV), case("conv1d", {"input_size": 5, "conv_size": 1}, 2)]
    assert together(text("conv1d"), ops) == tuple(ops)
    kernels = [case("axis_sum", {"batch": each, "size": 5}, each) for each in (1, 2, 1)]
    assert together(text("axis_sum"), kernels) == (kernels[0], kernels[2])
    with pytest.raises(NotWritten):
        written(text("axis_sum"), find("26.5"), kernels)


@pytest.mark.parametrize("edition", ["25.7", "26.4"])
def test_it_is_said_of_which_editions_there_is_none(edition):
    with pytest.raises(NotWritten, match=f"edition {edition}"):
        written(text("conv1d", edition), find(edition), [case("conv1d", CONV)])


def test_an_op_that_nothing_registers_or_two_structs_do_has_none():
    source = text("conv1d")
    for changed in (source.replace('"conv1d"', '"conv2d"'), source + "\n" + source):
        with pytest.raises(NotWritten, match="conv1d"):
            written(changed, find("26.5"), [case("conv1d", CONV)])


def test_the_struct_of_an_op():
    source = '# @register("a")\n@x.register("b")\nstruct B[T: Int]:\n    pass\n'
    source += "@register('a')\nstruct A:\n"
    assert registered_struct(source, "a") == "A"
    assert registered_struct(source, "b") == "B"
    assert registered_struct(source, "c") == ""


def test_the_types_of_arguments():
    signature = (
        "def f[T: Int, n: Int](a: Pointer[Scalar[dtype], O], mut b: T[(1, 2)], n: Int32 = 3, )"
    )
    assert argument_types(signature) == ["Pointer[Scalar[dtype], O]", "T[(1, 2)]", "Int32 = 3"]
    assert argument_types("def f()") == []


class TestValues:
    def test_few_stand_there_as_numbers(self):
        made = listed("v", np.array([1.5, -2, 0.1], np.float32), "float32")
        assert made == (["var v: List[Scalar[DType.float32]] = [1.5, -2.0, 0.1]"], "v[i]")

    def test_what_has_no_literal_stands_there_as_its_bits(self):
        array = np.array([np.nan, np.inf, -0.0], np.float32)
        (line,), _ = listed("v", array, "float32")
        assert line.endswith(
            "[bitcast[DType.float32](UInt32(0x7fc00000)), "
            "bitcast[DType.float32](UInt32(0x7f800000)), "
            "bitcast[DType.float32](UInt32(0x80000000))]"
        )

    def test_a_number_among_many_alike_is_set_alone(self):
        array = np.zeros(1000, np.int32)
        array[7] = -3
        lines = filled("host", array, "int32")
        assert lines == ["for i in range(1000):", "    host[i] = 0", "host[7] = -3"]

    @pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "uint64"])
    def test_many_stand_there_as_hexadecimal_bits(self, dtype):
        array = np.arange(100, dtype=dtype)
        (line,), at = listed("v", array, dtype)
        text = line.split('"')[1]
        digits = 2 * array.itemsize
        read = [int(text[start : start + digits], 16) for start in range(0, len(text), digits)]
        assert np.array(read, f"u{array.itemsize}").view(dtype).tolist() == array.tolist()
        assert at == f"bitcast[DType.{dtype}](UInt{8 * array.itemsize}(v[i]))"


def test_all_ops_that_a_file_registers_are_known():
    text = '@a.register("one")\n# register("no")\n@register( \'two\' )\n@register(NAME)\n'
    assert registered_ops(text) == {"one", "two"}
