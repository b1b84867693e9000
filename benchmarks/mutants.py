"""Change one thing at a time in the kernels of a right answer, and grade each of these mutants.

    python -m benchmarks.mutants [--puzzle NAME ...] [--at-most N] [--synchronisation]
                                [--list] [--out FOLDER]

Every operator, number, name of a variable, axis and barrier of the kernels is changed; of an op, of
all functions at the top level of its file. A mutant in which every check passes is a survivor:
either it means the same as the answer, which `equivalent_mutants.toml` says with the reason, or the
grader misses something. Mutants that do not compile say nothing.

A grading of each would take hours. So many are compiled in one go, for one size, and each runs its
first cases there: a problem that a check takes kills it. Those without one are compiled for all
sizes of a plan. Only what shows nothing there either is graded.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.together import Together
from benchmarks.verdict_quality import RESULTS
from grader.choices import DEFAULT_EDITION
from grader.errors import GradeError
from grader.folders import reference_kernel
from grader.grading import plan, seeds
from grader.grading.cases import drawn
from grader.grading.given_code import Code
from grader.grading.observe import observe
from grader.intake.lexer import COMMENT, NAME, NUMBER, STRING, Token, plain_lines, scan
from grader.intake.program import functions
from grader.lanes.lane import Lane
from grader.model.cases import PlannedShape
from grader.model.code import Op
from grader.model.domains import Values
from grader.model.puzzle import Puzzle
from grader.puzzles import NAMES, find
from grader.record import Status, Verdict, load

KNOWN = Path(__file__).parent / "equivalent_mutants.toml"
OPERATORS = {
    "+": ("-",), "-": ("+",), "*": ("+",), "/": ("*",), "//": ("*",), "%": ("//",),
    "+=": ("=",), "-=": ("+=",), "*=": ("+=",), "//=": ("-=",),
    "<": ("<=", ">"), "<=": ("<", ">="), ">": (">=", "<"), ">=": (">", "<="),
    "==": ("!=",), "!=": ("==",), "and": ("or",), "or": ("and",),
}  # fmt: skip
AXES = ("x", "y")
SYNCHRONISES = (
    "barrier",
    "cluster_sync",
    "cluster_arrive",
    "cluster_wait",
    "async_copy_wait_all",
    "async_copy_wait_group",
)
TOGETHER = 16
"""Mutants that are compiled in one go, for one size of each part."""
MOST_INSTANCES = 48
"""The most that are compiled in one go for several sizes: mutants times sizes."""
COMPILE_SECONDS = 600.0
_NUMBER_OF_COPY = re.compile(r"\bk[0-9a-f]{8}_(\d+)\.mojo:\d+:\d+: error")
ENDINGS = ("killed", "survived", "equivalent", "stillborn", "fault")
"""A check fails; none does; none does, and rightly so; it does not compile; there is no mark."""


class _Equivalent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    puzzle: str
    mutants: tuple[str, ...]
    why: str


class _Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    equivalent: tuple[_Equivalent, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """An answer with one change."""

    puzzle: str
    part: str
    """Whose kernel it is; empty where that may be of any: in a package."""
    name: str
    """Number of the line, the line as it was, and as it is."""
    text: str

    @property
    def leaves_out(self) -> bool:
        """Whether it leaves a synchronisation out."""
        return self.name.endswith("=> pass")


def mutants_of(puzzle: str) -> list[Mutant]:
    """All mutants of a puzzle's answer, each once."""
    path = reference_kernel(puzzle, DEFAULT_EDITION, "right.mojo")
    text = plain_lines(path.read_text("utf-8"))
    there = functions(text)
    found: dict[str, Mutant] = {}
    for function, part in _kernels_of(puzzle, there):
        start, stop = there[function].body
        body = [t for t in scan(text) if start <= t.start and t.stop <= stop]
        for first, last, put in _changes(text, body):
            changed = text[:first] + put + text[last:]
            number = text.count("\n", 0, first) + 1
            what = f"line {number}: {_line(text, first)} => {_line(changed, first)}"
            found.setdefault(changed, Mutant(puzzle=puzzle, part=part, name=what, text=changed))
    found.pop(text, None)
    return list(found.values())


def equivalent() -> dict[tuple[str, str], str]:
    """Why a mutant means the same as the answer, by its puzzle and name, for those that do."""
    known = msgspec.toml.decode(KNOWN.read_bytes(), type=_Known).equivalent
    return {(each.puzzle, mutant): each.why for each in known for mutant in each.mutants}


