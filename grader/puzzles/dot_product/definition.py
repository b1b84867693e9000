"""The dot product: ``output[0] = sum of a[i] * b[i]``, by one block.

The task has as many elements as threads, eight, and only there is the book's own answer right: with
fewer elements it adds up cells of shared memory that nothing wrote. So that size alone is assigned.
"""

from __future__ import annotations

from collections.abc import Mapping

from grader.puzzle_kit import (
    Arrays,
    Command,
    Compiles,
    ExpectedOutput,
    KernelLaunch,
    Kernels,
    Part,
    Puzzle,
    RubricItem,
    Scalar,
    Size,
    Sizes,
    sum_of_products,
)
from grader.puzzles.dot_product.mistakes import MISTAKES
from grader.puzzles.programs import TPB, graded, numbers, places, program, tensor, threads


def expected(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """The sum of the products, in any order."""
    factors = [numbers(inputs, name)[None, :] for name in ("a", "b")]
    return {"output": sum_of_products(factors)}


PART = Part(
    name="dot_product",
    title="the kernel dot_product",
    formula="output[0] = sum(a[i] * b[i] for i in range(size))",
    domain=f"size {TPB}, in one block of {TPB} threads",
    code=Kernels(
        launches=(
            KernelLaunch(
                function="dot_product",
                older_parameters=(("layout", "out_layout"),),
                arguments=("output", "a", "b", Scalar("size")),
                block=(threads, 1, 1),
            ),
        ),
        constants={"SIZE": "size", "TPB": threads, "dtype": "DType.float32"},
    ),
    tensors=(
        tensor("output", "output", 1),
        tensor("a", "input", "size"),
        tensor("b", "input", "size"),
    ),
    sizes=(Size(name="size", low=1, high=64),),
    assigned=lambda sizes: sizes["size"] == TPB,
    boundaries=tuple({"size": size} for size in (8, 1, 3, 7, 16, 33, 64)),
    random_robust=1,
    terms=lambda sizes: sizes["size"],
    expected=expected,
    mistakes=MISTAKES,
)

PUZZLE = Puzzle(
    name="dot_product",
    title="Dot product by one block",
    parts=(PART,),
    rubric=(
        RubricItem(check=Compiles(title="The kernel compiles"), points=5),
        *graded(
            "dot_product",
            (45, 25, 20),
            integers="Do the reduction by hand for eight products: which cells does each step "
            "add, and which are never added?",
            robust=(
                10,
                "right for every size from 1 to 64",
                "A thread without an element has to leave a zero in its cell.",
            ),
        ),
        program(Command(printed=(140,))),
    ),
    book=places(12, layouts=True, before=10),
    first_step="Multiply one pair of elements in each thread, put the product into shared memory, "
    "and add the cells up by halves, with a barrier behind each step.",
)
