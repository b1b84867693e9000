# Collections in a kernel. List, Dict and String take memory from the driver's heap.

from std.gpu import thread_idx
from std.utils import IndexList, StaticTuple

comptime F = UnsafePointer[Float32, MutAnyOrigin]
comptime I = UnsafePointer[Int32, MutAnyOrigin]


def k_array(o: I):
    var a = InlineArray[Int32, 8](fill=3)
    o[thread_idx.x] = a[Int(o[thread_idx.x])]


def k_list(o: I):
    var l = List[Int32]()
    for k in range(Int(o[thread_idx.x])):
        l.append(Int32(k * k))
    var s: Int32 = 0
    for v in l:
        s += v
    o[thread_idx.x] = s


def k_dict(o: I):
    var d = Dict[Int, Int]()
    for k in range(Int(o[thread_idx.x])):
        d[k] = k * 3
    o[thread_idx.x] = Int32(d.get(2, 7))


def k_alloc(o: I):
    var p = alloc[Int32](8)
    for k in range(8):
        p[k] = Int32(k) + o[thread_idx.x]
    var s: Int32 = 0
    for k in range(8):
        s += p[k]
    p.free()
    o[thread_idx.x] = s


def k_stuple(o: F, a: F):
    var t = StaticTuple[Float32, 4](fill=1)
    t[Int(a[thread_idx.x])] = 5
    o[thread_idx.x] = t[0] + t[2] * 10


def k_idxl(o: I, a: I):
    var t = IndexList[3](Int(a[thread_idx.x]), 2, 3)
    o[thread_idx.x] = Int32((t * t + t).flattened_length()) + Int32(t == IndexList[3](1, 2, 3))


def k_optional(o: I, a: I):
    var t = Optional[Int32](a[thread_idx.x]) if a[thread_idx.x] > 2 else Optional[Int32]()
    o[thread_idx.x] = t.or_else(77)
