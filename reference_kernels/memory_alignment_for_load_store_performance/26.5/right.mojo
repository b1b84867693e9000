# Memory alignment: a map by single elements and by vectors (MAX 26.5, Mojo 1.0.0).
#
# All three give the same. What differs is what the compiler makes of a load: where it knows that a
# vector begins at a multiple of its size, one instruction, and else one for each element.

from std.gpu import thread_idx, block_dim, block_idx
from max.gpu.host import DeviceContext
from max.gpu.host.compile import get_gpu_target
from layout import TileTensor
from layout.tile_layout import row_major
from std.utils import Index
from std.sys import argv, align_of, simd_width_of
from std.testing import assert_almost_equal

comptime SIZE = 1024 * 1024
comptime TPB = 256
comptime dtype = DType.float32
comptime SIMD_WIDTH = simd_width_of[dtype, target=get_gpu_target()]()
comptime layout = row_major[SIZE]()
comptime LayoutType = type_of(layout)
comptime SCALE = Scalar[dtype](2)
comptime BIAS = Scalar[dtype](1)
comptime VEC_ALIGN = align_of[SIMD[dtype, SIMD_WIDTH]]()
comptime SCALAR_ALIGN = align_of[dtype]()


def scalar_kernel(
    output: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
    a: TileTensor[mut=False, dtype, LayoutType, ImmutAnyOrigin],
    size_dev: Int32,
):
    """Set output[i] to a[i] * SCALE + BIAS, each thread one element."""
    var i = block_dim.x * block_idx.x + thread_idx.x
    if i < Int(size_dev):
        output[i] = a[i] * SCALE + BIAS


def unaligned_kernel(
    output: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
    a: TileTensor[mut=False, dtype, LayoutType, ImmutAnyOrigin],
    size_dev: Int32,
):
    """The same, each thread SIMD_WIDTH elements, of which only their own alignment is said."""
    var a_lt = a.to_layout_tensor()
    var out_lt = output.to_layout_tensor()
    var base = Int(block_dim.x * block_idx.x + thread_idx.x) * SIMD_WIDTH
    if base + SIMD_WIDTH <= Int(size_dev):
        var vector = a_lt.load[width=SIMD_WIDTH, load_alignment=SCALAR_ALIGN](
            Index(base)
        )
        out_lt.store[width=SIMD_WIDTH, store_alignment=SCALAR_ALIGN](
            Index(base), vector * SCALE + BIAS
        )


def aligned_kernel(
    output: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
    a: TileTensor[mut=False, dtype, LayoutType, ImmutAnyOrigin],
    size_dev: Int32,
):
    """The same, with the alignment of the whole vector."""
    var a_lt = a.to_layout_tensor()
    var out_lt = output.to_layout_tensor()
    var base = Int(block_dim.x * block_idx.x + thread_idx.x) * SIMD_WIDTH
    if base + SIMD_WIDTH <= Int(size_dev):
        var vector = a_lt.aligned_load[width=SIMD_WIDTH](Index(base))
        out_lt.store[width=SIMD_WIDTH, store_alignment=VEC_ALIGN](
            Index(base), vector * SCALE + BIAS
        )


def blocks(threads: Int) -> Int:
    return (threads + TPB - 1) // TPB


def main() raises:
    if len(argv()) != 2:
        print("Usage: --scalar | --unaligned | --aligned")
        return
    with DeviceContext() as ctx:
        var out = ctx.enqueue_create_buffer[dtype](SIZE)
        out.enqueue_fill(0)
        var a = ctx.enqueue_create_buffer[dtype](SIZE)
        with a.map_to_host() as a_host:
            for i in range(SIZE):
                a_host[i] = Scalar[dtype](i % 97)
        var a_tensor = TileTensor[mut=False, dtype, LayoutType, ImmutAnyOrigin](
            a, layout
        )
        var out_tensor = TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin](
            out, layout
        )
        if argv()[1] == "--scalar":
            ctx.enqueue_function[scalar_kernel](
                out_tensor,
                a_tensor,
                Int32(SIZE),
                grid_dim=(blocks(SIZE), 1),
                block_dim=(TPB, 1),
            )
        elif argv()[1] == "--unaligned":
            ctx.enqueue_function[unaligned_kernel](
                out_tensor,
                a_tensor,
                Int32(SIZE),
                grid_dim=(blocks(SIZE // SIMD_WIDTH), 1),
                block_dim=(TPB, 1),
            )
        else:
            ctx.enqueue_function[aligned_kernel](
                out_tensor,
                a_tensor,
                Int32(SIZE),
                grid_dim=(blocks(SIZE // SIMD_WIDTH), 1),
                block_dim=(TPB, 1),
            )
        ctx.synchronize()
        with out.map_to_host() as values:
            print("out:", values[0], values[1], values[2], values[3], "...")
            for i in range(SIZE):
                assert_almost_equal(
                    values[i], Scalar[dtype](i % 97) * SCALE + BIAS
                )
