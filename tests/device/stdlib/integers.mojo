# Wide integers, division, powers, std.math for integers.

from std.gpu import thread_idx
import std.math as math

comptime L = UnsafePointer[Int64, MutAnyOrigin]


def k_i128(o: L, a: L):
    var x = Int128(a[thread_idx.x]) * Int128(a[thread_idx.x]) + Int128(a[thread_idx.x])
    o[thread_idx.x] = Int64(x >> 64) ^ Int64(x & 0xFFFFFFFF)


def k_i256(o: L, a: L):
    var x = Int256(a[thread_idx.x]) * Int256(a[thread_idx.x]) - Int256(a[thread_idx.x])
    o[thread_idx.x] = Int64(x >> 64)


def k_i128div(o: L, a: L):
    var x = (Int128(a[thread_idx.x]) << 40) // Int128(12345)
    o[thread_idx.x] = Int64(x)


def k_divs(o: L, a: L):
    var x = a[thread_idx.x]
    o[thread_idx.x] = (x // 7) + (x % 5) * 100 + (x // (x + 3)) * 10000


def k_intpow(o: L, a: L):
    o[thread_idx.x] = a[thread_idx.x] ** 3


def k_gcd(o: L, a: L):
    o[thread_idx.x] = Int64(math.gcd(Int(a[thread_idx.x]), 36) + math.lcm(Int(a[thread_idx.x]), 10))


def k_fact(o: L, a: L):
    o[thread_idx.x] = Int64(math.factorial(Int(a[thread_idx.x]) % 10))
