# Three programs in one.

from std.gpu import thread_idx
from max.gpu.sync import barrier
from max.gpu.host import DeviceContext
from layout import TileTensor
from layout.tile_layout import row_major
from layout.tile_tensor import stack_allocation
from std.testing import assert_equal
from std.sys import argv

comptime SIZE = 4
comptime MATRIX_SIZE = 3
comptime BLOCKS_PER_GRID = 1
comptime THREADS_PER_BLOCK = SIZE
comptime dtype = DType.float32
comptime vector_layout = row_major[SIZE]()
comptime VectorLayout = type_of(vector_layout)
comptime ITER = 3


def add_10(
    output: Pointer[Scalar[dtype], MutAnyOrigin],
    a: Pointer[Scalar[dtype], MutAnyOrigin],
):
    """Set output[i] to a[i] + 10."""
    var i = thread_idx.x
    output[unsafe_offset=i] = a[unsafe_offset=i] + 10.0


def process_sliding_window(
    output: TileTensor[mut=True, dtype, VectorLayout, MutAnyOrigin],
    a: TileTensor[mut=False, dtype, VectorLayout, ImmutAnyOrigin],
):
    var me = Int(thread_idx.x)
    var low = max(me - 1, 0)
    var high = min(me + 1, SIZE)
    var sum: output.ElementType = 0
    for k in range(low, high):
        sum += a[k]
    output[me] = sum


def collaborative_filter(
    output: TileTensor[mut=True, dtype, VectorLayout, MutAnyOrigin],
    a: TileTensor[mut=False, dtype, VectorLayout, ImmutAnyOrigin],
):
    """Set output[i] to a[i] + a[i - 1] / 2, but the first and the last to a[i]."""
    var thread_id = thread_idx.x

    var shared_workspace = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[SIZE - 1]())

    if thread_id < SIZE - 1:
        shared_workspace[thread_id] = a[thread_id]
    barrier()

    var added = Scalar[dtype](0.0)
    if 0 < thread_id < SIZE - 1:
        added = shared_workspace[thread_id - 1] * 0.5
    barrier()

    if thread_id < SIZE - 1:
        shared_workspace[thread_id] += added
    barrier()

    if thread_id < SIZE - 1:
        output[thread_id] = shared_workspace[thread_id]
    else:
        output[thread_id] = a[thread_id]


def main() raises:
    var flag = argv()[1]
    with DeviceContext() as ctx:
        var input_buf = ctx.enqueue_create_buffer[dtype](SIZE)
        input_buf.enqueue_fill(0)
        var result_buf = ctx.enqueue_create_buffer[dtype](SIZE)
        result_buf.enqueue_fill(0)

        if flag == "--first-case":
            ctx.enqueue_function[add_10](
                result_buf,
                input_buf,
                grid_dim=BLOCKS_PER_GRID,
                block_dim=THREADS_PER_BLOCK,
            )
        else:
            with input_buf.map_to_host() as values:
                var first = 1 if flag == "--third-case" else 0
                for i in range(SIZE):
                    values[i] = Scalar[dtype](first + i)
            var result = TileTensor(result_buf, vector_layout)
            var input = TileTensor[mut=False, dtype, VectorLayout](
                input_buf, vector_layout
            )
            if flag == "--second-case":
                ctx.enqueue_function[process_sliding_window](
                    result,
                    input,
                    grid_dim=BLOCKS_PER_GRID,
                    block_dim=THREADS_PER_BLOCK,
                )
            elif flag == "--third-case":
                ctx.enqueue_function[collaborative_filter](
                    result,
                    input,
                    grid_dim=BLOCKS_PER_GRID,
                    block_dim=THREADS_PER_BLOCK,
                )
            else:
                raise Error("choose --first-case, --second-case or --third-case")
        ctx.synchronize()

        with result_buf.map_to_host() as found:
            print("result:", found)
