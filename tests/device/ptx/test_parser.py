"""Reading PTX."""

from __future__ import annotations

import pytest

from grader.device.ptx import PtxError, parse
from grader.device.ptx.model import (
    Address,
    Immediate,
    Negated,
    OperandPair,
    Register,
    Sink,
    Special,
    StateSpace,
    Symbol,
    Target,
    Vector,
)
from grader.errors import UnsupportedByDevice
from tests.device.kernels import HEAD, real


def body(text: str) -> list[tuple[object, ...]]:
    """Opcode and operands of each instruction of a kernel with this body."""
    declared = ".reg .pred %p<9>; .reg .b32 %r<9>; .reg .b64 %rd<9>;"
    module = parse(f"{HEAD}.entry k() {{ {declared}\n{text} }}")
    return [(i.opcode, *i.operands) for i in module.functions["k"].instructions]


R1, R2, RD1, P1, P2 = (Register(n) for n in ("%r1", "%r2", "%rd1", "%p1", "%p2"))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("ret;", ("ret",)),
        ("mov.u32 %r1, %tid.x;", ("mov.u32", R1, Special("%tid.x"))),
        ("add.s32 %r1, %r2, -7;", ("add.s32", R1, R2, Immediate(-7))),
        ("mov.b32 %r1, 0xFFU;", ("mov.b32", R1, Immediate(255))),
        ("mov.b32 %r1, 0b101;", ("mov.b32", R1, Immediate(5))),
        ("mov.b32 %r1, 017;", ("mov.b32", R1, Immediate(15))),
        ("mov.b32 %r1, ~1;", ("mov.b32", R1, Immediate(-2))),
        ("mov.f32 %r1, 0f3F800000;", ("mov.f32", R1, Immediate(0x3F800000, "f32"))),
        ("mov.f32 %r1, -0f3F800000;", ("mov.f32", R1, Immediate(0xBF800000, "f32"))),
        ("mov.f64 %rd1, 1.5;", ("mov.f64", RD1, Immediate(0x3FF8000000000000, "f64"))),
        (
            "mov.f64 %rd1, 0d3FF8000000000000;",
            ("mov.f64", RD1, Immediate(0x3FF8000000000000, "f64")),
        ),
        ("setp.lt.u32 %p1|%p2, %r1, 1;", ("setp.lt.u32", OperandPair(P1, P2), R1, Immediate(1))),
        (
            "setp.lt.and.u32 %p1, %r1, 1, !%p2;",
            ("setp.lt.and.u32", P1, R1, Immediate(1), Negated(P2)),
        ),
        (
            "ld.global.nc.L1::no_allocate.L2::128B.b32 %r1, [%rd1+-8];",
            ("ld.global.nc.L1::no_allocate.L2::128B.b32", R1, Address(RD1, -8)),
        ),
        ("ld.shared.b32 %r1, [16];", ("ld.shared.b32", R1, Address(None, 16))),
        ("ld.shared::cta.b32 %r1, [s+4+4];", ("ld.shared::cta.b32", R1, Address(Symbol("s"), 8))),
        ("mov.b64 {%r1, _}, %rd1;", ("mov.b64", Vector((R1, Sink())), RD1)),
        ("mov.b64 %rd1, s+4;", ("mov.b64", RD1, Symbol("s", 4))),
    ],
)
def test_operands(text: str, wanted: tuple[object, ...]) -> None:
    assert body(text) == [wanted]


def test_labels_lead_to_instructions_forwards_and_backwards() -> None:
    code = body("A: bra C; B: C: @%p1 bra.uni A; bra D; D:")
    assert code == [
        ("bra", Target(1, "C")),
        ("bra.uni", Target(0, "A")),
        ("bra", Target(3, "D")),
    ]


def test_inner_scopes_have_names_of_their_own() -> None:
    text = """
        { .reg .b32 %r1; mov.u32 %r1, 1; L: bra L; }
        { .reg .b32 %r1; mov.u32 %r1, 2; L: bra L; }
        mov.u32 %r1, 3;
    """
    code = body(text)
    assert [line[1] for line in code if line[0] == "mov.u32"] == [
        Register("%r1@1"),
        Register("%r1@2"),
        R1,
    ]
    assert [line[1] for line in code if line[0] == "bra"] == [Target(1, "L"), Target(3, "L")]


def test_a_register_belongs_to_the_range_with_its_prefix() -> None:
    text = f"{HEAD}.entry k() {{ .reg .b32 %r<20>; .reg .b64 %r1<5>; mov.u32 %r15, %r3; }}"
    registers = parse(text).functions["k"].registers
    assert registers["%r3"] == "b32"
    assert set(registers) == {"%r15", "%r3"}


def test_variables_of_a_module() -> None:
    module = parse(
        f"""{HEAD}
        .visible .global .align 16 .b8 text[4] = {{72, 105}};
        .const .v4 .f32 vector = {{0f3F800000, 1.0, 2, -3}};
        .global .u64 pointers[2] = {{text+1, generic(text)}};
        .global .s32 grid[2][3] = {{ {{1, 2, 3}}, {{4, 5, 6}} }};
        .extern .shared .align 16 .b8 dynamic[];
        .global .b32 plain, other;
        """
    )
    v = module.variables
    assert (v["text"].size, v["text"].align) == (4, 16)
    assert v["text"].initial == (Immediate(72), Immediate(105))
    assert (v["vector"].size, v["vector"].align) == (16, 16)
    assert v["pointers"].initial == (Symbol("text", 1), Symbol("text", 0, True))
    assert (v["grid"].size, len(v["grid"].initial)) == (24, 6)
    assert v["dynamic"].external
    assert v["dynamic"].space is StateSpace.SHARED
    assert (v["plain"].size, v["other"].size) == (4, 4)


