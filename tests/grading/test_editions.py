"""The edition of a run, and what is said of a file of another one. No toolchain is started."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from grader.choices import DEFAULT_EDITION
from grader.errors import EditionLeftOpen, ToolchainFault, UsageError
from grader.folders import data_directory
from grader.grading import editions
from grader.grading.editions import (
    Choice,
    choose,
    explanation,
    neighbours,
    why_it_does_not_package,
    with_explanation,
)
from grader.grading.state import RunState
from grader.record import Diagnostic, OtherEdition
from grader.sandbox import LimitHit, Outcome
from grader.toolchain import edition as known
from grader.toolchain import store
from grader.toolchain.edition import Edition
from grader.toolchain.packaging import Packaged
from grader.toolchain.toolchain import Toolchain
from grader.wording.checks import compiler_sentence, other_edition
from grader.wording.verdicts import other_edition_headline


def reference(edition: str, name: str = "right") -> str:
    path = data_directory("reference_kernels") / "conv1d" / edition / f"{name}.mojo"
    return path.read_text(encoding="utf-8")


def error(message: str, line: int | None = 1) -> Diagnostic:
    return Diagnostic(severity="error", message=message, stage="package", line=line)


@dataclass
class Listener:
    """What a run would tell its reader."""

    notices: list[str] = field(default_factory=list)

    def notice(self, sentence: str) -> None:
        self.notices.append(sentence)


@dataclass
class Run:
    """As much of a run as an installation needs."""

    progress: Listener = field(default_factory=Listener)
    stages: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self.stages.append(name)
        yield


@pytest.fixture
def none_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(store.VARIABLE, str(tmp_path))


@pytest.fixture
def all_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editions, "is_installed", lambda edition: True)


def test_where_none_is_asked_for_the_files_own_words_decide() -> None:
    choice = choose("auto", reference("25.3"))
    assert choice.edition.name == "25.3"
    assert not choice.pinned
    assert choice.reason.endswith(f"; the default edition is {DEFAULT_EDITION}")


def test_the_one_that_is_asked_for_decides() -> None:
    choice = choose("26.5", reference("25.4"))
    assert (choice.edition.name, choice.pinned, choice.reason) == ("26.5", True, "as asked")


def test_an_edition_that_does_not_exist_can_not_be_asked_for() -> None:
    with pytest.raises(UsageError, match=r"24\.1"):
        choose("24.1", "")


def test_the_default_needs_no_words_about_the_default() -> None:
    assert "default edition is" not in choose("auto", reference(DEFAULT_EDITION)).reason


def test_a_file_of_another_edition_is_explained_and_the_wall_of_errors_is_cut() -> None:
    choice = choose("26.5", reference("25.4"))
    other, why = explanation(choice), compiler_sentence(why_it_does_not_package(choice))
    short = other_edition_headline(other_edition(other))
    assert short == "This file is written for editions 25.4 to 25.6.1; the course uses 26.5."
    assert "line 7: `from gpu` is of 26.3 and older" in why
    compiler = tuple(error(f"e{line}", line) for line in range(1, 200))
    shown = with_explanation(choice, compiler, "conv1d.mojo")
    first, *ours = shown[: 1 + len(choice.foreign)]
    assert "skeleton of edition 26.5" in first.advice
    assert [each.line for each in ours] == [each.line for each in choice.foreign]
    assert all(each.advice and each.file == "conv1d.mojo" for each in ours)
    rest = shown[1 + len(choice.foreign) :]
    assert 0 < len(rest) <= editions.SHOWN
    assert not {each.line for each in rest} & {each.line for each in ours}


def test_a_file_that_mixes_editions_is_told_so_on_the_likelier() -> None:
    choice = choose("auto", reference("26.5").replace("def execute", "fn execute"))
    other, why = explanation(choice), compiler_sentence(why_it_does_not_package(choice))
    short = other_edition_headline(other_edition(other))
    assert short == "This file mixes editions of the book; it is graded with 26.5."
    assert "`fn` is of 26.3 and older" in why


MIXED = {
    "an old file with a new line": reference("25.3") + "\nfrom std.math import sqrt\n",
    "an old file with two new lines": reference("25.7").replace(
        "from gpu import", "from std.gpu import"
    )
    + "\nfrom std.sys import size_of\n",
    "the middle with both": reference("26.1") + "\nfrom sys import sizeof\nfrom std.os import x\n",
}


@pytest.mark.parametrize("text", MIXED.values(), ids=MIXED)
@pytest.mark.usefixtures("none_installed")
def test_nothing_is_fetched_for_a_file_that_mixes_editions(text: str) -> None:
    choice = choose("auto", text)
    assert not choice.detected.fits
    assert choice.edition.name == DEFAULT_EDITION
    assert "mixes editions" in choice.reason
    assert explanation(choice)["other"] == OtherEdition.MIXED
    assert names(choice, BORDER) == []


@pytest.mark.parametrize("here", ["25.3", "25.7", "26.1"])
@pytest.mark.usefixtures("none_installed")
def test_a_file_that_mixes_editions_is_shown_by_the_nearest_that_is_installed(
    here: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(editions, "is_installed", lambda edition: edition.name == here)
    choice = choose("auto", MIXED["an old file with a new line"])
    assert choice.edition.name == here
    assert all(edition.name == here for edition in neighbours(choice, (BORDER,)))


def test_a_file_of_the_edition_keeps_the_compilers_own_words() -> None:
    choice = choose("26.5", reference("26.5"))
    assert explanation(choice) == why_it_does_not_package(choice) == {}
    diagnostics = (error("x"),)
    assert with_explanation(choice, diagnostics, "conv1d.mojo") == diagnostics


AMBIGUOUS = "from gpu import barrier\nimport compiler\n"
"""Fits every edition up to 26.3."""
BORDER = error("no matching method in call to 'enqueue_function'")
OCTOBER = "import compiler\nfrom sys import size_of\nalias Any = MutableAnyOrigin\n"
"""Words of the book of October 2025: they fit 25.6.1 and 25.7, and 25.6.1 alone packages it."""
NOVEMBER = "import compiler\nfrom memory import LegacyUnsafePointer\n"
"""Words of the books after it: they fit 25.7 and 26.1, and 25.7 alone packages them."""
OLDER = ["26.2", "26.1", "25.7", "25.6.1", "25.5", "25.4", "25.3"]


def names(choice: Choice, *diagnostics: Diagnostic) -> list[str]:
    return [edition.name for edition in neighbours(choice, diagnostics)]


@pytest.mark.usefixtures("all_installed")
@pytest.mark.parametrize("said", [BORDER, error("use of unknown declaration 'grid'"), error("x")])
def test_all_that_fit_and_are_installed_are_tried_whatever_the_message(said: Diagnostic) -> None:
    choice = choose("auto", AMBIGUOUS)
    assert choice.edition.name == "26.3"
    assert names(choice, said) == OLDER


@pytest.mark.parametrize(
    ("text", "here", "said", "fetched"),
    [
        (AMBIGUOUS, "26.3", BORDER.message, ["25.7", "25.6.1"]),
        (AMBIGUOUS, "26.3", "unable to locate module 'tensor_builder'", ["25.6.1", "25.5"]),
        (OCTOBER, "25.7", "failed to infer parameter 'mut', it isn't used in any argument",
         ["25.6.1"]),
        (NOVEMBER, "26.1", "'LegacyUnsafePointer' failed to infer parameter 'mut'", ["25.7"]),
        (AMBIGUOUS, "26.3", "use of unknown declaration 'grid'", []),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("none_installed")
def test_at_a_border_the_nearest_editions_beyond_it_are_installed(
    text: str, here: str, said: str, fetched: list[str]
) -> None:
    choice = choose("auto", text)
    assert choice.edition.name == here
    assert names(choice, error(said)) == fetched
    assert names(choice, Diagnostic(severity="warning", message=said, stage="package")) == []


@pytest.mark.usefixtures("none_installed")
def test_what_is_installed_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editions, "is_installed", lambda edition: edition.name == "25.4")
    assert names(choose("auto", AMBIGUOUS), BORDER) == ["25.4", "25.7", "25.6.1"]


@pytest.mark.usefixtures("all_installed")
def test_nothing_is_tried_that_matches_the_file_less_well() -> None:
    assert names(choose("auto", reference("26.5")), BORDER) == []


@pytest.mark.usefixtures("all_installed")
def test_nothing_is_tried_where_an_edition_was_asked_for() -> None:
    assert names(choose("26.3", AMBIGUOUS), BORDER) == []


@pytest.mark.usefixtures("none_installed")
def test_a_slip_in_the_default_edition_fetches_nothing() -> None:
    choice = choose("auto", "var x = 1\n")
    assert choice.edition.name == DEFAULT_EDITION
    assert names(choice, BORDER) == []


@pytest.mark.usefixtures("none_installed")
def test_what_a_submission_needs_is_installed_on_first_use_with_each_step_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = object()

    def install(edition: Edition, *, said: Callable[[str], None]) -> object:
        said(f"downloading {edition.max_version}")
        return made

    monkeypatch.setattr("grader.toolchain.install.install", install)
    run = Run()
    assert editions.provide(known.find("25.4"), cast(RunState, run)) is made
    assert run.stages == ["toolchain"]
    assert run.progress.notices == ["downloading 25.4.0"]
    editions.provide(known.find(DEFAULT_EDITION), cast(RunState, run))
    assert run.stages == ["toolchain"]


@pytest.mark.usefixtures("none_installed")
def test_a_neighbour_that_can_not_be_fetched_is_left_out_aloud(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def offline(edition: Edition, run: Run) -> None:
        raise ToolchainFault("the package index can't be reached")

    monkeypatch.setattr(editions, "provide", offline)
    run = Run()
    assert editions.reachable(known.find("25.4"), cast(RunState, run)) is None
    assert run.progress.notices == [
        "Edition 25.4 was not tried: the package index can't be reached"
    ]


# ---- what is done with them ----

TYPES = error("cannot implicitly convert 'Foo' value to 'Bar'")
MISSPELT = error("use of unknown declaration 'bariier'")


@dataclass
class Asked:
    """Which editions' compilers were asked of the file, by name; and what they say."""

    answers: dict[str, Packaged] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)

    def __call__(self, toolchain: Toolchain) -> Packaged:
        name = toolchain.edition.name
        self.names.append(name)
        return self.answers.get(name) or packaged(TYPES)


