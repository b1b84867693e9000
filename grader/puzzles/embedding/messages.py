"""What messages of the compiler mean in this puzzle; `submissions` has a file for each."""

from __future__ import annotations

MESSAGES = (
    (
        r"cannot be converted from .* to 'SIMD\[DType.int32",
        (
            "The token is an element of a tensor, not an Int. Convert it before you compare it or "
            "use it as an index: Int(indices_lt[batch_idx, seq_idx])."
        ),
    ),
    (
        r"argument #\d+ of type .* (is not encodable|does not match the declared)",
        (
            "An argument of the launch does not have the type that the kernel declares. The number "
            "that the compiler gives is not reliable: compare all with the kernel's signature, in "
            "order: the output, the indices, the weights."
        ),
    ),
    (
        r"[Ww]rong number of arguments to enqueue",
        "The kernels take three tensors: the output, the indices, the weights.",
    ),
)
