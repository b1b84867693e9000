"""What of a program is compiled: a copy for each set of constants, a part alone if need be."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest

from grader.lanes import kernel_build
from grader.lanes.kernel_build import build_kernels, to_ptx
from grader.model.cases import PlannedShape
from grader.model.code import KernelLaunch, Kernels
from grader.model.expected import ExpectedOutput
from grader.model.part import Part, Size, TensorSpec
from grader.record import Diagnostic, Reason
from grader.sandbox import Limits
from grader.toolchain.kernels import CompiledKernel, CompiledKernels
from grader.toolchain.packaging import Packaged
from tests.grading.test_blame import ended

PROGRAM = """\
comptime SIZE = 4
comptime TPB = 8

def first[size: Int](out: P, a: P):
    comptime t = TPB
    out[0] = a[0]

def second(out: P, a: P):
    out[0] = a[1]

def main():
    ctx.enqueue_function[first](out, a)
"""


class Compiler:
    """Stands in for the real one: a text with ``mistake`` in it does not compile."""

    def __init__(self):
        self.copies = []

    @property
    def wanted(self):
        """The kernels of all copies."""
        return [each for copies in self.copies for copy in copies for each in copy.kernels]

    def __call__(self, workspace, copies, *, limits, meanwhile=None, head_start=0.0):
        self.copies.append(copies)
        if meanwhile is not None:
            meanwhile()
        lines = copies[0].text.split("\n")
        errors = [
            Diagnostic(severity="error", message="no", stage="compile", line=number)
            for number, line in enumerate(lines, 1)
            if "mistake" in line
        ]
        late = len(self.copies) > 1 and "slow" in copies[0].text
        ok = not late and not any("mistake" in copy.text for copy in copies)
        kernels = [
            {
                kernel: CompiledKernel(kernel.function, copy.text, kernel.function, "k0")
                for kernel in copy.kernels
            }
            for copy in copies
        ]
        outcome = ended("limit" if late else "died", exit_code=int(not ok)).outcome
        packaged = Packaged(ok=ok, diagnostics=tuple(errors), outcome=outcome, output="")
        return CompiledKernels(packaged=packaged, kernels=kernels if ok else [])


@pytest.fixture
def compiler(monkeypatch):
    found = Compiler()
    monkeypatch.setattr(kernel_build, "compile_kernels", found)
    return found


def part(name: str, *, block: str = "", **constants: int | str) -> Part:
    launch = KernelLaunch(
        function=name,
        arguments=("out", "a"),
        block=("n", 1, 1),
        parameters=("SIZE",) if name == "first" else (),
        block_constant=block,
    )
    return Part(
        name=name, title=f"the kernel {name}", formula="", domain="",
        code=Kernels(launches=(launch,), constants={**constants} or {"SIZE": "n"}),
        tensors=(
            TensorSpec(name="out", role="output", dtype="float32", shape=("n",)),
            TensorSpec(name="a", role="input", dtype="float32", shape=("n",)),
        ),
        sizes=(Size(name="n", low=1, high=64),),
        assigned=lambda sizes: True,
        boundaries=({"n": 4},),
        expected=lambda inputs, sizes: {"out": ExpectedOutput.exactly(inputs["a"])},
    )  # fmt: skip


def shapes(*parts: Part, sizes=(4, 7)):
    each = [(part, n) for part in parts for n in sizes]
    return [
        PlannedShape(number=number, part=part, sizes={"n": n}, origin="boundary")
        for number, (part, n) in enumerate(each)
    ]


def build(text, *parts, sizes=(4, 7), passed_over=(), first_look=None):
    return build_kernels(
        text,
        shapes(*parts, sizes=sizes),
        contextlib.nullcontext,
        to_ptx,
        limits=Limits(),
        passed_over=passed_over,
        first_look=first_look,
    )


def looked(*lines: int, limit: bool = False) -> Packaged:
    """What a first look shows of a file with errors in these lines."""
    errors = [
        Diagnostic(severity="error", message="no", stage="compile", line=number) for number in lines
    ]
    outcome = ended("limit" if limit else "died", exit_code=int(bool(errors))).outcome
    return Packaged(ok=not errors, diagnostics=tuple(errors), outcome=outcome, output="")


def test_parts_of_one_size_share_a_copy(compiler):
    built = build(PROGRAM, part("first"), part("second"))
    assert built.ok
    assert not built.refused
    ((one, two),) = compiler.copies
    assert "comptime SIZE = 4\n" in one.text
    assert "comptime SIZE = 7\n" in two.text
    assert [kernel.of("m") for kernel in one.kernels] == ["m.first[m.SIZE]", "m.second"]
    assert built.kernels[3][0].entry == "second"
    assert "SIZE = 7" in built.kernels[3][0].ptx


def test_a_mistake_in_one_kernel_costs_that_part_alone(compiler):
    text = PROGRAM.replace("out[0] = a[1]", "out[0] = mistake")
    built = build(text, part("first"), part("second"))
    assert not built.ok
    assert {name: why.reason for name, why in built.refused.items()} == {
        "second": Reason.NOT_COMPILED
    }
    assert sorted(built.kernels) == [0, 1]
    alone = compiler.copies[1][0].text
    assert len(compiler.copies) == 2, "the part with the mistake is not compiled again"
    assert "mistake" not in alone
    assert alone.count("\n") == text.count("\n")


def in_first_and(word: str) -> list[int]:
    lines = PROGRAM.split("\n")
    return [6, next(number for number, line in enumerate(lines, 1) if word in line)]


def test_a_first_look_that_refuses_a_kernel_of_each_part_is_how_it_ends(compiler):
    refusal = looked(*in_first_and("a[1]"))
    built = build(PROGRAM, part("first"), part("second"), first_look=lambda seconds: refusal)
    assert built.packaged is refusal
    assert {why.reason for why in built.refused.values()} == {Reason.NOT_COMPILED}
    assert set(built.refused) == {"first", "second"}
    assert not compiler.copies


def test_a_first_look_that_is_late_ends_the_compile(compiler):
    refusal = looked(6)
    built = build(PROGRAM, part("first"), first_look=lambda seconds: refusal if seconds else None)
    assert built.packaged is refusal
    assert len(compiler.copies) == 1


@pytest.mark.parametrize(
    "look",
    [
        None,
        looked(),
        looked(*in_first_and("enqueue_function")),
        looked(6),
        looked(*in_first_and("a[1]"), limit=True),
    ],
    ids=["late", "nothing", "one part and main", "one part", "a limit"],
)
def test_what_a_first_look_leaves_open_the_compile_decides(compiler, look):
    built = build(PROGRAM, part("first"), part("second"), first_look=lambda seconds: look)
    assert built.ok
    assert sorted(built.kernels) == [0, 1, 2, 3]


def test_a_mistake_in_main_costs_no_kernel(compiler):
    text = PROGRAM.replace("enqueue_function", "mistake")
    built = build(text, part("first"))
    assert not built.ok
    assert sorted(built.kernels) == [0, 1]


def test_a_mistake_at_the_top_level_costs_all(compiler):
    built = build(PROGRAM + "mistake\n", part("first"), part("second"))
    assert set(built.refused) == {"first", "second"}
    assert not built.kernels


OLD = """\
comptime SIZE = 4
comptime wide = Layout.row_major(SIZE)

