"""What is taken as a submission, and what a refusal says."""

from __future__ import annotations

import hashlib
import io
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import SubmissionRefused
from grader.intake import MAX_BYTES, Submission, read_submission, submission_from_bytes

SOURCE = b"def main():\n    pass\n"


def refusal(source: Path | str, **options: object) -> SubmissionRefused:
    with pytest.raises(SubmissionRefused) as caught:
        read_submission(source, **options)  # type: ignore[arg-type]
    assert caught.value.remedy
    return caught.value


def refused(tmp_path: Path, data: bytes) -> str:
    file = tmp_path / "conv1d.mojo"
    file.write_bytes(data)
    return refusal(file).what


def test_a_file_is_taken_byte_for_byte(tmp_path: Path) -> None:
    file = tmp_path / "conv1d.mojo"
    file.write_bytes(SOURCE)
    assert read_submission(file) == Submission(
        name="conv1d.mojo",
        text=SOURCE.decode(),
        data=SOURCE,
        sha256=hashlib.sha256(SOURCE).hexdigest(),
    )


def test_standard_input_is_taken() -> None:
    submission = read_submission("-", stdin=io.BytesIO(SOURCE))
    assert (submission.name, submission.data) == ("stdin", SOURCE)


def test_a_closed_standard_input_is_refused() -> None:
    stream = io.BytesIO(SOURCE)
    stream.close()
    assert "Standard input" in refusal("-", stdin=stream).what


def test_carriage_returns_and_a_byte_order_mark_are_tolerated(tmp_path: Path) -> None:
    file = tmp_path / "a.mojo"
    file.write_bytes(b"\xef\xbb\xbfdef f():\r\n    pass\r")
    submission = read_submission(file)
    assert submission.text == "def f():\r\n    pass\r"
    assert submission.data.startswith(b"\xef\xbb\xbf")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "There is no file" in refusal(tmp_path / "nope.mojo").what


@pytest.mark.parametrize(
    "path", ["a\0b.mojo", "x" * 5000, "\udcff.mojo", ""], ids=["nul", "long", "surrogate", "none"]
)
def test_impossible_names_are_refused(path: str) -> None:
    refusal(path)


def test_a_directory_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path)
    assert "is a directory" in error.what
    assert "file in it" in error.remedy


def test_a_symbolic_link_is_refused_even_to_a_good_file(tmp_path: Path) -> None:
    (tmp_path / "good.mojo").write_bytes(SOURCE)
    link = tmp_path / "link.mojo"
    link.symlink_to("good.mojo")
    assert "symbolic link" in refusal(link).what


def test_a_named_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.mojo"
    os.mkfifo(pipe)
    assert "named pipe" in refusal(pipe).what


def test_a_socket_and_a_device_are_refused(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        assert "is a socket" in refusal(tmp_path / "s").what
    assert "is a device" in refusal("/dev/zero").what


def test_a_second_name_for_ones_own_file_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a.mojo").write_bytes(SOURCE)
    os.link(tmp_path / "a.mojo", tmp_path / "b.mojo")
    assert read_submission(tmp_path / "b.mojo").data == SOURCE


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to own two users' files")
def test_a_second_name_for_the_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "student"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(SOURCE)
    os.link(tmp_path / "secret", folder / "a.mojo")
    os.chown(folder, 54321, 54321)
    assert "hard link" in refusal(folder / "a.mojo").what


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.mojo"
    file.write_bytes(SOURCE)
    file.chmod(0)
    assert "not allowed" in refusal(file).what


def test_empty_files_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, b"").endswith("is empty.")
    assert "white space" in refused(tmp_path, b"\n \t\n")


def test_the_size_limit_is_exact(tmp_path: Path) -> None:
    file = tmp_path / "conv1d.mojo"
    file.write_bytes(b"#" * MAX_BYTES)
    assert len(read_submission(file).data) == MAX_BYTES
    assert "larger than 256 KB" in refused(tmp_path, b"#" * (MAX_BYTES + 1))


def test_no_more_than_the_limit_is_read_from_an_endless_stream() -> None:
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1) -> bytes:
            self.given += size
            return b"#" * size

    stream = Endless()
    assert "larger" in refusal("-", stdin=stream).what
    assert stream.given == MAX_BYTES + 1


def test_a_nul_byte_is_located(tmp_path: Path) -> None:
    assert "NUL byte in line 3 (byte 5)" in refused(tmp_path, b"a\nb\nc\0d")


@pytest.mark.parametrize(
    "bad", [b"\xff", b"\xc3(", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xc0\xaf"]
)
def test_what_is_not_utf8_is_located(tmp_path: Path, bad: bytes) -> None:
    what = refused(tmp_path, b"ab\ncd" + bad)
    assert "line 2 (byte 5)" in what


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"PK\x03\x04rest", "ZIP"),
        ("def f(): pass".encode("utf-16"), "UTF-16"),
        (b"%PDF-1.7 x", "PDF"),
        (b"\x7fELF x", "compiled"),
    ],
)
def test_common_mistakes_are_recognised(tmp_path: Path, data: bytes, kind: str) -> None:
    assert kind in refused(tmp_path, data)


def test_odd_names_are_taken_and_shown_safely(tmp_path: Path) -> None:
    for name, shown in [
        ("-rf.mojo", "_rf.mojo"),
        (".hidden.mojo", "_hidden.mojo"),
        ("my solution (2).mojo", "my_solution_2_.mojo"),
        ("a\x1b[31m;<b>$(id).mojo", "a_31m_b_id_.mojo"),
        ("컨볼루션.mojo", "_.mojo"),
    ]:
        (tmp_path / name).write_bytes(SOURCE)
        assert read_submission(tmp_path / name).name == shown


def test_a_refusal_shows_no_control_characters(tmp_path: Path) -> None:
    what = refusal(tmp_path / "\x1b]0;owned\x07\u202e.mojo").what
    assert what.isprintable()


@given(
    st.text(max_size=20),
    st.binary(max_size=300)
    | st.text(max_size=300).map(lambda t: t.encode("utf-8", "surrogatepass")),
)
def test_any_bytes_are_taken_or_refused(name: str, data: bytes) -> None:
    refused = None
    try:
        submission = submission_from_bytes(name, data)
    except SubmissionRefused as error:
        refused = error
    if refused is not None:
        assert refused.remedy
        assert refused.what.isprintable()
    else:
        assert submission.data == data
        assert "\0" not in submission.text
        assert submission.name
        assert submission.name[0] not in "-."
