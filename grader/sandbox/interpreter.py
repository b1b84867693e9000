"""What an interpreter says of itself: asked in this process, or run by the interpreter in question.

Needs nothing but the standard library, of any Python since 3.11.
"""

from __future__ import annotations

import json
import os
import sys
import sysconfig


def facts() -> dict[str, list[str]]:
    """Lists by name. The first four describe the base Python of an environment."""
    names = sysconfig.get_config_vars()
    base = {"base": names["installed_base"], "platbase": names["installed_platbase"]}
    prefixes = list(dict.fromkeys((sys.base_prefix, sys.base_exec_prefix)))
    started = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
    # Beside its library, so that it finds that by itself; links elsewhere may lead to it.
    proper = os.path.join(prefixes[0], "bin", os.path.basename(started))
    same = os.path.exists(proper) and os.path.samefile(proper, started)
    return {
        "executable": [proper if same else started],
        "prefixes": prefixes,
        "library": [sysconfig.get_path(name, vars=base) for name in ("stdlib", "platstdlib")],
        "subdirectory": [os.path.join(sys.platlibdir, f"python{names['py_version_short']}")],
        "path": sys.path,
    }


if __name__ == "__main__":
    print(json.dumps(facts()))  # noqa: T201 - the answer
