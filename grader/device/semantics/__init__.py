"""The arithmetic of PTX, vectorised over lanes: no parsing, memory or control flow.

`lookup` maps a full opcode to a `PtxOperation`; see there for the contract.
"""

from grader.device.semantics.catalogue import lookup
from grader.device.semantics.operation import PtxOperation

__all__ = ["PtxOperation", "lookup"]
