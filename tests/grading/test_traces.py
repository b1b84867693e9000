"""What is kept for the drawing of a case that failed: from a second run that shows the same."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from msgspec.structs import replace as changed

from grader.checks import Integers
from grader.device import FindingKind, Space
from grader.errors import DeviceFault
from grader.grading.explain import traces
from grader.grading.given_code import Code
from grader.grading.observe import observe
from grader.grading.results import Results
from grader.lanes.devices import OnSoftwareDevice
from grader.lanes.kernel import KernelLane
from grader.model.checks import PartResults
from grader.record import ElementOwner
from tests.lanes.test_kernel import ADD, TWO, case, kernel, launch, part

# y[i] = s[i + shift], where thread i wrote s[i] = x[i]; without a barrier.
SHIFTED = """
.shared .align 4 .b8 s[16];
ld.param.u64 %rd0, [p0]; ld.param.u64 %rd1, [p1];
mov.u32 %r0, %tid.x; mul.wide.u32 %rd2, %r0, 4;
add.u64 %rd0, %rd0, %rd2; add.u64 %rd1, %rd1, %rd2;
ld.global.f32 %f0, [%rd1];
mov.u32 %r1, s; mad.lo.u32 %r1, %r0, 4, %r1; st.shared.f32 [%r1], %f0;
{between}
setp.lt.u32 %p0, %r0, 3; @%p0 ld.shared.f32 %f0, [%r1+4];
st.global.f32 [%rd0], %f0;
"""


@pytest.fixture(scope="module")
def device():
    with OnSoftwareDevice(reason="test") as opened:
        yield opened


def traced(device, body, *, lane=None, tamper=lambda results: None):
    """The traces of one case of a kernel, for which `y` should be equal to `x`."""
    of = part(launch("k", "y", "x"))
    check = Integers(title="exact")
    puzzle = SimpleNamespace(parts=(of,), checks_of=lambda _: (check,), label=lambda _: "")
    with lane or KernelLane(device) as opened:
        opened.take({0: [kernel("k", TWO, body)]})
        run = opened.run(case(of))
        results = Results(parts={of.name: PartResults(checks=(check,))})
        seen = results.logged(observe(run, code=Code.NOTHING), (check,), 0)
        told = next((each for each in seen.problems if check.claims(each, seen.case)), None)
        results.parts[of.name].tally(check).count(seen, told)
        results.keep_findings(seen)
        results.count(seen)
        tamper(results)
        before = opened.cases_run
        traces.trace_failures(results, opened, puzzle, "")
        assert opened.cases_run == before, "it is no case of the run"
    return results.traces


def test_a_race_has_the_cell_with_who_wrote_and_read_it(device):
    race, wrong = sorted(traced(device, SHIFTED.format(between="")), key=lambda t: bool(t.check))
    assert race.finding.kind is FindingKind.RACE
    assert (race.grid, race.block, race.at) == ((1, 1, 1), (4, 1, 1), (0, 0, 0))
    (array,) = race.arrays
    assert (array.name, array.space, array.cells) == ("the shared array", Space.SHARED, 4)
    assert [use.writers for use in array.uses] == [((k, 0, 0),) for k in range(4)]
    assert [use.readers for use in array.uses] == [(), *(((k, 0, 0),) for k in range(3))]
    assert race.steps[-1].cell == race.finding.cell
    assert wrong.finding is None


def test_wrong_values_have_the_thread_of_each_element(device):
    (trace,) = traced(device, SHIFTED.format(between="bar.sync 0;"))
    assert (trace.check, trace.finding, trace.element) == ("integers", None, 0)
    assert trace.thread == (0, 0, 0)
    (output,) = trace.outputs
    assert output.owners == tuple(
        ElementOwner(k < 3, "kernel", (0, 0, 0), (k, 0, 0)) for k in range(4)
    )
    accesses = [(step.access, step.array, step.cell) for step in trace.steps]
    assert accesses == [
        ("read", "x", 0),
        ("write", "the shared array", 0),
        ("read", "the shared array", 1),
        ("write", "y", 0),
    ]
    assert [array.name for array in trace.arrays] == ["the shared array"]


def test_an_access_past_the_end_has_the_cell_behind_it(device):
    far = ADD.replace("mul.wide.u32 %rd2, %r0, 4;", "mul.wide.u32 %rd2, %r0, 8;")
    (trace,) = traced(device, far)
    assert trace.finding.kind is FindingKind.OUT_OF_BOUNDS
    (array,) = trace.arrays
    assert array.cells == 4
    assert trace.finding.cell in range(array.first, array.first + len(array.uses))
    assert trace.finding.cell >= 4
    assert trace.outputs == ()


def test_nothing_is_drawn_of_a_right_case(device):
    copied = ADD.replace("add.f32 %f0, %f0, %f1;", "mov.f32 %f0, %f1;")
    assert traced(device, copied) == []


def test_nothing_is_drawn_where_the_second_run_shows_something_else(device):
    def other_bits(results):
        for part_ in results.parts.values():
            for tally in part_.tallies.values():
                run = tally.worst[0].run
                object.__setattr__(run, "outputs", (np.zeros_like(run.outputs[0]),))

    assert traced(device, SHIFTED.format(between="bar.sync 0;"), tamper=other_bits) == []


def test_wrong_elements_are_counted_by_their_place_in_the_block(device):
    counted = []
    traced(device, SHIFTED.format(between="bar.sync 0;"), tamper=counted.append)
    ((name, (tried, wrong)),) = counted[0].telling_places()
    assert name == "p"
    assert (tried.tolist(), wrong.tolist()) == ([1, 1, 1, 1], [1, 1, 1, 0])


def test_places_tell_nothing_where_all_are_right_or_all_are_wrong(device):
    for body in (ADD.replace("add.f32 %f0, %f0, %f1;", "mov.f32 %f0, %f1;"), "ret;"):
        counted = []
        traced(device, body, tamper=counted.append)
        assert list(counted[0].telling_places()) == []


def test_a_fault_of_the_second_run_is_none_of_the_grading(device):
    class Failing(KernelLane):
        def run(self, case, *, traced=None, **how):
            if traced is not None:
                raise DeviceFault("gone", remedy="")
            return super().run(case, **how)

    assert traced(device, SHIFTED.format(between="bar.sync 0;"), lane=Failing(device)) == []


def test_of_more_accesses_than_are_kept_only_the_outputs_are_told(device, monkeypatch):
    original = KernelLane.run

    def cut(self, case, **how):
        run = original(self, case, **how)
        launches = tuple(
            changed(each, trace=each.trace and changed(each.trace, cut=True))
            for each in run.evidence.launches
        )
        object.__setattr__(run, "evidence", changed(run.evidence, launches=launches))
        return run

    monkeypatch.setattr(KernelLane, "run", cut)
    (trace,) = traced(device, SHIFTED.format(between="bar.sync 0;"))
    assert (trace.arrays, trace.steps) == ((), ())
    assert trace.outputs
