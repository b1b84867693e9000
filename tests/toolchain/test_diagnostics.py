"""Reading the compiler's output."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from grader.record import Diagnostic
from grader.toolchain.diagnostics import MAX_DIAGNOSTICS, parse

FILE = "op/conv1d.mojo"


def read(text):
    return parse(text, stage="package", student_file=FILE)


def test_an_error_in_the_students_file():
    (found,) = read(
        "Failed to initialize Crashpad.  Crash reporting will not be available.\n"
        "/scratch/work/source/op/conv1d.mojo:2:14: error: unable to locate module 'memory'\n"
        "from std.gpu.memory import AddressSpace\n"
        "             ^\n"
        "mojo: error: failed to parse the provided Mojo source module\n"
    )
    assert (found.file, found.line, found.column) == ("conv1d.mojo", 2, 14)
    assert found.severity == "error"
    assert found.message == "unable to locate module 'memory'"


def test_notes_belong_to_the_error_above_them():
    (found,) = read(
        f"{FILE}:97:36: error: no matching method in call to 'enqueue_function'\n"
        "max/gpu/host/device_context.mojo:10:5: note: candidate not viable: missing required "
        "argument: 'block_dim'\n"
        f"{FILE}:90:1: note: here\n"
    )
    assert [note.line for note in found.notes] == [None, 90]
    assert "block_dim" in found.notes[0].message


def test_a_message_about_the_library_is_placed_where_the_students_file_led_there():
    (found,) = read(
        f"Imported from {FILE}:5:\n"
        "max/kernels/src/layout/tile_tensor.mojo:758:1: error: constraint failed: wrong rank\n"
    )
    assert (found.file, found.line) == ("conv1d.mojo", 5)
    assert found.message == "wrong rank"


def test_a_note_places_a_message_too():
    (found,) = read(
        "max/x.mojo:7:1: error: call expansion failed\n" + f"{FILE}:31:9: note: called from here\n"
    )
    assert (found.line, found.column) == (31, 9)


def test_another_file_of_the_same_name_is_not_the_students():
    (found,) = read("max/kernels/shop/conv1d.mojo:1:1: error: x\n")
    assert found.file is None


def test_a_flood_of_messages_is_cut():
    assert len(read(f"{FILE}:1:1: error: x\n" * 10_000)) == MAX_DIAGNOSTICS


def test_long_lines_take_no_long_time():
    began = time.perf_counter()
    read(("a:" * 500_000) + "\n" + ":" * 1_000_000 + "\n" + " error: " * 200_000)
    assert time.perf_counter() - began < 2


LINES = st.one_of(
    st.text(max_size=60),
    st.builds(
        "{}:{}:{}: {}: {}".format,
        st.sampled_from([FILE, "max/x.mojo", "", ":", "/a/op/conv1d.mojo"]),
        st.integers(-1, 10**9),
        st.integers(-1, 10**9),
        st.sampled_from(["error", "note", "warning", "remark", "fatal"]),
        st.text(max_size=40),
    ),
    st.just(f"Imported from {FILE}:5:"),
)


@given(st.lists(LINES).map("\n".join))
def test_any_output_is_read(text):
    for found in read(text):
        assert isinstance(found, Diagnostic)
        assert found.file in (None, "conv1d.mojo")
        assert (found.line is None) == (found.file is None) or found.line is not None
