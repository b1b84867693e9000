"""The C sources and the Python modules say the same."""

from __future__ import annotations

import re
import subprocess
import sys

from grader.device import process, wire
from grader.device.cuda import CudaResult
from tests.device.driver.conftest import ROOT

SOURCES = ROOT / "grader" / "device" / "driver"


def definitions(name: str, pattern: str) -> list[tuple[str, ...]]:
    return re.findall(pattern, (SOURCES / name).read_text(), re.MULTILINE)


def constant(name: str, macro: str) -> int:
    ((value, shift),) = definitions(name, rf"#define {macro} \(\(size_t\)(\d+) << (\d+)\)")
    return int(value) << int(shift)


def test_the_operations_have_the_same_numbers() -> None:
    listed = {name: int(number) for name, number in definitions("ops.def", r"^OP\((\w+), (\d+)\)")}
    assert listed == {op.name: op.value for op in wire.DriverOp}


def test_every_result_has_a_name_in_the_library() -> None:
    listed = definitions("errors.def", r'^ERROR\((\d+), "(?:ERROR_)?(\w+)"')
    assert {name: int(code) for code, name in listed} == {r.name: r.value for r in CudaResult}


def test_the_versions_and_limits_agree() -> None:
    (version,) = re.findall(r"PROTOCOL_VERSION (\d+)u", (SOURCES / "channel.h").read_text())
    assert int(version) == wire.VERSION
    assert constant("module.c", "MAX_IMAGE") == wire.MAX_IMAGE
    assert constant("memory.c", "MAX_COPY") == wire.MAX_COPY


def test_the_build_makes_what_the_worker_loads() -> None:
    build = (ROOT / "hatch_build.py").read_text()
    names = re.findall(r'^(?:DRIVER = |    )"(lib[^"]+)"', build, re.MULTILINE)
    assert tuple(names) == process.LOAD_ORDER


def test_the_device_process_imports_nothing_of_the_grader_s_face() -> None:
    """It starts fast, and a defect of a terminal library can't reach it."""
    code = (
        "import sys, grader.device.server\n"
        "print(*sorted({'click', 'rich', 'jinja2', 'hypothesis', 'max'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == ""
