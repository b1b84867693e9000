"""Equal programs are found equal where that is certain, and different ones never are."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.intake.lexer import COMMENT, STRING, is_certain, plain_lines, scan, tokens
from grader.intake.token_views import bracketed, equal_programs, function_tokens

PROGRAM = '''\
from std.gpu import thread_idx
import extensibility

comptime TPB = 15


def helper[n: Int](x: Int) -> Int:
    """Adds # n."""
    return x + n


@always_inline
def kernel[
    a: Int,
    b: Int,
](output: Int, input: Int):
    var i = thread_idx.x
    if i < a:  # inside
        output[i] = input[i] * 2
    barrier()


@extensibility.register("conv1d")
struct Op:
    @staticmethod
    def execute(x: Int) raises:
        print(t"x is {x}")
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  # inside", ""),
        ("  # inside", "  # \"quoted' text"),
        ("\n", "\r\n"),
        ("    barrier()\n", "\n\n    # wait\n    barrier()   \n"),
        ("i < a", "i  <  a"),
        ("    a: Int,\n    b: Int,\n]", "a: Int, b: Int]"),
        ("(output: Int, input: Int)", "(\n    output: Int,\n    input: Int,\n)"),
        ("    ", "  "),
        ("input[i] * 2", "input[ i ]*2"),
    ],
)
def test_layout_and_comments_do_not_matter(old: str, new: str) -> None:
    assert old in PROGRAM
    assert equal_programs(PROGRAM, PROGRAM.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    barrier()", "        barrier()"),  # moved into the branch
        ("        output[i]", "    output[i]"),  # moved out of it
        ("    barrier()\n", ""),
        ("TPB = 15", "TPB = 16"),
        ("Adds # n.", "Adds # m."),
        ('"conv1d"', '"conv1d "'),
        ("thread_idx.x", "thread_idx .x"),
        ("i < a", "i <= a"),
        ("* 2", "* 2."),
        ("x is {x}", "x  is {x}"),
        ("@always_inline\n", ""),
        ("return x + n", "return x; + n"),
        ("return x + n", "return x\n    + n"),
        ("# inside", "# inside\r        return"),  # the compiler ends a line there
        ("# inside", "# inside \f return"),  # and a comment there
        ("    a: Int,\n    b: Int,\n", "    a: Int\n"),
        ("(x: Int) raises", "(x: Int,) raises"),
        ("    ", "\t"),
    ],
)
def test_every_other_change_matters(old: str, new: str) -> None:
    assert old in PROGRAM
    assert not equal_programs(PROGRAM, PROGRAM.replace(old, new, 1))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = `a # b` + 1\n", "x = `a # b` + 2\n"),
        ('x = t"{f("#")} a"\n', 'x = t"{f("#")} b"\n'),
        ('x = r"\\" # a"\n', 'x = r"\\" # b"\n'),
        ('x = "unterminated # a\n', 'x = "unterminated # b\n'),
        ('x = """a # b\n', 'x = """a # c\n'),
        ('x = """a"""" # b\n', 'x = """a"""" # c\n'),
        ("x = a > = b\n", "x = a >= b\n"),
        ("x = 1 . 5\n", "x = 1.5\n"),
        ("x = a * * b\n", "x = a ** b\n"),
        ("x = r 'a'\n", "x = r'a'\n"),
        ("x = 'a' 'b'\n", "x = 'a''b'\n"),
        ("x = (a)\n", "x = (a,)\n"),
        ("x = 1 \\\n+ 2\n", "x = 1 \\ \n+ 2\n"),
        ("if a:\n    b\nc\n", "if a:\n    b\n    c\n"),
        ("if a:\n    b\n  c\n", "if a:\n    b\nc\n"),
        ("f(a\n)\nb\n", "f(a)\n b\n"),
        ("x = (a\n", "x = (a"),
        ("x\u00a0= 1\n", "x = 1\n"),
        ("x = 1 # \u2028 y\n", "x = 1 # \u2028 z\n"),
        ("a\n", "a b\n"),
        ("ab\n", "a b\n"),
    ],
)
def test_traps_of_the_lexer_never_make_two_programs_equal(one: str, other: str) -> None:
    assert not equal_programs(one, other)


def test_a_function_is_found_with_its_decorators() -> None:
    found = [text for _kind, text, _touches in function_tokens(PROGRAM, "kernel")]
    assert found[0] == "@always_inline"
    assert "barrier" in found
    assert "register" not in found
    assert "helper" not in found


def test_the_rest_of_the_program_does_not_matter_to_a_function() -> None:
    changed = PROGRAM.replace("TPB = 15", "TPB = 3").replace("x + n", "x - n").replace("raises", "")
    assert function_tokens(changed, "kernel") == function_tokens(PROGRAM, "kernel")
    assert function_tokens(changed, "helper") != function_tokens(PROGRAM, "helper")


def test_the_last_line_of_a_function_belongs_to_it() -> None:
    moved = PROGRAM.replace("    barrier()", "barrier()")
    assert function_tokens(moved, "kernel") != function_tokens(PROGRAM, "kernel")


