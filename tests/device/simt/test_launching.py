"""What a GPU refuses to launch, what stops a launch, and how large launches are cut up."""

from __future__ import annotations

import resource
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from grader.device.case import LaunchLimits
from grader.device.evidence import FindingKind, Writer
from grader.device.memory import GlobalMemory
from grader.device.ptx import PtxError, parse
from grader.device.simt import launch, load, scheduler
from grader.errors import UnsupportedByDevice
from tests.device.kernels import kernel_text, run

ONE = "mov.u32 %r1, 1; st.global.u32 [%a0], %r1;"
SHARED_40K = ".shared .align 4 .b8 s[40960]; mov.u32 %r2, s; st.shared.u32 [%r2], 5;" + ONE
ALONE = {"block": (1, 1, 1)}
SHARED_64K = SHARED_40K.replace("40960", "65536")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"block": (1025, 1, 1)}, "1025 threads"),
        ({"block": (32, 33, 1)}, "1056 threads"),
        ({"block": (0, 1, 1)}, "at least 1"),
        ({"grid": (1, 0, 1)}, "at least 1"),
        ({"block": (1, 1, 65)}, "exceeds"),
        ({"grid": (1, 65536, 1)}, "exceeds"),
        ({"grid": (2**31, 1, 1)}, "exceeds"),
        ({"dynamic_shared_bytes": 49153}, "49153 bytes"),
        ({"body": SHARED_64K}, "65536 bytes of declared shared memory"),
        ({"body": SHARED_40K, "dynamic_shared_bytes": 8193}, "8193 bytes"),
        ({"dynamic_shared_bytes": 166913, "dynamic_shared_limit": 200000}, "166913 bytes"),
        ({"directives": ".maxntid 16, 1, 1"}, "compiled for"),
        ({"directives": ".reqntid 16, 2, 1"}, "compiled for"),
    ],
)
def test_a_launch_that_a_gpu_refuses(how: dict[str, Any], words: str) -> None:
    outcome = run(how.pop("body", ONE), [np.zeros(1, dtype=np.uint32)], **how)
    assert outcome.result == 1
    assert outcome.kinds == [FindingKind.BAD_LAUNCH]
    assert words in outcome.findings[0].message
    assert outcome.buffers[0].tolist() == [0]


@pytest.mark.parametrize(
    "how",
    [
        {"block": (1024, 1, 1)},
        {"block": (4, 1, 64)},
        {"dynamic_shared_bytes": 49152},
        {"body": SHARED_40K, "dynamic_shared_bytes": 8192, **ALONE},
        {
            "body": SHARED_40K,
            "dynamic_shared_bytes": 90000,
            "dynamic_shared_limit": 90000,
            **ALONE,
        },
        {"dynamic_shared_bytes": 100000, "dynamic_shared_limit": 100000},
        {"directives": ".maxntid 1024, 1, 1 .minnctapersm 2"},
        {"directives": ".reqntid 32"},
    ],
)
def test_a_launch_that_a_gpu_accepts(how: dict[str, Any]) -> None:
    body = how.pop("body", "red.global.add.u32 [%a0], 1;")
    outcome = run(body, [np.zeros(1, dtype=np.uint32)], **how)
    assert outcome.findings == ()
    assert outcome.result == 0


def test_arguments_must_fit_the_parameters() -> None:
    for params in ([], [b"1234"], [b"12345678", b"1"]):
        with pytest.raises(PtxError):
            run(ONE, [np.zeros(1, dtype=np.uint32)], params=params)


def test_a_launch_of_very_many_threads_may_execute_something_in_each() -> None:
    """Most of them see that they have nothing to do: no reason to call the kernel endless."""
    how: dict[str, Any] = {"grid": (64, 1, 1), "block": (1024, 1, 1)}
    few = LaunchLimits(instruction_budget=100_000)
    assert run("", limits=few, **how).kinds == [FindingKind.BUDGET_EXCEEDED]
    enough = LaunchLimits(instruction_budget=100_000, per_thread=100)
    assert run("", limits=enough, **how).result == 0
    assert run("TOP: bra TOP;", limits=enough, **how).kinds == [FindingKind.BUDGET_EXCEEDED]


def test_an_endless_kernel_ends_by_the_instruction_budget() -> None:
    outcome = run("TOP: bra TOP;", limits=LaunchLimits(instruction_budget=100_000))
    assert outcome.result == 702
    assert outcome.kinds == [FindingKind.BUDGET_EXCEEDED]
    assert "100,000 instructions" in outcome.findings[0].message