def packaged(*diagnostics: Diagnostic, limit: LimitHit | None = None) -> Packaged:
    outcome = cast(Outcome, SimpleNamespace(limit=limit))
    return Packaged(ok=not diagnostics, diagnostics=diagnostics, outcome=outcome, output="")


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """Toolchains are where they are asked for."""
    monkeypatch.setattr(
        editions, "provide", lambda edition, state: SimpleNamespace(edition=edition)
    )


def installed(monkeypatch: pytest.MonkeyPatch, *there: str) -> None:
    monkeypatch.setattr(editions, "is_installed", lambda edition: edition.name in there)


def another(
    text: str, said: Packaged, asked: Asked, *, gradable: frozenset[str] = frozenset(known.names())
) -> Choice | None:
    state = SimpleNamespace(progress=Listener(), request=SimpleNamespace(puzzle_name="conv1d"))
    return editions.another(
        choose("auto", text),
        said,
        cast(RunState, state),
        asked,
        gradable=lambda edition: edition.name in gradable,
    )


@pytest.mark.usefixtures("reached")
def test_the_first_other_edition_that_takes_the_file_is_it(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, "26.3", "26.2", "26.1", "25.7")
    asked = Asked({"26.1": packaged()})
    choice = another(AMBIGUOUS, packaged(TYPES), asked)
    assert choice is not None
    assert choice.edition.name == "26.1"
    assert asked.names == ["26.2", "26.1"]


