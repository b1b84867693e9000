"""What a result rests on besides the program: the code that decides, puzzle, toolchain and options.

Equal programs are graded once, in a class (`grader.batch`) and by one person
(`grader.remembered`). A result under other conditions is made again.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from grader import __version__
from grader.book.shipped import GIVEN
from grader.errors import GraderFault
from grader.folders import data_directory
from grader.puzzles import course_folders
from grader.record import SkeletonInfo
from grader.toolchain import edition as editions

if TYPE_CHECKING:
    from grader.rubric import Rubric


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """What a result rests on besides the program. A result under other conditions is made again."""

    grader: str
    puzzle: str
    puzzle_digest: str
    """Digest of the reference and the skeleton that came with it."""
    edition: str
    toolchain: str
    device: str
    rubric: str
    """Digest; empty for the puzzle's own."""
    examples: int
    timeout: float
    isolation: str
    code_digest: str = ""
    """`deciding_code`; runs of earlier versions lack it."""
    judged: str = ""
    """`grader.grading.rescore.judged` of the rubric; runs of earlier versions lack it."""

    def only_marks_differ(self, before: Conditions) -> bool:
        """Whether all that changed is what the rubric makes of how the checks ended."""
        same = msgspec.structs.replace(before, rubric=self.rubric) == self
        return same and before.rubric != self.rubric and bool(self.judged)

    def changes(self, before: Conditions) -> list[str]:
        """What is different from an earlier result's conditions, for people."""
        names = {
            "grader": "the grader's version",
            "code_digest": "the grader's code",
            "puzzle": "the puzzle",
            "puzzle_digest": "the puzzle's reference",
            "edition": "the edition",
            "toolchain": "the toolchain",
            "device": "the device",
            "rubric": "the rubric",
            "examples": "the number of cases",
            "timeout": "the time limit",
            "isolation": "the isolation",
        }
        found: list[str] = []
        for field, name in names.items():
            old, new = getattr(before, field), getattr(self, field)
            if field == "code_digest" and found:
                continue  # another version is other code, too
            if old != new:
                shown = "" if "digest" in field or field == "rubric" else f" ({old} → {new})"
                found.append(f"{name} changed{shown}")
        return found


def conditions_of(
    puzzle: str,
    rubric: Rubric | None,
    *,
    skeleton: SkeletonInfo | None,
    edition: str,
    device: str,
    examples: int,
    timeout: float,
    isolation: str,
    judged: str = "",
) -> Conditions:
    """The conditions of now.

    Args:
        puzzle: Its name.
        rubric: Of a file; None for the puzzle's own.
        skeleton: The one that the rubric names.
        edition: Name of an edition, or ``auto``.
        device: What it is graded on; never ``auto``.
        examples: Cases that are asked for.
        timeout: Seconds that a stage may take.
        isolation: What was asked for.
        judged: `grader.grading.rescore.judged` of the puzzle; empty where nothing is scored again.
    """
    compiled_with = editions.find(edition)
    return Conditions(
        grader=__version__,
        code_digest=deciding_code(),
        puzzle=puzzle,
        puzzle_digest=_digest_of_references(puzzle, edition, skeleton),
        edition=edition if edition == "auto" else compiled_with.name,
        toolchain=f"max {compiled_with.max_version}, mojo {compiled_with.mojo_version}",
        device=device,
        rubric=rubric.digest if rubric else "",
        examples=examples,
        timeout=timeout,
        isolation=isolation,
        judged=judged,
    )


def _digest_of_references(puzzle: str, edition: str, skeleton: SkeletonInfo | None) -> str:
    """A digest of an edition's reference (all, for ``auto``) and of what book and course give.

    Of a course's own puzzle, all that stands in its folder: what decides is there, too.
    """
    own = course_folders().get(puzzle)
    folder = own or data_directory("reference_kernels") / puzzle
    kernels = folder if own or edition == "auto" else folder / edition
    kinds = ("*.py", "*.mojo") if own else ("*.mojo",)
    digest = hashlib.sha256(msgspec.json.encode(skeleton) if skeleton else b"")
    try:
        for path in [
            *sorted(path for kind in kinds for path in kernels.rglob(kind)),
            *folder.glob(GIVEN),
        ]:
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    except OSError as error:
        raise GraderFault(
            f"the reference of {puzzle} can't be read: {error}",
            remedy="The installation is incomplete; install again with: pip install mojo-grade",
        ) from error
    return digest.hexdigest()


_PACKAGE: Final = Path(__file__).resolve().parents[1]
_KINDS: Final = frozenset({".py", ".c", ".h", ".def", ".toml", ".json"})
# What shows results and decides none, by folder; anything new counts until it stands here.
_SHOWS: Final = frozenset(
    {
        "audience.py", "batch", "cli", "course.py", "doctor.py", "pytest_plugin.py",
        "remembered.py", "report",
    }
)  # fmt: skip
_DECIDES_ALL_THE_SAME: Final = frozenset({"batch/task.py"})
# These choose the cases, and compute what is right.
_LIBRARIES: Final = ("hypothesis", "ml_dtypes", "numpy")


def deciding_code() -> str:
    """A digest of the code that decides how a program is graded."""
    return digests_of_code()[0]


def all_code() -> str:
    """A digest of the whole grader."""
    return digests_of_code()[1]


def files() -> Iterator[tuple[str, Path, bool]]:
    """Source files of the grader by their path in the package, and whether they decide."""
    for path in sorted(_PACKAGE.rglob("*")):
        parts = path.relative_to(_PACKAGE).parts
        name = "/".join(parts)
        if path.suffix in _KINDS and "_data" not in parts:
            yield name, path, parts[0] not in _SHOWS or name in _DECIDES_ALL_THE_SAME


def _version(library: str) -> str:
    """By the name of its folder of metadata; `importlib.metadata` takes 30 ms to be imported."""
    spec = importlib.util.find_spec(library)
    if spec is not None and spec.origin is not None:
        found = list(Path(spec.origin).parents[1].glob(f"{library}-*.dist-info"))
        if len(found) == 1:
            return found[0].name.removeprefix(f"{library}-").removesuffix(".dist-info")
    from importlib import metadata

    return metadata.version(library)


@lru_cache(maxsize=1)
def digests_of_code() -> tuple[str, str]:
    """Of the code that decides, and of all: the files are read once for both."""
    decides, everything = hashlib.sha256(__version__.encode()), hashlib.sha256(__version__.encode())
    for library in _LIBRARIES:
        version = f"\0{library} {_version(library)}".encode()
        decides.update(version)
        everything.update(version)
    for name, path, deciding in files():
        entry = b"\0" + name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest()
        everything.update(entry)
        if deciding:
            decides.update(entry)
    return decides.hexdigest(), everything.hexdigest()
