"""Attempts that do not count cost little, and can count later."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import msgspec
import pytest

from grader.batch.attempts import ingest
from grader.batch.collect import collect
from grader.batch.compare import compare
from grader.batch.store import GradingEntry, Store
from grader.book.digests import program_of
from tests.batch.harness import Listener, grade_class, make_class, results

pytestmark = pytest.mark.usefixtures("log")


def two_attempts(folder: Path) -> Path:
    """Of which the one that scores 50 is the latest."""
    source = make_class(
        folder, {"ann/old/conv1d.mojo": "score(20)", "ann/new/conv1d.mojo": "score(50)"}
    )
    os.utime(source / "ann/old/conv1d.mojo", (1, 1))
    return source


def reasons(listener: Listener) -> list[str]:
    return [job.reason for job in listener.plan.jobs]


def score(folder: Path) -> int:
    record = results(folder)["ann"].record
    assert record is not None
    return record.score


def test_only_programs_that_decide_are_found_out(tmp_path, monkeypatch):
    asked: list[str] = []

    def counted(text: str) -> str:
        asked.append(text)
        return program_of(text)

    for module in ("attempts", "collect.entry"):
        monkeypatch.setattr(f"grader.batch.{module}.program_of", counted)
    files = {f"ann/{n}/conv1d.mojo": f"score({n})" for n in range(5)}
    source = make_class(tmp_path / "c", {**files, "bob.mojo": "score(4)"})
    for n in range(5):
        os.utime(source / f"ann/{n}/conv1d.mojo", (n + 1, n + 1))
    with collect(source, puzzle="conv1d") as collection:
        found = ingest(collection, {})
    assert asked == ["score(4)", "score(3)"], "once for ann and bob; and the one it was chosen from"
    assert len(found.stored) == 6
    assert all(each.attempt.sha256 for each in found.stored)
    assert sorted(map(bool, found.programs.values())) == [False] * 3 + [True] * 2


def test_the_bytes_of_every_attempt_are_kept(tmp_path):
    grade_class(two_attempts(tmp_path / "c"), tmp_path / "run")
    with Store(tmp_path / "run") as store:
        digests = [each.attempt.sha256 for each in store.attempts()["ann"]]
        assert [store.source(each) for each in digests] == [b"score(20)", b"score(50)"]


def test_an_earlier_attempt_can_count_later(tmp_path):
    source = two_attempts(tmp_path / "c")
    grade_class(source, tmp_path / "run")
    assert score(tmp_path / "run") == 50
    (source / "ann/new/conv1d.mojo").unlink()
    _, listener = grade_class(source, tmp_path / "run")
    assert reasons(listener) == ["the submission changed"]
    assert score(tmp_path / "run") == 20
    _, listener = grade_class(source, tmp_path / "run")
    assert reasons(listener) == [], "its program is kept now"
    # And the other way round.
    (source / "ann/new/conv1d.mojo").write_text("score(50)")
    _, listener = grade_class(source, tmp_path / "run")
    assert reasons(listener) == [], "the result of the first session stands"
    assert score(tmp_path / "run") == 50


def test_what_does_not_count_for_one_counts_for_another(tmp_path):
    """In whatever order the two are read."""
    source = two_attempts(tmp_path / "c")
    (source / "aaron.mojo").write_text("score(20)")
    (source / "zoe.mojo").write_text("score(20)")
    grade_class(source, tmp_path / "run")
    ended = {key: each.record.score for key, each in results(tmp_path / "run").items()}
    assert ended == {"aaron": 20, "ann": 50, "zoe": 20}
    with Store(tmp_path / "run") as store:
        assert all(store.programs().values())


def test_two_runs_are_compared_by_what_counts(tmp_path):
    source = two_attempts(tmp_path / "c")
    grade_class(source, tmp_path / "one")
    (source / "ann/new/conv1d.mojo").unlink()
    grade_class(source, tmp_path / "two")
    with Store(tmp_path / "one") as one, Store(tmp_path / "two") as two:
        (change,) = compare(one, two)
    assert "the submission changed" in change.reasons
    assert (change.before.score, change.after.score) == (50, 20)


@pytest.mark.parametrize(("before", "after"), [(0, 10), (10, 0), (4, 10), (10, 10), (0, 0)])
def test_extra_credit_is_part_of_a_mark_that_is_compared(before, after, tmp_path):
    source = two_attempts(tmp_path / "c")
    for name, extra in (("one", before), ("two", after)):
        grade_class(source, tmp_path / name)
        with Store(tmp_path / name) as store:
            for known in store.known().values():
                record = msgspec.structs.replace(
                    store.record(known.program), extra_score=extra, extra_max=10
                )
                store.add_result(
                    known.program,
                    GradingEntry(record=record, reason="a test"),
                    sha256=known.sha256,
                    conditions=known.conditions,
                )
    with Store(tmp_path / "one") as one, Store(tmp_path / "two") as two:
        found = [(str(change.before), str(change.after)) for change in compare(one, two)]
    words = [f"50 and {extra} extra" if extra else "50" for extra in (before, after)]
    shown = [text.rpartition(" (")[0] for pair in found for text in pair]
    assert shown == ([] if before == after else words)


def test_a_run_that_kept_every_program_goes_on(tmp_path):
    """As runs were stored before."""
    source = two_attempts(tmp_path / "c")
    grade_class(source, tmp_path / "run")
    with sqlite3.connect(tmp_path / "run/run.sqlite") as database:
        database.execute(
            "UPDATE sources SET program = ? WHERE program = ''", [program_of("score(20)")]
        )
    database.close()
    (source / "ann/new/conv1d.mojo").unlink()
    _, listener = grade_class(source, tmp_path / "run")
    assert reasons(listener) == ["the submission changed"]
    assert score(tmp_path / "run") == 20
