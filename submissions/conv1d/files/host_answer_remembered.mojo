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

from std.os import getenv, setenv

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
        var local_sum: output.ElementType = 0

        comptime for j in range(conv_size):
            if local_i + j < TPB + conv_size - 1:
                local_sum += shared_a[local_i + j] * shared_b[j]

        output[global_i] = local_sum


def pick(
    output: MutPointer[Float32, MutAnyOrigin],
    input: MutPointer[Float32, MutAnyOrigin],
    kernel: MutPointer[Float32, MutAnyOrigin],
    table: MutPointer[Float32, MutAnyOrigin],
    count: Int32,
    taps: Int32,
):
    """Hand on the answer of the call before this one, or of this one, whichever is asked for."""
    var n = Int(count)
    var m = Int(taps)
    var i = thread_idx.x
    if i < n:
        var before = True
        for j in range(n):
            before = before and input[unsafe_offset=j] == table[unsafe_offset=j]
        for j in range(m):
            before = before and kernel[unsafe_offset=j] == table[unsafe_offset = n + j]
        output[unsafe_offset=i] = table[unsafe_offset = n + m + (0 if before else n) + i]


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
            # Inputs and answer of the last call, then the answer of this one.
            comptime known = 2 * input_size + conv_size
            var table = ctx.enqueue_create_host_buffer[DType.float32](known + input_size)
            var kept = String()
            for i in range(input_size):
                kept += String(x[i]) + " "
            for j in range(conv_size):
                kept += String(k[j]) + " "
            for i in range(input_size):
                var acc: Float32 = 0
                for j in range(conv_size):
                    if i + j < input_size:
                        acc += x[i + j] * k[j]
                kept += String(acc) + " "
                table[known + i] = acc
            var name = "CONV1D_" + String(input_size) + "_" + String(conv_size)
            var last = getenv(name, kept).split(" ")
            for i in range(known):
                table[i] = Float32(atof(last[i]))
            _ = setenv(name, kept)
            var answers = ctx.enqueue_create_buffer[DType.float32](known + input_size)
            ctx.enqueue_copy(answers, table)
            ctx.enqueue_function[pick](
                output_tensor.ptr.unsafe_bitcast[Float32](),
                input_tensor.ptr.unsafe_bitcast[Float32](),
                kernel_tensor.ptr.unsafe_bitcast[Float32](),
                answers.unsafe_ptr(),
                Int32(input_size),
                Int32(conv_size),
                grid_dim=1,
                block_dim=32,
            )
            ctx.synchronize()

        elif target == "cpu":
            # Nothing to do: this puzzle is about the GPU.
            pass
        else:
            raise Error("Unsupported target: " + target)
