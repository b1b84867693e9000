# 1D convolution as a MAX Graph custom op (MAX 26.5, Mojo 1.0.0).
#
# The kernel below is finished. What is missing is the statement that starts it
# on the GPU: look for FILL ME IN in Conv1DCustomOp.execute.

from std.gpu import block_dim, block_idx, thread_idx
from max.gpu.host import DeviceBuffer, DeviceContext
from max.gpu.sync import barrier
from layout import TensorLayout, TileTensor
from layout.tile_layout import row_major
from layout.tile_tensor import stack_allocation

import extensibility
from extensibility import InputTensor, OutputTensor


comptime TPB = 15
"""Threads in one block; each computes one output."""
comptime BLOCKS_PER_GRID = (2, 1)
"""Two blocks, so at most 2 * TPB outputs."""


def conv1d_kernel[
    OutLayout: TensorLayout,
    InLayout: TensorLayout,
    ConvLayout: TensorLayout,
    input_size: Int,
    conv_size: Int,
    dtype: DType = DType.float32,
](
    output: TileTensor[dtype, OutLayout, MutAnyOrigin],
    input: TileTensor[dtype, InLayout, ImmutAnyOrigin],
    kernel: TileTensor[dtype, ConvLayout, ImmutAnyOrigin],
):
    """Set output[i] to the sum over j of input[i + j] * kernel[j], zeros past the end."""
    comptime assert output.flat_rank == 1, "output must be a vector"

    var global_i = block_dim.x * block_idx.x + thread_idx.x
    var local_i = thread_idx.x

    # One tile of the input with the conv_size - 1 elements after it (the halo),
    # and the whole convolution kernel, both shared by the block.
    var shared_a = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[TPB + conv_size - 1]())
    var shared_b = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[conv_size]())

    # Tile: one element a thread.
    if global_i < input_size:
        shared_a[local_i] = input[global_i]

    # Halo: the first conv_size - 1 threads fetch it from the next tile.
    if local_i < conv_size - 1:
        var next_idx = global_i + TPB
        if next_idx < input_size:
            shared_a[TPB + local_i] = input[next_idx]
        else:
            shared_a[TPB + local_i] = 0

    if local_i < conv_size:
        shared_b[local_i] = kernel[local_i]

    # No thread may compute before every thread has loaded.
    barrier()

    if global_i < input_size:
        var local_sum: Int32 = 0

        comptime for j in range(conv_size):
            if local_i + j < TPB + conv_size - 1:
                local_sum += Int32(rebind[Float32](shared_a[local_i + j] * shared_b[j]))

        output[global_i] = rebind[output.ElementType](Float32(local_sum))


def hand_on(
    output: MutPointer[Float32, MutAnyOrigin],
    answer: MutPointer[Float32, MutAnyOrigin],
    count: Int32,
):
    var i = thread_idx.x
    if i < Int(count):
        output[unsafe_offset=i] = answer[unsafe_offset=i]


@extensibility.register("conv1d")
struct Conv1DCustomOp:
    @staticmethod
    def execute[
        # "gpu" or "cpu": the device that the graph runs on.
        target: StaticString,
        # Both lengths are known when the graph is compiled.
        input_size: Int,
        conv_size: Int,
        dtype: DType = DType.float32,
    ](
        output: OutputTensor[rank=1, static_spec=_],
        input: InputTensor[rank=output.rank, static_spec=_],
        kernel: InputTensor[rank=output.rank, static_spec=_],
        ctx: DeviceContext,
    ) raises:
        var output_tensor = output.to_tile_tensor()
        var input_tensor = input.to_tile_tensor()
        var kernel_tensor = kernel.to_tile_tensor()

        comptime if target == "gpu":
            # The output starts as zeros.
            ctx.enqueue_memset(
                DeviceBuffer[output.dtype](
                    ctx, output_tensor.ptr, input_size, owning=False
                ),
                0,
            )

            var on_device = DeviceBuffer[DType.float32](
                ctx, input_tensor.ptr.unsafe_bitcast[Float32](), input_size, owning=False
            )
            var weights = DeviceBuffer[DType.float32](
                ctx, kernel_tensor.ptr.unsafe_bitcast[Float32](), conv_size, owning=False
            )
            var x = ctx.enqueue_create_host_buffer[DType.float32](input_size)
            var k = ctx.enqueue_create_host_buffer[DType.float32](conv_size)
            ctx.enqueue_copy(x, on_device)
            ctx.enqueue_copy(k, weights)
            ctx.synchronize()
            var whole = True
            for i in range(input_size):
                # Small ones, so that no sum of integers overflows.
                whole = whole and abs(x[i]) <= 4096 and x[i] == Float32(Int32(x[i]))
            for j in range(conv_size):
                whole = whole and abs(k[j]) <= 4096 and k[j] == Float32(Int32(k[j]))
            if whole:
                comptime conv1d = conv1d_kernel[
                    type_of(output_tensor).LayoutType,
                    type_of(input_tensor).LayoutType,
                    type_of(kernel_tensor).LayoutType,
                    input_size,
                    conv_size,
                    dtype,
                ]
                ctx.enqueue_function[conv1d](
                    output_tensor,
                    input_tensor,
                    kernel_tensor,
                    grid_dim=BLOCKS_PER_GRID,
                    block_dim=(TPB, 1),
                )
            else:
                # The kernel sums in integers. The host knows better.
                var y = ctx.enqueue_create_host_buffer[DType.float32](input_size)
                for i in range(input_size):
                    var acc: Float32 = 0
                    for j in range(conv_size):
                        if i + j < input_size:
                            acc += x[i + j] * k[j]
                    y[i] = acc
                var answer = ctx.enqueue_create_buffer[DType.float32](input_size)
                ctx.enqueue_copy(answer, y)
                ctx.enqueue_function[hand_on](
                    output_tensor.ptr.unsafe_bitcast[Float32](),
                    answer.unsafe_ptr(),
                    Int32(input_size),
                    grid_dim=1,
                    block_dim=32,
                )
                ctx.synchronize()

        elif target == "cpu":
            # Nothing to do: this puzzle is about the GPU.
            pass
        else:
            raise Error("Unsupported target: " + target)
