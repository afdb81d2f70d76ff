"""The badges of the README say what the project's own files say."""

import re
import tomllib
from pathlib import Path

from tools.build import SOLC_VERSION

ROOT = Path(__file__).parents[2]


def test_badges_are_true() -> None:
    badges = re.findall(
        r"!\[([^\]]+)\]\(https://img\.shields\.io/badge/", (ROOT / "README.md").read_text()
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    python = project["requires-python"].removeprefix(">=") + "+"
    said = [f"Python {python}", f"Solidity {SOLC_VERSION}", f"Licence: {project['license']}"]
    assert badges == said
