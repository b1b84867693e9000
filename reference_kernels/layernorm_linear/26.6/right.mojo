# Layer normalisation with a linear layer behind it, as MAX Graph custom ops (MAX 26.6, Mojo 1.1.0).
#
# All three kernels are filled in.

from std.atomic import Atomic
from max.gpu import block_dim, block_idx, thread_idx
from std.math import sqrt
from max.gpu.host import DeviceContext
from max.gpu.sync import barrier
from layout import TileTensor
from layout.tile_layout import TensorLayout, row_major
from layout.tile_tensor import stack_allocation

import extensibility
from extensibility import InputTensor, OutputTensor


comptime MATMUL_BLOCK_DIM_XY = 16
"""Threads of a block along each axis, and the extents of its tile: so in the product."""
comptime MATMUL_NUM_THREADS = MATMUL_BLOCK_DIM_XY * MATMUL_BLOCK_DIM_XY
comptime MATMUL_BLOCK_DIM_COUNT = 2
comptime TRANSPOSE_BLOCK_DIM_XY = 16
"""And so in the transpose."""


def matmul_idiomatic_tiled[
    rows: Int,
    cols: Int,
    inner: Int,
    OutLayout: TensorLayout,
    ALayout: TensorLayout,
    BLayout: TensorLayout,
    dtype: DType = DType.float32,
](
    output: TileTensor[mut=True, dtype, OutLayout, MutAnyOrigin],
    a: TileTensor[mut=True, dtype, ALayout, MutAnyOrigin],
    b: TileTensor[mut=True, dtype, BLayout, MutAnyOrigin],
):
    """Set output, rows x cols, to a, rows x inner, times b, inner x cols."""
    var local_row = thread_idx.y
    var local_col = thread_idx.x
    var row = block_idx.y * MATMUL_BLOCK_DIM_XY + local_row
    var col = block_idx.x * MATMUL_BLOCK_DIM_XY + local_col

    var output_lt = output.to_layout_tensor()
    var a_lt = a.to_layout_tensor()
    var b_lt = b.to_layout_tensor()
    comptime tile_layout = row_major[MATMUL_BLOCK_DIM_XY, MATMUL_BLOCK_DIM_XY]()
    var a_tile = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](tile_layout).to_layout_tensor()
    var b_tile = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](tile_layout).to_layout_tensor()
    var total: Scalar[dtype] = 0

    comptime for tile in range(
        (inner + MATMUL_BLOCK_DIM_XY - 1) // MATMUL_BLOCK_DIM_XY
    ):
        # What of the tiles lies outside of the matrices is zero.
        var a_col = tile * MATMUL_BLOCK_DIM_XY + local_col
        if row < rows and a_col < inner:
            a_tile[local_row, local_col] = a_lt[row, a_col]
        else:
            a_tile[local_row, local_col] = 0

        var b_row = tile * MATMUL_BLOCK_DIM_XY + local_row
        if b_row < inner and col < cols:
            b_tile[local_row, local_col] = b_lt[b_row, col]
        else:
            b_tile[local_row, local_col] = 0
        barrier()

        comptime for k in range(
            min(MATMUL_BLOCK_DIM_XY, inner - tile * MATMUL_BLOCK_DIM_XY)
        ):
            total += rebind[Scalar[dtype]](a_tile[local_row, k]) * rebind[
                Scalar[dtype]
            ](b_tile[k, local_col])
        barrier()

    if row < rows and col < cols:
        output_lt[row, col] = total