ENDLESS = {
    "all threads": "TOP: bra TOP;",
    "one thread": "setp.ne.u32 %p1, %t, 7; @%p1 ret; TOP: add.u32 %r1, %r1, 1; bra TOP;",
    "all but one": "setp.eq.u32 %p1, %t, 7; @%p1 ret; TOP: add.u32 %r1, %r1, 1; bra TOP;",
}


@pytest.mark.parametrize("who", ENDLESS)
def test_an_endless_thread_ends_by_its_own_budget(who: str) -> None:
    outcome = run(ENDLESS[who], limits=LaunchLimits(thread_budget=5_000))
    assert outcome.result == 702
    assert outcome.kinds == [FindingKind.BUDGET_EXCEEDED]
    assert "5,000 instructions of one thread" in outcome.findings[0].message
    if who == "one thread":
        assert outcome.findings[0].thread == (7, 0, 0)


def test_many_threads_share_no_budget_of_one() -> None:
    """What counts is what one thread does: 64 waves of blocks may each do as much."""
    body = "add.u32 %r1, %r1, 1;" * 100
    how: dict[str, Any] = {"grid": (2048, 1, 1), "block": (1024, 1, 1)}
    assert run(body, limits=LaunchLimits(thread_budget=150), **how).result == 0


REDUCTION = """
.shared .align 4 .b8 sums[64];
mov.u32 %r10, sums; mad.lo.u32 %r11, %t, 4, %r10; st.shared.u32 [%r11], %t;
mov.u32 %r1, 4;
TOP: bar.sync 0; setp.ge.u32 %p2, %t, %r1; @%p2 bra SKIP;
mad.lo.u32 %r3, %r1, 4, %r11; ld.shared.u32 %r4, [%r11]; ld.shared.u32 %r5, [%r3];
add.u32 %r4, %r4, %r5; st.shared.u32 [%r11], %r4;
SKIP: setp.ne.u32 %p3, %r1, 0; @%p3 bra TOP;
"""
"""A reduction whose stride never gets smaller."""


