"""What an instructor may want to look at in a source: a second line, never a verdict.

Isolation is what keeps a submission from doing harm. This only names what a
solution of a puzzle has no use for, by the words of the program (not those of
its comments and strings), so that a report can say where to look.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from grader.intake.display import one_line
from grader.intake.lexer import NEWLINE, STRING, Token, is_certain, tokens

MAX_LOOKS: Final = 50


class LookKind(StrEnum):
    """What was seen."""

    OTHER_OP = "other-op"
    EXTERNAL_CALL = "external-call"
    DYNAMIC_LIBRARY = "dynamic-library"
    INLINE_ASSEMBLY = "inline-assembly"
    PYTHON = "python"
    PROCESS = "process"
    FILES = "files"
    NETWORK = "network"
    CLOCK = "clock"
    LIBRARY_KERNEL = "library-kernel"
    RAW_ADDRESS = "raw-address"
    HIDDEN_CHARACTERS = "hidden-characters"
    UNUSUAL_TEXT = "unusual-text"


class Look(msgspec.Struct, frozen=True):
    """One place to look at."""

    kind: LookKind
    line: int
    excerpt: str
    """The source line, safe to show."""
    sentence: str


# Modules by their first name after ``std.`` or ``max.``; by names that only they have.
_MODULES: Final = {
    "ffi": (LookKind.DYNAMIC_LIBRARY, "can call functions of the system's libraries"),
    "python": (LookKind.PYTHON, "can run Python code"),
    "subprocess": (LookKind.PROCESS, "can start programs"),
    "os": (LookKind.FILES, "can reach files and environment variables"),
    "pathlib": (LookKind.FILES, "can reach files"),
    "tempfile": (LookKind.FILES, "can write files"),
    "io": (LookKind.FILES, "can reach files"),
    "pwd": (LookKind.FILES, "can look users up"),
    "socket": (LookKind.NETWORK, "can open connections"),
    "lightbug_http": (LookKind.NETWORK, "can open connections"),
    "time": (LookKind.CLOCK, "can read the clock"),
    "benchmark": (LookKind.CLOCK, "can read the clock"),
    "linalg": (LookKind.LIBRARY_KERNEL, "brings kernels that somebody else wrote"),
    "nn": (LookKind.LIBRARY_KERNEL, "brings kernels that somebody else wrote"),
    "kernels": (LookKind.LIBRARY_KERNEL, "brings kernels that somebody else wrote"),
}
_NAMES: Final = {
    "external_call": (LookKind.EXTERNAL_CALL, "calls functions of the system's libraries"),
    "DLHandle": (LookKind.DYNAMIC_LIBRARY, "loads a library"),
    "OwnedDLHandle": (LookKind.DYNAMIC_LIBRARY, "loads a library"),
    "dlopen": (LookKind.DYNAMIC_LIBRARY, "loads a library"),
    "dlsym": (LookKind.DYNAMIC_LIBRARY, "looks a function up in a library"),
    "inlined_assembly": (LookKind.INLINE_ASSEMBLY, "holds machine code"),
    "llvm_intrinsic": (LookKind.INLINE_ASSEMBLY, "calls the compiler's built-in functions"),
    "Python": (LookKind.PYTHON, "runs Python code"),
    "PythonObject": (LookKind.PYTHON, "uses Python objects"),
    "getenv": (LookKind.FILES, "reads environment variables"),
    "setenv": (LookKind.FILES, "changes environment variables"),
    "FileHandle": (LookKind.FILES, "opens files"),
    "fork": (LookKind.PROCESS, "starts processes"),
    "perf_counter_ns": (LookKind.CLOCK, "reads the clock"),
    "perf_counter": (LookKind.CLOCK, "reads the clock"),
    "unsafe_from_address": (LookKind.RAW_ADDRESS, "makes a pointer from a number"),
}
_PREFIXES: Final = (
    ("__mlir", (LookKind.INLINE_ASSEMBLY, "holds compiler instructions")),
    ("_cu", (LookKind.LIBRARY_KERNEL, "calls NVIDIA's libraries")),
)
_LOOSE_WORD: Final = re.compile(r"(?!register\b)[A-Za-z_][A-Za-z0-9_]*|[.(]")
_REGISTRATION: Final = re.compile(r"\bregister\(([\"'][^\"'\n]{0,200}[\"'])")


def look(text: str, *, op: str | None = None) -> list[Look]:
    """What there is to look at, in the order of the source; at most `MAX_LOOKS`.

    Args:
        text: The source.
        op: The one op that it is to register; None: whichever comes first.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    stream = tokens(text)
    found: dict[tuple[LookKind, str], Look] = {}

    def add(kind: LookKind, line: int, what: str, sentence: str) -> None:
        excerpt = one_line(lines[line - 1].strip(), limit=120) if line <= len(lines) else ""
        found.setdefault((kind, what), Look(kind, line, excerpt, sentence))

    for line, name in _hidden(lines):
        add(
            LookKind.HIDDEN_CHARACTERS,
            line,
            name,
            f"A character that can't be seen ({name}).",
        )
    if not is_certain(stream):
        sentence = "The text can't be taken apart with certainty: read it yourself."
        add(LookKind.UNUSUAL_TEXT, 1, "", sentence)
        stream = (*_loose_words(stream), *_loose_registrations(text))
    for token, (kind, what) in _words(stream):
        add(kind, token.line, token.text, f"{one_line(token.text)} {what}.")
    for token in _other_ops(stream, op):
        sentence = f"Another op is registered, {one_line(token.text)}."
        add(LookKind.OTHER_OP, token.line, token.text, sentence)
    return sorted(found.values(), key=lambda each: each.line)[:MAX_LOOKS]


