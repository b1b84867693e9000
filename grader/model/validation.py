"""What is wrong with a part of a puzzle: a sentence for each problem, with the field."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import cache
from typing import Final

from grader.device import MAX_CLUSTER, MAX_THREADS_PER_BLOCK
from grader.model.code import Constant, HostCall, KernelLaunch, Kernels, Op, Real, Scalar
from grader.model.fields import (
    is_name,
    is_whole,
    looked_at,
    no_name,
    number_at,
    problems_in,
    sure_sizes,
    twice,
)
from grader.model.functions import problems_of_functions
from grader.model.numbers import DTYPES
from grader.model.part import Part, TensorSpec

GRID: Final = (2**31 - 1, 65535, 65535)
BLOCK: Final = (MAX_THREADS_PER_BLOCK, MAX_THREADS_PER_BLOCK, 64)
"""The most of a GPU along x, y and z, as CUDA's programming guide has it."""
ARGUMENTS: Final = 8
"""The most arguments of a kernel: the harness can pass on so many."""
_TOGETHER: Final = {"block": MAX_THREADS_PER_BLOCK, "cluster": MAX_CLUSTER}
_HAS_CLUSTERS: Final = 90
"""The oldest architecture with clusters (PTX ISA, ``barrier.cluster``)."""
_ARCHITECTURE: Final = re.compile(r"sm_[1-9][0-9]+")
_WORD: Final = re.compile(r"[A-Za-z_]\w*")
_ITSELF: Final = ("True", "False")
"""Single words of Mojo that are values."""


@cache
def problems_of_part(part: Part) -> tuple[str, ...]:
    """What is wrong with a part; a rubric with other points asks again of the same one."""
    data = problems_in(
        part,
        sizes=_sizes,
        boundaries=_boundaries,
        tensors=_tensors,
        code=_code,
        example=_words,
        mistakes=_mistakes,
        budget=_budget,
    )
    return data or problems_of_functions(part)


def _sizes(part: Part) -> Iterator[str]:
    yield from no_name("the name of a part", part.name)
    yield from twice("size", [size.name for size in part.sizes])
    for size in part.sizes:
        yield from no_name("the name of a size", size.name)
        if not (is_whole(size.low) and is_whole(size.high) and 1 <= size.low <= size.high):
            yield (
                f"the size {size.name} goes from {size.low!r} to {size.high!r}; it goes from a "
                "whole number of at least 1 to one that is no smaller"
            )


def _boundaries(part: Part) -> Iterator[str]:
    shapes = [("boundaries", shape) for shape in part.boundaries]
    if part.example is not None:
        shapes.append(("the example", part.example.sizes))
    for what, shape in shapes:
        if not (all(map(is_whole, shape.values())) and part.contains(shape)):
            yield f"{dict(shape)} of {what} is outside of the sizes"
    if not shapes:
        yield "there is neither an example nor a boundary, so no size is sure to be tried"
    if min(part.random_assigned, part.random_robust) < 0:
        yield "the number of random shapes is negative"


def _tensors(part: Part) -> Iterator[str]:
    yield from twice("tensor", [tensor.name for tensor in part.tensors])
    if not part.outputs:
        yield "there is no output, so nothing could be graded"
    if not part.inputs:
        yield "there is no input, so no two cases could differ"
    highest = {size.name: size.high for size in part.sizes}
    roles = ("input", "output") if isinstance(part.code, Op) else _ROLES
    for tensor in part.tensors:
        yield from no_name("the name of a tensor", tensor.name)
        if tensor.role not in roles:
            of, may = ("an op", "input or output") if roles is not _ROLES else _OF_KERNELS
            yield f"the role of {tensor.name} is {tensor.role!r}, and a tensor of {of} is {may}"
        if tensor.dtype not in DTYPES:
            yield f"the tensor {tensor.name} has the type {tensor.dtype}, which is none of numbers"
            continue
        yield from _shape(part, tensor)
    for tensor in part.inputs:
        if tensor.dtype in DTYPES:
            told = tensor.domain.problems(tensor.dtype, tensor.shape, highest)
            yield from (f"the domain of {tensor.name} is wrong: {each}" for each in told)
    if len({tensor.dtype for tensor in part.factors}) > 1:
        names_of = ", ".join(tensor.name for tensor in part.factors)
        yield f"the factors {names_of} are of several types; give all but those of one a domain"


_ROLES: Final = ("input", "output", "inout", "scratch")
_OF_KERNELS: Final = ("kernels", "input, output, inout or scratch")


