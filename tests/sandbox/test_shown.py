"""What a submission sees of the machine: all of it is walked, from inside.

Whatever way somebody has installed the grader, its files must not be there; whatever way
somebody has installed the toolchain, it must. Layouts are made of small files; the last tests
walk what the environment of these tests shows.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

import grader
from grader.device import library_directory
from grader.errors import SandboxFault
from grader.lanes.devices import device_tree
from grader.lanes.workspace import open_workspace
from grader.sandbox import Box, Isolation, Limits, Profile, PythonTree, Scratch, python_tree
from grader.sandbox.python_tree import parts
from grader.toolchain import edition
from grader.toolchain.toolchain import locate
from grader.worker.process import SCRIPT
from tests.sandbox.scenario import interpreter
from tests.sandbox.test_distributions import Site

QUICK = Limits(wall_seconds=90)
MARK = b"reference-answer-of-the-grader"
WALK = """
import hashlib, json, os, sys
wanted = {tuple(word.split(":")) for word in sys.argv[1].split(",")}
sizes = {int(size) for size, _digest in wanted}
places = ["/", os.getcwd(), *sys.path, *sys.argv[2:]]
places += [line.split()[4] for line in open("/proc/self/mountinfo")]
places += ["/usr/lib", "/usr/lib64", "/usr/bin", "/usr/share", "/home", "/root", "/opt", "/etc"]
seen, count, found = set(), 0, []
def look(path):
    global count
    try:
        size = os.stat(path).st_size
        count += 1
        if size in sizes or "mojo_grade" in path:
            digest = hashlib.sha256(open(path, "rb").read()).hexdigest()[:20]
            if (str(size), digest) in wanted or "mojo_grade" in path:
                found.append(path)
    except OSError:
        pass
