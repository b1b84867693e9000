"""Who computed it: host code that helps in one way or another, and host code that does not."""

from __future__ import annotations

import time

import numpy as np
import pytest

from grader.record import Status
from tests.grading.on_device import HAND_ON, PUT, answer, grade, sums

PLAIN = sums("conv")
TRUNCATES = sums("conv", value="cvt.rzi.f32.f32 %x, %x; cvt.rzi.f32.f32 %k, %k;")
ONE_FOR_ZERO = sums("conv", value="setp.eq.f32 %r, %x, 0f00000000; @%r mov.f32 %x, 0f3F800000;")
FINITE_ONLY = sums(
    "conv",
    value="""abs.f32 %y, %x; setp.lt.f32 %r, %y, 0f7F800000; @!%r mov.f32 %x, 0f00000000;
    abs.f32 %y, %k; setp.lt.f32 %r, %y, 0f7F800000; @!%r mov.f32 %k, 0f00000000;""",
)
LARGE_ONES = sums("conv", value="min.f32 %x, %x, 0f42480000;")  # 50
RACE = """mov.u32 %w, cells; mul.lo.u32 %v, %i, 4; add.u32 %v, %v, %w; st.shared.f32 [%v], %sum;
  xor.b32 %w, %i, 1; mul.lo.u32 %w, %w, 4; mov.u32 %at, cells; add.u32 %w, %w, %at;
  st.shared.f32 [%w], %sum; """
TOLD = """
  ld.param.u64 %t, [told]; setp.eq.u64 %s, %t, 0; @%s bra COMPUTED; mov.u32 %j, 0;
SAME: setp.ge.u32 %q, %j, %n; @%q bra KNOWN; mul.wide.u32 %u, %j, 4; add.u64 %u, %u, %input;
  ld.global.u32 %w, [%u]; mul.wide.u32 %u, %j, 4; add.u64 %u, %u, %t; ld.global.u32 %v, [%u];
  setp.ne.u32 %q, %w, %v; @%q bra COMPUTED; add.u32 %j, %j, 1; bra SAME;
KNOWN: add.u32 %at, %i, %n; mul.wide.u32 %u, %at, 4; add.u64 %t, %t, %u; ld.global.f32 %sum, [%t];
  bra WRITE;
COMPUTED: """
WRITE = "WRITE: st.global.f32 [%p], %sum;"
RACES = sums("conv", store=f"{RACE} st.global.f32 [%p], %sum;")
PICKS_OR_RACES = sums("conv", ", .param .u64 told", store=f"{TOLD} {RACE} {WRITE}")
PICKS = sums("conv", ", .param .u64 told", store=f"{TOLD} {WRITE}")
TAPS_BY_VALUE = sums(
    "conv",
    "".join(f", .param .f32 k{j}" for j in range(15)),
    taps="".join(f"setp.eq.u32 %r, %j, {j}; @%r ld.param.f32 %k, [k{j}]; " for j in range(15)),
)
TAPS_AS_DOUBLES = sums(
    "conv",
    "".join(f", .param .f64 k{j}" for j in range(15)),
    taps=".reg .f64 %d; "
    + "".join(f"setp.eq.u32 %r, %j, {j}; @%r ld.param.f64 %d, [k{j}]; " for j in range(15))
    + "cvt.rn.f32.f64 %k, %d;",
)
CLOCK = sums(
    "conv",
    store="""mov.u32 %w, %clock; and.b32 %w, %w, 63; setp.eq.u32 %r, %w, 0;
    @%r add.f32 %sum, %sum, 0f3F800000; st.global.f32 [%p], %sum;""",
)
SCALED = sums("conv", ", .param .f32 scale", value="ld.param.f32 %y, [scale]; mul.f32 %x, %x, %y;")


def failed(program, **options):
    _, scored = grade(program, **options)
    return {check.id: check.sentence for check in scored.checks if check.status is Status.FAILED}


# Hostile.


def helps(kernel, when):
    """The kernel is wrong for some inputs; for these the host hands the answer over."""

    def program(host):
        x, k = host.inputs()
        if when(x, k):
            host.launch(HAND_ON, "hand_on", "QQI", host.output, host.buffer(answer(x, k)), host.n)
        else:
            host.plain(kernel)

    return program


def any_zero(x, k):
    return not x.all() or not k.all()


def any_fraction(x, k):
    return any((a != np.rint(a)).any() for a in (x, k))


def not_finite(x, k):
    return not (np.isfinite(x).all() and np.isfinite(k).all())


