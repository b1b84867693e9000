"""PTX as tokens."""

from __future__ import annotations

import re
import struct
from bisect import bisect_right

from grader.device.ptx.model import PtxError

MOST_CHARACTERS = 64 << 20
"""Characters; longer texts are refused."""
_MOST_DIGITS = 80

_TOKEN = re.compile(
    r"""
      (?P<space>(?:\s+|//[^\n]*|/\*.*?\*/)+)
    | (?P<number>0[fF][0-9a-fA-F]{8}(?![\w])|0[dD][0-9a-fA-F]{16}(?![\w])
        |0[xX][0-9a-fA-F]+U?|0[bB][01]+U?
        |\d+\.\d*(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\d+U?)
    | (?P<word>[A-Za-z_$%][\w$]*(?:\.\w+(?:::\w+)*)*)
    | (?P<directive>\.[A-Za-z_][\w$]*)
    | (?P<string>"[^"\n]*")
    | (?P<mark>[{}()\[\],;:@!|+\-<>=*/~&^?])
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)


class PtxTokens:
    """A cursor over the tokens of a PTX text.

    Raises:
        PtxError: The text holds something that is not a token.
    """

    def __init__(self, text: str) -> None:
        if len(text) > MOST_CHARACTERS:
            raise PtxError(f"the text has {len(text)} characters, more than {MOST_CHARACTERS}")
        self.text = text
        self._line_starts = [match.end() for match in re.finditer(r"\n", text)]
        self._texts: list[str] = []
        self._kinds: list[str] = []
        self._starts: list[int] = []
        self.place = 0
        self._scan()

    def _scan(self) -> None:
        place, text = 0, self.text
        while place < len(text):
            match = _TOKEN.match(text, place)
            if match is None or (match.group() == "/" and text.startswith("/*", place)):
                raise PtxError(f"unexpected {text[place]!r}", self.line_of(place))
            kind = match.lastgroup
            assert kind is not None
            if kind != "space":
                self._texts.append(match.group())
                self._kinds.append(kind)
                self._starts.append(place)
            place = match.end()

    def line_of(self, character: int) -> int:
        """The line, from 1, of a character index."""
        return bisect_right(self._line_starts, character) + 1

    @property
    def line(self) -> int:
        """The line of the next token."""
        if self.place >= len(self._starts):
            return self.line_of(max(len(self.text) - 1, 0))
        return self.line_of(self._starts[self.place])

    @property
    def start(self) -> int:
        """The character index of the next token."""
        return self._starts[self.place] if self.place < len(self._starts) else len(self.text)

    def at_end(self) -> bool:
        """Whether no token is left."""
        return self.place >= len(self._texts)

    def peek(self, ahead: int = 0) -> str:
        """The text of the next token; ``""`` at the end."""
        place = self.place + ahead
        return self._texts[place] if place < len(self._texts) else ""

    def kind(self, ahead: int = 0) -> str:
        """The kind of the next token; ``""`` at the end."""
        place = self.place + ahead
        return self._kinds[place] if place < len(self._kinds) else ""

    def next(self) -> str:
        """Take the next token, whatever it is."""
        if self.place >= len(self._texts):
            raise PtxError("the text ends too early", self.line)
        self.place += 1
        return self._texts[self.place - 1]

    def take(self, text: str) -> bool:
        """Take the next token if it is ``text``."""
        if self.peek() == text:
            self.place += 1
            return True
        return False

    def expect(self, text: str) -> None:
        """Take the next token, which must be ``text``."""
        if not self.take(text):
            raise PtxError(f"{text!r} expected, {self._seen()} found", self.line)

    def name(self) -> str:
        """Take a name."""
        if self.kind() != "word" or "." in self.peek():
            raise PtxError(f"a name expected, {self._seen()} found", self.line)
        return self.next()

    def integer(self) -> int:
        """Take an integer, signed or not."""
        line = self.line
        negative = self.take("-")
        value, kind = self.number()
        if kind != "int":
            raise PtxError("an integer expected", line)
        return -value if negative else value

    def number(self) -> tuple[int, str]:
        """Take an unsigned number: its value or bits, and ``int``, ``f32`` or ``f64``."""
        if self.kind() != "number":
            raise PtxError(f"a number expected, {self._seen()} found", self.line)
        if len(self.peek()) > _MOST_DIGITS:
            raise PtxError("a number with too many digits", self.line)
        return _number(self.next())

    def skip_block(self) -> None:
        """Skip ``{ ... }``, whatever is inside."""
        self.expect("{")
        depth = 1
        while depth:
            token = self.next()
            depth += (token == "{") - (token == "}")

    def skip_line(self) -> None:
        """Skip the tokens on the line of the token taken last."""
        end = self.text.find("\n", self._starts[self.place - 1])
        end = len(self.text) if end < 0 else end
        while self.place < len(self._starts) and self._starts[self.place] < end:
            self.place += 1

    def _seen(self) -> str:
        return repr(self.peek()[:60]) if self.peek() else "the end of the text"


def _number(token: str) -> tuple[int, str]:
    head = token[:2].lower()
    if head == "0f":
        return int(token[2:], 16), "f32"
    if head == "0d":
        return int(token[2:], 16), "f64"
    if "." in token or ("e" in token.lower() and head != "0x"):
        bits: int = struct.unpack("<Q", struct.pack("<d", float(token)))[0]
        return bits, "f64"
    digits = token.rstrip("U")
    if head in ("0x", "0b"):
        return int(digits, 0), "int"
    if len(digits) > 1 and digits[0] == "0" and not set(digits) & set("89"):
        return int(digits, 8), "int"
    return int(digits), "int"
