"""Whose a read of unwritten shared memory is: PTX of the given kernel and of changed ones, run on
the software device, each beside the source that it stands for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from grader.device import FindingKind, SourcePlace, Space
from grader.grading.given_code import Code, all_handed_out, attributed
from grader.model.given import GivenKernel
from grader.puzzles.conv1d import PART, PUZZLE
from grader.puzzles.conv1d.mistakes import TPB
from grader.record import Attribution
from tests.device.kernels import HEAD, run_text

FOLDER = Path(__file__).parents[2] / "reference_kernels/conv1d"
EDITIONS = ("25.3", "26.3", "26.5")
HALO_LEFT = frozenset({"25.3"})
"""Editions whose given kernel writes no zeros past the end of the input."""
SHAPES = ((1, 2), (7, 4), (14, 15), (16, 2), (20, 5), (29, 14))
"""Sizes that are not assigned."""

READ = "shared_a[local_i + j]"
OTHER = "shared_a[1 + local_i]"
SUM = f"local_sum += {READ} * shared_b[j]\n"


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """PTX of the given kernel, as far as it is not told otherwise."""

    text: str
    """The source that it claims to be made from."""
    zeros: bool = True
    """Whether zeros are written past the end of the input."""
    halo: bool = True
    loads_halo: bool = True
    barrier: bool = True
    flipped: bool = False
    idle: bool = True
    """Whether threads without an output do nothing."""
    extra: int = 0
    """Elements that the tile has more than the given one."""
    second: int = 0
    """Bytes of a further array."""
    more: tuple[int, ...] = ()
    """Taps whose elements are read once more."""

    def ptx(self, n: int, m: int) -> str:
        sums = []
        for j in range(m):
            tap = m - 1 - j if self.flipped else j
            sums.append(
                f"ld.shared.f32 %x, [%s+{4 * j}]; ld.shared.f32 %k, [b+{4 * tap}];"
                " fma.rn.f32 %sum, %x, %k, %sum;"
            )
        sums += [f"ld.volatile.shared.f32 %x, [%s+{4 * tap}];" for tap in self.more]
        second = f".shared .align 4 .b8 c[{self.second}];" if self.second else ""
        zero = "st.shared.f32 [%s+60], 0f00000000;"
        past = zero if self.zeros else ""
        load = "ld.global.f32 %x, [%in+60]; st.shared.f32 [%s+60], %x;"
        loaded = load if self.loads_halo else zero
        halo = f"""setp.ge.s32 %q, %t, {m - 1}; @%q bra B;
  add.u32 %i, %g, {TPB}; setp.ge.u32 %q, %i, {n}; @%q bra Z;
  {loaded} bra B;
Z: {past}"""
        idle = "@%idle bra END;" if self.idle else ""
        return f"""{HEAD}
