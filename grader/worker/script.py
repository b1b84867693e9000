"""The worker: builds what a submission is run by, then runs case after case.

Its argument says what that is (``SESSIONS``): ``graphs``, MAX Graphs that it compiles itself, or
``libraries``, which launch the kernels of a program.

One program for every edition. What differs from one release of MAX to the next is how
all shapes go through one compile (``PROGRAMS``; the plan says which) and the name of one
class (`device_memory`); nothing else is asked for by version.

This file is a program of its own. It runs with the toolchain's Python, inside
the sandbox, in a folder that holds nothing but the packaged op. It imports the
standard library, and for graphs NumPy and max, never the grader. Student code runs in this
process, so nothing that it says is trusted: the grader checks each frame.

Frames on the channel (file descriptor in ``GRADE_CHANNEL_FD``), both ways, are
``u32 length of what follows, u32 length of the header, header (JSON), payload
(raw bytes)``, little-endian.

From the grader: ``build`` (the plan; starts the compile), ``case`` (inputs in
the payload), ``stop``. To the grader: ``hello``, ``compiled`` (with the shapes
that can't be run), ``failed`` (with the stage), ``result`` (the outputs and the
inputs as they are after the call, in the payload), ``error``.
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


class ModuleOfGraphs:
    """A graph for each shape, all in one module: one compile gives a model for each."""

    def __init__(self, engine: Any, plan: dict[str, Any]) -> None:
        self.engine = engine
        self.plan = plan
        self.models: dict[str, Any] = {}

    def compile(self) -> None:
        """Compile the plan, and keep what was compiled for a replacement of this process."""
        from max.graph import Module

        module, package = Module(), Path(self.plan["package"])
        for number, shape in enumerate(self.plan["shapes"]):
            types = [tensor_type(tensor, shape) for tensor in shape["inputs"]]
            build_graph(
                f"shape_{number}",
                types,
                package,
                lambda inputs, shape=shape: op(shape, inputs),
                module=module,
            )
        compiled = self.engine.compile(module, custom_extensions=[package])
        compiled.export_mef(self.plan["compiled"])
        self.models = self.engine.init_all(compiled)

    def load(self) -> None:
        """Load what was compiled."""
        from max import engine

        path = Path(self.plan["compiled"])
        if hasattr(engine, "read"):
            self.models = self.engine.init_all(engine.read(path))
        else:  # 26.4
            self.models = self.engine.load_all(path)

    def execute(self, number: int, buffers: list[Any]) -> list[Any]:
        """The op's outputs at a shape."""
        return list(self.models[f"shape_{number}"].execute(*buffers))


class GraphOfEachPart:
    """For releases that compile one graph at a time: one for each part, with all its shapes."""

    def __init__(self, engine: Any, plan: dict[str, Any]) -> None:
        names = dict.fromkeys(shape["part"] for shape in plan["shapes"])
        self.places = []
        shapes: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
        for shape in plan["shapes"]:
            self.places.append((shape["part"], len(shapes[shape["part"]])))
            shapes[shape["part"]].append(shape)
        many = len(names) > 1
        self.parts = {
            name: ConditionalGraph(
                engine,
                {
                    **plan,
                    "shapes": shapes[name],
                    "compiled": f"{plan['compiled']}.{number}" if many else plan["compiled"],
                },
            )
            for number, name in enumerate(names)
        }

    def compile(self) -> None:
        """Compile the plan, and keep what was compiled for a replacement of this process."""
        for part in self.parts.values():
            part.compile()
        self._pack()

    def load(self) -> None:
        """Load what was compiled."""
        self._unpack()
        for part in self.parts.values():
            part.load()

    def execute(self, number: int, buffers: list[Any]) -> list[Any]:
        """The op's outputs at a shape."""
        name, place = self.places[number]
        return self.parts[name].execute(place, buffers)

    def _pack(self) -> None:
        """Several files as one: the grader keeps one."""
        files = [Path(part.plan["compiled"]) for part in self.parts.values()]
        if len(files) > 1:
            contents = [file.read_bytes() for file in files]
            head = json.dumps([len(content) for content in contents]).encode()
            whole = files[0].with_suffix("")
            whole.write_bytes(b"".join([struct.pack("<I", len(head)), head, *contents]))

    def _unpack(self) -> None:
        files = [Path(part.plan["compiled"]) for part in self.parts.values()]
        if len(files) > 1:
            data = files[0].with_suffix("").read_bytes()
            (size,) = struct.unpack_from("<I", data)
            start = 4 + size
            for file, length in zip(files, json.loads(data[4:start]), strict=True):
                file.write_bytes(data[start : start + length])
                start += length


