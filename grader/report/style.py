"""How words and numbers of a record are written, the same in every report.

Words: states as icons, next steps, lengths of texts. Numbers: decoded from a tensor, in their
shortest form, aligned.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from grader import guidance
from grader.record import Attribution, CheckedFinding, Record, Status, Tensor, Verdict
from grader.wording.checks import STATUSES
from grader.wording.compiler import NO_MESSAGE, mend_at
from grader.wording.verdicts import (
    HAND_IN,
    HURDLES,
    NEXT_TITLES,
    NOT_RIGHT_YET,
    NOTHING_LOST_BY_YOU,
    NOTHING_TO_DO,
    PREVIEW_RIGHT,
    PREVIEW_WRONG,
    RIGHT_SO_FAR,
    VERDICT_LEADS,
    VERDICTS,
    look_at_check,
)

SHORT = 200
"""Characters of one name or title."""


class ReportLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a record is shown."""

    cases: int
    findings: int
    """Findings of the student's code, and as many of the given code."""
    diagnostics: int
    notes: int
    """Under one message of the compiler."""
    shapes: int
    text: int
    """Characters of one message."""
    context: int
    """Lines of source around a marked one."""
    listed: int
    """Lines of the whole source; of more, those around what was found."""


LIMITS = (
    ReportLimits(
        cases=3, findings=8, diagnostics=10, notes=4, shapes=200, text=1_200, context=2, listed=240
    ),
    ReportLimits(
        cases=2, findings=3, diagnostics=3, notes=2, shapes=60, text=400, context=1, listed=60
    ),
    ReportLimits(
        cases=1, findings=1, diagnostics=1, notes=0, shapes=10, text=120, context=0, listed=0
    ),
)
"""From what every sensible record fits to what even a hostile one fits."""


class Badge(msgspec.Struct, frozen=True):
    """A state as an icon and a word; ``tone`` names the colour."""

    icon: str
    word: str
    tone: str


STATUS = {
    Status.PASSED: Badge("✓", STATUSES[Status.PASSED], "pass"),
    Status.FAILED: Badge("✗", STATUSES[Status.FAILED], "fail"),
    Status.NOT_CHECKED: Badge("○", STATUSES[Status.NOT_CHECKED], "none"),
}
VERDICT = {
    Verdict.PASS: Badge("✓", VERDICTS[Verdict.PASS], "pass"),
    Verdict.FAIL: Badge("✗", VERDICTS[Verdict.FAIL], "fail"),
    Verdict.REFUSED: Badge("↩", VERDICTS[Verdict.REFUSED], "refused"),
    Verdict.FAULT: Badge("!", VERDICTS[Verdict.FAULT], "fault"),
}


def badge(record: Record) -> Badge:
    """The verdict as an icon and a word; not the final one where something is still to come."""
    final = VERDICT[record.verdict]
    if record.is_preview:
        word = PREVIEW_RIGHT if record.verdict is Verdict.PASS else PREVIEW_WRONG
        return Badge(final.icon, word, final.tone)
    if record.withheld is None or record.withheld.final:
        return final
    word = RIGHT_SO_FAR if record.verdict is Verdict.PASS else NOT_RIGHT_YET
    return Badge(final.icon, word, final.tone)


