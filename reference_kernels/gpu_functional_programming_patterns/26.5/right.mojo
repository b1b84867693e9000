# Functional patterns: adding two vectors by elementwise, in four ways (MAX 26.5, Mojo 1.0.0).
#
# Each function launches its own kernel, through `elementwise`. What differs is how much one call of
# the function inside adds: a vector, a tile of vectors, or a tile that it cuts up itself.

from max.gpu.host import DeviceContext
from max.gpu.host.compile import get_gpu_target
from layout import TileTensor
from layout.tile_layout import row_major, TensorLayout
from std.utils import Index
from std.utils.coord import Coord
from std.algorithm.functional import vectorize

from max.algorithm.functional import elementwise
from std.sys import simd_width_of, argv, align_of
from std.testing import assert_equal

comptime SIZE = 1024
comptime rank = 1
comptime layout = row_major[SIZE]()
comptime LayoutType = type_of(layout)
comptime dtype = DType.float32
comptime SIMD_WIDTH = simd_width_of[dtype, target=get_gpu_target()]()


def elementwise_add[
    LayoutT: TensorLayout, dtype: DType, simd_width: Int, rank: Int, size: Int
](
    output: TileTensor[mut=True, dtype, LayoutT, MutAnyOrigin],
    a: TileTensor[mut=False, dtype, LayoutT, MutAnyOrigin],
    b: TileTensor[mut=False, dtype, LayoutT, MutAnyOrigin],
    ctx: DeviceContext,
) raises:
    """Set output[i] to a[i] + b[i], each thread a vector of simd_width elements."""

    @parameter
    @always_inline
    def add[
        simd_width: Int, alignment: Int = align_of[dtype]()
    ](indices: Coord) capturing -> None:
        var first = Index(Int(indices[0].value()))
        var sum = a.to_layout_tensor().aligned_load[width=simd_width](
            first
        ) + b.to_layout_tensor().aligned_load[width=simd_width](first)
        output.to_layout_tensor().store[simd_width](first, sum)

    elementwise[add, SIMD_WIDTH, target="gpu"](size, ctx)


comptime TILE_SIZE = 32


def tiled_elementwise_add[
    LayoutT: TensorLayout,
    dtype: DType,
    simd_width: Int,
    rank: Int,
    size: Int,
    tile_size: Int,
](
    output: TileTensor[mut=True, dtype, LayoutT, MutAnyOrigin],
    a: TileTensor[mut=False, dtype, LayoutT, MutAnyOrigin],
    b: TileTensor[mut=False, dtype, LayoutT, MutAnyOrigin],
    ctx: DeviceContext,
) raises:
    """The same, each thread a tile of tile_size elements."""

    @parameter
    @always_inline
    def process_tiles[
        simd_width: Int, alignment: Int = align_of[dtype]()
    ](indices: Coord) capturing -> None:
        var tile_id = Int(indices[0].value())
        var output_tile = output.tile[tile_size](tile_id).to_layout_tensor()
        var a_tile = a.tile[tile_size](tile_id).to_layout_tensor()
        var b_tile = b.tile[tile_size](tile_id).to_layout_tensor()

        comptime for i in range(tile_size):
            var at = Index(i)
            output_tile.store[simd_width](
                at,
                a_tile.aligned_load[width=simd_width](at)
                + b_tile.aligned_load[width=simd_width](at),
            )

    var num_tiles = (size + tile_size - 1) // tile_size
    elementwise[process_tiles, 1, target="gpu"](num_tiles, ctx)


def manual_vectorized_tiled_elementwise_add[
    LayoutT: TensorLayout,
    dtype: DType,
    simd_width: Int,
    num_threads_per_tile: Int,
    rank: Int,
    size: Int,
    tile_size: Int,
](
    output: TileTensor[mut=True, dtype, LayoutT, MutAnyOrigin],
    a: TileTensor[mut=False, dtype, LayoutT, MutAnyOrigin],
    b: TileTensor[mut=False, dtype, LayoutT, MutAnyOrigin],
    ctx: DeviceContext,
) raises:
    """The same, each thread tile_size vectors of simd_width elements."""
    comptime chunk_size = tile_size * simd_width

    @parameter
    @always_inline
    def process_manual_vectorized_tiles[
        num_threads_per_tile: Int, alignment: Int = align_of[dtype]()
    ](indices: Coord) capturing -> None:
        var tile_id = Int(indices[0].value())
        var a_lt = a.to_layout_tensor()
        var b_lt = b.to_layout_tensor()
        var out_lt = output.to_layout_tensor()

        comptime for i in range(tile_size):
            var at = Index(tile_id * chunk_size + i * simd_width)
            out_lt.store[simd_width](
                at,
                a_lt.aligned_load[width=simd_width](at)
                + b_lt.aligned_load[width=simd_width](at),
            )

    var num_tiles = (size + chunk_size - 1) // chunk_size
    elementwise[
        process_manual_vectorized_tiles, num_threads_per_tile, target="gpu"
    ](num_tiles, ctx)