def _shape(part: Part, tensor: TensorSpec) -> Iterator[str]:
    names = {size.name for size in part.sizes}
    for extent in tensor.shape:
        if isinstance(extent, str) and extent not in names:
            yield f"the tensor {tensor.name} has the extent {extent}, which is no size"
        elif callable(extent) and isinstance(part.code, Op):
            yield f"the tensor {tensor.name} of an op has an extent that is no size and no number"
        elif not isinstance(extent, str):
            for sizes in sure_sizes(part):
                got = number_at(f"the shape of {tensor.name}", extent, sizes)
                if got < 1:
                    yield f"the shape of {tensor.name} at {sizes} has the extent {got}"
                    return


def _code(part: Part) -> Iterator[str]:
    if isinstance(part.code, Op):
        yield from _op(part, part.code)
    else:
        yield from _kernels(part, part.code)


def _op(part: Part, op: Op) -> Iterator[str]:
    if not op.name or not op.name.isprintable() or any(mark in op.name for mark in "\"'\\"):
        yield f"the name of the op is {op.name!r}; write the text that the file registers it under"
    if op.target not in ("gpu", "cpu"):
        yield f"target is {op.target!r}, and it is gpu or cpu"
    names = {size.name for size in part.sizes}
    for name, constant in op.parameters.items():
        yield from no_name("the name of a parameter", name)
        if isinstance(constant, str) and constant not in names:
            if constant not in DTYPES:
                yield f"the parameter {name} is {constant}, which is no size and no type of numbers"
        else:
            _see(f"the parameter {name}", constant, part)
    yield from twice("parameter", [*op.parameters, *op.texts])
    for name, text in op.texts.items():
        yield from no_name("the name of a parameter", name)
        if not text.isprintable() or any(mark in text for mark in "\"'\\"):
            yield f"the parameter {name} is {text!r}; write a text without quotes"


def _see(field: str, constant: Constant, part: Part) -> None:
    """Check that a constant is a whole number at the sizes that are always tried."""
    # A number is the same at all sizes, and the name of a size is a whole number at each.
    for sizes in sure_sizes(part) if callable(constant) else [{s.name: s.low for s in part.sizes}]:
        number_at(field, constant, sizes)


def _kernels(part: Part, kernels: Kernels) -> Iterator[str]:
    if not kernels.launches:
        yield "no kernel is launched"
    names = {size.name for size in part.sizes}
    for name, constant in kernels.constants.items():
        yield from no_name("the name of a constant", name)
        if isinstance(constant, str) and constant not in names:
            yield from _mojo(f"the constant {name}", constant, names)
        else:
            _see(f"the constant {name}", constant, part)
    for launch in kernels.launches:
        yield from _launch(part, launch, names)
    yield from _architecture(kernels)
    used = {each for launch in kernels.launches for each in launch.arguments}
    for tensor in part.tensors:
        if tensor.name not in used:
            yield f"no kernel takes the tensor {tensor.name}"


def _mojo(field: str, text: str, names: set[str]) -> Iterator[str]:
    """What is wrong with a constant that stands for itself."""
    if not text.strip():
        yield f"{field} is empty; write a size, a number or a piece of Mojo"
    elif is_name(text) and text not in _ITSELF:
        yield f"{field} is {text}, which is no size; a name of the file is written ({text})"
    elif inside := names & set(_WORD.findall(text)):
        size = min(inside)
        yield (
            f"{field} is {text!r}, in which {size} is no size; "
            f'write lambda sizes: sizes["{size}"] ...'
        )


def _architecture(kernels: Kernels) -> Iterator[str]:
    written = kernels.architecture
    launches = (each for each in kernels.launches if isinstance(each, KernelLaunch))
    clusters = any(each.cluster is not None for each in launches)
    if written and not _ARCHITECTURE.fullmatch(written):
        yield f"the architecture is {written!r}; write it as the compiler does, sm_90"
    elif clusters and (not written or int(written[3:]) < _HAS_CLUSTERS):
        yield f"there are clusters, which need the architecture sm_{_HAS_CLUSTERS} or a newer one"


def _launch(part: Part, launch: KernelLaunch | HostCall, names: set[str]) -> Iterator[str]:
    for function in (*launch.functions, *launch.stand_ins):
        yield from no_name("the function of a kernel", function)
    what = launch.function
    yield from _arguments(part, launch)
    for parameter in (
        *launch.parameters,
        *(each for way in (*launch.other_parameters, *launch.older_parameters) for each in way),
    ):
        if not parameter.strip():
            yield f"a parameter of {what} is {parameter!r}; write a constant of the file"
        elif parameter in names:
            yield (
                f"the parameter {parameter} of {what} is a size; write the constant of the file "
                "that holds it"
            )
    if isinstance(launch, HostCall):
        return
    for constant in filter(None, (launch.grid_constant, launch.block_constant)):
        yield from no_name(f"the constant of {what} for its grid or block", constant)
    yield from _dimensions(part, launch)


