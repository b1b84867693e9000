"""What an error of a call says, without what MAX wraps around it.

MAX names the entry point, the kernel that it made of the op and a line of its own library, and
adds how to debug itself: ten lines for the one that a student can use. Seen with MAX 26.5; where
other editions word it otherwise, more of it is left.
"""

from __future__ import annotations

import re

_WRAPPER = re.compile(r'An error occurred in kernel (entry point )?named "[^"\n]*":\s*')
_PLACE = re.compile(r"(^|(?<=: ))At max/\S+?:\d+:\d+: ", re.MULTILINE)
_DEBUGGING = re.compile(
    r"\n*^(To get more accurate error information|Fusion info:|To see the Python source)",
    re.MULTILINE,
)


def in_short(message: str) -> str:
    """The message that is wrapped; the whole, where nothing would be left."""
    found = _DEBUGGING.search(message)
    text = message[: found.start()] if found else message
    text = _PLACE.sub("", _WRAPPER.sub("", text)).strip()
    return text if text.rstrip(": ").partition(": ")[2] else message
