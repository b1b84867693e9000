"""Reading a text as words: never fails, misses nothing, and renaming hides nothing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given

from benchmarks.labels import labels_of
from grader.batch.similarity.features import Kind, features, read
from grader.folders import data_directory
from grader.intake.lexer import INDENT, LINE, tokens
from tests.batch.similarity.texts import GIVEN, LAUNCH, OWN, SKELETON, programs, renamed

SAMPLES = sorted(
    [
        *data_directory("reference_kernels").rglob("*.mojo"),
        *(label.path for label in labels_of("26.5")),
    ]
)


@given(programs)
def test_every_text_is_read_and_every_word_stands_where_it_says(text: str) -> None:
    program = read(text)
    previous = 0
    for word in program.words:
        assert program.text[word.start : word.stop] == word.text
        assert word.start >= previous
        previous = word.stop
    marked = sum(len(w.text) for w in program.words)
    comments = sum(c.span.stop - c.span.start for c in program.comments)
    assert marked <= len(program.text)
    assert comments <= len(program.text)


@given(programs)
def test_nothing_but_comments_and_blank_space_is_left_out(text: str) -> None:
    program = read(text)
    rest = program.text
    spans = [(w.start, w.stop) for w in program.words]
    for start, stop in sorted(spans, reverse=True):
        rest = rest[:start] + rest[stop:]
    left = [line.split("#", 1)[0] for line in rest.split("\n")]
    assert not "".join(left).strip()


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_it_reads_the_same_code_as_the_reader_that_decides(path: Path) -> None:
    """On every text of which that one is sure, the code is the same to the letter."""
    text = path.read_bytes().decode("utf-8", "replace")
    stream = [t for t in tokens(text) if t.text and t.kind != INDENT]
    if any(token.kind == LINE for token in stream):
        return
    mine = "".join(word.text for word in read(text).words).replace(",]", "]").replace(",)", ")")
    theirs = "".join(token.text for token in stream).replace(",]", "]").replace(",)", ")")
    assert mine == theirs


@pytest.mark.parametrize(
    "text", ['"' * 200_000, "'\\" * 100_000, '"""' + "a" * 200_000, "`" * 200_000, "#\n" * 100_000]
)
def test_it_is_linear_in_the_worst_case(text: str) -> None:
    began = time.process_time()
    read(text)
    assert time.process_time() - began < 3


def test_renaming_hides_nothing() -> None:
    one, other = (read(GIVEN + text, SKELETON.names) for text in (OWN, renamed(OWN)))
    assert [w.norm for w in one.words] == [w.norm for w in other.words]


def test_members_and_given_names_are_compared_as_they_are() -> None:
    norms = [w.norm for w in read("ctx.enqueue(n, mine)", frozenset({"n"})).words]
    assert norms == ["_", ".", "enqueue", "(", "n", ",", "_", ")"]


def test_an_odd_character_lets_nobody_escape() -> None:
    """The reader that decides gives up on a joined line; this one must not."""
    plain = features(read(OWN, SKELETON.names), SKELETON)
    odd = features(read("\\\n\x00" + OWN, SKELETON.names), SKELETON)
    assert len(plain & odd) >= len(plain) - 2


class TestFeatures:
    def test_what_is_given_is_no_feature(self) -> None:
        assert features(read(GIVEN, SKELETON.names), SKELETON) == frozenset()

    def test_comments_names_and_code_are(self) -> None:
        found = features(read(GIVEN + OWN, SKELETON.names), SKELETON)
        values = {kind: {f.value for f in found if f.kind is kind} for kind in Kind}
        assert values[Kind.COMMENT] == {"carefully rounds to the next multiple"}
        assert {"helper", "first", "second", "total"} <= values[Kind.NAME]
        assert len(values[Kind.CODE]) > 5

    def test_a_comment_is_compared_without_its_dress(self) -> None:
        plain = features(read("# Round  UP here!\n"), SKELETON)
        assert plain == features(read("x = 1  ## round up here\n"), SKELETON) - features(
            read("x = 1"), SKELETON
        )

    def test_a_sentence_weighs_more_than_a_word(self) -> None:
        weights = {
            f.value: f.weight for f in features(read("# done\n# rounds up here\n"), SKELETON)
        }
        assert weights == {"done": 1, "rounds up here": 2}

    def test_the_launch_that_everybody_writes_is_a_feature_of_everybody(self) -> None:
        one, other = (read(GIVEN + LAUNCH + extra, SKELETON.names) for extra in ("", OWN))
        assert features(one, SKELETON) & features(other, SKELETON)