@pytest.mark.usefixtures("reached")
def test_where_all_that_fit_were_tried_the_verdict_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, "26.1", "25.7")
    asked = Asked()
    assert another(NOVEMBER, packaged(TYPES), asked) is None
    assert asked.names == ["25.7"]


@pytest.mark.usefixtures("reached")
def test_no_file_fails_where_an_edition_that_fits_is_not_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installed(monkeypatch, "26.1")
    asked = Asked()
    with pytest.raises(EditionLeftOpen) as told:
        another(NOVEMBER, packaged(TYPES), asked)
    assert asked.names == []
    assert told.value.what == (
        "it does not compile with edition 26.1 (line 1: cannot implicitly convert 'Foo' value to "
        "'Bar'), but may be written for 25.7, which can't be tried here"
    )
    assert told.value.remedy == (
        "Run grade toolchain install 25.7 and grade it again, or say which edition it is written "
        "for: --edition 26.1."
    )


@pytest.mark.usefixtures("none_installed")
def test_no_file_fails_where_the_edition_across_a_border_can_not_be_fetched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def offline(edition: Edition, run: Run) -> None:
        raise ToolchainFault("the package index can't be reached")

    monkeypatch.setattr(editions, "provide", offline)
    border = error("'LegacyUnsafePointer' failed to infer parameter 'mut'")
    with pytest.raises(EditionLeftOpen):
        another(NOVEMBER, packaged(border), Asked())


