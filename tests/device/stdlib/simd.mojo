# SIMD vectors, complex numbers, copies in memory, std.hashlib, std.time.

from std.gpu import thread_idx
from std.complex import ComplexFloat32
from std.hashlib import hash
from std.memory import memcpy, memset_zero, stack_allocation
from std.time import perf_counter_ns, sleep

comptime F = UnsafePointer[Float32, MutAnyOrigin]
comptime I = UnsafePointer[Int32, MutAnyOrigin]
comptime L = UnsafePointer[Int64, MutAnyOrigin]


def k_simdops(o: F, a: F):
    var v = a.load[width=4](thread_idx.x * 4)
    o[thread_idx.x] = v.reduce_add() + v.reduce_max() * v.reduce_min() + v.reduce_mul() + v.shuffle[3, 2, 1, 0]()[0] + v.rotate_left[1]()[1]


def k_simdi(o: I, a: I):
    var v = a.load[width=4](thread_idx.x * 4)
    var m = v.gt(2)
    o[thread_idx.x] = m.select(v, -v).reduce_add() + Int32(m.reduce_and()) + v.reduce_or() + v.reduce_and()


def k_mem(o: F, a: F):
    var l = stack_allocation[8, Float32]()
    memset_zero(l, 8)
    memcpy(dest=l, src=a + thread_idx.x, count=4)
    o[thread_idx.x] = l[0] + l[3] + l[7]


def k_clock(o: L):
    var t = perf_counter_ns()
    sleep(0.000001)
    o[thread_idx.x] = Int64(perf_counter_ns() - t)


def k_hash(o: L, a: L):
    o[thread_idx.x] = Int64(hash(a[thread_idx.x]))


def k_complex(o: F, a: F):
    var z = ComplexFloat32(a[thread_idx.x], 2)
    var w = z * z + z / ComplexFloat32(1, 1)
    o[thread_idx.x] = w.re + w.im + z.squared_norm()
