"""A program that runs cases of a submission by itself: the submission with a `main` of ours.

It needs neither MAX Graph nor the grader, and keeps every line of the submission where it is.
Behind the submission stand the inputs as they failed, a call of the op or the launches of the
kernels, as the graph or the task makes them, and what should come out. Its argument says which
case; without one it is the first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from grader.intake.lexer import CLOSING, COMMENT, OPENING, scan
from grader.intake.program import Function, constant_words, functions
from grader.lanes.kernel_build import text_at
from grader.lanes.mojo_values import filled, listed
from grader.lanes.op_calls import NotWritten, call_of_op, needed_imports
from grader.model.code import FILE, HostCall, KernelLaunch, Kernels, Number, Op
from grader.model.domains import Sizes
from grader.model.expected import ExpectedOutput
from grader.model.part import Arrays, Part, TensorSpec
from grader.toolchain.edition import CallTraits, Edition

_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_KERNEL: Final = re.compile(r"\bkernel\b")
_BEGINS: Final = (
    "# ---- All above is the submission, line by line, but for its own main and the values of its\n"
    "# ---- constants. What follows runs it on the inputs of a case, and shows what comes out.\n"
)
_HELPERS: Final = '''
def bits_in[count: Int](text: String) -> List[UInt64]:
    """The numbers in a text of hexadecimal digits, `count` of them each."""
    var numbers = List[UInt64]()
    var digits = text.as_bytes()
    for start in range(0, len(digits), count):
        var number = UInt64(0)
        for place in range(start, start + count):
            var digit = UInt64(Int(digits[place]))
            number = number * 16 + (digit - 48 if digit < 58 else digit - 87)
        numbers.append(number)
    return numbers^
'''


@dataclass(frozen=True, kw_only=True, eq=False)
class WrittenCase:
    """A case as the program holds it."""

    number: int
    part: Part
    sizes: Sizes
    inputs: Arrays
    expected: Mapping[str, ExpectedOutput] | None = None
    """By the name of the output; None where nothing is to be shown."""
    about: str = ""
    """What is wrong with it, in a few words."""


def written(text: str, edition: Edition, cases: Sequence[WrittenCase]) -> str:
    """The program of some cases, the first of which it runs unless it is told another.

    Args:
        text: The submission.
        edition: What it is written for.
        cases: At least one; `together` says which can be in one program.

    Raises:
        NotWritten: the edition or the submission is one for which there is none.
    """
    traits = edition.calls
    if traits is None:
        raise NotWritten(f"for edition {edition.name} there is no program that runs a case alone")
    source, *others = dict.fromkeys(_source(text, each) for each in cases)
    if others:
        raise NotWritten("the cases need different constants of the file")
    bodies = [_CaseBody(text, edition, traits, each).lines() for each in cases]
    helpers = _HELPERS if any("bits_in[" in line for body in bodies for line in body) else ""
    parts = [source.rstrip("\n"), "\n\n\n", _BEGINS, helpers]
    for case, body in zip(cases, bodies, strict=True):
        about = f": {case.about}" if case.about else ""
        sizes = ", ".join(f"{name} {value}" for name, value in case.sizes.items())
        parts += [
            f"\n\ndef {_name(case)}() raises:\n",
            f"    # Case {case.number}{about}. {sizes}\n",
        ]
        parts += [f"    {line}\n" if line else "\n" for line in body]
    return "".join([*parts, _main(cases)])


def together(text: str, cases: Sequence[WrittenCase]) -> tuple[WrittenCase, ...]:
    """Those of the cases, the first among them, that one program can hold."""
    first = _source(text, cases[0])
    return tuple(each for each in cases if _source(text, each) == first)


def _name(case: WrittenCase) -> str:
    return f"reproduce_case_{case.number}"


def _main(cases: Sequence[WrittenCase]) -> str:
    lines = ["", "", "def main() raises:", "    from std.sys import argv", ""]
    lines += [f'    var number = String(argv()[1]) if len(argv()) > 1 else "{cases[0].number}"']
    for place, case in enumerate(cases):
        lines += [
            f'    {"elif" if place else "if"} number == "{case.number}":',
            f"        {_name(case)}()",
        ]
    known = ", ".join(str(case.number) for case in cases)
    lines += ["    else:", f'        raise Error("the cases in this program are: {known}")', ""]
    return "\n".join(lines)


def _source(text: str, case: WrittenCase) -> str:
    """The submission's lines, with the case's constants, and without a main."""
    code = case.part.code
    if isinstance(code, Kernels):
        text, _ = text_at(text, code, case.sizes)
    main = functions(text).get("main")
    if main is None:
        return text
    lines = text.split("\n")
    return "\n".join("" if at in main.lines else line for at, line in enumerate(lines, 1))


class _CaseBody:
    """The lines of the function that runs one case."""

    def __init__(self, text: str, edition: Edition, traits: CallTraits, case: WrittenCase) -> None:
        self._text = text
        self._edition = edition
        self._traits = traits
        self._case = case
        self._part = case.part

    def lines(self) -> list[str]:
        code = self._part.code
        api = "" if code.target == "gpu" else 'api="cpu"'
        lines = [f"var ctx = DeviceContext({api})"]
        for spec in self._part.tensors:
            lines += self._buffer(spec)
        if isinstance(code, Op):
            pointers = {spec.name: f"{_buffer(spec)}.unsafe_ptr()" for spec in self._part.tensors}
            lines += call_of_op(self._text, self._part, self._case.sizes, self._traits, pointers)
        else:
            lines += self._launches(code)
        lines += ["ctx.synchronize()"]
        for spec in self._part.outputs:
            lines += self._shown(spec)
        # Mojo ends a value's life behind its last use.
        lines += [f"_ = {_buffer(spec)}^" for spec in self._part.tensors]
        return [*needed_imports(self._traits, self._text, lines), "", *lines]

    def _buffer(self, spec: TensorSpec) -> list[str]:
        name, sizes = _buffer(spec), self._case.sizes
        lines = [f"var {name} = ctx.enqueue_create_buffer[DType.{spec.dtype}]({spec.count(sizes)})"]
        if spec.name in self._case.inputs:
            values = filled("host", self._case.inputs[spec.name], spec.dtype)
            return [*lines, f"with {name}.map_to_host() as host:", *_deeper(values)]
        # The task fills what a program's kernels write; an op fills its output by itself.
        if not isinstance(self._part.code, Kernels):
            return lines
        if spec.dtype == "bool":  # of which Mojo 1.0.0 compiles no fill
            nothing = [f"for i in range({spec.count(sizes)}):", "    host[i] = False"]
            return [*lines, f"with {name}.map_to_host() as host:", *_deeper(nothing)]
        return [*lines, f"{name}.enqueue_fill(0)"]

    def _launches(self, code: Kernels) -> Iterator[str]:
        there = functions(self._text)
        names = code.names_in(there)
        for launch in code.launches:
            if launch.function not in names:
                raise NotWritten(f"the file does not define {launch.function}")
            yield from self._launch(launch, there[names[launch.function]])

    def _launch(self, launch: KernelLaunch | HostCall, kernel: Function) -> Iterator[str]:
        types = argument_types(kernel.signature)
        names = parameter_names(kernel.signature)
        if isinstance(launch, HostCall):
            types = types[:-1]  # the last one is the context
        if len(types) != len(launch.arguments):
            raise NotWritten(f"{kernel.name} takes other arguments than the task gives it")
        given = launch.parameters_for(
            kernel.parameters, constant_words(self._text), older=kernel.takes_layout_tensors
        )
        parameters = [each.replace(FILE, "") for each in given or ()]
        # Outside of the kernel its parameters have no names.
        values = dict(zip(names, parameters, strict=False))
        types = [_NAME.sub(lambda name: values.get(name[0], name[0]), each) for each in types]
        name = f"{kernel.name}[{', '.join(parameters)}]" if parameters else kernel.name
        if isinstance(launch, HostCall):
            yield f"{name}("
            last = ["ctx"]
        else:
            yield f"{_KERNEL.sub(lambda _: name, self._edition.launch)}("
            grid, block = launch.extents(self._case.sizes)
            last = [f"grid_dim={grid}", f"block_dim={block}"]
            if (cluster := launch.cluster_at(self._case.sizes)) is not None:
                last.append(f"cluster_dim=Dim{cluster}")
        for argument, type_ in zip(launch.arguments, types, strict=True):
            yield f"    {self._argument(argument, type_)},"
        yield from (f"    {each}," for each in last)
        yield ")"

    def _argument(self, argument: str | Number, type_: str) -> str:
        sizes = self._case.sizes
        if not isinstance(argument, str):
            return f"{type_}({argument.written(sizes)})"
        spec = next(each for each in self._part.tensors if each.name == argument)
        pattern = self._traits.arguments.get(type_.partition("[")[0])
        if pattern is None:
            raise NotWritten(f"how to make a {type_} is not known")
        extents = ", ".join(map(str, spec.extents(sizes)))
        return pattern.format(type=type_, buffer=_buffer(spec), extents=extents)

    def _shown(self, spec: TensorSpec) -> list[str]:
        if self._case.expected is None:
            return []
        return _comparison(spec, self._case.expected[spec.name])


def _comparison(spec: TensorSpec, right: ExpectedOutput) -> list[str]:
    """Each element beside the right one."""
    with np.errstate(over="ignore", invalid="ignore"):
        value: NDArray[np.generic] = right.value.astype(spec.numpy)
        finite = right.allowed[np.isfinite(right.allowed)]
    allowed = 0.0 if spec.numpy.kind in "iub" else float(finite.max(initial=0.0))
    before, wanted = listed(f"{spec.name}_expected", value, spec.dtype)
    if spec.numpy.kind in "iub":
        same = "wanted == element"
    else:
        same = f"wanted == element or abs(wanted - element) <= {allowed!r}"
        same = f"{same} or (wanted != wanted and element != element)"
    return [
        *before,
        f"with {_buffer(spec)}.map_to_host() as host:",
        f"    for i in range({value.size}):",
        f"        var wanted = {wanted}",
        "        var element = host[i]",
        f"        var right = {same}",
        '        var mark = "" if right else "  <- wrong"',
        f'        print("{spec.name}[", i, "] expected ", wanted, " got ", element, mark, sep="")',
    ]


def _buffer(spec: TensorSpec) -> str:
    return f"{spec.name}_buffer"


def _deeper(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def parameter_names(signature: str) -> list[str]:
    """The names of a function's compile-time parameters."""
    names: list[str] = []
    depth, before = 0, ""
    for token in scan(signature):
        depth -= token.text in CLOSING
        if depth == 0 and token.text in ("(", "]"):
            break
        if depth == 1 and before in ("[", ",") and token.text.isidentifier():
            names.append(token.text)
        depth += token.text in OPENING
        before = token.text
    return names


def argument_types(signature: str) -> list[str]:
    """The types of a function's arguments, as its signature writes them."""
    words = [token for token in scan(signature) if token.kind != COMMENT]
    depth, types, begins = 0, [], None
    listing = False
    for token in words:
        if token.text in CLOSING:
            depth -= 1
        if listing and depth + (token.text in CLOSING) == 1 and token.text in (",", ")"):
            if begins is not None:
                types.append(signature[begins : token.start].strip())
            begins = None
            if token.text == ")":
                break
        if depth == 1 and listing and token.text == ":" and begins is None:
            begins = token.stop
        if token.text in OPENING:
            listing = listing or (depth == 0 and token.text == "(")
            depth += 1
    return types
