"""Which places of the source an instruction has, where calls were inlined in calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import process_time

from hypothesis import given
from hypothesis import strategies as st

from grader.device.ptx import parse
from grader.device.ptx.model import Location
from tests.device.kernels import HEAD

KERNEL, LIBRARY, DEEPER = 1, 2, 3


def places(*directives: str) -> list[tuple[Location, ...]]:
    """The places of an instruction behind each directive."""
    code = "\n".join(f".loc {each}\nret;" for each in directives)
    return [i.source for i in parse(f"{HEAD}.entry k() {{ {code} }}").functions["k"].instructions]


def test_a_place_is_followed_by_the_calls_around_it() -> None:
    found = places(
        "1 10 5",
        "2 43 15, function_name $L__info_string0, inlined_at 1 10 5",
        "3 22 10, function_name $L__info_string1+3, inlined_at 2 43 15",
    )
    kernel, library = Location(1, 10, 5), Location(2, 43, 15)
    assert found == [(kernel,), (library, kernel), (Location(3, 22, 10), library, kernel)]


def test_line_0_is_no_place() -> None:
    found = places("1 0 5", "2 9 1, function_name $f, inlined_at 1 0 5", "1 3 7, inlined_at 1 0 0")
    assert found == [(), (Location(2, 9, 1),), (Location(1, 3, 7),)]


def test_where_two_calls_may_be_meant_neither_is_named() -> None:
    found = places(
        "1 10 5",
        "2 43 15, function_name $f, inlined_at 1 10 5",
        "3 22 10, function_name $g, inlined_at 2 43 15",
        "1 20 5",
        "2 43 15, function_name $f, inlined_at 1 20 5",
        "3 22 10, function_name $g, inlined_at 2 43 15",
    )
    assert found[2] == (Location(3, 22, 10), Location(2, 43, 15), Location(1, 10, 5))
    assert found[4] == (Location(2, 43, 15), Location(1, 20, 5))
    assert found[5] == (Location(3, 22, 10), Location(2, 43, 15))


def test_what_all_calls_that_may_be_meant_have_in_common_is_named() -> None:
    found = places(
        "1 10 5",
        "1 10 19",
        "2 1 1, function_name $f, inlined_at 1 10 5",
        "2 2 2, function_name $f, inlined_at 1 10 19",
        "3 5 5, function_name $g, inlined_at 2 1 1",
        "3 5 5, function_name $g, inlined_at 2 2 2",
        "4 7 7, function_name $h, inlined_at 3 5 5",
    )
    # One line with two calls: which of the two is not known, so no column is.
    assert found[-1] == (Location(4, 7, 7), Location(3, 5, 5), Location(1, 10, 0))


def test_a_call_that_was_never_mentioned_ends_what_is_known() -> None:
    assert places("4 7 7, inlined_at 3 5 5") == [(Location(4, 7, 7), Location(3, 5, 5))]


def test_calls_in_a_circle_end() -> None:
    found = places("1 1 1, inlined_at 2 2 2", "2 2 2, inlined_at 1 1 1", "3 3 3, inlined_at 1 1 1")
    assert found[-1][0] == Location(3, 3, 3)


def test_a_hostile_text_costs_no_more_than_its_length() -> None:
    """Each place may have been inlined at each place of the next level: 6^40 ways outwards."""
    levels = [
        f".loc 1 {level} {one}, inlined_at 1 {level + 1} {other}"
        for level in range(1, 41)
        for one in range(6)
        for other in range(6)
    ]
    began = process_time()
    parse(f"{HEAD}.entry k() {{ {' '.join(levels * 3)} ret; }}")
    assert process_time() - began < 20


@dataclass(frozen=True, eq=False)
class Call:
    """A place of code, and the call that it was inlined at: two may be equal and differ."""

    place: Location
    caller: Call | None

    def chain(self) -> list[Location]:
        return [self.place, *(self.caller.chain() if self.caller else ())]


@st.composite
def programs(draw: st.DrawFn) -> list[Call]:
    """Calls of few functions at few places, so that many have a place in common."""
    roots = [Call(Location(KERNEL, line, 5), None) for line in (10, 20)]
    calls = list(roots)
    for _ in range(draw(st.integers(1, 12))):
        caller = draw(st.sampled_from(calls))
        line = draw(st.integers(1, 3))
        calls.append(Call(Location(draw(st.sampled_from((LIBRARY, DEEPER))), line, 1), caller))
    return draw(st.lists(st.sampled_from(calls), min_size=1, max_size=12))


def text_of(calls: Sequence[Call]) -> str:
    """As LLVM writes it: each call's own place once, before the first that was inlined there."""
    lines, written = [], set[Call]()

    def write(call: Call) -> None:
        if call.caller is not None and call.caller not in written:
            write(call.caller)
        written.add(call)
        file, line, column = call.place.file, call.place.line, call.place.column
        at = call.caller.place if call.caller else None
        inlined = f", function_name $f, inlined_at {at.file} {at.line} {at.column}" if at else ""
        lines.append(f".loc {file} {line} {column}{inlined}")

    for call in calls:
        write(call)
        lines.append("ret;")
    return f"{HEAD}.entry k() {{ {' '.join(lines)} }}"


@given(programs())
def test_no_place_is_ever_wrong(calls: list[Call]) -> None:
    instructions = parse(text_of(calls)).functions["k"].instructions
    for call, instruction in zip(calls, instructions, strict=True):
        left = iter(call.chain())
        for place in instruction.source:
            assert any(
                (true.file, true.line) == (place.file, place.line)
                and place.column in (0, true.column)
                for true in left
            ), f"{instruction.source} for {call.chain()}"
        assert instruction.source[:2] == tuple(call.chain()[:2])
