"""Whether the code that a student was given still stands as it was given.

Only then is a defect of it the skeleton's. The kernel's own tokens are not
enough: a constant that it uses may have changed, or another kernel may have
been added and launched in its place. So: the function is the same, the file
defines no other functions than the skeleton does, and the constants at the top
level are the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from grader.intake.plain_launch import without_plain_launches
from grader.intake.tokens import Token, function_tokens, keys, tokens
from grader.resources import reference_kernel

_DEFINES = ("def", "fn")
_CONSTANT = ("comptime", "alias")


def skeletons(puzzle: str, editions: Iterable[str]) -> tuple[str, ...]:
    """What a puzzle gives to students, in each of some editions."""
    files = (reference_kernel(puzzle, edition, "skeleton.mojo") for edition in editions)
    return tuple(file.read_text("utf-8") for file in files)


def kernel_unchanged(text: str, given: Iterable[str], function: str) -> bool:
    """Whether the kernel stands in ``text`` as one skeleton gives it, and no other beside it."""
    return any(_unchanged(text, skeleton, function) for skeleton in given)


def only_launched(text: str, given: Iterable[str], function: str, sizes: Sequence[str]) -> bool:
    """Whether ``text`` is one skeleton with plain launches of its kernel, and nothing else.

    See `grader.intake.plain_launch`; ``sizes`` are the names of the size parameters.
    """
    rest = without_plain_launches(text, kernel=function, sizes=sizes)
    return any(keys(tokens(skeleton)) == rest for skeleton in given)


def _unchanged(text: str, skeleton: str, function: str) -> bool:
    given = function_tokens(skeleton, function)
    if not given or given != function_tokens(text, function):
        return False
    one, other = tokens(text), tokens(skeleton)
    return _defined(one) == _defined(other) and _constants(one) == _constants(other)


def _defined(stream: Sequence[Token]) -> Counter[str]:
    """Names of all functions, nested ones too, with how often each is defined."""
    return Counter(after.text for word, after in pairwise(stream) if word.text in _DEFINES)


def _constants(stream: Sequence[Token]) -> Counter[tuple[str, ...]]:
    """The statements at the top level that define compile-time constants."""
    lines: dict[int, list[str]] = {}
    start = 0
    for token in stream:
        if token.column == 1 and token.text in _CONSTANT:
            start = token.line
        elif token.column == 1 and token.text.strip():
            start = 0
        if start and token.text.strip():
            lines.setdefault(start, []).append(token.text)
    return Counter(tuple(words) for words in lines.values())