.visible .entry conv1d_kernel(.param .u64 output, .param .u64 input, .param .u64 kernel)
{{ .reg .b64 %in, %out, %ker, %o, %u; .reg .b32 %t, %b, %w, %g, %s, %i; .reg .f32 %x, %k, %sum;
  .reg .pred %q, %idle;
  .shared .align 4 .b8 a[{4 * (TPB + m - 1 + self.extra)}];
  .shared .align 4 .b8 b[{4 * m}]; {second}
  ld.param.u64 %in, [input]; ld.param.u64 %out, [output]; ld.param.u64 %ker, [kernel];
  mov.u32 %t, %tid.x; mov.u32 %b, %ctaid.x; mov.u32 %w, %ntid.x; mad.lo.u32 %g, %b, %w, %t;
  mul.wide.u32 %o, %g, 4; add.u64 %in, %in, %o; add.u64 %out, %out, %o;
  mul.wide.u32 %u, %t, 4; add.u64 %ker, %ker, %u;
  mov.u32 %s, a; mad.lo.u32 %s, %t, 4, %s; mov.f32 %sum, 0f00000000;
  setp.ge.u32 %idle, %g, {n}; @%idle bra H;
  ld.global.f32 %x, [%in]; st.shared.f32 [%s], %x;
H: {halo if self.halo else ""}
B: setp.ge.u32 %q, %t, {m}; @%q bra W;
  ld.global.f32 %x, [%ker]; mov.u32 %i, b; mad.lo.u32 %i, %t, 4, %i; st.shared.f32 [%i], %x;
W: {"bar.sync 0;" if self.barrier else ""}
  {idle}
  {chr(10).join(sums)}
  @%idle bra END; st.global.f32 [%out], %sum;
END: ret; }}
"""

    def run(self, n, m, *, grid=(2, 1, 1), block=(TPB, 1, 1)):
        buffers = [120, np.ones(n, np.float32), np.ones(m, np.float32)]
        return run_text(self.ptx(n, m), buffers, grid=grid, block=block).launch


def given_kernel(edition, *changes, **how):
    """The given kernel of an edition with its launch; ``changes`` are texts and what replaces
    them."""
    text = (FOLDER / edition / "right.mojo").read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return Kernel(text=text, zeros=edition not in HALO_LEFT, **how)


def code_of(kernel, edition):
    return all_handed_out(PUZZLE, [edition]).code_in(kernel.text, PART.given)


def whose(kernel, edition, n, m, **launch):
    """The findings of a launch, each with whose it is."""
    shown = PART.for_edition(edition).given_reads({"input_size": n, "conv_size": m})
    found = attributed([kernel.run(n, m, **launch)], shown, code_of(kernel, edition))
    return [
        (finding, mine) for finding, mine in found if finding.kind is FindingKind.UNINITIALISED_READ
    ]


def parties(found):
    return {mine.value for _, mine in found}


@pytest.mark.parametrize("edition", ["25.3", "26.5"])
def test_what_the_given_kernel_reads_unwritten_is_known_for_every_size(edition):
    kernel = given_kernel(edition)
    puzzle = PUZZLE.for_edition(edition).parts[0]
    for sizes in puzzle.domain_points():
        launch = kernel.run(*sizes.values())
        seen = {
            (each.cells, each.block[0], each.thread[0], each.cell)
            for finding in launch.findings
            for each in finding.touched
        }
        assert seen == puzzle.given_reads(sizes), sizes
        assert all(finding.count == len(finding.touched) for finding in launch.findings)


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
class TestGiven:
    """The student changed something else in the kernel, or nothing."""

    def check(self, kernel, edition, shape, *, changed=True):
        assert code_of(kernel, edition) is (Code.READS if changed else Code.UNCHANGED)
        assert parties(whose(kernel, edition, *shape)) == {"skeleton"}

    def test_unchanged(self, edition, shape):
        self.check(given_kernel(edition), edition, shape, changed=False)

    def test_halo_of_zeros(self, edition, shape):
        change = "= input[next_idx]", "= 0"
        self.check(given_kernel(edition, change, loads_halo=False), edition, shape)

    def test_flipped(self, edition, shape):
        change = "* shared_b[j]", "* shared_b[conv_size - 1 - j]"
        self.check(given_kernel(edition, change, flipped=True), edition, shape)

    def test_two_accumulators(self, edition, shape):
        two = SUM + " " * 12 + f"else:\n{' ' * 16}odd += {READ} * shared_b[j]\n"
        self.check(given_kernel(edition, (SUM, two)), edition, shape)

    def test_two_accumulators_of_other_names(self, edition, shape):
        two = f"even += {READ}\n{' ' * 12}else:\n{' ' * 16}odd += {READ}\n"
        self.check(given_kernel(edition, (SUM, two)), edition, shape)

    def test_without_a_barrier(self, edition, shape):
        """What the missing barrier itself does is the student's."""
        kernel = given_kernel(edition, ("    barrier()\n", ""), barrier=False)
        self.check(kernel, edition, shape)
        found = attributed(
            [kernel.run(*shape)],
            PART.for_edition(edition).given_reads(
                dict(zip(("input_size", "conv_size"), shape, strict=True))
            ),
            code_of(kernel, edition),
        )
        races = {mine for each, mine in found if each.kind is FindingKind.RACE}
        assert races <= {Attribution.STUDENT}

    def test_comments_and_layout_do_not_matter(self, edition, shape):
        changes = (SUM, f"local_sum += (  # mine\n{READ} * shared_b[j] + 1)\n"), ("# ", "## ")
        self.check(given_kernel(edition, *changes), edition, shape)


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
class TestStudents:
    """The like is found at the same elements, and it is the student's own doing."""

    def check(self, kernel, edition, shape):
        assert parties(whose(kernel, edition, *shape)) == {"student"}

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (READ, OTHER),
            (SUM, f"{SUM}                peek += {OTHER}\n"),
            (SUM, f"peek = {OTHER}\n                {SUM}"),
            (SUM, f"{SUM}                peek += shared_a[shared_a[local_i + j]]\n"),
            ("[TPB + conv_size - 1]", "[TPB + conv_size - 1 + 0]"),
            ("    barrier()\n", "    clear(shared_a)\n    barrier()\n"),
            ("    barrier()\n", "    barrier()\n    shared_a = other\n"),
            ("@staticmethod", "def mine():\n        pass\n\n    @staticmethod"),
            ("shared_a", "tile"),
        ],
        ids=range(9),
    )
    def test_the_array_is_made_or_read_otherwise(self, edition, shape, old, new):
        """Its elements are the same, the words are the student's."""
        if old not in given_kernel(edition).text:
            old, new = (f"({each[1:-1]})" for each in (old, new))
        kernel = given_kernel(edition, (old, new))
        assert code_of(kernel, edition) is Code.NOTHING
        self.check(kernel, edition, shape)

    def test_another_function_may_be_what_reads(self, edition, shape):
        kernel = given_kernel(edition)
        kernel = replace(kernel, text=kernel.text + "\n\ndef mine():\n    pass\n")
        self.check(kernel, edition, shape)

    def test_a_second_read_of_the_same_elements(self, edition, shape):
        """In the given code's words, even: it reads each element once."""
        change = SUM, f"{SUM}                peek += {READ}\n"
        kernel = given_kernel(edition, change, more=tuple(range(shape[1])))
        assert code_of(kernel, edition) is Code.READS
        self.check(kernel, edition, shape)

    def test_an_array_of_another_size(self, edition, shape):
        """Here a constant was changed: the words are still the given ones."""
        kernel = given_kernel(edition, (" TPB = 15", " TPB = 16"), extra=1)
        assert code_of(kernel, edition) is Code.READS
        self.check(kernel, edition, shape)

    def test_a_second_array_of_the_same_size(self, edition, shape):
        """Which of the two it is can't be told."""
        size = 4 * (TPB + shape[1] - 1)
        change = "    barrier()\n", "    c = array()\n    barrier()\n"
        self.check(given_kernel(edition, change, second=size), edition, shape)

    def test_threads_that_the_given_code_keeps_idle(self, edition, shape):
        kernel = given_kernel(edition, ("    if global_i <", "    if 2 * global_i <"), idle=False)
        assert "student" in parties(whose(kernel, edition, *shape))

    def test_the_given_kernel_launched_otherwise(self, edition, shape):
        """One thread a block: each reads what the other threads would have written."""
        kernel = given_kernel(edition)
        found = whose(kernel, edition, *shape, grid=(30, 1, 1), block=(1, 1, 1))
        assert "student" in parties(found)


