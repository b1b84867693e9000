"""Grade solutions of the Mojo GPU puzzles.

The package is imported by three kinds of process (the grader itself, the
isolated software device, tests), so this file stays free of imports.
"""

__version__ = "0.1.0"
