"""What every command prints: one JSON document on stdout, or text; everything else on stderr."""

import importlib.util
import json
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import typer

from karat.errors import ConfigError
from karat.sdk.documents import Document


def print_json(document: Document) -> None:
    """Write one JSON document to stdout, with its ``schema`` (for instance ``karat.demo/1``)."""
    json.dump(document.to_json(), sys.stdout, indent=2, default=str, allow_nan=False)
    sys.stdout.write("\n")


def say(message: str) -> None:
    """Write a line for people to stderr, so that stdout stays one document."""
    typer.echo(message, err=True)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Lines of columns: text to the left, numbers to the right."""
    cells = [[str(value) for value in row] for row in rows]
    widths = [max(len(line[i]) for line in [list(header), *cells]) for i in range(len(header))]
    right = [bool(cells) and all(_is_number(row[i]) for row in cells) for i in range(len(header))]

    def line(values: Sequence[str]) -> str:
        padded = [
            value.rjust(width) if to_right else value.ljust(width)
            for value, width, to_right in zip(values, widths, right, strict=True)
        ]
        return "  ".join(padded).rstrip()

    return [line(header), *(line(row) for row in cells)]


def pairs(values: Mapping[str, object]) -> list[str]:
    """One line for each name and value."""
    width = max(map(len, values), default=0)
    return [f"{name.ljust(width)}  {value}" for name, value in values.items()]


def prepare_report(folder: Path) -> None:
    """Tell what a report would fail for before a long run, not after it.

    Raises:
        typer.BadParameter: matplotlib is not installed.
        ConfigError: the folder cannot be made.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise typer.BadParameter("--report needs matplotlib: pip install 'karat[plot]'")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot write a report to {folder}: {error.strerror}") from error


def command_line() -> str:
    """The command as typed, for a report."""
    return shlex.join(["karat", *sys.argv[1:]])


def _is_number(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).isdigit() or text in {"-", ""}