class ConditionalGraph:
    """One graph that holds the op once for each shape, and runs the one that is asked for.

    For releases that compile one graph at a time. The op of a shape stands in a branch of a
    tree of conditionals; the number of the shape, bit by bit, says which branch runs, so a call
    runs the op of one shape and nothing else. Each shape has inputs of its own, so the op sees
    the same types as in a graph of its own; those of the other shapes get buffers that nothing
    reads. Only the outputs leave the branches under one type each, whose sizes are known when the
    graph runs: an input for each output, which nothing reads, brings them in.

    Three things that were tried and are no way: a module put together from several graphs (25.3
    does not come back from compiling it), conditionals in a row (six shapes compile like one,
    with eighteen it does not end: hence the tree), and inputs shared by the shapes and bound to
    their sizes by ``rebind`` (up to 25.6 the op then sees layouts of unknown sizes).
    """

    def __init__(self, engine: Any, plan: dict[str, Any]) -> None:
        self.engine = engine
        self.plan = plan
        self.bits = (len(plan["shapes"]) - 1).bit_length()
        self.model: Any = None
        self.unread: list[list[Any]] = []

    def compile(self) -> None:
        """Compile the plan, and keep what was compiled for a replacement of this process."""
        from max.dtype import DType
        from max.graph import DeviceRef, TensorType

        shapes = self.plan["shapes"]
        types = [tensor_type(tensor, shape) for shape in shapes for tensor in shape["inputs"]]
        sizes = [
            TensorType(DType.uint8, tensor["sizes"], DeviceRef.CPU())
            for tensor in shapes[0]["outputs"]
        ]
        flags = [TensorType(DType.bool, [], DeviceRef.CPU())] * self.bits
        package = Path(self.plan["package"])
        graph = build_graph("plan", [*types, *sizes, *flags], package, self._choose_shape)
        self.model = self.engine.load(graph)
        self.model._export_mef(self.plan["compiled"])

    def load(self) -> None:
        """Load what was compiled."""
        self.model = self.engine.load(Path(self.plan["compiled"]))

    def execute(self, number: int, buffers: list[Any]) -> list[Any]:
        """The op's outputs at a shape."""
        import numpy as np
        from max.dtype import DType

        shapes = self.plan["shapes"]
        if not self.unread:
            self.unread = [
                [zeros(tensor, buffers[0].device) for tensor in shape["inputs"]] for shape in shapes
            ]
        inputs = [*self.unread[:number], buffers, *self.unread[number + 1 :]]
        sizes = [
            device_memory().from_numpy(np.zeros(tensor["shape"], np.uint8))
            for tensor in shapes[number]["outputs"]
        ]
        flags = [
            device_memory().scalar(bool(number >> bit & 1), DType.bool) for bit in range(self.bits)
        ]
        return list(self.model.execute(*(each for some in inputs for each in some), *sizes, *flags))

    def _choose_shape(self, arguments: list[Any]) -> list[Any]:
        shapes = self.plan["shapes"]
        each, count, outputs = len(shapes[0]["inputs"]), len(shapes), len(shapes[0]["outputs"])
        inputs = [arguments[each * n : each * (n + 1)] for n in range(count)]
        flags = arguments[each * count + outputs :]
        return self._branch(list(range(count)), self.bits, inputs, flags)

    def _branch(
        self, numbers: list[int], bits: int, inputs: list[list[Any]], flags: list[Any]
    ) -> list[Any]:
        """The outputs at one of the shapes in ``numbers``, which differ in the lower ``bits``."""
        from max.graph import ops

        if len(numbers) == 1:
            shape = self.plan["shapes"][numbers[0]]
            outputs = op(shape, inputs[numbers[0]])
            return [
                ops.rebind(output, tensor["sizes"])
                for output, tensor in zip(outputs, shape["outputs"], strict=True)
            ]
        bit = bits - 1
        ones = [number for number in numbers if number >> bit & 1]
        rest = [number for number in numbers if not number >> bit & 1]
        if not ones or not rest:
            return self._branch(numbers, bit, inputs, flags)
        first = self.plan["shapes"][0]
        chosen = ops.cond(
            flags[bit],
            [tensor_type(tensor, first, any_size=True) for tensor in first["outputs"]],
            lambda: _one_or_all(self._branch(ones, bit, inputs, flags)),
            lambda: _one_or_all(self._branch(rest, bit, inputs, flags)),
        )
        return [value.tensor for value in chosen]