def published(x, k):
    return all((a == np.arange(len(a))).all() for a in (x, k))


def all_alike(x, k):
    return len(np.unique(x)) == 1


def always(x, k):
    return True


def by_arguments(host):
    x, k = host.inputs()
    for i, value in enumerate(answer(x, k)):
        host.launch(PUT, "put", "QIf", host.output, i, value)


def in_the_module(host):
    """The answer is written into the text of a kernel."""
    x, k = host.inputs()
    values = ", ".join(f"0f{word:08X}" for word in answer(x, k).view(np.uint32).tolist())
    text = f".global .align 4 .f32 known[{host.n}] = {{{values}}};" + HAND_ON.replace(
        "ld.param.u64 %a, [answers];", "mov.u64 %a, known;"
    )
    host.launch(text, "hand_on", "QQI", host.output, 0, host.n)


def by_address(host):
    """The host tells the kernel by where a buffer begins: a bit of what it knows."""
    x, k = host.inputs()
    wrong = not x.all() or not k.all()
    for _ in range(2 if wrong else 1):
        table = host.buffer(answer(x, k))
    host.launch(HAND_ON, "hand_on", "QQI", host.output, table, host.n) if wrong else host.plain(
        ONE_FOR_ZERO
    )


def told(kernel, *, each):
    """The kernel is told inputs and their answer, and hands it over where it finds them."""

    def program(host):
        x, k = host.inputs()
        table = host.buffer(np.concatenate([x, answer(x, k)])) if each(host.calls) else 0
        host.plain(kernel, "conv", "Q", table)

    return program


def one_element(host):
    """The kernel computes all but one element, which the host adds."""
    x, k = host.inputs()
    host.plain(PLAIN)
    host.launch(PUT, "put", "QIf", host.output, 0, answer(x, k)[0])


def xored(host):
    """The answer travels in disguise, half in a copy and half in the launch."""
    x, k = host.inputs()
    mask = 0x5A5A5A5A
    words = answer(x, k).view(np.uint32) ^ np.uint32(mask)
    text = HAND_ON.replace(
        "ld.global.f32 %x, [%a];",
        f".reg .b32 %w; ld.global.u32 %w, [%a]; xor.b32 %w, %w, {mask}; mov.b32 %x, %w;",
    )
    table = host.buffer(words.view(np.float32))
    host.launch(text, "hand_on", "QQI", host.output, table, host.n)


HOSTILE = {
    "always": helps(PLAIN, always),
    "zeros": helps(ONE_FOR_ZERO, any_zero),
    "fractions": helps(TRUNCATES, any_fraction),
    "specials": helps(FINITE_ONLY, not_finite),
    "large ones": helps(LARGE_ONES, lambda x, k: not x.max() <= 50),
    "the example, of a right kernel": helps(PLAIN, published),
    "the example, of a race": helps(RACES, published),
    "one number": helps(PLAIN, all_alike),
    "inputs alike": helps(
        sums("conv", value="setp.eq.f32 %r, %x, %k; @%r mov.f32 %x, 0f40000000;"),
        lambda x, k: bool(np.isin(x, k).any()),
    ),
    "arguments": by_arguments,
    "module text": in_the_module,
    "address": by_address,
    "told or race": told(PICKS_OR_RACES, each=lambda call: True),
    "told": told(PICKS, each=lambda call: True),
    "told later": told(PICKS, each=lambda call: call > 12),
    "one element": one_element,
    "disguised": xored,
}


@pytest.mark.parametrize("program", HOSTILE.values(), ids=HOSTILE)
def test_a_host_that_helps_is_seen(program):
    reasons = failed(program)
    assert "help of the host" in reasons.get("device", ""), reasons
    assert not {"example", "integers", "reals"} & reasons.keys()


@pytest.mark.parametrize("name", ["told or race", "the example, of a race"])
def test_what_the_kernels_do_without_the_host_is_found(name):
    assert "race" in failed(HOSTILE[name])["clean"]


# Right.


def plain(host):
    host.plain(PLAIN)


def looks(host):
    """It prints the inputs, say."""
    host.inputs()
    host.plain(PLAIN)


def taps_by_value(host):
    _, k = host.inputs()
    host.plain(TAPS_BY_VALUE, "conv", "15f", *np.resize(np.append(k, [0] * 15), 15))


def taps_as_doubles(host):
    _, k = host.inputs()
    taps = np.append(k, [0] * 15)[:15]
    first = (host.output, host.input, host.kernel, host.n, host.m)
    host.launch(TAPS_AS_DOUBLES, "conv", "QQQII15d", *first, *taps)


