"""The driver calls, one function each, and the table that finds them.

Each module registers its calls on import; :func:`dispatch` runs one and turns
whatever happens into a CUresult.
"""

from grader.device.calls import memory, modules, streams
from grader.device.calls.table import dispatch

__all__ = ["dispatch", "memory", "modules", "streams"]
