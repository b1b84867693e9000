"""Arrays as Mojo text, bit for bit."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

MOST_LISTED: Final = 64
"""Elements of a list that stands in the text; the compiler takes long over more."""


def filled(target: str, array: NDArray[np.generic], dtype: str) -> list[str]:
    """Statements that give each element of ``target`` its value."""
    flat = array.ravel()
    if flat.size > MOST_LISTED:
        values, counts = np.unique(_bits(flat), return_counts=True)
        usual = values[counts.argmax()]
        others = np.flatnonzero(_bits(flat) != usual)
        if len(others) <= MOST_LISTED:
            first = flat[int(np.flatnonzero(_bits(flat) == usual)[0])]
            return [
                f"for i in range({flat.size}):",
                f"    {target}[i] = {_element(first, dtype)}",
                *(f"{target}[{at}] = {_element(flat[at], dtype)}" for at in others.tolist()),
            ]
    before, value = listed("values", array, dtype)
    return [*before, f"for i in range({flat.size}):", f"    {target}[i] = {value}"]


def listed(name: str, array: NDArray[np.generic], dtype: str) -> tuple[list[str], str]:
    """Statements that make a list of the elements, and an expression for the one at ``i``."""
    flat = array.ravel()
    if flat.size <= MOST_LISTED:
        elements = ", ".join(_element(each, dtype) for each in flat)
        return [f"var {name}: List[Scalar[DType.{dtype}]] = [{elements}]"], f"{name}[i]"
    digits = 2 * flat.itemsize
    text = "".join(f"{int(bits):0{digits}x}" for bits in _bits(flat))
    return [f'var {name} = bits_in[{digits}]("{text}")'], _from_bits(f"{name}[i]", flat, dtype)


def _bits(flat: NDArray[np.generic]) -> NDArray[np.generic]:
    return flat.view(f"u{flat.itemsize}")


def _from_bits(bits: str, flat: NDArray[np.generic], dtype: str) -> str:
    if dtype == "bool":
        return f"Scalar[DType.bool]({bits} != 0)"
    return f"bitcast[DType.{dtype}](UInt{8 * flat.itemsize}({bits}))"


def _element(value: np.generic, dtype: str) -> str:
    array = np.array([value])
    if dtype == "bool":
        return str(bool(value))
    if array.dtype.kind in "iu":
        return str(int(value))
    number = float(value)
    if not np.isfinite(number) or (number == 0 and np.signbit(number)):
        return _from_bits(hex(int(_bits(array)[0])), array, dtype)
    shortest = str(value)
    return shortest if dtype == "float32" else repr(number)
