"""What the scripts of a course find on the machines that they run on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote

from grader.record import encode
from tests.action.runs import GRADE, ROOT
from tests.report import records
from tests.scripts import PYTHON


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    """Nothing but what a runner has."""
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        **more,
    }


def exit_code(command: Sequence[str | Path], folder: Path, variables: Mapping[str, str]) -> int:
    """How a script that an LMS calls in ``folder`` ends."""
    ended = subprocess.run(
        command, env=variables, cwd=folder, capture_output=True, check=False, timeout=120
    )
    return ended.returncode


def stub(folder: Path, name: str) -> Path:
    """A ``grade`` that renders a record that is there instead of compiling."""
    folder.mkdir(parents=True, exist_ok=True)
    made = records.ALL[name]()
    (folder / "kept.json").write_bytes(encode(made))
    command = folder / "grade"
    command.write_text(
        f"""#!/bin/bash
while [[ $# -gt 0 ]]; do
  case $1 in
    --format) formats=$2; shift ;;
    --out) out=$2; shift ;;
  esac
  shift
done
cd {quote(str(ROOT))}
{quote(str(GRADE))} report {quote(str(folder))}/kept.json --format "$formats" --out "$out" || exit 4
exit {int(made.exit_code)}
"""
    )
    command.chmod(0o755)
    return command


def installer(folder: Path) -> Path:
    """A search path whose ``python3 -m venv`` makes an environment that notes what pip is asked.

    Its ``grade`` is the one that is here; other calls of ``python3`` are real.
    """
    folder.mkdir()
    place, grade = quote(str(folder)), quote(str(GRADE))
    (folder / "pip").write_text(f'#!/bin/sh\necho "$@" >> {place}/asked\n')
    tools = {
        "python3": (
            f'if [ "$1 $2" = "-m venv" ]; then\n'
            f'  mkdir -p "$3/bin"; ln -s {place}/pip "$3/bin/python"\n'
            f'  ln -s {grade} "$3/bin/grade"\n'
            f'else\n  exec {PYTHON} "$@"\nfi\n'
        ),
        "apt-get": f'echo apt-get "$@" >> {place}/asked\n',
    }
    for name, body in tools.items():
        (folder / name).write_text(f"#!/bin/sh\n{body}")
    for tool in folder.iterdir():
        tool.chmod(0o755)
    return folder