def layernorm_kernel[
    batch_size: Int,
    seq_len: Int,
    hidden_dim: Int,
    OutputLayout: TensorLayout,
    InputLayout: TensorLayout,
    LnParamsLayout: TensorLayout,
    dtype: DType = DType.float32,
](
    output: TileTensor[mut=True, dtype, OutputLayout, MutAnyOrigin],
    input: TileTensor[mut=True, dtype, InputLayout, MutAnyOrigin],
    ln_weight: TileTensor[mut=True, dtype, LnParamsLayout, MutAnyOrigin],
    ln_bias: TileTensor[mut=True, dtype, LnParamsLayout, MutAnyOrigin],
):
    """Normalise a position: a block for each, with a thread for each element."""
    var batch_idx = block_idx.x
    var seq_idx = block_idx.y
    var hidden_idx = thread_idx.x
    if (
        batch_idx >= batch_size
        or seq_idx >= seq_len
        or hidden_idx >= hidden_dim
    ):
        return

    var output_lt = output.to_layout_tensor()
    var input_lt = input.to_layout_tensor()
    var ln_weight_lt = ln_weight.to_layout_tensor()
    var ln_bias_lt = ln_bias.to_layout_tensor()

    # The sums of the position's elements and of their squares.
    var sum_val: Scalar[dtype] = 0
    var sq_sum: Scalar[dtype] = 0
    for h in range(hidden_dim):
        var element = rebind[Scalar[dtype]](input_lt[batch_idx, seq_idx, h])
        sum_val += element
        sq_sum += element * element
    var mean = sum_val / Scalar[dtype](hidden_dim)
    var variance = sq_sum / Scalar[dtype](hidden_dim) - mean * mean
    var scale = 1 / sqrt(variance + 1e-5)

    var mine = rebind[Scalar[dtype]](input_lt[batch_idx, seq_idx, hidden_idx])
    var gamma = rebind[Scalar[dtype]](ln_weight_lt[hidden_idx])
    var beta = rebind[Scalar[dtype]](ln_bias_lt[hidden_idx])
    output_lt[batch_idx, seq_idx, hidden_idx] = (
        mine - mean
    ) * scale * gamma + beta


def transpose_kernel[
    rows: Int,
    cols: Int,
    OutLayout: TensorLayout,
    InLayout: TensorLayout,
    dtype: DType = DType.float32,
](
    output: TileTensor[mut=True, dtype, OutLayout, MutAnyOrigin],
    inp: TileTensor[mut=True, dtype, InLayout, MutAnyOrigin],
):
    """Set output, cols x rows, to the transpose of inp, rows x cols."""
    var tile = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[TRANSPOSE_BLOCK_DIM_XY, TRANSPOSE_BLOCK_DIM_XY]())
    var tile_lt = tile.to_layout_tensor()
    var output_lt = output.to_layout_tensor()
    var inp_lt = inp.to_layout_tensor()
    var local_row = thread_idx.y
    var local_col = thread_idx.x

    # The block's tile, as it lies in the input.
    var row = block_idx.y * TRANSPOSE_BLOCK_DIM_XY + local_row
    var col = block_idx.x * TRANSPOSE_BLOCK_DIM_XY + local_col
    if row < rows and col < cols:
        tile_lt[local_row, local_col] = inp_lt[row, col]
    barrier()

    # In the output it lies at the block's other place, and stands on its side.
    var out_row = block_idx.x * TRANSPOSE_BLOCK_DIM_XY + local_row
    var out_col = block_idx.y * TRANSPOSE_BLOCK_DIM_XY + local_col
    if out_row < cols and out_col < rows:
        output_lt[out_row, out_col] = tile_lt[local_col, local_row]


def add_bias_kernel[
    batch_size: Int,
    seq_len: Int,
    output_dim: Int,
    OutputLayout: TensorLayout,
    InputLayout: TensorLayout,
    BiasLayout: TensorLayout,
    dtype: DType = DType.float32,
](
    output: TileTensor[mut=True, dtype, OutputLayout, MutAnyOrigin],
    input: TileTensor[mut=True, dtype, InputLayout, MutAnyOrigin],
    bias: TileTensor[mut=True, dtype, BiasLayout, MutAnyOrigin],
):
    """Add the bias: a block for each position, with a thread for each output."""
    var batch_idx = block_idx.x
    var seq_idx = block_idx.y
    var out_idx = thread_idx.x
    if batch_idx >= batch_size or seq_idx >= seq_len or out_idx >= output_dim:
        return

    var output_lt = output.to_layout_tensor()
    var input_lt = input.to_layout_tensor()
    var bias_lt = bias.to_layout_tensor()
    output_lt[batch_idx, seq_idx, out_idx] = input_lt[
        batch_idx, seq_idx, out_idx
    ] + rebind[Scalar[dtype]](bias_lt[out_idx])


