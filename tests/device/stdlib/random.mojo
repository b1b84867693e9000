# std.random.philox.

from std.gpu import thread_idx
from std.random.philox import NormalRandom, Random

comptime F = UnsafePointer[Float32, MutAnyOrigin]
comptime U = UnsafePointer[UInt32, MutAnyOrigin]


def k_philox(o: U):
    var r = Random(seed=42, subsequence=UInt64(thread_idx.x))
    o.store(thread_idx.x * 4, r.step())


def k_uniform(o: F):
    var r = Random(seed=42, subsequence=UInt64(thread_idx.x))
    o.store(thread_idx.x * 4, r.step_uniform())


def k_normal(o: F):
    var r = NormalRandom(seed=42, subsequence=UInt64(thread_idx.x))
    o.store(thread_idx.x * 8, r.step_normal())
