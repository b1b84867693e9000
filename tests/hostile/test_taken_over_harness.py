"""A worker that runs a program's kernels, wholly in the attacker's hand: it is not believed.

Its library is made of ours and of the student's kernels, so it takes some doing to get there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import pytest

from grader.device import library_directory
from grader.lanes.devices import OnSoftwareDevice, device_spawn
from grader.lanes.harness import CopiedKernel, HarnessLane, HarnessShape
from grader.lanes.lane import OtherSignature
from grader.model.cases import Case, PlannedShape
from grader.model.code import KernelLaunch, Kernels
from grader.model.domains import Between, Values
from grader.model.expected import ExpectedOutput
from grader.model.part import Part, Size, TensorSpec
from grader.record import Ending
from grader.sandbox import Isolation, Limits, Scratch
from grader.toolchain import edition
from grader.toolchain.harness import Library
from grader.toolchain.toolchain import Toolchain
from grader.toolchain.workspace import Workspace
from grader.worker import process
from grader.worker.process import Ended
from tests.grading.on_device import leave_unread
from tests.hostile.grading import write_worker

PART = Part(
    name="p",
    title="the kernel hand_on",
    formula="",
    domain="",
    code=Kernels(
        launches=(KernelLaunch(function="hand_on", arguments=("y", "x"), block=("n", 1, 1)),)
    ),
    tensors=(
        TensorSpec(name="y", role="output", dtype="float32", shape=("n",)),
        TensorSpec(name="x", role="input", dtype="float32", shape=("n",), domain=Between(-9, 9)),
    ),
    sizes=(Size(name="n", low=1, high=64),),
    assigned=lambda sizes: True,
    boundaries=({"n": 4},),
    expected=lambda inputs, sizes: {"y": ExpectedOutput.exactly(inputs["x"])},
)
SHAPE = PlannedShape(number=3, part=PART, sizes={"n": 4}, origin="boundary")
LIBRARY = Library(b"a library", "k0", ("k0_0",))
BUILT = {3: HarnessShape(LIBRARY, 0, (CopiedKernel("hand_on", "k0_0"),))}
# What an honest one does; the kernels have the names of a copy.
HONEST = """
PTX = PTX.replace(".entry hand_on", ".entry k0_0_hand_on")
PTX = PTX.replace(".entry store", ".entry k0_0_store")

def main():
    global plan, functions
    on_hello()
    header, _ = hear()
    plan = header["plan"]
    with open(plan["libraries"][0]["path"]) as file:
        assert file.read() == "a library"
    module = struct.unpack("<Q", drive(LOAD, tail=PTX.encode()))[0]
    functions = {
        name: struct.unpack_from("<Q", drive(FUNCTION, "Q", module, tail=name.encode()))[0]
        for name in ("k0_0_hand_on", "k0_0_store")
    }
    on_build()
    while True:
        header, payload = hear()
        if header["kind"] == "stop":
            return
        on_result(header["case"], on_case(header["shape"], payload))

def on_build():
    say({"kind": "compiled", "seconds": 0.1, "refused": {}})

def on_case(number, payload):
    shape = plan["shapes"][str(number)]
    assert (shape["begins"], shape["answer"], shape["lengths"]) == ([0, 1], [0, 1], [16, 16])
    y = allocate(16)
    x = upload(payload)
    perform(y, x, payload)
    return answer(y, x, payload)

def perform(y, x, payload):
    launch("k0_0_hand_on", struct.pack("<QQ", y, x), 4)

def answer(y, x, payload):
    return [download(y, 16), download(x, 16)]
"""
FORGED = {
    "it copies the answer to the device": """
def perform(y, x, payload):
    drive(UPLOAD, "QQQI", y, *WAITS, tail=payload)
""",
    "it launches the kernel and copies the answer": """
def perform(y, x, payload):
    launch("k0_0_hand_on", struct.pack("<QQ", y, x), 4)
    launch("k0_0_store", struct.pack("<Qf", y, 1.0), 1)
""",
    "it launches twice": """
def perform(y, x, payload):
    launch("k0_0_hand_on", struct.pack("<QQ", y, x), 4)
    launch("k0_0_hand_on", struct.pack("<QQ", y, x), 4)
""",
    "it launches another block": """
def perform(y, x, payload):
    launch("k0_0_hand_on", struct.pack("<QQ", y, x), 3)
""",
    "it launches another kernel": """
def perform(y, x, payload):
    launch("k0_0_store", struct.pack("<Qf", y, 1.0), 4)
