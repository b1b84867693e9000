"""What each kind of instruction does, one hand-written kernel at a time."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from grader.device.cuda import CudaResult
from grader.device.evidence import FindingKind
from grader.device.memory import GlobalMemory
from grader.device.ptx import PtxError, parse
from grader.device.simt import launch, load
from grader.errors import UnsupportedByDevice
from tests.device.kernels import results, run

LANES = list(range(32))


def test_special_registers_name_thread_block_and_grid() -> None:
    body = """
        mov.u32 %r1, %tid.x; mov.u32 %r2, %tid.y; mov.u32 %r3, %tid.z;
        mov.u32 %r4, %ctaid.x; mov.u32 %r5, %ctaid.y;
        mov.u32 %r6, %ntid.x; mov.u32 %r7, %ntid.y; mov.u32 %r8, %nctaid.x;
        // linear thread of the grid
        mad.lo.u32 %r9, %r3, %r7, %r2;
        mad.lo.u32 %r9, %r9, %r6, %r1;
        mad.lo.u32 %r10, %r5, %r8, %r4;
        mad.lo.u32 %r11, %r10, 24, %r9;
        mad.wide.u32 %rd0, %r11, 4, %a0;
        shl.b32 %r12, %r5, 4; or.b32 %r12, %r12, %r4;
        shl.b32 %r13, %r3, 8; or.b32 %r12, %r12, %r13;
        shl.b32 %r13, %r2, 12; or.b32 %r12, %r12, %r13;
        shl.b32 %r13, %r1, 16; or.b32 %r12, %r12, %r13;
        st.global.u32 [%rd0], %r12;
    """
    grid, block = (3, 2, 1), (4, 3, 2)
    outcome = run(body, [np.zeros(6 * 24, dtype=np.uint32)], grid=grid, block=block)
    wanted = [
        x << 16 | y << 12 | z << 8 | by << 4 | bx
        for by in range(2)
        for bx in range(3)
        for z in range(2)
        for y in range(3)
        for x in range(4)
    ]
    assert outcome.buffers[0].tolist() == wanted


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("%laneid", [t % 32 for t in range(40)]),
        ("%warpid", [t // 32 for t in range(40)]),
        ("%nwarpid", [2] * 40),
        ("%lanemask_lt", [(1 << t % 32) - 1 for t in range(40)]),
        ("%lanemask_eq", [1 << t % 32 for t in range(40)]),
        ("%lanemask_ge", [2**32 - (1 << t % 32) for t in range(40)]),
        ("%ntid.y", [1] * 40),
        ("%nctaid.z", [1] * 40),
    ],
)
def test_special_register(name: str, wanted: list[int]) -> None:
    assert results(f"mov.u32 %r0, {name};", threads=40) == wanted


def test_clocks_go_forward_and_are_the_same_on_every_run() -> None:
    body = """
        mov.u64 %rd1, %clock64; mov.u64 %rd2, %clock64;
        sub.u64 %rd3, %rd2, %rd1; cvt.u32.u64 %r0, %rd3;
    """
    first = results(body)
    assert min(first) > 0
    assert first == results(body)


def test_a_source_may_be_a_narrower_part_of_a_register() -> None:
    body = """
        mov.u32 %r1, 0x12345678; cvt.u32.u16 %r2, %r1; cvt.s32.s8 %r3, 0x80;
        add.u32 %r0, %r2, %r3;
    """
    assert results(body) == [(0x5678 - 128) % 2**32] * 32


def test_a_narrow_load_is_extended_to_the_register() -> None:
    source = np.array([0x80, 0xFF, 0x7F, 0], dtype=np.uint8)
    body = """
        ld.global.u8 %r1, [%a1]; ld.global.s8 %r2, [%a1+1]; ld.global.u8 %r3, [%a1+2];
        add.u32 %r0, %r1, %r2; add.u32 %r0, %r0, %r3; st.global.u32 [%o], %r0;
    """
    outcome = run(body, [np.zeros(1, dtype=np.uint32), source], block=(1, 1, 1))
    assert outcome.buffers[0][0] == 0x80 - 1 + 0x7F


def test_mov_packs_and_unpacks_vectors() -> None:
    body = """
        mov.b64 %rd1, {%t, %n};
        mov.b64 {%r1, %r2}, %rd1;
        mov.b32 {%h1, %h2}, %r2;
        cvt.u32.u16 %r3, %h1;
        mad.lo.u32 %r0, %r1, 100, %r3;
    """
    assert results(body) == [100 * t + 32 for t in LANES]


def test_vector_loads_and_stores() -> None:
    source = np.arange(8, dtype=np.uint32)
    body = """
        shl.b32 %r9, %t, 4; cvt.u64.u32 %rd1, %r9;
        add.u64 %rd2, %a1, %rd1; add.u64 %rd3, %a0, %rd1;
        ld.global.v4.u32 {%r1, %r2, %r3, %r4}, [%rd2];
        st.global.v2.u32 [%rd3], {%r4, %r3};
        st.global.v2.u32 [%rd3+8], {%r2, %r1};
    """
    outcome = run(body, [np.zeros(8, dtype=np.uint32), source], block=(2, 1, 1))
    assert outcome.buffers[0].tolist() == [3, 2, 1, 0, 7, 6, 5, 4]


def test_generic_addresses_reach_global_shared_and_local_memory() -> None:
    body = """
        .shared .align 8 .b8 s[128];
        .local .align 8 .b8 l[16];
        mov.u64 %rd1, s; cvta.shared.u64 %rd1, %rd1;
        mad.wide.u32 %rd2, %t, 4, %rd1;
        st.u32 [%rd2], %t;
        mov.u64 %rd3, l; cvta.local.u64 %rd4, %rd3;
        st.u32 [%rd4+4], %n;
        ld.u32 %r1, [%rd2];
        ld.local.u32 %r2, [%rd3+4];
        cvta.to.shared.u64 %rd5, %rd2; ld.shared.u32 %r3, [%rd5];
        add.u32 %r0, %r1, %r2; add.u32 %r0, %r0, %r3;
        st.u32 [%o], %r0; ld.u32 %r0, [%o];
    """
    assert results(body) == [2 * t + 32 for t in LANES]


def test_one_generic_instruction_may_reach_different_spaces() -> None:
    body = """
        .shared .align 4 .b8 s[128];
        mov.u64 %rd1, s; cvta.shared.u64 %rd1, %rd1; mad.wide.u32 %rd1, %t, 4, %rd1;
        setp.lt.u32 %p1, %t, 16;
        selp.b64 %rd2, %rd1, %o, %p1;
        st.u32 [%rd2], %t;
        isspacep.shared %p2, %rd2;
        isspacep.global %p3, %rd2;
        ld.u32 %r1, [%rd2];
        selp.u32 %r2, 100, 0, %p2; selp.u32 %r3, 200, 0, %p3;
        add.u32 %r0, %r1, %r2; add.u32 %r0, %r0, %r3;
    """
    assert results(body) == [t + (100 if t < 16 else 200) for t in LANES]


def test_parameters_of_several_sizes_and_by_address() -> None:
    text = """.version 8.1
    .target sm_80
    .address_size 64
    .visible .entry k(.param .u64 out, .param .u8 small, .param .align 8 .b8 big[12])
    { .reg .b32 %r<8>; .reg .b64 %rd<4>;
      ld.param.u64 %rd1, [out];
      ld.param.u8 %r1, [small];
      ld.param.v2.u32 {%r2, %r3}, [big];
      mov.b64 %rd2, big;
      ld.param.u32 %r4, [%rd2+8];
      add.u32 %r1, %r1, %r2; add.u32 %r1, %r1, %r3; add.u32 %r1, %r1, %r4;
      st.global.u32 [%rd1], %r1; ret; }"""
    memory = GlobalMemory(1 << 20)
    module = load(parse(text), memory, number=1)
    assert [param.size for param in module.entry("k").params] == [8, 1, 12]
    out = memory.allocate(4)
    params = [out.to_bytes(8, "little"), b"\x05", struct.pack("<III", 10, 200, 3000)]
    launch(
        module,
        "k",
        grid=(1, 1, 1),
        block=(1, 1, 1),
        dynamic_shared_bytes=0,
        params=params,
        memory=memory,
        index=1,
    )
    assert memory.read(out, 4) == struct.pack("<I", 3215)


def test_module_variables_have_initial_values_and_addresses() -> None:
    module = """
        .global .align 4 .u32 table[4] = {10, 20, 30};
        .const .align 4 .b8 letters[4] = {1, 2, 3, 4};
        .global .u64 pointer = table+4;
        .global .f32 real[2] = {0f40000000, 1.5};
    """
    body = """
        ld.global.u32 %r1, [table+8]; ld.global.u32 %r2, [table+12];
        ld.const.u8 %r3, [letters+3];
        ld.global.u64 %rd1, [pointer]; ld.global.u32 %r4, [%rd1];
        ld.global.f32 %f1, [real]; ld.global.f32 %f2, [real+4];
        add.f32 %f1, %f1, %f2; cvt.rni.u32.f32 %r5, %f1;
        add.u32 %r0, %r1, %r2; add.u32 %r0, %r0, %r3; add.u32 %r0, %r0, %r4;
        add.u32 %r0, %r0, %r5;
    """
    assert results(body, module=module) == [30 + 0 + 4 + 20 + 4] * 32


def test_dynamic_shared_memory_lies_behind_static_memory() -> None:
    module = ".extern .shared .align 4 .b8 dynamic[];"
    body = """
        .shared .align 4 .b8 fixed[128];
        mov.u32 %r1, fixed; mov.u32 %r2, dynamic;
        mad.lo.u32 %r3, %t, 4, %r1; mad.lo.u32 %r4, %t, 4, %r2;
        st.shared.u32 [%r3], %t; st.shared.u32 [%r4], %n;
        ld.shared.u32 %r5, [%r3]; ld.shared.u32 %r6, [%r4];
        add.u32 %r0, %r5, %r6; mov.u32 %r7, %dynamic_smem_size; add.u32 %r0, %r0, %r7;
    """
    assert results(body, module=module, dynamic_shared_bytes=128) == [t + 32 + 128 for t in LANES]


def test_guards_mask_single_instructions() -> None:
    body = """
        setp.lt.u32 %p1, %t, 5; mov.u32 %r0, 1;
        @%p1 mov.u32 %r0, 2; @!%p1 add.u32 %r0, %r0, %t;
    """
    assert results(body) == [2 if t < 5 else 1 + t for t in LANES]


CALLEE = """
    .func (.param .b32 r) triple(.param .b32 x, .param .align 8 .b8 y[8])
    { .reg .b32 %r<4>; .reg .pred %p<2>;
      ld.param.b32 %r1, [x]; ld.param.v2.b32 {%r2, %r3}, [y];
      setp.gt.u32 %p1, %r1, 20;
      @%p1 bra BIG;
      mad.lo.u32 %r1, %r1, 3, %r2;
      st.param.b32 [r], %r1; ret;
    BIG:
      st.param.b32 [r], %r3; ret; }