def test_parameters_and_launch_directives() -> None:
    module = parse(
        HEAD
        + """
        .visible .entry k(.param .u64 .ptr .global .align 4 a, .param .align 8 .b8 c[12],
            .param .f32 x) .maxntid 15, 2 .reqntid 8 .minnctapersm 1 {{ ret; }}
        .func (.param .b32 r) f(.param .b32 x) .noreturn;
        .func (.param .b32 r) f(.param .b32 x) {{ ret; }}
        .extern .func (.param .b32 r) vprintf(.param .b64 a, .param .b64 b);
        """
    )
    k, f = module.functions["k"], module.functions["f"]
    assert [(p.name, p.size, p.align) for p in k.params] == [
        ("a", 8, 8),
        ("c", 12, 8),
        ("x", 4, 4),
    ]
    assert (k.max_threads, k.required_threads) == ((15, 2, 1), (8, 1, 1))
    assert f.defined
    assert [p.name for p in f.returns] == ["r"]
    assert not module.functions["vprintf"].defined


def test_debug_sections_and_comments_are_skipped() -> None:
    text = (
        HEAD
        + """
        // .entry nonsense( "
        /* .entry more { */
        .file 1 "a b/c.mojo", 1, 2
        .entry k() { ret; }
        .section .debug_abbrev { .b8 1 // x
        .b32 L-4 }
        .section .debug_info { .b64 $L__x }
        .pragma "nounroll";
    """
    )
    module = parse(text + "\0\0")
    assert module.files == {1: "a b/c.mojo"}
    assert list(module.functions) == ["k"]


def test_instructions_know_their_line_and_text() -> None:
    text = f"{HEAD}.entry k()\n{{\n  .reg .pred %p;\n  L:\n  @!%p  bra\t L ;\n}}"
    (instruction,) = parse(text).functions["k"].instructions
    assert instruction.line == 8
    assert instruction.text == "@!%p bra L;"
    assert instruction.guard is not None
    assert instruction.guard.negated


def test_places_of_a_real_kernel() -> None:
    module = parse(real("conv1d_15_4_lines"))
    (kernel,) = module.functions.values()
    assert kernel.file == 1
    own = {place.line for i in kernel.instructions for place in i.source if place.file == 1}
    assert {28, 37, 42, 43} <= own


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no .version"),
        ("hello", "'hello'"),
        (HEAD + ".entry k() {", "ends too early"),
        (HEAD + ".entry k() { bra NOWHERE; }", "line 4: unknown label NOWHERE"),
        (HEAD + ".entry k() { mov.u32 %r1, 1; }", "unknown register %r1"),
        (HEAD + ".entry k() { .reg .b32 %r<2>; mov.u32 %r2, 1; }", "unknown register %r2"),
        (HEAD + ".entry k() { L: L: ret; }", "defined twice"),
        (HEAD + ".entry k() { ret }", "an operand expected, '}' found"),
        (HEAD + ".entry k() { trap x y; }", "';' expected, 'y' found"),
        (HEAD + ".entry k() { ret; } .entry k() { ret; }", "defined twice"),
        (HEAD + ".entry k() { .loc 1 99999999999 1 ret; }", "names no place"),
        (HEAD + ".entry k() { .loc 1 -1 1 ret; }", "names no place"),
        (HEAD + ".entry k(.param .u65 x) { ret; }", "type expected"),
        (HEAD + ".global .b32 x[-1];", "impossible size"),
        (HEAD + ".global .b32 x[99999999999999];", "impossible size"),
        (HEAD + ".global .b32 x[1] = {1, 2};", "more initial values"),
        (HEAD + ".global .b32 x = " + "9" * 100 + ";", "too many digits"),
        (HEAD + ".global .align 3 .b32 x;", "alignment"),
        (HEAD + "/* never closed", "line 4"),
        (HEAD + '.file 1 "never closed', "unexpected"),
        (HEAD + ".entry k() { é; }", "unexpected 'é'"),
        (HEAD + ".address_size 32", "64-bit"),
        (HEAD + ".entry k() { " + "{" * 100_000, "nested scopes"),
        (HEAD + ".global .b32 x[1] = " + "{" * 100_000, "nested too deep"),
    ],
)
def test_what_is_wrong_is_said_with_the_line(text: str, words: str) -> None:
    with pytest.raises(PtxError, match=r"^PTX") as raised:
        parse(text)
    assert words in str(raised.value)
    assert raised.value.remedy


@pytest.mark.parametrize(
    "text",
    [
        ".entry k() { .reg .v4 .f32 %v; }",
        ".global .texref t;",
        ".func f(.reg .b32 x) { ret; }",
        ".entry k() { .reg .b64 %rd<2>; ld.u32 %rd1, [%rd1, {1}]; }",
    ],
)
def test_what_the_device_lacks(text: str) -> None:
    with pytest.raises(UnsupportedByDevice, match="line 4"):
        parse(HEAD + text)


@pytest.mark.parametrize("piece", ["/*", "{", "(", ".file 1 ", "a" * 50, "%r", '"', "0f", "1."])
def test_long_nonsense_is_refused_quickly(piece: str) -> None:
    for head in ("", HEAD, HEAD + ".entry k() {", HEAD + ".entry k() { add %r1, "):
        with pytest.raises((PtxError, UnsupportedByDevice)):
            parse(head + piece * (200_000 // len(piece)))
