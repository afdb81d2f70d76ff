"""What every command prints: one JSON document on stdout, or text; everything else on stderr."""

import json
import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]


def print_json(schema: str, document: Mapping[str, Any]) -> None:
    """Write one JSON document to stdout, with its ``schema`` (for instance ``karat.demo/1``)."""
    json.dump({"schema": schema, **document}, sys.stdout, indent=2, default=str, allow_nan=False)
    sys.stdout.write("\n")


def say(message: str) -> None:
    """Write a line for people to stderr, so that stdout stays one document."""
    typer.echo(message, err=True)
