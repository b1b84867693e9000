"""A sentence for every kind: each table from an enum to text has all members of the enum."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from enum import Enum
from typing import Any

import pytest

import grader
from grader.device import Finding, FindingKind, Space
from grader.record import Aspect
from grader.sketches import sketch_of
from grader.wording.findings import explain_finding
from grader.wording.verdicts import HURDLES

PARTIAL = {"HURDLES"}
"""Has what it can't do without, and no more: see `test_hurdles_are_checks_before_values`."""


def tables() -> Iterator[Any]:
    """Every constant of the package that is declared as a table from an enum to text."""
    for module in pkgutil.walk_packages(grader.__path__, "grader."):
        # Programs of their own, and what only a cluster needs.
        if module.name.endswith("__main__") or ".worker." in module.name:
            continue
        try:
            found = importlib.import_module(module.name)
        except ModuleNotFoundError:
            continue
        for name, declared in vars(found).get("__annotations__", {}).items():
            table = re.fullmatch(r"(?:Final\[)?dict\[(\w+), str\]\]?", declared)
            kind = getattr(found, table[1], None) if table else None
            if isinstance(kind, type) and issubclass(kind, Enum):
                yield pytest.param(name, kind, vars(found)[name], id=f"{module.name}.{name}")


TABLES = list(tables())


@pytest.mark.parametrize(("name", "kind", "table"), TABLES)
def test_a_table_of_sentences_has_every_kind(name: str, kind: type[Enum], table: Any) -> None:
    if name not in PARTIAL:
        assert set(table) == set(kind)
    assert all(isinstance(text, str) for text in table.values())


def test_the_tables_are_found() -> None:
    names = {name for name, _, _ in (each.values for each in TABLES)}
    assert {"FINDING_TITLES", "FINDING_HINTS", "_REASONS", "WRITERS", "SHORT_WRITERS"} <= names


@pytest.mark.parametrize("kind", FindingKind)
@pytest.mark.parametrize("space", [None, *Space])
def test_every_finding_is_explained_and_has_its_sketch_or_none(
    kind: FindingKind, space: Space | None
) -> None:
    finding = Finding(kind=kind, message="it did", kernel="k", space=space)
    assert explain_finding(finding).endswith(".")
    assert isinstance(sketch_of(finding), str)


def test_hurdles_are_checks_before_values() -> None:
    assert set(HURDLES) < set(Aspect)
    assert Aspect.VALUES not in HURDLES
