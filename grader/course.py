"""A course on GitHub: its repositories, the steps of the action, what is said to the runner.

The repositories are filled in from ``templates/course``.

A step is a run of the grader in a process of its own, so that whatever happens to it (a crash, the
runner's memory limit) ends in a verdict that says so: no mark.

Source: "Workflow commands for GitHub Actions". What is appended to the files named by
``GITHUB_STEP_SUMMARY`` and ``GITHUB_OUTPUT`` becomes the job summary and the step's outputs.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from grader import __version__
from grader.errors import ExitCode, GraderFault, RecordError, UsageError
from grader.folders import data_directory
from grader.intake.display import for_terminal
from grader.record import Audience, Fault, PuzzleInfo, Record, SubmissionInfo, Verdict, load
from grader.references import reference
from grader.toolchain import edition as editions
from grader.wording.verdicts import NO_VERDICT_HEADLINE


@dataclass(frozen=True, kw_only=True)
class ReportTarget:
    """Whom a report on GitHub is for, and which file of the repository it annotates."""

    path: str = ""
    """Relative to the repository; empty for the name in the record."""
    audience: Audience = "student"


def on_runner() -> bool:
    """Whether the output goes to a log in which GitHub's runner looks for commands."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def path_in_repository(file: Path) -> str:
    """The path that an annotation needs; empty for a file that is not in the workspace."""
    workspace = os.environ.get("GITHUB_WORKSPACE") or os.curdir
    try:
        relative = os.path.relpath(os.path.abspath(file), os.path.abspath(workspace))
    except (OSError, ValueError):
        return ""
    return "" if relative == ".." or relative.startswith("../") else relative


def publish(record: Record, target: ReportTarget, *, pass_mark: int | None = None) -> None:
    """Annotate, and append to the summary and the outputs where the runner names files for them.

    Raises:
        GraderFault: a file that the runner names can't be written.
    """
    from grader.audience import as_seen
    from grader.report.formats.github import annotate, step_outputs
    from grader.report.formats.summary import render_summary

    record = as_seen(record, target.audience)
    click.echo("\n".join(annotate(record, target.path or record.submission.name)))
    append("GITHUB_STEP_SUMMARY", render_summary(record, target.audience))
    set_outputs(step_outputs(record, pass_mark=pass_mark))


def set_outputs(outputs: Mapping[str, str]) -> None:
    """Append step outputs, each with a random delimiter, which no value can guess."""
    lines = []
    for name, value in outputs.items():
        delimiter = f"grade_{secrets.token_hex(16)}"
        lines.append(f"{name}<<{delimiter}\n{value}\n{delimiter}\n")
    append("GITHUB_OUTPUT", "".join(lines))


