# print() of each type; what is printed depends on the thread's element of o.

from std.gpu import thread_idx

comptime F = UnsafePointer[Float32, MutAnyOrigin]
comptime D = UnsafePointer[Float64, MutAnyOrigin]
comptime I = UnsafePointer[Int32, MutAnyOrigin]


def k_Int(o: D):
    print("Int", Int(o[thread_idx.x]))


def k_UInt(o: D):
    print("UInt", UInt(o[thread_idx.x]))


def k_Int8(o: D):
    print("Int8", Int8(o[thread_idx.x]))


def k_Int16(o: D):
    print("Int16", Int16(o[thread_idx.x]))


def k_Int32(o: D):
    print("Int32", Int32(o[thread_idx.x]))


def k_Int64(o: D):
    print("Int64", Int64(o[thread_idx.x]))


def k_UInt8(o: D):
    print("UInt8", UInt8(o[thread_idx.x]))


def k_UInt16(o: D):
    print("UInt16", UInt16(o[thread_idx.x]))


def k_UInt32(o: D):
    print("UInt32", UInt32(o[thread_idx.x]))


def k_UInt64(o: D):
    print("UInt64", UInt64(o[thread_idx.x]))


def k_Float16(o: D):
    print("Float16", Float16(o[thread_idx.x]))


def k_BFloat16(o: D):
    print("BFloat16", BFloat16(o[thread_idx.x]))


def k_Float32(o: D):
    print("Float32", Float32(o[thread_idx.x]))


def k_Float64(o: D):
    print("Float64", Float64(o[thread_idx.x]))


def k_bool(o: D):
    print(o[thread_idx.x] > 1.0, True, sep=",")


def k_simd(o: F):
    print(o.load[width=4](thread_idx.x * 4), end="!\n")


def k_simdi(o: I):
    print(o.load[width=2](thread_idx.x * 2))


def k_str(o: D):
    var s: StaticString = "abc"
    print(s, "def", StringSlice("x"), sep="-")


def k_string(o: D):
    var s = String("v=") + String(Int(thread_idx.x))
    print(s)


def k_tuple(o: D):
    print((1, Float32(2.5), "a"))


def k_none(o: D):
    print()


def k_optional(o: D):
    print(Optional(Int(o[0])))


def k_list(o: D):
    var l = [1, 2, Int(o[0])]
    print(l)
    o[0] = Float64(l[1])


def k_inline(o: D):
    var l = InlineArray[Int, 4](fill=Int(o[0]))
    print(l[1])


def k_format(o: D):
    print("a {} b".format(Int(o[0])))


def k_hex(o: D):
    print(hex(Int(o[0])), bin(Int(o[0])))


def k_dtype(o: D):
    print(DType.float32)


def k_err(o: D):
    try:
        if o[0] > 1:
            raise Error("bad")
    except e:
        print(e)
