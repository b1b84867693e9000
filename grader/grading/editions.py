"""Which edition a submission is graded with, and what that means when it does not package.

Where the request names an edition, that one decides: a file of another edition
gets an explanation, line by line. Where it does not, the file's own words
decide (`grader.toolchain.detect`); and if packaging then fails, the other editions
that they fit as well are tried before there is a verdict. Where one of them can't be
tried, there is none: no answer fails by a guess of ours.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import msgspec

from grader.choices import DEFAULT_EDITION
from grader.errors import EditionLeftOpen, GraderFault
from grader.grading.blame import first_said
from grader.grading.state import RunState
from grader.record import CompilerEnd, Diagnostic, Note, OtherEdition
from grader.toolchain import edition as editions
from grader.toolchain import store
from grader.toolchain.detect import Decision, Foreign, compare, detect, nearest, span
from grader.toolchain.edition import Edition
from grader.toolchain.packaging import Packaged
from grader.toolchain.toolchain import Toolchain, is_installed, locate
from grader.wording.checks import (
    COMPILER_SAYS,
    capital,
    change_foreign_lines,
    foreign_line,
    foreign_lines,
    other_edition,
)

DOWNLOADS = 2
"""Other editions that are installed for a file that does not package, at the most."""
SHOWN = 3
"""Compiler errors that are kept beside an explanation of ours."""
NAMED = 4
"""Lines that a sentence names; the diagnostics name them all."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The edition of one run. What is only asked for while the compiler works is found out then."""

    edition: Edition
    reason: str
    pinned: bool
    text: str
    """The submission's source."""

    @cached_property
    def detected(self) -> Decision:
        """What the file's own words say."""
        return detect(self.text)

    @cached_property
    def foreign(self) -> tuple[Foreign, ...]:
        """Lines of the submission that belong to other editions."""
        return compare(self.text, self.edition.name)

    @property
    def skeletons(self) -> tuple[str, ...]:
        """Editions whose skeleton the file may have started from, this one first."""
        return tuple(dict.fromkeys((self.edition.name, *self.detected.as_good)))


def choose(wanted: str, text: str) -> Choice:
    """The edition for a submission. ``wanted`` is a name or ``auto``.

    Raises:
        UsageError: there is no such edition.
    """
    if wanted != "auto":
        return Choice(edition=editions.find(wanted), reason="as asked", pinned=True, text=text)
    detected = detect(text)
    if not detected.fits and not is_installed(editions.find(detected.edition)):
        # It packages with no edition, so none is fetched for it: any compiler shows that.
        name = nearest(text, [each for each in editions.names() if _is_here(each)])
        reason = f"{detected.reason}; of the editions that are installed {name} is the nearest"
        return Choice(edition=editions.find(name), reason=reason, pinned=False, text=text)
    return Choice(
        edition=editions.find(detected.edition),
        reason=detected.reason + _default_is_another(detected.edition),
        pinned=False,
        text=text,
    )


def provide(edition: Edition, state: RunState) -> Toolchain:
    """The edition's toolchain, installed on first use, with what is going on shown.

    Raises:
        ToolchainFault: it is not there and can't be fetched.
        SandboxFault: it works, but not in the sandbox.
    """
    if edition.name == DEFAULT_EDITION or is_installed(edition):
        return locate(edition)

    with state.stage("toolchain"):
        from grader.toolchain.install import install

        return install(edition, said=state.progress.notice)


@contextlib.contextmanager
def in_use(edition: Edition) -> Iterator[None]:
    """Keep others from removing the edition's toolchain meanwhile."""
    if edition.name == DEFAULT_EDITION:
        yield
        return
    with store.locked(edition, exclusive=False):
        yield


