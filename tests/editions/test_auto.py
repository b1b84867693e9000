"""``--edition auto``, for real as far as packaging goes: it ends on an edition that packages.

The graph is left out, so a file costs as long as its compiler takes. Files of an edition
whose toolchain is not installed are skipped; `grade toolchain install --all` brings them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.choices import DEFAULT_EDITION
from grader.folders import reference_kernel
from grader.grading import run
from grader.grading.state import Request, Silent, StepsDone
from grader.record import Record, StageOutcome, Verdict
from grader.references import reference as reference_text
from grader.toolchain import edition as editions
from grader.toolchain.detect import detect
from grader.toolchain.toolchain import is_installed

NOT_COMPILED = "packaged; this test goes no further"


@pytest.fixture(autouse=True)
def packaging_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(self: run.OpRun, *ahead: object) -> None:
        self.state.steps = StepsDone(packages=True, failure={"end": "said", "said": NOT_COMPILED})

    monkeypatch.setattr(run.OpRun, "_compile_and_run", stop)
    monkeypatch.setattr(run, "HEAD_START", None)  # no device and no worker beside the compiler


def reference(edition: str, name: str = "right") -> str:
    return reference_kernel("conv1d", edition, f"{name}.mojo").read_text(encoding="utf-8")


def graded(text: str, folder: Path, *, needs: tuple[str, ...], puzzle: str = "conv1d") -> Record:
    for name in needs:
        if not is_installed(editions.find(name)):
            pytest.skip(f"not installed: grade toolchain install {name}")
    source = folder / f"{puzzle}.mojo"
    source.write_text(text, encoding="utf-8")
    return run.grade(
        Request(source=source, puzzle_name=puzzle, edition="auto", device="software"), Silent()
    )


def edition_of(record: Record) -> str:
    assert record.toolchain is not None
    return record.toolchain.edition


def packaged(record: Record) -> bool:
    return any(check.sentence == NOT_COMPILED for check in record.checks)


@pytest.mark.parametrize("name", editions.names())
def test_an_editions_right_answer_lands_on_an_edition_that_packages_it(
    name: str, tmp_path: Path
) -> None:
    text = reference(name)
    record = graded(text, tmp_path, needs=(detect(text).edition,))
    assert packaged(record), record.headline
    assert name in detect(text).as_good
    assert edition_of(record) in detect(text).as_good


@pytest.mark.parametrize(
    ("edition", "line", "other", "belongs"),
    [
        ("26.5", "import extensibility\n", "import compiler\n", "26.4 and older"),
        ("25.7", "from gpu.host import", "from max.gpu.host import", "26.5 and newer"),
        (
            "25.3",
            "input: InputTensor[type = out.type",
            "input: InputTensor[dtype = out.type",
            "25.4 to 26.1",
        ),
    ],
)
def test_a_file_that_mixes_two_editions_gets_the_likelier_one_and_the_line_of_the_other(
    edition: str, line: str, other: str, belongs: str, tmp_path: Path
) -> None:
    text = reference(edition)
    assert line in text
    text = text.replace(line, other, 1)
    likelier = detect(text).edition
    record = graded(text, tmp_path, needs=(likelier,))
    assert record.verdict is Verdict.FAIL
    assert edition_of(record) == likelier
    assert edition in detect(text).as_good
    assert record.headline == f"This file mixes editions of the book; it is graded with {likelier}."
    place = next(n for n, each in enumerate(text.splitlines(), 1) if other.strip() in each)
    (named,) = (each for each in record.diagnostics if each.line == place)
    assert belongs in named.message
    assert named.advice


# The indices convert to Int by themselves up to 25.7, which no word of the file tells:
# with 26.1, the newest that fits, its compiler's message stands at that border.
BETWEEN = reference("25.7", "skeleton").replace(
    "local_i = Int(thread_idx.x)", "var local_i: Int = thread_idx.x"
)


def test_at_a_border_the_neighbour_that_packages_is_taken_and_both_are_named(
    tmp_path: Path,
) -> None:
    record = graded(BETWEEN, tmp_path, needs=("26.1", "25.7"))
    assert packaged(record), record.headline
    assert record.toolchain is not None
    assert record.toolchain.edition == "25.7"
    assert "packages with 25.7 and not with 26.1" in record.toolchain.edition_reason
    assert f"the default edition is {DEFAULT_EDITION}" in record.toolchain.edition_reason
    assert [stage.outcome.value for stage in record.stages if stage.name == "package"] == [
        "failed",
        "done",
    ]


# As the book of October 2025 had it: no word of it tells 25.6.1 from 25.7.
OCTOBER = (
    reference("25.7")
    .replace("MutAnyOrigin", "MutableAnyOrigin")
    .replace("enqueue_function_checked[conv1d, conv1d]", "enqueue_function[conv1d]")
    .replace("from gpu.host", "from memory import UnsafePointer\nfrom gpu.host", 1)
    .replace(
        "                    output_tensor.ptr,",
        "                    rebind[UnsafePointer[Scalar[output.dtype]]](output_tensor.ptr),",
    )
)


# As the book of November 2025 had it: no word of it tells 25.7 from 26.1.
NOVEMBER = (
    reference("25.7")
    .replace("enqueue_function_checked[conv1d, conv1d]", "enqueue_function_unchecked[conv1d]")
    .replace("from gpu.host", "from memory import LegacyUnsafePointer\nfrom gpu.host", 1)
    .replace(
        "                    output_tensor.ptr,",
        "                    rebind[LegacyUnsafePointer[Scalar[output.dtype]]](output_tensor.ptr),",
    )
)


@pytest.mark.parametrize(
    ("text", "guess", "right"),
    [(OCTOBER, "25.7", "25.6.1"), (NOVEMBER, "26.1", "25.7")],
    ids=["October 2025", "November 2025"],
)
def test_a_border_that_no_word_tells_costs_nobody_the_mark(
    text: str, guess: str, right: str, tmp_path: Path
) -> None:
    record = graded(text, tmp_path, needs=(guess, right))
    assert packaged(record), record.headline
    assert detect(text).edition == guess
    assert edition_of(record) == right
    (failed,) = (each for each in record.stages if each.outcome is StageOutcome.FAILED)
    assert failed.name == "package"


def test_what_an_edition_that_is_missing_may_take_has_no_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def but_one(edition: editions.Edition) -> bool:
        return edition.name != "25.7" and is_installed(edition)

    monkeypatch.setattr("grader.grading.editions.is_installed", but_one)
    line = "global_i = Int(block_dim"
    assert line in NOVEMBER
    # The index of a type that no compiler of these is known to refuse or to take.
    text = NOVEMBER.replace(line, f"var index: String = 3\n    {line}").replace(
        "rebind[LegacyUnsafePointer[Scalar[output.dtype]]](output_tensor.ptr)", "output_tensor.ptr"
    )
    record = graded(text, tmp_path, needs=("26.1",))
    assert record.verdict is Verdict.FAULT
    assert record.fault is not None
    assert "grade toolchain install 25.7 " in record.fault.remedy
    assert "--edition 26.1" in record.fault.remedy
    assert any("String" in each.message for each in record.diagnostics)
    misspelt = text.replace("barrier()\n", "barier()\n", 1)
    assert graded(misspelt, tmp_path, needs=("26.1",)).verdict is Verdict.FAIL


def test_so_it_is_with_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def but_one(edition: editions.Edition) -> bool:
        return edition.name != "26.2" and is_installed(edition)

    monkeypatch.setattr("grader.grading.editions.is_installed", but_one)
    text = reference_text("map", "26.3", "right")
    assert text is not None
    assert detect(text).as_good == ("26.2", "26.3", "26.4")
    kernel = "    var i = thread_idx.x\n"
    assert kernel in text
    text = text.replace(kernel, f"    var index: String = 3\n{kernel}", 1)
    record = graded(text, tmp_path, needs=("26.4", "26.3"), puzzle="map")
    assert record.fault is not None
    assert record.fault.kind == "EditionLeftOpen"
    assert "grade toolchain install 26.2 " in record.fault.remedy


def test_where_no_neighbour_packages_it_either_the_first_compiler_has_the_word(
    tmp_path: Path,
) -> None:
    text = BETWEEN.replace("barrier()\n", "barier()\n", 1)
    record = graded(text, tmp_path, needs=("26.1", "25.7", "25.6.1"))
    assert (record.verdict, edition_of(record)) == (Verdict.FAIL, "26.1")
    assert any("barier" in each.message for each in record.diagnostics)
