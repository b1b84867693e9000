"""Programs of a few lines of Python as host code, and PTX kernels, on the real device.

What a submission's host code does through MAX, these do through the driver's calls: the search,
the comparison with a reference and the verdict are the real ones, without a compile.
"""

from __future__ import annotations

import struct

import numpy as np

from grader.device import CaseEvidence
from grader.device.wire import REQUEST_HEADER, VERSION, DriverClient, DriverOp
from grader.grading import plan
from grader.grading.given_code import Code
from grader.grading.prober import Prober
from grader.grading.state import StepsDone
from grader.grading.verdict import score
from grader.lanes.devices import HowToRun, OnSoftwareDevice
from grader.lanes.lane import Redone
from grader.lanes.worker import _pairs
from grader.model.cases import CaseRun
from grader.puzzles.conv1d import PUZZLE
from grader.record import Ending

HEAD = ".version 8.1\n.target sm_80\n.address_size 64\n"


def leave_unread(device: OnSoftwareDevice) -> None:
    """Use a device, and leave an answer unread and a socket that does not block."""
    assert device.worker_fd is not None
    last = DriverClient(device.worker_fd)
    last.send_raw(REQUEST_HEADER.pack(4, 7, DriverOp.HELLO) + struct.pack("<I", VERSION))
    last.close()


def sums(name, more="", *, value="", store="st.global.f32 [%p], %sum;", taps=""):
    """A kernel with a thread for each output, which sums what lies inside the input.

    Args:
        name: Its name. It takes output, input, kernel, input_size and conv_size.
        more: Further parameters.
        value: Instructions that change the element ``%x`` or the tap ``%k`` before they are
            multiplied.
        store: Instructions that store ``%sum`` at ``%p``.
        taps: Instructions that load the tap ``%j`` into ``%k``, where not from memory.
    """
    load = taps or "mul.wide.u32 %t, %j, 4; add.u64 %t, %t, %kernel; ld.global.f32 %k, [%t];"
    return f"""
.visible .entry {name}(.param .u64 output, .param .u64 input, .param .u64 kernel,
  .param .u32 n, .param .u32 m{more})
{{ .reg .b64 %p, %output, %input, %kernel, %t, %u; .reg .b32 %i, %j, %n, %m, %at, %w, %v;
  .reg .f32 %sum, %x, %k, %y; .reg .pred %q, %r, %s; .shared .align 4 .b8 cells[256];
  ld.param.u64 %output, [output]; ld.param.u64 %input, [input]; ld.param.u64 %kernel, [kernel];
  ld.param.u32 %n, [n]; ld.param.u32 %m, [m];
  mov.u32 %i, %tid.x; setp.ge.u32 %q, %i, %n; @%q bra END;
  mul.wide.u32 %p, %i, 4; add.u64 %p, %p, %output;
  mov.u32 %j, 0; mov.f32 %sum, 0f00000000;
NEXT: setp.ge.u32 %q, %j, %m; @%q bra STORE;
  add.u32 %at, %i, %j; setp.ge.u32 %q, %at, %n; @%q bra STORE;
  mul.wide.u32 %t, %at, 4; add.u64 %t, %t, %input; ld.global.f32 %x, [%t];
  {load} {value}
  fma.rn.f32 %sum, %x, %k, %sum; add.u32 %j, %j, 1; bra NEXT;
STORE: {store}
END: ret; }}
"""


HAND_ON = """
.visible .entry hand_on(.param .u64 output, .param .u64 answers, .param .u32 n)
{ .reg .b64 %o, %a, %t; .reg .b32 %i, %n; .reg .f32 %x; .reg .pred %q;
  ld.param.u64 %o, [output]; ld.param.u64 %a, [answers]; ld.param.u32 %n, [n];
  mov.u32 %i, %tid.x; setp.ge.u32 %q, %i, %n; @%q bra END;
  mul.wide.u32 %t, %i, 4; add.u64 %a, %a, %t; add.u64 %o, %o, %t;
  ld.global.f32 %x, [%a]; st.global.f32 [%o], %x;
END: ret; }
"""
PUT = """
.visible .entry put(.param .u64 output, .param .u32 at, .param .f32 value)
{ .reg .b64 %o, %t; .reg .b32 %i; .reg .f32 %x;
  ld.param.u64 %o, [output]; ld.param.u32 %i, [at]; ld.param.f32 %x, [value];
  mul.wide.u32 %t, %i, 4; add.u64 %o, %o, %t; st.global.f32 [%o], %x; ret; }
"""


