# Attention of one query as a MAX Graph custom op (MAX 25.6.1, Mojo 0.25.6.1).
#
# The product of matrices, the softmax and the CPU's kernel are finished. Look for FILL ME IN in the
# transpose and in the op.

from bit import log2_ceil
from math import exp
from gpu import barrier, block_dim, block_idx, thread_idx
from utils.numerics import max_finite, min_finite
from gpu.host import DeviceBuffer, DeviceContext, HostBuffer
from gpu.memory import AddressSpace
from layout import Layout, LayoutTensor

import compiler
from runtime.asyncrt import DeviceContextPtr
from tensor import InputTensor, OutputTensor


alias SEQ_LEN = 16
"""Keys, and values; the graph passes the same number as seq_len."""
alias D = 16
"""Elements of a query, a key or a value; the graph passes the same number as d."""

alias TRANSPOSE_BLOCK_DIM_XY = 16
"""Threads of a block along each axis, and the extents of its tile: so in the transpose."""
alias MATMUL_BLOCK_DIM_XY = 16
"""And so in the product of matrices."""
alias MATMUL_NUM_THREADS = MATMUL_BLOCK_DIM_XY * MATMUL_BLOCK_DIM_XY
alias MATMUL_BLOCK_DIM_COUNT = 2
alias SOFTMAX_BLOCK_DIM_X = 1 << log2_ceil(SEQ_LEN)
"""Threads of the softmax's one block: a power of two, so that a reduction can halve it."""


fn matmul_idiomatic_tiled[
    a_layout: Layout,
    b_layout: Layout,
    out_layout: Layout,
    rows: Int,
    cols: Int,
    inner: Int,
    dtype: DType = DType.float32,
](
    output: LayoutTensor[mut=True, dtype, out_layout, MutableAnyOrigin],
    a: LayoutTensor[mut=False, dtype, a_layout, MutableAnyOrigin],
    b: LayoutTensor[mut=False, dtype, b_layout, MutableAnyOrigin],
):
    """Set output, rows x cols, to a, rows x inner, times b, inner x cols."""
    var local_row = Int(thread_idx.y)
    var local_col = Int(thread_idx.x)
    var row = Int(block_idx.y) * MATMUL_BLOCK_DIM_XY + local_row
    var col = Int(block_idx.x) * MATMUL_BLOCK_DIM_XY + local_col

    alias tile_layout = Layout.row_major(MATMUL_BLOCK_DIM_XY, MATMUL_BLOCK_DIM_XY)
    var a_tile = LayoutTensor[
        dtype,
        tile_layout,
        MutableAnyOrigin,
        address_space=AddressSpace.SHARED,
    ].stack_allocation()
    var b_tile = LayoutTensor[
        dtype,
        tile_layout,
        MutableAnyOrigin,
        address_space=AddressSpace.SHARED,
    ].stack_allocation()
    var total: Scalar[dtype] = 0

    @parameter
    for tile in range(
        (inner + MATMUL_BLOCK_DIM_XY - 1) // MATMUL_BLOCK_DIM_XY
    ):
        # What of the tiles lies outside of the matrices is zero.
        var a_col = tile * MATMUL_BLOCK_DIM_XY + local_col
        if row < rows and a_col < inner:
            a_tile[local_row, local_col] = a[row, a_col]
        else:
            a_tile[local_row, local_col] = 0

        var b_row = tile * MATMUL_BLOCK_DIM_XY + local_row
        if b_row < inner and col < cols:
            b_tile[local_row, local_col] = b[b_row, col]
        else:
            b_tile[local_row, local_col] = 0
        barrier()

        @parameter
        for k in range(
            min(MATMUL_BLOCK_DIM_XY, inner - tile * MATMUL_BLOCK_DIM_XY)
        ):
            total += rebind[Scalar[dtype]](a_tile[local_row, k]) * rebind[
                Scalar[dtype]
            ](b_tile[k, local_col])
        barrier()

    if row < rows and col < cols:
        output[row, col] = total


