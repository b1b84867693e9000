"""PTX that the Mojo compiler made of our own kernels."""

from __future__ import annotations

import numpy as np
import pytest

from grader.device.checks import all_checks
from grader.device.checks.check import CheckTypes
from grader.device.evidence import FindingKind, SourcePlace, Writer, of_file
from tests.device.kernels import real, run_text


def conv1d(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    padded = np.concatenate([values, np.zeros(len(weights) - 1, dtype=values.dtype)])
    return np.array([(padded[i : i + len(weights)] * weights).sum() for i in range(len(values))])


@pytest.mark.parametrize("name", ["conv1d_15_4", "conv1d_15_4_lines"])
def test_conv1d_gives_the_published_example(name: str) -> None:
    values, weights = np.arange(15, dtype=np.float32), np.arange(4, dtype=np.float32)
    outcome = run_text(real(name), [60, values, weights], grid=(2, 1, 1), block=(15, 1, 1))
    assert (outcome.result, outcome.findings) == (0, ())
    wanted = [14, 20, 26, 32, 38, 44, 50, 56, 62, 68, 74, 80, 41, 14, 0]
    assert outcome.buffers[0].view(np.float32).tolist() == wanted
    assert outcome.launch.shared_bytes == 72 + 16


@pytest.mark.parametrize("checks", [all_checks(), ()])
def test_conv1d_over_two_blocks(checks: CheckTypes) -> None:
    values = np.arange(30, dtype=np.float32) % 7
    weights = np.arange(15, dtype=np.float32) - 4
    outcome = run_text(
        real("conv1d_30_15"),
        [120, values, weights],
        grid=(2, 1, 1),
        block=(15, 1, 1),
        checks=checks,
    )
    assert (outcome.result, outcome.findings) == (0, ())
    assert outcome.buffers[0].view(np.float32).tolist() == conv1d(values, weights).tolist()


def test_a_launch_that_is_too_narrow_leaves_outputs_unwritten() -> None:
    values, weights = np.arange(30, dtype=np.float32), np.ones(15, dtype=np.float32)
    outcome = run_text(
        real("conv1d_30_15"), [120, values, weights], grid=(1, 1, 1), block=(15, 1, 1)
    )
    provenance = outcome.memory.provenance(outcome.addresses[0], 120)
    assert [p.writer for p in provenance].count(Writer.NOBODY) == 1
    assert provenance[-1].start == 60


def test_idle_threads_leave_shared_cells_unwritten() -> None:
    # 10 inputs for a kernel made for 30 inputs: an out-of-bounds read is what comes first.
    values, weights = np.arange(10, dtype=np.float32), np.ones(15, dtype=np.float32)
    outcome = run_text(
        real("conv1d_30_15"), [120, values, weights], grid=(2, 1, 1), block=(15, 1, 1)
    )
    assert outcome.result == 700
    assert outcome.kinds == [FindingKind.OUT_OF_BOUNDS]
    finding = outcome.findings[0]
    assert finding.message == "thread 10 of block 0 read cell 10 of a buffer of 10 cells"
    assert (finding.cell, finding.count) == (10, 20)


def test_findings_point_at_the_source_where_the_ptx_does() -> None:
    values, weights = np.arange(9, dtype=np.float32), np.arange(4, dtype=np.float32)
    outcome = run_text(
        real("conv1d_15_4_lines"), [60, values, weights], grid=(2, 1, 1), block=(15, 1, 1)
    )
    finding = outcome.findings[0]
    assert finding.source_file == "op/conv1d.mojo"
    assert finding.source_line == 28
    place = of_file(finding.source, lambda file: file == "op/conv1d.mojo")
    assert place == SourcePlace("op/conv1d.mojo", 28, 34)
    library = finding.source[0]
    assert library.file.endswith("/tensor_storage.mojo")
    assert finding.ptx_text is not None
    assert finding.ptx_text.startswith("ld.global.nc.b32")


def test_both_sides_of_a_race_have_their_place() -> None:
    values, weights = np.arange(15, dtype=np.float32), np.arange(4, dtype=np.float32)
    text = real("conv1d_15_4_lines").replace("bar.sync", "// bar.sync", 1)
    outcome = run_text(text, [60, values, weights], grid=(1, 1, 1), block=(15, 1, 1))
    assert set(outcome.kinds) == {FindingKind.RACE}
    lines = set()
    for finding in outcome.findings:
        here = of_file(finding.source, lambda file: file == "op/conv1d.mojo")
        there = of_file(finding.other_source, lambda file: file == "op/conv1d.mojo")
        assert here is not None
        assert there is not None
        lines.add((here.line, there.line))
    assert lines == {(42, 28), (42, 36)}


def test_prints_of_all_threads_arrive_in_order() -> None:
    values = np.zeros(64, dtype=np.float32)
    outcome = run_text(real("print"), [values], grid=(1, 1, 1), block=(15, 1, 1))
    assert (outcome.result, outcome.findings) == (0, ())
    wanted = [f"thread {t} of block 0 value 0.0" for t in range(15)]
    assert outcome.launch.printed.splitlines() == wanted


def test_printing_is_cut() -> None:
    values = np.zeros(1024, dtype=np.float32)
    outcome = run_text(real("print"), [values], grid=(4, 1, 1), block=(1024, 1, 1))
    kept, _, rest = outcome.launch.printed.rpartition("\n(")
    assert len(kept) == 65536
    dropped = int(rest.partition(" ")[0].replace(",", ""))
    assert 0 < dropped < 4096
    assert kept.count("\n") + dropped in (4095, 4096), "each print is kept, cut or counted"


def test_a_warp_sum_by_shuffles() -> None:
    values = np.arange(64, dtype=np.float32)
    outcome = run_text(real("warp_sum"), [values], grid=(1, 1, 1), block=(32, 1, 1))
    assert (outcome.result, outcome.findings) == (0, ())
    assert outcome.buffers[0][:32].tolist() == [496.0] * 32


def test_atomics_of_two_blocks() -> None:
    outcome = run_text(
        real("atomics"), [np.zeros(2, dtype=np.float32)], grid=(2, 1, 1), block=(32, 1, 1)
    )
    assert (outcome.result, outcome.findings) == (0, ())
    assert outcome.buffers[0][0] == 64.0
    assert outcome.buffers[0].view(np.int32)[1] == 2 * sum(range(32))
