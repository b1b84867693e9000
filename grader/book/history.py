"""The data of `grader.book.shipped`, made from a clone of the book with its history.

Only branches that are named are read: what somebody proposed in a pull request, which a clone may
hold too, is that person's work and not the book's.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from grader.book.digests import SHORT, array_reads, given_code, given_kernels, program_of
from grader.book.identify import Declared, declared_in
from grader.book.shipped import RENUMBERED, GivenCode, Shipped, Topic, Topics
from grader.errors import UsageError
from grader.model.code import Kernels
from grader.model.puzzle import Puzzle

BRANCHES: Final = ("main", "stable")
_SUFFIXES: Final = (".mojo", ".🔥")
_TASKS: Final = "problems/"
_FOLDER: Final = re.compile(r"(?:problems|solutions)/p(\d+)(?=\D)")
_OP: Final = re.compile(r"(?:problems|solutions)/p\d+/op/(\w+)\.")
_TITLE: Final = re.compile(r"^#\s+Puzzle\s+\d+:\s*(.+?)\s*$", re.MULTILINE)


class Version(NamedTuple):
    """One version of one file."""

    path: str
    blob: str
    text: str


def read_history(clone: Path, branches: Sequence[str] = BRANCHES) -> Shipped:
    """The digests of all versions of the book's Mojo files, and what they declare.

    Raises:
        UsageError: the clone can't be read, or has no such branch or no puzzles.
    """
    read = _commits(clone, branches)
    versions = list(_versions(clone, list(read.values())))
    files: dict[str, dict[str, None]] = {}
    for version in versions:
        files.setdefault(version.path, {})[program_of(version.text)[:SHORT]] = None
    topics = _Topics(clone, read[branches[0]], versions).topics()
    if not topics:
        raise _not_the_book(clone, "problems/pNN")
    return Shipped(
        until=_day(clone, read[branches[0]]),
        read=read,
        topics=topics,
        files={path: list(digests) for path, digests in sorted(files.items())},
    )


def read_given(clone: Path, puzzle: Puzzle, branches: Sequence[str] = BRANCHES) -> GivenCode:
    """The digests of the code that the book gives for a puzzle.

    Raises:
        UsageError: the clone can't be read, or has no such branch or no file of the puzzle; or
            the book gives no code for it.
    """
    if puzzle.is_program:
        return _given_kernels(clone, puzzle, branches)
    if not puzzle.given:
        raise UsageError(
            f"the book gives no kernel for {puzzle.name}",
            remedy="Nothing is to be made: a file without anything filled in is known by its "
            "digest, which the command makes without --puzzle.",
        )
    read = _commits(clone, branches)
    assigned = [place.task for place in puzzle.book]
    names = {path.rpartition("/")[2] for path in assigned}
    given: dict[str, dict[str, None]] = {}
    reads: set[str] = set()
    for path, _, text in _versions(clone, list(read.values())):
        for kernel in puzzle.given if path.rpartition("/")[2] in names else ():
            if code := given_code(text, kernel.function):
                given.setdefault(path, {})[code[:SHORT]] = None
                reads |= array_reads(text, kernel.function, kernel.array)
    if not any(path in given for path in assigned):
        raise _not_the_book(clone, ", ".join(assigned))
    return GivenCode(
        until=_day(clone, read[branches[0]]),
        read=read,
        given={path: list(digests) for path, digests in sorted(given.items())},
        reads=sorted(reads),
    )


def _given_kernels(clone: Path, puzzle: Puzzle, branches: Sequence[str]) -> GivenCode:
    """What is in the kernels of the files that are to be filled in, of each version.

    Some versions held an answer by mistake: what also stands in an answer is not given.
    """
    read = _commits(clone, branches)
    given: dict[str, dict[str, None]] = {}
    answers: set[str] = set()
    for version, topic in history_topics(clone, branches):
        if topic != puzzle.name:
            continue
        codes = {given_kernels(version.text, each.code) for each in puzzle.parts
                 if isinstance(each.code, Kernels)} - {""}  # fmt: skip
        if version.path.startswith(_TASKS):
            given.setdefault(version.path, {}).update(
                dict.fromkeys(code[:SHORT] for code in sorted(codes))
            )
        else:
            answers |= {code[:SHORT] for code in codes}
    if not given:
        raise _not_the_book(clone, ", ".join(place.task for place in puzzle.book))
    return GivenCode(
        until=_day(clone, read[branches[0]]),
        read=read,
        given={
            path: [digest for digest in digests if digest not in answers]
            for path, digests in sorted(given.items())
        },
        reads=(),
    )


def history_topics(clone: Path, branches: Sequence[str]) -> Iterator[tuple[Version, str]]:
    """Every version of every file, with the topic that it is of; empty where it is of none."""
    read = _commits(clone, branches)
    versions = list(_versions(clone, list(read.values())))
    found = _Topics(clone, read[branches[0]], versions)
    for version in versions:
        yield version, found.of(version)


def written(data: Shipped | GivenCode) -> str:
    """The data file's text, in lines that a comparison of two versions shows well."""
    return msgspec.json.format(msgspec.json.encode(data), indent=1).decode() + "\n"


