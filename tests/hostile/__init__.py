"""Attacks on the grader: what they could do, and that here they do not."""