""",
    "it answers what is on no device": """
def answer(y, x, payload):
    download(y, 16)
    download(x, 16)
    return [bytes(16), payload]
""",
    "it answers more": """
def answer(y, x, payload):
    return [download(y, 16), download(x, 16) + b"more"]
""",
}


@contextmanager
def taken_over(folder: Path, attack: str = "") -> Iterator[tuple[HarnessLane, Ended | None]]:
    """A lane whose worker is a rogue, and how its start ended."""
    script = write_worker(folder, HONEST + attack)
    toolchain = Toolchain(
        edition=edition.find("auto"),
        python=Path(sys.executable),
        site_packages=folder,
        root=folder,
        max_version="",
        mojo_version="",
        python_version="",
        distributions=(),
    )
    limits = Limits(wall_seconds=60)
    with Scratch() as scratch:
        workspace = Workspace(
            toolchain,
            scratch,
            isolation=Isolation.BWRAP,
            module="p",
            read_only=(folder, library_directory()),
        )
        with OnSoftwareDevice(reason="a test", spawn=device_spawn(Isolation.BWRAP)) as device:
            leave_unread(device)
            with HarnessLane(workspace, device, compile_limits=limits, script=script) as lane:
                lane.take(BUILT)
                answer = lane.prepare([SHAPE])
                yield lane, answer if isinstance(answer, Ended) else None


def case() -> Case:
    inputs = {"x": np.arange(1, 5, dtype=np.float32)}
    return Case(shape=SHAPE, values=Values.INTEGERS, inputs=inputs)


def test_an_honest_one_is_seen_as_what_it_does(tmp_path):
    with taken_over(tmp_path) as (lane, ended):
        assert ended is None
        lane.check(SHAPE)
        for run in (lane.run(case()), lane.run_renewed(case())):
            assert run.ending is Ending.OUTPUT
            assert run.outputs[0].tolist() == run.inputs_after[0].tolist() == [1, 2, 3, 4]
            (launch,) = run.evidence.launches
            assert (launch.kernel, launch.block) == ("hand_on", (4, 1, 1))


@pytest.mark.parametrize("attack", FORGED)
def test_no_answer_counts_that_the_task_s_launches_did_not_leave_on_the_device(tmp_path, attack):
    with taken_over(tmp_path, FORGED[attack]) as (lane, _):
        run = lane.run(case())
        assert run.ending is Ending.FORGED
        assert run.outputs is None


@pytest.mark.parametrize("launch", [1, 9, -1])
def test_who_says_that_a_kernel_can_t_be_launched_has_none(tmp_path, launch):
    attack = f"""
def on_build():
    say({{"kind": "compiled", "seconds": 0.1, "refused": {{"3": {launch}, "99": 1}}}})
"""
    with (
        taken_over(tmp_path, attack) as (lane, _),
        pytest.raises(OtherSignature, match="hand_on"),
    ):
        lane.check(SHAPE)


@pytest.mark.parametrize("said", ['{"3": "x"}', "[3]", '{"3": 1e99}'])
def test_what_is_no_answer_ends_it(tmp_path, said):
    attack = f"""
def on_build():
    say(b'{{"kind": "compiled", "seconds": 0.1, "refused": {said}}}')
"""
    with taken_over(tmp_path, attack) as (_, ended):
        assert ended is not None
        assert ended.why == "protocol"


HOLDS = """
held = []

def on_build():
    held.append(bytearray(os.urandom(1 << 20) * 192))
    say({"kind": "compiled", "seconds": 0.1, "refused": {}})
"""
TAKES_MORE = """
def perform(y, x, payload):
    held.append(bytearray(os.urandom(1 << 20) * 192))
    time.sleep(2)
    launch("k0_0_hand_on", struct.pack("<QQ", y, x), 4)
"""


@pytest.mark.parametrize(
    ("attack", "ending"), [(HOLDS, Ending.OUTPUT), (HOLDS + TAKES_MORE, Ending.LIMIT)]
)
def test_what_the_compiler_left_is_no_memory_of_the_run(tmp_path, monkeypatch, attack, ending):
    """MAX 25.5 holds 5 GB once it has compiled a graph of 64 shapes: a right answer failed."""
    execution = msgspec.structs.replace(process.EXECUTION, resident_bytes=128 << 20)
    monkeypatch.setattr(process, "EXECUTION", execution)
    with taken_over(tmp_path, attack) as (lane, failure):
        assert failure is None
        assert lane.run(case()).ending is ending
