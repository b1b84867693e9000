"""What the editions' files say of their dialects, tried with the compilers themselves.

For each change, programs of the old and of the new form are packaged with the
edition that made the change and with the one before. Toolchains that are not
installed are left out, in view; `grade toolchain install --all` brings them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from functools import cache

import pytest

from grader.puzzles import DEFAULT
from grader.sandbox import Scratch, Wanted, probe_once
from grader.toolchain import edition as editions
from grader.toolchain.detect import compare
from grader.toolchain.dialect import hits, words
from grader.toolchain.packaging import package
from grader.toolchain.toolchain import is_installed, locate
from grader.toolchain.workspace import Workspace

NAMES_OF_EDITIONS = editions.names()


def older(edition: str, than: str) -> bool:
    return NAMES_OF_EDITIONS.index(edition) < NAMES_OF_EDITIONS.index(than)


@cache
def packages(edition: str, text: str) -> tuple[bool, str]:
    """Whether a program packages, and what the compiler says."""
    known = editions.find(edition)
    if not is_installed(known):
        pytest.skip(f"the toolchain of edition {edition} is not installed: grade toolchain install")
    with Scratch() as scratch:
        workspace = Workspace(
            locate(known), scratch, isolation=probe_once(Wanted.AUTO).level, module=DEFAULT
        )
        workspace.install(text.encode())
        done = package(workspace)
    return done.ok, done.output


def keyword(edition: str) -> str:
    return "fn" if older(edition, "26.2") else "def"


def constant(edition: str) -> str:
    return "alias" if older(edition, "25.7") else "comptime"


def host(edition: str) -> str:
    if older(edition, "26.4"):
        return "gpu.host"
    return "std.gpu.host" if older(edition, "26.5") else "max.gpu.host"


def launch(call: str) -> Callable[[str], str]:
    return lambda edition: (
        f"from {host(edition)} import DeviceContext\n"
        f"{keyword(edition)} k(x: Int): pass\n"
        f"{keyword(edition)} f(ctx: DeviceContext) raises:\n"
        f"    ctx.{call}(1, grid_dim=1, block_dim=1)\n"
    )


def op(
    *, output: str = "output", parameters: str = "rank=1, static_spec=_", body: str = "pass"
) -> Callable[[str], str]:
    def written(edition: str) -> str:
        new = not older(edition, "26.4")
        of = "extensibility" if new else "tensor"
        module = "extensibility" if new else "compiler"
        context = host(edition) if new else "runtime.asyncrt"
        name = "DeviceContext" if new else "DeviceContextPtr"
        return (
            f"import {module}\nfrom {of} import InputTensor, OutputTensor\n"
            f'from {context} import {name}\n@{module}.register("x")\nstruct X:\n    @staticmethod\n'
            f"    {keyword(edition)} execute[target: StaticString](\n"
            f"        {output}: OutputTensor[rank=1{_spec(parameters)}],\n"
            f"        input: InputTensor[{parameters}],\n        ctx: {name},\n    ) raises:\n"
            f"        {body}\n"
        )

    return written


def _spec(parameters: str) -> str:
    return ", static_spec=_" if "static_spec" in parameters else ""


def in_function(body: str) -> Callable[[str], str]:
    return lambda edition: f"{keyword(edition)} f[a: Int]():\n    {body}\n"


def line(text: str) -> Callable[[str], str]:
    return lambda edition: f"{text}\n"


INDICES = ("thread_idx", "block_idx", "block_dim", "grid_dim", "global_idx", "lane_id", "WARP_SIZE")

PROGRAMS: dict[str, Callable[[str], str]] = {
    # 25.4
    "(out:": line("fn f(out: Int): pass"),
    ", out:": line("fn f(x: Int, out: Int): pass"),
    "InputTensor[type =": op(parameters="type=output.type, rank=1"),
    "InputTensor[dtype =": op(parameters="dtype=output.dtype, rank=1, static_spec=_"),
    # 25.6.1
    "^from sys import size_of": line("from sys import size_of"),
    "^from sys.info import size_of": line("from sys.info import size_of"),
    # 25.7
    "layout.tensor_builder": line("from layout.tensor_builder import LayoutTensorBuild"),
    "LayoutTensorBuild": line("from layout.tensor_builder import LayoutTensorBuild"),
    "MutAnyOrigin": lambda edition: f"{constant(edition)} X = MutAnyOrigin\n",
    "ImmutAnyOrigin": lambda edition: f"{constant(edition)} X = ImmutAnyOrigin\n",
    "^comptime ... =": line("comptime X = 3"),
    "^from sys import sizeof": line("from sys import sizeof"),
    "^from sys.info import sizeof": line("from sys.info import sizeof"),
    "^from sys.info import simdwidthof": line("from sys.info import simdwidthof"),
    "LegacyUnsafePointer": lambda edition: (
        f"{keyword(edition)} f(x: LegacyUnsafePointer[Int]): pass\n"
    ),
    # 26.1
    "MutableAnyOrigin": lambda edition: f"{constant(edition)} X = MutableAnyOrigin\n",
    "ImmutableAnyOrigin": lambda edition: f"{constant(edition)} X = ImmutableAnyOrigin\n",
    "enqueue_function_checked[": launch("enqueue_function_checked[k, k]"),
    "enqueue_function[...](": launch("enqueue_function[k]"),
    "enqueue_function[..., ...](": launch("enqueue_function[k, k]"),
    "^from std": line("from std.math import sqrt"),
    "^import std": line("import std.math"),
    "gpu.id import": line("from gpu.id import thread_idx"),
    # 26.2
    "OutputTensor[rank = ...]": op(parameters="rank=1"),
    "InputTensor[rank = ...]": op(parameters="rank=1"),
    "InputTensor[dtype = ..., rank = ...]": op(parameters="dtype=output.dtype, rank=1"),
    "LayoutTensor[mut = ..., ..., ...]": lambda edition: (
        "from layout import Layout, LayoutTensor\n"
        f"{keyword(edition)} f[l: Layout](a: LayoutTensor[mut=True, DType.float32, l]): pass\n"
    ),
    "^comptime if": in_function("comptime if a > 2:\n        pass"),
    "^comptime for": in_function("comptime for i in range(a):\n        pass"),
    "^comptime assert": in_function('comptime assert a > 2, "x"'),
    "^def ... raises": line("def f() raises: pass"),
    "^from layout import TileTensor": line("from layout import TileTensor"),
    "^from layout import TensorLayout": line("from layout import TensorLayout"),
    "^from layout.tile_tensor": line("from layout.tile_tensor import stack_allocation"),
    "^from layout.tile_layout": line("from layout.tile_layout import row_major"),
    # 26.3
    "to_tile_tensor()": op(body="var a = output.to_tile_tensor()\n        _ = a.ptr"),
    # 26.4
    "^fn": line("fn f(): pass"),
    "^import gpu": line("import gpu"),
    "^from runtime": line("from runtime.asyncrt import DeviceContextPtr"),
    "DeviceContextPtr": line("from runtime.asyncrt import DeviceContextPtr"),
    "get_device_context()": lambda edition: (
        "from runtime.asyncrt import DeviceContextPtr\n"
        f"{keyword(edition)} f(ctx: DeviceContextPtr) raises:\n"
        "    var g = ctx.get_device_context()\n    _ = g\n"
    ),
    "^from tensor import": line("from tensor import InputTensor"),
    "^from tensor.": line("from tensor.managed_tensor_slice import InputTensor"),
    "extensibility": line("import extensibility"),
    "enqueue_function_unchecked[": launch("enqueue_function_unchecked[k]"),
    # 26.5
    "^import compiler": line("import compiler"),
    "^from compiler": line("from compiler import register"),
    "@compiler.register": line('import compiler\n@compiler.register("x")\nstruct X: pass'),
    "^from std.gpu.host import DeviceContext": line("from std.gpu.host import DeviceContext"),
    "^from std.gpu.host import DeviceBuffer": line("from std.gpu.host import DeviceBuffer"),
    "^from std.gpu import barrier": line("from std.gpu import barrier"),
    "^from std.gpu.sync": line("from std.gpu.sync import barrier"),
    "^from std.gpu.memory": line("from std.gpu.memory import AddressSpace"),
    "^from max.": line("from max.gpu.host import DeviceContext"),
    "^import max.": line("import max.gpu"),
    "enqueue_function_experimental[": launch("enqueue_function_experimental[k]"),
    # 26.6
    "^from std.gpu": line("from std.gpu import thread_idx"),
    "^import std.gpu": line("import std.gpu"),
    **{f"^from max.gpu import {name}": line(f"from max.gpu import {name}") for name in INDICES},
    "^from max.gpu.globals": line("from max.gpu.globals import WARP_SIZE"),
    "^alias": line("alias X = 3"),
    "^@parameter ^if": in_function("@parameter\n    if a > 2:\n        pass"),
    "^@parameter ^for": in_function("@parameter\n    for i in range(a):\n        pass"),
    # 26.7
    "to_layout_tensor()": op(body="var a = output.to_layout_tensor()\n        _ = a.ptr"),
}
"""For each pattern a program that has it, and that else is of the edition that it is tried with."""

NAMED = {"gpu": "barrier", "memory": "UnsafePointer", "sys": "argv", "math": "sqrt"}
NAMED |= {"random": "seed", "os": "abort", "time": "sleep", "utils": "Index", "bit": "pop_count"}
NAMED |= {"collections": "List", "testing": "assert_equal", "builtin.dtype": "DType"}
NAMED |= {"python": "Python", "benchmark": "run", "gpu.host": "DeviceContext"}
NAMED |= {"gpu.sync": "barrier", "gpu.memory": "AddressSpace"}
PROGRAMS |= {
    f"^from {module.split('.')[0] if module.startswith('builtin') else module}": line(
        f"from {module} import {name}"
    )
    for module, name in NAMED.items()
}
PROGRAMS["^from gpu import barrier"] = line("from gpu import barrier")


def claims() -> Iterator[tuple[str, str, bool]]:
    """Pattern, edition, and whether it packages there, at each border that a file describes."""
    for before, name in itertools.pairwise(NAMES_OF_EDITIONS):
        for change in editions.find(name).changes:
            for pattern in change.old:
                yield pattern, name, False
                if not _old_before(pattern, name):
                    yield pattern, before, True
            for pattern in change.new:
                yield pattern, before, False
                yield pattern, name, True


def _old_before(pattern: str, name: str) -> bool:
    """Whether an earlier edition has already rejected it: then this one only says what to write."""
    return any(
        compare(PROGRAMS[pattern](each), each)
        for each in NAMES_OF_EDITIONS[: NAMES_OF_EDITIONS.index(name)][-1:]
    )


ALL = sorted(set(claims()))


def test_every_pattern_of_the_files_has_a_program() -> None:
    patterns = {
        pattern
        for name in NAMES_OF_EDITIONS
        for change in editions.find(name).changes
        for pattern in (*change.old, *change.new)
    }
    assert patterns == set(PROGRAMS)
    for pattern, program in PROGRAMS.items():
        assert any(hits(words(program(name)), [pattern]) for name in NAMES_OF_EDITIONS), pattern


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("pattern", "edition", "wanted"),
    ALL,
    ids=[f"{edition} {pattern}" for pattern, edition, _ in ALL],
)
def test_a_pattern_packages_where_the_files_say(pattern: str, edition: str, wanted: bool) -> None:
    ok, output = packages(edition, PROGRAMS[pattern](edition))
    assert ok is wanted, output[-1500:]


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", NAMES_OF_EDITIONS)
def test_messages_at_a_border_are_what_the_compilers_say(name: str) -> None:
    before = NAMES_OF_EDITIONS[max(0, NAMES_OF_EDITIONS.index(name) - 1)]
    for change in editions.find(name).changes:
        for pattern, edition, message in (
            *((pattern, name, change.message) for pattern in change.old),
            *((pattern, before, change.message_before) for pattern in change.new),
        ):
            if message and pattern in PROGRAMS:
                _, output = packages(edition, PROGRAMS[pattern](edition))
                assert re.search(message, output), f"{pattern} on {edition}: {output[-600:]}"