@pytest.mark.parametrize("edition", ["26.3", "26.5"])
@pytest.mark.parametrize("shape", [(15, 4), (30, 2), (16, 2), (20, 5), (29, 14)], ids=str)
def test_a_halo_that_is_not_loaded_is_the_students(edition, shape):
    """At the given code's own read, but of elements that it writes."""
    lines = given_kernel(edition).text.split("\n")
    start = next(k for k, line in enumerate(lines) if "if local_i < conv_size - 1:" in line)
    stop = next(k for k, line in enumerate(lines) if "if local_i < conv_size:" in line)
    text = "\n".join([*lines[:start], *lines[stop:]])
    kernel = replace(given_kernel(edition), text=text, halo=False)
    found = whose(kernel, edition, *shape)
    assert "student" in parties(found)
    shown = PART.given_reads(dict(zip(("input_size", "conv_size"), shape, strict=True)))
    for finding, mine in found:
        seen = {(e.cells, e.block[0], e.thread[0], e.cell) for e in finding.touched}
        assert (mine is Attribution.SKELETON) is (seen <= shown)


def test_what_is_not_known_in_full_is_the_students():
    launch = given_kernel("26.5").run(20, 5)
    shown = PART.given_reads({"input_size": 20, "conv_size": 5})
    cut = replace_findings(launch, lambda each: {"touched": each.touched[1:]})
    none = replace_findings(launch, lambda each: {"touched": ()})
    code = Code.UNCHANGED
    assert {mine for _, mine in attributed([launch], shown, code)} == {Attribution.SKELETON}
    for other in (cut, none):
        assert {mine for _, mine in attributed([other], shown, code)} == {Attribution.STUDENT}