fn old[layout: Layout](out: LayoutTensor[dtype, layout], a: P):
    out[0] = a[0]

def main():
    pass
"""


def older(*parameters: tuple[str, ...]) -> Part:
    launch = KernelLaunch(
        function="second",
        arguments=("out", "a"),
        block=("n", 1, 1),
        older_functions=("old",),
        older_parameters=parameters,
    )
    return replace(part("second"), code=Kernels(launches=(launch,), constants={"SIZE": "n"}))


def test_a_kernel_of_an_older_edition_has_its_name_and_parameters(compiler):
    built = build(OLD, older(("narrow",), ("wide",)))
    assert not built.refused
    assert {kernel.of("m") for kernel in compiler.wanted} == {"m.old[m.wide]"}


@pytest.mark.parametrize(
    ("text", "ways"), [(OLD, ()), (OLD.replace("LayoutTensor[dtype, layout]", "P"), (("wide",),))]
)
def test_parameters_of_older_editions_are_for_kernels_with_layout_tensors(compiler, text, ways):
    assert build(text, older(*ways)).refused["second"].reason is Reason.SIGNATURE


def test_a_kernel_under_another_name_is_the_one_that_main_launches(compiler):
    text = PROGRAM.replace("def first[", "def mine[").replace("[first]", "[mine]")
    built = build(text, part("first"), part("second"))
    assert built.kernels[0][0].entry == "mine"
    assert built.taken == {"first": "mine"}
    named = text.replace("[mine]", "[kernel]").replace(
        "main():", "main():\n    alias kernel = mine"
    )
    assert build(named, part("first"), part("second")).kernels[0][0].entry == "mine"
    # The kernel of a part that is not compiled is none of them.
    both = text + "    ctx.enqueue_function[second](out, a)\n"
    assert "first" in build(both, part("first")).refused
    assert not build(both, part("first"), passed_over=("second",)).refused
    # Of two that nobody knows, none is guessed.
    unsure = build(text.replace("second", "other") + "    ctx.enqueue_function[other](out)\n",
                   part("first"), part("second"))  # fmt: skip
    assert unsure.refused["first"].data == {"function": "first"}


@pytest.mark.parametrize(
    ("text", "passed_over", "taken"),
    [
        (PROGRAM.replace("def second", "def other"), (), "other"),
        (PROGRAM + "def other(out: P, a: P):\n    out[0] = a[2]\n", (), "second"),
        (PROGRAM + "def other(out: P, a: P):\n    out[0] = a[2]\n", ("second",), "other"),
    ],
    ids=["missing", "both", "nothing filled in"],
)
def test_another_kernel_stands_in_for_one(compiler, text, passed_over, taken):
    of = part("second")
    (launch,) = of.code.launches
    launches = (replace(launch, stand_ins=("none_of_it", "other")),)
    of = replace(of, code=replace(of.code, launches=launches))
    built = build(text, of, passed_over=passed_over)
    assert [kernel.entry for kernels in built.kernels.values() for kernel in kernels] == [taken] * 2
    assert built.taken == ({"second": taken} if taken != "second" else {})


@pytest.mark.parametrize(
    ("text", "why", "line"),
    [
        (PROGRAM.replace("SIZE = 4", "LENGTH = 4"), "missing", 0),
        (PROGRAM.replace("SIZE = 4", "SIZE = 2 * TPB"), "computed", 1),
        (PROGRAM + "comptime SIZE = 4\n", "twice", 13),
    ],
)
def test_a_constant_that_can_not_be_set_is_told_and_not_guessed(compiler, text, why, line):
    built = build(text, part("first"))
    assert built.refused["first"].reason is Reason.CONSTANT_UNSET
    assert built.refused["first"].data == {"constant": "SIZE", "why": why, "line": line}
    assert not compiler.wanted
    assert built.ok


def test_a_file_need_not_name_its_type_of_numbers(compiler):
    built = build(PROGRAM, part("second", dtype="DType.float32", TPB=16))
    assert not built.refused
    assert "TPB = 16\n" in built.kernels[0][0].ptx


def test_a_file_without_the_kernel_is_compiled_all_the_same(compiler):
    """What stands before the kernel may be why it is not seen."""
    built = build(PROGRAM.replace("def first", "def mistake"), part("first"))
    assert not built.ok
    assert not built.refused


def test_constants_that_say_the_block_follow_the_launch(compiler):
    built = build(PROGRAM, part("second", block="TPB"))
    assert "TPB = 4\n" in built.kernels[0][0].ptx
    assert "TPB = 7\n" in built.kernels[1][0].ptx


def test_constants_that_do_not_differ_need_no_second_copy(compiler):
    built = build(PROGRAM, part("second", TPB=8))
    assert len(compiler.copies[0]) == 1
    assert built.kernels[0] == built.kernels[1]


@pytest.mark.parametrize(
    ("declared", "fits"),
    [
        ("first[size: Int]", True),
        ("first[size: Int, more: Int = 3]", True),
        ("first[dtype: DType, //, size: Int]", True),
        ("first", False),
        ("first[size: Int, more: Int]", False),
    ],
)
def test_other_compile_time_parameters_are_told_before_anything_is_compiled(
    compiler, declared, fits
):
    built = build(PROGRAM.replace("first[size: Int]", declared), part("first"))
    assert ("first" not in built.refused) is fits
    if not fits:
        assert built.refused["first"].reason is Reason.SIGNATURE
        assert not compiler.wanted


def test_a_part_alone_that_meets_a_limit_is_told_for_somebody_to_ask_whose_doing_it_is(compiler):
    text = PROGRAM.replace("out[0] = a[1]", "out[0] = mistake").replace("a[0]", "slow")
    built = build(text, part("first"), part("second"))
    assert built.refused["first"].reason is Reason.NOT_COMPILED
    (stopped,) = built.stopped
    assert stopped.outcome.limit is not None
