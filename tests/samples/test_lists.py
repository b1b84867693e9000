"""The lists of samples: read strictly, and written out by `grade samples`."""

from __future__ import annotations

import csv

import pytest
from click.testing import CliRunner

from benchmarks.labels import default_labels
from grader.cli.course import samples as command
from grader.device import FindingKind
from grader.errors import UsageError
from grader.folders import data_directory
from grader.grading.explain.mistakes import in_any_puzzle
from grader.guidance import COMPILER, LAUNCH_ARGUMENTS, LAUNCH_NUMBERS
from grader.puzzles import NAMES, find
from grader.record import ProblemKind, ProgramEnd, Reason
from grader.samples import ASSIGNMENT, NOTHING_CERTAIN, read_samples, write_samples
from grader.toolchain import edition as editions

TABLE = '[[sample]]\nname = "one"\nverdict = "fail"\nscore = 50\nwhy = "A test."\n'


@pytest.fixture
def lists(tmp_path, monkeypatch):
    """A folder of lists in place of the real one; the reference kernels stay."""
    folder = tmp_path / "conv1d"
    (folder / "files").mkdir(parents=True)
    real = data_directory
    monkeypatch.setattr(
        "grader.samples.data_directory",
        lambda name: tmp_path if name == "submissions" else real(name),
    )
    return folder


def test_every_sample_is_another_file():
    """But for the one whose point is what is not in the file."""
    seen = {}
    for sample in read_samples("conv1d"):
        other = seen.setdefault((sample.edition, sample.content), sample.name)
        assert other == sample.name


def test_a_name_stands_once_for_each_edition():
    names = [(sample.edition, sample.group, sample.name) for sample in read_samples("conv1d")]
    assert len(names) == len(set(names))


def test_editions_exist():
    assert {sample.edition for sample in read_samples("conv1d")} == set(editions.names())


def test_no_file_is_without_a_label():
    folder = data_directory("submissions") / "conv1d"
    own = {sample.name for sample in read_samples("conv1d") if not sample.entry.base}
    lists = {f"{group}.toml" for group in ("assignment", "hostile", "rewritten")}
    assert {path.name for path in folder.iterdir()} == {*lists, "files"}
    assert {path.name for path in (folder / "files").iterdir()} == {f"{name}.mojo" for name in own}


CAUSES = {
    COMPILER,
    LAUNCH_ARGUMENTS,
    LAUNCH_NUMBERS,
    NOTHING_CERTAIN,
    Reason.NO_KERNEL.value,
    *(kind.value for kind in (*FindingKind, *ProblemKind, *ProgramEnd)),
}


@pytest.mark.parametrize("puzzle", NAMES)
def test_a_wrong_sample_says_what_its_report_must_name(puzzle):
    parts = find(puzzle).parts
    known = CAUSES | {each.name for part in parts for each in part.mistakes}
    known |= {name for part in parts for name in in_any_puzzle(part)}
    labels = [each for each in default_labels(puzzle) if each.sample.group == ASSIGNMENT]
    causes = {each.name: each.sample.entry.cause for each in labels if each.verdict == "fail"}
    assert {cause for cause in causes.values() if cause is not None} <= known
    assert len([name for name, cause in causes.items() if cause is None]) <= 7
    for label in labels:
        if line := label.sample.entry.line:
            assert any(line in each for each in label.sample.content.decode().splitlines())


def test_an_edit_replaces_its_text_and_nothing_else(lists):
    edit = '[[sample.edits]]\nfind = "grid_dim=BLOCKS_PER_GRID,"\nput = "grid_dim=1,"\n'
    (lists / "assignment.toml").write_text(f'{TABLE}base = "right"\n{edit}')
    [sample] = read_samples("conv1d")
    right = (data_directory("reference_kernels") / "conv1d/26.5/right.mojo").read_text()
    changed = [
        (old, new)
        for old, new in zip(right.splitlines(), sample.content.decode().splitlines(), strict=True)
        if old != new
    ]
    assert [(old.strip(), new.strip()) for old, new in changed] == [
        ("grid_dim=BLOCKS_PER_GRID,", "grid_dim=1,")
    ]


def test_without_a_base_it_is_a_file_byte_for_byte(lists):
    (lists / "assignment.toml").write_text(TABLE)
    (lists / "files/one.mojo").write_bytes(b"\xff\xfe\r\n\0")
    [sample] = read_samples("conv1d")
    assert sample.content == b"\xff\xfe\r\n\0"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'{TABLE}base = "right"\n[[sample.edits]]\nfind = "of another book"\nput = ""', "0 times"),
        (f'{TABLE}base = "right"\n[[sample.edits]]\nfind = "conv1d"\nput = ""', "times"),
        (f'{TABLE}base = "of nobody"', "base"),
        (f'{TABLE}mistake = "unknown"', "mistake"),
        (TABLE.replace("50", '"many"'), "score"),
        (TABLE.replace("fail", "perhaps"), "perhaps"),
        ("[[sample]", "assignment.toml"),
        ('[[sample]]\nname = "one"', "verdict"),
    ],
)
def test_a_list_that_is_wrong_says_where(lists, text, said):
    (lists / "assignment.toml").write_text(text)
    with pytest.raises(UsageError, match=said):
        read_samples("conv1d")


def test_the_command_writes_what_the_lists_say(tmp_path):
    ended = CliRunner().invoke(
        command, [str(tmp_path / "out"), "--puzzle", "conv1d", "--edition", "25.3"]
    )
    assert ended.exit_code == 0, ended.output
    with (tmp_path / "out/labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    wanted = [sample for sample in read_samples("conv1d") if sample.edition == "25.3"]
    assert [(row["verdict"], int(row["score"]), row["why"]) for row in rows] == [
        (sample.entry.verdict, sample.entry.score, sample.entry.why) for sample in wanted
    ]
    for row, sample in zip(rows, wanted, strict=True):
        assert (tmp_path / "out" / row["file"]).read_bytes() == sample.content


def test_those_of_other_lists_lie_apart(tmp_path):
    samples = read_samples("conv1d")
    for sample, path in zip(samples, write_samples(samples, tmp_path), strict=True):
        apart = sample.group in ("hostile", "rewritten")
        assert path.parent.name == (sample.group if apart else sample.edition)


def test_an_edition_that_there_is_not_is_named(tmp_path):
    ended = CliRunner().invoke(
        command, [str(tmp_path / "out"), "--puzzle", "conv1d", "--edition", "99"]
    )
    assert isinstance(ended.exception, UsageError)
    assert "99" in str(ended.exception)
    assert not (tmp_path / "out").exists()
