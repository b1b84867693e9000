# Softmax as a MAX Graph custom op, for the GPU and for the CPU (MAX 25.7, Mojo 0.25.7).
#
# Both kernels filled in. The largest element is subtracted before exp, so that no
# input overflows.

from bit import log2_ceil
from math import exp
from gpu import barrier, block_dim, block_idx, thread_idx
from utils.numerics import max_finite, min_finite
from gpu.host import DeviceBuffer, DeviceContext
from gpu.memory import AddressSpace
from layout import Layout, LayoutTensor

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
    output: LayoutTensor[dtype, layout, MutAnyOrigin],
    input: LayoutTensor[dtype, layout, ImmutAnyOrigin],
):
    """Set output[i] to exp(input[i]) / sum of exp(input[j]), on the GPU, in one block."""
    var shared_max = LayoutTensor[
        dtype,
        Layout.row_major(BLOCK_DIM_X),
        MutAnyOrigin,
        address_space=AddressSpace.SHARED,
    ].stack_allocation()
    var shared_sum = LayoutTensor[
        dtype,
        Layout.row_major(BLOCK_DIM_X),
        MutAnyOrigin,
        address_space=AddressSpace.SHARED,
    ].stack_allocation()
    var local_i = Int(thread_idx.x)

    # What has no element counts for nothing: the smallest number in the maximum.
    var val: Scalar[dtype] = min_finite[dtype]()
    if local_i < input_size:
        val = rebind[Scalar[dtype]](input[local_i])
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
        exp_val = rebind[Scalar[dtype]](exp(val - block_max))
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


fn softmax_cpu_kernel[
    layout: Layout,
    input_size: Int,
    dtype: DType = DType.float32,
](
    output: LayoutTensor[dtype, layout, MutAnyOrigin],
    input: LayoutTensor[dtype, layout, ImmutAnyOrigin],
):
    """Set output[i] to exp(input[i]) / sum of exp(input[j]), on the CPU."""
    var max_val: Scalar[dtype] = min_finite[dtype]()
    for i in range(input_size):
        max_val = max(max_val, rebind[Scalar[dtype]](input[i]))

    var sum_exp: Scalar[dtype] = 0
    for i in range(input_size):
        var exp_i = rebind[Scalar[dtype]](exp(input[i] - max_val))
        output[i] = exp_i
        sum_exp += exp_i

    for i in range(input_size):
        output[i] = output[i] / sum_exp


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
        var output_tensor = rebind[LayoutTensor[dtype, layout, MutAnyOrigin]](
            output.to_layout_tensor()
        )
        var input_tensor = rebind[LayoutTensor[dtype, layout, ImmutAnyOrigin]](
            input.to_layout_tensor()
        )

        @parameter
        if target == "gpu":
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
            alias kernel = softmax_gpu_kernel[layout, input_size, dtype]
            gpu_ctx.enqueue_function_checked[kernel, kernel](
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
