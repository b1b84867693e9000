"""The interpreter: runs PTX kernels over all threads of a grid at once."""

from grader.device.simt.launch import launch
from grader.device.simt.loading import LoadedModule, load

__all__ = ["LoadedModule", "launch", "load"]
