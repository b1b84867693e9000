"""A library is compiled and linked in two steps: whose outcome stands for the build."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace

import pytest

from grader.errors import ToolchainFault
from grader.sandbox import Limits
from grader.toolchain.compiler import HowToCompile, build_library
from tests.grading.test_control import outcome


class Place:
    """A workspace whose processes end as the test says; notes their commands."""

    def __init__(self, root, *outcomes):
        self.toolchain = SimpleNamespace(root=root, mojo=root / "bin" / "mojo", max_version="26.5")
        self.outcomes = list(outcomes)
        self.box = self
        self.run_directory = root
        self.commands = []
        self.inside = str

    def tools(self, targets):
        assert set(targets.values()) == {str(self.toolchain.root / "bin" / "lld")}
        return "/tools"

    def environment(self):
        return {}

    def spawn(self, command, *, environment, **_options):
        assert environment["PATH"].startswith("/tools:")
        self.commands.append(command)
        ended = self.outcomes.pop(0)
        return contextlib.nullcontext(SimpleNamespace(wait=lambda _seconds: ended))


@pytest.fixture
def root(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "lld").touch()
    return tmp_path


def build(place):
    return build_library(place, ["main.mojo"], "it", HowToCompile(limits=Limits()))


def test_of_a_library_the_compiler_s_time_and_memory_count(root):
    compiled, linked = outcome(code=0), outcome(code=0)
    place = Place(root, compiled, linked)
    built = build(place)
    assert built.ok
    assert built.outcome is compiled
    assert built.seconds == compiled.wall_seconds + linked.wall_seconds
    assert [command[-1] for command in place.commands] == ["it.o", "-lAsyncRTMojoBindings"]


@pytest.mark.parametrize("codes", [(1,), (0, 1)])
def test_the_step_that_failed_stands_for_the_build(root, codes):
    outcomes = [outcome(code=code) for code in codes]
    built = build(Place(root, *outcomes))
    assert not built.ok
    assert built.outcome is outcomes[-1]


def test_without_a_linker_nothing_is_started(tmp_path):
    with pytest.raises(ToolchainFault, match=r"MAX 26\.5 can't build programs"):
        build(Place(tmp_path))
