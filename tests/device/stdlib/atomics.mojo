# std.atomic: all threads on o[0], or each on its own element.

from std.gpu import thread_idx
from std.atomic import Atomic

comptime F = UnsafePointer[Float32, MutAnyOrigin]
comptime D = UnsafePointer[Float64, MutAnyOrigin]
comptime H = UnsafePointer[Float16, MutAnyOrigin]
comptime B = UnsafePointer[BFloat16, MutAnyOrigin]
comptime I = UnsafePointer[Int32, MutAnyOrigin]
comptime U = UnsafePointer[UInt32, MutAnyOrigin]
comptime L = UnsafePointer[Int64, MutAnyOrigin]
comptime C = UnsafePointer[Int8, MutAnyOrigin]


def k_addf(o: F, a: F):
    _ = Atomic.fetch_add(o, a[thread_idx.x])


def k_addf64(o: D, a: D):
    _ = Atomic.fetch_add(o, a[thread_idx.x])


def k_addi(o: I, a: I):
    _ = Atomic.fetch_add(o, a[thread_idx.x])


def k_addl(o: L, a: L):
    _ = Atomic.fetch_add(o, a[thread_idx.x])


def k_max(o: I, a: I):
    Atomic.max(o, a[thread_idx.x])


def k_min(o: I, a: I):
    Atomic.min(o, a[thread_idx.x])


def k_maxf(o: F, a: F):
    Atomic.max(o, a[thread_idx.x])


def k_minu(o: U, a: U):
    Atomic.min(o, a[thread_idx.x])


def k_f16(o: H, a: H):
    _ = Atomic.fetch_add(o, a[thread_idx.x])


def k_bf16(o: B, a: B):
    _ = Atomic.fetch_add(o, a[thread_idx.x])


def k_load(o: I, a: I):
    o[thread_idx.x] = Atomic.load(a + thread_idx.x)


def k_store(o: I, a: I):
    Atomic.store(o + thread_idx.x, a[thread_idx.x])


def k_sub(o: I, a: I):
    var p = o.bitcast[Atomic[DType.int32]]()
    _ = p[].fetch_sub(a[thread_idx.x])


def k_xchg(o: I, a: I):
    _ = Atomic._xchg(o, a[thread_idx.x])


def k_cas(o: I, a: I):
    var p = o.bitcast[Atomic[DType.int32]]()
    var want = p[].load()
    while True:
        if p[].compare_exchange(want, want + a[thread_idx.x]):
            break


def k_i8(o: C, a: C):
    _ = Atomic.fetch_add(o, a[thread_idx.x])
