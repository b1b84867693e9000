"""The worker: builds the graphs, compiles them once, then runs case after case.

This file is a program of its own. It runs with the toolchain's Python, inside
the sandbox, in a folder that holds nothing but the packaged op. It imports the
standard library, NumPy and max, never the grader. Student code runs in this
process, so nothing that it says is trusted: the grader checks each frame.

Frames on the channel (file descriptor in ``GRADE_CHANNEL_FD``), both ways, are
``u32 length of what follows, u32 length of the header, header (JSON), payload
(raw bytes)``, little-endian.

From the grader: ``build`` (the plan; starts the compile), ``case`` (inputs in
the payload), ``stop``. To the grader: ``hello``, ``compiled``, ``failed``
(with the stage), ``result`` (the output and the inputs as they are after the
call, in the payload), ``error``.
"""

from __future__ import annotations

import ctypes
import json
import os
import struct
import sys
import time
import traceback
from pathlib import Path
from typing import Any

MAX_FRAME = 64 * 1024 * 1024
MAX_TEXT = 20_000


class Channel:
    """Framed messages over an inherited socket."""

    def __init__(self, fd: int) -> None:
        self.file = os.fdopen(fd, "rb+", buffering=0)

    def send(self, header: dict[str, Any], payload: bytes = b"") -> None:
        encoded = json.dumps(header).encode()
        frame = struct.pack("<II", 4 + len(encoded) + len(payload), len(encoded))
        view = memoryview(frame + encoded + payload)
        while view:
            view = view[self.file.write(view) :]

    def receive(self) -> tuple[Any, bytes]:
        length, header_length = struct.unpack("<II", self._exactly(8))
        if not 4 + header_length <= length <= MAX_FRAME:
            raise SystemExit("the grader sent a frame of impossible size")
        header = json.loads(self._exactly(header_length))
        return header, self._exactly(length - 4 - header_length)

    def _exactly(self, count: int) -> bytes:
        parts = []
        while count:
            part = self.file.read(count)
            if not part:
                raise SystemExit(0)  # the grader has gone
            parts.append(part)
            count -= len(part)
        return b"".join(parts)


def load_driver_libraries() -> None:
    """Load the libraries that stand in for the driver, before anything looks for it."""
    for path in filter(None, os.environ.get("GRADE_DRIVER_LIBRARIES", "").split(os.pathsep)):
        ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)


class Session:
    """One compiled plan: a model for each shape."""

    def __init__(self) -> None:
        from max.driver import CPU, Accelerator
        from max.engine import InferenceSession

        self.host = CPU()
        self.device = Accelerator()
        self.engine = InferenceSession(devices=[self.device])
        self.models: list[Any] = []
        self.plan: dict[str, Any] = {}

    def build(self, plan: dict[str, Any]) -> None:
        """Compile a graph for each shape, all in one go; or load what was compiled."""
        from max import engine
        from max.dtype import DType
        from max.graph import DeviceRef, Graph, Module, TensorType, ops

        self.plan = plan
        compiled_file = plan["compiled"]
        if plan["load"]:
            self.models = self._by_name(self.engine.init_all(engine.read(compiled_file)))
            return
        place = DeviceRef.from_device(self.device)
        module = Module()
        package = Path(plan["package"])
        for number, shape in enumerate(plan["shapes"]):
            types = [TensorType(DType[t["dtype"]], t["shape"], place) for t in shape["inputs"]]
            output = TensorType(DType[shape["output"]["dtype"]], shape["output"]["shape"], place)
            with Graph(
                f"shape_{number}", input_types=types, module=module, custom_extensions=[package]
            ) as graph:
                result = ops.custom(
                    name=plan["op"],
                    device=place,
                    values=list(graph.inputs),
                    out_types=[output],
                    parameters={
                        name: DType[value] if isinstance(value, str) else value
                        for name, value in shape["parameters"].items()
                    },
                )
                graph.output(result[0].tensor)
        compiled = self.engine.compile(module, custom_extensions=[package])
        compiled.export_mef(compiled_file)
        self.models = self._by_name(self.engine.init_all(compiled))

    def _by_name(self, models: dict[str, Any]) -> list[Any]:
        """Models in the order of the plan's shapes."""
        return [models[f"shape_{number}"] for number in range(len(self.plan["shapes"]))]

    def run(self, number: int, payload: bytes) -> list[bytes]:
        """One call: fresh buffers in, raw bytes out. Returns the output's and the inputs' bytes."""
        import numpy as np
        from max.driver import Buffer

        shape = self.plan["shapes"][number]
        buffers, start = [], 0
        for tensor in shape["inputs"]:
            dtype = np.dtype(tensor["dtype"])
            count = int(np.prod(tensor["shape"], dtype=np.int64))
            array = np.frombuffer(payload, dtype, count, start).reshape(tensor["shape"])
            start += array.nbytes
            buffers.append(Buffer.from_numpy(array.copy()).to(self.device))
        self.device.synchronize()
        outputs = self.models[number].execute(*buffers)
        self.device.synchronize()
        parts = [outputs[0].to(self.host), *(buffer.to(self.host) for buffer in buffers)]
        self.device.synchronize()
        return [np.ascontiguousarray(part.to_numpy()).tobytes() for part in parts]


def say_error(channel: Channel, kind: str, error: Exception, **more: Any) -> None:
    """Report an exception with its causes, cut to a length that the grader takes.

    The graph compiler says what is wrong in the cause of the error that it raises.
    """
    texts: list[str] = []
    link: BaseException | None = error
    while link is not None and len(texts) < 10:
        texts.append("".join(traceback.format_exception_only(type(link), link)))
        link = link.__cause__ or link.__context__
    channel.send({"kind": kind, "message": "\n".join(texts)[:MAX_TEXT], **more})


def serve(channel: Channel) -> None:
    """Do what the grader asks until it stops asking."""
    started = time.perf_counter()
    try:
        session = Session()
    except Exception as error:
        say_error(channel, "failed", error, stage="device")
        return
    channel.send({"kind": "hello", "seconds": time.perf_counter() - started})
    while True:
        header, payload = channel.receive()
        if header["kind"] == "stop":
            return
        if header["kind"] == "build":
            started = time.perf_counter()
            try:
                session.build(header["plan"])
            except Exception as error:
                sys.stderr.flush()
                say_error(channel, "failed", error, stage="compile")
                return
            channel.send({"kind": "compiled", "seconds": time.perf_counter() - started})
        elif header["kind"] == "case":
            try:
                parts = session.run(header["shape"], payload)
            except Exception as error:
                say_error(channel, "error", error, case=header["case"])
                continue
            channel.send(
                {"kind": "result", "case": header["case"], "lengths": [len(p) for p in parts]},
                b"".join(parts),
            )


if __name__ == "__main__":
    load_driver_libraries()
    link = Channel(int(os.environ["GRADE_CHANNEL_FD"]))
    try:
        serve(link)
    finally:
        # The student's host code may have left threads or exit handlers behind.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
