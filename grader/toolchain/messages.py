"""What messages of the compiler and of a run mean, in words that are data: ``messages.toml``.

And how a message is shown: types only as far as they differ, nothing twice, and with the line of
what it is about where the compiler names none.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from grader.decoding import data_as
from grader.intake.lexer import CLOSING, OPENING
from grader.record import Diagnostic
from grader.toolchain.edition import Edition
from grader.toolchain.packaging import GENERIC
from grader.wording.compiler import not_registered, registered_as

Pattern = tuple[str, str]
"""A regular expression for a message, and what that means: a puzzle's own rows."""
_LOOKED_AT: Final = 4000
"""Characters of one text."""
_LONG_TYPE: Final = 40
"""Characters of a type that is shown whole."""
_OTHERS: Final = "..."
_SAYS_NOTHING: Final = re.compile(
    rf"{'|'.join(GENERIC)}|too many errors emitted|The graph compiler could not elaborate|.?$"
)
"""What is left out beside an error that says what is wrong."""
_NO_OP: Final = re.compile(
    r"no kernel registered for '(\w+)'|Could not find a mojo kernel registered for (\w+)"
)
_NO_EXECUTE: Final = re.compile(r"kernel '(\w+)' has no execute function")
_REGISTERED: Final = re.compile(r"^\s*@[\w.]*register\(\s*\"(?P<op>\w*)\"", re.MULTILINE)
_STRUCT: Final = re.compile(r"^struct\s+\w+", re.MULTILINE)
_METHOD: Final = re.compile(r"^\s+(?:def|fn)\s+\w+", re.MULTILINE)


class Meaning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a message means."""

    message: str
    """Regular expression for the message or one of its notes."""
    line: str = ""
    """The same for the line of the source, where that alone makes it certain."""
    advice: str
    """What to write, in one sentence or two, with ``{launch}`` and ``{register}`` as `Edition`
    words them."""


@cache
def meanings() -> tuple[Meaning, ...]:
    """The rows of ``messages.toml``; the first that fits is told."""
    text = Path(__file__).with_name("messages.toml").read_text(encoding="utf-8")
    return tuple(data_as(tomllib.loads(text)["meaning"], list[Meaning]))


def texts_of(diagnostic: Diagnostic) -> list[str]:
    """A message and its notes, these first: they are more specific."""
    texts = [note.message for note in diagnostic.notes] + [diagnostic.message]
    return [text[:_LOOKED_AT] for text in texts]


def meaning_of(
    texts: Iterable[str], own: Iterable[Pattern], edition: Edition, line: str = ""
) -> str:
    """What a message means; empty where that is not known.

    Args:
        texts: The message and its notes.
        own: The puzzle's rows, which are looked at first.
        edition: In whose words.
        line: The line of the source that it is about.
    """
    texts = list(texts)
    rows = (*(Meaning(message=message, advice=advice) for message, advice in own), *meanings())
    for row in rows:
        fits = any(re.search(row.message, text) for text in texts)
        if fits and (not row.line or re.search(row.line, line)):
            return edition.worded(row.advice)
    return ""


def told_once(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Messages without those that say nothing beside others, each once, with types in short."""
    shown = [
        msgspec.structs.replace(
            each,
            message=shortened(each.message),
            notes=tuple(
                msgspec.structs.replace(note, message=shortened(note.message))
                for note in each.notes
                if not each.message or each.message not in note.message
            ),
        )
        for each in diagnostics
    ]
    errors = [each for each in shown if each.severity == "error"]
    telling = [each for each in errors if not _SAYS_NOTHING.match(each.message)]
    kept = [each for each in shown if each.severity != "error" or each in telling or not telling]
    # Of each shape that is compiled the same is said once more.
    first = {(each.severity, each.line, each.message): each for each in reversed(kept)}
    return tuple(each for each in kept if any(each is other for other in first.values()))


def placed(diagnostic: Diagnostic, text: str, file: str, edition: Edition) -> Diagnostic:
    """An error about the op as a whole at the line that it is about, where the file shows that."""
    said = "\n".join(texts_of(diagnostic))
    missing, no_execute = _NO_OP.search(said), _NO_EXECUTE.search(said)
    if diagnostic.line is not None or not (missing or no_execute):
        return diagnostic
    structs = list(_STRUCT.finditer(text))
    registered = list(_REGISTERED.finditer(text))
    advice = diagnostic.advice
    at = None
    if missing and len(registered) == 1:
        op = missing[1] or missing[2]
        if registered[0]["op"] == op:
            return diagnostic
        at = registered[0].start("op") - 1
        advice = registered_as(edition.register, op, registered[0]["op"])
    elif missing and not registered and len(structs) == 1:
        at = structs[0].start()
        advice = not_registered(edition.register, missing[1] or missing[2])
    elif no_execute and len(structs) == 1:
        methods = list(_METHOD.finditer(text, structs[0].end()))
        found = methods[0] if len(methods) == 1 else structs[0]
        at = found.start() + len(found[0]) - len(found[0].lstrip())
    if at is None:
        return diagnostic
    before = text[:at]
    return msgspec.structs.replace(
        diagnostic,
        file=file,
        line=before.count("\n") + 1,
        column=len(before.rpartition("\n")[2].encode("utf-8", "replace")) + 1,
        advice=advice,
    )


def shortened(message: str) -> str:
    """A message with long types as far as they differ: ``'TileTensor[mut=True, ...]'``."""
    types = [each for each in dict.fromkeys(re.findall(r"'([^']+)'", message)) if _is_long(each)]
    parts = {each: _parameters(each) for each in types}
    for each in sorted(types, key=len, reverse=True):
        head = each.partition("[")[0]
        alike = [parts[other] for other in types if other.partition("[")[0] == head]
        message = message.replace(f"'{each}'", f"'{head}[{_telling(parts[each], alike)}]'")
    return message


def _is_long(name: str) -> bool:
    return len(name) > _LONG_TYPE and re.match(r"\w+\[.*\]$", name) is not None


def _parameters(name: str) -> list[str]:
    """Those of the outermost brackets."""
    inside = name.partition("[")[2][:-1]
    found, depth = [""], 0
    for char in inside:
        depth += (char in OPENING) - (char in CLOSING)
        if char == "," and not depth:
            found.append("")
        else:
            found[-1] += char
    return [each.strip() for each in found]


def _telling(own: Sequence[str], alike: Sequence[Sequence[str]]) -> str:
    """The parameters that not all of them have, and dots for the rest."""
    return ", ".join(_squeezed(own, alike))


def _squeezed(own: Sequence[str], alike: Sequence[Sequence[str]]) -> Iterator[str]:
    dots = False
    for place, each in enumerate(own):
        same = all(place < len(other) and other[place] == each for other in alike)
        if not same or (len(own) == 1 and len(each) <= _LONG_TYPE):
            yield each
        elif not dots:
            yield _OTHERS
        dots = same