@pytest.mark.parametrize(
    ("file", "of_library"),
    [
        ("max/mojo/max/gpu/primitives/block.mojo", True),
        ("oss/modular/mojo/stdlib/stdlib/gpu/block.mojo", True),
        ("max/kernels/src/layout/tile_storage.mojo", False),
        ("", False),
        ("block.mojo", False),
    ],
)
def test_what_the_library_does_with_memory_of_its_own_is_nobodys(file, of_library):
    """As block.prefix_sum does, which reads a cell for each lane, written or not."""
    launch = given_kernel("26.5").run(20, 5)
    inside = (SourcePlace(file, 711, 21), SourcePlace("", 88, 6))
    read = replace_findings(launch, lambda each: {"source": inside})
    assert bool(list(attributed([read], frozenset(), Code.NOTHING))) is not of_library
    for kind in set(FindingKind) - {FindingKind.UNINITIALISED_READ}:
        other = replace_findings(read, lambda each, kind=kind: {"kind": kind})
        assert list(attributed([other], frozenset(), Code.NOTHING))


@pytest.mark.parametrize("kind", [k for k in FindingKind if k != "uninitialised-read"])
def test_no_other_finding_is_the_given_codes(kind):
    launch = given_kernel("26.5").run(20, 5)
    shown = PART.given_reads({"input_size": 20, "conv_size": 5})
    other = replace_findings(launch, lambda each: {"kind": kind})
    found = attributed([other], shown, Code.UNCHANGED)
    assert {mine for _, mine in found} == {Attribution.STUDENT}


def replace_findings(launch, change):
    import msgspec

    findings = tuple(msgspec.structs.replace(each, **change(each)) for each in launch.findings)
    return msgspec.structs.replace(launch, findings=findings)


@pytest.mark.parametrize("kind", [FindingKind.RACE, FindingKind.OUT_OF_BOUNDS])
@pytest.mark.parametrize("shows", [frozenset({FindingKind.RACE}), frozenset()], ids=str)
def test_a_race_is_the_given_codes_where_the_puzzle_says_so(kind, shows):
    launch = replace_findings(given_kernel("26.5").run(20, 5), lambda each: {"kind": kind})
    given = GivenKernel(function="kernel", shows=shows)
    mine = {mine for _, mine in attributed([launch], frozenset(), Code.NOTHING, given=given)}
    forgiven = kind in shows
    assert mine == {Attribution.SKELETON if forgiven else Attribution.STUDENT}


_ADDED = {
    "kind": FindingKind.RACE,
    "space": Space.GLOBAL,
    "access": "atomic",
    "block": (2, 1, 0),
    "other_access": "write",
    "other_block": (0, 0, 0),
}


@pytest.mark.parametrize(
    ("change", "forgiven"),
    [
        ({}, True),
        ({"other_block": (1, 0, 0)}, False),
        ({"block": (0, 0, 0)}, False),
        ({"access": "read"}, False),
        ({"access": "write"}, False),
        ({"access": "write", "other_access": "atomic"}, False),
        ({"other_access": "read"}, False),
        ({"space": Space.SHARED}, False),
        ({"kind": FindingKind.OUT_OF_BOUNDS}, False),
    ],
)
def test_what_the_first_block_sets_others_may_add_to_where_the_given_code_has_it_so(
    change, forgiven
):
    launch = replace_findings(given_kernel("26.5").run(20, 5), lambda each: _ADDED | change)
    for ahead in (True, False):
        given = GivenKernel(function="kernel", first_block_ahead=ahead)
        mine = {mine for _, mine in attributed([launch], frozenset(), Code.NOTHING, given=given)}
        expected = Attribution.SKELETON if forgiven and ahead else Attribution.STUDENT
        assert mine == {expected}