def _kernels_of(puzzle: str, there: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The functions that are changed, each with its part; of a package, all at the top level.

    Where nothing is graded on the CPU, those for it are given, and left alone.
    """
    parts = find(puzzle).parts
    on_cpu = any(part.target == "cpu" for part in parts)
    for part in parts:
        if isinstance(part.code, Op):
            yield from ((each, "") for each in there if on_cpu or "cpu" not in each)
            return
        yield from ((function, part.name) for function in part.code.functions)


def _changes(text: str, body: Sequence[Token]) -> Iterator[tuple[int, int, str]]:
    """Where something is changed, and what stands there then."""
    words = [token for token in body if token.kind not in (COMMENT, STRING)]
    pairs = list(itertools.pairwise(words))
    arrays = {before.text for before, after in pairs if after.text == "["}
    variables = [after.text for before, after in pairs if before.text == "var"]
    # A number in the place of an array would not compile.
    variables = [each for each in dict.fromkeys(variables) if each not in arrays]
    for index, token in enumerate(words):
        before = words[index - 1].text if index else ""
        after = words[index + 1].text if index + 1 < len(words) else ""
        if token.kind == NUMBER and token.text.isdigit():
            yield token.start, token.stop, str(int(token.text) + 1)
            if token.text != "0":
                yield token.start, token.stop, str(int(token.text) - 1)
        for put in OPERATORS.get(token.text, ()):
            yield token.start, token.stop, put
        if token.kind != NAME:
            continue
        if before == "." and token.text in AXES:
            yield token.start, token.stop, AXES[1 - AXES.index(token.text)]
        if token.text in SYNCHRONISES and after == "(":
            end = text.index("\n", token.start)
            yield token.start, end, "pass"
        if token.text in variables and before not in ("var", "."):
            yield from ((token.start, token.stop, each) for each in variables if each != token.text)
            yield token.start, token.stop, f"({token.text} + 1)"


def _line(text: str, place: int) -> str:
    return text[text.rfind("\n", 0, place) + 1 : text.find("\n", place)].strip()


@dataclass(frozen=True)
class Quick:
    """Compiles many mutants of a puzzle in one go, and runs the first cases of each."""

    puzzle: Puzzle
    shapes: Sequence[PlannedShape]

    @classmethod
    def of(cls, name: str) -> Quick:
        """At the largest of the sizes of each part that the task asks for."""
        every = cls.at_all_sizes(name)
        assigned = [each for each in every.shapes if not each.beyond]
        largest = {each.part.name: each for each in sorted(assigned, key=lambda each: each.extent)}
        return cls(every.puzzle, tuple(largest.values()))

    @classmethod
    def at_all_sizes(cls, name: str) -> Quick:
        """At all that a grading of a program would try, those beyond the task among them."""
        puzzle = find(name)
        names = {part.name for part in puzzle.parts}
        planned = plan.draw(puzzle, seed=name, own_kernel=names, tries=plan.Tries.SAMPLE)
        return cls(puzzle, planned)

    def where_right(self, answer: Mutant) -> Quick:
        """The same at the sizes where the answer shows no problem: beyond the task's it may."""
        with Together.open() as device:
            together = Together.on(device)
            ((_, built),) = self._compiled(together, [answer])
            right = tuple(
                shape
                for shape, what in built or ()
                if not self._shows_a_problem(together, answer, shape, what)
            )
        if any(each not in right for each in self.shapes if not each.beyond):
            raise SystemExit(f"the right answer of {answer.puzzle} shows a problem")
        return replace(self, shapes=right)

    def endings(self, mutants: Sequence[Mutant]) -> Iterator[tuple[Mutant, str]]:
        """Each mutant with how it ends: killed, stillborn, or nothing where no case tells."""
        with Together.open() as device:
            together = Together.on(device)
            for mutant, built in self._compiled(together, mutants):
                if built is None:
                    yield mutant, "stillborn"
                    continue
                dies = any(
                    self._shows_a_problem(together, mutant, shape, what) for shape, what in built
                )
                yield mutant, "killed" if dies else ""

    def _compiled(
        self, together: Together, mutants: Sequence[Mutant]
    ) -> Iterator[tuple[Mutant, list[tuple[PlannedShape, Any]] | None]]:
        """What runs each mutant at each of its shapes; None where it does not compile."""
        wanted = [
            (mutant, shape)
            for mutant in mutants
            for shape in self.shapes
            if mutant.part in ("", shape.part.name)
        ]
        built = together.built([(mutant.text, shape) for mutant, shape in wanted])
        if built.shapes:
            found: dict[str, list[tuple[PlannedShape, Any]]] = {}
            for (mutant, shape), what in zip(wanted, built.shapes, strict=True):
                found.setdefault(mutant.text, []).append((shape, what))
            yield from ((mutant, found[mutant.text]) for mutant in mutants)
        elif len(mutants) == 1:
            yield mutants[0], None
        else:
            guilty = {wanted[each][0].text for each in built.refused if each < len(wanted)}
            named = [each for each in mutants if each.text in guilty]
            half = len(named) if 0 < len(named) < len(mutants) else len(mutants) // 2
            ordered = [*named, *(each for each in mutants if each.text not in guilty)]
            yield from self._compiled(together, ordered[:half])
            yield from self._compiled(together, ordered[half:])

    def _shows_a_problem(
        self, together: Together, mutant: Mutant, shape: PlannedShape, built: object
    ) -> bool:
        try:
            with together.lane(mutant.text, shape) as lane:
                lane.take({shape.number: built})
                lane.prepare([shape])
                return shows_a_problem(self.puzzle, shape, lane)
        except GradeError:
            return False  # a grading tells why


def shows_a_problem(puzzle: Puzzle, shape: PlannedShape, lane: Lane) -> bool:
    """Whether a check takes something that the first cases of a size show."""
    checks = puzzle.checks_of(shape.part)
    generator = seeds.generator(puzzle.name, "mutants")
    for values in (Values.INTEGERS, Values.REALS):
        seen = observe(lane.run(drawn(shape, values, generator)), code=Code.NOTHING, checks=checks)
        if any(check.claims(each, seen.case) for check in checks for each in seen.problems):
            return True
    return False


def _grade(mutant: Mutant, folder: Path) -> str:
    """How it ends, of `ENDINGS`."""
    folder.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(dir=folder))
    (place / "mutant.mojo").write_text(mutant.text)
    command = [sys.executable, "-m", "grader", "submit", str(place / "mutant.mojo")]
    command += ["--puzzle", mutant.puzzle, "--edition", DEFAULT_EDITION]
    command += ["--out", str(place / "out"), "--format", "json"]
    subprocess.run(command, capture_output=True, check=False)
    if not (place / "out/record.json").exists():
        return "fault"
    record = load(place / "out/record.json")
    if record.verdict is Verdict.FAULT:
        return "fault"
    if record.score == 0:
        return "stillborn"
    noticed = any(check.status is Status.FAILED for check in record.checks)
    return "killed" if noticed else "survived"


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--puzzle", action="append", choices=NAMES)
    parser.add_argument("--at-most", type=int, help="of each puzzle, drawn with a fixed seed")
    parser.add_argument("--synchronisation", action="store_true", help="only what is left out")
    parser.add_argument("--list", action="store_true", help="only say what they are")
    parser.add_argument("--out", type=Path, help="keep survivors and their records here")
    arguments = parser.parse_args()
    reasons = equivalent()
    chosen = {}
    for name in arguments.puzzle or NAMES:
        found = mutants_of(name)
        if arguments.synchronisation:
            found = [each for each in found if each.leaves_out]
        count = min(len(found), arguments.at_most or len(found))
        chosen[name] = random.Random(name).sample(found, count)
    if arguments.list:
        for name, mutants in chosen.items():
            print(*(f"{name:<24} {each.name}" for each in mutants), sep="\n")
        return
    file = RESULTS / "mutants.json"
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.out or Path(temporary)
        for name, mutants in chosen.items():
            ended = list(_endings(name, mutants, folder / name, reasons))
            # Read again each time: another run may have written of other puzzles.
            report = json.loads(file.read_text()) if file.exists() else {}
            report[name] = {
                "mutants": len(mutants_of(name)),
                "tried": len(mutants),
                **Counter(each for _, each in ended),
                "survivors": [mutant.name for mutant, each in ended if each == "survived"],
            }
            file.write_text(json.dumps(report, indent=1) + "\n")
    report = json.loads(file.read_text())
    killed, alive = (sum(each.get(key, 0) for each in report.values()) for key in ENDINGS[:2])
    share = 100 * killed / max(killed + alive, 1)
    print(f"{share:.1f} % killed of those that compile and are not equivalent, in all puzzles")


