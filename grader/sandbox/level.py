"""How well a process can be isolated on this machine, and what a caller may ask for."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Isolation(StrEnum):
    """What stands between a submission and the machine, best first."""

    BWRAP = "bwrap"
    """bubblewrap: own namespaces, no network, read-only toolchain, private scratch."""
    LANDLOCK = "landlock"
    """Landlock and seccomp rules in the machine's own namespaces: weaker, always announced."""
    NONE = "none"
    """Resource limits only. The submission can do whatever the user can."""


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


class IsolationReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `probe` found. Printed by ``grade doctor`` and kept in every record."""

    level: Isolation
    """The level that submissions run under."""
    wanted: Wanted
    sentence: str
    """For the terminal and the report: what protects this machine, or what is missing."""
    why_not_better: str = ""
    """What the next better level said when it was tried; empty at the best level."""
    remedy: str = ""
    """The narrowest step that reaches the best level; may hold several lines to copy."""
    details: dict[str, str] = msgspec.field(default_factory=dict)
    """Facts for a bug report: kernel, bubblewrap version, Landlock ABI, who runs the grader."""

    @property
    def weakened(self) -> bool:
        """Whether the caller must announce the level (anything below bubblewrap)."""
        return self.level is not Isolation.BWRAP
