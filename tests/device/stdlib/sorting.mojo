# std.builtin.sort, on 16 elements of each thread.

from std.gpu import thread_idx
from std.builtin.sort import sort

comptime I = UnsafePointer[Int32, MutAnyOrigin]


def k_sort(o: I, a: I):
    var l = InlineArray[Int32, 16](fill=0)
    for k in range(16):
        l[k] = a[thread_idx.x * 16 + k]
    sort(Span(l))
    for k in range(16):
        o[thread_idx.x * 16 + k] = l[k]
