"""Students who work in a clone of the whole book: what is theirs, and what the book ships."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.batch.collect import collect
from grader.book import Book, read_book
from grader.book.digests import SHORT, program_of
from grader.book.shipped import Shipped, find_book
from grader.errors import SubmissionRefused
from grader.puzzles import find
from tests.batch.harness import make_class
from tests.batch.test_collect import zipped

TASK, OLD_TASK = (place.task for place in find("conv1d").book)
ANSWER = find("conv1d").book[0].answer
COMPLETE = "problems/p20/op/conv1d.mojo"
"""Ships complete, for another puzzle."""

SKELETON = "def conv1d_kernel():\n    pass\n\n\ndef execute():\n    pass\n"
SOLVED = SKELETON.replace("    pass\n\n\ndef", "    work()\n\n\ndef")
USED = SOLVED + "\n\ndef more():\n    pass\n"
OTHER = "def add_10():\n    pass\n"
MINE = SOLVED.replace("work()", "my_work()")

SHIPPED = {
    TASK: SKELETON,
    ANSWER: SOLVED,
    COMPLETE: USED,
    "solutions/p20/op/conv1d.mojo": USED,
    "problems/p01/p01.mojo": OTHER,
}


@pytest.fixture
def book() -> Book:
    files = {path: [program_of(text)[:SHORT]] for path, text in SHIPPED.items()}
    files[OLD_TASK] = [program_of("# older\nfn conv1d_kernel():\n    pass\n")[:SHORT]]
    shipped = Shipped(until="2026-01-01", read={}, topics={}, files=files)
    return read_book(find("conv1d"), shipped)


@pytest.fixture(params=["", "mojo-gpu-puzzles/", "homework/week 3/clone/"])
def clone(request: pytest.FixtureRequest) -> str:
    """Where the clone lies in the student's folder."""
    return str(request.param)


def cloned(clone: str, student: str = "ann", **changes: str | None) -> dict[str, str]:
    """The files of a student with a clone of the book, some of them changed or taken away."""
    names = {"task": TASK, "answer": ANSWER, "complete": COMPLETE, "p01": "problems/p01/p01.mojo"}
    files = SHIPPED | {names[name]: text for name, text in changes.items()}
    return {f"{student}/{clone}{path}": text for path, text in files.items() if text is not None}


def taken(source: Path, book: Book) -> tuple[dict[str, str], str]:
    """The source of what counts for each student, or why it is refused; and all notes."""
    found = {}
    with collect(source, puzzle="conv1d", book=book) as collection:
        for student in collection.students:
            found[student.key] = ""
        for each in collection.attempts:
            if not each.attempt.counts:
                continue
            try:
                each.load()
                found[each.attempt.student] = each.attempt.source
            except SubmissionRefused as refused:
                found[each.attempt.student] = f"refused: {refused.what}"
        return found, "\n".join(collection.notes)


@pytest.mark.parametrize("form", ["folder", "archive"])
def test_the_puzzles_own_place_is_taken_and_what_was_passed_over_is_said(
    tmp_path: Path, book: Book, clone: str, form: str
) -> None:
    files = cloned(clone, task=MINE) | cloned(clone, "bob")
    source = make_class(tmp_path / "class", files)
    if form == "archive":
        source = zipped(tmp_path / "class.zip", files)
    found, notes = taken(source, book)
    assert found == {"ann": f"ann/{clone}{TASK}", "bob": f"bob/{clone}{TASK}"}
    assert f"own place in the book is {TASK}" in notes
    assert f"{COMPLETE} (2 times)" in notes


@pytest.mark.parametrize("task", [SKELETON, "# Ann\n\n" + SKELETON.replace("\n", "\r\n")])
def test_who_did_nothing_has_the_untouched_file(
    tmp_path: Path, book: Book, clone: str, task: str
) -> None:
    """Not the complete file of the other puzzle, even if that was changed."""
    for complete in (USED, USED + "# touched\n", USED + "\n\ndef touched():\n    pass\n"):
        source = make_class(tmp_path, cloned(clone, task=task, complete=complete))
        assert taken(source, book)[0] == {"ann": f"ann/{clone}{TASK}"}


