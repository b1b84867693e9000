# Asynchronous copies: a convolution of tiles (MAX 26.5, Mojo 1.0.0).
#
# What a student starts from: the kernel has its shared memory, and nothing else.

from std.gpu import thread_idx, block_idx
from max.gpu.sync import barrier
from max.gpu.host import DeviceContext
from max.gpu.memory import async_copy_wait_all
from layout import Layout, LayoutTensor, TileTensor
from layout.tile_layout import row_major
from layout.layout_tensor import copy_dram_to_sram_async
from std.testing import assert_almost_equal

comptime VECTOR_SIZE = 16384
comptime CONV_TILE_SIZE = 256
comptime KERNEL_SIZE = 5
comptime HALO_SIZE = KERNEL_SIZE // 2
comptime BLOCKS_PER_GRID_ASYNC = (
    VECTOR_SIZE + CONV_TILE_SIZE - 1
) // CONV_TILE_SIZE
comptime THREADS_PER_BLOCK_ASYNC = 256
comptime dtype = DType.float32
comptime layout_async = row_major[VECTOR_SIZE]()
comptime AsyncLayoutType = type_of(layout_async)
comptime kernel_layout = Layout.row_major(KERNEL_SIZE)


def async_copy_overlap_convolution[
    dtype: DType
](
    output: TileTensor[mut=True, dtype, AsyncLayoutType, MutAnyOrigin],
    input: TileTensor[mut=False, dtype, AsyncLayoutType, ImmutAnyOrigin],
    kernel: LayoutTensor[dtype, kernel_layout, ImmutAnyOrigin],
):
    """Set output[i] to the sum of kernel[k] * input[i + k - HALO_SIZE] over all k.

    At both ends of a tile, where the window would leave it, to input[i].
    """
    var input_shared = LayoutTensor[
        dtype,
        Layout.row_major(CONV_TILE_SIZE),
        MutAnyOrigin,
        address_space=AddressSpace.SHARED,
    ].stack_allocation()
    var kernel_shared = LayoutTensor[
        dtype,
        Layout.row_major(KERNEL_SIZE),
        MutAnyOrigin,
        address_space=AddressSpace.SHARED,
    ].stack_allocation()

    # To do (about 19 lines): begin the copy, load the kernel, wait, compute.


def main() raises:
    with DeviceContext() as ctx:
        var inp = ctx.enqueue_create_buffer[dtype](VECTOR_SIZE)
        var out = ctx.enqueue_create_buffer[dtype](VECTOR_SIZE)
        out.enqueue_fill(0)
        var weights = ctx.enqueue_create_buffer[dtype](KERNEL_SIZE)
        with inp.map_to_host() as values:
            for i in range(VECTOR_SIZE):
                values[i] = Scalar[dtype](i + 1)
        with weights.map_to_host() as values:
            for i in range(KERNEL_SIZE):
                values[i] = Scalar[dtype](i + 1)

        comptime kernel = async_copy_overlap_convolution[dtype]
        ctx.enqueue_function[kernel](
            TileTensor[mut=True, dtype, AsyncLayoutType](out, layout_async),
            TileTensor[mut=False, dtype, AsyncLayoutType](inp, layout_async),
            LayoutTensor[dtype, kernel_layout, ImmutAnyOrigin](weights),
            grid_dim=(BLOCKS_PER_GRID_ASYNC, 1),
            block_dim=(THREADS_PER_BLOCK_ASYNC, 1),
        )
        ctx.synchronize()

        with out.map_to_host() as values:
            print("output:", values[0], values[1], values[2], values[3], "...")
            for i in range(VECTOR_SIZE):
                var place = i % CONV_TILE_SIZE
                var wanted: Scalar[dtype] = Scalar[dtype](i + 1)
                if place >= HALO_SIZE and place < CONV_TILE_SIZE - HALO_SIZE:
                    wanted = 0
                    for k in range(KERNEL_SIZE):
                        wanted += Scalar[dtype]((i + 1 + k - HALO_SIZE) * (k + 1))
                assert_almost_equal(values[i], wanted, rtol=1e-5)
