"""Change one thing at a time in the kernels of a right answer, and grade each of these mutants.

    python -m benchmarks.mutants [--puzzle NAME ...] [--at-most N] [--list] [--jobs 2]
                                 [--out FOLDER]

Every operator, number, name of a variable, axis and barrier of the kernels is changed. A mutant
that passes is a survivor: either it means the same as the answer, which `equivalent_mutants.toml`
says with the reason, or the grader misses something. Mutants that do not compile say nothing.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.verdict_quality import RESULTS
from grader.batch.pool import core_of_its_own
from grader.folders import reference_kernel
from grader.intake.lexer import COMMENT, NAME, NUMBER, STRING, Token, plain_lines, scan
from grader.intake.program import functions
from grader.model.part import Kernels
from grader.puzzles import NAMES, find
from grader.record import Verdict, load
from grader.toolchain.edition import DEFAULT_EDITION

KNOWN = Path(__file__).parent / "equivalent_mutants.toml"
OPERATORS = {
    "+": ("-",), "-": ("+",), "*": ("+",), "/": ("*",), "//": ("*",), "%": ("//",),
    "+=": ("=",), "-=": ("+=",), "*=": ("+=",), "//=": ("-=",),
    "<": ("<=", ">"), "<=": ("<", ">="), ">": (">=", "<"), ">=": (">", "<="),
    "==": ("!=",), "!=": ("==",), "and": ("or",), "or": ("and",),
}  # fmt: skip
AXES = ("x", "y")


class _Equivalent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    puzzle: str
    mutant: str
    why: str


class _Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    equivalent: tuple[_Equivalent, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """An answer with one change."""

    puzzle: str
    name: str
    """Number of the line, the line as it was, and as it is."""
    text: str


def mutants_of(puzzle: str) -> list[Mutant]:
    """All mutants of a puzzle's answer, each once."""
    path = reference_kernel(puzzle, DEFAULT_EDITION, "right.mojo")
    text = plain_lines(path.read_text("utf-8"))
    there = functions(text)
    found: dict[str, Mutant] = {}
    for part in find(puzzle).parts:
        assert isinstance(part.code, Kernels), f"{puzzle} has no kernels"
        for name in part.code.functions:
            start, stop = there[name].body
            body = [t for t in scan(text) if start <= t.start and t.stop <= stop]
            for first, last, put in _changes(text, body):
                changed = text[:first] + put + text[last:]
                number = text.count("\n", 0, first) + 1
                what = f"line {number}: {_line(text, first)} => {_line(changed, first)}"
                found.setdefault(changed, Mutant(puzzle=puzzle, name=what, text=changed))
    found.pop(text, None)
    return list(found.values())


def _changes(text: str, body: Sequence[Token]) -> Iterator[tuple[int, int, str]]:
    """Where something is changed, and what stands there then."""
    words = [token for token in body if token.kind not in (COMMENT, STRING)]
    variables = [after.text for before, after in itertools.pairwise(words) if before.text == "var"]
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
        if token.text == "barrier" and after == "(":
            end = text.index("\n", token.start)
            yield token.start, end, "pass"
        if token.text in variables and before not in ("var", "."):
            yield from ((token.start, token.stop, each) for each in variables if each != token.text)
            yield token.start, token.stop, f"({token.text} + 1)"


def _line(text: str, place: int) -> str:
    return text[text.rfind("\n", 0, place) + 1 : text.find("\n", place)].strip()


def _grade(mutant: Mutant, folder: Path) -> str:
    """How it ends: killed, survived, stillborn, or fault."""
    folder.mkdir(parents=True)
    file = folder / "mutant.mojo"
    file.write_text(mutant.text)
    command = [sys.executable, "-m", "grader", "submit", str(file), "--puzzle", mutant.puzzle]
    command += ["--edition", DEFAULT_EDITION, "--out", str(folder / "out"), "--format", "json"]
    with core_of_its_own():
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if not (folder / "out/record.json").exists():
        return f"fault: {ended.stderr.strip()[-200:]}"
    record = load(folder / "out/record.json")
    if record.verdict is Verdict.FAULT:
        return f"fault: {record.fault.what if record.fault else ''}"
    if record.score == 0:
        return "stillborn"
    return "survived" if record.verdict is Verdict.PASS else "killed"


def main() -> None:
    """Entry point."""
    programs = [name for name in NAMES if find(name).is_program]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--puzzle", action="append", choices=programs)
    parser.add_argument("--at-most", type=int, help="of each puzzle, drawn with a fixed seed")
    parser.add_argument("--list", action="store_true", help="only say what they are")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, help="keep mutants and records here")
    arguments = parser.parse_args()
    known = msgspec.toml.decode(KNOWN.read_bytes(), type=_Known).equivalent
    reasons = {(each.puzzle, each.mutant): each.why for each in known}
    mutants = []
    for name in arguments.puzzle or programs:
        found = mutants_of(name)
        count = min(len(found), arguments.at_most or len(found))
        mutants += random.Random(name).sample(found, count)
    if arguments.list:
        print(*(f"{each.puzzle:<24} {each.name}" for each in mutants), sep="\n")
        return
    with (
        tempfile.TemporaryDirectory() as temporary,
        ThreadPoolExecutor(arguments.jobs) as pool,
    ):
        folder = arguments.out or Path(temporary)

        def one(numbered: tuple[int, Mutant]) -> dict[str, str]:
            number, mutant = numbered
            ended = _grade(mutant, folder / mutant.puzzle / str(number))
            why = reasons.get((mutant.puzzle, mutant.name), "")
            if ended == "survived" and why:
                ended = "equivalent"
            print(f"{ended:<10} {mutant.puzzle:<22} {mutant.name} {why}", flush=True)
            return {"puzzle": mutant.puzzle, "mutant": mutant.name, "ended": ended, "why": why}

        results = list(pool.map(one, enumerate(mutants)))
    counts = Counter(each["ended"].partition(":")[0] for each in results)
    for ended, count in counts.most_common():
        print(f"{count:6}  {ended}")
    alive = counts["killed"] + counts["survived"]
    print(
        f"{100 * counts['killed'] / max(alive, 1):6.1f}  % killed of those that are not equivalent"
    )
    if not arguments.puzzle:
        (RESULTS / "mutants.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