class Host:
    """What host code has: the device's calls, and the inputs on the device."""

    def __init__(self, client, inputs, sizes, calls, state):
        self.client = client
        self.output, self.input, self.kernel = (None, *inputs)
        self.n, self.m = sizes["input_size"], sizes["conv_size"]
        self.calls = calls
        self.state = state
        """What the program keeps from call to call."""
        self._owned = []

    def function(self, text, name):
        """A kernel of a module, which is loaded once."""
        if (text, name) not in self.state:
            self.state[text, name] = self.client.function(self.client.load(HEAD + text), name)
        return self.state[text, name]

    def buffer(self, data):
        """A copy of an array on the device."""
        data = np.asarray(data, dtype=np.float32).tobytes()
        address = self.reserve(len(data))
        assert self.client.call(DriverOp.COPY_TO_DEVICE, "Q", address, tail=data)[0] == 0
        return address

    def reserve(self, size):
        """Memory that is given back when the call ends."""
        address = self.client.allocate(size)
        self._owned.append(address)
        return address

    def read(self, address, count):
        """Floats of the device."""
        result, data = self.client.call(DriverOp.COPY_TO_HOST, "QQ", address, 4 * count)
        assert result == 0
        return np.frombuffer(data, np.float32)

    def inputs(self):
        """The inputs, copied back."""
        return self.read(self.input, self.n), self.read(self.kernel, self.m)

    def launch(self, text, name, layout, *arguments):
        """Run a kernel with 32 threads."""
        parameters = struct.pack("<" + layout, *arguments)
        return self.client.launch(self.function(text, name), parameters, block=(32, 1, 1))

    def plain(self, text, name="conv", more="", *arguments):
        """Run a kernel made by `sums` on the inputs."""
        first = (self.output, self.input, self.kernel, self.n, self.m)
        self.launch(text, name, "QQQII" + more, *first, *arguments)

    def end(self):
        """Give back what was reserved."""
        for address in self._owned:
            self.client.call(DriverOp.MEM_FREE, "Q", address)


def answer(x, k):
    """The right answer, summed in the order in which `sums` does."""
    result = np.zeros(len(x), np.float32)
    with np.errstate(all="ignore"):
        for i in range(len(x)):
            for j in range(min(len(k), len(x) - i)):
                result[i] = np.float32(np.float64(x[i + j]) * np.float64(k[j]) + result[i])
    return result


class OnDevice:
    """A lane for one such program. Use as a context manager."""

    def __init__(self, program):
        self.program = program
        self.device = OnSoftwareDevice(reason="test")
        self.cases_run = self.replacements = 0
        self.is_slow = False
        self.observes = True
        self.state = {}

    def __enter__(self):
        self.device.__enter__()
        self.client = DriverClient(self.device.worker_fd)
        self.client.hello()
        return self

    def __exit__(self, *exception):
        self.client.close()
        self.device.__exit__(*exception)

    def run(self, case, *, variant=0, repeatable=False, **options):
        self.cases_run += 1
        self.device.begin_case(HowToRun(variant=variant, repeatable=repeatable))
        sizes = dict(case.shape.sizes)
        inputs = []
        for array in case.inputs.values():
            inputs.append(self.client.allocate(array.nbytes))
            self.client.call(DriverOp.COPY_TO_DEVICE, "Q", inputs[-1], tail=array.tobytes())
        host = Host(self.client, inputs, sizes, self.cases_run, self.state)
        size = 4 * host.n
        host.output = self.client.allocate(size)
        self.client.call(DriverOp.MEMSET, "QQQQII", host.output, size, host.n, 1, 0, 4)
        self.program(host)
        parts = [
            self.client.call(DriverOp.COPY_TO_HOST, "QQ", address, length)
            for address, length in zip(
                (host.output, *inputs), (size, 4 * host.n, 4 * host.m), strict=True
            )
        ]
        host.end()
        for address in (host.output, *inputs):
            self.client.call(DriverOp.MEM_FREE, "Q", address)
        evidence = self.device.end_case()
        if any(result for result, _ in parts):
            return CaseRun(case=case, ending=Ending.ERROR, message="failed", evidence=evidence)
        output, *after = (np.frombuffer(data, np.float32) for _, data in parts)
        assert isinstance(evidence, CaseEvidence)
        return CaseRun(
            case=case,
            ending=Ending.OUTPUT,
            outputs=(output,),
            inputs_after=tuple(after),
            evidence=evidence,
            copies_out=evidence.copies_out[-3:-2],
        )

    def keep(self, number):
        self.device.keep(number)

    def compare(self, one, other):
        return self.device.compare(one.number, other.number, _pairs(one.case, other.case))

    def repeat(self, one, other, *, moved=True):
        pairs = _pairs(one.case, other.case)
        done = self.device.repeat(one.number, pairs, copy=3, like=other.number, moved=moved)
        outputs = None if done.data is None else (done.data,)
        return Redone(outputs=outputs, launches=done.launches, why=done.why)


def grade(program, *, examples=60, seed="seed", shapes=6):
    """Search and score a program; the results and the rubric."""
    planned = plan.draw(PUZZLE, seed=seed, own_kernel={"conv1d"})
    assigned = [shape for shape in planned if shape.scope.value == "assigned"]
    step = max(len(assigned) // shapes, 1)
    chosen = [assigned[0], *assigned[1::step]]
    with OnDevice(program) as executor:
        prober = Prober(
            PUZZLE,
            chosen,
            executor,
            seed=seed,
            examples=examples,
            codes={"conv1d": Code.NOTHING},
            progress=lambda done, total: None,
        )
        results = prober.run()
    steps = StepsDone(packages=True, compiles=True, results=results)
    return results, score(PUZZLE, steps)
