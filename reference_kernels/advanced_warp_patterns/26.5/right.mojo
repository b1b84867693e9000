# Patterns of a warp: butterflies, a prefix sum and a partition (MAX 26.5, Mojo 1.0.0).
#
# All kernels filled in. In a butterfly each lane exchanges its value with the lane whose number
# differs in one bit, so that all of them know the result at the end.

from std.gpu import thread_idx, block_idx, block_dim, lane_id
from max.gpu.host import DeviceContext
from std.gpu.primitives.warp import shuffle_xor, prefix_sum, WARP_SIZE
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


def butterfly_pair_swap[
    size: Int
](
    output: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
    input: TileTensor[mut=False, dtype, LayoutType, ImmutAnyOrigin],
):
    """Swap the elements of each pair of lanes: 0 and 1, 2 and 3, and so on."""
    var global_i = block_dim.x * block_idx.x + thread_idx.x

    if global_i < size:
        var own = input[global_i]
        output[global_i] = shuffle_xor(own, 1)


def butterfly_parallel_max[
    size: Int
](
    output: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
    input: TileTensor[mut=False, dtype, LayoutType, ImmutAnyOrigin],
):
    """Set each element to the largest of its warp."""
    var global_i = block_dim.x * block_idx.x + thread_idx.x

    if global_i < size:
        var largest = input[global_i]
        var offset = WARP_SIZE // 2
        while offset > 0:
            largest = max(largest, shuffle_xor(largest, UInt32(offset)))
            offset //= 2
        output[global_i] = largest


comptime SIZE_2 = 64
comptime BLOCKS_PER_GRID_2 = (2, 1)
comptime THREADS_PER_BLOCK_2 = (WARP_SIZE, 1)
comptime layout_2 = row_major[SIZE_2]()
comptime Layout2Type = type_of(layout_2)


def butterfly_conditional_max[
    size: Int
](
    output: TileTensor[mut=True, dtype, Layout2Type, MutAnyOrigin],
    input: TileTensor[mut=False, dtype, Layout2Type, ImmutAnyOrigin],
):
    """Set elements of even lanes to the largest of the warp, others to the smallest."""
    var global_i = block_dim.x * block_idx.x + thread_idx.x
    var lane = Int(lane_id())

    if global_i < size:
        var largest = input[global_i]
        var smallest = largest
        var offset = WARP_SIZE // 2
        while offset > 0:
            largest = max(largest, shuffle_xor(largest, UInt32(offset)))
            smallest = min(smallest, shuffle_xor(smallest, UInt32(offset)))
            offset //= 2

        if lane % 2 == 0:
            output[global_i] = largest
        else:
            output[global_i] = smallest


def warp_inclusive_prefix_sum[
    size: Int
](
    output: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
    input: TileTensor[mut=False, dtype, LayoutType, ImmutAnyOrigin],
):
    """Set each element to the sum of those up to it, itself included."""
    var global_i = block_dim.x * block_idx.x + thread_idx.x

    if global_i < size:
        var own = input[global_i][0]
        output[global_i] = prefix_sum[exclusive=False](own)


def warp_partition[
    size: Int
](
    output: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
    input: TileTensor[mut=False, dtype, LayoutType, ImmutAnyOrigin],
    pivot: Float32,
):
    """Store the elements below the pivot first, then all others, each in their order."""
    var global_i = block_dim.x * block_idx.x + thread_idx.x

    if global_i < size:
        var own = input[global_i][0]
        var left: Scalar[dtype] = 0
        if own < pivot:
            left = 1

        # How many lanes before this one go to the same side.
        var place_left = prefix_sum[exclusive=True](left)
        var place_right = prefix_sum[exclusive=True](1 - left)

        # How many lanes go to the left: every lane has to know it.
        var all_left = left
        var offset = WARP_SIZE // 2
        while offset > 0:
            all_left += shuffle_xor(all_left, UInt32(offset))
            offset //= 2

        if left > 0:
            output[Int(place_left)] = own
        else:
            output[Int(all_left + place_right)] = own


comptime PIVOT = 5


def element(which: String, i: Int) -> Int:
    """What stands at a place of the input."""
    if which == "--pair-swap":
        return i
    if which == "--prefix-sum":
        return i + 1
    return (7 * i + 3) % 19 - (20 if which == "--parallel-max" else 4)


def wanted(which: String, i: Int) -> Int:
    """What shall stand there in the output."""
    var first = i // WARP_SIZE * WARP_SIZE
    var low = element(which, first)
    var high = low
    var before = 0
    for k in range(first, first + WARP_SIZE):
        var here = element(which, k)
        low = min(low, here)
        high = max(high, here)
        if k <= i:
            before += here
    if which == "--pair-swap":
        return element(which, i ^ 1)
    if which == "--parallel-max":
        return high
    if which == "--conditional-max":
        return high if i % 2 == 0 else low
    if which == "--prefix-sum":
        return before
    var place = 0
    for side in range(2):
        for k in range(WARP_SIZE):
            if (element(which, k) < PIVOT) == (side == 0):
                if place == i:
                    return element(which, k)
                place += 1
    return 0


def main() raises:
    if len(argv()) != 2:
        print(
            "one of: --pair-swap --parallel-max --conditional-max",
            "--prefix-sum --partition",
        )
        return
    var which = String(argv()[1])
    var two = which == "--conditional-max"
    var count = SIZE_2 if two else SIZE
    print("WARP_SIZE:", WARP_SIZE)
    with DeviceContext() as ctx:
        var out = ctx.enqueue_create_buffer[dtype](count)
        out.enqueue_fill(0)
        var inp = ctx.enqueue_create_buffer[dtype](count)
        with inp.map_to_host() as values:
            for i in range(count):
                values[i] = Scalar[dtype](element(which, i))

        if two:
            comptime conditional = butterfly_conditional_max[SIZE_2]
            ctx.enqueue_function[conditional](
                TileTensor(out, layout_2),
                TileTensor[mut=False, dtype, Layout2Type](inp, layout_2),
                grid_dim=BLOCKS_PER_GRID_2,
                block_dim=THREADS_PER_BLOCK_2,
            )
        elif which == "--pair-swap":
            comptime swap = butterfly_pair_swap[SIZE]
            ctx.enqueue_function[swap](
                TileTensor(out, layout),
                TileTensor[mut=False, dtype, LayoutType](inp, layout),
                grid_dim=BLOCKS_PER_GRID,
                block_dim=THREADS_PER_BLOCK,
            )
        elif which == "--parallel-max":
            comptime maximum = butterfly_parallel_max[SIZE]
            ctx.enqueue_function[maximum](
                TileTensor(out, layout),
                TileTensor[mut=False, dtype, LayoutType](inp, layout),
                grid_dim=BLOCKS_PER_GRID,
                block_dim=THREADS_PER_BLOCK,
            )
        elif which == "--prefix-sum":
            comptime sums = warp_inclusive_prefix_sum[SIZE]
            ctx.enqueue_function[sums](
                TileTensor(out, layout),
                TileTensor[mut=False, dtype, LayoutType](inp, layout),
                grid_dim=BLOCKS_PER_GRID,
                block_dim=THREADS_PER_BLOCK,
            )
        else:
            comptime parts = warp_partition[SIZE]
            ctx.enqueue_function[parts](
                TileTensor(out, layout),
                TileTensor[mut=False, dtype, LayoutType](inp, layout),
                Float32(PIVOT),
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
