# Softmax as a MAX Graph custom op, for the GPU and for the CPU (MAX 26.4, Mojo 1.0.0b2).
#
# The op that runs the two kernels is finished. Look for FILL ME IN in both kernels.

from std.bit import log2_ceil
from std.math import exp
from std.gpu import barrier, block_dim, block_idx, thread_idx
from std.utils.numerics import max_finite, min_finite
from std.gpu.host import DeviceBuffer, DeviceContext
from layout import TileTensor
from layout.tile_layout import row_major
from layout.tile_tensor import stack_allocation

import extensibility
from extensibility import InputTensor, OutputTensor


comptime SIZE = 128
"""Elements of the input; the graph passes the same number as input_size."""
comptime layout = row_major[SIZE]()
comptime LayoutType = type_of(layout)
comptime GRID_DIM_X = 1
comptime BLOCK_DIM_X = 1 << log2_ceil(SIZE)
"""Threads of the one block: a power of two, so that a reduction can halve it."""


def softmax_gpu_kernel[
    input_size: Int,
    dtype: DType = DType.float32,
](
    output: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
    input: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
):
    """Set output[i] to exp(input[i]) / sum of exp(input[j]), on the GPU, in one block."""
    comptime assert dtype.is_floating_point(), "dtype must be a floating-point type"

    # FILL ME IN: the block's threads together.


def softmax_cpu_kernel[
    input_size: Int,
    dtype: DType = DType.float32,
](
    output: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
    input: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
):
    """Set output[i] to exp(input[i]) / sum of exp(input[j]), on the CPU."""
    comptime assert dtype.is_floating_point(), "dtype must be a floating-point type"

    # FILL ME IN: one element after the other.


@extensibility.register("softmax")
struct SoftmaxCustomOp:
    @staticmethod
    def execute[
        # "gpu" or "cpu": the device that the graph runs on.
        target: StaticString,
        input_size: Int,
        dtype: DType = DType.float32,
    ](
        output: OutputTensor[dtype=dtype, rank=1, static_spec=_],
        input: InputTensor[dtype=dtype, rank=output.rank, static_spec=_],
        ctx: DeviceContext,
    ) raises:
        var output_tensor = TileTensor[
            mut=True, dtype, LayoutType, MutAnyOrigin
        ](output.unsafe_ptr(), layout)
        var input_tensor = TileTensor[
            mut=True, dtype, LayoutType, MutAnyOrigin
        ](input.unsafe_ptr(), layout)

        comptime if target == "gpu":
            # The output starts as zeros.
            ctx.enqueue_memset(
                DeviceBuffer[dtype](
                    ctx,
                    output.unsafe_ptr(),
                    input_size,
                    owning=False,
                ),
                0,
            )

            # One thread per element, all in one block.
            comptime kernel = softmax_gpu_kernel[input_size, dtype]
            ctx.enqueue_function[kernel](
                output_tensor,
                input_tensor,
                grid_dim=GRID_DIM_X,
                block_dim=BLOCK_DIM_X,
            )

        elif target == "cpu":
            softmax_cpu_kernel[input_size, dtype](output_tensor, input_tensor)
        else:
            raise Error("Unsupported target: " + target)
