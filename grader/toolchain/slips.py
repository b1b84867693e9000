"""Slips of the pen in a file that does not compile: a name misspelt, a bracket not closed.

The compiler says where it could not go on, which may be lines below. What is told here is certain
by the file itself: a name is meant where exactly one that exists differs by a letter, and a bracket
is unclosed where none closes it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Final, NamedTuple

from msgspec.structs import replace

from grader.intake.lexer import CLOSING, NAME, OPENING, SIGN, Token, scan
from grader.record import Diagnostic, Note
from grader.references import reference
from grader.toolchain.dialect import DialectWord, words
from grader.toolchain.edition import Edition

_UNKNOWN: Final = re.compile(
    r"use of unknown declaration '(\w+)'$|has no attribute '(\w+)'$"
    r"|does not contain '(\w+)'$|unable to locate module '(\w+)'$"
    r"|unexpected keyword argument '(\w+)'$"
)
_LAYOUT: Final = re.compile(
    r"statement indentation must match|statement has excess indentation|unexpected end of file"
    r"|body must not be empty"
)
_SYNTAX: Final = re.compile(
    r"expected '[])}:]'|expected ':' after|unexpected token|must start at the beginning of a line|"
    + _LAYOUT.pattern
)
_NAMES: Final = frozenset(
    {
        *("barrier", "block_dim", "block_idx", "grid_dim", "thread_idx", "range", "print"),
        *("DType", "Float32", "Int", "None", "False", "True", "float32"),
        *("and", "elif", "else", "for", "if", "in", "not", "or", "return", "var", "while"),
    }
)
"""Names of every edition."""
_BETWEEN: Final = frozenset({"and", "or", "not", "in", "is", "if", "else", "for"})
"""Words that may follow a value."""
_NO_NAME: Final = re.compile(r"use of unknown declaration '(\w+)'|does not contain '(\w+)'$")
_NOT_DEFINED: Final = re.compile(r"use of unknown declaration '(\w+)'$")
_IMPORT: Final = re.compile(r"^from ([\w.]+) import (.+)$", re.MULTILINE)
_NO_STEP: Final = "There is no ++ and no --: write += 1 or -= 1."
_STEP: Final = re.compile(r"(\+\+|--)\s*$")
_SIGNS: Final = tuple(
    (re.compile(pattern), advice)
    for pattern, advice in (
        (
            r"^(<<<<<<<|=======|>>>>>>>)",
            "Git left this mark of a merge: keep one of the two versions, and take the marks out.",
        ),
        (r"&&|\|\|", "Write `and` for &&, and `or` for ||."),
        (r"\belse\s+if\b", "Write elif."),
        (
            r"^\s*(if|elif|while)\b[^=<>!]*[^=<>!:]=[^=]",
            "A single = stores a value. To compare, write ==.",
        ),
        (r"(\+\+|--)\s*$", _NO_STEP),
        (r"^\s*let\b", "Write var in place of let."),
    )
)
"""What stands in a line that can't be read, and what to write."""
_NO_COLON: Final = re.compile(r"expected ':' (in|after) ")
_INDENTED: Final = re.compile(r"statement has excess indentation|statement indentation must match")
_ONE_COLUMN: Final = "The lines of one block begin in the same column: those above and this one."
_BEGINS: Final = frozenset(
    {"def", "fn", "struct", "trait", "while", "elif", "return", "import", "raise", "pass"}
)
"""Words that begin a statement and can't stand within brackets."""
_CLOSES: Final = {")": "(", "]": "[", "}": "{"}
_SHORT: Final = 2
"""Letters of a word in a name that are too few to tell a slip: ``shared_a`` and ``shared_b``."""


class Slip(NamedTuple):
    """A bracket that has no partner."""

    bracket: str
    line: int
    column: int
    closes: bool
    """Whether it closes something that was not opened."""