def minimal_fused_kernel[
    batch_size: Int,
    seq_len: Int,
    hidden_dim: Int,
    output_dim: Int,
    OutputLayout: TensorLayout,
    InputLayout: TensorLayout,
    LnParamsLayout: TensorLayout,
    WeightLayout: TensorLayout,
    BiasLayout: TensorLayout,
    dtype: DType = DType.float32,
](
    output: TileTensor[mut=True, dtype, OutputLayout, MutAnyOrigin],
    input: TileTensor[mut=True, dtype, InputLayout, MutAnyOrigin],
    ln_weight: TileTensor[mut=True, dtype, LnParamsLayout, MutAnyOrigin],
    ln_bias: TileTensor[mut=True, dtype, LnParamsLayout, MutAnyOrigin],
    linear_weight: TileTensor[mut=True, dtype, WeightLayout, MutAnyOrigin],
    linear_bias: TileTensor[mut=True, dtype, BiasLayout, MutAnyOrigin],
):
    """All of a position: a block of one thread for each."""
    var batch_idx = block_idx.x
    var seq_idx = block_idx.y
    if batch_idx >= batch_size or seq_idx >= seq_len:
        return

    var output_lt = output.to_layout_tensor()
    var input_lt = input.to_layout_tensor()
    var ln_weight_lt = ln_weight.to_layout_tensor()
    var ln_bias_lt = ln_bias.to_layout_tensor()
    var linear_weight_lt = linear_weight.to_layout_tensor()
    var linear_bias_lt = linear_bias.to_layout_tensor()

    # Step 1: the mean and the variance of the position's elements.
    var sum_val: Scalar[dtype] = 0
    var sq_sum: Scalar[dtype] = 0
    for h in range(hidden_dim):
        var element = rebind[Scalar[dtype]](input_lt[batch_idx, seq_idx, h])
        sum_val += element
        sq_sum += element * element
    var mean = sum_val / Scalar[dtype](hidden_dim)
    var variance = sq_sum / Scalar[dtype](hidden_dim) - mean * mean
    var scale = 1 / sqrt(variance + 1e-5)

    # Step 2: each output of the position.
    for out_idx in range(output_dim):
        var total: Scalar[dtype] = 0
        for h in range(hidden_dim):
            var element = rebind[Scalar[dtype]](
                input_lt[batch_idx, seq_idx, h]
            )
            var gamma = rebind[Scalar[dtype]](ln_weight_lt[h])
            var beta = rebind[Scalar[dtype]](ln_bias_lt[h])
            var normalised = (element - mean) * scale * gamma + beta
            total += normalised * rebind[Scalar[dtype]](
                linear_weight_lt[out_idx, h]
            )
        output_lt[batch_idx, seq_idx, out_idx] = total + rebind[Scalar[dtype]](
            linear_bias_lt[out_idx]
        )


