"""What a push costs: the action's own steps, timed, and what GitHub asks for as many minutes.

    python -m benchmarks.action_push [--summaries FOLDER]

Runs the steps of ``action.yml`` as the tests do (`tests.action.workflow`), for three pushes one
after the other: a right file where nothing is kept yet, then a wrong one and one that does not
compile, on what is a new machine each time but for the wheels that the cache keeps. Writes
``results/action_push.json`` and the table of ``docs/github.md``.

Left out, because they happen on GitHub: the start of the runner, the checkout, Python's set-up, the
transfer of the cache and of the report. Downloads depend on how near the package index is.

The price is that of a standard Linux runner with 2 cores in a private repository, from "Actions
runner pricing", https://docs.github.com/en/billing/reference/actions-runner-pricing
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.labels import sample_file
from benchmarks.publish import between, commit
from tests.action.workflow import Job, load

ROOT = Path(__file__).parent.parent
RESULT = Path(__file__).parent / "results" / "action_push.json"
PAGE = ROOT / "docs" / "github.md"
PRICE = 0.006
"""US dollars a minute since 1 January 2026."""
PRICE_READ = "2026-11-22"
STEPS = {"Install the grader": "install", "Open the sandbox": "sandbox", "Grade": "grade"}
"""The steps that are told apart; what the others take is in the sum."""
TIMEOUT = 1_800


@dataclass(frozen=True)
class Push:
    """One push of the three."""

    name: str
    sample: str
    verdict: str
    """What the sample must get; figures of another outcome would be of nothing."""


PUSHES = (
    Push("the first, of a right file", "right", "pass"),
    Push("a wrong file", "halo_not_loaded", "fail"),
    Push("a file that does not compile", "block_dim_missing", "fail"),
)


def run(push: Push, root: Path) -> Job:
    """The action's steps for one push, on a machine that has nothing but ``root``."""
    action = load(ROOT / "action.yml")
    inputs = {name: entry.get("default", "") for name, entry in action["inputs"].items()}
    given = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    path = f"{Path(sys.base_prefix) / 'bin'}:/usr/bin:/bin"
    job = Job(
        root,
        {**given, "PATH": path, "LANG": "C.UTF-8"},
        {**inputs, "device": "software"},
        timeout=TIMEOUT,
    )
    job.workspace.mkdir(parents=True, exist_ok=True)
    shutil.copy(sample_file(push.sample), job.workspace / "conv1d.mojo")
    job.run(action["runs"]["steps"], action=ROOT)
    if job.outputs["grade"]["verdict"] != push.verdict:
        raise SystemExit(f"{push.name}: not {push.verdict}\n{job.log}")
    return job


def measure(root: Path, summaries: Path | None) -> dict[str, Any]:
    """All pushes."""
    began, revision = datetime.now(UTC), commit()
    load_before = os.getloadavg()[0]
    rows = []
    kept = root / "cache"
    for number, push in enumerate(PUSHES):
        machine = root / str(number)
        wheels = machine / "temp/mojo-grade-wheels"
        if kept.exists():
            wheels.parent.mkdir(parents=True)
            kept.rename(wheels)
        job = run(push, machine)
        rows.append(as_row(push, {step.name: step.seconds for step in job.ended}))
        print(rows[-1], flush=True)
        if summaries is not None:
            summaries.mkdir(parents=True, exist_ok=True)
            (summaries / f"{push.sample}.md").write_text(job.summary, encoding="utf-8")
        wheels.rename(kept)
        shutil.rmtree(machine)
    return {
        "commit": revision,
        "date": began.date().isoformat(),
        "processors": os.cpu_count(),
        "load_before": round(load_before, 1),
        "python": platform.python_version(),
        "wheels_megabytes": round(sum(each.stat().st_size for each in kept.iterdir()) / 1e6),
        "usd_a_minute": PRICE,
        "price_read": PRICE_READ,
        "pushes": rows,
    }


def as_row(push: Push, seconds: Mapping[str, float]) -> dict[str, Any]:
    """The figures of one push: GitHub rounds the time of a job up to whole minutes."""
    total = sum(seconds.values())
    minutes = math.ceil(total / 60)
    return {
        "push": push.name,
        "sample": push.sample,
        **{short: round(seconds[name], 1) for name, short in STEPS.items()},
        "total": round(total, 1),
        "minutes": minutes,
        "usd": round(minutes * PRICE, 4),
    }


def as_markdown(report: Mapping[str, Any]) -> str:
    """The table of the page, with what its figures were measured on."""
    lines = [
        "| push | install | open the sandbox | grade | all steps | whole minutes | price |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in report["pushes"]:
        times = " | ".join(f"{row[name]} s" for name in (*STEPS.values(), "total"))
        lines.append(f"| {row['push']} | {times} | {row['minutes']} | ${row['usd']:.3f} |")
    lines += [
        "",
        (
            f"Commit {report['commit']}, {report['date']}, {report['processors']} processors with "
            f"a load of {report['load_before']} by other work, Python {report['python']}. "
            f"The kept wheels are {report['wheels_megabytes']} MB of the repository's cache."
        ),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--summaries", type=Path, help="keep the job summaries here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        report = measure(Path(name), options.summaries)
    RESULT.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    table = as_markdown(report)
    print(table)
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(between(page, "push", table), encoding="utf-8")


if __name__ == "__main__":
    main()
