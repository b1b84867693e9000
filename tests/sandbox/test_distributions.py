"""What belongs to a distribution, for each way in which people install."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.errors import SandboxFault
from grader.sandbox.python_tree import parts


class Site:
    """A folder of packages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, text: str = "") -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def install(self, name: str, *files: str, requires: tuple[str, ...] = ()) -> None:
        """As pip does: with a list of the files."""
        info = f"{name.replace('-', '_')}-1.0.dist-info"
        for file in files:
            self.write(file)
        lines = [*files, f"{info}/METADATA", f"{info}/direct_url.json", "../../../bin/tool"]
        self.write(f"{info}/RECORD", "".join(f"{line},sha256=x,1\n" for line in lines))
        self.write(f"{info}/direct_url.json", "{}")
        self.write(f"{info}/METADATA", metadata(name, requires))


def metadata(name: str, requires: tuple[str, ...] = ()) -> str:
    head = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    return head + "".join(f"Requires-Dist: {line}\n" for line in requires) + "\n"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site-packages")


def names(distribution: str, *sites: Site) -> dict[str, Path]:
    found = parts([distribution], [str(site.folder) for site in sites])
    return {part.name: part.source for part in found}


def test_a_distribution_comes_with_what_it_requires_and_nothing_beside_it(site: Site) -> None:
    site.install("max", "max/driver.py", requires=("max-core==1.0", "Typing.Extensions>=4 ; x"))
    site.install("max-core", "max/_core.so", "modular/bin/mojo", requires=("numpy",))
    site.install("typing-extensions", "typing_extensions.py")
    site.install("numpy", "numpy/__init__.py", "numpy.libs/blas.so")
    site.install("mojo-grade", "grader/__init__.py", requires=("max", "pytest"))
    site.install("pytest", "_pytest/x.py", "pytest/__init__.py")
    site.write("distutils-precedence.pth")
    assert set(names("max", site)) == {
        "0/max",
        "0/modular",
        "0/numpy",
        "0/numpy.libs",
        "0/typing_extensions.py",
    }


@pytest.mark.parametrize(
    ("requires", "shown"),
    [
        (("other; extra == 'serve'",), False),
        (('other>=1 ; python_version < "4" and extra == "serve"',), False),
        (("other (>=1,<2)",), True),
        (("other>=1,!=1.5; python_version>'3'",), True),
        (("middle[fast]>=1",), True),
        (("middle [ slow , fast ]",), True),
        (("middle",), False),
        (("middle", "middle[fast]"), True),
    ],
)
def test_an_extra_counts_where_it_was_asked_for(
    site: Site, requires: tuple[str, ...], shown: bool
) -> None:
    site.install("max", "max/__init__.py", requires=requires)
    site.install("middle", "middle.py", requires=("other; extra == 'fast'",))
    site.install("other", "other/__init__.py")
    assert ("0/other" in names("max", site)) is shown


def test_requirements_in_a_circle_end(site: Site) -> None:
    site.install("max", "max/__init__.py", requires=("other[all]",))
    site.install("other", "other.py", requires=("max", "other[more]; extra == 'all'"))
    assert set(names("max", site)) == {"0/max", "0/other.py"}


def test_each_folder_of_packages_keeps_its_own_and_the_first_on_the_path_counts(
    tmp_path: Path,
) -> None:
    user, system = Site(tmp_path / "user"), Site(tmp_path / "system")
    user.install("max", "max/__init__.py", requires=("numpy", "rich"))
    user.install("numpy", "numpy/__init__.py")
    system.install("numpy", "numpy/__init__.py")
    system.install("rich", "rich/__init__.py")
    assert names("max", user, system) == {
        "0/max": user.folder / "max",
        "0/numpy": user.folder / "numpy",
        "1/rich": system.folder / "rich",
    }


@pytest.mark.parametrize(
    ("files", "shown"),
    [
        ({"rich-1.0.dist-info/METADATA": metadata("rich"), "rich/a.py": ""}, {"rich"}),
        ({"Rich-1.0.egg-info": metadata("Rich"), "Rich.py": ""}, {"Rich.py"}),
        (
            {
                "rich-1.0.egg-info/PKG-INFO": metadata("rich"),
                "rich-1.0.egg-info/top_level.txt": "_rich\nrich\n",
                "rich/a.py": "",
                "_rich.cpython-311-x86_64-linux-gnu.so": "",
                "rich_other.py": "",
            },
            {"rich", "_rich.cpython-311-x86_64-linux-gnu.so"},
        ),
        ({"type_x-1.0.dist-info/METADATA": metadata("rich")}, set()),
    ],
)
def test_a_linux_distribution_lists_no_files(
    site: Site, files: dict[str, str], shown: set[str]
) -> None:
    site.install("max", "max/__init__.py", requires=("rich",))
    for name, text in files.items():
        site.write(name, text)
    assert {name.partition("/")[2] for name in names("max", site)} == {"max", *shown}


def test_one_that_is_not_installed_is_our_fault_and_a_missing_requirement_is_not_asked_about(
    site: Site,
) -> None:
    site.install("max", "max/__init__.py", requires=("pywin32; sys_platform == 'win32'",))
    assert set(names("max", site)) == {"0/max"}
    with pytest.raises(SandboxFault, match="mojo is not installed"):
        parts(["mojo"], [str(site.folder)])