def another(
    choice: Choice,
    refused: Packaged,
    state: RunState,
    compiled: Callable[[Toolchain], Packaged],
    *,
    gradable: Callable[[Edition], bool] = lambda edition: True,
) -> Choice | None:
    """The choice of another edition that takes a file which this one's compiler rejects.

    Args:
        choice: Of the edition that rejects it.
        refused: What its compiler said.
        state: Of the run.
        compiled: What the compiler of another edition says of the file.
        gradable: Whether a file of an edition can be graded.

    Returns:
        None where no edition that the file fits takes it, as far as can be known.

    Raises:
        EditionLeftOpen: one may take it, and can't be tried here.
    """
    if choice.pinned or refused.outcome.limit:
        return None
    settled = {choice.edition.name}
    for edition in neighbours(choice, refused.diagnostics):
        toolchain = reachable(edition, state) if gradable(edition) else None
        if toolchain is None:
            continue
        there = compiled(toolchain)
        if there.ok:
            return moved(choice, edition)
        if there.outcome.limit is None:
            settled.add(edition.name)
    left = [name for name in _possible(choice) if name not in settled]
    if left:
        # Imported when it is needed, which is seldom.
        from grader.toolchain.slips import wrong_everywhere

        puzzle = state.request.puzzle_name
        if not wrong_everywhere(refused.diagnostics, choice.text, puzzle, left):
            raise _left_open(choice, refused, left, gradable)
    return None


def _possible(choice: Choice) -> tuple[str, ...]:
    """The editions that a right answer with the file's words may be of.

    None where they contradict each other; and none where they tell nothing, as a right answer's
    imports would.
    """
    decision = choice.detected
    telling = decision.fits and len(decision.as_good) < len(editions.names())
    return decision.as_good if telling else ()


def _left_open(
    choice: Choice,
    refused: Packaged,
    left: Sequence[str],
    gradable: Callable[[Edition], bool],
) -> EditionLeftOpen:
    here = choice.edition.name
    errors = [each for each in refused.diagnostics if each.severity == "error"]
    said = f" ({first_said(errors)})" if errors else ""
    missing = [name for name in left if not _is_here(name) and gradable(editions.find(name))]
    install = f"Run grade toolchain install {' '.join(missing)} and grade it again, or say"
    return EditionLeftOpen(
        f"it does not compile with edition {here}{said}, but may be written for {span(left)}, "
        "which can't be tried here",
        remedy=f"{install if missing else 'Say'} which edition it is written for: "
        f"--edition {here}.",
    )


def neighbours(choice: Choice, diagnostics: Iterable[Diagnostic]) -> list[Edition]:
    """Editions that may take a file which this one's compiler rejects, the cheapest first.

    All that match the file as well and are installed: a compiler's refusal costs a second, and a
    right answer must not fail by a guess. One that would have to be installed first is tried only
    on the other side of a border that a message is known to stand at, and only where the file is
    of another edition than the default anyway: a slip in a course's own edition must not fetch a
    gigabyte.
    """
    if choice.pinned:
        return []
    names = editions.names()
    here = names.index(choice.edition.name)
    nearest_first = sorted(choice.detected.as_good, key=lambda name: abs(names.index(name) - here))
    others = [name for name in nearest_first if name != choice.edition.name]
    tried = [name for name in others if _is_here(name)]
    if choice.edition.name != DEFAULT_EDITION and choice.detected.fits:
        errors = [each for each in diagnostics if each.severity == "error"]
        beyond = [name for name in others if _across(errors, here, names.index(name))]
        tried += [name for name in beyond if name not in tried][:DOWNLOADS]
    return [editions.find(name) for name in tried]


def reachable(edition: Edition, state: RunState) -> Toolchain | None:
    """As `provide`, for an edition that one can do without."""
    try:
        return provide(edition, state)
    except GraderFault as fault:
        state.progress.notice(f"Edition {edition.name} was not tried: {fault.what}")
        return None


def _is_here(name: str) -> bool:
    return name == DEFAULT_EDITION or is_installed(editions.find(name))


