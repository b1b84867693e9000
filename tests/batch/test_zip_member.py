"""When something was handed in is the same from an archive as from the folder it was made of."""

from __future__ import annotations

import os
import struct
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.batch.collect import Collection, collect
from grader.batch.collect.archive import modified_time

WINTER = datetime(2026, 1, 14, 23, 30, tzinfo=UTC)
SUMMER = datetime(2026, 7, 1, 0, 10, tzinfo=UTC)
ZONES = ["UTC0", "CET-1CEST,M3.5.0,M10.5.0/3", "PST8PDT,M3.2.0,M11.1.0", "IST-5:30"]


@pytest.fixture(params=ZONES, ids=["UTC", "Berlin", "Los Angeles", "Kolkata"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


def field(kind: int, content: bytes) -> bytes:
    return struct.pack("<HH", kind, len(content)) + content


def seconds(when: datetime) -> int:
    return int(when.timestamp())


EXTRA = {
    "extended": lambda when: field(0x5455, struct.pack("<Bi", 1, seconds(when))),
    "extended, with more times": lambda when: field(
        0x5455, struct.pack("<Biii", 7, seconds(when), 1, 2)
    ),
    "Info-ZIP's older one": lambda when: field(0x5855, struct.pack("<ii", 1, seconds(when))),
    "PKWARE's": lambda when: field(0x000D, struct.pack("<iiHH", 1, seconds(when), 0, 0)),
    "NTFS": lambda when: field(
        0x000A,
        b"\0\0\0\0" + field(1, struct.pack("<QQQ", (seconds(when) + 11_644_473_600) * 10**7, 1, 2)),
    ),
    "behind another": lambda when: (
        field(0x7875, b"\1\4abcd") + field(0x5455, struct.pack("<Bi", 3, seconds(when)))
    ),
}


def collected(source: Path) -> Collection:
    with collect(source, puzzle="conv1d") as collection:
        return collection


def times(collection: Collection) -> dict[str, str]:
    return {each.attempt.source: each.attempt.handed_in for each in collection.attempts}


@pytest.mark.parametrize("when", [WINTER, SUMMER], ids=["winter", "summer"])
def test_archive_and_folder_say_the_same(tmp_path, zone, when):
    folder = tmp_path / "class"
    folder.mkdir()
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        for name in ("ann.mojo", "bob.mojo"):
            (folder / name).write_text("fn main(): pass\n")
            os.utime(folder / name, (seconds(when), seconds(when)))
            archive.write(folder / name, name)
    packed = collected(tmp_path / "class.zip")
    assert times(packed) == times(collected(folder))
    assert set(times(packed).values()) == {when.isoformat(timespec="seconds")}
    (note,) = packed.notes
    assert note.startswith("the times of 2 files in class.zip have no zone: they were read as")
    assert datetime.fromtimestamp(seconds(when)).astimezone().strftime("UTC%z") in note


@pytest.mark.parametrize("extra", EXTRA.values(), ids=EXTRA)
def test_a_time_in_utc_is_taken_where_it_is_there(tmp_path, zone, extra):
    member = zipfile.ZipInfo("ann.mojo", (2026, 1, 14, 3, 4, 6))  # of whatever zone
    member.extra = extra(WINTER)
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        archive.writestr(member, "fn main(): pass\n")
    packed = collected(tmp_path / "class.zip")
    assert times(packed) == {"ann.mojo": WINTER.isoformat(timespec="seconds")}
    assert packed.notes == []


@pytest.mark.parametrize(
    "member",
    [
        zipfile.ZipInfo("a.mojo"),  # 1980, which is no time
        zipfile.ZipInfo("a.mojo", (2026, 13, 40, 25, 61, 61)),
        zipfile.ZipInfo("a.mojo", (2026, 0, 0, 0, 0, 0)),
    ],
)
def test_what_is_no_time_is_none(member, zone):
    assert (modified_time(member).seconds, modified_time(member).assumed) == (0, False)


@pytest.mark.parametrize("kind", [0x5455, 0x5855, 0x000D, 0x000A])
@given(st.binary(max_size=40))
def test_any_bytes_are_a_time_or_none(kind, content):
    member = zipfile.ZipInfo("a.mojo", (2026, 1, 14, 3, 4, 6))
    for extra in (content, field(kind, content), field(kind, content)[:-1]):
        member.extra = extra
        assert modified_time(member).seconds > 0
