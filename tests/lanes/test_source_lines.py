"""Which finding of a run with line tables is which of a run without: only where it is certain."""

from __future__ import annotations

import msgspec

from grader.device import Finding, FindingKind, Launch, SourcePlace, Space
from grader.lanes.source_lines import at_source, same_endless, same_findings

OWN = "/in/work/conv1d.mojo"
TEXT = "\n" * 68 + "    s += shared_a[i] * shared_b[j]\n" + "    x = input[i]\n"
READ = SourcePlace(OWN, 69, 18)
WRITE = SourcePlace(OWN, 62, 17)


def race(kernel: str = "op_k", **changed) -> Finding:
    made = Finding(
        kind=FindingKind.RACE,
        message="thread 1 of block 0 read cell 2 of shared array 1, which thread 2 wrote, with no "
        "barrier between the two",
        kernel=kernel, block=(0, 0, 0), thread=(1, 0, 0), space=Space.SHARED, access="read",
        address=8, cell=2, array="shared array 1", size=4, ptx_line=61,
        ptx_text=f"ld.shared.b32 %r1, [{kernel}_mem];",
        other_block=(0, 0, 0), other_thread=(2, 0, 0), count=3,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changed)


def at(own: SourcePlace = READ, other: SourcePlace = WRITE, **changed) -> Finding:
    inner = SourcePlace("lib/tensor.mojo", 2158, 10)
    return race("main_k", source=(inner, own), other_source=(inner, other), ptx_line=99, **changed)


def launch(*findings: Finding, **changed) -> Launch:
    made = Launch(
        index=1, kernel="k", module=1, grid=(2, 1, 1), block=(15, 1, 1), shared_bytes=64,
        instructions=550, seconds=0.1, result=0, findings=findings,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changed)


def test_the_same_access_is_found_whatever_the_kernel_is_called_and_wherever_its_ptx_stands():
    one, other = race(), at()
    assert same_findings([launch(one)], [launch(at(cell=3), other, index=9)]) == [(one, other)]


def test_the_name_of_a_function_is_no_line_of_a_finding():
    """The compiler writes it where it has joined the stores of two branches."""
    text = "\ndef kernel(\n    output: P,\n): output[0] = 1\n"
    for place, line in ((SourcePlace(OWN, 2, 5), None), (SourcePlace(OWN, 4, 4), 4)):
        told = at_source(at(own=place, other=place), OWN.__eq__, text)
        assert told.source_line == line
        assert (f"(line {line})" in told.message) == (line is not None)
        assert len(told.source) == len(told.other_source) == (1 if line is None else 2)


def test_two_candidates_from_different_lines_are_none():
    elsewhere = at(own=SourcePlace(OWN, 70, 9))
    assert same_findings([launch(race())], [launch(at(), elsewhere)]) == []


def test_two_candidates_from_one_place_are_as_good_as_one():
    one, other = race(), at()
    assert same_findings([launch(one)], [launch(other, at())]) == [(one, other)]


def test_another_thread_cell_kind_or_instruction_is_another_access():
    for changed in (
        {"thread": (2, 0, 0)},
        {"other_thread": (3, 0, 0)},
        {"cell": 3},
        {"count": 4},
        {"kind": FindingKind.UNINITIALISED_READ},
        {"ptx_text": "ld.shared.b32 %r2, [main_k_mem];"},
    ):
        assert same_findings([launch(race())], [launch(at(**changed))]) == []


def test_runs_that_did_not_do_the_same_have_nothing_in_common():
    one, other = launch(race()), launch(at())
    for changed in ({"instructions": 551}, {"block": (16, 1, 1)}, {"result": 700}):
        assert same_findings([one], [msgspec.structs.replace(other, **changed)]) == []
    assert same_findings([one], [other, other]) == []
    assert same_findings([one], []) == []


def endless(**changed) -> Finding:
    made = Finding(
        kind=FindingKind.BUDGET_EXCEEDED, message="thread 0 of block 0 was still running",
        kernel="k", block=(0, 0, 0), thread=(0, 0, 0), ptx_line=7, ptx_text="bra L;",
    )  # fmt: skip
    return msgspec.structs.replace(made, **changed)


def test_what_does_not_end_is_the_same_wherever_it_was_stopped():
    other = endless(message="sooner", ptx_line=9, source=(READ,), source_line=69)
    stopped = launch(other, instructions=70)
    assert same_endless([launch(), launch(endless())], [launch(), stopped]) == [
        (endless(), msgspec.structs.replace(other, message=endless().message))
    ]


def test_what_ends_or_is_another_launch_is_not():
    assert same_endless([launch(endless())], [launch()]) == []
    assert same_endless([launch(endless())], [launch(), launch(endless())]) == []
    assert same_endless([launch(endless())], [launch(endless(), endless(thread=(1, 0, 0)))]) == []
    other_grid = msgspec.structs.replace(launch(endless()), grid=(1, 1, 1))
    assert same_endless([launch(endless())], [other_grid]) == []


def test_buffers_lie_elsewhere():
    elsewhere = {"space": Space.GLOBAL, "ptx_text": "ld.global.f32 %f1, [%rd1];"}
    one, other = race(address=0x700, cell=15, **elsewhere), at(address=0x900, cell=31, **elsewhere)
    assert same_findings([launch(one)], [launch(other)]) == [(one, other)]


def test_it_is_told_in_the_words_of_the_file():
    told = at_source(at(), lambda file: file == OWN, TEXT)
    assert told.message == (
        "thread 1 of block 0 read cell 2 of shared_a, which thread 2 wrote, with no barrier "
        "between the two (line 69, and line 62)"
    )
    assert told.source_line == 69
    assert [each.file for each in told.source] == ["lib/tensor.mojo", ""]


def test_a_buffer_without_a_name_gets_that_of_the_source():
    found = msgspec.structs.replace(
        at(own=SourcePlace(OWN, 70, 14), space=Space.GLOBAL, array=""), other_source=()
    )
    unnamed = msgspec.structs.replace(found, message="thread 1 read cell 9 of a buffer of 9 cells")
    told = at_source(unnamed, lambda file: file == OWN, TEXT)
    assert told.message == "thread 1 read cell 9 of a buffer of 9 cells (array input, line 70)"
    said = "thread 1 read element 9 of input, which has 9"
    named = msgspec.structs.replace(found, message=said, array="input")
    told = at_source(named, lambda file: file == OWN, TEXT)
    assert told.message == "thread 1 read element 9 of input, which has 9 (line 70)"


def test_what_comes_from_elsewhere_has_no_line():
    told = at_source(at(), lambda file: False, TEXT)
    assert told.source_line is None
    assert told.message == race().message
