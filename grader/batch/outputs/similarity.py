"""The similarity pages: ranked pairs, clusters, and each pair side by side."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

import msgspec

from grader.batch.model import RunInfo, StudentResult
from grader.batch.outputs.class_table import Link, link
from grader.batch.outputs.side_by_side import Passage, SharedItem, both_sides, items_of
from grader.batch.similarity.compare import ClassComparison, SimilarPair, compare
from grader.batch.similarity.features import Features, Skeleton, signature, skeleton
from grader.batch.similarity.regions import marks
from grader.batch.similarity.words import read
from grader.errors import GraderFault
from grader.folders import data_directory
from grader.intake.display import one_line
from grader.report.html import environment

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
    """Everything that the pages depend on, in short."""
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
        first, second = marks(one, other, given)
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
        folder = data_directory("reference_kernels") / Path(puzzle).name
    except GraderFault:
        return Skeleton()
    paths = sorted(folder.glob("*/skeleton.mojo"))
    return skeleton(path.read_text(encoding="utf-8") for path in paths)


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
