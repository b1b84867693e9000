"""Isolation: how the grader starts any process that touches a submission.

::

    report = probe(Wanted.AUTO)                      # what this machine can do, once per process
    with Scratch() as scratch:                       # one per submission, deleted at the end
        box = Box(profile=Profile.WORKER, isolation=report.level,
                  python=python_tree(toolchain_python), scratch=scratch)
        source = scratch.install("op/answer.mojo", submission.data)
        process = box.spawn([box.inside(mojo), "precompile", ...], stage="packaging",
                            limits=Limits(wall_seconds=60))
        outcome = process.wait()
"""

from __future__ import annotations

from grader.choices import Wanted
from grader.sandbox.box import Box
from grader.sandbox.isolation_probe import forget, probe, probe_once
from grader.sandbox.policy import (
    MIB,
    Isolation,
    IsolationReport,
    LimitHit,
    Limits,
    Outcome,
    Profile,
)
from grader.sandbox.process import SandboxedProcess
from grader.sandbox.python_tree import PackagePart, PythonTree, python_tree
from grader.sandbox.scratch import Scratch

__all__ = [
    "MIB",
    "Box",
    "Isolation",
    "IsolationReport",
    "LimitHit",
    "Limits",
    "Outcome",
    "PackagePart",
    "Profile",
    "PythonTree",
    "SandboxedProcess",
    "Scratch",
    "Wanted",
    "forget",
    "probe",
    "probe_once",
    "python_tree",
]
