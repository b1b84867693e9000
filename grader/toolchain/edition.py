"""Editions of the puzzle book as data: one file each in ``editions/``.

An edition is a dialect of Mojo and the MAX release that compiles it. The file's
name is the edition's name. What a submission may look like is described by
`DialectChange`: each edition's file lists how its dialect differs from the one before.
"""

from __future__ import annotations

import tomllib
from functools import cache
from typing import Literal

import msgspec

from grader.choices import DEFAULT_EDITION
from grader.decoding import data_as
from grader.errors import UsageError
from grader.folders import EDITIONS, edition_names


class WorkerTraits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the worker (``grader/worker/script.py``) does differently."""

    graphs: Literal["module", "conditional"]
    """How all shapes go through one compile: ``module``, a graph for each in one module (from
    26.4 on); ``conditional``, one graph with a branch for each."""


class KernelTraits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How kernels of a program are compiled to PTX; see `grader.toolchain.kernels`."""

    build: tuple[str, ...]
    """Arguments of ``mojo`` that compile ``{main}`` into the file ``{output}``, unlinked. What
    a file asks of the GPU at compile time is that of the ``{architecture}``."""
    imports: tuple[str, ...]
    """What the generated program imports."""
    text: str
    """An expression for the PTX text of ``{kernel}``, compiled for ``{architecture}``."""


class CallTraits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a program calls an op or launches kernels by itself; see `grader.lanes.op_calls`."""

    imports: tuple[str, ...]
    """What such a program imports."""
    tensor: str
    """An argument of an op, of ``{dtype}``, ``{rank}``, ``{mutable}``, ``{io}``, ``{extents}`` and
    ``{pointer}``, where it lies."""
    extent: str
    """One of these, of ``{extent}``."""
    arguments: dict[str, str]
    """Arguments of a kernel by the name of their type, of the whole ``{type}``, ``{buffer}`` and
    ``{extents}``, which are numbers."""


class HarnessTraits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a library that launches kernels is built; see `grader.toolchain.harness`."""

    text: str
    """Name of the file beside the edition's that holds what is the same in each."""
    software: tuple[str, ...]
    """Arguments of ``mojo build`` for the software device, with ``{architecture}``. Without them it
    asks the driver."""
    tensor_imports: tuple[str, ...]
    """What ``tensor`` needs to be imported."""
    tensor: str
    """A tensor that a function of the file takes, in ``{buffer}``, of ``{dtype}`` and
    ``{extents}``; ``{mutable}``, with the origin ``{origin}``."""

    def read(self) -> str:
        """What is the same in each."""
        return (EDITIONS / self.text).read_text(encoding="utf-8")


class DialectChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One difference of an edition's dialect from the edition before it.

    ``old`` and ``new`` are pieces of Mojo, compared word by word with the
    submission (comments and spacing do not count; ``...`` stands for any one word).
    """

    old: tuple[str, ...] = ()
    """What no longer packages from this edition on."""
    new: tuple[str, ...] = ()
    """What did not package before this edition."""
    advice: str
    """How to get from ``old`` to this edition."""
    back: str = ""
    """How to get from ``new`` to the edition before."""
    message: str = ""
    """Regular expression for what this edition's compiler says to ``old``."""
    message_before: str = ""
    """Regular expression for what the compiler of the edition before says to ``new``."""
    of_ops: bool = False
    """Whether it is about the tensors of an op. Those of a program have methods of the same names,
    which no edition has taken away."""


class Edition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What differs from one release to the next."""

    name: str
    max_version: str
    mojo_version: str
    download_mib: int
    """About what there is to download for it, the first time."""
    root: Literal["modular", "max"]
    """Folder of ``site-packages`` that holds ``bin/mojo`` and ``lib``."""
    package: tuple[str, ...]
    """Arguments of ``mojo`` that package a folder, with ``{source}`` and ``{artefact}``."""
    artefact: str
    """File name of the package. It must be kept: MAX crashes on a renamed one."""
    cache_variable: str
    """Environment variable that names the compile cache."""
    launch: str
    """How its skeletons write a launch, up to the arguments, with ``kernel`` for the kernel."""
    register: str
    """The decorator that registers an op, without its arguments."""
    worker: WorkerTraits
    kernels: KernelTraits | None = None
    """None where its programs can't be graded yet."""
    calls: CallTraits | None = None
    """None where no program is written that runs a case by itself."""
    harness: HarnessTraits | None = None
    """None where its programs can't be graded on a GPU."""
    changes: tuple[DialectChange, ...] = ()

    def worded(self, text: str) -> str:
        """A text of ours with ``{launch}`` and ``{register}`` as this edition writes them."""
        return text.format(launch=self.launch, register=self.register)


names = edition_names


@cache
def find(name: str) -> Edition:
    """The edition of that name; ``auto`` is the default. Raises `UsageError`."""
    chosen = DEFAULT_EDITION if name == "auto" else name
    if chosen not in names():
        raise UsageError(
            f"there is no edition {name!r}", remedy=f"Choose one of: {', '.join(names())}."
        )
    data = tomllib.loads((EDITIONS / f"{chosen}.toml").read_text(encoding="utf-8"))
    return data_as({"name": chosen, **data}, Edition)
