"""An author's functions, tried at some sizes: what they give has to make sense there.

Where one raises, that is a problem like any other. All together takes a few milliseconds.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from grader.folders import edition_names
from grader.model.domains import OwnValues, Sizes, Values
from grader.model.expected import ExpectedOutput
from grader.model.fields import FieldProblem, asked, number_at, problems_in, sure_sizes
from grader.model.numbers import range_of
from grader.model.part import Arrays, Part, TensorSpec

SAMPLE: Final = 200
"""How many sizes are checked besides those that are always tried."""
ELEMENTS: Final = 2**20
"""Elements of all tensors together up to which `Part.expected` is called at the boundaries."""
MEMORY: Final = 128 << 20
"""Bytes of all tensors together at most. Of each byte the software device keeps nine more, and its
process has 3 GiB."""


def problems_of_functions(part: Part) -> tuple[str, ...]:
    """What is wrong with what a part's functions give. Its data have to make sense."""
    return problems_in(
        part,
        assigned=_assigned,
        terms=_terms,
        given=_given,
        tensors=_memory,
        example=_example,
        expected=_expected,
    )


def _assigned(part: Part) -> Iterator[str]:
    points = part.domain_points() if part.enumerable else _some_points(part)
    if not any(asked("assigned", part.assigned, sizes) for sizes in points):
        yield "no size is assigned"
    if part.example is not None and not part.assigned(part.example.sizes):
        yield "the example's sizes are not assigned ones"


def _terms(part: Part) -> Iterator[str]:
    low, high = part.integers
    if low >= high:
        yield f"integers go from {low} to {high}"
    for sizes in _some_points(part) if part.factors else ():
        terms = number_at("terms", part.terms, sizes)
        if terms < 1:
            yield f"an output at {sizes} sums {terms} products"
            return
        if any(terms > range_of(tensor.dtype).exact for tensor in part.factors):
            yield f"an output at {sizes} sums {terms} products, more than its type counts exactly"
            return


def _some_points(part: Part) -> Iterator[dict[str, int]]:
    yield from sure_sizes(part)
    random = np.random.default_rng(0)
    drawn = {s.name: random.integers(s.low, s.high + 1, SAMPLE).tolist() for s in part.sizes}
    for number in range(SAMPLE):
        yield {name: values[number] for name, values in drawn.items()}


def _given(part: Part) -> Iterator[str]:
    given = part.given
    reads = {} if given is None else {"reads": given.reads}
    zeros = {"shared_holds_zeros": part.shared_holds_zeros}
    for edition, needs in {} if given is None else given.needs_zeros.items():
        if edition not in edition_names():
            yield f"needs_zeros of the given kernel names {edition!r}, which is no edition"
            return
        reads[f"reads in {edition}"], zeros[f"at in {edition}"] = needs.reads, needs.at
    for sizes in itertools.islice(sure_sizes(part), 2):
        for field, function in zeros.items():
            asked(field, function, sizes)
        for field, read in reads.items():
            elements: object = asked(field, read, sizes)
            if not isinstance(elements, frozenset):
                yield f"{field} of the given kernel gives {_kind(elements)}; write a frozenset"
                return


def _memory(part: Part) -> Iterator[str]:
    for sizes in sure_sizes(part):
        length = sum(tensor.length(sizes) for tensor in part.tensors)
        if length > MEMORY:
            yield (
                f"the tensors at {sizes} have {length:,} bytes together, and the software device "
                f"has room for {MEMORY:,}; make the largest sizes smaller"
            )
            return


def _example(part: Part) -> Iterator[str]:
    """The example's inputs are of the tensors' shapes and types, and its outputs right."""
    example = part.example
    if example is None:
        return
    for tensor in part.inputs:
        given, wanted = example.inputs[tensor.name], tensor.extents(example.sizes)
        if given.shape != wanted or given.dtype != tensor.numpy:
            yield (
                f"the example's {tensor.name} is {given.dtype} {given.shape}, and the op takes "
                f"{tensor.dtype} {wanted}"
            )
            return
    right = _right(part, example.inputs, example.sizes)
    for tensor in part.outputs:
        value = right[tensor.name].value.ravel().astype(np.float64)
        if not np.array_equal(value, np.asarray(example.outputs[tensor.name], np.float64)):
            yield f"the example's {tensor.name} is not what `expected` says"


