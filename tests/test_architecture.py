"""Imports point one way, and docs/architecture.md speaks of what is there."""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import grader.device
from grader.puzzles import DEFAULT, NAMES, find

ROOT = Path(__file__).parents[1]
DOCUMENT = (ROOT / "docs/architecture.md").read_text("utf-8")
MODULES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
    for file in sorted((ROOT / "grader").rglob("*.py"))
}
TREES = {module: ast.parse(file.read_text("utf-8")) for module, file in MODULES.items()}
FREE = {"grader", "grader.__main__"}
"""The version, which everything may import, and the way in, which nothing imports."""


def layers() -> list[list[str]]:
    """The drawing: what stands in one line, from the top down."""
    drawing = DOCUMENT.partition("## Folders")[2].split("```")[1].strip()
    return [line.split() for line in drawing.splitlines()]


def imports(module: str) -> Iterator[str]:
    """What a module imports: at its top, in a function, or for its types only."""
    for node in ast.walk(TREES[module]):
        match node:
            case ast.ImportFrom(module=str(source), level=0):
                for alias in node.names:
                    whole = f"{source}.{alias.name}"
                    yield whole if whole in MODULES else source
            case ast.Import():
                yield from (alias.name for alias in node.names)


IMPORTS = {module: set(imports(module)) for module in MODULES}
OURS = {
    module: {each for each in those if each in MODULES and each not in FREE}
    for module, those in IMPORTS.items()
    if module not in FREE
}


def part(module: str) -> str:
    """What a module is called in the drawing: ``grader.record`` is ``record``."""
    return module.split(".")[1]


def test_the_drawing_has_every_part_once() -> None:
    drawn = [name for layer in layers() for name in layer]
    assert sorted(drawn) == sorted({part(module) for module in OURS})


@pytest.mark.parametrize("name", sorted({part(module) for module in OURS}))
def test_imports_point_down(name: str) -> None:
    height = {each: -depth for depth, layer in enumerate(layers()) for each in layer}
    wrong = [
        f"{module} imports {each}"
        for module, those in OURS.items()
        if part(module) == name
        for each in sorted(those)
        if part(each) != name and height[part(each)] >= height[name]
    ]
    assert not wrong


def test_no_modules_import_each_other_in_a_circle() -> None:
    try:
        TopologicalSorter(OURS).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_only_the_worker_imports_max() -> None:
    """It is the process in which what a student made runs."""
    importers = {
        module
        for module, those in IMPORTS.items()
        if any(name.split(".")[0] == "max" for name in those)
    }
    assert importers == {"grader.worker.script"}


def test_the_device_could_be_a_distribution_of_its_own() -> None:
    """It imports a few libraries, the errors, and nothing else that is not Python's own."""
    used = {
        f"{module} imports {each}"
        for module, those in IMPORTS.items()
        if part(module + ".") == "device"
        for each in those
        if each != "grader.errors"
        and not f"{each}.".startswith("grader.device.")
        and each.split(".")[0] not in {"numpy", "msgspec"} | sys.stdlib_module_names
    }
    assert not used


def test_no_class_name_is_there_twice() -> None:
    classes = [
        (node.name, module)
        for module, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    ]
    counts = Counter(name for name, _ in classes)
    assert not [each for each in classes if counts[each[0]] > 1]


ORDINARY = {"blocks", "broadcast", "debugging", "guards", "map", "pooling", "zip"}
"""Puzzles whose names are also words of their own: a string that is one of them names it."""


def test_nothing_but_the_puzzles_names_a_puzzle() -> None:
    """What the book has is facts about the book."""
    words = re.compile(rf"\b({'|'.join({*NAMES} - ORDINARY)})", re.IGNORECASE)
    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for module, file in MODULES.items()
        if part(f"{module}.") not in ("puzzles", "book")
        for number, line in enumerate(file.read_text("utf-8").splitlines(), start=1)
        if words.search(line)
    ]
    found += [
        f"{module}:{node.lineno}: {node.value!r}"
        for module, tree in TREES.items()
        if part(f"{module}.") not in ("puzzles", "book")
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in ORDINARY
    ]
    assert not found


CHECK_IDS = {"packages", "compiles", "integers", "reals", "clean", "robust"}
"""Of the usual checks; "example", "device" and "program" are also other words."""


def test_a_puzzle_is_written_with_the_kit_alone() -> None:
    """So that what a course's author imports is what is tested here."""
    kit = "grader.puzzle_kit"
    own = {
        module: {each for each in those if not each.startswith("grader.puzzles.")}
        for module, those in OURS.items()
        if module.startswith("grader.puzzles.")
    }
    assert {each for those in own.values() for each in those} == {kit}
    shown = re.findall(
        r"^from (grader\.\S+)", (ROOT / "docs/puzzles.md").read_text("utf-8"), re.MULTILINE
    )
    assert set(shown) == {kit}


