"""A device process whose kernels are Python functions: tests of the driver need no PTX.

A module is any text that begins with ``PROGRAM``. Run in place of the real server.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence

import numpy as np

from grader.device.addresses import BASE_ADDRESS
from grader.device.evidence import Launch
from grader.device.memory import GlobalMemory, kernel_stamp
from grader.device.ptx import PtxError
from grader.device.server import serve
from grader.device.simulator import KernelInfo, LaunchSettings
from grader.errors import UnsupportedByDevice

PROGRAM = "fake program"
VARIABLE = (0x7F00_1234_0000, 24)

KERNELS = {
    kernel.name: kernel
    for kernel in (
        KernelInfo(
            "add_one", parameters=((0, 8), (8, 4)), static_shared_bytes=512, max_threads=256
        ),
        KernelInfo("echo", parameters=((0, 1), (8, 8), (16, 2), (20, 4), (32, 16))),
        KernelInfo("clusters"),
        KernelInfo("fault"),
        KernelInfo("refused"),
        KernelInfo("unsupported"),
        KernelInfo("defect"),
        KernelInfo("slow"),
        KernelInfo("die"),
        KernelInfo("wide", parameters=tuple((4 * i, 4) for i in range(1025))),
    )
}


class FakeProgram:
    def kernel(self, name: str) -> KernelInfo | None:
        return KERNELS.get(name)

    def variable(self, name: str) -> tuple[int, int]:
        return {"table": VARIABLE}[name]

    def unload(self) -> None:
        pass

    def on(self, memory: GlobalMemory) -> FakeProgram:
        return self

    def launch(
        self,
        kernel: KernelInfo,
        arguments: Sequence[bytes],
        memory: GlobalMemory,
        how: LaunchSettings,
    ) -> Launch:
        printed = ""
        match kernel.name:
            case "add_one":
                address, count = (int.from_bytes(a, "little") for a in arguments)
                values = np.frombuffer(memory.read(address, 4 * count), dtype=np.float32)
                memory.write(address, (values + np.float32(1)).tobytes())
                start = address - BASE_ADDRESS
                memory.stamps[start : start + 4 * count] = kernel_stamp(how.index)
            case "echo":
                printed = " ".join(a.hex() for a in arguments)
            case "clusters":
                printed = f"{how.cluster} of {how.cluster_limit} at most"
            case "unsupported":
                raise UnsupportedByDevice("the instruction frob.f32 is not supported")
            case "defect":
                raise ZeroDivisionError("a defect of the simulator")
            case "slow":
                time.sleep(1.0)
            case "die":
                print("the simulator's last words", file=sys.stderr, flush=True)
                os._exit(7)
        return Launch(
            index=how.index,
            kernel=kernel.name,
            module=1,
            grid=how.grid,
            block=how.block,
            shared_bytes=how.dynamic_shared_bytes,
            instructions=how.limits.instruction_budget,
            seconds=0.0,
            result={"fault": 700, "refused": 1}.get(kernel.name, 0),
            printed=printed,
        )


class FakeSimulator:
    def load(self, text: str, memory: GlobalMemory, *, number: int) -> FakeProgram:
        if not text.startswith(PROGRAM):
            raise PtxError("this is not the fake program", line=1)
        return FakeProgram()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--control-fd", type=int, required=True)
    sys.exit(serve(parser.parse_args().control_fd, FakeSimulator()))