@pytest.mark.parametrize(
    "elsewhere",
    [
        "conv1d.mojo",
        "my work/conv1d.mojo",
        "conv1d_final.mojo",
        "clone2/problems/p17/op/conv1d.mojo",
    ],
)
def test_work_elsewhere_is_not_hidden_by_the_untouched_file(
    tmp_path: Path, book: Book, clone: str, elsewhere: str
) -> None:
    source = make_class(tmp_path, cloned(clone) | {f"ann/{elsewhere}": MINE})
    found, notes = taken(source, book)
    assert found == {"ann": f"ann/{elsewhere}"}
    assert "as the book ships it" in notes
    assert f"ann/{clone}{TASK}" in notes


def test_work_under_another_name_beside_the_untouched_file(
    tmp_path: Path, book: Book, clone: str
) -> None:
    """The op tells it from notes and from other puzzles' files."""
    mine = MINE + '\n\n@register("conv1d")\nstruct Op:\n    pass\n'
    files = {"ann/solution_ann.mojo": mine, "ann/zz.mojo": "def zz():\n    pass\n"}
    source = make_class(tmp_path, cloned(clone) | files)
    assert taken(source, book)[0] == {"ann": "ann/solution_ann.mojo"}


def test_two_works_the_own_place_is_meant_and_it_is_said(
    tmp_path: Path, book: Book, clone: str
) -> None:
    other = MINE.replace("my_work", "other_work")
    source = make_class(tmp_path, cloned(clone, task=MINE) | {"ann/old/conv1d.mojo": other})
    found, notes = taken(source, book)
    assert found == {"ann": f"ann/{clone}{TASK}"}
    assert "stands where the book has the puzzle's file" in notes


def test_an_answer_like_the_books_own_is_work_where_it_belongs(
    tmp_path: Path, book: Book, clone: str
) -> None:
    """Many right answers are the same, word for word."""
    files = cloned(clone, task=SOLVED) | {"ann/old/conv1d.mojo": MINE}
    assert taken(make_class(tmp_path, files), book)[0] == {"ann": f"ann/{clone}{TASK}"}


@pytest.mark.parametrize("name", ["bob/conv1d.mojo", "bob.mojo", "bob_1_91_conv1d.mojo"])
@pytest.mark.parametrize("text", [SOLVED, SKELETON, USED, MINE])
def test_a_file_alone_is_what_was_handed_in(
    tmp_path: Path, book: Book, name: str, text: str
) -> None:
    found, _ = taken(make_class(tmp_path, {name: text}), book)
    assert list(found.values()) == [name]


@pytest.mark.parametrize(
    "files",
    [
        {COMPLETE: USED},
        {COMPLETE: USED + "\n\ndef touched():\n    pass\n"},
        {"p20/conv1d.mojo": USED},
        {ANSWER: SOLVED},
        {ANSWER: SOLVED, COMPLETE: USED, "problems/p01/p01.mojo": MINE},
        {"problems/p01/p01.mojo": OTHER},
    ],
)
def test_where_all_is_the_books_nothing_was_handed_in(
    tmp_path: Path, book: Book, clone: str, files: dict[str, str]
) -> None:
    source = make_class(tmp_path, {f"ann/{clone}{path}": text for path, text in files.items()})
    found, _ = taken(make_class(source, {"bob.mojo": MINE}), book)
    assert "files that the book ships" in found["ann"]
    assert TASK in found["ann"]


def test_an_earlier_place_of_the_puzzle_counts_too(tmp_path: Path, book: Book, clone: str) -> None:
    source = make_class(tmp_path, {f"ann/{clone}{OLD_TASK}": MINE, f"ann/{clone}{COMPLETE}": USED})
    assert taken(source, book)[0] == {"ann": f"ann/{clone}{OLD_TASK}"}


