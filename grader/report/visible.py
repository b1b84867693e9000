"""Text from outside, made safe to look at."""

from __future__ import annotations


def visible(text: str) -> str:
    r"""Show every character that would act on the reader's screen instead of being seen.

    Control, format (bidirectional overrides, zero-width ones), surrogate and
    unassigned characters and odd spaces become ``⟨U+202E⟩``. Line feeds and
    tabs stay.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in "\n\t" else f"⟨U+{ord(char):04X}⟩" for char in text
    )
