"""The software CUDA device: a driver library for MAX, and the process behind it.

It needs NumPy, msgspec and `grader.errors`, and nothing else of the grader. ``__all__`` is all
that others use of it; docs/device.md says what each name is::

    from grader.device import CaseSetup, SoftwareDevice

    with SoftwareDevice() as device:
        worker = subprocess.Popen(..., pass_fds=[device.worker_fd],
                                  env=device.worker_environment())
        device.begin_case(CaseSetup(schedule=1))
        ...                                  # the worker does its work on the device
        evidence = device.end_case()

The interpreter runs in the device's process. This package is imported by those who only read
evidence as well, so it imports neither the interpreter nor NumPy.
"""

from grader.device import schedules
from grader.device.case import SIGNALLING_NAN, CaseSetup, InputPairs, LaunchLimits
from grader.device.control import Compared, Repeated
from grader.device.cuda import (
    ARCHITECTURE,
    MAX_CLUSTER,
    MAX_THREADS_PER_BLOCK,
    WARP,
    CallRefused,
    CudaResult,
    occupancy,
)
from grader.device.evidence import (
    MOST_PROFILED,
    AccessTrace,
    CaseEvidence,
    CopyOut,
    Dim3,
    Finding,
    FindingKind,
    InstructionCounts,
    Launch,
    Provenance,
    SourcePlace,
    Space,
    Touch,
    TracedAccess,
    Writer,
    of_file,
)
from grader.device.process import (
    LOAD_ORDER,
    RunningProcess,
    SoftwareDevice,
    Spawn,
    SpawnRequest,
    library_directory,
    spawn_plain,
)
from grader.device.wire import DriverClient, Gone

__all__ = [
    "ARCHITECTURE",
    "LOAD_ORDER",
    "MAX_CLUSTER",
    "MAX_THREADS_PER_BLOCK",
    "MOST_PROFILED",
    "SIGNALLING_NAN",
    "WARP",
    "AccessTrace",
    "CallRefused",
    "CaseEvidence",
    "CaseSetup",
    "Compared",
    "CopyOut",
    "CudaResult",
    "Dim3",
    "DriverClient",
    "Finding",
    "FindingKind",
    "Gone",
    "InputPairs",
    "InstructionCounts",
    "Launch",
    "LaunchLimits",
    "Provenance",
    "Repeated",
    "RunningProcess",
    "SoftwareDevice",
    "SourcePlace",
    "Space",
    "Spawn",
    "SpawnRequest",
    "Touch",
    "TracedAccess",
    "Writer",
    "library_directory",
    "occupancy",
    "of_file",
    "schedules",
    "spawn_plain",
]
