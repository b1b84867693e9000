# std.math for bfloat16: each kernel puts a function of a[i] (and b[i]) into o[i].

import std.math as m
from std.gpu import thread_idx

comptime P = UnsafePointer[Scalar[DType.bfloat16], MutAnyOrigin]


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


def k_expm1(o: P, a: P):
    o[thread_idx.x] = m.expm1(a[thread_idx.x])


def k_log(o: P, a: P):
    o[thread_idx.x] = m.log(a[thread_idx.x])


def k_log2(o: P, a: P):
    o[thread_idx.x] = m.log2(a[thread_idx.x])


def k_log10(o: P, a: P):
    o[thread_idx.x] = m.log10(a[thread_idx.x])


def k_log1p(o: P, a: P):
    o[thread_idx.x] = m.log1p(a[thread_idx.x])


def k_cbrt(o: P, a: P):
    o[thread_idx.x] = m.cbrt(a[thread_idx.x])


def k_sin(o: P, a: P):
    o[thread_idx.x] = m.sin(a[thread_idx.x])


def k_cos(o: P, a: P):
    o[thread_idx.x] = m.cos(a[thread_idx.x])


def k_asin(o: P, a: P):
    o[thread_idx.x] = m.asin(a[thread_idx.x])


def k_acos(o: P, a: P):
    o[thread_idx.x] = m.acos(a[thread_idx.x])


def k_sinh(o: P, a: P):
    o[thread_idx.x] = m.sinh(a[thread_idx.x])


def k_cosh(o: P, a: P):
    o[thread_idx.x] = m.cosh(a[thread_idx.x])


def k_tanh(o: P, a: P):
    o[thread_idx.x] = m.tanh(a[thread_idx.x])


def k_atanh(o: P, a: P):
    o[thread_idx.x] = m.atanh(a[thread_idx.x])


def k_erf(o: P, a: P):
    o[thread_idx.x] = m.erf(a[thread_idx.x])


def k_erfc(o: P, a: P):
    o[thread_idx.x] = m.erfc(a[thread_idx.x])


def k_copysign(o: P, a: P, b: P):
    o[thread_idx.x] = m.copysign(a[thread_idx.x], b[thread_idx.x])
