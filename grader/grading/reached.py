"""How far a submission got; what the rubric is filled in from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grader.grading.prober import Results
    from grader.lanes.kernel_build import LeftOut


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
    refused: Mapping[str, LeftOut] = field(default_factory=dict)
    """By the name of the part, why it could not be run where others could."""
