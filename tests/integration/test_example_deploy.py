"""``examples/deploy.py`` called wrongly; ``test_cli_commands.py`` lets it deploy."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "deploy.py"


@pytest.mark.parametrize("words", [[], ["name"], ["name", "http://127.0.0.1:1", "more"]])
def test_wrong_arguments_get_a_usage_line(words: list[str]) -> None:
    command = [sys.executable, str(SCRIPT), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: deploy.py [-h] NAME URL\n")
    assert "Traceback" not in done.stderr
