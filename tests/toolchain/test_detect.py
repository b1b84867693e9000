"""Which edition a source is written for, and how that is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.choices import DEFAULT_EDITION
from grader.folders import data_directory
from grader.puzzles import NAMES
from grader.toolchain import edition as editions
from grader.toolchain.detect import compare, detect, span

FOLDERS = [data_directory("reference_kernels") / name for name in NAMES]
FOLDER = next(each for each in FOLDERS if all((each / e).is_dir() for e in editions.names()))
"""Of a puzzle that is in every edition."""


def reference(edition: str, name: str) -> str:
    return (FOLDER / edition / f"{name}.mojo").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", editions.names())
@pytest.mark.parametrize("file", ["skeleton", "right"])
def test_an_editions_own_files_fit_it(name: str, file: str) -> None:
    text = reference(name, file)
    assert compare(text, name) == ()
    assert name in detect(text).as_good


@pytest.mark.parametrize("name", editions.names())
def test_the_newest_of_those_that_fit_is_taken_unless_the_default_is_one_of_them(
    name: str,
) -> None:
    decision = detect(reference(name, "right"))
    assert decision.fits
    wanted = DEFAULT_EDITION if DEFAULT_EDITION in decision.as_good else decision.as_good[-1]
    assert decision.edition == wanted


def test_the_seeds_dialect_is_told_by_its_output_named_out() -> None:
    text = (
        "import compiler\n\n"
        '@compiler.register("conv1d")\n'
        "struct Conv1D:\n"
        "    @staticmethod\n"
        "    fn execute[target: StaticString](out: OutputTensor[rank=1]) raises:\n"
        "        pass\n"
    )
    decision = detect(text)
    assert decision.edition == "25.3"
    assert "`out:` (line 6)" in decision.reason
    assert decision.reason.endswith("edition 25.3")


@pytest.mark.parametrize("text", ["", "x", "# nothing but a comment\n", "def f(): pass\n"])
def test_a_text_that_tells_nothing_is_of_the_default_edition(text: str) -> None:
    decision = detect(text)
    assert decision.edition == DEFAULT_EDITION
    assert decision.fits
    assert "the default" in decision.reason


def test_a_source_that_mixes_editions_is_of_the_likelier_and_its_other_lines_are_named() -> None:
    text = reference("26.5", "right").replace("import extensibility\n", "import compiler\n", 1)
    decision = detect(text)
    assert decision.edition == "26.5"
    assert not decision.fits
    (foreign,) = decision.foreign
    assert text.splitlines()[foreign.line - 1] == "import compiler"
    assert foreign.belongs == "26.4 and older"
    assert "extensibility" in foreign.advice
    assert decision.reason.startswith("the file mixes editions")


def test_between_two_equally_likely_editions_the_default_is_taken() -> None:
    decision = detect("import compiler\nimport max.gpu\n")
    assert DEFAULT_EDITION in decision.as_good
    assert decision.edition == DEFAULT_EDITION


def test_a_file_of_another_edition_is_explained_line_by_line() -> None:
    text = reference("25.4", "right")
    foreign = compare(text, "26.5")
    by_pattern = {each.pattern: each for each in foreign}
    assert [each.line for each in foreign] == sorted({each.line for each in foreign})
    assert by_pattern["fn"].advice == "Write `def` for `fn`."
    assert by_pattern["import compiler"].belongs == "26.4 and older"
    assert all(each.advice for each in foreign)


def test_a_newer_file_is_explained_too() -> None:
    foreign = compare(reference("26.5", "right"), "25.3")
    assert foreign
    assert all(each.advice and each.belongs for each in foreign)


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (("25.3",), "25.3"),
        (("25.3", "25.4"), "25.4 and older"),
        (("25.4", "25.5", "25.6.1"), "25.4 to 25.6.1"),
        (editions.names()[-2:], f"{editions.names()[-2]} and newer"),
        (("25.3", "26.4", "26.5"), "25.3 and 26.4 to 26.5"),
    ],
)
def test_editions_are_named_as_people_would(names: tuple[str, ...], shown: str) -> None:
    assert span(names) == shown


@given(st.text())
def test_any_text_has_an_edition(text: str) -> None:
    decision = detect(text)
    assert decision.edition in editions.names()
    assert decision.edition in decision.as_good
    assert decision.fits == (not decision.foreign)
    assert decision.reason


LINES = sorted(
    {
        line
        for name in editions.names()
        for file in ("skeleton", "right")
        for line in reference(name, file).splitlines()
    }
)


@given(st.lists(st.sampled_from(LINES), max_size=40).map("\n".join))
def test_lines_of_all_editions_in_any_order_have_an_edition_and_reasons(text: str) -> None:
    decision = detect(text)
    assert all(1 <= each.line <= text.count("\n") + 1 for each in decision.foreign)
    for name in editions.names():
        fewer = len(compare(text, name)) == 0
        assert not fewer or decision.fits


def test_a_method_that_the_tensors_of_an_op_lost_is_kept_by_those_of_a_program():
    line = "    var tile = input.tile[256](0).to_layout_tensor()\n"
    program = f"def kernel(input: T):\n{line}\n\ndef main() raises:\n    pass\n"
    op = (
        f'@extensibility.register("conv1d")\nstruct S:\n    pass\n\n\ndef kernel(input: T):\n{line}'
    )
    assert compare(program, "26.7") == ()
    assert [each.pattern for each in compare(op, "26.7")] == ["to_layout_tensor()"]
