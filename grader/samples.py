"""Labelled samples: what may be handed in, and what it must get.

A sample is mostly an answer with a named edit: a file of ``reference_kernels`` with some text of
it replaced. That says what the mistake *is*, and serves every edition in which the text occurs.
Of programs it is written for one edition, and rewritten for the others with the answer.
What no edit can say is a file of its own, in ``files`` beside the lists.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from grader.choices import DEFAULT_EDITION
from grader.errors import UsageError
from grader.folders import data_directory
from grader.references import reference, rewritten, written_for

ASSIGNMENT = "assignment"
"""The list of what students of a course hand in; what stands in others is folders of its own."""
REWRITTEN = "rewritten"
"""The list of kernels rewritten as a whole, labelled without regard to what is recognised."""
NOTHING_CERTAIN = "none"
"""As a label's cause: nothing certain can be said of what is wrong."""


class SampleEdit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text of the base, and what replaces it."""

    find: str
    """Occurs exactly once in the base."""
    put: str


class SampleEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table ``[[sample]]`` of a list."""

    name: str
    base: Literal["right", "skeleton", "whole_domain", ""] = ""
    """The file of ``reference_kernels/<puzzle>/<edition>/`` that is edited; empty for a file of its
    own, ``files/<name>.mojo``."""
    edits: tuple[SampleEdit, ...] = ()
    editions: tuple[str, ...] = (DEFAULT_EDITION,)
    """Those for which the label holds."""
    verdict: Literal["pass", "fail", "refused", "fault"]
    score: int
    """Out of 100; more with extra credit."""
    must_mention: tuple[str, ...] = ()
    """What the report shows, regardless of case."""
    must_not_mention: tuple[str, ...] = ()
    """What would prove a leak or an escape, and stands nowhere in the report."""
    cause: str | None = None
    """What the report must say first of a wrong sample: the key of a `grader.guidance.Cause`, or
    `NOTHING_CERTAIN`. None: not labelled."""
    line: str = ""
    """A text of the line that the cause must name; of a race, of either side."""
    why: str
    """What was done wrong, or what is unusual and must not cost points."""
    reason: str = ""
    """Why the score is what it is, where that is not plain."""
    attack: str = ""
    """What a hostile sample tries."""


class _List(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sample: tuple[SampleEntry, ...]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A sample in one edition."""

    puzzle: str
    group: str
    """The list that it stands in: ``assignment``, ``hostile`` or ``rewritten``."""
    edition: str
    """What to grade it with."""
    entry: SampleEntry
    content: bytes

    @property
    def name(self) -> str:
        """What it is called in its list."""
        return self.entry.name


def read_samples(puzzle: str) -> list[Sample]:
    """All samples of a puzzle, list by list, in their order.

    Raises:
        UsageError: a list is no list, or an edit does not fit its base.
    """
    folder = data_directory("submissions") / puzzle
    found = []
    for path in sorted(folder.glob("*.toml")):
        try:
            entries = msgspec.toml.decode(path.read_bytes(), type=_List).sample
        except msgspec.DecodeError as error:
            raise UsageError(f"{path} is no list of samples: {error}") from None
        for entry in entries:
            for edition in entry.editions:
                content = _content(puzzle, edition, entry, folder)
                found.append(
                    Sample(
                        puzzle=puzzle,
                        group=path.stem,
                        edition=edition,
                        entry=entry,
                        content=content,
                    )
                )
    return found


def _content(puzzle: str, edition: str, entry: SampleEntry, folder: Path) -> bytes:
    if not entry.base:
        return (folder / "files" / f"{entry.name}.mojo").read_bytes()
    written = written_for(puzzle, edition)
    text = reference(puzzle, written, entry.base)
    if text is None:
        raise UsageError(f"sample {entry.name}: there is no {entry.base} of edition {written}")
    for number, edit in enumerate(entry.edits, start=1):
        if text.count(edit.find) != 1:
            raise UsageError(
                f"sample {entry.name}, edit {number}: its text occurs {text.count(edit.find)} "
                f"times in {entry.base}.mojo of edition {written}, not once",
                remedy="Give more of the text around it, or name the editions in which it occurs.",
            )
        text = text.replace(edit.find, edit.put)
    return (text if written == edition else rewritten(text, edition)).encode()


def write_samples(samples: Iterable[Sample], folder: Path) -> list[Path]:
    """Write samples to ``<edition or list>/<name>.mojo``; the paths, in their order."""
    paths = []
    for sample in samples:
        place = folder / (sample.edition if sample.group == ASSIGNMENT else sample.group)
        place.mkdir(parents=True, exist_ok=True)
        path = place / f"{sample.name}.mojo"
        path.write_bytes(sample.content)
        paths.append(path)
    return paths
