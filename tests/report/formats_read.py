"""The formats of other systems, read back as those systems would read them."""

from __future__ import annotations

import base64
import csv
import io
import xml.etree.ElementTree as ET

import msgspec

from grader.record import Reason, Record, Status
from grader.report import render
from tests.report import models, records

DOCUMENTS = {
    "gradescope": models.Gradescope,
    "prairielearn": models.PrairieLearn,
    "classroom50": models.Classroom50,
    "exercism": models.Exercism,
    "sarif": models.Sarif,
}
OBEYED = {"Cc", "Cf", "Cs"}


def made(name: str, format: str):
    """A representative record, rendered and read back."""
    return read(records.ALL[name](), format)


def read(record: Record, format: str):
    rendered = render(record, format)
    if format in DOCUMENTS:
        return msgspec.json.decode(rendered, type=DOCUMENTS[format])
    if format == "classroom":
        return msgspec.json.decode(base64.b64decode(rendered, validate=True), type=models.Classroom)
    if format == "junit":
        root = ET.fromstring(rendered)
        models.check_junit(root)
        return root
    if format == "csv":
        return list(csv.DictReader(io.StringIO(rendered.decode("utf-8"), newline="")))
    if format == "gcc":
        return [models.gcc_message(line) for line in rendered.decode("utf-8").splitlines()]
    return rendered.decode("utf-8")


def on_gpu() -> Record:
    """A pass on a device that can't show everything that has points."""
    whole = records.passed()
    checks = tuple(
        msgspec.structs.replace(
            c, status=Status.NOT_CHECKED, points=0, reason=Reason.WRITERS_HIDDEN
        )
        if c.id == "device"
        else c
        for c in whole.checks
    )
    return msgspec.structs.replace(whole, checks=checks, score=90, max_score=90)