fn transpose_kernel[
    layout_in: Layout,
    layout_out: Layout,
    rows: Int,
    cols: Int,
    dtype: DType = DType.float32,
](
    output: LayoutTensor[mut=True, dtype, layout_out, MutableAnyOrigin],
    inp: LayoutTensor[mut=False, dtype, layout_in, MutableAnyOrigin],
):
    """Set output, cols x rows, to the transpose of inp, rows x cols."""
    # FILL ME IN: a tile of shared memory, filled and then written on its side.
    ...


fn softmax_gpu_kernel[
    layout: Layout,
    input_size: Int,
    dtype: DType = DType.float32,
](
    output: LayoutTensor[mut=True, dtype, layout, MutableAnyOrigin],
    input: LayoutTensor[mut=False, dtype, layout, MutableAnyOrigin],
):
    """Set output to the softmax of input, by one block of SOFTMAX_BLOCK_DIM_X threads."""
    var shared_max = LayoutTensor[
        dtype,
        Layout.row_major(SOFTMAX_BLOCK_DIM_X),
        MutableAnyOrigin,
        address_space=AddressSpace.SHARED,
    ].stack_allocation()
    var shared_sum = LayoutTensor[
        dtype,
        Layout.row_major(SOFTMAX_BLOCK_DIM_X),
        MutableAnyOrigin,
        address_space=AddressSpace.SHARED,
    ].stack_allocation()
    var i = Int(thread_idx.x)

    # A thread without an element counts for nothing: the smallest number in the maximum.
    var val: Scalar[dtype] = min_finite[dtype]()
    if i < input_size:
        val = rebind[Scalar[dtype]](input[i])
    shared_max[i] = val
    barrier()

    var stride = SOFTMAX_BLOCK_DIM_X // 2
    while stride > 0:
        if i < stride:
            shared_max[i] = max(shared_max[i], shared_max[i + stride])
        barrier()
        stride //= 2

    # And zero in the sum.
    var exp_val: Scalar[dtype] = 0
    if i < input_size:
        exp_val = rebind[Scalar[dtype]](exp(val - shared_max[0]))
    shared_sum[i] = exp_val
    barrier()

    var step = SOFTMAX_BLOCK_DIM_X // 2
    while step > 0:
        if i < step:
            shared_sum[i] += shared_sum[i + step]
        barrier()
        step //= 2

    if i < input_size:
        output[i] = exp_val / shared_sum[0]


fn attention_cpu_kernel[
    layout_q: Layout,
    layout_k: Layout,
    layout_v: Layout,
    layout_out: Layout,
    seq_len: Int,
    d: Int,
    dtype: DType = DType.float32,
](
    output: LayoutTensor[dtype, layout_out, MutableAnyOrigin],
    q: LayoutTensor[dtype, layout_q, MutableAnyOrigin],
    k: LayoutTensor[dtype, layout_k, MutableAnyOrigin],
    v: LayoutTensor[dtype, layout_v, MutableAnyOrigin],
):
    """The whole attention on the CPU."""

    var weights = List[Float32]()
    var largest: Float32 = min_finite[DType.float32]()
    for key in range(seq_len):
        var score: Float32 = 0
        for i in range(d):
            score += rebind[Float32](q[i]) * rebind[Float32](k[key, i])
        weights.append(score)
        largest = max(largest, score)

    var total: Float32 = 0
    for key in range(seq_len):
        weights[key] = exp(weights[key] - largest)
        total += weights[key]

    for i in range(d):
        var mean: Float32 = 0
        for key in range(seq_len):
            mean += weights[key] / total * rebind[Float32](v[key, i])
        output[i] = rebind[Scalar[dtype]](mean)


