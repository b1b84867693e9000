# 1D convolution as a MAX Graph custom op (MAX 26.5, Mojo 1.0.0).
#
# Each block makes half of all sums, and adds it to the output while it holds a lock.

from std.gpu import block_idx, thread_idx
from max.gpu.host import DeviceBuffer, DeviceContext
from max.gpu.sync import barrier
from layout import TensorLayout, TileTensor
from std.atomic import Atomic

import extensibility
from extensibility import InputTensor, OutputTensor


comptime TPB = 15
"""Threads in one block."""
comptime BLOCKS_PER_GRID = (2, 1)
"""Two blocks: one for the even terms of all sums, one for the odd ones."""


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
    halves: MutPointer[Float32, MutAnyOrigin],
    arrived: MutPointer[Int32, MutAnyOrigin],
):
    """Set output[i] to the sum over j of input[i + j] * kernel[j], zeros past the end."""
    comptime assert output.flat_rank == 1, "output must be a vector"

    for i in range(Int(thread_idx.x), input_size, TPB):
        var half = Float32(0)
        for j in range(Int(block_idx.x), conv_size, 2):
            if i + j < input_size:
                half += rebind[Float32](input[i + j]) * rebind[Float32](kernel[j])
        halves[Int(block_idx.x) * input_size + i] = half

    # One block at a time adds its half.
    if thread_idx.x == 0:
        while Atomic[DType.int32]._xchg(arrived, 1) == 1:
            pass
    barrier()
    for i in range(Int(thread_idx.x), input_size, TPB):
        output[i] += rebind[output.ElementType](halves[Int(block_idx.x) * input_size + i])
    barrier()
    if thread_idx.x == 0:
        _ = Atomic[DType.int32]._xchg(arrived, 0)


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

            var halves = ctx.enqueue_create_buffer[DType.float32](2 * input_size)
            var arrived = ctx.enqueue_create_buffer[DType.int32](1)
            arrived.enqueue_fill(0)

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
                halves.unsafe_ptr(),
                arrived.unsafe_ptr(),
                grid_dim=BLOCKS_PER_GRID,
                block_dim=(TPB, 1),
            )

        elif target == "cpu":
            # Nothing to do: this puzzle is about the GPU.
            pass
        else:
            raise Error("Unsupported target: " + target)
