"""What stands at a place in a source: which array is indexed, which loop is around it."""

from __future__ import annotations

import re

_INDEXED = re.compile(r"([A-Za-z_]\w*)\Z")
_METHODS = re.compile(
    r"([A-Za-z_]\w*)\s*\.\s*(?:load|store|ptr|aligned_load|aligned_store)\s*(?:\[[^\]]*\])?\Z"
)
_LOOP = re.compile(r"(?:comptime\s+)?(while|for)\b")
_FUNCTION = re.compile(r"(?:async\s+)?(?:def|fn)\b")
_LONGEST_LINE = 2000
_LONGEST_INDEX = 200


def indexed_array(text: str, line: int, column: int) -> str:
    """The name that is indexed at a place: ``a`` of ``x = a[i]``; empty where that is not certain.

    The compiler's place of a subscript is its opening bracket, that of a method its parenthesis.

    Args:
        text: The source.
        line: From 1.
        column: In bytes, from 1, as the compiler counts; 0 where it is not known.
    """
    lines = text.split("\n")
    if not (0 < line <= len(lines) and column > 0):
        return ""
    data = lines[line - 1].encode("utf-8", "surrogatepass")
    if not column <= len(data) <= _LONGEST_LINE:
        return ""
    before, at = data[: column - 1].decode("utf-8", "replace"), data[column - 1 : column]
    if at == b"[":
        found = _INDEXED.search(before)
    elif at == b"(":
        found = _METHODS.search(before)
    else:
        return ""
    return found.group(1) if found else ""


def indexed_element(text: str, line: int, column: int) -> str:
    """``shared[local_i + 1]``, whose bracket stands at a place; empty where none does.

    Args:
        text: The source.
        line: From 1.
        column: As `indexed_array` takes it.
    """
    lines = text.split("\n")
    if not 0 < line <= len(lines) or column < 1:
        return ""
    data = lines[line - 1].encode("utf-8", "surrogatepass")
    before = data[: column - 1].decode("utf-8", "replace")
    behind = data[column - 1 :].decode("utf-8", "replace")
    name = _INDEXED.search(before)
    if name is None or not behind.startswith("["):
        return ""
    depth = 0
    for place, character in enumerate(behind[:_LONGEST_INDEX]):
        depth += (character in "([") - (character in ")]")
        if not depth:
            return name[0] + behind[: place + 1]
    return ""


def loop_around(text: str, line: int) -> int | None:
    """The line where the loop begins that a thread never leaves.

    Of several around the line it is the only ``while``, since a ``for`` mostly ends. None where
    that is not certain.

    Args:
        text: The source.
        line: Where the thread is, from 1.
    """
    lines = text.split("\n")
    if not 0 < line <= len(lines):
        return None
    found: dict[str, list[int]] = {"while": [], "for": []}
    depth = _depth(lines[line - 1]) + 1
    for number in range(line, 0, -1):
        code = lines[number - 1].strip()
        if not code or code.startswith("#") or _depth(lines[number - 1]) >= depth:
            continue
        depth = _depth(lines[number - 1])
        if _FUNCTION.match(code):
            break
        if loop := _LOOP.match(code):
            found[loop[1]].append(number)
    certain = found["while"] or found["for"]
    return certain[0] if len(certain) == 1 else None


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())
