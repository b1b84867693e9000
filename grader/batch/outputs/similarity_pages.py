"""The similarity pages: ranked pairs, clusters, and what two programs share, side by side."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise
from math import fsum
from pathlib import Path

import msgspec

from grader.batch.model import RunInfo, StudentResult
from grader.batch.outputs.class_table import Link, link
from grader.batch.similarity.compare import (
    ClassComparison,
    SharedFeature,
    SharedMarks,
    SimilarPair,
    compare,
    shared_marks,
)
from grader.batch.similarity.features import (
    Features,
    K,
    Kind,
    Skeleton,
    SourceText,
    TextSpan,
    hashes,
    read,
    signature,
    skeleton,
)
from grader.errors import GraderFault
from grader.intake.display import for_terminal, one_line
from grader.references import skeletons
from grader.report.html import environment

LONGEST_ITEM = 160
"""Characters of one of them."""

TELLING = 0.5
"""Bits below which a thing is not worth a line."""


class SharedItem(msgspec.Struct, frozen=True, kw_only=True):
    """One shared thing."""

    kind: str
    text: str
    have: int
    """How many programs of the class have it; of a stretch, its rarest part."""
    bits: float


def items_of(pair: SimilarPair, program: SourceText) -> tuple[SharedItem, ...]:
    """What a pair shares, the least likely first, without what nearly everybody has.

    Args:
        pair: With at least one shared feature.
        program: One of the two: its code and names are quoted.
    """
    made = _joined_fingerprints(pair.shared, program)
    for shared in pair.shared:
        if shared.feature.kind is not Kind.CODE:
            kind = "name" if shared.feature.kind is Kind.NAME else "comment or text"
            made.append(_item(kind, shared.feature.value, [shared]))
    made.sort(key=lambda item: (-item.bits, item.kind, item.text))
    return tuple(item for item in made if item.bits >= TELLING) or tuple(made[:1])


def _joined_fingerprints(shared: Sequence[SharedFeature], program: SourceText) -> list[SharedItem]:
    """Fingerprints that lie side by side, put together."""
    place: dict[str, int] = {}
    for at, value in enumerate(hashes([word.norm for word in program.words])):
        place.setdefault(f"{value:016x}", at)
    code = [(place[s.feature.value], s) for s in shared if s.feature.kind is Kind.CODE]
    runs: list[tuple[int, list[SharedFeature]]] = []
    last = -1
    for at, each in sorted(code, key=lambda pair: pair[0]):
        if runs and at <= last:
            runs[-1][1].append(each)
        else:
            runs.append((at, [each]))
        last = at + K
    return [_stretch(program, start, parts, place) for start, parts in runs]


def _stretch(
    program: SourceText, start: int, parts: list[SharedFeature], place: dict[str, int]
) -> SharedItem:
    stop = max(place[part.feature.value] for part in parts) + K
    words = program.words
    text = program.text[words[start].start : words[stop - 1].stop]
    return _item("code", " ".join(text.split()), parts)


def _item(kind: str, text: str, parts: Sequence[SharedFeature]) -> SharedItem:
    return SharedItem(
        kind=kind,
        text=one_line(text, limit=LONGEST_ITEM),
        have=min(part.have for part in parts),
        bits=fsum(part.bits for part in parts),
    )


CONTEXT = 3
"""Lines around a shared part that are always shown."""
FOLD = 3
"""Fewer lines than this are not worth hiding."""
LONGEST_LINE = 400
"""Characters of a line."""


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of a line."""

    text: str
    number: int
    """Number of the shared part; 0 outside of any."""
    tone: str
    """``code``, ``comment``, ``given`` or empty."""
    anchor: str = ""
    """Set where the part begins: the other side links to it."""
    to: str = ""
    """The anchor of the same part on the other side."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a text."""

    number: int
    pieces: tuple[Piece, ...]


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """Lines that are shown, or that are folded away since nothing in them is shared."""

    lines: tuple[Line, ...]
    folded: bool


def both_sides(
    one: tuple[SourceText, SharedMarks], other: tuple[SourceText, SharedMarks]
) -> tuple[tuple[Passage, ...], tuple[Passage, ...]]:
    """Two texts as blocks; a part that both have leads from each side to the other."""
    matched = _numbers(one[1]) & _numbers(other[1])
    return _blocks(*one, "a", matched), _blocks(*other, "b", matched)


