"""A run on the terminal: what the program prints, and then what was found, as compilers say it.

The program's output is passed on as it comes: safe to show, and never mistaken for ours. A finding
is ``file:line:column: error: ...``.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator

from grader.intake.display import for_terminal, one_line
from grader.record import Diagnostic
from grader.run.document import ProgramFinding, RunDocument, RunEnding, Severity, SourceSpot
from grader.wording.findings import FINDING_HINTS

MARK = "grade: "
"""Each line of ours begins with it, and no line of the program's does."""
_FOREIGN = "program: "
_LIKE_OURS = re.compile(r"\s*grade\s*:", re.IGNORECASE)
_BEGINS_LIKE_OURS = re.compile(r"\s*(?:g(?:r(?:a(?:de?)?)?)?)?\s*", re.IGNORECASE)
_LONGEST_HELD = 4096


class PassedOn:
    """One stream of the program.

    Args:
        write: Shows a piece of text.
        renamed: What to show in the place of a text: the sandbox's name of the file.
    """

    def __init__(self, write: Callable[[str], None], renamed: tuple[str, str]) -> None:
        self._write = write
        self._old, self._new = renamed
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._fresh = True

    def feed(self, chunk: bytes) -> None:
        """Show what can be: all but what may go on as something that is shown in another way."""
        text = self._held + self._decoder.decode(chunk)
        # Whether a carriage return ends a line with what follows is seen when that is there.
        half = "\r" if text.endswith("\r") else ""
        text = _plain_lines(text.removesuffix("\r")).replace(self._old, self._new)
        keep = self._open_end(text)
        self._held = text[len(text) - keep :] + half
        self._show(text[: len(text) - keep])

    def close(self) -> None:
        """Show the rest, and end its line."""
        self._show(_plain_lines(self._held + self._decoder.decode(b"", final=True)))
        self._held = ""
        if not self._fresh:
            self._write("\n")

    def _open_end(self, text: str) -> int:
        line = text.rpartition("\n")[2]
        at_start = self._fresh or "\n" in text
        if at_start and len(line) < _LONGEST_HELD and _BEGINS_LIKE_OURS.fullmatch(line):
            return len(line)
        for length in range(min(len(self._old), len(text)), 0, -1):
            if self._old.startswith(text[-length:]):
                return length
        return 0

    def _show(self, text: str) -> None:
        if not text:
            return
        lines = text.split("\n")
        marked = [
            _FOREIGN + line if (index or self._fresh) and _LIKE_OURS.match(line) else line
            for index, line in enumerate(lines)
        ]
        shown = "\n".join(marked)
        self._fresh = shown.endswith("\n")
        self._write(for_terminal(shown, limit=len(shown)))


def _plain_lines(text: str) -> str:
    """With line feeds alone: a bare carriage return would let a program write over a line."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


_LONGEST_LINE = 160
_MOST_OUTPUT = 20_000


def report(document: RunDocument, text: str) -> str:
    """All that is to be said when a run is over; each line begins with the mark.

    Args:
        document: The run.
        text: The program.
    """
    lines = [for_terminal(line) for line in _lines(document, text.split("\n"))]
    return "".join(f"{MARK}{line}\n" for each in lines for line in each.split("\n"))


def _lines(document: RunDocument, source: list[str]) -> Iterator[str]:
    for diagnostic in document.diagnostics:
        yield from _diagnostic(diagnostic, document.file, source)
    if document.ending is RunEnding.NOT_BUILT:
        if not any(each.severity == "error" for each in document.diagnostics):
            yield document.compiler_output[:_MOST_OUTPUT]
        edition, reason = document.toolchain.edition, document.toolchain.edition_reason
        for note in (f"built as edition {edition}: {reason}", *document.advice):
            yield f"{document.file}: note: {note}"
        yield f"{document.file}: not run: {document.why}"
        return
    explained: set[str] = set()
    for found in document.findings:
        yield from _finding(found, document.file, source)
        if found.finding.kind not in explained:
            explained.add(found.finding.kind)
            yield f"    {FINDING_HINTS[found.finding.kind]}"
    for sentence in document.not_checked:
        yield f"{document.file}: note: could not check: {one_line(sentence, limit=400)}"
    if document.why:
        yield f"{document.file}: {document.why}"
    yield summary(document)


def _diagnostic(diagnostic: Diagnostic, file: str, source: list[str]) -> Iterator[str]:
    at = (
        SourceSpot(line=diagnostic.line, column=diagnostic.column)
        if diagnostic.line is not None
        else None
    )
    yield f"{_place(file, at)}: {diagnostic.severity}: {one_line(diagnostic.message, limit=400)}"
    yield from _excerpt(at, source)
    for note in diagnostic.notes:
        where = SourceSpot(line=note.line, column=note.column) if note.line is not None else None
        yield f"{_place(file, where)}: note: {one_line(note.message, limit=400)}"


def _finding(found: ProgramFinding, file: str, source: list[str]) -> Iterator[str]:
    finding = found.finding
    facts = [
        f"array {found.at.array}" if found.at and found.at.array else "",
        f"kernel {found.function}" if found.function else "",
        f"{found.times:,} times" if found.times > 1 else "",
    ]
    about = ", ".join(fact for fact in facts if fact)
    message = one_line(finding.message, limit=400)
    yield (
        f"{_place(file, found.at)}: {found.severity}: {message}"
        f"{f' ({about})' if about else ''} [{finding.kind}]"
    )
    yield from _excerpt(found.at, source)
    if found.at is None and finding.ptx_text:
        yield f"    the compiler does not say which line this is: {one_line(finding.ptx_text)}"
    if found.other is not None and found.other != found.at:
        array = f" (array {found.other.array})" if found.other.array else ""
        yield f"{_place(file, found.other)}: note: the other side of it is here{array}"
        yield from _excerpt(found.other, source)


def _place(file: str, at: SourceSpot | None) -> str:
    if at is None:
        return file
    return f"{file}:{at.line}" if at.column is None else f"{file}:{at.line}:{at.column}"


def _excerpt(at: SourceSpot | None, source: list[str]) -> Iterator[str]:
    if at is None or not 0 < at.line <= len(source):
        return
    line = source[at.line - 1].rstrip("\r")
    before = line.encode("utf-8", "surrogatepass")[: (at.column or 1) - 1].decode("utf-8", "ignore")
    if len(before) >= _LONGEST_LINE:
        return
    # As wide as it is shown: for_terminal gives a tab four columns.
    yield f"{at.line:>5} | {line[:_LONGEST_LINE]}"
    if at.column is not None:
        yield f"{'':>5} | {' ' * len(for_terminal(before))}^"


def summary(document: RunDocument) -> str:
    """The last line: what was watched, and what was found."""
    if document.device.kind == "gpu":
        return (
            f"{document.file}: ran on {document.device.name}, which does not show what a kernel "
            "does; --device software does"
        )
    count = sum(kind.count for kind in document.launches)
    if not count and document.not_checked:
        return f"{document.file}: no launch could be watched"
    if not count:
        return f"{document.file}: no kernel was launched, so there was nothing to watch"
    watched = f"{count:,} {'launch' if count == 1 else 'launches'} watched"
    warnings = sum(each.severity is Severity.WARNING for each in document.findings)
    errors = document.errors
    parts = [
        f"{number} {word}{'' if number == 1 else 's'}"
        for number, word in ((errors, "error"), (warnings, "warning"))
        if number
    ]
    return f"{document.file}: {watched}, {', '.join(parts) or 'nothing found'}"
