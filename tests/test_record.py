"""The record's decoder reads what it wrote and refuses everything else in its own words."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.errors import RecordError
from grader.record import MAX_RECORD_BYTES, decode, encode, load
from tests.report import records

DOCUMENT = encode(records.crashed())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)


def read(document):
    """Decode; the only error allowed is ours."""
    with contextlib.suppress(RecordError):
        decode(document)


@given(st.binary(max_size=300))
def test_any_bytes(data):
    read(data)


@given(JSON)
def test_any_json(value):
    read(json.dumps(value).encode())


@settings(max_examples=300)
@given(st.integers(0, len(DOCUMENT) - 1), st.binary(max_size=6), st.integers(0, 20))
def test_a_mutated_record(at, put, cut):
    read(DOCUMENT[:at] + put + DOCUMENT[at + cut :])


@settings(max_examples=200)
@given(st.sampled_from(sorted(json.loads(DOCUMENT))), JSON)
def test_a_field_of_another_type(field, value):
    read(json.dumps({**json.loads(DOCUMENT), field: value}).encode())


def test_deep_nesting():
    for document in (b"[" * 100_000, b'{"a":' * 100_000):
        with pytest.raises(RecordError):
            decode(document)


def test_a_record_that_is_too_large_is_not_read():
    with pytest.raises(RecordError, match="at most"):
        decode(b" " * (MAX_RECORD_BYTES + 1))


def test_another_version_is_named():
    other = {**json.loads(DOCUMENT), "schema": "mojo-grade/record/3"}
    with pytest.raises(RecordError, match="record/3"):
        decode(json.dumps(other).encode())


def test_a_record_of_version_1_says_how_to_grade_again():
    other = {**json.loads(DOCUMENT), "schema": "mojo-grade/record/1"}
    with pytest.raises(RecordError, match="earlier version") as caught:
        decode(json.dumps(other).encode())
    assert "grade submit" in caught.value.remedy


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RecordError, match="absent"):
        load(tmp_path / "absent.json")
