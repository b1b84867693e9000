"""Gradings whose kernels are compiled in one go are those of ``grade submit``."""

from __future__ import annotations

import pytest

from benchmarks.gathered import grade_gathered
from benchmarks.labels import default_labels, missing
from benchmarks.verdict_quality import grade_one
from grader.choices import DEFAULT_EDITION
from grader.guidance import causes
from grader.record import Aspect, load

NAMES = ("right", "input_overwritten", "colon_missing", "float16")


@pytest.mark.slow
@pytest.mark.exhaustive
def test_all_but_the_files_own_program_is_as_if_each_were_graded_alone(tmp_path):
    if why := missing(DEFAULT_EDITION):
        pytest.skip(why)
    labels = [each for each in default_labels("zip") if each.path.stem in NAMES]
    assert len(labels) == len(NAMES)
    grade_gathered([(label, tmp_path / "gathered" / label.path.stem) for label in labels])
    for label in labels:
        grade_one(label, tmp_path / "alone" / label.path.stem)
        gathered, alone = (
            load(tmp_path / way / label.path.stem / "record.json") for way in ("gathered", "alone")
        )
        checks = [
            [(c.id, c.status, c.points) for c in record.checks if c.aspect is not Aspect.PROGRAM]
            for record in (gathered, alone)
        ]
        assert checks[0] == checks[1], label.name
        said = [[(c.key, c.line) for c in causes(record)] for record in (gathered, alone)]
        assert said[0] == said[1], label.name
