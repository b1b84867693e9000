"""What messages of the compiler mean in this puzzle; `submissions` has a file for each."""

from __future__ import annotations

MESSAGES = (
    (
        r"argument #\d+ of type .* (is not encodable|does not match the declared)",
        (
            "An argument of a launch does not have the type that the kernel declares. Compare all "
            "with its signature, in order: the output first, then the inputs. Each layout has to "
            "be the one that the kernel got in square brackets."
        ),
    ),
    (
        r"[Ww]rong number of arguments to enqueue",
        (
            "The product of matrices takes three tensors, the transpose and the softmax two: the "
            "output first."
        ),
    ),
)