def test_of_two_hand_ins_an_untouched_one_is_none(tmp_path: Path, book: Book) -> None:
    """On Canvas the later of two files counts, unless it is the skeleton."""
    files = {"doe_1_91_conv1d.mojo": MINE, "doe_1_92_conv1d-1.mojo": SKELETON}
    found, notes = taken(make_class(tmp_path, files), book)
    assert list(found.values()) == ["doe_1_91_conv1d.mojo"]
    assert "doe_1_92_conv1d-1.mojo is as the book ships it" in notes


@pytest.mark.parametrize("work_is_later", [True, False])
@pytest.mark.parametrize("work", ["beside", "inside"])
def test_a_file_beside_a_students_folder(
    tmp_path: Path, book: Book, work: str, work_is_later: bool
) -> None:
    import os

    texts = {"ann.mojo": SKELETON, f"ann/{TASK}": SKELETON}
    right = "ann.mojo" if work == "beside" else f"ann/{TASK}"
    texts[right] = MINE
    source = make_class(tmp_path, texts)
    for name in texts:
        at = 2_000_000 if (name == right) == work_is_later else 1_000_000
        os.utime(source / name, (at, at))
    assert taken(source, book)[0] == {"ann": right}


# ---- who handed in nothing ----


@pytest.mark.parametrize("inside", [(), (".git/config",), (".git/config", ".idea/x.mojo")])
@pytest.mark.parametrize("form", ["folder", "archive", "archive with a wrapper"])
def test_an_empty_folder_is_a_student_who_handed_in_nothing(
    tmp_path: Path, book: Book, inside: tuple[str, ...], form: str
) -> None:
    source = make_class(tmp_path / "c", {"ann/conv1d.mojo": MINE, "cem/conv1d.mojo": MINE})
    (source / "bob").mkdir()
    make_class(source / "bob", dict.fromkeys(inside, "x"))
    if form != "folder":
        top = source.parent if "wrapper" in form else source
        with zipfile.ZipFile(tmp_path / "c.zip", "w") as packed:
            for path in sorted(source.rglob("*")):
                packed.write(path, path.relative_to(top))
        source = tmp_path / "c.zip"
    found, notes = taken(source, book)
    assert found == {"ann": "ann/conv1d.mojo", "bob": "", "cem": "cem/conv1d.mojo"}
    assert "bob: nothing was handed in: the folder is empty" in notes


def test_an_empty_folder_of_moodle(tmp_path: Path, book: Book) -> None:
    source = make_class(
        tmp_path, {f"S{n}_{n}_assignsubmission_file_/conv1d.mojo": MINE for n in (1, 2, 3)}
    )
    (source / "Jo Roe_9_assignsubmission_file_").mkdir()
    found, _ = taken(source, book)
    assert found["jo-roe-9"] == ""
    assert len(found) == 4


def test_an_empty_folder_inside_a_students_changes_nothing(tmp_path: Path, book: Book) -> None:
    source = make_class(tmp_path, {"ann/conv1d.mojo": MINE})
    (source / "ann/empty").mkdir()
    assert taken(source, book) == ({"ann": "ann/conv1d.mojo"}, "")


# ---- archives that students hand in ----


def packed(files: dict[str, str]) -> Iterator[bytes]:
    import io

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, text in files.items():
            made.writestr(name, text)
    yield buffer.getvalue()


