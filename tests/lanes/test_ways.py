"""Which way the kernels of a program are run, and what a GPU's is given."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace

import pytest

from grader.errors import DeviceFault
from grader.lanes import gpu, harness, workspace
from grader.lanes.devices import OnGpu, OnSoftwareDevice, choose_device
from grader.lanes.harness import HarnessLane
from grader.lanes.kernel import KernelLane
from grader.lanes.kernel_build import ShapeOfCopy, to_ptx
from grader.lanes.ways import way_of
from grader.lanes.workspace import LaneSetup
from grader.model.cases import PlannedShape
from grader.record import LaneKind
from grader.sandbox import Isolation, Limits
from grader.toolchain import edition as editions
from grader.toolchain.kernels import SourceCopy, WantedKernel
from grader.toolchain.packaging import Packaged
from tests.grading.test_blame import ended
from tests.hostile.test_taken_over_harness import PART

ON_GPU = OnGpu(name="a GPU", reason="as asked")
SOFTWARE = OnSoftwareDevice(reason="")


def way(device, edition="26.5"):
    toolchain = SimpleNamespace(edition=editions.find(edition))
    setup = LaneSetup(
        module="p", toolchain=toolchain, isolation=Isolation.NONE, device="auto", timeout=60
    )
    return way_of(device, setup, text="")


def test_the_software_device_is_given_ptx():
    chosen = way(SOFTWARE)
    assert chosen.compiler is to_ptx
    assert chosen.kind is LaneKind.KERNEL
    with chosen.open_lane() as lane:
        assert isinstance(lane, KernelLane)


@pytest.mark.parametrize(("device", "edition"), [(ON_GPU, "26.5"), (SOFTWARE, "25.3")])
def test_what_can_t_be_given_ptx_has_a_library(device, edition, monkeypatch):
    opened = []

    @contextlib.contextmanager
    def place(*_arguments, device, **_options):
        opened.append(device)
        yield None

    monkeypatch.setattr(workspace, "open_workspace", place)
    chosen = way(device, edition)
    assert chosen.kind is LaneKind.HARNESS
    with chosen.open_lane() as lane:
        assert isinstance(lane, HarnessLane)
        assert lane.observes is (device is SOFTWARE)
    assert opened == ["software" if device is SOFTWARE else "gpu"]


@pytest.mark.parametrize("device", [ON_GPU, SOFTWARE])
def test_only_for_a_gpu_the_compiler_asks_the_machine_s_driver(device, monkeypatch):
    asked = []

    def build(workspace, copies, cases, how, *, on_gpu):
        asked.append((on_gpu, dict(how.environment)))
        (case,) = cases
        (launch,) = case.steps
        assert (launch.kernel.function, launch.block) == ("hand_on", (4, 1, 1))
        outcome = ended("died", exit_code=1).outcome
        return Packaged(ok=False, diagnostics=(), outcome=outcome, output=""), None

    monkeypatch.setattr(harness, "build_harness", build)
    monkeypatch.setattr(gpu, "environment", lambda inside: {"LD_LIBRARY_PATH": inside("/driver")})
    shape = PlannedShape(number=0, part=PART, sizes={"n": 4}, origin="boundary")
    compiled = harness.library_compiler(device)(
        SimpleNamespace(box=SimpleNamespace(inside=str)),
        [SourceCopy("def hand_on(y: P, x: P):\n    pass\n", (WantedKernel("hand_on"),))],
        [ShapeOfCopy(shape=shape, copy=0, kernels=(WantedKernel("hand_on"),))],
        limits=Limits(),
    )
    assert not compiled.ok
    assert asked == [(device is ON_GPU, {"LD_LIBRARY_PATH": "/driver"} if device is ON_GPU else {})]


def test_without_a_gpu_that_is_told(monkeypatch):
    monkeypatch.setattr(gpu, "probe", lambda: gpu.GpuProbe(why="there is none"))
    with pytest.raises(DeviceFault, match="no GPU to grade on: there is none"):
        choose_device("gpu", None)
    assert choose_device("auto", None).observes
