"""The wheel: what users get, and nothing of the workshop."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("chain", "karat", "learning", "reputation")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc")


def build_wheel(source: Path) -> Path:
    """The wheel, built offline from a copy of the packages in the folder ``source``."""
    for folder in (*PACKAGES, "tools"):
        shutil.copytree(ROOT / folder, source / folder, ignore=LEFT_OUT)
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--wheel-dir", str(source / "dist"), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [wheel] = (source / "dist").glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    with zipfile.ZipFile(build_wheel(tmp_path_factory.mktemp("source"))) as archive:
        return archive.namelist()


@pytest.mark.seconds
def test_the_wheel_holds_the_packages_only(names: list[str]) -> None:
    top = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert top == set(PACKAGES)


def test_every_file_of_the_packages_is_in_the_wheel(names: list[str]) -> None:
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert str(path.relative_to(ROOT)) in names
