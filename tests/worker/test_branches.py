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
    module.tensor_type = lambda tensor, any_size=False: None
    module.op = lambda plan, shape, inputs: SimpleNamespace(shape=shape, inputs=inputs)
    return module


@pytest.fixture
def graph_library(monkeypatch):
    """A ``max.graph`` whose conditionals are evaluated at once; notes which were asked."""
    depths: list[int] = []

    def cond(flag, types, then, otherwise):
        depths.append(1)
        return [SimpleNamespace(tensor=(then if flag else otherwise)())]

    library = ModuleType("max.graph")
    library.ops = SimpleNamespace(cond=cond, rebind=lambda value, shape: value)
    monkeypatch.setitem(sys.modules, "max", ModuleType("max"))
    monkeypatch.setitem(sys.modules, "max.graph", library)
    return depths


def plan(count):
    tensor = {"dtype": "float32", "shape": [1], "sizes": ["n"]}
    return {
        "shapes": [{"number": n, "inputs": [tensor] * 2, "output": tensor} for n in range(count)]
    }


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 12, 16, 17, 33])
def test_each_number_chooses_its_own_shape(script, graph_library, count):
    program = script.ConditionalGraph(None, plan(count))
    for number in range(count):
        flags = [bool(number >> bit & 1) for bit in range(program.bits)]
        inputs = [f"{name}{n}" for n in range(count) for name in "ab"]
        chosen = program._choose_shape([*inputs, "sizes", *flags])
        assert chosen.shape["number"] == number
        assert chosen.inputs == [f"a{number}", f"b{number}"]


def test_the_tree_is_as_flat_as_it_can_be(script, graph_library):
    program = script.ConditionalGraph(None, plan(18))
    for number in range(18):
        graph_library.clear()
        flags = [bool(number >> bit & 1) for bit in range(5)]
        program._choose_shape([*["input"] * 36, "sizes", *flags])
        # In a row instead of a tree, 25.3 does not end on eighteen shapes.
        assert len(graph_library) <= 5
