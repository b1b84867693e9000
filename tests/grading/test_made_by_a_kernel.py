"""Which outputs count as computed by a kernel of the call, by who wrote their bytes last."""

from __future__ import annotations

import numpy as np
import pytest

from grader.device import CaseEvidence, CopyOut, Launch, Provenance, Writer
from grader.grading.given_code import Code
from grader.grading.observe import observe
from grader.model.cases import Case, CaseRun, PlannedShape
from grader.model.domains import Values
from grader.puzzles.conv1d import PART
from grader.record import Aspect, Ending

LAUNCH = 7
SHAPE = PlannedShape(
    number=0, sizes={"input_size": 4, "conv_size": 1}, part=PART, origin="boundary"
)


def complaint(*stretches, inputs=(1, 2, 3, 4), output=None, ran=True):
    """What the check "device" says of an output with these writers, (bytes, writer, launch)."""
    case = Case(
        shape=SHAPE,
        values=Values.INTEGERS,
        inputs={"input": np.array(inputs, np.float32), "kernel": np.ones(1, np.float32)},
    )
    got = np.array(inputs if output is None else output, np.float32)
    provenance, start = [], 0
    for size, writer, launch in stretches:
        provenance.append(Provenance(start=start, stop=start + size, writer=writer, launch=launch))
        start += size
    copy = CopyOut(address=0, data=got.tobytes(), provenance=tuple(provenance))
    launch = Launch(
        index=LAUNCH,
        kernel="conv1d_kernel",
        module=1,
        grid=(1, 1, 1),
        block=(4, 1, 1),
        shared_bytes=0,
        instructions=100 if ran else 0,
        seconds=0.0,
        result=0,
    )
    run = CaseRun(
        case=case,
        ending=Ending.OUTPUT,
        outputs=(got,),
        inputs_after=tuple(case.inputs.values()),
        evidence=CaseEvidence(launches=(launch,)),
        copies_out=(copy,),
    )
    problem = observe(run, code=Code.NOTHING).about(Aspect.ORIGIN)
    return problem and f"{problem.title}: {problem.detail}"


def test_a_kernel_of_this_call():
    assert complaint((16, Writer.KERNEL, LAUNCH)) is None


def test_a_copy_of_what_a_kernel_of_this_call_wrote_to_a_buffer_of_its_own():
    assert complaint((16, Writer.DEVICE_COPY, LAUNCH)) is None


def test_a_kernel_of_this_call_that_the_evidence_left_out():
    """Of thousands of launches only the first are kept."""
    assert complaint((16, Writer.KERNEL, LAUNCH + 5000)) is None


@pytest.mark.parametrize("writer", [Writer.KERNEL, Writer.DEVICE_COPY])
def test_what_a_kernel_of_an_earlier_call_made_is_not_computed_now(writer):
    assert "an earlier call" in complaint((16, writer, LAUNCH - 1))


@pytest.mark.parametrize("writer", sorted(set(Writer) - {Writer.KERNEL}))
def test_what_no_kernel_made_is_not_computed_on_the_device(writer):
    assert "output[2] was last written by" in complaint(
        (8, Writer.KERNEL, LAUNCH), (8, writer, None)
    )


def test_a_zero_that_the_memset_left_is_as_good_where_zero_is_right():
    stretches = (4, Writer.KERNEL, LAUNCH), (8, Writer.MEMSET, None), (4, Writer.KERNEL, LAUNCH)
    assert complaint(*stretches, inputs=(1, 0, 0, 4)) is None
    assert "output[1]" in complaint(*stretches, inputs=(1, 0, 3, 4))
    assert "output[1]" in complaint(*stretches, inputs=(1, 0, 3, 4), output=(1, 0, 0, 4))


def test_zeros_are_no_answer_of_a_kernel_that_did_not_run():
    zeros = complaint((16, Writer.MEMSET, None), inputs=(0, 0, 0, 0), ran=False)
    assert "output[0] was last written by a memset" in zeros


def test_zeros_that_nobody_wrote_are_no_answer():
    assert "nobody" in complaint((16, Writer.NOBODY, None), inputs=(0, 0, 0, 0))


def test_a_copy_from_the_host_is_told_although_bytes_of_it_were_so_before():
    """The low bytes of small whole numbers are zeros, as the memset before left them."""
    half = (2, Writer.MEMSET, None), (2, Writer.HOST_COPY, None)
    assert "output[0] was last written by a copy from the host" in complaint(*half * 4)
