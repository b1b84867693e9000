"""The same worker on a real GPU, beside the software device."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from benchmarks.labels import sample_file
from grader.device import LOAD_ORDER, library_directory
from grader.errors import DeviceFault
from grader.lanes import gpu
from grader.lanes.devices import choose_device
from grader.lanes.workspace import open_workspace
from grader.record import Status, Verdict, load
from grader.run.document import RunEnding, decode
from grader.sandbox import Wanted, probe
from grader.toolchain import edition
from grader.toolchain.toolchain import locate

needs_gpu = pytest.mark.skipif(not gpu.probe().name, reason=f"no GPU: {gpu.probe().why}")
needs_none = pytest.mark.skipif(bool(gpu.probe().name), reason="this machine has a GPU")


def refuse_to_spawn(request):
    raise AssertionError("the software device was started")


@needs_gpu
@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "verdict"), [("right", Verdict.PASS), ("flipped_kernel", Verdict.FAIL)]
)
def test_a_gpu_gives_the_same_verdict(file, verdict, tmp_path):
    source = sample_file(file)
    command = [sys.executable, "-m", "grader", "submit", str(source), "--device", "gpu"]
    subprocess.run([*command, "--out", str(tmp_path)], check=False, capture_output=True)
    record = load(tmp_path / "record.json")
    assert record.verdict is verdict
    assert record.device.kind == "gpu"
    status = {check.id: check.status for check in record.checks}
    assert status["device"] is Status.NOT_CHECKED
    assert status["clean"] is Status.NOT_CHECKED


@needs_gpu
@pytest.mark.slow
def test_a_program_runs_on_a_gpu():
    source = sample_file("right", puzzle="map")
    command = [sys.executable, "-m", "grader", "run", "--device", "gpu", "--json", str(source)]
    done = subprocess.run(command, check=False, capture_output=True)
    seen = decode(done.stdout)
    assert (done.returncode, seen.ending, seen.device.kind) == (0, RunEnding.RAN, "gpu")
    assert seen.findings == ()


@needs_gpu
def test_auto_takes_the_gpu():
    assert choose_device("auto", refuse_to_spawn).info.kind == "gpu"


@needs_none
def test_a_driver_in_a_folder_of_its_own_is_found_in_the_sandbox(tmp_path, monkeypatch):
    """Containers and WSL have it outside the system's folders. Here, ours plays the driver."""
    ours = library_directory()
    elsewhere = tmp_path / "nvidia"
    elsewhere.mkdir()
    tmp_path.chmod(0o755)
    for name in LOAD_ORDER:
        (elsewhere / name).symlink_to(f"{name}.1.0")
        shutil.copy(ours / name, elsewhere / f"{name}.1.0")
    toolchain = locate(edition.find("auto"))

    def ask() -> str:
        level = probe(Wanted.AUTO).level
        with open_workspace(b"", "conv1d", toolchain, isolation=level, device="gpu") as workspace:
            return gpu.probe_inside(workspace.box).why

    monkeypatch.setattr(gpu, "probe", lambda: gpu.GpuProbe(name="ours"))
    assert "can't be loaded" in ask()
    folders = (str(elsewhere), "/usr/lib")
    monkeypatch.setattr(gpu, "probe", lambda: gpu.GpuProbe(name="ours", folders=folders))
    assert ask().startswith("cuInit gave")


@needs_none
def test_auto_takes_the_software_device_and_says_why():
    info = choose_device("auto", refuse_to_spawn).info
    assert info.kind == "software"
    assert info.reason == gpu.probe().why


@needs_none
def test_a_gpu_that_is_not_there_is_a_fault_with_a_remedy():
    with pytest.raises(DeviceFault, match="no GPU") as caught:
        choose_device("gpu", refuse_to_spawn)
    assert "--device software" in caught.value.remedy


OLDER = gpu.GpuProbe(name="NVIDIA A100", capability=(8, 0))


@pytest.mark.parametrize(
    ("architecture", "fits"), [("", True), ("sm_75", True), ("sm_80", True), ("sm_90", False)]
)
def test_a_gpu_runs_what_is_written_for_it_and_for_older_ones(architecture, fits):
    assert bool(OLDER.lacks(architecture)) is not fits
    assert not gpu.GpuProbe(name="H100", capability=(9, 0)).lacks(architecture)


def test_what_is_written_for_a_newer_gpu_runs_on_the_software_device(monkeypatch):
    monkeypatch.setattr(gpu, "probe", lambda: OLDER)
    assert choose_device("auto", refuse_to_spawn).info.name == OLDER.name
    info = choose_device("auto", refuse_to_spawn, "sm_90").info
    assert info.kind == "software"
    assert "8.0" in info.reason
    with pytest.raises(DeviceFault, match=r"capability 8\.0.* for 9\.0") as caught:
        choose_device("gpu", refuse_to_spawn, "sm_90")
    assert "--device software" in caught.value.remedy


@needs_none
def test_asking_for_a_gpu_without_one_gives_no_mark(tmp_path):
    source = sample_file("right")
    command = [sys.executable, "-m", "grader", "submit", str(source), "--device", "gpu"]
    ended = subprocess.run(
        [*command, "--out", str(tmp_path)], check=False, capture_output=True, text=True
    )
    assert ended.returncode == 4
    assert load(tmp_path / "record.json").verdict is Verdict.FAULT
    assert "No mark" in ended.stdout