def _numbers(marks: SharedMarks) -> set[int]:
    return {region.number for region in (*marks.code, *marks.comments)}


def _blocks(
    program: SourceText, marks: SharedMarks, side: str, matched: AbstractSet[int]
) -> tuple[Passage, ...]:
    lines = _lines(program, marks, side, matched)
    wanted = {
        near
        for at, line in enumerate(lines)
        if any(piece.number for piece in line.pieces)
        for near in range(at - CONTEXT, at + CONTEXT + 1)
    }
    made: list[Passage] = []
    for folded, run in _grouped(len(lines), wanted):
        made.append(Passage(lines=tuple(lines[at] for at in run), folded=folded))
    return tuple(made)


def _grouped(count: int, wanted: set[int]) -> list[tuple[bool, range]]:
    runs: list[tuple[bool, range]] = []
    start = 0
    for at in range(1, count + 1):
        if at == count or (at in wanted) != (start in wanted):
            folded = start not in wanted and at - start >= FOLD
            if runs and not folded and not runs[-1][0]:
                runs[-1] = (False, range(runs[-1][1].start, at))
            else:
                runs.append((folded, range(start, at)))
            start = at
    return runs


def _lines(
    program: SourceText, marks: SharedMarks, side: str, matched: AbstractSet[int]
) -> list[Line]:
    text = program.text
    stretches = _toned_stretches(text, marks)
    other = "b" if side == "a" else "a"
    seen: set[int] = set()
    lines: list[Line] = []
    pieces: list[Piece] = []
    for start, stop, number, tone in stretches:
        for n, part in enumerate(text[start:stop].split("\n")):
            if n:
                lines.append(Line(number=len(lines) + 1, pieces=tuple(pieces)))
                pieces = []
            if part:
                inked = number if part.strip() else 0
                first = bool(inked) and inked not in seen
                seen.add(inked)
                pieces.append(
                    Piece(
                        text=for_terminal(part, limit=LONGEST_LINE).replace("\n", " "),
                        number=inked,
                        tone=tone,
                        anchor=f"{side}{inked}" if first else "",
                        to=f"{other}{inked}" if inked in matched else "",
                    )
                )
    if pieces:
        lines.append(Line(number=len(lines) + 1, pieces=tuple(pieces)))
    return lines


def _toned_stretches(text: str, marks: SharedMarks) -> list[tuple[int, int, int, str]]:
    """The text cut where a mark begins or ends: start, stop, number, tone."""
    layers: list[tuple[Sequence[tuple[TextSpan, int]], str]] = [
        ([(r.span, r.number) for r in marks.comments], "comment"),
        ([(r.span, r.number) for r in marks.code], "code"),
        ([(span, 0) for span in marks.given], "given"),
    ]
    cuts = {0, len(text)}
    for spans, _ in layers:
        cuts.update(edge for span, _ in spans for edge in (span.start, span.stop))
    ordered = sorted(cuts)
    made = []
    cursors = [0] * len(layers)
    for start, stop in pairwise(ordered):
        number, tone = 0, ""
        for layer, (spans, name) in enumerate(layers):
            while cursors[layer] < len(spans) and spans[cursors[layer]][0].stop <= start:
                cursors[layer] += 1
            at = cursors[layer]
            if not tone and at < len(spans) and spans[at][0].start <= start:
                number, tone = spans[at][1], name
        made.append((start, stop, number, tone))
    return made


KEPT = "features.msgpack"
"""Keeps what was worked out for each text, so that it need not be again."""
SHOWN = 14
"""Shared things that a pair's page lists."""


class PairRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the ranking."""

    rank: int
    one: Link
    other: Link
    bits: int
    share: int
    """Percent."""
    same: int
    told: str
    """The rarest thing that both have."""
    href: str
    """Below the similarity folder."""


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """The page with the ranking."""

    title: str
    puzzle: str
    programs: int
    alike: int
    pairs: tuple[PairRow, ...]
    more: int
    clusters: tuple[tuple[Link, ...], ...]
    few: bool
    """The class is too small to tell what is rare."""


class PairPage(msgspec.Struct, frozen=True, kw_only=True):
    """Two submissions side by side."""

    title: str
    programs: int
    row: PairRow
    items: tuple[SharedItem, ...]
    more: int
    left: tuple[Passage, ...]
    right: tuple[Passage, ...]


class Study(msgspec.Struct, frozen=True, kw_only=True):
    """All pages."""

    overview: Overview
    pages: dict[str, PairPage]
    """By their path below the similarity folder."""


class Texts(Mapping[str, str]):
    """The texts of a class by the keys of the students; packed, since all are kept at once."""

    def __init__(self) -> None:
        self._packed: dict[str, bytes] = {}

    def add(self, key: str, text: str) -> None:
        """Keep a text."""
        self._packed[key] = zlib.compress(text.encode("utf-8", "surrogatepass"), 1)

    def __getitem__(self, key: str) -> str:
        return zlib.decompress(self._packed[key]).decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)


def source(info: RunInfo, results: Sequence[StudentResult], texts: Mapping[str, str]) -> bytes:
    """A digest of everything that the pages depend on."""
    digest = blake2b(signature(given_code(info.puzzle)).encode())
    digest.update(msgspec.msgpack.encode((info.title, info.puzzle)))
    for result in results:
        digest.update(msgspec.msgpack.encode((link(result), texts.get(result.student.key, ""))))
    return digest.digest()


def study(
    info: RunInfo, results: Sequence[StudentResult], texts: Mapping[str, str], kept: Features
) -> Study:
    """Compare the texts of everybody whose text is known.

    Args:
        info: The run.
        results: Everybody, for their names.
        texts: By the keys of the students.
        kept: Features that were worked out before.
    """
    compared = compare(
        {r.student.key: kept.of(texts[r.student.key]) for r in results if r.student.key in texts}
    )
    links = {result.student.key: link(result) for result in results}
    given = given_code(info.puzzle)
    pages: dict[str, PairPage] = {}
    rows: list[PairRow] = []
    for rank, pair in enumerate(compared.pairs, 1):
        one, other = (read(texts[key], given.names) for key in (pair.one, pair.other))
        items = items_of(pair, one)
        row = _row(rank, pair, links, items[0])
        rows.append(row)
        first, second = shared_marks(one, other, given)
        left, right = both_sides((one, first), (other, second))
        pages[row.href] = PairPage(
            title=one_line(info.title),
            programs=compared.programs,
            row=row,
            items=items[:SHOWN],
            more=max(0, len(items) - SHOWN),
            left=left,
            right=right,
        )
    return Study(overview=_overview(info, compared, rows, links), pages=pages)


def load(path: Path, puzzle: str) -> Features:
    """The features kept in an earlier call; none where there are none that can be read."""
    data = b""
    with suppress(OSError):
        data = path.read_bytes()
    return Features(given_code(puzzle), data)


def render_overview(overview: Overview) -> bytes:
    """The page with the ranking."""
    return environment().get_template("similarity.html.j2").render(page=overview).encode("utf-8")


def render_pair(page: PairPage) -> bytes:
    """The page of a pair."""
    return environment().get_template("pair.html.j2").render(page=page).encode("utf-8")


@lru_cache(maxsize=4)
def given_code(puzzle: str) -> Skeleton:
    """The skeletons of a puzzle, of every edition; nothing where there is none."""
    try:
        return skeleton(skeletons(Path(puzzle).name))
    except GraderFault:
        return Skeleton()


def _overview(
    info: RunInfo, compared: ClassComparison, rows: Sequence[PairRow], links: Mapping[str, Link]
) -> Overview:
    return Overview(
        title=one_line(info.title),
        puzzle=info.puzzle,
        programs=compared.programs,
        alike=compared.alike,
        pairs=tuple(rows),
        more=compared.more,
        clusters=tuple(tuple(links[key] for key in keys) for keys in compared.clusters),
        few=compared.programs < 20,
    )


def _row(rank: int, pair: SimilarPair, links: Mapping[str, Link], first: SharedItem) -> PairRow:
    digest = blake2b(f"{pair.one}\0{pair.other}".encode(), digest_size=6).hexdigest()
    return PairRow(
        rank=rank,
        one=links[pair.one],
        other=links[pair.other],
        bits=round(pair.bits),
        share=round(100 * pair.share),
        same=pair.same,
        told=f"{first.kind}: {first.text}",
        href=f"pair-{digest}.html",
    )
