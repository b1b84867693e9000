"""What a program's lines cost, from a real program: numbers that were worked out by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.profile_beside_ncu import compare, rows_of
from grader.device import Space
from grader.intake import read_submission
from grader.record import KernelProfile, LineCost
from grader.report.profiles import NOTHING, remarks
from grader.run.document import RunDocument, decode, encode
from grader.run.page import render_page
from grader.run.profile import as_text
from grader.run.running import RunRequest, Shows, run
from tests.run.conftest import PROGRAMS
from tests.run.documents import document

pytestmark = pytest.mark.slow
TRANSPOSE = PROGRAMS / "transpose.mojo"
TEXT = TRANSPOSE.read_text("utf-8")
WARPS = 2 * 2 * 32
"""Of a launch: four blocks of 32 by 32."""


def profile_of(program: Path) -> RunDocument:
    silent = Shows(said=lambda _: None, out=lambda _: None, error=lambda _: None)
    request = RunRequest(shown="t.mojo", program=read_submission(program), profile=True)
    return run(request, silent)


@pytest.fixture(scope="module")
def profiled() -> RunDocument:
    return profile_of(TRANSPOSE)


def line_of(code: str) -> int:
    (line,) = (number for number, text in enumerate(TEXT.split("\n"), 1) if code in text)
    return line


def cost(profile: KernelProfile, code: str) -> LineCost:
    (found,) = (each for each in profile.lines if each.line == line_of(code))
    return found


def test_a_transposition_stores_far_apart(profiled: RunDocument) -> None:
    plain = profiled.profiles[0]
    assert (plain.kernel, plain.grid, plain.block) == ("plain", (2, 2, 1), (32, 32, 1))
    line = cost(plain, "output[col, row] = a[row, col]")
    # A load of 128 bytes side by side, and a store of 32 words, each 256 bytes from the next.
    assert (line.global_requests, line.sectors) == (2 * WARPS, WARPS * (4 + 32))
    assert (line.shared_requests, plain.total.barriers, plain.total.diverged) == (0, 0, 0)
    (waste,) = plain.wasteful
    assert (waste.access, waste.space) == ("store", Space.GLOBAL)
    assert (waste.requests, waste.transfers, waste.least) == (WARPS, 32 * WARPS, 4 * WARPS)
    (said,) = remarks(plain)
    assert said.startswith(f"Line {waste.line}: each store takes 32 sectors")
    assert "where 4 would do" in said


@pytest.mark.parametrize(("number", "wavefronts"), [(1, 32), (2, 1)])
def test_a_column_of_a_tile_is_one_bank_unless_it_is_padded(
    profiled: RunDocument, number: int, wavefronts: int
) -> None:
    tiled = profiled.profiles[number]
    assert tiled.kernel == "tiled"
    stored, loaded = cost(tiled, "tile[y, x] = a["), cost(tiled, "= tile[x, y]")
    assert (stored.shared_requests, stored.wavefronts) == (WARPS, WARPS)
    assert (loaded.shared_requests, loaded.wavefronts) == (WARPS, wavefronts * WARPS)
    assert (stored.sectors, loaded.sectors) == (4 * WARPS, 4 * WARPS)
    assert cost(tiled, "    barrier()").barriers == WARPS
    assert len(list(remarks(tiled))) == (wavefronts > 1)


def test_the_lines_are_all_that_was_executed(profiled: RunDocument) -> None:
    for profile in profiled.profiles:
        assert sum(each.instructions for each in profile.lines) == profile.total.instructions
        assert sum(profile.kinds.values()) == profile.total.instructions
    # All threads of a warp are there, so a thread's instructions are its warp's.
    totals = [each.total.instructions * 32 for each in profiled.profiles]
    assert totals == [each.most_instructions for each in profiled.launches]


def test_a_gpu_counts_the_same() -> None:
    """What `ncu` counted on an H200: benchmarks/profile_beside_ncu.py."""
    rows = list(rows_of((PROGRAMS / "patterns.csv").read_text("utf-8")))
    found = list(compare("patterns", profile_of(PROGRAMS / "patterns.mojo").profiles, rows))
    assert len(found) == len(rows) == 18
    assert {each.kernel: each.differing for each in found if each.differing} == {}


def test_it_is_shown(profiled: RunDocument) -> None:
    shown = as_text(profiled, TEXT)
    row = next(line for line in shown.splitlines() if "= tile[x, y]" in line)
    assert re.match(rf" *{line_of('= tile[x, y]')} +[\d,]+ +128 +4 +128 +32 +output", row)
    rows = re.compile(r" +[\d,]+ +[\d,]+ ")
    assert max(len(line) for line in shown.splitlines() if not rows.match(line)) <= 80
    page = render_page(profiled, TEXT)
    assert "What each line costs" in page
    assert "each store takes 32 sectors" in page
    assert decode(encode(profiled)) == profiled


def test_a_program_without_a_kernel_says_so() -> None:
    assert NOTHING in as_text(document(), "")
    assert "What each line costs" not in render_page(document(), "")