def vectorize_within_tiles_elementwise_add[
    LayoutT: TensorLayout,
    dtype: DType,
    simd_width: Int,
    num_threads_per_tile: Int,
    rank: Int,
    size: Int,
    tile_size: Int,
](
    output: TileTensor[mut=True, dtype, LayoutT, MutAnyOrigin],
    a: TileTensor[mut=False, dtype, LayoutT, MutAnyOrigin],
    b: TileTensor[mut=False, dtype, LayoutT, MutAnyOrigin],
    ctx: DeviceContext,
) raises:
    """The same, each thread a tile of tile_size elements, which vectorize cuts into vectors."""

    @parameter
    @always_inline
    def process_tile_with_vectorize[
        num_threads_per_tile: Int, alignment: Int = align_of[dtype]()
    ](indices: Coord) capturing -> None:
        var tile_id = Int(indices[0].value())
        var tile_start = tile_id * tile_size
        var tile_end = min(tile_start + tile_size, size)
        var actual_tile_size = tile_end - tile_start
        var a_lt = a.to_layout_tensor()
        var b_lt = b.to_layout_tensor()
        var out_lt = output.to_layout_tensor()

        def add_vector[
            width: Int
        ](i: Int) {imm tile_start, imm a_lt, imm b_lt, mut out_lt}:
            var at = Index(tile_start + i)
            out_lt.store[width](
                at,
                a_lt.aligned_load[width](at) + b_lt.aligned_load[width](at),
            )

        vectorize[simd_width](actual_tile_size, add_vector)

    var num_tiles = (size + tile_size - 1) // tile_size
    elementwise[
        process_tile_with_vectorize, num_threads_per_tile, target="gpu"
    ](num_tiles, ctx)


def main() raises:
    var ctx = DeviceContext()
    var out = ctx.enqueue_create_buffer[dtype](SIZE)
    out.enqueue_fill(0)
    var a = ctx.enqueue_create_buffer[dtype](SIZE)
    var b = ctx.enqueue_create_buffer[dtype](SIZE)
    with a.map_to_host() as a_host, b.map_to_host() as b_host:
        for i in range(SIZE):
            a_host[i] = Scalar[dtype](2 * i)
            b_host[i] = Scalar[dtype](2 * i + 1)

    var a_tensor = TileTensor[mut=False, dtype, LayoutType, ImmutAnyOrigin](
        a, layout
    )
    var b_tensor = TileTensor[mut=False, dtype, LayoutType, ImmutAnyOrigin](
        b, layout
    )
    var out_tensor = TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin](
        out, layout
    )

    if argv()[1] == "--elementwise":
        elementwise_add[LayoutType, dtype, SIMD_WIDTH, rank, SIZE](
            out_tensor, a_tensor, b_tensor, ctx
        )
    elif argv()[1] == "--tiled":
        tiled_elementwise_add[
            LayoutType, dtype, SIMD_WIDTH, rank, SIZE, TILE_SIZE
        ](out_tensor, a_tensor, b_tensor, ctx)
    elif argv()[1] == "--manual-vectorized":
        manual_vectorized_tiled_elementwise_add[
            LayoutType, dtype, SIMD_WIDTH, 1, rank, SIZE, TILE_SIZE
        ](out_tensor, a_tensor, b_tensor, ctx)
    elif argv()[1] == "--vectorized":
        vectorize_within_tiles_elementwise_add[
            LayoutType, dtype, SIMD_WIDTH, 1, rank, SIZE, TILE_SIZE
        ](out_tensor, a_tensor, b_tensor, ctx)
    else:
        print("Usage: --elementwise | --tiled | --manual-vectorized | --vectorized")
        return

    with out.map_to_host() as values:
        print("out:", values[0], values[1], values[2], "...", values[SIZE - 1])
        for i in range(SIZE):
            assert_equal(values[i], Scalar[dtype](4 * i + 1))
