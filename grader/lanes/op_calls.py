"""How a program of ours calls an op of a submission, as the graph compiler would."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from grader.intake.lexer import COMMENT, STRING, Token, scan
from grader.model.code import constants_at
from grader.model.domains import Sizes
from grader.model.part import Part, TensorSpec
from grader.toolchain.edition import CallTraits

_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_IMPORTED: Final = re.compile(
    r"^from[ \t]+[\w.]+[ \t]+import[ \t]*(\([^)]*\)|[^\n]*)", re.MULTILINE
)


class NotWritten(Exception):
    """There is no such program; the argument says why."""


def call_of_op(
    text: str,
    part: Part,
    sizes: Sizes,
    traits: CallTraits,
    pointers: Mapping[str, str],
    *,
    module: str = "",
) -> list[str]:
    """The call of an op at some sizes, with ``ctx`` for the context.

    Args:
        text: The submission.
        part: What the op computes.
        sizes: At which.
        traits: How the edition writes an argument.
        pointers: An expression for where each tensor lies, by its name.
        module: What the submission is imported as; empty where the call stands in it.

    Raises:
        NotWritten: it is not plain what registers the op.
    """
    code = part.op
    struct = registered_struct(text, code.name)
    if not struct:
        raise NotWritten(f"no struct is found that registers the op {code.name}")
    parameters = [f'target="{code.target}"']
    for name, value in constants_at(code.parameters, sizes).items():
        parameters.append(f"{name}={value if isinstance(value, int) else f'DType.{value}'}")
    parameters += [f'{name}="{text}"' for name, text in code.texts.items()]
    # As the graph hands them over: the outputs, then the inputs.
    given = [spec for spec in part.tensors if spec.role == "output"]
    given += [spec for spec in part.tensors if spec.role != "output"]
    return [
        f"{module}{'.' if module else ''}{struct}.execute[{', '.join(parameters)}](",
        *(f"    {_tensor(spec, sizes, traits, pointers[spec.name])}," for spec in given),
        "    ctx,",
        ")",
    ]


def _tensor(spec: TensorSpec, sizes: Sizes, traits: CallTraits, pointer: str) -> str:
    extents = spec.extents(sizes)
    writes = spec.role != "input"
    return traits.tensor.format(
        dtype=spec.dtype,
        rank=len(extents),
        mutable=writes,
        io="Output" if writes else "Input",
        pointer=pointer,
        extents=", ".join(traits.extent.format(extent=each) for each in extents),
    )


def needed_imports(traits: CallTraits, beside: str, lines: Sequence[str]) -> list[str]:
    """What some lines need to be imported that the text beside them does not import.

    A context that is imported twice has each of its methods twice, and none can be called.
    """
    there = set(_NAME.findall(" ".join(_IMPORTED.findall(beside))))
    return [each for each in traits.imports if _is_needed(each, there, lines)]


def _is_needed(imports: str, there: Collection[str], lines: Sequence[str]) -> bool:
    """Whether a name stands in a line that this statement imports, and the text does not."""
    names = _NAME.findall(imports.partition(" import ")[2])
    used = set(_NAME.findall(" ".join(lines)))
    return not used.isdisjoint(set(names) - set(there))


def registered_struct(text: str, op: str) -> str:
    """The name of the struct that registers an op; empty where there is not one."""
    words = [token for token in scan(text) if token.kind != COMMENT]
    found = [
        name
        for at, token in enumerate(words)
        if token.text == "register" and _is_call_of(words[at + 1 : at + 4], op)
        for name in _next_struct(words[at + 4 :])
    ]
    return found[0] if len(found) == 1 else ""


def registered_ops(text: str) -> set[str]:
    """The names of all ops that a file registers, where they are written out."""
    words = [token.text for token in scan(text) if token.kind != COMMENT]
    return {
        name[1:-1]
        for register, opens, name, closes in zip(
            words, words[1:], words[2:], words[3:], strict=False
        )
        if (register, opens, closes) == ("register", "(", ")") and name[0] in "\"'"
    }


def _is_call_of(words: Sequence[Token], op: str) -> bool:
    given = [token.text for token in words]
    return (
        words[1:2] != []
        and words[1].kind == STRING
        and given in (["(", f'"{op}"', ")"], ["(", f"'{op}'", ")"])
    )


def _next_struct(words: Sequence[Token]) -> list[str]:
    at = next((at for at, token in enumerate(words[:-1]) if token.text == "struct"), None)
    return [] if at is None else [words[at + 1].text]
