# std.gpu.primitives.block, with blocks of 128 threads.

from std.gpu import thread_idx
import max.gpu.primitives.block as block

comptime F = UnsafePointer[Float32, MutAnyOrigin]
comptime I = UnsafePointer[Int32, MutAnyOrigin]
comptime L = UnsafePointer[Int64, MutAnyOrigin]


def k_sum(o: F, a: F):
    o[thread_idx.x] = block.sum[block_size=128, broadcast=True](a[thread_idx.x])


def k_max(o: F, a: F):
    o[thread_idx.x] = block.max[block_size=128, broadcast=True](a[thread_idx.x])


def k_min(o: I, a: I):
    o[thread_idx.x] = block.min[block_size=128, broadcast=True](a[thread_idx.x])


def k_sumi64(o: L, a: L):
    o[thread_idx.x] = block.sum[block_size=128, broadcast=True](a[thread_idx.x])


def k_prefix(o: F, a: F):
    o[thread_idx.x] = block.prefix_sum[block_size=128](a[thread_idx.x])


def k_prefixe(o: I, a: I):
    o[thread_idx.x] = block.prefix_sum[exclusive=True, block_size=128](a[thread_idx.x])


def k_broadcast(o: F, a: F):
    o[thread_idx.x] = block.broadcast[block_size=128](a[thread_idx.x], 37)
