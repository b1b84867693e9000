"""How far a submission got; what the rubric is filled in from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grader.grading.prober import Results


@dataclass(frozen=True, kw_only=True)
class Reached:
    """How far a submission got.

    ``failure`` says why it got no further, for the checks behind that point.
    """

    packages: bool = False
    compiles: bool = False
    results: Results | None = None
    failure: str = ""
    other_edition: str = ""
    """A sentence, where it does not package because it is written for another edition."""
    nothing_filled_in: bool = False
