from std.gpu import block_dim, thread_idx
from max.gpu.host import DeviceBuffer, DeviceContext
from max.gpu.sync import barrier
from layout import TensorLayout, TileTensor
from layout.tile_layout import row_major
from layout.tile_tensor import stack_allocation

import extensibility
from extensibility import InputTensor, OutputTensor


comptime TPB = 15
"""Threads in one block; each computes one output."""


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

    var x = input.ptr.unsafe_bitcast[Float32]()
    var k = kernel.ptr.unsafe_bitcast[Float32]()
    var y = output.ptr.unsafe_bitcast[Float32]()

    var tile = stack_allocation[
        dtype=DType.float32, address_space=AddressSpace.SHARED
    ](row_major[48]())
    var weights = stack_allocation[
        dtype=DType.float32, address_space=AddressSpace.SHARED
    ](row_major[16]())
    var t = Int(thread_idx.x)
    for cell in range(t, 48, 32):
        tile.ptr[unsafe_offset=cell] = x[unsafe_offset=cell] if cell < input_size else Float32(0)
    if t < 16:
        weights.ptr[unsafe_offset=t] = k[unsafe_offset=t] if t < conv_size else Float32(0)
    barrier()
    # Winograd's F(2, 3): two outputs of three taps with four products.
    comptime groups = conv_size // 3
    var acc: Float32 = 0
    var odd = t % 2
    comptime for group in range(groups):
        var d = tile.ptr.unsafe_offset(t - odd + 3 * group)
        var g = weights.ptr.unsafe_offset(3 * group)
        var d1 = d[unsafe_offset=1]
        var d2 = d[unsafe_offset=2]
        var g0 = g[unsafe_offset=0]
        var g1 = g[unsafe_offset=1]
        var g2 = g[unsafe_offset=2]
        var plus = (d1 + d2) * ((g0 + g1 + g2) / 2)
        var minus = (d2 - d1) * ((g0 - g1 + g2) / 2)
        if odd == 0:
            acc += (d[unsafe_offset=0] - d2) * g0 + plus + minus
        else:
            acc += plus - minus - (d1 - d[unsafe_offset=3]) * g2
    comptime for j in range(3 * groups, conv_size):
        acc += tile.ptr[unsafe_offset=t + j] * weights.ptr[unsafe_offset=j]
    if t < input_size:
        y[unsafe_offset=t] = acc


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

            comptime conv1d = conv1d_kernel[
                type_of(output_tensor).LayoutType,
                type_of(input_tensor).LayoutType,
                type_of(kernel_tensor).LayoutType,
                input_size,
                conv_size,
                dtype,
            ]
            ctx.enqueue_function[conv1d](
                output_tensor, input_tensor, kernel_tensor,
                grid_dim=1,
                block_dim=32,
            )

        elif target == "cpu":
            # Nothing to do: this puzzle is about the GPU.
            pass
        else:
            raise Error("Unsupported target: " + target)