def _one_or_all(outputs: list[Any]) -> Any:
    """What a branch of a conditional returns: a value alone, or a list of several."""
    return outputs[0] if len(outputs) == 1 else outputs


PROGRAMS = {"module": ModuleOfGraphs, "conditional": GraphOfEachPart}
"""How all shapes go through one compile, by the name that an edition's file gives."""


def device_memory() -> Any:
    """The class of a tensor in a device's memory: `Buffer` from 26.1 on, `Tensor` before."""
    from max import driver

    return driver.Buffer if hasattr(driver, "Buffer") else driver.Tensor


def buffer_of(tensor: dict[str, Any], data: Any) -> Any:
    """A buffer in the host's memory for a tensor of the plan, with its bytes."""
    import numpy as np
    from max.dtype import DType

    if tensor["dtype"] == "bfloat16":  # NumPy does not know it
        words = np.frombuffer(data, np.uint16).reshape(tensor["shape"]).copy()
        return device_memory().from_numpy(words).view(DType.bfloat16, tensor["shape"])
    array = np.frombuffer(data, np.dtype(tensor["dtype"])).reshape(tensor["shape"])
    return device_memory().from_numpy(array.copy())


def bytes_of(buffer: Any) -> bytes:
    """The bytes of a buffer in the host's memory."""
    import numpy as np
    from max.dtype import DType

    if buffer.dtype == DType.bfloat16:
        buffer = buffer.view(DType.uint16, buffer.shape)
    return np.ascontiguousarray(buffer.to_numpy()).tobytes()


def length_of(tensor: dict[str, Any]) -> int:
    """How many bytes a tensor of the plan has."""
    import numpy as np

    width = 2 if tensor["dtype"] == "bfloat16" else np.dtype(tensor["dtype"]).itemsize
    return int(np.prod(tensor["shape"], dtype=np.int64)) * width


def zeros(tensor: dict[str, Any], device: Any) -> Any:
    """A buffer for a tensor of the plan."""
    return buffer_of(tensor, bytes(length_of(tensor))).to(device)


def device_ref(shape: dict[str, Any]) -> Any:
    """What a shape's op runs on, as a graph names it."""
    from max.graph import DeviceRef

    return DeviceRef.CPU() if shape["target"] == "cpu" else DeviceRef.GPU()


def tensor_type(tensor: dict[str, Any], shape: dict[str, Any], *, any_size: bool = False) -> Any:
    """The type of a tensor of the plan; with ``any_size``, sizes are known when the graph runs."""
    from max.dtype import DType
    from max.graph import TensorType

    extents = tensor["sizes"] if any_size else tensor["shape"]
    return TensorType(DType[tensor["dtype"]], extents, device_ref(shape))


def build_graph(name: str, types: list[Any], package: Path, body: Any, **more: Any) -> Any:
    """A graph whose outputs are what ``body`` makes of its inputs."""
    from max.graph import Graph

    with Graph(name, input_types=types, custom_extensions=[package], **more) as graph:
        graph.output(*body([value.tensor for value in graph.inputs]))
    return graph


def op(shape: dict[str, Any], inputs: list[Any]) -> list[Any]:
    """The submission's op at one shape.

    All by keyword: ``device`` is the last parameter in 25.3 and the second one since.
    """
    from max.dtype import DType
    from max.graph import ops

    results = ops.custom(
        name=shape["op"],
        device=device_ref(shape),
        values=inputs,
        out_types=[tensor_type(tensor, shape) for tensor in shape["outputs"]],
        parameters={
            name: DType[value] if isinstance(value, str) else value
            for name, value in shape["parameters"].items()
        }
        | shape["texts"],
    )
    return [result.tensor for result in results]


class Graphs:
    """The open device, and one compiled plan."""

    def __init__(self) -> None:
        from max.driver import CPU, Accelerator
        from max.engine import InferenceSession

        self.host = CPU()
        self.device = Accelerator()
        self.engine = InferenceSession(devices=[self.device, self.host])
        self.program: Any = None
        self.plan: dict[str, Any] = {}

    def build(self, plan: dict[str, Any]) -> dict[int, int]:
        """Compile all shapes in one go; or load what was compiled. None is refused."""
        self.plan = plan
        self.program = PROGRAMS[plan["graphs"]](self.engine, plan)
        if plan["load"]:
            self.program.load()
        else:
            self.program.compile()
        return {}

    def run(self, number: int, payload: bytes) -> list[bytes]:
        """One call: fresh buffers in, raw bytes out: those of the outputs, then of the inputs."""
        shape = self.plan["shapes"][number]
        device = self.host if shape["target"] == "cpu" else self.device
        buffers, start = [], 0
        for tensor in shape["inputs"]:
            stop = start + length_of(tensor)
            buffers.append(buffer_of(tensor, payload[start:stop]).to(device))
            start = stop
        self.device.synchronize()
        outputs = self.program.execute(number, buffers)
        self.device.synchronize()
        parts = [buffer.to(self.host) for buffer in (*outputs, *buffers)]
        self.device.synchronize()
        return [bytes_of(part) for part in parts]


