"""The arithmetic of an index: what is certain of it, from the source and a thread's place.

Only whole numbers, and names that a function sets once from the numbers of the thread, the block
and the grid. What an index comes to is told only where it is the element that was accessed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

_LONGEST = 200
"""Characters of an index that is read."""
_BODY = 200
"""Lines of a function that are looked at, on each side."""
_HEAD = re.compile(r"(\s*)(?:def|fn)\s")
_NEXT = re.compile(r"\s*(?:(?:def|fn|struct|trait|alias|comptime)\b|@)")
_ASSIGNED = re.compile(r"\s*(?:var\s+|let\s+)?([A-Za-z_]\w*)\s*(?::[^=]*)?=(?!=)(.*)")
_CONSTANT = re.compile(
    r"^(?:comptime|alias)\s+([A-Za-z_]\w*)\s*(?::[^=\n]*)?=(?!=)([^\n#]*)", re.MULTILINE
)
_ALLOCATED = re.compile(
    r"^[ \t]+(?:var\s+|let\s+)?([A-Za-z_]\w*)\s*=\s*(?=\S*(?:LayoutTensor|stack_alloc|tb\[))",
    re.MULTILINE,
)
_SHARED = re.compile(r"AddressSpace\.SHARED|\.shared\(\)")
_EXTENTS = re.compile(r"\brow_major\s*\[|\brow_major\s*\(")
_ALLOCATION = 600
"""Characters of a statement that is looked at."""

Known = Mapping[str, int]
"""Names as the source spells them, and their values."""


def certain_values(text: str, line: int, known: Known) -> dict[str, int]:
    """The values of names in the function around a line: of those set once, from known ones.

    Args:
        text: The source.
        line: From 1.
        known: What is known already: ``thread_idx.x`` and the like.
    """
    found_out = dict(known)
    body = _function(text.split("\n"), line)
    whole = "\n".join(body)
    for each in body:
        found = _ASSIGNED.fullmatch(each.partition("#")[0])
        if found is None or found[1] in found_out:
            continue
        # A name that is set twice may hold anything.
        again = re.findall(rf"\b{found[1]}\s*(?:[-+*/%&|^]|//|<<|>>)?=(?!=)", whole)
        looped = re.search(rf"\bfor\s+(?:var\s+)?{found[1]}\b", whole)
        tree = _tree(found[2])
        value = _value(tree, found_out) if tree is not None else None
        if value is not None and len(again) == 1 and looped is None:
            found_out[found[1]] = value
    return found_out


def sources_of(text: str, line: int, code: str) -> list[str]:
    """The expressions that names in some code are set to, in the function around a line."""
    found = map(_ASSIGNED.fullmatch, _function(text.split("\n"), line))
    names = set(re.findall(r"[A-Za-z_]\w*", code))
    return [each[2].strip() for each in found if each is not None and each[1] in names]


def _function(lines: Sequence[str], line: int) -> list[str]:
    """The lines of the function around a line."""
    if not 0 < line <= len(lines):
        return []
    at = line - 1
    indent = len(lines[at]) - len(lines[at].lstrip())
    for first in range(at, max(-1, at - _BODY), -1):
        head = _HEAD.match(lines[first])
        if head is not None and len(head[1]) < indent:
            break
    else:
        return []
    margin = len(head[1])
    last = first + 1
    while last < min(len(lines), at + _BODY):
        text = lines[last]
        if _NEXT.match(text) and len(text) - len(text.lstrip()) <= margin:
            break
        last += 1
    return list(lines[first:last])


def with_numbers(index: str, known: Known, cell: int, cells: int) -> str:
    """An index with numbers in the place of its names; empty where these are not certain.

    One name that is not known gets the number that gives the cell, where only one does.

    Args:
        index: What stands between the brackets.
        known: What names are.
        cell: The element that was accessed, and
        cells: of how many.
    """
    keyword, equals, rest = index.partition("=")
    if equals and re.fullmatch(r"\s*\w+\s*", keyword):
        index = rest.strip()
    parts = _parts(index)
    trees = [_tree(part) for part in parts]
    if not trees or any(tree is None for tree in trees):
        return ""
    known = dict(known)
    unknown = {name for tree in trees if tree is not None for name in _unknown(tree, known)}
    if len(trees) == 1 and len(unknown) == 1 and trees[0] is not None:
        name = unknown.pop()
        solved = _solved(trees[0], name, known, cell)
        if solved is None:
            return ""
        known[name] = solved
    elif unknown:
        return ""
    numbers = [_value(tree, known) for tree in trees if tree is not None]
    if not _gives(numbers, cell, cells):
        return ""
    return ", ".join(_replaced(part, known) for part in parts)


def _gives(numbers: Sequence[int | None], cell: int, cells: int) -> bool:
    """Whether these indices may name the cell: those of a matrix in rows of some length."""
    if len(numbers) == 1:
        return numbers[0] == cell
    if len(numbers) != 2 or numbers[0] is None or numbers[1] is None:
        return False
    row, column = numbers[0], numbers[1]
    if row == 0:
        return column == cell
    width, rest = divmod(cell - column, row)
    return not rest and width > 0 and cells % width == 0


def _parts(index: str) -> list[str]:
    """The parts between commas that stand outside of brackets."""
    parts, depth = [""], 0
    for character in index:
        depth += (character in "([") - (character in ")]")
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def _tree(text: str) -> ast.expr | None:
    if len(text) > _LONGEST:
        return None
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _named(tree: ast.expr) -> str:
    """``thread_idx.x`` or a plain name; empty where it is neither."""
    if isinstance(tree, ast.Attribute) and isinstance(tree.value, ast.Name):
        return f"{tree.value.id}.{tree.attr}"
    return tree.id if isinstance(tree, ast.Name) else ""


def _value(tree: ast.expr, known: Known) -> int | None:
    """The value of an index; None where it holds anything but whole numbers and known names."""
    match tree:
        case ast.Constant(value=int(number)) if not isinstance(number, bool):
            return number
        case ast.Name() | ast.Attribute():
            return known.get(_named(tree))
        case ast.Call(func=ast.Name(id="Int" | "UInt"), args=[only], keywords=[]):
            return _value(only, known)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            value = _value(operand, known)
            return None if value is None else -value
        case ast.BinOp(left=left, op=op, right=right):
            return _combined(_value(left, known), op, _value(right, known))
        case _:
            return None


def _combined(left: int | None, op: ast.operator, right: int | None) -> int | None:
    if left is None or right is None:
        return None
    match op:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.FloorDiv():
            return left // right if right else None
        case ast.Mod():
            return left % right if right else None
        case _:
            return None


def _unknown(tree: ast.expr, known: Known) -> Iterator[str]:
    name = _named(tree)
    if name:
        if name not in known:
            yield name
        return
    skipped = [tree.func] if isinstance(tree, ast.Call) else []
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.expr) and child not in skipped:
            yield from _unknown(child, known)


def _solved(tree: ast.expr, name: str, known: Known, cell: int) -> int | None:
    """The one number that gives the cell, where the index grows with it evenly."""
    at = [_value(tree, {**known, name: number}) for number in (0, 1, 2, 7)]
    if at[0] is None or at[1] is None:
        return None
    slope = at[1] - at[0]
    if not slope or at != [at[0] + slope * number for number in (0, 1, 2, 7)]:
        return None
    number, rest = divmod(cell - at[0], slope)
    return None if rest else number


def _replaced(text: str, known: Known) -> str:
    def number(found: re.Match[str]) -> str:
        name = re.sub(r"\s", "", found[0])
        return str(known[name]) if name in known else found[0]

    return re.sub(r"[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)?", number, text)


def shared_arrays(text: str, sizes: Known) -> dict[int, str]:
    """Names of arrays in shared memory by how many cells they have; empty where any is in doubt.

    Args:
        text: The source.
        sizes: The compile-time parameters of a case.
    """
    text = code_only(text)
    known = dict(sizes)
    for name, value in _CONSTANT.findall(text):
        tree = _tree(value.strip())
        number = _value(tree, known) if tree is not None else None
        if number is not None:
            known.setdefault(name, number)
    found: dict[int, str] = {}
    for each in _ALLOCATED.finditer(text):
        said = _statement(text[each.end() : each.end() + _ALLOCATION])
        if not _SHARED.search(said):
            continue
        cells = _cells(said, known)
        if cells is None or found.get(cells, each[1]) != each[1]:
            return {}
        found[cells] = each[1]
    return found if len(set(found.values())) == len(_SHARED.findall(text)) else {}


def code_only(text: str) -> str:
    """A source without its comments and long strings."""
    plain = re.sub(r'"""(?s:.*?)"""', '""', text)
    return "\n".join(line.partition("#")[0] for line in plain.split("\n"))


def _statement(text: str) -> str:
    """What there is up to the end of a line on which no bracket is open."""
    depth = 0
    for place, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if character == "\n" and depth <= 0:
            return text[:place]
    return text


def _cells(allocation: str, known: Known) -> int | None:
    start = _EXTENTS.search(allocation)
    if start is None or _EXTENTS.search(allocation, start.end()):
        return None
    depth, inside = 1, ""
    for character in allocation[start.end() :]:
        depth += (character in "([{") - (character in ")]}")
        if not depth:
            break
        inside += character
    cells = 1
    for part in _parts(inside):
        tree = _tree(part)
        number = _value(tree, known) if tree is not None else None
        if number is None:
            return None
        cells *= number
    return cells
