"""Probe everything that grading needs, and say what to do about what is missing."""

from __future__ import annotations

from grader.doctor.probes import PROBES, Answer, Health, ask

__all__ = ["PROBES", "Answer", "Health", "ask"]
