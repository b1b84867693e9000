"""Grading a class: from what was handed in to a gradebook, on the record of a single run."""
