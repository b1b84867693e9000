# Attention of one query as a MAX Graph custom op (MAX 26.4, Mojo 1.0.0b2).
#
# The product of matrices, the softmax and the CPU's kernel are finished. Look for FILL ME IN in the
# transpose and in the op.

from std.bit import log2_ceil
from std.math import exp
from std.gpu import barrier, block_dim, block_idx, thread_idx
from std.utils.numerics import max_finite, min_finite
from std.gpu.host import DeviceBuffer, DeviceContext, HostBuffer
from layout import TileTensor
from layout.tile_layout import TensorLayout, row_major
from layout.tile_tensor import stack_allocation

import extensibility
from extensibility import InputTensor, OutputTensor


comptime SEQ_LEN = 16
"""Keys, and values; the graph passes the same number as seq_len."""
comptime D = 16
"""Elements of a query, a key or a value; the graph passes the same number as d."""

comptime TRANSPOSE_BLOCK_DIM_XY = 16
"""Threads of a block along each axis, and the extents of its tile: so in the transpose."""
comptime MATMUL_BLOCK_DIM_XY = 16
"""And so in the product of matrices."""
comptime MATMUL_NUM_THREADS = MATMUL_BLOCK_DIM_XY * MATMUL_BLOCK_DIM_XY
comptime MATMUL_BLOCK_DIM_COUNT = 2
comptime SOFTMAX_BLOCK_DIM_X = 1 << log2_ceil(SEQ_LEN)
"""Threads of the softmax's one block: a power of two, so that a reduction can halve it."""


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
    # FILL ME IN: a tile of shared memory, filled and then written on its side.
    ...


def softmax_gpu_kernel[
    input_size: Int,
    LayoutType: TensorLayout,
    dtype: DType = DType.float32,
](
    output: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
    input: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
):
    """Set output to the softmax of input, by one block of SOFTMAX_BLOCK_DIM_X threads."""
    comptime assert dtype.is_floating_point(), "dtype must be a floating-point type"

    var shared_max = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[SOFTMAX_BLOCK_DIM_X]())
    var shared_sum = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[SOFTMAX_BLOCK_DIM_X]())
    var output_lt = output.to_layout_tensor()
    var input_lt = input.to_layout_tensor()
    var i = thread_idx.x

    # A thread without an element counts for nothing: the smallest number in the maximum.
    var val: Scalar[dtype] = min_finite[dtype]()
    if i < input_size:
        val = rebind[Scalar[dtype]](input_lt[i])
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
        exp_val = exp(val - shared_max[0])
    shared_sum[i] = exp_val
    barrier()

    var step = SOFTMAX_BLOCK_DIM_X // 2
    while step > 0:
        if i < step:
            shared_sum[i] += shared_sum[i + step]
        barrier()
        step //= 2

    if i < input_size:
        output_lt[i] = exp_val / shared_sum[0]


def attention_cpu_kernel[
    seq_len: Int,
    d: Int,
    OutLayout: TensorLayout,
    QLayout: TensorLayout,
    KLayout: TensorLayout,
    VLayout: TensorLayout,
    dtype: DType = DType.float32,
](
    output: TileTensor[mut=True, dtype, OutLayout, MutAnyOrigin],
    q: TileTensor[mut=True, dtype, QLayout, MutAnyOrigin],
    k: TileTensor[mut=True, dtype, KLayout, MutAnyOrigin],
    v: TileTensor[mut=True, dtype, VLayout, MutAnyOrigin],
):
    """The whole attention on the CPU."""
    var output_lt = output.to_layout_tensor()
    var q_lt = q.to_layout_tensor()
    var k_lt = k.to_layout_tensor()
    var v_lt = v.to_layout_tensor()

    var weights = List[Float32]()
    var largest: Float32 = min_finite[DType.float32]()
    for key in range(seq_len):
        var score: Float32 = 0
        for i in range(d):
            score += rebind[Float32](q_lt[i]) * rebind[Float32](k_lt[key, i])
        weights.append(score)
        largest = max(largest, score)

    var total: Float32 = 0
    for key in range(seq_len):
        weights[key] = exp(weights[key] - largest)
        total += weights[key]

    for i in range(d):
        var mean: Float32 = 0
        for key in range(seq_len):
            mean += weights[key] / total * rebind[Float32](v_lt[key, i])
        output_lt[i] = rebind[Scalar[dtype]](mean)


