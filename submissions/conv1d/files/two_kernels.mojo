from std.gpu import block_dim, block_idx, thread_idx
from max.gpu.host import DeviceBuffer, DeviceContext
from layout import TensorLayout, TileTensor

import extensibility
from extensibility import InputTensor, OutputTensor


comptime TPB = 15
"""Threads in one block; each computes one output."""


def products_kernel[
    InLayout: TensorLayout,
    ConvLayout: TensorLayout,
    input_size: Int,
    conv_size: Int,
    dtype: DType = DType.float32,
](
    products: Pointer[Float32, MutAnyOrigin],
    input: TileTensor[dtype, InLayout, ImmutAnyOrigin],
    kernel: TileTensor[dtype, ConvLayout, ImmutAnyOrigin],
):
    """products[i * conv_size + j] = input[i + j] * kernel[j], or zero past the end."""
    var i = block_idx.x
    var j = thread_idx.x
    var product: Float32 = 0
    if i + j < input_size:
        product = rebind[Float32](input[i + j]) * rebind[Float32](kernel[j])
    products[unsafe_offset=Int(i * conv_size + j)] = product


def sums_kernel[
    OutLayout: TensorLayout,
    input_size: Int,
    conv_size: Int,
    dtype: DType = DType.float32,
](
    output: TileTensor[dtype, OutLayout, MutAnyOrigin],
    products: Pointer[Float32, MutAnyOrigin],
):
    """Sum each row of products."""
    var i = thread_idx.x
    var acc: Float32 = 0
    for j in range(conv_size):
        acc += products[unsafe_offset=Int(i * conv_size + j)]
    output.ptr.unsafe_bitcast[Float32]()[unsafe_offset=Int(i)] = acc


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

            var products = ctx.enqueue_create_buffer[DType.float32](
                input_size * conv_size
            )
            ctx.enqueue_function[
                products_kernel[
                    type_of(input_tensor).LayoutType,
                    type_of(kernel_tensor).LayoutType,
                    input_size,
                    conv_size,
                    dtype,
                ]
            ](
                products.unsafe_ptr(),
                input_tensor,
                kernel_tensor,
                grid_dim=input_size,
                block_dim=conv_size,
            )
            ctx.enqueue_function[
                sums_kernel[
                    type_of(output_tensor).LayoutType, input_size, conv_size, dtype
                ]
            ](
                output_tensor,
                products.unsafe_ptr(),
                grid_dim=1,
                block_dim=input_size,
            )

        elif target == "cpu":
            # Nothing to do: this puzzle is about the GPU.
            pass
        else:
            raise Error("Unsupported target: " + target)
