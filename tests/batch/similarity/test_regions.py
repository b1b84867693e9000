"""Marking what two texts share."""

from __future__ import annotations

from hypothesis import given

from grader.batch.outputs.similarity_pages import Passage, both_sides
from grader.batch.similarity.compare import SharedMarks, shared_marks
from grader.batch.similarity.features import K, SourceText, read
from tests.batch.similarity.texts import GIVEN, LAUNCH, OWN, SKELETON, programs, renamed


def pair(one: str, other: str) -> tuple[SourceText, SourceText, SharedMarks, SharedMarks]:
    first, second = (read(text, SKELETON.names) for text in (one, other))
    return first, second, *shared_marks(first, second, SKELETON)


def marked(program: SourceText, made: SharedMarks) -> list[str]:
    return [program.text[r.span.start : r.span.stop] for r in made.code]


def text_of(blocks: tuple[Passage, ...]) -> str:
    lines = [line for block in blocks for line in block.lines]
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    return "\n".join("".join(piece.text for piece in line.pieces) for line in lines)


def test_a_renamed_copy_is_marked_as_one_part_on_both_sides() -> None:
    one, other, first, second = pair(GIVEN + OWN, renamed(OWN) + GIVEN)
    (left,), (right,) = marked(one, first), marked(other, second)
    assert left.startswith("def helper(first")
    assert left.endswith("return total")
    assert right.startswith("def fn_x(p")
    assert first.code[0].number == second.code[0].number == 1


def test_equal_comments_are_marked_and_given_code_is_grey() -> None:
    one, _, first, _ = pair(GIVEN + OWN, OWN)
    told = [one.text[r.span.start : r.span.stop] for r in first.comments]
    assert told == ["# carefully rounds to the next multiple"]
    grey = [one.text[span.start : span.stop] for span in first.given]
    assert grey == [GIVEN.rstrip()]


def test_the_skeleton_is_not_marked_as_shared() -> None:
    *_, first, second = pair(GIVEN, GIVEN)
    assert first.code == second.code == first.comments == ()


def test_a_part_that_was_moved_keeps_its_number() -> None:
    other_part = OWN.replace("helper", "second_one").replace("* 17", "- 9").replace("% 4", "% 8")
    one, other, first, second = pair(OWN + LAUNCH + other_part, other_part + LAUNCH + OWN)
    numbers = {text[:20]: r.number for text, r in zip(marked(one, first), first.code, strict=True)}
    for text, region in zip(marked(other, second), second.code, strict=True):
        assert numbers.get(text[:20], region.number) == region.number


@given(programs, programs)
def test_marks_are_in_order_and_every_shared_run_is_marked(one: str, other: str) -> None:
    first, second, left, right = pair(one, other)
    for program, made in ((first, left), (second, right)):
        for spans in (
            [r.span for r in made.code],
            [r.span for r in made.comments],
            list(made.given),
        ):
            edges = [edge for span in spans for edge in (span.start, span.stop)]
            assert edges == sorted(edges)
            assert all(0 <= edge <= len(program.text) for edge in edges)
    assert bool(left.code) == bool(right.code)
    theirs = [w.norm for w in second.words]
    runs = {tuple(theirs[at : at + K]) for at in range(len(theirs) - K + 1)}
    given_norms = [w.norm for w in read(GIVEN, SKELETON.names).words]
    given_runs = {tuple(given_norms[at : at + K]) for at in range(len(given_norms) - K + 1)}
    for at in range(len(first.words) - K + 1):
        run = tuple(w.norm for w in first.words[at : at + K])
        if run in runs and run not in given_runs:
            start, stop = first.words[at].start, first.words[at + K - 1].stop
            assert any(r.span.start <= start and stop <= r.span.stop for r in left.code)


@given(programs, programs)
def test_the_view_shows_every_line_of_the_text(one: str, other: str) -> None:
    first, second, left, right = pair(one, other)
    for program, blocks in zip(
        (first, second), both_sides((first, left), (second, right)), strict=True
    ):
        lines = program.text.split("\n")
        if not lines[-1]:
            lines.pop()
        assert len(text_of(blocks).split("\n") if blocks else []) == len(lines)


@given(programs, programs)
def test_every_link_leads_to_the_other_side(one: str, other: str) -> None:
    first, second, left, right = pair(one, other)
    sides = both_sides((first, left), (second, right))
    pieces = [p for side in sides for b in side for line in b.lines for p in line.pieces]
    anchors = [p.anchor for p in pieces if p.anchor]
    assert len(anchors) == len(set(anchors))
    assert {p.to for p in pieces if p.to} <= set(anchors)
    folded = [line for side in sides for b in side if b.folded for line in b.lines]
    assert not any(piece.number for line in folded for piece in line.pieces)
