"""Shared by the checks of a puzzle's fields: calling an author's functions, wording problems."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

from grader.model.code import Constant, constant_at
from grader.model.domains import Sizes
from grader.model.part import Part

T = TypeVar("T")

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class FieldProblem(Exception):
    """A problem, as a sentence, after which the field is not checked further."""


def asked(field: str, function: Callable[..., T], *arguments: object) -> T:
    """Call a function of the author's; the last argument is the sizes. Raises `FieldProblem`."""
    try:
        return function(*arguments)
    except Exception as error:
        raise FieldProblem(f"{field} at {arguments[-1]}: {type(error).__name__} {error}") from error


def looked_at(field: str, problems: Iterator[str]) -> Iterator[str]:
    """The problems of a field; an error that its value raises is one, too."""
    try:
        yield from problems
    except FieldProblem as wrong:
        yield str(wrong)
    except Exception as error:  # a text in the place of a number may raise anything
        yield f"{field} can't be read: {type(error).__name__} {error}"


def twice(what: str, names: Sequence[str]) -> Iterator[str]:
    """A problem for each name that occurs more than once."""
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"the {what} {name} is there twice"


def is_name(name: object) -> bool:
    """Whether it is a valid name in both Mojo and Python."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def no_name(what: str, name: object) -> Iterator[str]:
    """A problem where it is not a valid name in both Mojo and Python."""
    if not is_name(name):
        yield f"{what} is {name!r}; a name has letters, digits and _, and begins with no digit"


def is_whole(value: object) -> bool:
    """Whether it is a Python integer, as the records of a plan need."""
    return isinstance(value, int) and not isinstance(value, bool)


def sure_sizes(part: Part) -> Iterator[dict[str, int]]:
    """Sizes that are always tried, and the smallest and largest ones where they are assigned."""
    if part.example is not None:
        yield dict(part.example.sizes)
    yield from map(dict, part.boundaries)
    for end in ({s.name: s.low for s in part.sizes}, {s.name: s.high for s in part.sizes}):
        if asked("assigned", part.assigned, end):
            yield end


def number_at(field: str, constant: Constant, sizes: Sizes) -> int:
    """The value of a constant at these sizes. Raises `FieldProblem` where it is not whole."""
    given = asked(field, constant_at, constant, sizes)
    if isinstance(given, str):
        raise FieldProblem(f"{field} is {given!r}, which is no size")
    if not is_whole(given):
        raise FieldProblem(f"{field} at {sizes} is {given!r}, and has to be a whole number")
    return given


def problems_in(of: T, /, **looks: Callable[[T], Iterator[str]]) -> tuple[str, ...]:
    """The problems that a function for each field finds; ``looks`` has them by the field's name."""
    return tuple(told for field, look in looks.items() for told in looked_at(field, look(of)))
