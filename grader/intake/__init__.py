"""Intake: the one reader for everything that is handed in, and what its text looks like."""

from __future__ import annotations

from grader.intake.reader import MAX_BYTES, Submission, read_submission, submission_from_bytes

__all__ = ["MAX_BYTES", "Submission", "read_submission", "submission_from_bytes"]