def minimal_fused_kernel_backward[
    batch_size: Int,
    seq_len: Int,
    hidden_dim: Int,
    output_dim: Int,
    GradInputLayout: TensorLayout,
    GradLnWeightLayout: TensorLayout,
    GradLnBiasLayout: TensorLayout,
    GradWeightLayout: TensorLayout,
    GradBiasLayout: TensorLayout,
    GradOutputLayout: TensorLayout,
    InputLayout: TensorLayout,
    LnParamsLayout: TensorLayout,
    WeightLayout: TensorLayout,
    dtype: DType = DType.float32,
](
    grad_input: TileTensor[mut=True, dtype, GradInputLayout, MutAnyOrigin],
    grad_ln_weight: TileTensor[
        mut=True, dtype, GradLnWeightLayout, MutAnyOrigin
    ],
    grad_ln_bias: TileTensor[mut=True, dtype, GradLnBiasLayout, MutAnyOrigin],
    grad_weight: TileTensor[mut=True, dtype, GradWeightLayout, MutAnyOrigin],
    grad_bias: TileTensor[mut=True, dtype, GradBiasLayout, MutAnyOrigin],
    grad_output: TileTensor[mut=True, dtype, GradOutputLayout, MutAnyOrigin],
    input: TileTensor[mut=True, dtype, InputLayout, MutAnyOrigin],
    ln_weight: TileTensor[mut=True, dtype, LnParamsLayout, MutAnyOrigin],
    ln_bias: TileTensor[mut=True, dtype, LnParamsLayout, MutAnyOrigin],
    linear_weight: TileTensor[mut=True, dtype, WeightLayout, MutAnyOrigin],
):
    """All gradients of a position: a block of one thread for each.

    What all positions share is added up by atomic operations.
    """
    var batch_idx = block_idx.x
    var seq_idx = block_idx.y
    if batch_idx >= batch_size or seq_idx >= seq_len:
        return

    var grad_input_lt = grad_input.to_layout_tensor()
    var grad_ln_weight_lt = grad_ln_weight.to_layout_tensor()
    var grad_ln_bias_lt = grad_ln_bias.to_layout_tensor()
    var grad_weight_lt = grad_weight.to_layout_tensor()
    var grad_bias_lt = grad_bias.to_layout_tensor()
    var grad_output_lt = grad_output.to_layout_tensor()
    var input_lt = input.to_layout_tensor()
    var ln_weight_lt = ln_weight.to_layout_tensor()
    var ln_bias_lt = ln_bias.to_layout_tensor()
    var linear_weight_lt = linear_weight.to_layout_tensor()

    # The first block begins the sums at zero. Nothing makes the others wait for it.
    if batch_idx == 0 and seq_idx == 0:
        for h in range(hidden_dim):
            grad_ln_weight_lt[h] = 0
            grad_ln_bias_lt[h] = 0
        for out_idx in range(output_dim):
            grad_bias_lt[out_idx] = 0
            for h in range(hidden_dim):
                grad_weight_lt[out_idx, h] = 0

    # Step 1: the mean and the variance again.
    var sum_val: Scalar[dtype] = 0
    var sq_sum: Scalar[dtype] = 0
    for h in range(hidden_dim):
        var element = rebind[Scalar[dtype]](input_lt[batch_idx, seq_idx, h])
        sum_val += element
        sq_sum += element * element
    var mean = sum_val / Scalar[dtype](hidden_dim)
    var variance = sq_sum / Scalar[dtype](hidden_dim) - mean * mean
    var scale = 1 / sqrt(variance + 1e-5)

    # Step 2: what the position adds to the gradient of the linear bias.
    for out_idx in range(output_dim):
        _ = Atomic[Scalar[dtype]].fetch_add(
            grad_bias.ptr.unsafe_offset(out_idx),
            rebind[Scalar[dtype]](grad_output_lt[batch_idx, seq_idx, out_idx]),
        )

    # Step 3: and to that of the linear weights.
    for h in range(hidden_dim):
        var element = rebind[Scalar[dtype]](input_lt[batch_idx, seq_idx, h])
        var gamma = rebind[Scalar[dtype]](ln_weight_lt[h])
        var beta = rebind[Scalar[dtype]](ln_bias_lt[h])
        var normalised = (element - mean) * scale * gamma + beta
        for out_idx in range(output_dim):
            _ = Atomic[Scalar[dtype]].fetch_add(
                grad_weight.ptr.unsafe_offset(out_idx * hidden_dim + h),
                rebind[Scalar[dtype]](
                    grad_output_lt[batch_idx, seq_idx, out_idx]
                )
                * normalised,
            )

    # Step 4: and to those of the scale and the shift of the layer norm.
    for h in range(hidden_dim):
        var element = rebind[Scalar[dtype]](input_lt[batch_idx, seq_idx, h])
        var through: Scalar[dtype] = 0
        for out_idx in range(output_dim):
            through += rebind[Scalar[dtype]](
                grad_output_lt[batch_idx, seq_idx, out_idx]
            ) * rebind[Scalar[dtype]](linear_weight_lt[out_idx, h])
        _ = Atomic[Scalar[dtype]].fetch_add(
            grad_ln_weight.ptr.unsafe_offset(h),
            through * (element - mean) * scale,
        )
        _ = Atomic[Scalar[dtype]].fetch_add(grad_ln_bias.ptr.unsafe_offset(h), through)

    # Step 5: the sums over the position that its own gradient needs.
    var sum_grad: Scalar[dtype] = 0
    var sum_grad_normalised: Scalar[dtype] = 0
    for h in range(hidden_dim):
        var element = rebind[Scalar[dtype]](input_lt[batch_idx, seq_idx, h])
        var through: Scalar[dtype] = 0
        for out_idx in range(output_dim):
            through += rebind[Scalar[dtype]](
                grad_output_lt[batch_idx, seq_idx, out_idx]
            ) * rebind[Scalar[dtype]](linear_weight_lt[out_idx, h])
        var grad = through * rebind[Scalar[dtype]](ln_weight_lt[h])
        sum_grad += grad
        sum_grad_normalised += grad * (element - mean) * scale

    # And the gradient of each of its elements.
    for h in range(hidden_dim):
        var element = rebind[Scalar[dtype]](input_lt[batch_idx, seq_idx, h])
        var normalised = (element - mean) * scale
        var through: Scalar[dtype] = 0
        for out_idx in range(output_dim):
            through += rebind[Scalar[dtype]](
                grad_output_lt[batch_idx, seq_idx, out_idx]
            ) * rebind[Scalar[dtype]](linear_weight_lt[out_idx, h])
        var grad = through * rebind[Scalar[dtype]](ln_weight_lt[h])
        grad_input_lt[batch_idx, seq_idx, h] = scale * (
            grad
            - sum_grad / Scalar[dtype](hidden_dim)
            - normalised * sum_grad_normalised / Scalar[dtype](hidden_dim)
        )


