# The layout is a parameter, as in MAX 26.2; a barrier is missing.
from gpu import block_dim, block_idx, thread_idx
from gpu.host import DeviceContext
from layout import Layout, LayoutTensor
from testing import assert_equal

comptime TPB = 8
comptime SIZE = 8
comptime BLOCKS_PER_GRID = (1, 1)
comptime THREADS_PER_BLOCK = (TPB, 1)
comptime dtype = DType.float32
comptime layout = Layout.row_major(SIZE)


fn pooling[
    layout: Layout
](
    output: LayoutTensor[dtype, layout, MutAnyOrigin],
    a: LayoutTensor[dtype, layout, ImmutAnyOrigin],
    size: UInt,
):
    shared = LayoutTensor[
        dtype,
        Layout.row_major(TPB),
        MutAnyOrigin,
        address_space = AddressSpace.SHARED,
    ].stack_allocation()
    global_i = block_dim.x * block_idx.x + thread_idx.x
    local_i = thread_idx.x

    if global_i < size:
        shared[local_i] = a[global_i]


    if global_i < size:
        sum = shared[local_i]
        if local_i > 0:
            sum += shared[local_i - 1]
        if local_i > 1:
            sum += shared[local_i - 2]
        output[global_i] = sum


def main() raises:
    with DeviceContext() as ctx:
        out = ctx.enqueue_create_buffer[dtype](SIZE)
        out.enqueue_fill(0)
        a = ctx.enqueue_create_buffer[dtype](SIZE)
        a.enqueue_fill(1)
        comptime kernel = pooling[layout]
        ctx.enqueue_function[kernel, kernel](
            LayoutTensor[dtype, layout, MutAnyOrigin](out),
            LayoutTensor[dtype, layout, ImmutAnyOrigin](a),
            UInt(SIZE),
            grid_dim=BLOCKS_PER_GRID,
            block_dim=THREADS_PER_BLOCK,
        )
        ctx.synchronize()
        with out.map_to_host() as sums:
            assert_equal(sums[SIZE - 1], 3)
