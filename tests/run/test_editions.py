"""One program in the dialect of each edition: built, run, and told at its line."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import pytest

from grader.choices import DEFAULT_EDITION
from grader.device import FindingKind
from grader.intake import submission_from_bytes
from grader.run.running import RunRequest, Shows, run
from grader.toolchain import edition as editions
from grader.toolchain.toolchain import is_installed

_PROGRAM = """\
from {library}gpu import thread_idx
from {host}gpu.host import DeviceContext
from {memory}memory import {pointer}

{constant} N = 4


{function} shift(output: {pointer}[Float32{origin}], a: {pointer}[Float32{origin}]):
    var i = thread_idx.x
    output[{at}i] = a[{at}i + 1]


def main(){raises}:
    with DeviceContext() as ctx:
        var output = ctx.enqueue_create_buffer[DType.float32](N)
        var a = ctx.enqueue_create_buffer[DType.float32](N)
        ctx.enqueue_function[{kernel}](output{of}, a{of}, grid_dim=1, block_dim=N)
        ctx.synchronize()
"""
LINE = 10


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How the editions from one on write it."""

    library: str = ""
    host: str = ""
    memory: str = ""
    pointer: str = "UnsafePointer"
    constant: str = "comptime"
    function: str = "fn"
    origin: str = ", MutAnyOrigin"
    at: str = ""
    raises: str = ""
    kernel: str = "shift"
    of: str = ""

    @property
    def text(self) -> str:
        return _PROGRAM.format(**asdict(self))


OLDEST = Dialect(constant="alias", origin="", of=".unsafe_ptr()")
NAMED_TWICE = Dialect(kernel="shift, shift")
STANDARD = Dialect(library="std.", host="std.", memory="std.", function="def", raises=" raises")
DIALECTS = {
    "25.4": OLDEST,
    "25.5": OLDEST,
    "25.6.1": OLDEST,
    "25.7": Dialect(),
    "26.1": NAMED_TWICE,
    "26.2": replace(STANDARD, kernel="shift, shift"),
    "26.3": replace(STANDARD, kernel="shift, shift"),
    "26.4": STANDARD,
    "26.5": replace(STANDARD, host="max.", pointer="Pointer", at="unsafe_offset="),
    "26.6": replace(STANDARD, library="max.", host="max.", pointer="Pointer", at="unsafe_offset="),
    "26.7": replace(STANDARD, library="max.", host="max.", pointer="Pointer", at="unsafe_offset="),
}


def test_every_edition_that_can_build_programs_has_its_dialect() -> None:
    """25.3 brings no linker."""
    assert set(DIALECTS) == set(editions.names()) - {"25.3"}


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.parametrize("edition", DIALECTS)
def test_a_finding_is_told_at_its_line(edition: str) -> None:
    if edition != DEFAULT_EDITION and not is_installed(editions.find(edition)):
        pytest.skip(f"edition {edition} is not installed")
    text = DIALECTS[edition].text
    said: list[str] = []
    document = run(
        RunRequest(
            shown="shift.mojo",
            program=submission_from_bytes("shift.mojo", text.encode()),
            edition=edition,
        ),
        Shows(said=said.append, out=said.append, error=said.append),
    )
    assert document.ending == "ran", (document.compiler_output, said)
    (found,) = document.findings
    assert found.finding.kind is FindingKind.OUT_OF_BOUNDS
    assert found.at is not None
    assert (found.at.line, found.at.array, found.function) == (LINE, "a", "shift")
