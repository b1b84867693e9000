"""A case that was run again, for a terminal: every element, and all that the device saw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from grader.intake.display import for_terminal, one_line
from grader.record import Attribution, OutputCase
from grader.report import style
from grader.report.counterexample import DecodedCase, index_text
from grader.report.messages import who
from grader.report.style import sentence
from grader.wording.findings import FINDING_TITLES, SHORT_WRITERS

if TYPE_CHECKING:
    from grader.caselog import LoggedCase
    from grader.grading.replay import Replayed


ROWS = 400
"""Elements that are shown; of longer arrays, the wrong ones with their neighbours."""
FINDINGS = 40
LAUNCHES = 40


def render_replayed(replayed: Replayed) -> str:
    """The whole case as text that is safe for a terminal."""
    parts = (
        _head(replayed),
        _outcome(replayed),
        _arrays(replayed),
        _findings(replayed),
        _launches(replayed),
    )
    return "\n".join(part for part in parts if part)


def render_list(cases: Sequence[LoggedCase]) -> str:
    """Every case with its number: sizes, values and which checks it failed."""
    rows = [("case", "sizes", "values", "failed")]
    rows += [
        (
            str(number),
            one_line(style.sizes_text(case.sizes)),
            one_line(case.values) + (f", order {case.schedule}" if case.schedule else ""),
            one_line(", ".join(case.failed)) + ("" if case.output else "  no output"),
        )
        for number, case in enumerate(cases, start=1)
    ]
    return _aligned(rows, right=(0,))


def _head(replayed: Replayed) -> str:
    return "\n".join(
        (
            (
                f"Case {replayed.number} of {replayed.count}: "
                f"{_line(style.sizes_text(replayed.case.sizes))}, "
                f"values: {_line(replayed.values)}, {_line(replayed.scope)} part"
                + (f", {_line(replayed.part)}" if replayed.part else "")
            ),
            f"On {_line(replayed.device.name)}"
            + (f", {_line(replayed.order)}" if replayed.order else ""),
            "",
        )
    )


def _outcome(replayed: Replayed) -> str:
    lines = [
        f"Now:    {_line(problem.check or problem.kind.value)}: {_line(problem.title)}"
        + (f": {_line(problem.detail, 600)}" if problem.detail else "")
        for problem in replayed.problems
    ] or ["Now:    right"]
    recorded = ", ".join(map(_line, replayed.recorded))
    lines.append(f"Record: failed {recorded}" if recorded else "Record: right")
    if bool(replayed.recorded) != bool(replayed.problems):
        lines.append(
            "        The two differ: what the case gives depends on what was run before it, on "
            "chance, or on the version of the grader."
        )
    if replayed.same_bits is False:
        lines.append("        With other bytes in unwritten memory it gives other bits.")
    if replayed.case.explanation:
        lines.append(f"        {_line(replayed.case.explanation, 600)}")
    return "\n".join([*lines, ""])


def _arrays(replayed: Replayed) -> str:
    """Inputs, expected and got, element by element, of every output."""
    return "\n".join(_array(replayed, output) for output in replayed.case.outputs)


def _array(replayed: Replayed, output: OutputCase) -> str:
    case = DecodedCase(replayed.case, output)
    length = case.length
    indices = list(range(length)) if length <= ROWS else _near(case, length)
    wrong = case.wrong
    inputs = [_line(tensor.name, 40) for tensor, _ in case.inputs]
    rows = [("", "index", *inputs, "expected", "got", "off by", "allowed", "last written by")]
    writers = _writers(replayed, output.expected.name)
    for index in indices:
        miss = wrong.get(index)
        far = allowed = ""
        if miss is not None:
            far = style.distance(style.number(miss.expected), style.number(miss.got))
            allowed = "0" if miss.allowed is None else f"{miss.allowed:.3g}"
        rows.append(
            (
                "!=" if miss is not None else "",
                index_text(index, case),
                *(case.input_text(column, index) for column in range(len(case.inputs))),
                case.expected_text(index),
                case.got_text(index),
                far,
                allowed,
                writers.get(index, ""),
            )
        )
    told = case.summary() or "Every element is right."
    if len(indices) < length:
        told += f" {length - len(indices)} of {length} elements are left out."
    others = [
        f"{_line(tensor.name)} {tensor.shape}: "
        + ", ".join(style.shortest(v, tensor.dtype) for v in style.decode(tensor, ROWS))
        for tensor in case.others
    ]
    return "\n".join([told, *others, _aligned(rows, right=range(1, len(rows[0]) - 1)), ""])


def _near(case: DecodedCase, length: int) -> list[int]:
    wanted = {i + d for i in sorted(case.wrong)[:ROWS] for d in (-2, -1, 0, 1, 2)} or set(range(20))
    return sorted(i for i in wanted if 0 <= i < length)[:ROWS]


def _findings(replayed: Replayed) -> str:
    if not replayed.findings:
        return "Findings: none.\n" if replayed.launches else ""
    lines = ["Findings:"]
    for finding, whose in replayed.findings[:FINDINGS]:
        given = " (in the given code, costs nothing)" if whose is Attribution.SKELETON else ""
        lines.append(f"  {FINDING_TITLES[finding.kind]}{given}")
        lines.append(f"    {_line(sentence(finding.message), 600)}")
        facts = [
            who(finding.block, finding.thread),
            f"with {other}" if (other := who(finding.other_block, finding.other_thread)) else "",
            f"{finding.count} times" if finding.count > 1 else "",
            f"source line {finding.source_line}" if finding.source_line else "",
            f"PTX line {finding.ptx_line}: {_line(finding.ptx_text or '')}"
            if finding.ptx_line
            else "",
        ]
        lines.append("    " + "; ".join(fact for fact in facts if fact))
    more = len(replayed.findings) - FINDINGS
    return "\n".join([*lines, *([f"  and {more} more"] if more > 0 else []), ""])


def _launches(replayed: Replayed) -> str:
    if not replayed.launches:
        return "No kernel was launched, or this device does not show launches.\n"
    rows = [("kernel", "grid", "block", "shared", "instructions", "result")]
    rows += [
        (
            _line(each.kernel, 60),
            style.grid_text(each.grid, each.cluster),
            style.dims_text(each.block),
            style.bytes_text(each.shared_bytes),
            f"{each.instructions:,}",
            "ok" if not each.result else f"CUDA error {each.result}",
        )
        for each in replayed.launches[:LAUNCHES]
    ]
    printed = [
        f"Printed by {_line(each.kernel, 60)}:\n{for_terminal(each.printed[:4000]).rstrip()}"
        for each in replayed.launches[:LAUNCHES]
        if each.printed
    ]
    unsupported = [
        f"Not supported by the device: {_line(text, 400)}" for text in replayed.unsupported
    ]
    return "\n".join(["Launches:", _aligned(rows), *printed, *unsupported, ""])


def _writers(replayed: Replayed, output: str) -> dict[int, str]:
    """Who wrote each element of an output last, where the device shows it."""
    found = {}
    for each in [each for each in replayed.written if each.output == output][:ROWS]:
        by = who(each.block, each.thread)
        for index in range(each.first, min(each.last, each.first + ROWS) + 1):
            found[index] = by or SHORT_WRITERS[each.writer]
    return found


def _line(text: str, limit: int = 200) -> str:
    return one_line(text, limit=limit)


def _aligned(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Columns under each other; those that are empty throughout are left out."""
    used = [n for n in range(len(rows[0])) if any(row[n] for row in rows[1:])]
    widths = {n: max(len(row[n]) for row in rows) for n in used}
    lines = [
        "  ".join(row[n].rjust(widths[n]) if n in right else row[n].ljust(widths[n]) for n in used)
        for row in rows
    ]
    return "\n".join(f"  {line.rstrip()}" for line in lines)