"""


def test_calls_pass_parameters_by_value_and_may_diverge() -> None:
    body = """
        setp.ge.u32 %p1, %t, 8; @!%p1 bra SKIP;
        { .param .b32 a; .param .align 8 .b8 c[8]; .param .b32 back;
          st.param.b32 [a], %t; st.param.v2.b32 [c], {%n, 7};
          call.uni (back), triple, (a, c);
          ld.param.b32 %r0, [back]; }
        bra DONE;
      SKIP: mov.u32 %r0, 99;
      DONE:
    """
    wanted = [99 if t < 8 else 7 if t > 20 else 3 * t + 32 for t in LANES]
    assert results(body, module=CALLEE) == wanted


def test_names_in_inner_scopes_hide_outer_ones() -> None:
    body = """
        mov.u32 %r0, 1;
        { .reg .b32 %r0; mov.u32 %r0, 50; { .reg .b32 %r0; mov.u32 %r0, 60; } }
        add.u32 %r0, %r0, %t;
    """
    assert results(body) == [1 + t for t in LANES]


def test_a_jump_table_takes_each_lane_its_way() -> None:
    assert results(_jumps(least=0, most=2)) == [10 + t % 3 for t in LANES]


def test_a_jump_past_the_table_ends_the_launch() -> None:
    body = _jumps(least=1, most=3)
    outcome = run(f"{body} st.global.u32 [%o], %r0;", [np.zeros(32, dtype=np.uint32)])
    assert outcome.result == CudaResult.INVALID_PC
    assert "entry 3 of a table of 3" in outcome.findings[0].message


def _jumps(*, least: int, most: int) -> str:
    return f"""
        rem.u32 %r1, %t, {most - least + 1}; add.u32 %r1, %r1, {least};
        ways: .branchtargets L0, L1, L2;
        brx.idx %r1, ways;
      L0: mov.u32 %r0, 10; bra END;
      L1: mov.u32 %r0, 11; bra END;
      L2: mov.u32 %r0, 12;
      END:
    """


def test_a_trap_lets_the_others_finish_and_waits_for_none_that_does_not_end() -> None:
    others = """
        setp.ne.u32 %p1, %t, 0; @%p1 bra STOP;
        mov.u32 %r1, 0;
      MORE: add.u32 %r1, %r1, 1; setp.lt.u32 %p2, %r1, LIMIT; @%p2 bra MORE;
        st.global.u32 [%o], 7; bra END;
      STOP: trap;
      END:
    """
    for limit, seen in (("3000", 7), ("0xFFFFFFFF", 0)):
        outcome = run(others.replace("LIMIT", limit), [np.zeros(32, dtype=np.uint32)])
        assert outcome.result == CudaResult.LAUNCH_FAILED
        assert outcome.kinds == [FindingKind.TRAP]
        assert outcome.buffers[0][0] == seen


def test_loops_run_as_often_as_each_lane_wants() -> None:
    body = """
        mov.u32 %r0, 0; mov.u32 %r1, 0;
      TOP: setp.ge.u32 %p1, %r1, %t; @%p1 bra END;
        add.u32 %r0, %r0, %r1; add.u32 %r1, %r1, 1; bra TOP;
      END:
    """
    assert results(body, threads=100, blocks=3) == [t * (t - 1) // 2 for t in range(100)] * 3


def test_exited_lanes_do_nothing_more() -> None:
    body = "setp.lt.u32 %p1, %t, 7; @%p1 exit; st.global.u32 [%o], 5;"
    outcome = run(body, [np.ones(32, dtype=np.uint32)])
    assert outcome.buffers[0].tolist() == [1] * 7 + [5] * 25


@pytest.mark.parametrize(
    "instruction",
    [
        "tex.2d.v4.f32.f32 {%f1, %f2, %f3, %f4}, %rd1;",
        "add.rz.weird.f32 %f1, %f2, %f3;",
        "ld.global.v8.f32 %f1, [%a0];",
        "mma.sync.aligned.m16n8k8.row.col.f32.f32 %f1, %f2;",
        "mov.u32 %r1, %envreg0;",
        "wmma.whatever;",
    ],
)
def test_what_the_device_lacks_is_named(instruction: str) -> None:
    with pytest.raises(UnsupportedByDevice, match="line"):
        run(instruction, [np.zeros(32, dtype=np.uint32)])


def test_what_is_not_executed_need_not_be_supported() -> None:
    body = """
        mov.u32 %r0, 1; bra END;
        tex.2d.v4.f32.f32 {%f1, %f2, %f3, %f4}, %rd1;
      END:
    """
    module = ".func other() { wmma.whatever; ret; }"
    assert results(body, module=module) == [1] * 32


@pytest.mark.parametrize(
    "instruction",
    [
        "add.u32 %r1, %rd1, %r2, %r3;",
        "add.u64 %rd1, %r1, %rd2;",
        "mov.u32 %p1, %r1;",
        "@%r1 mov.u32 %r2, %r3;",
        "ld.global.u32 %r1, %r2;",
        "st.global.u64 [%a0], %r1;",
        "bar.sync;",
        "st.const.u32 [%a0], %r1;",
        "mov.u32 %r1, nowhere;",
        ".shared .b32 s; st.param.b32 [s], %r1;",
        "setp.eq.u32 %r1, %r2, %r3;",
    ],
)
def test_unsound_instructions_are_refused(instruction: str) -> None:
    with pytest.raises(PtxError, match="line"):
        run(instruction, [np.zeros(32, dtype=np.uint32)])
