# std.bit.

from std.gpu import thread_idx
import std.bit as bit

comptime U = UnsafePointer[UInt32, MutAnyOrigin]
comptime L = UnsafePointer[Int64, MutAnyOrigin]
comptime X = UnsafePointer[UInt8, MutAnyOrigin]


def k_bits(o: U, a: U):
    var x = a[thread_idx.x]
    o[thread_idx.x] = bit.pop_count(x) ^ (bit.count_leading_zeros(x) << 3) ^ (bit.count_trailing_zeros(x) << 7) ^ bit.bit_reverse(x) ^ bit.byte_swap(x)


def k_bitrot(o: U, a: U):
    var x = a[thread_idx.x]
    o[thread_idx.x] = bit.rotate_bits_left[7](x) ^ bit.rotate_bits_right[3](x) ^ bit.bit_width(x)


def k_bitpow(o: U, a: U):
    var x = a[thread_idx.x]
    o[thread_idx.x] = UInt32(bit.next_power_of_two(Int(x))) ^ UInt32(bit.prev_power_of_two(Int(x))) ^ UInt32(bit.log2_floor(Int(x))) ^ UInt32(bit.log2_ceil(Int(x)))


def k_bits64(o: L, a: L):
    var x = a[thread_idx.x]
    o[thread_idx.x] = bit.pop_count(x) ^ (bit.count_leading_zeros(x) << 3) ^ (bit.count_trailing_zeros(x) << 7) ^ bit.bit_reverse(x) ^ bit.byte_swap(x)


def k_bits8(o: X, a: X):
    var x = a[thread_idx.x]
    o[thread_idx.x] = bit.pop_count(x) ^ (bit.count_leading_zeros(x) << 3) ^ bit.bit_reverse(x)