@extensibility.register("attention")
struct AttentionCustomOp:
    @staticmethod
    def execute[
        # "gpu" or "cpu": the device that the graph runs on.
        target: StaticString,
        seq_len: Int,
        d: Int,
        dtype: DType = DType.float32,
    ](
        # d elements.
        output: OutputTensor[dtype=dtype, rank=1, static_spec=_],
        # The query: d elements.
        q: InputTensor[dtype=dtype, rank=1, static_spec=_],
        # The keys: seq_len x d.
        k: InputTensor[dtype=dtype, rank=2, static_spec=_],
        # The values: seq_len x d.
        v: InputTensor[dtype=dtype, rank=2, static_spec=_],
        ctx: DeviceContext,
    ) raises:
        comptime layout_q = row_major[d]()
        comptime layout_k = row_major[seq_len, d]()
        comptime layout_v = row_major[seq_len, d]()
        comptime layout_out = row_major[d]()
        comptime layout_scores = row_major[seq_len]()
        comptime QLayout = type_of(layout_q)
        comptime KLayout = type_of(layout_k)
        comptime VLayout = type_of(layout_v)
        comptime OutLayout = type_of(layout_out)
        comptime ScoresLayout = type_of(layout_scores)

        var output_tensor = TileTensor[
            mut=True, dtype, OutLayout, MutAnyOrigin
        ](output.unsafe_ptr(), layout_out)
        var q_tensor = TileTensor[mut=True, dtype, QLayout, MutAnyOrigin](
            q.unsafe_ptr(), layout_q
        )
        var k_tensor = TileTensor[mut=True, dtype, KLayout, MutAnyOrigin](
            k.unsafe_ptr(), layout_k
        )
        var v_tensor = TileTensor[mut=True, dtype, VLayout, MutAnyOrigin](
            v.unsafe_ptr(), layout_v
        )

        comptime if target == "gpu":
            # The query, the scores, the weights and the result are matrices of one row.
            comptime layout_q_2d = row_major[1, d]()
            comptime Q2DLayout = type_of(layout_q_2d)
            comptime layout_k_t = row_major[d, seq_len]()
            comptime KTLayout = type_of(layout_k_t)
            comptime layout_scores_2d = row_major[1, seq_len]()
            comptime Scores2DLayout = type_of(layout_scores_2d)
            comptime layout_weights_2d = row_major[1, seq_len]()
            comptime Weights2DLayout = type_of(layout_weights_2d)
            comptime layout_result_2d = row_major[1, d]()
            comptime Result2DLayout = type_of(layout_result_2d)

            # A block for each tile of the keys: its number along y counts rows, along x columns.
            comptime transpose_threads_per_block = (
                TRANSPOSE_BLOCK_DIM_XY,
                TRANSPOSE_BLOCK_DIM_XY,
            )
            comptime transpose_blocks_per_grid = (
                (d + TRANSPOSE_BLOCK_DIM_XY - 1) // TRANSPOSE_BLOCK_DIM_XY,
                (seq_len + TRANSPOSE_BLOCK_DIM_XY - 1)
                // TRANSPOSE_BLOCK_DIM_XY,
            )
            # A block for each tile of a product, which has one row.
            comptime matmul_threads_per_block = (
                MATMUL_BLOCK_DIM_XY,
                MATMUL_BLOCK_DIM_XY,
            )
            comptime scores_blocks_per_grid = (
                seq_len + MATMUL_BLOCK_DIM_XY - 1
            ) // MATMUL_BLOCK_DIM_XY
            comptime softmax_threads = SOFTMAX_BLOCK_DIM_X
            comptime softmax_blocks_per_grid = 1
            comptime result_blocks_per_grid = (
                d + MATMUL_BLOCK_DIM_XY - 1
            ) // MATMUL_BLOCK_DIM_XY

            # The transposed keys, and a buffer that first holds the scores, then the weights.
            var k_t_buf = ctx.enqueue_create_buffer[dtype](seq_len * d)
            var scores_weights_buf = ctx.enqueue_create_buffer[dtype](seq_len)
            var k_t = TileTensor(k_t_buf, layout_k_t)

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
                seq_len, d, OutLayout, QLayout, KLayout, VLayout, dtype
            ](output_tensor, q_tensor, k_tensor, v_tensor)

        else:
            raise Error("Unsupported target: " + target)
