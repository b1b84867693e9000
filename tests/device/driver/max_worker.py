"""A worker with the real MAX: one conv1d graph, executed for each case asked for.

Reads JSON lines ``{"input": [...], "kernel": [...]}`` and answers each with the
output's bits as hex and the seconds that the call took. Any Python that has max
can run it; it imports nothing of the grader.
"""

import ctypes
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

for library in os.environ["GRADE_DRIVER_LIBRARIES"].split(os.pathsep):
    ctypes.CDLL(library, mode=ctypes.RTLD_GLOBAL)

import numpy as np  # noqa: E402
from max.driver import CPU, Accelerator, Buffer  # noqa: E402
from max.dtype import DType  # noqa: E402
from max.engine import InferenceSession  # noqa: E402
from max.graph import DeviceRef, Graph, TensorType, ops  # noqa: E402


def build(device: Any, session: Any, package: Path, input_size: int, conv_size: int) -> Any:
    """One graph with the op in it, compiled and loaded."""
    place = DeviceRef.from_device(device)
    types = [TensorType(DType.float32, [n], place) for n in (input_size, conv_size)]
    with Graph("conv1d", input_types=types, custom_extensions=[package]) as graph:
        parameters = {"input_size": input_size, "conv_size": conv_size, "dtype": DType.float32}
        (output,) = ops.custom(
            name="conv1d",
            device=place,
            values=list(graph.inputs),
            out_types=[types[0]],
            parameters=parameters,
        )
        graph.output(output.tensor)
    return session.load(graph)


def main() -> None:
    package, input_size, conv_size = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    device = Accelerator()
    model = build(device, InferenceSession(devices=[device]), package, input_size, conv_size)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        case = json.loads(line)
        started = time.perf_counter()
        try:
            arrays = [np.array(case[name], dtype=np.float32) for name in ("input", "kernel")]
            buffers = [Buffer.from_numpy(array).to(device) for array in arrays]
            output = model.execute(*buffers)[0].to(CPU()).to_numpy()
        except Exception as error:
            print(json.dumps({"error": str(error)[:2000]}), flush=True)
            continue
        seconds = time.perf_counter() - started
        print(json.dumps({"bits": output.tobytes().hex(), "seconds": seconds}), flush=True)


main()
