"""The records that renderers are tested with hold no value that a grading would not make.

What a grading makes is seen at the gradings of `tests.grading`, which run scripted programs
through all of it but the compiler.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import pytest

from grader.model.cases import Origin
from grader.model.part import Scope
from grader.puzzles import find
from grader.puzzles.conv1d import PUZZLE
from grader.record import Aspect, Record, decode, encode
from grader.sandbox import Isolation
from tests.grading.test_rescore import KINDS, graded, results
from tests.grading.test_rescore import RUNS as SCRIPTED
from tests.report import records


@pytest.fixture(scope="module", autouse=True)
def run_before() -> None:
    """The search may not run inside another test of Hypothesis."""
    for kind in SCRIPTED:
        results(kind)


def words(record: Record) -> Iterator[tuple[str, object]]:
    """What a record has of values that are one of a few, each with what it is."""
    yield "puzzle", record.puzzle
    for check in record.checks:
        yield "check", (check.id, check.title, check.max_points, check.extra)
    for example in record.counterexamples:
        yield "check of an example", example.check
        yield "title of an example", example.title
        yield (
            "tensors",
            tuple(each.name for each in (*example.inputs, *(o.expected for o in example.outputs))),
        )
        yield "kind of an example", example.kind
        yield "values of an example", example.values
        for output in example.outputs:
            for mismatch in output.mismatches:
                yield "writer", mismatch.writer
                yield "where it is known", (mismatch.writer is None, mismatch.block is None)
    for shape in record.shapes:
        yield "scope", shape.scope
        yield "origin", shape.origin
    if record.isolation is not None:
        yield "isolation", record.isolation.level


def made() -> set[tuple[str, object]]:
    """The same of what is graded; and what a scripted program can't show."""
    seen = {word for kind in KINDS for word in words(graded(kind))}
    seen |= {("check of an example", item.id) for item in PUZZLE.rubric}
    programs = [item for item in find("map").rubric if item.check.aspect is Aspect.PROGRAM]
    seen |= {("check", (item.id, item.title, item.points, item.extra)) for item in programs}
    seen |= {("scope", scope.value) for scope in Scope}
    seen |= {("origin", origin) for origin in get_args(Origin)}
    seen |= {("isolation", str(level)) for level in Isolation}
    seen |= {("where it is known", (False, known)) for known in (True, False)}
    return seen


@pytest.mark.parametrize("name", sorted(records.ALL))
def test_a_record_holds_what_a_grading_makes(name: str) -> None:
    record = records.ALL[name]()
    assert set(words(record)) <= made()
    assert decode(encode(record)) == record


@pytest.mark.parametrize(
    "word",
    [
        ("title of an example", "outside of the error bound"),
        ("check", ("exact", "Exact on integers over the assigned domain", 25, False)),
        ("origin", "by chance"),
        ("writer", "a memset"),
    ],
)
def test_a_word_that_was_made_up_would_be_found(word: tuple[str, object]) -> None:
    assert word not in made()