def test_no_check_is_named_outside_of_the_checks_and_puzzles() -> None:
    """Code asks what a check is about (`Aspect`, `Scope`), so that a puzzle may bring its own."""
    assert {check.id for check in find(DEFAULT).checks} >= CHECK_IDS
    found = [
        f"{module}:{node.lineno}: {node.value!r}"
        for module, tree in TREES.items()
        if part(f"{module}.") not in ("puzzles", "checks")
        for node in ast.walk(_without_enums(tree))
        if isinstance(node, ast.Constant) and node.value in CHECK_IDS
    ]
    # A folder of distributions is called so as well.
    assert [each for each in found if "python_tree" not in each] == [
        each for each in found if each.startswith("grader.record.outcomes")
    ]


def test_no_code_compares_the_id_of_a_check_with_a_word() -> None:
    """Also those ids are asked for by their check that are other words as well."""
    known = {check.id for name in NAMES for check in find(name).checks}
    assert {"program", "example", "device"} <= known
    found = [
        f"{module}:{node.lineno}"
        for module, tree in TREES.items()
        if part(f"{module}.") not in ("puzzles", "checks")
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        for sides in ([node.left, *node.comparators],)
        if any(isinstance(side, ast.Attribute) and side.attr in ("id", "check") for side in sides)
        and any(isinstance(side, ast.Constant) and side.value in known for side in sides)
    ]
    assert not found


def _without_enums(tree: ast.Module) -> ast.Module:
    kept = [
        node
        for node in tree.body
        if not (
            isinstance(node, ast.ClassDef)
            and any(isinstance(base, ast.Name) and base.id == "StrEnum" for base in node.bases)
        )
    ]
    return ast.Module(body=kept, type_ignores=[])


def test_the_rest_of_the_grader_uses_what_the_device_exports() -> None:
    """``from grader.device import NAME``, of those in ``__all__``."""
    wrong = [
        f"{module} imports {node.module} ({alias.name})"
        for module, file in MODULES.items()
        if part(module + ".") != "device"
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith("grader.device.")
        for alias in node.names
        if node.module != "grader.device" or alias.name not in grader.device.__all__
    ]
    assert not wrong


def test_the_folders_and_files_that_the_document_names_exist() -> None:
    named = re.findall(r"`((?:grader|tests|docs|submissions|reference_kernels)/[\w./]+)`", DOCUMENT)
    missing = [name for name in named if not (ROOT / name).exists()]
    assert named
    assert not missing


def test_no_package_has_a_name_that_a_module_in_it_takes_away() -> None:
    """To import a module binds its name in its package, whatever stood there before."""
    for package, file in MODULES.items():
        if file.name != "__init__.py":
            continue
        inside = {name.rpartition(".")[2] for name in MODULES if name.rpartition(".")[0] == package}
        bound = set()
        for node in TREES[package].body:
            match node:
                case ast.FunctionDef() | ast.ClassDef():
                    bound.add(node.name)
                case ast.ImportFrom(module=str(source)):
                    names = (each.asname or each.name for each in node.names)
                    # What comes from the module of its own name is bound after that.
                    bound |= {
                        name
                        for name in names
                        if f"{source}.{name}" not in MODULES and source != f"{package}.{name}"
                    }
        assert not inside & bound, package


DATA_OF_SENTENCES = {"Problem", "Judgement", "Untold", "Asked", "LeftOut", "_blame"}
"""What is made of enums and data, of which `grader.wording` makes a sentence."""


def sentences(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Texts that say something whole: a capital first and a full stop last.

    And words in what only data belongs into. Not those of errors, which an operator reads; nor what
    can be done about one.
    """
    left_out = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    data = set()
    for node in ast.walk(tree):
        match node:
            case ast.JoinedStr():
                left_out |= {id(each) for each in node.values}
            case ast.Raise() | ast.keyword(arg="remedy"):
                left_out |= {id(each) for each in ast.walk(node)}
            case ast.Call(func=ast.Name(id=name)) if name.endswith(("Fault", "LeftOpen")):
                left_out |= {id(each) for each in ast.walk(node)}
            case ast.Call(func=ast.Name(id=name)) if name in DATA_OF_SENTENCES:
                data |= {id(each) for each in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in left_out or not isinstance(node, ast.Constant | ast.JoinedStr):
            continue
        text = ast.unparse(node).lstrip("f").strip("'\"")
        whole = text[:1].isupper() and text.endswith(".") and " " in text
        if whole or (id(node) in data and text.count(" ") > 1):
            yield node.lineno, text


def test_sentences_about_checks_and_verdicts_are_made_in_one_place() -> None:
    """In `grader.wording`; of well-known mistakes and the compiler's messages beside these."""
    found = [
        f"{module}:{line}: {text}"
        for module, tree in TREES.items()
        if part(f"{module}.") in ("audience", "checks", "grading", "guidance", "marks", "progress")
        or module == "grader.model.checks"
        if not module.startswith("grader.grading.explain")
        for line, text in sentences(tree)
    ]
    assert not found
    made = dict(sentences(ast.parse('Problem(data={"said": f"{x} is no right answer"})\n"It is."')))
    assert made == {1: "{x} is no right answer"}
    assert [*sentences(ast.parse('a = "Not right yet."\nraise UsageError("No such file.")'))] == [
        (1, "Not right yet.")
    ]