def explained(
    diagnostics: Sequence[Diagnostic], text: str, puzzle: str, edition: Edition
) -> tuple[Diagnostic, ...]:
    """The messages; each that a slip explains says so.

    Args:
        diagnostics: As the compiler gave them.
        text: The source.
        puzzle: Its name.
        edition: What compiled it.
    """
    slip = lone_bracket(text)
    skeleton = reference(puzzle, edition.name, "skeleton") or ""
    api = re.findall(r"\w+", f"{edition.launch} {edition.register}")
    known = _NAMES.union(_names_in(scan(skeleton)), api)
    lines = text.split("\n")
    said: list[Diagnostic] = []
    first = next((each for each in diagnostics if each.severity == "error"), None)
    for each in diagnostics:
        if each.advice or each.severity != "error":
            said.append(each)
        elif slip and _SYNTAX.search(each.message) and slip.line <= (each.line or 0):
            said.append(_of_bracket(each, slip))
            # Later messages follow from it.
            slip = None
        elif each is first and _INDENTED.search(each.message):
            # Behind another error it mostly follows from that one.
            said.append(replace(each, advice=_ONE_COLUMN))
        else:
            advice = _of_name(each, text, known, skeleton) or _of_line(each, lines)
            said.append(replace(each, advice=advice) if advice else each)
    return tuple(said)


def wrong_everywhere(
    diagnostics: Iterable[Diagnostic], text: str, puzzle: str, among: Iterable[str]
) -> bool:
    """Whether a file that one edition's compiler rejects is rejected by those of others, too.

    Only what is certain by the file itself counts: a bracket without a partner, a line that is
    no Mojo, a name that is misspelt or defined nowhere. A type that does not fit, or a name that
    may come with the language, says nothing of another edition.

    Args:
        diagnostics: What the one compiler says.
        text: The source.
        puzzle: Its name.
        among: The names of the others.
    """
    errors = [each for each in diagnostics if each.severity == "error"]
    if any(_SYNTAX.search(each.message) for each in errors) and lone_bracket(text) is not None:
        return True
    # Behind another error it mostly follows from that one.
    if errors and _LAYOUT.search(errors[0].message):
        return True
    lines = text.split("\n")
    there = [reference(puzzle, name, "skeleton") for name in among]
    skeletons = [each for each in there if each is not None]
    return any(
        bool(_of_line(each, lines))
        or _lacks_colon(each, lines)
        or _is_nobodys(each, text, skeletons)
        for each in errors
    )


def _lacks_colon(diagnostic: Diagnostic, lines: Sequence[str]) -> bool:
    if diagnostic.line is None or not _NO_COLON.search(diagnostic.message):
        return False
    line = lines[diagnostic.line - 1] if diagnostic.line <= len(lines) else ""
    return ":" not in line


def _is_nobodys(diagnostic: Diagnostic, text: str, skeletons: Sequence[str]) -> bool:
    """Whether a message is about a name that no edition knows: misspelt, or not defined."""
    found = _NO_NAME.search(diagnostic.message)
    if found is None:
        return False
    name = found[1] or found[2]
    imported = [name in _imported(skeleton) for skeleton in skeletons]
    if any(imported):
        # It is not imported here, and would have to be there.
        return all(imported) and name == found[1]
    known = _NAMES.union(_names_in(scan(text)), *map(_imported, skeletons))
    meant = closest(name, known - {name})
    # Names of the language were changed in this way: sizeof and size_of, int and Int.
    if meant and _plain(meant) != _plain(name):
        return True
    return name == found[1] and _is_variable(name, text)


def _imported(skeleton: str) -> set[str]:
    return {name for _, names in _IMPORT.findall(skeleton) for name in re.findall(r"\w+", names)}


def _plain(name: str) -> str:
    return name.replace("_", "").casefold()


def _is_variable(name: str, text: str) -> bool:
    """Whether a name in small letters is used as a value only.

    What comes with the language is types, which begin with a capital, functions, which are called,
    and keywords, which stand before a name.
    """
    stream = words(text)
    uses = [place for place, word in enumerate(stream) if word.text == name]
    return bool(uses) and name.islower() and all(_is_value(stream, place) for place in uses)


def _is_value(stream: Sequence[DialectWord], place: int) -> bool:
    """Whether a value ends at a name, or behind an index of it: nothing else of it follows."""
    depth = 0
    for word in stream[place + 1 :]:
        if depth == 0 and word.text != "[":
            sign = not word.text.isidentifier() and word.text not in ("(", ".")
            return word.first or sign or word.text in _BETWEEN
        depth += (word.text in OPENING) - (word.text in CLOSING)
    return True


def _of_name(diagnostic: Diagnostic, text: str, known: frozenset[str], skeleton: str) -> str:
    """What was meant by a name that does not exist, or where it is to be had."""
    if found := _NOT_DEFINED.search(diagnostic.message):
        for line, names in _IMPORT.findall(skeleton):
            if found[1] in re.findall(r"\w+", names):
                return f"It is not imported: the skeleton has `from {line} import {found[1]}`."
    meant = _meant(diagnostic, text, known)
    return f"Did you mean {meant}?" if meant else ""


