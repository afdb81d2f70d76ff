"""What the commands with a ``--report`` share."""

import sys
from pathlib import Path

import typer


def prepare_report(folder: Path) -> None:
    """Tell what a report would fail for before a long run, not after it.

    Raises:
        typer.BadParameter: matplotlib is not installed.
        ConfigError: the folder cannot be made.
    """
    from importlib.util import find_spec

    from karat.errors import ConfigError

    if find_spec("matplotlib") is None:
        raise typer.BadParameter("--report needs matplotlib: pip install 'karat[plot]'")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot write a report to {folder}: {error.strerror}") from error


def command_line() -> str:
    """The command as typed, for the report."""
    import shlex

    return shlex.join(["karat", *sys.argv[1:]])