def _dimensions(part: Part, launch: KernelLaunch) -> Iterator[str]:
    what = launch.function
    yield from looked_at(f"the grid of {what}", _extents(part, launch, "grid", GRID))
    yield from looked_at(f"the block of {what}", _extents(part, launch, "block", BLOCK))
    if launch.cluster is not None:
        most = (MAX_CLUSTER, MAX_CLUSTER, MAX_CLUSTER)
        yield from looked_at(f"the cluster of {what}", _extents(part, launch, "cluster", most))
        yield from looked_at(f"the cluster of {what}", _whole_clusters(part, launch))


def _arguments(part: Part, launch: KernelLaunch | HostCall) -> Iterator[str]:
    what, tensors = launch.function, {tensor.name for tensor in part.tensors}
    if not 1 <= len(launch.arguments) <= ARGUMENTS:
        yield f"{what} takes {len(launch.arguments)} arguments; a kernel has 1 to {ARGUMENTS}"
    for argument in launch.arguments:
        if isinstance(launch, HostCall) and not isinstance(argument, str):
            yield f"{what} takes {argument}; a HostCall gives tensors, and then the context"
        elif isinstance(argument, Scalar):
            _see(f"a Scalar of {what}", argument.value, part)
        elif isinstance(argument, Real):
            for sizes in sure_sizes(part):
                number = argument.value(sizes)
                if struct.unpack("<f", struct.pack("<f", number)) != (number,):
                    yield f"the number {argument.name} of {what} is {number}, and no Float32"
        elif argument not in tensors:
            yield (
                f"{what} takes {argument}, which is no tensor; a number is Scalar(...) or Real(...)"
            )


def _extents(
    part: Part, launch: KernelLaunch, name: str, most: tuple[int, int, int]
) -> Iterator[str]:
    field, extents = f"the {name} of {launch.function}", getattr(launch, name)
    if not (isinstance(extents, tuple) and len(extents) == len(most)):
        yield f"{field} is {extents!r}; write (x, y, z)"
        return
    for sizes in sure_sizes(part):
        got = tuple(number_at(field, extent, sizes) for extent in extents)
        fits = all(1 <= each <= limit for each, limit in zip(got, most, strict=True))
        together = _TOGETHER.get(name)
        if not fits or (together is not None and math.prod(got) > together):
            all_in_all = f", {together} together" if together is not None else ""
            yield f"{field} at {sizes} is {got}; it is (1, 1, 1) to {most}{all_in_all}"
            return


def _whole_clusters(part: Part, launch: KernelLaunch) -> Iterator[str]:
    for sizes in sure_sizes(part):
        grid, cluster = launch.extents(sizes)[0], launch.cluster_at(sizes) or (1, 1, 1)
        if any(blocks % each for blocks, each in zip(grid, cluster, strict=True)):
            yield f"the grid of {launch.function} at {sizes} is {grid}, no whole clusters {cluster}"
            return


def _words(part: Part) -> Iterator[str]:
    inputs = [tensor.name for tensor in part.inputs]
    known: list[tuple[str, Mapping[str, object]]] = []
    if part.words is not None:
        known.append(("words", part.words.inputs))
    if part.example is not None:
        known.append(("the example", part.example.inputs))
        if part.words is None:
            yield "there is an example, and no words to show it with"
        if sorted(part.example.outputs) != sorted(tensor.name for tensor in part.outputs):
            yield f"the outputs of the example are {sorted(part.example.outputs)}"
    for what, given in known:
        if sorted(given) != sorted(inputs):
            yield f"the inputs of {what} are {sorted(given)}, those of the op {sorted(inputs)}"


def _mistakes(part: Part) -> Iterator[str]:
    yield from twice("mistake", [mistake.name for mistake in part.mistakes])
    if not all(mistake.name for mistake in part.mistakes):
        yield "a mistake has no name"
    names = [tensor.name for tensor in part.outputs]
    for mistake in part.mistakes:
        if mistake.output and mistake.output not in names:
            yield f"the mistake {mistake.name} gives {mistake.output}, which is no output"


def _budget(part: Part) -> Iterator[str]:
    for field in fields(part.budget):
        value = getattr(part.budget, field.name)
        if not (math.isfinite(value) and value > 0):
            yield f"{field.name} of the budget is {value}; it is more than 0"
