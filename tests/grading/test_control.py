"""Whose failure packaging and compiling are: a control decides where the compiler says nothing."""

from __future__ import annotations

import pytest

from grader.errors import DeviceFault, ToolchainFault
from grader.grading.blame import Trial, blame_compile, blame_packaging
from grader.sandbox import LimitHit, Outcome
from grader.toolchain.packaging import Packaged, parse
from grader.worker.process import Ended

FILE = "op/conv1d.mojo"


def outcome(*, limit=None, cpu=10.0, wall=10.0, code=1, signal=None, stderr=b""):
    return Outcome(
        exit_code=code,
        signal=signal,
        limit=limit,
        killed=limit is not None,
        stage="compile",
        stage_seconds=wall,
        wall_seconds=wall,
        cpu_seconds=cpu,
        peak_resident_bytes=5 << 30,
        stdout=b"",
        stderr=stderr,
        output_bytes=9 << 20,
    )


def never():
    raise AssertionError("the control was run although the compiler had said what is wrong")


def passes():
    return Trial(seconds=0.1, peak_bytes=1)


def ended(why="failed", message="RuntimeError: Failed", stage="compile", **more):
    return Ended(why=why, message=message, stage=stage, outcome=outcome(**more))


def compiling(end, control):
    return blame_compile(end, control, student_file=FILE)


def packaging(stderr, control, **more):
    text = stderr.decode()
    packaged = Packaged(
        ok=False,
        diagnostics=parse(text, stage="package", student_file=FILE),
        outcome=outcome(stderr=stderr, **more),
        output=text,
    )
    return blame_packaging(packaged, control)


def test_an_error_in_the_students_file_needs_no_control():
    blame = packaging(b"op/conv1d.mojo:3:1: error: no such thing\n", never)
    assert blame.sentence == "line 3: no such thing"


@pytest.mark.parametrize(
    "said",
    [
        "no kernel registered for 'conv1d'",
        "Could not find a mojo kernel registered for conv1d with function mogg.execute",
    ],
)
def test_an_op_that_is_not_registered_needs_no_control(said):
    assert compiling(ended(message=f"ValueError: {said}"), never).sentence == said


def test_the_fault_tells_the_cause_and_not_how_the_compiler_gave_up():
    """As a Mojo without the rest of MAX says it, on a machine with a GPU."""
    said = b"""isMaxInstalled: max.package_root resolved to /packages/0/modular
/submission/map.mojo:1:1: error: please install MAX for accelerator support
# Add ten to each element.
^
mojo: error: failed to run the pass manager
"""
    with pytest.raises(ToolchainFault, match="please install MAX for accelerator support"):
        packaging(said, lambda: None)


@pytest.mark.parametrize("stderr", [b"", b"mojo: error: out of file descriptors\n"])
def test_a_compiler_that_fails_with_the_reference_too_is_a_fault(stderr):
    with pytest.raises(ToolchainFault, match="reference answer"):
        packaging(stderr, lambda: None)
    with pytest.raises(ToolchainFault, match="reference answer"):
        compiling(ended(why="died", message="", stderr=stderr), lambda: None)


def test_a_compiler_that_breaks_off_on_this_file_only_is_the_files_doing():
    assert "signal 11, segmentation fault" in packaging(b"", passes, code=None, signal=11).sentence
    assert (
        "signal 6" in compiling(ended(why="died", message="", code=None, signal=6), passes).sentence
    )


def test_a_device_that_does_not_open_is_a_fault():
    with pytest.raises(DeviceFault, match="no symbol"):
        compiling(ended(message="RuntimeError: no symbol cuFoo", stage="device"), never)


def test_an_endless_compile_is_said_in_the_students_terms():
    blame = compiling(ended(why="limit", limit=LimitHit.WALL_CLOCK, wall=120, cpu=118), passes)
    assert "still compiling" in blame.sentence
    assert "never ends" in blame.sentence


@pytest.mark.parametrize("limit", [LimitHit.MEMORY, LimitHit.OUTPUT, LimitHit.SCRATCH])
def test_other_limits_are_named(limit):
    assert compiling(ended(why="limit", limit=limit), passes).sentence