def _expected(part: Part) -> Iterator[str]:
    """What `expected` gives at the boundaries, the small ones first."""
    undecided, elements = {tensor.name for tensor in part.outputs}, 0
    for sizes in sorted(part.boundaries, key=lambda each: _elements(part, each)):
        if elements and elements + _elements(part, sizes) > ELEMENTS:
            break
        elements += _elements(part, sizes)
        right = _right(part, _some_inputs(part, sizes), sizes)
        undecided -= {name for name, output in right.items() if output.decided.any()}
    for name in sorted(undecided) if part.boundaries else ():
        yield (
            f"expected decides no element of {name} at any boundary, so that nothing of it could "
            "be graded"
        )


def _elements(part: Part, sizes: Sizes) -> int:
    return sum(tensor.count(sizes) for tensor in part.tensors)


def _some_inputs(part: Part, sizes: Sizes) -> Arrays:
    """Whole numbers, of both signs where the type has them."""
    return {
        tensor.name: asked(f"the domain of {tensor.name}", _drawn, tensor, sizes)
        for tensor in part.inputs
    }


def _drawn(tensor: TensorSpec, sizes: Sizes) -> NDArray[np.generic]:
    if isinstance(tensor.domain, OwnValues):
        spec = tensor.array_spec(sizes, Values.INTEGERS)
        return tensor.domain.draw(spec, np.random.default_rng(0))
    ones: NDArray[Any] = np.ones(tensor.extents(sizes), tensor.numpy)
    if not tensor.dtype.startswith("u"):
        ones.reshape(-1)[1::2] *= -1
    return ones


def _right(part: Part, inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """What `expected` gives. Raises `FieldProblem` where that is no answer to compare with."""
    with np.errstate(all="ignore"):
        right = asked("expected", part.expected, inputs, sizes)
    names = sorted(tensor.name for tensor in part.outputs)
    wanted = f'write {{"{names[0]}": ExpectedOutput.exactly(value)}}'
    if not isinstance(right, Mapping):
        raise FieldProblem(f"expected gives {_kind(right)}, and has to name its outputs; {wanted}")
    if set(right) != set(names):
        raise FieldProblem(f"expected gives the outputs {[*right]}, and the part has {names}")
    for tensor in part.outputs:
        output = right[tensor.name]
        if not isinstance(output, ExpectedOutput):
            raise FieldProblem(f"the expected {tensor.name} is {_kind(output)}; {wanted}")
        if said := _not_comparable(output, tensor.extents(sizes)):
            raise FieldProblem(f"the expected {tensor.name} at {dict(sizes)} is wrong: {said}")
    return right


def _kind(value: object) -> str:
    return "None" if value is None else f"a value of the type {type(value).__name__}"


def _not_comparable(output: ExpectedOutput, shape: tuple[int, ...]) -> str:
    """Why no output of a shape can be compared with it; empty where it can."""
    for field in fields(output):
        array = getattr(output, field.name)
        if not isinstance(array, np.ndarray):
            return f"its {field.name} is {_kind(array)}; write an array"
        if array.shape != shape:
            return f"its {field.name} has the shape {array.shape}, and the output {shape}"
        # Of kind V is bfloat16.
        kinds = "b" if field.name in _MASKS else "biufV" if field.name == "value" else "iuf"
        if array.dtype.kind not in kinds:
            wanted = "True and False" if field.name in _MASKS else "numbers"
            return f"its {field.name} has the type {array.dtype}; write {wanted}"
    finite = np.isfinite(output.value.astype(np.float64))
    for name in _BOUNDS:
        # Written so that NaN fails, too.
        if not (getattr(output, name)[finite] >= 0).all():
            return f"its {name} is negative or NaN somewhere; a distance is 0 or more"
    return ""


_BOUNDS: Final = ("allowed", "rearranged")
_MASKS: Final = ("may_overflow", "decided", "exact", "may_be_nan")
