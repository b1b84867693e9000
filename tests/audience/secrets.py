"""Records in which everything that comes from a hidden check is marked."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import msgspec
from hypothesis import strategies as st
from msgspec.structs import replace

from grader.caselog import LoggedCase, pack
from grader.device import Finding, FindingKind, Writer
from grader.puzzles.conv1d import PUZZLE
from grader.record import (
    Attribution,
    CaseTrace,
    CheckedFinding,
    CheckOutcome,
    Counterexample,
    Diagnostic,
    Fault,
    LaunchKind,
    Mismatch,
    OutputCase,
    PlaceCounts,
    PrintedOutput,
    ProblemKind,
    ProgramEnd,
    ProgramOutput,
    Reason,
    RubricInfo,
    ShapeRun,
    StaticLook,
    Status,
    Tensor,
    Verdict,
    Visibility,
)
from tests.device.launches import PLAIN
from tests.report import records

MARK = "zqHIDDENqz"
"""In every text of something hidden."""
NUMBER = 9876.125
"""In every array of something hidden; float32 holds it exactly."""
BYTES = struct.pack("<f", NUMBER)
REASONS = [each for each in Reason if each is not Reason.NOTHING_FILLED_IN]
REASONS = [each for each in REASONS if not each.out_of_reach]
ASPECTS = {item.id: item.check.aspect for item in PUZZLE.rubric}
IDS = tuple(ASPECTS)
DUE = "2026-12-01T23:59:00+01:00"

words = st.sampled_from(("", "off by one", "line 3: <b>", "a\nb", "x" * 300))


@dataclass
class Plan:
    """What is hidden, and what the texts of one record are like."""

    shown: dict[str, Visibility]
    word: str

    def hidden(self, names):
        return any(self.shown[name] is not Visibility.VISIBLE for name in names)

    def ids(self, names):
        return tuple(name + (MARK if self.hidden([name]) else "") for name in names)

    def text(self, hidden):
        """A text; a marked one where it must not be seen."""
        return f"{self.word}{MARK}{self.word}" if hidden else self.word

    def tensor(self, hidden):
        data = struct.pack("<2f", NUMBER if hidden else 1.5, 0)
        return Tensor(name=self.text(hidden), dtype="float32", shape=(2,), data=data)


def launch(name):
    return msgspec.structs.replace(PLAIN, kernel=name, printed=name)


@st.composite
def checks(draw, plan, always):
    made = []
    for name in IDS:
        if name not in always and not draw(st.booleans()):
            continue
        status = draw(st.sampled_from(Status))
        most = draw(st.sampled_from((0, 5, 10)))
        hidden = plan.shown[name] is not Visibility.VISIBLE
        made.append(
            CheckOutcome(
                id=name + (MARK if hidden else ""),
                title=plan.text(hidden) or name,
                aspect=ASPECTS[name],
                beyond=name == "robust",
                status=status,
                points=most if status is Status.PASSED else 0,
                max_points=most,
                extra=name == "robust" or draw(st.booleans()),
                reason=draw(st.sampled_from(REASONS)),
                data={"said": plan.text(hidden)},
                sentence=plan.text(hidden),
                cases=draw(st.integers(0, 3)),
                visibility=plan.shown[name],
                hint=plan.text(hidden),
            )
        )
    return tuple(made)


def finding(draw, plan, hidden):
    return Finding(
        kind=draw(st.sampled_from(FindingKind)),
        message=plan.text(hidden),
        kernel=plan.text(hidden),
        ptx_text=plan.text(hidden),
    )


@st.composite
def counterexamples(draw, plan):
    names = draw(st.lists(st.sampled_from(IDS), min_size=1, max_size=2))
    hidden = plan.hidden(names)
    return Counterexample(
        check=plan.ids(names[-1:])[0],
        kind=draw(st.sampled_from(ProblemKind)),
        title=plan.text(hidden),
        sizes={plan.text(hidden) or "n": 2},
        inputs=(plan.tensor(hidden),),
        outputs=(
            OutputCase(
                expected=plan.tensor(hidden),
                got=draw(st.one_of(st.none(), st.just(plan.tensor(hidden)))),
                mismatches=(
                    Mismatch(
                        index=0,
                        expected=NUMBER if hidden else 1.5,
                        got=0.0,
                        writer=Writer.MEMSET if hidden else Writer.KERNEL,
                    ),
                ),
                mismatch_count=1,
            ),
        ),
        explanation=plan.text(hidden),
        error=plan.text(hidden),
        finding=finding(draw, plan, hidden),
        case=3,
        concerns=plan.ids(names),
        launches=(launch(plan.text(hidden)),),
    )


@st.composite
def findings(draw, plan):
    names = draw(st.lists(st.sampled_from(IDS), min_size=1, max_size=2))
    hidden = plan.hidden(names)
    return CheckedFinding(
        finding=finding(draw, plan, hidden),
        attribution=draw(st.sampled_from(Attribution)),
        sizes={plan.text(hidden) or "n": 2},
        explanation=plan.text(hidden),
        concerns=plan.ids(names),
    )


@st.composite
def traces(draw, plan):
    names = draw(st.lists(st.sampled_from(IDS), min_size=1, max_size=2))
    hidden = plan.hidden(names)
    return CaseTrace(
        check=plan.ids(names[-1:])[0],
        finding=draw(st.none() | st.just(finding(draw, plan, hidden))),
        sizes={plan.text(hidden) or "n": 2},
        case=3,
        concerns=plan.ids(names),
        kernel=plan.text(hidden),
        grid=(1, 1, 1),
        block=(1, 1, 1),
        at=(0, 0, 0),
    )


@st.composite
def programs(draw, plan):
    name = draw(st.sampled_from(IDS))
    hidden = plan.hidden([name])
    return ProgramOutput(
        check=plan.ids([name])[0],
        command=plan.text(hidden),
        end=draw(st.sampled_from(ProgramEnd)),
        said=plan.text(hidden),
        launches=9876 if hidden else 1,
        printed=draw(st.sampled_from(PrintedOutput)),
        text=plan.text(hidden),
    )


@st.composite
def diagnostics(draw, plan):
    stage = draw(st.sampled_from(("package", "compile", "run", "program")))
    check = {"package": "packages", "compile": "compiles"}.get(stage)
    # Messages of a run belong to no check, hence to all.
    hidden = plan.hidden([check] if check else IDS)
    return Diagnostic(
        severity=draw(st.sampled_from(("error", "warning"))),
        message=plan.text(hidden),
        stage=stage,
        line=draw(st.sampled_from((None, 1, 9999))),
        advice=plan.text(hidden),
    )


def marked():
    """A record with at least one check that a student does not see before the due date."""
    # What it is made of takes a search of Hypothesis, which may not begin inside of a test.
    return st.deferred(lambda: _marked(records.passed()))


@st.composite
def _marked(draw, plain):
    shown = {name: draw(st.sampled_from(Visibility)) for name in IDS}
    # The mark stands in the id; the two that the grader knows by name have to keep theirs.
    shown["packages"] = shown["compiles"] = Visibility.VISIBLE
    never = draw(st.sampled_from(IDS[2:]))
    shown[never] = Visibility.HIDDEN
    plan = Plan(shown, draw(words))
    made = draw(checks(plan, always=("packages", never)))
    base = [check for check in made if not check.extra]
    verdict = draw(st.sampled_from(Verdict))
    fault = Fault(kind="Error", what="no room", remedy="", stage="run", detail=MARK)
    return replace(
        plain,
        verdict=verdict,
        score=sum(check.points for check in base),
        max_score=sum(check.max_points for check in base),
        extra_score=draw(st.integers(0, 9)),
        headline=MARK if verdict in (Verdict.PASS, Verdict.FAIL) else "There is no mark.",
        wrong=MARK,
        checks=made,
        counterexamples=tuple(draw(st.lists(counterexamples(plan), max_size=2))),
        findings=tuple(draw(st.lists(findings(plan), max_size=2))),
        traces=tuple(draw(st.lists(traces(plan), max_size=2))),
        programs=tuple(draw(st.lists(programs(plan), max_size=2))),
        diagnostics=tuple(draw(st.lists(diagnostics(plan), max_size=2))),
        advice=(MARK,) if verdict in (Verdict.PASS, Verdict.FAIL) else (),
        fault=fault if verdict is Verdict.FAULT else None,
        seed=MARK,
        places=(PlaceCounts(part=MARK, tried=(9876,), wrong=(9876,)),),
        shapes=(
            ShapeRun(sizes={MARK: 9876}, scope="robust", origin=MARK, cases=9876, failures=9876),
        ),
        kernels=(MARK,),
        launches=(
            LaunchKind(kernel=MARK, grid=(1, 1, 1), block=(1, 1, 1), shared_bytes=9876, count=1),
        ),
        cases=pack(
            [
                LoggedCase(
                    part=MARK,
                    sizes={MARK: 1},
                    values=MARK,
                    variant=0,
                    failed=(),
                    output=True,
                    inputs=BYTES,
                )
            ]
        ),
        look=(StaticLook(kind=MARK, line=1, sentence=MARK),),
        rubric=RubricInfo(
            title="Homework",
            digest=MARK,
            pass_mark=draw(st.sampled_from((None, 0, 1, 20))),
            hints=draw(st.one_of(st.booleans(), st.integers(0, 3))),
            due=DUE,
            source=MARK,
        ),
    )
