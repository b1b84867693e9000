"""Well-known wrong answers where an index stands for several elements."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from grader.puzzle_kit import Mistake, sketched
from grader.puzzles.vectors import VECTOR, WIDTH, Right, first_of_vectors, first_vector, written
from grader.puzzles.zip.mistakes import mistakes as of_sums

TILE: Final = 32
CHUNK: Final = 256
"""What a size is a multiple of: TILE vectors, also where they hold 32 bytes."""

_LOOP: Final = """\
comptime for i in range(tile_size):    # all of the tile
    at = Index(...)                    # what lies before the tile, then i
    ...                                # load, add, store"""


def _first_of_tiles(right: Right) -> Mistake:
    return written(
        "first-of-tile",
        lambda place: place % TILE == 0,
        f"Of every tile of {TILE} elements only the first is written.",
        "An index stands for a whole tile: go through all of its elements.",
        right,
    )


def _tiles_overlap(right: Right) -> Mistake:
    def kept(place: NDArray[np.int64]) -> NDArray[np.bool_]:
        return place < place.size // TILE + TILE - 1

    return written(
        "tiles-overlap",
        kept,
        "Tile t begins at element t, so the tiles overlap, and what lies behind them is not "
        "written.",
        "Tile t begins behind all tiles before it: at t * tile_size.",
        right,
    )


def _chunks_one_apart(right: Right) -> Mistake:
    def kept(place: NDArray[np.int64]) -> NDArray[np.bool_]:
        chunks = place.size // (TILE * WIDTH)
        return place < (chunks - 1) * TILE + TILE * WIDTH

    return written(
        "chunks-overlap",
        kept,
        "A chunk begins a tile behind the one before, not a chunk, so the chunks overlap, and the "
        "end is not written.",
        "Each index has tile_size vectors. Begin at the index times chunk_size.",
        right,
    )


def _vectors_one_apart(right: Right) -> Mistake:
    def kept(place: NDArray[np.int64]) -> NDArray[np.bool_]:
        return place % (TILE * WIDTH) < TILE + WIDTH - 1

    return written(
        "vectors-overlap",
        kept,
        "Vector i of a chunk begins at its element i, so the vectors overlap, and most of the "
        "chunk is not written.",
        "Vector i begins behind the i vectors before it: at i * simd_width.",
        right,
    )


def _one_vector(right: Right, of: int, name: str, noun: str) -> Mistake:
    return written(
        name,
        lambda place: place % of < WIDTH,
        f"Only the first vector of each {noun} is written.",
        f"An index stands for a whole {noun}: go through all of its vectors.",
        right,
    )


def _first_tile(right: Right) -> Mistake:
    return written(
        "first-tile-only",
        lambda place: place < TILE,
        "Only the first tile is written: each index writes the same elements.",
        "Where does the index that the function is given come in?",
        right,
    )


def _first_chunk(right: Right) -> Mistake:
    return written(
        "first-chunk-only",
        lambda place: place < TILE * WIDTH,
        "Only the first chunk is written: each index writes the same elements.",
        "Where does the index that the function is given come in?",
        right,
    )


def _last_of_tile(right: Right) -> Mistake:
    return written(
        "last-of-tile-missing",
        lambda place: place % TILE != TILE - 1,
        "The last element of each tile is not written.",
        "The loop goes through all tile_size elements: from 0 to tile_size - 1.",
        right,
    )


def _last_vector(right: Right, of: int, noun: str) -> Mistake:
    return written(
        "last-vector-missing",
        lambda place: place % of < of - WIDTH,
        f"The last vector of each {noun} is not written.",
        f"Does the last vector of the {noun} get through what is asked before it is added?",
        right,
    )


_OF: Final[Mapping[str, Callable[[Right], tuple[Mistake, ...]]]] = {
    "elementwise_add": lambda right: (first_of_vectors(right), first_vector(right)),
    "tiled_elementwise_add": lambda right: (
        _first_of_tiles(right),
        _tiles_overlap(right),
        _first_tile(right),
        _last_of_tile(right),
    ),
    "manual_vectorized_tiled_elementwise_add": lambda right: (
        _chunks_one_apart(right),
        _vectors_one_apart(right),
        _one_vector(right, TILE * WIDTH, "first-vector-of-chunk", "chunk"),
        first_of_vectors(right),
        _first_chunk(right),
        _last_vector(right, TILE * WIDTH, "chunk"),
    ),
    "vectorize_within_tiles_elementwise_add": lambda right: (
        _tiles_overlap(right),
        _one_vector(right, TILE, "first-vector-of-tile", "tile"),
        first_of_vectors(right),
        _first_tile(right),
        _last_vector(right, TILE, "tile"),
    ),
}


def of_part(part: str, right: Right) -> tuple[Mistake, ...]:
    """All mistakes of a part: its own, and those of any sum of two vectors."""
    own = _OF[part](right)
    loops = [each.name for each in own if "-of-tile" in each.name or "overlap" in each.name]
    vectors = [each.name for each in own if each.name not in loops]
    # There is no example of four elements, and they are a vector here.
    others = [each for each in of_sums(right) if each.name != "size-of-the-example"]
    return (*sketched({VECTOR: vectors, _LOOP: loops}, *own), *others)