def padded(host):
    """The input with zeros after it, made on the host."""
    x, _ = host.inputs()
    longer = host.buffer(np.append(x, np.zeros(host.m, np.float32)))
    host.launch(
        PLAIN, "conv", "QQQII", host.output, longer, host.kernel, host.n, host.m
    ) if host.m == 0 else _wide(host, longer)


def _wide(host, longer):
    """All of it into a longer output, and back."""
    output = host.reserve(4 * (host.n + host.m))
    size = host.n + host.m
    host.launch(PLAIN, "conv", "QQQII", output, longer, host.kernel, min(size, 32), host.m)
    host.launch(HAND_ON, "hand_on", "QQI", host.output, output, host.n)


def reversed_twice(host):
    """Taps go backwards through the host, and a kernel reads them backwards."""
    _, k = host.inputs()
    text = sums(
        "conv",
        taps="sub.u32 %w, %m, %j; sub.u32 %w, %w, 1; mul.wide.u32 %t, %w, 4; "
        "add.u64 %t, %t, %kernel; ld.global.f32 %k, [%t];",
    )
    host.launch(
        text, "conv", "QQQII", host.output, host.input, host.buffer(k[::-1]), host.n, host.m
    )


def scratch_kept(host):
    """A buffer that the first call makes and the others use."""
    if "scratch" not in host.state:
        host.state["scratch"] = host.client.allocate(4 * 32)
    output = host.state["scratch"]
    host.launch(PLAIN, "conv", "QQQII", output, host.input, host.kernel, host.n, host.m)
    host.launch(HAND_ON, "hand_on", "QQI", host.output, output, host.n)


def alternates(host):
    """Every other call goes another way, whatever the inputs are."""
    if host.calls % 2:
        plain(host)
    else:
        scratch_kept(host)


def compiles_each_time(host):
    host.state.clear()
    host.plain(PLAIN)


def tells_the_time(host):
    """An argument that the kernel does not use."""
    host.plain(sums("conv", ", .param .u64 now"), "conv", "Q", time.perf_counter_ns())


def chooses(host):
    """Whole numbers go to a kernel that is right for whole numbers only."""
    x, k = host.inputs()
    host.plain(PLAIN if any_fraction(x, k) else TRUNCATES)


def another_for_the_example(host):
    """The example, and what is in order, goes to a kernel that is as right for anything."""
    x, k = host.inputs()
    if (x[1:] > x[:-1]).all() or published(x, k):
        scratch_kept(host)
    else:
        plain(host)


def careful(host):
    """Each kernel is right for its own: the one for infinities and NaN is not right for others."""
    x, k = host.inputs()
    host.plain(PLAIN if not_finite(x, k) else FINITE_ONLY)


RIGHT = {
    each.__name__: each
    for each in (
        plain,
        looks,
        taps_by_value,
        taps_as_doubles,
        padded,
        reversed_twice,
        scratch_kept,
        alternates,
        compiles_each_time,
        tells_the_time,
        chooses,
        another_for_the_example,
        careful,
    )
}


@pytest.mark.parametrize("program", RIGHT.values(), ids=RIGHT)
def test_a_host_that_only_moves_and_chooses_is_not_accused(program):
    assert failed(program) == {}


def test_what_depends_on_a_clock_is_not_clean_and_nobody_helped():
    reasons = failed(lambda host: host.plain(CLOCK))
    assert "clean" in reasons
    assert not any("help of the host" in reason for reason in reasons.values()), reasons


def the_example_only(host):
    """Another kernel is launched for all other inputs, and it is wrong."""
    if published(*host.inputs()):
        host.plain(PLAIN)
    else:
        host.plain(TRUNCATES)
        host.launch(PUT, "put", "QIf", host.output, 0, 3.0)


def the_first_answer(host):
    """The first answer at each size is kept, and handed out ever after."""
    if (host.n, host.m) in host.state:
        host.launch(HAND_ON, "hand_on", "QQI", host.output, host.state[host.n, host.m], host.n)
        return
    host.plain(PLAIN)
    kept = host.state[host.n, host.m] = host.client.allocate(4 * host.n)
    host.launch(HAND_ON, "hand_on", "QQI", kept, host.output, host.n)


@pytest.mark.parametrize("program", [the_example_only, the_first_answer])
def test_the_example_is_right_where_others_like_it_are_wrong(program):
    """To ask about the host, its numbers are taken in another order: that is not the example."""
    reasons = failed(program)
    assert "example" not in reasons
    assert "integers" in reasons