# ---- the puzzles of the book ----


class _Topics:
    """The topics of the newest commit, and which of them each older version is of.

    Numbers have changed, so a version at another path is of the topic whose names it declares.
    """

    def __init__(self, clone: Path, newest: str, versions: Sequence[Version]) -> None:
        self._clone = clone
        self._newest = newest
        self._versions = versions
        self._declared = {each.blob: declared_in(each.text) for each in versions}
        self._names: dict[str, set[str]] = {}
        now = set(_tree(clone, newest))
        self._by_number = _names_by_number(clone, newest, [path for path, _ in now])
        self._of: dict[tuple[str, str], str] = {}
        for path, blob, _ in reversed(versions):
            if (path, blob) in now and (folder := _FOLDER.match(path)):
                self._take(path, blob, self._by_number[int(folder[1])])
        for path, blob, _ in reversed(versions):
            if (path, blob) not in self._of and (folder := _FOLDER.match(path)):
                name = self._closest(blob) or self._by_number.get(int(folder[1]), "")
                if name:
                    self._take(path, blob, name)

    def of(self, version: Version) -> str:
        """The topic of a version; empty where it is of none."""
        return self._of.get((version.path, version.blob), "")

    def topics(self) -> Topics:
        """Each with what all its versions declare."""
        now = self._numbers(_tree(self._clone, self._newest))
        before = self._numbers(self._before())
        return {name: self._topic(name, now[name], before.get(name, 0)) for name in sorted(now)}

    def _topic(self, name: str, number: int, before: int) -> Topic:
        mine = [self._declared[blob] for (_, blob), of in self._of.items() if of == name]
        title = _title(self._clone, self._newest, number)
        return Topic(
            title=title or name,
            number=number,
            before=before,
            ops=_all(mine, lambda each: each.ops),
            functions=[
                list(those)
                for those in sorted({tuple(sorted(each.functions)) for each in mine})
                if those
            ],
            structs=_all(mine, lambda each: each.structs),
            constants=_all(mine, lambda each: each.constants),
        )

    def _take(self, path: str, blob: str, name: str) -> None:
        self._of[path, blob] = name
        self._names.setdefault(name, set()).update(_told(self._declared[blob]))

    def _closest(self, blob: str) -> str:
        here = _told(self._declared[blob])
        shared = {name: len(here & names) / len(here | names) for name, names in self._names.items()
                  if here & names}  # fmt: skip
        return max(shared, key=lambda name: shared[name]) if shared else ""

    def _numbers(self, tree: Sequence[tuple[str, str]]) -> dict[str, int]:
        """The number of each topic in a tree; where there are several, the lowest."""
        found: dict[str, int] = {}
        for path, blob in tree:
            folder, name = _FOLDER.match(path), self._of.get((path, blob), "")
            if folder and name:
                found[name] = min(int(folder[1]), found.get(name, 1_000))
        return found

    def _before(self) -> Sequence[tuple[str, str]]:
        found = _git(
            self._clone, "log", "-1", f"--until={RENUMBERED}T00:00:00Z", "--format=%H", self._newest
        )
        return _tree(self._clone, found.strip()) if found.strip() else ()