for place in places:
    if not os.path.isdir(place):
        look(place)
    for folder, folders, names in os.walk(place, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen or real.startswith(("/proc", "/sys", "/dev")):
            folders.clear()
            continue
        seen.add(real)
        for name in names:
            look(os.path.join(folder, name))
print(json.dumps([count, found]))
"""


def open_to_all(folder: Path) -> None:
    for path in (folder, *folder.parents[:-2]):
        path.chmod(0o755)


@pytest.fixture(params=[Isolation.BWRAP, Isolation.LANDLOCK])
def level(request: pytest.FixtureRequest) -> Isolation:
    chosen: Isolation = request.param
    try:
        with Scratch() as scratch:
            box = Box(
                profile=Profile.WORKER, isolation=chosen, python=base(chosen), scratch=scratch
            )
            command = box.python_command("-c", "pass")
            box.spawn(command, stage="probe", limits=QUICK).wait()
    except SandboxFault as fault:
        pytest.skip(f"{chosen} does not run here: {fault.what}")
    return chosen


def base(level: Isolation) -> PythonTree:
    """An interpreter that the user can reach whom a submission runs as."""
    python = interpreter(everybody=level is Isolation.LANDLOCK and os.geteuid() == 0)
    if python is None:
        pytest.skip("no interpreter here that every user can reach")
    return python_tree(python)


def found(box: Box, contents: Iterable[bytes], *guesses: Path) -> set[str]:
    """Where a process that walks everything finds files of these contents, or of our metadata.

    Args:
        guesses: Paths of this machine that it tries besides those that it is told inside.
    """
    digests = {f"{len(data)}:{hashlib.sha256(data).hexdigest()[:20]}" for data in contents}
    command = box.python_command("-c", WALK, ",".join(digests), *map(str, guesses))
    outcome = box.spawn(
        command, stage="walk", limits=QUICK, environment=box.python_environment()
    ).wait()
    assert outcome.exit_code == 0, outcome.stderr.decode()
    count, paths = json.loads(outcome.stdout)
    assert count > 1000  # it did walk: the standard library alone has more
    return set(paths)


def environment(packages: Path) -> Path:
    """A toolchain in ``packages``, with the grader beside it; where the grader is."""
    site = Site(packages)
    site.install("max", "max/driver.py", "modular/lib/libmax.so", requires=("numpy",))
    site.install("numpy", "numpy/__init__.py")
    site.write("max/driver.py", "where = 'toolchain'")
    site.install("mojo-grade", "grader/__init__.py", requires=("max",))
    for name in ("grader/_data/reference_kernels/right.mojo", "tests/test_grader.py", "other.py"):
        site.write(name, MARK.decode())
    site.write("mojo_grade-1.0.dist-info/direct_url.json", MARK.decode())
    return packages / "grader"


def with_toolchain(tree: PythonTree, packages: Path, root: Path | None = None) -> PythonTree:
    """The tree as it is for a Python that also imports from ``packages``, and needs ``root``."""
    return msgspec.structs.replace(
        tree,
        roots=tree.roots if root is None else (*tree.roots, root),
        packages=parts(["max"], [str(packages)]),
        places=(*tree.places, packages),
    )


# Where packages lie, below a folder: for each, the folder to import from, and a Python's own root.
PLACES = {
    "an environment": ("venv/lib/python3/site-packages", None),
    "an environment inside the clone": ("clone/.venv/lib/python3/site-packages", None),
    "a user's own": ("home/.local/lib/python3/site-packages", None),
    "a folder on PYTHONPATH": ("target", None),
    "a path with blanks": ("a b/c d/site-packages", None),
    "a Python's own": ("prefix/lib/python3/site-packages", "prefix/lib"),
    "a Linux distribution's own": ("usr/lib/python3/dist-packages", "usr/lib"),
    "a folder inside a Python's own": ("prefix/lib/grading", "prefix/lib"),
}


@pytest.mark.parametrize("place", PLACES)
def test_the_toolchain_is_there_and_nothing_that_was_installed_beside_it(
    level: Isolation, place: str, tmp_path: Path
) -> None:
    open_to_all(tmp_path)
    below, root = PLACES[place]
    packages = tmp_path / below
    package = environment(packages)
    (tmp_path / "clone").mkdir(exist_ok=True)
    (tmp_path / "clone" / "answer.mojo").write_bytes(MARK)
    tree = with_toolchain(base(level), packages, tmp_path / root if root else None)
    if root is not None:
        (tmp_path / root / "libneeded.so").write_bytes(b"needed")
    with Scratch() as scratch:
        box = Box(profile=Profile.WORKER, isolation=level, python=tree, scratch=scratch)
        needed = [tmp_path / root / "libneeded.so"] if root else []
        seen = found(box, [MARK, b"needed"], package, packages, tmp_path, *needed)
        assert {Path(path).name for path in seen} == ({"libneeded.so"} if root else set())
        code = "import max.driver, numpy; print(max.driver.where)"
        command = box.python_command("-c", code)
        outcome = box.spawn(
            command, stage="import", limits=QUICK, environment=box.python_environment()
        ).wait()
        assert outcome.stdout == b"toolchain\n", outcome.stderr.decode()


def test_a_link_to_packages_leads_there(level: Isolation, tmp_path: Path) -> None:
    """Some tools make folders of packages out of links."""
    open_to_all(tmp_path)
    store, linked = tmp_path / "store", tmp_path / "linked"
    environment(store)
    linked.mkdir()
    for entry in store.iterdir():
        (linked / entry.name).symlink_to(entry)
    with Scratch() as scratch:
        tree = with_toolchain(base(level), linked)
        box = Box(profile=Profile.WORKER, isolation=level, python=tree, scratch=scratch)
        command = box.python_command("-c", "import max.driver; print(max.driver.where)")
        outcome = box.spawn(
            command, stage="import", limits=QUICK, environment=box.python_environment()
        ).wait()
        assert outcome.stdout == b"toolchain\n", outcome.stderr.decode()
        assert found(box, [MARK], store, linked) == set()


@functools.cache
def files_of_the_grader() -> frozenset[bytes]:
    """The contents of every file of the package, and of the repository where it lies in one."""
    package = Path(grader.__file__).parent
    folders = [package]
    if (package.parent / "pyproject.toml").exists():
        names = ("reference_kernels", "submissions", "templates", "tests", "docs", "benchmarks")
        folders += [package.parent / name for name in names]
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    # The empty file is everywhere, and what Python made of a file is another one elsewhere.
    kept = (path for path in files if "__pycache__" not in path.parts and path.stat().st_size)
    return frozenset(path.read_bytes() for path in kept)


def test_a_real_worker_sees_its_program_its_driver_and_nothing_else_of_the_grader(
    level: Isolation,
) -> None:
    package = Path(grader.__file__).parent
    programs = [SCRIPT, *(path for path in library_directory().iterdir() if path.is_file())]
    if level is Isolation.BWRAP:  # with Landlock they have gone when a submission runs
        programs += (package / "sandbox" / "inside").glob("*.py")
    own = {path.read_bytes() for path in programs}
    others = files_of_the_grader() - own
    try:
        with open_workspace(
            b"", "conv1d", locate(edition.find("auto")), isolation=level, device="software"
        ) as workspace:
            guesses = [package, package.parent, *map(Path, filter(None, sys.path))]
            assert found(workspace.box, others, *guesses) == set()
            assert len(found(workspace.box, own, *programs)) == len(own)
            code = "import max.driver, max.engine, max.graph, mojo, numpy; print('ready')"
            outcome = workspace.box.spawn(
                workspace.box.python_command("-c", code),
                stage="import",
                limits=QUICK,
                environment={**workspace.environment(), **workspace.box.python_environment()},
            ).wait()
    except SandboxFault as fault:
        pytest.skip(f"{level} does not run for the toolchain here: {fault.what}")
    assert outcome.stdout == b"ready\n", outcome.stderr.decode()


def test_the_device_sees_its_modules_and_neither_answers_nor_templates(level: Isolation) -> None:
    package = Path(grader.__file__).parent
    modules = [*(package / "device").rglob("*"), package / "errors.py", package / "__init__.py"]
    launcher = [] if level is Isolation.LANDLOCK else (package / "sandbox" / "inside").glob("*.py")
    own = {path.read_bytes() for path in (*modules, *launcher) if path.is_file()}
    guesses = [package, package.parent, *map(Path, filter(None, sys.path))]
    try:
        box = Box(profile=Profile.DEVICE, isolation=level, python=device_tree())
        assert found(box, files_of_the_grader() - own, *guesses) == set()
        outcome = box.spawn(
            box.python_command("-c", "import grader.device.server, numpy; print('ready')"),
            stage="import",
            limits=QUICK,
            environment=box.python_environment(),
        ).wait()
    except SandboxFault as fault:
        pytest.skip(f"{level} does not run for the device here: {fault.what}")
    assert outcome.stdout == b"ready\n", outcome.stderr.decode()
