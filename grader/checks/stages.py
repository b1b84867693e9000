"""Checks that are decided before any case is run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from grader.model.checks import StageCheck
from grader.record import Aspect


@dataclass(frozen=True, kw_only=True)
class Packages(StageCheck):
    """The file compiles alone, as a package."""

    kind: ClassVar[str] = "packages"
    aspect: ClassVar[Aspect] = Aspect.PACKAGES

    title: str = "The file packages"


@dataclass(frozen=True, kw_only=True)
class Compiles(StageCheck):
    """The program around it compiles: a graph with the ops, at every size that is tried."""

    kind: ClassVar[str] = "compiles"
    aspect: ClassVar[Aspect] = Aspect.COMPILES

    title: str = "The graph compiles"
