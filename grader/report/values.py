"""Numbers of a record as people read them: decoded, shortest form, aligned.

NumPy is not used: importing it costs more than a whole report.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence

from grader.record import Tensor

Number = int | float

_FORMATS = {
    "bool": "?",
    "int8": "b",
    "int16": "h",
    "int32": "i",
    "int64": "q",
    "uint8": "B",
    "uint16": "H",
    "uint32": "I",
    "uint64": "Q",
    "float16": "e",
    "float32": "f",
    "float64": "d",
}
"""`struct` codes of NumPy's type names; ``bfloat16`` has none and is widened by hand."""

_DIGITS = {"float16": 5, "bfloat16": 4, "float32": 9, "float64": 17}
"""Significant decimal digits that tell any two values of the type apart."""

SHOWN_DIGITS = 9
"""Values of a wider type than float32 are shown with at most this many digits."""


def decode(tensor: Tensor, limit: int) -> list[Number]:
    """The first ``limit`` elements, flat, in C order.

    A type that is not known or data that is too short for its shape gives
    fewer elements, never an error: a report has to come out.
    """
    count = max(0, min(math.prod(tensor.shape), limit))
    if tensor.dtype == "bfloat16":
        count = min(count, len(tensor.data) // 2)
        words = struct.unpack_from(f"<{count}H", tensor.data)
        widened = struct.pack(f"<{count}I", *(word << 16 for word in words))
        return list(struct.unpack(f"<{count}f", widened))
    code = _FORMATS.get(tensor.dtype)
    if code is None:
        return []
    count = min(count, len(tensor.data) // struct.calcsize(code))
    return [
        int(value) if isinstance(value, bool) else value
        for value in struct.unpack_from(f"<{count}{code}", tensor.data)
    ]


def size(tensor: Tensor) -> int:
    """Elements that the shape promises."""
    return math.prod(tensor.shape)


def number(value: float | str) -> Number:
    """A value as a record's mismatch holds it: a number, or ``nan``, ``inf``, ``-inf``."""
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return math.nan


def shortest(value: Number, dtype: str = "float64") -> str:
    """The shortest text that names this value of ``dtype``: ``0.1``, ``-0``, ``1e+30``, ``nan``."""
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    digits = _DIGITS.get(dtype, 17)
    for precision in range(1, min(digits, SHOWN_DIGITS) + 1):
        text = f"{value:.{precision}g}"
        if _same(float(text), value, dtype):
            break
    return _plain(text, value)


def _same(candidate: float, value: float, dtype: str) -> bool:
    code = _FORMATS.get(dtype, "d")
    if code not in "ef":
        return candidate == value
    try:
        return struct.pack(code, candidate) == struct.pack(code, value)
    except OverflowError:
        return False


def _plain(text: str, value: float) -> str:
    """``2e+01`` is the shortest text of 20, but not the one that people read."""
    mantissa, e, exponent = text.partition("e")
    if e and -5 <= int(exponent) < SHOWN_DIGITS:
        decimals = max(0, len(mantissa.replace("-", "").replace(".", "")) - 1 - int(exponent))
        return f"{value:.{decimals}f}"
    return text


def align(texts: Sequence[str]) -> list[str]:
    """Pad one column with spaces so that decimal points stand under each other.

    Words (``nan``, ``inf``, an empty cell) end where the whole part ends. A
    column with exponents has no common scale, and is only set flush right.
    """
    if any("e" in text for text in texts):
        width = max(map(len, texts))
        return [text.rjust(width) for text in texts]
    split = [_split(text) for text in texts]
    left = max((len(whole) for whole, _ in split), default=0)
    right = max((len(rest) for _, rest in split), default=0)
    return [whole.rjust(left) + rest.ljust(right) for whole, rest in split]


def _split(text: str) -> tuple[str, str]:
    whole, dot, rest = text.partition(".")
    return whole, dot + rest


def distance(expected: Number, got: Number) -> str:
    """How far ``got`` is from ``expected``, in three digits; empty where it has no meaning."""
    try:
        far = abs(float(got) - float(expected))
    except OverflowError:
        return ""
    return f"{far:.3g}" if math.isfinite(far) else ""


def bytes_text(count: int) -> str:
    """``812 B``, ``3.4 KiB``, ``1.2 GiB``."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            break
        amount /= 1024
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"


def seconds_text(seconds: float) -> str:
    """``12 ms``, ``3.4 s``, ``2 min 5 s``."""
    if not math.isfinite(seconds) or seconds < 0:
        return "unknown"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def sizes_text(sizes: dict[str, int]) -> str:
    """``input_size 16, conv_size 2``."""
    return ", ".join(f"{name} {value}" for name, value in sizes.items())


def dims_text(dims: Iterable[int]) -> str:
    """A block or thread index without its trailing zeros: ``3``, or ``(0, 1)``."""
    parts = list(dims)
    while len(parts) > 1 and parts[-1] == 0:
        parts.pop()
    return str(parts[0]) if len(parts) == 1 else "(" + ", ".join(map(str, parts)) + ")"
