"""The interpreter: runs PTX kernels over all threads of a grid at once."""

from grader.device.simt.launch import launch
from grader.device.simt.loading import LoadedModule, load
from grader.device.simt.settings import Checks, Limits

__all__ = ["Checks", "Limits", "LoadedModule", "launch", "load"]
