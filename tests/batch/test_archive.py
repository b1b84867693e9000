"""Archives: whatever is odd about a member refuses that member by name; the others are read."""

from __future__ import annotations

import contextlib
import io
import stat
import struct
import warnings
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.batch.collect import RosterStudent, collect
from grader.batch.collect.archive import archive_entries
from grader.errors import SubmissionRefused, UsageError
from grader.intake import MAX_BYTES

GOOD = b"fn main(): pass\n"


def archive(path: Path, members: list[tuple[str | zipfile.ZipInfo, bytes]]) -> Path:
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        warnings.simplefilter("ignore", UserWarning)  # names that are there twice
        for name, data in members:
            made.writestr(name, data)
    return path


def outcomes(path: Path) -> dict[str, str]:
    """What is said of each attempt and each refused name: empty where it was read."""
    found = {}
    with collect(path, puzzle="conv1d") as collection:
        for refusal in collection.refusals:
            found[refusal.source] = refusal.what
        for collected in collection.attempts:
            try:
                collected.load()
                found[collected.attempt.source] = ""
            except SubmissionRefused as refused:
                found[collected.attempt.source] = refused.what
    return found


def odd(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = mode << 16
    return info


class Unflagged(zipfile.ZipInfo):
    """A member whose name is not said to be UTF-8, whatever its bytes are."""

    def __init__(self, raw: bytes, extra: bytes = b"") -> None:
        super().__init__("x")
        self.raw, self.extra = raw, extra

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802 - of zipfile
        return self.raw, self.flag_bits & ~0x800


def unicode_path(raw: bytes, name: bytes, *, version: int = 1) -> bytes:
    """Info-ZIP's extra field with another name for the one that stands in the header."""
    body = struct.pack("<BL", version, zlib.crc32(raw)) + name
    return struct.pack("<HH", 0x7075, len(body)) + body


@pytest.mark.parametrize(
    ("member", "data", "says"),
    [
        ("bad.mojo", b" " * (MAX_BYTES + 1), "larger than 256 KB"),
        ("bad.mojo", b" " * MAX_BYTES, "as only a bomb does"),
        ("../bad.mojo", GOOD, "leads out of the archive"),
        ("x/../../bad.mojo", GOOD, "leads out of the archive"),
        ("..\\bad.mojo", GOOD, "leads out of the archive"),
        ("/etc/bad.mojo", GOOD, "absolute name"),
        ("C:\\bad.mojo", GOOD, "absolute name"),
        ("a/" * 60 + "bad.mojo", GOOD, "too long"),
        ("bad.zip", b"PK\x03\x04 and so on", "ZIP archive"),
        ("bad.mojo", b"PK\x03\x04 and so on", "ZIP archive"),
        ("bad.tar.gz", b"\x1f\x8b and so on", "gzip archive"),
        ("bad.rar", b"Rar!", "is an archive"),
        ("bad.mojo", b"", "empty"),
        ("bad.mojo", b"\xff\xfea\0b\0", "UTF-16"),
        (odd("bad.mojo", stat.S_IFLNK | 0o777), b"/etc/passwd", "symbolic link"),
        (odd("bad.mojo", stat.S_IFIFO | 0o644), GOOD, "not a regular file"),
        (odd("bad.mojo", stat.S_IFCHR | 0o644), GOOD, "not a regular file"),
    ],
)
def test_an_odd_member_is_refused_and_the_others_are_read(tmp_path, member, data, says):
    path = archive(tmp_path / "c.zip", [("good.mojo", GOOD), (member, data), ("too.mojo", GOOD)])
    found = outcomes(path)
    assert found.pop("good.mojo") == ""
    assert found.pop("too.mojo") == ""
    (what,) = found.values()
    assert says in what
    assert "bad" in what


def test_a_name_with_a_nul_byte_is_refused(tmp_path):
    """Readers that are written in C would see another name."""
    path = archive(tmp_path / "c.zip", [("bad.mojo~.txt", GOOD), ("good.mojo", GOOD)])
    path.write_bytes(path.read_bytes().replace(b"bad.mojo~", b"bad.mojo\0"))
    found = outcomes(path)
    assert found.pop("good.mojo") == ""
    assert ["NUL" in what for what in found.values()] == [True]


def test_a_name_that_is_there_twice_is_refused_both_times(tmp_path):
    """Also where one is written with a composed and the other with a combining accent."""
    path = archive(
        tmp_path / "c.zip",
        [("a.mojo", GOOD), ("a.mojo", b"fn other(): pass"), ("b.mojo", GOOD),
         ("é.mojo", GOOD), ("é.mojo", GOOD)],
    )  # fmt: skip
    found = outcomes(path)
    assert found.pop("b.mojo") == ""
    assert found
    assert all("more than once" in what for what in found.values())


@pytest.mark.parametrize(
    ("raw", "extra", "source"),
    [
        # macOS: UTF-8, with combining accents, and nothing that says so.
        ("Zoë Roe/conv1d.mojo".encode(), b"", "Zoë Roe/conv1d.mojo"),
        ("Zoe\u0308 Roe/conv1d.mojo".encode(), b"", "Zoe\u0308 Roe/conv1d.mojo"),
        # DOS and old Windows: the code page of the machine, here 437.
        ("Zoë Roe/conv1d.mojo".encode("cp437"), b"", "Zoë Roe/conv1d.mojo"),
        # Info-ZIP, with any field before it.
        (
            b"Zo? Roe/conv1d.mojo",
            b"UT\5\0\1abcd" + unicode_path(b"Zo? Roe/conv1d.mojo", "Zoë Roe/conv1d.mojo".encode()),
            "Zoë Roe/conv1d.mojo",
        ),
        # One for a name that was changed since, of another version, empty.
        (b"Zoe Roe/c.mojo", unicode_path(b"other", b"Eve/c.mojo"), "Zoe Roe/c.mojo"),
        (b"Zoe/c.mojo", unicode_path(b"Zoe/c.mojo", b"Eve/c.mojo", version=2), "Zoe/c.mojo"),
        (b"Zoe/c.mojo", unicode_path(b"Zoe/c.mojo", b""), "Zoe/c.mojo"),
    ],
)  # fmt: skip
def test_names_that_are_not_said_to_be_utf8(tmp_path, raw, extra, source):
    path = archive(tmp_path / "c.zip", [(Unflagged(raw, extra), GOOD), ("bob/conv1d.mojo", GOOD)])
    assert outcomes(path) == {source: "", "bob/conv1d.mojo": ""}


def test_a_second_name_that_is_not_utf8_is_no_name(tmp_path):
    """From Python 3.12 on, zipfile can't read such an archive at all."""
    raw = b"Zoe/c.mojo"
    member = Unflagged(raw, unicode_path(raw, b"Zo\xe9/c.mojo"))
    path = archive(tmp_path / "c.zip", [(member, GOOD)])
    with contextlib.suppress(UsageError):
        assert outcomes(path) == {"Zoe/c.mojo": ""}


def test_a_student_is_found_by_a_name_that_is_not_said_to_be_utf8(tmp_path):
    raw = "Jürgen Müller/conv1d.mojo".encode()
    path = archive(tmp_path / "c.zip", [(Unflagged(raw), GOOD)])
    roster = [RosterStudent(line=2, name="Jürgen Müller", id="1")]
    with collect(path, puzzle="conv1d", roster=roster) as collection:
        assert [student.key for student in collection.students] == ["jurgen-muller-1"]


@pytest.mark.parametrize(
    ("raw", "name", "says"),
    [
        (b"a.mojo", b"../bad.mojo", "leads out of the archive"),
        (b"a.mojo", b"/bad.mojo", "absolute name"),
        (b"a.mojo", b"C:/bad.mojo", "absolute name"),
        (b"a.mojo", b"bad.mojo\0.txt", "NUL"),
        (b"a.mojo", b"a/" * 60 + b"bad.mojo", "too long"),
        (b"a.mojo", b"good.mojo", "more than once"),
        (b"../bad.mojo", b"a.mojo", "leads out of the archive"),
        ("ü/../bad.mojo".encode(), b"", "leads out of the archive"),
    ],
)
def test_a_second_name_is_checked_like_the_first(tmp_path, raw, name, says):
    member = Unflagged(raw, unicode_path(raw, name))
    path = archive(tmp_path / "c.zip", [(member, GOOD), ("good.mojo", GOOD), ("b.mojo", GOOD)])
    found = outcomes(path)
    assert found.pop("b.mojo") == ""
    assert [what for what in found.values() if what and says not in what] == []
    assert any(found.values())


def test_a_name_that_is_there_twice_in_two_encodings_is_refused(tmp_path):
    raw = "é.mojo".encode()
    path = archive(tmp_path / "c.zip", [(Unflagged(raw), GOOD), ("é.mojo", GOOD), ("b.mojo", GOOD)])
    found = outcomes(path)
    assert found.pop("b.mojo") == ""
    assert ["more than once" in what for what in found.values()] == [True]


@given(st.binary(min_size=1, max_size=60), st.binary(max_size=60), st.binary(max_size=60))
@settings(max_examples=150, deadline=None)
def test_any_bytes_of_a_name_and_of_its_second_name(tmp_path_factory, raw, name, noise):
    """None is misread as another exception, and none leads out."""
    path = tmp_path_factory.getbasetemp() / "encodings.zip"
    extras = (unicode_path(raw, name), unicode_path(raw, name)[:-1] + noise)
    for extra in extras:
        archive(path, [("sure.mojo", GOOD), (Unflagged(raw, extra), GOOD)])
        with contextlib.suppress(UsageError), archive_entries(path) as listing:
            for entry in listing.entries:
                assert entry.parts
                assert entry.refused or ".." not in entry.parts
                assert entry.refused or not any("\0" in part for part in entry.parts)
                with contextlib.suppress(SubmissionRefused):
                    entry.load()


def test_an_encrypted_member_is_refused(tmp_path):
    path = archive(tmp_path / "c.zip", [("bad.mojo", GOOD), ("good.mojo", GOOD)])
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(signature) + offset
        data[at] |= 1
    path.write_bytes(data)
    assert "encrypted" in outcomes(path)["bad.mojo"]
    assert outcomes(path)["good.mojo"] == ""


def test_a_size_that_is_a_lie_costs_no_more_than_a_submission(tmp_path):
    """A header that promises 20 bytes before a megabyte of zeros."""
    path = archive(tmp_path / "c.zip", [("bad.mojo", b"\n" * 1_000_000), ("good.mojo", GOOD)])
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.index(signature) + offset
        data[at : at + 4] = struct.pack("<I", 20)
    path.write_bytes(data)
    assert "can't be unpacked" in outcomes(path)["bad.mojo"]
    assert outcomes(path)["good.mojo"] == ""


def test_what_is_no_archive_says_so(tmp_path):
    path = tmp_path / "class.zip"
    path.write_bytes(b"hello")
    with pytest.raises(UsageError, match=r"class\.zip can't be read as a ZIP archive"):
        outcomes(path)


def test_an_archive_with_too_many_members_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("grader.batch.collect.archive.MAX_MEMBERS", 3)
    path = archive(tmp_path / "c.zip", [(f"{n}.mojo", GOOD) for n in range(4)])
    with pytest.raises(UsageError, match="has 4 members"):
        outcomes(path)


@given(st.binary(max_size=2_000), st.data())
@settings(max_examples=150, deadline=None)
def test_broken_archives_are_errors_of_ours(tmp_path_factory, noise, data):
    """Any bytes, and any damage to a good archive: refused or read, never another exception."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a.mojo", GOOD * 20)
        made.writestr("b/c.mojo", GOOD)
    damaged = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(0, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(damaged)))
    path = tmp_path_factory.getbasetemp() / "fuzz.zip"
    for content in (noise, bytes(damaged), bytes(damaged[:cut])):
        path.write_bytes(content)
        with contextlib.suppress(UsageError), archive_entries(path) as listing:
            for entry in listing.entries:
                with contextlib.suppress(SubmissionRefused):
                    entry.load()


@given(st.lists(st.text(st.characters(blacklist_categories=["Cs"]), max_size=40), max_size=6))
@settings(max_examples=100, deadline=None)
def test_any_names_are_sorted_out(tmp_path_factory, names):
    names = [name for name in names if name.partition("\0")[0]]
    path = tmp_path_factory.getbasetemp() / "names.zip"
    archive(path, [("sure.mojo", GOOD), *((name, GOOD) for name in names)])
    with collect(path, puzzle="conv1d") as collection:
        keys = [student.key for student in collection.students]
        assert len({key.casefold() for key in keys}) == len(keys)
        assert all(key.isascii() and "/" not in key and not key.startswith(".") for key in keys)
        assert all(student.name for student in collection.students)
