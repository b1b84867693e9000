"""Checks are told of events, know of no other, and are switched off one by one."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.device import checks, simt
from grader.device.case import LaunchLimits
from grader.device.checks import all_checks, checks_without
from grader.device.checks.check import EVENTS, LaunchCheck
from grader.device.checks.events import MemoryAccess
from grader.device.evidence import FindingKind, Space
from tests.device.kernels import Outcome, run

SHARED = ".shared .align 4 .b8 tile[8192];"
BANKS = 32


class BankConflicts(LaunchCheck):
    """Reports loads of shared memory in which threads of a warp want one bank at a time."""

    name = "bank-conflicts"

    def load(self, access: MemoryAccess) -> None:
        if access.region.space is not Space.SHARED:
            return
        words = np.unique(np.stack([self.wave.warp[access.lanes.index], access.at // 4]), axis=1)
        _, ways = np.unique(words[0] * BANKS + words[1] % BANKS, return_counts=True)
        if ways.max() > 1:
            pc, lane = access.instruction.pc, int(access.lanes.index[0])
            did = f"wants a bank that {ways.max()} words are read from at once"
            self._report(FindingKind.MISALIGNED, pc, lane, did, space=Space.SHARED)


@pytest.mark.parametrize(("stride", "ways"), [(4, 1), (8, 2), (128, 32), (0, 1)])
def test_a_check_of_ones_own_is_told_of_loads_and_reports(stride: int, ways: int) -> None:
    body = f"""
        mov.u32 %r1, tile; mad.lo.u32 %r1, %t, {stride}, %r1;
        st.shared.u32 [%r1], 7; bar.sync 0; ld.shared.u32 %r2, [%r1];
    """
    outcome = run(body, module=SHARED, checks=(*checks_without("races"), BankConflicts))
    assert [found.message.partition(" wants")[0] for found in outcome.findings] == (
        ["thread 0 of block 0"] if ways > 1 else []
    )
    assert all(f" {ways} words" in found.message for found in outcome.findings)
    assert run(body, module=SHARED, checks=checks_without("races")).findings == ()


def told(body: str, **how: Any) -> tuple[set[str], Outcome]:
    """The events of a launch."""
    seen: set[str] = set()

    def note(event: str) -> Callable[..., None]:
        return lambda *_, **__: seen.add(event)

    everything = type("Everything", (LaunchCheck,), {event: note(event) for event in EVENTS})
    return seen, run(body, checks=(everything,), **how)


FUNCTION = """.func f() { ret; }
.func g(.param .b32 n) { .reg .b32 %r1; .param .b32 m;
    ld.param.u32 %r1, [n]; st.param.u32 [m], %r1; call g, (m); ret; }