def _of_line(diagnostic: Diagnostic, lines: Sequence[str]) -> str:
    """What a sign of another language stands for, where the message is about its line."""
    if diagnostic.line is None or not _SYNTAX.search(diagnostic.message):
        return ""
    upto = lines[: diagnostic.line]
    here = upto[-1] if upto else ""
    before = next((line for line in reversed(upto[:-1]) if line.strip()), "")
    for pattern, advice in _SIGNS:
        if pattern.search(here):
            return advice
    return _NO_STEP if _STEP.search(before) else ""


def _of_bracket(diagnostic: Diagnostic, slip: Slip) -> Diagnostic:
    """The message at the bracket, and where the compiler noticed."""
    if slip.closes:
        advice = f"The {slip.bracket} in line {slip.line} closes nothing: take it out."
    else:
        advice = f"The {slip.bracket} in line {slip.line} is never closed."
    if slip.line == diagnostic.line:
        return replace(diagnostic, column=slip.column, advice=advice)
    noticed = Note(
        message="the compiler could not go on here",
        file=diagnostic.file,
        line=diagnostic.line,
        column=diagnostic.column,
    )
    return replace(
        diagnostic,
        line=slip.line,
        column=slip.column,
        advice=advice,
        notes=(noticed, *diagnostic.notes),
    )


def lone_bracket(text: str) -> Slip | None:
    """The first bracket without a partner; None where all have one."""
    opened: list[Token] = []
    line = 0
    for token in scan(text):
        first = token.line != line
        line = token.line
        if token.kind == NAME and first and token.text in _BEGINS and opened:
            return _slip(opened[-1], closes=False)
        if token.kind != SIGN:
            continue
        for place, char in enumerate(token.text):
            if char in "([{":
                opened.append(_part(token, place))
            elif char in _CLOSES:
                if not opened:
                    return _slip(_part(token, place), closes=True)
                if opened[-1].text != _CLOSES[char]:
                    deeper = any(each.text == _CLOSES[char] for each in opened)
                    return _slip(opened[-1] if deeper else _part(token, place), closes=not deeper)
                opened.pop()
    return _slip(opened[-1], closes=False) if opened else None


def _part(token: Token, place: int) -> Token:
    return replace(token, text=token.text[place], column=token.column + place)


def _slip(token: Token, *, closes: bool) -> Slip:
    return Slip(token.text, token.line, token.column, closes)


def _names_in(stream: Iterable[Token]) -> Iterator[str]:
    return (token.text for token in stream if token.kind == NAME)


def _meant(diagnostic: Diagnostic, text: str, known: frozenset[str]) -> str:
    """The one name that a name which does not exist may have been meant to be; else empty."""
    for message in (diagnostic.message, *(note.message for note in diagnostic.notes)):
        found = _UNKNOWN.search(message)
        name = next((each for each in found.groups() if each), "") if found else ""
        # Of what the edition has, an overload may say that it does not take it.
        if name and name not in known:
            return closest(name, known.union(_names_in(scan(text))) - {name})
    return ""


def closest(name: str, candidates: Iterable[str]) -> str:
    """The only candidate that a name may be a slip for; empty where none is, or several are."""
    near = get_close_matches(name, candidates, n=8, cutoff=0.6)
    slips = sorted((_letters(name, each), each) for each in near if _is_slip(name, each))
    if not slips or (len(slips) > 1 and slips[0][0] == slips[1][0]):
        return ""
    return slips[0][1]


def _is_slip(name: str, other: str) -> bool:
    """Whether two names differ by a letter, by the order of two, or by capitals only."""
    if name.casefold() == other.casefold():
        return True
    few = min(len(name), len(other))
    if few <= _SHORT or _letters(name, other) > (few > _SHORT + 1):
        return False
    # The last letter of shared_a and shared_b, or the number of a1 and a2, is no slip.
    words, others = name.split("_"), other.split("_")
    pairs = zip(words, others, strict=False)
    different = [pair for pair in pairs if pair[0] != pair[1]]
    plain = len(words) == len(others)
    if plain and any(max(map(len, pair)) <= _SHORT for pair in different):
        return False
    return re.sub(r"\d", "", name) != re.sub(r"\d", "", other)


def _letters(name: str, other: str) -> int:
    """How many letters the one has that the other has not."""
    one, two = Counter(name), Counter(other)
    return max((one - two).total(), (two - one).total())
