"""Reading PTX, the text that kernels arrive as.

``parse(text) -> Module``; anything wrong with the text is a :class:`PtxError`.
"""

from grader.device.ptx.errors import PtxError
from grader.device.ptx.model import Function, Module
from grader.device.ptx.parser import parse

__all__ = ["Function", "Module", "PtxError", "parse"]