class Libraries:
    """Libraries that run cases on buffers which they make, fill and copy back.

    What they have in them is written in ``grader/toolchain/editions/harness.mojo``.
    """

    def __init__(self) -> None:
        # Before anything of the submission is here: what fails now is the device.
        result = ctypes.CDLL("libcuda.so.1").cuInit(0)
        if result:
            raise OSError(f"cuInit gave {result}")
        self.shapes: dict[int, dict[str, Any]] = {}
        self.loaded: list[Any] = []
        self.harness = ctypes.create_string_buffer(256)
        self.said = ctypes.create_string_buffer(MAX_TEXT)

    def build(self, plan: dict[str, Any]) -> dict[int, int]:
        """Load them. By number, the shapes that can't be run, and which launch is why, from 1."""
        for path in plan["runtime"]:
            ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
        number, address = ctypes.c_int64, ctypes.c_void_p
        for library in plan["libraries"]:
            functions = ctypes.CDLL(library["path"], mode=ctypes.RTLD_LOCAL)
            opened, refused, run = (
                getattr(functions, f"{library['prefix']}_{name}")
                for name in ("open", "refused", "run")
            )
            opened.argtypes = [address, address, number]
            refused.argtypes = [number]
            run.argtypes = [*(address, number, number, *[address] * 3, number, *[address] * 3)]
            run.argtypes.append(number)
            opened.restype = refused.restype = run.restype = number
            self.loaded.append((refused, run))
            if len(self.loaded) == 1:
                self._check(opened(self.harness, self.said, MAX_TEXT))
        self.shapes = {int(shape): each for shape, each in plan["shapes"].items()}
        why = {
            shape: self.loaded[each["library"]][0](each["case"])
            for shape, each in self.shapes.items()
        }
        return {shape: launch for shape, launch in why.items() if launch}

    def run(self, number: int, payload: bytes) -> list[bytes]:
        """One case: raw bytes of the outputs, then of the inputs."""
        shape = self.shapes[number]
        lengths, begins, answer = shape["lengths"], shape["begins"], shape["answer"]
        count, copies = len(lengths), len(answer)
        data = ctypes.create_string_buffer(payload, max(len(payload), 1))
        starts, start = [], ctypes.addressof(data)
        for length, begin in zip(lengths, begins, strict=True):
            starts.append(start)
            start += length if begin == 1 else 0
        results = [ctypes.create_string_buffer(lengths[place]) for place in answer]
        code = self.loaded[shape["library"]][1](
            self.harness,
            shape["case"],
            count,
            (ctypes.c_int64 * count)(*lengths),
            (ctypes.c_int64 * count)(*begins),
            (ctypes.c_void_p * count)(*starts),
            copies,
            (ctypes.c_int64 * copies)(*answer),
            (ctypes.c_void_p * copies)(*map(ctypes.addressof, results)),
            self.said,
            MAX_TEXT,
        )
        self._check(code)
        return [result.raw for result in results]

    def _check(self, code: int) -> None:
        """See that a call went well: else it has left so many bytes of a message."""
        if code:
            raise RuntimeError(self.said.raw[: max(code, 0)].decode("utf-8", "replace"))


SESSIONS: dict[str, Any] = {"graphs": Graphs, "libraries": Libraries}
"""What a worker runs, by the name that its argument gives."""


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


def serve(channel: Channel, kind: str) -> None:
    """Do what the grader asks until it stops asking."""
    started = time.perf_counter()
    try:
        session = SESSIONS[kind]()
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
                refused = session.build(header["plan"])
            except Exception as error:
                sys.stderr.flush()
                say_error(channel, "failed", error, stage="compile")
                return
            seconds = time.perf_counter() - started
            channel.send({"kind": "compiled", "seconds": seconds, "refused": refused})
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
        serve(link, sys.argv[1])
    finally:
        # The student's host code may have left threads or exit handlers behind.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
