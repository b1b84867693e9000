"""Reading the compiler's output."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.record import Diagnostic
from grader.toolchain.packaging import MAX_DIAGNOSTICS, parse

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


INSTANTIATION = """\
RuntimeError: Failed to compile the model. Please file an issue, all models should be correct.

RuntimeError: Graph compilation failed:
error: function instantiation failed
<unknown>:62:28: note: call expansion failed with parameter value(s): (..., "input_size": 14)
/scratch/work/source/op/conv1d.mojo:81:9: note: function instantiation failed
/scratch/work/source/op/conv1d.mojo:115:41: note: call expansion failed with parameter value(s): ()
max/gpu/host/device_context.mojo:3194:9: note: function instantiation failed
std/builtin/simd.mojo:612:9: note: constraint failed: Int and UInt do not conform to DevicePassable
"""


def test_a_failed_instantiation_says_what_failed_and_where_it_began():
    (found,) = read(INSTANTIATION * 12)
    assert found.message == "Int and UInt do not conform to DevicePassable"
    assert (found.file, found.line, found.column) == ("conv1d.mojo", 115, 41)


def test_a_note_without_a_place_may_say_what_failed():
    (found,) = read(
        f"error: function instantiation failed\n{FILE}:119:45: note: call expansion failed\n"
        "note: constraint failed: the SIMD type must be floating point\n"
    )
    assert found.message == "the SIMD type must be floating point"
    assert found.line == 119


@pytest.mark.parametrize(
    "text",
    [
        "no kernel registered for 'conv1d'",
        "Could not find a mojo kernel registered for conv1d with function mogg.execute",
        "kernel 'conv1d' has no execute function",
    ],
)
def test_what_the_graph_says_while_it_is_built(text):
    assert [found.message for found in read(f"ValueError: {text}\n")] == [text]


def test_a_python_error_of_ours_is_no_message_of_the_compiler():
    assert read("ValueError: too many values to unpack\nRuntimeError: out of memory\n") == ()


def test_a_flood_of_messages_is_cut():
    flood = "".join(f"{FILE}:{line}:1: error: x\n" for line in range(1, 10_000))
    assert len(read(flood)) == MAX_DIAGNOSTICS


def test_the_same_message_again_is_one():
    assert len(read(f"{FILE}:1:1: error: x\n" * 100)) == 1


def test_long_lines_take_no_long_time():
    began = time.process_time()
    read(("a:" * 500_000) + "\n" + ":" * 1_000_000 + "\n" + " error: " * 200_000)
    assert time.process_time() - began < 2


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
