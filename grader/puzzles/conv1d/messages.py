"""What messages of the compiler mean in this puzzle; `submissions` has a file for each."""

from __future__ import annotations

_OTHER_EDITION = (
    "This line is written for another edition of the book. Start from the skeleton of the "
    "edition that your course uses."
)

MESSAGES = (
    (
        r"failed to infer parameter '\w*Layout'",
        (
            "The kernel takes the three layouts as compile-time parameters: pass them in square "
            "brackets before the sizes."
        ),
    ),
    (
        r"parameter '(input_size|conv_size)' has 'Int' type, but value has type",
        (
            "The compile-time parameters are in the wrong order: the layouts come first, then "
            "input_size, conv_size and dtype."
        ),
    ),
    (
        r"argument #\d+ of type .* (is not encodable|does not match the declared)",
        (
            "An argument of the launch does not have the type that the kernel declares. The number "
            "that the compiler gives is not reliable: compare all with the kernel's signature, in "
            "order: the output, the input, the convolution kernel."
        ),
    ),
    (
        r"[Ww]rong number of arguments to enqueue",
        ("The kernel takes three tensors: the output, the input, the convolution kernel."),
    ),
    (r"use of unknown declaration '(out_layout|in_layout|conv_layout)'", _OTHER_EDITION),
)
