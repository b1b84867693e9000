"""Documents for the tests of the renderings."""

from __future__ import annotations

from typing import Any

import msgspec

from grader.device import Finding, FindingKind, Space
from grader.record import DeviceInfo, IsolationInfo, LaunchKind, ToolchainInfo
from grader.run.document import ProgramFinding, RunDocument, RunEnding, Severity, SourceSpot

TEXT = "def kernel():\n    output[0] = a[4]\n\n    b[0] = a[1]\n"

FOUND = ProgramFinding(
    severity=Severity.ERROR,
    at=SourceSpot(line=2, column=18, array="a"),
    other=None,
    function="kernel",
    times=4,
    launches=1,
    finding=Finding(
        kind=FindingKind.OUT_OF_BOUNDS,
        message="thread 3 of block 0 read cell 4 of a buffer of 4 cells",
        kernel="p10_kernel_1234",
        space=Space.GLOBAL,
        access="read",
        ptx_text="ld.global.b32 %r1, [%rd1];",
    ),
)
RACE = msgspec.structs.replace(
    FOUND,
    other=SourceSpot(line=4, column=6, array="b"),
    finding=msgspec.structs.replace(FOUND.finding, kind=FindingKind.RACE, message="thread 1 read"),
)
NOWHERE = msgspec.structs.replace(FOUND, at=None)


def document(**changes: Any) -> RunDocument:
    """A run in which nothing was found, with changes."""
    plain = RunDocument(
        version="0.1.0",
        file="p10.mojo",
        sha256="0" * 64,
        arguments=("--memory-bug",),
        ending=RunEnding.RAN,
        exit_code=0,
        program_exit_code=0,
        toolchain=ToolchainInfo(edition="26.5", mojo_version="1.0.0"),
        device=DeviceInfo(kind="software", name="software CUDA device (sm_80)", reason="as asked"),
        isolation=IsolationInfo(level="bwrap"),
        build_seconds=6.0,
        launches=(
            LaunchKind(kernel="kernel", grid=(1, 1, 1), block=(4, 1, 1), shared_bytes=0, count=1),
        ),
    )
    return msgspec.structs.replace(plain, **changes)
