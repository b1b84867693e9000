"""Fingerprints of a sequence of words by winnowing.

Schleimer, Wilkerson, Aiken: "Winnowing: Local Algorithms for Document
Fingerprinting", SIGMOD 2003. Every run of `K` words is hashed; in each window
of `W` such hashes the smallest is kept, the last of equal ones. Two texts that
share a run of at least `SURE` words share a fingerprint; what is shorter than
`K` words is never found.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from hashlib import blake2b
from typing import Final

K: Final = 8
"""Words in one hash: a shorter run is not told from chance."""
W: Final = 5
"""Hashes in one window."""
SURE: Final = W + K - 1
"""A shared run of so many words is always found."""

Fingerprint = tuple[int, int]
"""A hash and the index of its first word."""


def hashes(words: Sequence[str]) -> list[int]:
    """The hash of every run of `K` words, in order; 64 bits each."""
    encoded = [word.encode("utf-8", "surrogatepass") for word in words]
    return [
        int.from_bytes(blake2b(b"\0".join(encoded[at : at + K]), digest_size=8).digest())
        for at in range(len(encoded) - K + 1)
    ]


def winnow(values: Sequence[int], without: AbstractSet[int] = frozenset()) -> list[Fingerprint]:
    """The fingerprints among ``values``.

    Args:
        values: What `hashes` gives.
        without: Hashes that are never chosen: those of the skeleton. They keep
            their place in the windows, so a shared run that has anything else
            in each of its windows is still found.
    """
    chosen: list[Fingerprint] = []
    last = -1
    for start in range(max(1, len(values) - W + 1)):
        window = range(start, min(start + W, len(values)))
        best = min(
            (at for at in window if values[at] not in without),
            key=lambda at: (values[at], -at),
            default=-1,
        )
        if best > last:
            chosen.append((values[best], best))
            last = best
    return chosen
