"""The arithmetic of PTX, vectorised over lanes: no parsing, memory or control flow.

`lookup` maps a full opcode to an `Operation`; see there for the contract.
"""

from grader.device.semantics.catalogue import lookup
from grader.device.semantics.operation import Operation

__all__ = ["Operation", "lookup"]
