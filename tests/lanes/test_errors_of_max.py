"""What is left of an error of MAX: the message that it wraps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from grader.lanes.graph import in_short, of_file
from grader.lanes.worker import Said

MEMORY = """ValueError: An error occurred in kernel entry point named "region_2":
An error occurred in kernel named "custom__conv1d_mogg_12":
At max/mojo/max/gpu/host/device_context.mojo:4073:35: CUDA call failed: CUDA_ERROR_OUT_OF_MEMORY (out of memory)
To get more accurate error information, set MODULAR_DEBUG=device-sync-mode.

Fusion info:
  custom__conv1d : (!mo.tensor<[15], f32, gpu:0>) -> !mo.tensor<[15], f32, gpu:0>


To see the Python source location of this op, run again with the `max-debug.source-tracebacks` config key.
"""  # noqa: E501 - as MAX 26.5 prints it


def test_what_max_wraps_around_a_message_is_taken_away() -> None:
    short = "ValueError: CUDA call failed: CUDA_ERROR_OUT_OF_MEMORY (out of memory)"
    assert in_short(MEMORY) == short
    assert in_short(short) == short


def test_a_message_of_the_program_s_own_stays_whole() -> None:
    own = "ValueError: Unsupported target: gpu\nAt conv1d.mojo:12:3: see there"
    assert in_short(own) == own


def test_where_nothing_would_be_left_all_is() -> None:
    empty = 'ValueError: An error occurred in kernel named "k":\n\nFusion info:\n x'
    assert in_short(empty) == empty


@given(st.text())
def test_it_never_fails_and_adds_nothing(message: str) -> None:
    short = in_short(message)
    assert len(short) <= len(message)
    assert bool(short.strip()) == bool(message.strip())


def test_a_place_in_the_student_s_file_is_kept_and_its_path_is_not() -> None:
    raised = (
        "ValueError: At /scratch/work/source/op/conv1d.mojo:117:41: Dim value must be positive."
    )
    assert of_file(raised, "op/conv1d.mojo") == Said(
        "ValueError: Dim value must be positive.", 117, 41
    )
    assert of_file("ValueError: no", "op/conv1d.mojo") == Said("ValueError: no")
    other = "At /scratch/work/source/op/other.mojo:3:4: no"
    assert of_file(other, "op/conv1d.mojo").line is None
