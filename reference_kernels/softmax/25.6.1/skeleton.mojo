# Softmax as a MAX Graph custom op, for the GPU and for the CPU (MAX 25.6.1, Mojo 0.25.6.1).
#
# The op that runs the two kernels is finished. Look for FILL ME IN in both kernels.

from bit import log2_ceil
from math import exp
from gpu import barrier, block_dim, block_idx, thread_idx
from utils.numerics import max_finite, min_finite
from gpu.host import DeviceBuffer, DeviceContext
from gpu.memory import AddressSpace
from layout import Layout, LayoutTensor
from memory import UnsafePointer

import compiler
from runtime.asyncrt import DeviceContextPtr
from tensor import InputTensor, OutputTensor


alias SIZE = 128
"""Elements of the input; the graph passes the same number as input_size."""
alias layout = Layout.row_major(SIZE)
alias GRID_DIM_X = 1
alias BLOCK_DIM_X = 1 << log2_ceil(SIZE)
"""Threads of the one block: a power of two, so that a reduction can halve it."""


fn softmax_gpu_kernel[
    layout: Layout,
    input_size: Int,
    dtype: DType = DType.float32,
](
    output: LayoutTensor[mut=True, dtype, layout],
    input: LayoutTensor[mut=False, dtype, layout],
):
    """Set output[i] to exp(input[i]) / sum of exp(input[j]), on the GPU, in one block."""
    # FILL ME IN: the block's threads together.
    ...


fn softmax_cpu_kernel[
    layout: Layout,
    input_size: Int,
    dtype: DType = DType.float32,
](
    output: LayoutTensor[dtype, layout, MutableAnyOrigin],
    input: LayoutTensor[dtype, layout, MutableAnyOrigin],
):
    """Set output[i] to exp(input[i]) / sum of exp(input[j]), on the CPU."""
    # FILL ME IN: one element after the other.
    ...


@compiler.register("softmax")
struct SoftmaxCustomOp:
    @staticmethod
    fn execute[
        # "gpu" or "cpu": the device that the graph runs on.
        target: StaticString,
        input_size: Int,
        dtype: DType = DType.float32,
    ](
        output: OutputTensor[rank=1],
        input: InputTensor[rank=output.rank],
        ctx: DeviceContextPtr,
    ) raises:
        var output_tensor = rebind[LayoutTensor[dtype, layout, MutableAnyOrigin]](
            output.to_layout_tensor()
        )
        var input_tensor = rebind[LayoutTensor[dtype, layout, MutableAnyOrigin]](
            input.to_layout_tensor()
        )

        @parameter
        if target == "gpu":
            var gpu_ctx = ctx.get_device_context()
            # The output starts as zeros.
            gpu_ctx.enqueue_memset(
                DeviceBuffer[output_tensor.dtype](
                    gpu_ctx,
                    rebind[UnsafePointer[Scalar[output_tensor.dtype]]](
                        output_tensor.ptr
                    ),
                    input_size,
                    owning=False,
                ),
                0,
            )

            # One thread per element, all in one block.
            alias kernel = softmax_gpu_kernel[layout, input_size, dtype]
            gpu_ctx.enqueue_function[kernel](
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
