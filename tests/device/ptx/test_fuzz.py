"""Whatever the text: a module or a clear error, and a launch of it ends."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.device.case import LaunchLimits
from grader.device.memory import GlobalMemory
from grader.device.ptx import PtxError, parse
from grader.device.simt import launch, load
from grader.errors import UnsupportedByDevice
from tests.device.kernels import HEAD, kernel_text, real

SEEDS = [
    real("conv1d_15_4"),
    real("conv1d_15_4_lines").partition(".section")[0],
    real("warp_sum"),
    real("atomics"),
    kernel_text(
        """
        .shared .align 8 .b8 s[64]; .local .align 8 .b8 l[16];
        { .param .b32 a; .param .b32 r; st.param.b32 [a], %t; call (r), f, (a);
          ld.param.b32 %r1, [r]; }
        mov.b64 {%r2, %r3}, %rd1; cvt.rn.f32.u32 %f1, %r1; @%p1 bar.sync 0;
        vote.sync.any.pred %p2, %p1, -1; st.v2.f32 [%o], {%f1, %f2};
        ways: .branchtargets A, B; brx.idx %r1, ways;
        A: red.shared.add.f32 [s+4], %f1; B: exit;
        """,
        module=".func (.param .b32 r) f(.param .b32 a) { ret; }\n.global .f32 g[3] = {1.0, 2};",
    ),
]
TOKENS = sorted({t for seed in SEEDS for t in re.findall(r"[\w$%.]+|\S", seed)})
TOKEN = st.sampled_from([*TOKENS, "0", "-1", "4294967295", "18446744073709551615", "[", "]"])


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A real kernel with some tokens replaced, dropped or doubled."""
    parts = re.findall(r"[\w$%.]+|\s+|\S", draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, len(parts) - 1))
        kind = draw(st.sampled_from(["replace", "drop", "double", "swap"]))
        if kind == "replace":
            parts[place] = draw(TOKEN)
        elif kind == "drop":
            parts[place] = " "
        elif kind == "double":
            parts[place] = parts[place] + " " + parts[place]
        else:
            other = draw(st.integers(0, len(parts) - 1))
            parts[place], parts[other] = parts[other], parts[place]
    return "".join(parts)


def survives(text: str) -> None:
    """Parse and launch; only the two promised errors are allowed."""
    memory = GlobalMemory(1 << 22)
    try:
        module = load(parse(text), memory, number=1)
        for entry in module.entries():
            params = []
            for size in [param.size for param in module.entry(entry).params][:8]:
                if size > 4096:
                    return
                buffer = memory.allocate(256)
                memory.write(buffer, np.arange(64, dtype=np.float32).tobytes())
                params.append(buffer.to_bytes(8, "little")[:size].ljust(size, b"\0"))
            result = launch(
                module,
                entry,
                grid=(2, 1, 1),
                block=(15, 1, 1),
                dynamic_shared_bytes=16,
                params=params,
                memory=memory,
                index=1,
                limits=LaunchLimits(instruction_budget=20_000, processor_s=2),
            )
            assert result.result in (0, 1, 700, 702, 710, 716, 719)
    except (PtxError, UnsupportedByDevice):
        return


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(mutated())
def test_mutated_kernels(text: str) -> None:
    survives(text)


@settings(max_examples=150, deadline=None)
@given(st.lists(TOKEN, max_size=40).map(" ".join), st.booleans())
def test_random_tokens(text: str, in_kernel: bool) -> None:
    survives(kernel_text(text) if in_kernel else HEAD + text)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=80))
def test_random_text(text: str) -> None:
    survives(text)
    survives(HEAD + text)
