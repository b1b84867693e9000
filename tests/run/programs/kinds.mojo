# Each kernel does one thing wrong. The comment `# <flag>` is on the line that a finding has to name,
# `# <flag>, other` on that of the other side.
from std.gpu import thread_idx
from std.gpu.primitives import warp
from std.math import atan2
from std.os import abort
from std.sys import argv
from layout import TileTensor
from layout.tile_layout import row_major
from layout.tile_tensor import stack_allocation
from max.gpu.host import DeviceContext
from max.gpu.primitives import block
from max.gpu.sync import barrier

comptime N = 64
comptime layout = row_major[N]()
comptime Numbers = TileTensor[mut=True, DType.float32, type_of(layout), MutAnyOrigin]


def bounds(output: Numbers, a: Numbers):
    var i = thread_idx.x
    output[i] = a[i + 1]  # bounds


def unwritten(output: Numbers, a: Numbers):
    var i = thread_idx.x
    var cache = stack_allocation[dtype=DType.float32, address_space=AddressSpace.SHARED](layout)
    if i > 0:
        cache[i] = a[i]
    barrier()
    output[i] = cache[i]  # unwritten


def race(output: Numbers, a: Numbers):
    var i = thread_idx.x
    var cache = stack_allocation[dtype=DType.float32, address_space=AddressSpace.SHARED](layout)
    cache[i] = a[i]  # race, other
    output[i] = cache[(i + 1) % N]  # race


def add(to: Numbers, value: Float32):
    to[0] += value  # helper


def helper(output: Numbers, a: Numbers):
    add(output, rebind[Float32](a[thread_idx.x]))


def divergence(output: Numbers, a: Numbers):
    var i = thread_idx.x
    if i < 4:
        barrier()  # divergence, other
        output[i] = a[i]
    else:
        output[i] = 0.0
        barrier()  # divergence
        output[i] = 1.0


def leaves(output: Numbers, a: Numbers):
    var i = thread_idx.x
    if i >= 4:
        return
    output[i] = a[i]
    barrier()  # leaves
    output[i] += 1.0


def same(output: Numbers, a: Numbers):
    output[0] = a[0]  # same


def lanes(output: Numbers, a: Numbers):
    var i = thread_idx.x
    output[i] = warp.sum(rebind[Float32](a[i]))  # lanes


def endless(output: Numbers, a: Numbers):
    var i = thread_idx.x
    while a[i] >= 0.0:  # endless
        output[i] += 1.0


def trap(output: Numbers, a: Numbers):
    var i = thread_idx.x
    if a[i] > 5.0:
        abort()  # trap
    output[i] = a[i]


def library(output: Numbers, a: Numbers):
    var i = thread_idx.x
    output[i] = block.prefix_sum[dtype=DType.float32, block_size=N](val=rebind[Float32](a[i]))  # library


def misaligned(output: Numbers, a: Numbers):
    var i = thread_idx.x
    var odd = (a.ptr.bitcast[UInt8]() + 1).bitcast[Float32]()
    output[i] = odd[unsafe_offset=i % 4]  # misaligned


def depth(n: Int) -> Int:
    return 1 + depth(n + 1) * depth(n + 2)  # stack


def stack(output: Numbers, a: Numbers):
    output[thread_idx.x] = Float32(depth(Int(thread_idx.x)))


def missing(output: Numbers, a: Numbers):
    var i = thread_idx.x
    output[i] = atan2(rebind[Float32](a[i]), Float32(2.0))  # missing


def talks():
    print("thread", thread_idx.x)


def main() raises:
    var flag = String(argv()[1])
    with DeviceContext() as ctx:
        var output_buffer = ctx.enqueue_create_buffer[DType.float32](N)
        var a_buffer = ctx.enqueue_create_buffer[DType.float32](N)
        output_buffer.enqueue_fill(0)
        with a_buffer.map_to_host() as host:
            for i in range(N):
                host[i] = Float32(i)
        var output = TileTensor(output_buffer, layout)
        var a = TileTensor(a_buffer, layout)
        if flag == "bounds":
            ctx.enqueue_function[bounds](output, a, grid_dim=1, block_dim=N)
        elif flag == "unwritten":
            ctx.enqueue_function[unwritten](output, a, grid_dim=1, block_dim=N)
        elif flag == "race":
            ctx.enqueue_function[race](output, a, grid_dim=1, block_dim=N)
        elif flag == "helper":
            ctx.enqueue_function[helper](output, a, grid_dim=1, block_dim=N)
        elif flag == "divergence":
            ctx.enqueue_function[divergence](output, a, grid_dim=1, block_dim=N)
        elif flag == "leaves":
            ctx.enqueue_function[leaves](output, a, grid_dim=1, block_dim=N)
        elif flag == "same":
            ctx.enqueue_function[same](output, a, grid_dim=1, block_dim=N)
        elif flag == "lanes":
            ctx.enqueue_function[lanes](output, a, grid_dim=1, block_dim=40)
        elif flag == "endless":
            ctx.enqueue_function[endless](output, a, grid_dim=1, block_dim=N)
        elif flag == "trap":
            ctx.enqueue_function[trap](output, a, grid_dim=1, block_dim=N)
        elif flag == "library":
            ctx.enqueue_function[library](output, a, grid_dim=1, block_dim=N)
        elif flag == "misaligned":
            ctx.enqueue_function[misaligned](output, a, grid_dim=1, block_dim=N)
        elif flag == "stack":
            ctx.enqueue_function[stack](output, a, grid_dim=1, block_dim=1)
        elif flag == "missing":
            ctx.enqueue_function[missing](output, a, grid_dim=1, block_dim=N)
        elif flag == "talks":
            ctx.enqueue_function[talks](grid_dim=1, block_dim=2)
        elif flag == "streams":
            with DeviceContext() as other:
                other.enqueue_function[leaves](output, a, grid_dim=1, block_dim=4)
                ctx.enqueue_function[leaves](output, a, grid_dim=1, block_dim=4)
                other.synchronize()
        elif flag == "launch":
            ctx.enqueue_function[race](output, a, grid_dim=1, block_dim=2048)
        else:
            raise Error("no such flag: " + flag)
        ctx.synchronize()
        with output_buffer.map_to_host() as host:
            print(flag, host[0])