@extensibility.register("layernorm_linear")
struct LayerNormLinearCustomOp:
    @staticmethod
    def execute[
        # "gpu" or "cpu": the device that the graph runs on.
        target: StaticString,
        # "fused": one kernel for all; "unfused": one for each step.
        algorithm: StaticString,
        batch_size: Int,
        seq_len: Int,
        hidden_dim: Int,
        output_dim: Int,
        dtype: DType = DType.float32,
    ](
        # batch_size x seq_len x output_dim.
        output: OutputTensor[dtype=dtype, rank=3, static_spec=_],
        # batch_size x seq_len x hidden_dim.
        input: InputTensor[dtype=dtype, rank=3, static_spec=_],
        # The scale and the shift of the layer norm: hidden_dim elements each.
        ln_weight: InputTensor[dtype=dtype, rank=1, static_spec=_],
        ln_bias: InputTensor[dtype=dtype, rank=1, static_spec=_],
        # output_dim x hidden_dim.
        linear_weight: InputTensor[dtype=dtype, rank=2, static_spec=_],
        # output_dim elements.
        linear_bias: InputTensor[dtype=dtype, rank=1, static_spec=_],
        ctx: DeviceContext,
    ) raises:
        comptime layout_output = row_major[batch_size, seq_len, output_dim]()
        comptime layout_input = row_major[batch_size, seq_len, hidden_dim]()
        comptime layout_ln = row_major[hidden_dim]()
        comptime layout_weight = row_major[output_dim, hidden_dim]()
        comptime layout_bias = row_major[output_dim]()
        comptime OutputLayout = type_of(layout_output)
        comptime InputLayout = type_of(layout_input)
        comptime LnParamsLayout = type_of(layout_ln)
        comptime WeightLayout = type_of(layout_weight)
        comptime BiasLayout = type_of(layout_bias)

        var output_tensor = TileTensor[
            mut=True, dtype, OutputLayout, MutAnyOrigin
        ](output.unsafe_ptr(), layout_output)
        var input_tensor = TileTensor[
            mut=True, dtype, InputLayout, MutAnyOrigin
        ](input.unsafe_ptr(), layout_input)
        var ln_weight_tensor = TileTensor[
            mut=True, dtype, LnParamsLayout, MutAnyOrigin
        ](ln_weight.unsafe_ptr(), layout_ln)
        var ln_bias_tensor = TileTensor[
            mut=True, dtype, LnParamsLayout, MutAnyOrigin
        ](ln_bias.unsafe_ptr(), layout_ln)
        var linear_weight_tensor = TileTensor[
            mut=True, dtype, WeightLayout, MutAnyOrigin
        ](linear_weight.unsafe_ptr(), layout_weight)
        var linear_bias_tensor = TileTensor[
            mut=True, dtype, BiasLayout, MutAnyOrigin
        ](linear_bias.unsafe_ptr(), layout_bias)

        comptime if target == "gpu":
            comptime if algorithm == "fused":
                comptime fused = minimal_fused_kernel[
                    batch_size,
                    seq_len,
                    hidden_dim,
                    output_dim,
                    OutputLayout,
                    InputLayout,
                    LnParamsLayout,
                    WeightLayout,
                    BiasLayout,
                    dtype,
                ]
                ctx.enqueue_function[fused](
                    output_tensor,
                    input_tensor,
                    ln_weight_tensor,
                    ln_bias_tensor,
                    linear_weight_tensor,
                    linear_bias_tensor,
                    grid_dim=(batch_size, seq_len),
                    block_dim=1,
                )
            elif algorithm == "unfused":
                comptime rows = batch_size * seq_len
                var normalised_buf = ctx.enqueue_create_buffer[dtype](
                    rows * hidden_dim
                )
                var transposed_buf = ctx.enqueue_create_buffer[dtype](
                    hidden_dim * output_dim
                )
                var product_buf = ctx.enqueue_create_buffer[dtype](
                    rows * output_dim
                )
                comptime layout_transposed = row_major[hidden_dim, output_dim]()
                comptime layout_rows = row_major[rows, hidden_dim]()
                comptime layout_products = row_major[rows, output_dim]()
                comptime TransposedLayout = type_of(layout_transposed)
                comptime RowsLayout = type_of(layout_rows)
                comptime ProductsLayout = type_of(layout_products)
                var normalised = TileTensor[
                    mut=True, dtype, InputLayout, MutAnyOrigin
                ](normalised_buf, layout_input)
                var transposed = TileTensor[
                    mut=True, dtype, TransposedLayout, MutAnyOrigin
                ](transposed_buf, layout_transposed)
                var product = TileTensor[
                    mut=True, dtype, OutputLayout, MutAnyOrigin
                ](product_buf, layout_output)

                # The layer norm of each position.
                comptime layernorm = layernorm_kernel[
                    batch_size,
                    seq_len,
                    hidden_dim,
                    InputLayout,
                    InputLayout,
                    LnParamsLayout,
                    dtype,
                ]
                ctx.enqueue_function[layernorm](
                    normalised,
                    input_tensor,
                    ln_weight_tensor,
                    ln_bias_tensor,
                    grid_dim=(batch_size, seq_len),
                    block_dim=hidden_dim,
                )

                # The linear weights, transposed.
                comptime transpose = transpose_kernel[
                    output_dim,
                    hidden_dim,
                    TransposedLayout,
                    WeightLayout,
                    dtype,
                ]
                ctx.enqueue_function[transpose](
                    transposed,
                    linear_weight_tensor,
                    grid_dim=(
                        (hidden_dim + TRANSPOSE_BLOCK_DIM_XY - 1)
                        // TRANSPOSE_BLOCK_DIM_XY,
                        (output_dim + TRANSPOSE_BLOCK_DIM_XY - 1)
                        // TRANSPOSE_BLOCK_DIM_XY,
                    ),
                    block_dim=(TRANSPOSE_BLOCK_DIM_XY, TRANSPOSE_BLOCK_DIM_XY),
                )

                # The product of the two, with a row for each position.
                comptime matmul = matmul_idiomatic_tiled[
                    rows,
                    output_dim,
                    hidden_dim,
                    ProductsLayout,
                    RowsLayout,
                    TransposedLayout,
                    dtype,
                ]
                ctx.enqueue_function[matmul](
                    product.reshape(layout_products),
                    normalised.reshape(layout_rows),
                    transposed,
                    grid_dim=(
                        (output_dim + MATMUL_BLOCK_DIM_XY - 1)
                        // MATMUL_BLOCK_DIM_XY,
                        (rows + MATMUL_BLOCK_DIM_XY - 1) // MATMUL_BLOCK_DIM_XY,
                    ),
                    block_dim=(MATMUL_BLOCK_DIM_XY, MATMUL_BLOCK_DIM_XY),
                )

                # And the bias.
                comptime add_bias = add_bias_kernel[
                    batch_size,
                    seq_len,
                    output_dim,
                    OutputLayout,
                    OutputLayout,
                    BiasLayout,
                    dtype,
                ]
                ctx.enqueue_function[add_bias](
                    output_tensor,
                    product,
                    linear_bias_tensor,
                    grid_dim=(batch_size, seq_len),
                    block_dim=output_dim,
                )
            else:
                raise Error("Unsupported algorithm: " + algorithm)

        elif target == "cpu":
            for batch in range(batch_size):
                for seq in range(seq_len):
                    var mean: Scalar[dtype] = 0
                    for h in range(hidden_dim):
                        mean += input_tensor[batch, seq, h]
                    mean /= Scalar[dtype](hidden_dim)
                    var variance: Scalar[dtype] = 0
                    for h in range(hidden_dim):
                        var distance = input_tensor[batch, seq, h] - mean
                        variance += distance * distance
                    variance /= Scalar[dtype](hidden_dim)
                    var scale = 1 / sqrt(variance + 1e-5)
                    for out_idx in range(output_dim):
                        var total = linear_bias_tensor[out_idx]
                        for h in range(hidden_dim):
                            var distance = input_tensor[batch, seq, h] - mean
                            total += (
                                distance * scale * ln_weight_tensor[h]
                                + ln_bias_tensor[h]
                            ) * linear_weight_tensor[out_idx, h]
                        output_tensor[batch, seq, out_idx] = total

        else:
            raise Error("Unsupported target: " + target)


