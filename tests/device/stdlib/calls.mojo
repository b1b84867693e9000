# Functions that are not inlined: recursion, pointers to functions, errors.

from std.gpu import thread_idx

comptime Op = def(Float32) thin -> Float32

comptime F = UnsafePointer[Float32, MutAnyOrigin]
comptime I = UnsafePointer[Int32, MutAnyOrigin]
comptime L = UnsafePointer[Int64, MutAnyOrigin]


@no_inline
def dbl(x: Float32) -> Float32:
    return x * 2


@no_inline
def sq(x: Float32) -> Float32:
    return x * x


@no_inline
def neg(x: Float32) -> Float32:
    return -x


def f(x: Int32) raises -> Int32:
    if x > 3:
        raise Error("too big")
    return x * 2


def k_raises(o: I, a: I):
    try:
        o[thread_idx.x] = f(a[thread_idx.x])
    except:
        o[thread_idx.x] = -1


def fib(n: Int) -> Int:
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)


def k_fib(o: L, a: L):
    o[thread_idx.x] = Int64(fib(Int(a[thread_idx.x])))


@no_inline
def even(n: Int) -> Bool:
    if n == 0:
        return True
    return odd(n - 1)


@no_inline
def odd(n: Int) -> Bool:
    if n == 0:
        return False
    return even(n - 1)


def k_evenodd(o: L, a: L):
    o[thread_idx.x] = Int64(even(Int(a[thread_idx.x])))


def ack(m: Int, n: Int) -> Int:
    if m == 0:
        return n + 1
    if n == 0:
        return ack(m - 1, 1)
    return ack(m - 1, ack(m, n - 1))


def k_ack(o: L, a: L):
    o[thread_idx.x] = Int64(ack(2, Int(a[thread_idx.x])))


def quick(p: I, lo: Int, hi: Int):
    if lo >= hi:
        return
    var pivot = p[hi]
    var i = lo
    for j in range(lo, hi):
        if p[j] < pivot:
            swap(p[i], p[j])
            i += 1
    swap(p[i], p[hi])
    quick(p, lo, i - 1)
    quick(p, i + 1, hi)


def k_quick(o: I):
    quick(o + thread_idx.x * 20, 0, 19)


def k_fptr(o: F, a: F):
    var ops = InlineArray[Op, 3](fill=dbl)
    ops[1] = sq
    ops[2] = neg
    o[thread_idx.x] = ops[Int(thread_idx.x) % 3](a[thread_idx.x])


def k_fptr2(o: F, a: F):
    var f: Op = dbl
    if a[thread_idx.x] > 3:
        f = sq
    o[thread_idx.x] = f(a[thread_idx.x])


def visit(n: Int, t: Int):
    if n == 0:
        return
    print("level", n, "of", t)
    visit(n - 1, t)
    visit(n - 1, t)
    print("done", n)


def k_recprint(o: F, a: F):
    visit(2, Int(thread_idx.x))


def build(n: Int, x: Float32) -> Float32:
    var t = InlineArray[Float32, 4](fill=x)
    t[n % 4] = Float32(n)
    if n == 0:
        return t[3]
    var r = build(n - 1, t[Int(x) % 4])
    return r + t[0] * 2 + t[3]


def k_reclocal(o: F, a: F):
    o[thread_idx.x] = build(Int(thread_idx.x) % 7, a[thread_idx.x])


def hanoi(n: Int, f: Int, t: Int, v: Int, moves: L):
    if n == 0:
        return
    hanoi(n - 1, f, v, t, moves)
    moves[0] += Int64(f * 10 + t)
    hanoi(n - 1, v, t, f, moves)


def k_hanoi(o: L, a: L):
    hanoi(5, 1, 3, 2, o + thread_idx.x)


def down(n: Int, p: L) -> Int:
    p[n % 7] += Int64(n)
    var r = down(n + 1, p) + down(n + 2, p)
    return r ^ n


def k_endless(o: L, a: L):
    o[thread_idx.x] = Int64(down(Int(a[thread_idx.x]), o))
