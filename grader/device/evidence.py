"""What the software device has seen: launches, findings, copies, provenance.

These types are the contract between the device process (which writes them),
the grader (which decides by them) and the record (which keeps them). They hold
facts only; nothing here knows of puzzles or points. `EvidenceLog` collects them
for one case, and bounds how much of them there is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import StrEnum

import msgspec

Dim3 = tuple[int, int, int]
"""x, y, z: counts for a grid or block, zero-based indices for a block or thread."""


class Space(StrEnum):
    """A PTX state space."""

    GLOBAL = "global"
    SHARED = "shared"
    LOCAL = "local"
    CONST = "const"
    PARAM = "param"


class FindingKind(StrEnum):
    """What a check can find in a launch."""

    OUT_OF_BOUNDS = "out-of-bounds"
    MISALIGNED = "misaligned"
    UNINITIALISED_READ = "uninitialised-read"
    INACTIVE_LANE = "inactive-lane"
    RACE = "race"
    BARRIER_DIVERGENCE = "barrier-divergence"
    BUDGET_EXCEEDED = "budget-exceeded"
    BAD_LAUNCH = "bad-launch"
    TRAP = "trap"
    STACK_OVERFLOW = "stack-overflow"
    MISSING_FUNCTION = "missing-function"
    EXITED_BEFORE_BARRIER = "exited-before-barrier"
    STREAM_RACE = "stream-race"
    SAME_VALUE_RACE = "same-value-race"
    UNFINISHED_COPY = "unfinished-copy"
    MBARRIER_MISUSE = "mbarrier-misuse"
    MBARRIER_REUSE = "mbarrier-reuse"
    """One is begun again that has not ended, maybe while others ask for it."""
    MBARRIER_STATE = "mbarrier-state"
    """A wait asks for a state that no arrival gave."""
    ABSENT_BLOCK = "absent-block"
    INCOMPLETE_WARP = "incomplete-warp"


class Touch(msgspec.Struct, frozen=True, array_like=True):
    """A thread, and the element of an array in shared memory that it accessed."""

    block: Dim3
    thread: Dim3
    cell: int
    cells: int
    """Elements of the array; 0 where the launch has several arrays of that size."""


class SourcePlace(msgspec.Struct, frozen=True, array_like=True):
    """A place in the source code, by the compiler's line tables."""

    file: str
    line: int
    column: int
    """In bytes, from 1; 0 where it is not known."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a check found, with the first thread that did it.

    Equal findings of many threads (same kind, same PTX line, same space and
    access) are one finding with a ``count``.
    """

    kind: FindingKind
    message: str
    """A plain sentence, e.g. ``thread 3 of block 1 read shared cell 19, which nothing wrote``."""
    kernel: str
    block: Dim3 | None = None
    thread: Dim3 | None = None
    space: Space | None = None
    access: str | None = None
    """``"read"``, ``"write"`` or ``"atomic"``."""
    address: int | None = None
    """Byte address (global), or byte offset in the space (shared, local, const)."""
    cell: int | None = None
    """``address`` in units of the access size, relative to its allocation or array."""
    array: str = ""
    """What the message calls the array; empty for a buffer without a name, and where there is
    none."""
    size: int | None = None
    """Bytes accessed by one thread."""
    ptx_line: int | None = None
    ptx_text: str | None = None
    source: tuple[SourcePlace, ...] = ()
    """Where the instruction comes from, where the PTX has line tables: the place, then the call
    that was inlined around it, and so on outwards. What is not certain is left out, so neighbours
    may lie further apart. `of_file` finds the place in the student's file."""
    source_file: str | None = None
    source_line: int | None = None
    """Of ``source``, the innermost place in the kernel's own file."""
    other_block: Dim3 | None = None
    other_thread: Dim3 | None = None
    """Races only: the other party."""
    other_access: str | None = None
    """As ``access``, of the other party."""
    other_ptx_line: int | None = None
    other_source: tuple[SourcePlace, ...] = ()
    count: int = 1
    """How many thread-level occurrences this finding stands for."""
    touched: tuple[Touch, ...] = ()
    """Reads of shared memory that nothing wrote: all occurrences, or the first ones where there
    are very many. Not kept in a record."""


def _without_a_name(file: str) -> bool:
    return not file


def of_file(
    source: tuple[SourcePlace, ...], wanted: Callable[[str], bool] = _without_a_name
) -> SourcePlace | None:
    """The innermost of these places in a wanted file: where that file is, or calls a library.

    Args:
        source: `Finding.source`, or ``other_source``.
        wanted: Whether a file is meant, by the name that the compiler gave it. By default the one
            whose name was taken out of the places: the program's own.
    """
    return next((place for place in source if wanted(place.file)), None)


class TracedAccess(msgspec.Struct, frozen=True, array_like=True):
    """One access of a thread to an element of an array, as a trace has it."""

    thread: Dim3
    access: str
    """As `Finding.access`."""
    space: Space
    array: str
    """The name of a buffer, or what the device calls an array in shared memory; empty for a
    buffer without a name."""
    cell: int
    """Outside of ``0..cells`` where the access was out of bounds."""
    cells: int
    size: int
    """Bytes of the element."""
    place: int
    """Where in the source: an index into `AccessTrace.places`."""


