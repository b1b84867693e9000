# Softmax as a MAX Graph custom op, for the GPU and for the CPU (MAX 26.2, Mojo 0.26.2).
#
# The op that runs the two kernels is finished. Look for FILL ME IN in both kernels.

from std.bit import log2_ceil
from std.math import exp
from std.gpu import barrier, block_dim, block_idx, thread_idx
from std.utils.numerics import max_finite, min_finite
from std.gpu.host import DeviceBuffer, DeviceContext
from std.gpu.memory import AddressSpace
from layout import Layout, LayoutTensor

import compiler
from std.runtime.asyncrt import DeviceContextPtr
from tensor import InputTensor, OutputTensor


comptime SIZE = 128
"""Elements of the input; the graph passes the same number as input_size."""
comptime layout = Layout.row_major(SIZE)
comptime GRID_DIM_X = 1
comptime BLOCK_DIM_X = 1 << log2_ceil(SIZE)
"""Threads of the one block: a power of two, so that a reduction can halve it."""


def softmax_gpu_kernel[
    layout: Layout,
    input_size: Int,
    dtype: DType = DType.float32,
](
    output: LayoutTensor[dtype, layout, MutAnyOrigin],
    input: LayoutTensor[dtype, layout, ImmutAnyOrigin],
):
    """Set output[i] to exp(input[i]) / sum of exp(input[j]), on the GPU, in one block."""
    comptime assert dtype.is_floating_point(), "dtype must be a floating-point type"

    # FILL ME IN: the block's threads together.


def softmax_cpu_kernel[
    layout: Layout,
    input_size: Int,
    dtype: DType = DType.float32,
](
    output: LayoutTensor[dtype, layout, MutAnyOrigin],
    input: LayoutTensor[dtype, layout, ImmutAnyOrigin],
):
    """Set output[i] to exp(input[i]) / sum of exp(input[j]), on the CPU."""
    comptime assert dtype.is_floating_point(), "dtype must be a floating-point type"

    # FILL ME IN: one element after the other.


@compiler.register("softmax")
struct SoftmaxCustomOp:
    @staticmethod
    def execute[
        # "gpu" or "cpu": the device that the graph runs on.
        target: StaticString,
        input_size: Int,
        dtype: DType = DType.float32,
    ](
        output: OutputTensor[rank=1, static_spec=_],
        input: InputTensor[rank=output.rank, static_spec=_],
        ctx: DeviceContextPtr,
    ) raises:
        var output_tensor = rebind[LayoutTensor[dtype, layout, MutAnyOrigin]](
            output.to_layout_tensor()
        )
        var input_tensor = rebind[LayoutTensor[dtype, layout, ImmutAnyOrigin]](
            input.to_layout_tensor()
        )

        comptime if target == "gpu":
            var gpu_ctx = ctx.get_device_context()
            # The output starts as zeros.
            gpu_ctx.enqueue_memset(
                DeviceBuffer[output_tensor.dtype](
                    gpu_ctx,
                    output_tensor.ptr,
                    input_size,
                    owning=False,
                ),
                0,
            )

            # One thread per element, all in one block.
            comptime kernel = softmax_gpu_kernel[layout, input_size, dtype]
            gpu_ctx.enqueue_function[kernel, kernel](
                output_tensor,
                input_tensor,
                grid_dim=GRID_DIM_X,
                block_dim=BLOCK_DIM_X,
            )

        elif target == "cpu":
            softmax_cpu_kernel[layout, input_size, dtype](
                output_tensor, input_tensor
            )
        else:
            raise Error("Unsupported target: " + target)
