# Warp fundamentals: a dot product for each warp, in two ways (MAX 26.5, Mojo 1.0.0).
#
# The lanes of a warp add up their products by themselves: no shared memory, no barrier. The second
# function has elementwise launch a thread for each element, and does the same.

from std.gpu import thread_idx, block_idx, block_dim, lane_id
from max.gpu.host import DeviceContext
from std.gpu.primitives.warp import sum as warp_sum, WARP_SIZE
from max.algorithm.functional import elementwise
from layout import TileTensor
from layout.tile_layout import row_major, TensorLayout
from std.utils import Index
from std.utils.coord import Coord
from std.sys import argv, simd_width_of, align_of
from std.testing import assert_equal

comptime SIZE = WARP_SIZE
comptime BLOCKS_PER_GRID = (1, 1)
comptime THREADS_PER_BLOCK = (WARP_SIZE, 1)
comptime dtype = DType.float32
comptime SIMD_WIDTH = simd_width_of[dtype]()
comptime in_layout = row_major[SIZE]()
comptime out_layout = row_major[1]()
comptime InLayout = type_of(in_layout)
comptime OutLayout = type_of(out_layout)


def simple_warp_dot_product[
    InLayoutT: TensorLayout, OutLayoutT: TensorLayout, size: Int
](
    output: TileTensor[mut=True, dtype, OutLayoutT, MutAnyOrigin],
    a: TileTensor[mut=False, dtype, InLayoutT, MutAnyOrigin],
    b: TileTensor[mut=False, dtype, InLayoutT, MutAnyOrigin],
):
    """Set output[w] to the sum of a[i] * b[i] over the elements of warp w."""
    var a_lt = a.to_layout_tensor()
    var b_lt = b.to_layout_tensor()
    var out_lt = output.to_layout_tensor()
    var global_i = Int(block_dim.x * block_idx.x + thread_idx.x)

    # A lane without an element takes part, with nothing.
    var product: Scalar[dtype] = 0
    if global_i < size:
        product = rebind[Scalar[dtype]](a_lt[global_i]) * rebind[Scalar[dtype]](
            b_lt[global_i]
        )
    var total = warp_sum(product)
    if lane_id() == 0:
        out_lt.store[1](Index(global_i // WARP_SIZE), total)


def functional_warp_dot_product[
    InLayoutT: TensorLayout,
    OutLayoutT: TensorLayout,
    //,
    dtype: DType,
    simd_width: Int,
    rank: Int,
    size: Int,
](
    output: TileTensor[mut=True, dtype, OutLayoutT, MutAnyOrigin],
    a: TileTensor[mut=False, dtype, InLayoutT, MutAnyOrigin],
    b: TileTensor[mut=False, dtype, InLayoutT, MutAnyOrigin],
    ctx: DeviceContext,
) raises:
    """The same, launched by elementwise: a thread for each of size elements."""

    @parameter
    @always_inline
    def compute_dot_product[
        simd_width: Int, alignment: Int = align_of[dtype]()
    ](indices: Coord) capturing -> None:
        var idx = Int(indices[0].value())
        var a_lt = a.to_layout_tensor()
        var b_lt = b.to_layout_tensor()
        var out_lt = output.to_layout_tensor()

        var product: Scalar[dtype] = 0
        if idx < size:
            product = a_lt.load[1](Index(idx)) * b_lt.load[1](Index(idx))
        var total = warp_sum(product)
        if lane_id() == 0:
            out_lt.store[1](Index(idx // WARP_SIZE), total)

    elementwise[compute_dot_product, 1, target="gpu"](size, ctx)


def main() raises:
    if len(argv()) != 2:
        print("Usage: --kernel | --functional")
        return
    comptime warps = SIZE // WARP_SIZE
    comptime warps_layout = row_major[warps]()
    comptime WarpsLayout = type_of(warps_layout)
    with DeviceContext() as ctx:
        var out = ctx.enqueue_create_buffer[dtype](warps)
        out.enqueue_fill(0)
        var a = ctx.enqueue_create_buffer[dtype](SIZE)
        var b = ctx.enqueue_create_buffer[dtype](SIZE)
        with a.map_to_host() as a_host, b.map_to_host() as b_host:
            for i in range(SIZE):
                a_host[i] = Scalar[dtype](i)
                b_host[i] = Scalar[dtype](i)
        var out_tensor = rebind[
            TileTensor[mut=True, dtype, WarpsLayout, MutAnyOrigin]
        ](TileTensor[mut=True, dtype, WarpsLayout](out, warps_layout))
        var a_tensor = rebind[
            TileTensor[mut=False, dtype, InLayout, ImmutAnyOrigin]
        ](TileTensor[mut=False, dtype, InLayout](a, in_layout))
        var b_tensor = rebind[
            TileTensor[mut=False, dtype, InLayout, ImmutAnyOrigin]
        ](TileTensor[mut=False, dtype, InLayout](b, in_layout))

        if argv()[1] == "--kernel":
            comptime kernel = simple_warp_dot_product[
                InLayout, WarpsLayout, SIZE
            ]
            ctx.enqueue_function[kernel](
                out_tensor,
                a_tensor,
                b_tensor,
                grid_dim=BLOCKS_PER_GRID,
                block_dim=THREADS_PER_BLOCK,
            )
        else:
            functional_warp_dot_product[dtype, SIMD_WIDTH, 1, SIZE](
                out_tensor, a_tensor, b_tensor, ctx
            )
        ctx.synchronize()

        with out.map_to_host() as totals:
            for warp in range(warps):
                var wanted: Scalar[dtype] = 0
                for i in range(WARP_SIZE * warp, WARP_SIZE * (warp + 1)):
                    wanted += Scalar[dtype](i * i)
                print("out:", totals[warp], "expected:", wanted)
                assert_equal(totals[warp], wanted)
