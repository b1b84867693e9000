"""Reading PTX, the text that kernels arrive as.

``parse(text) -> PtxModule``; anything wrong with the text is a :class:`PtxError`.
"""

from grader.device.ptx.model import PtxError, PtxFunction, PtxModule
from grader.device.ptx.parser import parse

__all__ = ["PtxError", "PtxFunction", "PtxModule", "parse"]
