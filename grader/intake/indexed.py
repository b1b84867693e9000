"""What stands at a place in a source: which array is indexed, which loop is around it."""

from __future__ import annotations

import functools
import re

from grader.intake.lexer import CLOSING, OPENING

_INDEXED = re.compile(r"([A-Za-z_]\w*)\Z")
_METHODS = re.compile(
    r"([A-Za-z_]\w*)\s*\.\s*(?:load|store|ptr|aligned_load|aligned_store)\s*(?:\[[^\]]*\])?\Z"
)
_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
_VIEW = re.compile(r"\s*([A-Za-z_]\w*)\s*\.\s*(?:tile|vectorize|distribute)\b")
_SHARED = re.compile(r"\bSHARED\b")
_LOOP = re.compile(r"(?:comptime\s+)?(while|for)\b")
_FUNCTION = re.compile(r"(?:async\s+)?(?:def|fn)\b")
_LONGEST_LINE = 2000
_LONGEST_INDEX = 200
_LONGEST_CALL = 2000
_LONGEST_CHAIN = 8
"""Views of views that are looked through."""


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


@functools.lru_cache(maxsize=256)
def shared_argument(text: str, line: int, column: int) -> str:
    """The only array in shared memory that a call at a place is given, or given a view of.

    ``shared`` of ``copy(shared.vectorize[1, 4](), a)``; empty where that is not certain.

    Args:
        text: The source.
        line: From 1.
        column: Of the call's parenthesis, as `indexed_array` takes it.
    """
    lines = text.split("\n")
    if not 0 < line <= len(lines) or column < 1:
        return ""
    data = lines[line - 1].encode("utf-8", "surrogatepass")
    start = sum(len(each) + 1 for each in lines[: line - 1])
    start += len(data[: column - 1].decode("utf-8", "replace"))
    said = _bracketed(text[start : start + _LONGEST_CALL])
    if not said.startswith("("):
        return ""
    passed = {_shared_root(name, text[:start]) for name in dict.fromkeys(_NAME.findall(said))}
    passed.discard("")
    return passed.pop() if len(passed) == 1 else ""


def _shared_root(name: str, before: str) -> str:
    """The array in shared memory that a name stands for; empty where it stands for none."""
    for _ in range(_LONGEST_CHAIN):
        bound = list(re.finditer(rf"\bvar\s+{name}\s*=(?!=)", before))
        if not bound:
            return ""
        said = before[bound[-1].end() :][:_LONGEST_CALL]
        view = _VIEW.match(said)
        if view is None:
            end = re.search(r"\n[ \t]*(?:var|if|for|while|comptime)\b", said)
            return name if _SHARED.search(said[: end.start()] if end else said) else ""
        name, before = view[1], before[: bound[-1].start()]
    return ""


def _bracketed(text: str) -> str:
    """What begins with a bracket, up to the one that closes it; empty where none does."""
    depth = 0
    for place, character in enumerate(text):
        depth += (character in OPENING) - (character in CLOSING)
        if not depth:
            return text[: place + 1] if place else ""
    return ""


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
    index = _bracketed(behind[:_LONGEST_INDEX])
    return name[0] + index if index else ""


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