def test_a_function_that_is_missing_twice_there_or_in_doubt_is_not_found() -> None:
    assert function_tokens(PROGRAM, "nothing") == []
    assert function_tokens(PROGRAM + "def kernel(): pass\n", "kernel") == []
    assert function_tokens(PROGRAM + "`\n", "kernel") == []
    assert function_tokens('x = "def kernel():"\n', "kernel") == []


def test_positions_are_those_of_the_source() -> None:
    lines = PROGRAM.split("\n")
    for token in tokens(PROGRAM):
        if token.text and "\n" not in token.text:
            assert lines[token.line - 1][token.column - 1 :].startswith(token.text)


FRAGMENTS = st.sampled_from(
    [
        "def f():",
        "\n",
        "    ",
        "\t",
        "#",
        '"',
        "'",
        '"""',
        "'''",
        "`",
        "\\",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        "@a",
        "x",
        "1",
        ".",
        "=",
        ">",
        "t",
        "r",
        "struct S:",
        "import ",
        "from ",
        "\r",
        "\f",
        "\u2028",
        "é",
        ":",
        ";",
        "alias ",
        "match ",
        "\ud800",
    ]
)
SOURCES = st.lists(FRAGMENTS, max_size=40).map("".join) | st.text()


@given(SOURCES)
@settings(max_examples=300)
def test_any_text_has_tokens(text: str) -> None:
    assert equal_programs(text, text)
    function_tokens(text, "f")


@given(SOURCES, st.data())
@settings(max_examples=300)
def test_one_visible_character_more_is_a_difference_or_in_a_comment(
    text: str, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(text)))
    changed = text[:at] + "x" + text[at:]
    if equal_programs(text, changed):
        line = changed.replace("\r\n", "\n")[: at + 1].rsplit("\n", 1)[-1]
        assert "#" in line


SIZE = 256 * 1024


@pytest.mark.parametrize(
    "unit",
    ["(", "[{(", "()", '"', '"""', "'", "\\", "#", "`", " ", "\t", "\n", "a", "9", "a.", "1.", "0x",
     "{a[",
     '"{a[" ', '"""{a[', '"{a.a:"\n', "%(", '"%("\n', "@", "@a.", "def ", "def f", "from ",
     "import a, ", "from . import ", "match ", "case\n", "var ", "struct ", "-", "<=", "é", "\r",
     "\r\n", " \n", "  #\n", "x = 1\n", "    if a:\n", "''' '''", 'r"a" ', 't"{a}" ', ",",
     "f(a,b,),",     "1e", "1_", "print ", "\\\n", "yield from ", "# " + "x" * 60 + "\n"],
)  # fmt: skip
def test_the_largest_hostile_text_takes_a_moment(unit: str) -> None:
    text = unit * (SIZE // len(unit))
    started = time.process_time()
    tokens(text)
    assert time.process_time() - started < 6.0


@given(st.text(alphabet="ab1.#\"'`\\\n\r ([,)]->=\u00e9", max_size=60))
def test_a_token_stands_where_it_says_in_either_reading(text: str) -> None:
    plain = plain_lines(text)
    for token in scan(text):
        assert plain[token.start : token.stop] == token.text
        assert plain.count("\n", 0, token.start) + 1 == token.line
    if is_certain(tokens(text)):
        words = [token for token in tokens(text) if token.text and token.start >= 0]
        assert all(plain[token.start : token.stop] == token.text for token in words)
        strings = [token.start for token in words if token.kind == STRING]
        assert strings == [token.start for token in scan(text) if token.kind == STRING]


@given(st.text(max_size=80))
def test_a_scan_leaves_out_nothing_but_white_space(text: str) -> None:
    plain, position = plain_lines(text), 0
    for token in scan(text):
        assert not plain[position : token.start].strip()
        position = token.stop
    assert not plain[position:].strip()


def test_a_scan_tells_comments_and_strings_in_any_text() -> None:
    kinds = [(token.kind, token.text) for token in scan('`x` # "one"\n\'# two\'\r"""open')]
    assert kinds[1:] == [(COMMENT, '# "one"'), (STRING, "'# two'"), (STRING, '"""open')]
    assert not is_certain(tokens("`x`"))


@pytest.mark.parametrize(
    ("text", "parts", "after"),
    [
        ("( )", [], 2),
        ("( a )", ["a"], 3),
        ("( a , )", ["a"], 4),
        ("( , )", [""], 3),
        ("( a , , b ) c", ["a", "", "b"], 6),
        ("( a [ b , c ] , ( d , e ) )", ["a [ b , c ]", "( d , e )"], 14),
        ("a ( b )", None, 0),
        ("( a", None, 0),
        ("", None, 0),
    ],
)
def test_a_list_in_brackets(text: str, parts: list[str] | None, after: int) -> None:
    words = text.split()
    found, stop = bracketed(words, "(")
    assert (None if found is None else [" ".join(words[part]) for part in found]) == parts
    assert stop == after
