"""Checks that watch a running kernel by its events.

A check is a subclass of `LaunchCheck` with a name, in a module of this folder: to add one is to
add a file. Each can be switched off by its name.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from grader.device.checks.check import CheckTypes, LaunchCheck


@cache
def all_checks() -> CheckTypes:
    """Every check in the modules of this folder, in the order of their names."""
    modules = [
        importlib.import_module(f"{__name__}.{module.name}")
        for module in pkgutil.iter_modules(__path__)
    ]
    found = {
        each.name: each
        for module in modules
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, LaunchCheck) and each.name
    }
    return tuple(found[name] for name in sorted(found))


@cache
def checks_without(*names: str) -> CheckTypes:
    """All checks but those of these names.

    Raises:
        ValueError: There is no check of such a name.
    """
    known = {check.name for check in all_checks()}
    if wrong := set(names) - known:
        raise ValueError(
            f"there is no check {', '.join(sorted(wrong))}; there are {', '.join(sorted(known))}"
        )
    return tuple(check for check in all_checks() if check.name not in names)