def _names_by_number(clone: Path, commit: str, paths: Sequence[str]) -> dict[int, str]:
    """What the puzzle of each number is called: as its op's file is, else after its title."""
    ops = {int(folder[1]): op[1] for path in sorted(paths)
           if (folder := _FOLDER.match(path)) and (op := _OP.match(path))
           and not op[1].startswith("__")}  # fmt: skip
    numbers = {int(folder[1]) for path in paths if (folder := _FOLDER.match(path))}
    return {
        number: ops.get(number) or _slug(_title(clone, commit, number)) or f"p{number:02}"
        for number in sorted(numbers)
    }


def _title(clone: Path, commit: str, number: int) -> str:
    """As the book has it at the head of the puzzle's page; empty where it has none."""
    page = f"book/src/puzzle_{number:02}/puzzle_{number:02}.md"
    listed = _git(clone, "ls-tree", "--name-only", commit, "--", page)
    found = _TITLE.search(_git(clone, "show", f"{commit}:{page}")) if listed.strip() else None
    return found[1] if found else ""


_SHORT = {
    "gpu_debugging_workflow": "debugging",
    "memory_error_detection_race_conditions_with_sanitizers": "memory_errors",
}
"""For titles that nobody would type as a puzzle's name."""


def _slug(title: str) -> str:
    """``Matrix Multiplication (MatMul)`` becomes ``matrix_multiplication``."""
    name = "_".join(re.findall(r"[a-z0-9]+", re.sub(r"\(.*?\)", "", title.lower())))
    name = _SHORT.get(name, name)
    # It is the name of a Python package, too.
    return re.sub(r"^(\d\w*?)_(.*)$", r"\2_\1", name)


def _told(declared: Declared) -> set[str]:
    return {*declared.ops, *declared.functions, *declared.around, *declared.structs}


def _all(declared: Sequence[Declared], of: Callable[[Declared], Mapping[str, int]]) -> list[str]:
    return sorted({name for each in declared for name in of(each)})


# ---- git ----


def _commits(clone: Path, branches: Sequence[str]) -> dict[str, str]:
    return {
        branch: _git(clone, "rev-parse", "--verify", f"{branch}^{{commit}}").strip()
        for branch in branches
    }


def _day(clone: Path, commit: str) -> str:
    return _git(clone, "log", "-1", "--format=%cs", commit).strip()


def _tree(clone: Path, commit: str) -> list[tuple[str, str]]:
    """Path and blob of each Mojo file of a commit."""
    entries = _git(clone, "ls-tree", "-r", "-z", commit).split("\0")
    split = [entry.partition("\t") for entry in entries if entry]
    return [(path, what.split()[2]) for what, _, path in split if path.endswith(_SUFFIXES)]


def _versions(clone: Path, commits: Sequence[str]) -> Iterator[Version]:
    """Each version of each Mojo file but a package's own, the oldest first."""
    log = _git(
        clone, "log", "--reverse", "--raw", "--no-abbrev", "--no-renames", "-m", "--root",
        "--format=", "-z", *commits, "--", *(f"*{each}" for each in _SUFFIXES),
    )  # fmt: skip
    fields = iter(log.split("\0"))
    seen: set[tuple[str, str]] = set()
    for field in fields:
        if not field.startswith(":"):
            continue
        blob, status = field.split()[3:5]
        path = next(fields)
        if path.rpartition("/")[2].startswith("__init__.") or status == "D":
            continue
        if (path, blob) not in seen:
            seen.add((path, blob))
            yield Version(path, blob, _git(clone, "cat-file", "blob", blob))


def _not_the_book(clone: Path, what: str) -> UsageError:
    return UsageError(
        f"{clone} has none of {what} in its history",
        remedy="Give a clone of the book with its whole history.",
    )


def _git(clone: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(clone), *arguments],  # noqa: S607 - the user's own git
            capture_output=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise UsageError(
            "git is not installed, and the book's history is read with it",
            remedy="Install git, then run the command again.",
        ) from error
    if done.returncode:
        raise UsageError(
            f"the history of {clone} can't be read: {done.stderr.decode('utf-8', 'replace')}",
            remedy="Give a clone of the book with its whole history: git clone URL DIRECTORY.",
        )
    return done.stdout.decode("utf-8", "replace")