def _endings(
    puzzle: str, mutants: Sequence[Mutant], folder: Path, known: Mapping[tuple[str, str], str]
) -> Iterator[tuple[Mutant, str]]:
    """Each mutant with how it ends, one of `ENDINGS`."""
    quickly, widely = Quick.of(puzzle), Quick.at_all_sizes(puzzle)
    text = reference_kernel(puzzle, DEFAULT_EDITION, "right.mojo").read_text("utf-8")
    answer = Mutant(puzzle=puzzle, part="", name="none", text=text)
    widely = widely.where_right(answer)

    def told(mutant: Mutant, ended: str) -> tuple[Mutant, str]:
        why = known.get((puzzle, mutant.name), "")
        ended = ended or ("equivalent" if why else _grade(mutant, folder))
        print(f"{ended:<10} {puzzle:<22} {mutant.name} {why}", flush=True)
        return mutant, ended

    left: list[Mutant] = []
    for some in _groups(mutants, TOGETHER):
        for mutant, ended in quickly.endings(some):
            if ended or (puzzle, mutant.name) in known:
                yield told(mutant, ended)
            else:
                left.append(mutant)
    for some in _groups(left, max(1, MOST_INSTANCES // len(widely.shapes))):
        for mutant, ended in widely.endings(some):
            yield told(mutant, ended)


def _groups(mutants: Sequence[Mutant], size: int) -> Iterator[Sequence[Mutant]]:
    yield from (mutants[first : first + size] for first in range(0, len(mutants), size))


if __name__ == "__main__":
    main()