@pytest.mark.usefixtures("reached")
def test_an_edition_whose_compiler_was_cut_off_is_left_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    installed(monkeypatch, "26.1", "25.7")
    cut = packaged(TYPES, limit=LimitHit.WALL_CLOCK)
    with pytest.raises(EditionLeftOpen) as told:
        another(NOVEMBER, packaged(TYPES), Asked({"25.7": cut}))
    assert told.value.remedy == "Say which edition it is written for: --edition 26.1."


@pytest.mark.usefixtures("reached")
def test_an_edition_that_can_not_be_graded_is_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, "26.1", "25.7")
    asked = Asked()
    with pytest.raises(EditionLeftOpen):
        another(NOVEMBER, packaged(TYPES), asked, gradable=frozenset({"26.1"}))
    assert asked.names == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(NOVEMBER + "barrier()\n", packaged(MISSPELT), id="a slip"),
        pytest.param(NOVEMBER, packaged(TYPES, limit=LimitHit.WALL_CLOCK), id="cut off"),
        pytest.param("var x = 1\n", packaged(TYPES), id="nothing tells an edition"),
        pytest.param(MIXED["an old file with a new line"], packaged(TYPES), id="of no edition"),
    ],
)
@pytest.mark.usefixtures("none_installed")
def test_a_file_that_is_wrong_in_every_edition_fails_at_once(text: str, said: Packaged) -> None:
    asked = Asked()
    assert another(text, said, asked) is None
    assert asked.names == []


@pytest.mark.usefixtures("none_installed")
def test_a_pinned_edition_leaves_none_open() -> None:
    state = cast(RunState, SimpleNamespace())
    choice = choose("26.1", NOVEMBER)
    assert editions.another(choice, packaged(TYPES), state, Asked()) is None


def test_after_a_move_the_reason_names_both_editions() -> None:
    choice = choose("auto", AMBIGUOUS)
    moved = editions.moved(choice, known.find("25.7"))
    assert moved.edition.name == "25.7"
    assert moved.foreign == ()
    assert "25.7 and not with 26.3" in moved.reason


def test_a_file_may_have_started_from_any_skeleton_that_it_fits() -> None:
    assert choose("auto", reference("25.7", "skeleton")).skeletons == ("26.1", "25.7")
    assert choose("26.5", reference("26.5")).skeletons == ("26.5",)
