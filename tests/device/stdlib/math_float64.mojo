# std.math for float64: each kernel puts a function of a[i] (and b[i]) into o[i].

import std.math as m
from std.gpu import thread_idx

comptime P = UnsafePointer[Scalar[DType.float64], MutAnyOrigin]


def k_ceil(o: P, a: P):
    o[thread_idx.x] = m.ceil(a[thread_idx.x])


def k_floor(o: P, a: P):
    o[thread_idx.x] = m.floor(a[thread_idx.x])


def k_trunc(o: P, a: P):
    o[thread_idx.x] = m.trunc(a[thread_idx.x])


def k_sqrt(o: P, a: P):
    o[thread_idx.x] = m.sqrt(a[thread_idx.x])


def k_rsqrt(o: P, a: P):
    o[thread_idx.x] = m.rsqrt(a[thread_idx.x])


def k_recip(o: P, a: P):
    o[thread_idx.x] = m.recip(a[thread_idx.x])


def k_exp(o: P, a: P):
    o[thread_idx.x] = m.exp(a[thread_idx.x])


def k_exp2(o: P, a: P):
    o[thread_idx.x] = m.exp2(a[thread_idx.x])


def k_log(o: P, a: P):
    o[thread_idx.x] = m.log(a[thread_idx.x])


def k_log2(o: P, a: P):
    o[thread_idx.x] = m.log2(a[thread_idx.x])


def k_log1p(o: P, a: P):
    o[thread_idx.x] = m.log1p(a[thread_idx.x])


def k_cosh(o: P, a: P):
    o[thread_idx.x] = m.cosh(a[thread_idx.x])


def k_tanh(o: P, a: P):
    o[thread_idx.x] = m.tanh(a[thread_idx.x])


def k_erf(o: P, a: P):
    o[thread_idx.x] = m.erf(a[thread_idx.x])


def k_copysign(o: P, a: P, b: P):
    o[thread_idx.x] = m.copysign(a[thread_idx.x], b[thread_idx.x])


def k_atan2(o: P, a: P, b: P):
    o[thread_idx.x] = m.atan2(a[thread_idx.x], b[thread_idx.x])


def k_hypot(o: P, a: P, b: P):
    o[thread_idx.x] = m.hypot(a[thread_idx.x], b[thread_idx.x])


def k_remainder(o: P, a: P, b: P):
    o[thread_idx.x] = m.remainder(a[thread_idx.x], b[thread_idx.x])


def k_scalb(o: P, a: P, b: P):
    o[thread_idx.x] = m.scalb(a[thread_idx.x], b[thread_idx.x])


def k_nextafter(o: P, a: P, b: P):
    o[thread_idx.x] = m.nextafter(a[thread_idx.x], b[thread_idx.x])
