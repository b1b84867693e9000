"""How a run ends: its exit code and what is said of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from grader.device import CaseEvidence, Launch
from grader.errors import ToolchainFault
from grader.grading.editions import choose
from grader.intake import submission_from_bytes
from grader.lanes.program import Built, Ran
from grader.run.document import RunDocument, RunEnding
from grader.run.running import RunRequest, ended, not_built
from grader.run.text import summary
from grader.sandbox import LimitHit, Limits, Outcome
from tests.run.documents import FOUND, TEXT, document

SOURCE = "/scratch/work/source/p10.mojo"
LIMITS = Limits(wall_seconds=5)


def outcome(**changes: Any) -> Outcome:
    plain = Outcome(
        exit_code=0,
        signal=None,
        limit=None,
        killed=False,
        stage="run",
        stage_seconds=1.0,
        wall_seconds=1.0,
        cpu_seconds=1.0,
        peak_resident_bytes=1,
        stdout=f"At {SOURCE}:1:1".encode(),
        stderr=b"",
        output_bytes=1,
    )
    return msgspec.structs.replace(plain, **changes)


def request(*, strict: bool = False) -> RunRequest:
    return RunRequest(
        shown="p10.mojo", program=submission_from_bytes("p10.mojo", TEXT.encode()), strict=strict
    )


def evidence(*, found: bool = False, **more: Any) -> CaseEvidence:
    launch = Launch(
        index=1,
        kernel="p10_kernel_1234",
        module=1,
        grid=(1, 1, 1),
        block=(4, 1, 1),
        shared_bytes=0,
        instructions=10,
        seconds=0.1,
        result=0,
        findings=(FOUND.finding,) if found else (),
    )
    return CaseEvidence(launches=(launch,), **more)


def run_of(how: Outcome, seen: CaseEvidence | None = None, *, strict: bool = False) -> RunDocument:
    ran = Ran(outcome=how, evidence=seen or evidence())
    return ended(document(), ran, request(strict=strict), LIMITS, SOURCE)


def test_the_exit_code_is_the_program_s_own() -> None:
    for code in (0, 1, 7, 124):
        seen = run_of(outcome(exit_code=code))
        assert (seen.ending, seen.exit_code, seen.program_exit_code) == ("ran", code, code)


def test_a_signal_counts_as_in_a_shell() -> None:
    seen = run_of(outcome(exit_code=None, signal=6))
    assert (seen.ending, seen.exit_code, seen.signal) == (RunEnding.RAN, 134, 6)


@pytest.mark.parametrize(
    ("code", "found", "strict", "ends"),
    [(0, True, False, 0), (0, True, True, 1), (0, False, True, 0), (7, True, True, 7)],
)
def test_strict_fails_what_ended_well(code: int, found: bool, strict: bool, ends: int) -> None:
    seen = run_of(outcome(exit_code=code), evidence(found=found), strict=strict)
    assert (seen.exit_code, seen.errors) == (ends, int(found))


def test_what_the_device_lacks_is_not_the_program_s_failure() -> None:
    lacking = evidence(unsupported=("the software device does not support mbarrier",))
    seen = run_of(outcome(exit_code=1), lacking)
    assert (seen.ending, seen.exit_code) == (RunEnding.NOT_SUPPORTED, 4)
    # Where the program did not fail for it, it is said and no more.
    seen = run_of(outcome(), lacking)
    assert (seen.ending, seen.exit_code) == (RunEnding.RAN, 0)
    assert seen.not_checked == lacking.unsupported


@pytest.mark.parametrize("limit", LimitHit)
def test_a_limit_is_named(limit: LimitHit) -> None:
    seen = run_of(outcome(exit_code=None, signal=9, limit=limit, killed=True), evidence(found=True))
    assert (seen.ending, seen.exit_code) == (RunEnding.STOPPED, 124)
    assert seen.why.startswith("the program was stopped: it ")
    assert seen.errors == 1
    if limit is LimitHit.WALL_CLOCK:
        assert "5 s" in seen.why


def test_a_device_that_is_still_busy_has_seen_nothing_for_certain() -> None:
    how = outcome(exit_code=None, signal=9, limit=LimitHit.WALL_CLOCK, killed=True)
    seen = ended(document(), Ran(outcome=how, evidence=None), request(), LIMITS, SOURCE)
    assert seen.launches == ()
    assert len(seen.not_checked) == 1
    assert summary(seen).endswith("no launch could be watched")


def test_a_machine_without_memory_is_nobody_s_failure() -> None:
    with pytest.raises(ToolchainFault):
        run_of(outcome(exit_code=None, signal=9, machine_out_of_memory=True))


def test_files_have_the_names_that_they_have_outside() -> None:
    assert run_of(outcome()).stdout == "At p10.mojo:1:1"


def test_a_module_has_the_name_of_the_file_where_that_can_be_one() -> None:
    names = {"p10.mojo": "p10", "my-program.mojo": "program", "stdin": "stdin", "1.mojo": "program"}
    for name, module in names.items():
        program = submission_from_bytes(name, TEXT.encode())
        assert RunRequest(shown=name, program=program).module == module


def built(**changes: Any) -> RunDocument:
    said = Built(
        ok=False,
        diagnostics=(),
        seconds=1.0,
        limits=LIMITS,
        outcome=outcome(**{"exit_code": 1, **changes}),
        output=f"{SOURCE}:1:1: it says",
    )
    choice = choose("26.5", "from gpu.host import DeviceContext\n")
    return not_built(document(ending=RunEnding.NOT_BUILT, exit_code=1), said, choice, SOURCE)


def test_what_does_not_build_says_how_the_compiler_ended() -> None:
    seen = built(exit_code=None, signal=11)
    assert (seen.exit_code, seen.compiler_output) == (1, "p10.mojo:1:1: it says")
    assert "signal 11" in seen.why
    assert "5 s" in built(exit_code=None, signal=9, limit=LimitHit.WALL_CLOCK, killed=True).why


def test_lines_of_another_edition_are_named() -> None:
    (advice,) = built().advice
    assert advice.startswith("line 1: `")