def moved(choice: Choice, edition: Edition) -> Choice:
    """The choice after a neighbour turned out to package the file."""
    return replace(
        choice,
        edition=edition,
        reason=f"it packages with {edition.name} and not with {choice.edition.name}, "
        f"which was tried first ({choice.detected.reason}){_default_is_another(edition.name)}",
    )


Data = dict[str, int | str]


def explanation(choice: Choice) -> Data:
    """How a file with lines of other editions is not of this one: the data of `OtherEdition`.

    Empty where no line is known to belong elsewhere.
    """
    if not choice.foreign:
        return {}
    here, detected = choice.edition.name, choice.detected
    if choice.pinned and detected.fits and detected.edition != here:
        of, many = span(detected.as_good), len(detected.as_good)
        written_for = OtherEdition.WRITTEN_FOR.value
        return {"other": written_for, "here": here, "editions": of, "many": many}
    return {"other": OtherEdition.MIXED.value, "here": here}


def why_it_does_not_package(choice: Choice) -> Data:
    """The same, line by line, as the data of `Reason.COMPILER`; empty as `explanation` is."""
    other = explanation(choice)
    if not other:
        return {}
    named = [(each.line, each.pattern, each.belongs) for each in choice.foreign[:NAMED]]
    lines = foreign_lines(named, len(choice.foreign) - len(named))
    return {"end": CompilerEnd.OTHER_EDITION.value, **other, "lines": lines}


def foreign_diagnostics(choice: Choice, file: str) -> tuple[Diagnostic, ...]:
    """One message for each line of another edition, with what to write instead."""
    if not choice.foreign:
        return ()
    here = choice.edition.name
    first = Diagnostic(
        severity="error",
        message=capital(other_edition(explanation(choice))),
        stage="package",
        advice=change_foreign_lines(here, len(choice.foreign)),
    )
    lines = (
        Diagnostic(
            severity="error",
            message=foreign_line(each.pattern, each.belongs, here),
            stage="package",
            file=file,
            line=each.line,
            advice=each.advice,
        )
        for each in choice.foreign
    )
    return (first, *lines)


def with_explanation(
    choice: Choice, diagnostics: tuple[Diagnostic, ...], file: str
) -> tuple[Diagnostic, ...]:
    """The compiler's messages with ours in front; a wall of errors about the same is cut."""
    ours = foreign_diagnostics(choice, file)
    if not ours:
        return diagnostics
    lines = {each.line for each in ours if each.line is not None}
    rest = [each for each in diagnostics if each.line not in lines or each.severity != "error"]
    return (*(_with_own_words(each, diagnostics) for each in ours), *rest[:SHOWN])


def _with_own_words(ours: Diagnostic, theirs: Iterable[Diagnostic]) -> Diagnostic:
    """Our message for a line, with what the compiler says of the same line as notes."""
    said = [each.message for each in theirs if each.line == ours.line and each.severity == "error"]
    if ours.line is None or not said:
        return ours
    notes = [Note(message=COMPILER_SAYS.format(said=text)) for text in dict.fromkeys(said)]
    return msgspec.structs.replace(ours, notes=tuple(notes[:SHOWN]))


def _default_is_another(name: str) -> str:
    return "" if name == DEFAULT_EDITION else f"; the default edition is {DEFAULT_EDITION}"


def _across(errors: Iterable[Diagnostic], here: int, other: int) -> bool:
    """Whether one of the errors stands at a border between two editions."""
    names = editions.names()
    for index in range(min(here, other) + 1, max(here, other) + 1):
        for change in editions.find(names[index]).changes:
            pattern = change.message if here >= index else change.message_before
            if pattern and any(_says(pattern, error) for error in errors):
                return True
    return False


def _says(pattern: str, error: Diagnostic) -> bool:
    return any(
        re.search(pattern, text)
        for text in (error.message, *(note.message for note in error.notes))
    )
