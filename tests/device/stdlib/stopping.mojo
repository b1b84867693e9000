# Assertions and abort(): each kernel stops where its element is negative, else writes 1.

from std.gpu import thread_idx
from std.os import abort

comptime I = UnsafePointer[Int32, MutAnyOrigin]


def k_assert_values(o: I):
    debug_assert[assert_mode="safe"](o[thread_idx.x] >= 0, "negative value at ", Int(thread_idx.x), ": ", o[thread_idx.x])
    o[thread_idx.x] = 1


def k_assert_plain(o: I):
    debug_assert[assert_mode="safe"](o[thread_idx.x] >= 0)
    o[thread_idx.x] = 1


def k_assert_text(o: I):
    debug_assert[assert_mode="safe"](o[thread_idx.x] >= 0, "negative")
    o[thread_idx.x] = 1


def k_abort_plain(o: I):
    if o[thread_idx.x] < 0:
        abort()
    o[thread_idx.x] = 1


def k_abort_text(o: I):
    if o[thread_idx.x] < 0:
        abort("negative")
    o[thread_idx.x] = 1


def k_abort_values(o: I):
    if o[thread_idx.x] < 0:
        abort(String("negative ", o[thread_idx.x]))
    o[thread_idx.x] = 1
