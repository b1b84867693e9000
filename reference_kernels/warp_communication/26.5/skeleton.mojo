# Communication within a warp: shuffles and broadcasts (MAX 26.5, Mojo 1.0.0).
#
# What a student starts from: all five kernels are empty.

from std.gpu import thread_idx, block_idx, block_dim, lane_id
from max.gpu.host import DeviceContext
from std.gpu.primitives.warp import shuffle_down, broadcast, WARP_SIZE
from layout import TileTensor
from layout.tile_layout import row_major
from std.sys import argv
from std.testing import assert_almost_equal

comptime SIZE = WARP_SIZE
comptime BLOCKS_PER_GRID = (1, 1)
comptime THREADS_PER_BLOCK = (WARP_SIZE, 1)
comptime dtype = DType.float32
comptime layout = row_major[SIZE]()
comptime LayoutType = type_of(layout)


def neighbor_difference[
    size: Int
](
    output: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
    input: TileTensor[mut=False, dtype, LayoutType, ImmutAnyOrigin],
):
    """Set output[i] to input[i + 1] - input[i], and to 0 in a warp's last lane."""
    var global_i = block_dim.x * block_idx.x + thread_idx.x
    var lane = Int(lane_id())
    # To do (about 7 lines): take the value of the next lane.


comptime SIZE_2 = 64
comptime BLOCKS_PER_GRID_2 = (2, 1)
comptime THREADS_PER_BLOCK_2 = (WARP_SIZE, 1)
comptime layout_2 = row_major[SIZE_2]()
comptime Layout2Type = type_of(layout_2)


def moving_average_3[
    size: Int
](
    output: TileTensor[mut=True, dtype, Layout2Type, MutAnyOrigin],
    input: TileTensor[mut=False, dtype, Layout2Type, ImmutAnyOrigin],
):
    """Set output[i] to the mean of input[i] and the two after it in its warp."""
    var global_i = block_dim.x * block_idx.x + thread_idx.x
    var lane = Int(lane_id())
    # To do (about 10 lines): two neighbours, and fewer at the end of a warp.


def broadcast_shuffle_coordination[
    size: Int
](
    output: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
    input: TileTensor[mut=False, dtype, LayoutType, ImmutAnyOrigin],
):
    """Set output[i] to (input[i] + input[i + 1]) times what lane 0 computes.

    That is the mean of the first four elements of the block.
    """
    var global_i = block_dim.x * block_idx.x + thread_idx.x
    var lane = Int(lane_id())

    if global_i < size:
        var scale_factor: output.ElementType = 0.0
        # To do (about 14 lines): a mean by lane 0, for all; then a neighbour.


def basic_broadcast[
    size: Int
](
    output: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
    input: TileTensor[mut=False, dtype, LayoutType, ImmutAnyOrigin],
):
    """Set output[i] to input[i] plus the sum of the block's first four elements."""
    var global_i = block_dim.x * block_idx.x + thread_idx.x
    var lane = Int(lane_id())

    if global_i < size:
        var broadcast_value: output.ElementType = 0.0
        # To do (about 10 lines): a sum by lane 0, for all lanes.


def conditional_broadcast[
    size: Int
](
    output: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
    input: TileTensor[mut=False, dtype, LayoutType, ImmutAnyOrigin],
):
    """Double each element that is at least half of a maximum, and halve others.

    The maximum is that of the first eight elements of the block.
    """
    var global_i = block_dim.x * block_idx.x + thread_idx.x
    var lane = Int(lane_id())

    if global_i < size:
        var decision_value: output.ElementType = 0.0
        # To do (about 10 lines): a maximum by lane 0, for all lanes.

        var current_input = input[global_i]
        var threshold = decision_value / 2.0
        if current_input >= threshold:
            output[global_i] = current_input * 2.0
        else:
            output[global_i] = current_input / 2.0


def element(which: String, i: Int) -> Int:
    """What stands at a place of the input."""
    if which == "--neighbor":
        return i * i
    if which == "--average":
        return (i + 1) * (i + 2) // 2
    if which == "--broadcast-basic":
        return i + 1
    if which == "--broadcast-conditional":
        var eight = [3, 1, 7, 2, 9, 4, 6, 8]
        return eight[i % 8]
    return 2 * (i + 1) if i < 4 else 2 * (i % 4) + 1


def wanted(which: String, i: Int) -> Float64:
    """What shall stand there in the output."""
    var own = Float64(element(which, i))
    var left = WARP_SIZE - i % WARP_SIZE
    var next = Float64(element(which, i + 1)) if left > 1 else own
    if which == "--neighbor":
        return next - own
    if which == "--average":
        if left > 2:
            return (own + next + Float64(element(which, i + 2))) / 3
        return (own + next) / 2
    if which == "--broadcast-basic":
        return own + 10
    if which == "--broadcast-conditional":
        return own * 2 if own >= 4.5 else own / 2
    return (own + next) * 5 if left > 1 else own * 5


def main() raises:
    if len(argv()) != 2:
        print(
            "one of: --neighbor --average --broadcast-basic",
            "--broadcast-conditional --broadcast-shuffle-coordination",
        )
        return
    var which = String(argv()[1])
    var averages = which == "--average"
    var count = SIZE_2 if averages else SIZE
    print("WARP_SIZE:", WARP_SIZE)
    with DeviceContext() as ctx:
        var out = ctx.enqueue_create_buffer[dtype](count)
        out.enqueue_fill(0)
        var inp = ctx.enqueue_create_buffer[dtype](count)
        with inp.map_to_host() as values:
            for i in range(count):
                values[i] = Scalar[dtype](element(which, i))

        if averages:
            comptime average = moving_average_3[SIZE_2]
            ctx.enqueue_function[average](
                TileTensor(out, layout_2),
                TileTensor[mut=False, dtype, Layout2Type](inp, layout_2),
                grid_dim=BLOCKS_PER_GRID_2,
                block_dim=THREADS_PER_BLOCK_2,
            )
        elif which == "--neighbor":
            comptime difference = neighbor_difference[SIZE]
            ctx.enqueue_function[difference](
                TileTensor(out, layout),
                TileTensor[mut=False, dtype, LayoutType](inp, layout),
                grid_dim=BLOCKS_PER_GRID,
                block_dim=THREADS_PER_BLOCK,
            )
        elif which == "--broadcast-basic":
            comptime basic = basic_broadcast[SIZE]
            ctx.enqueue_function[basic](
                TileTensor(out, layout),
                TileTensor[mut=False, dtype, LayoutType](inp, layout),
                grid_dim=BLOCKS_PER_GRID,
                block_dim=THREADS_PER_BLOCK,
            )
        elif which == "--broadcast-conditional":
            comptime conditional = conditional_broadcast[SIZE]
            ctx.enqueue_function[conditional](
                TileTensor(out, layout),
                TileTensor[mut=False, dtype, LayoutType](inp, layout),
                grid_dim=BLOCKS_PER_GRID,
                block_dim=THREADS_PER_BLOCK,
            )
        else:
            comptime coordination = broadcast_shuffle_coordination[SIZE]
            ctx.enqueue_function[coordination](
                TileTensor(out, layout),
                TileTensor[mut=False, dtype, LayoutType](inp, layout),
                grid_dim=BLOCKS_PER_GRID,
                block_dim=THREADS_PER_BLOCK,
            )
        ctx.synchronize()

        with out.map_to_host() as values:
            print("output:", values)
            for i in range(count):
                assert_almost_equal(
                    values[i], Scalar[dtype](wanted(which, i)), rtol=1e-5
                )