class AccessTrace(msgspec.Struct, frozen=True, kw_only=True):
    """The accesses of one block to global and shared memory, in the order in which they ran."""

    block: Dim3
    accesses: tuple[TracedAccess, ...]
    places: tuple[tuple[SourcePlace, ...], ...]
    """Each as `Finding.source`."""
    cut: bool = False
    """Whether there were more accesses than are kept."""


class InstructionCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What an instruction of the PTX cost in a launch, over all warps.

    One that copies from global to shared memory has two of these: the second has what it stored,
    and does not count as executed again.
    """

    ptx_line: int
    opcode: str
    source: tuple[SourcePlace, ...]
    """As `Finding.source`."""
    executed: int
    """How often a warp executed it."""
    threads: int
    """How many threads took part in that, all together."""
    space: Space | None = None
    """The memory that it accesses, global or shared."""
    requests: int = 0
    """How often a warp asked that memory for something."""
    transfers: int = 0
    """What the requests took: of global memory, sectors of 32 bytes; of shared memory, wavefronts,
    in each of which a bank gives one word of 4 bytes."""
    least: int = 0
    """The transfers that would do, were the same bytes of each request side by side."""
    bytes: int = 0
    """What all threads asked that memory for, each by itself."""
    diverged: int = 0
    """Of a branch: how often threads of one warp went different ways."""


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """One kernel launch."""

    index: int
    """Counts from 1 in the life of the device."""
    kernel: str
    module: int
    grid: Dim3
    block: Dim3
    cluster: Dim3 | None = None
    """Blocks of a cluster; None where they form none."""
    shared_bytes: int
    """Static and dynamic shared memory of one block, in bytes."""
    instructions: int
    """Instructions executed, summed over threads."""
    path: int = 0
    """Equal for launches of a kernel in which as many threads ran the same basic blocks."""
    seconds: float
    result: int
    """The CUresult that the launch (or the synchronisation after it) reports; 0 is success."""
    findings: tuple[Finding, ...] = ()
    printed: str = ""
    """What the kernel printed with ``vprintf``, cut at a limit."""
    trace: AccessTrace | None = None
    """Only where the case asks for it, and the launch has the block."""
    profile: tuple[InstructionCounts, ...] = ()
    """Only where the case asks for it, and of launches with the same arguments of the first. At
    most `MOST_PROFILED` instructions are told."""

    @property
    def configuration(self) -> tuple[object, ...]:
        """With what it was launched, arguments aside."""
        return self.grid, self.block, self.cluster, self.shared_bytes


class Writer(StrEnum):
    """Who wrote a byte of device memory last."""

    NOBODY = "nobody"
    HOST_COPY = "host-copy"
    MEMSET = "memset"
    DEVICE_COPY = "device-copy"
    KERNEL = "kernel"

    @classmethod
    def _missing_(cls, value: object) -> Writer | None:
        """Of records that were made before these values were in them."""
        return {
            "nobody: it still holds what the memory held before": cls.NOBODY,
            "a copy from the host": cls.HOST_COPY,
            "a memset": cls.MEMSET,
            "a copy from other device memory": cls.DEVICE_COPY,
            "a kernel": cls.KERNEL,
        }.get(str(value))


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """A run of bytes in a copied-out range that share their last writer."""

    start: int
    """Byte offset in the copied range."""
    stop: int
    writer: Writer
    launch: int | None = None
    """The ``Launch.index``, where the writer is a kernel."""
    block: Dim3 | None = None
    thread: Dim3 | None = None


class CopyOut(msgspec.Struct, frozen=True, kw_only=True):
    """One copy from device to host."""

    address: int
    data: bytes
    provenance: tuple[Provenance, ...]
    """Covers ``0..len(data)`` without gaps, in order."""


class CaseEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """All that happened on the device between two marks of the grader."""

    launches: tuple[Launch, ...] = ()
    """The first ones, and of the later ones those that failed or show something."""
    copies_out: tuple[CopyOut, ...] = ()
    """The last ones."""
    left_out: tuple[str, ...] = ()
    """What is missing above because there was too much of it, each a sentence."""
    device_seconds: float = 0.0
    """Time that the device took for all calls of the case."""
    unsupported: tuple[str, ...] = ()
    """Driver calls, instructions or features that the device does not support, each a sentence."""
    unchecked: tuple[str, ...] = ()
    """What the race check could not tell of work on several streams, each a sentence."""
    broken_protocol: str = ""
    """What the worker sent that is no driver call, where it did: no fault of the device."""
    driver_findings: tuple[Finding, ...] = ()
    """Findings outside of any launch: a host copy out of bounds, say."""
    sticky_error: int = 0
    """The CUresult that every later call returns after a device fault; 0 while healthy."""
    peak_bytes: int = 0
    """Most device memory allocated at once."""


MOST_PROFILED = 2048
"""Instructions of a launch that are told."""
MAX_LAUNCHES = 4096
MAX_COPIES = 4096
MAX_COPIED_BYTES = 64 << 20
MAX_PROVENANCE_RUNS = 1 << 18
MAX_FINDINGS = 256
MAX_LAUNCH_FINDINGS = 8192
MAX_PRINTED = 1 << 20
"""Characters that kernels print, over all launches."""
MAX_SENTENCES = 64
MAX_SENTENCE = 400
"""Characters."""


class EvidenceLog:
    """Collects the evidence of one case, within bounds.

    A worker can make any number of calls. The log keeps what is most informative and says what it
    left out.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        """Time that the device took for the case's calls so far."""
        self._launches: list[Launch] = []
        self._copies: deque[CopyOut] = deque()
        self._findings: dict[tuple[FindingKind, str], Finding] = {}
        self._unchecked: dict[str, None] = {}
        self._unsupported: dict[str, None] = {}
        self._left_out: dict[str, None] = {}
        self._copied_bytes = 0
        self._runs = 0
        self._launch_findings = 0
        self._printed = 0
        self._broken_protocol = ""

    def launch(self, launch: Launch) -> None:
        """Keep a launch. Beyond the bounds, keep only some of what failed or has findings."""
        tells = bool(launch.findings or launch.result)
        if len(self._launches) >= MAX_LAUNCHES and not tells:
            self._leave_out(f"launches after the first {MAX_LAUNCHES}")
            return
        self._launch_findings += len(launch.findings)
        self._printed += len(launch.printed)
        if self._launch_findings > MAX_LAUNCH_FINDINGS:
            self._leave_out(f"findings after the first {MAX_LAUNCH_FINDINGS}")
            if len(self._launches) >= MAX_LAUNCHES:
                return
            launch = msgspec.structs.replace(launch, findings=())
        if self._printed > MAX_PRINTED:
            # Printing a lot is allowed, and no check needs the text: it is not listed as left out.
            launch = msgspec.structs.replace(launch, printed="")
        self._launches.append(launch)

    def copy_out(
        self, address: int, data: bytes, provenance: Callable[[], tuple[Provenance, ...]]
    ) -> None:
        """Keep a copy from device to host. The last ones stay, since they bring the outputs.

        ``provenance`` is called only if the copy is kept.
        """
        if len(data) > MAX_COPIED_BYTES:
            self._leave_out(f"a copy to the host of {len(data):,} bytes")
            return
        copy = CopyOut(address=address, data=data, provenance=provenance())
        self._copies.append(copy)
        self._copied_bytes += len(copy.data)
        self._runs += len(copy.provenance)
        while (
            len(self._copies) > MAX_COPIES
            or self._copied_bytes > MAX_COPIED_BYTES
            or self._runs > MAX_PROVENANCE_RUNS
        ):
            dropped = self._copies.popleft()
            self._copied_bytes -= len(dropped.data)
            self._runs -= len(dropped.provenance)
            self._leave_out("copies to the host before the last ones")

    def finding(
        self, kind: FindingKind, message: str, *, address: int, size: int, kernel: str = ""
    ) -> None:
        """Keep a finding that belongs to no launch. Equal ones are one with a count."""
        found = self._findings.get((kind, message))
        if found is not None:
            again = msgspec.structs.replace(found, count=found.count + 1)
            self._findings[kind, message] = again
        elif len(self._findings) < MAX_FINDINGS:
            self._findings[kind, message] = Finding(
                kind=kind, message=message, kernel=kernel, address=address, size=size
            )

    def unchecked(self, sentence: str) -> None:
        """Note something that could not be determined. Equal sentences are kept once."""
        if len(self._unchecked) < MAX_SENTENCES:
            self._unchecked[sentence[:MAX_SENTENCE]] = None

    def unsupported(self, sentence: str) -> None:
        """Note something that the device could not do. Equal sentences are kept once."""
        if len(self._unsupported) < MAX_SENTENCES:
            self._unsupported[sentence[:MAX_SENTENCE]] = None

    def broken_protocol(self, what: str) -> None:
        """Note that the worker sent something that is not a request, and was disconnected."""
        self._broken_protocol = self._broken_protocol or what[:MAX_SENTENCE]

    def evidence(self, *, sticky_error: int, peak_bytes: int) -> CaseEvidence:
        """The evidence of the case."""
        return CaseEvidence(
            launches=tuple(self._launches),
            copies_out=tuple(self._copies),
            left_out=tuple(self._left_out),
            device_seconds=self.seconds,
            unsupported=tuple(self._unsupported),
            driver_findings=tuple(self._findings.values()),
            unchecked=tuple(self._unchecked),
            broken_protocol=self._broken_protocol,
            sticky_error=sticky_error,
            peak_bytes=peak_bytes,
        )

    def _leave_out(self, what: str) -> None:
        self._left_out[what] = None
