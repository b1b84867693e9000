"""The graph of conditionals runs the op of the shape that was asked for, and of no other.

MAX itself is not asked here: a conditional is evaluated at once, so that what the tree
chooses can be seen for every number of shapes. What MAX makes of it is seen by the matrix
of editions.
"""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType, SimpleNamespace

import pytest

from grader.worker.process import SCRIPT


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("worker_script", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.tensor_type = lambda tensor, shape, any_size=False: None
    module.op = lambda shape, inputs: [
        SimpleNamespace(shape=shape, inputs=inputs, output=n) for n in range(len(shape["outputs"]))
    ]
    return module


@pytest.fixture
def graph_library(monkeypatch):
    """A ``max.graph`` whose conditionals are evaluated at once; notes which were asked."""
    depths: list[int] = []

    def cond(flag, types, then, otherwise):
        depths.append(1)
        chosen = (then if flag else otherwise)()
        return [
            SimpleNamespace(tensor=each)
            for each in (chosen if isinstance(chosen, list) else [chosen])
        ]

    library = ModuleType("max.graph")
    library.ops = SimpleNamespace(cond=cond, rebind=lambda value, shape: value)
    monkeypatch.setitem(sys.modules, "max", ModuleType("max"))
    monkeypatch.setitem(sys.modules, "max.graph", library)
    return depths


def plan(count, outputs=1):
    tensor = {"dtype": "float32", "shape": [1], "sizes": ["n"]}
    return {
        "shapes": [
            {"number": n, "inputs": [tensor] * 2, "outputs": [tensor] * outputs}
            for n in range(count)
        ]
    }


@pytest.mark.parametrize("outputs", [1, 2, 3])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 12, 16, 17, 33])
def test_each_number_chooses_its_own_shape(script, graph_library, count, outputs):
    program = script.ConditionalGraph(None, plan(count, outputs))
    for number in range(count):
        flags = [bool(number >> bit & 1) for bit in range(program.bits)]
        inputs = [f"{name}{n}" for n in range(count) for name in "ab"]
        chosen = program._choose_shape([*inputs, *["sizes"] * outputs, *flags])
        assert [each.output for each in chosen] == list(range(outputs))
        for each in chosen:
            assert each.shape["number"] == number
            assert each.inputs == [f"a{number}", f"b{number}"]


def test_the_tree_is_as_flat_as_it_can_be(script, graph_library):
    program = script.ConditionalGraph(None, plan(18))
    for number in range(18):
        graph_library.clear()
        flags = [bool(number >> bit & 1) for bit in range(5)]
        program._choose_shape([*["input"] * 36, "sizes", *flags])
        # In a row instead of a tree, 25.3 does not end on eighteen shapes.
        assert len(graph_library) <= 5


def parts(*names):
    tensor = {"dtype": "float32", "shape": [1], "sizes": ["n"]}
    return [
        {"number": n, "part": name, "inputs": [tensor], "outputs": [tensor]}
        for n, name in enumerate(names)
    ]


def test_each_part_has_a_graph_of_its_own_and_its_shapes(script, tmp_path):
    shapes = parts("a", "b", "a", "b", "b")
    program = script.GraphOfEachPart(
        None, {"shapes": shapes, "compiled": str(tmp_path / "graphs.mef")}
    )
    assert [p["number"] for p in program.parts["a"].plan["shapes"]] == [0, 2]
    assert [p["number"] for p in program.parts["b"].plan["shapes"]] == [1, 3, 4]
    assert program.places == [("a", 0), ("b", 0), ("a", 1), ("b", 1), ("b", 2)]


@pytest.mark.parametrize("contents", [[b"one", b"two, longer"], [b"", b"x" * 70_000]])
def test_the_graphs_of_several_parts_are_kept_as_one_file(script, tmp_path, contents):
    plan = {"shapes": parts("a", "b"), "compiled": str(tmp_path / "graphs.mef")}
    first = script.GraphOfEachPart(None, plan)
    for part, content in zip(first.parts.values(), contents, strict=True):
        with open(part.plan["compiled"], "wb") as file:
            file.write(content)
    first._pack()
    kept = (tmp_path / "graphs.mef").read_bytes()
    other = {**plan, "compiled": str(tmp_path / "restored.mef")}
    (tmp_path / "restored.mef").write_bytes(kept)
    again = script.GraphOfEachPart(None, other)
    again._unpack()
    for part, content in zip(again.parts.values(), contents, strict=True):
        with open(part.plan["compiled"], "rb") as file:
            assert file.read() == content


def test_a_puzzle_of_one_part_keeps_its_graph_as_it_is(script, tmp_path):
    plan = {"shapes": parts("a", "a"), "compiled": str(tmp_path / "graphs.mef")}
    program = script.GraphOfEachPart(None, plan)
    assert program.parts["a"].plan["compiled"] == plan["compiled"]
    (tmp_path / "graphs.mef").write_bytes(b"graph")
    program._pack()
    program._unpack()
    assert (tmp_path / "graphs.mef").read_bytes() == b"graph"
