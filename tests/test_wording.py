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
from grader.device import Finding, FindingKind, Space, Writer
from grader.grading.own_program import _stopped
from grader.model.checks import Tally
from grader.puzzles import NAMES, find
from grader.record import (
    Aspect,
    Chance,
    CompilerEnd,
    Ending,
    LimitReached,
    OrderShows,
    OtherEdition,
    ProblemKind,
    Reason,
)
from grader.sandbox import LimitHit
from grader.sketches import sketch_of
from grader.wording.cases import PROBLEM_TITLES, problem_detail, problem_title
from grader.wording.checks import other_edition, reason_sentence
from grader.wording.findings import explain_finding
from grader.wording.verdicts import HURDLES, shortfall_sentence

PARTIAL = {"HURDLES", "PROBLEM_STEPS"}
"""Have what they can't do without, and no more. What to do about other problems than those of
`PROBLEM_STEPS` is said by the check; see `test_hurdles_are_checks_before_values` for the other."""


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


@pytest.mark.parametrize("of_skeleton", ["", "def add(output: P, n: Int32)"])
@pytest.mark.parametrize("parameters", ["", "SIZE"])
def test_another_declaration_is_told_with_the_one_that_is_expected(
    of_skeleton: str, parameters: str
) -> None:
    said = reason_sentence(
        Reason.SIGNATURE,
        {
            "function": "add",
            "arguments": "output, a whole number (size)",
            "parameters": parameters,
            "declared": "def add(output: P, n: Int32, m: Int64)",
            "expected": of_skeleton,
        },
    )
    assert said == (
        "add is launched with output, a whole number (size)"
        f"{' and the compile-time parameters SIZE' if parameters else ''}, "
        "and is declared as `def add(output: P, n: Int32, m: Int64)`"
        f"{'; the skeleton has `def add(output: P, n: Int32)`' if of_skeleton else ''}"
    )


def test_hurdles_are_checks_before_values() -> None:
    assert set(HURDLES) < set(Aspect)
    assert Aspect.VALUES not in HURDLES


PROBLEMS: dict[ProblemKind, list[dict[str, int | str]]] = {
    ProblemKind.WRONG_VALUES: [{"wrong": 1, "of": 8}, {"wrong": 3, "of": 9, "outputs": "a and b"}],
    ProblemKind.NO_OUTPUT: [{"ending": each.value, "said": "it ended"} for each in Ending],
    ProblemKind.FINDING: [{"finding": each.value, "said": "it did"} for each in FindingKind],
    ProblemKind.INPUT_CHANGED: [{"tensor": "a"}],
    ProblemKind.EARLIER_OUTPUT: [{"place": "out[3]"}],
    ProblemKind.NO_KERNEL_WROTE: [{"place": "out[3]", "writer": each.value} for each in Writer],
    ProblemKind.NOT_EACH_TIME: [{"zeros": 0}, {"zeros": 1}],
    ProblemKind.NOT_REPRODUCIBLE: [{"on": each.value, "schedule": 2} for each in Chance],
    ProblemKind.ORDER_DECIDES: [
        {"shows": "no-output", "schedule": 2, "ending": "died", "said": ""},
        {"shows": "unclean", "schedule": 2, "problem": "input-changed", "tensor": "a"},
        {"shows": "values", "schedule": 9, "place": "out[3]", "plain": "1.0", "other": "2.0"},
    ],
    ProblemKind.HOST_HELPS: [{"right": 0}, {"right": 1}],
    ProblemKind.OWN: [{"title": "signs differ", "said": "at index 3"}],
}
"""The data of each kind, as `ProblemKind` says."""


@pytest.mark.parametrize("kind", ProblemKind)
def test_every_problem_is_told_by_its_data(kind: ProblemKind) -> None:
    told = {problem_detail(kind, data) for data in PROBLEMS[kind]}
    assert "" not in told
    assert not any("{" in each for each in told)
    for data in PROBLEMS[kind]:
        found = {"kind": kind.value, **data}
        assert problem_title(kind, data) in reason_sentence(Reason.PROBLEM, found)
        assert problem_detail(kind, data) in reason_sentence(Reason.PROBLEM, found)
    # Where nothing more is known, the kind alone is told.
    assert reason_sentence(Reason.PROBLEM, {"kind": kind.value}) == PROBLEM_TITLES[kind]


def test_every_way_in_which_an_order_shows_is_told() -> None:
    shown = {each["shows"] for each in PROBLEMS[ProblemKind.ORDER_DECIDES]}
    assert shown == {each.value for each in OrderShows}


def test_what_is_wrong_is_counted_over_all_outputs() -> None:
    one, two = (
        problem_detail(ProblemKind.WRONG_VALUES, data)
        for data in PROBLEMS[ProblemKind.WRONG_VALUES]
    )
    assert one == "1 of 8 elements is wrong"
    assert two == "3 of 9 elements of a and b are wrong"


@pytest.mark.parametrize("name", NAMES)
def test_checks_with_a_shortfall_of_their_own_have_words_for_it(name: str) -> None:
    for check in find(name).checks:
        told = shortfall_sentence(check.shortfall(Tally()), check.own_words)
        assert told.endswith(".")


@pytest.mark.parametrize("end", CompilerEnd)
def test_every_end_of_the_compiler_is_told(end: CompilerEnd) -> None:
    data: dict[str, int | str] = {
        "said": "no such thing", "line": 3, "what": "the graph", "how": "exit code 1",
        "doing": "packaging", "seconds": 30, "mebibytes": 64,
        "other": "mixed", "here": "26.5", "lines": "line 3: `fn` is of 26.3 and older",
    }  # fmt: skip
    told = reason_sentence(Reason.COMPILER, {"end": end.value, **data})
    assert told
    assert "{" not in told


@pytest.mark.parametrize("other", OtherEdition)
@pytest.mark.parametrize("many", [1, 2])
def test_every_way_of_being_of_another_edition_is_told(other: OtherEdition, many: int) -> None:
    told = other_edition({"other": other.value, "here": "26.5", "editions": "25.4", "many": many})
    assert told.startswith("this file")
    assert told.endswith("26.5")


def test_a_program_can_reach_each_limit_of_the_sandbox() -> None:
    assert {each.value for each in LimitReached} == {each.value for each in LimitHit}
    assert {_stopped(each) for each in LimitHit} >= {
        "it had not ended after 10 s", "it printed more than 4 MiB"
    }  # fmt: skip