def append(variable: str, text: str) -> None:
    """Append to the file that an environment variable names, if it does."""
    path = os.environ.get(variable)
    if not path:
        return
    try:
        with open(path, "a", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise GraderFault(
            f"the file of {variable}, {path}, could not be written: {error.strerror}",
            remedy="Unset the variable, or point it at a file that can be written.",
        ) from error


FAIL_ON = ("fail", "fault", "never")
APPARMOR_SWITCH = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
_FORMATS = "html,json,text"


def parse_fail_on(text: str) -> frozenset[str]:
    """Endings that make the job red: ``fail``, ``fault``, both with a comma, or ``never``."""
    words = frozenset(word.strip() for word in text.split(",") if word.strip())
    if not words or not words <= set(FAIL_ON) or ("never" in words and len(words) > 1):
        raise UsageError(
            f"fail-on: {text!r} is not one of fail, fault, never, or fail,fault",
            remedy="Correct the input of the action in the workflow file.",
        )
    return words - {"never"}


def parse_pass_mark(text: str) -> int | None:
    """Percent of the points, 0 to 100; None where it is empty."""
    if not text.strip():
        return None
    if not (text.strip().isascii() and text.strip().isdigit() and int(text) <= 100):
        raise UsageError(
            f"pass-mark: {text!r} is no whole number from 0 to 100",
            remedy="Correct the input of the action in the workflow file.",
        )
    return int(text)


@dataclass(frozen=True, kw_only=True)
class GradeStep:
    """Grade one file of the workspace and tell GitHub."""

    path: str
    options: tuple[str, ...]
    """Options for ``grade submit``."""
    pass_mark: int | None
    """Percent."""
    fail_on: frozenset[str]
    audience: Audience
    out: Path

    def run(self) -> dict[str, str]:
        """Grade and publish; the outputs that are not the record's own."""
        record = self._grade()
        target = ReportTarget(path=path_in_repository(Path(self.path)), audience=self.audience)
        publish(record, target, pass_mark=self.pass_mark)
        report = self.out / "report.html"
        return {
            "report-path": str(report) if report.is_file() else "",
            "exit": str(int(self._is_red(record))),
        }

    def _is_red(self, record: Record) -> bool:
        from grader.report.formats.github import passes

        if record.verdict is Verdict.FAULT:
            return "fault" in self.fail_on
        return "fail" in self.fail_on and not passes(record, self.pass_mark)

    def _grade(self) -> Record:
        # A self-hosted runner keeps its folders: an old record must not pass for a new one.
        for name in ("record.json", "report.html"):
            (self.out / name).unlink(missing_ok=True)
        command = [sys.executable, "-m", "grader", "submit", "--fresh", *self.options]
        command += ["--audience", self.audience, "--format", _FORMATS]
        command += ["--out", str(self.out), "--", self.path]
        sys.stdout.flush()
        ended = subprocess.run(command, check=False)
        try:
            record = load(self.out / "record.json")
        except RecordError as error:
            return self._no_verdict(ended.returncode, "left no record", error.what)
        if ended.returncode != record.exit_code:
            # It broke off behind the verdict: a report is missing, or something worse.
            said = f"the record says {record.exit_code.name.lower()}"
            return self._no_verdict(ended.returncode, "did not get to its end", said)
        return record

    def _no_verdict(self, code: int, failing: str, detail: str) -> Record:
        if code == ExitCode.USAGE:
            what = "the workflow calls the grader wrongly; the job's log says in which input"
            remedy = "Whoever runs the course has to correct the workflow file."
        else:
            how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
            what = f"the grader {how} and {failing}"
            remedy = "Run the job again; if it happens again, tell whoever runs the course."
        return Record(
            grader_version=__version__,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            submission=SubmissionInfo(name=for_terminal(Path(self.path).name)),
            puzzle=PuzzleInfo(name="", title=""),
            verdict=Verdict.FAULT,
            score=0,
            max_score=0,
            headline=NO_VERDICT_HEADLINE,
            fault=Fault(kind="NoVerdict", what=what, remedy=remedy, stage="action", detail=detail),
        )


def open_sandbox() -> str:
    """Give this machine's bubblewrap the one right it may lack; says how submissions will run.

    On ``ubuntu-24.04`` AppArmor keeps programs without a profile from making user
    namespaces. The narrow remedy is a profile for this one binary; switching the
    restriction off for every program of the machine is not needed.
    """
    from grader.errors import SandboxFault
    from grader.sandbox import Isolation, Wanted, bwrap, probe

    try:
        report = probe(Wanted.AUTO)
        if report.level is Isolation.BWRAP:
            return report.sentence
        if _restricted() and _load_profile(bwrap.bwrap_binary()):
            probe.cache_clear()
            report = probe(Wanted.AUTO)
    except SandboxFault as error:
        # The grading that follows says the same, as a fault of the grader.
        return f"{error.what}\n{error.remedy}"
    return "\n".join(part for part in (report.sentence, report.remedy) if part)


def _restricted() -> bool:
    try:
        return APPARMOR_SWITCH.read_text("ascii").strip() == "1"
    except OSError:
        return False


def _load_profile(binary: Path) -> bool:
    """Install and load the profile, as root; False where this user can't become root."""
    from grader.sandbox.bwrap import apparmor_profile

    if os.geteuid() != 0 and shutil.which("sudo") is None:
        return False
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    profile = "/etc/apparmor.d/grade-bwrap"
    steps = (
        ([*root, "tee", profile], apparmor_profile(binary)),
        ([*root, "apparmor_parser", "-r", profile], ""),
    )
    for command, text in steps:
        try:
            done = subprocess.run(
                command, input=text, text=True, capture_output=True, timeout=60, check=False
            )
        except (OSError, subprocess.SubprocessError):
            return False
        if done.returncode != 0:
            return False
    return True


SUFFIX = ".j2"
_OTHER_SYSTEMS = "lms"


def write_course(
    folder: Path, *, puzzles: Sequence[str], edition: str, action: str
) -> tuple[Path, ...]:
    """Write all files; nothing that is there already is overwritten.

    Args:
        folder: Where to; made if it is not there.
        puzzles: Their names. Autograders of other systems are written for one puzzle only.
        edition: Name of the edition, or ``auto`` for the default.
        action: Repository and tag of the action that the workflows use.

    Returns:
        The files that were written.

    Raises:
        UsageError: one of the files is there already, or ``action`` is no reference.
        GraderFault: a file can't be written, or a template is missing.
    """
    _check_action(action)
    chosen = editions.find(edition)
    puzzles = tuple(dict.fromkeys(puzzles))
    files = _rendered(
        {
            "puzzles": puzzles,
            # In a student's workflow each has a job of its own.
            "puzzle": puzzles[0] if len(puzzles) == 1 else "${{ matrix.puzzle }}",
            "title": puzzles[0] if len(puzzles) == 1 else f"{len(puzzles)} puzzles",
            "edition": chosen.name,
            "max_version": chosen.max_version,
            "action": action,
            "repository": action.partition("@")[0],
            "reference": action.partition("@")[2],
        }
    )
    if len(puzzles) > 1:
        files = {path: data for path, data in files.items() if path.parts[0] != _OTHER_SYSTEMS}
    for puzzle in puzzles:
        skeleton = reference(puzzle, chosen.name, "skeleton")
        if skeleton is None:
            raise GraderFault(
                f"there is no skeleton of {puzzle} for edition {chosen.name}",
                remedy="Choose another edition with --edition.",
            )
        files[Path("student") / f"{puzzle}.mojo"] = skeleton.encode()
    there = [path for path in sorted(files) if (folder / path).exists()]
    if there:
        raise UsageError(
            f"{folder / there[0]} is there already",
            remedy="Choose another folder; nothing was written.",
        )
    return tuple(_write(folder / path, data) for path, data in sorted(files.items()))


def _check_action(action: str) -> None:
    repository, at, reference = action.partition("@")
    plain = all(c.isascii() and (c.isalnum() or c in "-_./") for c in repository + reference)
    if not (at and reference and plain and repository.count("/") == 1):
        raise UsageError(
            f"--action {action!r} is not OWNER/REPOSITORY@TAG",
            remedy="Give the repository of the action with a tag or a commit: me/mojo-grade@v1.",
        )


def _rendered(values: dict[str, object]) -> dict[Path, bytes]:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    root = data_directory("templates") / "course"
    # Brackets of its own, because those of Jinja mean something in a workflow.
    environment = Environment(
        loader=FileSystemLoader(root),
        autoescape=False,  # noqa: S701 - none of these files is HTML
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        variable_start_string="@[",
        variable_end_string="]@",
        block_start_string="@%",
        block_end_string="%@",
        comment_start_string="@#",
        comment_end_string="#@",
    )
    names = sorted(path for path in root.rglob(f"*{SUFFIX}") if path.is_file())
    return {
        _target(path.relative_to(root)): environment.get_template(str(path.relative_to(root)))
        .render(values)
        .encode("utf-8")
        for path in names
    }


def _target(template: Path) -> Path:
    """Where a template goes: without its suffix, ``dot-`` for a leading dot."""
    parts = [f".{p[4:]}" if p.startswith("dot-") else p for p in template.parts]
    return Path(*parts[:-1], parts[-1].removesuffix(SUFFIX))


def _write(path: Path, data: bytes) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        if data.startswith(b"#!"):
            path.chmod(0o755)
    except OSError as error:
        raise GraderFault(
            f"{path} could not be written: {error.strerror}",
            remedy="Make room, or choose another folder.",
        ) from error
    return path
