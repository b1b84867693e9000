"""From evidence to findings at the lines of a file."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from grader.device import CaseEvidence, Finding, FindingKind, Launch, SourcePlace
from grader.report.style import grid_text
from grader.run.document import MOST_FINDINGS, SourceFile, findings_of, launches_of

TEXT = """\
def scan(a: Int):
    cache[0] = a[1]
    cache[1] = a[2]


def scan_rows(a: Int):
    pass


def a_kernel_with_a_very_long_name_indeed(a: Int):
    pass
"""
FILE = SourceFile(text=TEXT, module="p14", compiled_as="/scratch/p14.mojo")
LIBRARY = SourcePlace("max/kernels/src/layout/tensor_storage.mojo", 2158, 10)


def at(line: int, column: int) -> tuple[SourcePlace, ...]:
    return LIBRARY, SourcePlace(FILE.compiled_as, line, column), SourcePlace(FILE.compiled_as, 1, 0)


def finding(**changes: Any) -> Finding:
    plain = Finding(
        kind=FindingKind.RACE,
        message="thread 1 read cell 0",
        kernel="p14_scan_TileTe6A6A_1",
        access="read",
        source=at(2, 17),
        ptx_line=7,
        ptx_text="ld.global.b32 %r1, [%rd1];",
    )
    return msgspec.structs.replace(plain, **changes)


def launch(index: int, *findings: Finding) -> Launch:
    return Launch(
        index=index,
        kernel="p14_scan_TileTe6A6A_1",
        module=1,
        grid=(1, 1, 1),
        block=(4, 1, 1),
        shared_bytes=0,
        instructions=10 * index,
        seconds=0.1,
        result=0,
        findings=findings,
    )


def test_one_line_that_does_one_thing_wrong_is_one_finding() -> None:
    evidence = CaseEvidence(
        launches=(
            launch(1, finding(count=3), finding(count=4, ptx_line=9)),
            launch(2, finding(count=5)),
        )
    )
    (found,) = findings_of(evidence, FILE)
    assert (found.times, found.launches, found.function) == (12, 2, "scan")
    assert found.at is not None
    assert (found.at.line, found.at.column, found.at.array) == (2, 17, "a")


@pytest.mark.parametrize(
    "other",
    [
        finding(source=at(3, 17)),
        finding(other_source=at(3, 10)),
        finding(kind=FindingKind.OUT_OF_BOUNDS),
        finding(access="write"),
        finding(source=()),
        finding(kernel="p14_scan_rows_1"),
    ],
)
def test_what_differs_is_told_apart(other: Finding) -> None:
    assert len(findings_of(CaseEvidence(launches=(launch(1, finding(), other),)), FILE)) == 2


@pytest.mark.parametrize("source", [(), (LIBRARY,), at(99, 1)[1:2]])
def test_a_line_that_the_file_does_not_have_is_none(source: tuple[SourcePlace, ...]) -> None:
    (found,) = findings_of(CaseEvidence(launches=(launch(1, finding(source=source)),)), FILE)
    assert found.at is None


def test_a_flood_of_findings_is_bounded() -> None:
    many = [finding(source=(), ptx_line=line) for line in range(MOST_FINDINGS + 5)]
    assert len(findings_of(CaseEvidence(launches=(launch(1, *many),)), FILE)) == MOST_FINDINGS


@pytest.mark.parametrize(
    ("kernel", "function"),
    [
        ("p14_scan_TileTe6A6A_1", "scan"),
        ("p14_scan6A6AoApA", "scan"),
        ("p14_scan_rows_TileTe6A6A_1", "scan_rows"),
        ("p14_a_kernel_with_a_very_long6A6A_1", "a_kernel_with_a_very_long_name_indeed"),
        ("p14_a_k6A6A_1", "p14_a_k6A6A_1"),
        ("std_elementwise_1", "std_elementwise_1"),
    ],
)
def test_a_kernel_has_the_name_of_the_file(kernel: str, function: str) -> None:
    assert FILE.function(kernel) == function


def test_launches_that_are_alike_are_one() -> None:
    (kind,) = launches_of(CaseEvidence(launches=(launch(1), launch(2))), FILE)
    assert (kind.kernel, kind.count, kind.failed, kind.most_instructions) == ("scan", 2, 0, 20)


def test_launches_in_other_clusters_are_not_alike() -> None:
    alone = launch(1)
    clustered = msgspec.structs.replace(alone, index=2, grid=(4, 1, 1), cluster=(2, 1, 1))
    others = msgspec.structs.replace(clustered, index=3, cluster=(4, 1, 1))
    kinds = launches_of(CaseEvidence(launches=(alone, clustered, others, others)), FILE)
    assert [(each.cluster, each.count) for each in kinds] == [
        (None, 1),
        ((2, 1, 1), 1),
        ((4, 1, 1), 2),
    ]
    assert len({grid_text(each.grid, each.cluster) for each in kinds}) == 3
