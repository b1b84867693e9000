# Operators and the rest of std.math for floats; std.utils.numerics.

from std.gpu import thread_idx
import std.math as math
from std.utils.numerics import isfinite, isinf, isnan

comptime F = UnsafePointer[Float32, MutAnyOrigin]
comptime I = UnsafePointer[Int32, MutAnyOrigin]


def k_power(o: F, a: F):
    o[thread_idx.x] = pow(a[thread_idx.x], a[thread_idx.x])


def k_fmod(o: F, a: F):
    o[thread_idx.x] = a[thread_idx.x] % 1.5 + a[thread_idx.x] // 2.0


def k_fround(o: F, a: F):
    o[thread_idx.x] = round(a[thread_idx.x]) + round(a[thread_idx.x], 2)


def k_frexp(o: F, a: F):
    var r = math.frexp(a[thread_idx.x])
    o[thread_idx.x] = r[0] + r[1] * 10


def k_ldexp(o: F, a: F):
    o[thread_idx.x] = math.ldexp(a[thread_idx.x], Int32(3))


def k_modf(o: F, a: F):
    var r = math.modf(a[thread_idx.x])
    o[thread_idx.x] = r[0] + r[1] * 10


def k_fma(o: F, a: F):
    o[thread_idx.x] = math.fma(a[thread_idx.x], a[thread_idx.x], Float32(1))


def k_clamp(o: F, a: F):
    o[thread_idx.x] = math.clamp(a[thread_idx.x], Float32(-1), Float32(2)) + max(a[thread_idx.x], 0.5) + min(a[thread_idx.x], 0.25) + abs(a[thread_idx.x])


def k_iota(o: F, a: F):
    o.store(thread_idx.x * 4, math.iota[DType.float32, 4](a[thread_idx.x]))


def k_classify(o: I, a: F):
    var x = a[thread_idx.x]
    o[thread_idx.x] = Int32(isnan(x)) + 2 * Int32(isinf(x)) + 4 * Int32(isfinite(x))


def k_isclose(o: I, a: F):
    o[thread_idx.x] = Int32(math.isclose(a[thread_idx.x], Float32(1.0)))


def k_casts(o: F, a: F):
    var x = a[thread_idx.x]
    o[thread_idx.x] = Float32(x.cast[DType.float16]()) + Float32(x.cast[DType.bfloat16]()) + Float32(x.cast[DType.int8]()) + Float32(x.cast[DType.uint64]()) + Float32(x.cast[DType.int16]())


def k_cast8(o: F, a: F):
    o[thread_idx.x] = Float32(a[thread_idx.x].cast[DType.float8_e4m3fn]()) + Float32(a[thread_idx.x].cast[DType.float8_e5m2]())