def test_a_reduction_that_does_not_end_is_called_endless_on_a_busy_machine_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where the clock is far beyond what the device may take of a processor."""
    busy = SimpleNamespace(
        thread_time=time.thread_time, monotonic=iter(range(0, 10**9, 20)).__next__
    )
    monkeypatch.setattr(scheduler, "time", busy)
    limits = LaunchLimits(thread_budget=5_000, processor_s=20.0, wall_clock_s=10.0**6)
    outcome = run(REDUCTION, block=(8, 1, 1), limits=limits)
    assert outcome.result == 702
    assert FindingKind.BUDGET_EXCEEDED in outcome.kinds


def test_a_machine_that_gives_the_device_no_processor_ends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stopped = SimpleNamespace(
        thread_time=lambda: 1.0, monotonic=iter(range(0, 10**9, 150)).__next__
    )
    monkeypatch.setattr(scheduler, "time", stopped)
    with pytest.raises(UnsupportedByDevice, match="instructions in 200 s and has not ended"):
        run("TOP: bra TOP;")


@pytest.mark.parametrize(
    ("body", "grid"),
    [("TOP: bra TOP;", 1), ("mov.u32 %r1, 1;", 2**31 - 1), ("add.u32 %r1, %r1, %t;" * 30_000, 216)],
    ids=["endless", "huge grid", "long kernel"],
)
def test_what_this_machine_is_too_slow_for_is_not_called_endless(body: str, grid: int) -> None:
    """The clock tells nothing of the kernel: no finding, and no mark."""
    started = time.process_time()
    limits = LaunchLimits(instruction_budget=2**63, thread_budget=2**62, processor_s=0.3)
    with pytest.raises(UnsupportedByDevice, match="0 s of a processor and has not ended; a GPU"):
        run(body, grid=(grid, 1, 1), block=(1024, 1, 1), limits=limits)
    assert time.process_time() - started < 10


def test_a_huge_grid_ends_by_the_budget() -> None:
    outcome = run(
        "mov.u32 %r1, 1;",
        grid=(2**31 - 1, 65535, 65535),
        limits=LaunchLimits(instruction_budget=10_000_000),
    )
    assert outcome.result == 702


def test_traps_end_a_launch() -> None:
    outcome = run("setp.eq.u32 %p1, %t, 5; @%p1 trap;")
    assert outcome.result == 719
    assert outcome.kinds == [FindingKind.TRAP]
    assert outcome.findings[0].thread == (5, 0, 0)


def test_a_failed_assertion_says_what_failed() -> None:
    module = """
        .extern .func __assertfail(.param .b64 m, .param .b64 f, .param .b32 l, .param .b64 n,
            .param .b64 c);
        .global .align 1 .b8 text[6] = {105, 32, 60, 32, 53, 0};
        .global .align 1 .b8 file[7] = {97, 46, 109, 111, 106, 111, 0};
    """
    body = """
        setp.lt.u32 %p1, %t, 5; @%p1 bra FINE;
        mov.u64 %rd1, text; cvta.global.u64 %rd1, %rd1;
        mov.u64 %rd2, file; cvta.global.u64 %rd2, %rd2;
        { .param .b64 m; .param .b64 f; .param .b32 l; .param .b64 n; .param .b64 c;
          st.param.b64 [m], %rd1; st.param.b64 [f], %rd2; st.param.b32 [l], 42;
          st.param.b64 [n], 0; st.param.b64 [c], 1;
          call.uni __assertfail, (m, f, l, n, c); }
      FINE:
    """
    outcome = run(body, module=module)
    assert outcome.result == 710
    assert "`i < 5` (a.mojo:42)" in outcome.findings[0].message
    assert outcome.findings[0].count == 27


def test_a_launch_of_many_waves_is_like_one_of_a_few() -> None:
    threads, blocks = 100, 1500
    outcome = run(
        "mul.lo.u32 %r1, %g, 3; st.global.u32 [%o], %r1;",
        [threads * blocks * 4],
        grid=(blocks, 1, 1),
        block=(threads, 1, 1),
    )
    assert (outcome.result, outcome.findings) == (0, ())
    assert (outcome.buffers[0] == np.arange(threads * blocks) * 3).all()
    last = outcome.memory.provenance(outcome.addresses[0] + 4 * (threads * blocks - 1), 4)
    assert last[0].writer is Writer.KERNEL
    assert (last[0].block, last[0].thread) == ((1499, 0, 0), (99, 0, 0))


def test_shared_memory_of_a_block_starts_anew() -> None:
    body = """
        .shared .align 4 .b8 s[4096];
        mov.u32 %r1, s; mad.lo.u32 %r2, %t, 4, %r1;
        ld.shared.u32 %r0, [%r2]; st.shared.u32 [%r2], %g; st.global.u32 [%o], %r0;
    """
    blocks = 100
    outcome = run(body, [blocks * 4096], grid=(blocks, 1, 1), block=(1024, 1, 1), shared_fill=7)
    assert set(outcome.buffers[0].tolist()) == {7}
    assert outcome.kinds == [FindingKind.UNINITIALISED_READ]
    assert outcome.findings[0].count == blocks * 1024


def test_instructions_are_counted_over_threads() -> None:
    outcome = run("mov.u32 %r1, 1; mov.u32 %r2, 2;", grid=(2, 1, 1), block=(10, 1, 1))
    # Four instructions set thread, block and so on up; ret counts too.
    assert outcome.launch.instructions == (4 + 2 + 1) * 20


def test_shared_bytes_are_those_of_a_gpu_without_our_gaps() -> None:
    body = ".shared .align 4 .b8 a[60]; .shared .align 8 .b8 c[16]; mov.u32 %r1, a;"
    outcome = run(body, dynamic_shared_bytes=100)
    assert outcome.launch.shared_bytes == 64 + 16 + 100


def test_a_long_kernel_needs_no_memory_per_instruction() -> None:
    # Each conversion goes through a narrower scratch value.
    body = "mov.u32 %r1, %t;" + "cvt.u32.u16 %r1, %r1; cvt.s32.s8 %r1, %r1;" * 3000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = run(body, grid=(32, 1, 1), block=(1024, 1, 1))
    assert outcome.result == 0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 << 10


def test_modules_with_the_same_kernel_do_not_share_state() -> None:
    memory = GlobalMemory(1 << 20)
    out = memory.allocate(4)
    how: dict[str, Any] = {
        "grid": (1, 1, 1),
        "block": (1, 1, 1),
        "dynamic_shared_bytes": 0,
        "memory": memory,
        "params": [out.to_bytes(8, "little")],
    }
    seen = []
    for index in range(1, 4):
        text = kernel_text(f"mov.u32 %r1, {index}; st.global.u32 [%a0], %r1;")
        module = load(parse(text), memory, number=1)
        launch(module, "k", index=index, **how)
        seen.append(memory.read(out, 4)[0])
    assert seen == [1, 2, 3]