@pytest.mark.parametrize("form", ["folder", "archive"])
@pytest.mark.parametrize("name", ["ann/work.zip", "ann.zip", "ann_1_91_work.zip"])
@pytest.mark.parametrize(
    ("files", "inside"),
    [
        ({"conv1d.mojo": MINE}, "conv1d.mojo"),
        ({"op/conv1d.mojo": MINE, "op/__init__.mojo": "", "notes.md": "x"}, "op/conv1d.mojo"),
        ({"my_answer.mojo": MINE}, "my_answer.mojo"),
        ({f"clone/{path}": text for path, text in SHIPPED.items()} | {f"clone/{TASK}": MINE},
         f"clone/{TASK}"),
        ({f"clone/{TASK}": SKELETON, f"clone/{COMPLETE}": USED}, f"clone/{TASK}"),
    ],
)  # fmt: skip
def test_the_one_file_that_can_be_the_answer_is_taken(
    tmp_path: Path, book: Book, form: str, name: str, files: dict[str, str], inside: str
) -> None:
    (data,) = packed(files)
    other = "x_2_92_conv1d.mojo" if "_1_" in name else "x.mojo"
    if form == "archive":
        source = tmp_path / "class.zip"
        with zipfile.ZipFile(source, "w") as made:
            made.writestr(name, data)
            made.writestr(other, MINE)
    else:
        source = tmp_path / "class"
        (source / name).parent.mkdir(parents=True)
        (source / name).write_bytes(data)
        make_class(source, {other: MINE})
    found, notes = taken(source, book)
    assert f"{name}/{inside}" in found.values()
    assert f"{name}/{inside} is taken" in notes


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"a.mojo": MINE, "b.mojo": SOLVED}, "2 files in ann/work.zip could be the answer"),
        ({"x/conv1d.mojo": MINE, "y/conv1d.mojo": SOLVED}, "2 files in ann/work.zip could be"),
        ({"report.pdf": "x"}, "no .mojo file in ann/work.zip"),
        ({COMPLETE: USED}, "files that the book ships"),
        ({"inner.zip": "PK"}, "no .mojo file in ann/work.zip"),
    ],
)
def test_where_it_is_not_clear_the_archive_is_refused_with_why(
    tmp_path: Path, book: Book, files: dict[str, str], why: str
) -> None:
    (data,) = packed(files)
    source = make_class(tmp_path, {"bob.mojo": MINE, "ann/readme.md": "x"})
    (source / "ann/work.zip").write_bytes(data)
    assert why in taken(source, book)[0]["ann"]


def test_what_is_no_archive_is_refused(tmp_path: Path, book: Book) -> None:
    source = make_class(tmp_path, {"bob.mojo": MINE, "ann/work.zip": "no archive"})
    assert "can't be read as a ZIP archive" in taken(source, book)[0]["ann"]


def test_a_file_beside_an_archive_is_the_answer(tmp_path: Path, book: Book) -> None:
    (data,) = packed({"conv1d.mojo": SOLVED})
    source = make_class(tmp_path, {"ann/conv1d.mojo": MINE})
    (source / "ann/backup.zip").write_bytes(data)
    assert taken(source, book)[0] == {"ann": "ann/conv1d.mojo"}


def test_of_several_archives_the_latest_counts(tmp_path: Path, book: Book) -> None:
    (one,), (two,) = packed({"conv1d.mojo": MINE}), packed({"conv1d.mojo": SOLVED})
    source = tmp_path
    (source / "doe_1_91_work.zip").write_bytes(two)
    (source / "doe_1_92_work-1.zip").write_bytes(one)
    found, _ = taken(source, book)
    assert list(found.values()) == ["doe_1_92_work-1.zip/conv1d.mojo"]


WINDOW = "fn process_sliding_window():\n    mine()\n"
POOLING = "fn pooling():\n    mine()\n"


@pytest.mark.parametrize("clone", ["", "clone/"])
def test_a_place_that_has_another_puzzle_now_counts_where_the_file_says_so(
    tmp_path: Path, clone: str
) -> None:
    """Puzzle 9 of July 2025 is puzzle 11 now, and puzzle 9 another one."""
    files = {
        f"ann/{clone}problems/p09/p09.mojo": POOLING,
        f"ann/{clone}problems/p11/p11.mojo": "fn conv_1d_simple():\n    mine()\n",
        f"bob/{clone}problems/p09/p09.mojo": WINDOW,
        f"bob/{clone}problems/p11/p11.mojo": POOLING,
        f"eve/{clone}problems/p09/p09_layout_tensor.mojo": POOLING,
    }
    source = make_class(tmp_path, files)
    with collect(source, puzzle="pooling", book=find_book("pooling")) as collection:
        taken = [each.attempt.source for each in collection.attempts if each.attempt.counts]
    assert sorted(taken) == [
        f"ann/{clone}problems/p09/p09.mojo",
        f"bob/{clone}problems/p11/p11.mojo",
        f"eve/{clone}problems/p09/p09_layout_tensor.mojo",
    ]