def cut(text: str, limit: int) -> str:
    """At most ``limit`` characters of a text, saying how many are missing."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… ({len(text) - limit} more characters)"


def cut_head(text: str, limit: int) -> str:
    """The last ``limit`` characters: what a failing process said last matters most."""
    return text if len(text) <= limit else f"({len(text) - limit} characters) …{text[-limit:]}"


_CODE: Final = re.compile(r"\w*[_\d.(\[]\w|\w+ = |[a-z] (?:and [a-z]|was|were|is|counts|begins)\b")
"""What begins with no word of a language: ``shared_a``, ``ctx.enqueue``, ``block_dim = 3``, and an
array or an index of one letter, ``b was ...``."""


def sentence(text: str) -> str:
    """A message as a sentence: a capital first, a full stop last.

    A name of code keeps its letters: ``grid_dim = 1 asks for one block.``
    """
    text = text.strip()
    if not _CODE.match(text):
        text = text[:1].upper() + text[1:]
    # Brackets at the end may hold a sentence of their own: ``(It costs nothing.)``.
    return text if not text or text.rstrip(")")[-1:] in (".", "!", "?", ":") else text + "."


def noted(text: str, note: str) -> str:
    """``Real numbers (hidden from students)``; the text alone where there is no note."""
    return f"{text} ({note})" if note else text


def lead(record: Record) -> str:
    """What the verdict means, where the word alone could be misread."""
    return VERDICT_LEADS[record.verdict]


def extra_text(record: Record) -> str:
    """``+ 10 extra``, or nothing where no extra credit was earned."""
    return f"+ {record.extra_score} extra" if record.extra_score else ""


def next_title(record: Record) -> str:
    """The heading of what to do now."""
    return NEXT_TITLES[record.verdict]


def next_steps(record: Record, upto: int = 2) -> list[str]:
    """What to do, most useful first; never empty for a verdict that asks for something.

    Args:
        record: What is shown.
        upto: The last step of hints that is told. Where a wrong answer has hints behind that one,
            there may be nothing to tell yet.
    """
    if upto < 2 and guidance.deepest_hint(record) > upto:
        return list(guidance.next_steps(record, upto))
    steps = [step for step in record.advice if step.strip()]
    if record.verdict is Verdict.FAULT:
        remedy = [record.fault.remedy] if record.fault and record.fault.remedy else []
        return [NOTHING_LOST_BY_YOU, *dict.fromkeys([*remedy, *steps])]
    if record.verdict is Verdict.REFUSED:
        remedy = [record.fault.remedy] if record.fault and record.fault.remedy else []
        fallback = HAND_IN.format(puzzle=record.puzzle.name)
        return list(dict.fromkeys([*steps, *remedy])) or [fallback]
    if record.verdict is Verdict.PASS:
        open_ = record.withheld is not None or record.score < record.max_score
        return steps or ([] if open_ else [NOTHING_TO_DO]) or _look_at(record)
    told = [d.advice for d in record.diagnostics if d.severity == "error" and d.advice][:1]
    told += [c.explanation for c in record.counterexamples if c.explanation][:1]
    told += [f.explanation for f in split_findings(record)[0] if f.explanation][:1]
    return steps or told or _look_at(record)


def _look_at(record: Record) -> list[str]:
    failed = [c for c in record.checks if c.status is Status.FAILED and not c.extra]
    if not failed:
        return []
    if failed[0].aspect in HURDLES:
        errors = [each for each in record.diagnostics if each.severity == "error"]
        return [mend_at(errors[0].line) if errors else NO_MESSAGE]
    return [look_at_check(failed[0].title)]


def split_findings(record: Record) -> tuple[list[CheckedFinding], list[CheckedFinding]]:
    """The findings about the student's code, and those about the code that was given."""
    parts: tuple[list[CheckedFinding], list[CheckedFinding]] = ([], [])
    for finding in record.findings:
        parts[finding.attribution is Attribution.SKELETON].append(finding)
    return parts


Number = int | float

_FORMATS = {
    "bool": "?",
    "int8": "b",
    "int16": "h",
    "int32": "i",
    "int64": "q",
    "uint8": "B",
    "uint16": "H",
    "uint32": "I",
    "uint64": "Q",
    "float16": "e",
    "float32": "f",
    "float64": "d",
}
"""`struct` codes of NumPy's type names; ``bfloat16`` has none and is widened by hand."""

_DIGITS = {"float16": 5, "bfloat16": 4, "float32": 9, "float64": 17}
"""Significant decimal digits that tell any two values of the type apart."""

SHOWN_DIGITS = 9
"""Values of a wider type than float32 are shown with at most this many digits."""


