"""What a student may see of a record, and what only an instructor.

`for_audience` makes the student's copy. Every rendering for students is one of
the copy, so what is hidden can't be in any of them. docs/rubric.md tells
instructors what their students see.
"""

from __future__ import annotations

from grader.audience.copy import as_seen, for_audience
from grader.audience.visible import concealed, restricted

__all__ = ["as_seen", "concealed", "for_audience", "restricted"]
