"""The formats of other systems: one module each, a function from a record to its file.

`elements` has what they share. One rule holds for all: a fault of the grader is an error, a skip or
"no mark" in the format's own terms, never a failed test of the student's.
"""
