"""Small kernels for tests: a body of PTX, buffers in, buffers out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.device.case import SIGNALLING_NAN, LaunchLimits
from grader.device.checks.check import CheckTypes
from grader.device.evidence import Dim3, Finding, FindingKind, Launch
from grader.device.memory import GlobalMemory
from grader.device.ptx import parse
from grader.device.simt import launch, load

REAL = Path(__file__).parent / "ptx"
"""PTX that the Mojo compiler made of kernels of ours."""

HEAD = ".version 8.1\n.target sm_80\n.address_size 64\n"

# %t is the thread, %b the block, %g both; %aK is buffer K, %o this thread's 4-byte cell
# in buffer 0.
_PRELUDE = """
    .reg .pred %p<16>;
    .reg .b16 %h<16>;
    .reg .b32 %r<64>;
    .reg .b64 %rd<32>;
    .reg .f32 %f<32>;
    .reg .f64 %d<16>;
    .reg .b32 %t, %b, %n, %g;
    .reg .b64 %o, %a<8>;
    mov.u32 %t, %tid.x;
    mov.u32 %b, %ctaid.x;
    mov.u32 %n, %ntid.x;
    mad.lo.u32 %g, %b, %n, %t;
"""


@dataclass(frozen=True)
class Outcome:
    """What a launch left behind."""

    launch: Launch
    buffers: list[NDArray[Any]]
    memory: GlobalMemory
    addresses: list[int]

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.launch.findings

    @property
    def kinds(self) -> list[FindingKind]:
        return [finding.kind for finding in self.findings]

    @property
    def result(self) -> int:
        return self.launch.result


@dataclass(frozen=True, kw_only=True)
class Launched:
    """A launch of a test, and what it left."""

    text: str
    entry: str
    buffers: Sequence[NDArray[Any] | int]
    """As they were before. A buffer given as a number has so many bytes and no contents."""
    shared_bytes: int
    """Of dynamic shared memory."""
    cluster: Dim3 | None
    outcome: Outcome


BESIDE: list[Callable[[Launched], None]] = []
"""What else is done with a launch. See tests/gpu/beside.py."""


def kernel_text(body: str, *, buffers: int = 1, module: str = "", directives: str = "") -> str:
    """A module with one entry, ``k``, that takes the addresses of ``buffers`` buffers."""
    params = ", ".join(f".param .u64 q{k}" for k in range(buffers))
    loads = "".join(
        f"    ld.param.u64 %a{k}, [q{k}];\n    cvta.to.global.u64 %a{k}, %a{k};\n"
        for k in range(buffers)
    )
    own = "    mad.wide.u32 %o, %g, 4, %a0;\n" if buffers else ""
    return (
        f"{HEAD}{module}\n.visible .entry k({params}){directives}\n{{"
        f"{_PRELUDE}{loads}{own}{body}\n    ret;\n}}\n"
    )


def run_text(
    text: str,
    buffers: Sequence[NDArray[Any] | int] = (),
    *,
    entry: str | None = None,
    grid: Dim3 = (1, 1, 1),
    block: Dim3 = (32, 1, 1),
    dynamic_shared_bytes: int = 0,
    checks: CheckTypes | None = None,
    shared_fill: int = SIGNALLING_NAN,
    dynamic_shared_limit: int = 49152,
    limits: LaunchLimits | None = None,
    params: Sequence[bytes] | None = None,
    schedule: int = 0,
    cluster: Dim3 | None = None,
    cluster_limit: int = 8,
    beside: bool = True,
) -> Outcome:
    """Launch a module's entry. A buffer given as a number has so many bytes and no contents.

    Where GPUs may differ in the last bit, nothing is compared ``beside``.
    """
    memory = GlobalMemory(16 << 20)
    module = load(parse(text), memory, number=1)
    addresses = []
    for buffer in buffers:
        size = buffer if isinstance(buffer, int) else buffer.nbytes
        addresses.append(memory.allocate(size))
        if not isinstance(buffer, int):
            memory.write(addresses[-1], buffer.tobytes())
    result = launch(
        module,
        entry or module.entries()[0],
        grid=grid,
        block=block,
        dynamic_shared_bytes=dynamic_shared_bytes,
        params=[a.to_bytes(8, "little") for a in addresses] if params is None else params,
        memory=memory,
        index=1,
        checks=checks,
        shared_fill=shared_fill,
        dynamic_shared_limit=dynamic_shared_limit,
        limits=limits,
        schedule=schedule,
        cluster=cluster,
        cluster_limit=cluster_limit,
    )
    after = []
    for buffer, address in zip(buffers, addresses, strict=True):
        size, dtype = (buffer, np.uint32) if isinstance(buffer, int) else _of(buffer)
        after.append(np.frombuffer(memory.read(address, size), dtype=dtype))
    outcome = Outcome(result, after, memory, addresses)
    usual = params is None and checks is None and limits is None
    if beside and usual:
        launched = Launched(
            text=text,
            entry=entry or module.entries()[0],
            buffers=buffers,
            shared_bytes=dynamic_shared_bytes,
            cluster=cluster,
            outcome=outcome,
        )
        for also in BESIDE:
            also(launched)
    return outcome


def _of(buffer: NDArray[Any]) -> tuple[int, Any]:
    return buffer.nbytes, buffer.dtype


def run(
    body: str,
    buffers: Sequence[NDArray[Any] | int] = (),
    *,
    module: str = "",
    directives: str = "",
    **how: Any,
) -> Outcome:
    """Launch a kernel with this body."""
    text = kernel_text(body, buffers=len(buffers), module=module, directives=directives)
    return run_text(text, buffers, **how)


def results(body: str, *, threads: int = 32, blocks: int = 1, **how: Any) -> list[int]:
    """Run a body that leaves a value in ``%r0``; the value of each thread."""
    outcome = run(
        body + "\n    st.global.u32 [%o], %r0;",
        [np.zeros(threads * blocks, dtype=np.uint32)],
        grid=(blocks, 1, 1),
        block=(threads, 1, 1),
        **how,
    )
    assert outcome.result == 0, outcome.launch
    assert outcome.findings == (), outcome.findings
    values: list[int] = outcome.buffers[0].tolist()
    return values


def real(name: str) -> str:
    """One of the texts that the Mojo compiler made."""
    return (REAL / f"{name}.ptx").read_text()
