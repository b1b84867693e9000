# Softmax as a MAX Graph custom op, for the GPU and for the CPU (MAX 26.7, Mojo 1.2.0).
#
# Both kernels filled in. The largest element is subtracted before exp, so that no
# input overflows.

from std.bit import log2_ceil
from std.math import exp
from max.gpu import block_dim, block_idx, thread_idx
from std.utils.numerics import max_finite, min_finite
from max.gpu.host import DeviceBuffer, DeviceContext
from max.gpu.sync import barrier
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

    var shared_max = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[BLOCK_DIM_X]())
    var shared_sum = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[BLOCK_DIM_X]())
    var local_i = thread_idx.x

    # What has no element counts for nothing: the smallest number in the maximum.
    var val: Scalar[dtype] = min_finite[dtype]()
    if local_i < input_size:
        val = input[local_i]
    shared_max[local_i] = val
    barrier()

    # The maximum: the lower half takes over the upper one, again and again.
    var stride = BLOCK_DIM_X // 2
    while stride > 0:
        if local_i < stride:
            shared_max[local_i] = max(
                shared_max[local_i], shared_max[local_i + stride]
            )
        barrier()
        stride //= 2

    var block_max = shared_max[0]

    # And zero in the sum.
    var exp_val: Scalar[dtype] = 0
    if local_i < input_size:
        exp_val = exp(val - block_max)
    shared_sum[local_i] = exp_val
    barrier()

    # The sum, in the same way.
    var step = BLOCK_DIM_X // 2
    while step > 0:
        if local_i < step:
            shared_sum[local_i] += shared_sum[local_i + step]
        barrier()
        step //= 2

    var block_sum = shared_sum[0]

    if local_i < input_size:
        output[local_i] = exp_val / block_sum


def softmax_cpu_kernel[
    input_size: Int,
    dtype: DType = DType.float32,
](
    output: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
    input: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
):
    """Set output[i] to exp(input[i]) / sum of exp(input[j]), on the CPU."""
    comptime assert dtype.is_floating_point(), "dtype must be a floating-point type"

    var max_val: Scalar[dtype] = min_finite[dtype]()
    for i in range(input_size):
        max_val = max(max_val, input[i])

    var sum_exp: Scalar[dtype] = 0
    for i in range(input_size):
        var exp_i = exp(input[i] - max_val)
        output[i] = exp_i
        sum_exp += exp_i

    for i in range(input_size):
        output[i] = output[i] / sum_exp


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