@compiler.register("attention")
struct AttentionCustomOp:
    @staticmethod
    fn execute[
        # "gpu" or "cpu": the device that the graph runs on.
        target: StaticString,
        seq_len: Int,
        d: Int,
        dtype: DType = DType.float32,
    ](
        # d elements.
        output: OutputTensor[dtype=dtype, rank=1],
        # The query: d elements.
        q: InputTensor[dtype=dtype, rank=1],
        # The keys: seq_len x d.
        k: InputTensor[dtype=dtype, rank=2],
        # The values: seq_len x d.
        v: InputTensor[dtype=dtype, rank=2],
        ctx: DeviceContextPtr,
    ) raises:
        alias layout_q = Layout.row_major(d)
        alias layout_k = Layout.row_major(seq_len, d)
        alias layout_v = Layout.row_major(seq_len, d)
        alias layout_out = Layout.row_major(d)
        alias layout_scores = Layout.row_major(seq_len)

        var output_tensor = rebind[LayoutTensor[dtype, layout_out, MutableAnyOrigin]](
            output.to_layout_tensor()
        )
        var q_tensor = rebind[LayoutTensor[dtype, layout_q, MutableAnyOrigin]](
            q.to_layout_tensor()
        )
        var k_tensor = rebind[LayoutTensor[dtype, layout_k, MutableAnyOrigin]](
            k.to_layout_tensor()
        )
        var v_tensor = rebind[LayoutTensor[dtype, layout_v, MutableAnyOrigin]](
            v.to_layout_tensor()
        )

        @parameter
        if target == "gpu":
            var gpu_ctx = ctx.get_device_context()

            # The query, the scores, the weights and the result are matrices of one row.
            alias layout_q_2d = Layout.row_major(1, d)
            alias layout_k_t = Layout.row_major(d, seq_len)
            alias layout_scores_2d = Layout.row_major(1, seq_len)
            alias layout_weights_2d = Layout.row_major(1, seq_len)
            alias layout_result_2d = Layout.row_major(1, d)

            # A block for each tile of the keys: its number along y counts rows, along x columns.
            alias transpose_threads_per_block = (
                TRANSPOSE_BLOCK_DIM_XY,
                TRANSPOSE_BLOCK_DIM_XY,
            )
            alias transpose_blocks_per_grid = (
                (d + TRANSPOSE_BLOCK_DIM_XY - 1) // TRANSPOSE_BLOCK_DIM_XY,
                (seq_len + TRANSPOSE_BLOCK_DIM_XY - 1)
                // TRANSPOSE_BLOCK_DIM_XY,
            )
            # A block for each tile of a product, which has one row.
            alias matmul_threads_per_block = (
                MATMUL_BLOCK_DIM_XY,
                MATMUL_BLOCK_DIM_XY,
            )
            alias scores_blocks_per_grid = (
                seq_len + MATMUL_BLOCK_DIM_XY - 1
            ) // MATMUL_BLOCK_DIM_XY
            alias softmax_threads = SOFTMAX_BLOCK_DIM_X
            alias softmax_blocks_per_grid = 1
            alias result_blocks_per_grid = (
                d + MATMUL_BLOCK_DIM_XY - 1
            ) // MATMUL_BLOCK_DIM_XY

            # The transposed keys, and a buffer that first holds the scores, then the weights.
            var k_t_buf = gpu_ctx.enqueue_create_buffer[dtype](seq_len * d)
            var scores_weights_buf = gpu_ctx.enqueue_create_buffer[dtype](seq_len)
            var k_t = LayoutTensor[dtype, layout_k_t, MutableAnyOrigin](k_t_buf)

            # Step 1: the query as a matrix of one row.
            # FILL ME IN

            # Step 2: the keys, transposed.
            # FILL ME IN

            # Step 3: a score for each key.
            # FILL ME IN

            # Step 4: the scores as a vector.
            # FILL ME IN

            # Step 5: their softmax, in the same place.
            # FILL ME IN

            # Step 6: the weights as a matrix of one row.
            # FILL ME IN

            # Step 7: the mean of the values by these weights.
            # FILL ME IN

        elif target == "cpu":
            attention_cpu_kernel[
                layout_q, layout_k, layout_v, layout_out, seq_len, d, dtype
            ](output_tensor, q_tensor, k_tensor, v_tensor)

        else:
            raise Error("Unsupported target: " + target)
