"""Our own answers and skeletons of a puzzle, as text, in each edition.

A file of ``reference_kernels/<puzzle>/<edition>/``; of programs there are files for one edition
only. What differs in the others is a matter of the dialect and not of the puzzle:
``reference_kernels/dialects.toml`` says how the text of one edition is rewritten for its neighbour,
and so do samples, which are edits of such a text.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from grader.decoding import data_as
from grader.folders import data_directory

WRITTEN: Final = "26.5"
"""The edition that programs are written for."""


class _Rewriting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a program becomes one of another edition: an entry of the file, which explains it."""

    edition: str
    of: str
    edits: tuple[tuple[str, str], ...]
    named: str = ""
    """A pattern for definitions of names: each is taken out, and its name replaced."""
    without: str = ""
    """A pattern for what it does not have: there is no text of it then, nor of those before."""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rewriting: tuple[_Rewriting, ...]


@cache
def reference(puzzle: str, edition: str, name: str, folder: Path | None = None) -> str | None:
    """A text of an edition: ``skeleton``, ``right`` or ``whole_domain``; None where there is none.

    Args:
        puzzle: Its name.
        edition: Its name.
        name: Of the file, without its ending.
        folder: Where the puzzle's files lie; None for those that come with the grader.

    Raises:
        GraderFault: the folder of the reference kernels is missing.
    """
    place = folder or data_directory("reference_kernels") / puzzle
    written = written_for(puzzle, edition, folder)
    path = place / written / f"{name}.mojo"
    if not path.exists():
        return None
    text = path.read_text(encoding="utf-8")
    if written == edition:
        return text
    return None if _lacks(edition, text) else rewritten(text, edition)


def written_for(puzzle: str, edition: str, folder: Path | None = None) -> str:
    """The edition whose files serve this one, as they are or rewritten.

    What has files of several editions is an op, and nothing of it is rewritten.
    """
    there = [
        path.name for path in (folder or data_directory("reference_kernels") / puzzle).glob("*/")
    ]
    return WRITTEN if there == [WRITTEN] and edition in _rewritings() else edition


def skeletons(puzzle: str, folder: Path | None = None) -> tuple[str, ...]:
    """The texts of a puzzle's skeletons, each once, of all editions; the arguments as above."""
    there = (folder or data_directory("reference_kernels") / puzzle).glob("*/")
    names = sorted({path.name for path in there} | set(_rewritings()))
    texts = (reference(puzzle, name, "skeleton", folder) for name in names)
    return tuple(dict.fromkeys(text for text in texts if text is not None))


def rewritten(text: str, edition: str) -> str:
    """A program of the edition that all are written for, in the words of another."""
    step = _rewritings().get(edition)
    return text if step is None else _apply(step, rewritten(text, step.of))


def _lacks(edition: str, text: str) -> bool:
    """Whether a text of the edition that all are written for can't be one of another."""
    step = _rewritings().get(edition)
    if step is None:
        return False
    return bool(step.without and re.search(step.without, text)) or _lacks(step.of, text)


@cache
def _rewritings() -> dict[str, _Rewriting]:
    path = data_directory("reference_kernels") / "dialects.toml"
    read = data_as(tomllib.loads(path.read_text(encoding="utf-8")), _File)
    return {each.edition: each for each in read.rewriting}


def _apply(step: _Rewriting, text: str) -> str:
    for find, put in step.edits:
        text = re.sub(find, put, text, flags=re.MULTILINE)
    if step.named:
        names = dict(re.findall(step.named, text, flags=re.MULTILINE))
        text = re.sub(step.named, "", text, flags=re.MULTILINE)
        text = re.sub(r"\b\w+\b", lambda word: names.get(word[0], word[0]), text)
    return text
