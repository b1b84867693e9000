"""When two spellings are one name, and how sure that is.

In most scripts a mark is a vowel, a tone, or makes another letter: ``ガ`` is not ``カ``,
``कि`` is not ``के``. There nothing is left out. In Latin script people do leave out
accents (``Müller``, ``Muller``), so such a spelling may mean the other one. But who
writes accents at all means them: ``Hương`` and ``Hường`` are two names.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import IntEnum
from functools import lru_cache
from typing import Final, Generic, TypeVar

Value = TypeVar("Value")

# Punctuation that changes a letter (Hebrew's geresh) or parts syllables (Tibetan's tsheg).
_GERESH: Final = "\N{HEBREW PUNCTUATION GERESH}"
_LETTERS_TOO: Final = frozenset((_GERESH, "\N{TIBETAN MARK INTERSYLLABIC TSHEG}"))
_TYPED_GERESH: Final = re.compile("(?<=[\u05d0-\u05ea])['\u2019]")
_BASE_LETTER: Final = re.compile("LATIN SMALL LETTER ([A-Z]) WITH ")
_LIGATURES: Final = {
    "ß": "ss", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "ŋ": "n",
    "\N{LATIN SMALL LETTER DOTLESS I}": "i",
}  # fmt: skip


class Likeness(IntEnum):
    """How alike two spellings are, the surest first."""

    EXACT = 0
    """Letter by letter."""
    PLAIN = 1
    """But for case, blanks and punctuation, and the order of the words."""
    FOLDED = 2
    """Alike but for accents, which the name or the whole list is written without."""
    NEARLY = 3
    """But for accents where both write some: another name. It is only told."""


@lru_cache(maxsize=65_536)
def exact(name: str) -> str:
    """A name as it is spelt: only what nobody sees is evened out."""
    return " ".join(unicodedata.normalize("NFC", name).split())


@lru_cache(maxsize=65_536)
def plain(name: str) -> str:
    """Letters, their marks, and digits of a name, without case."""
    text = unicodedata.normalize("NFKC", name)
    text = _TYPED_GERESH.sub(_GERESH, text).lower()
    # Two small letters that depend on where a capital one stood, or on the language.
    text = text.replace("\N{GREEK SMALL LETTER FINAL SIGMA}", "\N{GREEK SMALL LETTER SIGMA}")
    text = text.replace("i\N{COMBINING DOT ABOVE}", "i")
    kept = (char for char in text if unicodedata.category(char)[0] in "LMN" or char in _LETTERS_TOO)
    return unicodedata.normalize("NFKC", "".join(kept))


@lru_cache(maxsize=65_536)
def folded(name: str) -> str:
    """The plain name without accents of Latin letters."""
    made: list[str] = []
    latin = False
    for char in unicodedata.normalize("NFD", plain(name)):
        if unicodedata.category(char)[0] == "M":
            if not latin:
                made.append(char)
            continue
        named = unicodedata.name(char, "")
        latin = named.startswith("LATIN ")
        base = _BASE_LETTER.match(named)
        made.append(_LIGATURES.get(char, base[1].lower() if base else char))
    return unicodedata.normalize("NFC", "".join(made))


def is_unaccented(name: str) -> bool:
    """Whether no Latin letter of a name has an accent."""
    return plain(name) == folded(name)


class Spellings(Generic[Value]):
    """Finds values by names that they are known by."""

    def __init__(
        self,
        values: Iterable[Value],
        *,
        written: Callable[[Value], Iterable[str]],
        readings: Callable[[Value], Iterable[str]],
    ) -> None:
        """Make the index.

        Args:
            written: The names of a value as they are written.
            readings: The same with whatever other order of words they may have elsewhere.
        """
        indices: tuple[dict[str, dict[int, Value]], ...]
        indices = defaultdict(dict), defaultdict(dict), defaultdict(dict)
        self._accented = False
        for at, value in enumerate(values):
            for name in written(value):
                indices[0][exact(name)][at] = value
            for name in readings(value):
                indices[1][plain(name)][at] = value
                indices[2][folded(name)][at] = value
                self._accented = self._accented or not is_unaccented(name)
        self._exact, self._plain, self._folded = (dict(index) for index in indices)

    def find(self, name: str) -> tuple[Sequence[Value], Likeness]:
        """What a name may mean, by the surest likeness that there is; mostly nothing."""
        if not plain(name):
            return (), Likeness.NEARLY
        for index, key, likeness in (
            (self._exact, exact(name), Likeness.EXACT),
            (self._plain, plain(name), Likeness.PLAIN),
        ):
            if found := index.get(key):
                return _all(found), likeness
        found = self._folded.get(folded(name), {})
        # Who writes accents at all, or lists them, means their absence, too.
        meant = self._accented and not is_unaccented(name)
        return _all(found), Likeness.NEARLY if meant else Likeness.FOLDED


def _all(found: Mapping[int, Value]) -> Sequence[Value]:
    return tuple(found.values())
