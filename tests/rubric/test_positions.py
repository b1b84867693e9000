"""Every key of a valid document is found on the line where it stands."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.rubric.complaints import key_lines


def paths(value, path=()):
    """Every path of a parsed document."""
    children = ()
    if isinstance(value, dict):
        children = value.items()
    elif isinstance(value, list):
        children = enumerate(value)
    for name, child in children:
        yield (*path, name)
        yield from paths(child, (*path, name))


def lines_of(document):
    tomllib.loads(document)
    return key_lines(document)


@pytest.mark.parametrize(
    ("document", "path", "line"),
    [
        ("a = 1", ("a",), 1),
        ("# a = 1\n\n  a = 2 # a = 3\n", ("a",), 3),
        ("\r\n\r\na = 1\r\n", ("a",), 3),
        ('x = """\na = 1\n"""\na = 2', ("a",), 4),
        ("x = '''\na = 1\n'''\na = 2", ("a",), 4),
        ('x = """"a"""""\na = 2', ("a",), 2),
        ('x = """\\"""\n"""\na = 2', ("a",), 3),
        ("x = ''''a'''''\na = 2", ("a",), 2),
        ('x = "# [a]"\na = "\\""\nb = 1', ("b",), 3),
        ("x = '\\'\na = 1", ("a",), 2),
        ("[t]\n\n[t.a]\nb = 1", ("t", "a", "b"), 4),
        ("[t]\n\n[t.a]\nb = 1", ("t", "a"), 3),
        ("[[t]]\na = 1\n[[t]]\na = 2", ("t", 1, "a"), 4),
        ("[[t]]\n[[t.u]]\n[[t]]\n[[t.u]]\n[[t.u]]\na = 2", ("t", 1, "u", 1, "a"), 6),
        ("[[t]]\n[t.u]\na = 2", ("t", 0, "u", "a"), 3),
        ("t.u . v = 1", ("t", "u", "v"), 1),
        ('t."u.v" = 1\n"\\u0061" = 2', ("a",), 2),
        ("a = [\n 1, # ]\n [2,\n 3]]", ("a", 1, 1), 4),
        ("a = [{b = 1}, {b = [1, 2], c = { d = 3 }}]\ne = 1", ("a", 1, "c", "d"), 1),
        ("a = {b.c = 1}\nd = 1979-05-27 07:32:00 # x\ne = 2", ("e",), 3),
        ("a = [1979-05-27 07:32:00, 'x,]']\ne = 2", ("e",), 2),
        ('[ "a b" . c ]\nd = 1', ("a b", "c", "d"), 2),
    ],
)
def test_the_line_of_a_key(document, path, line):
    assert lines_of(document)[path] == line


blanks = st.sampled_from(["", "\n", "\n\n", "# a = 1\n", "  # [b]\n\n", "\t\n"])
names = st.sampled_from(["a", "b-1", '"c.d"', "'e # f'", '"\\u0067"', "0"])
scalars = st.sampled_from(
    [
        "1",
        "0x1f",
        "true",
        "-inf",
        '"# [x]\\" = 1"',
        "'\\'",
        '"""\nz = 1\n\\""" " "" """',
        '"""x"""""',
        "'''\n[q]\n''''",
        "1979-05-27T07:32:00Z",
        "1979-05-27 07:32:00.5 ",
        "[]",
        "{}",
    ]
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(
            lambda each: "[\n" + ", # ]\n ".join(each) + ",]"
        ),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda each: "{" + ", ".join(f"k{n} = {one}" for n, one in enumerate(each)) + "}"
        ),
    ),
    max_leaves=4,
)


@st.composite
def documents(draw):
    """A document with the line of each of its statements; not always valid TOML."""
    text, known, table, seen = "", {}, (), {}
    for number in range(draw(st.integers(1, 6))):
        text += draw(blanks)
        line = text.count("\n") + 1
        name = draw(names)
        plain = next(iter(tomllib.loads(f"{name} = 0")))
        form = draw(st.sampled_from(["pair", "pair", "table", "array"]))
        if form == "pair":
            # A key of its own each: duplicates are no valid TOML.
            known[(*table, f"p{number}", plain)] = line
            text += f"p{number}.{name} = {draw(values)}{draw(st.sampled_from(['', ' # x = 1']))}\n"
        elif form == "table":
            table = (f"t{number}", plain)
            known[table] = line
            text += f"[ t{number} . {name} ]\n"
        else:
            place = seen.get(plain, 0)
            seen[plain] = place + 1
            table = (f"arrays{plain}", place)
            known[table] = line
            text += f'[["arrays{plain}"]]\n'
    return text, known


@given(documents(), st.booleans())
def test_every_key_of_a_document_is_found_and_on_its_line(made, carriage_returns):
    text, known = made
    parsed = tomllib.loads(text)
    if carriage_returns:
        text = text.replace("\n", "\r\n")
    found = key_lines(text)
    assert set(found) == set(paths(parsed))
    assert {path: found[path] for path in known} == known


@given(st.text(alphabet="ab.=[]{}\"'#\n\\, 01", max_size=60))
def test_whatever_is_valid_is_walked_to_the_same_keys(text):
    try:
        parsed = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert set(key_lines(text)) == set(paths(parsed))