def _words(stream: Sequence[Token]) -> Iterator[tuple[Token, tuple[LookKind, str]]]:
    """Words that stand for something, with what they stand for."""
    importing = False
    for index, token in enumerate(stream):
        if token.kind == NEWLINE:
            importing = False
        elif token.kind == STRING:
            continue
        elif token.text in {"from", "import"}:
            importing = True
        if (meaning := _NAMES.get(token.text)) is not None:
            yield token, meaning
        elif importing and token.text in _MODULES and _is_root(stream, index):
            yield token, _MODULES[token.text]
        elif token.text == "open" and _called_by_itself(stream, index):
            yield token, (LookKind.FILES, "opens a file")
        else:
            for prefix, meaning in _PREFIXES:
                if token.text.startswith(prefix):
                    yield token, meaning


def _is_root(stream: Sequence[Token], index: int) -> bool:
    """Whether a word of an import is a module's own first name, after ``std.`` and the like."""
    if index == 0 or stream[index - 1].text != ".":
        return True
    return index > 1 and stream[index - 2].text in {"std", "max", "stdlib"}


def _called_by_itself(stream: Sequence[Token], index: int) -> bool:
    before = stream[index - 1].text if index else ""
    after = stream[index + 1].text if index + 1 < len(stream) else ""
    return after == "(" and before not in {".", "def", "fn"}


def _other_ops(stream: Sequence[Token], op: str | None) -> Iterator[Token]:
    """The names in ``register("...")`` but the first that is as expected."""
    seen = False
    for index, token in enumerate(stream[:-2]):
        if not token.text.endswith("register") or stream[index + 1].text != "(":
            continue
        name = stream[index + 2]
        plain = name.text.strip("\"'") if name.kind == STRING else None
        if seen or plain is None or op not in {None, plain}:
            yield name
        else:
            seen = True


def _loose_words(stream: Sequence[Token]) -> Iterator[Token]:
    """Anything that could be a word, comments included, where the text is in doubt."""
    for line in stream:
        for match in _LOOSE_WORD.finditer(line.text):
            yield Token("Name", match[0], line.line, match.start() + 1)
        yield Token(NEWLINE, "", line.line, 1)


def _loose_registrations(text: str) -> Iterator[Token]:
    for match in _REGISTRATION.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        yield Token("Name", "register", line, 1)
        yield Token("Punctuation", "(", line, 1)
        yield Token(STRING, match[1], line, 1)


def _hidden(lines: list[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines, 1):
        if line.isascii():
            continue
        for character in line:
            if unicodedata.category(character) == "Cf" and not (
                number == 1 and character == "\ufeff"
            ):
                yield number, unicodedata.name(character, f"U+{ord(character):04X}").lower()