def decode(tensor: Tensor, limit: int) -> list[Number]:
    """The first ``limit`` elements, flat, in C order.

    A type that is not known or data that is too short for its shape gives
    fewer elements, never an error: a report has to come out.
    """
    count = max(0, min(math.prod(tensor.shape), limit))
    if tensor.dtype == "bfloat16":
        count = min(count, len(tensor.data) // 2)
        words = struct.unpack_from(f"<{count}H", tensor.data)
        widened = struct.pack(f"<{count}I", *(word << 16 for word in words))
        return list(struct.unpack(f"<{count}f", widened))
    code = _FORMATS.get(tensor.dtype)
    if code is None:
        return []
    count = min(count, len(tensor.data) // struct.calcsize(code))
    return [
        int(value) if isinstance(value, bool) else value
        for value in struct.unpack_from(f"<{count}{code}", tensor.data)
    ]


def listed(tensor: Tensor, limit: int) -> str:
    """Its first elements, ``0, 1, 2``; those of a matrix row by row: ``0, 1 | 2, 3``."""
    shown = [shortest(value, tensor.dtype) for value in decode(tensor, limit)]
    long = tensor.shape[-1] if len(tensor.shape) > 1 else len(shown)
    rows = [", ".join(shown[k : k + long]) for k in range(0, len(shown), max(1, long))]
    left = size(tensor) - len(shown)
    return " | ".join(rows) + (f", and {left} more" if left > 0 else "")


def size(tensor: Tensor) -> int:
    """Elements that the shape promises."""
    return math.prod(tensor.shape)


def number(value: float | str) -> Number:
    """A value as a record's mismatch holds it: a number, or ``nan``, ``inf``, ``-inf``."""
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return math.nan


def shortest(value: Number, dtype: str = "float64") -> str:
    """The shortest text that names this value of ``dtype``: ``0.1``, ``-0``, ``1e+30``, ``nan``."""
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    digits = _DIGITS.get(dtype, 17)
    for precision in range(1, min(digits, SHOWN_DIGITS) + 1):
        text = f"{value:.{precision}g}"
        if _same(float(text), value, dtype):
            break
    return _plain(text, value)


def _same(candidate: float, value: float, dtype: str) -> bool:
    code = _FORMATS.get(dtype, "d")
    if code not in "ef":
        return candidate == value
    try:
        return struct.pack(code, candidate) == struct.pack(code, value)
    except OverflowError:
        return False


def _plain(text: str, value: float) -> str:
    """``2e+01`` is the shortest text of 20, but not the one that people read."""
    mantissa, e, exponent = text.partition("e")
    if e and -5 <= int(exponent) < SHOWN_DIGITS:
        decimals = max(0, len(mantissa.replace("-", "").replace(".", "")) - 1 - int(exponent))
        return f"{value:.{decimals}f}"
    return text


def align(texts: Sequence[str]) -> list[str]:
    """Pad one column with spaces so that decimal points stand under each other.

    Words (``nan``, ``inf``, an empty cell) end where the whole part ends. A
    column with exponents has no common scale, and is only set flush right.
    """
    if any("e" in text for text in texts):
        width = max(map(len, texts))
        return [text.rjust(width) for text in texts]
    split = [_split(text) for text in texts]
    left = max((len(whole) for whole, _ in split), default=0)
    right = max((len(rest) for _, rest in split), default=0)
    return [whole.rjust(left) + rest.ljust(right) for whole, rest in split]


def _split(text: str) -> tuple[str, str]:
    whole, dot, rest = text.partition(".")
    return whole, dot + rest


def distance(expected: Number, got: Number) -> str:
    """How far ``got`` is from ``expected``, in three digits; empty where it has no meaning."""
    try:
        far = float(abs(got - expected))
    except OverflowError:
        return ""
    return f"{far:.3g}" if math.isfinite(far) else ""


def bytes_text(count: int) -> str:
    """``812 B``, ``3.4 KiB``, ``1.2 GiB``."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            break
        amount /= 1024
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"


def seconds_text(seconds: float) -> str:
    """``12 ms``, ``3.4 s``, ``2 min 5 s``."""
    if not math.isfinite(seconds) or seconds < 0:
        return "unknown"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def sizes_text(sizes: dict[str, int]) -> str:
    """``input_size 16, conv_size 2``."""
    return ", ".join(f"{name} {value}" for name, value in sizes.items())


def grid_text(grid: Iterable[int], cluster: Iterable[int] | None) -> str:
    """The blocks of a launch, and of its clusters where they form some."""
    clusters = f" in clusters of {dims_text(cluster)}" if cluster is not None else ""
    return f"{dims_text(grid)}{clusters}"


def dims_text(dims: Iterable[int]) -> str:
    """A block or thread index without its trailing zeros: ``3``, or ``(0, 1)``."""
    parts = list(dims)
    while len(parts) > 1 and parts[-1] == 0:
        parts.pop()
    return str(parts[0]) if len(parts) == 1 else "(" + ", ".join(map(str, parts)) + ")"
