# 1D convolution as a MAX Graph custom op (MAX 26.5, Mojo 1.0.0).
#
# Each block takes the place that a counter gives it, and works there.

from std.gpu import block_idx, thread_idx
from max.gpu.host import DeviceBuffer, DeviceContext
from max.gpu.sync import barrier
from layout import TensorLayout, TileTensor
from layout.tile_layout import row_major
from layout.tile_tensor import stack_allocation
from std.atomic import Atomic

import extensibility
from extensibility import InputTensor, OutputTensor


comptime TPB = 15
"""Threads in one block."""
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
    arrived: MutPointer[Int32, MutAnyOrigin],
):
    """Set output[i] to the sum over j of input[i + j] * kernel[j], zeros past the end."""
    comptime assert output.flat_rank == 1, "output must be a vector"

    var place = stack_allocation[
        dtype=DType.int32, address_space=AddressSpace.SHARED
    ](row_major[1]())

    if thread_idx.x == 0:
        place[0] = Atomic[DType.int32].fetch_add(arrived, 1)
    barrier()

    var global_i = TPB * Int(rebind[Int32](place[0])) + Int(thread_idx.x)
    var first = global_i
    if global_i < input_size:
        var local_sum = Float32(0)
        for j in range(conv_size):
            if first + j < input_size:
                local_sum += rebind[Float32](input[first + j]) * rebind[Float32](kernel[j])
        output[global_i] = rebind[output.ElementType](local_sum)


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
                arrived.unsafe_ptr(),
                grid_dim=BLOCKS_PER_GRID,
                block_dim=(TPB, 1),
            )

        elif target == "cpu":
            # Nothing to do: this puzzle is about the GPU.
            pass
        else:
            raise Error("Unsupported target: " + target)
