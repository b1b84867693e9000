# Matrix multiplication with tensor cores (MAX 26.5, Mojo 1.0.0).
#
# What a student starts from: the kernel has its tiles and loops, and nothing is multiplied.
#
# A block makes a tile of BM by BN outputs, each of its warps WM by WN of them, and a tensor core
# MMA_M by MMA_N at a time, from MMA_K products each.

from std.gpu import thread_idx, block_idx, WARP_SIZE
from max.gpu.sync import barrier
from max.gpu.host import DeviceContext
from max.gpu.memory import async_copy_wait_all
from layout import Layout, LayoutTensor
from layout.tensor_core import TensorCore
from layout.layout_tensor import copy_dram_to_sram_async
from std.utils import Index
from std.testing import assert_almost_equal

comptime dtype = DType.float32
comptime SIZE = 256
comptime BLOCK_DIM_COUNT = 2

# The tile of a block, and that of a warp.
comptime BM = 4 * WARP_SIZE
comptime BN = 2 * WARP_SIZE
comptime BK = WARP_SIZE
comptime WM = WARP_SIZE
comptime WN = WARP_SIZE

# That of one instruction.
comptime MMA_M = 16
comptime MMA_N = 8
comptime MMA_K = 8

comptime THREADS_PER_BLOCK_TENSOR_CORE = (8 * WARP_SIZE, 1)
comptime BLOCKS_PER_GRID_TENSOR_CORE = (
    (SIZE + BN - 1) // BN,
    (SIZE + BM - 1) // BM,
)


def tensor_core_matrix_multiplication[
    dtype: DType,
    layout_a: Layout,
    layout_b: Layout,
    layout_c: Layout,
    BM: Int,
    BN: Int,
    BK: Int,
    WM: Int,
    WN: Int,
    MMA_M: Int,
    MMA_N: Int,
    MMA_K: Int,
](
    A: LayoutTensor[dtype, layout_a, ImmutAnyOrigin],
    B: LayoutTensor[dtype, layout_b, ImmutAnyOrigin],
    C: LayoutTensor[dtype, layout_c, MutAnyOrigin],
):
    """Set C to the product of A and B."""
    comptime K = A.shape[1]()

    var warp_id = Int(thread_idx.x) // WARP_SIZE
    var warps_in_n = BN // WN
    var warps_in_m = BM // WM
    var warp_y = warp_id // warps_in_n
    var warp_x = warp_id % warps_in_n
    var warp_is_active = warp_y < warps_in_m

    var C_block_tile = C.tile[BM, BN](Int(block_idx.y), Int(block_idx.x))
    var C_warp_tile = C_block_tile.tile[WM, WN](warp_y, warp_x)

    var mma_op = TensorCore[A.dtype, C.dtype, Index(MMA_M, MMA_N, MMA_K)]()

    var A_sram_tile = LayoutTensor[
        A.dtype,
        Layout.row_major(BM, BK),
        MutAnyOrigin,
        address_space=AddressSpace.SHARED,
    ].stack_allocation()
    var B_sram_tile = LayoutTensor[
        B.dtype,
        Layout.row_major(BK, BN),
        MutAnyOrigin,
        address_space=AddressSpace.SHARED,
    ].stack_allocation()

    # The sums of a warp, which its lanes share out among their registers.
    var C_warp_accum = LayoutTensor[
        C.dtype,
        Layout.row_major(WM, WN),
        MutAnyOrigin,
        address_space=AddressSpace.LOCAL,
    ].stack_allocation()

    if warp_is_active:
        comptime for i in range(WM):
            comptime for j in range(WN):
                C_warp_accum[i, j] = 0.0

    for k_i in range(K // BK):
        # Nobody reads the tiles before any more.
        barrier()

        var A_dram_tile = A.tile[BM, BK](Int(block_idx.y), k_i)
        var B_dram_tile = B.tile[BK, BN](k_i, Int(block_idx.x))
        copy_dram_to_sram_async[
            thread_layout=Layout.row_major(4, 8),
            num_threads=256,
            block_dim_count=BLOCK_DIM_COUNT,
        ](A_sram_tile.vectorize[1, 4](), A_dram_tile.vectorize[1, 4]())
        copy_dram_to_sram_async[
            thread_layout=Layout.row_major(4, 8),
            num_threads=256,
            block_dim_count=BLOCK_DIM_COUNT,
        ](B_sram_tile.vectorize[1, 4](), B_dram_tile.vectorize[1, 4]())

        # The own copies are there, and then everybody's.
        async_copy_wait_all()
        barrier()

        if warp_is_active:
            var A_warp_tile = A_sram_tile.tile[WM, BK](warp_y, 0)
            var B_warp_tile = B_sram_tile.tile[BK, WN](0, warp_x)
            comptime for mma_k in range(BK // MMA_K):
                comptime for mma_m in range(WM // MMA_M):
                    comptime for mma_n in range(WN // MMA_N):
                        # To do (about 10 lines): load the tiles of this step, multiply, store.
                        pass

    if warp_is_active:
        comptime for mma_m in range(WM // MMA_M):
            comptime for mma_n in range(WN // MMA_N):
                var C_mma_tile = C_warp_tile.tile[MMA_M, MMA_N](mma_m, mma_n)
                var sums = C_warp_accum.tile[MMA_M, MMA_N](mma_m, mma_n)
                mma_op.store_d(C_mma_tile, mma_op.load_c(sums))


def main() raises:
    comptime layout = Layout.row_major(SIZE, SIZE)
    with DeviceContext() as ctx:
        var out = ctx.enqueue_create_buffer[dtype](SIZE * SIZE)
        out.enqueue_fill(0)
        var a = ctx.enqueue_create_buffer[dtype](SIZE * SIZE)
        var b = ctx.enqueue_create_buffer[dtype](SIZE * SIZE)
        with a.map_to_host() as a_host, b.map_to_host() as b_host:
            for i in range(SIZE * SIZE):
                a_host[i] = Scalar[dtype](i % 7 - 3)
                b_host[i] = Scalar[dtype](i % 5 - 2)

        comptime kernel = tensor_core_matrix_multiplication[
            dtype,
            layout,
            layout,
            layout,
            BM,
            BN,
            BK,
            WM,
            WN,
            MMA_M,
            MMA_N,
            MMA_K,
        ]
        ctx.enqueue_function[kernel](
            LayoutTensor[dtype, layout, ImmutAnyOrigin](a),
            LayoutTensor[dtype, layout, ImmutAnyOrigin](b),
            LayoutTensor[dtype, layout, MutAnyOrigin](out),
            grid_dim=BLOCKS_PER_GRID_TENSOR_CORE,
            block_dim=THREADS_PER_BLOCK_TENSOR_CORE,
        )
        ctx.synchronize()

        with out.map_to_host() as values:
            print("out:", values[0], values[1], values[2], values[3], "...")
            for row in range(SIZE):
                for col in range(SIZE):
                    var wanted: Scalar[dtype] = 0
                    for k in range(SIZE):
                        wanted += Scalar[dtype]((row * SIZE + k) % 7 - 3) * Scalar[
                            dtype
                        ]((k * SIZE + col) % 5 - 2)
                    # Tensor cores keep 11 bits of each factor.
                    assert_almost_equal(
                        values[row * SIZE + col], wanted, atol=1e-3, rtol=2e-2
                    )