.extern .func hypotf();
"""
COPY = """mov.u32 %r1, tile; mad.lo.u32 %r1, %t, 4, %r1; mad.wide.u32 %rd1, %t, 4, %a0;
    st.shared.u32 [%r1], 7; cp.async.ca.shared.global [%r1], [%rd1], 4;"""
WAIT = "cp.async.wait_all;"
MBARRIER = "mov.u32 %r1, tile; mbarrier.init.shared.b64 [%r1], 1;"
ONE = {"module": ".shared .align 8 .b8 tile[64];", "block": (1, 1, 1)}
MMA = """mma.sync.aligned.m16n8k4.row.col.f32.tf32.tf32.f32
    {%f0, %f1, %f2, %f3}, {%r1, %r2}, {%r3}, {%f4, %f5, %f6, %f7};"""
CLUSTER = {"module": SHARED, "grid": (2, 1, 1), "cluster": (2, 1, 1), "block": (1, 1, 1)}
MEET = "barrier.cluster.arrive; barrier.cluster.wait;"
VISIT = f"{MEET} st.shared::cluster.u32 [%r1], 1; {MEET}"
LAUNCHES: dict[str, tuple[str, dict[str, Any]]] = {
    "load": ("ld.global.u32 %r1, [%o];", {"buffers": [np.zeros(32, np.uint32)]}),
    "store": ("st.global.u32 [%o], %t;", {"buffers": [128]}),
    "atomic": ("red.global.add.u32 [%a0], 1;", {"buffers": [np.zeros(1, np.uint32)]}),
    "unwritten": ("ld.global.u32 %r1, [%o];", {"buffers": [128]}),
    "outside": ("ld.global.u32 %r1, [%a0+4096];", {"buffers": [128]}),
    "misaligned": ("ld.global.u32 %r1, [%a0+2];", {"buffers": [128]}),
    "copying": (COPY, {"module": SHARED, "buffers": [np.zeros(64, np.uint32)]}),
    "arrived": (COPY + WAIT, {"module": SHARED, "buffers": [np.zeros(64, np.uint32)]}),
    "waited": (WAIT, {}),
    "phase_arrival": (MBARRIER + "mbarrier.arrive.shared.b64 _, [%r1];", ONE),
    "phase_passed": (
        MBARRIER + "mbarrier.arrive.shared.b64 _, [%r1];"
        "mbarrier.test_wait.parity.shared.b64 %p1, [%r1], 0;",
        ONE,
    ),
    "cluster_barrier": (MEET, CLUSTER),
    "uneven": ("barrier.cluster.wait;", CLUSTER),
    "remote": ("mov.u32 %r1, tile; mapa.shared::cluster.u32 %r1, %r1, 1;" + VISIT, CLUSTER),
    "misused": (MBARRIER + "mbarrier.init.shared.b64 [%r1], 2;", ONE),
    "strong": ("st.volatile.global.u32 [%a0], 1;", {"buffers": [128]}),
    "fence": ("membar.gl;", {}),
    "barrier": ("bar.sync 0;", {}),
    "warp_barrier": ("bar.warp.sync 0xffffffff;", {}),
    "run": ("", {}),
    "split": ("setp.lt.u32 %p1, %t, 5; @%p1 bra E; mov.u32 %r1, 1; E:", {}),
    "inactive_lane": ("shfl.sync.down.b32 %r0, %t, 8, 31, -1;", {"block": (12, 1, 1)}),
    "incomplete": (MMA, {"block": (31, 1, 1)}),
    "stuck": ("setp.eq.u32 %p1, %t, 0; @%p1 bar.sync 1; bar.sync 0;", {}),
    "call": ("call f;", {"module": FUNCTION}),
    "overflow": (
        "{ .param .b32 m; st.param.u32 [m], 1; call g, (m); }",
        {"module": FUNCTION},
    ),
    "trap": ("trap;", {}),
    "exit": ("", {}),
    "exceeded": ("L: bra L;", {"limits": LaunchLimits(instruction_budget=10_000)}),
    "begin": ("", {}),
    "refused": ("", {"block": (2048, 1, 1)}),
    "missing": ("call hypotf;", {"module": FUNCTION}),
}


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_is_told(event: str) -> None:
    body, how = LAUNCHES[event]
    seen, _ = told(body, **how)
    assert event in seen
    quiet = {
        "misused",
        "uneven",
        "incomplete",
        "trap",
        "stuck",
        "overflow",
        "exceeded",
        "outside",
        "misaligned",
        "refused",
        "missing",
    }
    others, _ = told("mov.u32 %r1, 1;")
    assert others == {"begin", "exit", "run"}
    assert not seen & quiet - {event}


RACE = "mov.u32 %r1, tile; st.shared.u32 [%r1], %t;"
CAUGHT: dict[str, tuple[FindingKind, str, dict[str, Any]]] = {
    "bounds": (FindingKind.OUT_OF_BOUNDS, *LAUNCHES["outside"]),
    "uninitialised": (FindingKind.UNINITIALISED_READ, *LAUNCHES["unwritten"]),
    "races": (FindingKind.RACE, RACE, {"module": SHARED}),
    "barriers": (FindingKind.BARRIER_DIVERGENCE, *LAUNCHES["stuck"]),
    "budget": (FindingKind.BUDGET_EXCEEDED, *LAUNCHES["exceeded"]),
    "shuffles": (FindingKind.INACTIVE_LANE, *LAUNCHES["inactive_lane"]),
    "refusals": (FindingKind.BAD_LAUNCH, *LAUNCHES["refused"]),
    "stack": (FindingKind.STACK_OVERFLOW, *LAUNCHES["overflow"]),
    "copies": (
        FindingKind.UNFINISHED_COPY,
        COPY + "ld.shared.u32 %r2, [%r1];",
        LAUNCHES["copying"][1],
    ),
    "mbarriers": (FindingKind.MBARRIER_REUSE, *LAUNCHES["misused"]),
    "warps": (FindingKind.INCOMPLETE_WARP, *LAUNCHES["incomplete"]),
    "traps": (FindingKind.TRAP, *LAUNCHES["trap"]),
}


@pytest.mark.parametrize("name", [check.name for check in all_checks()])
def test_each_check_alone_is_switched_off_and_the_launch_ends_alike(name: str) -> None:
    kind, body, how = CAUGHT[name]
    watched = run(body, **how)
    assert watched.kinds == [kind]
    for other in checks_without(name):
        assert run(body, checks=checks_without(other.name), **how).findings == watched.findings
    unwatched = run(body, checks=checks_without(name), **how)
    assert unwatched.findings == ()
    assert unwatched.result == watched.result


def test_an_unknown_name_is_refused_and_the_known_ones_are_listed() -> None:
    with pytest.raises(ValueError, match="there is no check rases; there are barriers, "):
        checks_without("rases")


FILE = """
from grader.device.checks.check import LaunchCheck
from grader.device.evidence import FindingKind


class Calls(LaunchCheck):
    name = "calls"

    def call(self, pc, function, lanes):
        self._report(FindingKind.TRAP, pc, 0, f"called {function}", count=lanes.count)
"""


def test_a_check_the_more_is_a_file_the_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "calls.py").write_text(FILE)
    monkeypatch.setattr(checks, "__path__", [*checks.__path__, str(tmp_path)])
    all_checks.cache_clear()
    try:
        (found,) = run("call f;", module=FUNCTION).findings
        assert (found.message, found.count) == ("thread 0 of block 0 called f", 32)
        assert "calls" in {check.name for check in all_checks()}
    finally:
        all_checks.cache_clear()


def test_the_interpreter_names_no_check() -> None:
    """It knows what a check is, the events, and a way to get all checks."""
    folder = Path(simt.__file__).parent
    imported = {
        node.module
        for file in folder.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and "checks" in str(node.module)
    }
    known = {f"grader.device.checks{each}" for each in ("", ".check", ".events")}
    assert imported == known
