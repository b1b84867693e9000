# std.gpu.primitives.warp.

from std.gpu import thread_idx
import std.gpu.primitives.warp as warp

comptime F = UnsafePointer[Float32, MutAnyOrigin]
comptime H = UnsafePointer[Float16, MutAnyOrigin]
comptime B = UnsafePointer[BFloat16, MutAnyOrigin]
comptime I = UnsafePointer[Int32, MutAnyOrigin]
comptime U = UnsafePointer[UInt32, MutAnyOrigin]
comptime L = UnsafePointer[Int64, MutAnyOrigin]


def k_sum(o: F, a: F):
    o[thread_idx.x] = warp.sum(a[thread_idx.x])


def k_sumi64(o: L, a: L):
    o[thread_idx.x] = warp.sum(a[thread_idx.x])


def k_sumi(o: I, a: I):
    o[thread_idx.x] = warp.sum(a[thread_idx.x])


def k_max(o: F, a: F):
    o[thread_idx.x] = warp.max(a[thread_idx.x])


def k_min(o: F, a: F):
    o[thread_idx.x] = warp.min(a[thread_idx.x])


def k_maxi(o: I, a: I):
    o[thread_idx.x] = warp.max(a[thread_idx.x])


def k_prefix(o: F, a: F):
    o[thread_idx.x] = warp.prefix_sum(a[thread_idx.x])


def k_prefixe(o: I, a: I):
    o[thread_idx.x] = warp.prefix_sum[exclusive=True](a[thread_idx.x])


def k_bcast(o: F, a: F):
    o[thread_idx.x] = warp.broadcast(a[thread_idx.x])


def k_down(o: F, a: F):
    o[thread_idx.x] = warp.shuffle_down(a[thread_idx.x], 3)


def k_up(o: F, a: F):
    o[thread_idx.x] = warp.shuffle_up(a[thread_idx.x], 3)


def k_idx(o: F, a: F):
    o[thread_idx.x] = warp.shuffle_idx(a[thread_idx.x], 9)


def k_lane4(o: F, a: F):
    o[thread_idx.x] = warp.lane_group_sum[num_lanes=4](a[thread_idx.x])


def k_lane8(o: F, a: F):
    o[thread_idx.x] = warp.lane_group_max[num_lanes=8](a[thread_idx.x])


def k_vote(o: U, a: F):
    o[thread_idx.x] = warp.vote[DType.uint32](a[thread_idx.x] > 2)


def k_f16(o: H, a: H):
    o[thread_idx.x] = warp.sum(a[thread_idx.x])


def k_bf16(o: B, a: B):
    o[thread_idx.x] = warp.sum(a[thread_idx.x])
