"""What messages of the compiler mean in this puzzle; `submissions` has a file for each."""

from __future__ import annotations

MESSAGES = (
    (
        r"invalid call to 'exp': lacking evidence",
        (
            "exp takes floating-point types only, and the compiler wants that to be sure: keep the "
            "given `comptime assert dtype.is_floating_point()` above your code in each kernel."
        ),
    ),
    (
        r"cannot implicitly convert .*(SIMD|element_type).* value to 'Scalar\[dtype\]'",
        (
            "An element of a LayoutTensor is a SIMD vector, of a size that the compiler does not "
            "work out here. Turn it into a number: rebind[Scalar[dtype]](...)."
        ),
    ),
    (
        r"argument #\d+ of type .* (is not encodable|does not match the declared)",
        (
            "An argument of the launch does not have the type that the kernel declares. The launch "
            "is given: take it from the skeleton as it is."
        ),
    ),
)
