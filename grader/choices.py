"""What the options of a call may say.

Whoever declares an option needs these, and nothing that takes time to import: help, and the word
that a call is wrong, come at once.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

DEFAULT_EDITION: Final = "26.5"
DEFAULT_EXAMPLES: Final = 200
DEFAULT_TIMEOUT: Final = 300.0
"""Seconds that one stage may take. A compile needs 15 to 50 s."""
HINT_STEPS: Final = 3
"""1: what is wrong and where; 2: what to think about; 3: the shape of the answer."""
OFFLINE: Final = "GRADE_OFFLINE"
"""Nothing is downloaded where this variable holds anything; ``--offline`` sets it."""


class Wanted(StrEnum):
    """The values of ``--isolation``."""

    AUTO = "auto"
    """The best level that works here."""
    STRICT = "strict"
    """bubblewrap or nothing: a machine that can't is refused."""
    LANDLOCK = "landlock"
    """The fallback, even where bubblewrap works: to compare, or to test."""
    NONE = "none"
    """No isolation, because somebody asked for it in so many words."""