@extensibility.register("layernorm_linear_backward")
struct LayerNormLinearBackwardCustomOp:
    @staticmethod
    def execute[
        # "gpu" or "cpu": the device that the graph runs on.
        target: StaticString,
        batch_size: Int,
        seq_len: Int,
        hidden_dim: Int,
        output_dim: Int,
        dtype: DType = DType.float32,
    ](
        # The gradients, each as what it is of.
        grad_input: OutputTensor[dtype=dtype, rank=3, static_spec=_],
        grad_ln_weight: OutputTensor[dtype=dtype, rank=1, static_spec=_],
        grad_ln_bias: OutputTensor[dtype=dtype, rank=1, static_spec=_],
        grad_weight: OutputTensor[dtype=dtype, rank=2, static_spec=_],
        grad_bias: OutputTensor[dtype=dtype, rank=1, static_spec=_],
        # That of the output: batch_size x seq_len x output_dim.
        grad_output: InputTensor[dtype=dtype, rank=3, static_spec=_],
        input: InputTensor[dtype=dtype, rank=3, static_spec=_],
        ln_weight: InputTensor[dtype=dtype, rank=1, static_spec=_],
        ln_bias: InputTensor[dtype=dtype, rank=1, static_spec=_],
        linear_weight: InputTensor[dtype=dtype, rank=2, static_spec=_],
        ctx: DeviceContext,
    ) raises:
        comptime layout_output = row_major[batch_size, seq_len, output_dim]()
        comptime layout_input = row_major[batch_size, seq_len, hidden_dim]()
        comptime layout_ln = row_major[hidden_dim]()
        comptime layout_weight = row_major[output_dim, hidden_dim]()
        comptime layout_bias = row_major[output_dim]()
        comptime OutputLayout = type_of(layout_output)
        comptime InputLayout = type_of(layout_input)
        comptime LnParamsLayout = type_of(layout_ln)
        comptime WeightLayout = type_of(layout_weight)
        comptime BiasLayout = type_of(layout_bias)

        var grad_input_tensor = TileTensor[
            mut=True, dtype, InputLayout, MutAnyOrigin
        ](grad_input.unsafe_ptr(), layout_input)
        var grad_ln_weight_tensor = TileTensor[
            mut=True, dtype, LnParamsLayout, MutAnyOrigin
        ](grad_ln_weight.unsafe_ptr(), layout_ln)
        var grad_ln_bias_tensor = TileTensor[
            mut=True, dtype, LnParamsLayout, MutAnyOrigin
        ](grad_ln_bias.unsafe_ptr(), layout_ln)
        var grad_weight_tensor = TileTensor[
            mut=True, dtype, WeightLayout, MutAnyOrigin
        ](grad_weight.unsafe_ptr(), layout_weight)
        var grad_bias_tensor = TileTensor[
            mut=True, dtype, BiasLayout, MutAnyOrigin
        ](grad_bias.unsafe_ptr(), layout_bias)
        var grad_output_tensor = TileTensor[
            mut=True, dtype, OutputLayout, MutAnyOrigin
        ](grad_output.unsafe_ptr(), layout_output)
        var input_tensor = TileTensor[
            mut=True, dtype, InputLayout, MutAnyOrigin
        ](input.unsafe_ptr(), layout_input)
        var ln_weight_tensor = TileTensor[
            mut=True, dtype, LnParamsLayout, MutAnyOrigin
        ](ln_weight.unsafe_ptr(), layout_ln)
        var ln_bias_tensor = TileTensor[
            mut=True, dtype, LnParamsLayout, MutAnyOrigin
        ](ln_bias.unsafe_ptr(), layout_ln)
        var linear_weight_tensor = TileTensor[
            mut=True, dtype, WeightLayout, MutAnyOrigin
        ](linear_weight.unsafe_ptr(), layout_weight)

        comptime if target == "gpu":
            comptime backward = minimal_fused_kernel_backward[
                batch_size,
                seq_len,
                hidden_dim,
                output_dim,
                InputLayout,
                LnParamsLayout,
                LnParamsLayout,
                WeightLayout,
                BiasLayout,
                OutputLayout,
                InputLayout,
                LnParamsLayout,
                WeightLayout,
                dtype,
            ]
            ctx.enqueue_function[backward](
                grad_input_tensor,
                grad_ln_weight_tensor,
                grad_ln_bias_tensor,
                grad_weight_tensor,
                grad_bias_tensor,
                grad_output_tensor,
                input_tensor,
                ln_weight_tensor,
                ln_bias_tensor,
                linear_weight_tensor,
                grid_dim=(batch_size, seq_len),
                block_dim=1,
            )

        elif target == "cpu":
            for h in range(hidden_dim):
                grad_ln_weight_tensor[h] = 0
                grad_ln_bias_tensor[h] = 0
            for out_idx in range(output_dim):
                grad_bias_tensor[out_idx] = 0
                for h in range(hidden_dim):
                    grad_weight_tensor[out_idx, h] = 0
            for batch in range(batch_size):
                for seq in range(seq_len):
                    var mean: Scalar[dtype] = 0
                    for h in range(hidden_dim):
                        mean += input_tensor[batch, seq, h]
                    mean /= Scalar[dtype](hidden_dim)
                    var variance: Scalar[dtype] = 0
                    for h in range(hidden_dim):
                        var distance = input_tensor[batch, seq, h] - mean
                        variance += distance * distance
                    variance /= Scalar[dtype](hidden_dim)
                    var scale = 1 / sqrt(variance + 1e-5)

                    var sum_grad: Scalar[dtype] = 0
                    var sum_grad_normalised: Scalar[dtype] = 0
                    for h in range(hidden_dim):
                        var normalised = (
                            input_tensor[batch, seq, h] - mean
                        ) * scale
                        var through: Scalar[dtype] = 0
                        for out_idx in range(output_dim):
                            var grad = grad_output_tensor[batch, seq, out_idx]
                            through += grad * linear_weight_tensor[out_idx, h]
                            grad_weight_tensor[out_idx, h] += grad * (
                                normalised * ln_weight_tensor[h]
                                + ln_bias_tensor[h]
                            )
                        grad_ln_weight_tensor[h] += through * normalised
                        grad_ln_bias_tensor[h] += through
                        sum_grad += through * ln_weight_tensor[h]
                        sum_grad_normalised += (
                            through * ln_weight_tensor[h] * normalised
                        )
                        # Kept here until both sums are there.
                        grad_input_tensor[batch, seq, h] = (
                            through * ln_weight_tensor[h]
                        )
                    for h in range(hidden_dim):
                        var normalised = (
                            input_tensor[batch, seq, h] - mean
                        ) * scale
                        grad_input_tensor[batch, seq, h] = scale * (
                            grad_input_tensor[batch, seq, h]
                            - sum_grad / Scalar[dtype](hidden_dim)
                            - normalised
                            * sum_grad_normalised
                            / Scalar[dtype](hidden_dim)
                        )
                    for out_idx in range(output_dim):
                        grad_bias_tensor[out_idx] += grad_output_tensor[
                            batch, seq, out_idx
                        ]

        else:
            raise Error("Unsupported target: " + target)
