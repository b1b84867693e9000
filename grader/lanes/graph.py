"""The lane of an op: MAX Graphs in a worker run its cases, compiled there in one go."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from grader.lanes.worker import Said, WorkerLane
from grader.model.cases import PlannedShape
from grader.model.code import Op, constants_at
from grader.model.domains import Sizes
from grader.model.part import Part, TensorSpec
from grader.toolchain.workspace import Workspace

_WRAPPER = re.compile(r'An error occurred in kernel (entry point )?named "[^"\n]*":\s*')
_PLACE = re.compile(r"(^|(?<=: ))At max/\S+?:\d+:\d+: ", re.MULTILINE)
_DEBUGGING = re.compile(
    r"\n*^(To get more accurate error information|Fusion info:|To see the Python source)",
    re.MULTILINE,
)


def in_short(message: str) -> str:
    """The message that is wrapped; the whole, where nothing would be left."""
    found = _DEBUGGING.search(message)
    text = message[: found.start()] if found else message
    text = _PLACE.sub("", _WRAPPER.sub("", text)).strip()
    return text if text.rstrip(": ").partition(": ")[2] else message


def of_file(message: str, file: str) -> Said:
    """A message without the path of the student's file, and the place in it that it named.

    Args:
        message: What was said.
        file: The path that the student's file has inside, or its end: ``op/<module>.mojo``.
    """
    named = re.compile(
        rf"(?:\bAt )?(?<!\S)/\S*?{re.escape(file)}:(\d{{1,7}})(?::(\d{{1,7}}))?(?:: )?"
    )
    found = named.search(message)
    if found is None:
        return Said(message)
    return Said(
        named.sub("", message), int(found[1]), int(found[2]) if found[2] is not None else None
    )


class GraphLane(WorkerLane):
    """Compiles a graph for each shape, and runs cases by them."""

    session = "graphs"

    def launch(self) -> None:
        """Start the worker that `prepare` will use: it imports MAX meanwhile."""
        self._launched = self._new_worker(self._workspace)

    def plan(self, workspace: Workspace, *, again: bool) -> dict[str, Any]:
        """The graphs to compile; of a replacement, those to load (about 2 s)."""
        return graph_plan(
            self._shapes,
            graphs=workspace.toolchain.edition.worker.graphs,
            package=workspace.box.inside(workspace.artefact),
            compiled=workspace.restored if again else workspace.compiled,
            load=again,
        )

    def files_to_keep(self, workspace: Workspace) -> Mapping[str, bytes]:
        """The compiled graphs."""
        return workspace.compiled_graphs()

    def message_of(self, error: str) -> Said:
        """The message that MAX has wrapped."""
        return of_file(in_short(error), self._workspace.student_file)


def graph_plan(
    shapes: Sequence[PlannedShape],
    *,
    graphs: str,
    package: str,
    compiled: str,
    load: bool,
) -> dict[str, Any]:
    """The plan as the worker reads it: names, shapes and parameters, nothing else.

    Args:
        shapes: The plan.
        graphs: How the edition gets all shapes through one compile, see
            `grader.toolchain.edition.WorkerTraits`.
        package: Path of the packaged op, as the worker sees it.
        compiled: Path where the worker keeps the compiled graphs for a
            replacement of itself.
        load: Whether this is the replacement, which finds them there.
    """

    def op(part: Part) -> Op:
        assert isinstance(part.code, Op), "a graph runs ops"
        return part.code

    def tensor(spec: TensorSpec, sizes: Sizes) -> dict[str, Any]:
        return {
            "dtype": spec.dtype,
            "shape": list(spec.extents(sizes)),
            "sizes": list(spec.shape),
        }

    return {
        "graphs": graphs,
        "package": package,
        "compiled": compiled,
        "load": load,
        "shapes": [
            {
                "op": op(shape.part).name,
                "part": shape.part.name,
                "target": shape.part.target,
                "inputs": [tensor(spec, shape.sizes) for spec in shape.part.inputs],
                "outputs": [tensor(spec, shape.sizes) for spec in shape.part.outputs],
                "parameters": constants_at(op(shape.part).parameters, shape.sizes),
                "texts": dict(op(shape.part).texts),
            }
            for shape in shapes
        ],
    }
