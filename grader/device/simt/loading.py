"""A PTX module on the device: its variables have addresses."""

from __future__ import annotations

from grader.device.memory import GlobalMemory
from grader.device.ptx import Module


class LoadedModule:
    """A module whose ``.global`` and ``.const`` variables lie in device memory.

    Attributes:
        number: The module's number, as in ``Launch.module``.
    """

    def __init__(self, number: int) -> None:
        self.number = number

    def entries(self) -> tuple[str, ...]:
        """Names of the kernels."""
        raise NotImplementedError

    def param_sizes(self, entry: str) -> tuple[int, ...]:
        """Sizes of a kernel's parameters, in bytes. ``KeyError`` where there is no such kernel."""
        raise NotImplementedError

    def variable(self, name: str) -> tuple[int, int]:
        """Address and size in bytes of a module variable. ``KeyError`` where there is none."""
        raise NotImplementedError

    def unload(self) -> None:
        """Free the module's variables."""
        raise NotImplementedError


def load(module: Module, memory: GlobalMemory, *, number: int) -> LoadedModule:
    """Give the module's variables addresses and initial values.

    Raises:
        PtxError: A variable does not fit or refers to something unknown.
    """
    raise NotImplementedError
