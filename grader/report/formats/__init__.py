"""The formats of other systems: one module each, a pure function from a record to its file.

What they share: `items` (the rubric as other systems' tests), `prose` (a
verdict as plain text) and one rule. A fault of the grader is an error, a skip
or "no mark" in the format's own terms, never a failed test of the student's.
"""
