"""What the arrays are called that a case of an op uses, where the source and the sizes tell.

A graph compile writes no line tables, so the device knows an array by its number and its size only.
A name is given where one array alone can be meant.
"""

from __future__ import annotations

import re
from typing import Final

from grader.device import Space
from grader.intake.arithmetic import code_only, shared_arrays
from grader.intake.lexer import CLOSING, OPENING
from grader.model.cases import Case
from grader.model.code import Op

_OTHER_WIDTHS: Final = re.compile(r"\b(?:load|store|bitcast|vectorize|aligned_load)\s*[\[(]")
"""An access of several elements, or as another type: the device counts these as cells."""
_OWN_BUFFERS: Final = re.compile(r"create_buffer|create_host_buffer|\balloc\b")


class ArrayNames:
    """The names of a case's arrays.

    Args:
        case: The case.
        text: The submission.
    """

    def __init__(self, case: Case, text: str) -> None:
        sizes = case.shape.sizes
        certain = isinstance(case.part.code, Op) and not _OTHER_WIDTHS.search(text)
        self._shared = shared_arrays(text, sizes) if certain else {}
        certain = certain and not _OWN_BUFFERS.search(text)
        tensors = case.part.tensors if certain else ()
        text = code_only(text)
        self._lengths = {spec.name: spec.count(sizes) for spec in tensors}
        self._uses = {name: uses_of(name, text) for name in self._lengths}

    def of(self, space: Space, access: str, cells: int) -> str:
        """The one array of so many cells that is used in this way; empty where that is in doubt."""
        if space is Space.SHARED:
            return self._shared.get(cells, "")
        if space is not Space.GLOBAL:
            return ""
        found = [
            name
            for name, length in self._lengths.items()
            if length == cells and access in self._uses[name]
        ]
        return found[0] if len(found) == 1 else ""


def uses_of(name: str, text: str) -> frozenset[str]:
    """Whether elements of an array are read or written in a source; both, where it is not plain."""
    uses: set[str] = set()
    for found in re.finditer(rf"\b{name}\s*\[", text):
        depth, place = 1, found.end()
        while depth and place < len(text):
            depth += (text[place] in OPENING) - (text[place] in CLOSING)
            place += 1
        behind = text[place:].lstrip(" \t")
        before = text[: found.start()].rpartition("\n")[2].strip()
        if before or not re.match(r"(?:[-+*/%&|^]|//|<<|>>)?=(?!=)", behind):
            uses.add("read")
        else:
            uses |= {"write"} if behind.startswith("=") else {"read", "write"}
    return frozenset(uses) or frozenset({"read", "write"})
