"""What contradicts itself in a part, or can't be graded: a sentence each, with the field."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from grader.model.domains import OwnValues, Values
from grader.model.numbers import DTYPES, range_of
from grader.model.part import Kernels, Op, Part, Scope

SAMPLE = 200
"""Sizes that are looked at of a domain which is too large to go through."""


def problems_of_part(part: Part) -> Iterator[str]:
    """What is wrong with a part."""
    sizes, tensors = list(_sizes(part)), list(_tensors(part))
    yield from sizes
    yield from tensors
    if not sizes and not tensors:
        yield from _values(part)
        yield from _outputs(part)


def _sizes(part: Part) -> Iterator[str]:
    yield from twice("size", [size.name for size in part.sizes])
    for size in part.sizes:
        if not 1 <= size.low <= size.high:
            yield f"the size {size.name} goes from {size.low} to {size.high}"
    shapes = [("boundaries", shape) for shape in part.boundaries]
    if part.example is not None:
        shapes.append(("the example", part.example.sizes))
    for what, shape in shapes:
        if not part.contains(shape):
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
    names = {size.name for size in part.sizes}
    for tensor in part.tensors:
        if tensor.dtype not in DTYPES:
            yield f"the tensor {tensor.name} has the type {tensor.dtype}, which is none of numbers"
            continue
        for extent in tensor.shape:
            if isinstance(extent, str) and extent not in names:
                yield f"the tensor {tensor.name} has the extent {extent}, which is no size"
    for tensor in part.inputs:
        told = tensor.domain.problems(tensor.dtype, tensor.shape, names)
        yield from (f"the domain of {tensor.name} is wrong: {each}" for each in told)
    if len({tensor.dtype for tensor in part.factors}) > 1:
        names_of = ", ".join(tensor.name for tensor in part.factors)
        yield f"the factors {names_of} are of several types; give all but those of one a domain"
    yield from _words(part)
    yield from _op(part, part.code) if isinstance(part.code, Op) else _kernels(part, part.code)


def _op(part: Part, op: Op) -> Iterator[str]:
    if op.target not in ("gpu", "cpu"):
        yield f"target is {op.target!r}, and it is gpu or cpu"
    for tensor in part.tensors:
        if tensor.role not in ("input", "output"):
            yield f"an op has inputs and outputs, and {tensor.name} is {tensor.role!r}"
        if any(callable(extent) for extent in tensor.shape):
            yield f"the tensor {tensor.name} of an op has an extent that is no size and no number"
    names = {size.name for size in part.sizes}
    for name, constant in op.parameters.items():
        if isinstance(constant, str) and constant not in names and constant not in DTYPES:
            yield f"the parameter {name} is {constant}, which is no size and no type of numbers"


def _kernels(part: Part, kernels: Kernels) -> Iterator[str]:
    if not kernels.launches:
        yield "no kernel is launched"
    tensors, used = {tensor.name for tensor in part.tensors}, set()
    shapes = part.boundaries or ((part.example.sizes,) if part.example else ())
    for launch in kernels.launches:
        for argument in launch.arguments:
            if isinstance(argument, str):
                used.add(argument)
                if argument not in tensors:
                    yield f"{launch.function} takes {argument}, which is no tensor"
        for sizes in shapes:
            for what, extents in zip(("grid", "block"), launch.extents(sizes), strict=True):
                if min(extents) < 1:
                    yield f"the {what} of {launch.function} at {dict(sizes)} is {extents}"
    for name in sorted(tensors - used):
        yield f"no kernel takes the tensor {name}"


def _words(part: Part) -> Iterator[str]:
    inputs = [tensor.name for tensor in part.inputs]
    known: list[tuple[str, Collection[str]]] = []
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


def _values(part: Part) -> Iterator[str]:
    low, high = part.integers
    if low >= high:
        yield f"integers go from {low} to {high}"
    points = _some_points(part)
    if not any(map(part.assigned, points)):
        yield "no size is assigned"
    for sizes in points if part.factors else ():
        terms = part.terms(sizes)
        if terms < 1:
            yield f"an output at {sizes} sums {terms} products"
            return
        if any(terms > range_of(tensor.dtype).exact for tensor in part.factors):
            yield f"an output at {sizes} sums {terms} products, more than its type counts exactly"
            return


def _some_points(part: Part) -> list[dict[str, int]]:
    if part.enumerable:
        return list(part.domain_points())
    random = np.random.default_rng(0)
    points = [dict(shape) for shape in part.boundaries]
    for scope in Scope:
        points += part.sampled(scope, SAMPLE, random, without=())
    return points


def _outputs(part: Part) -> Iterator[str]:
    """The example's outputs are what `expected` says, and those of other sizes have the shapes."""
    example = part.example
    if example is not None:
        if not part.assigned(example.sizes):
            yield "the example's sizes are not assigned ones"
        for tensor in part.inputs:
            given, wanted = example.inputs[tensor.name], tensor.extents(example.sizes)
            if given.shape != wanted or given.dtype != tensor.numpy:
                yield (
                    f"the example's {tensor.name} is {given.dtype} {given.shape}, and the op takes "
                    f"{tensor.dtype} {wanted}"
                )
                return
        inputs, sizes = example.inputs, example.sizes
    else:
        sizes = part.boundaries[0]
        inputs = {
            tensor.name: tensor.domain.draw(
                tensor.array_spec(sizes, Values.INTEGERS), np.random.default_rng(0)
            )
            if isinstance(tensor.domain, OwnValues)
            else np.ones(tensor.extents(sizes), tensor.numpy)
            for tensor in part.inputs
        }
    right = part.expected(inputs, sizes)
    if sorted(right) != sorted(tensor.name for tensor in part.outputs):
        yield f"expected gives the outputs {sorted(right)}"
        return
    for tensor in part.outputs:
        value, wanted = right[tensor.name].value, tensor.extents(sizes)
        if value.shape != wanted:
            yield f"the expected {tensor.name} is {value.shape}, and the op's {wanted}"
        elif example is not None and not np.array_equal(
            value.ravel().astype(np.float64), np.asarray(example.outputs[tensor.name], np.float64)
        ):
            yield f"the example's {tensor.name} is not what `expected` says"


def twice(what: str, names: Sequence[str]) -> Iterator[str]:
    """Names that are there more than once."""
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"the {what} {name} is there twice"
